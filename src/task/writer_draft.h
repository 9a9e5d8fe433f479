/*
 * writer_draft.h - a smaller model guesses what a row will be, a larger one sees to it
 *
 * Private to src/task.  The smaller one writes some tokens on, as if it were asked;
 * the larger one reads them all in one pass, which costs little more than one token
 * where it waits for memory, and chooses as ever: what was guessed right saves
 * passes, what was not is forgotten.  So the answers are the larger model's alone,
 * bit by bit; only rows without sampling are guessed, as a draw would seldom agree.
 */
#ifndef SLM_TASK_WRITER_DRAFT_H
#define SLM_TASK_WRITER_DRAFT_H

#include "task/writer_row.h"

#define SLM_DRAFT_ROWS 4   /* with more rows a pass is busy without guesses */
#define SLM_DRAFT_TOKENS 8 /* guessed at a time, at most */

typedef struct SlmDrafter SlmDrafter;

/*
 * For n_row rows of at most n_token tokens, over run->draft; run is borrowed.  *out
 * is NULL where the arena has no memory for it.
 */
extern SlmStatus slm_drafter_new(SlmRun *run, int n_row, int n_token, SlmDrafter **out,
								 SlmError *err) SLM_MUST_CHECK;

/* A row joins, with the first n of the tokens that its place had. */
extern void slm_drafter_begin(SlmDrafter *drafter, int row, int n);

/* A row takes over the first n tokens of another, as far as they have been read. */
extern SlmStatus slm_drafter_share(SlmDrafter *drafter, int from, int to, int n,
								   SlmError *err) SLM_MUST_CHECK;

/* What a row is guessed to go on with. */
typedef struct SlmGuess
{
	int row;                      /* number of its place */
	const SlmRow *from;           /* its tokens stand in from->id, behind them is room */
	int n_from;                   /* of them when it was guessed */
	int32_t id[SLM_DRAFT_TOKENS]; /* [n] */
	int n;

	/* while it is made */
	SlmRow ahead;
	SlmRowChoice choice;
	int most;
} SlmGuess;

/*
 * Guesses for n rows that are to choose, none for one whose tokens are not all read
 * yet: then some of them are.  memory [n] is each row's for what it may choose from.
 */
extern SlmStatus slm_drafter_guess(SlmDrafter *drafter, SlmGuess *guess, int n,
								   const SlmChoiceMemory *memory, SlmError *err) SLM_MUST_CHECK;

/* What became of a guess: the first n_right of its tokens were right. */
extern void slm_drafter_learn(SlmDrafter *drafter, const SlmGuess *guess, int n_right);

#endif
