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
 * only read once its ctime lies SETTLE_NS back: a later change shows.  A model
 * that carries its sha256 asks only whether the path was ever seen with that
 * content: it keeps working from its image when the file is overwritten or
 * gone.
 *
 * Waits are interruptible; the disk is written in steps and synced in steps, so
 * that a cancel does not wait for a gigabyte to reach it.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "pg/cache.h"
#include "pg/guc.h"
#include "pg/hash.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

#define WAIT_MS 10
#define SETTLE_NS ((int64) 20 * 1000 * 1000)
#define WRITE_STEP_BYTES ((size_t) 256 * 1024)
#define SYNC_STEP_BYTES ((uint64) 4 * 1024 * 1024)
#define KEEP_FREE_BYTES ((uint64) 1024 * 1024 * 1024)
#define KEEP_FREE_FRACTION 20 /* one twentieth, 5 % */
#define MAX_BUILD_TRIES 3     /* when the model file changes under the builder */
#define MAX_LOCATE_TRIES 100  /* each means that somebody else dropped or built something */

#define ID_HEX_CHARS 32

/* ---- Folder -------------------------------------------------------------- */

/* Writes the absolute path of the cache folder (MAXPGPATH). */
static void
cache_folder(char *out)
{
	if (is_absolute_path(slm_cache_dir))
		strlcpy(out, slm_cache_dir, MAXPGPATH);
	else
		snprintf(out, MAXPGPATH, "%s/%s", DataDir, slm_cache_dir);
	canonicalize_path(out);
}

/* Writes folder/name to out (MAXPGPATH); raises when that is too long for a path. */
static void
cache_path(char *out, const char *name)
{
	char folder[MAXPGPATH];

	cache_folder(folder);
	if (snprintf(out, MAXPGPATH, "%s/%s", folder, name) >= MAXPGPATH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("slm.cache_dir is too long")));
}

/* Creates the folder if need be; it must be the server's alone. */
static void
prepare_folder(void)
{
	char folder[MAXPGPATH];
	struct stat st;

	cache_folder(folder);
	if (mkdir(folder, S_IRWXU) != 0 && errno != EEXIST)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not create directory \"%s\" of slm.cache_dir: %m", folder)));
	if (stat(folder, &st) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not look at directory \"%s\" of slm.cache_dir: %m", folder)));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("slm.cache_dir \"%s\" is not a private directory of the server", folder),
				 errhint("It must belong to the user that runs the server and have mode 0700.")));
}

typedef enum CacheFileKind
{
	CACHE_FILE_FOREIGN = 0, /* not ours: never touched */
	CACHE_FILE_IMAGE,
	CACHE_FILE_TEMP,
	CACHE_FILE_RECORD
} CacheFileKind;

/* Tells by its name what a file of the folder is. */
static CacheFileKind
file_kind(const char *name)
{
	size_t n_hex = strspn(name, "0123456789abcdef");
	const char *rest = name + n_hex;

	if (n_hex == SLM_HASH_HEX_CHARS && rest[0] == '.')
	{
		size_t n_digit = strspn(rest + 1, "0123456789");

		if (n_digit > 0 && strcmp(rest + 1 + n_digit, ".image") == 0)
			return CACHE_FILE_IMAGE;
	}
	if (n_hex == ID_HEX_CHARS)
	{
		if (strcmp(rest, ".tmp") == 0 || strcmp(rest, ".record.tmp") == 0)
			return CACHE_FILE_TEMP;
		if (strcmp(rest, ".record") == 0)
			return CACHE_FILE_RECORD;
	}
	return CACHE_FILE_FOREIGN;
}

static void
image_name(char *out, size_t size, const uint8 sha256[SLM_SHA256_BYTES])
{
	char hex[SLM_HASH_HEX_CHARS + 1];

	slm_hash_to_hex(sha256, hex);
	snprintf(out, size, "%s.%d.image", hex, SLM_IMAGE_VERSION);
}

