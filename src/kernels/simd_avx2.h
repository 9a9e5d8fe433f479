/*
 * simd_avx2.h - 16 lanes as two ymm: the AVX2 side of the bodies
 *
 * The same names as simd_avx512.h.  A mask is a vector whose lanes are all
 * ones or all zeros.
 */
#ifndef SLM_KERNELS_SIMD_AVX2_H
#define SLM_KERNELS_SIMD_AVX2_H

#include <immintrin.h>

#include "kernels/simd_common.h"

typedef struct Vec
{
	__m256 lo, hi; /* lanes 0 to 7, 8 to 15 */
} Vec;

typedef Vec VecIf;

/* Tiles, by the 16 registers: rows of weights in vectors x rows of activations. */
#define FLOAT_TILE_VECS 1
#define FLOAT_TILE_ROWS 4
#define SCORE_TILE_VECS 1
#define SCORE_TILE_ROWS 4
#define VALUE_TILE_VECS 1
#define VALUE_TILE_ROWS 4

/* Both halves by one expression in h. */
#define BOTH(type, expression_lo, expression_hi)                                                   \
	(type)                                                                                         \
	{                                                                                              \
		expression_lo, expression_hi                                                               \
	}

SLM_INLINE Vec
vec_zero(void)
{
	return BOTH(Vec, _mm256_setzero_ps(), _mm256_setzero_ps());
}

SLM_INLINE Vec
vec_set1(float x)
{
	__m256 all = _mm256_set1_ps(x);

	return BOTH(Vec, all, all);
}

SLM_INLINE Vec
vec_load(const float *p)
{
	return BOTH(Vec, _mm256_loadu_ps(p), _mm256_loadu_ps(p + 8));
}

SLM_INLINE void
vec_store(float *p, Vec x)
{
	_mm256_storeu_ps(p, x.lo);
	_mm256_storeu_ps(p + 8, x.hi);
}

SLM_INLINE VecIf
vec_first(int n)
{
	__m256i all = _mm256_set1_epi32(n);
	__m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	__m256i lane_hi = _mm256_add_epi32(lane, _mm256_set1_epi32(8));

	return BOTH(VecIf, _mm256_castsi256_ps(_mm256_cmpgt_epi32(all, lane)),
				_mm256_castsi256_ps(_mm256_cmpgt_epi32(all, lane_hi)));
}

SLM_INLINE Vec
vec_load_if(VecIf which, const float *p)
{
	return BOTH(Vec, _mm256_maskload_ps(p, _mm256_castps_si256(which.lo)),
				_mm256_maskload_ps(p + 8, _mm256_castps_si256(which.hi)));
}

SLM_INLINE void
vec_store_if(VecIf which, float *p, Vec x)
{
	_mm256_maskstore_ps(p, _mm256_castps_si256(which.lo), x.lo);
	_mm256_maskstore_ps(p + 8, _mm256_castps_si256(which.hi), x.hi);
}

SLM_INLINE Vec
vec_load_f16(const uint16_t *p)
{
	return BOTH(Vec, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (const void *) p)),
				_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (const void *) (p + 8))));
}

/* Nearest, ties to even. */
SLM_INLINE void
vec_store_f16(uint16_t *p, Vec x)
{
	_mm_storeu_si128((__m128i *) (void *) p, _mm256_cvtps_ph(x.lo, _MM_FROUND_TO_NEAREST_INT));
	_mm_storeu_si128((__m128i *) (void *) (p + 8),
					 _mm256_cvtps_ph(x.hi, _MM_FROUND_TO_NEAREST_INT));
}

/* One half in all lanes. */
SLM_INLINE Vec
vec_set1_f16(const uint16_t *p)
{
	__m256 all = _mm256_cvtph_ps(_mm_set1_epi16((short) *p));

	return BOTH(Vec, all, all);
}

SLM_INLINE Vec
vec_load_i8(const int8_t *p)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *) (const void *) p);

	return BOTH(Vec, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
				_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))));
}

