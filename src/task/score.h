/*
 * score.h - labels for a text, by what a decoder thinks of them as answers
 *
 * The model is asked in its chat format; nothing it might write is parsed.  What
 * it is asked, with the caller's instructions behind the first line:
 *
 *   SLM_SCORE_ONE        Classify the text. Answer with one of the labels, or with
 *                        "none of these" where none fits.
 *                        > Labels: (a line each, with their descriptions) > Text: ...
 *   SLM_SCORE_EACH       Say whether the label fits the text. Answer with yes or no.
 *                        > Text: ... > Label: ...           once for every label
 *   SLM_SCORE_CONDITION  Say whether the condition holds for the text. ...
 *                        > Condition: ... > Text: ...
 *
 * Scores are those of choices.h, and are taken for an empty text, too, once for a
 * set of labels.  ONE: softmax over the labels of score(text) - score(empty text),
 * so that a label the model likes in any case gains nothing by it; times what is
 * left of 1 by "none of these", whose share is that of softmax over all scores of
 * the text itself.  A label called so is that answer.  EACH and CONDITION: the
 * logistic function of score(yes) - score(no), less the same of the empty text
 * where that is above 0: what fits no text at all must not be said to fit.
 *
 * A text that does not fit into the context (of a model with frequencies for long
 * ones: the one without them, unless the question takes half of that) is taken in
 * chunks, whose scores are averaged, weighted by their tokens; or as options->overflow says.
 */
#ifndef SLM_TASK_SCORE_H
#define SLM_TASK_SCORE_H

#include "task/classify.h"

typedef enum SlmScoreTask
{
	SLM_SCORE_ONE = 0,  /* probabilities sum to at most 1 */
	SLM_SCORE_EACH,     /* each label on its own */
	SLM_SCORE_CONDITION /* a condition, as the name of the only label */
} SlmScoreTask;

/* A question with its answers and their scores for an empty text; flat, may be copied. */
typedef struct SlmScoring SlmScoring;

/*
 * Makes ready for labels that slm_task_check_labels() has passed; instructions may
 * be empty.  In run->arena.  SLM_ERR_LIMIT when the question alone is longer than
 * the context.
 */
extern SlmStatus slm_scoring_new(SlmRun *run, SlmScoreTask task, const SlmLabel *label, int n,
								 SlmText instructions, SlmScoring **out,
								 SlmError *err) SLM_MUST_CHECK;

extern size_t slm_scoring_bytes(const SlmScoring *scoring);

/* probability[i][j] of label j for text[i]; row_status as in task.h. */
extern SlmStatus slm_task_score(SlmRun *run, const SlmScoring *scoring, const SlmText *text, int n,
								float *probability, SlmStatus *row_status,
								SlmError *err) SLM_MUST_CHECK;

#endif
