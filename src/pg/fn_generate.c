/*
 * fn_generate.c - slm_generate: text that a decoder writes, or JSON that keeps to a schema
 */
#include "postgres.h"

#include "pg/call.h"
#include "pg/form.h"

#define DEFAULT_MAX_TOKENS 256

/* Argument numbers of slm_generate. */
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

static void
read_prompt(SlmCall *call, FunctionCallInfo fcinfo, SlmPrompt *prompt)
{
	SlmError err;

	memset(prompt, 0, sizeof(*prompt));
	prompt->system = slm_arg_text(call, GENERATE_SYSTEM, "system", "");
	prompt->max_tokens = slm_arg_int(call, GENERATE_MAX_TOKENS, DEFAULT_MAX_TOKENS);
	if (!PG_ARGISNULL(GENERATE_TEMPERATURE))
		prompt->sampling.temperature = PG_GETARG_FLOAT4(GENERATE_TEMPERATURE);
	if (!PG_ARGISNULL(GENERATE_SEED))
		prompt->sampling.seed = (uint64) PG_GETARG_INT64(GENERATE_SEED);
	SLM_CHECK(slm_task_check_prompt(prompt, &err), &err);
}

static Datum
generate(SlmCall *call, FunctionCallInfo fcinfo)
{
	SlmStatus row_status = SLM_OK, status;
	Jsonb *schema = PG_ARGISNULL(GENERATE_SCHEMA) ? NULL : PG_GETARG_JSONB_P(GENERATE_SCHEMA);
	SlmWritten written;
	SlmPrompt prompt;
	SlmKey key;
	text *answer;

	slm_arg_on_error(call, GENERATE_ON_ERROR);
	read_prompt(call, fcinfo, &prompt);
	if (!slm_arg_input(call, GENERATE_PROMPT, &prompt.user))
		PG_RETURN_NULL();
	slm_call_model(call, GENERATE_MODEL, SLM_DEFAULT_GENERATE);

	slm_answer_key(call, &key, SLM_ANSWER_GENERATED);
	slm_key_bytes(&key, &prompt.max_tokens, sizeof(prompt.max_tokens));
	slm_key_bytes(&key, &prompt.sampling, sizeof(prompt.sampling));
	if (schema != NULL)
		slm_key_bytes(&key, schema, VARSIZE(schema));
	slm_key_bytes(&key, &prompt.system.size, sizeof(prompt.system.size));
	slm_key_bytes(&key, prompt.system.data, prompt.system.size);
	slm_key_bytes(&key, prompt.user.data, prompt.user.size);
	answer = slm_answer_find_text(call, &key);
	if (answer != NULL)
		PG_RETURN_TEXT_P(answer);

	if (schema != NULL)
		prompt.constraint = slm_form(call, schema, false)->constraint;
	slm_call_begin(call);
	status = slm_task_generate(&call->run, &prompt, &written, &call->err);
	if (call->null_on_error && slm_task_row_failed(status))
	{
		row_status = status;
		status = SLM_OK;
	}
	if (slm_call_end(call, status, call->null_on_error ? &row_status : NULL, 1) == 0)
		PG_RETURN_NULL();
	answer = slm_from_utf8(written.text);
	slm_answer_add_text(&key, answer);
	PG_RETURN_TEXT_P(answer);
}

SLM_FUNCTION(slm_generate, SLM_VERB_GENERATE, GENERATE_ARGS, generate);
