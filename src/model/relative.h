/*
 * relative.h - what attention adds by how far apart two tokens are
 *
 * SLM_RELATIVE_BIAS (Raffel et al. 2020): distances fall into buckets, half of
 * the n for keys behind the row that asks, the others for keys at it and before it.
 * In each half the first half hold one distance alone, the others ever longer runs, up to
 * the architecture's reach, from which on all share the last.  A head adds to
 * a score the number that it has for the bucket.  Where rows see no keys behind them,
 * all n are for those before; layers may have numbers of their own.  So may the extraction
 * head, of any architecture: its layers add them instead of what the others do.
 *
 * SLM_RELATIVE_DISENTANGLED (He et al. 2021): a table of n rows holds embeddings
 * of distances, n / 2 of keys behind the row that asks, and of the others, as above but
 * for the runs' borders.  A layer makes keys and queries of them as it does of rows, and a
 * score is query * key + query * key of the distance + query of the distance * key.
 */
#ifndef SLM_MODEL_RELATIVE_H
#define SLM_MODEL_RELATIVE_H

#include "model/compute.h"

typedef struct SlmDistances
{
	/* numbers of heads */
	const float *bias;  /* of head 0, row 0, key 0; that of row i and key j is j - i behind it */
	size_t stride;      /* from a head's to the next one's */
	float *numbers;     /* the same, from their start */
	int32_t *row;       /* [stride] of the table, of each distance */
	float *table;       /* its numbers */
	bool of_all_layers; /* the table is; otherwise each layer may have one */

	/* embeddings; NULL where there are none */
	float *embd;          /* [n_row][embd_stride] their rows that sequences ask for */
	const int32_t *which; /* of them, of a distance, by how far a key is behind */
	int n_row;
	size_t embd_stride;
	float *q, *k; /* [n_row][qk_stride] what the layer makes of them, the heads side by side */
	size_t qk_stride;

	/* of a head and a sequence, whose distances have the rows first .. first + n_used */
	int first, n_used;
	float *packed[2];
	SlmWeight keys, queries; /* their parts in k and q, as matrices */
	float *of_keys;          /* [t][n_used padded to 16] keys * queries of the distances */
	float *of_rows;          /* [16][n_used padded to 16] queries * keys of the distances */
	float *near;             /* [16][t padded to 16] what the rows add to their scores */
	SlmInput input;
} SlmDistances;

/* For sequences of at most max_length rows, in the arena. */
extern SlmStatus slm_distances_init(SlmCompute *c, int max_length, SlmDistances *out,
									SlmError *err) SLM_MUST_CHECK;

/* The same for the layers of the extraction head, which has numbers of its own. */
extern SlmStatus slm_distances_extract(SlmCompute *c, int max_length, SlmDistances *out,
									   SlmError *err) SLM_MUST_CHECK;

/* A layer begins. */
extern SlmStatus slm_distances_layer(SlmCompute *c, SlmDistances *d, int layer,
									 SlmError *err) SLM_MUST_CHECK;

/* The steps below are for embeddings.  A head of the layer meets t keys k[t][k_stride]. */
extern SlmStatus slm_distances_head(SlmCompute *c, SlmDistances *d, int head, const float *k,
									size_t k_stride, int t, SlmError *err) SLM_MUST_CHECK;

/* Rows first .. first + n <= 16 ask, whose queries and keys stand in args: near is theirs. */
extern SlmStatus slm_distances_rows(SlmCompute *c, SlmDistances *d, const SlmAttend *args,
									int first, int n, SlmError *err) SLM_MUST_CHECK;

#endif
