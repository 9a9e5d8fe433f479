/*
 * weights.h - images mapped into this backend
 */
#ifndef SLM_PG_WEIGHTS_H
#define SLM_PG_WEIGHTS_H

#include "pg/model_ref.h"

/* One image, mapped once per backend and shared by all refs of that content. */
typedef struct SlmMapping
{
	bool used;
	bool broken; /* a read hit a hole: never given out again */
	int n_ref;
	int fd; /* holds the shared lock that keeps the image from being dropped */
	int shared_slot;
	uint8 sha256[SLM_SHA256_BYTES];
	char path[MAXPGPATH];
	void *base;
	size_t bytes;
	SlmModel *model;
} SlmMapping;

/*
 * Gives the mapping of a content with one reference added, mapping its image
 * if need be.  *out is NULL when the image is gone, or was broken and has been
 * removed: the caller has it built again.  Raises nothing but a pending
 * interrupt.
 */
extern SlmStatus slm_weights_attach(const uint8 sha256[SLM_SHA256_BYTES], SlmMapping **out,
									SlmError *err) SLM_MUST_CHECK;

/* Gives one reference back; the memory stays mapped until slm_weights_sweep(). */
extern void slm_weights_release(SlmMapping *mapping);

/* Unmaps what nothing refers to. */
extern void slm_weights_sweep(void);

/* Reads all pages in; interruptible. */
extern void slm_weights_populate(SlmMapping *mapping);

#endif
