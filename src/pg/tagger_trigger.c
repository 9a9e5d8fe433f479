/*
 * tagger_trigger.c - what statements on a tagger's table do
 *
 * A queued tagger has two triggers for statements, with transition tables: keys
 * of inserted rows are noted, and of updated ones whose source is another.  An
 * immediate one has a trigger for rows that fills the column.  Neither does
 * anything with the rights of whoever runs the statement: keys are noted below
 * SQL, the model runs as the table's owner.
 *
 * Which updated rows have another source.  PostgreSQL appends a row's old and new
 * version to the two transition tables together, so they are read side by side.
 * Where a pair is not one row (its key changed, or a row that moved to another
 * partition was kept out of it by a trigger) the new one is noted.  So nothing
 * is missed in any order: a row is passed over only if the statement found a row
 * with that key and the same source; and keys are unique.
 *
 * A trigger that cannot do its work because something was altered around it warns
 * and lets the statement pass: tags are worth less than rows.
 *
 * An event trigger follows what happens to tables and columns.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/partition.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "pg/catalog.h"
#include "pg/pg_compat.h"
#include "pg/tagger.h"

PG_FUNCTION_INFO_V1(slm_tagger_enqueue);
PG_FUNCTION_INFO_V1(slm_tagger_at_once);
PG_FUNCTION_INFO_V1(slm_taggers_follow);

SlmOwnUpdate slm_tagger_own_update;

static bool keys_noted; /* in this transaction */

/* ---- Waking the worker ---- */

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && keys_noted)
		slm_tagger_wake_worker();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		keys_noted = false;
}

void
slm_tagger_call_worker(void)
{
	static bool registered;
	static bool told;

	if (keys_noted)
		return;
	if (!registered)
		RegisterXactCallback(at_end_of_transaction, NULL);
	registered = true;
	keys_noted = true;
	if (!slm_tagger_start_worker() && !told)
	{
		ereport(NOTICE, (errmsg("no background worker could be started for taggers"),
						 errdetail("The rows are queued."),
						 errhint("Raise \"max_worker_processes\", or CALL slm_drain_taggers().")));
		told = true;
	}
}

/* ---- Noting keys ---- */

int
slm_trigger_depth(void)
{
	LOCAL_FCINFO(fcinfo, 0);

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	return DatumGetInt32(pg_trigger_depth(fcinfo));
}

/* Partitions have copies of a partitioned table's triggers for rows. */
static bool
is_table_of(const SlmTagger *tagger, const TriggerData *data)
{
	Oid relid = RelationGetRelid(data->tg_relation);

	return tagger->relid == relid ||
		   (data->tg_trigger->tgisclone &&
			list_member_oid(get_partition_ancestors(relid), tagger->relid));
}

/* The tagger that a trigger is of; NULL, with a warning, when it is of none. */
static SlmTagger *
tagger_of_trigger(const TriggerData *data)
{
	const Trigger *trigger = data->tg_trigger;
	SlmTagger *tagger = NULL;

	if (trigger->tgnargs == 1)
		tagger = slm_tagger_find(trigger->tgargs[0]);
	if (tagger == NULL || !is_table_of(tagger, data))
	{
		ereport(WARNING, (errcode(ERRCODE_UNDEFINED_OBJECT),
						  errmsg("trigger \"%s\" of relation \"%s\" has no tagger", trigger->tgname,
								 RelationGetRelationName(data->tg_relation)),
						  errhint("Drop the trigger, or create the tagger anew.")));
		return NULL;
	}
	return tagger;
}

