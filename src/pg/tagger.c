/*
 * tagger.c - SQL functions that make, end, hold and run taggers
 *
 * A tagger is what a row of slm_tagger says and the triggers that
 * slm_create_tagger() puts on the table; it belongs to the table's owner, as the
 * triggers do.  The triggers are made and dropped by DDL with the caller's rights.
 *
 * The two procedures commit after each batch; they hold nothing from one to the
 * next but names and numbers.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "pg/activity.h"
#include "pg/catalog.h"
#include "pg/pg_compat.h"
#include "pg/tagger.h"

PG_FUNCTION_INFO_V1(slm_create_tagger);
PG_FUNCTION_INFO_V1(slm_create_tagger_pinned);
PG_FUNCTION_INFO_V1(slm_drop_tagger);
PG_FUNCTION_INFO_V1(slm_pause_tagger);
PG_FUNCTION_INFO_V1(slm_resume_tagger);
PG_FUNCTION_INFO_V1(slm_retry_tagger);
PG_FUNCTION_INFO_V1(slm_drain_taggers);
PG_FUNCTION_INFO_V1(slm_tag_backfill);

#define FIRST_LIMIT 16   /* rows of a procedure's first batch */
#define PROGRESS_MS 5000 /* between two notices */
#define TRIGGER_PREFIX "slm_tag"

/* Arguments of slm_create_tagger(), in order: their attributes in slm_tagger. */
static const int8 create_argument[] = {
	TAGGER_RELATION,     TAGGER_SOURCE,         TAGGER_TARGET,       TAGGER_TASK,
	TAGGER_MODEL,        TAGGER_LABELS,         TAGGER_DESCRIPTIONS, TAGGER_SCHEMA,
	TAGGER_INSTRUCTIONS, TAGGER_MIN_CONFIDENCE, TAGGER_MAX_WORDS,    TAGGER_PURPOSE,
	TAGGER_DIMENSIONS,   TAGGER_ON_ERROR,       TAGGER_MODE,         TAGGER_MAX_ATTEMPTS,
	TAGGER_NAME,
};

/* ---- Creating ---- */

/* Fills a definition with the arguments; what is not checked here is checked by a first call. */
static SlmTagger *
take_arguments(FunctionCallInfo fcinfo, bool pinned)
{
	SlmTagger *tagger = palloc0(sizeof(SlmTagger));

	if (PG_NARGS() != lengthof(create_argument))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("declaration of slm_create_tagger() does not fit this version of slm")));
	memset(tagger->null, true, sizeof(tagger->null));
	for (int i = 0; i < lengthof(create_argument); i++)
	{
		tagger->value[create_argument[i]] = PG_GETARG_DATUM(i);
		tagger->null[create_argument[i]] = PG_ARGISNULL(i);
		if (i < 4 && PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("table, columns and task of a tagger must not be null")));
	}
	if (pinned && tagger->null[TAGGER_MODEL])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("pinned model must not be null")));
	tagger->value[TAGGER_PINNED] = BoolGetDatum(pinned);
	tagger->value[TAGGER_PAUSED] = BoolGetDatum(false);
	tagger->null[TAGGER_PINNED] = tagger->null[TAGGER_PAUSED] = false;
	return tagger;
}

static void
set_default(SlmTagger *tagger, int attribute, Datum value)
{
	if (!tagger->null[attribute])
		return;
	tagger->value[attribute] = value;
	tagger->null[attribute] = false;
}

