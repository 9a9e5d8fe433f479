/*
 * simd_common.h - what the bodies need of the compiler
 *
 * SLM_INLINE: a body is specialized by constant arguments (tile sizes), so it
 * must be inlined.  Arrays of vectors have constant bounds and their loops are
 * fully unrolled, or the accumulators live in memory; a bound that is only a
 * const variable makes a VLA (measured: 32 % instead of 76 % of the peak), and
 * gcc and clang each need their own pragma (22 % against 75 % without clang's).
 */
#ifndef SLM_KERNELS_SIMD_COMMON_H
#define SLM_KERNELS_SIMD_COMMON_H

#include <stdint.h>
#include <string.h>

#define SLM_INLINE static inline __attribute__((always_inline))

#if defined(__clang__)
#define SLM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SLM_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
