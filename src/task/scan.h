/*
 * scan.h - values with a form of their own: what they look like, what they say
 *
 * E-mail addresses, dates, amounts and their like need no network to be found:
 * slm_scan() gives every span of a text that has the form of a wanted kind, and
 * slm_normalize_value() turns such a span into one canonical spelling, or says that
 * it does not fit.  The network, where there is one, only chooses.
 *
 * Nothing is invented.  A span that can be read in two ways (03/04/2025) or
 * that leaves out a part (3 March) is found, but has no canonical spelling.
 *
 * Work is linear in the text: the forms are small automata written by hand over
 * bytes, tried where a word, a number or a sign begins, and each looks only a
 * bounded way ahead or never twice at the same byte.
 */
#ifndef SLM_TASK_SCAN_H
#define SLM_TASK_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/host.h"
#include "base/status.h"
#include "base/text.h"

/* In the order of preference where two kinds claim the same bytes. */
typedef enum SlmKind
{
	SLM_KIND_EMAIL = 0,
	SLM_KIND_URL, /* with a scheme, or beginning with www. */
	SLM_KIND_IP,  /* IPv4 or IPv6 address, without port or prefix length */
	SLM_KIND_UUID,
	SLM_KIND_CARD, /* number of a payment card; its check digit is right */
	SLM_KIND_IBAN, /* bank account; its check digits are right */
	SLM_KIND_SSN,  /* social security number of the USA, 3-2-4 digits */
	SLM_KIND_PHONE,
	SLM_KIND_DATE_TIME, /* a date and a time of day beside each other */
	SLM_KIND_DATE,      /* also without year or day: 3 March, March 2025 */
	SLM_KIND_TIME,      /* time of day, with its offset where one stands there */
	SLM_KIND_MONEY,     /* an amount with its currency */
	SLM_KIND_PERCENT,
	SLM_KIND_NUMBER,       /* in digits */
	SLM_KIND_NUMBER_WORDS, /* in English words: twenty-five */
	SLM_KIND_IDENTIFIER,   /* letters and digits, or many digits: INV-2024-0012, 4821093 */
	SLM_KIND_COUNT
} SlmKind;

/* A set of kinds. */
typedef uint32_t SlmKinds;

#define SLM_KIND_SET(kind) ((SlmKinds) 1 << (kind))

typedef struct SlmFound
{
	SlmKind kind;
	size_t start; /* byte offset in the text */
	size_t size;  /* bytes, at least 1 */
} SlmFound;

/* "email", "date_time", ...: as SQL spells the kind. */
extern const char *slm_kind_name(SlmKind kind);

/* The kind of that name; false when there is none. */
extern bool slm_kind_by_name(SlmText name, SlmKind *kind);

/*
 * Every span of a wanted kind, in ascending order of start and, among equals,
 * of kind.  Spans of one kind do not overlap, those of two may: the date of a
 * date-time, the number of an amount and the address in a URL are found, too.
 * A span starts and ends on edges of words, but for a date with a T behind it.
 * *found lies in the arena.
 * SLM_ERR_ENCODING when text is not UTF-8.
 */
extern SlmStatus slm_scan(SlmText text, SlmKinds kinds, const SlmHost *host, SlmArena *arena,
						  SlmFound **found, size_t *n_found, SlmError *err) SLM_MUST_CHECK;

/* What a value is to become: types and formats of JSON Schema. */
typedef enum SlmValueType
{
	SLM_VALUE_INTEGER = 0, /* 1234 */
	SLM_VALUE_NUMBER,      /* 1234.50; of an amount or a percentage its number */
	SLM_VALUE_BOOLEAN,     /* true, false */
	SLM_VALUE_DATE,        /* 2025-03-04 */
	SLM_VALUE_TIME,        /* 14:05:00, 14:05:00+02:00, 14:05:00Z */
	SLM_VALUE_DATE_TIME,   /* 2025-03-04T14:05:00, with offset as above */
	SLM_VALUE_EMAIL,       /* domain in lower case */
	SLM_VALUE_URI,         /* has a scheme, in lower case like its host; ASCII only */
	SLM_VALUE_IPV4,
	SLM_VALUE_IPV6, /* as RFC 5952 spells it */
	SLM_VALUE_UUID, /* lower case */
	SLM_VALUE_TYPE_COUNT
} SlmValueType;

#define SLM_NORMAL_BYTES 2048 /* a value whose canonical spelling is longer does not fit */

typedef struct SlmNormal
{
	char data[SLM_NORMAL_BYTES]; /* not terminated */
	size_t size;
} SlmNormal;

/* Kinds whose spans can be values of the type; the empty set for booleans. */
extern SlmKinds slm_value_kinds(SlmValueType type);

/*
 * The canonical spelling of value, white space around it aside, as a type;
 * false when the whole of it does not say exactly one such value.
 *
 * Numbers.  Spaces (also thin and no-break ones) and apostrophes group digits.
 * Of comma and point, where both stand there, the last is the decimal sign;
 * one that comes twice groups; a lone point is decimal; a lone comma groups when
 * 1 to 3 digits without leading zero stand before it and exactly 3 behind
 * (1,234), else it is decimal.  In an amount of money a lone point groups by the
 * same rule.  Groups have 3 digits (or, with commas, 2 but for the last:
 * 12,34,567).  thousand, million and billion may follow a number, k, M and bn an
 * amount.  An integer may have a fraction of zeros.  English words up to
 * 999,999,999 are numbers.
 *
 * Dates.  Year first (2025-03-04), with an English month (4 March 2025, March
 * 4th, 2025, 04-Mar-25), or numbers alone: with points the day comes first
 * (4.3.2025), as in every locale that writes points; with / and - the day comes
 * first when the first number is above 12, the month when the second is, both
 * are the same when they are equal; else the date does not fit.  A year of two
 * digits is 2000 to 2069 or 1970 to 1999, as in PostgreSQL.  A date without its
 * year does not fit, nor does one that is not in the calendar.
 *
 * Times.  24 hours, or 12 with am or pm.  The offset is Z, UTC, GMT or numeric;
 * names of zones are not read.  needs_offset: RFC 3339 to the letter, where a time
 * without an offset does not fit.
 */
extern bool slm_normalize_value(SlmValueType type, SlmText value, bool needs_offset,
								SlmNormal *out);

#endif
