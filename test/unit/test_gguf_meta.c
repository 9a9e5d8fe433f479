/*
 * test_gguf_meta.c - typed look-ups of keys
 */
#include "check.h"
#include "gguf_builder.h"
#include "host.h"

#include <float.h>

/* A parsed file and what it borrows from. */
typedef struct Parsed
{
	GgufBytes file;
	SlmArena arena;
	SlmGguf gguf;
} Parsed;

static void
parse(GgufBuilder *b, Parsed *out)
{
	bool need_more;
	SlmError err = {0};

	out->file = (GgufBytes){0};
	gguf_finish(b, &out->file);
	slm_arena_init(&out->arena, test_host(), (size_t) 1 << 24);
	if (!CHECK(slm_gguf_parse(out->file.data, out->file.size, out->file.size, test_host(),
							  &out->arena, &out->gguf, &need_more, &err) == SLM_OK))
		printf("# %s\n", err.message);
}

static void
done(Parsed *parsed)
{
	slm_arena_trim(&parsed->arena, 0);
	gguf_bytes_free(&parsed->file);
}

static uint64_t
double_bits(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void
names_of_types(void)
{
	CHECK_STR(slm_gguf_type_name(SLM_GGUF_U8), "u8");
	CHECK_STR(slm_gguf_type_name(SLM_GGUF_BOOL), "bool");
	CHECK_STR(slm_gguf_type_name(SLM_GGUF_ARRAY), "array");
	CHECK_STR(slm_gguf_type_name(SLM_GGUF_F64), "f64");
	CHECK_STR(slm_gguf_type_name(13), "unknown");
	CHECK_STR(slm_gguf_type_name(UINT32_MAX), "unknown");
}

static void
integers(void)
{
	static const struct
	{
		const char *name;
		SlmGgufType type;
		int64_t value;
	} keys[] = {
		{"u8", SLM_GGUF_U8, 255},          {"i8", SLM_GGUF_I8, -128},
		{"u16", SLM_GGUF_U16, 65535},      {"i16", SLM_GGUF_I16, -32768},
		{"u32", SLM_GGUF_U32, 4294967295}, {"i32", SLM_GGUF_I32, -2147483647 - 1},
		{"u64", SLM_GGUF_U64, INT64_MAX},  {"i64", SLM_GGUF_I64, INT64_MIN},
	};
	GgufBuilder b;
	Parsed parsed;
	int64_t value;
	SlmError err = {0};
	bool found;

	gguf_begin(&b);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		gguf_add_scalar(&b, keys[i].name, keys[i].type, (uint64_t) keys[i].value);
	gguf_add_scalar(&b, "huge", SLM_GGUF_U64, UINT64_MAX);
	gguf_add_f32(&b, "float", 1.0f);
	gguf_add_bool(&b, "bool", true);
	gguf_add_i32s(&b, "list", (const int32_t[]){1}, 1);
	parse(&b, &parsed);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		const char *name = keys[i].name;
		int64_t right = keys[i].value;

		value = 0;
		CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, name, INT64_MIN, INT64_MAX, NULL, &value, &err),
					 SLM_OK);
		CHECK(value == right);
		/* the range includes both ends */
		CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, name, right, right, NULL, &value, &err),
					 SLM_OK);
		value = 42;
		if (right < INT64_MAX)
			CHECK_STATUS(
				slm_gguf_get_int(&parsed.gguf, name, right + 1, INT64_MAX, NULL, &value, &err),
				SLM_ERR_CORRUPT);
		if (right > INT64_MIN)
			CHECK_STATUS(
				slm_gguf_get_int(&parsed.gguf, name, INT64_MIN, right - 1, NULL, &value, &err),
				SLM_ERR_CORRUPT);
		CHECK_INT(value, 42);
	}
	CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, "i8", 1, 512, NULL, &value, &err), SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"i8\" is -128, outside 1 to 512");
	CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, "huge", INT64_MIN, INT64_MAX, NULL, &value, &err),
				 SLM_ERR_CORRUPT);
	CHECK_CONTAINS(err.message, "key \"huge\" is 18446744073709551615, outside");
	CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, "float", 0, 9, NULL, &value, &err),
				 SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"float\" has type f32, not an integer");
	CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, "bool", 0, 9, NULL, &value, &err), SLM_ERR_CORRUPT);
	CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, "list", 0, 9, NULL, &value, &err), SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"list\" is an array of i32, not an integer");

	value = 42;
	CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, "none", 0, 9, &found, &value, &err), SLM_OK);
	CHECK(!found);
	CHECK_INT(value, 42);
	CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, "u8", 0, 999, &found, &value, &err), SLM_OK);
	CHECK(found);
	CHECK_STATUS(slm_gguf_get_int(&parsed.gguf, "none", 0, 9, NULL, &value, &err), SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "model file lacks the key \"none\"");
	done(&parsed);
}

