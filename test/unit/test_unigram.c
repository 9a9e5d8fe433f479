/*
 * test_unigram.c - the unigram model and its character map on small vocabularies
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "host.h"
#include "tokenizer/charsmap.h"
#include "tokenizer_fixture.h"

#define W "\xe2\x96\x81" /* U+2581 */

static const Piece pieces[] = {
	{"<unk>", 0.0f, 2}, {"<s>", 0.0f, 3}, {"</s>", 0.0f, 3},      {W, -2.0f, 1},
	{W "a", -3.0f, 1},  {"a", -4.0f, 1},  {"b", -4.0f, 1},        {"ab", -6.0f, 1},
	{W "ab", -9.0f, 1}, {"bb", -8.5f, 1}, {"\xc3\xa9", -6.0f, 1}, {"abba", -20.0f, 1},
};

#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

/*
 * A map of three keys: 'q' becomes "ab", "e" + U+0301 becomes U+00E9, 't'
 * becomes nothing.  Units as charsmap.c describes them; nodes are given places
 * far from each other.
 */
#define MAP_UNITS 2048

static uint32_t
make_map(uint8_t *out)
{
	static const char texts[] = "ab\0\xc3\xa9\0";
	static uint32_t unit[MAP_UNITS];
	const uint32_t root = 256, after_e = 512, after_cc = 1024;

	memset(unit, 0, sizeof(unit));
	unit[0] = root << 10;
	/* a leaf lies at place ^ offset, so the offset is chosen to hit unit 1, 2, 3 */
	unit[root ^ 'q'] = 'q' | 0x100 | ((root ^ 'q') ^ 1) << 10;
	unit[1] = 0x80000000u;
	unit[root ^ 't'] = 't' | 0x100 | ((root ^ 't') ^ 2) << 10;
	unit[2] = 0x80000000u | 5;
	unit[root ^ 'e'] = 'e' | ((root ^ 'e') ^ after_e) << 10;
	unit[after_e ^ 0xcc] = 0xcc | ((after_e ^ 0xcc) ^ after_cc) << 10;
	unit[after_cc ^ 0x81] = 0x81 | 0x100 | ((after_cc ^ 0x81) ^ 3) << 10;
	unit[3] = 0x80000000u | 3;
	*(uint32_t *) (void *) out = sizeof(unit);
	memcpy(out + 4, unit, sizeof(unit));
	memcpy(out + 4 + sizeof(unit), texts, sizeof(texts));
	return 4 + sizeof(unit) + sizeof(texts);
}

static _Alignas(8) uint8_t map_bytes[4 + MAP_UNITS * 4 + 64];

static void
add_map(TokenizerFixture *f, const uint8_t *bytes, uint32_t n, SlmGgufType type)
{
	gguf_add_array(&f->builder, "tokenizer.ggml.precompiled_charsmap", type, n);
	gguf_put(&f->builder.keys, bytes, n);
}

static void
finds_the_best_cut(void)
{
	TokenizerFixture f;

	fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	/* _a + b = -7 beats _ + ab = -8 and _ab = -9 */
	CHECK_STR(fixture_spans(&f, "ab"), "4:0-1 6:1-2");
	CHECK_STR(fixture_spans(&f, " ab  ba\n"), "4:1-2 6:2-3 3:5-5 6:5-6 5:6-7");
	CHECK_STR(fixture_ids(&f, "abb"), "4 6 6");
	CHECK_STR(fixture_ids(&f, ""), "");
	CHECK_STR(fixture_ids(&f, " \xe3\x80\x80 "), "");
	/* unknown characters become one token, the word start stays */
	CHECK_STR(fixture_spans(&f, "xyz a"), "3:0-0 0:0-3 4:4-5");
	CHECK_STR(fixture_spans(&f, "axyb"), "4:0-1 0:1-3 6:3-4");
	/* U+2581 in the text starts a word and is not doubled */
	CHECK_STR(fixture_spans(&f, "a" W "a"), "4:0-1 4:1-5");
	CHECK_STR(fixture_ids(&f, W W "a"), "3 4");
	/* control tokens are spelled out */
	CHECK_STR(fixture_ids(&f, "<s>"), "3 0");
	CHECK(!f.tokenizer.special.add_bos);
	CHECK_INT(f.tokenizer.special.unk, 0);
	fixture_free(&f);

	fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_space_prefix", false);
	gguf_add_u32(&f.builder, "tokenizer.ggml.bos_token_id", 1);
	gguf_add_u32(&f.builder, "tokenizer.ggml.eos_token_id", 2);
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_bos_token", true);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "ab b"), "7 6");
	CHECK(f.tokenizer.special.add_bos && f.tokenizer.special.add_eos);
	CHECK_INT(f.tokenizer.special.pair_seps, 2);
	fixture_free(&f);
}

