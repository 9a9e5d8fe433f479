/*
 * schema.c - what to extract: a JSON Schema, or the shorthand for it
 *
 * The nodes are walked once, fields are laid down in the order of the answer,
 * and the whole is then copied into one piece.  Recursion follows the schema's
 * nesting, which is capped before anything else is looked at.
 */
#include "task/schema.h"

#include "base/limits.h"
#include "task/buffer.h"
#include "task/keywords.h"

#define NO_LIMIT UINT32_MAX

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

/* What fields keep of a schema. */
#define FIELD_KEYWORDS                                                                             \
	(OBJECT_KEYWORDS | BIT(ITEMS) | BIT(MIN_ITEMS) | BIT(MAX_ITEMS) | COMBINING_KEYWORDS |         \
	 TEXT_KEYWORDS | BIT(TYPE) | BIT(ENUM) | BIT(CONST) | BIT(FORMAT) | BIT(MIN_LENGTH) |          \
	 BIT(MAX_LENGTH) | BIT(MINIMUM) | BIT(MAXIMUM))

typedef struct Builder
{
	const SlmJsonNode *node;
	SlmArena *arena;
	SlmError *err;
	KeywordReader reader;
	SlmField *field; /* [SLM_MAX_SCHEMA_FIELDS + 1], the root is none */
	int n_field, n_leaf;
	SlmSchemaText *choice;
	int n_choice;
	SlmBuffer text;
} Builder;

/* Keeps a text; of a schema that $ref leads to several times, as often. */
static SlmStatus
keep_text(Builder *b, SlmText text, SlmSchemaText *out)
{
	*out = (SlmSchemaText){(uint32_t) b->text.n, (uint32_t) text.size};
	if (text.size > SLM_MAX_INPUT_BYTES - b->text.n)
		return slm_fail(b->err, SLM_ERR_LIMIT, "schema exceeds the limit of %u bytes",
						SLM_MAX_INPUT_BYTES);
	return slm_buffer_put(&b->text, b->arena, text.data, text.size, b->err);
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
		.max_items = NO_LIMIT,
		.max_length = NO_LIMIT,
		.parent = parent,
		.leaf = -1,
	};
	*out = b->n_field++;
	return keep_text(b, name, &field->name);
}

static SlmStatus
add_choice(Builder *b, uint32_t at, SlmField *field, bool *nullable)
{
	const SlmJsonNode *node = &b->node[at];

	if (node->kind == SLM_JSON_NULL)
	{
		*nullable = true;
		return SLM_OK;
	}
	if (node->kind != SLM_JSON_STRING || field->type != SLM_FIELD_STRING)
		return slm_keyword_unsupported(&b->reader, slm_text("enum"),
									   "is supported for strings only");
	if (field->n_choice == SLM_MAX_SCHEMA_CHOICES)
		return slm_keywords_too_many(&b->reader, "values of one enum", SLM_MAX_SCHEMA_CHOICES);
	if (b->n_choice == SLM_MAX_LABELS)
		return slm_keywords_too_many(&b->reader, "values of enums", SLM_MAX_LABELS);
	field->n_choice++;
	return keep_text(b, node->text, &b->choice[b->n_choice++]);
}

/* The values of enum, or the one of const. */
static SlmStatus
read_choices(Builder *b, const Keywords *k, SlmField *field, bool *nullable)
{
	const SlmJsonNode *node = b->node;
	uint32_t array = k->at[ENUM];

	field->first_choice = b->n_choice;
	field->kinds = 0;
	field->normalized = false;
	if (k->at[CONST] != 0)
		SLM_TRY(add_choice(b, k->at[CONST], field, nullable));
	for (uint32_t at = array + 1; array != 0 && at < node[array].next; at = node[at].next)
		SLM_TRY(add_choice(b, at, field, nullable));
	if (field->n_choice == 0)
		return slm_keyword_wrong(&b->reader, array != 0 ? ENUM : CONST, "has no values");
	return SLM_OK;
}

static SlmStatus
read_format(Builder *b, SlmText format, SlmField *field)
{
	const TypeWord *word = find_type_word(format);

	if (word == NULL || word->is_type)
		return slm_keyword_bad_format(&b->reader, format);
	set_type(field, word);
	return SLM_OK;
}

