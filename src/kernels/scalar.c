/*
 * scalar.c - the reference of every kernel
 *
 * Written to be read: these functions are the definition of the arithmetic
 * that kernels.h describes, and every variant is tested against their bits.
 * They run where a CPU has nothing better.  Compiled for the baseline, fmaf is
 * a call of libm (exactly rounded with or without FMA hardware).
 */
#include <math.h>
#include <string.h>

#include "base/fp16.h"
#include "kernels/layout_k.h"
#include "kernels/poly.h"
#include "kernels/tables.h"

#define LANES SLM_GROUP_ROWS

/* The canonical combination of 16 lanes. */
static float
tree_sum(float lane[LANES])
{
	for (int width = LANES / 2; width > 0; width /= 2)
		for (int i = 0; i < width; i++)
			lane[i] = lane[i] + lane[i + width];
	return lane[0];
}

static float
tree_max(float lane[LANES])
{
	for (int width = LANES / 2; width > 0; width /= 2)
		for (int i = 0; i < width; i++)
			lane[i] = lane[i + width] > lane[i] ? lane[i + width] : lane[i];
	return lane[0];
}

static float
row_sum(const float *x, int64_t n)
{
	float lane[LANES] = {0.0f};

	for (int64_t i = 0; i < n; i++)
		lane[i % LANES] += x[i];
	return tree_sum(lane);
}

/* A NaN is never the larger one: it is seen in the exponentials. */
static float
row_max(const float *x, int64_t n)
{
	float lane[LANES];

	for (int i = 0; i < LANES; i++)
		lane[i] = -INFINITY;
	for (int64_t i = 0; i < n; i++)
		lane[i % LANES] = x[i] > lane[i % LANES] ? x[i] : lane[i % LANES];
	return tree_max(lane);
}

void
slm_scalar_quantize_q8(const float *x, int64_t k, int64_t k_padded, int8_t *q, float *d,
					   int32_t *sum)
{
	for (int64_t b = 0; b < k_padded / SLM_Q8_BLOCK; b++)
	{
		const float *block = x + b * SLM_Q8_BLOCK;
		int8_t *codes = q + b * SLM_Q8_BLOCK;
		uint32_t amax_bits = 0;
		float amax, scale;
		int total = 0;

		/* magnitudes order as integers, NaN above infinity above all numbers */
		for (int i = 0; i < SLM_Q8_BLOCK && b * SLM_Q8_BLOCK < k; i++)
		{
			uint32_t bits = slm_float_to_bits(block[i]) & 0x7fffffff;

			amax_bits = bits > amax_bits ? bits : amax_bits;
		}
		amax = slm_bits_to_float(amax_bits);
		if (!(amax >= SLM_Q8_LOWEST && amax_bits < 0x7f800000))
		{
			memset(codes, 0, SLM_Q8_BLOCK);
			d[b] = amax_bits < 0x7f800000 ? 0.0f : NAN;
			sum[b] = 0;
			continue;
		}
		d[b] = amax / 127.0f;
		scale = 127.0f / amax;
		for (int i = 0; i < SLM_Q8_BLOCK; i++)
		{
			codes[i] = (int8_t) rintf(block[i] * scale);
			total += codes[i];
		}
		sum[b] = -SLM_Q8_OFFSET * total;
	}
}

static float
half_at(const uint8_t *at)
{
	uint16_t half;

	memcpy(&half, at, sizeof(half));
	return slm_fp16_to_float(half);
}

static inline void
gemm_q(SlmLayout layout, const void *w, int64_t k, int n_group, const SlmActivations *x, int m,
	   const float *bias, float *y, size_t y_stride)
{
	int64_t n_block = slm_q8_padded(k) / SLM_Q8_BLOCK;
	uint64_t group_bytes = slm_group_bytes(layout, k);

	for (int g = 0; g < n_group; g++)
	{
		const uint8_t *group = (const uint8_t *) w + (uint64_t) g * group_bytes;

		for (int i = 0; i < m; i++)
		{
			float acc[LANES] = {0.0f};

			for (int64_t b = 0; b < n_block; b++)
			{
				const uint8_t *pair = group + (size_t) (b / 2) * q_pair_bytes(layout);
				const uint8_t *codes = pair + (size_t) (b % 2) * q_block_bytes(layout);
				const uint8_t *scales = pair + q_scales(layout) + b % 2 * LANES * 2;
				const int8_t *q = x->q + (size_t) i * x->q_stride + b * SLM_Q8_BLOCK;
				float da = x->d[(size_t) i * x->d_stride + b];

				for (int r = 0; r < LANES; r++)
				{
					int32_t isum = 0;

					for (int j = 0; j < SLM_Q8_BLOCK; j++)
						isum += q_code(layout, codes, j, r) * q[j];
					acc[r] = fmaf((float) isum, half_at(scales + r * 2) * da, acc[r]);
				}
			}
			for (int r = 0; r < LANES; r++)
				y[(size_t) i * y_stride + g * LANES + r] =
					bias != NULL ? acc[r] + bias[g * LANES + r] : acc[r];
		}
	}
}

