/*
 * scan_time.c - dates, times of day, and the two beside each other
 *
 * scan.h says which spellings are read, and which of them say one date only.
 * A date that is not in the calendar is none.
 */
#include "task/scan_impl.h"

#define YEAR_MIN 1000 /* of four digits: smaller numbers are something else */
#define YEAR_MAX 2999
#define PIVOT_YEAR 70 /* of two digits: this and above is 19xx */
#define OFFSET_HOURS_MAX 15

static const char *const months[] = {
	"january", "february", "march",    "april", "may", "june", "july", "august", "september",
	"october", "november", "december", "jan",   "feb", "mar",  "apr",  "may",    "jun",
	"jul",     "aug",      "sep",      "oct",   "nov", "dec",  "sept", NULL};
#define MONTH_SEPT 24 /* index of the third spelling of September */

static const char *const weekdays[] = {
	"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mon", "tue",
	"tues",   "wed",     "thu",       "thur",     "thurs",  "fri",      "sat",    "sun", NULL};

/* ---- Parts of a date ---- */

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	/* without a year 29 February may be */
	return days[month - 1] + (month == 2 && (leap || year == 0));
}

static bool
is_in_calendar(int year, int month, int day)
{
	return month >= 1 && month <= 12 && day >= 0 && day <= days_in_month(year, month);
}

/* End of a month's name at the offset, with the point of an abbreviation; 0: none. */
static size_t
read_month(SlmText text, size_t at, int *month)
{
	int n = slm_count_letters(text, at, 10);
	int i = slm_word_index(text, at, n, months);

	if (i < 0 || slm_word_at(text, at + n))
		return 0;
	*month = i == MONTH_SEPT ? 9 : i % 12 + 1;
	return at + n + (n <= 4 && slm_byte(text, at + n) == '.');
}

/* End of a year of four digits; 0: none. */
static size_t
read_year(SlmText text, size_t at, int *year)
{
	if (slm_count_digits(text, at, 5) != 4 || slm_word_at(text, at + 4))
		return 0;
	*year = slm_digits_value(text, at, 4);
	return *year >= YEAR_MIN && *year <= YEAR_MAX ? at + 4 : 0;
}

/* The same, or two digits, which stand for the nearest such year; '25 in any place. */
static size_t
read_any_year(SlmText text, size_t at, bool short_fits, int *year)
{
	size_t start = at + (slm_byte(text, at) == '\'');

	if (slm_count_digits(text, start, 3) == 2 && (short_fits || start > at) &&
		!slm_word_at(text, start + 2))
	{
		*year = slm_digits_value(text, start, 2);
		*year += *year >= PIVOT_YEAR ? 1900 : 2000;
		return start + 2;
	}
	return read_year(text, at, year);
}

/* End of 1 to 31, with st, nd, rd or th; 0: none. */
static size_t
read_day(SlmText text, size_t at, int *day)
{
	static const char *const endings[] = {"st", "nd", "rd", "th", NULL};
	int n = slm_count_digits(text, at, 3);

	if (n == 0 || n > 2)
		return 0;
	*day = slm_digits_value(text, at, n);
	at += n;
	if (slm_word_index(text, at, 2, endings) >= 0)
		at += 2;
	return *day >= 1 && *day <= 31 && !slm_word_at(text, at) ? at : 0;
}

/* The sign between the parts of a date in numbers, or 0. */
static uint8_t
joint_at(SlmText text, size_t at)
{
	uint8_t c = slm_byte(text, at);

	return c == '-' || c == '/' || c == '.' ? c : 0;
}

/* ---- Dates ---- */

/* 2025-03-04, also with / and points; the joint in *joint. */
static size_t
read_year_first(SlmText text, size_t at, SlmDate *date, uint8_t *joint)
{
	int n_month, n_day;

	if (slm_count_digits(text, at, 5) != 4)
		return 0;
	date->year = slm_digits_value(text, at, 4);
	*joint = joint_at(text, at + 4);
	n_month = slm_count_digits(text, at + 5, 3);
	if (*joint == 0 || n_month == 0 || n_month > 2)
		return 0;
	date->month = slm_digits_value(text, at + 5, n_month);
	at += 5 + n_month;
	n_day = slm_count_digits(text, at + 1, 3);
	if (slm_byte(text, at) != *joint || n_day == 0 || n_day > 2)
		return 0;
	date->day = slm_digits_value(text, at + 1, n_day);
	date->may_be_turned = false;
	return date->year >= YEAR_MIN && date->year <= YEAR_MAX && date->day > 0 ? at + 1 + n_day : 0;
}

