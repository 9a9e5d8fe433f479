/*
 * schema.c - what to extract: a JSON Schema, or the shorthand for it
 *
 * The nodes are walked once, fields are laid down in the order of the answer,
 * and the whole is then copied into one piece.  Recursion follows the schema's
 * nesting, which is capped before anything else is looked at.
 */
#include "task/schema.h"

#include "base/ascii.h"
#include "base/limits.h"

#define NO_LIMIT UINT32_MAX
#define COUNT_DIGITS 9

/* ---- Words for types and formats --------------------------------------------- */

typedef struct TypeWord
{
	const char *word;
	SlmFieldType type;
	bool is_type;    /* else a format of strings */
	bool normalized; /* to value; the kinds are those of the value */
	SlmValueType value;
	SlmKinds kinds; /* of a verbatim format */
} TypeWord;

/* Shorthand takes all of them, "type" those that are types, "format" the others. */
static const TypeWord type_words[] = {
	{"string", SLM_FIELD_STRING, true, false, 0, 0},
	{"text", SLM_FIELD_STRING, true, false, 0, 0},
	{"integer", SLM_FIELD_INTEGER, true, true, SLM_VALUE_INTEGER, 0},
	{"number", SLM_FIELD_NUMBER, true, true, SLM_VALUE_NUMBER, 0},
	{"boolean", SLM_FIELD_BOOLEAN, true, true, SLM_VALUE_BOOLEAN, 0},
	{"date", SLM_FIELD_STRING, false, true, SLM_VALUE_DATE, 0},
	{"time", SLM_FIELD_STRING, false, true, SLM_VALUE_TIME, 0},
	{"date-time", SLM_FIELD_STRING, false, true, SLM_VALUE_DATE_TIME, 0},
	{"email", SLM_FIELD_STRING, false, true, SLM_VALUE_EMAIL, 0},
	{"uri", SLM_FIELD_STRING, false, true, SLM_VALUE_URI, 0},
	{"url", SLM_FIELD_STRING, false, true, SLM_VALUE_URI, 0},
	{"uuid", SLM_FIELD_STRING, false, true, SLM_VALUE_UUID, 0},
	{"ipv4", SLM_FIELD_STRING, false, true, SLM_VALUE_IPV4, 0},
	{"ipv6", SLM_FIELD_STRING, false, true, SLM_VALUE_IPV6, 0},
	{"ip", SLM_FIELD_STRING, false, false, 0, SLM_KIND_SET(SLM_KIND_IP)},
	{"phone", SLM_FIELD_STRING, false, false, 0, SLM_KIND_SET(SLM_KIND_PHONE)},
	{"money", SLM_FIELD_STRING, false, false, 0, SLM_KIND_SET(SLM_KIND_MONEY)},
	{"percent", SLM_FIELD_STRING, false, false, 0, SLM_KIND_SET(SLM_KIND_PERCENT)},
	{"identifier", SLM_FIELD_STRING, false, false, 0, SLM_KIND_SET(SLM_KIND_IDENTIFIER)},
};

static const TypeWord *
find_type_word(SlmText word)
{
	for (size_t i = 0; i < sizeof(type_words) / sizeof(type_words[0]); i++)
		if (slm_text_compare(word, slm_text(type_words[i].word)) == 0)
			return &type_words[i];
	return NULL;
}

static void
set_type(SlmField *field, const TypeWord *word)
{
	field->type = word->type;
	field->normalized = word->normalized;
	field->value = word->value;
	field->kinds = word->normalized ? slm_value_kinds(word->value) : word->kinds;
}

/* ---- Keywords ---------------------------------------------------------------- */

typedef enum Keyword
{
	TYPE,
	PROPERTIES,
	REQUIRED,
	DESCRIPTION,
	TITLE,
	FORMAT,
	ENUM,
	ITEMS,
	ORDERING,
	MIN_ITEMS,
	MAX_ITEMS,
	MINIMUM,
	MAXIMUM,
	MIN_LENGTH,
	MAX_LENGTH,
	ANY_OF,
	ADDITIONAL,
	KEYWORD_COUNT
} Keyword;

