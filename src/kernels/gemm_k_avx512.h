/*
 * gemm_k_avx512.h - matrix products with blocks of 256 weights by vpdpbusd
 *
 * Codes are the unsigned operand as they are stored; where something was added to
 * them, the accumulator of a run starts at what takes it away again, a share of -128 *
 * sum(activations).
 */
#ifndef SLM_KERNELS_GEMM_K_AVX512_H
#define SLM_KERNELS_GEMM_K_AVX512_H

#include "kernels/gemm_q_avx512.h"

/* 16 scales or minima of a run. */
SLM_INLINE __m512
k_bytes(const bool is_signed, const uint8_t *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *) (const void *) at);

	return _mm512_cvtepi32_ps(is_signed ? _mm512_cvtepi8_epi32(bytes)
										: _mm512_cvtepu8_epi32(bytes));
}

/* x with its bytes moved up (or down, by < 0); bits that cross over into other bytes are for the caller to mask. */
SLM_INLINE __m512i
k_shift(__m512i x, const int by)
{
	return by > 0 ? _mm512_slli_epi16(x, (unsigned) by) : _mm512_srli_epi16(x, (unsigned) -by);
}

/* Four weights of 16 rows, step j of the 8 of 32 weights, as layout_k.h has them. */
SLM_INLINE __m512i
k_weights(const SlmLayout layout, const uint8_t *codes, const int j)
{
	const int bits = k_bits(layout);
	__m512i low = q_nibbles(codes, j), high;

	if (layout_values(layout) != NULL)
		return _mm512_shuffle_epi8(q_values(layout), low);
	if (bits == 4)
		return low;
	high = _mm512_loadu_si512(codes + K_HIGH_BITS + (bits == 6 ? j / 4 * 64 : 0));
	high = k_shift(high, 4 - (bits == 6 ? j % 4 * 2 : j));
	return _mm512_ternarylogic_epi32(high, _mm512_set1_epi8(bits == 6 ? 0x30 : 0x10), low,
									 0xea); /* high & mask | low */
}

SLM_INLINE void
k_tile(const SlmLayout layout, const int n_vec, const int n_row, const bool first, const uint8_t *w,
	   size_t group_bytes, int64_t n_block, const SlmActivations *x, int i0, const float *bias,
	   float *y, size_t y_stride, Ahead *next)
{
	const int run = k_run(layout);
	const int offset = layout_values(layout) != NULL ? SLM_Q8_OFFSET : k_offset(layout);
	const size_t sum_stride = run == 32 ? x->d_stride : 2 * x->d_stride;
	const int8_t *q = x->q + (size_t) i0 * x->q_stride;
	const float *d = x->d + (size_t) i0 * x->d_stride;
	const int32_t *asum = (run == 32 ? x->sum : x->half_sum) + (size_t) i0 * sum_stride;
	__m512 acc[TILE_VECS][TILE_ROWS];

	tile_begin(n_vec, n_row, acc);
	for (int64_t b = 0; b < n_block; b++, w += k_block_bytes(layout))
		for (int r = 0; r < SLM_K_BLOCK / run; r++)
		{
			const uint8_t *codes = w + (size_t) (r * run / 32) * k_code_bytes(layout);
			const int step = r * run % 32 / 4;
			const uint8_t *scales = w + k_scales(layout) + r * SLM_GROUP_ROWS;
			const uint8_t *mins = w + k_minima(layout) + r * SLM_GROUP_ROWS;
			__m512i isum[TILE_VECS][TILE_ROWS];
			__m512 dw[TILE_VECS];

			if (first)
			{
				const uint8_t *ahead = w +
									   ahead_bytes(PREFETCH_BLOCKS(n_vec), k_block_bytes(layout),
												   n_block - b, n_vec, group_bytes) +
									   (size_t) r * k_code_bytes(layout) * (size_t) run / 32;

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					prefetch(ahead + (size_t) v * group_bytes,
							 k_code_bytes(layout) * (size_t) run / 32);
			}
			else
				fetch_ahead(next);

			SLM_UNROLL
			for (int i = 0; i < n_row; i++)
			{
				__m512i start = offset != 0 ? _mm512_set1_epi32(asum[(size_t) i * sum_stride] /
																(SLM_Q8_OFFSET / offset))
											: _mm512_setzero_si512();

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					isum[v][i] = start;
			}
			SLM_UNROLL
			for (int j = 0; j < run / 4; j++)
			{
				__m512i weight[TILE_VECS];

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					weight[v] = k_weights(layout, codes + (size_t) v * group_bytes, step + j);
				SLM_UNROLL
				for (int i = 0; i < n_row; i++)
				{
					__m512i activation;
					int32_t four;

					memcpy(&four, q + (size_t) i * x->q_stride + j * 4, 4);
					activation = _mm512_set1_epi32(four);
					SLM_UNROLL
					for (int v = 0; v < n_vec; v++)
						isum[v][i] = _mm512_dpbusd_epi32(isum[v][i], weight[v], activation);
				}
			}
			SLM_UNROLL
			for (int v = 0; v < n_vec; v++)
				dw[v] =
					_mm512_mul_ps(load_halves(w + k_d(layout) + (size_t) v * group_bytes),
								  k_bytes(k_is_signed(layout), scales + (size_t) v * group_bytes));
			tile_add(n_vec, n_row, isum, dw, d, x->d_stride, acc);
			if (k_has_minima(layout))
			{
				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					dw[v] = _mm512_mul_ps(
						_mm512_mul_ps(load_halves(w + k_dmin(layout) + (size_t) v * group_bytes),
									  k_bytes(false, mins + (size_t) v * group_bytes)),
						_mm512_set1_ps(0x1p-7f));
				SLM_UNROLL
				for (int i = 0; i < n_row; i++)
				{
					__m512 part = _mm512_set1_ps(d[(size_t) i * x->d_stride] *
												 (float) asum[(size_t) i * sum_stride]);

					SLM_UNROLL
					for (int v = 0; v < n_vec; v++)
						acc[v][i] = _mm512_fmadd_ps(dw[v], part, acc[v][i]);
				}
			}
			q += run;
			d += run == 32 || r % 2 == 1;
			asum++;
		}
	tile_end(n_vec, n_row, acc, bias, y + (size_t) i0 * y_stride, y_stride);
}

TILE_GEMM(gemm_k2, SLM_LAYOUT_K2, k_tile, SLM_K_BLOCK, SLM_K_BLOCK / k_run(SLM_LAYOUT_K2))
TILE_GEMM(gemm_k3, SLM_LAYOUT_K3, k_tile, SLM_K_BLOCK, SLM_K_BLOCK / k_run(SLM_LAYOUT_K3))
TILE_GEMM(gemm_k4, SLM_LAYOUT_K4, k_tile, SLM_K_BLOCK, SLM_K_BLOCK / k_run(SLM_LAYOUT_K4))
TILE_GEMM(gemm_k5, SLM_LAYOUT_K5, k_tile, SLM_K_BLOCK, SLM_K_BLOCK / k_run(SLM_LAYOUT_K5))
TILE_GEMM(gemm_k6, SLM_LAYOUT_K6, k_tile, SLM_K_BLOCK, SLM_K_BLOCK / k_run(SLM_LAYOUT_K6))
TILE_GEMM(gemm_ki4, SLM_LAYOUT_KI4, k_tile, SLM_K_BLOCK, SLM_K_BLOCK / k_run(SLM_LAYOUT_KI4))

#endif
