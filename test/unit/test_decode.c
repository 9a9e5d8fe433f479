/*
 * test_decode.c - causal models: the right numbers, and the same bits however they are asked
 *
 * Over src/model (forward, attention, rope) and src/engine/decode.c, with keys and
 * values kept as floats; test_kv.c has the other types.
 */
#include "base/limits.h"
#include "check.h"
#include "decoder_fixture.h"
#include "host.h"

#include <math.h>

static float logits[DECODER_LENGTH * DECODER_VOCAB], other[DECODER_LENGTH * DECODER_VOCAB];

static void
parity_with_transformers(void)
{
	int n_position = 0, n_clear = 0, n_same = 0;

	CHECK(decoders_read());
	for (int m = 0; m < n_decoder; m++)
	{
		DecoderGolden *g = &decoder[m];
		double error = 0, size = 0;
		ModelFixture f;
		int n_vocab;

		if (!CHECK_STATUS(model_fixture_load(&f, g->path), SLM_OK))
		{
			printf("# %s: %s\n", g->path, f.err.message);
			return;
		}
		n_vocab = slm_model_info(f.run.model)->n_vocab;
		CHECK_STATUS(decoder_logits(&f, g, DECODER_LENGTH, logits), SLM_OK);
		for (int i = 0; i < g->n; i++)
		{
			const float *row = logits + (size_t) g->at[i].at * (size_t) n_vocab;
			double here = 0;
			int top = 0;

			for (int j = 0; j < DECODER_ROWS; j++)
			{
				double d = (double) row[g->row[j]] - g->at[i].logit[j];

				here += d * d;
				size += g->at[i].size * g->at[i].size;
			}
			error += here;
			for (int j = 1; j < n_vocab; j++)
				if (row[j] > row[top])
					top = j;
			n_position++;
			if (g->at[i].margin > 4 * sqrt(here / DECODER_ROWS))
			{
				n_clear++;
				n_same += top == g->at[i].top;
			}
		}
		printf("# %s: NMSE %.1e over %d positions\n", g->path, error / size, g->n);
		CHECK(error / size <= g->nmse);
		model_fixture_free(&f);
	}
	printf("# top token equal at %d of %d positions with a margin, of %d\n", n_same, n_clear,
		   n_position);
	CHECK(n_position >= 2000 && n_clear > n_position * 9 / 10 && n_same >= n_clear * 99 / 100);
}

static void
steps_do_not_matter(void)
{
	static const int steps[] = {1, 7, 16, 64, 255};

	CHECK(decoders_read());
	for (int m = 0; m < n_decoder; m++)
	{
		ModelFixture f;
		size_t n;

		CHECK_STATUS(model_fixture_load(&f, decoder[m].path), SLM_OK);
		n = (size_t) slm_model_info(f.run.model)->n_vocab * DECODER_LENGTH;
		CHECK_STATUS(decoder_logits(&f, &decoder[m], DECODER_LENGTH, logits), SLM_OK);
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		{
			CHECK_STATUS(decoder_logits(&f, &decoder[m], steps[i], other), SLM_OK);
			CHECK(memcmp(logits, other, n * sizeof(float)) == 0);
		}
		for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
		{
			f.run.kernels = slm_kernels(isa);
			CHECK_STATUS(decoder_logits(&f, &decoder[m], 33, other), SLM_OK);
			if (!CHECK(memcmp(logits, other, n * sizeof(float)) == 0))
				printf("# %s %s\n", decoder[m].path, f.run.kernels->name);
		}
		model_fixture_free(&f);
	}
}

