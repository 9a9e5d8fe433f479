/*
 * fields.h - a schema, checked and its fields embedded once per backend
 */
#ifndef SLM_PG_FIELDS_H
#define SLM_PG_FIELDS_H

#include "pg/call.h"
#include "task/extract.h"

/* One flat piece of memory: this header, then what it points to by offsets. */
typedef struct SlmFieldSet
{
	Size schema_at; /* SlmSchema */
	Size field_at;  /* float[], see slm_task_field_floats() */
	Size label_at;  /* float[], see slm_task_field_label_floats() */
} SlmFieldSet;

/*
 * The fields of a schema, from the backend's store or checked and embedded now.
 * Needs call->ref; starts and ends its own engine part.  Valid until the next
 * set is made (sets.h).  Errors: 0A000 for a model that cannot extract, and what
 * slm_schema_read() finds.
 */
extern const SlmFieldSet *slm_field_set(SlmCall *call, Jsonb *schema);

static inline const SlmSchema *
slm_field_schema(const SlmFieldSet *set)
{
	return (const SlmSchema *) ((const char *) set + set->schema_at);
}

static inline const float *
slm_field_embedding(const SlmFieldSet *set)
{
	return (const float *) ((const char *) set + set->field_at);
}

static inline const float *
slm_field_label_embedding(const SlmFieldSet *set)
{
	return (const float *) ((const char *) set + set->label_at);
}

#endif
