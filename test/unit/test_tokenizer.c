/*
 * test_tokenizer.c - what all tokenizers share: vocabulary rules, limits,
 * cancel, memory, a blob that breaks, and answers of Hugging Face's tokenizers
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "tokenizer/blob.h"
#include "tokenizer_fixture.h"

#define WORDS "[PAD] [UNK] [CLS] [SEP] ##b a"
#define N_WORDS 6

static void
begin(TokenizerFixture *f)
{
	fixture_begin(f, "bert");
	fixture_tokens(f, WORDS);
}

static void
expect(TokenizerFixture *f, SlmStatus status, const char *message)
{
	CHECK_STATUS(fixture_finish(f), status);
	if (status != SLM_OK)
		CHECK_CONTAINS(f->err.message, message);
	fixture_free(f);
}

/* A tokens array of one string given by length, after [UNK] and ##b. */
static void
begin_with_token(TokenizerFixture *f, const void *token, size_t n)
{
	fixture_begin(f, "bert");
	gguf_add_array(&f->builder, "tokenizer.ggml.tokens", SLM_GGUF_STRING, 3);
	gguf_put_string(&f->builder.keys, "[UNK]");
	gguf_put_string(&f->builder.keys, "##b");
	gguf_put_text(&f->builder.keys, token, n);
}

static void
tokens_follow_their_rules(void)
{
	TokenizerFixture f;
	char *big = calloc(1, SLM_MAX_TOKEN_BYTES + 2);

	memset(big, 'x', SLM_MAX_TOKEN_BYTES + 1);
	fixture_begin(&f, "bert");
	expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.tokens");
	fixture_begin(&f, "bert");
	gguf_add_array(&f.builder, "tokenizer.ggml.tokens", SLM_GGUF_STRING, 0);
	expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.tokens is empty");
	fixture_begin(&f, "bert");
	gguf_add_i32s(&f.builder, "tokenizer.ggml.tokens", (const int32_t[]){1, 2}, 2);
	expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.tokens");
	begin_with_token(&f, "", 0);
	expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.tokens[2] is empty");
	begin_with_token(&f, "\xff\xfe", 2);
	expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.tokens[2] is not valid UTF-8");
	begin_with_token(&f, big, SLM_MAX_TOKEN_BYTES);
	expect(&f, SLM_OK, "");
	begin_with_token(&f, big, SLM_MAX_TOKEN_BYTES + 1);
	expect(&f, SLM_ERR_LIMIT, "tokenizer.ggml.tokens[2] has 65536 bytes, over the limit of 65535");
	free(big);

	/* NUL is a byte like others, and duplicates are told apart by their ids */
	begin_with_token(&f, "x\0y", 3);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_INT(slm_token_text(&f.tokenizer, 2).size, 3);
	fixture_free(&f);
	fixture_begin(&f, "bert");
	fixture_tokens(&f, "[UNK] a ##b a ##b");
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "ab"), "1 2");
	CHECK_INT(slm_token_text(&f.tokenizer, 3).size, 1);
	fixture_free(&f);
}

/* The limit of tokens and one more; the file is made by hand because it is large. */
static void
number_of_tokens_is_limited(void)
{
	for (uint32_t extra = 0; extra < 2; extra++)
	{
		TokenizerFixture f;

		fixture_begin(&f, "bert");
		gguf_add_array(&f.builder, "tokenizer.ggml.tokens", SLM_GGUF_STRING, SLM_MAX_VOCAB + extra);
		gguf_put_string(&f.builder.keys, "[UNK]");
		gguf_put_string(&f.builder.keys, "##b");
		for (uint32_t i = 2; i < SLM_MAX_VOCAB + extra; i++)
			gguf_put_text(&f.builder.keys, "a", 1);
		expect(&f, extra ? SLM_ERR_LIMIT : SLM_OK,
			   "tokenizer.ggml.tokens has 4194305 tokens, over the limit of 4194304");
	}
}

