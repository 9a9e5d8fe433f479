/*
 * layout_q.h - the bytes of the layouts for pairs of blocks of 32 weights
 *
 * Their text is in kernels.h; K is padded to whole pairs (slm_q8_padded()).
 * Private to the kernels.
 */
#ifndef SLM_KERNELS_LAYOUT_Q_H
#define SLM_KERNELS_LAYOUT_Q_H

#include "kernels/kernels.h"

static inline bool
q_is_layout(SlmLayout layout)
{
	return layout == SLM_LAYOUT_Q8 || layout == SLM_LAYOUT_Q4 || layout == SLM_LAYOUT_IQ4;
}

/* What codes of 4 bits stand for; NULL where codes are numbers themselves. */
static inline const int8_t *
layout_values(SlmLayout layout)
{
	if (layout == SLM_LAYOUT_IQ4 || layout == SLM_LAYOUT_KI4)
		return slm_iq4_values;
	return layout == SLM_LAYOUT_Q4 ? slm_q4_values : NULL;
}

/* Bytes of the codes of a block of a group. */
static inline size_t
q_block_bytes(SlmLayout layout)
{
	return SLM_Q8_BLOCK * SLM_GROUP_ROWS / (layout == SLM_LAYOUT_Q8 ? 1 : 2);
}

/* Where the scales of a pair start, and what it takes. */
static inline size_t
q_scales(SlmLayout layout)
{
	return 2 * q_block_bytes(layout);
}

static inline size_t
q_pair_bytes(SlmLayout layout)
{
	return q_scales(layout) + 2 * 2 * SLM_GROUP_ROWS;
}

/* Weight i of row r of a block whose codes start there. */
static inline int
q_code(SlmLayout layout, const uint8_t *codes, int i, int r)
{
	if (layout == SLM_LAYOUT_Q8)
		return codes[i / 4 * 64 + r * 4 + i % 4] - SLM_Q8_OFFSET;
	return layout_values(layout)[codes[i % 16 / 4 * 64 + r * 4 + i % 4] >> i / 16 * 4 & 15];
}

#endif
