/*
 * fit.h - a linear head fitted to rows that carry their labels
 */
#ifndef SLM_PG_FIT_H
#define SLM_PG_FIT_H

typedef struct SlmFitInput
{
	int n_row; /* >= 2 */
	int n_embd;
	int n_label;
	const float *const *row; /* [n_row] of [n_embd], unit length */
	const int *label;        /* [n_row] */
	const float *prior;      /* [n_label][n_embd], embeddings of the labels' texts, unit length */

	/* Called now and then: step of n_step has begun. */
	void (*progress)(void *arg, int step, int n_step);
	void *arg;
} SlmFitInput;

/* As in SlmHead; palloc'd. */
typedef struct SlmFit
{
	float *weight; /* [n_label][n_embd] */
	float *offset; /* [n_label] */
	float multi_scale;
	float multi_offset;
	double accuracy;  /* leave-one-out: each row judged by the head fitted without it */
	double zero_shot; /* of the labels' texts alone */
} SlmFit;

/* Fits; interruptible.  Results lie in the current context, scratch is freed. */
extern void slm_fit(const SlmFitInput *input, SlmFit *out);

/* Bytes that slm_fit() takes for itself, at most. */
extern Size slm_fit_bytes(int n_row, int n_embd, int n_label);

#endif
