/*
 * scan_number.c - numbers in digits and in words, percentages, amounts of money
 *
 * scan.h has the rules for signs that group digits and for decimal signs.  A
 * number that they do not fit (1.2.3, 1.23.456) is not one.
 */
#include <stdio.h>

#include "task/scan_impl.h"

#define MAX_RUNS 14 /* of digits, in one number: 40 digits in groups of three */

typedef enum Separator
{
	SEPARATOR_NONE = 0,
	SEPARATOR_COMMA,
	SEPARATOR_POINT,
	SEPARATOR_SPACE,
	SEPARATOR_APOSTROPHE
} Separator;

/* Digits, and what stands between them and those before. */
typedef struct Run
{
	Separator before;
	size_t at;
	int n;
} Run;

/* ---- Digits ---- */

/* The separator at the offset, and its bytes. */
static Separator
separator_at(SlmText text, size_t at, int *size)
{
	uint8_t c = slm_byte(text, at);

	*size = 1;
	if (c == ',')
		return SEPARATOR_COMMA;
	if (c == '.')
		return SEPARATOR_POINT;
	if (c == '\'')
		return SEPARATOR_APOSTROPHE;
	*size = slm_space_at(text, at);
	if (*size > 0)
		return SEPARATOR_SPACE;
	*size = 3;
	if (c == 0xe2 && slm_byte(text, at + 1) == 0x80 && slm_byte(text, at + 2) == 0x99)
		return SEPARATOR_APOSTROPHE;
	return SEPARATOR_NONE;
}

/*
 * Runs of digits with one separator between each two; 0: too many digits in one.
 * Behind a space or an apostrophe only a group of three is one of them.
 */
static int
read_runs(SlmText text, size_t at, Run run[MAX_RUNS])
{
	Separator before = SEPARATOR_NONE;
	int n_run = 0;

	while (n_run < MAX_RUNS)
	{
		int size;

		run[n_run] = (Run){before, at, slm_count_digits(text, at, SLM_NUMBER_DIGITS + 1)};
		if (run[n_run].n > SLM_NUMBER_DIGITS)
			return 0;
		if (before >= SEPARATOR_SPACE && run[n_run].n != 3)
			break;
		at += run[n_run++].n;
		before = separator_at(text, at, &size);
		if (before == SEPARATOR_NONE || !slm_is_digit(slm_byte(text, at + size)))
			break;
		at += size;
	}
	return n_run;
}

/* How many runs after the first go on with its separator. */
static int
count_same(const Run *run, int n_run)
{
	int n = 0;

	while (n + 1 < n_run && run[n + 1].before == run[1].before)
		n++;
	return n;
}

/* Are the runs 1 to n groups of the first: threes, or with commas twos and a three? */
static bool
are_groups(SlmText text, const Run *run, int n)
{
	bool threes = run[0].n <= 3, twos = run[0].n <= 2 && n > 1 && run[1].before == SEPARATOR_COMMA;

	if (n == 0 || run[0].n == 0 || slm_byte(text, run[0].at) == '0')
		return false;
	for (int i = 1; i <= n; i++)
	{
		threes = threes && run[i].n == 3;
		twos = twos && run[i].n == (i == n ? 3 : 2);
	}
	return threes || twos;
}

/*
 * Chooses which runs are the number: *n_group runs after the first are groups,
 * and then *has_fraction one is the fraction.  False: the runs say no number.
 * In an amount of money a lone point may group.
 */
static bool
choose_runs(SlmText text, const Run *run, int n_run, bool is_amount, int *n_group,
			bool *has_fraction)
{
	int n_same = count_same(run, n_run);
	Separator first = n_run > 1 ? run[1].before : SEPARATOR_NONE;
	Separator then = n_same + 1 < n_run ? run[n_same + 1].before : SEPARATOR_NONE;
	bool then_decimal = then == SEPARATOR_COMMA || then == SEPARATOR_POINT;

	*n_group = 0;
	*has_fraction = false;
	if (first == SEPARATOR_NONE)
		return true;
	if (first == SEPARATOR_SPACE || first == SEPARATOR_APOSTROPHE)
	{
		/* as many groups as fit: what follows a space may be another number */
		while (*n_group < n_same && are_groups(text, run, *n_group + 1))
			(*n_group)++;
		*has_fraction = *n_group > 0 && *n_group == n_same && then_decimal;
	}
	else if (then_decimal && are_groups(text, run, n_same))
	{
		*n_group = n_same;
		*has_fraction = true;
	}
	else if (n_same > 1)
	{
		if (are_groups(text, run, n_same))
			*n_group = n_same;
		else
			return first == SEPARATOR_COMMA && !then_decimal; /* a list begins with a number */
	}
	else if ((first == SEPARATOR_COMMA || is_amount) && are_groups(text, run, 1))
		*n_group = 1;
	else
	{
		*has_fraction = true;
		if (then_decimal && first == SEPARATOR_COMMA)
			return false; /* 1,5.2 */
	}
	/* a fraction that goes on with its own sign is none: 1,234.5.6 */
	if (*has_fraction && *n_group + 2 < n_run &&
		run[*n_group + 2].before == run[*n_group + 1].before)
		return false;
	return true;
}

