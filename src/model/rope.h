/*
 * rope.h - positions as rotations of queries and keys
 *
 * Pair i of a head's first n_rope numbers turns by the angle position *
 * base^(-2 i / n_rope) / scale / freqs[i] (Su et al. 2021; freqs is the tensor
 * rope_freqs of Llama 3.1, or one of the two of Phi 3, which hold for short and for
 * long sequences (Ding et al. 2024); ones where a file has none).  What turned is
 * then multiplied by rope_attention, which is 1 in most models.  Angles are formed in
 * float, as the public frameworks do; their sines and cosines are those of the
 * float, correct to the last bit or two.  libm's powers and sines differ from
 * machine to machine (law 2), so they are computed here.
 */
#ifndef SLM_MODEL_ROPE_H
#define SLM_MODEL_ROPE_H

#include "model/compute.h"

/* Turns of some positions; n_pair = n_rope / 2. */
typedef struct SlmRope
{
	int n_pair;
	float factor;  /* of sines and cosines */
	float *step;   /* [n_pair] angle from a position to the next */
	float *cosine; /* [max_row][n_pair] */
	float *sine;   /* the same */
} SlmRope;

/* Which turns: those of most layers, or, where they have a base of their own, of layers with a window. */
typedef enum SlmRopeKind
{
	SLM_ROPE_SHORT = 0,
	SLM_ROPE_LONG, /* of sequences that may outgrow n_rope_context */
	SLM_ROPE_WINDOW
} SlmRopeKind;

/* For max_row rows, in the arena; without rotations n_pair is 0. */
extern SlmStatus slm_rope_init(SlmCompute *c, SlmRopeKind kind, int max_row, SlmRope *out,
							   SlmError *err) SLM_MUST_CHECK;

/* Row i turns as its position says. */
extern SlmStatus slm_rope_set(SlmCompute *c, SlmRope *rope, int row, int position,
							  SlmError *err) SLM_MUST_CHECK;

/* Turns n_head heads of one row, in place. */
extern void slm_rope_turn(const SlmCompute *c, const SlmRope *rope, int row, float *x, int n_head);

#endif
