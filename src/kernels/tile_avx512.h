/*
 * tile_avx512.h - what tiles of quantized products share: groups of weights x activation rows
 *
 * A tile of n_vec groups and n_row rows has an accumulator for each pair, 16 outputs
 * wide.  48x4 uses 28 of 32 registers.  32 products of an accumulator are 8 vpdpbusd,
 * one multiplication and one FMA on the two FMA pipes, so 80 % of the vpdpbusd peak is
 * the bound.  Measured with bench_kernels on one Zen 5 core (peak 1,040 GOP/s), Q8_0
 * weights in cache, shapes 384x384, 1536x384, 384x1536, 32 and 128 rows, gcc 12 and
 * clang 14, percent of the peak:
 *
 *	48x4  76-79     32x6  75-79     32x4  75-79
 *	16x4  58-64     16x8  58-61 clang, 65-69 gcc (a load for each vpdpbusd)
 *
 * so 48x4, and the smaller ones for what is left over.
 * The only tile of a panel prefetches weights that it reads itself a little later: a
 * decoder that writes one text has few tiles, and waits for memory.  That is 1.3
 * times as fast (a Llama of 1.2 G weights, 4.2 -> 5.7 tokens/s beside other work); in
 * all tiles it would take 0 to 4 points in cache.
 * Where several tiles share a panel, the first would wait for memory and the others
 * not at all; so each fetches a share of the next panel.  All of the 135 MB of a
 * decoder's Q8_0 weights, by CPU time: 8 rows 6.3 -> 5.8 ms, 16 rows 9.0 -> 6.9, 32
 * rows 14.6 -> 12.2, 64 rows 25.0 -> 22.6.
 *
 * The loop of vpdpbusd itself stands in each kind of tile: in a function that both call
 * gcc 12 makes products of K5 and K6 4 to 8 % slower.
 */
#ifndef SLM_KERNELS_TILE_AVX512_H
#define SLM_KERNELS_TILE_AVX512_H

#include "kernels/layout_k.h"
#include "kernels/simd_common.h"
#include "kernels/tables.h"

#define TILE_VECS 3 /* groups of weights, at most */
#define TILE_ROWS 8 /* activation rows, at most */

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

/* A panel of so many bytes at most waits in the second cache beside another; so many tiles fetch it. */
#define AHEAD_BYTES (256 * 1024)
#define AHEAD_TILES 4

/* What is left of the next panel to be fetched, while the tiles of one are computed. */
typedef struct Ahead
{
	const uint8_t *at;
	const uint8_t *end; /* NULL: it is not fetched */
	int n_line;         /* of 64 bytes, with each run of a tile */
} Ahead;

/* For n_tile tiles, each of n_run runs of weights that share a scale. */
SLM_INLINE Ahead
ahead_of_panel(const uint8_t *w, size_t panel_bytes, int n_tile, int64_t n_run)
{
	int n = n_tile < AHEAD_TILES ? n_tile : AHEAD_TILES;

	if (n < 2 || panel_bytes > AHEAD_BYTES)
		return (Ahead){NULL, NULL, 0};
	return (Ahead){
		.at = w + panel_bytes,
		.end = w + 2 * panel_bytes,
		.n_line = (int) ((int64_t) (panel_bytes / 64) / (n * n_run)) + 1,
	};
}

SLM_INLINE void
fetch_ahead(Ahead *ahead)
{
	const uint8_t *at = ahead->at;

	if (at >= ahead->end)
		return;
	for (int i = 0; i < ahead->n_line; i++, at += 64)
		__builtin_prefetch(at, 0, 2);
	ahead->at = at;
}

SLM_INLINE __m512
load_halves(const uint8_t *at)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (const void *) at));
}

SLM_INLINE void
tile_begin(const int n_vec, const int n_row, __m512 acc[TILE_VECS][TILE_ROWS])
{
	SLM_UNROLL
	for (int v = 0; v < n_vec; v++)
	{
		SLM_UNROLL
		for (int i = 0; i < n_row; i++)
			acc[v][i] = _mm512_setzero_ps();
	}
}

