/*
 * test_schema.c - JSON Schema and shorthand, their limits, what a model reads
 */
#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "task/decimal.h"
#include "task/schema.h"

static JsonText json;
static SlmArena arena;
static SlmError err;
static SlmSchema *schema;

static SlmStatus
read_text(const char *text)
{
	slm_arena_reset(&arena);
	json_text_read(&json, text);
	return slm_schema_read(json.node, json.n, &arena, &schema, &err);
}

static void
check_refused(const char *text, SlmStatus status, const char *message)
{
	CHECK_STATUS(read_text(text), status);
	CHECK_CONTAINS(err.message, message);
}

static void
check_text(SlmSchemaText text, const char *expected)
{
	SlmText is = slm_schema_text(schema, text);

	CHECK_INT(is.size, strlen(expected));
	CHECK(strncmp(is.data, expected, is.size) == 0);
}

static void
check_question(int i, const char *expected)
{
	SlmText is = {0};

	CHECK_STATUS(slm_schema_question(schema, i, &arena, &is, &err), SLM_OK);
	CHECK_INT(is.size, strlen(expected));
	CHECK(strncmp(is.data, expected, is.size) == 0);
}

static void
shorthand(void)
{
	slm_arena_init(&arena, test_host(), 64 << 20);
	CHECK_STATUS(read_text("[\"name\", \"orderDate\"]"), SLM_OK);
	CHECK_INT(schema->n_field, 3);
	CHECK_INT(schema->n_leaf, 2);
	check_text(schema->field[2].name, "orderDate");
	check_question(2, "order Date");
	CHECK_INT(schema->field[1].missing, SLM_MISSING_NULL);
	CHECK_INT(schema->field[1].type, SLM_FIELD_STRING);
	CHECK_INT(schema->field[1].kinds, 0);
	CHECK(!schema->needs_offset);

	CHECK_STATUS(
		read_text("{\"total\": \"number\", \"mails\": \"email[]\", \"who\": \"Who wrote it?\","
				  " \"text_of_it\": \"text\"}"),
		SLM_OK);
	CHECK_INT(schema->field[1].type, SLM_FIELD_NUMBER);
	CHECK_INT(schema->field[1].kinds, slm_value_kinds(SLM_VALUE_NUMBER));
	CHECK(schema->field[2].is_list && schema->field[2].shows_empty);
	CHECK_INT(schema->field[2].value, SLM_VALUE_EMAIL);
	check_text(schema->field[3].description, "Who wrote it?");
	check_question(3, "who: Who wrote it?");
	check_question(4, "text of it");
	CHECK_INT(schema->field[0].next, 5);

	check_refused("[]", SLM_ERR_ARGUMENT, "no fields");
	check_refused("{}", SLM_ERR_ARGUMENT, "no fields");
	check_refused("\"name\"", SLM_ERR_ARGUMENT, "object or an array");
	check_refused("[\"a\", 1]", SLM_ERR_ARGUMENT, "field 2");
	check_refused("{\"a\": {\"type\": \"string\"}}", SLM_ERR_ARGUMENT, "field 1");
	CHECK_CONTAINS(err.hint, "properties");
	check_refused("[\"a\", \"b\", \"a\"]", SLM_ERR_ARGUMENT,
				  "field 3 of the schema is the same as field 1");
	check_refused("[\"\"]", SLM_ERR_ARGUMENT, "no name");
	slm_arena_trim(&arena, 0);
}

