/*
 * model_ref.c - from a model's name to something that runs
 *
 * A ref binds a catalog definition to the mapped image of one file content.
 * Every look-up by name asks for rights; then the backend's current ref of that
 * server is taken if it still fits:
 *
 * - the catalog entry has not changed;
 * - its image is not broken;
 * - a model that does not carry its sha256 has an unchanged file, which is asked
 *   once per statement: a statement runs on one content from start to end, the
 *   next one sees the new file.
 *
 * Otherwise a new ref with a new generation takes its place.  The old one keeps
 * its image until the end of the transaction, for those who still hold it, and
 * its memory is used again but never given back, so that asking an old pointer
 * whether it is valid is always safe.
 *
 * A trained model's ref is a head on the ref of its base, which is looked up the
 * same way, but with the rights of the trained model's owner: who may use the
 * one need not be allowed to use the other.  It fits as long as it stands on the
 * base's current ref.
 *
 * A "statement" is what the client sent: its start time tells them apart, and
 * parallel workers share it with their leader.  Which content a statement runs on
 * is settled in shared memory by the first of its processes that asks: a file
 * can be replaced between the leader's look and a worker's.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_foreign_server.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/cache.h"
#include "pg/catalog.h"
#include "pg/files.h"
#include "pg/head_store.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"
#include "pg/pin.h"
#include "pg/registry.h"
#include "pg/shmem.h"
#include "pg/weights.h"

#define MAX_IDLE_MODELS 16  /* refs kept between transactions */
#define MAX_ATTACH_TRIES 10 /* each means that an image was dropped before we could map it */

typedef struct BackendRef
{
	SlmModelRef ref; /* first: what callers see */
	struct BackendRef *next;
	bool current; /* found by its server; else waiting for the end of the transaction */
	uint64 def_version;
	SlmMapping *mapping;
	bool by_content; /* the model carries its sha256 */
	SlmFileIdentity identity;
	MemoryContext context; /* of the options' texts and the head's bytes */

	/* A trained model's */
	SlmHead head;
	const struct BackendRef *base;
	uint64 base_generation;

	/* What its option "draft" names, and when that was looked up */
	NameData draft_name;
	const SlmModel *draft;
	uint64 draft_generation; /* of a ref whose vocabulary has been compared */
	TimestampTz draft_statement;
	uint64 draft_epoch;

	/* The last check that let this ref pass. */
	TimestampTz checked_statement;
	uint64 checked_epoch;
	Oid checked_user;
} BackendRef;

static BackendRef *refs;      /* current ones and ones to be recycled, last used first */
static BackendRef *free_refs; /* memory for the next ones */
static uint64 last_generation;

static const char *const default_model_setting[SLM_DEFAULT_COUNT] = {
	[SLM_DEFAULT_EMBED] = "slm.embed_model",       [SLM_DEFAULT_CLASSIFY] = "slm.classify_model",
	[SLM_DEFAULT_EXTRACT] = "slm.extract_model",   [SLM_DEFAULT_SUMMARIZE] = "slm.summarize_model",
	[SLM_DEFAULT_GENERATE] = "slm.generate_model",
};

static BackendRef *
current_ref(Oid serverid)
{
	for (BackendRef *ref = refs; ref != NULL; ref = ref->next)
		if (ref->current && ref->ref.serverid == serverid)
			return ref;
	return NULL;
}

static void
move_to_front(BackendRef *ref)
{
	BackendRef **link = &refs;

	while (*link != ref)
		link = &(*link)->next;
	*link = ref->next;
	ref->next = refs;
	refs = ref;
}

/* Takes a ref that nobody may rely on any more out of use. */
static void
recycle(BackendRef *ref)
{
	slm_weights_release(ref->mapping);
	MemoryContextDelete(ref->context);
	memset(ref, 0, sizeof(*ref));
	ref->next = free_refs;
	free_refs = ref;
}

/* At the end of a transaction nobody holds a ref. */
static void
end_of_transaction(XactEvent event, void *arg)
{
	BackendRef **link = &refs;
	int n_kept = 0;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	while (*link != NULL)
	{
		BackendRef *ref = *link;

		if (ref->current && !ref->mapping->broken && n_kept < MAX_IDLE_MODELS &&
			slm_catalog_is_current(ref->ref.serverid, ref->def_version))
		{
			n_kept++;
			ref->draft_statement = 0; /* it may go when this one stays */
			link = &ref->next;
		}
		else
		{
			*link = ref->next;
			recycle(ref);
		}
	}
	slm_weights_sweep();
}

