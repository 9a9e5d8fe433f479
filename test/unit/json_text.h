/*
 * json_text.h - JSON for tests: text to nodes
 *
 * What src/pg makes of a jsonb, for programs without PostgreSQL.  Reads JSON that
 * a test wrote, without escapes in its strings; anything else ends the program.
 */
#ifndef SLM_TEST_JSON_TEXT_H
#define SLM_TEST_JSON_TEXT_H

#include "task/json_node.h"

#define JSON_TEXT_NODES 20000

typedef struct JsonText
{
	SlmJsonNode node[JSON_TEXT_NODES];
	uint32_t n;
} JsonText;

/* The texts of the nodes lie in json. */
extern void json_text_read(JsonText *out, const char *json);

#endif
