/*
 * compute.h - one forward computation: what it borrows, how it polls, its steps
 *
 * Activations are rows of floats, [n_row][stride] with strides that are
 * multiples of 16, because kernels write whole groups of 16 outputs.
 *
 * Law 2 holds here by construction: every step treats rows one by one, but
 * attention, which stays inside one sequence.  How rows are cut into panels
 * can therefore change speed only.
 *
 * Law 3: work is counted in units of about one integer multiply-add, and the
 * host is polled whenever a budget is used up.  Steps that might exceed half a
 * budget are cut.
 */
#ifndef SLM_MODEL_COMPUTE_H
#define SLM_MODEL_COMPUTE_H

#include "base/arena.h"
#include "model/model_impl.h"

typedef struct SlmCompute
{
	const SlmModel *model;
	const SlmKernels *kernels;
	const SlmHost *host;
	SlmArena *arena;
	int64_t budget; /* units between two polls */
	int64_t spent;  /* since the last poll */
} SlmCompute;

/* Units of work an element costs, measured on the scalar reference. */
enum
{
	SLM_COST_FLOAT_MAC = 4,
	SLM_COST_MOVE = 2,
	SLM_COST_QUANTIZE = 8,
	SLM_COST_NORM = 16,
	SLM_COST_LOOKUP = 128, /* three rows of tables, plain C on every CPU */
	SLM_COST_EXP = 32
};

extern void slm_compute_init(SlmCompute *c, const SlmModel *model, const SlmKernels *kernels,
							 const SlmHost *host, SlmArena *arena);

/* Counts units of work just done or about to be done, and polls when it is time. */
static inline SlmStatus
slm_spend(SlmCompute *c, int64_t units, SlmError *err)
{
	c->spent += units;
	if (c->spent < c->budget)
		return SLM_OK;
	c->spent = 0;
	return slm_poll(c->host, err);
}

/* What a model gives is SLM_ERR_CORRUPT where it is no number. */
extern SlmStatus slm_check_finite(const float *x, size_t n, SlmError *err) SLM_MUST_CHECK;

/* Rows of n floats are kept this far apart. */
static inline size_t
slm_row_stride(int64_t n)
{
	return (size_t) (n + SLM_GROUP_ROWS - 1) / SLM_GROUP_ROWS * SLM_GROUP_ROWS;
}

/* Row i of a table, or of a matrix that is looked up, as floats; i is in range. */
extern void slm_table_row(const SlmWeight *table, int64_t i, float *out);

/* ---- linear.c: matrix products -------------------------------------------- */

/* Rows as matrix products read them; buffers are reused from product to product. */
typedef struct SlmInput
{
	SlmActivations rows;
	int8_t *q;         /* [max_rows][max_k padded to 64] */
	float *d;          /* [max_rows][max_k padded to 64, / 32] */
	int32_t *sum;      /* the same */
	int32_t *half_sum; /* twice as many */
} SlmInput;

extern SlmStatus slm_input_init(SlmCompute *c, int64_t max_rows, int64_t max_k, SlmInput *out,
								SlmError *err) SLM_MUST_CHECK;

/*
 * Presents m rows x[m][x_stride] to the n_weight matrices that will read
 * them; they are quantized once when one of these wants it.  x is borrowed.
 */
extern SlmStatus slm_input_set(SlmCompute *c, SlmInput *input, const float *x, size_t x_stride,
							   int m, const SlmWeight *const *weight, int n_weight,
							   SlmError *err) SLM_MUST_CHECK;

/* y[i][0 .. n_out padded to 16) = weight * row i + bias, for the m rows of input. */
extern SlmStatus slm_linear(SlmCompute *c, const SlmWeight *weight, const SlmInput *input, int m,
							float *y, size_t y_stride, SlmError *err) SLM_MUST_CHECK;

/* y = norm(x + residual) for m rows; residual may be NULL, and is for norms with a mean. */
extern SlmStatus slm_norm(SlmCompute *c, const SlmWeight *weight, const float *x,
						  const float *residual, int m, size_t stride, float *y,
						  SlmError *err) SLM_MUST_CHECK;

/* In place on m rows of n numbers. */
extern SlmStatus slm_activate(SlmCompute *c, SlmActivation activation, float *x, size_t stride,
							  int m, int64_t n, SlmError *err) SLM_MUST_CHECK;

/* ---- attention.c ------------------------------------------------------------ */

typedef struct SlmAttention
{
	float *kt;     /* [n_head_dim][max_key padded to 16], or NULL */
	float *scores; /* [16][max_key padded to 16] */
} SlmAttention;

/* transposes: keys will come as rows. */
extern SlmStatus slm_attention_init(SlmCompute *c, int max_key, bool transposes, SlmAttention *out,
									SlmError *err) SLM_MUST_CHECK;

/* Rows that ask: [n][stride], the heads side by side. */
typedef struct SlmQueries
{
	const float *q;
	size_t stride;
	int n;
} SlmQueries;

/*
 * Rows that are asked: k and v [t][v_stride], the heads that have keys and values
 * side by side; or, of a sequence that is kept, a layer of its block.
 */
typedef struct SlmKeys
{
	const float *k;
	const float *v;
	size_t v_stride;
	const struct SlmKvLayer *kept; /* or NULL */
	const struct SlmKvShape *shape;
	int t;
	int seen;                       /* as in SlmAttend */
	int window;                     /* likewise */
	const float *bias;              /* likewise, of head 0; or NULL */
	ptrdiff_t bias_row;             /* likewise */
	ptrdiff_t bias_head;            /* from a head's to the next one's */
	struct SlmDistances *distances; /* that scores ask for; or NULL */
} SlmKeys;

/* out[n][out_stride] = attention of the queries over the keys, the heads side by side. */
extern SlmStatus slm_attention(SlmCompute *c, SlmAttention *attention, const SlmQueries *q,
							   const SlmKeys *k, float *out, size_t out_stride,
							   SlmError *err) SLM_MUST_CHECK;

#endif
