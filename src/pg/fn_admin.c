/*
 * fn_admin.c - SQL functions that register, load, list and clean up models
 *
 * slm_create_model and slm_drop_model run the DDL that a user could have typed,
 * with that user's rights: ownership, event triggers, grants and dependencies
 * are PostgreSQL's own.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/cache.h"
#include "pg/catalog.h"
#include "pg/files.h"
#include "pg/hash.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"
#include "pg/registry.h"
#include "pg/shmem.h"

PG_FUNCTION_INFO_V1(slm_create_model);
PG_FUNCTION_INFO_V1(slm_drop_model);
PG_FUNCTION_INFO_V1(slm_load);
PG_FUNCTION_INFO_V1(slm_cache_gc);
PG_FUNCTION_INFO_V1(slm_version);
PG_FUNCTION_INFO_V1(slm_model_list);

/* ---- Registering --------------------------------------------------------- */

/* Adds the members of a JSON object to a list of DefElem, as text. */
static List *
add_options(List *list, Jsonb *options)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;
	char *name = NULL;

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("options of a model must be a JSON object")));
	iterator = JsonbIteratorInit(&options->root);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		char *value = NULL;

		if (token == WJB_KEY)
			name = pnstrdup(item.val.string.val, item.val.string.len);
		if (token != WJB_VALUE)
			continue;
		switch (item.type)
		{
			case jbvNull:
				continue; /* a NULL option is its default */
			case jbvString:
				value = pnstrdup(item.val.string.val, item.val.string.len);
				break;
			case jbvNumeric:
				value = DatumGetCString(
					DirectFunctionCall1(numeric_out, NumericGetDatum(item.val.numeric)));
				break;
			case jbvBool:
				value = item.val.boolean ? "true" : "false";
				break;
			default:
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("option \"%s\" must be a string, a number or a Boolean", name)));
		}
		if (strcmp(name, "file") == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("the file of a model is an argument, not an option")));
		list = lappend(list, makeDefElem(name, (Node *) makeString(value), -1));
	}
	return list;
}

static bool
has_option(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
		if (strcmp(lfirst_node(DefElem, cell)->defname, name) == 0)
			return true;
	return false;
}

/*
 * The format that the chat template of a new model's file stands for becomes its option:
 * seen by everyone, kept by dumps, and not changed by a version that knows more templates.
 */
static const SlmModelRef *
take_known_format(const SlmModelRef *ref)
{
	const SlmModelInfo *info = slm_model_info(ref->model);
	const SlmChat *chat;
	NameData name = ref->name;

	if (!info->can_decode || !info->has_template)
		return ref;
	chat = slm_chat_of_template(info->template_sha256);
	if (chat == NULL)
	{
		ereport(NOTICE,
				(errmsg("chat template of model \"%s\" is not a known one", NameStr(name)),
				 errdetail("Prompts are given to the model as they are."),
				 errhint("The option \"prompt_format\" says how it wants to be talked to.")));
		return ref;
	}
	slm_catalog_run_ddl(psprintf("ALTER SERVER %s OPTIONS (ADD prompt_format %s)",
								 quote_identifier(NameStr(name)),
								 quote_literal_cstr(slm_chat_own_name(chat).data)));
	return slm_model_by_name(NameStr(name), SLM_DEFAULT_EMBED);
}

/*
 * slm_create_model(name text, file text, options jsonb) returns slm_model:
 * reads the file and builds its image, so that what cannot run is not
 * registered, and writes its sha256 into the options, and the prompt_format if none is
 * given and the file's chat template is a known one.
 */
Datum
slm_create_model(PG_FUNCTION_ARGS)
{
	char *name;
	char *file;
	List *options;
	ListCell *cell;
	SlmModelDef def;
	StringInfoData command;
	SlmFileIdentity identity;
	uint8 sha256[SLM_SHA256_BYTES];
	char hex[SLM_HASH_HEX_CHARS + 1];
	const SlmModelRef *ref;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name and file of a model must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	file = text_to_cstring(PG_GETARG_TEXT_PP(1));

	/* Rights first: no error about a file reaches who may not register models. */
	slm_catalog_check_create();

	options = list_make1(makeDefElem("file", (Node *) makeString(file), -1));
	if (!PG_ARGISNULL(2))
		options = add_options(options, PG_GETARG_JSONB_P(2));
	slm_catalog_parse(&def, options);
	slm_file_check_rights(file, GetUserId());

	slm_cache_locate(file, def.has_sha256 ? def.sha256 : NULL, &identity, sha256);
	slm_hash_to_hex(sha256, hex);
	if (!def.has_sha256)
		options = lappend(options, makeDefElem("sha256", (Node *) makeString(hex), -1));

	initStringInfo(&command);
	appendStringInfo(&command, "CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (",
					 quote_identifier(name), SLM_WRAPPER_NAME);
	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		appendStringInfo(&command, "%s%s %s", cell == list_head(options) ? "" : ", ",
						 quote_identifier(option->defname),
						 quote_literal_cstr(strVal(option->arg)));
	}
	appendStringInfoChar(&command, ')');
	slm_catalog_run_ddl(command.data);

	/* Checks that the options fit the model; an error takes the registration with it. */
	ref = slm_model_by_name(name, SLM_DEFAULT_EMBED);
	if (!has_option(options, "prompt_format"))
		ref = take_known_format(ref);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s@%s", NameStr(ref->name), ref->fingerprint)));
}

