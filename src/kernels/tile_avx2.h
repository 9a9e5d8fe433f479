/*
 * tile_avx2.h - what tiles of quantized products share: a group of weights x activation rows
 */
#ifndef SLM_KERNELS_TILE_AVX2_H
#define SLM_KERNELS_TILE_AVX2_H

#include "kernels/layout_k.h"
#include "kernels/simd_avx2.h"
#include "kernels/tables.h"

#define TILE_ROWS 4 /* activation rows, at most */

/* Adds sums of the two halves of a group by the scales of its weights and of the activations. */
SLM_INLINE void
tile_add(const int n_row, const __m256i lo_sum[TILE_ROWS], const __m256i hi_sum[TILE_ROWS], Vec dw,
		 const float *d, size_t d_stride, Vec acc[TILE_ROWS])
{
	SLM_UNROLL
	for (int i = 0; i < n_row; i++)
	{
		Vec scale = vec_mul(dw, vec_set1(d[(size_t) i * d_stride]));
		Vec isum = {_mm256_cvtepi32_ps(lo_sum[i]), _mm256_cvtepi32_ps(hi_sum[i])};

		acc[i] = vec_fma(isum, scale, acc[i]);
	}
}

SLM_INLINE void
tile_end(const int n_row, const Vec acc[TILE_ROWS], const float *bias, float *y, size_t y_stride)
{
	SLM_UNROLL
	for (int i = 0; i < n_row; i++)
		vec_store(y + (size_t) i * y_stride,
				  bias != NULL ? vec_add(acc[i], vec_load(bias)) : acc[i]);
}

/* A product of a layout: tile() of blocks of so many weights. */
#define TILE_GEMM(name, layout, tile, block_items)                                                 \
	static void name(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,        \
					 const float *bias, float *y, size_t y_stride)                                 \
	{                                                                                              \
		int64_t n_block = (k + (block_items) -1) / (block_items);                                  \
		size_t group_bytes = (size_t) slm_group_bytes(layout, k);                                  \
                                                                                                   \
		for (int g = 0; g < n_group; g++)                                                          \
		{                                                                                          \
			const uint8_t *group = (const uint8_t *) w + (size_t) g * group_bytes;                 \
			const float *group_bias = bias != NULL ? bias + g * SLM_GROUP_ROWS : NULL;             \
			float *out = y + g * SLM_GROUP_ROWS;                                                   \
			int i = 0;                                                                             \
                                                                                                   \
			for (; i + TILE_ROWS <= m; i += TILE_ROWS)                                             \
				tile(layout, TILE_ROWS, group, n_block, x, i, group_bias, out, y_stride);          \
			if (i + 2 <= m)                                                                        \
			{                                                                                      \
				tile(layout, 2, group, n_block, x, i, group_bias, out, y_stride);                  \
				i += 2;                                                                            \
			}                                                                                      \
			if (i < m)                                                                             \
				tile(layout, 1, group, n_block, x, i, group_bias, out, y_stride);                  \
		}                                                                                          \
	}

#endif
