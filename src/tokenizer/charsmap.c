/*
 * charsmap.c - SentencePiece's precompiled character map
 *
 * A unit of the trie (darts-clone's double array): bits 0 to 7 the byte that
 * leads to it, bit 8 set when it has a leaf, bits 10 to 30 the offset to its
 * children (shifted by 8 when bit 9 is set), bit 31 set in a leaf, whose low
 * bits are the value.  Children of unit i lie at i ^ offset ^ byte, its leaf at
 * i ^ offset.
 */
#include "tokenizer/charsmap.h"

#include <string.h>

#include "base/utf8.h"
#include "tokenizer/trie.h"

#define KEY "tokenizer.ggml.precompiled_charsmap"
#define LEAF 0x80000000u
#define MAX_REPLACEMENT_BYTES 255 /* NFKC needs 33; a bound on what one character costs */
#define POLL_UNITS 1024           /* units checked between two polls: each looks at 255 places */

static inline uint32_t
unit_offset(uint32_t unit)
{
	return (unit >> 10 & 0x1fffff) << ((unit & 0x200) != 0 ? 8 : 0);
}

static inline bool
has_leaf(uint32_t unit)
{
	return (unit & 0x100) != 0;
}

/* Whether a unit is the child by a byte. */
static inline bool
is_child(uint32_t unit, uint8_t byte)
{
	return (unit & (LEAF | 0xff)) == byte;
}

/* Value of the leaf at a place, UINT64_MAX when there is none. */
static uint64_t
leaf_value(const SlmCharsmap *map, uint64_t at)
{
	uint32_t unit;

	if (at >= map->n_unit)
		return UINT64_MAX;
	unit = slm_read_u32(&map->unit[at]);
	return (unit & LEAF) != 0 ? (unit & ~LEAF) : UINT64_MAX;
}

/* The replacement at an offset inside the text, cut at the longest a map may have. */
static SlmText
replacement(const SlmCharsmap *map, uint64_t offset)
{
	uint64_t left = map->n_text - offset;
	size_t most = left <= MAX_REPLACEMENT_BYTES ? (size_t) left : MAX_REPLACEMENT_BYTES + 1;
	const char *end = memchr(map->text + offset, '\0', most);

	return (SlmText){map->text + offset,
					 end != NULL ? (size_t) (end - (map->text + offset)) : most};
}

/* Checks the leaf of a unit. */
static SlmStatus
check_leaf(const SlmCharsmap *map, uint32_t at, uint64_t leaf, SlmError *err)
{
	uint64_t value = leaf_value(map, leaf);
	SlmText text;

	if (value >= map->n_text)
		return slm_fail(err, SLM_ERR_CORRUPT,
						KEY " unit %u has no replacement inside its %llu bytes of text", at,
						(unsigned long long) map->n_text);
	text = replacement(map, value);
	if (text.size > MAX_REPLACEMENT_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT,
						KEY " unit %u has a replacement over the limit of %d bytes", at,
						MAX_REPLACEMENT_BYTES);
	if (slm_utf8_valid_bytes((const uint8_t *) text.data, text.size) != text.size)
		return slm_fail(err, SLM_ERR_CORRUPT,
						KEY " unit %u has a replacement that is not valid UTF-8", at);
	return SLM_OK;
}

/*
 * Looks at everything that can be reached from the root, once.  Units may be
 * reached on several ways (the builder shares equal tails), and even a circle
 * does no harm: a search never goes on behind its text.
 */
