/*
 * slm.h - the public header of the engine
 *
 * A model file becomes an image once (slm_image_build); the image is mapped
 * read-only by any number of processes (slm_model_open); a run borrows a model,
 * a kernel table, a host and an arena, and turns token sequences into vectors.
 * Nothing here knows PostgreSQL, allocates in steady state, or keeps global
 * state.  A run is used by one thread at a time; a model by any number.
 *
 * Every function that computes polls run->host and returns SLM_ERR_CANCELLED
 * soon after the host asks; what it had allocated is garbage in the arena.
 */
#ifndef SLM_ENGINE_SLM_H
#define SLM_ENGINE_SLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/host.h"
#include "base/source.h"
#include "base/status.h"
#include "base/text.h"
#include "kernels/kernels.h"
#include "model/image.h"
#include "model/model.h"
#include "tokenizer/chat.h"
#include "tokenizer/tokenizer.h"

/*
 * What the same image means to one registered model: SQL options that change
 * results.  Part of the fingerprint.  The texts are borrowed.
 */
typedef struct SlmModelOptions
{
	SlmPooling pooling; /* SLM_POOLING_UNSPECIFIED: as the file says */
	bool normalize;     /* unit length embeddings; default true */
	int context_length; /* tokens of one window, 0: as the file says */
	enum
	{
		SLM_OVERFLOW_CHUNK = 0, /* windows, averaged weighted by their tokens */
		SLM_OVERFLOW_TRUNCATE,
		SLM_OVERFLOW_ERROR
	} overflow;
	SlmText query_prefix;
	SlmText document_prefix;
	SlmText prompt_format; /* name of a chat format (tokenizer/chat.h); default plain */
	SlmDtype cache_type;   /* what a decoder's keys and values are kept as: F32, F16 or Q8_0 */
} SlmModelOptions;

extern void slm_model_options_init(SlmModelOptions *options);

/* SLM_ERR_ARGUMENT when the options do not fit the model; the message names the option. */
extern SlmStatus slm_model_options_check(const SlmModelOptions *options, const SlmModel *model,
										 SlmError *err) SLM_MUST_CHECK;

/* Beginnings of prompts that are kept from call to call (engine/prefix.h). */
typedef struct SlmPrefixes SlmPrefixes;

/* Another process that may write instead (task/generate.h). */
typedef struct SlmOutlet SlmOutlet;

/* One call's view of everything it needs; all borrowed. */
typedef struct SlmRun
{
	const SlmModel *model;
	const SlmModelOptions *options;
	const SlmKernels *kernels;
	const SlmHost *host;
	SlmArena *arena;
	int max_input_tokens; /* of one text, 0: no cap */
	const SlmModel
		*draft; /* a smaller model with its vocabulary, which guesses what is written; or NULL */
	int batch_rows;        /* texts that are written beside each other, 0: no cap */
	SlmPrefixes *prefixes; /* NULL: none are kept */
	SlmText owner;         /* of those: the model and whoever may see its prompts, as bytes */
	SlmOutlet *outlet;     /* NULL: what is to be written is written here */
	uint64_t n_token_in;   /* counts up: tokens that went through the model */
	uint64_t n_token_out;  /* counts up: tokens written */
	uint64_t n_token_kept; /* counts up: tokens that need not, because they were kept */
} SlmRun;

/* Tokens a window can hold, special tokens included. */
extern int slm_context_length(const SlmRun *run);

/* The model's pooling, or what the options say instead. */
extern SlmPooling slm_effective_pooling(const SlmRun *run);

/*
 * A sequence with its special tokens, ready for the model.  segment_two is the
 * index of the first token of the second segment (token type 1), or n.
 */
typedef struct SlmSequence
{
	const int32_t *token; /* [n], borrowed */
	int n;                /* 1 .. slm_context_length */
	int segment_two;
} SlmSequence;

/*
 * Runs n_sequence sequences through the model as ragged batches of at most
 * SLM_BATCH_TOKENS tokens, and writes one row a sequence, or one a token, in
 * the given order:
 *
 *   slm_encode_pooled   out [n_sequence][n_embd], pooled, not normalized;
 *                       SLM_ERR_UNSUPPORTED where nothing says how to pool
 *   slm_encode_scores   out [n_sequence][n_class], logits of a
 *                       sequence-classification head; SLM_ERR_UNSUPPORTED for a
 *                       model without one
 *   slm_encode_tokens   out [sum of n][n_token_class], logits of a
 *                       token-classification head; SLM_ERR_UNSUPPORTED for a
 *                       model without one
 *   slm_encode_hidden   out [sum of n][n_embd], the last hidden states of all
 *                       tokens
 *   slm_encode_spans    out [sum of n][3 * n_span], the tokens' side of the
 *                       extraction head: start, end and inside;
 *                       SLM_ERR_UNSUPPORTED for a model without one.
 *                       look[i][sequence[i].n], each below SLM_WORD_LOOKS, are
 *                       the looks of the tokens' words (model/README.md)
 *
 * The bits of a row do not depend on the other rows.  A row that is not finite
 * is SLM_ERR_CORRUPT ("model gave a value that is not finite").  After an
 * error, what stands in out is undefined.  What a call takes from run->arena it
 * has given back when it returns.
 */
extern SlmStatus slm_encode_pooled(SlmRun *run, const SlmSequence *sequence, int n_sequence,
								   float *out, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_encode_scores(SlmRun *run, const SlmSequence *sequence, int n_sequence,
								   float *out, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_encode_tokens(SlmRun *run, const SlmSequence *sequence, int n_sequence,
								   float *out, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_encode_hidden(SlmRun *run, const SlmSequence *sequence, int n_sequence,
								   float *out, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_encode_spans(SlmRun *run, const SlmSequence *sequence,
								  const uint8_t *const *look, int n_sequence, float *out,
								  SlmError *err) SLM_MUST_CHECK;

/*
 * n vectors through a head, row by row, under the same contract:
 *
 *   slm_project_fields   [n][n_embd] -> [n][3 * n_span], the fields' side of the
 *                        extraction head; a logit is the dot product of a
 *                        token's and a field's channel over sqrt(n_span)
 *   slm_project_labels   [n][n_embd] -> [n][n_embd], where cosines of texts with
 *                        labels are taken; out may be embedding
 *   slm_score_sentences  [n][n_embd + SLM_SENTENCE_FEATURES] -> [n]
 *
 * SLM_ERR_UNSUPPORTED for a model without that head.
 */
typedef enum SlmLabelSide
{
	SLM_LABEL_TEXT = 0,
	SLM_LABEL_NAME
} SlmLabelSide;

extern SlmStatus slm_project_fields(SlmRun *run, const float *embedding, int n, float *out,
									SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_project_labels(SlmRun *run, SlmLabelSide side, const float *embedding, int n,
									float *out, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_score_sentences(SlmRun *run, const float *input, int n, float *out,
									 SlmError *err) SLM_MUST_CHECK;

/* Divides by the canonical length; a zero vector stays zero. */
extern void slm_normalize(const SlmKernels *kernels, float *x, int n);

#endif
