/*
 * kernels.h - the inventory of inner loops, their contracts, and their choice
 *
 * Every kernel exists as a scalar reference; an ISA variant overwrites what it
 * has and must give the same bits (law 2).  The canonical arithmetic:
 *
 *   - "lane" i of a reduction over n floats holds elements i, i+16, i+32, ...
 *     accumulated in that order by fmaf (or add, max); the 16 lanes are then
 *     combined as a fixed tree: l[i] op l[i+8], then +4, +2, +1.  Elements past
 *     n do not take part.
 *   - a matrix product has one lane per output row and walks K in order, so it
 *     has no horizontal sum:
 *       quantized  acc = fmaf((float) isum, dw * da, acc) per run of weights
 *                  that share the scale dw (32, or 16 in some), isum exact in
 *                  int32; in types with minima then acc = fmaf(-mw, da *
 *                  (float) asum, acc), mw = dmin * min and asum the sum of the
 *                  run's activation codes;
 *       float      acc = fmaf(w, x, acc) per element;
 *     then acc + bias.
 *   - exp, erf and tanh are our own polynomials, fixed operations in float.
 *   - only +, -, *, /, sqrt, fma, rint, min, max and conversions are used;
 *     objects are compiled with -ffp-contract=off.
 *
 * A result therefore depends on the operands alone: not on the batch, the
 * tile, the thread or the CPU.  The one exception is the sign and payload of a
 * NaN: that a result is NaN is the same everywhere, which NaN is not.
 *
 * Packed weights ("layout"): output rows in groups of 16, K running inside the
 * group, one ascending stream.  n_out is padded to 16 with zero rows, so
 * outputs are written 16 at a time and every y has a row stride that is a
 * multiple of 16.
 *
 *   SLM_LAYOUT_Q8, SLM_LAYOUT_Q4, SLM_LAYOUT_IQ4
 *                   K padded to 64 with zeros, one pair of 32-blocks after another:
 *                   the codes of both, at (k/32%2)*512 + (k%32/4)*64 + r*4 + k%4 as
 *                   u8 = q + 128, or in 4 bits at (k/32%2)*256 + (k%16/4)*64 + r*4 +
 *                   k%4, k%32 < 16 in the low half of the byte; then fp16 scales, at
 *                   (k/32%2)*32 + 2r.  Serve Q8_0 and Q5_0, Q4_0, IQ4_NL files: their
 *                   codes and scales are carried over unchanged.
 *   SLM_LAYOUT_K*   Blocks of 256 (SlmBlockK), with codes, scales and minima as
 *                   they are in the file; layout_k.h has the bytes.
 *   SLM_LAYOUT_F32  [K][16] float;  SLM_LAYOUT_F16, SLM_LAYOUT_BF16  [K][16] u16.
 *
 * Kernels poll nothing: callers bound the work of one call (SLM_POLL_MACS).
 */
#ifndef SLM_KERNELS_KERNELS_H
#define SLM_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"

#define SLM_GROUP_ROWS 16 /* output rows of one packed group */

#define SLM_Q8_BLOCK 32         /* elements that share a scale */
#define SLM_Q8_OFFSET 128       /* stored code - code */
#define SLM_Q8_LOWEST 0x1p-100f /* blocks whose amax is below count as zero */

/* K padded to whole pairs of blocks. */
static inline int64_t
slm_q8_padded(int64_t k)
{
	return (k + 2 * SLM_Q8_BLOCK - 1) / (2 * SLM_Q8_BLOCK) * (2 * SLM_Q8_BLOCK);
}

typedef enum SlmLayout
{
	SLM_LAYOUT_Q8 = 0,
	SLM_LAYOUT_F32 = 1,
	SLM_LAYOUT_F16 = 2,
	SLM_LAYOUT_BF16 = 3,
	SLM_LAYOUT_Q4 = 4,
	SLM_LAYOUT_IQ4 = 5,
	SLM_LAYOUT_K2 = 6,   /* Q2_K: codes of 4 bits, runs of 16, minima */
	SLM_LAYOUT_K3 = 7,   /* Q3_K: signed codes of 4 bits, runs of 16 */
	SLM_LAYOUT_K4 = 8,   /* Q4_K: codes of 4 bits, runs of 32, minima */
	SLM_LAYOUT_K5 = 9,   /* Q5_K: codes of 5 bits, runs of 32, minima */
	SLM_LAYOUT_K6 = 10,  /* Q6_K: signed codes of 6 bits, runs of 16 */
	SLM_LAYOUT_KI4 = 11, /* IQ4_XS: 4 bits that stand for signed bytes, runs of 16 */
	SLM_LAYOUT_COUNT
} SlmLayout;

/* Products of this layout read codes of activations, not floats. */
static inline bool
slm_layout_is_quantized(SlmLayout layout)
{
	return layout == SLM_LAYOUT_Q8 || layout >= SLM_LAYOUT_Q4;
}

