/*
 * linear.c - matrix products and the activations between them
 *
 * A product is cut into panels of weight groups x rows.  The rows of a panel
 * stay in the cache while the weights stream past once; a panel's work is at
 * most half a poll budget.
 */
#include "model/compute.h"

#include <math.h>

/*
 * Budgets are for a CPU several times slower than ours (Zen 5 at 2.6 GHz, where
 * the scalar reference needs 1 to 2 ns a unit, and a vector kernel a
 * thirtieth of that).
 */
#define SCALAR_BUDGET (SLM_POLL_MACS / 4)
#define VECTOR_BUDGET (SLM_POLL_MACS * 16)

#define TILE_GROUPS 3 /* that the fastest kernels take at once: fewer cost a few per cent */

void
slm_compute_init(SlmCompute *c, const SlmModel *model, const SlmKernels *kernels,
				 const SlmHost *host, SlmArena *arena)
{
	bool scalar = kernels->gemm_q8 == slm_kernels(SLM_ISA_SCALAR)->gemm_q8;

	c->model = model;
	c->kernels = kernels;
	c->host = host;
	c->arena = arena;
	c->budget = scalar ? SCALAR_BUDGET : VECTOR_BUDGET;
	c->spent = 0;
}

SlmStatus
slm_check_finite(const float *x, size_t n, SlmError *err)
{
	int is_finite = 1;

	/* no way out of the loop, so that it is one of vectors */
	for (size_t i = 0; i < n; i++)
		is_finite &= fabsf(x[i]) < INFINITY;
	if (!is_finite)
		return slm_fail(err, SLM_ERR_CORRUPT, "model gave a value that is not finite");
	return SLM_OK;
}

void
slm_table_row(const SlmWeight *table, int64_t i, float *out)
{
	const uint8_t *at = table->weight;

	if (table->kind == SLM_SLOT_MATRIX)
		slm_unpack_row(table->layout,
					   at + (uint64_t) (i / SLM_GROUP_ROWS) *
								slm_group_bytes(table->layout, table->n_in),
					   (int) (i % SLM_GROUP_ROWS), table->n_in, out);
	else
		slm_dequantize(table->type, at + (size_t) i * table->row_bytes, out, table->n_in);
}

SlmStatus
slm_input_init(SlmCompute *c, int64_t max_rows, int64_t max_k, SlmInput *out, SlmError *err)
{
	size_t q_stride = (size_t) slm_q8_padded(max_k);
	size_t n = (size_t) max_rows * q_stride; /* both are bounded by limits.h */

	SLM_TRY(SLM_NEW_ARRAY(c->arena, n, &out->q, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n / SLM_Q8_BLOCK, &out->d, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n / SLM_Q8_BLOCK, &out->sum, err));
	return SLM_NEW_ARRAY(c->arena, n / SLM_Q8_BLOCK * 2, &out->half_sum, err);
}

SlmStatus
slm_input_set(SlmCompute *c, SlmInput *input, const float *x, size_t x_stride, int m,
			  const SlmWeight *const *weight, int n_weight, SlmError *err)
{
	int64_t k = weight[0]->n_in;
	SlmActivations *rows = &input->rows;
	bool quantize = false, halves = false;

	for (int i = 0; i < n_weight; i++)
	{
		quantize |= slm_layout_is_quantized(weight[i]->layout);
		halves |= slm_layout_wants_half_sums(weight[i]->layout);
	}
	rows->x = x;
	rows->x_stride = x_stride;
	rows->q = input->q;
	rows->q_stride = (size_t) slm_q8_padded(k);
	rows->d = input->d;
	rows->sum = input->sum;
	rows->half_sum = input->half_sum;
	rows->d_stride = rows->q_stride / SLM_Q8_BLOCK;
	for (int i = 0; i < m && quantize; i++)
	{
		c->kernels->quantize_q8(x + (size_t) i * x_stride, k, (int64_t) rows->q_stride,
								input->q + (size_t) i * rows->q_stride,
								input->d + (size_t) i * rows->d_stride,
								input->sum + (size_t) i * rows->d_stride);
		if (halves)
			slm_half_sums(input->q + (size_t) i * rows->q_stride, (int64_t) rows->q_stride,
						  input->half_sum + (size_t) i * 2 * rows->d_stride);
		SLM_TRY(slm_spend(c, k * SLM_COST_QUANTIZE, err));
	}
	return SLM_OK;
}

/* How many of n fit into room, at least one, whole multiples of step when more. */
static int
panel_size(int64_t room, int n, int step)
{
	if (room >= n)
		return n;
	if (room > step)
		return (int) (room / step * step);
	return room > 1 ? (int) room : 1;
}

/* A product under way: panels that threads take one after the other. */
typedef struct Product
{
	SlmCompute *c;
	const SlmWeight *weight;
	const SlmActivations *rows;
	SlmGemm *gemm;
	int m;
	float *y;
	size_t y_stride;
	int64_t unit; /* of work: one group, one row */
	int row_step, group_step;
	int n_panel;
	int next; /* panel to be taken; atomic */
	int stop; /* no more are; atomic */
	SlmStatus status;
	SlmError *err;
} Product;

