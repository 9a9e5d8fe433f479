/*
 * encode.c - sequences to vectors, in ragged batches
 *
 * Sequences are taken in the caller's order until a batch is full.  Batches
 * bound memory; they change no bit of any row (law 2).
 */
#include <math.h>
#include <string.h>

#include "base/fp16.h"
#include "engine/slm.h"
#include "model/forward.h"

/* What is asked of each batch. */
typedef enum Answer
{
	ANSWER_POOLED,
	ANSWER_SCORES
} Answer;

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
gather(SlmRun *run, const SlmSequence *sequence, int n_sequence, int n_token, SlmBatch *out,
	   SlmError *err)
{
	int32_t *token, *start, *segment_two;
	int at = 0;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_token, &token, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence + 1, &start, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence, &segment_two, err));
	out->max_length = 0;
	for (int i = 0; i < n_sequence; i++)
	{
		memcpy(token + at, sequence[i].token, (size_t) sequence[i].n * sizeof(*token));
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
	out->n_sequence = n_sequence;
	return SLM_OK;
}

static SlmStatus
check_finite(const float *x, size_t n, SlmError *err)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabsf(x[i]) < INFINITY))
			return slm_fail(err, SLM_ERR_CORRUPT, "model gave a value that is not finite");
	return SLM_OK;
}

/* One batch; everything it takes from the arena stays there. */
static SlmStatus
run_batch(SlmRun *run, const SlmSequence *sequence, int n_sequence, int n_token, Answer answer,
		  float *out, SlmError *err)
{
	const SlmModelInfo *info = slm_model_info(run->model);
	SlmCompute compute;
	SlmBatch batch;
	float *hidden, *pooled = out;

	slm_compute_init(&compute, run->model, run->kernels, run->host, run->arena);
	SLM_TRY(gather(run, sequence, n_sequence, n_token, &batch, err));
	SLM_TRY(slm_forward(&compute, &batch, &hidden, err));
	if (answer == ANSWER_POOLED)
	{
		SLM_TRY(slm_pool(&compute, &batch, hidden, slm_effective_pooling(run), out, err));
		return check_finite(out, (size_t) n_sequence * (size_t) info->n_embd, err);
	}
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence * (size_t) info->n_embd, &pooled, err));
	SLM_TRY(slm_pool(&compute, &batch, hidden, SLM_POOLING_CLS, pooled, err));
	SLM_TRY(slm_head(&compute, pooled, n_sequence, out, err));
	return check_finite(out, (size_t) n_sequence * (size_t) info->n_class, err);
}

static SlmStatus
encode(SlmRun *run, const SlmSequence *sequence, int n_sequence, Answer answer, int width,
	   float *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int context = slm_context_length(run);
	int done = 0;

	for (int i = 0; i < n_sequence; i++)
		if (sequence[i].n < 1 || sequence[i].n > context)
			return slm_fail(err, SLM_ERR_LIMIT,
							"sequence of %d tokens does not fit into a window of %d tokens",
							sequence[i].n, context);
	while (done < n_sequence)
	{
		int n_token;
		int n = batch_length(sequence + done, n_sequence - done, &n_token);
		SlmStatus status = run_batch(run, sequence + done, n, n_token, answer,
									 out + (size_t) done * (size_t) width, err);

		slm_arena_rewind(run->arena, mark);
		SLM_TRY(status);
		run->n_token_in += (uint64_t) n_token;
		done += n;
	}
	return SLM_OK;
}

SlmStatus
slm_encode_pooled(SlmRun *run, const SlmSequence *sequence, int n_sequence, float *out,
				  SlmError *err)
{
	SlmPooling pooling = slm_effective_pooling(run);

	if (pooling == SLM_POOLING_UNSPECIFIED || pooling == SLM_POOLING_NONE)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model does not say how to pool embeddings");
	return encode(run, sequence, n_sequence, ANSWER_POOLED, slm_model_info(run->model)->n_embd, out,
				  err);
}

SlmStatus
slm_encode_scores(SlmRun *run, const SlmSequence *sequence, int n_sequence, float *out,
				  SlmError *err)
{
	int n_class = slm_model_info(run->model)->n_class;

	if (n_class == 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model has no classification head");
	return encode(run, sequence, n_sequence, ANSWER_SCORES, n_class, out, err);
}

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
