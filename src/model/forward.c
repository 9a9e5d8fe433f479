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
#include <string.h>

#include "model/forward_impl.h"

/* Has the model's window a base of its own? */
static bool
window_turns(const Forward *f)
{
	return f->c->model->hparams.n_window > 0 && f->c->model->hparams.rope_base_window > 0.0f;
}

static SlmStatus
set_positions(Forward *f, SlmError *err)
{
	const SlmBatch *batch = f->batch;

	for (int s = 0; s < batch->n_sequence; s++)
		for (int i = batch->start[s]; i < batch->start[s + 1]; i++)
		{
			SLM_TRY(slm_rope_set(f->c, &f->rope, i, position_of(f, s, i), err));
			if (window_turns(f))
				SLM_TRY(slm_rope_set(f->c, &f->window_rope, i, position_of(f, s, i), err));
		}
	return SLM_OK;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Tokens of the longest sequence, with those before. */
static int
longest(const SlmBatch *batch)
{
	int n = batch->max_length;

	for (int s = 0; s < batch->n_sequence && batch->cache != NULL; s++)
		n = (int) most(n, batch->past[s] + batch->start[s + 1] - batch->start[s]);
	return n;
}

/* Takes all memory. */
static SlmStatus
forward_init(Forward *f, SlmCompute *c, const SlmBatch *batch, SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	int64_t n_ff = most(h->n_ff, most(h->n_ff_expert, h->n_ff_shared));
	int64_t widest = most(n_ff, h->n_embd);
	int max_key = batch->cache != NULL ? (int) most((int64_t) batch->shape_of_cache.room,
													(int64_t) batch->shape_of_source.room)
									   : batch->max_length;
	size_t n;

	memset(f, 0, sizeof(*f));
	f->c = c;
	f->batch = batch;
	f->n_row = batch->start[batch->n_sequence];
	f->n_embd = h->n_embd;
	f->stride = slm_row_stride(h->n_embd);
	f->q_width = slm_row_stride((int64_t) slm_hparams_size(h, SLM_SIZE_QUERIES));
	f->k_width = slm_row_stride((int64_t) slm_hparams_size(h, SLM_SIZE_KEYS));
	f->qkv_stride = f->q_width + 2 * f->k_width;
	f->ff_stride = slm_row_stride(n_ff);
	widest = most(widest, most((int64_t) f->q_width, weight_of(f, SLM_SLOT_EMBD_PROJ, 0)->n_in));
	n = (size_t) f->n_row;
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->stride, &f->x, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->qkv_stride, &f->qkv, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->q_width, &f->mixed, err));
	n = f->n_row < ROW_CHUNK ? n : ROW_CHUNK;
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->stride, &f->part, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->ff_stride, &f->ff, err));
	if (c->model->arch->slot[SLM_SLOT_FFN_GATE].kind != SLM_SLOT_ABSENT)
		SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->ff_stride, &f->gate, err));
	if (c->model->arch->narrows)
		SLM_TRY(SLM_NEW_ARRAY(c->arena, n * f->stride, &f->inner, err));
	SLM_TRY(slm_experts_init(f, err));
	SLM_TRY(slm_input_init(c, (int64_t) n, widest, &f->input, err));
	SLM_TRY(slm_attention_init(c, max_key, batch->cache == NULL, &f->attention, err));
	SLM_TRY(slm_distances_init(c, longest(batch), &f->distances, err));
	if (batch->look != NULL && weight_of(f, SLM_SLOT_EXT_TOKEN_EMBD, 0)->weight != NULL)
		SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) f->n_row * f->stride, &f->embedded, err));
	if (batch->look != NULL && weight_of(f, SLM_SLOT_EXT_REL_BIAS, 0)->weight != NULL)
		SLM_TRY(slm_distances_extract(c, longest(batch), &f->head_distances, err));
	SLM_TRY(slm_rope_init(c, batch->long_context ? SLM_ROPE_LONG : SLM_ROPE_SHORT, f->n_row,
						  &f->rope, err));
	return window_turns(f) ? slm_rope_init(c, SLM_ROPE_WINDOW, f->n_row, &f->window_rope, err)
						   : SLM_OK;
}

