/*
 * spans.h - from scores of words to spans
 *
 * Private to src/task.  The extraction head says of each word how likely a value
 * of the field starts there, ends there, and whether the word is inside one.
 * The score of words first to last is
 *
 *     min(start[first], end[last], mean(inside[first .. last]))
 *
 * with the mean summed in that order.  Where the spans are known beforehand, by the
 * labels of a token-classification head, start and end are 1.  Everything here is arithmetic on such
 * numbers and knows no model.
 */
#ifndef SLM_TASK_SPANS_H
#define SLM_TASK_SPANS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/host.h"
#include "base/status.h"

#define SLM_SPAN_WORDS 32 /* of the longest span that is searched for */

/* Probabilities of consecutive words, for one field. */
typedef struct SlmWordScores
{
	const float *start; /* [n] */
	const float *end;
	const float *inside;
	int first_word; /* number of the first of them in the text */
	int n;
	const int32_t *last; /* [n] of the one span that begins at a word, -1: none; NULL: any */
} SlmWordScores;

/* Words first to last of a text, both included. */
typedef struct SlmSpan
{
	int first;
	int last;
	float score;
} SlmSpan;

/* Spans on their way to slm_spans_choose(); zero is an empty list. */
typedef struct SlmSpanBlock SlmSpanBlock;
typedef struct SlmSpanList
{
	SlmSpanBlock *block; /* the newest, in an arena */
	size_t n;
} SlmSpanList;

/* Which spans of words may be values; NULL: all. */
typedef bool SlmSpanFits(const void *arg, int first, int last);

/* Score of words first to last of the text, all of which are among the scored ones. */
extern float slm_span_score(const SlmWordScores *scores, int first, int last);

/*
 * Makes *best the best fitting span if it is better than *best: the first among
 * equals, of those the shortest.
 */
extern void slm_spans_best(const SlmWordScores *scores, SlmSpanFits *fits, const void *arg,
						   SlmSpan *best);

/* Adds every fitting span of at least threshold to the list. */
extern SlmStatus slm_spans_collect(const SlmWordScores *scores, float threshold, SlmSpanFits *fits,
								   const void *arg, SlmArena *arena, SlmSpanList *list,
								   SlmError *err) SLM_MUST_CHECK;

extern SlmStatus slm_spans_add(SlmSpanList *list, SlmSpan span, SlmArena *arena,
							   SlmError *err) SLM_MUST_CHECK;

/*
 * Takes the spans by descending score, the first among equals, of those the
 * shortest, and leaves out what overlaps one taken before; at most max of them.
 * *out [*n_out] lies in the arena in the order of the text.  n_word are the words
 * of the text.  Polls host.
 */
extern SlmStatus slm_spans_choose(const SlmSpanList *list, int n_word, size_t max,
								  const SlmHost *host, SlmArena *arena, SlmSpan **out, int *n_out,
								  SlmError *err) SLM_MUST_CHECK;

#endif
