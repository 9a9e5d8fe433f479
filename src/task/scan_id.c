/*
 * scan_id.c - numbers and codes that stand for somebody or something: payment
 * cards, bank accounts, social security, telephones, identifiers
 */
#include "task/scan_impl.h"

#define CARD_DIGITS_MAX 19
#define IBAN_BYTES_MAX 34
#define PHONE_DIGITS_MAX 15 /* E.164 */
#define IDENTIFIER_BYTES_MAX 128

/* ---- Cards ---- */

/* ISO/IEC 7812: every other digit from the last but one doubled, the sum divisible by 10. */
static bool
check_digit_holds(const uint8_t *digit, int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
	{
		int value = digit[n - 1 - i] * (i % 2 + 1);

		sum += value > 9 ? value - 9 : value;
	}
	return sum % 10 == 0;
}

/* Does an issuer give out numbers of that length that begin so? */
static bool
is_issued(const uint8_t *digit, int n)
{
	int two = digit[0] * 10 + digit[1];

	if (digit[0] == 4)
		return n == 13 || n == 16 || n == 19;
	if (two == 34 || two == 37)
		return n == 15;
	if (two == 30 || two == 36 || two == 38 || two == 39)
		return n == 14;
	if ((two >= 51 && two <= 55) || (two >= 22 && two <= 27))
		return n == 16;
	return (two == 35 || digit[0] == 6) && n >= 16;
}

/* Are digits so far in groups as cards have them: fours, or 4-6-5 and 4-6-4? */
static bool
are_card_groups(const int *size, int n)
{
	if (n == 3 && size[0] == 4 && size[1] == 6 && (size[2] == 5 || size[2] == 4))
		return true;
	for (int i = 0; i < n - 1; i++)
	{
		if (size[i] != 4)
			return false;
	}
	return n == 1 || size[n - 1] <= 4;
}

size_t
slm_read_card(SlmText text, size_t at, SlmReading *out)
{
	uint8_t digit[CARD_DIGITS_MAX];
	int size[CARD_DIGITS_MAX];
	int n_digit = 0, n_group = 0;
	uint8_t joint = 0;
	size_t best = 0;

	(void) out;
	if (at > 0 && strchr("-.,", slm_byte(text, at - 1)) != NULL && slm_word_before(text, at - 1))
		return 0;
	for (;;)
	{
		int n = slm_count_digits(text, at, CARD_DIGITS_MAX + 1);

		if (n == 0 || n_digit + n > CARD_DIGITS_MAX)
			return best;
		for (int i = 0; i < n; i++)
			digit[n_digit++] = slm_byte(text, at + i) - '0';
		size[n_group++] = n;
		at += n;
		if (n_digit >= 13 && !slm_word_at(text, at) && are_card_groups(size, n_group) &&
			is_issued(digit, n_digit) && check_digit_holds(digit, n_digit))
			best = at;
		/* one joint throughout */
		if (n_group == 1)
			joint = slm_byte(text, at);
		if ((joint != ' ' && joint != '-') || slm_byte(text, at) != joint)
			return best;
		at++;
	}
}

/* ---- IBAN ---- */

/* The registry's lengths. */
static const char iban_lengths[] =
	"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI"
	"18"
	"FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT"
	"20"
	"LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA"
	"24"
	"SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

static int
iban_length(SlmText text, size_t at)
{
	for (const char *entry = iban_lengths; *entry != '\0'; entry += 4)
	{
		if (slm_lower(slm_byte(text, at)) == slm_lower((uint8_t) entry[0]) &&
			slm_lower(slm_byte(text, at + 1)) == slm_lower((uint8_t) entry[1]))
			return (entry[2] - '0') * 10 + (entry[3] - '0');
	}
	return 0;
}