/* They read half_sum, too. */
static inline bool
slm_layout_wants_half_sums(SlmLayout layout)
{
	return layout >= SLM_LAYOUT_K2 && layout != SLM_LAYOUT_K4 && layout != SLM_LAYOUT_K5;
}

/*
 * Activation rows as a matrix product reads them.  Float layouts use x; the
 * others use q, d, sum, filled by quantize_q8() row by row, and half_sum, filled
 * by slm_half_sums().
 */
typedef struct SlmActivations
{
	const float *x; /* [m][x_stride], 64-byte aligned rows not required */
	size_t x_stride;
	const int8_t *q; /* [m][q_stride], codes in -127..127, zero past K */
	size_t q_stride; /* K padded to 64 */
	const float *d;  /* [m][d_stride] one scale per 32, zero past K */
	const int32_t
		*sum;        /* [m][d_stride] -128 * sum of the 32 codes: the correction for u8 weights */
	size_t d_stride; /* q_stride / 32 */
	const int32_t *half_sum; /* [m][2 * d_stride] -128 * sum of 16 codes; NULL where nothing asks */
} SlmActivations;

/*
 * y[i][r] = bias[r] + sum over k of w[r][k] * x[i][k], for i < m and the
 * n_group * 16 rows packed at w.  bias is NULL or holds n_group * 16 floats.
 */
typedef void SlmGemm(const void *w, int64_t k, int n_group, const SlmActivations *x, int m,
					 const float *bias, float *y, size_t y_stride);

/*
 * One row of K (a multiple of 32) floats to codes: per 32, d = amax / 127, q =
 * rint(x / d computed as x * (127 / amax)), all zero when amax < 2^-100 (127 /
 * amax must not overflow); K is padded to k_padded (a multiple of 64) with
 * zeros.  A NaN or infinity gives d = NaN and codes of zero, so that it is seen
 * in the output.
 */
typedef void SlmQuantizeRow(const float *x, int64_t k, int64_t k_padded, int8_t *q, float *d,
							int32_t *sum);

/*
 * y = fmaf((h - mean) * (1 / sqrt(var + eps)), weight, bias), without a bias
 * (NULL) the product, with h = x + residual (residual may be NULL); mean and var
 * are canonical 16-lane sums divided by n.  y may be x or residual.
 */
typedef void SlmLayerNorm(const float *x, const float *residual, const float *weight,
						  const float *bias, float eps, int64_t n, float *y);

/*
 * y = x * (1 / sqrt(sum / n + eps)) * weight, sum the canonical dot product of x
 * with itself (Zhang and Sennrich 2019).  y may be x.
 */
typedef void SlmRmsNorm(const float *x, const float *weight, float eps, int64_t n, float *y);

/*
 * In place, element by element.  gelu_erf is x (1 + erf(x / sqrt 2)) / 2;
 * gelu_tanh its approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
 * (Hendrycks and Gimpel 2016); silu is x / (1 + exp(-x)).
 */
typedef void SlmMap(float *x, int64_t n);

/* Canonical dot product of two float vectors. */
typedef float SlmDot(const float *a, const float *b, int64_t n);

/* In place: exp(x - max) / sum; exp is 0 below -87. n >= 1. */
typedef void SlmSoftmax(float *x, int64_t n);

/*
 * Attention of query rows q0 .. q1-1 of one head over the t rows of its own
 * sequence: all of them, or, of a causal one, row i over the first seen + i.  With
 * a window, only over those that are nearer to its own key than that; its own key
 * is the last that a causal row sees, else key i.
 *   q, out    [q1][stride] rows of the packed q and output, at this head's column
 *   kt        keys transposed, in tiles of SLM_KEY_TILE: dimension d of key j at
 *             [j / SLM_KEY_TILE * k_tile + d * k_stride + j % SLM_KEY_TILE], so with
 *             k_tile = SLM_KEY_TILE [head_dim][k_stride]; what stands past t up to a
 *             multiple of 16 is read and has no effect
 *   v         [t][stride]
 *   k_scale, v_scale   of codes alone, see SlmAttendRows
 *   scores    scratch, 16 * t_stride floats (at most 16 query rows at a time),
 *             t_stride a multiple of 16
 * score = (canonical order over head_dim, one lane per key: fmaf chain) * scale,
 * or, with a bias, fmaf(chain, scale, bias); with a cap it becomes cap *
 * tanh(score / cap).  e = exp(score - max); out = (fmaf chain over keys of e * v) /
 * (16-lane sum of e).
 * A key that a row does not see takes no part; the sign of a zero apart, that is
 * what a key with e = 0 does, too.
 */
#define SLM_KEY_TILE 64

