/*
 * test_token_mask.c - masks are what trying each token gives, in every state of random walks
 */
#include "base/limits.h"
#include "chance.h"
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "mask_fixture.h"
#include "task/token_mask.h"

static JsonText json;
static SlmArena arena;
static SlmError err;
static SlmGrammar *grammar;
static SlmMaskTree *tree;
static SlmMaskCache *cache;
static uint64_t seed = 1;

static bool
prepare(const char *schema, size_t cache_bytes)
{
	int32_t end = MASK_END_TOKEN;

	slm_arena_reset(&arena);
	json_text_read(&json, schema);
	return CHECK_STATUS(slm_mask_tree_new(mask_vocabulary(), MASK_TOKENS, &end, 1, test_host(),
										  &arena, &tree, &err),
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
	"{\"additionalProperties\": {\"type\": [\"integer\", \"string\"], \"maxLength\": 9}, "
	"\"propertyNames\": {\"minLength\": 1, \"maxLength\": 12}, \"maxProperties\": 5}",
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
		static uint32_t allowed[MASK_TOKENS];
		uint32_t n_allowed = 0, n_wrong = 0;
		const uint64_t *mask;

		if (!CHECK_STATUS(slm_token_mask(cache, &state, &mask, &err), SLM_OK))
			return;
		for (uint32_t i = 0; i < MASK_TOKENS; i++)
		{
			bool expected = i == MASK_END_TOKEN ? slm_grammar_done(grammar, &state)
												: takes(&state, mask_vocabulary()[i], &after);

			n_wrong += slm_mask_has(mask, i) != expected;
			if (slm_mask_has(mask, i))
				allowed[n_allowed++] = i;
		}
		if (!CHECK_INT(n_wrong, 0) || !CHECK(n_allowed > 0))
		{
			printf("# %s after %d tokens\n", schema, steps);
			return;
		}
		n_allowed = allowed[chance(&seed, n_allowed)];
		if (n_allowed == MASK_END_TOKEN)
			return;
		CHECK(takes(&state, mask_vocabulary()[n_allowed], &after));
		slm_grammar_copy(&state, &after);
	}
}

static void
masks_are_right(void)
{
	slm_arena_init(&arena, test_host(), 256 << 20);
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
	slm_mask_cache_forget(cache, NULL);
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
		slm_mask_cache_forget(cache, NULL);
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
