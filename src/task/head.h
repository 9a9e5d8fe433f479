/*
 * head.h - a linear head over a model's embeddings of texts and the tokens that they have
 *
 * What training on labelled rows leaves behind (src/pg/fit.c): for each label a
 * vector and an offset.  score_j = <x, weight_j> + offset_j with x = (e, b), e the text's embedding
 * of unit length and b its bag of the tokens that the head knows (bag.h);
 * one of several: softmax of the scores; each label alone: sigmoid(multi_scale * score_j +
 * multi_offset).  The temperature of the calibration is inside the weights.
 *
 * A head is stored as bytes, little-endian, without padding:
 *
 *   "slmhead2"                              8 bytes
 *   base                                    SLM_HEAD_BASE_CHARS bytes, what it was trained on
 *   uint32 n_label, n_embd, n_word, n_name_byte
 *   float  multi_scale, multi_offset
 *   float  weight [n_label][n_embd + n_word], offset [n_label]
 *   float  weights of tokens [n_word]
 *   uint32 tokens [n_word]
 *   uint32 name_end [n_label]               one past the name's last byte
 *   names in UTF-8                          n_name_byte bytes
 *
 * SlmHead is a view of such bytes.
 */
#ifndef SLM_TASK_HEAD_H
#define SLM_TASK_HEAD_H

#include "task/bag.h"
#include "task/classify.h"

#define SLM_HEAD_BASE_CHARS 32

typedef struct SlmHead
{
	int n_label;
	int n_embd;
	uint32_t n_name_byte;
	float multi_scale;
	float multi_offset;
	const char *base; /* [SLM_HEAD_BASE_CHARS], no NUL */
	SlmBagWords words;
	const float *weight;      /* [n_label][n_embd + words.n] */
	const float *offset;      /* [n_label] */
	const uint32_t *name_end; /* [n_label] */
	const char *name;         /* [n_name_byte] */
} SlmHead;

/* Bytes that a head takes; SLM_ERR_LIMIT beyond SLM_MAX_HEAD_BYTES. */
extern SlmStatus slm_head_bytes(int n_label, int n_embd, int n_word, uint64_t n_name_byte,
								size_t *out, SlmError *err) SLM_MUST_CHECK;

/* Writes the slm_head_bytes() bytes of a head. */
extern void slm_head_write(const SlmHead *head, void *out);

/*
 * Views bytes as a head.  They may hold anything, but data must be aligned for
 * floats; SLM_ERR_CORRUPT for what is not exactly a head of 2 to
 * SLM_MAX_LABELS labels with finite numbers, tokens in order and names that are not empty.
 */
extern SlmStatus slm_head_read(const void *data, size_t size, SlmHead *out,
							   SlmError *err) SLM_MUST_CHECK;

extern SlmText slm_head_label(const SlmHead *head, int i);

/* out[i][n_embd] = what a head reads of text[i] beside its bag. */
extern SlmStatus slm_task_embed_for_head(SlmRun *run, const SlmText *text, int n, float *out,
										 SlmStatus *row_status, SlmError *err) SLM_MUST_CHECK;

/*
 * out[i][n_embd] of label i: for any text, its embedding times these are to each other as its
 * cosines with the labels, so that a head that was trained on no rows would be zero-shot
 * classification.  Their mean square length is 1.
 */
extern SlmStatus slm_task_head_priors(SlmRun *run, const SlmLabel *label, int n, float *out,
									  SlmError *err) SLM_MUST_CHECK;

/*
 * probability[i][n_label] of text[i], as slm_task_classify() has it.  The
 * head's n_embd is the model's.
 */
extern SlmStatus slm_task_classify_by_head(SlmRun *run, const SlmHead *head, const SlmText *text,
										   int n, SlmClassifyMode mode, float *probability,
										   SlmStatus *row_status, SlmError *err) SLM_MUST_CHECK;

#endif