/* 4/3/2025 in either order, 04.03.25; the joint in *joint. */
static size_t
read_year_last(SlmText text, size_t at, SlmDate *date, uint8_t *joint)
{
	int n_first = slm_count_digits(text, at, 3);
	int n_second;
	int first = slm_digits_value(text, at, n_first), second;
	size_t end;

	*joint = joint_at(text, at + n_first);
	if (n_first == 0 || n_first > 2 || *joint == 0)
		return 0;
	at += n_first + 1;
	n_second = slm_count_digits(text, at, 3);
	second = slm_digits_value(text, at, n_second);
	if (n_second == 0 || n_second > 2 || slm_byte(text, at + n_second) != *joint)
		return 0;
	/* 1.2.03 is a version or a section */
	end = read_any_year(text, at + n_second + 1, *joint != '.' || (n_first == 2 && n_second == 2),
						&date->year);
	if (end == 0 || first < 1 || second < 1)
		return 0;
	date->day = second > 12 ? second : first;
	date->month = second > 12 ? first : second;
	date->may_be_turned = *joint != '.' && first != second && first <= 12 && second <= 12;
	return end;
}

/* Where the next part of a date with words may begin: behind a gap or one of the signs. */
static size_t
skip_to_part(SlmText text, size_t at, const char *signs)
{
	uint8_t c = slm_byte(text, at);

	if (c != 0 && strchr(signs, c) != NULL)
		at++;
	return at + slm_gap_at(text, at);
}

/* 4 March 2025, 4th of March, 04-Mar-25 */
static size_t
read_day_month(SlmText text, size_t at, SlmDate *date)
{
	size_t end = read_day(text, at, &date->day);
	size_t start, year;
	uint8_t joint;

	if (end == 0)
		return 0;
	start = skip_to_part(text, end, ".-/");
	if (slm_starts_with(text, start, "of") && slm_gap_at(text, start + 2) > 0)
		start += 2 + slm_gap_at(text, start + 2);
	end = start > end ? read_month(text, start, &date->month) : 0;
	if (end == 0)
		return 0;
	joint = joint_at(text, end);
	start = skip_to_part(text, end, ",-/");
	year = start > end || slm_byte(text, end - 1) == '.'
			   ? read_any_year(text, start, joint == '-' || joint == '/', &date->year)
			   : 0;
	/* the point ends the sentence, then */
	return year > 0 ? year : end - (slm_byte(text, end - 1) == '.');
}

/* March 4, 2025; March 4th; March 2025 */
static size_t
read_month_day(SlmText text, size_t at, SlmDate *date)
{
	size_t end = read_month(text, at, &date->month);
	size_t start, day, year;

	if (end == 0)
		return 0;
	start = skip_to_part(text, end, "-/,");
	if (start == end && slm_byte(text, end - 1) != '.')
		return 0;
	year = read_any_year(text, start, false, &date->year);
	if (year > 0)
		return year;
	day = read_day(text, start, &date->day);
	/* "March 10:30", "May 5.50" and "June 10%" have no day */
	if (day == 0 || slm_byte(text, day) == ':' || slm_byte(text, day) == '%' ||
		(slm_byte(text, day) == '.' && slm_is_digit(slm_byte(text, day + 1))))
		return 0;
	start = skip_to_part(text, day, "-/,");
	year = start > day ? read_any_year(text, start, false, &date->year) : 0;
	return year > 0 ? year : day;
}

/* A date is no piece of a longer run: 2025-03-04-17, 1/2/2025/3. */
static bool
date_ends(SlmText text, size_t end, uint8_t joint)
{
	uint8_t c = slm_byte(text, end);

	/* the T of a time */
	if (slm_lower(c) == 't' && slm_count_digits(text, end + 1, 3) == 2)
		return true;
	return !slm_word_at(text, end) && !(c == joint && slm_is_alnum(slm_byte(text, end + 1)));
}

