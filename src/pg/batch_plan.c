/*
 * batch_plan.c - where a query's calls can be computed for many rows at once
 *
 * A plan is planned as ever, and then rewritten: a node P whose target list or
 * qualifications call a function over rows (rows.h) gets a node SlmBatch above it
 * (batch_scan.h), which does what P did with those calls, and P below gives the
 * columns that this takes:
 *
 *   Seq Scan on t                         Custom Scan (SlmBatch)
 *     Output: id, slm_embed(body)           Output: id, slm_embed(body)
 *     Filter: id > 7 AND                    Filter: slm_filter(body, 'x')
 *             slm_filter(body, 'x')         ->  Seq Scan on t
 *                                                 Output: id, body
 *                                                 Filter: id > 7
 *
 * What keeps the answer the same:
 *
 *   - Only calls that are evaluated whenever their expression is are taken: none
 *     inside of CASE, COALESCE, AND, OR, a SubPlan, or anything unknown.
 *   - Qualifications are in the order of security levels, then cost.  Behind one
 *     that moves up all others do, and P gives bare columns: no expression of the
 *     query sees a row that a qualification before it would have hidden.
 *   - Qualifications move out of a node where they decide about its output rows,
 *     and not where they decide what matches: out of inner joins, not semi joins.
 *   - The node reads ahead: where something below has effects (volatile functions,
 *     row locks), and nothing in between reads all of it anyway, P stays as it is.
 *     So it does when a volatile function beside a call might change its answer.
 *
 * A call in the argument of an aggregate gets a node below the Agg.
 *
 * Without preloading, a session's first query is being planned when this module is
 * loaded.  Such plans are met at ExecutorStart, and a copy is rewritten.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "utils/syscache.h"

#include "pg/batch_expr.h"
#include "pg/batch_plan.h"
#include "pg/batch_scan.h"
#include "pg/guc.h"
#include "pg/pg_compat.h"

static planner_hook_type earlier_planner;
static ExecutorStart_hook_type earlier_executor_start;

/* One rewriting of a statement. */
typedef struct Rewrite
{
	PlannedStmt *stmt;
	int last_id;    /* greatest plan_node_id so far */
	bool look_only; /* changes nothing, only sets found */
	bool found;
} Rewrite;

/* What the nodes above a plan mean for it. */
typedef struct Place
{
	bool in_worker; /* below Gather */
	bool marked;    /* goes back to rows that it has given (a merge join's inner side) */
	bool read_all;  /* read to its end, whoever asks */
} Place;

/* ---- Nodes ---- */

/* Have a node or those below it effects, in what they do before their last row is asked for? */
static bool
plan_has_effects(const Rewrite *rewrite, Plan *plan)
{
	ListCell *cell;

	if (plan == NULL || IsA(plan, Sort) || IsA(plan, Hash))
		return false;
	check_stack_depth();
	if (IsA(plan, LockRows) || IsA(plan, ModifyTable) ||
		slm_has_effects((Node *) plan->targetlist, NULL) ||
		slm_has_effects((Node *) plan->qual, NULL))
		return true;
	switch (nodeTag(plan))
	{
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			if (slm_has_effects((Node *) ((Join *) plan)->joinqual, NULL))
				return true;
			break;
		case T_Append:
			foreach (cell, ((Append *) plan)->appendplans)
			{
				if (plan_has_effects(rewrite, lfirst(cell)))
					return true;
			}
			break;
		case T_MergeAppend:
			foreach (cell, ((MergeAppend *) plan)->mergeplans)
			{
				if (plan_has_effects(rewrite, lfirst(cell)))
					return true;
			}
			break;
		case T_SubqueryScan:
			if (plan_has_effects(rewrite, ((SubqueryScan *) plan)->subplan))
				return true;
			break;
		case T_CteScan:
			if (plan_has_effects(
					rewrite, list_nth(rewrite->stmt->subplans, ((CteScan *) plan)->ctePlanId - 1)))
				return true;
			break;
		case T_Agg:
			if (((Agg *) plan)->aggstrategy == AGG_HASHED || ((Agg *) plan)->numCols == 0)
				return false; /* reads all before it gives the first row */
			break;
		default:
			break;
	}
	return plan_has_effects(rewrite, plan->lefttree) || plan_has_effects(rewrite, plan->righttree);
}

