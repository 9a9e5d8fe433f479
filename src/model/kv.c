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
	float *keys = block + slm_kv_keys_at(shape, layer) + position;

	for (size_t i = 0; i < shape->n_key; i++)
		keys[i * shape->room] = key[i];
	memcpy(block + slm_kv_values_at(shape, layer) + (size_t) position * shape->values, value,
		   shape->n_key * sizeof(float));
}

SlmStatus
slm_kv_copy(SlmCompute *c, const SlmKvShape *to_shape, float *to, const SlmKvShape *from_shape,
			const float *from, int n, SlmError *err)
{
	for (int layer = 0; layer < to_shape->n_layer; layer++)
	{
		float *keys = to + slm_kv_keys_at(to_shape, layer);
		const float *from_keys = from + slm_kv_keys_at(from_shape, layer);

		for (size_t i = 0; i < to_shape->n_key; i++)
		{
			memcpy(keys + i * to_shape->room, from_keys + i * from_shape->room,
				   (size_t) n * sizeof(float));
			SLM_TRY(slm_spend(c, n * SLM_COST_MOVE, err));
		}
		memcpy(to + slm_kv_values_at(to_shape, layer), from + slm_kv_values_at(from_shape, layer),
			   (size_t) n * to_shape->values * sizeof(float));
		SLM_TRY(slm_spend(c, n * (int64_t) to_shape->values * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}
