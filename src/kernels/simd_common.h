/*
 * simd_common.h - what the bodies need of the compiler
 *
 * SLM_INLINE: a body is specialized by constant arguments (tile sizes), so it
 * must be inlined.  Arrays of vectors have constant bounds and their loops are
 * fully unrolled, or the accumulators live in memory; a bound that is only a
 * const variable makes a VLA (measured: 32 % instead of 76 % of the peak), and
 * gcc and clang each need their own pragma (22 % against 75 % without clang's).
 *
 * SLM_NOINLINE: a loop around a tile, kept a function of its own so that the
 * constants of one loop do not push the accumulators of another out of the
 * registers (gcc 12 did that to attention: a third of its time).
 */
#ifndef SLM_KERNELS_SIMD_COMMON_H
#define SLM_KERNELS_SIMD_COMMON_H

#include <stdint.h>
#include <string.h>

#define SLM_INLINE static inline __attribute__((always_inline))
#define SLM_NOINLINE static __attribute__((noinline))

#if defined(__clang__)
#define SLM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SLM_UNROLL _Pragma("GCC unroll 16")
#endif

/* How far ahead of so many streams of weights: pairs of blocks of 32, and blocks of 256. */
#define PREFETCH_PAIRS(n_stream) ((n_stream) == 1 ? 16 : 4)
#define PREFETCH_BLOCKS(n_stream) ((n_stream) == 1 ? 3 : 2)

/* n bytes that will be read soon; they may lie past what there is. */
SLM_INLINE void
prefetch(const uint8_t *at, const size_t n)
{
	SLM_UNROLL
	for (size_t i = 0; i < n; i += 64)
		__builtin_prefetch(at + i, 0, 3);
}

#endif
