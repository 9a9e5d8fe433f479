/*
 * batch_state.h - the plan node SlmBatch while it runs
 *
 * Private to batch_scan.c, which runs it, and batch_explain.c, which tells of it.
 */
#ifndef SLM_PG_BATCH_STATE_H
#define SLM_PG_BATCH_STATE_H

#include "nodes/execnodes.h"
#include "nodes/extensible.h"
#include "port/atomics.h"
#include "storage/dsm.h"

#include "pg/rows.h"

/* One call of the node. */
typedef struct BatchCall
{
	const SlmRowFunction *function;
	bool pinned;
	int column;        /* of the scan tuple, from 0 */
	ExprState *scalar; /* the call as it stands in the query; its rights have been checked */
	ExprState **arg;   /* [n_arg] */
	bool *varies;      /* [n_arg] differs by row */
	bool *stays;       /* [n_arg] its value lives as long as the row: no need to copy it */
	int16 *size;       /* [n_arg] of the type */
	bool *by_value;    /* [n_arg] */
	bool one_group;    /* no argument behind the texts varies */
	FmgrInfo flinfo;   /* holds what the call site remembers of its model */
	FunctionCallInfo fcinfo;
	Datum *value;       /* [SLM_BATCH_ROWS] of the batch */
	SlmRowState *state; /* [SLM_BATCH_ROWS] */
} BatchCall;

/* Calls to make, and what to ask then. */
typedef struct BatchStage
{
	List *calls;     /* BatchCall */
	ExprState *qual; /* NULL: nothing */
} BatchStage;

/* What the calls have taken, for EXPLAIN. */
typedef enum BatchCount
{
	COUNT_BATCHES,
	COUNT_ROWS,
	COUNT_REPEATS,
	COUNT_TOKENS,
	COUNT_TIME, /* microseconds */
	COUNT_COUNT
} BatchCount;

/* The same, of all workers, in a segment that stays until the leader's node ends. */
typedef struct SharedCounts
{
	pg_atomic_uint64 count[COUNT_COUNT];
} SharedCounts;

typedef struct BatchState
{
	CustomScanState css;
	List *calls;         /* BatchCall, in the order of their columns */
	List *stages;        /* BatchStage */
	int n_base;          /* columns that come from the child, */
	int *source;         /* [n_base] and of which of its columns, from 0 */
	Bitmapset *input;    /* those of them that texts are made of */
	ExprState *limit[2]; /* count and offset of the LIMIT above; NULL: none */
	int64 bound;         /* rows that will be asked for at most; -1: unknown */

	TupleTableSlot *base;  /* a row of the child, as kept */
	MemoryContext context; /* of the batch */
	int want;              /* rows of the next batch */
	bool finished;         /* the child has no more */
	int64 n_read;          /* rows of all batches since the start; 0: bound is not known yet */

	int n;                                   /* rows of the batch */
	MinimalTuple tuple[SLM_BATCH_ROWS];      /* as the child gave them */
	ItemPointerData tid[SLM_BATCH_ROWS];     /* where they stand in their table, */
	Oid table[SLM_BATCH_ROWS];               /* which this is, for WHERE CURRENT OF */
	const BatchCall *failed[SLM_BATCH_ROWS]; /* the call that a row's text failed in */
	int n_left;                              /* rows that have passed so far */
	int left[SLM_BATCH_ROWS];                /* which */
	int next;                                /* of those, to be given */

	uint64 count[COUNT_COUNT];
	dsm_segment *segment;
	SharedCounts *shared;
} BatchState;

/* EXPLAIN's part of the node, and what workers add to it. */
extern void slm_batch_explain(CustomScanState *css, List *ancestors, ExplainState *es);
extern Size slm_batch_estimate_shared(CustomScanState *css, ParallelContext *pcxt);
extern void slm_batch_start_shared(CustomScanState *css, ParallelContext *pcxt, void *coordinate);
extern void slm_batch_join_shared(CustomScanState *css, shm_toc *toc, void *coordinate);

/* In a worker: adds what has been counted to the leader's; elsewhere nothing. */
extern void slm_batch_report(CustomScanState *css);

#endif
