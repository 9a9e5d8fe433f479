/*
 * labels.c - a set of labels, checked and made ready once per backend
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "pg/labels.h"
#include "pg/sets.h"

static void
read_labels(ArrayType *labels, SlmLabelInput *out)
{
	Datum *element;

	deconstruct_array(labels, TEXTOID, -1, false, TYPALIGN_INT, &element, NULL, &out->n);
	out->label = palloc0_array(SlmLabel, out->n);
	out->name = palloc0_array(SlmText, out->n);
	for (int i = 0; i < out->n; i++)
	{
		struct varlena *name = PG_DETOAST_DATUM_PACKED(element[i]);

		out->name[i].data = VARDATA_ANY(name);
		out->name[i].size = VARSIZE_ANY_EXHDR(name);
		out->label[i].name = slm_require_utf8(out->name[i].data, out->name[i].size, "label");
		if (out->name[i].size > 0 && slm_is_blank(out->label[i].name))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("label %d is blank", i + 1)));
	}
}

/* How many labels a model brings along, in its file or from training; 0: none. */
static int
n_own_labels(const SlmModelRef *ref)
{
	if (ref->head != NULL)
		return ref->head->n_label;
	return slm_task_has_labels(ref->model) ? slm_model_info(ref->model)->n_class : 0;
}

/* Those labels; a file may hold anything, so they are verified. */
static void
read_own_labels(const SlmModelRef *ref, SlmLabelInput *out)
{
	out->n = n_own_labels(ref);
	out->label = palloc0_array(SlmLabel, out->n);
	out->name = palloc0_array(SlmText, out->n);
	for (int i = 0; i < out->n; i++)
	{
		SlmText name =
			ref->head != NULL ? slm_head_label(ref->head, i) : slm_model_class_label(ref->model, i);
		char *server = pg_any_to_server(pnstrdup(name.data, name.size), name.size, PG_UTF8);

		out->label[i].name = name;
		out->name[i] = slm_text(server);
	}
}

/* Refuses, by name, a given label that a model with labels of its own does not have. */
static void
require_own_labels(SlmCall *call, const SlmLabelInput *own, const SlmLabelInput *given)
{
	for (int i = 0; i < given->n; i++)
	{
		StringInfoData names;
		int i_class = 0;

		while (i_class < own->n &&
			   (own->name[i_class].size != given->name[i].size ||
				memcmp(own->name[i_class].data, given->name[i].data, given->name[i].size) != 0))
			i_class++;
		if (i_class < own->n)
			continue;

		initStringInfo(&names);
		for (i_class = 0; i_class < own->n && names.len < 200; i_class++)
			appendStringInfo(&names, "%s%.*s", i_class > 0 ? ", " : "",
							 (int) own->name[i_class].size, own->name[i_class].data);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("label \"%.*s\" is not one of model \"%s\"", (int) given->name[i].size,
						given->name[i].data, NameStr(call->ref->name)),
				 errdetail("It has %d labels of its own: %s%s.", own->n, names.data,
						   i_class < own->n ? ", ..." : ""),
				 errhint("Leave the labels out to use them all.")));
	}
}

void
slm_label_descriptions(Jsonb *descriptions, SlmLabelInput *out)
{
	JsonbIterator *iterator;
	JsonbValue key;
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(descriptions))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("descriptions must be a JSON object of labels and texts")));

	iterator = JsonbIteratorInit(&descriptions->root);
	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		SlmLabel *label = NULL;

		(void) JsonbIteratorNext(&iterator, &value, true);
		for (int i = 0; i < out->n && label == NULL; i++)
		{
			if (out->name[i].size == (size_t) key.val.string.len &&
				memcmp(out->name[i].data, key.val.string.val, key.val.string.len) == 0)
				label = &out->label[i];
		}
		if (label == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("descriptions has a key that is not a label: \"%s\"",
								   pnstrdup(key.val.string.val, key.val.string.len))));
		if (value.type != jbvString)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("description of label \"%s\" must be a string",
								   pnstrdup(key.val.string.val, key.val.string.len))));
		label->description =
			slm_require_utf8(value.val.string.val, value.val.string.len, "description");
	}
}

/*
 * Refuses a bad set of labels; gives the classes of a head that they are, else
 * NULL.  own are the labels of that head, none without one.
 */
