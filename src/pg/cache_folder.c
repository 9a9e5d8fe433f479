/*
 * cache_folder.c - names, locks and removal of files in slm.cache_dir
 *
 * What the files are and how the locks work together is told in cache.c.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "pg/cache_folder.h"
#include "pg/guc.h"
#include "pg/hash.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

/* Writes the absolute path of the cache folder (MAXPGPATH). */
void
slm_cache_folder(char *out)
{
	if (is_absolute_path(slm_cache_dir))
		strlcpy(out, slm_cache_dir, MAXPGPATH);
	else
		snprintf(out, MAXPGPATH, "%s/%s", DataDir, slm_cache_dir);
	canonicalize_path(out);
}

/* Writes folder/name to out (MAXPGPATH); raises when that is too long for a path. */
void
slm_cache_path(char *out, const char *name)
{
	char folder[MAXPGPATH];

	slm_cache_folder(folder);
	if (snprintf(out, MAXPGPATH, "%s/%s", folder, name) >= MAXPGPATH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("slm.cache_dir is too long")));
}

/* Creates the folder if need be; it must be the server's alone. */
void
slm_cache_prepare_folder(void)
{
	char folder[MAXPGPATH];
	struct stat st;

	slm_cache_folder(folder);
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

/* Tells by its name what a file of the folder is. */
SlmCacheFileKind
slm_cache_file_kind(const char *name)
{
	size_t n_hex = strspn(name, "0123456789abcdef");
	const char *rest = name + n_hex;

	if (n_hex == SLM_HASH_HEX_CHARS && rest[0] == '.')
	{
		size_t n_digit = strspn(rest + 1, "0123456789");

		if (n_digit > 0 && strcmp(rest + 1 + n_digit, ".image") == 0)
			return SLM_CACHE_FILE_IMAGE;
	}
	if (n_hex == SLM_CACHE_ID_CHARS)
	{
		if (strcmp(rest, ".tmp") == 0 || strcmp(rest, ".record.tmp") == 0)
			return SLM_CACHE_FILE_TEMP;
		if (strcmp(rest, ".record") == 0)
			return SLM_CACHE_FILE_RECORD;
	}
	return SLM_CACHE_FILE_FOREIGN;
}

void
slm_cache_image_name(char *out, size_t size, const uint8 sha256[SLM_SHA256_BYTES])
{
	char hex[SLM_HASH_HEX_CHARS + 1];

	slm_hash_to_hex(sha256, hex);
	snprintf(out, size, "%s.%d.image", hex, SLM_IMAGE_VERSION);
}

bool
slm_cache_has_image(const uint8 sha256[SLM_SHA256_BYTES])
{
	char name[MAXPGPATH];
	char path[MAXPGPATH];
	struct stat st;

	slm_cache_image_name(name, sizeof(name), sha256);
	slm_cache_path(path, name);
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

/* Does the name still lead to the open file? */
bool
slm_cache_still_named(const char *path, int fd)
{
	struct stat open_file;
	struct stat named;

	return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
		   open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* Waits a little; may raise. */
void
slm_cache_nap(long ms)
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
int
slm_cache_lock_temp(const char *path)
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
		slm_cache_nap(SLM_CACHE_WAIT_MS);
	}
	if (slm_cache_still_named(path, fd))
		return fd;
	CloseTransientFile(fd);
	return -1;
}

/*
 * Removes an image or a temporary file that nobody holds a lock on.  Raises
 * nothing; false when it is in use or already gone.
 */
bool
slm_cache_drop_file(const char *path, int64 *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	bool removed = false;

	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
		slm_cache_still_named(path, fd) && unlink(path) == 0)
	{
		*bytes = (int64) st.st_size;
		removed = true;
	}
	close(fd);
	return removed;
}
