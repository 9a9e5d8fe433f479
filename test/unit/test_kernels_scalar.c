/*
 * test_kernels_scalar.c - the reference itself, scalar.c: accuracy, and the
 * canonical order of every reduction by values worked out by hand
 *
 * The double-precision libm serves here, and only here, as the truth.
 */
#include "kernel_data.h"
#include "kernels/poly.h"

static const SlmKernels *
scalar(void)
{
	return slm_kernels(SLM_ISA_SCALAR);
}

static double
ulps(float actual, double expected)
{
	float magnitude = fabsf((float) expected);

	return fabs((double) actual - expected) /
		   (double) (nextafterf(magnitude, INFINITY) - magnitude);
}

static void
exp_is_within_one_ulp(void)
{
	double worst = 0.0;

	for (float x = EXP_LOWEST; x <= 88.0f; x += 0.0003f)
		worst = fmax(worst, ulps(slm_exp(x), exp((double) x)));
	for (float x = -0.35f; x <= 0.35f; x = nextafterf(x + 3e-6f, 1.0f))
		worst = fmax(worst, ulps(slm_exp(x), exp((double) x)));
	printf("# exp: %.3f ulp\n", worst);
	CHECK(worst <= 1.0);
}

static void
exp_ends_are_exact(void)
{
	CHECK(slm_exp(0.0f) == 1.0f && slm_exp(-0.0f) == 1.0f);
	CHECK(slm_float_to_bits(slm_exp(-INFINITY)) == 0);
	CHECK(slm_float_to_bits(slm_exp(-3e38f)) == 0);
	CHECK(slm_float_to_bits(slm_exp(nextafterf(EXP_LOWEST, -INFINITY))) == 0);
	CHECK(slm_exp(EXP_LOWEST) > 1.6e-38f);
	CHECK(isnan(slm_exp(NAN)) && isnan(slm_exp(-NAN)));
	CHECK(isnan(slm_exp(slm_bits_to_float(0x7f800001))));
	CHECK(isnan(slm_exp(slm_bits_to_float(0xffffffff))));
}

static void
erf_is_within_one_millionth(void)
{
	double worst = 0.0;

	for (float x = -9.0f; x <= 9.0f; x += 0.00003f)
		worst = fmax(worst, fabs((double) slm_erf_sqrt2(x) - erf((double) x / sqrt(2.0))));
	printf("# erf: %.2e absolute\n", worst);
	CHECK(worst <= 1e-6);
	CHECK(slm_erf_sqrt2(ERF_END) == 1.0f && slm_erf_sqrt2(-INFINITY) == -1.0f);
	CHECK(isnan(slm_erf_sqrt2(NAN)));
}

static void
gelu_is_close_and_zero_at_the_left(void)
{
	double worst = 0.0;

	for (float x = -9.0f; x <= 9.0f; x += 0.0001f)
	{
		double truth = 0.5 * (double) x * (1.0 + erf((double) x / sqrt(2.0)));

		worst = fmax(worst, fabs((double) slm_gelu_erf(x) - truth) / fmax(1.0, fabs((double) x)));
	}
	printf("# gelu: %.2e relative to max(1, |x|)\n", worst);
	CHECK(worst <= 1e-6);
	CHECK(slm_gelu_erf(-5.25f) == 0.0f && slm_gelu_erf(-1e30f) == 0.0f);
	CHECK(slm_gelu_erf(5.25f) == 5.25f && slm_gelu_erf(1e30f) == 1e30f);
	CHECK(slm_gelu_erf(0.0f) == 0.0f && isnan(slm_gelu_erf(NAN)));
}

