/*
 * gemm_k_avx2.h - matrix products with blocks of 256 weights by vpmaddubsw
 *
 * Codes of up to 6 bits serve as the unsigned operand as they are stored (two steps
 * are added in 16 bits: at most 63 * 127 * 4); where something was added to them, the
 * sum of a run starts at what takes it away again.  One Zen 5 core makes 175 (Q6_K) to
 * 217 (Q4_K) GOP/s of 128 rows in cache; of one row from memory, with prefetches, 150
 * of Q4_K and 90 of Q5_K and Q6_K, without 50 and 22 to 52.  Those that stand for others (KI4) go as in gemm_q_avx2.h.
 */
#ifndef SLM_KERNELS_GEMM_K_AVX2_H
#define SLM_KERNELS_GEMM_K_AVX2_H

#include "kernels/gemm_q_avx2.h"

/* 16 scales or minima of a run. */
SLM_INLINE Vec
k_bytes(const bool is_signed, const uint8_t *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *) (const void *) at);
	__m128i high = _mm_srli_si128(bytes, 8);

	return BOTH(
		Vec,
		_mm256_cvtepi32_ps(is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes)),
		_mm256_cvtepi32_ps(is_signed ? _mm256_cvtepi8_epi32(high) : _mm256_cvtepu8_epi32(high)));
}

/* x with its bytes moved up (or down, by < 0); bits that cross over into other bytes are for the caller to mask. */
SLM_INLINE __m256i
k_shift(__m256i x, const int by)
{
	return by > 0 ? _mm256_slli_epi16(x, by) : _mm256_srli_epi16(x, -by);
}

/* Four weights of 8 rows, step j of the 8 of 32 weights, as layout_k.h has them. */
SLM_INLINE __m256i
k_weights(const SlmLayout layout, const uint8_t *codes, const int j)
{
	const int bits = k_bits(layout);
	const uint8_t *at;
	__m256i low = q_nibbles(codes, j), high;

	if (layout_values(layout) != NULL)
		return _mm256_shuffle_epi8(q_values(layout), low);
	if (bits == 4)
		return low;
	at = codes + K_HIGH_BITS + (bits == 6 ? j / 4 * 64 : 0);
	high = _mm256_loadu_si256((const __m256i *) (const void *) at);
	high = k_shift(high, 4 - (bits == 6 ? j % 4 * 2 : j));
	return _mm256_or_si256(low, _mm256_and_si256(high, _mm256_set1_epi8(bits == 6 ? 0x30 : 0x10)));
}

/* Two steps: pairs of products of codes below 64 are added in 16 bits, two of them yet. */
SLM_INLINE __m256i
k_dot(const SlmLayout layout, __m256i sum, const __m256i weight[2], const __m256i activation[2])
{
	if (layout_values(layout) != NULL)
		return q_dot(q_dot(sum, weight[0], activation[0]), weight[1], activation[1]);
	return _mm256_add_epi32(
		sum, _mm256_madd_epi16(_mm256_add_epi16(_mm256_maddubs_epi16(weight[0], activation[0]),
												_mm256_maddubs_epi16(weight[1], activation[1])),
							   _mm256_set1_epi16(1)));
}

