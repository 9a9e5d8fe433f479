/*
 * pg_host.c - memory, interrupts and hashing for the engine
 *
 * Interrupts.  The engine may not be jumped out of, so a poll cannot simply be
 * CHECK_FOR_INTERRUPTS().  Nor does reading QueryCancelPending suffice: a
 * recovery conflict, a lost client or a transaction timeout end a statement
 * too, by flags that differ between versions and are partly private, and a
 * barrier (DROP DATABASE waits for it) must be served while the statement goes
 * on.  So a poll reads InterruptPending, about 1 ns, and only when it is set
 * lets PostgreSQL handle it inside PG_TRY: what was merely to be served is
 * served, an ERROR is caught and kept, and from then on polls answer true.
 * The engine unwinds, and slm_raise() or slm_check_interrupts() throws the
 * kept error as if it had been thrown there.  (FATAL ends the process inside
 * the poll: the engine holds nothing that outlives a process.)
 *
 * Memory.  One context under TopMemoryContext, so that what the engine holds
 * is visible in pg_backend_memory_contexts; it lives as long as the backend.
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "common/cryptohash.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"

#include "pg/guc.h"
#include "pg/model_ref.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

static MemoryContext scratch_context;
static SlmArena scratch_arena;
static ErrorData *kept_error; /* met by a poll, not thrown yet; in TopTransactionContext */

static MemoryContext
host_context(void)
{
	if (scratch_context == NULL)
		scratch_context =
			AllocSetContextCreate(TopMemoryContext, "slm scratch", ALLOCSET_DEFAULT_SIZES);
	return scratch_context;
}

