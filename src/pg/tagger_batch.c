/*
 * tagger_batch.c - some rows of a tagger: read, computed, written, settled
 *
 * All of a batch happens in one transaction, so that an answer and the end of its
 * entry become true together.  What a row can come to:
 *
 *   done     the answer is written, or there already, or the row is gone
 *   again    the row has another text by now: its entry stays as it is
 *   busy     somebody has the row locked: its entry is due a little later
 *   failed   its entry says why, and when it is tried again, if ever
 *
 * A backfill's rows come from the table itself and have no entries; those that
 * are not done get one.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "pg/activity.h"
#include "pg/pg_compat.h"
#include "pg/tagger_rows.h"

#define BUSY_MS 1000 /* until a locked row is tried again */

typedef struct Batch
{
	SlmTagBatch *request;
	SlmTagRows rows;
} Batch;

/* ---- Settling ---- */

/* When something that has failed so often is tried again. */
TimestampTz
slm_tagger_next_try(int n_failure)
{
	int seconds = n_failure < 9 ? 1 << n_failure : SLM_TAGGER_RETRY_S;

	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									   (int64) Min(seconds, SLM_TAGGER_RETRY_S) * 1000);
}

/* The entries of rows in some states, as tid[]; NULL when there are none. */
static ArrayType *
entries_of(Batch *batch, uint32 states)
{
	Datum *tid = palloc_array(Datum, batch->rows.n);
	int n = 0;

	for (int i = 0; i < batch->rows.n; i++)
		if ((states >> batch->rows.row[i].state & 1) != 0)
			tid[n++] = PointerGetDatum(&batch->rows.row[i].entry);
	return n == 0 ? NULL
				  : construct_array(tid, n, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT);
}

/* What of an entry tells of its failure. */
static void
failure_values(const Batch *batch, const SlmTagRow *row, Datum *value)
{
	int attempts = row->attempts + 1;
	TimestampTz due;

	if (attempts < batch->rows.tagger->max_attempts)
		due = slm_tagger_next_try(attempts);
	else
		TIMESTAMP_NOEND(due);
	value[0] = TimestampTzGetDatum(due);
	value[1] = Int32GetDatum(attempts);
	value[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	value[3] = CStringGetTextDatum(unpack_sql_state(row->sqlstate));
	value[4] = CStringGetTextDatum(row->error);
}

/*
 * Ends the entries of rows that are done, and earlier ones that were given up, and
 * notes in others what became of them.
 */
static void
settle_entries(Batch *batch)
{
	const Oid by_tid[] = {TIDARRAYOID, TIMESTAMPTZOID};
	const Oid given_up[] = {TIDARRAYOID, TEXTOID};
	const Oid failure[] = {TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TIDOID};
	ArrayType *entries = entries_of(batch, 1u << SLM_ROW_DONE | 1u << SLM_ROW_TAGGED);
	Datum value[lengthof(failure)];

	if (entries != NULL)
	{
		value[0] = PointerGetDatum(entries);
		value[1] = CStringGetTextDatum(batch->rows.tagger->name);
		slm_tagger_sql(
			"DELETE FROM @.slm_tagger_queue g WHERE g.tagger = $2 AND g.due = 'infinity' "
			"AND g.key IN (SELECT e.key FROM @.slm_tagger_queue e "
			"WHERE e.ctid = ANY ($1))",
			lengthof(given_up), given_up, value, NULL);
	}
	entries = entries_of(batch, 1u << SLM_ROW_DONE | 1u << SLM_ROW_TAGGED | 1u << SLM_ROW_DOUBLE);
	if (entries != NULL)
	{
		value[0] = PointerGetDatum(entries);
		slm_tagger_sql("DELETE FROM @.slm_tagger_queue WHERE ctid = ANY ($1)", 1, by_tid, value,
					   NULL);
	}
	entries = entries_of(batch, 1u << SLM_ROW_BUSY);
	if (entries != NULL)
	{
		value[0] = PointerGetDatum(entries);
		value[1] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BUSY_MS));
		slm_tagger_sql("UPDATE @.slm_tagger_queue SET due = $2 WHERE ctid = ANY ($1)", 2, by_tid,
					   value, NULL);
	}
	for (int i = 0; i < batch->rows.n; i++)
	{
		if (batch->rows.row[i].state != SLM_ROW_FAILED)
			continue;
		failure_values(batch, &batch->rows.row[i], value);
		value[5] = PointerGetDatum(&batch->rows.row[i].entry);
		slm_tagger_sql("UPDATE @.slm_tagger_queue SET due = $1, attempts = $2, failed_at = $3, "
					   "sqlstate = $4, error = $5 WHERE ctid = $6",
					   lengthof(failure), failure, value, NULL);
	}
}