/* ISO 13616: the first four characters moved to the end, letters as 10 to 35, 1 modulo 97. */
size_t
slm_read_iban(SlmText text, size_t at, SlmReading *out)
{
	uint8_t value[IBAN_BYTES_MAX];
	int length, n = 0;
	unsigned rest = 0;

	(void) out;
	if (!slm_is_letter(slm_byte(text, at)) || !slm_is_letter(slm_byte(text, at + 1)) ||
		slm_count_digits(text, at + 2, 2) != 2)
		return 0;
	length = iban_length(text, at);
	if (length == 0)
		return 0;
	while (n < length)
	{
		uint32_t c = slm_lower(slm_byte(text, at));

		if (n > 0 && n % 4 == 0 && slm_space_at(text, at) > 0)
		{
			at += slm_space_at(text, at);
			c = slm_lower(slm_byte(text, at));
		}
		if (!slm_is_alnum(c))
			return 0;
		value[n++] = slm_is_digit(c) ? c - '0' : c - 'a' + 10;
		at++;
	}
	for (int i = 0; i < n; i++)
	{
		unsigned next = value[(i + 4) % n];

		rest = (rest * (next > 9 ? 100 : 10) + next) % 97;
	}
	return rest == 1 && !slm_word_at(text, at) ? at : 0;
}

/* ---- Social security numbers ---- */

size_t
slm_read_ssn(SlmText text, size_t at, SlmReading *out)
{
	int area, group, serial;

	(void) out;
	if (slm_count_digits(text, at, 4) != 3 || slm_byte(text, at + 3) != '-' ||
		slm_count_digits(text, at + 4, 3) != 2 || slm_byte(text, at + 6) != '-' ||
		slm_count_digits(text, at + 7, 5) != 4 || slm_word_at(text, at + 11))
		return 0;
	if ((at > 0 && slm_byte(text, at - 1) == '-') || slm_byte(text, at + 11) == '-')
		return 0;
	area = slm_digits_value(text, at, 3);
	group = slm_digits_value(text, at + 4, 2);
	serial = slm_digits_value(text, at + 7, 4);
	/* never given out */
	if (area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0)
		return 0;
	return at + 11;
}

/* ---- Telephones ---- */

/* A number being read: digits, and where each group of them ends. */
typedef struct Dial
{
	bool is_international; /* begins with + */
	bool has_area;         /* a group in parentheses */
	bool is_spaced;        /* a space parts two groups that no parenthesis parts */
	int n_joint;           /* of - . and / between groups */
	int n_point;           /* of them, points */
	char digit[PHONE_DIGITS_MAX];
	int n_digit;
	int size[PHONE_DIGITS_MAX]; /* of the groups */
	int n_group;
	size_t end; /* of the last group, its parenthesis included */
} Dial;

/* Words that announce a number, and those that may stand between. */
static const char *const cues[] = {"tel",  "telephone", "phone",   "ph",       "mobile",  "mob",
								   "cell", "call",      "fax",     "whatsapp", "sms",     "text",
								   "dial", "ring",      "hotline", "handy",    "telefon", NULL};

static const char *const fillers[] = {
	"number", "no", "nr", "num",   "is", "me", "us",  "him", "her",  "them",   "my",
	"our",    "at", "on", "under", "to", "or", "and", "the", "back", "please", NULL};

#define CUE_BYTES 28 /* between the beginning of a cue and the number */

/* Does a cue stand before the offset, with nothing but fillers between? */
static bool
has_cue(SlmText text, size_t at)
{
	size_t first = at > CUE_BYTES ? at - CUE_BYTES : 0;
	size_t end = at;

	while (end > first)
	{
		size_t start = end;

		while (start > first && slm_is_letter(slm_byte(text, start - 1)))
			start--;
		if (start < end)
		{
			if (slm_word_before(text, start))
				return false;
			if (slm_word_index(text, start, (int) (end - start), cues) >= 0)
				return true;
			if (slm_word_index(text, start, (int) (end - start), fillers) < 0)
				return false;
		}
		if (start == first || slm_is_digit(slm_byte(text, start - 1)) ||
			slm_byte(text, start - 1) == ';' || slm_byte(text, start - 1) == '\n')
			return false;
		end = start - 1;
	}
	return false;
}

/* One group, with its parentheses; false: none is there, or too many digits. */
static bool
read_group(SlmText text, size_t at, Dial *dial)
{
	bool in_parentheses = slm_byte(text, at) == '(' && !dial->has_area;
	int n;

	at += in_parentheses;
	n = slm_count_digits(text, at, PHONE_DIGITS_MAX + 1);
	if (n == 0 || dial->n_digit + n > PHONE_DIGITS_MAX)
		return false;
	if (in_parentheses && (n > 5 || slm_byte(text, at + n) != ')'))
		return false;
	memcpy(dial->digit + dial->n_digit, text.data + at, (size_t) n);
	dial->n_digit += n;
	dial->size[dial->n_group++] = n;
	dial->has_area = dial->has_area || in_parentheses;
	dial->end = at + n + in_parentheses;
	return true;
}