#define KIND(kind) (1U << SLM_JSON_##kind)

static const struct
{
	const char *name;
	unsigned kinds; /* of values it may have */
} keywords[KEYWORD_COUNT] = {
	[TYPE] = {"type", KIND(STRING) | KIND(ARRAY)},
	[PROPERTIES] = {"properties", KIND(OBJECT)},
	[REQUIRED] = {"required", KIND(ARRAY)},
	[DESCRIPTION] = {"description", KIND(STRING)},
	[TITLE] = {"title", KIND(STRING)},
	[FORMAT] = {"format", KIND(STRING)},
	[ENUM] = {"enum", KIND(ARRAY)},
	[ITEMS] = {"items", KIND(OBJECT)},
	[ORDERING] = {"propertyOrdering", KIND(ARRAY)},
	[MIN_ITEMS] = {"minItems", KIND(NUMBER)},
	[MAX_ITEMS] = {"maxItems", KIND(NUMBER)},
	[MINIMUM] = {"minimum", KIND(NUMBER)},
	[MAXIMUM] = {"maximum", KIND(NUMBER)},
	[MIN_LENGTH] = {"minLength", KIND(NUMBER)},
	[MAX_LENGTH] = {"maxLength", KIND(NUMBER)},
	[ANY_OF] = {"anyOf", KIND(ARRAY)},
	[ADDITIONAL] = {"additionalProperties", KIND(TRUE) | KIND(FALSE) | KIND(OBJECT)},
};

static const char *const annotations[] = {
	"$schema", "$id", "$comment", "default", "deprecated", "examples", "readOnly", "writeOnly",
};

/* Node of each keyword's value; 0, the root, where there is none. */
typedef struct Keywords
{
	uint32_t at[KEYWORD_COUNT];
} Keywords;

typedef struct Builder
{
	const SlmJsonNode *node;
	SlmArena *arena;
	SlmError *err;
	SlmField *field; /* [SLM_MAX_SCHEMA_FIELDS + 1], the root is none */
	int n_field, n_leaf;
	SlmSchemaText *choice;
	int n_choice;
	char *text;
	uint32_t n_text;
	char quoted[96];
} Builder;

static const char *
quote(Builder *b, SlmText text)
{
	return slm_error_quote(b->quoted, sizeof(b->quoted), text.data, text.size);
}

static bool
is_annotation(SlmText key)
{
	for (size_t i = 0; i < sizeof(annotations) / sizeof(annotations[0]); i++)
		if (slm_text_compare(key, slm_text(annotations[i])) == 0)
			return true;
	return false;
}

static SlmStatus
read_keywords(Builder *b, uint32_t object, Keywords *out)
{
	const SlmJsonNode *node = b->node;

	memset(out, 0, sizeof(*out));
	for (uint32_t at = object + 1; at < node[object].next; at = node[at].next)
	{
		int i = 0;

		while (i < KEYWORD_COUNT && slm_text_compare(node[at].key, slm_text(keywords[i].name)) != 0)
			i++;
		if (i == KEYWORD_COUNT && is_annotation(node[at].key))
			continue;
		if (i == KEYWORD_COUNT)
			return slm_fail(b->err, SLM_ERR_UNSUPPORTED,
							"keyword \"%s\" of JSON Schema is not supported",
							quote(b, node[at].key));
		if ((keywords[i].kinds & 1U << node[at].kind) == 0)
			return slm_fail(b->err, SLM_ERR_ARGUMENT, "keyword \"%s\" has a value of a wrong type",
							keywords[i].name);
		out->at[i] = at;
	}
	return SLM_OK;
}

static SlmSchemaText
keep_text(Builder *b, SlmText text)
{
	SlmSchemaText kept = {b->n_text, (uint32_t) text.size};

	if (text.size > 0)
		memcpy(b->text + b->n_text, text.data, text.size);
	b->n_text += kept.size;
	return kept;
}

