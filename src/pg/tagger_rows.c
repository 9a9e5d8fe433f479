/*
 * tagger_rows.c - rows of a tagger: read, computed, cast, written
 *
 * Each phase is first tried for all rows at once, in a subtransaction; if that
 * fails it is done for each row in one of its own, so that a bad row costs the
 * others nothing but time, and its error is known.
 *
 * Whose fault an error is.  When reading, computing or writing fails, it is done for
 * no row: if that fails too, not a row is to blame but the model, its arguments or
 * the owner's rights, and the error is the tagger's: it is thrown.
 *
 * All of it runs as the table's owner.  SET CONSTRAINTS ALL IMMEDIATE comes first:
 * a trigger that were deferred would run at the commit, as whoever drains.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timeout.h"

#include "pg/catalog.h"
#include "pg/pg_compat.h"
#include "pg/tagger_rows.h"

#define ERROR_TEXT_BYTES 1000 /* kept of a message */

/* Moves open rows in [first, first + n) to their next states. */
typedef void Phase(SlmTagRows *rows, int first, int n);

/* ---- Plans ---- */

SPIPlanPtr
slm_tag_prepare(const char *sql, int n, const Oid *type)
{
	SPIPlanPtr plan = SPI_prepare(sql, n, (Oid *) type);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

void
slm_tag_execute(SPIPlanPtr plan, const Datum *value, const char *null)
{
	int rc = SPI_execute_plan(plan, (Datum *) value, null, false, 0);

	if (rc < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(rc));
}

/* The call of the task's array form. */
static SPIPlanPtr
prepare_compute(const SlmTagger *tagger)
{
	const SlmTaggerTask *task = tagger->task;
	Oid type[SLM_TASK_ARGS] = {TEXTARRAYOID};
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT b.ord, b.%s FROM %s.%s_batch($1", task->answer,
					 quote_identifier(get_namespace_name(slm_catalog_schema())), task->function);
	for (int i = 0; i < task->n_arg; i++)
	{
		type[i + 1] = slm_tagger_arg_type(task->arg[i], tagger->pinned);
		appendStringInfo(&sql, ", $%d", i + 2);
	}
	appendStringInfoString(&sql, ") AS b");
	return slm_tag_prepare(sql.data, task->n_arg + 1, type);
}

/* Runs it on an array of texts. */
static void
execute_compute(SPIPlanPtr plan, const SlmTagger *tagger, Datum inputs)
{
	Datum value[SLM_TASK_ARGS] = {inputs};
	char null[SLM_TASK_ARGS] = {' '};

	for (int i = 0; i < tagger->task->n_arg; i++)
	{
		value[i + 1] = tagger->value[tagger->task->arg[i]];
		null[i + 1] = tagger->null[tagger->task->arg[i]] ? 'n' : ' ';
	}
	slm_tag_execute(plan, value, null);
}

static void
prepare_row_plans(SlmTagRows *rows)
{
	const SlmTagTable *table = rows->table;
	const char *name = slm_tag_table_name(table);
	const char *condition = slm_tag_key_condition(table, 1);
	const char *source = slm_tag_column(table, table->source);
	const char *target = slm_tag_column(table, table->target);
	Oid type[INDEX_MAX_KEYS + 1];

	for (int i = 0; i < table->n_key; i++)
		type[i] = table->key[i].type;
	type[table->n_key] = get_atttype(RelationGetRelid(table->rel), table->target);
	rows->read = slm_tag_prepare(
		psprintf("SELECT t.%s::pg_catalog.text FROM %s AS t WHERE %s", source, name, condition),
		table->n_key, type);
	rows->lock =
		slm_tag_prepare(psprintf("SELECT t.%s::pg_catalog.text, t.%s FROM %s AS t WHERE %s "
								 "FOR NO KEY UPDATE SKIP LOCKED",
								 source, target, name, condition),
						table->n_key, type);
	rows->update = slm_tag_prepare(
		psprintf("UPDATE %s AS t SET %s = $%d WHERE %s", name, target, table->n_key + 1, condition),
		table->n_key + 1, type);
}

/* ---- Phases ---- */

/*
 * Runs a phase for some rows in a subtransaction.  NULL: it succeeded, and the
 * rows are in their next states.  A cancel is nobody's error, and thrown on.
 */
static ErrorData *
attempt(SlmTagRows *rows, Phase *phase, int first, int n)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		phase(rows, first, n);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;

	if (error == NULL)
	{
		for (int i = first; i < first + n; i++)
			if (rows->row[i].state == SLM_ROW_OPEN)
				rows->row[i].state = rows->row[i].next;
	}
	else if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	return error;
}

/* What a row's error makes of it. */
static void
note_error(SlmTagRows *rows, SlmTagRow *row, const ErrorData *error)
{
	MemoryContext caller;
	int size;

	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE)
	{
		row->state = SLM_ROW_BUSY;
		return;
	}
	caller = MemoryContextSwitchTo(rows->context);
	size = pg_mbcliplen(error->message, (int) strlen(error->message), ERROR_TEXT_BYTES);
	row->state = SLM_ROW_FAILED;
	row->sqlstate = error->sqlerrcode;
	row->error = pnstrdup(error->message, size);
	MemoryContextSwitchTo(caller);
}

