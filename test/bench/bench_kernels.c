/*
 * bench_kernels.c - speed of each kernel and ISA beside this machine's limits
 *
 *     build/test/bench/bench_kernels [scalar|avx2|avx512|limits]
 *
 * Matrix products in GOP/s (two operations a multiply-add) and as a share of
 * the limit measured in the same run: vpdpbusd on zmm for quantized weights,
 * FMA on zmm for float ones; AVX2 is held against the same limits.  Other
 * kernels in nanoseconds per 16 elements.  Then one encoder layer of MiniLM's
 * shape with its parts, which is where a kernel's share of the whole shows.
 * Each figure is the best of several samples: the machine may be shared.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fp16.h"
#include "kernels/kernels.h"
#include "peak.h"

static void *
allocate(size_t bytes)
{
	void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (p == NULL)
		exit(1);
	memset(p, 1, bytes);
	return p;
}

static float *
random_floats(size_t n)
{
	float *x = allocate(n * sizeof(float));
	uint32_t state = 1;

	for (size_t i = 0; i < n; i++)
	{
		state = state * 1664525 + 1013904223;
		x[i] = (float) (int32_t) state * 0x1p-30f;
	}
	return x;
}

static void
print_share(double ops, double peak)
{
	if (peak > 0.0)
		printf(" %5.1f %%", 100.0 * ops / peak);
	else
		printf("     -  ");
}

/* ---- Matrix products ---- */

typedef struct Product
{
	SlmGemm *gemm;
	const void *w;
	int64_t k;
	int n_group, m;
	SlmActivations x;
	const float *bias;
	float *y;
} Product;

static void
run_product(void *arg)
{
	const Product *p = arg;

	p->gemm(p->w, p->k, p->n_group, &p->x, p->m, p->bias, p->y,
			(size_t) p->n_group * SLM_GROUP_ROWS);
}

/* n_group packed groups of random weights. */
static void *
random_groups(SlmDtype type, int64_t k, int n_group)
{
	const SlmDtypeInfo *info = slm_dtype_info(type);
	size_t row_bytes = (size_t) k / info->block_items * info->block_bytes;
	uint64_t group_bytes = slm_group_bytes(slm_layout_of(type), k);
	uint8_t *packed = allocate(group_bytes * (size_t) n_group);
	float *x = random_floats((size_t) k * SLM_GROUP_ROWS);
	uint8_t *rows = allocate(row_bytes * SLM_GROUP_ROWS);

	if (slm_dtype_is_k(type))
		for (size_t i = 0; i < row_bytes * SLM_GROUP_ROWS; i++)
			rows[i] = (uint8_t) (i * 37 & 0x3f); /* any bytes: halves are small and positive */
	else
		slm_quantize(type, x, rows, k * SLM_GROUP_ROWS);
	for (int g = 0; g < n_group; g++)
		slm_pack_group(type, rows, row_bytes, SLM_GROUP_ROWS, k,
					   packed + (uint64_t) g * group_bytes);
	free(x);
	free(rows);
	return packed;
}

static SlmActivations
random_activations(int64_t k, int m)
{
	size_t padded = (size_t) slm_q8_padded(k), blocks = padded / SLM_Q8_BLOCK;
	float *x = random_floats((size_t) m * (size_t) k);
	int8_t *q = allocate((size_t) m * padded);
	float *d = allocate((size_t) m * blocks * sizeof(float));
	int32_t *sum = allocate((size_t) m * blocks * sizeof(int32_t));
	int32_t *half_sum = allocate((size_t) m * blocks * 2 * sizeof(int32_t));

	for (int i = 0; i < m; i++)
		slm_kernels(SLM_ISA_AUTO)
			->quantize_q8(x + (size_t) i * (size_t) k, k, (int64_t) padded, q + (size_t) i * padded,
						  d + (size_t) i * blocks, sum + (size_t) i * blocks);
	slm_half_sums(q, (int64_t) ((size_t) m * padded), half_sum);
	return (SlmActivations){x, (size_t) k, q, padded, d, sum, blocks, half_sum};
}

static void
free_activations(SlmActivations *x)
{
	free((void *) x->x);
	free((void *) x->q);
	free((void *) x->d);
	free((void *) x->sum);
	free((void *) x->half_sum);
}

