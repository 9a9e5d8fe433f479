/*
 * test_kernels.c - every variant of every kernel has the scalar reference's bits
 *
 * Covers kernels_avx2.c and kernels_avx512.c against scalar.c, and their bodies.
 * One test per line of kernel_list.inc, by name, so that a kernel without a
 * test does not compile.  Shapes are below, at and past every tile size.
 */
#include "kernel_data.h"

/* Walks the tables beyond scalar that this machine can run. */
#define FOR_EACH_VARIANT(table)                                                                    \
	for (int isa_ = SLM_ISA_SCALAR + 1; isa_ < SLM_ISA_COUNT; isa_++)                              \
		for (const SlmKernels *table = slm_kernels((SlmIsa) isa_); table != NULL; table = NULL)

static const SlmKernels *
scalar(void)
{
	return slm_kernels(SLM_ISA_SCALAR);
}

/* Quantized activations of m rows, from floats of a kind. */
typedef struct Codes
{
	SlmActivations view;
	float *x, *d;
	int8_t *q;
	int32_t *sum, *half_sum;
	size_t k, k_padded, m;
} Codes;

static Codes
codes_make(size_t k, size_t m, FloatKind kind)
{
	Codes c = {.k = k, .k_padded = (size_t) slm_q8_padded((int64_t) k), .m = m};
	size_t d_stride = c.k_padded / SLM_Q8_BLOCK;

	c.x = floats(m * k, kind);
	c.q = guard_alloc(m * c.k_padded);
	c.d = guard_alloc(m * d_stride * sizeof(float));
	c.sum = guard_alloc(m * d_stride * sizeof(int32_t));
	c.half_sum = guard_alloc(m * d_stride * 2 * sizeof(int32_t));
	c.view = (SlmActivations){c.x, k, c.q, c.k_padded, c.d, c.sum, d_stride, c.half_sum};
	for (size_t i = 0; i < m && k % SLM_Q8_BLOCK == 0; i++)
		scalar()->quantize_q8(c.x + i * k, (int64_t) k, (int64_t) c.k_padded, c.q + i * c.k_padded,
							  c.d + i * d_stride, c.sum + i * d_stride);
	slm_half_sums(c.q, (int64_t) (m * c.k_padded), c.half_sum);
	return c;
}

static void
codes_free(Codes *c)
{
	size_t n_block = c->m * (c->k_padded / SLM_Q8_BLOCK);

	floats_free(c->x, c->m * c->k);
	guard_free(c->q, c->m * c->k_padded);
	guard_free(c->d, n_block * sizeof(float));
	guard_free(c->sum, n_block * sizeof(int32_t));
	guard_free(c->half_sum, n_block * 2 * sizeof(int32_t));
}

static void
quantize_q8_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	for (size_t k = SLM_Q8_BLOCK; k <= 40 * SLM_Q8_BLOCK; k += SLM_Q8_BLOCK)
		for (int kind = 0; kind < 2 * FLOATS_KIND_COUNT; kind++)
		{
			Codes c = codes_make(k, 1, (FloatKind) (kind % FLOATS_KIND_COUNT));
			size_t n_block = c.k_padded / SLM_Q8_BLOCK;
			int8_t *q = guard_alloc(c.k_padded);
			float *d = guard_alloc(n_block * sizeof(float));
			int32_t *sum = guard_alloc(n_block * sizeof(int32_t));

			table->quantize_q8(c.x, (int64_t) k, (int64_t) c.k_padded, q, d, sum);
			CHECK(memcmp(q, c.q, c.k_padded) == 0);
			CHECK(memcmp(sum, c.sum, n_block * sizeof(int32_t)) == 0);
			CHECK_INT(first_difference(d, c.d, n_block), -1);
			guard_free(q, c.k_padded);
			guard_free(d, n_block * sizeof(float));
			guard_free(sum, n_block * sizeof(int32_t));
			codes_free(&c);
		}
}