static void
floats(void)
{
	GgufBuilder b;
	Parsed parsed;
	float value = 0.0f;
	SlmError err = {0};
	bool found;

	gguf_begin(&b);
	gguf_add_f32(&b, "single", 1e-12f);
	gguf_add_scalar(&b, "double", SLM_GGUF_F64, double_bits(0.1));
	gguf_add_scalar(&b, "largest", SLM_GGUF_F64, double_bits((double) FLT_MAX));
	gguf_add_scalar(&b, "too large", SLM_GGUF_F64, double_bits(1e39));
	gguf_add_u32(&b, "int", 1);
	parse(&b, &parsed);
	CHECK_STATUS(slm_gguf_get_float(&parsed.gguf, "single", NULL, &value, &err), SLM_OK);
	CHECK(value == 1e-12f);
	CHECK_STATUS(slm_gguf_get_float(&parsed.gguf, "double", &found, &value, &err), SLM_OK);
	CHECK(found && value == 0.1f);
	CHECK_STATUS(slm_gguf_get_float(&parsed.gguf, "largest", NULL, &value, &err), SLM_OK);
	CHECK(value == FLT_MAX);
	CHECK_STATUS(slm_gguf_get_float(&parsed.gguf, "too large", NULL, &value, &err),
				 SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"too large\" is not a finite number");
	CHECK_STATUS(slm_gguf_get_float(&parsed.gguf, "int", NULL, &value, &err), SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"int\" has type u32, not a float");
	CHECK(value == FLT_MAX);
	CHECK_STATUS(slm_gguf_get_float(&parsed.gguf, "none", &found, &value, &err), SLM_OK);
	CHECK(!found && value == FLT_MAX);
	CHECK_STATUS(slm_gguf_get_float(&parsed.gguf, "none", NULL, &value, &err), SLM_ERR_CORRUPT);
	done(&parsed);
}

static void
booleans_and_strings(void)
{
	GgufBuilder b;
	Parsed parsed;
	SlmText text = slm_text("before");
	SlmError err = {0};
	bool value = false, found;

	gguf_begin(&b);
	gguf_add_bool(&b, "yes", true);
	gguf_add_bool(&b, "no", false);
	gguf_add_string(&b, "text", "some text");
	gguf_add_string(&b, "empty", "");
	parse(&b, &parsed);
	CHECK_STATUS(slm_gguf_get_bool(&parsed.gguf, "yes", NULL, &value, &err), SLM_OK);
	CHECK(value);
	CHECK_STATUS(slm_gguf_get_bool(&parsed.gguf, "no", &found, &value, &err), SLM_OK);
	CHECK(found && !value);
	CHECK_STATUS(slm_gguf_get_bool(&parsed.gguf, "none", &found, &value, &err), SLM_OK);
	CHECK(!found);
	CHECK_STATUS(slm_gguf_get_bool(&parsed.gguf, "none", NULL, &value, &err), SLM_ERR_CORRUPT);
	CHECK_STATUS(slm_gguf_get_bool(&parsed.gguf, "text", NULL, &value, &err), SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"text\" has type string, not a boolean");

	CHECK_STATUS(slm_gguf_get_string(&parsed.gguf, "none", &found, &text, &err), SLM_OK);
	CHECK(!found && slm_text_compare(text, slm_text("before")) == 0);
	CHECK_STATUS(slm_gguf_get_string(&parsed.gguf, "text", &found, &text, &err), SLM_OK);
	CHECK(found && slm_text_compare(text, slm_text("some text")) == 0);
	CHECK_STATUS(slm_gguf_get_string(&parsed.gguf, "empty", NULL, &text, &err), SLM_OK);
	CHECK_INT(text.size, 0);
	CHECK_STATUS(slm_gguf_get_string(&parsed.gguf, "none", NULL, &text, &err), SLM_ERR_CORRUPT);
	CHECK_STATUS(slm_gguf_get_string(&parsed.gguf, "yes", NULL, &text, &err), SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"yes\" has type bool, not a string");
	done(&parsed);
}

