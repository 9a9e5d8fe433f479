/*
 * classify.c - one of several labels for a text
 */
#include "task/classify.h"

#include <math.h>
#include <string.h>

#include "task/embed.h"
#include "task/logarithm.h"
#include "task/windows.h"

#define SLICE_ROWS 64 /* texts embedded at a time, before they meet the labels */

bool
slm_task_has_labels(const SlmModel *model)
{
	return slm_model_info(model)->n_class > 1;
}

/* ---- Label sets ------------------------------------------------------------ */

/* A set of names, open addressing: slot -> index of a name, or -1. */
typedef struct NameSet
{
	int32_t *slot; /* [mask + 1] */
	uint32_t mask;
} NameSet;

static SlmStatus
name_set_init(NameSet *set, int n, SlmArena *arena, SlmError *err)
{
	uint32_t size = 16;

	while (size < 2 * (uint32_t) n)
		size *= 2;
	set->mask = size - 1;
	SLM_TRY(SLM_NEW_ARRAY(arena, size, &set->slot, err));
	memset(set->slot, 0xff, size * sizeof(*set->slot));
	return SLM_OK;
}

static bool
same_text(SlmText a, SlmText b)
{
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static uint32_t
hash_text(SlmText text)
{
	uint32_t hash = 0x811c9dc5;

	for (size_t i = 0; i < text.size; i++)
		hash = (hash ^ (uint8_t) text.data[i]) * 0x01000193;
	return hash;
}

/* The slot that holds the index of a label called name, or the free one where it belongs. */
static int32_t *
name_set_find(NameSet *set, const SlmLabel *label, SlmText name)
{
	uint32_t at = hash_text(name) & set->mask;

	while (set->slot[at] >= 0 && !same_text(label[set->slot[at]].name, name))
		at = (at + 1) & set->mask;
	return &set->slot[at];
}

/* Finds each label among the model's own. */
static SlmStatus
match_classes(const SlmLabel *own, int n_own, const SlmLabel *label, int n, int *class_of,
			  SlmArena *arena, SlmError *err)
{
	NameSet classes;

	SLM_TRY(name_set_init(&classes, n_own, arena, err));
	for (int i = 0; i < n_own; i++)
	{
		int32_t *slot = name_set_find(&classes, own, own[i].name);

		if (*slot < 0) /* the first of equals */
			*slot = i;
	}
	for (int pass = 0; pass < (class_of != NULL ? 2 : 1); pass++)
		for (int i = 0; i < n; i++)
		{
			int32_t found = *name_set_find(&classes, own, label[i].name);

			if (found < 0)
			{
				slm_fail(err, SLM_ERR_ARGUMENT, "label %d is not one of the model's own labels",
						 i + 1);
				slm_error_hint(err, "Leave the labels out to use the model's own.");
				return SLM_ERR_ARGUMENT;
			}
			if (pass == 1)
				class_of[i] = found;
		}
	return SLM_OK;
}

SlmStatus
slm_task_check_labels(const SlmLabel *own, int n_own, const SlmLabel *label, int n, int *class_of,
					  SlmArena *arena, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(arena);
	NameSet names;

	if (n < 2)
		return slm_fail(err, SLM_ERR_ARGUMENT, "at least two labels are needed");
	if (n > SLM_MAX_LABELS)
		return slm_fail(err, SLM_ERR_ARGUMENT, "%d labels exceed the limit of %d", n,
						SLM_MAX_LABELS);
	SLM_TRY(name_set_init(&names, n, arena, err));
	for (int i = 0; i < n; i++)
	{
		int32_t *slot;

		if (label[i].name.size == 0)
			return slm_fail(err, SLM_ERR_ARGUMENT, "label %d is empty", i + 1);
		slot = name_set_find(&names, label, label[i].name);
		if (*slot >= 0)
			return slm_fail(err, SLM_ERR_ARGUMENT, "label %d is the same as label %d", i + 1,
							*slot + 1);
		*slot = i;
	}
	if (n_own > 0)
		SLM_TRY(match_classes(own, n_own, label, n, class_of, arena, err));
	slm_arena_rewind(arena, mark);
	return SLM_OK;
}

SlmStatus
slm_task_label_text(SlmArena *arena, const SlmLabel *label, SlmText *out, SlmError *err)
{
	SlmText name = label->name, description = label->description;
	size_t size = name.size;
	char *both;

	*out = name;
	if (description.size == 0)
		return SLM_OK;
	if (__builtin_add_overflow(size, description.size + 2, &size))
		size = SIZE_MAX;
	SLM_TRY(slm_arena_alloc(arena, size, (void **) &both, err));
	memcpy(both, name.data, name.size);
	memcpy(both + name.size, ": ", 2);
	memcpy(both + name.size + 2, description.data, description.size);
	*out = (SlmText){both, size};
	return SLM_OK;
}

SlmStatus
slm_task_embed_labels(SlmRun *run, const SlmLabel *label, int n, float *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int width = slm_model_info(run->model)->n_embd;
	SlmText *text;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &text, err));
	for (int i = 0; i < n; i++)
		SLM_TRY(slm_task_label_text(run->arena, &label[i], &text[i], err));
	SLM_TRY(slm_task_embed(run, text, n, SLM_PURPOSE_DOCUMENT, out, NULL, err));
	if (slm_model_info(run->model)->has_label_head)
		SLM_TRY(slm_project_labels(run, SLM_LABEL_NAME, out, n, out, err));
	for (int i = 0; i < n; i++)
		slm_normalize(run->kernels, out + (size_t) i * (size_t) width, width);
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

