/*
 * scan_net.c - addresses of the net: e-mail, URL, IP, UUID
 */
#include "base/utf8.h"
#include "task/scan_impl.h"

#define SCHEME_BYTES_MAX 16

/* The code point at the offset and its bytes; 0 at the end and where nothing valid stands. */
static int
decode(SlmText text, size_t at, uint32_t *cp)
{
	if (at >= text.size)
		return 0;
	return slm_utf8_decode((const uint8_t *) text.data + at, text.size - at, cp);
}

/* ---- E-mail ---- */

static bool
is_local_part(uint32_t cp)
{
	return slm_is_word(cp) || cp == '.' || cp == '+' || cp == '-' || cp == '%' || cp == '\'';
}

/* A label that may stand last: letters, or the ASCII form of some. */
static bool
is_top_label(SlmText text, size_t start, size_t end)
{
	if (end - start < 2)
		return false;
	if (end - start > 4 && slm_starts_with(text, start, "xn--"))
		return true;
	for (size_t at = start; at < end; at++)
	{
		uint8_t c = slm_byte(text, at);

		if (c < 0x80 && !slm_is_letter(c))
			return false;
	}
	return true;
}

/*
 * End of the domain at the offset: labels of letters, digits and inner hyphens,
 * up to the last that may stand last.  0: not two such labels.
 */
static size_t
read_domain(SlmText text, size_t at)
{
	size_t good = 0;

	for (int n_label = 1;; n_label++)
	{
		size_t start = at;
		uint32_t cp;
		int size;

		while ((size = decode(text, at, &cp)) > 0 && cp != '_' && (slm_is_word(cp) || cp == '-'))
			at += size;
		if (at == start || slm_byte(text, start) == '-' || slm_byte(text, at - 1) == '-')
			return good;
		if (n_label > 1 && is_top_label(text, start, at))
			good = at;
		if (slm_byte(text, at) != '.')
			return good;
		at++;
	}
}

size_t
slm_read_email(SlmText text, size_t at, SlmReading *out)
{
	size_t sign = at;
	uint32_t cp;
	int size;

	while ((size = decode(text, sign, &cp)) > 0 && is_local_part(cp))
		sign += size;
	/* none begins in what was seen, whatever follows */
	out->resume = sign;
	if (slm_byte(text, sign) != '@' || slm_byte(text, sign - 1) == '.')
		return 0;
	return read_domain(text, sign + 1);
}

/* ---- URL ---- */

/* End of "scheme://" or of the "www." that stands for it; 0: neither is here. */
static size_t
read_scheme(SlmText text, size_t at)
{
	int n = 0;

	if (slm_starts_with(text, at, "www."))
		return at + 4;
	while (n < SCHEME_BYTES_MAX &&
		   (slm_is_alnum(slm_byte(text, at + n)) || strchr("+.-", slm_byte(text, at + n)) != NULL))
	{
		if (slm_byte(text, at + n) == 0)
			break;
		n++;
	}
	return n > 1 && slm_starts_with(text, at + n, "://") ? at + n + 3 : 0;
}

/* May the code point stand in a URL as people write them? */
static bool
is_url_part(uint32_t cp)
{
	if (cp >= 0x80)
		return slm_is_word(cp);
	return cp > ' ' && cp != 0x7f && strchr("<>\"`{}|\\^", (int) cp) == NULL;
}

/*
 * Punctuation at the end belongs to the sentence, and so does a closing bracket
 * that the URL has not opened.
 */
size_t
slm_read_url(SlmText text, size_t at, SlmReading *out)
{
	size_t start = read_scheme(text, at);
	size_t end = start;
	int round = 0, square = 0; /* closing brackets without their opening ones */
	uint32_t cp;
	int size;

	if (start == 0 ||
		!(slm_word_at(text, start) || slm_byte(text, start) == '[' || slm_byte(text, start) == '/'))
		return 0;
	while ((size = decode(text, end, &cp)) > 0 && is_url_part(cp))
	{
		round += (cp == ')') - (cp == '(');
		square += (cp == ']') - (cp == '[');
		end += size;
	}
	out->resume = end;
	for (; end > start; end--)
	{
		uint8_t last = slm_byte(text, end - 1);

		if (last == ')' && round > 0)
			round--;
		else if (last == ']' && square > 0)
			square--;
		else if (strchr(".,;:!?'*_~([", last) == NULL)
			break;
	}
	return end > start ? end : 0;
}

