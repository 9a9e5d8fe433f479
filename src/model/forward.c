/*
 * forward.c - the one forward pass
 *
 * In the order of the papers: embed, then per layer attention and
 * feed-forward, each with its residual sum and norm.  What differs between
 * architectures is a field of SlmArch or a slot that is absent; arch.h says
 * how the two are read.  The extraction head's layers are layers like the
 * others, behind the last one.
 *
 * Only attention looks across rows.  Everything else runs on chunks of
 * ROW_CHUNK rows from one end of a layer's half to the other, so that what a
 * chunk computes is still in the core's own cache when the next step reads it,
 * and the weights of the half (1.2 MB for MiniLM in 8 bits) are read once a
 * chunk.
 */
#include "model/forward.h"

#include <string.h>

#define ROW_CHUNK 64

typedef struct Forward
{
	SlmCompute *c;
	const SlmBatch *batch;
	int n_row;
	int64_t n_embd;
	size_t stride; /* of x and mixed */
	size_t qkv_stride;
	size_t ff_stride;
	float *x;     /* [n_row][stride] hidden states */
	float *qkv;   /* [n_row][qkv_stride]: q, k, v side by side, stride each */
	float *mixed; /* [n_row][stride] what attention gives */
	float *part;  /* [ROW_CHUNK][stride] a product before its residual sum */
	float *ff;    /* [ROW_CHUNK][ff_stride] */
	SlmInput input;
	SlmAttention attention;
} Forward;

static SlmStatus
forward_init(Forward *f, SlmCompute *c, const SlmBatch *batch, SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	uint32_t widest = h->n_ff > h->n_embd ? h->n_ff : h->n_embd;
	size_t n;

	f->c = c;
	f->batch = batch;
	f->n_row = batch->start[batch->n_sequence];
	f->n_embd = h->n_embd;
	f->stride = slm_row_stride(h->n_embd);
	f->qkv_stride = 3 * f->stride;
	f->ff_stride = slm_row_stride(h->n_ff);
	n = (size_t) f->n_row;
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->stride, &f->x, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->qkv_stride, &f->qkv, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->stride, &f->mixed, err));
	n = f->n_row < ROW_CHUNK ? n : ROW_CHUNK;
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->stride, &f->part, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->ff_stride, &f->ff, err));
	SLM_TRY(slm_input_init(c, (int64_t) n, widest, &f->input, err));
	return slm_attention_init(c, batch->max_length, &f->attention, err);
}

/* Row i of a table as floats; i is in range. */
static void
table_row(const SlmWeight *table, int64_t i, float *out)
{
	slm_dequantize(table->type, (const uint8_t *) table->weight + (size_t) i * table->row_bytes,
				   out, table->n_in);
}

static void
add_table_row(const SlmWeight *table, int64_t i, float *scratch, float *x)
{
	table_row(table, i, scratch);
	for (int64_t j = 0; j < table->n_in; j++)
		x[j] = x[j] + scratch[j];
}

/* x = norm(x + residual) for m rows; residual may be NULL. */
static SlmStatus
norm(Forward *f, const SlmWeight *weight, const float *x, const float *residual, int m, float *y,
	 SlmError *err)
{
	const SlmHparams *h = &f->c->model->hparams;

	for (int i = 0; i < m; i++)
	{
		size_t at = (size_t) i * f->stride;

		switch (f->c->model->arch->norm)
		{
			case SLM_NORM_LAYER:
				f->c->kernels->layer_norm(x + at, residual != NULL ? residual + at : NULL,
										  weight->weight, weight->bias, h->norm_epsilon, f->n_embd,
										  y + at);
				break;
		}
		SLM_TRY(slm_spend(f->c, f->n_embd * SLM_COST_NORM, err));
	}
	return SLM_OK;
}

/* x = norm(token + token type + position), the order of Hugging Face's sums. */
static SlmStatus
embed(Forward *f, SlmError *err)
{
	const SlmModel *model = f->c->model;
	const SlmWeight *token = slm_weight(model, SLM_SLOT_TOKEN_EMBD, 0);
	const SlmWeight *position = slm_weight(model, SLM_SLOT_POSITION_EMBD, 0);
	const SlmWeight *type = slm_weight(model, SLM_SLOT_TOKEN_TYPES, 0);

	for (int s = 0; s < f->batch->n_sequence; s++)
	{
		int first = f->batch->start[s], end = f->batch->start[s + 1];

		for (int i = first; i < end; i++)
		{
			int32_t id = f->batch->token[i];
			float *x = f->x + (size_t) i * f->stride;

			if (id < 0 || id >= token->n_out)
				return slm_fail(err, SLM_ERR_CORRUPT, "model image is damaged: token %d of %lld",
								(int) id, (long long) token->n_out);
			table_row(token, id, x);
			if (type->weight != NULL)
				add_table_row(type,
							  i - first >= f->batch->segment_two[s] && type->n_out > 1 ? 1 : 0,
							  f->part, x);
			switch (model->arch->position)
			{
				case SLM_POSITION_LEARNED:
					add_table_row(position, i - first, f->part, x);
					break;
			}
			SLM_TRY(slm_spend(f->c, f->n_embd * SLM_COST_LOOKUP, err));
		}
	}
	switch (model->arch->norm_place)
	{
		case SLM_NORM_POST:
			SLM_TRY(
				norm(f, slm_weight(model, SLM_SLOT_EMBD_NORM, 0), f->x, NULL, f->n_row, f->x, err));
			break;
	}
	return SLM_OK;
}

