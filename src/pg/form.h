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

/*
 * The schema that a constraint of slm_form()'s was made of, as the bytes of a jsonb
 * value; false when it is no longer the last one asked for.
 */
extern bool slm_form_source(const SlmConstraint *constraint, SlmText *schema, bool *of_fields);

/*
 * A form for the tokens of a model, in an arena that is its own; scratch is given back.  Raises for
 * what is no schema at all, returns what else is wrong.
 */
extern SlmStatus slm_form_build(const SlmMaskTree *tree, Jsonb *schema, bool of_fields,
								SlmArena *scratch, SlmArena *arena, SlmForm *out,
								SlmError *err) SLM_MUST_CHECK;

#endif
