/*
 * encode.c - sequences to vectors, in ragged batches, and vectors through heads
 *
 * Sequences are taken in the caller's order until a batch is full.  Batches
 * bound memory; they change no bit of any row (law 2).
 */
#include <math.h>
#include <string.h>

#include "base/fp16.h"
#include "engine/slm.h"
#include "model/forward.h"

/* What is asked of each batch: a row a sequence, or a row a token. */
typedef enum Answer
{
	ANSWER_POOLED,
	ANSWER_SCORES,
	ANSWER_TOKENS,
	ANSWER_HIDDEN,
	ANSWER_SPANS
} Answer;

/* The sequences of one call. */
typedef struct Encoding
{
	const SlmSequence *sequence;
	const uint8_t *const *look; /* of each sequence's tokens, for ANSWER_SPANS */
	Answer answer;
	int width; /* of an answer's row */
} Encoding;

/* The sequences that fit into the next batch, at least one; *n_token of them all. */
static int
batch_length(const SlmSequence *sequence, int n_sequence, int *n_token)
{
	int n = 0;

	*n_token = 0;
	while (n < n_sequence && (n == 0 || sequence[n].n <= SLM_BATCH_TOKENS - *n_token))
		*n_token += sequence[n++].n;
	return n;
}

/* Lays sequences end to end. */
static SlmStatus
gather(SlmRun *run, const Encoding *e, int first, int n_sequence, int n_token, SlmBatch *out,
	   SlmError *err)
{
	const SlmSequence *sequence = e->sequence + first;
	int32_t *token, *start, *segment_two;
	uint8_t *look = NULL;
	int at = 0;

	if (e->answer == ANSWER_SPANS)
		SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_token, &look, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_token, &token, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence + 1, &start, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence, &segment_two, err));
	*out = (SlmBatch){.look = look, .n_sequence = n_sequence};
	for (int i = 0; i < n_sequence; i++)
	{
		memcpy(token + at, sequence[i].token, (size_t) sequence[i].n * sizeof(*token));
		if (look != NULL)
			memcpy(look + at, e->look[first + i], (size_t) sequence[i].n);
		start[i] = at;
		segment_two[i] = sequence[i].segment_two;
		at += sequence[i].n;
		if (sequence[i].n > out->max_length)
			out->max_length = sequence[i].n;
	}
	start[n_sequence] = at;
	out->token = token;
	out->start = start;
	out->segment_two = segment_two;
	return SLM_OK;
}

