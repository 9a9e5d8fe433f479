/*
 * test_dtype.c - tensor types (src/base) against the gguf package (test/golden/quants.txt,
 * made by make_quants.py), and half precision over all its values
 */
#include "check.h"

#include <float.h>
#include <math.h>

#include "base/dtype.h"
#include "base/fp16.h"

#define GOLDEN "test/golden/quants.txt"
#define MAX_LINE 65536

static const SlmDtype formats[] = {SLM_DTYPE_F16, SLM_DTYPE_BF16, SLM_DTYPE_Q8_0, SLM_DTYPE_Q5_0,
								   SLM_DTYPE_Q4_0};
#define N_FORMAT (sizeof(formats) / sizeof(formats[0]))

static const SlmDtype read_formats[] = {SLM_DTYPE_F16,  SLM_DTYPE_BF16, SLM_DTYPE_Q8_0,
										SLM_DTYPE_Q5_0, SLM_DTYPE_Q4_0, SLM_DTYPE_IQ4_NL,
										SLM_DTYPE_Q2_K, SLM_DTYPE_Q3_K, SLM_DTYPE_Q4_K,
										SLM_DTYPE_Q5_K, SLM_DTYPE_Q6_K, SLM_DTYPE_IQ4_XS};
#define N_READ_FORMAT (sizeof(read_formats) / sizeof(read_formats[0]))

/*
 * The hex digits of the golden file's line that begins with start, as bytes in
 * out; returns their number, 0 when there is no such line.
 */
static size_t
golden(const char *start, void *out)
{
	static char line[MAX_LINE];
	uint8_t *bytes = out;
	size_t n = 0;
	FILE *file = fopen(GOLDEN, "r");

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		const char *hex = line + strlen(start);
		unsigned byte;

		if (strncmp(line, start, strlen(start)) != 0)
			continue;
		for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
			bytes[n++] = (uint8_t) byte;
		break;
	}
	fclose(file);
	return n;
}

static size_t
golden_of(const char *what, SlmDtype type, void *out)
{
	char start[64];

	snprintf(start, sizeof(start), "%s %s ", what, slm_dtype_info(type)->name);
	return golden(start, out);
}

/* Every type the package knows has the same row here. */
static void
table(void)
{
	char line[256];
	FILE *file = fopen(GOLDEN, "r");
	int n = 0;

	if (!CHECK(file != NULL))
		return;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		unsigned type, items, bytes;
		char name[32];
		const SlmDtypeInfo *info;

		if (sscanf(line, "type %u %31s %u %u", &type, name, &items, &bytes) != 4)
			continue;
		info = slm_dtype_info(type);
		n++;
		if (!CHECK(info != NULL))
			continue;
		CHECK_STR(info->name, name);
		CHECK_INT(info->block_items, items);
		/* the package counts two floats; the blocks of ggml-common.h have two halves */
		CHECK_INT(info->block_bytes, strcmp(name, "Q8_1") == 0 ? 36 : bytes);
	}
	fclose(file);
	CHECK_INT(n, 34);
	CHECK(slm_dtype_info(42) == NULL);
	CHECK(slm_dtype_info(UINT32_MAX) == NULL);
}

static void
sizes_of_blocks(void)
{
	CHECK_INT(sizeof(SlmBlockQ8_0), slm_dtype_info(SLM_DTYPE_Q8_0)->block_bytes);
	CHECK_INT(sizeof(SlmBlockQ5_0), slm_dtype_info(SLM_DTYPE_Q5_0)->block_bytes);
	CHECK_INT(sizeof(SlmBlockQ4_0), slm_dtype_info(SLM_DTYPE_Q4_0)->block_bytes);
	for (uint32_t type = 0; type < 42; type++)
	{
		const SlmDtypeInfo *info = slm_dtype_info(type);
		bool removed = info->block_bytes == 0;

		CHECK(info->name != NULL);
		CHECK(removed ? !info->supported : info->block_items > 0);
	}
}

