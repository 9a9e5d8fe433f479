/*
 * scan_impl.h - what the scanners share: bytes, edges of words, readers
 *
 * A reader looks at text from a byte on and says where the form that begins
 * there ends, or 0 when none begins there.  Readers that also understand what
 * they read say it in an SlmReading: slm_scan() and slm_normalize_value() have one grammar.
 *
 * A reader is called where no letter, digit or '_' stands before, and looks at
 * a bounded number of bytes; one that cannot bound it moves resume,
 * which the caller has set to at + 1, to where it need be asked again.
 */
#ifndef SLM_TASK_SCAN_IMPL_H
#define SLM_TASK_SCAN_IMPL_H

#include "base/ascii.h"
#include "task/scan.h"

/* The byte at an offset; 0 past the end, which no form contains. */
static inline uint8_t
slm_byte(SlmText text, size_t at)
{
	return at < text.size ? (uint8_t) text.data[at] : 0;
}

/* Is the code point a letter, mark or digit of any script, or '_'? */
extern bool slm_is_word(uint32_t cp);

/* Does such a code point begin at the offset (end just before it)? */
extern bool slm_word_at(SlmText text, size_t at);
extern bool slm_word_before(SlmText text, size_t at);

/* Number of ASCII digits, letters from the offset on, counted up to max. */
extern int slm_count_digits(SlmText text, size_t at, int max);
extern int slm_count_letters(SlmText text, size_t at, int max);

/* Value of n <= 9 digits at the offset. */
extern int slm_digits_value(SlmText text, size_t at, int n);

/* Bytes of one space at the offset, no-break and thin ones included; 0: none. */
extern int slm_space_at(SlmText text, size_t at);

/* Bytes of the white space, at most a line break and two spaces, at the offset. */
extern size_t slm_gap_at(SlmText text, size_t at);

/* Does the text continue with the word (lower-case ASCII), in any case? */
extern bool slm_starts_with(SlmText text, size_t at, const char *word);

/*
 * Index in a list of lower-case words, ended by NULL, of the n letters at the
 * offset; -1 when they are none of them.
 */
extern int slm_word_index(SlmText text, size_t at, int n, const char *const *list);

/* ---- Readers ---- */

typedef struct SlmAddress
{
	bool is_v6;
	uint16_t group[8]; /* of IPv6 */
	uint8_t octet[4];  /* of IPv4 */
} SlmAddress;

typedef struct SlmDate
{
	int year;           /* 0: not written */
	int month;          /* 1 to 12 */
	int day;            /* 0: not written */
	bool may_be_turned; /* day and month could as well be each other */
} SlmDate;

typedef struct SlmTime
{
	int hour;
	int minute;
	int second;
	size_t fraction_at; /* digits after the decimal point, in the text */
	int n_fraction;
	bool has_offset;
	int offset_minutes;
} SlmTime;

#define SLM_NUMBER_DIGITS 40    /* of a number, in all */
#define SLM_NUMBER_EXPONENT 300 /* of a number in scientific notation, either way */

/* digit[0 .. n_digit) with the point before digit[n_whole], times 10 ^ scale. */
typedef struct SlmNumber
{
	bool is_negative;
	char digit[SLM_NUMBER_DIGITS]; /* '0' to '9' */
	int n_digit;
	int n_whole;
	int scale;
} SlmNumber;

/* What a reader understood, in the members of its kind. */
typedef struct SlmReading
{
	size_t resume;
	SlmAddress address;
	SlmDate date;
	SlmTime time;
	SlmNumber number;
} SlmReading;

/* scan_net.c */
extern size_t slm_read_email(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_url(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_address(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_uuid(SlmText text, size_t at, SlmReading *out);

/* scan_id.c */
extern size_t slm_read_card(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_iban(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_ssn(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_phone(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_identifier(SlmText text, size_t at, SlmReading *out);

/* scan_time.c */
extern size_t slm_read_date(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_time(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_date_time(SlmText text, size_t at, SlmReading *out);

/* scan_number.c */
extern size_t slm_read_number(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_percent(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_money(SlmText text, size_t at, SlmReading *out);
extern size_t slm_read_number_words(SlmText text, size_t at, SlmReading *out);

#endif