SlmStatus
slm_product(Forward *f, const SlmWeight *weight, const float *x, size_t x_stride, int m, float *y,
			size_t y_stride, SlmError *err)
{
	SLM_TRY(slm_input_set(f->c, &f->input, x, x_stride, m, &weight, 1, err));
	return slm_linear(f->c, weight, &f->input, m, y, y_stride, err);
}

SlmStatus
slm_before_step(Forward *f, SlmSlot slot, int layer, float *x, int m, const float **out,
				SlmError *err)
{
	*out = x;
	switch (f->c->model->arch->norm_place)
	{
		case SLM_NORM_POST:
			break;
		case SLM_NORM_PRE:
		case SLM_NORM_AROUND:
			if (weight_of(f, slot, layer)->weight == NULL)
				break;
			*out = f->part;
			return slm_norm(f->c, weight_of(f, slot, layer), x, NULL, m, f->stride, f->part, err);
	}
	return SLM_OK;
}

/* x[m] = x + part. */
static SlmStatus
add_part(Forward *f, float *x, int m, SlmError *err)
{
	const float *part = f->part; /* that no store may change */

	for (size_t i = 0; i < (size_t) m * f->stride; i++)
		x[i] = x[i] + part[i];
	return slm_spend(f->c, m * f->n_embd * SLM_COST_MOVE, err);
}

SlmStatus
slm_after_step(Forward *f, SlmSlot slot, int layer, float *x, int m, SlmError *err)
{
	switch (f->c->model->arch->norm_place)
	{
		case SLM_NORM_POST:
			return slm_norm(f->c, weight_of(f, slot, layer), f->part, x, m, f->stride, x, err);
		case SLM_NORM_AROUND:
			SLM_TRY(slm_norm(f->c, weight_of(f, slot, layer), f->part, NULL, m, f->stride, f->part,
							 err));
			break;
		case SLM_NORM_PRE:
			break;
	}
	return add_part(f, x, m, err);
}

/* The norm of each head of a row, where the model has one. */
static void
norm_heads(Forward *f, const SlmWeight *weight, float *x, uint32_t n_head)
{
	const SlmHparams *h = &f->c->model->hparams;

	for (uint32_t head = 0; head < n_head && weight->weight != NULL; head++, x += h->n_head_dim)
		f->c->kernels->rms_norm(x, weight->weight, h->norm_epsilon, h->n_head_dim, x);
}

/* inner = rows x[m], narrowed, and their norm. */
static SlmStatus
narrow(Forward *f, SlmSlot slot, SlmSlot norm, int layer, const float *x, int m, SlmError *err)
{
	SLM_TRY(slm_product(f, weight_of(f, slot, layer), x, f->stride, m, f->inner, f->stride, err));
	return slm_norm(f->c, weight_of(f, norm, layer), f->inner, NULL, m, f->stride, f->inner, err);
}

