/*
 * dtype.c - tensor types: the table, and plain conversion to and from float
 */
#include "base/dtype.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/fp16.h"

#define LAST_TYPE 41

/* clang-format off */
static const SlmDtypeInfo dtypes[LAST_TYPE + 1] = {
	[0] = {"F32", 1, 4, true, 0, {0, 0}},
	[1] = {"F16", 1, 2, true, 1, {0, 0}},
	[2] = {"Q4_0", 32, 18, true, 1, {0, 0}},
	[3] = {"Q4_1", 32, 20, false, 2, {0, 2}},
	[4] = {"Q4_2", 0, 0, false, 0, {0, 0}},
	[5] = {"Q4_3", 0, 0, false, 0, {0, 0}},
	[6] = {"Q5_0", 32, 22, true, 1, {0, 0}},
	[7] = {"Q5_1", 32, 24, false, 2, {0, 2}},
	[8] = {"Q8_0", 32, 34, true, 1, {0, 0}},
	[9] = {"Q8_1", 32, 36, false, 2, {0, 2}},
	[10] = {"Q2_K", 256, 84, true, 2, {80, 82}},
	[11] = {"Q3_K", 256, 110, true, 1, {108, 0}},
	[12] = {"Q4_K", 256, 144, true, 2, {0, 2}},
	[13] = {"Q5_K", 256, 176, true, 2, {0, 2}},
	[14] = {"Q6_K", 256, 210, true, 1, {208, 0}},
	[15] = {"Q8_K", 256, 292, false, 0, {0, 0}},
	[16] = {"IQ2_XXS", 256, 66, false, 1, {0, 0}},
	[17] = {"IQ2_XS", 256, 74, false, 1, {0, 0}},
	[18] = {"IQ3_XXS", 256, 98, false, 1, {0, 0}},
	[19] = {"IQ1_S", 256, 50, false, 1, {0, 0}},
	[20] = {"IQ4_NL", 32, 18, true, 1, {0, 0}},
	[21] = {"IQ3_S", 256, 110, false, 1, {0, 0}},
	[22] = {"IQ2_S", 256, 82, false, 1, {0, 0}},
	[23] = {"IQ4_XS", 256, 136, true, 1, {0, 0}},
	[24] = {"I8", 1, 1, false, 0, {0, 0}},
	[25] = {"I16", 1, 2, false, 0, {0, 0}},
	[26] = {"I32", 1, 4, false, 0, {0, 0}},
	[27] = {"I64", 1, 8, false, 0, {0, 0}},
	[28] = {"F64", 1, 8, false, 0, {0, 0}},
	[29] = {"IQ1_M", 256, 56, false, 0, {0, 0}},
	[30] = {"BF16", 1, 2, true, 0, {0, 0}},
	[31] = {"Q4_0_4_4", 0, 0, false, 0, {0, 0}},
	[32] = {"Q4_0_4_8", 0, 0, false, 0, {0, 0}},
	[33] = {"Q4_0_8_8", 0, 0, false, 0, {0, 0}},
	[34] = {"TQ1_0", 256, 54, false, 1, {52, 0}},
	[35] = {"TQ2_0", 256, 66, false, 1, {64, 0}},
	[36] = {"IQ4_NL_4_4", 0, 0, false, 0, {0, 0}},
	[37] = {"IQ4_NL_4_8", 0, 0, false, 0, {0, 0}},
	[38] = {"IQ4_NL_8_8", 0, 0, false, 0, {0, 0}},
	[39] = {"MXFP4", 32, 17, false, 0, {0, 0}},
	[40] = {"NVFP4", 64, 36, false, 0, {0, 0}},
	[41] = {"Q1_0", 128, 18, false, 1, {0, 0}},
};
/* clang-format on */

const SlmDtypeInfo *
slm_dtype_info(uint32_t type)
{
	return type <= LAST_TYPE ? &dtypes[type] : NULL;
}

static void
dequantize_q8_0(const SlmBlockQ8_0 *src, float *dst, int64_t n_block)
{
	for (int64_t b = 0; b < n_block; b++)
	{
		float d = slm_fp16_to_float(src[b].d);

		for (int i = 0; i < 32; i++)
			dst[b * 32 + i] = d * (float) src[b].qs[i];
	}
}

