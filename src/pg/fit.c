/*
 * fit.c - a linear head fitted to rows that carry their labels
 *
 * Linear discriminant analysis with two kinds of shrinkage.  A row x is a text's embedding
 * and, behind it, its bag of tokens; rows are centred;
 * label k has n_k rows, of mean m_k and own share of the within-label scatter S:
 *
 *   A = S + lambda I            the metric: great lambda, plain distance; small, whitened
 *   c_k = (n_k m_k + gamma t_k) / (n_k + gamma)
 *   score_k(x) = c_k' A^-1 x - 1/2 c_k' A^-1 c_k
 *
 * t_k is what the label's text says (slm_task_head_priors()), centred over the labels: it
 * counts as gamma rows.  With 8 rows a label that decides, with a thousand it
 * hardly matters.
 *
 * What the head would say of a row of label k had it been fitted without that
 * row needs no second fit.  Without it A is A - a u u' with u = x - m_k and
 * a = n_k / (n_k - 1), so its inverse differs by a rank one (Sherman and
 * Morrison), and c_k becomes (N c_k - x) / (N - 1) with N = n_k + gamma.  On these
 * scores lambda and gamma are chosen, confidences calibrated and the accuracy
 * counted, so that nothing is judged by rows it has learned from.  Choosing:
 * the least log loss at the best temperature, plus a weak preference (a
 * log-normal prior) for middling values, which few rows cannot overrule by
 * chance and many can.  By the same measure bags are read, or left aside.
 *
 * Rows are converted to double precision and centred in blocks.  One call of
 * OpenBLAS is about MACS_PER_CALL of work, because it cannot be interrupted.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "pg/blas.h"
#include "pg/fit.h"
#include "pg/pg_compat.h"

#define MACS_PER_CALL 4000000
#define PANEL 64 /* columns of the factor made at a time */
#define LABELS_A_CALL 256
#define MAX_STEP_ROWS 256

/* Rows on which lambda and gamma are chosen. */
#define MIN_EVAL_ROWS 256
#define MAX_EVAL_ROWS 8192
#define MAX_EVAL_CELLS 500000 /* rows x labels, but for MIN_EVAL_ROWS */

/* The grid, in powers of two, and where the preference has its middle and its width. */
#define LAMBDA_FIRST (-5)
#define LAMBDA_STEP 2
#define N_LAMBDA 7
#define LAMBDA_MIDDLE 2.0
#define LAMBDA_WIDTH 1.5
#define GAMMA_FIRST (-2)
#define N_GAMMA 7
#define GAMMA_MIDDLE 1.5
#define GAMMA_WIDTH 0.7
#define BAG_PREFERENCE 2.0 /* for no bags, likewise */

#define MAX_NEWTON_STEPS 40
#define MIN_SHARPNESS 1e-4
#define MAX_SHARPNESS 1e6

/* Products of one row in the metric: x centred, u = x - mean of its label. */
typedef struct Forms
{
	double xx; /* x' A^-1 x */
	double xu;
	double uu;
} Forms;

typedef struct Fit
{
	const SlmFitInput *in;
	const SlmBlas *blas;
	int n, n_word, d, k;
	int step_rows;     /* rows of one call that costs d * d a row */
	int *count;        /* [k] rows of a label */
	double *log_share; /* [k] of count in n */
	double *mean;      /* [d] of all rows */
	double *own_mean;  /* [k][d] of a label's rows, centred */
	double *text;      /* [k][d] of the labels, centred over them */
	double *scatter;   /* [d][d] S, lower triangle */
	double *factor;    /* [d][d] Cholesky factor of A, lower triangle */
	double *by_mean;   /* [k][d] A^-1 own_mean */
	double *by_text;   /* [k][d] A^-1 text */
	double *norm;      /* [3][k] mean' A^-1 mean, mean' A^-1 text, text' A^-1 text */
	double *x, *u;     /* [step_rows][d] the block: rows, and rows minus their label's mean */
	float *bag;        /* [n_word] of the row that is read */

	/* The rows on which lambda and gamma are chosen. */
	int n_eval;
	int *eval;                         /* [n_eval] */
	double *x_by_mean, *x_by_text;     /* [n_eval][k] */
	double *u_by_mean, *u_by_text;     /* [n_eval][k] */
	Forms *forms;                      /* [n_eval] */
	double *score;                     /* [n_eval][k] leave-one-out */
	double *centre_norm, *x_by, *u_by; /* [k] of the mixed centres c */
	double sharpness;                  /* inverse temperature: where the last search ended */
} Fit;

