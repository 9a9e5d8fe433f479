/*
 * test_classify.c - label sets, zero-shot and heads
 */
#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "task/classify.h"
#include "task/embed.h"

#include <math.h>

#define N_EMBD 32
#define TINY FIXTURE_DIR "tiny-bert.gguf"
#define HEAD FIXTURE_DIR "parity-cased.gguf" /* negative, neutral, positive */
#define CROSS FIXTURE_DIR "parity-cross.gguf"

static ModelFixture f;

static SlmLabel
label(const char *name)
{
	return (SlmLabel){slm_text(name), slm_text("")};
}

static SlmStatus
check_set(const SlmLabel *labels, int n, int *class_of)
{
	SlmLabel own[4];
	int n_own = slm_task_has_labels(f.run.model) ? slm_model_info(f.run.model)->n_class : 0;

	for (int i = 0; i < n_own; i++)
		own[i] = (SlmLabel){slm_model_class_label(f.run.model, i), slm_text("")};
	return slm_task_check_labels(own, n_own, labels, n, class_of, f.run.arena, &f.err);
}

static void
label_sets(void)
{
	static SlmLabel many[SLM_MAX_LABELS + 1];
	static char name[SLM_MAX_LABELS + 1][8];
	SlmLabel set[3] = {label("a"), label("b"), label("a")};

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK(!slm_task_has_labels(f.run.model));
	CHECK_STATUS(check_set(set, 2, NULL), SLM_OK);
	CHECK_STATUS(check_set(set, 1, NULL), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "at least two labels");
	CHECK_STATUS(check_set(set, 0, NULL), SLM_ERR_ARGUMENT);
	CHECK_STATUS(check_set(set, 3, NULL), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "label 3");
	CHECK_CONTAINS(f.err.message, "label 1");
	set[2] = label("");
	CHECK_STATUS(check_set(set, 3, NULL), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "label 3 is empty");
	for (int i = 0; i <= SLM_MAX_LABELS; i++)
	{
		snprintf(name[i], sizeof(name[i]), "l%d", i);
		many[i] = label(name[i]);
	}
	CHECK_STATUS(check_set(many, SLM_MAX_LABELS, NULL), SLM_OK);
	CHECK_STATUS(check_set(many, SLM_MAX_LABELS + 1, NULL), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "limit of 10000");
	model_fixture_free(&f);
}

static void
labels_of_a_head(void)
{
	SlmLabel set[2] = {label("positive"), label("negative")};
	int class_of[2] = {-1, -1};

	CHECK_STATUS(model_fixture_load(&f, HEAD), SLM_OK);
	CHECK(slm_task_has_labels(f.run.model));
	CHECK_INT(slm_model_info(f.run.model)->n_class, 3);
	CHECK(strncmp(slm_model_class_label(f.run.model, 1).data, "neutral", 7) == 0);
	CHECK_INT(slm_model_class_label(f.run.model, 3).size, 0);
	CHECK_INT(slm_model_class_label(f.run.model, -1).size, 0);
	CHECK_STATUS(check_set(set, 2, class_of), SLM_OK);
	CHECK_INT(class_of[0], 2);
	CHECK_INT(class_of[1], 0);
	set[1] = label("Negative");
	class_of[0] = -1;
	CHECK_STATUS(check_set(set, 2, class_of), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "own");
	CHECK_INT(class_of[0], -1);
	model_fixture_free(&f);

	CHECK_STATUS(model_fixture_load(&f, CROSS), SLM_OK);
	CHECK(!slm_task_has_labels(f.run.model));
	CHECK(slm_task_is_cross_encoder(f.run.model));
	model_fixture_free(&f);
}

/* What the definition says, in double precision. */
static void
expected_probabilities(const float *text, const float *labels, int n, SlmClassifyMode mode,
					   double *out)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
	{
		double cosine = cosine_of(text, labels + i * N_EMBD, N_EMBD);

		out[i] = mode == SLM_CLASSIFY_ONE
					 ? exp(cosine / 0.05)
					 : 1 / (1 + exp(-(cosine - (double) SLM_CLASSIFY_MIDDLE) / 0.05));
		sum += out[i];
	}
	for (int i = 0; i < n && mode == SLM_CLASSIFY_ONE; i++)
		out[i] /= sum;
}