static bool
add_digits(SlmNumber *number, SlmText text, const Run *run)
{
	if (number->n_digit + run->n > SLM_NUMBER_DIGITS)
		return false;
	memcpy(number->digit + number->n_digit, text.data + run->at, (size_t) run->n);
	number->n_digit += run->n;
	return true;
}

/* Digits from the offset on, with their separators; without sign and scale. */
static size_t
read_digits(SlmText text, size_t at, bool is_amount, SlmNumber *out)
{
	Run run[MAX_RUNS];
	int n_run, n_group;
	bool has_fraction;
	const Run *last;

	out->n_digit = 0;
	out->scale = 0;
	if (slm_byte(text, at) == '.' && slm_is_digit(slm_byte(text, at + 1)))
	{
		/* .5 */
		Run fraction = {SEPARATOR_POINT, at + 1,
						slm_count_digits(text, at + 1, SLM_NUMBER_DIGITS + 1)};

		out->n_whole = 0;
		return add_digits(out, text, &fraction) ? fraction.at + fraction.n : 0;
	}
	if (!slm_is_digit(slm_byte(text, at)))
		return 0;
	n_run = read_runs(text, at, run);
	if (n_run == 0 || !choose_runs(text, run, n_run, is_amount, &n_group, &has_fraction))
		return 0;
	for (int i = 0; i <= n_group; i++)
	{
		if (!add_digits(out, text, &run[i]))
			return 0;
	}
	out->n_whole = out->n_digit;
	last = &run[n_group];
	if (has_fraction)
	{
		last = &run[n_group + 1];
		if (!add_digits(out, text, last))
			return 0;
	}
	return last->at + last->n;
}

/* Bytes of a sign at the offset; minus may be U+2212. */
static int
read_sign(SlmText text, size_t at, bool *is_negative)
{
	uint8_t c = slm_byte(text, at);

	*is_negative = c == '-';
	if (c == '-' || c == '+')
		return 1;
	if (c == 0xe2 && slm_byte(text, at + 1) == 0x88 && slm_byte(text, at + 2) == 0x92)
	{
		*is_negative = true;
		return 3;
	}
	return 0;
}

/* End of e+12 behind a number, which it adds to scale; at when there is none. */
static size_t
read_exponent(SlmText text, size_t at, int *scale)
{
	size_t digits = at + 1;
	bool is_negative = false;
	int n, exponent;

	if (slm_lower(slm_byte(text, at)) != 'e')
		return at;
	digits += read_sign(text, digits, &is_negative);
	n = slm_count_digits(text, digits, 4);
	exponent = slm_digits_value(text, digits, n);
	if (n == 0 || n > 3 || exponent > SLM_NUMBER_EXPONENT || slm_word_at(text, digits + n))
		return at;
	*scale += is_negative ? -exponent : exponent;
	return digits + n;
}

/* ---- Words that scale ---- */

static const char *const magnitudes[] = {"thousand", "million", "billion", "trillion", NULL};

/* End of a magnitude in words behind a number, after a space; at when there is none. */
static size_t
read_magnitude(SlmText text, size_t at, int *scale)
{
	size_t word = at + slm_gap_at(text, at);
	int n = slm_count_letters(text, word, 9);
	int i = slm_word_index(text, word, n, magnitudes);

	if (i < 0 || word == at || slm_word_at(text, word + n))
		return at;
	*scale += 3 * (i + 1);
	return word + n;
}