static int
rows_a_step(int d)
{
	return Max(4, Min(MAX_STEP_ROWS, MACS_PER_CALL / d / d));
}

static int
eval_rows(int n, int k)
{
	return Min(n, Max(MIN_EVAL_ROWS, Min(MAX_EVAL_ROWS, MAX_EVAL_CELLS / k)));
}

Size
slm_fit_bytes(int n_row, int width, int n_label)
{
	Size d = width, k = n_label, n_eval = eval_rows(n_row, n_label), step = rows_a_step(width);
	Size n_double = 2 * d * d + 5 * k * d + 2 * step * (d + k) + n_eval * (5 * k + 4) + 10 * k + d;

	return n_double * sizeof(double);
}

/* ---- Rows ------------------------------------------------------------------ */

/* x = row at, as it is. */
static void
read_row(Fit *fit, int at, double *x)
{
	const SlmFitInput *in = fit->in;

	for (int j = 0; j < in->n_embd; j++)
		x[j] = in->row[at][j];
	if (fit->n_word == 0)
		return;
	in->bag(in->arg, at, fit->bag);
	for (int j = 0; j < fit->n_word; j++)
		x[in->n_embd + j] = fit->bag[j];
}

/* [d] of a label's text. */
static const float *
prior_of(const Fit *fit, int label)
{
	return fit->in->prior + (Size) label * (fit->in->n_embd + fit->in->n_word);
}

/* x and u of the rows index[first] .. (first .. without an index). */
static void
load_block(Fit *fit, const int *index, int first, int n)
{
	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < n; i++)
	{
		int at = index != NULL ? index[first + i] : first + i;
		const double *own_mean = fit->own_mean + (Size) fit->in->label[at] * fit->d;
		double *x = fit->x + (Size) i * fit->d;
		double *u = fit->u + (Size) i * fit->d;

		read_row(fit, at, x);
		for (int j = 0; j < fit->d; j++)
		{
			x[j] -= fit->mean[j];
			u[j] = x[j] - own_mean[j];
		}
	}
}

/* Counts, means and the scatter; the centred texts. */
static void
gather(Fit *fit)
{
	double *middle = palloc0_array(double, fit->d); /* of the texts */

	for (int i = 0; i < fit->n; i++)
	{
		double *own_mean = fit->own_mean + (Size) fit->in->label[i] * fit->d;

		if (i % MAX_STEP_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		fit->count[fit->in->label[i]]++;
		read_row(fit, i, fit->x);
		for (int j = 0; j < fit->d; j++)
		{
			fit->mean[j] += fit->x[j] / fit->n;
			own_mean[j] += fit->x[j];
		}
	}
	for (int i = 0; i < fit->k; i++)
	{
		const float *prior = prior_of(fit, i);
		double *own_mean = fit->own_mean + (Size) i * fit->d;

		CHECK_FOR_INTERRUPTS();
		fit->log_share[i] = log((double) fit->count[i] / fit->n);
		for (int j = 0; j < fit->d; j++)
		{
			own_mean[j] = own_mean[j] / fit->count[i] - fit->mean[j];
			middle[j] += prior[j] / fit->k;
		}
	}
	for (int i = 0; i < fit->k; i++)
	{
		const float *prior = prior_of(fit, i);
		double *text = fit->text + (Size) i * fit->d;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < fit->d; j++)
			text[j] = prior[j] - middle[j];
	}
	pfree(middle);

	for (int first = 0; first < fit->n; first += fit->step_rows)
	{
		int n = Min(fit->step_rows, fit->n - first);

		load_block(fit, NULL, first, n);
		fit->blas->syrk_tn(fit->d, n, fit->u, fit->d, fit->scatter, fit->d);
	}
}

/* ---- Weights --------------------------------------------------------------- */

/*
 * factor = the Cholesky factor of S + lambda I, a panel of columns at a time:
 * what the columns to its left have to say, then its own block, then the rows
 * below that.
 */