/* qkv = the three products of rows [first, first + m), turned. */
static SlmStatus
project(Forward *f, int layer, int first, int m, SlmError *err)
{
	const SlmHparams *h = &f->c->model->hparams;
	const SlmWeight *weight[] = {
		weight_of(f, SLM_SLOT_ATTN_Q, layer),
		weight_of(f, SLM_SLOT_ATTN_K, layer),
		weight_of(f, SLM_SLOT_ATTN_V, layer),
	};
	const SlmRope *rope =
		f->window_rope.n_pair > 0 && slm_hparams_windowed(h, f->c->model->arch, layer)
			? &f->window_rope
			: &f->rope;
	size_t column[] = {0, f->q_width, f->q_width + f->k_width};
	float *qkv = f->qkv + (size_t) first * f->qkv_stride;
	int n_wide = f->inner != NULL ? 1 : 3; /* products that do not read narrower rows */
	const float *x;

	SLM_TRY(slm_before_step(f, SLM_SLOT_ATTN_NORM, layer, f->x + (size_t) first * f->stride, m, &x,
							err));
	if (f->inner != NULL)
	{
		SLM_TRY(narrow(f, SLM_SLOT_NARROW_QK, SLM_SLOT_NARROW_QK_NORM, layer, x, m, err));
		SLM_TRY(slm_input_set(f->c, &f->input, f->inner, f->stride, m, weight, 2, err));
	}
	for (int i = 0; i < 3; i++)
	{
		if (i == 3 - n_wide)
			SLM_TRY(slm_input_set(f->c, &f->input, x, f->stride, m, weight + i, n_wide, err));
		SLM_TRY(slm_linear(f->c, weight[i], &f->input, m, qkv + column[i], f->qkv_stride, err));
	}
	for (int i = first; i < first + m; i++, qkv += f->qkv_stride)
	{
		norm_heads(f, weight_of(f, SLM_SLOT_ATTN_Q_NORM, layer), qkv, h->n_head);
		norm_heads(f, weight_of(f, SLM_SLOT_ATTN_K_NORM, layer), qkv + column[1], h->n_head_kv);
		slm_rope_turn(f->c, rope, i, qkv, (int) h->n_head);
		slm_rope_turn(f->c, rope, i, qkv + column[1], (int) h->n_head_kv);
		if (f->rope.n_pair > 0)
			SLM_TRY(slm_spend(f->c, (int64_t) f->qkv_stride * SLM_COST_NORM, err));
	}
	return SLM_OK;
}

/* Puts the keys and values of a sequence's rows behind the past ones of its block. */
static SlmStatus
remember(Forward *f, int layer, int s, SlmError *err)
{
	const SlmBatch *batch = f->batch;
	SlmKvLayer kept = slm_kv_layer(&batch->shape_of_cache, batch->cache[s], layer);

	for (int i = batch->start[s]; i < batch->start[s + 1]; i++)
	{
		const float *key = f->qkv + (size_t) i * f->qkv_stride + f->q_width;

		slm_kv_put(f->c->kernels, &batch->shape_of_cache, &kept, position_of(f, s, i), key,
				   key + f->k_width);
		SLM_TRY(slm_spend(f->c, 2 * (int64_t) f->k_width * SLM_COST_QUANTIZE, err));
	}
	return SLM_OK;
}

/*
 * mixed = attention inside each sequence, one after the other: those that share a
 * block put their own keys and values there when it is their turn.
 */
static SlmStatus
mix(Forward *f, int layer, SlmError *err)
{
	const SlmBatch *batch = f->batch;

	for (int s = 0; s < batch->n_sequence; s++)
	{
		size_t first = (size_t) batch->start[s];
		const float *qkv = f->qkv + first * f->qkv_stride;
		SlmQueries queries = {qkv, f->qkv_stride, batch->start[s + 1] - batch->start[s]};
		SlmKeys keys = {
			.k = qkv + f->q_width,
			.v = qkv + f->q_width + f->k_width,
			.v_stride = f->qkv_stride,
			.t = queries.n,
			.bias = f->distances.bias,
			.bias_row = -1,
			.bias_head = (ptrdiff_t) f->distances.stride,
			.distances = f->distances.embd != NULL ? &f->distances : NULL,
		};
		SlmKvLayer kept;

		if (batch->cache != NULL)
		{
			kept = slm_kv_layer(&batch->shape_of_cache, batch->cache[s], layer);
			SLM_TRY(remember(f, layer, s, err));
			keys = (SlmKeys){
				.kept = &kept,
				.shape = &batch->shape_of_cache,
				.t = batch->past[s] + queries.n,
			};
			if (f->distances.bias != NULL)
			{
				keys.bias = f->distances.bias - batch->past[s];
				keys.bias_row = -1;
				keys.bias_head = (ptrdiff_t) f->distances.stride;
			}
		}
		switch (f->c->model->arch->mask)
		{
			case SLM_MASK_FULL:
				break;
			case SLM_MASK_CAUSAL:
				keys.seen = keys.t - queries.n + 1;
				break;
		}
		if (slm_hparams_windowed(&f->c->model->hparams, f->c->model->arch, layer))
			keys.window = (int) f->c->model->hparams.n_window;
		SLM_TRY(slm_attention(f->c, &f->attention, &queries, &keys, f->mixed + first * f->q_width,
							  f->q_width, err));
	}
	return SLM_OK;
}

