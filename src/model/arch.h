/*
 * arch.h - architectures as rows of one table (law 7)
 *
 * A row says what a model file must hold and which of the steps that the
 * forward pass knows it takes.  The forward pass never asks which architecture
 * it runs: it switches over the fields below, without a default, so that a new
 * value of a field makes the compiler name every place that has to know it; a
 * slot that a file lacks is a step that is skipped.
 *
 * A slot is a place for a tensor and its bias.  Names and shapes are data: the
 * image builder, the check of a mapped image and the forward pass all walk the
 * same rows.
 */
#ifndef SLM_MODEL_ARCH_H
#define SLM_MODEL_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Slots of the whole model stand first, those that every layer has follow. */
typedef enum SlmSlot
{
	SLM_SLOT_TOKEN_EMBD = 0,
	SLM_SLOT_POSITION_EMBD,
	SLM_SLOT_TOKEN_TYPES,
	SLM_SLOT_EMBD_NORM,
	SLM_SLOT_EMBD_PROJ,
	SLM_SLOT_ATTN_REL_BIAS,
	SLM_SLOT_REL_EMBD,
	SLM_SLOT_REL_EMBD_NORM,
	SLM_SLOT_ROPE_FREQS,
	SLM_SLOT_ROPE_LONG,
	SLM_SLOT_ROPE_SHORT,
	SLM_SLOT_OUTPUT_NORM,
	SLM_SLOT_OUTPUT,
	SLM_SLOT_DENSE, /* of a pooled embedding */
	SLM_SLOT_CLS,
	SLM_SLOT_CLS_NORM,
	SLM_SLOT_CLS_OUTPUT,
	SLM_SLOT_LABEL_TEXT,
	SLM_SLOT_LABEL_NAME,
	SLM_SLOT_EXT_SHAPE,
	SLM_SLOT_EXT_LINE,
	SLM_SLOT_EXT_TOKEN_EMBD,
	SLM_SLOT_EXT_REL_BIAS, /* of all its layers */
	SLM_SLOT_EXT_TOKEN,
	SLM_SLOT_EXT_FIELD,
	SLM_SLOT_SUM_HIDDEN,
	SLM_SLOT_SUM_OUTPUT,
	SLM_GLOBAL_SLOTS,

	SLM_SLOT_ATTN_NORM = SLM_GLOBAL_SLOTS,
	SLM_SLOT_ATTN_Q,
	SLM_SLOT_ATTN_K,
	SLM_SLOT_ATTN_V,
	SLM_SLOT_ATTN_Q_NORM,
	SLM_SLOT_ATTN_K_NORM,
	SLM_SLOT_ATTN_OUTPUT,
	SLM_SLOT_ATTN_OUTPUT_NORM,
	SLM_SLOT_LAYER_REL_BIAS, /* of this layer and those behind it without one */
	SLM_SLOT_CROSS_NORM,     /* attention to what another stack has read */
	SLM_SLOT_CROSS_Q,
	SLM_SLOT_CROSS_K,
	SLM_SLOT_CROSS_V,
	SLM_SLOT_CROSS_OUTPUT,
	SLM_SLOT_FFN_NORM,
	SLM_SLOT_FFN_GATE,
	SLM_SLOT_FFN_UP,
	SLM_SLOT_FFN_DOWN,
	SLM_SLOT_FFN_ROUTER, /* of experts, which each row chooses some of */
	SLM_SLOT_FFN_GATE_EXPERTS,
	SLM_SLOT_FFN_UP_EXPERTS,
	SLM_SLOT_FFN_DOWN_EXPERTS,
	SLM_SLOT_FFN_SHARE_SHARED, /* of an expert that all rows run, weighed by each row */
	SLM_SLOT_FFN_GATE_SHARED,
	SLM_SLOT_FFN_UP_SHARED,
	SLM_SLOT_FFN_DOWN_SHARED,
	SLM_SLOT_LAYER_OUTPUT_NORM,
	SLM_SLOT_NARROW, /* rows of a layer that works on narrower ones than stand between layers */
	SLM_SLOT_NARROW_NORM,
	SLM_SLOT_NARROW_QK, /* what queries and keys read instead */
	SLM_SLOT_NARROW_QK_NORM,
	SLM_SLOT_WIDEN, /* back again */
	SLM_SLOT_WIDEN_NORM,
	SLM_SLOT_MORE_FFN, /* feed-forward blocks before the one above: up, down, norm of each */
	SLM_SLOT_MORE_FFN_END = SLM_SLOT_MORE_FFN + 3 * 3,
	SLM_SLOT_COUNT = SLM_SLOT_MORE_FFN_END,
	SLM_LAYER_SLOTS = SLM_SLOT_COUNT - SLM_GLOBAL_SLOTS
} SlmSlot;