static void
bench_products(SlmIsa from, SlmIsa to)
{
	static const struct
	{
		SlmDtype type;
		int n_out, k, m;
	} shapes[] = {
		{SLM_DTYPE_Q8_0, 384, 384, 128},
		{SLM_DTYPE_Q8_0, 1536, 384, 128},
		{SLM_DTYPE_Q8_0, 384, 1536, 128},
		{SLM_DTYPE_Q8_0, 384, 384, 32},
		{SLM_DTYPE_Q8_0, 1536, 384, 32},
		{SLM_DTYPE_Q8_0, 384, 1536, 32},
		{SLM_DTYPE_Q8_0, 768, 768, 128},
		{SLM_DTYPE_Q8_0, 3072, 768, 128},
		{SLM_DTYPE_Q8_0, 768, 3072, 128},
		{SLM_DTYPE_Q8_0, 320, 320, 37},
		{SLM_DTYPE_Q8_0, 1536, 384, 8},
		{SLM_DTYPE_Q8_0, 1536, 384, 4},
		{SLM_DTYPE_Q8_0, 1536, 384, 1},
		{SLM_DTYPE_Q8_0, 8192, 4096, 1},
		{SLM_DTYPE_Q8_0, 8192, 4096, 4},
		{SLM_DTYPE_Q8_0, 8192, 4096, 8},
		{SLM_DTYPE_Q8_0, 8192, 4096, 16},
		{SLM_DTYPE_F32, 384, 384, 128},
		{SLM_DTYPE_F32, 1536, 384, 128},
		{SLM_DTYPE_F32, 384, 1536, 128},
		{SLM_DTYPE_F16, 1536, 384, 128},
		{SLM_DTYPE_BF16, 1536, 384, 128},
		{SLM_DTYPE_Q4_0, 1536, 512, 128},
		{SLM_DTYPE_Q4_0, 8192, 4096, 1},
		{SLM_DTYPE_IQ4_XS, 1536, 512, 128},
		{SLM_DTYPE_IQ4_XS, 8192, 4096, 1},
		{SLM_DTYPE_Q4_K, 1536, 512, 128},
		{SLM_DTYPE_Q5_K, 1536, 512, 128},
		{SLM_DTYPE_Q6_K, 1536, 512, 128},
		{SLM_DTYPE_Q2_K, 1536, 512, 128},
		{SLM_DTYPE_Q4_K, 8192, 4096, 1},
		{SLM_DTYPE_Q4_K, 8192, 4096, 4},
		{SLM_DTYPE_Q4_K, 8192, 4096, 16},
		{SLM_DTYPE_Q6_K, 8192, 4096, 1},
		{SLM_DTYPE_Q6_K, 8192, 4096, 4},
		{SLM_DTYPE_Q5_K, 8192, 4096, 1},
		/* from memory: one row, as a decoder writes */
		{SLM_DTYPE_Q8_0, 65536, 2048, 1},
		{SLM_DTYPE_Q4_0, 131072, 2048, 1},
		{SLM_DTYPE_Q4_K, 131072, 2048, 1},
		{SLM_DTYPE_Q6_K, 131072, 2048, 1},
		{SLM_DTYPE_Q4_K, 131072, 2048, 2},
		{SLM_DTYPE_Q4_K, 131072, 2048, 4},
		{SLM_DTYPE_Q4_K, 131072, 2048, 16},
		{SLM_DTYPE_Q6_K, 131072, 2048, 4},
		{SLM_DTYPE_Q4_0, 131072, 2048, 4},
	};

	printf("\n%-6s %6s %6s %5s  %-7s %8s %7s %9s\n", "type", "n_out", "k", "m", "isa", "GOP/s",
		   "share", "weights");
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
	{
		int64_t k = shapes[s].k;
		SlmLayout layout = slm_layout_of(shapes[s].type);
		int n_group = shapes[s].n_out / SLM_GROUP_ROWS;
		size_t n_y = (size_t) shapes[s].m * (size_t) shapes[s].n_out;
		double ops = 2.0 * (double) k * (double) n_y;
		double bytes = (double) slm_group_bytes(layout, k) * n_group;
		void *w = random_groups(shapes[s].type, k, n_group);
		float *bias = random_floats((size_t) shapes[s].n_out), *y = random_floats(n_y);
		Product product = {NULL, w, k, n_group, shapes[s].m, random_activations(k, shapes[s].m),
						   bias, y};

		for (int isa = from; isa <= (int) to; isa++)
		{
			double peak, seconds;

			if (!slm_isa_available((SlmIsa) isa))
				continue;
			peak = peak_ops(slm_layout_is_quantized(layout));
			product.gemm = slm_gemm_of(slm_kernels((SlmIsa) isa), layout);
			seconds = measure(run_product, &product);
			printf("%-6s %6d %6d %5d  %-7s %8.1f", slm_dtype_info(shapes[s].type)->name,
				   shapes[s].n_out, shapes[s].k, shapes[s].m, slm_isa_name((SlmIsa) isa),
				   ops / seconds * 1e-9);
			print_share(ops / seconds, peak);
			printf(" %4.0f GB/s\n", bytes / seconds * 1e-9);
		}
		free(w);
		free(bias);
		free(y);
		free_activations(&product.x);
	}
}

