/*
 * test_grammar.c - schemas as automata: what may follow, what is refused, that it ends
 */
#include "base/limits.h"
#include "base/utf8.h"
#include "chance.h"
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "task/grammar.h"

static JsonText json;
static SlmArena arena;
static SlmError err;
static SlmGrammar *grammar;
static uint64_t seed;

static SlmStatus
compile(const char *text)
{
	slm_arena_reset(&arena);
	json_text_read(&json, text);
	return slm_grammar_compile(json.node, json.n, false, test_host(), &arena, &grammar, &err);
}

/* Is all of the text a value of the grammar? */
static bool
takes(const char *text)
{
	SlmGrammarState state;

	slm_grammar_start(grammar, NULL, &state);
	for (; *text != '\0'; text++)
		if (!slm_grammar_step(grammar, &state, (uint8_t) *text))
			return false;
	return slm_grammar_done(grammar, &state);
}

/* With each 1 in text the schema takes it, with 0 not: "1 {...}" lines. */
static void
check_language(const char *schema, const char *const *text)
{
	if (!CHECK_STATUS(compile(schema), SLM_OK))
	{
		printf("# %s: %s\n", schema, err.message);
		return;
	}
	for (; *text != NULL; text++)
	{
		bool wanted = (*text)[0] == '+';

		if (takes(*text + 1) != wanted)
		{
			CHECK(false);
			printf("# %s should %s%s\n", schema, wanted ? "take " : "not take ", *text + 1);
		}
	}
}

#define LANGUAGE(schema, ...) check_language(schema, (const char *const[]){__VA_ARGS__, NULL})

static void
check_refused(const char *schema, SlmStatus status, const char *message)
{
	CHECK_STATUS(compile(schema), status);
	CHECK_CONTAINS(err.message, message);
}

static void
scalars(void)
{
	slm_arena_init(&arena, test_host(), 64 << 20);
	LANGUAGE("{\"type\": \"boolean\"}", "+true", "+false", "-null", "-tru", "-true ", "- true");
	LANGUAGE("{\"type\": [\"null\", \"boolean\"]}", "+true", "+null", "-nul", "-0");
	LANGUAGE("{\"type\": \"integer\"}", "+0", "+-1", "+123456789012345", "-1234567890123456", "--0",
			 "-01", "-1.0", "-+1", "-");
	LANGUAGE("{\"type\": \"integer\", \"minimum\": -12, \"exclusiveMaximum\": 205.5}", "+-12",
			 "--13", "+0", "+205", "-206", "+99", "+100", "-1000", "--100", "+-9", "-300");
	LANGUAGE("{\"type\": \"integer\", \"minimum\": 999999999999999998}", "-1",
			 "+999999999999999999", "-999999999999999997");
	LANGUAGE("{\"type\": \"number\", \"minimum\": 0.25, \"maximum\": 12.5}", "-0", "-0.2", "+0.25",
			 "+0.3", "+1", "+1.0", "+12.5", "+12.500000", "-12.500001", "-12.6", "-13", "+2.123456",
			 "-2.1234567", "-2.", "-.5");
	LANGUAGE("{\"type\": \"number\", \"exclusiveMinimum\": -1.5, \"maximum\": 0}", "--1.5", "+-1.4",
			 "+-1.499999", "--0", "--0.0", "+0", "+0.0", "-0.1");
	LANGUAGE("{\"enum\": [\"a\", \"ab\", 1, 12, null, true, {\"k\": [1, \"x\"]}]}", "+\"a\"",
			 "+\"ab\"", "+1", "+12", "-2", "+null", "+true", "-false", "+{\"k\": [1, \"x\"]}",
			 "-{\"k\": [1]}");
	LANGUAGE("{\"type\": \"integer\", \"enum\": [\"a\", 1, 1.5, 2.0]}", "+1", "-1.5", "+2.0",
			 "-\"a\"");
	LANGUAGE("{\"const\": \"\\u00e9\\n\"}", "+\"\xC3\xA9\\n\"", "-\"e\"");
}