static void
zero_shot(void)
{
	SlmLabel set[3] = {
		label("order"), {slm_text("login"), slm_text("account and password")}, label("red dog")};
	SlmText text[3] = {slm_text("the order arrived late"), slm_text("\xfe"),
					   slm_text("password reset")};
	SlmText described = slm_text("login: account and password");
	SlmStatus row_status[3];
	float labels[3][N_EMBD], alone[N_EMBD], probability[3][3], embedding[N_EMBD];
	double expected[3];

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_STATUS(slm_task_embed_labels(&f.run, set, 3, labels[0], &f.err), SLM_OK);
	CHECK_STATUS(slm_task_embed(&f.run, &described, 1, SLM_PURPOSE_DOCUMENT, alone, NULL, &f.err),
				 SLM_OK);
	CHECK(cosine_of(labels[1], alone, N_EMBD) > 0.9999999);
	for (int mode = SLM_CLASSIFY_ONE; mode <= SLM_CLASSIFY_MULTI; mode++)
	{
		CHECK_STATUS(slm_task_classify(&f.run, text, 3, labels[0], 3, (SlmClassifyMode) mode,
									   probability[0], row_status, &f.err),
					 SLM_OK);
		CHECK_INT(row_status[1], SLM_ERR_ENCODING);
		for (int i = 0; i < 3; i++)
		{
			if (i != 1)
			{
				CHECK_STATUS(slm_task_embed(&f.run, &text[i], 1, SLM_PURPOSE_DOCUMENT, embedding,
											NULL, &f.err),
							 SLM_OK);
				expected_probabilities(embedding, labels[0], 3, (SlmClassifyMode) mode, expected);
			}
			for (int j = 0; j < 3; j++)
				CHECK(fabs(probability[i][j] - (i == 1 ? 0 : expected[j])) < 1e-5);
		}
	}
	CHECK_STATUS(slm_task_classify(&f.run, text, 3, labels[0], 3, SLM_CLASSIFY_ONE, probability[0],
								   NULL, &f.err),
				 SLM_ERR_ENCODING);
	model_fixture_free(&f);
}

/* 200 rows in one call are 200 calls. */
static void
one_answer_of(const char *path)
{
	static float together[200][4], alone[4];
	static const char *const texts[] = {"the order arrived late", "tea", "", "red dog and card",
										"server down again"};
	SlmLabel set[4] = {label("order"), label("login"), label("tea"), label("card")};
	SlmText text[200];
	float labels[4][N_EMBD];

	CHECK_STATUS(model_fixture_load(&f, path), SLM_OK);
	for (int i = 0; i < 200; i++)
		text[i] = slm_text(texts[i * i % 5]);
	CHECK_STATUS(slm_task_embed_labels(&f.run, set, 4, labels[0], &f.err), SLM_OK);
	CHECK_STATUS(slm_task_classify(&f.run, text, 200, labels[0], 4, SLM_CLASSIFY_ONE, together[0],
								   NULL, &f.err),
				 SLM_OK);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		f.run.kernels = slm_kernels(isa);
		CHECK_STATUS(slm_task_embed_labels(&f.run, set, 4, labels[0], &f.err), SLM_OK);
		for (int i = 0; i < 200; i++)
		{
			CHECK_STATUS(slm_task_classify(&f.run, &text[i], 1, labels[0], 4, SLM_CLASSIFY_ONE,
										   alone, NULL, &f.err),
						 SLM_OK);
			CHECK(memcmp(alone, together[i], sizeof(alone)) == 0);
		}
	}
	model_fixture_free(&f);
}

static void
one_answer(void)
{
	one_answer_of(FIXTURE_DIR "tiny-bert-q8_0.gguf");
	one_answer_of(FIXTURE_DIR "tiny-slm-q8_0.gguf");
}

