/*
 * gemm_q_avx512.h - matrix products with quantized weights by vpdpbusd
 *
 * Weights are the unsigned operand (code + 128: stored so, or looked up), activations
 * the signed one; the accumulator of a block starts at -128 * sum(activations), so
 * that the integer sum is the exact sum of code * activation.
 *
 * A tile is groups x activation rows; 48x4 uses 28 of 32 registers.  A block is
 * 8 vpdpbusd, one multiplication and one FMA per accumulator on the two FMA
 * pipes, so 80 % of the vpdpbusd peak is the bound.  Measured with
 * bench_kernels on one Zen 5 core (peak 1,040 GOP/s), weights in cache, shapes
 * 384x384, 1536x384, 384x1536, 32 and 128 rows, gcc 12 and clang 14, percent
 * of the peak:
 *
 *	48x4  76-79     32x6  75-79     32x4  75-79
 *	16x4  58-64     16x8  58-61 clang, 65-69 gcc (a load for each vpdpbusd)
 *
 * so 48x4, and the smaller ones for what is left over.
 * The first tile of a panel prefetches weights, which the others find in cache: a
 * decoder that writes has few tiles, and waits for memory.  One text at a time
 * that is 1.3 times as fast (a Llama of 1.2 G weights, 4.2 -> 5.7 tokens/s beside
 * other work); in all tiles it would take 0 to 4 points in cache.
 */
#ifndef SLM_KERNELS_GEMM_Q_AVX512_H
#define SLM_KERNELS_GEMM_Q_AVX512_H

#include "kernels/layout_q.h"
#include "kernels/simd_common.h"
#include "kernels/tables.h"

#define Q_TILE_VECS 3 /* groups of weights, at most */
#define Q_TILE_ROWS 8 /* activation rows, at most */

/*
 * So few activation rows wait for memory, which one stream of weights fills best;
 * bytes are the exception, which three read as fast.
 */
#define FEW_ROWS 4

/*
 * From a block of the first of n_vec groups to the one that is read so many blocks
 * later: past the end of the groups that is in the next n_vec.  n_left blocks of
 * these are not read yet, this one included.
 */
SLM_INLINE size_t
ahead_bytes(const int blocks, const size_t block_bytes, int64_t n_left, const int n_vec,
			size_t group_bytes)
{
	return (size_t) blocks * block_bytes +
		   (n_left > blocks ? 0 : (size_t) (n_vec - 1) * group_bytes);
}

