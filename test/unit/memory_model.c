/*
 * memory_model.c - a model file in memory, through the whole engine
 */
#include "memory_model.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"

#define IMAGE_MAX ((uint64_t) 16 << 30)
#define ARENA_MAX ((size_t) 256 << 20)
#define MAX_TOKENS 64

typedef struct FileBytes
{
	const uint8_t *data;
	size_t size;
} FileBytes;

static SlmStatus
read_file(void *arg, uint64_t offset, void *buf, size_t n, SlmError *err)
{
	const FileBytes *file = arg;

	if (offset > file->size || n > file->size - offset)
		return slm_fail(err, SLM_ERR_CORRUPT, "model file has become shorter");
	memcpy(buf, file->data + offset, n);
	return SLM_OK;
}

static SlmStatus
reserve_image(void *arg, uint64_t image_bytes, SlmError *err)
{
	MemoryModel *m = arg;
	void *image = NULL;

	if (image_bytes > IMAGE_MAX || posix_memalign(&image, 64, image_bytes) != 0)
		return slm_fail(err, SLM_ERR_DISK_FULL, "no room for an image of %llu bytes",
						(unsigned long long) image_bytes);
	m->image = image;
	m->image_bytes = (size_t) image_bytes;
	return SLM_OK;
}

static SlmStatus
write_image(void *arg, uint64_t offset, const void *data, size_t n, SlmError *err)
{
	MemoryModel *m = arg;

	if (m->image == NULL || offset > m->image_bytes || n > m->image_bytes - offset)
		return slm_fail(err, SLM_ERR_INTERNAL, "image is written past its size");
	memcpy(m->image + offset, data, n);
	m->written += n;
	return SLM_OK;
}

SlmStatus
memory_model_load(MemoryModel *m, const void *file, size_t file_bytes, SlmError *err)
{
	FileBytes bytes = {file, file_bytes};
	SlmSource source = {.arg = &bytes, .size = file_bytes, .read = read_file};
	SlmImageSink sink = {.arg = m, .reserve = reserve_image, .write = write_image};
	SlmImageInfo info;

	*m = (MemoryModel){0};
	slm_arena_init(&m->arena, test_host(), ARENA_MAX);
	slm_model_options_init(&m->options);
	SLM_TRY(slm_image_build(&source, NULL, test_host(), &m->arena, &sink, &info, err));
	if (m->written != m->image_bytes)
		return slm_fail(err, SLM_ERR_INTERNAL, "image has %zu of %zu bytes", m->written,
						m->image_bytes);
	slm_arena_reset(&m->arena);
	SLM_TRY(slm_model_open(m->image, m->image_bytes, test_host(), &m->model, err));
	if (slm_model_info(m->model)->can_decode)
		m->options.cache_type = SLM_DTYPE_F32; /* which references compute with */
	return SLM_OK;
}

/* The heads that the model has, over a sequence and its embedding; the engine checks the numbers. */
static SlmStatus
run_heads(SlmRun *run, const SlmSequence *sequence, const float *embedding, SlmError *err)
{
	const SlmModelInfo *info = slm_model_info(run->model);
	size_t n_embd = (size_t) info->n_embd, n_span = 3 * (size_t) info->n_span;
	size_t n_token_class = (size_t) info->n_token_class;
	size_t widest = n_span > n_embd ? n_span : n_embd;
	uint8_t look[MAX_TOKENS];
	const uint8_t *looks = look;
	float *in, *out;

	for (int i = 0; i < MAX_TOKENS; i++)
		look[i] = (uint8_t) (i % SLM_WORD_LOOKS);
	SLM_TRY(SLM_NEW_ARRAY(run->arena, n_embd + SLM_SENTENCE_FEATURES, &in, err));
	widest = n_token_class > widest ? n_token_class : widest;
	SLM_TRY(SLM_NEW_ARRAY(run->arena, MAX_TOKENS * widest, &out, err));
	memcpy(in, embedding, n_embd * sizeof(float));
	memset(in + n_embd, 0, SLM_SENTENCE_FEATURES * sizeof(float));
	if (info->has_label_head)
		for (int side = SLM_LABEL_TEXT; side <= SLM_LABEL_NAME; side++)
			SLM_TRY(slm_project_labels(run, (SlmLabelSide) side, in, 1, out, err));
	if (n_span > 0)
	{
		SLM_TRY(slm_project_fields(run, in, 1, out, err));
		SLM_TRY(slm_encode_spans(run, sequence, &looks, 1, out, err));
	}
	if (n_token_class > 0)
		SLM_TRY(slm_encode_tokens(run, sequence, 1, out, err));
	if (info->has_sentence_head)
		SLM_TRY(slm_score_sentences(run, in, 1, out, err));
	return slm_encode_hidden(run, sequence, 1, out, err);
}

SlmStatus
memory_model_run(MemoryModel *m, const char *text, float *row, int max, SlmError *err)
{
	const SlmModelInfo *info = slm_model_info(m->model);
	const SlmTokenizer *tokenizer = slm_model_tokenizer(m->model);
	SlmRun run = {
		.model = m->model,
		.options = &m->options,
		.kernels = slm_kernels(SLM_ISA_AUTO),
		.host = test_host(),
		.arena = &m->arena,
	};
	int32_t ids[MAX_TOKENS];
	SlmSequence sequence = {.token = ids};
	int room = slm_context_length(&run) < MAX_TOKENS ? slm_context_length(&run) : MAX_TOKENS;
	SlmTokens tokens;

	if (info->n_embd > max || info->n_class > max)
		return slm_fail(err, SLM_ERR_LIMIT, "model is too wide for this test");
	slm_arena_reset(&m->arena);
	SLM_TRY(slm_tokenize(tokenizer, test_host(), text, strlen(text), &m->arena, &tokens, err));
	if (tokenizer->special.add_bos && sequence.n < room)
		ids[sequence.n++] = tokenizer->special.bos;
	for (int32_t i = 0; i < tokens.n && sequence.n + 1 < room; i++)
		ids[sequence.n++] = tokens.id[i];
	if (tokenizer->special.add_eos && sequence.n < room)
		ids[sequence.n++] = tokenizer->special.eos;
	if (sequence.n == 0)
		return slm_fail(err, SLM_ERR_ARGUMENT, "text has no tokens");
	sequence.segment_two = sequence.n;
	if (info->n_class > 0)
		return slm_encode_scores(&run, &sequence, 1, row, err);
	SLM_TRY(slm_encode_pooled(&run, &sequence, 1, row, err));
	return run_heads(&run, &sequence, row, err);
}

void
memory_model_free(MemoryModel *m)
{
	if (m->model != NULL)
		slm_model_close(m->model);
	slm_arena_trim(&m->arena, 0);
	free(m->image);
	*m = (MemoryModel){0};
}
