/*
 * fn_embed.c - slm_embed, slm_embed_batch, slm_similarity
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "pg/rows.h"

/* Argument numbers of slm_embed and slm_embed_batch. */
enum
{
	EMBED_INPUT,
	EMBED_MODEL,
	EMBED_PURPOSE,
	EMBED_DIMENSIONS,
	EMBED_ON_ERROR,
	EMBED_ARGS
};

/* Argument numbers of slm_similarity. */
enum
{
	SIMILARITY_A,
	SIMILARITY_B,
	SIMILARITY_MODEL,
	SIMILARITY_ARGS
};

static SlmPurpose
arg_purpose(FunctionCallInfo fcinfo)
{
	text *word;
	const char *data;
	Size size;

	if (PG_ARGISNULL(EMBED_PURPOSE))
		return SLM_PURPOSE_DOCUMENT;
	word = PG_GETARG_TEXT_PP(EMBED_PURPOSE);
	data = VARDATA_ANY(word);
	size = VARSIZE_ANY_EXHDR(word);
	if (size == 8 && memcmp(data, "document", 8) == 0)
		return SLM_PURPOSE_DOCUMENT;
	if (size == 5 && memcmp(data, "query", 5) == 0)
		return SLM_PURPOSE_QUERY;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for purpose: \"%s\"", text_to_cstring(word)),
					errhint("Values are \"document\" and \"query\".")));
}

/* Models that can be cut to fewer dimensions declare it; none that we load does. */
static void
arg_no_dimensions(SlmCall *call, FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(EMBED_DIMENSIONS))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has no option \"dimensions\"", NameStr(call->ref->name)),
				 errdetail("Its embeddings have %d dimensions and are not made to be cut.",
						   slm_call_n_embd(call))));
}

/* A real[] of n elements, whose numbers the caller fills in at *data. */
static ArrayType *
make_real_array(int n, float **data)
{
	Size size = ARR_OVERHEAD_NONULLS(1) + n * sizeof(float);
	ArrayType *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	*data = (float *) ARR_DATA_PTR(array);
	return array;
}

typedef struct Embed
{
	SlmBatch batch;
	SlmPurpose purpose;
	float *result; /* [n][n_embd], in the arena */
} Embed;

static SlmBatch *
check_embed(SlmCall *call, FunctionCallInfo fcinfo)
{
	Embed *embed = palloc0_object(Embed);

	embed->purpose = arg_purpose(fcinfo);
	slm_arg_on_error(call, EMBED_ON_ERROR);
	return &embed->batch;
}

static void
prepare_embed(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	slm_call_model(call, EMBED_MODEL, SLM_DEFAULT_EMBED);
	arg_no_dimensions(call, fcinfo);
}

static void
key_embed(SlmCall *call, SlmBatch *batch, SlmKey *key)
{
	slm_answer_key(call, key,
				   ((Embed *) batch)->purpose == SLM_PURPOSE_QUERY ? SLM_ANSWER_QUERY
																   : SLM_ANSWER_DOCUMENT);
}

static void
compute_embed(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	Embed *embed = (Embed *) batch;
	SlmStatus status;

	slm_call_begin(call);
	status = slm_arena_alloc_array(call->run.arena, (size_t) n * slm_call_n_embd(call),
								   sizeof(float), (void **) &embed->result, &call->err);
	if (status == SLM_OK)
		status = slm_task_embed(&call->run, text, n, embed->purpose, embed->result, row_status,
								&call->err);
	slm_call_end(call, status, row_status, n);
}

static SlmAnswer
answer_embed(SlmCall *call, SlmBatch *batch, int i)
{
	int n_embd = slm_call_n_embd(call);

	return (SlmAnswer){((Embed *) batch)->result + (size_t) i * n_embd, n_embd * sizeof(float)};
}

static void
emit_embedding(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	float *data;

	value[1] = PointerGetDatum(make_real_array(slm_call_n_embd(call), &data));
	memcpy(data, answer->data, answer->size);
	null[1] = false;
}

static const SlmRowOps embed_ops = {
	.check = check_embed,
	.prepare = prepare_embed,
	.key = key_embed,
	.compute = compute_embed,
	.answer = answer_embed,
	.emit = emit_embedding,
};

SLM_ROW_FUNCTION(slm_embed, SLM_VERB_EMBED, EMBED_ARGS, 1, embed_ops, NULL);
SLM_ARRAY_FUNCTION(slm_embed_batch, slm_embed, "inputs");

bool
slm_call_embed(SlmCall *call, SlmText text, SlmPurpose purpose, float *out)
{
	Embed embed = {.batch = {.ops = &embed_ops}, .purpose = purpose};
	SlmAnswer answer;

	if (!slm_row_answer(call, &embed.batch, text, &answer))
		return false;
	memcpy(out, answer.data, answer.size);
	return true;
}

/* Similarity is two embeddings of a row, as documents. */

static SlmBatch *
check_similarity(SlmCall *call, FunctionCallInfo fcinfo)
{
	Embed *embed = palloc0_object(Embed);

	embed->purpose = SLM_PURPOSE_DOCUMENT;
	return &embed->batch;
}

static void
prepare_similarity(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	slm_call_model(call, SIMILARITY_MODEL, SLM_DEFAULT_EMBED);
}

static void
emit_similarity(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	value[1] = Float4GetDatum(slm_task_cosine(slm_current_kernels(), answer[SIMILARITY_A].data,
											  answer[SIMILARITY_B].data, slm_call_n_embd(call)));
	null[1] = false;
}

static const SlmRowOps similarity_ops = {
	.check = check_similarity,
	.prepare = prepare_similarity,
	.key = key_embed,
	.compute = compute_embed,
	.answer = answer_embed,
	.emit = emit_similarity,
};

SLM_ROW_FUNCTION(slm_similarity, SLM_VERB_SIMILARITY, SIMILARITY_ARGS, 2, similarity_ops, NULL);
