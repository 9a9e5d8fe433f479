/*
 * relative.h - what attention adds by how far apart two tokens are
 *
 * Distances fall into buckets (Raffel et al. 2020): half of the n buckets are
 * for keys behind the row that asks, the others for keys at it and before it.  In each half
 * the first half hold one distance alone, the others ever longer runs, up to
 * the architecture's reach, from which on all share the last.  A head adds to
 * a score the number that it has for the bucket.
 */
#ifndef SLM_MODEL_RELATIVE_H
#define SLM_MODEL_RELATIVE_H

#include "model/compute.h"

typedef struct SlmDistances
{
	const float *bias; /* of head 0, row 0, key 0; that of row i and key j is j - i behind it */
	size_t stride;     /* from a head's to the next one's */
} SlmDistances;

/*
 * For sequences of at most max_length rows, in the arena; bias is NULL where
 * the architecture has none.
 */
extern SlmStatus slm_distances_init(SlmCompute *c, int max_length, SlmDistances *out,
									SlmError *err) SLM_MUST_CHECK;

#endif
