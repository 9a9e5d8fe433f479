/*
 * batch_explain.c - what EXPLAIN says of the plan node SlmBatch
 *
 * Its calls, and with ANALYZE what they have taken, parallel workers included.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "pg/batch_state.h"
#include "pg/pg_compat.h"

void
slm_batch_report(CustomScanState *css)
{
	BatchState *state = (BatchState *) css;

	if (!IsParallelWorker() || state->shared == NULL)
		return;
	for (int i = 0; i < COUNT_COUNT; i++)
	{
		pg_atomic_fetch_add_u64(&state->shared->count[i], (int64) state->count[i]);
		state->count[i] = 0;
	}
}

Size
slm_batch_estimate_shared(CustomScanState *css, ParallelContext *pcxt)
{
	return sizeof(dsm_handle);
}

/* The query's own shared memory is gone when EXPLAIN asks, so this is a segment apart. */
void
slm_batch_start_shared(CustomScanState *css, ParallelContext *pcxt, void *coordinate)
{
	BatchState *state = (BatchState *) css;

	if (css->ss.ps.instrument != NULL && state->segment == NULL)
	{
		state->segment = dsm_create(sizeof(SharedCounts), DSM_CREATE_NULL_IF_MAXSEGMENTS);
		if (state->segment != NULL)
		{
			state->shared = dsm_segment_address(state->segment);
			for (int i = 0; i < COUNT_COUNT; i++)
				pg_atomic_init_u64(&state->shared->count[i], 0);
		}
	}
	*(dsm_handle *) coordinate =
		state->segment != NULL ? dsm_segment_handle(state->segment) : DSM_HANDLE_INVALID;
}

void
slm_batch_join_shared(CustomScanState *css, shm_toc *toc, void *coordinate)
{
	BatchState *state = (BatchState *) css;
	dsm_handle handle = *(dsm_handle *) coordinate;

	if (handle == DSM_HANDLE_INVALID)
		return;
	state->segment = dsm_attach(handle);
	if (state->segment != NULL)
		state->shared = dsm_segment_address(state->segment);
}

static uint64
counted(const BatchState *state, BatchCount which)
{
	return state->count[which] +
		   (state->shared != NULL ? pg_atomic_read_u64(&state->shared->count[which]) : 0);
}

/* As EXPLAIN does it for the qualifications of a join. */
static void
explain_quals(CustomScanState *css, List *ancestors, ExplainState *es)
{
	List *quals = castNode(CustomScan, css->ss.ps.plan)->custom_exprs;
	List *context;

	if (quals == NIL)
		return;
	context = set_deparse_context_plan(es->deparse_cxt, css->ss.ps.plan, ancestors);
	ExplainPropertyText("Filter",
						deparse_expression((Node *) make_ands_explicit(quals), context,
										   es->verbose || list_length(es->rtable) > 1, false),
						es);
	if (es->analyze && css->ss.ps.instrument != NULL && css->ss.ps.instrument->nloops > 0 &&
		(es->format != EXPLAIN_FORMAT_TEXT || css->ss.ps.instrument->nfiltered1 > 0))
		ExplainPropertyFloat("Rows Removed by Filter", NULL,
							 css->ss.ps.instrument->nfiltered1 / css->ss.ps.instrument->nloops, 0,
							 es);
}

void
slm_batch_explain(CustomScanState *css, List *ancestors, ExplainState *es)
{
	const BatchState *state = (BatchState *) css;
	double ms = counted(state, COUNT_TIME) / 1000.0;
	List *names = NIL;
	ListCell *cell;

	explain_quals(css, ancestors, es);
	foreach (cell, state->calls)
		names = lappend(names, get_func_name(((BatchCall *) lfirst(cell))->flinfo.fn_oid));
	ExplainPropertyList("Calls", names, es);
	if (!es->analyze)
		return;
	if (es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyInteger("Batches", NULL, (int64) counted(state, COUNT_BATCHES), es);
		ExplainPropertyInteger("Batched Rows", NULL, (int64) counted(state, COUNT_ROWS), es);
		ExplainPropertyInteger("Repeats", NULL, (int64) counted(state, COUNT_REPEATS), es);
		ExplainPropertyInteger("Tokens", NULL, (int64) counted(state, COUNT_TOKENS), es);
		if (es->timing)
			ExplainPropertyFloat("Inference Time", "ms", ms, 3, es);
		return;
	}
	appendStringInfoSpaces(es->str, 2 * es->indent);
	appendStringInfo(es->str,
					 "Batches: " UINT64_FORMAT "  Rows: " UINT64_FORMAT "  Repeats: " UINT64_FORMAT
					 "  Tokens: " UINT64_FORMAT,
					 counted(state, COUNT_BATCHES), counted(state, COUNT_ROWS),
					 counted(state, COUNT_REPEATS), counted(state, COUNT_TOKENS));
	if (es->timing)
		appendStringInfo(es->str, "  Inference: %.3f ms", ms);
	appendStringInfoChar(es->str, '\n');
}
