/*
 * cache_record.c - what was seen of one model file
 *
 * One small file for each spelling of a model file and value of slm.model_path,
 * replaced by rename under the lock of its temporary file, so that two writers
 * lose nothing of each other.  It is not synced: the checksum tells a damaged one,
 * and losing it costs reading the model file again.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/fd.h"

#include "pg/cache_folder.h"
#include "pg/cache_record.h"
#include "pg/hash.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

#define RECORD_MAGIC 0x534c4d52
#define RECORD_VERSION 1

static pg_crc32c
record_crc(const SlmRecord *record)
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, record, offsetof(SlmRecord, crc));
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
	snprintf(name, sizeof(name), "%.*s.record%s", SLM_CACHE_ID_CHARS, hex, suffix);
	slm_cache_path(out, name);
}

/* Reads a record; one that is absent or damaged is empty. */
void
slm_record_read_at(const char *path, SlmRecord *record)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool good = false;

	memset(record, 0, sizeof(*record));
	if (fd >= 0)
	{
		good = read(fd, record, sizeof(*record)) == (ssize_t) sizeof(*record) &&
			   record->magic == RECORD_MAGIC && record->version == RECORD_VERSION &&
			   record->n_entry <= SLM_RECORD_ENTRIES && record->crc == record_crc(record);
		close(fd);
	}
	if (!good)
		memset(record, 0, sizeof(*record));
}

void
slm_record_read(const char *file, SlmRecord *record)
{
	char path[MAXPGPATH];

	record_path(path, file, "");
	slm_record_read_at(path, record);
}

const SlmRecordEntry *
slm_record_find(const SlmRecord *record, const SlmFileIdentity *identity)
{
	for (int i = 0; i < record->n_entry; i++)
		if (slm_file_same(&record->entry[i].identity, identity))
			return &record->entry[i];
	return NULL;
}

bool
slm_record_has_content(const SlmRecord *record, const uint8 sha256[SLM_SHA256_BYTES])
{
	for (int i = 0; i < record->n_entry; i++)
		if (memcmp(record->entry[i].sha256, sha256, SLM_SHA256_BYTES) == 0)
			return true;
	return false;
}

/* Remembers that a file of that identity has that content. */
void
slm_record_write(const char *file, const SlmFileIdentity *identity,
				 const uint8 sha256[SLM_SHA256_BYTES])
{
	char path[MAXPGPATH];
	char temp[MAXPGPATH];
	SlmRecord old;
	SlmRecord record = {.magic = RECORD_MAGIC, .version = RECORD_VERSION};
	int fd;

	record_path(path, file, "");
	record_path(temp, file, ".tmp");
	while ((fd = slm_cache_lock_temp(temp)) < 0)
		slm_check_interrupts();

	slm_record_read_at(path, &old);
	record.n_entry = 1;
	record.entry[0].identity = *identity;
	memcpy(record.entry[0].sha256, sha256, SLM_SHA256_BYTES);
	for (int i = 0; i < old.n_entry && record.n_entry < SLM_RECORD_ENTRIES; i++)
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
