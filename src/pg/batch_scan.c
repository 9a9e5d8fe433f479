/*
 * batch_scan.c - the plan node that computes calls for many rows at once
 *
 * A batch is read from the child as copies of its rows: 1, 2, 4 and so on up to
 * slm.batch_rows, so that who stops after a few rows has caused few calls, and
 * ended early when the rows have SLM_BATCH_BYTES.  Then it goes through stages,
 * one for each qualification that needs calls not made yet, and one for the target
 * list: the stage's calls are computed for the rows that are left, then its
 * qualifications say which of them stay.  What is left at the end is given one by
 * one.
 *
 * A row whose text is at fault is not computed any further.  Its error is raised
 * when its turn comes to be given, by evaluating the call as it stands in the
 * query: a query that stops before it never hears of it.
 *
 * Rows of a call share one task call when their arguments behind the text are the
 * same, as they are where these are constants; else they are grouped.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "pg/batch_scan.h"
#include "pg/batch_state.h"
#include "pg/guc.h"
#include "pg/pg_compat.h"

static CustomScanMethods scan_methods; /* filled in slm_batch_scan_init() */
static CustomExecMethods exec_methods;

/* ---- The plan ---- */

CustomScan *
slm_batch_scan_make(List *scan_tlist, List *quals)
{
	CustomScan *scan = makeNode(CustomScan);

	scan->methods = &scan_methods;
	scan->custom_scan_tlist = scan_tlist;
	scan->custom_exprs = quals;
	return scan;
}

bool
slm_is_batch_scan(const Plan *plan)
{
	return plan != NULL && IsA(plan, CustomScan) &&
		   ((const CustomScan *) plan)->methods == &scan_methods;
}

void
slm_batch_scan_set_limit(CustomScan *scan, Node *count, Node *offset)
{
	scan->custom_private = list_make2(count, offset);
}

static Node *
create_state(CustomScan *scan)
{
	BatchState *state = palloc0_object(BatchState);

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *) state;
}

/* ---- Start ---- */

static bool
has_var(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Var) || expression_tree_walker(node, has_var, context);
}

/* Adds the columns of an expression to a set. */
static bool
add_columns(Node *node, Bitmapset **columns)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		*columns = bms_add_member(*columns, ((Var *) node)->varattno - 1);
		return false;
	}
	return expression_tree_walker(node, add_columns, columns);
}

static BatchCall *
make_call(BatchState *state, FuncExpr *expr, int number)
{
	BatchCall *call = palloc0_object(BatchCall);
	PlanState *parent = &state->css.ss.ps;
	ListCell *cell;
	int n_arg;

	call->function = slm_row_function(expr->funcid, &call->pinned);
	if (call->function == NULL || call->function->n_arg != list_length(expr->args))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("function %u has changed since the query was planned", expr->funcid)));
	n_arg = call->function->n_arg;
	call->column = number;
	call->scalar = ExecInitExpr((Expr *) expr, parent);
	call->arg = palloc_array(ExprState *, n_arg);
	call->varies = palloc_array(bool, n_arg);
	call->stays = palloc_array(bool, n_arg);
	call->size = palloc_array(int16, n_arg);
	call->by_value = palloc_array(bool, n_arg);
	call->one_group = true;
	foreach (cell, expr->args)
	{
		Expr *arg = lfirst(cell);
		int i = foreach_current_index(cell);

		call->arg[i] = ExecInitExpr(arg, parent);
		call->varies[i] = has_var((Node *) arg, NULL);
		call->stays[i] = IsA(arg, Var) || IsA(arg, Const);
		get_typlenbyval(exprType((Node *) arg), &call->size[i], &call->by_value[i]);
		if (i < call->function->n_input)
			(void) add_columns((Node *) arg, &state->input);
		else if (call->varies[i])
			call->one_group = false;
	}

	fmgr_info(expr->funcid, &call->flinfo);
	fmgr_info_set_expr((Node *) expr, &call->flinfo);
	call->fcinfo = palloc0(SizeForFunctionCallInfo(n_arg));
	InitFunctionCallInfoData(*call->fcinfo, &call->flinfo, n_arg, expr->inputcollid, NULL, NULL);
	call->value = palloc_array(Datum, SLM_BATCH_ROWS);
	call->state = palloc_array(SlmRowState, SLM_BATCH_ROWS);
	return call;
}

