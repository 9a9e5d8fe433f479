/*
 * tagger_store.c - the tables of taggers: definitions, queue, progress
 *
 * Definitions are read, and keys noted, below SQL: both happen in triggers of
 * whoever changes a table, who has no rights on slm's tables.  Everything else is
 * SQL of fixed text, run as the tables' owner with a search_path of its own; what
 * varies in it are parameters.
 *
 * A definition is read anew by each statement that needs it: one look-up in a
 * small index.  Nothing is remembered, so nothing can be stale.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "pg/catalog.h"
#include "pg/pg_compat.h"
#include "pg/tagger.h"

/* Attributes of slm_tagger_queue; those behind stay NULL until a row fails. */
enum
{
	QUEUE_TAGGER = 1,
	QUEUE_DUE,
	QUEUE_KEY,
	QUEUE_ATTEMPTS,
	QUEUE_FAILED_AT,
	QUEUE_SQLSTATE,
	QUEUE_ERROR,
	N_QUEUE = QUEUE_ERROR
};

#define WRITER_ROWS 256 /* inserted at once */

struct SlmQueueWriter
{
	Relation queue;
	CatalogIndexState indexes;
	MemoryContext parent;  /* where the writer lives */
	MemoryContext context; /* keys of the rows that wait */
	Datum tagger;
	TimestampTz due;
	int n;
	uint64 n_total;
	TupleTableSlot *slot[WRITER_ROWS]; /* made as needed */
};

static const SlmTaggerTask tasks[] = {
	{
		.name = "classify",
		.function = "slm_classify",
		.answer = "label",
		.result = TEXTOID,
		.model = SLM_DEFAULT_CLASSIFY,
		.n_arg = 6,
		.arg = {TAGGER_LABELS, TAGGER_MODEL, TAGGER_DESCRIPTIONS, TAGGER_INSTRUCTIONS,
				TAGGER_MIN_CONFIDENCE, TAGGER_ON_ERROR},
	},
	{
		.name = "extract",
		.function = "slm_extract",
		.answer = "extracted",
		.result = JSONBOID,
		.model = SLM_DEFAULT_EXTRACT,
		.n_arg = 4,
		.arg = {TAGGER_SCHEMA, TAGGER_MODEL, TAGGER_INSTRUCTIONS, TAGGER_ON_ERROR},
	},
	{
		.name = "summarize",
		.function = "slm_summarize",
		.answer = "summary",
		.result = TEXTOID,
		.model = SLM_DEFAULT_SUMMARIZE,
		.n_arg = 4,
		.arg = {TAGGER_MAX_WORDS, TAGGER_MODEL, TAGGER_INSTRUCTIONS, TAGGER_ON_ERROR},
	},
	{
		.name = "embed",
		.function = "slm_embed",
		.answer = "embedding",
		.result = FLOAT4ARRAYOID,
		.model = SLM_DEFAULT_EMBED,
		.n_arg = 4,
		.arg = {TAGGER_MODEL, TAGGER_PURPOSE, TAGGER_DIMENSIONS, TAGGER_ON_ERROR},
	},
};

static const struct
{
	const char *name;
	Oid type;
} arguments[N_TAGGER + 1] = {
	[TAGGER_MODEL] = {"model", TEXTOID},
	[TAGGER_LABELS] = {"labels", TEXTARRAYOID},
	[TAGGER_DESCRIPTIONS] = {"descriptions", JSONBOID},
	[TAGGER_SCHEMA] = {"schema", JSONBOID},
	[TAGGER_INSTRUCTIONS] = {"instructions", TEXTOID},
	[TAGGER_MIN_CONFIDENCE] = {"min_confidence", FLOAT4OID},
	[TAGGER_MAX_WORDS] = {"max_words", INT4OID},
	[TAGGER_PURPOSE] = {"purpose", TEXTOID},
	[TAGGER_DIMENSIONS] = {"dimensions", INT4OID},
	[TAGGER_ON_ERROR] = {"on_error", TEXTOID},
};

const SlmTaggerTask *
slm_tagger_task(const char *name)
{
	for (int i = 0; i < lengthof(tasks); i++)
		if (strcmp(name, tasks[i].name) == 0)
			return &tasks[i];
	return NULL;
}