/* The numbers themselves are those of PyTorch: test_heads.c. */
static void
none_of_the_labels(void)
{
	SlmLabel set[4] = {label("order"), label("login"), label("tea"), label("card")};
	SlmText text[3] = {slm_text("the order arrived late"), slm_text("\xff"), slm_text("")};
	SlmStatus row_status[3];
	float labels[4][N_EMBD], one[3][4], each[3][4];
	const SlmLabelCalibration *c;

	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-slm.gguf"), SLM_OK);
	c = &slm_model_info(f.run.model)->label;
	CHECK_STATUS(slm_task_embed_labels(&f.run, set, 4, labels[0], &f.err), SLM_OK);
	for (int i = 0; i < 4; i++)
		CHECK(fabs(cosine_of(labels[i], labels[i], N_EMBD) - 1) < 1e-6);
	CHECK_STATUS(slm_task_classify(&f.run, text, 3, labels[0], 4, SLM_CLASSIFY_ONE, one[0],
								   row_status, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_task_classify(&f.run, text, 3, labels[0], 4, SLM_CLASSIFY_MULTI, each[0],
								   row_status, &f.err),
				 SLM_OK);
	CHECK_INT(row_status[1], SLM_ERR_ENCODING);
	for (int i = 0; i < 3; i++)
	{
		double scale = (double) c->scale + (double) c->scale_growth * log(4);
		double none = exp((double) c->none + (double) c->none_growth * log(4));
		double sum = 0, mass = none;

		for (int j = 0; j < 4 && i != 1; j++)
			sum += one[i][j];
		for (int j = 0; j < 4 && i != 1; j++)
		{
			double odds = (double) each[i][j] / (1 - (double) each[i][j]);
			double cosine = (log(odds) - (double) c->multi_bias) / (double) c->multi_scale;

			mass += exp(scale * cosine);
		}
		if (i == 1)
			for (int j = 0; j < 4; j++)
				CHECK(one[i][j] == 0 && each[i][j] == 0);
		else
			CHECK(fabs(1 - sum - none / mass) < 1e-5);
	}
	/* with fewer labels, and one alone, the mass of none stays */
	CHECK_STATUS(
		slm_task_classify(&f.run, text, 1, labels[0], 1, SLM_CLASSIFY_ONE, one[2], NULL, &f.err),
		SLM_OK);
	CHECK(one[2][0] > one[0][0] && one[2][0] < 1);
	model_fixture_free(&f);
}

static void
head_modes(void)
{
	SlmText text[2] = {slm_text("the order arrived late"), slm_text("\xff")};
	SlmStatus row_status[2];
	float one[2][3], multi[2][3];

	CHECK_STATUS(model_fixture_load(&f, HEAD), SLM_OK);
	CHECK_STATUS(
		slm_task_classify(&f.run, text, 2, NULL, 3, SLM_CLASSIFY_ONE, one[0], row_status, &f.err),
		SLM_OK);
	CHECK_STATUS(slm_task_classify(&f.run, text, 2, NULL, 3, SLM_CLASSIFY_MULTI, multi[0],
								   row_status, &f.err),
				 SLM_OK);
	CHECK(fabs(one[0][0] + one[0][1] + one[0][2] - 1) < 1e-6);
	for (int i = 0; i < 3; i++)
	{
		/* odds of softmax and sigmoid differ by the same factor in every class */
		double odds = (double) multi[0][i] / (1 - (double) multi[0][i]) / (double) one[0][i];
		double first = (double) multi[0][0] / (1 - (double) multi[0][0]) / (double) one[0][0];

		CHECK(fabs(odds / first - 1) < 1e-4);
		CHECK(one[1][i] == 0 && multi[1][i] == 0);
	}
	CHECK_INT(row_status[0], SLM_OK);
	CHECK_INT(row_status[1], SLM_ERR_ENCODING);
	model_fixture_free(&f);
}

static void
best_label(void)
{
	float p[4] = {0.1f, 0.4f, 0.4f, 0.1f};

	CHECK_INT(slm_task_best_label(p, 4), 1);
	CHECK_INT(slm_task_best_label(p, 1), 0);
	p[3] = 0.5f;
	CHECK_INT(slm_task_best_label(p, 4), 3);
}

int
main(void)
{
	TEST(label_sets);
	TEST(labels_of_a_head);
	TEST(zero_shot);
	TEST(one_answer);
	TEST(none_of_the_labels);
	TEST(head_modes);
	TEST(best_label);
	return check_done();
}