static void
factorize(Fit *fit, double lambda)
{
	int d = fit->d;

	memcpy(fit->factor, fit->scatter, sizeof(double) * d * d);
	for (int i = 0; i < d; i++)
		fit->factor[(Size) i * d + i] += lambda;
	for (int first = 0; first < d; first += PANEL)
	{
		int width = Min(PANEL, d - first);
		int below = first + width;
		double *left = fit->factor + (Size) first * d;
		double *diagonal = left + first;

		CHECK_FOR_INTERRUPTS();
		if (first > 0)
			fit->blas->gemm_nt(d - first, width, first, -1.0, left, d, left, d, 1.0, diagonal, d);
		if (!fit->blas->cholesky(width, diagonal, d))
			elog(ERROR, "matrix of embeddings is not positive definite");
		CHECK_FOR_INTERRUPTS();
		if (below < d)
			fit->blas->solve_lt(d - below, width, diagonal, d,
								fit->factor + (Size) below * d + first, d);
	}
}

/* A^-1 of each of the k rows of x, in place. */
static void
solve(Fit *fit, double *x)
{
	for (int first = 0; first < fit->k; first += fit->step_rows)
	{
		int n = Min(fit->step_rows, fit->k - first);
		double *rows = x + (Size) first * fit->d;

		CHECK_FOR_INTERRUPTS();
		fit->blas->solve_lt(n, fit->d, fit->factor, fit->d, rows, fit->d);
		CHECK_FOR_INTERRUPTS();
		fit->blas->solve_l(n, fit->d, fit->factor, fit->d, rows, fit->d);
	}
}