void
slm_registry_init(void)
{
	slm_catalog_init();
	RegisterXactCallback(end_of_transaction, NULL);
}

/* Puts a new ref of a definition in front; context becomes its own. */
static BackendRef *
add_ref(const SlmModelDef *def, SlmMapping *mapping, const SlmModelOptions *options,
		MemoryContext context)
{
	BackendRef *ref = free_refs;

	free_refs = ref->next;
	MemoryContextSetParent(context, TopMemoryContext);
	ref->ref.serverid = def->serverid;
	ref->ref.name = def->name;
	ref->ref.generation = ++last_generation;
	ref->ref.model = mapping->model;
	ref->ref.options = *options;
	ref->current = true;
	ref->def_version = def->version;
	ref->mapping = mapping;
	ref->context = context;
	ref->next = refs;
	refs = ref;
	return ref;
}

/* Makes sure that add_ref() will find memory. */
static void
reserve_ref(void)
{
	if (free_refs == NULL)
		free_refs = MemoryContextAllocZero(TopMemoryContext, sizeof(BackendRef));
}

/* Builds or awaits the image of a definition and binds the two. */
static BackendRef *
attach(const SlmModelDef *def, TimestampTz statement)
{
	SlmModelDef copy = *def; /* def itself may change under the catalog accesses below */
	MemoryContext context;
	SlmMapping *mapping = NULL;
	SlmFileIdentity identity;
	uint8 sha256[SLM_SHA256_BYTES];
	BackendRef *ref;
	SlmError err;

	reserve_ref();
	context =
		AllocSetContextCreate(CurrentMemoryContext, "slm model options", ALLOCSET_SMALL_SIZES);
	slm_catalog_copy_options(&copy.options, &def->options, context);
	copy.file = pstrdup(def->file);

	for (int i = 0; i < MAX_ATTACH_TRIES && mapping == NULL; i++)
	{
		slm_cache_locate(copy.file, copy.has_sha256 ? copy.sha256 : NULL, &identity, sha256);
		/* A content that is not the file's any more: the next statement must look again. */
		if (!copy.has_sha256 && slm_shared_agree(statement, copy.serverid, copy.file, sha256))
			memset(&identity, 0, sizeof(identity));
		SLM_CHECK(slm_weights_attach(sha256, &mapping, &err), &err);
	}
	if (mapping == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("weight image of model \"%s\" vanishes as often as it is built",
							   NameStr(copy.name)),
						errhint("Is slm.max_cache_size large enough for the models in use?")));

	slm_cache_touch(mapping->fd);
	if (slm_model_options_check(&copy.options, mapping->model, &err) != SLM_OK)
	{
		slm_weights_release(mapping);
		slm_raise(&err);
	}

	ref = add_ref(&copy, mapping, &copy.options, context);
	slm_catalog_fingerprint(sha256, &copy.options, ref->ref.fingerprint);
	ref->by_content = copy.has_sha256;
	ref->identity = identity;
	ref->draft_name = copy.draft;
	return ref;
}

/*
 * May a ref of the current definition go on being used?  For a model without
 * sha256 the file decides, once per statement.
 */
static bool
still_fits(const BackendRef *ref, const SlmModelDef *def, TimestampTz statement)
{
	SlmFileIdentity identity;
	SlmError err;
	uint8 sha256[SLM_SHA256_BYTES];

	if (ref->def_version != def->version || ref->mapping->broken)
		return false;
	if (ref->by_content || ref->checked_statement == statement)
		return true;
	if (slm_file_stat(def->file, &identity, &err) != SLM_OK ||
		!slm_file_same(&identity, &ref->identity))
		return false;
	memcpy(sha256, ref->mapping->sha256, SLM_SHA256_BYTES);
	return !slm_shared_agree(statement, def->serverid, def->file, sha256);
}

