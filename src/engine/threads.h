/*
 * threads.h - threads that compute beside the caller: a host's together()
 *
 * They take part in what the caller computes and in nothing else: they call no
 * callback of the host, take no signals that the caller blocks while they are started,
 * and sleep when there is nothing to do.  One caller at a time.
 */
#ifndef SLM_ENGINE_THREADS_H
#define SLM_ENGINE_THREADS_H

#include "base/host.h"

typedef struct SlmThreads SlmThreads;

/*
 * n - 1 threads beside the caller's, 2 .. SLM_MAX_WORKER_THREADS in all, with memory of
 * the host's.  SLM_ERR_NO_MEMORY when the system has not got so many.
 */
extern SlmStatus slm_threads_start(const SlmHost *host, int n, SlmThreads **out,
								   SlmError *err) SLM_MUST_CHECK;

/* Ends them, after what they are at; threads may be NULL. */
extern void slm_threads_stop(SlmThreads *threads);

/* As SlmHost.together() says. */
extern void slm_threads_run(SlmThreads *threads, void (*part)(void *job, int i), void *job);

#endif
