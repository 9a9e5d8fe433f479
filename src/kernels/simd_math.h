/*
 * simd_math.h - exp, erf and tanh over 16 lanes
 *
 * The polynomials of poly.h, operation by operation.  Include it after a
 * simd_*.h.
 */
#ifndef SLM_KERNELS_SIMD_MATH_H
#define SLM_KERNELS_SIMD_MATH_H

#include "kernels/poly.h"

SLM_INLINE Vec
vec_exp(Vec x)
{
	Vec t = vec_fma(x, vec_set1(EXP_LOG2E), vec_set1(ROUNDER));
	Vec n = vec_sub(t, vec_set1(ROUNDER));
	Vec r = vec_fma(n, vec_set1(-EXP_LN2_HIGH), x);
	Vec p;

	r = vec_fma(n, vec_set1(-EXP_LN2_LOW), r);
	p = vec_fma(vec_set1(EXP_C6), r, vec_set1(EXP_C5));
	p = vec_fma(p, r, vec_set1(EXP_C4));
	p = vec_fma(p, r, vec_set1(EXP_C3));
	p = vec_fma(p, r, vec_set1(EXP_C2));
	p = vec_fma(p, r, vec_set1(1.0f));
	p = vec_fma(p, r, vec_set1(1.0f));
	p = vec_scale_exponent(p, t);
	/* the maximum is 0 below EXP_LOWEST and NaN for NaN */
	return vec_select(vec_is_at_least(x, vec_set1(EXP_LOWEST)), p, vec_max(vec_zero(), x));
}

SLM_INLINE Vec
vec_gelu_erf(Vec x)
{
	Vec a = vec_abs(x);
	Vec v = vec_fma(a, vec_set1(ERF_SCALE), vec_set1(-0.5f));
	Vec t = vec_add(v, vec_set1(ROUNDER));
	Vec f = vec_sub(v, vec_sub(t, vec_set1(ROUNDER)));
	Vec half = vec_mul(vec_set1(0.5f), x);
	Vec p = vec_fma(vec_lookup(erf_table[4], t), f, vec_lookup(erf_table[3], t));

	p = vec_fma(p, f, vec_lookup(erf_table[2], t));
	p = vec_fma(p, f, vec_lookup(erf_table[1], t));
	p = vec_fma(p, f, vec_lookup(erf_table[0], t));
	p = vec_select(vec_is_at_least(a, vec_set1(ERF_END)), vec_set1(1.0f), p);
	return vec_fma(half, vec_xor_sign(p, x), half);
}

SLM_INLINE Vec
vec_silu(Vec x)
{
	Vec minus = vec_min(vec_set1(SILU_END), vec_sub(vec_zero(), x));

	return vec_div(x, vec_add(vec_set1(1.0f), vec_exp(minus)));
}

SLM_INLINE Vec
vec_tanh(Vec x)
{
	Vec a = vec_abs(x);
	Vec z = vec_mul(a, a);
	Vec b = vec_min(vec_set1(TANH_END), a);
	Vec e = vec_exp(vec_add(b, b));
	Vec large = vec_sub(vec_set1(1.0f), vec_div(vec_set1(2.0f), vec_add(e, vec_set1(1.0f))));
	Vec p = vec_fma(vec_set1(TANH_C4), z, vec_set1(TANH_C3));

	p = vec_fma(p, z, vec_set1(TANH_C2));
	p = vec_fma(p, z, vec_set1(TANH_C1));
	p = vec_fma(p, z, vec_set1(TANH_C0));
	p = vec_fma(vec_mul(p, z), a, a);
	return vec_xor_sign(vec_select(vec_is_less(a, vec_set1(TANH_SPLIT)), p, large), x);
}

SLM_INLINE Vec
vec_gelu_tanh(Vec x)
{
	Vec half = vec_mul(vec_set1(0.5f), x);
	Vec inner = vec_fma(vec_mul(vec_mul(vec_set1(GELU_CUBE), x), x), x, x);

	return vec_fma(half, vec_tanh(vec_mul(vec_set1(GELU_SCALE), inner)), half);
}

#endif
