/*
 * summarize.h - the sentences that say most of a text, in its own words
 *
 * Sentences (sentences.h) are scored (salience.h) and taken one by one, each
 * time the one of the greatest
 *
 *   SLM_SUMMARY_LAMBDA * score - (1 - SLM_SUMMARY_LAMBDA) * redundancy
 *
 * (maximal marginal relevance), the score scaled to [0, 1] over the text, the
 * redundancy being the greatest cosine with a sentence taken before, scaled so
 * that 0 is the text's mean cosine of two sentences, or less, and 1 is 1.  Those
 * that would exceed max_words, whose value is not above 0, whose score is below
 * the text's mean, or that repeat a taken one to the letter are passed over; the
 * end is when none is left.  So a summary may have fewer words than it might.
 * When already the first, which is the one of the highest score, has more than
 * max_words words it is cut at one.
 *
 * Memory does not grow with the text.  Beyond SLM_SUMMARY_SENTENCES sentences
 * the text is summarized in parts, and what is left of the parts is taken for
 * the text: each part leaves at most max_words words and SLM_MAX_SUMMARY_PIECES
 * sentences, which keep their vectors and are scored anew among each other.
 */
#ifndef SLM_TASK_SUMMARIZE_H
#define SLM_TASK_SUMMARIZE_H

#include "task/sentences.h"
#include "task/task.h"

#define SLM_SUMMARY_LAMBDA 0.5f

typedef struct SlmSummary
{
	SlmSentence *piece; /* [n_piece] substrings of the text, in its order; in run->arena */
	int n_piece;
	bool cut; /* the only piece ends inside of a sentence */
} SlmSummary;

/* SLM_ERR_ARGUMENT unless 1 <= max_words <= SLM_MAX_SUMMARY_WORDS. */
extern SlmStatus slm_task_check_max_words(int max_words, SlmError *err) SLM_MUST_CHECK;

/*
 * Cuts a sentence of more than max_words words at one: behind a clause that ends in
 * the last third of what fits, else behind the last word that fits.  *cut is false
 * when it has no more words.
 */
extern SlmStatus slm_summary_cut(SlmText text, const SlmHost *host, int max_words,
								 SlmSentence *sentence, bool *cut, SlmError *err) SLM_MUST_CHECK;

/*
 * SLM_ERR_LIMIT for a text beyond run->max_input_tokens, or beyond a window of
 * the model where its options say that this is an error.
 */
extern SlmStatus slm_task_check_size(SlmRun *run, SlmText text, SlmError *err) SLM_MUST_CHECK;

/*
 * Summary of each text, which is not blank, of at most max_words words (words.h).
 * A text of no more words is its own summary, without white space around, and
 * does not go through the model.  A summary has at most SLM_MAX_SUMMARY_PIECES
 * pieces; the one of a row that failed has none.  SLM_ERR_UNSUPPORTED for a
 * cross-encoder without a sentence head, whose hidden states are not made to be
 * compared.
 */
extern SlmStatus slm_task_summarize(SlmRun *run, const SlmText *text, int n, int max_words,
									SlmSummary *out, SlmStatus *row_status,
									SlmError *err) SLM_MUST_CHECK;

#endif
