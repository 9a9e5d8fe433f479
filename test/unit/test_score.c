/*
 * test_score.c - labels by what a decoder thinks of them: the right numbers, the same bits in any company
 *
 * Over src/task (score, choices) with the random models of test/golden/make_decoders.py;
 * scores.txt holds what transformers gives label by label (test/golden/make_scores.py).
 */
#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "model/model_impl.h"
#include "model_fixture.h"
#include "task/choices.h"
#include "task/score.h"

#include <math.h>

#define QWEN FIXTURE_DIR "decoder-qwen2.gguf"
#define MAX_LABELS 8

/* ---- What transformers gives --------------------------------------------------- */

typedef struct Case
{
	ModelFixture f;
	SlmScoreTask task;
	SlmText instructions;
	SlmLabel label[MAX_LABELS];
	int n_label;
	SlmScoring *scoring;
	SlmText text;
} Case;

static Case golden;
static int n_text;
static double largest_error;

static SlmText
rest_of(char *line, const char *word)
{
	return slm_text(line + strlen(word) + 1);
}

static void
begin_case(char *line)
{
	static const char *const task_name[] = {"one", "each", "condition"};
	static char format[32];
	char name[32], task[32], path[80];

	if (golden.n_label > 0)
		model_fixture_free(&golden.f);
	golden = (Case){.scoring = NULL};
	CHECK_INT(sscanf(line, "case %31s %31s %31s", name, format, task), 3);
	snprintf(path, sizeof(path), FIXTURE_DIR "decoder-%s.gguf", name);
	CHECK_STATUS(model_fixture_load(&golden.f, path), SLM_OK);
	golden.f.memory.options.prompt_format = slm_text(format);
	while (strcmp(task, task_name[golden.task]) != 0)
		golden.task = (SlmScoreTask) (golden.task + 1);
}

static void
add_label(char *line)
{
	char *tab = strchr(line, '\t');

	*tab = 0;
	golden.label[golden.n_label++] = (SlmLabel){rest_of(line, "label"), slm_text(tab + 1)};
}

static void
check_probabilities(char *line)
{
	Case *c = &golden;
	char *at = line + 11;
	float found[MAX_LABELS];

	CHECK_STATUS(slm_task_score(&c->f.run, c->scoring, &c->text, 1, found, NULL, &c->f.err),
				 SLM_OK);
	for (int i = 0; i < c->n_label; i++)
	{
		double error = fabs(found[i] - strtod(at, &at));

		CHECK(error < 1e-5);
		largest_error = fmax(largest_error, error);
	}
	CHECK_INT(*at, 0);
	n_text++;
}

static void
golden_line(char *line)
{
	Case *c = &golden;

	if (strncmp(line, "case ", 5) == 0)
		begin_case(line);
	else if (strncmp(line, "instructions ", 13) == 0)
		c->instructions = rest_of(line, "instructions");
	else if (strncmp(line, "label ", 6) == 0)
		add_label(line);
	else if (strncmp(line, "text ", 5) == 0)
	{
		c->text = rest_of(line, "text");
		if (c->scoring == NULL)
			CHECK_STATUS(slm_scoring_new(&c->f.run, c->task, c->label, c->n_label, c->instructions,
										 &c->scoring, &c->f.err),
						 SLM_OK);
	}
	else if (strncmp(line, "probability ", 12) == 0)
		check_probabilities(line);
}

static void
parity_with_transformers(void)
{
	Lines lines = lines_of(FIXTURE_DIR "scores.txt");

	if (!CHECK(lines.text != NULL))
		return;
	for (char *line; (line = lines_next(&lines)) != NULL;)
		golden_line(line);
	CHECK_INT(n_text, 17);
	printf("# %d texts, largest error of a probability %.1e\n", n_text, largest_error);
	model_fixture_free(&golden.f);
}

/* ---- The tree of answers --------------------------------------------------------- */

#define MAX_ANSWERS 64

static SlmStatus
make_choices(ModelFixture *f, const char *const *answer, int n, int32_t end, SlmChoices **out)
{
	SlmText text[MAX_ANSWERS];

	for (int i = 0; i < n; i++)
		text[i] = slm_text(answer[i]);
	return slm_choices_new(&f->run, text, n, end, out, &f->err);
}