static void
arrays(void)
{
	static const char *const words[] = {"one", "", "three"};
	static const int32_t numbers[] = {7, -8};
	const SlmGgufKey *array = NULL;
	GgufBuilder b;
	Parsed parsed;
	SlmText text;
	SlmError err = {0};
	uint64_t at = 0;
	int32_t number;
	bool found;

	gguf_begin(&b);
	gguf_add_strings(&b, "words", words, 3);
	gguf_add_strings(&b, "nothing", NULL, 0);
	gguf_add_i32s(&b, "numbers", numbers, 2);
	gguf_add_u32(&b, "number", 1);
	parse(&b, &parsed);
	CHECK_STATUS(slm_gguf_get_array(&parsed.gguf, "numbers", SLM_GGUF_I32, &found, &array, &err),
				 SLM_OK);
	CHECK(found && array->count == 2 && array->value_bytes == 8);
	memcpy(&number, array->value + 4, sizeof(number));
	CHECK_INT(number, -8);
	CHECK(!slm_gguf_next_string(array, &at, &text));

	CHECK_STATUS(slm_gguf_get_array(&parsed.gguf, "words", SLM_GGUF_STRING, NULL, &array, &err),
				 SLM_OK);
	CHECK_INT(array->count, 3);
	for (int i = 0; i < 3; i++)
		CHECK(slm_gguf_next_string(array, &at, &text) &&
			  slm_text_compare(text, slm_text(words[i])) == 0);
	CHECK_INT(at, array->value_bytes);
	CHECK(!slm_gguf_next_string(array, &at, &text));
	at = array->value_bytes + 1;
	CHECK(!slm_gguf_next_string(array, &at, &text));
	at = 3; /* not where a string begins: its length would be absurd */
	CHECK(!slm_gguf_next_string(array, &at, &text));

	at = 0;
	CHECK_STATUS(slm_gguf_get_array(&parsed.gguf, "nothing", SLM_GGUF_STRING, NULL, &array, &err),
				 SLM_OK);
	CHECK(!slm_gguf_next_string(array, &at, &text));

	CHECK_STATUS(slm_gguf_get_array(&parsed.gguf, "words", SLM_GGUF_F32, NULL, &array, &err),
				 SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"words\" is an array of string, not of f32");
	CHECK_STATUS(slm_gguf_get_array(&parsed.gguf, "number", SLM_GGUF_F32, NULL, &array, &err),
				 SLM_ERR_CORRUPT);
	CHECK_STR(err.message, "key \"number\" has type u32, not array of f32");
	CHECK_STATUS(slm_gguf_get_array(&parsed.gguf, "none", SLM_GGUF_F32, &found, &array, &err),
				 SLM_OK);
	CHECK(!found);
	CHECK_STATUS(slm_gguf_get_array(&parsed.gguf, "none", SLM_GGUF_F32, NULL, &array, &err),
				 SLM_ERR_CORRUPT);
	done(&parsed);
}

int
main(void)
{
	TEST(names_of_types);
	TEST(integers);
	TEST(floats);
	TEST(booleans_and_strings);
	TEST(arrays);
	return check_done();
}
