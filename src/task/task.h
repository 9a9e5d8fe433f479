/*
 * task.h - what the tasks share: inputs, per-row failures
 *
 * Tasks are pure functions of a run and its texts: one engine call for many
 * rows, the same bits for each row whatever stands beside it.  Results go to
 * memory the caller gives.
 *
 * Rows that cannot be processed.  With row_status != NULL a row whose text is
 * at fault (SLM_ERR_ENCODING, SLM_ERR_LIMIT for a text beyond the window with
 * overflow = error or beyond max_input_tokens) gets its status there and zeros
 * as its result, the others are processed, and the call succeeds.  With
 * row_status = NULL the first such row fails the call.  Everything else
 * (cancel, memory, a broken image) fails the call either way.
 */
#ifndef SLM_TASK_TASK_H
#define SLM_TASK_TASK_H

#include "engine/slm.h"

typedef enum SlmPurpose
{
	SLM_PURPOSE_DOCUMENT = 0,
	SLM_PURPOSE_QUERY = 1
} SlmPurpose;

/* Is it a text that is at fault? */
static inline bool
slm_task_row_failed(SlmStatus status)
{
	return status == SLM_ERR_ENCODING || status == SLM_ERR_LIMIT;
}

/*
 * Tokens of prefix followed by text, both of which may be empty; SLM_ERR_LIMIT
 * beyond run->max_input_tokens.  In run->arena.
 */
extern SlmStatus slm_task_tokenize(SlmRun *run, SlmText prefix, SlmText text, SlmTokens *out,
								   SlmError *err) SLM_MUST_CHECK;

/* Tokens of text as the model counts them, without special tokens; 0 for ''. */
extern SlmStatus slm_task_count_tokens(SlmRun *run, SlmText text, int *out,
									   SlmError *err) SLM_MUST_CHECK;

#endif
