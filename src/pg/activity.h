/*
 * activity.h - what the processes of slm are at: the view slm_activity
 */
#ifndef SLM_PG_ACTIVITY_H
#define SLM_PG_ACTIVITY_H

#include "pg/shmem.h"

/*
 * From now on this process is at something, on behalf of a role (InvalidOid: of none),
 * with a model or tagger of that name; or it goes on, where it was at the same already.
 * fingerprint may be NULL.  Writing goes on within the others, which are one at a time.
 * Never raises; where there is no room the view does not show it.
 */
extern void slm_activity_begin(SlmActivityKind kind, Oid roleid, const char *name,
							   const char *fingerprint);

/* It has got further. */
extern void slm_activity_add(SlmActivityKind kind, int64 rows, int64 tokens);

/* It is done; no harm where nothing was begun.  So it is when the transaction aborts. */
extern void slm_activity_end(SlmActivityKind kind);

#endif
