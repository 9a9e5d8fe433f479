/*
 * normalize.c - one canonical spelling for what a value says
 *
 * A value is read by the readers that also find it; it fits when one of them
 * reads all of it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "task/scan_impl.h"

#define EMAIL_BYTES_MAX 254 /* RFC 5321 */
#define EMAIL_LOCAL_BYTES_MAX 64

#define NUMBERS                                                                                    \
	(SLM_KIND_SET(SLM_KIND_NUMBER) | SLM_KIND_SET(SLM_KIND_NUMBER_WORDS) |                         \
	 SLM_KIND_SET(SLM_KIND_MONEY) | SLM_KIND_SET(SLM_KIND_PERCENT))

static const SlmKinds kinds_of_type[SLM_VALUE_TYPE_COUNT] = {
	[SLM_VALUE_INTEGER] = NUMBERS,
	[SLM_VALUE_NUMBER] = NUMBERS,
	[SLM_VALUE_DATE] = SLM_KIND_SET(SLM_KIND_DATE),
	[SLM_VALUE_TIME] = SLM_KIND_SET(SLM_KIND_TIME),
	[SLM_VALUE_DATE_TIME] = SLM_KIND_SET(SLM_KIND_DATE_TIME),
	[SLM_VALUE_EMAIL] = SLM_KIND_SET(SLM_KIND_EMAIL),
	[SLM_VALUE_URI] = SLM_KIND_SET(SLM_KIND_URL),
	[SLM_VALUE_IPV4] = SLM_KIND_SET(SLM_KIND_IP),
	[SLM_VALUE_IPV6] = SLM_KIND_SET(SLM_KIND_IP),
	[SLM_VALUE_UUID] = SLM_KIND_SET(SLM_KIND_UUID),
};

SlmKinds
slm_value_kinds(SlmValueType type)
{
	return kinds_of_type[type];
}

/* ---- Writing ---- */

static bool
put_bytes(SlmNormal *out, const char *data, size_t size)
{
	if (size > SLM_NORMAL_BYTES - out->size)
		return false;
	memcpy(out->data + out->size, data, size);
	out->size += size;
	return true;
}

static bool put_format(SlmNormal *out, const char *format, ...) SLM_PRINTF(2, 3);

/* A short piece: numbers of a few digits. */
static bool
put_format(SlmNormal *out, const char *format, ...)
{
	char piece[32];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	return put_bytes(out, piece, (size_t) n);
}

static bool
put_lower(SlmNormal *out, SlmText text)
{
	for (size_t at = 0; at < text.size; at++)
	{
		char c = (char) slm_lower(slm_byte(text, at));

		if (!put_bytes(out, &c, 1))
			return false;
	}
	return true;
}

/* The digit at a place of the number, counted from its first digit; 0 beyond them. */
static char
digit_at(const SlmNumber *number, int place)
{
	return place >= 0 && place < number->n_digit ? number->digit[place] : '0';
}

/* Without an exponent; a fraction keeps its zeros, an integer must have none but them. */
static bool
put_number(SlmNormal *out, const SlmNumber *number, bool is_integer)
{
	int point = number->n_whole + number->scale;
	int first = 0;
	bool is_zero = true;

	for (int place = 0; place < number->n_digit; place++)
	{
		is_zero = is_zero && number->digit[place] == '0';
		if (is_integer && place >= point && number->digit[place] != '0')
			return false;
	}
	if (number->is_negative && !is_zero && !put_bytes(out, "-", 1))
		return false;
	while (first < point - 1 && digit_at(number, first) == '0')
		first++;
	if (point <= 0)
		first = point - 1; /* the zero before the point */
	for (int place = first; place < point || place == first; place++)
	{
		char digit = digit_at(number, place);

		if (!put_bytes(out, &digit, 1))
			return false;
	}
	if (is_integer || number->n_digit <= point)
		return true;
	if (!put_bytes(out, ".", 1))
		return false;
	for (int place = point; place < number->n_digit; place++)
	{
		char digit = digit_at(number, place);

		if (!put_bytes(out, &digit, 1))
			return false;
	}
	return true;
}