/* ---- Probabilities ------------------------------------------------------------ */

/* Scores of one row, in place. */
static void
to_probabilities(const SlmKernels *kernels, SlmClassifyMode mode, float *score, int n)
{
	if (mode == SLM_CLASSIFY_ONE)
		kernels->softmax(score, n);
	else
		for (int i = 0; i < n; i++)
			score[i] = slm_sigmoid(kernels, score[i]);
}

static SlmStatus
classify_by_head(SlmRun *run, const SlmText *text, int n, SlmClassifyMode mode, float *probability,
				 SlmStatus *row_status, SlmError *err)
{
	SlmWindows windows = {
		.run = run,
		.out = probability,
		.width = slm_model_info(run->model)->n_class,
		.scores = true,
		.combine = SLM_COMBINE_MEAN,
	};
	SlmText prefix = run->options->document_prefix;
	SlmLead first, rest;

	SLM_TRY(slm_task_lead(run, slm_text(""), &first, err));
	SLM_TRY(slm_task_lead(run, prefix, &rest, err));
	SLM_TRY(slm_windows_init(&windows, err));
	for (int i = 0; i < n; i++)
		SLM_TRY(slm_windows_add(&windows, i, prefix, text[i], first, rest, row_status, err));
	SLM_TRY(slm_windows_finish(&windows, err));
	for (int i = 0; i < n; i++)
		if (row_status == NULL || row_status[i] == SLM_OK)
			to_probabilities(run->kernels, mode, probability + (size_t) i * (size_t) windows.width,
							 windows.width);
	return SLM_OK;
}

/* How a cosine becomes the logit of one of n labels, and the logit of none of them. */
typedef struct Calibration
{
	float scale;
	float bias;
	float none;
} Calibration;

static Calibration
calibration_for(const SlmModelInfo *info, SlmClassifyMode mode, int n_label)
{
	const SlmLabelCalibration *label = &info->label;
	float growth;

	if (!info->has_label_head)
		return (Calibration){
			.scale = 1.0f / SLM_CLASSIFY_TEMPERATURE,
			.bias =
				mode == SLM_CLASSIFY_MULTI ? -SLM_CLASSIFY_MIDDLE / SLM_CLASSIFY_TEMPERATURE : 0.0f,
		};
	if (mode == SLM_CLASSIFY_MULTI)
		return (Calibration){.scale = label->multi_scale, .bias = label->multi_bias};
	growth = slm_natural_log((float) n_label);
	return (Calibration){
		.scale = fmaf(label->scale_growth, growth, label->scale),
		.none = fmaf(label->none_growth, growth, label->none),
	};
}