static void
json_schema(void)
{
	slm_arena_init(&arena, test_host(), 64 << 20);
	CHECK_STATUS(
		read_text(
			"{\"$schema\": \"x\", \"type\": \"object\", \"title\": \"Order\","
			" \"required\": [\"id\", \"state\"], \"propertyOrdering\": [\"state\", \"lines\"],"
			" \"additionalProperties\": false, \"properties\": {"
			"  \"id\": {\"type\": \"string\", \"minLength\": 2, \"maxLength\": 8},"
			"  \"lines\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 3, \"items\": {"
			"    \"type\": \"object\", \"required\": [\"price\"], \"properties\": {"
			"      \"price\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 9.5,"
			"                  \"description\": \"what it costs\"},"
			"      \"what\": {\"title\": \"Article\"}}}},"
			"  \"state\": {\"enum\": [\"open\", \"shut\", null]},"
			"  \"when\": {\"type\": [\"string\", \"null\"], \"format\": \"date\"},"
			"  \"note\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": "
			"null}"
			"}}"),
		SLM_OK);
	CHECK_INT(schema->n_field, 8);
	CHECK_INT(schema->n_leaf, 6);
	check_text(schema->field[1].name, "state");
	CHECK_INT(schema->field[1].n_choice, 2);
	CHECK_INT(schema->field[1].missing, SLM_MISSING_NULL);
	CHECK_INT(slm_text_compare(slm_schema_choice(schema, &schema->field[1], 1), slm_text("shut")),
			  0);
	check_text(schema->field[2].name, "lines");
	CHECK(schema->field[2].is_list && !schema->field[2].shows_empty);
	CHECK_INT(schema->field[2].min_items, 1);
	CHECK_INT(schema->field[2].max_items, 3);
	CHECK_INT(schema->field[2].type, SLM_FIELD_OBJECT);
	CHECK_INT(schema->field[2].missing, SLM_MISSING_LEFT_OUT);
	CHECK_INT(schema->field[2].next, 5);
	CHECK(!slm_schema_in_list(schema, &schema->field[2]));
	CHECK(slm_schema_in_list(schema, &schema->field[3]));
	check_question(3, "lines price: what it costs");
	check_question(4, "lines Article");
	CHECK_INT(schema->field[3].missing, SLM_MISSING_FAILS);
	check_text(schema->field[3].maximum, "9.5");
	check_text(schema->field[5].name, "id");
	CHECK_INT(schema->field[5].missing, SLM_MISSING_FAILS);
	CHECK_INT(schema->field[5].max_length, 8);
	check_text(schema->field[6].name, "when");
	CHECK_INT(schema->field[6].value, SLM_VALUE_DATE);
	CHECK_INT(schema->field[6].missing, SLM_MISSING_NULL);
	check_text(schema->field[7].name, "note");
	CHECK_INT(schema->field[7].missing, SLM_MISSING_NULL);
	CHECK(schema->needs_offset);
	slm_arena_trim(&arena, 0);
}