/* Whether two values of a varlena type are the same bytes; without fetching what both point at. */
static bool
same_value(Datum a, bool a_null, Datum b, bool b_null)
{
	struct varlena *a_value = (struct varlena *) DatumGetPointer(a);
	struct varlena *b_value = (struct varlena *) DatumGetPointer(b);

	if (a_null || b_null)
		return a_null == b_null;
	if (VARATT_IS_EXTERNAL_ONDISK(a_value) && VARATT_IS_EXTERNAL_ONDISK(b_value) &&
		memcmp(a_value, b_value, VARSIZE_EXTERNAL(a_value)) == 0)
		return true;
	return datum_image_eq(a, b, false, -1);
}

/* Whether an updated row's key and source are what they were. */
static bool
is_unchanged(const SlmTagTable *table, TupleTableSlot *old, TupleTableSlot *new)
{
	Datum old_value;
	Datum new_value;
	bool old_null;
	bool new_null;

	for (int i = 0; i < table->n_key; i++)
	{
		const SlmTagKey *key = &table->key[i];

		old_value = slot_getattr(old, key->attnum, &old_null);
		new_value = slot_getattr(new, key->attnum, &new_null);
		if (!datum_image_eq(old_value, new_value, key->by_value, key->length))
			return false;
	}
	old_value = slot_getattr(old, table->source, &old_null);
	new_value = slot_getattr(new, table->source, &new_null);
	return same_value(old_value, old_null, new_value, new_null);
}

/* A transition table, from its start. */
static TupleTableSlot *
start_reading(Tuplestorestate *store, Relation rel)
{
	int pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);

	tuplestore_select_read_pointer(store, pointer);
	tuplestore_rescan(store);
	return MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
}

/* Notes the keys of the statement's rows; returns how many. */
static uint64
note_rows(const TriggerData *data, SlmTagTable *table, const SlmTagger *tagger)
{
	Tuplestorestate *new_rows = data->tg_newtable;
	Tuplestorestate *old_rows = data->tg_oldtable; /* NULL: all rows are new */
	TupleTableSlot *new = start_reading(new_rows, data->tg_relation);
	TupleTableSlot *old = old_rows != NULL ? start_reading(old_rows, data->tg_relation) : NULL;
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "slm queued row", ALLOCSET_SMALL_SIZES);
	int nest_level = slm_tag_portable_output();
	SlmQueueWriter *writer = NULL;
	uint64 n_noted = 0;

	while (tuplestore_gettupleslot(new_rows, true, false, new))
	{
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		if (old_rows != NULL && tuplestore_gettupleslot(old_rows, true, false, old) &&
			is_unchanged(table, old, new))
			continue;
		if (writer == NULL)
			writer = slm_queue_open(tagger->name);
		caller = MemoryContextSwitchTo(row_context);
		slm_queue_add(writer, slm_tag_key_out(table, new));
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	if (writer != NULL)
		n_noted = slm_queue_close(writer);
	AtEOXact_GUC(false, nest_level);
	MemoryContextDelete(row_context);
	ExecDropSingleTupleTableSlot(new);
	if (old != NULL)
		ExecDropSingleTupleTableSlot(old);
	return n_noted;
}

/* slm_tagger_enqueue(), trigger after INSERT or UPDATE, for each statement. */
Datum
slm_tagger_enqueue(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	SlmTagger *tagger;
	SlmTagTable *table;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(data->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(data->tg_event) || data->tg_newtable == NULL ||
		(TRIGGER_FIRED_BY_UPDATE(data->tg_event) && data->tg_oldtable == NULL))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("slm_tagger_enqueue() is a trigger's function"),
						errhint("slm_create_tagger() makes the triggers.")));
	if (slm_tagger_own_update.tagger != NULL && data->tg_trigger->tgnargs == 1 &&
		slm_trigger_depth() == slm_tagger_own_update.depth + 1 &&
		strcmp(slm_tagger_own_update.tagger, data->tg_trigger->tgargs[0]) == 0)
		return PointerGetDatum(NULL);
	tagger = tagger_of_trigger(data);
	if (tagger == NULL)
		return PointerGetDatum(NULL);
	table = slm_tag_table(tagger, data->tg_relation);
	if (table->n_key == 0 || table->source == 0)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rows are not queued for tagger \"%s\"", tagger->name),
				 table->source == 0 ? errdetail("Column \"%s\" does not exist.", tagger->source)
									: errdetail("Table \"%s\" has no primary key.",
												RelationGetRelationName(data->tg_relation))));
	else if (note_rows(data, table, tagger) > 0 && !tagger->paused)
		slm_tagger_call_worker();
	return PointerGetDatum(NULL);
}

