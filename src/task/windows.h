/*
 * windows.h - many texts, each one or more windows, through the model in batches
 *
 * Private to src/task.  A text's tokens are cut into windows that fit the
 * model; windows of different texts share batches; what comes back is combined
 * into one row a text.  A text of one window gives exactly the model's row.
 */
#ifndef SLM_TASK_WINDOWS_H
#define SLM_TASK_WINDOWS_H

#include "task/task.h"

typedef enum SlmCombine
{
	SLM_COMBINE_MEAN = 0, /* weighted by the windows' tokens */
	SLM_COMBINE_MAX
} SlmCombine;

/* What stands before a window's tokens: special tokens, a prefix, a query. */
typedef struct SlmLead
{
	const int32_t *id; /* [n] */
	int n;
} SlmLead;

typedef struct SlmWindow
{
	int row;     /* of out */
	bool first;  /* of its row */
	float share; /* its tokens / those of its text */
} SlmWindow;

typedef struct SlmWindows
{
	SlmRun *run;
	float *out; /* [n_row][width], the caller's */
	int width;
	bool scores; /* slm_encode_scores(), else slm_encode_pooled() */
	bool pair;   /* what follows a lead is the second segment */
	SlmCombine combine;

	/* the batch being filled */
	int32_t *token;        /* [max_token] */
	SlmSequence *sequence; /* [max_window] */
	SlmWindow *window;     /* [max_window] */
	float *answer;         /* [max_window][width] */
	int max_token, n_token;
	int max_window, n_window;
} SlmWindows;

/* The caller sets the fields above the batch; buffers come from run->arena. */
extern SlmStatus slm_windows_init(SlmWindows *windows, SlmError *err) SLM_MUST_CHECK;

/*
 * Adds prefix + text for a row, whose first window is led by first and the
 * others by rest; each leaves room for at least one token.  A text beyond one
 * window is handled as options->overflow says.  A failure that is the text's
 * own goes to row_status[row] when that is not NULL, and leaves a row of zeros
 * (task.h); SLM_OK is noted there too.
 */
extern SlmStatus slm_windows_add(SlmWindows *windows, int row, SlmText prefix, SlmText text,
								 SlmLead first, SlmLead rest, SlmStatus *row_status,
								 SlmError *err) SLM_MUST_CHECK;

/* Runs what is still waiting. */
extern SlmStatus slm_windows_finish(SlmWindows *windows, SlmError *err) SLM_MUST_CHECK;

/* Special tokens behind every sequence, 0 or 1. */
extern int slm_tail_tokens(const SlmRun *run);

/*
 * Does with a text of more tokens than room, what a window holds of it, as
 * options->overflow says: nothing, SLM_ERR_LIMIT, or *n_token cut to room.
 */
extern SlmStatus slm_task_overflow(const SlmRun *run, int room, int *n_token,
								   SlmError *err) SLM_MUST_CHECK;

/*
 * lead = bos and the tokens of a prefix, in run->arena.  SLM_ERR_ARGUMENT when
 * they take more than half of a window.
 */
extern SlmStatus slm_task_lead(SlmRun *run, SlmText prefix, SlmLead *out,
							   SlmError *err) SLM_MUST_CHECK;

/* 1 / (1 + exp(-x)), from the kernels' tanh. */
static inline float
slm_sigmoid(const SlmKernels *kernels, float x)
{
	float half = x * 0.5f;

	kernels->tanh(&half, 1);
	return half * 0.5f + 0.5f;
}

#endif
