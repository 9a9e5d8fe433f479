/*
 * candidates.h - values that are found by their form, before any score
 *
 * Private to src/task.  A field with a format, a number, an enum or a boolean
 * takes nothing but what stands in the text and can be spelled as its schema
 * asks; the network only chooses among that.
 */
#ifndef SLM_TASK_CANDIDATES_H
#define SLM_TASK_CANDIDATES_H

#include "task/schema.h"
#include "task/spans.h"
#include "task/token_words.h"

typedef struct SlmCandidate
{
	SlmText text;   /* as it goes into the answer */
	uint32_t start; /* bytes of its source */
	uint32_t end;
	int first; /* words that hold it */
	int last;
	float score; /* -1: in no window yet */
} SlmCandidate;

typedef struct SlmCandidates
{
	SlmCandidate *item; /* [n] by ascending first word, in an arena */
	int n;
	int next; /* those before begin before the windows to come */
} SlmCandidates;

/* Has the field candidates, or else any span of words? */
extern bool slm_has_candidates(const SlmField *field);

/* Has the text as many characters as the field's minLength and maxLength ask? */
extern bool slm_fits_length(const SlmField *field, SlmText text);

/*
 * Bytes of text that spell the value at its beginning, 0 if it does not: letter
 * case of ASCII apart, and any run of space, _ and - like any other.
 */
extern size_t slm_spelled_here(SlmText text, SlmText value);

/* All candidates of a field in a text; found is what slm_scan() gave for its kinds, or more. */
extern SlmStatus slm_candidates_find(const SlmSchema *schema, const SlmField *field, SlmText text,
									 const SlmTokenWords *words, const SlmFound *found,
									 size_t n_found, const SlmHost *host, SlmArena *arena,
									 SlmCandidates *out, SlmError *err) SLM_MUST_CHECK;

/* Scores those that lie in a window whole; windows come in the order of the text. */
extern void slm_candidates_score(SlmCandidates *candidates, const SlmWordScores *scores);

/* The one of the best score, the first among equals; NULL when there is none. */
extern const SlmCandidate *slm_candidates_best(const SlmCandidates *candidates);

/* The same among those of exactly these words. */
extern const SlmCandidate *slm_candidates_of_span(const SlmCandidates *candidates, SlmSpan span);

#endif
