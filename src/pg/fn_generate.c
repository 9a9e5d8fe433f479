/*
 * fn_generate.c - slm_generate, slm_generate_batch: text that a decoder writes, or JSON
 * that keeps to a schema
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "pg/form.h"
#include "pg/rows.h"

#define DEFAULT_MAX_TOKENS 256

/* Argument numbers of both. */
enum
{
	GENERATE_PROMPT,
	GENERATE_MODEL,
	GENERATE_MAX_TOKENS,
	GENERATE_SCHEMA,
	GENERATE_SYSTEM,
	GENERATE_TEMPERATURE,
	GENERATE_SEED,
	GENERATE_ON_ERROR,
	GENERATE_ARGS
};

typedef struct Generate
{
	SlmBatch batch;
	Jsonb *schema;       /* or NULL */
	SlmPrompt prompt;    /* all but its text */
	SlmWritten *written; /* of the texts computed last, in the arena */
} Generate;

/* What can be refused before the model is known. */
static SlmBatch *
check(SlmCall *call, FunctionCallInfo fcinfo)
{
	Generate *generate = palloc0_object(Generate);
	SlmPrompt *prompt = &generate->prompt;
	SlmError err;

	slm_arg_on_error(call, GENERATE_ON_ERROR);
	prompt->system = slm_arg_text(call, GENERATE_SYSTEM, "system", "");
	prompt->max_tokens = slm_arg_int(call, GENERATE_MAX_TOKENS, DEFAULT_MAX_TOKENS);
	if (!PG_ARGISNULL(GENERATE_TEMPERATURE))
		prompt->sampling.temperature = PG_GETARG_FLOAT4(GENERATE_TEMPERATURE);
	if (!PG_ARGISNULL(GENERATE_SEED))
		prompt->sampling.seed = (uint64) PG_GETARG_INT64(GENERATE_SEED);
	SLM_CHECK(slm_task_check_prompt(prompt, &err), &err);
	if (!PG_ARGISNULL(GENERATE_SCHEMA))
		generate->schema = PG_GETARG_JSONB_P(GENERATE_SCHEMA);
	return &generate->batch;
}

/* Resolves the model and compiles the schema. */
static void
prepare(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	Generate *generate = (Generate *) batch;

	slm_call_model(call, GENERATE_MODEL, SLM_DEFAULT_GENERATE);
	if (generate->schema != NULL)
		generate->prompt.constraint = slm_form(call, generate->schema, false)->constraint;
}

static void
key(SlmCall *call, SlmBatch *batch, SlmKey *key)
{
	const Generate *generate = (Generate *) batch;
	const SlmPrompt *prompt = &generate->prompt;

	slm_answer_key(call, key, SLM_ANSWER_GENERATED);
	slm_key_bytes(key, &prompt->max_tokens, sizeof(prompt->max_tokens));
	slm_key_bytes(key, &prompt->sampling.temperature, sizeof(prompt->sampling.temperature));
	slm_key_bytes(key, &prompt->sampling.seed, sizeof(prompt->sampling.seed));
	if (generate->schema != NULL)
		slm_key_bytes(key, generate->schema, VARSIZE(generate->schema));
	else
		slm_key_bytes(key, "", 0);
	slm_key_bytes(key, prompt->system.data, prompt->system.size);
}

/* What the model writes after each text. */
static SlmStatus
write_texts(SlmCall *call, Generate *generate, const SlmText *text, int n, SlmStatus *row_status)
{
	SlmArena *arena = call->run.arena;
	SlmPrompt *prompt;

	SLM_TRY(slm_arena_alloc_array(arena, n, sizeof(*prompt), (void **) &prompt, &call->err));
	SLM_TRY(slm_arena_alloc_array(arena, n, sizeof(*generate->written),
								  (void **) &generate->written, &call->err));
	for (int i = 0; i < n; i++)
	{
		prompt[i] = generate->prompt;
		prompt[i].user = text[i];
	}
	return slm_task_generate_many(&call->run, prompt, n, generate->written, row_status, &call->err);
}

static void
compute(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	SlmStatus status;

	slm_call_begin_writing(call);
	status = write_texts(call, (Generate *) batch, text, n, row_status);
	slm_call_end(call, status, row_status, n);
}

/* The text in the database's encoding. */
static SlmAnswer
answer(SlmCall *call, SlmBatch *batch, int i)
{
	text *written = slm_from_utf8(((Generate *) batch)->written[i].text);

	return (SlmAnswer){VARDATA_ANY(written), VARSIZE_ANY_EXHDR(written)};
}

static void
emit(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	value[1] = PointerGetDatum(cstring_to_text_with_len(answer->data, (int) answer->size));
	null[1] = false;
}

static const SlmRowOps ops = {check, prepare, key, compute, answer, emit};

SLM_ROW_FUNCTION(slm_generate, SLM_VERB_GENERATE, GENERATE_ARGS, 1, ops, NULL);
SLM_ARRAY_FUNCTION(slm_generate_batch, slm_generate, "prompts");
