/*
 * test_bpe.c - byte-level byte-pair encoding on small vocabularies
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "tokenizer_fixture.h"

#define G "\xc4\xa0" /* U+0120 stands for a space */

/*                                     256   257   258     259     260       261       262 */
static const char *const words[] = {"ab", "bc", "abc", G "a", G "ab", "<|end|>", "'s"};
static const char *const merges[] = {"b c", "a b", "ab c", G " a", G " ab"};

#define N_WORDS (sizeof(words) / sizeof(words[0]))
#define N_MERGES (sizeof(merges) / sizeof(merges[0]))

static void
begin(TokenizerFixture *f)
{
	fixture_begin_bytes(f, "gpt-2", words, N_WORDS);
	gguf_add_strings(&f->builder, "tokenizer.ggml.merges", merges, N_MERGES);
}

static void
merges_by_rank(void)
{
	TokenizerFixture f;

	begin(&f);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	/* "b c" ranks before "a b", so "abc" is a, bc although the token abc exists */
	CHECK_STR(fixture_spans(&f, "abc"), "97:0-1 257:1-3");
	CHECK_STR(fixture_spans(&f, "ab ab"), "256:0-2 260:2-5");
	CHECK_STR(fixture_spans(&f, "abab"), "256:0-2 256:2-4");
	CHECK_STR(fixture_spans(&f, "\xe4\xb8\xad"), "228:0-1 184:1-2 173:2-3");
	CHECK_STR(fixture_ids(&f, ""), "");
	/* "'s" is a token that nothing merges to */
	CHECK_STR(fixture_ids(&f, "'s"), "39 115");
	/* a special spelling is bytes like others */
	CHECK_STR(fixture_ids(&f, "<|end|>"), "60 124 101 110 100 124 62");
	CHECK(!f.tokenizer.special.add_bos && !f.tokenizer.special.add_eos);
	CHECK_INT(f.tokenizer.special.unk, -1);
	fixture_free(&f);
}

static void
roberta_wraps(void)
{
	TokenizerFixture f;
	static const char *const more[] = {"<s>", "</s>", "<mask>", "ab"};

	fixture_begin_bytes(&f, "roberta-bpe", more, 4);
	gguf_add_strings(&f.builder, "tokenizer.ggml.merges", (const char *const[]){"a b"}, 1);
	gguf_add_u32(&f.builder, "tokenizer.ggml.bos_token_id", 256);
	gguf_add_u32(&f.builder, "tokenizer.ggml.eos_token_id", 257);
	gguf_add_u32(&f.builder, "tokenizer.ggml.mask_token_id", 258);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK(f.tokenizer.special.add_bos && f.tokenizer.special.add_eos);
	CHECK_INT(f.tokenizer.special.pair_seps, 2);
	CHECK_INT(f.tokenizer.special.sep, 257);
	CHECK_STR(fixture_ids(&f, "ab<s>"), "259 60 115 62");
	fixture_free(&f);
}

/* ModernBERT: user-defined tokens, runs of spaces among them, are cut out of texts first. */
static void
modern_bert_cuts(void)
{
	/*                                      256      257      258   259    260      261     262 */
	static const char *const more[] = {"[CLS]", "[SEP]", "ab", G "a", "  ", "    ", "|IP|"};
	static const int32_t kinds[] = {3, 3, 1, 1, 4, 4, 4};
	int32_t types[256 + 7];
	TokenizerFixture f;

	for (int i = 0; i < 256 + 7; i++)
		types[i] = i < 256 ? 1 : kinds[i - 256];
	fixture_begin_bytes(&f, "modern-bert", more, 7);
	gguf_add_i32s(&f.builder, "tokenizer.ggml.token_type", types, 256 + 7);
	gguf_add_strings(&f.builder, "tokenizer.ggml.merges", (const char *const[]){"a b", G " a"}, 2);
	gguf_add_u32(&f.builder, "tokenizer.ggml.cls_token_id", 256);
	gguf_add_u32(&f.builder, "tokenizer.ggml.seperator_token_id", 257);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK(f.tokenizer.special.add_bos && f.tokenizer.special.add_eos);
	CHECK_INT(f.tokenizer.special.bos, 256);
	CHECK_INT(f.tokenizer.special.eos, 257);
	CHECK_INT(f.tokenizer.special.pair_seps, 1);
	CHECK_STR(fixture_spans(&f, "ab a"), "258:0-2 259:2-4");
	/* the longest at each place, from left to right; what is left of a run is text */
	CHECK_STR(fixture_spans(&f, "ab  a"), "258:0-2 260:2-4 97:4-5");
	CHECK_STR(fixture_spans(&f, "       a"), "261:0-4 260:4-6 259:6-8");
	CHECK_STR(fixture_spans(&f, "a|IP|ab"), "97:0-1 262:1-5 258:5-7");
	CHECK_STR(fixture_ids(&f, "|IP"), "124 73 80");
	CHECK_STR(fixture_ids(&f, "    "), "261");
	/* control tokens are bytes like others */
	CHECK_STR(fixture_ids(&f, "[SEP]"), "91 83 69 80 93");
	CHECK(fixture_is_linear(&f, " "));
	CHECK(fixture_is_linear(&f, "|I"));
	fixture_free(&f);
}

