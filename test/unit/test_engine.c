/*
 * test_engine.c - encoding: the right numbers, the same bits, cancel, memory
 *
 * Over src/model and src/engine together, from a model file to vectors.
 *
 * The fixtures tiny-bert.gguf (F32) and tiny-bert-q8_0.gguf have seeded random
 * weights; tiny-bert.txt holds what transformers computes with them
 * (test/golden/make_tiny.py).
 */
#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "task/embed.h"

#include <math.h>

#define N_EMBD 32
#define MAX_CASES 64
#define MAX_IDS 64
#define TINY FIXTURE_DIR "tiny-bert.gguf"
#define TINY_Q8 FIXTURE_DIR "tiny-bert-q8_0.gguf"

/* One text of the golden file. */
typedef struct Golden
{
	int n;
	int32_t id[MAX_IDS];
	float embedding[N_EMBD];
} Golden;

static Golden golden[MAX_CASES];
static SlmSequence sequence[MAX_CASES];
static int n_golden;

static void
read_golden(void)
{
	Lines lines;
	Golden *g = NULL;

	if (n_golden > 0)
		return;
	lines = lines_of(FIXTURE_DIR "tiny-bert.txt");
	CHECK(lines.text != NULL);
	for (char *line; (line = lines_next(&lines)) != NULL;)
	{
		char *at;

		if (strncmp(line, "ids ", 4) == 0)
		{
			g = &golden[n_golden++];
			for (at = line + 3; *at == ' ';)
				g->id[g->n++] = (int32_t) strtol(at + 1, &at, 10);
			sequence[n_golden - 1] = (SlmSequence){g->id, g->n, g->n};
		}
		else if (strncmp(line, "embedding ", 10) == 0)
		{
			at = line + 9;
			for (int i = 0; i < N_EMBD; i++)
				g->embedding[i] = strtof(at + 1, &at);
		}
	}
	CHECK(n_golden > 5);
}

static void
parity_of(const char *path, double max_error, double min_cosine)
{
	ModelFixture f;
	float out[MAX_CASES][N_EMBD];

	read_golden();
	CHECK_STATUS(model_fixture_load(&f, path), SLM_OK);
	CHECK_STATUS(slm_encode_pooled(&f.run, sequence, n_golden, out[0], &f.err), SLM_OK);
	for (int i = 0; i < n_golden; i++)
	{
		slm_normalize(f.run.kernels, out[i], N_EMBD);
		CHECK(error_of(out[i], golden[i].embedding, N_EMBD) <= max_error);
		CHECK(cosine_of(out[i], golden[i].embedding, N_EMBD) >= min_cosine);
	}
	model_fixture_free(&f);
}

static void
parity_with_transformers(void)
{
	parity_of(TINY, 1e-11, 0.999999);
	parity_of(TINY_Q8, 1e-2, 0.997);
}

static void
info_of_the_fixture(void)
{
	ModelFixture f;
	const SlmModelInfo *info;

	CHECK_STATUS(model_fixture_load(&f, TINY_Q8), SLM_OK);
	info = slm_model_info(f.run.model);
	CHECK_INT(info->n_layer, 2);
	CHECK_INT(info->n_embd, N_EMBD);
	CHECK_INT(info->n_head, 2);
	CHECK_INT(info->n_ff, 96);
	CHECK_INT(info->n_context, 64);
	CHECK_INT(info->n_class, 0);
	CHECK_INT(info->pooling, SLM_POOLING_MEAN);
	CHECK_INT(info->quantization.size, 4);
	CHECK(memcmp(info->quantization.data, "Q8_0", 4) == 0);
	CHECK_INT(info->image_bytes, f.memory.image_bytes);
	model_fixture_free(&f);
}

/* Every ISA, batch sizes, orders: one set of bits. */
static void
one_answer_of(const char *path)
{
	static float alone[MAX_CASES][N_EMBD], batch[2 * MAX_CASES][N_EMBD];
	SlmSequence shuffled[2 * MAX_CASES];
	ModelFixture f;

	read_golden();
	CHECK_STATUS(model_fixture_load(&f, path), SLM_OK);
	f.run.kernels = slm_kernels(SLM_ISA_SCALAR);
	for (int i = 0; i < n_golden; i++)
		CHECK_STATUS(slm_encode_pooled(&f.run, &sequence[i], 1, alone[i], &f.err), SLM_OK);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		f.run.kernels = slm_kernels(isa);
		for (int n = 1; n <= 64; n = n == 1 ? 7 : n == 7 ? 64 : 65)
			for (int seed = 0; seed < 5; seed++)
			{
				for (int i = 0; i < n; i++)
					shuffled[i] = sequence[(i * 7 + seed * 11 + i / n_golden) % n_golden];
				CHECK_STATUS(slm_encode_pooled(&f.run, shuffled, n, batch[0], &f.err), SLM_OK);
				for (int i = 0; i < n; i++)
					CHECK(memcmp(batch[i], alone[(i * 7 + seed * 11 + i / n_golden) % n_golden],
								 sizeof(batch[i])) == 0);
			}
	}
	model_fixture_free(&f);
}

