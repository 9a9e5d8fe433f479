/*
 * test_head.c - heads as bytes, and what they say of texts
 */
#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "task/head.h"

#include <math.h>
#include <stdlib.h>

#define N_EMBD 32
#define N_LABEL 3
#define N_WORD 2
#define WIDTH (N_EMBD + N_WORD)
#define TINY FIXTURE_DIR "tiny-bert.gguf"

static ModelFixture f;
static float weight[N_LABEL][WIDTH];
static uint32_t word[N_WORD] = {5, 9};
static const float word_weight[N_WORD] = {1.5f, 2.0f};
static const float offset[N_LABEL] = {0.5f, -1.0f, 0.25f};
static const uint32_t name_end[N_LABEL] = {7, 12, 18};

/* A head of three labels with made-up numbers. */
static SlmHead
made_up_head(void)
{
	for (int j = 0; j < N_LABEL; j++)
		for (int i = 0; i < WIDTH; i++)
			weight[j][i] = (float) ((j * 7 + i * 3) % 11 - 5) * 0.5f;
	return (SlmHead){
		.n_label = N_LABEL,
		.n_embd = N_EMBD,
		.n_name_byte = 18,
		.multi_scale = 0.75f,
		.multi_offset = -0.5f,
		.base = "0123456789abcdef0123456789abcdef",
		.words = {N_WORD, word, word_weight},
		.weight = weight[0],
		.offset = offset,
		.name_end = name_end,
		.name = "billingloginreturn",
	};
}

/* The bytes of the head above; free() them. */
static uint8_t *
made_up_bytes(size_t *size)
{
	SlmHead head = made_up_head();
	uint8_t *bytes;

	CHECK_STATUS(slm_head_bytes(N_LABEL, N_EMBD, N_WORD, 18, size, &f.err), SLM_OK);
	bytes = malloc(*size);
	slm_head_write(&head, bytes);
	return bytes;
}

static void
there_and_back(void)
{
	size_t size;
	uint8_t *bytes = made_up_bytes(&size);
	SlmHead head;

	CHECK_STATUS(slm_head_read(bytes, size, &head, &f.err), SLM_OK);
	CHECK_INT(head.n_label, N_LABEL);
	CHECK_INT(head.n_embd, N_EMBD);
	CHECK(head.multi_scale == 0.75f && head.multi_offset == -0.5f);
	CHECK(memcmp(head.base, "0123456789abcdef0123456789abcdef", SLM_HEAD_BASE_CHARS) == 0);
	CHECK(memcmp(head.weight, weight, sizeof(weight)) == 0);
	CHECK(memcmp(head.offset, offset, sizeof(offset)) == 0);
	CHECK_INT(head.words.n, N_WORD);
	CHECK(memcmp(head.words.weight, word_weight, sizeof(word_weight)) == 0);
	CHECK(memcmp(head.words.token, word, sizeof(word)) == 0);
	CHECK_INT(slm_head_label(&head, 0).size, 7);
	CHECK(memcmp(slm_head_label(&head, 1).data, "login", 5) == 0);
	CHECK_INT(slm_head_label(&head, 2).size, 6);
	free(bytes);
}

static SlmStatus
read_changed(size_t at, const void *value, size_t n)
{
	size_t size;
	uint8_t *bytes = made_up_bytes(&size);
	SlmHead head;
	SlmStatus status;

	memcpy(bytes + at, value, n);
	status = slm_head_read(bytes, size, &head, &f.err);
	free(bytes);
	return status;
}

#define CHECK_BROKEN(at, type, value)                                                              \
	do                                                                                             \
	{                                                                                              \
		type changed = (value);                                                                    \
                                                                                                   \
		CHECK_STATUS(read_changed(at, &changed, sizeof(changed)), SLM_ERR_CORRUPT);                \
	} while (0)