/*
 * Runs a phase for all open rows, or, where that fails, for each.  probe, which
 * may be NULL, fails when the error is not a row's; that is thrown.
 */
static void
run_phase(SlmTagRows *rows, Phase *phase, Phase *probe)
{
	ErrorData *error = attempt(rows, phase, 0, rows->n);

	if (error == NULL)
		return;
	if (probe != NULL)
	{
		ErrorData *fault = attempt(rows, probe, 0, 0);

		if (fault != NULL)
			ReThrowError(fault);
	}
	FreeErrorData(error);
	for (int i = 0; i < rows->n; i++)
	{
		if (rows->row[i].state != SLM_ROW_OPEN)
			continue;
		error = attempt(rows, phase, i, 1);
		if (error != NULL)
		{
			note_error(rows, &rows->row[i], error);
			FreeErrorData(error);
		}
	}
}

/* Runs a plan for a row that there is not: fails where its owner has no right to the table. */
static void
run_for_none(SPIPlanPtr plan)
{
	Datum value[INDEX_MAX_KEYS] = {0};
	char null[INDEX_MAX_KEYS];

	memset(null, 'n', sizeof(null));
	slm_tag_execute(plan, value, null);
	SPI_freetuptable(SPI_tuptable);
}

static void
probe_reading(SlmTagRows *rows, int first, int n)
{
	run_for_none(rows->read);
}

static void
probe_writing(SlmTagRows *rows, int first, int n)
{
	run_for_none(rows->lock);
}

/* The text in column 1 of a result's first row, copied; NULL: null. */
static text *
first_text(MemoryContext context)
{
	bool null;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	MemoryContext caller = MemoryContextSwitchTo(context);
	text *copy = null ? NULL : DatumGetTextPCopy(value);

	MemoryContextSwitchTo(caller);
	return copy;
}

/* Keys of entries to texts of rows. */
static void
read_rows(SlmTagRows *rows, int first, int n)
{
	if (first == 0)
		rows->n_bytes = 0;
	for (int i = first; i < first + n; i++)
	{
		SlmTagRow *row = &rows->row[i];
		MemoryContext caller;

		if (row->state != SLM_ROW_OPEN)
			continue;
		row->next = SLM_ROW_AGAIN;
		if (rows->n_bytes >= SLM_TAGGER_BYTES)
			continue; /* the next batch's */
		caller = MemoryContextSwitchTo(rows->context);
		row->key = palloc_array(Datum, rows->table->n_key);
		slm_tag_key_in(rows->table, row->queued_key, row->key);
		MemoryContextSwitchTo(caller);
		slm_tag_execute(rows->read, row->key, NULL);
		row->next = SPI_processed > 0 ? SLM_ROW_OPEN : SLM_ROW_DONE;
		if (SPI_processed > 0)
			row->source = first_text(rows->context);
		if (row->source != NULL)
			rows->n_bytes += VARSIZE_ANY_EXHDR(row->source);
		SPI_freetuptable(SPI_tuptable);
	}
}

/* Texts to answers, by the task's array form. */
static void
compute_rows(SlmTagRows *rows, int first, int n)
{
	Datum *text = palloc_array(Datum, Max(n, 1));
	bool *null = palloc_array(bool, Max(n, 1));
	int *row_of = palloc_array(int, Max(n, 1));
	int n_text = 0;
	int lower_bound = 1;
	SPITupleTable *result;

	for (int i = first; i < first + n; i++)
	{
		if (rows->row[i].state != SLM_ROW_OPEN)
			continue;
		text[n_text] = PointerGetDatum(rows->row[i].source);
		null[n_text] = rows->row[i].source == NULL;
		row_of[n_text++] = i;
	}
	execute_compute(rows->compute, rows->tagger,
					PointerGetDatum(construct_md_array(text, null, 1, &n_text, &lower_bound,
													   TEXTOID, -1, false, TYPALIGN_INT)));
	result = SPI_tuptable;
	if (SPI_processed != (uint64) n_text)
		elog(ERROR, "%s gave " UINT64_FORMAT " rows for %d texts", rows->tagger->task->function,
			 SPI_processed, n_text);
	for (int i = 0; i < n_text; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(rows->context);
		bool no_ord;
		int ord = DatumGetInt32(SPI_getbinval(result->vals[i], result->tupdesc, 1, &no_ord));
		SlmTagRow *row = &rows->row[row_of[ord - 1]];

		row->answer = SPI_getbinval(result->vals[i], result->tupdesc, 2, &row->answer_null);
		if (!row->answer_null)
			row->answer = datumCopy(row->answer, false, -1);
		row->next = SLM_ROW_OPEN;
		MemoryContextSwitchTo(caller);
	}
	SPI_freetuptable(result);
	pfree(row_of);
	pfree(null);
	pfree(text);
}

