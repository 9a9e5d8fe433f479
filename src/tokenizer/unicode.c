/*
 * unicode.c - what Hugging Face's tokenizers hold of a character
 */
#include "tokenizer/unicode.h"

#include <stddef.h>

#include "tokenizer/unicode_tables.inc"

#define N_ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* Hangul syllables, The Unicode Standard, section 3.12. */
#define HANGUL_BASE 0xac00
#define HANGUL_LEAD_BASE 0x1100
#define HANGUL_VOWEL_BASE 0x1161
#define HANGUL_TAIL_BASE 0x11a7
#define HANGUL_TAILS 28
#define HANGUL_VOWELS 21
#define HANGUL_LEADS 19

SlmUnicode
slm_unicode(uint32_t cp)
{
	SlmUnicode unicode = {0, 0};

	if (cp <= 0x10ffff)
	{
		uint32_t page = unicode_index[cp >> UNICODE_PAGE_BITS];
		uint32_t at = cp & ((1u << UNICODE_PAGE_BITS) - 1);
		uint64_t kind = unicode_kinds[unicode_pages[(page << UNICODE_PAGE_BITS) + at]];

		unicode.flags = (uint32_t) (kind >> 8);
		unicode.combining = (uint32_t) (kind & 0xff);
	}
	return unicode;
}

/* Index of cp in a sorted list, or n when it is not there. */
static size_t
find(const uint32_t *sorted, size_t n, uint32_t cp)
{
	size_t low = 0, high = n;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (sorted[middle] < cp)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && sorted[low] == cp ? low : n;
}

int
slm_unicode_decompose(uint32_t cp, uint32_t flags, uint32_t out[SLM_UNICODE_MAX_PARTS])
{
	int n = 0;

	if (flags & SLM_UNICODE_HANGUL)
	{
		uint32_t syllable = cp - HANGUL_BASE;
		uint32_t tail = syllable % HANGUL_TAILS;

		out[n++] = HANGUL_LEAD_BASE + syllable / (HANGUL_VOWELS * HANGUL_TAILS);
		out[n++] = HANGUL_VOWEL_BASE + syllable / HANGUL_TAILS % HANGUL_VOWELS;
		if (tail != 0)
			out[n++] = HANGUL_TAIL_BASE + tail;
		return n;
	}
	if (flags & SLM_UNICODE_NFD)
	{
		size_t i = find(unicode_nfd_from, N_ITEMS(unicode_nfd_from), cp);

		if (i < N_ITEMS(unicode_nfd_from))
		{
			const uint32_t *to = unicode_nfd_to + i * SLM_UNICODE_MAX_PARTS;

			while (n < SLM_UNICODE_MAX_PARTS && to[n] != 0)
			{
				out[n] = to[n];
				n++;
			}
			return n;
		}
	}
	out[0] = cp;
	return 1;
}

uint32_t
slm_unicode_compose(uint32_t first, uint32_t second)
{
	uint64_t pair = (uint64_t) first << 32 | second;
	size_t low = 0, high = N_ITEMS(unicode_nfc_from);

	if (first - HANGUL_LEAD_BASE < HANGUL_LEADS && second - HANGUL_VOWEL_BASE < HANGUL_VOWELS)
		return HANGUL_BASE +
			   ((first - HANGUL_LEAD_BASE) * HANGUL_VOWELS + second - HANGUL_VOWEL_BASE) *
				   HANGUL_TAILS;
	if (first - HANGUL_BASE < HANGUL_LEADS * HANGUL_VOWELS * HANGUL_TAILS &&
		(first - HANGUL_BASE) % HANGUL_TAILS == 0 &&
		second - HANGUL_TAIL_BASE - 1 < HANGUL_TAILS - 1)
		return first + second - HANGUL_TAIL_BASE;
	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (unicode_nfc_from[middle] < pair)
			low = middle + 1;
		else
			high = middle;
	}
	return low < N_ITEMS(unicode_nfc_from) && unicode_nfc_from[low] == pair ? unicode_nfc_to[low]
																			: 0;
}

int
slm_unicode_decompose_compat(uint32_t cp, uint32_t flags, uint32_t out[SLM_UNICODE_MAX_COMPAT])
{
	size_t n = N_ITEMS(unicode_nfkd_from);
	size_t i = flags & SLM_UNICODE_NFKD ? find(unicode_nfkd_from, n, cp) : n;
	int length = 0;

	if (i == n)
		return slm_unicode_decompose(cp, flags, out);
	for (uint32_t at = i > 0 ? unicode_nfkd_end[i - 1] : 0; at < unicode_nfkd_end[i]; at++)
		out[length++] = unicode_nfkd_text[at];
	return length;
}

int
slm_unicode_lower(uint32_t cp, uint32_t flags, uint32_t out[2])
{
	if (flags & SLM_UNICODE_LOWER)
	{
		size_t i = find(unicode_lower_from, N_ITEMS(unicode_lower_from), cp);

		if (i < N_ITEMS(unicode_lower_from))
		{
			out[0] = unicode_lower_to[2 * i];
			out[1] = unicode_lower_to[2 * i + 1];
			return out[1] != 0 ? 2 : 1;
		}
	}
	out[0] = cp;
	return 1;
}