char *
slm_tagger_task_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(tasks); i++)
		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "", tasks[i].name);
	return names.data;
}

Oid
slm_tagger_arg_type(int attribute, bool pinned)
{
	if (attribute != TAGGER_MODEL || !pinned)
		return arguments[attribute].type;
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("slm_model"),
						   ObjectIdGetDatum(slm_catalog_schema()));
}

const char *
slm_tagger_arg_name(int attribute)
{
	return arguments[attribute].name;
}

/* ---- Reading definitions ---- */

static Oid
own_relation(const char *name)
{
	Oid schema = slm_catalog_schema();

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

bool
slm_tagger_exists(void)
{
	return OidIsValid(own_relation("slm_tagger"));
}

void
slm_tagger_fill(SlmTagger *tagger)
{
	tagger->name = TextDatumGetCString(tagger->value[TAGGER_NAME]);
	tagger->relid = DatumGetObjectId(tagger->value[TAGGER_RELATION]);
	tagger->source = NameStr(*DatumGetName(tagger->value[TAGGER_SOURCE]));
	tagger->target = NameStr(*DatumGetName(tagger->value[TAGGER_TARGET]));
	tagger->task = slm_tagger_task(TextDatumGetCString(tagger->value[TAGGER_TASK]));
	tagger->immediate = strcmp(TextDatumGetCString(tagger->value[TAGGER_MODE]), "immediate") == 0;
	tagger->pinned = DatumGetBool(tagger->value[TAGGER_PINNED]);
	tagger->paused = DatumGetBool(tagger->value[TAGGER_PAUSED]);
	tagger->max_attempts = DatumGetInt32(tagger->value[TAGGER_MAX_ATTEMPTS]);
	if (tagger->task == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("tagger \"%s\" has a task that this version of slm does not know",
							   tagger->name)));
}

static SlmTagger *
read_definition(Relation definitions, HeapTuple tuple)
{
	TupleDesc desc = RelationGetDescr(definitions);
	SlmTagger *tagger = palloc0(sizeof(SlmTagger));

	if (desc->natts != N_TAGGER)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
						errmsg("table \"%s\" does not fit this version of slm",
							   RelationGetRelationName(definitions))));
	tuple = HeapTupleHasExternal(tuple) ? toast_flatten_tuple(tuple, desc) : heap_copytuple(tuple);
	heap_deform_tuple(tuple, desc, tagger->value + 1, tagger->null + 1);
	slm_tagger_fill(tagger);
	return tagger;
}

