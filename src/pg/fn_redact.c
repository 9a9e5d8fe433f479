/*
 * fn_redact.c - slm_redact: a text without what identifies people and accounts
 *
 * Kinds that the scanners know need no model, and a call that asks for no others
 * loads none.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"

#include "pg/call.h"
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

/* The scanners' kinds that the call names. */
static SlmKinds
read_kinds(SlmCall *call)
{
	ArrayType *array = slm_arg_text_array(call, REDACT_KINDS, "kinds");
	SlmKinds kinds = 0;
	Datum *element;
	int n;

	if (array == NULL)
		return SLM_KINDS_PRIVATE;
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("kinds must not contain nulls")));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &element, NULL, &n);
	if (n == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("kinds must not be empty"),
						errhint("NULL stands for all kinds that identify people and accounts.")));
	for (int i = 0; i < n; i++)
	{
		struct varlena *name = PG_DETOAST_DATUM_PACKED(element[i]);
		SlmText text = {VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)};
		SlmKind kind;

		if (!slm_kind_by_name(text, &kind))
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("kind \"%.*s\" needs a model that extracts", (int) text.size,
								   text.data)));
		kinds |= SLM_KIND_SET(kind);
	}
	return kinds;
}

/* The mask in UTF-8, checked. */
static SlmText
read_mask(SlmCall *call, FunctionCallInfo fcinfo)
{
	SlmText mask = slm_text(DEFAULT_MASK);

	if (!PG_ARGISNULL(REDACT_MASK))
	{
		text *argument = PG_GETARG_TEXT_PP(REDACT_MASK);

		if (!slm_to_utf8(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument), &mask))
			ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
							errmsg("mask has a character that encoding \"%s\" does not convert to "
								   "UTF-8",
								   GetDatabaseEncodingName())));
	}
	slm_engine_check(slm_task_check_mask(mask, &call->err), &call->err);
	return mask;
}

static Datum
redact(SlmCall *call, FunctionCallInfo fcinfo)
{
	SlmText mask, input, answer;
	SlmKinds kinds;
	SlmStatus status;

	slm_arg_on_error(call, REDACT_ON_ERROR);
	kinds = read_kinds(call);
	mask = read_mask(call, fcinfo);
	if (!slm_arg_input(call, REDACT_INPUT, &input))
		PG_RETURN_NULL();

	status = slm_task_redact(input, kinds, NULL, 0, mask, &slm_pg_host, slm_scratch(), &answer,
							 &call->err);
	if (status == SLM_ERR_ENCODING && call->null_on_error)
		PG_RETURN_NULL();
	slm_engine_check(status, &call->err);
	PG_RETURN_TEXT_P(slm_from_utf8(answer));
}

SLM_FUNCTION(slm_redact, SLM_VERB_REDACT, REDACT_ARGS, redact);
