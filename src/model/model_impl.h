/*
 * model_impl.h - an open model as the forward pass sees it
 */
#ifndef SLM_MODEL_MODEL_IMPL_H
#define SLM_MODEL_MODEL_IMPL_H

#include "kernels/kernels.h"
#include "model/image_format.h"
#include "model/model.h"

/* A slot, resolved: pointers into the image, sizes in private memory. */
typedef struct SlmWeight
{
	const void *weight; /* NULL: the file has no such tensor */
	const float *bias;  /* [n_out padded to 16] or NULL */
	int64_t n_in;
	int64_t n_out;
	size_t row_bytes; /* tables: bytes of a row */
	SlmSlotKind kind;
	SlmDtype type;
	SlmLayout layout; /* matrices */
	int n_group;      /* matrices: packed groups */
	size_t next;      /* experts: bytes from one's matrix to the next one's */
} SlmWeight;

/* The matrix of expert i. */
static inline SlmWeight
slm_weight_expert(const SlmWeight *experts, int i)
{
	SlmWeight out = *experts;

	out.weight = (const uint8_t *) experts->weight + (size_t) i * experts->next;
	out.kind = SLM_SLOT_MATRIX;
	return out;
}

struct SlmModel
{
	const SlmHost *host;
	const SlmArch *arch;
	SlmHparams hparams;
	SlmModelInfo info;
	SlmTokenizer tokenizer;
	uint8_t *strings;   /* private copy */
	SlmText *label;     /* [n_class], into strings */
	SlmModel *reader;   /* the stack that reads, without texts of its own; or NULL */
	SlmWeight weight[]; /* [slm_image_stack_slots()] */
};

/* layer is ignored for the slots of the whole model. */
static inline const SlmWeight *
slm_weight(const SlmModel *model, SlmSlot slot, int layer)
{
	return &model->weight[slm_image_slot(slot, layer)];
}

#endif