/* Rows of a backfill that could not be done get entries. */
static void
queue_rest(Batch *batch)
{
	const Oid type[] = {TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID, TEXTOID,
						TEXTOID,        TEXTOID, TEXTARRAYOID};
	int nest_level = slm_tag_portable_output();

	for (int i = 0; i < batch->rows.n; i++)
	{
		SlmTagRow *row = &batch->rows.row[i];
		Datum value[lengthof(type)] = {0};
		char null[] = "nnnnn  ";

		if (row->state == SLM_ROW_DONE || row->state == SLM_ROW_TAGGED)
			continue;
		if (row->state == SLM_ROW_FAILED)
		{
			failure_values(batch, row, value);
			memset(null, ' ', 5);
		}
		else
		{
			value[0] = TimestampTzGetDatum(GetCurrentTimestamp());
			value[1] = Int32GetDatum(0);
			null[0] = null[1] = ' ';
		}
		value[5] = CStringGetTextDatum(batch->rows.tagger->name);
		value[6] = slm_tag_key_out_values(batch->rows.table, row->key);
		slm_tagger_sql("INSERT INTO @.slm_tagger_queue (due, attempts, failed_at, sqlstate, error, "
					   "tagger, key) VALUES ($1, $2, $3, $4, $5, $6, $7)",
					   lengthof(type), type, value, null);
	}
	AtEOXact_GUC(false, nest_level);
}

/* Counts, and forgets what kept the tagger before. */
static void
settle_progress(Batch *batch)
{
	const Oid type[] = {TEXTOID, INT8OID};
	SlmTagBatch *request = batch->request;
	Datum value[lengthof(type)];

	for (int i = 0; i < batch->rows.n; i++)
	{
		request->n_tagged += batch->rows.row[i].state == SLM_ROW_TAGGED;
		request->n_failed += batch->rows.row[i].state == SLM_ROW_FAILED;
	}
	request->n_row = batch->rows.n;
	value[0] = CStringGetTextDatum(batch->rows.tagger->name);
	value[1] = Int64GetDatum(request->n_tagged);
	slm_tagger_sql("INSERT INTO @.slm_tagger_progress AS p (tagger, tagged, failures) "
				   "VALUES ($1, $2, 0) ON CONFLICT (tagger) DO UPDATE SET tagged = p.tagged + $2, "
				   "failures = 0, retry_at = NULL, sqlstate = NULL, error = NULL",
				   lengthof(type), type, value, NULL);
}

/* ---- Batches ---- */

/*
 * Finds the tagger and locks its table.  What was read before the lock may have
 * changed meanwhile, so it is read again.
 */
static SlmTagOutcome
open_batch(Batch *batch)
{
	SlmTagBatch *request = batch->request;
	SlmTagger *before = slm_tagger_find(request->name);
	Relation rel;

	if (before == NULL)
		return SLM_TAG_GONE;
	if (request->wait)
		LockRelationOid(before->relid, RowExclusiveLock);
	else if (!ConditionalLockRelationOid(before->relid, RowExclusiveLock))
		return SLM_TAG_BUSY;
	batch->rows.tagger = slm_tagger_find(request->name);
	if (batch->rows.tagger == NULL || batch->rows.tagger->relid != before->relid ||
		!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(before->relid)))
		return SLM_TAG_GONE;
	if (batch->rows.tagger->paused)
		return SLM_TAG_PAUSED;
	rel = table_open(before->relid, NoLock);
	if (slm_tag_triggers(rel, request->name) == NIL)
	{
		table_close(rel, NoLock);
		return SLM_TAG_DETACHED;
	}
	batch->rows.table = slm_tag_table(batch->rows.tagger, rel);
	slm_tag_table_check(batch->rows.tagger, batch->rows.table);
	return SLM_TAG_DID;
}

static Datum
copy_column(Batch *batch, HeapTuple tuple, TupleDesc desc, int column, bool by_value, int16 length)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->rows.context);
	bool null;
	Datum value = SPI_getbinval(tuple, desc, column, &null);

	if (!by_value && length == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	else
		value = datumCopy(value, by_value, length);
	MemoryContextSwitchTo(caller);
	return value;
}

