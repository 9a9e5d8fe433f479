/*
 * trie.h - a double-array trie over bytes, position-independent
 *
 * Node 0 is the root.  The child of node p by byte b is c = base[p] + b, and it
 * exists when check[c] = p.  A step costs one or two cache lines, a search for
 * all prefixes of a text one step per byte, and no step depends on a link that
 * could form a loop: a walk is never longer than the text.  Every unit is read
 * once and checked where it is used, so a trie of arbitrary bytes gives
 * arbitrary values but reads nothing outside.
 */
#ifndef SLM_TOKENIZER_TRIE_H
#define SLM_TOKENIZER_TRIE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"

typedef struct SlmTrieUnit
{
	uint32_t base;
	uint32_t check; /* the parent; SLM_TRIE_FREE in a unit without one */
	int32_t value;  /* of the key that ends here, -1 if none */
} SlmTrieUnit;

#define SLM_TRIE_FREE UINT32_MAX
#define SLM_TRIE_NONE 0 /* not a node: the root is nobody's child */
#define SLM_TRIE_ROOT 0

typedef struct SlmTrie
{
	const SlmTrieUnit *unit; /* [n] */
	uint32_t n;
} SlmTrie;

/* One volatile read: what was checked is what is used, whatever the page does. */
static inline uint32_t
slm_read_u32(const uint32_t *from)
{
	return *(const volatile uint32_t *) from;
}

static inline int32_t
slm_read_i32(const int32_t *from)
{
	return *(const volatile int32_t *) from;
}

/* Child of node (< trie->n) by byte, or SLM_TRIE_NONE. */
static inline uint32_t
slm_trie_step(const SlmTrie *trie, uint32_t node, uint8_t byte)
{
	uint64_t child = (uint64_t) slm_read_u32(&trie->unit[node].base) + byte;

	if (child >= trie->n || slm_read_u32(&trie->unit[child].check) != node)
		return SLM_TRIE_NONE;
	return (uint32_t) child;
}

/* Value of a node (< trie->n), -1 if none. */
static inline int32_t
slm_trie_value(const SlmTrie *trie, uint32_t node)
{
	return slm_read_i32(&trie->unit[node].value);
}

/* Value of a whole key, -1 if it is not there. */
extern int32_t slm_trie_find(const SlmTrie *trie, const void *key, size_t n);

/* A trie under construction: nodes with child lists, turned into units at the end. */
typedef struct SlmTrieBuilder
{
	struct SlmTrieNode *node;
	uint32_t n;
	uint32_t capacity;
} SlmTrieBuilder;

/* Room for keys of key_bytes in all. */
extern SlmStatus slm_trie_builder_init(SlmTrieBuilder *builder, uint64_t key_bytes, SlmArena *arena,
									   SlmError *err) SLM_MUST_CHECK;

/*
 * Adds a key made of a prefix byte (none when < 0) and n bytes.  Of several
 * values of one key the first added stays.  The keys must fit what init was
 * told, and a key is not empty; a breach is SLM_ERR_INTERNAL.
 */
extern SlmStatus slm_trie_builder_add(SlmTrieBuilder *builder, int prefix, const void *key,
									  size_t n, int32_t value, SlmError *err) SLM_MUST_CHECK;

/* Lays the trie out in arena memory.  Polls host. */
extern SlmStatus slm_trie_builder_finish(const SlmTrieBuilder *builder, const SlmHost *host,
										 SlmArena *arena, SlmTrie *out,
										 SlmError *err) SLM_MUST_CHECK;

#endif
