/*
 * test_one_answer.c - greedy answers have the same bits whoever is beside them
 *
 * Law 2 over src/engine/decode.c and prefix.c: prompts that begin alike go on
 * greedily, 1 to 16 of them in one decoder, with what they begin with kept or read
 * each time, in one thread or in two that share the model, on every instruction set,
 * and all logits on the way are compared.
 */
#include <pthread.h>

#include "check.h"
#include "decoder_fixture.h"
#include "engine/prefix.h"

enum
{
	MOST = 16, /* prompts */
	COMMON =
		70,  /* tokens that they begin with: past gemma2's window, and what phi3 has for short */
	OWN = 5, /* at most, behind these */
	STEPS = 4,
	ROOM = COMMON + OWN + STEPS
};

typedef float Logits[MOST][STEPS][DECODER_VOCAB];

/* A host for one thread: malloc, and nothing is ever cancelled. */
static void *
host_alloc(void *arg, size_t bytes)
{
	(void) arg;
	return malloc(bytes);
}

static void
host_release(void *arg, void *p)
{
	(void) arg;
	free(p);
}

static bool
host_interrupted(void *arg)
{
	(void) arg;
	return false;
}

static const SlmHost host = {
	.alloc = host_alloc, .release = host_release, .interrupted = host_interrupted};

/* One way to get the first n answers of a model, from first on. */
typedef struct Way
{
	const ModelFixture *f;
	const DecoderGolden *g;
	SlmIsa isa;
	int first, n;
	bool keeps;

	SlmArena arena;
	SlmPrefixes prefixes;
	SlmStatus status;
	SlmError err;
	int n_kept; /* prompts that began with what was kept */
	Logits logits;
} Way;

/* Prompt i: what all begin with, and 1 to OWN tokens more. */
static int
prompt_of(const DecoderGolden *g, int i, int32_t *id)
{
	int n = COMMON + 1 + i % OWN;

	memcpy(id, g->id, COMMON * sizeof(*id));
	for (int j = COMMON; j < n; j++)
		id[j] = g->id[COMMON + 7 * i + j];
	return n;
}

/* Reads what all begin with, and keeps it. */
static SlmStatus
keep_common(Way *w, SlmRun *run)
{
	SlmStep step = {0, w->g->id, COMMON, 0};
	SlmDecoder *d;

	SLM_TRY(slm_decoder_new(run, 1, ROOM, &d, &w->err));
	SLM_TRY(slm_decode(d, &step, 1, NULL, 0, NULL, &w->err));
	return slm_prefix_keep(d, 0, w->g->id, COMMON, &w->err);
}

static SlmStatus
write_answers(Way *w, SlmRun *run)
{
	int n_vocab = slm_model_info(run->model)->n_vocab;
	int32_t id[MOST][ROOM];
	float *row;
	SlmStep step[MOST];
	SlmDecoder *d;

	if (w->keeps)
		SLM_TRY(keep_common(w, run));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) (MOST * n_vocab), &row, &w->err));
	SLM_TRY(slm_decoder_new(run, w->n, ROOM, &d, &w->err));
	for (int i = 0; i < w->n; i++)
	{
		int n = prompt_of(w->g, w->first + i, id[i]), past;

		SLM_TRY(slm_prefix_restore(d, i, id[i], n, &w->err));
		past = slm_decoder_length(d, i);
		w->n_kept += past == COMMON;
		step[i] = (SlmStep){i, id[i] + past, n - past, 1};
	}
	for (int s = 0; s < STEPS; s++)
	{
		SLM_TRY(slm_decode(d, step, w->n, NULL, n_vocab, row, &w->err));
		for (int i = 0; i < w->n; i++)
		{
			const float *logit = row + i * n_vocab;
			int32_t top = 0;

			memcpy(w->logits[i][s], logit, (size_t) n_vocab * sizeof(float));
			for (int32_t j = 1; j < n_vocab; j++)
				if (logit[j] > logit[top])
					top = j;
			id[i][0] = top;
			step[i] = (SlmStep){i, id[i], 1, 1};
		}
	}
	return SLM_OK;
}

