/*
 * fp16.h - IEEE half precision and bfloat16 to float, exact
 */
#ifndef SLM_BASE_FP16_H
#define SLM_BASE_FP16_H

#include <stdint.h>
#include <string.h>

static inline float
slm_bits_to_float(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

static inline uint32_t
slm_float_to_bits(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

/* All 65536 inputs are exact: subnormals, infinities; a NaN stays a quiet NaN. */
static inline float
slm_fp16_to_float(uint16_t h)
{
	uint32_t sign = (uint32_t) (h & 0x8000) << 16;
	uint32_t exponent = (h >> 10) & 0x1f;
	uint32_t mantissa = h & 0x3ff;

	if (exponent == 0)
	{
		/* zero or subnormal: mantissa * 2^-24 is exact in float */
		float f = (float) mantissa * 0x1p-24f;

		return slm_bits_to_float(slm_float_to_bits(f) | sign);
	}
	if (exponent == 31)
		return slm_bits_to_float(sign | 0x7f800000 | (mantissa << 13) |
								 (mantissa != 0 ? 0x400000 : 0));
	return slm_bits_to_float(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

/* Rounds to nearest, ties to even; too large gives infinity. */
static inline uint16_t
slm_float_to_fp16(float f)
{
	uint32_t bits = slm_float_to_bits(f);
	uint16_t sign = (uint16_t) ((bits >> 16) & 0x8000);
	uint32_t magnitude = bits & 0x7fffffff;
	uint32_t rounded;

	if (magnitude > 0x7f800000)
		return (uint16_t) (sign | 0x7e00);
	if (magnitude >= 0x477ff000)
		return (uint16_t) (sign | 0x7c00);
	if (magnitude < 0x38800000)
	{
		/* subnormal half: adding 0.5 leaves the rounded mantissa in the low bits */
		float shifted = slm_bits_to_float(magnitude) + 0.5f;

		return (uint16_t) (sign | (slm_float_to_bits(shifted) - 0x3f000000));
	}
	rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
	return (uint16_t) (sign | ((rounded - 0x38000000) >> 13));
}

static inline float
slm_bf16_to_float(uint16_t b)
{
	return slm_bits_to_float((uint32_t) b << 16);
}

#endif