#define Q_GEMM(name, layout)                                                                       \
	void slm_scalar_##name(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,  \
						   const float *bias, float *y, size_t y_stride)                           \
	{                                                                                              \
		gemm_q(layout, w, k, n_group, x, m, bias, y, y_stride);                                    \
	}
Q_GEMM(gemm_q8, SLM_LAYOUT_Q8)
Q_GEMM(gemm_q4, SLM_LAYOUT_Q4)
Q_GEMM(gemm_iq4, SLM_LAYOUT_IQ4)
#undef Q_GEMM

/* A row's part of a block, for output row r: run by run, as kernels.h has it. */
static inline float
k_block(SlmLayout layout, const uint8_t *w, int r, const int8_t *q, const float *d,
		const int32_t *asum, float acc)
{
	int run = k_run(layout);
	float dw = half_at(w + k_d(layout) + 2 * r);
	float dmin = k_has_minima(layout) ? half_at(w + k_dmin(layout) + 2 * r) : 0.0f;

	for (int j = 0; j < SLM_K_BLOCK / run; j++, q += run)
	{
		const uint8_t *scale = w + k_scales(layout) + j * LANES + r;
		float da = d[j * run / 32];
		int32_t isum = 0;

		for (int i = 0; i < run; i++)
			isum += k_code(layout, w, j * run + i, r) * q[i];
		acc = fmaf((float) isum,
				   dw * (k_is_signed(layout) ? (float) (int8_t) *scale : (float) *scale) * da, acc);
		if (k_has_minima(layout)) /* asum has a factor of -128 */
			acc = fmaf(dmin * (float) w[k_minima(layout) + (size_t) (j * LANES + r)] * 0x1p-7f,
					   da * (float) asum[j], acc);
	}
	return acc;
}

static inline void
gemm_k(SlmLayout layout, const void *w, int64_t k, int n_group, const SlmActivations *x, int m,
	   const float *bias, float *y, size_t y_stride)
{
	bool halves = slm_layout_wants_half_sums(layout);
	int n_run = SLM_K_BLOCK / k_run(layout);

	for (int g = 0; g < n_group; g++)
		for (int i = 0; i < m; i++)
		{
			const uint8_t *block = (const uint8_t *) w + (uint64_t) g * slm_group_bytes(layout, k);
			float acc[LANES] = {0.0f};

			for (int64_t b = 0; b < k / SLM_K_BLOCK; b++, block += k_block_bytes(layout))
			{
				const int8_t *q = x->q + (size_t) i * x->q_stride + b * SLM_K_BLOCK;
				const float *d = x->d + (size_t) i * x->d_stride + b * (SLM_K_BLOCK / 32);
				const int32_t *asum = halves ? x->half_sum + (size_t) i * 2 * x->d_stride
											 : x->sum + (size_t) i * x->d_stride;

				for (int r = 0; r < LANES; r++)
					acc[r] = k_block(layout, block, r, q, d, asum + b * n_run, acc[r]);
			}
			for (int r = 0; r < LANES; r++)
				y[(size_t) i * y_stride + g * LANES + r] =
					bias != NULL ? acc[r] + bias[g * LANES + r] : acc[r];
		}
}

#define K_GEMM(name, layout)                                                                       \
	void slm_scalar_##name(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,  \
						   const float *bias, float *y, size_t y_stride)                           \
	{                                                                                              \
		gemm_k(layout, w, k, n_group, x, m, bias, y, y_stride);                                    \
	}
K_GEMM(gemm_k2, SLM_LAYOUT_K2)
K_GEMM(gemm_k3, SLM_LAYOUT_K3)
K_GEMM(gemm_k4, SLM_LAYOUT_K4)
K_GEMM(gemm_k5, SLM_LAYOUT_K5)
K_GEMM(gemm_k6, SLM_LAYOUT_K6)
K_GEMM(gemm_ki4, SLM_LAYOUT_KI4)
#undef K_GEMM

