/*
 * score_impl.h - what the files of score.h share
 */
#ifndef SLM_TASK_SCORE_IMPL_H
#define SLM_TASK_SCORE_IMPL_H

#include "task/choices.h"
#include "task/score.h"

typedef struct SlmPart
{
	uint32_t at, size;
} SlmPart;

/* One piece of memory: this, and what it points to by offsets from its start. */
struct SlmScoring
{
	uint32_t n_byte; /* of all of this */
	SlmScoreTask task;
	int32_t n_label;
	int32_t n_question;
	int32_t n_score; /* of a text: of the answers of ONE, else of the questions */
	int32_t none;    /* the answer that is "none of these"; -1 */
	int32_t n_token; /* of the longest question without a text */
	bool is_long;    /* decoders are long (engine/decode.h), whatever the texts */
	SlmPart system;
	SlmPart head;      /* before the text */
	uint32_t tail_at;  /* SlmPart[n_question]: behind it */
	uint32_t empty_at; /* float[n_score] of the empty text */
	uint32_t choices_at;
};

static inline const SlmChoices *
slm_scoring_choices(const SlmScoring *s)
{
	return (const SlmChoices *) ((const char *) s + s->choices_at);
}

static inline const float *
slm_scoring_empty(const SlmScoring *s)
{
	return (const float *) ((const char *) s + s->empty_at);
}

/* Tokens that a question and its text may have. */
static inline int
slm_scoring_context(const SlmRun *run, const SlmScoring *s)
{
	return s->is_long ? slm_context_length(run) : slm_short_context(run);
}

/*
 * The tokens of a question about a text: id [*n] in run->arena.  SLM_ERR_LIMIT when
 * they and the answers do not fit into the context.
 */
extern SlmStatus slm_scoring_prompt(SlmRun *run, const SlmScoring *s, int question, SlmText text,
									const int32_t **id, int *n, SlmError *err) SLM_MUST_CHECK;

/*
 * score[i][n_score] of text[i], before anything is made of them; of a row that
 * failed, anything.  of_empty: the text is the empty one, and what is read of it
 * is kept for those to come.
 */
extern SlmStatus slm_score_texts(SlmRun *run, const SlmScoring *s, const SlmText *text, int n,
								 bool of_empty, float *score, SlmStatus *row_status,
								 SlmError *err) SLM_MUST_CHECK;

#endif