static void
gelu_tanh_and_silu_are_close(void)
{
	double gelu = 0.0, silu = 0.0;

	for (float x = -12.0f; x <= 12.0f; x += 0.0001f)
	{
		double d = (double) x, most = fmax(1.0, fabs(d));
		double truth = 0.5 * d * (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (d + 0.044715 * d * d * d)));

		gelu = fmax(gelu, fabs((double) slm_gelu_tanh(x) - truth) / most);
		silu = fmax(silu, fabs((double) slm_silu(x) - d / (1.0 + exp(-d))) / most);
	}
	printf("# gelu_tanh: %.2e, silu: %.2e relative to max(1, |x|)\n", gelu, silu);
	CHECK(gelu <= 1e-6 && silu <= 1e-6);
	CHECK(slm_silu(0.0f) == 0.0f && isnan(slm_silu(NAN)) && slm_silu(1e30f) == 1e30f);
	CHECK(fabsf(slm_silu(-200.0f)) < 1e-30f && fabsf(slm_gelu_tanh(-200.0f)) < 1e-30f);
	CHECK(slm_gelu_tanh(1e10f) == 1e10f && isnan(slm_gelu_tanh(NAN)));
}

static void
tanh_is_within_two_ulp(void)
{
	double worst = 0.0;

	for (float x = -12.0f; x <= 12.0f; x += 0.00003f)
		worst = fmax(worst, ulps(slm_tanh(x), tanh((double) x)));
	for (float x = 1e-30f; x < 1.0f; x *= 1.01f)
		worst = fmax(worst, ulps(slm_tanh(x), tanh((double) x)));
	printf("# tanh: %.3f ulp\n", worst);
	CHECK(worst <= 2.0);
	CHECK(slm_tanh(INFINITY) == 1.0f && slm_tanh(-INFINITY) == -1.0f && isnan(slm_tanh(NAN)));
	CHECK_INT(slm_float_to_bits(slm_tanh(-0.0f)), 0x80000000);
	CHECK_INT(slm_float_to_bits(slm_tanh(0x1p-149f)), 1);
}

/* fp16.h against the format's definition, every pattern, and back. */
static void
fp16_is_exact_for_all_patterns(void)
{
	for (uint32_t h = 0; h < 65536; h++)
	{
		int exponent = (int) (h >> 10 & 31), mantissa = (int) (h & 1023);
		double value = exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
		float f = slm_fp16_to_float((uint16_t) h);

		if (exponent == 31)
		{
			CHECK(mantissa == 0 ? isinf(f) : isnan(f));
			CHECK((signbit(f) != 0) == (h >> 15));
			continue;
		}
		CHECK((double) f == (h >> 15 ? -value : value) && (signbit(f) != 0) == (h >> 15));
		CHECK_INT(slm_float_to_fp16(f), h);
	}
}

/* The same patterns as weights, in every variant: 1 * w + 0 is w. */
static void
gemm_f16_reads_all_patterns(void)
{
	static uint16_t w[65536];
	static float y[65536], one[1] = {1.0f};
	SlmActivations x = {.x = one, .x_stride = 1};

	for (uint32_t h = 0; h < 65536; h++)
		w[h] = (uint16_t) h;
	for (int isa = SLM_ISA_SCALAR; isa < SLM_ISA_COUNT; isa++)
	{
		const SlmKernels *table = slm_kernels((SlmIsa) isa);

		if (table == NULL)
			continue;
		table->gemm_f16(w, 1, 65536 / SLM_GROUP_ROWS, &x, 1, NULL, y, 65536);
		for (uint32_t h = 0; h < 65536; h++)
		{
			float f = slm_fp16_to_float((uint16_t) h);

			CHECK(isnan(f) ? isnan(y[h]) : f == y[h]);
		}
	}
}

/*
 * 2^24 + 1 rounds to 2^24, so a sum shows its order.  Lane 0 takes 2^24 and
 * then 1 (lost); lane 8 meets lane 0 first, lane 4 next, then 2, then 1.
 */
