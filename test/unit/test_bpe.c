/*
 * test_bpe.c - byte-level byte-pair encoding on small vocabularies
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "host.h"
#include "tokenizer/pretoken.h"
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

/* Words of a pattern, as "|"-separated text. */
static const char *
split_by(SlmPretoken which, const char *text)
{
	static char out[256];
	uint32_t n = (uint32_t) strlen(text), end;
	SlmWords words;
	size_t to = 0;

	CHECK_STATUS(slm_words_start(&words, which, (const uint8_t *) text, n, test_host(), NULL),
				 SLM_OK);
	for (uint32_t at = 0; at < n; at = end)
	{
		CHECK_STATUS(slm_words_next(&words, at, &end, NULL), SLM_OK);
		to += (size_t) snprintf(out + to, sizeof(out) - to, "%s%.*s", at > 0 ? "|" : "",
								(int) (end - at), text + at);
	}
	return out;
}

static const char *
split(const char *text)
{
	return split_by(SLM_PRETOKEN_GPT2, text);
}

static void
pattern_of_llama3_and_qwen2(void)
{
	static const struct
	{
		const char *text, *words;
	} both[] = {
		{"Hello world 123", "Hello| world| |123"},
		{"I'm you'LL we'RE 'sx'D", "I|'m| you|'LL| we|'RE| '|sx|'D"},
		{"'tis can't!'re", "'t|is| can|'t|!'|re"},
		{"a  b   ", "a| | b|   "},
		{"a\n\n  b\t c\n", "a|\n\n| | b|\t| c|\n"},
		{"x = y;\n\n\tz", "x| =| y|;\n\n|\tz"},
		{"(a) _b -c", "(a|)| _|b| -|c"},
		{"a\r\n \n", "a|\r\n \n"},
		{"a'\xc5\xbf"
		 "b",
		 "a|'\xc5\xbf|b"},
		{"x\xc2\xa0y\xe3\x80\x80\xe3\x80\x80z", "x|\xc2\xa0y|\xe3\x80\x80|\xe3\x80\x80z"},
		{" ", " "},
	};

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
	{
		const char *words = i == 0 ? "Hello| world| |1|2|3" : both[i].words;

		CHECK_STR(split_by(SLM_PRETOKEN_LLAMA3, both[i].text), both[i].words);
		CHECK_STR(split_by(SLM_PRETOKEN_QWEN2, both[i].text), words);
	}
	CHECK_STR(split_by(SLM_PRETOKEN_LLAMA3, "12345a"), "123|45|a");
}

static void
pattern_of_gpt2(void)
{
	CHECK_STR(split("Hello world 123abc"), "Hello| world| 123|abc");
	CHECK_STR(split("I'm you'LL we'll 'sx"), "I|'m| you|'|LL| we|'ll| '|sx");
	CHECK_STR(split("'tis can't!'re"), "'t|is| can|'t|!'|re");
	CHECK_STR(split("a  b   "), "a| | b|   ");
	CHECK_STR(split("a\n\n b\t c"), "a|\n\n| b|\t| c");
	CHECK_STR(split("a\nb"), "a|\n|b");
	CHECK_STR(split("\xc3\xa9t\xc3\xa9 \xd9\xa3\xe2\x85\xa0 \xe2\x82\xac!x"),
			  "\xc3\xa9t\xc3\xa9| \xd9\xa3\xe2\x85\xa0| \xe2\x82\xac!|x");
	CHECK_STR(split("x\xc2\xa0\xe3\x80\x80y"), "x|\xc2\xa0|\xe3\x80\x80|y");
	CHECK_STR(split(" "), " ");
	CHECK_STR(split("'"), "'");
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
	gguf_add_u32(&f.builder, "tokenizer.ggml.bos_token_id", 97);
	fixture_expect(&f, SLM_ERR_CORRUPT,
				   "tokenizer.ggml.tokens has no ordinary token for byte 0x61");
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
	TEST(pattern_of_gpt2);
	TEST(pattern_of_llama3_and_qwen2);
	TEST(vocabulary_rules_of_bpe);
	TEST(time_is_linear);
	return check_done();
}
