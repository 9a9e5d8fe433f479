/*
 * pg_host.h - the engine's host inside a backend, its scratch arena, and errors
 */
#ifndef SLM_PG_PG_HOST_H
#define SLM_PG_PG_HOST_H

#include "engine/slm.h"

/*
 * Callbacks of this backend: memory from a long-lived context named
 * "slm scratch", interrupted() = a cancel, a die, or a SIGBUS in an image is
 * pending (read only, no longjmp), SHA-256 by pg_cryptohash.
 */
extern const SlmHost slm_pg_host;

/*
 * The backend's one scratch arena, reset.  A call takes it once, at its start;
 * it is garbage after the C call returns or errors out.  Capped by
 * slm.max_scratch_memory; trimmed to 4 MB at the end of a transaction.
 */
extern SlmArena *slm_scratch(void);

/* The kernel table that slm.force_isa chose. */
extern const SlmKernels *slm_current_kernels(void);

/*
 * pg_error.c, the one map from SlmStatus to SQLSTATE: raises err as ERROR.
 * SLM_ERR_CANCELLED first runs CHECK_FOR_INTERRUPTS(), so that the real reason
 * (timeout, termination) is the one reported.  Does not return.
 */
extern void slm_raise(const SlmError *err) pg_attribute_noreturn();

/* Raises when status is not SLM_OK. */
#define SLM_CHECK(status_expr, err)            \
	do                                         \
	{                                          \
		if (unlikely((status_expr) != SLM_OK)) \
			slm_raise(err);                    \
	} while (0)

#endif
