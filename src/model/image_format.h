/*
 * image_format.h - the bytes of an image, for its builder and its reader
 *
 * image.h has the plan.  All structs have fixed widths and no padding; offsets
 * count from the start of the image and are multiples of SLM_IMAGE_ALIGN.
 */
#ifndef SLM_MODEL_IMAGE_FORMAT_H
#define SLM_MODEL_IMAGE_FORMAT_H

#include "base/limits.h"
#include "kernels/kernels.h"
#include "model/arch.h"
#include "model/hparams.h"
#include "model/image.h"

#define SLM_IMAGE_MAGIC "SLMIMAGE"
#define SLM_IMAGE_ALIGN 64
#define SLM_IMAGE_HEADER_BYTES 384 /* SlmImageHeader and zeros */

typedef struct SlmImageSpan
{
	uint64_t offset;
	uint64_t bytes;
} SlmImageSpan;

/* Where a slot's tensor lies; its size follows from the hyperparameters. */
typedef struct SlmTensorRef
{
	uint64_t weight; /* offset; 0: absent */
	uint64_t bias;   /* offset; 0: absent */
	uint32_t type;   /* SlmDtype of the weight in the file */
	uint32_t reserved;
} SlmTensorRef;

typedef struct SlmImageHeader
{
	char magic[8];
	uint32_t version;      /* SLM_IMAGE_VERSION */
	uint32_t quantization; /* SlmDtype of most weight bytes of the file */
	uint64_t image_bytes;
	uint64_t source_bytes;
	uint8_t source_sha256[SLM_SHA256_BYTES];
	char arch[16]; /* SlmArch.name, zero padded */
	uint64_t n_parameter;
	uint8_t
		template_sha256[SLM_SHA256_BYTES]; /* of tokenizer.chat_template; zeros: there is none */
	SlmHparams hparams;
	SlmImageSpan directory; /* SlmTensorRef[slm_image_slots()] */
	SlmImageSpan strings;   /* u32 length and bytes: name, licence, n_class labels */
	SlmImageSpan tokenizer;
	uint64_t checksum; /* of this struct with 0 here, the directory and the strings */
} SlmImageHeader;

_Static_assert(sizeof(SlmImageHeader) <= SLM_IMAGE_HEADER_BYTES, "header outgrew its place");
_Static_assert(sizeof(SlmImageHeader) % 8 == 0 && sizeof(SlmHparams) % 8 == 0, "padding");

/* Rows of the directory: of a stack of layers, and of all; and the row of a slot of the first stack. */
static inline uint32_t
slm_image_stack_slots(const SlmHparams *hparams)
{
	return SLM_GLOBAL_SLOTS + (uint32_t) slm_hparams_layers(hparams) * SLM_LAYER_SLOTS;
}

/* Those of the stack that reads, of a model of two, are the last. */
static inline uint32_t
slm_image_slots(const SlmHparams *hparams)
{
	SlmHparams reader = slm_hparams_reader(hparams);

	return slm_image_stack_slots(hparams) +
		   (reader.n_layer > 0 ? slm_image_stack_slots(&reader) : 0);
}

static inline uint32_t
slm_image_slot(SlmSlot slot, int layer)
{
	return slot < SLM_GLOBAL_SLOTS ? (uint32_t) slot
								   : (uint32_t) (slot + layer * (int) SLM_LAYER_SLOTS);
}

/* FNV-1a, 64 bits: finds accidents, not attackers; an image is private to the server. */
#define SLM_CHECKSUM_START 0xcbf29ce484222325ULL
extern uint64_t slm_checksum(uint64_t sum, const void *data, size_t n);

/* Matrices of a slot, one behind the other. */
static inline uint64_t
slm_image_matrices(const SlmSlotSpec *spec, const SlmHparams *hparams)
{
	return spec->kind == SLM_SLOT_EXPERTS ? hparams->n_expert : 1;
}

/*
 * Bytes of a slot's weight and bias in the image.  The numbers come from valid
 * hyperparameters, so the products cannot wrap.
 */
extern uint64_t slm_image_weight_bytes(const SlmSlotSpec *spec, const SlmHparams *hparams,
									   SlmDtype type);
extern uint64_t slm_image_bias_bytes(const SlmSlotSpec *spec, const SlmHparams *hparams);

/* Bytes of n elements of a type, n a multiple of its block. */
extern uint64_t slm_dtype_bytes(SlmDtype type, uint64_t n);

#endif