/* The strings of an array of names; each must be a property. */
static SlmStatus
check_names(Builder *b, const char *keyword, uint32_t array, uint32_t properties)
{
	const SlmJsonNode *node = b->node;
	int n = 0;

	for (uint32_t at = array + 1; at < node[array].next; at = node[at].next)
	{
		if (node[at].kind != SLM_JSON_STRING)
			return slm_fail(b->err, SLM_ERR_ARGUMENT, "keyword \"%s\" must be an array of strings",
							keyword);
		if (++n > SLM_MAX_SCHEMA_FIELDS)
			return slm_fail(b->err, SLM_ERR_LIMIT, "keyword \"%s\" exceeds the limit of %d names",
							keyword, SLM_MAX_SCHEMA_FIELDS);
		if (slm_json_member(node, properties, node[at].text) == node[properties].next)
			return slm_fail(b->err, SLM_ERR_ARGUMENT,
							"keyword \"%s\" names \"%s\", which is not one of the properties",
							keyword, quote(b, node[at].text));
	}
	return SLM_OK;
}

static SlmStatus
read_count(Builder *b, const Keywords *k, Keyword keyword, uint32_t *out)
{
	uint32_t at = k->at[keyword];
	uint32_t value = 0;

	if (at == 0)
		return SLM_OK;
	for (size_t i = 0; i < b->node[at].text.size; i++)
	{
		uint8_t c = (uint8_t) b->node[at].text.data[i];

		if (!slm_is_digit(c) || i == COUNT_DIGITS)
			return slm_fail(b->err, SLM_ERR_ARGUMENT,
							"keyword \"%s\" must be a whole number of at most %d digits",
							keywords[keyword].name, COUNT_DIGITS);
		value = value * 10 + (uint32_t) (c - '0');
	}
	*out = value;
	return SLM_OK;
}

/* ---- Fields ------------------------------------------------------------------ */

/* Is field i, or an object around it, a list of objects? */
static bool
in_list(const SlmField *field, int i)
{
	for (; i >= 0; i = field[i].parent)
		if (field[i].is_list && field[i].type == SLM_FIELD_OBJECT)
			return true;
	return false;
}

static SlmStatus
add_field(Builder *b, SlmText name, int parent, int *out)
{
	SlmField *field = &b->field[b->n_field];

	if (b->n_field > SLM_MAX_SCHEMA_FIELDS)
		return slm_fail(b->err, SLM_ERR_LIMIT, "schema exceeds the limit of %d fields",
						SLM_MAX_SCHEMA_FIELDS);
	if (b->n_field > 0 && name.size == 0)
		return slm_fail(b->err, SLM_ERR_ARGUMENT, "field %d of the schema has no name", b->n_field);
	*field = (SlmField){
		.name = keep_text(b, name),
		.max_items = NO_LIMIT,
		.max_length = NO_LIMIT,
		.parent = parent,
		.leaf = -1,
	};
	*out = b->n_field++;
	return SLM_OK;
}

static SlmStatus
read_choices(Builder *b, uint32_t array, SlmField *field, bool *nullable)
{
	const SlmJsonNode *node = b->node;

	field->first_choice = b->n_choice;
	field->kinds = 0;
	field->normalized = false;
	for (uint32_t at = array + 1; at < node[array].next; at = node[at].next)
	{
		if (node[at].kind == SLM_JSON_NULL)
		{
			*nullable = true;
			continue;
		}
		if (node[at].kind != SLM_JSON_STRING || field->type != SLM_FIELD_STRING)
			return slm_fail(b->err, SLM_ERR_UNSUPPORTED,
							"keyword \"enum\" is supported for strings only");
		if (field->n_choice == SLM_MAX_SCHEMA_CHOICES)
			return slm_fail(b->err, SLM_ERR_LIMIT,
							"keyword \"enum\" exceeds the limit of %d values",
							SLM_MAX_SCHEMA_CHOICES);
		if (b->n_choice == SLM_MAX_LABELS)
			return slm_fail(b->err, SLM_ERR_LIMIT, "schema exceeds the limit of %d values of enums",
							SLM_MAX_LABELS);
		b->choice[b->n_choice++] = keep_text(b, node[at].text);
		field->n_choice++;
	}
	if (field->n_choice == 0)
		return slm_fail(b->err, SLM_ERR_ARGUMENT, "keyword \"enum\" has no values");
	return SLM_OK;
}

