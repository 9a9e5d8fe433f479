/*
 * poly.h - exp, erf and tanh: the coefficients, and the scalar functions
 *
 * Fixed operations in float, the same in every variant: simd_math.h evaluates
 * the same polynomials in the same order.  The coefficients are our own minimax
 * fits (Lawson-weighted least squares on Chebyshev nodes, rounded to float).
 *
 *   exp   x = n ln2 + r, |r| <= ln2 / 2; e^r = 1 + r + r^2 P(r), P of degree 4;
 *         largest error 0.9 ulp on [-87, 88].
 *   erf   erf(x / sqrt 2), |x| < 5.25: 16 pieces of width 1/3, piece i a
 *         polynomial of degree 4 in f = 3 |x| - 1/2 - i, |f| <= 1/2; 1 beyond.
 *         Largest error 2e-7.  A table of 16 is one permutation of a register; a
 *         single polynomial of degree 12 in x^2 took twice the time.
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
#define ROUNDER 12582912.0f         /* 1.5 * 2^23: adding it rounds to an integer */
#define EXP_LN2_HIGH 0x1.62e4p-1f   /* ln 2, the first 15 bits: n * it is exact */
#define EXP_LN2_LOW 0x1.7f7d1cp-20f /* the rest */
#define EXP_C2 0.5f
#define EXP_C3 0.166665182f
#define EXP_C4 0.0416662022f
#define EXP_C5 0.00836902484f
#define EXP_C6 0.00139507256f

#define ERF_END 5.25f
#define ERF_SCALE 3.0f
#define ERF_DEGREE 4

/* Coefficients of f^0, f^1, ... by piece. */
static const float erf_table[ERF_DEGREE + 1][16] = {
	{0.132367656f, 0.382924914f, 0.595343232f, 0.756654978f, 0.866385579f, 0.93324697f,
	 0.969739735f, 0.987580657f, 0.995393455f, 0.998458028f, 0.999534726f, 0.999873579f,
	 0.999969065f, 0.999993205f, 0.999998629f, 0.999999762f},
	{0.26229167f, 0.234709486f, 0.187941507f, 0.134666681f, 0.0863460004f, 0.0495413579f,
	 0.0254352428f, 0.0116854282f, 0.00480388151f, 0.00176716351f, 0.000581695349f, 0.000171335036f,
	 4.5157045e-05f, 1.06495263e-05f, 2.24727842e-06f, 4.24327652e-07f},
	{-0.0072857351f, -0.0195587594f, -0.026102569f, -0.0261848662f, -0.0215863567f, -0.015137651f,
	 -0.00918504875f, -0.00486904383f, -0.0022685905f, -0.000932726194f, -0.000339351507f,
	 -0.000109476903f, -3.13639321e-05f, -7.98875226e-06f, -1.8107711e-06f, -3.65510573e-07f},
	{-0.00469854148f, -0.00324810646f, -0.00106753164f, 0.00088626123f, 0.00198367774f,
	 0.00215679337f, 0.00173758506f, 0.00113778561f, 0.000628186623f, 0.00029792462f,
	 0.000122695579f, 4.41847988e-05f, 1.39796775e-05f, 3.89920615e-06f, 9.6118265e-07f,
	 2.09809443e-07f},
	{0.000198910813f, 0.000494365348f, 0.000553917489f, 0.000396081479f, 0.000150686421f,
	 -4.89601516e-05f, -0.000142742923f, -0.000145903352f, -0.000105580206f, -6.090838e-05f,
	 -2.92832628e-05f, -1.19941487e-05f, -4.23901065e-06f, -1.30330125e-06f, -3.50536737e-07f,
	 -8.28084055e-08f},
};

#define SILU_END 87.0f /* beyond, the quotient is less than 1e-35 */
#define GELU_CUBE 0.044715f
#define GELU_SCALE 0.797884561f /* sqrt(2 / pi) */

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
	t = fmaf(x, EXP_LOG2E, ROUNDER);
	n = t - ROUNDER;
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
	float a = fabsf(x);
	float v, t, f, p;
	uint32_t i;

	if (a >= ERF_END)
		return copysignf(1.0f, x);
	v = fmaf(a, ERF_SCALE, -0.5f);
	t = v + ROUNDER; /* the piece stands in the low bits */
	f = v - (t - ROUNDER);
	i = slm_float_to_bits(t) & 15;
	p = fmaf(erf_table[4][i], f, erf_table[3][i]);
	p = fmaf(p, f, erf_table[2][i]);
	p = fmaf(p, f, erf_table[1][i]);
	p = fmaf(p, f, erf_table[0][i]);
	/* p may be a little below 0 near 0 */
	return slm_bits_to_float(slm_float_to_bits(p) ^ (slm_float_to_bits(x) & 0x80000000));
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

/* x / (1 + e^-x) */
static inline float
slm_silu(float x)
{
	float minus = 0.0f - x;

	return x / (1.0f + slm_exp(minus > SILU_END ? SILU_END : minus));
}

/* x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2 */
static inline float
slm_gelu_tanh(float x)
{
	float half = 0.5f * x;
	float inner = fmaf(GELU_CUBE * x * x, x, x);

	return fmaf(half, slm_tanh(GELU_SCALE * inner), half);
}

#endif
