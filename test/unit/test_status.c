/*
 * test_status.c - filling and quoting errors
 */
#include "check.h"

static void
fail_fills(void)
{
	SlmError err;

	memset(&err, 'x', sizeof(err));
	CHECK_STATUS(slm_fail(&err, SLM_ERR_LIMIT, "key \"%s\" is %d", "a", 7), SLM_ERR_LIMIT);
	CHECK_STATUS(err.status, SLM_ERR_LIMIT);
	CHECK_STR(err.message, "key \"a\" is 7");
	CHECK_STR(err.detail, "");
	CHECK_STR(err.hint, "");
	slm_error_detail(&err, "Detail %d.", 1);
	slm_error_hint(&err, "Hint %d.", 2);
	CHECK_STR(err.detail, "Detail 1.");
	CHECK_STR(err.hint, "Hint 2.");
	/* the next failure does not inherit them */
	CHECK_STATUS(slm_fail(&err, SLM_ERR_IO, "x"), SLM_ERR_IO);
	CHECK_STR(err.detail, "");
	CHECK_STR(err.hint, "");
}

static void
null_error(void)
{
	CHECK_STATUS(slm_fail(NULL, SLM_ERR_IO, "%d", 1), SLM_ERR_IO);
	slm_error_detail(NULL, "%d", 1);
	slm_error_hint(NULL, "%d", 1);
}

static void
long_messages_are_cut(void)
{
	char text[2000];
	SlmError err;

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	CHECK_STATUS(slm_fail(&err, SLM_ERR_IO, "%s", text), SLM_ERR_IO);
	slm_error_detail(&err, "%s", text);
	slm_error_hint(&err, "%s", text);
	CHECK_INT(strlen(err.message), sizeof(err.message) - 1);
	CHECK_INT(strlen(err.detail), sizeof(err.detail) - 1);
	CHECK_INT(strlen(err.hint), sizeof(err.hint) - 1);
}

static SlmStatus
tries(SlmStatus first, int *reached)
{
	SLM_TRY(first);
	(*reached)++;
	return SLM_OK;
}

static void
try_returns(void)
{
	int reached = 0;

	CHECK_STATUS(tries(SLM_ERR_CORRUPT, &reached), SLM_ERR_CORRUPT);
	CHECK_INT(reached, 0);
	CHECK_STATUS(tries(SLM_OK, &reached), SLM_OK);
	CHECK_INT(reached, 1);
}

static void
quote_escapes(void)
{
	char out[64];

	CHECK_STR(slm_error_quote(out, sizeof(out), "plain text", 10), "plain text");
	CHECK_STR(slm_error_quote(out, sizeof(out), "a\0b", 3), "a\\x00b");
	CHECK_STR(slm_error_quote(out, sizeof(out), "\xc3\xa9\n\x7f\\", 5),
			  "\\xc3\\xa9\\x0a\\x7f\\x5c");
	CHECK_STR(slm_error_quote(out, sizeof(out), "", 0), "");
	CHECK_STR(slm_error_quote(out, sizeof(out), NULL, 0), "");
	CHECK_STR(slm_error_quote(out, sizeof(out), "%s%n", 4), "%s%n");
}

/* Whatever the size, the result is terminated, printable and inside. */
static void
quote_fits(void)
{
	unsigned char text[300];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char) (i * 7);
	for (size_t size = 0; size < 200; size++)
	{
		for (size_t n = 0; n < sizeof(text); n += 7)
		{
			char out[208];
			size_t length;

			memset(out, 1, sizeof(out));
			slm_error_quote(out, size, text, n);
			CHECK_INT(out[size], 1);
			if (size == 0)
				continue;
			length = strlen(out);
			CHECK(length < size);
			for (size_t i = 0; i < length; i++)
				CHECK(out[i] >= 0x20 && out[i] < 0x7f);
		}
	}
}

static void
quote_says_it_cut(void)
{
	char out[16];

	CHECK_STR(slm_error_quote(out, sizeof(out), "abcdefghijklmnop", 16), "abcdefghi...");
}

int
main(void)
{
	TEST(fail_fills);
	TEST(null_error);
	TEST(long_messages_are_cut);
	TEST(try_returns);
	TEST(quote_escapes);
	TEST(quote_fits);
	TEST(quote_says_it_cut);
	return check_done();
}
