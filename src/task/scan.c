/*
 * scan.c - one walk over a text that asks the readers of the wanted kinds
 *
 * A reader is asked only where a form of its kind may begin: a byte of its
 * classes with no letter, digit or '_' before it, past what the kind has
 * already claimed.  So plain prose costs a table look-up per byte and a few
 * calls per word.
 */
#include "task/scan.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "task/scan_impl.h"
#include "task/words.h"
#include "tokenizer/unicode.h"

/* Classes of first bytes. */
#define FIRST_DIGIT 0x01
#define FIRST_LETTER 0x02 /* ASCII, or '_' */
#define FIRST_HIGH 0x04   /* of a code point past ASCII */
#define FIRST_SIGN 0x08   /* + and - */
#define FIRST_OPEN 0x10   /* ( */
#define FIRST_DOLLAR 0x20
#define FIRST_COLON 0x40
#define FIRST_POINT 0x80

#define FIRST_NUMBER (FIRST_DIGIT | FIRST_SIGN | FIRST_HIGH | FIRST_POINT)

static unsigned
first_class(uint8_t c)
{
	switch (c)
	{
		case '+':
		case '-':
			return FIRST_SIGN;
		case '(':
			return FIRST_OPEN;
		case '$':
			return FIRST_DOLLAR;
		case ':':
			return FIRST_COLON;
		case '.':
			return FIRST_POINT;
		case '_':
			return FIRST_LETTER;
		default:
			break;
	}
	if (slm_is_digit(c))
		return FIRST_DIGIT;
	if (slm_is_letter(c))
		return FIRST_LETTER;
	return c >= 0x80 ? FIRST_HIGH : 0;
}

/* ---- Bytes and words ---- */

bool
slm_is_word(uint32_t cp)
{
	if (cp < 0x80)
		return slm_is_alnum((uint8_t) cp) || cp == '_';
	return (slm_unicode(cp).flags & (SLM_UNICODE_LETTER | SLM_UNICODE_NUMBER | SLM_UNICODE_MARK)) !=
		   0;
}

bool
slm_word_at(SlmText text, size_t at)
{
	return slm_is_word(slm_char_at(text, at));
}

bool
slm_word_before(SlmText text, size_t at)
{
	size_t start;

	return at > 0 && slm_is_word(slm_char_before(text, at, &start));
}

int
slm_count_digits(SlmText text, size_t at, int max)
{
	int n = 0;

	while (n < max && slm_is_digit(slm_byte(text, at + n)))
		n++;
	return n;
}

int
slm_count_letters(SlmText text, size_t at, int max)
{
	int n = 0;

	while (n < max && slm_is_letter(slm_byte(text, at + n)))
		n++;
	return n;
}

int
slm_digits_value(SlmText text, size_t at, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++)
		value = value * 10 + (slm_byte(text, at + i) - '0');
	return value;
}

int
slm_space_at(SlmText text, size_t at)
{
	uint8_t c = slm_byte(text, at);

	if (c == ' ')
		return 1;
	if (c == 0xc2 && slm_byte(text, at + 1) == 0xa0) /* no-break space */
		return 2;
	/* thin space, narrow no-break space */
	if (c == 0xe2 && slm_byte(text, at + 1) == 0x80 &&
		(slm_byte(text, at + 2) == 0x89 || slm_byte(text, at + 2) == 0xaf))
		return 3;
	return 0;
}

size_t
slm_gap_at(SlmText text, size_t at)
{
	size_t end = at;
	bool broken = false;

	for (int i = 0; i < 3; i++)
	{
		uint8_t c = slm_byte(text, end);
		int space = slm_space_at(text, end);

		if (space > 0)
			end += space;
		else if (c == '\t' || (c == '\n' && !broken) ||
				 (c == '\r' && slm_byte(text, end + 1) == '\n'))
			end++;
		else
			break;
		broken = broken || c == '\n';
	}
	return end - at;
}

bool
slm_starts_with(SlmText text, size_t at, const char *word)
{
	for (; *word != '\0'; word++, at++)
	{
		if (slm_lower(slm_byte(text, at)) != (uint8_t) *word)
			return false;
	}
	return true;
}

int
slm_word_index(SlmText text, size_t at, int n, const char *const *list)
{
	uint32_t first = slm_lower(slm_byte(text, at));

	if (n == 0)
		return -1;
	for (int i = 0; list[i] != NULL; i++)
	{
		if ((uint8_t) list[i][0] == first && strlen(list[i]) == (size_t) n &&
			slm_starts_with(text, at, list[i]))
			return i;
	}
	return -1;
}

/* ---- Kinds ---- */

typedef size_t Reader(SlmText text, size_t at, SlmReading *out);

