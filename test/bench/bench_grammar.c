/*
 * bench_grammar.c - masks over a vocabulary of 150,000 tokens: made, found again
 *
 *     build/test/bench/bench_grammar [FILE.tiktoken]
 *
 * Without a file, of lines of base64 and a number, the vocabulary is of the kind that byte-level BPE makes: all bytes, words of
 * letters with and without a space before them, numbers, and some tokens with
 * punctuation of JSON in them.  Prints microseconds of CPU.
 */
#include <stdlib.h>

#include "chance.h"
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "task/token_mask.h"

#define N_TOKEN 150000
#define MAX_TOKENS 300000

static SlmArena arena;
static SlmError err;
static SlmText token[MAX_TOKENS];
static char bytes[MAX_TOKENS * 16];
static uint32_t n_token;
static uint64_t seed = 1;

static void
make_vocabulary(void)
{
	static const char letters[] = "etaoinshrdlucmfwypvbgkqjxz";
	static const char marks[] = "\"'.,:;{}[]()-_/\\\n\t !?";
	size_t n = 0;

	for (uint32_t i = 0; i < N_TOKEN; i++)
	{
		size_t start = n;
		uint32_t size = 2 + chance(&seed, 8);

		if (i < 256)
			bytes[n++] = (char) i;
		else if (chance(&seed, 50) == 0)
			while (size-- > 4)
				bytes[n++] = marks[chance(&seed, sizeof(marks) - 1)];
		else
		{
			if (chance(&seed, 2) == 0)
				bytes[n++] = ' ';
			while (size-- > 0)
				bytes[n++] = letters[chance(&seed, 1 + chance(&seed, 26))];
		}
		token[i] = (SlmText){bytes + start, n - start};
	}
	n_token = N_TOKEN;
}

/* Base64 up to the first other character; returns the bytes. */
static size_t
decode(const char *text, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	int n_bit = 0;
	size_t n = 0;

	for (const char *at; *text != '\0' && (at = strchr(digits, *text)) != NULL; text++)
	{
		bits = bits << 6 | (uint32_t) (at - digits);
		n_bit += 6;
		if (n_bit >= 8)
		{
			n_bit -= 8;
			out[n++] = (char) (bits >> n_bit);
		}
	}
	return n;
}

static void
read_vocabulary(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[4096];
	size_t n = 0;

	if (file == NULL)
	{
		perror(path);
		exit(1);
	}
	while (n_token < MAX_TOKENS && n + sizeof(line) < sizeof(bytes) &&
		   fgets(line, sizeof(line), file) != NULL)
	{
		token[n_token] = (SlmText){bytes + n, decode(line, bytes + n)};
		n += token[n_token++].size;
	}
	fclose(file);
}

static void
stop(SlmStatus status)
{
	if (status == SLM_OK)
		return;
	fprintf(stderr, "%s\n", err.message);
	exit(1);
}

static void
measure(const SlmMaskTree *tree, const char *name, const char *schema, const char *prefix)
{
	static JsonText json;
	SlmArenaMark mark = slm_arena_mark(&arena);
	SlmGrammarState state;
	SlmMaskCache *cache;
	SlmGrammar *g;
	const uint64_t *mask;
	double start, compile, fresh, again;
	uint32_t n = 0;

	json_text_read(&json, schema);
	start = check_cpu_seconds();
	stop(slm_grammar_compile(json.node, json.n, false, test_host(), &arena, &g, &err));
	compile = check_cpu_seconds() - start;
	stop(slm_mask_cache_new(tree, g, 1 << 20, test_host(), &arena, &cache, &err));
	slm_grammar_start(g, NULL, &state);
	for (; *prefix != '\0'; prefix++)
		if (!slm_grammar_step(g, &state, (uint8_t) *prefix))
			exit(1);
	start = check_cpu_seconds();
	for (int i = 0; i < 20; i++)
	{
		slm_mask_cache_forget(cache, NULL);
		stop(slm_token_mask(cache, &state, &mask, &err));
	}
	fresh = (check_cpu_seconds() - start) / 20;
	start = check_cpu_seconds();
	for (int i = 0; i < 10000; i++)
		stop(slm_token_mask(cache, &state, &mask, &err));
	again = (check_cpu_seconds() - start) / 10000;
	for (uint32_t i = 0; i < slm_mask_words(tree); i++)
		n += (uint32_t) __builtin_popcountll(mask[i]);
	printf("%-28s %8u tokens  compile %7.0f us  fresh %7.1f us  again %5.2f us\n", name, n,
		   compile * 1e6, fresh * 1e6, again * 1e6);
	slm_arena_rewind(&arena, mark);
}

int
main(int argc, char **argv)
{
	SlmMaskTree *tree;
	double start = check_cpu_seconds();

	slm_arena_init(&arena, test_host(), (size_t) 1 << 30);
	if (argc > 1)
		read_vocabulary(argv[1]);
	else
		make_vocabulary();
	start = check_cpu_seconds();
	stop(slm_mask_tree_new(token, n_token, NULL, 0, test_host(), &arena, &tree, &err));
	printf("tree of %u tokens: %.1f ms\n", n_token, (check_cpu_seconds() - start) * 1e3);
	measure(tree, "string, far from its end",
			"{\"properties\": {\"a\": {\"type\": \"string\"}, \"b\": {\"type\": \"string\"}}, "
			"\"required\": [\"a\", \"b\"]}",
			"{\"a\": \"xy");
	measure(tree, "string, near its end", "{\"type\": \"string\", \"maxLength\": 6}", "\"xy");
	measure(tree, "string, before its quote", "{\"type\": \"string\"}", "");
	measure(tree, "one of two strings",
			"{\"anyOf\": [{\"type\": \"string\", \"minLength\": 50}, {\"type\": \"string\", "
			"\"maxLength\": 40}]}",
			"\"xy");
	measure(tree, "pattern that takes all", "{\"type\": \"string\", \"pattern\": \"^.*x.*$\"}",
			"\"xy");
	measure(tree, "pattern of words", "{\"type\": \"string\", \"pattern\": \"^[a-z]+( [a-z]+)*$\"}",
			"\"xy");
	measure(tree, "date", "{\"type\": \"string\", \"format\": \"date\"}", "\"2024-");
	measure(tree, "uri", "{\"type\": \"string\", \"format\": \"uri\"}", "\"https://exam");
	measure(tree, "email", "{\"type\": \"string\", \"format\": \"email\"}", "\"");
	measure(tree, "number", "{\"type\": \"number\"}", "");
	measure(tree, "object, before a key",
			"{\"properties\": {\"alpha\": {\"type\": \"null\"}, \"beta\": {\"type\": \"null\"}}}",
			"{");
	return 0;
}