/* One product in every variant; x holds at least m rows of k. */
static void
check_gemm(SlmDtype type, size_t k, int n_group, int m, const Codes *c, bool with_bias)
{
	SlmLayout layout = slm_layout_of(type);
	const SlmDtypeInfo *info = slm_dtype_info(type);
	size_t row_bytes = k / info->block_items * info->block_bytes;
	size_t n_out = (size_t) n_group * SLM_GROUP_ROWS, y_stride = n_out + 16;
	size_t group_bytes = slm_group_bytes(layout, (int64_t) k);
	size_t y_size = (size_t) m * y_stride;
	uint8_t *rows = guard_alloc(row_bytes * n_out);
	uint8_t *w = guard_alloc(group_bytes * (size_t) n_group);
	float *bias = floats(n_out, FLOATS_NORMAL);
	float *expected = floats(y_size, FLOATS_ZERO);

	random_weights(type, rows, row_bytes * n_out);
	for (int g = 0; g < n_group; g++)
		slm_pack_group(type, rows + (size_t) g * SLM_GROUP_ROWS * row_bytes, row_bytes,
					   g == n_group - 1 ? 13 : SLM_GROUP_ROWS, (int64_t) k,
					   w + (size_t) g * group_bytes);
	slm_gemm_of(scalar(), layout)(w, (int64_t) k, n_group, &c->view, m, with_bias ? bias : NULL,
								  expected, y_stride);
	FOR_EACH_VARIANT(table)
	{
		float *y = floats(y_size, FLOATS_ZERO);

		slm_gemm_of(table, layout)(w, (int64_t) k, n_group, &c->view, m, with_bias ? bias : NULL, y,
								   y_stride);
		if (!CHECK_INT(first_difference(y, expected, y_size), -1))
			printf("# %s %s k=%zu groups=%d m=%d\n", table->name, info->name, k, n_group, m);
		floats_free(y, y_size);
	}
	guard_free(rows, row_bytes * n_out);
	guard_free(w, group_bytes * (size_t) n_group);
	floats_free(bias, n_out);
	floats_free(expected, y_size);
}

static void
check_gemm_layout(SlmLayout layout)
{
	static const size_t block_ks[] = {32, 64, 96, 128, 160, 384, 416, 1536};
	static const size_t any_ks[] = {1, 2, 3, 31, 32, 33, 100, 384};
	static const size_t k_ks[] = {256, 512, 768, 1024, 1280, 256, 512, 1536};
	const size_t *ks = layout >= SLM_LAYOUT_K2           ? k_ks
					   : slm_layout_is_quantized(layout) ? block_ks
														 : any_ks;
	size_t k = layout >= SLM_LAYOUT_K2 ? 256 : 96;

	for (int t = 0; t < N_PACKED_TYPES; t++)
	{
		if (slm_layout_of(packed_types[t]) != layout)
			continue;
		for (int kind = 0; kind < FLOATS_KIND_COUNT; kind++)
		{
			Codes c = codes_make(k, 70, (FloatKind) kind);

			for (int m = 1; m <= 70; m++)
				check_gemm(packed_types[t], k, m % 4 + 1, m, &c, m % 3 != 0);
			codes_free(&c);
		}
		for (int i = 0; i < 8; i++)
		{
			Codes c = codes_make(ks[i], 9, FLOATS_NORMAL);

			for (int n_group = 1; n_group <= 7; n_group++)
				check_gemm(packed_types[t], ks[i], n_group, 9, &c, n_group % 2 == 0);
			codes_free(&c);
		}
	}
}

static void
gemm_q8_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_Q8);
}

static void
gemm_q4_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_Q4);
}

static void
gemm_iq4_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_IQ4);
}

static void
gemm_f32_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_F32);
}

static void
gemm_f16_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_F16);
}

static void
gemm_bf16_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_BF16);
}

static void
gemm_k2_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_K2);
}

static void
gemm_k3_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_K3);
}

static void
gemm_k4_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_K4);
}

static void
gemm_k5_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_K5);
}

static void
gemm_k6_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_K6);
}

static void
gemm_ki4_matches_scalar(void)
{
	check_gemm_layout(SLM_LAYOUT_KI4);
}

static void
layer_norm_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	for (size_t n = 1; n <= 400; n += n < 70 ? 1 : 33)
		for (int kind = 0; kind < 4 * FLOATS_KIND_COUNT; kind++)
		{
			float *x = floats(n, (FloatKind) (kind % FLOATS_KIND_COUNT));
			float *residual = floats(n, FLOATS_NORMAL);
			float *weight = floats(n, FLOATS_NORMAL), *bias = floats(n, FLOATS_NORMAL);
			float *y = floats(n, FLOATS_ZERO);
			const float *added = kind / FLOATS_KIND_COUNT % 2 == 0 ? residual : NULL;
			const float *shift = kind / FLOATS_KIND_COUNT < 2 ? bias : NULL;

			scalar()->layer_norm(x, added, weight, shift, 1e-12f, (int64_t) n, y);
			table->layer_norm(x, added, weight, shift, 1e-12f, (int64_t) n, x); /* in place */
			CHECK_INT(first_difference(x, y, n), -1);
			floats_free(x, n);
			floats_free(residual, n);
			floats_free(weight, n);
			floats_free(bias, n);
			floats_free(y, n);
		}
}

