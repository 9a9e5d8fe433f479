/*
 * test_spans.c - spans of made-up scores
 */
#include "check.h"
#include "host.h"
#include "task/spans.h"

#include <math.h>

#define MANY 300

static SlmArena arena;
static SlmError err;

static void
start(void)
{
	slm_arena_init(&arena, test_host(), 64 << 20);
}

static void
finish(void)
{
	slm_arena_trim(&arena, 0);
	CHECK_INT(test_host_state.live_allocs, 0);
}

static void
score_is_the_least_of_three(void)
{
	float s[4] = {0.9f, 0.2f, 0.8f, 0.1f}, e[4] = {0.1f, 0.3f, 0.7f, 0.95f},
		  in[4] = {0.5f, 0.7f, 0.9f, 0.6f};
	SlmWordScores scores = {s, e, in, 10, 4, NULL};

	CHECK(slm_span_score(&scores, 10, 12) == 0.7f);                 /* mean 0.7 */
	CHECK(slm_span_score(&scores, 10, 10) == 0.1f);                 /* end */
	CHECK(slm_span_score(&scores, 11, 12) == 0.2f);                 /* start */
	CHECK(fabsf(slm_span_score(&scores, 10, 13) - 0.675f) < 1e-6f); /* inside */
}

static void
best_is_first_and_shortest(void)
{
	float s[4] = {0.5f, 0.5f, 0.5f, 0.5f}, e[4] = {0.5f, 0.5f, 0.5f, 0.5f},
		  in[4] = {0.9f, 0.9f, 0.9f, 0.9f};
	SlmWordScores scores = {s, e, in, 7, 4, NULL};
	SlmSpan best = {-1, -1, -1.0f};

	slm_spans_best(&scores, NULL, NULL, &best);
	CHECK_INT(best.first, 7);
	CHECK_INT(best.last, 7);
	CHECK(best.score == 0.5f);
	/* another window has to be better */
	scores.first_word = 20;
	slm_spans_best(&scores, NULL, NULL, &best);
	CHECK_INT(best.first, 7);
	s[2] = e[2] = 0.6f;
	slm_spans_best(&scores, NULL, NULL, &best);
	CHECK_INT(best.first, 22);
	CHECK_INT(best.last, 22);
}

static bool
has_three_words(const void *arg, int first, int last)
{
	(void) arg;
	return last - first == 2;
}

static void
only_fitting_spans_count(void)
{
	float s[4] = {0.5f, 0.9f, 0.5f, 0.5f}, e[4] = {0.5f, 0.9f, 0.5f, 0.6f},
		  in[4] = {0.9f, 0.9f, 0.9f, 0.9f};
	SlmWordScores scores = {s, e, in, 0, 4, NULL};
	SlmSpan best = {-1, -1, -1.0f};
	SlmSpanList list = {0};

	start();
	slm_spans_best(&scores, has_three_words, NULL, &best);
	CHECK_INT(best.first, 1);
	CHECK_INT(best.last, 3);
	CHECK_STATUS(slm_spans_collect(&scores, 0.5f, has_three_words, NULL, &arena, &list, &err),
				 SLM_OK);
	CHECK_INT(list.n, 2);
	finish();
}

/* Spans have at most 32 words, and begin in the window. */
static void
longest_span(void)
{
	static float one[64], s[64];
	SlmWordScores scores = {s, one, one, 0, 64, NULL};
	SlmSpanList list = {0};

	start();
	for (int i = 0; i < 64; i++)
		one[i] = 1.0f;
	s[0] = s[60] = 1.0f;
	CHECK_STATUS(slm_spans_collect(&scores, 0.5f, NULL, NULL, &arena, &list, &err), SLM_OK);
	CHECK_INT(list.n, SLM_SPAN_WORDS + 4);
	finish();
}

/* Where it is known which spans there are, no others count. */
static void
known_spans(void)
{
	float one[4] = {1.0f, 1.0f, 1.0f, 1.0f}, in[4] = {0.5f, 0.75f, 0.25f, 0.875f};
	int32_t last[4] = {1, -1, 2, -1};
	SlmWordScores scores = {one, one, in, 5, 4, last};
	SlmSpan best = {-1, -1, -1.0f};
	SlmSpanList list = {0};

	start();
	slm_spans_best(&scores, NULL, NULL, &best);
	CHECK_INT(best.first, 5);
	CHECK_INT(best.last, 6);
	CHECK(best.score == 0.625f);
	CHECK_STATUS(slm_spans_collect(&scores, 0.2f, NULL, NULL, &arena, &list, &err), SLM_OK);
	CHECK_INT(list.n, 2);
	finish();
}

/* What the definition says, the slow way. */
static int
choose_slowly(const SlmSpan *span, int n, SlmSpan *out)
{
	bool gone[MANY] = {false};
	int n_out = 0;

	for (;;)
	{
		int best = -1;

		for (int i = 0; i < n; i++)
			if (!gone[i] &&
				(best < 0 || span[i].score > span[best].score ||
				 (span[i].score == span[best].score &&
				  (span[i].first < span[best].first ||
				   (span[i].first == span[best].first && span[i].last < span[best].last)))))
				best = i;
		if (best < 0)
			return n_out;
		out[n_out++] = span[best];
		for (int i = 0; i < n; i++)
			if (span[i].first <= span[best].last && span[best].first <= span[i].last)
				gone[i] = true;
	}
}

static void
greedy_without_overlap(void)
{
	unsigned random = 1;

	start();
	for (int round = 0; round < 50; round++)
	{
		SlmSpan span[MANY], expected[MANY], *chosen;
		SlmSpanList list = {0};
		int n = round == 0 ? 0 : MANY, n_chosen = -1, n_expected, max;

		for (int i = 0; i < n; i++)
		{
			random = random * 1103515245 + 12345;
			span[i].first = (int) (random >> 16) % 100;
			random = random * 1103515245 + 12345;
			span[i].last = span[i].first + (int) (random >> 16) % 8;
			random = random * 1103515245 + 12345;
			span[i].score = (float) ((random >> 16) % 20) / 20;
			CHECK_STATUS(slm_spans_add(&list, span[i], &arena, &err), SLM_OK);
		}
		n_expected = choose_slowly(span, n, expected);
		max = round % 2 == 0 ? MANY : 5;
		CHECK_STATUS(slm_spans_choose(&list, 110, (size_t) max, test_host(), &arena, &chosen,
									  &n_chosen, &err),
					 SLM_OK);
		CHECK_INT(n_chosen, n_expected < max ? n_expected : max);
		for (int i = 0; i < n_chosen; i++)
		{
			int j = 0;

			CHECK(i == 0 || chosen[i - 1].last < chosen[i].first);
			while (j < n_chosen && memcmp(&expected[j], &chosen[i], sizeof(SlmSpan)) != 0)
				j++;
			CHECK(j < n_chosen);
		}
		slm_arena_reset(&arena);
	}
	finish();
}

int
main(void)
{
	TEST(score_is_the_least_of_three);
	TEST(best_is_first_and_shortest);
	TEST(only_fitting_spans_count);
	TEST(longest_span);
	TEST(known_spans);
	TEST(greedy_without_overlap);
	return check_done();
}
