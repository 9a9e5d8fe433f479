/*
 * test_summarize.c - scores of sentences, what is taken of them, limits
 */
#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "task/salience.h"
#include "task/summarize.h"

#include <math.h>

#include "base/limits.h"

#define TINY FIXTURE_DIR "tiny-bert.gguf"
#define N_EMBD 32
#define MAX_TEXT 4000000
#define MAX_RANDOM 8192

static ModelFixture f;

/* The summary's pieces, each in brackets, with "..." where one was cut. */
static const char *
show(SlmText text, const SlmSummary *summary)
{
	static char out[16384];
	size_t n = 0;

	out[0] = 0;
	for (int i = 0; i < summary->n_piece; i++)
		n += (size_t) snprintf(out + n, sizeof(out) - n, "[%.*s%s]", (int) summary->piece[i].size,
							   text.data + summary->piece[i].start, summary->cut ? "..." : "");
	return out;
}

static const char *
summarize(const char *text, int max_words)
{
	SlmText input = slm_text(text);
	SlmSummary summary;

	slm_arena_reset(f.run.arena);
	if (!CHECK_STATUS(slm_task_summarize(&f.run, &input, 1, max_words, &summary, NULL, &f.err),
					  SLM_OK))
		return f.err.message;
	return show(input, &summary);
}

static void
short_texts(void)
{
	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_STR(summarize("  The order is late.\n\nRefund it! ", 6),
			  "[The order is late.\n\nRefund it!]");
	CHECK_STR(summarize("tea", 1), "[tea]");
	CHECK_STR(summarize("!!! ???", 2), "[!!! ???]");
	CHECK_INT(f.run.n_token_in, 0);
	/* one sentence beyond the limit needs no model either */
	CHECK_STR(summarize("- the red dog", 2), "[the red...]");
	CHECK_INT(f.run.n_token_in, 0);
	CHECK_CONTAINS(summarize("The order is late. Refund it!", 5), ".]");
	CHECK(f.run.n_token_in > 0);
	model_fixture_free(&f);
}

static void
cuts(void)
{
	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_STR(summarize("one two three four five six seven", 6),
			  "[one two three four five six...]");
	CHECK_STR(summarize("one two three four, five six seven", 6),
			  "[one two three four, five six...]");
	CHECK_STR(summarize("one two three four five, six seven", 6), "[one two three four five...]");
	CHECK_STR(summarize("one two three four five six, seven", 6),
			  "[one two three four five six...]");
	CHECK_STR(summarize("one two three four \xe2\x80\x94 six seven", 5), "[one two three four...]");
	CHECK_STR(summarize("one two", 1), "[one...]");
	CHECK_STR(summarize("- - - one", 1), "[one]");
	CHECK_STR(summarize("--- ---", 1), "[-...]");
	/* ideographs count one by one; their comma belongs to the one before */
	CHECK_STR(summarize("\xe6\x9d\xb1\xe4\xba\xac\xe3\x80\x81\xe5\xa4\xa7", 2),
			  "[\xe6\x9d\xb1\xe4\xba\xac...]");
	model_fixture_free(&f);
}

static void
arguments(void)
{
	SlmText text = slm_text("a b");
	SlmSummary summary;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_STATUS(slm_task_check_max_words(1, &f.err), SLM_OK);
	CHECK_STATUS(slm_task_check_max_words(SLM_MAX_SUMMARY_WORDS, &f.err), SLM_OK);
	CHECK_STATUS(slm_task_check_max_words(0, &f.err), SLM_ERR_ARGUMENT);
	CHECK_STATUS(slm_task_check_max_words(SLM_MAX_SUMMARY_WORDS + 1, &f.err), SLM_ERR_ARGUMENT);
	CHECK_STR(f.err.message, "max_words must be between 1 and 10000");
	CHECK_STATUS(slm_task_summarize(&f.run, &text, 1, 0, &summary, NULL, &f.err), SLM_ERR_ARGUMENT);
	model_fixture_free(&f);
	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "parity-cross.gguf"), SLM_OK);
	CHECK_STATUS(slm_task_summarize(&f.run, &text, 1, 60, &summary, NULL, &f.err),
				 SLM_ERR_UNSUPPORTED);
	model_fixture_free(&f);
}

/* ---- Scores ---- */

#define MAX_SENTENCES 16

