/*
 * hparams.h - the numbers that give a model its shape
 */
#ifndef SLM_MODEL_HPARAMS_H
#define SLM_MODEL_HPARAMS_H

#include "gguf/gguf.h"
#include "model/arch.h"
#include "model/model.h"

/* Stored in an image as it stands: fixed widths, no pointers, no padding. */
typedef struct SlmHparams
{
	uint32_t n_layer;
	uint32_t n_reader_layer; /* of the stack that reads, in a model of two; else 0 */
	uint32_t start_token;    /* that such a model begins to write with */
	uint32_t n_group;        /* blocks of weights: layer i runs block i * n_group / n_layer */
	uint32_t n_embd;
	uint32_t n_token_embd; /* width of a token's embedding before it is projected, else n_embd */
	uint32_t n_inner;      /* width of the rows that a layer works on */
	uint32_t n_ff;
	uint32_t n_expert;      /* of each layer; 0: none */
	uint32_t n_expert_used; /* of them by a row */
	uint32_t n_ff_expert;
	uint32_t n_ff_shared; /* of the expert that all rows run; 0: there is none */
	float expert_scale;   /* of the shares of experts */
	uint32_t n_head;
	uint32_t n_head_kv;     /* heads that have keys and values of their own; divides n_head */
	uint32_t n_head_dim;    /* numbers of a head */
	uint32_t n_rope;        /* of them that rotate; 0: positions are no rotations */
	float rope_base;        /* pair i turns by position * base^(-2 i / n_rope) / scale */
	float rope_base_window; /* of layers with a window; 0: they turn like the others */
	float rope_scale;
	float rope_attention; /* factor of turned queries and keys */
	uint32_t
		n_rope_context; /* longer sequences turn by the factors of rope_factors_long; 0: there are none */
	uint32_t
		n_window; /* in a layer with a window, only what is nearer to a token is seen; 0: no layer has one */
	uint32_t window_period; /* layers with a window are all but one of so many; 0: all */
	float attention_scale;  /* of scores */
	float attention_cap;    /* scores are cap * tanh(score / cap); 0: not so */
	float logit_cap;        /* the same of logits */
	float logit_scale;      /* of them, before that */
	uint16_t expert_norm;   /* 1: shares of the experts that a row runs add up to 1 before */
	uint16_t parallel;      /* 1: attention and feed-forward block read the same rows */
	uint32_t n_bucket; /* of distances between two tokens; 0: attention does not ask for them */
	uint32_t relative_reach; /* what DeBERTa calls the largest distance; 0 elsewhere */
	uint32_t n_context;
	uint32_t n_vocab;
	uint32_t n_token_type;    /* 0: no such table */
	uint32_t n_class;         /* 0: no classification head */
	int32_t pooling;          /* SlmPooling */
	uint16_t activation;      /* SlmActivation */
	uint16_t head_activation; /* SlmActivation */
	uint16_t class_kind;      /* SlmClassKind */
	uint16_t class_pooling;   /* SlmPooling: mean or cls */
	float norm_epsilon;
	uint32_t heads;             /* set of SLM_HEAD_BIT() */
	uint16_t n_extract_layer;   /* layers behind n_layer, of the extraction head */
	uint16_t n_extract_bucket;  /* of distances there; 0: they have no numbers of their own */
	uint32_t n_span;            /* width of one of its three channels */
	uint32_t n_sentence_hidden; /* outputs of the sentence head's first matrix */
	SlmLabelCalibration label;
	SlmExtractCalibration extract;
} SlmHparams;

/*
 * Reads and checks the keys "<arch>.*" of a file, and the shapes of the
 * tensors that carry a number of their own (vocabulary, token types, classes,
 * spans, the sentence head).
 * A key that is missing, of a wrong type or out of range is SLM_ERR_CORRUPT
 * and named; a key of the architecture that we do not know is
 * SLM_ERR_UNSUPPORTED, because it may change results.
 */
extern SlmStatus slm_hparams_read(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *out,
								  SlmError *err) SLM_MUST_CHECK;

/* Are all of them in range?  Says so of the numbers of an image. */
extern bool slm_hparams_valid(const SlmHparams *hparams);

/* Are the constants of the heads that there are?  A part of that. */
extern bool slm_hparams_constants_valid(const SlmHparams *hparams);

/* Classes that a head of a kind may have. */
static inline uint32_t
slm_max_classes(uint16_t class_kind)
{
	return class_kind == SLM_CLASS_TOKEN ? SLM_MAX_TOKEN_CLASSES : SLM_MAX_CLASSES;
}

/* Layers of the model and of its heads. */
static inline int
slm_hparams_layers(const SlmHparams *hparams)
{
	return (int) (hparams->n_layer + hparams->n_extract_layer);
}

/* Of a model of two stacks, the numbers of the one that reads. */
extern SlmHparams slm_hparams_reader(const SlmHparams *hparams);

/* Does a layer's attention stop at the window? */
static inline bool
slm_hparams_windowed(const SlmHparams *hparams, const SlmArch *arch, int layer)
{
	int period = (int) hparams->window_period;

	if (hparams->n_window == 0 || layer >= (int) hparams->n_layer)
		return false;
	return period == 0 || layer % period != (arch->window_last ? 0 : period - 1);
}

/* Blocks of weights of the model and of its heads. */
static inline int
slm_hparams_blocks(const SlmHparams *hparams)
{
	return (int) (hparams->n_group + hparams->n_extract_layer);
}

/* The block whose weights a layer runs. */
static inline int
slm_hparams_block(const SlmHparams *hparams, int layer)
{
	uint32_t i = (uint32_t) layer;

	if (i >= hparams->n_layer)
		return (int) (i - hparams->n_layer + hparams->n_group);
	return (int) (i * hparams->n_group / hparams->n_layer);
}

/* The value of a dimension. */
extern uint64_t slm_hparams_size(const SlmHparams *hparams, SlmSize size);

#endif
