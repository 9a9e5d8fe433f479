/*
 * forward.h - token ids to hidden states, and hidden states to answers
 */
#ifndef SLM_MODEL_FORWARD_H
#define SLM_MODEL_FORWARD_H

#include "model/kv.h"

/* Sequences laid end to end; ragged, no padding. */
typedef struct SlmBatch
{
	const int32_t *token;       /* [start[n_sequence]] */
	const int32_t *start;       /* [n_sequence + 1] index of each sequence's first token */
	const int32_t *segment_two; /* [n_sequence] tokens of the first segment */
	const uint8_t *look;        /* [start[n_sequence]] of each token's word, or NULL */
	int n_sequence;
	int max_length; /* tokens of the longest sequence, at most the context */

	/*
	 * Of a causal model, what came before: each sequence's block of keys and
	 * values, which the batch's own are put into behind the past ones.  Sequences
	 * may share a block: each then stands behind what those before it have left
	 * there.  cache is NULL where nothing came before, and nothing is kept.
	 */
	void *const *cache;  /* [n_sequence] */
	const int32_t *past; /* [n_sequence] tokens in it already */
	SlmKvShape shape_of_cache;
	bool long_context; /* these sequences may outgrow n_rope_context */

	/*
	 * Of the stack of two that writes: what the other one has read, as keys and
	 * values of slm_cross_fill().
	 */
	void *const *source;     /* [n_sequence] */
	const int32_t *n_source; /* [n_sequence] tokens of it */
	SlmKvShape shape_of_source;
} SlmBatch;

/*
 * The last layer's hidden states: out[token][slm_row_stride(n_embd)], in the
 * arena.  With looks of words, those of the extraction head's last layer.  Token
 * ids out of range, which only a damaged image gives, are SLM_ERR_CORRUPT.
 */
extern SlmStatus slm_forward(SlmCompute *c, const SlmBatch *batch, float **out,
							 SlmError *err) SLM_MUST_CHECK;

/* SLM_ERR_LIMIT where the arena would not do for slm_forward() of a batch; computes nothing. */
extern SlmStatus slm_forward_try(SlmCompute *c, const SlmBatch *batch,
								 SlmError *err) SLM_MUST_CHECK;

/*
 * Keys and values, for each layer of c's model, of n rows of hidden states
 * rows[n][slm_row_stride(n_embd)] that its reader gave.
 */
extern SlmStatus slm_cross_fill(SlmCompute *c, const float *rows, int n, const SlmKvShape *shape,
								void *block, SlmError *err) SLM_MUST_CHECK;

/* Takes what that needs of the arena, and keeps it. */
extern SlmStatus slm_cross_try(SlmCompute *c, int n, SlmError *err) SLM_MUST_CHECK;

/* out[n_sequence][n_embd]: each sequence's rows as one. */
extern SlmStatus slm_pool(SlmCompute *c, const SlmBatch *batch, const float *hidden,
						  SlmPooling pooling, float *out, SlmError *err) SLM_MUST_CHECK;

/* out[n][n_out] = a matrix's product with rows in[n][in_stride]; out may be in. */
extern SlmStatus slm_project(SlmCompute *c, SlmSlot slot, const float *in, size_t in_stride, int n,
							 float *out, SlmError *err) SLM_MUST_CHECK;

/*
 * out[n][n_row] = the logits of the tokens row[0 .. n_row) after hidden states
 * in[n][in_stride]; row ascending, or NULL for the whole vocabulary, n_row of it.
 */
extern SlmStatus slm_logits(SlmCompute *c, const float *in, size_t in_stride, int n,
							const int32_t *row, int n_row, float *out,
							SlmError *err) SLM_MUST_CHECK;

/* out[n][n_class]: logits of the classification head for rows in[n][in_stride]. */
extern SlmStatus slm_class_head(SlmCompute *c, const float *in, size_t in_stride, int n, float *out,
								SlmError *err) SLM_MUST_CHECK;

/* out[n]: scores of the sentence head for rows [n][n_embd + SLM_SENTENCE_FEATURES]. */
extern SlmStatus slm_sentence_head(SlmCompute *c, const float *in, int n, float *out,
								   SlmError *err) SLM_MUST_CHECK;

#endif