/* Adds sums by the scales of their weights and of their activations. */
SLM_INLINE void
tile_add(const int n_vec, const int n_row, __m512i isum[TILE_VECS][TILE_ROWS],
		 const __m512 dw[TILE_VECS], const float *d, size_t d_stride,
		 __m512 acc[TILE_VECS][TILE_ROWS])
{
	SLM_UNROLL
	for (int i = 0; i < n_row; i++)
	{
		__m512 da = _mm512_set1_ps(d[(size_t) i * d_stride]);

		SLM_UNROLL
		for (int v = 0; v < n_vec; v++)
			acc[v][i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(isum[v][i]), _mm512_mul_ps(dw[v], da),
										acc[v][i]);
	}
}

SLM_INLINE void
tile_end(const int n_vec, const int n_row, __m512 acc[TILE_VECS][TILE_ROWS], const float *bias,
		 float *y, size_t y_stride)
{
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

/*
 * n_vec groups of weights times all activation rows, most_rows (4 or 8) at a time; a
 * block has `runs` runs of weights that share a scale.
 */
#define TILE_PANEL(name, layout, tile, n_vec, most_rows, runs)                                     \
	SLM_NOINLINE void name(const uint8_t *w, size_t group_bytes, int64_t n_block,                  \
						   const SlmActivations *x, int m, const float *bias, float *y,            \
						   size_t y_stride)                                                        \
	{                                                                                              \
		Ahead next = ahead_of_panel(w, n_vec * group_bytes, m / most_rows, n_block * (runs));      \
		int i = 0;                                                                                 \
                                                                                                   \
		for (; i + most_rows <= m; i += most_rows)                                                 \
			if (i == 0 && next.end == NULL)                                                        \
				tile(layout, n_vec, most_rows, true, w, group_bytes, n_block, x, i, bias, y,       \
					 y_stride, NULL);                                                              \
			else                                                                                   \
				tile(layout, n_vec, most_rows, false, w, group_bytes, n_block, x, i, bias, y,      \
					 y_stride, &next);                                                             \
		if (most_rows > 4 && i + 4 <= m)                                                           \
		{                                                                                          \
			tile(layout, n_vec, 4, true, w, group_bytes, n_block, x, i, bias, y, y_stride, NULL);  \
			i += 4;                                                                                \
		}                                                                                          \
		if (m - i == 3)                                                                            \
			tile(layout, n_vec, 3, true, w, group_bytes, n_block, x, i, bias, y, y_stride, NULL);  \
		else if (m - i == 2)                                                                       \
			tile(layout, n_vec, 2, true, w, group_bytes, n_block, x, i, bias, y, y_stride, NULL);  \
		else if (m - i == 1)                                                                       \
			tile(layout, n_vec, 1, true, w, group_bytes, n_block, x, i, bias, y, y_stride, NULL);  \
	}

/* A product of a layout: tile() of blocks of so many weights, in so many runs. */
#define TILE_GEMM(name, layout, tile, block_items, runs)                                           \
	TILE_PANEL(name##_48x4, layout, tile, 3, 4, runs)                                              \
	TILE_PANEL(name##_32x4, layout, tile, 2, 4, runs)                                              \
	TILE_PANEL(name##_16x8, layout, tile, 1, 8, runs)                                              \
	static void name(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,        \
					 const float *bias, float *y, size_t y_stride)                                 \
	{                                                                                              \
		int64_t n_block = (k + (block_items) -1) / (block_items);                                  \
		size_t group_bytes = (size_t) slm_group_bytes(layout, k);                                  \
		const uint8_t *groups = w;                                                                 \
                                                                                                   \
		while (n_group > 0)                                                                        \
		{                                                                                          \
			int n = m <= FEW_ROWS && layout != SLM_LAYOUT_Q8 ? 1 : n_group >= 3 ? 3 : n_group;     \
                                                                                                   \
			if (n == 3)                                                                            \
				name##_48x4(groups, group_bytes, n_block, x, m, bias, y, y_stride);                \
			else if (n == 2)                                                                       \
				name##_32x4(groups, group_bytes, n_block, x, m, bias, y, y_stride);                \
			else                                                                                   \
				name##_16x8(groups, group_bytes, n_block, x, m, bias, y, y_stride);                \
			groups += (size_t) n * group_bytes;                                                    \
			bias = bias != NULL ? bias + n * SLM_GROUP_ROWS : NULL;                                \
			y += n * SLM_GROUP_ROWS;                                                               \
			n_group -= n;                                                                          \
		}                                                                                          \
	}

#endif
