/*
 * grammar_keywords.c - the keywords of one schema, and errors that name them
 */
#include "base/ascii.h"
#include "task/grammar_compile.h"

#include <stdio.h>

static const struct
{
	const char *name;
	unsigned kinds; /* of values it may have */
} keywords[KEYWORD_COUNT] = {
	[TYPE] = {"type", KIND(STRING) | KIND(ARRAY)},
	[ENUM] = {"enum", KIND(ARRAY)},
	[CONST] = {"const", ANY_KIND},
	[PROPERTIES] = {"properties", KIND(OBJECT)},
	[REQUIRED] = {"required", KIND(ARRAY)},
	[ADDITIONAL] = {"additionalProperties", KIND(TRUE) | KIND(FALSE) | KIND(OBJECT)},
	[ORDERING] = {"propertyOrdering", KIND(ARRAY)},
	[ITEMS] = {"items", KIND(OBJECT) | KIND(ARRAY) | KIND(TRUE) | KIND(FALSE)},
	[MIN_ITEMS] = {"minItems", KIND(NUMBER)},
	[MAX_ITEMS] = {"maxItems", KIND(NUMBER)},
	[MIN_LENGTH] = {"minLength", KIND(NUMBER)},
	[MAX_LENGTH] = {"maxLength", KIND(NUMBER)},
	[PATTERN] = {"pattern", KIND(STRING)},
	[FORMAT] = {"format", KIND(STRING)},
	[MINIMUM] = {"minimum", KIND(NUMBER)},
	[MAXIMUM] = {"maximum", KIND(NUMBER)},
	[EXCLUSIVE_MINIMUM] = {"exclusiveMinimum", KIND(NUMBER)},
	[EXCLUSIVE_MAXIMUM] = {"exclusiveMaximum", KIND(NUMBER)},
	[ANY_OF] = {"anyOf", KIND(ARRAY)},
	[ONE_OF] = {"oneOf", KIND(ARRAY)},
	[ALL_OF] = {"allOf", KIND(ARRAY)},
	[REF] = {"$ref", KIND(STRING)},
};

/* Ask for nothing. */
static const char *const annotations[] = {
	"$schema", "$id",      "$comment", "$defs",      "definitions", "title",
	"default", "examples", "readOnly", "deprecated", "writeOnly",   "description",
};

static const char *const type_names[TYPE_COUNT] = {
	"string", "number", "integer", "boolean", "null", "object", "array",
};

const char *
slm_grammar_quote(Compiler *c, SlmText text)
{
	return slm_error_quote(c->quoted, sizeof(c->quoted), text.data, text.size);
}

size_t
slm_grammar_push_path(Compiler *c, const char *keyword, SlmText name)
{
	size_t before = c->n_path;
	int n = snprintf(c->path + before, sizeof(c->path) - before, "/%s%s%s", keyword,
					 name.size > 0 ? "/" : "", slm_grammar_quote(c, name));

	if (n > 0 && before + (size_t) n < sizeof(c->path))
		c->n_path = before + (size_t) n;
	return before;
}

void
slm_grammar_pop_path(Compiler *c, size_t before)
{
	c->path[before] = '\0';
	c->n_path = before;
}

SlmStatus
slm_grammar_unsupported(Compiler *c, SlmText keyword, const char *why)
{
	return slm_fail(c->err, SLM_ERR_UNSUPPORTED, "keyword \"%s\" at %s %s",
					slm_grammar_quote(c, keyword), c->path, why);
}

SlmStatus
slm_grammar_wrong(Compiler *c, Keyword keyword, const char *why)
{
	return slm_fail(c->err, SLM_ERR_ARGUMENT, "keyword \"%s\" at %s %s", keywords[keyword].name,
					c->path, why);
}

SlmStatus
slm_grammar_too_many(Compiler *c, const char *what, int limit)
{
	return slm_fail(c->err, SLM_ERR_LIMIT, "schema at %s exceeds the limit of %d %s", c->path,
					limit, what);
}

const char *
slm_grammar_keyword(Keyword keyword)
{
	return keywords[keyword].name;
}

static bool
is_annotation(SlmText key)
{
	for (size_t i = 0; i < sizeof(annotations) / sizeof(annotations[0]); i++)
		if (slm_text_compare(key, slm_text(annotations[i])) == 0)
			return true;
	return false;
}

