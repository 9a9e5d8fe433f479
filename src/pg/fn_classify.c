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

#include "pg/call.h"
#include "pg/labels.h"

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
	SlmBatch batch; /* of slm_classify_batch */
	ArrayType *labels;
	Jsonb *descriptions;
	text *condition; /* of slm_filter, instead of labels */
	SlmText instructions;
	const SlmLabelSet *set;
	SlmClassifyMode mode;
	float min_confidence;
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
prepare(SlmCall *call, Classify *classify)
{
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

/*
 * Probabilities of the set's labels for one text, palloc'd; NULL when the row
 * failed and on_error is 'null'.
 */
static float *
probabilities(SlmCall *call, const Classify *classify, SlmText text)
{
	const SlmLabelSet *set = classify->set;
	int n_output = slm_label_n_output(set);
	float *probability = palloc_array(float, set->n);
	float *output = palloc_array(float, n_output);
	SlmStatus row_status = SLM_OK;
	SlmStatus *row = call->null_on_error ? &row_status : NULL;
	SlmKey key;
	SlmStatus status;

	if (classify->condition != NULL)
	{
		slm_answer_key(call, &key, SLM_ANSWER_FILTER);
		slm_key_bytes(&key, VARDATA_ANY(classify->condition),
					  VARSIZE_ANY_EXHDR(classify->condition));
	}
	else
	{
		slm_answer_key(call, &key,
					   classify->mode == SLM_CLASSIFY_MULTI ? SLM_ANSWER_MULTI : SLM_ANSWER_LABEL);
		slm_label_key(&key, classify->labels, classify->descriptions, classify->instructions);
	}
	slm_key_bytes(&key, text.data, text.size);
	if (slm_answer_find(call, &key, probability, set->n))
		return probability;

	slm_call_begin(call);
	status = run_model(call, classify, &text, 1, output, row);
	if (slm_call_end(call, status, row, 1) == 0)
		return NULL;
	slm_label_pick(set, classify->mode, output, probability);
	slm_answer_add(&key, probability, set->n);
	return probability;
}

static Datum
classify(SlmCall *call, FunctionCallInfo fcinfo)
{
	Classify classify = {.mode = SLM_CLASSIFY_ONE};
	SlmText input;
	float *probability;
	int best;

	classify.min_confidence = slm_arg_fraction(call, CLASSIFY_FRACTION, "min_confidence", 0.0f);
	slm_arg_on_error(call, CLASSIFY_ON_ERROR);
	check_arguments(call, fcinfo, &classify);
	if (!slm_arg_input(call, CLASSIFY_INPUT, &input))
		PG_RETURN_NULL();
	prepare(call, &classify);

	probability = probabilities(call, &classify, input);
	if (probability == NULL)
		PG_RETURN_NULL();
	best = slm_task_best_label(probability, classify.set->n);
	if (probability[best] < classify.min_confidence)
	{
		call->counts.nulls++;
		PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(slm_label_name(classify.set, best));
}

SLM_FUNCTION(slm_classify, SLM_VERB_CLASSIFY, CLASSIFY_ARGS, classify);

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
	Classify classify = {.mode = SLM_CLASSIFY_ONE};
	SlmText input;
	float *probability;
	Score *score;

	slm_arg_on_error(call, SCORES_ON_ERROR);
	check_arguments(call, fcinfo, &classify);
	InitMaterializedSRF(fcinfo, 0);
	if (!slm_arg_input(call, CLASSIFY_INPUT, &input))
		return (Datum) 0;
	prepare(call, &classify);

	probability = probabilities(call, &classify, input);
	if (probability == NULL)
		return (Datum) 0;
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

static Datum
classify_multi(SlmCall *call, FunctionCallInfo fcinfo)
{
	Classify classify = {.mode = SLM_CLASSIFY_MULTI};
	float threshold = slm_arg_fraction(call, CLASSIFY_FRACTION, "threshold", DEFAULT_THRESHOLD);
	SlmText input;
	float *probability;
	Datum *name;
	int n_name = 0;

	slm_arg_on_error(call, CLASSIFY_ON_ERROR);
	check_arguments(call, fcinfo, &classify);
	if (!slm_arg_input(call, CLASSIFY_INPUT, &input))
		PG_RETURN_NULL();
	prepare(call, &classify);

	probability = probabilities(call, &classify, input);
	if (probability == NULL)
		PG_RETURN_NULL();
	name = palloc_array(Datum, classify.set->n);
	for (int i = 0; i < classify.set->n; i++)
	{
		if (probability[i] >= threshold)
			name[n_name++] = PointerGetDatum(slm_label_name(classify.set, i));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(name, n_name, TEXTOID, -1, false, TYPALIGN_INT));
}

SLM_FUNCTION(slm_classify_multi, SLM_VERB_CLASSIFY_MULTI, CLASSIFY_ARGS, classify_multi);

static Datum
filter(SlmCall *call, FunctionCallInfo fcinfo)
{
	Classify classify = {.mode = SLM_CLASSIFY_MULTI};
	SlmText input;
	float *probability;

	slm_arg_on_error(call, FILTER_ON_ERROR);
	if (PG_ARGISNULL(FILTER_CONDITION))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("condition must not be null")));
	if (!slm_arg_input(call, CLASSIFY_INPUT, &input))
		PG_RETURN_NULL();
	classify.condition = PG_GETARG_TEXT_PP(FILTER_CONDITION);
	slm_call_model(call, CLASSIFY_MODEL, SLM_DEFAULT_CLASSIFY);
	classify.set = slm_condition_set(call, classify.condition);

	probability = probabilities(call, &classify, input);
	if (probability == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(probability[0] >= DEFAULT_THRESHOLD);
}

SLM_FUNCTION(slm_filter, SLM_VERB_FILTER, FILTER_ARGS, filter);

static void
classify_rows(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	Classify *classify = (Classify *) batch;
	int n_output = slm_label_n_output(classify->set);
	SlmStatus status;

	slm_call_begin(call);
	status = slm_arena_alloc_array(call->run.arena, (size_t) n * n_output, sizeof(float),
								   (void **) &batch->result, &call->err);
	if (status == SLM_OK)
		status = run_model(call, classify, text, n, batch->result, row_status);
	slm_call_end(call, status, row_status, n);
}

static void
emit_label(SlmCall *call, SlmBatch *batch, int i, Datum *value, bool *null)
{
	Classify *classify = (Classify *) batch;
	const SlmLabelSet *set = classify->set;
	float *probability = palloc_array(float, set->n);
	int best;

	slm_label_pick(set, classify->mode, batch->result + (size_t) i * slm_label_n_output(set),
				   probability);
	best = slm_task_best_label(probability, set->n);
	value[2] = Float4GetDatum(probability[best]);
	null[2] = false;
	if (probability[best] < classify->min_confidence)
	{
		call->counts.nulls++;
		return;
	}
	value[1] = PointerGetDatum(slm_label_name(set, best));
	null[1] = false;
}

static Datum
classify_batch(SlmCall *call, FunctionCallInfo fcinfo)
{
	Classify classify = {.batch = {.compute = classify_rows, .emit = emit_label},
						 .mode = SLM_CLASSIFY_ONE};
	ArrayType *inputs = slm_arg_text_array(call, CLASSIFY_INPUT, "inputs");

	classify.min_confidence = slm_arg_fraction(call, CLASSIFY_FRACTION, "min_confidence", 0.0f);
	slm_arg_on_error(call, CLASSIFY_ON_ERROR);
	check_arguments(call, fcinfo, &classify);
	prepare(call, &classify);
	slm_batch_run(call, &classify.batch, inputs);
	return (Datum) 0;
}

SLM_FUNCTION(slm_classify_batch, SLM_VERB_CLASSIFY, CLASSIFY_ARGS, classify_batch);
