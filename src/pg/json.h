/*
 * json.h - a jsonb as the flat nodes that src/task reads
 */
#ifndef SLM_PG_JSON_H
#define SLM_PG_JSON_H

#include "utils/jsonb.h"

#include "task/json_node.h"

/*
 * Nodes of a jsonb that is not toasted, palloc'd; node 0 is the root.  Keys and
 * strings in UTF-8; an error (22P05) where one has no such form, what names them.
 */
extern SlmJsonNode *slm_json_nodes(const Jsonb *json, const char *what, uint32 *n);

#endif