static void
scores_and_types_match_the_tokens(void)
{
	static const int32_t types[N_WORDS + 1] = {3, 2, 3, 3, 1, 1, 1};
	static const int32_t bad_types[] = {0, 7, -1};
	static const float bad_scores[] = {NAN, INFINITY, -INFINITY};
	TokenizerFixture f;

	for (int n = N_WORDS - 1; n <= N_WORDS + 1; n++)
	{
		char message[80];

		begin(&f);
		gguf_add_i32s(&f.builder, "tokenizer.ggml.token_type", types, (uint64_t) n);
		snprintf(message, sizeof(message), "token_type has %d items for 6 tokens", n);
		expect(&f, n == N_WORDS ? SLM_OK : SLM_ERR_CORRUPT, message);
		begin(&f);
		gguf_add_array(&f.builder, "tokenizer.ggml.scores", SLM_GGUF_F32, (uint64_t) n);
		gguf_put_zeros(&f.builder.keys, (size_t) n * 4);
		snprintf(message, sizeof(message), "scores has %d items for 6 tokens", n);
		expect(&f, n == N_WORDS ? SLM_OK : SLM_ERR_CORRUPT, message);
	}
	for (int i = 0; i < 3; i++)
	{
		int32_t some[N_WORDS] = {3, 2, 3, 3, 1, bad_types[i]};
		float scores[N_WORDS] = {0, 0, 0, bad_scores[i], 0, 0};

		begin(&f);
		gguf_add_i32s(&f.builder, "tokenizer.ggml.token_type", some, N_WORDS);
		expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.token_type[5] is ");
		begin(&f);
		gguf_add_array(&f.builder, "tokenizer.ggml.scores", SLM_GGUF_F32, N_WORDS);
		gguf_put(&f.builder.keys, scores, sizeof(scores));
		expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.scores[3] is not finite");
	}
	for (int i = 0; i < 3; i++)
	{
		static const SlmGgufType wrong_scores[] = {SLM_GGUF_U8, SLM_GGUF_I8, SLM_GGUF_F64};
		static const SlmGgufType wrong_types[] = {SLM_GGUF_U8, SLM_GGUF_I64, SLM_GGUF_F32};
		static const size_t score_bytes[] = {1, 1, 8};
		static const size_t type_bytes[] = {1, 8, 4};

		begin(&f);
		gguf_add_array(&f.builder, "tokenizer.ggml.scores", wrong_scores[i], N_WORDS);
		gguf_put_zeros(&f.builder.keys, score_bytes[i] * N_WORDS);
		expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.scores");
		begin(&f);
		gguf_add_array(&f.builder, "tokenizer.ggml.token_type", wrong_types[i], N_WORDS);
		gguf_put_zeros(&f.builder.keys, type_bytes[i] * N_WORDS);
		expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.token_type");
	}
	begin(&f);
	gguf_add_i32s(&f.builder, "tokenizer.ggml.token_type", (int32_t[]){3, 2, 3, 3, 1, 4}, N_WORDS);
	expect(&f, SLM_ERR_UNSUPPORTED, "user-defined tokens are not supported");
}

static void
special_ids_lie_in_the_vocabulary(void)
{
	static const char *const keys[] = {
		"tokenizer.ggml.bos_token_id",     "tokenizer.ggml.eos_token_id",
		"tokenizer.ggml.unknown_token_id", "tokenizer.ggml.seperator_token_id",
		"tokenizer.ggml.padding_token_id", "tokenizer.ggml.cls_token_id",
		"tokenizer.ggml.mask_token_id",
	};
	TokenizerFixture f;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		begin(&f);
		gguf_add_u32(&f.builder, keys[i], N_WORDS - 1);
		expect(&f, SLM_OK, "");
		begin(&f);
		gguf_add_u32(&f.builder, keys[i], N_WORDS);
		expect(&f, SLM_ERR_CORRUPT, keys[i]);
		begin(&f);
		gguf_add_u32(&f.builder, keys[i], UINT32_MAX);
		expect(&f, SLM_ERR_CORRUPT, keys[i]);
		begin(&f);
		gguf_add_scalar(&f.builder, keys[i], SLM_GGUF_I32, (uint64_t) -1);
		expect(&f, SLM_ERR_CORRUPT, keys[i]);
	}
}

static void
unknown_models_are_refused_by_name(void)
{
	TokenizerFixture f;

	fixture_begin(&f, "rwkv");
	fixture_tokens(&f, WORDS);
	expect(&f, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.model \"rwkv\" is not supported");
	fixture_begin(&f, "");
	fixture_tokens(&f, WORDS);
	expect(&f, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.model \"\" is not supported");
	memset(&f, 0, sizeof(f));
	fixture_begin(&f, "bert");
	f.builder.keys.size = 0;
	f.builder.n_key = 0;
	fixture_tokens(&f, WORDS);
	expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.model");
}

