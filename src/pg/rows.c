/*
 * rows.c - one call over one row or over many
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/tuplestore.h"

#include "pg/rows.h"

#define BATCH_TEXTS (SLM_BATCH_ROWS * SLM_ROW_INPUTS)

/* Answers that a batch leaves in the store: not all, or a long one would empty it of the others. */
#define ANSWERS_KEPT 8

/* ---- Texts to answers ---- */

/* The key of one text: what all texts of a call share is its first prefix bytes. */
static const SlmKey *
key_of(SlmKey *key, int prefix, bool too_long, SlmText text)
{
	key->bytes.len = prefix;
	key->too_long = too_long;
	slm_key_bytes(key, text.data, text.size);
	return key;
}

/* Texts of a group, each once: open addressing by hash. */
typedef struct TextSet
{
	int16 slot[4 * BATCH_TEXTS]; /* index of a text, or -1 */
	SlmText text[BATCH_TEXTS];
	int n;
} TextSet;

StaticAssertDecl((BATCH_TEXTS & (BATCH_TEXTS - 1)) == 0, "the set's size is a power of two");

/* The index of a text, which is added when it is new. */
static int
text_set_add(TextSet *set, SlmText text)
{
	uint32 mask = lengthof(set->slot) - 1;
	uint32 at = hash_bytes((const unsigned char *) text.data, (int) text.size) & mask;

	for (; set->slot[at] >= 0; at = (at + 1) & mask)
	{
		SlmText other = set->text[set->slot[at]];

		if (other.size == text.size && memcmp(other.data, text.data, text.size) == 0)
			return set->slot[at];
	}
	set->slot[at] = (int16) set->n;
	set->text[set->n] = text;
	return set->n++;
}

/* What answer_texts() has computed, for remember(). */
typedef struct Computed
{
	SlmKey key;
	int prefix; /* bytes of the key that all texts share */
	bool too_long;
	int n;
	SlmText text[BATCH_TEXTS];
	SlmAnswer answer[BATCH_TEXTS];
	SlmStatus status[BATCH_TEXTS];
} Computed;

/*
 * Finds or computes the answers of n texts.  status [n] is NULL when the first
 * text at fault is to raise its error.
 */
static void
answer_texts(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmAnswer *answer,
			 SlmStatus *status, Computed *computed)
{
	int16 computed_as[BATCH_TEXTS]; /* index among the computed, -1: remembered */
	TextSet set;

	batch->ops->key(call, batch, &computed->key);
	computed->prefix = computed->key.bytes.len;
	computed->too_long = computed->key.too_long;
	set.n = 0;
	if (n > 1)
		memset(set.slot, -1, sizeof(set.slot));
	for (int i = 0; i < n; i++)
	{
		int n_before = set.n;

		computed_as[i] = -1;
		answer[i].data = slm_answer_find_bytes(
			call, key_of(&computed->key, computed->prefix, computed->too_long, text[i]),
			&answer[i].size);
		if (answer[i].data != NULL)
			continue;
		if (n > 1)
			computed_as[i] = (int16) text_set_add(&set, text[i]);
		else
		{
			set.text[set.n++] = text[i];
			computed_as[i] = 0;
		}
		if (set.n == n_before)
			call->counts.memo_hits++;
	}

	computed->n = set.n;
	if (set.n == 0)
		return;
	memset(computed->status, 0, set.n * sizeof(*computed->status));
	batch->ops->compute(call, batch, set.text, set.n, status != NULL ? computed->status : NULL);
	for (int i = 0; i < set.n; i++)
	{
		computed->text[i] = set.text[i];
		if (computed->status[i] == SLM_OK)
			computed->answer[i] = batch->ops->answer(call, batch, i);
	}
	for (int i = 0; i < n; i++)
	{
		if (computed_as[i] < 0)
			continue;
		if (status != NULL)
			status[i] = computed->status[computed_as[i]];
		answer[i] = computed->answer[computed_as[i]];
	}
}

/* Puts the last of the computed answers into the backend's store, which ends those found there. */
static void
remember(Computed *computed)
{
	for (int i = Max(0, computed->n - ANSWERS_KEPT); i < computed->n; i++)
	{
		if (computed->status[i] == SLM_OK)
			slm_answer_add_bytes(
				key_of(&computed->key, computed->prefix, computed->too_long, computed->text[i]),
				computed->answer[i].data, computed->answer[i].size);
	}
}

bool
slm_row_answer(SlmCall *call, SlmBatch *batch, SlmText text, SlmAnswer *answer)
{
	SlmStatus status = SLM_OK;
	Computed computed;

	answer_texts(call, batch, &text, 1, answer, call->null_on_error ? &status : NULL, &computed);
	if (status != SLM_OK)
		return false;
	remember(&computed);
	return true;
}

/* ---- The scalar function ---- */

