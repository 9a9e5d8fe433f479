/*
 * write_summary.h - the summary of a text, in the words of a model that writes
 *
 * Beside summarize.h, which takes sentences: here a model is told to
 *
 *   Summarize the text in at most N words. Answer with the summary alone.
 *
 * with the caller's instructions behind that.  What it writes is cut where it does
 * not keep to that: behind the last whole sentence within N words, or behind a word
 * where there is none.  A text that does not fit into the context beside its
 * summary is taken in chunks (or as options->overflow says): their summaries, each
 * of at most a third of its chunk, are the text then, until it fits.
 */
#ifndef SLM_TASK_WRITE_SUMMARY_H
#define SLM_TASK_WRITE_SUMMARY_H

#include "task/generate.h"
#include "task/summarize.h"

typedef struct SlmWrittenSummary
{
	SlmText text;
	bool cut; /* it ends inside of a sentence */
} SlmWrittenSummary;

/*
 * Where a summary ends that was written: its first *size bytes have at most
 * max_words words.  ended: by the model, so that its last sentence is whole.
 */
extern SlmStatus slm_summary_end(SlmText text, const SlmHost *host, int max_words, bool ended,
								 size_t *size, bool *cut, SlmError *err) SLM_MUST_CHECK;

/*
 * Summary of each text, which is not blank, in run->arena or a part of the text.
 * Without instructions a text of no more than max_words words is its own summary.  row_status is task.h's;
 * SLM_ERR_LIMIT, too, where the context leaves no room for a text.
 */
extern SlmStatus slm_task_write_summaries(SlmRun *run, const SlmText *text, int n, int max_words,
										  SlmText instructions, SlmWrittenSummary *out,
										  SlmStatus *row_status, SlmError *err) SLM_MUST_CHECK;

#endif