static double
dot(const double *a, const double *b, int n)
{
	double sum = 0.0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Makes the metric of a lambda and what the centres are mixed of. */
static void
set_metric(Fit *fit, double lambda)
{
	Size wide = (Size) fit->k * fit->d;

	factorize(fit, lambda);
	memcpy(fit->by_mean, fit->own_mean, wide * sizeof(double));
	memcpy(fit->by_text, fit->text, wide * sizeof(double));
	solve(fit, fit->by_mean);
	solve(fit, fit->by_text);
	for (int j = 0; j < fit->k; j++)
	{
		Size at = (Size) j * fit->d;

		CHECK_FOR_INTERRUPTS();
		fit->norm[j] = dot(fit->own_mean + at, fit->by_mean + at, fit->d);
		fit->norm[fit->k + j] = dot(fit->own_mean + at, fit->by_text + at, fit->d);
		fit->norm[2 * fit->k + j] = dot(fit->text + at, fit->by_text + at, fit->d);
	}
}

/* The shares of own mean and text in the centre of a label. */
static void
shares(const Fit *fit, int label, double gamma, double *of_mean, double *of_text)
{
	*of_mean = fit->count[label] / (fit->count[label] + gamma);
	*of_text = 1.0 - *of_mean;
}

/* centre_norm = c' A^-1 c of each label. */
static void
set_centres(Fit *fit, double gamma)
{
	for (int j = 0; j < fit->k; j++)
	{
		double a, b;

		shares(fit, j, gamma, &a, &b);
		fit->centre_norm[j] = a * a * fit->norm[j] + 2.0 * a * b * fit->norm[fit->k + j] +
							  b * b * fit->norm[2 * fit->k + j];
	}
}

/* out[i][k] = the block's rows times the rows of weight. */
static void
multiply_block(Fit *fit, const double *rows, int n, const double *weight, double *out)
{
	for (int first = 0; first < fit->k; first += LABELS_A_CALL)
	{
		CHECK_FOR_INTERRUPTS();
		fit->blas->gemm_nt(n, Min(LABELS_A_CALL, fit->k - first), fit->d, 1.0, rows, fit->d,
						   weight + (Size) first * fit->d, fit->d, 0.0, out + first, fit->k);
	}
}

/* The forms of the block's rows, which are overwritten. */
static void
measure_block(Fit *fit, int n, Forms *forms)
{
	CHECK_FOR_INTERRUPTS();
	fit->blas->solve_lt(n, fit->d, fit->factor, fit->d, fit->x, fit->d);
	CHECK_FOR_INTERRUPTS();
	fit->blas->solve_lt(n, fit->d, fit->factor, fit->d, fit->u, fit->d);
	for (int i = 0; i < n; i++)
	{
		const double *x = fit->x + (Size) i * fit->d;
		const double *u = fit->u + (Size) i * fit->d;

		forms[i].xx = dot(x, x, fit->d);
		forms[i].xu = dot(x, u, fit->d);
		forms[i].uu = dot(u, u, fit->d);
	}
}

/*
 * score[k] of a row by the head fitted without it; x_by and u_by [k] are its x
 * and u times A^-1 c.
 */
static void
leave_out(const Fit *fit, int label, double gamma, const Forms *forms, const double *x_by,
		  const double *u_by, double *score)
{
	double n = fit->count[label] + gamma;
	double grow = 0.0; /* of the rank one; a label's only row has u = 0 */
	double own_x, own_c, xx;

	if (fit->count[label] > 1)
	{
		double a = fit->count[label] / (fit->count[label] - 1.0);

		grow = a / (1.0 - a * forms->uu);
	}
	for (int j = 0; j < fit->k; j++)
		score[j] = x_by[j] + grow * u_by[j] * forms->xu -
				   0.5 * (fit->centre_norm[j] + grow * u_by[j] * u_by[j]);

	own_x = x_by[label] + grow * u_by[label] * forms->xu;
	own_c = fit->centre_norm[label] + grow * u_by[label] * u_by[label];
	xx = forms->xx + grow * forms->xu * forms->xu;
	score[label] = (n * own_x - xx) / (n - 1.0) -
				   0.5 * (n * n * own_c - 2.0 * n * own_x + xx) / ((n - 1.0) * (n - 1.0));
}

static int
best_of(const double *score, int n)
{
	int best = 0;

	for (int j = 1; j < n; j++)
		if (score[j] > score[best])
			best = j;
	return best;
}

/* ---- Choosing -------------------------------------------------------------- */

/*
 * Log loss of softmax(sharpness * score + log_share) over the rows, and its
 * first two derivatives.  Labels are smoothed by one row in n + 1, so that rows
 * that are all judged rightly do not ask for infinite sharpness.
 */
static double
log_loss(const Fit *fit, double sharpness, double *slope, double *curvature)
{
	double smooth = 1.0 / (fit->n + 1);
	double loss = 0.0;

	*slope = *curvature = 0.0;
	for (int i = 0; i < fit->n_eval; i++)
	{
		const double *score = fit->score + (Size) i * fit->k;
		double own = score[fit->in->label[fit->eval[i]]];
		double own_share = fit->log_share[fit->in->label[fit->eval[i]]];
		double top = 0.0, sum = 0.0, first = 0.0, second = 0.0, plain = 0.0, plain_share = 0.0;

		/* Everything relative to the row's own label. */
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < fit->k; j++)
			top = Max(top, sharpness * (score[j] - own) + fit->log_share[j] - own_share);
		for (int j = 0; j < fit->k; j++)
		{
			double x = score[j] - own;
			double p = exp(sharpness * x + fit->log_share[j] - own_share - top);

			sum += p;
			first += p * x;
			second += p * x * x;
			plain += x / fit->k;
			plain_share += (fit->log_share[j] - own_share) / fit->k;
		}
		first /= sum;
		loss += log(sum) + top - smooth * (sharpness * plain + plain_share);
		*slope += first - smooth * plain;
		*curvature += second / sum - first * first;
	}
	return loss;
}

/* The least log loss over all temperatures; a convex function, so Newton's steps find it. */
static double
best_sharpness(Fit *fit)
{
	double sharpness = fit->sharpness;
	double loss = 0.0, slope, curvature;

	for (int i = 0; i < MAX_NEWTON_STEPS; i++)
	{
		double next;

		loss = log_loss(fit, sharpness, &slope, &curvature);
		next = sharpness - slope / Max(curvature, DBL_MIN);
		next = Min(Max(next, sharpness / 3.0), sharpness * 3.0);
		next = Min(Max(next, MIN_SHARPNESS), MAX_SHARPNESS);
		if (fabs(next - sharpness) <= 1e-3 * sharpness)
			break;
		sharpness = next;
	}
	fit->sharpness = sharpness;
	return loss;
}

static double
preference(int power, double middle, double width)
{
	double off = (power - middle) / width;

	return off * off / 2.0;
}

