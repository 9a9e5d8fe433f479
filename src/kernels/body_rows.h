/*
 * body_rows.h - the row kernels over 16 lanes: maps, norms, sums, softmax,
 * activation codes, transposition
 *
 * Included once by each ISA's stub, after its simd_*.h.
 */
#ifndef SLM_KERNELS_BODY_ROWS_H
#define SLM_KERNELS_BODY_ROWS_H

#include "base/status.h"
#include "kernels/simd_math.h"
#include "kernels/tables.h"

#define LANES SLM_GROUP_ROWS

static void
gelu_erf(float *x, int64_t n)
{
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		vec_store(x + i, vec_gelu_erf(vec_load(x + i)));
	if (i < n)
	{
		VecIf rest = vec_first((int) (n - i));

		vec_store_if(rest, x + i, vec_gelu_erf(vec_load_if(rest, x + i)));
	}
}

static void
tanh_map(float *x, int64_t n)
{
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		vec_store(x + i, vec_tanh(vec_load(x + i)));
	if (i < n)
	{
		VecIf rest = vec_first((int) (n - i));

		vec_store_if(rest, x + i, vec_tanh(vec_load_if(rest, x + i)));
	}
}

static float
dot(const float *a, const float *b, int64_t n)
{
	Vec acc = vec_zero();
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		acc = vec_fma(vec_load(a + i), vec_load(b + i), acc);
	if (i < n)
	{
		VecIf rest = vec_first((int) (n - i));

		acc =
			vec_select(rest, vec_fma(vec_load_if(rest, a + i), vec_load_if(rest, b + i), acc), acc);
	}
	return vec_tree_sum(acc);
}

/* Lanes i of x + residual, or of x alone. */
SLM_INLINE Vec
load_sum(VecIf which, const float *x, const float *residual, int64_t i)
{
	Vec h = vec_load_if(which, x + i);

	return residual != NULL ? vec_add(h, vec_load_if(which, residual + i)) : h;
}

SLM_INLINE void
layer_norm_body(const float *x, const float *residual, const float *weight, const float *bias,
				float eps, int64_t n, float *y)
{
	VecIf all = vec_first(LANES), rest = vec_first((int) (n % LANES));
	Vec sum = vec_zero(), square = vec_zero();
	Vec mean, scale;
	int64_t i;

	for (i = 0; i + LANES <= n; i += LANES)
		sum = vec_add(sum, load_sum(all, x, residual, i));
	if (i < n)
		sum = vec_select(rest, vec_add(sum, load_sum(rest, x, residual, i)), sum);
	mean = vec_set1(vec_tree_sum(sum) / (float) n);
	for (i = 0; i + LANES <= n; i += LANES)
	{
		Vec c = vec_sub(load_sum(all, x, residual, i), mean);

		square = vec_fma(c, c, square);
	}
	if (i < n)
	{
		Vec c = vec_sub(load_sum(rest, x, residual, i), mean);

		square = vec_select(rest, vec_fma(c, c, square), square);
	}
	scale = vec_set1(1.0f / sqrtf(vec_tree_sum(square) / (float) n + eps));
	for (i = 0; i + LANES <= n; i += LANES)
	{
		Vec c = vec_mul(vec_sub(load_sum(all, x, residual, i), mean), scale);

		vec_store(y + i, vec_fma(c, vec_load(weight + i), vec_load(bias + i)));
	}
	if (i < n)
	{
		Vec c = vec_mul(vec_sub(load_sum(rest, x, residual, i), mean), scale);

		vec_store_if(rest, y + i,
					 vec_fma(c, vec_load_if(rest, weight + i), vec_load_if(rest, bias + i)));
	}
}

static void
layer_norm(const float *x, const float *residual, const float *weight, const float *bias, float eps,
		   int64_t n, float *y)
{
	if (residual != NULL)
		layer_norm_body(x, residual, weight, bias, eps, n, y);
	else
		layer_norm_body(x, NULL, weight, bias, eps, n, y);
}

/* x becomes exp(x - max); returns the sum. */
SLM_NOINLINE float
exponentials(float *x, int64_t n)
{
	VecIf rest = vec_first((int) (n % LANES));
	Vec max = vec_set1(-INFINITY), sum = vec_zero();
	int64_t i;

	for (i = 0; i + LANES <= n; i += LANES)
		max = vec_max(vec_load(x + i), max);
	if (i < n)
		max = vec_select(rest, vec_max(vec_load_if(rest, x + i), max), max);
	max = vec_set1(vec_tree_max(max));
	for (i = 0; i + LANES <= n; i += LANES)
	{
		Vec e = vec_exp(vec_sub(vec_load(x + i), max));

		vec_store(x + i, e);
		sum = vec_add(sum, e);
	}
	if (i < n)
	{
		Vec e = vec_exp(vec_sub(vec_load_if(rest, x + i), max));

		vec_store_if(rest, x + i, e);
		sum = vec_select(rest, vec_add(sum, e), sum);
	}
	return vec_tree_sum(sum);
}

