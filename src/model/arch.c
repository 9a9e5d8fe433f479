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

#define BODY SLM_HEAD_BODY
#define EMBD SLM_SIZE_EMBD
#define HIDDEN SLM_SIZE_SENTENCE_HIDDEN
#define REQUIRED SLM_REQUIRED
#define OPTIONAL SLM_OPTIONAL
#define NEVER SLM_NEVER
#define MATRIX SLM_SLOT_MATRIX
#define TABLE SLM_SLOT_TABLE
#define VECTOR SLM_SLOT_VECTOR

static const SlmSlotSpec bert_slots[SLM_SLOT_COUNT] = {
	[SLM_SLOT_TOKEN_EMBD] = {TABLE, "token_embd", EMBD, SLM_SIZE_VOCAB, REQUIRED, NEVER, BODY},
	[SLM_SLOT_POSITION_EMBD] = {TABLE, "position_embd", EMBD, SLM_SIZE_CONTEXT, REQUIRED, NEVER,
								BODY},
	[SLM_SLOT_TOKEN_TYPES] = {TABLE, "token_types", EMBD, SLM_SIZE_TOKEN_TYPES, OPTIONAL, NEVER,
							  BODY},
	[SLM_SLOT_EMBD_NORM] = {VECTOR, "token_embd_norm", EMBD, SLM_SIZE_ONE, REQUIRED, REQUIRED,
							BODY},
	[SLM_SLOT_CLS] = {MATRIX, "cls", EMBD, EMBD, OPTIONAL, OPTIONAL, SLM_HEAD_CLASS},
	[SLM_SLOT_CLS_OUTPUT] = {MATRIX, "cls.output", EMBD, SLM_SIZE_CLASSES, REQUIRED, OPTIONAL,
							 SLM_HEAD_CLASS},
	[SLM_SLOT_LABEL_TEXT] = {MATRIX, "label_text", EMBD, EMBD, REQUIRED, NEVER, SLM_HEAD_LABEL},
	[SLM_SLOT_LABEL_NAME] = {MATRIX, "label_name", EMBD, EMBD, REQUIRED, NEVER, SLM_HEAD_LABEL},
	[SLM_SLOT_EXT_SHAPE] = {TABLE, "ext_shape", EMBD, SLM_SIZE_SHAPES, REQUIRED, NEVER,
							SLM_HEAD_EXTRACT},
	[SLM_SLOT_EXT_TOKEN] = {MATRIX, "ext_token", EMBD, SLM_SIZE_SPANS, REQUIRED, REQUIRED,
							SLM_HEAD_EXTRACT},
	[SLM_SLOT_EXT_FIELD] = {MATRIX, "ext_field", EMBD, SLM_SIZE_SPANS, REQUIRED, REQUIRED,
							SLM_HEAD_EXTRACT},
	[SLM_SLOT_SUM_HIDDEN] = {MATRIX, "sum_hidden", SLM_SIZE_SENTENCE, HIDDEN, REQUIRED, REQUIRED,
							 SLM_HEAD_SENTENCE},
	[SLM_SLOT_SUM_OUTPUT] = {MATRIX, "sum_output", HIDDEN, SLM_SIZE_ONE, REQUIRED, REQUIRED,
							 SLM_HEAD_SENTENCE},
	[SLM_SLOT_ATTN_Q] = {MATRIX, "attn_q", EMBD, EMBD, REQUIRED, REQUIRED, BODY},
	[SLM_SLOT_ATTN_K] = {MATRIX, "attn_k", EMBD, EMBD, REQUIRED, REQUIRED, BODY},
	[SLM_SLOT_ATTN_V] = {MATRIX, "attn_v", EMBD, EMBD, REQUIRED, REQUIRED, BODY},
	[SLM_SLOT_ATTN_OUTPUT] = {MATRIX, "attn_output", EMBD, EMBD, REQUIRED, REQUIRED, BODY},
	[SLM_SLOT_ATTN_OUTPUT_NORM] = {VECTOR, "attn_output_norm", EMBD, SLM_SIZE_ONE, REQUIRED,
								   REQUIRED, BODY},
	[SLM_SLOT_FFN_UP] = {MATRIX, "ffn_up", EMBD, SLM_SIZE_FF, REQUIRED, REQUIRED, BODY},
	[SLM_SLOT_FFN_DOWN] = {MATRIX, "ffn_down", SLM_SIZE_FF, EMBD, REQUIRED, REQUIRED, BODY},
	[SLM_SLOT_LAYER_OUTPUT_NORM] = {VECTOR, "layer_output_norm", EMBD, SLM_SIZE_ONE, REQUIRED,
									REQUIRED, BODY},
};

static const SlmArch table[] = {
	{
		.name = "bert",
		.norm = SLM_NORM_LAYER,
		.norm_place = SLM_NORM_POST,
		.position = SLM_POSITION_LEARNED,
		.mask = SLM_MASK_FULL,
		.activation = SLM_ACTIVATION_GELU_ERF,
		.head_activation = SLM_ACTIVATION_TANH,
		.class_kind = SLM_CLASS_SEQUENCE,
		.slot = bert_slots,
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

const char *
slm_class_kind_name(SlmClassKind kind)
{
	static const char *const name[SLM_CLASS_KIND_COUNT] = {
		[SLM_CLASS_SEQUENCE] = "sequence",
		[SLM_CLASS_TOKEN] = "token",
	};

	return name[kind];
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
