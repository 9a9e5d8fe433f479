/*
 * json_text.h - JSON for tests: text to nodes
 *
 * What src/pg makes of a jsonb, for programs without PostgreSQL.  Reads JSON that
 * a test wrote, at most about a megabyte; anything else ends the program.
 */
#ifndef SLM_TEST_JSON_TEXT_H
#define SLM_TEST_JSON_TEXT_H

#include "task/json_node.h"

#define JSON_TEXT_NODES 20000
#define JSON_TEXT_BYTES (1 << 20)

typedef struct JsonText
{
	SlmJsonNode node[JSON_TEXT_NODES];
	uint32_t n;
	char text[JSON_TEXT_BYTES]; /* of keys and strings */
	size_t n_text;
} JsonText;

/* The texts of the nodes lie in out, those of numbers in json. */
extern void json_text_read(JsonText *out, const char *json);

#endif