static bool
image_exists(const uint8 sha256[SLM_SHA256_BYTES])
{
	char name[MAXPGPATH];
	char path[MAXPGPATH];
	struct stat st;

	image_name(name, sizeof(name), sha256);
	cache_path(path, name);
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

/* Does the name still lead to the open file? */
static bool
still_named(const char *path, int fd)
{
	struct stat open_file;
	struct stat named;

	return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
		   open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* Waits a little; may raise. */
static void
nap(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	slm_check_interrupts();
}

/*
 * Opens or creates a temporary file and locks it, waiting for who holds it.
 * Returns a transient descriptor, or -1 when the file went away meanwhile: its
 * holder has finished, or given up.
 */
static int
lock_temp(const char *path)
{
	int fd =
		OpenTransientFilePerm(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);

	if (fd < 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
	while (flock(fd, LOCK_EX | LOCK_NB) != 0)
	{
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not lock file \"%s\": %m", path)));
		nap(WAIT_MS);
	}
	if (still_named(path, fd))
		return fd;
	CloseTransientFile(fd);
	return -1;
}

/*
 * Removes an image or a temporary file that nobody holds a lock on.  Raises
 * nothing; false when it is in use or already gone.
 */
static bool
remove_unused(const char *path, int64 *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	bool removed = false;

	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && still_named(path, fd) &&
		unlink(path) == 0)
	{
		*bytes = (int64) st.st_size;
		removed = true;
	}
	close(fd);
	return removed;
}

/* ---- Records ------------------------------------------------------------- */

#define RECORD_MAGIC 0x534c4d52
#define RECORD_VERSION 1
#define RECORD_ENTRIES 8

typedef struct RecordEntry
{
	SlmFileIdentity identity;
	uint8 sha256[SLM_SHA256_BYTES];
} RecordEntry;

typedef struct Record
{
	uint32 magic;
	uint16 version;
	uint16 n_entry;
	RecordEntry entry[RECORD_ENTRIES]; /* newest first */
	pg_crc32c crc;
} Record;

static pg_crc32c
record_crc(const Record *record)
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, record, offsetof(Record, crc));
	FIN_CRC32C(crc);
	return crc;
}

static void
record_path(char *out, const char *file, const char *suffix)
{
	uint8 key[SLM_SHA256_BYTES];
	char hex[SLM_HASH_HEX_CHARS + 1];
	char name[MAXPGPATH];

	slm_file_key(file, key);
	slm_hash_to_hex(key, hex);
	snprintf(name, sizeof(name), "%.*s.record%s", ID_HEX_CHARS, hex, suffix);
	cache_path(out, name);
}

/* Reads a record; one that is absent or damaged is empty. */
static void
read_record_at(const char *path, Record *record)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool good = false;

	memset(record, 0, sizeof(*record));
	if (fd >= 0)
	{
		good = read(fd, record, sizeof(*record)) == (ssize_t) sizeof(*record) &&
			   record->magic == RECORD_MAGIC && record->version == RECORD_VERSION &&
			   record->n_entry <= RECORD_ENTRIES && record->crc == record_crc(record);
		close(fd);
	}
	if (!good)
		memset(record, 0, sizeof(*record));
}

static void
read_record(const char *file, Record *record)
{
	char path[MAXPGPATH];

	record_path(path, file, "");
	read_record_at(path, record);
}

static const RecordEntry *
record_by_identity(const Record *record, const SlmFileIdentity *identity)
{
	for (int i = 0; i < record->n_entry; i++)
		if (slm_file_same(&record->entry[i].identity, identity))
			return &record->entry[i];
	return NULL;
}

static bool
record_has_content(const Record *record, const uint8 sha256[SLM_SHA256_BYTES])
{
	for (int i = 0; i < record->n_entry; i++)
		if (memcmp(record->entry[i].sha256, sha256, SLM_SHA256_BYTES) == 0)
			return true;
	return false;
}

