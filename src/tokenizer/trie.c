/*
 * trie.c - a double-array trie over bytes: construction and exact look-up
 *
 * Nodes are placed in the order they were made, parents first.  Free units are
 * found through a bitmap.  A node with one child takes the first free unit that
 * exists, so holes fill up; a node with several tries the next MAX_TRIES free
 * units and goes to the end when none of them suits.  That keeps the time
 * linear and, for the vocabularies met so far, 97 % or more of the units in
 * use (measured by test_trie and test_tokenizer_files).
 */
#include "tokenizer/trie.h"

#include <stdbool.h>
#include <string.h>

#include "base/checked.h"

#define MAX_TRIES 64
#define POLL_NODES 16384 /* nodes placed between two polls: about 1 ms */
#define FIRST_UNIT 256   /* a child's unit is never below its byte */

struct SlmTrieNode
{
	uint32_t first_child; /* 0: none */
	uint32_t next_sibling;
	int32_t value;
	uint32_t unit; /* where it was placed */
	uint8_t byte;
};

int32_t
slm_trie_find(const SlmTrie *trie, const void *key, size_t n)
{
	const uint8_t *byte = key;
	uint32_t node = SLM_TRIE_ROOT;

	if (n == 0 || trie->n == 0)
		return -1;
	for (size_t i = 0; i < n; i++)
	{
		node = slm_trie_step(trie, node, byte[i]);
		if (node == SLM_TRIE_NONE)
			return -1;
	}
	return slm_trie_value(trie, node);
}

SlmStatus
slm_trie_builder_init(SlmTrieBuilder *builder, uint64_t key_bytes, SlmArena *arena, SlmError *err)
{
	if (key_bytes > INT32_MAX - 1)
		return slm_fail(err, SLM_ERR_LIMIT,
						"tokenizer.ggml.tokens has more than the limit of %d bytes", INT32_MAX - 1);
	builder->capacity = (uint32_t) key_bytes + 1;
	builder->n = 1;
	SLM_TRY(SLM_NEW_ARRAY(arena, builder->capacity, &builder->node, err));
	builder->node[0] = (struct SlmTrieNode){.value = -1};
	return SLM_OK;
}

/* Child of a node by byte, made when it is not there; 0 when there is no room. */
static uint32_t
child_of(SlmTrieBuilder *builder, uint32_t parent, uint8_t byte)
{
	struct SlmTrieNode *node = builder->node;
	uint32_t *link = &node[parent].first_child;

	while (*link != 0)
	{
		if (node[*link].byte == byte)
			return *link;
		link = &node[*link].next_sibling;
	}
	if (builder->n == builder->capacity)
		return 0;
	node[builder->n] = (struct SlmTrieNode){.value = -1, .byte = byte};
	*link = builder->n;
	return builder->n++;
}

SlmStatus
slm_trie_builder_add(SlmTrieBuilder *builder, int prefix, const void *key, size_t n, int32_t value,
					 SlmError *err)
{
	const uint8_t *byte = key;
	uint32_t node = 0;
	bool room = true;

	if (prefix >= 0)
	{
		node = child_of(builder, node, (uint8_t) prefix);
		room = node != 0;
	}
	for (size_t i = 0; i < n && room; i++)
	{
		node = child_of(builder, node, byte[i]);
		room = node != 0;
	}
	if (!room || node == 0)
		return slm_fail(err, SLM_ERR_INTERNAL, "key does not fit the trie it was announced to");
	if (builder->node[node].value < 0)
		builder->node[node].value = value;
	return SLM_OK;
}

/* Units being laid out: the array grows by doubling in the arena. */
typedef struct Layout
{
	SlmTrieUnit *unit;
	uint64_t *used; /* bitmap */
	uint32_t capacity;
	uint32_t n;          /* one past the last unit in use */
	uint32_t first_free; /* no free unit below */
	SlmArena *arena;
} Layout;

static inline bool
is_used(const Layout *layout, uint32_t at)
{
	return at < layout->capacity && (layout->used[at / 64] >> (at % 64) & 1) != 0;
}

