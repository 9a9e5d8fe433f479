/*
 * kernels_avx2.c - the AVX2 table (with FMA and F16C)
 */
#include "kernels/tables.h"

#if defined(__x86_64__)

const SlmKernels slm_kernels_avx2 = {
	.name = "avx2",
#define SLM_KERNEL(type, member) .member = slm_scalar_##member,
#include "kernels/kernel_list.inc"
#undef SLM_KERNEL
};

#endif
