/*
 * form.c - the form of what a decoder writes, compiled once per backend
 *
 * A form has an automaton and masks over a vocabulary, two megabytes, so a backend
 * keeps the one it used last, in an arena of its own.  Beside it, it keeps the tree
 * of the vocabulary's tokens, five megabytes for 128,000 of them, until a form is
 * asked for of another model: a new schema does not pay for it again.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/form.h"
#include "pg/guc.h"
#include "pg/json.h"

/* Kinds of forms in keys. */
#define FORM_FIELDS 'F'
#define FORM_ANSWER 'A'

typedef struct Vocabulary
{
	uint8 sha256[SLM_SHA256_BYTES]; /* of the model file */
	bool whole;                     /* made, from an image that was whole */
	SlmMaskTree *tree;
	SlmArena arena;
} Vocabulary;

static Vocabulary vocabulary;
static SlmArena arena;
static SlmForm form;
static char *form_key; /* NULL: there is no form */
static Size form_key_size;
static SlmText form_schema; /* part of the key */

static void
forget(void)
{
	if (form_key != NULL)
		pfree(form_key);
	form_key = NULL;
	slm_arena_trim(&arena, 0);
}

/* The tree of a model's tokens, as kept, or made. */
static SlmStatus
find_tree(SlmCall *call, const SlmMaskTree **out)
{
	const SlmModelInfo *info = slm_model_info(call->ref->model);

	if (!vocabulary.whole || memcmp(vocabulary.sha256, info->source_sha256, SLM_SHA256_BYTES) != 0)
	{
		if (vocabulary.arena.host == NULL)
			slm_arena_init(&vocabulary.arena, &slm_pg_host, 0);
		vocabulary.whole = false;
		slm_arena_trim(&vocabulary.arena, 0);
		vocabulary.arena.max_bytes = (size_t) slm_max_scratch_memory * 1024;
		SLM_TRY(slm_constraint_tree(call->ref->model, &slm_pg_host, call->run.arena,
									&vocabulary.arena, &vocabulary.tree, &call->err));
		memcpy(vocabulary.sha256, info->source_sha256, SLM_SHA256_BYTES);
	}
	*out = vocabulary.tree;
	return SLM_OK;
}

SlmStatus
slm_form_build(const SlmMaskTree *tree, Jsonb *schema, bool of_fields, SlmArena *scratch,
			   SlmArena *own, SlmForm *out, SlmError *err)
{
	uint32 n_node;
	SlmJsonNode *node = slm_json_nodes(schema, "schema", &n_node);
	SlmStatus status;

	memset(out, 0, sizeof(*out));
	if (!of_fields)
		status =
			slm_constraint_new(tree, node, n_node, false, &slm_pg_host, own, &out->constraint, err);
	else
	{
		status = slm_schema_read(node, n_node, own, &out->schema, err);
		if (status == SLM_OK)
			status = slm_task_field_constraint(tree, out->schema, &slm_pg_host, scratch, own,
											   &out->constraint, err);
	}
	pfree(node);
	return status;
}

const SlmForm *
slm_form(SlmCall *call, Jsonb *schema, bool of_fields)
{
	StringInfoData key;
	const SlmMaskTree *tree;
	SlmStatus status;

	slm_key_start(call, of_fields ? FORM_FIELDS : FORM_ANSWER, &key);
	appendBinaryStringInfo(&key, (const char *) schema, VARSIZE(schema));
	if (form_key != NULL && form_key_size == key.len && memcmp(form_key, key.data, key.len) == 0)
		return &form;
	if (arena.host == NULL)
		slm_arena_init(&arena, &slm_pg_host, 0);
	forget();
	arena.max_bytes = (size_t) slm_max_scratch_memory * 1024;
	slm_call_begin(call);
	status = find_tree(call, &tree);
	if (status == SLM_OK)
		status =
			slm_form_build(tree, schema, of_fields, call->run.arena, &arena, &form, &call->err);
	slm_call_end(call, status, NULL, 1);
	vocabulary.whole = true;
	form_key = MemoryContextAlloc(TopMemoryContext, key.len);
	memcpy(form_key, key.data, key.len);
	form_key_size = key.len;
	form_schema = (SlmText){form_key + key.len - VARSIZE(schema), VARSIZE(schema)};
	return &form;
}

bool
slm_form_source(const SlmConstraint *constraint, SlmText *schema, bool *of_fields)
{
	if (form_key == NULL || constraint != form.constraint)
		return false;
	*schema = form_schema;
	*of_fields = form.schema != NULL;
	return true;
}
