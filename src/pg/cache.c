/*
 * cache.c - the folder of weight images (slm.cache_dir)
 *
 *   <sha256>.<layout version>.image   an image, mode 0400, never changed again
 *   <id>.tmp                          one being built, mode 0600
 *   <key>.record                      what was seen of one model file
 *   <key>.record.tmp                  a record being written
 *
 * Who builds.  The temporary file is its own lock: its name follows from the
 * model file's path and identity, whoever holds flock(LOCK_EX) on it builds,
 * the others look every 10 ms.  The kernel gives the lock back however the
 * builder ends, so there is nothing to clean up after a crash but the file,
 * and a *.tmp that can be locked is one that nobody is writing.  The builder's
 * last step renames it, so that who gets the lock afterwards holds an inode
 * that the name no longer leads to, and looks again instead of building.  The
 * record is written before the rename: whoever creates a new temporary file
 * after the rename finds record and image when it looks a second time under
 * its lock.
 *
 * Who uses.  Every mapping of an image holds a shared lock on it; what can be
 * locked exclusively can be dropped.  Locks are on open files, so sessions of
 * other databases and parallel workers count like any other.
 *
 * Records.  A fresh backend must find the content of a model file without
 * reading it: the record of a path (that is, of a spelling and slm.model_path)
 * holds the last few (identity, sha256) pairs.  Identity is device, inode,
 * size, mtime and ctime.  ctime moves in ticks of up to 10 ms, so a file is
 * only read once its ctime lies 20 ms back: a later change shows.  A model
 * that carries its sha256 asks only whether the path was ever seen with that
 * content: it keeps working from its image when the file is overwritten or
 * gone.
 *
 * cache_folder.c has names and locks, cache_record.c the records, cache_build.c
 * the building.  Waits are interruptible everywhere.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"

#include "pg/cache.h"
#include "pg/cache_build.h"
#include "pg/cache_folder.h"
#include "pg/cache_record.h"
#include "pg/hash.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

#define MAX_BUILD_TRIES 3    /* when the model file changes under the builder */
#define MAX_LOCATE_TRIES 100 /* each means that somebody else dropped or built something */

/* Hashes an open file without building anything. */
static void
hash_file(SlmModelFile *file, uint8 sha256[SLM_SHA256_BYTES])
{
	const SlmHost *host = &slm_pg_host;
	SlmSource source = slm_file_source(file);
	char *buffer = palloc(SLM_CACHE_STEP_BYTES);
	void *state = host->sha256_start(host->arg);
	SlmStatus status = SLM_OK;
	SlmError err;

	if (state == NULL)
		status = slm_fail(&err, SLM_ERR_NO_MEMORY, "could not compute SHA-256");
	for (uint64 at = 0; at < source.size && status == SLM_OK; at += SLM_CACHE_STEP_BYTES)
	{
		size_t n = (size_t) Min(source.size - at, SLM_CACHE_STEP_BYTES);

		status = source.read(source.arg, at, buffer, n, &err);
		if (status == SLM_OK && !host->sha256_update(host->arg, state, buffer, n))
			status = slm_fail(&err, SLM_ERR_INTERNAL, "could not compute SHA-256");
	}
	if (state != NULL && !host->sha256_finish(host->arg, state, status == SLM_OK ? sha256 : NULL) &&
		status == SLM_OK)
		status = slm_fail(&err, SLM_ERR_INTERNAL, "could not compute SHA-256");
	SLM_CHECK(status, &err);
	pfree(buffer);
}

static void
check_content(const char *file, const uint8 *expected, const uint8 *found)
{
	char expected_hex[SLM_HASH_HEX_CHARS + 1];
	char found_hex[SLM_HASH_HEX_CHARS + 1];

	if (memcmp(expected, found, SLM_SHA256_BYTES) == 0)
		return;
	slm_hash_to_hex(expected, expected_hex);
	slm_hash_to_hex(found, found_hex);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("SHA-256 of the model file is not the one it was registered with"),
			 errdetail("It is %s, the model was registered with %s.", found_hex, expected_hex),
			 errhint("Put the registered file back, or set the option \"sha256\" with ALTER "
					 "SERVER to accept the new one.")));
}

void
slm_cache_locate(const char *file, const uint8 *expected, SlmFileIdentity *identity,
				 uint8 sha256[SLM_SHA256_BYTES])
{
	int n_changed = 0;

	for (int i = 0; i < MAX_LOCATE_TRIES; i++)
	{
		SlmRecord record;
		const SlmRecordEntry *entry;
		SlmModelFile open_file;
		SlmError err;
		bool found;

		slm_check_interrupts();
		slm_record_read(file, &record);
		if (expected != NULL && slm_record_has_content(&record, expected) &&
			slm_cache_has_image(expected))
		{
			memset(identity, 0, sizeof(*identity));
			memcpy(sha256, expected, SLM_SHA256_BYTES);
			return;
		}

		SLM_CHECK(slm_file_open(file, &open_file, &err), &err);
		slm_build_settle(&open_file);
		*identity = open_file.identity;
		entry = slm_record_find(&record, identity);
		if (entry != NULL && slm_cache_has_image(entry->sha256))
		{
			if (expected != NULL)
				check_content(file, expected, entry->sha256);
			memcpy(sha256, entry->sha256, SLM_SHA256_BYTES);
			found = true;
		}
		else
		{
			slm_cache_prepare_folder();
			if (expected != NULL && slm_cache_has_image(expected))
			{
				/* Another path has brought that content: this one is only verified. */
				hash_file(&open_file, sha256);
				check_content(file, expected, sha256);
				slm_record_write(file, identity, sha256);
				found = true;
			}
			else
			{
				found = slm_build_image(&open_file, expected, sha256);
				if (!found && !slm_file_same(&open_file.identity, identity) &&
					++n_changed == MAX_BUILD_TRIES)
					ereport(ERROR,
							(errcode(ERRCODE_OBJECT_IN_USE),
							 errmsg("model file \"%s\" keeps changing while it is read", file)));
			}
		}
		slm_file_close(&open_file);
		if (found)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("weight image of model file \"%s\" is removed as often as it is built", file),
			 errhint("Is slm.max_cache_size large enough for the models in use?")));
}

