/*
 * pool.c - a sequence's hidden states as one vector
 */
#include <string.h>

#include "model/forward.h"

/* Sums rows in their order, one lane a column, then divides. */
static SlmStatus
mean(SlmCompute *c, const float *rows, size_t stride, int n, int64_t n_embd, float *out,
	 SlmError *err)
{
	memcpy(out, rows, (size_t) n_embd * sizeof(float));
	for (int i = 1; i < n; i++)
	{
		for (int64_t j = 0; j < n_embd; j++)
			out[j] = out[j] + rows[(size_t) i * stride + (size_t) j];
		SLM_TRY(slm_spend(c, n_embd * SLM_COST_MOVE, err));
	}
	for (int64_t j = 0; j < n_embd; j++)
		out[j] = out[j] / (float) n;
	return SLM_OK;
}

SlmStatus
slm_pool(SlmCompute *c, const SlmBatch *batch, const float *hidden, SlmPooling pooling, float *out,
		 SlmError *err)
{
	int64_t n_embd = c->model->hparams.n_embd;
	size_t stride = slm_row_stride(n_embd);

	for (int s = 0; s < batch->n_sequence; s++)
	{
		int n = batch->start[s + 1] - batch->start[s];
		const float *rows = hidden + (size_t) batch->start[s] * stride;
		float *row_out = out + (int64_t) s * n_embd;

		switch (pooling)
		{
			case SLM_POOLING_MEAN:
				SLM_TRY(mean(c, rows, stride, n, n_embd, row_out, err));
				break;
			case SLM_POOLING_CLS:
			case SLM_POOLING_RANK:
				memcpy(row_out, rows, (size_t) n_embd * sizeof(float));
				break;
			case SLM_POOLING_LAST:
				memcpy(row_out, rows + (size_t) (n - 1) * stride, (size_t) n_embd * sizeof(float));
				break;
			case SLM_POOLING_NONE:
			case SLM_POOLING_UNSPECIFIED:
				return slm_fail(err, SLM_ERR_INTERNAL, "pooling without a kind");
		}
		SLM_TRY(slm_spend(c, n_embd * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}