/* ---- Tagging at once ---- */

/* What a statement's trigger remembers from row to row, in fn_extra. */
typedef struct AtOnce
{
	SlmTagger *tagger; /* NULL: nothing to do */
	SlmTagTable *table;
	SlmTagCast cast;
	FmgrInfo function;
} AtOnce;

/* The task's function for one text. */
static Oid
scalar_function(const SlmTagger *tagger)
{
	List *name = list_make2(makeString(get_namespace_name(slm_catalog_schema())),
							makeString(pstrdup(tagger->task->function)));
	Oid type[SLM_TASK_ARGS] = {TEXTOID};

	for (int i = 0; i < tagger->task->n_arg; i++)
		type[i + 1] = slm_tagger_arg_type(tagger->task->arg[i], tagger->pinned);
	return LookupFuncName(name, tagger->task->n_arg + 1, type, false);
}

static AtOnce *
prepare_at_once(FunctionCallInfo fcinfo, const TriggerData *data)
{
	MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	AtOnce *state = palloc0(sizeof(AtOnce));
	SlmTagRole role;

	state->tagger = tagger_of_trigger(data);
	if (state->tagger != NULL)
	{
		state->table = slm_tag_table(state->tagger, data->tg_relation);
		if (state->table->source == 0 || state->table->target == 0)
		{
			ereport(WARNING, (errcode(ERRCODE_UNDEFINED_COLUMN),
							  errmsg("rows are not tagged by tagger \"%s\"", state->tagger->name),
							  errdetail("Column \"%s\" does not exist.",
										state->table->source == 0 ? state->tagger->source
																  : state->tagger->target)));
			state->tagger = NULL;
		}
		else
		{
			slm_tag_become_owner(state->table, &role);
			slm_tag_cast_init(&state->cast, state->tagger->task->result, data->tg_relation,
							  state->table->target);
			slm_tag_become_caller(&role);
			fmgr_info(scalar_function(state->tagger), &state->function);
		}
	}
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = state;
	return state;
}

/* The answer for one text, fit for the column; as the table's owner. */
static Datum
compute_at_once(AtOnce *state, Datum source, bool *null)
{
	LOCAL_FCINFO(call, SLM_TASK_ARGS);
	const SlmTagger *tagger = state->tagger;
	SlmTagRole role;
	Datum value;

	InitFunctionCallInfoData(*call, &state->function, tagger->task->n_arg + 1,
							 DEFAULT_COLLATION_OID, NULL, NULL);
	call->args[0].value = source;
	call->args[0].isnull = *null;
	for (int i = 0; i < tagger->task->n_arg; i++)
	{
		call->args[i + 1].value = tagger->value[tagger->task->arg[i]];
		call->args[i + 1].isnull = tagger->null[tagger->task->arg[i]];
	}
	slm_tag_become_owner(state->table, &role);
	value = FunctionCallInvoke(call);
	*null = call->isnull;
	value = slm_tag_cast(&state->cast, value, null);
	slm_tag_become_caller(&role);
	return value;
}

