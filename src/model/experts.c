/*
 * experts.c - feed-forward blocks whose rows choose what they run (Shazeer et al. 2017)
 *
 * Each row scores the experts, takes the best few of them and adds up what these
 * give, weighed by their shares.  All rows of a batch choose first; then each expert
 * runs the rows that chose it, so that its weights are read once for ROW_CHUNK of
 * them.
 *
 * Law 2: experts come in their order, so a row's sum has the order of the
 * experts that it chose, whoever else is in the batch.  Of equal scores the
 * expert with the lower number is taken.
 */
#include <string.h>

#include "model/forward_impl.h"

SlmStatus
slm_experts_init(Forward *f, SlmError *err)
{
	const SlmHparams *h = &f->c->model->hparams;
	size_t n = (size_t) f->n_row, few = f->n_row < ROW_CHUNK ? n : ROW_CHUNK;
	SlmArena *arena = f->c->arena;
	SlmExperts *e = &f->experts;

	if (h->n_expert == 0)
		return SLM_OK;
	SLM_TRY(SLM_NEW_ARRAY(arena, n * f->stride, &e->in, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, n * f->stride, &e->sum, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, few * f->stride, &e->some, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, few * slm_row_stride(h->n_expert), &e->score, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, n * h->n_expert_used, &e->chosen, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, n * h->n_expert_used, &e->share, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, n * h->n_expert_used, &e->choice, err));
	return SLM_NEW_ARRAY(arena, (size_t) h->n_expert + 1, &e->first, err);
}

/* The experts with the best scores, which are probabilities, and their shares. */
static void
choose(const SlmHparams *h, const float *score, int32_t *chosen, float *share)
{
	bool taken[SLM_MAX_EXPERTS] = {false};
	float sum = 0.0f;

	for (uint32_t i = 0; i < h->n_expert_used; i++)
	{
		int32_t best = -1;

		for (int32_t e = 0; e < (int32_t) h->n_expert; e++)
			if (!taken[e] && (best < 0 || score[e] > score[best]))
				best = e;
		taken[best] = true;
		chosen[i] = best;
		share[i] = score[best];
		sum = sum + score[best];
	}
	for (uint32_t i = 0; i < h->n_expert_used; i++)
	{
		if (h->expert_norm)
			share[i] = share[i] / sum;
		share[i] = share[i] * h->expert_scale;
	}
}

/* sum = what the expert that all rows run gives, by each row's share of it; or nothing. */
static SlmStatus
run_shared(Forward *f, int layer, int first, int m, SlmError *err)
{
	const SlmWeight *share = weight_of(f, SLM_SLOT_FFN_SHARE_SHARED, layer);
	const SlmWeight *down = weight_of(f, SLM_SLOT_FFN_DOWN_SHARED, layer);
	const float *in = f->experts.in + (size_t) first * f->stride;
	float *sum = f->experts.sum + (size_t) first * f->stride;

	if (share->weight == NULL)
	{
		memset(sum, 0, (size_t) m * f->stride * sizeof(*sum));
		return slm_spend(f->c, m * f->n_embd * SLM_COST_MOVE, err);
	}
	SLM_TRY(slm_feed(f, weight_of(f, SLM_SLOT_FFN_UP_SHARED, layer),
					 weight_of(f, SLM_SLOT_FFN_GATE_SHARED, layer), in, m, err));
	SLM_TRY(slm_product(f, down, f->ff, slm_row_stride(down->n_in), m, sum, f->stride, err));
	for (int i = 0; i < m; i++, in += f->stride, sum += f->stride)
	{
		float both[2] = {f->c->kernels->dot(in, share->weight, f->n_embd), 0.0f};

		f->c->kernels->softmax(both, 2); /* the first is the logistic function */
		for (int64_t j = 0; j < f->n_embd; j++)
			sum[j] = both[0] * sum[j];
		SLM_TRY(slm_spend(f->c, f->n_embd * SLM_COST_NORM, err));
	}
	return SLM_OK;
}

/* Rows [first, first + m) choose; in and sum are theirs from here on. */
static SlmStatus
route(Forward *f, int layer, int first, int m, SlmError *err)
{
	const SlmHparams *h = &f->c->model->hparams;
	const SlmWeight *router = weight_of(f, SLM_SLOT_FFN_ROUTER, layer);
	size_t columns = slm_row_stride(router->n_out), used = h->n_expert_used;
	SlmExperts *e = &f->experts;
	float *in = e->in + (size_t) first * f->stride;
	const float *rows;

	SLM_TRY(slm_before_step(f, SLM_SLOT_FFN_NORM, layer, f->x + (size_t) first * f->stride, m,
							&rows, err));
	memcpy(in, rows, (size_t) m * f->stride * sizeof(*in));
	SLM_TRY(slm_product(f, router, in, f->stride, m, e->score, columns, err));
	for (int i = 0; i < m; i++)
	{
		float *score = e->score + (size_t) i * columns;

		f->c->kernels->softmax(score, router->n_out);
		choose(h, score, e->chosen + (size_t) (first + i) * used,
			   e->share + (size_t) (first + i) * used);
		SLM_TRY(slm_spend(f->c, router->n_out * (int64_t) (SLM_COST_EXP + used), err));
	}
	return run_shared(f, layer, first, m, err);
}