SlmStatus
slm_grammar_read_keywords(Compiler *c, uint32_t object, Keywords *out)
{
	const SlmJsonNode *node = c->node;

	memset(out, 0, sizeof(*out));
	for (uint32_t at = object + 1; at < node[object].next; at = node[at].next)
	{
		int i = 0;

		while (i < KEYWORD_COUNT && slm_text_compare(node[at].key, slm_text(keywords[i].name)) != 0)
			i++;
		if (i == KEYWORD_COUNT && is_annotation(node[at].key))
			continue;
		if (i == KEYWORD_COUNT)
			return slm_grammar_unsupported(c, node[at].key, "is not supported");
		if ((keywords[i].kinds & 1U << node[at].kind) == 0)
			return slm_grammar_wrong(c, (Keyword) i, "has a value of a wrong type");
		out->at[i] = at;
		out->there |= BIT(i);
	}
	return SLM_OK;
}

/* Refuses keywords of a set that stand beside one that they cannot stand beside. */
SlmStatus
slm_grammar_refuse_beside(Compiler *c, const Keywords *k, uint32_t set, const char *why)
{
	for (int i = 0; i < KEYWORD_COUNT; i++)
		if ((k->there & set & BIT(i)) != 0)
			return slm_grammar_unsupported(c, slm_text(keywords[i].name), why);
	return SLM_OK;
}

SlmStatus
slm_grammar_read_count(Compiler *c, const Keywords *k, Keyword keyword, uint32_t limit,
					   uint32_t *out)
{
	SlmText text = c->node[k->at[keyword]].text;
	uint32_t value = 0;
	size_t n = 0;

	if (k->at[keyword] == 0)
		return SLM_OK;
	for (; n < text.size && slm_is_digit((uint8_t) text.data[n]); n++)
	{
		if (value > limit)
			break;
		value = value * 10 + (uint32_t) (text.data[n] - '0');
	}
	if (value > limit)
		return slm_fail(c->err, SLM_ERR_LIMIT, "keyword \"%s\" at %s exceeds the limit of %u",
						keywords[keyword].name, c->path, limit);
	/* 2.0 is a whole number too */
	for (size_t i = n; i < text.size; i++)
		if (text.data[i] != '0' && !(i == n && text.data[i] == '.' && n > 0))
			return slm_grammar_wrong(c, keyword, "is not a whole number of at least 0");
	*out = value;
	return SLM_OK;
}

/* Types that are named, or that the other keywords speak of. */
SlmStatus
slm_grammar_read_types(Compiler *c, const Keywords *k, unsigned *out)
{
	const SlmJsonNode *node = c->node;
	uint32_t at = k->at[TYPE];
	bool is_list = node[at].kind == SLM_JSON_ARRAY;
	uint32_t end = is_list ? node[at].next : at + 1;

	*out = 0;
	if (at == 0)
	{
		if ((k->there & (BIT(ENUM) | BIT(CONST))) != 0)
			*out = ~0U;
		else if ((k->there & OBJECT_KEYWORDS) != 0)
			*out = BIT(TYPE_OBJECT);
		else if ((k->there & ARRAY_KEYWORDS) != 0)
			*out = BIT(TYPE_ARRAY);
		else if ((k->there & STRING_KEYWORDS) != 0)
			*out = BIT(TYPE_STRING);
		else if ((k->there & NUMBER_KEYWORDS) != 0)
			*out = BIT(TYPE_NUMBER);
		else
			return slm_fail(c->err, SLM_ERR_UNSUPPORTED,
							"a schema of any value, at %s, is not supported", c->path);
		return SLM_OK;
	}
	for (uint32_t item = is_list ? at + 1 : at; item < end; item = node[item].next)
	{
		int type = 0;

		while (type < TYPE_COUNT &&
			   (node[item].kind != SLM_JSON_STRING ||
				slm_text_compare(node[item].text, slm_text(type_names[type])) != 0))
			type++;
		if (type == TYPE_COUNT)
			return slm_grammar_wrong(c, TYPE, "names what is no type of JSON Schema");
		*out |= BIT(type);
	}
	if (*out == 0)
		return slm_grammar_wrong(c, TYPE, "names no type");
	/* every integer is a number */
	if ((*out & BIT(TYPE_NUMBER)) != 0)
		*out &= ~BIT(TYPE_INTEGER);
	return SLM_OK;
}
