/*
 * memory_model.h - a model file in memory, through the whole engine
 *
 * Builds the image into memory of exactly its size, so that a sanitizer sees
 * one byte too far, opens it and runs a text through it.
 */
#ifndef SLM_TEST_MEMORY_MODEL_H
#define SLM_TEST_MEMORY_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "engine/slm.h"

#define MEMORY_MODEL_MAX_EMBD 64

typedef struct MemoryModel
{
	uint8_t *image;
	size_t image_bytes;
	size_t written;  /* bytes of it, the header included */
	SlmArena arena;  /* of the builder, then of the runs */
	SlmModel *model; /* NULL until opened */
	SlmModelOptions options;
} MemoryModel;

/* Builds and opens; whatever happens, memory_model_free() cleans up. */
extern SlmStatus memory_model_load(MemoryModel *m, const void *file, size_t file_bytes,
								   SlmError *err);

/*
 * Embeds a text, cut to the context, as row[n_embd], and runs the other heads
 * that the model has; with a sequence-classification head, scores the classes
 * instead.  n_embd and n_class may not exceed max.
 */
extern SlmStatus memory_model_run(MemoryModel *m, const char *text, float *row, int max,
								  SlmError *err);
extern void memory_model_free(MemoryModel *m);

#endif
