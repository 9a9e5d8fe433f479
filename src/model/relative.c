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
fill_buckets(SlmCompute *c, int half, double reach, int n, int32_t *bucket, SlmError *err)
{
	for (int i = 0; i < n; i++)
	{
		bucket[i] = bucket_of(i, half, reach, i > 0 ? bucket[i - 1] : 0);
		SLM_TRY(slm_spend(c, (int64_t) half * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}

/* Which row of a table of n_bucket each distance has. */
static SlmStatus
find_numbers(SlmCompute *c, int n_bucket, uint32_t reach, int max_length, SlmDistances *out,
			 SlmError *err)
{
	size_t n_head = c->model->hparams.n_head;
	int behind = 0, zero = max_length - 1;
	int stride = 2 * (int) slm_row_stride(max_length);
	int32_t *bucket;

	switch (c->model->arch->mask)
	{
		case SLM_MASK_FULL:
			behind = n_bucket / 2;
			break;
		case SLM_MASK_CAUSAL:
			break;
	}
	SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) stride, &bucket, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) stride, &out->row, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n_head * (size_t) stride, &out->numbers, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n_head * (size_t) n_bucket, &out->table, err));
	SLM_TRY(fill_buckets(c, behind > 0 ? behind : n_bucket, (double) reach, stride, bucket, err));
	for (int i = 0; i < stride; i++)
	{
		int distance = i - zero; /* of a key behind the row; before it, it is negative */

		/* a key behind that no row sees is read, and has no effect */
		out->row[i] = distance <= 0 ? bucket[-distance]
					  : behind > 0  ? behind + bucket[distance]
									: 0;
	}
	out->bias = out->numbers + zero;
	out->stride = (size_t) stride;
	return SLM_OK;
}

/* The numbers of a table. */
static SlmStatus
fill_numbers(SlmCompute *c, const SlmWeight *table, SlmDistances *d, SlmError *err)
{
	size_t n_head = (size_t) table->n_in;

	for (int64_t i = 0; i < table->n_out; i++)
		slm_table_row(table, i, d->table + (size_t) i * n_head);
	SLM_TRY(slm_spend(c, table->n_in * table->n_out * SLM_COST_LOOKUP, err));
	for (size_t head = 0; head < n_head; head++)
	{
		float *number = d->numbers + head * d->stride;

		for (size_t i = 0; i < d->stride; i++)
			number[i] = d->table[(size_t) d->row[i] * n_head + head];
		SLM_TRY(slm_spend(c, (int64_t) d->stride * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}

/* ---- Embeddings of distances ---------------------------------------------- */

#define CHUNK 64 /* rows of a product */

/*
 * Which of the rows behind the middle of the table a distance has; from is the
 * answer for a shorter one.  With m = half / 2, row d is of distance d up to m, and row m + i
 * of those up to m (limit / m)^(i / (m - 1)), the last one of all others.  Again
 * powers decide, not logarithms.
 */
static int
row_of(int distance, int half, double limit, int from)
{
	int m = half / 2, row = from;
	double size;

	if (distance <= m)
		return distance;
	if (row < m)
		row = m;
	size = power((double) distance / m, m - 1);
	while (row < half && size > power(limit / m, row - m))
		row++;
	return row;
}

/* Which row of the table each distance has, and how many are in use. */
static SlmStatus
find_rows(SlmCompute *c, int max_length, SlmDistances *out, int *first, SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	int half = (int) h->n_bucket / 2, farthest = max_length - 1, row = 0;
	double limit = (double) h->relative_reach - 1.0;
	int32_t *which;

	SLM_TRY(SLM_NEW_ARRAY(c->arena, 2 * (size_t) max_length, &which, err));
	which += farthest;
	for (int distance = 0; distance <= farthest; distance++)
	{
		row = row_of(distance, half, limit, row);
		which[distance] = half - row;
		which[-distance] = half + (row < half ? row : half - 1);
		SLM_TRY(slm_spend(c, (int64_t) half * SLM_COST_MOVE, err));
	}
	*first = which[farthest];
	out->n_row = which[-farthest] - *first + 1;
	for (int distance = -farthest; distance <= farthest; distance++)
		which[distance] -= *first;
	out->which = which;
	return SLM_OK;
}

static SlmStatus
fill_embeddings(SlmCompute *c, int max_length, SlmDistances *out, SlmError *err)
{
	const SlmWeight *table = slm_weight(c->model, SLM_SLOT_REL_EMBD, 0);
	const SlmWeight *norm = slm_weight(c->model, SLM_SLOT_REL_EMBD_NORM, 0);
	size_t head_dim = c->model->hparams.n_head_dim, n, columns;
	int first;

	SLM_TRY(find_rows(c, max_length, out, &first, err));
	n = (size_t) out->n_row;
	columns = slm_row_stride(out->n_row);
	out->embd_stride = slm_row_stride(table->n_in);
	out->qk_stride = slm_row_stride((int64_t) slm_hparams_size(&c->model->hparams, SLM_SIZE_KEYS));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * out->embd_stride, &out->embd, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * out->qk_stride, &out->q, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n * out->qk_stride, &out->k, err));
	for (int i = 0; i < 2; i++)
		SLM_TRY(SLM_NEW_ARRAY(c->arena, columns * head_dim, &out->packed[i], err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) max_length * columns, &out->of_keys, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, SLM_GROUP_ROWS * columns, &out->of_rows, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, SLM_GROUP_ROWS * slm_row_stride(max_length), &out->near, err));
	SLM_TRY(slm_input_init(c, CHUNK, table->n_in, &out->input, err));
	for (int i = 0; i < out->n_row; i++)
	{
		slm_table_row(table, first + i, out->embd + (size_t) i * out->embd_stride);
		SLM_TRY(slm_spend(c, table->n_in * SLM_COST_LOOKUP, err));
	}
	return slm_norm(c, norm, out->embd, NULL, out->n_row, out->embd_stride, out->embd, err);
}

