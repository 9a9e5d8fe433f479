/*
 * arch.c - the table of architectures
 *
 * Tensor names, shapes and keys are llama.cpp's (gguf-py/gguf/constants.py and
 * tensor_mapping.py, and its graph builder for "bert").  The row "bert" serves
 * everything that was BERT once: BERT, DistilBERT (no token types), RoBERTa
 * and XLM-RoBERTa (one token type; the converter drops the first rows of the
 * position table), MiniLM, TinyBERT, BGE, E5.
 */
#include "model/arch.h"

#include <stdio.h>

#define EMBD SLM_SIZE_EMBD
#define MATRIX SLM_SLOT_MATRIX
#define TABLE SLM_SLOT_TABLE
#define VECTOR SLM_SLOT_VECTOR

static const SlmArch table[] = {
	{
		.name = "bert",
		.norm = SLM_NORM_LAYER,
		.norm_place = SLM_NORM_POST,
		.position = SLM_POSITION_LEARNED,
		.mask = SLM_MASK_FULL,
		.activation = SLM_ACTIVATION_GELU_ERF,
		.head_activation = SLM_ACTIVATION_TANH,
		.slot =
			{
				[SLM_SLOT_TOKEN_EMBD] = {TABLE, "token_embd", EMBD, SLM_SIZE_VOCAB, SLM_REQUIRED,
										 SLM_NEVER},
				[SLM_SLOT_POSITION_EMBD] = {TABLE, "position_embd", EMBD, SLM_SIZE_CONTEXT,
											SLM_REQUIRED, SLM_NEVER},
				[SLM_SLOT_TOKEN_TYPES] = {TABLE, "token_types", EMBD, SLM_SIZE_TOKEN_TYPES,
										  SLM_OPTIONAL, SLM_NEVER},
				[SLM_SLOT_EMBD_NORM] = {VECTOR, "token_embd_norm", EMBD, SLM_SIZE_ONE, SLM_REQUIRED,
										SLM_REQUIRED},
				[SLM_SLOT_CLS] = {MATRIX, "cls", EMBD, EMBD, SLM_OPTIONAL, SLM_OPTIONAL},
				[SLM_SLOT_CLS_OUTPUT] = {MATRIX, "cls.output", EMBD, SLM_SIZE_CLASSES, SLM_OPTIONAL,
										 SLM_OPTIONAL},
				[SLM_SLOT_ATTN_Q] = {MATRIX, "attn_q", EMBD, EMBD, SLM_REQUIRED, SLM_REQUIRED},
				[SLM_SLOT_ATTN_K] = {MATRIX, "attn_k", EMBD, EMBD, SLM_REQUIRED, SLM_REQUIRED},
				[SLM_SLOT_ATTN_V] = {MATRIX, "attn_v", EMBD, EMBD, SLM_REQUIRED, SLM_REQUIRED},
				[SLM_SLOT_ATTN_OUTPUT] = {MATRIX, "attn_output", EMBD, EMBD, SLM_REQUIRED,
										  SLM_REQUIRED},
				[SLM_SLOT_ATTN_OUTPUT_NORM] = {VECTOR, "attn_output_norm", EMBD, SLM_SIZE_ONE,
											   SLM_REQUIRED, SLM_REQUIRED},
				[SLM_SLOT_FFN_UP] = {MATRIX, "ffn_up", EMBD, SLM_SIZE_FF, SLM_REQUIRED,
									 SLM_REQUIRED},
				[SLM_SLOT_FFN_DOWN] = {MATRIX, "ffn_down", SLM_SIZE_FF, EMBD, SLM_REQUIRED,
									   SLM_REQUIRED},
				[SLM_SLOT_LAYER_OUTPUT_NORM] = {VECTOR, "layer_output_norm", EMBD, SLM_SIZE_ONE,
												SLM_REQUIRED, SLM_REQUIRED},
			},
	},
};

#define N_ARCH (sizeof(table) / sizeof(table[0]))

const SlmArch *
slm_arch_find(SlmText name)
{
	for (size_t i = 0; i < N_ARCH; i++)
		if (strlen(table[i].name) == name.size && memcmp(table[i].name, name.data, name.size) == 0)
			return &table[i];
	return NULL;
}

const char *
slm_activation_name(SlmActivation activation)
{
	static const char *const name[SLM_ACTIVATION_COUNT] = {
		[SLM_ACTIVATION_GELU_ERF] = "gelu",
		[SLM_ACTIVATION_TANH] = "tanh",
		[SLM_ACTIVATION_RELU] = "relu",
	};

	return name[activation];
}

void
slm_slot_name(const SlmArch *arch, SlmSlot slot, int layer, const char *part, char *out,
			  size_t size)
{
	if (slot < SLM_GLOBAL_SLOTS)
		snprintf(out, size, "%s.%s", arch->slot[slot].name, part);
	else
		snprintf(out, size, "blk.%d.%s.%s", layer, arch->slot[slot].name, part);
}