/* Answers to values of the column's type. */
static void
cast_rows(SlmTagRows *rows, int first, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(rows->context);

	for (int i = first; i < first + n; i++)
	{
		SlmTagRow *row = &rows->row[i];

		if (row->state != SLM_ROW_OPEN)
			continue;
		row->null = row->answer_null;
		row->value = slm_tag_cast(&rows->cast, row->answer, &row->null);
		row->next = SLM_ROW_OPEN;
	}
	MemoryContextSwitchTo(caller);
}

/* Is the locked row's text still the one the answer is of? */
static bool
same_text(const text *a, const text *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		   memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static SlmTagState
write_row(SlmTagRows *rows, SlmTagRow *row)
{
	const SlmTagTable *table = rows->table;
	Datum value[INDEX_MAX_KEYS + 1];
	char null[INDEX_MAX_KEYS + 1];
	const text *source;
	Datum old;
	bool old_null;
	bool same;

	slm_tag_execute(rows->lock, row->key, NULL);
	if (SPI_processed == 0)
	{
		bool is_there;

		SPI_freetuptable(SPI_tuptable);
		slm_tag_execute(rows->read, row->key, NULL);
		is_there = SPI_processed > 0;
		SPI_freetuptable(SPI_tuptable);
		return is_there ? SLM_ROW_BUSY : SLM_ROW_DONE;
	}
	source = first_text(CurrentMemoryContext);
	old = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &old_null);
	same = old_null || row->null
			   ? old_null == row->null
			   : datum_image_eq(old, row->value, rows->cast.by_value, rows->cast.length);
	SPI_freetuptable(SPI_tuptable);
	if (!same_text(source, row->source))
		return SLM_ROW_AGAIN;
	if (same)
		return SLM_ROW_TAGGED;

	memset(null, ' ', sizeof(null));
	memcpy(value, row->key, table->n_key * sizeof(Datum));
	value[table->n_key] = row->value;
	null[table->n_key] = row->null ? 'n' : ' ';
	slm_tag_execute(rows->update, value, null);
	return SLM_ROW_TAGGED;
}

/* Values to rows that still have the texts. */
static void
write_rows(SlmTagRows *rows, int first, int n)
{
	const SlmOwnUpdate outer = slm_tagger_own_update;
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "slm tagged row", ALLOCSET_DEFAULT_SIZES);

	PG_TRY();
	{
		slm_tagger_own_update.tagger = rows->tagger->name;
		slm_tagger_own_update.depth = slm_trigger_depth();
		for (int i = first; i < first + n; i++)
		{
			MemoryContext caller = MemoryContextSwitchTo(row_context);

			if (rows->row[i].state == SLM_ROW_OPEN)
				rows->row[i].next = write_row(rows, &rows->row[i]);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(row_context);
		}
	}
	PG_FINALLY();
	{
		slm_tagger_own_update = outer;
	}
	PG_END_TRY();
	MemoryContextDelete(row_context);
}

/* ---- The phases in order ---- */

/* Has triggers that could wait for the commit run at once: then we are the table's owner no more. */
static void
defer_nothing(void)
{
	ConstraintsSetStmt *set = makeNode(ConstraintsSetStmt);

	set->deferred = false;
	AfterTriggerSetState(set);
}

/*
 * Reading, casting and writing run code of the table's owner (triggers, domains,
 * casts), which may take long or for ever.  Computing runs none, and takes what it
 * takes.
 */
static void
start_guard(const SlmTagRows *rows)
{
	const SlmTagBatch *request = rows->request;

	if (request->guard_ms <= 0)
		return;
	enable_timeout_after(STATEMENT_TIMEOUT, request->guard_ms);
	enable_timeout_after(request->guard, 2 * request->guard_ms);
}

static void
end_guard(const SlmTagRows *rows)
{
	if (rows->request->guard_ms <= 0)
		return;
	disable_timeout(rows->request->guard, false);
	disable_timeout(STATEMENT_TIMEOUT, false);
}

void
slm_tag_rows_prepare(SlmTagRows *rows)
{
	defer_nothing();
	start_guard(rows);
	slm_tag_cast_init(&rows->cast, rows->tagger->task->result, rows->table->rel,
					  rows->table->target);
	prepare_row_plans(rows);
	rows->compute = prepare_compute(rows->tagger);
	end_guard(rows);
}

void
slm_tag_rows_read(SlmTagRows *rows)
{
	start_guard(rows);
	run_phase(rows, read_rows, probe_reading);
	end_guard(rows);
}

void
slm_tag_rows_compute(SlmTagRows *rows)
{
	run_phase(rows, compute_rows, compute_rows); /* of no rows, an empty array's */
}

void
slm_tag_rows_write(SlmTagRows *rows)
{
	start_guard(rows);
	run_phase(rows, cast_rows, NULL);
	run_phase(rows, write_rows, probe_writing);
	end_guard(rows);
}

/* ---- Asking ahead ---- */

void
slm_tagger_probe(const SlmTagger *tagger, const SlmTagTable *table)
{
	SlmTagRole role;

	SPI_connect();
	slm_tag_become_owner(table, &role);
	execute_compute(prepare_compute(tagger), tagger,
					PointerGetDatum(construct_empty_array(TEXTOID)));
	slm_tag_become_caller(&role);
	SPI_finish();
}
