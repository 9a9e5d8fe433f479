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

#include <sched.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "pg/activity.h"
#include "pg/guc.h"
#include "pg/worker.h"

#define START_MS 10000 /* after which a worker that was to start is given up */
#define LOOK_MS 1000   /* between two looks whether the worker lives */
#define TRIES 3        /* workers that may end under one request */

#define WINDOW 8                 /* requests that one session has at a time */
#define CACHED_BYTES (16U << 20) /* of an image */
#define FEW_ROWS 4               /* more than that are company enough by themselves */

/* One text of a call. */
typedef struct Row
{
	int slot;        /* -1: none */
	int tries;       /* workers that have ended under it */
	SlmReply *reply; /* NULL: none came */
} Row;

/* What a call asks for. */
typedef struct Ask
{
	SlmCall *call;
	SlmRun *run;
	const SlmPrompt *prompt; /* [n] */
	int n;
	Row *row; /* [n] */
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
	cpu_set_t set;

	if (n == 0)
		n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
														 : (int) sysconf(_SC_NPROCESSORS_ONLN);
	return Max(n, 1);
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
 * Is a worker faster?  A thread of it writes 2, 4, 8, 16 texts at one time about 1.5, 2,
 * 2.5, 3 times as fast as one (test/bench/README.md), and sessions by themselves are as
 * many times as fast as there are cores for them.  A model that fits into the caches
 * gains nothing.
 */
static bool
worker_is_faster(SlmShared *state, const SlmCall *call, int n_row)
{
	int cores = count_cores(), company, twice_speed = 2;

	if (n_row > FEW_ROWS || slm_model_info(call->ref->model)->image_bytes < CACHED_BYTES)
		return false;
	company = count_company(state, call->owner.fingerprint);
	for (int n = 2; n <= Min(company, SLM_WORKER_ROWS); n *= 2)
		twice_speed++;
	return company > 1 && Min(slm_worker_threads, cores) * twice_speed > 2 * Min(company, cores);
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

/* Puts a request into a free slot; -1 when there is none, or nobody to ask. */
static int
enter_slot(SlmShared *state, const SlmCall *call, dsa_pointer request, bool *start)
{
	SlmWorkerSlot *slot = NULL;
	int index, entered = -1;

	*start = false;
	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_WORKER_SLOTS && slot == NULL; i++)
		if (state->slot[i].state == SLM_SLOT_FREE)
			slot = &state->slot[i];
	index = choose_worker(state, call->owner.fingerprint);
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
			memcpy(worker->fingerprint, call->owner.fingerprint, SLM_FINGERPRINT_CHARS);
		slot->worker = index;
		slot->client_pid = MyProcPid;
		slot->roleid = call->owner.role;
		slot->session_roleid = MyProc->roleId;
		slot->databaseid = MyDatabaseId;
		memcpy(slot->fingerprint, call->owner.fingerprint, SLM_FINGERPRINT_CHARS);
		slot->model = call->ref->name;
		slot->since = GetCurrentTimestamp();
		slot->n_written = 0;
		slot->request = request;
		slot->answer = InvalidDsaPointer;
		slot->abandoned = false;
		slot->state = SLM_SLOT_QUEUED;
		entered = slot - state->slot;
		slm_worker_wake(worker);
	}
	LWLockRelease(&state->worker_lock);
	return entered;
}

/* Gives a slot up, whatever became of it; no harm when it is another's by now. */
static void
leave_slot(SlmShared *state, int i_slot)
{
	SlmWorkerSlot *slot = &state->slot[i_slot];
	bool is_ours;

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	is_ours = slot->client_pid == MyProcPid && slot->state != SLM_SLOT_FREE;
	if (is_ours && slot->state == SLM_SLOT_TAKEN)
	{
		is_ours = false;
		slot->abandoned = true;
		if (slot->worker >= 0)
			slm_worker_wake(&state->worker[slot->worker]);
	}
	if (is_ours)
		slot->state = SLM_SLOT_LOST; /* nobody takes it any more */
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
		if (state->slot[i].client_pid == MyProcPid)
			leave_slot(state, i);
}

/* ---- Waiting ---- */

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
	static uint32 event;
	Outcome outcome;

	ConditionVariablePrepareToSleep(&slot->done);
	while (!has_come(state, slot, &outcome))
		(void) ConditionVariableTimedSleep(&slot->done, LOOK_MS,
										   slm_wait_event(&event, "SlmWorkerAnswer"));
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

/* Puts a row's request before a worker; false when that cannot be. */
static bool
send_row(SlmShared *state, dsa_area *texts, Ask *ask, int i)
{
	SlmRequest *request = slm_request_make(ask->call, &ask->prompt[i]);
	dsa_pointer sent;
	bool start;
	int slot;

	if (request == NULL)
		return false;
	sent = slm_text_put(texts, request, request->size);
	pfree(request);
	if (!DsaPointerIsValid(sent))
		return false;
	slot = enter_slot(state, ask->call, sent, &start);
	if (slot < 0)
	{
		slm_text_free(texts, &sent);
		return false;
	}
	ask->row[i].slot = slot;
	if (start && !slm_worker_register(state->slot[slot].worker))
	{
		LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
		state->worker[state->slot[slot].worker].started = 0;
		LWLockRelease(&state->worker_lock);
		leave_slot(state, slot);
		ask->row[i].slot = -1;
		notice_no_worker();
		return false;
	}
	return true;
}

