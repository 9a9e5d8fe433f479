/*
 * pretoken.c - cutting text into the words that byte-pair merging works on
 *
 * A scanner by hand for each pattern: one look or two at each character, no
 * recursion, no backtracking beyond what the patterns' own rules need.  A step
 * gives the end of the piece that starts at a place, inside a piece of the step
 * before it.
 */
#include "tokenizer/pretoken.h"

#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/unicode.h"

#define POLL_LOOKS (SLM_POLL_BYTES / 8) /* characters between two polls */
#define CLASSES (SLM_UNICODE_LETTER | SLM_UNICODE_NUMBER | SLM_UNICODE_WHITE)

/* A piece that is being cut: text[..n); polls as it goes. */
typedef struct Scan
{
	const uint8_t *text;
	uint32_t n;
	SlmWords *words;
	SlmError *err;
} Scan;

static SlmStatus
looked(Scan *scan)
{
	if (++scan->words->looks < POLL_LOOKS)
		return SLM_OK;
	scan->words->looks = 0;
	return slm_poll(scan->words->host, scan->err);
}

/* The character at at; *next is behind it.  A byte that is part of none is one. */
static uint32_t
char_at(const Scan *scan, uint32_t at, uint32_t *next)
{
	uint32_t cp = scan->text[at];
	int length = cp < 0x80 ? 1 : slm_utf8_decode(scan->text + at, scan->n - at, &cp);

	*next = at + (length > 0 ? (uint32_t) length : 1);
	return cp;
}

/* Class of the character at at, 0 for "other"; *next is behind it. */
static uint32_t
class_at(const Scan *scan, uint32_t at, uint32_t *next)
{
	uint8_t c = scan->text[at];

	if (c >= 0x80)
		return slm_unicode(char_at(scan, at, next)).flags & CLASSES;
	*next = at + 1;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return SLM_UNICODE_LETTER;
	if (c >= '0' && c <= '9')
		return SLM_UNICODE_NUMBER;
	return c == ' ' || (c >= '\t' && c <= '\r') ? SLM_UNICODE_WHITE : 0;
}

static bool
is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

/* From at on, all characters of a class; *last is the start of the last one, or at. */
static SlmStatus
run_of(Scan *scan, uint32_t class, uint32_t at, uint32_t *last, uint32_t *end)
{
	uint32_t after;

	*last = at;
	while (at < scan->n && class_at(scan, at, &after) == class)
	{
		SLM_TRY(looked(scan));
		*last = at;
		at = after;
	}
	*end = at;
	return SLM_OK;
}

/* ---- GPT-2 ------------------------------------------------------------------------------ */

/* U+017F, the long s, is an s where case does not count. */
#define LONG_S_BYTES 2