static void
unknown_bytes_fall_back(void)
{
	static const Piece with_bytes[] = {
		{"<unk>", 0, 2},  {W "a", -1, 1},   {W, -2, 1},
		{"<0xC3>", 0, 6}, {"<0xB8>", 0, 6}, {"<0x58>", 0, 6},
	};
	TokenizerFixture f;

	fixture_begin_pieces(&f, "t5", with_bytes, 6);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_spans(&f, "a\xc3\xb8X"), "1:0-1 3:1-4 4:1-4 5:1-4");
	/* all bytes of the stretch, or the unknown token */
	CHECK_STR(fixture_ids(&f, "aXY"), "1 0");
	/* byte tokens are never matched as text */
	CHECK_STR(fixture_ids(&f, "a<0x58>"), "1 0");
	fixture_free(&f);
}

static void
maps_characters(void)
{
	static const SlmGgufType types[] = {SLM_GGUF_U8, SLM_GGUF_I8};

	for (int i = 0; i < 2; i++)
	{
		TokenizerFixture f;

		fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
		add_map(&f, map_bytes, make_map(map_bytes), types[i]);
		CHECK_STATUS(fixture_finish(&f), SLM_OK);
		/* one character that becomes two keeps its own place */
		CHECK_STR(fixture_spans(&f, "q"), "4:0-1 6:0-1");
		CHECK_STR(fixture_spans(&f, "ae\xcc\x81"
									"b"),
				  "4:0-1 10:1-4 6:4-5");
		CHECK_STR(fixture_spans(&f, "atb"), "4:0-1 6:2-3");
		CHECK_STR(fixture_ids(&f, "ttt"), "");
		/* a short cluster is replaced whole, a long one character by character */
		CHECK_STR(fixture_ids(&f, "aq\xcc\x82"), "4 7");
		CHECK_STR(fixture_ids(&f, "aq\xcc\x82\xcc\x82\xcc\x82"), "4 7 0");
		fixture_free(&f);
	}
}

static void
expect_map(const uint8_t *bytes, uint32_t n, SlmStatus status, const char *message)
{
	TokenizerFixture f;

	fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
	add_map(&f, bytes, n, SLM_GGUF_U8);
	fixture_expect(&f, status, message);
}

static void
rules_of_the_character_map(void)
{
	uint32_t n = make_map(map_bytes);
	uint32_t *word = (uint32_t *) (void *) map_bytes;
	TokenizerFixture f;

	expect_map(map_bytes, 0, SLM_OK, "");
	for (uint32_t i = 1; i < 4; i++)
		expect_map(map_bytes, i, SLM_ERR_CORRUPT, "fewer than its length field");
	expect_map(map_bytes, 4, SLM_ERR_CORRUPT, "has a trie of 8192 bytes in 4");
	expect_map(map_bytes, n - 4, SLM_ERR_CORRUPT, "has no replacement inside its 3 bytes of text");
	word[0] = 8190;
	expect_map(map_bytes, n, SLM_ERR_CORRUPT, "has a trie of 8190 bytes");
	word[0] = 0;
	expect_map(map_bytes, n, SLM_ERR_CORRUPT, "has a trie of 0 bytes");
	word[0] = UINT32_MAX;
	expect_map(map_bytes, n, SLM_ERR_CORRUPT, "has a trie of 4294967295 bytes");
	make_map(map_bytes);
	word[1] = 0x1fffff << 10;
	expect_map(map_bytes, n, SLM_ERR_CORRUPT, "unit 0 points outside its 2048 units");
	/* a leaf that points behind the text, one that is no leaf, one that is not UTF-8 */
	make_map(map_bytes);
	word[2] = 0x80000000u | 100000;
	expect_map(map_bytes, n, SLM_ERR_CORRUPT, "has no replacement inside its");
	word[2] = 0;
	expect_map(map_bytes, n, SLM_ERR_CORRUPT, "has no replacement inside its");
	word[2] = 0x80000000u | 4;
	expect_map(map_bytes, n, SLM_ERR_CORRUPT, "has a replacement that is not valid UTF-8");
	make_map(map_bytes);
	map_bytes[n - 1] = 'x';
	expect_map(map_bytes, n, SLM_ERR_CORRUPT, "has an unterminated replacement");
	/* a circle in the trie: no search is longer than its text */
	make_map(map_bytes);
	word[1 + (256 ^ 'e')] = 'e' | ((256 ^ 'e') ^ 256) << 10;
	fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
	add_map(&f, map_bytes, n, SLM_GGUF_U8);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "aeeeeeeb"), "4 0 6");
	fixture_free(&f);
	/* not bytes */
	fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
	gguf_add_i32s(&f.builder, "tokenizer.ggml.precompiled_charsmap", (const int32_t[]){1}, 1);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.precompiled_charsmap");
}

