/*
 * cache.h - the folder of weight images (slm.cache_dir)
 */
#ifndef SLM_PG_CACHE_H
#define SLM_PG_CACHE_H

#include "pg/files.h"

typedef enum SlmCacheState
{
	SLM_CACHE_ABSENT = 0, /* no image yet */
	SLM_CACHE_BUILDING,   /* some process is building it */
	SLM_CACHE_READY
} SlmCacheState;

/*
 * Makes sure that the image of a model file exists and says which content it
 * is.  Builds it, or waits for who builds it; interruptible.
 *
 * With expected (the model's sha256) the file is read only if this path was
 * never seen with that content; a difference raises XX001.  Without, the file's
 * identity decides, and is given in *identity.  A file that cannot be opened
 * raises 58P01, a full disk or cache 53100, a bad file what the engine says.
 */
extern void slm_cache_locate(const char *file, const uint8 *expected, SlmFileIdentity *identity,
							 uint8 sha256[SLM_SHA256_BYTES]);

/* What is known of a file without reading or building anything; false: its content is unknown. */
extern bool slm_cache_peek(const char *file, const uint8 *expected, uint8 sha256[SLM_SHA256_BYTES],
						   SlmCacheState *state);

/*
 * Opens the image of a content for mapping and marks it as in use: the shared
 * lock lasts until the descriptor is closed.  *out is -1 when there is none (any
 * more).  The descriptor is not PostgreSQL's: the caller closes it.  Raises
 * nothing but a pending interrupt.
 */
extern SlmStatus slm_cache_open_image(const uint8 sha256[SLM_SHA256_BYTES], char *path, int *out,
									  SlmError *err) SLM_MUST_CHECK;

/* Notes a use of an image: the one used least recently is dropped first. */
extern void slm_cache_touch(int fd);

/* Removes a broken image, if path still names the file behind fd. */
extern void slm_cache_discard(const char *path, int fd);

/* One file that slm_cache_remove_unused() removed. */
typedef struct SlmCacheVictim
{
	char name[NAMEDATALEN * 2];
	int64 bytes;
} SlmCacheVictim;

/*
 * Removes images that no process has mapped, images of other layout versions,
 * temporary files without a builder, and records without an image.  Gives a
 * palloc'd array.
 */
extern SlmCacheVictim *slm_cache_remove_unused(int *n_victim);

#endif