/* Remembers that a file of that identity has that content. */
static void
write_record(const char *file, const SlmFileIdentity *identity,
			 const uint8 sha256[SLM_SHA256_BYTES])
{
	char path[MAXPGPATH];
	char temp[MAXPGPATH];
	Record old;
	Record record = {.magic = RECORD_MAGIC, .version = RECORD_VERSION};
	int fd;

	record_path(path, file, "");
	record_path(temp, file, ".tmp");
	while ((fd = lock_temp(temp)) < 0)
		slm_check_interrupts();

	read_record_at(path, &old);
	record.n_entry = 1;
	record.entry[0].identity = *identity;
	memcpy(record.entry[0].sha256, sha256, SLM_SHA256_BYTES);
	for (int i = 0; i < old.n_entry && record.n_entry < RECORD_ENTRIES; i++)
		if (!slm_file_same(&old.entry[i].identity, identity))
			record.entry[record.n_entry++] = old.entry[i];
	record.crc = record_crc(&record);

	if (ftruncate(fd, 0) != 0 ||
		pwrite(fd, &record, sizeof(record), 0) != (ssize_t) sizeof(record) ||
		rename(temp, path) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not write file \"%s\": %m", path)));
	CloseTransientFile(fd);
}

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
		CacheFileKind kind = file_kind(entry->d_name);
		char path[MAXPGPATH];
		struct stat st;
		int64 time;

		if (kind == CACHE_FILE_FOREIGN ||
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int) sizeof(path) ||
			strcmp(path, own_temp) == 0 || lstat(path, &st) != 0)
			continue;
		out->bytes += (uint64) st.st_size;
		if (kind == CACHE_FILE_TEMP)
			out->promised +=
				(uint64) Max((int64) st.st_size - (int64) st.st_blocks * 512, (int64) 0);
		if (kind != CACHE_FILE_IMAGE)
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
			(void) remove_unused(path, &freed);
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

		if (file_kind(entry->d_name) == CACHE_FILE_TEMP &&
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < (int) sizeof(path))
			(void) remove_unused(path, &bytes);
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
		size_t step = Min(n - done, WRITE_STEP_BYTES);
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
static void
settle(SlmModelFile *file)
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
		nap((long) ((SETTLE_NS - age) / 1000000) + 1);
		SLM_CHECK(slm_file_refresh(file, &err), &err);
	}
}

/* What the temporary file of a model file in its present state is called. */
static void
temp_path(char *out, const char *file, const SlmFileIdentity *identity)
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
	snprintf(name, sizeof(name), "%.*s.tmp", ID_HEX_CHARS, hex);
	cache_path(out, name);
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

	image_name(name, sizeof(name), sha256);
	cache_path(path, name);
	if (image_exists(sha256))
	{
		(void) unlink(build->temp);
		build->temp[0] = '\0';
		return;
	}
	if (fchmod(build->fd, S_IRUSR) != 0 || rename(build->temp, path) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not rename file \"%s\" to \"%s\": %m", build->temp, path)));
	build->temp[0] = '\0';
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
	write_record(file->name, &before, info.source_sha256);
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
static bool
build_image(SlmModelFile *file, const uint8 *expected, uint8 sha256[SLM_SHA256_BYTES])
{
	ImageBuild build = {.fd = -1};
	Record record;
	const RecordEntry *entry;
	volatile bool built = false;

	temp_path(build.temp, file->name, &file->identity);
	cache_folder(build.folder);
	build.fd = lock_temp(build.temp);
	if (build.fd < 0)
		return false;

	slm_arena_init(&build.arena, &slm_pg_host, (size_t) slm_max_scratch_memory * 1024);
	PG_ENSURE_ERROR_CLEANUP(abandon_build, PointerGetDatum(&build));
	{
		read_record(file->name, &record);
		entry = record_by_identity(&record, &file->identity);
		if (entry == NULL || !image_exists(entry->sha256))
			built = build_locked(&build, file, expected, sha256);
	}
	PG_END_ENSURE_ERROR_CLEANUP(abandon_build, PointerGetDatum(&build));
	abandon_build(0, PointerGetDatum(&build));
	CloseTransientFile(build.fd);
	return built;
}

