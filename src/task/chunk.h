/*
 * chunk.h - a long text as windows of tokens
 */
#ifndef SLM_TASK_CHUNK_H
#define SLM_TASK_CHUNK_H

#include "task/task.h"

typedef struct SlmChunk
{
	size_t start; /* byte offset in the text */
	size_t size;  /* bytes */
	int n_token;
} SlmChunk;

/*
 * Cuts text into chunks of at most max_tokens tokens (0: what a window of the
 * model holds), each starting overlap tokens before the end of the one before.
 * A chunk is a substring of text that starts and ends at code point boundaries,
 * and prefers to end where a word ends.  It has at most max_tokens tokens on its
 * own, too, but for a piece of a word or a character that alone needs more
 * (only with a max_tokens of a few).  *chunk lies in run->arena.  '' gives
 * no chunk.  0 <= overlap < max_tokens, else SLM_ERR_ARGUMENT.
 */
extern SlmStatus slm_task_chunk(SlmRun *run, SlmText text, int max_tokens, int overlap,
								SlmChunk **chunk, int *n_chunk, SlmError *err) SLM_MUST_CHECK;

#endif
