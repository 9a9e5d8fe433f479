/*
 * charsmap.h - SentencePiece's precompiled character map
 *
 * The value of tokenizer.ggml.precompiled_charsmap: u32 bytes of a trie, the
 * trie (darts-clone's units of 32 bits), then replacement texts, each ended by
 * NUL; a leaf of the trie is the offset of its replacement.
 */
#ifndef SLM_TOKENIZER_CHARSMAP_H
#define SLM_TOKENIZER_CHARSMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"
#include "gguf/gguf.h"

typedef struct SlmCharsmap
{
	const uint32_t *unit; /* [n_unit]; 0 units: nothing is replaced */
	uint64_t n_unit;
	const char *text; /* [n_text] */
	uint64_t n_text;
} SlmCharsmap;

/*
 * Reads and checks the key into arena memory: every unit that can be reached is
 * inside, and so is every replacement, valid UTF-8 of a bounded length.  An absent
 * or empty key gives a map without units.
 */
extern SlmStatus slm_charsmap_read(const SlmGguf *gguf, const SlmHost *host, SlmArena *arena,
								   SlmCharsmap *out, SlmError *err) SLM_MUST_CHECK;

/*
 * Replacement of the shortest prefix of text[0..n) that the map has; false when
 * it has none.  Bounds are checked here again.
 */
extern bool slm_charsmap_find(const SlmCharsmap *map, const uint8_t *text, uint32_t n,
							  SlmText *out);

#endif
