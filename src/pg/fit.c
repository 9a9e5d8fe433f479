/*
 * fit.c - a linear head fitted to rows that carry their labels
 *
 * Ridge regression from the centred embedding x of a row to one number a label,
 * 1 for its own and 0 for the others:
 *
 *   W = (X'X + lambda I)^-1 (X'T + gamma G)
 *
 * G are the embeddings of the labels' texts.  It is the ridge that shrinks
 * towards (gamma / lambda) G instead of 0, and reads: the text of a label counts
 * as gamma rows of it.  With 8 rows a label that decides; with a thousand it
 * hardly matters.  A great lambda gives the nearest mean, a small one the
 * least squares; so two numbers span what is known to work.
 *
 * What the head would say of a row had it been fitted without that row needs no
 * second fit: t - (t - s) / (1 - h), with h = 1/n + x' (X'X + lambda I)^-1 x.
 * On these scores lambda and gamma are chosen, confidences calibrated and the
 * accuracy counted, so that nothing is judged by rows it has learned from.
 * Choosing: the least log loss at the best temperature, plus a weak preference
 * (a log-normal prior) for middling values, which few rows cannot overrule by
 * chance and many can.
 *
 * The Gram matrix, its factor and the weights are all that is kept in double
 * precision; rows are converted and centred in blocks.  One call of OpenBLAS is
 * about MACS_PER_CALL of work, because it cannot be interrupted.
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
#define PANEL 64        /* columns of the factor made at a time */
#define LABELS_A_CALL 256
#define MAX_STEP_ROWS 256

/* Rows on which lambda and gamma are chosen. */
#define MIN_EVAL_ROWS 256
#define MAX_EVAL_ROWS 8192
#define MAX_EVAL_CELLS 1000000 /* rows x labels, but for MIN_EVAL_ROWS */

/* The grid, in powers of two, and where the preference has its middle and its width. */
#define LAMBDA_FIRST (-3)
#define LAMBDA_STEP 2
#define N_LAMBDA 8
#define LAMBDA_MIDDLE 3.0
#define LAMBDA_WIDTH 1.5
#define GAMMA_FIRST (-1)
#define N_GAMMA 7
#define GAMMA_MIDDLE 2.0
#define GAMMA_WIDTH 0.7

#define MAX_NEWTON_STEPS 40
#define MIN_SHARPNESS 1e-3
#define MAX_SHARPNESS 1e3
#define MIN_REMAINDER 1e-9 /* of 1 - h, which rounding may take */

typedef struct Fit
{
	const SlmFitInput *in;
	const SlmBlas *blas;
	int n, d, k;
	int step_rows;   /* rows of one call that costs d * d a row */
	double *mean;    /* [d] of the rows */
	double *share;   /* [k] of the rows that have a label */
	double *gram;    /* [d][d] X'X, lower triangle */
	double *moment;  /* [k][d] X'T, a row a label */
	double *factor;  /* [d][d] of X'X + lambda I, lower triangle */
	double *learned; /* [k][d] (X'X + lambda I)^-1 X'T */
	double *shrunk;  /* [k][d] (X'X + lambda I)^-1 G */
	double *block;   /* [step_rows][d] */

	/* The rows on which lambda and gamma are chosen. */
	int n_eval;
	int *eval;            /* [n_eval] */
	double *eval_learned; /* [n_eval][k] scores by learned and share */
	double *eval_shrunk;  /* [n_eval][k] scores by shrunk */
	double *leverage;     /* [n_eval] h */
	double *score;        /* [n_eval][k] leave-one-out */
	double sharpness;     /* inverse temperature: where the last search ended */
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
slm_fit_bytes(int n_row, int n_embd, int n_label)
{
	Size d = n_embd, k = n_label, n_eval = eval_rows(n_row, n_label);
	Size n_double = 2 * d * d + 4 * k * d + (rows_a_step(n_embd) + 2) * (d + k) +
					n_eval * (3 * k + 2) + k + d;

	return n_double * sizeof(double);
}

/* ---- Rows ------------------------------------------------------------------ */

/* block[i] = row index[i] (first + i without an index), centred. */
static void
centre_rows(Fit *fit, const int *index, int first, int n)
{
	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < n; i++)
	{
		const float *row = fit->in->row[index != NULL ? index[first + i] : first + i];
		double *out = fit->block + (Size) i * fit->d;

		for (int j = 0; j < fit->d; j++)
			out[j] = row[j] - fit->mean[j];
	}
}