/* ---- IP ---- */

/* Four numbers up to 255, without leading zeros. */
static size_t
read_octets(SlmText text, size_t at, uint8_t octet[4])
{
	for (int i = 0; i < 4; i++)
	{
		int n = slm_count_digits(text, at, 4);
		int value = slm_digits_value(text, at, n);

		if (n == 0 || n > 3 || value > 255 || (n > 1 && slm_byte(text, at) == '0'))
			return 0;
		octet[i] = (uint8_t) value;
		at += n;
		if (i < 3 && slm_byte(text, at++) != '.')
			return 0;
	}
	return at;
}

/* Groups of 1 to 4 hexadecimal digits, one gap at most, perhaps an IPv4 address at the end. */
static size_t
read_groups(SlmText text, size_t at, uint16_t group[8])
{
	int n = 0, gap = -1;
	size_t start = at;
	bool has_digit = false;

	if (slm_byte(text, at) == ':' && slm_byte(text, at + 1) == ':')
	{
		gap = 0;
		at += 2;
	}
	while (n < 8 && slm_hex_value(slm_byte(text, at)) >= 0)
	{
		uint8_t octet[4];
		size_t end = n <= 6 ? read_octets(text, at, octet) : 0;
		unsigned value = 0;
		int digits = 0;

		if (end > 0 && n > 0)
		{
			group[n++] = (uint16_t) (octet[0] << 8 | octet[1]);
			group[n++] = (uint16_t) (octet[2] << 8 | octet[3]);
			at = end;
			has_digit = true;
			break;
		}
		for (; digits < 4 && slm_hex_value(slm_byte(text, at)) >= 0; digits++, at++)
		{
			has_digit = has_digit || slm_is_digit(slm_byte(text, at));
			value = value << 4 | (unsigned) slm_hex_value(slm_byte(text, at));
		}
		group[n++] = (uint16_t) value;
		if (slm_byte(text, at) != ':')
			break;
		if (slm_byte(text, at + 1) == ':' && gap < 0)
		{
			gap = n;
			at += 2;
		}
		else if (n < 8 && slm_hex_value(slm_byte(text, at + 1)) >= 0)
			at++;
		else
			break; /* a colon of the sentence */
	}
	/* a gap stands for one group at least */
	if (gap < 0 ? n != 8 : n > 7)
		return 0;
	/* words with colons are no addresses, but where nothing else stands */
	if (!has_digit && (start > 0 || at < text.size))
		return 0;
	for (int i = n - 1, to = 7; gap >= 0 && to >= gap; i--, to--)
		group[to] = i >= gap ? group[i] : 0;
	return at;
}

/* A '.' or ':' before or behind makes it part of something longer. */
static bool
is_alone(SlmText text, size_t at, size_t end, uint8_t joint)
{
	if (at > 0 && slm_byte(text, at - 1) == joint)
		return false;
	return !slm_word_at(text, end) &&
		   !(slm_byte(text, end) == joint &&
			 (slm_is_alnum(slm_byte(text, end + 1)) || slm_byte(text, end + 1) == ':'));
}

size_t
slm_read_address(SlmText text, size_t at, SlmReading *out)
{
	size_t end = read_octets(text, at, out->address.octet);

	out->address.is_v6 = false;
	if (end > 0)
		return is_alone(text, at, end, '.') ? end : 0;
	out->address.is_v6 = true;
	end = read_groups(text, at, out->address.group);
	return end > 0 && is_alone(text, at, end, ':') ? end : 0;
}

/* ---- UUID ---- */

size_t
slm_read_uuid(SlmText text, size_t at, SlmReading *out)
{
	static const int digits[] = {8, 4, 4, 4, 12};
	size_t end = at;

	(void) out;
	if (at > 0 && slm_byte(text, at - 1) == '-')
		return 0;
	for (int i = 0; i < 5; i++)
	{
		if (i > 0 && slm_byte(text, end++) != '-')
			return 0;
		for (int n = 0; n < digits[i]; n++, end++)
		{
			if (slm_hex_value(slm_byte(text, end)) < 0)
				return 0;
		}
	}
	if (slm_word_at(text, end) ||
		(slm_byte(text, end) == '-' && slm_is_alnum(slm_byte(text, end + 1))))
		return 0;
	return end;
}