/* Checks what stands in the arguments alone, and fills in defaults. */
static void
check_arguments(SlmTagger *tagger, Relation rel)
{
	char *task_name = TextDatumGetCString(tagger->value[TAGGER_TASK]);
	const SlmTaggerTask *task = slm_tagger_task(task_name);
	char *mode;

	if (task == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid task of a tagger: \"%s\"", task_name),
						errhint("Tasks are %s.", slm_tagger_task_names())));
	for (int i = TAGGER_FIRST_ARGUMENT; i <= TAGGER_LAST_ARGUMENT; i++)
	{
		bool known = tagger->null[i];

		for (int j = 0; j < task->n_arg && !known; j++)
			known = task->arg[j] == i;
		if (!known)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("task \"%s\" does not take \"%s\"", task_name,
								   slm_tagger_arg_name(i))));
	}
	set_default(tagger, TAGGER_ON_ERROR, CStringGetTextDatum("error"));
	set_default(tagger, TAGGER_MODE, CStringGetTextDatum("queued"));
	set_default(tagger, TAGGER_MAX_ATTEMPTS, Int32GetDatum(5));
	if (slm_default_model[task->model] != NULL && slm_default_model[task->model][0] != '\0')
		set_default(tagger, TAGGER_MODEL, CStringGetTextDatum(slm_default_model[task->model]));
	set_default(tagger, TAGGER_NAME,
				CStringGetTextDatum(
					makeObjectName(RelationGetRelationName(rel),
								   NameStr(*DatumGetName(tagger->value[TAGGER_TARGET])), NULL)));
	slm_tagger_fill(tagger);

	mode = TextDatumGetCString(tagger->value[TAGGER_MODE]);
	if (!tagger->immediate && strcmp(mode, "queued") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid mode of a tagger: \"%s\"", mode),
						errhint("Modes are \"queued\" and \"immediate\".")));
	if (tagger->max_attempts < 1 || tagger->max_attempts > SLM_TAGGER_MAX_ATTEMPTS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_attempts must be between 1 and %d", SLM_TAGGER_MAX_ATTEMPTS)));
	if (tagger->name[0] == '\0' || strlen(tagger->name) >= NAMEDATALEN)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("a tagger's name must have 1 to %d bytes", NAMEDATALEN - 1)));
}

/* Checks what kind of table it is. */
static void
check_relation(Relation rel)
{
	char kind = rel->rd_rel->relkind;

	if (!object_ownercheck(RelationRelationId, RelationGetRelid(rel), GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(kind), RelationGetRelationName(rel));
	if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) || IsSystemRelation(rel))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table that can be tagged", RelationGetRelationName(rel))));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("temporary table \"%s\" cannot be tagged", RelationGetRelationName(rel)),
				 errdetail("Other sessions do not see its rows.")));
}

/* Checks the columns, and that no other tagger has this one's name or target. */
static void
check_columns(const SlmTagger *tagger, const SlmTagTable *table)
{
	TupleDesc desc = RelationGetDescr(table->rel);
	SlmTagCast cast;
	SlmTagRole role;
	List *others = slm_tagger_list();
	ListCell *cell;

	if (table->source == table->target)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source and target of a tagger must be two columns")));
	if (TupleDescAttr(desc, table->target - 1)->attgenerated != '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("column \"%s\" is a generated column", tagger->target)));
	if (tagger->immediate && TupleDescAttr(desc, table->source - 1)->attgenerated != '\0')
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("column \"%s\" is a generated column", tagger->source),
						errdetail("It has no value yet when an immediate tagger needs it.")));
	for (int i = 0; i < table->n_key; i++)
		if (table->key[i].attnum == table->target)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("column \"%s\" is in the primary key", tagger->target)));
	slm_tag_become_owner(table, &role);
	slm_tag_cast_init(&cast, tagger->task->result, table->rel, table->target);
	slm_tag_become_caller(&role);
	foreach (cell, others)
	{
		const SlmTagger *other = lfirst(cell);

		if (strcmp(other->name, tagger->name) == 0)
			ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
							errmsg("tagger \"%s\" already exists", tagger->name)));
		if (other->relid == tagger->relid && strcmp(other->target, tagger->target) == 0)
			ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
							errmsg("column \"%s\" of relation \"%s\" already has a tagger",
								   tagger->target, RelationGetRelationName(table->rel)),
							errdetail("It is \"%s\".", other->name)));
	}
}

/* Refuses a ring of taggers, which would never come to rest. */
static void
check_ring(const SlmTagger *tagger)
{
	List *others = slm_tagger_list();
	List *reached = list_make1(tagger->target);

	for (int i = 0; i < list_length(reached); i++)
	{
		const char *column = list_nth(reached, i);
		ListCell *cell;

		if (strcmp(column, tagger->source) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("taggers must not feed each other in a ring")));
		foreach (cell, others)
		{
			SlmTagger *other = lfirst(cell);

			if (other->relid == tagger->relid && strcmp(other->source, column) == 0)
				reached = lappend(reached, other->target);
		}
	}
}

