/*
 * cache_build.c - building an image: the lock, the room on disk, the write
 *
 * Who builds and who waits is told in cache.c.  The disk is written in steps and
 * synced in steps, so that a cancel does not wait for a gigabyte to reach it.
 * Room is made before the first byte: images that nobody has mapped go, the one
 * used least recently first, and what other builders have promised to write
 * counts as written.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#include "pg/cache_build.h"
#include "pg/cache_folder.h"
#include "pg/cache_record.h"
#include "pg/guc.h"
#include "pg/hash.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

#define SETTLE_NS ((int64) 20 * 1000 * 1000)
#define SYNC_STEP_BYTES ((uint64) 4 * 1024 * 1024)
#define KEEP_FREE_BYTES ((uint64) 1024 * 1024 * 1024)
#define KEEP_FREE_FRACTION 20 /* one twentieth, 5 % */

/* ---- Room ---------------------------------------------------------------- */

typedef struct Usage
{
	uint64 bytes;      /* of images and temporary files, as far as they will grow */
	uint64 promised;   /* bytes of temporary files that are not on disk yet */
	char oldest[256];  /* image used least recently, after the cursor; "" if none */
	int64 oldest_time; /* its mtime */
} Usage;

/*
 * Adds up the folder, our own temporary file aside, and finds the first image
 * past the cursor in the order of last use.  Raises nothing.
 */
static bool
survey(const char *folder, const char *own_temp, int64 after_time, const char *after_name,
	   Usage *out)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	memset(out, 0, sizeof(*out));
	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL)
	{
		SlmCacheFileKind kind = slm_cache_file_kind(entry->d_name);
		char path[MAXPGPATH];
		struct stat st;
		int64 time;

		if (kind == SLM_CACHE_FILE_FOREIGN ||
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int) sizeof(path) ||
			strcmp(path, own_temp) == 0 || lstat(path, &st) != 0)
			continue;
		out->bytes += (uint64) st.st_size;
		if (kind == SLM_CACHE_FILE_TEMP)
			out->promised +=
				(uint64) Max((int64) st.st_size - (int64) st.st_blocks * 512, (int64) 0);
		if (kind != SLM_CACHE_FILE_IMAGE)
			continue;
		time = (int64) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
		if ((time > after_time || (time == after_time && strcmp(entry->d_name, after_name) > 0)) &&
			(out->oldest[0] == '\0' || time < out->oldest_time ||
			 (time == out->oldest_time && strcmp(entry->d_name, out->oldest) < 0)))
		{
			strlcpy(out->oldest, entry->d_name, sizeof(out->oldest));
			out->oldest_time = time;
		}
	}
	closedir(dir);
	return true;
}

static uint64
room_to_keep(const struct statvfs *disk)
{
	uint64 size = (uint64) disk->f_blocks * disk->f_frsize;

	if (slm_min_free_disk >= 0)
		return (uint64) slm_min_free_disk * 1024 * 1024;
	return Max(KEEP_FREE_BYTES, size / KEEP_FREE_FRACTION);
}

/*
 * Makes room for an image of that many bytes, dropping unused images from the
 * one used least recently on.  The engine's reserve callback: raises nothing.
 */
static SlmStatus
make_room(const char *folder, const char *own_temp, uint64 image_bytes, SlmError *err)
{
	uint64 max_bytes = (uint64) Max(slm_max_cache_size, 0) * 1024 * 1024;
	int64 after_time = PG_INT64_MIN;
	char after_name[256] = "";

	for (;;)
	{
		struct statvfs disk;
		Usage usage;
		uint64 available;
		uint64 keep;
		bool in_cap;
		bool on_disk;
		char path[MAXPGPATH];
		int64 freed;

		SLM_TRY(slm_poll(&slm_pg_host, err));
		if (statvfs(folder, &disk) != 0 ||
			!survey(folder, own_temp, after_time, after_name, &usage))
			return slm_fail(err, SLM_ERR_IO, "could not look at directory \"%s\"", folder);
		available = (uint64) disk.f_bavail * disk.f_frsize;
		keep = room_to_keep(&disk);
		in_cap = slm_max_cache_size < 0 || usage.bytes + image_bytes <= max_bytes;
		on_disk = available >= usage.promised + image_bytes &&
				  available - usage.promised - image_bytes >= keep;
		if (in_cap && on_disk)
			return SLM_OK;

		if (usage.oldest[0] == '\0')
		{
			if (!in_cap)
			{
				slm_fail(err, SLM_ERR_DISK_FULL,
						 "a weight image of %llu bytes does not fit into slm.max_cache_size",
						 (unsigned long long) image_bytes);
				slm_error_detail(err,
								 "The limit is %llu bytes; images in use and files being built "
								 "take %llu of them.",
								 (unsigned long long) max_bytes, (unsigned long long) usage.bytes);
			}
			else
			{
				slm_fail(err, SLM_ERR_DISK_FULL, "no room on disk for a weight image of %llu bytes",
						 (unsigned long long) image_bytes);
				slm_error_detail(err,
								 "%llu bytes are free on the disk of slm.cache_dir, of which "
								 "%llu must stay free.",
								 (unsigned long long) available, (unsigned long long) keep);
			}
			return SLM_ERR_DISK_FULL;
		}
		after_time = usage.oldest_time;
		strlcpy(after_name, usage.oldest, sizeof(after_name));
		if (snprintf(path, sizeof(path), "%s/%s", folder, usage.oldest) < (int) sizeof(path))
			(void) slm_cache_drop_file(path, &freed);
	}
}

