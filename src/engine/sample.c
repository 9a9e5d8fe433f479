/*
 * sample.c - which token comes next
 */
#include "engine/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Numbers without order from numbers in order (Steele, Lea and Flood 2014). */
static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static bool
is_allowed(const uint64_t *allowed, int32_t i)
{
	return allowed == NULL || (allowed[i / 64] >> (i % 64) & 1) != 0;
}

int32_t
slm_sample(const SlmKernels *kernels, const SlmSampling *sampling, uint64_t index, float *logits,
		   int32_t n, const uint64_t *allowed)
{
	int32_t best = -1;
	double share, sum = 0.0;

	for (int32_t i = 0; i < n; i++)
		if (is_allowed(allowed, i) && (best < 0 || logits[i] > logits[best]))
			best = i;
	if (best < 0 || !(sampling->temperature > 0.0f))
		return best;
	for (int32_t i = 0; i < n; i++)
		logits[i] = is_allowed(allowed, i) ? logits[i] / sampling->temperature : -INFINITY;
	kernels->softmax(logits, n);
	/* 53 bits in [0, 1) */
	share = (double) (mix(sampling->seed ^ mix(index)) >> 11) * 0x1p-53;
	for (int32_t i = 0; i < n; i++)
	{
		sum += (double) logits[i];
		if (share < sum && is_allowed(allowed, i))
			return i;
	}
	return best; /* probabilities that add up to a little less than 1 */
}

float
slm_sample_chance(const SlmKernels *kernels, float *logits, int32_t n, const uint64_t *allowed,
				  int32_t token)
{
	for (int32_t i = 0; i < n; i++)
		if (!is_allowed(allowed, i))
			logits[i] = -INFINITY;
	kernels->softmax(logits, n);
	return logits[token];
}
