/*
 * activity.c - what the processes of slm are at: the view slm_activity
 *
 * A process that is at something longer has an entry in shared memory, which it keeps
 * until it ends; requests to workers are shown from their slots.  The view shows
 * what the asking role is at itself, and all to members of pg_read_all_stats.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pg/activity.h"
#include "pg/pg_compat.h"

PG_FUNCTION_INFO_V1(slm_activity_list);

static SlmActivity *mine; /* NULL: there is none */
static bool active;

static void
leave(int code, Datum arg)
{
	SlmShared *state = slm_shared();

	if (mine == NULL)
		return;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	mine->pid = 0;
	LWLockRelease(&state->worker_lock);
	mine = NULL;
	active = false;
}

/* A free entry becomes this process's. */
static void
enter(SlmShared *state)
{
	static bool registered;

	if (!registered)
	{
		before_shmem_exit(leave, (Datum) 0);
		registered = true;
	}
	for (int i = 0; i < SLM_ACTIVITIES && mine == NULL; i++)
		if (state->activity[i].pid == 0)
		{
			mine = &state->activity[i];
			mine->pid = MyProcPid;
		}
}

void
slm_activity_begin(SlmActivityKind kind, Oid roleid, const char *name, const char *fingerprint)
{
	SlmShared *state = slm_shared();

	if (state == NULL)
		return;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	if (mine == NULL)
		enter(state);
	if (mine != NULL)
	{
		*mine = (SlmActivity){
			.pid = MyProcPid, .kind = kind, .roleid = roleid, .since = GetCurrentTimestamp()};
		namestrcpy(&mine->name, name);
		if (fingerprint != NULL)
			memcpy(mine->fingerprint, fingerprint, SLM_FINGERPRINT_CHARS);
		active = true;
	}
	LWLockRelease(&state->worker_lock);
}

void
slm_activity_add(int64 rows, int64 tokens)
{
	SlmShared *state = slm_shared();

	if (!active)
		return;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	mine->rows += rows;
	mine->tokens += tokens;
	LWLockRelease(&state->worker_lock);
}

void
slm_activity_end(void)
{
	SlmShared *state = slm_shared();

	if (!active)
		return;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	mine->kind = SLM_ACTIVITY_NONE;
	LWLockRelease(&state->worker_lock);
	active = false;
}

/* ---- The view ---- */

typedef struct Shown
{
	int pid;
	Oid roleid;
	char what[NAMEDATALEN + 64];
	int64 rows;
	int64 tokens;
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
				  .tokens = from->tokens,
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
		if (state->activity[i].pid != 0 && state->activity[i].kind != SLM_ACTIVITY_NONE)
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
		values[4] = TimestampTzGetDatum(shown[i].since);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