static void
strings(void)
{
	LANGUAGE("{\"type\": \"string\", \"minLength\": 2, \"maxLength\": 3}", "-\"\"", "-\"a\"",
			 "+\"ab\"", "+\"abc\"", "-\"abcd\"", "+\"\xC3\xA9\xF0\x9F\x98\x80\"", "+\"\\n\\\"\"",
			 "+\"\\u00e9\\uD83D\\ude00\"", "-\"\\uD83D\"", "-\"\\uD83Dab\"", "-\"\\uDE00a\"",
			 "-\"a\\u0000\"", "+\"a\\u0001\"", "+\"\\u0100\\/\"", "-\"a\nb\"",
			 "-\"\xC0\x80"
			 "a\"",
			 "-\"\xED\xA0\x80"
			 "a\"",
			 "-\"a\xFF\"");
	LANGUAGE("{\"type\": \"string\", \"format\": \"date\"}", "+\"2024-02-29\"", "-\"2023-02-29\"",
			 "-\"1900-02-29\"", "+\"2000-02-29\"", "-\"2024-04-31\"", "+\"2024-12-31\"",
			 "-\"2024-13-01\"", "-\"2024-1-1\"", "-\"0000-01-01\"");
	LANGUAGE("{\"type\": \"string\", \"format\": \"date-time\"}", "+\"2024-02-29T23:59:59Z\"",
			 "+\"2024-01-01T00:00:00.5+01:30\"", "-\"2024-01-01 00:00:00Z\"",
			 "-\"2024-01-01T24:00:00Z\"", "-\"2024-01-01T00:00:00\"");
	LANGUAGE("{\"type\": \"string\", \"format\": \"email\"}", "+\"a.b+c@ex-ample.org\"", "-\"a@b\"",
			 "-\"a..b@c.de\"", "-\"a@-b.de\"");
	LANGUAGE("{\"type\": \"string\", \"format\": \"uri\"}", "+\"https://example.org/a?b=c#d\"",
			 "-\"example.org\"", "+\"http://a.b:80\"", "-\"http://a b\"", "+\"mailto:a@b.c\"",
			 "-\"https://a/%zz\"");
	LANGUAGE("{\"type\": \"string\", \"format\": \"uuid\"}",
			 "+\"123e4567-e89b-12d3-a456-426614174000\"", "-\"123e4567e89b12d3a456426614174000\"");
	LANGUAGE("{\"type\": \"string\", \"format\": \"ipv4\"}", "+\"192.168.0.255\"", "-\"256.1.1.1\"",
			 "-\"1.1.1\"", "-\"01.1.1.1\"");
	LANGUAGE("{\"type\": \"string\", \"format\": \"ipv6\"}", "+\"2001:db8::1\"", "+\"::\"",
			 "+\"1:2:3:4:5:6:7:8\"", "-\"1:2:3\"", "-\"1::2::3\"", "-\"1:2:3:4:5:6:7:8:9\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^[A-Z]{2}-\\\\d{3,}$\", \"maxLength\": 7}",
			 "+\"AB-123\"", "+\"AB-1234\"", "-\"AB-12345\"", "-\"AB-12\"", "-\"aB-123\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"(?:a|bc)+?d?\", \"maxLength\": 4}", "+\"xabc\"",
			 "+\"bc\"", "-\"xyz\"", "+\"xxxa\"", "-\"xxxxa\"");
	/* what dialects disagree about is in no class */
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^\\\\D$\"}", "+\"\u00e9\"", "+\"x\"",
			 "+\"\u6771\"", "-\"7\"", "-\"\u0664\"", "-\"\uff17\"", "-\"\U0001d7d8\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^[^\\\\d]$\"}", "+\"\u00e9\"", "-\"7\"",
			 "-\"\u0664\"", "+\"\\t\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^[^\\\\D]$\"}", "+\"7\"", "-\"\u0664\"",
			 "-\"x\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^\\\\W\\\\w$\"}", "+\"-a\"", "-\"\u00e9a\"",
			 "-\"_a\"", "+\"\u2192_\"", "-\"-\u00e9\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^\\\\S\\\\s$\"}", "+\"\u00e9 \"",
			 "-\"a\u00a0\"", "-\"\xC2\x85 \"", "-\"\ufeff \"", "-\"a\ufeff\"", "-\"  \"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^a|b$\", \"maxLength\": 3}", "+\"axx\"",
			 "+\"xxb\"", "-\"xax\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(ab)*$\", \"minLength\": 3, \"maxLength\": 5}",
			 "+\"abab\"", "-\"ab\"", "-\"ababab\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^[^a-z\\\\d]\\\\.\\\"\\\\\\\\.$\"}",
			 "+\"A.\\\"\\\\\xC3\xA9\"", "-\"a.\\\"\\\\x\"", "+\"\xF0\x9F\x98\x80.\\\"\\\\\\t\"");
}

static void
objects(void)
{
	const char *schema = "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}, "
						 "\"ab\": {\"type\": \"boolean\"},"
						 " \"c\": {\"type\": \"null\"}}, \"required\": [\"ab\"]}";

	LANGUAGE(schema, "+{\"a\": 1, \"ab\": true, \"c\": null}", "+{\"ab\": true}",
			 "+{\"ab\": false, \"c\": null}", "+{\"a\": 0, \"ab\": true}", "-{\"a\": 1}", "-{}",
			 "-{\"c\": null}", "-{\"ab\": true, \"a\": 1}", "-{\"ab\":true}",
			 "-{\"a\": 1,\"ab\": true}", "-{\"ab\": true,}");
	LANGUAGE("{\"properties\": {\"a\": {\"type\": \"null\"}, \"b\": {\"type\": \"null\"}}, "
			 "\"propertyOrdering\": "
			 "[\"b\"]}",
			 "+{}", "+{\"b\": null, \"a\": null}", "-{\"a\": null, \"b\": null}", "+{\"a\": null}",
			 "+{\"b\": null}");
	LANGUAGE("{\"type\": \"object\"}", "+{}", "-{\"a\": 1}");
	LANGUAGE("{\"type\": \"array\", \"items\": {\"type\": \"integer\"}, \"minItems\": 1, "
			 "\"maxItems\": 3}",
			 "-[]", "+[1]", "+[1, 2, 3]", "-[1, 2, 3, 4]", "-[1,2]", "-[1, ]");
	LANGUAGE("{\"items\": {\"items\": {\"type\": \"null\"}, \"maxItems\": 1}, \"maxItems\": 2}",
			 "+[]", "+[[]]", "+[[null], []]", "-[[null, null]]", "-[[], [], []]",
			 "+[[null], [null]]");
	LANGUAGE("{\"anyOf\": [{\"properties\": {\"k\": {\"const\": \"x\"}, \"v\": {\"type\": "
			 "\"integer\"}}, \"required\": "
			 "[\"k\", \"v\"]}, {\"properties\": {\"k\": {\"const\": \"xy\"}, \"w\": {\"type\": "
			 "\"null\"}}, \"required\": "
			 "[\"k\", \"w\"]}, {\"type\": \"null\"}]}",
			 "+null", "+{\"k\": \"x\", \"v\": 5}", "+{\"k\": \"xy\", \"w\": null}",
			 "-{\"k\": \"x\", \"w\": null}");
	LANGUAGE("{\"$defs\": {\"p\": {\"type\": \"integer\", \"minimum\": 5}}, \"properties\": "
			 "{\"a\": {\"$ref\": "
			 "\"#/$defs/p\"}}, \"required\": [\"a\"]}",
			 "+{\"a\": 5}", "-{\"a\": 4}");
}

