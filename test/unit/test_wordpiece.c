/*
 * test_wordpiece.c - BERT's tokenizer on small vocabularies
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "host.h"
#include "tokenizer_fixture.h"

#define START "\xe2\x96\x81" /* U+2581, llama.cpp's mark of a word start */

/*                0     1     2     3     4      5 6   7    8  9 10    11    12      13 */
#define SPECIALS "[PAD] [UNK] [CLS] [SEP] [MASK] "
#define WORDS SPECIALS "un ##want ##ed run ##ning , ! [ ] mask cls e \xe4\xb8\xad ##e caf"

static void
begin_words(TokenizerFixture *f, const char *words)
{
	fixture_begin(f, "bert");
	fixture_tokens(f, words);
}

static void
cuts_into_longest_pieces(void)
{
	TokenizerFixture f;

	begin_words(&f, WORDS);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_spans(&f, "UNwant\xc3\xa9"
								"d,running!"),
			  "5:0-2 6:2-6 7:6-9 10:9-10 8:10-13 9:13-17 11:17-18");
	CHECK_STR(fixture_spans(&f, "  run \t run\n"), "8:2-5 8:8-11");
	CHECK_STR(fixture_ids(&f, ""), "");
	CHECK_STR(fixture_ids(&f, " \r\n\t"), "");
	/* a word that cannot be cut whole is unknown whole */
	CHECK_STR(fixture_spans(&f, "runx run"), "1:0-4 8:5-8");
	/* ideographs stand alone, control characters vanish, marks join what they modify */
	CHECK_STR(fixture_spans(&f, "run\xe4\xb8\xadrun"), "8:0-3 17:3-6 8:6-9");
	CHECK_STR(fixture_spans(&f, "r\x01un\xe2\x80\x8bning"), "8:0-4 9:7-11");
	CHECK_STR(fixture_spans(&f, "cafe\xcc\x81 ,"), "19:0-3 18:3-6 10:7-8");
	CHECK_STR(fixture_spans(&f, "\xcc\x81"
								"e"),
			  "16:2-3");
	CHECK_INT(f.tokenizer.special.bos, 2);
	CHECK_INT(f.tokenizer.special.eos, 3);
	CHECK_INT(f.tokenizer.special.sep, 3);
	CHECK_INT(f.tokenizer.special.pad, 0);
	CHECK_INT(f.tokenizer.special.unk, 1);
	CHECK_INT(f.tokenizer.special.mask, 4);
	CHECK(f.tokenizer.special.add_bos && f.tokenizer.special.add_eos);
	CHECK_INT(f.tokenizer.special.pair_seps, 1);
	fixture_free(&f);
}

static void
reads_both_spellings(void)
{
	static const char *const texts[] = {"unwanted running",
										"un, run!",
										"unrun",
										"[mask] cls",
										"run\xe4\xb8\xad"
										"e",
										"caf\xc3\xa9"};
	TokenizerFixture google, llama;
	char ids[4096];

	begin_words(&google, WORDS);
	CHECK_STATUS(fixture_finish(&google), SLM_OK);
	begin_words(&llama, SPECIALS START "un want ed " START "run ning " START ", " START "! " START
									   "[ " START "] " START "mask " START "cls " START "e " START
									   "\xe4\xb8\xad e " START "caf");
	CHECK_STATUS(fixture_finish(&llama), SLM_OK);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		snprintf(ids, sizeof(ids), "%s", fixture_ids(&google, texts[i]));
		CHECK_STR(fixture_ids(&llama, texts[i]), ids);
	}
	/* stored as they were */
	CHECK(slm_token_text(&llama.tokenizer, 5).size == 5);
	CHECK(memcmp(slm_token_text(&llama.tokenizer, 5).data, START "un", 5) == 0);
	CHECK_INT(slm_token_text(&llama.tokenizer, 2).size, 5);
	CHECK_INT(slm_token_text(&llama.tokenizer, -1).size, 0);
	CHECK_INT(slm_token_text(&llama.tokenizer, llama.tokenizer.n_vocab).size, 0);
	fixture_free(&google);
	fixture_free(&llama);
}

