/*
 * fn_train.c - slm_train_classifier
 *
 * Reads rows (text, label) of a query, embeds them as they come, fits a head
 * (fit.c), and registers base and head as a model.  The query runs as the
 * caller, read-only; the model is made by DDL with the caller's rights.
 *
 * Rows are put in an order of their own before the fit, so that the result does
 * not depend on the one the query gave them in.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_foreign_server.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "pg/blas.h"
#include "pg/catalog.h"
#include "pg/fit.h"
#include "pg/hash.h"
#include "pg/head_store.h"
#include "pg/labels.h"
#include "pg/pg_host.h"
#include "pg/rows.h"

#define PROGRESS_MS 5000 /* between two notices */

enum
{
	TRAIN_NAME,
	TRAIN_QUERY,
	TRAIN_MODEL,
	TRAIN_DESCRIPTIONS,
	TRAIN_REPLACE,
	TRAIN_ON_ERROR,
	TRAIN_ARGS
};

enum
{
	COLUMN_MODEL,
	COLUMN_LABELS,
	COLUMN_ROWS,
	COLUMN_SKIPPED,
	COLUMN_ACCURACY,
	COLUMN_ZERO_SHOT,
	N_COLUMN
};

typedef struct TrainRow
{
	const float *embedding; /* [n_embd] */
	const int32 *token;     /* [n_token] of the text */
	int n_token;
	const char *label; /* in the database's encoding */
} TrainRow;

typedef struct Training
{
	SlmCall *call;
	char *name;
	bool replace; /* a model of that name is there */
	int n_embd;
	SlmBagWords words;     /* that the head shall know */
	MemoryContext context; /* of all that follows */
	TrainRow *row;         /* [n_row], room for SLM_MAX_TRAIN_ROWS */
	int n_row;
	int n_skipped;
	Size n_bytes; /* of the embeddings, tokens and labels */
	int *label;   /* [n_row] index in labels */
	SlmLabelInput labels;
	TimestampTz started;
	TimestampTz told; /* the last notice, or the start */
} Training;

/* ---- Progress ---------------------------------------------------------------- */

static bool
time_to_tell(Training *training)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!TimestampDifferenceExceeds(training->told, now, PROGRESS_MS))
		return false;
	training->told = now;
	return true;
}

static void
tell_rows(Training *training)
{
	if (time_to_tell(training))
		ereport(NOTICE, (errmsg("%d rows embedded, %.0f a second", training->n_row,
								training->n_row * 1e6 / (training->told - training->started))));
}

static void
tell_step(void *arg, int step, int n_step)
{
	Training *training = arg;

	if (time_to_tell(training))
		ereport(NOTICE, (errmsg("fitting %d rows: step %d of %d", training->n_row, step, n_step)));
}

/* ---- Rights and names ---------------------------------------------------------- */

/* Refuses, before any work, a name that the model could not have in the end. */
static void
check_name(Training *training)
{
	Oid serverid;
	const SlmModelDef *def;

	if (strlen(training->name) >= NAMEDATALEN)
		ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG),
						errmsg("name of a model exceeds the limit of %d bytes", NAMEDATALEN - 1)));
	serverid = get_foreign_server_oid(training->name, true);
	if (!OidIsValid(serverid))
	{
		slm_catalog_check_create();
		training->replace = false;
		return;
	}
	if (!training->replace)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("model \"%s\" already exists", training->name),
						errhint("replace => true trains it anew.")));
	def = slm_catalog_by_oid(serverid);
	if (def == NULL || def->file != NULL)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" is not a trained model", training->name)));
	if (!object_ownercheck(ForeignServerRelationId, serverid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_SERVER, training->name);
}

static void
check_base(const SlmModelRef *base)
{
	if (base->head != NULL)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("model \"%s\" is a trained model itself", NameStr(base->name)),
						errhint("Name the model it was trained on.")));
	if (slm_model_info(base->model)->n_embd > SLM_MAX_TRAIN_DIMENSIONS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("%d dimensions of model \"%s\" exceed the limit of %d for training",
							   slm_model_info(base->model)->n_embd, NameStr(base->name),
							   SLM_MAX_TRAIN_DIMENSIONS)));
}