SLM_INLINE void
k_tile(const SlmLayout layout, const int n_row, const uint8_t *w, int64_t n_block,
	   const SlmActivations *x, int i0, const float *bias, float *y, size_t y_stride)
{
	const int run = k_run(layout), offset = k_offset(layout);
	const size_t sum_stride = run == 32 ? x->d_stride : 2 * x->d_stride;
	const int8_t *q = x->q + (size_t) i0 * x->q_stride;
	const float *d = x->d + (size_t) i0 * x->d_stride;
	const int32_t *asum = (run == 32 ? x->sum : x->half_sum) + (size_t) i0 * sum_stride;
	Vec acc[TILE_ROWS];

	SLM_UNROLL
	for (int i = 0; i < n_row; i++)
		acc[i] = vec_zero();
	for (int64_t b = 0; b < n_block; b++, w += k_block_bytes(layout))
	{
		Vec dw = vec_load_f16((const uint16_t *) (const void *) (w + k_d(layout)));

		for (int part = 0; part < SLM_K_BLOCK / 32; part++)
		{
			const uint8_t *codes = w + (size_t) part * k_code_bytes(layout);

			if (i0 == 0) /* the other tiles find the weights in a cache */
				prefetch(codes + PREFETCH_BLOCKS(1) * k_block_bytes(layout), k_code_bytes(layout));
			SLM_UNROLL
			for (int s = 0; s < 32 / run; s++)
			{
				const int r = part * (32 / run) + s;
				__m256i lo_sum[TILE_ROWS], hi_sum[TILE_ROWS];
				Vec scale = vec_mul(
					dw, k_bytes(k_is_signed(layout), w + k_scales(layout) + r * SLM_GROUP_ROWS));

				SLM_UNROLL
				for (int i = 0; i < n_row; i++)
					lo_sum[i] = hi_sum[i] = offset != 0
												? _mm256_set1_epi32(asum[(size_t) i * sum_stride] /
																	(SLM_Q8_OFFSET / offset))
												: _mm256_setzero_si256();
				SLM_UNROLL
				for (int j = 0; j < run / 4; j += 2)
				{
					__m256i lo[2], hi[2];

					SLM_UNROLL
					for (int p = 0; p < 2; p++)
					{
						lo[p] = k_weights(layout, codes, s * 4 + j + p);
						hi[p] = k_weights(layout, codes + 32, s * 4 + j + p);
					}
					SLM_UNROLL
					for (int i = 0; i < n_row; i++)
					{
						__m256i activation[2];
						int32_t four[2];

						memcpy(four, q + (size_t) i * x->q_stride + j * 4, sizeof(four));
						activation[0] = _mm256_set1_epi32(four[0]);
						activation[1] = _mm256_set1_epi32(four[1]);
						lo_sum[i] = k_dot(layout, lo_sum[i], lo, activation);
						hi_sum[i] = k_dot(layout, hi_sum[i], hi, activation);
					}
				}
				tile_add(n_row, lo_sum, hi_sum, scale, d, x->d_stride, acc);
				if (k_has_minima(layout))
				{
					Vec dmin = vec_load_f16((const uint16_t *) (const void *) (w + k_dmin(layout)));
					Vec min = vec_mul(
						vec_mul(dmin, k_bytes(false, w + k_minima(layout) + r * SLM_GROUP_ROWS)),
						vec_set1(0x1p-7f));

					SLM_UNROLL
					for (int i = 0; i < n_row; i++)
						acc[i] = vec_fma(min,
										 vec_set1(d[(size_t) i * x->d_stride] *
												  (float) asum[(size_t) i * sum_stride]),
										 acc[i]);
				}
				asum++;
				q += run;
				d += run == 32 || r % 2 == 1;
			}
		}
	}
	tile_end(n_row, acc, bias, y + (size_t) i0 * y_stride, y_stride);
}

TILE_GEMM(gemm_k2, SLM_LAYOUT_K2, k_tile, SLM_K_BLOCK)
TILE_GEMM(gemm_k3, SLM_LAYOUT_K3, k_tile, SLM_K_BLOCK)
TILE_GEMM(gemm_k4, SLM_LAYOUT_K4, k_tile, SLM_K_BLOCK)
TILE_GEMM(gemm_k5, SLM_LAYOUT_K5, k_tile, SLM_K_BLOCK)
TILE_GEMM(gemm_k6, SLM_LAYOUT_K6, k_tile, SLM_K_BLOCK)
TILE_GEMM(gemm_ki4, SLM_LAYOUT_KI4, k_tile, SLM_K_BLOCK)

#endif