/* Rows x[m], the first of them row `first`: what attention gives is added to them. */
static SlmStatus
add_attention(Forward *f, int layer, int first, float *x, int m, SlmError *err)
{
	SLM_TRY(slm_product(f, weight_of(f, SLM_SLOT_ATTN_OUTPUT, layer),
						f->mixed + (size_t) first * f->q_width, f->q_width, m, f->part, f->stride,
						err));
	return slm_after_step(f, SLM_SLOT_ATTN_OUTPUT_NORM, layer, x, m, err);
}

/* x[m] += the rows that the layer worked on, widened; and the norm of the sum. */
static SlmStatus
widen(Forward *f, int layer, float *x, int m, SlmError *err)
{
	SLM_TRY(slm_product(f, weight_of(f, SLM_SLOT_WIDEN, layer), f->inner, f->stride, m, f->part,
						f->stride, err));
	return slm_after_step(f, SLM_SLOT_WIDEN_NORM, layer, x, m, err);
}

/* Attention's part of a layer whose rows look at what another stack has read, and that. */
static SlmStatus
finish_attention(Forward *f, int layer, SlmError *err)
{
	for (int i = 0; i < f->n_row; i += ROW_CHUNK)
		SLM_TRY(add_attention(f, layer, i, f->x + (size_t) i * f->stride,
							  f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK, err));
	return slm_cross_run(f, layer, err);
}

/* Rows [first, first + m) from attention to the end of the layer. */
static SlmStatus
finish_layer(Forward *f, int layer, int first, int m, SlmError *err)
{
	float *x = f->x + (size_t) first * f->stride;
	float *rows = f->inner != NULL ? f->inner : x;
	bool parallel = f->c->model->hparams.parallel;
	bool crosses = weight_of(f, SLM_SLOT_CROSS_Q, layer)->weight != NULL;

	if (f->inner != NULL)
		SLM_TRY(narrow(f, SLM_SLOT_NARROW, SLM_SLOT_NARROW_NORM, layer, x, m, err));
	if (!parallel && !crosses)
		SLM_TRY(add_attention(f, layer, first, rows, m, err));
	SLM_TRY(slm_feed_forward(f, layer, rows, m, err));
	if (parallel)
		SLM_TRY(add_attention(f, layer, first, rows, m, err));
	return f->inner != NULL ? widen(f, layer, x, m, err) : SLM_OK;
}

/* Layers [first, end) over all rows. */
static SlmStatus
run_layers(Forward *f, int first, int end, SlmError *err)
{
	for (int layer = first; layer < end; layer++)
	{
		for (int i = 0; i < f->n_row; i += ROW_CHUNK)
			SLM_TRY(project(f, layer, i, f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK, err));
		SLM_TRY(slm_distances_layer(f->c, &f->distances, layer, err));
		SLM_TRY(mix(f, layer, err));
		if (weight_of(f, SLM_SLOT_CROSS_Q, layer)->weight != NULL)
			SLM_TRY(finish_attention(f, layer, err));
		for (int i = 0; i < f->n_row; i += ROW_CHUNK)
			SLM_TRY(finish_layer(f, layer, i, f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK,
								 err));
		SLM_TRY(slm_experts_run(f, layer, err));
	}
	return SLM_OK;
}