/* What the rows so far and the fit take is a call's scratch memory too. */
static void
check_memory(const Training *training, int n_label)
{
	int width = training->n_embd + training->words.n;
	Size bytes = training->n_bytes + slm_fit_bytes(training->n_row, width, n_label);

	if (bytes / 1024 > (Size) slm_max_scratch_memory)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("training on %d rows of %d dimensions needs %zu kB, more than "
							   "slm.max_scratch_memory allows",
							   training->n_row, width, bytes / 1024)));
}

/* ---- Rows ---------------------------------------------------------------------- */

/* A copy of a text's tokens that outlives the call. */
static const int32 *
keep_tokens(Training *training, const SlmTokens *tokens)
{
	Size bytes = (Size) tokens->n * sizeof(int32);
	int32 *out = MemoryContextAlloc(training->context, Max(bytes, 1));

	memcpy(out, tokens->id, bytes);
	training->n_bytes += bytes;
	return out;
}

/* Embeds texts and adds those that could be as rows. */
static void
add_rows(Training *training, const SlmText *text, char **label, int n)
{
	SlmCall *call = training->call;
	Size n_float = (Size) n * training->n_embd;
	float *embedding = MemoryContextAlloc(training->context, n_float * sizeof(float));
	SlmStatus row_status[SLM_BATCH_ROWS] = {SLM_OK};
	SlmStatus *rows = call->null_on_error ? row_status : NULL;
	SlmTokens tokens[SLM_BATCH_ROWS];
	SlmStatus status;

	slm_call_begin(call);
	status = slm_task_embed_for_head(&call->run, text, n, embedding, rows, &call->err);
	for (int i = 0; i < n && status == SLM_OK; i++)
		if (row_status[i] == SLM_OK)
			status = slm_task_tokenize(&call->run, slm_text(""), text[i], &tokens[i], &call->err);
	slm_call_end(call, status, rows, n);
	training->n_bytes += n_float * sizeof(float);

	for (int i = 0; i < n; i++)
	{
		TrainRow *row = &training->row[training->n_row];

		if (row_status[i] != SLM_OK)
		{
			training->n_skipped++;
			continue;
		}
		if (training->n_row == SLM_MAX_TRAIN_ROWS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the query has more rows than the limit of %d", SLM_MAX_TRAIN_ROWS),
					 errhint("A sample of some thousand rows gives nearly the same model.")));
		row->embedding = embedding + (Size) i * training->n_embd;
		row->n_token = tokens[i].n;
		row->token = keep_tokens(training, &tokens[i]);
		row->label = MemoryContextStrdup(training->context, label[i]);
		training->n_bytes += strlen(label[i]);
		training->n_row++;
	}
	check_memory(training, 2);
	tell_rows(training);
}

/* True when a label says something; 54000 when it says too much. */
static bool
check_label(const char *label)
{
	if (strlen(label) > SLM_MAX_CLASS_LABEL_BYTES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a label exceeds the limit of %d bytes", SLM_MAX_CLASS_LABEL_BYTES),
						errhint("The query returns the text first, then the label.")));
	return !slm_is_blank(slm_require_utf8(label, (int) strlen(label), "label"));
}

/* Adds what the cursor has fetched, but for rows without a text or a label. */
static void
add_fetched(Training *training, const SPITupleTable *table, int n)
{
	SlmText text[SLM_BATCH_ROWS];
	char *label[SLM_BATCH_ROWS];
	int n_text = 0;

	for (int i = 0; i < n; i++)
	{
		char *input = SPI_getvalue(table->vals[i], table->tupdesc, 1);

		label[n_text] = SPI_getvalue(table->vals[i], table->tupdesc, 2);
		if (input != NULL && label[n_text] != NULL && check_label(label[n_text]))
		{
			if (slm_to_utf8(input, (int) strlen(input), &text[n_text]))
			{
				if (!slm_is_blank(text[n_text]))
				{
					n_text++;
					continue;
				}
			}
			else if (!training->call->null_on_error)
				slm_raise_not_convertible();
		}
		training->n_skipped++;
	}
	if (n_text > 0)
		add_rows(training, text, label, n_text);
}