static bool
put_date(SlmNormal *out, const SlmDate *date)
{
	if (date->year == 0 || date->day == 0 || date->may_be_turned)
		return false;
	return put_format(out, "%04d-%02d-%02d", date->year, date->month, date->day);
}

static bool
put_time(SlmNormal *out, SlmText text, const SlmTime *time, bool needs_offset)
{
	int minutes = time->offset_minutes;

	if (needs_offset && !time->has_offset)
		return false;
	if (!put_format(out, "%02d:%02d:%02d", time->hour, time->minute, time->second))
		return false;
	if (time->n_fraction > 0 &&
		!(put_bytes(out, ".", 1) &&
		  put_bytes(out, text.data + time->fraction_at, (size_t) time->n_fraction)))
		return false;
	if (!time->has_offset)
		return true;
	if (minutes == 0)
		return put_bytes(out, "Z", 1);
	return put_format(out, "%c%02d:%02d", minutes < 0 ? '-' : '+',
					  (minutes < 0 ? -minutes : minutes) / 60,
					  (minutes < 0 ? -minutes : minutes) % 60);
}

/* ---- Types ---- */

static bool
normalize_number(SlmText text, bool is_integer, SlmNormal *out)
{
	SlmReading reading;
	bool fits = slm_read_number(text, 0, &reading) == text.size ||
				slm_read_money(text, 0, &reading) == text.size ||
				slm_read_percent(text, 0, &reading) == text.size ||
				slm_read_number_words(text, 0, &reading) == text.size;

	return fits && put_number(out, &reading.number, is_integer);
}

static bool
normalize_boolean(SlmText text, SlmNormal *out)
{
	static const char *const words[] = {"true", "yes", "y", "on", "false", "no", "n", "off", NULL};
	int i = text.size <= 5 ? slm_word_index(text, 0, (int) text.size, words) : -1;

	if (i < 0)
		return false;
	return i < 4 ? put_bytes(out, "true", 4) : put_bytes(out, "false", 5);
}

static bool
normalize_email(SlmText text, SlmNormal *out)
{
	SlmReading reading;
	size_t local = 0;
	SlmText domain;

	if (text.size > EMAIL_BYTES_MAX || !slm_is_alnum(slm_byte(text, 0)) ||
		slm_read_email(text, 0, &reading) != text.size)
		return false;
	for (size_t at = 0; at < text.size; at++)
	{
		if (slm_byte(text, at) >= 0x80 ||
			(slm_byte(text, at) == '.' && slm_byte(text, at + 1) == '.'))
			return false;
	}
	while (slm_byte(text, local) != '@')
		local++;
	domain = (SlmText){text.data + local, text.size - local};
	return local <= EMAIL_LOCAL_BYTES_MAX && put_bytes(out, text.data, local) &&
		   put_lower(out, domain);
}

/* RFC 3986, as far as the characters go: escapes are whole, brackets hold an address. */
static bool
is_uri(SlmText text, size_t host, size_t host_end)
{
	int n_fragment = 0;

	for (size_t at = 0; at < text.size; at++)
	{
		uint8_t c = slm_byte(text, at);

		if (c == '%' && (slm_hex_value(slm_byte(text, at + 1)) < 0 ||
						 slm_hex_value(slm_byte(text, at + 2)) < 0))
			return false;
		if ((c == '[' || c == ']') && !(at == host || at + 1 == host_end))
			return false;
		n_fragment += c == '#';
		if (c >= 0x80)
			return false;
	}
	return n_fragment <= 1;
}

static bool
normalize_uri(SlmText text, SlmNormal *out)
{
	SlmReading reading;
	size_t host = 0, end;

	/* www. stands for a scheme that the text does not say */
	if (slm_starts_with(text, 0, "www.") || !slm_is_letter(slm_byte(text, 0)) ||
		slm_read_url(text, 0, &reading) != text.size)
		return false;
	while (slm_byte(text, host) != '/')
		host++;
	host += 2;
	end = host;
	if (slm_byte(text, host) == '[')
	{
		SlmText inside = {text.data + host + 1, text.size - host - 1};
		size_t size = slm_read_address(inside, 0, &reading);

		if (size == 0 || !reading.address.is_v6 || slm_byte(inside, size) != ']')
			return false;
		end = host + size + 2;
	}
	else
	{
		while (end < text.size && strchr("/?#@:", slm_byte(text, end)) == NULL)
			end++;
		/* before an @ stands a name, which keeps its case */
		for (size_t at = end; at < text.size && strchr("/?#", slm_byte(text, at)) == NULL; at++)
		{
			if (slm_byte(text, at) == '@')
				end = host;
		}
	}
	return is_uri(text, host, end) && put_lower(out, (SlmText){text.data, end}) &&
		   put_bytes(out, text.data + end, text.size - end);
}

