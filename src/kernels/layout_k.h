/*
 * layout_k.h - the bytes of the layouts for blocks of 256 weights
 *
 * A group (16 output rows) is one block after another:
 *
 *   codes    one run of 32 weights after another: of weight k of the run and row r
 *            the low four bits at k%16/4*64 + r*4 + k%4, of k < 16 in the low half of
 *            the byte, of the others in the high half; then of a fifth bit (K5) 64
 *            bytes, at r*4 + k%4, bit k/4, or of two more (K6) 128 bytes, at k/16*64 +
 *            r*4 + k%4, bits k%16/4*2.  Signed codes have k_offset() added to them;
 *            those of KI4 stand for layout_values().
 *   scales   a byte: (run, r) at run*16 + r, signed where codes are
 *   minima   the same; not where codes are signed
 *   d        16 IEEE halves
 *   dmin     the same; not where codes are signed
 *
 * Private to the kernels.
 */
#ifndef SLM_KERNELS_LAYOUT_K_H
#define SLM_KERNELS_LAYOUT_K_H

#include "kernels/layout_q.h"

static inline bool
k_is_layout(SlmLayout layout)
{
	return layout >= SLM_LAYOUT_K2 && layout < SLM_LAYOUT_COUNT;
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
	return layout == SLM_LAYOUT_K2 || layout == SLM_LAYOUT_K4 || layout == SLM_LAYOUT_K5;
}

static inline int
k_bits(SlmLayout layout)
{
	return layout == SLM_LAYOUT_K6 ? 6 : layout == SLM_LAYOUT_K5 ? 5 : 4;
}

static inline bool
k_is_signed(SlmLayout layout)
{
	return !k_has_minima(layout);
}

/* Stored code - code, where it is a number itself. */
static inline int
k_offset(SlmLayout layout)
{
	return layout == SLM_LAYOUT_K6 ? 32 : layout == SLM_LAYOUT_K3 ? 4 : 0;
}

/* Bytes of the codes of 32 weights of a group. */
static inline size_t
k_code_bytes(SlmLayout layout)
{
	return (size_t) k_bits(layout) * (32 * SLM_GROUP_ROWS / 8);
}

#define K_HIGH_BITS 256 /* where bits above the low four start in them */

/* Weight i of row r of a block, before scales. */
static inline int
k_code(SlmLayout layout, const uint8_t *block, int i, int r)
{
	const uint8_t *codes = block + (size_t) (i / 32) * k_code_bytes(layout) + r * 4 + i % 4;
	int step = i % 32 / 4, code = codes[step % 4 * 64] >> step / 4 * 4 & 15;

	if (k_bits(layout) == 5)
		code |= (codes[K_HIGH_BITS] >> step & 1) << 4;
	if (k_bits(layout) == 6)
		code |= (codes[K_HIGH_BITS + step / 4 * 64] >> step % 4 * 2 & 3) << 4;
	return layout_values(layout) != NULL ? layout_values(layout)[code] : code - k_offset(layout);
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