/* A field of one value, whose type is settled. */
static SlmStatus
read_scalar(Builder *b, const Keywords *k, SlmField *field, bool *nullable)
{
	const SlmJsonNode *node = b->node;
	uint32_t format = k->at[FORMAT];

	if (format != 0 && field->type == SLM_FIELD_STRING)
	{
		const TypeWord *word = find_type_word(node[format].text);

		if (word == NULL || word->is_type)
			return slm_fail(b->err, SLM_ERR_UNSUPPORTED, "format \"%s\" is not supported",
							quote(b, node[format].text));
		set_type(field, word);
	}
	if (k->at[ENUM] != 0)
		SLM_TRY(read_choices(b, k->at[ENUM], field, nullable));
	if (k->at[MINIMUM] != 0)
		field->minimum = keep_text(b, node[k->at[MINIMUM]].text);
	if (k->at[MAXIMUM] != 0)
		field->maximum = keep_text(b, node[k->at[MAXIMUM]].text);
	SLM_TRY(read_count(b, k, MIN_LENGTH, &field->min_length));
	SLM_TRY(read_count(b, k, MAX_LENGTH, &field->max_length));
	field->leaf = b->n_leaf++;
	return SLM_OK;
}

static SlmStatus read_property(Builder *b, uint32_t at, int parent, bool required, int depth);

/* The fields of an object, in the order of its keyword propertyOrdering, then the others. */
static SlmStatus
read_object(Builder *b, const Keywords *k, int i_field, int depth)
{
	const SlmJsonNode *node = b->node;
	uint32_t properties = k->at[PROPERTIES];
	uint32_t ordering = k->at[ORDERING];
	uint32_t required = k->at[REQUIRED];

	b->field[i_field].type = SLM_FIELD_OBJECT;
	if (properties == 0 || node[properties].next == properties + 1)
		return slm_fail(b->err, i_field == 0 ? SLM_ERR_ARGUMENT : SLM_ERR_UNSUPPORTED,
						"schema has an object without properties");
	if (required != 0)
		SLM_TRY(check_names(b, "required", required, properties));
	if (ordering != 0)
	{
		SLM_TRY(check_names(b, "propertyOrdering", ordering, properties));
		for (uint32_t name = ordering + 1; name < node[ordering].next; name = node[name].next)
			for (uint32_t at = properties + 1; at < node[properties].next; at = node[at].next)
				if (slm_text_compare(node[at].key, node[name].text) == 0)
					SLM_TRY(read_property(b, at, i_field,
										  slm_json_lists(node, required, node[at].key), depth));
	}
	for (uint32_t at = properties + 1; at < node[properties].next; at = node[at].next)
		if (!slm_json_lists(node, ordering, node[at].key))
			SLM_TRY(
				read_property(b, at, i_field, slm_json_lists(node, required, node[at].key), depth));
	return SLM_OK;
}

typedef enum JsonType
{
	JSON_SCALAR, /* the field's type is set */
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_NULL
} JsonType;

static SlmStatus
read_type_word(Builder *b, SlmText text, SlmField *field, JsonType *out)
{
	const TypeWord *word = find_type_word(text);

	*out = JSON_SCALAR;
	if (slm_text_compare(text, slm_text("object")) == 0)
		*out = JSON_OBJECT;
	else if (slm_text_compare(text, slm_text("array")) == 0)
		*out = JSON_ARRAY;
	else if (slm_text_compare(text, slm_text("null")) == 0)
		*out = JSON_NULL;
	else if (word == NULL || !word->is_type || slm_text_compare(text, slm_text("text")) == 0)
		return slm_fail(b->err, SLM_ERR_ARGUMENT, "type \"%s\" is not one of JSON Schema",
						quote(b, text));
	else
		set_type(field, word);
	return SLM_OK;
}

