/*
 * model_fixture.h - a model file of test/golden, opened, with a run over it
 */
#ifndef SLM_TEST_MODEL_FIXTURE_H
#define SLM_TEST_MODEL_FIXTURE_H

#include "engine/slm.h"
#include "memory_model.h"

#define FIXTURE_DIR "test/golden/"

typedef struct ModelFixture
{
	MemoryModel memory;
	SlmRun run; /* kernels: the best of this CPU; arena: memory.arena */
	SlmError err;
} ModelFixture;

/* A whole file; release with free().  NULL when it cannot be read. */
extern void *read_whole_file(const char *path, size_t *size);

/*
 * The lines of a text file, without their ends: for (line = lines_next(&lines); line !=
 * NULL; line = lines_next(&lines)).  text is NULL where it cannot be read, and there is
 * no line then; the memory goes with the last one.
 */
typedef struct Lines
{
	char *text;
	char *next;
} Lines;

extern Lines lines_of(const char *path);
extern char *lines_next(Lines *lines);

/* Builds the image of a file in memory and opens it. */
extern SlmStatus model_fixture_load(ModelFixture *f, const char *path);
extern void model_fixture_free(ModelFixture *f);

/*
 * The ISAs of this CPU: for (isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT;
 * isa = next_isa(isa)).
 */
extern SlmIsa next_isa(SlmIsa isa);

/* 1 - cosine is too coarse for floats: |a - b|^2 / |b|^2. */
extern double error_of(const float *a, const float *b, int n);
extern double cosine_of(const float *a, const float *b, int n);

#endif
