/*
 * checked.h - arithmetic on numbers that a file or a caller chose
 *
 * Every size computed from a model file goes through these (law 1): 64 bits,
 * false on wrap, so that a wrapped size never reaches a comparison.
 */
#ifndef SLM_BASE_CHECKED_H
#define SLM_BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
slm_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

static inline bool
slm_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* Rounds a up to a multiple of align (a power of two). */
static inline bool
slm_align_u64(uint64_t a, uint64_t align, uint64_t *out)
{
	if (__builtin_add_overflow(a, align - 1, out))
		return false;
	*out &= ~(align - 1);
	return true;
}

#endif