static void
broken_bytes(void)
{
	enum
	{
		AT_LABELS = 40,
		AT_EMBD = 44,
		AT_WORDS = 48,
		AT_NAMES = 52,
		AT_MULTI = 56,
		AT_WEIGHT = 64,
		AT_OFFSET = AT_WEIGHT + N_LABEL * WIDTH * 4,
		AT_WORD_WEIGHT = AT_OFFSET + N_LABEL * 4,
		AT_WORD = AT_WORD_WEIGHT + N_WORD * 4,
		AT_NAME_END = AT_WORD + N_WORD * 4
	};
	size_t size;
	uint8_t *bytes = made_up_bytes(&size);
	SlmHead head;

	for (size_t n = 0; n < size; n++)
	{
		/* A copy of its own, so that a sanitizer sees a read beyond it. */
		uint8_t *cut = malloc(n > 0 ? n : 1);

		memcpy(cut, bytes, n);
		CHECK_STATUS(slm_head_read(cut, n, &head, &f.err), SLM_ERR_CORRUPT);
		free(cut);
	}
	free(bytes);
	CHECK_BROKEN(0, char, 'x');
	CHECK_BROKEN(AT_LABELS, uint32_t, 1);
	CHECK_CONTAINS(f.err.detail, "counts");
	CHECK_BROKEN(AT_LABELS, uint32_t, SLM_MAX_LABELS + 1);
	CHECK_BROKEN(AT_LABELS, uint32_t, 2);
	CHECK_CONTAINS(f.err.detail, "size");
	CHECK_BROKEN(AT_EMBD, uint32_t, 0);
	CHECK_BROKEN(AT_EMBD, uint32_t, SLM_MAX_EMBD + 1);
	CHECK_BROKEN(AT_WORDS, uint32_t, SLM_MAX_BAG_WORDS + 1);
	CHECK_CONTAINS(f.err.detail, "counts");
	CHECK_BROKEN(AT_WORDS, uint32_t, 1);
	CHECK_CONTAINS(f.err.detail, "size");
	CHECK_BROKEN(AT_NAMES, uint32_t, 17);
	CHECK_BROKEN(AT_MULTI, float, NAN);
	CHECK_BROKEN(AT_WEIGHT, float, INFINITY);
	CHECK_CONTAINS(f.err.detail, "finite");
	CHECK_BROKEN(AT_OFFSET + 4, float, NAN);
	CHECK_BROKEN(AT_WORD_WEIGHT + 4, float, INFINITY);
	CHECK_CONTAINS(f.err.detail, "finite");
	CHECK_BROKEN(AT_WORD, uint32_t, word[1]);
	CHECK_CONTAINS(f.err.detail, "order");
	CHECK_BROKEN(AT_NAME_END, uint32_t, 0);
	CHECK_CONTAINS(f.err.detail, "no name");
	CHECK_BROKEN(AT_NAME_END + 4, uint32_t, 7);
	CHECK_BROKEN(AT_NAME_END + 8, uint32_t, 19);
	CHECK_BROKEN(AT_NAME_END + 8, uint32_t, 17);
	CHECK_CONTAINS(f.err.detail, "fill");
}

