/*
 * fn_summarize.c - slm_summarize, slm_summarize_batch, the aggregate
 * slm_summarize_agg
 *
 * A summary is pieces of its input, so what the task gives are offsets, which become
 * a text here; or a text that a model has written.  What is remembered is that text.
 *
 * The aggregate collects its rows, a blank line between each two, up to
 * AGG_PART_BYTES.  What would exceed that is summarized first (map), and the
 * summaries of these parts are summarized in the end (reduce).  So its state
 * holds at most about twice that size, whatever number of rows there are; a row
 * that is larger is summarized where it is.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/rows.h"
#include "task/write_summary.h"

#define DEFAULT_MAX_WORDS 60
#define AGG_PART_BYTES (1024 * 1024)

/* Between the pieces of a summary, and between texts that stay apart. */
#define SPACE " "
#define BLANK_LINE "\n\n"

/* Argument numbers of slm_summarize and slm_summarize_batch. */
enum
{
	SUMMARIZE_INPUT,
	SUMMARIZE_MAX_WORDS,
	SUMMARIZE_MODEL,
	SUMMARIZE_INSTRUCTIONS,
	SUMMARIZE_ON_ERROR,
	SUMMARIZE_ARGS
};

/* Argument numbers of the aggregate's transition function; the last two may be absent. */
enum
{
	AGG_STATE,
	AGG_INPUT,
	AGG_MAX_WORDS,
	AGG_MODEL,
	AGG_ARGS
};

static int
arg_max_words(SlmCall *call, int i_arg)
{
	int max_words = slm_arg_int(call, i_arg, DEFAULT_MAX_WORDS);
	SlmError err;

	SLM_CHECK(slm_task_check_max_words(max_words, &err), &err);
	return max_words;
}

/* Summaries of some texts, in the arena: of one kind or the other, as the model is. */
typedef struct Summaries
{
	const SlmText *text;
	SlmSummary *taken;          /* NULL where they are */
	SlmWrittenSummary *written; /* written */
} Summaries;

static SlmStatus
make_summaries(SlmCall *call, const SlmText *text, int n, int max_words, SlmText instructions,
			   Summaries *out, SlmStatus *row_status)
{
	SlmRun *run = &call->run;

	*out = (Summaries){.text = text};
	if (slm_call_writes(call))
	{
		SLM_TRY(slm_arena_alloc_array(run->arena, n, sizeof(*out->written), (void **) &out->written,
									  &call->err));
		return slm_task_write_summaries(run, text, n, max_words, instructions, out->written,
										row_status, &call->err);
	}
	SLM_TRY(slm_arena_alloc_array(run->arena, n, sizeof(*out->taken), (void **) &out->taken,
								  &call->err));
	return slm_task_summarize(run, text, n, max_words, out->taken, row_status, &call->err);
}

/* Appends summary i, its pieces apart, and what says that it ends inside of a sentence. */
static void
append_summary(StringInfo out, const Summaries *summaries, int i, const char *separator)
{
	const SlmSummary *taken = summaries->taken != NULL ? &summaries->taken[i] : NULL;
	bool cut = taken != NULL ? taken->cut : summaries->written[i].cut;

	if (taken == NULL)
		appendBinaryStringInfo(out, summaries->written[i].text.data,
							   summaries->written[i].text.size);
	for (int j = 0; taken != NULL && j < taken->n_piece; j++)
	{
		if (j > 0)
			appendStringInfoString(out, separator);
		appendBinaryStringInfo(out, summaries->text[i].data + taken->piece[j].start,
							   taken->piece[j].size);
	}
	if (cut) /* an ellipsis is one character where the encoding is sure to have it */
		appendStringInfoString(out, GetDatabaseEncoding() == PG_UTF8 ? "\xe2\x80\xa6" : "...");
}

/* Summary i as a text datum. */
static text *
summary_text(const Summaries *summaries, int i)
{
	StringInfoData joined;
	text *answer;

	initStringInfo(&joined);
	append_summary(&joined, summaries, i, SPACE);
	answer = slm_from_utf8((SlmText){joined.data, joined.len});
	pfree(joined.data);
	return answer;
}

typedef struct Summarize
{
	SlmBatch batch;
	int max_words;
	SlmText instructions;
	Summaries summaries; /* of the texts computed last */
} Summarize;