/* A call of a function over rows. */
typedef struct RowCall
{
	SlmCall call; /* first: the body is given a pointer to it */
	const SlmRowFunction *function;
	const char *inputs; /* name of the array argument */

	/* of the plan node */
	const NullableDatum *input;
	int n;
	Datum *value;
	SlmRowState *state;
} RowCall;

static Datum
scalar(SlmCall *call, FunctionCallInfo fcinfo)
{
	const SlmRowFunction *function = ((RowCall *) call)->function;
	SlmText text[SLM_ROW_INPUTS];
	SlmAnswer answer[SLM_ROW_INPUTS];
	SlmStatus status[SLM_ROW_INPUTS] = {SLM_OK};
	Datum value[SLM_ROW_COLUMNS];
	bool null[SLM_ROW_COLUMNS];
	Computed computed;
	SlmBatch *batch;

	batch = function->ops->check(call, fcinfo);
	batch->ops = function->ops;
	for (int i = 0; i < function->n_input; i++)
	{
		if (!slm_arg_input(call, i, &text[i]))
			PG_RETURN_NULL();
	}
	if (batch->nothing)
		PG_RETURN_NULL();
	batch->ops->prepare(call, fcinfo, batch);

	answer_texts(call, batch, text, function->n_input, answer, call->null_on_error ? status : NULL,
				 &computed);
	for (int i = 0; i < function->n_input; i++)
	{
		if (status[i] != SLM_OK)
			PG_RETURN_NULL();
	}
	memset(null, true, sizeof(null));
	batch->ops->emit(call, batch, answer, value, null);
	remember(&computed);
	if (null[1])
		PG_RETURN_NULL();
	return value[1];
}

Datum
slm_row_scalar(FunctionCallInfo fcinfo, const SlmRowFunction *function, bool pinned)
{
	RowCall row = {.call = {.fcinfo = fcinfo, .verb = function->verb, .pinned = pinned},
				   .function = function};

	return slm_call_run(&row.call, function->n_arg, scalar);
}

/* ---- Groups of rows ---- */

/* In place of a row's first text. */
#define ANSWER_IS_NULL (-1)
#define TEXT_AT_FAULT (-2)

/* Rows gathered for the engine. */
typedef struct Rows
{
	int n;
	int n_text;
	Size n_bytes;
	int16 text_of[SLM_BATCH_ROWS]; /* index of its first text, or one of the above */
	SlmText text[BATCH_TEXTS];
} Rows;

/* Takes the texts of one more row. */
static void
add_row(Rows *rows, const NullableDatum *input, int n_input)
{
	int n_text = rows->n_text;
	int16 text_of = (int16) n_text;

	for (int i = 0; i < n_input && text_of >= 0; i++)
	{
		SlmText *text = &rows->text[n_text++];
		struct varlena *given;

		if (input[i].isnull)
		{
			text_of = ANSWER_IS_NULL;
			break;
		}
		given = PG_DETOAST_DATUM_PACKED(input[i].value);
		if (!slm_to_utf8(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), text))
			text_of = TEXT_AT_FAULT;
		else if (slm_is_blank(*text))
			text_of = ANSWER_IS_NULL;
		else
			rows->n_bytes += text->size;
	}
	rows->text_of[rows->n++] = text_of;
	if (text_of >= 0)
		rows->n_text = n_text;
}

static void
forget_rows(Rows *rows)
{
	rows->n = rows->n_text = 0;
	rows->n_bytes = 0;
}

/*
 * Answers the rows gathered; value [n][SLM_ROW_COLUMNS] and null alike, column 0
 * left alone, state [n].  A row at fault raises its error unless keep_failed.
 */
static void
answer_rows(SlmCall *call, SlmBatch *batch, const Rows *rows, int n_input, bool keep_failed,
			Datum (*value)[SLM_ROW_COLUMNS], bool (*null)[SLM_ROW_COLUMNS], SlmRowState *state)
{
	SlmAnswer answer[BATCH_TEXTS];
	SlmStatus status[BATCH_TEXTS];
	uint64 n_null = call->counts.nulls;
	Computed computed = {.n = 0};

	memset(status, 0, rows->n_text * sizeof(*status));
	if (rows->n_text > 0)
		answer_texts(call, batch, rows->text, rows->n_text, answer,
					 keep_failed || call->null_on_error ? status : NULL, &computed);
	call->counts.nulls = n_null; /* rows are counted, not texts */

	for (int i = 0; i < rows->n; i++)
	{
		int first = rows->text_of[i];
		bool failed = first == TEXT_AT_FAULT;

		memset(null[i], true, sizeof(null[i]));
		state[i] = SLM_ROW_NULL;
		for (int j = first; first >= 0 && j < first + n_input; j++)
			failed = failed || status[j] != SLM_OK;
		if (first >= 0 && !failed)
		{
			batch->ops->emit(call, batch, answer + first, value[i], null[i]);
			state[i] = null[i][1] ? SLM_ROW_NULL : SLM_ROW_VALUE;
		}
		else if (failed && call->null_on_error)
			call->counts.nulls++;
		else if (failed)
			state[i] = SLM_ROW_FAILED;
	}
	remember(&computed);
}

