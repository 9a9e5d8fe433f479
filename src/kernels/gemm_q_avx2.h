/*
 * gemm_q_avx2.h - matrix products with quantized weights by vpmaddubsw
 *
 * The weight becomes signed by flipping its top bit, or is looked up; then |w| is the unsigned
 * operand and the activation takes the sign of w.  Exact: |w| <= 128 and |a| <=
 * 127 give at most 32,512 a pair.  The other way round, |a| and the weight with
 * the sign of a, is wrong at w = -128.
 *
 * Four operations for 32 products, so a third of what vpdpbusd on ymm does: 160
 * GOP/s on one Zen 5 core with 2, 3 or 4 activation rows from gcc 12; clang 14
 * gives 160, 166 and 172, so 4.
 */
#ifndef SLM_KERNELS_GEMM_Q_AVX2_H
#define SLM_KERNELS_GEMM_Q_AVX2_H

#include "kernels/tile_avx2.h"

SLM_INLINE __m256i
q_dot(__m256i sum, __m256i weight, __m256i activation)
{
	__m256i pairs =
		_mm256_maddubs_epi16(_mm256_abs_epi8(weight), _mm256_sign_epi8(activation, weight));

	return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* The codes of 4 bits of step j of 8 of 8 rows. */
SLM_INLINE __m256i
q_nibbles(const uint8_t *codes, const int j)
{
	__m256i both = _mm256_loadu_si256((const __m256i *) (const void *) (codes + j % 4 * 64));

	return _mm256_and_si256(j < 4 ? both : _mm256_srli_epi16(both, 4), _mm256_set1_epi8(15));
}

/* What they stand for: a table for each lane. */
SLM_INLINE __m256i
q_values(const SlmLayout layout)
{
	const __m128i *values = (const __m128i *) (const void *) layout_values(layout);

	return _mm256_broadcastsi128_si256(_mm_loadu_si128(values));
}

SLM_INLINE __m256i
q_weights(const SlmLayout layout, const uint8_t *codes, const int j)
{
	if (layout == SLM_LAYOUT_Q8)
		return _mm256_xor_si256(
			_mm256_loadu_si256((const __m256i *) (const void *) (codes + j * 64)),
			_mm256_set1_epi8((char) SLM_Q8_OFFSET));
	return _mm256_shuffle_epi8(q_values(layout), q_nibbles(codes, j));
}

SLM_INLINE void
q_tile(const SlmLayout layout, const int n_row, const uint8_t *w, int64_t n_pair,
	   const SlmActivations *x, int i0, const float *bias, float *y, size_t y_stride)
{
	const int8_t *q = x->q + (size_t) i0 * x->q_stride;
	const float *d = x->d + (size_t) i0 * x->d_stride;
	Vec acc[TILE_ROWS];

	SLM_UNROLL
	for (int i = 0; i < n_row; i++)
		acc[i] = vec_zero();
	for (int64_t b = 0; b < n_pair * 2; b++)
	{
		const uint8_t *pair = w + (size_t) (b / 2) * q_pair_bytes(layout);
		const uint8_t *codes = pair + (size_t) (b % 2) * q_block_bytes(layout);
		const uint8_t *scales = pair + q_scales(layout) + b % 2 * SLM_GROUP_ROWS * 2;
		__m256i lo_sum[TILE_ROWS], hi_sum[TILE_ROWS];
		Vec dw;

		if (i0 == 0) /* the other tiles find the weights in a cache */
			prefetch(codes + PREFETCH_PAIRS(1) * q_pair_bytes(layout), q_block_bytes(layout));
		SLM_UNROLL
		for (int i = 0; i < n_row; i++)
			lo_sum[i] = hi_sum[i] = _mm256_setzero_si256();
		SLM_UNROLL
		for (int j = 0; j < SLM_Q8_BLOCK / 4; j++)
		{
			__m256i lo = q_weights(layout, codes, j), hi = q_weights(layout, codes + 32, j);

			SLM_UNROLL
			for (int i = 0; i < n_row; i++)
			{
				__m256i activation;
				int32_t four;

				memcpy(&four, q + (size_t) i * x->q_stride + b * SLM_Q8_BLOCK + j * 4, 4);
				activation = _mm256_set1_epi32(four);
				lo_sum[i] = q_dot(lo_sum[i], lo, activation);
				hi_sum[i] = q_dot(hi_sum[i], hi, activation);
			}
		}
		dw = vec_load_f16((const uint16_t *) (const void *) scales);
		tile_add(n_row, lo_sum, hi_sum, dw, d + b, x->d_stride, acc);
	}
	tile_end(n_row, acc, bias, y + (size_t) i0 * y_stride, y_stride);
}

TILE_GEMM(gemm_q8, SLM_LAYOUT_Q8, q_tile, 2 * SLM_Q8_BLOCK)
TILE_GEMM(gemm_q4, SLM_LAYOUT_Q4, q_tile, 2 * SLM_Q8_BLOCK)
TILE_GEMM(gemm_iq4, SLM_LAYOUT_IQ4, q_tile, 2 * SLM_Q8_BLOCK)

#endif