static SlmBatch *
check(SlmCall *call, FunctionCallInfo fcinfo)
{
	Summarize *summarize = palloc0_object(Summarize);

	summarize->max_words = arg_max_words(call, SUMMARIZE_MAX_WORDS);
	slm_arg_on_error(call, SUMMARIZE_ON_ERROR);
	return &summarize->batch;
}

static void
prepare(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch)
{
	Summarize *summarize = (Summarize *) batch;

	slm_call_model(call, SUMMARIZE_MODEL, SLM_DEFAULT_SUMMARIZE);
	summarize->instructions = slm_arg_instructions(call, SUMMARIZE_INSTRUCTIONS, NULL);
}

static void
key(SlmCall *call, SlmBatch *batch, SlmKey *key)
{
	const Summarize *summarize = (Summarize *) batch;

	slm_answer_key(call, key, SLM_ANSWER_SUMMARY);
	slm_key_bytes(key, &summarize->max_words, sizeof(summarize->max_words));
	slm_key_bytes(key, summarize->instructions.data, summarize->instructions.size);
}

static void
compute(SlmCall *call, SlmBatch *batch, const SlmText *text, int n, SlmStatus *row_status)
{
	Summarize *summarize = (Summarize *) batch;
	SlmStatus status;

	slm_call_begin_writing(call);
	status = make_summaries(call, text, n, summarize->max_words, summarize->instructions,
							&summarize->summaries, row_status);
	slm_call_end(call, status, row_status, n);
}

/* The summary in the database's encoding. */
static SlmAnswer
answer(SlmCall *call, SlmBatch *batch, int i)
{
	const Summarize *summarize = (Summarize *) batch;
	text *summary = summary_text(&summarize->summaries, i);

	return (SlmAnswer){VARDATA_ANY(summary), VARSIZE_ANY_EXHDR(summary)};
}

static void
emit(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null)
{
	value[1] = PointerGetDatum(cstring_to_text_with_len(answer->data, (int) answer->size));
	null[1] = false;
}

static const SlmRowOps ops = {check, prepare, key, compute, answer, emit};

SLM_ROW_FUNCTION(slm_summarize, SLM_VERB_SUMMARIZE, SUMMARIZE_ARGS, 1, ops, NULL);
SLM_ARRAY_FUNCTION(slm_summarize_batch, slm_summarize, "inputs");

/* ---- The aggregate ---- */

typedef struct Collected
{
	MemoryContext context; /* of all of this */
	int max_words;
	text *model;         /* NULL: the default setting's */
	StringInfoData rows; /* UTF-8, as are the summaries */
	StringInfoData summaries;
} Collected;