/* What pydantic and zod make. */
static void
schemas_of_programs(void)
{
	slm_arena_init(&arena, test_host(), 64 << 20);
	CHECK_STATUS(read_text("{\"$defs\": {\"Place\": {\"title\": \"Place\", \"description\": "
						   "\"where it is\", \"type\": "
						   "\"object\", \"properties\": {\"city\": {\"title\": \"Town\", \"type\": "
						   "\"string\"}}, \"required\": "
						   "[\"city\"]}, \"Level\": {\"title\": \"Level\", \"enum\": [\"low\", "
						   "\"high\"], \"type\": \"string\"}},"
						   " \"$ref\": \"#/$defs/Order\", \"definitions\": {}}"),
				 SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(err.message, "\"$ref\" at # leads nowhere");
	CHECK_STATUS(
		read_text(
			"{\"$defs\": {\"Place\": {\"title\": \"Place\", \"description\": \"where it is\", "
			"\"type\": "
			"\"object\", \"properties\": {\"city\": {\"title\": \"Town\", \"type\": \"string\"}}, "
			"\"required\": "
			"[\"city\"]}, \"Level\": {\"title\": \"Level\", \"enum\": [\"low\", \"high\"], "
			"\"type\": \"string\"},"
			"  \"Order\": {\"type\": \"object\", \"properties\": {"
			"   \"from\": {\"$ref\": \"#/$defs/Place\"},"
			"   \"via\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/Place\"}, "
			"\"maxItems\": 2.0},"
			"   \"to\": {\"anyOf\": [{\"$ref\": \"#/$defs/Place\"}, {\"type\": \"null\"}], "
			"\"default\": null},"
			"   \"urgency\": {\"allOf\": [{\"$ref\": \"#/$defs/Level\"}], \"default\": \"low\"},"
			"   \"kind\": {\"const\": \"order\", \"type\": \"string\"},"
			"   \"sum\": {\"minimum\": 3, \"x-unit\": \"EUR\"},"
			"   \"note\": {\"oneOf\": [{\"type\": \"null\"}, {\"type\": \"string\", "
			"\"contentEncoding\": \"x\"}]}},"
			"  \"required\": [\"from\", \"via\", \"urgency\"]}}, \"$ref\": \"#/$defs/Order\"}"),
		SLM_OK);
	CHECK_INT(schema->n_field, 11);
	CHECK_INT(schema->n_leaf, 7);
	check_question(2, "from Town");
	check_text(schema->field[1].description, "where it is");
	CHECK_INT(schema->field[1].title.size, 0);
	CHECK(schema->field[3].is_list && schema->field[3].type == SLM_FIELD_OBJECT);
	CHECK_INT(schema->field[3].max_items, 2);
	CHECK_INT(schema->field[5].missing, SLM_MISSING_NULL);
	check_text(schema->field[6].name, "city");
	CHECK_INT(schema->field[7].n_choice, 2);
	CHECK_INT(schema->field[7].missing, SLM_MISSING_FAILS);
	check_question(7, "urgency");
	CHECK_INT(schema->field[8].n_choice, 1);
	CHECK_INT(schema->field[9].type, SLM_FIELD_NUMBER);
	CHECK_INT(schema->field[10].missing, SLM_MISSING_NULL);
	CHECK_INT(slm_text_compare(slm_schema_choice(schema, &schema->field[8], 0), slm_text("order")),
			  0);
	check_refused("{\"properties\": {\"a\": {\"$ref\": \"#\"}}}", SLM_ERR_UNSUPPORTED,
				  "\"$ref\" at #/properties/a leads into a schema that holds it");
	check_refused("{\"properties\": {\"a\": {\"allOf\": [{}, {}]}}}", SLM_ERR_UNSUPPORTED,
				  "\"allOf\" at #/properties/a is supported for one");
	check_refused("{\"properties\": {\"a\": {\"$ref\": \"#/properties/b\", \"type\": \"string\"}}}",
				  SLM_ERR_UNSUPPORTED, "\"type\" at #/properties/a is not supported beside $ref");
	check_refused(
		"{\"properties\": {\"a\": {\"items\": {\"properties\": {\"b\": {\"not\": {}}}}}}}",
		SLM_ERR_UNSUPPORTED, "\"not\" at #/properties/a/items/properties/b");
	check_refused("{\"properties\": {\"a\": {\"nullable\": true}}}", SLM_ERR_UNSUPPORTED,
				  "\"nullable\" at #/properties/a is not supported");
	slm_arena_trim(&arena, 0);
}

/* OpenAPI's formats of numbers are limits, beside those that are there. */
static void
formats_of_numbers(void)
{
	slm_arena_init(&arena, test_host(), 64 << 20);
	CHECK_STATUS(
		read_text(
			"{\"properties\": {\"a\": {\"type\": \"integer\", \"format\": \"uint8\", "
			"\"minimum\": 3}, \"b\": {\"type\": [\"integer\", \"null\"], \"format\": \"int32\", "
			"\"minimum\": -9999999999, \"maximum\": 7}, \"c\": {\"type\": \"number\", "
			"\"format\": \"double\"}, \"d\": {\"type\": \"number\", \"format\": \"uint\"}, "
			"\"e\": {\"type\": \"integer\", \"format\": \"date\"}}}"),
		SLM_OK);
	check_text(schema->field[1].minimum, "3");
	check_text(schema->field[1].maximum, "255");
	check_text(schema->field[2].minimum, "-2147483648");
	check_text(schema->field[2].maximum, "7");
	CHECK_INT(schema->field[3].type, SLM_FIELD_NUMBER);
	CHECK_INT(schema->field[3].minimum.size, 0);
	CHECK_INT(schema->field[4].type, SLM_FIELD_INTEGER);
	CHECK_INT(schema->field[4].kinds, slm_value_kinds(SLM_VALUE_INTEGER));
	check_text(schema->field[4].minimum, "0");
	CHECK_INT(schema->field[4].maximum.size, 0);
	CHECK_INT(schema->field[5].minimum.size, 0);
	check_refused("{\"properties\": {\"a\": {\"type\": \"number\", \"format\": \"decimal\"}}}",
				  SLM_ERR_UNSUPPORTED, "\"decimal\" at #/properties/a is not supported");
	check_refused("{\"properties\": {\"a\": {\"type\": \"string\", \"format\": \"int32\"}}}",
				  SLM_ERR_UNSUPPORTED, "\"int32\"");
	slm_arena_trim(&arena, 0);
}

static void
refused(void)
{
#define PROPERTY(schema) "{\"properties\": {\"a\": " schema "}}"
	slm_arena_init(&arena, test_host(), 64 << 20);
	check_refused(PROPERTY("{\"pattern\": \"x\"}"), SLM_ERR_UNSUPPORTED, "\"pattern\"");
	check_refused(PROPERTY("{\"format\": \"hostname\"}"), SLM_ERR_UNSUPPORTED, "\"hostname\"");
	check_refused(PROPERTY("{\"format\": \"string\"}"), SLM_ERR_UNSUPPORTED, "\"string\"");
	check_refused(PROPERTY("{\"enum\": [1, 2]}"), SLM_ERR_UNSUPPORTED, "enum");
	check_refused(PROPERTY("{\"type\": \"integer\", \"enum\": [\"1\"]}"), SLM_ERR_UNSUPPORTED,
				  "enum");
	check_refused(PROPERTY("{\"enum\": [null]}"), SLM_ERR_ARGUMENT, "no values");
	check_refused(PROPERTY("{\"type\": \"date\"}"), SLM_ERR_ARGUMENT, "\"date\"");
	check_refused(PROPERTY("{\"type\": \"text\"}"), SLM_ERR_ARGUMENT, "\"text\"");
	check_refused(PROPERTY("{\"type\": \"null\"}"), SLM_ERR_UNSUPPORTED, "type");
	check_refused(PROPERTY("{\"type\": [\"string\", \"number\"]}"), SLM_ERR_UNSUPPORTED, "type");
	check_refused(PROPERTY("{\"type\": [1]}"), SLM_ERR_ARGUMENT, "type");
	check_refused(PROPERTY("{\"type\": 1}"), SLM_ERR_ARGUMENT, "type");
	check_refused(PROPERTY("{\"type\": \"array\"}"), SLM_ERR_UNSUPPORTED, "items");
	check_refused(PROPERTY("{\"type\": \"object\"}"), SLM_ERR_UNSUPPORTED, "without properties");
	check_refused(PROPERTY("{\"items\": {\"items\": {}}}"), SLM_ERR_UNSUPPORTED,
				  "list inside a list");
	check_refused(PROPERTY("{\"items\": {\"properties\": {\"b\": {\"items\": {}}}}}"),
				  SLM_ERR_UNSUPPORTED, "list inside a list");
	check_refused(PROPERTY("{\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"number\"}]}"),
				  SLM_ERR_UNSUPPORTED, "anyOf");
	check_refused(PROPERTY("{\"anyOf\": [{}, {\"type\": \"null\"}], \"type\": \"string\"}"),
				  SLM_ERR_UNSUPPORTED, "anyOf");
	check_refused(PROPERTY("{\"minLength\": -1}"), SLM_ERR_ARGUMENT, "minLength");
	check_refused(PROPERTY("{\"minLength\": 1000001}"), SLM_ERR_LIMIT, "minLength");
	CHECK_STATUS(read_text(PROPERTY("{\"minLength\": 1000000}")), SLM_OK);
	check_refused(PROPERTY("true"), SLM_ERR_ARGUMENT, "must be an object");
	check_refused("{\"properties\": {}}", SLM_ERR_ARGUMENT, "without properties");
	check_refused("{\"$schema\": \"x\"}", SLM_ERR_ARGUMENT, "that of an object");
	check_refused("{\"properties\": {\"a\": {}}, \"required\": [\"b\"]}", SLM_ERR_ARGUMENT,
				  "\"b\"");
	check_refused("{\"properties\": {\"a\": {}}, \"required\": [1]}", SLM_ERR_ARGUMENT, "required");
	check_refused("{\"properties\": {\"a\": {}}, \"propertyOrdering\": [\"b\"]}", SLM_ERR_ARGUMENT,
				  "propertyOrdering");
	check_refused("{\"properties\": {\"\": {}}}", SLM_ERR_ARGUMENT, "no name");
	slm_arena_trim(&arena, 0);
#undef PROPERTY
}

/* n fields, as properties of properties to a depth, or n values of an enum. */
static const char *
many(const char *before, const char *item, int n, const char *between, const char *after)
{
	static char text[200000];
	size_t at = (size_t) snprintf(text, sizeof(text), "%s", before);

	for (int i = 0; i < n; i++)
	{
		at += (size_t) snprintf(text + at, sizeof(text) - at, "%s", i > 0 ? between : "");
		at += (size_t) snprintf(text + at, sizeof(text) - at, item, i);
	}
	snprintf(text + at, sizeof(text) - at, "%s", after);
	return text;
}

static const char *
nested(int n)
{
	static char text[4096];
	size_t at = 0;

	for (int i = 0; i < n; i++)
		at += (size_t) snprintf(text + at, sizeof(text) - at, "{\"properties\": {\"a\": ");
	at += (size_t) snprintf(text + at, sizeof(text) - at, "{}");
	for (int i = 0; i < n; i++)
		at += (size_t) snprintf(text + at, sizeof(text) - at, "}}");
	return text;
}

/* A field of an enum of 40 values. */
#define TEN "\"0\", \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\""
#define FIELD_OF_40 "\"f%d\": {\"enum\": [" TEN ", " TEN ", " TEN ", " TEN "]}"

static void
limits(void)
{
	const char *choices = "{\"properties\": {\"a\": {\"enum\": [";

	slm_arena_init(&arena, test_host(), 64 << 20);
	CHECK_STATUS(read_text(many("[", "\"f%d\"", SLM_MAX_SCHEMA_FIELDS, ",", "]")), SLM_OK);
	CHECK_INT(schema->n_field, SLM_MAX_SCHEMA_FIELDS + 1);
	check_refused(many("[", "\"f%d\"", SLM_MAX_SCHEMA_FIELDS + 1, ",", "]"), SLM_ERR_LIMIT,
				  "256 fields");
	CHECK_STATUS(
		read_text(many("{\"properties\": {", "\"f%d\": {}", SLM_MAX_SCHEMA_FIELDS, ",", "}}")),
		SLM_OK);
	check_refused(many("{\"properties\": {", "\"f%d\": {}", SLM_MAX_SCHEMA_FIELDS + 1, ",", "}}"),
				  SLM_ERR_LIMIT, "256 properties");
	check_refused(many("{\"properties\": {\"a\": {\"properties\": {", "\"f%d\": {}",
					   SLM_MAX_SCHEMA_FIELDS, ",", "}}}}"),
				  SLM_ERR_LIMIT, "256 fields");
	check_refused(many("{\"properties\": {\"a\": {}}, \"required\": [", "\"a\"",
					   SLM_MAX_SCHEMA_FIELDS + 1, ",", "]}"),
				  SLM_ERR_LIMIT, "256 names");
	CHECK_STATUS(read_text(many(choices, "\"v%d\"", SLM_MAX_SCHEMA_CHOICES, ",", "]}}}")), SLM_OK);
	CHECK_INT(schema->field[1].n_choice, SLM_MAX_SCHEMA_CHOICES);
	check_refused(many(choices, "\"v%d\"", SLM_MAX_SCHEMA_CHOICES + 1, ",", "]}}}"), SLM_ERR_LIMIT,
				  "1000 values");
	/* as many enums as make SLM_MAX_LABELS values, and one value more */
	CHECK_STATUS(read_text(many("{\"properties\": {", FIELD_OF_40, SLM_MAX_LABELS / 40, ",", "}}")),
				 SLM_OK);
	CHECK_INT(schema->n_choice, SLM_MAX_LABELS);
	check_refused(many("{\"properties\": {", FIELD_OF_40, SLM_MAX_LABELS / 40, ",",
					   ", \"g\": {\"enum\": [\"1\"]}}}"),
				  SLM_ERR_LIMIT, "10000 values of enums");
	CHECK_STATUS(read_text(nested(SLM_MAX_SCHEMA_DEPTH - 1)), SLM_OK);
	CHECK_INT(schema->n_leaf, 1);
	check_question(SLM_MAX_SCHEMA_DEPTH - 1,
				   "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a");
	check_refused(nested(SLM_MAX_SCHEMA_DEPTH), SLM_ERR_LIMIT, "32 nested");
	slm_arena_trim(&arena, 0);
	CHECK_INT(test_host_state.live_allocs, 0);
}

static void
words_of_keys(void)
{
	slm_arena_init(&arena, test_host(), 64 << 20);
	CHECK_STATUS(read_text("[\"invoice_number\", \"due-date\", \"HTTPServerName2Use\", \"IBAN\"]"),
				 SLM_OK);
	check_question(1, "invoice number");
	check_question(2, "due date");
	check_question(3, "HTTP Server Name2 Use");
	check_question(4, "IBAN");
	slm_arena_trim(&arena, 0);
}

static void
decimals(void)
{
	static const char *const ascending[] = {"-12.5", "-12", "-2.25", "-2.24", "-0.5", "0",
											"0.05",  "0.5", "0.51",  "1",     "9.99", "10"};
	int n = (int) (sizeof(ascending) / sizeof(ascending[0]));

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			int order = slm_decimal_compare(slm_text(ascending[i]), slm_text(ascending[j]));

			CHECK_INT((order > 0) - (order < 0), (i > j) - (i < j));
		}
	CHECK_INT(slm_decimal_compare(slm_text("-0.00"), slm_text("0")), 0);
	CHECK_INT(slm_decimal_compare(slm_text("007.10"), slm_text("7.1")), 0);
	CHECK_INT(slm_decimal_compare(slm_text(".5"), slm_text("0.50")), 0);
}

int
main(void)
{
	TEST(shorthand);
	TEST(json_schema);
	TEST(schemas_of_programs);
	TEST(formats_of_numbers);
	TEST(refused);
	TEST(limits);
	TEST(words_of_keys);
	TEST(decimals);
	return check_done();
}
