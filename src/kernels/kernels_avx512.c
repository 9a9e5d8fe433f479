/*
 * kernels_avx512.c - the AVX-512 variant (F, BW, DQ, VL, VNNI): shared bodies over one zmm
 *
 * Compiled with its own flags (see the Makefile); nothing but the table leaves
 * the object, so no AVX-512 code can be linked into a baseline caller.
 */
#if defined(__x86_64__)

#include "kernels/simd_avx512.h"

#include "kernels/body_rows.h"

#include "kernels/body_attend.h"
#include "kernels/body_gemm_float.h"
#include "kernels/gemm_k_avx512.h"
#include "kernels/gemm_q_avx512.h"

/* Complete; a kernel without an own version would name its slm_scalar_ function. */
const SlmKernels slm_kernels_avx512 = {
	.name = "avx512",
	.quantize_q8 = quantize_q8,
	.gemm_q8 = gemm_q8,
	.gemm_q4 = gemm_q4,
	.gemm_iq4 = gemm_iq4,
	.gemm_f32 = gemm_f32,
	.gemm_f16 = gemm_f16,
	.gemm_bf16 = gemm_bf16,
	.gemm_k2 = gemm_k2,
	.gemm_k3 = gemm_k3,
	.gemm_k4 = gemm_k4,
	.gemm_k5 = gemm_k5,
	.gemm_k6 = gemm_k6,
	.gemm_ki4 = gemm_ki4,
	.layer_norm = layer_norm,
	.rms_norm = rms_norm,
	.gelu_erf = gelu_erf,
	.gelu_tanh = gelu_tanh,
	.silu = silu,
	.tanh = tanh_map,
	.dot = dot,
	.softmax = softmax,
	.transpose = transpose,
	.attend = attend,
	.attend_f16 = attend_f16,
	.attend_q8 = attend_q8,
	.to_half = to_half,
};

#endif
