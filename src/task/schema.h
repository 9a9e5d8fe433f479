/*
 * schema.h - what to extract: a JSON Schema, or the shorthand for it
 *
 * A schema is JSON Schema when it is an object with "properties", "$schema", "$defs"
 * or "$ref"; else it is shorthand, and all its fields may be null:
 *
 *   ["name", "date"]                      fields of text
 *   {"name": "a type or a question"}      a type is a word of the table in
 *                                         schema.c, with [] behind it a list
 *
 * Of JSON Schema these keywords count: type, properties, required, description,
 * title, format, enum, const, items, propertyOrdering, minItems, maxItems, minimum,
 * maximum, minLength, maxLength, anyOf or oneOf of one schema and null, allOf of one
 * schema, and $ref into the schema but not into itself; additionalProperties and
 * annotations (keywords.h) are accepted and ask for nothing.  Any other is
 * SLM_ERR_UNSUPPORTED and named with its place: what cannot be kept is not promised.
 *
 * Objects may be nested.  A list is one of values, or of objects; inside the
 * objects of a list there is no other list.
 */
#ifndef SLM_TASK_SCHEMA_H
#define SLM_TASK_SCHEMA_H

#include "base/arena.h"
#include "base/host.h"
#include "task/json_node.h"
#include "task/scan.h"

typedef enum SlmFieldType
{
	SLM_FIELD_STRING = 0,
	SLM_FIELD_INTEGER,
	SLM_FIELD_NUMBER,
	SLM_FIELD_BOOLEAN,
	SLM_FIELD_OBJECT
} SlmFieldType;

/* What stands for a field of which the text says nothing. */
typedef enum SlmMissing
{
	SLM_MISSING_FAILS = 0, /* required: the object around it cannot be made */
	SLM_MISSING_NULL,
	SLM_MISSING_LEFT_OUT
} SlmMissing;

/* A text of a schema, by offset: a schema is one flat piece of memory. */
typedef struct SlmSchemaText
{
	uint32_t at;
	uint32_t size;
} SlmSchemaText;

typedef struct SlmField
{
	SlmSchemaText name; /* the key in the answer */
	SlmSchemaText title;
	SlmSchemaText description;
	SlmFieldType type;
	SlmMissing missing;
	bool is_list;
	bool shows_empty; /* a list of nothing is [], not missing */
	bool normalized;  /* value says to what; else verbatim */
	SlmValueType value;
	SlmKinds kinds; /* of scanners that give candidates; 0: any span of words */
	uint32_t min_items, max_items;
	uint32_t min_length, max_length; /* of strings, in code points */
	SlmSchemaText minimum, maximum;  /* decimal numbers; empty: none */
	int32_t first_choice, n_choice;  /* values of an enum */
	int32_t parent;                  /* field of the object around it, -1: root */
	int32_t next;                    /* field behind this one and all in it */
	int32_t leaf;                    /* its number among fields that are not objects, or -1 */
} SlmField;

/* Field 0 is the root; the fields of object i are i + 1, then each one's next. */
typedef struct SlmSchema
{
	uint32_t size; /* bytes of all of it */
	int32_t n_field;
	int32_t n_leaf;
	int32_t n_choice;
	uint32_t choice_at; /* SlmSchemaText[n_choice] */
	bool needs_offset;  /* times are RFC 3339's, which have an offset */
	SlmField field[/* n_field */];
} SlmSchema;

/*
 * Reads node[0 .. n_node-1] into one piece of memory in the arena, which may be
 * copied elsewhere.  SLM_ERR_ARGUMENT for what is no schema, SLM_ERR_UNSUPPORTED
 * for what we do not keep, SLM_ERR_LIMIT past SLM_MAX_SCHEMA_FIELDS,
 * SLM_MAX_SCHEMA_DEPTH, SLM_MAX_SCHEMA_CHOICES, or SLM_MAX_LABELS choices in all.
 */
extern SlmStatus slm_schema_read(const SlmJsonNode *node, uint32_t n_node, SlmArena *arena,
								 SlmSchema **out, SlmError *err) SLM_MUST_CHECK;

extern SlmText slm_schema_text(const SlmSchema *schema, SlmSchemaText text);

/* Value i of a field's enum. */
extern SlmText slm_schema_choice(const SlmSchema *schema, const SlmField *field, int i);

/* Is the field in a list of objects?  Its values then belong to one of them each. */
extern bool slm_schema_in_list(const SlmSchema *schema, const SlmField *field);

/*
 * What a model reads of field i, in the arena: the words of its name (its title
 * where it has one), after those of the objects around it, then ": " and its
 * description where it has one.  Words of a key are cut at _ and - and where a
 * capital letter begins one.
 */
extern SlmStatus slm_schema_question(const SlmSchema *schema, int i, SlmArena *arena, SlmText *out,
									 SlmError *err) SLM_MUST_CHECK;

#endif