static void
what_is_read_of_answers(void)
{
	static const char *const apart[] = {"billing", "shipping", "login problem"};
	static const char *const alike[] = {"abc", "abd", "ab", "x", "abd"};
	SlmBranch branch[MAX_ANSWERS];
	SlmChoices *c;
	ModelFixture f;

	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	/* what parts with the first token needs no more than the prompt's last one */
	CHECK_STATUS(make_choices(&f, apart, 3, 1, &c), SLM_OK);
	CHECK_INT(c->n_choice, 1);
	CHECK_INT(c->depth, 0);
	CHECK_INT(slm_choices_branches(c, 10, branch), 1);
	CHECK_INT(branch[0].n_logits, 1);
	CHECK_INT(branch[0].n_row, 3);
	CHECK(branch[0].row[0] < branch[0].row[1] && branch[0].row[1] < branch[0].row[2]);
	/* a or x, then b for certain, then its end, c or d; equals are one */
	CHECK_STATUS(make_choices(&f, alike, 5, 1, &c), SLM_OK);
	CHECK_INT(c->n_choice, 2);
	CHECK_INT(c->n_option, 5);
	CHECK_INT(c->depth, 2);
	CHECK_INT(slm_choices_branches(c, 10, branch), 2);
	CHECK_INT(branch[1].past, 10);
	CHECK_INT(branch[1].n, 2);
	CHECK_INT(branch[1].n_row, 3);
	CHECK_INT(branch[1].row[0], 1);
	{
		float logits[5] = {0.0f, 0.0f, 1.0f, 2.0f, 3.0f}, score[5];
		double sum = exp(1) + exp(2) + exp(3), half = log(0.5);

		CHECK_STATUS(slm_choices_scores(c, &f.run, logits, score, &f.err), SLM_OK);
		CHECK(fabs(score[0] - (half + 2 - log(sum)) / 2) < 1e-6);
		CHECK(fabs(score[1] - (half + 3 - log(sum)) / 2) < 1e-6);
		CHECK(fabs(score[2] - (half + 1 - log(sum)) / 2) < 1e-6);
		CHECK(fabs(score[3] - half) < 1e-6);
		CHECK(score[4] == score[1]);
	}
	/* without a token that ends an answer, none may be another's beginning */
	CHECK_STATUS(make_choices(&f, apart, 3, -1, &c), SLM_OK);
	CHECK_STATUS(make_choices(&f, alike, 5, -1, &c), SLM_ERR_UNSUPPORTED);
	CHECK_CONTAINS(f.err.message, "no token that ends an answer");
	/* all the same: nothing to choose */
	CHECK_STATUS(make_choices(&f, (const char *const[]){"aa", "aa"}, 2, 1, &c), SLM_OK);
	CHECK_INT(c->n_choice, 0);
	CHECK_INT(slm_choices_branches(c, 10, branch), 1);
	CHECK_INT(branch[0].n_logits, 0);
	model_fixture_free(&f);
}

/* ---- Laws ------------------------------------------------------------------------- */

#define N_TEXTS 9

static const char *const texts[N_TEXTS] = {
	"the ring on the hand",
	"x",
	"\xfe\xfe",
	"an engine, a train, an inn and the other thing in there, again and again and again and again; "
	"and as it goes on, there are more of them: a ring for each engine, an inn for each train, and "
	"no end to it; whoever is in there looks on and says nothing, but that the other one is late",
	"in",
	"the ring on the hand",
	"the ring on the hanger",
	"\xe6\x97\xa5\xe6\x9c\xac",
	"no",
};

static const SlmLabel labels[] = {{{"the ring", 8}, {"", 0}},
								  {{"the engine", 10}, {"it moves", 8}},
								  {{"the", 3}, {"", 0}},
								  {{"an inn", 6}, {"", 0}}};
#define N_LABELS ((int) (sizeof(labels) / sizeof(labels[0])))

static void
make_scoring(ModelFixture *f, SlmScoreTask task, SlmScoring **out)
{
	int n = task == SLM_SCORE_CONDITION ? 1 : N_LABELS;

	CHECK_STATUS(slm_scoring_new(&f->run, task, labels, n, slm_text(""), out, &f->err), SLM_OK);
}