static void
text_never_gives_a_control_token(void)
{
	static const int32_t types[] = {3, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	TokenizerFixture f;

	begin_words(&f, WORDS);
	gguf_add_i32s(&f.builder, "tokenizer.ggml.token_type", types, 20);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "[MASK]"), "12 14 13");
	CHECK_STR(fixture_ids(&f, "[CLS][SEP]"), "12 15 13 12 1 13");
	fixture_free(&f);

	/* not even when the special token is spelled like a word */
	begin_words(&f, "UNK CLS SEP run ##ning ##CLS");
	gguf_add_u32(&f.builder, "tokenizer.ggml.unknown_token_id", 0);
	gguf_add_u32(&f.builder, "tokenizer.ggml.cls_token_id", 1);
	gguf_add_u32(&f.builder, "tokenizer.ggml.seperator_token_id", 2);
	gguf_add_bool(&f.builder, "tokenizer.ggml.normalizer.lowercase", false);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "CLS SEP UNK run runCLS"), "0 0 0 3 3 5");
	fixture_free(&f);
}

static void
case_follows_keys_then_vocabulary(void)
{
	TokenizerFixture f;

	/* no upper-case letter in an ordinary token: uncased, accents stripped */
	begin_words(&f, SPECIALS "berlin \xc3\xa9t ##x et");
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "Berlin BERLIN \xc3\x89t"), "5 5 8");
	fixture_free(&f);

	begin_words(&f, SPECIALS "Berlin \xc3\xa9t ##x et");
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "Berlin berlin \xc3\xa9t \xc3\x89t"), "5 1 6 1");
	fixture_free(&f);

	/* keys decide over it */
	begin_words(&f, SPECIALS "berlin \xc3\xa9t ##x et");
	gguf_add_bool(&f.builder, "tokenizer.ggml.normalizer.lowercase", false);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "Berlin berlin \xc3\xa9t \xc3\x89t"), "1 5 6 1");
	fixture_free(&f);

	begin_words(&f, SPECIALS "berlin \xc3\xa9t ##x et");
	gguf_add_bool(&f.builder, "tokenizer.ggml.normalizer.strip_accents", false);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "Berlin \xc3\xa9t \xc3\x89t ET"), "5 6 6 8");
	fixture_free(&f);

	/* one capital gives two letters, U+0130 */
	begin_words(&f, SPECIALS "i\xcc\x87 ##x");
	gguf_add_bool(&f.builder, "tokenizer.ggml.normalizer.strip_accents", false);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_spans(&f, "\xc4\xb0"), "5:0-2");
	fixture_free(&f);
}

/* Canonical order: U+1BF2 (class 9) and U+1D165 (216) change places, a starter stops that. */
static void
combining_characters_are_ordered(void)
{
	TokenizerFixture f;

	begin_words(&f, SPECIALS "a\xe1\xaf\xb2\xf0\x9d\x85\xa5 a\xf0\x9d\x85\xa5 ##\xe1\xaf\xb2 ##b");
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "a\xe1\xaf\xb2\xf0\x9d\x85\xa5"), "5");
	CHECK_STR(fixture_spans(&f, "a\xf0\x9d\x85\xa5\xe1\xaf\xb2"), "5:0-8");
	CHECK_STR(fixture_ids(&f, "a\xf0\x9d\x85\xa5"
							  "b\xe1\xaf\xb2"),
			  "6 8 7");
	fixture_free(&f);
}