/* Rows without the space between them. */
static SlmStatus
copy_rows(SlmCompute *c, const float *rows, int n, int width, float *out, SlmError *err)
{
	size_t stride = slm_row_stride(width);

	for (int i = 0; i < n; i++)
	{
		memcpy(out + (size_t) i * (size_t) width, rows + (size_t) i * stride,
			   (size_t) width * sizeof(float));
		SLM_TRY(slm_spend(c, width * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}

/*
 * One batch of sequences from first on; says in *n_row how many rows it wrote.
 * Everything it takes from the arena stays there.
 */
static SlmStatus
run_batch(SlmRun *run, const Encoding *e, int first, int n_sequence, int n_token, float *out,
		  int *n_row, SlmError *err)
{
	int n_embd = slm_model_info(run->model)->n_embd;
	const SlmModel *model = run->model;
	SlmCompute compute;
	SlmBatch batch;
	float *hidden, *pooled;

	/* of a model of two stacks, that of the one that reads */
	if (model->reader != NULL)
		model = model->reader;
	slm_compute_init(&compute, model, run->kernels, run->host, run->arena);
	SLM_TRY(gather(run, e, first, n_sequence, n_token, &batch, err));
	SLM_TRY(slm_forward(&compute, &batch, &hidden, err));
	*n_row = e->answer == ANSWER_POOLED || e->answer == ANSWER_SCORES ? n_sequence : n_token;
	switch (e->answer)
	{
		case ANSWER_POOLED:
			SLM_TRY(slm_pool(&compute, &batch, hidden, slm_effective_pooling(run), out, err));
			if (slm_weight(model, SLM_SLOT_DENSE, 0)->weight != NULL)
				SLM_TRY(slm_project(&compute, SLM_SLOT_DENSE, out, (size_t) n_embd, n_sequence, out,
									err));
			break;
		case ANSWER_SCORES:
			SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence * (size_t) n_embd, &pooled, err));
			SLM_TRY(slm_pool(&compute, &batch, hidden, slm_model_info(run->model)->class_pooling,
							 pooled, err));
			SLM_TRY(slm_class_head(&compute, pooled, (size_t) n_embd, n_sequence, out, err));
			break;
		case ANSWER_TOKENS:
			SLM_TRY(slm_class_head(&compute, hidden, slm_row_stride(n_embd), n_token, out, err));
			break;
		case ANSWER_HIDDEN:
			SLM_TRY(copy_rows(&compute, hidden, n_token, n_embd, out, err));
			break;
		case ANSWER_SPANS:
			SLM_TRY(slm_project(&compute, SLM_SLOT_EXT_TOKEN, hidden, slm_row_stride(n_embd),
								n_token, out, err));
			break;
	}
	return slm_check_finite(out, (size_t) *n_row * (size_t) e->width, err);
}

static SlmStatus
encode(SlmRun *run, const Encoding *e, int n_sequence, float *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int context = slm_context_length(run);
	int done = 0;

	for (int i = 0; i < n_sequence; i++)
		if (e->sequence[i].n < 1 || e->sequence[i].n > context)
			return slm_fail(err, SLM_ERR_LIMIT,
							"sequence of %d tokens does not fit into a window of %d tokens",
							e->sequence[i].n, context);
	while (done < n_sequence)
	{
		int n_token, n_row;
		int n = batch_length(e->sequence + done, n_sequence - done, &n_token);
		SlmStatus status = run_batch(run, e, done, n, n_token, out, &n_row, err);

		slm_arena_rewind(run->arena, mark);
		SLM_TRY(status);
		run->n_token_in += (uint64_t) n_token;
		out += (size_t) n_row * (size_t) e->width;
		done += n;
	}
	return SLM_OK;
}

SlmStatus
slm_encode_pooled(SlmRun *run, const SlmSequence *sequence, int n_sequence, float *out,
				  SlmError *err)
{
	Encoding e = {sequence, NULL, ANSWER_POOLED, slm_model_info(run->model)->n_embd};
	SlmPooling pooling = slm_effective_pooling(run);

	if ((pooling == SLM_POOLING_UNSPECIFIED || pooling == SLM_POOLING_NONE) &&
		slm_model_info(run->model)->n_token_class > 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model labels tokens and has no embeddings");
	if (pooling == SLM_POOLING_UNSPECIFIED || pooling == SLM_POOLING_NONE)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model does not say how to pool embeddings");
	return encode(run, &e, n_sequence, out, err);
}

SlmStatus
slm_encode_scores(SlmRun *run, const SlmSequence *sequence, int n_sequence, float *out,
				  SlmError *err)
{
	Encoding e = {sequence, NULL, ANSWER_SCORES, slm_model_info(run->model)->n_class};

	if (e.width == 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model has no classification head");
	return encode(run, &e, n_sequence, out, err);
}

SlmStatus
slm_encode_tokens(SlmRun *run, const SlmSequence *sequence, int n_sequence, float *out,
				  SlmError *err)
{
	Encoding e = {sequence, NULL, ANSWER_TOKENS, slm_model_info(run->model)->n_token_class};

	if (e.width == 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model has no token-classification head");
	return encode(run, &e, n_sequence, out, err);
}

SlmStatus
slm_encode_hidden(SlmRun *run, const SlmSequence *sequence, int n_sequence, float *out,
				  SlmError *err)
{
	Encoding e = {sequence, NULL, ANSWER_HIDDEN, slm_model_info(run->model)->n_embd};

	return encode(run, &e, n_sequence, out, err);
}

SlmStatus
slm_encode_spans(SlmRun *run, const SlmSequence *sequence, const uint8_t *const *look,
				 int n_sequence, float *out, SlmError *err)
{
	Encoding e = {sequence, look, ANSWER_SPANS, 3 * slm_model_info(run->model)->n_span};

	if (e.width == 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model has no extraction head");
	return encode(run, &e, n_sequence, out, err);
}

/* ---- Heads over vectors ---------------------------------------------------- */

/* Rows of the slot's inputs through its matrix; of a sentence, through both of the head. */
static SlmStatus
run_head(SlmRun *run, SlmSlot slot, const float *in, int n, int n_out, float *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	SlmCompute compute;
	SlmStatus status;

	slm_compute_init(&compute, run->model, run->kernels, run->host, run->arena);
	SLM_TRY(slm_poll(run->host, err));
	if (slot == SLM_SLOT_SUM_OUTPUT)
		status = slm_sentence_head(&compute, in, n, out, err);
	else
		status = slm_project(&compute, slot, in, (size_t) slm_model_info(run->model)->n_embd, n,
							 out, err);
	slm_arena_rewind(run->arena, mark);
	SLM_TRY(status);
	return slm_check_finite(out, (size_t) n * (size_t) n_out, err);
}

SlmStatus
slm_project_fields(SlmRun *run, const float *embedding, int n, float *out, SlmError *err)
{
	int n_span = slm_model_info(run->model)->n_span;

	if (n_span == 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model has no extraction head");
	return run_head(run, SLM_SLOT_EXT_FIELD, embedding, n, 3 * n_span, out, err);
}

SlmStatus
slm_project_labels(SlmRun *run, SlmLabelSide side, const float *embedding, int n, float *out,
				   SlmError *err)
{
	const SlmModelInfo *info = slm_model_info(run->model);

	if (!info->has_label_head)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model has no label head");
	return run_head(run, side == SLM_LABEL_TEXT ? SLM_SLOT_LABEL_TEXT : SLM_SLOT_LABEL_NAME,
					embedding, n, info->n_embd, out, err);
}

SlmStatus
slm_score_sentences(SlmRun *run, const float *input, int n, float *out, SlmError *err)
{
	if (!slm_model_info(run->model)->has_sentence_head)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model has no sentence head");
	return run_head(run, SLM_SLOT_SUM_OUTPUT, input, n, 1, out, err);
}

/* ---- Length ----------------------------------------------------------------- */

/* Multiplies by a power of two near 1 / max, so that squares neither overflow nor vanish. */
static void
rescale(float *x, int n)
{
	float max = 0.0f;
	int exponent;

	for (int i = 0; i < n; i++)
		max = fabsf(x[i]) > max ? fabsf(x[i]) : max;
	if (!(max > 0.0f))
		return;
	exponent = (int) (slm_float_to_bits(max) >> 23) - 127;
	for (int step = exponent > 0 ? -64 : 64; exponent > 32 || exponent < -32; exponent += step)
		for (int i = 0; i < n; i++)
			x[i] = x[i] * (step < 0 ? 0x1p-64f : 0x1p64f);
}

void
slm_normalize(const SlmKernels *kernels, float *x, int n)
{
	float length;

	rescale(x, n);
	length = sqrtf(kernels->dot(x, x, n));
	if (!(length > 0.0f))
		return;
	for (int i = 0; i < n; i++)
		x[i] = x[i] / length;
}