static void
text_is_checked(void)
{
	static const char *const broken[] = {
		"\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe4\xb8", "\xf0\x9f\x98"};
	TokenizerFixture f;
	char *text = malloc(SLM_POLL_BYTES * 2);

	begin(&f);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
	{
		/* at the start, at the end, and across the steps of the check */
		static const size_t places[] = {0, 7, SLM_POLL_BYTES - 1, SLM_POLL_BYTES,
										SLM_POLL_BYTES * 2 - 9};

		for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++)
		{
			char message[80];

			for (int tail = 0; tail < 2; tail++)
			{
				size_t n = places[j] + strlen(broken[i]);

				memset(text, 'a', SLM_POLL_BYTES * 2);
				memcpy(text + places[j], broken[i], strlen(broken[i]));
				snprintf(message, sizeof(message), "text is not valid UTF-8 at byte %zu",
						 places[j]);
				CHECK_STATUS(fixture_tokenize(&f, text, tail ? n + 1 : n), SLM_ERR_ENCODING);
				CHECK_STR(f.err.message, message);
			}
		}
	}
	/* a character across the steps is fine */
	memset(text, ' ', SLM_POLL_BYTES * 2);
	memcpy(text + SLM_POLL_BYTES - 2, "\xe4\xb8\xad", 3);
	CHECK_STATUS(fixture_tokenize(&f, text, SLM_POLL_BYTES * 2), SLM_OK);
	CHECK_INT(f.tokens.n, 1);
	CHECK_INT(f.tokens.start[0], SLM_POLL_BYTES - 2);
	/* refused before a byte is read */
	CHECK_STATUS(fixture_tokenize(&f, text, (size_t) SLM_MAX_INPUT_BYTES + 1), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "over the limit of 1073741824");
	free(text);
	fixture_free(&f);
}

/* One vocabulary of each kind. */
static const char *const kinds[] = {"bert", "gpt2", "unigram", "spm"};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void
load_kind(TokenizerFixture *f, const char *kind)
{
	char path[64];

	snprintf(path, sizeof(path), "test/golden/tokenizer-%s.gguf", kind);
	CHECK_STATUS(fixture_load(f, path), SLM_OK);
}

/* Every allocation fails in turn, every poll says stop in turn; the next call is right. */
static void
check_failures(const char *kind)
{
	TokenizerFixture f;
	const size_t n = 300000;
	char *text = malloc(n), expected[sizeof(f.text)];
	int64_t live;
	SlmArena arena;
	SlmStatus status;
	SlmError err;
	SlmTokens tokens;
	const void *blob;
	size_t blob_bytes;

	for (size_t i = 0; i < n; i++)
		text[i] = i % 7 == 0 ? ' ' : i % 7 == 1 ? 'a' : 'b';
	load_kind(&f, kind);
	snprintf(expected, sizeof(expected), "%s", fixture_ids(&f, "ab a"));
	live = test_host_state.live_allocs;
	for (int what = 0; what < 2; what++)
	{
		int64_t at = 1;

		do
		{
			slm_arena_init(&arena, test_host(), 1 << 28);
			test_host_reset();
			*(what ? &test_host_state.interrupt_at : &test_host_state.fail_alloc_at) = at++;
			status = slm_tokenizer_build(&f.gguf, test_host(), &arena, &blob, &blob_bytes, &err);
			if (status == SLM_OK)
				status = slm_tokenize(&f.tokenizer, test_host(), text, n, &arena, &tokens, &err);
			test_host_reset();
			if (status != SLM_OK)
				CHECK_STATUS(status, what ? SLM_ERR_CANCELLED : SLM_ERR_NO_MEMORY);
			slm_arena_trim(&arena, 0);
			CHECK_INT(test_host_state.live_allocs, live);
		} while (status != SLM_OK && at < 1000);
		CHECK_STATUS(status, SLM_OK);
		CHECK(at > 3);
	}
	CHECK_STR(fixture_ids(&f, "ab a"), expected);
	free(text);
	fixture_free(&f);
}

static void
failures_leave_nothing_behind(void)
{
	for (size_t i = 0; i < N_KINDS; i++)
		check_failures(kinds[i]);
}