/* Mean of the rows, shares of the labels, Gram matrix and moments. */
static void
gather(Fit *fit)
{
	for (int i = 0; i < fit->n; i++)
	{
		const float *row = fit->in->row[i];

		if (i % MAX_STEP_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < fit->d; j++)
			fit->mean[j] += row[j];
		fit->share[fit->in->label[i]] += 1.0 / fit->n;
	}
	for (int j = 0; j < fit->d; j++)
		fit->mean[j] /= fit->n;

	for (int first = 0; first < fit->n; first += fit->step_rows)
	{
		int n = Min(fit->step_rows, fit->n - first);

		centre_rows(fit, NULL, first, n);
		fit->blas->syrk_tn(fit->d, n, fit->block, fit->d, fit->gram, fit->d);
		for (int i = 0; i < n; i++)
		{
			double *moment = fit->moment + (Size) fit->in->label[first + i] * fit->d;

			for (int j = 0; j < fit->d; j++)
				moment[j] += fit->block[(Size) i * fit->d + j];
		}
	}
}

/* ---- Weights --------------------------------------------------------------- */

/*
 * factor = the Cholesky factor of gram + lambda I, a panel of columns at a time:
 * what the columns to its left have to say, then its own block, then the rows
 * below that.
 */
static void
factorize(Fit *fit, double lambda)
{
	int d = fit->d;

	memcpy(fit->factor, fit->gram, sizeof(double) * d * d);
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

/* Rows of x = rows of x times (gram + lambda I)^-1. */
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

static void
solve_both(Fit *fit, double lambda)
{
	Size n = (Size) fit->k * fit->d;

	factorize(fit, lambda);
	memcpy(fit->learned, fit->moment, n * sizeof(double));
	for (Size i = 0; i < n; i++)
		fit->shrunk[i] = fit->in->prior[i];
	solve(fit, fit->learned);
	solve(fit, fit->shrunk);
}

/* score[i][k] = rows of the block times a label's weights. */
static void
score_block(Fit *fit, int n, const double *weight, double *score)
{
	for (int first = 0; first < fit->k; first += LABELS_A_CALL)
	{
		CHECK_FOR_INTERRUPTS();
		fit->blas->gemm_nt(n, Min(LABELS_A_CALL, fit->k - first), fit->d, 1.0, fit->block, fit->d,
						   weight + (Size) first * fit->d, fit->d, 0.0, score + first, fit->k);
	}
}

/* leverage[i] of the rows of the block, which is overwritten. */
static void
leverage_of_block(Fit *fit, int n, double *leverage)
{
	CHECK_FOR_INTERRUPTS();
	fit->blas->solve_lt(n, fit->d, fit->factor, fit->d, fit->block, fit->d);
	for (int i = 0; i < n; i++)
	{
		const double *x = fit->block + (Size) i * fit->d;

		leverage[i] = 1.0 / fit->n;
		for (int j = 0; j < fit->d; j++)
			leverage[i] += x[j] * x[j];
	}
}

/* What the head fitted without a row of that label would have scored, in place. */
static void
leave_out(const Fit *fit, double *score, int label, double leverage)
{
	double grow = 1.0 / Max(1.0 - leverage, MIN_REMAINDER);

	for (int j = 0; j < fit->k; j++)
	{
		double target = j == label ? 1.0 : 0.0;

		score[j] = target - (target - score[j]) * grow;
	}
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
 * Log loss of softmax(sharpness * score) over the rows, and its first two
 * derivatives.  Labels are smoothed by one row in n + 1, so that rows that are
 * all judged rightly do not ask for infinite sharpness.
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
		double top = score[best_of(score, fit->k)];
		double sum = 0.0, first = 0.0, second = 0.0, plain = 0.0, wanted;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < fit->k; j++)
		{
			double x = score[j] - top;
			double p = exp(sharpness * x);

			sum += p;
			first += p * x;
			second += p * x * x;
			plain += x;
		}
		first /= sum;
		wanted = (1.0 - smooth) * (score[fit->in->label[fit->eval[i]]] - top) +
				 smooth * plain / fit->k;
		loss += log(sum) - sharpness * wanted;
		*slope += first - wanted;
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

/* Scores of the chosen rows by both sets of weights, and their leverage. */
static void
score_eval_rows(Fit *fit)
{
	for (int first = 0; first < fit->n_eval; first += fit->step_rows)
	{
		int n = Min(fit->step_rows, fit->n_eval - first);
		Size at = (Size) first * fit->k;

		centre_rows(fit, fit->eval, first, n);
		score_block(fit, n, fit->learned, fit->eval_learned + at);
		score_block(fit, n, fit->shrunk, fit->eval_shrunk + at);
		for (int i = 0; i < n; i++)
			for (int j = 0; j < fit->k; j++)
				fit->eval_learned[at + (Size) i * fit->k + j] += fit->share[j];
		leverage_of_block(fit, n, fit->leverage + first);
	}
}

/* score = leave-one-out scores of the chosen rows with that gamma. */
static void
leave_eval_rows_out(Fit *fit, double gamma)
{
	for (int i = 0; i < fit->n_eval; i++)
	{
		Size at = (Size) i * fit->k;

		for (int j = 0; j < fit->k; j++)
			fit->score[at + j] = fit->eval_learned[at + j] + gamma * fit->eval_shrunk[at + j];
		leave_out(fit, fit->score + at, fit->in->label[fit->eval[i]], fit->leverage[i]);
	}
}

/* Finds lambda and gamma; leaves the weights and the scores of the chosen pair. */
static void
choose(Fit *fit, double *gamma)
{
	double best = DBL_MAX;
	int best_lambda = 0, best_gamma = 0;

	for (int l = 0; l < N_LAMBDA; l++)
	{
		int lambda = LAMBDA_FIRST + l * LAMBDA_STEP;

		fit->in->progress(fit->in->arg, l + 1, N_LAMBDA + 1);
		solve_both(fit, ldexp(1.0, lambda));
		score_eval_rows(fit);
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

	*gamma = ldexp(1.0, best_gamma);
	fit->in->progress(fit->in->arg, N_LAMBDA + 1, N_LAMBDA + 1);
	solve_both(fit, ldexp(1.0, best_lambda));
	score_eval_rows(fit);
	leave_eval_rows_out(fit, *gamma);
	(void) best_sharpness(fit);
}

/*
 * scale and offset such that sigmoid(scale * score + offset) is the probability
 * of a label on its own: Platt's method, with his smoothing of the targets and
 * Newton's steps, halved while they make the loss greater.
 */
static void
fit_sigmoid(const Fit *fit, double *scale, double *offset)
{
	double n_own = fit->n_eval, n_other = (double) fit->n_eval * (fit->k - 1);
	double own = (n_own + 1.0) / (n_own + 2.0), other = 1.0 / (n_other + 2.0);
	double a = fit->sharpness, b = 0.0, step_a = 0.0, step_b = 0.0, last = DBL_MAX;

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
				double x = score[j], target = j == label ? own : other;
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

/* Counts the rows that the head, fitted without them, and the labels' texts alone judge rightly. */
static void
count_hits(Fit *fit, const double *weight, double *score, SlmFit *out)
{
	int hits = 0, zero_shot_hits = 0;
	double *prior = fit->shrunk; /* no longer needed */
	double *middle = palloc0_array(double, fit->k);
	double *leverage = palloc_array(double, fit->step_rows);

	for (int j = 0; j < fit->k; j++)
		for (int i = 0; i < fit->d; i++)
		{
			Size at = (Size) j * fit->d + i;

			prior[at] = fit->in->prior[at];
			middle[j] += prior[at] * fit->mean[i]; /* centring took this away */
		}
	for (int first = 0; first < fit->n; first += fit->step_rows)
	{
		int n = Min(fit->step_rows, fit->n - first);

		centre_rows(fit, NULL, first, n);
		score_block(fit, n, prior, score);
		for (int i = 0; i < n; i++)
		{
			for (int j = 0; j < fit->k; j++)
				score[(Size) i * fit->k + j] += middle[j];
			zero_shot_hits +=
				best_of(score + (Size) i * fit->k, fit->k) == fit->in->label[first + i];
		}
		score_block(fit, n, weight, score);
		leverage_of_block(fit, n, leverage);
		for (int i = 0; i < n; i++)
		{
			double *row = score + (Size) i * fit->k;

			for (int j = 0; j < fit->k; j++)
				row[j] += fit->share[j];
			leave_out(fit, row, fit->in->label[first + i], leverage[i]);
			hits += best_of(row, fit->k) == fit->in->label[first + i];
		}
	}
	out->accuracy = (double) hits / fit->n;
	out->zero_shot = (double) zero_shot_hits / fit->n;
}

void
slm_fit(const SlmFitInput *input, SlmFit *out)
{
	MemoryContext result_context = CurrentMemoryContext;
	MemoryContext scratch =
		AllocSetContextCreate(result_context, "slm head fitting", ALLOCSET_DEFAULT_SIZES);
	Fit fit = {
		.in = input,
		.blas = slm_blas(),
		.n = input->n_row,
		.d = input->n_embd,
		.k = input->n_label,
		.step_rows = rows_a_step(input->n_embd),
		.n_eval = eval_rows(input->n_row, input->n_label),
		.sharpness = 1.0,
	};
	Size square = (Size) fit.d * fit.d, wide = (Size) fit.k * fit.d;
	Size cells = (Size) fit.n_eval * fit.k;
	double gamma, scale, offset;

	out->weight = palloc_extended(wide * sizeof(float), MCXT_ALLOC_HUGE);
	out->offset = palloc_array(float, fit.k);

	MemoryContextSwitchTo(scratch);
#define NEW_DOUBLES(n) palloc_extended((n) * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)
	fit.mean = NEW_DOUBLES(fit.d);
	fit.share = NEW_DOUBLES(fit.k);
	fit.gram = NEW_DOUBLES(square);
	fit.factor = NEW_DOUBLES(square);
	fit.moment = NEW_DOUBLES(wide);
	fit.learned = NEW_DOUBLES(wide);
	fit.shrunk = NEW_DOUBLES(wide);
	fit.block = NEW_DOUBLES((Size) fit.step_rows * fit.d);
	fit.eval = palloc_array(int, fit.n_eval);
	fit.eval_learned = NEW_DOUBLES(cells);
	fit.eval_shrunk = NEW_DOUBLES(cells);
	fit.score = NEW_DOUBLES(Max(cells, (Size) fit.step_rows * fit.k));
	fit.leverage = NEW_DOUBLES(fit.n_eval);
#undef NEW_DOUBLES
	for (int i = 0; i < fit.n_eval; i++)
		fit.eval[i] = (int) ((int64) i * fit.n / fit.n_eval);

	gather(&fit);
	choose(&fit, &gamma);
	fit_sigmoid(&fit, &scale, &offset);

	for (Size i = 0; i < wide; i++)
		fit.learned[i] += gamma * fit.shrunk[i];
	for (int j = 0; j < fit.k; j++)
	{
		double at_mean = 0.0;

		for (int i = 0; i < fit.d; i++)
		{
			double weight = fit.learned[(Size) j * fit.d + i];

			at_mean += weight * fit.mean[i];
			out->weight[(Size) j * fit.d + i] = (float) (fit.sharpness * weight);
		}
		out->offset[j] = (float) (fit.sharpness * (fit.share[j] - at_mean));
	}
	out->multi_scale = (float) (scale / fit.sharpness);
	out->multi_offset = (float) offset;
	count_hits(&fit, fit.learned, fit.score, out);

	MemoryContextSwitchTo(result_context);
	MemoryContextDelete(scratch);
}