/* Does a node evaluate its target list for each row that it gives? */
static bool
projects(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_ValuesScan:
		case T_TableFuncScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_WorkTableScan:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Agg:
		case T_Group:
		case T_WindowAgg:
		case T_Gather:
		case T_GatherMerge:
			return true;
		case T_ForeignScan:
			return ((const ForeignScan *) plan)->operation == CMD_SELECT;
		case T_Result:
			return plan->lefttree != NULL && ((const Result *) plan)->resconstantqual == NULL;
		default:
			return false;
	}
}

/* The list of a node's qualifications that only decide which rows it gives; NULL: there is none. */
static List **
movable_quals(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			if (((Join *) plan)->jointype == JOIN_INNER && plan->qual == NIL)
				return &((Join *) plan)->joinqual;
			return &plan->qual;
		case T_WindowAgg: /* they end the run of its window functions */
			return NULL;
		default:
			return &plan->qual;
	}
}

/* Gives a node the costs, parameters and place of the one it stands in for. */
static void
take_place(Rewrite *rewrite, CustomScan *scan, Plan *plan, const Place *place)
{
	Plan *node = &scan->scan.plan;

	node->startup_cost = plan->startup_cost;
	node->total_cost = plan->total_cost;
	node->plan_rows = plan->plan_rows;
	node->plan_width = plan->plan_width;
	node->parallel_safe = plan->parallel_safe;
	node->parallel_aware = place->in_worker; /* to count what workers do */
	node->extParam = bms_copy(plan->extParam);
	node->allParam = bms_copy(plan->allParam);
	node->initPlan = plan->initPlan;
	plan->initPlan = NIL;
	SLM_COPY_DISABLED_NODES(node, plan);
	node->plan_node_id = ++rewrite->last_id;
}

static List *
make_tlist(List *expressions)
{
	List *tlist = NIL;
	ListCell *cell;

	foreach (cell, expressions)
		tlist = lappend(tlist, makeTargetEntry(lfirst(cell), list_length(tlist) + 1, NULL, false));
	return tlist;
}

/*
 * The scan tuple of a node: base columns as they come from the child, and calls
 * over the columns before them.
 */
static List *
make_scan_tlist(List *from_child, SlmColumns *columns)
{
	List *expressions = list_copy(from_child);
	ListCell *cell;

	foreach (cell, columns->calls)
	{
		columns->n_call_known = foreach_current_index(cell);
		expressions = lappend(expressions, slm_to_columns(lfirst(cell), columns));
	}
	return make_tlist(expressions);
}

/* A plan that has a node for a function is no good any more when the function changes. */
static void
depend_on(PlannedStmt *stmt, const List *calls)
{
	ListCell *cell;

	foreach (cell, calls)
	{
		PlanInvalItem *item = makeNode(PlanInvalItem);

		item->cacheId = PROCOID;
		item->hashValue = GetSysCacheHashValue1(
			PROCOID, ObjectIdGetDatum(castNode(FuncExpr, lfirst(cell))->funcid));
		stmt->invalItems = lappend(stmt->invalItems, item);
	}
}

/* OUTER_VARs of a target list's columns. */
static List *
outer_columns(List *tlist)
{
	List *vars = NIL;
	ListCell *cell;

	foreach (cell, tlist)
	{
		const TargetEntry *entry = lfirst(cell);

		vars = lappend(vars, makeVarFromTargetEntry(OUTER_VAR, (TargetEntry *) entry));
	}
	return vars;
}

/* The calls of a node that can be computed above it, and what that takes. */
typedef struct Candidate
{
	List **quals;
	int n_stay;  /* leading qualifications that stay */
	List *moved; /* the others */
	int *known;  /* [moved] how many of the calls are known when it is evaluated */
	List *calls; /* of those, then of the target list */
	List *base;  /* what they and the target list take from below */
} Candidate;

