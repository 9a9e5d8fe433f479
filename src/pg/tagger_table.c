/*
 * tagger_table.c - a user's table as a tagger sees it: key, columns, casts, rights
 *
 * The key is the table's primary key as it is at that moment.  In the queue it
 * stands as text, in a form that no setting of the session changes, so that what
 * one session writes another reads; comparisons are the index's own operators,
 * by their full names.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "pg/catalog.h"
#include "pg/pg_compat.h"
#include "pg/tagger.h"

/* ---- The table ---- */

static Oid
key_operator(Relation index, int i, int strategy)
{
	Oid type = index->rd_opcintype[i];

	return get_opfamily_member(index->rd_opfamily[i], type, type, strategy);
}

/* The index of the primary key, or InvalidOid. */
static Oid
primary_key_index(Relation rel)
{
	List *indexes = RelationGetIndexList(rel);
	Oid found = InvalidOid;
	ListCell *cell;

	foreach (cell, indexes)
	{
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));

		if (!HeapTupleIsValid(tuple))
			continue;
		if (((Form_pg_index) GETSTRUCT(tuple))->indisprimary)
			found = lfirst_oid(cell);
		ReleaseSysCache(tuple);
	}
	list_free(indexes);
	return found;
}

/* Columns of the primary key, which must be a B-tree's and checked at once. */
static void
find_key(SlmTagTable *table)
{
	Oid index_oid = primary_key_index(table->rel);
	Relation index;

	if (!OidIsValid(index_oid))
		return;
	index = index_open(index_oid, AccessShareLock);
	if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indimmediate &&
		index->rd_index->indisvalid)
	{
		table->n_key = index->rd_index->indnkeyatts;
		for (int i = 0; i < table->n_key; i++)
		{
			SlmTagKey *key = &table->key[i];
			Form_pg_attribute attribute;
			Oid output;
			bool varlena;

			key->attnum = index->rd_index->indkey.values[i];
			attribute = TupleDescAttr(RelationGetDescr(table->rel), key->attnum - 1);
			key->type = attribute->atttypid;
			key->length = attribute->attlen;
			key->by_value = attribute->attbyval;
			key->equal = key_operator(index, i, BTEqualStrategyNumber);
			key->less = key_operator(index, i, BTLessStrategyNumber);
			key->greater = key_operator(index, i, BTGreaterStrategyNumber);
			getTypeOutputInfo(key->type, &output, &varlena);
			fmgr_info(output, &key->output);
		}
	}
	index_close(index, NoLock);
}

static AttrNumber
column_number(Relation rel, const char *name)
{
	AttrNumber number = get_attnum(RelationGetRelid(rel), name);

	return Max(number, 0); /* no system columns */
}

static Oid
owner_of(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

SlmTagTable *
slm_tag_table(const SlmTagger *tagger, Relation rel)
{
	SlmTagTable *table = palloc0(sizeof(SlmTagTable));

	table->rel = rel;
	table->owner = owner_of(tagger->relid);
	table->source = column_number(rel, tagger->source);
	table->target = column_number(rel, tagger->target);
	find_key(table);
	return table;
}

/* Types whose text form depends on more than settings that can be set for a moment. */
static bool
has_portable_output(Oid type)
{
	switch (getBaseType(type))
	{
		case CASHOID:
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGTYPEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGNAMESPACEOID:
		case REGROLEOID:
			return false;
		default:
			return true;
	}
}

static void
raise_no_column(const char *name, Relation rel)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("column \"%s\" of relation \"%s\" does not exist", name,
						   RelationGetRelationName(rel))));
}

void
slm_tag_table_check(const SlmTagger *tagger, const SlmTagTable *table)
{
	const char *relation = RelationGetRelationName(table->rel);
	Oid source_type;

	if (table->source == 0)
		raise_no_column(tagger->source, table->rel);
	if (table->target == 0)
		raise_no_column(tagger->target, table->rel);
	if (table->n_key == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("table \"%s\" has no primary key", relation),
						errdetail("A tagger finds its rows by it; it must not be deferrable.")));
	for (int i = 0; i < table->n_key; i++)
		if (!has_portable_output(table->key[i].type))
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("a key of type %s cannot be queued",
								   format_type_be(table->key[i].type))));
	if (check_enable_rls(RelationGetRelid(table->rel), table->owner, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security of table \"%s\" is forced on its owner", relation),
				 errdetail("A tagger could not tell a hidden row from a deleted one.")));
	source_type = getBaseType(get_atttype(RelationGetRelid(table->rel), table->source));
	if (!IsBinaryCoercible(source_type, TEXTOID))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" of relation \"%s\" is of type %s, not text",
							   tagger->source, relation, format_type_be(source_type))));
}

/* ---- Triggers ---- */

List *
slm_tag_triggers(Relation rel, const char *tagger)
{
	TriggerDesc *triggers = rel->trigdesc;
	List *list = NIL;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];
		char *function;

		if (trigger->tgnargs != 1 || strcmp(trigger->tgargs[0], tagger) != 0 ||
			get_func_namespace(trigger->tgfoid) != slm_catalog_schema())
			continue;
		function = get_func_name(trigger->tgfoid);
		if (strcmp(function, "slm_tagger_enqueue") == 0 ||
			strcmp(function, "slm_tagger_at_once") == 0)
			list = lappend(list, trigger);
	}
	return list;
}

