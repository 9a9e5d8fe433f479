/*
 * pg_compat.h - what differs between PostgreSQL 15, 16, 17 and 18
 *
 * Include it after postgres.h.  Each entry gives the newest version's spelling
 * to the older ones, so that the code reads as if written for the newest.
 */
#ifndef SLM_PG_PG_COMPAT_H
#define SLM_PG_PG_COMPAT_H

#include "fmgr.h"
#include "funcapi.h"

#if PG_VERSION_NUM < 150000
#error "slm needs PostgreSQL 15 or newer"
#endif

/* VARDATA and its kin moved out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* One function checks rights on every kind of object. */
#if PG_VERSION_NUM < 160000
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "utils/acl.h"

static inline AclResult
object_aclcheck(Oid classid, Oid objectid, Oid roleid, AclMode mode)
{
	Assert(classid == ForeignServerRelationId || classid == ForeignDataWrapperRelationId);
	return classid == ForeignServerRelationId
			   ? pg_foreign_server_aclcheck(objectid, roleid, mode)
			   : pg_foreign_data_wrapper_aclcheck(objectid, roleid, mode);
}

static inline bool
object_ownercheck(Oid classid, Oid objectid, Oid roleid)
{
	Assert(classid == ForeignServerRelationId || classid == ForeignDataWrapperRelationId ||
		   classid == RelationRelationId);
	if (classid == RelationRelationId)
		return pg_class_ownercheck(objectid, roleid);
	return classid == ForeignServerRelationId
			   ? pg_foreign_server_ownercheck(objectid, roleid)
			   : pg_foreign_data_wrapper_ownercheck(objectid, roleid);
}
#endif

/* Came with 16, and with minor releases of 15; counts are bounded by the callers. */
#ifndef palloc_array
#define palloc_array(type, count) ((type *) palloc(sizeof(type) * (count)))
#define palloc0_array(type, count) ((type *) palloc0(sizeof(type) * (count)))
#endif

/* The planner's estimate of an array's length takes the planner's state. */
#if PG_VERSION_NUM < 170000
#define SLM_ESTIMATE_ARRAY_LENGTH(root, node) ((double) estimate_array_length(node))
#else
#define SLM_ESTIMATE_ARRAY_LENGTH(root, node) estimate_array_length(root, node)
#endif

/* A plan counts what it has although it was disabled. */
#if PG_VERSION_NUM >= 180000
#define SLM_COPY_DISABLED_NODES(to, from) ((to)->disabled_nodes = (from)->disabled_nodes)
#else
#define SLM_COPY_DISABLED_NODES(to, from) ((void) 0)
#endif

/* A process's number among all. */
#if PG_VERSION_NUM >= 170000
#define SLM_MY_PROC_NUMBER MyProcNumber
#else
#define SLM_MY_PROC_NUMBER (MyProc->pgprocno)
#endif

#include "utils/wait_event.h"

/* Modules can name what they wait for; *event keeps its number, 0 at first. */
static inline uint32
slm_wait_event(uint32 *event, const char *name)
{
#if PG_VERSION_NUM >= 170000
	if (*event == 0)
		*event = WaitEventExtensionNew(name);
#else
	(void) name;
	*event = PG_WAIT_EXTENSION;
#endif
	return *event;
}

/* random() was the only function of its name. */
#if PG_VERSION_NUM >= 170000
#define F_RANDOM F_RANDOM_
#endif

/* EXPLAIN has headers of its own. */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#else
#include "commands/explain.h"
#endif

/* Modules can say their name and version. */
#ifndef PG_MODULE_MAGIC_EXT
#define PG_MODULE_MAGIC_EXT(...) PG_MODULE_MAGIC
#endif

#endif