/* The same bits alone and beside others, in another order, and with every instruction set. */
static void
check_company(const char *path, uint32_t rope_context, int n_text)
{
	SlmText text[N_TEXTS], back[N_TEXTS];
	ModelFixture f;

	for (int i = 0; i < n_text; i++)
		text[i] = back[n_text - 1 - i] = slm_text(texts[i]);
	CHECK_STATUS(model_fixture_load(&f, path), SLM_OK);
	f.memory.model->hparams.n_rope_context = rope_context;
	f.memory.options.prompt_format = slm_text("chatml");
	for (int task = SLM_SCORE_ONE; task <= SLM_SCORE_CONDITION; task++)
	{
		int n = task == SLM_SCORE_CONDITION ? 1 : N_LABELS;
		float together[N_TEXTS][N_LABELS], other[N_TEXTS][N_LABELS];
		SlmStatus status[N_TEXTS];
		SlmScoring *scoring;

		make_scoring(&f, (SlmScoreTask) task, &scoring);
		CHECK_STATUS(slm_task_score(&f.run, scoring, text, n_text, together[0], status, &f.err),
					 SLM_OK);
		for (int i = 0; i < n_text; i++)
		{
			const float *row = together[0] + i * n;
			double sum = 0;

			CHECK_STATUS(status[i], i == 2 ? SLM_ERR_ENCODING : SLM_OK);
			for (int j = 0; j < n; j++)
			{
				CHECK(i == 2 ? row[j] == 0.0f : row[j] > 0.0f && row[j] < 1.0f);
				sum += row[j];
			}
			CHECK(task != SLM_SCORE_ONE || sum < 1.0);
			if (i == 2)
				continue;
			CHECK_STATUS(slm_task_score(&f.run, scoring, &text[i], 1, other[0], NULL, &f.err),
						 SLM_OK);
			CHECK(memcmp(other[0], row, (size_t) n * sizeof(float)) == 0);
		}
		for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
		{
			SlmScoring *again;

			f.run.kernels = slm_kernels(isa);
			make_scoring(&f, (SlmScoreTask) task, &again);
			CHECK_INT(slm_scoring_bytes(again), slm_scoring_bytes(scoring));
			CHECK(memcmp(again, scoring, slm_scoring_bytes(again)) == 0);
			CHECK_STATUS(slm_task_score(&f.run, again, back, n_text, other[0], status, &f.err),
						 SLM_OK);
			for (int i = 0; i < n_text; i++)
				CHECK(memcmp(other[0] + (n_text - 1 - i) * n, together[0] + i * n,
							 (size_t) n * sizeof(float)) == 0);
		}
		f.run.kernels = slm_kernels(SLM_ISA_AUTO);
		CHECK_STATUS(slm_task_score(&f.run, scoring, text, n_text, other[0], NULL, &f.err),
					 SLM_ERR_ENCODING);
	}
	model_fixture_free(&f);
}

static void
company_does_not_matter(void)
{
	check_company(FIXTURE_DIR "decoder-llama.gguf", 0, N_TEXTS);
	check_company(FIXTURE_DIR "decoder-gemma3.gguf", 0, N_TEXTS); /* windows */
	/* asked in a long context, which the question needs; and in a short one, which a text outgrows */
	check_company(FIXTURE_DIR "decoder-phi3.gguf", 64, N_TEXTS);
	check_company(FIXTURE_DIR "decoder-phi3.gguf", 340, N_TEXTS);
	check_company(FIXTURE_DIR "ticket_json.gguf", 0, 3); /* 8 bits */
}

static double
logit(float p)
{
	return log((double) p / (1.0 - (double) p));
}

/* Chunks of a long text are averaged, weighted by their tokens. */
static void
texts_beyond_the_context(void)
{
	static char text[4000];
	SlmText long_text, start;
	float whole, first;
	double sum = 0, n_token = 0, logits = 0;
	SlmStatus status;
	SlmScoring *scoring;
	ModelFixture f;

	for (int i = 0; i < 110; i++)
		snprintf(text + strlen(text), 32, "%s %d ", i < 70 ? "the train" : "an inn", i * i);
	long_text = slm_text(text);
	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	make_scoring(&f, SLM_SCORE_CONDITION, &scoring);
	CHECK_STATUS(slm_task_score(&f.run, scoring, &long_text, 1, &whole, &status, &f.err), SLM_OK);
	CHECK_STATUS(status, SLM_OK);
	/* a text of one chunk more or less: find the chunks by what the truncated texts say */
	f.memory.options.overflow = SLM_OVERFLOW_TRUNCATE;
	for (start = long_text; start.size > 0;)
	{
		size_t low = 1, high = start.size;

		CHECK_STATUS(slm_task_score(&f.run, scoring, &start, 1, &first, NULL, &f.err), SLM_OK);
		/* the longest beginning that needs no cutting is the chunk */
		f.memory.options.overflow = SLM_OVERFLOW_ERROR;
		while (low < high)
		{
			SlmText part = {start.data, (low + high + 1) / 2};
			float alone;

			status = slm_task_score(&f.run, scoring, &part, 1, &alone, NULL, &f.err);
			if (status == SLM_OK)
				low = part.size;
			else
				high = part.size - 1;
			CHECK(status == SLM_OK || status == SLM_ERR_LIMIT);
		}
		f.memory.options.overflow = SLM_OVERFLOW_TRUNCATE;
		while (low < start.size && start.data[low] != ' ')
			low--;
		{
			SlmText part = {start.data, low};
			float alone;
			int n;

			CHECK_STATUS(slm_task_score(&f.run, scoring, &part, 1, &alone, NULL, &f.err), SLM_OK);
			CHECK(low == start.size || alone == first);
			CHECK_STATUS(slm_task_count_tokens(&f.run, part, &n, &f.err), SLM_OK);
			logits += n * logit(alone);
			n_token += n;
			sum++;
		}
		start.data += low;
		start.size -= low;
	}
	CHECK(sum >= 3);
	CHECK(fabs(logits / n_token - logit(whole)) < 1e-4);
	model_fixture_free(&f);
}