/* The calls that an expression needs and that no stage has yet, in their order. */
static List *
new_calls(BatchState *state, Node *node, Bitmapset **made)
{
	CustomScan *scan = castNode(CustomScan, state->css.ss.ps.plan);
	Bitmapset *needed = NULL;
	List *calls = NIL;
	ListCell *cell;

	(void) add_columns(node, &needed);
	for (int i = list_length(state->calls) - 1; i >= 0; i--)
	{
		const BatchCall *call = list_nth(state->calls, i);

		/* Arguments stand before what takes them. */
		if (bms_is_member(call->column, needed))
			(void) add_columns(list_nth(scan->custom_scan_tlist, call->column), &needed);
	}
	foreach (cell, state->calls)
	{
		const BatchCall *call = lfirst(cell);

		if (bms_is_member(call->column, needed) && !bms_is_member(call->column, *made))
		{
			calls = lappend(calls, lfirst(cell));
			*made = bms_add_member(*made, call->column);
		}
	}
	return calls;
}

static void
add_stage(BatchState *state, List *calls, List *quals)
{
	BatchStage *stage = palloc_object(BatchStage);

	stage->calls = calls;
	stage->qual = ExecInitQual(quals, &state->css.ss.ps);
	state->stages = lappend(state->stages, stage);
}

static void
make_stages(BatchState *state, const CustomScan *scan)
{
	Bitmapset *made = NULL;
	List *calls = NIL;
	List *quals = NIL;
	ListCell *cell;

	foreach (cell, scan->custom_exprs)
	{
		List *more = new_calls(state, lfirst(cell), &made);

		if (more != NIL && (calls != NIL || quals != NIL))
		{
			add_stage(state, calls, quals);
			calls = quals = NIL;
		}
		calls = list_concat(calls, more);
		quals = lappend(quals, lfirst(cell));
	}
	if (quals != NIL)
		add_stage(state, calls, quals);
	calls = new_calls(state, (Node *) scan->scan.plan.targetlist, &made);
	if (calls != NIL)
		add_stage(state, calls, NIL);
}

/*
 * UPDATE ... WHERE CURRENT OF asks a cursor's plan where the row stands that it
 * has given last.  A scan of a table knows for the row it has read last; so the
 * node passes for that scan and says where its own row stands.
 */
static void
stand_in_for_scan(BatchState *state, PlanState *child)
{
	switch (nodeTag(child))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
			state->css.ss.ss_currentRelation = ((ScanState *) child)->ss_currentRelation;
			break;
		default:
			break;
	}
}

static void
begin(CustomScanState *css, EState *estate, int eflags)
{
	BatchState *state = (BatchState *) css;
	CustomScan *scan = castNode(CustomScan, css->ss.ps.plan);
	PlanState *child;
	ListCell *cell;

	child = ExecInitNode(scan->scan.plan.lefttree, estate,
						 eflags & ~(EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK));
	outerPlanState(state) = child;
	stand_in_for_scan(state, child);
	state->base = ExecInitExtraTupleSlot(estate, ExecGetResultType(child), &TTSOpsMinimalTuple);
	state->source = palloc_array(int, list_length(scan->custom_scan_tlist));
	state->context =
		AllocSetContextCreate(CurrentMemoryContext, "slm batch", ALLOCSET_DEFAULT_SIZES);
	foreach (cell, scan->custom_private)
		state->limit[foreach_current_index(cell)] = ExecInitExpr(lfirst(cell), &css->ss.ps);
	state->want = 1;

	foreach (cell, scan->custom_scan_tlist)
	{
		const TargetEntry *entry = lfirst(cell);

		if (IsA(entry->expr, FuncExpr))
			state->calls = lappend(state->calls, make_call(state, (FuncExpr *) entry->expr,
														   foreach_current_index(cell)));
		else
			state->source[state->n_base++] = castNode(Var, entry->expr)->varattno - 1;
	}
	make_stages(state, scan);
}

/* ---- A batch ---- */

