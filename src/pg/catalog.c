/*
 * catalog.c - models as foreign servers, and what this backend remembers of them
 *
 * The wrapper slm has a validator and no handler, so grants, ownership,
 * comments, dumps and event triggers of a model are PostgreSQL's own.  A table
 * of options (below) says what a model can carry; the validator and the parser
 * are the same code, so what one accepts the other understands.
 *
 * A model has a file, or was trained: then it has a base, which is another model,
 * and a head, which is the hash of its numbers in the table slm_heads.
 *
 * The validator never looks at files: pg_restore must be able to register a
 * model on a machine that does not have it yet.
 *
 * A backend keeps the parsed options by the server's oid and forgets them when
 * the syscache entry changes.  slm_catalog_epoch counts such changes; whoever
 * keeps something derived from a definition compares it.  Rights are asked for
 * at each look-up and never remembered here.
 *
 * The options of a model that an extension brings are fixed: pg_dump leaves them
 * to the extension's script, so a changed one would be lost by dump and restore.
 * A validator is not told whose options it checks; what refuses the change is the
 * hook that PostgreSQL calls after it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "common/string.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/limits.h"
#include "pg/catalog.h"
#include "pg/files.h"
#include "pg/hash.h"
#include "pg/model_ref.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

PG_FUNCTION_INFO_V1(slm_validator);

uint64 slm_catalog_epoch = 1;

static HTAB *definitions; /* SlmModelDef by server oid */
static uint64 last_version;
static Oid wrapper_oid; /* of this database, InvalidOid: ask again */

/* ---- Options ------------------------------------------------------------- */

typedef struct OptionWord
{
	const char *word;
	int value;
} OptionWord;

static const OptionWord pooling_words[] = {
	{"mean", SLM_POOLING_MEAN}, {"cls", SLM_POOLING_CLS}, {"last", SLM_POOLING_LAST}, {NULL, 0}};
static const OptionWord overflow_words[] = {{"chunk", SLM_OVERFLOW_CHUNK},
											{"truncate", SLM_OVERFLOW_TRUNCATE},
											{"error", SLM_OVERFLOW_ERROR},
											{NULL, 0}};
static const OptionWord cache_type_words[] = {
	{"f32", SLM_DTYPE_F32}, {"f16", SLM_DTYPE_F16}, {"q8_0", SLM_DTYPE_Q8_0}, {NULL, 0}};

static int
parse_word(const char *option, const char *value, const OptionWord *words)
{
	StringInfoData list;

	for (int i = 0; words[i].word != NULL; i++)
		if (strcmp(value, words[i].word) == 0)
			return words[i].value;

	initStringInfo(&list);
	for (int i = 0; words[i].word != NULL; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", words[i].word);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for option \"%s\": \"%s\"", option, value),
					errhint("Valid values are: %s.", list.data)));
}

static void
parse_file(SlmModelDef *def, const char *option, char *value)
{
	SlmError err;

	SLM_CHECK(slm_file_check_name(value, &err), &err);
	def->file = value;
}

static void
parse_hash(const char *option, const char *value, uint8 hash[SLM_SHA256_BYTES])
{
	if (!slm_hash_from_hex(value, hash))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"%s\": \"%s\"", option, value),
						errdetail("It must be 64 lower-case hexadecimal digits.")));
}

static void
parse_sha256(SlmModelDef *def, const char *option, char *value)
{
	parse_hash(option, value, def->sha256);
	def->has_sha256 = true;
}

static void
parse_model_name(const char *option, const char *value, NameData *name)
{
	if (value[0] == '\0' || strlen(value) >= NAMEDATALEN)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"%s\": \"%s\"", option, value),
						errdetail("It must be the name of a model.")));
	namestrcpy(name, value);
}

static void
parse_base(SlmModelDef *def, const char *option, char *value)
{
	parse_model_name(option, value, &def->base);
}

/* Not a part of the fingerprint: guesses change no answer. */
static void
parse_draft(SlmModelDef *def, const char *option, char *value)
{
	parse_model_name(option, value, &def->draft);
}

static void
parse_head(SlmModelDef *def, const char *option, char *value)
{
	parse_hash(option, value, def->head);
}

