/*
 * sample.h - which token comes next
 *
 * A choice is a function of the logits, the mask, the sampling and the number
 * of the choice: the same everywhere (law 2).
 */
#ifndef SLM_ENGINE_SAMPLE_H
#define SLM_ENGINE_SAMPLE_H

#include <stdint.h>

#include "kernels/kernels.h"

typedef struct SlmSampling
{
	float temperature; /* 0: always the likeliest token, of equals the first */
	uint64_t seed;
} SlmSampling;

/*
 * Chooses one of n tokens by their logits, which are overwritten.  allowed has a
 * bit a token, token i in bit i % 64 of word i / 64; NULL: all are.  index
 * counts the choices made with this seed.  -1 when none is allowed.
 */
extern int32_t slm_sample(const SlmKernels *kernels, const SlmSampling *sampling, uint64_t index,
						  float *logits, int32_t n, const uint64_t *allowed);

/* The probability of a token among those that are allowed; logits are overwritten. */
extern float slm_sample_chance(const SlmKernels *kernels, float *logits, int32_t n,
							   const uint64_t *allowed, int32_t token);

#endif