/* How a slot's weight lies in the image. */
typedef enum SlmSlotKind
{
	SLM_SLOT_ABSENT = 0, /* the architecture has no such slot */
	SLM_SLOT_MATRIX,     /* packed for the kernels: n_out rows of n_in; may be looked up, too */
	SLM_SLOT_EXPERTS,    /* a matrix of each expert, packed likewise, one behind the other */
	SLM_SLOT_TABLE,      /* plain rows in the file's type, looked up one by one */
	SLM_SLOT_VECTOR      /* floats */
} SlmSlotKind;

/* A dimension of a slot, by the number of the model that it must equal. */
typedef enum SlmSize
{
	SLM_SIZE_ONE = 0,
	SLM_SIZE_EMBD,
	SLM_SIZE_TOKEN,   /* of a token's embedding, before it is projected to SLM_SIZE_EMBD */
	SLM_SIZE_TRIGRAM, /* of three of them */
	SLM_SIZE_INNER,   /* of the rows that a layer works on, SLM_SIZE_EMBD where it narrows none */
	SLM_SIZE_QUERIES, /* of all heads, side by side */
	SLM_SIZE_KEYS,    /* keys, or values, of all heads that have own ones */
	SLM_SIZE_HEAD,
	SLM_SIZE_HEADS,
	SLM_SIZE_BUCKETS, /* of distances between two tokens */
	SLM_SIZE_ROPE_PAIRS,
	SLM_SIZE_FF,
	SLM_SIZE_EXPERTS,
	SLM_SIZE_EXPERT_FF,
	SLM_SIZE_SHARED_FF,
	SLM_SIZE_VOCAB,
	SLM_SIZE_CONTEXT,
	SLM_SIZE_TOKEN_TYPES,
	SLM_SIZE_CLASSES,
	SLM_SIZE_SHAPES,          /* SLM_WORD_SHAPES */
	SLM_SIZE_LINE_PLACES,     /* SLM_LINE_PLACES */
	SLM_SIZE_EXTRACT_BUCKETS, /* of distances, in the extraction head */
	SLM_SIZE_SPANS,           /* the three channels of a span, side by side */
	SLM_SIZE_SENTENCE,        /* an embedding and SLM_SENTENCE_FEATURES */
	SLM_SIZE_SENTENCE_HIDDEN, /* between the two matrices of the sentence head */
	SLM_SIZE_COUNT
} SlmSize;

/*
 * What a slot is a part of.  A file has any of the heads: what a head requires
 * is required where any tensor of it is there, and is no slot where none is.
 * Of a feed-forward block that may have experts, a file has one form.
 */
typedef enum SlmHeadKind
{
	SLM_HEAD_BODY = 0, /* no head: every model has it */
	SLM_HEAD_CLASS,    /* scores of classes that the model knows by name: SlmClassKind */
	SLM_HEAD_LABEL,    /* texts and labels in one space */
	SLM_HEAD_EXTRACT,  /* spans of tokens for fields */
	SLM_HEAD_SENTENCE, /* the weight of a sentence in its text */
	SLM_HEAD_DENSE,    /* no head either: a feed-forward block that every row runs */
	SLM_HEAD_EXPERTS,  /* one of experts */
	SLM_HEAD_COUNT
} SlmHeadKind;

