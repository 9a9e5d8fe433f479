/*
 * gemm_q8_avx2.h - matrix products with quantized weights by vpmaddubsw
 *
 * The weight becomes signed by flipping its top bit; then |w| is the unsigned
 * operand and the activation takes the sign of w.  Exact: |w| <= 128 and |a| <=
 * 127 give at most 32,512 a pair.  The other way round, |a| and the weight with
 * the sign of a, is wrong at w = -128.
 *
 * Four operations for 32 products, so a third of what vpdpbusd on ymm does: 160
 * GOP/s on one Zen 5 core with 2, 3 or 4 activation rows from gcc 12; clang 14
 * gives 160, 166 and 172, so 4.
 */
#ifndef SLM_KERNELS_GEMM_Q8_AVX2_H
#define SLM_KERNELS_GEMM_Q8_AVX2_H

#include "kernels/simd_avx2.h"
#include "kernels/tables.h"

#define Q8_TILE_ROWS 4 /* activation rows, at most */

SLM_INLINE __m256i
q8_dot(__m256i sum, __m256i weight, __m256i activation)
{
	__m256i pairs =
		_mm256_maddubs_epi16(_mm256_abs_epi8(weight), _mm256_sign_epi8(activation, weight));

	return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

SLM_INLINE void
q8_tile(const int n_row, const uint8_t *w, int64_t n_pair, const SlmActivations *x, int i0,
		const float *bias, float *y, size_t y_stride)
{
	const __m256i top_bits = _mm256_set1_epi8((char) SLM_Q8_OFFSET);
	const int8_t *q = x->q + (size_t) i0 * x->q_stride;
	const float *d = x->d + (size_t) i0 * x->d_stride;
	Vec acc[Q8_TILE_ROWS];

	SLM_UNROLL
	for (int i = 0; i < n_row; i++)
		acc[i] = vec_zero();
	for (int64_t b = 0; b < n_pair * 2; b++)
	{
		const uint8_t *codes = w + b / 2 * SLM_Q8_PAIR_BYTES + b % 2 * SLM_Q8_BLOCK_BYTES;
		const uint8_t *scales =
			w + b / 2 * SLM_Q8_PAIR_BYTES + SLM_Q8_SCALES + b % 2 * SLM_GROUP_ROWS * 2;
		__m256i lo_sum[Q8_TILE_ROWS], hi_sum[Q8_TILE_ROWS];
		Vec dw;

		SLM_UNROLL
		for (int i = 0; i < n_row; i++)
			lo_sum[i] = hi_sum[i] = _mm256_setzero_si256();
		SLM_UNROLL
		for (int j = 0; j < SLM_Q8_BLOCK / 4; j++)
		{
			const __m256i *eight = (const __m256i *) (const void *) (codes + j * 64);
			__m256i lo = _mm256_xor_si256(_mm256_loadu_si256(eight), top_bits);
			__m256i hi = _mm256_xor_si256(_mm256_loadu_si256(eight + 1), top_bits);

			SLM_UNROLL
			for (int i = 0; i < n_row; i++)
			{
				__m256i activation;
				int32_t four;

				memcpy(&four, q + (size_t) i * x->q_stride + b * SLM_Q8_BLOCK + j * 4, 4);
				activation = _mm256_set1_epi32(four);
				lo_sum[i] = q8_dot(lo_sum[i], lo, activation);
				hi_sum[i] = q8_dot(hi_sum[i], hi, activation);
			}
		}
		dw = vec_load_f16((const uint16_t *) (const void *) scales);
		SLM_UNROLL
		for (int i = 0; i < n_row; i++)
		{
			Vec scale = vec_mul(dw, vec_set1(d[(size_t) i * x->d_stride + (size_t) b]));
			Vec dot32 = {_mm256_cvtepi32_ps(lo_sum[i]), _mm256_cvtepi32_ps(hi_sum[i])};

			acc[i] = vec_fma(dot32, scale, acc[i]);
		}
	}
	SLM_UNROLL
	for (int i = 0; i < n_row; i++)
		vec_store(y + (size_t) (i0 + i) * y_stride,
				  bias != NULL ? vec_add(acc[i], vec_load(bias)) : acc[i]);
}

static void
gemm_q8(const void *w, int64_t k, int n_group, const SlmActivations *x, int m, const float *bias,
		float *y, size_t y_stride)
{
	int64_t n_pair = slm_q8_padded(k) / (2 * SLM_Q8_BLOCK);

	for (int g = 0; g < n_group; g++)
	{
		const uint8_t *group =
			(const uint8_t *) w + (size_t) g * (size_t) n_pair * SLM_Q8_PAIR_BYTES;
		const float *group_bias = bias != NULL ? bias + g * SLM_GROUP_ROWS : NULL;
		float *out = y + g * SLM_GROUP_ROWS;
		int i = 0;

		for (; i + Q8_TILE_ROWS <= m; i += Q8_TILE_ROWS)
			q8_tile(Q8_TILE_ROWS, group, n_pair, x, i, group_bias, out, y_stride);
		if (i + 2 <= m)
		{
			q8_tile(2, group, n_pair, x, i, group_bias, out, y_stride);
			i += 2;
		}
		if (i < m)
			q8_tile(1, group, n_pair, x, i, group_bias, out, y_stride);
	}
}

#endif
