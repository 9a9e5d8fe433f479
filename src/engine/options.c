/*
 * options.c - what a registration may say about a model
 */
#include <string.h>

#include "engine/slm.h"

#define MIN_CONTEXT 8 /* special tokens and something between them */

void
slm_model_options_init(SlmModelOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->pooling = SLM_POOLING_UNSPECIFIED;
	options->normalize = true;
	options->overflow = SLM_OVERFLOW_CHUNK;
	options->query_prefix = slm_text("");
	options->document_prefix = slm_text("");
	options->prompt_format = slm_text("plain");
	options->cache_type = SLM_DTYPE_F16;
}

static SlmPooling
effective_pooling(const SlmModelOptions *options, const SlmModel *model)
{
	return options->pooling != SLM_POOLING_UNSPECIFIED ? options->pooling
													   : slm_model_info(model)->pooling;
}

SlmStatus
slm_model_options_check(const SlmModelOptions *options, const SlmModel *model, SlmError *err)
{
	const SlmModelInfo *info = slm_model_info(model);
	SlmPooling pooling = effective_pooling(options, model);

	if (options->context_length != 0 &&
		(options->context_length < MIN_CONTEXT || options->context_length > info->n_context))
		return slm_fail(err, SLM_ERR_ARGUMENT,
						"option \"context_length\" is %d, but this model takes %d to %d",
						options->context_length, MIN_CONTEXT, info->n_context);
	if (pooling == SLM_POOLING_RANK && info->n_class != 1)
		return slm_fail(err, SLM_ERR_ARGUMENT,
						"option \"pooling\" is rank, but the model has no head with one output");
	if (options->cache_type != SLM_DTYPE_F16 && !info->can_decode)
		return slm_fail(
			err, SLM_ERR_ARGUMENT,
			"option \"cache_type\" is for models that write text, but this one does not");
	if ((pooling == SLM_POOLING_UNSPECIFIED || pooling == SLM_POOLING_NONE) && info->n_class == 0 &&
		info->n_token_class == 0 && !info->can_decode)
	{
		slm_fail(err, SLM_ERR_ARGUMENT,
				 "option \"pooling\" is needed, because the model does not say how to pool");
		slm_error_hint(err, "Use mean, cls or last, as the model's authors say.");
		return SLM_ERR_ARGUMENT;
	}
	return SLM_OK;
}

int
slm_context_length(const SlmRun *run)
{
	int n_context = slm_model_info(run->model)->n_context;
	int wanted = run->options->context_length;

	return wanted > 0 && wanted < n_context ? wanted : n_context;
}

SlmPooling
slm_effective_pooling(const SlmRun *run)
{
	return effective_pooling(run->options, run->model);
}