/* What a value of tokenizer.ggml.pre says beside how words are cut. */
static void
ways_and_what_they_bring(void)
{
	static const struct
	{
		const char *pre;
		const char *text, *ids; /* something that this way has of its own */
		bool begins;
	} ways[] = {
		{"gpt-2", "ab12", "256 49 50", false},
		{"phi-2", "ab12", "256 49 50", false},
		{"llama-bpe", "abc", "258", true}, /* a word that is a token is that token */
		{"llama3", "abc", "258", true},
		{"llama-v3", "abc", "258", true},
		{"tekken", "abc", "258", true},
		{"gpt-4o", "abc", "97 257", false},
		{"qwen2", "abe\xcc\x81", "256 195 169", false}, /* composed */
		{"deepseek-r1-qwen", "abe\xcc\x81", "256 195 169", false},
		{"modern-bert", "abe\xcc\x81", "256 195 169", true},
		{"mpt", "abe\xcc\x81", "256 195 169", false},
		{"olmo", "abe\xcc\x81", "256 195 169", false},
		{"command-r", "abe\xcc\x81", "256 195 169", false},
		{"starcoder", "abe\xcc\x81", "256 101 204 129", false},
		{"refact", "ab", "256", false},
		{"smollm", "ab", "256", false},
		{"falcon", "ab", "256", false},
		{"deepseek-llm", "ab", "256", false},
		{"deepseek-coder", "ab", "256", false},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
	{
		TokenizerFixture f;

		fixture_begin_bytes(&f, ways[i].pre, words, N_WORDS);
		gguf_add_strings(&f.builder, "tokenizer.ggml.merges", merges, N_MERGES);
		gguf_add_u32(&f.builder, "tokenizer.ggml.bos_token_id", 261);
		CHECK_STATUS(fixture_finish(&f), SLM_OK);
		CHECK_STR(fixture_ids(&f, ways[i].text), ways[i].ids);
		CHECK(f.tokenizer.special.add_bos == ways[i].begins);
		fixture_free(&f);
	}
}

/* Added tokens of a vocabulary with types: all of them user-defined. */
static void
begin_added(TokenizerFixture *f, const char *pre, const char *const *word, int n)
{
	int32_t type[300];

	fixture_begin_bytes(f, pre, word, (uint64_t) n);
	for (int i = 0; i < 256 + n; i++)
		type[i] = i < 256 ? 1 : 4;
	gguf_add_i32s(&f->builder, "tokenizer.ggml.token_type", type, 256 + (uint64_t) n);
	gguf_add_array(&f->builder, "tokenizer.ggml.merges", SLM_GGUF_STRING, 0);
}

static void
user_defined(void)
{
	static const char *const added[] = {"++",
										"+++",
										"  ",
										"\xc3\xa9",
										"<strong>",
										"</h1>", /* 256 to 261: found in texts */
										"<think>",
										"[x]",
										"<>", /* 262 to 264: only written */
										"<|end|>",
										"<\xef\xbd\x9c"
										"a\xef\xbd\x9c>",
										"</s>",
										"<pad>",
										"[PAD7]",
										"<unused3>",
										"<start_of_turn>"}; /* 265 on: control tokens */
	TokenizerFixture f;
	uint8_t bytes[32];

	begin_added(&f, "gpt-2", added, 16);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_spans(&f, "a+++b"), "97:0-1 257:1-4 98:4-5");
	CHECK_STR(fixture_ids(&f, "++++"), "257 43");
	CHECK_STR(fixture_ids(&f, "+++++"), "257 256");
	CHECK_STR(fixture_ids(&f, "+ +"), "43 32 43");
	CHECK_STR(fixture_ids(&f, "a   b"), "97 258 32 98");
	CHECK_STR(fixture_spans(&f, "\xc3\xa9\xc3\xa8"), "259:0-2 195:2-3 168:3-4");
	CHECK_STR(fixture_ids(&f, "<strong>a</h1>"), "260 97 261");
	CHECK_STR(fixture_ids(&f, "<think>"), "60 116 104 105 110 107 62");
	CHECK_STR(fixture_ids(&f, "[x]<>"), "91 120 93 60 62");
	CHECK_STR(fixture_ids(&f, "<|end|>"), "60 124 101 110 100 124 62");
	for (int32_t id = 256; id < 265; id++)
	{
		CHECK(!slm_token_is_control(&f.tokenizer, id));
		CHECK_INT(slm_token_bytes(&f.tokenizer, id, bytes), strlen(added[id - 256]));
		CHECK_INT(slm_token_control(&f.tokenizer, slm_text(added[id - 256])), -1);
	}
	for (int32_t id = 265; id < 272; id++)
	{
		CHECK(slm_token_is_control(&f.tokenizer, id));
		CHECK_INT(slm_token_bytes(&f.tokenizer, id, bytes), 0);
		CHECK_INT(slm_token_control(&f.tokenizer, slm_text(added[id - 256])), id);
	}
	fixture_free(&f);
	/* cut out before text is composed: the two parts of e and its accent stay apart */
	begin_added(&f, "qwen2", (const char *const[]){"e"}, 1);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "ae\xcc\x81"), "97 256 204 129");
	fixture_free(&f);
}