static bool
find_candidate(const Rewrite *rewrite, Plan *plan, const Place *place, Candidate *out)
{
	Node *tlist = (Node *) plan->targetlist;
	ListCell *cell;

	memset(out, 0, sizeof(*out));
	if (!projects(plan) || plan->async_capable || place->marked)
		return false;
	out->quals = movable_quals(plan);
	if (out->quals != NULL && *out->quals != NIL)
	{
		out->known = palloc_array(int, list_length(*out->quals));
		foreach (cell, *out->quals)
		{
			slm_find_calls(lfirst(cell), &out->calls);
			if (out->calls != NIL || IsA(plan, Result)) /* which has no columns of its own */
			{
				out->known[list_length(out->moved)] = list_length(out->calls);
				out->moved = lappend(out->moved, lfirst(cell));
			}
			else
				out->n_stay++;
		}
	}
	slm_find_calls_in_list(plan->targetlist, &out->calls);
	if (out->calls == NIL)
		return false;
	return !slm_collect_base((Node *) out->moved, &out->base) &&
		   !slm_collect_base(tlist, &out->base) && !slm_has_effects((Node *) out->moved, NULL) &&
		   !slm_has_effects(tlist, NULL) && (place->read_all || !plan_has_effects(rewrite, plan));
}

/* Computes a node's calls above it; gives what is in its place then. */
static Plan *
batch_above(Rewrite *rewrite, Plan *plan, const Place *place)
{
	bool replaced = IsA(plan, Result);
	SlmColumns columns = {.varno = INDEX_VAR};
	Candidate found;
	CustomScan *scan;
	List *base_tlist;
	List *quals = NIL;
	ListCell *cell;

	if (!find_candidate(rewrite, plan, place, &found))
		return plan;
	rewrite->found = true;
	if (rewrite->look_only)
		return plan;

	depend_on(rewrite->stmt, found.calls);
	columns.base = found.base;
	columns.calls = found.calls;
	columns.first_call = list_length(found.base) + 1;
	base_tlist = make_tlist(found.base);
	foreach (cell, found.moved)
	{
		columns.n_call_known = found.known[foreach_current_index(cell)];
		quals = lappend(quals, slm_to_columns(lfirst(cell), &columns));
	}
	scan = slm_batch_scan_make(
		make_scan_tlist(replaced ? found.base : outer_columns(base_tlist), &columns), quals);
	columns.n_call_known = list_length(found.calls);
	scan->scan.plan.targetlist = (List *) slm_to_columns((Node *) plan->targetlist, &columns);
	take_place(rewrite, scan, plan, place);
	if (replaced)
	{
		scan->scan.plan.lefttree = plan->lefttree;
		return &scan->scan.plan;
	}

	scan->scan.plan.lefttree = plan;
	plan->targetlist = base_tlist;
	if (found.moved != NIL)
	{
		*found.quals = list_truncate(list_copy(*found.quals), found.n_stay);
		/* The match that ended a search may now be one that the node above refuses. */
		if (found.quals != &plan->qual)
			((Join *) plan)->inner_unique = false;
	}
	return &scan->scan.plan;
}

/* Calls in the arguments of aggregates that each input row evaluates. */
static bool
find_aggregated(Node *node, List **calls)
{
	Aggref *aggregate = (Aggref *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, Aggref))
		return expression_tree_walker(node, find_aggregated, calls);
	if (aggregate->aggfilter != NULL)
		slm_find_calls((Node *) aggregate->aggfilter, calls);
	else
		slm_find_calls_in_list(aggregate->args, calls);
	return false;
}

