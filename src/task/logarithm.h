/*
 * logarithm.h - the natural logarithm; libm's is not the same everywhere (law 2)
 */
#ifndef SLM_TASK_LOGARITHM_H
#define SLM_TASK_LOGARITHM_H

#include <math.h>
#include <stdint.h>

#include "base/fp16.h"

#define SLM_LN2 0.693147181f

/* Of a positive, normal number: 2 atanh((m - 1) / (m + 1)) + e ln 2; within 3 ulp or 1e-7. */
static inline float
slm_natural_log(float x)
{
	uint32_t bits = slm_float_to_bits(x);
	/* mantissa in [sqrt(1/2), sqrt(2)) */
	int exponent = (int) ((bits - 0x3f3504f3) >> 23 & 0xff);
	float m, t, tt;

	if (exponent >= 128)
		exponent -= 256;
	m = slm_bits_to_float(bits - ((uint32_t) exponent << 23));
	t = (m - 1.0f) / (m + 1.0f);
	tt = t * t;
	return fmaf(2.0f * t,
				1.0f + tt * (1.0f / 3 + tt * (1.0f / 5 + tt * (1.0f / 7 + tt * (1.0f / 9)))),
				(float) exponent * SLM_LN2);
}

#endif