/* The current ref of a model with a file; rights to use it are the caller's to check. */
static BackendRef *
file_ref(const SlmModelDef *def, TimestampTz statement)
{
	BackendRef *ref;

	slm_file_check_rights(def->file, def->ownerid);
	ref = current_ref(def->serverid);
	if (ref != NULL && !still_fits(ref, def, statement))
	{
		ref->current = false;
		ref = NULL;
	}
	return ref != NULL ? ref : attach(def, statement);
}

/*
 * Puts the head of a trained model on its base.  NULL: the model has been
 * trained anew since its definition was read.
 */
static BackendRef *
attach_head(const SlmModelDef *def, BackendRef *base)
{
	SlmModelDef copy = *def;
	MemoryContext context;
	SlmMapping *mapping;
	SlmHead head;
	BackendRef *ref;
	void *bytes;
	Size size;
	SlmError err;

	reserve_ref();
	context = AllocSetContextCreate(CurrentMemoryContext, "slm model head", ALLOCSET_SMALL_SIZES);
	bytes = slm_head_fetch(&copy, context, &size);
	if (bytes == NULL)
	{
		MemoryContextDelete(context);
		AcceptInvalidationMessages();
		if (!slm_catalog_is_current(copy.serverid, copy.version))
			return NULL;
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("model \"%s\" has no numbers", NameStr(copy.name)),
						errdetail("Its options name a head that the table slm_heads does not hold "
								  "for it."),
						errhint("slm_train_classifier() makes both.")));
	}
	SLM_CHECK(slm_head_read(bytes, size, &head, &err), &err);
	if (strncmp(head.base, base->ref.fingerprint, SLM_FINGERPRINT_CHARS) != 0 ||
		head.n_embd != slm_model_info(base->ref.model)->n_embd)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("base model \"%s\" of model \"%s\" is not the one it was trained on",
							   NameStr(copy.base), NameStr(copy.name)),
						errdetail("Its fingerprint is %s, was %.*s.", base->ref.fingerprint,
								  SLM_FINGERPRINT_CHARS, head.base),
						errhint("Train it anew with slm_train_classifier(..., replace => true).")));
	slm_catalog_copy_options(&copy.options, &base->ref.options, context);
	SLM_CHECK(slm_weights_attach(base->mapping->sha256, &mapping, &err), &err);
	Assert(mapping == base->mapping);

	ref = add_ref(&copy, mapping, &copy.options, context);
	slm_catalog_head_fingerprint(base->ref.fingerprint, copy.head, ref->ref.fingerprint);
	ref->head = head;
	ref->ref.head = &ref->head;
	ref->base = base;
	ref->base_generation = base->ref.generation;
	return ref;
}

/*
 * The definition of a model that another one needs, its base or its draft, which the
 * owner of that one must be allowed to use.
 */
static const SlmModelDef *
needed_definition(const SlmModelDef *def, const char *what, NameData needed)
{
	NameData name = def->name;
	Oid ownerid = def->ownerid;
	bool trained = def->file == NULL;
	Oid serverid = get_foreign_server_oid(NameStr(needed), true);
	const SlmModelDef *found = OidIsValid(serverid) ? slm_catalog_by_oid(serverid) : NULL;

	if (found == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("%s model \"%s\" of model \"%s\" does not exist", what,
							   NameStr(needed), NameStr(name))));
	if (found->file == NULL)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("%s model \"%s\" of model \"%s\" is a trained model itself", what,
							   NameStr(needed), NameStr(name))));
	if (object_aclcheck(ForeignServerRelationId, serverid, ownerid, ACL_USAGE) != ACLCHECK_OK)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for %s model \"%s\" of model \"%s\"", what,
							   NameStr(needed), NameStr(name)),
						errdetail("The owner of the %smodel must be allowed to use it.",
								  trained ? "trained " : "")));
	return found;
}

/* The current ref of a trained model, or NULL as attach_head() says. */
static BackendRef *
trained_ref(const SlmModelDef *def, TimestampTz statement)
{
	SlmModelDef copy = *def;
	BackendRef *base = file_ref(needed_definition(def, "base", def->base), statement);
	BackendRef *ref = current_ref(copy.serverid);

	move_to_front(base);
	if (ref != NULL && (ref->def_version != copy.version || ref->base != base ||
						ref->base_generation != base->ref.generation || ref->mapping->broken))
	{
		ref->current = false;
		ref = NULL;
	}
	return ref != NULL ? ref : attach_head(&copy, base);
}