/* ---- One encoder layer: BERT's, 384 wide, 12 heads of 32, 1536 between ---- */

#define WIDTH 384
#define HEADS 12
#define HEAD_DIM 32
#define FF 1536

typedef struct Layer
{
	const SlmKernels *kernels;
	int t;                               /* tokens of one sequence */
	void *w_qkv, *w_out, *w_up, *w_down; /* packed Q8 */
	const float *bias, *weight;          /* [FF] of anything */
	SlmActivations narrow, wide;         /* codes of WIDTH and FF */
	float *h, *qkv, *mixed, *projected, *ff;
	float *kt, *scores;
} Layer;

static void
quantize_rows(const Layer *l, const float *x, int k, const SlmActivations *into)
{
	for (size_t i = 0; i < (size_t) l->t; i++)
		l->kernels->quantize_q8(x + i * (size_t) k, k, k, (int8_t *) into->q + i * into->q_stride,
								(float *) into->d + i * into->d_stride,
								(int32_t *) into->sum + i * into->d_stride);
}

static void
norm_rows(const Layer *l, const float *residual)
{
	for (size_t i = 0; i < (size_t) l->t; i++)
		l->kernels->layer_norm(l->h + i * WIDTH, residual + i * WIDTH, l->weight, l->bias, 1e-12f,
							   WIDTH, l->h + i * WIDTH);
}

static void
part_quantize(void *arg)
{
	const Layer *l = arg;

	quantize_rows(l, l->h, WIDTH, &l->narrow);
	quantize_rows(l, l->mixed, WIDTH, &l->narrow);
	quantize_rows(l, l->h, WIDTH, &l->narrow);
	quantize_rows(l, l->ff, FF, &l->wide);
}

static void
part_products(void *arg)
{
	const Layer *l = arg;

	l->kernels->gemm_q8(l->w_qkv, WIDTH, 3 * WIDTH / SLM_GROUP_ROWS, &l->narrow, l->t, l->bias,
						l->qkv, 3 * WIDTH);
	l->kernels->gemm_q8(l->w_out, WIDTH, WIDTH / SLM_GROUP_ROWS, &l->narrow, l->t, l->bias,
						l->projected, WIDTH);
	l->kernels->gemm_q8(l->w_up, WIDTH, FF / SLM_GROUP_ROWS, &l->narrow, l->t, l->bias, l->ff, FF);
	l->kernels->gemm_q8(l->w_down, FF, WIDTH / SLM_GROUP_ROWS, &l->wide, l->t, l->bias,
						l->projected, WIDTH);
}

static void
part_attention(void *arg)
{
	const Layer *l = arg;
	SlmAttend attend = {.kt = l->kt,
						.scores = l->scores,
						.q_stride = 3 * WIDTH,
						.v_stride = 3 * WIDTH,
						.out_stride = WIDTH,
						.k_stride = ((size_t) l->t + 15) / 16 * 16,
						.k_tile = SLM_KEY_TILE,
						.t_stride = ((size_t) l->t + 15) / 16 * 16,
						.t = l->t,
						.head_dim = HEAD_DIM,
						.scale = 0.176776695f};

	for (int head = 0; head < HEADS; head++)
	{
		attend.q = l->qkv + head * HEAD_DIM;
		attend.v = attend.q + 2 * WIDTH;
		attend.out = l->mixed + head * HEAD_DIM;
		l->kernels->transpose(attend.q + WIDTH, 3 * WIDTH, l->t, HEAD_DIM, l->kt, attend.t_stride);
		l->kernels->attend(&attend, 0, l->t);
	}
}