/* Removes temporary files that no process is writing. */
static void
sweep_temps(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int64 bytes;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
	{
		char path[MAXPGPATH];

		if (slm_cache_file_kind(entry->d_name) == SLM_CACHE_FILE_TEMP &&
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < (int) sizeof(path))
			(void) slm_cache_drop_file(path, &bytes);
	}
	closedir(dir);
}

/* ---- Building ------------------------------------------------------------ */

typedef struct ImageBuild
{
	int fd;
	char folder[MAXPGPATH];
	char temp[MAXPGPATH]; /* "" once it has been renamed or removed */
	SlmArena arena;
} ImageBuild;

static SlmStatus
sink_reserve(void *arg, uint64_t image_bytes, SlmError *err)
{
	ImageBuild *build = arg;

	SLM_TRY(make_room(build->folder, build->temp, image_bytes, err));
	/* The size is the promise that other builders' surveys read. */
	if (ftruncate(build->fd, (off_t) image_bytes) != 0)
		return slm_fail(err, errno == ENOSPC ? SLM_ERR_DISK_FULL : SLM_ERR_IO,
						"could not extend file \"%s\"", build->temp);
	return SLM_OK;
}

static SlmStatus
sink_write(void *arg, uint64_t offset, const void *data, size_t n, SlmError *err)
{
	ImageBuild *build = arg;
	size_t done = 0;

	while (done < n)
	{
		size_t step = Min(n - done, SLM_CACHE_STEP_BYTES);
		ssize_t put = pwrite(build->fd, (const char *) data + done, step, (off_t) (offset + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return slm_fail(err,
							errno == ENOSPC || errno == EDQUOT ? SLM_ERR_DISK_FULL : SLM_ERR_IO,
							"could not write file \"%s\"", build->temp);
		done += (size_t) put;
		SLM_TRY(slm_poll(&slm_pg_host, err));
	}
#ifdef SYNC_FILE_RANGE_WRITE
	/* Starts writing it out, so that little is left to wait for at the end. */
	if (enableFsync)
		(void) sync_file_range(build->fd, (off_t) offset, (off_t) n, SYNC_FILE_RANGE_WRITE);
#endif
	return SLM_OK;
}

/* Brings the file to disk, in steps that a cancel can stop. */
static void
sync_build(ImageBuild *build, uint64 bytes)
{
	if (!enableFsync)
		return;
#ifdef SYNC_FILE_RANGE_WRITE
	for (uint64 at = 0; at < bytes; at += SYNC_STEP_BYTES)
	{
		(void) sync_file_range(build->fd, (off_t) at, (off_t) Min(bytes - at, SYNC_STEP_BYTES),
							   SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
								   SYNC_FILE_RANGE_WAIT_AFTER);
		slm_check_interrupts();
	}
#endif
	if (fdatasync(build->fd) != 0)
		ereport(ERROR, (errcode(ERRCODE_IO_ERROR),
						errmsg("could not fsync file \"%s\": %m", build->temp)));
}

/* At an error, or when the backend ends: also called by PostgreSQL's exit. */
static void
abandon_build(int code, Datum arg)
{
	ImageBuild *build = (ImageBuild *) DatumGetPointer(arg);

	if (build->temp[0] != '\0')
		(void) unlink(build->temp);
	build->temp[0] = '\0';
	slm_arena_trim(&build->arena, 0);
}

/*
 * Waits until the file's last change lies so far back that another one would
 * show in its ctime.
 */
void
slm_build_settle(SlmModelFile *file)
{
	for (;;)
	{
		struct timespec now;
		int64 age;
		SlmError err;

		clock_gettime(CLOCK_REALTIME, &now);
		age = (int64) now.tv_sec * 1000000000 + now.tv_nsec - file->identity.changed_ns;
		if (age < 0 || age >= SETTLE_NS)
			return;
		slm_cache_nap((long) ((SETTLE_NS - age) / 1000000) + 1);
		SLM_CHECK(slm_file_refresh(file, &err), &err);
	}
}

/* What the temporary file of a model file in its present state is called. */
void
slm_build_temp_path(char *out, const char *file, const SlmFileIdentity *identity)
{
	struct
	{
		uint8 key[SLM_SHA256_BYTES];
		SlmFileIdentity identity;
		uint64 version;
	} id = {.identity = *identity, .version = SLM_IMAGE_VERSION};
	uint8 hash[SLM_SHA256_BYTES];
	char hex[SLM_HASH_HEX_CHARS + 1];
	char name[MAXPGPATH];

	slm_file_key(file, id.key);
	slm_hash_bytes(&id, sizeof(id), hash);
	slm_hash_to_hex(hash, hex);
	snprintf(name, sizeof(name), "%.*s.tmp", SLM_CACHE_ID_CHARS, hex);
	slm_cache_path(out, name);
}

/*
 * Turns a complete temporary file into the image, unless another path with the
 * same content has brought it already.  Call it after the record was written.
 */
static void
publish(ImageBuild *build, const uint8 sha256[SLM_SHA256_BYTES])
{
	char name[MAXPGPATH];
	char path[MAXPGPATH];

	slm_cache_image_name(name, sizeof(name), sha256);
	slm_cache_path(path, name);
	if (slm_cache_has_image(sha256))
	{
		(void) unlink(build->temp);
		build->temp[0] = '\0';
		return;
	}
	if (rename(build->temp, path) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not rename file \"%s\" to \"%s\": %m", build->temp, path)));
	build->temp[0] = '\0';
	/* Not before: who waits for the lock opens the temporary file for writing. */
	(void) fchmod(build->fd, S_IRUSR);
	/* Losing the rename in a crash costs another build, no more. */
	(void) fsync_fname_ext(build->folder, true, true, DEBUG1);
}