/* Runs the query as the caller would, read-only, and embeds its rows. */
static void
read_rows(Training *training, const char *query)
{
	SPIPlanPtr plan;
	Portal portal;
	int n;

	SPI_connect();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	if (!SPI_is_cursor_plan(plan) ||
		((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->commandTag !=
			CMDTAG_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("query must be one SELECT")));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	if (portal->tupDesc == NULL || portal->tupDesc->natts != 2)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("query must return two columns, a text and its label")));
	do
	{
		MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "slm training rows",
													ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = CurrentMemoryContext;

		SPI_cursor_fetch(portal, true, SLM_BATCH_ROWS);
		MemoryContextSwitchTo(batch);
		n = (int) SPI_processed;
		add_fetched(training, SPI_tuptable, n);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(batch);
		SPI_freetuptable(SPI_tuptable);
	} while (n > 0);
	SPI_cursor_close(portal);
	SPI_finish();
}

/* By label, embedding and tokens: an order that the rows themselves define. */
static int
compare_rows(const void *a, const void *b, void *arg)
{
	const TrainRow *row_a = a;
	const TrainRow *row_b = b;
	const Training *training = arg;
	int order;

	CHECK_FOR_INTERRUPTS();
	order = strcmp(row_a->label, row_b->label);
	if (order == 0)
		order = memcmp(row_a->embedding, row_b->embedding, training->n_embd * sizeof(float));
	if (order == 0)
		order = row_a->n_token - row_b->n_token;
	return order != 0 ? order : memcmp(row_a->token, row_b->token, row_a->n_token * sizeof(int32));
}

/* Sorts the rows and numbers their labels. */
static void
number_labels(Training *training)
{
	SlmLabelInput *labels = &training->labels;
	int n_room = Min(training->n_row, SLM_MAX_LABELS);

	qsort_arg(training->row, training->n_row, sizeof(TrainRow), compare_rows, training);
	training->label = palloc_array(int, Max(training->n_row, 1));
	labels->label = palloc0_array(SlmLabel, Max(n_room, 1));
	labels->name = palloc0_array(SlmText, Max(n_room, 1));
	for (int i = 0; i < training->n_row; i++)
	{
		const char *name = training->row[i].label;

		if (i == 0 || strcmp(name, training->row[i - 1].label) != 0)
		{
			if (labels->n == SLM_MAX_LABELS)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("the query has more labels than the limit of %d", SLM_MAX_LABELS),
						 errhint("The query returns the text first, then the label.")));
			labels->name[labels->n] = slm_text(name);
			labels->label[labels->n].name = slm_require_utf8(name, (int) strlen(name), "label");
			labels->n++;
		}
		training->label[i] = labels->n - 1;
	}
	if (labels->n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows of at least two labels are needed"),
				 errdetail("The query gave %d rows of %d labels.", training->n_row, labels->n)));
	if (labels->n == training->n_row)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("no label has more than one row"),
				 errhint("The query returns the text first, then the label.")));
}

/* ---- Words -------------------------------------------------------------------- */

/* A token that rows have, and how many of them. */
typedef struct TokenRows
{
	uint32 token;
	int n_row;
} TokenRows;

static int
compare_token(const void *a, const void *b)
{
	const TokenRows *token_a = a;
	const TokenRows *token_b = b;

	return token_a->token < token_b->token ? -1 : token_a->token > token_b->token;
}

/* By the number of their rows, greatest first, the lower token among equals. */
static int
compare_frequency(const void *a, const void *b)
{
	int n_a = ((const TokenRows *) a)->n_row, n_b = ((const TokenRows *) b)->n_row;

	return n_a != n_b ? n_b - n_a : compare_token(a, b);
}

/* All tokens that more than one row has. */
static int
count_tokens(const Training *training, TokenRows **out)
{
	int n_vocab = slm_model_info(training->call->ref->model)->n_vocab;
	int *n_row = palloc0_array(int, n_vocab);
	int *last = palloc0_array(int, n_vocab); /* row that had it last, from 1 */
	int n = 0;

	for (int i = 0; i < training->n_row; i++)
	{
		const TrainRow *row = &training->row[i];

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < row->n_token; j++)
			if (last[row->token[j]] != i + 1)
			{
				last[row->token[j]] = i + 1;
				n_row[row->token[j]]++;
			}
	}
	*out = palloc_array(TokenRows, n_vocab);
	for (int i = 0; i < n_vocab; i++)
		if (n_row[i] > 1)
			(*out)[n++] = (TokenRows){(uint32) i, n_row[i]};
	return n;
}

/*
 * The tokens that most rows have, but those that a single one has, whatever its label: what is
 * judged by leaving one row out must not have been chosen by its label.  A token's
 * weight is 1 + ln((1 + rows) / (1 + its rows)).
 */