/* Words and words with a digit, as anybody would count them. */
static void
count(const char *data, size_t n, int *n_word, int *n_number)
{
	bool digit = false;

	*n_word = *n_number = 0;
	for (size_t i = 0; i < n; i++)
	{
		bool end = i + 1 == n || strchr(" \n\t", data[i + 1]) != NULL;

		if (strchr(" \n\t", data[i]) != NULL)
			continue;
		digit |= data[i] >= '0' && data[i] <= '9';
		*n_word += end;
		*n_number += end && digit;
		digit &= !end;
	}
}

/*
 * Rows [vector, features] by their definition, in double precision: hidden
 * states of the whole text as one window, tokens given to sentences by where
 * they start.
 */
static void
expected_rows(SlmText text, const SlmSentence *sentence, int n, float *row)
{
	double vector[MAX_SENTENCES][N_EMBD] = {{0}}, mean[N_EMBD] = {0};
	const SlmSpecialTokens *special = &slm_model_tokenizer(f.run.model)->special;
	int width = N_EMBD + SLM_SENTENCE_FEATURES;
	SlmTokens tokens;
	int32_t id[64];
	float hidden[64][N_EMBD];
	SlmSequence sequence = {id, 0, 0};

	CHECK_STATUS(slm_tokenize(slm_model_tokenizer(f.run.model), f.run.host, text.data, text.size,
							  f.run.arena, &tokens, &f.err),
				 SLM_OK);
	CHECK(tokens.n <= 62);
	id[0] = special->bos;
	memcpy(id + 1, tokens.id, (size_t) tokens.n * sizeof(*id));
	id[tokens.n + 1] = special->eos;
	sequence.n = sequence.segment_two = tokens.n + 2;
	CHECK_STATUS(slm_encode_hidden(&f.run, &sequence, 1, hidden[0], &f.err), SLM_OK);
	for (int i = 0; i < n; i++)
	{
		double length = 0;

		for (int t = 0; t < tokens.n; t++)
			for (int j = 0; j < N_EMBD; j++)
				if (tokens.start[t] >= sentence[i].start &&
					tokens.start[t] < sentence[i].start + sentence[i].size)
					vector[i][j] += (double) hidden[t + 1][j];
		for (int j = 0; j < N_EMBD; j++)
			length += vector[i][j] * vector[i][j];
		for (int j = 0; j < N_EMBD; j++)
		{
			row[i * width + j] = (float) (vector[i][j] / sqrt(length));
			mean[j] += vector[i][j] / sqrt(length);
		}
	}
	for (int i = 0; i < n; i++)
	{
		float *feature = row + i * width + N_EMBD;
		float whole[N_EMBD];
		double others = 0;
		int n_word, n_number;

		for (int j = 0; j < N_EMBD; j++)
			whole[j] = (float) mean[j];
		for (int k = 0; k < n; k++)
			if (k != i)
				others += cosine_of(row + i * width, row + k * width, N_EMBD);
		count(text.data + sentence[i].start, sentence[i].size, &n_word, &n_number);
		feature[0] = (float) cosine_of(row + i * width, whole, N_EMBD);
		feature[1] = n > 1 ? (float) (others / (n - 1)) : 0;
		feature[2] = n > 1 ? (float) i / (float) (n - 1) : 0;
		feature[3] = i == 0;
		feature[4] = 1 / (float) (1 + i);
		feature[5] = (float) (log2(1 + n_word) / 6);
		feature[6] = (float) n_number / (float) n_word;
		feature[7] = (float) (log2(1 + n) / 6);
	}
}