static void
softmax(float *x, int64_t n)
{
	Vec sum = vec_set1(exponentials(x, n));
	int64_t i = 0;

	for (; i + LANES <= n; i += LANES)
		vec_store(x + i, vec_div(vec_load(x + i), sum));
	if (i < n)
	{
		VecIf rest = vec_first((int) (n - i));

		vec_store_if(rest, x + i, vec_div(vec_load_if(rest, x + i), sum));
	}
}

static void
quantize_q8(const float *x, int64_t k, int64_t k_padded, int8_t *q, float *d, int32_t *sum)
{
	int64_t b;

	for (b = 0; b < k / SLM_Q8_BLOCK; b++)
	{
		Vec x0 = vec_load(x + b * SLM_Q8_BLOCK);
		Vec x1 = vec_load(x + b * SLM_Q8_BLOCK + LANES);
		int32_t amax_bits =
			vec_int_tree_max(vec_int_max(vec_magnitude_bits(x0), vec_magnitude_bits(x1)));
		float amax = slm_bits_to_float((uint32_t) amax_bits);
		Vec scale;

		if (SLM_LIKELY(amax >= SLM_Q8_LOWEST && amax_bits < 0x7f800000))
		{
			d[b] = amax / 127.0f;
			scale = vec_set1(127.0f / amax);
			sum[b] = -SLM_Q8_OFFSET *
					 vec_store_codes(q + b * SLM_Q8_BLOCK, vec_mul(x0, scale), vec_mul(x1, scale));
		}
		else
		{
			memset(q + b * SLM_Q8_BLOCK, 0, SLM_Q8_BLOCK);
			d[b] = amax_bits < 0x7f800000 ? 0.0f : NAN;
			sum[b] = 0;
		}
	}
	for (; b < k_padded / SLM_Q8_BLOCK; b++)
	{
		memset(q + b * SLM_Q8_BLOCK, 0, SLM_Q8_BLOCK);
		d[b] = 0.0f;
		sum[b] = 0;
	}
}

/* 8 rows of 8 floats to columns, in ymm under every ISA. */
SLM_INLINE void
transpose_8x8(const float *k, size_t k_stride, float *kt, size_t t_stride)
{
	__m256 row[8], pair[8], quad[8];

	SLM_UNROLL
	for (int i = 0; i < 8; i++)
		row[i] = _mm256_loadu_ps(k + (size_t) i * k_stride);
	SLM_UNROLL
	for (int i = 0; i < 8; i += 2)
	{
		pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
		pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
	}
	SLM_UNROLL
	for (int i = 0; i < 8; i += 4)
	{
		quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], _MM_SHUFFLE(1, 0, 1, 0));
		quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], _MM_SHUFFLE(3, 2, 3, 2));
		quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], _MM_SHUFFLE(1, 0, 1, 0));
		quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], _MM_SHUFFLE(3, 2, 3, 2));
	}
	SLM_UNROLL
	for (int i = 0; i < 4; i++)
	{
		_mm256_storeu_ps(kt + (size_t) i * t_stride,
						 _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20));
		_mm256_storeu_ps(kt + (size_t) (i + 4) * t_stride,
						 _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31));
	}
}

static void
transpose(const float *k, size_t k_stride, int t, int head_dim, float *kt, size_t t_stride)
{
	int t_whole = t - t % 8, d_whole = head_dim - head_dim % 8;

	for (int d = 0; d < d_whole; d += 8)
		for (int j = 0; j < t_whole; j += 8)
			transpose_8x8(k + (size_t) j * k_stride + d, k_stride, kt + (size_t) d * t_stride + j,
						  t_stride);
	for (int d = 0; d < head_dim; d++)
	{
		float *row = kt + (size_t) d * t_stride;

		for (int j = d < d_whole ? t_whole : 0; j < t; j++)
			row[j] = k[(size_t) j * k_stride + d];
		for (size_t j = (size_t) t; j < t_stride; j++)
			row[j] = 0.0f;
	}
}

#endif
