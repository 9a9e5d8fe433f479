/*
 * keywords.c - the keywords of JSON Schema, for all who read one
 */
#include "task/keywords.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "task/decimal.h"

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
	[MIN_PROPERTIES] = {"minProperties", KIND(NUMBER)},
	[MAX_PROPERTIES] = {"maxProperties", KIND(NUMBER)},
	[PROPERTY_NAMES] = {"propertyNames", KIND(OBJECT)},
	[ITEMS] = {"items", KIND(OBJECT) | KIND(ARRAY) | KIND(TRUE) | KIND(FALSE)},
	[PREFIX_ITEMS] = {"prefixItems", KIND(ARRAY)},
	[ADDITIONAL_ITEMS] = {"additionalItems", KIND(OBJECT) | KIND(TRUE) | KIND(FALSE)},
	[UNIQUE_ITEMS] = {"uniqueItems", KIND(TRUE) | KIND(FALSE)},
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
	[MULTIPLE_OF] = {"multipleOf", KIND(NUMBER)},
	[ANY_OF] = {"anyOf", KIND(ARRAY)},
	[ONE_OF] = {"oneOf", KIND(ARRAY)},
	[ALL_OF] = {"allOf", KIND(ARRAY)},
	[REF] = {"$ref", KIND(STRING)},
	[TITLE] = {"title", KIND(STRING)},
	[DESCRIPTION] = {"description", KIND(STRING)},
};

/* Ask for nothing; discriminator is OpenAPI's, beside the alternatives that it speaks of. */
static const char *const annotations[] = {
	"$schema",    "$id",           "$comment", "$defs",     "definitions",     "default",
	"examples",   "example",       "readOnly", "writeOnly", "contentEncoding", "contentMediaType",
	"deprecated", "discriminator",
};

static const char *const type_names[TYPE_COUNT] = {
	"string", "number", "integer", "boolean", "null", "object", "array",
};

void
slm_keywords_init(KeywordReader *r, const SlmJsonNode *node, SlmArena *scratch, SlmError *err)
{
	memset(r, 0, sizeof(*r));
	r->node = node;
	r->scratch = scratch;
	r->err = err;
	r->path[0] = '#';
	r->n_path = 1;
}

/* ---- Errors ---- */

const char *
slm_keywords_quote(KeywordReader *r, SlmText text)
{
	return slm_error_quote(r->quoted, sizeof(r->quoted), text.data, text.size);
}

size_t
slm_keywords_push(KeywordReader *r, const char *keyword, SlmText name)
{
	size_t before = r->n_path;
	int n = snprintf(r->path + before, sizeof(r->path) - before, "/%s%s%s", keyword,
					 name.size > 0 ? "/" : "", slm_keywords_quote(r, name));

	if (n > 0 && before + (size_t) n < sizeof(r->path))
		r->n_path = before + (size_t) n;
	return before;
}

void
slm_keywords_pop(KeywordReader *r, size_t before)
{
	r->path[before] = '\0';
	r->n_path = before;
}

SlmStatus
slm_keyword_unsupported(KeywordReader *r, SlmText keyword, const char *why)
{
	return slm_fail(r->err, SLM_ERR_UNSUPPORTED, "keyword \"%s\" at %s %s",
					slm_keywords_quote(r, keyword), r->path, why);
}

SlmStatus
slm_keyword_wrong(KeywordReader *r, Keyword keyword, const char *why)
{
	return slm_fail(r->err, SLM_ERR_ARGUMENT, "keyword \"%s\" at %s %s", keywords[keyword].name,
					r->path, why);
}

SlmStatus
slm_keywords_too_many(KeywordReader *r, const char *what, int limit)
{
	return slm_fail(r->err, SLM_ERR_LIMIT, "schema at %s exceeds the limit of %d %s", r->path,
					limit, what);
}

SlmStatus
slm_keyword_bad_format(KeywordReader *r, SlmText format)
{
	return slm_fail(r->err, SLM_ERR_UNSUPPORTED, "format \"%s\" at %s is not supported",
					slm_keywords_quote(r, format), r->path);
}

const char *
slm_keyword_name(Keyword keyword)
{
	return keywords[keyword].name;
}

