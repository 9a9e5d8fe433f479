/*
 * fn_extract.c - slm_extract, slm_extract_spans, slm_extract_batch
 *
 * All three find the values of a schema's fields in a text.  What is remembered
 * is the whole answer, JSON and rows, so that a field in WHERE, another in
 * SELECT and their sources cost one inference.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "pg/fields.h"
#include "pg/form.h"
#include "pg/rows.h"

/* Argument numbers of all three. */
enum
{
	EXTRACT_INPUT,
	EXTRACT_SCHEMA,
	EXTRACT_MODEL,
	EXTRACT_INSTRUCTIONS,
	EXTRACT_ON_ERROR,
	EXTRACT_ARGS
};

typedef struct Extract
{
	SlmBatch batch;
	Jsonb *schema;
	const SlmFieldSet *set; /* of a model that finds values, or */
	const SlmForm *form;    /* of one that writes them */
	bool spans;             /* what it writes, with places */
	SlmText instructions;
	const SlmText *text;       /* of the texts computed last, */
	SlmExtraction *extraction; /* in the arena */
} Extract;

/* One value of a remembered answer; its texts follow in the order of the values. */
typedef struct AnswerValue
{
	uint32 path_size;
	uint32 value_size;
	int32 start; /* characters from 1; 0: no source */
	int32 length;
	float confidence;
} AnswerValue;

/* A remembered answer: this, its values, and then the bytes of all texts in UTF-8. */
typedef struct Answer
{
	uint32 json_size;
	int32 n_value;
	AnswerValue value[FLEXIBLE_ARRAY_MEMBER];
} Answer;

/* What can be refused before the model is known. */
static SlmBatch *
check(SlmCall *call, FunctionCallInfo fcinfo)
{
	Extract *extract = palloc0_object(Extract);

	slm_arg_on_error(call, EXTRACT_ON_ERROR);
	if (PG_ARGISNULL(EXTRACT_SCHEMA))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("schema must not be null")));
	extract->schema = PG_GETARG_JSONB_P(EXTRACT_SCHEMA);
	return &extract->batch;
}

/* Resolves the model and the fields. */
static void
prepare(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	Extract *extract = (Extract *) batch;

	slm_call_model(call, EXTRACT_MODEL, SLM_DEFAULT_EXTRACT);
	extract->instructions = slm_arg_instructions(call, EXTRACT_INSTRUCTIONS,
												 "Descriptions of the fields say what they mean.");
	if (slm_call_writes(call))
		extract->form = slm_form(call, extract->schema, true);
	else
		extract->set = slm_field_set(call, extract->schema);
}

/* Values of texts, found or written; out [n] in the arena. */
static SlmStatus
extract_texts(SlmCall *call, const Extract *extract, const SlmText *text, int n, SlmExtraction *out,
			  SlmStatus *row_status)
{
	const SlmFieldSet *set = extract->set;

	if (set != NULL)
		return slm_task_extract(&call->run, text, n, slm_field_schema(set),
								slm_field_embedding(set), slm_field_label_embedding(set), out,
								row_status, &call->err);
	if (!extract->spans)
		return slm_task_write_fields(&call->run, text, n, extract->form->schema,
									 extract->form->constraint, extract->instructions, out,
									 row_status, &call->err);
	/* a set-returning function has one text at a time */
	return slm_task_write_spans(&call->run, text[0], extract->form->schema,
								extract->form->constraint, extract->instructions, out, row_status,
								&call->err);
}

/* A place in a text, both as a byte and as a character. */
typedef struct Place
{
	size_t byte;
	int32 character;
} Place;

/* Moves to a byte that begins a character, from where the place is. */
static void
go_to(SlmText text, size_t byte, Place *place)
{
	if (byte < place->byte)
		place->character -= slm_count_characters(text, byte, place->byte);
	else
		place->character += slm_count_characters(text, place->byte, byte);
	place->byte = byte;
}

