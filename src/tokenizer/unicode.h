/*
 * unicode.h - what Hugging Face's tokenizers hold of a character
 *
 * The package mixes several Unicode versions, so its answers were asked for
 * every scalar value and written into unicode_tables.inc.  No other source is
 * consulted: the answer is the same on every machine, whatever version of a
 * Unicode library it has.
 */
#ifndef SLM_TOKENIZER_UNICODE_H
#define SLM_TOKENIZER_UNICODE_H

#include <stdint.h>

/* Flags of a code point. */
#define SLM_UNICODE_DROP 0x001   /* BertNormalizer removes it */
#define SLM_UNICODE_SPACE 0x002  /* BertNormalizer makes it a space */
#define SLM_UNICODE_CJK 0x004    /* BertNormalizer puts spaces around it */
#define SLM_UNICODE_PUNCT 0x008  /* BertPreTokenizer makes it a word */
#define SLM_UNICODE_MARK 0x010   /* a non-spacing mark: strip_accents removes it */
#define SLM_UNICODE_LOWER 0x020  /* lower case differs */
#define SLM_UNICODE_NFD 0x040    /* has a canonical decomposition */
#define SLM_UNICODE_HANGUL 0x080 /* has one by arithmetic */
#define SLM_UNICODE_LETTER 0x100 /* \p{L} of the byte-level pattern */
#define SLM_UNICODE_NUMBER 0x200 /* \p{N} of it */
#define SLM_UNICODE_WHITE 0x400  /* white space: \s of it, and of WhitespaceSplit */

/* Bits 11 to 16: how clusters break, below. */

#define SLM_UNICODE_UPPER 0x020000     /* \p{Lu} or \p{Lt} */
#define SLM_UNICODE_SMALL 0x040000     /* \p{Ll} */
#define SLM_UNICODE_COMBINING 0x080000 /* \p{M} */
#define SLM_UNICODE_SIGN 0x100000      /* \p{P} */
#define SLM_UNICODE_NUMERIC 0x200000   /* the pre-tokenizer Digits cuts it off */
#define SLM_UNICODE_DEEPSEEK 0x400000  /* a letter that DeepSeek LLM's pattern spells out */
#define SLM_UNICODE_COMPOSES 0x800000  /* NFC changes it, or may join it to the one before */
#define SLM_UNICODE_NFKD 0x1000000   /* its compatibility decomposition is not the canonical one */
#define SLM_UNICODE_ACCENT 0x2000000 /* a mark of any kind: StripAccents removes it */

/* Grapheme_Cluster_Break, UAX #29, with Extended_Pictographic as one more value. */
typedef enum SlmUnicodeBreak
{
	SLM_BREAK_OTHER = 0,
	SLM_BREAK_CR,
	SLM_BREAK_LF,
	SLM_BREAK_CONTROL,
	SLM_BREAK_EXTEND,
	SLM_BREAK_ZWJ,
	SLM_BREAK_REGIONAL,
	SLM_BREAK_PREPEND,
	SLM_BREAK_SPACING_MARK,
	SLM_BREAK_L,
	SLM_BREAK_V,
	SLM_BREAK_T,
	SLM_BREAK_LV,
	SLM_BREAK_LVT,
	SLM_BREAK_PICTOGRAPH
} SlmUnicodeBreak;

/* Indic_Conjunct_Break, UAX #44. */
typedef enum SlmUnicodeConjunct
{
	SLM_CONJUNCT_NONE = 0,
	SLM_CONJUNCT_CONSONANT,
	SLM_CONJUNCT_LINKER,
	SLM_CONJUNCT_EXTEND
} SlmUnicodeConjunct;

#define SLM_UNICODE_BREAK(flags) ((SlmUnicodeBreak) ((flags) >> 11 & 15))
#define SLM_UNICODE_CONJUNCT(flags) ((SlmUnicodeConjunct) ((flags) >> 15 & 3))

#define SLM_UNICODE_MAX_PARTS 4   /* code points of the longest canonical decomposition */
#define SLM_UNICODE_MAX_COMPAT 18 /* and of the longest compatibility decomposition */

typedef struct SlmUnicode
{
	uint32_t flags;
	uint32_t combining; /* canonical combining class; 0: a starter */
} SlmUnicode;

/* Properties of any 32-bit number; those past U+10FFFF have none. */
extern SlmUnicode slm_unicode(uint32_t cp);

/* Writes the canonical decomposition (or cp itself) to out, returns its length. */
extern int slm_unicode_decompose(uint32_t cp, uint32_t flags, uint32_t out[SLM_UNICODE_MAX_PARTS]);

/* Writes the compatibility decomposition (or cp itself) to out, returns its length. */
extern int slm_unicode_decompose_compat(uint32_t cp, uint32_t flags,
										uint32_t out[SLM_UNICODE_MAX_COMPAT]);

/* The character that NFC makes of two, 0 if none; both as decompositions give them, or composed. */
extern uint32_t slm_unicode_compose(uint32_t first, uint32_t second);

/* Writes the lower case (or cp itself) to out, returns its length, 1 or 2. */
extern int slm_unicode_lower(uint32_t cp, uint32_t flags, uint32_t out[2]);

/* How WordPiece takes an ASCII byte. */
typedef enum SlmAsciiRole
{
	SLM_ASCII_WORD = 0,
	SLM_ASCII_SPACE = 1,
	SLM_ASCII_PUNCT = 2,
	SLM_ASCII_DROP = 3
} SlmAsciiRole;

extern const uint8_t slm_unicode_ascii_role[128];

#endif
