/*
 * dtype_k.c - blocks of 256 weights: Q2_K to Q6_K and IQ4_XS
 *
 * Where the bits of a block stand, from ggml-common.h and ggml-quants.c of
 * llama.cpp (block_q2_K .. block_q6_K, block_iq4_xs).  Weights come in runs of
 * 32, whose codes are the same bits of 32 bytes.
 */
#include <string.h>

#include "base/dtype.h"

bool
slm_dtype_is_k(SlmDtype type)
{
	return slm_dtype_info(type)->block_items == SLM_K_BLOCK;
}

#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The codes that are `bits` bits of 32 bytes.  Eight at a time: files of gigabytes go through here. */
static inline void
take_bits(const uint8_t *src, int shift, uint64_t bits, int8_t *out)
{
	for (int i = 0; i < 32; i += 8)
	{
		uint64_t eight;

		memcpy(&eight, src + i, sizeof(eight));
		eight = eight >> shift & EIGHT((1 << bits) - 1);
		memcpy(out + i, &eight, sizeof(eight));
	}
}

/* Puts more of their bits, from others, above the first `to`. */
static inline void
add_bits(const uint8_t *src, int shift, uint64_t bits, int to, int8_t *out)
{
	for (int i = 0; i < 32; i += 8)
	{
		uint64_t eight, more;

		memcpy(&eight, out + i, sizeof(eight));
		memcpy(&more, src + i, sizeof(more));
		eight |= (more >> shift & EIGHT((1 << bits) - 1)) << to;
		memcpy(out + i, &eight, sizeof(eight));
	}
}

static inline void
subtract(int8_t *code, int8_t offset)
{
	for (int i = 0; i < SLM_K_BLOCK; i++)
		code[i] = (int8_t) (code[i] - offset);
}

static uint16_t
read_half(const uint8_t *at)
{
	uint16_t half;

	memcpy(&half, at, sizeof(half));
	return half;
}

/* scales[16] of 4 bits with minima of 4, qs[64] of 2 bits, d, dmin */
static void
decode_q2(const uint8_t *src, SlmBlockK *out)
{
	const uint8_t *qs = src + 16;

	out->d = read_half(src + 80);
	out->dmin = read_half(src + 82);
	for (int j = 0; j < 16; j++)
	{
		out->scale[j] = (int8_t) (src[j] & 15);
		out->min[j] = src[j] >> 4;
	}
	for (int run = 0; run < SLM_K_BLOCK / 32; run++)
		take_bits(qs + run / 4 * 32, run % 4 * 2, 2, out->code + run * 32);
}

/* hmask[32] third bits (a set bit: nothing to take off), qs[64] of 2 bits, 12 bytes of 6-bit scales, d */
static void
decode_q3(const uint8_t *src, SlmBlockK *out)
{
	const uint8_t *hmask = src, *qs = src + 32, *scales = src + 96;

	out->d = read_half(src + 108);
	for (int j = 0; j < 16; j++)
	{
		int low = j < 8 ? scales[j] & 15 : scales[j - 8] >> 4;

		out->scale[j] = (int8_t) ((low | (scales[8 + j % 4] >> j / 4 * 2 & 3) << 4) - 32);
	}
	for (int run = 0; run < SLM_K_BLOCK / 32; run++)
	{
		take_bits(qs + run / 4 * 32, run % 4 * 2, 2, out->code + run * 32);
		add_bits(hmask, run, 1, 2, out->code + run * 32);
	}
	subtract(out->code, 4);
}

/* The 6-bit scales and minima of eight runs of 32, in 12 bytes. */
static void
decode_scales_and_mins(const uint8_t *packed, SlmBlockK *out)
{
	for (int j = 0; j < 16; j++)
	{
		int run = j / 2, scale, min;

		if (run < 4)
		{
			scale = packed[run] & 63;
			min = packed[run + 4] & 63;
		}
		else
		{
			scale = (packed[run + 4] & 15) | packed[run - 4] >> 6 << 4;
			min = packed[run + 4] >> 4 | packed[run] >> 6 << 4;
		}
		out->scale[j] = (int8_t) scale;
		out->min[j] = (uint8_t) min;
	}
}

/* d, dmin, 12 bytes of scales and minima, [qh[32] fifth bits,] qs[128] of 4 bits */
static void
decode_q4_or_q5(bool five, const uint8_t *src, SlmBlockK *out)
{
	const uint8_t *qh = src + 16, *qs = src + (five ? 48 : 16);

	out->d = read_half(src);
	out->dmin = read_half(src + 2);
	decode_scales_and_mins(src + 4, out);
	for (int run = 0; run < SLM_K_BLOCK / 32; run++)
	{
		take_bits(qs + run / 2 * 32, run % 2 * 4, 4, out->code + run * 32);
		if (five)
			add_bits(qh, run, 1, 4, out->code + run * 32);
	}
}

/* ql[128] low 4 bits, qh[64] high 2 bits, 16 scales of 8 bits, d */
static void
decode_q6(const uint8_t *src, SlmBlockK *out)
{
	const uint8_t *ql = src, *qh = src + 128;

	out->d = read_half(src + 208);
	memcpy(out->scale, src + 192, 16);
	for (int run = 0; run < SLM_K_BLOCK / 32; run++)
	{
		int half = run / 4, in_half = run % 4;

		take_bits(ql + half * 64 + in_half % 2 * 32, in_half / 2 * 4, 4, out->code + run * 32);
		add_bits(qh + half * 32, in_half * 2, 2, 4, out->code + run * 32);
	}
	subtract(out->code, 32);
}

/* d, scales_h of 2 bits, scales_l[4] of 4 bits, qs[128]: runs of 32 as in IQ4_NL */
static void
decode_iq4_xs(const uint8_t *src, SlmBlockK *out)
{
	const uint8_t *low = src + 4, *qs = src + 8;
	uint16_t high = read_half(src + 2);

	out->d = read_half(src);
	for (int j = 0; j < 16; j++)
	{
		int run = j / 2;

		out->scale[j] =
			(int8_t) (((low[run / 2] >> run % 2 * 4 & 15) | (high >> run * 2 & 3) << 4) - 32);
	}
	for (int i = 0; i < SLM_K_BLOCK; i++)
		out->code[i] = slm_iq4_values[qs[i / 32 * 16 + i % 16] >> i % 32 / 16 * 4 & 15];
}

void
slm_decode_k(SlmDtype type, const uint8_t *src, SlmBlockK *out)
{
	out->dmin = 0;
	memset(out->min, 0, sizeof(out->min));
	if (type == SLM_DTYPE_Q2_K)
		decode_q2(src, out);
	else if (type == SLM_DTYPE_Q3_K)
		decode_q3(src, out);
	else if (type == SLM_DTYPE_Q6_K)
		decode_q6(src, out);
	else if (type == SLM_DTYPE_IQ4_XS)
		decode_iq4_xs(src, out);
	else
		decode_q4_or_q5(type == SLM_DTYPE_Q5_K, src, out);
}