/* An extraction in one piece, palloc'd. */
static Answer *
flatten(const SlmExtraction *extraction, SlmText text, Size *size)
{
	Size header = offsetof(Answer, value) + extraction->n_value * sizeof(AnswerValue);
	Place place = {0, 0};
	Answer *answer;
	char *at;

	*size = header + extraction->json.size;
	for (int i = 0; i < extraction->n_value; i++)
		*size += extraction->value[i].path.size + extraction->value[i].value.size;
	answer = MemoryContextAllocHuge(CurrentMemoryContext, *size);
	answer->json_size = extraction->json.size;
	answer->n_value = extraction->n_value;
	at = (char *) answer + header;
	memcpy(at, extraction->json.data, extraction->json.size);
	at += extraction->json.size;
	for (int i = 0; i < extraction->n_value; i++)
	{
		const SlmExtracted *value = &extraction->value[i];
		AnswerValue *flat = &answer->value[i];

		CHECK_FOR_INTERRUPTS();
		*flat = (AnswerValue){.path_size = value->path.size,
							  .value_size = value->value.size,
							  .confidence = value->confidence};
		if (value->has_source)
		{
			go_to(text, value->start, &place);
			flat->start = place.character + 1;
			go_to(text, value->start + value->size, &place);
			flat->length = place.character - (flat->start - 1);
		}
		memcpy(at, value->path.data, value->path.size);
		at += value->path.size;
		memcpy(at, value->value.data, value->value.size);
		at += value->value.size;
	}
	return answer;
}

static void
key(SlmCall *call, SlmBatch *batch, SlmKey *key)
{
	const Extract *extract = (Extract *) batch;

	slm_answer_key(call, key, SLM_ANSWER_EXTRACTION);
	slm_key_bytes(key, &extract->spans, sizeof(extract->spans));
	slm_key_bytes(key, extract->schema, VARSIZE(extract->schema));
	slm_key_bytes(key, &extract->instructions.size, sizeof(extract->instructions.size));
	slm_key_bytes(key, extract->instructions.data, extract->instructions.size);
}

static void
compute(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	Extract *extract = (Extract *) batch;
	SlmStatus status;

	extract->text = text;
	slm_call_begin_writing(call);
	status = slm_arena_alloc_array(call->run.arena, n, sizeof(SlmExtraction),
								   (void **) &extract->extraction, &call->err);
	if (status == SLM_OK)
		status = extract_texts(call, extract, text, n, extract->extraction, row_status);
	slm_call_end(call, status, row_status, n);
}

static SlmAnswer
answer(SlmCall *call, SlmBatch *batch, int i)
{
	const Extract *extract = (Extract *) batch;
	SlmAnswer flat;

	flat.data = flatten(&extract->extraction[i], extract->text[i], &flat.size);
	return flat;
}

/* JSON in UTF-8, as jsonb's own input function reads it. */
static Datum
make_jsonb(SlmText json)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text_to_cstring(slm_from_utf8(json))));
}

static void
emit(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	const Answer *flat = answer->data;

	value[1] = make_jsonb((SlmText){(const char *) &flat->value[flat->n_value], flat->json_size});
	null[1] = false;
}

static const SlmRowOps ops = {check, prepare, key, compute, answer, emit};

SLM_ROW_FUNCTION(slm_extract, SLM_VERB_EXTRACT, EXTRACT_ARGS, 1, ops, NULL);
SLM_ARRAY_FUNCTION(slm_extract_batch, slm_extract, "inputs");

static Datum
extract_spans(SlmCall *call, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	SlmBatch *batch = check(call, fcinfo);
	SlmAnswer found;
	SlmText input;
	const Answer *spans;
	const char *at;

	InitMaterializedSRF(fcinfo, 0);
	if (!slm_arg_input(call, EXTRACT_INPUT, &input))
		return (Datum) 0;
	prepare(call, fcinfo, batch);
	((Extract *) batch)->spans = ((Extract *) batch)->form != NULL;
	batch->ops = &ops;
	if (!slm_row_answer(call, batch, input, &found))
		return (Datum) 0;
	spans = found.data;
	at = (const char *) &spans->value[spans->n_value] + spans->json_size;
	for (int i = 0; i < spans->n_value; i++)
	{
		const AnswerValue *flat = &spans->value[i];
		bool no_source = flat->start == 0;
		bool null[5] = {false, false, no_source, no_source, false};
		Datum value[5];

		CHECK_FOR_INTERRUPTS();
		value[0] = PointerGetDatum(slm_from_utf8((SlmText){at, flat->path_size}));
		at += flat->path_size;
		value[1] = PointerGetDatum(slm_from_utf8((SlmText){at, flat->value_size}));
		at += flat->value_size;
		value[2] = Int32GetDatum(flat->start);
		value[3] = Int32GetDatum(flat->length);
		value[4] = Float4GetDatum(flat->confidence);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, value, null);
	}
	return (Datum) 0;
}

SLM_FUNCTION(slm_extract_spans, SLM_VERB_EXTRACT_SPANS, EXTRACT_ARGS, extract_spans);
