/*
 * words.c - a text character by character and word by word
 */
#include "task/words.h"

#include "base/ascii.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/unicode.h"

#define POLL_BYTES (SLM_POLL_BYTES / 16) /* a sentence may end at every other of them */

void
slm_cursor_init(SlmCursor *cursor, SlmText text, const SlmHost *host)
{
	*cursor = (SlmCursor){.text = text, .host = host};
}

SlmStatus
slm_cursor_next(SlmCursor *c, uint32_t *cp, SlmError *err)
{
	int n = slm_utf8_decode((const uint8_t *) c->text.data + c->at, c->text.size - c->at, cp);

	if (c->at >= c->poll_at)
	{
		SLM_TRY(slm_poll(c->host, err));
		c->poll_at = c->at + POLL_BYTES;
	}
	if (n == 0)
		return slm_fail(err, SLM_ERR_ENCODING, "text is not valid UTF-8 at byte %zu", c->at);
	c->at += (size_t) n;
	return SLM_OK;
}

uint32_t
slm_char_at(SlmText text, size_t at)
{
	uint32_t cp;

	if (at >= text.size ||
		slm_utf8_decode((const uint8_t *) text.data + at, text.size - at, &cp) == 0)
		return 0;
	return cp;
}

uint32_t
slm_char_before(SlmText text, size_t end, size_t *start)
{
	size_t at = end;

	do
		at--;
	while (at > 0 && end - at < 4 && ((uint8_t) text.data[at] & 0xc0) == 0x80);
	*start = at;
	return slm_char_at(text, at);
}

size_t
slm_char_size(SlmText text, size_t at)
{
	uint32_t cp;
	int n;

	if (at >= text.size)
		return 0;
	n = slm_utf8_decode((const uint8_t *) text.data + at, text.size - at, &cp);
	return n > 0 ? (size_t) n : 1;
}

bool
slm_char_is_white(uint32_t cp)
{
	if (cp < 0x80)
		return cp == ' ' || (cp >= '\t' && cp <= '\r');
	return (slm_unicode(cp).flags & SLM_UNICODE_WHITE) != 0;
}

/* Scripts without spaces whose characters count as words: ideographs, hiragana, katakana. */
static bool
is_own_word(uint32_t cp)
{
	if (cp < 0x3040)
		return false;
	return (cp <= 0x30ff && cp != 0x30fb && cp != 0x30fc) ||
		   (slm_unicode(cp).flags & SLM_UNICODE_CJK) != 0;
}

/* What may follow such a character within its word. */
static bool
stays_with_it(uint32_t cp)
{
	return cp == 0x30fb || cp == 0x30fc || /* middle dot, prolonged sound */
		   (slm_unicode(cp).flags & (SLM_UNICODE_PUNCT | SLM_UNICODE_MARK)) != 0;
}

SlmStatus
slm_word_next(SlmCursor *c, SlmWord *out, SlmError *err)
{
	bool own = false;
	uint32_t cp;

	*out = (SlmWord){c->at, c->at, false};
	while (c->at < c->text.size)
	{
		size_t before = c->at;

		SLM_TRY(slm_cursor_next(c, &cp, err));
		if (slm_char_is_white(cp))
		{
			if (out->end > out->start)
				return SLM_OK;
			continue;
		}
		if (out->end == out->start)
		{
			out->start = before;
			own = is_own_word(cp);
		}
		else if (is_own_word(cp) || (own && !stays_with_it(cp)))
		{
			c->at = before;
			return SLM_OK;
		}
		out->end = c->at;
		out->has_digit |= slm_is_digit(cp);
	}
	if (out->end == out->start)
		out->start = out->end = c->at;
	return SLM_OK;
}

SlmStatus
slm_count_words(SlmText text, const SlmHost *host, int *n_word, int *n_number, SlmError *err)
{
	SlmCursor cursor;
	SlmWord word;

	*n_word = *n_number = 0;
	slm_cursor_init(&cursor, text, host);
	for (;;)
	{
		SLM_TRY(slm_word_next(&cursor, &word, err));
		if (word.start == word.end)
			return SLM_OK;
		++*n_word;
		*n_number += word.has_digit;
	}
}
