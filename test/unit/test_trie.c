/*
 * test_trie.c - the double-array trie: every key is found and nothing else
 */
#include "tokenizer/trie.h"

#include <stdint.h>
#include <stdio.h>

#include "check.h"
#include "host.h"

#define N_KEYS 20000
#define MAX_KEY_BYTES 12

static uint32_t random_state = 1;

static uint32_t
next_random(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 8;
}

/* Key i: bytes from an alphabet that grows with i, so that fan-outs differ. */
static size_t
make_key(uint32_t i, uint8_t key[MAX_KEY_BYTES])
{
	size_t n;

	random_state = i * 2654435761u + 7;
	n = 1 + next_random() % MAX_KEY_BYTES;
	for (size_t j = 0; j < n; j++)
		key[j] = (uint8_t) (next_random() % (1 + i % 256));
	return n;
}

static void
finds_every_key_and_no_other(void)
{
	SlmArena arena;
	SlmTrieBuilder builder;
	SlmTrie trie;
	uint8_t key[MAX_KEY_BYTES];
	uint32_t in_use = 0, wrong = 0, longer = 0;

	slm_arena_init(&arena, test_host(), 1 << 28);
	CHECK_STATUS(slm_trie_builder_init(&builder, N_KEYS * MAX_KEY_BYTES, &arena, NULL), SLM_OK);
	for (uint32_t i = 0; i < N_KEYS; i++)
	{
		size_t n = make_key(i, key);

		CHECK_STATUS(slm_trie_builder_add(&builder, -1, key, n, (int32_t) i, NULL), SLM_OK);
	}
	CHECK_STATUS(slm_trie_builder_finish(&builder, test_host(), &arena, &trie, NULL), SLM_OK);
	for (uint32_t i = 0; i < N_KEYS; i++)
	{
		uint8_t other[MAX_KEY_BYTES];
		size_t n = make_key(i, key);
		int32_t found = slm_trie_find(&trie, key, n);

		/* the first of equal keys: never later than i, and really equal */
		wrong += found < 0 || found > (int32_t) i || make_key((uint32_t) found, other) != n ||
				 memcmp(other, key, n) != 0;
		key[n - 1] = (uint8_t) (key[n - 1] + 1 + i % 200);
		found = slm_trie_find(&trie, key, n);
		longer += found >= 0 && (make_key((uint32_t) found, other) != n || memcmp(other, key, n));
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(longer, 0);
	for (uint32_t i = 0; i < trie.n; i++)
		in_use += trie.unit[i].check != SLM_TRIE_FREE;
	printf("# %u units, %u in use\n", trie.n, in_use);
	CHECK(in_use >= trie.n / 10 * 9);
	slm_arena_trim(&arena, 0);
}

static void
prefix_byte_separates_keys(void)
{
	SlmArena arena;
	SlmTrieBuilder builder;
	SlmTrie trie;

	slm_arena_init(&arena, test_host(), 1 << 20);
	CHECK_STATUS(slm_trie_builder_init(&builder, 16, &arena, NULL), SLM_OK);
	CHECK_STATUS(slm_trie_builder_add(&builder, -1, "ab", 2, 1, NULL), SLM_OK);
	CHECK_STATUS(slm_trie_builder_add(&builder, 0xff, "ab", 2, 2, NULL), SLM_OK);
	CHECK_STATUS(slm_trie_builder_add(&builder, -1, "\0", 1, 3, NULL), SLM_OK);
	CHECK_STATUS(slm_trie_builder_finish(&builder, test_host(), &arena, &trie, NULL), SLM_OK);
	CHECK_INT(slm_trie_find(&trie, "ab", 2), 1);
	CHECK_INT(slm_trie_find(&trie,
							"\xff"
							"ab",
							3),
			  2);
	CHECK_INT(slm_trie_find(&trie, "\0", 1), 3);
	CHECK_INT(slm_trie_find(&trie, "a", 1), -1);
	CHECK_INT(slm_trie_find(&trie, "ab\0", 3), -1);
	CHECK_INT(slm_trie_find(&trie, "", 0), -1);
	slm_arena_trim(&arena, 0);
}

static void
refuses_more_than_announced(void)
{
	SlmArena arena;
	SlmTrieBuilder builder;

	slm_arena_init(&arena, test_host(), 1 << 20);
	CHECK_STATUS(slm_trie_builder_init(&builder, 3, &arena, NULL), SLM_OK);
	CHECK_STATUS(slm_trie_builder_add(&builder, -1, "abcd", 4, 1, NULL), SLM_ERR_INTERNAL);
	CHECK_STATUS(slm_trie_builder_add(&builder, -1, "", 0, 1, NULL), SLM_ERR_INTERNAL);
	CHECK_STATUS(slm_trie_builder_init(&builder, INT32_MAX, &arena, NULL), SLM_ERR_LIMIT);
	slm_arena_trim(&arena, 0);
}

/* Whatever the units hold, a walk stays inside and ends with its text. */
static void
survives_arbitrary_units(void)
{
	SlmTrieUnit unit[64];
	SlmTrie trie = {unit, 64};
	uint8_t key[64];

	for (int round = 0; round < 20000; round++)
	{
		for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++)
			unit[i] = (SlmTrieUnit){round % 3 ? next_random() % 70 : next_random() << 16,
									next_random() % 3, (int32_t) next_random()};
		for (size_t i = 0; i < sizeof(key); i++)
			key[i] = (uint8_t) (next_random() % 80);
		(void) slm_trie_find(&trie, key, sizeof(key));
	}
	memset(unit, 0, sizeof(unit));
	memset(key, 0, sizeof(key));
	CHECK_INT(slm_trie_find(&trie, key, sizeof(key)), -1);
	trie.n = 0;
	CHECK_INT(slm_trie_find(&trie, key, sizeof(key)), -1);
}

int
main(void)
{
	TEST(finds_every_key_and_no_other);
	TEST(prefix_byte_separates_keys);
	TEST(refuses_more_than_announced);
	TEST(survives_arbitrary_units);
	return check_done();
}