/* TILE(rows, first) over m rows, most_rows (4 or 8) at a time, from row i on. */
#define SLM_PANEL(TILE)                                                                            \
	int i = 0;                                                                                     \
                                                                                                   \
	if (m >= most_rows)                                                                            \
	{                                                                                              \
		TILE(most_rows, true);                                                                     \
		for (i += most_rows; i + most_rows <= m; i += most_rows)                                   \
			TILE(most_rows, false);                                                                \
	}                                                                                              \
	if (most_rows > 4 && i + 4 <= m)                                                               \
	{                                                                                              \
		TILE(4, true);                                                                             \
		i += 4;                                                                                    \
	}                                                                                              \
	switch (m - i)                                                                                 \
	{                                                                                              \
		case 3:                                                                                    \
			TILE(3, true);                                                                         \
			break;                                                                                 \
		case 2:                                                                                    \
			TILE(2, true);                                                                         \
			break;                                                                                 \
		case 1:                                                                                    \
			TILE(1, true);                                                                         \
			break;                                                                                 \
		default:                                                                                   \
			break;                                                                                 \
	}

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
	   float *y, size_t y_stride)
{
	const int8_t *q = x->q + (size_t) i0 * x->q_stride;
	const float *d = x->d + (size_t) i0 * x->d_stride;
	const int32_t *start = x->sum + (size_t) i0 * x->d_stride;
	__m512 acc[Q_TILE_VECS][Q_TILE_ROWS];

	SLM_UNROLL
	for (int v = 0; v < n_vec; v++)
	{
		SLM_UNROLL
		for (int i = 0; i < n_row; i++)
			acc[v][i] = _mm512_setzero_ps();
	}
	for (int64_t p = 0; p < n_pair; p++)
	{
		SLM_UNROLL
		for (int half = 0; half < 2; half++)
		{
			const uint8_t *codes = w + (size_t) half * q_block_bytes(layout);
			const uint8_t *scales = w + q_scales(layout) + half * SLM_GROUP_ROWS * 2;
			__m512i isum[Q_TILE_VECS][Q_TILE_ROWS];
			__m512 dw[Q_TILE_VECS];

			if (first)
			{
				const uint8_t *ahead =
					codes + ahead_bytes(PREFETCH_PAIRS(n_vec), q_pair_bytes(layout), n_pair - p,
										n_vec, group_bytes);

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					prefetch(ahead + (size_t) v * group_bytes, q_block_bytes(layout));
			}

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
				__m512i weight[Q_TILE_VECS];

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
				dw[v] = _mm512_cvtph_ps(_mm256_loadu_si256(
					(const __m256i *) (const void *) (scales + (size_t) v * group_bytes)));
			SLM_UNROLL
			for (int i = 0; i < n_row; i++)
			{
				__m512 da = _mm512_set1_ps(d[(size_t) i * x->d_stride + (size_t) half]);

				SLM_UNROLL
				for (int v = 0; v < n_vec; v++)
					acc[v][i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(isum[v][i]),
												_mm512_mul_ps(dw[v], da), acc[v][i]);
			}
		}
		w += q_pair_bytes(layout);
		q += 2 * SLM_Q8_BLOCK;
		d += 2;
		start += 2;
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
q_panel(const SlmLayout layout, const int n_vec, const int most_rows, const uint8_t *w,
		size_t group_bytes, int64_t n_pair, const SlmActivations *x, int m, const float *bias,
		float *y, size_t y_stride){
#define Q_TILE(n_row, first)                                                                       \
	q_tile(layout, n_vec, n_row, first, w, group_bytes, n_pair, x, i, bias, y, y_stride)
	SLM_PANEL(Q_TILE)
#undef Q_TILE
}

#define Q_PANEL(name, layout, n_vec, most_rows)                                                    \
	SLM_NOINLINE void name(const uint8_t *w, size_t group_bytes, int64_t n_pair,                   \
						   const SlmActivations *x, int m, const float *bias, float *y,            \
						   size_t y_stride)                                                        \
	{                                                                                              \
		q_panel(layout, n_vec, most_rows, w, group_bytes, n_pair, x, m, bias, y, y_stride);        \
	}
#define Q_GEMM(name, layout)                                                                       \
	Q_PANEL(name##_48x4, layout, 3, 4)                                                             \
	Q_PANEL(name##_32x4, layout, 2, 4)                                                             \
	Q_PANEL(name##_16x8, layout, 1, 8)                                                             \
	static void name(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,        \
					 const float *bias, float *y, size_t y_stride)                                 \
	{                                                                                              \
		int64_t n_pair = slm_q8_padded(k) / (2 * SLM_Q8_BLOCK);                                    \
		size_t group_bytes = (size_t) n_pair * q_pair_bytes(layout);                               \
		const uint8_t *groups = w;                                                                 \
                                                                                                   \
		while (n_group > 0)                                                                        \
		{                                                                                          \
			int n = m <= FEW_ROWS && layout != SLM_LAYOUT_Q8 ? 1 : n_group >= 3 ? 3 : n_group;     \
                                                                                                   \
			if (n == 3)                                                                            \
				name##_48x4(groups, group_bytes, n_pair, x, m, bias, y, y_stride);                 \
			else if (n == 2)                                                                       \
				name##_32x4(groups, group_bytes, n_pair, x, m, bias, y, y_stride);                 \
			else                                                                                   \
				name##_16x8(groups, group_bytes, n_pair, x, m, bias, y, y_stride);                 \
			groups += (size_t) n * group_bytes;                                                    \
			bias = bias != NULL ? bias + n * SLM_GROUP_ROWS : NULL;                                \
			y += n * SLM_GROUP_ROWS;                                                               \
			n_group -= n;                                                                          \
		}                                                                                          \
	}
Q_GEMM(gemm_q8, SLM_LAYOUT_Q8) Q_GEMM(gemm_q4, SLM_LAYOUT_Q4) Q_GEMM(gemm_iq4, SLM_LAYOUT_IQ4)
#undef Q_GEMM
#undef Q_PANEL

#endif