static void
rms_norm_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	for (size_t n = 1; n <= 400; n += n < 70 ? 1 : 33)
		for (int kind = 0; kind < FLOATS_KIND_COUNT; kind++)
		{
			float *x = floats(n, (FloatKind) kind), *weight = floats(n, FLOATS_NORMAL);
			float *y = floats(n, FLOATS_ZERO);

			scalar()->rms_norm(x, weight, 1e-5f, (int64_t) n, y);
			table->rms_norm(x, weight, 1e-5f, (int64_t) n, x); /* in place */
			CHECK_INT(first_difference(x, y, n), -1);
			floats_free(x, n);
			floats_free(weight, n);
			floats_free(y, n);
		}
}

static void
check_map(SlmMap *variant, SlmMap *reference)
{
	for (size_t n = 1; n <= 70; n++)
		for (int kind = 0; kind < FLOATS_KIND_COUNT; kind++)
		{
			float *a = floats(n, (FloatKind) kind), *b = floats(n, FLOATS_ZERO);

			memcpy(b, a, n * sizeof(float));
			variant(a, (int64_t) n);
			reference(b, (int64_t) n);
			CHECK_INT(first_difference(a, b, n), -1);
			floats_free(a, n);
			floats_free(b, n);
		}
	/* walks over all sizes of floats, both signs, and over the range that matters */
	for (uint32_t walk = 0; walk < 16; walk++)
	{
		static float a[1 << 16], b[1 << 16];

		for (uint32_t i = 0; i < 1 << 16; i++)
			a[i] = b[i] = walk < 8 ? slm_bits_to_float((i << 16) + walk * 8128)
								   : (float) (int32_t) random_u32() * (10.0f * 0x1p-31f);
		variant(a, 1 << 16);
		reference(b, 1 << 16);
		CHECK_INT(first_difference(a, b, 1 << 16), -1);
	}
}

static void
gelu_erf_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	check_map(table->gelu_erf, scalar()->gelu_erf);
}

static void
gelu_tanh_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	check_map(table->gelu_tanh, scalar()->gelu_tanh);
}

static void
silu_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	check_map(table->silu, scalar()->silu);
}

static void
tanh_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	check_map(table->tanh, scalar()->tanh);
}

static void
dot_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	for (size_t n = 0; n <= 600; n += n < 70 ? 1 : 37)
		for (int kind = 0; kind < FLOATS_KIND_COUNT; kind++)
		{
			float *a = floats(n, (FloatKind) kind), *b = floats(n, FLOATS_NORMAL);
			float actual = table->dot(a, b, (int64_t) n);
			float expected = scalar()->dot(a, b, (int64_t) n);

			CHECK_INT(first_difference(&actual, &expected, 1), -1);
			floats_free(a, n);
			floats_free(b, n);
		}
}

static void
softmax_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	for (size_t n = 1; n <= 600; n += n < 70 ? 1 : 37)
		for (int kind = 0; kind < FLOATS_KIND_COUNT; kind++)
		{
			float *a = floats(n, (FloatKind) kind), *b = floats(n, FLOATS_ZERO);

			for (size_t i = 0; i < n; i++)
				a[i] *= kind == FLOATS_NORMAL ? 20.0f : 1.0f;
			if (kind == FLOATS_NORMAL)
				a[n / 2] = -INFINITY;
			memcpy(b, a, n * sizeof(float));
			table->softmax(a, (int64_t) n);
			scalar()->softmax(b, (int64_t) n);
			CHECK_INT(first_difference(a, b, n), -1);
			floats_free(a, n);
			floats_free(b, n);
		}
	/* enough exponentials for a rounding in the middle of the polynomial to show */
	FOR_EACH_VARIANT(table)
	for (int i = 0; i < 10; i++)
	{
		static float a[1 << 16], b[1 << 16];

		for (int j = 0; j < 1 << 16; j++)
			a[j] = b[j] = (float) random_u32() * (-90.0f * 0x1p-32f);
		table->softmax(a, 1 << 16);
		scalar()->softmax(b, 1 << 16);
		CHECK_INT(first_difference(a, b, 1 << 16), -1);
	}
}

