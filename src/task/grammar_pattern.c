/*
 * grammar_pattern.c - patterns and formats of strings, as automata
 *
 * The pattern is read and turned into states in one pass; what stands under {n,m}
 * is read again for each time it is repeated, so that no tree is needed.
 * Recursion follows the groups, whose depth is capped.  Formats are patterns.
 */
#include "base/ascii.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "task/grammar_impl.h"

#include <stdlib.h>

#define LAST_CHAR 0x10FFFF
#define ENDLESS UINT32_MAX

typedef struct CharRange
{
	uint32_t lo, hi;
} CharRange;

typedef struct CharSet
{
	CharRange range[SLM_MAX_PATTERN_RANGES];
	int n;
} CharSet;

typedef struct Pattern
{
	SlmNfa *nfa;
	SlmError *err;
	const uint8_t *text; /* valid UTF-8 */
	size_t size;
	int depth;
	bool wide;   /* classes have what dialects disagree about, and control characters */
	CharSet set; /* of the class being read */
} Pattern;

static SlmStatus add_alternatives(Pattern *p, size_t at, size_t end, uint32_t from, uint32_t *to);

static SlmStatus
refuse(Pattern *p, size_t at, const char *what)
{
	return slm_fail(p->err, SLM_ERR_UNSUPPORTED,
					"%s at character %zu of the pattern is not supported", what, at + 1);
}

/* ---- Sets of characters ----------------------------------------------------------- */

static SlmStatus
add_to_set(Pattern *p, uint32_t lo, uint32_t hi)
{
	if (p->set.n == SLM_MAX_PATTERN_RANGES)
		return slm_fail(p->err, SLM_ERR_LIMIT,
						"a class of the pattern exceeds the limit of %d ranges",
						SLM_MAX_PATTERN_RANGES);
	p->set.range[p->set.n++] = (CharRange){lo, hi};
	return SLM_OK;
}