/* One float layout; weight_at reads element i of the packed group. */
typedef float WeightAt(const void *group, int64_t i);

static inline void
gemm_float(SlmLayout layout, WeightAt *weight_at, const void *w, int64_t k, int n_group,
		   const SlmActivations *x, int m, const float *bias, float *y, size_t y_stride)
{
	for (int g = 0; g < n_group; g++)
	{
		const void *group = (const uint8_t *) w + (uint64_t) g * slm_group_bytes(layout, k);

		for (int i = 0; i < m; i++)
		{
			float acc[LANES] = {0.0f};

			for (int64_t j = 0; j < k; j++)
				for (int r = 0; r < LANES; r++)
					acc[r] = fmaf(weight_at(group, j * LANES + r),
								  x->x[(size_t) i * x->x_stride + j], acc[r]);
			for (int r = 0; r < LANES; r++)
				y[(size_t) i * y_stride + g * LANES + r] =
					bias != NULL ? acc[r] + bias[g * LANES + r] : acc[r];
		}
	}
}

static float
weight_f32(const void *group, int64_t i)
{
	return ((const float *) group)[i];
}

static float
weight_f16(const void *group, int64_t i)
{
	return slm_fp16_to_float(((const uint16_t *) group)[i]);
}

static float
weight_bf16(const void *group, int64_t i)
{
	return slm_bf16_to_float(((const uint16_t *) group)[i]);
}

void
slm_scalar_gemm_f32(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,
					const float *bias, float *y, size_t y_stride)
{
	gemm_float(SLM_LAYOUT_F32, weight_f32, w, k, n_group, x, m, bias, y, y_stride);
}

void
slm_scalar_gemm_f16(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,
					const float *bias, float *y, size_t y_stride)
{
	gemm_float(SLM_LAYOUT_F16, weight_f16, w, k, n_group, x, m, bias, y, y_stride);
}

void
slm_scalar_gemm_bf16(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,
					 const float *bias, float *y, size_t y_stride)
{
	gemm_float(SLM_LAYOUT_BF16, weight_bf16, w, k, n_group, x, m, bias, y, y_stride);
}

void
slm_scalar_layer_norm(const float *x, const float *residual, const float *weight, const float *bias,
					  float eps, int64_t n, float *y)
{
	float sum[LANES] = {0.0f}, square[LANES] = {0.0f};
	float mean, scale;

	for (int64_t i = 0; i < n; i++)
		sum[i % LANES] += residual != NULL ? x[i] + residual[i] : x[i];
	mean = tree_sum(sum) / (float) n;
	for (int64_t i = 0; i < n; i++)
	{
		float c = (residual != NULL ? x[i] + residual[i] : x[i]) - mean;

		square[i % LANES] = fmaf(c, c, square[i % LANES]);
	}
	scale = 1.0f / sqrtf(tree_sum(square) / (float) n + eps);
	for (int64_t i = 0; i < n; i++)
	{
		float c = (residual != NULL ? x[i] + residual[i] : x[i]) - mean;

		y[i] = bias != NULL ? fmaf(c * scale, weight[i], bias[i]) : c * scale * weight[i];
	}
}

void
slm_scalar_gelu_erf(float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = slm_gelu_erf(x[i]);
}

void
slm_scalar_gelu_tanh(float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = slm_gelu_tanh(x[i]);
}

void
slm_scalar_silu(float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = slm_silu(x[i]);
}

void
slm_scalar_tanh(float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = slm_tanh(x[i]);
}

float
slm_scalar_dot(const float *a, const float *b, int64_t n)
{
	float lane[LANES] = {0.0f};

	for (int64_t i = 0; i < n; i++)
		lane[i % LANES] = fmaf(a[i], b[i], lane[i % LANES]);
	return tree_sum(lane);
}

void
slm_scalar_rms_norm(const float *x, const float *weight, float eps, int64_t n, float *y)
{
	float scale = 1.0f / sqrtf(slm_scalar_dot(x, x, n) / (float) n + eps);

	for (int64_t i = 0; i < n; i++)
		y[i] = x[i] * scale * weight[i];
}

