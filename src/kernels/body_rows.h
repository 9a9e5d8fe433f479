/*
 * body_rows.h - the row kernels over 16 lanes: maps, norms, sums, softmax,
 * activation codes, transposition
 *
 * Included once by each ISA's stub, after its simd_*.h.
 */
#ifndef SLM_KERNELS_BODY_ROWS_H
#define SLM_KERNELS_BODY_ROWS_H

#include "base/status.h"
#include "kernels/simd_math.h"
#include "kernels/tables.h"

#define LANES SLM_GROUP_ROWS

/* A kernel that maps a row in place by a function of simd_math.h. */
#define SLM_ROW_MAP(name, map)                                                                     \
	static void name(float *x, int64_t n)                                                          \
	{                                                                                              \
		int64_t i = 0;                                                                             \
                                                                                                   \
		for (; i + LANES <= n; i += LANES)                                                         \
			vec_store(x + i, map(vec_load(x + i)));                                                \
		if (i < n)                                                                                 \
		{                                                                                          \
			VecIf rest = vec_first((int) (n - i));                                                 \
                                                                                                   \
			vec_store_if(rest, x + i, map(vec_load_if(rest, x + i)));                              \
		}                                                                                          \
	}

SLM_ROW_MAP(gelu_erf, vec_gelu_erf)
SLM_ROW_MAP(gelu_tanh, vec_gelu_tanh)
SLM_ROW_MAP(silu, vec_silu)
SLM_ROW_MAP(tanh_map, vec_tanh)

static float
dot(const float *a, const float *b, int64_t n)
{
	Vec acc = vec_zero();
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		acc = vec_fma(vec_load(a + i), vec_load(b + i), acc);
	if (i < n)
	{
		VecIf rest = vec_first((int) (n - i));

		acc =
			vec_select(rest, vec_fma(vec_load_if(rest, a + i), vec_load_if(rest, b + i), acc), acc);
	}
	return vec_tree_sum(acc);
}

/* Lanes i of x + residual, or of x alone. */
SLM_INLINE Vec
load_sum(VecIf which, const float *x, const float *residual, int64_t i)
{
	Vec h = vec_load_if(which, x + i);

	return residual != NULL ? vec_add(h, vec_load_if(which, residual + i)) : h;
}

/* Lanes i of what is normal, weighted. */
SLM_INLINE Vec
weigh(VecIf which, Vec x, const float *weight, const float *bias, int64_t i)
{
	Vec w = vec_load_if(which, weight + i);

	return bias != NULL ? vec_fma(x, w, vec_load_if(which, bias + i)) : vec_mul(x, w);
}

SLM_INLINE void
layer_norm_body(const float *x, const float *residual, const float *weight, const float *bias,
				float eps, int64_t n, float *y)
{
	VecIf all = vec_first(LANES), rest = vec_first((int) (n % LANES));
	Vec sum = vec_zero(), square = vec_zero();
	Vec mean, scale;
	int64_t i;

	for (i = 0; i + LANES <= n; i += LANES)
		sum = vec_add(sum, load_sum(all, x, residual, i));
	if (i < n)
		sum = vec_select(rest, vec_add(sum, load_sum(rest, x, residual, i)), sum);
	mean = vec_set1(vec_tree_sum(sum) / (float) n);
	for (i = 0; i + LANES <= n; i += LANES)
	{
		Vec c = vec_sub(load_sum(all, x, residual, i), mean);

		square = vec_fma(c, c, square);
	}
	if (i < n)
	{
		Vec c = vec_sub(load_sum(rest, x, residual, i), mean);

		square = vec_select(rest, vec_fma(c, c, square), square);
	}
	scale = vec_set1(1.0f / sqrtf(vec_tree_sum(square) / (float) n + eps));
	for (i = 0; i + LANES <= n; i += LANES)
	{
		Vec c = vec_mul(vec_sub(load_sum(all, x, residual, i), mean), scale);

		vec_store(y + i, weigh(all, c, weight, bias, i));
	}
	if (i < n)
	{
		Vec c = vec_mul(vec_sub(load_sum(rest, x, residual, i), mean), scale);

		vec_store_if(rest, y + i, weigh(rest, c, weight, bias, i));
	}
}

static void
layer_norm(const float *x, const float *residual, const float *weight, const float *bias, float eps,
		   int64_t n, float *y)
{
	if (bias == NULL)
		layer_norm_body(x, residual, weight, NULL, eps, n, y);
	else if (residual != NULL)
		layer_norm_body(x, residual, weight, bias, eps, n, y);
	else
		layer_norm_body(x, NULL, weight, bias, eps, n, y);
}

