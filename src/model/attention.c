/*
 * attention.c - each row of a sequence looks at the others, or at those before it
 *
 * Head by head: the keys are transposed, so that scores come out one lane a
 * key, then the query rows follow in blocks.  Heads that share keys and values
 * take them in turn, or, of a single row, together.  Sequences never meet: a ragged batch costs the sum of
 * its sequences' squares, and no padding.
 */
#include "model/kv.h"
#include "model/relative.h"

#define QUERY_ROWS 16 /* what SlmAttend's scores have room for */
#define TILE_ROWS 4   /* that kernels take at once: others cost as much one by one */

SlmStatus
slm_attention_init(SlmCompute *c, int max_key, bool transposes, SlmAttention *out, SlmError *err)
{
	size_t stride = slm_row_stride(max_key);

	out->kt = NULL;
	if (transposes)
		SLM_TRY(SLM_NEW_ARRAY(c->arena, c->model->hparams.n_head_dim * stride, &out->kt, err));
	return SLM_NEW_ARRAY(c->arena, QUERY_ROWS * stride, &out->scores, err);
}

/* The query rows of one head, over keys and values of a type. */
static SlmStatus
attend_rows(SlmCompute *c, SlmDtype type, const SlmAttend *args, int n_query, SlmError *err)
{
	SlmAttendRows *attend = slm_attend_of(c->kernels, type);
	int64_t near = 2 * (int64_t) args->window + QUERY_ROWS;
	int64_t keys = args->window > 0 && near < args->t ? near : args->t;
	int64_t row_cost = keys * (2 * args->head_dim * SLM_COST_FLOAT_MAC + SLM_COST_EXP);
	int64_t room = c->budget / 2 / row_cost;
	int rows = room >= n_query ? n_query : (room > 1 ? (int) room : 1);

	if (rows >= TILE_ROWS)
		rows -= rows < n_query ? rows % TILE_ROWS : 0;
	for (int i = 0; i < n_query; i += rows)
	{
		int end = n_query - i < rows ? n_query : i + rows;

		attend(args, i, end);
		SLM_TRY(slm_spend(c, (end - i) * row_cost, err));
	}
	return SLM_OK;
}

/* The same, with what queries say to distances, and these to keys, block by block. */
static SlmStatus
attend_distances(SlmCompute *c, const SlmKeys *k, int head, const SlmAttend *args, int n_query,
				 SlmError *err)
{
	SlmAttend block = *args;

	SLM_TRY(slm_distances_head(c, k->distances, head, k->k + head * args->head_dim, k->v_stride,
							   k->t, err));
	block.bias = k->distances->near;
	block.bias_row = (ptrdiff_t) args->t_stride;
	for (int i = 0; i < n_query; i += QUERY_ROWS)
	{
		int n = n_query - i < QUERY_ROWS ? n_query - i : QUERY_ROWS;

		block.q = args->q + (size_t) i * args->q_stride;
		block.out = args->out + (size_t) i * args->out_stride;
		SLM_TRY(slm_distances_rows(c, k->distances, &block, i, n, err));
		SLM_TRY(attend_rows(c, SLM_DTYPE_F32, &block, n, err));
	}
	return SLM_OK;
}

/* Where a head that has keys and values has them in its sequence's block. */
static void
take_kept(const SlmKeys *k, int head, SlmAttend *args)
{
	const SlmKvShape *shape = k->shape;
	size_t column = (size_t) head * (size_t) shape->head_dim;
	size_t bytes = slm_kv_element_bytes(shape->type);
	size_t block = (size_t) head * (shape->scales / (size_t) shape->n_head);

	args->kt = k->kept->keys + column * SLM_KEY_TILE * bytes;
	args->k_stride = SLM_KEY_TILE;
	args->k_tile = slm_kv_key_tile(shape);
	args->v = k->kept->values + column * bytes;
	args->v_stride = shape->values;
	if (shape->scales == 0)
		return;
	args->k_scale = k->kept->key_scales + block * SLM_KEY_TILE;
	args->k_scale_tile = shape->scales * SLM_KEY_TILE;
	args->v_scale = k->kept->value_scales + block;
	args->v_scale_stride = shape->scales;
}

/* The same of keys and values that come as rows: the keys are transposed. */
static SlmStatus
take_rows(SlmCompute *c, const SlmAttention *attention, const SlmKeys *k, int head, SlmAttend *args,
		  SlmError *err)
{
	size_t column = (size_t) head * (size_t) args->head_dim;

	args->v = k->v + column;
	args->v_stride = k->v_stride;
	args->kt = attention->kt;
	args->k_stride = args->t_stride;
	args->k_tile = SLM_KEY_TILE;
	c->kernels->transpose(k->k + column, k->v_stride, k->t, args->head_dim, attention->kt,
						  args->k_stride);
	return slm_spend(c, (int64_t) k->t * args->head_dim * SLM_COST_MOVE, err);
}

/*
 * May the heads of one row that share keys and values stand in for rows?  They see
 * the same keys, all of them, and nothing tells them apart.
 */
static bool
heads_are_rows(const SlmQueries *q, const SlmKeys *k)
{
	return q->n == 1 && (k->seen == 0 || k->seen == k->t) &&
		   (k->window == 0 || k->window >= k->t) && k->bias == NULL && k->distances == NULL;
}

SlmStatus
slm_attention(SlmCompute *c, SlmAttention *attention, const SlmQueries *q, const SlmKeys *k,
			  float *out, size_t out_stride, SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	int head_dim = (int) h->n_head_dim, group = (int) (h->n_head / h->n_head_kv);
	SlmDtype type = k->kept != NULL ? k->shape->type : SLM_DTYPE_F32;
	SlmAttend args = {
		.scores = attention->scores,
		.q_stride = q->stride,
		.out_stride = out_stride,
		.t_stride = slm_row_stride(k->t),
		.t = k->t,
		.seen = k->seen,
		.window = k->window,
		.head_dim = head_dim,
		.scale = h->attention_scale,
		.cap = h->attention_cap,
		.bias_row = k->bias_row,
	};
	bool together = heads_are_rows(q, k);

	if (together)
	{
		args.q_stride = args.out_stride = (size_t) head_dim;
		args.seen = args.window = 0;
	}
	for (int kv = 0; kv < (int) h->n_head_kv; kv++)
	{
		if (k->kept != NULL)
			take_kept(k, kv, &args);
		else
			SLM_TRY(take_rows(c, attention, k, kv, &args, err));
		if (together)
		{
			args.q = q->q + (size_t) (kv * group) * (size_t) head_dim;
			args.out = out + (size_t) (kv * group) * (size_t) head_dim;
			SLM_TRY(attend_rows(c, type, &args, group, err));
			continue;
		}
		for (int head = kv * group; head < (kv + 1) * group; head++)
		{
			args.q = q->q + (size_t) head * (size_t) head_dim;
			args.out = out + (size_t) head * (size_t) head_dim;
			args.bias = k->bias != NULL ? k->bias + head * k->bias_head : NULL;
			if (k->distances != NULL)
				SLM_TRY(attend_distances(c, k, head, &args, q->n, err));
			else
				SLM_TRY(attend_rows(c, type, &args, q->n, err));
		}
	}
	return SLM_OK;
}