/* A hundred thousand of them, and one that is as long as may be and almost stands in the text. */
static void
many_user_defined(void)
{
	const int n = 100000;
	char long_one[SLM_MAX_ADDED_BYTES + 1], word[16];
	TokenizerFixture f;
	char *text = malloc(1 << 20);
	double start, seconds;

	fixture_begin(&f, "gpt2");
	gguf_add_string(&f.builder, "tokenizer.ggml.pre", "gpt-2");
	gguf_add_array(&f.builder, "tokenizer.ggml.tokens", SLM_GGUF_STRING, 256 + (uint64_t) n);
	fixture_put_bytes(&f);
	memset(long_one, 'a', sizeof(long_one));
	long_one[SLM_MAX_ADDED_BYTES - 1] = 'b';
	long_one[SLM_MAX_ADDED_BYTES] = '\0';
	gguf_put_string(&f.builder.keys, long_one);
	for (int i = 1; i < n; i++)
	{
		snprintf(word, sizeof(word), "aaaa%d", i);
		gguf_put_string(&f.builder.keys, word);
	}
	gguf_add_array(&f.builder, "tokenizer.ggml.token_type", SLM_GGUF_I32, 256 + (uint64_t) n);
	for (int32_t i = 0; i < 256 + n; i++)
		gguf_put_u32(&f.builder.keys, i < 256 ? 1 : 4);
	gguf_add_array(&f.builder, "tokenizer.ggml.merges", SLM_GGUF_STRING, 0);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "aaaa99999"), "100255");
	memset(text, 'a', 1 << 20);
	start = check_cpu_seconds();
	CHECK_STATUS(fixture_tokenize(&f, text, 1 << 20), SLM_OK);
	seconds = check_cpu_seconds() - start;
	printf("# %.3f s for 1 MB\n", seconds);
	CHECK(seconds < 2.0 * check_patience());
	CHECK_INT(f.tokens.n, 1 << 20);
	free(text);
	fixture_free(&f);
}

/* Control characters may have no tokens: they are left out; a vocabulary without letters is refused. */
static void
bytes_without_tokens(void)
{
	static const struct
	{
		uint32_t byte;
		bool needed;
	} lacking[] = {{0x00, false}, {0x03, false}, {0x1f, false}, {0x7f, false}, {0xc0, false},
				   {0xf1, false}, {0xff, false}, {'\n', true},  {'\t', true},  {' ', true},
				   {'a', true},   {0x80, true},  {0xbf, true},  {0xc2, true},  {0xf0, true}};
	TokenizerFixture f;

	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++)
	{
		char message[80];

		begin(&f);
		gguf_add_u32(&f.builder, "tokenizer.ggml.bos_token_id", lacking[i].byte);
		snprintf(message, sizeof(message), "has no ordinary token for byte 0x%02x",
				 lacking[i].byte);
		fixture_expect(&f, lacking[i].needed ? SLM_ERR_CORRUPT : SLM_OK, message);
	}
	begin(&f);
	gguf_add_u32(&f.builder, "tokenizer.ggml.bos_token_id", 3);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_spans(&f, "!\3!"), "33:0-1 33:1-3");
	CHECK_STR(fixture_ids(&f, "\3"), "");
	CHECK_STR(fixture_spans(&f, "\3"
								"ab"),
			  "256:1-3");
	fixture_free(&f);
}