static void
check_scores(const char *path, const char *data, int expected_n)
{
	static float row[MAX_SENTENCES * (N_EMBD + SLM_SENTENCE_FEATURES)];
	static float vector[MAX_SENTENCES][N_EMBD];
	SlmText text = slm_text(data);
	SlmSentence sentence[MAX_SENTENCES];
	SlmSalience salience[MAX_SENTENCES];
	SlmSentenceVectors vectors;
	SlmSentenceReader reader;
	float score[MAX_SENTENCES], mean_cosine;
	double mean = 0;
	int n = 0;

	CHECK_STATUS(model_fixture_load(&f, path), SLM_OK);
	CHECK_INT(slm_model_info(f.run.model)->n_embd, N_EMBD);
	slm_sentences_init(&reader, text, f.run.host);
	CHECK_STATUS(slm_sentence_vectors_init(&vectors, &f.run, &f.err), SLM_OK);
	for (;; n++)
	{
		CHECK_STATUS(slm_sentence_next(&reader, &sentence[n], &f.err), SLM_OK);
		if (sentence[n].size == 0)
			break;
		salience[n].at = sentence[n];
		count(data + sentence[n].start, sentence[n].size, &salience[n].n_word,
			  &salience[n].n_number);
		CHECK_STATUS(slm_sentence_vectors_add(&vectors,
											  (SlmText){data + sentence[n].start, sentence[n].size},
											  vector[n], &f.err),
					 SLM_OK);
	}
	CHECK_STATUS(slm_sentence_vectors_finish(&vectors, &f.err), SLM_OK);
	CHECK_INT(n, expected_n);
	CHECK_STATUS(slm_salience_score(&f.run, vector[0], salience, n, &mean_cosine, &f.err), SLM_OK);

	expected_rows(text, sentence, n, row);
	if (slm_model_info(f.run.model)->has_sentence_head)
		CHECK_STATUS(slm_score_sentences(&f.run, row, n, score, &f.err), SLM_OK);
	for (int i = 0; i < n; i++)
	{
		const float *feature = row + i * (N_EMBD + SLM_SENTENCE_FEATURES) + N_EMBD;

		if (!slm_model_info(f.run.model)->has_sentence_head)
			score[i] = feature[0] + 0.1f * feature[4] + 0.2f * feature[5];
		CHECK(error_of(vector[i], feature - N_EMBD, N_EMBD) < 1e-10);
		if (!CHECK(fabsf(salience[i].score - score[i]) < 1e-5f))
			printf("# sentence %d: %.7g, not %.7g\n", i, (double) salience[i].score,
				   (double) score[i]);
		mean += (double) feature[1] / n;
	}
	CHECK(fabs((double) mean_cosine - mean) < 1e-5);
	model_fixture_free(&f);
}

static void
scores(void)
{
	static const char five[] =
		"The order 17 arrived late.\nPlease refund the money! A red dog and 2 "
		"cards, no tea.   It is over.  Password?";

	check_scores(TINY, five, 5);
	check_scores(TINY, "One sentence only.", 1);
	check_scores(FIXTURE_DIR "tiny-slm.gguf", five, 5);
	check_scores(FIXTURE_DIR "tiny-slm.gguf", "Only 1.", 1);
}

/* ---- Promises ---- */

/* Some sort of text in out[MAX_RANDOM]. */
static SlmText
random_text(char *out, unsigned seed, int n_part)
{
	static const char *const parts[] = {"The order arrived late. ",
										"please refund, ",
										"red dog ",
										"Tea!\n",
										"\n\n",
										"No. 5 ",
										"12 cards? ",
										"- ",
										"\xe6\x97\xa5\xe6\x9c\xac\xe3\x80\x82",
										"login failed ",
										"caf\xc3\xa9; ",
										"...",
										"Best regards,\n",
										"unopenedly "};
	size_t n = 0;

	for (int i = 0; i < n_part; i++)
	{
		seed = seed * 1664525 + 1013904223;
		n += (size_t) snprintf(out + n, MAX_RANDOM - n, "%s", parts[(seed >> 16) % 14]);
	}
	return (SlmText){out, n};
}

static int
count_words(SlmText text)
{
	SlmCursor cursor;
	SlmWord word = {0, 1, false};
	int n = -1;

	for (slm_cursor_init(&cursor, text, test_host()); word.end > word.start; n++)
		CHECK_STATUS(slm_word_next(&cursor, &word, &f.err), SLM_OK);
	return n;
}

/* Any text, any limit: substrings in order, not too many words, cut only when alone. */
static void
promises(void)
{
	static const char *const models[] = {TINY, FIXTURE_DIR "tiny-slm.gguf",
										 FIXTURE_DIR "parity-roberta.gguf"};
	char data[MAX_RANDOM];

	for (int m = 0; m < 3; m++)
	{
		CHECK_STATUS(model_fixture_load(&f, models[m]), SLM_OK);
		for (unsigned round = 0; round < 60; round++)
		{
			SlmText text = random_text(data, round, 5 + (int) round);
			int max_words = 1 + (int) (round * 7 % 40), n_word = 0;
			SlmSummary summary;
			size_t end = 0;

			slm_arena_reset(f.run.arena);
			if (count_words(text) == 0 ||
				!CHECK_STATUS(
					slm_task_summarize(&f.run, &text, 1, max_words, &summary, NULL, &f.err),
					SLM_OK))
				continue;
			CHECK(summary.n_piece >= 1);
			CHECK(!summary.cut || summary.n_piece == 1);
			for (int i = 0; i < summary.n_piece; i++)
			{
				SlmText piece = {text.data + summary.piece[i].start, summary.piece[i].size};

				CHECK(piece.size > 0 && summary.piece[i].start >= end);
				end = summary.piece[i].start + piece.size;
				CHECK(end <= text.size);
				CHECK(!slm_char_is_white((uint8_t) piece.data[0]) &&
					  !slm_char_is_white((uint8_t) piece.data[piece.size - 1]));
				n_word += count_words(piece);
			}
			CHECK(n_word <= max_words);
		}
		model_fixture_free(&f);
	}
}

