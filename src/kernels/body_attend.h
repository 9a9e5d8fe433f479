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
_Static_assert(SLM_KEY_TILE % (SCORE_TILE_VECS * LANES) == 0,
			   "a tile of scores has its keys in one tile");

/* Bytes of an element of keys and values. */
SLM_INLINE size_t
stored_bytes(const SlmDtype type)
{
	return type == SLM_DTYPE_F32 ? sizeof(float) : type == SLM_DTYPE_F16 ? sizeof(uint16_t) : 1;
}

/* 16 elements; codes have scales, lane by lane. */
SLM_INLINE Vec
stored_load(const SlmDtype type, const uint8_t *p, Vec scale)
{
	if (type == SLM_DTYPE_F16)
		return vec_load_f16((const uint16_t *) (const void *) p);
	if (type == SLM_DTYPE_Q8_0)
		return vec_mul(vec_load_i8((const int8_t *) p), scale);
	return vec_load((const float *) (const void *) p);
}

/* Scores of n_row query rows and n_vec * 16 keys from key j on. */
SLM_INLINE void
score_tile(const SlmDtype type, const int n_row, const int n_vec, const SlmAttend *args, int i,
		   size_t j, float *scores)
{
	const size_t bytes = stored_bytes(type);
	const int run = type == SLM_DTYPE_Q8_0 ? SLM_Q8_BLOCK : args->head_dim;
	const float *q = args->q + (size_t) i * args->q_stride;
	size_t tile = j / SLM_KEY_TILE, at = j % SLM_KEY_TILE;
	const uint8_t *kt = (const uint8_t *) args->kt + (tile * args->k_tile + at) * bytes;
	const uint16_t *k_scale =
		type == SLM_DTYPE_Q8_0 ? args->k_scale + tile * args->k_scale_tile + at : NULL;
	const float *bias = args->bias != NULL ? args->bias + i * args->bias_row + j : NULL;
	Vec acc[SCORE_TILE_ROWS][SCORE_TILE_VECS];

	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			acc[r][v] = vec_zero();
	}
	for (int d = 0; d < args->head_dim;)
	{
		int end = args->head_dim - d < run ? args->head_dim : d + run;
		Vec scale[SCORE_TILE_VECS];

		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			scale[v] = k_scale != NULL ? vec_load_f16(k_scale + v * LANES) : vec_zero();
		k_scale += k_scale != NULL ? args->k_stride : 0;
		for (; d < end; d++, kt += args->k_stride * bytes)
		{
			Vec key[SCORE_TILE_VECS];

			SLM_UNROLL
			for (int v = 0; v < n_vec; v++)
				key[v] = stored_load(type, kt + (size_t) v * LANES * bytes, scale[v]);
			SLM_UNROLL
			for (int r = 0; r < n_row; r++)
			{
				Vec query = vec_set1(q[(size_t) r * args->q_stride + (size_t) d]);

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					acc[r][v] = vec_fma(query, key[v], acc[r][v]);
			}
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
score_rows(const SlmDtype type, const int n_row, const SlmAttend *args, int i, float *scores)
{
	size_t n_key = ((size_t) args->t + LANES - 1) / LANES * LANES;
	size_t j = 0;

	for (; j + SCORE_TILE_VECS * LANES <= n_key; j += SCORE_TILE_VECS * LANES)
		score_tile(type, n_row, SCORE_TILE_VECS, args, i, j, scores);
	if (SCORE_TILE_VECS > 2 && j + 2 * LANES <= n_key)
	{
		score_tile(type, n_row, 2, args, i, j, scores);
		j += 2 * LANES;
	}
	for (; j < n_key; j += LANES)
		score_tile(type, n_row, 1, args, i, j, scores);
}

/* Output dimensions d .. d + n_vec * 16 of n_row query rows; `which` of each vector. */
SLM_INLINE void
value_tile(const SlmDtype type, const int n_row, const int n_vec, const bool whole, VecIf which,
		   const SlmAttend *args, int i, size_t d, const float *e, const float *sum)
{
	const size_t bytes = stored_bytes(type);
	const uint8_t *value = (const uint8_t *) args->v + d * bytes;
	/* a tile stays in one block */
	const uint16_t *v_scale = type == SLM_DTYPE_Q8_0 ? args->v_scale + d / SLM_Q8_BLOCK : NULL;
	Vec acc[VALUE_TILE_ROWS][VALUE_TILE_VECS];

	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			acc[r][v] = vec_zero();
	}
	for (int j = 0; j < args->t; j++, value += args->v_stride * bytes)
	{
		Vec scale = v_scale != NULL ? vec_set1_f16(v_scale) : vec_zero();
		Vec row[VALUE_TILE_VECS];

		v_scale += v_scale != NULL ? args->v_scale_stride : 0;
		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			row[v] = whole || type != SLM_DTYPE_F32
						 ? stored_load(type, value + (size_t) v * LANES * bytes, scale)
						 : vec_load_if(which, (const float *) (const void *) value + v * LANES);
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
value_rows(const SlmDtype type, const int n_row, const SlmAttend *args, int i, const float *e,
		   const float *sum)
{
	size_t n = (size_t) args->head_dim;
	VecIf rest = vec_first((int) (n % LANES));
	size_t d = 0;

	for (; d + VALUE_TILE_VECS * LANES <= n; d += VALUE_TILE_VECS * LANES)
		value_tile(type, n_row, VALUE_TILE_VECS, true, rest, args, i, d, e, sum);
	if (VALUE_TILE_VECS > 1 && d + LANES <= n)
	{
		value_tile(type, n_row, 1, true, rest, args, i, d, e, sum);
		d += LANES;
	}
	if (d < n)
		value_tile(type, n_row, 1, false, rest, args, i, d, e, sum);
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

/* The row counts that attend_rows() uses, for one type of keys and values. */
typedef struct AttendSteps
{
	void (*score_many)(const SlmAttend *args, int i, float *scores);
	void (*score_one)(const SlmAttend *args, int i, float *scores);
	void (*value_many)(const SlmAttend *args, int i, const float *e, const float *sum);
	void (*value_four)(const SlmAttend *args, int i, const float *e, const float *sum);
	void (*value_one)(const SlmAttend *args, int i, const float *e, const float *sum);
} AttendSteps;

SLM_INLINE void
attend_rows(const SlmDtype type, const AttendSteps *steps, const SlmAttend *whole, int q0, int q1)
{
	for (int i = q0; i < q1; i += QUERY_BLOCK)
	{
		int n = q1 - i < QUERY_BLOCK ? q1 - i : QUERY_BLOCK;
		SlmAttend block = *whole;
		const SlmAttend *args = &block;
		float sum[QUERY_BLOCK];
		int r = 0, first, end, from, tile;

		/* from the tile of the first key that the first row sees to the last one's last */
		slm_attend_seen(whole, i, &from, &end);
		slm_attend_seen(whole, i + n - 1, &first, &end);
		tile = from / SLM_KEY_TILE;
		from = tile * SLM_KEY_TILE;
		block.kt = (const uint8_t *) whole->kt + (size_t) tile * whole->k_tile * stored_bytes(type);
		block.v = (const uint8_t *) whole->v + (size_t) from * whole->v_stride * stored_bytes(type);
		if (type == SLM_DTYPE_Q8_0)
		{
			block.k_scale += (size_t) tile * whole->k_scale_tile;
			block.v_scale += (size_t) from * whole->v_scale_stride;
		}
		block.bias += block.bias != NULL ? from : 0;
		block.t = end - from;
#define SCORES (args->scores + (size_t) r * args->t_stride)
		for (; r + SCORE_TILE_ROWS <= n; r += SCORE_TILE_ROWS)
			steps->score_many(args, i + r, SCORES);
		for (; r < n; r++)
			steps->score_one(args, i + r, SCORES);
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
			steps->value_many(args, i + r, SCORES, sum + r);
		for (; r + 4 <= n; r += 4)
			steps->value_four(args, i + r, SCORES, sum + r);
		for (; r < n; r++)
			steps->value_one(args, i + r, SCORES, sum + r);
#undef SCORES
	}
}

#define ATTEND(name, type)                                                                         \
	SLM_NOINLINE void name##_score_many(const SlmAttend *args, int i, float *scores)               \
	{                                                                                              \
		score_rows(type, SCORE_TILE_ROWS, args, i, scores);                                        \
	}                                                                                              \
	SLM_NOINLINE void name##_score_one(const SlmAttend *args, int i, float *scores)                \
	{                                                                                              \
		score_rows(type, 1, args, i, scores);                                                      \
	}                                                                                              \
	SLM_NOINLINE void name##_value_many(const SlmAttend *args, int i, const float *e,              \
										const float *sum)                                          \
	{                                                                                              \
		value_rows(type, VALUE_TILE_ROWS, args, i, e, sum);                                        \
	}                                                                                              \
	SLM_NOINLINE void name##_value_four(const SlmAttend *args, int i, const float *e,              \
										const float *sum)                                          \
	{                                                                                              \
		value_rows(type, 4, args, i, e, sum);                                                      \
	}                                                                                              \
	SLM_NOINLINE void name##_value_one(const SlmAttend *args, int i, const float *e,               \
									   const float *sum)                                           \
	{                                                                                              \
		value_rows(type, 1, args, i, e, sum);                                                      \
	}                                                                                              \
	static void name(const SlmAttend *args, int q0, int q1)                                        \
	{                                                                                              \
		static const AttendSteps steps = {name##_score_many, name##_score_one, name##_value_many,  \
										  name##_value_four, name##_value_one};                    \
                                                                                                   \
		attend_rows(type, &steps, args, q0, q1);                                                   \
	}
ATTEND(attend, SLM_DTYPE_F32)
ATTEND(attend_f16, SLM_DTYPE_F16)
ATTEND(attend_q8, SLM_DTYPE_Q8_0)
#undef ATTEND

/* Halves that are infinite become NaN. */
static void
to_half(const float *x, int64_t n, uint16_t *y)
{
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		vec_store_f16(y + i, vec_load(x + i));
	if (i < n)
	{
		uint16_t rest[LANES];

		vec_store_f16(rest, vec_load_if(vec_first((int) (n - i)), x + i));
		memcpy(y + i, rest, (size_t) (n - i) * sizeof(*y));
	}
	for (i = 0; i < n; i++)
		y[i] = (y[i] & 0x7fff) == 0x7c00 ? 0x7e00 : y[i];
}

#endif
