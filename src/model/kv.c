/*
 * kv.c - keys and values of a sequence's tokens
 */
#include "model/kv.h"

#include <string.h>

SlmKvShape
slm_kv_shape(const SlmModel *model, int n_token)
{
	const SlmHparams *h = &model->hparams;
	size_t n_key = (size_t) slm_hparams_size(h, SLM_SIZE_KEYS);

	return (SlmKvShape){
		.n_layer = (int) h->n_layer,
		.n_key = n_key,
		.room = slm_row_stride(n_token),
		.values = slm_row_stride((int64_t) n_key),
	};
}

uint64_t
slm_kv_floats(const SlmKvShape *shape)
{
	return (uint64_t) shape->n_layer * (shape->n_key + shape->values) * shape->room;
}

void
slm_kv_put(const SlmKvShape *shape, float *block, int layer, int position, const float *key,
		   const float *value)
{
	float *keys = slm_kv_keys(shape, block, layer) + position;

	for (size_t i = 0; i < shape->n_key; i++)
		keys[i * shape->room] = key[i];
	memcpy(slm_kv_values(shape, block, layer) + (size_t) position * shape->values, value,
		   shape->n_key * sizeof(float));
}

SlmStatus
slm_kv_copy(SlmCompute *c, const SlmKvShape *shape, float *to, float *from, int n, SlmError *err)
{
	for (int layer = 0; layer < shape->n_layer; layer++)
	{
		for (size_t i = 0; i < shape->n_key; i++)
		{
			memcpy(slm_kv_keys(shape, to, layer) + i * shape->room,
				   slm_kv_keys(shape, from, layer) + i * shape->room, (size_t) n * sizeof(float));
			SLM_TRY(slm_spend(c, n * SLM_COST_MOVE, err));
		}
		memcpy(slm_kv_values(shape, to, layer), slm_kv_values(shape, from, layer),
			   (size_t) n * shape->values * sizeof(float));
		SLM_TRY(slm_spend(c, n * (int64_t) shape->values * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}