/* What repeats a sentence is not taken; the order is the text's. */
static void
repetitions(void)
{
	char text[2000] = "";

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	for (int i = 0; i < 20; i++)
		strcat(text, "The order is late. ");
	CHECK_STR(summarize(text, 50), "[The order is late.]");
	strcat(text, "\n\nThe red dog has tea!");
	CHECK_CONTAINS(summarize(text, 50), "[The order is late.]");
	CHECK(strlen(summarize(text, 50)) <= strlen("[The order is late.][The red dog has tea!]"));
	model_fixture_free(&f);
}

/* Rows together, alone, and by every instruction set: the same pieces. */
static void
one_answer(void)
{
	static char data[20][MAX_RANDOM];
	SlmText text[20];
	SlmSummary together[20];

	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-slm-q8_0.gguf"), SLM_OK);
	for (int i = 0; i < 20; i++)
		text[i] = random_text(data[i], (unsigned) i, 10 * i + 3);
	CHECK_STATUS(slm_task_summarize(&f.run, text, 20, 25, together, NULL, &f.err), SLM_OK);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		f.run.kernels = slm_kernels(isa);
		for (int i = 0; i < 20; i++)
		{
			SlmSummary alone;

			CHECK_STATUS(slm_task_summarize(&f.run, &text[i], 1, 25, &alone, NULL, &f.err), SLM_OK);
			CHECK_INT(alone.n_piece, together[i].n_piece);
			CHECK_INT(alone.cut, together[i].cut);
			CHECK(memcmp(alone.piece, together[i].piece,
						 (size_t) alone.n_piece * sizeof(*alone.piece)) == 0);
		}
	}
	model_fixture_free(&f);
}

/* ---- Long texts ---- */

/* n sentences, all different. */
static SlmText
long_text(int n)
{
	static char text[MAX_TEXT];
	size_t size = 0;

	for (int i = 0; i < n; i++)
		size += (size_t) snprintf(text + size, sizeof(text) - size, "Order %d is %s. ", i,
								  i % 3 == 0 ? "late" : "a red dog");
	return (SlmText){text, size};
}

static int
summarize_long(int n_sentence, int max_words, SlmSummary *summary)
{
	SlmText text = long_text(n_sentence);

	slm_arena_reset(f.run.arena);
	CHECK_STATUS(slm_task_summarize(&f.run, &text, 1, max_words, summary, NULL, &f.err), SLM_OK);
	return summary->n_piece;
}

/* At the limit a text is weighed as one, beyond it in parts, in the same memory. */
static void
parts(void)
{
	SlmSummary summary;
	size_t held;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK(summarize_long(SLM_SUMMARY_SENTENCES, 60, &summary) > 1);
	held = f.run.arena->held_bytes;
	CHECK(summarize_long(SLM_SUMMARY_SENTENCES + 1, 60, &summary) > 1);
	CHECK(summarize_long(5 * SLM_SUMMARY_SENTENCES, 60, &summary) > 1);
	CHECK(f.run.arena->held_bytes == held);
	for (int i = 1; i < summary.n_piece; i++)
		CHECK(summary.piece[i].start > summary.piece[i - 1].start);
	/* parts leave so much that this is summarized in between */
	CHECK(summarize_long(9 * SLM_SUMMARY_SENTENCES, SLM_MAX_SUMMARY_WORDS, &summary) <=
		  SLM_MAX_SUMMARY_PIECES);
	model_fixture_free(&f);
}

static void
one_endless_sentence(void)
{
	static char text[1 << 20];
	SlmText input = {text, sizeof(text)};
	SlmSummary summary;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "tea order "[i % 10];
	memcpy(text + sizeof(text) / 2, "end. Red d", 10);
	CHECK_STATUS(slm_task_summarize(&f.run, &input, 1, 3, &summary, NULL, &f.err), SLM_OK);
	CHECK_INT(summary.n_piece, 1);
	CHECK(summary.cut);
	/* of each sentence one window went through the model */
	CHECK_INT(f.run.n_token_in, 2 * 64);
	/* one word, characters of several bytes at every place */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "\xc3\xa9"[i % 2];
	memcpy(text, "a. B ", 5);
	text[5] = 'x';
	CHECK_STATUS(slm_task_summarize(&f.run, &input, 1, 2, &summary, NULL, &f.err), SLM_OK);
	model_fixture_free(&f);
}