/* A schema within itself, as deep as the limit and no deeper. */
static void
recursion(void)
{
	LANGUAGE("{\"properties\": {\"a\": {\"$ref\": \"#\"}, \"b\": {\"type\": \"null\"}}}", "+{}",
			 "+{\"b\": null}", "+{\"a\": {\"a\": {}, \"b\": null}}",
			 "+{\"a\": {\"a\": {\"a\": {\"a\": {\"b\": null}}}}}",
			 "-{\"a\": {\"a\": {\"a\": {\"a\": {\"a\": {}}}}}}");
	LANGUAGE("{\"$defs\": {\"\u00e9 x\": {\"type\": \"null\"}}, \"$ref\": \"#/$defs/%C3%a9%20x\"}",
			 "+null");
	LANGUAGE("{\"items\": {\"$ref\": \"#\"}}", "+[]", "+[[], [[]]]", "+[[[[[]]]]]",
			 "-[[[[[[]]]]]]");
	LANGUAGE("{\"$defs\": {\"list\": {\"properties\": {\"next\": {\"anyOf\": [{\"$ref\": "
			 "\"#/$defs/list\"}, {\"type\": "
			 "\"null\"}]}}, \"required\": [\"next\"]}}, \"$ref\": \"#/$defs/list\"}",
			 "+{\"next\": null}", "+{\"next\": {\"next\": null}}", "-{}");
}

static void
tuples(void)
{
	slm_arena_trim(&arena, 0);
	slm_arena_init(&arena, test_host(), 64 << 20);
	LANGUAGE("{\"prefixItems\": [{\"type\": \"null\"}, {\"enum\": [1, 2]}], \"minItems\": 1}",
			 "+[null]", "+[null, 1]", "-[]", "-[1]", "-[null, null]", "-[null, 1, 1]");
	LANGUAGE(
		"{\"prefixItems\": [{\"type\": \"null\"}], \"items\": {\"enum\": [1]}, \"maxItems\": 3}",
		"+[]", "+[null, 1, 1]", "-[null, 1, 1, 1]", "-[null, null]", "-[1]");
	LANGUAGE("{\"items\": [{\"type\": \"null\"}, {\"type\": \"boolean\"}], \"additionalItems\": "
			 "{\"enum\": [1]}, "
			 "\"minItems\": 3, \"maxItems\": 4}",
			 "+[null, true, 1]", "+[null, false, 1, 1]", "-[null, true]", "-[null, true, true]");
	LANGUAGE("{\"prefixItems\": [{\"type\": \"null\"}, {\"type\": \"null\"}], \"items\": false, "
			 "\"maxItems\": 1}",
			 "+[null]", "-[null, null]");
	LANGUAGE("{\"prefixItems\": [{\"prefixItems\": [{\"enum\": [1]}, {\"enum\": [2]}]}, "
			 "{\"items\": {\"enum\": "
			 "[3]}}], \"minItems\": 2}",
			 "+[[1, 2], [3, 3]]", "+[[], []]", "-[[1], [1]]", "-[[2], []]");
	LANGUAGE("{\"prefixItems\": [{\"enum\": [1]}, {\"$ref\": \"#\"}]}", "+[1, [1, [1, []]]]",
			 "+[]");
	LANGUAGE("{\"items\": {\"type\": \"null\"}, \"uniqueItems\": false, \"maxItems\": 2}",
			 "+[null, null]");
	LANGUAGE("{\"items\": {\"type\": \"null\"}, \"uniqueItems\": true, \"maxItems\": 1}",
			 "+[null]");
	LANGUAGE("{\"properties\": {\"a\": {\"type\": \"null\"}}, \"additionalProperties\": {\"type\": "
			 "\"null\"}}",
			 "+{\"a\": null}", "-{\"b\": null}");
	check_refused("{\"prefixItems\": [{\"type\": \"null\"}], \"minItems\": 2}", SLM_ERR_UNSUPPORTED,
				  "\"minItems\" at # is supported up to the items");
	check_refused("{\"items\": {\"type\": \"null\"}, \"uniqueItems\": true}", SLM_ERR_UNSUPPORTED,
				  "\"uniqueItems\" at # is supported as false only");
	check_refused("{\"prefixItems\": [{\"type\": \"null\"}], \"items\": [{}]}", SLM_ERR_ARGUMENT,
				  "\"items\" at # is an array beside");
	check_refused("{\"prefixItems\": [{\"type\": \"null\"}, {\"not\": {}}]}", SLM_ERR_UNSUPPORTED,
				  "\"not\" at #/prefixItems/1 ");
	check_refused("{\"items\": true}", SLM_ERR_UNSUPPORTED, "without a schema of its items");
	slm_arena_trim(&arena, 0);
}

