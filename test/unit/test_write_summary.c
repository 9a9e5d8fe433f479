/*
 * test_write_summary.c - summaries that a model writes: their bound, their end, long texts
 *
 * With the random models of test/golden/make_decoders.py, which write anything: what
 * is cut is cut right whatever a model says.
 */
#include "base/limits.h"
#include "base/utf8.h"
#include "check.h"
#include "engine/prefix.h"
#include "host.h"
#include "model_fixture.h"
#include "task/write_summary.h"

#define QWEN FIXTURE_DIR "decoder-qwen2.gguf"

static ModelFixture f;

/* ---- Where a summary ends ------------------------------------------------------- */

static const char *
end_of(const char *text, int max_words, bool ended)
{
	static char out[512];
	static SlmError err;
	size_t size;
	bool cut;

	if (!CHECK_STATUS(
			slm_summary_end(slm_text(text), test_host(), max_words, ended, &size, &cut, &err),
			SLM_OK))
		return err.message;
	snprintf(out, sizeof(out), "%.*s%s", (int) size, text, cut ? "..." : "");
	return out;
}

static void
where_a_summary_ends(void)
{
	/* the model ended it within the bound */
	CHECK_STR(end_of("The train is late", 4, true), "The train is late");
	CHECK_STR(end_of("The train is late. It", 5, true), "The train is late. It");
	CHECK_STR(end_of("", 5, true), "");
	/* it did not keep to the bound: whole sentences */
	CHECK_STR(end_of("The train is late. It waits.", 5, true), "The train is late.");
	CHECK_STR(end_of("The train is late. It waits. And so on", 7, true),
			  "The train is late. It waits.");
	CHECK_STR(end_of("- The train\n- The inn\n- The ring", 6, true), "- The train\n- The inn");
	/* a limit ended it: the last sentence may not be whole */
	CHECK_STR(end_of("The train is late. It wai", 50, false), "The train is late.");
	CHECK_STR(end_of("The train is late. It waits.", 50, false), "The train is late.");
	CHECK_STR(end_of("The train is late. It waits. A", 50, false), "The train is late. It waits.");
	/* no sentence fits: behind a word, better behind a clause */
	CHECK_STR(end_of("The train is late again", 4, true), "The train is late...");
	CHECK_STR(end_of("The train, the late one, waits here for", 6, true),
			  "The train, the late one...");
	CHECK_STR(end_of("The train is la", 50, false), "The train is la...");
	CHECK_STR(end_of("The train is late. It waits.", 3, false), "The train is...");
	CHECK_STR(end_of("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 2, true),
			  "\xe6\x97\xa5\xe6\x9c\xac...");
}

/* ---- Summaries -------------------------------------------------------------------- */

static int
count(SlmText text)
{
	int n_word = 0, n_number;

	CHECK_STATUS(slm_count_words(text, test_host(), &n_word, &n_number, &f.err), SLM_OK);
	return n_word;
}

static bool
same(SlmText a, SlmText b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static SlmStatus
summarize(const char *text, int max_words, const char *instructions, SlmWrittenSummary *out)
{
	SlmText input = slm_text(text);

	return slm_task_write_summaries(&f.run, &input, 1, max_words, slm_text(instructions), out, NULL,
									&f.err);
}

static const char *const texts[] = {
	"the ring on the hand and the train in the other inn, and then again in the end",
	"  a short one \n",
	"an engine, a train. The inn? On and on and on it went; and in the end there was an end to it.",
	"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e the ring on the hand and the train in the other inn",
};
#define N_TEXTS ((int) (sizeof(texts) / sizeof(texts[0])))

static void
words_are_bounded(void)
{
	static const char *const models[] = {"llama", "nemo", "biased", "qwen2", "qwen3", "gemma"};
	static const int bounds[] = {1, 2, 7, 12};
	int n_cut = 0, n = 0;

	for (size_t m = 0; m < sizeof(models) / sizeof(models[0]); m++)
	{
		char path[80];

		snprintf(path, sizeof(path), FIXTURE_DIR "decoder-%s.gguf", models[m]);
		CHECK_STATUS(model_fixture_load(&f, path), SLM_OK);
		for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
			for (int t = 0; t < N_TEXTS; t++)
			{
				SlmWrittenSummary out;

				CHECK_STATUS(summarize(texts[t], bounds[i], "", &out), SLM_OK);
				CHECK(count(out.text) <= bounds[i]);
				CHECK(slm_utf8_valid_bytes((const uint8_t *) out.text.data, out.text.size) ==
					  out.text.size);
				n_cut += out.cut;
				n++;
				slm_arena_reset(f.run.arena);
			}
		model_fixture_free(&f);
	}
	printf("# %d of %d were cut\n", n_cut, n);
	CHECK(n_cut > 0 && n_cut < n);
}

static void
short_texts_are_their_own(void)
{
	SlmWrittenSummary out;

	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	CHECK_STATUS(summarize(texts[1], 3, "", &out), SLM_OK);
	CHECK(same(out.text, slm_text("a short one")));
	CHECK(!out.cut);
	CHECK_INT(f.run.n_token_in, 0);
	/* but not where the caller has a say in it */
	CHECK_STATUS(summarize(texts[1], 3, "In French.", &out), SLM_OK);
	CHECK(f.run.n_token_in > 0);
	CHECK(!same(out.text, slm_text("a short one")));
	model_fixture_free(&f);
}

static void
rows_are_alone_in_company(void)
{
	SlmWrittenSummary together[N_TEXTS + 1], alone;
	SlmText text[N_TEXTS + 1];
	SlmStatus status[N_TEXTS + 1];
	static SlmPrefixes prefixes;

	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	prefixes.host = test_host();
	slm_prefixes_limit(&prefixes, 1 << 20);
	for (int i = 0; i < N_TEXTS; i++)
		text[i < 2 ? i : i + 1] = slm_text(texts[i]);
	text[2] = slm_text("not \xfe a text of \xfe any kind");
	CHECK_STATUS(slm_task_write_summaries(&f.run, text, N_TEXTS + 1, 5, slm_text("Be brief."),
										  together, status, &f.err),
				 SLM_OK);
	f.run.prefixes = &prefixes;
	f.run.owner = slm_text("anna");
	for (int i = 0; i <= N_TEXTS; i++)
	{
		CHECK_STATUS(status[i], i == 2 ? SLM_ERR_ENCODING : SLM_OK);
		CHECK_STATUS(slm_task_write_summaries(&f.run, &text[i], 1, 5, slm_text("Be brief."), &alone,
											  NULL, &f.err),
					 status[i]);
		if (i != 2)
			CHECK(same(alone.text, together[i].text) && alone.cut == together[i].cut);
	}
	CHECK(f.run.n_token_kept > 0);
	CHECK_INT(together[2].text.size, 0);
	slm_prefixes_limit(&prefixes, 0);
	model_fixture_free(&f);
}

static void
limits(void)
{
	static char text[6000];
	SlmWrittenSummary chunked, out, first;
	SlmText input;
	SlmStatus status;

	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	CHECK_STATUS(summarize("x", 0, "", &out), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "max_words must be between 1 and 10000");
	CHECK_STATUS(summarize("x", SLM_MAX_SUMMARY_WORDS + 1, "", &out), SLM_ERR_ARGUMENT);
	/* chunks of chunks: 512 tokens of context, over 3,000 of text */
	for (int i = 0; i < 500; i++)
		snprintf(text + strlen(text), 16, "train %d. ", i);
	input = slm_text(text);
	CHECK_STATUS(summarize(text, 10, "", &chunked), SLM_OK);
	CHECK(count(chunked.text) <= 10);
	CHECK(f.run.n_token_in > 3000);
	/* the first chunk only, or an error of its row */
	f.memory.options.overflow = SLM_OVERFLOW_TRUNCATE;
	f.run.n_token_in = 0;
	CHECK_STATUS(summarize(text, 10, "", &first), SLM_OK);
	CHECK(f.run.n_token_in < 600);
	CHECK(!same(first.text, chunked.text));
	f.memory.options.overflow = SLM_OVERFLOW_ERROR;
	CHECK_STATUS(
		slm_task_write_summaries(&f.run, &input, 1, 10, slm_text(""), &out, &status, &f.err),
		SLM_OK);
	CHECK_STATUS(status, SLM_ERR_LIMIT);
	CHECK_INT(out.text.size, 0);
	f.memory.options.overflow = SLM_OVERFLOW_CHUNK;
	/* the cap is on the text, not on the prompts that are made of it */
	f.run.max_input_tokens = 40;
	CHECK_STATUS(summarize("the ring on the hand and the train", 3, "", &out), SLM_OK);
	CHECK_INT(f.run.max_input_tokens, 40);
	CHECK_STATUS(summarize(text, 3, "", &out), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "40");
	f.run.max_input_tokens = 0;
	/* a context in which nothing can be said */
	f.memory.options.context_length = 63;
	CHECK_STATUS(summarize("the ring on the hand", 3, "", &out), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "context of 63 tokens leaves no room");
	model_fixture_free(&f);
}

static void
cancel_at_every_poll(void)
{
	SlmStatus status = SLM_ERR_CANCELLED;
	SlmWrittenSummary right, out;
	int64_t n;

	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	CHECK_STATUS(summarize(texts[0], 5, "", &right), SLM_OK);
	for (n = 1; status == SLM_ERR_CANCELLED && n < 10000; n++)
	{
		test_host_reset();
		test_host_state.interrupt_at = n;
		status = summarize(texts[0], 5, "", &out);
		test_host_reset();
	}
	CHECK_STATUS(status, SLM_OK);
	CHECK(n > 10);
	CHECK(same(right.text, out.text));
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(where_a_summary_ends);
	TEST(words_are_bounded);
	TEST(short_texts_are_their_own);
	TEST(rows_are_alone_in_company);
	TEST(limits);
	TEST(cancel_at_every_poll);
	return check_done();
}
