/*
 * catalog.h - a model is a foreign server of the foreign-data wrapper slm
 */
#ifndef SLM_PG_CATALOG_H
#define SLM_PG_CATALOG_H

#include "nodes/pg_list.h"

#include "engine/slm.h"

#define SLM_WRAPPER_NAME "slm"

/*
 * What the catalog says of one model.  Lives in the backend's cache until the
 * server changes; copy what must outlive the next catalog access.
 */
typedef struct SlmModelDef
{
	Oid serverid; /* hash key */
	Oid ownerid;
	NameData name;
	char *file; /* plain name or absolute path, syntax checked; NULL: a trained model */
	bool has_sha256;
	uint8 sha256[SLM_SHA256_BYTES];
	SlmModelOptions options;
	NameData base;                /* the model that a trained one was trained on, else empty */
	NameData draft;               /* the model that guesses what this one writes, else empty */
	uint8 head[SLM_SHA256_BYTES]; /* of its numbers (head_store.c) */
	uint64 version;               /* differs for every reading of the catalog */
	uint32 hash_value;            /* of the syscache entry, to be invalidated by */
	MemoryContext context;
} SlmModelDef;

/* Counts catalog changes that could concern a model; what was resolved under another value is stale.
 */
extern uint64 slm_catalog_epoch;

extern void slm_catalog_init(void);

/*
 * Fills def from a list of DefElem, with the list's texts; raises for an option
 * that is unknown (HV00D), bad (22023) or missing (HV00J).
 */
extern void slm_catalog_parse(SlmModelDef *def, List *list);

/*
 * Finds a model by name for the current user: 42704 when there is no such
 * server, 42809 when it belongs to another wrapper, 42501 without USAGE.
 */
extern const SlmModelDef *slm_catalog_find(const char *name);

/* The definition of a server of ours, without any rights check; NULL when it is gone. */
extern const SlmModelDef *slm_catalog_by_oid(Oid serverid);

/*
 * Is that version of a definition still what the catalog says, as far as this
 * backend has heard?  Touches no catalog.
 */
extern bool slm_catalog_is_current(Oid serverid, uint64 version);

/* Raises 42501 when the current user may not register models. */
extern void slm_catalog_check_create(void);

/* Runs a DDL command that the user could have typed, with that user's rights. */
extern void slm_catalog_run_ddl(const char *command);

/* Oid of the wrapper, or InvalidOid when the extension is not installed here. */
extern Oid slm_catalog_wrapper(void);

/* Oid of the extension's schema, where its tables lie; InvalidOid as above. */
extern Oid slm_catalog_schema(void);

/*
 * Hashes (file content, options that change results, SLM_RESULTS_VERSION); an
 * option that stands at its default counts as absent.
 */
extern void slm_catalog_fingerprint(const uint8 sha256[SLM_SHA256_BYTES],
									const SlmModelOptions *options, char *out);

/* The same for a head on a base with that fingerprint. */
extern void slm_catalog_head_fingerprint(const char *base, const uint8 head[SLM_SHA256_BYTES],
										 char *out);

/* Copies options with their texts into a memory context. */
extern void slm_catalog_copy_options(SlmModelOptions *to, const SlmModelOptions *from,
									 MemoryContext context);

#endif