/* One type, also null; without the keyword what the other keywords suggest. */
static SlmStatus
read_type(Builder *b, const Keywords *k, SlmField *field, JsonType *out, bool *nullable)
{
	const SlmJsonNode *node = b->node;
	uint32_t at = k->at[TYPE];
	int n_type = 0;

	*out = k->at[PROPERTIES] != 0 ? JSON_OBJECT : k->at[ITEMS] != 0 ? JSON_ARRAY : JSON_SCALAR;
	if (at == 0)
		return SLM_OK;
	if (node[at].kind == SLM_JSON_STRING)
	{
		SLM_TRY(read_type_word(b, node[at].text, field, out));
		n_type = *out != JSON_NULL;
	}
	else
		for (uint32_t item = at + 1; item < node[at].next; item = node[item].next)
		{
			JsonType type;

			if (node[item].kind != SLM_JSON_STRING)
				return slm_fail(b->err, SLM_ERR_ARGUMENT,
								"keyword \"type\" must be a string or an array of strings");
			SLM_TRY(read_type_word(b, node[item].text, field, &type));
			if (type == JSON_NULL)
				*nullable = true;
			else if (n_type++ == 0)
				*out = type;
		}
	if (n_type != 1)
		return slm_fail(b->err, SLM_ERR_UNSUPPORTED,
						"keyword \"type\" must name one type, or one and null");
	return SLM_OK;
}

/* Finds the one alternative of anyOf that is not {"type": "null"}. */
static SlmStatus
read_any_of(Builder *b, uint32_t array, uint32_t *out, bool *nullable)
{
	const SlmJsonNode *node = b->node;
	int n_other = 0;

	for (uint32_t at = array + 1; at < node[array].next; at = node[at].next)
	{
		bool is_null = node[at].kind == SLM_JSON_OBJECT && node[at].next == at + 2 &&
					   node[at + 1].kind == SLM_JSON_STRING &&
					   slm_text_compare(node[at + 1].key, slm_text("type")) == 0 &&
					   slm_text_compare(node[at + 1].text, slm_text("null")) == 0;

		if (is_null)
			*nullable = true;
		else if (n_other++ == 0)
			*out = at;
	}
	if (n_other != 1)
		return slm_fail(b->err, SLM_ERR_UNSUPPORTED,
						"keyword \"anyOf\" is supported for one schema and null");
	return SLM_OK;
}

/* Reads the schema at a node into field i; is_item: it is that of a list's items. */
static SlmStatus
read_schema(Builder *b, uint32_t at, int i, bool is_item, int depth, bool *nullable)
{
	const SlmJsonNode *node = b->node;
	SlmField *field = &b->field[i];
	bool item_nullable;
	Keywords k;
	JsonType type;

	if (node[at].kind != SLM_JSON_OBJECT)
		return slm_fail(b->err, SLM_ERR_ARGUMENT, "schema of a field must be an object");
	if (depth > SLM_MAX_SCHEMA_DEPTH)
		return slm_fail(b->err, SLM_ERR_LIMIT, "schema exceeds the limit of %d nested schemas",
						SLM_MAX_SCHEMA_DEPTH);
	SLM_TRY(read_keywords(b, at, &k));
	if (field->title.size == 0 && k.at[TITLE] != 0 && i > 0)
		field->title = keep_text(b, node[k.at[TITLE]].text);
	if (field->description.size == 0 && k.at[DESCRIPTION] != 0 && i > 0)
		field->description = keep_text(b, node[k.at[DESCRIPTION]].text);
	if (k.at[ANY_OF] != 0)
	{
		uint32_t other = 0;

		if (k.at[TYPE] != 0 || k.at[PROPERTIES] != 0 || k.at[ITEMS] != 0 || k.at[ENUM] != 0)
			return slm_fail(b->err, SLM_ERR_UNSUPPORTED,
							"keyword \"anyOf\" is not supported beside a type");
		SLM_TRY(read_any_of(b, k.at[ANY_OF], &other, nullable));
		return read_schema(b, other, i, is_item, depth + 1, nullable);
	}
	SLM_TRY(read_type(b, &k, field, &type, nullable));
	if (i == 0 && type != JSON_OBJECT)
		return slm_fail(b->err, SLM_ERR_ARGUMENT, "schema must be that of an object");
	if (type == JSON_SCALAR)
		return read_scalar(b, &k, field, nullable);
	if (type == JSON_OBJECT)
		return read_object(b, &k, i, depth);

	if (is_item || in_list(b->field, field->parent))
		return slm_fail(b->err, SLM_ERR_UNSUPPORTED, "a list inside a list is not supported");
	if (k.at[ITEMS] == 0)
		return slm_fail(b->err, SLM_ERR_UNSUPPORTED, "an array without \"items\" is not supported");
	field->is_list = true;
	SLM_TRY(read_count(b, &k, MIN_ITEMS, &field->min_items));
	SLM_TRY(read_count(b, &k, MAX_ITEMS, &field->max_items));
	return read_schema(b, k.at[ITEMS], i, true, depth + 1, &item_nullable);
}

