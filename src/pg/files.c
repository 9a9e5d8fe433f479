/*
 * files.c - model files: where they are looked up, and who may read them
 *
 * A model names its file plainly; the administrator says in slm.model_path in
 * which folders such names are looked up.  A root may be a symbolic link, but a
 * name may not lead out of it: it has no slash, and is not followed when it is
 * a link itself (O_NOFOLLOW looks at the last component only).  An absolute
 * path is what COPY FROM a file is, and asks for the same right of the model's
 * owner, each time.
 *
 * Nothing is opened before stat() has said that it is a regular file, and
 * O_NONBLOCK stands in case it stops being one in between, so that a FIFO or a
 * device cannot hang or disturb anything; what counts is fstat() afterwards.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"
#include "utils/acl.h"

#include "base/limits.h"
#include "pg/files.h"
#include "pg/guc.h"
#include "pg/hash.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

#define MODEL_FOLDER "slm_models"

/* One read between two polls: 2 ms at 128 MB/s, as a slow disk gives them. */
#define READ_STEP_BYTES ((size_t) 256 * 1024)

/* ---- Names --------------------------------------------------------------- */

static bool
is_plain_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
		   c == '_' || c == '-';
}

SlmStatus
slm_file_check_name(const char *name, SlmError *err)
{
	size_t n = strlen(name);
	bool plain = n > 0 && name[0] != '.';

	for (size_t i = 0; i < n && plain; i++)
		plain = is_plain_character(name[i]);
	if (plain && n <= NAME_MAX)
		return SLM_OK;
	if (n > 1 && is_absolute_path(name) && n < MAXPGPATH && strstr(name, "/../") == NULL &&
		(n < 3 || strcmp(name + n - 3, "/..") != 0))
		return SLM_OK;

	slm_fail(err, SLM_ERR_ARGUMENT, "invalid model file name");
	slm_error_detail(err,
					 "A model file is named by letters, digits, \".\", \"_\" and \"-\" without a "
					 "leading \".\", or by an absolute path without \"..\".");
	slm_error_hint(err, "Plain names are looked up in the folders of slm.model_path.");
	return SLM_ERR_ARGUMENT;
}

bool
slm_file_has_rights(const char *name, Oid owner)
{
	return !is_absolute_path(name) || has_privs_of_role(owner, ROLE_PG_READ_SERVER_FILES);
}

void
slm_file_check_rights(const char *name, Oid owner)
{
	if (!slm_file_has_rights(name, owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to use a model file outside slm.model_path"),
						errdetail("The owner of the model must have the privileges of the role "
								  "\"%s\" to name a file by an absolute path.",
								  "pg_read_server_files")));
}

/* ---- Roots --------------------------------------------------------------- */

/*
 * Writes root number i of slm.model_path to out (MAXPGPATH) and returns true,
 * or returns false past the last.  Relative roots start at the data directory.
 */
static bool
model_root(int i, char *out)
{
	const char *at = slm_model_path;

	if (at == NULL || at[0] == '\0')
	{
		char share[MAXPGPATH];

		if (i == 0)
			snprintf(out, MAXPGPATH, "%s/%s", DataDir, MODEL_FOLDER);
		else if (i == 1)
		{
			get_share_path(my_exec_path, share);
			snprintf(out, MAXPGPATH, "%s/%s", share, MODEL_FOLDER);
		}
		return i < 2;
	}

	for (;;)
	{
		size_t n = strcspn(at, ":");

		if (n > 0 && i-- == 0)
		{
			snprintf(out, MAXPGPATH, "%s%s%.*s", at[0] == '/' ? "" : DataDir,
					 at[0] == '/' ? "" : "/", (int) Min(n, MAXPGPATH), at);
			canonicalize_path(out);
			return true;
		}
		if (at[n] == '\0')
			return false;
		at += n + 1;
	}
}

/*
 * Writes the i-th place where the file can be; false past the last.  A place
 * too long for a path cannot exist and gives an empty string.
 */
static bool
model_place(const char *name, int i, char *out)
{
	char root[MAXPGPATH];

	if (is_absolute_path(name))
	{
		strlcpy(out, name, MAXPGPATH);
		return i == 0;
	}
	if (!model_root(i, root))
		return false;
	if (snprintf(out, MAXPGPATH, "%s/%s", root, name) >= MAXPGPATH)
		out[0] = '\0';
	return true;
}

void
slm_file_key(const char *name, uint8 key[SLM_SHA256_BYTES])
{
	StringInfoData text;
	char place[MAXPGPATH];

	initStringInfo(&text);
	for (int i = 0; model_place(name, i, place); i++)
	{
		appendStringInfoString(&text, place);
		appendStringInfoChar(&text, '\n');
	}
	slm_hash_bytes(text.data, (size_t) text.len, key);
	pfree(text.data);
}

/* ---- Opening ------------------------------------------------------------- */

