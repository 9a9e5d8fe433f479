/*
 * json_text.c - JSON for tests: text to nodes
 */
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>

static const char *
skip_space(const char *at)
{
	return at + strspn(at, " \t\n");
}

static _Noreturn void
stop(const char *at)
{
	fprintf(stderr, "not JSON that json_text.c reads: %.40s\n", at);
	exit(1);
}

static const char *
read_quoted(const char *at, SlmText *out)
{
	const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;

	if (end == NULL)
		stop(at);
	*out = (SlmText){at + 1, (size_t) (end - at - 1)};
	return end + 1;
}

static const char *read_value(JsonText *json, const char *at, SlmText key);

static const char *
read_container(JsonText *json, const char *at, SlmJsonNode *node)
{
	char close = *at == '{' ? '}' : ']';

	node->kind = *at == '{' ? SLM_JSON_OBJECT : SLM_JSON_ARRAY;
	at = skip_space(at + 1);
	while (*at != close)
	{
		SlmText key = slm_text("");

		if (close == '}')
		{
			at = skip_space(read_quoted(at, &key));
			if (*at++ != ':')
				stop(at);
		}
		at = skip_space(read_value(json, at, key));
		if (*at == ',')
			at = skip_space(at + 1);
		else if (*at != close)
			stop(at);
	}
	return at + 1;
}

static const char *
read_value(JsonText *json, const char *at, SlmText key)
{
	SlmJsonNode *node = &json->node[json->n++];

	if (json->n == JSON_TEXT_NODES)
		stop("too much");
	at = skip_space(at);
	*node = (SlmJsonNode){.key = key, .text = slm_text("")};
	if (*at == '{' || *at == '[')
		at = read_container(json, at, node);
	else if (*at == '"')
	{
		node->kind = SLM_JSON_STRING;
		at = read_quoted(at, &node->text);
	}
	else if (strncmp(at, "null", 4) == 0)
		at += 4;
	else if (strncmp(at, "true", 4) == 0)
	{
		node->kind = SLM_JSON_TRUE;
		at += 4;
	}
	else if (strncmp(at, "false", 5) == 0)
	{
		node->kind = SLM_JSON_FALSE;
		at += 5;
	}
	else
	{
		node->kind = SLM_JSON_NUMBER;
		node->text = (SlmText){at, strspn(at, "-0123456789.")};
		if (node->text.size == 0)
			stop(at);
		at += node->text.size;
	}
	node->next = json->n;
	return at;
}

void
json_text_read(JsonText *out, const char *json)
{
	out->n = 0;
	json = skip_space(read_value(out, json, slm_text("")));
	if (*json != '\0')
		stop(json);
}
