/*
 * fit.h - a linear head fitted to rows that carry their labels
 */
#ifndef SLM_PG_FIT_H
#define SLM_PG_FIT_H

typedef struct SlmFitInput
{
	int n_row; /* >= 2 */
	int n_embd;
	int n_word; /* numbers of a bag (task/bag.h) */
	int n_label;
	const float *const *row; /* [n_row] of [n_embd], unit length */
	const int *label;        /* [n_row] */
	const float *prior;      /* [n_label][n_embd + n_word], of the labels' texts */

	/* out[n_word] = the bag of a row. */
	void (*bag)(void *arg, int row, float *out);
	/* Called now and then: step of n_step has begun. */
	void (*progress)(void *arg, int step, int n_step);
	void *arg;
} SlmFitInput;

/* As in SlmHead; palloc'd. */
typedef struct SlmFit
{
	int n_word;    /* as given, or 0: rows are judged better without their bags */
	float *weight; /* [n_label][n_embd + n_word] */
	float *offset; /* [n_label] */
	float multi_scale;
	float multi_offset;
	double accuracy;  /* leave-one-out: each row judged by the head fitted without it */
	double zero_shot; /* of the embeddings of the labels' texts alone */
} SlmFit;

/* Fits; interruptible.  Results lie in the current context, scratch is freed. */
extern void slm_fit(const SlmFitInput *input, SlmFit *out);

/* Bytes that slm_fit() takes for itself, at most; width is n_embd + n_word. */
extern Size slm_fit_bytes(int n_row, int width, int n_label);

#endif
