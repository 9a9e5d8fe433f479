/*
 * image.h - the weight image: a model file turned into what the kernels read
 *
 * Built once per model file content, then mapped read-only by every process.
 * Position independent: offsets from the start of the image, no pointers.
 *
 *   header          SlmImageHeader: magic, layout version, sizes, sha256 of the
 *                   source file, hyperparameters, checksum of all but tokenizer
 *                   and weights
 *   directory       one SlmTensorRef per slot of the architecture table: those of
 *                   the whole model, then those of each layer, the heads' last;
 *                   layers that run the same weights have equal ones; of a model of
 *                   two stacks, those of the one that reads follow
 *   strings         name, licence, class labels
 *   tokenizer blob
 *   weights         in the file's order, so that one pass over it is enough, each
 *                   64-aligned: packed groups (kernels.h) for matrix products,
 *                   those of experts one matrix behind the other,
 *                   plain rows in the file's type for tables that are looked up
 *                   by row, float for vectors
 *
 * SLM_IMAGE_VERSION changes with anything in this layout, so that an old
 * image is never read by new code; SLM_RESULTS_VERSION changes with anything
 * that changes an output bit, and is part of every fingerprint.
 */
#ifndef SLM_MODEL_IMAGE_H
#define SLM_MODEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/host.h"
#include "base/source.h"
#include "base/status.h"

#define SLM_IMAGE_VERSION 18
#define SLM_RESULTS_VERSION 1

/* Where a builder puts the image; the host owns the file. */
typedef struct SlmImageSink
{
	void *arg;

	/* Called once, before any write, with the exact size: room is checked here. */
	SlmStatus (*reserve)(void *arg, uint64_t image_bytes, SlmError *err);

	/*
	 * Writes n <= SLM_IO_STEP_BYTES bytes at offset.  The writes cover the image
	 * without gaps, in ascending order except that the header at offset 0 comes
	 * last, so that an unfinished image is not one.
	 */
	SlmStatus (*write)(void *arg, uint64_t offset, const void *data, size_t n, SlmError *err);
} SlmImageSink;

typedef struct SlmImageInfo
{
	uint8_t source_sha256[SLM_SHA256_BYTES];
	uint64_t source_bytes;
	uint64_t image_bytes;
} SlmImageInfo;

/*
 * Reads the file once, front to back, hashing what it reads, and writes the
 * image.  expected_sha256 may be NULL; a difference is SLM_ERR_CORRUPT, found
 * before the header is written.  Refuses what the forward pass could not run:
 * every tensor the architecture needs is there with the shape its
 * hyperparameters say (messages name key or tensor), every float vector and
 * every block scale is finite.  Polls host at least every SLM_POLL_BYTES of
 * hashing or packing; memory comes from arena, at most the file's directory and
 * vocabulary a few times over plus 2 * SLM_IO_STEP_BYTES.
 */
extern SlmStatus slm_image_build(const SlmSource *source, const uint8_t *expected_sha256,
								 const SlmHost *host, SlmArena *arena, const SlmImageSink *sink,
								 SlmImageInfo *out, SlmError *err) SLM_MUST_CHECK;

#endif