/* The definitions of that name, or all. */
static List *
scan_definitions(const char *name)
{
	Relation definitions = table_open(own_relation("slm_tagger"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	List *list = NIL;

	if (name != NULL)
		ScanKeyInit(&key, TAGGER_NAME, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	scan = systable_beginscan(definitions, own_relation("slm_tagger_pkey"), true, NULL,
							  name != NULL ? 1 : 0, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		list = lappend(list, read_definition(definitions, tuple));
	systable_endscan(scan);
	table_close(definitions, AccessShareLock);
	return list;
}

SlmTagger *
slm_tagger_find(const char *name)
{
	List *list = scan_definitions(name);

	return list != NIL ? linitial(list) : NULL;
}

List *
slm_tagger_list(void)
{
	return scan_definitions(NULL);
}

/* ---- Statements ---- */

static Oid
owner_of_tables(void)
{
	Relation definitions = table_open(own_relation("slm_tagger"), AccessShareLock);
	Oid owner = definitions->rd_rel->relowner;

	table_close(definitions, NoLock);
	return owner;
}

int
slm_tagger_go_by_indexes(void)
{
	static const char *const settings[] = {"enable_seqscan", "enable_bitmapscan", "enable_sort"};
	int nest_level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	return nest_level;
}

uint64
slm_tagger_sql(const char *command, int n, const Oid *type, const Datum *value, const char *null)
{
	char *schema = get_namespace_name(slm_catalog_schema());
	int nest_level = slm_tagger_go_by_indexes();
	StringInfoData expanded;
	Oid userid;
	int sec_context;
	int rc;

	if (schema == NULL)
		elog(ERROR, "extension \"%s\" is not installed", "slm");
	initStringInfo(&expanded);
	for (const char *at = command; *at != '\0'; at++)
	{
		if (at[0] == '@' && at[1] == '.')
			appendStringInfoString(&expanded, quote_identifier(schema));
		else
			appendStringInfoChar(&expanded, *at);
	}
	GetUserIdAndSecContext(&userid, &sec_context);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SetUserIdAndSecContext(owner_of_tables(), sec_context | SECURITY_LOCAL_USERID_CHANGE);
	rc = SPI_execute_with_args(expanded.data, n, (Oid *) type, (Datum *) value, null, false, 0);
	if (rc < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(rc));
	SetUserIdAndSecContext(userid, sec_context);
	AtEOXact_GUC(false, nest_level);
	pfree(expanded.data);
	return SPI_processed;
}

void
slm_tagger_forget(const char *name)
{
	static const char *const commands[] = {
		"DELETE FROM @.slm_tagger WHERE name = $1",
		"DELETE FROM @.slm_tagger_queue WHERE tagger = $1",
		"DELETE FROM @.slm_tagger_progress WHERE tagger = $1",
		"DELETE FROM @.slm_tagger_backfill WHERE tagger = $1",
	};
	const Oid type = TEXTOID;
	const Datum value = CStringGetTextDatum(name);

	for (int i = 0; i < lengthof(commands); i++)
		slm_tagger_sql(commands[i], 1, &type, &value, NULL);
}

/* ---- Noting keys ---- */

SlmQueueWriter *
slm_queue_open(const char *tagger)
{
	SlmQueueWriter *writer = palloc0(sizeof(SlmQueueWriter));

	writer->queue = table_open(own_relation("slm_tagger_queue"), RowExclusiveLock);
	if (RelationGetNumberOfAttributes(writer->queue) != N_QUEUE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
						errmsg("table \"%s\" does not fit this version of slm",
							   RelationGetRelationName(writer->queue))));
	writer->indexes = CatalogOpenIndexes(writer->queue);
	writer->parent = CurrentMemoryContext;
	writer->context =
		AllocSetContextCreate(CurrentMemoryContext, "slm queue rows", ALLOCSET_DEFAULT_SIZES);
	writer->tagger = CStringGetTextDatum(tagger);
	writer->due = GetCurrentTransactionStartTimestamp();
	return writer;
}

static void
flush(SlmQueueWriter *writer)
{
	if (writer->n > 0)
		CatalogTuplesMultiInsertWithInfo(writer->queue, writer->slot, writer->n, writer->indexes);
	writer->n_total += writer->n;
	writer->n = 0;
	MemoryContextReset(writer->context);
}

void
slm_queue_add(SlmQueueWriter *writer, Datum key)
{
	MemoryContext caller = MemoryContextSwitchTo(writer->parent);
	TupleTableSlot *slot = writer->slot[writer->n];

	if (slot == NULL)
		slot = writer->slot[writer->n] =
			MakeSingleTupleTableSlot(RelationGetDescr(writer->queue), &TTSOpsHeapTuple);
	ExecClearTuple(slot);
	MemoryContextSwitchTo(writer->context);
	memset(slot->tts_isnull, true, N_QUEUE * sizeof(bool));
	slot->tts_values[QUEUE_TAGGER - 1] = writer->tagger;
	slot->tts_isnull[QUEUE_TAGGER - 1] = false;
	slot->tts_values[QUEUE_DUE - 1] = TimestampTzGetDatum(writer->due);
	slot->tts_isnull[QUEUE_DUE - 1] = false;
	slot->tts_values[QUEUE_KEY - 1] = datumCopy(key, false, -1);
	slot->tts_isnull[QUEUE_KEY - 1] = false;
	slot->tts_values[QUEUE_ATTEMPTS - 1] = Int32GetDatum(0);
	slot->tts_isnull[QUEUE_ATTEMPTS - 1] = false;
	ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(caller);
	if (++writer->n == WRITER_ROWS)
		flush(writer);
}

uint64
slm_queue_close(SlmQueueWriter *writer)
{
	uint64 n_total;

	flush(writer);
	n_total = writer->n_total;
	for (int i = 0; i < WRITER_ROWS && writer->slot[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(writer->slot[i]);
	CatalogCloseIndexes(writer->indexes);
	table_close(writer->queue, NoLock);
	MemoryContextDelete(writer->context);
	pfree(writer);
	return n_total;
}