static void
dot_has_sixteen_lanes_and_a_tree(void)
{
	float a[32] = {0}, one[32];

	for (int i = 0; i < 32; i++)
		one[i] = 1.0f;
	a[0] = 0x1p24f;
	a[16] = 1.0f; /* the same lane: lost */
	CHECK(scalar()->dot(a, one, 32) == 0x1p24f);
	a[16] = 0.0f;
	a[1] = a[17] = 1.0f; /* another lane: they meet as 2 */
	CHECK(scalar()->dot(a, one, 32) == 0x1p24f + 2.0f);
	a[17] = 0.0f;
	a[8] = 1.0f; /* 0 + 8 comes first: lost; 1 alone at the end: lost */
	CHECK(scalar()->dot(a, one, 32) == 0x1p24f);
	a[8] = 0.0f;
	a[9] = 1.0f; /* 1 + 9 = 2, then 0 + 1 */
	CHECK(scalar()->dot(a, one, 32) == 0x1p24f + 2.0f);
	a[9] = 0.0f;
	a[2] = a[4] = 1.0f; /* 0 + 4 before 0 + 2 before 0 + 1: each lost */
	CHECK(scalar()->dot(a, one, 32) == 0x1p24f);
	a[1] = 0.0f;
	a[6] = 1.0f; /* 2 + 6 = 2 is kept */
	CHECK(scalar()->dot(a, one, 32) == 0x1p24f + 2.0f);
	CHECK(scalar()->dot(a, one, 0) == 0.0f);
}

static void
dot_is_fused(void)
{
	float x = 1.0f + 0x1p-12f, a[17] = {0}, b[17] = {0};

	a[0] = b[0] = x;
	a[16] = -1.0f;
	b[16] = 1.0f + 0x1p-11f;
	CHECK(scalar()->dot(a, b, 17) == fmaf(-1.0f, 1.0f + 0x1p-11f, x * x));
	a[16] = x;
	b[16] = x;
	a[0] = -1.0f;
	b[0] = 1.0f + 0x1p-11f;
	CHECK(scalar()->dot(a, b, 17) == 0x1p-24f);
}

/* A single block and a single pair of blocks, by hand. */
static void
gemm_q8_is_one_fma_per_block(void)
{
	uint8_t w[1088];
	int8_t q[64] = {0};
	float d[2] = {0.1f, 0.3f}, y[16], bias[16] = {0};
	int32_t sum[2];
	uint16_t dw0 = slm_float_to_fp16(0.7f), dw1 = slm_float_to_fp16(0.013f);
	SlmActivations x = {.q = q, .q_stride = 64, .d = d, .sum = sum, .d_stride = 2};
	float s0 = slm_fp16_to_float(dw0) * d[0], s1 = slm_fp16_to_float(dw1) * d[1];
	float expected;

	memset(w, SLM_Q8_OFFSET, sizeof(w));
	memset(w + 1024, 0, 64);
	/* output row 5: k = 3 has code -128, k = 41 code 127 */
	w[0 / 4 * 64 + 5 * 4 + 3] = 0;
	w[512 + 8 / 4 * 64 + 5 * 4 + 1] = 255;
	memcpy(w + 1024 + 2 * 5, &dw0, 2);
	memcpy(w + 1024 + 32 + 2 * 5, &dw1, 2);
	q[3] = 127;
	q[41] = -127;
	q[60] = 99; /* meets a code of 0 */
	sum[0] = -SLM_Q8_OFFSET * 127;
	sum[1] = -SLM_Q8_OFFSET * (-127 + 99);
	bias[5] = 0.37f;
	expected = fmaf(-127.0f * 127.0f, s1, fmaf(-128.0f * 127.0f, s0, 0.0f)) + 0.37f;
	for (int isa = SLM_ISA_SCALAR; isa < SLM_ISA_COUNT; isa++)
	{
		const SlmKernels *table = slm_kernels((SlmIsa) isa);

		if (table == NULL)
			continue;
		table->gemm_q8(w, 64, 1, &x, 1, bias, y, 16);
		CHECK(y[5] == expected);
		for (int r = 0; r < 16; r++)
			CHECK(r == 5 || y[r] == 0.0f);
	}
}

