/*
 * rope.c - positions as rotations of queries and keys
 */
#include "model/rope.h"

#include <math.h>
#include <string.h>

#define LN2_HIGH 0x1.62e42fefa0000p-1 /* the first bits of ln 2: n * it is exact for |n| < 2^16 */
#define LN2_LOW 0x1.cf79abc9e3b3ap-40
#define TWO_OVER_PI 0x1.45f306dc9c883p-1
#define HALF_PI_HIGH 0x1.921fb54442d18p+0
#define HALF_PI_LOW 0x1.1a62633145c07p-54

static double
bits_to_double(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* Of a positive, normal number: 2 atanh((m - 1) / (m + 1)) + e ln 2. */
static double
natural_log(double x)
{
	uint64_t bits;
	int exponent;
	double m, t, tt, sum = 0.0;

	memcpy(&bits, &x, sizeof(bits));
	exponent = (int) (bits >> 52) - 1023;
	m = bits_to_double((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
	if (m > 1.4142135623730951)
	{
		m *= 0.5;
		exponent++;
	}
	t = (m - 1.0) / (m + 1.0);
	tt = t * t;
	for (int k = 25; k >= 1; k -= 2)
		sum = sum * tt + 1.0 / k;
	return 2.0 * t * sum + (exponent * LN2_HIGH + exponent * LN2_LOW);
}

/* e^x for -700 <= x <= 0. */
static double
power_of_e(double x)
{
	double n = rint(x * 1.4426950408889634);
	double r = x - n * LN2_HIGH - n * LN2_LOW;
	double sum = 1.0;

	for (int k = 16; k >= 1; k--)
		sum = 1.0 + sum * r / k;
	return sum * bits_to_double((uint64_t) (1023 + (int) n) << 52);
}

/* Sine and cosine of 0 <= x < 2^21. */
static void
sine_cosine(double x, double *sine, double *cosine)
{
	double n = rint(x * TWO_OVER_PI);
	double r = fma(-n, HALF_PI_LOW, fma(-n, HALF_PI_HIGH, x));
	double rr = r * r, s = 1.0, c = 1.0;

	for (int k = 17; k >= 3; k -= 2)
		s = 1.0 - s * rr / (k * (k - 1));
	for (int k = 18; k >= 2; k -= 2)
		c = 1.0 - c * rr / (k * (k - 1));
	s *= r;
	switch ((int) n & 3)
	{
		case 0:
			*sine = s, *cosine = c;
			break;
		case 1:
			*sine = c, *cosine = -s;
			break;
		case 2:
			*sine = -s, *cosine = -c;
			break;
		default:
			*sine = -c, *cosine = s;
			break;
	}
}

/* What divides the frequencies, or NULL. */
static const float *
factors(const SlmModel *model, SlmRopeKind kind)
{
	if (kind == SLM_ROPE_WINDOW)
		return NULL;
	if (model->hparams.n_rope_context == 0)
		return slm_weight(model, SLM_SLOT_ROPE_FREQS, 0)->weight;
	return slm_weight(model, kind == SLM_ROPE_LONG ? SLM_SLOT_ROPE_LONG : SLM_SLOT_ROPE_SHORT, 0)
		->weight;
}

SlmStatus
slm_rope_init(SlmCompute *c, SlmRopeKind kind, int max_row, SlmRope *out, SlmError *err)
{
	const SlmHparams *h = &c->model->hparams;
	const float *freqs = factors(c->model, kind);
	bool own = kind == SLM_ROPE_WINDOW;
	double base = own ? (double) h->rope_base_window : (double) h->rope_base;
	float scale = own ? 1.0f : h->rope_scale;
	size_t n = h->n_rope / 2;

	out->n_pair = (int) n;
	out->factor = h->rope_attention;
	if (n == 0)
		return SLM_OK;
	SLM_TRY(SLM_NEW_ARRAY(c->arena, n, &out->step, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) max_row * n, &out->cosine, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, (size_t) max_row * n, &out->sine, err));
	for (size_t i = 0; i < n; i++)
	{
		double share = 2.0 * (double) i / (double) h->n_rope;

		out->step[i] = (float) power_of_e(-share * natural_log(base)) / scale;
		if (freqs != NULL)
			out->step[i] = out->step[i] / freqs[i];
	}
	return slm_spend(c, (int64_t) n * SLM_COST_EXP, err);
}

SlmStatus
slm_rope_set(SlmCompute *c, SlmRope *rope, int row, int position, SlmError *err)
{
	size_t at = (size_t) row * (size_t) rope->n_pair;

	for (int i = 0; i < rope->n_pair; i++)
	{
		float angle = (float) position * rope->step[i];
		double sine, cosine;

		if (!(angle >= 0.0f && angle < 0x1p21f))
			return slm_fail(err, SLM_ERR_CORRUPT,
							"model gives an angle of %g at position %d, over the limit of %g",
							(double) angle, position, 0x1p21);
		sine_cosine((double) angle, &sine, &cosine);
		rope->sine[at + (size_t) i] = (float) sine * rope->factor;
		rope->cosine[at + (size_t) i] = (float) cosine * rope->factor;
	}
	return slm_spend(c, (int64_t) rope->n_pair * 2 * SLM_COST_EXP, err);
}

/* Pairs x[first + i * step] and x[second + i * step]. */
static void
turn(float *a, float *b, int step, int n, const float *cosine, const float *sine)
{
	for (int i = 0; i < n; i++)
	{
		float x = a[i * step], y = b[i * step];

		a[i * step] = x * cosine[i] - y * sine[i];
		b[i * step] = x * sine[i] + y * cosine[i];
	}
}

void
slm_rope_turn(const SlmCompute *c, const SlmRope *rope, int row, float *x, int n_head)
{
	size_t at = (size_t) row * (size_t) rope->n_pair;
	const float *cosine = rope->cosine + at, *sine = rope->sine + at;

	for (int head = 0; head < n_head; head++, x += c->model->hparams.n_head_dim)
		switch (c->model->arch->position)
		{
			case SLM_POSITION_LEARNED:
			case SLM_POSITION_NONE:
				break;
			case SLM_POSITION_ROPE_NEIGHBOURS:
				turn(x, x + 1, 2, rope->n_pair, cosine, sine);
				break;
			case SLM_POSITION_ROPE_HALVES:
				turn(x, x + rope->n_pair, 1, rope->n_pair, cosine, sine);
				break;
		}
}
