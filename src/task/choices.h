/*
 * choices.h - given answers as a tree of tokens, and what a decoder thinks of each
 *
 * Where answers begin alike they share tokens; where they part, or one ends and
 * another goes on, there is a choice between tokens.  A choice's probabilities are
 * softmax over its options alone, so what else the model might have said does not
 * count, nor do the rest of its vocabulary's output rows.  An answer's score is the
 * mean of the logarithms of the choices on its way: the length of an answer is the
 * number of its choices, for tokens without an alternative say nothing.
 *
 * Tokens behind an answer's last choice are never read.
 */
#ifndef SLM_TASK_CHOICES_H
#define SLM_TASK_CHOICES_H

#include "engine/decode.h"

/* A place in the tree where answers part. */
typedef struct SlmChoice
{
	int32_t parent;    /* the choice before it, -1: none; parents come first */
	int32_t via;       /* the option of the parent that leads here */
	int32_t past;      /* tokens of the answers before `token` */
	int32_t token_at;  /* tokens from the parent, or from the start, up to here */
	int32_t n_token;   /* 0 where answers part with their first token */
	int32_t option_at; /* the tokens to choose from, ascending */
	int32_t n_option;  /* at least 2 */
} SlmChoice;

/* An answer's last choice; -1: it has none. */
typedef struct SlmAnswerEnd
{
	int32_t choice;
	int32_t option;
} SlmAnswerEnd;

/* Depth first; in one piece of memory, with offsets, so that it may be copied. */
typedef struct SlmChoices
{
	uint32_t n_byte; /* of all of this */
	int32_t n_answer;
	int32_t n_choice;
	int32_t n_option; /* of all choices */
	int32_t depth;    /* tokens behind a prompt that are read at most */
	uint32_t choice_at, end_at, token_at, option_at;
} SlmChoices;

/*
 * The tree of answers, each as its text's tokens; end is the token that ends an
 * answer, -1 where the vocabulary has none: SLM_ERR_UNSUPPORTED when it is needed,
 * because one answer is another's beginning.  Equal tokens are equal answers.  In
 * run->arena.
 */
extern SlmStatus slm_choices_new(SlmRun *run, const SlmText *answer, int n, int32_t end,
								 SlmChoices **out, SlmError *err) SLM_MUST_CHECK;

/*
 * Branches that ask for the tree behind a prompt: branch[0] is the prompt's, with
 * token, n and past set; the others follow behind its n_prompt tokens.  Room for
 * 1 + n_choice; returns how many there are.  The logits they give are n_option.
 */
extern int slm_choices_branches(const SlmChoices *c, int n_prompt, SlmBranch *branch);

/* score[n_answer] of those logits, which are overwritten. */
extern SlmStatus slm_choices_scores(const SlmChoices *c, SlmRun *run, float *logits, float *score,
									SlmError *err) SLM_MUST_CHECK;

#endif
