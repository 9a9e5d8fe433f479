/*
 * test_task.c - src/task over a tiny model: chunk, embed, classify, rank, windows
 *
 * The model knows nothing, so answers are compared with what the contracts say
 * follows from its embeddings.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "task/chunk.h"
#include "task/classify.h"
#include "task/embed.h"

#define WIDTH 32 /* of tiny-bert */

static ModelFixture fixture;

static const char *const some_texts[] = {
	"The order arrived late.",  "login failed: password reset email never arrived", "a", "",
	"please refund the money!",
};
#define N_TEXT 5

/* Opens the model anew; each test starts from it. */
static SlmRun *
open_model(void)
{
	CHECK_STATUS(model_fixture_load(&fixture, FIXTURE_DIR "tiny-bert.gguf"), SLM_OK);
	return &fixture.run;
}

static void
texts_of(SlmText *text)
{
	for (int i = 0; i < N_TEXT; i++)
		text[i] = slm_text(some_texts[i]);
}

/* word_word_word..., n times, in static memory */
static SlmText
repeated(const char *word, int n)
{
	static char buffer[4096];

	buffer[0] = '\0';
	for (int i = 0; i < n; i++)
		strcat(buffer, word);
	return slm_text(buffer);
}

static void
counts_tokens_without_special_ones(void)
{
	SlmRun *run = open_model();
	SlmError err;
	int n = -1;

	CHECK_STATUS(slm_task_count_tokens(run, slm_text(""), &n, &err), SLM_OK);
	CHECK_INT(n, 0);
	CHECK_STATUS(slm_task_count_tokens(run, slm_text("The order arrived late."), &n, &err), SLM_OK);
	CHECK_INT(n, 5);
	run->max_input_tokens = 5;
	CHECK_STATUS(slm_task_count_tokens(run, slm_text("The order arrived late."), &n, &err), SLM_OK);
	run->max_input_tokens = 4;
	CHECK_STATUS(slm_task_count_tokens(run, slm_text("The order arrived late."), &n, &err),
				 SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "limit of 4 tokens");
	model_fixture_free(&fixture);
}

/* Chunks cover the words, in order, within the size, overlapping as asked. */
static void
chunks_cover_the_text(void)
{
	SlmRun *run = open_model();
	SlmText text = repeated("my order is late and the money is gone; ", 12);
	SlmError err;

	for (int max_tokens = 1; max_tokens <= 20; max_tokens++)
		for (int overlap = 0; overlap < max_tokens; overlap += 3)
		{
			SlmChunk *chunk;
			int n;
			size_t covered = 0;

			CHECK_STATUS(slm_task_chunk(run, text, max_tokens, overlap, &chunk, &n, &err), SLM_OK);
			for (int i = 0; i < n; i++)
			{
				int tokens = 0;

				CHECK(chunk[i].start + chunk[i].size <= text.size);
				CHECK(i == 0 || chunk[i].start > chunk[i - 1].start);
				CHECK(overlap > 0 || i == 0 ||
					  chunk[i].start >= chunk[i - 1].start + chunk[i - 1].size);
				for (size_t at = covered; at < chunk[i].start; at++)
					CHECK_INT(text.data[at], ' ');
				covered = chunk[i].start + chunk[i].size;
				CHECK_STATUS(
					slm_task_count_tokens(run, (SlmText){text.data + chunk[i].start, chunk[i].size},
										  &tokens, &err),
					SLM_OK);
				CHECK_INT(tokens, chunk[i].n_token);
				CHECK(tokens <= max_tokens);
			}
			CHECK(covered + 1 >= text.size);
			slm_arena_reset(run->arena);
		}
	model_fixture_free(&fixture);
}

