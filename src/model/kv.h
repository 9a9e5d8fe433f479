/*
 * kv.h - keys and values of a sequence's tokens, kept from step to step
 *
 * One block of memory a sequence, of one type of numbers: floats, IEEE halves,
 * or codes of a byte with an IEEE half for each block of 32 dimensions of a head
 * (the last one of a head may be shorter), as Q8_0 has them.  Per layer:
 *
 *   keys           [room / 64][n_head_kv * n_head_dim][64], transposed as attention
 *                  reads them, in tiles of SLM_KEY_TILE tokens
 *   key scales     [room / 64][scales][64], of codes alone
 *   values         [room][values]
 *   value scales   [room][scales]
 *
 * room is a multiple of 64, values n_head_kv * n_head_dim padded to 16.  Of a
 * block that is not full, what lies behind the last tile in use is never touched.
 *
 * What a token's keys and values are depends on the tokens before it alone, so
 * the first n of one sequence's may be copied to begin another.  They are put
 * there before anything reads them, a token's own too, so that what attention
 * sees does not depend on how tokens are cut into steps (law 2).
 */
#ifndef SLM_MODEL_KV_H
#define SLM_MODEL_KV_H

#include "model/compute.h"

typedef struct SlmKvShape
{
	SlmDtype type; /* F32, F16 or Q8_0 */
	int n_layer;
	int n_head;
	int head_dim;
	size_t room;   /* tokens */
	size_t values; /* elements from one token's values to the next's */
	size_t scales; /* of a token's keys, and of its values; 0 but of codes */
} SlmKvShape;

extern SlmKvShape slm_kv_shape(const SlmModel *model, SlmDtype type, int n_token);

extern size_t slm_kv_element_bytes(SlmDtype type);

/* Bytes of a sequence's block, a multiple of 64; below 2^63 by limits.h. */
extern uint64_t slm_kv_bytes(const SlmKvShape *shape);

/* Elements from one tile of a layer's keys to the next. */
extern size_t slm_kv_key_tile(const SlmKvShape *shape);

/* A layer's part of a block. */
typedef struct SlmKvLayer
{
	uint8_t *keys;
	uint16_t *key_scales; /* NULL but of codes, as value_scales */
	uint8_t *values;
	uint16_t *value_scales;
} SlmKvLayer;

extern SlmKvLayer slm_kv_layer(const SlmKvShape *shape, void *block, int layer);

/* Puts a token's keys and values, the heads side by side, at its position. */
extern void slm_kv_put(const SlmKernels *kernels, const SlmKvShape *shape, const SlmKvLayer *layer,
					   int position, const float *key, const float *value);

/* Copies the first n tokens of a block to another of the same model and type, whatever its room. */
extern SlmStatus slm_kv_copy(SlmCompute *c, const SlmKvShape *to_shape, void *to,
							 const SlmKvShape *from_shape, const void *from, int n,
							 SlmError *err) SLM_MUST_CHECK;

#endif