static void
long_words_are_unknown(void)
{
	TokenizerFixture f;
	char text[512];

	begin_words(&f, SPECIALS "a ##a \xc3\xb8 ##\xc3\xb8");
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	memset(text, 'a', sizeof(text));
	CHECK_STATUS(fixture_tokenize(&f, text, 100), SLM_OK);
	CHECK_INT(f.tokens.n, 100);
	CHECK_STATUS(fixture_tokenize(&f, text, 101), SLM_OK);
	CHECK_INT(f.tokens.n, 1);
	CHECK_INT(f.tokens.id[0], 1);
	CHECK_INT(f.tokens.end[0], 101);
	for (int i = 0; i < 202; i += 2)
		memcpy(text + i, "\xc3\xb8", 2);
	CHECK_STATUS(fixture_tokenize(&f, text, 200), SLM_OK);
	CHECK_INT(f.tokens.n, 100);
	CHECK_STATUS(fixture_tokenize(&f, text, 202), SLM_OK);
	CHECK_INT(f.tokens.n, 1);
	CHECK_INT(f.tokens.end[0], 202);
	fixture_free(&f);
}

/*
 * One megabyte of one thing: well under a second, and twice as much takes twice
 * as long; measured again where a busy machine spoils it.
 */
static void
time_is_linear(void)
{
	static const char *const units[] = {"a",
										"a ",
										"!",
										"\xc3\xa9",
										"e\xcc\x81",
										"\xcc\x81",
										"\xe4\xb8\xad",
										"\xf0\x9d\x85\xa5\xe1\xaf\xb2",
										"\x01",
										" "};
	TokenizerFixture f;

	begin_words(&f, SPECIALS "a ##a ##e e ! \xe4\xb8\xad");
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		CHECK(fixture_is_linear(&f, units[i]));
	fixture_free(&f);
}

static void
vocabulary_rules_of_wordpiece(void)
{
	TokenizerFixture f;

	begin_words(&f, SPECIALS "a b");
	fixture_expect(&f, SLM_ERR_CORRUPT,
				   "marks neither word starts (U+2581) nor continuations (##)");
	begin_words(&f, "[CLS] [SEP] a ##b");
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.unknown_token_id is missing");
	begin_words(&f, "[UNK] ##b");
	fixture_expect(&f, SLM_OK, "");
	begin_words(&f, "[UNK] ##b");
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_bos_token", true);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.add_bos_token is true but");
	begin_words(&f, "[UNK] ##b");
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_eos_token", true);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.add_eos_token is true but");
	begin_words(&f, "[UNK] ##b");
	gguf_add_string(&f.builder, "tokenizer.ggml.pre", "llama-bpe");
	fixture_expect(&f, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.pre \"llama-bpe\" is not supported");
	begin_words(&f, "[UNK] ##b");
	gguf_add_string(&f.builder, "tokenizer.ggml.normalizer.lowercase", "yes");
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.normalizer.lowercase");
}

/* Special tokens as RoBERTa spells them around WordPiece, as MPNet does. */
static void
separator_tells_the_pair_form(void)
{
	TokenizerFixture f;

	begin_words(&f, "<s> <pad> </s> [UNK] a ##b <mask>");
	gguf_add_u32(&f.builder, "tokenizer.ggml.bos_token_id", 0);
	gguf_add_u32(&f.builder, "tokenizer.ggml.padding_token_id", 1);
	gguf_add_u32(&f.builder, "tokenizer.ggml.eos_token_id", 2);
	gguf_add_u32(&f.builder, "tokenizer.ggml.mask_token_id", 6);
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_bos_token", false);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_INT(f.tokenizer.special.pair_seps, 2);
	CHECK_INT(f.tokenizer.special.bos, 0);
	CHECK_INT(f.tokenizer.special.sep, 2);
	CHECK(!f.tokenizer.special.add_bos && f.tokenizer.special.add_eos);
	CHECK_STR(fixture_ids(&f, "<s>ab</s>"), "3 3 3 4 5 3 3 3 3");
	fixture_free(&f);
}

int
main(void)
{
	TEST(cuts_into_longest_pieces);
	TEST(reads_both_spellings);
	TEST(text_never_gives_a_control_token);
	TEST(case_follows_keys_then_vocabulary);
	TEST(combining_characters_are_ordered);
	TEST(long_words_are_unknown);
	TEST(time_is_linear);
	TEST(vocabulary_rules_of_wordpiece);
	TEST(separator_tells_the_pair_form);
	return check_done();
}
