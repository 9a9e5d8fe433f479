/*
 * gemm_k_avx512.h - matrix products with blocks of 256 weights by vpdpbusd
 *
 * Tiles as in gemm_q_avx512.h.  Codes are the unsigned operand as they are
 * stored; where something was added to them, the accumulator of a run starts at
 * what takes it away again, a share of -128 * sum(activations).
 */
#ifndef SLM_KERNELS_GEMM_K_AVX512_H
#define SLM_KERNELS_GEMM_K_AVX512_H

#include "kernels/gemm_q_avx512.h"
#include "kernels/layout_k.h"

#define K_TILE_VECS 3
#define K_TILE_ROWS 8

SLM_INLINE __m512
k_halves(const uint8_t *at)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (const void *) at));
}

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
	   float *y, size_t y_stride)
{
	const int run = k_run(layout);
	const int offset = layout_values(layout) != NULL ? SLM_Q8_OFFSET : k_offset(layout);
	const size_t sum_stride = run == 32 ? x->d_stride : 2 * x->d_stride;
	const int8_t *q = x->q + (size_t) i0 * x->q_stride;
	const float *d = x->d + (size_t) i0 * x->d_stride;
	const int32_t *asum = (run == 32 ? x->sum : x->half_sum) + (size_t) i0 * sum_stride;
	__m512 acc[K_TILE_VECS][K_TILE_ROWS];

	SLM_UNROLL
	for (int v = 0; v < n_vec; v++)
	{
		SLM_UNROLL
		for (int i = 0; i < n_row; i++)
			acc[v][i] = _mm512_setzero_ps();
	}
	for (int64_t b = 0; b < n_block; b++, w += k_block_bytes(layout))
		for (int r = 0; r < SLM_K_BLOCK / run; r++)
		{
			const uint8_t *codes = w + (size_t) (r * run / 32) * k_code_bytes(layout);
			const int step = r * run % 32 / 4;
			const uint8_t *scales = w + k_scales(layout) + r * SLM_GROUP_ROWS;
			const uint8_t *mins = w + k_minima(layout) + r * SLM_GROUP_ROWS;
			__m512i isum[K_TILE_VECS][K_TILE_ROWS];
			__m512 dw[K_TILE_VECS];

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
				__m512i weight[K_TILE_VECS];

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
					_mm512_mul_ps(k_halves(w + k_d(layout) + (size_t) v * group_bytes),
								  k_bytes(k_is_signed(layout), scales + (size_t) v * group_bytes));
			SLM_UNROLL
			for (int i = 0; i < n_row; i++)
			{
				__m512 da = _mm512_set1_ps(d[(size_t) i * x->d_stride]);

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					acc[v][i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(isum[v][i]),
												_mm512_mul_ps(dw[v], da), acc[v][i]);
			}
			if (k_has_minima(layout))
			{
				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					dw[v] = _mm512_mul_ps(
						_mm512_mul_ps(k_halves(w + k_dmin(layout) + (size_t) v * group_bytes),
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
	y += (size_t) i0 * y_stride;
	SLM_UNROLL
	for (int i = 0; i < n_row; i++)
	{
		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
		{
			__m512 sum = acc[v][i];

			if (bias != NULL)
				sum = _mm512_add_ps(sum, _mm512_loadu_ps(bias + v * SLM_GROUP_ROWS));
			_mm512_storeu_ps(y + (size_t) i * y_stride + v * SLM_GROUP_ROWS, sum);
		}
	}
}

/* n_vec groups of weights times all activation rows, most_rows at a time. */
SLM_INLINE void
k_panel(const SlmLayout layout, const int n_vec, const int most_rows, const uint8_t *w,
		size_t group_bytes, int64_t n_block, const SlmActivations *x, int m, const float *bias,
		float *y, size_t y_stride){
#define K_TILE(n_row, first)                                                                       \
	k_tile(layout, n_vec, n_row, first, w, group_bytes, n_block, x, i, bias, y, y_stride)
	SLM_PANEL(K_TILE)
#undef K_TILE
}

#define K_GEMM(name, layout)                                                                       \
	SLM_NOINLINE void name##_48x4(const uint8_t *w, size_t group_bytes, int64_t n_block,           \
								  const SlmActivations *x, int m, const float *bias, float *y,     \
								  size_t y_stride)                                                 \
	{                                                                                              \
		k_panel(layout, 3, 4, w, group_bytes, n_block, x, m, bias, y, y_stride);                   \
	}                                                                                              \
	SLM_NOINLINE void name##_16x8(const uint8_t *w, size_t group_bytes, int64_t n_block,           \
								  const SlmActivations *x, int m, const float *bias, float *y,     \
								  size_t y_stride)                                                 \
	{                                                                                              \
		k_panel(layout, 1, 8, w, group_bytes, n_block, x, m, bias, y, y_stride);                   \
	}                                                                                              \
	static void name(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,        \
					 const float *bias, float *y, size_t y_stride)                                 \
	{                                                                                              \
		int64_t n_block = k / SLM_K_BLOCK;                                                         \
		size_t group_bytes = (size_t) n_block * k_block_bytes(layout);                             \
		const uint8_t *groups = w;                                                                 \
		int g = 0;                                                                                 \
                                                                                                   \
		for (; m > FEW_ROWS && g + 3 <= n_group; g += 3)                                           \
			name##_48x4(groups + (size_t) g * group_bytes, group_bytes, n_block, x, m,             \
						bias != NULL ? bias + g * SLM_GROUP_ROWS : NULL, y + g * SLM_GROUP_ROWS,   \
						y_stride);                                                                 \
		for (; g < n_group; g++)                                                                   \
			name##_16x8(groups + (size_t) g * group_bytes, group_bytes, n_block, x, m,             \
						bias != NULL ? bias + g * SLM_GROUP_ROWS : NULL, y + g * SLM_GROUP_ROWS,   \
						y_stride);                                                                 \
	}
K_GEMM(gemm_k2, SLM_LAYOUT_K2) K_GEMM(gemm_k3, SLM_LAYOUT_K3) K_GEMM(gemm_k4, SLM_LAYOUT_K4)
	K_GEMM(gemm_k5, SLM_LAYOUT_K5) K_GEMM(gemm_k6, SLM_LAYOUT_K6) K_GEMM(gemm_ki4, SLM_LAYOUT_KI4)
#undef K_GEMM

#endif
