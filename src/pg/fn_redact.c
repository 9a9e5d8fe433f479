/*
 * fn_redact.c - slm_redact: a text without what identifies people and accounts
 *
 * Kinds that the scanners know need no model, and a call that asks for no others
 * loads none.  Any other kind is the name of a field, for a model that extracts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "pg/call.h"
#include "pg/fields.h"
#include "task/redact.h"

#define DEFAULT_MASK "[{kind}]"

/* Argument numbers. */
enum
{
	REDACT_INPUT,
	REDACT_KINDS,
	REDACT_MASK,
	REDACT_MODEL,
	REDACT_ON_ERROR,
	REDACT_ARGS
};

/* What a call wants hidden, and how. */
typedef struct Redact
{
	SlmKinds kinds; /* found by form */
	Jsonb *schema;  /* of kinds that a model finds, each a list of strings; NULL: none */
	SlmText mask;
} Redact;

static void
push_string(JsonbParseState **state, JsonbIteratorToken token, const char *data, int size)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = (char *) data;
	value.val.string.len = size;
	pushJsonbValue(state, token, &value);
}

/* Adds "kind": {"type": "array", "items": {"type": "string"}} to the object being built. */
static void
push_field(JsonbParseState **state, SlmText kind)
{
	push_string(state, WJB_KEY, kind.data, (int) kind.size);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_string(state, WJB_KEY, "type", 4);
	push_string(state, WJB_VALUE, "array", 5);
	push_string(state, WJB_KEY, "items", 5);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_string(state, WJB_KEY, "type", 4);
	push_string(state, WJB_VALUE, "string", 6);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* The schema of the kinds that no scanner finds; NULL: there are none. */
static Jsonb *
schema_of_kinds(const SlmText *kind, int n)
{
	JsonbParseState *state = NULL;

	if (n == 0)
		return NULL;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_string(&state, WJB_KEY, "properties", 10);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < n; i++)
		push_field(&state, kind[i]);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Sorts the kinds that the call names by who finds them. */
static void
read_kinds(SlmCall *call, Redact *redact)
{
	ArrayType *array = slm_arg_text_array(call, REDACT_KINDS, "kinds");
	Datum *element;
	SlmText *other;
	int n, n_other = 0;

	redact->kinds = SLM_KINDS_PRIVATE;
	if (array == NULL)
		return;
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("kinds must not contain nulls")));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &element, NULL, &n);
	if (n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("kinds must not be empty"),
						errhint("NULL stands for all kinds that identify people and accounts.")));

	redact->kinds = 0;
	other = palloc_array(SlmText, n);
	for (int i = 0; i < n; i++)
	{
		struct varlena *name = PG_DETOAST_DATUM_PACKED(element[i]);
		SlmText text = {VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)};
		SlmText utf8;
		SlmKind kind;

		if (slm_kind_by_name(text, &kind))
			redact->kinds |= SLM_KIND_SET(kind);
		else if (slm_to_utf8(text.data, (int) text.size, &utf8) && slm_is_blank(utf8))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("kind %d is blank", i + 1)));
		else
			other[n_other++] = text;
	}
	redact->schema = schema_of_kinds(other, n_other);
}

/* The mask in UTF-8, checked. */
static SlmText
read_mask(SlmCall *call)
{
	SlmText mask = slm_arg_text(call, REDACT_MASK, "mask", DEFAULT_MASK);

	slm_engine_check(slm_task_check_mask(mask, &call->err), &call->err);
	return mask;
}

/* The extraction's values as places: the path of a value in a list is the list's name. */
static SlmStatus
list_places(SlmCall *call, const SlmExtraction *extraction, SlmPlace **place)
{
	SLM_TRY(SLM_NEW_ARRAY(call->run.arena, extraction->n_value, place, &call->err));
	for (int i = 0; i < extraction->n_value; i++)
	{
		const SlmExtracted *value = &extraction->value[i];

		(*place)[i] = (SlmPlace){value->path, value->start, value->size};
	}
	return SLM_OK;
}

/* With kinds that a model finds; NULL when the row failed and on_error is 'null'. */
static text *
redact_by_model(SlmCall *call, const Redact *redact, SlmText input)
{
	SlmStatus row_status = SLM_OK;
	SlmStatus *row = call->null_on_error ? &row_status : NULL;
	const SlmFieldSet *set;
	SlmExtraction extraction;
	SlmPlace *place;
	SlmText answer;
	SlmStatus status;
	SlmKey key;
	Size size;

	slm_call_model(call, REDACT_MODEL, SLM_DEFAULT_EXTRACT);
	set = slm_field_set(call, redact->schema);
	slm_answer_key(call, &key, SLM_ANSWER_REDACTION);
	slm_key_bytes(&key, redact->schema, VARSIZE(redact->schema));
	slm_key_bytes(&key, &redact->kinds, sizeof(redact->kinds));
	slm_key_bytes(&key, redact->mask.data, redact->mask.size);
	slm_key_bytes(&key, input.data, input.size);
	answer.data = slm_answer_find_bytes(call, &key, &size);
	if (answer.data != NULL)
		return slm_from_utf8((SlmText){answer.data, size});

	slm_call_begin(call);
	status =
		slm_task_extract(&call->run, &input, 1, slm_field_schema(set), slm_field_embedding(set),
						 slm_field_label_embedding(set), &extraction, row, &call->err);
	if (status == SLM_OK && row_status == SLM_OK)
		status = list_places(call, &extraction, &place);
	if (status == SLM_OK && row_status == SLM_OK)
		status = slm_task_redact(input, redact->kinds, place, extraction.n_value, redact->mask,
								 call->run.host, call->run.arena, &answer, &call->err);
	if (slm_call_end(call, status, row, 1) == 0)
		return NULL;
	slm_answer_add_bytes(&key, answer.data, answer.size);
	return slm_from_utf8(answer);
}

/* With the scanners alone. */
static text *
redact_by_form(SlmCall *call, const Redact *redact, SlmText input)
{
	SlmText answer;
	SlmStatus status;

	status = slm_task_redact(input, redact->kinds, NULL, 0, redact->mask, &slm_pg_host,
							 slm_scratch(), &answer, &call->err);
	if (status == SLM_ERR_ENCODING && call->null_on_error)
		return NULL;
	slm_engine_check(status, &call->err);
	return slm_from_utf8(answer);
}

static Datum
redact(SlmCall *call, FunctionCallInfo fcinfo)
{
	Redact redact = {0};
	SlmText input;
	text *answer;

	slm_arg_on_error(call, REDACT_ON_ERROR);
	read_kinds(call, &redact);
	redact.mask = read_mask(call);
	if (!slm_arg_input(call, REDACT_INPUT, &input))
		PG_RETURN_NULL();

	answer = redact.schema != NULL ? redact_by_model(call, &redact, input)
								   : redact_by_form(call, &redact, input);
	if (answer == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(answer);
}

SLM_FUNCTION(slm_redact, SLM_VERB_REDACT, REDACT_ARGS, redact);
