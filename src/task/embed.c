/*
 * embed.c - texts to vectors
 */
#include "task/embed.h"

#include <math.h>

#include "task/windows.h"

SlmStatus
slm_task_count_tokens(SlmRun *run, SlmText text, int *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	SlmTokens tokens;

	SLM_TRY(slm_task_tokenize(run, slm_text(""), text, &tokens, err));
	*out = tokens.n;
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

SlmStatus
slm_task_embed(SlmRun *run, const SlmText *text, int n, SlmPurpose purpose, float *out,
			   SlmStatus *row_status, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	SlmText prefix =
		purpose == SLM_PURPOSE_QUERY ? run->options->query_prefix : run->options->document_prefix;
	SlmWindows windows = {
		.run = run,
		.out = out,
		.width = slm_model_info(run->model)->n_embd,
		.combine = SLM_COMBINE_MEAN,
	};
	SlmLead first, rest;

	if (slm_task_is_cross_encoder(run->model))
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"model scores pairs of texts and has no embeddings");
	/* the first window's prefix is tokenized together with its text */
	SLM_TRY(slm_task_lead(run, slm_text(""), &first, err));
	SLM_TRY(slm_task_lead(run, prefix, &rest, err));
	SLM_TRY(slm_windows_init(&windows, err));
	for (int i = 0; i < n; i++)
		SLM_TRY(slm_windows_add(&windows, i, prefix, text[i], first, rest, row_status, err));
	SLM_TRY(slm_windows_finish(&windows, err));
	for (int i = 0; i < n && run->options->normalize; i++)
		slm_normalize(run->kernels, out + (size_t) i * (size_t) windows.width, windows.width);
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

void
slm_task_unit_rows(const SlmRun *run, float *row, int n, const SlmStatus *row_status)
{
	int width = slm_model_info(run->model)->n_embd;

	for (int i = 0; i < n; i++)
		if (row_status == NULL || row_status[i] == SLM_OK)
			slm_normalize(run->kernels, row + (size_t) i * (size_t) width, width);
}

float
slm_task_cosine(const SlmKernels *kernels, const float *a, const float *b, int n)
{
	float aa = kernels->dot(a, a, n), bb = kernels->dot(b, b, n);
	float cosine;

	if (!(aa > 0.0f && bb > 0.0f))
		return 0.0f;
	cosine = kernels->dot(a, b, n) / (sqrtf(aa) * sqrtf(bb));
	return fmaxf(-1.0f, fminf(1.0f, cosine));
}
