/*
 * worker_client.c - the session's side: who writes, asking a worker, waiting for it
 *
 * A session can always write itself, and does whenever a worker cannot: none can be
 * started, its queue is full, the request is too large, the worker has ended.  So
 * nothing here fails but by what ends the statement: a cancel, a timeout, the end of
 * the session.  The request is abandoned then; the worker drops it at its next step
 * and frees the slot.
 *
 * All this happens inside of an engine call, which may not be jumped out of: it runs
 * under slm_host_guard().
 */
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "pg/activity.h"
#include "pg/guc.h"
#include "pg/worker.h"

#define START_MS 10000 /* after which a worker that was to start is given up */
#define LOOK_MS 1000   /* between two looks whether the worker lives */
#define TRIES 3        /* workers that may end under one request */

/* One request of a session. */
typedef struct Ask
{
	SlmCall *call;
	SlmRun *run;
	const SlmPrompt *prompt;
	int slot;        /* -1: none */
	SlmReply *reply; /* NULL: none came */
} Ask;

typedef enum Outcome
{
	CAME,  /* the slot is ANSWERED */
	ENDED, /* the worker has */
	NEVER  /* the worker did not start */
} Outcome;

static SlmOutlet outlet;
static bool writes_here; /* slm_activity says so */

/* ---- Who writes ---- */

/* Cores that this process may use. */
static int
count_cores(void)
{
	static int n;

	if (n == 0)
		n = (int) Max(sysconf(_SC_NPROCESSORS_ONLN), 1);
	return n;
}

/* Texts that are being written with a model now, this one included. */
static int
count_company(SlmShared *state, const char *fingerprint)
{
	int n = 1;

	LWLockAcquire(&state->worker_lock, LW_SHARED);
	for (int i = 0; i < SLM_ACTIVITIES; i++)
	{
		const SlmActivity *one = &state->activity[i];

		n += one->pid != 0 && one->pid != MyProcPid && one->kind == SLM_ACTIVITY_WRITES &&
			 memcmp(one->fingerprint, fingerprint, SLM_FINGERPRINT_CHARS) == 0;
	}
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
	{
		const SlmWorkerSlot *slot = &state->slot[i];

		n += (slot->state == SLM_SLOT_QUEUED || slot->state == SLM_SLOT_TAKEN) &&
			 !slot->abandoned && memcmp(slot->fingerprint, fingerprint, SLM_FINGERPRINT_CHARS) == 0;
	}
	LWLockRelease(&state->worker_lock);
	return n;
}

/*
 * Is a worker faster?  One thread of it writes n texts at one time about 1 + (n - 1) / 2
 * times as fast as one (test/bench/README.md), up to 16 of them; sessions by
 * themselves are as many times as fast as there are cores for them.
 */
static bool
worker_is_faster(SlmShared *state, const char *fingerprint)
{
	int company = count_company(state, fingerprint);
	int together = Min(company, 16);
	int cores = count_cores();

	return company > 1 && Min(slm_worker_threads, cores) * (1 + together) > 2 * Min(company, cores);
}

/* ---- Slots ---- */

static bool
is_stale(const SlmWorkerProcess *worker)
{
	return worker->pid == 0 &&
		   (worker->started == 0 ||
			TimestampDifferenceExceeds(worker->started, GetCurrentTimestamp(), START_MS));
}

/* Requests that a worker has before it. */
static int
count_load(const SlmShared *state, int worker)
{
	int n = 0;

	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
		n += state->slot[i].state != SLM_SLOT_FREE && state->slot[i].worker == worker;
	return n;
}

/*
 * The worker to ask: one that writes with the model, else one with nothing to do, else
 * one that is not there yet, else the one with least to do.  -1: there may be none.
 */
static int
choose_worker(const SlmShared *state, const char *fingerprint)
{
	int best = -1, best_rank = 0;

	for (int i = 0; i < Min(slm_workers, SLM_WORKERS); i++)
	{
		const SlmWorkerProcess *worker = &state->worker[i];
		int load = count_load(state, i), rank = 2 + load;

		if (load > 0 && memcmp(worker->fingerprint, fingerprint, SLM_FINGERPRINT_CHARS) == 0)
			rank = 0;
		else if (load == 0)
			rank = worker->pid != 0 ? 1 : 2;
		if (best < 0 || rank < best_rank)
		{
			best = i;
			best_rank = rank;
		}
	}
	return best;
}

