/*
 * fields.c - a schema, checked and its fields embedded once per backend
 */
#include "postgres.h"

#include "pg/fields.h"
#include "pg/json.h"
#include "pg/sets.h"

static void
require_head(const SlmCall *call)
{
	if (!slm_task_can_extract(call->ref->model))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("model \"%s\" cannot extract fields", NameStr(call->ref->name)),
						errdetail("It has neither an extraction head nor one that labels tokens."),
						errhint("Name a model that has one, or set slm.extract_model to it.")));
}

/* Checks a schema, embeds its fields and lays out both. */
static SlmFieldSet *
build_set(SlmCall *call, Jsonb *json, Size *size)
{
	const SlmModel *model = call->ref->model;
	SlmFieldSet *set = NULL;
	SlmSchema *schema;
	SlmJsonNode *node;
	SlmStatus status;
	uint32 n_node;

	node = slm_json_nodes(json, "schema", &n_node);
	slm_call_begin(call);
	call->run.max_input_tokens = 0; /* fields are no input */
	status = slm_schema_read(node, n_node, call->run.arena, &schema, &call->err);
	if (status == SLM_OK)
	{
		Size field_at = MAXALIGN(sizeof(SlmFieldSet)) + MAXALIGN(schema->size);
		Size label_at = field_at + slm_task_field_floats(model, schema) * sizeof(float);

		*size = label_at + slm_task_field_label_floats(model, schema) * sizeof(float);
		set = MemoryContextAllocExtended(CurrentMemoryContext, *size,
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		set->schema_at = MAXALIGN(sizeof(SlmFieldSet));
		set->field_at = field_at;
		set->label_at = label_at;
		memcpy((char *) set + set->schema_at, schema, schema->size);
		status = slm_task_embed_fields(&call->run, schema, (float *) ((char *) set + field_at),
									   (float *) ((char *) set + label_at), &call->err);
	}
	slm_call_end(call, status, NULL, 1);
	pfree(node);
	return set;
}

const SlmFieldSet *
slm_field_set(SlmCall *call, Jsonb *schema)
{
	StringInfoData key;
	const SlmFieldSet *set;
	SlmFieldSet *built;
	Size size = 0;

	require_head(call);
	slm_key_start(call, SLM_SET_FIELDS, &key);
	appendBinaryStringInfo(&key, (const char *) schema, VARSIZE(schema));
	set = slm_set_find(&key);
	if (set != NULL)
		return set;
	built = build_set(call, schema, &size);
	set = slm_set_add(&key, built, size);
	pfree(built);
	return set;
}