/* What leave_eval_rows_out() needs to know of the chosen rows in the metric. */
static void
measure_eval_rows(Fit *fit)
{
	for (int first = 0; first < fit->n_eval; first += fit->step_rows)
	{
		int n = Min(fit->step_rows, fit->n_eval - first);
		Size at = (Size) first * fit->k;

		load_block(fit, fit->eval, first, n);
		multiply_block(fit, fit->x, n, fit->by_mean, fit->x_by_mean + at);
		multiply_block(fit, fit->x, n, fit->by_text, fit->x_by_text + at);
		multiply_block(fit, fit->u, n, fit->by_mean, fit->u_by_mean + at);
		multiply_block(fit, fit->u, n, fit->by_text, fit->u_by_text + at);
		measure_block(fit, n, fit->forms + first);
	}
}

/* score = leave-one-out scores of the chosen rows with that gamma. */
static void
leave_eval_rows_out(Fit *fit, double gamma)
{
	set_centres(fit, gamma);
	for (int i = 0; i < fit->n_eval; i++)
	{
		Size at = (Size) i * fit->k;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < fit->k; j++)
		{
			double a, b;

			shares(fit, j, gamma, &a, &b);
			fit->x_by[j] = a * fit->x_by_mean[at + j] + b * fit->x_by_text[at + j];
			fit->u_by[j] = a * fit->u_by_mean[at + j] + b * fit->u_by_text[at + j];
		}
		leave_out(fit, fit->in->label[fit->eval[i]], gamma, &fit->forms[i], fit->x_by, fit->u_by,
				  fit->score + at);
	}
}

/* Fits are made without the bags, then with them, where there are any; each has a step for each lambda, and one. */
static void
tell(const Fit *fit, int step)
{
	int n_step = N_LAMBDA + 1, before = fit->n_word > 0 ? n_step : 0;

	fit->in->progress(fit->in->arg, before + step + 1, fit->in->n_word > 0 ? 2 * n_step : n_step);
}

/* Finds lambda and gamma; leaves the metric, the centres and the scores of that pair, and their loss. */
static double
choose(Fit *fit, double *least)
{
	double best = DBL_MAX;
	int best_lambda = 0, best_gamma = 0;

	for (int l = 0; l < N_LAMBDA; l++)
	{
		int lambda = LAMBDA_FIRST + l * LAMBDA_STEP;

		tell(fit, l);
		set_metric(fit, ldexp(1.0, lambda));
		measure_eval_rows(fit);
		for (int g = 0; g < N_GAMMA; g++)
		{
			double loss;

			leave_eval_rows_out(fit, ldexp(1.0, GAMMA_FIRST + g));
			loss = best_sharpness(fit) * fit->n / fit->n_eval +
				   preference(lambda, LAMBDA_MIDDLE, LAMBDA_WIDTH) +
				   preference(GAMMA_FIRST + g, GAMMA_MIDDLE, GAMMA_WIDTH);
			if (loss < best)
			{
				best = loss;
				best_lambda = lambda;
				best_gamma = GAMMA_FIRST + g;
			}
		}
	}

	tell(fit, N_LAMBDA);
	set_metric(fit, ldexp(1.0, best_lambda));
	measure_eval_rows(fit);
	leave_eval_rows_out(fit, ldexp(1.0, best_gamma));
	(void) best_sharpness(fit);
	*least = best;
	return ldexp(1.0, best_gamma);
}

/*
 * scale and offset such that sigmoid(scale * z + offset) is the probability of a
 * label on its own, z being what the softmax is taken of: Platt's method, with
 * his smoothing of the targets and Newton's steps, halved while they make the
 * loss greater.
 */
