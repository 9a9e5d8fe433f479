/*
 * json.c - a jsonb as the flat nodes that src/task reads
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "pg/call.h"
#include "pg/json.h"

/* Nodes in the making, and the containers that are open. */
typedef struct Nodes
{
	const char *what;
	SlmJsonNode *node;
	uint32 n;
	uint32 room;
	uint32 *open; /* [n_open] indexes of containers, outermost first */
	int n_open;
	int open_room;
	SlmText key; /* of the value to come, in an object */
} Nodes;

static SlmJsonNode *
add_node(Nodes *nodes, SlmJsonKind kind)
{
	SlmJsonNode *node;

	if (nodes->n == nodes->room)
	{
		nodes->room *= 2;
		nodes->node = repalloc_huge(nodes->node, nodes->room * sizeof(SlmJsonNode));
	}
	node = &nodes->node[nodes->n++];
	*node = (SlmJsonNode){.kind = kind, .next = nodes->n, .key = nodes->key};
	nodes->key = slm_text("");
	node->text = slm_text("");
	return node;
}

static void
open_container(Nodes *nodes, SlmJsonKind kind)
{
	if (nodes->n_open == nodes->open_room)
	{
		nodes->open_room *= 2;
		nodes->open = repalloc(nodes->open, nodes->open_room * sizeof(uint32));
	}
	nodes->open[nodes->n_open++] = nodes->n;
	(void) add_node(nodes, kind);
}

static SlmText
string_text(const Nodes *nodes, const JsonbValue *value)
{
	return slm_require_utf8(value->val.string.val, value->val.string.len, nodes->what);
}

static void
add_scalar(Nodes *nodes, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			add_node(nodes, SLM_JSON_STRING)->text = string_text(nodes, value);
			break;
		case jbvNumeric:
			add_node(nodes, SLM_JSON_NUMBER)->text = slm_text(DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric))));
			break;
		case jbvBool:
			(void) add_node(nodes, value->val.boolean ? SLM_JSON_TRUE : SLM_JSON_FALSE);
			break;
		default:
			(void) add_node(nodes, SLM_JSON_NULL);
			break;
	}
}

SlmJsonNode *
slm_json_nodes(const Jsonb *json, const char *what, uint32 *n)
{
	Nodes nodes = {.what = what, .room = 64, .open_room = 16, .key = slm_text("")};
	JsonbIterator *iterator = JsonbIteratorInit((JsonbContainer *) &json->root);
	JsonbIteratorToken token;
	JsonbValue value;

	nodes.node = palloc_array(SlmJsonNode, nodes.room);
	nodes.open = palloc_array(uint32, nodes.open_room);
	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
				/* a scalar comes in an array of its own */
				if (!value.val.array.rawScalar)
					open_container(&nodes, SLM_JSON_ARRAY);
				break;
			case WJB_BEGIN_OBJECT:
				open_container(&nodes, SLM_JSON_OBJECT);
				break;
			case WJB_KEY:
				nodes.key = string_text(&nodes, &value);
				break;
			case WJB_ELEM:
			case WJB_VALUE:
				add_scalar(&nodes, &value);
				break;
			case WJB_END_ARRAY:
			case WJB_END_OBJECT:
				if (nodes.n_open > 0)
					nodes.node[nodes.open[--nodes.n_open]].next = nodes.n;
				break;
			default:
				break;
		}
	}
	*n = nodes.n;
	return nodes.node;
}
