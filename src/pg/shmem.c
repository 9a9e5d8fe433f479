/*
 * shmem.c - the small piece of shared memory that slm asks for
 *
 * PostgreSQL leaves room in its main segment that nobody claimed (about 2 MB on
 * 15 to 18), and hands it out to whoever asks, preloaded or not; under 64 kB is
 * modest.  When preloaded the room is asked for properly.  Without it calls are not
 * counted, and sessions write all themselves.
 *
 * An old library can be preloaded or mapped in other sessions while a new one
 * is installed: the struct carries an ABI number, and who finds another than
 * its own leaves it alone.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "pg/pg_compat.h"
#include "pg/shmem.h"

#define SLM_SHARED_ABI 3
#define SLM_SHARED_NAME "slm"

StaticAssertDecl(sizeof(SlmShared) < 64 * 1024, "shared memory of slm must stay modest");

static SlmShared *shared;
static bool unavailable;
static shmem_request_hook_type previous_request_hook;

static void
request_room(void)
{
	if (previous_request_hook != NULL)
		previous_request_hook();
	RequestAddinShmemSpace(sizeof(SlmShared));
}

void
slm_shared_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_room;
}

/* Finds or creates the struct; may raise. */
static SlmShared *
attach(void)
{
	SlmShared *found_at;
	bool found;

	found_at = ShmemInitStruct(SLM_SHARED_NAME, sizeof(SlmShared), &found);
	if (!found)
	{
		memset(found_at, 0, sizeof(*found_at));
		LWLockInitialize(&found_at->lock, LWLockNewTrancheId());
		for (int i = 0; i <= SLM_STAT_ROWS; i++)
			for (int j = 0; j < SLM_STAT_COUNTERS; j++)
				pg_atomic_init_u64(&found_at->row[i].count[j], 0);
		LWLockInitialize(&found_at->worker_lock, LWLockNewTrancheId());
		LWLockInitialize(&found_at->texts_lock, found_at->worker_lock.tranche);
		found_at->texts_tranche = LWLockNewTrancheId();
		pg_atomic_init_u64(&found_at->text_bytes, 0);
		for (int i = 0; i < SLM_WORKER_SLOTS; i++)
			ConditionVariableInit(&found_at->slot[i].done);
		found_at->abi = SLM_SHARED_ABI;
	}
	return found_at->abi == SLM_SHARED_ABI ? found_at : NULL;
}

SlmShared *
slm_shared(void)
{
	MemoryContext caller_context = CurrentMemoryContext;
	SlmShared *volatile found = NULL;
	uint32 holdoff;

	if (likely(shared != NULL) || unavailable)
		return shared;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	holdoff = InterruptHoldoffCount;
	/* ShmemInitStruct raises when there is no room, or the size is another version's. */
	PG_TRY();
	{
		found = attach();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller_context);
		FlushErrorState();
		InterruptHoldoffCount = holdoff; /* an error forgets the locks that are held */
	}
	PG_END_TRY();
	LWLockRelease(AddinShmemInitLock);

	if (found == NULL)
	{
		unavailable = true;
		return NULL;
	}
	LWLockRegisterTranche(found->lock.tranche, "slm");
	LWLockRegisterTranche(found->worker_lock.tranche, "slm workers");
	LWLockRegisterTranche(found->texts_tranche, "slm texts");
	shared = found;
	return shared;
}

int
slm_shared_enter(const uint8 sha256[SLM_SHA256_BYTES])
{
	SlmShared *state = slm_shared();
	int slot = -1;

	if (state == NULL)
		return -1;
	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_SHARED_IMAGES; i++)
	{
		const SlmSharedImage *image = &state->image[i];

		if (image->n_user == 0)
			slot = slot < 0 ? i : slot;
		else if (memcmp(image->sha256, sha256, SLM_SHA256_BYTES) == 0)
		{
			slot = i;
			break;
		}
	}
	if (slot >= 0)
	{
		memcpy(state->image[slot].sha256, sha256, SLM_SHA256_BYTES);
		state->image[slot].n_user++;
	}
	LWLockRelease(&state->lock);
	return slot;
}

void
slm_shared_leave(int slot)
{
	if (slot < 0 || shared == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->image[slot].n_user--;
	LWLockRelease(&shared->lock);
}

bool
slm_shared_agree(TimestampTz statement, Oid serverid, const char *file,
				 uint8 sha256[SLM_SHA256_BYTES])
{
	SlmShared *state = slm_shared();
	PGPROC *leader = MyProc->lockGroupLeader;
	int leader_pid = leader != NULL ? leader->pid : MyProcPid;
	uint32 file_hash = hash_bytes((const unsigned char *) file, (int) strlen(file));
	bool differs = false;
	bool found = false;

	if (state == NULL || statement == 0)
		return false;
	LWLockAcquire(&state->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLM_AGREEMENTS && !found; i++)
	{
		const SlmAgreement *known = &state->agreement[i];

		found = known->statement == statement && known->leader_pid == leader_pid &&
				known->serverid == serverid && known->file == file_hash;
		if (found)
		{
			differs = memcmp(sha256, known->sha256, SLM_SHA256_BYTES) != 0;
			memcpy(sha256, known->sha256, SLM_SHA256_BYTES);
		}
	}
	if (!found)
	{
		SlmAgreement *fresh = &state->agreement[state->next_agreement];

		state->next_agreement = (state->next_agreement + 1) % SLM_AGREEMENTS;
		fresh->leader_pid = leader_pid;
		fresh->serverid = serverid;
		fresh->file = file_hash;
		fresh->statement = statement;
		memcpy(fresh->sha256, sha256, SLM_SHA256_BYTES);
	}
	LWLockRelease(&state->lock);
	return differs;
}

int
slm_shared_users(const uint8 sha256[SLM_SHA256_BYTES])
{
	SlmShared *state = slm_shared();
	int n_user = 0;

	if (state == NULL)
		return 0;
	LWLockAcquire(&state->lock, LW_SHARED);
	for (int i = 0; i < SLM_SHARED_IMAGES && n_user == 0; i++)
		if (state->image[i].n_user > 0 &&
			memcmp(state->image[i].sha256, sha256, SLM_SHA256_BYTES) == 0)
			n_user = state->image[i].n_user;
	LWLockRelease(&state->lock);
	return n_user;
}