static int
compare_ranges(const void *a, const void *b)
{
	const CharRange *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* What is not in the set; control characters but tab and line feed are there in wide patterns only. */
static SlmStatus
invert(Pattern *p)
{
	CharRange old[SLM_MAX_PATTERN_RANGES];
	int n = p->set.n;
	uint32_t next = p->wide ? 1 : 0x20;

	memcpy(old, p->set.range, (size_t) n * sizeof(*old));
	qsort(old, (size_t) n, sizeof(*old), compare_ranges);
	p->set.n = 0;
	for (uint32_t c = '\t'; c <= '\n' && !p->wide; c++)
	{
		bool in = false;

		for (int i = 0; i < n; i++)
			in = in || (old[i].lo <= c && c <= old[i].hi);
		if (!in)
			SLM_TRY(add_to_set(p, c, c));
	}
	for (int i = 0; i < n; i++)
	{
		if (old[i].lo > next)
			SLM_TRY(add_to_set(p, next, old[i].lo - 1));
		if (old[i].hi >= next)
			next = old[i].hi + 1;
	}
	if (next <= LAST_CHAR)
		SLM_TRY(add_to_set(p, next, LAST_CHAR));
	return SLM_OK;
}

/*
 * \d, \w and \s in the dialects of JavaScript, Python, Rust and Go: what all of them
 * have in the class, and what all of them have outside of it, without control
 * characters but tab and line feed.  In between lie the letters and digits of
 * Unicode, and some spaces: a string without them there is valid everywhere.
 */
typedef struct NamedClass
{
	char name;
	int n_in, n_out;
	CharRange in[4], out[13]; /* ascending */
} NamedClass;

static const NamedClass named_classes[] = {
	{'d',
	 1,
	 10,
	 {{'0', '9'}},
	 {{9, 10},
	  {0x20, '0' - 1},
	  {'9' + 1, 0x65F},
	  {0x2000, 0xA61F},
	  {0xAC00, 0xD7FF},
	  {0xF900, 0xFF0F},
	  {0xFF1A, 0xFFFD},
	  {0x1F000, 0x1FBEF},
	  {0x20000, 0x2FFFF},
	  {0xE0000, 0xE0FFF}}},
	{'w',
	 4,
	 13,
	 {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
	 {{9, 10},
	  {0x20, '0' - 1},
	  {'9' + 1, 'A' - 1},
	  {'Z' + 1, '_' - 1},
	  {'_' + 1, 'a' - 1},
	  {'z' + 1, 0x7E},
	  {0x2010, 0x2027},
	  {0x2030, 0x203E},
	  {0x20A0, 0x20BF},
	  {0x2190, 0x23FF},
	  {0x2500, 0x2BFF},
	  {0x3008, 0x3020},
	  {0x1F300, 0x1F64F}}},
	{'s',
	 3,
	 10,
	 {{9, 10}, {12, 13}, {32, 32}},
	 {{0x21, 0x84},
	  {0x86, 0x9F},
	  {0xA1, 0x167F},
	  {0x1681, 0x180D},
	  {0x180F, 0x1FFF},
	  {0x2010, 0x2027},
	  {0x2030, 0x205E},
	  {0x2070, 0x2FFF},
	  {0x3001, 0xFEFE},
	  {0xFF00, LAST_CHAR}}},
};

/*
 * \d, \w, \s and their opposites into the set; false when c is none of them.  What
 * is put into a class that is negated is what the class may then leave out: all but
 * the other side.  In a wide pattern it is the other way round.
 */
static SlmStatus
add_named_class(Pattern *p, uint32_t c, bool negated, bool *is_one)
{
	const NamedClass *named = NULL;
	const CharRange *range;
	uint32_t next = 0;
	bool turned, takes_in;
	int n;

	for (size_t i = 0; i < sizeof(named_classes) / sizeof(named_classes[0]); i++)
		if ((uint32_t) named_classes[i].name == slm_lower(c))
			named = &named_classes[i];
	*is_one = named != NULL;
	if (named == NULL)
		return SLM_OK;
	turned = negated != p->wide;
	takes_in = (c == slm_lower(c)) != turned;
	range = takes_in ? named->in : named->out;
	n = takes_in ? named->n_in : named->n_out;
	for (int i = 0; i < n; i++)
	{
		if (!turned)
			SLM_TRY(add_to_set(p, range[i].lo, range[i].hi));
		else if (range[i].lo > next)
			SLM_TRY(add_to_set(p, next, range[i].lo - 1));
		next = range[i].hi + 1;
	}
	return turned && next <= LAST_CHAR ? add_to_set(p, next, LAST_CHAR) : SLM_OK;
}

/* Where a character stands. */
typedef enum CharPlace
{
	OUTSIDE,
	IN_CLASS,
	IN_NEGATED_CLASS
} CharPlace;

/* A code point at *at, an escape among them; a named class is put into the set instead. */
static SlmStatus
read_char(Pattern *p, size_t *at, size_t end, CharPlace place, uint32_t *out, bool *is_class)
{
	static const char controls[] = "t\tn\nr\rf\fv\v";
	size_t start = *at;
	int digits;

	*is_class = false;
	*at += (size_t) slm_utf8_decode(p->text + *at, end - *at, out);
	if (*out != '\\')
		return SLM_OK;
	if (*at == end)
		return slm_fail(p->err, SLM_ERR_ARGUMENT, "the pattern ends with a backslash");
	*at += (size_t) slm_utf8_decode(p->text + *at, end - *at, out);
	SLM_TRY(add_named_class(p, *out, place == IN_NEGATED_CLASS, is_class));
	if (*is_class)
		return SLM_OK;
	for (int i = 0; controls[i] != '\0'; i += 2)
		if (*out == (uint32_t) controls[i])
		{
			*out = (uint32_t) controls[i + 1];
			return SLM_OK;
		}
	digits = *out == 'x' ? 2 : *out == 'u' ? 4 : 0;
	if (digits == 0)
		return slm_is_alnum(*out) && !(place != OUTSIDE && *out == 'b')
				   ? refuse(p, start, "this escape")
			   : place != OUTSIDE && *out == 'b' ? refuse(p, start, "\\b")
												 : SLM_OK;
	*out = 0;
	for (; digits > 0; digits--)
	{
		int value = *at < end ? slm_hex_value(p->text[*at]) : -1;

		if (value < 0)
			return slm_fail(p->err, SLM_ERR_ARGUMENT,
							"an escape of the pattern lacks hexadecimal digits");
		*out = *out * 16 + (uint32_t) value;
		++*at;
	}
	if (*out == 0 || (*out >= 0xD800 && *out < 0xE000))
		return refuse(p, start, "this character");
	return SLM_OK;
}

/* [...] at *at into the set. */
static SlmStatus
read_class(Pattern *p, size_t *at, size_t end)
{
	size_t start = (*at)++;
	bool negated = *at < end && p->text[*at] == '^';
	CharPlace place = negated ? IN_NEGATED_CLASS : IN_CLASS;

	*at += negated;
	for (;;)
	{
		uint32_t lo, hi;
		bool is_class;

		if (*at == end)
			return slm_fail(p->err, SLM_ERR_ARGUMENT, "the pattern lacks a ]");
		if (p->text[*at] == ']')
			break;
		if (p->text[*at] == '[' && *at + 1 < end && p->text[*at + 1] == ':')
			return refuse(p, start, "this class");
		SLM_TRY(read_char(p, at, end, place, &lo, &is_class));
		if (is_class)
			continue;
		hi = lo;
		if (*at + 1 < end && p->text[*at] == '-' && p->text[*at + 1] != ']')
		{
			++*at;
			SLM_TRY(read_char(p, at, end, place, &hi, &is_class));
			if (is_class || hi < lo)
				return slm_fail(p->err, SLM_ERR_ARGUMENT,
								"a class of the pattern has a wrong range");
		}
		SLM_TRY(add_to_set(p, lo, hi));
	}
	++*at;
	return negated ? invert(p) : SLM_OK;
}

static void
add_set(Pattern *p, uint32_t from, uint32_t to)
{
	for (int i = 0; i < p->set.n; i++)
		slm_nfa_chars(p->nfa, from, p->set.range[i].lo, p->set.range[i].hi, to);
}

/* ---- Structure -------------------------------------------------------------------- */

/* Behind the character, class or group at `at`. */
static SlmStatus
find_atom_end(Pattern *p, size_t at, size_t end, size_t *out)
{
	int depth = 0;
	bool in_class = false;

	do
	{
		uint8_t c;

		if (at >= end)
			return slm_fail(p->err, SLM_ERR_ARGUMENT, "the pattern lacks a closing bracket");
		c = p->text[at++];
		if (c == '\\' && at < end)
		{
			/* a name that is not alone takes its digits with it */
			uint8_t digits = p->text[at] == 'x' ? 2 : p->text[at] == 'u' ? 4 : 0;

			at++;
			for (; digits > 0 && at < end && slm_hex_value(p->text[at]) >= 0; digits--)
				at++;
		}
		else if (in_class)
			in_class = c != ']';
		else if (c == '[')
			in_class = true;
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
		while (at < end && p->text[at] >= 0x80 && p->text[at] < 0xC0)
			at++;
	} while (depth > 0 || in_class);
	*out = at;
	return SLM_OK;
}

/* The | of a level in at .. end, or end. */
static SlmStatus
find_bar(Pattern *p, size_t at, size_t end, size_t *out)
{
	while (at < end && p->text[at] != '|')
		SLM_TRY(find_atom_end(p, at, end, &at));
	*out = at;
	return SLM_OK;
}

static SlmStatus
add_group(Pattern *p, size_t at, size_t end, uint32_t from, uint32_t *to)
{
	size_t inside = at + 1;

	if (inside < end && p->text[inside] == '?')
	{
		if (inside + 1 < end && p->text[inside + 1] == ':')
			inside += 2;
		else
			return refuse(p, at, "a group with (?");
	}
	if (++p->depth > SLM_MAX_PATTERN_DEPTH)
		return slm_fail(p->err, SLM_ERR_LIMIT, "the pattern exceeds the limit of %d nested groups",
						SLM_MAX_PATTERN_DEPTH);
	SLM_TRY(add_alternatives(p, inside, end - 1, from, to));
	p->depth--;
	return SLM_OK;
}

/* What stands in at .. end, once. */
static SlmStatus
add_atom(Pattern *p, size_t at, size_t end, uint32_t from, uint32_t *to)
{
	uint8_t c = p->text[at];
	bool is_class;
	uint32_t point;

	if (c == '(')
		return add_group(p, at, end, from, to);
	if (c == '^' || c == '$')
		return refuse(p, at, "an anchor here");
	if (c == '*' || c == '+' || c == '?' || c == '{' || c == '}' || c == ')')
		return slm_fail(p->err, SLM_ERR_ARGUMENT,
						"nothing to repeat or close at character %zu of the pattern", at + 1);
	p->set.n = 0;
	if (c == '[')
		SLM_TRY(read_class(p, &at, end));
	else if (c == '.')
	{
		SLM_TRY(add_to_set(p, '\n', '\n'));
		SLM_TRY(add_to_set(p, 0x2028, 0x2029));
		SLM_TRY(invert(p));
	}
	else
	{
		SLM_TRY(read_char(p, &at, end, OUTSIDE, &point, &is_class));
		if (!is_class)
			SLM_TRY(add_to_set(p, point, point));
	}
	*to = slm_nfa_state(p->nfa);
	add_set(p, from, *to);
	return SLM_OK;
}

static SlmStatus
read_number(Pattern *p, size_t *at, size_t end, uint32_t *out)
{
	size_t start = *at;

	*out = 0;
	for (; *at < end && slm_is_digit(p->text[*at]); ++*at)
	{
		*out = *out * 10 + (uint32_t) (p->text[*at] - '0');
		if (*out > SLM_MAX_PATTERN_REPEAT)
			return slm_fail(p->err, SLM_ERR_LIMIT,
							"the pattern exceeds the limit of %d repetitions",
							SLM_MAX_PATTERN_REPEAT);
	}
	if (*at == start)
		return slm_fail(p->err, SLM_ERR_ARGUMENT, "a repetition of the pattern lacks a number");
	return SLM_OK;
}

static SlmStatus
read_repeat(Pattern *p, size_t *at, size_t end, uint32_t *min, uint32_t *max)
{
	uint8_t c = *at < end ? p->text[*at] : 0;

	*min = c == '*' || c == '?' ? 0 : 1;
	*max = c == '*' || c == '+' ? ENDLESS : 1;
	if (c != '*' && c != '+' && c != '?' && c != '{')
		return SLM_OK;
	++*at;
	if (c == '{')
	{
		SLM_TRY(read_number(p, at, end, min));
		*max = *min;
		if (*at < end && p->text[*at] == ',')
		{
			++*at;
			*max = ENDLESS;
			if (*at < end && p->text[*at] != '}')
				SLM_TRY(read_number(p, at, end, max));
		}
		if (*at == end || p->text[(*at)++] != '}' || *max < *min)
			return slm_fail(p->err, SLM_ERR_ARGUMENT, "a repetition of the pattern is wrong");
	}
	*at += *at < end && p->text[*at] == '?'; /* lazy: the same strings */
	return SLM_OK;
}

static SlmStatus
add_repeated(Pattern *p, size_t at, size_t end, uint32_t min, uint32_t max, uint32_t from,
			 uint32_t *to)
{
	uint32_t out;

	for (uint32_t i = 0; i < min && !p->nfa->full; i++)
		SLM_TRY(add_atom(p, at, end, from, &from));
	out = slm_nfa_state(p->nfa);
	if (max == ENDLESS)
	{
		uint32_t loop = slm_nfa_state(p->nfa);

		slm_nfa_empty(p->nfa, from, loop);
		slm_nfa_empty(p->nfa, loop, out);
		SLM_TRY(add_atom(p, at, end, loop, &from));
		slm_nfa_empty(p->nfa, from, loop);
	}
	else
	{
		for (uint32_t i = min; i < max && !p->nfa->full; i++)
		{
			slm_nfa_empty(p->nfa, from, out);
			SLM_TRY(add_atom(p, at, end, from, &from));
		}
		slm_nfa_empty(p->nfa, from, out);
	}
	*to = out;
	return SLM_OK;
}

/* Atoms one after another. */
static SlmStatus
add_sequence(Pattern *p, size_t at, size_t end, uint32_t from, uint32_t *to)
{
	while (at < end && !p->nfa->full)
	{
		size_t behind, next;
		uint32_t min, max;

		SLM_TRY(find_atom_end(p, at, end, &behind));
		next = behind;
		SLM_TRY(read_repeat(p, &next, end, &min, &max));
		if (min == 1 && max == 1)
			SLM_TRY(add_atom(p, at, behind, from, &from));
		else
			SLM_TRY(add_repeated(p, at, behind, min, max, from, &from));
		at = next;
	}
	*to = from;
	return SLM_OK;
}

static SlmStatus
add_alternatives(Pattern *p, size_t at, size_t end, uint32_t from, uint32_t *to)
{
	uint32_t out = slm_nfa_state(p->nfa);

	for (;;)
	{
		uint32_t in = slm_nfa_state(p->nfa), last;
		size_t bar;

		SLM_TRY(find_bar(p, at, end, &bar));
		slm_nfa_empty(p->nfa, from, in);
		SLM_TRY(add_sequence(p, at, bar, in, &last));
		slm_nfa_empty(p->nfa, last, out);
		if (bar == end)
			break;
		at = bar + 1;
	}
	*to = out;
	return SLM_OK;
}

/* Any characters, which an automaton that looks for a pattern may have around it. */
static void
add_anything(Pattern *p, uint32_t at)
{
	if (p->wide)
		slm_nfa_chars(p->nfa, at, 1, 0x1F, at);
	else
		slm_nfa_chars(p->nfa, at, '\t', '\n', at);
	slm_nfa_chars(p->nfa, at, 0x20, LAST_CHAR, at);
}

static bool
ends_with_anchor(const Pattern *p, size_t at, size_t end)
{
	size_t slashes = 0;

	if (end == at || p->text[end - 1] != '$')
		return false;
	while (end - 2 - slashes >= at && end - 2 - slashes < end && p->text[end - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

static SlmStatus
check_text(const Pattern *p)
{
	if (p->size > SLM_MAX_PATTERN_BYTES)
		return slm_fail(p->err, SLM_ERR_LIMIT, "the pattern exceeds the limit of %d bytes",
						SLM_MAX_PATTERN_BYTES);
	if (slm_utf8_valid_bytes(p->text, p->size) != p->size)
		return slm_fail(p->err, SLM_ERR_ENCODING, "the pattern is not valid UTF-8");
	return SLM_OK;
}

/* Alternatives with their anchors; anchored: all of them begin where the string does. */
static SlmStatus
add_pattern(Pattern *p, bool anchored)
{
	uint32_t inside = slm_nfa_state(p->nfa);
	uint32_t close = slm_nfa_state(p->nfa);
	size_t at = 0;

	slm_nfa_edge(p->nfa, 0, '"', '"', inside);
	slm_nfa_edge(p->nfa, close, '"', '"', 1);
	p->nfa->is_char[close] = true;
	for (;;)
	{
		uint32_t from = slm_nfa_state(p->nfa), to;
		size_t bar, end;

		SLM_TRY(find_bar(p, at, p->size, &bar));
		end = bar;
		slm_nfa_empty(p->nfa, inside, from);
		if (at < end && p->text[at] == '^')
			at++;
		else if (!anchored)
			add_anything(p, from);
		if (ends_with_anchor(p, at, end))
		{
			SLM_TRY(add_sequence(p, at, end - 1, from, &to));
		}
		else
		{
			uint32_t rest = slm_nfa_state(p->nfa);

			SLM_TRY(add_sequence(p, at, end, from, &to));
			slm_nfa_empty(p->nfa, to, rest);
			add_anything(p, rest);
			to = rest;
		}
		slm_nfa_empty(p->nfa, to, close);
		if (bar == p->size)
			return SLM_OK;
		at = bar + 1;
	}
}

SlmStatus
slm_nfa_pattern(SlmNfa *nfa, SlmText pattern, bool anchored, SlmError *err)
{
	Pattern p = {
		.nfa = nfa, .err = err, .text = (const uint8_t *) pattern.data, .size = pattern.size};

	SLM_TRY(check_text(&p));
	return add_pattern(&p, anchored);
}

SlmStatus
slm_nfa_look_ahead(SlmNfa *nfa, SlmText pattern, bool negative, SlmError *err)
{
	Pattern p = {.nfa = nfa,
				 .err = err,
				 .text = (const uint8_t *) pattern.data,
				 .size = pattern.size,
				 .wide = negative};

	return add_pattern(&p, true);
}

SlmStatus
slm_pattern_look_ahead(SlmText *pattern, bool *anchored, SlmText *ahead, bool *negative,
					   SlmError *err)
{
	Pattern p = {.err = err, .text = (const uint8_t *) pattern->data, .size = pattern->size};
	size_t start = *anchored || p.size == 0 || p.text[0] != '^' ? 0 : 1, end, bar;

	SLM_TRY(check_text(&p));
	ahead->size = 0;
	if ((!*anchored && start == 0) || p.size - start < 4 || p.text[start] != '(' ||
		p.text[start + 1] != '?' || (p.text[start + 2] != '=' && p.text[start + 2] != '!'))
		return SLM_OK;
	SLM_TRY(find_bar(&p, 0, p.size, &bar));
	if (bar < p.size)
		return refuse(&p, start, "look-ahead in one of several alternatives");
	SLM_TRY(find_atom_end(&p, start, p.size, &end));
	*negative = p.text[start + 2] == '!';
	*ahead = (SlmText){pattern->data + start + 3, end - start - 4};
	if (ahead->size == 0)
		return refuse(&p, start, "look-ahead for nothing");
	*pattern = (SlmText){pattern->data + end, p.size - end};
	*anchored = true;
	return SLM_OK;
}