/* slm_tagger_at_once(), trigger before INSERT or UPDATE, for each row. */
Datum
slm_tagger_at_once(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	AtOnce *state = fcinfo->flinfo->fn_extra;
	TupleDesc desc;
	HeapTuple row;
	Datum source;
	Datum value;
	bool null;
	int column;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(data->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(data->tg_event) || TRIGGER_FIRED_BY_DELETE(data->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("slm_tagger_at_once() is a trigger's function"),
						errhint("slm_create_tagger() makes the triggers.")));
	row = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
	if (state == NULL)
		state = prepare_at_once(fcinfo, data);
	if (state->tagger == NULL)
		return PointerGetDatum(row);

	desc = RelationGetDescr(data->tg_relation);
	source = heap_getattr(row, state->table->source, desc, &null);
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		bool old_null;
		Datum old = heap_getattr(data->tg_trigtuple, state->table->source, desc, &old_null);

		if (same_value(old, old_null, source, null))
			return PointerGetDatum(row);
	}
	value = compute_at_once(state, source, &null);
	column = state->table->target;
	return PointerGetDatum(heap_modify_tuple_by_cols(row, desc, 1, &column, &value, &null));
}

/* ---- Tables and columns that go or change their names ---- */

static void
drop_triggers(Relation rel, const char *tagger)
{
	List *triggers = slm_tag_triggers(rel, tagger);
	List *oids = NIL;
	ListCell *cell;

	foreach (cell, triggers)
		oids = lappend_oid(oids, ((Trigger *) lfirst(cell))->tgoid);
	relation_close(rel, NoLock);
	foreach (cell, oids)
	{
		ObjectAddress address;

		ObjectAddressSet(address, TriggerRelationId, lfirst_oid(cell));
		performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	}
}

/* Ends the taggers whose table or column is no more. */
static void
end_orphans(List *taggers)
{
	ListCell *cell;

	foreach (cell, taggers)
	{
		SlmTagger *tagger = lfirst(cell);
		Relation rel = NULL;

		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(tagger->relid)))
		{
			if (get_attnum(tagger->relid, tagger->source) > 0 &&
				get_attnum(tagger->relid, tagger->target) > 0)
				continue;
			rel = relation_open(tagger->relid, AccessExclusiveLock);
			drop_triggers(rel, tagger->name);
		}
		slm_tagger_forget(tagger->name);
	}
}

/* Gives a column its new name in those taggers that lack it by the old one. */
static void
rename_column(List *taggers, const char *from, const char *to)
{
	static const char *const commands[] = {
		"UPDATE @.slm_tagger SET source = $2 WHERE name = $1",
		"UPDATE @.slm_tagger SET target = $2 WHERE name = $1",
	};
	const Oid type[] = {TEXTOID, NAMEOID};
	NameData new_name;
	ListCell *cell;

	namestrcpy(&new_name, to);
	foreach (cell, taggers)
	{
		SlmTagger *tagger = lfirst(cell);
		const char *column[] = {tagger->source, tagger->target};
		Datum value[] = {CStringGetTextDatum(tagger->name), NameGetDatum(&new_name)};

		for (int i = 0; i < lengthof(column); i++)
			if (strcmp(column[i], from) == 0 && get_attnum(tagger->relid, from) <= 0 &&
				get_attnum(tagger->relid, to) > 0)
				slm_tagger_sql(commands[i], lengthof(type), type, value, NULL);
	}
}

/* slm_taggers_follow(), event trigger for sql_drop, and for ddl_command_end of ALTER TABLE. */
Datum
slm_taggers_follow(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	List *taggers;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("slm_taggers_follow() is an event trigger's function")));
	taggers = slm_tagger_exists() ? slm_tagger_list() : NIL;
	if (taggers == NIL)
		PG_RETURN_VOID();
	SPI_connect();
	if (strcmp(data->event, "sql_drop") == 0)
		end_orphans(taggers);
	else if (IsA(data->parsetree, RenameStmt) &&
			 ((RenameStmt *) data->parsetree)->renameType == OBJECT_COLUMN)
		rename_column(taggers, ((RenameStmt *) data->parsetree)->subname,
					  ((RenameStmt *) data->parsetree)->newname);
	SPI_finish();
	PG_RETURN_VOID();
}