/* Is "none of these" one more outcome beside the labels? */
static bool
has_none(const SlmModel *model, SlmClassifyMode mode)
{
	return slm_model_info(model)->has_label_head && mode == SLM_CLASSIFY_ONE;
}

/* score[j] = the logit of label j for a text; behind them that of none of these, where there is one. */
static SlmStatus
score_labels(SlmRun *run, const float *embedding, const float *label, int n_label,
			 SlmClassifyMode mode, float *score, SlmError *err)
{
	int width = slm_model_info(run->model)->n_embd;
	Calibration calibration = calibration_for(slm_model_info(run->model), mode, n_label);
	int labels_a_poll = SLM_POLL_MACS / 4 / width + 1;

	for (int j = 0; j < n_label; j++)
	{
		float cosine = run->kernels->dot(embedding, label + (size_t) j * (size_t) width, width);

		score[j] = fmaf(calibration.scale, cosine, calibration.bias);
		if (j % labels_a_poll == 0)
			SLM_TRY(slm_poll(run->host, err));
	}
	if (has_none(run->model, mode))
		score[n_label] = calibration.none;
	return SLM_OK;
}

SlmStatus
slm_task_embed_for_labels(SlmRun *run, const SlmText *text, int n, float *out,
						  SlmStatus *row_status, SlmError *err)
{
	SLM_TRY(slm_task_embed(run, text, n, SLM_PURPOSE_DOCUMENT, out, row_status, err));
	if (slm_model_info(run->model)->has_label_head)
		SLM_TRY(slm_project_labels(run, SLM_LABEL_TEXT, out, n, out, err));
	slm_task_unit_rows(run, out, n, row_status);
	return SLM_OK;
}

SlmStatus
slm_task_label_probabilities(SlmRun *run, const float *embedding, const float *label, int n_label,
							 SlmClassifyMode mode, float *probability, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int n = n_label + has_none(run->model, mode);
	float *score;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &score, err));
	SLM_TRY(score_labels(run, embedding, label, n_label, mode, score, err));
	to_probabilities(run->kernels, mode, score, n);
	memcpy(probability, score, (size_t) n_label * sizeof(float));
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

static SlmStatus
classify_by_embedding(SlmRun *run, const SlmText *text, int n, const float *label, int n_label,
					  SlmClassifyMode mode, float *probability, SlmStatus *row_status,
					  SlmError *err)
{
	int width = slm_model_info(run->model)->n_embd;
	int slice = n < SLICE_ROWS ? n : SLICE_ROWS;
	float *rows;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) slice * (size_t) width, &rows, err));
	for (int i = 0; i < n; i++)
	{
		float *row = rows + (size_t) (i % slice) * (size_t) width;
		float *out = probability + (size_t) i * (size_t) n_label;

		if (i % slice == 0)
			SLM_TRY(slm_task_embed_for_labels(run, text + i, n - i < slice ? n - i : slice, rows,
											  row_status != NULL ? row_status + i : NULL, err));
		if (row_status != NULL && row_status[i] != SLM_OK)
			memset(out, 0, (size_t) n_label * sizeof(float));
		else
			SLM_TRY(slm_task_label_probabilities(run, row, label, n_label, mode, out, err));
	}
	return SLM_OK;
}

SlmStatus
slm_task_classify(SlmRun *run, const SlmText *text, int n, const float *label_embedding,
				  int n_label, SlmClassifyMode mode, float *probability, SlmStatus *row_status,
				  SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);

	if (slm_task_has_labels(run->model))
		SLM_TRY(classify_by_head(run, text, n, mode, probability, row_status, err));
	else
		SLM_TRY(classify_by_embedding(run, text, n, label_embedding, n_label, mode, probability,
									  row_status, err));
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

int
slm_task_best_label(const float *probability, int n_label)
{
	int best = 0;

	for (int i = 1; i < n_label; i++)
		if (probability[i] > probability[best])
			best = i;
	return best;
}
