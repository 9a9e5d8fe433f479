/*
 * image_format.c - sizes and checksum of an image
 */
#include "model/image_format.h"

uint64_t
slm_checksum(uint64_t sum, const void *data, size_t n)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3ULL;
	return sum;
}

uint64_t
slm_dtype_bytes(SlmDtype type, uint64_t n)
{
	const SlmDtypeInfo *info = slm_dtype_info(type);

	return n / info->block_items * info->block_bytes;
}

/* A vector is padded to whole groups of output rows. */
static uint64_t
vector_bytes(uint64_t n)
{
	return (n + SLM_GROUP_ROWS - 1) / SLM_GROUP_ROWS * SLM_GROUP_ROWS * sizeof(float);
}

uint64_t
slm_image_weight_bytes(const SlmSlotSpec *spec, const SlmHparams *hparams, SlmDtype type)
{
	uint64_t n_in = slm_hparams_size(hparams, spec->n_in);
	uint64_t n_out = slm_hparams_size(hparams, spec->n_out);

	switch (spec->kind)
	{
		case SLM_SLOT_MATRIX:
		case SLM_SLOT_EXPERTS:
			return slm_image_matrices(spec, hparams) *
				   ((n_out + SLM_GROUP_ROWS - 1) / SLM_GROUP_ROWS *
					slm_group_bytes(slm_layout_of(type), (int64_t) n_in));
		case SLM_SLOT_TABLE:
			return n_out * slm_dtype_bytes(type, n_in);
		case SLM_SLOT_VECTOR:
			return vector_bytes(n_in);
		case SLM_SLOT_ABSENT:
			break;
	}
	return 0;
}

uint64_t
slm_image_bias_bytes(const SlmSlotSpec *spec, const SlmHparams *hparams)
{
	return vector_bytes(
		slm_hparams_size(hparams, spec->kind == SLM_SLOT_VECTOR ? spec->n_in : spec->n_out));
}