static void
multiples(void)
{
	slm_arena_init(&arena, test_host(), 256 << 20);
	LANGUAGE("{\"type\": \"integer\", \"multipleOf\": 5, \"minimum\": -12, \"maximum\": 1000}",
			 "+0", "+5", "+-10", "+1000", "+985", "-7", "--5.0", "-1005", "--15", "-12");
	LANGUAGE("{\"type\": \"number\", \"multipleOf\": 0.01}", "+3.14", "+3", "+-0.01", "+2.50",
			 "-3.141", "-0.001");
	LANGUAGE("{\"type\": \"number\", \"multipleOf\": 0.25, \"minimum\": 0}", "+0", "+0.5", "+0.50",
			 "+1.75", "+12", "-0.3", "-0.1", "-0.35");
	LANGUAGE("{\"type\": \"number\", \"multipleOf\": 2.50}", "+2.5", "+5", "+7.5", "+10", "+-2.5",
			 "-3", "-1", "-2.50");
	LANGUAGE("{\"type\": \"integer\", \"multipleOf\": 1.5}", "+3", "+0", "+15", "-1", "-2", "-4");
	LANGUAGE("{\"type\": \"integer\", \"multipleOf\": 0.01, \"maximum\": 10}", "+7", "+10");
	LANGUAGE("{\"type\": \"integer\", \"multipleOf\": 1000, \"minimum\": 1, \"maximum\": 20000}",
			 "+1000", "+20000", "-0", "-1500", "-21000");
	LANGUAGE("{\"type\": \"string\", \"format\": \"duration\"}", "+\"P3W\"", "+\"P1Y2M3DT4H5M6S\"",
			 "+\"PT5M\"", "+\"P2DT1H\"", "-\"P\"", "-\"PT\"", "-\"P1Y2D\"", "-\"5M\"");
	check_refused("{\"type\": \"integer\", \"multipleOf\": 7, \"minimum\": 1, \"maximum\": 6}",
				  SLM_ERR_ARGUMENT, "no integer lies between the limits");
	check_refused("{\"type\": \"integer\", \"multipleOf\": 0}", SLM_ERR_ARGUMENT, "above 0");
	check_refused("{\"type\": \"integer\", \"multipleOf\": -2}", SLM_ERR_ARGUMENT, "above 0");
	check_refused("{\"type\": \"integer\", \"multipleOf\": 1001}", SLM_ERR_LIMIT, "limit of 1000");
	check_refused("{\"type\": \"number\", \"multipleOf\": 0.0000001}", SLM_ERR_LIMIT, "6 digits");
	slm_arena_trim(&arena, 0);
}

/* What must be so, and must not, besides. */
static void
patterns_with_company(void)
{
	slm_arena_init(&arena, test_host(), 256 << 20);
	LANGUAGE("{\"type\": \"string\", \"format\": \"date\", \"pattern\": \"^2024-0[12]\"}",
			 "+\"2024-02-29\"", "-\"2024-03-01\"", "-\"2024-02-30\"", "-\"2023-01-01\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(?!\\\\.)(?!.*\\\\.\\\\.)[a-z.]+$\", "
			 "\"maxLength\": 6}",
			 "+\"a.b\"", "+\"a.b.\"", "-\".a\"", "-\"a..b\"", "-\"a..\"", "-\"\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(?=.*[A-Z])(?=.*\\\\d).{3,5}$\"}", "+\"A1b\"",
			 "+\"1bbbA\"", "-\"A1\"", "-\"a1b\"", "-\"Abc\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(?!^-*$)-?\\\\d*$\", \"minLength\": 2, "
			 "\"maxLength\": 3}",
			 "+\"-1\"", "+\"12\"", "-\"-\"", "-\"\"", "-\"1\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(?!a|b)[a-d]\"}", "+\"c\"", "+\"dx\"",
			 "-\"a\"", "-\"bb\"");
	/* a digit that only some call one must not be where none may be, nor where one must */
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(?!\\\\d).$\"}", "+\"a\"", "-\"1\"",
			 "-\"\u0664\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(?=\\\\d).$\"}", "+\"1\"", "-\"\u0664\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(?![^\\\\D]).$\"}", "+\"a\"", "-\"1\"",
			 "-\"\u0664\"");
	LANGUAGE("{\"type\": \"string\", \"pattern\": \"^(?!.b)[\\\\x01a]b?$\"}", "+\"a\"", "-\"ab\"",
			 "-\"\\u0001b\"");
	LANGUAGE("{\"type\": \"string\", \"format\": \"email\", \"pattern\": "
			 "\"^(?!\\\\.)(?!.*\\\\.\\\\.)([A-Za-z0-9_'+"
			 "\\\\-\\\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\\\-]*\\\\.)+[A-Za-z]{2,}$\"}",
			 "+\"a.b@c.de\"", "-\"a%b@c.de\"", "-\"a@b\"");
	check_refused("{\"type\": \"string\", \"pattern\": \"^(?=a)b$\"}", SLM_ERR_ARGUMENT,
				  "has no string");
	check_refused("{\"type\": \"string\", \"format\": \"date\", \"pattern\": \"x\"}",
				  SLM_ERR_ARGUMENT, "has no string");
	check_refused("{\"type\": \"string\", \"pattern\": \"^(?=a)b|c$\"}", SLM_ERR_UNSUPPORTED,
				  "one of several alternatives at character 2");
	check_refused("{\"type\": \"string\", \"pattern\": \"^(?!)a$\"}", SLM_ERR_UNSUPPORTED,
				  "for nothing");
	check_refused("{\"type\": \"string\", \"pattern\": \"^a(?=b)\"}", SLM_ERR_UNSUPPORTED, "(?");
	check_refused("{\"type\": \"string\", \"pattern\": \"(?=b)\"}", SLM_ERR_UNSUPPORTED, "(?");
	check_refused("{\"type\": \"string\", \"pattern\": \"^(?=\\\\bb)a\"}", SLM_ERR_UNSUPPORTED,
				  "escape");
	slm_arena_trim(&arena, 0);
}

