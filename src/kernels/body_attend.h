/*
 * body_attend.h - attention of up to 16 query rows of one head over 16 lanes
 *
 * Three steps over a block of query rows, whose scores stay in the first-level
 * cache: scores (a lane is a key, so keys come transposed), exponentials row
 * by row, weighted sum of the values (a lane is a dimension).  Tiles keep
 * their accumulators in registers; rows and keys past the whole tiles take
 * smaller ones.  On one Zen 5 core both products run at 95 % of the FMA peak;
 * for 128 keys of 32 dimensions exponentials take a fifth of the time.
 *
 * Included once by each ISA's stub, after body_rows.h.
 */
#ifndef SLM_KERNELS_BODY_ATTEND_H
#define SLM_KERNELS_BODY_ATTEND_H

#define QUERY_BLOCK 16 /* query rows that share the scratch */

/* Scores of n_row query rows and n_vec * 16 keys from key j on. */
SLM_INLINE void
score_tile(const int n_row, const int n_vec, const SlmAttend *args, int i, size_t j, float *scores)
{
	const float *q = args->q + (size_t) i * args->q_stride;
	const float *kt = args->kt + j;
	const float *bias = args->bias != NULL ? args->bias + i * args->bias_row + j : NULL;
	Vec acc[SCORE_TILE_ROWS][SCORE_TILE_VECS];

	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			acc[r][v] = vec_zero();
	}
	for (int d = 0; d < args->head_dim; d++, kt += args->t_stride)
	{
		Vec key[SCORE_TILE_VECS];

		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			key[v] = vec_load(kt + v * LANES);
		SLM_UNROLL
		for (int r = 0; r < n_row; r++)
		{
			Vec query = vec_set1(q[(size_t) r * args->q_stride + (size_t) d]);

			SLM_UNROLL
			for (int v = 0; v < n_vec; v++)
				acc[r][v] = vec_fma(query, key[v], acc[r][v]);
		}
	}
	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
		{
			Vec scale = vec_set1(args->scale), score = vec_mul(acc[r][v], scale);

			if (bias != NULL)
				score = vec_fma(acc[r][v], scale, vec_load(bias + r * args->bias_row + v * LANES));
			vec_store(scores + (size_t) r * args->t_stride + j + v * LANES, score);
		}
	}
}

/* Scores of n_row query rows and all keys. */
SLM_INLINE void
score_rows(const int n_row, const SlmAttend *args, int i, float *scores)
{
	size_t n_key = ((size_t) args->t + LANES - 1) / LANES * LANES;
	size_t j = 0;

	for (; j + SCORE_TILE_VECS * LANES <= n_key; j += SCORE_TILE_VECS * LANES)
		score_tile(n_row, SCORE_TILE_VECS, args, i, j, scores);
	if (SCORE_TILE_VECS > 2 && j + 2 * LANES <= n_key)
	{
		score_tile(n_row, 2, args, i, j, scores);
		j += 2 * LANES;
	}
	for (; j < n_key; j += LANES)
		score_tile(n_row, 1, args, i, j, scores);
}

/* Output dimensions d .. d + n_vec * 16 of n_row query rows; `which` of each vector. */
SLM_INLINE void
value_tile(const int n_row, const int n_vec, const bool whole, VecIf which, const SlmAttend *args,
		   int i, size_t d, const float *e, const float *sum)
{
	const float *value = args->v + d;
	Vec acc[VALUE_TILE_ROWS][VALUE_TILE_VECS];

	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			acc[r][v] = vec_zero();
	}
	for (int j = 0; j < args->t; j++, value += args->v_stride)
	{
		Vec row[VALUE_TILE_VECS];

		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			row[v] = whole ? vec_load(value + v * LANES) : vec_load_if(which, value + v * LANES);
		SLM_UNROLL
		for (int r = 0; r < n_row; r++)
		{
			Vec weight = vec_set1(e[(size_t) r * args->t_stride + (size_t) j]);

			SLM_UNROLL
			for (int v = 0; v < n_vec; v++)
				acc[r][v] = vec_fma(weight, row[v], acc[r][v]);
		}
	}
	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
		{
			float *out = args->out + (size_t) (i + r) * args->out_stride + d + v * LANES;
			Vec mean = vec_div(acc[r][v], vec_set1(sum[r]));

			if (whole)
				vec_store(out, mean);
			else
				vec_store_if(which, out, mean);
		}
	}
}