SlmStatus
slm_keywords_refuse(KeywordReader *r, const Keywords *k, uint32_t set, const char *why)
{
	for (int i = 0; i < KEYWORD_COUNT; i++)
		if ((k->there & set & BIT(i)) != 0)
			return slm_keyword_unsupported(r, slm_text(keywords[i].name), why);
	return SLM_OK;
}

/* ---- Schemas ---- */

static bool
is_annotation(SlmText key)
{
	if (key.size > 2 && memcmp(key.data, "x-", 2) == 0)
		return true;
	for (size_t i = 0; i < sizeof(annotations) / sizeof(annotations[0]); i++)
		if (slm_text_compare(key, slm_text(annotations[i])) == 0)
			return true;
	return false;
}

SlmStatus
slm_keywords_enter(KeywordReader *r, uint32_t at, Keywords *out)
{
	const SlmJsonNode *node = r->node;

	if (node[at].kind != SLM_JSON_OBJECT)
		return slm_fail(r->err, SLM_ERR_ARGUMENT, "the schema at %s must be an object", r->path);
	if (r->n_open == SLM_MAX_SCHEMA_DEPTH)
		return slm_keywords_too_many(r, "nested schemas", SLM_MAX_SCHEMA_DEPTH);
	r->open[r->n_open++] = at;
	memset(out, 0, sizeof(*out));
	for (uint32_t member = at + 1; member < node[at].next; member = node[member].next)
	{
		int i = 0;

		while (i < KEYWORD_COUNT &&
			   slm_text_compare(node[member].key, slm_text(keywords[i].name)) != 0)
			i++;
		if (i == KEYWORD_COUNT && is_annotation(node[member].key))
			continue;
		if (i == KEYWORD_COUNT)
			return slm_keyword_unsupported(r, node[member].key, "is not supported");
		if ((keywords[i].kinds & 1U << node[member].kind) == 0)
			return slm_keyword_wrong(r, (Keyword) i, "has a value of a wrong type");
		out->at[i] = member;
		out->there |= BIT(i);
	}
	return SLM_OK;
}

void
slm_keywords_leave(KeywordReader *r)
{
	r->n_open--;
}

/* ---- Values ---- */

SlmStatus
slm_keyword_count(KeywordReader *r, const Keywords *k, Keyword keyword, uint32_t limit,
				  uint32_t *out)
{
	SlmText text = r->node[k->at[keyword]].text;
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
		return slm_fail(r->err, SLM_ERR_LIMIT, "keyword \"%s\" at %s exceeds the limit of %u",
						keywords[keyword].name, r->path, limit);
	/* 2.0 is a whole number too */
	for (size_t i = n; i < text.size; i++)
		if (text.data[i] != '0' && !(i == n && text.data[i] == '.' && n > 0))
			return slm_keyword_wrong(r, keyword, "is not a whole number of at least 0");
	*out = value;
	return SLM_OK;
}

/* Types that are not named, but that other keywords speak of. */
static unsigned
types_by_keywords(const Keywords *k)
{
	if ((k->there & (BIT(ENUM) | BIT(CONST))) != 0)
		return ~0U;
	if ((k->there & (OBJECT_KEYWORDS | MAP_KEYWORDS)) != 0)
		return BIT(TYPE_OBJECT);
	if ((k->there & ARRAY_KEYWORDS) != 0)
		return BIT(TYPE_ARRAY);
	if ((k->there & STRING_KEYWORDS) != 0)
		return BIT(TYPE_STRING);
	return (k->there & NUMBER_KEYWORDS) != 0 ? BIT(TYPE_NUMBER) : 0;
}