size_t
slm_read_date(SlmText text, size_t at, SlmReading *out)
{
	SlmDate *date = &out->date;
	size_t start = at, end;
	int n = slm_count_letters(text, at, 10);
	uint8_t joint = 0;

	/* Monday, 3 March */
	if (n > 0 && slm_word_index(text, at, n, weekdays) >= 0)
	{
		start = at + n + (slm_byte(text, at + n) == '.');
		start = skip_to_part(text, start, ",");
		if (start == at + n)
			return 0;
	}
	else if (at > 0 && joint_at(text, at - 1) != 0 && slm_word_before(text, at - 1))
		return 0;
	*date = (SlmDate){0};
	if (slm_is_letter(slm_byte(text, start)))
	{
		end = read_month_day(text, start, date);
		/* "may 5" is a verb more often than a month */
		if (end > 0 && date->month == 5 && date->year == 0 && slm_byte(text, start) == 'm')
			return 0;
	}
	else if ((end = read_year_first(text, start, date, &joint)) == 0)
	{
		*date = (SlmDate){0};
		end = read_year_last(text, start, date, &joint);
		if (end == 0)
		{
			*date = (SlmDate){0};
			joint = 0;
			end = read_day_month(text, start, date);
		}
	}
	if (end == 0 || !is_in_calendar(date->year, date->month, date->day))
		return 0;
	return date_ends(text, end, joint) ? end : 0;
}

/* ---- Times ---- */

/* End of am, pm, a.m. or p.m. at the offset; 0: none. */
static size_t
read_half(SlmText text, size_t at, bool *is_pm)
{
	uint32_t c = slm_lower(slm_byte(text, at));

	if (c != 'a' && c != 'p')
		return 0;
	*is_pm = c == 'p';
	if (slm_starts_with(text, at + 1, ".m."))
		return at + 4;
	if (slm_starts_with(text, at + 1, "m") && !slm_word_at(text, at + 2))
		return at + 2;
	return 0;
}

/* End of +02:00, +0200 or +02 at the offset, whose sign is there; 0: none. */
static size_t
read_numeric_offset(SlmText text, size_t at, SlmTime *time)
{
	int n = slm_count_digits(text, at + 1, 5);
	int hours = slm_digits_value(text, at + 1, n >= 2 ? 2 : n), minutes = 0;
	size_t end = at + 1 + n;

	if (n == 4)
		minutes = slm_digits_value(text, at + 3, 2);
	else if (n > 2 || n == 0)
		return 0;
	else if (slm_byte(text, end) == ':' && slm_count_digits(text, end + 1, 3) == 2)
	{
		minutes = slm_digits_value(text, end + 1, 2);
		end += 3;
	}
	if (hours > OFFSET_HOURS_MAX || minutes > 59 || slm_word_at(text, end) ||
		slm_byte(text, end) == ':')
		return 0;
	time->has_offset = true;
	time->offset_minutes = (hours * 60 + minutes) * (slm_byte(text, at) == '-' ? -1 : 1);
	return end;
}

/*
 * End of the offset behind a time, or at.  A minus begins one only where a
 * range of times cannot be meant, which is what may_be_range says.
 */
static size_t
read_offset(SlmText text, size_t at, bool may_be_range, SlmTime *time)
{
	size_t start = at + slm_gap_at(text, at);
	uint8_t sign;
	size_t end;

	if (slm_byte(text, at) == 'Z' && !slm_word_at(text, at + 1))
	{
		time->has_offset = true;
		return at + 1;
	}
	if ((slm_starts_with(text, start, "utc") || slm_starts_with(text, start, "gmt")) &&
		slm_is_upper(slm_byte(text, start)) && !slm_word_at(text, start + 3))
	{
		time->has_offset = true;
		sign = slm_byte(text, start + 3);
		end = sign == '+' || sign == '-' ? read_numeric_offset(text, start + 3, time) : 0;
		return end > 0 ? end : start + 3;
	}
	sign = slm_byte(text, start);
	if (sign != '+' && (sign != '-' || may_be_range))
		return at;
	/* a lone number behind a space is something else */
	if (start > at && slm_count_digits(text, start + 1, 4) < 4 && slm_byte(text, start + 3) != ':')
		return at;
	end = read_numeric_offset(text, start, time);
	return end > 0 ? end : at;
}