/* Puts a request into a free slot; false when there is none, or nobody to ask. */
static bool
enter_slot(SlmShared *state, Ask *ask, dsa_pointer request, bool *start)
{
	SlmWorkerSlot *slot = NULL;
	int index;

	*start = false;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_WORKER_SLOTS && slot == NULL; i++)
		if (state->slot[i].state == SLM_SLOT_FREE)
			slot = &state->slot[i];
	index = choose_worker(state, ask->call->owner.fingerprint);
	if (index >= 0 && state->worker[index].pid != 0 &&
		state->worker[index].version != SLM_WORKER_VERSION)
	{
		/* of a library that has been replaced */
		state->worker[index].leave = true;
		slm_worker_wake(&state->worker[index]);
		index = -1;
	}
	if (slot != NULL && index >= 0)
	{
		SlmWorkerProcess *worker = &state->worker[index];

		*start = is_stale(worker);
		if (*start)
			worker->started = GetCurrentTimestamp();
		if (count_load(state, index) == 0)
			memcpy(worker->fingerprint, ask->call->owner.fingerprint, SLM_FINGERPRINT_CHARS);
		slot->worker = index;
		slot->client_pid = MyProcPid;
		slot->roleid = ask->call->owner.role;
		slot->session_roleid = MyProc->roleId;
		slot->databaseid = MyDatabaseId;
		memcpy(slot->fingerprint, ask->call->owner.fingerprint, SLM_FINGERPRINT_CHARS);
		slot->model = ask->call->ref->name;
		slot->since = GetCurrentTimestamp();
		slot->n_written = 0;
		slot->request = request;
		slot->answer = InvalidDsaPointer;
		slot->abandoned = false;
		slot->state = SLM_SLOT_QUEUED;
		ask->slot = slot - state->slot;
		slm_worker_wake(worker);
	}
	LWLockRelease(&state->worker_lock);
	return ask->slot >= 0;
}

/* Gives a slot up, whatever became of it. */
static void
leave_slot(SlmShared *state, int i_slot)
{
	SlmWorkerSlot *slot = &state->slot[i_slot];
	bool is_ours;

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	is_ours = slot->state != SLM_SLOT_TAKEN;
	if (is_ours)
		slot->state = SLM_SLOT_LOST; /* nobody takes it any more */
	else
	{
		slot->abandoned = true;
		slm_worker_wake(&state->worker[slot->worker]);
	}
	LWLockRelease(&state->worker_lock);
	if (is_ours)
		slm_slot_free(slm_texts(), slot);
}

/* Before the process ends: its requests. */
static void
leave_slots(int code, Datum arg)
{
	SlmShared *state = slm_shared();

	ConditionVariableCancelSleep();
	for (int i = 0; i < SLM_WORKER_SLOTS; i++)
		if (state->slot[i].client_pid == MyProcPid && state->slot[i].state != SLM_SLOT_FREE)
			leave_slot(state, i);
}

/* ---- Waiting ---- */

static uint32
wait_event(void)
{
	static uint32 event;

	if (event == 0)
		event = SLM_WAIT_EVENT("SlmWorkerAnswer");
	return event;
}

static bool
has_come(SlmShared *state, SlmWorkerSlot *slot, Outcome *outcome)
{
	const SlmWorkerProcess *worker = &state->worker[slot->worker];
	bool come = true;

	LWLockAcquire(&state->worker_lock, LW_SHARED);
	if (slot->state == SLM_SLOT_ANSWERED)
		*outcome = CAME;
	else if (slot->state == SLM_SLOT_LOST)
		*outcome = ENDED;
	else if (slot->state == SLM_SLOT_QUEUED && is_stale(worker))
		*outcome = NEVER;
	else
		come = false;
	LWLockRelease(&state->worker_lock);
	return come;
}

/* Raises what ends the statement. */
static Outcome
wait_for(SlmShared *state, SlmWorkerSlot *slot)
{
	Outcome outcome;

	ConditionVariablePrepareToSleep(&slot->done);
	while (!has_come(state, slot, &outcome))
		(void) ConditionVariableTimedSleep(&slot->done, LOOK_MS, wait_event());
	ConditionVariableCancelSleep();
	return outcome;
}

/* ---- Asking ---- */

/* Once a session: it wanted a worker, and there is none. */
static void
notice_no_worker(void)
{
	static bool noticed;

	if (noticed)
		return;
	noticed = true;
	ereport(NOTICE,
			(errmsg("no background worker can be had: sessions write themselves"),
			 errhint("max_worker_processes may be too small, or shared memory full. The results "
					 "are the same.")));
}