/* Bytes of the contraction at at, which starts with an apostrophe; 0 if there is none. */
static uint32_t
contraction(const Scan *scan, uint32_t at, bool any_case)
{
	static const char *const endings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
	const uint8_t *text = scan->text;
	uint32_t n = scan->n;

	if (at >= n || text[at] != '\'')
		return 0;
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
gpt2_word(Scan *scan, int unused, uint32_t at, uint32_t *end)
{
	uint32_t n = scan->n, start = at;
	uint32_t next, after, last;
	uint32_t length = contraction(scan, at, false);
	uint32_t class;

	(void) unused;
	if (length > 0)
	{
		*end = at + length;
		return SLM_OK;
	}
	class = class_at(scan, at, &next);
	if (scan->text[at] == ' ' && next < n)
	{
		/* one space joins the word behind it */
		uint32_t behind = class_at(scan, next, &after);

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

/* ---- GPT-4 and those behind it ------------------------------------------------------------ */

/* White space: up to its last line end, else to before its last character when a word follows. */
static SlmStatus
white_word(Scan *scan, uint32_t at, uint32_t *end)
{
	uint32_t last, line_end;

	SLM_TRY(run_of(scan, SLM_UNICODE_WHITE, at, &last, end));
	for (line_end = *end; line_end > at && !is_line_end(scan->text[line_end - 1]); line_end--)
		SLM_TRY(looked(scan));
	if (line_end > at)
		*end = line_end;
	else if (*end < scan->n && last > at)
		*end = last;
	return SLM_OK;
}

/* What is no word of letters: digits, signs with a space before and line ends behind, white space. */
static SlmStatus
other_word(Scan *scan, int most_digits, bool slashes, uint32_t at, uint32_t *end)
{
	const uint8_t *text = scan->text;
	uint32_t n = scan->n;
	uint32_t next, after, last;
	uint32_t class = class_at(scan, at, &next);

	if (class == SLM_UNICODE_NUMBER)
	{
		*end = next;
		for (int i = 1; i < most_digits && *end < n; i++)
		{
			if (class_at(scan, *end, &after) != class)
				break;
			*end = after;
		}
		return SLM_OK;
	}
	if (class == 0 || (text[at] == ' ' && next < n && class_at(scan, next, &after) == 0))
	{
		SLM_TRY(run_of(scan, 0, class == 0 ? next : after, &last, end));
		while (*end < n && (is_line_end(text[*end]) || (slashes && text[*end] == '/')))
		{
			SLM_TRY(looked(scan));
			(*end)++;
		}
		return SLM_OK;
	}
	return white_word(scan, at, end);
}

static SlmStatus
gpt4_word(Scan *scan, int most_digits, uint32_t at, uint32_t *end)
{
	uint32_t next, after, last;
	uint32_t class = class_at(scan, at, &next);
	uint32_t length = contraction(scan, at, true);

	if (length > 0)
	{
		*end = at + length;
		return SLM_OK;
	}
	if (class == SLM_UNICODE_LETTER)
		return run_of(scan, class, next, &last, end);
	/* one character that is no letter, digit or line end joins the letters behind it */
	if (class != SLM_UNICODE_NUMBER && !is_line_end(scan->text[at]) && next < scan->n &&
		class_at(scan, next, &after) == SLM_UNICODE_LETTER)
		return run_of(scan, SLM_UNICODE_LETTER, after, &last, end);
	return other_word(scan, most_digits, false, at, end);
}

/* How words by case take a character; both for letters without case and for marks. */
#define TAKES_BIG 1
#define TAKES_SMALL 2

static int
case_at(const Scan *scan, uint32_t at, uint32_t *next)
{
	uint8_t c = scan->text[at];
	uint32_t flags;

	if (c < 0x80)
	{
		*next = at + 1;
		return c >= 'a' && c <= 'z' ? TAKES_SMALL : c >= 'A' && c <= 'Z' ? TAKES_BIG : 0;
	}
	flags = slm_unicode(char_at(scan, at, next)).flags;
	if (flags & SLM_UNICODE_COMBINING)
		return TAKES_BIG | TAKES_SMALL;
	if ((flags & SLM_UNICODE_LETTER) == 0)
		return 0;
	return (flags & SLM_UNICODE_SMALL ? 0 : TAKES_BIG) |
		   (flags & SLM_UNICODE_UPPER ? 0 : TAKES_SMALL);
}

/* Where words of letters end that start at a place; 0: there is none. */
typedef struct CaseWords
{
	uint32_t small; /* big letters and then at least one small */
	uint32_t big;   /* at least one big letter, and then small ones */
} CaseWords;

static SlmStatus
case_words(Scan *scan, uint32_t at, CaseWords *out)
{
	uint32_t start = at, next = at, small_end = 0;
	int takes = 0;

	*out = (CaseWords){0, 0};
	for (; at < scan->n; at = next)
	{
		takes = case_at(scan, at, &next);
		if ((takes & TAKES_BIG) == 0)
			break;
		SLM_TRY(looked(scan));
		if (takes & TAKES_SMALL)
			small_end = next;
	}
	if (at > start)
		out->big = at;
	/* the last of the big ones that may be small is given back, where no other follows */
	out->small = small_end;
	if (at == scan->n || takes == 0)
		return SLM_OK;
	for (; at < scan->n && (case_at(scan, at, &next) & TAKES_SMALL); at = next)
		SLM_TRY(looked(scan));
	out->small = at;
	return SLM_OK;
}

/* A word of letters, with one character that is no letter, digit or line end before it. */
static SlmStatus
letters_by_case(Scan *scan, uint32_t at, uint32_t *end)
{
	CaseWords alone, joined = {0, 0};
	uint32_t next;
	uint32_t class = class_at(scan, at, &next);

	*end = 0;
	if (class != SLM_UNICODE_LETTER && class != SLM_UNICODE_NUMBER &&
		!is_line_end(scan->text[at]) && next < scan->n)
		SLM_TRY(case_words(scan, next, &joined));
	*end = joined.small;
	if (*end > 0)
		return SLM_OK;
	SLM_TRY(case_words(scan, at, &alone));
	*end = alone.small > 0 ? alone.small : joined.big > 0 ? joined.big : alone.big;
	return SLM_OK;
}

static SlmStatus
tekken_word(Scan *scan, int unused, uint32_t at, uint32_t *end)
{
	(void) unused;
	SLM_TRY(letters_by_case(scan, at, end));
	return *end > 0 ? SLM_OK : other_word(scan, 1, true, at, end);
}

static SlmStatus
gpt4o_word(Scan *scan, int unused, uint32_t at, uint32_t *end)
{
	(void) unused;
	SLM_TRY(letters_by_case(scan, at, end));
	if (*end == 0)
		return other_word(scan, 3, true, at, end);
	*end += contraction(scan, *end, true);
	return SLM_OK;
}

/* ---- Patterns that cut out what they match -------------------------------------------------- */

typedef enum Match
{
	LINE_END,
	LETTER,
	SIGN,
	PUNCTUATION,
	DEEPSEEK_LETTER,
	DEEPSEEK_SIGN,
	CJK, /* and much else */
	DIGIT
} Match;

#define ALONE 0x100      /* each character by itself, else runs */
#define WITH_SPACE 0x200 /* and one white-space character before */

static bool
is_match(Match match, uint32_t cp)
{
	switch (match)
	{
		case LINE_END:
			return cp == '\r' || cp == '\n';
		case LETTER:
			return (slm_unicode(cp).flags & SLM_UNICODE_LETTER) != 0;
		case SIGN:
			return (slm_unicode(cp).flags & SLM_UNICODE_SIGN) != 0;
		case PUNCTUATION:
			return (slm_unicode(cp).flags & SLM_UNICODE_PUNCT) != 0;
		case DEEPSEEK_LETTER:
			return (slm_unicode(cp).flags & SLM_UNICODE_DEEPSEEK) != 0;
		case DEEPSEEK_SIGN:
			return (cp >= '!' && cp <= '/') || (cp >= ':' && cp <= '~') ||
				   (cp >= 0xff01 && cp <= 0xff0f) || (cp >= 0xff1a && cp <= 0xff5e) ||
				   (cp >= 0x2018 && cp <= 0x201f) || (cp >= 0x3000 && cp <= 0x3002);
		case CJK:
			return (cp >= 0x0800 && cp <= 0x9fa5) || (cp >= 0xac00 && cp <= 0xd7ff);
		case DIGIT:
			return (slm_unicode(cp).flags & SLM_UNICODE_NUMERIC) != 0;
	}
	return false;
}

/* Where the match that starts at at has its first own character; n when none starts there. */
static uint32_t
match_start(const Scan *scan, int how, uint32_t at)
{
	Match match = (Match) (how & 0xff);
	uint32_t next, after;
	uint32_t cp = char_at(scan, at, &next);

	if (is_match(match, cp))
		return at;
	if ((how & WITH_SPACE) == 0 || next == scan->n ||
		(slm_unicode(cp).flags & SLM_UNICODE_WHITE) == 0)
		return scan->n;
	return is_match(match, char_at(scan, next, &after)) ? next : scan->n;
}

/* The match that starts at at, or what lies before the next one. */
static SlmStatus
cut_out(Scan *scan, int how, uint32_t at, uint32_t *end)
{
	uint32_t next, first = match_start(scan, how, at);

	if (first == scan->n)
	{
		for (; at < scan->n && match_start(scan, how, at) == scan->n; at = next)
		{
			SLM_TRY(looked(scan));
			char_at(scan, at, &next);
		}
		*end = at;
		return SLM_OK;
	}
	char_at(scan, first, end);
	while ((how & ALONE) == 0 && *end < scan->n &&
		   is_match((Match) (how & 0xff), char_at(scan, *end, &next)))
	{
		SLM_TRY(looked(scan));
		*end = next;
	}
	return SLM_OK;
}

/* White space at the end of a piece, or what stands before it. */
static SlmStatus
white_at_end(Scan *scan, int unused, uint32_t at, uint32_t *end)
{
	uint32_t start = at, next;
	uint32_t white = at; /* where the white space starts that the text behind it has not ended */

	(void) unused;
	for (; at < scan->n; at = next)
	{
		SLM_TRY(looked(scan));
		if ((slm_unicode(char_at(scan, at, &next)).flags & SLM_UNICODE_WHITE) == 0)
			white = next;
	}
	*end = white > start ? white : scan->n;
	return SLM_OK;
}

/* Is a byte, as GPT-2 spells it, a number? */
static bool
is_number(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || byte == 0xb2 || byte == 0xb3 || byte == 0xb9 ||
		   (byte >= 0xbc && byte <= 0xbe);
}

static SlmStatus
numbers_in_bytes(Scan *scan, int unused, uint32_t at, uint32_t *end)
{
	bool number = is_number(scan->text[at]);

	(void) unused;
	for (*end = at + 1; *end < scan->n && is_number(scan->text[*end]) == number; (*end)++)
		SLM_TRY(looked(scan));
	return SLM_OK;
}

static bool
are_three_digits(const Scan *scan, uint32_t at)
{
	int n = 0;

	while (n < 3 && at < scan->n && scan->text[at] >= '0' && scan->text[at] <= '9')
	{
		at++;
		n++;
	}
	return n == 3;
}

static SlmStatus
three_digits(Scan *scan, int unused, uint32_t at, uint32_t *end)
{
	(void) unused;
	*end = at + 3;
	if (are_three_digits(scan, at))
		return SLM_OK;
	for (*end = at + 1; *end < scan->n && !are_three_digits(scan, *end); (*end)++)
		SLM_TRY(looked(scan));
	return SLM_OK;
}

/* ---- All of them ------------------------------------------------------------------------------ */

typedef struct Step
{
	SlmStatus (*cut)(Scan *scan, int how, uint32_t at, uint32_t *end); /* NULL behind the last */
	int how;
} Step;

static const Step steps[SLM_PRETOKEN_COUNT][SLM_PRETOKEN_STEPS] = {
	[SLM_PRETOKEN_GPT2] = {{gpt2_word, 0}},
	[SLM_PRETOKEN_LLAMA3] = {{gpt4_word, 3}},
	[SLM_PRETOKEN_QWEN2] = {{gpt4_word, 1}},
	[SLM_PRETOKEN_STARCODER] = {{cut_out, DIGIT | ALONE}, {gpt2_word, 0}},
	[SLM_PRETOKEN_FALCON] = {{cut_out, PUNCTUATION},
							 {gpt2_word, 0},
							 {numbers_in_bytes, 0},
							 {three_digits, 0}},
	[SLM_PRETOKEN_DEEPSEEK_LLM] = {{cut_out, LINE_END | ALONE},
								   {cut_out, DEEPSEEK_LETTER | WITH_SPACE},
								   {cut_out, DEEPSEEK_SIGN | WITH_SPACE},
								   {white_at_end, 0},
								   {cut_out, CJK},
								   {cut_out, DIGIT | ALONE}},
	[SLM_PRETOKEN_DEEPSEEK_CODER] = {{cut_out, LINE_END | ALONE},
									 {cut_out, LETTER | WITH_SPACE},
									 {cut_out, SIGN | WITH_SPACE},
									 {cut_out, CJK},
									 {cut_out, DIGIT | ALONE}},
	[SLM_PRETOKEN_TEKKEN] = {{tekken_word, 0}},
	[SLM_PRETOKEN_GPT4O] = {{gpt4o_word, 0}},
};

SlmStatus
slm_words_start(SlmWords *words, SlmPretoken which, const uint8_t *text, uint32_t n,
				const SlmHost *host, SlmError *err)
{
	if (which >= SLM_PRETOKEN_COUNT)
		return slm_fail(err, SLM_ERR_CORRUPT, "tokenizer section has no such way to cut words");
	*words = (SlmWords){.which = which, .text = text, .n = n, .host = host};
	return SLM_OK;
}

SlmStatus
slm_words_next(SlmWords *words, uint32_t at, uint32_t *end, SlmError *err)
{
	Scan scan = {.text = words->text, .n = words->n, .words = words, .err = err};

	for (int i = 0; i < SLM_PRETOKEN_STEPS && steps[words->which][i].cut != NULL; i++)
	{
		const Step *step = &steps[words->which][i];

		/* a step has come to the end of its piece where all behind it have */
		if (words->end[i] <= at)
			SLM_TRY(step->cut(&scan, step->how, at, &words->end[i]));
		scan.n = words->end[i];
	}
	*end = scan.n;
	return SLM_OK;
}