static void
quantize_as_gguf(void)
{
	static float input[MAX_LINE / 8];
	static uint8_t expected[MAX_LINE / 2], actual[MAX_LINE / 2];
	size_t n = golden("input ", input) / sizeof(float);

	CHECK_INT(n, 15 * 32);
	for (size_t i = 0; i < N_FORMAT; i++)
	{
		const SlmDtypeInfo *info = slm_dtype_info(formats[i]);
		size_t bytes = n / info->block_items * info->block_bytes;

		CHECK_INT(golden_of("quantized", formats[i], expected), bytes);
		slm_quantize(formats[i], input, actual, (int64_t) n);
		for (size_t b = 0; b < n / info->block_items; b++)
		{
			if (memcmp(actual + b * info->block_bytes, expected + b * info->block_bytes,
					   info->block_bytes) != 0)
			{
				CHECK_STR(info->name, "equal");
				CHECK_INT(b, -1);
			}
		}
	}
	slm_quantize(SLM_DTYPE_F32, input, actual, (int64_t) n);
	CHECK(memcmp(actual, input, n * sizeof(float)) == 0);
}

static void
dequantize_as_gguf(void)
{
	static uint8_t blocks[MAX_LINE / 2];
	static float expected[MAX_LINE / 8], actual[MAX_LINE / 8];

	for (size_t i = 0; i < N_READ_FORMAT; i++)
	{
		SlmDtype type = read_formats[i];
		const SlmDtypeInfo *info = slm_dtype_info(type);
		size_t bytes = golden_of("blocks", type, blocks);
		size_t n = bytes / info->block_bytes * info->block_items;

		CHECK_INT(n, 12 * (slm_dtype_is_k(type) ? 256 : 32));
		CHECK_INT(golden_of("values", type, expected), n * sizeof(float));
		slm_dequantize(type, blocks, actual, (int64_t) n);
		for (size_t k = 0; k < n; k++)
		{
			/* 0 times a negative code: the sign of zero has no meaning */
			if (actual[k] != expected[k])
			{
				CHECK_STR(info->name, "equal");
				CHECK_INT(k, -1);
			}
		}
	}
	slm_dequantize(SLM_DTYPE_F32, expected, actual, 384);
	CHECK(memcmp(actual, expected, 384 * sizeof(float)) == 0);
}

/* Scales so small that their inverse is infinite give zeros, not garbage. */
static void
quantize_tiny(void)
{
	uint8_t block[34];
	float in[32], out[32];

	for (int exponent = -149; exponent < -100; exponent++)
	{
		for (int i = 0; i < 32; i++)
			in[i] = ldexpf((float) (i - 16) / 16.0f, exponent);
		for (size_t f = 2; f < N_FORMAT; f++)
		{
			slm_quantize(formats[f], in, block, 32);
			slm_dequantize(formats[f], block, out, 32);
			for (int i = 0; i < 32; i++)
				CHECK(out[i] == 0.0f);
		}
	}
}

static uint16_t
half_of_code(int sign, int exponent, int mantissa)
{
	return (uint16_t) (sign << 15 | exponent << 10 | mantissa);
}

/* All 65536, by the definition of the format. */
static void
half_to_float(void)
{
	for (int sign = 0; sign < 2; sign++)
	{
		for (int exponent = 0; exponent < 32; exponent++)
		{
			for (int mantissa = 0; mantissa < 1024; mantissa++)
			{
				float f = slm_fp16_to_float(half_of_code(sign, exponent, mantissa));
				double right =
					exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);

				if ((signbit(f) != 0) != (sign == 1))
					CHECK_INT(exponent, -1);
				if (exponent == 31 ? (mantissa == 0 ? !isinf(f) : !isnan(f))
								   : fabs((double) f) != right)
					CHECK_INT(exponent * 1024 + mantissa, -1);
			}
		}
	}
}

/* Each half comes back; what lies between two goes to the nearer, ties to even. */
static void
float_to_half(void)
{
	for (uint32_t h = 0; h < 0x7c00; h++)
	{
		float low = slm_fp16_to_float((uint16_t) h);
		float high = h == 0x7bff ? 65536.0f : slm_fp16_to_float((uint16_t) (h + 1));
		float middle = (float) (((double) low + (double) high) / 2);
		uint32_t even = h % 2 == 0 ? h : h + 1;

		for (int sign = 0; sign < 2; sign++)
		{
			uint32_t top = (uint32_t) sign << 15;
			float one = sign ? -1.0f : 1.0f;

			if (slm_float_to_fp16(one * low) != (top | h) ||
				slm_float_to_fp16(one * middle) != (top | even) ||
				slm_float_to_fp16(one * nextafterf(middle, 0.0f)) != (top | h) ||
				slm_float_to_fp16(one * nextafterf(middle, high)) != (top | (h + 1)))
				CHECK_INT(h, -1);
		}
	}
	CHECK_INT(slm_float_to_fp16(65519.99f), 0x7bff);
	CHECK_INT(slm_float_to_fp16(65520.0f), 0x7c00);
	CHECK_INT(slm_float_to_fp16(FLT_MAX), 0x7c00);
	CHECK_INT(slm_float_to_fp16(-INFINITY), 0xfc00);
	CHECK_INT(slm_float_to_fp16(NAN) & 0x7fff, 0x7e00);
	CHECK_INT(slm_float_to_fp16(FLT_MIN), 0);
	CHECK_INT(slm_float_to_fp16(-0.0f), 0x8000);
}