static const SlmModelRef *
resolve(const char *name)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	uint64 epoch;
	BackendRef *ref;

	do
	{
		const SlmModelDef *def;

		/* A statement that locks no table would not hear of a REVOKE inside a transaction. */
		AcceptInvalidationMessages();
		epoch = slm_catalog_epoch;
		def = slm_catalog_find(name);
		ref = def->file != NULL ? file_ref(def, statement) : trained_ref(def, statement);
	} while (ref == NULL);
	move_to_front(ref);
	ref->checked_statement = statement;
	ref->checked_epoch = epoch;
	ref->checked_user = GetUserId();
	return &ref->ref;
}

const SlmModelRef *
slm_model_by_name(const char *name, SlmDefaultModel which)
{
	if (name == NULL)
	{
		name = slm_default_model[which];
		if (name == NULL || name[0] == '\0')
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("no model is given and \"%s\" is not set",
								   default_model_setting[which]),
							errhint("Name a model in the call, or set the default. The view "
									"slm_models lists what there is.")));
	}
	return resolve(name);
}

const SlmModelRef *
slm_model_by_pin(const char *pin)
{
	char name[NAMEDATALEN];
	const char *fingerprint = slm_pin_split(pin, name);
	const SlmModelRef *ref = resolve(name);

	if (strcmp(ref->fingerprint, fingerprint) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("model \"%s\" is not the one that was pinned", name),
						errdetail("Its fingerprint is %s, the pin says %s.", ref->fingerprint,
								  fingerprint),
						errhint("File, options or version have changed. slm_pin('%s') gives the "
								"new pin; what was computed with the old one should be computed "
								"anew.",
								name)));
	return ref;
}

/* Raises unless a model can guess what another one writes. */
static void
check_draft(const BackendRef *ref, const BackendRef *draft)
{
	const SlmModel *model = ref->ref.model, *smaller = draft->ref.model;
	int32 differ;
	SlmError err;

	if (!slm_model_info(smaller)->can_decode)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("draft model \"%s\" of model \"%s\" does not write text",
							   NameStr(draft->ref.name), NameStr(ref->ref.name))));
	SLM_CHECK(slm_tokenizer_differ(slm_model_tokenizer(model), slm_model_tokenizer(smaller),
								   &slm_pg_host, &differ, &err),
			  &err);
	if (differ >= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("draft model \"%s\" of model \"%s\" has another vocabulary",
							   NameStr(draft->ref.name), NameStr(ref->ref.name)),
						errdetail("Token %d is the first that is not the same.", differ),
						errhint("A draft is a smaller model of the same family.")));
}

const SlmModel *
slm_model_draft(const SlmModelRef *of)
{
	BackendRef *ref = (BackendRef *) of, *draft;
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	const SlmModelDef *def;
	SlmModelDef copy;

	if (NameStr(ref->draft_name)[0] == '\0')
		return NULL;
	if (ref->draft_statement == statement && ref->draft_epoch == slm_catalog_epoch)
		return ref->draft;
	def = slm_catalog_by_oid(of->serverid);
	if (def == NULL)
		return NULL; /* dropped in this transaction: its statement goes on without */
	copy = *def;
	draft = file_ref(needed_definition(&copy, "draft", ref->draft_name), statement);
	move_to_front(draft);
	if (ref->draft_generation != draft->ref.generation)
		check_draft(ref, draft);
	ref->draft = draft->ref.model;
	ref->draft_generation = draft->ref.generation;
	ref->draft_statement = statement;
	ref->draft_epoch = slm_catalog_epoch;
	return ref->draft;
}

bool
slm_model_ref_valid(const SlmModelRef *ref, uint64 generation)
{
	const BackendRef *known = (const BackendRef *) ref;

	return ref->generation == generation && known->current && !known->mapping->broken &&
		   known->checked_epoch == slm_catalog_epoch && known->checked_user == GetUserId() &&
		   known->checked_statement == GetCurrentStatementStartTimestamp();
}

SlmMapping *
slm_model_mapping(const SlmModelRef *ref)
{
	return ((const BackendRef *) ref)->mapping;
}