/* Takes entries that are due, and finds those of one key. */
static void
claim(Batch *batch)
{
	const Oid type[] = {TEXTOID, TIMESTAMPTZOID, INT8OID};
	Datum value[] = {CStringGetTextDatum(batch->rows.tagger->name),
					 TimestampTzGetDatum(batch->request->due),
					 Int64GetDatum(Min(batch->request->limit, SLM_TAGGER_ROWS))};
	SPITupleTable *result;

	batch->rows.n = (int) slm_tagger_sql(
		"SELECT q.ctid, q.attempts, q.key FROM @.slm_tagger_queue q WHERE q.tagger = $1 "
		"AND q.due <= $2 ORDER BY q.due LIMIT $3 FOR UPDATE SKIP LOCKED",
		lengthof(type), type, value, NULL);
	result = SPI_tuptable;
	batch->rows.row =
		MemoryContextAllocZero(batch->rows.context, Max(batch->rows.n, 1) * sizeof(SlmTagRow));
	for (int i = 0; i < batch->rows.n; i++)
	{
		HeapTuple tuple = result->vals[i];
		SlmTagRow *row = &batch->rows.row[i];
		bool null;

		row->entry =
			*(ItemPointer) DatumGetPointer(SPI_getbinval(tuple, result->tupdesc, 1, &null));
		row->attempts = DatumGetInt32(SPI_getbinval(tuple, result->tupdesc, 2, &null));
		row->queued_key = copy_column(batch, tuple, result->tupdesc, 3, false, -1);
		for (int j = 0; j < i && row->state == SLM_ROW_OPEN; j++)
			if (datum_image_eq(row->queued_key, batch->rows.row[j].queued_key, false, -1))
				row->state = SLM_ROW_DOUBLE;
	}
	SPI_freetuptable(result);
}

static void
start_batch(Batch *batch, SlmTagBatch *request)
{
	memset(batch, 0, sizeof(*batch));
	request->n_row = request->n_tagged = request->n_failed = 0;
	batch->request = request;
	batch->rows.request = request;
	batch->rows.context =
		AllocSetContextCreate(CurrentMemoryContext, "slm tagged rows", ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_batch(Batch *batch)
{
	if (batch->rows.table != NULL)
		table_close(batch->rows.table->rel, NoLock);
	PopActiveSnapshot();
	SPI_finish();
	MemoryContextDelete(batch->rows.context);
}

SlmTagOutcome
slm_tag_queue_batch(SlmTagBatch *request)
{
	Batch batch;
	SlmTagOutcome outcome;
	SlmTagRole role;

	start_batch(&batch, request);
	outcome = open_batch(&batch);
	if (outcome == SLM_TAG_DID)
		claim(&batch);
	if (batch.rows.n > 0)
	{
		slm_tag_become_owner(batch.rows.table, &role);
		slm_activity_begin(SLM_ACTIVITY_TAGGER, GetUserId(), request->name, NULL);
		slm_tag_rows_prepare(&batch.rows);
		slm_tag_rows_read(&batch.rows);
		slm_tag_rows_compute(&batch.rows);
		slm_tag_rows_write(&batch.rows);
		slm_tag_become_caller(&role);
		settle_entries(&batch);
		settle_progress(&batch);
		slm_activity_add(SLM_ACTIVITY_TAGGER, request->n_row, 0);
	}
	end_batch(&batch);
	return outcome;
}

/* ---- Backfills ---- */

/* Reads rows behind a position, in the order of the primary key; as the table's owner. */
static void
scan_table(Batch *batch, Datum position, bool all_rows)
{
	const SlmTagTable *table = batch->rows.table;
	int limit = Min(batch->request->limit, SLM_TAGGER_ROWS);
	StringInfoData columns;
	StringInfoData order;
	StringInfoData parameters;
	StringInfoData sql;
	Datum value[INDEX_MAX_KEYS];
	Oid type[INDEX_MAX_KEYS];
	SPITupleTable *result;
	int nest_level;
	int n_found;

	initStringInfo(&columns);
	initStringInfo(&order);
	initStringInfo(&parameters);
	initStringInfo(&sql);
	for (int i = 0; i < table->n_key; i++)
	{
		const SlmTagKey *key = &table->key[i];
		const char *comma = i > 0 ? ", " : "";
		const char *column = slm_tag_column(table, key->attnum);

		type[i] = key->type;
		appendStringInfo(&columns, "%st.%s", comma, column);
		appendStringInfo(&order, "%st.%s USING %s", comma, column, slm_tag_operator(key->less));
		appendStringInfo(&parameters, "%s$%d", comma, i + 1);
		if (strcmp(slm_tag_operator(key->greater), slm_tag_operator(table->key[0].greater)) != 0)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("the primary key has operators of several schemas")));
	}
	appendStringInfo(&sql, "SELECT %s, t.%s::pg_catalog.text FROM %s AS t WHERE true", columns.data,
					 slm_tag_column(table, table->source), slm_tag_table_name(table));
	if (!all_rows)
		appendStringInfo(&sql, " AND t.%s IS NULL", slm_tag_column(table, table->target));
	if (DatumGetPointer(position) != NULL)
	{
		appendStringInfo(&sql, " AND ROW(%s) %s ROW(%s)", columns.data,
						 slm_tag_operator(table->key[0].greater), parameters.data);
		slm_tag_key_in(table, position, value);
	}
	appendStringInfo(&sql, " ORDER BY %s LIMIT %d", order.data, limit);
	nest_level = slm_tagger_go_by_indexes();
	slm_tag_execute(
		slm_tag_prepare(sql.data, DatumGetPointer(position) != NULL ? table->n_key : 0, type),
		value, NULL);
	AtEOXact_GUC(false, nest_level);
	result = SPI_tuptable;
	n_found = (int) SPI_processed;
	batch->rows.row =
		MemoryContextAllocZero(batch->rows.context, Max(n_found, 1) * sizeof(SlmTagRow));
	while (batch->rows.n < n_found && batch->rows.n_bytes < SLM_TAGGER_BYTES)
	{
		HeapTuple tuple = result->vals[batch->rows.n];
		SlmTagRow *row = &batch->rows.row[batch->rows.n++];
		bool null;

		row->key = MemoryContextAlloc(batch->rows.context, table->n_key * sizeof(Datum));
		for (int i = 0; i < table->n_key; i++)
			row->key[i] = copy_column(batch, tuple, result->tupdesc, i + 1, table->key[i].by_value,
									  table->key[i].length);
		(void) SPI_getbinval(tuple, result->tupdesc, table->n_key + 1, &null);
		if (null)
			continue;
		row->source =
			DatumGetTextPP(copy_column(batch, tuple, result->tupdesc, table->n_key + 1, false, -1));
		batch->rows.n_bytes += VARSIZE_ANY_EXHDR(row->source);
	}
	SPI_freetuptable(result);
}

