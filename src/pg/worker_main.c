/*
 * worker_main.c - the background worker that writes for sessions
 *
 * It has no database: sessions have resolved names and checked rights, and say by
 * content which model they mean.  Connected without one it is seen in
 * pg_stat_activity, and takes part in what all sessions must agree on, so it serves
 * interrupts as a session does, every 2 ms of work.
 *
 * A round takes requests on, forgets those of sessions that have gone, and takes all
 * rows a step further, in a transaction of its own, which holds nothing.  SIGTERM ends
 * it anywhere: what it has not answered is lost, sessions are told, and the next one
 * that asks starts another.  So does an error.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/guc.h"
#include "pg/worker_impl.h"

extern PGDLLEXPORT void slm_worker_main(Datum arg);

#define LOOK_MS 1000 /* between two looks at the clock when there is nothing to do */

static SlmShared *state;
static SlmWorkerProcess *self;
static int my_index;
static dsa_area *texts;
static bool left; /* the place may be another's */

/* ---- The worker's place ---- */

/*
 * Before the process ends: what it has not answered is lost.  That and the place are
 * given up in one: whoever takes the place next finds nothing of ours there.
 */
static void
leave(int code, Datum arg)
{
	int lost[SLM_WORKER_SLOTS], gone[SLM_WORKER_SLOTS], n_lost = 0, n_gone = 0;

	slm_write_stop_threads();
	ConditionVariableCancelSleep();
	if (left)
		return;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
	{
		SlmWorkerSlot *slot = &state->slot[i];

		if (slot->worker != my_index ||
			(slot->state != SLM_SLOT_QUEUED && slot->state != SLM_SLOT_TAKEN))
			continue;
		if (slot->abandoned)
			gone[n_gone++] = i; /* TAKEN: nobody else touches it */
		else
		{
			slot->state = SLM_SLOT_LOST;
			lost[n_lost++] = i;
		}
	}
	/* those that have gone are of no worker any more, while they are emptied */
	for (int i = 0; i < n_gone; i++)
		state->slot[gone[i]].worker = -1;
	*self = (SlmWorkerProcess){0};
	LWLockRelease(&state->worker_lock);
	for (int i = 0; i < n_lost; i++)
		ConditionVariableBroadcast(&state->slot[lost[i]].done);
	for (int i = 0; i < n_gone; i++)
		slm_slot_free(texts, &state->slot[gone[i]]);
}

/* Takes the place of an index; false when another worker has it. */
static bool
enter(void)
{
	bool entered;

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	entered = self->pid == 0;
	if (entered)
	{
		self->pid = MyProcPid;
		self->procno = SLM_MY_PROC_NUMBER;
		self->version = SLM_WORKER_VERSION;
		self->leave = false;
	}
	LWLockRelease(&state->worker_lock);
	if (entered)
		before_shmem_exit(leave, (Datum) 0);
	return entered;
}

/* Gives the place up, unless somebody asks. */
static bool
may_leave(void)
{
	bool asked = false;

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
		asked |= state->slot[i].state == SLM_SLOT_QUEUED && state->slot[i].worker == my_index;
	left = !asked;
	if (left)
		*self = (SlmWorkerProcess){0};
	LWLockRelease(&state->worker_lock);
	return left;
}

/* ---- Requests ---- */

/* Is it of a session that lives? */
static bool
is_live(const SlmWorkerSlot *slot)
{
	PGPROC *proc = BackendPidGetProc(slot->client_pid);

	return proc != NULL && proc->databaseId == slot->databaseid &&
		   proc->roleId == slot->session_roleid;
}

/* Ends a request with a reply. */
static void
answer(int i_slot, SlmReply *reply)
{
	SlmWorkerSlot *slot = &state->slot[i_slot];
	dsa_pointer put = slm_text_put(texts, reply, reply->size);
	bool abandoned;

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	abandoned = slot->abandoned;
	if (!abandoned)
	{
		slot->answer = put;
		slot->state = DsaPointerIsValid(put) ? SLM_SLOT_ANSWERED : SLM_SLOT_LOST;
	}
	LWLockRelease(&state->worker_lock);
	if (!abandoned)
		ConditionVariableBroadcast(&slot->done);
	else
	{
		slm_text_free(texts, &put);
		slm_slot_free(texts, slot);
	}
	pfree(reply);
}

