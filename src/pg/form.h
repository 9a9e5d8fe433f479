/*
 * form.h - the form of what a decoder writes, compiled once per backend
 */
#ifndef SLM_PG_FORM_H
#define SLM_PG_FORM_H

#include "pg/call.h"
#include "task/write_fields.h"

typedef struct SlmForm
{
	SlmConstraint *constraint;
	SlmSchema *schema; /* of fields to extract; NULL of any JSON Schema */
} SlmForm;

/*
 * The form that a schema asks of the call's model: of any answer, or of fields,
 * whose strings are substrings of the text.  Needs call->ref; starts and ends its
 * own engine part.  Kept for the next call with the same; valid until another is
 * asked for.  Raises what is wrong with the schema.
 */
extern const SlmForm *slm_form(SlmCall *call, Jsonb *schema, bool of_fields);

#endif