SlmTagOutcome
slm_tag_backfill_batch(SlmTagBatch *request, bool all_rows, bool *done)
{
	const Oid type[] = {TEXTOID, TEXTARRAYOID, INT8OID};
	Batch batch;
	SlmTagOutcome outcome;
	SlmTagRole role;
	Datum value[lengthof(type)];
	Datum position;
	bool null;
	int nest_level;

	*done = true;
	start_batch(&batch, request);
	outcome = open_batch(&batch);
	if (outcome != SLM_TAG_DID)
	{
		end_batch(&batch);
		return outcome;
	}
	value[0] = CStringGetTextDatum(request->name);
	if (slm_tagger_sql("SELECT b.key FROM @.slm_tagger_backfill b WHERE b.tagger = $1 FOR UPDATE",
					   1, type, value, NULL) != 1)
		elog(ERROR, "backfill of tagger \"%s\" has no position", request->name);
	position = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	position =
		null ? PointerGetDatum(NULL)
			 : copy_column(&batch, SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, false, -1);

	slm_tag_become_owner(batch.rows.table, &role);
	scan_table(&batch, position, all_rows);
	*done = batch.rows.n == 0;
	if (batch.rows.n > 0)
	{
		slm_tag_rows_prepare(&batch.rows);
		slm_tag_rows_compute(&batch.rows);
		slm_tag_rows_write(&batch.rows);
	}
	slm_tag_become_caller(&role);
	if (batch.rows.n > 0)
	{
		queue_rest(&batch);
		settle_progress(&batch);
		nest_level = slm_tag_portable_output();
		value[1] = slm_tag_key_out_values(batch.rows.table, batch.rows.row[batch.rows.n - 1].key);
		AtEOXact_GUC(false, nest_level);
		value[2] = Int64GetDatum(batch.rows.n);
		slm_tagger_sql("UPDATE @.slm_tagger_backfill SET key = $2, seen = seen + $3 "
					   "WHERE tagger = $1",
					   lengthof(type), type, value, NULL);
	}
	else
		slm_tagger_sql(
			"UPDATE @.slm_tagger_backfill SET finished_at = pg_catalog.clock_timestamp() "
			"WHERE tagger = $1",
			1, type, value, NULL);
	end_batch(&batch);
	return outcome;
}