static SlmStatus
read_property(Builder *b, uint32_t at, int parent, bool required, int depth)
{
	bool nullable = false;
	int i;

	SLM_TRY(add_field(b, b->node[at].key, parent, &i));
	SLM_TRY(read_schema(b, at, i, false, depth + 1, &nullable));
	b->field[i].missing = nullable   ? SLM_MISSING_NULL
						  : required ? SLM_MISSING_FAILS
									 : SLM_MISSING_LEFT_OUT;
	b->field[i].shows_empty = b->field[i].is_list && required && b->field[i].min_items == 0;
	b->field[i].next = b->n_field;
	return SLM_OK;
}

/* ---- Shorthand ---------------------------------------------------------------- */

static SlmStatus
read_shorthand_field(Builder *b, SlmText name, SlmText says)
{
	SlmText word = says;
	const TypeWord *type;
	SlmField *field;
	int i;

	SLM_TRY(add_field(b, name, 0, &i));
	field = &b->field[i];
	if (word.size > 2 && memcmp(word.data + word.size - 2, "[]", 2) == 0)
		word.size -= 2;
	type = find_type_word(word);
	if (type != NULL)
	{
		set_type(field, type);
		field->is_list = field->shows_empty = word.size < says.size;
	}
	else
		field->description = keep_text(b, says);
	field->missing = SLM_MISSING_NULL;
	field->leaf = b->n_leaf++;
	field->next = b->n_field;
	return SLM_OK;
}

static SlmStatus
read_shorthand(Builder *b)
{
	const SlmJsonNode *node = b->node;
	int root;

	SLM_TRY(add_field(b, slm_text(""), -1, &root));
	b->field[root].type = SLM_FIELD_OBJECT;
	for (uint32_t at = 1; at < node[0].next; at = node[at].next)
	{
		bool is_member = node[0].kind == SLM_JSON_OBJECT;

		if (node[at].kind != SLM_JSON_STRING)
		{
			slm_fail(b->err, SLM_ERR_ARGUMENT, "field %d of the schema must be a string",
					 b->n_field);
			slm_error_hint(b->err, "A JSON Schema has the keyword \"properties\".");
			return SLM_ERR_ARGUMENT;
		}
		for (int i = 1; i < b->n_field && !is_member; i++)
		{
			SlmText other = {b->text + b->field[i].name.at, b->field[i].name.size};

			if (slm_text_compare(other, node[at].text) == 0)
				return slm_fail(b->err, SLM_ERR_ARGUMENT,
								"field %d of the schema is the same as field %d", b->n_field, i);
		}
		SLM_TRY(is_member ? read_shorthand_field(b, node[at].key, node[at].text)
						  : read_shorthand_field(b, node[at].text, slm_text("")));
	}
	if (b->n_field == 1)
		return slm_fail(b->err, SLM_ERR_ARGUMENT, "schema has no fields");
	return SLM_OK;
}

/* ---- The whole ------------------------------------------------------------------ */

