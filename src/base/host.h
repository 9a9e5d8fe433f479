/*
 * host.h - what the engine asks of the program around it
 *
 * The engine has no process-wide state and calls nothing of PostgreSQL: memory,
 * interrupts, hashing and logging come through this table.  src/pg/pg_host.c
 * fills it for a backend, test/unit/host.c for tests, benchmarks and fuzzers.
 * No callback may jump out of the engine.
 */
#ifndef SLM_BASE_HOST_H
#define SLM_BASE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define SLM_SHA256_BYTES 32

typedef struct SlmHost
{
	void *arg; /* passed to every callback */

	/* Returns NULL when there is no memory; no alignment beyond malloc's. */
	void *(*alloc)(void *arg, size_t bytes);
	void (*release)(void *arg, void *ptr);

	/* True: stop soon with SLM_ERR_CANCELLED.  Only reads flags; about 1 ns. */
	bool (*interrupted)(void *arg);

	/* Incremental SHA-256.  start returns NULL when there is no memory. */
	void *(*sha256_start)(void *arg);
	bool (*sha256_update)(void *arg, void *state, const void *data, size_t n);
	/* Writes the digest (or discards when out is NULL) and frees the state. */
	bool (*sha256_finish)(void *arg, void *state, uint8_t out[SLM_SHA256_BYTES]);

	/*
	 * Calls part(job, i) for i = 0 .. n_thread - 1, part 0 on the caller's thread and each
	 * other on one of its own, and returns when all have.  Only part 0 may call the host.
	 * NULL: there is one thread.
	 */
	void (*together)(void *arg, void (*part)(void *job, int i), void *job);
	int n_thread;

	/* A remark for the administrator; never row text. May be NULL. */
	void (*log)(void *arg, const char *message);
} SlmHost;

/*
 * Polls the host.  Call it at least once per 2 ms of work (law 3); the work
 * between two polls is bounded by limits.h's SLM_POLL_* constants.
 */
static inline SlmStatus
slm_poll(const SlmHost *host, SlmError *err)
{
	if (SLM_UNLIKELY(host->interrupted(host->arg)))
		return slm_fail(err, SLM_ERR_CANCELLED, "canceling statement due to user request");
	return SLM_OK;
}

#endif
