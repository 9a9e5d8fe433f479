/*
 * bag.h - a text as the bag of its tokens
 *
 * Beside what a text means, a head that was trained on labelled rows reads which
 * tokens it has.  Number i of a bag is sqrt(times that token i stands in the text) *
 * weight i, where the weight says how rare the token is (tf-idf, Salton and
 * Buckley 1988; the root keeps a word that a text repeats from standing for all of it);
 * together they have the length SLM_BAG_LENGTH, or are zeros where a text has none
 * of the tokens.
 */
#ifndef SLM_TASK_BAG_H
#define SLM_TASK_BAG_H

#include "base/host.h"
#include "task/task.h"

#define SLM_BAG_LENGTH 0.7f /* beside an embedding of length 1 */

/* The tokens that a head knows. */
typedef struct SlmBagWords
{
	int n;                 /* 0 .. SLM_MAX_BAG_WORDS */
	const uint32_t *token; /* [n] ascending */
	const float *weight;   /* [n] positive */
} SlmBagWords;

/*
 * out[words->n] of a text of n tokens id, as slm_task_tokenize() gives them; the same bits on every
 * machine.  Polls host.
 */
extern SlmStatus slm_bag(const SlmKernels *kernels, const SlmHost *host, const SlmBagWords *words,
						 const int32_t *id, int n, float *out, SlmError *err) SLM_MUST_CHECK;

#endif