/* The longest replacement, and one byte more. */
static void
replacements_are_limited(void)
{
	for (uint32_t length = 255; length <= 256; length++)
	{
		static uint8_t big[4 + MAP_UNITS * 4 + 300];
		uint32_t trie_end = 4 + MAP_UNITS * 4;

		make_map(map_bytes);
		memcpy(big, map_bytes, trie_end);
		memset(big + trie_end, 'a', length);
		/* the keys' values 0, 3 and 5 are tails of one text */
		big[trie_end + length] = '\0';
		expect_map(big, trie_end + length + 1, length == 255 ? SLM_OK : SLM_ERR_LIMIT,
				   "has a replacement over the limit of 255 bytes");
	}
}

static void
vocabulary_rules_of_unigram(void)
{
	static const char *const wrong_bytes[] = {"<0x-1>", "<0xZZ>", "<0x1FF>",
											  "<0x+1>", "<0x1>",  "x"};
	Piece some[N_PIECES + 2];
	TokenizerFixture f;

	fixture_begin(&f, "t5");
	fixture_tokens(&f, "<unk> a b");
	gguf_add_u32(&f.builder, "tokenizer.ggml.unknown_token_id", 0);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.scores is missing");
	memcpy(some, pieces, sizeof(pieces));
	for (size_t i = 0; i < N_PIECES; i++)
		some[i].score = -1000.0f;
	fixture_begin_pieces(&f, "t5", some, N_PIECES);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.scores are all -1000");
	memcpy(some, pieces, sizeof(pieces));
	some[0].type = 1;
	fixture_begin_pieces(&f, "t5", some, N_PIECES);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.unknown_token_id is missing");
	fixture_begin_pieces(&f, "t5", some, N_PIECES);
	gguf_add_u32(&f.builder, "tokenizer.ggml.unknown_token_id", 0);
	fixture_expect(&f, SLM_OK, "");
	memcpy(some, pieces, sizeof(pieces));
	for (size_t i = 0; i < sizeof(wrong_bytes) / sizeof(wrong_bytes[0]); i++)
	{
		some[N_PIECES] = (Piece){wrong_bytes[i], 0, 6};
		fixture_begin_pieces(&f, "t5", some, N_PIECES + 1);
		fixture_expect(&f, SLM_ERR_CORRUPT, "tokens[12] is a byte token but not <0x00> to <0xFF>");
	}
	some[N_PIECES] = (Piece){"<0xFF>", 0, 6};
	some[N_PIECES + 1] = (Piece){"<0xFF>", 0, 6};
	fixture_begin_pieces(&f, "t5", some, N_PIECES + 2);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokens[13] is the byte token of tokens[12] again");
	fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
	gguf_add_string(&f.builder, "tokenizer.ggml.pre", "llama-bpe");
	fixture_expect(&f, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.pre \"llama-bpe\" is not supported");
}

/* ALBERT's words, with the character map behind what is done before it. */
static void
begin_folded(TokenizerFixture *f)
{
	fixture_begin_pieces(f, "t5", pieces, N_PIECES);
	add_map(f, map_bytes, make_map(map_bytes), SLM_GGUF_U8);
	gguf_add_string(&f->builder, "tokenizer.ggml.pre", "albert");
}