static void
rms_norm(const float *x, const float *weight, float eps, int64_t n, float *y)
{
	Vec scale = vec_set1(1.0f / sqrtf(dot(x, x, n) / (float) n + eps));
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		vec_store(y + i, vec_mul(vec_mul(vec_load(x + i), scale), vec_load(weight + i)));
	if (i < n)
	{
		VecIf rest = vec_first((int) (n - i));
		Vec c = vec_mul(vec_load_if(rest, x + i), scale);

		vec_store_if(rest, y + i, vec_mul(c, vec_load_if(rest, weight + i)));
	}
}

#define EXP_ROWS 4 /* rows side by side, so that their chains overlap */

/* Each of n_row rows becomes exp(x - max); its sum goes to sum[]. */
SLM_INLINE void
exponentials_rows(const int n_row, float *x, size_t stride, int64_t n, float *sum)
{
	VecIf rest = vec_first((int) (n % LANES));
	Vec max[EXP_ROWS], total[EXP_ROWS];
	int64_t i;

	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		max[r] = vec_set1(-INFINITY);
		total[r] = vec_zero();
	}
	for (i = 0; i + LANES <= n; i += LANES)
	{
		SLM_UNROLL
		for (int r = 0; r < n_row; r++)
			max[r] = vec_max(vec_load(x + (size_t) r * stride + i), max[r]);
	}
	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		if (i < n)
			max[r] = vec_select(
				rest, vec_max(vec_load_if(rest, x + (size_t) r * stride + i), max[r]), max[r]);
		max[r] = vec_set1(vec_tree_max(max[r]));
	}
	for (i = 0; i + LANES <= n; i += LANES)
	{
		SLM_UNROLL
		for (int r = 0; r < n_row; r++)
		{
			float *at = x + (size_t) r * stride + i;
			Vec e = vec_exp(vec_sub(vec_load(at), max[r]));

			vec_store(at, e);
			total[r] = vec_add(total[r], e);
		}
	}
	SLM_UNROLL
	for (int r = 0; r < n_row; r++)
	{
		if (i < n)
		{
			float *at = x + (size_t) r * stride + i;
			Vec e = vec_exp(vec_sub(vec_load_if(rest, at), max[r]));

			vec_store_if(rest, at, e);
			total[r] = vec_select(rest, vec_add(total[r], e), total[r]);
		}
		sum[r] = vec_tree_sum(total[r]);
	}
}

SLM_NOINLINE void
exponentials_many(float *x, size_t stride, int64_t n, float *sum)
{
	exponentials_rows(EXP_ROWS, x, stride, n, sum);
}

/* x becomes exp(x - max); returns the sum. */
SLM_NOINLINE float
exponentials(float *x, int64_t n)
{
	float sum;

	exponentials_rows(1, x, 0, n, &sum);
	return sum;
}

static void
softmax(float *x, int64_t n)
{
	Vec sum = vec_set1(exponentials(x, n));
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		vec_store(x + i, vec_div(vec_load(x + i), sum));
	if (i < n)
	{
		VecIf rest = vec_first((int) (n - i));

		vec_store_if(rest, x + i, vec_div(vec_load_if(rest, x + i), sum));
	}
}

/* Combines each of four vectors over its 8 lanes: four results in order. */
#define REDUCE_FOUR(x, op256, op128)                                                               \
	do                                                                                             \
	{                                                                                              \
		__m256i x01 = op256(_mm256_unpacklo_epi32(x[0], x[1]), _mm256_unpackhi_epi32(x[0], x[1])); \
		__m256i x23 = op256(_mm256_unpacklo_epi32(x[2], x[3]), _mm256_unpackhi_epi32(x[2], x[3])); \
		__m256i all = op256(_mm256_unpacklo_epi64(x01, x23), _mm256_unpackhi_epi64(x01, x23));     \
                                                                                                   \
		return op128(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));               \
	} while (0)

SLM_INLINE __m128i
max_of_four(const __m256i x[4])
{
	REDUCE_FOUR(x, _mm256_max_epi32, _mm_max_epi32);
}

SLM_INLINE __m128i
sum_of_four(const __m256i x[4])
{
	REDUCE_FOUR(x, _mm256_add_epi32, _mm_add_epi32);
}

#define QUANTIZE_CHUNK 64 /* blocks, a multiple of 4 */

/*
 * Four blocks at a time, whose reductions and divisions share instructions;
 * first the scales of a chunk of blocks, then its codes: in one loop each
 * block's codes would wait for its reduction (half as fast on Zen 5).  The
 * reference does what is not ordinary: a chunk with an amax too small, a NaN or
 * an infinity, the last one to three blocks, and the padding.
 */