static void
dequantize_q4_0(const SlmBlockQ4_0 *src, float *dst, int64_t n_block)
{
	for (int64_t b = 0; b < n_block; b++)
	{
		float d = slm_fp16_to_float(src[b].d);

		for (int i = 0; i < 16; i++)
		{
			dst[b * 32 + i] = d * (float) ((src[b].qs[i] & 15) - 8);
			dst[b * 32 + i + 16] = d * (float) ((src[b].qs[i] >> 4) - 8);
		}
	}
}

static void
dequantize_q5_0(const SlmBlockQ5_0 *src, float *dst, int64_t n_block)
{
	for (int64_t b = 0; b < n_block; b++)
	{
		float d = slm_fp16_to_float(src[b].d);

		for (int i = 0; i < 16; i++)
		{
			int low = (src[b].qh[i / 8] >> (i % 8)) & 1;
			int high = (src[b].qh[2 + i / 8] >> (i % 8)) & 1;

			dst[b * 32 + i] = d * (float) (((src[b].qs[i] & 15) | low << 4) - 16);
			dst[b * 32 + i + 16] = d * (float) (((src[b].qs[i] >> 4) | high << 4) - 16);
		}
	}
}

const int8_t slm_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
								   1,    13,   25,  38,  53,  69,  89,  113};

const int8_t slm_q4_values[16] = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};

/* Blocks as of Q4_0, whose codes stand for slm_iq4_values. */
static void
dequantize_iq4_nl(const SlmBlockQ4_0 *src, float *dst, int64_t n_block)
{
	for (int64_t b = 0; b < n_block; b++)
	{
		float d = slm_fp16_to_float(src[b].d);

		for (int i = 0; i < 16; i++)
		{
			dst[b * 32 + i] = d * (float) slm_iq4_values[src[b].qs[i] & 15];
			dst[b * 32 + i + 16] = d * (float) slm_iq4_values[src[b].qs[i] >> 4];
		}
	}
}

static void
dequantize_k(SlmDtype type, const uint8_t *src, float *dst, int64_t n_block)
{
	for (int64_t b = 0; b < n_block; b++, src += dtypes[type].block_bytes, dst += SLM_K_BLOCK)
	{
		SlmBlockK block;
		float d, dmin;

		slm_decode_k(type, src, &block);
		d = slm_fp16_to_float(block.d);
		dmin = slm_fp16_to_float(block.dmin);
		for (int i = 0; i < SLM_K_BLOCK; i++)
			dst[i] = d * (float) block.scale[i / 16] * (float) block.code[i] -
					 dmin * (float) block.min[i / 16];
	}
}

void
slm_dequantize(SlmDtype type, const void *src, float *dst, int64_t n)
{
	const uint16_t *half = src;

	switch (type)
	{
		case SLM_DTYPE_F32:
			memcpy(dst, src, (size_t) n * sizeof(float));
			break;
		case SLM_DTYPE_F16:
			for (int64_t i = 0; i < n; i++)
				dst[i] = slm_fp16_to_float(half[i]);
			break;
		case SLM_DTYPE_BF16:
			for (int64_t i = 0; i < n; i++)
				dst[i] = slm_bf16_to_float(half[i]);
			break;
		case SLM_DTYPE_Q8_0:
			dequantize_q8_0(src, dst, n / 32);
			break;
		case SLM_DTYPE_Q4_0:
			dequantize_q4_0(src, dst, n / 32);
			break;
		case SLM_DTYPE_Q5_0:
			dequantize_q5_0(src, dst, n / 32);
			break;
		case SLM_DTYPE_IQ4_NL:
			dequantize_iq4_nl(src, dst, n / 32);
			break;
		case SLM_DTYPE_Q2_K:
		case SLM_DTYPE_Q3_K:
		case SLM_DTYPE_Q4_K:
		case SLM_DTYPE_Q5_K:
		case SLM_DTYPE_Q6_K:
		case SLM_DTYPE_IQ4_XS:
			dequantize_k(type, src, dst, n / SLM_K_BLOCK);
			break;
	}
}