/* Computes the calls in an aggregation's arguments below it. */
static void
batch_below(Rewrite *rewrite, Plan *plan, const Place *place)
{
	SlmColumns columns = {.varno = INDEX_VAR};
	Plan *child = plan->lefttree;
	CustomScan *scan;
	List *tlist;
	ListCell *cell;

	(void) find_aggregated((Node *) plan->targetlist, &columns.calls);
	(void) find_aggregated((Node *) plan->qual, &columns.calls);
	if (columns.calls == NIL || slm_has_effects((Node *) plan->targetlist, NULL) ||
		slm_has_effects((Node *) plan->qual, NULL) ||
		(!place->read_all && plan_has_effects(rewrite, child)))
		return;
	rewrite->found = true;
	if (rewrite->look_only)
		return;

	depend_on(rewrite->stmt, columns.calls);
	columns.first_call = list_length(child->targetlist) + 1;
	scan = slm_batch_scan_make(make_scan_tlist(outer_columns(child->targetlist), &columns), NIL);
	tlist = (List *) copyObject(child->targetlist);
	foreach (cell, tlist)
	{
		TargetEntry *entry = lfirst(cell);

		entry->expr = (Expr *) slm_column(&columns, (Node *) entry->expr, entry->resno);
	}
	foreach (cell, columns.calls)
		tlist = lappend(tlist, makeTargetEntry((Expr *) slm_column(&columns, lfirst(cell),
																   list_length(tlist) + 1),
											   list_length(tlist) + 1, NULL, false));
	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.lefttree = child;
	take_place(rewrite, scan, child, place);
	plan->lefttree = &scan->scan.plan;

	columns.varno = OUTER_VAR;
	columns.n_call_known = list_length(columns.calls);
	plan->targetlist = (List *) slm_to_columns((Node *) plan->targetlist, &columns);
	plan->qual = (List *) slm_to_columns((Node *) plan->qual, &columns);
}

/*
 * Hands a LIMIT on to the nodes that give it all they read: on the way on which
 * PostgreSQL itself tells a Sort, where such a node would be in between.
 */
static void
hand_on_limit(Plan *plan, Node *count, Node *offset)
{
	ListCell *cell;

	if (plan == NULL)
		return;
	switch (nodeTag(plan))
	{
		case T_CustomScan:
			if (slm_is_batch_scan(plan) && ((CustomScan *) plan)->custom_exprs == NIL)
				slm_batch_scan_set_limit((CustomScan *) plan, copyObject(count),
										 copyObject(offset));
			break;
		case T_Append:
			foreach (cell, ((Append *) plan)->appendplans)
				hand_on_limit(lfirst(cell), count, offset);
			break;
		case T_MergeAppend:
			foreach (cell, ((MergeAppend *) plan)->mergeplans)
				hand_on_limit(lfirst(cell), count, offset);
			break;
		case T_SubqueryScan:
			if (plan->qual == NIL)
				hand_on_limit(((SubqueryScan *) plan)->subplan, count, offset);
			break;
		case T_Result:
			hand_on_limit(plan->lefttree, count, offset);
			break;
		case T_Gather:
		case T_GatherMerge:
			/* A worker has not each parameter. */
			if (IsA(count, Const) && (offset == NULL || IsA(offset, Const)))
				hand_on_limit(plan->lefttree, count, offset);
			break;
		default:
			break;
	}
}

static void
use_limit(const Limit *limit)
{
	Node *both = (Node *) list_make2(limit->limitCount, limit->limitOffset);

	if (limit->limitOption == LIMIT_OPTION_COUNT && limit->limitCount != NULL &&
		!contain_volatile_functions(both) && !contain_subplans(both))
		hand_on_limit(limit->plan.lefttree, limit->limitCount, limit->limitOffset);
}

static Plan *
rewrite_plan(Rewrite *rewrite, Plan *plan, Place place)
{
	Place outer = {.in_worker = place.in_worker, .read_all = place.read_all};
	Place inner = {.in_worker = place.in_worker};
	ListCell *cell;

	if (plan == NULL || (rewrite->look_only && rewrite->found))
		return plan;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_CustomScan:
			if (!slm_is_batch_scan(plan))
				return plan; /* another module's, which may know its children by their types */
			break;
		case T_Append:
			foreach (cell, ((Append *) plan)->appendplans)
				lfirst(cell) = rewrite_plan(rewrite, lfirst(cell), outer);
			break;
		case T_MergeAppend:
			foreach (cell, ((MergeAppend *) plan)->mergeplans)
				lfirst(cell) = rewrite_plan(rewrite, lfirst(cell), outer);
			break;
		case T_SubqueryScan:
			((SubqueryScan *) plan)->subplan =
				rewrite_plan(rewrite, ((SubqueryScan *) plan)->subplan, outer);
			break;
		case T_Gather:
		case T_GatherMerge:
			outer.in_worker = true;
			break;
		case T_ModifyTable:
		case T_Sort:
		case T_Hash:
			outer.read_all = true;
			break;
		case T_Agg:
			if (((Agg *) plan)->aggstrategy == AGG_HASHED ||
				((Agg *) plan)->aggstrategy == AGG_PLAIN)
				outer.read_all = true;
			break;
		case T_Limit:
			outer.read_all = false;
			break;
		case T_Result:
			outer.marked = place.marked;
			break;
		case T_MergeJoin:
			outer.read_all = false;
			inner.marked = !((MergeJoin *) plan)->skip_mark_restore;
			break;
		case T_HashJoin:
			inner.read_all = true;
			break;
		default:
			break;
	}
	plan->lefttree = rewrite_plan(rewrite, plan->lefttree, outer);
	plan->righttree = rewrite_plan(rewrite, plan->righttree, inner);
	if (IsA(plan, Agg))
		batch_below(rewrite, plan, &outer);
	if (IsA(plan, Limit) && !rewrite->look_only)
		use_limit((Limit *) plan);
	return batch_above(rewrite, plan, &place);
}