static void
fit_sigmoid(const Fit *fit, double *scale, double *offset)
{
	double n_own = fit->n_eval, n_other = (double) fit->n_eval * (fit->k - 1);
	double own = (n_own + 1.0) / (n_own + 2.0), other = 1.0 / (n_other + 2.0);
	double a = 1.0, b = 0.0, step_a = 0.0, step_b = 0.0, last = DBL_MAX;

	for (int i = 0; i < MAX_NEWTON_STEPS; i++)
	{
		double loss = 0.0, g_a = 0.0, g_b = 0.0, h_aa = 1e-9, h_ab = 0.0, h_bb = 1e-9;
		double determinant;

		for (int r = 0; r < fit->n_eval; r++)
		{
			const double *score = fit->score + (Size) r * fit->k;
			int label = fit->in->label[fit->eval[r]];

			CHECK_FOR_INTERRUPTS();
			for (int j = 0; j < fit->k; j++)
			{
				double x = fit->sharpness * score[j] + fit->log_share[j];
				double target = j == label ? own : other;
				double z = (a + step_a) * x + b + step_b;
				double p = 1.0 / (1.0 + exp(-z));

				loss += (z > 0.0 ? z + log1p(exp(-z)) : log1p(exp(z))) - target * z;
				g_a += (p - target) * x;
				g_b += p - target;
				h_aa += p * (1.0 - p) * x * x;
				h_ab += p * (1.0 - p) * x;
				h_bb += p * (1.0 - p);
			}
		}
		if (loss > last)
		{
			step_a /= 2.0;
			step_b /= 2.0;
			continue;
		}
		a += step_a;
		b += step_b;
		if (last - loss < 1e-6 * loss)
			break;
		last = loss;
		determinant = h_aa * h_bb - h_ab * h_ab;
		step_a = (h_ab * g_b - h_bb * g_a) / determinant;
		step_b = (h_ab * g_a - h_aa * g_b) / determinant;
	}
	*scale = a;
	*offset = b;
}

/* ---- Results --------------------------------------------------------------- */

/*
 * Counts the rows that the head, fitted without them, judges rightly, and those
 * that the embeddings of the labels' texts alone do.
 */
static void
count_hits(Fit *fit, double gamma, const double *weight, SlmFit *out)
{
	double *prior = fit->by_text; /* no longer needed */
	double *x_by = palloc_extended(sizeof(double) * fit->step_rows * fit->k, MCXT_ALLOC_HUGE);
	double *u_by = palloc_extended(sizeof(double) * fit->step_rows * fit->k, MCXT_ALLOC_HUGE);
	double *prior_at_mean = palloc_array(double, fit->k);
	double *score = palloc_array(double, fit->k);
	Forms *forms = palloc_array(Forms, fit->step_rows);
	int hits = 0, zero_shot_hits = 0;

	for (int j = 0; j < fit->k; j++)
	{
		double *to = prior + (Size) j * fit->d;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < fit->d; i++)
			to[i] = i < fit->in->n_embd ? prior_of(fit, j)[i] : 0.0;
		prior_at_mean[j] = dot(to, fit->mean, fit->d); /* centring the rows took this away */
	}
	for (int first = 0; first < fit->n; first += fit->step_rows)
	{
		int n = Min(fit->step_rows, fit->n - first);

		load_block(fit, NULL, first, n);
		multiply_block(fit, fit->x, n, prior, x_by);
		for (int i = 0; i < n; i++)
		{
			for (int j = 0; j < fit->k; j++)
				score[j] = x_by[(Size) i * fit->k + j] + prior_at_mean[j];
			zero_shot_hits += best_of(score, fit->k) == fit->in->label[first + i];
		}
		multiply_block(fit, fit->x, n, weight, x_by);
		multiply_block(fit, fit->u, n, weight, u_by);
		measure_block(fit, n, forms);
		for (int i = 0; i < n; i++)
		{
			int label = fit->in->label[first + i];

			leave_out(fit, label, gamma, &forms[i], x_by + (Size) i * fit->k,
					  u_by + (Size) i * fit->k, score);
			for (int j = 0; j < fit->k; j++)
				score[j] = fit->sharpness * score[j] + fit->log_share[j];
			hits += best_of(score, fit->k) == label;
		}
	}
	out->accuracy = (double) hits / fit->n;
	out->zero_shot = (double) zero_shot_hits / fit->n;
}