/* Hashes an open file without building anything. */
static void
hash_file(SlmModelFile *file, uint8 sha256[SLM_SHA256_BYTES])
{
	const SlmHost *host = &slm_pg_host;
	SlmSource source = slm_file_source(file);
	char *buffer = palloc(WRITE_STEP_BYTES);
	void *state = host->sha256_start(host->arg);
	SlmStatus status = SLM_OK;
	SlmError err;

	if (state == NULL)
		status = slm_fail(&err, SLM_ERR_NO_MEMORY, "could not compute SHA-256");
	for (uint64 at = 0; at < source.size && status == SLM_OK; at += WRITE_STEP_BYTES)
	{
		size_t n = (size_t) Min(source.size - at, WRITE_STEP_BYTES);

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
		Record record;
		const RecordEntry *entry;
		SlmModelFile open_file;
		SlmError err;
		bool found;

		slm_check_interrupts();
		read_record(file, &record);
		if (expected != NULL && record_has_content(&record, expected) && image_exists(expected))
		{
			memset(identity, 0, sizeof(*identity));
			memcpy(sha256, expected, SLM_SHA256_BYTES);
			return;
		}

		SLM_CHECK(slm_file_open(file, &open_file, &err), &err);
		settle(&open_file);
		*identity = open_file.identity;
		entry = record_by_identity(&record, identity);
		if (entry != NULL && image_exists(entry->sha256))
		{
			if (expected != NULL)
				check_content(file, expected, entry->sha256);
			memcpy(sha256, entry->sha256, SLM_SHA256_BYTES);
			found = true;
		}
		else
		{
			prepare_folder();
			if (expected != NULL && image_exists(expected))
			{
				/* Another path has brought that content: this one is only verified. */
				hash_file(&open_file, sha256);
				check_content(file, expected, sha256);
				write_record(file, identity, sha256);
				found = true;
			}
			else
			{
				found = build_image(&open_file, expected, sha256);
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
	Record record;
	SlmFileIdentity identity;
	SlmError err;
	bool has_file = slm_file_stat(file, &identity, &err) == SLM_OK;
	bool known = false;

	*state = SLM_CACHE_ABSENT;
	read_record(file, &record);
	if (expected != NULL)
	{
		memcpy(sha256, expected, SLM_SHA256_BYTES);
		known = record_has_content(&record, expected);
	}
	else if (has_file)
	{
		const RecordEntry *entry = record_by_identity(&record, &identity);

		known = entry != NULL;
		if (known)
			memcpy(sha256, entry->sha256, SLM_SHA256_BYTES);
	}
	if (known && image_exists(sha256))
		*state = SLM_CACHE_READY;
	else if (has_file)
	{
		char path[MAXPGPATH];
		int fd;

		temp_path(path, file, &identity);
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
	image_name(name, sizeof(name), sha256);
	cache_path(path, name);
	for (;;)
	{
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		bool locked;

		if (fd < 0 && errno == ENOENT)
			return SLM_OK;
		if (fd < 0)
			return slm_fail(err, SLM_ERR_IO, "could not open weight image \"%s\"", path);
		locked = flock(fd, LOCK_SH | LOCK_NB) == 0;
		if (locked && still_named(path, fd))
		{
			*out = fd;
			return SLM_OK;
		}
		close(fd);
		/* Its builder is about to let go of it, or it is just being dropped. */
		if (!locked)
			nap(WAIT_MS);
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
	if (still_named(path, fd))
		(void) unlink(path);
}

/* Is none of the contents of a record in the cache any more? */
static bool
record_is_idle(const char *path)
{
	Record record;

	read_record_at(path, &record);
	for (int i = 0; i < record.n_entry; i++)
		if (image_exists(record.entry[i].sha256))
			return false;
	return true;
}

SlmCacheVictim *
slm_cache_remove_unused(int *n_victim)
{
	char folder[MAXPGPATH];
	SlmCacheVictim *victim = palloc(sizeof(SlmCacheVictim));
	int n = 0;

	cache_folder(folder);
	/* Records last: they are judged by the images that are left. */
	for (int pass = 0; pass < 2; pass++)
	{
		DIR *dir = AllocateDir(folder);
		struct dirent *entry;

		if (dir == NULL && errno == ENOENT)
			break;
		while ((entry = ReadDir(dir, folder)) != NULL)
		{
			CacheFileKind kind = file_kind(entry->d_name);
			char path[MAXPGPATH];
			int64 bytes = 0;
			struct stat st;
			bool removed;

			slm_check_interrupts();
			if (kind == CACHE_FILE_FOREIGN || (kind == CACHE_FILE_RECORD) != (pass == 1))
				continue;
			cache_path(path, entry->d_name);
			if (kind == CACHE_FILE_RECORD)
			{
				removed = record_is_idle(path) && lstat(path, &st) == 0 && unlink(path) == 0;
				if (removed)
					bytes = (int64) st.st_size;
			}
			else
				removed = remove_unused(path, &bytes);
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
