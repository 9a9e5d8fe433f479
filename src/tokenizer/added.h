/*
 * added.h - tokens that stand in a text as they are spelled
 *
 * A vocabulary's user-defined tokens are cut out of a text before the algorithm
 * works on what lies between: at each place the longest one, from left to right.
 * Spellings that look like control tokens are not among them.
 */
#ifndef SLM_TOKENIZER_ADDED_H
#define SLM_TOKENIZER_ADDED_H

#include <stdbool.h>
#include <stdint.h>

#include "tokenizer/algorithms.h"

/*
 * Fills SLM_SECTION_ADDED.  With escapes a space counts as U+2581 in spellings and
 * texts.  A spelling over SLM_MAX_ADDED_BYTES is SLM_ERR_LIMIT: the time that a
 * search takes grows with the longest.
 */
extern SlmStatus slm_added_build(SlmBuild *build, bool escapes, SlmError *err) SLM_MUST_CHECK;

/* The section of a blob. */
typedef struct SlmAdded
{
	SlmTrie trie; /* n = 0: there are no such tokens */
	int32_t n_vocab;
	bool escapes;
} SlmAdded;

extern SlmAdded slm_added_open(const void *blob, const SlmBlobHeader *header, bool escapes);

/*
 * The longest one that starts at text[at..n), at <= n, -1 if none; *end is behind it.  With
 * prefix a U+2581 that is not in the text stands before at.
 */
extern int32_t slm_added_find(const SlmAdded *added, const uint8_t *text, uint32_t n, uint32_t at,
							  bool prefix, uint32_t *end);

/*
 * The first one in run's text from at on: *id, and where it starts and ends; -1 and the
 * text's end where there is none.  Polls run's host.
 */
extern SlmStatus slm_added_next(const SlmAdded *added, const SlmRun *run, uint32_t at,
								uint32_t *start, uint32_t *end, int32_t *id) SLM_MUST_CHECK;

#endif
