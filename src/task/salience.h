/*
 * salience.h - how much each sentence of a text says of the whole
 *
 * Private to src/task.  A sentence is the unit-length mean of the hidden states
 * of its tokens.  With the model's sentence head its score is the head's answer
 * to that vector and SLM_SENTENCE_FEATURES numbers:
 *
 *   f0 cosine with the text, which is the unit-length mean of its sentences
 *   f1 mean cosine with the other sentences, 0 if there are none
 *   f2 place: i / (n - 1), 0 if alone     f3 1 if it is the first, else 0
 *   f4 1 / (1 + i)                        f5 log2(1 + words) / 6
 *   f6 share of words with a digit        f7 log2(1 + n) / 6
 *
 * for sentence i of n, words being those of words.h.  A model without the head
 * is answered for by f0 + SLM_SALIENCE_LEAD * f4 + SLM_SALIENCE_LENGTH * f5: what
 * is central, early, and not just a few words.
 */
#ifndef SLM_TASK_SALIENCE_H
#define SLM_TASK_SALIENCE_H

#include "task/sentences.h"
#include "task/windows.h"

#define SLM_SALIENCE_LEAD 0.1f
#define SLM_SALIENCE_LENGTH 0.2f

#define SLM_SENTENCE_WINDOW_TOKENS 384 /* of a text, or what a window of the model holds */

/* A sentence that is weighed. */
typedef struct SlmSalience
{
	SlmSentence at;
	int n_word;
	int n_number; /* words with a digit */
	float score;
} SlmSalience;

/* Sentences on their way to vectors: packed whole into windows, windows into batches. */
typedef struct SlmSentenceVectors
{
	SlmRun *run;
	int width;
	int room; /* tokens of text that a window holds */
	SlmLead lead;

	/* the batch being filled */
	int32_t *token;               /* [max_token] */
	SlmSequence *sequence;        /* [max_token] */
	struct SlmSentenceRows *rows; /* [max_token] */
	float *hidden;                /* [max_token][width] */
	int max_token, n_token, n_sequence, n_rows;
	int window_start; /* of the window being filled; n_token: none is */
	int n_window;     /* opened so far */
} SlmSentenceVectors;

/* Buffers come from run->arena. */
extern SlmStatus slm_sentence_vectors_init(SlmSentenceVectors *vectors, SlmRun *run,
										   SlmError *err) SLM_MUST_CHECK;

/*
 * Adds a sentence, whose vector stands in out[width] after the next
 * slm_sentence_vectors_finish().  Of one beyond a window only the first window
 * is read.  A sentence without tokens is zero.
 */
extern SlmStatus slm_sentence_vectors_add(SlmSentenceVectors *vectors, SlmText sentence, float *out,
										  SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_sentence_vectors_finish(SlmSentenceVectors *vectors,
											 SlmError *err) SLM_MUST_CHECK;

/*
 * Fills in the scores of the n sentences of a text, whose vectors are
 * vector[n][n_embd]; *mean_cosine is that of two different ones, 0 if there is one.
 */
extern SlmStatus slm_salience_score(SlmRun *run, const float *vector, SlmSalience *sentence, int n,
									float *mean_cosine, SlmError *err) SLM_MUST_CHECK;

#endif
