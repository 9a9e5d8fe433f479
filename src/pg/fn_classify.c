/*
 * fn_classify.c - slm_classify, slm_classify_scores, slm_classify_multi,
 * slm_classify_batch, slm_filter
 *
 * All of them turn a text into one probability per label; they differ in what
 * they make of it.  A condition of slm_filter is a label on its own.  What is
 * remembered is the probabilities, so the label in WHERE and its confidence in
 * SELECT cost one inference.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "pg/labels.h"
#include "pg/rows.h"

/* Argument numbers; scores has no fraction. */
enum
{
	CLASSIFY_INPUT,
	CLASSIFY_LABELS,
	CLASSIFY_MODEL,
	CLASSIFY_DESCRIPTIONS,
	CLASSIFY_INSTRUCTIONS,
	CLASSIFY_FRACTION, /* min_confidence or threshold */
	CLASSIFY_ON_ERROR,
	CLASSIFY_ARGS,

	SCORES_ON_ERROR = CLASSIFY_FRACTION,
	SCORES_ARGS,

	FILTER_CONDITION = CLASSIFY_LABELS,
	FILTER_ON_ERROR = CLASSIFY_DESCRIPTIONS,
	FILTER_ARGS
};

#define DEFAULT_THRESHOLD 0.5f /* from which on a label fits on its own */

typedef struct Classify
{
	SlmBatch batch;
	ArrayType *labels;
	Jsonb *descriptions;
	text *condition; /* of slm_filter, instead of labels */
	SlmText instructions;
	const SlmLabelSet *set;
	SlmClassifyMode mode;
	float min_confidence; /* of the best label */
	float threshold;      /* of each */
	float *output;        /* of the texts computed last, in the arena */
} Classify;

/* What can be refused before the model is known. */
static void
check_arguments(SlmCall *call, FunctionCallInfo fcinfo, Classify *classify)
{
	classify->labels = slm_arg_text_array(call, CLASSIFY_LABELS, "labels");
	if (classify->labels != NULL && array_contains_nulls(classify->labels))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("labels must not contain nulls")));
	classify->descriptions =
		PG_ARGISNULL(CLASSIFY_DESCRIPTIONS) ? NULL : PG_GETARG_JSONB_P(CLASSIFY_DESCRIPTIONS);
}

/* Resolves the model and the label set. */
static void
prepare(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	Classify *classify = (Classify *) batch;

	slm_call_model(call, CLASSIFY_MODEL, SLM_DEFAULT_CLASSIFY);
	classify->instructions = slm_arg_instructions(call, CLASSIFY_INSTRUCTIONS,
												  "Descriptions of the labels say what they mean.");
	classify->set = slm_label_set(call, classify->labels, classify->descriptions, classify->mode,
								  classify->instructions);
}

/* output[i][slm_label_n_output()] of text[i], by the model, or by the head trained on it. */
static SlmStatus
run_model(SlmCall *call, const Classify *classify, const SlmText *text, int n, float *output,
		  SlmStatus *row_status)
{
	if (call->ref->head != NULL)
		return slm_task_classify_by_head(&call->run, call->ref->head, text, n, classify->mode,
										 output, row_status, &call->err);
	if (slm_call_writes(call))
		return slm_task_score(&call->run, slm_label_scoring(classify->set), text, n, output,
							  row_status, &call->err);
	return slm_task_classify(&call->run, text, n, slm_label_embedding(classify->set),
							 slm_label_n_output(classify->set), classify->mode, output, row_status,
							 &call->err);
}

static void
key(SlmCall *call, SlmBatch *batch, SlmKey *key)
{
	const Classify *classify = (Classify *) batch;

	if (classify->condition != NULL)
	{
		slm_answer_key(call, key, SLM_ANSWER_FILTER);
		slm_key_bytes(key, VARDATA_ANY(classify->condition),
					  VARSIZE_ANY_EXHDR(classify->condition));
		return;
	}
	slm_answer_key(call, key,
				   classify->mode == SLM_CLASSIFY_MULTI ? SLM_ANSWER_MULTI : SLM_ANSWER_LABEL);
	slm_label_key(key, classify->labels, classify->descriptions, classify->instructions);
}

static void
compute(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	Classify *classify = (Classify *) batch;
	int n_output = slm_label_n_output(classify->set);
	SlmStatus status;

	slm_call_begin(call);
	status = slm_arena_alloc_array(call->run.arena, (size_t) n * n_output, sizeof(float),
								   (void **) &classify->output, &call->err);
	if (status == SLM_OK)
		status = run_model(call, classify, text, n, classify->output, row_status);
	slm_call_end(call, status, row_status, n);
}

/* Probabilities of the set's labels. */
static SlmAnswer
answer(SlmCall *call, SlmBatch *batch, int i)
{
	const Classify *classify = (Classify *) batch;
	const SlmLabelSet *set = classify->set;
	float *probability = palloc_array(float, set->n);

	slm_label_pick(set, classify->mode, classify->output + (size_t) i * slm_label_n_output(set),
				   probability);
	return (SlmAnswer){probability, set->n * sizeof(float)};
}

static SlmBatch *
check_classify(SlmCall *call, FunctionCallInfo fcinfo)
{
	Classify *classify = palloc0_object(Classify);

	classify->mode = SLM_CLASSIFY_ONE;
	classify->min_confidence = slm_arg_fraction(call, CLASSIFY_FRACTION, "min_confidence", 0.0f);
	slm_arg_on_error(call, CLASSIFY_ON_ERROR);
	check_arguments(call, fcinfo, classify);
	return &classify->batch;
}