static void
part_norms(void *arg)
{
	const Layer *l = arg;

	norm_rows(l, l->projected);
	norm_rows(l, l->projected);
}

static void
part_gelu(void *arg)
{
	const Layer *l = arg;

	/* the input is not what a product leaves, but a row of it is in cache alike */
	l->kernels->gelu_erf(l->ff, (int64_t) l->t * FF);
}

/* In the order of a forward pass. */
static void
whole_layer(void *arg)
{
	const Layer *l = arg;

	quantize_rows(l, l->h, WIDTH, &l->narrow);
	l->kernels->gemm_q8(l->w_qkv, WIDTH, 3 * WIDTH / SLM_GROUP_ROWS, &l->narrow, l->t, l->bias,
						l->qkv, 3 * WIDTH);
	part_attention(arg);
	quantize_rows(l, l->mixed, WIDTH, &l->narrow);
	l->kernels->gemm_q8(l->w_out, WIDTH, WIDTH / SLM_GROUP_ROWS, &l->narrow, l->t, l->bias,
						l->projected, WIDTH);
	norm_rows(l, l->projected);
	quantize_rows(l, l->h, WIDTH, &l->narrow);
	l->kernels->gemm_q8(l->w_up, WIDTH, FF / SLM_GROUP_ROWS, &l->narrow, l->t, l->bias, l->ff, FF);
	part_gelu(arg);
	quantize_rows(l, l->ff, FF, &l->wide);
	l->kernels->gemm_q8(l->w_down, FF, WIDTH / SLM_GROUP_ROWS, &l->wide, l->t, l->bias,
						l->projected, WIDTH);
	norm_rows(l, l->projected);
}

static void
bench_layer(SlmIsa isa, int t)
{
	static const struct
	{
		const char *name;
		Work *work;
	} parts[] = {{"products", part_products}, {"attention", part_attention},
				 {"quantize", part_quantize}, {"norms", part_norms},
				 {"gelu", part_gelu},         {"whole layer", whole_layer}};
	size_t n = (size_t) t, t_stride = (n + 15) / 16 * 16;
	double ops = 2.0 * (4.0 * WIDTH * WIDTH + 2.0 * WIDTH * FF) * t, peak = peak_ops(true);
	Layer l = {.kernels = slm_kernels(isa), .t = t};

	l.w_qkv = random_groups(SLM_DTYPE_Q8_0, WIDTH, 3 * WIDTH / SLM_GROUP_ROWS);
	l.w_out = random_groups(SLM_DTYPE_Q8_0, WIDTH, WIDTH / SLM_GROUP_ROWS);
	l.w_up = random_groups(SLM_DTYPE_Q8_0, WIDTH, FF / SLM_GROUP_ROWS);
	l.w_down = random_groups(SLM_DTYPE_Q8_0, FF, WIDTH / SLM_GROUP_ROWS);
	l.bias = random_floats(FF);
	l.weight = random_floats(FF);
	l.narrow = random_activations(WIDTH, t);
	l.wide = random_activations(FF, t);
	l.h = random_floats(n * WIDTH);
	l.qkv = random_floats(n * 3 * WIDTH);
	l.mixed = random_floats(n * WIDTH);
	l.projected = random_floats(n * WIDTH);
	l.ff = random_floats(n * FF);
	l.kt = random_floats(HEAD_DIM * t_stride);
	l.scores = random_floats(16 * t_stride);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		double seconds = measure(parts[i].work, &l);

		printf("%-12s %6d  %-7s %9.1f", parts[i].name, t, slm_isa_name(isa), seconds * 1e6);
		print_share(ops / seconds, peak);
		printf("\n");
	}
	free(l.w_qkv);
	free(l.w_out);
	free(l.w_up);
	free(l.w_down);
	free((void *) l.bias);
	free((void *) l.weight);
	free_activations(&l.narrow);
	free_activations(&l.wide);
	free(l.h);
	free(l.qkv);
	free(l.mixed);
	free(l.projected);
	free(l.ff);
	free(l.kt);
	free(l.scores);
}