/* A set of heads, the body among them, is an uint32_t with these bits. */
#define SLM_HEAD_BIT(head) (1U << (head))

typedef enum SlmNeed
{
	SLM_NEVER = 0, /* there is no such tensor */
	SLM_OPTIONAL,
	SLM_REQUIRED,
	SLM_REQUIRED_LATER, /* but in the first layer */
	SLM_REQUIRED_FIRST  /* in the first layer, optional in the others */
} SlmNeed;

typedef struct SlmSlotSpec
{
	SlmSlotKind kind;
	const char *name; /* of the tensor, without "blk.N." and ".weight" */
	SlmSize n_in;     /* ne[0] */
	SlmSize n_out;    /* ne[1]; SLM_SIZE_ONE for vectors */
	SlmNeed weight;
	SlmNeed bias; /* a vector of n_out, or of n_in where the weight is a vector */
	SlmHeadKind head;
	const char *
		fused; /* a tensor that may stand for this one and the others that name it, in the order of slots; or NULL */
} SlmSlotSpec;

typedef enum SlmNorm
{
	SLM_NORM_LAYER = 0, /* mean and variance, weight and bias */
	SLM_NORM_RMS,       /* mean square, weight */
	SLM_NORM_AFFINE     /* weight and bias alone */
} SlmNorm;

typedef enum SlmNormPlace
{
	SLM_NORM_POST = 0, /* after each residual sum, and after the embeddings */
	SLM_NORM_PRE,      /* before attention, before feed-forward, after the last layer */
	SLM_NORM_AROUND    /* there, and of what each step gives before its residual sum */
} SlmNormPlace;

/* Rotations of queries and keys by their position (Su et al. 2021) differ in what a pair is. */
typedef enum SlmPosition
{
	SLM_POSITION_LEARNED = 0,     /* a row of a table, added to the embedding */
	SLM_POSITION_ROPE_NEIGHBOURS, /* numbers 2 i and 2 i + 1 */
	SLM_POSITION_ROPE_HALVES,     /* numbers i and i + n / 2 */
	SLM_POSITION_NONE
} SlmPosition;

/* What attention adds to the scores by how far apart two tokens are. */
typedef enum SlmRelative
{
	SLM_RELATIVE_NONE = 0,
	SLM_RELATIVE_BIAS, /* a number for each head and bucket of distances (Raffel et al. 2020) */
	SLM_RELATIVE_DISENTANGLED /* what a query says to a distance, and it to a key (He et al. 2021) */
} SlmRelative;

/* Tokens' embeddings may have a width of their own, and are projected then. */
typedef enum SlmFactored
{
	SLM_FACTORED_NONE = 0,
	SLM_FACTORED_TABLES, /* all tables have it: their sum is, after its norm */
	SLM_FACTORED_TRIGRAM /* a token's is, side by side with those of the next and the one before */
} SlmFactored;

typedef enum SlmMask
{
	SLM_MASK_FULL = 0, /* every token sees every token of its sequence */
	SLM_MASK_CAUSAL    /* a token sees itself and those before it */
} SlmMask;

typedef enum SlmActivation
{
	SLM_ACTIVATION_GELU_ERF = 0, /* Hugging Face's "gelu" */
	SLM_ACTIVATION_GELU_TANH,    /* "gelu_pytorch_tanh" */
	SLM_ACTIVATION_SILU,
	SLM_ACTIVATION_TANH,
	SLM_ACTIVATION_RELU,
	SLM_ACTIVATION_COUNT
} SlmActivation;

/* What the classification head gives classes to. */
typedef enum SlmClassKind
{
	SLM_CLASS_SEQUENCE = 0, /* the text, by its first token */
	SLM_CLASS_TOKEN,        /* every token */
	SLM_CLASS_KIND_COUNT
} SlmClassKind;