/* Makes the scan tuple of a row, with what the calls have given so far. */
static void
load_row(BatchState *state, int row)
{
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;
	TupleTableSlot *base = state->base;
	ListCell *cell;

	ExecStoreMinimalTuple(state->tuple[row], base, false);
	slot_getallattrs(base);
	ExecClearTuple(slot);
	for (int i = 0; i < state->n_base; i++)
	{
		slot->tts_values[i] = base->tts_values[state->source[i]];
		slot->tts_isnull[i] = base->tts_isnull[state->source[i]];
	}
	foreach (cell, state->calls)
	{
		const BatchCall *call = lfirst(cell);

		slot->tts_values[call->column] = call->value[row];
		slot->tts_isnull[call->column] = call->state[row] != SLM_ROW_VALUE;
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tid = state->tid[row];
	slot->tts_tableOid = state->table[row];
	state->css.ss.ps.ps_ExprContext->ecxt_scantuple = slot;
}

/* Forgets the rows; clears what points to them. */
static void
forget_batch(BatchState *state)
{
	ListCell *cell;

	ExecClearTuple(state->base);
	ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
	MemoryContextReset(state->context);
	memset(state->failed, 0, sizeof(state->failed));
	foreach (cell, state->calls)
	{
		BatchCall *call = lfirst(cell);

		for (int i = 0; i < SLM_BATCH_ROWS; i++)
			call->state[i] = SLM_ROW_NULL;
	}
	state->n = state->n_left = state->next = 0;
}

/* Bytes that a row takes as it is kept, and that its texts will take when they are fetched. */
static Size
row_bytes(const BatchState *state, TupleTableSlot *slot, MinimalTuple tuple)
{
	Size bytes = tuple->t_len;

	for (int i = bms_next_member(state->input, -1); i >= 0; i = bms_next_member(state->input, i))
	{
		Datum value;
		bool is_null;

		if (i >= state->n_base)
			break; /* calls come behind */
		if (TupleDescAttr(slot->tts_tupleDescriptor, state->source[i])->attlen != -1)
			continue;
		value = slot_getattr(slot, state->source[i] + 1, &is_null);
		if (!is_null && VARATT_IS_EXTENDED(DatumGetPointer(value)))
			bytes += toast_raw_datum_size(value);
	}
	return bytes;
}

/* A value of the LIMIT above, or fallback when it has none; what is wrong with it, it will say. */
static int64
limit_value(BatchState *state, int which, int64 fallback)
{
	bool is_null = true;
	Datum value = 0;

	if (state->limit[which] != NULL)
		value = ExecEvalExprSwitchContext(state->limit[which], state->css.ss.ps.ps_ExprContext,
										  &is_null);
	return is_null ? fallback : DatumGetInt64(value);
}

/*
 * Does with a LIMIT above what PostgreSQL does where no other module's node is in
 * its way: a Sort below need not keep what nobody will ask for.
 */
static void
pass_bound(BatchState *state)
{
	int64 count = limit_value(state, 0, -1);
	int64 offset = limit_value(state, 1, 0);

	state->bound = -1;
	if (castNode(CustomScan, state->css.ss.ps.plan)->custom_private == NIL)
		return;
	if (count < 0 || offset < 0 || pg_add_s64_overflow(count, offset, &state->bound))
		state->bound = -1;
	ExecSetTupleBound(state->bound, outerPlanState(state));
}

/* Reads the rows of a batch; false when there are none. */
static bool
read_batch(BatchState *state)
{
	PlanState *child = outerPlanState(state);
	const ScanState *scan = state->css.ss.ss_currentRelation != NULL ? (ScanState *) child : NULL;
	int limit = slm_enable_batching ? Min(slm_batch_rows, SLM_BATCH_ROWS) : 1;
	int want = Min(state->want, limit);
	MemoryContext caller = CurrentMemoryContext;
	Size bytes = 0;

	if (state->n_read == 0)
		pass_bound(state);
	if (state->bound > state->n_read)
		want = (int) Min(limit, state->bound - state->n_read);
	while (state->n < want && bytes < SLM_BATCH_BYTES && !state->finished)
	{
		TupleTableSlot *slot = ExecProcNode(child);
		int row = state->n;

		if (TupIsNull(slot))
		{
			state->finished = true;
			break;
		}
		MemoryContextSwitchTo(state->context);
		state->tuple[row] = ExecCopySlotMinimalTuple(slot);
		bytes += row_bytes(state, slot, state->tuple[row]);
		MemoryContextSwitchTo(caller);
		state->tid[row] = (scan != NULL ? scan->ss_ScanTupleSlot : slot)->tts_tid;
		state->table[row] = (scan != NULL ? scan->ss_ScanTupleSlot : slot)->tts_tableOid;
		state->left[row] = row;
		state->n++;
	}
	state->n_left = state->n;
	state->n_read += state->n;
	state->want = Min(2 * want, limit);
	return state->n > 0;
}

/* An argument for the row that is loaded, in the batch's memory. */
static NullableDatum
evaluate(BatchState *state, const BatchCall *call, int i)
{
	NullableDatum value;

	value.value =
		ExecEvalExprSwitchContext(call->arg[i], state->css.ss.ps.ps_ExprContext, &value.isnull);
	if (!value.isnull && !call->stays[i])
		value.value = datumCopy(value.value, call->by_value[i], call->size[i]);
	return value;
}

/* The rows that a call is made for, and their arguments. */
typedef struct CallRows
{
	int n;
	int row[SLM_BATCH_ROWS];
	NullableDatum *arg; /* [n][n_arg]; those that do not vary are left out */
} CallRows;

/* Have two rows the same arguments behind the texts? */
static bool
same_group(const BatchCall *call, const NullableDatum *a, const NullableDatum *b)
{
	for (int i = call->function->n_input; i < call->function->n_arg; i++)
	{
		if (!call->varies[i])
			continue;
		if (a[i].isnull != b[i].isnull)
			return false;
		if (!a[i].isnull &&
			!datum_image_eq(a[i].value, b[i].value, call->by_value[i], call->size[i]))
			return false;
	}
	return true;
}

/* Makes a call for some rows of one group. */
static void
call_group(BatchState *state, BatchCall *call, const CallRows *rows, const int *member, int n)
{
	int n_input = call->function->n_input;
	int n_arg = call->function->n_arg;
	const NullableDatum *first = rows->arg + member[0] * n_arg;
	NullableDatum *input = palloc_array(NullableDatum, n * n_input);
	Datum value[SLM_BATCH_ROWS];
	SlmRowState row_state[SLM_BATCH_ROWS];
	SlmCallCounts counts;

	for (int i = n_input; i < n_arg; i++)
	{
		if (call->varies[i])
			call->fcinfo->args[i] = first[i];
	}
	for (int i = 0; i < n; i++)
		memcpy(input + i * n_input, rows->arg + member[i] * n_arg, n_input * sizeof(*input));
	slm_rows_call(call->function, call->pinned, call->fcinfo, input, n, value, row_state, &counts);

	for (int i = 0; i < n; i++)
	{
		int row = rows->row[member[i]];

		call->value[row] = value[i];
		call->state[row] = row_state[i];
		if (row_state[i] == SLM_ROW_FAILED)
			state->failed[row] = call;
	}
	if (counts.rows > 0)
		state->count[COUNT_BATCHES]++;
	state->count[COUNT_ROWS] += counts.rows;
	state->count[COUNT_REPEATS] += counts.memo_hits;
	state->count[COUNT_TOKENS] += counts.tokens_in;
	state->count[COUNT_TIME] += counts.inference_us;
}

/* Makes a call for the rows that are left. */
static void
make_calls(BatchState *state, BatchCall *call)
{
	int n_arg = call->function->n_arg;
	int n_input = call->function->n_input;
	int member[SLM_BATCH_ROWS];
	bool done[SLM_BATCH_ROWS] = {false};
	CallRows rows;

	rows.n = 0;
	rows.arg = palloc0_array(NullableDatum, state->n_left * n_arg);
	for (int i = 0; i < state->n_left; i++)
	{
		NullableDatum *arg = rows.arg + rows.n * n_arg;

		if (state->failed[state->left[i]] != NULL)
			continue;
		load_row(state, state->left[i]);
		for (int j = 0; j < n_arg; j++)
		{
			if (call->varies[j] || j < n_input)
				arg[j] = evaluate(state, call, j);
			else if (rows.n == 0)
				call->fcinfo->args[j] = evaluate(state, call, j);
		}
		rows.row[rows.n++] = state->left[i];
		ResetExprContext(state->css.ss.ps.ps_ExprContext);
	}

	for (int i = 0; i < rows.n; i++)
	{
		int n = 0;

		for (int j = i; j < rows.n; j++)
		{
			if (done[j] ||
				(!call->one_group && !same_group(call, rows.arg + i * n_arg, rows.arg + j * n_arg)))
				continue;
			done[j] = true;
			member[n++] = j;
		}
		if (n > 0)
			call_group(state, call, &rows, member, n);
	}
}

/* Drops the rows that do not pass. */
static void
filter(BatchState *state, ExprState *qual)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	int n = 0;

	for (int i = 0; i < state->n_left; i++)
	{
		int row = state->left[i];

		if (state->failed[row] == NULL)
		{
			load_row(state, row);
			ResetExprContext(econtext);
			if (!ExecQual(qual, econtext))
				continue;
		}
		state->left[n++] = row;
	}
	InstrCountFiltered1(state, state->n_left - n);
	state->n_left = n;
}