/* Ragged sequences beside each other, a shared beginning, a forgotten end, some rows only. */
static void
company_does_not_matter(void)
{
	enum
	{
		N = 4
	};
	static const int length[N] = {100, 1, 37, 60};
	const DecoderGolden *g;
	ModelFixture f;
	SlmDecoder *d;
	SlmStep step[N];
	int n_vocab;
	static float many[N * DECODER_VOCAB], rows[2 * DECODER_ROWS];

	CHECK(decoders_read());
	g = &decoder[0];
	CHECK_STATUS(model_fixture_load(&f, g->path), SLM_OK);
	n_vocab = slm_model_info(f.run.model)->n_vocab;
	CHECK_STATUS(decoder_logits(&f, g, DECODER_LENGTH, logits), SLM_OK);
	CHECK_STATUS(slm_decoder_new(&f.run, N, 200, &d, &f.err), SLM_OK);
	for (int i = 0; i < N; i++)
		step[i] = (SlmStep){i, g->id, length[i], 1};
	CHECK_STATUS(slm_decode(d, step, N, NULL, n_vocab, many, &f.err), SLM_OK);
	for (int i = 0; i < N; i++)
		CHECK(memcmp(many + i * n_vocab, logits + (length[i] - 1) * n_vocab,
					 (size_t) n_vocab * sizeof(float)) == 0);
	/* sequence 1 becomes the first 90 of sequence 0; sequence 3 forgets its end and goes on otherwise */
	CHECK_STATUS(slm_decoder_share(d, 0, 1, 90, &f.err), SLM_OK);
	slm_decoder_truncate(d, 3, 50);
	CHECK_INT(slm_decoder_length(d, 3), 50);
	step[0] = (SlmStep){1, g->id + 90, 20, 1};
	step[1] = (SlmStep){3, g->id + 50, 3, 1};
	CHECK_STATUS(slm_decode(d, step, 2, g->row, DECODER_ROWS, rows, &f.err), SLM_OK);
	for (int j = 0; j < DECODER_ROWS; j++)
	{
		CHECK(rows[j] == logits[109 * n_vocab + g->row[j]]);
		CHECK(rows[DECODER_ROWS + j] == logits[52 * n_vocab + g->row[j]]);
	}
	/* what does not fit changes nothing */
	step[0] = (SlmStep){0, g->id, 101, 0};
	CHECK_STATUS(slm_decode(d, step, 1, NULL, 0, NULL, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "101 more tokens do not fit behind 100 of 200");
	CHECK_INT(slm_decoder_length(d, 0), 100);
	model_fixture_free(&f);
}

enum
{
	N_BRANCHES = 60,
	BRANCH_LOGITS = 2
};

/* A tree depth first: behind 100 tokens, each branch behind some of the path before it. */
static int
make_branches(const DecoderGolden *g, SlmBranch *branch)
{
	static const int32_t few[] = {3, 5, 17};
	int held = 100, n_token = 0;

	for (int i = 0; i < N_BRANCHES; i++)
	{
		SlmBranch *b = &branch[i];

		b->past = i % 7 == 3 ? 100 : 100 + (held - 100) * (i % 5) / 4;
		b->token = g->id + 7 * (i % 40);
		b->n = i == 20 ? 1 : 3 + i * 11 % 67;
		b->n_logits = b->n < BRANCH_LOGITS ? b->n : (i + 1) % (BRANCH_LOGITS + 1);
		b->row = i % 3 == 0 ? few : g->row;
		b->n_row = i % 3 == 0 ? 3 : DECODER_ROWS;
		if (b->past + b->n > 200)
			b->past = 100;
		held = b->past + b->n;
		n_token += b->n;
	}
	return n_token;
}

/* A tree in whole batches gives what its paths give one by one. */
static void
branches_do_not_matter(void)
{
	static float whole[N_BRANCHES * BRANCH_LOGITS * DECODER_ROWS];
	static float alone[N_BRANCHES * BRANCH_LOGITS * DECODER_ROWS];
	SlmBranch branch[N_BRANCHES];
	SlmStep start = {0};

	CHECK(decoders_read());
	for (int m = 0; m < n_decoder; m++)
	{
		const DecoderGolden *g = &decoder[m];
		int n_token = make_branches(g, branch);
		size_t n = 0;
		uint64_t n_token_in;
		ModelFixture f;
		SlmDecoder *d;

		CHECK(n_token > 2 * SLM_BATCH_TOKENS - 400);
		CHECK_STATUS(model_fixture_load(&f, g->path), SLM_OK);
		CHECK_STATUS(slm_decoder_new(&f.run, 2, 200, &d, &f.err), SLM_OK);
		for (int s = 0; s < 2; s++)
		{
			start = (SlmStep){s, g->id + 200, 100, 0};
			CHECK_STATUS(slm_decode(d, &start, 1, NULL, 0, NULL, &f.err), SLM_OK);
		}
		n_token_in = f.run.n_token_in;
		CHECK_STATUS(slm_decode_branches(d, 0, branch, N_BRANCHES, whole, &f.err), SLM_OK);
		CHECK_INT(f.run.n_token_in - n_token_in, n_token);
		for (int i = 0; i < N_BRANCHES; i++)
		{
			const SlmBranch *b = &branch[i];
			SlmStep step = {1, b->token, b->n, b->n_logits};

			slm_decoder_truncate(d, 1, b->past);
			CHECK_STATUS(slm_decode(d, &step, 1, b->row, b->n_row, alone + n, &f.err), SLM_OK);
			n += (size_t) (b->n_logits * b->n_row);
		}
		CHECK(n > N_BRANCHES * 4);
		CHECK(memcmp(whole, alone, n * sizeof(float)) == 0);
		CHECK_INT(slm_decoder_length(d, 0), slm_decoder_length(d, 1));
		/* what the sequences hold is the last path: both go on alike */
		for (int s = 0; s < 2; s++)
		{
			start = (SlmStep){s, g->id, 5, 1};
			CHECK_STATUS(
				slm_decode(d, &start, 1, g->row, DECODER_ROWS, s == 0 ? whole : alone, &f.err),
				SLM_OK);
		}
		CHECK(memcmp(whole, alone, DECODER_ROWS * sizeof(float)) == 0);
		model_fixture_free(&f);
	}
}

static void
branches_that_do_not_fit(void)
{
	SlmBranch branch[2] = {{.past = 10, .n = 5}, {.past = 16, .n = 1}};
	SlmStep start = {0};
	ModelFixture f;
	SlmDecoder *d;

	CHECK(decoders_read());
	branch[0].token = branch[1].token = start.token = decoder[0].id;
	start.n = 20;
	CHECK_STATUS(model_fixture_load(&f, decoder[0].path), SLM_OK);
	CHECK_STATUS(slm_decoder_new(&f.run, 1, 20, &d, &f.err), SLM_OK);
	CHECK_STATUS(slm_decode(d, &start, 1, NULL, 0, NULL, &f.err), SLM_OK);
	CHECK_STATUS(slm_decode_branches(d, 0, branch, 2, NULL, &f.err), SLM_ERR_INTERNAL);
	CHECK_CONTAINS(f.err.message, "branch 1 stands behind 16 tokens of 15");
	branch[1].past = 15;
	branch[1].n = 6;
	CHECK_STATUS(slm_decode_branches(d, 0, branch, 2, NULL, &f.err), SLM_ERR_LIMIT);
	CHECK_INT(slm_decoder_length(d, 0), 20);
	branch[1].n = 5;
	CHECK_STATUS(slm_decode_branches(d, 0, branch, 2, NULL, &f.err), SLM_OK);
	CHECK_INT(slm_decoder_length(d, 0), 20);
	test_host_reset();
	test_host_state.interrupt_at = 1;
	CHECK_STATUS(slm_decode_branches(d, 0, branch, 2, NULL, &f.err), SLM_ERR_CANCELLED);
	CHECK_INT(slm_decoder_length(d, 0), 10);
	test_host_reset();
	model_fixture_free(&f);
}

static void
what_cannot_decode(void)
{
	const DecoderGolden *g;
	ModelFixture f;
	SlmDecoder *d;

	CHECK(decoders_read());
	g = &decoder[0];
	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-bert.gguf"), SLM_OK);
	CHECK_STATUS(slm_decoder_new(&f.run, 1, 8, &d, &f.err), SLM_ERR_UNSUPPORTED);
	CHECK_CONTAINS(f.err.message, "architecture \"bert\" cannot write text");
	model_fixture_free(&f);
	CHECK_STATUS(model_fixture_load(&f, g->path), SLM_OK);
	CHECK_STATUS(slm_decoder_new(&f.run, 1, 513, &d, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "513 tokens exceed the context of 512 tokens");
	CHECK_STATUS(slm_decoder_new(&f.run, 1, 512, &d, &f.err), SLM_OK);
	model_fixture_free(&f);
}

/* A cancel at every poll; the next call is right. */
static void
cancel_at_every_poll(void)
{
	SlmStatus status = SLM_ERR_CANCELLED;
	const DecoderGolden *g;
	ModelFixture f;
	SlmDecoder *d;
	int n_vocab;
	int64_t n;

	CHECK(decoders_read());
	g = &decoder[0];
	CHECK_STATUS(model_fixture_load(&f, g->path), SLM_OK);
	n_vocab = slm_model_info(f.run.model)->n_vocab;
	f.run.kernels = slm_kernels(SLM_ISA_SCALAR);
	CHECK_STATUS(decoder_logits(&f, g, DECODER_LENGTH, logits), SLM_OK);
	CHECK_STATUS(slm_decoder_new(&f.run, 1, DECODER_LENGTH, &d, &f.err), SLM_OK);
	for (n = 1; status == SLM_ERR_CANCELLED && n < 100000; n++)
	{
		SlmStep step = {0, g->id, DECODER_LENGTH, 1};

		test_host_reset();
		test_host_state.interrupt_at = n;
		status = slm_decode(d, &step, 1, NULL, n_vocab, other, &f.err);
		CHECK_INT(slm_decoder_length(d, 0), status == SLM_OK ? DECODER_LENGTH : 0);
		test_host_reset();
	}
	CHECK_STATUS(status, SLM_OK);
	CHECK(n > 10);
	CHECK(memcmp(other, logits + (DECODER_LENGTH - 1) * n_vocab,
				 (size_t) n_vocab * sizeof(float)) == 0);
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(parity_with_transformers);
	TEST(steps_do_not_matter);
	TEST(company_does_not_matter);
	TEST(branches_do_not_matter);
	TEST(branches_that_do_not_fit);
	TEST(what_cannot_decode);
	TEST(cancel_at_every_poll);
	return check_done();
}
