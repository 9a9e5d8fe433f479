/*
 * test_source.c - models of two stacks: what one reads, and what the other writes of it
 *
 * Over src/engine/source.c, src/model/cross.c and the files that they share with
 * other models.  The models t5-*.gguf are random (test/golden/make_t5.py); t5.txt holds
 * what transformers computes with them in double precision.
 */
#include <math.h>

#include "base/limits.h"
#include "check.h"
#include "engine/decode.h"
#include "host.h"
#include "model_fixture.h"
#include "task/generate.h"
#include "task/score.h"
#include "task/writer.h"

#define MAX_MODELS 4
#define MAX_CASES 8
#define MAX_TEXTS 4
#define MAX_IDS 400
#define MAX_VOCAB 64
#define N_ROWS 8

typedef struct Case
{
	int32_t id[MAX_IDS]; /* source, then target */
	int n_source, n;
	int n_at;
	struct
	{
		int at, top;
		double margin, size, logit[N_ROWS];
	} at[MAX_IDS];
} Case;

typedef struct Model
{
	char path[64];
	Case cases[MAX_CASES];
	int n_case;
	struct
	{
		char prompt[128], answer[256];
		int32_t id[MAX_IDS];
		int n;
	} text[MAX_TEXTS];
	int n_text;
} Model;

static Model model[MAX_MODELS];
static int n_model;
static int32_t row[N_ROWS];

static int
read_ids(const char *line, int32_t *out)
{
	int n = 0;

	for (char *at = strchr(line, ' '), *end; at != NULL && n < MAX_IDS; at = end)
	{
		long id = strtol(at, &end, 10);

		if (end == at)
			break;
		out[n++] = (int32_t) id;
	}
	return n;
}

static void
read_line(char *line)
{
	Model *m = &model[n_model > 0 ? n_model - 1 : 0];
	Case *c = &m->cases[m->n_case > 0 ? m->n_case - 1 : 0];
	char *at = strchr(line, ' ');

	if (strncmp(line, "model ", 6) == 0 && CHECK(n_model < MAX_MODELS))
		snprintf(model[n_model++].path, sizeof(m->path), FIXTURE_DIR "t5-%s.gguf", line + 6);
	else if (strncmp(line, "text ", 5) == 0 && CHECK(m->n_text < MAX_TEXTS))
		snprintf(m->text[m->n_text++].prompt, sizeof(m->text[0].prompt), "%s", line + 5);
	else if (strncmp(line, "source ", 7) == 0 && m->n_text > 0)
		m->text[m->n_text - 1].n = read_ids(line, m->text[m->n_text - 1].id);
	else if (strncmp(line, "source ", 7) == 0 && CHECK(m->n_case < MAX_CASES))
	{
		c = &m->cases[m->n_case++];
		c->n = c->n_source = read_ids(line, c->id);
	}
	else if (strncmp(line, "target ", 7) == 0)
		c->n += read_ids(line, c->id + c->n);
	else if (strncmp(line, "rows ", 5) == 0)
		CHECK_INT(read_ids(line, row), N_ROWS);
	else if (strncmp(line, "answer\t", 7) == 0)
		snprintf(m->text[m->n_text - 1].answer, sizeof(m->text[0].answer), "%s", line + 7);
	else if (strncmp(line, "at ", 3) == 0 && CHECK(c->n_at < MAX_IDS))
	{
		int i = c->n_at++;

		c->at[i].at = (int) strtol(at, &at, 10);
		c->at[i].top = (int) strtol(at, &at, 10);
		c->at[i].margin = strtod(at, &at);
		c->at[i].size = strtod(at, &at);
		for (int j = 0; j < N_ROWS; j++)
			c->at[i].logit[j] = strtod(at, &at);
	}
}

static void
read_golden(void)
{
	Lines lines;

	if (n_model > 0)
		return;
	lines = lines_of(FIXTURE_DIR "t5.txt");
	CHECK(lines.text != NULL);
	for (char *line; (line = lines_next(&lines)) != NULL;)
		read_line(line);
	CHECK_INT(n_model, 3);
}

static int
load(ModelFixture *f, const Model *m)
{
	if (!CHECK_STATUS(model_fixture_load(f, m->path), SLM_OK))
		printf("# %s: %s\n", m->path, f->err.message);
	return slm_model_info(f->run.model)->n_vocab;
}

