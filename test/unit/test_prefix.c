/*
 * test_prefix.c - kept beginnings change the time and nothing else, and belong to their owner
 *
 * Over src/engine/prefix.c, alone and under what the tasks write and score.
 */
#include "check.h"
#include "engine/prefix.h"
#include "host.h"
#include "model/model_impl.h"
#include "model_fixture.h"
#include "task/generate.h"
#include "task/score.h"

#define LENGTH 200
#define MAX_VOCAB 272
#define MEGABYTE (1U << 20)

static const char *const models[] = {
	"llama", "nemo", "biased", "qwen2",  "qwen3",  "gemma",    "gemma2",  "gemma3",    "phi2",
	"phi3",  "phi4", "gpt2",   "blocks", "scaled", "stablelm", "mistral", "starcoder2"};
static SlmPrefixes prefixes;
static int32_t id[LENGTH];

/* A model with nothing kept, and a sequence of tokens. */
static void
begin(ModelFixture *f, const char *name)
{
	char path[80];
	uint32_t state = 1;

	snprintf(path, sizeof(path), FIXTURE_DIR "decoder-%s.gguf", name);
	CHECK_STATUS(model_fixture_load(f, path), SLM_OK);
	prefixes.host = test_host();
	slm_prefixes_limit(&prefixes, 0);
	CHECK_INT(prefixes.n_byte, 0);
	slm_prefixes_limit(&prefixes, MEGABYTE);
	f->run.prefixes = &prefixes;
	f->run.owner = slm_text("anna");
	for (int i = 0; i < LENGTH; i++)
	{
		state = state * 1664525 + 1013904223;
		id[i] = (int32_t) (state >> 16) % 256 + 2;
	}
}

static void
end(ModelFixture *f)
{
	slm_prefixes_limit(&prefixes, 0);
	CHECK_INT(prefixes.n_byte, 0);
	model_fixture_free(f);
	CHECK_INT(test_host_state.live_allocs, 0);
}

/* A new decoder with what is kept of id[n] and, where reads, the rest; gives the kept length. */
static int
read_tokens(ModelFixture *f, int n, bool reads, SlmDecoder **d, float *logits)
{
	int n_vocab = slm_model_info(f->run.model)->n_vocab, n_kept;
	SlmStep step = {0};

	CHECK_STATUS(slm_decoder_new(&f->run, 1, n + 1, d, &f->err), SLM_OK);
	CHECK_STATUS(slm_prefix_restore(*d, 0, id, n, &f->err), SLM_OK);
	n_kept = slm_decoder_length(*d, 0);
	step = (SlmStep){0, id + n_kept, n - n_kept, 1};
	if (reads)
		CHECK_STATUS(slm_decode(*d, &step, 1, NULL, n_vocab, logits, &f->err), SLM_OK);
	return n_kept;
}

static void
keep(SlmDecoder *d, int n)
{
	SlmError err;

	CHECK_STATUS(slm_prefix_keep(d, 0, id, n, &err), SLM_OK);
}

static void
the_same_bits(void)
{
	static float computed[MAX_VOCAB], restored[MAX_VOCAB];
	static const int kept[] = {16, 33, 99, 150};

	for (size_t m = 0; m < sizeof(models) / sizeof(models[0]); m++)
		for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
		{
			ModelFixture f;
			SlmDecoder *d;

			begin(&f, models[m]);
			CHECK_INT(read_tokens(&f, 150, true, &d, computed), 0);
			keep(d, kept[k]);
			/* with other room, and the last token is always left to be read */
			CHECK_INT(read_tokens(&f, 150, true, &d, restored), kept[k] < 150 ? kept[k] : 149);
			CHECK(memcmp(computed, restored, sizeof(computed)) == 0);
			CHECK_INT(f.run.n_token_kept, kept[k] < 150 ? kept[k] : 149);
			/* another end: what is in common */
			id[14 + 4 * (int) k] = 1;
			CHECK_INT(read_tokens(&f, 200, true, &d, restored), k == 0 ? 0 : 14 + 4 * (int) k);
			slm_prefixes_limit(&prefixes, 0);
			CHECK_INT(read_tokens(&f, 200, true, &d, computed), 0);
			CHECK(memcmp(computed, restored, sizeof(computed)) == 0);
			end(&f);
		}
}

