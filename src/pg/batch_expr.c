/*
 * batch_expr.c - calls in expressions, and expressions over columns
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "pg/batch_expr.h"
#include "pg/pg_compat.h"
#include "pg/rows.h"

/* Volatile functions that change nothing which a call or a later row could see. */
static bool
is_harmless(Oid funcid)
{
	switch (funcid)
	{
		case F_RANDOM:
		case F_NEXTVAL:
		case F_CURRVAL:
		case F_LASTVAL:
		case F_CLOCK_TIMESTAMP:
		case F_TIMEOFDAY:
		case F_GEN_RANDOM_UUID:
			return true;
	}
	return false;
}

static bool
function_has_effects(Oid funcid, void *context)
{
	return func_volatile(funcid) == PROVOLATILE_VOLATILE && !is_harmless(funcid);
}

bool
slm_has_effects(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, function_has_effects, NULL))
		return true;
	return expression_tree_walker(node, slm_has_effects, context);
}

/* What an expression takes from below its node, beside parameters. */
static bool
is_base(const Node *node)
{
	return IsA(node, Var) || IsA(node, Aggref) || IsA(node, GroupingFunc) || IsA(node, WindowFunc);
}

static bool
has_base(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return is_base(node) || expression_tree_walker(node, has_base, context);
}

bool
slm_collect_base(Node *node, List **base)
{
	if (node == NULL)
		return false;
	if (is_base(node))
	{
		*base = list_append_unique(*base, node);
		return false;
	}
	return IsA(node, CurrentOfExpr) || expression_tree_walker(node, slm_collect_base, base);
}

/* A call of a function over rows, with a text that differs by row and arguments that stay put. */
static bool
is_batchable(FuncExpr *call)
{
	const SlmRowFunction *function;
	bool pinned;

	if (call->funcid < FirstNormalObjectId || call->funcretset || call->funcvariadic)
		return false;
	function = slm_row_function(call->funcid, &pinned);
	if (function == NULL || list_length(call->args) != function->n_arg ||
		contain_volatile_functions((Node *) call->args) ||
		(function->gains != NULL && !function->gains(call->args)))
		return false;
	for (int i = 0; i < function->n_input; i++)
	{
		if (has_base(list_nth(call->args, i), NULL))
			return true;
	}
	return false;
}

void
slm_find_calls_in_list(List *list, List **calls)
{
	ListCell *cell;

	foreach (cell, list)
		slm_find_calls(lfirst(cell), calls);
}

void
slm_find_calls(Node *node, List **calls)
{
	if (node == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			slm_find_calls_in_list(((FuncExpr *) node)->args, calls);
			if (is_batchable((FuncExpr *) node))
				*calls = list_append_unique(*calls, node);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			slm_find_calls_in_list(((OpExpr *) node)->args, calls);
			break;
		case T_ScalarArrayOpExpr:
			slm_find_calls_in_list(((ScalarArrayOpExpr *) node)->args, calls);
			break;
		case T_BoolExpr:
			if (((BoolExpr *) node)->boolop == NOT_EXPR)
				slm_find_calls_in_list(((BoolExpr *) node)->args, calls);
			break;
		case T_ArrayExpr:
			slm_find_calls_in_list(((ArrayExpr *) node)->elements, calls);
			break;
		case T_RowExpr:
			slm_find_calls_in_list(((RowExpr *) node)->args, calls);
			break;
		case T_MinMaxExpr:
			slm_find_calls_in_list(((MinMaxExpr *) node)->args, calls);
			break;
		case T_SubscriptingRef: /* subscripts of NULL are not evaluated */
			slm_find_calls((Node *) ((SubscriptingRef *) node)->refexpr, calls);
			break;
		case T_RelabelType:
			slm_find_calls((Node *) ((RelabelType *) node)->arg, calls);
			break;
		case T_CoerceViaIO:
			slm_find_calls((Node *) ((CoerceViaIO *) node)->arg, calls);
			break;
		case T_ArrayCoerceExpr:
			slm_find_calls((Node *) ((ArrayCoerceExpr *) node)->arg, calls);
			break;
		case T_CoerceToDomain:
			slm_find_calls((Node *) ((CoerceToDomain *) node)->arg, calls);
			break;
		case T_CollateExpr:
			slm_find_calls((Node *) ((CollateExpr *) node)->arg, calls);
			break;
		case T_FieldSelect:
			slm_find_calls((Node *) ((FieldSelect *) node)->arg, calls);
			break;
		case T_NullTest:
			slm_find_calls((Node *) ((NullTest *) node)->arg, calls);
			break;
		case T_BooleanTest:
			slm_find_calls((Node *) ((BooleanTest *) node)->arg, calls);
			break;
		case T_TargetEntry:
			slm_find_calls((Node *) ((TargetEntry *) node)->expr, calls);
			break;
		default:
			break;
	}
}

static int
position(const List *list, const void *node)
{
	ListCell *cell;

	foreach (cell, list)
	{
		if (equal(lfirst(cell), node))
			return foreach_current_index(cell);
	}
	return -1;
}

Node *
slm_column(const SlmColumns *columns, Node *node, int number)
{
	return (Node *) makeVar(columns->varno, number, exprType(node), exprTypmod(node),
							exprCollation(node), 0);
}

Node *
slm_to_columns(Node *node, SlmColumns *columns)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr))
	{
		int i = position(columns->calls, node);

		if (i >= 0 && i < columns->n_call_known)
			return slm_column(columns, node, columns->first_call + i);
	}
	if (columns->base != NIL && is_base(node))
		return slm_column(columns, node, position(columns->base, node) + 1);
	if (columns->base == NIL && IsA(node, Var) && ((Var *) node)->varno == OUTER_VAR)
		return slm_column(columns, node, ((Var *) node)->varattno);
	return expression_tree_mutator(node, slm_to_columns, columns);
}
