/*
 * tables.h - what the kernel objects show each other
 *
 * Each ISA object exports one constant table.  The scalar reference also
 * exports its functions, so that a variant without an own version of a kernel
 * names the reference in its table.
 */
#ifndef SLM_KERNELS_TABLES_H
#define SLM_KERNELS_TABLES_H

#include "kernels/kernels.h"

#define SLM_KERNEL(type, member) extern type slm_scalar_##member;
#include "kernels/kernel_list.inc"
#undef SLM_KERNEL

extern const SlmKernels slm_kernels_scalar;
#if defined(__x86_64__)
extern const SlmKernels slm_kernels_avx2;
extern const SlmKernels slm_kernels_avx512;
#endif

#endif