/* x = x + the vectors of each token's look: of its word's shape and, where the model has them, place on a line. */
static SlmStatus
add_looks(Forward *f, SlmError *err)
{
	const SlmWeight *shapes = slm_weight(f->c->model, SLM_SLOT_EXT_SHAPE, 0);
	const SlmWeight *places = slm_weight(f->c->model, SLM_SLOT_EXT_LINE, 0);

	for (int i = 0; i < f->n_row; i++)
	{
		float *x = f->x + (size_t) i * f->stride;
		int look = f->batch->look[i];

		if (look >= SLM_WORD_LOOKS)
			return slm_fail(err, SLM_ERR_INTERNAL, "look %d of a word, of %d", look,
							SLM_WORD_LOOKS);
		slm_add_table_row(shapes, look % SLM_WORD_SHAPES, f->part, x);
		if (places->weight != NULL)
			slm_add_table_row(places, look / SLM_WORD_SHAPES, f->part, x);
		SLM_TRY(slm_spend(f->c, 2 * f->n_embd * SLM_COST_LOOKUP, err));
	}
	return SLM_OK;
}

/* x = x + what the head reads of the embeddings that the first layer read. */
static SlmStatus
add_embedded(Forward *f, SlmError *err)
{
	const SlmWeight *weight = weight_of(f, SLM_SLOT_EXT_TOKEN_EMBD, 0);

	for (int first = 0; first < f->n_row; first += ROW_CHUNK)
	{
		int m = f->n_row - first < ROW_CHUNK ? f->n_row - first : ROW_CHUNK;

		SLM_TRY(slm_product(f, weight, f->embedded + (size_t) first * f->stride, f->stride, m,
							f->part, f->stride, err));
		SLM_TRY(add_part(f, f->x + (size_t) first * f->stride, m, err));
	}
	return SLM_OK;
}

/* The extraction head's layers, over hidden states and what tells words apart. */
static SlmStatus
run_head(Forward *f, SlmError *err)
{
	const SlmHparams *h = &f->c->model->hparams;

	SLM_TRY(add_looks(f, err));
	if (f->embedded != NULL)
		SLM_TRY(add_embedded(f, err));
	if (f->head_distances.bias != NULL)
		f->distances = f->head_distances;
	return run_layers(f, (int) h->n_layer, slm_hparams_layers(h), err);
}

SlmStatus
slm_forward_try(SlmCompute *c, const SlmBatch *batch, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(c->arena);
	Forward f;

	SLM_TRY(forward_init(&f, c, batch, err));
	slm_arena_rewind(c->arena, mark);
	return SLM_OK;
}

SlmStatus
slm_forward(SlmCompute *c, const SlmBatch *batch, float **out, SlmError *err)
{
	int n_layer = (int) c->model->hparams.n_layer;
	Forward f;

	SLM_TRY(slm_poll(c->host, err));
	SLM_TRY(forward_init(&f, c, batch, err));
	SLM_TRY(set_positions(&f, err));
	SLM_TRY(slm_embed_tokens(&f, err));
	if (f.embedded != NULL)
		memcpy(f.embedded, f.x, (size_t) f.n_row * f.stride * sizeof(*f.x));
	SLM_TRY(run_layers(&f, 0, n_layer, err));
	switch (c->model->arch->norm_place)
	{
		case SLM_NORM_POST:
			break;
		case SLM_NORM_PRE:
		case SLM_NORM_AROUND:
			SLM_TRY(slm_norm(c, weight_of(&f, SLM_SLOT_OUTPUT_NORM, 0), f.x, NULL, f.n_row,
							 f.stride, f.x, err));
			break;
	}
	if (batch->look != NULL)
		SLM_TRY(run_head(&f, err));
	*out = f.x;
	return SLM_OK;
}