/* For every scale, every code: the exact product, rounded once. */
static void
every_scale(void)
{
	for (uint32_t h = 0; h < 65536; h++)
	{
		double d = (double) slm_fp16_to_float((uint16_t) h);
		SlmBlockQ8_0 q8 = {.d = (uint16_t) h};
		SlmBlockQ4_0 q4 = {.d = (uint16_t) h};
		SlmBlockQ5_0 q5 = {.d = (uint16_t) h};
		float w8[32], w4[32], w5[32];

		for (uint32_t i = 0; i < 32; i++)
		{
			uint32_t code5 = (h + i) % 32;

			q8.qs[i] = (int8_t) (h * 32 + i * 8);
			q4.qs[i % 16] |= (uint8_t) ((h + i) % 16 << (i / 16 * 4));
			q5.qs[i % 16] |= (uint8_t) (code5 % 16 << (i / 16 * 4));
			q5.qh[i / 8] |= (uint8_t) (code5 / 16 << (i % 8));
		}
		slm_dequantize(SLM_DTYPE_Q8_0, &q8, w8, 32);
		slm_dequantize(SLM_DTYPE_Q4_0, &q4, w4, 32);
		slm_dequantize(SLM_DTYPE_Q5_0, &q5, w5, 32);
		for (uint32_t i = 0; i < 32; i++)
		{
			float right8 = (float) (d * q8.qs[i]);
			float right4 = (float) (d * ((int) ((h + i) % 16) - 8));
			float right5 = (float) (d * ((int) ((h + i) % 32) - 16));

			if ((w8[i] != right8 && !(isnan(w8[i]) && isnan(right8))) ||
				(w4[i] != right4 && !(isnan(w4[i]) && isnan(right4))) ||
				(w5[i] != right5 && !(isnan(w5[i]) && isnan(right5))))
				CHECK_INT(h, -1);
		}
	}
}

/* Blocks of 256 with every half as d and as dmin: each operation of SlmBlockK's formula is rounded once. */
static void
every_scale_of_k(void)
{
	for (size_t f = 0; f < N_READ_FORMAT; f++)
	{
		SlmDtype type = read_formats[f];
		const SlmDtypeInfo *info = slm_dtype_info(type);
		uint8_t block[256];
		SlmBlockK decoded;
		float w[SLM_K_BLOCK];

		if (!slm_dtype_is_k(type))
			continue;
		for (uint32_t h = 0; h < 65536; h++)
		{
			for (uint32_t i = 0; i < info->block_bytes; i++)
				block[i] = (uint8_t) (h * 31 + i * 167 + (h >> 8));
			for (int s = 0; s < info->n_half; s++)
			{
				uint16_t half = (uint16_t) (s == 0 ? h : h * 40503 + 1);

				memcpy(block + info->half_at[s], &half, sizeof(half));
			}
			slm_decode_k(type, block, &decoded);
			slm_dequantize(type, block, w, SLM_K_BLOCK);
			for (int i = 0; i < SLM_K_BLOCK; i += 5)
			{
				double d = (double) slm_fp16_to_float(decoded.d),
					   dmin = (double) slm_fp16_to_float(decoded.dmin);
				float scale = (float) (d * decoded.scale[i / 16]);
				float min = (float) (dmin * decoded.min[i / 16]);
				float right =
					(float) ((double) (float) ((double) scale * decoded.code[i]) - (double) min);

				if (w[i] != right && !(isnan(w[i]) && isnan(right)))
					CHECK_INT(h, -1);
			}
		}
	}
}

int
main(void)
{
	TEST(table);
	TEST(sizes_of_blocks);
	TEST(quantize_as_gguf);
	TEST(dequantize_as_gguf);
	TEST(quantize_tiny);
	TEST(half_to_float);
	TEST(float_to_half);
	TEST(every_scale);
	TEST(every_scale_of_k);
	return check_done();
}