/* One panel: the groups of one row step follow each other.  Returns its units of work. */
static int64_t
compute_panel(const Product *p, int k)
{
	const SlmWeight *weight = p->weight;
	int n_across = (weight->n_group + p->group_step - 1) / p->group_step;
	int i = k / n_across * p->row_step, g = k % n_across * p->group_step;
	int n_row = p->m - i < p->row_step ? p->m - i : p->row_step;
	int n_group = weight->n_group - g < p->group_step ? weight->n_group - g : p->group_step;
	size_t column = (size_t) g * SLM_GROUP_ROWS;
	SlmActivations panel = *p->rows;

	panel.x += (size_t) i * panel.x_stride;
	panel.q += (size_t) i * panel.q_stride;
	panel.d += (size_t) i * panel.d_stride;
	panel.sum += (size_t) i * panel.d_stride;
	panel.half_sum += (size_t) i * 2 * panel.d_stride;
	p->gemm((const uint8_t *) weight->weight +
				(uint64_t) g * slm_group_bytes(weight->layout, weight->n_in),
			weight->n_in, n_group, &panel, n_row,
			weight->bias != NULL ? weight->bias + column : NULL,
			p->y + (size_t) i * p->y_stride + column, p->y_stride);
	return p->unit * n_row * n_group;
}

/* What one thread does; the first one polls, and stops the others. */
static void
compute_panels(void *job, int i_thread)
{
	Product *p = job;
	int k;

	while (__atomic_load_n(&p->stop, __ATOMIC_RELAXED) == 0 &&
		   (k = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED)) < p->n_panel)
	{
		int64_t units = compute_panel(p, k);

		if (i_thread > 0)
			continue;
		p->status = slm_spend(p->c, units, p->err);
		if (p->status != SLM_OK)
			__atomic_store_n(&p->stop, 1, __ATOMIC_RELAXED);
	}
}

/* Panels that are no larger than a thread's share, where the work is worth sharing. */
static bool
share(Product *p)
{
	const SlmHost *host = p->c->host;
	int most;

	if (host->together == NULL || host->n_thread < 2 ||
		p->unit * p->m * p->weight->n_group < SLM_TOGETHER_MACS)
		return false;
	most = (p->weight->n_group + 2 * host->n_thread - 1) / (2 * host->n_thread);
	most = (most + TILE_GROUPS - 1) / TILE_GROUPS * TILE_GROUPS;
	if (p->group_step > most)
		p->group_step = most;
	return true;
}

SlmStatus
slm_linear(SlmCompute *c, const SlmWeight *weight, const SlmInput *input, int m, float *y,
		   size_t y_stride, SlmError *err)
{
	int64_t mac_cost = slm_layout_is_quantized(weight->layout) ? 1 : SLM_COST_FLOAT_MAC;
	Product p = {
		.c = c,
		.weight = weight,
		.rows = &input->rows,
		.gemm = slm_gemm_of(c->kernels, weight->layout),
		.m = m,
		.y = y,
		.y_stride = y_stride,
		.unit = weight->n_in * SLM_GROUP_ROWS * mac_cost,
		.err = err,
	};
	int64_t room = c->budget / 2 / p.unit;
	bool shared;

	if (m < 1 || weight->n_group < 1)
		return SLM_OK;
	p.row_step = panel_size(room / (weight->n_group < TILE_GROUPS ? 1 : TILE_GROUPS), m, 8);
	p.group_step = panel_size(room / p.row_step, weight->n_group, TILE_GROUPS);
	shared = share(&p);
	p.n_panel =
		((m + p.row_step - 1) / p.row_step) * ((weight->n_group + p.group_step - 1) / p.group_step);
	if (shared && p.n_panel > 1)
		c->host->together(c->host->arg, compute_panels, &p);
	else
		compute_panels(&p, 0);
	return p.status;
}

static void
affine(const float *x, const float *residual, const SlmWeight *weight, float *y)
{
	const float *w = weight->weight;

	for (int64_t i = 0; i < weight->n_in; i++)
		y[i] = (residual != NULL ? x[i] + residual[i] : x[i]) * w[i] + weight->bias[i];
}

SlmStatus
slm_norm(SlmCompute *c, const SlmWeight *weight, const float *x, const float *residual, int m,
		 size_t stride, float *y, SlmError *err)
{
	float epsilon = c->model->hparams.norm_epsilon;
	int64_t n = weight->n_in;

	for (int i = 0; i < m; i++)
	{
		size_t at = (size_t) i * stride;

		switch (c->model->arch->norm)
		{
			case SLM_NORM_LAYER:
				c->kernels->layer_norm(x + at, residual != NULL ? residual + at : NULL,
									   weight->weight, weight->bias, epsilon, n, y + at);
				break;
			case SLM_NORM_RMS:
				c->kernels->rms_norm(x + at, weight->weight, epsilon, n, y + at);
				break;
			case SLM_NORM_AFFINE:
				affine(x + at, residual != NULL ? residual + at : NULL, weight, y + at);
				break;
		}
		SLM_TRY(slm_spend(c, n * SLM_COST_NORM, err));
	}
	return SLM_OK;
}

static void
relu(float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = x[i] < 0.0f ? 0.0f : x[i]; /* a NaN stays one */
}

SlmStatus
slm_activate(SlmCompute *c, SlmActivation activation, float *x, size_t stride, int m, int64_t n,
			 SlmError *err)
{
	SlmMap *map = NULL;

	switch (activation)
	{
		case SLM_ACTIVATION_GELU_ERF:
			map = c->kernels->gelu_erf;
			break;
		case SLM_ACTIVATION_GELU_TANH:
			map = c->kernels->gelu_tanh;
			break;
		case SLM_ACTIVATION_SILU:
			map = c->kernels->silu;
			break;
		case SLM_ACTIVATION_TANH:
			map = c->kernels->tanh;
			break;
		case SLM_ACTIVATION_RELU:
			map = relu;
			break;
		case SLM_ACTIVATION_COUNT:
			return slm_fail(err, SLM_ERR_INTERNAL, "no such activation");
	}
	for (int i = 0; i < m; i++)
	{
		map(x + (size_t) i * stride, n);
		SLM_TRY(slm_spend(c, n * SLM_COST_EXP, err));
	}
	return SLM_OK;
}