/* choice = what all rows have chosen, by expert. */
static SlmStatus
sort_choices(Forward *f, SlmError *err)
{
	const SlmHparams *h = &f->c->model->hparams;
	int32_t n = f->n_row * (int32_t) h->n_expert_used, at = 0;
	SlmExperts *e = &f->experts;

	memset(e->first, 0, ((size_t) h->n_expert + 1) * sizeof(*e->first));
	for (int32_t i = 0; i < n; i++)
		e->first[e->chosen[i]]++;
	for (uint32_t i = 0; i <= h->n_expert; i++)
	{
		int32_t count = e->first[i];

		e->first[i] = at;
		at += count;
	}
	for (int32_t i = 0; i < n; i++)
		e->choice[e->first[e->chosen[i]]++] = i;
	/* each now stands where the next one's begin */
	memmove(e->first + 1, e->first, h->n_expert * sizeof(*e->first));
	e->first[0] = 0;
	return slm_spend(f->c, 3 * (int64_t) n * SLM_COST_MOVE, err);
}

/* An expert runs m of the rows that chose it. */
static SlmStatus
run_some(Forward *f, const SlmWeight *up, const SlmWeight *gate, const SlmWeight *down,
		 const int32_t *choice, int m, SlmError *err)
{
	int32_t used = (int32_t) f->c->model->hparams.n_expert_used;
	SlmExperts *e = &f->experts;

	for (int i = 0; i < m; i++)
		memcpy(e->some + (size_t) i * f->stride, e->in + (size_t) (choice[i] / used) * f->stride,
			   f->stride * sizeof(*e->some));
	SLM_TRY(slm_feed(f, up, gate, e->some, m, err));
	SLM_TRY(slm_product(f, down, f->ff, slm_row_stride(down->n_in), m, f->part, f->stride, err));
	for (int i = 0; i < m; i++)
	{
		float *sum = e->sum + (size_t) (choice[i] / used) * f->stride;
		const float *part = f->part + (size_t) i * f->stride;
		float share = e->share[choice[i]];

		for (int64_t j = 0; j < f->n_embd; j++)
			sum[j] = sum[j] + share * part[j];
		SLM_TRY(slm_spend(f->c, 2 * f->n_embd * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}

/* sum += what the experts give. */
static SlmStatus
run_chosen(Forward *f, int layer, SlmError *err)
{
	SlmExperts *e = &f->experts;

	for (int i = 0; i < (int) f->c->model->hparams.n_expert; i++)
	{
		SlmWeight up = slm_weight_expert(weight_of(f, SLM_SLOT_FFN_UP_EXPERTS, layer), i);
		SlmWeight gate = slm_weight_expert(weight_of(f, SLM_SLOT_FFN_GATE_EXPERTS, layer), i);
		SlmWeight down = slm_weight_expert(weight_of(f, SLM_SLOT_FFN_DOWN_EXPERTS, layer), i);
		int end = e->first[i + 1];

		for (int at = e->first[i]; at < end; at += ROW_CHUNK)
			SLM_TRY(run_some(f, &up, &gate, &down, e->choice + at,
							 end - at < ROW_CHUNK ? end - at : ROW_CHUNK, err));
	}
	return SLM_OK;
}

SlmStatus
slm_experts_run(Forward *f, int layer, SlmError *err)
{
	if (weight_of(f, SLM_SLOT_FFN_ROUTER, layer)->weight == NULL)
		return SLM_OK;
	for (int i = 0; i < f->n_row; i += ROW_CHUNK)
		SLM_TRY(route(f, layer, i, f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK, err));
	SLM_TRY(sort_choices(f, err));
	SLM_TRY(run_chosen(f, layer, err));
	for (int i = 0; i < f->n_row; i += ROW_CHUNK)
	{
		int m = f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK;

		memcpy(f->part, f->experts.sum + (size_t) i * f->stride,
			   (size_t) m * f->stride * sizeof(*f->part));
		SLM_TRY(slm_after_step(f, SLM_SLOT_LAYER_OUTPUT_NORM, layer, f->x + (size_t) i * f->stride,
							   m, err));
	}
	return SLM_OK;
}
