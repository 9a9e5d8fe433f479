/*
 * chance.h - numbers without order for tests that walk: the same for the same seed
 */
#ifndef SLM_TEST_CHANCE_H
#define SLM_TEST_CHANCE_H

#include <stdint.h>

/* A number below n, by Knuth's multiplier. */
static inline uint32_t
chance(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t) (*seed >> 33) % n;
}

#endif
