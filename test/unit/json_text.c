/*
 * json_text.c - JSON for tests: text to nodes
 */
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

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

static uint32_t
read_hex(const char *at)
{
	char digits[5] = {0};

	memcpy(digits, at, strnlen(at, 4));
	return (uint32_t) strtoul(digits, NULL, 16);
}

/* What an escape behind a backslash stands for, as UTF-8 behind the texts so far. */
static const char *
read_escape(JsonText *json, const char *at)
{
	static const char named[] = "b\bf\fn\nr\rt\t\"\"\\\\//";
	uint32_t c;

	for (int i = 0; named[i] != '\0'; i += 2)
		if (named[i] == *at)
		{
			json->text[json->n_text++] = named[i + 1];
			return at + 1;
		}
	if (*at != 'u')
		stop(at);
	c = read_hex(at + 1);
	at += 5;
	if (c >= 0xD800 && c < 0xDC00 && at[0] == '\\' && at[1] == 'u')
	{
		c = 0x10000 + ((c - 0xD800) << 10) + (read_hex(at + 2) - 0xDC00);
		at += 6;
	}
	json->n_text += (size_t) slm_utf8_encode(c, (uint8_t *) json->text + json->n_text);
	return at;
}

static const char *
read_quoted(JsonText *json, const char *at, SlmText *out)
{
	size_t start = json->n_text;

	if (*at++ != '"')
		stop(at);
	while (*at != '"')
	{
		if (*at == '\0' || json->n_text + 8 > sizeof(json->text))
			stop(at);
		if (*at == '\\')
			at = read_escape(json, at + 1);
		else
			json->text[json->n_text++] = *at++;
	}
	*out = (SlmText){json->text + start, json->n_text - start};
	return at + 1;
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
			at = skip_space(read_quoted(json, at, &key));
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
		at = read_quoted(json, at, &node->text);
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
	out->n_text = 0;
	json = skip_space(read_value(out, json, slm_text("")));
	if (*json != '\0')
		stop(json);
}
