/*
 * form.c - the form of what a decoder writes, compiled once per backend
 *
 * A form has an automaton and the masks of a vocabulary, some megabytes for a
 * large one, so a backend keeps the one it used last, in an arena of its own.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/form.h"
#include "pg/guc.h"
#include "pg/json.h"

/* Kinds of forms in keys. */
#define FORM_FIELDS 'F'
#define FORM_ANSWER 'A'

static SlmArena arena;
static SlmForm form;
static char *form_key; /* NULL: there is no form */
static Size form_key_size;

static void
forget(void)
{
	if (form_key != NULL)
		pfree(form_key);
	form_key = NULL;
	slm_arena_trim(&arena, 0);
}

static SlmStatus
build(SlmCall *call, const SlmJsonNode *node, uint32 n_node, bool of_fields)
{
	const SlmModel *model = call->ref->model;

	if (!of_fields)
		return slm_constraint_new(model, node, n_node, false, &slm_pg_host, call->run.arena, &arena,
								  &form.constraint, &call->err);
	SLM_TRY(slm_schema_read(node, n_node, &arena, &form.schema, &call->err));
	return slm_task_field_constraint(model, form.schema, &slm_pg_host, call->run.arena, &arena,
									 &form.constraint, &call->err);
}

const SlmForm *
slm_form(SlmCall *call, Jsonb *schema, bool of_fields)
{
	StringInfoData key;
	SlmJsonNode *node;
	SlmStatus status;
	uint32 n_node;

	slm_key_start(call, of_fields ? FORM_FIELDS : FORM_ANSWER, &key);
	appendBinaryStringInfo(&key, (const char *) schema, VARSIZE(schema));
	if (form_key != NULL && form_key_size == key.len && memcmp(form_key, key.data, key.len) == 0)
		return &form;
	if (arena.host == NULL)
		slm_arena_init(&arena, &slm_pg_host, 0);
	forget();
	arena.max_bytes = (size_t) slm_max_scratch_memory * 1024;
	memset(&form, 0, sizeof(form));
	node = slm_json_nodes(schema, "schema", &n_node);
	slm_call_begin(call);
	status = build(call, node, n_node, of_fields);
	slm_call_end(call, status, NULL, 1);
	pfree(node);
	form_key = MemoryContextAlloc(TopMemoryContext, key.len);
	memcpy(form_key, key.data, key.len);
	form_key_size = key.len;
	return &form;
}