/* Waits for a row that was sent; false when it has to be sent again. */
static bool
receive_row(SlmShared *state, dsa_area *texts, Ask *ask, int i)
{
	Row *row = &ask->row[i];
	SlmWorkerSlot *slot = &state->slot[row->slot];
	Outcome outcome = wait_for(state, slot);

	if (outcome == CAME)
		row->reply = slm_text_get(texts, slot->answer);
	leave_slot(state, row->slot);
	row->slot = -1;
	if (outcome == NEVER)
		notice_no_worker();
	return outcome != ENDED || ++row->tries >= TRIES;
}

static void
ask_worker(void *arg)
{
	static bool registered;
	Ask *ask = arg;
	SlmShared *state = slm_shared();
	dsa_area *texts = slm_texts();
	int sent = 0;

	if (!registered)
	{
		before_shmem_exit(leave_slots, (Datum) 0);
		registered = true;
	}
	for (int i = 0; i < ask->n; i++)
	{
		do
		{
			/* a worker that has ended has lost all of them: each finds out for itself */
			while (sent < ask->n && sent < i + WINDOW && send_row(state, texts, ask, sent))
				sent++;
			if (sent <= i || (ask->row[i].slot < 0 && !send_row(state, texts, ask, i)))
				return;
		} while (!receive_row(state, texts, ask, i));
	}
}

/* After something was raised, or there was nobody to go on with. */
static void
give_up(Ask *ask)
{
	ConditionVariableCancelSleep();
	for (int i = 0; i < ask->n; i++)
		if (ask->row[i].slot >= 0)
		{
			leave_slot(slm_shared(), ask->row[i].slot);
			ask->row[i].slot = -1;
		}
}

/* What came back, as if it had been written here. */
static SlmStatus
take_reply(SlmRun *run, const SlmReply *reply, SlmWritten *out, SlmError *err)
{
	SlmText text = slm_reply_text(reply);
	char *copy;

	run->n_token_in += reply->n_token_in;
	run->n_token_out += (uint64_t) reply->n_token;
	run->n_token_kept += reply->n_token_kept;
	if (reply->err.status != SLM_OK)
	{
		*err = reply->err;
		return err->status;
	}
	SLM_TRY(SLM_NEW_ARRAY(run->arena, text.size, &copy, err));
	memcpy(copy, text.data, text.size);
	*out = (SlmWritten){
		.text = {copy, text.size},
		.n_token = reply->n_token,
		.n_forced = reply->n_forced,
		.ended = reply->ended,
	};
	return SLM_OK;
}

static SlmStatus
take_replies(Ask *ask, SlmWritten *out, SlmStatus *row_status, bool *is_done, SlmError *err)
{
	for (int i = 0; i < ask->n; i++)
	{
		const SlmReply *reply = ask->row[i].reply;
		SlmStatus status;

		if (reply == NULL || reply->declined)
			continue;
		status = take_reply(ask->run, reply, &out[i], err);
		if (status != SLM_OK && (row_status == NULL || !slm_task_prompt_failed(status)))
			return status;
		if (row_status != NULL)
			row_status[i] = status;
		is_done[i] = true;
	}
	return SLM_OK;
}

/* The session writes so many texts itself, and others can see it. */
static void
write_here(const SlmCall *call, int n)
{
	if (!writes_here)
		slm_activity_begin(SLM_ACTIVITY_WRITES, call->owner.role, NameStr(call->ref->name),
						   call->owner.fingerprint);
	writes_here = true;
	slm_activity_add(SLM_ACTIVITY_WRITES, n, 0);
}

/* Does slm.execution send it to a worker, and may this process wait for one? */
static bool
is_for_worker(const SlmCall *call, int n)
{
	SlmShared *state = slm_shared();

	return state != NULL && slm_workers > 0 && slm_execution != SLM_EXECUTION_BACKEND &&
		   INTERRUPTS_CAN_BE_PROCESSED() && InterruptHoldoffCount == 0 &&
		   (slm_execution == SLM_EXECUTION_WORKER || worker_is_faster(state, call, n));
}

void
slm_worker_call_ended(void)
{
	if (likely(!writes_here))
		return;
	slm_activity_end(SLM_ACTIVITY_WRITES);
	writes_here = false;
}

static SlmStatus
write_elsewhere(void *arg, SlmRun *run, const SlmPrompt *prompt, int n, SlmWritten *out,
				SlmStatus *row_status, bool *is_done, SlmError *err)
{
	SlmCall *call = arg;
	Ask ask = {.call = call, .run = run, .prompt = prompt, .n = n};
	int n_here = 0;

	if (is_for_worker(call, n))
	{
		int sqlstate;

		SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &ask.row, err));
		for (int i = 0; i < n; i++)
			ask.row[i] = (Row){.slot = -1};
		sqlstate = slm_host_guard(ask_worker, &ask);
		give_up(&ask);
		if (sqlstate != 0)
		{
			/* memory may be short for all but the session itself */
			if (ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_INSUFFICIENT_RESOURCES)
				return slm_poll(run->host, err);
			slm_host_forget_error();
			notice_no_worker();
		}
		SLM_TRY(take_replies(&ask, out, row_status, is_done, err));
	}
	for (int i = 0; i < n; i++)
		n_here += !is_done[i];
	if (n_here > 0)
		write_here(call, n_here);
	return SLM_OK;
}

SlmOutlet *
slm_worker_outlet(SlmCall *call)
{
	outlet = (SlmOutlet){call, write_elsewhere};
	return &outlet;
}
