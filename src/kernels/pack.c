/*
 * pack.c - file tensors to the layouts that the kernels read
 *
 * Runs once per tensor, when an image is built.  Codes and scales of a
 * quantized file are carried over unchanged; kernels.h has the layouts.
 */
#include <string.h>

#include "base/fp16.h"
#include "kernels/kernels.h"
#include "kernels/layout_k.h"
#include "kernels/pack_k.h"

SlmLayout
slm_layout_of(SlmDtype type)
{
	switch (type)
	{
		case SLM_DTYPE_Q5_0:
		case SLM_DTYPE_Q8_0:
			return SLM_LAYOUT_Q8;
		case SLM_DTYPE_Q4_0:
			return SLM_LAYOUT_Q4;
		case SLM_DTYPE_IQ4_NL:
			return SLM_LAYOUT_IQ4;
		case SLM_DTYPE_Q2_K:
			return SLM_LAYOUT_K2;
		case SLM_DTYPE_Q3_K:
			return SLM_LAYOUT_K3;
		case SLM_DTYPE_Q4_K:
			return SLM_LAYOUT_K4;
		case SLM_DTYPE_Q5_K:
			return SLM_LAYOUT_K5;
		case SLM_DTYPE_Q6_K:
			return SLM_LAYOUT_K6;
		case SLM_DTYPE_IQ4_XS:
			return SLM_LAYOUT_KI4;
		case SLM_DTYPE_F16:
			return SLM_LAYOUT_F16;
		case SLM_DTYPE_BF16:
			return SLM_LAYOUT_BF16;
		case SLM_DTYPE_F32:
			break;
	}
	return SLM_LAYOUT_F32;
}

uint64_t
slm_group_bytes(SlmLayout layout, int64_t k)
{
	if (q_is_layout(layout))
		return (uint64_t) slm_q8_padded(k) / (2 * SLM_Q8_BLOCK) * q_pair_bytes(layout);
	if (k_is_layout(layout))
		return slm_k_group_bytes(layout, k);
	return (uint64_t) k * SLM_GROUP_ROWS * (layout == SLM_LAYOUT_F32 ? 4 : 2);
}

/* A block's codes as bytes: signed with SLM_Q8_OFFSET added, those of 4 bits as they are; and its scale. */
static uint16_t
unpack_block(SlmDtype type, const uint8_t *src, uint8_t codes[SLM_Q8_BLOCK])
{
	uint16_t d;

	memcpy(&d, src, sizeof(d)); /* every block starts with its scale */
	if (type == SLM_DTYPE_Q8_0)
		for (int i = 0; i < SLM_Q8_BLOCK; i++)
			codes[i] = src[offsetof(SlmBlockQ8_0, qs) + (size_t) i] ^ SLM_Q8_OFFSET;
	else
	{
		bool five = type == SLM_DTYPE_Q5_0;
		const uint8_t *low = src + (five ? offsetof(SlmBlockQ5_0, qs) : offsetof(SlmBlockQ4_0, qs));
		uint32_t high = 0;

		for (int i = 0; i < SLM_Q8_BLOCK; i++)
			codes[i] = i < 16 ? low[i] & 15 : low[i - 16] >> 4;
		if (!five)
			return d;
		memcpy(&high, src + offsetof(SlmBlockQ5_0, qh), sizeof(high));
		for (int i = 0; i < SLM_Q8_BLOCK; i++)
			codes[i] = (uint8_t) ((codes[i] | (high >> i & 1) << 4) + SLM_Q8_OFFSET - 16);
	}
	return d;
}