/* What a model makes of tokens in a long context is not what it makes of them in a short one. */
static void
long_and_short_apart(void)
{
	static float in_short[MAX_VOCAB], in_long[MAX_VOCAB], other[MAX_VOCAB];
	ModelFixture f;
	SlmDecoder *d;
	int n;

	begin(&f, "phi3");
	f.memory.model->hparams.n_rope_context = 64;
	n = slm_short_context(&f.run) - 1; /* read_tokens() makes room for one more */
	CHECK(n > SLM_PREFIX_TOKENS && n < slm_context_length(&f.run) - 1);
	CHECK_INT(read_tokens(&f, n, true, &d, in_short), 0);
	CHECK(!slm_decoder_is_long(d, 0));
	keep(d, n);
	CHECK_INT(read_tokens(&f, n + 1, true, &d, in_long), 0);
	CHECK(slm_decoder_is_long(d, 0));
	keep(d, n + 1);
	CHECK_INT(read_tokens(&f, n, true, &d, other), n - 1);
	CHECK(memcmp(in_short, other, sizeof(other)) == 0);
	CHECK_INT(read_tokens(&f, n + 1, true, &d, other), n);
	CHECK(memcmp(in_long, other, sizeof(other)) == 0);
	end(&f);
}

static void
owners_find_their_own(void)
{
	ModelFixture f;
	SlmDecoder *d;

	begin(&f, "qwen2");
	read_tokens(&f, 100, true, &d, (float[MAX_VOCAB]){0});
	keep(d, 80);
	CHECK_INT(slm_prefix_common(&f.run, id, 100), 0);
	CHECK_INT(slm_prefix_common(&f.run, id, 100), 99);
	CHECK_INT(slm_prefix_common(&f.run, id, 60), 59);
	f.run.owner = slm_text("anna2");
	CHECK_INT(read_tokens(&f, 100, false, &d, NULL), 0);
	CHECK_INT(slm_prefix_common(&f.run, id, 100), 0);
	f.run.owner = slm_text("ann");
	CHECK_INT(read_tokens(&f, 100, false, &d, NULL), 0);
	f.run.owner = slm_text("anna");
	CHECK_INT(read_tokens(&f, 100, false, &d, NULL), 80);
	/* without an owner, or with one that is too long, nothing is kept */
	f.run.owner = slm_text("");
	CHECK_INT(read_tokens(&f, 100, true, &d, (float[MAX_VOCAB]){0}), 0);
	keep(d, 100);
	CHECK_INT(read_tokens(&f, 100, false, &d, NULL), 0);
	f.run.owner = slm_text("0123456789012345678901234567890123456789012345678901234567890123.");
	CHECK_INT(read_tokens(&f, 100, true, &d, (float[MAX_VOCAB]){0}), 0);
	keep(d, 100);
	CHECK_INT(read_tokens(&f, 100, false, &d, NULL), 0);
	f.run.owner.size--;
	CHECK_INT(read_tokens(&f, 100, true, &d, (float[MAX_VOCAB]){0}), 0);
	keep(d, 100);
	CHECK_INT(read_tokens(&f, 101, false, &d, NULL), 100);
	end(&f);
}

/* A longer beginning takes the place of a shorter one, whose prompts it serves. */
static void
the_longest_is_enough(void)
{
	ModelFixture f;
	SlmDecoder *d;
	size_t n_byte;

	begin(&f, "qwen2");
	read_tokens(&f, 100, true, &d, (float[MAX_VOCAB]){0});
	keep(d, SLM_PREFIX_TOKENS - 1);
	CHECK_INT(prefixes.n_byte, 0);
	keep(d, 90);
	n_byte = prefixes.n_byte;
	CHECK(n_byte > 0);
	keep(d, 50);
	CHECK_INT(prefixes.n_byte, n_byte);
	keep(d, 100);
	CHECK(prefixes.n_byte > n_byte);
	CHECK_INT(read_tokens(&f, 61, false, &d, NULL), 60);
	CHECK_INT(read_tokens(&f, 150, false, &d, NULL), 100);
	end(&f);
}

