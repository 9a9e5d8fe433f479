/*
 * token_labels.h - the labels of a token-classification head, as fields and spans
 *
 * Private to src/task.  Such a head says of each token that it is outside of
 * everything or part of something of a type: B-PER, I-PER, E-PER, S-PER, or PER
 * alone.  A word has the label of its first token.  A field is one of those types
 * by name, and all that it needs is which of the labels are its own.
 */
#ifndef SLM_TASK_TOKEN_LABELS_H
#define SLM_TASK_TOKEN_LABELS_H

#include "engine/slm.h"
#include "task/schema.h"

typedef struct SlmTokenLabel
{
	SlmText type; /* "PER", borrowed from the model; empty: outside */
	bool begins;  /* nothing before it belongs to it */
	bool ends;    /* nothing behind it belongs to it */
} SlmTokenLabel;

/*
 * The labels of a model, [n_token_class] in the arena.  Where all but O have a
 * prefix, B- and I-, also E- and S-, or L- and U-, the rest of a label is its
 * type; else all of it is.
 */
extern SlmStatus slm_token_labels_read(const SlmModel *model, SlmArena *arena, SlmTokenLabel **out,
									   SlmError *err) SLM_MUST_CHECK;

/*
 * out[schema->n_leaf][n]: 1 for a label of the type that the field's name, title
 * or description says, else 0.  Letter case is all the same, so are space, _ and
 * -, and PER, ORG, LOC and MISC are also their long forms.  SLM_ERR_ARGUMENT
 * for a field that is none of the types; the message names it.  Polls host.
 */
extern SlmStatus slm_token_labels_match(const SlmTokenLabel *label, int n, const SlmSchema *schema,
										const SlmHost *host, float *out,
										SlmError *err) SLM_MUST_CHECK;

/*
 * Spans of a field in consecutive words, of which best[i] is the label: last[i] is
 * the last word of the span that begins at word i, -1 where none does.  mine[] is
 * the field's row of slm_token_labels_match().  A span is as long as its words'
 * labels are the field's own and none begins another; at most SLM_SPAN_WORDS.
 */
extern void slm_token_labels_spans(const SlmTokenLabel *label, const float *mine,
								   const int32_t *best, int n_word, int32_t *last);

#endif