static void
parse_pooling(SlmModelDef *def, const char *option, char *value)
{
	def->options.pooling = (SlmPooling) parse_word(option, value, pooling_words);
}

static void
parse_normalize(SlmModelDef *def, const char *option, char *value)
{
	if (!parse_bool(value, &def->options.normalize))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"%s\": \"%s\"", option, value),
						errdetail("It must be a Boolean.")));
}

/* The engine reads UTF-8, whatever the database's encoding is. */
static SlmText
utf8_text(char *value)
{
	return slm_text(pg_server_to_any(value, (int) strlen(value), PG_UTF8));
}

static void
parse_query_prefix(SlmModelDef *def, const char *option, char *value)
{
	def->options.query_prefix = utf8_text(value);
}

static void
parse_document_prefix(SlmModelDef *def, const char *option, char *value)
{
	def->options.document_prefix = utf8_text(value);
}

static void
parse_prompt_format(SlmModelDef *def, const char *option, char *value)
{
	StringInfoData known;

	def->options.prompt_format = slm_text(value);
	if (slm_chat_find(def->options.prompt_format) != NULL)
		return;
	initStringInfo(&known);
	for (int i = 0; slm_chat_name(i) != NULL; i++)
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", slm_chat_name(i));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for option \"%s\": \"%s\"", option, value),
					errdetail("The formats are %s.", known.data)));
}

static void
parse_context_length(SlmModelDef *def, const char *option, char *value)
{
	char *end;
	int tokens;

	errno = 0;
	tokens = strtoint(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || tokens < 1 || tokens > SLM_MAX_CONTEXT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"%s\": \"%s\"", option, value),
						errdetail("It must be a number of tokens from 1 to %d.", SLM_MAX_CONTEXT)));
	def->options.context_length = tokens;
}

static void
parse_overflow(SlmModelDef *def, const char *option, char *value)
{
	def->options.overflow = parse_word(option, value, overflow_words);
}

static void
parse_cache_type(SlmModelDef *def, const char *option, char *value)
{
	def->options.cache_type = (SlmDtype) parse_word(option, value, cache_type_words);
}

/* Every option a model can have. */
static const struct
{
	const char *name;
	void (*parse)(SlmModelDef *def, const char *option, char *value);
} model_options[] = {
	{"file", parse_file},
	{"sha256", parse_sha256},
	{"pooling", parse_pooling},
	{"normalize", parse_normalize},
	{"query_prefix", parse_query_prefix},
	{"document_prefix", parse_document_prefix},
	{"prompt_format", parse_prompt_format},
	{"context_length", parse_context_length},
	{"overflow", parse_overflow},
	{"cache_type", parse_cache_type},
	{"draft", parse_draft},
	{"base", parse_base},
	{"head", parse_head},
};

/* A trained model has base and head and no others: all else is its base's. */
static void
check_kind(const SlmModelDef *def, List *list)
{
	bool trained = NameStr(def->base)[0] != '\0';
	ListCell *cell;

	foreach (cell, list)
	{
		const char *name = lfirst_node(DefElem, cell)->defname;

		if (trained != (strcmp(name, "base") == 0 || strcmp(name, "head") == 0))
			ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
							errmsg("option \"%s\" is for models %s", name,
								   trained ? "that have a file" : "that were trained on a base"),
							errdetail("A trained model has the options \"base\" and \"head\"; "
									  "everything else is its base model's.")));
	}
	if (trained && list_length(list) != 2)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("option \"head\" is required for a trained model")));
	if (!trained && def->file == NULL)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("option \"file\" is required for a model")));
}

void
slm_catalog_parse(SlmModelDef *def, List *list)
{
	ListCell *cell;

	memset(def, 0, sizeof(*def));
	slm_model_options_init(&def->options);
	foreach (cell, list)
	{
		DefElem *element = lfirst_node(DefElem, cell);
		int i;

		for (i = 0; i < (int) lengthof(model_options); i++)
			if (strcmp(element->defname, model_options[i].name) == 0)
				break;
		if (i == (int) lengthof(model_options))
		{
			StringInfoData names;

			initStringInfo(&names);
			for (i = 0; i < (int) lengthof(model_options); i++)
				appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", model_options[i].name);
			ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
							errmsg("invalid option \"%s\"", element->defname),
							errhint("Valid options of a model are: %s.", names.data)));
		}
		model_options[i].parse(def, element->defname, defGetString(element));
	}
	check_kind(def, list);
}

