/*
 * tagger_start.c - who starts the worker of a database, and when it may end
 *
 * A slot in shared memory says that a database has a worker, or that one is being
 * started.  Whoever commits keys sets the slot's "wake" and the worker's latch;
 * where there is no slot, it starts a worker.  The worker gives its slot up only
 * while wake is not set, under the same lock, and clears it before it looks.  So
 * no committed key is left without a worker that will look after it, unless none
 * can be started.  (A key committed by COMMIT PREPARED wakes nobody: the next
 * statement or slm_run_taggers() does.)
 *
 * A worker that has to end within a batch, for whatever reason, leaves the name
 * of the tagger and starts the next one, which has that tagger rest.
 *
 * Where slm is preloaded, a launcher starts a worker in each database after the
 * server's start; one that has nothing to do ends at once.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/pg_compat.h"
#include "pg/shmem.h"
#include "pg/tagger.h"
#include "pg/tagger_start.h"

PG_FUNCTION_INFO_V1(slm_run_taggers);
PG_FUNCTION_INFO_V1(slm_tagger_worker);

extern PGDLLEXPORT void slm_tagger_launcher_main(Datum arg);

#define START_MS 10000  /* after which a worker that was to start is given up */
#define LAUNCH_TRIES 60 /* seconds that the launcher waits for a free place */

const char *slm_worker_running;

/* ---- Slots ---- */

static SlmTaggerSlot *
find_slot(SlmShared *state, Oid databaseid)
{
	for (int i = 0; i < SLM_TAGGER_SLOTS; i++)
		if (state->tagger[i].databaseid == databaseid)
			return &state->tagger[i];
	return NULL;
}

/* A worker that did not come up in time does not count. */
static bool
is_stale(const SlmTaggerSlot *slot)
{
	return slot->pid == 0 &&
		   TimestampDifferenceExceeds(slot->started, GetCurrentTimestamp(), START_MS);
}

typedef enum Reserved
{
	RESERVED,
	RESERVED_ALREADY, /* there is a worker, or there will be */
	RESERVED_NOT
} Reserved;

/* Marks a worker of a database as being started.  wake: it has something to look at. */
static Reserved
reserve_slot(SlmShared *state, Oid databaseid, bool wake)
{
	Reserved result = RESERVED;
	SlmTaggerSlot *slot;

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	slot = find_slot(state, databaseid);
	if (slot != NULL && !is_stale(slot))
	{
		PGPROC *proc;

		result = RESERVED_ALREADY;
		slot->wake |= wake;
		proc = wake && slot->pid != 0 ? BackendPidGetProc(slot->pid) : NULL;
		if (proc != NULL)
			SetLatch(&proc->procLatch);
	}
	else
	{
		if (slot == NULL)
			slot = find_slot(state, InvalidOid);
		if (slot == NULL)
			result = RESERVED_NOT;
		else
			*slot = (SlmTaggerSlot){
				.databaseid = databaseid, .wake = wake, .started = GetCurrentTimestamp()};
	}
	LWLockRelease(&state->lock);
	return result;
}

/* Frees a slot that was reserved for a worker that cannot be had. */
static void
free_slot(SlmShared *state, Oid databaseid)
{
	SlmTaggerSlot *slot;

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	slot = find_slot(state, databaseid);
	if (slot != NULL && slot->pid == 0)
		slot->databaseid = InvalidOid;
	LWLockRelease(&state->lock);
}

/* ---- Starting ---- */