/* All output dimensions of n_row query rows. */
SLM_INLINE void
value_rows(const int n_row, const SlmAttend *args, int i, const float *e, const float *sum)
{
	size_t n = (size_t) args->head_dim;
	VecIf rest = vec_first((int) (n % LANES));
	size_t d = 0;

	for (; d + VALUE_TILE_VECS * LANES <= n; d += VALUE_TILE_VECS * LANES)
		value_tile(n_row, VALUE_TILE_VECS, true, rest, args, i, d, e, sum);
	if (VALUE_TILE_VECS > 1 && d + LANES <= n)
	{
		value_tile(n_row, 1, true, rest, args, i, d, e, sum);
		d += LANES;
	}
	if (d < n)
		value_tile(n_row, 1, false, rest, args, i, d, e, sum);
}

/* The row counts that attend() uses. */
SLM_NOINLINE void
score_many(const SlmAttend *args, int i, float *scores)
{
	score_rows(SCORE_TILE_ROWS, args, i, scores);
}

SLM_NOINLINE void
score_one(const SlmAttend *args, int i, float *scores)
{
	score_rows(1, args, i, scores);
}

SLM_NOINLINE void
value_many(const SlmAttend *args, int i, const float *e, const float *sum)
{
	value_rows(VALUE_TILE_ROWS, args, i, e, sum);
}

SLM_NOINLINE void
value_four(const SlmAttend *args, int i, const float *e, const float *sum)
{
	value_rows(4, args, i, e, sum);
}

SLM_NOINLINE void
value_one(const SlmAttend *args, int i, const float *e, const float *sum)
{
	value_rows(1, args, i, e, sum);
}

/* Keys [first, end) of a row: as if they were infinitely far. */
static void
hide(float *scores, int first, int end)
{
	for (int j = first; j < end; j++)
		scores[j] = -INFINITY;
}

static void
cap_scores(float *scores, int n, float cap)
{
	size_t n_padded = ((size_t) n + LANES - 1) / LANES * LANES;

	for (size_t j = 0; j < n_padded; j += LANES)
		vec_store(scores + j, vec_div(vec_load(scores + j), vec_set1(cap)));
	tanh_map(scores, (int64_t) n_padded);
	for (size_t j = 0; j < n_padded; j += LANES)
		vec_store(scores + j, vec_mul(vec_set1(cap), vec_load(scores + j)));
}

static void
attend(const SlmAttend *whole, int q0, int q1)
{
	for (int i = q0; i < q1; i += QUERY_BLOCK)
	{
		int n = q1 - i < QUERY_BLOCK ? q1 - i : QUERY_BLOCK;
		SlmAttend block = *whole;
		const SlmAttend *args = &block;
		float sum[QUERY_BLOCK];
		int r = 0, first, end, from;

		/* from the first key that the first row sees, in its lane, to the last one's last */
		slm_attend_seen(whole, i, &from, &end);
		slm_attend_seen(whole, i + n - 1, &first, &end);
		from = from / LANES * LANES;
		block.kt += from;
		block.v += (size_t) from * block.v_stride;
		block.bias += block.bias != NULL ? from : 0;
		block.t = end - from;
#define SCORES (args->scores + (size_t) r * args->t_stride)
		for (; r + SCORE_TILE_ROWS <= n; r += SCORE_TILE_ROWS)
			score_many(args, i + r, SCORES);
		for (; r < n; r++)
			score_one(args, i + r, SCORES);
		for (r = 0; r < n && args->cap > 0.0f; r++)
			cap_scores(SCORES, args->t, args->cap);
		for (r = 0; r < n && (whole->seen > 0 || whole->window > 0); r++)
		{
			slm_attend_seen(whole, i + r, &first, &end);
			hide(SCORES, 0, first - from);
			hide(SCORES, end - from, args->t);
		}
		for (r = 0; r + EXP_ROWS <= n; r += EXP_ROWS)
			exponentials_many(SCORES, args->t_stride, args->t, sum + r);
		for (; r < n; r++)
			sum[r] = exponentials(SCORES, args->t);
		for (r = 0; r + VALUE_TILE_ROWS <= n; r += VALUE_TILE_ROWS)
			value_many(args, i + r, SCORES, sum + r);
		for (; r + 4 <= n; r += 4)
			value_four(args, i + r, SCORES, sum + r);
		for (; r < n; r++)
			value_one(args, i + r, SCORES, sum + r);
#undef SCORES
	}
}

#endif
