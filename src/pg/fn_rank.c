/*
 * fn_rank.c - slm_rank, slm_rank_batch
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "pg/rows.h"

/* Argument numbers of both; slm_rank_batch takes an array of documents. */
enum
{
	RANK_DOCUMENT,
	RANK_QUERY,
	RANK_MODEL,
	RANK_ARGS
};

typedef struct Rank
{
	SlmBatch batch;
	SlmText query;
	float *query_embedding; /* NULL for a cross-encoder */
	float *score;           /* of the documents computed last, in the arena */
} Rank;

static SlmBatch *
check(SlmCall *call, FunctionCallInfo fcinfo)
{
	Rank *rank = palloc0_object(Rank);

	rank->batch.nothing = !slm_arg_input(call, RANK_QUERY, &rank->query);
	return &rank->batch;
}

/* Resolves the model and embeds the query, once per statement where it stays the same. */
static void
prepare(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	Rank *rank = (Rank *) batch;

	slm_call_model(call, RANK_MODEL, SLM_DEFAULT_EMBED);
	if (slm_task_is_cross_encoder(call->ref->model))
		return;
	rank->query_embedding = palloc_array(float, slm_call_n_embd(call));
	(void) slm_call_embed(call, rank->query, SLM_PURPOSE_QUERY, rank->query_embedding);
}

static void
key(SlmCall *call, SlmBatch *batch, SlmKey *key)
{
	const Rank *rank = (Rank *) batch;

	slm_answer_key(call, key, SLM_ANSWER_RANK);
	slm_key_bytes(key, rank->query.data, rank->query.size);
}

static void
compute(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	Rank *rank = (Rank *) batch;
	SlmStatus status;

	slm_call_begin(call);
	status = slm_arena_alloc_array(call->run.arena, n, sizeof(float), (void **) &rank->score,
								   &call->err);
	if (status == SLM_OK)
		status = slm_task_rank(&call->run, text, n, rank->query, rank->query_embedding, rank->score,
							   row_status, &call->err);
	slm_call_end(call, status, row_status, n);
}

static SlmAnswer
answer(SlmCall *call, SlmBatch *batch, int i)
{
	return (SlmAnswer){((Rank *) batch)->score + i, sizeof(float)};
}

static void
emit(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	value[1] = Float4GetDatum(*(const float *) answer->data);
	null[1] = false;
}

static const SlmRowOps ops = {check, prepare, key, compute, answer, emit};

SLM_ROW_FUNCTION(slm_rank, SLM_VERB_RANK, RANK_ARGS, 1, ops, NULL);
SLM_ARRAY_FUNCTION(slm_rank_batch, slm_rank, "documents");
