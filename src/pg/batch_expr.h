/*
 * batch_expr.h - calls in expressions, and expressions over columns
 *
 * Private to batch_plan.c.  Expressions are those of a finished plan.
 */
#ifndef SLM_PG_BATCH_EXPR_H
#define SLM_PG_BATCH_EXPR_H

#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

/*
 * True when an expression calls a volatile function that may change what a call
 * or a later row sees, or that must not be called for a row that is not given.
 */
extern bool slm_has_effects(Node *node, void *context);

/*
 * Adds what an expression takes from below its node to a list, each once: Vars,
 * aggregates and the like.  True: there is something that cannot be moved.
 */
extern bool slm_collect_base(Node *node, List **base);

/*
 * Adds the calls of functions over rows that are evaluated whenever the
 * expression is, have a text that differs by row, and gain from company; each
 * once, those in another's arguments before it.
 */
extern void slm_find_calls(Node *node, List **calls);
extern void slm_find_calls_in_list(List *list, List **calls);

/* The columns that a node above another one has. */
typedef struct SlmColumns
{
	Index varno;      /* of the columns */
	List *base;       /* columns 1..; NIL: columns of the outer plan keep their numbers */
	List *calls;      /* columns that follow */
	int first_call;   /* column of the first of these */
	int n_call_known; /* how many of them may be used: the rest is computed later */
} SlmColumns;

/* Column number, from 1, in place of an expression. */
extern Node *slm_column(const SlmColumns *columns, Node *node, int number);

/* An expression with columns in place of what they hold. */
extern Node *slm_to_columns(Node *node, SlmColumns *columns);

#endif