/* Tokens of composed text lie where its source does. */
static void
text_is_composed(void)
{
	TokenizerFixture f;

	fixture_begin_bytes(&f, "qwen2", words, N_WORDS);
	gguf_add_strings(&f.builder, "tokenizer.ggml.merges", merges, N_MERGES);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_spans(&f, "e\xcc\x81"), "195:0-3 169:0-3");
	CHECK_STR(fixture_spans(&f, "ab e\xcc\x81 ab"), "256:0-2 32:2-3 195:3-6 169:3-6 260:6-9");
	/* U+0958 is longer when it is composed, and no token goes on in it */
	CHECK_STR(fixture_spans(&f, "\xe0\xa5\x98"
								"b"),
			  "224:0-3 164:0-3 149:0-3 224:0-3 164:0-3 188:0-3 98:3-4");
	CHECK_STR(fixture_spans(&f, "\xc3\xa9"), "195:0-1 169:1-2");
	fixture_free(&f);
}

static void
vocabulary_rules_of_bpe(void)
{
	static const struct
	{
		const char *merge;
		const char *message;
	} bad[] = {
		{"ab", "merges[5] is not two tokens and one space"},
		{"a b c", "merges[5] is not two tokens and one space"},
		{" ab", "merges[5] is not two tokens and one space"},
		{"ab ", "merges[5] is not two tokens and one space"},
		{"", "merges[5] is not two tokens and one space"},
		{"zz a", "merges[5] has a left part that is not an ordinary token"},
		{"a zz", "merges[5] has a right part that is not an ordinary token"},
		{"a c", "merges[5] has a result that is not an ordinary token"},
		{"a b", "merges[5] repeats tokenizer.ggml.merges[1]"},
	};
	TokenizerFixture f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		const char *all[N_MERGES + 1];

		memcpy(all, merges, sizeof(merges));
		all[N_MERGES] = bad[i].merge;
		fixture_begin_bytes(&f, "gpt-2", words, N_WORDS);
		gguf_add_strings(&f.builder, "tokenizer.ggml.merges", all, N_MERGES + 1);
		fixture_expect(&f, SLM_ERR_CORRUPT, bad[i].message);
	}
	fixture_begin_bytes(&f, "gpt-2", words, N_WORDS);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.merges");
	fixture_begin_bytes(&f, "gpt-2", words, N_WORDS);
	gguf_add_i32s(&f.builder, "tokenizer.ggml.merges", (const int32_t[]){1}, 1);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.merges");
	fixture_begin_bytes(&f, NULL, words, N_WORDS);
	gguf_add_strings(&f.builder, "tokenizer.ggml.merges", merges, N_MERGES);
	fixture_expect(&f, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.pre is missing");
	fixture_begin_bytes(&f, "kimi-k2", words, N_WORDS);
	gguf_add_strings(&f.builder, "tokenizer.ggml.merges", merges, N_MERGES);
	fixture_expect(&f, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.pre \"kimi-k2\" is not supported");
	begin(&f);
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_eos_token", true);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.add_eos_token is true but");
	/* no merges at all is a vocabulary of bytes */
	fixture_begin_bytes(&f, "gpt-2", words, N_WORDS);
	gguf_add_array(&f.builder, "tokenizer.ggml.merges", SLM_GGUF_STRING, 0);
	fixture_expect(&f, SLM_OK, "");
}

/* A word of a megabyte: every pair merges, over and over. */
static void
time_is_linear(void)
{
	static const char *const more[] = {"aa", "aaaa", "aaaaaaaa", "ab", "abab"};
	static const char *const how[] = {"a a", "aa aa", "aaaa aaaa", "a b", "ab ab"};
	static const char *const units[] = {"a", "ab", "abc", " ", "!", "\xe4\xb8\xad"};
	TokenizerFixture f;

	fixture_begin_bytes(&f, "gpt-2", more, 5);
	gguf_add_strings(&f.builder, "tokenizer.ggml.merges", how, 5);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		CHECK(fixture_is_linear(&f, units[i]));
	fixture_free(&f);
}

int
main(void)
{
	TEST(merges_by_rank);
	TEST(roberta_wraps);
	TEST(modern_bert_cuts);
	TEST(ways_and_what_they_bring);
	TEST(user_defined);
	TEST(many_user_defined);
	TEST(bytes_without_tokens);
	TEST(text_is_composed);
	TEST(vocabulary_rules_of_bpe);
	TEST(time_is_linear);
	return check_done();
}
