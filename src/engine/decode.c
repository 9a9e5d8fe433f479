/*
 * decode.c - causal models, step by step
 */
#include "engine/decode.h"

#include <string.h>

#include "base/limits.h"
#include "model/forward.h"

struct SlmDecoder
{
	SlmRun *run;
	SlmKvShape shape;
	int room;
	bool long_context;
	int32_t *length; /* [n_sequence] */
	float **block;   /* [n_sequence] keys and values */
};

SlmStatus
slm_decoder_new(SlmRun *run, int n_sequence, int n_token, SlmDecoder **out, SlmError *err)
{
	const SlmModelInfo *info = slm_model_info(run->model);
	int original = (int) run->model->hparams.n_rope_context;
	SlmDecoder *d;
	uint64_t n;

	if (!info->can_decode)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"model of architecture \"%.*s\" cannot write text",
						(int) info->architecture.size, info->architecture.data);
	if (n_token > slm_context_length(run))
		return slm_fail(err, SLM_ERR_LIMIT, "%d tokens exceed the context of %d tokens", n_token,
						slm_context_length(run));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, 1, &d, err));
	d->run = run;
	d->shape = slm_kv_shape(run->model, n_token);
	d->room = n_token;
	d->long_context = original > 0 && n_token > original;
	n = slm_kv_floats(&d->shape);
	if (n > SIZE_MAX / sizeof(float))
		return slm_fail(err, SLM_ERR_LIMIT, "keys and values of %d tokens exceed the address space",
						n_token);
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence, &d->length, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence, &d->block, err));
	for (int i = 0; i < n_sequence; i++)
	{
		d->length[i] = 0;
		SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &d->block[i], err));
	}
	*out = d;
	return SLM_OK;
}

int
slm_decoder_length(const SlmDecoder *d, int sequence)
{
	return d->length[sequence];
}

int
slm_decoder_room(const SlmDecoder *d)
{
	return d->room;
}

void
slm_decoder_truncate(SlmDecoder *d, int sequence, int n)
{
	if (n < d->length[sequence])
		d->length[sequence] = n;
}

SlmStatus
slm_decoder_share(SlmDecoder *d, int from, int to, int n, SlmError *err)
{
	SlmCompute compute;

	if (n < 0 || n > d->length[from])
		return slm_fail(err, SLM_ERR_INTERNAL, "%d of %d tokens to share", n, d->length[from]);
	slm_compute_init(&compute, d->run->model, d->run->kernels, d->run->host, d->run->arena);
	SLM_TRY(slm_kv_copy(&compute, &d->shape, d->block[to], d->block[from], n, err));
	d->length[to] = n;
	return SLM_OK;
}

/* The rows of a batch after which logits are wanted. */
typedef struct Wanted
{
	int *row; /* [n] */
	int n;
} Wanted;

/* The next batch, from token *at_token of step *at_step on; moves these behind it. */
static SlmStatus
gather(SlmDecoder *d, const SlmStep *step, int n_step, int *at_step, int *at_token, SlmBatch *batch,
	   Wanted *wanted, SlmError *err)
{
	SlmArena *arena = d->run->arena;
	int32_t *token, *start, *past;
	float **cache;
	int n_token = 0, n = 0;

	*batch = (SlmBatch){.shape_of_cache = d->shape, .long_context = d->long_context};
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_BATCH_TOKENS, &token, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_BATCH_TOKENS, &wanted->row, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) (n_step - *at_step) + 1, &start, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) (n_step - *at_step), &past, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) (n_step - *at_step), &cache, err));
	wanted->n = 0;
	while (*at_step < n_step && n_token < SLM_BATCH_TOKENS)
	{
		const SlmStep *s = &step[*at_step];
		int left = s->n - *at_token;
		int take = left < SLM_BATCH_TOKENS - n_token ? left : SLM_BATCH_TOKENS - n_token;

		memcpy(token + n_token, s->token + *at_token, (size_t) take * sizeof(*token));
		for (int i = 0; i < take; i++)
			if (*at_token + i >= s->n - s->n_logits)
				wanted->row[wanted->n++] = n_token + i;
		start[n] = n_token;
		past[n] = d->length[s->sequence] + *at_token;
		cache[n] = d->block[s->sequence];
		n_token += take;
		n++;
		if (take > batch->max_length)
			batch->max_length = take;
		*at_token = take == left ? 0 : *at_token + take;
		*at_step += take == left;
	}
	start[n] = n_token;
	batch->token = token;
	batch->start = start;
	batch->past = past;
	batch->cache = cache;
	batch->n_sequence = n;
	return SLM_OK;
}

/* Logits after the wanted rows of a batch. */
static SlmStatus
answer(SlmDecoder *d, SlmCompute *compute, const Wanted *wanted, const float *hidden,
	   const int32_t *row, int n_row, float *logits, SlmError *err)
{
	int64_t n_embd = compute->model->hparams.n_embd;
	size_t stride = slm_row_stride(n_embd);
	float *in;

	SLM_TRY(SLM_NEW_ARRAY(d->run->arena, (size_t) wanted->n * stride, &in, err));
	for (int i = 0; i < wanted->n; i++)
		memcpy(in + (size_t) i * stride, hidden + (size_t) wanted->row[i] * stride,
			   (size_t) n_embd * sizeof(float));
	SLM_TRY(slm_logits(compute, in, stride, wanted->n, row, n_row, logits, err));
	return slm_check_finite(logits, (size_t) wanted->n * (size_t) n_row, err);
}

static SlmStatus
check_steps(const SlmDecoder *d, const SlmStep *step, int n_step, SlmError *err)
{
	for (int i = 0; i < n_step; i++)
		if (step[i].n < 1 || step[i].n > d->room - d->length[step[i].sequence])
			return slm_fail(err, SLM_ERR_LIMIT, "%d more tokens do not fit behind %d of %d",
							step[i].n, d->length[step[i].sequence], d->room);
	return SLM_OK;
}

SlmStatus
slm_decode(SlmDecoder *d, const SlmStep *step, int n_step, const int32_t *row, int n_row,
		   float *logits, SlmError *err)
{
	SlmRun *run = d->run;
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int at_step = 0, at_token = 0;

	SLM_TRY(check_steps(d, step, n_step, err));
	while (at_step < n_step)
	{
		SlmCompute compute;
		SlmBatch batch;
		Wanted wanted;
		float *hidden;
		SlmStatus status;
		int n_token = 0;

		slm_compute_init(&compute, run->model, run->kernels, run->host, run->arena);
		status = gather(d, step, n_step, &at_step, &at_token, &batch, &wanted, err);
		if (status == SLM_OK)
		{
			n_token = batch.start[batch.n_sequence];
			status = slm_forward(&compute, &batch, &hidden, err);
		}
		if (status == SLM_OK && wanted.n > 0)
			status = answer(d, &compute, &wanted, hidden, row, n_row, logits, err);
		slm_arena_rewind(run->arena, mark);
		SLM_TRY(status);
		run->n_token_in += (uint64_t) n_token;
		logits += (size_t) wanted.n * (size_t) n_row;
	}
	for (int i = 0; i < n_step; i++)
		d->length[step[i].sequence] += step[i].n;
	return SLM_OK;
}