/* Opens what a changed blob holds, tokenizes if it opens; only crashes would show. */
static void
try_blob(const void *blob, size_t n, const TokenizerFixture *f, SlmArena *arena)
{
	static const char text[] =
		"ab a [CLS] \xc3\xa9 zz  a's abb\n\ne-mail the database \xe6\x95\xb0";
	static uint8_t bytes[SLM_MAX_TOKEN_BYTES];
	SlmTokenizer tokenizer;
	SlmTokens tokens;
	SlmError err;

	if (slm_tokenizer_open(blob, n, &tokenizer, &err) == SLM_OK)
	{
		slm_arena_reset(arena);
		if (slm_tokenize(&tokenizer, test_host(), text, sizeof(text) - 1, arena, &tokens, &err) ==
			SLM_OK)
		{
			for (int32_t i = 0; i < tokens.n; i++)
				CHECK(tokens.id[i] >= 0 && tokens.id[i] < tokenizer.n_vocab &&
					  tokens.start[i] <= tokens.end[i] && tokens.end[i] < sizeof(text));
		}
		for (int32_t id = -2; id < 40; id++)
		{
			(void) slm_token_text(&tokenizer, id);
			CHECK(slm_token_bytes(&tokenizer, id, bytes) <= SLM_MAX_TOKEN_BYTES);
		}
	}
	/* the view was opened while the blob was whole */
	tokenizer = f->tokenizer;
	tokenizer.blob = blob;
	slm_arena_reset(arena);
	if (slm_tokenize(&tokenizer, test_host(), text, sizeof(text) - 1, arena, &tokens, &err) !=
		SLM_OK)
		CHECK_INT(err.status, SLM_ERR_CORRUPT);
}

static void
check_damages(const char *kind)
{
	TokenizerFixture f;
	SlmArena arena;
	uint8_t *blob;
	uint32_t random = 12345;

	slm_arena_init(&arena, test_host(), 1 << 24);
	load_kind(&f, kind);
	blob = aligned_alloc(64, (f.blob_bytes + 63) / 64 * 64);
	for (size_t n = 0; n <= f.blob_bytes;
		 n += n < sizeof(SlmBlobHeader) || n == f.blob_bytes ? 1 : 1 + (f.blob_bytes - n) / 200)
	{
		SlmTokenizer tokenizer;

		memcpy(blob, f.blob, f.blob_bytes);
		CHECK_STATUS(slm_tokenizer_open(blob, n, &tokenizer, NULL),
					 n < f.blob_bytes ? SLM_ERR_CORRUPT : SLM_OK);
		/* what follows n has turned to zeros */
		memset(blob + n, 0, f.blob_bytes - n);
		try_blob(blob, f.blob_bytes, &f, &arena);
	}
	CHECK_STATUS(slm_tokenizer_open(blob + 1, f.blob_bytes - 1, &(SlmTokenizer){0}, NULL),
				 SLM_ERR_CORRUPT);
	memcpy(blob, f.blob, f.blob_bytes);
	for (int round = 0; round < 20000; round++)
	{
		size_t at[8];
		int n = round % 8 + 1;

		for (int i = 0; i < n; i++)
		{
			random = random * 1664525u + 1013904223u;
			at[i] = (random >> 4) % (round % 2 ? sizeof(SlmBlobHeader) : f.blob_bytes);
			blob[at[i]] = (uint8_t) (random >> 24);
		}
		try_blob(blob, f.blob_bytes, &f, &arena);
		for (int i = 0; i < n; i++)
			blob[at[i]] = ((const uint8_t *) f.blob)[at[i]];
	}
	free(blob);
	slm_arena_trim(&arena, 0);
	fixture_free(&f);
}

static void
damaged_blobs_do_no_harm(void)
{
	for (size_t i = 0; i < N_KINDS; i++)
		check_damages(kinds[i]);
}

int
main(void)
{
	TEST(tokens_follow_their_rules);
	TEST(number_of_tokens_is_limited);
	TEST(scores_and_types_match_the_tokens);
	TEST(special_ids_lie_in_the_vocabulary);
	TEST(unknown_models_are_refused_by_name);
	TEST(text_is_checked);
	TEST(failures_leave_nothing_behind);
	TEST(damaged_blobs_do_no_harm);
	return check_done();
}