/* ---- Row kernels, on one row of FF elements in cache ---- */

typedef struct Rows
{
	const SlmKernels *kernels;
	float *x, *y, *weight, *bias;
	int8_t *q;
	float *d;
	int32_t *sum;
	volatile float sink;
} Rows;

static void
row_quantize(void *arg)
{
	Rows *r = arg;

	r->kernels->quantize_q8(r->x, FF, FF, r->q, r->d, r->sum);
}

static void
row_layer_norm(void *arg)
{
	Rows *r = arg;

	r->kernels->layer_norm(r->x, r->bias, r->weight, r->bias, 1e-12f, FF, r->y);
}

static void
row_gelu(void *arg)
{
	Rows *r = arg;

	r->kernels->gelu_erf(r->y, FF);
}

static void
row_tanh(void *arg)
{
	Rows *r = arg;

	r->kernels->tanh(r->y, FF);
}

static void
row_dot(void *arg)
{
	Rows *r = arg;

	r->sink = r->kernels->dot(r->x, r->weight, FF);
}

static void
row_softmax(void *arg)
{
	Rows *r = arg;

	r->kernels->softmax(r->y, FF);
}

static void
row_transpose(void *arg)
{
	Rows *r = arg;

	r->kernels->transpose(r->x, HEAD_DIM, FF / HEAD_DIM, HEAD_DIM, r->y, FF / HEAD_DIM);
}

static void
bench_rows(SlmIsa from, SlmIsa to)
{
	static const struct
	{
		const char *name;
		Work *work;
	} parts[] = {{"quantize_q8", row_quantize},
				 {"layer_norm", row_layer_norm},
				 {"gelu_erf", row_gelu},
				 {"tanh", row_tanh},
				 {"dot", row_dot},
				 {"softmax", row_softmax},
				 {"transpose", row_transpose}};
	Rows r = {.x = random_floats(FF),
			  .y = random_floats(FF),
			  .weight = random_floats(FF),
			  .bias = random_floats(FF),
			  .q = allocate(FF),
			  .d = allocate(FF),
			  .sum = allocate(FF)};

	printf("\n%-12s  %-7s %9s\n", "row kernel", "isa", "ns per 16");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (int isa = from; isa <= (int) to; isa++)
		{
			if (!slm_isa_available((SlmIsa) isa))
				continue;
			r.kernels = slm_kernels((SlmIsa) isa);
			printf("%-12s  %-7s %9.2f\n", parts[i].name, slm_isa_name((SlmIsa) isa),
				   measure(parts[i].work, &r) / (FF / 16) * 1e9);
		}
	free(r.x);
	free(r.y);
	free(r.weight);
	free(r.bias);
	free(r.q);
	free(r.d);
	free(r.sum);
}

static void
print_machine(void)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "model name", 10) == 0 || strncmp(line, "cpu family", 10) == 0 ||
			strncmp(line, "cache size", 10) == 0)
			fputs(line, stdout);
		else if (strncmp(line, "flags", 5) == 0)
			break;
	if (f != NULL)
		fclose(f);
}

int
main(int argc, char **argv)
{
	SlmIsa from = SLM_ISA_SCALAR, to = SLM_ISA_AVX512;

	for (int isa = SLM_ISA_SCALAR; isa < SLM_ISA_COUNT; isa++)
		if (argc > 1 && strcmp(argv[1], slm_isa_name((SlmIsa) isa)) == 0)
			from = to = (SlmIsa) isa;
	print_machine();
	if (peak_ops(true) > 0.0)
		printf("one core: vpdpbusd zmm %.0f GOP/s, FMA zmm %.0f GFLOP/s\n", peak_ops(true) * 1e-9,
			   peak_ops(false) * 1e-9);
	if (argc > 1 && strcmp(argv[1], "limits") == 0)
		return 0;
	bench_products(from, to);
	bench_rows(from, to);
	printf("\n%-12s %6s  %-7s %9s %7s\n", "MiniLM layer", "tokens", "isa", "us", "share");
	for (int isa = from; isa <= (int) to; isa++)
		if (slm_isa_available((SlmIsa) isa))
		{
			bench_layer((SlmIsa) isa, 32);
			bench_layer((SlmIsa) isa, 128);
		}
	return 0;
}
