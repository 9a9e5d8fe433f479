/*
 * pack_k.c - blocks of 256 weights to their layouts, and back for one row
 */
#include <string.h>

#include "base/fp16.h"
#include "kernels/layout_k.h"
#include "kernels/pack_k.h"

uint64_t
slm_k_group_bytes(SlmLayout layout, int64_t k)
{
	return (uint64_t) (k / SLM_K_BLOCK) * k_block_bytes(layout);
}

static inline void
put_bits(uint8_t *at, uint32_t four)
{
	uint32_t there;

	memcpy(&there, at, sizeof(there));
	there |= four;
	memcpy(at, &there, sizeof(there));
}

/* Codes as they are stored. */
static void
store_codes(SlmLayout layout, const SlmBlockK *block, uint8_t *code)
{
	const int8_t *values = layout_values(layout);
	uint8_t index[256];

	if (values == NULL)
	{
		for (int i = 0; i < SLM_K_BLOCK; i++)
			code[i] = (uint8_t) (block->code[i] + k_offset(layout));
		return;
	}
	for (int i = 0; i < 16; i++)
		index[(uint8_t) values[i]] = (uint8_t) i;
	for (int i = 0; i < SLM_K_BLOCK; i++)
		code[i] = index[(uint8_t) block->code[i]];
}

/* Codes of a row to their places in a block of zeros, four at a time: they stand together. */
static void
pack_codes(SlmLayout layout, const SlmBlockK *block, int r, uint8_t *out)
{
	uint8_t code[SLM_K_BLOCK];

	store_codes(layout, block, code);
	for (int i = 0; i < SLM_K_BLOCK; i += 4)
	{
		uint8_t *run = out + (size_t) (i / 32) * k_code_bytes(layout) + r * 4;
		int step = i % 32 / 4;
		uint32_t four;

		memcpy(&four, code + i, sizeof(four));
		put_bits(run + step % 4 * 64, (four & 0x0f0f0f0f) << step / 4 * 4);
		if (k_bits(layout) == 5)
			put_bits(run + K_HIGH_BITS, (four >> 4 & 0x01010101) << step);
		if (k_bits(layout) == 6)
			put_bits(run + K_HIGH_BITS + step / 4 * 64, (four >> 4 & 0x03030303) << step % 4 * 2);
	}
}

static void
pack_block(SlmLayout layout, const SlmBlockK *block, int r, uint8_t *out)
{
	int run = k_run(layout);

	pack_codes(layout, block, r, out);
	for (int j = 0; j < SLM_K_BLOCK / run; j++)
	{
		int at = j * SLM_GROUP_ROWS + r;

		out[k_scales(layout) + (size_t) at] = (uint8_t) block->scale[j * run / 16];
		if (k_has_minima(layout))
			out[k_minima(layout) + (size_t) at] = block->min[j * run / 16];
	}
	memcpy(out + k_d(layout) + 2 * r, &block->d, sizeof(block->d));
	if (k_has_minima(layout))
		memcpy(out + k_dmin(layout) + 2 * r, &block->dmin, sizeof(block->dmin));
}

void
slm_k_pack(SlmDtype type, const uint8_t *rows, size_t row_bytes, int n_rows, int64_t k,
		   uint8_t *group)
{
	SlmLayout layout = slm_layout_of(type);
	size_t in_bytes = slm_dtype_info(type)->block_bytes, out_bytes = k_block_bytes(layout);

	memset(group, 0, slm_k_group_bytes(layout, k)); /* scales of 0: any code means 0 */
	for (int r = 0; r < n_rows; r++)
		for (int64_t b = 0; b < k / SLM_K_BLOCK; b++)
		{
			SlmBlockK block;

			slm_decode_k(type, rows + (size_t) r * row_bytes + (size_t) b * in_bytes, &block);
			pack_block(layout, &block, r, group + (size_t) b * out_bytes);
		}
}

static float
read_half(const uint8_t *at)
{
	uint16_t half;

	memcpy(&half, at, sizeof(half));
	return slm_fp16_to_float(half);
}

void
slm_k_unpack_row(SlmLayout layout, const uint8_t *group, int r, int64_t k, float *out)
{
	int run = k_run(layout);

	for (int64_t b = 0; b < k / SLM_K_BLOCK; b++, group += k_block_bytes(layout))
	{
		float d = read_half(group + k_d(layout) + 2 * r);
		float dmin = k_has_minima(layout) ? read_half(group + k_dmin(layout) + 2 * r) : 0.0f;

		for (int i = 0; i < SLM_K_BLOCK; i++)
		{
			size_t at = (size_t) (i / run * SLM_GROUP_ROWS + r);
			int code = k_code(layout, group, i, r), scale = group[k_scales(layout) + at];
			int min = k_has_minima(layout) ? group[k_minima(layout) + at] : 0;

			if (k_is_signed(layout))
				scale = (int8_t) scale;
			*out++ = d * (float) scale * (float) code - dmin * (float) min;
		}
	}
}

void
slm_half_sums(const int8_t *q, int64_t n, int32_t *sum)
{
	for (int64_t i = 0; i < n / 16; i++, q += 16)
	{
		int total = 0;

		for (int j = 0; j < 16; j++)
			total += q[j];
		sum[i] = -SLM_Q8_OFFSET * total;
	}
}