static void
size_limit(void)
{
	size_t size;
	uint64_t n_name = SLM_MAX_HEAD_BYTES - 64 - 2 * (N_EMBD + 3 + 2) * 4 - 3 * 8;

	CHECK_STATUS(slm_head_bytes(2, N_EMBD, 3, n_name, &size, &f.err), SLM_OK);
	CHECK_INT(size, SLM_MAX_HEAD_BYTES);
	CHECK_STATUS(slm_head_bytes(2, N_EMBD, 3, n_name + 1, &size, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "limit of 67108864 bytes");
	CHECK_STATUS(slm_head_bytes(SLM_MAX_LABELS, SLM_MAX_EMBD, SLM_MAX_BAG_WORDS, UINT64_MAX - 5,
								&size, &f.err),
				 SLM_ERR_LIMIT);
}

/* What head.h says, in double precision. */
static void
expected_probabilities(const float *embedding, const int *count, SlmClassifyMode mode, double *out)
{
	double sum = 0.0, bag[N_WORD], length = 0.0;

	for (int i = 0; i < N_WORD; i++)
	{
		bag[i] = sqrt(count[i]) * word_weight[i];
		length += bag[i] * bag[i];
	}
	for (int i = 0; i < N_WORD && length > 0.0; i++)
		bag[i] *= 0.7 / sqrt(length);

	for (int j = 0; j < N_LABEL; j++)
	{
		double score = offset[j];

		for (int i = 0; i < N_EMBD; i++)
			score += (double) embedding[i] * weight[j][i];
		for (int i = 0; i < N_WORD; i++)
			score += bag[i] * weight[j][N_EMBD + i];
		out[j] = mode == SLM_CLASSIFY_ONE ? exp(score) : 1.0 / (1.0 + exp(0.5 - 0.75 * score));
		sum += out[j];
	}
	for (int j = 0; j < N_LABEL && mode == SLM_CLASSIFY_ONE; j++)
		out[j] /= sum;
}

/* The one token of a word of the vocabulary. */
static uint32_t
token_of(const char *text)
{
	SlmArenaMark mark = slm_arena_mark(f.run.arena);
	SlmTokens tokens;
	uint32_t out;

	CHECK_STATUS(slm_task_tokenize(&f.run, slm_text(""), slm_text(text), &tokens, &f.err), SLM_OK);
	CHECK_INT(tokens.n, 1);
	out = (uint32_t) tokens.id[0];
	slm_arena_rewind(f.run.arena, mark);
	return out;
}

static void
classifies(void)
{
	static const char *const texts[] = {"the order arrived late", "order, please, order late",
										"login failed"};
	static const int count[3][N_WORD] = {{1, 1}, {2, 1}, {0, 0}};

	SlmHead head;
	SlmText text[70];
	SlmStatus row_status[70];
	float embedding[70][N_EMBD], probability[70][N_LABEL], alone[N_LABEL];
	double expected[N_LABEL];
	SlmModelOptions options;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	slm_model_options_init(&options);
	options.normalize = false; /* the head takes unit vectors all the same */
	f.run.options = &options;
	word[0] = token_of("order");
	word[1] = token_of("late");
	CHECK(word[0] < word[1]);
	head = made_up_head();
	for (int i = 0; i < 70; i++)
		text[i] = slm_text(texts[i % 3]);
	text[66] = slm_text("\xfe");
	CHECK_STATUS(slm_task_embed_for_head(&f.run, text, 70, embedding[0], row_status, &f.err),
				 SLM_OK);
	CHECK_INT(row_status[66], SLM_ERR_ENCODING);
	for (int mode = SLM_CLASSIFY_ONE; mode <= SLM_CLASSIFY_MULTI; mode++)
	{
		CHECK_STATUS(slm_task_classify_by_head(&f.run, &head, text, 70, (SlmClassifyMode) mode,
											   probability[0], row_status, &f.err),
					 SLM_OK);
		CHECK_INT(row_status[66], SLM_ERR_ENCODING);
		CHECK_INT(row_status[67], SLM_OK);
		for (int i = 0; i < 70; i++)
		{
			expected_probabilities(embedding[i], count[i % 3], (SlmClassifyMode) mode, expected);
			for (int j = 0; j < N_LABEL; j++)
				CHECK(fabs(probability[i][j] - (i == 66 ? 0.0 : expected[j])) < 1e-5);
		}
		CHECK_STATUS(slm_task_classify_by_head(&f.run, &head, text + 69, 1, (SlmClassifyMode) mode,
											   alone, NULL, &f.err),
					 SLM_OK);
		CHECK_INT(memcmp(alone, probability[69], sizeof(alone)), 0);
	}
	CHECK_STATUS(slm_task_classify_by_head(&f.run, &head, text, 70, SLM_CLASSIFY_ONE,
										   probability[0], NULL, &f.err),
				 SLM_ERR_ENCODING);
	model_fixture_free(&f);
}

/* Priors say of a text what the label head says: numbers in the same proportions as the cosines. */
static void
priors(void)
{
	static const SlmText text = {"my card was charged twice", 25};
	SlmLabel label[3] = {
		{.name = slm_text("order")},
		{.name = slm_text("login"), .description = slm_text("a password is wrong")},
		{.name = slm_text("bill")}};
	float row[N_EMBD], projected[N_EMBD], own[3][N_EMBD], prior[3][N_EMBD];
	double ratio[3], length = 0.0;

	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-slm.gguf"), SLM_OK);
	CHECK_STATUS(slm_task_embed_for_head(&f.run, &text, 1, row, NULL, &f.err), SLM_OK);
	CHECK_STATUS(slm_task_embed_for_labels(&f.run, &text, 1, projected, NULL, &f.err), SLM_OK);
	CHECK_STATUS(slm_task_embed_labels(&f.run, label, 3, own[0], &f.err), SLM_OK);
	CHECK_STATUS(slm_task_head_priors(&f.run, label, 3, prior[0], &f.err), SLM_OK);
	for (int j = 0; j < 3; j++)
	{
		double cosine = 0.0, product = 0.0;

		for (int i = 0; i < N_EMBD; i++)
		{
			cosine += (double) projected[i] * own[j][i];
			product += (double) row[i] * prior[j][i];
			length += (double) prior[j][i] * prior[j][i];
		}
		CHECK(fabs(cosine) > 0.01);
		ratio[j] = product / cosine;
	}
	CHECK(fabs(length / 3.0 - 1.0) < 1e-5);
	CHECK(fabs(ratio[1] / ratio[0] - 1.0) < 1e-4 && fabs(ratio[2] / ratio[0] - 1.0) < 1e-4);
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(there_and_back);
	TEST(broken_bytes);
	TEST(size_limit);
	TEST(classifies);
	TEST(priors);
	return check_done();
}
