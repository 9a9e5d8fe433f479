/*
 * forward.h - token ids to hidden states, and hidden states to answers
 */
#ifndef SLM_MODEL_FORWARD_H
#define SLM_MODEL_FORWARD_H

#include "model/compute.h"

/* Sequences laid end to end; ragged, no padding. */
typedef struct SlmBatch
{
	const int32_t *token;       /* [start[n_sequence]] */
	const int32_t *start;       /* [n_sequence + 1] index of each sequence's first token */
	const int32_t *segment_two; /* [n_sequence] tokens of the first segment */
	int n_sequence;
	int max_length; /* tokens of the longest sequence, at most the context */
} SlmBatch;

/*
 * The last layer's hidden states: out[token][slm_row_stride(n_embd)], in the
 * arena.  Token ids out of range, which only a damaged image gives, are
 * SLM_ERR_CORRUPT.
 */
extern SlmStatus slm_forward(SlmCompute *c, const SlmBatch *batch, float **out,
							 SlmError *err) SLM_MUST_CHECK;

/* out[n_sequence][n_embd]: each sequence's rows as one. */
extern SlmStatus slm_pool(SlmCompute *c, const SlmBatch *batch, const float *hidden,
						  SlmPooling pooling, float *out, SlmError *err) SLM_MUST_CHECK;

/* out[n][n_class]: logits of the classification head for pooled rows [n][n_embd]. */
extern SlmStatus slm_head(SlmCompute *c, const float *pooled, int n, float *out,
						  SlmError *err) SLM_MUST_CHECK;

#endif
