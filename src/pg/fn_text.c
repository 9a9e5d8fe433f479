/*
 * fn_text.c - slm_count_tokens, slm_chunk: text without the forward pass
 */
#include "postgres.h"

#include "miscadmin.h"

#include "pg/call.h"
#include "task/chunk.h"

/* Argument numbers of slm_count_tokens. */
enum
{
	COUNT_INPUT,
	COUNT_MODEL,
	COUNT_ARGS
};

/* Argument numbers of slm_chunk. */
enum
{
	CHUNK_INPUT,
	CHUNK_MAX_TOKENS,
	CHUNK_OVERLAP,
	CHUNK_MODEL,
	CHUNK_ARGS
};

static Datum
count_tokens(SlmCall *call, FunctionCallInfo fcinfo)
{
	SlmText input;
	SlmStatus status;
	int n_token = 0;

	if (PG_ARGISNULL(COUNT_INPUT))
		PG_RETURN_NULL();
	if (!slm_arg_input(call, COUNT_INPUT, &input) && input.size == 0)
		PG_RETURN_INT32(0);
	slm_call_model(call, COUNT_MODEL, SLM_DEFAULT_EMBED);

	slm_call_begin(call);
	call->run.max_input_tokens = 0; /* that is for texts that go through the model */
	status = slm_task_count_tokens(&call->run, input, &n_token, &call->err);
	slm_call_end(call, status, NULL, 1);
	PG_RETURN_INT32(n_token);
}

SLM_FUNCTION(slm_count_tokens, SLM_VERB_COUNT_TOKENS, COUNT_ARGS, count_tokens);

static Datum
chunk(SlmCall *call, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int max_tokens = slm_arg_int(call, CHUNK_MAX_TOKENS, 0);
	int overlap = slm_arg_int(call, CHUNK_OVERLAP, 0);
	SlmText input;
	SlmStatus status;
	SlmChunk *chunk;
	int n_chunk;
	size_t at = 0;
	int32 position = 1; /* of the character at byte at */

	if (max_tokens < 1 && !PG_ARGISNULL(CHUNK_MAX_TOKENS))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_tokens must be at least 1")));
	if (overlap < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("overlap must not be negative")));
	InitMaterializedSRF(fcinfo, 0);
	if (!slm_arg_input(call, CHUNK_INPUT, &input))
		return (Datum) 0;
	slm_call_model(call, CHUNK_MODEL, SLM_DEFAULT_EMBED);

	slm_call_begin(call);
	call->run.max_input_tokens = 0;
	status = slm_task_chunk(&call->run, input, max_tokens, overlap, &chunk, &n_chunk, &call->err);
	slm_call_end(call, status, NULL, 1);

	for (int i = 0; i < n_chunk; i++)
	{
		SlmText piece = {input.data + chunk[i].start, chunk[i].size};
		Datum value[3];
		bool null[3] = {false, false, false};

		/* Chunks start in ascending order, so one walk counts the characters before each. */
		position += slm_count_characters(input, at, chunk[i].start);
		at = chunk[i].start;
		value[0] = Int32GetDatum(i + 1);
		value[1] = PointerGetDatum(slm_from_utf8(piece));
		value[2] = Int32GetDatum(position);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, value, null);
		pfree(DatumGetPointer(value[1])); /* a long text may give any number of them */
		CHECK_FOR_INTERRUPTS();
	}
	return (Datum) 0;
}

SLM_FUNCTION(slm_chunk, SLM_VERB_CHUNK, CHUNK_ARGS, chunk);
