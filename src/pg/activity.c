/*
 * activity.c - what the processes of slm are at: the view slm_activity
 *
 * A process that is at something longer has an entry in shared memory meanwhile;
 * requests to workers are shown from their slots.  The view shows what the asking role
 * is at itself, and all to members of pg_read_all_stats.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pg/activity.h"
#include "pg/pg_compat.h"

PG_FUNCTION_INFO_V1(slm_activity_list);

/* What a process writes, and what it does that for. */
enum
{
	INNER,
	OUTER,
	LEVELS
};

static SlmActivity *mine[LEVELS]; /* NULL: it is at nothing */

static int
level_of(SlmActivityKind kind)
{
	return kind == SLM_ACTIVITY_WRITES ? INNER : OUTER;
}

static void
leave(int code, Datum arg)
{
	SlmShared *state = slm_shared();

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	for (int i = 0; i < LEVELS; i++)
	{
		if (mine[i] != NULL)
			mine[i]->pid = 0;
		mine[i] = NULL;
	}
	LWLockRelease(&state->worker_lock);
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_ABORT && event != XACT_EVENT_PARALLEL_ABORT)
		return;
	slm_activity_end(SLM_ACTIVITY_WRITES);
	slm_activity_end(SLM_ACTIVITY_TAGGER);
}

/* A free entry becomes this process's. */
static void
enter(SlmShared *state, int level)
{
	for (int i = 0; i < SLM_ACTIVITIES && mine[level] == NULL; i++)
		if (state->activity[i].pid == 0)
		{
			mine[level] = &state->activity[i];
			mine[level]->pid = MyProcPid;
		}
}

void
slm_activity_begin(SlmActivityKind kind, Oid roleid, const char *name, const char *fingerprint)
{
	static bool registered;
	SlmShared *state = slm_shared();
	int level = level_of(kind);

	if (state == NULL)
		return;
	if (mine[level] != NULL && mine[level]->kind == kind && mine[level]->roleid == roleid &&
		strcmp(NameStr(mine[level]->name), name) == 0)
		return;
	if (!registered)
	{
		before_shmem_exit(leave, (Datum) 0);
		RegisterXactCallback(end_of_transaction, NULL);
		registered = true;
	}
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	if (mine[level] == NULL)
		enter(state, level);
	if (mine[level] != NULL)
	{
		*mine[level] = (SlmActivity){
			.pid = MyProcPid, .kind = kind, .roleid = roleid, .since = GetCurrentTimestamp()};
		namestrcpy(&mine[level]->name, name);
		if (fingerprint != NULL)
			memcpy(mine[level]->fingerprint, fingerprint, SLM_FINGERPRINT_CHARS);
	}
	LWLockRelease(&state->worker_lock);
}

void
slm_activity_add(SlmActivityKind kind, int64 rows, int64 tokens)
{
	SlmShared *state = slm_shared();
	int level = level_of(kind);

	if (mine[level] == NULL)
		return;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	mine[level]->rows += rows;
	mine[level]->tokens += tokens;
	LWLockRelease(&state->worker_lock);
}

void
slm_activity_end(SlmActivityKind kind)
{
	SlmShared *state = slm_shared();
	int level = level_of(kind);

	if (mine[level] == NULL)
		return;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	mine[level]->pid = 0;
	mine[level] = NULL;
	LWLockRelease(&state->worker_lock);
}

/* ---- The view ---- */

typedef struct Shown
{
	int pid;
	Oid roleid;
	char what[NAMEDATALEN + 64];
	int64 rows;
	int64 tokens; /* -1: nobody counts them */
	TimestampTz since;
} Shown;

static void
show_activity(const SlmActivity *from, Shown *to)
{
	static const char *const format[] = {
		[SLM_ACTIVITY_WRITES] = "writes with model \"%s\"",
		[SLM_ACTIVITY_WORKER] = "worker: writes with model \"%s\"",
		[SLM_ACTIVITY_TAGGER] = "tagger \"%s\"",
		[SLM_ACTIVITY_BACKFILL] = "backfill of tagger \"%s\"",
	};

	*to = (Shown){.pid = from->pid,
				  .roleid = from->roleid,
				  .rows = from->rows,
				  .tokens = from->kind == SLM_ACTIVITY_WORKER ? from->tokens : -1,
				  .since = from->since};
	snprintf(to->what, sizeof(to->what), format[from->kind], NameStr(from->name));
}

static void
show_request(const SlmWorkerSlot *from, Shown *to)
{
	*to = (Shown){.pid = from->client_pid,
				  .roleid = from->roleid,
				  .rows = 1,
				  .tokens = from->n_written,
				  .since = from->since};
	snprintf(to->what, sizeof(to->what), "model \"%s\": %s", NameStr(from->model),
			 from->state == SLM_SLOT_QUEUED  ? "waits for a worker"
			 : from->state == SLM_SLOT_TAKEN ? "a worker writes"
											 : "a worker has written");
}

/* A copy, because rights are looked up in the catalog, and not under a lock. */
static int
collect(SlmShared *state, Shown *shown)
{
	int n = 0;

	LWLockAcquire(&state->worker_lock, LW_SHARED);
	for (int i = 0; i < SLM_ACTIVITIES; i++)
		if (state->activity[i].pid != 0)
			show_activity(&state->activity[i], &shown[n++]);
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
		if (state->slot[i].state != SLM_SLOT_FREE && !state->slot[i].abandoned)
			show_request(&state->slot[i], &shown[n++]);
	LWLockRelease(&state->worker_lock);
	return n;
}

/* slm_activity_list(): the rows of the view slm_activity */
Datum
slm_activity_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	SlmShared *state = slm_shared();
	Shown *shown;
	int n;

	InitMaterializedSRF(fcinfo, 0);
	if (state == NULL)
		PG_RETURN_NULL();
	shown = palloc_array(Shown, SLM_ACTIVITIES + SLM_WORKER_SLOTS);
	n = collect(state, shown);
	for (int i = 0; i < n; i++)
	{
		Datum values[5];
		bool nulls[5] = {false};

		if (!all &&
			(!OidIsValid(shown[i].roleid) || !has_privs_of_role(GetUserId(), shown[i].roleid)))
			continue;
		values[0] = Int32GetDatum(shown[i].pid);
		values[1] = CStringGetTextDatum(shown[i].what);
		values[2] = Int64GetDatum(shown[i].rows);
		values[3] = Int64GetDatum(shown[i].tokens);
		nulls[3] = shown[i].tokens < 0;
		values[4] = TimestampTzGetDatum(shown[i].since);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