static void
create_triggers(const SlmTagger *tagger, Relation rel)
{
	const char *schema = quote_identifier(get_namespace_name(slm_catalog_schema()));
	const char *argument = quote_literal_cstr(tagger->name);
	const char *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												   RelationGetRelationName(rel));
	const char *insert = quote_identifier(makeObjectName(TRIGGER_PREFIX, tagger->name, "insert"));
	const char *update = quote_identifier(makeObjectName(TRIGGER_PREFIX, tagger->name, "update"));
	const char *both = quote_identifier(makeObjectName(TRIGGER_PREFIX, tagger->name, NULL));

	if (tagger->immediate)
	{
		slm_catalog_run_ddl(psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW "
									 "EXECUTE FUNCTION %s.slm_tagger_at_once(%s)",
									 both, table, schema, argument));
		return;
	}
	slm_catalog_run_ddl(
		psprintf("CREATE TRIGGER %s AFTER INSERT ON %s REFERENCING NEW TABLE AS new "
				 "FOR EACH STATEMENT EXECUTE FUNCTION %s.slm_tagger_enqueue(%s)",
				 insert, table, schema, argument));
	slm_catalog_run_ddl(
		psprintf("CREATE TRIGGER %s AFTER UPDATE ON %s REFERENCING OLD TABLE AS old "
				 "NEW TABLE AS new FOR EACH STATEMENT EXECUTE FUNCTION "
				 "%s.slm_tagger_enqueue(%s)",
				 update, table, schema, argument));
}

static void
store_definition(const SlmTagger *tagger)
{
	static const Oid type[N_TAGGER] = {TEXTOID,  REGCLASSOID, NAMEOID,   NAMEOID,      TEXTOID,
									   TEXTOID,  TEXTOID,     BOOLOID,   TEXTARRAYOID, JSONBOID,
									   JSONBOID, TEXTOID,     FLOAT4OID, INT4OID,      TEXTOID,
									   INT4OID,  TEXTOID,     INT4OID,   BOOLOID};
	char null[N_TAGGER];
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "INSERT INTO @.slm_tagger VALUES (");
	for (int i = 0; i < N_TAGGER; i++)
	{
		null[i] = tagger->null[i + 1] ? 'n' : ' ';
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
	}
	appendStringInfoChar(&sql, ')');
	slm_tagger_sql(sql.data, N_TAGGER, type, tagger->value + 1, null);
}

static Datum
create_tagger(FunctionCallInfo fcinfo, bool pinned)
{
	SlmTagger *tagger = take_arguments(fcinfo, pinned);
	Relation rel;
	SlmTagTable *table;

	rel = relation_open(DatumGetObjectId(tagger->value[TAGGER_RELATION]), AccessShareLock);
	check_relation(rel);
	check_arguments(tagger, rel);
	table = slm_tag_table(tagger, rel);
	slm_tag_table_check(tagger, table);
	slm_tagger_probe(tagger, table); /* which may take long, the first time */

	/* What CREATE TRIGGER takes: nothing is written meanwhile, nor another tagger made. */
	LockRelationOid(RelationGetRelid(rel), ShareRowExclusiveLock);
	check_columns(tagger, table);
	check_ring(tagger);

	SPI_connect();
	slm_tagger_forget(tagger->name); /* what one left behind that ended without its event trigger */
	store_definition(tagger);
	SPI_finish();
	create_triggers(tagger, rel);
	relation_close(rel, NoLock);
	PG_RETURN_DATUM(tagger->value[TAGGER_NAME]);
}

/*
 * slm_create_tagger(relation regclass, source name, target name, task text, model,
 * ..., mode text, max_attempts int, name text) returns text
 */
Datum
slm_create_tagger(PG_FUNCTION_ARGS)
{
	return create_tagger(fcinfo, false);
}

Datum
slm_create_tagger_pinned(PG_FUNCTION_ARGS)
{
	return create_tagger(fcinfo, true);
}

/* ---- Holding and ending ---- */

/* A tagger that the caller may do something with, or an error. */
static SlmTagger *
find_own(const char *name)
{
	SlmTagger *tagger = slm_tagger_find(name);

	if (tagger == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("tagger \"%s\" does not exist", name)));
	if (!object_ownercheck(RelationRelationId, tagger->relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(tagger->relid));
	return tagger;
}

/* slm_drop_tagger(name text) returns void */
Datum
slm_drop_tagger(PG_FUNCTION_ARGS)
{
	SlmTagger *tagger = find_own(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	Relation rel = try_relation_open(tagger->relid, AccessExclusiveLock);

	if (rel != NULL)
	{
		List *commands = NIL;
		ListCell *cell;

		foreach (cell, slm_tag_triggers(rel, tagger->name))
			commands = lappend(
				commands,
				psprintf("DROP TRIGGER %s ON %s",
						 quote_identifier(((Trigger *) lfirst(cell))->tgname),
						 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
													RelationGetRelationName(rel))));
		relation_close(rel, NoLock);
		foreach (cell, commands)
			slm_catalog_run_ddl(lfirst(cell));
	}
	SPI_connect();
	slm_tagger_forget(tagger->name);
	SPI_finish();
	PG_RETURN_VOID();
}