/* Every layout against double precision, and bfloat16's pattern in passing. */
static void
gemm_is_close_to_double(void)
{
	enum
	{
		K = 512,
		M = 5
	};
	static float x[M * K], rows[16 * K], decoded[16 * K], d[M * 16], y[M * 16];
	static uint8_t file[16 * K * 4], packed[16 * K * 4];
	static int8_t q[M * 512];
	static int32_t sum[M * 16], half_sum[M * 32];
	SlmActivations view = {x, K, q, 512, d, sum, 16, half_sum};

	fill_floats(x, M * K, FLOATS_NORMAL);
	fill_floats(rows, 16 * K, FLOATS_NORMAL);
	for (int i = 0; i < M; i++)
		scalar()->quantize_q8(x + i * K, K, 512, q + i * 512, d + i * 16, sum + i * 16);
	slm_half_sums(q, M * 512, half_sum);
	for (int t = 0; t < N_PACKED_TYPES; t++)
	{
		SlmDtype type = packed_types[t];
		SlmLayout layout = slm_layout_of(type);
		const SlmDtypeInfo *info = slm_dtype_info(type);
		size_t row_bytes = K / info->block_items * info->block_bytes;

		if (slm_dtype_is_k(type) || type == SLM_DTYPE_IQ4_NL)
			random_weights(type, file, 16 * row_bytes);
		else
			slm_quantize(type, rows, file, 16 * K);
		slm_dequantize(type, file, decoded, 16 * K);
		slm_pack_group(type, file, row_bytes, 16, K, packed);
		slm_gemm_of(scalar(), layout)(packed, K, 1, &view, M, NULL, y, 16);
		for (int i = 0; i < M; i++)
			for (int r = 0; r < 16; r++)
			{
				double truth = 0.0, size = 0.0;

				for (int j = 0; j < K; j++)
				{
					double a = slm_layout_is_quantized(layout)
								   ? (double) q[i * 512 + j] * (double) d[i * 16 + j / 32]
								   : (double) x[i * K + j];

					truth += a * (double) decoded[r * K + j];
					size += fabs(a * (double) decoded[r * K + j]);
				}
				CHECK(fabs((double) y[i * 16 + r] - truth) <= 1e-5 * size);
			}
	}
}

static void
quantize_q8_by_hand(void)
{
	float x[64], d[2];
	int8_t q[64];
	int32_t sum[2];

	for (int i = 0; i < 32; i++)
		x[i] = (float) (i - 20); /* amax 20 */
	scalar()->quantize_q8(x, 32, 64, q, d, sum);
	CHECK(d[0] == 20.0f / 127.0f && d[1] == 0.0f);
	CHECK_INT(q[0], -127);
	CHECK_INT(q[20], 0);
	CHECK_INT(q[31], 70); /* 11 * 6.35 = 69.85 */
	CHECK_INT(q[63], 0);
	CHECK_INT(sum[1], 0);
	{
		int total = 0;

		for (int i = 0; i < 32; i++)
			total += q[i];
		CHECK_INT(sum[0], -128 * total);
	}
}

static void
quantize_q8_ends(void)
{
	float x[32] = {0}, d[2];
	int8_t q[64];
	int32_t sum[2];

	scalar()->quantize_q8(x, 32, 64, q, d, sum);
	CHECK(d[0] == 0.0f && q[0] == 0 && sum[0] == 0);
	x[7] = nextafterf(SLM_Q8_LOWEST, 0.0f); /* too small to scale */
	scalar()->quantize_q8(x, 32, 64, q, d, sum);
	CHECK(d[0] == 0.0f && q[7] == 0);
	x[7] = -SLM_Q8_LOWEST;
	scalar()->quantize_q8(x, 32, 64, q, d, sum);
	CHECK(d[0] == SLM_Q8_LOWEST / 127.0f && q[7] == -127);
	x[7] = 3.4028234e38f;
	scalar()->quantize_q8(x, 32, 64, q, d, sum);
	CHECK(q[7] == 127 && !isnan(d[0]));
	x[8] = INFINITY;
	scalar()->quantize_q8(x, 32, 64, q, d, sum);
	CHECK(isnan(d[0]) && q[7] == 0 && q[8] == 0 && sum[0] == 0);
	x[8] = -NAN;
	scalar()->quantize_q8(x, 32, 64, q, d, sum);
	CHECK(isnan(d[0]) && q[7] == 0);
}

