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

/* A text that is being cut; polls as it goes. */
typedef struct Scan
{
	const uint8_t *text;
	uint32_t n;
	const SlmHost *host;
	uint32_t next_poll;
	SlmError *err;
} Scan;

static SlmStatus
poll_at(Scan *scan, uint32_t at)
{
	if (at < scan->next_poll)
		return SLM_OK;
	scan->next_poll = at + SLM_POLL_BYTES / 4;
	return slm_poll(scan->host, scan->err);
}

/* From at on, all characters of a class; *last is the start of the last one, or at. */
static SlmStatus
run_of(Scan *scan, uint32_t class, uint32_t at, uint32_t *last, uint32_t *end)
{
	uint32_t after;

	*last = at;
	while (at < scan->n && class_at(scan->text, scan->n, at, &after) == class)
	{
		SLM_TRY(poll_at(scan, at));
		*last = at;
		at = after;
	}
	*end = at;
	return SLM_OK;
}

/* U+017F, the long s, is an s where case does not count. */
#define LONG_S_BYTES 2

/* Bytes of the contraction at at, an apostrophe, 0 if there is none. */
static uint32_t
contraction(const uint8_t *text, uint32_t n, uint32_t at, bool any_case)
{
	static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		uint32_t length = (uint32_t) strlen(endings[i]), same = 0;

		while (same < length && at + 1 + same < n &&
			   (text[at + 1 + same] | (any_case ? 0x20 : 0)) == (uint8_t) endings[i][same])
			same++;
		if (same == length)
			return length + 1;
	}
	if (any_case && n - at > LONG_S_BYTES && text[at + 1] == 0xc5 && text[at + 2] == 0xbf)
		return 1 + LONG_S_BYTES;
	return 0;
}

static SlmStatus
gpt2_word(Scan *scan, uint32_t at, uint32_t *end)
{
	const uint8_t *text = scan->text;
	uint32_t n = scan->n, start = at;
	uint32_t next, after, last;
	uint32_t class;

	if (text[at] == '\'')
	{
		uint32_t length = contraction(text, n, at, false);

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
	SLM_TRY(run_of(scan, class, next, &last, end));
	if (*end == next)
		last = start;
	/* of white space before a word, the last character is left to the word, or alone */
	if (class == SLM_UNICODE_WHITE && *end < n && last > start)
		*end = last;
	return SLM_OK;
}

static bool
is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

/* White space: up to its last line end, else to before its last character when a word follows. */
static SlmStatus
white_word(Scan *scan, uint32_t at, uint32_t *end)
{
	uint32_t last, line_end;

	SLM_TRY(run_of(scan, SLM_UNICODE_WHITE, at, &last, end));
	for (line_end = *end; line_end > at && !is_line_end(scan->text[line_end - 1]); line_end--)
		SLM_TRY(poll_at(scan, line_end));
	if (line_end > at)
		*end = line_end;
	else if (*end < scan->n && last > at)
		*end = last;
	return SLM_OK;
}

static SlmStatus
gpt4_word(Scan *scan, int most_digits, uint32_t at, uint32_t *end)
{
	const uint8_t *text = scan->text;
	uint32_t n = scan->n;
	uint32_t next, after, last;
	uint32_t class = class_at(text, n, at, &next);

	if (text[at] == '\'')
	{
		uint32_t length = contraction(text, n, at, true);

		if (length > 0)
		{
			*end = at + length;
			return SLM_OK;
		}
	}
	if (class == SLM_UNICODE_LETTER)
		return run_of(scan, class, next, &last, end);
	/* one character that is no letter, digit or line end joins the letters behind it */
	if (class != SLM_UNICODE_NUMBER && !is_line_end(text[at]) && next < n &&
		class_at(text, n, next, &after) == SLM_UNICODE_LETTER)
		return run_of(scan, SLM_UNICODE_LETTER, after, &last, end);
	if (class == SLM_UNICODE_NUMBER)
	{
		*end = next;
		for (int i = 1; i < most_digits && *end < n; i++)
		{
			if (class_at(text, n, *end, &after) != class)
				break;
			*end = after;
		}
		return SLM_OK;
	}
	if (class == 0 || (text[at] == ' ' && next < n && class_at(text, n, next, &after) == 0))
	{
		/* signs, with a space before and line ends behind */
		SLM_TRY(run_of(scan, 0, class == 0 ? next : after, &last, end));
		while (*end < n && is_line_end(text[*end]))
		{
			SLM_TRY(poll_at(scan, *end));
			(*end)++;
		}
		return SLM_OK;
	}
	return white_word(scan, at, end);
}

SlmStatus
slm_pretoken(SlmPretoken which, const uint8_t *text, uint32_t n, uint32_t at, const SlmHost *host,
			 uint32_t *end, SlmError *err)
{
	Scan scan = {text, n, host, at + SLM_POLL_BYTES / 4, err};

	switch (which)
	{
		case SLM_PRETOKEN_GPT2:
			return gpt2_word(&scan, at, end);
		case SLM_PRETOKEN_LLAMA3:
			return gpt4_word(&scan, 3, at, end);
		case SLM_PRETOKEN_QWEN2:
			return gpt4_word(&scan, 1, at, end);
		case SLM_PRETOKEN_COUNT:
			break;
	}
	return slm_fail(err, SLM_ERR_CORRUPT, "tokenizer section has no such way to cut words");
}
