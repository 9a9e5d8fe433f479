/*
 * head_store.c - the numbers of trained models, in the table slm_heads
 *
 * The table is the extension's and marked to be dumped.  The database's owner
 * may read it, or else his pg_dump would fail, and nobody else has rights on it:
 * a row is reached through its model alone, whose USAGE the caller has checked.
 * So it is read and written here, below SQL and its rights.
 *
 * A row belongs to a server by its name, because a dump gives the server another
 * oid; names of servers are unique.  The server's option "head" is the hash of
 * the bytes: a row that was left behind, or that came from elsewhere, fits
 * no server.  An event trigger takes rows along when servers are dropped and
 * renamed.
 *
 * A row changes together with its server's options, in one transaction; but who
 * reads both may see the options from before it and the row from after.
 * slm_head_fetch() then finds nothing, and the caller looks at the options again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_foreign_server.h"
#include "commands/event_trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/hash.h"
#include "pg/head_store.h"
#include "pg/pg_compat.h"

PG_FUNCTION_INFO_V1(slm_heads_follow);

enum
{
	ATTRIBUTE_MODEL = 1,
	ATTRIBUTE_HEAD,
	N_ATTRIBUTE = ATTRIBUTE_HEAD
};

static Relation
open_heads(LOCKMODE lock, Oid *key)
{
	Oid schema = slm_catalog_schema();

	*key = get_relname_relid("slm_heads_pkey", schema);
	return table_open(get_relname_relid("slm_heads", schema), lock);
}

static SysScanDesc
start_scan(Relation heads, Oid key, const char *model)
{
	ScanKeyData scan_key;
	NameData name;

	namestrcpy(&name, model);
	ScanKeyInit(&scan_key, ATTRIBUTE_MODEL, BTEqualStrategyNumber, F_NAMEEQ, NameGetDatum(&name));
	return systable_beginscan(heads, key, true, NULL, 1, &scan_key);
}

void *
slm_head_fetch(const SlmModelDef *def, MemoryContext context, Size *size)
{
	Oid key;
	Relation heads = open_heads(AccessShareLock, &key);
	SysScanDesc scan = start_scan(heads, key, NameStr(def->name));
	HeapTuple tuple = systable_getnext(scan);
	void *bytes = NULL;

	if (HeapTupleIsValid(tuple))
	{
		bool null;
		Datum value = heap_getattr(tuple, ATTRIBUTE_HEAD, RelationGetDescr(heads), &null);
		bytea *head = DatumGetByteaPP(value);
		uint8 hash[SLM_SHA256_BYTES];

		*size = VARSIZE_ANY_EXHDR(head);
		slm_hash_bytes(VARDATA_ANY(head), *size, hash);
		if (memcmp(hash, def->head, sizeof(hash)) == 0)
		{
			bytes = MemoryContextAllocHuge(context, Max(*size, 1));
			memcpy(bytes, VARDATA_ANY(head), *size);
		}
		if ((Pointer) head != DatumGetPointer(value))
			pfree(head);
	}
	systable_endscan(scan);
	table_close(heads, AccessShareLock);
	return bytes;
}

void
slm_head_store(const char *model, const void *bytes, Size size)
{
	Oid key;
	Relation heads = open_heads(RowExclusiveLock, &key);
	SysScanDesc scan = start_scan(heads, key, model);
	HeapTuple old = systable_getnext(scan);
	bytea *head = palloc(VARHDRSZ + size);
	NameData name;
	Datum value[N_ATTRIBUTE] = {NameGetDatum(&name), PointerGetDatum(head)};
	bool null[N_ATTRIBUTE] = {false, false};
	HeapTuple tuple;

	namestrcpy(&name, model);
	SET_VARSIZE(head, VARHDRSZ + size);
	memcpy(VARDATA(head), bytes, size);
	tuple = heap_form_tuple(RelationGetDescr(heads), value, null);
	if (HeapTupleIsValid(old))
	{
		tuple->t_self = old->t_self;
		CatalogTupleUpdate(heads, &old->t_self, tuple);
	}
	else
		CatalogTupleInsert(heads, tuple);
	systable_endscan(scan);
	table_close(heads, NoLock);
	CommandCounterIncrement();
}

/* ---- Servers that go or change their names ---------------------------------- */

/*
 * Is there a server of that name?  Asked of the catalog itself, which the scan of
 * the heads sees at the same point of time: a name that the cache does not have
 * may be that of a model just made.
 */
static bool
server_exists(Relation servers, Name name)
{
	ScanKeyData key;
	SysScanDesc scan;
	bool exists;

	ScanKeyInit(&key, Anum_pg_foreign_server_srvname, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(name));
	scan = systable_beginscan(servers, ForeignServerNameIndexId, true, NULL, 1, &key);
	exists = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	return exists;
}

/* Deletes the rows whose servers are no more. */
static void
remove_orphans(void)
{
	Oid key;
	Relation heads = open_heads(RowExclusiveLock, &key);
	Relation servers = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(heads, key, true, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool null;
		Datum model = heap_getattr(tuple, ATTRIBUTE_MODEL, RelationGetDescr(heads), &null);

		if (!server_exists(servers, DatumGetName(model)))
			CatalogTupleDelete(heads, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(servers, AccessShareLock);
	table_close(heads, NoLock);
}

/* A row that a dropped server left behind may be in the way. */
static void
rename_head(const char *from, const char *to)
{
	Oid key;
	Relation heads = open_heads(RowExclusiveLock, &key);
	SysScanDesc scan = start_scan(heads, key, from);
	HeapTuple old = systable_getnext(scan);

	if (HeapTupleIsValid(old))
	{
		NameData name;
		Datum value[N_ATTRIBUTE] = {NameGetDatum(&name)};
		bool null[N_ATTRIBUTE] = {false};
		bool replace[N_ATTRIBUTE] = {true, false};
		SysScanDesc scan_left = start_scan(heads, key, to);
		HeapTuple left = systable_getnext(scan_left);

		if (HeapTupleIsValid(left))
			CatalogTupleDelete(heads, &left->t_self);
		systable_endscan(scan_left);
		namestrcpy(&name, to);
		CatalogTupleUpdate(heads, &old->t_self,
						   heap_modify_tuple(old, RelationGetDescr(heads), value, null, replace));
	}
	systable_endscan(scan);
	table_close(heads, NoLock);
}

/* slm_heads_follow(), event trigger for sql_drop, and for ddl_command_end of ALTER SERVER. */
Datum
slm_heads_follow(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	Node *command;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("slm_heads_follow() is an event trigger's function")));
	command = data->parsetree;
	if (strcmp(data->event, "sql_drop") == 0)
		remove_orphans();
	else if (IsA(command, RenameStmt) &&
			 ((RenameStmt *) command)->renameType == OBJECT_FOREIGN_SERVER)
		rename_head(strVal(((RenameStmt *) command)->object), ((RenameStmt *) command)->newname);
	PG_RETURN_VOID();
}
