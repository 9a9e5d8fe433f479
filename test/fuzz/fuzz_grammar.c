/*
 * fuzz_grammar.c - any schema compiled, any way through it walked
 *
 * Input: a byte of options; a schema, of nodes that the bytes choose; then bytes
 * that choose among those that may follow.  Where the schema compiles, no state is
 * stuck, forced bytes are those that are alone, masks allow what the tokens can
 * do, and the end is reached.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "host.h"
#include "mask_fixture.h"
#include "task/token_mask.h"
#include "task/verbatim.h"

#define MAX_NODES 200
#define MAX_ARENA_BYTES ((size_t) 512 << 20)
#define MAX_STEPS 3000

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Input
{
	const uint8_t *data;
	size_t size, at;
	SlmJsonNode node[MAX_NODES];
	uint32_t n;
	char text[16384];
	size_t n_text;
} Input;

static const char *const keywords[] = {
	"type",
	"enum",
	"const",
	"properties",
	"required",
	"propertyNames",
	"minProperties",
	"maxProperties",
	"additionalProperties",
	"propertyOrdering",
	"items",
	"minItems",
	"maxItems",
	"minLength",
	"maxLength",
	"pattern",
	"format",
	"minimum",
	"maximum",
	"anyOf",
	"oneOf",
	"allOf",
	"$ref",
	"exclusiveMinimum",
	"exclusiveMaximum",
	"multipleOf",
	"prefixItems",
	"additionalItems",
	"uniqueItems",
	"$defs",
	"title",
};
static const char *const words[] = {
	"string", "number",         "integer", "boolean",   "null",        "object",
	"array",  "date",           "time",    "date-time", "email",       "uri",
	"uuid",   "ipv4",           "ipv6",    "a",         "b",           "#/$defs/a",
	"#",      "#/properties/b", "^a+b$",   "(a|b)*c",   "[^a-c]{2,4}",
};
static const char *const numbers[] = {"0",   "1",      "2",   "7",       "-1",
									  "0.5", "-12.75", "100", "1000000", "123456789012345678"};

static uint8_t
take(Input *in)
{
	return in->at < in->size ? in->data[in->at++] : 0;
}

static SlmText
keep(Input *in, const void *bytes, size_t n)
{
	char *to = in->text + in->n_text;

	if (in->n_text + n > sizeof(in->text))
		return slm_text("");
	memcpy(to, bytes, n);
	in->n_text += n;
	return (SlmText){to, n};
}

/* A word that schemas know, or bytes of the input. */
static SlmText
take_text(Input *in)
{
	uint8_t which = take(in);
	size_t n = which & 31;

	if (which < 192)
		return slm_text(words[which % (sizeof(words) / sizeof(words[0]))]);
	if (n > in->size - in->at)
		n = in->size - in->at;
	in->at += n;
	n = slm_utf8_valid_bytes(in->data + in->at - n, n) == n ? n : 0;
	return keep(in, in->data + in->at - n, n);
}

/* Nodes of one value; as deep as the input is long, at most MAX_NODES. */
static void
take_node(Input *in, SlmText key, int depth)
{
	SlmJsonNode *node = &in->node[in->n];
	uint8_t which = take(in);
	uint32_t index = in->n++;
	int n_inside = which >> 3 & 7;

	*node = (SlmJsonNode){.key = key, .text = slm_text(""), .kind = (SlmJsonKind) (which & 7)};
	if (node->kind > SLM_JSON_OBJECT || depth == 0)
		node->kind = SLM_JSON_OBJECT;
	if (depth == 40)
		node->kind = SLM_JSON_NULL;
	if (node->kind == SLM_JSON_NUMBER)
		node->text = slm_text(numbers[take(in) % (sizeof(numbers) / sizeof(numbers[0]))]);
	else if (node->kind == SLM_JSON_STRING)
		node->text = take_text(in);
	else if (node->kind == SLM_JSON_ARRAY || node->kind == SLM_JSON_OBJECT)
		for (int i = 0; i < n_inside && in->n < MAX_NODES && in->at < in->size; i++)
		{
			uint8_t name = take(in);
			SlmText inside =
				name < 224 ? slm_text(keywords[name % (sizeof(keywords) / sizeof(keywords[0]))])
						   : slm_text(name & 1 ? "a" : "b");
			bool twice = false;

			for (uint32_t other = index + 1; other < in->n; other = in->node[other].next)
				twice = twice || slm_text_compare(in->node[other].key, inside) == 0;
			if (node->kind == SLM_JSON_ARRAY || !twice)
				take_node(in, node->kind == SLM_JSON_ARRAY ? slm_text("") : inside, depth + 1);
		}
	in->node[index].next = in->n;
}

