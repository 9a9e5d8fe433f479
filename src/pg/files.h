/*
 * files.h - model files: where they are looked up, and who may read them
 */
#ifndef SLM_PG_FILES_H
#define SLM_PG_FILES_H

#include "engine/slm.h"

/* One state of a file's content, as far as the file system can tell. */
typedef struct SlmFileIdentity
{
	uint64 device;
	uint64 inode;
	uint64 bytes;
	int64 modified_ns;
	int64 changed_ns;
} SlmFileIdentity;

typedef struct SlmModelFile
{
	const char *name; /* as the option says, borrowed */
	int fd;           /* transient: closed at the end of the transaction at the latest */
	SlmFileIdentity identity;
} SlmModelFile;

/* Checks the spelling: a plain name [A-Za-z0-9._-]+ without leading dot, or an absolute path. */
extern SlmStatus slm_file_check_name(const char *name, SlmError *err) SLM_MUST_CHECK;

/* Raises 42501 when name is an absolute path and owner may not read files of the server. */
extern void slm_file_check_rights(const char *name, Oid owner);
extern bool slm_file_has_rights(const char *name, Oid owner);

/*
 * What a record of this file is kept under: depends on the spelling and, for a
 * plain name, on slm.model_path, but not on whether the file exists.
 */
extern void slm_file_key(const char *name, uint8 key[SLM_SHA256_BYTES]);

/* Identity of the file without opening it. */
extern SlmStatus slm_file_stat(const char *name, SlmFileIdentity *out,
							   SlmError *err) SLM_MUST_CHECK;

/*
 * Opens the file for reading.  Absent, forbidden and a link are one error
 * (SLM_ERR_NO_FILE); anything but a regular file, and a file that everybody may
 * write, are refused.  Never blocks.  The caller has checked rights.
 */
extern SlmStatus slm_file_open(const char *name, SlmModelFile *out, SlmError *err) SLM_MUST_CHECK;
extern void slm_file_close(SlmModelFile *file);

/* Reads the identity of the open file again. */
extern SlmStatus slm_file_refresh(SlmModelFile *file, SlmError *err) SLM_MUST_CHECK;

/* The open file as a source of the engine; borrows file. */
extern SlmSource slm_file_source(SlmModelFile *file);

extern bool slm_file_same(const SlmFileIdentity *a, const SlmFileIdentity *b);

#endif