/* ---- Failures ---- */

static void
failing_rows(void)
{
	SlmText text[3] = {slm_text("a. \xff"), slm_text("The order is late. A red dog has tea. No!"),
					   slm_text("tea")};
	SlmStatus row_status[3];
	SlmSummary summary[3];

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_STATUS(slm_task_summarize(&f.run, text, 3, 5, summary, row_status, &f.err), SLM_OK);
	CHECK_INT(row_status[0], SLM_ERR_ENCODING);
	CHECK_INT(summary[0].n_piece, 0);
	CHECK(row_status[1] == SLM_OK && summary[1].n_piece >= 1);
	CHECK(row_status[2] == SLM_OK && summary[2].n_piece == 1);
	CHECK_STATUS(slm_task_summarize(&f.run, text, 3, 5, summary, NULL, &f.err), SLM_ERR_ENCODING);

	f.run.max_input_tokens = 13;
	CHECK_STATUS(slm_task_summarize(&f.run, text + 1, 2, 5, summary, NULL, &f.err), SLM_OK);
	f.run.max_input_tokens = 12;
	CHECK_STATUS(slm_task_summarize(&f.run, text + 1, 2, 5, summary, row_status, &f.err), SLM_OK);
	CHECK_INT(row_status[0], SLM_ERR_LIMIT);
	CHECK_INT(row_status[1], SLM_OK);
	model_fixture_free(&f);
}

static void
overflow_options(void)
{
	char text[3000] = "";
	SlmText input;
	SlmSummary summary;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	for (int i = 0; i < 30; i++)
		sprintf(text + strlen(text), "Order %d is late. ", i);
	input = slm_text(text);
	f.memory.options.overflow = SLM_OVERFLOW_ERROR;
	CHECK_STATUS(slm_task_summarize(&f.run, &input, 1, 5, &summary, NULL, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "exceeds the model's window of 62 tokens");
	f.memory.options.overflow = SLM_OVERFLOW_TRUNCATE;
	f.run.n_token_in = 0;
	CHECK_STATUS(slm_task_summarize(&f.run, &input, 1, 100, &summary, NULL, &f.err), SLM_OK);
	CHECK(f.run.n_token_in <= 2 * 64);
	for (int i = 0; i < summary.n_piece; i++)
		CHECK(summary.piece[i].start < 62 * 6);
	model_fixture_free(&f);
}

/* Stopped at any poll, or without memory at any allocation, a call says so and nothing is left. */
static void
stopped(void)
{
	SlmText text = long_text(50);
	SlmSummary summary;
	int64_t polls, allocs;

	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-slm.gguf"), SLM_OK);
	test_host_reset();
	CHECK_STATUS(slm_task_summarize(&f.run, &text, 1, 20, &summary, NULL, &f.err), SLM_OK);
	polls = test_host_state.polls;
	CHECK(polls > 10);
	for (int64_t at = 1; at <= polls; at++)
	{
		test_host_reset();
		test_host_state.interrupt_at = at;
		slm_arena_reset(f.run.arena);
		CHECK_STATUS(slm_task_summarize(&f.run, &text, 1, 20, &summary, NULL, &f.err),
					 SLM_ERR_CANCELLED);
	}
	test_host_reset();
	slm_arena_trim(f.run.arena, 0);
	CHECK_STATUS(slm_task_summarize(&f.run, &text, 1, 20, &summary, NULL, &f.err), SLM_OK);
	allocs = test_host_state.allocs;
	CHECK(allocs > 0);
	for (int64_t at = 1; at <= allocs; at++)
	{
		test_host_reset();
		test_host_state.fail_alloc_at = at;
		slm_arena_trim(f.run.arena, 0);
		CHECK_STATUS(slm_task_summarize(&f.run, &text, 1, 20, &summary, NULL, &f.err),
					 SLM_ERR_NO_MEMORY);
	}
	test_host_reset();
	model_fixture_free(&f);
	CHECK_INT(test_host_state.live_allocs, 0);
}

int
main(void)
{
	TEST(short_texts);
	TEST(cuts);
	TEST(arguments);
	TEST(scores);
	TEST(promises);
	TEST(repetitions);
	TEST(one_answer);
	TEST(parts);
	TEST(one_endless_sentence);
	TEST(failing_rows);
	TEST(overflow_options);
	TEST(stopped);
	return check_done();
}
