/*
 * rank.c - documents against a query, by two embeddings or by a cross-encoder
 */
#include <math.h>
#include <string.h>

#include "task/embed.h"
#include "task/windows.h"

#define SLICE_ROWS 256 /* documents embedded at a time */

bool
slm_task_is_cross_encoder(const SlmModel *model)
{
	const SlmModelInfo *info = slm_model_info(model);

	return info->pooling == SLM_POOLING_RANK || info->n_class == 1;
}

static SlmStatus
rank_by_cosine(SlmRun *run, const SlmText *document, int n, SlmText query, const float *embedding,
			   float *out, SlmStatus *row_status, SlmError *err)
{
	size_t width = (size_t) slm_model_info(run->model)->n_embd;
	int slice = n < SLICE_ROWS ? n : SLICE_ROWS;
	float *rows, *own;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) slice * width, &rows, err));
	if (embedding == NULL)
	{
		SLM_TRY(SLM_NEW_ARRAY(run->arena, width, &own, err));
		SLM_TRY(slm_task_embed(run, &query, 1, SLM_PURPOSE_QUERY, own, NULL, err));
		embedding = own;
	}
	for (int i = 0; i < n; i += slice)
	{
		int m = n - i < slice ? n - i : slice;

		SLM_TRY(slm_task_embed(run, document + i, m, SLM_PURPOSE_DOCUMENT, rows,
							   row_status != NULL ? row_status + i : NULL, err));
		for (int j = 0; j < m; j++)
			out[i + j] =
				slm_task_cosine(run->kernels, rows + (size_t) j * width, embedding, (int) width);
	}
	return SLM_OK;
}

/* lead = bos, query, separators. */
static SlmStatus
query_lead(SlmRun *run, SlmText query, SlmLead *out, SlmError *err)
{
	const SlmSpecialTokens *special = &slm_model_tokenizer(run->model)->special;
	int32_t sep = special->sep >= 0 ? special->sep : special->eos;
	int context = slm_context_length(run);
	SlmTokens tokens;
	int32_t *id;
	int n = 0;

	SLM_TRY(slm_task_tokenize(run, run->options->query_prefix, query, &tokens, err));
	if (tokens.n > context / 2)
	{
		if (run->options->overflow != SLM_OVERFLOW_TRUNCATE)
			return slm_fail(err, SLM_ERR_LIMIT,
							"query of %d tokens takes more than half of a window of %d tokens",
							tokens.n, context);
		tokens.n = context / 2;
	}
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) tokens.n + 1 + special->pair_seps, &id, err));
	if (special->add_bos && special->bos >= 0)
		id[n++] = special->bos;
	if (tokens.n > 0)
		memcpy(id + n, tokens.id, (size_t) tokens.n * sizeof(*id));
	n += tokens.n;
	for (int i = 0; i < special->pair_seps && sep >= 0; i++)
		id[n++] = sep;
	*out = (SlmLead){id, n};
	if (n + slm_tail_tokens(run) >= context)
		return slm_fail(err, SLM_ERR_LIMIT, "query leaves no room in a window of %d tokens",
						context);
	return SLM_OK;
}

static SlmStatus
rank_by_pairs(SlmRun *run, const SlmText *document, int n, SlmText query, float *out,
			  SlmStatus *row_status, SlmError *err)
{
	SlmWindows windows = {
		.run = run,
		.out = out,
		.width = 1,
		.scores = true,
		.pair = true,
		.combine = SLM_COMBINE_MAX,
	};
	SlmLead lead;

	SLM_TRY(query_lead(run, query, &lead, err));
	SLM_TRY(slm_windows_init(&windows, err));
	for (int i = 0; i < n; i++)
		SLM_TRY(slm_windows_add(&windows, i, run->options->document_prefix, document[i], lead, lead,
								row_status, err));
	SLM_TRY(slm_windows_finish(&windows, err));
	for (int i = 0; i < n; i++)
		out[i] = row_status != NULL && row_status[i] != SLM_OK ? 0.0f
															   : slm_sigmoid(run->kernels, out[i]);
	return SLM_OK;
}

SlmStatus
slm_task_rank(SlmRun *run, const SlmText *document, int n, SlmText query,
			  const float *query_embedding, float *out, SlmStatus *row_status, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);

	if (slm_task_is_cross_encoder(run->model))
		SLM_TRY(rank_by_pairs(run, document, n, query, out, row_status, err));
	else
		SLM_TRY(rank_by_cosine(run, document, n, query, query_embedding, out, row_status, err));
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}