/* The same with the letters that stand at an amount: 5k, 1.2M, 3 bn. */
static size_t
read_short_magnitude(SlmText text, size_t at, int *scale)
{
	static const char *const letters[] = {"k", "m", "b", "mn", "bn", "mio", "mrd", NULL};
	static const int scales[] = {3, 6, 9, 6, 9, 6, 9};
	size_t end = read_magnitude(text, at, scale);
	size_t word = at + slm_space_at(text, at);
	int n = slm_count_letters(text, word, 4);
	int i = slm_word_index(text, word, n, letters);

	if (end > at || i < 0 || slm_word_at(text, word + n))
		return end;
	/* "$5 m" may be metres of something: one letter stands close */
	if (n == 1 && word > at)
		return at;
	*scale += scales[i];
	return word + n;
}

/* ---- Numbers ---- */

/* Is the number between hyphens or slashes of a date, a part number, a fraction? */
static bool
is_joined(SlmText text, size_t at, size_t end)
{
	uint8_t before = at > 0 ? slm_byte(text, at - 1) : 0;
	uint8_t behind = slm_byte(text, end);
	bool from = before == '-' && slm_word_before(text, at - 1);
	bool to = behind == '-' && slm_is_digit(slm_byte(text, end + 1));

	if ((before == '/' || before == ':' || before == '.') && slm_word_before(text, at - 1))
		return true;
	if ((behind == '/' || behind == ':' || behind == '.') && slm_is_digit(slm_byte(text, end + 1)))
		return true;
	if (from && to)
		return true;
	/* a range has two numbers: 10-20 */
	if (from)
	{
		size_t start = at - 1;

		while (start > 0 && at - start < 10 && slm_is_digit(slm_byte(text, start - 1)))
			start--;
		return start == at - 1 ||
			   (start > 0 && (slm_byte(text, start - 1) == '-' || slm_word_before(text, start)));
	}
	if (to)
	{
		end += 1 + slm_count_digits(text, end + 1, 10);
		return slm_word_at(text, end) || (slm_byte(text, end) == '-' && slm_word_at(text, end + 1));
	}
	return false;
}

/*
 * Letters may follow a number when they can be a unit (5kg), not when they
 * change it (5k, 5th) or make it a name (5G3).
 */
static bool
may_follow(SlmText text, size_t at)
{
	static const char *const others[] = {"st", "nd", "rd", "th", "k",   "m",   "b", "mn",
										 "bn", "am", "pm", "e",  "mio", "mrd", NULL};
	int n;

	if (!slm_word_at(text, at))
		return true;
	n = slm_count_letters(text, at, 4);
	return n > 0 && n < 4 && !slm_word_at(text, at + n) && slm_word_index(text, at, n, others) < 0;
}

size_t
slm_read_number(SlmText text, size_t at, SlmReading *out)
{
	SlmNumber *number = &out->number;
	size_t start = at + read_sign(text, at, &number->is_negative);
	size_t end = read_digits(text, start, false, number);

	if (end == 0 || is_joined(text, at, end))
		return 0;
	end = read_exponent(text, end, &number->scale);
	if (!may_follow(text, end))
		return 0;
	return read_magnitude(text, end, &number->scale);
}

size_t
slm_read_percent(SlmText text, size_t at, SlmReading *out)
{
	static const char *const words[] = {"percent", "per cent", "pct", NULL};
	SlmNumber *number = &out->number;
	size_t start = at + read_sign(text, at, &number->is_negative);
	size_t end = read_digits(text, start, false, number);

	if (end == 0 || (at > 0 && slm_byte(text, at - 1) == '.' && slm_word_before(text, at - 1)))
		return 0;
	end += slm_space_at(text, end);
	if (slm_byte(text, end) == '%')
		return end + 1;
	for (int i = 0; words[i] != NULL; i++)
	{
		if (slm_starts_with(text, end, words[i]) && !slm_word_at(text, end + strlen(words[i])))
			return end + strlen(words[i]);
	}
	return 0;
}

/* ---- Money ---- */

/* ISO 4217, by threes, those that are no English words; and what people write for some. */
static const char currency_codes[] =
	"USD EUR GBP JPY CHF CAD AUD NZD CNY RMB INR SEK NOK DKK PLN CZK HUF RUB BRL MXN ZAR SGD HKD "
	"KRW MYR THB IDR VND ILS AED SAR EGP NGN KES ARS CLP UAH RON BGN RSD TWD PKR BDT LKR KWD QAR "
	"MAD BTC ";