static void
transpose_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	for (int t = 1; t <= 70; t++)
		for (int head_dim = 1; head_dim <= 40; head_dim += head_dim < 10 ? 1 : 5)
		{
			size_t t_stride = ((size_t) t + 15) / 16 * 16, stride = (size_t) head_dim + 3;
			size_t n_k = (size_t) (t - 1) * stride + (size_t) head_dim;
			size_t n_kt = (size_t) head_dim * t_stride;
			float *k = floats(n_k, FLOATS_ANY_BITS);
			float *a = floats(n_kt, FLOATS_NORMAL), *b = floats(n_kt, FLOATS_NORMAL);

			table->transpose(k, stride, t, head_dim, a, t_stride);
			scalar()->transpose(k, stride, t, head_dim, b, t_stride);
			CHECK(memcmp(a, b, n_kt * sizeof(float)) == 0);
			floats_free(k, n_k);
			floats_free(a, n_kt);
			floats_free(b, n_kt);
		}
}

/* What a case of attention has beside its sizes; all as in SlmAttend. */
typedef struct AttendCase
{
	int seen;
	int window;
	float cap;
	ptrdiff_t bias_row; /* 0: no bias */
	FloatKind kind;     /* of queries */
} AttendCase;

/* Keys or values [n_row][n] as their type has them, and scales [n_row][n]. */
typedef struct Stored
{
	void *p;
	uint16_t *scale;
	size_t n;
} Stored;

static Stored
stored_make(SlmDtype type, size_t n)
{
	Stored s = {guard_alloc(n * sizeof(float)), guard_alloc(n * sizeof(uint16_t)), n};

	for (size_t i = 0; i < n; i++)
	{
		float x = random_float(4.0f);
		uint16_t half = slm_float_to_fp16(x);

		if (type == SLM_DTYPE_Q8_0)
			((int8_t *) s.p)[i] = (int8_t) random_u32();
		else if (type == SLM_DTYPE_F16)
			((uint16_t *) s.p)[i] = half;
		else
			((float *) s.p)[i] = x;
		s.scale[i] = half;
	}
	return s;
}

static void
stored_free(const Stored *s)
{
	guard_free(s->p, s->n * sizeof(float));
	guard_free(s->scale, s->n * sizeof(uint16_t));
}

/* Element from of a moves to element to of b. */
static void
stored_move(SlmDtype type, const Stored *a, size_t from, Stored *b, size_t to)
{
	if (type == SLM_DTYPE_Q8_0)
		((int8_t *) b->p)[to] = ((const int8_t *) a->p)[from];
	else if (type == SLM_DTYPE_F16)
		((uint16_t *) b->p)[to] = ((const uint16_t *) a->p)[from];
	else
		((float *) b->p)[to] = ((const float *) a->p)[from];
}

/*
 * The keys [head_dim][t_stride] of args, and their scales, in tiles where other heads'
 * stand between them, as a cache has them; args is made to take them.
 */
static Stored
in_tiles(SlmDtype type, const Stored *kt, SlmAttend *args)
{
	size_t n_block = ((size_t) args->head_dim + SLM_Q8_BLOCK - 1) / SLM_Q8_BLOCK;
	size_t n_tile = (args->t_stride + SLM_KEY_TILE - 1) / SLM_KEY_TILE;
	Stored tiles;

	args->k_tile = ((size_t) args->head_dim + 2) * SLM_KEY_TILE;
	args->k_scale_tile = (n_block + 1) * SLM_KEY_TILE;
	args->k_stride = SLM_KEY_TILE;
	tiles = stored_make(type, n_tile * args->k_tile);
	for (size_t j = 0; j < args->t_stride; j++)
	{
		size_t tile = j / SLM_KEY_TILE, at = j % SLM_KEY_TILE;

		for (size_t d = 0; d < (size_t) args->head_dim; d++)
			stored_move(type, kt, d * args->t_stride + j, &tiles,
						tile * args->k_tile + d * SLM_KEY_TILE + at);
		for (size_t b = 0; b < n_block; b++)
			tiles.scale[tile * args->k_scale_tile + b * SLM_KEY_TILE + at] =
				kt->scale[b * args->t_stride + j];
	}
	args->kt = tiles.p;
	args->k_scale = type == SLM_DTYPE_Q8_0 ? tiles.scale : NULL;
	return tiles;
}