/* Seconds and their fraction behind hours and minutes; at when there are none, 0: wrong ones. */
static size_t
read_seconds(SlmText text, size_t at, SlmTime *time, bool *has_seconds)
{
	*has_seconds = false;
	if (slm_byte(text, at) != ':' || !slm_is_digit(slm_byte(text, at + 1)))
		return at;
	if (slm_count_digits(text, at + 1, 3) != 2)
		return 0;
	time->second = slm_digits_value(text, at + 1, 2);
	*has_seconds = true;
	at += 3;
	if (slm_byte(text, at) == '.' && slm_is_digit(slm_byte(text, at + 1)))
	{
		time->fraction_at = at + 1;
		time->n_fraction = slm_count_digits(text, at + 1, 10);
		at += 1 + time->n_fraction;
	}
	return time->second <= 59 && time->n_fraction <= 9 ? at : 0;
}

/* A time; behind a date's T no range can be meant. */
static size_t
read_clock(SlmText text, size_t at, bool is_behind_t, SlmTime *time)
{
	int n = slm_count_digits(text, at, 3);
	bool has_minutes, has_seconds = false, is_pm;
	size_t end = at + n, half;

	*time = (SlmTime){.hour = slm_digits_value(text, at, n)};
	if (n == 0 || n > 2)
		return 0;
	has_minutes = (slm_byte(text, end) == ':' || slm_byte(text, end) == '.') &&
				  slm_count_digits(text, end + 1, 3) == 2;
	if (has_minutes)
	{
		time->minute = slm_digits_value(text, end + 1, 2);
		end = read_seconds(text, end + 3, time, &has_seconds);
		if (end == 0 || time->minute > 59)
			return 0;
	}
	half = read_half(text, end + slm_gap_at(text, end), &is_pm);
	if (half > 0)
	{
		if (time->hour < 1 || time->hour > 12)
			return 0;
		time->hour = time->hour % 12 + (is_pm ? 12 : 0);
		end = half;
	}
	else if (!has_minutes || slm_byte(text, at + n) != ':' || time->hour > 23)
		return 0;
	end = read_offset(text, end, !is_behind_t && !has_seconds, time);
	if (slm_word_at(text, end) ||
		(slm_byte(text, end) == ':' && slm_is_alnum(slm_byte(text, end + 1))))
		return 0;
	return end;
}

size_t
slm_read_time(SlmText text, size_t at, SlmReading *out)
{
	uint8_t before = at > 0 ? slm_byte(text, at - 1) : 0;

	/* a piece of an address or a number */
	if ((before == ':' || before == '.' || before == ',') && slm_word_before(text, at - 1))
		return 0;
	return read_clock(text, at, false, &out->time);
}

/* ---- Both ---- */

/* Where the other half may begin: behind a gap, and "at", "on", a comma or a dash. */
static size_t
skip_to_half(SlmText text, size_t at)
{
	static const char *const words[] = {"at", "on", "@", "-", "|", NULL};
	size_t start = skip_to_part(text, at, ",");

	if (start == at)
		return at;
	for (int i = 0; words[i] != NULL; i++)
	{
		size_t end = start + strlen(words[i]);

		if (slm_starts_with(text, start, words[i]) && slm_gap_at(text, end) > 0)
			return end + slm_gap_at(text, end);
	}
	return start;
}

size_t
slm_read_date_time(SlmText text, size_t at, SlmReading *out)
{
	size_t end = slm_read_date(text, at, out);
	size_t start;

	if (end > 0)
	{
		if (out->date.day == 0)
			return 0;
		if (slm_lower(slm_byte(text, end)) == 't')
			return read_clock(text, end + 1, true, &out->time);
		start = skip_to_half(text, end);
		return start > end ? read_clock(text, start, false, &out->time) : 0;
	}
	end = slm_read_time(text, at, out);
	if (end == 0)
		return 0;
	start = skip_to_half(text, end);
	end = start > end ? slm_read_date(text, start, out) : 0;
	return end > 0 && out->date.day > 0 ? end : 0;
}
