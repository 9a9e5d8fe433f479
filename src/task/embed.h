/*
 * embed.h - texts to vectors, and what follows from two vectors
 */
#ifndef SLM_TASK_EMBED_H
#define SLM_TASK_EMBED_H

#include "task/task.h"

/*
 * out[i][0 .. n_embd-1] = embedding of the purpose's prefix + text[i].  A text
 * beyond the window is handled as options->overflow says: with chunk, windows
 * without overlap, each with the prefix, averaged weighted by their tokens.
 * Unit length when options->normalize.  SLM_ERR_UNSUPPORTED for a model without
 * embeddings (a cross-encoder).
 */
extern SlmStatus slm_task_embed(SlmRun *run, const SlmText *text, int n, SlmPurpose purpose,
								float *out, SlmStatus *row_status, SlmError *err) SLM_MUST_CHECK;

/* Makes n embeddings unit length, but for rows that failed. */
extern void slm_task_unit_rows(const SlmRun *run, float *row, int n, const SlmStatus *row_status);

/* Cosine of two embeddings in [-1, 1]; 0 when one of them is zero. */
extern float slm_task_cosine(const SlmKernels *kernels, const float *a, const float *b, int n);

/*
 * Score of document[i] for a query: cosine of their embeddings by purpose, or,
 * with a cross-encoder (pooling RANK or one class), the sigmoid of its score of
 * the pair.  query_embedding is the query's slm_task_embed() result where the
 * caller has it, else NULL; a cross-encoder ignores it.  A cross-encoder's
 * score of a document beyond the window is the best of its windows' scores; a
 * query may take at most half of a window.
 */
extern SlmStatus slm_task_rank(SlmRun *run, const SlmText *document, int n, SlmText query,
							   const float *query_embedding, float *out, SlmStatus *row_status,
							   SlmError *err) SLM_MUST_CHECK;

/* True when the model scores pairs itself and has no embeddings. */
extern bool slm_task_is_cross_encoder(const SlmModel *model);

#endif
