/*
 * read_written.h - values in what a decoder has written, and where they come from
 *
 * Private to src/task.  The text is JSON that the grammar of a schema of fields let
 * through, so it is read with the schema in hand.  A value's source is
 *
 *   a verbatim string   its place; of several the first one behind the value that the
 *                       same field had before, in a list, else the first
 *   an enum's value     the same, letter case and space, _ and - apart, if it stands
 *                       in the text
 *   a number, or a      the same among what the scanners of that kind (scan.h) find
 *   string of a format  and spell as the value, however the text does
 *   a boolean           none
 *
 * Its confidence is the product of the probabilities that the model gave its tokens,
 * quotes among them, of all that its schema let it write there.
 */
#ifndef SLM_TASK_READ_WRITTEN_H
#define SLM_TASK_READ_WRITTEN_H

#include "task/extract.h"
#include "task/generate.h"
#include "task/verbatim.h"

/*
 * out->json and out->value of an answer whose tokens are told (SlmPrompt.tells_tokens);
 * null is no value.  input is of the same text.  What it takes from the arena stays.
 */
extern SlmStatus slm_read_written(const SlmSchema *schema, const SlmWritten *written, SlmText text,
								  const SlmVerbatim *input, const SlmHost *host, SlmArena *arena,
								  SlmExtraction *out, SlmError *err) SLM_MUST_CHECK;

#endif