static void
one_answer(void)
{
	one_answer_of(TINY);
	one_answer_of(TINY_Q8);
}

/* A cancel at every poll, on the slowest and the fastest kernels. */
static void
cancel_at_every_poll(void)
{
	float right[MAX_CASES][N_EMBD], out[MAX_CASES][N_EMBD];
	ModelFixture f;

	read_golden();
	CHECK_STATUS(model_fixture_load(&f, TINY_Q8), SLM_OK);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		SlmStatus status = SLM_ERR_CANCELLED;
		int64_t n;

		f.run.kernels = slm_kernels(isa);
		CHECK_STATUS(slm_encode_pooled(&f.run, sequence, n_golden, right[0], &f.err), SLM_OK);
		for (n = 1; status == SLM_ERR_CANCELLED && n < 100000; n++)
		{
			test_host_reset();
			test_host_state.interrupt_at = n;
			status = slm_encode_pooled(&f.run, sequence, n_golden, out[0], &f.err);
			if (status == SLM_ERR_CANCELLED)
			{
				test_host_reset();
				CHECK_STATUS(slm_encode_pooled(&f.run, sequence, n_golden, out[0], &f.err), SLM_OK);
				CHECK(memcmp(out, right, sizeof(out[0]) * (size_t) n_golden) == 0);
			}
		}
		CHECK_STATUS(status, SLM_OK);
		CHECK(isa != SLM_ISA_SCALAR || n > 10);
		test_host_reset();
	}
	model_fixture_free(&f);
}

/* The N-th allocation fails, for every N, from the file to the embedding. */
static void
memory_fails_at_every_allocation(void)
{
	size_t size;
	void *file = read_whole_file(TINY_Q8, &size);
	SlmStatus status = SLM_ERR_NO_MEMORY;
	float row[MEMORY_MODEL_MAX_EMBD];
	int64_t live = test_host_state.live_allocs;

	CHECK(file != NULL);
	for (int64_t n = 1; status == SLM_ERR_NO_MEMORY && n < 1000; n++)
	{
		MemoryModel m;
		SlmError err = {0};

		test_host_reset();
		test_host_state.fail_alloc_at = n;
		status = memory_model_load(&m, file, size, &err);
		if (status == SLM_OK)
		{
			slm_arena_trim(&m.arena, 0);
			status = memory_model_run(&m, "the order arrived", row, N_EMBD, &err);
		}
		if (status != SLM_OK)
		{
			CHECK_STATUS(status, SLM_ERR_NO_MEMORY);
			CHECK_CONTAINS(err.message, "out of memory");
		}
		memory_model_free(&m);
		CHECK_INT(test_host_state.live_allocs, live);
		CHECK_INT(test_host_state.live_hashes, 0);
	}
	CHECK_STATUS(status, SLM_OK);
	test_host_reset();
	free(file);
}