/* ---- Keys ---- */

int
slm_tag_portable_output(void)
{
	int nest_level = NewGUCNestLevel();

	if (DateStyle != USE_ISO_DATES)
		(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	if (IntervalStyle != INTSTYLE_POSTGRES)
		(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	if (extra_float_digits < 1)
		(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

Datum
slm_tag_key_out_values(SlmTagTable *table, const Datum *value)
{
	Datum part[INDEX_MAX_KEYS];

	for (int i = 0; i < table->n_key; i++)
		part[i] = CStringGetTextDatum(OutputFunctionCall(&table->key[i].output, value[i]));
	return PointerGetDatum(construct_array(part, table->n_key, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
slm_tag_key_out(SlmTagTable *table, TupleTableSlot *slot)
{
	Datum value[INDEX_MAX_KEYS];

	for (int i = 0; i < table->n_key; i++)
	{
		bool null;

		value[i] = slot_getattr(slot, table->key[i].attnum, &null);
		if (null)
			elog(ERROR, "null in a primary key");
	}
	return slm_tag_key_out_values(table, value);
}

void
slm_tag_key_in(const SlmTagTable *table, Datum key, Datum *value)
{
	Datum *part;
	bool *null;
	int n;

	deconstruct_array(DatumGetArrayTypeP(key), TEXTOID, -1, false, TYPALIGN_INT, &part, &null, &n);
	if (n != table->n_key)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the queued key has %d columns, the primary key %d", n, table->n_key)));
	for (int i = 0; i < n; i++)
	{
		Oid input;
		Oid io_param;

		getTypeInputInfo(table->key[i].type, &input, &io_param);
		value[i] = OidInputFunctionCall(input, TextDatumGetCString(part[i]), io_param, -1);
	}
}

/* ---- Pieces of SQL ---- */

char *
slm_tag_table_name(const SlmTagTable *table)
{
	/* Rows of inheritance children are not found by this table's primary key. */
	return psprintf("%s%s", table->rel->rd_rel->relkind == RELKIND_RELATION ? "ONLY " : "",
					quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table->rel)),
											   RelationGetRelationName(table->rel)));
}

char *
slm_tag_operator(Oid oid)
{
	HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	Form_pg_operator form;
	char *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", oid);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

const char *
slm_tag_column(const SlmTagTable *table, AttrNumber attnum)
{
	return quote_identifier(
		NameStr(TupleDescAttr(RelationGetDescr(table->rel), attnum - 1)->attname));
}

char *
slm_tag_key_condition(const SlmTagTable *table, int first)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < table->n_key; i++)
		appendStringInfo(&sql, "%st.%s %s $%d", i > 0 ? " AND " : "",
						 slm_tag_column(table, table->key[i].attnum),
						 slm_tag_operator(table->key[i].equal), first + i);
	return sql.data;
}

/* ---- Casts ---- */

void
slm_tag_cast_init(SlmTagCast *cast, Oid from, Relation rel, AttrNumber column)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(rel), column - 1);
	CaseTestExpr *input = makeNode(CaseTestExpr);
	Node *node;

	input->typeId = from;
	input->typeMod = -1;
	input->collation = get_typcollation(from);
	node =
		coerce_to_target_type(NULL, (Node *) input, from, attribute->atttypid, attribute->atttypmod,
							  COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	/* An enum has no assignment from text.  Other types have none for a reason. */
	if (node == NULL && type_is_enum(getBaseType(attribute->atttypid)))
		node = coerce_to_target_type(NULL, (Node *) input, from, attribute->atttypid,
									 attribute->atttypmod, COERCION_EXPLICIT, COERCE_EXPLICIT_CAST,
									 -1);
	if (node == NULL)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" of relation \"%s\" is of type %s and cannot hold %s",
							   NameStr(attribute->attname), RelationGetRelationName(rel),
							   format_type_be(attribute->atttypid), format_type_be(from))));
	cast->length = attribute->attlen;
	cast->by_value = attribute->attbyval;
	cast->state = NULL;
	if (IsA(node, CaseTestExpr))
		return;
	assign_expr_collations(NULL, node);
	cast->state = ExecInitExpr(expression_planner((Expr *) node), NULL);
	cast->context = CreateStandaloneExprContext();
}

Datum
slm_tag_cast(SlmTagCast *cast, Datum value, bool *null)
{
	if (cast->state == NULL)
		return value;
	cast->context->caseValue_datum = value;
	cast->context->caseValue_isNull = *null;
	value = ExecEvalExprSwitchContext(cast->state, cast->context, null);
	if (!*null)
		value = datumCopy(value, cast->by_value, cast->length);
	ResetExprContext(cast->context);
	return value;
}

/* ---- Rights ---- */

void
slm_tag_become_owner(const SlmTagTable *table, SlmTagRole *role)
{
	GetUserIdAndSecContext(&role->userid, &role->sec_context);
	role->nest_level = NewGUCNestLevel();
	SetUserIdAndSecContext(table->owner, role->sec_context | SECURITY_LOCAL_USERID_CHANGE |
											 SECURITY_RESTRICTED_OPERATION);
}

void
slm_tag_become_caller(const SlmTagRole *role)
{
	AtEOXact_GUC(false, role->nest_level);
	SetUserIdAndSecContext(role->userid, role->sec_context);
}
