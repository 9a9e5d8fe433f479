/*
 * batch_scan.h - the plan node that computes calls for many rows at once
 *
 * A node SlmBatch stands above its child (lefttree) and reads some rows ahead.
 * Its scan tuple (custom_scan_tlist) has first what it takes from the child, each
 * an OUTER_VAR, and then one column per call, whose arguments are columns of the
 * same tuple that stand before it.  Its qualifications, in their order, and its
 * target list are made of those columns.  The former are its custom_exprs: those
 * of a plan node EXPLAIN would show without names of tables.
 */
#ifndef SLM_PG_BATCH_SCAN_H
#define SLM_PG_BATCH_SCAN_H

#include "nodes/plannodes.h"

/* From _PG_init: makes the node known, also to parallel workers. */
extern void slm_batch_scan_init(void);

/* A node without costs, target list and child. */
extern CustomScan *slm_batch_scan_make(List *scan_tlist, List *quals);
extern bool slm_is_batch_scan(const Plan *plan);

/*
 * Tells a node without qualifications that no more rows will be asked for than a
 * LIMIT's two expressions say, of which each may be NULL.
 */
extern void slm_batch_scan_set_limit(CustomScan *scan, Node *count, Node *offset);

#endif
