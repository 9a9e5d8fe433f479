/*
 * cross.c - attention to what another stack has read
 *
 * A model of two stacks reads a text with one and writes with the other, whose
 * layers each look at what was read, all of it.  The keys and values of that do
 * not change while the model writes, so they are made once.
 */
#include "model/forward_impl.h"

/* Keys and values of a chunk. */
typedef struct Filling
{
	size_t width; /* of both */
	float *key, *value;
	SlmInput input;
} Filling;

static SlmStatus
filling_init(SlmCompute *c, int n, Filling *out, SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	size_t most = n < ROW_CHUNK ? (size_t) n : ROW_CHUNK;

	out->width = slm_row_stride((int64_t) slm_hparams_size(h, SLM_SIZE_KEYS));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, most * out->width, &out->key, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, most * out->width, &out->value, err));
	return slm_input_init(c, (int64_t) most, h->n_embd, &out->input, err);
}

SlmStatus
slm_cross_try(SlmCompute *c, int n, SlmError *err)
{
	Filling filling;

	return filling_init(c, n, &filling, err);
}

SlmStatus
slm_cross_fill(SlmCompute *c, const float *rows, int n, const SlmKvShape *shape, void *block,
			   SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	SlmArenaMark mark = slm_arena_mark(c->arena);
	size_t stride = slm_row_stride(h->n_embd);
	Filling f;

	SLM_TRY(filling_init(c, n, &f, err));
	for (int layer = 0; layer < (int) h->n_layer; layer++)
	{
		const SlmWeight *weight[] = {
			slm_weight(c->model, SLM_SLOT_CROSS_K, layer),
			slm_weight(c->model, SLM_SLOT_CROSS_V, layer),
		};

		SlmKvLayer kept = slm_kv_layer(shape, block, layer);

		for (int i = 0; i < n; i += ROW_CHUNK)
		{
			int m = n - i < ROW_CHUNK ? n - i : ROW_CHUNK;

			SLM_TRY(
				slm_input_set(c, &f.input, rows + (size_t) i * stride, stride, m, weight, 2, err));
			SLM_TRY(slm_linear(c, weight[0], &f.input, m, f.key, f.width, err));
			SLM_TRY(slm_linear(c, weight[1], &f.input, m, f.value, f.width, err));
			for (int j = 0; j < m; j++)
			{
				slm_kv_put(c->kernels, shape, &kept, i + j, f.key + (size_t) j * f.width,
						   f.value + (size_t) j * f.width);
				SLM_TRY(slm_spend(c, 2 * (int64_t) f.width * SLM_COST_QUANTIZE, err));
			}
		}
	}
	slm_arena_rewind(c->arena, mark);
	return SLM_OK;
}

/* q = what rows [first, first + m) ask for. */
static SlmStatus
ask(Forward *f, int layer, int first, int m, SlmError *err)
{
	const float *x;

	SLM_TRY(slm_before_step(f, SLM_SLOT_CROSS_NORM, layer, f->x + (size_t) first * f->stride, m, &x,
							err));
	return slm_product(f, weight_of(f, SLM_SLOT_CROSS_Q, layer), x, f->stride, m,
					   f->qkv + (size_t) first * f->qkv_stride, f->qkv_stride, err);
}

/* mixed = what each sequence's rows find in its source. */
static SlmStatus
look(Forward *f, int layer, SlmError *err)
{
	const SlmBatch *batch = f->batch;
	const SlmKvShape *shape = &batch->shape_of_source;

	for (int s = 0; s < batch->n_sequence; s++)
	{
		size_t first = (size_t) batch->start[s];
		SlmQueries queries = {f->qkv + first * f->qkv_stride, f->qkv_stride,
							  batch->start[s + 1] - batch->start[s]};
		SlmKvLayer kept = slm_kv_layer(shape, batch->source[s], layer);
		SlmKeys keys = {.kept = &kept, .shape = shape, .t = batch->n_source[s]};

		SLM_TRY(slm_attention(f->c, &f->attention, &queries, &keys, f->mixed + first * f->q_width,
							  f->q_width, err));
	}
	return SLM_OK;
}

SlmStatus
slm_cross_run(Forward *f, int layer, SlmError *err)
{
	for (int i = 0; i < f->n_row; i += ROW_CHUNK)
		SLM_TRY(ask(f, layer, i, f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK, err));
	SLM_TRY(look(f, layer, err));
	for (int i = 0; i < f->n_row; i += ROW_CHUNK)
	{
		int m = f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK;

		SLM_TRY(slm_product(f, weight_of(f, SLM_SLOT_CROSS_OUTPUT, layer),
							f->mixed + (size_t) i * f->q_width, f->q_width, m, f->part, f->stride,
							err));
		SLM_TRY(slm_after_step(f, SLM_SLOT_ATTN_OUTPUT_NORM, layer, f->x + (size_t) i * f->stride,
							   m, err));
	}
	return SLM_OK;
}
