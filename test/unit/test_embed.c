/*
 * test_embed.c - texts to vectors: golden texts, windows, rows at fault, ranks
 */
#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "task/embed.h"

#include <math.h>

#define N_EMBD 32
#define TINY FIXTURE_DIR "tiny-bert.gguf"

static ModelFixture f;

static void
load(void)
{
	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
}

static void
embed(const char *text, float *out)
{
	SlmText t = slm_text(text);

	CHECK_STATUS(slm_task_embed(&f.run, &t, 1, SLM_PURPOSE_DOCUMENT, out, NULL, &f.err), SLM_OK);
}

/* Texts of the golden file, through the tokenizer. */
static void
golden_texts(void)
{
	Lines lines = lines_of(FIXTURE_DIR "tiny-bert.txt");
	float out[N_EMBD], expected[N_EMBD];
	int n = 0;

	load();
	CHECK(lines.text != NULL);
	for (char *line; (line = lines_next(&lines)) != NULL;)
	{
		if (strncmp(line, "text ", 5) == 0)
		{
			char *tab = strstr(line, "\\t");

			if (tab != NULL) /* written so in the file */
			{
				*tab = '\t';
				memmove(tab + 1, tab + 2, strlen(tab + 2) + 1);
			}
			embed(line + 5, out);
		}
		else if (strncmp(line, "embedding ", 10) == 0)
		{
			char *at = line + 9;

			for (int i = 0; i < N_EMBD; i++)
				expected[i] = strtof(at + 1, &at);
			if (!CHECK(error_of(out, expected, N_EMBD) < 1e-11))
				printf("# golden text %d: error %g\n", n, error_of(out, expected, N_EMBD));
			CHECK(fabs(cosine_of(out, out, N_EMBD) - 1) < 1e-6);
			n++;
		}
	}
	CHECK(n > 5);
	model_fixture_free(&f);
}

/* n words of one token each, all of the vocabulary of make_tiny.py. */
static char *
words(int n, char *out, size_t size)
{
	static const char *const word[] = {"order", "late", "red", "dog", "tea", "card", "day"};

	out[0] = 0;
	for (int i = 0; i < n; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i > 0 ? " " : "", word[i * i % 7]);
	return out;
}