static void
refusals(void)
{
	check_refused("{\"type\": \"string\", \"contains\": 2}", SLM_ERR_UNSUPPORTED,
				  "\"contains\" at # ");
	check_refused("{\"properties\": {\"a\": {\"items\": {\"type\": \"string\", \"not\": {}}}}}",
				  SLM_ERR_UNSUPPORTED, "\"not\" at #/properties/a/items ");
	check_refused("{\"type\": \"string\", \"minLength\": 3, \"maxLength\": 2}", SLM_ERR_ARGUMENT,
				  "minLength");
	check_refused("{\"items\": {\"type\": \"null\"}, \"minItems\": 3, \"maxItems\": 2}",
				  SLM_ERR_ARGUMENT, "minItems");
	check_refused("{\"type\": \"integer\", \"minimum\": 1.2, \"maximum\": 1.8}", SLM_ERR_ARGUMENT,
				  "no integer");
	check_refused("{\"enum\": []}", SLM_ERR_ARGUMENT, "no values");
	check_refused("{\"type\": \"string\", \"enum\": [1]}", SLM_ERR_ARGUMENT, "no values");
	check_refused("{\"properties\": {}, \"required\": [\"a\"]}", SLM_ERR_ARGUMENT,
				  "not one of the properties");
	check_refused("{\"additionalProperties\": {\"type\": \"null\"}, \"minProperties\": 2}",
				  SLM_ERR_UNSUPPORTED, "\"minProperties\" at # is supported up to 1");
	check_refused("{\"additionalProperties\": true, \"minProperties\": 1, \"maxProperties\": 0}",
				  SLM_ERR_ARGUMENT, "minProperties");
	check_refused("{\"properties\": {\"a\": {\"type\": \"null\"}}, \"maxProperties\": 1}",
				  SLM_ERR_UNSUPPORTED, "\"maxProperties\" at # is supported beside");
	check_refused("{\"type\": \"object\", \"propertyNames\": {\"minLength\": 1}}",
				  SLM_ERR_UNSUPPORTED, "\"propertyNames\" at # is supported beside");
	check_refused("{\"additionalProperties\": true, \"propertyNames\": {\"type\": \"integer\"}}",
				  SLM_ERR_UNSUPPORTED,
				  "\"propertyNames\" at # is supported as a schema of strings");
	check_refused("{\"additionalProperties\": true, \"propertyNames\": {}}", SLM_ERR_UNSUPPORTED,
				  "propertyNames");
	check_refused("{\"additionalProperties\": {\"$ref\": \"#\"}, \"minProperties\": 1}",
				  SLM_ERR_ARGUMENT, "without end");
	check_refused("{\"type\": \"integer\", \"format\": \"decimal\"}", SLM_ERR_UNSUPPORTED,
				  "\"decimal\"");
	check_refused("{\"type\": \"string\", \"format\": \"int32\"}", SLM_ERR_UNSUPPORTED,
				  "\"int32\"");
	check_refused("{\"type\": \"integer\", \"format\": \"uint8\", \"minimum\": 256}",
				  SLM_ERR_ARGUMENT, "no integer");
	check_refused("{\"type\": \"string\", \"pattern\": \"^abc$\", \"maxLength\": 2}",
				  SLM_ERR_ARGUMENT, "no string");
	check_refused("{\"type\": \"string\", \"pattern\": \"(?=a)\"}", SLM_ERR_UNSUPPORTED, "(?");
	check_refused("{\"type\": \"string\", \"pattern\": \"a\\\\bc\"}", SLM_ERR_UNSUPPORTED,
				  "escape");
	check_refused("{\"type\": \"string\", \"pattern\": \"(a\"}", SLM_ERR_ARGUMENT,
				  "closing bracket");
	check_refused("{\"type\": \"string\", \"format\": \"iri\"}", SLM_ERR_UNSUPPORTED, "\"iri\"");
	check_refused("{\"$ref\": \"#/a\"}", SLM_ERR_ARGUMENT, "nowhere");
	check_refused("{\"$ref\": \"http://a\"}", SLM_ERR_UNSUPPORTED, "within the schema");
	check_refused("{\"$ref\": \"#\"}", SLM_ERR_ARGUMENT, "without end");
	check_refused("{\"properties\": {\"a\": {\"$ref\": \"#\"}}, \"required\": [\"a\"]}",
				  SLM_ERR_ARGUMENT, "without end");
	check_refused("{\"items\": {\"$ref\": \"#\"}, \"minItems\": 1}", SLM_ERR_ARGUMENT,
				  "without end");
	check_refused("{\"oneOf\": [{\"type\": \"integer\"}, {\"type\": \"number\"}]}",
				  SLM_ERR_UNSUPPORTED, "oneOf");
}

/* Objects of any names; 9 maps within each other are one too many. */
static void
maps(void)
{
	LANGUAGE("{\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"}}", "+{}",
			 "+{\"a\": 1}", "+{\"a\": 1, \"\": -2, \"\\n\\u00e9\": 3}", "-{\"a\"}", "-{\"a\": }",
			 "-{\"a\": true}", "-{a: 1}", "-{\"a\": 1,}", "-{\"a\":1}", "-{\"a\": 1, }", "-[]",
			 "-{\"\\u0000\": 1}", "-{\"a\": 1]");
	LANGUAGE("{\"additionalProperties\": true, \"minProperties\": 1, \"maxProperties\": 2}", "-{}",
			 "+{\"a\": \"b\"}", "+{\"a\": null, \"b\": 1.5}", "+{\"a\": false}",
			 "-{\"a\": 1, \"b\": 2, \"c\": 3}", "-{\"a\": []}");
	LANGUAGE("{\"propertyNames\": {\"pattern\": \"^[a-z]{2}$\"}, \"additionalProperties\": "
			 "{\"type\": \"array\", \"items\": {\"additionalProperties\": {\"type\": \"null\"}}}}",
			 "+{}", "+{\"en\": [], \"de\": [{\"x\": null}, {}]}", "-{\"e\": []}", "-{\"en\": {}}",
			 "-{\"en\": [null]}");
	LANGUAGE("{\"propertyNames\": {\"enum\": [\"a\", \"ab\"]}, \"additionalProperties\": "
			 "{\"type\": \"boolean\"}}",
			 "+{\"a\": true}", "+{\"ab\": true, \"a\": false}", "-{\"b\": true}");
	LANGUAGE("{\"anyOf\": [{\"additionalProperties\": {\"type\": \"integer\"}}, {\"properties\": "
			 "{\"a\": {\"type\": \"string\"}}, \"required\": [\"a\"]}]}",
			 "+{\"a\": 1}", "+{\"a\": \"x\"}", "+{}", "-{\"b\": \"x\"}");
	/* itself within itself ends where recursion does */
	LANGUAGE("{\"additionalProperties\": {\"$ref\": \"#\"}}", "+{}", "+{\"a\": {}}",
			 "+{\"a\": {\"b\": {\"c\": {}}}, \"d\": {}}");
	check_refused("{\"oneOf\": [{\"additionalProperties\": {\"type\": \"integer\"}}, "
				  "{\"properties\": {\"a\": {\"type\": \"string\"}}}]}",
				  SLM_ERR_UNSUPPORTED, "oneOf");
	LANGUAGE("{\"oneOf\": [{\"additionalProperties\": {\"type\": \"integer\"}}, {\"type\": "
			 "\"array\", \"items\": {\"type\": \"integer\"}}]}",
			 "+{\"a\": 1}", "+[1]");
}