static void
check_mask(const SlmGrammar *g, SlmMaskCache *cache, const SlmGrammarState *state)
{
	const uint64_t *mask;
	SlmError err;

	if (slm_token_mask(cache, state, &mask, &err) != SLM_OK)
		abort();
	for (uint32_t i = 0; i < MASK_TOKENS; i++)
	{
		const SlmText *token = &mask_vocabulary()[i];
		SlmGrammarState after;
		bool takes = token->size > 0;

		slm_grammar_copy(&after, state);
		for (size_t byte = 0; byte < token->size && takes; byte++)
			takes = slm_grammar_step(g, &after, (uint8_t) token->data[byte]);
		if (i == MASK_END_TOKEN)
			takes = slm_grammar_done(g, state);
		if (takes != slm_mask_has(mask, i))
			abort();
	}
}

static void
walk(Input *in, const SlmGrammar *g, SlmMaskCache *cache, const SlmVerbatim *input)
{
	SlmGrammarState state, next;

	slm_grammar_start(g, input, &state);
	for (int steps = 0; steps < MAX_STEPS; steps++)
	{
		uint8_t allowed[256], forced;
		size_t n_forced = 1;
		int n = 0;

		for (int byte = 0; byte < 256; byte++)
			if (slm_grammar_next(g, &state, (uint8_t) byte, &next))
				allowed[n++] = (uint8_t) byte;
		if (n == 0 && !slm_grammar_done(g, &state))
			abort();
		if (n == 0 || (slm_grammar_done(g, &state) && in->at >= in->size))
			return;
		slm_grammar_forced(g, &state, &forced, &n_forced);
		if (n_forced > 0 && (n != 1 || allowed[0] != forced))
			abort();
		if (in->at < in->size && take(in) % 64 == 0)
			check_mask(g, cache, &state);
		if (!slm_grammar_step(g, &state, allowed[take(in) % n]))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static SlmArena arena;
	static Input in;
	static SlmMaskTree *tree;
	static SlmArenaMark mark;
	SlmVerbatim *input = NULL;
	SlmMaskCache *cache;
	SlmGrammar *g;
	SlmError err;
	bool verbatim;
	SlmStatus status;

	if (arena.host == NULL)
	{
		int32_t end = MASK_END_TOKEN;

		slm_arena_init(&arena, test_host(), MAX_ARENA_BYTES);
		if (slm_mask_tree_new(mask_vocabulary(), MASK_TOKENS, &end, 1, test_host(), &arena, &tree,
							  &err) != SLM_OK)
			abort();
		mark = slm_arena_mark(&arena);
	}
	slm_arena_rewind(&arena, mark);
	in.data = data;
	in.size = size;
	in.at = in.n = in.n_text = 0;
	verbatim = take(&in) % 2 == 0;
	take_node(&in, slm_text(""), 0);
	status = slm_grammar_compile(in.node, in.n, verbatim, test_host(), &arena, &g, &err);
	if (status == SLM_ERR_INTERNAL)
		abort();
	if (status != SLM_OK)
		return 0;
	if (verbatim)
	{
		SlmText text = slm_text("a b, \"b\" \xC3\xA9t\xC3\xA9\n123 \xE6\x97\xA5\xE6\x9C\xAC");

		status = slm_verbatim_new(g, text, test_host(), &arena, &input, &err);
		if (status == SLM_ERR_NO_VALUE)
			return 0;
		if (status != SLM_OK)
			abort();
	}
	if (slm_mask_cache_new(tree, g, 0, test_host(), &arena, &cache, &err) != SLM_OK)
		abort();
	walk(&in, g, cache, input);
	return 0;
}
