/*
 * gemm_q_avx512.h - matrix products with quantized weights by vpdpbusd
 *
 * Weights are the unsigned operand (code + 128: stored so, or looked up), activations
 * the signed one; the accumulator of a block starts at -128 * sum(activations), so
 * that the integer sum is the exact sum of code * activation.
 */
#ifndef SLM_KERNELS_GEMM_Q_AVX512_H
#define SLM_KERNELS_GEMM_Q_AVX512_H

#include "kernels/tile_avx512.h"

/* The codes of 4 bits of step j of 8 of 16 rows. */
SLM_INLINE __m512i
q_nibbles(const uint8_t *codes, const int j)
{
	__m512i both = _mm512_loadu_si512(codes + j % 4 * 64);

	return _mm512_and_si512(j < 4 ? both : _mm512_srli_epi16(both, 4), _mm512_set1_epi8(15));
}

/* What they stand for, with SLM_Q8_OFFSET added: a table for each lane. */
SLM_INLINE __m512i
q_values(const SlmLayout layout)
{
	const __m128i *values = (const __m128i *) (const void *) layout_values(layout);

	return _mm512_xor_si512(_mm512_broadcast_i32x4(_mm_loadu_si128(values)),
							_mm512_set1_epi8((char) SLM_Q8_OFFSET));
}

SLM_INLINE __m512i
q_weights(const SlmLayout layout, const uint8_t *codes, const int j)
{
	if (layout == SLM_LAYOUT_Q8)
		return _mm512_loadu_si512(codes + j * 64);
	return _mm512_shuffle_epi8(q_values(layout), q_nibbles(codes, j));
}

SLM_INLINE void
q_tile(const SlmLayout layout, const int n_vec, const int n_row, const bool first, const uint8_t *w,
	   size_t group_bytes, int64_t n_pair, const SlmActivations *x, int i0, const float *bias,
	   float *y, size_t y_stride, Ahead *next)
{
	const int8_t *q = x->q + (size_t) i0 * x->q_stride;
	const float *d = x->d + (size_t) i0 * x->d_stride;
	const int32_t *start = x->sum + (size_t) i0 * x->d_stride;
	__m512 acc[TILE_VECS][TILE_ROWS];

	tile_begin(n_vec, n_row, acc);
	for (int64_t p = 0; p < n_pair; p++)
	{
		SLM_UNROLL
		for (int half = 0; half < 2; half++)
		{
			const uint8_t *codes = w + (size_t) half * q_block_bytes(layout);
			const uint8_t *scales = w + q_scales(layout) + half * SLM_GROUP_ROWS * 2;
			__m512i isum[TILE_VECS][TILE_ROWS];
			__m512 dw[TILE_VECS];

			if (first)
			{
				const uint8_t *ahead =
					codes + ahead_bytes(PREFETCH_PAIRS(n_vec), q_pair_bytes(layout), n_pair - p,
										n_vec, group_bytes);

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					prefetch(ahead + (size_t) v * group_bytes, q_block_bytes(layout));
			}
			else
				fetch_ahead(next);

			SLM_UNROLL
			for (int i = 0; i < n_row; i++)
			{
				__m512i sum = _mm512_set1_epi32(start[(size_t) i * x->d_stride + (size_t) half]);

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					isum[v][i] = sum;
			}
			SLM_UNROLL
			for (int j = 0; j < SLM_Q8_BLOCK / 4; j++)
			{
				__m512i weight[TILE_VECS];

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					weight[v] = q_weights(layout, codes + (size_t) v * group_bytes, j);
				SLM_UNROLL
				for (int i = 0; i < n_row; i++)
				{
					__m512i activation;
					int32_t four;

					memcpy(&four, q + (size_t) i * x->q_stride + half * SLM_Q8_BLOCK + j * 4, 4);
					activation = _mm512_set1_epi32(four);
					SLM_UNROLL
					for (int v = 0; v < n_vec; v++)
						isum[v][i] = _mm512_dpbusd_epi32(isum[v][i], weight[v], activation);
				}
			}
			SLM_UNROLL
			for (int v = 0; v < n_vec; v++)
				dw[v] = load_halves(scales + (size_t) v * group_bytes);
			tile_add(n_vec, n_row, isum, dw, d + half, x->d_stride, acc);
		}
		w += q_pair_bytes(layout);
		q += 2 * SLM_Q8_BLOCK;
		d += 2;
		start += 2;
	}
	tile_end(n_vec, n_row, acc, bias, y + (size_t) i0 * y_stride, y_stride);
}

TILE_GEMM(gemm_q8, SLM_LAYOUT_Q8, q_tile, 2 * SLM_Q8_BLOCK, 2)
TILE_GEMM(gemm_q4, SLM_LAYOUT_Q4, q_tile, 2 * SLM_Q8_BLOCK, 2)
TILE_GEMM(gemm_iq4, SLM_LAYOUT_IQ4, q_tile, 2 * SLM_Q8_BLOCK, 2)

#endif
