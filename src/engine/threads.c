/*
 * threads.c - threads that compute beside the caller
 *
 * A job is a number that grows.  Who waits for the next one, or for the last thread to
 * be done with this one, looks for some microseconds, as a matrix product follows the
 * other, and then sleeps.
 */
#include "engine/threads.h"

#include <pthread.h>
#include <string.h>

#include "base/limits.h"

#define LOOKS 4000 /* before sleep: some tens of microseconds */

typedef struct Thread
{
	SlmThreads *all;
	pthread_t id;
	int i; /* from 1 */
} Thread;

struct SlmThreads
{
	const SlmHost *host;
	int n; /* threads beside the caller's */
	pthread_mutex_t mutex;
	pthread_cond_t begun, done;

	void (*part)(void *job, int i);
	void *job;
	bool ends;           /* with the next job */
	unsigned job_number; /* atomic; written under the mutex */
	int n_left;          /* threads that are not done; atomic; the last one signals done */
	Thread thread[];
};

static inline void
rest(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static unsigned
job_number(const SlmThreads *t)
{
	return __atomic_load_n(&t->job_number, __ATOMIC_ACQUIRE);
}

static int
n_left(const SlmThreads *t)
{
	return __atomic_load_n(&t->n_left, __ATOMIC_ACQUIRE);
}

/* Waits for another job than the one of that number. */
static unsigned
next_job(SlmThreads *t, unsigned last)
{
	for (int i = 0; i < LOOKS && job_number(t) == last; i++)
		rest();
	if (job_number(t) == last)
	{
		pthread_mutex_lock(&t->mutex);
		while (job_number(t) == last)
			pthread_cond_wait(&t->begun, &t->mutex);
		pthread_mutex_unlock(&t->mutex);
	}
	return job_number(t);
}

static void *
run(void *arg)
{
	Thread *self = arg;
	SlmThreads *t = self->all;
	unsigned last = 0;

	for (;;)
	{
		bool ends;

		last = next_job(t, last);
		ends = t->ends;
		if (!ends)
			t->part(t->job, self->i);
		if (__atomic_sub_fetch(&t->n_left, 1, __ATOMIC_ACQ_REL) == 0)
		{
			pthread_mutex_lock(&t->mutex);
			pthread_cond_signal(&t->done);
			pthread_mutex_unlock(&t->mutex);
		}
		if (ends)
			return NULL;
	}
}

static void
begin(SlmThreads *t)
{
	pthread_mutex_lock(&t->mutex);
	__atomic_store_n(&t->n_left, t->n, __ATOMIC_RELAXED);
	__atomic_add_fetch(&t->job_number, 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&t->begun);
	pthread_mutex_unlock(&t->mutex);
}

void
slm_threads_run(SlmThreads *t, void (*part)(void *job, int i), void *job)
{
	t->part = part;
	t->job = job;
	begin(t);
	part(job, 0);
	for (int i = 0; i < LOOKS && n_left(t) > 0; i++)
		rest();
	/* the mutex is taken in any case: the last thread may still be about to signal */
	pthread_mutex_lock(&t->mutex);
	while (n_left(t) > 0)
		pthread_cond_wait(&t->done, &t->mutex);
	pthread_mutex_unlock(&t->mutex);
}

SlmStatus
slm_threads_start(const SlmHost *host, int n, SlmThreads **out, SlmError *err)
{
	SlmThreads *t;

	if (n < 2 || n > SLM_MAX_WORKER_THREADS)
		return slm_fail(err, SLM_ERR_ARGUMENT, "threads must be from 2 to %d",
						SLM_MAX_WORKER_THREADS);
	t = host->alloc(host->arg, sizeof(*t) + (size_t) (n - 1) * sizeof(t->thread[0]));
	if (t == NULL)
		return slm_fail(err, SLM_ERR_NO_MEMORY, "out of memory");
	memset(t, 0, sizeof(*t));
	t->host = host;
	pthread_mutex_init(&t->mutex, NULL);
	pthread_cond_init(&t->begun, NULL);
	pthread_cond_init(&t->done, NULL);
	for (; t->n < n - 1; t->n++)
	{
		Thread *thread = &t->thread[t->n];

		thread->all = t;
		thread->i = t->n + 1;
		if (pthread_create(&thread->id, NULL, run, thread) != 0)
		{
			slm_threads_stop(t);
			return slm_fail(err, SLM_ERR_NO_MEMORY, "could not start %d threads", n - 1);
		}
	}
	*out = t;
	return SLM_OK;
}

void
slm_threads_stop(SlmThreads *t)
{
	if (t == NULL)
		return;
	t->ends = true;
	begin(t);
	for (int i = 0; i < t->n; i++)
		pthread_join(t->thread[i].id, NULL);
	pthread_cond_destroy(&t->begun);
	pthread_cond_destroy(&t->done);
	pthread_mutex_destroy(&t->mutex);
	t->host->release(t->host->arg, t);
}