static void
case_and_accents_fold(void)
{
	char text[3 * 4096 + 8] = "";
	TokenizerFixture f;

	begin_folded(&f);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_spans(&f, "AB"), "4:0-1 6:1-2");
	/* a-umlaut, composed and not: the mark belongs to its letter */
	CHECK_STR(fixture_spans(&f, "\xc3\x84"
								"b"),
			  "4:0-2 6:2-3");
	CHECK_STR(fixture_spans(&f, "A\xcc\x88"
								"b"),
			  "4:0-3 6:3-4");
	/* what is left of a character behind case and accents meets the map: Q with dot */
	CHECK_STR(fixture_spans(&f, "Q\xcc\x87"), "4:0-3 6:0-3");
	/* one character that becomes two */
	CHECK_STR(fixture_spans(&f, "\xc7\x86"), "3:0-0 0:0-2");
	/* quotes in pairs are one, three of them two */
	CHECK_STR(fixture_spans(&f, "a``b''"), "4:0-1 0:1-3 6:3-4 0:4-6");
	CHECK_STR(fixture_spans(&f, "a'''b"), "4:0-1 0:1-4 6:4-5");
	/* a spacing mark is one, too; one without a letter is nothing */
	CHECK_STR(fixture_spans(&f, "a\xe0\xa4\xbe"
								"b"),
			  "4:0-4 6:4-5");
	CHECK_STR(fixture_ids(&f, "\xcc\x81"), "");
	/* far more than is folded at a time, and one cluster longer than that */
	for (int i = 0; i < 4096; i++)
		strcat(text + i * 2, i % 2 == 0 ? "A " : "b ");
	CHECK_STATUS(fixture_tokenize(&f, text, 2 * 4096), SLM_OK);
	CHECK_INT(f.tokens.n, 2048 + 2 * 2048);
	CHECK(f.tokens.start[f.tokens.n - 1] == 2 * 4095 && f.tokens.end[0] == 1);
	strcpy(text, "a");
	for (int i = 0; i < 4096; i++)
		strcpy(text + 1 + 3 * i, "\xe2\x80\x8d"); /* zero width joiner */
	strcpy(text + 1 + 3 * 4096, "b");
	CHECK_STATUS(fixture_tokenize(&f, text, 3 * 4096 + 2), SLM_OK);
	CHECK_INT(f.tokens.n, 3);
	CHECK(f.tokens.start[1] == 1 && f.tokens.end[1] == 3 * 4096 + 1);
	fixture_free(&f);

	begin_folded(&f);
	gguf_add_bool(&f.builder, "tokenizer.ggml.normalizer.lowercase", false);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "aB"), "4 0");
	CHECK_STR(fixture_ids(&f, "\xc3\xa4"
							  "b"),
			  "4 6");
	fixture_free(&f);
	begin_folded(&f);
	gguf_add_bool(&f.builder, "tokenizer.ggml.normalizer.strip_accents", false);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_ids(&f, "aB"), "4 6");
	CHECK_STR(fixture_ids(&f, "\xc3\xa4"
							  "b"),
			  "3 0 6");
	fixture_free(&f);
}

static void
folding_is_linear(void)
{
	static const char *const units[] = {
		"A", "Ab ", "\xcc\x81", "\xe2\x80\x8d", "\xe4\xb8\xad", "\xef\xb7\xba",
	};
	TokenizerFixture f;

	begin_folded(&f);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		CHECK(fixture_is_linear(&f, units[i]));
	fixture_free(&f);
}

/* User-defined tokens are cut out, whatever their score; a word starts behind them. */
static void
user_defined(void)
{
	Piece some[N_PIECES + 3];
	TokenizerFixture f;

	memcpy(some, pieces, sizeof(pieces));
	some[N_PIECES] = (Piece){"bb", -10000, 4};
	some[N_PIECES + 1] = (Piece){"a b", -10000, 4};
	some[N_PIECES + 2] = (Piece){"<mask>", 0, 4};
	fixture_begin_pieces(&f, "t5", some, N_PIECES + 3);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_STR(fixture_spans(&f, "abba"), "4:0-1 12:1-3 4:3-4");
	CHECK_STR(fixture_ids(&f, "aa b"), "4 13");
	CHECK_STR(fixture_ids(&f, "a<mask>"), "4 0 5 0");
	CHECK(slm_token_is_control(&f.tokenizer, 14));
	fixture_free(&f);
}

/* Text that goes on behind other tokens starts no word. */
static void
goes_on(void)
{
	TokenizerFixture f;

	fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	slm_arena_reset(&f.scratch);
	CHECK_STATUS(
		slm_tokenize_more(&f.tokenizer, test_host(), "b a", 3, &f.scratch, &f.tokens, &f.err),
		SLM_OK);
	CHECK(f.tokens.n == 2 && f.tokens.id[0] == 6 && f.tokens.id[1] == 4);
	CHECK_STR(fixture_ids(&f, "b a"), "3 6 4");
	fixture_free(&f);
}

static void
time_is_linear(void)
{
	static const char *const units[] = {"a",         "ab ", "x", "q",           "\xcc\x81",
										"e\xcc\x81", " ",   W,   "\xe4\xb8\xad"};
	TokenizerFixture f;

	fixture_begin_pieces(&f, "t5", pieces, N_PIECES);
	add_map(&f, map_bytes, make_map(map_bytes), SLM_GGUF_U8);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		CHECK(fixture_is_linear(&f, units[i]));
	fixture_free(&f);
}

int
main(void)
{
	TEST(finds_the_best_cut);
	TEST(unknown_bytes_fall_back);
	TEST(maps_characters);
	TEST(rules_of_the_character_map);
	TEST(replacements_are_limited);
	TEST(vocabulary_rules_of_unigram);
	TEST(case_and_accents_fold);
	TEST(user_defined);
	TEST(goes_on);
	TEST(time_is_linear);
	TEST(folding_is_linear);
	return check_done();
}