/* ---- The array form ---- */

/* Answers the rows gathered and writes them; *ord is the first one's number. */
static void
flush_elements(SlmCall *call, SlmBatch *batch, Rows *rows, int *ord)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) call->fcinfo->resultinfo;
	Datum value[SLM_BATCH_ROWS][SLM_ROW_COLUMNS];
	bool null[SLM_BATCH_ROWS][SLM_ROW_COLUMNS];
	SlmRowState state[SLM_BATCH_ROWS];

	answer_rows(call, batch, rows, 1, false, value, null, state);
	for (int i = 0; i < rows->n; i++)
	{
		value[i][0] = Int32GetDatum((*ord)++);
		null[i][0] = false;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, value[i], null[i]);
	}
	forget_rows(rows);
}

static Datum
array(SlmCall *call, FunctionCallInfo fcinfo)
{
	const RowCall *row_call = (RowCall *) call;
	const SlmRowOps *ops = row_call->function->ops;
	ArrayType *inputs = slm_arg_text_array(call, 0, row_call->inputs);
	MemoryContext group_context;
	MemoryContext caller_context;
	ArrayIterator iterator;
	NullableDatum element;
	SlmBatch *batch;
	Rows rows;
	int ord = 1;

	batch = ops->check(call, fcinfo);
	batch->ops = ops;
	if (!batch->nothing)
		ops->prepare(call, fcinfo, batch);
	InitMaterializedSRF(fcinfo, 0);
	call->counts.rows = 0;
	if (inputs == NULL)
		return (Datum) 0;

	group_context =
		AllocSetContextCreate(CurrentMemoryContext, "slm batch rows", ALLOCSET_DEFAULT_SIZES);
	iterator = array_create_iterator(inputs, 0, NULL);
	caller_context = MemoryContextSwitchTo(group_context);
	forget_rows(&rows);
	while (array_iterate(iterator, &element.value, &element.isnull))
	{
		if (batch->nothing)
			element.isnull = true;
		add_row(&rows, &element, 1);
		call->counts.rows++;
		if (rows.text_of[rows.n - 1] == TEXT_AT_FAULT && !call->null_on_error)
			slm_raise_not_convertible();
		if (rows.n == SLM_BATCH_ROWS || rows.n_bytes >= SLM_BATCH_BYTES)
		{
			flush_elements(call, batch, &rows, &ord);
			MemoryContextReset(group_context);
		}
	}
	flush_elements(call, batch, &rows, &ord);
	MemoryContextSwitchTo(caller_context);
	array_free_iterator(iterator);
	MemoryContextDelete(group_context);
	return (Datum) 0;
}

Datum
slm_row_array(FunctionCallInfo fcinfo, const SlmRowFunction *function, bool pinned,
			  const char *inputs)
{
	RowCall row = {.call = {.fcinfo = fcinfo, .verb = function->verb, .pinned = pinned},
				   .function = function,
				   .inputs = inputs};

	return slm_call_run(&row.call, function->n_arg, array);
}

/* ---- The plan node ---- */

static Datum
group(SlmCall *call, FunctionCallInfo fcinfo)
{
	RowCall *row_call = (RowCall *) call;
	const SlmRowFunction *function = row_call->function;
	Datum value[SLM_BATCH_ROWS][SLM_ROW_COLUMNS];
	bool null[SLM_BATCH_ROWS][SLM_ROW_COLUMNS];
	SlmBatch *batch;
	Rows rows;

	batch = function->ops->check(call, fcinfo);
	batch->ops = function->ops;
	forget_rows(&rows);
	for (int i = 0; i < row_call->n; i++)
	{
		add_row(&rows, row_call->input + i * function->n_input, function->n_input);
		if (batch->nothing)
			rows.text_of[i] = ANSWER_IS_NULL;
	}
	if (batch->nothing)
		rows.n_text = 0;
	if (rows.n_text > 0)
	{
		function->ops->prepare(call, fcinfo, batch);
		call->counts.rows = rows.n_text / function->n_input;
	}
	answer_rows(call, batch, &rows, function->n_input, true, value, null, row_call->state);
	for (int i = 0; i < row_call->n; i++)
		row_call->value[i] = value[i][1];
	return (Datum) 0;
}

void
slm_rows_call(const SlmRowFunction *function, bool pinned, FunctionCallInfo fcinfo,
			  const NullableDatum *input, int n, Datum *value, SlmRowState *state,
			  SlmCallCounts *counts)
{
	RowCall row = {.call = {.fcinfo = fcinfo, .verb = function->verb, .pinned = pinned},
				   .function = function,
				   .input = input,
				   .n = n,
				   .value = value,
				   .state = state};

	Assert(n <= SLM_BATCH_ROWS);
	(void) slm_call_run(&row.call, function->n_arg, group);
	*counts = row.call.counts;
}