static Collected *
make_state(FunctionCallInfo fcinfo, int max_words, const text *model)
{
	MemoryContext aggregate;
	MemoryContext context;
	MemoryContext caller;
	Collected *state;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		elog(ERROR, "slm_summarize_trans called in non-aggregate context");
	context = AllocSetContextCreate(aggregate, "slm summarize_agg", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	state = palloc0_object(Collected);
	state->context = context;
	state->max_words = max_words;
	state->model = model != NULL ? (text *) DatumGetTextPCopy(PointerGetDatum(model)) : NULL;
	initStringInfo(&state->rows);
	initStringInfo(&state->summaries);
	MemoryContextSwitchTo(caller);
	return state;
}

/* The rows of a group make one summary: what it is to be is said once. */
static void
check_same(const Collected *state, int max_words, const text *model)
{
	if (max_words != state->max_words)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_words must be the same for all rows of a group")));
	if ((model == NULL) != (state->model == NULL) ||
		(model != NULL &&
		 (VARSIZE_ANY_EXHDR(model) != VARSIZE_ANY_EXHDR(state->model) ||
		  memcmp(VARDATA_ANY(model), VARDATA_ANY(state->model), VARSIZE_ANY_EXHDR(model)) != 0)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("model must be the same for all rows of a group")));
}

static void
append_text(StringInfo to, const char *data, Size size)
{
	if (to->len > 0)
		appendStringInfoString(to, BLANK_LINE);
	appendBinaryStringInfo(to, data, size);
}

/*
 * Appends a summary of input to out.  What is joined here is long by nature: the
 * caps on texts are those of single rows, which were checked.
 */
static void
summarize_part(SlmCall *call, SlmText input, int max_words, const char *separator, StringInfo out)
{
	SlmModelOptions options = call->ref->options;
	Summaries summaries;
	SlmStatus status;

	options.overflow = SLM_OVERFLOW_CHUNK;
	slm_call_begin_writing(call);
	call->run.options = &options;
	call->run.max_input_tokens = 0;
	status = make_summaries(call, &input, 1, max_words, slm_text(""), &summaries, NULL);
	slm_call_end(call, status, NULL, 1);
	if (out->len > 0)
		appendStringInfoString(out, separator);
	append_summary(out, &summaries, 0, separator);
}

/* Moves the rows, as a summary, to the summaries; those to one when they are too many. */
static void
map_rows(SlmCall *call, Collected *state, SlmText rows)
{
	summarize_part(call, rows, state->max_words, BLANK_LINE, &state->summaries);
	if (state->summaries.len > AGG_PART_BYTES)
	{
		StringInfoData all = state->summaries;
		MemoryContext caller = MemoryContextSwitchTo(state->context);

		initStringInfo(&state->summaries);
		MemoryContextSwitchTo(caller);
		summarize_part(call, (SlmText){all.data, all.len}, state->max_words, BLANK_LINE,
					   &state->summaries);
		pfree(all.data);
	}
}

static void
add_row(SlmCall *call, Collected *state, SlmText row)
{
	SlmStatus status;

	slm_call_begin(call);
	status = slm_task_check_size(&call->run, row, &call->err);
	slm_call_end(call, status, NULL, 1);

	if (state->rows.len > 0 && state->rows.len + row.size > AGG_PART_BYTES)
	{
		map_rows(call, state, (SlmText){state->rows.data, state->rows.len});
		resetStringInfo(&state->rows);
	}
	if (row.size > AGG_PART_BYTES)
		map_rows(call, state, row);
	else
		append_text(&state->rows, row.data, row.size);
}

static Datum
summarize_trans(SlmCall *call, FunctionCallInfo fcinfo)
{
	Collected *state = PG_ARGISNULL(AGG_STATE) ? NULL : (Collected *) PG_GETARG_POINTER(AGG_STATE);
	int max_words =
		PG_NARGS() > AGG_MAX_WORDS ? arg_max_words(call, AGG_MAX_WORDS) : DEFAULT_MAX_WORDS;
	text *model =
		PG_NARGS() > AGG_MODEL && !PG_ARGISNULL(AGG_MODEL) ? PG_GETARG_TEXT_PP(AGG_MODEL) : NULL;
	SlmText row;

	if (slm_arg_input(call, AGG_INPUT, &row))
	{
		slm_call_named_model(call, model, SLM_DEFAULT_SUMMARIZE);
		if (state == NULL)
			state = make_state(fcinfo, max_words, model);
		check_same(state, max_words, model);
		add_row(call, state, row);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

static Datum
summarize_final(SlmCall *call, FunctionCallInfo fcinfo)
{
	Collected *state;
	StringInfoData parts;
	StringInfoData answer;
	SlmText input;

	if (PG_ARGISNULL(AGG_STATE))
		PG_RETURN_NULL();
	state = (Collected *) PG_GETARG_POINTER(AGG_STATE);
	slm_call_named_model(call, state->model, SLM_DEFAULT_SUMMARIZE);
	call->counts.calls = call->counts.rows = 0; /* they count rows */

	/* The state stays as it is: a window may add more rows to it. */
	input = (SlmText){state->rows.data, state->rows.len};
	if (state->summaries.len > 0)
	{
		initStringInfo(&parts);
		append_text(&parts, state->summaries.data, state->summaries.len);
		if (input.size > 0)
			summarize_part(call, input, state->max_words, BLANK_LINE, &parts);
		input = (SlmText){parts.data, parts.len};
	}
	initStringInfo(&answer);
	summarize_part(call, input, state->max_words, SPACE, &answer);
	PG_RETURN_TEXT_P(slm_from_utf8((SlmText){answer.data, answer.len}));
}

PG_FUNCTION_INFO_V1(slm_summarize_trans);
PG_FUNCTION_INFO_V1(slm_summarize_final);

Datum
slm_summarize_trans(PG_FUNCTION_ARGS)
{
	return slm_call(fcinfo, SLM_VERB_SUMMARIZE_AGG, false, Min(PG_NARGS(), AGG_ARGS),
					summarize_trans);
}

Datum
slm_summarize_final(PG_FUNCTION_ARGS)
{
	return slm_call(fcinfo, SLM_VERB_SUMMARIZE_AGG, false, 1, summarize_final);
}