static void
identity_of(const struct stat *st, SlmFileIdentity *out)
{
	out->device = (uint64) st->st_dev;
	out->inode = (uint64) st->st_ino;
	out->bytes = (uint64) st->st_size;
	out->modified_ns = (int64) st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	out->changed_ns = (int64) st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

bool
slm_file_same(const SlmFileIdentity *a, const SlmFileIdentity *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
		   a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

/* The one error of a file that is absent and one that is forbidden. */
static SlmStatus
no_file(const char *name, SlmError *err)
{
	struct stat st;
	char folder[MAXPGPATH];

	slm_fail(err, SLM_ERR_NO_FILE, "could not open model file \"%s\"", name);
	if (is_absolute_path(name))
		return SLM_ERR_NO_FILE;

	model_root(0, folder);
	if ((slm_model_path == NULL || slm_model_path[0] == '\0') && stat(folder, &st) != 0)
	{
		slm_error_detail(err, "The data directory has no folder \"%s\".", MODEL_FOLDER);
		slm_error_hint(err,
					   "pg_upgrade and pg_dump do not carry model files: create the folder and "
					   "copy them there, after an upgrade from the old data directory. Those of "
					   "the extension itself stand in \"%s\" of the share directory.",
					   MODEL_FOLDER);
	}
	else
		slm_error_hint(err, "The file must stand in a folder of slm.model_path, be readable by "
							"the server, and not be a symbolic link.");
	return SLM_ERR_NO_FILE;
}

static SlmStatus
check_kind(const char *name, const struct stat *st, SlmError *err)
{
	if (!S_ISREG(st->st_mode))
		return slm_fail(err, SLM_ERR_NO_FILE, "model file \"%s\" is not a regular file", name);
	if (st->st_mode & S_IWOTH)
	{
		slm_fail(err, SLM_ERR_NO_FILE, "model file \"%s\" can be written by everybody", name);
		slm_error_hint(err, "Take the right to write from others with chmod o-w.");
		return SLM_ERR_NO_FILE;
	}
	if ((uint64) st->st_size > SLM_MAX_FILE_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT, "model file of %llu bytes exceeds the limit of %llu",
						(unsigned long long) st->st_size, (unsigned long long) SLM_MAX_FILE_BYTES);
	return SLM_OK;
}

/* Finds the first place where something stands under that name. */
static SlmStatus
find_file(const char *name, char *place, struct stat *st, SlmError *err)
{
	for (int i = 0; model_place(name, i, place); i++)
	{
		int rc = is_absolute_path(name) ? stat(place, st) : lstat(place, st);

		if (rc == 0)
		{
			if (S_ISLNK(st->st_mode))
				return no_file(name, err);
			return check_kind(name, st, err);
		}
		if (errno != ENOENT && errno != ENOTDIR)
			break;
	}
	return no_file(name, err);
}

SlmStatus
slm_file_stat(const char *name, SlmFileIdentity *out, SlmError *err)
{
	char place[MAXPGPATH];
	struct stat st;

	SLM_TRY(find_file(name, place, &st, err));
	identity_of(&st, out);
	return SLM_OK;
}

SlmStatus
slm_file_open(const char *name, SlmModelFile *out, SlmError *err)
{
	char place[MAXPGPATH];
	struct stat st;
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
	SlmStatus status;

	SLM_TRY(find_file(name, place, &st, err));
	if (!is_absolute_path(name))
		flags |= O_NOFOLLOW;
	out->name = name;
	out->fd = OpenTransientFile(place, flags);
	if (out->fd < 0)
		return no_file(name, err);
	if (fstat(out->fd, &st) != 0)
		status = slm_fail(err, SLM_ERR_IO, "could not read model file \"%s\"", name);
	else
		status = check_kind(name, &st, err);
	if (status != SLM_OK)
	{
		slm_file_close(out);
		return status;
	}
	identity_of(&st, &out->identity);
	return SLM_OK;
}

void
slm_file_close(SlmModelFile *file)
{
	if (file->fd >= 0)
		CloseTransientFile(file->fd);
	file->fd = -1;
}

SlmStatus
slm_file_refresh(SlmModelFile *file, SlmError *err)
{
	struct stat st;

	if (fstat(file->fd, &st) != 0)
		return slm_fail(err, SLM_ERR_IO, "could not read model file \"%s\"", file->name);
	identity_of(&st, &file->identity);
	return SLM_OK;
}

static SlmStatus
source_read(void *arg, uint64_t offset, void *buf, size_t n, SlmError *err)
{
	SlmModelFile *file = arg;
	size_t done = 0;

	while (done < n)
	{
		size_t step = Min(n - done, READ_STEP_BYTES);
		ssize_t got = pread(file->fd, (char *) buf + done, step, (off_t) (offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return slm_fail(err, SLM_ERR_IO, "could not read model file \"%s\" at offset %llu",
							file->name, (unsigned long long) (offset + done));
		if (got == 0)
			return slm_fail(err, SLM_ERR_CORRUPT,
							"model file \"%s\" became shorter while it was read", file->name);
		done += (size_t) got;
		SLM_TRY(slm_poll(&slm_pg_host, err));
	}
	return SLM_OK;
}

SlmSource
slm_file_source(SlmModelFile *file)
{
	SlmSource source = {.arg = file, .size = file->identity.bytes, .read = source_read};

	return source;
}