/* Reads and computes a batch; false at the end. */
static bool
next_batch(BatchState *state)
{
	MemoryContext caller;
	ListCell *cell;

	forget_batch(state);
	if (state->finished || !read_batch(state))
		return false;
	caller = MemoryContextSwitchTo(state->context);
	foreach (cell, state->stages)
	{
		const BatchStage *stage = lfirst(cell);
		ListCell *inner;

		foreach (inner, stage->calls)
			make_calls(state, lfirst(inner));
		if (stage->qual != NULL)
			filter(state, stage->qual);
	}
	MemoryContextSwitchTo(caller);
	return true;
}

static TupleTableSlot *
give(CustomScanState *css)
{
	BatchState *state = (BatchState *) css;
	ExprContext *econtext = css->ss.ps.ps_ExprContext;
	int row;

	while (state->next == state->n_left)
	{
		CHECK_FOR_INTERRUPTS();
		ResetExprContext(econtext);
		if (!next_batch(state))
			return ExecClearTuple(css->ss.ss_ScanTupleSlot);
	}
	row = state->left[state->next++];
	ResetExprContext(econtext);
	load_row(state, row);
	if (state->failed[row] != NULL)
	{
		bool is_null;

		(void) ExecEvalExprSwitchContext(state->failed[row]->scalar, econtext, &is_null);
		elog(ERROR, "a row failed among others and does not on its own");
	}
	return css->ss.ps.ps_ProjInfo != NULL ? ExecProject(css->ss.ps.ps_ProjInfo)
										  : css->ss.ss_ScanTupleSlot;
}