/* x becomes exp(x - max); returns the sum. */
static float
exponentials(float *x, int64_t n)
{
	float max = row_max(x, n);

	for (int64_t i = 0; i < n; i++)
		x[i] = slm_exp(x[i] - max);
	return row_sum(x, n);
}

void
slm_scalar_softmax(float *x, int64_t n)
{
	float sum = exponentials(x, n);

	for (int64_t i = 0; i < n; i++)
		x[i] = x[i] / sum;
}

void
slm_scalar_transpose(const float *k, size_t k_stride, int t, int head_dim, float *kt,
					 size_t t_stride)
{
	for (int d = 0; d < head_dim; d++)
	{
		float *row = kt + (size_t) d * t_stride;

		for (int j = 0; j < t; j++)
			row[j] = k[(size_t) j * k_stride + d];
		for (size_t j = (size_t) t; j < t_stride; j++)
			row[j] = 0.0f;
	}
}

void
slm_scalar_to_half(const float *x, int64_t n, uint16_t *y)
{
	for (int64_t i = 0; i < n; i++)
	{
		uint16_t half = slm_float_to_fp16(x[i]);

		y[i] = (half & 0x7fff) == 0x7c00 ? 0x7e00 : half;
	}
}

/* Element i of keys or values; a code's scale is the one at j. */
static inline float
stored_at(SlmDtype type, const void *p, size_t i, const uint16_t *scale, size_t j)
{
	if (type == SLM_DTYPE_F16)
		return slm_fp16_to_float(((const uint16_t *) p)[i]);
	if (type == SLM_DTYPE_Q8_0)
		return (float) ((const int8_t *) p)[i] * slm_fp16_to_float(scale[j]);
	return ((const float *) p)[i];
}

static inline float
key_at(SlmDtype type, const SlmAttend *a, int d, int j)
{
	size_t tile = (size_t) (j / SLM_KEY_TILE), at = (size_t) (j % SLM_KEY_TILE);

	return stored_at(type, a->kt, tile * a->k_tile + (size_t) d * a->k_stride + at, a->k_scale,
					 tile * a->k_scale_tile + (size_t) (d / SLM_Q8_BLOCK) * a->k_stride + at);
}

static inline float
value_at(SlmDtype type, const SlmAttend *a, int j, int d)
{
	return stored_at(type, a->v, (size_t) j * a->v_stride + (size_t) d, a->v_scale,
					 (size_t) j * a->v_scale_stride + (size_t) (d / SLM_Q8_BLOCK));
}

static inline void
attend(SlmDtype type, const SlmAttend *args, int q0, int q1)
{
	float *e = args->scores;

	for (int i = q0; i < q1; i++)
	{
		const float *q = args->q + (size_t) i * args->q_stride;
		float *out = args->out + (size_t) i * args->out_stride;
		int first, t;
		float sum;

		slm_attend_seen(args, i, &first, &t);
		for (int j = 0; j < t; j++)
			e[j] = 0.0f;
		for (int d = 0; d < args->head_dim; d++)
			for (int j = 0; j < t; j++)
				e[j] = fmaf(q[d], key_at(type, args, d, j), e[j]);
		for (int j = 0; j < t; j++)
			e[j] = args->bias != NULL ? fmaf(e[j], args->scale, args->bias[i * args->bias_row + j])
									  : e[j] * args->scale;
		for (int j = 0; j < t && args->cap > 0.0f; j++)
			e[j] = args->cap * slm_tanh(e[j] / args->cap);
		for (int j = 0; j < first; j++)
			e[j] = -INFINITY;
		sum = exponentials(e, t);
		for (int d = 0; d < args->head_dim; d++)
		{
			float acc = 0.0f;

			for (int j = 0; j < t; j++)
				acc = fmaf(e[j], value_at(type, args, j, d), acc);
			out[d] = acc / sum;
		}
	}
}

#define ATTEND(name, type)                                                                         \
	void slm_scalar_##name(const SlmAttend *args, int q0, int q1)                                  \
	{                                                                                              \
		attend(type, args, q0, q1);                                                                \
	}
ATTEND(attend, SLM_DTYPE_F32)
ATTEND(attend_f16, SLM_DTYPE_F16)
ATTEND(attend_q8, SLM_DTYPE_Q8_0)
#undef ATTEND

const SlmKernels slm_kernels_scalar = {
	.name = "scalar",
#define SLM_KERNEL(type, member) .member = slm_scalar_##member,
#include "kernels/kernel_list.inc"
#undef SLM_KERNEL
};
