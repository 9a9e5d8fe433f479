/*
 * words.h - a text character by character and word by word
 *
 * A word is a run of characters without white space; each ideograph and kana is
 * a word of its own, together with the marks and the punctuation behind it, for
 * those scripts have no spaces.
 */
#ifndef SLM_TASK_WORDS_H
#define SLM_TASK_WORDS_H

#include <stdint.h>

#include "base/host.h"
#include "base/text.h"

/* A place in a text.  Whoever walks it polls the host at least every SLM_POLL_BYTES. */
typedef struct SlmCursor
{
	SlmText text; /* borrowed */
	const SlmHost *host;
	size_t at;      /* byte offset of the next character */
	size_t poll_at; /* where the host is polled next */
} SlmCursor;

extern void slm_cursor_init(SlmCursor *cursor, SlmText text, const SlmHost *host);

/* Steps over one character, at < text.size; SLM_ERR_ENCODING when it is not valid UTF-8. */
extern SlmStatus slm_cursor_next(SlmCursor *cursor, uint32_t *cp, SlmError *err) SLM_MUST_CHECK;

/* The character at a byte offset, 0 at the end and where there is none. */
extern uint32_t slm_char_at(SlmText text, size_t at);

/* The character before a byte offset end > 0, and where it starts; 0 where there is none. */
extern uint32_t slm_char_before(SlmText text, size_t end, size_t *start);

/* Bytes of the character at an offset, 0 at the end, 1 where there is none. */
extern size_t slm_char_size(SlmText text, size_t at);

extern bool slm_char_is_white(uint32_t cp);

typedef struct SlmWord
{
	size_t start; /* byte offset in the text */
	size_t end;   /* start == end: the text has no more words */
	bool has_digit;
} SlmWord;

/* Steps over the next word and the white space before it. */
extern SlmStatus slm_word_next(SlmCursor *cursor, SlmWord *out, SlmError *err) SLM_MUST_CHECK;

/* Words of a text, and how many of them have a digit. */
extern SlmStatus slm_count_words(SlmText text, const SlmHost *host, int *n_word, int *n_number,
								 SlmError *err) SLM_MUST_CHECK;

#endif