/* Attention of query rows q0 .. q1-1 of t, one head among others. */
static void
check_attend_of(SlmDtype type, const SlmKernels *table, int t, int head_dim, int q0, int q1,
				AttendCase c)
{
	size_t stride = (size_t) head_dim + 5, n = (size_t) (t - 1) * stride + (size_t) head_dim;
	size_t t_stride = ((size_t) t + 15) / 16 * 16;
	size_t n_kt = (size_t) head_dim * t_stride, n_scores = 16 * t_stride;
	/* row -1 of a bias that depends on distances alone begins one further on */
	size_t zero = c.bias_row < 0 ? (size_t) (t - 1) : 0;
	size_t n_bias = zero + (c.bias_row > 0 ? (size_t) (t - 1) * (size_t) c.bias_row : 0) + t_stride;
	float *q = floats(n, c.kind), *scores = floats(n_scores, FLOATS_ANY_BITS);
	Stored kt = stored_make(type, n_kt), tiles;
	Stored v = stored_make(type, n + 15);
	float *a = floats(n, FLOATS_ZERO), *b = floats(n, FLOATS_ZERO);
	float *in_tile = floats(n, FLOATS_ZERO);
	float *bias = floats(n_bias, FLOATS_NORMAL);
	SlmAttend args = {.q = q,
					  .kt = kt.p,
					  .v = v.p,
					  .k_scale = type == SLM_DTYPE_Q8_0 ? kt.scale : NULL,
					  .v_scale = type == SLM_DTYPE_Q8_0 ? v.scale : NULL,
					  .v_scale_stride = stride,
					  .out = a,
					  .scores = scores,
					  .q_stride = stride,
					  .v_stride = stride,
					  .out_stride = stride,
					  .k_stride = t_stride,
					  .k_tile = SLM_KEY_TILE,
					  .k_scale_tile = SLM_KEY_TILE,
					  .t_stride = t_stride,
					  .t = t,
					  .seen = c.seen,
					  .window = c.window,
					  .cap = c.cap,
					  .head_dim = head_dim,
					  .scale = 0.176776695f,
					  .bias = c.bias_row != 0 ? bias + zero : NULL,
					  .bias_row = c.bias_row};

	slm_attend_of(table, type)(&args, q0, q1);
	args.out = b;
	slm_attend_of(scalar(), type)(&args, q0, q1);
	tiles = in_tiles(type, &kt, &args);
	args.out = in_tile;
	slm_attend_of(table, type)(&args, q0, q1);
	if (!CHECK_INT(first_difference(a, b, n), -1) ||
		!CHECK_INT(first_difference(a, in_tile, n), -1))
		printf("# %s %s t=%d seen=%d window=%d cap=%g bias_row=%td head_dim=%d rows %d..%d\n",
			   table->name, slm_dtype_info(type)->name, t, c.seen, c.window, (double) c.cap,
			   c.bias_row, head_dim, q0, q1);
	floats_free(q, n);
	floats_free(in_tile, n);
	stored_free(&kt);
	stored_free(&tiles);
	stored_free(&v);
	floats_free(scores, n_scores);
	floats_free(a, n);
	floats_free(b, n);
	floats_free(bias, n_bias);
}

