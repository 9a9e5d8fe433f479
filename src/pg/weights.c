/*
 * weights.c - images mapped into this backend, and what happens when one breaks
 *
 * One mapping per content, read-only and shared, however many models use it.
 * The descriptor stays open: its shared lock tells others that the image is in
 * use (cache.c).  A mapping without references is unmapped by the next sweep, at
 * the end of the transaction at the latest.
 *
 * SIGBUS.  A file that is truncated, or a disk that cannot be read, turns a
 * load from the mapping into a signal whose default is the end of the process
 * and with it a restart of the cluster.  Nobody but the server should write
 * there, but disks do fail.  The handler looks whether the address lies in one
 * of our mappings, puts a page of zeros there, notes it, and returns; the
 * engine, which checks what it reads from an image wherever it uses it, goes on
 * with zeros until its next poll, and the call ends with an error.  The handler calls
 * nothing but mmap and sigaction, and reads a fixed table that is written
 * before an image is first touched.  Any other SIGBUS goes where it went before.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#include "pg/cache.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"
#include "pg/shmem.h"
#include "pg/weights.h"

#define MAX_MAPPINGS 64
#define POPULATE_STEP_BYTES ((size_t) 4 * 1024 * 1024)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

/* What the handler reads: start 0 is a free entry. */
typedef struct GuardedRange
{
	volatile uintptr_t start;
	volatile uintptr_t end;
	volatile sig_atomic_t broken;
} GuardedRange;

static SlmMapping mappings[MAX_MAPPINGS];
static int n_mapping;                      /* entries past it have never been used */
static GuardedRange guarded[MAX_MAPPINGS]; /* of the mapping of the same index */
static volatile sig_atomic_t any_broken;
static uintptr_t page_bytes;
static struct sigaction previous_action;
static bool guard_installed;

/* ---- The guard ----------------------------------------------------------- */

static void
handle_sigbus(int signo, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t) info->si_addr;
	int saved_errno = errno;

	for (int i = 0; i < MAX_MAPPINGS; i++)
	{
		void *page;

		if (guarded[i].start == 0 || address < guarded[i].start || address >= guarded[i].end)
			continue;
		page = (void *) (address & ~(page_bytes - 1));
		if (mmap(page, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
			page)
			break;
		guarded[i].broken = 1;
		any_broken = 1;
		errno = saved_errno;
		return;
	}

	if ((previous_action.sa_flags & SA_SIGINFO) != 0 && previous_action.sa_sigaction != NULL)
		previous_action.sa_sigaction(signo, info, context);
	else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN)
		previous_action.sa_handler(signo);
	else
	{
		/* Returning repeats the access, now without us. */
		sigaction(SIGBUS, &previous_action, NULL);
	}
	errno = saved_errno;
}

static SlmStatus
install_guard(SlmError *err)
{
	struct sigaction action = {0};

	if (guard_installed)
		return SLM_OK;
	page_bytes = (uintptr_t) sysconf(_SC_PAGESIZE);
	action.sa_sigaction = handle_sigbus;
	action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, &previous_action) != 0)
		return slm_fail(err, SLM_ERR_INTERNAL, "could not install the handler of SIGBUS");
	guard_installed = true;
	return SLM_OK;
}

bool
slm_mapping_is_broken(void)
{
	return any_broken != 0;
}

/*
 * A cut inside a page gives zeros to its end and no signal, so the size is asked
 * for as well: some 0.2 us for each image, against milliseconds of a call.
 */
static void
check_sizes(void)
{
	for (int i = 0; i < n_mapping; i++)
	{
		struct stat st;

		if (mappings[i].used && !mappings[i].broken &&
			(fstat(mappings[i].fd, &st) != 0 || (size_t) st.st_size < mappings[i].bytes))
		{
			guarded[i].broken = 1;
			any_broken = 1;
		}
	}
}

void
slm_model_check_mapping(void)
{
	check_sizes();
	if (likely(!any_broken))
		return;
	any_broken = 0;
	for (int i = 0; i < MAX_MAPPINGS; i++)
	{
		if (!guarded[i].broken)
			continue;
		guarded[i].broken = 0;
		if (!mappings[i].broken)
		{
			mappings[i].broken = true;
			slm_cache_discard(mappings[i].path, mappings[i].fd);
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_IO_ERROR), errmsg("could not read the weight image of a model"),
			 errdetail("The image was truncated, or its disk failed, while it was in use."),
			 errhint("Run the statement again: the image is built anew from the model file.")));
}

/* ---- Mappings ------------------------------------------------------------ */

static void
unmap(SlmMapping *mapping)
{
	GuardedRange *range = &guarded[mapping - mappings];

	if (mapping->model != NULL)
		slm_model_close(mapping->model);
	if (mapping->base != NULL)
		munmap(mapping->base, mapping->bytes);
	range->start = 0;
	range->broken = 0;
	if (mapping->fd >= 0)
	{
		close(mapping->fd);
		ReleaseExternalFD();
	}
	slm_shared_leave(mapping->shared_slot);
	memset(mapping, 0, sizeof(*mapping));
	mapping->fd = -1;
	mapping->shared_slot = -1;
}

/* Before the process ends: its share in the counts of users. */
static void
leave_shared(int code, Datum arg)
{
	for (int i = 0; i < MAX_MAPPINGS; i++)
	{
		if (mappings[i].used)
			slm_shared_leave(mappings[i].shared_slot);
		mappings[i].shared_slot = -1;
	}
}

