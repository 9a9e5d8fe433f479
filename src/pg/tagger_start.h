/*
 * tagger_start.h - the slot of a database's worker, as the worker uses it
 */
#ifndef SLM_PG_TAGGER_START_H
#define SLM_PG_TAGGER_START_H

#define SLM_WORKER_BRIEF "brief" /* in bgw_extra: ends at once when there is nothing to do */

/* The tagger whose batch is in progress, NULL between two; a worker that ends leaves it behind. */
extern const char *slm_worker_running;

/* Takes the database's slot, until this process ends; false when another worker has it. */
extern bool slm_worker_enter(void);

/* A tagger in which a worker of this database ended; false when there is none, or no more. */
extern bool slm_worker_take_blame(NameData *tagger);

/* Says that what was committed so far is going to be looked at; was there anything? */
extern bool slm_worker_take_wake(void);

/* Gives the slot up, unless somebody has committed something since the last look. */
extern bool slm_worker_may_leave(void);

#endif