/* Takes all memory; rows are read with the first n_word numbers of their bags. */
static void
init(Fit *fit, const SlmFitInput *input, int n_word)
{
	int d = input->n_embd + n_word;
	Size square = (Size) d * d, wide = (Size) input->n_label * d, block, cells;

	*fit = (Fit){
		.in = input,
		.blas = slm_blas(),
		.n = input->n_row,
		.n_word = n_word,
		.d = d,
		.k = input->n_label,
		.step_rows = rows_a_step(d),
		.n_eval = eval_rows(input->n_row, input->n_label),
		.sharpness = 1.0,
	};
	block = (Size) fit->step_rows * d;
	cells = (Size) fit->n_eval * fit->k;
#define NEW_DOUBLES(n) palloc_extended((n) * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)
	fit->count = palloc0_array(int, fit->k);
	fit->log_share = NEW_DOUBLES(fit->k);
	fit->mean = NEW_DOUBLES(d);
	fit->own_mean = NEW_DOUBLES(wide);
	fit->text = NEW_DOUBLES(wide);
	fit->scatter = NEW_DOUBLES(square);
	fit->factor = NEW_DOUBLES(square);
	fit->by_mean = NEW_DOUBLES(wide);
	fit->by_text = NEW_DOUBLES(wide);
	fit->norm = NEW_DOUBLES(3 * fit->k);
	fit->x = NEW_DOUBLES(block);
	fit->u = NEW_DOUBLES(block);
	fit->bag = palloc_array(float, Max(n_word, 1));
	fit->eval = palloc_array(int, fit->n_eval);
	fit->x_by_mean = NEW_DOUBLES(cells);
	fit->x_by_text = NEW_DOUBLES(cells);
	fit->u_by_mean = NEW_DOUBLES(cells);
	fit->u_by_text = NEW_DOUBLES(cells);
	fit->forms = palloc_array(Forms, fit->n_eval);
	fit->score = NEW_DOUBLES(cells);
	fit->centre_norm = NEW_DOUBLES(fit->k);
	fit->x_by = NEW_DOUBLES(fit->k);
	fit->u_by = NEW_DOUBLES(fit->k);
#undef NEW_DOUBLES
	for (int i = 0; i < fit->n_eval; i++)
		fit->eval[i] = (int) ((int64) i * fit->n / fit->n_eval);
}

/* The head of the lambda and gamma that were chosen, in context. */
static void
finish(Fit *fit, double gamma, MemoryContext context, SlmFit *out)
{
	double scale, offset;

	fit_sigmoid(fit, &scale, &offset);
	out->n_word = fit->n_word;
	out->weight =
		MemoryContextAllocExtended(context, sizeof(float) * fit->k * fit->d, MCXT_ALLOC_HUGE);
	out->offset = MemoryContextAlloc(context, sizeof(float) * fit->k);
	for (int j = 0; j < fit->k; j++)
	{
		double *weight = fit->by_mean + (Size) j * fit->d;
		const double *by_text = fit->by_text + (Size) j * fit->d;
		double a, b;

		CHECK_FOR_INTERRUPTS();
		shares(fit, j, gamma, &a, &b);
		for (int i = 0; i < fit->d; i++)
		{
			weight[i] = a * weight[i] + b * by_text[i];
			out->weight[(Size) j * fit->d + i] = (float) (fit->sharpness * weight[i]);
		}
		out->offset[j] =
			(float) (fit->log_share[j] -
					 fit->sharpness * (0.5 * fit->centre_norm[j] + dot(weight, fit->mean, fit->d)));
	}
	out->multi_scale = (float) scale;
	out->multi_offset = (float) offset;
	count_hits(fit, gamma, fit->by_mean, out);
}

void
slm_fit(const SlmFitInput *input, SlmFit *out)
{
	MemoryContext result_context = CurrentMemoryContext;
	MemoryContext scratch =
		AllocSetContextCreate(result_context, "slm head fitting", ALLOCSET_DEFAULT_SIZES);
	double best = DBL_MAX;

	/* without the tokens, which is soon done, and with them: where labels differ by meaning, they mislead */
	for (int with = 0; with <= (input->n_word > 0); with++)
	{
		int n_word = with ? input->n_word : 0;
		double gamma, loss;
		Fit fit;

		MemoryContextSwitchTo(scratch);
		init(&fit, input, n_word);
		gather(&fit);
		gamma = choose(&fit, &loss);
		loss += n_word > 0 ? BAG_PREFERENCE : 0.0;
		if (loss < best)
			finish(&fit, gamma, result_context, out);
		best = Min(best, loss);
		MemoryContextSwitchTo(result_context);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
}
