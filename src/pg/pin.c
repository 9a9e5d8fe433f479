/*
 * pin.c - the type slm_model, "name@fingerprint", and the function that makes one
 *
 * A value of the type is text that names a model together with what it must be.
 * A call with one is immutable: it gives its one answer or an error.  Input
 * checks the spelling only, for a dump must be restorable where the model is
 * not (yet).
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "pg/model_ref.h"
#include "pg/pg_compat.h"
#include "pg/pin.h"

PG_FUNCTION_INFO_V1(slm_model_in);
PG_FUNCTION_INFO_V1(slm_model_out);
PG_FUNCTION_INFO_V1(slm_model_recv);
PG_FUNCTION_INFO_V1(slm_model_send);
PG_FUNCTION_INFO_V1(slm_pin);

/* Server names may hold an @, so the last one counts. */
const char *
slm_pin_split(const char *pin, char *name)
{
	const char *at = strrchr(pin, '@');
	size_t n = at != NULL ? (size_t) (at - pin) : 0;

	if (n == 0 || n >= NAMEDATALEN || strlen(at + 1) != SLM_FINGERPRINT_CHARS ||
		strspn(at + 1, "0123456789abcdef") != SLM_FINGERPRINT_CHARS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("invalid input syntax for type %s: \"%s\"", "slm_model", pin),
						errdetail("A pinned model is its name, \"@\" and %d hexadecimal digits.",
								  SLM_FINGERPRINT_CHARS),
						errhint("slm_pin('name') gives it.")));
	memcpy(name, pin, n);
	name[n] = '\0';
	return at + 1;
}

Datum
slm_model_in(PG_FUNCTION_ARGS)
{
	char *pin = PG_GETARG_CSTRING(0);
	char name[NAMEDATALEN];

	(void) slm_pin_split(pin, name);
	PG_RETURN_TEXT_P(cstring_to_text(pin));
}

Datum
slm_model_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(TextDatumGetCString(PG_GETARG_DATUM(0)));
}

Datum
slm_model_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	char name[NAMEDATALEN];
	int n;
	char *pin = pq_getmsgtext(message, message->len - message->cursor, &n);

	(void) slm_pin_split(pin, name);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(pin, n));
}

Datum
slm_model_send(PG_FUNCTION_ARGS)
{
	text *pin = PG_GETARG_TEXT_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, VARDATA_ANY(pin), VARSIZE_ANY_EXHDR(pin));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* slm_pin(model text) returns slm_model: what the model is at this moment. */
Datum
slm_pin(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const SlmModelRef *ref = slm_model_by_name(name, SLM_DEFAULT_EMBED);

	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s@%s", NameStr(ref->name), ref->fingerprint)));
}
