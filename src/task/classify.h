/*
 * classify.h - one of several labels for a text
 *
 * Zero-shot with an embedding model: the text's embedding against each label's.
 * A label is embedded as its name, or as "name: description" where it has a
 * description.  probability = softmax(cosine / SLM_CLASSIFY_TEMPERATURE); for
 * classify_multi, where each label stands alone, it is
 * sigmoid((cosine - SLM_CLASSIFY_MIDDLE) / SLM_CLASSIFY_TEMPERATURE).
 *
 * With a label head: the cosine is that of the two embeddings projected by the
 * head, and its constants make a probability of it (SlmLabelCalibration); what
 * is missing to 1 is that none of the labels fits.
 *
 * With a sequence-classification model (two classes or more): softmax of its
 * logits over its own labels (sigmoid for classify_multi); other labels are
 * refused.
 */
#ifndef SLM_TASK_CLASSIFY_H
#define SLM_TASK_CLASSIFY_H

#include "task/task.h"

#define SLM_CLASSIFY_TEMPERATURE 0.05f
#define SLM_CLASSIFY_MIDDLE 0.25f /* cosine where a label on its own is as likely as not */

typedef struct SlmLabel
{
	SlmText name;
	SlmText description; /* empty: none */
} SlmLabel;

/* True when the model has a head with its own labels. */
extern bool slm_task_has_labels(const SlmModel *model);

/*
 * What is wrong with a label set, before anything is computed: fewer than two,
 * more than SLM_MAX_LABELS, an empty or a repeated name (SLM_ERR_ARGUMENT,
 * message names the label's number).  own [n_own] are the labels of a head, of
 * the model's or one trained on it; n_own is 0 without one.  With a head a name
 * that is not one of its own is refused too, in which case class_of (may be
 * NULL) is not filled; else class_of[i] is the index of label i in own.
 */
extern SlmStatus slm_task_check_labels(const SlmLabel *own, int n_own, const SlmLabel *label, int n,
									   int *class_of, SlmArena *arena,
									   SlmError *err) SLM_MUST_CHECK;

/* What a label is embedded as: its name, or "name: description", which then lies in the arena. */
extern SlmStatus slm_task_label_text(SlmArena *arena, const SlmLabel *label, SlmText *out,
									 SlmError *err) SLM_MUST_CHECK;

/*
 * out[i][n_embd] = embedding of label i, projected where the model has a label
 * head, of unit length, for slm_task_classify().
 */
extern SlmStatus slm_task_embed_labels(SlmRun *run, const SlmLabel *label, int n, float *out,
									   SlmError *err) SLM_MUST_CHECK;

typedef enum SlmClassifyMode
{
	SLM_CLASSIFY_ONE = 0, /* probabilities of a row sum to 1, with a label head at most */
	SLM_CLASSIFY_MULTI    /* each label on its own, in [0, 1] */
} SlmClassifyMode;

/*
 * probability[i][j] of label j for text[i].  label_embedding is the matrix of
 * slm_task_embed_labels(); for a model with its own labels it is NULL and
 * n_label is n_class.
 */
extern SlmStatus slm_task_classify(SlmRun *run, const SlmText *text, int n,
								   const float *label_embedding, int n_label, SlmClassifyMode mode,
								   float *probability, SlmStatus *row_status,
								   SlmError *err) SLM_MUST_CHECK;

/*
 * The two steps of that for a model without labels of its own: embeddings of
 * texts as labels are compared with them, of unit length; and one such row
 * against labels.
 */
extern SlmStatus slm_task_embed_for_labels(SlmRun *run, const SlmText *text, int n, float *out,
										   SlmStatus *row_status, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_task_label_probabilities(SlmRun *run, const float *embedding,
											  const float *label, int n_label, SlmClassifyMode mode,
											  float *probability, SlmError *err) SLM_MUST_CHECK;

/* Index of the greatest probability; the lowest index among equals. */
extern int slm_task_best_label(const float *probability, int n_label);

#endif