static void
limits(void)
{
	static char name[SLM_MAX_LABELS][8];
	static SlmLabel many[SLM_MAX_LABELS];
	SlmText text = slm_text("the ring on the hand");
	SlmScoring *scoring;
	SlmStatus status;
	float out[N_LABELS];
	ModelFixture f;

	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	for (int i = 0; i < SLM_MAX_LABELS; i++)
	{
		snprintf(name[i], sizeof(name[i]), "%d", i);
		many[i] = (SlmLabel){slm_text(name[i]), slm_text("")};
	}
	CHECK_STATUS(slm_scoring_new(&f.run, SLM_SCORE_ONE, many, SLM_MAX_LABELS, slm_text(""),
								 &scoring, &f.err),
				 SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "leaves no room in the context of 512 tokens");
	make_scoring(&f, SLM_SCORE_ONE, &scoring);
	f.run.max_input_tokens = 3;
	CHECK_STATUS(slm_task_score(&f.run, scoring, &text, 1, out, &status, &f.err), SLM_OK);
	CHECK_STATUS(status, SLM_ERR_LIMIT);
	CHECK(out[0] == 0.0f);
	f.run.max_input_tokens = 0;
	CHECK_STATUS(slm_task_score(&f.run, scoring, &text, 1, out, &status, &f.err), SLM_OK);
	CHECK_STATUS(status, SLM_OK);
	model_fixture_free(&f);
}

/* Each label asked for on its own: more than a group of prompts holds. */
static void
many_labels(void)
{
	enum
	{
		N = 700
	};
	static char name[N][8];
	static SlmLabel many[N];
	static float all[N], few[2];
	SlmText text = slm_text("the ring on the hand");
	SlmScoring *scoring;
	ModelFixture f;

	for (int i = 0; i < N; i++)
	{
		snprintf(name[i], sizeof(name[i]), "%d", i * 37);
		many[i] = (SlmLabel){slm_text(name[i]), slm_text("")};
	}
	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	CHECK_STATUS(slm_scoring_new(&f.run, SLM_SCORE_EACH, many, N, slm_text(""), &scoring, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_task_score(&f.run, scoring, &text, 1, all, NULL, &f.err), SLM_OK);
	for (int i = 0; i + 1 < N; i += 233)
	{
		CHECK_STATUS(
			slm_scoring_new(&f.run, SLM_SCORE_EACH, many + i, 2, slm_text(""), &scoring, &f.err),
			SLM_OK);
		CHECK_STATUS(slm_task_score(&f.run, scoring, &text, 1, few, NULL, &f.err), SLM_OK);
		CHECK(memcmp(few, all + i, sizeof(few)) == 0);
	}
	model_fixture_free(&f);
}

static void
cancel_at_every_poll(void)
{
	SlmStatus status = SLM_ERR_CANCELLED;
	SlmText text = slm_text("the ring on the hand");
	float right[N_LABELS], out[N_LABELS];
	SlmScoring *scoring;
	ModelFixture f;
	int64_t n;

	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	f.run.kernels = slm_kernels(SLM_ISA_SCALAR);
	make_scoring(&f, SLM_SCORE_EACH, &scoring);
	CHECK_STATUS(slm_task_score(&f.run, scoring, &text, 1, right, NULL, &f.err), SLM_OK);
	for (n = 1; status == SLM_ERR_CANCELLED && n < 10000; n++)
	{
		SlmArenaMark mark = slm_arena_mark(f.run.arena);

		test_host_reset();
		test_host_state.interrupt_at = n;
		status = slm_task_score(&f.run, scoring, &text, 1, out, NULL, &f.err);
		test_host_reset();
		slm_arena_rewind(f.run.arena, mark);
	}
	CHECK_STATUS(status, SLM_OK);
	printf("# %d polls\n", (int) n);
	CHECK(n > 10);
	CHECK(memcmp(right, out, sizeof(out)) == 0);
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(parity_with_transformers);
	TEST(what_is_read_of_answers);
	TEST(company_does_not_matter);
	TEST(texts_beyond_the_context);
	TEST(limits);
	TEST(many_labels);
	TEST(cancel_at_every_poll);
	return check_done();
}
