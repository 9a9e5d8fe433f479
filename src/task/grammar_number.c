/*
 * grammar_number.c - decimal numbers between two limits, as an automaton
 *
 * Numbers are taken as whole multiples of 10^-SLM_GRAMMAR_FRACTION, integers of
 * 1, limits rounded into the range.  For each count of digits before the point a
 * chain of states goes through the digits, with two facts beside each place: are
 * the digits so far those of the lower limit, those of the upper one?  Digits that
 * are not written are zeros.
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

/* From a state, which is not the start, the numbers of r, to state 1. */
static void
add_range(SlmNfa *nfa, uint32_t from, const Range *r)
{
	/* [is the lower limit's][is the upper limit's], 0: not there */
	uint32_t now[2][2] = {{0}}, next[2][2];

	now[1][1] = from;
	for (int i = 0; i < r->n; i++)
	{
		if (i == r->before)
			for (int both = 0; both < 4; both++)
			{
				uint32_t *state = &now[both >> 1][both & 1];
				uint32_t behind;

				if (*state == 0)
					continue;
				behind = slm_nfa_state(nfa);
				slm_nfa_edge(nfa, *state, '.', '.', behind);
				*state = behind;
			}
		memset(next, 0, sizeof(next));
		for (int both = 0; both < 4; both++)
		{
			bool low = both >> 1, high = both & 1;
			int first = low ? r->lo[i] : 0;
			int last = high ? r->hi[i] : 9;

			if (now[low][high] == 0)
				continue;
			if (i == 0 && r->before > 1 && first == 0)
				first = 1;
			for (int digit = first; digit <= last; digit++)
			{
				bool still_low = low && digit == r->lo[i];
				bool still_high = high && digit == r->hi[i];
				uint32_t *to = &next[still_low][still_high];

				if (*to == 0)
					*to = slm_nfa_state(nfa);
				slm_nfa_edge(nfa, now[low][high], (uint8_t) ('0' + digit), (uint8_t) ('0' + digit),
							 *to);
			}
		}
		memcpy(now, next, sizeof(now));
		for (int both = 0; both < 4; both++)
			if (i >= r->before - 1 && now[both >> 1][both & 1] != 0 &&
				(both >> 1 == 0 || all_zeros(r->lo, i + 1, r->n)))
				slm_nfa_empty(nfa, now[both >> 1][both & 1], 1);
	}
}

/* Magnitudes from lo to hi, 0 <= lo. */
static void
add_magnitudes(SlmNfa *nfa, uint32_t from, Wide lo, Wide hi, int fraction)
{
	for (int before = 1; before <= SLM_MAX_GRAMMAR_DIGITS; before++)
	{
		Wide least = before == 1 ? 0 : power_of_ten(before - 1 + fraction);
		Wide most = power_of_ten(before + fraction) - 1;
		Range r = {.before = before, .n = before + fraction};

		if (least < lo)
			least = lo;
		if (most > hi)
			most = hi;
		if (least > most)
			continue;
		write_digits(least, r.n, r.lo);
		write_digits(most, r.n, r.hi);
		add_range(nfa, from, &r);
	}
}

SlmStatus
slm_nfa_number(SlmNfa *nfa, const SlmNumberLimits *limits, bool *any, SlmError *err)
{
	int fraction = limits->is_integer ? 0 : SLM_GRAMMAR_FRACTION;
	Wide usual = power_of_ten(SLM_GRAMMAR_DIGITS + fraction) - 1;
	Wide most = power_of_ten(SLM_MAX_GRAMMAR_DIGITS + fraction) - 1;
	Wide lo = -usual, hi = usual;

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
		add_magnitudes(nfa, behind, lo > 0 ? lo : 0, hi, fraction);
	}
	if (lo < 0)
	{
		uint32_t behind = slm_nfa_state(nfa);

		slm_nfa_edge(nfa, 0, '-', '-', behind);
		add_magnitudes(nfa, behind, hi < 0 ? -hi : 1, -lo, fraction);
	}
	return SLM_OK;
}
