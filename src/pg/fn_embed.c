/*
 * fn_embed.c - slm_embed, slm_embed_batch, slm_similarity
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "pg/call.h"

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

static Datum
embed(SlmCall *call, FunctionCallInfo fcinfo)
{
	SlmPurpose purpose = arg_purpose(fcinfo);
	SlmText input;
	ArrayType *answer;
	float *data;

	slm_arg_on_error(call, EMBED_ON_ERROR);
	if (!slm_arg_input(call, EMBED_INPUT, &input))
		PG_RETURN_NULL();
	slm_call_model(call, EMBED_MODEL, SLM_DEFAULT_EMBED);
	arg_no_dimensions(call, fcinfo);

	answer = make_real_array(slm_call_n_embd(call), &data);
	if (!slm_call_embed(call, input, purpose, data))
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(answer);
}

SLM_FUNCTION(slm_embed, SLM_VERB_EMBED, EMBED_ARGS, embed);

typedef struct EmbedBatch
{
	SlmBatch batch;
	SlmPurpose purpose;
} EmbedBatch;

static void
embed_rows(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	SlmStatus status;

	slm_call_begin(call);
	status = slm_arena_alloc_array(call->run.arena, (size_t) n * slm_call_n_embd(call),
								   sizeof(float), (void **) &batch->result, &call->err);
	if (status == SLM_OK)
		status = slm_task_embed(&call->run, text, n, ((EmbedBatch *) batch)->purpose, batch->result,
								row_status, &call->err);
	slm_call_end(call, status, row_status, n);
}

static void
emit_embedding(SlmCall *call, SlmBatch *batch, int i, Datum *value, bool *null)
{
	int n_embd = slm_call_n_embd(call);
	float *data;

	value[1] = PointerGetDatum(make_real_array(n_embd, &data));
	memcpy(data, batch->result + (size_t) i * n_embd, n_embd * sizeof(float));
	null[1] = false;
}

static Datum
embed_batch(SlmCall *call, FunctionCallInfo fcinfo)
{
	EmbedBatch rows = {.batch = {.compute = embed_rows, .emit = emit_embedding},
					   .purpose = arg_purpose(fcinfo)};
	ArrayType *inputs = slm_arg_text_array(call, EMBED_INPUT, "inputs");

	slm_arg_on_error(call, EMBED_ON_ERROR);
	slm_call_model(call, EMBED_MODEL, SLM_DEFAULT_EMBED);
	arg_no_dimensions(call, fcinfo);
	slm_batch_run(call, &rows.batch, inputs);
	return (Datum) 0;
}

SLM_FUNCTION(slm_embed_batch, SLM_VERB_EMBED, EMBED_ARGS, embed_batch);

static Datum
similarity(SlmCall *call, FunctionCallInfo fcinfo)
{
	SlmText a;
	SlmText b;
	float *embedding_a;
	float *embedding_b;
	int n_embd;

	if (!slm_arg_input(call, SIMILARITY_A, &a) || !slm_arg_input(call, SIMILARITY_B, &b))
		PG_RETURN_NULL();
	slm_call_model(call, SIMILARITY_MODEL, SLM_DEFAULT_EMBED);

	n_embd = slm_call_n_embd(call);
	embedding_a = palloc_array(float, n_embd);
	embedding_b = palloc_array(float, n_embd);
	if (!slm_call_embed(call, a, SLM_PURPOSE_DOCUMENT, embedding_a) ||
		!slm_call_embed(call, b, SLM_PURPOSE_DOCUMENT, embedding_b))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT4(slm_task_cosine(slm_current_kernels(), embedding_a, embedding_b, n_embd));
}

SLM_FUNCTION(slm_similarity, SLM_VERB_SIMILARITY, SIMILARITY_ARGS, similarity);