static int *
check_set(SlmCall *call, const SlmLabelInput *own, const SlmLabelInput *input)
{
	int *class_of = own->n > 0 ? palloc0_array(int, Max(input->n, 1)) : NULL;
	SlmStatus status;

	slm_call_begin(call);
	status = slm_task_check_labels(own->label, own->n, input->label, input->n, class_of,
								   call->run.arena, &call->err);
	slm_call_end(call, status, NULL, 1);
	return class_of;
}

/* What labels are asked for, where a model scores them. */
typedef struct Question
{
	SlmScoreTask task;
	SlmText instructions;
} Question;

/* What a model makes of labels that are no classes, once: in the arena. */
static SlmStatus
prepare_labels(SlmCall *call, const SlmLabelInput *input, const Question *question,
			   const void **data, Size *size)
{
	Size n_embedding = (Size) input->n * slm_call_n_embd(call);
	SlmScoring *scoring;
	float *embedding;

	if (slm_call_writes(call))
	{
		SLM_TRY(slm_scoring_new(&call->run, question->task, input->label, input->n,
								question->instructions, &scoring, &call->err));
		*data = scoring;
		*size = slm_scoring_bytes(scoring);
		return SLM_OK;
	}
	SLM_TRY(slm_arena_alloc_array(call->run.arena, n_embedding, sizeof(float), (void **) &embedding,
								  &call->err));
	*data = embedding;
	*size = n_embedding * sizeof(float);
	return slm_task_embed_labels(&call->run, input->label, input->n, embedding, &call->err);
}

/* Lays out a set flat, with what the model makes of labels that are no classes. */
static SlmLabelSet *
build_set(SlmCall *call, const SlmLabelInput *input, const Question *question, const int *class_of,
		  Size *size)
{
	int n = input->n;
	const void *data = NULL;
	Size data_size = 0;
	Size name_bytes = 0;
	Size at = sizeof(SlmLabelSet);
	SlmLabelSet *set;
	uint32 *name_end;

	if (class_of == NULL)
	{
		SlmStatus status;

		slm_call_begin(call);
		call->run.max_input_tokens = 0; /* labels are no input */
		status = prepare_labels(call, input, question, &data, &data_size);
		slm_call_end(call, status, NULL, 1);
	}
	for (int i = 0; i < n; i++)
		name_bytes += input->name[i].size;
	set = MemoryContextAllocExtended(CurrentMemoryContext,
									 sizeof(SlmLabelSet) + n * (sizeof(uint32) + sizeof(int32)) +
										 MAXALIGN(name_bytes) + MAXIMUM_ALIGNOF + data_size,
									 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	set->n = n;
	set->n_class = class_of != NULL ? n_own_labels(call->ref) : 0;

	set->name_end_at = at;
	at += n * sizeof(uint32);
	set->class_of_at = at;
	at += n * sizeof(int32);
	set->name_at = at;
	at += name_bytes;
	set->data_at = MAXALIGN(at);
	*size = set->data_at + data_size;

	name_end = (uint32 *) ((char *) set + set->name_end_at);
	for (int i = 0; i < n; i++)
	{
		uint32 start = i > 0 ? name_end[i - 1] : 0;

		memcpy((char *) set + set->name_at + start, input->name[i].data, input->name[i].size);
		name_end[i] = start + input->name[i].size;
	}
	if (class_of != NULL)
		memcpy((char *) set + set->class_of_at, class_of, n * sizeof(int32));
	else
		memcpy((char *) set + set->data_at, data, data_size);
	return set;
}

/* Builds a set and puts it into the store. */
static const SlmLabelSet *
add_set(SlmCall *call, const StringInfoData *key, const SlmLabelInput *input,
		const Question *question, const int *class_of)
{
	Size size;
	SlmLabelSet *built = build_set(call, input, question, class_of, &size);
	const SlmLabelSet *set = slm_set_add(key, built, size);

	pfree(built);
	return set;
}

const SlmLabelSet *
slm_label_set(SlmCall *call, ArrayType *labels, Jsonb *descriptions, SlmClassifyMode mode,
			  SlmText instructions)
{
	bool has_head = n_own_labels(call->ref) > 0;
	Question question = {mode == SLM_CLASSIFY_MULTI ? SLM_SCORE_EACH : SLM_SCORE_ONE, instructions};
	StringInfoData key;
	const SlmLabelSet *set;
	SlmLabelInput own = {0};
	SlmLabelInput input;

	if (labels == NULL && !has_head)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("labels must not be null"),
						slm_model_info(call->ref->model)->n_token_class > 0
							? errdetail("The labels of model \"%s\" are of words; slm_extract() "
										"takes them as fields.",
										NameStr(call->ref->name))
							: errdetail("Model \"%s\" brings no labels of its own.",
										NameStr(call->ref->name))));
	if (descriptions != NULL && has_head)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("model \"%s\" takes no descriptions", NameStr(call->ref->name)),
						errdetail("It has learned its own labels.")));

	slm_key_start(call, SLM_SET_LABELS, &key);
	if (slm_call_writes(call))
	{
		appendBinaryStringInfo(&key, (const char *) &question.task, sizeof(question.task));
		appendBinaryStringInfo(&key, (const char *) &instructions.size, sizeof(instructions.size));
		appendBinaryStringInfo(&key, instructions.data, instructions.size);
	}
	if (labels != NULL)
		appendBinaryStringInfo(&key, (const char *) labels, VARSIZE(labels));
	if (descriptions != NULL)
		appendBinaryStringInfo(&key, (const char *) descriptions, VARSIZE(descriptions));

	set = slm_set_find(&key);
	if (set == NULL)
	{
		if (has_head)
			read_own_labels(call->ref, &own);
		if (labels != NULL)
		{
			read_labels(labels, &input);
			if (has_head)
				require_own_labels(call, &own, &input);
		}
		else
			input = own;
		if (descriptions != NULL)
			slm_label_descriptions(descriptions, &input);
		set = add_set(call, &key, &input, &question, check_set(call, &own, &input));
	}
	return set;
}

