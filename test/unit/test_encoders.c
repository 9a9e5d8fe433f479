/*
 * test_encoders.c - encoders beside BERT: the right numbers, and the same bits whoever is in the batch
 *
 * Over src/model (arch, forward, attention, relative) and src/engine/encode.c.
 * The models encoder-*.gguf are random (test/golden/make_encoders.py);
 * encoders.txt holds what transformers computes with them in double precision.
 */
#include "check.h"
#include "engine/slm.h"
#include "host.h"
#include "model_fixture.h"

#include <math.h>

#define MAX_MODELS 16
#define MAX_SEQUENCES 5
#define MAX_LENGTH 300
#define MAX_EMBD 64
#define MAX_COLUMNS 16
#define STEP 7 /* from column to column */

typedef struct Golden
{
	int32_t id[MAX_LENGTH];
	int n;
	int first; /* tokens of the first segment */
	int n_column;
	double at[MAX_LENGTH][MAX_COLUMNS];
} Golden;

typedef struct Model
{
	char path[64];
	Golden sequence[MAX_SEQUENCES];
	int n;
} Model;

static Model model[MAX_MODELS];
static int n_model;

static void
read_line(const char *line)
{
	Model *m = &model[n_model > 0 ? n_model - 1 : 0];
	Golden *g = &m->sequence[m->n > 0 ? m->n - 1 : 0];
	char *at;

	if (strncmp(line, "model ", 6) == 0 && CHECK(n_model < MAX_MODELS))
		snprintf(model[n_model++].path, sizeof(m->path), FIXTURE_DIR "encoder-%s.gguf", line + 6);
	else if (strncmp(line, "sequence ", 9) == 0 && CHECK(m->n < MAX_SEQUENCES))
	{
		g = &m->sequence[m->n++];
		g->first = (int) strtol(line + 9, &at, 10);
		g->n = (int) strtol(at, &at, 10);
		CHECK(g->n <= MAX_LENGTH);
	}
	else if (strncmp(line, "ids ", 4) == 0)
	{
		at = (char *) line + 3;
		for (int i = 0; i < g->n; i++)
			g->id[i] = (int32_t) strtol(at + 1, &at, 10);
	}
	else if (strncmp(line, "at ", 3) == 0)
	{
		int i = (int) strtol(line + 3, &at, 10);

		for (g->n_column = 0; *at == ' ' && CHECK(i < g->n && g->n_column < MAX_COLUMNS);)
			g->at[i][g->n_column++] = strtod(at + 1, &at);
	}
}

static void
read_golden(void)
{
	Lines lines;

	if (n_model > 0)
		return;
	lines = lines_of(FIXTURE_DIR "encoders.txt");
	CHECK(lines.text != NULL);
	for (char *line; (line = lines_next(&lines)) != NULL;)
		read_line(line);
	CHECK(n_model >= 1);
}

static SlmSequence
sequence_of(const Golden *g)
{
	return (SlmSequence){g->id, g->n, g->first};
}

static float hidden[MAX_SEQUENCES * MAX_LENGTH * MAX_EMBD], other[sizeof(hidden) / sizeof(float)];

/* Each sequence's last hidden states, alone, one behind the other in out. */
static void
encode_alone(ModelFixture *f, const Model *m, float *out)
{
	int n_embd = slm_model_info(f->run.model)->n_embd;

	for (int i = 0; i < m->n; i++)
	{
		SlmSequence sequence = sequence_of(&m->sequence[i]);

		CHECK_STATUS(slm_encode_hidden(&f->run, &sequence, 1, out, &f->err), SLM_OK);
		out += sequence.n * n_embd;
	}
}