static void
count_tokens(void)
{
	char text[4096];
	int n = -1;

	load();
	CHECK_STATUS(slm_task_count_tokens(&f.run, slm_text(""), &n, &f.err), SLM_OK);
	CHECK_INT(n, 0);
	for (int i = 1; i < 200; i += 50)
	{
		CHECK_STATUS(
			slm_task_count_tokens(&f.run, slm_text(words(i, text, sizeof(text))), &n, &f.err),
			SLM_OK);
		CHECK_INT(n, i);
	}
	CHECK_STATUS(slm_task_count_tokens(&f.run, slm_text("a\xff"), &n, &f.err), SLM_ERR_ENCODING);
	f.run.max_input_tokens = 3;
	CHECK_STATUS(slm_task_count_tokens(&f.run, slm_text("a a a"), &n, &f.err), SLM_OK);
	CHECK_STATUS(slm_task_count_tokens(&f.run, slm_text("a a a a"), &n, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "4 tokens exceeds the limit of 3 tokens");
	model_fixture_free(&f);
}

/* The window of 64 holds 62 tokens of text. */
static void
overflow(void)
{
	char text[4096], head[4096], tail[4096];
	float whole[N_EMBD], part[N_EMBD], first[N_EMBD], second[N_EMBD], expected[N_EMBD];
	SlmText t;

	load();
	words(100, text, sizeof(text));
	words(62, head, sizeof(head));
	snprintf(tail, sizeof(tail), "%s", text + strlen(head) + 1);
	f.memory.options.normalize = false;

	/* what fits is one window in every mode */
	t = slm_text(head);
	for (int mode = SLM_OVERFLOW_CHUNK; mode <= SLM_OVERFLOW_ERROR; mode++)
	{
		*(int *) &f.memory.options.overflow = mode;
		embed(head, part);
		if (mode == SLM_OVERFLOW_CHUNK)
			memcpy(first, part, sizeof(first));
		CHECK(memcmp(first, part, sizeof(first)) == 0);
	}
	t = slm_text(text);
	CHECK_STATUS(slm_task_embed(&f.run, &t, 1, SLM_PURPOSE_DOCUMENT, whole, NULL, &f.err),
				 SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "100 tokens exceeds the model's window of 62 tokens");

	f.memory.options.overflow = SLM_OVERFLOW_TRUNCATE;
	embed(text, whole);
	CHECK(memcmp(first, whole, sizeof(first)) == 0);

	f.memory.options.overflow = SLM_OVERFLOW_CHUNK;
	embed(text, whole);
	embed(tail, second);
	for (int i = 0; i < N_EMBD; i++)
		expected[i] = 0.62f * first[i] + 0.38f * second[i];
	CHECK(error_of(whole, expected, N_EMBD) < 1e-12);

	f.memory.options.normalize = true;
	embed(text, part);
	CHECK(fabs(cosine_of(part, whole, N_EMBD) - 1) < 1e-6);
	CHECK(fabsf(f.run.kernels->dot(part, part, N_EMBD) - 1) < 1e-6f);
	model_fixture_free(&f);
}

static void
prefixes(void)
{
	char text[4096], head[4096];
	float with[N_EMBD], plain[N_EMBD], first[N_EMBD], second[N_EMBD], expected[N_EMBD];
	SlmText t = slm_text("red dog");

	load();
	f.memory.options.query_prefix = slm_text("order: ");
	CHECK_STATUS(slm_task_embed(&f.run, &t, 1, SLM_PURPOSE_QUERY, with, NULL, &f.err), SLM_OK);
	embed("order: red dog", plain);
	CHECK(memcmp(with, plain, sizeof(with)) == 0);
	embed("red dog", with);
	CHECK(memcmp(with, plain, sizeof(with)) != 0);

	/* every window has the prefix: 62 - 2 tokens of text each */
	f.memory.options.document_prefix = slm_text("tea: ");
	f.memory.options.normalize = false;
	words(80, text, sizeof(text));
	words(60, head, sizeof(head));
	embed(text, with);
	embed(head, first);
	embed(text + strlen(head) + 1, second);
	for (int i = 0; i < N_EMBD; i++)
		expected[i] = (62.0f * first[i] + 20.0f * second[i]) / 82.0f;
	CHECK(error_of(with, expected, N_EMBD) < 1e-12);

	f.memory.options.document_prefix = slm_text(words(33, text, sizeof(text)));
	CHECK_STATUS(slm_task_embed(&f.run, &t, 1, SLM_PURPOSE_DOCUMENT, with, NULL, &f.err),
				 SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "prefix of 33 tokens takes more than half of a window of 64");
	model_fixture_free(&f);
}

/* 600 texts, some at fault, in one call: each row as on its own. */
static void
rows_at_fault(void)
{
	static float out[600][N_EMBD];
	static SlmText text[600];
	SlmStatus row_status[600];
	char buffer[100][512];
	float zero[N_EMBD] = {0}, alone[N_EMBD];

	load();
	for (int i = 0; i < 600; i++)
		text[i] = slm_text(words(i % 70, buffer[i % 70], sizeof(buffer[0])));
	text[10] = (SlmText){"\xc3", 1};
	text[599] = (SlmText){"ab\x80", 3};
	f.memory.options.overflow = SLM_OVERFLOW_ERROR;
	CHECK_STATUS(
		slm_task_embed(&f.run, text, 600, SLM_PURPOSE_DOCUMENT, out[0], row_status, &f.err),
		SLM_OK);
	for (int i = 0; i < 600; i++)
	{
		SlmStatus expected = i == 10 || i == 599 ? SLM_ERR_ENCODING
							 : i % 70 > 62       ? SLM_ERR_LIMIT
												 : SLM_OK;

		CHECK_INT(row_status[i], expected);
		if (expected == SLM_OK)
			embed(text[i].data, alone);
		CHECK(memcmp(out[i], expected == SLM_OK ? alone : zero, sizeof(zero)) == 0);
	}
	CHECK_STATUS(slm_task_embed(&f.run, text, 600, SLM_PURPOSE_DOCUMENT, out[0], NULL, &f.err),
				 SLM_ERR_ENCODING);
	CHECK_CONTAINS(f.err.message, "byte 0");
	CHECK_STATUS(slm_task_embed(&f.run, text, 0, SLM_PURPOSE_DOCUMENT, out[0], NULL, &f.err),
				 SLM_OK);
	model_fixture_free(&f);
}

/* The same bits whatever the batch, also when texts have several windows. */
static void
one_answer_with_windows(void)
{
	static float together[9][N_EMBD], alone[N_EMBD];
	char buffer[9][4096];
	SlmText text[9];

	load();
	for (int i = 0; i < 9; i++)
		text[i] = slm_text(words(i * 80, buffer[i], sizeof(buffer[0])));
	CHECK_STATUS(slm_task_embed(&f.run, text, 9, SLM_PURPOSE_DOCUMENT, together[0], NULL, &f.err),
				 SLM_OK);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		f.run.kernels = slm_kernels(isa);
		for (int i = 0; i < 9; i++)
		{
			embed(buffer[i], alone);
			CHECK(memcmp(alone, together[i], sizeof(alone)) == 0);
		}
	}
	model_fixture_free(&f);
}