/* The stricter one of a limit, which may be empty, and a format's. */
static SlmStatus
keep_limit(Builder *b, SlmText limit, const char *of_format, int sign, SlmSchemaText *out)
{
	if (slm_keyword_is_stricter(of_format, limit, sign))
		limit = slm_text(of_format);
	return limit.size > 0 ? keep_text(b, limit, out) : SLM_OK;
}

/* Limits of a number, its format's among them; a string's holds for none. */
static SlmStatus
read_limits(Builder *b, const Keywords *k, SlmField *field)
{
	const SlmJsonNode *node = b->node;
	bool is_number = field->type == SLM_FIELD_INTEGER || field->type == SLM_FIELD_NUMBER;
	SlmText name = k->at[FORMAT] != 0 && is_number ? node[k->at[FORMAT]].text : slm_text("");
	const NumberFormat *format = slm_keyword_number_format(name);
	const TypeWord *of_strings = find_type_word(name);

	if (name.size > 0 && format == NULL && (of_strings == NULL || of_strings->is_type))
		return slm_keyword_bad_format(&b->reader, name);
	if (format != NULL && format->is_integer)
		set_type(field, find_type_word(slm_text("integer")));
	SLM_TRY(keep_limit(b, k->at[MINIMUM] != 0 ? node[k->at[MINIMUM]].text : slm_text(""),
					   format != NULL ? format->minimum : NULL, 1, &field->minimum));
	return keep_limit(b, k->at[MAXIMUM] != 0 ? node[k->at[MAXIMUM]].text : slm_text(""),
					  format != NULL ? format->maximum : NULL, -1, &field->maximum);
}

/* A field of one value, whose type is settled. */
static SlmStatus
read_scalar(Builder *b, const Keywords *k, SlmField *field, bool *nullable)
{
	const SlmJsonNode *node = b->node;

	if (k->at[FORMAT] != 0 && field->type == SLM_FIELD_STRING)
		SLM_TRY(read_format(b, node[k->at[FORMAT]].text, field));
	if ((k->there & (BIT(ENUM) | BIT(CONST))) != 0)
		SLM_TRY(read_choices(b, k, field, nullable));
	SLM_TRY(read_limits(b, k, field));
	SLM_TRY(
		slm_keyword_count(&b->reader, k, MIN_LENGTH, SLM_MAX_GRAMMAR_CHARS, &field->min_length));
	SLM_TRY(
		slm_keyword_count(&b->reader, k, MAX_LENGTH, SLM_MAX_GRAMMAR_CHARS, &field->max_length));
	field->leaf = b->n_leaf++;
	return SLM_OK;
}

static SlmStatus read_property(Builder *b, const PropertyNode *property, int parent);

/* The fields of an object. */
static SlmStatus
read_object(Builder *b, const Keywords *k, int i_field)
{
	PropertyNode *property;
	uint32_t n;

	b->field[i_field].type = SLM_FIELD_OBJECT;
	SLM_TRY(slm_keyword_properties(&b->reader, k, &property, &n));
	if (n == 0)
		return slm_fail(b->err, i_field == 0 ? SLM_ERR_ARGUMENT : SLM_ERR_UNSUPPORTED,
						"schema has an object without properties, at %s", b->reader.path);
	for (uint32_t i = 0; i < n; i++)
		SLM_TRY(read_property(b, &property[i], i_field));
	return SLM_OK;
}

/* The one type that is not null. */
static SlmStatus
read_type(Builder *b, const Keywords *k, SlmField *field, JsonType *out, bool *nullable)
{
	static const char *const words[TYPE_COUNT] = {
		[TYPE_STRING] = "string",
		[TYPE_NUMBER] = "number",
		[TYPE_INTEGER] = "integer",
		[TYPE_BOOLEAN] = "boolean",
	};
	unsigned types;
	int n = 0;

	SLM_TRY(slm_keyword_types(&b->reader, k, &types));
	*out = TYPE_STRING;
	/* what says nothing of its type is a text */
	if (k->at[TYPE] == 0 && (types == 0 || types == ~0U))
		types = BIT(TYPE_STRING);
	for (int type = 0; type < TYPE_COUNT; type++)
		if (type != TYPE_NULL && (types & BIT(type)) != 0)
		{
			*out = (JsonType) type;
			n++;
		}
	if (n != 1)
		return slm_keyword_unsupported(&b->reader, slm_text("type"),
									   "must name one type, or one and null");
	if ((types & BIT(TYPE_NULL)) != 0)
		*nullable = true;
	if (words[*out] != NULL)
		set_type(field, find_type_word(slm_text(words[*out])));
	return SLM_OK;
}

