/*
 * blob.h - how a tokenizer lies in an image
 *
 *   SlmBlobHeader, then the sections, each 8-aligned, offsets from the start.
 *
 * slm_blob_open() checks the header once per call into a copy of its own;
 * what the sections hold is checked where it is used.
 */
#ifndef SLM_TOKENIZER_BLOB_H
#define SLM_TOKENIZER_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/trie.h"

#define SLM_BLOB_MAGIC "SLMTOK03" /* changes with the layout */

typedef enum SlmTokenizerKind
{
	SLM_TOKENIZER_WORDPIECE = 1,
	SLM_TOKENIZER_BPE = 2,
	SLM_TOKENIZER_UNIGRAM = 3,
	SLM_TOKENIZER_SPM = 4
} SlmTokenizerKind;

typedef enum SlmBlobSection
{
	SLM_SECTION_TOKEN_ENDS,  /* uint32_t [n_vocab]: end of each token's bytes */
	SLM_SECTION_TOKEN_BYTES, /* token strings as in the GGUF, one after another */
	SLM_SECTION_TOKEN_TYPES, /* uint8_t [n_vocab]: SlmTokenType */
	SLM_SECTION_TRIE,        /* SlmTrieUnit [] */
	SLM_SECTION_BYTE_TOKENS, /* int32_t [256]: the token of each byte, -1 if none */
	SLM_SECTION_MERGES,      /* SlmMerge [power of two], see merge.h */
	SLM_SECTION_SCORES,      /* float [n_vocab] */
	SLM_SECTION_CHARSMAP,    /* uint32_t [] darts units, see charsmap.h */
	SLM_SECTION_CHARSMAP_TEXT,
	SLM_SECTION_ADDED, /* SlmTrieUnit [], see added.h */
	SLM_SECTIONS
} SlmBlobSection;

/* What the normalizer and pre-tokenizer do. */
#define SLM_BLOB_LOWERCASE 0x1
#define SLM_BLOB_STRIP_ACCENTS 0x2
#define SLM_BLOB_BYTE_FALLBACK 0x4 /* SentencePiece: unknown characters as byte tokens */
#define SLM_BLOB_NO_PREFIX 0x8     /* SentencePiece: no word start before the first word */
#define SLM_BLOB_WORDS 0x10        /* SentencePiece's BPE: no piece goes on into another word */
#define SLM_BLOB_NFC 0x20          /* byte-level BPE: text is composed first */
#define SLM_BLOB_FOLD 0x40         /* unigram: ALBERT's quotes, then case and accents as above */

typedef struct SlmBlobRange
{
	uint64_t offset;
	uint64_t bytes;
} SlmBlobRange;

typedef struct SlmBlobHeader
{
	char magic[8];
	uint64_t bytes; /* of the whole blob */
	uint32_t kind;
	int32_t n_vocab;
	uint32_t flags;
	float unk_score; /* unigram */
	int32_t bos, eos, sep, pad, unk, mask;
	uint8_t add_bos, add_eos, pair_seps;
	uint8_t pretoken; /* SlmPretoken, of byte-pair encoding */
	uint8_t unused[4];
	SlmBlobRange section[SLM_SECTIONS];
} SlmBlobHeader;

/* Bytes of one section, to be copied into a blob; {NULL, 0} leaves it empty. */
typedef struct SlmBlobPart
{
	const void *data;
	uint64_t bytes;
} SlmBlobPart;

/* Lays out header (magic, bytes and sections are filled here) and parts in arena memory. */
extern SlmStatus slm_blob_assemble(SlmBlobHeader *header, const SlmBlobPart part[SLM_SECTIONS],
								   const SlmHost *host, SlmArena *arena, const void **blob,
								   size_t *blob_bytes, SlmError *err) SLM_MUST_CHECK;

/* Copies and checks the header of a blob. */
extern SlmStatus slm_blob_open(const void *blob, size_t blob_bytes, SlmBlobHeader *header,
							   SlmError *err) SLM_MUST_CHECK;

/*
 * Items of a section, as many whole ones as it has.  header is a copy that
 * slm_blob_open() has checked against this blob.
 */
static inline const void *
slm_blob_section(const void *blob, const SlmBlobHeader *header, SlmBlobSection section,
				 size_t item_bytes, uint64_t *n)
{
	*n = header->section[section].bytes / item_bytes;
	return (const uint8_t *) blob + header->section[section].offset;
}

extern SlmTrie slm_blob_trie(const void *blob, const SlmBlobHeader *header, SlmBlobSection section);

#endif
