/*
 * embed.c - tokens become the rows that the first layer reads
 */
#include <math.h>
#include <string.h>

#include "model/forward_impl.h"

void
slm_add_table_row(const SlmWeight *table, int64_t i, float *scratch, float *x)
{
	slm_table_row(table, i, scratch);
	for (int64_t j = 0; j < table->n_in; j++)
		x[j] = x[j] + scratch[j];
}

/* A token's embedding. */
static SlmStatus
look_up(Forward *f, int i, float *x, SlmError *err)
{
	const SlmWeight *token = weight_of(f, SLM_SLOT_TOKEN_EMBD, 0);
	float scale = sqrtf((float) f->n_embd);
	int32_t id = f->batch->token[i];

	if (id < 0 || id >= token->n_out)
		return slm_fail(err, SLM_ERR_CORRUPT, "model image is damaged: token %d of %lld", (int) id,
						(long long) token->n_out);
	slm_table_row(token, id, x);
	for (int64_t j = 0; j < token->n_in && f->c->model->arch->scaled_embedding; j++)
		x[j] = x[j] * scale;
	return slm_spend(f->c, token->n_in * SLM_COST_LOOKUP, err);
}

/* rows = token, or the next one, itself and the one before, with nothing beyond the ends. */
static SlmStatus
look_up_all(Forward *f, float *rows, size_t stride, SlmError *err)
{
	size_t n = f->c->model->hparams.n_token_embd;

	for (int s = 0; s < f->batch->n_sequence; s++)
	{
		int first = f->batch->start[s], end = f->batch->start[s + 1];

		for (int i = first; i < end; i++)
		{
			float *x = rows + (size_t) i * stride;

			switch (f->c->model->arch->factored)
			{
				case SLM_FACTORED_NONE:
				case SLM_FACTORED_TABLES:
					SLM_TRY(look_up(f, i, x, err));
					break;
				case SLM_FACTORED_TRIGRAM:
					memset(x, 0, 3 * n * sizeof(*x));
					for (int j = 0; j < 3; j++)
						if (i + 1 - j >= first && i + 1 - j < end)
							SLM_TRY(look_up(f, i + 1 - j, x + (size_t) j * n, err));
					break;
			}
		}
	}
	return SLM_OK;
}

/* rows += token type + position, the order of Hugging Face's sums; and their norm. */
static SlmStatus
add_tables(Forward *f, float *rows, size_t stride, SlmError *err)
{
	const SlmWeight *position = weight_of(f, SLM_SLOT_POSITION_EMBD, 0);
	const SlmWeight *type = weight_of(f, SLM_SLOT_TOKEN_TYPES, 0);
	const SlmWeight *norm = weight_of(f, SLM_SLOT_EMBD_NORM, 0);

	for (int s = 0; s < f->batch->n_sequence; s++)
	{
		int first = f->batch->start[s], end = f->batch->start[s + 1];

		for (int i = first; i < end; i++)
		{
			float *x = rows + (size_t) i * stride;

			if (type->weight != NULL)
				slm_add_table_row(type,
								  i - first >= f->batch->segment_two[s] && type->n_out > 1 ? 1 : 0,
								  f->part, x);
			switch (f->c->model->arch->position)
			{
				case SLM_POSITION_LEARNED:
					slm_add_table_row(position, position_of(f, s, i), f->part, x);
					break;
				case SLM_POSITION_ROPE_NEIGHBOURS:
				case SLM_POSITION_ROPE_HALVES:
				case SLM_POSITION_NONE:
					break;
			}
			SLM_TRY(slm_spend(f->c, f->n_embd * SLM_COST_MOVE, err));
		}
	}
	return norm->weight != NULL ? slm_norm(f->c, norm, rows, NULL, f->n_row, stride, rows, err)
								: SLM_OK;
}

/* x = rows projected. */
static SlmStatus
project_embeddings(Forward *f, const float *rows, size_t stride, SlmError *err)
{
	for (int i = 0; i < f->n_row; i += ROW_CHUNK)
		SLM_TRY(slm_product(f, weight_of(f, SLM_SLOT_EMBD_PROJ, 0), rows + (size_t) i * stride,
							stride, f->n_row - i < ROW_CHUNK ? f->n_row - i : ROW_CHUNK,
							f->x + (size_t) i * f->stride, f->stride, err));
	return SLM_OK;
}

SlmStatus
slm_embed_tokens(Forward *f, SlmError *err)
{
	size_t stride = f->stride;
	float *rows = f->x;

	if (f->c->model->arch->factored != SLM_FACTORED_NONE)
	{
		stride = slm_row_stride(weight_of(f, SLM_SLOT_EMBD_PROJ, 0)->n_in);
		SLM_TRY(SLM_NEW_ARRAY(f->c->arena, (size_t) f->n_row * stride, &rows, err));
	}
	SLM_TRY(look_up_all(f, rows, stride, err));
	switch (f->c->model->arch->factored)
	{
		case SLM_FACTORED_NONE:
			break;
		case SLM_FACTORED_TABLES:
			SLM_TRY(add_tables(f, rows, stride, err));
			return project_embeddings(f, rows, stride, err);
		case SLM_FACTORED_TRIGRAM:
			SLM_TRY(project_embeddings(f, rows, stride, err));
			break;
	}
	return add_tables(f, f->x, f->stride, err);
}