/* Finds the one schema of anyOf, oneOf or allOf that is not {"type": "null"}. */
static SlmStatus
find_alternative(Builder *b, Keyword keyword, uint32_t array, uint32_t *out, bool *nullable)
{
	const SlmJsonNode *node = b->node;
	int n_other = 0;

	for (uint32_t at = array + 1; at < node[array].next; at = node[at].next)
	{
		bool is_null = keyword != ALL_OF && node[at].kind == SLM_JSON_OBJECT &&
					   node[at].next == at + 2 && node[at + 1].kind == SLM_JSON_STRING &&
					   slm_text_compare(node[at + 1].key, slm_text("type")) == 0 &&
					   slm_text_compare(node[at + 1].text, slm_text("null")) == 0;

		if (is_null)
			*nullable = true;
		else if (n_other++ == 0)
			*out = at;
	}
	if (n_other != 1)
		return slm_keyword_unsupported(&b->reader, slm_text(slm_keyword_name(keyword)),
									   keyword == ALL_OF ? "is supported for one schema only"
														 : "is supported for one schema and null");
	return SLM_OK;
}

static SlmStatus read_schema(Builder *b, uint32_t at, int i, bool is_item, bool by_ref,
							 bool *nullable);

/* What another schema says, by the one keyword that leads there. */
static SlmStatus
read_other(Builder *b, const Keywords *k, int i, bool is_item, bool *nullable)
{
	static const Keyword combining[] = {REF, ANY_OF, ONE_OF, ALL_OF};
	Keyword keyword = REF;
	uint32_t other = 0;
	int n_open = 0;

	for (size_t c = 0; c < sizeof(combining) / sizeof(combining[0]); c++)
		if (k->at[combining[c]] != 0)
			keyword = combining[c];
	SLM_TRY(slm_keywords_refuse(&b->reader, k, ~(BIT(keyword) | TEXT_KEYWORDS),
								"is not supported beside $ref, anyOf, oneOf or allOf"));
	if (keyword == REF)
		SLM_TRY(slm_keyword_ref(&b->reader, k, &other, &n_open));
	else
		SLM_TRY(find_alternative(b, keyword, k->at[keyword], &other, nullable));
	if (n_open > 0)
		return slm_keyword_unsupported(&b->reader, slm_text("$ref"),
									   "leads into a schema that holds it, which is not supported");
	return read_schema(b, other, i, is_item, keyword == REF, nullable);
}

static SlmStatus
read_list(Builder *b, const Keywords *k, int i, bool is_item)
{
	SlmField *field = &b->field[i];
	bool item_nullable;
	size_t before;

	if (is_item || in_list(b->field, field->parent))
		return slm_fail(b->err, SLM_ERR_UNSUPPORTED,
						"a list inside a list, at %s, is not supported", b->reader.path);
	if (k->at[ITEMS] == 0)
		return slm_fail(b->err, SLM_ERR_UNSUPPORTED,
						"an array without \"items\", at %s, is not supported", b->reader.path);
	field->is_list = true;
	SLM_TRY(slm_keyword_count(&b->reader, k, MIN_ITEMS, SLM_MAX_GRAMMAR_ITEMS, &field->min_items));
	SLM_TRY(slm_keyword_count(&b->reader, k, MAX_ITEMS, SLM_MAX_GRAMMAR_ITEMS, &field->max_items));
	before = slm_keywords_push(&b->reader, "items", slm_text(""));
	SLM_TRY(read_schema(b, k->at[ITEMS], i, true, false, &item_nullable));
	slm_keywords_pop(&b->reader, before);
	return SLM_OK;
}

/* By its own keywords, or those of a schema that it leads to. */
static SlmStatus
read_by_keywords(Builder *b, const Keywords *k, int i, bool is_item, bool *nullable)
{
	SlmField *field = &b->field[i];
	JsonType type;

	if ((k->there & COMBINING_KEYWORDS) != 0)
		return read_other(b, k, i, is_item, nullable);
	SLM_TRY(read_type(b, k, field, &type, nullable));
	if (i == 0 && type != TYPE_OBJECT)
		return slm_fail(b->err, SLM_ERR_ARGUMENT, "schema must be that of an object");
	if (type == TYPE_OBJECT)
		return read_object(b, k, i);
	if (type == TYPE_ARRAY)
		return read_list(b, k, i, is_item);
	return read_scalar(b, k, field, nullable);
}