/* slm_drop_model(name text, cascade boolean) returns void. */
Datum
slm_drop_model(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool cascade = PG_GETARG_BOOL(1);

	if (slm_catalog_by_oid(get_foreign_server_oid(name, false)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("server \"%s\" is not a model", name)));
	slm_catalog_run_ddl(
		psprintf("DROP SERVER %s%s", quote_identifier(name), cascade ? " CASCADE" : ""));
	PG_RETURN_VOID();
}

/* ---- Images -------------------------------------------------------------- */

/*
 * slm_load(model text) returns bigint: builds and maps the image if need be,
 * reads all of it into memory, and says how many bytes it has.
 */
Datum
slm_load(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SlmMapping *mapping = slm_model_mapping(slm_model_by_name(name, SLM_DEFAULT_EMBED));

	slm_weights_populate(mapping);
	PG_RETURN_INT64((int64) mapping->bytes);
}

/* slm_cache_gc() returns table (file text, bytes bigint): what it has removed. */
Datum
slm_cache_gc(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SlmCacheVictim *victim;
	int n_victim;

	InitMaterializedSRF(fcinfo, 0);
	victim = slm_cache_remove_unused(&n_victim);
	for (int i = 0; i < n_victim; i++)
	{
		Datum values[2] = {CStringGetTextDatum(victim[i].name), Int64GetDatum(victim[i].bytes)};
		bool nulls[2] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/* slm_version() returns text. */
Datum
slm_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(SLM_VERSION));
}

/* ---- The list ------------------------------------------------------------ */

enum ModelColumn
{
	COLUMN_NAME = 0,
	COLUMN_FILE,
	COLUMN_SHA256,
	COLUMN_FINGERPRINT,
	COLUMN_ARCHITECTURE,
	COLUMN_QUANTIZATION,
	COLUMN_PARAMETERS,
	COLUMN_DIMENSIONS,
	COLUMN_CONTEXT,
	COLUMN_HEADS,
	COLUMN_LICENCE,
	COLUMN_BYTES,
	COLUMN_STATE,
	COLUMN_ATTACHED,
	COLUMN_BASE,
	COLUMN_COUNT
};

typedef struct ModelRow
{
	Datum value[COLUMN_COUNT];
	bool null[COLUMN_COUNT];
} ModelRow;

static void
set_column(ModelRow *row, int column, Datum value)
{
	row->value[column] = value;
	row->null[column] = false;
}

/* Text of a model file: what is not printable ASCII is shown as \xNN. */
static void
set_file_text(ModelRow *row, int column, SlmText value)
{
	char quoted[256];

	if (value.size > 0)
		set_column(
			row, column,
			CStringGetTextDatum(slm_error_quote(quoted, sizeof(quoted), value.data, value.size)));
}

