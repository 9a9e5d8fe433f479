/*
 * cache_build.h - building an image: the lock, the room on disk, the write
 */
#ifndef SLM_PG_CACHE_BUILD_H
#define SLM_PG_CACHE_BUILD_H

#include "pg/files.h"

/* One step of reading or writing between two polls. */
#define SLM_CACHE_STEP_BYTES ((size_t) 256 * 1024)

/*
 * Waits until the file's last change lies so far back that another one would
 * show in its ctime, and refreshes its identity.
 */
extern void slm_build_settle(SlmModelFile *file);

/* What the temporary file of a model file in that state is called. */
extern void slm_build_temp_path(char *out, const char *file, const SlmFileIdentity *identity);

/*
 * Builds the image of an open file, or waits for who does.  False: look again,
 * things have changed meanwhile.  Raises what the engine finds wrong with it.
 */
extern bool slm_build_image(SlmModelFile *file, const uint8 *expected,
							uint8 sha256[SLM_SHA256_BYTES]);

#endif