/* Where the next group may begin: behind one of space - . / or nothing beside a parenthesis. */
static size_t
skip_joint(SlmText text, size_t at)
{
	uint8_t c = slm_byte(text, at);
	size_t start = at;

	if (c == '-' || c == '.' || c == '/')
		start++;
	start += slm_space_at(text, start);
	if (start > at && slm_byte(text, start) == '-')
		start += 1 + slm_space_at(text, start + 1);
	return start;
}

static bool
has_sizes(const Dial *dial, int from, int a, int b, int c)
{
	const int *size = dial->size + from;

	return dial->n_group == from + 3 && size[0] == a && size[1] == b && size[2] == c;
}

/* North America: 3-3-4 with a 1 before it perhaps, or 10 digits; 3-4 with a hyphen. */
static bool
is_american(const Dial *dial)
{
	int from = dial->n_group > 1 && dial->size[0] == 1 && dial->digit[0] == '1';
	const char *area = dial->digit + from;
	bool valid = area[0] >= '2' && dial->n_digit >= 10 + from && area[3] >= '2';

	if (has_sizes(dial, from, 3, 3, 4))
		return valid || dial->has_area || !dial->is_spaced;
	if (dial->n_group == 1)
	{
		from = dial->n_digit == 11 && dial->digit[0] == '1';
		return dial->n_digit == 10 + from && dial->digit[from] >= '2' &&
			   dial->digit[from + 3] >= '2';
	}
	return dial->n_group == 2 && dial->size[0] == 3 && dial->size[1] == 4 && !dial->is_spaced &&
		   dial->digit[0] >= '2';
}

/* May the digits so far be a whole number? */
static bool
is_number(const Dial *dial, bool announced)
{
	if (dial->is_international)
		return dial->n_digit >= 8;
	if (is_american(dial) || (announced && dial->n_digit >= 6))
		return true;
	/* 09.00-12.00 are times */
	if (dial->n_point > 0 && dial->n_point < dial->n_joint)
		return false;
	/* 0250-5460 numbers a periodical */
	if (dial->digit[0] == '0' && dial->size[0] > 1)
		return dial->n_digit >= 9 - dial->is_spaced && dial->n_digit <= 14;
	return dial->has_area && dial->n_digit >= 8 && dial->n_digit <= 13;
}

/* With all that North American numbers have, so that what follows is another one. */
static bool
is_complete(const Dial *dial)
{
	if (dial->is_international)
		return dial->digit[0] == '1' && dial->n_digit == 11;
	return is_american(dial) && dial->n_digit >= 10;
}

/* End of "ext. 12", "x12" behind a number; at when there is none. */
static size_t
read_extension(SlmText text, size_t at)
{
	static const char *const words[] = {"ext", "x", "extension", NULL};
	size_t start = at + slm_space_at(text, at);
	int n;

	start += slm_byte(text, start) == ',' ? 1 + slm_space_at(text, start + 1) : 0;
	n = slm_count_letters(text, start, 10);
	if (slm_word_index(text, start, n, words) < 0)
		return at;
	start += n;
	start += slm_byte(text, start) == '.';
	start += slm_space_at(text, start);
	n = slm_count_digits(text, start, 7);
	return n > 0 && n < 7 && !slm_word_at(text, start + n) ? start + n : at;
}

/* A sign before the number that says it is something else, or its beginning lies further left. */
static bool
is_taken(SlmText text, size_t at)
{
	uint8_t before = at > 0 ? slm_byte(text, at - 1) : 0;

	if (before == '$' || before == '#' || before == '+' || before == '%')
		return true;
	return before != 0 && strchr("-./,:", before) != NULL && slm_word_before(text, at - 1);
}

