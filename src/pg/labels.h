/*
 * labels.h - a set of labels, checked and made ready once per backend
 */
#ifndef SLM_PG_LABELS_H
#define SLM_PG_LABELS_H

#include "pg/call.h"
#include "task/score.h"

/*
 * One flat piece of memory: this header, then what it points to by offsets.
 * Names are in the database's encoding.
 */
typedef struct SlmLabelSet
{
	int32 n;
	int32 n_class;      /* outputs of the model's head; 0: zero-shot */
	uint32 name_end_at; /* uint32[n]: one past the last byte of name i, from name_at */
	uint32 name_at;     /* the names, one after the other */
	uint32 class_of_at; /* int32[n] with a head */
	Size data_at;       /* without: float[n][n_embd], or the SlmScoring of a model that writes */
} SlmLabelSet;

/* Labels before they are checked: names as given, and both texts in UTF-8. */
typedef struct SlmLabelInput
{
	int n;
	SlmLabel *label; /* [n] */
	SlmText *name;   /* [n] in the database's encoding */
} SlmLabelInput;

/*
 * Puts the texts of {"label": "description", ...} beside the labels they belong
 * to; 22023 for anything else.
 */
extern void slm_label_descriptions(Jsonb *descriptions, SlmLabelInput *out);

/*
 * The label set of a call's arguments (labels and descriptions may be NULL,
 * instructions empty), from the backend's store or checked and made ready now.
 * Mode and instructions count where the model writes: its labels are scored.  Needs call->ref; starts
 * and ends its own engine part.  Valid until the next set is made.  Errors: 22004
 * without labels for a model that has none of its own, 22023 for a bad set.
 */
extern const SlmLabelSet *slm_label_set(SlmCall *call, ArrayType *labels, Jsonb *descriptions,
										SlmClassifyMode mode, SlmText instructions);

/* A condition as a set of one label, in the same way; 0A000 for a model with labels of its own. */
extern const SlmLabelSet *slm_condition_set(SlmCall *call, text *condition);

/* The bytes that identify the set beside its model, for keys. */
extern void slm_label_key(SlmKey *key, ArrayType *labels, Jsonb *descriptions,
						  SlmText instructions);

extern text *slm_label_name(const SlmLabelSet *set, int i);

/* Matrix for slm_task_classify(), where labels are not scored; NULL with a head. */
extern const float *slm_label_embedding(const SlmLabelSet *set);

/* For slm_task_score(), where they are. */
extern const SlmScoring *slm_label_scoring(const SlmLabelSet *set);

/* Number of probabilities that these give for a row. */
extern int slm_label_n_output(const SlmLabelSet *set);

/*
 * Turns such a row into probabilities of the set's labels in
 * their order, probability [n]: a copy, or the chosen classes of a head, which
 * in mode ONE are made to sum to 1 again where some were left out.
 */
extern void slm_label_pick(const SlmLabelSet *set, SlmClassifyMode mode, const float *output,
						   float *probability);

#endif