/* One try; false: there is no sense in another one. */
static bool
ask_once(SlmShared *state, dsa_area *texts, const SlmRequest *request, Ask *ask)
{
	dsa_pointer sent = slm_text_put(texts, request, request->size);
	SlmWorkerSlot *slot;
	Outcome outcome;
	bool start;

	if (!DsaPointerIsValid(sent))
		return false;
	if (!enter_slot(state, ask, sent, &start))
	{
		slm_text_free(texts, &sent);
		return false;
	}
	slot = &state->slot[ask->slot];
	if (start && !slm_worker_register(slot->worker))
	{
		LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
		state->worker[slot->worker].started = 0;
		LWLockRelease(&state->worker_lock);
		outcome = NEVER;
	}
	else
		outcome = wait_for(state, slot);
	if (outcome == CAME)
		ask->reply = slm_text_get(texts, slot->answer);
	leave_slot(state, ask->slot);
	ask->slot = -1;
	if (outcome == NEVER)
		notice_no_worker();
	return outcome == ENDED;
}

static void
ask_worker(void *arg)
{
	static bool registered;
	Ask *ask = arg;
	SlmShared *state = slm_shared();
	dsa_area *texts;
	SlmRequest *request = slm_request_make(ask->call, ask->prompt);

	if (request == NULL)
		return;
	texts = slm_texts();
	if (!registered)
	{
		before_shmem_exit(leave_slots, (Datum) 0);
		registered = true;
	}
	for (int i = 0; i < TRIES && ask_once(state, texts, request, ask); i++)
		;
	pfree(request);
}

/* After something was raised. */
static void
give_up(Ask *ask)
{
	ConditionVariableCancelSleep();
	if (ask->slot >= 0)
		leave_slot(slm_shared(), ask->slot);
	ask->slot = -1;
}

/* What came back, as if it had been written here. */
static SlmStatus
take_reply(Ask *ask, SlmWritten *out, SlmError *err)
{
	const SlmReply *reply = ask->reply;
	SlmText text = slm_reply_text(reply);
	char *copy;

	ask->run->n_token_in += reply->n_token_in;
	ask->run->n_token_kept += reply->n_token_kept;
	if (reply->err.status != SLM_OK)
	{
		*err = reply->err;
		return err->status;
	}
	SLM_TRY(SLM_NEW_ARRAY(ask->run->arena, text.size, &copy, err));
	memcpy(copy, text.data, text.size);
	*out = (SlmWritten){
		.text = {copy, text.size},
		.n_token = reply->n_token,
		.n_forced = reply->n_forced,
		.ended = reply->ended,
	};
	return SLM_OK;
}

static void
write_here(const SlmCall *call)
{
	if (!writes_here)
		slm_activity_begin(SLM_ACTIVITY_WRITES, call->owner.role, NameStr(call->ref->name),
						   call->owner.fingerprint);
	writes_here = true;
	slm_activity_add(1, 0);
}

void
slm_worker_call_ended(void)
{
	if (likely(!writes_here))
		return;
	slm_activity_end();
	writes_here = false;
}

static SlmStatus
write_elsewhere(void *arg, SlmRun *run, const SlmPrompt *prompt, SlmWritten *out, bool *taken,
				SlmError *err)
{
	SlmCall *call = arg;
	SlmShared *state = slm_shared();
	Ask ask = {.call = call, .run = run, .prompt = prompt, .slot = -1};
	SlmStatus status;

	*taken = false;
	if (state != NULL && slm_workers > 0 && slm_execution != SLM_EXECUTION_BACKEND &&
		INTERRUPTS_CAN_BE_PROCESSED() && InterruptHoldoffCount == 0 &&
		(slm_execution == SLM_EXECUTION_WORKER || worker_is_faster(state, call->owner.fingerprint)))
	{
		int sqlstate = slm_host_guard(ask_worker, &ask);

		if (sqlstate != 0)
		{
			give_up(&ask);
			/* it is memory that is short: not the session's own, or it will find out */
			if (ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_INSUFFICIENT_RESOURCES)
			{
				*taken = true;
				return slm_poll(run->host, err);
			}
			slm_host_forget_error();
			notice_no_worker();
		}
		*taken = ask.reply != NULL && !ask.reply->declined;
	}
	if (!*taken)
	{
		write_here(call);
		return SLM_OK;
	}
	status = take_reply(&ask, out, err);
	pfree(ask.reply);
	return status;
}

SlmOutlet *
slm_worker_outlet(SlmCall *call)
{
	outlet = (SlmOutlet){call, write_elsewhere};
	return &outlet;
}
