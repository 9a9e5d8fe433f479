/*
 * source.c - what a model of two stacks reads before it writes
 */
#include "engine/source.h"

#include <string.h>

#include "base/limits.h"

typedef struct Source
{
	int32_t *token; /* [room], n of them */
	int n;
	bool complete; /* the last is the end token */
	bool read;     /* block has what it comes to */
	void *block;
} Source;

struct SlmSources
{
	SlmRun *run;
	SlmKvShape shape;
	int room; /* tokens of a source */
	int n_sequence;
	Source *source; /* [n_sequence] */
};

SlmStatus
slm_sources_new(SlmRun *run, int n_sequence, int n_token, SlmSources **out, SlmError *err)
{
	SlmSources *s;
	uint64_t n;

	if (slm_model_tokenizer(run->model)->special.eos < 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"vocabulary has no token that ends what the model reads");
	SLM_TRY(SLM_NEW_ARRAY(run->arena, 1, &s, err));
	*s = (SlmSources){
		.run = run,
		.shape = slm_kv_shape(run->model, run->options->cache_type, n_token),
		.room = n_token,
		.n_sequence = n_sequence,
	};
	n = slm_kv_bytes(&s->shape);
	if (n > SIZE_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, "keys and values of %d tokens exceed the address space",
						n_token);
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence, &s->source, err));
	for (int i = 0; i < n_sequence; i++)
	{
		Source *source = &s->source[i];

		*source = (Source){0};
		SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_token, &source->token, err));
		SLM_TRY(slm_arena_alloc(run->arena, (size_t) n, &source->block, err));
	}
	*out = s;
	return SLM_OK;
}

SlmStatus
slm_sources_try(SlmSources *s, SlmError *err)
{
	SlmArena *arena = s->run->arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	int32_t start[2] = {0, s->room};
	SlmBatch batch = {.start = start, .n_sequence = 1, .max_length = s->room};
	SlmCompute compute;
	Source **source;
	int32_t *token;

	/* what read_some() takes beside */
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) s->n_sequence, &source, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) s->n_sequence + 1 + (size_t) s->room, &token, err));
	slm_compute_init(&compute, s->run->model, s->run->kernels, s->run->host, arena);
	SLM_TRY(slm_cross_try(&compute, s->room, err));
	slm_compute_init(&compute, s->run->model->reader, s->run->kernels, s->run->host, arena);
	SLM_TRY(slm_forward_try(&compute, &batch, err));
	slm_arena_rewind(arena, mark);
	return SLM_OK;
}

bool
slm_sources_open(const SlmSources *s, int sequence, int past)
{
	return !s->source[sequence].complete || past < s->source[sequence].n;
}

int
slm_sources_take(SlmSources *s, int sequence, int past, const int32_t *token, int n)
{
	int32_t end = slm_model_tokenizer(s->run->model)->special.eos;
	Source *source = &s->source[sequence];
	int taken = 0;

	if (!slm_sources_open(s, sequence, past))
		return 0;
	source->n = past;
	source->complete = source->read = false;
	while (taken < n && !source->complete)
	{
		source->complete = token[taken] == end;
		source->token[source->n++] = token[taken++];
	}
	return taken;
}

bool
slm_sources_complete(const SlmSources *s, int sequence)
{
	return s->source[sequence].complete;
}

int
slm_sources_length(const SlmSources *s, int sequence)
{
	return s->source[sequence].n;
}

/* Reads those of sources first .. *end - 1 that wait, as many as a batch holds. */
static SlmStatus
read_some(SlmSources *s, int first, int *end, SlmError *err)
{
	SlmRun *run = s->run;
	size_t stride = slm_row_stride(slm_model_info(run->model)->n_embd);
	SlmBatch batch = {0};
	int32_t *token, *start;
	SlmCompute compute;
	Source **source;
	float *hidden;
	int n = 0;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) s->n_sequence, &source, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) s->n_sequence + 1, &start, err));
	start[0] = 0;
	for (*end = first; *end < s->n_sequence; ++*end)
	{
		Source *one = &s->source[*end];

		if (!one->complete || one->read)
			continue;
		if (n > 0 && one->n > SLM_BATCH_TOKENS - start[n])
			break;
		source[n] = one;
		start[n + 1] = start[n] + one->n;
		n++;
		if (one->n > batch.max_length)
			batch.max_length = one->n;
	}
	if (n == 0)
		return SLM_OK;
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) start[n], &token, err));
	for (int i = 0; i < n; i++)
		memcpy(token + start[i], source[i]->token, (size_t) source[i]->n * sizeof(*token));
	batch.token = token;
	batch.start = start;
	batch.n_sequence = n;
	slm_compute_init(&compute, run->model->reader, run->kernels, run->host, run->arena);
	SLM_TRY(slm_forward(&compute, &batch, &hidden, err));
	slm_compute_init(&compute, run->model, run->kernels, run->host, run->arena);
	for (int i = 0; i < n; i++)
	{
		SLM_TRY(slm_cross_fill(&compute, hidden + (size_t) start[i] * stride, source[i]->n,
							   &s->shape, source[i]->block, err));
		source[i]->read = true;
	}
	run->n_token_in += (uint64_t) start[n];
	return SLM_OK;
}

SlmStatus
slm_sources_read(SlmSources *s, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(s->run->arena);

	for (int i = 0; i < s->n_sequence;)
	{
		SLM_TRY(read_some(s, i, &i, err));
		slm_arena_rewind(s->run->arena, mark);
	}
	return SLM_OK;
}

void *
slm_sources_block(const SlmSources *s, int sequence)
{
	return s->source[sequence].block;
}

SlmKvShape
slm_sources_shape(const SlmSources *s)
{
	return s->shape;
}

SlmStatus
slm_sources_share(SlmSources *s, int from, int to, int n, SlmError *err)
{
	const Source *source = &s->source[from];
	Source *copy = &s->source[to];
	SlmCompute compute;

	copy->n = n < source->n ? n : source->n;
	copy->complete = source->complete && copy->n == source->n;
	copy->read = false;
	memcpy(copy->token, source->token, (size_t) copy->n * sizeof(*copy->token));
	if (!copy->complete || !source->read)
		return SLM_OK;
	slm_compute_init(&compute, s->run->model, s->run->kernels, s->run->host, s->run->arena);
	SLM_TRY(slm_kv_copy(&compute, &s->shape, copy->block, &s->shape, source->block, copy->n, err));
	copy->read = true;
	return SLM_OK;
}
