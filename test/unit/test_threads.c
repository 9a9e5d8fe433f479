/*
 * test_threads.c - src/engine/threads.c, and products that threads share: the same bits
 */
#include "engine/threads.h"

#include "base/limits.h"
#include "check.h"
#include "engine/decode.h"
#include "host.h"
#include "model_fixture.h"

#define LENGTH 300

typedef struct Count
{
	int of[SLM_MAX_WORKER_THREADS];
	int sum; /* atomic */
} Count;

static void
count(void *job, int i)
{
	Count *c = job;

	c->of[i]++;
	__atomic_add_fetch(&c->sum, i + 1, __ATOMIC_RELAXED);
}

static void
each_part_once(void)
{
	for (int n = 2; n <= 5; n++)
	{
		SlmThreads *threads;
		Count c = {{0}, 0};
		SlmError err;

		CHECK_STATUS(slm_threads_start(test_host(), n, &threads, &err), SLM_OK);
		for (int round = 1; round <= 100; round++)
		{
			struct timespec nap = {0, 200000};

			slm_threads_run(threads, count, &c);
			CHECK_INT(c.sum, round * n * (n + 1) / 2);
			if (round % 50 == 0)
				nanosleep(&nap, NULL); /* they fall asleep */
		}
		for (int i = 0; i < SLM_MAX_WORKER_THREADS; i++)
			CHECK_INT(c.of[i], i < n ? 100 : 0);
		slm_threads_stop(threads);
	}
	slm_threads_stop(NULL);
}

static void
number_is_bounded(void)
{
	SlmThreads *threads;
	SlmError err;

	CHECK_STATUS(slm_threads_start(test_host(), 1, &threads, &err), SLM_ERR_ARGUMENT);
	CHECK_STATUS(slm_threads_start(test_host(), SLM_MAX_WORKER_THREADS + 1, &threads, &err),
				 SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(err.message, "2 to 64");
	CHECK_STATUS(slm_threads_start(test_host(), SLM_MAX_WORKER_THREADS, &threads, &err), SLM_OK);
	slm_threads_stop(threads);
	test_host_state.fail_alloc_at = 1;
	CHECK_STATUS(slm_threads_start(test_host(), 2, &threads, &err), SLM_ERR_NO_MEMORY);
	test_host_reset();
}

/* ---- Products ---- */

static SlmHost with_threads;
static SlmThreads *running;
static int n_shared; /* jobs so far */

static void
together(void *arg, void (*part)(void *job, int i), void *job)
{
	(void) arg;
	n_shared++;
	slm_threads_run(running, part, job);
}

/* The logits after a prompt and after one token more, in memory of the fixture's. */
static SlmStatus
logits_of(ModelFixture *f, float **out)
{
	int n_vocab = slm_model_info(f->run.model)->n_vocab;
	int32_t id[LENGTH + 1];
	SlmStep step = {0, id, LENGTH, 1};
	SlmDecoder *decoder;

	for (int i = 0; i <= LENGTH; i++)
		id[i] = (i * 7 + 3) % n_vocab;
	SLM_TRY(SLM_NEW_ARRAY(f->run.arena, 2 * (size_t) n_vocab, out, &f->err));
	SLM_TRY(slm_decoder_new(&f->run, 1, LENGTH + 1, &decoder, &f->err));
	SLM_TRY(slm_decode(decoder, &step, 1, NULL, n_vocab, *out, &f->err));
	step = (SlmStep){0, id + LENGTH, 1, 1};
	return slm_decode(decoder, &step, 1, NULL, n_vocab, *out + n_vocab, &f->err);
}

static void
use_threads(ModelFixture *f, int n)
{
	SlmError err;

	with_threads = *f->run.host;
	CHECK_STATUS(slm_threads_start(test_host(), n, &running, &err), SLM_OK);
	with_threads.together = together;
	with_threads.n_thread = n;
	f->run.host = &with_threads;
	n_shared = 0;
}

static void
products_have_the_same_bits(void)
{
	static const char *const model[] = {"decoder-blocks.gguf", "ticket_json.gguf"};

	for (size_t i = 0; i < sizeof(model) / sizeof(*model); i++)
	{
		char path[128];
		ModelFixture f;
		float *alone, *shared;
		size_t n;

		snprintf(path, sizeof(path), FIXTURE_DIR "%s", model[i]);
		if (!CHECK_STATUS(model_fixture_load(&f, path), SLM_OK))
			continue;
		n = 2 * (size_t) slm_model_info(f.run.model)->n_vocab;
		CHECK_STATUS(logits_of(&f, &alone), SLM_OK);
		for (int n_thread = 2; n_thread <= 4; n_thread++)
		{
			const SlmHost *host = f.run.host;

			use_threads(&f, n_thread);
			CHECK_STATUS(logits_of(&f, &shared), SLM_OK);
			CHECK(memcmp(alone, shared, n * sizeof(float)) == 0);
			CHECK(n_shared > 0);
			slm_threads_stop(running);
			f.run.host = host;
		}
		model_fixture_free(&f);
	}
}

/* A cancel in the middle of a shared product: all come back, and the next one is right. */
static void
cancel_ends_all(void)
{
	ModelFixture f;
	float *alone, *shared;
	size_t n;

	if (!CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "ticket_json.gguf"), SLM_OK))
		return;
	f.run.kernels = slm_kernels(SLM_ISA_SCALAR); /* polls often */
	n = 2 * (size_t) slm_model_info(f.run.model)->n_vocab;
	CHECK_STATUS(logits_of(&f, &alone), SLM_OK);
	use_threads(&f, 3);
	for (int at = 1; at < 100; at += 7)
	{
		test_host_reset();
		test_host_state.interrupt_at = at;
		CHECK_STATUS(logits_of(&f, &shared), SLM_ERR_CANCELLED);
	}
	test_host_reset();
	CHECK_STATUS(logits_of(&f, &shared), SLM_OK);
	CHECK(memcmp(alone, shared, n * sizeof(float)) == 0);
	slm_threads_stop(running);
	f.run.host = test_host();
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(each_part_once);
	TEST(number_is_bounded);
	TEST(products_have_the_same_bits);
	TEST(cancel_ends_all);
	return check_done();
}
