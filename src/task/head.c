/*
 * head.c - a linear head over a model's embeddings of texts and the tokens that they have
 */
#include "task/head.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/limits.h"
#include "task/embed.h"
#include "task/windows.h"

#define SLICE_ROWS 64 /* texts embedded at a time, before they meet the head */
#define AXES 64       /* projected at a time */

static const char magic[8] = {'s', 'l', 'm', 'h', 'e', 'a', 'd', '2'};

/* ---- Bytes ------------------------------------------------------------------ */

SlmStatus
slm_head_bytes(int n_label, int n_embd, int n_word, uint64_t n_name_byte, size_t *out,
			   SlmError *err)
{
	uint64_t per_label, bytes;

	if (!slm_mul_u64((uint64_t) n_embd + (uint64_t) n_word, sizeof(float), &per_label) ||
		!slm_add_u64(per_label, sizeof(float) + sizeof(uint32_t), &per_label) ||
		!slm_mul_u64(per_label, (uint64_t) n_label, &bytes) ||
		!slm_add_u64(bytes, n_name_byte, &bytes) ||
		!slm_add_u64(bytes, (uint64_t) n_word * (sizeof(float) + sizeof(uint32_t)), &bytes) ||
		!slm_add_u64(bytes,
					 sizeof(magic) + SLM_HEAD_BASE_CHARS + 4 * sizeof(uint32_t) + 2 * sizeof(float),
					 &bytes) ||
		bytes > SLM_MAX_HEAD_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT,
						"a head of %d labels and %d dimensions exceeds the limit of %u bytes",
						n_label, n_embd, SLM_MAX_HEAD_BYTES);
	*out = (size_t) bytes;
	return SLM_OK;
}

static char *
put(char *at, const void *data, size_t n)
{
	if (n > 0)
		memcpy(at, data, n);
	return at + n;
}

void
slm_head_write(const SlmHead *head, void *out)
{
	uint32_t count[4] = {(uint32_t) head->n_label, (uint32_t) head->n_embd,
						 (uint32_t) head->words.n, head->n_name_byte};
	float multi[2] = {head->multi_scale, head->multi_offset};
	size_t n = (size_t) head->n_label, n_word = (size_t) head->words.n;
	char *at = out;

	at = put(at, magic, sizeof(magic));
	at = put(at, head->base, SLM_HEAD_BASE_CHARS);
	at = put(at, count, sizeof(count));
	at = put(at, multi, sizeof(multi));
	at = put(at, head->weight, n * ((size_t) head->n_embd + n_word) * sizeof(float));
	at = put(at, head->offset, n * sizeof(float));
	at = put(at, head->words.weight, n_word * sizeof(float));
	at = put(at, head->words.token, n_word * sizeof(uint32_t));
	at = put(at, head->name_end, n * sizeof(uint32_t));
	put(at, head->name, head->n_name_byte);
}

static bool
all_finite(const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static SlmStatus
not_a_head(SlmError *err, const char *why)
{
	slm_fail(err, SLM_ERR_CORRUPT, "the numbers of a trained model are broken");
	slm_error_detail(err, "%s.", why);
	return SLM_ERR_CORRUPT;
}

SlmStatus
slm_head_read(const void *data, size_t size, SlmHead *out, SlmError *err)
{
	SlmBytes bytes = {.data = data, .size = size};
	const uint8_t *part;
	uint32_t n_label, n_embd, n_word, start = 0;
	size_t expected = 0, n_weight;

	if (!slm_bytes_take(&bytes, sizeof(magic), &part) || memcmp(part, magic, sizeof(magic)) != 0)
		return not_a_head(err, "They do not begin as a head does");
	if (!slm_bytes_take(&bytes, SLM_HEAD_BASE_CHARS, &part) || !slm_bytes_u32(&bytes, &n_label) ||
		!slm_bytes_u32(&bytes, &n_embd) || !slm_bytes_u32(&bytes, &n_word) ||
		!slm_bytes_u32(&bytes, &out->n_name_byte) ||
		!slm_bytes_read(&bytes, &out->multi_scale, sizeof(float)) ||
		!slm_bytes_read(&bytes, &out->multi_offset, sizeof(float)))
		return not_a_head(err, "They are cut off");
	out->base = (const char *) part;
	if (n_label < 2 || n_label > SLM_MAX_LABELS || n_embd < 1 || n_embd > SLM_MAX_EMBD ||
		n_word > SLM_MAX_BAG_WORDS)
		return not_a_head(err, "Their counts make no sense");
	out->n_label = (int) n_label;
	out->n_embd = (int) n_embd;
	out->words.n = (int) n_word;
	SLM_TRY(
		slm_head_bytes(out->n_label, out->n_embd, out->words.n, out->n_name_byte, &expected, err));
	if (size != expected)
		return not_a_head(err, "Their size is not what their counts say");

	n_weight = (size_t) n_label * ((size_t) n_embd + n_word);
	out->weight = (const float *) (bytes.data + bytes.at);
	out->offset = out->weight + n_weight;
	out->words.weight = out->offset + n_label;
	out->words.token = (const uint32_t *) (out->words.weight + n_word);
	out->name_end = out->words.token + n_word;
	out->name = (const char *) (out->name_end + n_label);
	if (!isfinite(out->multi_scale) || !isfinite(out->multi_offset) ||
		!all_finite(out->weight, n_weight + n_label + n_word))
		return not_a_head(err, "One of them is not finite");
	for (uint32_t i = 1; i < n_word; i++)
		if (out->words.token[i] <= out->words.token[i - 1])
			return not_a_head(err, "Their tokens are not in order");
	for (uint32_t i = 0; i < n_label; i++)
	{
		if (out->name_end[i] <= start || out->name_end[i] > out->n_name_byte)
			return not_a_head(err, "A label has no name");
		start = out->name_end[i];
	}
	if (start != out->n_name_byte)
		return not_a_head(err, "The names of the labels do not fill their place");
	return SLM_OK;
}

SlmText
slm_head_label(const SlmHead *head, int i)
{
	uint32_t start = i > 0 ? head->name_end[i - 1] : 0;

	return (SlmText){head->name + start, head->name_end[i] - start};
}

/* ---- Where training begins ------------------------------------------------------ */

/*
 * out[i] = P' label[i], with P the label head's matrix for texts: the cosine of P e and a label is
 * <e, P' label> over the length of P e.  What P makes of the axes are the rows of P'.
 */
static SlmStatus
pull_back(SlmRun *run, const float *label, int n, int width, float *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	size_t stride = (size_t) width;
	float *axis;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, AXES * stride, &axis, err));
	for (int first = 0; first < width; first += AXES)
	{
		int n_axis = width - first < AXES ? width - first : AXES;

		memset(axis, 0, AXES * stride * sizeof(*axis));
		for (int a = 0; a < n_axis; a++)
			axis[(size_t) a * stride + (size_t) (first + a)] = 1.0f;
		SLM_TRY(slm_project_labels(run, SLM_LABEL_TEXT, axis, n_axis, axis, err));
		for (int a = 0; a < n_axis; a++)
		{
			SLM_TRY(slm_poll(run->host, err));
			for (int i = 0; i < n; i++)
				out[(size_t) i * stride + (size_t) (first + a)] = run->kernels->dot(
					axis + (size_t) a * stride, label + (size_t) i * stride, width);
		}
	}
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