static const char *const currency_words[] = {
	"dollar", "dollars", "euro",   "euros",  "pound", "pounds", "yen",    "rupee",   "rupees",
	"franc",  "francs",  "peso",   "pesos",  "yuan",  "won",    "rouble", "roubles", "ruble",
	"rubles", "krona",   "kronor", "kroner", "kr",    "zloty",  "shekel", "shekels", NULL};

/* Bytes of a currency sign at the offset: $, pound, yen, the block at U+20A0, baht. */
static int
currency_sign(SlmText text, size_t at)
{
	uint8_t c = slm_byte(text, at), c1 = slm_byte(text, at + 1), c2 = slm_byte(text, at + 2);

	if (c == '$')
		return 1;
	if (c == 0xc2 && (c1 == 0xa3 || c1 == 0xa5))
		return 2;
	if (c == 0xe2 && ((c1 == 0x82 && c2 >= 0xa0) || (c1 == 0x83 && c2 <= 0x8f)))
		return 3;
	if (c == 0xe0 && c1 == 0xb8 && c2 == 0xbf)
		return 3;
	return 0;
}

/* Bytes of a code of three capitals; 0 when it is none or a word goes on. */
static int
currency_code(SlmText text, size_t at)
{
	if (slm_count_letters(text, at, 4) != 3)
		return 0;
	for (const char *code = currency_codes; *code != '\0'; code += 4)
	{
		if (memcmp(text.data + at, code, 3) == 0)
			return 3;
	}
	return 0;
}

/* What stands before an amount: $, US$, EUR, Rs. */
static int
currency_before(SlmText text, size_t at)
{
	int n = slm_count_letters(text, at, 3);
	int sign = currency_sign(text, at + n);
	int code = currency_code(text, at);

	if (n < 3 && sign > 0)
		return n + sign;
	if (code > 0)
		return code;
	if (n == 2 && memcmp(text.data + at, "Rs", 2) == 0)
		return slm_byte(text, at + 2) == '.' ? 3 : 2;
	return n == 2 && memcmp(text.data + at, "RM", 2) == 0 ? 2 : 0;
}

/* End of what stands behind an amount, after a space perhaps; at when there is nothing. */
static size_t
currency_behind(SlmText text, size_t at)
{
	size_t start = at + slm_gap_at(text, at);
	int n = currency_sign(text, start);

	if (n > 0)
		return slm_is_digit(slm_byte(text, start + n)) ? at : start + n;
	n = currency_code(text, start);
	if (n == 0)
	{
		n = slm_count_letters(text, start, 9);
		if (slm_word_index(text, start, n, currency_words) < 0)
			return at;
	}
	return slm_word_at(text, start + n) ? at : start + n;
}

size_t
slm_read_money(SlmText text, size_t at, SlmReading *out)
{
	SlmNumber *number = &out->number;
	size_t start = at + read_sign(text, at, &number->is_negative);
	int before = currency_before(text, start);
	size_t end, behind;

	if (before > 0)
	{
		bool is_code = slm_is_alnum(slm_byte(text, start + before - 1));

		start += before;
		start += slm_space_at(text, start);
		/* $-5, but ARS-13 is a name */
		if (!number->is_negative && !is_code)
			start += read_sign(text, start, &number->is_negative);
	}
	end = read_digits(text, start, true, number);
	if (end == 0 || (before == 0 && is_joined(text, at, end)))
		return 0;
	end = read_short_magnitude(text, end, &number->scale);
	behind = currency_behind(text, end);
	if (behind > end)
		return behind;
	return before > 0 && !slm_word_at(text, end) ? end : 0;
}

/* ---- Numbers in words ---- */

static const char *const small_words[] = {
	"zero",     "one",     "two",     "three",     "four",     "five",     "six",
	"seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
	"fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", NULL};
static const char *const tens_words[] = {"twenty",  "thirty", "forty",  "fifty", "sixty",
										 "seventy", "eighty", "ninety", NULL};
static const char *const scale_words[] = {"hundred", "thousand", "million", NULL};

/* Words that make something else of a number in words before them. */
static const char *const fraction_words[] = {
	"point",   "half",  "halves", "quarter",   "quarters", "third",    "thirds", "fourth",
	"fourths", "fifth", "fifths", "sixth",     "seventh",  "eighth",   "ninth",  "tenth",
	"tenths",  "first", "second", "hundredth", "billion",  "trillion", "dozen",  NULL};

