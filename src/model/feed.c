/*
 * feed.c - feed-forward blocks
 */
#include "model/forward_impl.h"

/* The norm that the feed-forward block reads: its own, or that of attention beside it. */
static SlmSlot
ffn_norm(const Forward *f, int layer)
{
	bool own = weight_of(f, SLM_SLOT_FFN_NORM, layer)->weight != NULL;

	return own || !f->c->model->hparams.parallel ? SLM_SLOT_FFN_NORM : SLM_SLOT_ATTN_NORM;
}

SlmStatus
slm_feed(Forward *f, const SlmWeight *up, const SlmWeight *gate, const float *x, int m,
		 SlmError *err)
{
	const SlmWeight *weight[] = {up, gate};
	SlmActivation activation = (SlmActivation) f->c->model->hparams.activation;
	size_t stride = slm_row_stride(up->n_out);
	bool gated = gate->weight != NULL;
	float *ff = f->ff, *by = f->gate; /* that no store may change */

	SLM_TRY(slm_input_set(f->c, &f->input, x, f->stride, m, weight, gated ? 2 : 1, err));
	SLM_TRY(slm_linear(f->c, up, &f->input, m, f->ff, stride, err));
	if (!gated)
		return slm_activate(f->c, activation, f->ff, stride, m, up->n_out, err);
	SLM_TRY(slm_linear(f->c, gate, &f->input, m, f->gate, stride, err));
	SLM_TRY(slm_activate(f->c, activation, f->gate, stride, m, up->n_out, err));
	for (size_t i = 0; i < (size_t) m * stride; i++)
		ff[i] = by[i] * ff[i];
	return slm_spend(f->c, m * up->n_out * SLM_COST_MOVE, err);
}

/* Rows x[m]: what the feed-forward block gives is added to them. */
static SlmStatus
add_feed_forward(Forward *f, int layer, float *x, int m, SlmError *err)
{
	const SlmWeight *up = weight_of(f, SLM_SLOT_FFN_UP, layer);
	const SlmWeight *down = weight_of(f, SLM_SLOT_FFN_DOWN, layer);
	const float *in;

	if (up->weight == NULL)
		return SLM_OK;
	SLM_TRY(slm_before_step(f, ffn_norm(f, layer), layer, x, m, &in, err));
	SLM_TRY(slm_feed(f, up, weight_of(f, SLM_SLOT_FFN_GATE, layer), in, m, err));
	SLM_TRY(slm_product(f, down, f->ff, slm_row_stride(down->n_in), m, f->part, f->stride, err));
	return slm_after_step(f, SLM_SLOT_LAYER_OUTPUT_NORM, layer, x, m, err);
}

/* The same of the blocks before it, where there are some. */
static SlmStatus
add_more_feed_forward(Forward *f, int layer, float *x, int m, SlmError *err)
{
	static const SlmWeight no_gate;

	for (int slot = SLM_SLOT_MORE_FFN; slot < SLM_SLOT_MORE_FFN_END; slot += 3)
	{
		const SlmWeight *up = weight_of(f, (SlmSlot) slot, layer);

		if (up->weight == NULL)
			break;
		SLM_TRY(slm_feed(f, up, &no_gate, x, m, err));
		SLM_TRY(slm_product(f, weight_of(f, (SlmSlot) (slot + 1), layer), f->ff,
							slm_row_stride(up->n_out), m, f->part, f->stride, err));
		SLM_TRY(slm_after_step(f, (SlmSlot) (slot + 2), layer, x, m, err));
	}
	return SLM_OK;
}

SlmStatus
slm_feed_forward(Forward *f, int layer, float *x, int m, SlmError *err)
{
	SLM_TRY(add_more_feed_forward(f, layer, x, m, err));
	return add_feed_forward(f, layer, x, m, err);
}
