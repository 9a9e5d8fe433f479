/*
 * test_verbatim.c - strings that stand in an input: all of them, and no others
 */
#include "base/limits.h"
#include "chance.h"
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "task/verbatim.h"

static JsonText json;
static SlmArena arena;
static SlmError err;
static SlmGrammar *grammar;
static SlmVerbatim *input;
static uint64_t seed = 3;

static SlmStatus
prepare(const char *schema, SlmText text)
{
	slm_arena_reset(&arena);
	json_text_read(&json, schema);
	if (!CHECK_STATUS(
			slm_grammar_compile(json.node, json.n, true, test_host(), &arena, &grammar, &err),
			SLM_OK))
		return SLM_ERR_INTERNAL;
	return slm_verbatim_new(grammar, text, test_host(), &arena, &input, &err);
}

static bool
takes(const char *text)
{
	SlmGrammarState state;

	slm_grammar_start(grammar, input, &state);
	for (; *text != '\0'; text++)
		if (!slm_grammar_step(grammar, &state, (uint8_t) *text))
			return false;
	return slm_grammar_done(grammar, &state);
}

static void
words_are_whole(void)
{
	slm_arena_init(&arena, test_host(), 64 << 20);
	CHECK_STATUS(prepare("{\"type\": \"string\"}",
						 slm_text("Refund $45.50 to (Anna Smith), please.\n\"Now\" e\xCC\x81"
								  "t\xC3\xA9 \xE6\x97\xA5\xE6\x9C\xAC")),
				 SLM_OK);
	CHECK(takes("\"Refund\""));
	CHECK(takes("\"$45.50\""));
	CHECK(takes("\"45.50 to (Anna Smith)\""));
	CHECK(takes("\"Anna Smith\""));
	CHECK(takes("\"please.\\n\\\"Now\\\"\""));
	CHECK(takes("\"please\""));
	CHECK(takes("\"\""));
	CHECK(takes("\"e\xCC\x81t\xC3\xA9\""));
	CHECK(takes("\"\xE6\x97\xA5\""));
	CHECK(takes("\"\xE6\x9C\xAC\""));
	CHECK(!takes("\"Ann\""));
	CHECK(!takes("\"nna\""));
	CHECK(!takes("\"Anna \""));
	CHECK(!takes("\" Anna\""));
	CHECK(!takes("\"Anna to\""));
	CHECK(!takes("\"e\""));
	CHECK(!takes("\"5.5\""));
	CHECK(!takes("\"please.\n\\\"Now\\\"\""));
}

static void
lengths(void)
{
	SlmText text = slm_text("one three seventeen");

	CHECK_STATUS(prepare("{\"type\": \"string\", \"minLength\": 4, \"maxLength\": 5}", text),
				 SLM_OK);
	CHECK(takes("\"three\""));
	CHECK(!takes("\"one\""));
	CHECK(!takes("\"one three\""));
	CHECK(!takes("\"seventeen\""));
	CHECK(!takes("\"\""));
	CHECK_STATUS(prepare("{\"type\": \"string\", \"minLength\": 20}", text), SLM_ERR_NO_VALUE);
	CHECK_STATUS(prepare("{\"type\": [\"string\", \"null\"], \"minLength\": 20}", text), SLM_OK);
	CHECK(takes("null"));
	/* a property that the text has nothing for is left out, or its object is */
	CHECK_STATUS(
		prepare(
			"{\"properties\": {\"a\": {\"type\": \"string\", \"minLength\": 20}, \"b\": {\"type\": "
			"\"string\", \"minLength\": 1}, \"c\": {\"items\": {\"properties\": {\"d\": {\"type\": "
			"\"string\", \"maxLength\": 2, \"minLength\": 1}}, \"required\": [\"d\"]}}}}",
			text),
		SLM_OK);
	CHECK(takes("{\"b\": \"one\", \"c\": []}"));
	CHECK(takes("{}"));
	CHECK(!takes("{\"a\": \"one three seventeen\"}"));
	CHECK(!takes("{\"c\": [{\"d\": \"on\"}]}"));
	CHECK_STATUS(prepare("{\"properties\": {\"a\": {\"type\": \"string\", \"minLength\": 20}}, "
						 "\"required\": [\"a\"]}",
						 text),
				 SLM_ERR_NO_VALUE);
	CHECK_STATUS(prepare("{\"type\": \"string\", \"minLength\": 1}", slm_text(" \t\x01 ")),
				 SLM_ERR_NO_VALUE);
	CHECK_STATUS(prepare("{\"type\": \"string\"}", slm_text("a\xFF")), SLM_ERR_ENCODING);
}