/* A schema of any value gives one without others in it; formats of numbers are limits. */
static void
any_values_and_numbers(void)
{
	LANGUAGE("{}", "+\"a\"", "+1.5", "+true", "+null", "-[]", "-{}");
	LANGUAGE("{\"properties\": {\"a\": {\"description\": \"what it is\"}, \"b\": {\"items\": {}, "
			 "\"type\": \"array\"}}, \"required\": [\"a\", \"b\"]}",
			 "+{\"a\": 1, \"b\": [null, \"x\"]}", "-{\"a\": {}, \"b\": []}", "-{\"b\": []}");
	LANGUAGE("{\"type\": \"integer\", \"format\": \"int32\"}", "+2147483647", "-2147483648",
			 "+-2147483648", "--2147483649");
	LANGUAGE("{\"type\": [\"integer\", \"null\"], \"format\": \"uint8\", \"minimum\": 0}", "+0",
			 "+255", "-256", "--1", "+null");
	LANGUAGE("{\"type\": \"integer\", \"format\": \"int64\", \"exclusiveMinimum\": 7}", "-7", "+8",
			 "+999999999999999999", "-1000000000000000000");
	LANGUAGE("{\"type\": \"integer\", \"format\": \"uint16\", \"minimum\": -5, \"maximum\": 9}",
			 "--1", "+0", "+9", "-10");
	LANGUAGE("{\"type\": \"number\", \"format\": \"double\", \"maximum\": 2}", "+1.5", "-2.5");
	LANGUAGE("{\"type\": \"number\", \"format\": \"int8\"}", "+1", "-1.5", "-128");
	LANGUAGE("{\"type\": [\"string\", \"number\"], \"format\": \"date\"}", "+1.5",
			 "+\"2024-02-29\"", "-\"x\"");
}

/* Bytes that may follow, by trying. */
static int
following(const SlmGrammarState *state, uint8_t *bytes)
{
	SlmGrammarState next;
	int n = 0;

	for (int byte = 0; byte < 256; byte++)
		if (slm_grammar_next(grammar, state, (uint8_t) byte, &next))
			bytes[n++] = (uint8_t) byte;
	return n;
}

/* Walks at random; every state goes on or is done, forced bytes are those that are alone. */
static void
walk(const char *schema)
{
	SlmGrammarState state;
	size_t n = 0;

	if (!CHECK_STATUS(compile(schema), SLM_OK))
		return;
	slm_grammar_start(grammar, NULL, &state);
	for (;;)
	{
		uint8_t bytes[256], forced;
		size_t n_forced = 1;
		int n_bytes = following(&state, bytes);
		bool done = slm_grammar_done(grammar, &state);

		if (!CHECK(n_bytes > 0 || done))
			printf("# stuck: %s\n", schema);
		if (n_bytes == 0 || (done && chance(&seed, 2) == 0))
			break;
		slm_grammar_forced(grammar, &state, &forced, &n_forced);
		CHECK(n_forced == 0 || (n_bytes == 1 && bytes[0] == forced && !done));
		CHECK(slm_grammar_step(grammar, &state, bytes[chance(&seed, (uint32_t) n_bytes)]));
		if (!CHECK(++n < 2000000))
			break;
	}
}

static void
walks_end(void)
{
	for (int i = 0; i < 20; i++)
	{
		walk("{\"properties\": {\"a\": {\"type\": [\"string\", \"number\", \"null\"], "
			 "\"maxLength\": 20}, \"list\": "
			 "{\"items\": {\"properties\": {\"x\": {\"type\": \"integer\"}, \"day\": {\"type\": "
			 "\"string\", "
			 "\"format\": \"date\"}}, \"required\": [\"day\"]}, \"maxItems\": 4}}, \"required\": "
			 "[\"list\"]}");
		walk("{\"type\": \"string\", \"pattern\": \"a.*b\", \"maxLength\": 30, \"minLength\": 12}");
		walk("{\"type\": \"string\"}");
		walk("{\"additionalProperties\": {\"additionalProperties\": {}, \"maxProperties\": 3}, "
			 "\"propertyNames\": {\"maxLength\": 5}, \"minProperties\": 1, \"maxProperties\": 4}");
	}
}

