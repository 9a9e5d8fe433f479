/*
 * kernel_data.h - operands for the kernel tests
 *
 * Reproducible random floats of several kinds, memory with guards behind it,
 * and the comparison that law 2 asks for: the same bits, or both NaN.
 */
#ifndef SLM_TEST_KERNEL_DATA_H
#define SLM_TEST_KERNEL_DATA_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fp16.h"
#include "check.h"
#include "kernels/kernels.h"

static uint64_t random_state = 88172645463325252ULL;

/* Marsaglia's xorshift64. */
static inline uint32_t
random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t) (random_state >> 32);
}

/* 0 <= result < n */
static inline int
random_below(int n)
{
	return (int) (random_u32() % (uint32_t) n);
}

/* About normal, of the given size. */
static inline float
random_float(float size)
{
	float sum = 0.0f;

	for (int i = 0; i < 4; i++)
		sum += (float) (random_u32() >> 8) * 0x1p-24f - 0.5f;
	return sum * size;
}

typedef enum FloatKind
{
	FLOATS_NORMAL = 0,
	FLOATS_ANY_BITS, /* every pattern alike: all sizes, subnormals, NaN */
	FLOATS_FINITE,   /* the same without NaN and infinity */
	FLOATS_SPECIAL,  /* normal with a few zeros, infinities, NaN, extremes */
	FLOATS_ZERO,
	FLOATS_KIND_COUNT
} FloatKind;

static inline float
random_of_kind(FloatKind kind)
{
	static const float special[] = {0.0f,       -0.0f, INFINITY, -INFINITY, NAN, 0x1p-149f,
									-0x1p-130f, 3e38f, -3.4e38f, 0x1p-101f, 1.0f};
	uint32_t bits = random_u32();

	switch (kind)
	{
		case FLOATS_ANY_BITS:
			return slm_bits_to_float(bits);
		case FLOATS_FINITE:
			return slm_bits_to_float((bits & 0x7f800000) == 0x7f800000 ? bits & 0xbfffffff : bits);
		case FLOATS_SPECIAL:
			if (bits % 40 == 0)
				return special[random_below((int) (sizeof(special) / sizeof(special[0])))];
			return random_float(4.0f);
		case FLOATS_ZERO:
			return 0.0f;
		default:
			return random_float(4.0f);
	}
}

static inline void
fill_floats(float *x, size_t n, FloatKind kind)
{
	for (size_t i = 0; i < n; i++)
		x[i] = random_of_kind(kind);
}

#define GUARD_BYTES 64
#define GUARD_BYTE 0x5a

/* n bytes followed by a guard; released by guard_free(), which checks it. */
static inline void *
guard_alloc(size_t n)
{
	uint8_t *p = malloc(n + GUARD_BYTES);

	if (p == NULL)
		abort();
	memset(p, 0xee, n);
	memset(p + n, GUARD_BYTE, GUARD_BYTES);
	return p;
}

static inline void
guard_free(void *ptr, size_t n)
{
	const uint8_t *p = ptr;
	bool intact = true;

	for (size_t i = 0; i < GUARD_BYTES; i++)
		intact = intact && p[n + i] == GUARD_BYTE;
	CHECK(intact);
	free(ptr);
}

static inline float *
floats(size_t n, FloatKind kind)
{
	float *x = guard_alloc(n * sizeof(float));

	fill_floats(x, n, kind);
	return x;
}

static inline void
floats_free(float *x, size_t n)
{
	guard_free(x, n * sizeof(float));
}

/* Index of the first difference, -1 when all are the same bits or both NaN. */
static inline long
first_difference(const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slm_float_to_bits(a[i]) != slm_float_to_bits(b[i]) && !(isnan(a[i]) && isnan(b[i])))
			return (long) i;
	return -1;
}

/* Random blocks of a file's type: any codes, scales that are finite or 0. */
static inline void
random_weights(SlmDtype type, void *out, size_t bytes)
{
	const SlmDtypeInfo *info = slm_dtype_info(type);
	uint32_t block_bytes = info->block_bytes;
	uint8_t *p = out;

	for (size_t at = 0; at < bytes; at += block_bytes)
	{
		float value = random_float(0.3f);
		uint16_t half = slm_float_to_fp16(random_below(20) == 0 ? 0x1p-20f : value);

		for (uint32_t i = 0; i < block_bytes; i++)
			p[at + i] = random_below(10) == 0 ? 0x80 : (uint8_t) random_u32();
		if (type == SLM_DTYPE_F32)
			memcpy(p + at, &value, sizeof(value));
		else if (type == SLM_DTYPE_BF16)
			slm_quantize(type, &value, p + at, 1);
		for (int h = 0; h < info->n_half; h++)
			memcpy(p + at + info->half_at[h], &half, sizeof(half));
	}
}

/* Every type that slm_pack_group() takes. */
static const SlmDtype packed_types[] = {
	SLM_DTYPE_F32,  SLM_DTYPE_F16,    SLM_DTYPE_BF16,  SLM_DTYPE_Q8_0, SLM_DTYPE_Q5_0,
	SLM_DTYPE_Q4_0, SLM_DTYPE_IQ4_NL, SLM_DTYPE_Q2_K,  SLM_DTYPE_Q3_K, SLM_DTYPE_Q4_K,
	SLM_DTYPE_Q5_K, SLM_DTYPE_Q6_K,   SLM_DTYPE_IQ4_XS};
#define N_PACKED_TYPES ((int) (sizeof(packed_types) / sizeof(packed_types[0])))

/* 32 or 256 weights to a block; K of a product is a multiple of it (1: any). */
static inline int64_t
block_items(SlmDtype type)
{
	return slm_dtype_info(type)->block_items;
}

#endif