static void
choose_words(Training *training)
{
	TokenRows *tokens;
	int n = count_tokens(training, &tokens), n_word = Min(n, SLM_MAX_BAG_WORDS);
	uint32 *token = palloc_array(uint32, Max(n_word, 1));
	float *weight = palloc_array(float, Max(n_word, 1));

	qsort(tokens, n, sizeof(TokenRows), compare_frequency);
	qsort(tokens, n_word, sizeof(TokenRows), compare_token);
	for (int i = 0; i < n_word; i++)
	{
		token[i] = tokens[i].token;
		weight[i] = (float) (1.0 + log((1.0 + training->n_row) / (1.0 + tokens[i].n_row)));
	}
	training->words = (SlmBagWords){n_word, token, weight};
}

static void
bag_of_row(void *arg, int row, float *out)
{
	Training *training = arg;
	SlmCall *call = training->call;
	const TrainRow *from = &training->row[row];

	SLM_CHECK(slm_bag(slm_current_kernels(), &slm_pg_host, &training->words, from->token,
					  from->n_token, out, &call->err),
			  &call->err);
}

/* prior[n_label][n_embd + words.n] of the labels' texts. */
static float *
read_labels(Training *training)
{
	SlmCall *call = training->call;
	const SlmLabelInput *labels = &training->labels;
	Size n_embd = training->n_embd, width = n_embd + training->words.n;
	float *embedding = palloc_extended(labels->n * n_embd * sizeof(float), MCXT_ALLOC_HUGE);
	float *prior = palloc_extended(labels->n * width * sizeof(float), MCXT_ALLOC_HUGE);
	SlmStatus status;

	slm_call_begin(call);
	call->run.max_input_tokens = 0; /* labels are no input */
	status = slm_task_head_priors(&call->run, labels->label, labels->n, embedding, &call->err);
	for (int i = 0; i < labels->n && status == SLM_OK; i++)
	{
		SlmTokens tokens;
		SlmText text;

		memcpy(prior + i * width, embedding + i * n_embd, n_embd * sizeof(float));
		status = slm_task_label_text(call->run.arena, &labels->label[i], &text, &call->err);
		if (status == SLM_OK)
			status = slm_task_tokenize(&call->run, slm_text(""), text, &tokens, &call->err);
		if (status == SLM_OK)
			status = slm_bag(call->run.kernels, call->run.host, &training->words, tokens.id,
							 tokens.n, prior + i * width + n_embd, &call->err);
	}
	slm_call_end(call, status, NULL, 1);
	pfree(embedding);
	return prior;
}

/* ---- The model ----------------------------------------------------------------- */

/* Fits the head and lays it out as bytes. */
static void *
make_head(Training *training, Size *size, SlmFit *fit)
{
	SlmCall *call = training->call;
	SlmLabelInput *labels = &training->labels;
	SlmFitInput input = {
		.n_row = training->n_row,
		.n_embd = training->n_embd,
		.n_label = labels->n,
		.label = training->label,
		.bag = bag_of_row,
		.progress = tell_step,
		.arg = training,
	};
	const float **row = palloc_array(const float *, training->n_row);
	uint32 *name_end = palloc_array(uint32, labels->n);
	StringInfoData names;
	SlmHead head;
	size_t n_byte;
	void *bytes;

	initStringInfo(&names);
	for (int i = 0; i < labels->n; i++)
	{
		appendBinaryStringInfo(&names, labels->label[i].name.data,
							   (int) labels->label[i].name.size);
		name_end[i] = names.len;
	}
	choose_words(training);
	SLM_CHECK(slm_head_bytes(labels->n, training->n_embd, training->words.n, names.len, &n_byte,
							 &call->err),
			  &call->err); /* at most */
	check_memory(training, labels->n);

	for (int i = 0; i < training->n_row; i++)
		row[i] = training->row[i].embedding;
	input.row = row;
	input.n_word = training->words.n;
	input.prior = read_labels(training);
	slm_fit(&input, fit);
	training->words.n = fit->n_word;
	SLM_CHECK(slm_head_bytes(labels->n, training->n_embd, training->words.n, names.len, &n_byte,
							 &call->err),
			  &call->err);

	head = (SlmHead){
		.n_label = labels->n,
		.n_embd = training->n_embd,
		.n_name_byte = names.len,
		.multi_scale = fit->multi_scale,
		.multi_offset = fit->multi_offset,
		.base = call->ref->fingerprint,
		.words = training->words,
		.weight = fit->weight,
		.offset = fit->offset,
		.name_end = name_end,
		.name = names.data,
	};
	bytes = palloc_extended(n_byte, MCXT_ALLOC_HUGE);
	slm_head_write(&head, bytes);
	*size = n_byte;
	return bytes;
}