/* An entry of the table that is not in use, or NULL. */
static SlmMapping *
free_mapping(void)
{
	static bool registered;

	if (!registered)
	{
		before_shmem_exit(leave_shared, (Datum) 0);
		registered = true;
	}
	for (int i = 0; i < MAX_MAPPINGS; i++)
		if (!mappings[i].used)
		{
			memset(&mappings[i], 0, sizeof(mappings[i]));
			mappings[i].fd = -1;
			mappings[i].shared_slot = -1;
			n_mapping = Max(n_mapping, i + 1);
			return &mappings[i];
		}
	return NULL;
}

/* Maps the image behind mapping->fd and opens the model in it. */
static SlmStatus
map_image(SlmMapping *mapping, SlmError *err)
{
	GuardedRange *range = &guarded[mapping - mappings];
	struct stat st;
	void *base;

	if (fstat(mapping->fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return slm_fail(err, SLM_ERR_IO, "could not read weight image \"%s\"", mapping->path);
	if (st.st_size == 0)
		return slm_fail(err, SLM_ERR_CORRUPT, "weight image \"%s\" is empty", mapping->path);
	base = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, mapping->fd, 0);
	if (base == MAP_FAILED)
		return slm_fail(err, errno == ENOMEM ? SLM_ERR_NO_MEMORY : SLM_ERR_IO,
						"could not map weight image \"%s\"", mapping->path);
	mapping->base = base;
	mapping->bytes = (size_t) st.st_size;
	range->end = (uintptr_t) base + mapping->bytes;
	range->broken = 0;
	range->start = (uintptr_t) base;
	(void) madvise(base, mapping->bytes, MADV_DONTDUMP);

	SLM_TRY(slm_model_open(base, mapping->bytes, &slm_pg_host, &mapping->model, err));
	if (memcmp(slm_model_info(mapping->model)->source_sha256, mapping->sha256, SLM_SHA256_BYTES) !=
		0)
		return slm_fail(err, SLM_ERR_CORRUPT, "weight image \"%s\" is of another file",
						mapping->path);
	return SLM_OK;
}

/* The mapping this backend already has, or NULL; adds no reference. */
static SlmMapping *
find_mapping(const uint8 sha256[SLM_SHA256_BYTES])
{
	for (int i = 0; i < MAX_MAPPINGS; i++)
		if (mappings[i].used && !mappings[i].broken &&
			memcmp(mappings[i].sha256, sha256, SLM_SHA256_BYTES) == 0)
			return &mappings[i];
	return NULL;
}

SlmStatus
slm_weights_attach(const uint8 sha256[SLM_SHA256_BYTES], SlmMapping **out, SlmError *err)
{
	SlmMapping *mapping = find_mapping(sha256);
	SlmStatus status;

	*out = mapping;
	if (mapping != NULL)
	{
		mapping->n_ref++;
		return SLM_OK;
	}

	SLM_TRY(install_guard(err));
	mapping = free_mapping();
	if (mapping == NULL)
		return slm_fail(err, SLM_ERR_LIMIT, "more than %d models in use in one transaction",
						MAX_MAPPINGS);
	SLM_TRY(slm_cache_open_image(sha256, mapping->path, &mapping->fd, err));
	if (mapping->fd < 0)
		return SLM_OK;
	ReserveExternalFD();
	mapping->used = true;
	memcpy(mapping->sha256, sha256, SLM_SHA256_BYTES);

	status = map_image(mapping, err);
	if (guarded[mapping - mappings].broken)
	{
		any_broken = 0;
		status = slm_fail(err, SLM_ERR_CORRUPT, "weight image \"%s\" is cut off", mapping->path);
	}
	if (status != SLM_OK)
	{
		if (status == SLM_ERR_CORRUPT)
		{
			ereport(LOG, (errmsg_internal("slm: removing a broken image: %s", err->message)));
			slm_cache_discard(mapping->path, mapping->fd);
			status = SLM_OK;
		}
		unmap(mapping);
		return status;
	}
	mapping->shared_slot = slm_shared_enter(sha256);
	mapping->n_ref = 1;
	*out = mapping;
	return SLM_OK;
}

void
slm_weights_release(SlmMapping *mapping)
{
	Assert(mapping->n_ref > 0);
	mapping->n_ref--;
}

void
slm_weights_sweep(void)
{
	for (int i = 0; i < MAX_MAPPINGS; i++)
		if (mappings[i].used && mappings[i].n_ref == 0)
			unmap(&mappings[i]);
}

void
slm_weights_populate(SlmMapping *mapping)
{
	bool advise = true;

	for (size_t at = 0; at < mapping->bytes; at += POPULATE_STEP_BYTES)
	{
		char *step = (char *) mapping->base + at;
		size_t n = Min(mapping->bytes - at, POPULATE_STEP_BYTES);

		slm_check_interrupts();
		if (advise && madvise(step, n, MADV_POPULATE_READ) != 0)
		{
			/* An old kernel, or a hole that the guard will find by touching it. */
			advise = false;
		}
		if (!advise)
			for (size_t i = 0; i < n; i += page_bytes)
				(void) *(volatile char *) (step + i);
		slm_model_check_mapping();
	}
}