bool
slm_cache_peek(const char *file, const uint8 *expected, uint8 sha256[SLM_SHA256_BYTES],
			   SlmCacheState *state)
{
	SlmRecord record;
	SlmFileIdentity identity;
	SlmError err;
	bool has_file = slm_file_stat(file, &identity, &err) == SLM_OK;
	bool known = false;

	*state = SLM_CACHE_ABSENT;
	slm_record_read(file, &record);
	if (expected != NULL)
	{
		memcpy(sha256, expected, SLM_SHA256_BYTES);
		known = slm_record_has_content(&record, expected);
	}
	else if (has_file)
	{
		const SlmRecordEntry *entry = slm_record_find(&record, &identity);

		known = entry != NULL;
		if (known)
			memcpy(sha256, entry->sha256, SLM_SHA256_BYTES);
	}
	if (known && slm_cache_has_image(sha256))
		*state = SLM_CACHE_READY;
	else if (has_file)
	{
		char path[MAXPGPATH];
		int fd;

		slm_build_temp_path(path, file, &identity);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd >= 0)
		{
			if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
				*state = SLM_CACHE_BUILDING;
			close(fd);
		}
	}
	return known || expected != NULL;
}

/* ---- Images in use ------------------------------------------------------- */

SlmStatus
slm_cache_open_image(const uint8 sha256[SLM_SHA256_BYTES], char *path, int *out, SlmError *err)
{
	char name[MAXPGPATH];

	*out = -1;
	slm_cache_image_name(name, sizeof(name), sha256);
	slm_cache_path(path, name);
	for (;;)
	{
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		bool locked;

		if (fd < 0 && errno == ENOENT)
			return SLM_OK;
		if (fd < 0)
			return slm_fail(err, SLM_ERR_IO, "could not open weight image \"%s\"", path);
		locked = flock(fd, LOCK_SH | LOCK_NB) == 0;
		if (locked && slm_cache_still_named(path, fd))
		{
			*out = fd;
			return SLM_OK;
		}
		close(fd);
		/* Its builder is about to let go of it, or it is just being dropped. */
		if (!locked)
			slm_cache_nap(SLM_CACHE_WAIT_MS);
	}
}

void
slm_cache_touch(int fd)
{
	(void) futimens(fd, NULL);
}

void
slm_cache_discard(const char *path, int fd)
{
	if (slm_cache_still_named(path, fd))
		(void) unlink(path);
}

/* Is none of the contents of a record in the cache any more? */
static bool
record_is_idle(const char *path)
{
	SlmRecord record;

	slm_record_read_at(path, &record);
	for (int i = 0; i < record.n_entry; i++)
		if (slm_cache_has_image(record.entry[i].sha256))
			return false;
	return true;
}

SlmCacheVictim *
slm_cache_remove_unused(int *n_victim)
{
	char folder[MAXPGPATH];
	SlmCacheVictim *victim = palloc(sizeof(SlmCacheVictim));
	int n = 0;

	slm_cache_folder(folder);
	/* Records last: they are judged by the images that are left. */
	for (int pass = 0; pass < 2; pass++)
	{
		DIR *dir = AllocateDir(folder);
		struct dirent *entry;

		if (dir == NULL && errno == ENOENT)
			break;
		while ((entry = ReadDir(dir, folder)) != NULL)
		{
			SlmCacheFileKind kind = slm_cache_file_kind(entry->d_name);
			char path[MAXPGPATH];
			int64 bytes = 0;
			struct stat st;
			bool removed;

			slm_check_interrupts();
			if (kind == SLM_CACHE_FILE_FOREIGN || (kind == SLM_CACHE_FILE_RECORD) != (pass == 1))
				continue;
			slm_cache_path(path, entry->d_name);
			if (kind == SLM_CACHE_FILE_RECORD)
			{
				removed = record_is_idle(path) && lstat(path, &st) == 0 && unlink(path) == 0;
				if (removed)
					bytes = (int64) st.st_size;
			}
			else
				removed = slm_cache_drop_file(path, &bytes);
			if (!removed)
				continue;
			victim = repalloc(victim, sizeof(SlmCacheVictim) * (size_t) (n + 1));
			strlcpy(victim[n].name, entry->d_name, sizeof(victim[n].name));
			victim[n].bytes = bytes;
			n++;
		}
		FreeDir(dir);
	}
	*n_victim = n;
	return victim;
}
