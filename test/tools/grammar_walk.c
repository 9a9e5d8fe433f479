/*
 * grammar_walk.c - writes random values of schemas, token by token, under their masks
 *
 *     build/test/tools/grammar_walk SEED COUNT < SCHEMAS
 *
 * A line of SCHEMAS is a JSON Schema, perhaps with a tab and a text behind it that
 * its strings are then bound to.  Prints COUNT lines for each, the number of the
 * line, a tab and a value; or one line with an error behind the tab and an !.  On
 * standard error: how many bytes were written, and of them forced.
 */
#include <stdio.h>
#include <stdlib.h>

#include "chance.h"
#include "host.h"
#include "json_text.h"
#include "mask_fixture.h"
#include "task/token_mask.h"
#include "task/verbatim.h"

#define LINE_BYTES (1 << 20)

static SlmArena arena;
static SlmError err;
static uint64_t seed;
static long long n_written, n_forced;

static void
put(const SlmGrammar *g, SlmGrammarState *state, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!slm_grammar_step(g, state, ((const uint8_t *) bytes)[i]))
		{
			fprintf(stderr, "a mask allows what the grammar does not take\n");
			exit(1);
		}
	fwrite(bytes, 1, n, stdout);
	n_written += (long long) n;
}

/* One of the tokens that a mask allows; more often one that closes something. */
static uint32_t
pick(const uint64_t *mask)
{
	static const char closing[] = "\"]}";
	uint32_t n = 0, which;

	for (int i = 0; closing[i] != '\0'; i++)
		if (slm_mask_has(mask, (uint32_t) closing[i]) && chance(&seed, 3) == 0)
			return (uint32_t) closing[i];
	for (uint32_t i = 0; i < MASK_TOKENS; i++)
		n += slm_mask_has(mask, i);
	if (n == 0)
	{
		fprintf(stderr, "a mask allows nothing\n");
		exit(1);
	}
	which = chance(&seed, n);
	for (uint32_t i = 0;; i++)
		if (slm_mask_has(mask, i) && which-- == 0)
			return i;
}

static SlmStatus
write_value(const SlmGrammar *g, const SlmVerbatim *input, SlmMaskCache *cache)
{
	SlmGrammarState state;

	slm_grammar_start(g, input, &state);
	for (;;)
	{
		const uint64_t *mask;
		uint8_t forced[64];
		size_t n = chance(&seed, 2) == 0 ? sizeof(forced) : 0;
		uint32_t token;

		slm_grammar_forced(g, &state, forced, &n);
		put(g, &state, forced, n);
		n_forced += (long long) n;
		SLM_TRY(slm_token_mask(cache, &state, &mask, &err));
		token = pick(mask);
		if (token == MASK_END_TOKEN)
			return SLM_OK;
		put(g, &state, mask_vocabulary()[token].data, mask_vocabulary()[token].size);
	}
}

static SlmStatus
walk(const SlmMaskTree *tree, int number, char *line, int count)
{
	static JsonText json;
	SlmVerbatim *input = NULL;
	char *text = strchr(line, '\t');
	SlmMaskCache *cache;
	SlmGrammar *g;

	if (text != NULL)
		*text++ = '\0';
	json_text_read(&json, line);
	SLM_TRY(slm_grammar_compile(json.node, json.n, text != NULL, test_host(), &arena, &g, &err));
	if (text != NULL)
		SLM_TRY(slm_verbatim_new(g, slm_text(text), test_host(), &arena, &input, &err));
	SLM_TRY(slm_mask_cache_new(tree, g, 1 << 18, test_host(), &arena, &cache, &err));
	for (int i = 0; i < count; i++)
	{
		printf("%d\t", number);
		SLM_TRY(write_value(g, input, cache));
		printf("\n");
	}
	return SLM_OK;
}

int
main(int argc, char **argv)
{
	static char line[LINE_BYTES];
	int32_t end = MASK_END_TOKEN;
	SlmMaskTree *tree;

	if (argc != 3)
	{
		fprintf(stderr, "usage: grammar_walk SEED COUNT < SCHEMAS\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 10);
	slm_arena_init(&arena, test_host(), (size_t) 1 << 30);
	if (slm_mask_tree_new(mask_vocabulary(), MASK_TOKENS, &end, 1, test_host(), &arena, &tree,
						  &err) != SLM_OK)
		return 1;
	for (int number = 0; fgets(line, sizeof(line), stdin) != NULL; number++)
	{
		SlmArenaMark mark = slm_arena_mark(&arena);

		line[strcspn(line, "\n")] = '\0';
		if (walk(tree, number, line, atoi(argv[2])) != SLM_OK)
			printf("%d\t!%s\n", number, err.message);
		slm_arena_rewind(&arena, mark);
	}
	fprintf(stderr, "%lld bytes, %lld of them forced\n", n_written, n_forced);
	return 0;
}
