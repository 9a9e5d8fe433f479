/*
 * worker_slots.c - what lies between sessions and workers
 *
 * Slots in PostgreSQL's main shared memory say who asks and how far that is; the
 * texts lie in an area of dynamic shared memory, of at most SLM_WORKER_TEXT_BYTES,
 * that the first who needs it makes and that stays.  One lock guards the slots.
 *
 * The area's chunks begin with their size: how much of it is in use can be asked
 * for, so that tests see what is not given back.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/limits.h"
#include "pg/worker.h"

PG_FUNCTION_INFO_V1(slm_worker_use);

/* What stands before a text in the area. */
typedef struct Chunk
{
	Size size; /* of the text */
} Chunk;

static dsa_area *attached;

/* Attaches the area, or makes it; what it takes lives as long as the process. */
static dsa_area *
attach(SlmShared *state)
{
	dsa_area *area;

	LWLockAcquire(&state->texts_lock, LW_EXCLUSIVE);
	if (state->texts != 0)
		area = dsa_attach(state->texts);
	else
	{
		area = dsa_create(state->texts_tranche);
		dsa_set_size_limit(area, SLM_WORKER_TEXT_BYTES);
		dsa_pin(area);
		state->texts = dsa_get_handle(area);
	}
	dsa_pin_mapping(area);
	LWLockRelease(&state->texts_lock);
	return area;
}

dsa_area *
slm_texts(void)
{
	SlmShared *state = slm_shared();

	if (attached == NULL && state != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
		ResourceOwner owner = CurrentResourceOwner;

		CurrentResourceOwner = NULL; /* of nobody who ends before the process */
		PG_TRY();
		{
			attached = attach(state);
		}
		PG_FINALLY();
		{
			CurrentResourceOwner = owner;
			MemoryContextSwitchTo(caller);
		}
		PG_END_TRY();
	}
	return attached;
}

dsa_pointer
slm_text_put(dsa_area *texts, const void *data, Size size)
{
	dsa_pointer at = dsa_allocate_extended(texts, sizeof(Chunk) + size, DSA_ALLOC_NO_OOM);
	Chunk *chunk;

	if (!DsaPointerIsValid(at))
		return InvalidDsaPointer;
	chunk = dsa_get_address(texts, at);
	chunk->size = size;
	memcpy(chunk + 1, data, size);
	pg_atomic_fetch_add_u64(&slm_shared()->text_bytes, size);
	return at;
}

void *
slm_text_get(dsa_area *texts, dsa_pointer from)
{
	Chunk *chunk = dsa_get_address(texts, from);
	void *copy = palloc(chunk->size);

	memcpy(copy, chunk + 1, chunk->size);
	return copy;
}

void
slm_text_free(dsa_area *texts, dsa_pointer *text)
{
	if (!DsaPointerIsValid(*text))
		return;
	pg_atomic_fetch_sub_u64(&slm_shared()->text_bytes,
							((Chunk *) dsa_get_address(texts, *text))->size);
	dsa_free(texts, *text);
	*text = InvalidDsaPointer;
}

void
slm_slot_free(dsa_area *texts, SlmWorkerSlot *slot)
{
	SlmShared *state = slm_shared();
	dsa_pointer request, answer;

	LWLockAcquire(&state->worker_lock, LW_EXCLUSIVE);
	request = slot->request;
	answer = slot->answer;
	slot->request = slot->answer = InvalidDsaPointer;
	slot->client_pid = 0;
	slot->abandoned = false;
	slot->state = SLM_SLOT_FREE;
	LWLockRelease(&state->worker_lock);
	/* what may fail comes last */
	slm_text_free(texts, &request);
	slm_text_free(texts, &answer);
}

void
slm_worker_wake(const SlmWorkerProcess *worker)
{
	if (worker->pid != 0)
		SetLatch(&ProcGlobal->allProcs[worker->procno].procLatch);
}

static void
describe(int index, bool static_one, BackgroundWorker *worker)
{
	*worker = (BackgroundWorker){
		.bgw_name = "slm worker",
		.bgw_type = "slm worker",
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_ConsistentState,
		.bgw_restart_time = BGW_NEVER_RESTART, /* who asks next starts another */
		.bgw_library_name = "slm",
		.bgw_function_name = "slm_worker_main",
		.bgw_main_arg = Int32GetDatum(index),
	};
	strlcpy(worker->bgw_extra, static_one ? SLM_WORKER_STAYS : "", sizeof(worker->bgw_extra));
}

bool
slm_worker_register(int index)
{
	BackgroundWorker worker;

	describe(index, false, &worker);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

void
slm_worker_init(void)
{
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	for (int i = 0; i < slm_workers; i++)
	{
		BackgroundWorker worker;

		describe(i, true, &worker);
		RegisterBackgroundWorker(&worker);
	}
}

/* slm_worker_use(OUT workers int, OUT requests int, OUT text_bytes bigint) */
Datum
slm_worker_use(PG_FUNCTION_ARGS)
{
	SlmShared *state = slm_shared();
	int n_worker = 0, n_request = 0;
	Datum values[3];
	bool nulls[3] = {false};
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "slm_worker_use() must return a row");
	if (state != NULL)
	{
		LWLockAcquire(&state->worker_lock, LW_SHARED);
		for (int i = 0; i < SLM_WORKERS; i++)
			n_worker += state->worker[i].pid != 0;
		for (int i = 0; i < SLM_WORKER_SLOTS; i++)
			n_request += state->slot[i].state != SLM_SLOT_FREE;
		LWLockRelease(&state->worker_lock);
	}
	values[0] = Int32GetDatum(n_worker);
	values[1] = Int32GetDatum(n_request);
	values[2] = Int64GetDatum(state != NULL ? (int64) pg_atomic_read_u64(&state->text_bytes) : 0);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