static void
set_paused(const char *name, bool paused)
{
	const Oid type[] = {TEXTOID, BOOLOID};
	const Datum value[] = {CStringGetTextDatum(name), BoolGetDatum(paused)};

	SPI_connect();
	slm_tagger_sql("UPDATE @.slm_tagger SET paused = $2 WHERE name = $1", lengthof(type), type,
				   value, NULL);
	if (!paused)
		slm_tagger_sql("UPDATE @.slm_tagger_progress SET failures = 0, retry_at = NULL, "
					   "sqlstate = NULL, error = NULL WHERE tagger = $1",
					   1, type, value, NULL);
	SPI_finish();
}

/* slm_pause_tagger(name text) returns void */
Datum
slm_pause_tagger(PG_FUNCTION_ARGS)
{
	SlmTagger *tagger = find_own(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (tagger->immediate)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("tagger \"%s\" is immediate", tagger->name),
						errhint("ALTER TABLE ... DISABLE TRIGGER holds it.")));
	set_paused(tagger->name, true);
	PG_RETURN_VOID();
}

/* slm_resume_tagger(name text) returns void */
Datum
slm_resume_tagger(PG_FUNCTION_ARGS)
{
	SlmTagger *tagger = find_own(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	set_paused(tagger->name, false);
	slm_tagger_call_worker();
	PG_RETURN_VOID();
}

/* slm_retry_tagger(name text) returns bigint */
Datum
slm_retry_tagger(PG_FUNCTION_ARGS)
{
	SlmTagger *tagger = find_own(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	const Oid type = TEXTOID;
	const Datum value = CStringGetTextDatum(tagger->name);
	uint64 n;

	SPI_connect();
	n = slm_tagger_sql("UPDATE @.slm_tagger_queue SET due = pg_catalog.now(), attempts = 0 "
					   "WHERE tagger = $1 AND due = 'infinity'",
					   1, &type, &value, NULL);
	SPI_finish();
	if (n > 0)
		slm_tagger_call_worker();
	PG_RETURN_INT64((int64) n);
}

/* ---- Procedures ---- */

/* Connects, so that batches can be committed one by one. */
static void
start_procedure(FunctionCallInfo fcinfo, const char *name)
{
	bool atomic = fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
				  ((CallContext *) fcinfo->context)->atomic;

	if (atomic)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
						errmsg("%s commits after each batch and cannot run in a transaction block",
							   name)));
	if (XactIsoLevel != XACT_READ_COMMITTED)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("%s needs the isolation level READ COMMITTED", name)));
	PreventCommandIfReadOnly(name);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
}

/* Rows of the next batch: as many as take about half a second. */
int
slm_tagger_next_limit(int limit, TimestampTz started)
{
	long ms = TimestampDifferenceMilliseconds(started, GetCurrentTimestamp());

	if (ms < 250)
		return Min(limit * 2, SLM_TAGGER_ROWS);
	return ms > 1000 ? Max(limit / 2, 1) : limit;
}

static void
raise_not_run(SlmTagOutcome outcome, const char *name)
{
	if (outcome == SLM_TAG_GONE)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("tagger \"%s\" does not exist", name)));
	if (outcome == SLM_TAG_PAUSED)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("tagger \"%s\" is paused", name)));
	if (outcome == SLM_TAG_DETACHED)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("triggers of tagger \"%s\" are missing", name),
						errhint("slm_drop_tagger() ends it; then create it anew.")));
}

/* Empties one queue of what is due by then, or until so many rows are done; returns how many. */
static int64
drain(const char *name, bool required, TimestampTz due, int64 max_rows)
{
	SlmTagBatch batch = {.name = name, .limit = FIRST_LIMIT, .due = due, .wait = true};
	int64 n_total = 0;

	while (n_total < max_rows)
	{
		TimestampTz started = GetCurrentTimestamp();
		int limit = batch.limit;
		SlmTagOutcome outcome;

		CHECK_FOR_INTERRUPTS();
		batch.limit = (int) Min(limit, max_rows - n_total);
		outcome = slm_tag_queue_batch(&batch);
		if (required)
			raise_not_run(outcome, name);
		SPI_commit();
		if (outcome != SLM_TAG_DID || batch.n_row == 0)
			break;
		n_total += batch.n_row;
		batch.limit = slm_tagger_next_limit(limit, started);
	}
	slm_activity_end(SLM_ACTIVITY_TAGGER);
	return n_total;
}