size_t
slm_read_phone(SlmText text, size_t at, SlmReading *out)
{
	Dial dial = {.is_international = slm_byte(text, at) == '+'};
	size_t start = at + dial.is_international;
	size_t best = 0;
	bool announced;

	if (is_taken(text, at) ||
		(!slm_is_digit(slm_byte(text, start)) && slm_byte(text, start) != '('))
		return 0;
	if (!dial.is_international &&
		(slm_read_date(text, at, out) > 0 || slm_read_address(text, at, out) > 0 ||
		 slm_read_card(text, at, out) > 0 || slm_read_ssn(text, at, out) > 0))
		return 0;
	announced = has_cue(text, at);
	while (dial.n_group < PHONE_DIGITS_MAX && read_group(text, start, &dial))
	{
		bool was_area = slm_byte(text, dial.end - 1) == ')';

		if (!slm_word_at(text, dial.end) && is_number(&dial, announced))
		{
			best = dial.end;
			if (is_complete(&dial))
				break;
		}
		start = skip_joint(text, dial.end);
		if (start == dial.end && !was_area && slm_byte(text, start) != '(')
			break;
		dial.n_joint += start > dial.end && slm_space_at(text, dial.end) == 0;
		dial.n_point += slm_byte(text, dial.end) == '.';
		dial.is_spaced = dial.is_spaced || (slm_space_at(text, dial.end) > 0 && !was_area);
	}
	/* an extension goes on with letters, of which the last group could not be sure */
	if (dial.n_group > 0 && is_number(&dial, announced) &&
		read_extension(text, dial.end) > dial.end)
		return read_extension(text, dial.end);
	if (best == 0)
		return 0;
	if (slm_byte(text, best) == '%' ||
		(strchr("-./:", slm_byte(text, best)) != NULL && slm_is_digit(slm_byte(text, best + 1)) &&
		 !dial.is_international))
		return 0;
	return read_extension(text, best);
}

/* ---- Identifiers ---- */

/* What an identifier is made of. */
typedef struct Parts
{
	int n_digit;
	int n_letter;
	int n_upper;
	int n_joint; /* characters between letters and digits */
	bool has_point;
} Parts;

static bool
is_identifier(SlmText text, size_t at, const Parts *parts)
{
	int digits;

	if (parts->n_digit == 0)
		return false;
	if (parts->n_letter == 0)
		/* points and colons join decimals, times and addresses */
		return parts->n_digit >= 5 && !parts->has_point;
	/* 5kg, 10am, 5th; 3-bedroom, 24/7-support */
	digits = slm_count_digits(text, at, IDENTIFIER_BYTES_MAX);
	if (digits == parts->n_digit && parts->n_upper == 0 &&
		(parts->n_joint > 0 ? digits <= 4 : parts->n_letter <= 4))
		return false;
	if (parts->n_upper == 0)
		return parts->n_digit >= 3;
	return parts->n_digit >= 2 || parts->n_joint > 0;
}

size_t
slm_read_identifier(SlmText text, size_t at, SlmReading *out)
{
	Parts parts = {0};
	SlmReading date;
	size_t end = at;
	bool is_piece =
		at > 0 && strchr("-_/.@", slm_byte(text, at - 1)) != NULL && slm_word_before(text, at - 1);

	for (;; end++)
	{
		uint8_t c = slm_byte(text, end);

		if (slm_is_digit(c))
			parts.n_digit += parts.n_digit < IDENTIFIER_BYTES_MAX;
		else if (slm_is_letter(c))
		{
			parts.n_letter += parts.n_letter < IDENTIFIER_BYTES_MAX;
			parts.n_upper += slm_is_upper(c) && parts.n_upper < IDENTIFIER_BYTES_MAX;
		}
		else if (end > at && c != 0 && strchr("-_/.:", c) != NULL &&
				 slm_is_alnum(slm_byte(text, end + 1)))
		{
			parts.n_joint += parts.n_joint < IDENTIFIER_BYTES_MAX;
			parts.has_point = parts.has_point || c == '.' || c == ':';
		}
		else
			break;
	}
	out->resume = end > at ? end : at + 1;
	if (is_piece || end - at > IDENTIFIER_BYTES_MAX || slm_word_at(text, end) ||
		slm_byte(text, end) == '@' || !is_identifier(text, at, &parts))
		return 0;
	if (parts.n_joint > 0 && slm_read_date(text, at, &date) == end)
		return 0;
	return end;
}