/* y = the products of m rows with n_weight matrices. */
static SlmStatus
products(SlmCompute *c, SlmDistances *d, const SlmWeight *const *weight, int n_weight,
		 const float *x, size_t x_stride, int m, float *const *y, size_t y_stride, SlmError *err)
{
	for (int i = 0; i < m; i += CHUNK)
	{
		int n = m - i < CHUNK ? m - i : CHUNK;

		SLM_TRY(slm_input_set(c, &d->input, x + (size_t) i * x_stride, x_stride, n, weight,
							  n_weight, err));
		for (int w = 0; w < n_weight; w++)
			SLM_TRY(slm_linear(c, weight[w], &d->input, n, y[w] + (size_t) i * y_stride, y_stride,
							   err));
	}
	return SLM_OK;
}

SlmStatus
slm_distances_layer(SlmCompute *c, SlmDistances *d, int layer, SlmError *err)
{
	const SlmWeight *weight[] = {
		slm_weight(c->model, SLM_SLOT_ATTN_K, layer),
		slm_weight(c->model, SLM_SLOT_ATTN_Q, layer),
	};
	float *const out[] = {d->k, d->q};

	const SlmWeight *numbers = slm_weight(c->model, SLM_SLOT_LAYER_REL_BIAS, layer);

	if (d->of_all_layers)
		return SLM_OK;
	if (numbers->weight != NULL)
		return fill_numbers(c, numbers, d, err);
	if (d->embd == NULL)
		return SLM_OK;
	return products(c, d, weight, 2, d->embd, d->embd_stride, d->n_row, out, d->qk_stride, err);
}

/* A head's part of n rows as the matrix that a product reads. */
static SlmWeight
pack(SlmCompute *c, const SlmDistances *d, const float *rows, int n, float *out)
{
	int head_dim = (int) c->model->hparams.n_head_dim;
	int n_group = (n + SLM_GROUP_ROWS - 1) / SLM_GROUP_ROWS;

	for (int g = 0; g < n_group; g++)
	{
		int left = n - g * SLM_GROUP_ROWS;

		c->kernels->transpose(rows + (size_t) (g * SLM_GROUP_ROWS) * d->qk_stride, d->qk_stride,
							  left < SLM_GROUP_ROWS ? left : SLM_GROUP_ROWS, head_dim,
							  out + (size_t) (g * SLM_GROUP_ROWS * head_dim), SLM_GROUP_ROWS);
	}
	return (SlmWeight){
		.weight = out,
		.n_in = head_dim,
		.n_out = n,
		.kind = SLM_SLOT_MATRIX,
		.layout = SLM_LAYOUT_F32,
		.n_group = n_group,
	};
}