/* A thread. */
static void *
go(void *arg)
{
	Way *w = arg;
	SlmRun run = w->f->run;

	memset(w->logits, 0, sizeof(w->logits));
	w->n_kept = 0;
	slm_arena_init(&w->arena, &host, SIZE_MAX);
	w->prefixes = (SlmPrefixes){.host = &host};
	slm_prefixes_limit(&w->prefixes, 1U << 20);
	run.kernels = slm_kernels(w->isa);
	run.host = &host;
	run.arena = &w->arena;
	run.prefixes = w->keeps ? &w->prefixes : NULL;
	run.owner = slm_text("anna");
	w->status = write_answers(w, &run);
	slm_prefixes_limit(&w->prefixes, 0);
	slm_arena_trim(&w->arena, 0);
	return NULL;
}

static Logits alone;
static Way way[2];

static void
check_way(const Way *w)
{
	if (CHECK_STATUS(w->status, SLM_OK) &&
		CHECK(memcmp(w->logits, alone, (size_t) w->n * sizeof(alone[0])) == 0) &&
		CHECK_INT(w->n_kept, w->keeps ? w->n : 0))
		return;
	printf("# %s %s: %d prompts, %s\n", w->g->name, slm_isa_name(w->isa), w->n,
		   w->keeps ? "kept" : "read");
}

/* Each prompt on its own, in one thread, nothing kept. */
static void
write_alone(const ModelFixture *f, const DecoderGolden *g)
{
	for (int i = 0; i < MOST; i++)
	{
		way[0] = (Way){.f = f, .g = g, .isa = SLM_ISA_AUTO, .first = i, .n = 1};
		go(&way[0]);
		CHECK_STATUS(way[0].status, SLM_OK);
		memcpy(alone[i], way[0].logits[0], sizeof(alone[0]));
	}
	CHECK(memcmp(alone[0], alone[OWN], sizeof(alone[0])) != 0);
}

/* In one thread, or in two at once. */
static void
check_threads(const Way *w, int n_thread)
{
	pthread_t thread;

	for (int t = 0; t < n_thread; t++)
		way[t] = *w;
	if (n_thread == 2 && !CHECK_INT(pthread_create(&thread, NULL, go, &way[1]), 0))
		return;
	go(&way[0]);
	if (n_thread == 2)
		pthread_join(thread, NULL);
	for (int t = 0; t < n_thread; t++)
		check_way(&way[t]);
}

/* Every number of prompts, or some. */
static void
check_model(const char *name, SlmDtype cache_type, bool every)
{
	static Way w;
	const DecoderGolden *g;
	ModelFixture f;

	if (!CHECK(decoders_read()) || !CHECK((g = decoder_find(name)) != NULL) ||
		!CHECK_STATUS(model_fixture_load(&f, g->path), SLM_OK))
		return;
	f.memory.options.cache_type = cache_type;
	write_alone(&f, g);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
		for (int n = 1; n <= MOST; n += every ? 1 : 5)
			for (int keeps = 0; keeps < 2; keeps++)
				for (int n_thread = 1; n_thread <= 2; n_thread++)
				{
					w = (Way){.f = &f, .g = g, .isa = isa, .n = n, .keeps = keeps != 0};
					check_threads(&w, n_thread);
				}
	model_fixture_free(&f);
}

static void
of_llama(void)
{
	check_model("llama", SLM_DTYPE_F32, true);
}

static void
of_gemma2(void)
{
	check_model("gemma2", SLM_DTYPE_F32, true);
}

static void
of_phi3(void)
{
	check_model("phi3", SLM_DTYPE_F32, true);
}

static void
of_halves_and_codes(void)
{
	check_model("llama", SLM_DTYPE_F16, false);
	check_model("gemma2", SLM_DTYPE_Q8_0, false);
	check_model("phi3", SLM_DTYPE_Q8_0, false);
}

int
main(void)
{
	TEST(of_llama);
	TEST(of_gemma2);
	TEST(of_phi3);
	TEST(of_halves_and_codes);
	return check_done();
}