/* Logits after the source and after each token of the target, in steps of so many tokens. */
static void
all_logits(ModelFixture *f, SlmDecoder *d, int sequence, const Case *c, int step, float *out)
{
	int n_vocab = slm_model_info(f->run.model)->n_vocab, wanted = c->n - c->n_source + 1;

	slm_decoder_truncate(d, sequence, 0);
	for (int i = 0; i < c->n; i += step)
	{
		int n = c->n - i < step ? c->n - i : step, end = i + n - (c->n_source - 1);
		SlmStep s = {sequence, c->id + i, n, end < 0 ? 0 : end < n ? end : n};

		CHECK_STATUS(slm_decode(d, &s, 1, NULL, n_vocab, out, &f->err), SLM_OK);
		out += (size_t) s.n_logits * (size_t) n_vocab;
		wanted -= s.n_logits;
	}
	CHECK_INT(wanted, 0);
	CHECK_INT(slm_decoder_length(d, sequence), c->n);
}

static float logits[MAX_IDS * MAX_VOCAB], other[MAX_IDS * MAX_VOCAB];

static void
parity_with_transformers(void)
{
	int n_position = 0, n_clear = 0, n_same = 0;

	read_golden();
	for (int m = 0; m < n_model; m++)
	{
		double error = 0, size = 0;
		ModelFixture f;
		int n_vocab = load(&f, &model[m]), before = n_position;
		SlmDecoder *d;

		CHECK_STATUS(slm_decoder_new(&f.run, 1, MAX_IDS, &d, &f.err), SLM_OK);
		for (int i = 0; i < model[m].n_case; i++)
		{
			const Case *c = &model[m].cases[i];

			all_logits(&f, d, 0, c, c->n, logits);
			for (int j = 0; j < c->n_at; j++)
			{
				const float *x = logits + (size_t) c->at[j].at * (size_t) n_vocab;
				double here = 0;
				int top = 0;

				for (int k = 0; k < N_ROWS; k++)
					here += pow((double) x[row[k]] - c->at[j].logit[k], 2);
				for (int k = 1; k < n_vocab; k++)
					top = x[k] > x[top] ? k : top;
				error += here;
				size += N_ROWS * c->at[j].size * c->at[j].size;
				n_position++;
				if (c->at[j].margin > 4 * sqrt(here / N_ROWS))
				{
					n_clear++;
					n_same += top == c->at[j].top;
				}
			}
		}
		printf("# %s: NMSE %.1e over %d positions\n", model[m].path, error / size,
			   n_position - before);
		CHECK(error / size <= 1e-8);
		model_fixture_free(&f);
	}
	printf("# top token equal at %d of %d positions with a margin, of %d\n", n_same, n_clear,
		   n_position);
	CHECK(n_position >= 2000 && n_clear > n_position * 9 / 10 && n_same == n_clear);
}

/* Steps, instruction sets and company do not matter. */
static void
one_answer(void)
{
	static const int steps[] = {1, 7, 64};
	static float many[MAX_CASES * MAX_VOCAB];

	read_golden();
	for (int m = 0; m < n_model; m++)
	{
		SlmStep step[MAX_CASES];
		ModelFixture f;
		int n_vocab = load(&f, &model[m]), n_case = model[m].n_case;
		SlmDecoder *d;

		CHECK_STATUS(slm_decoder_new(&f.run, n_case, MAX_IDS, &d, &f.err), SLM_OK);
		for (int i = 0; i < n_case; i++)
		{
			const Case *c = &model[m].cases[i];

			step[i] = (SlmStep){i, c->id, c->n, 1};
		}
		CHECK_STATUS(slm_decode(d, step, n_case, NULL, n_vocab, many, &f.err), SLM_OK);
		for (int i = 0; i < n_case; i++)
		{
			const Case *c = &model[m].cases[i];
			size_t n = (size_t) (c->n - c->n_source + 1) * (size_t) n_vocab;

			f.run.kernels = slm_kernels(SLM_ISA_AUTO);
			all_logits(&f, d, 1, c, c->n, logits);
			CHECK(memcmp(many + i * n_vocab, logits + n - n_vocab,
						 (size_t) n_vocab * sizeof(float)) == 0);
			for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++)
			{
				all_logits(&f, d, 2, c, steps[j], other);
				CHECK(memcmp(logits, other, n * sizeof(float)) == 0);
			}
			for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
			{
				f.run.kernels = slm_kernels(isa);
				all_logits(&f, d, 2, c, 50, other);
				CHECK(memcmp(logits, other, n * sizeof(float)) == 0);
			}
		}
		model_fixture_free(&f);
	}
}