typedef struct SlmAttend
{
	const float *q;
	const void *kt;
	const void *v;
	float *out;
	float *scores;
	size_t q_stride;
	size_t v_stride;
	size_t out_stride;
	size_t k_stride;
	size_t k_tile;
	size_t t_stride;
	int t;
	int seen;   /* rows that row 0 sees, 1 .. t; 0: every row sees all */
	int window; /* 0: none */
	int head_dim;
	float scale;
	float cap;          /* 0: none */
	const float *bias;  /* of row i and key j at [i * bias_row + j]; read as far as kt; or NULL */
	ptrdiff_t bias_row; /* -1 where it depends on j - i alone */
	const uint16_t *k_scale;
	const uint16_t *v_scale;
	size_t k_scale_tile;
	size_t v_scale_stride;
} SlmAttend;

/* Keys *first .. *end-1 are those that row i sees; both never decrease with i. */
static inline void
slm_attend_seen(const SlmAttend *args, int i, int *first, int *end)
{
	int own = (args->seen > 0 ? args->seen - 1 : 0) + i;

	own = own < args->t ? own : args->t - 1;
	*first = args->window > 0 && own >= args->window ? own - args->window + 1 : 0;
	*end = args->seen > 0 ? own + 1 : args->t;
	if (args->window > 0 && own + args->window < *end)
		*end = own + args->window;
}

/*
 * What keys and values are tells the kernels apart; the bits are those of attend
 * over the floats that they stand for:
 *
 *   attend       floats
 *   attend_f16   IEEE halves
 *   attend_q8    codes (int8), each times the IEEE half of its block, a product
 *                that a float holds: k_scale of block b and key j at
 *                [j / SLM_KEY_TILE * k_scale_tile + b * k_stride + j % SLM_KEY_TILE],
 *                v_scale [t][v_scale_stride], 32 dimensions of a head a block and
 *                what is left another
 *
 * Of halves and codes a row of v is read to a multiple of 16 dimensions; what
 * stands past head_dim has no effect.
 */
typedef void SlmAttendRows(const SlmAttend *args, int q0, int q1);

/* y = the nearest IEEE halves, ties to even; NaN where a half is too small for x. */
typedef void SlmToHalf(const float *x, int64_t n, uint16_t *y);

/* kt[d][j] = k[j][d]; zero for t <= j < t_stride. */
typedef void SlmTranspose(const float *k, size_t k_stride, int t, int head_dim, float *kt,
						  size_t t_stride);

/* The dispatch table: one member per line of kernel_list.inc. */
typedef struct SlmKernels
{
	const char *name; /* of the ISA: "scalar", "avx2", "avx512" */
#define SLM_KERNEL(type, member) type *member;
#include "kernels/kernel_list.inc"
#undef SLM_KERNEL
} SlmKernels;

typedef enum SlmIsa
{
	SLM_ISA_AUTO = 0, /* the best this CPU has */
	SLM_ISA_SCALAR,
	SLM_ISA_AVX2,   /* with FMA and F16C */
	SLM_ISA_AVX512, /* F, BW, DQ, VL and VNNI */
	SLM_ISA_COUNT
} SlmIsa;

/* Does this CPU, and the operating system's register state, have it? */
extern bool slm_isa_available(SlmIsa isa);
extern const char *slm_isa_name(SlmIsa isa);

/*
 * The table of an ISA: scalar, overwritten by each variant up to it.  NULL when
 * not available.  Thread-safe, no allocation; the tables are constant.
 */
extern const SlmKernels *slm_kernels(SlmIsa isa);

/* The table's product for a layout. */
extern SlmGemm *slm_gemm_of(const SlmKernels *kernels, SlmLayout layout);

/* The table's attention over keys and values of a type: F32, F16 or Q8_0. */
extern SlmAttendRows *slm_attend_of(const SlmKernels *kernels, SlmDtype type);

/* sum[i] = -128 * the sum of codes 16 i .. 16 i + 15, for n (a multiple of 16) codes. */
extern void slm_half_sums(const int8_t *q, int64_t n, int32_t *sum);

/* Packing, run when an image is built (plain C, one implementation). */

/* The layout that a file's type is packed into. */
extern SlmLayout slm_layout_of(SlmDtype type);

/* Bytes of one packed group of 16 rows of k elements. */
extern uint64_t slm_group_bytes(SlmLayout layout, int64_t k);

/*
 * Packs n_rows <= 16 consecutive file rows of k elements (row_bytes apart, in
 * the file's type) into one group; missing rows are zero.
 */
extern void slm_pack_group(SlmDtype type, const void *rows, size_t row_bytes, int n_rows, int64_t k,
						   void *group);

/* Row r (0 .. 15) of a packed group as k floats: what slm_dequantize() gave of the file's row. */
extern void slm_unpack_row(SlmLayout layout, const void *group, int r, int64_t k, float *out);

#endif
