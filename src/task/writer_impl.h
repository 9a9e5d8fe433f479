/*
 * writer_impl.h - rows whose prompts are tokens already, for generate.c
 *
 * Private to src/task.
 */
#ifndef SLM_TASK_WRITER_IMPL_H
#define SLM_TASK_WRITER_IMPL_H

#include "task/writer.h"
#include "task/writer_row.h"

/* What a prompt of these tokens needs of a place. */
extern SlmRowSize slm_row_size(const SlmPrompt *prompt, const SlmRowTokens *tokens);

/* slm_writer_add() of a prompt whose tokens are given. */
extern SlmStatus slm_writer_join(SlmWriter *writer, const SlmPrompt *prompt,
								 const SlmRowTokens *tokens, int *row,
								 SlmError *err) SLM_MUST_CHECK;

/* A row that has been taken, without its text: that is slm_row_text() of its tokens. */
typedef struct SlmTaken
{
	SlmWritten written;
	size_t n_cut;
} SlmTaken;

/* slm_writer_take() of the answer's tokens, at most its max_tokens. */
extern SlmStatus slm_writer_take_tokens(SlmWriter *writer, int row, int32_t *id, SlmTaken *out,
										SlmError *err) SLM_MUST_CHECK;

#endif
