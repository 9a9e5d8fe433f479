/*
 * fn_rank.c - slm_rank, slm_rank_batch
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "pg/call.h"

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
	SlmBatch batch; /* of slm_rank_batch */
	SlmText query;
	float *query_embedding; /* NULL for a cross-encoder */
} Rank;

/* Resolves the model and embeds the query, once per statement where it stays the same. */
static void
prepare(SlmCall *call, Rank *rank)
{
	slm_call_model(call, RANK_MODEL, SLM_DEFAULT_EMBED);
	if (slm_task_is_cross_encoder(call->ref->model))
		return;
	rank->query_embedding = palloc_array(float, slm_call_n_embd(call));
	(void) slm_call_embed(call, rank->query, SLM_PURPOSE_QUERY, rank->query_embedding);
}

static Datum
rank(SlmCall *call, FunctionCallInfo fcinfo)
{
	Rank rank = {0};
	SlmText document;
	SlmKey key;
	float score;

	if (!slm_arg_input(call, RANK_DOCUMENT, &document) ||
		!slm_arg_input(call, RANK_QUERY, &rank.query))
		PG_RETURN_NULL();
	prepare(call, &rank);

	slm_answer_key(call, &key, SLM_ANSWER_RANK);
	slm_key_bytes(&key, rank.query.data, rank.query.size);
	slm_key_bytes(&key, document.data, document.size);
	if (!slm_answer_find(call, &key, &score, 1))
	{
		SlmStatus status;

		slm_call_begin(call);
		status = slm_task_rank(&call->run, &document, 1, rank.query, rank.query_embedding, &score,
							   NULL, &call->err);
		slm_call_end(call, status, NULL, 1);
		slm_answer_add(&key, &score, 1);
	}
	PG_RETURN_FLOAT4(score);
}

SLM_FUNCTION(slm_rank, SLM_VERB_RANK, RANK_ARGS, rank);

static void
rank_rows(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	Rank *rank = (Rank *) batch;
	SlmStatus status;

	slm_call_begin(call);
	status = slm_arena_alloc_array(call->run.arena, n, sizeof(float), (void **) &batch->result,
								   &call->err);
	if (status == SLM_OK)
		status = slm_task_rank(&call->run, text, n, rank->query, rank->query_embedding,
							   batch->result, row_status, &call->err);
	slm_call_end(call, status, row_status, n);
}

static void
emit_score(SlmCall *call, SlmBatch *batch, int i, Datum *value, bool *null)
{
	value[1] = Float4GetDatum(batch->result[i]);
	null[1] = false;
}

static Datum
rank_batch(SlmCall *call, FunctionCallInfo fcinfo)
{
	Rank rank = {.batch = {.compute = rank_rows, .emit = emit_score}};
	ArrayType *documents = slm_arg_text_array(call, RANK_DOCUMENT, "documents");

	if (slm_arg_input(call, RANK_QUERY, &rank.query))
		prepare(call, &rank);
	else
		rank.batch.compute = NULL; /* nothing has a score for a NULL or blank query */
	slm_batch_run(call, &rank.batch, documents);
	return (Datum) 0;
}

SLM_FUNCTION(slm_rank_batch, SLM_VERB_RANK, RANK_ARGS, rank_batch);