SlmStatus
slm_task_head_priors(SlmRun *run, const SlmLabel *label, int n, float *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int width = slm_model_info(run->model)->n_embd;
	size_t size = (size_t) n * (size_t) width;
	float *embedding;
	double sum = 0.0;

	if (!slm_model_info(run->model)->has_label_head)
		return slm_task_embed_labels(run, label, n, out, err);
	SLM_TRY(SLM_NEW_ARRAY(run->arena, size, &embedding, err));
	SLM_TRY(slm_task_embed_labels(run, label, n, embedding, err));
	SLM_TRY(pull_back(run, embedding, n, width, out, err));
	for (size_t i = 0; i < size; i++)
		sum += (double) out[i] * out[i];
	for (size_t i = 0; i < size && sum > 0.0; i++)
		out[i] = (float) (out[i] / sqrt(sum / n));
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

/* ---- Scores ----------------------------------------------------------------- */

SlmStatus
slm_task_embed_for_head(SlmRun *run, const SlmText *text, int n, float *out, SlmStatus *row_status,
						SlmError *err)
{
	SLM_TRY(slm_task_embed(run, text, n, SLM_PURPOSE_DOCUMENT, out, row_status, err));
	slm_task_unit_rows(run, out, n, row_status);
	return SLM_OK;
}

/* row = what the head reads of a text: its embedding, and its bag. */
static SlmStatus
read_text(SlmRun *run, const SlmHead *head, SlmText text, const float *embedding, float *row,
		  SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	SlmTokens tokens;

	memcpy(row, embedding, (size_t) head->n_embd * sizeof(*row));
	if (head->words.n == 0)
		return SLM_OK;
	SLM_TRY(slm_task_tokenize(run, slm_text(""), text, &tokens, err));
	SLM_TRY(slm_bag(run->kernels, run->host, &head->words, tokens.id, tokens.n, row + head->n_embd,
					err));
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

/* Probabilities of one row. */
static SlmStatus
apply_head(SlmRun *run, const SlmHead *head, const float *row, SlmClassifyMode mode,
		   float *probability, SlmError *err)
{
	int width = head->n_embd + head->words.n;
	int labels_a_poll = SLM_POLL_MACS / 4 / width + 1;

	for (int j = 0; j < head->n_label; j++)
	{
		const float *weight = head->weight + (size_t) j * (size_t) width;
		float score = run->kernels->dot(row, weight, width) + head->offset[j];

		if (mode == SLM_CLASSIFY_MULTI)
			score = slm_sigmoid(run->kernels, head->multi_scale * score + head->multi_offset);
		probability[j] = score;
		if (j % labels_a_poll == 0)
			SLM_TRY(slm_poll(run->host, err));
	}
	if (mode == SLM_CLASSIFY_ONE)
		run->kernels->softmax(probability, head->n_label);
	return SLM_OK;
}

SlmStatus
slm_task_classify_by_head(SlmRun *run, const SlmHead *head, const SlmText *text, int n,
						  SlmClassifyMode mode, float *probability, SlmStatus *row_status,
						  SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	size_t width = (size_t) head->n_embd;
	float *embedding, *row;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (n < SLICE_ROWS ? (size_t) n : SLICE_ROWS) * width,
						  &embedding, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, width + (size_t) head->words.n, &row, err));
	for (int start = 0; start < n; start += SLICE_ROWS)
	{
		int n_row = n - start < SLICE_ROWS ? n - start : SLICE_ROWS;
		SlmStatus *status = row_status != NULL ? row_status + start : NULL;

		SLM_TRY(slm_task_embed_for_head(run, text + start, n_row, embedding, status, err));
		for (int i = 0; i < n_row; i++)
		{
			float *out = probability + (size_t) (start + i) * (size_t) head->n_label;

			if (status != NULL && status[i] != SLM_OK)
			{
				memset(out, 0, (size_t) head->n_label * sizeof(float));
				continue;
			}
			SLM_TRY(
				read_text(run, head, text[start + i], embedding + (size_t) i * width, row, err));
			SLM_TRY(apply_head(run, head, row, mode, out, err));
		}
	}
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}