static void
chunk_arguments(void)
{
	SlmRun *run = open_model();
	SlmText text = repeated("order ", 200);
	SlmChunk *chunk;
	SlmError err;
	int n;

	CHECK_STATUS(slm_task_chunk(run, slm_text(""), 10, 0, &chunk, &n, &err), SLM_OK);
	CHECK_INT(n, 0);
	CHECK_STATUS(slm_task_chunk(run, text, -1, 0, &chunk, &n, &err), SLM_ERR_ARGUMENT);
	CHECK_STATUS(slm_task_chunk(run, text, 10, 10, &chunk, &n, &err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(err.message, "0 to 9");
	CHECK_STATUS(slm_task_chunk(run, text, 10, -1, &chunk, &n, &err), SLM_ERR_ARGUMENT);
	/* by default what a window holds: 64 positions less [CLS] and [SEP] */
	CHECK_STATUS(slm_task_chunk(run, text, 0, 0, &chunk, &n, &err), SLM_OK);
	CHECK_INT(chunk[0].n_token, 62);
	model_fixture_free(&fixture);
}

/* A row's bits do not depend on its neighbours; vectors have length one. */
static void
embeds_many_like_one(void)
{
	SlmRun *run = open_model();
	SlmText text[N_TEXT];
	float together[N_TEXT][WIDTH], alone[WIDTH];
	SlmError err;

	texts_of(text);
	CHECK_STATUS(slm_task_embed(run, text, N_TEXT, SLM_PURPOSE_DOCUMENT, together[0], NULL, &err),
				 SLM_OK);
	for (int i = 0; i < N_TEXT; i++)
	{
		CHECK_STATUS(slm_task_embed(run, &text[i], 1, SLM_PURPOSE_DOCUMENT, alone, NULL, &err),
					 SLM_OK);
		CHECK_INT(memcmp(alone, together[i], sizeof(alone)), 0);
		CHECK(fabs(cosine_of(alone, alone, WIDTH) - 1.0) < 1e-6);
		CHECK(fabsf(run->kernels->dot(alone, alone, WIDTH) - 1.0f) < 1e-6f);
	}
	model_fixture_free(&fixture);
}

/* A bad row is told where statuses are asked for, and fails the call where not. */
static void
bad_rows_stay_alone(void)
{
	SlmRun *run = open_model();
	SlmText text[3] = {slm_text("a"), {"\xff", 1}, slm_text("the order")};
	float out[3][WIDTH], good[WIDTH];
	SlmStatus status[3];
	SlmError err;

	CHECK_STATUS(slm_task_embed(run, &text[2], 1, SLM_PURPOSE_DOCUMENT, good, NULL, &err), SLM_OK);
	memset(out, 0x55, sizeof(out));
	CHECK_STATUS(slm_task_embed(run, text, 3, SLM_PURPOSE_DOCUMENT, out[0], status, &err), SLM_OK);
	CHECK_STATUS(status[0], SLM_OK);
	CHECK_STATUS(status[1], SLM_ERR_ENCODING);
	CHECK_STATUS(status[2], SLM_OK);
	for (int i = 0; i < WIDTH; i++)
		CHECK(out[1][i] == 0.0f);
	CHECK_INT(memcmp(out[2], good, sizeof(good)), 0);
	CHECK_STATUS(slm_task_embed(run, text, 3, SLM_PURPOSE_DOCUMENT, out[0], NULL, &err),
				 SLM_ERR_ENCODING);
	model_fixture_free(&fixture);
}

/* Beyond one window: an error, its beginning, or the windows' weighted mean. */
static void
long_texts(void)
{
	SlmRun *run = open_model();
	SlmModelOptions *options = &fixture.memory.options;
	SlmText at_limit = repeated("order ", 62);
	float expected[WIDTH], tail[WIDTH], out[WIDTH];
	SlmStatus status;
	SlmError err;
	SlmText text;

	options->overflow = SLM_OVERFLOW_ERROR;
	CHECK_STATUS(slm_task_embed(run, &at_limit, 1, SLM_PURPOSE_DOCUMENT, expected, NULL, &err),
				 SLM_OK);
	text = repeated("order ", 63);
	CHECK_STATUS(slm_task_embed(run, &text, 1, SLM_PURPOSE_DOCUMENT, out, NULL, &err),
				 SLM_ERR_LIMIT);
	CHECK_STATUS(slm_task_embed(run, &text, 1, SLM_PURPOSE_DOCUMENT, out, &status, &err), SLM_OK);
	CHECK_STATUS(status, SLM_ERR_LIMIT);

	options->overflow = SLM_OVERFLOW_TRUNCATE;
	CHECK_STATUS(slm_task_embed(run, &text, 1, SLM_PURPOSE_DOCUMENT, out, NULL, &err), SLM_OK);
	CHECK_INT(memcmp(out, expected, sizeof(out)), 0);

	/* windows of 62 and 31 tokens: their means weigh 2 to 1 */
	options->overflow = SLM_OVERFLOW_CHUNK;
	options->normalize = false;
	text = repeated("order ", 62);
	CHECK_STATUS(slm_task_embed(run, &text, 1, SLM_PURPOSE_DOCUMENT, expected, NULL, &err), SLM_OK);
	text = repeated("order ", 31);
	CHECK_STATUS(slm_task_embed(run, &text, 1, SLM_PURPOSE_DOCUMENT, tail, NULL, &err), SLM_OK);
	text = repeated("order ", 93);
	CHECK_STATUS(slm_task_embed(run, &text, 1, SLM_PURPOSE_DOCUMENT, out, NULL, &err), SLM_OK);
	for (int i = 0; i < WIDTH; i++)
		expected[i] = (2.0f * expected[i] + tail[i]) / 3.0f;
	CHECK(error_of(out, expected, WIDTH) < 1e-10);
	model_fixture_free(&fixture);
}

static void
prefixes_follow_the_purpose(void)
{
	SlmRun *run = open_model();
	SlmText plain = slm_text("the order"), with = slm_text("report: the order");
	float expected[WIDTH], out[WIDTH];
	SlmError err;

	CHECK_STATUS(slm_task_embed(run, &with, 1, SLM_PURPOSE_DOCUMENT, expected, NULL, &err), SLM_OK);
	fixture.memory.options.query_prefix = slm_text("report: ");
	CHECK_STATUS(slm_task_embed(run, &plain, 1, SLM_PURPOSE_QUERY, out, NULL, &err), SLM_OK);
	CHECK_INT(memcmp(out, expected, sizeof(out)), 0);
	CHECK_STATUS(slm_task_embed(run, &plain, 1, SLM_PURPOSE_DOCUMENT, out, NULL, &err), SLM_OK);
	CHECK(memcmp(out, expected, sizeof(out)) != 0);
	model_fixture_free(&fixture);
}

static void
label_sets(void)
{
	SlmRun *run = open_model();
	static SlmLabel many[SLM_MAX_LABELS + 1];
	static char names[SLM_MAX_LABELS + 1][8];
	SlmLabel label[3] = {{slm_text("a"), {0}}, {slm_text("b"), {0}}, {slm_text("a"), {0}}};
	SlmError err;

#define CHECK_LABELS(set, n) slm_task_check_labels(NULL, 0, set, n, NULL, run->arena, &err)
	CHECK(!slm_task_has_labels(run->model));
	CHECK_STATUS(CHECK_LABELS(label, 2), SLM_OK);
	CHECK_STATUS(CHECK_LABELS(label, 1), SLM_ERR_ARGUMENT);
	CHECK_STATUS(CHECK_LABELS(label, 3), SLM_ERR_ARGUMENT);
	CHECK_STR(err.message, "label 3 is the same as label 1");
	label[1].name = slm_text("");
	CHECK_STATUS(CHECK_LABELS(label, 2), SLM_ERR_ARGUMENT);
	CHECK_STR(err.message, "label 2 is empty");
	for (int i = 0; i <= SLM_MAX_LABELS; i++)
	{
		snprintf(names[i], sizeof(names[i]), "%d", i);
		many[i].name = slm_text(names[i]);
	}
	CHECK_STATUS(CHECK_LABELS(many, SLM_MAX_LABELS), SLM_OK);
	CHECK_STATUS(CHECK_LABELS(many, SLM_MAX_LABELS + 1), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(err.message, "10000");
#undef CHECK_LABELS
	model_fixture_free(&fixture);
}

/* Probabilities are the softmax of the cosines at the stated temperature. */
static void
classifies_by_cosine(void)
{
	SlmRun *run = open_model();
	SlmLabel label[3] = {{slm_text("billing"), {0}},
						 {slm_text("parcel"), slm_text("late order")},
						 {slm_text("bug"), {0}}};
	SlmText described = slm_text("parcel: late order");
	SlmText text[N_TEXT];
	float labels[3][WIDTH], of_label[WIDTH], vector[N_TEXT][WIDTH];
	float one[N_TEXT][3], multi[N_TEXT][3], alone[3];
	SlmError err;

	texts_of(text);
	CHECK_STATUS(slm_task_embed_labels(run, label, 3, labels[0], &err), SLM_OK);
	CHECK_STATUS(slm_task_embed(run, &described, 1, SLM_PURPOSE_DOCUMENT, of_label, NULL, &err),
				 SLM_OK);
	CHECK(error_of(labels[1], of_label, WIDTH) < 1e-10);
	CHECK_STATUS(slm_task_embed(run, text, N_TEXT, SLM_PURPOSE_DOCUMENT, vector[0], NULL, &err),
				 SLM_OK);
	CHECK_STATUS(
		slm_task_classify(run, text, N_TEXT, labels[0], 3, SLM_CLASSIFY_ONE, one[0], NULL, &err),
		SLM_OK);
	CHECK_STATUS(slm_task_classify(run, text, N_TEXT, labels[0], 3, SLM_CLASSIFY_MULTI, multi[0],
								   NULL, &err),
				 SLM_OK);
	for (int i = 0; i < N_TEXT; i++)
	{
		double expected[3], sum = 0.0;

		for (int j = 0; j < 3; j++)
		{
			expected[j] = exp(cosine_of(vector[i], labels[j], WIDTH) / 0.05);
			sum += expected[j];
			CHECK(multi[i][j] >= 0.0f && multi[i][j] <= 1.0f);
		}
		for (int j = 0; j < 3; j++)
			CHECK(fabs(one[i][j] - expected[j] / sum) < 1e-4);
		CHECK(fabsf(one[i][0] + one[i][1] + one[i][2] - 1.0f) < 1e-5f);
		CHECK_STATUS(
			slm_task_classify(run, &text[i], 1, labels[0], 3, SLM_CLASSIFY_ONE, alone, NULL, &err),
			SLM_OK);
		CHECK_INT(memcmp(alone, one[i], sizeof(alone)), 0);
	}
	model_fixture_free(&fixture);
}

static void
best_label_is_the_first_among_equals(void)
{
	CHECK_INT(slm_task_best_label((const float[]){0.2f, 0.5f, 0.5f}, 3), 1);
	CHECK_INT(slm_task_best_label((const float[]){0.7f, 0.2f, 0.1f}, 3), 0);
	CHECK_INT(slm_task_best_label((const float[]){0.0f, 0.0f}, 2), 0);
}

static void
cosine_of_nothing_is_zero(void)
{
	const SlmKernels *kernels = slm_kernels(SLM_ISA_SCALAR);
	float zero[3] = {0}, x[3] = {1, 2, 3}, back[3] = {-2, -4, -6};

	CHECK(slm_task_cosine(kernels, zero, x, 3) == 0.0f);
	CHECK(slm_task_cosine(kernels, zero, zero, 3) == 0.0f);
	CHECK(fabsf(slm_task_cosine(kernels, x, x, 3) - 1.0f) < 1e-6f);
	CHECK(fabsf(slm_task_cosine(kernels, x, back, 3) + 1.0f) < 1e-6f);
}

static void
ranks_by_cosine(void)
{
	SlmRun *run = open_model();
	SlmText query = slm_text("where is my parcel?"), text[N_TEXT];
	float asked[WIDTH], vector[N_TEXT][WIDTH], score[N_TEXT], again[N_TEXT];
	SlmError err;

	texts_of(text);
	CHECK(!slm_task_is_cross_encoder(run->model));
	CHECK_STATUS(slm_task_embed(run, &query, 1, SLM_PURPOSE_QUERY, asked, NULL, &err), SLM_OK);
	CHECK_STATUS(slm_task_embed(run, text, N_TEXT, SLM_PURPOSE_DOCUMENT, vector[0], NULL, &err),
				 SLM_OK);
	CHECK_STATUS(slm_task_rank(run, text, N_TEXT, query, NULL, score, NULL, &err), SLM_OK);
	CHECK_STATUS(slm_task_rank(run, text, N_TEXT, query, asked, again, NULL, &err), SLM_OK);
	CHECK_INT(memcmp(score, again, sizeof(score)), 0);
	for (int i = 0; i < N_TEXT; i++)
		CHECK(fabs(score[i] - cosine_of(asked, vector[i], WIDTH)) < 1e-5);
	model_fixture_free(&fixture);
}

/* Stopped at any poll, a call leaves nothing behind, and the next one is right. */
static void
cancelled_at_every_poll(void)
{
	SlmRun *run = open_model();
	SlmText text[N_TEXT];
	float expected[N_TEXT], out[N_TEXT];
	SlmError err;
	int64_t polls;

	texts_of(text);
	test_host_reset();
	CHECK_STATUS(slm_task_rank(run, text, N_TEXT, slm_text("order"), NULL, expected, NULL, &err),
				 SLM_OK);
	polls = test_host_state.polls;
	CHECK(polls > 0);
	for (int64_t at = 1; at <= polls; at++)
	{
		slm_arena_reset(run->arena);
		test_host_reset();
		test_host_state.interrupt_at = at;
		CHECK_STATUS(slm_task_rank(run, text, N_TEXT, slm_text("order"), NULL, out, NULL, &err),
					 SLM_ERR_CANCELLED);
	}
	test_host_reset();
	slm_arena_reset(run->arena);
	CHECK_STATUS(slm_task_rank(run, text, N_TEXT, slm_text("order"), NULL, out, NULL, &err),
				 SLM_OK);
	CHECK_INT(memcmp(out, expected, sizeof(out)), 0);
	model_fixture_free(&fixture);
	CHECK_INT(test_host_state.live_allocs, 0);
}

int
main(void)
{
	TEST(counts_tokens_without_special_ones);
	TEST(chunks_cover_the_text);
	TEST(chunk_arguments);
	TEST(embeds_many_like_one);
	TEST(bad_rows_stay_alone);
	TEST(long_texts);
	TEST(prefixes_follow_the_purpose);
	TEST(label_sets);
	TEST(classifies_by_cosine);
	TEST(best_label_is_the_first_among_equals);
	TEST(cosine_of_nothing_is_zero);
	TEST(ranks_by_cosine);
	TEST(cancelled_at_every_poll);
	return check_done();
}