static SlmStatus
check_trie(const SlmCharsmap *map, const SlmHost *host, SlmArena *arena, SlmError *err)
{
	uint64_t *seen;
	uint32_t *waiting;
	uint64_t n_waiting = 1;

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) (map->n_unit + 63) / 64, &seen, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) map->n_unit, &waiting, err));
	memset(seen, 0, (size_t) (map->n_unit + 63) / 64 * sizeof(*seen));
	waiting[0] = 0;
	seen[0] = 1;
	for (uint64_t step = 0; n_waiting > 0; step++)
	{
		uint32_t at = waiting[--n_waiting];
		uint64_t base = at ^ unit_offset(map->unit[at]);

		if (step % POLL_UNITS == 0)
			SLM_TRY(slm_poll(host, err));
		if (base >= map->n_unit)
			return slm_fail(err, SLM_ERR_CORRUPT, KEY " unit %u points outside its %llu units", at,
							(unsigned long long) map->n_unit);
		if (at != 0 && has_leaf(map->unit[at]))
			SLM_TRY(check_leaf(map, at, base, err));
		for (uint32_t byte = 1; byte < 256; byte++)
		{
			uint64_t child = base ^ byte;

			if (child >= map->n_unit || !is_child(map->unit[child], (uint8_t) byte))
				continue;
			if ((seen[child / 64] >> (child % 64) & 1) != 0)
				continue;
			seen[child / 64] |= 1ULL << (child % 64);
			waiting[n_waiting++] = (uint32_t) child;
		}
	}
	return SLM_OK;
}

SlmStatus
slm_charsmap_read(const SlmGguf *gguf, const SlmHost *host, SlmArena *arena, SlmCharsmap *out,
				  SlmError *err)
{
	const SlmGgufKey *key = slm_gguf_find(gguf, KEY);
	uint32_t trie_bytes;
	uint32_t *unit;

	*out = (SlmCharsmap){.n_unit = 0};
	if (key == NULL)
		return SLM_OK;
	/* converters have written it as signed and as unsigned bytes */
	if (key->type != SLM_GGUF_ARRAY || key->item_type != SLM_GGUF_I8)
		SLM_TRY(slm_gguf_get_array(gguf, KEY, SLM_GGUF_U8, NULL, &key, err));
	if (key->count == 0)
		return SLM_OK;
	if (key->count < sizeof(trie_bytes))
		return slm_fail(err, SLM_ERR_CORRUPT, KEY " has %llu bytes, fewer than its length field",
						(unsigned long long) key->count);
	memcpy(&trie_bytes, key->value, sizeof(trie_bytes));
	out->n_unit = trie_bytes / sizeof(*unit);
	if (trie_bytes > key->count - sizeof(trie_bytes) || trie_bytes % sizeof(*unit) != 0 ||
		out->n_unit == 0)
		return slm_fail(err, SLM_ERR_CORRUPT, KEY " has a trie of %u bytes in %llu", trie_bytes,
						(unsigned long long) key->count);
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) out->n_unit, &unit, err));
	memcpy(unit, key->value + sizeof(trie_bytes), trie_bytes);
	out->unit = unit;
	out->text = (const char *) key->value + sizeof(trie_bytes) + trie_bytes;
	out->n_text = key->count - sizeof(trie_bytes) - trie_bytes;
	if (out->n_text > 0 && out->text[out->n_text - 1] != '\0')
		return slm_fail(err, SLM_ERR_CORRUPT, KEY " has an unterminated replacement");
	return check_trie(out, host, arena, err);
}

bool
slm_charsmap_find(const SlmCharsmap *map, const uint8_t *text, uint32_t n, SlmText *out)
{
	uint64_t at;

	if (map->n_unit == 0)
		return false;
	at = unit_offset(slm_read_u32(&map->unit[0]));
	for (uint32_t i = 0; i < n && text[i] != 0; i++)
	{
		uint32_t unit;

		at ^= text[i];
		if (at >= map->n_unit)
			return false;
		unit = slm_read_u32(&map->unit[at]);
		if (!is_child(unit, text[i]))
			return false;
		at ^= unit_offset(unit);
		if (has_leaf(unit))
		{
			uint64_t value = leaf_value(map, at);

			if (value >= map->n_text)
				return false;
			*out = replacement(map, value);
			return true;
		}
	}
	return false;
}