/* Reads the file and writes the image, its lock held.  False: the file changed meanwhile. */
static bool
build_locked(ImageBuild *build, SlmModelFile *file, const uint8 *expected,
			 uint8 sha256[SLM_SHA256_BYTES])
{
	SlmFileIdentity before = file->identity;
	SlmSource source = slm_file_source(file);
	SlmImageSink sink = {.arg = build, .reserve = sink_reserve, .write = sink_write};
	SlmImageInfo info;
	SlmError err;
	instr_time start;
	instr_time elapsed;

	INSTR_TIME_SET_CURRENT(start);
	if (ftruncate(build->fd, 0) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not truncate file \"%s\": %m", build->temp)));
	sweep_temps(build->folder);
	slm_engine_check(
		slm_image_build(&source, expected, &slm_pg_host, &build->arena, &sink, &info, &err), &err);
	SLM_CHECK(slm_file_refresh(file, &err), &err);
	if (expected == NULL && !slm_file_same(&before, &file->identity))
		return false;

	sync_build(build, info.image_bytes);
	slm_record_write(file->name, &before, info.source_sha256);
	publish(build, info.source_sha256);
	memcpy(sha256, info.source_sha256, SLM_SHA256_BYTES);

	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, start);
	ereport(LOG, (errmsg("slm: built the weight image of model file \"%s\": " UINT64_FORMAT
						 " bytes in %.0f ms",
						 file->name, info.image_bytes, INSTR_TIME_GET_MILLISEC(elapsed))));
	return true;
}

/*
 * Builds the image of an open file, or waits for who does.  False: look again,
 * things have changed meanwhile.
 */
bool
slm_build_image(SlmModelFile *file, const uint8 *expected, uint8 sha256[SLM_SHA256_BYTES])
{
	ImageBuild build = {.fd = -1};
	SlmRecord record;
	const SlmRecordEntry *entry;
	volatile bool built = false;

	slm_build_temp_path(build.temp, file->name, &file->identity);
	slm_cache_folder(build.folder);
	build.fd = slm_cache_lock_temp(build.temp);
	if (build.fd < 0)
		return false;

	slm_arena_init(&build.arena, &slm_pg_host, (size_t) slm_max_scratch_memory * 1024);
	PG_ENSURE_ERROR_CLEANUP(abandon_build, PointerGetDatum(&build));
	{
		slm_record_read(file->name, &record);
		entry = slm_record_find(&record, &file->identity);
		if (entry == NULL || !slm_cache_has_image(entry->sha256))
			built = build_locked(&build, file, expected, sha256);
	}
	PG_END_ENSURE_ERROR_CLEANUP(abandon_build, PointerGetDatum(&build));
	abandon_build(0, PointerGetDatum(&build));
	CloseTransientFile(build.fd);
	return built;
}