/* A character that needs another behind it is not begun where there is no room for that. */
static void
room_is_seen_within_characters(void)
{
	SlmGrammarState state;
	static const char escape[] = "\"\\u000";

	CHECK_STATUS(
		compile("{\"type\": \"string\", \"pattern\": \"^\\\\x0b?\\\\S+$\", \"maxLength\": 1}"),
		SLM_OK);
	CHECK(takes("\"\\\\\""));
	slm_grammar_start(grammar, NULL, &state);
	CHECK(slm_grammar_step(grammar, &state, '"'));
	CHECK(slm_grammar_step(grammar, &state, '\\'));
	CHECK(!slm_grammar_step(grammar, &state, 'u'));
	CHECK_STATUS(
		compile("{\"type\": \"string\", \"pattern\": \"^\\\\x0b?\\\\S+$\", \"maxLength\": 2}"),
		SLM_OK);
	slm_grammar_start(grammar, NULL, &state);
	for (int i = 0; escape[i] != '\0'; i++)
		CHECK(slm_grammar_step(grammar, &state, (uint8_t) escape[i]));
}

/* ---- Limits: at each, and one beyond ---- */

static char built[1 << 20];

/* head, then n times what `one` prints of its number, then tail */
static const char *
build(const char *head, int n, const char *one, const char *tail)
{
	size_t at = (size_t) snprintf(built, sizeof(built), "%s", head);

	for (int i = 0; i < n; i++)
	{
		at += (size_t) snprintf(built + at, sizeof(built) - at, "%s", i > 0 ? ", " : "");
		at += (size_t) snprintf(built + at, sizeof(built) - at, one, i);
	}
	snprintf(built + at, sizeof(built) - at, "%s", tail);
	return built;
}

/* n schemas, each inside of the one before it */
static const char *
nest(const char *open, int n, const char *middle, const char *close)
{
	size_t at = 0;

	for (int i = 0; i < n; i++)
		at += (size_t) snprintf(built + at, sizeof(built) - at, "%s", open);
	at += (size_t) snprintf(built + at, sizeof(built) - at, "%s", middle);
	for (int i = 0; i < n; i++)
		at += (size_t) snprintf(built + at, sizeof(built) - at, "%s", close);
	return built;
}

static void
limits_of_size(void)
{
	CHECK_STATUS(
		compile(nest("{\"anyOf\": [", SLM_MAX_SCHEMA_DEPTH - 1, "{\"type\": \"null\"}", "]}")),
		SLM_OK);
	check_refused(nest("{\"anyOf\": [", SLM_MAX_SCHEMA_DEPTH, "{\"type\": \"null\"}", "]}"),
				  SLM_ERR_LIMIT, "32 nested schemas");
	CHECK_STATUS(compile(nest("{\"items\": ", SLM_MAX_GRAMMAR_LISTS, "{\"type\": \"null\"}", "}")),
				 SLM_OK);
	check_refused(nest("{\"items\": ", SLM_MAX_GRAMMAR_LISTS + 1, "{\"type\": \"null\"}", "}"),
				  SLM_ERR_LIMIT, "8 arrays within arrays");
	CHECK_STATUS(
		compile(build("{\"anyOf\": [", SLM_MAX_GRAMMAR_THREADS - 1, "{\"const\": %d}", "]}")),
		SLM_OK);
	check_refused(build("{\"anyOf\": [", SLM_MAX_GRAMMAR_THREADS, "{\"const\": %d}", "]}"),
				  SLM_ERR_LIMIT, "31 alternatives");
	CHECK_STATUS(compile(build("{\"properties\": {", SLM_MAX_SCHEMA_FIELDS,
							   "\"p%d\": {\"type\": \"null\"}", "}}")),
				 SLM_OK);
	check_refused(build("{\"properties\": {", SLM_MAX_SCHEMA_FIELDS + 1,
						"\"p%d\": {\"type\": \"null\"}", "}}"),
				  SLM_ERR_LIMIT, "256 properties");
	CHECK_STATUS(compile(build("{\"enum\": [", SLM_MAX_SCHEMA_CHOICES, "%d", "]}")), SLM_OK);
	check_refused(build("{\"enum\": [", SLM_MAX_SCHEMA_CHOICES + 1, "%d", "]}"), SLM_ERR_LIMIT,
				  "1000 values of one enum");
}

/* A schema of 31 times 264 values and one with `more` of them; the root is one too. */
static const char *
many_values(int more)
{
	static char one[20000];
	size_t at = (size_t) snprintf(one, sizeof(one), "{\"$defs\": {\"d\": {\"properties\": {");

	for (int i = 0; i < 254; i++)
		at += (size_t) snprintf(one + at, sizeof(one) - at, "%s\"p%d\": {\"type\": \"null\"}",
								i > 0 ? ", " : "", i);
	at += (size_t) snprintf(one + at, sizeof(one) - at,
							"}}}, \"properties\": {\"q\": {\"properties\": {");
	for (int i = 0; i < more; i++)
		at += (size_t) snprintf(one + at, sizeof(one) - at, "%s\"p%d\": {\"type\": \"null\"}",
								i > 0 ? ", " : "", i);
	snprintf(one + at, sizeof(one) - at, "}}, ");
	return build(one, 32, "\"r%d\": {\"$ref\": \"#/$defs/d\"}", "}}");
}

static void
limits_of_values(void)
{
	/* root, 32 objects of 254 values each, one of the rest */
	int more = SLM_MAX_GRAMMAR_VALUES - 1 - 32 * 255 - 1;

	CHECK_STATUS(compile(many_values(more)), SLM_OK);
	check_refused(many_values(more + 1), SLM_ERR_LIMIT, "8192 values");
}