/* A NaN among the activations is seen in every output, an infinity too. */
static void
a_nan_reaches_the_output(void)
{
	static const float bad[] = {NAN, INFINITY};

	for (int b = 0; b < 2; b++)
	{
		float x[32] = {1.0f}, d[2], y[16];
		int8_t q[64];
		int32_t sum[2];
		uint8_t w[1088];
		SlmBlockQ8_0 rows[16] = {{.d = 0x3c00, .qs = {1}}};
		SlmActivations view = {x, 32, q, 64, d, sum, 2, NULL};

		x[9] = bad[b];
		scalar()->quantize_q8(x, 32, 64, q, d, sum);
		slm_pack_group(SLM_DTYPE_Q8_0, rows, sizeof(rows[0]), 16, 32, w);
		scalar()->gemm_q8(w, 32, 1, &view, 1, NULL, y, 16);
		CHECK(isnan(y[0]));
	}
}

static void
layer_norm_by_hand(void)
{
	float x[4] = {1.0f, 2.0f, 3.0f, 4.0f}, residual[4] = {1.0f, 0.0f, 1.0f, 0.0f};
	float weight[4] = {1.0f, 2.0f, 1.0f, 1.0f}, bias[4] = {0.0f, 0.0f, 0.5f, 0.0f}, y[4];
	float scale;

	/* h = 2 2 4 4, mean 3, variance 1 */
	scale = 1.0f / sqrtf(1.0f + 1e-5f);
	scalar()->layer_norm(x, residual, weight, bias, 1e-5f, 4, y);
	CHECK(y[0] == -scale && y[1] == -2.0f * scale && y[2] == scale + 0.5f && y[3] == scale);
	/* x = 1 2 3 4, mean 2.5, variance 1.25 */
	scale = 1.0f / sqrtf(1.25f + 1e-5f);
	scalar()->layer_norm(x, NULL, weight, NULL, 1e-5f, 4, y);
	CHECK(y[0] == -1.5f * scale && y[2] == 0.5f * scale);
	scalar()->layer_norm(x, NULL, weight, bias, 1e-5f, 4, x);
	CHECK(x[0] == -1.5f * scale && x[1] == -0.5f * scale * 2.0f && x[3] == 1.5f * scale);
}

static void
rms_norm_by_hand(void)
{
	float x[4] = {1.0f, -1.0f, 3.0f, 1.0f}, weight[4] = {1.0f, 2.0f, 1.0f, 0.5f}, y[4];
	float scale = 1.0f / sqrtf(3.0f + 1e-5f); /* the mean square is 3 */

	scalar()->rms_norm(x, weight, 1e-5f, 4, y);
	CHECK(y[0] == scale && y[1] == -scale * 2.0f && y[2] == 3.0f * scale && y[3] == scale * 0.5f);
}

static void
softmax_by_hand(void)
{
	float x[3] = {0.0f, -INFINITY, 0.0f}, one = -7.0f, y[2] = {1.0f, NAN}, e = slm_exp(-2.0f);
	float z[2] = {5.0f, 3.0f};

	scalar()->softmax(x, 3);
	CHECK(x[0] == 0.5f && x[1] == 0.0f && x[2] == 0.5f);
	scalar()->softmax(&one, 1);
	CHECK(one == 1.0f);
	scalar()->softmax(z, 2);
	CHECK(z[0] == 1.0f / (1.0f + e) && z[1] == e / (1.0f + e));
	scalar()->softmax(y, 2);
	CHECK(isnan(y[0]) && isnan(y[1]));
}

/*
 * Attention against double precision: of row i over all rows, those nearer than
 * `window`, or the last `window` of the first seen + i, perhaps with a bias.
 */