/* slm_drain_taggers(name text, max_rows bigint), procedure */
Datum
slm_drain_taggers(PG_FUNCTION_ARGS)
{
	int64 max_rows = PG_ARGISNULL(1) ? PG_INT64_MAX : PG_GETARG_INT64(1);
	TimestampTz due = GetCurrentTimestamp();
	List *names = NIL;
	ListCell *cell;

	start_procedure(fcinfo, "slm_drain_taggers()");
	if (!PG_ARGISNULL(0))
		names = list_make1(find_own(text_to_cstring(PG_GETARG_TEXT_PP(0)))->name);
	else
	{
		foreach (cell, slm_tagger_list())
		{
			SlmTagger *tagger = lfirst(cell);

			if (get_rel_relkind(tagger->relid) != '\0' &&
				object_ownercheck(RelationRelationId, tagger->relid, GetUserId()))
				names = lappend(names, tagger->name);
		}
	}
	foreach (cell, names)
		max_rows -= drain(lfirst(cell), !PG_ARGISNULL(0), due, max_rows);
	SPI_finish();
	PG_RETURN_VOID();
}

/* Sets a backfill's position: at the start, unless a call with the same rows ended before its end. */
static void
start_backfill(const char *name, bool all_rows, bool restart)
{
	const Oid type[] = {TEXTOID, BOOLOID, BOOLOID};
	const Datum value[] = {CStringGetTextDatum(name), BoolGetDatum(all_rows),
						   BoolGetDatum(restart)};

	slm_tagger_sql(
		"INSERT INTO @.slm_tagger_backfill AS b (tagger, all_rows, seen, started_at) "
		"VALUES ($1, $2, 0, pg_catalog.clock_timestamp()) ON CONFLICT (tagger) DO UPDATE "
		"SET all_rows = $2, seen = 0, key = NULL, finished_at = NULL, "
		"started_at = pg_catalog.clock_timestamp() "
		"WHERE $3 OR b.all_rows <> $2 OR b.finished_at IS NOT NULL",
		lengthof(type), type, value, NULL);
}

/* slm_tag_backfill(name text, all_rows boolean, restart boolean), procedure */
Datum
slm_tag_backfill(PG_FUNCTION_ARGS)
{
	SlmTagBatch batch = {.limit = FIRST_LIMIT, .wait = true};
	bool all_rows = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	bool restart = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	TimestampTz told = GetCurrentTimestamp();
	int64 n_tagged = 0;
	int64 n_failed = 0;
	int64 n_seen = 0;
	bool done = false;

	start_procedure(fcinfo, "slm_tag_backfill()");
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name of a tagger must not be null")));
	batch.name = find_own(text_to_cstring(PG_GETARG_TEXT_PP(0)))->name;
	start_backfill(batch.name, all_rows, restart);
	SPI_commit();
	slm_activity_begin(SLM_ACTIVITY_BACKFILL, GetUserId(), batch.name, NULL);
	while (!done)
	{
		TimestampTz started = GetCurrentTimestamp();

		CHECK_FOR_INTERRUPTS();
		raise_not_run(slm_tag_backfill_batch(&batch, all_rows, &done), batch.name);
		SPI_commit();
		slm_activity_add(SLM_ACTIVITY_BACKFILL, batch.n_row, 0);
		n_seen += batch.n_row;
		n_tagged += batch.n_tagged;
		n_failed += batch.n_failed;
		batch.limit = slm_tagger_next_limit(batch.limit, started);
		if (done || TimestampDifferenceExceeds(told, GetCurrentTimestamp(), PROGRESS_MS))
		{
			told = GetCurrentTimestamp();
			ereport(NOTICE, (errmsg("tagger \"%s\": " INT64_FORMAT " rows seen, " INT64_FORMAT
									" tagged, " INT64_FORMAT " failed",
									batch.name, n_seen, n_tagged, n_failed)));
		}
	}
	slm_activity_end(SLM_ACTIVITY_BACKFILL);
	SPI_finish();
	PG_RETURN_VOID();
}