/* Where rows or blocks are missing, scales are 0. */
static void
pack_q(SlmDtype type, const uint8_t *rows, size_t row_bytes, int n_rows, int64_t k, uint8_t *group)
{
	SlmLayout layout = slm_layout_of(type);
	size_t block_bytes = slm_dtype_info(type)->block_bytes;

	memset(group, 0, slm_group_bytes(layout, k));
	for (int r = 0; r < n_rows; r++)
		for (int64_t b = 0; b < k / SLM_Q8_BLOCK; b++)
		{
			uint8_t *pair = group + (size_t) (b / 2) * q_pair_bytes(layout);
			uint8_t *out = pair + (size_t) (b % 2) * q_block_bytes(layout) + r * 4;
			uint8_t codes[SLM_Q8_BLOCK];
			uint16_t d;

			d = unpack_block(type, rows + (size_t) r * row_bytes + (size_t) b * block_bytes, codes);
			memcpy(pair + q_scales(layout) + b % 2 * 2 * SLM_GROUP_ROWS + r * 2, &d, sizeof(d));
			if (layout == SLM_LAYOUT_Q8)
				for (int i = 0; i < SLM_Q8_BLOCK; i += 4)
					memcpy(out + i / 4 * 64, codes + i, 4);
			else
				for (int i = 0; i < SLM_Q8_BLOCK / 2; i++)
					out[i / 4 * 64 + i % 4] = (uint8_t) (codes[i] | codes[i + 16] << 4);
		}
}

/* Items of 2 or 4 bytes, rows to columns. */
static void
pack_plain(size_t item_bytes, const uint8_t *rows, size_t row_bytes, int n_rows, int64_t k,
		   uint8_t *group)
{
	memset(group, 0, (size_t) k * SLM_GROUP_ROWS * item_bytes);
	for (int r = 0; r < n_rows; r++)
		for (int64_t i = 0; i < k; i++)
			memcpy(group + ((size_t) i * SLM_GROUP_ROWS + (size_t) r) * item_bytes,
				   rows + (size_t) r * row_bytes + (size_t) i * item_bytes, item_bytes);
}

void
slm_pack_group(SlmDtype type, const void *rows, size_t row_bytes, int n_rows, int64_t k,
			   void *group)
{
	switch (slm_layout_of(type))
	{
		case SLM_LAYOUT_Q8:
		case SLM_LAYOUT_Q4:
		case SLM_LAYOUT_IQ4:
			pack_q(type, rows, row_bytes, n_rows, k, group);
			break;
		case SLM_LAYOUT_F32:
			pack_plain(4, rows, row_bytes, n_rows, k, group);
			break;
		case SLM_LAYOUT_F16:
		case SLM_LAYOUT_BF16:
			pack_plain(2, rows, row_bytes, n_rows, k, group);
			break;
		default:
			slm_k_pack(type, rows, row_bytes, n_rows, k, group);
			break;
	}
}

void
slm_unpack_row(SlmLayout layout, const void *group, int r, int64_t k, float *out)
{
	switch (layout)
	{
		case SLM_LAYOUT_Q8:
		case SLM_LAYOUT_Q4:
		case SLM_LAYOUT_IQ4:
			for (int64_t i = 0; i < k; i++)
			{
				int64_t b = i / SLM_Q8_BLOCK;
				const uint8_t *pair =
					(const uint8_t *) group + (size_t) (b / 2) * q_pair_bytes(layout);
				const uint8_t *codes = pair + (size_t) (b % 2) * q_block_bytes(layout);
				uint16_t d;

				memcpy(&d, pair + q_scales(layout) + b % 2 * 2 * SLM_GROUP_ROWS + r * 2, sizeof(d));
				out[i] = (float) q_code(layout, codes, (int) (i % SLM_Q8_BLOCK), r) *
						 slm_fp16_to_float(d);
			}
			break;
		case SLM_LAYOUT_F32:
			for (int64_t i = 0; i < k; i++)
				out[i] = ((const float *) group)[i * SLM_GROUP_ROWS + r];
			break;
		case SLM_LAYOUT_F16:
			for (int64_t i = 0; i < k; i++)
				out[i] = slm_fp16_to_float(((const uint16_t *) group)[i * SLM_GROUP_ROWS + r]);
			break;
		case SLM_LAYOUT_BF16:
			for (int64_t i = 0; i < k; i++)
				out[i] = slm_bf16_to_float(((const uint16_t *) group)[i * SLM_GROUP_ROWS + r]);
			break;
		default:
			slm_k_unpack_row(layout, group, r, k, out);
			break;
	}
}
