/*
 * relative.c - what attention adds by how far apart two tokens are
 */
#include "model/relative.h"

static double
power(double x, int n)
{
	double product = 1.0;

	for (int i = 0; i < n; i++)
		product = product * x;
	return product;
}

/*
 * Which of half buckets a distance falls into; from is the answer for a
 * shorter one.  With e buckets of one distance each, bucket e + k holds those
 * from e (reach / e)^(k / (half - e)) on; powers, not logarithms, decide, so
 * that a distance on a border, a whole number, falls on its right side.
 */
static int
bucket_of(int distance, int half, double reach, int from)
{
	int e = half / 2, bucket = from;
	double size;

	if (distance < e)
		return distance;
	if (bucket < e)
		bucket = e;
	size = power((double) distance / e, half - e);
	while (bucket + 1 < half && size >= power(reach / e, bucket + 1 - e))
		bucket++;
	return bucket;
}

/* bucket[distance] for distances below n. */
static SlmStatus
fill_buckets(SlmCompute *c, int half, int n, int32_t *bucket, SlmError *err)
{
	double reach = (double) c->model->arch->relative_reach;

	for (int i = 0; i < n; i++)
	{
		bucket[i] = bucket_of(i, half, reach, i > 0 ? bucket[i - 1] : 0);
		SLM_TRY(slm_spend(c, (int64_t) half * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}

static SlmStatus
fill_bias(SlmCompute *c, int max_length, SlmDistances *out, SlmError *err)
{
	const SlmWeight *table = slm_weight(c->model, SLM_SLOT_ATTN_REL_BIAS, 0);
	int n_head = (int) c->model->hparams.n_head, half = (int) c->model->hparams.n_bucket / 2;
	int stride = 2 * (int) slm_row_stride(max_length), zero = max_length - 1;
	int32_t *bucket;
	float *row, *bias;

	SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) stride, &bucket, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) n_head, &row, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) n_head * (size_t) stride, &bias, err));
	SLM_TRY(fill_buckets(c, half, stride, bucket, err));
	for (int i = 0; i < stride; i++)
	{
		int distance = i - zero; /* of a key behind the row; before it, it is negative */

		slm_table_row(table, distance > 0 ? half + bucket[distance] : bucket[-distance], row);
		for (int head = 0; head < n_head; head++)
			bias[(size_t) head * (size_t) stride + (size_t) i] = row[head];
		SLM_TRY(slm_spend(c, n_head * SLM_COST_LOOKUP, err));
	}
	out->bias = bias + zero;
	out->stride = (size_t) stride;
	return SLM_OK;
}

SlmStatus
slm_distances_init(SlmCompute *c, int max_length, SlmDistances *out, SlmError *err)
{
	*out = (SlmDistances){0};
	switch (c->model->arch->relative)
	{
		case SLM_RELATIVE_NONE:
			break;
		case SLM_RELATIVE_BIAS:
			return fill_bias(c, max_length, out, err);
	}
	return SLM_OK;
}