SlmStatus
slm_keyword_types(KeywordReader *r, const Keywords *k, unsigned *out)
{
	const SlmJsonNode *node = r->node;
	uint32_t at = k->at[TYPE];
	bool is_list = node[at].kind == SLM_JSON_ARRAY;
	uint32_t end = is_list ? node[at].next : at + 1;

	*out = 0;
	if (at == 0)
	{
		*out = types_by_keywords(k);
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
			return slm_fail(r->err, SLM_ERR_ARGUMENT,
							"keyword \"type\" at %s names \"%s\", which is no type of JSON Schema",
							r->path, slm_keywords_quote(r, node[item].text));
		*out |= BIT(type);
	}
	if (*out == 0)
		return slm_keyword_wrong(r, TYPE, "names no type");
	/* every integer is a number */
	if ((*out & BIT(TYPE_NUMBER)) != 0)
		*out &= ~BIT(TYPE_INTEGER);
	return SLM_OK;
}

/* Of 64 bits as far as limits have digits (SLM_MAX_GRAMMAR_DIGITS). */
static const NumberFormat number_formats[] = {
	{"int8", true, "-128", "127"},
	{"uint8", true, "0", "255"},
	{"int16", true, "-32768", "32767"},
	{"uint16", true, "0", "65535"},
	{"int32", true, "-2147483648", "2147483647"},
	{"uint32", true, "0", "4294967295"},
	{"int64", true, "-999999999999999999", "999999999999999999"},
	{"uint64", true, "0", "999999999999999999"},
	{"int", true, NULL, NULL},
	{"uint", true, "0", NULL},
	{"float", false, NULL, NULL},
	{"double", false, NULL, NULL},
};

const NumberFormat *
slm_keyword_number_format(SlmText name)
{
	for (size_t i = 0; i < sizeof(number_formats) / sizeof(number_formats[0]); i++)
		if (slm_text_compare(name, slm_text(number_formats[i].name)) == 0)
			return &number_formats[i];
	return NULL;
}

bool
slm_keyword_is_stricter(const char *of_format, SlmText limit, int sign)
{
	return of_format != NULL &&
		   (limit.size == 0 || sign * slm_decimal_compare(slm_text(of_format), limit) > 0);
}

static SlmStatus
check_names(KeywordReader *r, const Keywords *k, Keyword keyword)
{
	const SlmJsonNode *node = r->node;
	uint32_t array = k->at[keyword], properties = k->at[PROPERTIES];
	int n = 0;

	for (uint32_t at = array + 1; array != 0 && at < node[array].next; at = node[at].next)
	{
		if (++n > SLM_MAX_SCHEMA_FIELDS)
			return slm_keywords_too_many(r, "names in an array", SLM_MAX_SCHEMA_FIELDS);
		if (node[at].kind != SLM_JSON_STRING)
			return slm_keyword_wrong(r, keyword, "must be an array of strings");
		if (properties == 0 ||
			slm_json_member(node, properties, node[at].text) == node[properties].next)
			return slm_fail(r->err, SLM_ERR_ARGUMENT,
							"keyword \"%s\" at %s names \"%s\", which is not one of the properties",
							keywords[keyword].name, r->path, slm_keywords_quote(r, node[at].text));
	}
	return SLM_OK;
}

/* Puts a property behind those that are there, if it is not among them. */
static void
add_property(const KeywordReader *r, const Keywords *k, uint32_t at, PropertyNode *out, uint32_t *n)
{
	for (uint32_t i = 0; i < *n; i++)
		if (out[i].at == at)
			return;
	out[(*n)++] = (PropertyNode){at, slm_json_lists(r->node, k->at[REQUIRED], r->node[at].key)};
}

SlmStatus
slm_keyword_properties(KeywordReader *r, const Keywords *k, PropertyNode **out, uint32_t *n)
{
	const SlmJsonNode *node = r->node;
	uint32_t properties = k->at[PROPERTIES], ordering = k->at[ORDERING];
	uint32_t n_all = 0;

	*n = 0;
	*out = NULL;
	SLM_TRY(check_names(r, k, REQUIRED));
	SLM_TRY(check_names(r, k, ORDERING));
	if (properties == 0)
		return SLM_OK;
	for (uint32_t at = properties + 1; at < node[properties].next; at = node[at].next)
		n_all++;
	if (n_all > SLM_MAX_SCHEMA_FIELDS)
		return slm_keywords_too_many(r, "properties of an object", SLM_MAX_SCHEMA_FIELDS);
	SLM_TRY(SLM_NEW_ARRAY(r->scratch, n_all, out, r->err));
	for (uint32_t at = ordering + 1; ordering != 0 && at < node[ordering].next; at = node[at].next)
		add_property(r, k, slm_json_member(node, properties, node[at].text), *out, n);
	for (uint32_t at = properties + 1; at < node[properties].next; at = node[at].next)
		add_property(r, k, at, *out, n);
	return SLM_OK;
}