/* Keeps a beginning of n tokens that no other shares. */
static void
keep_another(ModelFixture *f, int32_t first, int n)
{
	SlmDecoder *d;

	id[0] = first;
	CHECK_INT(read_tokens(f, n, true, &d, (float[MAX_VOCAB]){0}), 0);
	keep(d, n);
	slm_arena_reset(f->run.arena);
}

static bool
is_there(ModelFixture *f, int32_t first, int n)
{
	SlmDecoder *d;

	id[0] = first;
	return read_tokens(f, n + 1, false, &d, NULL) == n;
}

static void
memory_is_bounded(void)
{
	ModelFixture f;
	size_t one;

	begin(&f, "qwen2");
	keep_another(&f, 0, 32);
	one = prefixes.n_byte;
	/* a place for each of so many, the one used longest ago makes way */
	for (int32_t i = 1; i < SLM_PREFIXES; i++)
		keep_another(&f, i, 32);
	CHECK_INT(prefixes.n_byte, one * SLM_PREFIXES);
	CHECK(is_there(&f, 0, 32));
	keep_another(&f, SLM_PREFIXES, 32);
	CHECK_INT(prefixes.n_byte, one * SLM_PREFIXES);
	CHECK(!is_there(&f, 1, 32));
	CHECK(is_there(&f, 0, 32) && is_there(&f, 2, 32) && is_there(&f, SLM_PREFIXES, 32));
	/* memory for three, and then for one byte less */
	slm_prefixes_limit(&prefixes, 3 * one);
	CHECK_INT(prefixes.n_byte, 3 * one);
	CHECK(is_there(&f, 0, 32) && is_there(&f, 2, 32) && is_there(&f, SLM_PREFIXES, 32));
	keep_another(&f, 40, 32);
	CHECK_INT(prefixes.n_byte, 3 * one);
	CHECK(!is_there(&f, 0, 32) && is_there(&f, 40, 32));
	slm_prefixes_limit(&prefixes, 3 * one - 1);
	CHECK_INT(prefixes.n_byte, 2 * one);
	/* what alone is too large is not kept */
	slm_prefixes_limit(&prefixes, one - 1);
	CHECK_INT(prefixes.n_byte, 0);
	keep_another(&f, 50, 32);
	CHECK_INT(prefixes.n_byte, 0);
	slm_prefixes_limit(&prefixes, one);
	keep_another(&f, 50, 32);
	CHECK_INT(prefixes.n_byte, one);
	end(&f);
}

static void
no_memory_and_cancels(void)
{
	ModelFixture f;
	SlmDecoder *d;

	begin(&f, "qwen2");
	read_tokens(&f, 100, true, &d, (float[MAX_VOCAB]){0});
	test_host_reset();
	test_host_state.fail_alloc_at = 1;
	keep(d, 100);
	test_host_reset();
	CHECK_INT(prefixes.n_byte, 0);
	test_host_state.interrupt_at = 1;
	CHECK_STATUS(slm_prefix_keep(d, 0, id, 100, &f.err), SLM_ERR_CANCELLED);
	test_host_reset();
	CHECK_INT(prefixes.n_byte, 0);
	keep(d, 100);
	CHECK(prefixes.n_byte > 0);
	end(&f);
}

/* ---- Under the tasks ---------------------------------------------------------------- */

/* What a decoder writes after an instruction and each text, or probabilities of labels for it. */
static void
run_tasks(ModelFixture *f, char *out, size_t size)
{
	static const SlmLabel label[] = {{{"the ring", 8}, {"worn on the hand", 16}},
									 {{"the train", 9}, {"", 0}},
									 {{"an engine", 9}, {"", 0}}};
	static const char *const text[] = {"the ring on the hand",       "on the train", "in there",
									   "the ring on the other hand", "\xe6\x97\xa5", "x"};
	size_t n = 0;

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
			for (int task = SLM_SCORE_ONE; task <= SLM_SCORE_CONDITION; task++)
			{
				SlmText one = slm_text(text[i]);
				SlmPrompt prompt = {
					.system = slm_text("Write what is in the text, and then some more of it."),
					.user = one,
					.max_tokens = 12};
				int n_label = task == SLM_SCORE_CONDITION ? 1 : 3;
				SlmScoring *scoring;
				SlmWritten written;
				float p[3];

				CHECK_STATUS(slm_scoring_new(&f->run, (SlmScoreTask) task, label, n_label,
											 slm_text("Think of rings."), &scoring, &f->err),
							 SLM_OK);
				CHECK_STATUS(slm_task_score(&f->run, scoring, &one, 1, p, NULL, &f->err), SLM_OK);
				memcpy(out + n, p, (size_t) n_label * sizeof(float));
				n += (size_t) n_label * sizeof(float);
				CHECK_STATUS(slm_task_generate(&f->run, &prompt, &written, &f->err), SLM_OK);
				memcpy(out + n, written.text.data, written.text.size);
				n += written.text.size;
				slm_arena_reset(f->run.arena);
			}
	CHECK(n < size);
}