static void
parity_with_transformers(void)
{
	read_golden();
	for (int k = 0; k < n_model; k++)
	{
		const Model *m = &model[k];
		const float *row = hidden;
		double error = 0, size = 0;
		int n_position = 0, n_embd;
		ModelFixture f;

		if (!CHECK_STATUS(model_fixture_load(&f, m->path), SLM_OK))
		{
			printf("# %s: %s\n", m->path, f.err.message);
			return;
		}
		n_embd = slm_model_info(f.run.model)->n_embd;
		CHECK(n_embd <= MAX_EMBD);
		encode_alone(&f, m, hidden);
		for (int i = 0; i < m->n; i++)
			for (int j = 0; j < m->sequence[i].n; j++, row += n_embd)
			{
				CHECK_INT(m->sequence[i].n_column, (n_embd + STEP - 1) / STEP);
				for (int c = 0; c < m->sequence[i].n_column; c++)
				{
					double truth = m->sequence[i].at[j][c], d = (double) row[c * STEP] - truth;

					error += d * d;
					size += truth * truth;
				}
				n_position++;
			}
		printf("# %s: NMSE %.1e over %d positions\n", m->path, error / size, n_position);
		CHECK(n_position >= 300 && error / size <= 1e-8);
		model_fixture_free(&f);
	}
}

/* Ragged company in any order, repeated until a batch is full, by every instruction set. */
static void
company_does_not_matter(void)
{
	static const int orders[][MAX_SEQUENCES] = {{0, 1, 2, 3, 4}, {4, 2, 0, 3, 1}, {3, 3, 4, 4, 2}};

	read_golden();
	for (int k = 0; k < n_model; k++)
	{
		const Model *m = &model[k];
		size_t start[MAX_SEQUENCES + 1] = {0};
		ModelFixture f;
		size_t n_embd;

		CHECK_STATUS(model_fixture_load(&f, m->path), SLM_OK);
		CHECK_INT(m->n, MAX_SEQUENCES);
		n_embd = (size_t) slm_model_info(f.run.model)->n_embd;
		for (int i = 0; i < m->n; i++)
			start[i + 1] = start[i] + (size_t) m->sequence[i].n * n_embd;
		f.run.kernels = slm_kernels(SLM_ISA_SCALAR);
		encode_alone(&f, m, hidden);
		for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
			for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++)
			{
				SlmSequence sequence[MAX_SEQUENCES];
				const float *row = other;

				f.run.kernels = slm_kernels(isa);
				for (int i = 0; i < m->n; i++)
					sequence[i] = sequence_of(&m->sequence[orders[o][i]]);
				CHECK_STATUS(slm_encode_hidden(&f.run, sequence, m->n, other, &f.err), SLM_OK);
				for (int i = 0; i < m->n; i++)
				{
					size_t n = start[orders[o][i] + 1] - start[orders[o][i]];

					if (!CHECK(memcmp(row, hidden + start[orders[o][i]], n * sizeof(float)) == 0))
						printf("# %s, %s, order %zu, sequence %d\n", m->path, f.run.kernels->name,
							   o, i);
					row += n;
				}
			}
		model_fixture_free(&f);
	}
}

/* A cancel at every early poll and some later ones, on the slowest kernels; the next call is right. */
static void
cancel_at_polls(void)
{
	read_golden();
	for (int k = 0; k < n_model; k++)
	{
		const Model *m = &model[k];
		SlmSequence sequence = sequence_of(&m->sequence[m->n - 1]);
		SlmStatus status = SLM_ERR_CANCELLED;
		ModelFixture f;
		size_t n;
		int64_t poll;

		CHECK_STATUS(model_fixture_load(&f, m->path), SLM_OK);
		f.run.kernels = slm_kernels(SLM_ISA_SCALAR);
		n = (size_t) sequence.n * (size_t) slm_model_info(f.run.model)->n_embd;
		CHECK_STATUS(slm_encode_hidden(&f.run, &sequence, 1, hidden, &f.err), SLM_OK);
		for (poll = 1; status == SLM_ERR_CANCELLED && poll < 100000; poll += 1 + poll / 8)
		{
			test_host_reset();
			test_host_state.interrupt_at = poll;
			status = slm_encode_hidden(&f.run, &sequence, 1, other, &f.err);
			test_host_reset();
		}
		CHECK_STATUS(status, SLM_OK);
		CHECK(poll > 10 && memcmp(other, hidden, n * sizeof(float)) == 0);
		model_fixture_free(&f);
	}
}

int
main(void)
{
	TEST(parity_with_transformers);
	TEST(company_does_not_matter);
	TEST(cancel_at_polls);
	return check_done();
}
