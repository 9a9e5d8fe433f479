/*
 * decimal.c - decimal numbers as they are written, of any length
 */
#include "task/decimal.h"

/* Sign, digits before the point without leading zeros, digits behind it without trailing ones. */
typedef struct Decimal
{
	bool negative;
	SlmText whole, fraction;
} Decimal;

static Decimal
take_apart(SlmText text)
{
	Decimal d = {0};
	const char *point;

	if (text.size > 0 && text.data[0] == '-')
	{
		d.negative = true;
		text.data++;
		text.size--;
	}
	point = text.size > 0 ? memchr(text.data, '.', text.size) : NULL;
	d.whole = text;
	if (point != NULL)
	{
		d.whole.size = (size_t) (point - text.data);
		d.fraction = (SlmText){point + 1, text.size - d.whole.size - 1};
	}
	while (d.whole.size > 0 && d.whole.data[0] == '0')
	{
		d.whole.data++;
		d.whole.size--;
	}
	while (d.fraction.size > 0 && d.fraction.data[d.fraction.size - 1] == '0')
		d.fraction.size--;
	if (d.whole.size + d.fraction.size == 0)
		d.negative = false;
	return d;
}

int
slm_decimal_compare(SlmText a, SlmText b)
{
	Decimal x = take_apart(a), y = take_apart(b);
	int order;

	if (x.negative != y.negative)
		return x.negative ? -1 : 1;
	if (x.whole.size != y.whole.size)
		order = x.whole.size < y.whole.size ? -1 : 1;
	else
	{
		order = x.whole.size > 0 ? memcmp(x.whole.data, y.whole.data, x.whole.size) : 0;
		if (order == 0 && x.fraction.size > 0 && y.fraction.size > 0)
			order = slm_text_compare(x.fraction, y.fraction);
		else if (order == 0)
			order = (x.fraction.size > 0) - (y.fraction.size > 0);
	}
	return x.negative ? -order : order;
}
