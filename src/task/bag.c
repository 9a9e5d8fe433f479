/*
 * bag.c - a text as the bag of its tokens
 */
#include "task/bag.h"

#include <math.h>
#include <string.h>

#define TOKENS_A_POLL 8192

/* The index of a token among the words, or -1. */
static int
find(const SlmBagWords *words, uint32_t token)
{
	int low = 0, high = words->n;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (words->token[middle] < token)
			low = middle + 1;
		else
			high = middle;
	}
	return low < words->n && words->token[low] == token ? low : -1;
}

SlmStatus
slm_bag(const SlmKernels *kernels, const SlmHost *host, const SlmBagWords *words, const int32_t *id,
		int n, float *out, SlmError *err)
{
	if (words->n == 0)
		return SLM_OK;
	memset(out, 0, (size_t) words->n * sizeof(*out));
	for (int i = 0; i < n; i++)
	{
		int at = find(words, (uint32_t) id[i]);

		if (at >= 0)
			out[at] += 1.0f;
		if (i % TOKENS_A_POLL == 0)
			SLM_TRY(slm_poll(host, err));
	}
	for (int i = 0; i < words->n; i++)
		out[i] = sqrtf(out[i]) * words->weight[i];
	slm_normalize(kernels, out, words->n);
	for (int i = 0; i < words->n; i++)
		out[i] *= SLM_BAG_LENGTH;
	return SLM_OK;
}