static void
arena_limit_is_an_error(void)
{
	ModelFixture f;
	SlmArena small;
	float out[MAX_CASES][N_EMBD];

	read_golden();
	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	slm_arena_init(&small, test_host(), 64 * 1024);
	f.run.arena = &small;
	CHECK_STATUS(slm_encode_pooled(&f.run, sequence, n_golden, out[0], &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "limit of 64 kB");
	f.run.arena = &f.memory.arena;
	CHECK_STATUS(slm_encode_pooled(&f.run, sequence, n_golden, out[0], &f.err), SLM_OK);
	slm_arena_trim(&small, 0);
	model_fixture_free(&f);
}

/* A run gives back what it takes: many calls do not grow the arena. */
static void
arena_does_not_grow(void)
{
	ModelFixture f;
	float out[MAX_CASES][N_EMBD];
	size_t held = 0;

	read_golden();
	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	slm_arena_trim(&f.memory.arena, 0);
	for (int i = 0; i < 20; i++)
	{
		CHECK_STATUS(slm_encode_pooled(&f.run, sequence, n_golden, out[0], &f.err), SLM_OK);
		if (i == 1)
			held = f.memory.arena.held_bytes;
	}
	CHECK_INT(f.memory.arena.held_bytes, held);
	model_fixture_free(&f);
}

static void
a_window_holds_its_tokens_and_no_more(void)
{
	ModelFixture f;
	int32_t id[65];
	SlmSequence s = {id, 64, 64};
	float out[N_EMBD];

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	for (int i = 0; i < 65; i++)
		id[i] = 5 + i;
	CHECK_STATUS(slm_encode_pooled(&f.run, &s, 1, out, &f.err), SLM_OK);
	s.n = 65;
	CHECK_STATUS(slm_encode_pooled(&f.run, &s, 1, out, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "65 tokens does not fit into a window of 64");
	s.n = 0;
	CHECK_STATUS(slm_encode_pooled(&f.run, &s, 1, out, &f.err), SLM_ERR_LIMIT);
	f.memory.options.context_length = 10;
	s.n = 11;
	CHECK_STATUS(slm_encode_pooled(&f.run, &s, 1, out, &f.err), SLM_ERR_LIMIT);
	s.n = 10;
	CHECK_STATUS(slm_encode_pooled(&f.run, &s, 1, out, &f.err), SLM_OK);
	CHECK_STATUS(slm_encode_scores(&f.run, &s, 1, out, &f.err), SLM_ERR_UNSUPPORTED);
	model_fixture_free(&f);
}

static void
token_ids_out_of_range_are_refused(void)
{
	ModelFixture f;
	int32_t id[3] = {2, 0, 3};
	SlmSequence s = {id, 3, 3};
	float out[N_EMBD];

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	id[1] = slm_model_tokenizer(f.run.model)->n_vocab - 1;
	CHECK_STATUS(slm_encode_pooled(&f.run, &s, 1, out, &f.err), SLM_OK);
	id[1]++;
	CHECK_STATUS(slm_encode_pooled(&f.run, &s, 1, out, &f.err), SLM_ERR_CORRUPT);
	id[1] = -1;
	CHECK_STATUS(slm_encode_pooled(&f.run, &s, 1, out, &f.err), SLM_ERR_CORRUPT);
	model_fixture_free(&f);
}

static void
pooling_kinds(void)
{
	ModelFixture f;
	float mean[N_EMBD], cls[N_EMBD], last[N_EMBD], one[N_EMBD];
	SlmSequence single;

	read_golden();
	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_STATUS(slm_encode_pooled(&f.run, &sequence[1], 1, mean, &f.err), SLM_OK);
	f.memory.options.pooling = SLM_POOLING_CLS;
	CHECK_STATUS(slm_encode_pooled(&f.run, &sequence[1], 1, cls, &f.err), SLM_OK);
	f.memory.options.pooling = SLM_POOLING_LAST;
	CHECK_STATUS(slm_encode_pooled(&f.run, &sequence[1], 1, last, &f.err), SLM_OK);
	CHECK(memcmp(mean, cls, sizeof(mean)) != 0);
	CHECK(memcmp(last, cls, sizeof(mean)) != 0);
	/* with one token they are one */
	single = (SlmSequence){golden[1].id, 1, 1};
	CHECK_STATUS(slm_encode_pooled(&f.run, &single, 1, last, &f.err), SLM_OK);
	f.memory.options.pooling = SLM_POOLING_MEAN;
	CHECK_STATUS(slm_encode_pooled(&f.run, &single, 1, one, &f.err), SLM_OK);
	CHECK(memcmp(last, one, sizeof(one)) == 0);
	f.memory.options.pooling = SLM_POOLING_NONE;
	CHECK_STATUS(slm_encode_pooled(&f.run, &single, 1, one, &f.err), SLM_ERR_UNSUPPORTED);
	model_fixture_free(&f);
}

static void
options_are_checked(void)
{
	ModelFixture f;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_OK);
	f.memory.options.context_length = 64;
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_OK);
	f.memory.options.context_length = 65;
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "context_length");
	f.memory.options.context_length = 8;
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_OK);
	f.memory.options.context_length = 7;
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_ERR_ARGUMENT);
	f.memory.options.context_length = 0;
	f.memory.options.pooling = SLM_POOLING_RANK;
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "pooling");
	f.memory.options.pooling = SLM_POOLING_NONE;
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_ERR_ARGUMENT);
	model_fixture_free(&f);
}

static void
normalize_keeps_direction(void)
{
	const SlmKernels *kernels = slm_kernels(SLM_ISA_SCALAR);
	float x[4] = {3, 0, 4, 0}, zero[2] = {0, 0}, huge[2] = {3e38f, 0}, tiny[2] = {0, -1e-44f};

	slm_normalize(kernels, x, 4);
	CHECK(x[0] == 0.6f && x[1] == 0 && x[2] == 0.8f);
	slm_normalize(kernels, zero, 2);
	CHECK(zero[0] == 0 && zero[1] == 0);
	slm_normalize(kernels, huge, 2);
	CHECK(huge[0] == 1.0f);
	slm_normalize(kernels, tiny, 2);
	CHECK(tiny[1] == -1.0f);
}

int
main(void)
{
	TEST(parity_with_transformers);
	TEST(info_of_the_fixture);
	TEST(one_answer);
	TEST(cancel_at_every_poll);
	TEST(memory_fails_at_every_allocation);
	TEST(arena_limit_is_an_error);
	TEST(arena_does_not_grow);
	TEST(a_window_holds_its_tokens_and_no_more);
	TEST(token_ids_out_of_range_are_refused);
	TEST(pooling_kinds);
	TEST(options_are_checked);
	TEST(normalize_keeps_direction);
	return check_done();
}
