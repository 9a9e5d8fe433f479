/*
 * writer.h - texts that a decoder writes beside each other
 *
 * A writer has places over one model.  Rows join at any time, each with its prompt,
 * its constraint and its sampling; every step takes all of them on, by a token or
 * by a piece of their prompts; a row that is done waits to be taken, and its place
 * is free for another.  A token costs one pass over the weights whether it is for
 * one row or for all of them.
 *
 * The bits of an answer depend on its prompt alone (law 2): not on company, on when
 * a row joined or who left, on the number or the size of places, nor on what was
 * kept or shared of a prompt's beginning.
 *
 * What prompts of one owner begin with is read once: a row goes on from the longest
 * beginning that a place holds or that is kept (engine/prefix.h), and one that is
 * still being read by another row is waited for.  Nothing of one owner is found by
 * another; without an owner nothing is shared.
 *
 * All memory is taken by slm_writer_new(), from run->arena: it lives until that is
 * rewound, and is the same however many rows come and go.  What calls take beside
 * it they give back.
 *
 *   slm_writer_new()
 *   while there is work:
 *     slm_writer_add()      while slm_writer_free() and rows wait
 *     slm_writer_step()
 *     slm_writer_take()     while slm_writer_finished() names a row
 */
#ifndef SLM_TASK_WRITER_H
#define SLM_TASK_WRITER_H

#include "task/generate.h"

typedef struct SlmWriter SlmWriter;

/* What a row needs of a place. */
typedef struct SlmRowSize
{
	int n_token;    /* of prompt and answer together, at most the context */
	size_t n_input; /* bytes that strings of a verbatim constraint are looked up in, else 0 */
} SlmRowSize;

/*
 * A prompt's size; the errors of a prompt that no place could serve are
 * slm_task_generate()'s.
 */
extern SlmStatus slm_writer_measure(SlmRun *run, const SlmPrompt *prompt, SlmRowSize *out,
									SlmError *err) SLM_MUST_CHECK;

/*
 * n_row places, 1 .. SLM_MAX_WRITER_ROWS, for rows of at most a size.  run is borrowed.
 * SLM_ERR_UNSUPPORTED for a model that does not decode, SLM_ERR_LIMIT for more tokens
 * than the context has or more memory than the arena may have.
 */
extern SlmStatus slm_writer_new(SlmRun *run, int n_row, SlmRowSize size, SlmWriter **out,
								SlmError *err) SLM_MUST_CHECK;

/* Places that are free. */
extern int slm_writer_free(const SlmWriter *writer);

/* Rows that a step would take on. */
extern int slm_writer_busy(const SlmWriter *writer);

/*
 * A row joins, in a place that is free; *row is its number until it is taken or
 * dropped.  Its owner and max_input_tokens are what the run has now; they may differ
 * from row to row, as the limits of two roles do.  The prompt's texts need not live
 * on, but constraint and input do.  On errors, those of slm_writer_measure() and
 * SLM_ERR_LIMIT for a row that is larger than the places, nothing has joined.
 */
extern SlmStatus slm_writer_add(SlmWriter *writer, const SlmPrompt *prompt, int *row,
								SlmError *err) SLM_MUST_CHECK;

/*
 * Takes all rows on, in one pass over the weights: at most SLM_WRITER_TOKENS
 * tokens, so that nobody who waits for a step waits long.  Nothing to do where no
 * row is busy.  Its errors are no row's: a cancel, memory, a broken image.  After one
 * no row can go on.
 */
extern SlmStatus slm_writer_step(SlmWriter *writer, SlmError *err) SLM_MUST_CHECK;

/* Tokens that a row has written so far. */
extern int slm_writer_written(const SlmWriter *writer, int row);

/* A row that is done, whatever came of it; -1: none is. */
extern int slm_writer_finished(const SlmWriter *writer);

/*
 * What a row that is done has written, its text in the arena given; or the error
 * that it ended with, as slm_task_generate() says.  Its place is free then.
 */
extern SlmStatus slm_writer_take(SlmWriter *writer, int row, SlmArena *arena, SlmWritten *out,
								 SlmError *err) SLM_MUST_CHECK;

/* A row leaves, done or not. */
extern void slm_writer_drop(SlmWriter *writer, int row);

#endif
