/*
 * changed_file.h - a model file of test/golden with something changed, and what src/model says of it
 */
#ifndef SLM_TEST_CHANGED_FILE_H
#define SLM_TEST_CHANGED_FILE_H

#include "base/limits.h"
#include "check.h"
#include "gguf_builder.h"
#include "model_fixture.h"

static inline GgufBytes
open_file(const char *path)
{
	GgufBytes file = {0};

	file.data = read_whole_file(path, &file.size);
	CHECK(file.data != NULL);
	return file;
}

/* Four bytes of a key's value. */
static inline void
set_value(GgufBytes *file, const char *key, const void *value)
{
	memcpy(gguf_behind(file, key) + 4, value, 4);
}

/* Another name, of a tool that nobody knows, stands where the key was. */
static inline void
hide_key(GgufBytes *file, const char *key)
{
	memcpy(gguf_behind(file, key) - strlen(key), "xxxx", 4);
}

/* A tensor of no use to anybody. */
static inline void
hide_tensor(GgufBytes *file, const char *name)
{
	*(gguf_behind(file, name) - 1) = 'X';
}

/* Loads and releases the file; an error has a part of its message in it. */
static inline void
check_load(GgufBytes *file, SlmStatus expected, const char *message)
{
	MemoryModel m;
	SlmError err = {0};
	SlmStatus status = memory_model_load(&m, file->data, file->size, &err);

	if (!CHECK_STATUS(status, expected) ||
		(expected != SLM_OK && !CHECK_CONTAINS(err.message, message)))
		printf("# wanted: %s\n", message);
	memory_model_free(&m);
	gguf_bytes_free(file);
}

/* A tensor is required. */
static inline void
check_missing(const char *path, const char *name)
{
	GgufBytes file = open_file(path);
	char message[96];

	hide_tensor(&file, name);
	snprintf(message, sizeof(message), "tensor \"%s\" is missing", name);
	check_load(&file, SLM_ERR_CORRUPT, message);
}

/* A key with another value. */
static inline void
check_u32(const char *path, const char *key, uint32_t value, SlmStatus expected,
		  const char *message)
{
	GgufBytes file = open_file(path);

	set_value(&file, key, &value);
	check_load(&file, expected, message);
}

static inline void
check_f32(const char *path, const char *key, float value, SlmStatus expected, const char *message)
{
	GgufBytes file = open_file(path);

	set_value(&file, key, &value);
	check_load(&file, expected, message);
}

#endif