static void
cosine(void)
{
	const SlmKernels *kernels = slm_kernels(SLM_ISA_SCALAR);
	float a[2] = {1, 0}, b[2] = {0, 3}, c[2] = {-2, 0}, zero[2] = {0, 0};

	CHECK(slm_task_cosine(kernels, a, a, 2) == 1.0f);
	CHECK(slm_task_cosine(kernels, a, b, 2) == 0.0f);
	CHECK(slm_task_cosine(kernels, a, c, 2) == -1.0f);
	CHECK(slm_task_cosine(kernels, a, zero, 2) == 0.0f);
}

static void
rank_by_embeddings(void)
{
	SlmText document[3] = {slm_text("the dog is red"), slm_text("\xff"), slm_text("tea")};
	SlmText query = slm_text("the dog is red");
	SlmStatus row_status[3];
	float score[3], again[3], embedding[N_EMBD], own[N_EMBD];

	load();
	CHECK_STATUS(slm_task_rank(&f.run, document, 3, query, NULL, score, row_status, &f.err),
				 SLM_OK);
	CHECK(fabsf(score[0] - 1) < 1e-6f);
	CHECK_INT(row_status[1], SLM_ERR_ENCODING);
	CHECK(score[1] == 0.0f);
	CHECK(score[2] < 0.999f);
	embed("the dog is red", embedding);
	CHECK_STATUS(slm_task_rank(&f.run, document, 3, query, embedding, again, row_status, &f.err),
				 SLM_OK);
	CHECK(memcmp(score, again, sizeof(score)) == 0);
	embed("tea", own);
	CHECK(score[2] == slm_task_cosine(f.run.kernels, own, embedding, N_EMBD));
	CHECK(!slm_task_is_cross_encoder(f.run.model));
	model_fixture_free(&f);
}

static void
cancel_reaches_a_task(void)
{
	char text[4096];
	SlmText t = slm_text(words(500, text, sizeof(text)));
	float right[N_EMBD], out[N_EMBD];
	SlmStatus status = SLM_ERR_CANCELLED;
	int64_t n;

	load();
	embed(text, right);
	for (n = 1; status == SLM_ERR_CANCELLED && n < 10000; n++)
	{
		test_host_reset();
		test_host_state.interrupt_at = n;
		status = slm_task_embed(&f.run, &t, 1, SLM_PURPOSE_DOCUMENT, out, NULL, &f.err);
		test_host_reset();
		slm_arena_reset(f.run.arena);
		embed(text, out);
		CHECK(memcmp(out, right, sizeof(out)) == 0);
		slm_arena_reset(f.run.arena);
	}
	CHECK_STATUS(status, SLM_OK);
	CHECK(n > 3);
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(golden_texts);
	TEST(count_tokens);
	TEST(overflow);
	TEST(prefixes);
	TEST(rows_at_fault);
	TEST(one_answer_with_windows);
	TEST(cosine);
	TEST(rank_by_embeddings);
	TEST(cancel_reaches_a_task);
	return check_done();
}