#define WORD_BYTES_MAX 10

/* The value of a word, or -1; *scale is 100, 1000, 1000000 for those that multiply, else 1. */
static int
word_value(SlmText text, size_t at, int n, int *scale)
{
	static const int scales[] = {100, 1000, 1000000};
	int i;

	*scale = 1;
	if ((i = slm_word_index(text, at, n, small_words)) >= 0)
		return i;
	if ((i = slm_word_index(text, at, n, tens_words)) >= 0)
		return 20 + 10 * i;
	if ((i = slm_word_index(text, at, n, scale_words)) < 0)
		return -1;
	*scale = scales[i];
	return 0;
}

/* A number under construction: whole + part, part below 1000 and not yet scaled. */
typedef struct WordSum
{
	int whole;
	int part;
	int room;      /* part may get a word below this: 1000, 100 after hundred, 10 after twenty */
	int max_scale; /* thousand may follow a million, not the other way */
} WordSum;

/* Takes a word up when the number can go on with it. */
static bool
add_word(WordSum *sum, int value, int scale)
{
	if (scale == 1)
	{
		bool fits = sum->room == 1000 ? sum->part == 0 : value > 0 && value < sum->room;

		if (!fits)
			return false;
		sum->part += value;
		sum->room = value >= 20 ? 10 : 1;
		return true;
	}
	if (scale == 100)
	{
		if (sum->part < 1 || sum->part > 9)
			return false;
		sum->part *= 100;
		sum->room = 100;
		return true;
	}
	if (sum->part == 0 || scale >= sum->max_scale)
		return false;
	sum->whole += sum->part * scale;
	sum->part = 0;
	sum->room = 1000;
	sum->max_scale = scale;
	return true;
}

/* Where the next word of the number may begin: after a hyphen, a gap, or " and ". */
static size_t
next_word(SlmText text, size_t at, const WordSum *sum)
{
	size_t gap = slm_gap_at(text, at);

	if (slm_byte(text, at) == '-')
		return at + 1;
	if (gap > 0 && sum->room >= 100 && slm_starts_with(text, at + gap, "and"))
	{
		size_t behind = slm_gap_at(text, at + gap + 3);

		if (behind > 0)
			return at + gap + 3 + behind;
	}
	return at + gap;
}

/*
 * A sequence that is no number as a whole (nineteen eighty-four, two thirds)
 * gives nothing, and is gone through once.
 */
size_t
slm_read_number_words(SlmText text, size_t at, SlmReading *out)
{
	WordSum sum = {.room = 1000, .max_scale = 1000000000};
	size_t end = 0, start = at;
	bool holds = true;
	int n, value, scale;

	if (slm_lower(slm_byte(text, at)) == 'a' && slm_space_at(text, at + 1) > 0)
	{
		/* a hundred */
		sum.part = sum.room = 1;
		start = at + 1 + slm_space_at(text, at + 1);
		n = slm_count_letters(text, start, WORD_BYTES_MAX);
		if (word_value(text, start, n, &scale) < 0 || scale == 1)
			return 0;
	}
	for (;;)
	{
		n = slm_count_letters(text, start, WORD_BYTES_MAX);
		if (n == 0 || slm_word_at(text, start + n))
			break;
		value = word_value(text, start, n, &scale);
		if (value < 0)
		{
			if (slm_word_index(text, start, n, fraction_words) >= 0)
				holds = false;
			break;
		}
		holds = holds && add_word(&sum, value, scale);
		end = start + n;
		start = next_word(text, end, &sum);
		if (start == end)
			break;
	}
	if (end == 0)
		return 0;
	out->resume = end;
	/* one and a half, one point five */
	start = end + slm_gap_at(text, end);
	if (!holds || (at >= 6 && slm_starts_with(text, at - 6, "point ")) ||
		slm_starts_with(text, start, "and a half") || slm_starts_with(text, start, "and a quarter"))
		return 0;

	out->number.is_negative = false;
	out->number.scale = 0;
	out->number.n_digit =
		snprintf(out->number.digit, SLM_NUMBER_DIGITS, "%d", sum.whole + sum.part);
	out->number.n_whole = out->number.n_digit;
	return end;
}