SLM_INLINE __m256
bf16_half(const uint16_t *p)
{
	__m128i bits = _mm_loadu_si128((const __m128i *) (const void *) p);

	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

SLM_INLINE Vec
vec_load_bf16(const uint16_t *p)
{
	return BOTH(Vec, bf16_half(p), bf16_half(p + 8));
}

#define SLM_BINARY(name, op)                                                                       \
	SLM_INLINE Vec name(Vec a, Vec b)                                                              \
	{                                                                                              \
		return BOTH(Vec, op(a.lo, b.lo), op(a.hi, b.hi));                                          \
	}
SLM_BINARY(vec_add, _mm256_add_ps)
SLM_BINARY(vec_sub, _mm256_sub_ps)
SLM_BINARY(vec_mul, _mm256_mul_ps)
SLM_BINARY(vec_div, _mm256_div_ps)
SLM_BINARY(vec_max, _mm256_max_ps)
SLM_BINARY(vec_min, _mm256_min_ps)
#undef SLM_BINARY

SLM_INLINE Vec
vec_fma(Vec a, Vec b, Vec c)
{
	return BOTH(Vec, _mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi));
}

SLM_INLINE Vec
vec_abs(Vec a)
{
	__m256 sign = _mm256_set1_ps(-0.0f);

	return BOTH(Vec, _mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi));
}

SLM_INLINE Vec
vec_xor_sign(Vec x, Vec sign)
{
	__m256 bit = _mm256_set1_ps(-0.0f);

	return BOTH(Vec, _mm256_xor_ps(x.lo, _mm256_and_ps(sign.lo, bit)),
				_mm256_xor_ps(x.hi, _mm256_and_ps(sign.hi, bit)));
}

/* The permutation takes three bits; the fourth, moved to the sign, chooses the half. */
SLM_INLINE __m256
lookup_half(const float *table, __m256 i)
{
	__m256i bits = _mm256_castps_si256(i);
	__m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), bits);
	__m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), bits);

	return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(bits, 28)));
}

SLM_INLINE Vec
vec_lookup(const float *table, Vec i)
{
	return BOTH(Vec, lookup_half(table, i.lo), lookup_half(table, i.hi));
}

SLM_INLINE VecIf
vec_is_less(Vec a, Vec b)
{
	return BOTH(VecIf, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ),
				_mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ));
}

SLM_INLINE VecIf
vec_is_at_least(Vec a, Vec b)
{
	return BOTH(VecIf, _mm256_cmp_ps(a.lo, b.lo, _CMP_GE_OQ),
				_mm256_cmp_ps(a.hi, b.hi, _CMP_GE_OQ));
}

SLM_INLINE Vec
vec_select(VecIf which, Vec yes, Vec no)
{
	return BOTH(Vec, _mm256_blendv_ps(no.lo, yes.lo, which.lo),
				_mm256_blendv_ps(no.hi, yes.hi, which.hi));
}

SLM_INLINE __m256
scale_exponent_half(__m256 x, __m256 n)
{
	__m256i shifted = _mm256_slli_epi32(_mm256_castps_si256(n), 23);

	return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), shifted));
}

SLM_INLINE Vec
vec_scale_exponent(Vec x, Vec n)
{
	return BOTH(Vec, scale_exponent_half(x.lo, n.lo), scale_exponent_half(x.hi, n.hi));
}

#define SLM_TREE(x, op256, op128)                                                                  \
	__m256 a8 = op256(x.lo, x.hi);                                                                 \
	__m128 a4 = op128(_mm256_castps256_ps128(a8), _mm256_extractf128_ps(a8, 1));                   \
	__m128 a2 = op128(a4, _mm_movehl_ps(a4, a4));                                                  \
	return _mm_cvtss_f32(op128(a2, _mm_movehdup_ps(a2)))

SLM_INLINE float
vec_tree_sum(Vec x)
{
	SLM_TREE(x, _mm256_add_ps, _mm_add_ps);
}

SLM_INLINE float
vec_tree_max(Vec x)
{
	SLM_TREE(x, _mm256_max_ps, _mm_max_ps);
}

SLM_INLINE __m256i
vec_block_magnitude(Vec a, Vec b)
{
	Vec x = vec_abs(a), y = vec_abs(b);
	__m256i lo = _mm256_max_epi32(_mm256_castps_si256(x.lo), _mm256_castps_si256(y.lo));
	__m256i hi = _mm256_max_epi32(_mm256_castps_si256(x.hi), _mm256_castps_si256(y.hi));

	return _mm256_max_epi32(lo, hi);
}

SLM_INLINE __m256i
vec_block_codes(Vec a, Vec b)
{
	__m256i a16 = _mm256_packs_epi32(_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi));
	__m256i b16 = _mm256_packs_epi32(_mm256_cvtps_epi32(b.lo), _mm256_cvtps_epi32(b.hi));

	/* the packs work within 128 bits: fours of a and b now stand a0 a2 b0 b2 a1 a3 b1 b3 */
	return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a16, b16),
									   _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

#endif
