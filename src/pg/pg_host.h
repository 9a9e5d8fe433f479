/*
 * pg_host.h - the engine's host inside a backend, its scratch arena, and errors
 */
#ifndef SLM_PG_PG_HOST_H
#define SLM_PG_PG_HOST_H

#include "engine/prefix.h"

#define SLM_SCRATCH_KEEP_BYTES (4U << 20) /* held between transactions */

/*
 * Callbacks of this backend: memory from a long-lived context named
 * "slm scratch", interrupted() = something that ends the statement is pending
 * (see pg_host.c; it never jumps), SHA-256 by pg_cryptohash.
 */
extern const SlmHost slm_pg_host;

/*
 * The backend's one scratch arena, reset.  A call takes it once, at its start;
 * it is garbage after the C call returns or errors out.  Capped by
 * slm.max_scratch_memory; trimmed to 4 MB at the end of a transaction.
 */
extern SlmArena *slm_scratch(void);

/*
 * Beginnings of prompts that the backend keeps, of at most slm.max_prefix_memory,
 * from statement to statement; in the same context.
 */
extern SlmPrefixes *slm_kept_prefixes(void);

/* The kernel table that slm.force_isa chose. */
extern const SlmKernels *slm_current_kernels(void);

/*
 * Raises the error that a poll during the last engine call met and kept back,
 * and serves whatever else is pending: CHECK_FOR_INTERRUPTS() for code that
 * has called the engine.
 */
extern void slm_check_interrupts(void);

/*
 * Runs code of PostgreSQL's, which may raise, inside of an engine call, which may not
 * be jumped out of.  Gives the SQLSTATE of what it raised, or 0.  The error is kept, as
 * if a poll had met it, until it is forgotten.
 */
extern int slm_host_guard(void (*body)(void *arg), void *arg);
extern void slm_host_forget_error(void);

/*
 * pg_error.c, the one map from SlmStatus to SQLSTATE: raises err as ERROR.
 * A broken mapping and the real reason of a cancel (timeout, termination,
 * recovery conflict) go first.  Does not return.
 */
extern _Noreturn void slm_raise(const SlmError *err);

/*
 * What follows every engine call whose result is used: raises err unless
 * status is SLM_OK, or what came up meanwhile (a truncated image, a cancel).
 */
extern void slm_engine_check(SlmStatus status, const SlmError *err);

/* Raises when status is not SLM_OK. */
#define SLM_CHECK(status_expr, err)                                                                \
	do                                                                                             \
	{                                                                                              \
		if (unlikely((status_expr) != SLM_OK))                                                     \
			slm_raise(err);                                                                        \
	} while (0)

/* From _PG_init. */
extern void slm_host_init(void);

#ifdef SLM_DEV
/* Largest gap between two polls of an engine call so far, in microseconds. */
extern int slm_host_poll_gap_us(void);
extern void slm_host_reset_poll_gap(void);
#endif

#endif
