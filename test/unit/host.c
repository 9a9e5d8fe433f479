/*
 * host.c - an SlmHost for tests, benchmarks and fuzzers: malloc and OpenSSL
 */
#include "host.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

TestHostState test_host_state;

static void *
host_alloc(void *arg, size_t bytes)
{
	TestHostState *state = arg;
	void *ptr;

	state->allocs++;
	if (state->fail_alloc_at > 0 && state->allocs >= state->fail_alloc_at)
		return NULL;
	ptr = malloc(bytes > 0 ? bytes : 1);
	if (ptr != NULL)
		state->live_allocs++;
	return ptr;
}

static void
host_release(void *arg, void *ptr)
{
	TestHostState *state = arg;

	if (ptr != NULL)
		state->live_allocs--;
	free(ptr);
}

static bool
host_interrupted(void *arg)
{
	TestHostState *state = arg;

	state->polls++;
	return state->interrupt_at > 0 && state->polls >= state->interrupt_at;
}

static void *
host_sha256_start(void *arg)
{
	TestHostState *state = arg;
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context == NULL)
		return NULL;
	if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
	{
		EVP_MD_CTX_free(context);
		return NULL;
	}
	state->live_hashes++;
	return context;
}

static bool
host_sha256_update(void *arg, void *context, const void *data, size_t n)
{
	(void) arg;
	return EVP_DigestUpdate(context, data, n) == 1;
}

static bool
host_sha256_finish(void *arg, void *context, uint8_t out[SLM_SHA256_BYTES])
{
	TestHostState *state = arg;
	bool done = out == NULL || EVP_DigestFinal_ex(context, out, NULL) == 1;

	state->live_hashes--;
	EVP_MD_CTX_free(context);
	return done;
}

static void
host_log(void *arg, const char *message)
{
	TestHostState *state = arg;

	state->logs++;
	snprintf(state->last_log, sizeof(state->last_log), "%s", message);
}

static const SlmHost host = {
	.arg = &test_host_state,
	.alloc = host_alloc,
	.release = host_release,
	.interrupted = host_interrupted,
	.sha256_start = host_sha256_start,
	.sha256_update = host_sha256_update,
	.sha256_finish = host_sha256_finish,
	.log = host_log,
};

const SlmHost *
test_host(void)
{
	return &host;
}

void
test_host_reset(void)
{
	TestHostState kept = test_host_state;

	test_host_state = (TestHostState){
		.live_allocs = kept.live_allocs,
		.live_hashes = kept.live_hashes,
	};
}
