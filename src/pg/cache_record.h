/*
 * cache_record.h - what was seen of one model file
 */
#ifndef SLM_PG_CACHE_RECORD_H
#define SLM_PG_CACHE_RECORD_H

#include "port/pg_crc32c.h"

#include "pg/files.h"

#define SLM_RECORD_ENTRIES 8

typedef struct SlmRecordEntry
{
	SlmFileIdentity identity;
	uint8 sha256[SLM_SHA256_BYTES];
} SlmRecordEntry;

typedef struct SlmRecord
{
	uint32 magic;
	uint16 version;
	uint16 n_entry;
	SlmRecordEntry entry[SLM_RECORD_ENTRIES]; /* newest first */
	pg_crc32c crc;
} SlmRecord;

/* Reads the record of a model file; one that is absent or damaged is empty. */
extern void slm_record_read(const char *file, SlmRecord *record);
extern void slm_record_read_at(const char *path, SlmRecord *record);

/* The entry of an identity, or NULL. */
extern const SlmRecordEntry *slm_record_find(const SlmRecord *record,
											 const SlmFileIdentity *identity);

/* Was the file ever seen with that content? */
extern bool slm_record_has_content(const SlmRecord *record, const uint8 sha256[SLM_SHA256_BYTES]);

/* Remembers that a file of that identity has that content. */
extern void slm_record_write(const char *file, const SlmFileIdentity *identity,
							 const uint8 sha256[SLM_SHA256_BYTES]);

#endif
