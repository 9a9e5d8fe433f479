/*
 * worker_impl.h - the two halves of a worker
 *
 * Private to worker_main.c, which deals with slots, and worker_write.c, which deals with
 * the model.  A request is known by its slot's index.
 */
#ifndef SLM_PG_WORKER_IMPL_H
#define SLM_PG_WORKER_IMPL_H

#include "pg/worker.h"

/* ---- worker_write.c ---- */

/* What is told of requests, by worker_main.c. */
typedef struct SlmWriteListener
{
	/* A request is done; the reply is palloc'd.  It is not known any more. */
	void (*done)(int slot, SlmReply *reply);
	void (*progress)(int slot, int n_written);
	/* Has nobody any use for it? */
	bool (*is_abandoned)(int slot);
} SlmWriteListener;

extern void slm_write_init(const SlmWriteListener *listener);

/* Takes a request on, palloc'd, which is its own from now on. */
extern void slm_write_add(int slot, SlmRequest *request);

/* Forgets a request. */
extern void slm_write_drop(int slot);

/* Requests that wait, and rows that are being written. */
extern void slm_write_count(int *n_waiting, int *n_running);

/* Takes all a step further, in a transaction. */
extern void slm_write_step(void);

/* The model that is written with; NULL: none is. */
extern const char *slm_write_model(void);

/* Gives up what is kept for the next request; there are none now. */
extern void slm_write_rest(void);

/* Before the process ends: its threads. */
extern void slm_write_stop_threads(void);

#endif