/*
 * slm_validator(text[], oid): called by CREATE and ALTER of everything that
 * hangs on the wrapper.
 */
Datum
slm_validator(PG_FUNCTION_ARGS)
{
	List *list = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid catalog = PG_GETARG_OID(1);

	if (catalog == ForeignServerRelationId)
	{
		SlmModelDef def;

		slm_catalog_parse(&def, list);
	}
	else if (catalog == UserMappingRelationId)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("models of slm have no user mappings"),
						errhint("Use GRANT USAGE ON FOREIGN SERVER to let a role run a model.")));
	else if (catalog == ForeignTableRelationId || catalog == AttributeRelationId)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("models of slm have no foreign tables")));
	else if (list != NIL)
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
						errmsg("invalid option \"%s\"", linitial_node(DefElem, list)->defname),
						errdetail("The foreign-data wrapper slm has no options of its own.")));
	PG_RETURN_VOID();
}

/* ---- Models of an extension ---------------------------------------------- */

static object_access_hook_type next_access_hook;

/*
 * Has this command changed the options of a server?  The catalog cache has the
 * row as it was before the command, a look at the table itself has the new one.
 */
static bool
options_have_changed(Oid serverid)
{
	HeapTuple before = SearchSysCache1(FOREIGNSERVEROID, ObjectIdGetDatum(serverid));
	Relation servers = table_open(ForeignServerRelationId, AccessShareLock);
	bool changed = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple after;

	ScanKeyInit(&key, Anum_pg_foreign_server_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(serverid));
	scan = systable_beginscan(servers, ForeignServerOidIndexId, true, SnapshotSelf, 1, &key);
	after = systable_getnext(scan);
	if (HeapTupleIsValid(before) && HeapTupleIsValid(after))
	{
		TupleDesc columns = RelationGetDescr(servers);
		bool was_null;
		bool is_null;
		Datum was = heap_getattr(before, Anum_pg_foreign_server_srvoptions, columns, &was_null);
		Datum is = heap_getattr(after, Anum_pg_foreign_server_srvoptions, columns, &is_null);

		changed = was_null != is_null || (!was_null && !datum_image_eq(was, is, false, -1));
	}
	systable_endscan(scan);
	table_close(servers, AccessShareLock);
	if (HeapTupleIsValid(before))
		ReleaseSysCache(before);
	return changed;
}

/*
 * Refuses new options of a model that belongs to an extension.  No change gets
 * past it in a session that has not used slm yet: the validator, which comes
 * first, has loaded this library.
 */
static void
after_access(ObjectAccessType access, Oid classid, Oid objectid, int subid, void *arg)
{
	Oid extension;

	if (next_access_hook != NULL)
		next_access_hook(access, classid, objectid, subid, arg);
	if (access != OAT_POST_ALTER || classid != ForeignServerRelationId || creating_extension)
		return;
	extension = getExtensionOfObject(ForeignServerRelationId, objectid);
	if (!OidIsValid(extension) || slm_catalog_by_oid(objectid) == NULL ||
		!options_have_changed(objectid))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot change options of model \"%s\" because extension \"%s\" brings it",
					GetForeignServer(objectid)->servername, get_extension_name(extension)),
			 errhint("Register its file under another name with slm_create_model().")));
}

/* ---- Definitions --------------------------------------------------------- */

static void
copy_text(SlmText *to, SlmText from, MemoryContext context)
{
	char *data = NULL;

	if (from.size > 0)
	{
		data = MemoryContextAlloc(context, from.size);
		memcpy(data, from.data, from.size);
	}
	to->data = data;
	to->size = from.size;
}

void
slm_catalog_copy_options(SlmModelOptions *to, const SlmModelOptions *from, MemoryContext context)
{
	*to = *from;
	copy_text(&to->query_prefix, from->query_prefix, context);
	copy_text(&to->document_prefix, from->document_prefix, context);
	copy_text(&to->prompt_format, from->prompt_format, context);
}