/* First free unit at or after a place; capacity when all are in use. */
static uint32_t
next_free(const Layout *layout, uint32_t at)
{
	while (at < layout->capacity)
	{
		uint64_t open = ~layout->used[at / 64] >> (at % 64);

		if (open != 0)
		{
			at += (uint32_t) __builtin_ctzll(open);
			break;
		}
		at = (at / 64 + 1) * 64;
	}
	return at < layout->capacity ? at : layout->capacity;
}

static SlmStatus
grow(Layout *layout, uint64_t need, SlmError *err)
{
	uint64_t capacity = layout->capacity > 0 ? layout->capacity : 1024;
	SlmTrieUnit *unit;
	uint64_t *used;

	while (capacity < need)
		capacity *= 2;
	if (capacity > INT32_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, "index of tokenizer.ggml.tokens is over %d units",
						INT32_MAX);
	SLM_TRY(SLM_NEW_ARRAY(layout->arena, capacity, &unit, err));
	SLM_TRY(SLM_NEW_ARRAY(layout->arena, capacity / 64, &used, err));
	if (layout->capacity > 0)
	{
		memcpy(unit, layout->unit, layout->capacity * sizeof(*unit));
		memcpy(used, layout->used, layout->capacity / 64 * sizeof(*used));
	}
	for (uint64_t i = layout->capacity; i < capacity; i++)
		unit[i] = (SlmTrieUnit){0, SLM_TRIE_FREE, -1};
	memset(used + layout->capacity / 64, 0, (capacity - layout->capacity) / 64 * sizeof(*used));
	layout->unit = unit;
	layout->used = used;
	layout->capacity = (uint32_t) capacity;
	return SLM_OK;
}

static void
take(Layout *layout, uint32_t at, uint32_t parent, int32_t value)
{
	layout->unit[at].check = parent;
	layout->unit[at].value = value;
	layout->used[at / 64] |= 1ULL << (at % 64);
	if (at >= layout->n)
		layout->n = at + 1;
}

/* Finds where the children of a node fit: their base. */
static uint32_t
find_base(Layout *layout, const struct SlmTrieNode *node, const struct SlmTrieNode *parent)
{
	uint8_t first = node[parent->first_child].byte;
	uint32_t at = next_free(layout, layout->first_free);

	layout->first_free = at;
	for (int tries = 0; tries < MAX_TRIES && at < layout->n; tries++)
	{
		uint32_t base = at - first;
		uint32_t child = parent->first_child;

		while (child != 0 && base + node[child].byte >= FIRST_UNIT &&
			   !is_used(layout, base + node[child].byte))
			child = node[child].next_sibling;
		if (child == 0)
			return base;
		at = next_free(layout, at + 1);
	}
	return layout->n;
}

SlmStatus
slm_trie_builder_finish(const SlmTrieBuilder *builder, const SlmHost *host, SlmArena *arena,
						SlmTrie *out, SlmError *err)
{
	struct SlmTrieNode *node = builder->node;
	Layout layout = {.arena = arena};

	SLM_TRY(grow(&layout, FIRST_UNIT + 256, err));
	take(&layout, SLM_TRIE_ROOT, SLM_TRIE_FREE, -1);
	layout.n = FIRST_UNIT;
	layout.first_free = FIRST_UNIT;
	node[0].unit = SLM_TRIE_ROOT;
	for (uint32_t i = 0; i < builder->n; i++)
	{
		uint32_t base;

		if (i % POLL_NODES == 0)
			SLM_TRY(slm_poll(host, err));
		if (node[i].first_child == 0)
			continue;
		base = find_base(&layout, node, &node[i]);
		if ((uint64_t) base + 256 > layout.capacity)
			SLM_TRY(grow(&layout, (uint64_t) base + 256, err));
		layout.unit[node[i].unit].base = base;
		for (uint32_t child = node[i].first_child; child != 0; child = node[child].next_sibling)
		{
			node[child].unit = base + node[child].byte;
			take(&layout, node[child].unit, node[i].unit, node[child].value);
		}
	}
	out->unit = layout.unit;
	out->n = layout.n;
	return SLM_OK;
}
