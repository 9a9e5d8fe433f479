/*
 * grammar_number.c - decimal numbers between two limits, as an automaton
 *
 * Numbers are taken as whole multiples of 10^-SLM_GRAMMAR_FRACTION, integers of
 * 1, limits rounded into the range.  For each count of digits before the point a
 * chain of states goes through the digits, with three facts beside each place: are
 * the digits so far those of the lower limit, those of the upper one, and what do
 * they leave when they are divided by the number that all are multiples of?  That
 * is 1 without multipleOf; with it the digits behind the point are as many as it
 * has.  Digits that are not written are zeros.
 */
#include "base/ascii.h"
#include "base/limits.h"
#include "task/grammar_impl.h"

#define MAX_DIGITS (SLM_MAX_GRAMMAR_DIGITS + SLM_GRAMMAR_FRACTION)

typedef __int128 Wide;

typedef struct Range
{
	int before; /* digits before the point */
	int n;      /* all digits */
	uint8_t lo[MAX_DIGITS], hi[MAX_DIGITS];
	uint32_t multiple;
	uint32_t *now, *next; /* [4 * multiple] states at a place, see at_place() */
} Range;

static Wide
power_of_ten(int n)
{
	Wide power = 1;

	while (n-- > 0)
		power *= 10;
	return power;
}

/*
 * A limit as a multiple of 10^-fraction: the next one towards the range, when the
 * limit is none or is excluded.  upward: it is a lower limit.
 */
static SlmStatus
read_limit(SlmText text, int fraction, bool upward, bool excluded, Wide *out, SlmError *err)
{
	bool negative = text.size > 0 && text.data[0] == '-';
	bool rest = false;
	int n_before = 0, n_behind = -1;
	Wide value = 0;

	for (size_t i = negative; i < text.size; i++)
	{
		char c = text.data[i];

		if (c == '.' && n_behind < 0)
			n_behind = 0;
		else if (!slm_is_digit((uint8_t) c))
			return slm_fail(err, SLM_ERR_ARGUMENT, "a limit is not a decimal number");
		else if (n_behind < 0)
		{
			n_before += n_before > 0 || c != '0';
			if (n_before > SLM_MAX_GRAMMAR_DIGITS)
				return slm_fail(err, SLM_ERR_LIMIT,
								"a minimum or maximum exceeds the limit of %d digits",
								SLM_MAX_GRAMMAR_DIGITS);
			value = value * 10 + (c - '0');
		}
		else if (n_behind < fraction)
		{
			n_behind++;
			value = value * 10 + (c - '0');
		}
		else
			rest = rest || c != '0';
	}
	value *= power_of_ten(fraction - (n_behind < 0 ? 0 : n_behind));
	if (negative)
		value = -value;
	if (rest && upward != negative)
		value += upward ? 1 : -1;
	else if (!rest && excluded)
		value += upward ? 1 : -1;
	*out = value;
	return SLM_OK;
}

static void
write_digits(Wide value, int n, uint8_t *out)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		out[i] = (uint8_t) (value % 10);
}

static bool
all_zeros(const uint8_t *digit, int from, int n)
{
	for (int i = from; i < n; i++)
		if (digit[i] != 0)
			return false;
	return true;
}

/* The state of a place where the digits so far are those of a limit, or not, and leave a rest. */
static uint32_t *
at_place(uint32_t *states, const Range *r, bool low, bool high, uint32_t rest)
{
	return &states[(uint32_t) (2 * low + high) * r->multiple + rest];
}

/* All states of a place go on with a point. */
static void
add_point(SlmNfa *nfa, Range *r)
{
	for (uint32_t i = 0; i < 4 * r->multiple; i++)
	{
		uint32_t behind;

		if (r->now[i] == 0)
			continue;
		behind = slm_nfa_state(nfa);
		slm_nfa_edge(nfa, r->now[i], '.', '.', behind);
		r->now[i] = behind;
	}
}

/* A state of place i goes on with each digit that may follow. */
static void
add_digits(SlmNfa *nfa, Range *r, int i, bool low, bool high, uint32_t rest)
{
	int first = low ? r->lo[i] : 0;
	int last = high ? r->hi[i] : 9;

	if (i == 0 && r->before > 1 && first == 0)
		first = 1;
	for (int digit = first; digit <= last; digit++)
	{
		uint32_t *to = at_place(r->next, r, low && digit == r->lo[i], high && digit == r->hi[i],
								(rest * 10 + (uint32_t) digit) % r->multiple);

		if (*to == 0)
			*to = slm_nfa_state(nfa);
		slm_nfa_edge(nfa, *at_place(r->now, r, low, high, rest), (uint8_t) ('0' + digit),
					 (uint8_t) ('0' + digit), *to);
	}
}

/* Is what leaves this rest a multiple with n zeros behind it? */
static bool
is_multiple(const Range *r, uint32_t rest, int n)
{
	while (n-- > 0)
		rest = rest * 10 % r->multiple;
	return rest == 0;
}