static void
limits_of_numbers(void)
{
	CHECK_STATUS(compile("{\"type\": \"string\", \"maxLength\": 1000000}"), SLM_OK);
	check_refused("{\"type\": \"string\", \"maxLength\": 1000001}", SLM_ERR_LIMIT, "1000000");
	CHECK_STATUS(compile("{\"items\": {\"type\": \"null\"}, \"minItems\": 65535}"), SLM_OK);
	check_refused("{\"items\": {\"type\": \"null\"}, \"minItems\": 65536}", SLM_ERR_LIMIT, "65535");
	CHECK_STATUS(compile("{\"type\": \"number\", \"maximum\": 999999999999999999}"), SLM_OK);
	check_refused("{\"type\": \"number\", \"maximum\": 1000000000000000000}", SLM_ERR_LIMIT,
				  "18 digits");
	check_refused("{\"type\": \"string\", \"maxLength\": 1.5}", SLM_ERR_ARGUMENT, "whole number");
	check_refused("{\"type\": \"string\", \"maxLength\": -1}", SLM_ERR_ARGUMENT, "whole number");
	CHECK_STATUS(compile("{\"type\": \"string\", \"maxLength\": 2.0}"), SLM_OK);
	/* without limits of its own */
	LANGUAGE("{\"type\": \"number\"}", "+999999999999999.999999", "-1000000000000000",
			 "-0.1234567");
	CHECK_STATUS(compile("{\"type\": \"string\"}"), SLM_OK);
	CHECK(takes(nest("a", 0, "\"\"", "")));
	memset(built, 'a', SLM_GRAMMAR_CHARS + 3);
	built[0] = built[SLM_GRAMMAR_CHARS + 1] = '"';
	built[SLM_GRAMMAR_CHARS + 2] = '\0';
	CHECK(takes(built));
	built[SLM_GRAMMAR_CHARS + 1] = 'a';
	built[SLM_GRAMMAR_CHARS + 2] = '"';
	built[SLM_GRAMMAR_CHARS + 3] = '\0';
	CHECK(!takes(built));
	CHECK_STATUS(compile("{\"items\": {\"type\": \"null\"}}"), SLM_OK);
	CHECK(takes(build("[", SLM_GRAMMAR_ITEMS, "null", "]")));
	CHECK(!takes(build("[", SLM_GRAMMAR_ITEMS + 1, "null", "]")));
}

static SlmStatus
compile_pattern(const char *open, int n, const char *middle, const char *close)
{
	static char schema[sizeof(built) + 64];

	snprintf(schema, sizeof(schema), "{\"type\": \"string\", \"pattern\": \"%s\"}",
			 nest(open, n, middle, close));
	return compile(schema);
}

static void
limits_of_patterns(void)
{
	CHECK_STATUS(compile_pattern("a", SLM_MAX_PATTERN_BYTES - 1, "$", ""), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(err.message, "within");
	CHECK_STATUS(compile_pattern("a", SLM_MAX_PATTERN_BYTES, "$", ""), SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "1024 bytes");
	CHECK_CONTAINS(err.detail, "at #");
	CHECK_STATUS(compile_pattern("(", SLM_MAX_PATTERN_DEPTH, "a", ")"), SLM_OK);
	CHECK_STATUS(compile_pattern("(", SLM_MAX_PATTERN_DEPTH + 1, "a", ")"), SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "16 nested groups");
	CHECK_STATUS(compile_pattern("", 0, "^a{0,1000}$", ""), SLM_OK);
	CHECK_STATUS(compile_pattern("", 0, "^a{0,1001}$", ""), SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "1000 repetitions");
	CHECK_STATUS(compile_pattern("", 0, "^(((((a{9}){9}){9}){9}){9}){9}$", ""), SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "262144 edges");
	/* the first characters of 91 times 91; states of as many sets would take seconds at the limit */
	CHECK_STATUS(compile_pattern("", 0, "^((a?){30}){30}$", ""), SLM_OK);
	CHECK_STATUS(compile_pattern("", 0, "^((a?){91}){91}$", ""), SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "8192 places");
	CHECK_STATUS(compile_pattern("", 0, "^[ab]*a[ab]{20}$", ""), SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "32768 states");
	CHECK_STATUS(compile_pattern("", 0, "^[ab]*a[ab]{10}$", ""), SLM_OK);
}

/* Wherever the host says no: an error of its own, and nothing left behind. */
static void
refused_memory_and_cancels(void)
{
	const char *schema = "{\"properties\": {\"a\": {\"type\": \"string\", \"format\": \"uri\"}, "
						 "\"b\": {\"enum\": [1, \"x\"]}}}";
	SlmStatus status = SLM_ERR_NO_MEMORY;
	int64_t live;

	slm_arena_trim(&arena, 0);
	live = test_host_state.live_allocs;
	for (int at = 1; status != SLM_OK && at < 1000; at++)
	{
		test_host_reset();
		test_host_state.fail_alloc_at = at;
		status = compile(schema);
		CHECK(status == SLM_OK || status == SLM_ERR_NO_MEMORY);
		slm_arena_trim(&arena, 0);
		CHECK_INT(test_host_state.live_allocs, live);
	}
	CHECK_STATUS(status, SLM_OK);
	status = SLM_ERR_CANCELLED;
	for (int at = 1; status != SLM_OK && at < 1000; at++)
	{
		test_host_reset();
		test_host_state.interrupt_at = at;
		status = compile(schema);
		CHECK(status == SLM_OK || status == SLM_ERR_CANCELLED);
		CHECK(status == SLM_OK || at < 1000);
	}
	CHECK_STATUS(status, SLM_OK);
	test_host_reset();
}

int
main(void)
{
	TEST(scalars);
	TEST(strings);
	TEST(objects);
	TEST(recursion);
	TEST(tuples);
	TEST(multiples);
	TEST(patterns_with_company);
	TEST(maps);
	TEST(any_values_and_numbers);
	TEST(refusals);
	TEST(room_is_seen_within_characters);
	TEST(walks_end);
	TEST(limits_of_size);
	TEST(limits_of_values);
	TEST(limits_of_numbers);
	TEST(limits_of_patterns);
	TEST(refused_memory_and_cancels);
	slm_arena_trim(&arena, 0);
	return check_done();
}
