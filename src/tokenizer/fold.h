/*
 * fold.h - text without case and accents, character by character, before a model's own map
 *
 * What ALBERT does first: compatibility decomposition (NFKD), then marks are
 * left out, then lower case; each of the two may be off, and without the first
 * there is no decomposition.  The result lies in growing arrays: bytes, and for
 * each where in the source it comes from.
 *
 * The order of combining characters is none of its business: all are marks.
 */
#ifndef SLM_TOKENIZER_FOLD_H
#define SLM_TOKENIZER_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct SlmFold
{
	SlmArena *arena;
	bool lowercase;
	bool strip_accents;
	uint8_t *byte;   /* [n] what came of the text so far */
	uint32_t *start; /* [n] source bytes of each */
	uint32_t *end;
	uint32_t n;
	uint32_t capacity;
} SlmFold;

/* Takes a character that stands for source bytes [start, end). */
extern SlmStatus slm_fold_take(SlmFold *fold, uint32_t cp, uint32_t start, uint32_t end,
							   SlmError *err) SLM_MUST_CHECK;

/* Takes the first n bytes away; one at least has to stay, for a mark that follows. */
extern void slm_fold_forget(SlmFold *fold, uint32_t n);

#endif
