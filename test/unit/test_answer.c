/*
 * test_answer.c - made-up values of fields as JSON
 */
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "task/extract_impl.h"

#define MAX_VALUES 8
#define MAX_LEAVES 8

static JsonText json;
static SlmArena arena;
static SlmError err;
static SlmSchema *schema;
static SlmExtraction extraction;
static SlmLeafValue value[MAX_LEAVES][MAX_VALUES];
static SlmLeafValues leaf[MAX_LEAVES];

static void
begin(const char *text)
{
	slm_arena_init(&arena, test_host(), 16 << 20);
	json_text_read(&json, text);
	CHECK_STATUS(slm_schema_read(json.node, json.n, &arena, &schema, &err), SLM_OK);
	for (int i = 0; i < MAX_LEAVES; i++)
		leaf[i] = (SlmLeafValues){value[i], 0};
}

static void
finish(void)
{
	slm_arena_trim(&arena, 0);
	CHECK_INT(test_host_state.live_allocs, 0);
}

/* Gives a leaf its next value, from bytes start on. */
static void
put(int i, const char *text, uint32_t start)
{
	value[i][leaf[i].n++] = (SlmLeafValue){
		.text = slm_text(text),
		.has_source = true,
		.start = start,
		.end = start + 2,
		.confidence = 0.5f,
	};
}

static const char *
text_of(SlmText text)
{
	static char out[4][1024];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(out[turn], sizeof(out[turn]), "%.*s", (int) text.size, text.data);
	return out[turn];
}

static void
check_json(const char *expected)
{
	CHECK_STATUS(slm_extract_answer(schema, leaf, test_host(), &arena, &extraction, &err), SLM_OK);
	CHECK_STR(text_of(extraction.json), expected);
}

static void
check_row(int i, const char *path, const char *text, size_t start)
{
	CHECK(i < extraction.n_value);
	CHECK_STR(text_of(extraction.value[i].path), path);
	CHECK_STR(text_of(extraction.value[i].value), text);
	CHECK_INT(extraction.value[i].start, start);
	CHECK_INT(extraction.value[i].size, 2);
}

static void
types_and_escapes(void)
{
	begin("{\"a\": \"text\", \"n\": \"number\", \"b\": \"boolean\", \"l\": \"integer[]\", \"e\": "
		  "\"date[]\"}");
	check_json("{\"a\": null, \"n\": null, \"b\": null, \"l\": [], \"e\": []}");
	CHECK_INT(extraction.n_value, 0);
	put(0, "say \"x\\y\"\n\x01\xc3\xa9", 4);
	put(1, "-1.50", 8);
	put(2, "true", 9);
	put(3, "1", 1);
	put(3, "2", 2);
	check_json("{\"a\": \"say \\\"x\\\\y\\\"\\u000a\\u0001\xc3\xa9\", \"n\": -1.50, \"b\": true, "
			   "\"l\": [1, 2], \"e\": []}");
	CHECK_INT(extraction.n_value, 5);
	check_row(1, "n", "-1.50", 8);
	check_row(4, "l", "2", 2);
	finish();
}

static void
what_is_missing(void)
{
	begin("{\"properties\": {\"optional\": {}, \"nullable\": {\"type\": [\"string\", \"null\"]},"
		  " \"list\": {\"items\": {}, \"minItems\": 2}, \"always\": {\"items\": {}}, \"must\": {}},"
		  " \"required\": [\"must\", \"always\"]}");
	CHECK_STATUS(slm_extract_answer(schema, leaf, test_host(), &arena, &extraction, &err),
				 SLM_ERR_NO_VALUE);
	CHECK_CONTAINS(err.message, "required field \"must\"");
	put(4, "x", 1);
	check_json("{\"nullable\": null, \"always\": [], \"must\": \"x\"}");
	put(2, "one", 2);
	check_json("{\"nullable\": null, \"always\": [], \"must\": \"x\"}");
	CHECK_INT(extraction.n_value, 1);
	put(2, "two", 3);
	put(0, "o", 5);
	check_json("{\"optional\": \"o\", \"nullable\": null, \"list\": [\"one\", \"two\"], "
			   "\"always\": [], \"must\": \"x\"}");
	finish();
}