/* Sequences that become others' beginnings: inside the source, at its end, behind it. */
static void
beginnings(void)
{
	const Case *c;
	ModelFixture f;
	SlmDecoder *d;
	int n_vocab;

	read_golden();
	c = &model[1].cases[3];
	n_vocab = load(&f, &model[1]);
	CHECK_STATUS(slm_decoder_new(&f.run, 2, MAX_IDS, &d, &f.err), SLM_OK);
	all_logits(&f, d, 0, c, c->n, logits);
	for (int n = c->n_source - 20; n < c->n; n += n < c->n_source + 1 ? 1 : 13)
	{
		int first = n < c->n_source ? 0 : n - c->n_source + 1;
		int wanted = c->n - c->n_source + 1 - first;
		SlmStep step = {1, c->id + n, c->n - n, wanted};

		for (int again = 0; again < 2; again++)
		{
			if (again == 0)
				CHECK_STATUS(slm_decoder_share(d, 0, 1, n, &f.err), SLM_OK);
			else
				slm_decoder_truncate(d, 1, n);
			CHECK_STATUS(slm_decode(d, &step, 1, NULL, n_vocab, other, &f.err), SLM_OK);
			CHECK(memcmp(other, logits + first * n_vocab,
						 (size_t) (wanted * n_vocab) * sizeof(float)) == 0);
		}
	}
	/* nothing comes out before the end of the source */
	slm_decoder_truncate(d, 1, 0);
	CHECK_STATUS(
		slm_decode(d, &(SlmStep){1, c->id, c->n_source - 1, 1}, 1, NULL, n_vocab, other, &f.err),
		SLM_ERR_INTERNAL);
	CHECK_INT(slm_decoder_length(d, 1), 0);
	model_fixture_free(&f);
}

/* Several sources in one sequence, each with branches behind it, in one call. */
static void
branches(void)
{
	enum
	{
		N = 9
	};
	static float whole[N * MAX_VOCAB];
	SlmBranch branch[N];
	ModelFixture f;
	SlmDecoder *d;
	int n_vocab, n = 0;

	read_golden();
	n_vocab = load(&f, &model[0]);
	for (int i = 1; i < 4; i++)
	{
		const Case *c = &model[0].cases[i];

		branch[n++] = (SlmBranch){0, c->id, c->n_source, 1, NULL, n_vocab};
		branch[n++] = (SlmBranch){c->n_source, c->id + c->n_source, 1, 1, NULL, n_vocab};
		branch[n++] = (SlmBranch){c->n_source, c->id + c->n_source + 1, 1, 1, NULL, n_vocab};
	}
	CHECK_STATUS(slm_decoder_new(&f.run, 2, MAX_IDS, &d, &f.err), SLM_OK);
	CHECK_STATUS(slm_decode_branches(d, 0, branch, N, whole, &f.err), SLM_OK);
	for (int i = 0; i < N; i++)
	{
		SlmStep step = {1, branch[i].token, branch[i].n, 1};

		slm_decoder_truncate(d, 1, branch[i].past);
		CHECK_STATUS(slm_decode(d, &step, 1, NULL, n_vocab, other, &f.err), SLM_OK);
		CHECK(memcmp(whole + i * n_vocab, other, (size_t) n_vocab * sizeof(float)) == 0);
	}
	model_fixture_free(&f);
}

/* What transformers writes, token by token. */
static void
written(void)
{
	read_golden();
	for (int m = 0; m < n_model; m++)
	{
		ModelFixture f;

		load(&f, &model[m]);
		CHECK(model[m].n_text >= 3);
		for (int i = 0; i < model[m].n_text; i++)
		{
			SlmPrompt prompt = {.user = slm_text(model[m].text[i].prompt), .max_tokens = 20};
			SlmWritten out;

			CHECK_STATUS(slm_task_generate(&f.run, &prompt, &out, &f.err), SLM_OK);
			if (!CHECK(out.text.size == strlen(model[m].text[i].answer) &&
					   memcmp(out.text.data, model[m].text[i].answer, out.text.size) == 0))
				printf("# \"%.*s\", not \"%s\"\n", (int) out.text.size, out.text.data,
					   model[m].text[i].answer);
		}
		model_fixture_free(&f);
	}
}