/* qkv = the three products of rows [first, first + m). */
static SlmStatus
project(Forward *f, int layer, int first, int m, SlmError *err)
{
	const SlmModel *model = f->c->model;
	const SlmWeight *weight[] = {
		slm_weight(model, SLM_SLOT_ATTN_Q, layer),
		slm_weight(model, SLM_SLOT_ATTN_K, layer),
		slm_weight(model, SLM_SLOT_ATTN_V, layer),
	};

	SLM_TRY(slm_input_set(f->c, &f->input, f->x + (size_t) first * f->stride, f->stride, m, weight,
						  3, err));
	for (int i = 0; i < 3; i++)
		SLM_TRY(slm_linear(f->c, weight[i], &f->input, m,
						   f->qkv + (size_t) first * f->qkv_stride + (size_t) i * f->stride,
						   f->qkv_stride, err));
	return SLM_OK;
}

/* mixed = attention inside each sequence. */
static SlmStatus
mix(Forward *f, SlmError *err)
{
	for (int s = 0; s < f->batch->n_sequence; s++)
	{
		size_t first = (size_t) f->batch->start[s];
		const float *qkv = f->qkv + first * f->qkv_stride;

		switch (f->c->model->arch->mask)
		{
			case SLM_MASK_FULL:
				SLM_TRY(slm_attention(f->c, &f->attention, qkv, qkv + f->stride,
									  qkv + 2 * f->stride, f->qkv_stride,
									  f->batch->start[s + 1] - f->batch->start[s],
									  f->mixed + first * f->stride, f->stride, err));
				break;
		}
	}
	return SLM_OK;
}

/* One product of m rows: y = weight * x. */
static SlmStatus
product(Forward *f, const SlmWeight *weight, const float *x, size_t x_stride, int m, float *y,
		size_t y_stride, SlmError *err)
{
	SLM_TRY(slm_input_set(f->c, &f->input, x, x_stride, m, &weight, 1, err));
	return slm_linear(f->c, weight, &f->input, m, y, y_stride, err);
}

/* Rows [first, first + m) from attention to the end of the layer. */
static SlmStatus
finish_layer(Forward *f, int layer, int first, int m, SlmError *err)
{
	const SlmModel *model = f->c->model;
	float *x = f->x + (size_t) first * f->stride;

	SLM_TRY(product(f, slm_weight(model, SLM_SLOT_ATTN_OUTPUT, layer),
					f->mixed + (size_t) first * f->stride, f->stride, m, f->part, f->stride, err));
	SLM_TRY(norm(f, slm_weight(model, SLM_SLOT_ATTN_OUTPUT_NORM, layer), f->part, x, m, x, err));
	SLM_TRY(product(f, slm_weight(model, SLM_SLOT_FFN_UP, layer), x, f->stride, m, f->ff,
					f->ff_stride, err));
	SLM_TRY(slm_activate(f->c, model->arch->activation, f->ff, f->ff_stride, m, model->hparams.n_ff,
						 err));
	SLM_TRY(product(f, slm_weight(model, SLM_SLOT_FFN_DOWN, layer), f->ff, f->ff_stride, m, f->part,
					f->stride, err));
	return norm(f, slm_weight(model, SLM_SLOT_LAYER_OUTPUT_NORM, layer), f->part, x, m, x, err);
}

/* Layers [first, end) over all rows. */
static SlmStatus
run_layers(Forward *f, int first, int end, SlmError *err)
{
	for (int layer = first; layer < end; layer++)
	{
		for (int i = 0; i < f->n_row; i += ROW_CHUNK)
			SLM_TRY(project(f, layer, i, f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK, err));
		SLM_TRY(mix(f, err));
		for (int i = 0; i < f->n_row; i += ROW_CHUNK)
			SLM_TRY(finish_layer(f, layer, i, f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK,
								 err));
	}
	return SLM_OK;
}

/* x = x + the vector of each token's word shape. */
static SlmStatus
add_shapes(Forward *f, SlmError *err)
{
	const SlmWeight *table = slm_weight(f->c->model, SLM_SLOT_EXT_SHAPE, 0);

	for (int i = 0; i < f->n_row; i++)
	{
		if (f->batch->shape[i] >= table->n_out)
			return slm_fail(err, SLM_ERR_INTERNAL, "word shape %d of %lld", f->batch->shape[i],
							(long long) table->n_out);
		add_table_row(table, f->batch->shape[i], f->part, f->x + (size_t) i * f->stride);
		SLM_TRY(slm_spend(f->c, f->n_embd * SLM_COST_LOOKUP, err));
	}
	return SLM_OK;
}

SlmStatus
slm_forward(SlmCompute *c, const SlmBatch *batch, float **out, SlmError *err)
{
	int n_layer = (int) c->model->hparams.n_layer;
	Forward f;

	SLM_TRY(slm_poll(c->host, err));
	SLM_TRY(forward_init(&f, c, batch, err));
	SLM_TRY(embed(&f, err));
	SLM_TRY(run_layers(&f, 0, n_layer, err));
	if (batch->shape != NULL)
	{
		SLM_TRY(add_shapes(&f, err));
		SLM_TRY(run_layers(&f, n_layer, slm_hparams_layers(&c->model->hparams), err));
	}
	*out = f.x;
	return SLM_OK;
}