static void
rescan(CustomScanState *css)
{
	BatchState *state = (BatchState *) css;
	PlanState *child = outerPlanState(state);

	forget_batch(state);
	if (!state->finished)
		state->want = 1; /* who stopped early may do so again */
	state->finished = false;
	state->n_read = 0;
	if (child->chgParam == NULL)
		ExecReScan(child);
}

/* ---- The end ---- */

static void
end(CustomScanState *css)
{
	BatchState *state = (BatchState *) css;

	slm_batch_report(css);
	if (state->segment != NULL)
		dsm_detach(state->segment);
	ExecClearTuple(state->base);
	MemoryContextDelete(state->context);
	ExecEndNode(outerPlanState(state));
}

void
slm_batch_scan_init(void)
{
	scan_methods.CustomName = "SlmBatch";
	scan_methods.CreateCustomScanState = create_state;
	exec_methods.CustomName = "SlmBatch";
	exec_methods.BeginCustomScan = begin;
	exec_methods.ExecCustomScan = give;
	exec_methods.EndCustomScan = end;
	exec_methods.ReScanCustomScan = rescan;
	exec_methods.EstimateDSMCustomScan = slm_batch_estimate_shared;
	exec_methods.InitializeDSMCustomScan = slm_batch_start_shared;
	exec_methods.InitializeWorkerCustomScan = slm_batch_join_shared;
	exec_methods.ShutdownCustomScan = slm_batch_report;
	exec_methods.ExplainCustomScan = slm_batch_explain;
	RegisterCustomScanMethods(&scan_methods);
}
