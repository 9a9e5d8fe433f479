/*
 * check.h - a test harness in one header, speaking TAP
 *
 * A test file has static functions of checks and a main() that names them:
 *
 *     static void arena_aligns(void) { CHECK_INT(1 + 1, 2); }
 *     int main(void) { TEST(arena_aligns); return check_done(); }
 *
 * One function is one TAP line.  A failed check prints file, line, both values
 * and goes on, so that one run shows everything that is wrong.  With SLM_TEST
 * set in the environment only functions whose name contains it run.
 */
#ifndef SLM_TEST_CHECK_H
#define SLM_TEST_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/status.h"

typedef struct CheckState
{
	int run;           /* test functions so far */
	int failed;        /* of them */
	int failed_checks; /* in the current function */
} CheckState;

static CheckState check_state;

/* Seconds of CPU so far: the machine may be busy with other things. */
static inline double
check_cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* What a limit of seconds is multiplied with: under valgrind (RUN is set) all is slow. */
static inline double
check_patience(void)
{
	const char *run = getenv("RUN");

	return run != NULL && run[0] != '\0' ? 50.0 : 1.0;
}

/* Counts a check of the current function; true when it holds. */
static inline bool
check_that(bool holds, const char *file, int line, const char *what)
{
	if (!holds)
	{
		check_state.failed_checks++;
		printf("# %s:%d: not true: %s\n", file, line, what);
	}
	return holds;
}

static inline bool
check_int(long long actual, long long expected, const char *file, int line, const char *what)
{
	if (actual != expected)
	{
		check_state.failed_checks++;
		printf("# %s:%d: %s is %lld, not %lld\n", file, line, what, actual, expected);
	}
	return actual == expected;
}

static inline bool
check_str(const char *actual, const char *expected, const char *file, int line, const char *what)
{
	bool same =
		actual != NULL && expected != NULL ? strcmp(actual, expected) == 0 : actual == expected;

	if (!same)
	{
		check_state.failed_checks++;
		printf("# %s:%d: %s is\n#   \"%s\", not\n#   \"%s\"\n", file, line, what,
			   actual ? actual : "(null)", expected ? expected : "(null)");
	}
	return same;
}

static inline bool
check_contains(const char *text, const char *part, const char *file, int line, const char *what)
{
	bool found = text != NULL && strstr(text, part) != NULL;

	if (!found)
	{
		check_state.failed_checks++;
		printf("# %s:%d: %s is\n#   \"%s\", which lacks\n#   \"%s\"\n", file, line, what,
			   text ? text : "(null)", part);
	}
	return found;
}

#define CHECK(cond) check_that((cond), __FILE__, __LINE__, #cond)
#define CHECK_INT(actual, expected)                                                                \
	check_int((long long) (actual), (long long) (expected), __FILE__, __LINE__, #actual)
#define CHECK_STR(actual, expected) check_str((actual), (expected), __FILE__, __LINE__, #actual)

/* The text (an error message, say) contains a part. */
#define CHECK_CONTAINS(text, part) check_contains((text), (part), __FILE__, __LINE__, #text)

/* An SlmStatus; the expression is evaluated once. */
#define CHECK_STATUS(actual, expected)                                                             \
	check_int((long long) (SlmStatus) (actual), (long long) (SlmStatus) (expected), __FILE__,      \
			  __LINE__, #actual)

static inline void
check_run(void (*function)(void), const char *name)
{
	const char *only = getenv("SLM_TEST");

	if (only != NULL && strstr(name, only) == NULL)
		return;
	check_state.run++;
	check_state.failed_checks = 0;
	function();
	if (check_state.failed_checks > 0)
		check_state.failed++;
	printf("%sok %d - %s\n", check_state.failed_checks > 0 ? "not " : "", check_state.run, name);
	fflush(stdout);
}

#define TEST(function) check_run((function), #function)

/* Prints the plan; main() returns its value. */
static inline int
check_done(void)
{
	printf("1..%d\n", check_state.run);
	return check_state.failed > 0 ? 1 : 0;
}

#endif
