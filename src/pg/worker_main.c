/*
 * worker_main.c - the background worker that writes for sessions
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

#include "pg/activity.h"
#include "pg/form.h"
#include "pg/guc.h"
#include "pg/registry.h"
#include "pg/worker.h"

extern PGDLLEXPORT void slm_worker_main(Datum arg);

static SlmShared *state;
static SlmWorkerProcess *self;
static int my_index;
static dsa_area *texts;
static bool left; /* the place may be another's */

/* ---- The worker's place ---- */

/* Before the process ends: what it has not answered is lost. */
static void
leave(int code, Datum arg)
{
	if (left)
		return;
	ConditionVariableCancelSleep();
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
	{
		SlmWorkerSlot *slot = &state->slot[i];
		bool abandoned = false, lost = false;

		LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
		if (slot->worker == my_index &&
			(slot->state == SLM_SLOT_QUEUED || slot->state == SLM_SLOT_TAKEN))
		{
			abandoned = slot->abandoned;
			lost = !abandoned;
			if (lost)
				slot->state = SLM_SLOT_LOST;
		}
		if (i == 0)
			*self = (SlmWorkerProcess){0};
		LWLockRelease(&state->worker_lock);
		if (abandoned)
			slm_slot_free(texts, slot);
		if (lost)
			ConditionVariableBroadcast(&slot->done);
	}
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

/* The next request, now TAKEN, or -1. */
static int
take_slot(void)
{
	int found = -1;

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_WORKER_SLOTS && found < 0; i++)
	{
		SlmWorkerSlot *slot = &state->slot[i];

		if (slot->state != SLM_SLOT_QUEUED || slot->worker != my_index)
			continue;
		slot->state = SLM_SLOT_TAKEN;
		found = i;
	}
	LWLockRelease(&state->worker_lock);
	return found;
}

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
}

static void
serve(int i_slot)
{
	SlmRequest *request = slm_text_get(texts, state->slot[i_slot].request);
	SlmRequestView view;
	SlmMapping *mapping = NULL;
	SlmWritten written;
	SlmError err = {0};
	SlmReply *reply = NULL;
	SlmRun run = {0};
	SlmForm form;
	SlmArena form_arena;
	SlmStatus status;

	if (!is_live(&state->slot[i_slot]) || !slm_request_view(request, &view) ||
		slm_weights_attach(request->sha256, &mapping, &err) != SLM_OK || mapping == NULL)
	{
		reply = slm_reply_make(NULL, &err);
		reply->declined = true;
	}
	else
	{
		run.model = mapping->model;
		run.options = &view.options;
		run.kernels = slm_current_kernels();
		run.host = &slm_pg_host;
		run.arena = slm_scratch();
		run.max_input_tokens = request->max_input_tokens;
		run.prefixes = slm_kept_prefixes();
		run.owner = (SlmText){(char *) &request->owner, sizeof(request->owner)};
		slm_arena_init(&form_arena, &slm_pg_host, (size_t) slm_max_scratch_memory * 1024);
		status = SLM_OK;
		if (view.schema != NULL)
		{
			status = slm_form_build(mapping->model, view.schema, request->of_fields, run.arena,
									&form_arena, &form, &err);
			view.prompt.constraint = form.constraint;
		}
		if (status == SLM_OK)
			status = slm_task_generate(&run, &view.prompt, &written, &err);
		slm_model_check_mapping();
		slm_check_interrupts();
		reply = slm_reply_make(status == SLM_OK ? &written : NULL, &err);
		reply->n_token_in = run.n_token_in;
		reply->n_token_kept = run.n_token_kept;
		slm_arena_trim(&form_arena, 0);
	}
	answer(i_slot, reply);
	if (mapping != NULL)
		slm_weights_release(mapping);
}

/* ---- The loop ---- */

void
slm_worker_main(Datum arg)
{
	bool stays;
	TimestampTz idle_since = GetCurrentTimestamp();
	MemoryContext round;

	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, SIG_IGN);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	stays = strcmp(MyBgworkerEntry->bgw_extra, SLM_WORKER_STAYS) == 0;
	state = slm_shared();
	if (state == NULL)
		return;
	my_index = DatumGetInt32(arg);
	self = &state->worker[my_index];
	texts = slm_texts();
	if (!enter())
		return;
	round = AllocSetContextCreate(TopMemoryContext, "slm worker round", ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		int slot;

		MemoryContextReset(round);
		MemoryContextSwitchTo(round);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		ResetLatch(MyLatch);
		slot = take_slot();
		if (slot >= 0)
		{
			pgstat_report_activity(STATE_RUNNING, "slm worker: writing");
			StartTransactionCommand();
			MemoryContextSwitchTo(round);
			serve(slot);
			CommitTransactionCommand();
			idle_since = GetCurrentTimestamp();
			continue;
		}
		pgstat_report_activity(STATE_IDLE, "slm worker: waiting");
		if ((self->leave ||
			 (!stays && TimestampDifferenceExceeds(idle_since, GetCurrentTimestamp(),
												   slm_worker_idle_timeout * 1000))) &&
			may_leave())
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1000,
						 PG_WAIT_EXTENSION);
	}
}