static void *
host_alloc(void *arg, size_t bytes)
{
	if (!AllocHugeSizeIsValid(bytes))
		return NULL;
	return MemoryContextAllocExtended(host_context(), bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

static void
host_release(void *arg, void *ptr)
{
	if (ptr != NULL)
		pfree(ptr);
}

#ifdef SLM_DEV
/* Time of this process on a CPU: on a busy machine the clock on the wall measures the others. */
static int64 last_poll_us;
static bool in_engine; /* last_poll_us is of the engine call that runs now */
static int64 largest_gap_us;

static int64
cpu_time_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
poll_gap_start(void)
{
	last_poll_us = cpu_time_us();
	in_engine = true;
}

static void
poll_gap_stop(void)
{
	in_engine = false;
}

static void
poll_gap_measure(void)
{
	int64 now_us = cpu_time_us();

	if (in_engine)
		largest_gap_us = Max(largest_gap_us, now_us - last_poll_us);
	last_poll_us = now_us;
	in_engine = true;
}

int
slm_host_poll_gap_us(void)
{
	return (int) Min(largest_gap_us, PG_INT32_MAX);
}

void
slm_host_reset_poll_gap(void)
{
	largest_gap_us = 0;
}
#else
#define poll_gap_start() ((void) 0)
#define poll_gap_stop() ((void) 0)
#define poll_gap_measure() ((void) 0)
#endif

int
slm_host_guard(void (*body)(void *arg), void *arg)
{
	MemoryContext caller_context = CurrentMemoryContext;
	uint32 holdoff = InterruptHoldoffCount;
	volatile int sqlstate = 0;

	PG_TRY();
	{
		body(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(TopTransactionContext);
		kept_error = CopyErrorData();
		sqlstate = kept_error->sqlerrcode;
		FlushErrorState();
		/* Whoever holds a lock holds interrupts off: what is held now, body has left behind. */
		if (holdoff == 0)
			LWLockReleaseAll();
		InterruptHoldoffCount = holdoff;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller_context);
	return sqlstate;
}

void
slm_host_forget_error(void)
{
	if (kept_error != NULL)
		FreeErrorData(kept_error);
	kept_error = NULL;
}

static void
check_for_interrupts(void *arg)
{
	CHECK_FOR_INTERRUPTS();
}

/* Serves what is pending; an error that comes of it is kept for later. */
static pg_noinline void
serve_interrupts(void)
{
	(void) slm_host_guard(check_for_interrupts, NULL);
}

static bool
host_interrupted(void *arg)
{
	poll_gap_measure();
	if (unlikely(InterruptPending) && kept_error == NULL && INTERRUPTS_CAN_BE_PROCESSED() &&
		IsTransactionState())
		serve_interrupts();
	return kept_error != NULL || slm_mapping_is_broken();
}

static void *
host_sha256_start(void *arg)
{
	MemoryContext caller_context = CurrentMemoryContext;
	pg_cryptohash_ctx *volatile hash = NULL;

	/* Creation allocates and remembers its state for the end of the transaction: both may fail. */
	PG_TRY();
	{
		hash = pg_cryptohash_create(PG_SHA256);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller_context);
		FlushErrorState();
	}
	PG_END_TRY();

	if (hash != NULL && pg_cryptohash_init(hash) < 0)
	{
		pg_cryptohash_free(hash);
		return NULL;
	}
	return hash;
}

static bool
host_sha256_update(void *arg, void *state, const void *data, size_t n)
{
	return pg_cryptohash_update(state, data, n) == 0;
}

static bool
host_sha256_finish(void *arg, void *state, uint8_t out[SLM_SHA256_BYTES])
{
	uint8 digest[SLM_SHA256_BYTES];
	bool done = pg_cryptohash_final(state, digest, sizeof(digest)) == 0;

	pg_cryptohash_free(state);
	if (done && out != NULL)
		memcpy(out, digest, sizeof(digest));
	return done;
}

static void
host_log(void *arg, const char *message)
{
	/* elog's own allocations may fail: then the remark is lost, not the call. */
	MemoryContext caller_context = CurrentMemoryContext;

	PG_TRY();
	{
		elog(LOG, "slm: %s", message);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller_context);
		FlushErrorState();
	}
	PG_END_TRY();
}

const SlmHost slm_pg_host = {
	.arg = NULL,
	.alloc = host_alloc,
	.release = host_release,
	.interrupted = host_interrupted,
	.sha256_start = host_sha256_start,
	.sha256_update = host_sha256_update,
	.sha256_finish = host_sha256_finish,
	.log = host_log,
};

/* Throws the kept error, if there is one. */
static void
throw_kept_error(void)
{
	ErrorData *error = kept_error;

	if (likely(error == NULL))
		return;
	kept_error = NULL;
	ReThrowError(error);
}

void
slm_check_interrupts(void)
{
	throw_kept_error();
	CHECK_FOR_INTERRUPTS();
}

void
slm_engine_check(SlmStatus status, const SlmError *err)
{
	poll_gap_measure();
	poll_gap_stop();
	if (unlikely(status != SLM_OK))
		slm_raise(err);
	slm_model_check_mapping();
	slm_check_interrupts();
}

SlmArena *
slm_scratch(void)
{
	size_t max_bytes = (size_t) slm_max_scratch_memory * 1024;

	slm_check_interrupts();
	if (scratch_arena.host == NULL)
		slm_arena_init(&scratch_arena, &slm_pg_host, max_bytes);
	scratch_arena.max_bytes = max_bytes;
	/* What is kept from before counts: a cap that was lowered holds from now on. */
	slm_arena_trim(&scratch_arena, max_bytes);
	poll_gap_start();
	return &scratch_arena;
}

SlmPrefixes *
slm_kept_prefixes(void)
{
	static SlmPrefixes prefixes;
	size_t max_bytes = (size_t) slm_max_prefix_memory * 1024;

	prefixes.host = &slm_pg_host;
	if (unlikely(prefixes.max_bytes != max_bytes))
		slm_prefixes_limit(&prefixes, max_bytes);
	return &prefixes;
}

const SlmKernels *
slm_current_kernels(void)
{
	static const SlmKernels *kernels;
	static int kernels_isa = -1;

	/* Asking the CPU can cost microseconds in a virtual machine: once per choice. */
	if (unlikely(kernels_isa != slm_force_isa))
	{
		kernels = slm_kernels((SlmIsa) slm_force_isa);
		if (kernels == NULL)
			elog(ERROR, "no kernels for instruction set \"%s\"",
				 slm_isa_name((SlmIsa) slm_force_isa));
		kernels_isa = slm_force_isa;
	}
	return kernels;
}

/* At the end of a transaction: scratch goes down to what may be kept. */
static void
end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			if (scratch_arena.host != NULL)
				slm_arena_trim(&scratch_arena, SLM_SCRATCH_KEEP_BYTES);
			kept_error = NULL;
			poll_gap_stop();
			break;
		default:
			break;
	}
}

void
slm_host_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
}
