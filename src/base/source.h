/*
 * source.h - where the bytes of a model file come from
 *
 * A model file is read once, front to back, so that the bytes that are hashed
 * are the bytes that are used (RELIABILITY: no mapping of a mutable file).
 */
#ifndef SLM_BASE_SOURCE_H
#define SLM_BASE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct SlmSource
{
	void *arg;
	uint64_t size; /* bytes of the file when it was opened */

	/*
	 * Fills buf with exactly n bytes at offset, n <= SLM_IO_STEP_BYTES, or
	 * fails: SLM_ERR_IO, or SLM_ERR_CORRUPT when the file has become shorter.
	 */
	SlmStatus (*read)(void *arg, uint64_t offset, void *buf, size_t n, SlmError *err);
} SlmSource;

#endif