static void
note_progress(int slot, int n_written)
{
	state->slot[slot].n_written = n_written;
}

static bool
is_abandoned(int slot)
{
	return *(volatile bool *) &state->slot[slot].abandoned;
}

/* Takes what is queued on, and forgets those who have gone. */
static void
look_at_slots(void)
{
	int fresh[SLM_WORKER_SLOTS], gone[SLM_WORKER_SLOTS], n_fresh = 0, n_gone = 0;

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
	{
		SlmWorkerSlot *slot = &state->slot[i];

		if (slot->worker != my_index)
			continue;
		if (slot->state == SLM_SLOT_QUEUED)
		{
			slot->state = SLM_SLOT_TAKEN;
			fresh[n_fresh++] = i;
		}
		else if (slot->state == SLM_SLOT_TAKEN && slot->abandoned)
			gone[n_gone++] = i;
	}
	LWLockRelease(&state->worker_lock);
	for (int i = 0; i < n_gone; i++)
	{
		slm_write_drop(gone[i]);
		slm_slot_free(texts, &state->slot[gone[i]]);
	}
	for (int i = 0; i < n_fresh; i++)
	{
		SlmWorkerSlot *slot = &state->slot[fresh[i]];

		if (is_live(slot))
			slm_write_add(fresh[i], slm_text_get(texts, slot->request));
		else
		{
			ereport(LOG, (errmsg("slm worker: a request comes from no session that lives")));
			slm_slot_free(texts, slot);
		}
	}
}

/* What pg_stat_activity shows, when it is something else. */
static void
report(int n_waiting, int n_running)
{
	static int last_waiting = -1, last_running = -1;
	const char *model = slm_write_model();
	char text[NAMEDATALEN + 80];

	if (n_waiting == last_waiting && n_running == last_running)
		return;
	last_waiting = n_waiting;
	last_running = n_running;
	if (n_waiting + n_running == 0)
	{
		pgstat_report_activity(STATE_IDLE, "slm worker: waiting for requests");
		return;
	}
	snprintf(text, sizeof(text), "slm worker: writes %d texts with model \"%s\", %d wait",
			 n_running, model != NULL ? model : "", n_waiting);
	pgstat_report_activity(STATE_RUNNING, text);
}

/* ---- The loop ---- */

/* One round, in a transaction of its own; false: there was nothing to do. */
static bool
go_round(void)
{
	int n_waiting, n_running;

	StartTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext); /* requests live until they are done */
	look_at_slots();
	slm_write_count(&n_waiting, &n_running);
	if (n_waiting + n_running > 0)
		slm_write_step();
	CommitTransactionCommand();
	report(n_waiting, n_running);
	return n_waiting + n_running > 0;
}

static bool
is_idle(TimestampTz since)
{
	return TimestampDifferenceExceeds(since, GetCurrentTimestamp(), slm_worker_idle_timeout * 1000);
}

static void
start(Datum arg)
{
	static const SlmWriteListener listener = {answer, note_progress, is_abandoned};

	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, SIG_IGN);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	my_index = DatumGetInt32(arg);
	state = slm_shared();
	if (state == NULL)
		proc_exit(0);
	self = &state->worker[my_index];
	texts = slm_texts();
	if (!enter())
		proc_exit(0);
	slm_write_init(&listener);
}

void
slm_worker_main(Datum arg)
{
	static uint32 event;
	bool stays = strcmp(MyBgworkerEntry->bgw_extra, SLM_WORKER_STAYS) == 0, rests = false;
	TimestampTz idle_since;

	start(arg);
	idle_since = GetCurrentTimestamp();
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		ResetLatch(MyLatch);
		if (go_round())
		{
			idle_since = GetCurrentTimestamp();
			rests = false;
			continue;
		}
		if ((self->leave || my_index >= slm_workers || (!stays && is_idle(idle_since))) &&
			may_leave())
			return;
		if (!rests && is_idle(idle_since))
		{
			slm_write_rest();
			rests = true;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS,
						 slm_wait_event(&event, "SlmWorkerMain"));
	}
}