/* The heads that a model has beside its embeddings. */
static Datum
heads_of(const SlmModelInfo *info)
{
	Datum head[5];
	int n = 0;

	if (info->n_class > 0)
		head[n++] = CStringGetTextDatum("class");
	if (info->n_token_class > 0)
		head[n++] = CStringGetTextDatum("token");
	if (info->has_label_head)
		head[n++] = CStringGetTextDatum("label");
	if (info->n_span > 0)
		head[n++] = CStringGetTextDatum("extract");
	if (info->has_sentence_head)
		head[n++] = CStringGetTextDatum("sentence");
	return PointerGetDatum(construct_array(head, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* What the image itself says; it is mapped for that, which reads its first pages only. */
static void
set_image_columns(ModelRow *row, const SlmMapping *mapping, const SlmModelOptions *options)
{
	const SlmModelInfo *info = slm_model_info(mapping->model);
	int context = info->n_context;

	if (options->context_length > 0 && options->context_length < context)
		context = options->context_length;
	set_file_text(row, COLUMN_ARCHITECTURE, info->architecture);
	set_file_text(row, COLUMN_QUANTIZATION, info->quantization);
	set_file_text(row, COLUMN_LICENCE, info->licence);
	set_column(row, COLUMN_PARAMETERS, Int64GetDatum((int64) info->n_parameter));
	set_column(row, COLUMN_DIMENSIONS, Int32GetDatum(info->n_embd));
	set_column(row, COLUMN_CONTEXT, Int32GetDatum(context));
	set_column(row, COLUMN_HEADS, heads_of(info));
	set_column(row, COLUMN_BYTES, Int64GetDatum((int64) mapping->bytes));
}

/*
 * Fills the columns that come from the file, as far as they are known without
 * reading or building anything, and returns the state.  The fingerprint goes to
 * the caller, "" where it is not known.
 */
static const char *
describe_file(ModelRow *row, const SlmModelDef *def, char fingerprint[SLM_FINGERPRINT_CHARS + 1])
{
	uint8 sha256[SLM_SHA256_BYTES];
	char hex[SLM_HASH_HEX_CHARS + 1];
	SlmCacheState state;
	SlmFileIdentity identity;
	SlmError err;
	SlmMapping *mapping;

	fingerprint[0] = '\0';
	if (!slm_file_has_rights(def->file, def->ownerid))
		return "forbidden";

	if (slm_cache_peek(def->file, def->has_sha256 ? def->sha256 : NULL, sha256, &state))
	{
		slm_hash_to_hex(sha256, hex);
		set_column(row, COLUMN_SHA256, CStringGetTextDatum(hex));
		slm_catalog_fingerprint(sha256, &def->options, fingerprint);
		if (state == SLM_CACHE_READY)
		{
			set_column(row, COLUMN_ATTACHED, Int32GetDatum(slm_shared_users(sha256)));
			if (slm_weights_attach(sha256, &mapping, &err) != SLM_OK || mapping == NULL)
				return "unreadable";
			set_image_columns(row, mapping, &def->options);
			slm_weights_release(mapping);
			slm_weights_sweep();
			return "ready";
		}
	}
	if (state == SLM_CACHE_BUILDING)
		return "building";
	return slm_file_stat(def->file, &identity, &err) == SLM_OK ? "absent" : "no file";
}

static bool
may_use(Oid serverid, Oid role)
{
	return object_aclcheck(ForeignServerRelationId, serverid, role, ACL_USAGE) == ACLCHECK_OK;
}

/* Fills the columns of a model and returns its state; a trained model shows its base's columns. */
static const char *
describe_model(ModelRow *row, const SlmModelDef *def)
{
	SlmModelDef trained = *def;
	char fingerprint[SLM_FINGERPRINT_CHARS + 1];
	const char *state;

	if (def->file != NULL)
	{
		if (!may_use(def->serverid, GetUserId()))
			return "forbidden";
		state = describe_file(row, def, fingerprint);
	}
	else
	{
		Oid base = get_foreign_server_oid(NameStr(trained.base), true);

		if (!may_use(trained.serverid, GetUserId()))
			return "forbidden";
		def = OidIsValid(base) ? slm_catalog_by_oid(base) : NULL;
		if (def == NULL || def->file == NULL)
			return "no base";
		if (!may_use(base, trained.ownerid))
			return "forbidden";
		state = describe_file(row, def, fingerprint);
		row->null[COLUMN_SHA256] = true;
		if (fingerprint[0] != '\0')
			slm_catalog_head_fingerprint(fingerprint, trained.head, fingerprint);
	}
	if (fingerprint[0] != '\0')
		set_column(row, COLUMN_FINGERPRINT, CStringGetTextDatum(fingerprint));
	return state;
}

/* slm_model_list(): the rows of the view slm_models. */
Datum
slm_model_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid wrapper = slm_catalog_wrapper();
	Relation servers;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid *serverid = palloc(sizeof(Oid));
	int n_server = 0;

	InitMaterializedSRF(fcinfo, 0);
	servers = table_open(ForeignServerRelationId, AccessShareLock);
	scan = systable_beginscan(servers, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_foreign_server server = (Form_pg_foreign_server) GETSTRUCT(tuple);

		if (server->srvfdw != wrapper)
			continue;
		serverid = repalloc(serverid, sizeof(Oid) * (size_t) (n_server + 1));
		serverid[n_server++] = server->oid;
	}
	systable_endscan(scan);
	table_close(servers, AccessShareLock);

	for (int i = 0; i < n_server; i++)
	{
		const SlmModelDef *def = slm_catalog_by_oid(serverid[i]);
		ModelRow row;

		if (def == NULL)
			continue; /* dropped meanwhile */
		memset(row.null, true, sizeof(row.null));
		set_column(&row, COLUMN_NAME, NameGetDatum(&def->name));
		if (def->file != NULL)
			set_column(&row, COLUMN_FILE, CStringGetTextDatum(def->file));
		else
			set_column(&row, COLUMN_BASE, NameGetDatum(&def->base));
		set_column(&row, COLUMN_STATE, CStringGetTextDatum(describe_model(&row, def)));
		tuplestore_putvalues(result->setResult, result->setDesc, row.value, row.null);
	}
	PG_RETURN_NULL();
}
