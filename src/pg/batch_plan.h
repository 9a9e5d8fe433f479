/*
 * batch_plan.h - where a query's calls can be computed for many rows at once
 */
#ifndef SLM_PG_BATCH_PLAN_H
#define SLM_PG_BATCH_PLAN_H

/* From _PG_init: puts the hooks in place. */
extern void slm_batch_plan_init(void);

#endif
