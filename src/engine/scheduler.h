/*
 * scheduler.h - which of the texts that wait are written next
 *
 * A writer has places for so many texts at a time, of one lane: one model, places of
 * one size.  Requests of several roles and lanes wait for it.  The scheduler says who
 * joins, and when the writer turns to another lane.  It knows no clock, no memory and
 * no model: the caller tells the time, and does what it is told.
 *
 * - Between roles: start-time fair queueing by tokens.  A role that asks for much
 *   stands behind its own requests, not before another's.
 * - Nobody waits for ever: every second place goes to whoever has waited longest,
 *   once that is longer than patience.  While one waits so long for another lane, nobody
 *   joins: the writer turns to it when its rows are done.
 * - Rows leave at any time, done or not.
 */
#ifndef SLM_ENGINE_SCHEDULER_H
#define SLM_ENGINE_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#define SLM_SCHEDULER_REQUESTS 64
#define SLM_SCHEDULER_ROLES 64

typedef struct SlmScheduled
{
	int id; /* -1: free */
	bool running;
	uint64_t role;
	uint64_t lane;
	uint64_t start;   /* in tokens of virtual time */
	uint64_t order;   /* of arrival */
	uint64_t arrived; /* by the caller's clock */
} SlmScheduled;

typedef struct SlmScheduler
{
	int n_place;
	uint64_t patience;
	uint64_t lane; /* of the rows that run, or ran last */
	int n_running;
	int n_waiting;
	uint64_t clock;   /* virtual time: the start of who joined last */
	uint64_t n_order; /* requests so far */
	bool by_age;      /* whose turn the next place is */
	SlmScheduled request[SLM_SCHEDULER_REQUESTS];
	struct
	{
		uint64_t role;
		uint64_t finish; /* of its last request, in virtual time */
		int n_request;   /* that it has here */
	} role[SLM_SCHEDULER_ROLES];
} SlmScheduler;

/* patience is in units of the caller's clock. */
extern void slm_scheduler_init(SlmScheduler *scheduler, int n_place, uint64_t patience);

/*
 * A request waits from now on.  id is the caller's, at least 0 and none of those that
 * are here; n_token is what it may cost.  False when there is no room.
 */
extern bool slm_scheduler_add(SlmScheduler *scheduler, int id, uint64_t role, uint64_t lane,
							  uint64_t n_token, uint64_t now);

/*
 * The request that joins now, or -1: none does.  Its lane is scheduler->lane; when that
 * is another than before no row runs, and the caller makes places and says how many.
 */
extern int slm_scheduler_next(SlmScheduler *scheduler, uint64_t now);
extern void slm_scheduler_places(SlmScheduler *scheduler, int n_place);

/* A request leaves, waiting or running; no harm when it is not here. */
extern void slm_scheduler_remove(SlmScheduler *scheduler, int id);

#endif