static void
check_attention(int seen, int window, float cap, bool biased)
{
	enum
	{
		T = 37,
		DIM = 32
	};
	static float q[T * DIM], k[T * DIM], v[T * DIM], kt[DIM * 48], scores[16 * 48], out[T * DIM];
	static float bias[T * 48];
	SlmAttend args = {.q = q,
					  .kt = kt,
					  .v = v,
					  .out = out,
					  .scores = scores,
					  .q_stride = DIM,
					  .v_stride = DIM,
					  .out_stride = DIM,
					  .k_stride = 48,
					  .k_tile = SLM_KEY_TILE,
					  .t_stride = 48,
					  .t = T,
					  .seen = seen,
					  .window = window,
					  .head_dim = DIM,
					  .scale = 0.176776695f,
					  .cap = cap,
					  .bias = biased ? bias : NULL,
					  .bias_row = 48};

	fill_floats(q, T * DIM, FLOATS_NORMAL);
	fill_floats(k, T * DIM, FLOATS_NORMAL);
	fill_floats(v, T * DIM, FLOATS_NORMAL);
	fill_floats(bias, T * 48, FLOATS_NORMAL);
	scalar()->transpose(k, DIM, T, DIM, kt, 48);
	scalar()->attend(&args, 0, T);
	for (int i = 0; i < T; i++)
	{
		int n = seen > 0 && seen + i < T ? seen + i : T;
		double e[T], max = -INFINITY, sum = 0.0;

		for (int j = 0; j < n; j++)
		{
			e[j] = 0.0;
			for (int c = 0; c < DIM; c++)
				e[j] += (double) q[i * DIM + c] * (double) k[j * DIM + c];
			e[j] = e[j] * (double) args.scale + (biased ? (double) bias[i * 48 + j] : 0.0);
			if (cap > 0.0f)
				e[j] = (double) cap * tanh(e[j] / (double) cap);
			if (window > 0 && (seen > 0 ? j < n - window : abs(i - j) >= window))
				e[j] = -INFINITY;
			max = fmax(max, e[j]);
		}
		for (int j = 0; j < n; j++)
		{
			e[j] = exp(e[j] - max);
			sum += e[j];
		}
		for (int c = 0; c < DIM; c++)
		{
			double truth = 0.0;

			for (int j = 0; j < n; j++)
				truth += e[j] / sum * (double) v[j * DIM + c];
			CHECK(fabs((double) out[i * DIM + c] - truth) <= 1e-5);
		}
	}
}

static void
attend_is_close_to_double(void)
{
	check_attention(0, 0, 0.0f, false);
	check_attention(1, 0, 0.0f, false);
	check_attention(9, 0, 0.0f, false);
	check_attention(1, 9, 0.0f, false);
	check_attention(0, 0, 3.0f, false);
	check_attention(5, 3, 1.0f, false);
	check_attention(0, 0, 0.0f, true);
	check_attention(9, 4, 2.0f, true);
	check_attention(0, 1, 0.0f, false);
	check_attention(0, 10, 0.0f, true);
	check_attention(0, 40, 0.0f, false);
}

int
main(void)
{
	TEST(exp_is_within_one_ulp);
	TEST(exp_ends_are_exact);
	TEST(erf_is_within_one_millionth);
	TEST(gelu_is_close_and_zero_at_the_left);
	TEST(gelu_tanh_and_silu_are_close);
	TEST(tanh_is_within_two_ulp);
	TEST(fp16_is_exact_for_all_patterns);
	TEST(gemm_f16_reads_all_patterns);
	TEST(dot_has_sixteen_lanes_and_a_tree);
	TEST(dot_is_fused);
	TEST(gemm_q8_is_one_fma_per_block);
	TEST(gemm_is_close_to_double);
	TEST(quantize_q8_by_hand);
	TEST(quantize_q8_ends);
	TEST(a_nan_reaches_the_output);
	TEST(layer_norm_by_hand);
	TEST(rms_norm_by_hand);
	TEST(softmax_by_hand);
	TEST(attend_is_close_to_double);
	return check_done();
}