static void
quantize_q8(const float *x, int64_t k, int64_t k_padded, int8_t *q, float *d, int32_t *sum)
{
	const __m256i one_bytes = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
	const __m128 largest = _mm_set1_ps(127.0f);
	int64_t n_whole = k / (4 * SLM_Q8_BLOCK) * 4;
	int64_t n;

	for (int64_t start = 0; start < n_whole; start += n)
	{
		float scale[QUANTIZE_CHUNK];
		__m128 ordinary = _mm_castsi128_ps(_mm_set1_epi32(-1));
		__m256i part[4];

		n = n_whole - start < QUANTIZE_CHUNK ? n_whole - start : QUANTIZE_CHUNK;
		for (int64_t b = 0; b < n; b += 4)
		{
			const float *blocks = x + (start + b) * SLM_Q8_BLOCK;
			__m128 amax;

			SLM_UNROLL
			for (int i = 0; i < 4; i++)
				part[i] = vec_block_magnitude(vec_load(blocks + i * SLM_Q8_BLOCK),
											  vec_load(blocks + i * SLM_Q8_BLOCK + LANES));
			amax = _mm_castsi128_ps(max_of_four(part));
			ordinary = _mm_and_ps(ordinary, _mm_cmpge_ps(amax, _mm_set1_ps(SLM_Q8_LOWEST)));
			ordinary = _mm_and_ps(ordinary, _mm_cmplt_ps(amax, _mm_set1_ps(INFINITY)));
			_mm_storeu_ps(d + start + b, _mm_div_ps(amax, largest));
			_mm_storeu_ps(scale + b, _mm_div_ps(largest, amax));
		}
		if (SLM_UNLIKELY(_mm_movemask_ps(ordinary) != 15))
		{
			slm_scalar_quantize_q8(x + start * SLM_Q8_BLOCK, n * SLM_Q8_BLOCK, n * SLM_Q8_BLOCK,
								   q + start * SLM_Q8_BLOCK, d + start, sum + start);
			continue;
		}
		for (int64_t b = 0; b < n; b += 4)
		{
			const float *blocks = x + (start + b) * SLM_Q8_BLOCK;

			SLM_UNROLL
			for (int i = 0; i < 4; i++)
			{
				Vec by = vec_set1(scale[b + i]);
				__m256i codes =
					vec_block_codes(vec_mul(vec_load(blocks + i * SLM_Q8_BLOCK), by),
									vec_mul(vec_load(blocks + i * SLM_Q8_BLOCK + LANES), by));

				_mm256_storeu_si256((__m256i *) (void *) (q + (start + b + i) * SLM_Q8_BLOCK),
									codes);
				part[i] = _mm256_madd_epi16(_mm256_maddubs_epi16(one_bytes, codes), ones);
			}
			/* times -128 */
			_mm_storeu_si128(
				(__m128i *) (void *) (sum + start + b),
				_mm_sub_epi32(_mm_setzero_si128(), _mm_slli_epi32(sum_of_four(part), 7)));
		}
	}
	slm_scalar_quantize_q8(x + n_whole * SLM_Q8_BLOCK, k - n_whole * SLM_Q8_BLOCK,
						   k_padded - n_whole * SLM_Q8_BLOCK, q + n_whole * SLM_Q8_BLOCK,
						   d + n_whole, sum + n_whole);
}

/* 8 rows of 8 floats to columns, in ymm under every ISA. */
SLM_INLINE void
transpose_8x8(const float *k, size_t k_stride, float *kt, size_t t_stride)
{
	__m256 row[8], pair[8], quad[8];

	SLM_UNROLL
	for (int i = 0; i < 8; i++)
		row[i] = _mm256_loadu_ps(k + (size_t) i * k_stride);
	SLM_UNROLL
	for (int i = 0; i < 8; i += 2)
	{
		pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
		pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
	}
	SLM_UNROLL
	for (int i = 0; i < 8; i += 4)
	{
		quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], _MM_SHUFFLE(1, 0, 1, 0));
		quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], _MM_SHUFFLE(3, 2, 3, 2));
		quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], _MM_SHUFFLE(1, 0, 1, 0));
		quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], _MM_SHUFFLE(3, 2, 3, 2));
	}
	SLM_UNROLL
	for (int i = 0; i < 4; i++)
	{
		_mm256_storeu_ps(kt + (size_t) i * t_stride,
						 _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20));
		_mm256_storeu_ps(kt + (size_t) (i + 4) * t_stride,
						 _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31));
	}
}

static void
transpose(const float *k, size_t k_stride, int t, int head_dim, float *kt, size_t t_stride)
{
	int t_whole = t - t % 8, d_whole = head_dim - head_dim % 8;

	for (int d = 0; d < d_whole; d += 8)
		for (int j = 0; j < t_whole; j += 8)
			transpose_8x8(k + (size_t) j * k_stride + d, k_stride, kt + (size_t) d * t_stride + j,
						  t_stride);
	for (int d = 0; d < head_dim; d++)
	{
		float *row = kt + (size_t) d * t_stride;

		for (int j = d < d_whole ? t_whole : 0; j < t; j++)
			row[j] = k[(size_t) j * k_stride + d];
		for (size_t j = (size_t) t; j < t_stride; j++)
			row[j] = 0.0f;
	}
}

#endif
