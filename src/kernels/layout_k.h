/*
 * layout_k.h - the bytes of the layouts for blocks of 256 weights
 *
 * A group (16 output rows) is one block after another:
 *
 *   codes    a byte: (k, r) at k/4*64 + r*4 + k%4, as it is (K5, K2) or with 128
 *            added (K6); K4: byte (j, r, c) of j = 0 .. 31, c = 0 .. 3 at j*64 +
 *            r*4 + c has k = j/4*32 + j%4*4 + c in its low four bits, k + 16 in
 *            the high ones
 *   scales   a byte: (run, r) at run*16 + r, signed in K6
 *   minima   the same; not in K6
 *   d        16 IEEE halves
 *   dmin     the same; not in K6
 *
 * Private to the kernels.
 */
#ifndef SLM_KERNELS_LAYOUT_K_H
#define SLM_KERNELS_LAYOUT_K_H

#include "kernels/kernels.h"

static inline bool
k_is_layout(SlmLayout layout)
{
	return layout >= SLM_LAYOUT_K4 && layout < SLM_LAYOUT_COUNT;
}

/* Weights that share a scale. */
static inline int
k_run(SlmLayout layout)
{
	return layout == SLM_LAYOUT_K4 || layout == SLM_LAYOUT_K5 ? 32 : 16;
}

static inline bool
k_has_minima(SlmLayout layout)
{
	return layout != SLM_LAYOUT_K6;
}

/* Bytes of 32 weights of a group. */
static inline size_t
k_code_bytes(SlmLayout layout)
{
	return layout == SLM_LAYOUT_K4 ? 256 : 512;
}

/* Where scales, minima, d and dmin of a block start, and what it takes. */
static inline size_t
k_scales(SlmLayout layout)
{
	return SLM_K_BLOCK / 32 * k_code_bytes(layout);
}

static inline size_t
k_minima(SlmLayout layout)
{
	return k_scales(layout) + (size_t) (SLM_K_BLOCK / k_run(layout) * SLM_GROUP_ROWS);
}

static inline size_t
k_d(SlmLayout layout)
{
	return k_minima(layout) +
		   (k_has_minima(layout) ? (size_t) (SLM_K_BLOCK / k_run(layout) * SLM_GROUP_ROWS) : 0);
}

static inline size_t
k_dmin(SlmLayout layout)
{
	return k_d(layout) + 2 * SLM_GROUP_ROWS;
}

static inline size_t
k_block_bytes(SlmLayout layout)
{
	return k_dmin(layout) + (k_has_minima(layout) ? 2 * SLM_GROUP_ROWS : 0);
}

#endif