const SlmLabelSet *
slm_condition_set(SlmCall *call, text *condition)
{
	SlmText name = {VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition)};
	StringInfoData key;
	const SlmLabelSet *set;

	if (n_own_labels(call->ref) > 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("model \"%s\" takes no conditions", NameStr(call->ref->name)),
						errdetail("It has learned its own labels.")));

	slm_key_start(call, SLM_SET_CONDITION, &key);
	appendBinaryStringInfo(&key, name.data, name.size);
	set = slm_set_find(&key);
	if (set == NULL)
	{
		SlmLabel label = {slm_require_utf8(name.data, name.size, "condition"), {"", 0}};
		SlmLabelInput input = {1, &label, &name};
		Question question = {SLM_SCORE_CONDITION, {"", 0}};

		if (slm_is_blank(label.name))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("condition must not be blank")));
		set = add_set(call, &key, &input, &question, NULL);
	}
	return set;
}

void
slm_label_key(SlmKey *key, ArrayType *labels, Jsonb *descriptions, SlmText instructions)
{
	slm_key_bytes(key, instructions.data, instructions.size);
	slm_key_bytes(key, labels, labels != NULL ? VARSIZE(labels) : 0);
	slm_key_bytes(key, descriptions, descriptions != NULL ? VARSIZE(descriptions) : 0);
}

text *
slm_label_name(const SlmLabelSet *set, int i)
{
	const uint32 *end = (const uint32 *) ((const char *) set + set->name_end_at);
	uint32 start = i > 0 ? end[i - 1] : 0;

	return cstring_to_text_with_len((const char *) set + set->name_at + start, end[i] - start);
}

const float *
slm_label_embedding(const SlmLabelSet *set)
{
	if (set->n_class > 0)
		return NULL;
	return (const float *) ((const char *) set + set->data_at);
}

const SlmScoring *
slm_label_scoring(const SlmLabelSet *set)
{
	return (const SlmScoring *) ((const char *) set + set->data_at);
}

int
slm_label_n_output(const SlmLabelSet *set)
{
	return set->n_class > 0 ? set->n_class : set->n;
}

void
slm_label_pick(const SlmLabelSet *set, SlmClassifyMode mode, const float *output,
			   float *probability)
{
	const int32 *class_of = (const int32 *) ((const char *) set + set->class_of_at);
	float sum = 0.0f;

	if (set->n_class == 0)
	{
		memcpy(probability, output, set->n * sizeof(float));
		return;
	}
	for (int i = 0; i < set->n; i++)
	{
		probability[i] = output[class_of[i]];
		sum += probability[i];
	}
	if (mode == SLM_CLASSIFY_MULTI || set->n == set->n_class || !(sum > 0.0f))
		return;
	for (int i = 0; i < set->n; i++)
		probability[i] /= sum;
}