/* From a state, which is not the start, the numbers of r, to state 1. */
static void
add_range(SlmNfa *nfa, uint32_t from, Range *r)
{
	size_t n_state = 4 * (size_t) r->multiple;

	memset(r->now, 0, n_state * sizeof(*r->now));
	*at_place(r->now, r, true, true, 0) = from;
	for (int i = 0; i < r->n; i++)
	{
		uint32_t *swap = r->now;

		if (i == r->before)
			add_point(nfa, r);
		memset(r->next, 0, n_state * sizeof(*r->next));
		for (uint32_t at = 0; at < n_state; at++)
			if (r->now[at] != 0)
				add_digits(nfa, r, i, at / (2 * r->multiple) != 0, at / r->multiple % 2 != 0,
						   at % r->multiple);
		r->now = r->next;
		r->next = swap;
		for (uint32_t at = 0; i >= r->before - 1 && at < n_state; at++)
			if (r->now[at] != 0 && is_multiple(r, at % r->multiple, r->n - 1 - i) &&
				(at / (2 * r->multiple) == 0 || all_zeros(r->lo, i + 1, r->n)))
				slm_nfa_empty(nfa, r->now[at], 1);
	}
}

/* Magnitudes from lo to hi, 0 <= lo. */
static void
add_magnitudes(SlmNfa *nfa, uint32_t from, Wide lo, Wide hi, int fraction, Range *r)
{
	for (int before = 1; before <= SLM_MAX_GRAMMAR_DIGITS; before++)
	{
		Wide least = before == 1 ? 0 : power_of_ten(before - 1 + fraction);
		Wide most = power_of_ten(before + fraction) - 1;

		if (least < lo)
			least = lo;
		if (most > hi)
			most = hi;
		if (least > most)
			continue;
		r->before = before;
		r->n = before + fraction;
		write_digits(least, r->n, r->lo);
		write_digits(most, r->n, r->hi);
		add_range(nfa, from, r);
	}
}

/* What all numbers are multiples of, in units of 10^-*fraction, which becomes that of multipleOf. */
static SlmStatus
read_multiple(const SlmNumberLimits *limits, int *fraction, uint32_t *out, SlmError *err)
{
	SlmText text = limits->multiple_of;
	int n_behind = -1;

	*out = text.size == 0 ? 1 : 0;
	for (size_t i = 0; i < text.size; i++)
	{
		if (text.data[i] == '.')
			n_behind = 0;
		else if (!slm_is_digit((uint8_t) text.data[i]))
			return slm_fail(err, SLM_ERR_ARGUMENT, "multipleOf must be above 0");
		else
		{
			n_behind += n_behind >= 0;
			*out = *out * 10 + (uint32_t) (text.data[i] - '0');
		}
		if (*out > SLM_MAX_GRAMMAR_MULTIPLE || n_behind > SLM_GRAMMAR_FRACTION)
			return slm_fail(err, SLM_ERR_LIMIT,
							"multipleOf exceeds the limit of %d, or of %d digits behind the point",
							SLM_MAX_GRAMMAR_MULTIPLE, SLM_GRAMMAR_FRACTION);
	}
	if (*out == 0)
		return slm_fail(err, SLM_ERR_ARGUMENT, "multipleOf must be above 0");
	for (; n_behind > 0 && (limits->is_integer || *out % 10 == 0); n_behind--)
	{
		/* of an integer the digits behind the point are zeros: they bring these factors */
		if (*out % 2 == 0)
			*out /= 2;
		if (*out % 5 == 0)
			*out /= 5;
	}
	if (text.size > 0)
		*fraction = n_behind > 0 ? n_behind : 0;
	return SLM_OK;
}

SlmStatus
slm_nfa_number(SlmNfa *nfa, const SlmNumberLimits *limits, bool *any, SlmError *err)
{
	int fraction = limits->is_integer ? 0 : SLM_GRAMMAR_FRACTION;
	Wide usual, most, lo, hi;
	Range range = {0};

	SLM_TRY(read_multiple(limits, &fraction, &range.multiple, err));
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, 4 * (size_t) range.multiple, &range.now, err));
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, 4 * (size_t) range.multiple, &range.next, err));
	usual = power_of_ten(SLM_GRAMMAR_DIGITS + fraction) - 1;
	most = power_of_ten(SLM_MAX_GRAMMAR_DIGITS + fraction) - 1;
	lo = -usual;
	hi = usual;
	if (limits->minimum.size > 0)
		SLM_TRY(read_limit(limits->minimum, fraction, true, limits->excludes_minimum, &lo, err));
	if (limits->maximum.size > 0)
		SLM_TRY(read_limit(limits->maximum, fraction, false, limits->excludes_maximum, &hi, err));
	if (lo > hi && limits->maximum.size == 0)
		hi = most;
	if (lo > hi && limits->minimum.size == 0)
		lo = -most;
	*any = lo <= hi && lo <= most && hi >= -most;
	if (!*any)
		return SLM_OK;
	if (hi >= 0)
	{
		uint32_t behind = slm_nfa_state(nfa);

		slm_nfa_empty(nfa, 0, behind);
		add_magnitudes(nfa, behind, lo > 0 ? lo : 0, hi, fraction, &range);
	}
	if (lo < 0)
	{
		uint32_t behind = slm_nfa_state(nfa);

		slm_nfa_edge(nfa, 0, '-', '-', behind);
		add_magnitudes(nfa, behind, hi < 0 ? -hi : 1, -lo, fraction, &range);
	}
	return SLM_OK;
}
