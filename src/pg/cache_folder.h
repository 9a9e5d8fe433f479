/*
 * cache_folder.h - names, locks and removal of files in slm.cache_dir
 */
#ifndef SLM_PG_CACHE_FOLDER_H
#define SLM_PG_CACHE_FOLDER_H

#include "engine/slm.h"

#define SLM_CACHE_ID_CHARS 32 /* hexadecimal digits in names of temporary files and records */
#define SLM_CACHE_WAIT_MS 10  /* between two looks at a lock */

typedef enum SlmCacheFileKind
{
	SLM_CACHE_FILE_FOREIGN = 0, /* not ours: never touched */
	SLM_CACHE_FILE_IMAGE,
	SLM_CACHE_FILE_TEMP,
	SLM_CACHE_FILE_RECORD
} SlmCacheFileKind;

/* Writes the absolute path of the cache folder (MAXPGPATH). */
extern void slm_cache_folder(char *out);

/* Writes folder/name to out (MAXPGPATH); raises when that is too long for a path. */
extern void slm_cache_path(char *out, const char *name);

/* Creates the folder if need be; raises unless it is the server's alone. */
extern void slm_cache_prepare_folder(void);

/* Tells by its name what a file of the folder is. */
extern SlmCacheFileKind slm_cache_file_kind(const char *name);

extern void slm_cache_image_name(char *out, size_t size, const uint8 sha256[SLM_SHA256_BYTES]);
extern bool slm_cache_has_image(const uint8 sha256[SLM_SHA256_BYTES]);

/* Does the name still lead to the open file? */
extern bool slm_cache_still_named(const char *path, int fd);

/* Waits a little; may raise. */
extern void slm_cache_nap(long ms);

/*
 * Opens or creates a temporary file and locks it, waiting for who holds it.
 * Returns a transient descriptor, or -1 when the file went away meanwhile: its
 * holder has finished, or given up.
 */
extern int slm_cache_lock_temp(const char *path);

/*
 * Removes an image or a temporary file that nobody holds a lock on.  Raises
 * nothing; false when it is in use or already gone.
 */
extern bool slm_cache_drop_file(const char *path, int64 *bytes);

#endif
