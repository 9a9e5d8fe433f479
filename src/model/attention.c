/*
 * attention.c - each row of a sequence looks at the others, or at those before it
 *
 * Head by head: the keys are transposed, so that scores come out one lane a
 * key, then the query rows follow in blocks.  Heads that share keys and values
 * take them in turn.  Sequences never meet: a ragged batch costs the sum of
 * its sequences' squares, and no padding.
 */
#include "model/relative.h"

#define QUERY_ROWS 16 /* what SlmAttend's scores have room for */

SlmStatus
slm_attention_init(SlmCompute *c, int max_key, bool transposes, SlmAttention *out, SlmError *err)
{
	size_t stride = slm_row_stride(max_key);

	out->kt = NULL;
	if (transposes)
		SLM_TRY(SLM_NEW_ARRAY(c->arena, c->model->hparams.n_head_dim * stride, &out->kt, err));
	return SLM_NEW_ARRAY(c->arena, QUERY_ROWS * stride, &out->scores, err);
}

/* The query rows of one head. */
static SlmStatus
attend_rows(SlmCompute *c, const SlmAttend *args, int n_query, SlmError *err)
{
	int64_t near = 2 * (int64_t) args->window + QUERY_ROWS;
	int64_t keys = args->window > 0 && near < args->t ? near : args->t;
	int64_t row_cost = keys * (2 * args->head_dim * SLM_COST_FLOAT_MAC + SLM_COST_EXP);
	int64_t room = c->budget / 2 / row_cost;
	int rows = room >= n_query ? n_query : (room > 1 ? (int) room : 1);

	for (int i = 0; i < n_query; i += rows)
	{
		int end = n_query - i < rows ? n_query : i + rows;

		c->kernels->attend(args, i, end);
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
		SLM_TRY(attend_rows(c, &block, n, err));
	}
	return SLM_OK;
}

SlmStatus
slm_attention(SlmCompute *c, SlmAttention *attention, const SlmQueries *q, const SlmKeys *k,
			  float *out, size_t out_stride, SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	int head_dim = (int) h->n_head_dim, group = (int) (h->n_head / h->n_head_kv);
	SlmAttend args = {
		.scores = attention->scores,
		.q_stride = q->stride,
		.v_stride = k->v_stride,
		.out_stride = out_stride,
		.t = k->t,
		.seen = k->seen,
		.window = k->window,
		.head_dim = head_dim,
		.scale = h->attention_scale,
		.cap = h->attention_cap,
		.bias_row = k->bias_row,
	};

	for (int kv = 0; kv < (int) h->n_head_kv; kv++)
	{
		size_t column = (size_t) kv * (size_t) head_dim;

		args.v = k->v + column;
		if (k->kt != NULL)
		{
			args.kt = k->kt + column * k->t_stride;
			args.t_stride = k->t_stride;
		}
		else
		{
			args.kt = attention->kt;
			args.t_stride = slm_row_stride(k->t);
			c->kernels->transpose(k->k + column, k->v_stride, k->t, head_dim, attention->kt,
								  args.t_stride);
			SLM_TRY(slm_spend(c, (int64_t) k->t * head_dim * SLM_COST_MOVE, err));
		}
		for (int head = kv * group; head < (kv + 1) * group; head++)
		{
			args.q = q->q + (size_t) head * (size_t) head_dim;
			args.out = out + (size_t) head * (size_t) head_dim;
			args.bias = k->bias != NULL ? k->bias + head * k->bias_head : NULL;
			if (k->distances != NULL)
				SLM_TRY(attend_distances(c, k, head, &args, q->n, err));
			else
				SLM_TRY(attend_rows(c, &args, q->n, err));
		}
	}
	return SLM_OK;
}