/* Registers a worker; handle may be NULL. */
static bool
register_worker(Oid databaseid, const char *extra, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {
		.bgw_name = "slm tagger",
		.bgw_type = "slm tagger",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "slm",
		.bgw_function_name = "slm_tagger_main",
		.bgw_main_arg = ObjectIdGetDatum(databaseid),
		.bgw_notify_pid = handle != NULL ? MyProcPid : 0,
	};

	strlcpy(worker.bgw_extra, extra, sizeof(worker.bgw_extra));
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

static bool
start_worker(bool wake, BackgroundWorkerHandle **handle)
{
	SlmShared *state = slm_shared();
	Reserved reserved;

	if (state == NULL)
		return false;
	reserved = reserve_slot(state, MyDatabaseId, wake);
	if (reserved == RESERVED && !register_worker(MyDatabaseId, "", handle))
	{
		free_slot(state, MyDatabaseId);
		reserved = RESERVED_NOT;
	}
	return reserved != RESERVED_NOT;
}

bool
slm_tagger_start_worker(void)
{
	return !slm_tagger_worker_on || start_worker(false, NULL);
}

void
slm_tagger_wake_worker(void)
{
	MemoryContext caller = CurrentMemoryContext;
	uint32 holdoff = InterruptHoldoffCount;

	if (!slm_tagger_worker_on)
		return;
	PG_TRY();
	{
		(void) start_worker(true, NULL);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		InterruptHoldoffCount = holdoff;
	}
	PG_END_TRY();
}

/* Pid of this database's worker; 0: there is none. */
static int
worker_pid(void)
{
	SlmShared *state = slm_shared();
	SlmTaggerSlot *slot;
	int pid;

	if (state == NULL)
		return 0;
	LWLockAcquire(&state->lock, LW_SHARED);
	slot = find_slot(state, MyDatabaseId);
	pid = slot != NULL ? slot->pid : 0;
	LWLockRelease(&state->lock);
	return pid;
}

/* slm_run_taggers() returns int */
Datum
slm_run_taggers(PG_FUNCTION_ARGS)
{
	BackgroundWorkerHandle *handle = NULL;
	TimestampTz started = GetCurrentTimestamp();
	int pid = 0;

	PreventCommandDuringRecovery("slm_run_taggers()");
	if (!slm_tagger_worker_on || !start_worker(true, &handle))
		PG_RETURN_NULL();
	if (handle != NULL && WaitForBackgroundWorkerStartup(handle, &pid) != BGWH_STARTED)
		PG_RETURN_NULL();
	/* It has its slot a moment after it has its pid. */
	while ((pid = worker_pid()) == 0 &&
		   !TimestampDifferenceExceeds(started, GetCurrentTimestamp(), START_MS))
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (pid == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(pid);
}

/* slm_tagger_worker() returns int */
Datum
slm_tagger_worker(PG_FUNCTION_ARGS)
{
	int pid = worker_pid();

	if (pid == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(pid);
}

/* ---- What the worker does with its slot ---- */

/*
 * Gives the slot up.  A worker that has to end within a batch says in which, and
 * leaves its place to another.
 */
static void
leave_slot(int code, Datum arg)
{
	SlmShared *state = slm_shared();
	SlmTaggerSlot *slot;

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	slot = find_slot(state, MyDatabaseId);
	if (slot != NULL && slot->pid == MyProcPid)
		*slot =
			(SlmTaggerSlot){.databaseid = slm_worker_running != NULL ? MyDatabaseId : InvalidOid,
							.started = GetCurrentTimestamp()};
	if (slm_worker_running != NULL)
	{
		SlmTaggerBlame *blame = &state->blame[state->next_blame];

		state->next_blame = (state->next_blame + 1) % SLM_TAGGER_BLAMES;
		blame->databaseid = MyDatabaseId;
		namestrcpy(&blame->tagger, slm_worker_running);
	}
	LWLockRelease(&state->lock);
	if (slm_worker_running != NULL && !register_worker(MyDatabaseId, "", NULL))
		free_slot(state, MyDatabaseId);
}

/* A tagger in which a worker of this database ended; false when there is none, or no more. */
bool
slm_worker_take_blame(NameData *tagger)
{
	SlmShared *state = slm_shared();
	bool found = false;

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_TAGGER_BLAMES && !found; i++)
	{
		SlmTaggerBlame *blame = &state->blame[i];

		found = blame->databaseid == MyDatabaseId;
		if (found)
		{
			*tagger = blame->tagger;
			blame->databaseid = InvalidOid;
		}
	}
	LWLockRelease(&state->lock);
	return found;
}

/* Takes the database's slot; false when another worker has it. */
bool
slm_worker_enter(void)
{
	SlmShared *state = slm_shared();
	SlmTaggerSlot *slot;
	bool entered = false;

	if (state == NULL)
		return false;
	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	slot = find_slot(state, MyDatabaseId);
	if (slot == NULL)
		slot = find_slot(state, InvalidOid);
	if (slot != NULL && (slot->databaseid == InvalidOid || slot->pid == 0))
	{
		bool wake = slot->databaseid != InvalidOid && slot->wake;

		*slot = (SlmTaggerSlot){.databaseid = MyDatabaseId, .pid = MyProcPid, .wake = wake};
		entered = true;
	}
	LWLockRelease(&state->lock);
	if (entered)
		before_shmem_exit(leave_slot, 0);
	return entered;
}

/* Says that what was committed so far is going to be looked at; was there anything? */
bool
slm_worker_take_wake(void)
{
	SlmShared *state = slm_shared();
	SlmTaggerSlot *slot;
	bool wake;

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	slot = find_slot(state, MyDatabaseId);
	wake = slot->wake;
	slot->wake = false;
	LWLockRelease(&state->lock);
	return wake;
}

/* Gives the slot up, unless somebody has committed something since the last look. */
bool
slm_worker_may_leave(void)
{
	SlmShared *state = slm_shared();
	SlmTaggerSlot *slot;
	bool leave;

	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	slot = find_slot(state, MyDatabaseId);
	leave = !slot->wake;
	if (leave)
		slot->databaseid = InvalidOid;
	LWLockRelease(&state->lock);
	return leave;
}

/* ---- After the server's start ---- */

/* Databases that can be connected to, templates aside. */
static List *
list_databases(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List *databases = NIL;
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext transaction;

		if (!database->datallowconn || database->datistemplate)
			continue;
		transaction = MemoryContextSwitchTo(caller);
		databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(transaction);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return databases;
}

/* Starts a worker that looks whether a database has something to do, and waits until it runs. */
static void
launch(SlmShared *state, Oid databaseid)
{
	BackgroundWorkerHandle *handle;
	pid_t pid;

	for (int i = 0; i < LAUNCH_TRIES; i++)
	{
		Reserved reserved = reserve_slot(state, databaseid, false);

		if (reserved == RESERVED_ALREADY)
			return;
		if (reserved == RESERVED)
		{
			if (register_worker(databaseid, SLM_WORKER_BRIEF, &handle))
			{
				(void) WaitForBackgroundWorkerStartup(handle, &pid);
				return;
			}
			free_slot(state, databaseid);
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1000,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
slm_tagger_launcher_main(Datum arg)
{
	SlmShared *state;
	ListCell *cell;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	state = slm_shared();
	if (state == NULL || !slm_tagger_worker_on)
		return;
	pgstat_report_activity(STATE_RUNNING, "slm tagger launcher: looking for queued rows");
	foreach (cell, list_databases())
		launch(state, lfirst_oid(cell));
}

void
slm_tagger_init(void)
{
	BackgroundWorker launcher = {
		.bgw_name = "slm tagger launcher",
		.bgw_type = "slm tagger launcher",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "slm",
		.bgw_function_name = "slm_tagger_launcher_main",
	};

	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		RegisterBackgroundWorker(&launcher);
}