/*
 * 1 / d, and 0 where that is not finite: such a d is 0 in half precision, so
 * that every code means 0.
 */
static float
invert_scale(float d)
{
	float inverse = 1.0f / d;

	return isfinite(inverse) ? inverse : 0.0f;
}

static void
quantize_q8_0(const float *src, SlmBlockQ8_0 *dst, int64_t n_block)
{
	for (int64_t b = 0; b < n_block; b++)
	{
		float amax = 0.0f;
		float d, inverse;

		for (int i = 0; i < 32; i++)
			amax = fmaxf(amax, fabsf(src[b * 32 + i]));
		d = amax / 127.0f;
		inverse = invert_scale(d);
		dst[b].d = slm_float_to_fp16(d);
		for (int i = 0; i < 32; i++)
			dst[b].qs[i] = (int8_t) roundf(src[b * 32 + i] * inverse);
	}
}

/*
 * The value of largest magnitude of a block, with its sign: Q4_0 and Q5_0 map
 * it to the most negative code.
 */
static float
signed_max(const float *src)
{
	float amax = 0.0f, max = 0.0f;

	for (int i = 0; i < 32; i++)
	{
		if (fabsf(src[i]) > amax)
		{
			amax = fabsf(src[i]);
			max = src[i];
		}
	}
	return max;
}

/* offset and the half that rounds are added at once, with one rounding. */
static int
quantize_code(float x, float offset, int max)
{
	int code = (int) (x + offset);

	return code < max ? code : max;
}

static void
quantize_q4_0(const float *src, SlmBlockQ4_0 *dst, int64_t n_block)
{
	for (int64_t b = 0; b < n_block; b++)
	{
		float d = signed_max(src + b * 32) / -8.0f;
		float inverse = invert_scale(d);

		dst[b].d = slm_float_to_fp16(d);
		for (int i = 0; i < 16; i++)
		{
			int low = quantize_code(src[b * 32 + i] * inverse, 8.5f, 15);
			int high = quantize_code(src[b * 32 + i + 16] * inverse, 8.5f, 15);

			dst[b].qs[i] = (uint8_t) (low | high << 4);
		}
	}
}

static void
quantize_q5_0(const float *src, SlmBlockQ5_0 *dst, int64_t n_block)
{
	for (int64_t b = 0; b < n_block; b++)
	{
		float d = signed_max(src + b * 32) / -16.0f;
		float inverse = invert_scale(d);

		dst[b].d = slm_float_to_fp16(d);
		memset(dst[b].qh, 0, sizeof(dst[b].qh));
		for (int i = 0; i < 16; i++)
		{
			int low = quantize_code(src[b * 32 + i] * inverse, 16.5f, 31);
			int high = quantize_code(src[b * 32 + i + 16] * inverse, 16.5f, 31);

			dst[b].qs[i] = (uint8_t) ((low & 15) | (high & 15) << 4);
			dst[b].qh[i / 8] |= (uint8_t) ((low >> 4) << (i % 8));
			dst[b].qh[2 + i / 8] |= (uint8_t) ((high >> 4) << (i % 8));
		}
	}
}

void
slm_quantize(SlmDtype type, const float *src, void *dst, int64_t n)
{
	uint16_t *half = dst;

	switch (type)
	{
		case SLM_DTYPE_F32:
			memcpy(dst, src, (size_t) n * sizeof(float));
			break;
		case SLM_DTYPE_F16:
			for (int64_t i = 0; i < n; i++)
				half[i] = slm_float_to_fp16(src[i]);
			break;
		case SLM_DTYPE_BF16:
			for (int64_t i = 0; i < n; i++)
			{
				/* round to nearest even; weights are finite */
				uint32_t bits = slm_float_to_bits(src[i]);

				half[i] = (uint16_t) ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
			}
			break;
		case SLM_DTYPE_Q8_0:
			quantize_q8_0(src, dst, n / 32);
			break;
		case SLM_DTYPE_Q4_0:
			quantize_q4_0(src, dst, n / 32);
			break;
		case SLM_DTYPE_Q5_0:
			quantize_q5_0(src, dst, n / 32);
			break;
		default: /* none that the converter writes */
			break;
	}
}
