/*
 * fuzz_tokenizer.c - any text, and any damage to a tokenizer's blob
 *
 * Input: one byte that chooses the vocabulary (test/golden/tokenizer-*.gguf),
 * one byte n, n damages of 3 bytes place and 1 byte value, and the text.  The
 * blob is opened whole and damaged afterwards, as a mapping might be.  Without
 * damage every promise of tokenizer.h is checked; with damage nothing may
 * crash or hang, and what is given out still lies in its bounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "host.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer_fixture.h"

#define N_VOCABULARIES 4
#define MAX_DAMAGES 16
#define MAX_SCRATCH_BYTES ((size_t) 256 << 20)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static TokenizerFixture vocabulary[N_VOCABULARIES];
static SlmArena scratch;

static void
load(void)
{
	static const char *const path[N_VOCABULARIES] = {
		"test/golden/tokenizer-bert.gguf", "test/golden/tokenizer-gpt2.gguf",
		"test/golden/tokenizer-unigram.gguf", "test/golden/tokenizer-spm.gguf"};

	for (int i = 0; i < N_VOCABULARIES; i++)
	{
		if (fixture_load(&vocabulary[i], path[i]) != SLM_OK)
		{
			fprintf(stderr, "%s: %s\n", path[i], vocabulary[i].err.message);
			exit(1);
		}
	}
	slm_arena_init(&scratch, test_host(), MAX_SCRATCH_BYTES);
}

/* Ids and offsets are in bounds and offsets in order. */
static void
check_bounds(const SlmTokenizer *tokenizer, const SlmTokens *tokens, size_t n)
{
	for (int32_t i = 0; i < tokens->n; i++)
	{
		if (tokens->id[i] < 0 || tokens->id[i] >= tokenizer->n_vocab)
			abort();
		if (tokens->start[i] > tokens->end[i] || tokens->end[i] > n)
			abort();
		if (i > 0 &&
			(tokens->start[i] < tokens->start[i - 1] || tokens->end[i] < tokens->end[i - 1]))
			abort();
	}
}

/* No text gives a control token; only the unknown token is special and allowed. */
static void
check_no_control(const SlmSpecialTokens *special, const SlmTokens *tokens)
{
	for (int32_t i = 0; i < tokens->n; i++)
	{
		int32_t id = tokens->id[i];

		if (id == special->bos || id == special->eos || id == special->sep || id == special->pad ||
			id == special->mask)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_loaded;
	TokenizerFixture *f;
	uint8_t *blob;
	size_t place[MAX_DAMAGES];
	uint8_t value[MAX_DAMAGES];
	size_t n_damage;
	SlmTokens tokens;
	SlmError err;
	SlmStatus status;
	bool is_valid;

	if (!is_loaded)
		load();
	is_loaded = true;
	if (size < 2)
		return 0;
	f = &vocabulary[data[0] % N_VOCABULARIES];
	n_damage = data[1] % (MAX_DAMAGES + 1);
	data += 2;
	size -= 2;
	if (n_damage * 4 > size)
		n_damage = size / 4;
	/* the blob is ours: the arena gave writable memory */
	blob = (uint8_t *) (uintptr_t) f->blob;
	for (size_t i = 0; i < n_damage; i++)
	{
		place[i] = (data[0] | (size_t) data[1] << 8 | (size_t) data[2] << 16) % f->blob_bytes;
		value[i] = blob[place[i]];
		blob[place[i]] = data[3];
		data += 4;
		size -= 4;
	}
	is_valid = slm_utf8_valid_bytes(data, size) == size;
	slm_arena_reset(&scratch);
	status = slm_tokenize(&f->tokenizer, test_host(), (const char *) data, size, &scratch, &tokens,
						  &err);
	if (status == SLM_OK)
		check_bounds(&f->tokenizer, &tokens, size);
	for (int32_t id = -1; id <= f->tokenizer.n_vocab; id += 7)
	{
		SlmText text = slm_token_text(&f->tokenizer, id);

		if (text.size > f->blob_bytes)
			abort();
	}
	if (n_damage == 0)
	{
		if (status != (is_valid ? SLM_OK : SLM_ERR_ENCODING))
			abort();
		if (status == SLM_OK)
			check_no_control(&f->tokenizer.special, &tokens);
	}
	/* in reverse, so that a place damaged twice gets its first value back */
	for (size_t i = n_damage; i-- > 0;)
		blob[place[i]] = value[i];
	return 0;
}
