/*
 * attention.c - each row of a sequence looks at the others
 *
 * Head by head: the keys are transposed once, so that scores come out one lane
 * a key, then the query rows follow in blocks.  Sequences never meet: a ragged
 * batch costs the sum of its sequences' squares, and no padding.
 */
#include <math.h>

#include "model/compute.h"

#define QUERY_ROWS 16 /* what SlmAttend's scores have room for */

SlmStatus
slm_attention_init(SlmCompute *c, int max_t, SlmAttention *out, SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	size_t stride = slm_row_stride(max_t);

	SLM_TRY(SLM_NEW_ARRAY(c->arena, h->n_embd / h->n_head * stride, &out->kt, err));
	return SLM_NEW_ARRAY(c->arena, QUERY_ROWS * stride, &out->scores, err);
}

SlmStatus
slm_attention(SlmCompute *c, SlmAttention *attention, const float *q, const float *k,
			  const float *v, size_t in_stride, int t, float *out, size_t out_stride, SlmError *err)
{
	int n_head = (int) c->model->hparams.n_head;
	int head_dim = (int) c->model->hparams.n_embd / n_head;
	int64_t row_cost = (int64_t) t * (2 * head_dim * SLM_COST_FLOAT_MAC + SLM_COST_EXP);
	int64_t room = c->budget / 2 / row_cost;
	int rows = room >= t ? t : (room > 1 ? (int) room : 1);
	SlmAttend args = {
		.kt = attention->kt,
		.scores = attention->scores,
		.q_stride = in_stride,
		.v_stride = in_stride,
		.out_stride = out_stride,
		.t_stride = slm_row_stride(t),
		.t = t,
		.head_dim = head_dim,
		.scale = 1.0f / sqrtf((float) head_dim),
	};

	for (int head = 0; head < n_head; head++)
	{
		size_t column = (size_t) head * (size_t) head_dim;

		args.q = q + column;
		args.v = v + column;
		args.out = out + column;
		c->kernels->transpose(k + column, in_stride, t, head_dim, attention->kt, args.t_stride);
		SLM_TRY(slm_spend(c, (int64_t) t * head_dim * SLM_COST_MOVE, err));
		for (int i = 0; i < t; i += rows)
		{
			int end = t - i < rows ? t : i + rows;

			c->kernels->attend(&args, i, end);
			SLM_TRY(slm_spend(c, (end - i) * row_cost, err));
		}
	}
	return SLM_OK;
}