static void
emit_label(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	const Classify *classify = (Classify *) batch;
	const float *probability = answer->data;
	int best = slm_task_best_label(probability, classify->set->n);

	value[2] = Float4GetDatum(probability[best]);
	null[2] = false;
	if (probability[best] < classify->min_confidence)
	{
		call->counts.nulls++;
		return;
	}
	value[1] = PointerGetDatum(slm_label_name(classify->set, best));
	null[1] = false;
}

static const SlmRowOps classify_ops = {
	.check = check_classify,
	.prepare = prepare,
	.key = key,
	.compute = compute,
	.answer = answer,
	.emit = emit_label,
};

SLM_ROW_FUNCTION(slm_classify, SLM_VERB_CLASSIFY, CLASSIFY_ARGS, 1, classify_ops, NULL);
SLM_ARRAY_FUNCTION(slm_classify_batch, slm_classify, "inputs");

static SlmBatch *
check_multi(SlmCall *call, FunctionCallInfo fcinfo)
{
	Classify *classify = palloc0_object(Classify);

	classify->mode = SLM_CLASSIFY_MULTI;
	classify->threshold = slm_arg_fraction(call, CLASSIFY_FRACTION, "threshold", DEFAULT_THRESHOLD);
	slm_arg_on_error(call, CLASSIFY_ON_ERROR);
	check_arguments(call, fcinfo, classify);
	return &classify->batch;
}

static void
emit_labels(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	const Classify *classify = (Classify *) batch;
	const float *probability = answer->data;
	Datum *name = palloc_array(Datum, classify->set->n);
	int n_name = 0;

	for (int i = 0; i < classify->set->n; i++)
	{
		if (probability[i] >= classify->threshold)
			name[n_name++] = PointerGetDatum(slm_label_name(classify->set, i));
	}
	value[1] = PointerGetDatum(construct_array(name, n_name, TEXTOID, -1, false, TYPALIGN_INT));
	null[1] = false;
}

static const SlmRowOps multi_ops = {
	.check = check_multi,
	.prepare = prepare,
	.key = key,
	.compute = compute,
	.answer = answer,
	.emit = emit_labels,
};

SLM_ROW_FUNCTION(slm_classify_multi, SLM_VERB_CLASSIFY_MULTI, CLASSIFY_ARGS, 1, multi_ops, NULL);

static SlmBatch *
check_filter(SlmCall *call, FunctionCallInfo fcinfo)
{
	Classify *classify = palloc0_object(Classify);

	classify->mode = SLM_CLASSIFY_MULTI;
	slm_arg_on_error(call, FILTER_ON_ERROR);
	if (PG_ARGISNULL(FILTER_CONDITION))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("condition must not be null")));
	classify->condition = PG_GETARG_TEXT_PP(FILTER_CONDITION);
	return &classify->batch;
}

static void
prepare_filter(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	Classify *classify = (Classify *) batch;

	slm_call_model(call, CLASSIFY_MODEL, SLM_DEFAULT_CLASSIFY);
	classify->set = slm_condition_set(call, classify->condition);
}

static void
emit_truth(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	value[1] = BoolGetDatum(*(const float *) answer->data >= DEFAULT_THRESHOLD);
	null[1] = false;
}

static const SlmRowOps filter_ops = {
	.check = check_filter,
	.prepare = prepare_filter,
	.key = key,
	.compute = compute,
	.answer = answer,
	.emit = emit_truth,
};

SLM_ROW_FUNCTION(slm_filter, SLM_VERB_FILTER, FILTER_ARGS, 1, filter_ops, NULL);

typedef struct Score
{
	int label;
	float confidence;
} Score;

/* Greatest confidence first, the earlier label among equals. */
static int
compare_scores(const void *a, const void *b)
{
	const Score *score_a = a;
	const Score *score_b = b;

	if (score_a->confidence != score_b->confidence)
		return score_a->confidence > score_b->confidence ? -1 : 1;
	return score_a->label < score_b->label ? -1 : 1;
}

static Datum
classify_scores(SlmCall *call, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Classify classify = {.batch = {.ops = &classify_ops}, .mode = SLM_CLASSIFY_ONE};
	SlmAnswer answer;
	SlmText input;
	const float *probability;
	Score *score;

	slm_arg_on_error(call, SCORES_ON_ERROR);
	check_arguments(call, fcinfo, &classify);
	InitMaterializedSRF(fcinfo, 0);
	if (!slm_arg_input(call, CLASSIFY_INPUT, &input))
		return (Datum) 0;
	prepare(call, fcinfo, &classify.batch);

	if (!slm_row_answer(call, &classify.batch, input, &answer))
		return (Datum) 0;
	probability = answer.data;
	score = palloc_array(Score, classify.set->n);
	for (int i = 0; i < classify.set->n; i++)
		score[i] = (Score){i, probability[i]};
	qsort(score, classify.set->n, sizeof(Score), compare_scores);

	for (int i = 0; i < classify.set->n; i++)
	{
		Datum value[2];
		bool null[2] = {false, false};

		value[0] = PointerGetDatum(slm_label_name(classify.set, score[i].label));
		value[1] = Float4GetDatum(score[i].confidence);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, value, null);
	}
	return (Datum) 0;
}

SLM_FUNCTION(slm_classify_scores, SLM_VERB_CLASSIFY_SCORES, SCORES_ARGS, classify_scores);
