/*
 * fn_redact.c - slm_redact: a text without what identifies people and accounts
 *
 * Kinds that the scanners know need no model, and a call that asks for no others
 * loads none.  Any other kind is the name of a field, for a model that extracts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "pg/fields.h"
#include "pg/rows.h"
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
	SlmBatch batch;
	SlmKinds kinds; /* found by form */
	Jsonb *schema;  /* of kinds that a model finds, each a list of strings; NULL: none */
	SlmText mask;
	const SlmFieldSet *set; /* of the schema */
	SlmText *answer;        /* of the texts redacted last, in the arena */
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

static SlmBatch *
check(SlmCall *call, FunctionCallInfo fcinfo)
{
	Redact *redact = palloc0_object(Redact);

	slm_arg_on_error(call, REDACT_ON_ERROR);
	read_kinds(call, redact);
	redact->mask = read_mask(call);
	return &redact->batch;
}

static void
prepare(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	Redact *redact = (Redact *) batch;

	if (redact->schema == NULL)
		return;
	slm_call_model(call, REDACT_MODEL, SLM_DEFAULT_EXTRACT);
	redact->set = slm_field_set(call, redact->schema);
}

/* What the scanners do alone is as soon done again as remembered. */
static void
key(SlmCall *call, SlmBatch *batch, SlmKey *key)
{
	const Redact *redact = (Redact *) batch;

	if (redact->schema == NULL)
	{
		initStringInfo(&key->bytes);
		key->too_long = true;
		return;
	}
	slm_answer_key(call, key, SLM_ANSWER_REDACTION);
	slm_key_bytes(key, redact->schema, VARSIZE(redact->schema));
	slm_key_bytes(key, &redact->kinds, sizeof(redact->kinds));
	slm_key_bytes(key, redact->mask.data, redact->mask.size);
}

/* Hides what the scanners find in one text, and what the model has found, if there is one. */
static SlmStatus
redact_text(SlmCall *call, const Redact *redact, SlmArena *arena, SlmText text,
			const SlmExtraction *extraction, SlmText *out)
{
	SlmPlace *place = NULL;

	if (extraction != NULL)
		SLM_TRY(list_places(call, extraction, &place));
	return slm_task_redact(text, redact->kinds, place, extraction != NULL ? extraction->n_value : 0,
						   redact->mask, &slm_pg_host, arena, out, &call->err);
}

static SlmStatus
redact_texts(SlmCall *call, Redact *redact, SlmArena *arena, const SlmText *text, int n,
			 SlmStatus *row_status)
{
	SlmExtraction *extraction = NULL;

	SLM_TRY(SLM_NEW_ARRAY(arena, n, &redact->answer, &call->err));
	if (redact->schema != NULL)
	{
		SLM_TRY(SLM_NEW_ARRAY(arena, n, &extraction, &call->err));
		SLM_TRY(slm_task_extract(
			&call->run, text, n, slm_field_schema(redact->set), slm_field_embedding(redact->set),
			slm_field_label_embedding(redact->set), extraction, row_status, &call->err));
	}
	for (int i = 0; i < n; i++)
	{
		SlmStatus status;

		if (row_status != NULL && row_status[i] != SLM_OK)
			continue;
		status = redact_text(call, redact, arena, text[i],
							 extraction != NULL ? &extraction[i] : NULL, &redact->answer[i]);
		if (row_status == NULL || !slm_task_row_failed(status))
			SLM_TRY(status);
		else
			row_status[i] = status;
	}
	return SLM_OK;
}

static void
compute(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	Redact *redact = (Redact *) batch;

	if (redact->schema == NULL)
	{
		slm_engine_check(redact_texts(call, redact, slm_scratch(), text, n, row_status),
						 &call->err);
		return;
	}
	slm_call_begin(call);
	slm_call_end(call, redact_texts(call, redact, call->run.arena, text, n, row_status), row_status,
				 n);
}

static SlmAnswer
answer(SlmCall *call, SlmBatch *batch, int i)
{
	const SlmText *redacted = &((Redact *) batch)->answer[i];

	return (SlmAnswer){redacted->data, redacted->size};
}

static void
emit(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	value[1] = PointerGetDatum(slm_from_utf8((SlmText){answer->data, answer->size}));
	null[1] = false;
}

static const SlmRowOps ops = {check, prepare, key, compute, answer, emit};

/* Only a model has a use for company; which kinds need one is to be seen in a constant. */
static bool
gains(const List *args)
{
	const Const *kinds = (const Const *) list_nth(args, REDACT_KINDS);
	Datum *element;
	bool *null;
	int n;

	if (!IsA(kinds, Const))
		return true;
	if (kinds->constisnull)
		return false;
	deconstruct_array(DatumGetArrayTypeP(kinds->constvalue), TEXTOID, -1, false, TYPALIGN_INT,
					  &element, &null, &n);
	for (int i = 0; i < n; i++)
	{
		struct varlena *name = null[i] ? NULL : PG_DETOAST_DATUM_PACKED(element[i]);
		SlmKind kind;

		if (name != NULL &&
			!slm_kind_by_name((SlmText){VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)}, &kind))
			return true;
	}
	return false;
}

SLM_ROW_FUNCTION(slm_redact, SLM_VERB_REDACT, REDACT_ARGS, 1, ops, gains);