static void
attend_type_matches_scalar(SlmDtype type)
{
#define check_attend(...) check_attend_of(type, __VA_ARGS__)
	static const int head_dims[] = {32, 64, 1, 15, 16, 17, 48, 80, 128};

	FOR_EACH_VARIANT(table)
	{
		for (int t = 1; t <= 70; t++)
		{
			for (int kind = 0; kind < FLOATS_KIND_COUNT; kind++)
			{
				check_attend(table, t, 32, 0, t, (AttendCase){.kind = (FloatKind) kind});
				check_attend(table, t, 32, 0, t,
							 (AttendCase){.seen = 1 + t / 3, .kind = (FloatKind) kind});
			}
			check_attend(table, t, 32, 0, t, (AttendCase){.bias_row = -1});
			check_attend(table, t, 32, 0, t, (AttendCase){.window = 1 + t / 5});
			check_attend(table, t, 32, t / 3, t, (AttendCase){.window = 9, .bias_row = -1});
			check_attend(table, t, 32, t / 2, t, (AttendCase){.bias_row = t + 15});
		}
		for (int i = 0; i < (int) (sizeof(head_dims) / sizeof(head_dims[0])); i++)
			for (int t = 5; t <= 100; t += 19)
			{
				check_attend(table, t, head_dims[i], t / 3, t, (AttendCase){0});
				check_attend(table, t, head_dims[i], t / 3, t, (AttendCase){.seen = 1});
			}
		for (int t = 1; t <= 70; t += 3)
			for (int kind = 0; kind < FLOATS_KIND_COUNT; kind++)
			{
				AttendCase c = {.kind = (FloatKind) kind, .cap = 2.0f};

				check_attend(table, t, 24, 0, t, c);
				c = (AttendCase){1, 1 + t / 4, 0.0f, 0, (FloatKind) kind};
				check_attend(table, t, 24, 0, t, c);
				c = (AttendCase){1 + t / 3, 7, 30.0f, -1, (FloatKind) kind};
				check_attend(table, t, 32, 0, t, c);
			}
		for (int t = 100; t <= 600; t += 125)
		{
			check_attend(table, t, 64, 0, 19,
						 (AttendCase){.seen = t - 18, .window = 50, .cap = 5.0f});
			check_attend(table, t, 32, t - 19, t, (AttendCase){0});
			check_attend(table, t, 32, 0, 19, (AttendCase){.seen = t - 18});
			check_attend(table, t, 32, t - 19, t, (AttendCase){.bias_row = -1});
			check_attend(table, t, 32, 7, t, (AttendCase){.window = 65, .bias_row = t + 16});
		}
	}
#undef check_attend
}

static void
attend_matches_scalar(void)
{
	attend_type_matches_scalar(SLM_DTYPE_F32);
}

static void
attend_f16_matches_scalar(void)
{
	attend_type_matches_scalar(SLM_DTYPE_F16);
}

static void
attend_q8_matches_scalar(void)
{
	attend_type_matches_scalar(SLM_DTYPE_Q8_0);
}

static void
to_half_matches_scalar(void)
{
	FOR_EACH_VARIANT(table)
	for (int kind = 0; kind < FLOATS_KIND_COUNT; kind++)
		for (int n = 1; n <= 200; n++)
		{
			float *x = floats((size_t) n, (FloatKind) kind);
			uint16_t *a = guard_alloc((size_t) n * 2), *b = guard_alloc((size_t) n * 2);

			if (n % 3 == 0)
				x[n / 2] = 65519.0f + (float) (n % 2); /* the last half, and beyond */
			table->to_half(x, n, a);
			scalar()->to_half(x, n, b);
			for (int i = 0; i < n; i++)
				CHECK(a[i] == b[i] ||
					  (isnan(slm_fp16_to_float(a[i])) && isnan(slm_fp16_to_float(b[i]))));
			floats_free(x, (size_t) n);
			guard_free(a, (size_t) n * 2);
			guard_free(b, (size_t) n * 2);
		}
}

int
main(void)
{
	/* does not compile for a kernel without a test */
#define SLM_KERNEL(type, member) (void) member##_matches_scalar;
#include "kernels/kernel_list.inc"
#undef SLM_KERNEL
	TEST(quantize_q8_matches_scalar);
	TEST(gemm_q8_matches_scalar);
	TEST(gemm_q4_matches_scalar);
	TEST(gemm_iq4_matches_scalar);
	TEST(gemm_f32_matches_scalar);
	TEST(gemm_f16_matches_scalar);
	TEST(gemm_bf16_matches_scalar);
	TEST(gemm_k2_matches_scalar);
	TEST(gemm_k3_matches_scalar);
	TEST(gemm_k4_matches_scalar);
	TEST(gemm_k5_matches_scalar);
	TEST(gemm_k6_matches_scalar);
	TEST(gemm_ki4_matches_scalar);
	TEST(layer_norm_matches_scalar);
	TEST(rms_norm_matches_scalar);
	TEST(gelu_erf_matches_scalar);
	TEST(gelu_tanh_matches_scalar);
	TEST(silu_matches_scalar);
	TEST(tanh_matches_scalar);
	TEST(dot_matches_scalar);
	TEST(softmax_matches_scalar);
	TEST(transpose_matches_scalar);
	TEST(attend_matches_scalar);
	TEST(attend_f16_matches_scalar);
	TEST(attend_q8_matches_scalar);
	TEST(to_half_matches_scalar);
	return check_done();
}