/*
 * A server or a wrapper has changed.  Entries are only marked: somebody up the
 * stack may hold one.
 */
static void
invalidate(Datum arg, int cacheid, uint32 hash_value)
{
	slm_catalog_epoch++;
	wrapper_oid = InvalidOid;
	if (cacheid == FOREIGNSERVEROID && definitions != NULL)
	{
		HASH_SEQ_STATUS scan;
		SlmModelDef *def;

		hash_seq_init(&scan, definitions);
		while ((def = hash_seq_search(&scan)) != NULL)
			if (hash_value == 0 || def->hash_value == hash_value)
				def->version = 0;
	}
}

void
slm_catalog_init(void)
{
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, invalidate, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, invalidate, (Datum) 0);
	next_access_hook = object_access_hook;
	object_access_hook = after_access;
}

Oid
slm_catalog_wrapper(void)
{
	if (!OidIsValid(wrapper_oid))
		wrapper_oid = get_foreign_data_wrapper_oid(SLM_WRAPPER_NAME, true);
	return wrapper_oid;
}

Oid
slm_catalog_schema(void)
{
	Oid wrapper = slm_catalog_wrapper();

	if (!OidIsValid(wrapper))
		return InvalidOid;
	return get_func_namespace(GetForeignDataWrapper(wrapper)->fdwvalidator);
}

/* Parses a server into a fresh definition whose texts lie in its own context. */
static void
read_definition(SlmModelDef *def, ForeignServer *server)
{
	MemoryContext context;
	MemoryContext old;
	SlmModelDef parsed;
	uint64 epoch = slm_catalog_epoch;

	context = AllocSetContextCreate(TopMemoryContext, "slm model", ALLOCSET_SMALL_SIZES);
	PG_TRY();
	{
		old = MemoryContextSwitchTo(context);
		slm_catalog_parse(&parsed, server->options);
		if (parsed.file != NULL)
			parsed.file = pstrdup(parsed.file);
		slm_catalog_copy_options(&parsed.options, &parsed.options, context);
		MemoryContextSwitchTo(old);
	}
	PG_CATCH();
	{
		MemoryContextDelete(context);
		PG_RE_THROW();
	}
	PG_END_TRY();

	if (def->context != NULL)
		MemoryContextDelete(def->context);
	parsed.serverid = server->serverid;
	parsed.ownerid = server->owner;
	namestrcpy(&parsed.name, server->servername);
	parsed.hash_value = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(server->serverid));
	parsed.context = context;
	parsed.version = epoch == slm_catalog_epoch ? ++last_version : 0;
	*def = parsed;
}

const SlmModelDef *
slm_catalog_by_oid(Oid serverid)
{
	SlmModelDef *def;
	bool found;

	if (definitions == NULL)
	{
		HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(SlmModelDef)};

		definitions = hash_create("slm models", 16, &control, HASH_ELEM | HASH_BLOBS);
	}

	def = hash_search(definitions, &serverid, HASH_FIND, NULL);
	if (def == NULL || def->version == 0)
	{
		ForeignServer *server = GetForeignServerExtended(serverid, FSV_MISSING_OK);

		if (server == NULL || server->fdwid != slm_catalog_wrapper())
		{
			if (def != NULL)
			{
				if (def->context != NULL)
					MemoryContextDelete(def->context);
				hash_search(definitions, &serverid, HASH_REMOVE, NULL);
			}
			return NULL;
		}
		def = hash_search(definitions, &serverid, HASH_ENTER, &found);
		if (!found)
		{
			def->version = 0;
			def->context = NULL;
			def->hash_value = 0;
		}
		read_definition(def, server);
	}
	return def;
}

bool
slm_catalog_is_current(Oid serverid, uint64 version)
{
	const SlmModelDef *def =
		definitions != NULL ? hash_search(definitions, &serverid, HASH_FIND, NULL) : NULL;

	return def != NULL && def->version == version;
}

