/*
 * pack_k.h - slm_pack_group() and its kin for blocks of 256 weights
 *
 * layout is one of SLM_LAYOUT_K*, type one that slm_layout_of() gives it, k a
 * multiple of 256.  Private to the kernels.
 */
#ifndef SLM_KERNELS_PACK_K_H
#define SLM_KERNELS_PACK_K_H

#include "kernels/kernels.h"

extern uint64_t slm_k_group_bytes(SlmLayout layout, int64_t k);
extern void slm_k_pack(SlmDtype type, const uint8_t *rows, size_t row_bytes, int n_rows, int64_t k,
					   uint8_t *group);
extern void slm_k_unpack_row(SlmLayout layout, const uint8_t *group, int r, int64_t k, float *out);

#endif
