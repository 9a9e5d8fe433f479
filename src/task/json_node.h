/*
 * json_node.h - JSON as a flat array of nodes
 *
 * The engine parses no JSON: src/pg turns a jsonb into these.  Containers come
 * before what is in them, so the children of node i are i + 1, then each one's
 * next, until node i's own next.
 */
#ifndef SLM_TASK_JSON_NODE_H
#define SLM_TASK_JSON_NODE_H

#include <stdint.h>

#include "base/text.h"

typedef enum SlmJsonKind
{
	SLM_JSON_NULL = 0,
	SLM_JSON_FALSE,
	SLM_JSON_TRUE,
	SLM_JSON_NUMBER,
	SLM_JSON_STRING,
	SLM_JSON_ARRAY,
	SLM_JSON_OBJECT
} SlmJsonKind;

typedef struct SlmJsonNode
{
	SlmJsonKind kind;
	uint32_t next; /* index behind this node and all that is in it */
	SlmText key;   /* of a member of an object */
	SlmText text;  /* of a string; a number in plain decimal digits */
} SlmJsonNode;

#endif
