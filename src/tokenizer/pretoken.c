/*
 * pretoken.c - cutting text into the words that byte-pair merging works on
 *
 * A scanner by hand: one look at each character, no recursion, no backtracking
 * beyond the last white-space character of a run.
 */
#include "tokenizer/pretoken.h"

#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/unicode.h"

#define CLASSES (SLM_UNICODE_LETTER | SLM_UNICODE_NUMBER | SLM_UNICODE_WHITE)

/* Class of the character at at, 0 for "other"; *next is behind it. */
static uint32_t
class_at(const uint8_t *text, uint32_t n, uint32_t at, uint32_t *next)
{
	uint32_t cp;
	int length;

	if (text[at] < 0x80)
	{
		uint8_t c = text[at];

		*next = at + 1;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			return SLM_UNICODE_LETTER;
		if (c >= '0' && c <= '9')
			return SLM_UNICODE_NUMBER;
		return c == ' ' || (c >= '\t' && c <= '\r') ? SLM_UNICODE_WHITE : 0;
	}
	length = slm_utf8_decode(text + at, n - at, &cp);
	*next = at + (length > 0 ? (uint32_t) length : 1);
	return slm_unicode(cp).flags & CLASSES;
}

/* Bytes of the contraction at at, 0 if there is none. */
static uint32_t
contraction(const uint8_t *text, uint32_t n, uint32_t at)
{
	static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		uint32_t length = (uint32_t) strlen(endings[i]);

		if (n - at > length && memcmp(text + at + 1, endings[i], length) == 0)
			return length + 1;
	}
	return 0;
}

SlmStatus
slm_pretoken_gpt2(const uint8_t *text, uint32_t n, uint32_t at, const SlmHost *host, uint32_t *end,
				  SlmError *err)
{
	uint32_t start = at;
	uint32_t next, after, last;
	uint32_t class;
	uint32_t next_poll = at + SLM_POLL_BYTES / 4;

	if (text[at] == '\'')
	{
		uint32_t length = contraction(text, n, at);

		if (length > 0)
		{
			*end = at + length;
			return SLM_OK;
		}
	}
	class = class_at(text, n, at, &next);
	if (text[at] == ' ' && next < n)
	{
		/* one space joins the word behind it */
		uint32_t behind = class_at(text, n, next, &after);

		if (behind != SLM_UNICODE_WHITE)
		{
			class = behind;
			next = after;
		}
	}
	last = start;
	while (next < n && class_at(text, n, next, &after) == class)
	{
		if (next >= next_poll)
		{
			SLM_TRY(slm_poll(host, err));
			next_poll = next + SLM_POLL_BYTES / 4;
		}
		last = next;
		next = after;
	}
	/* of white space before a word, the last character is left to the word, or alone */
	if (class == SLM_UNICODE_WHITE && next < n && last > start)
		next = last;
	*end = next;
	return SLM_OK;
}