/* A word of SLM_MAX_VERBATIM_BYTES is taken, a longer one is not there. */
static void
limit_of_bytes(void)
{
	static char text[SLM_MAX_VERBATIM_BYTES + 3];

	for (size_t n = SLM_MAX_VERBATIM_BYTES; n <= SLM_MAX_VERBATIM_BYTES + 1; n++)
	{
		bool fits = n == SLM_MAX_VERBATIM_BYTES;

		memset(text, 'a', sizeof(text));
		CHECK_STATUS(prepare("{\"type\": \"string\", \"maxLength\": 5000, \"minLength\": 1}",
							 (SlmText){text + 1, n}),
					 fits ? SLM_OK : SLM_ERR_NO_VALUE);
		text[0] = text[n + 1] = '"';
		if (fits)
		{
			text[n + 2] = '\0';
			CHECK(takes(text));
		}
	}
}

static void
other_strings_are_free(void)
{
	CHECK_STATUS(prepare("{\"properties\": {\"day\": {\"type\": \"string\", \"format\": \"date\"}, "
						 "\"kind\": {\"enum\": "
						 "[\"x\"]}}}",
						 slm_text("nothing")),
				 SLM_OK);
	CHECK(takes("{\"day\": \"2024-01-01\", \"kind\": \"x\"}"));
}

static void
spans(void)
{
	size_t start[2];

	CHECK_STATUS(prepare("{\"type\": \"string\"}", slm_text("cat catalog (cat) cat")), SLM_OK);
	CHECK_INT(slm_verbatim_find(input, slm_text("cat"), start, 2), 3);
	CHECK_INT(start[0], 0);
	CHECK_INT(start[1], 13);
	CHECK_INT(slm_verbatim_find(input, slm_text("catalog"), start, 2), 1);
	CHECK_INT(start[0], 4);
	CHECK_INT(slm_verbatim_find(input, slm_text("dog"), start, 2), 0);
	CHECK_INT(slm_verbatim_find(input, slm_text(""), start, 2), 0);
}

/* Undoes the escapes of a string with its quotes, in place. */
static size_t
unescape(char *text, size_t n)
{
	static const char escapes[] = "b\bf\fn\nr\rt\t\"\"\\\\";
	size_t to = 0;

	for (size_t i = 1; i + 1 < n; i++)
	{
		if (text[i] != '\\')
		{
			text[to++] = text[i];
			continue;
		}
		i++;
		for (int e = 0; escapes[e] != '\0'; e += 2)
			if (escapes[e] == text[i])
				text[to++] = escapes[e + 1];
	}
	return to;
}

/* Random walks over random texts are never stuck, and give what stands there. */
static void
walks(void)
{
	static const char *const pieces[] = {
		"a",        "ab",           " ", "\n",   "\"",       "\\", ".",
		"\xC3\xA9", "\xE6\x97\xA5", "1", "\x02", "\xCC\x81", ", ", "\xF0\x9F\x98\x80"};
	static const char *const schemas[] = {
		"{\"type\": \"string\"}",
		"{\"type\": [\"string\", \"null\"], \"minLength\": 3, \"maxLength\": 8}",
		"{\"type\": [\"string\", \"null\"], \"minLength\": 9}",
	};

	for (int i = 0; i < 300; i++)
	{
		char text[200] = "", written[2000];
		size_t n = 0, start;
		SlmGrammarState state;

		for (uint32_t left = chance(&seed, 30); left > 0; left--)
			strcat(text, pieces[chance(&seed, sizeof(pieces) / sizeof(pieces[0]))]);
		if (!CHECK_STATUS(prepare(schemas[i % 3], slm_text(text)), SLM_OK))
			return;
		slm_grammar_start(grammar, input, &state);
		while (!slm_grammar_done(grammar, &state))
		{
			uint8_t allowed[256], forced;
			size_t n_forced = 1;
			int n_allowed = 0;
			SlmGrammarState next;

			for (int byte = 0; byte < 256; byte++)
				if (slm_grammar_next(grammar, &state, (uint8_t) byte, &next))
					allowed[n_allowed++] = (uint8_t) byte;
			if (!CHECK(n_allowed > 0) || !CHECK(n < sizeof(written)))
				return;
			slm_grammar_forced(grammar, &state, &forced, &n_forced);
			CHECK(n_forced == 0 || (n_allowed == 1 && allowed[0] == forced));
			written[n] = (char) allowed[chance(&seed, (uint32_t) n_allowed)];
			CHECK(slm_grammar_step(grammar, &state, (uint8_t) written[n++]));
		}
		if (written[0] == 'n' || n == 2)
			continue;
		n = unescape(written, n);
		if (!CHECK(slm_verbatim_find(input, (SlmText){written, n}, &start, 1) > 0) ||
			!CHECK(memcmp(text + start, written, n) == 0))
			return;
	}
}

int
main(void)
{
	TEST(words_are_whole);
	TEST(lengths);
	TEST(limit_of_bytes);
	TEST(other_strings_are_free);
	TEST(spans);
	TEST(walks);
	slm_arena_trim(&arena, 0);
	return check_done();
}
