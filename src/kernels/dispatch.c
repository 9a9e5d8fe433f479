/*
 * dispatch.c - which table serves
 *
 * The tables are constant and complete: a variant that lacks a kernel names
 * the scalar one.  Each ISA contains the one before it, so "available" is a
 * comparison.
 */
#include "kernels/tables.h"

static const SlmKernels *const tables[SLM_ISA_COUNT] = {
	[SLM_ISA_SCALAR] = &slm_kernels_scalar,
#if defined(__x86_64__)
	[SLM_ISA_AVX2] = &slm_kernels_avx2,
	[SLM_ISA_AVX512] = &slm_kernels_avx512,
#endif
};

const char *
slm_isa_name(SlmIsa isa)
{
	static const char *const names[SLM_ISA_COUNT] = {"auto", "scalar", "avx2", "avx512"};

	return (int) isa >= 0 && isa < SLM_ISA_COUNT ? names[isa] : NULL;
}

SlmGemm *
slm_gemm_of(const SlmKernels *kernels, SlmLayout layout)
{
	switch (layout)
	{
		case SLM_LAYOUT_Q8:
			return kernels->gemm_q8;
		case SLM_LAYOUT_Q4:
			return kernels->gemm_q4;
		case SLM_LAYOUT_IQ4:
			return kernels->gemm_iq4;
		case SLM_LAYOUT_F16:
			return kernels->gemm_f16;
		case SLM_LAYOUT_BF16:
			return kernels->gemm_bf16;
		case SLM_LAYOUT_K2:
			return kernels->gemm_k2;
		case SLM_LAYOUT_K3:
			return kernels->gemm_k3;
		case SLM_LAYOUT_K4:
			return kernels->gemm_k4;
		case SLM_LAYOUT_K5:
			return kernels->gemm_k5;
		case SLM_LAYOUT_K6:
			return kernels->gemm_k6;
		case SLM_LAYOUT_KI4:
			return kernels->gemm_ki4;
		case SLM_LAYOUT_F32:
		case SLM_LAYOUT_COUNT:
			break;
	}
	return kernels->gemm_f32;
}

SlmAttendRows *
slm_attend_of(const SlmKernels *kernels, SlmDtype type)
{
	if (type == SLM_DTYPE_F16)
		return kernels->attend_f16;
	return type == SLM_DTYPE_Q8_0 ? kernels->attend_q8 : kernels->attend;
}

const SlmKernels *
slm_kernels(SlmIsa isa)
{
	if (isa == SLM_ISA_AUTO)
	{
		isa = SLM_ISA_COUNT - 1;
		while (!slm_isa_available(isa))
			isa--;
	}
	return slm_isa_available(isa) ? tables[isa] : NULL;
}