static bool
is_json_schema(const SlmJsonNode *node)
{
	if (node[0].kind != SLM_JSON_OBJECT)
		return false;
	for (uint32_t at = 1; at < node[0].next; at = node[at].next)
		if (slm_text_compare(node[at].key, slm_text("properties")) == 0 ||
			slm_text_compare(node[at].key, slm_text("$schema")) == 0)
			return true;
	return false;
}

/* Everything in one piece: the struct, its fields, the choices, the bytes of all texts. */
static SlmStatus
lay_out(const Builder *b, bool needs_offset, SlmSchema **out, SlmError *err)
{
	size_t choice_at = sizeof(SlmSchema) + (size_t) b->n_field * sizeof(SlmField);
	size_t text_at = choice_at + (size_t) b->n_choice * sizeof(SlmSchemaText);
	SlmSchema *schema;
	SlmSchemaText *choice;

	if (text_at + b->n_text > UINT32_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, "schema is too large");
	SLM_TRY(slm_arena_alloc(b->arena, text_at + b->n_text, (void **) &schema, err));
	memset(schema, 0, sizeof(*schema));
	schema->size = (uint32_t) (text_at + b->n_text);
	schema->n_field = b->n_field;
	schema->n_leaf = b->n_leaf;
	schema->n_choice = b->n_choice;
	schema->choice_at = (uint32_t) choice_at;
	schema->needs_offset = needs_offset;
	memcpy(schema->field, b->field, (size_t) b->n_field * sizeof(SlmField));
	choice = (SlmSchemaText *) ((char *) schema + choice_at);
	for (int i = 0; i < b->n_choice; i++)
		choice[i] = (SlmSchemaText){b->choice[i].at + (uint32_t) text_at, b->choice[i].size};
	memcpy((char *) schema + text_at, b->text, b->n_text);
	for (int i = 0; i < b->n_field; i++)
	{
		SlmField *field = &schema->field[i];

		field->name.at += (uint32_t) text_at;
		field->title.at += (uint32_t) text_at;
		field->description.at += (uint32_t) text_at;
		field->minimum.at += (uint32_t) text_at;
		field->maximum.at += (uint32_t) text_at;
	}
	*out = schema;
	return SLM_OK;
}

SlmStatus
slm_schema_read(const SlmJsonNode *node, uint32_t n_node, SlmArena *arena, SlmSchema **out,
				SlmError *err)
{
	Builder b = {.node = node, .arena = arena, .err = err};
	size_t text_bytes = 0;
	bool is_schema = is_json_schema(node);

	for (uint32_t i = 0; i < n_node; i++)
		text_bytes += node[i].key.size + node[i].text.size;
	if (text_bytes > SLM_MAX_INPUT_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT, "schema exceeds the limit of %u bytes",
						SLM_MAX_INPUT_BYTES);
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_MAX_SCHEMA_FIELDS + 1, &b.field, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, n_node, &b.choice, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, text_bytes, &b.text, err));
	if (is_schema)
	{
		bool nullable;
		int root;

		SLM_TRY(add_field(&b, slm_text(""), -1, &root));
		SLM_TRY(read_schema(&b, 0, root, false, 0, &nullable));
	}
	else if (node[0].kind == SLM_JSON_OBJECT || node[0].kind == SLM_JSON_ARRAY)
		SLM_TRY(read_shorthand(&b));
	else
		return slm_fail(err, SLM_ERR_ARGUMENT, "schema must be an object or an array");
	b.field[0].next = b.n_field;
	return lay_out(&b, is_schema, out, err);
}

SlmText
slm_schema_text(const SlmSchema *schema, SlmSchemaText text)
{
	return (SlmText){(const char *) schema + text.at, text.size};
}

SlmText
slm_schema_choice(const SlmSchema *schema, const SlmField *field, int i)
{
	const SlmSchemaText *choice =
		(const SlmSchemaText *) ((const char *) schema + schema->choice_at);

	return slm_schema_text(schema, choice[field->first_choice + i]);
}

bool
slm_schema_in_list(const SlmSchema *schema, const SlmField *field)
{
	return in_list(schema->field, field->parent);
}