static const struct
{
	const char *name;
	unsigned first; /* classes of the byte where one may begin */
	Reader *read;
} kinds_table[SLM_KIND_COUNT] = {
	[SLM_KIND_EMAIL] = {"email", FIRST_LETTER | FIRST_DIGIT | FIRST_HIGH, slm_read_email},
	[SLM_KIND_URL] = {"url", FIRST_LETTER, slm_read_url},
	[SLM_KIND_IP] = {"ip", FIRST_DIGIT | FIRST_LETTER | FIRST_COLON, slm_read_address},
	[SLM_KIND_UUID] = {"uuid", FIRST_DIGIT | FIRST_LETTER, slm_read_uuid},
	[SLM_KIND_CARD] = {"card", FIRST_DIGIT, slm_read_card},
	[SLM_KIND_IBAN] = {"iban", FIRST_LETTER, slm_read_iban},
	[SLM_KIND_SSN] = {"ssn", FIRST_DIGIT, slm_read_ssn},
	[SLM_KIND_PHONE] = {"phone", FIRST_DIGIT | FIRST_SIGN | FIRST_OPEN, slm_read_phone},
	[SLM_KIND_DATE_TIME] = {"date_time", FIRST_DIGIT | FIRST_LETTER, slm_read_date_time},
	[SLM_KIND_DATE] = {"date", FIRST_DIGIT | FIRST_LETTER, slm_read_date},
	[SLM_KIND_TIME] = {"time", FIRST_DIGIT, slm_read_time},
	[SLM_KIND_MONEY] = {"money", FIRST_NUMBER | FIRST_LETTER | FIRST_DOLLAR, slm_read_money},
	[SLM_KIND_PERCENT] = {"percent", FIRST_NUMBER, slm_read_percent},
	[SLM_KIND_NUMBER] = {"number", FIRST_NUMBER, slm_read_number},
	[SLM_KIND_NUMBER_WORDS] = {"number_words", FIRST_LETTER, slm_read_number_words},
	[SLM_KIND_IDENTIFIER] = {"identifier", FIRST_DIGIT | FIRST_LETTER, slm_read_identifier},
};

const char *
slm_kind_name(SlmKind kind)
{
	return kinds_table[kind].name;
}

bool
slm_kind_by_name(SlmText name, SlmKind *kind)
{
	for (int i = 0; i < SLM_KIND_COUNT; i++)
	{
		if (slm_text_compare(name, slm_text(kinds_table[i].name)) == 0)
		{
			*kind = (SlmKind) i;
			return true;
		}
	}
	return false;
}

/* ---- The walk ---- */

typedef struct Scan
{
	SlmText text;
	SlmKinds kinds;
	SlmArena *arena;
	size_t resume[SLM_KIND_COUNT]; /* the kind has nothing to ask before this byte */
	SlmFound *found;
	size_t n_found;
	size_t capacity;
} Scan;

static SlmStatus
add_found(Scan *scan, SlmKind kind, size_t start, size_t end, SlmError *err)
{
	if (scan->n_found == scan->capacity)
	{
		size_t capacity = scan->capacity > 0 ? scan->capacity * 2 : 32;
		SlmFound *found;

		SLM_TRY(SLM_NEW_ARRAY(scan->arena, capacity, &found, err));
		if (scan->n_found > 0)
			memcpy(found, scan->found, scan->n_found * sizeof(*found));
		scan->found = found;
		scan->capacity = capacity;
	}
	scan->found[scan->n_found++] = (SlmFound){kind, start, end - start};
	return SLM_OK;
}

/* Asks every wanted kind that may begin with the byte at the offset. */
static SlmStatus
ask_readers(Scan *scan, size_t at, unsigned first, SlmError *err)
{
	for (int kind = 0; kind < SLM_KIND_COUNT; kind++)
	{
		SlmReading reading;
		size_t end;

		if (!(scan->kinds & SLM_KIND_SET(kind)) || !(kinds_table[kind].first & first) ||
			at < scan->resume[kind])
			continue;
		reading.resume = at + 1;
		end = kinds_table[kind].read(scan->text, at, &reading);
		scan->resume[kind] = end > 0 ? end : reading.resume;
		if (end > 0)
			SLM_TRY(add_found(scan, (SlmKind) kind, at, end, err));
	}
	return SLM_OK;
}

SlmStatus
slm_scan(SlmText text, SlmKinds kinds, const SlmHost *host, SlmArena *arena, SlmFound **found,
		 size_t *n_found, SlmError *err)
{
	Scan scan = {.text = text, .kinds = kinds, .arena = arena};
	size_t next_poll = 0;
	bool after_word = false;

	for (size_t at = 0; at < text.size;)
	{
		uint8_t c = (uint8_t) text.data[at];
		unsigned first = first_class(c);
		uint32_t cp = c;
		int size = 1;

		if (at >= next_poll)
		{
			SLM_TRY(slm_poll(host, err));
			next_poll = at + SLM_POLL_SCAN_BYTES;
		}
		if (first == FIRST_HIGH)
		{
			size = slm_utf8_decode((const uint8_t *) text.data + at, text.size - at, &cp);
			if (size == 0)
				return slm_fail(err, SLM_ERR_ENCODING, "text is not valid UTF-8 at byte %zu", at);
		}
		if (first != 0 && !after_word)
			SLM_TRY(ask_readers(&scan, at, first, err));
		after_word = slm_is_word(cp);
		at += size;
	}
	*found = scan.found;
	*n_found = scan.n_found;
	return SLM_OK;
}