/* RFC 5952: the longest run of zeros, two at least, as "::"; mapped IPv4 in its own form. */
static bool
put_groups(SlmNormal *out, const uint16_t group[8])
{
	int gap = -1, gap_size = 1;
	bool is_mapped = group[5] == 0xffff;

	for (int start = 0; start < 8; start++)
	{
		int size = 0;

		while (start + size < 8 && group[start + size] == 0)
			size++;
		if (size > gap_size)
		{
			gap = start;
			gap_size = size;
		}
		is_mapped = is_mapped && (start >= 5 || group[start] == 0);
	}
	if (is_mapped)
		return put_format(out, "::ffff:%d.%d.%d.%d", group[6] >> 8, group[6] & 255, group[7] >> 8,
						  group[7] & 255);
	for (int i = 0; i < 8; i++)
	{
		if (i == gap)
		{
			if (!put_bytes(out, "::", 2))
				return false;
			i += gap_size - 1;
		}
		else if (!put_format(out, i == 0 || i == gap + gap_size ? "%x" : ":%x", group[i]))
			return false;
	}
	return true;
}

static bool
normalize_address(SlmText text, bool is_v6, SlmNormal *out)
{
	SlmReading reading;

	if (slm_read_address(text, 0, &reading) != text.size || reading.address.is_v6 != is_v6)
		return false;
	return is_v6 ? put_groups(out, reading.address.group) : put_bytes(out, text.data, text.size);
}

/* White space of every kind around a value says nothing. */
static SlmText
trim(SlmText text)
{
	size_t gap;

	while ((gap = slm_gap_at(text, 0)) > 0)
	{
		text.data += gap;
		text.size -= gap;
	}
	while (text.size > 0)
	{
		size_t size = 1;

		while (size < 3 && size < text.size && slm_byte(text, text.size - size) >= 0x80 &&
			   slm_byte(text, text.size - size) < 0xc0)
			size++;
		if (slm_gap_at(text, text.size - size) != size)
			break;
		text.size -= size;
	}
	return text;
}

bool
slm_normalize_value(SlmValueType type, SlmText value, bool needs_offset, SlmNormal *out)
{
	SlmText text = trim(value);
	SlmReading reading;

	out->size = 0;
	if (text.size == 0)
		return false;
	switch (type)
	{
		case SLM_VALUE_INTEGER:
		case SLM_VALUE_NUMBER:
			return normalize_number(text, type == SLM_VALUE_INTEGER, out);
		case SLM_VALUE_BOOLEAN:
			return normalize_boolean(text, out);
		case SLM_VALUE_DATE:
			return slm_read_date(text, 0, &reading) == text.size && put_date(out, &reading.date);
		case SLM_VALUE_TIME:
			return slm_read_time(text, 0, &reading) == text.size &&
				   put_time(out, text, &reading.time, needs_offset);
		case SLM_VALUE_DATE_TIME:
			return slm_read_date_time(text, 0, &reading) == text.size &&
				   put_date(out, &reading.date) && put_bytes(out, "T", 1) &&
				   put_time(out, text, &reading.time, needs_offset);
		case SLM_VALUE_EMAIL:
			return normalize_email(text, out);
		case SLM_VALUE_URI:
			return normalize_uri(text, out);
		case SLM_VALUE_IPV4:
		case SLM_VALUE_IPV6:
			return normalize_address(text, type == SLM_VALUE_IPV6, out);
		case SLM_VALUE_UUID:
			return slm_read_uuid(text, 0, &reading) == text.size && put_lower(out, text);
		case SLM_VALUE_TYPE_COUNT:
			break;
	}
	return false;
}
