/*
 * poly.h - exp, erf and tanh: the coefficients, and the scalar functions
 *
 * Fixed operations in float, the same in every variant: simd_math.h evaluates
 * the same polynomials in the same order.  The coefficients are our own minimax
 * fits (Lawson-weighted least squares on Chebyshev nodes, rounded to float).
 *
 *   exp   x = n ln2 + r, |r| <= ln2 / 2; e^r = 1 + r + r^2 P(r), P of degree 4;
 *         largest error 0.9 ulp on [-87, 88].
 *   erf   erf(x / sqrt 2) = x P(s), s = x^2 * 2/25 - 1 in [-1, 1], P of degree
 *         12; 1 from |x| = 5 on.  Largest error 6e-7 (of it 5.7e-7 at the end).
 *         In s instead of x^2 the coefficients stay below 0.3, so that nothing
 *         cancels.  Degree 11 gives 1.7e-6, 13 gains nothing at the end.
 *   tanh  below 0.625 x + x z P(z), z = x^2, P of degree 4; above it
 *         1 - 2 / (exp(2x) + 1); largest error 2 ulp.
 */
#ifndef SLM_KERNELS_POLY_H
#define SLM_KERNELS_POLY_H

#include <math.h>
#include <stdint.h>

#include "base/fp16.h"

#define EXP_LOWEST (-87.0f)         /* below: 0; above it n >= -126, so no subnormals */
#define EXP_LOG2E 0x1.715476p+0f    /* 1 / ln 2 */
#define EXP_ROUNDER 12582912.0f     /* 1.5 * 2^23: adding it rounds to an integer */
#define EXP_LN2_HIGH 0x1.62e4p-1f   /* ln 2, the first 15 bits: n * it is exact */
#define EXP_LN2_LOW 0x1.7f7d1cp-20f /* the rest */
#define EXP_C2 0.5f
#define EXP_C3 0.166665182f
#define EXP_C4 0.0416662022f
#define EXP_C5 0.00836902484f
#define EXP_C6 0.00139507256f

#define ERF_END 5.0f
#define ERF_SCALE 0.08f /* 2 / ERF_END^2 */
#define ERF_DEGREE 12
#define ERF_COEFFICIENTS                                                                           \
	{                                                                                              \
		0.282727569f, -0.14059253f, 0.103040934f, -0.0808860734f, 0.0628860891f, -0.0465313941f,   \
			0.032794591f, -0.0223449133f, 0.0128448084f, -0.00535199372f, 0.00341961929f,          \
			-0.00323462673f, 0.00122785952f                                                        \
	}

#define TANH_SPLIT 0.625f
#define TANH_END 10.0f /* tanh is 1 from 9.02 on */
#define TANH_C0 (-0.333332837f)
#define TANH_C1 0.133314848f
#define TANH_C2 (-0.0537429117f)
#define TANH_C3 0.0206485745f
#define TANH_C4 (-0.00571468705f)

/* e^x for x <= 88; 0 below EXP_LOWEST and for -infinity; NaN for NaN. */
static inline float
slm_exp(float x)
{
	float t, n, r, p;

	if (!(x >= EXP_LOWEST))
		return x < EXP_LOWEST ? 0.0f : x;
	t = fmaf(x, EXP_LOG2E, EXP_ROUNDER);
	n = t - EXP_ROUNDER;
	r = fmaf(n, -EXP_LN2_HIGH, x);
	r = fmaf(n, -EXP_LN2_LOW, r);
	p = fmaf(EXP_C6, r, EXP_C5);
	p = fmaf(p, r, EXP_C4);
	p = fmaf(p, r, EXP_C3);
	p = fmaf(p, r, EXP_C2);
	p = fmaf(p, r, 1.0f);
	p = fmaf(p, r, 1.0f);
	/* n stands in the low bits of t; the rest of t is shifted out */
	return slm_bits_to_float(slm_float_to_bits(p) + (slm_float_to_bits(t) << 23));
}

/* erf(x / sqrt 2), the form that GELU needs. */
static inline float
slm_erf_sqrt2(float x)
{
	static const float c[ERF_DEGREE + 1] = ERF_COEFFICIENTS;
	float s, p;

	if (fabsf(x) >= ERF_END)
		return copysignf(1.0f, x);
	s = fmaf(x * x, ERF_SCALE, -1.0f);
	p = c[ERF_DEGREE];
	for (int i = ERF_DEGREE - 1; i >= 0; i--)
		p = fmaf(p, s, c[i]);
	return p * x;
}

/* x * (1 + erf(x / sqrt 2)) / 2 */
static inline float
slm_gelu_erf(float x)
{
	float half = 0.5f * x;

	return fmaf(half, slm_erf_sqrt2(x), half);
}

static inline float
slm_tanh(float x)
{
	float a = fabsf(x);
	float z, p;

	if (a < TANH_SPLIT)
	{
		z = a * a;
		p = fmaf(TANH_C4, z, TANH_C3);
		p = fmaf(p, z, TANH_C2);
		p = fmaf(p, z, TANH_C1);
		p = fmaf(p, z, TANH_C0);
		p = fmaf(p * z, a, a);
	}
	else
	{
		a = a > TANH_END ? TANH_END : a;
		p = 1.0f - 2.0f / (slm_exp(a + a) + 1.0f);
	}
	return copysignf(p, x);
}

#endif