/* ---- $ref ---- */

/* What a fragment says, its %XX made bytes. */
static SlmStatus
unescape_fragment(KeywordReader *r, SlmText fragment, SlmText *out)
{
	char *text;
	size_t n = 0;

	SLM_TRY(SLM_NEW_ARRAY(r->scratch, fragment.size, &text, r->err));
	for (size_t i = 0; i < fragment.size; i++)
	{
		const uint8_t *at = (const uint8_t *) fragment.data + i;
		bool is_escape = *at == '%' && fragment.size - i > 2 && slm_hex_value(at[1]) >= 0 &&
						 slm_hex_value(at[2]) >= 0;

		text[n++] = (char) (is_escape ? slm_hex_value(at[1]) * 16 + slm_hex_value(at[2]) : *at);
		i += is_escape ? 2 : 0;
	}
	*out = (SlmText){text, n};
	return SLM_OK;
}

/* The next step of a JSON pointer, unescaped into out, which has room for it; false at its end. */
static bool
next_step(SlmText *pointer, char *out, SlmText *step)
{
	size_t n = 0, i = 1;

	if (pointer->size == 0 || pointer->data[0] != '/')
		return false;
	for (; i < pointer->size && pointer->data[i] != '/'; i++)
	{
		char c = pointer->data[i];

		if (c == '~' && i + 1 < pointer->size)
			c = pointer->data[++i] == '1' ? '/' : '~';
		out[n++] = c;
	}
	*step = (SlmText){out, n};
	*pointer = (SlmText){pointer->data + i, pointer->size - i};
	return true;
}

/* The item of an array that a step names by its number; behind the array: none. */
static uint32_t
find_item(const SlmJsonNode *node, uint32_t array, SlmText step)
{
	uint32_t at = array + 1, number = 0;

	if (step.size == 0 || step.size > 6 || (step.size > 1 && step.data[0] == '0'))
		return node[array].next;
	for (size_t i = 0; i < step.size; i++)
	{
		if (!slm_is_digit((uint8_t) step.data[i]))
			return node[array].next;
		number = number * 10 + (uint32_t) (step.data[i] - '0');
	}
	for (; number > 0 && at < node[array].next; number--)
		at = node[at].next;
	return at;
}

SlmStatus
slm_keyword_ref(KeywordReader *r, const Keywords *k, uint32_t *out, int *n_open)
{
	const SlmJsonNode *node = r->node;
	SlmText ref = node[k->at[REF]].text, pointer, step;
	uint32_t at = 0;
	bool found = true;
	char *buffer;

	if (ref.size == 0 || ref.data[0] != '#')
		return slm_fail(r->err, SLM_ERR_UNSUPPORTED,
						"keyword \"$ref\" at %s is supported within the schema only", r->path);
	SLM_TRY(unescape_fragment(r, (SlmText){ref.data + 1, ref.size - 1}, &pointer));
	SLM_TRY(SLM_NEW_ARRAY(r->scratch, ref.size, &buffer, r->err));
	while (found && next_step(&pointer, buffer, &step))
	{
		uint32_t end = node[at].next;

		at = node[at].kind == SLM_JSON_OBJECT  ? slm_json_member(node, at, step)
			 : node[at].kind == SLM_JSON_ARRAY ? find_item(node, at, step)
											   : end;
		found = at < end;
	}
	if (!found || pointer.size > 0 || node[at].kind != SLM_JSON_OBJECT)
		return slm_fail(r->err, SLM_ERR_ARGUMENT, "keyword \"$ref\" at %s leads nowhere: \"%s\"",
						r->path, slm_keywords_quote(r, ref));
	*out = at;
	*n_open = 0;
	for (int i = 0; i < r->n_open; i++)
		*n_open += r->open[i] == at;
	return SLM_OK;
}