/* The greatest plan_node_id of a plan. */
static int
last_plan_node_id(const Plan *plan)
{
	const List *children = NIL;
	const Plan *subplan = NULL;
	const ListCell *cell;
	int last;

	if (plan == NULL)
		return 0;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_Append:
			children = ((const Append *) plan)->appendplans;
			break;
		case T_MergeAppend:
			children = ((const MergeAppend *) plan)->mergeplans;
			break;
		case T_BitmapAnd:
			children = ((const BitmapAnd *) plan)->bitmapplans;
			break;
		case T_BitmapOr:
			children = ((const BitmapOr *) plan)->bitmapplans;
			break;
		case T_CustomScan:
			children = ((const CustomScan *) plan)->custom_plans;
			break;
		case T_SubqueryScan:
			subplan = ((const SubqueryScan *) plan)->subplan;
			break;
		default:
			break;
	}
	last = Max(plan->plan_node_id, last_plan_node_id(subplan));
	last = Max(last, last_plan_node_id(plan->lefttree));
	last = Max(last, last_plan_node_id(plan->righttree));
	foreach (cell, children)
		last = Max(last, last_plan_node_id(lfirst(cell)));
	return last;
}

/* Rewrites a statement, or only looks whether there is something to be rewritten. */
static bool
rewrite_statement(PlannedStmt *stmt, bool look_only)
{
	Rewrite rewrite = {.stmt = stmt, .look_only = look_only};
	ListCell *cell;

	rewrite.last_id = last_plan_node_id(stmt->planTree);
	foreach (cell, stmt->subplans)
		rewrite.last_id = Max(rewrite.last_id, last_plan_node_id(lfirst(cell)));
	foreach (cell, stmt->subplans)
		lfirst(cell) = rewrite_plan(&rewrite, lfirst(cell), (Place){0});
	stmt->planTree = rewrite_plan(&rewrite, stmt->planTree, (Place){0});
	return rewrite.found;
}

/* ---- Hooks ---- */

static PlannedStmt *
batch_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params)
{
	PlannedStmt *stmt = earlier_planner != NULL
							? earlier_planner(parse, query_string, cursor_options, params)
							: standard_planner(parse, query_string, cursor_options, params);

	/* The node does not go backward. */
	if (slm_enable_batching && (cursor_options & CURSOR_OPT_SCROLL) == 0)
		(void) rewrite_statement(stmt, false);
	return stmt;
}

/*
 * A plan that was made before this module was there.  It may be in a cache, so a
 * copy is rewritten.
 */
static void
batch_executor_start(QueryDesc *query, int eflags)
{
	PlannedStmt *stmt = query->plannedstmt;

	if (slm_enable_batching && (eflags & EXEC_FLAG_BACKWARD) == 0 && !IsParallelWorker() &&
		stmt->commandType != CMD_UTILITY && rewrite_statement(stmt, true))
	{
		MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(query));

		query->plannedstmt = copyObject(stmt);
		(void) rewrite_statement(query->plannedstmt, false);
		MemoryContextSwitchTo(caller);
	}
	if (earlier_executor_start != NULL)
		earlier_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

void
slm_batch_plan_init(void)
{
	earlier_planner = planner_hook;
	planner_hook = batch_planner;
	if (process_shared_preload_libraries_in_progress)
		return; /* every plan will have been made by batch_planner() */
	earlier_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = batch_executor_start;
}