/* An object of which nothing is known stands only where it must. */
static void
nested_objects(void)
{
	begin(
		"{\"properties\": {\"must\": {\"properties\": {\"a\": {\"type\": [\"string\", \"null\"]}}},"
		" \"may\": {\"properties\": {\"b\": {}, \"c\": {}}, \"required\": [\"b\"]},"
		" \"null\": {\"type\": [\"object\", \"null\"], \"properties\": {\"d\": {}}}},"
		" \"required\": [\"must\"]}");
	check_json("{\"must\": {\"a\": null}, \"null\": null}");
	put(2, "c", 3); /* b is wanting, so the object cannot be made */
	check_json("{\"must\": {\"a\": null}, \"null\": null}");
	CHECK_INT(extraction.n_value, 0);
	put(1, "b", 2);
	put(3, "d", 4);
	check_json("{\"must\": {\"a\": null}, \"may\": {\"b\": \"b\", \"c\": \"c\"}, \"null\": {\"d\": "
			   "\"d\"}}");
	check_row(0, "may.b", "b", 2);
	check_row(2, "null.d", "d", 4);
	finish();

	begin("{\"properties\": {\"o\": {\"properties\": {\"a\": {}}, \"required\": [\"a\"]}}, "
		  "\"required\": [\"o\"]}");
	CHECK_STATUS(slm_extract_answer(schema, leaf, test_host(), &arena, &extraction, &err),
				 SLM_ERR_NO_VALUE);
	CHECK_CONTAINS(err.message, "\"a\"");
	finish();
}

/* A leaf's second value begins the next object; those that lack something are left out. */
static void
lists_of_objects(void)
{
	begin(
		"{\"properties\": {\"lines\": {\"maxItems\": 3, \"items\": {\"properties\": {\"what\": {},"
		" \"price\": {\"type\": \"number\"}, \"by\": {\"properties\": {\"who\": {}}}}, "
		"\"required\": [\"what\"]}}}}");
	check_json("{}");
	put(0, "tea", 0);
	put(1, "1", 5);
	put(2, "ann", 7);
	put(0, "cake", 10);
	put(1, "2", 15);
	put(1, "3", 17); /* an object without the required field */
	put(2, "bob", 19);
	put(0, "milk", 20);
	check_json("{\"lines\": [{\"what\": \"tea\", \"price\": 1, \"by\": {\"who\": \"ann\"}}, "
			   "{\"what\": \"cake\", \"price\": 2}, "
			   "{\"what\": \"milk\", \"price\": 3, \"by\": {\"who\": \"bob\"}}]}");
	check_row(4, "lines[1].price", "2", 15);
	put(1, "4", 25);
	put(1, "5", 27);
	put(0, "rice", 30);
	put(0, "corn", 35);
	check_json("{\"lines\": [{\"what\": \"tea\", \"price\": 1, \"by\": {\"who\": \"ann\"}}, "
			   "{\"what\": \"cake\", \"price\": 2}, "
			   "{\"what\": \"milk\", \"price\": 3, \"by\": {\"who\": \"bob\"}}]}");
	finish();

	begin("{\"properties\": {\"l\": {\"minItems\": 2, \"items\": {\"properties\": {\"a\": {}, "
		  "\"b\": {}},"
		  " \"required\": [\"a\", \"b\"]}}}, \"required\": [\"l\"]}");
	put(0, "a", 1);
	put(1, "b", 2);
	put(0, "c", 3);
	CHECK_STATUS(slm_extract_answer(schema, leaf, test_host(), &arena, &extraction, &err),
				 SLM_ERR_NO_VALUE);
	CHECK_CONTAINS(err.message, "\"l\"");
	put(1, "d", 4);
	check_json("{\"l\": [{\"a\": \"a\", \"b\": \"b\"}, {\"a\": \"c\", \"b\": \"d\"}]}");
	finish();
}

int
main(void)
{
	TEST(types_and_escapes);
	TEST(what_is_missing);
	TEST(nested_objects);
	TEST(lists_of_objects);
	return check_done();
}