static void
tasks_read_instructions_once(void)
{
	for (size_t m = 0; m < sizeof(models) / sizeof(models[0]); m++)
	{
		static char with[16384], without[16384];
		uint64_t n_with, n_without;
		ModelFixture f;

		begin(&f, models[m]);
		memset(with, 0, sizeof(with));
		memset(without, 0, sizeof(without));
		run_tasks(&f, with, sizeof(with));
		n_with = f.run.n_token_in;
		CHECK(f.run.n_token_kept > 0);
		CHECK(prefixes.n_byte > 0);
		f.run.prefixes = NULL;
		f.run.n_token_in = f.run.n_token_kept = 0;
		run_tasks(&f, without, sizeof(without));
		n_without = f.run.n_token_in;
		CHECK_INT(f.run.n_token_kept, 0);
		CHECK(memcmp(with, without, sizeof(with)) == 0);
		printf("# %s: %d tokens read, %d without\n", models[m], (int) n_with, (int) n_without);
		CHECK(n_with * 3 < n_without);
		end(&f);
	}
}

/* Rows of one call, many of them, and a question for each label: what is kept is not a row's own text. */
static void
rows_of_a_batch(void)
{
	enum
	{
		N = 24
	};
	static char text[N][160];
	static const SlmLabel label[] = {{{"the ring", 8}, {"", 0}}, {{"the train", 9}, {"", 0}}};
	static float together[N * 2], alone[N * 2];
	SlmText texts[N];
	SlmScoring *scoring;
	ModelFixture f;
	size_t n_byte;

	for (int i = 0; i < N; i++)
	{
		snprintf(
			text[i], sizeof(text[i]), "%d: %.*s", i * 7919, 40 + i,
			"the ring on the hand and the train in the other inn and then again there in the end");
		texts[i] = slm_text(text[i]);
	}
	begin(&f, "llama");
	CHECK_STATUS(slm_scoring_new(&f.run, SLM_SCORE_EACH, label, 2, slm_text("Think of rings."),
								 &scoring, &f.err),
				 SLM_OK);
	n_byte = prefixes.n_byte;
	CHECK(n_byte > 0);
	CHECK_STATUS(slm_task_score(&f.run, scoring, texts, N, together, NULL, &f.err), SLM_OK);
	CHECK_INT(prefixes.n_byte, n_byte);
	for (int i = 0; i < N; i++)
		CHECK_STATUS(slm_task_score(&f.run, scoring, &texts[i], 1, alone + 2 * i, NULL, &f.err),
					 SLM_OK);
	CHECK_INT(prefixes.n_byte, n_byte);
	CHECK(memcmp(together, alone, sizeof(alone)) == 0);
	/* forgotten, it is read and kept again */
	slm_prefixes_limit(&prefixes, 0);
	slm_prefixes_limit(&prefixes, MEGABYTE);
	CHECK_STATUS(slm_task_score(&f.run, scoring, texts, N, alone, NULL, &f.err), SLM_OK);
	CHECK(prefixes.n_byte > 0);
	CHECK(memcmp(together, alone, sizeof(alone)) == 0);
	end(&f);
}

int
main(void)
{
	TEST(the_same_bits);
	TEST(long_and_short_apart);
	TEST(owners_find_their_own);
	TEST(the_longest_is_enough);
	TEST(memory_is_bounded);
	TEST(no_memory_and_cancels);
	TEST(tasks_read_instructions_once);
	TEST(rows_of_a_batch);
	return check_done();
}