const SlmModelDef *
slm_catalog_find(const char *name)
{
	Oid serverid = get_foreign_server_oid(name, false);
	const SlmModelDef *def = slm_catalog_by_oid(serverid);
	AclResult acl;

	if (def == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("server \"%s\" is not a model", name),
				 errdetail("A model is a server of the foreign-data wrapper \"%s\".",
						   SLM_WRAPPER_NAME)));
	acl = object_aclcheck(ForeignServerRelationId, serverid, GetUserId(), ACL_USAGE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_SERVER, name);
	return def;
}

/* ---- Changes ------------------------------------------------------------- */

void
slm_catalog_check_create(void)
{
	Oid wrapper = slm_catalog_wrapper();
	AclResult acl;

	if (!OidIsValid(wrapper))
		elog(ERROR, "foreign-data wrapper \"%s\" does not exist", SLM_WRAPPER_NAME);
	acl = object_aclcheck(ForeignDataWrapperRelationId, wrapper, GetUserId(), ACL_USAGE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FDW, SLM_WRAPPER_NAME);
}

void
slm_catalog_run_ddl(const char *command)
{
	int rc;

	SPI_connect();
	rc = SPI_execute(command, false, 0);
	if (rc != SPI_OK_UTILITY)
		elog(ERROR, "SPI_execute of a DDL command returned %d", rc);
	SPI_finish();
}

/* ---- Fingerprint --------------------------------------------------------- */

static void
add_line(StringInfo text, const char *option, SlmText value)
{
	appendStringInfo(text, "%s %zu ", option, value.size);
	appendBinaryStringInfo(text, value.data, (int) value.size);
	appendStringInfoChar(text, '\n');
}

/* Hashes the text, and frees it. */
static void
finish_fingerprint(StringInfo text, char *out)
{
	uint8 digest[SLM_SHA256_BYTES];
	char hex[SLM_HASH_HEX_CHARS + 1];

	slm_hash_bytes(text->data, (size_t) text->len, digest);
	pfree(text->data);
	slm_hash_to_hex(digest, hex);
	memcpy(out, hex, SLM_FINGERPRINT_CHARS);
	out[SLM_FINGERPRINT_CHARS] = '\0';
}

void
slm_catalog_fingerprint(const uint8 sha256[SLM_SHA256_BYTES], const SlmModelOptions *options,
						char *out)
{
	SlmModelOptions defaults;
	StringInfoData text;
	char hex[SLM_HASH_HEX_CHARS + 1];

	slm_model_options_init(&defaults);
	slm_hash_to_hex(sha256, hex);
	initStringInfo(&text);
	appendStringInfo(&text, "slm %d\nfile %s\n", SLM_RESULTS_VERSION, hex);
	if (options->pooling != defaults.pooling)
		appendStringInfo(&text, "pooling %d\n", (int) options->pooling);
	if (options->normalize != defaults.normalize)
		appendStringInfo(&text, "normalize %d\n", options->normalize);
	if (options->context_length != defaults.context_length)
		appendStringInfo(&text, "context_length %d\n", options->context_length);
	if (options->overflow != defaults.overflow)
		appendStringInfo(&text, "overflow %d\n", (int) options->overflow);
	if (options->query_prefix.size > 0)
		add_line(&text, "query_prefix", options->query_prefix);
	if (options->document_prefix.size > 0)
		add_line(&text, "document_prefix", options->document_prefix);
	if (options->prompt_format.size != defaults.prompt_format.size ||
		memcmp(options->prompt_format.data, defaults.prompt_format.data,
			   defaults.prompt_format.size) != 0)
		add_line(&text, "prompt_format", options->prompt_format);
	if (options->cache_type != defaults.cache_type)
		appendStringInfo(&text, "cache_type %d\n", (int) options->cache_type);

	finish_fingerprint(&text, out);
}

void
slm_catalog_head_fingerprint(const char *base, const uint8 head[SLM_SHA256_BYTES], char *out)
{
	StringInfoData text;
	char hex[SLM_HASH_HEX_CHARS + 1];

	slm_hash_to_hex(head, hex);
	initStringInfo(&text);
	appendStringInfo(&text, "slm head\nbase %s\nhead %s\n", base, hex);
	finish_fingerprint(&text, out);
}