/* Makes or changes the server, and stores its head. */
static void
register_model(const Training *training, const void *bytes, Size size)
{
	const char *base = quote_literal_cstr(NameStr(training->call->ref->name));
	uint8 hash[SLM_SHA256_BYTES];
	char hex[SLM_HASH_HEX_CHARS + 1];

	slm_hash_bytes(bytes, size, hash);
	slm_hash_to_hex(hash, hex);
	if (training->replace)
		slm_catalog_run_ddl(psprintf("ALTER SERVER %s OPTIONS (SET base %s, SET head '%s')",
									 quote_identifier(training->name), base, hex));
	else
		slm_catalog_run_ddl(
			psprintf("CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (base %s, head '%s')",
					 quote_identifier(training->name), SLM_WRAPPER_NAME, base, hex));
	slm_head_store(training->name, bytes, size);
}

static Datum
train_classifier(SlmCall *call, FunctionCallInfo fcinfo)
{
	Training training = {.call = call};
	TupleDesc desc;
	Datum value[N_COLUMN];
	bool null[N_COLUMN] = {false};
	const SlmModelRef *trained;
	SlmFit fit;
	void *bytes;
	Size size;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PreventCommandIfReadOnly("slm_train_classifier()");
	if (PG_ARGISNULL(TRAIN_NAME) || PG_ARGISNULL(TRAIN_QUERY))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name and query of a classifier must not be null")));
	slm_arg_on_error(call, TRAIN_ON_ERROR);
	training.name = text_to_cstring(PG_GETARG_TEXT_PP(TRAIN_NAME));
	training.replace = !PG_ARGISNULL(TRAIN_REPLACE) && PG_GETARG_BOOL(TRAIN_REPLACE);
	check_name(&training);
	slm_call_model(call, TRAIN_MODEL, SLM_DEFAULT_CLASSIFY);
	check_base(call->ref);
	(void) slm_blas();

	training.n_embd = slm_call_n_embd(call);
	training.context =
		AllocSetContextCreate(CurrentMemoryContext, "slm training", ALLOCSET_DEFAULT_SIZES);
	training.row = MemoryContextAlloc(training.context, SLM_MAX_TRAIN_ROWS * sizeof(TrainRow));
	training.started = training.told = GetCurrentTimestamp();
	read_rows(&training, text_to_cstring(PG_GETARG_TEXT_PP(TRAIN_QUERY)));
	call->counts.rows = training.n_row + training.n_skipped;
	number_labels(&training);
	if (!PG_ARGISNULL(TRAIN_DESCRIPTIONS))
		slm_label_descriptions(PG_GETARG_JSONB_P(TRAIN_DESCRIPTIONS), &training.labels);
	bytes = make_head(&training, &size, &fit);
	MemoryContextDelete(training.context);
	register_model(&training, bytes, size);

	/* Reads it back, as a call will; an error takes the registration with it. */
	trained = slm_model_by_name(training.name, SLM_DEFAULT_CLASSIFY);
	value[COLUMN_MODEL] =
		CStringGetTextDatum(psprintf("%s@%s", NameStr(trained->name), trained->fingerprint));
	value[COLUMN_LABELS] = Int32GetDatum(training.labels.n);
	value[COLUMN_ROWS] = Int32GetDatum(training.n_row);
	value[COLUMN_SKIPPED] = Int32GetDatum(training.n_skipped);
	value[COLUMN_ACCURACY] = Float4GetDatum((float) fit.accuracy);
	value[COLUMN_ZERO_SHOT] = Float4GetDatum((float) fit.zero_shot);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), value, null)));
}

PG_FUNCTION_INFO_V1(slm_train_classifier);

Datum
slm_train_classifier(PG_FUNCTION_ARGS)
{
	return slm_call(fcinfo, SLM_VERB_TRAIN_CLASSIFIER, false, TRAIN_ARGS, train_classifier);
}
