/*
 * json_node.h - JSON as a flat array of nodes
 *
 * The engine parses no JSON: src/pg turns a jsonb into these.  Containers come
 * before what is in them, so the children of node i are i + 1, then each one's
 * next, until node i's own next.
 */
#ifndef SLM_TASK_JSON_NODE_H
#define SLM_TASK_JSON_NODE_H

#include <stdbool.h>
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

/* The member of a key in an object; the object's next where there is none. */
static inline uint32_t
slm_json_member(const SlmJsonNode *node, uint32_t object, SlmText key)
{
	uint32_t at = object + 1;

	while (at < node[object].next && slm_text_compare(node[at].key, key) != 0)
		at = node[at].next;
	return at;
}

/* Is the text among the strings of an array (0: in none)? */
static inline bool
slm_json_lists(const SlmJsonNode *node, uint32_t array, SlmText text)
{
	if (array == 0)
		return false;
	for (uint32_t at = array + 1; at < node[array].next; at = node[at].next)
		if (slm_text_compare(node[at].text, text) == 0)
			return true;
	return false;
}

#endif
