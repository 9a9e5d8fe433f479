/*
 * kernels_avx512.c - the AVX-512 table (F, BW, DQ, VL and VNNI)
 */
#include "kernels/tables.h"

#if defined(__x86_64__)

const SlmKernels slm_kernels_avx512 = {
	.name = "avx512",
#define SLM_KERNEL(type, member) .member = slm_scalar_##member,
#include "kernels/kernel_list.inc"
#undef SLM_KERNEL
};

#endif
