/*
 * sentences.h - a text as sentences
 *
 * A reader walks the text once, in linear time and constant memory, and gives
 * one sentence after the other: trimmed of white space, never empty, in order,
 * none overlapping another.  What ends one:
 *
 *   - . ! ? and their kin of other scripts, with the quotes and brackets that
 *     close behind them, before white space; a full stop of Chinese or Japanese
 *     needs none.  A full stop does not when it belongs to an abbreviation, an
 *     initial, a list's number, or when what follows goes on in lower case;
 *     inside of words (numbers, addresses, file names) it is never asked.
 *   - a blank line
 *   - a line's end, unless the paragraph is wrapped prose and goes on: so items
 *     of lists, greetings, signatures and "key: value" lines are sentences.
 *
 * Marks of bullets and quoting (- * > and so on) at a line's start, and lines of
 * nothing but ASCII punctuation, belong to no sentence.  The rules for
 * abbreviations and for what starts a sentence are English, with the commonest
 * of German, French and Spanish; the others know no language.
 */
#ifndef SLM_TASK_SENTENCES_H
#define SLM_TASK_SENTENCES_H

#include "task/words.h"

typedef struct SlmSentence
{
	size_t start; /* byte offset in the text */
	size_t size;  /* bytes; 0: there are no more sentences */
} SlmSentence;

typedef struct SlmSentenceReader
{
	SlmCursor cursor;
	bool at_line_start;
	size_t line_start; /* where the cursor's line begins behind its markers */
	int width;         /* columns of the paragraph's longest line; 0: not measured yet */
} SlmSentenceReader;

extern void slm_sentences_init(SlmSentenceReader *reader, SlmText text, const SlmHost *host);

/* SLM_ERR_ENCODING at the first character that is not valid UTF-8. */
extern SlmStatus slm_sentence_next(SlmSentenceReader *reader, SlmSentence *out,
								   SlmError *err) SLM_MUST_CHECK;

#endif