/* The same beside each other, in places that are taken again, with an owner whose beginnings are shared. */
static void
written_beside_each_other(void)
{
	read_golden();
	for (int m = 0; m < n_model; m++)
	{
		int n_text = model[m].n_text, next = 0, n_done = 0, text_of[8];
		SlmRowSize size = {0, 0};
		SlmWriter *writer;
		ModelFixture f;

		load(&f, &model[m]);
		f.run.owner = slm_text("owner");
		for (int i = 0; i < n_text; i++)
		{
			SlmPrompt prompt = {.user = slm_text(model[m].text[i].prompt), .max_tokens = 20};
			SlmRowSize one;

			CHECK_STATUS(slm_writer_measure(&f.run, &prompt, &one, &f.err), SLM_OK);
			size.n_token = one.n_token > size.n_token ? one.n_token : size.n_token;
		}
		CHECK_STATUS(slm_writer_new(&f.run, 2, size, &writer, &f.err), SLM_OK);
		/* each text twice */
		while (n_done < 2 * n_text)
		{
			SlmWritten out;
			int row;

			while (next < 2 * n_text && slm_writer_free(writer) > 0)
			{
				SlmPrompt prompt = {.user = slm_text(model[m].text[next / 2].prompt),
									.max_tokens = 20};

				if (!CHECK_STATUS(slm_writer_add(writer, &prompt, &row, &f.err), SLM_OK))
					return;
				text_of[row] = next++ / 2;
			}
			if (!CHECK_STATUS(slm_writer_step(writer, &f.err), SLM_OK))
				return;
			while ((row = slm_writer_finished(writer)) >= 0)
			{
				const char *answer = model[m].text[text_of[row]].answer;

				CHECK_STATUS(slm_writer_take(writer, row, f.run.arena, &out, &f.err), SLM_OK);
				CHECK(out.text.size == strlen(answer) &&
					  memcmp(out.text.data, answer, out.text.size) == 0);
				n_done++;
			}
		}
		model_fixture_free(&f);
	}
}

/* Labels of several texts in one call, and of each alone. */
static void
labels(void)
{
	static const char *const texts[] = {"the order arrived late", "tea", "please refund my card"};
	const SlmLabel label[] = {{slm_text("refund"), slm_text("")},
							  {slm_text("red dog"), slm_text("")},
							  {slm_text("tea"), slm_text("")}};
	float together[9], alone[3];
	SlmScoring *scoring;
	SlmText text[3];
	ModelFixture f;

	read_golden();
	load(&f, &model[1]);
	for (int i = 0; i < 3; i++)
		text[i] = slm_text(texts[i]);
	CHECK_STATUS(slm_scoring_new(&f.run, SLM_SCORE_ONE, label, 3, slm_text(""), &scoring, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_task_score(&f.run, scoring, text, 3, together, NULL, &f.err), SLM_OK);
	for (int i = 0; i < 3; i++)
	{
		float sum = 0.0f;

		CHECK_STATUS(slm_task_score(&f.run, scoring, &text[i], 1, alone, NULL, &f.err), SLM_OK);
		CHECK(memcmp(together + 3 * i, alone, sizeof(alone)) == 0);
		for (int j = 0; j < 3; j++)
			sum += alone[j];
		CHECK(sum > 0.0f && sum <= 1.0f);
		CHECK(i == 0 || memcmp(together, together + 3 * i, sizeof(alone)) != 0);
	}
	model_fixture_free(&f);
}

/* A cancel at every poll, in the source as behind it; the next call is right. */
static void
cancel_at_every_poll(void)
{
	SlmStatus status = SLM_ERR_CANCELLED;
	const Case *c;
	ModelFixture f;
	SlmDecoder *d;
	int64_t n;
	int n_vocab;

	read_golden();
	c = &model[2].cases[4];
	n_vocab = load(&f, &model[2]);
	f.run.kernels = slm_kernels(SLM_ISA_SCALAR);
	CHECK_STATUS(slm_decoder_new(&f.run, 1, MAX_IDS, &d, &f.err), SLM_OK);
	all_logits(&f, d, 0, c, c->n, logits);
	for (n = 1; status == SLM_ERR_CANCELLED && n < 10000; n++)
	{
		SlmStep step = {0, c->id, c->n, 1};

		slm_decoder_truncate(d, 0, 0);
		test_host_reset();
		test_host_state.interrupt_at = n;
		status = slm_decode(d, &step, 1, NULL, n_vocab, other, &f.err);
		CHECK_INT(slm_decoder_length(d, 0), status == SLM_OK ? c->n : 0);
		test_host_reset();
	}
	CHECK_STATUS(status, SLM_OK);
	CHECK(n > 10);
	CHECK(memcmp(other, logits + (c->n - c->n_source) * n_vocab,
				 (size_t) n_vocab * sizeof(float)) == 0);
	printf("# %d polls\n", (int) n);
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(parity_with_transformers);
	TEST(one_answer);
	TEST(beginnings);
	TEST(branches);
	TEST(written);
	TEST(written_beside_each_other);
	TEST(labels);
	TEST(cancel_at_every_poll);
	return check_done();
}
