/*
 * simd_avx512.h - 16 lanes as one zmm: the AVX-512 side of the bodies
 *
 * simd_avx2.h gives the same names over two ymm.  vec_max and vec_min are the
 * instruction's: the second operand when either is a NaN.
 */
#ifndef SLM_KERNELS_SIMD_AVX512_H
#define SLM_KERNELS_SIMD_AVX512_H

#include <immintrin.h>

#include "kernels/simd_common.h"

typedef __m512 Vec;      /* 16 floats */
typedef __mmask16 VecIf; /* 16 truth values */

/* Tiles, by the 32 registers: rows of weights in vectors x rows of activations. */
#define FLOAT_TILE_VECS 3
#define FLOAT_TILE_ROWS 8
#define SCORE_TILE_VECS 4
#define SCORE_TILE_ROWS 4
#define VALUE_TILE_VECS 2
#define VALUE_TILE_ROWS 8

SLM_INLINE Vec
vec_zero(void)
{
	return _mm512_setzero_ps();
}

SLM_INLINE Vec
vec_set1(float x)
{
	return _mm512_set1_ps(x);
}

SLM_INLINE Vec
vec_load(const float *p)
{
	return _mm512_loadu_ps(p);
}

SLM_INLINE void
vec_store(float *p, Vec x)
{
	_mm512_storeu_ps(p, x);
}

/* The first n lanes, 0 <= n <= 16. */
SLM_INLINE VecIf
vec_first(int n)
{
	return (VecIf) ((1U << n) - 1);
}

/* Touches only the chosen lanes' memory; the other lanes are zero. */
SLM_INLINE Vec
vec_load_if(VecIf which, const float *p)
{
	return _mm512_maskz_loadu_ps(which, p);
}

SLM_INLINE void
vec_store_if(VecIf which, float *p, Vec x)
{
	_mm512_mask_storeu_ps(p, which, x);
}

SLM_INLINE Vec
vec_load_f16(const uint16_t *p)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (const void *) p));
}

/* Nearest, ties to even. */
SLM_INLINE void
vec_store_f16(uint16_t *p, Vec x)
{
	_mm256_storeu_si256((__m256i *) (void *) p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

/* One half in all lanes. */
SLM_INLINE Vec
vec_set1_f16(const uint16_t *p)
{
	return _mm512_cvtph_ps(_mm256_set1_epi16((short) *p));
}

SLM_INLINE Vec
vec_load_i8(const int8_t *p)
{
	return _mm512_cvtepi32_ps(
		_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) (const void *) p)));
}

SLM_INLINE Vec
vec_load_bf16(const uint16_t *p)
{
	__m256i bits = _mm256_loadu_si256((const __m256i *) (const void *) p);

	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

SLM_INLINE Vec
vec_add(Vec a, Vec b)
{
	return _mm512_add_ps(a, b);
}

SLM_INLINE Vec
vec_sub(Vec a, Vec b)
{
	return _mm512_sub_ps(a, b);
}

SLM_INLINE Vec
vec_mul(Vec a, Vec b)
{
	return _mm512_mul_ps(a, b);
}

SLM_INLINE Vec
vec_div(Vec a, Vec b)
{
	return _mm512_div_ps(a, b);
}

SLM_INLINE Vec
vec_fma(Vec a, Vec b, Vec c)
{
	return _mm512_fmadd_ps(a, b, c);
}

SLM_INLINE Vec
vec_max(Vec a, Vec b)
{
	return _mm512_max_ps(a, b);
}

SLM_INLINE Vec
vec_min(Vec a, Vec b)
{
	return _mm512_min_ps(a, b);
}

SLM_INLINE Vec
vec_abs(Vec a)
{
	return _mm512_abs_ps(a);
}

/* x, its sign flipped where sign's is set. */
SLM_INLINE Vec
vec_xor_sign(Vec x, Vec sign)
{
	return _mm512_xor_ps(x, _mm512_and_ps(sign, _mm512_set1_ps(-0.0f)));
}

/* table[i] of 16, by the low four bits of each lane. */
SLM_INLINE Vec
vec_lookup(const float *table, Vec i)
{
	return _mm512_permutexvar_ps(_mm512_castps_si512(i), _mm512_loadu_ps(table));
}

SLM_INLINE VecIf
vec_is_less(Vec a, Vec b)
{
	return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

SLM_INLINE VecIf
vec_is_at_least(Vec a, Vec b)
{
	return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}

SLM_INLINE Vec
vec_select(VecIf which, Vec yes, Vec no)
{
	return _mm512_mask_blend_ps(which, no, yes);
}

/* The bits of x plus the bits of n shifted left by 23: x * 2^n, see slm_exp(). */
SLM_INLINE Vec
vec_scale_exponent(Vec x, Vec n)
{
	return _mm512_castsi512_ps(
		_mm512_add_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(n), 23)));
}

/* The canonical trees. */
#define SLM_TREE(x, op256, op128)                                                                  \
	__m256 a8 = op256(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));                    \
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

/* The bits of the largest |x| of 32 floats, in 8 lanes yet to be combined. */
SLM_INLINE __m256i
vec_block_magnitude(Vec a, Vec b)
{
	__m512i m = _mm512_max_epi32(_mm512_castps_si512(_mm512_abs_ps(a)),
								 _mm512_castps_si512(_mm512_abs_ps(b)));

	return _mm256_max_epi32(_mm512_castsi512_si256(m), _mm512_extracti32x8_epi32(m, 1));
}

/* 32 floats of at most 127, rounded to codes. */
SLM_INLINE __m256i
vec_block_codes(Vec a, Vec b)
{
	__m512i wide = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
	__m256i codes =
		_mm256_packs_epi16(_mm512_castsi512_si256(wide), _mm512_extracti64x4_epi64(wide, 1));

	/* the packs work within 128 bits: fours of a and b now stand a0 b0 a2 b2 a1 b1 a3 b3 */
	return _mm256_permutevar8x32_epi32(codes, _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7));
}

#endif
