/*
 * kv.h - keys and values of a sequence's tokens, kept from step to step
 *
 * One block of floats a sequence: per layer the keys [n_head_kv][n_head_dim][room],
 * transposed as attention reads them, then the values [room][values].  room is
 * a multiple of 16, values n_head_kv * n_head_dim padded to 16.
 *
 * What a token's keys and values are depends on the tokens before it alone, so
 * the first n of one sequence's may be copied to begin another.
 */
#ifndef SLM_MODEL_KV_H
#define SLM_MODEL_KV_H

#include "model/compute.h"

typedef struct SlmKvShape
{
	int n_layer;
	size_t n_key;  /* rows of the transposed keys: n_head_kv * n_head_dim */
	size_t room;   /* tokens */
	size_t values; /* floats from one token's values to the next's */
} SlmKvShape;

extern SlmKvShape slm_kv_shape(const SlmModel *model, int n_token);

/* Floats of a sequence's block; below 2^63 by limits.h. */
extern uint64_t slm_kv_floats(const SlmKvShape *shape);

/* Where the keys of a layer, and its values, begin in a block. */
static inline size_t
slm_kv_keys_at(const SlmKvShape *shape, int layer)
{
	return (size_t) layer * (shape->n_key + shape->values) * shape->room;
}

static inline size_t
slm_kv_values_at(const SlmKvShape *shape, int layer)
{
	return slm_kv_keys_at(shape, layer) + shape->n_key * shape->room;
}

/* Puts a token's keys and values, each n_key floats, at its position. */
extern void slm_kv_put(const SlmKvShape *shape, float *block, int layer, int position,
					   const float *key, const float *value);

/* Copies the first n tokens of a block to another of the same model, which may have another room. */
extern SlmStatus slm_kv_copy(SlmCompute *c, const SlmKvShape *to_shape, float *to,
							 const SlmKvShape *from_shape, const float *from, int n,
							 SlmError *err) SLM_MUST_CHECK;

#endif