typedef struct SlmArch
{
	const char *name; /* general.architecture, and the prefix of its keys */
	const struct SlmArch
		*reader; /* of a model of two stacks: the one that reads, while this one writes; or NULL */
	const char *blocks; /* what names of a layer's tensors begin with; NULL: "blk" */
	SlmNorm norm;
	SlmNormPlace norm_place;
	SlmPosition position;
	SlmRelative relative;
	uint32_t relative_reach; /* from this distance on, all share the last bucket */
	SlmMask mask;
	bool
		parallel; /* attention and feed-forward block read the same rows, and both are added to them */
	uint8_t
		window_period; /* a file's window holds in all layers but one of so many, where the file does not say; 0: in all */
	bool window_last; /* that one is the first of them, not the last */
	float
		window_rope_base; /* of rotations in layers with a window, where a file does not say; 0: as in the others */
	uint32_t
		wide_scale_layers; /* a model of so many scales scores by the width of rows, not of heads */
	bool grouped;          /* heads may share keys and values, and have a width of their own */
	bool scaled_embedding; /* times the root of their width */
	bool
		scaled_logits; /* by the root of rows' width, where embeddings are the output matrix, too */
	float attention_scale; /* of scores, where the file does not say; 0: by the width of heads */
	SlmFactored factored;
	SlmNeed experts; /* feed-forward blocks have experts: never, as the file says, always */
	bool
		expert_norm; /* shares of the experts that a row chooses add up to 1, where the file does not say */
	bool shared_expert;             /* there is one that all rows run */
	bool shared_blocks;             /* layers may run the same weights */
	bool narrows;                   /* layers work on narrower rows than stand between them */
	SlmActivation activation;       /* of the feed-forward block, where the file does not say */
	SlmActivation gated_activation; /* the same with a gate, where gates are optional */
	SlmActivation head_activation;  /* after the slot cls, where the file does not say */
	SlmClassKind class_kind;        /* of the slot cls.output, where the file does not say */
	bool class_mean; /* of a text, the head reads the mean of all tokens, not the first, likewise */
	const SlmSlotSpec *slot; /* [SLM_SLOT_COUNT] */
} SlmArch;

/* The row of an architecture; NULL when there is none. */
extern const SlmArch *slm_arch_find(SlmText name);

/* What a slot needs in a layer, 0 for those of the whole model, with a set of heads. */
static inline SlmNeed
slm_slot_need(const SlmSlotSpec *spec, uint32_t heads, int layer, bool bias)
{
	SlmNeed need = bias ? spec->bias : spec->weight;

	if ((heads & SLM_HEAD_BIT(spec->head)) == 0)
		return SLM_NEVER;
	if (need == SLM_REQUIRED_LATER)
		return layer > 0 ? SLM_REQUIRED : SLM_OPTIONAL;
	if (need == SLM_REQUIRED_FIRST)
		return layer > 0 ? SLM_OPTIONAL : SLM_REQUIRED;
	return need;
}

static inline const char *
slm_arch_blocks(const SlmArch *arch)
{
	return arch->blocks != NULL ? arch->blocks : "blk";
}

/* Are positions rotations of queries and keys? */
static inline bool
slm_arch_rotates(const SlmArch *arch)
{
	switch (arch->position)
	{
		case SLM_POSITION_ROPE_NEIGHBOURS:
		case SLM_POSITION_ROPE_HALVES:
			return true;
		case SLM_POSITION_LEARNED:
		case SLM_POSITION_NONE:
			break;
	}
	return false;
}

/* By one of its names: "gelu", "gelu_tanh", "silu", "tanh", "relu", or what Hugging Face calls it. */
extern bool slm_activation_find(SlmText name, SlmActivation *out);

/*
 * Writes the name of a tensor of a slot, of a block where the slot belongs to
 * one: "blk.3.ffn_up.weight".  part is "weight" or "bias".
 */
extern void slm_slot_name(const SlmArch *arch, SlmSlot slot, int block, const char *part, char *out,
						  size_t size);

#endif
