/*
 * test_token_mask.c - masks are what trying each token gives, in every state of random walks
 */
#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "task/token_mask.h"

#define N_TOKEN 3000
#define END_TOKEN 7

static JsonText json;
static SlmArena arena;
static SlmError err;
static SlmGrammar *grammar;
static SlmMaskTree *tree;
static SlmMaskCache *cache;
static SlmText token[N_TOKEN];
static char bytes[N_TOKEN * 16];
static uint64_t seed = 1;

static uint32_t
chance(uint32_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t) (seed >> 33) % n;
}

/* Every byte, then pieces of what JSON is made of; token 7 and 8 are control tokens. */
static void
make_vocabulary(void)
{
	static const char *const pieces[] = {
		"\"",    "\", \"", "\"}",      "\\",   "\\u",   "\\\"",         "{\"",  "\": ",
		": ",    ", ",     "[",        "]",    "]}",    "}, {",         "a",    "name",
		"x1",    " ",      "  ",       "true", "false", "null",         "0",    "12",
		"2024-", "-",      "\xC3\xA9", "\xC3", "\xA9",  "\xF0\x9F\x98", "\x80", "the ",
		"D83D",  "00",     ".5",       "e",
	};
	size_t n = 0;

	for (uint32_t i = 0; i < N_TOKEN; i++)
	{
		size_t start = n;

		if (i < 256)
			bytes[n++] = (char) i;
		else
			for (uint32_t left = 1 + chance(3); left > 0; left--)
			{
				const char *piece = pieces[chance(sizeof(pieces) / sizeof(pieces[0]))];

				memcpy(bytes + n, piece, strlen(piece));
				n += strlen(piece);
			}
		token[i] = (SlmText){bytes + start, n - start};
	}
	/* what the bytes 7 and 8 are lies elsewhere */
	token[1000] = token[END_TOKEN];
	token[1001] = token[8];
	token[END_TOKEN].size = token[8].size = 0;
}

static bool
prepare(const char *schema, size_t cache_bytes)
{
	int32_t end = END_TOKEN;

	slm_arena_reset(&arena);
	json_text_read(&json, schema);
	return CHECK_STATUS(
			   slm_mask_tree_new(token, N_TOKEN, &end, 1, test_host(), &arena, &tree, &err),
			   SLM_OK) &&
		   CHECK_STATUS(
			   slm_grammar_compile(json.node, json.n, false, test_host(), &arena, &grammar, &err),
			   SLM_OK) &&
		   CHECK_STATUS(
			   slm_mask_cache_new(tree, grammar, cache_bytes, test_host(), &arena, &cache, &err),
			   SLM_OK);
}

/* Takes a token from a copy of the state. */
static bool
takes(const SlmGrammarState *state, SlmText text, SlmGrammarState *after)
{
	slm_grammar_copy(after, state);
	for (size_t i = 0; i < text.size; i++)
		if (!slm_grammar_step(grammar, after, (uint8_t) text.data[i]))
			return false;
	return text.size > 0;
}

static const char *const schemas[] = {
	"{\"properties\": {\"name\": {\"type\": \"string\"}, \"x1\": {\"type\": [\"number\", "
	"\"null\"]}, \"a\": {\"items\": "
	"{\"enum\": [\"name\", \"the a\", 12, 120]}}}, \"required\": [\"x1\"]}",
	"{\"type\": \"string\", \"minLength\": 3, \"maxLength\": 9}",
	"{\"items\": {\"type\": \"string\", \"maxLength\": 40}, \"minItems\": 20, \"maxItems\": 30}",
	"{\"type\": \"string\", \"pattern\": \"a.*(12|name)$\", \"minLength\": 8, \"maxLength\": 25}",
	"{\"properties\": {\"a\": {\"type\": \"string\", \"format\": \"date\"}}, \"required\": "
	"[\"a\"]}",
	"{\"anyOf\": [{\"type\": \"string\", \"maxLength\": 5}, {\"type\": \"string\", \"pattern\": "
	"\"^(the )*$\"}, {\"properties\": "
	"{\"a\": {\"const\": \"a\"}}}, {\"properties\": {\"a\": {\"const\": \"aa\"}}}]}",
	"{\"type\": \"integer\", \"minimum\": -120, \"maximum\": 12000}",
	"{\"items\": {\"items\": {\"type\": \"boolean\"}}, \"maxItems\": 3}",
};