/*
 * Reads the schema at a node into field i; is_item: it is that of a list's items,
 * by_ref: it is that of many fields, and its title not this one's.
 */
static SlmStatus
read_schema(Builder *b, uint32_t at, int i, bool is_item, bool by_ref, bool *nullable)
{
	const SlmJsonNode *node = b->node;
	SlmField *field = &b->field[i];
	Keywords k;

	SLM_TRY(slm_keywords_enter(&b->reader, at, &k));
	SLM_TRY(slm_keywords_refuse(&b->reader, &k, ~FIELD_KEYWORDS, "is not supported for fields"));
	if (field->title.size == 0 && k.at[TITLE] != 0 && i > 0 && !by_ref)
		SLM_TRY(keep_text(b, node[k.at[TITLE]].text, &field->title));
	if (field->description.size == 0 && k.at[DESCRIPTION] != 0 && i > 0)
		SLM_TRY(keep_text(b, node[k.at[DESCRIPTION]].text, &field->description));
	SLM_TRY(read_by_keywords(b, &k, i, is_item, nullable));
	slm_keywords_leave(&b->reader);
	return SLM_OK;
}

static SlmStatus
read_property(Builder *b, const PropertyNode *property, int parent)
{
	SlmText name = b->node[property->at].key;
	size_t before = slm_keywords_push(&b->reader, "properties", name);
	bool nullable = false;
	int i;

	SLM_TRY(add_field(b, name, parent, &i));
	SLM_TRY(read_schema(b, property->at, i, false, false, &nullable));
	slm_keywords_pop(&b->reader, before);
	b->field[i].missing = nullable             ? SLM_MISSING_NULL
						  : property->required ? SLM_MISSING_FAILS
											   : SLM_MISSING_LEFT_OUT;
	b->field[i].shows_empty =
		b->field[i].is_list && property->required && b->field[i].min_items == 0;
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
		SLM_TRY(keep_text(b, says, &field->description));
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
			SlmText other = {b->text.data + b->field[i].name.at, b->field[i].name.size};

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
	static const char *const keys[] = {"properties", "$schema", "$defs", "$ref"};

	if (node[0].kind != SLM_JSON_OBJECT)
		return false;
	for (uint32_t at = 1; at < node[0].next; at = node[at].next)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (slm_text_compare(node[at].key, slm_text(keys[i])) == 0)
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

	if (text_at + b->text.n > UINT32_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, "schema is too large");
	SLM_TRY(slm_arena_alloc(b->arena, text_at + b->text.n, (void **) &schema, err));
	memset(schema, 0, sizeof(*schema));
	schema->size = (uint32_t) (text_at + b->text.n);
	schema->n_field = b->n_field;
	schema->n_leaf = b->n_leaf;
	schema->n_choice = b->n_choice;
	schema->choice_at = (uint32_t) choice_at;
	schema->needs_offset = needs_offset;
	memcpy(schema->field, b->field, (size_t) b->n_field * sizeof(SlmField));
	choice = (SlmSchemaText *) ((char *) schema + choice_at);
	for (int i = 0; i < b->n_choice; i++)
		choice[i] = (SlmSchemaText){b->choice[i].at + (uint32_t) text_at, b->choice[i].size};
	if (b->text.n > 0)
		memcpy((char *) schema + text_at, b->text.data, b->text.n);
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
	bool is_schema;

	if (n_node == 0)
		return slm_fail(err, SLM_ERR_ARGUMENT, "schema is empty");
	is_schema = is_json_schema(node);
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_MAX_SCHEMA_FIELDS + 1, &b.field, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_MAX_LABELS, &b.choice, err));
	slm_keywords_init(&b.reader, node, arena, err);
	if (is_schema)
	{
		bool nullable;
		int root;

		SLM_TRY(add_field(&b, slm_text(""), -1, &root));
		SLM_TRY(read_schema(&b, 0, root, false, false, &nullable));
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