SlmStatus
slm_distances_head(SlmCompute *c, SlmDistances *d, int head, const float *k, size_t k_stride, int t,
				   SlmError *err)
{
	size_t column = (size_t) head * c->model->hparams.n_head_dim;
	const SlmWeight *weight[] = {&d->queries};

	d->first = d->which[t - 1];
	d->n_used = d->which[1 - t] - d->first + 1;
	column += (size_t) d->first * d->qk_stride;
	d->keys = pack(c, d, d->k + column, d->n_used, d->packed[0]);
	d->queries = pack(c, d, d->q + column, d->n_used, d->packed[1]);
	SLM_TRY(slm_spend(c, 2 * (int64_t) d->n_used * d->keys.n_in * SLM_COST_MOVE, err));
	return products(c, d, weight, 1, k, k_stride, t, &d->of_keys, slm_row_stride(d->n_used), err);
}

SlmStatus
slm_distances_rows(SlmCompute *c, SlmDistances *d, const SlmAttend *args, int first, int n,
				   SlmError *err)
{
	const SlmWeight *weight[] = {&d->keys};
	size_t columns = slm_row_stride(d->n_used);

	SLM_TRY(products(c, d, weight, 1, args->q, args->q_stride, n, &d->of_rows, columns, err));
	for (int r = 0; r < n; r++)
	{
		const float *of_row = d->of_rows + (size_t) r * columns, *of_key = d->of_keys;
		float *near = d->near + (size_t) r * args->t_stride;

		for (int j = 0; j < args->t; j++, of_key += columns)
		{
			int at = d->which[j - first - r] - d->first;

			near[j] = (of_row[at] + of_key[at]) * args->scale;
		}
		for (size_t j = (size_t) args->t; j < args->t_stride; j++)
			near[j] = 0.0f;
		SLM_TRY(slm_spend(c, (int64_t) args->t * SLM_COST_NORM, err));
	}
	return SLM_OK;
}

/* Numbers that one table has for all layers, or, where there is none, that layers have. */
static SlmStatus
init_numbers(SlmCompute *c, const SlmWeight *table, uint32_t n_bucket, uint32_t reach,
			 int max_length, SlmDistances *out, SlmError *err)
{
	SLM_TRY(find_numbers(c, (int) n_bucket, reach, max_length, out, err));
	out->of_all_layers = table->weight != NULL;
	return out->of_all_layers ? fill_numbers(c, table, out, err) : SLM_OK;
}

SlmStatus
slm_distances_init(SlmCompute *c, int max_length, SlmDistances *out, SlmError *err)
{
	const SlmArch *arch = c->model->arch;

	*out = (SlmDistances){0};
	switch (arch->relative)
	{
		case SLM_RELATIVE_NONE:
			break;
		case SLM_RELATIVE_BIAS:
			return init_numbers(c, slm_weight(c->model, SLM_SLOT_ATTN_REL_BIAS, 0),
								c->model->hparams.n_bucket, arch->relative_reach, max_length, out,
								err);
		case SLM_RELATIVE_DISENTANGLED:
			return fill_embeddings(c, max_length, out, err);
	}
	return SLM_OK;
}

SlmStatus
slm_distances_extract(SlmCompute *c, int max_length, SlmDistances *out, SlmError *err)
{
	*out = (SlmDistances){0};
	return init_numbers(c, slm_weight(c->model, SLM_SLOT_EXT_REL_BIAS, 0),
						c->model->hparams.n_extract_bucket, SLM_EXTRACT_REACH, max_length, out,
						err);
}