static void
walk(const char *schema, size_t cache_bytes)
{
	SlmGrammarState state, after;

	if (!prepare(schema, cache_bytes))
		return;
	slm_grammar_start(grammar, NULL, &state);
	for (int steps = 0; steps < 400; steps++)
	{
		static uint32_t allowed[N_TOKEN];
		uint32_t n_allowed = 0, n_wrong = 0;
		const uint64_t *mask;

		if (!CHECK_STATUS(slm_token_mask(cache, &state, &mask, &err), SLM_OK))
			return;
		for (uint32_t i = 0; i < N_TOKEN; i++)
		{
			bool expected = i == END_TOKEN ? slm_grammar_done(grammar, &state)
										   : takes(&state, token[i], &after);

			n_wrong += slm_mask_has(mask, i) != expected;
			if (slm_mask_has(mask, i))
				allowed[n_allowed++] = i;
		}
		if (!CHECK_INT(n_wrong, 0) || !CHECK(n_allowed > 0))
		{
			printf("# %s after %d tokens\n", schema, steps);
			return;
		}
		n_allowed = allowed[chance(n_allowed)];
		if (n_allowed == END_TOKEN)
			return;
		CHECK(takes(&state, token[n_allowed], &after));
		slm_grammar_copy(&state, &after);
	}
}

static void
masks_are_right(void)
{
	slm_arena_init(&arena, test_host(), 256 << 20);
	make_vocabulary();
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
		for (int again = 0; again < 3; again++)
			walk(schemas[i], again == 0 ? 0 : 1 << 20);
}

/* Far from limits all places of a string have one mask, which is kept. */
static void
places_in_strings_share(void)
{
	SlmGrammarState state;
	const uint64_t *first, *second;

	if (!prepare(schemas[2], 1 << 20))
		return;
	slm_grammar_start(grammar, NULL, &state);
	CHECK(slm_grammar_step(grammar, &state, '['));
	CHECK(slm_grammar_step(grammar, &state, '"'));
	CHECK_STATUS(slm_token_mask(cache, &state, &first, &err), SLM_OK);
	CHECK(slm_grammar_step(grammar, &state, 'a'));
	CHECK_STATUS(slm_token_mask(cache, &state, &second, &err), SLM_OK);
	CHECK(first == second);
	slm_mask_cache_clear(cache);
	CHECK_STATUS(slm_token_mask(cache, &state, &second, &err), SLM_OK);
	CHECK(slm_mask_has(second, 'b'));
	CHECK(!slm_mask_has(second, '\n'));
}

static void
limits(void)
{
	char text[SLM_MAX_MASK_TOKEN_BYTES + 1];
	SlmText two[3] = {
		{text, SLM_MAX_MASK_TOKEN_BYTES}, {text, SLM_MAX_MASK_TOKEN_BYTES + 1}, {"\"", 1}};
	SlmGrammarState state;
	const uint64_t *mask;
	int32_t wrong = 3;

	memset(text, 'a', sizeof(text));
	if (!prepare("{\"type\": \"string\"}", 0))
		return;
	CHECK_STATUS(slm_mask_tree_new(two, 3, &wrong, 1, test_host(), &arena, &tree, &err),
				 SLM_ERR_ARGUMENT);
	CHECK_STATUS(slm_mask_tree_new(two, 3, NULL, 0, test_host(), &arena, &tree, &err), SLM_OK);
	CHECK_STATUS(slm_mask_cache_new(tree, grammar, 0, test_host(), &arena, &cache, &err), SLM_OK);
	slm_grammar_start(grammar, NULL, &state);
	CHECK(slm_grammar_step(grammar, &state, '"'));
	CHECK_STATUS(slm_token_mask(cache, &state, &mask, &err), SLM_OK);
	CHECK_INT(mask[0], 5); /* not the longer one */
}

/* A cancel in the making of a mask leaves no half of one behind. */
static void
cancelled(void)
{
	SlmGrammarState state;
	const uint64_t *mask;
	SlmStatus status = SLM_OK;

	if (!prepare(schemas[3], 1 << 20))
		return;
	slm_grammar_start(grammar, NULL, &state);
	CHECK(slm_grammar_step(grammar, &state, '"'));
	test_host_reset();
	test_host_state.interrupt_at = 1;
	for (int i = 0; i < 100 && status == SLM_OK; i++)
	{
		slm_mask_cache_clear(cache);
		status = slm_token_mask(cache, &state, &mask, &err);
	}
	CHECK_STATUS(status, SLM_ERR_CANCELLED);
	test_host_reset();
	CHECK_STATUS(slm_token_mask(cache, &state, &mask, &err), SLM_OK);
	CHECK(slm_mask_has(mask, 'a'));
}

int
main(void)
{
	TEST(masks_are_right);
	TEST(places_in_strings_share);
	TEST(limits);
	TEST(cancelled);
	slm_arena_trim(&arena, 0);
	return check_done();
}
