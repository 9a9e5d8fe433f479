/*
 * test_spm.c - SentencePiece's byte-pair encoding on small vocabularies
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "tokenizer_fixture.h"

#define W "\xe2\x96\x81" /* U+2581 */
#define MODEL "llama"

enum
{
	UNK,
	BOS,
	EOS,
	BYTE_A, /* of the a with a ring, U+00E5: c3 a5 */
	BYTE_B,
	SPACE,
	A,
	B,
	C,
	AB,
	BC,
	ABC,
	W_A,
	W_AB,
	W_W,
	AA,
	N_PIECES
};

static const Piece pieces[N_PIECES] = {
	[UNK] = {"<unk>", 0, 2},     [BOS] = {"<s>", 0, 3},       [EOS] = {"</s>", 0, 3},
	[BYTE_A] = {"<0xC3>", 0, 6}, [BYTE_B] = {"<0xA5>", 0, 6}, [SPACE] = {W, -1, 1},
	[A] = {"a", -2, 1},          [B] = {"b", -3, 1},          [C] = {"c", -4, 1},
	[AB] = {"ab", -11, 1},       [BC] = {"bc", -10, 1},       [ABC] = {"abc", -12, 1},
	[W_A] = {W "a", -13, 1},     [W_AB] = {W "ab", -14, 1},   [W_W] = {W W, -15, 1},
	[AA] = {"aa", -16, 1},
};

static void
begin(TokenizerFixture *f)
{
	fixture_begin_pieces(f, MODEL, pieces, N_PIECES);
}

/* The ids of the last call are these. */
static bool
gave(const TokenizerFixture *f, const int32_t *id, int n)
{
	bool same = f->tokens.n == n;

	for (int i = 0; i < n && same; i++)
		same = f->tokens.id[i] == id[i];
	return same;
}

#define GIVES(text, ...)                                                                           \
	do                                                                                             \
	{                                                                                              \
		static const int32_t expected[] = {__VA_ARGS__};                                           \
		if (!CHECK_STATUS(fixture_tokenize(&f, text, strlen(text)), SLM_OK) ||                     \
			!CHECK(gave(&f, expected, (int) (sizeof(expected) / sizeof(*expected)))))              \
			printf("# %s gives %s\n", text, fixture_ids(&f, text));                                \
	} while (0)

static void
merges_by_score(void)
{
	TokenizerFixture f;

	begin(&f);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	/* bc scores above ab, and abc, of a and bc, above the word start with a */
	GIVES("abc", SPACE, ABC);
	GIVES("aabc", W_A, ABC);
	GIVES("cbc", SPACE, C, BC);
	GIVES("ab", W_AB);
	GIVES("ab ab", W_AB, W_AB);
	/* of equal scores the leftmost is first */
	GIVES("caaa", SPACE, C, AA, A);
	GIVES("caaaa", SPACE, C, AA, AA);
	GIVES("  a", W_W, W_A);
	GIVES("a  ", W_A, W_W);
	/* a word start that is spelled out is a space */
	GIVES(W "a" W W "c", SPACE, W_A, W_W, C);
	CHECK_STR(fixture_ids(&f, ""), "");
	/* control tokens are spelled out, and <, s and > are unknown */
	GIVES("a<s>a", W_A, UNK, A);
	CHECK_STR(fixture_spans(&f, "ab cab"), "13:0-2 5:2-3 8:3-4 9:4-6");
	CHECK(f.tokenizer.space_prefix);
	CHECK_INT(f.tokenizer.special.bos, BOS);
	CHECK_INT(f.tokenizer.special.eos, EOS);
	CHECK_INT(f.tokenizer.special.unk, UNK);
	CHECK(f.tokenizer.special.add_bos && !f.tokenizer.special.add_eos);
	fixture_free(&f);

	begin(&f);
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_space_prefix", false);
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_bos_token", false);
	gguf_add_string(&f.builder, "tokenizer.ggml.pre", "default");
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("ab", AB);
	GIVES(" ab", W_AB);
	CHECK(!f.tokenizer.space_prefix && !f.tokenizer.special.add_bos);
	fixture_free(&f);
}

static void
unknown_characters(void)
{
	TokenizerFixture f;
	Piece some[N_PIECES];

	begin(&f);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	/* tokens of its bytes where all have one, else one unknown token for all neighbours */
	GIVES("a\xc3\xa5", W_A, BYTE_A, BYTE_B);
	CHECK_STR(fixture_spans(&f, "a\xc3\xa5"), "12:0-1 3:1-2 4:2-3");
	GIVES("axyb", W_A, UNK, B);
	CHECK_STR(fixture_spans(&f, "axyb"), "12:0-1 0:1-3 7:3-4");
	GIVES("ax\xc3\xa5y", W_A, UNK, BYTE_A, BYTE_B, UNK);
	GIVES("a\xc3\xa6", W_A, UNK);
	/* byte tokens are never matched as text */
	GIVES("a<0xC3>", W_A, UNK);
	fixture_free(&f);

	/* pieces of characters that are no tokens themselves are never reached */
	memcpy(some, pieces, sizeof(pieces));
	some[AA].text = "xy";
	fixture_begin_pieces(&f, MODEL, some, N_PIECES);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("xy", SPACE, UNK);
	fixture_free(&f);

	/* where a special token is named, no text gives it, whatever its type says */
	begin(&f);
	gguf_add_u32(&f.builder, "tokenizer.ggml.eos_token_id", AB);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("cab", SPACE, C, A, B);
	CHECK_INT(f.tokenizer.special.eos, AB);
	fixture_free(&f);
}

/* Two pieces of one spelling: the lower id is found. */
static void
duplicates(void)
{
	TokenizerFixture f;
	Piece some[N_PIECES];

	memcpy(some, pieces, sizeof(pieces));
	some[AA] = (Piece){"ab", 5, 1};
	fixture_begin_pieces(&f, MODEL, some, N_PIECES);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("ab", W_AB);
	GIVES("cab", SPACE, C, AB);
	CHECK_INT(slm_token_text(&f.tokenizer, AA).size, 2);
	fixture_free(&f);
}

/* A piece that goes on into another word: then text is merged as one. */
static void
pieces_over_words(void)
{
	TokenizerFixture f;
	Piece some[N_PIECES];

	memcpy(some, pieces, sizeof(pieces));
	some[AA] = (Piece){"b" W, 1, 1};
	fixture_begin_pieces(&f, MODEL, some, N_PIECES);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("ab ab", W_A, AA, AB);
	GIVES("b b", SPACE, AA, B);
	fixture_free(&f);
}

/* User-defined tokens are cut out of the text: the longest, from left to right. */
static void
user_defined(void)
{
	static const Piece more[] = {{"<unk>", 0, 2}, {W, -1, 1},     {"a", -2, 1},  {W "a", -3, 1},
								 {"\n", 0, 4},    {"\n\n", 0, 4}, {W W W, 0, 4}, {"a\n", 0, 4},
								 {"  b", 0, 4},   {"<s>", 0, 4},  {"[x]", 0, 4}, {W W, -4, 1},
								 {"<h1>", 0, 4}};
	TokenizerFixture f;

	fixture_begin_pieces(&f, MODEL, more, 13);
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_space_prefix", false);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("a", 2);
	GIVES("\n\n\n", 5, 4);
	GIVES("a\na", 7, 2);
	/* what comes first wins over what is longer: "a" is cut off with its newline */
	GIVES("a\n\na", 7, 4, 2);
	GIVES("a   a", 2, 6, 2);
	GIVES("a    a", 2, 6, 3);
	/* a space in a spelling is a word start, in a spelling of either kind */
	GIVES("a  b", 2, 8);
	GIVES("a" W " b", 2, 8);
	GIVES("   b", 6, 0);
	/* of what stands in brackets only HTML's tags are text */
	GIVES("<s>", 0);
	GIVES("[x]a", 0, 2);
	GIVES("<h1>a", 12, 2);
	CHECK_STR(fixture_spans(&f, "a   a\n"), "2:0-1 6:1-4 7:4-6");
	fixture_free(&f);

	/* the space before a text belongs to it */
	fixture_begin_pieces(&f, MODEL, more, 13);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("  a", 6, 2);
	GIVES(" b", 8);
	GIVES("\na", 1, 4, 2);
	CHECK_STR(fixture_spans(&f, " b"), "8:0-2");
	fixture_free(&f);
}

static void
added_tokens_are_limited(void)
{
	for (size_t extra = 0; extra < 2; extra++)
	{
		Piece some[] = {{"<unk>", 0, 2}, {W, -1, 1}, {"a", -2, 1}, {NULL, 0, 4}};
		char *text = calloc(1, SLM_MAX_ADDED_BYTES + 2);
		TokenizerFixture f;

		memset(text, 'a', SLM_MAX_ADDED_BYTES + extra);
		some[3].text = text;
		fixture_begin_pieces(&f, MODEL, some, 4);
		if (extra == 0)
		{
			CHECK_STATUS(fixture_finish(&f), SLM_OK);
			CHECK_STATUS(fixture_tokenize(&f, text, SLM_MAX_ADDED_BYTES), SLM_OK);
			CHECK_INT(f.tokens.n, 2);
			CHECK_INT(f.tokens.id[1], 3);
			fixture_free(&f);
		}
		else
			fixture_expect(&f, SLM_ERR_LIMIT,
						   "tokens[3] is user-defined and has 256 bytes, over the limit of 255");
		free(text);
	}
}

/* Text behind other tokens, and what tokens add to a text. */
static void
written_text(void)
{
	static const Piece more[] = {{"<unk>", 0, 2},  {W, -1, 1},       {"a", -2, 1},
								 {W "a", -3, 1},   {"<0xC3>", 0, 6}, {"<0x0A>", 0, 6},
								 {"a" W W, -5, 1}, {"  ", 0, 4},     {"<s>", 0, 3}};
	TokenizerFixture f;
	uint8_t bytes[16];

	fixture_begin_pieces(&f, MODEL, more, 9);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	slm_arena_reset(&f.scratch);
	CHECK_STATUS(
		slm_tokenize_more(&f.tokenizer, test_host(), "a", 1, &f.scratch, &f.tokens, &f.err),
		SLM_OK);
	CHECK(gave(&f, (const int32_t[]){2}, 1));
	GIVES("a", 3);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 0, bytes), 0);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 1, bytes), 1);
	CHECK(bytes[0] == ' ');
	CHECK_INT(slm_token_bytes(&f.tokenizer, 3, bytes), 2);
	CHECK(memcmp(bytes, " a", 2) == 0);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 4, bytes), 1);
	CHECK(bytes[0] == 0xc3);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 5, bytes), 1);
	CHECK(bytes[0] == '\n');
	CHECK_INT(slm_token_bytes(&f.tokenizer, 6, bytes), 3);
	CHECK(memcmp(bytes, "a  ", 3) == 0);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 7, bytes), 2);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 8, bytes), 0);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 9, bytes), 0);
	fixture_free(&f);
}

static void
refuse(const Piece *piece, uint64_t n, const char *message)
{
	TokenizerFixture f;

	fixture_begin_pieces(&f, MODEL, piece, n);
	fixture_expect(&f, SLM_ERR_CORRUPT, message);
}

static void
vocabulary_rules_of_spm(void)
{
	static const char *const wrong_bytes[] = {"<0x-1>", "<0xZZ>", "<0x1FF>", "<0x+1>",
											  "<0x1>",  "<0xab>", "x"};
	static const uint8_t charsmap[4];
	Piece some[N_PIECES + 2];
	Piece bytes[256 + 2];
	char spelling[256][8];
	TokenizerFixture f;

	fixture_begin(&f, MODEL);
	fixture_tokens(&f, "<unk> a b");
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.scores is missing");
	memcpy(some, pieces, sizeof(pieces));
	for (int i = 0; i < N_PIECES; i++)
		some[i].score = -1000.0f;
	refuse(some, N_PIECES, "tokenizer.ggml.scores are all -1000");
	memcpy(some, pieces, sizeof(pieces));
	some[AB].score = NAN;
	refuse(some, N_PIECES, "tokenizer.ggml.scores[9] is not finite");
	memcpy(some, pieces, sizeof(pieces));
	for (size_t i = 0; i < sizeof(wrong_bytes) / sizeof(wrong_bytes[0]); i++)
	{
		some[N_PIECES] = (Piece){wrong_bytes[i], 0, 6};
		refuse(some, N_PIECES + 1, "tokens[16] is a byte token but not <0x00> to <0xFF>");
	}
	some[N_PIECES] = some[N_PIECES + 1] = (Piece){"<0xFF>", 0, 6};
	refuse(some, N_PIECES + 2, "tokens[17] is the byte token of tokens[16] again");
	/* neither an unknown token nor a token for each byte that a text may have */
	some[UNK].type = 3;
	refuse(some, N_PIECES, "has no token for byte 0x00 and no unknown token");
	for (int byte = 0; byte < 256; byte++)
	{
		snprintf(spelling[byte], sizeof(spelling[byte]), "<0x%02X>", (unsigned) byte);
		bytes[byte + 2] = (Piece){spelling[byte], 0, 6};
	}
	bytes[0] = pieces[SPACE];
	bytes[1] = pieces[A];
	fixture_begin_pieces(&f, MODEL, bytes, 2 + 0xf5);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("a\xf0\x9f\xa6\x99", 0, 1, 2 + 0xf0, 2 + 0x9f, 2 + 0xa6, 2 + 0x99);
	fixture_free(&f);
	refuse(bytes, 2 + 0xf4, "has no token for byte 0xf4 and no unknown token");
	some[UNK].type = 2;
	some[SPACE].text = "-";
	refuse(some, N_PIECES, "has no ordinary token for a space, U+2581");
	/* without a newline's token it is like any other character */
	begin(&f);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	GIVES("a\n", W_A, UNK);
	fixture_free(&f);

	begin(&f);
	gguf_add_string(&f.builder, "tokenizer.ggml.pre", "llama-bpe");
	fixture_expect(&f, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.pre \"llama-bpe\" is not supported");
	begin(&f);
	gguf_add_bool(&f.builder, "tokenizer.ggml.remove_extra_whitespaces", true);
	fixture_expect(&f, SLM_ERR_UNSUPPORTED,
				   "tokenizer.ggml.remove_extra_whitespaces is not supported");
	begin(&f);
	gguf_add_array(&f.builder, "tokenizer.ggml.precompiled_charsmap", SLM_GGUF_U8, 4);
	gguf_put(&f.builder.keys, charsmap, 4);
	fixture_expect(&f, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.precompiled_charsmap is not supported");
	begin(&f);
	gguf_add_bool(&f.builder, "tokenizer.ggml.remove_extra_whitespaces", false);
	gguf_add_array(&f.builder, "tokenizer.ggml.precompiled_charsmap", SLM_GGUF_U8, 0);
	fixture_expect(&f, SLM_OK, "");
}

/* Ids that files leave out are where SentencePiece puts them, if they are special there. */
static void
default_ids(void)
{
	Piece some[N_PIECES];
	TokenizerFixture f;

	memcpy(some, pieces, sizeof(pieces));
	some[BOS].type = some[EOS].type = 1;
	fixture_begin_pieces(&f, MODEL, some, N_PIECES);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_INT(f.tokenizer.special.bos, -1);
	CHECK_INT(f.tokenizer.special.eos, -1);
	CHECK(!f.tokenizer.special.add_bos);
	fixture_free(&f);
	fixture_begin_pieces(&f, MODEL, some, N_PIECES);
	gguf_add_bool(&f.builder, "tokenizer.ggml.add_bos_token", true);
	fixture_expect(&f, SLM_ERR_CORRUPT, "tokenizer.ggml.add_bos_token is true but");

	/* a vocabulary with less than three tokens */
	some[0] = pieces[SPACE];
	some[1] = pieces[UNK];
	fixture_begin_pieces(&f, MODEL, some, 2);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK_INT(f.tokenizer.special.bos, -1);
	CHECK_INT(f.tokenizer.special.eos, -1);
	GIVES("x y", 0, 1, 0, 1);
	fixture_free(&f);
}

/* A piece of the greatest length, made of pieces: the time of building is linear. */
static void
long_pieces(void)
{
	char *text = calloc(1, SLM_MAX_TOKEN_BYTES + 1);
	Piece some[] = {{"<unk>", 0, 2}, {W, -1, 1}, {"a", -2, 1}, {"aa", -3, 1}, {text, -4, 1}};
	double start = check_cpu_seconds();
	TokenizerFixture f;

	memset(text, 'a', SLM_MAX_TOKEN_BYTES);
	fixture_begin_pieces(&f, MODEL, some, 5);
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK(check_cpu_seconds() - start < 0.5 * check_patience());
	GIVES("aaa", 1, 3, 2);
	fixture_free(&f);
	free(text);
}

static void
time_is_linear(void)
{
	static const Piece more[] = {
		{"<unk>", 0, 2},     {W, -1, 1},       {"a", -2, 1},        {"b", -3, 1},
		{"aa", -4, 1},       {"aaaa", -5, 1},  {"aaaaaaaa", -6, 1}, {"ab", -7, 1},
		{"abab", -8, 1},     {W W, -9, 1},     {W W W W, -10, 1},   {W "a", -11, 1},
		{"<0xE4>", 0, 6},    {"<0xB8>", 0, 6}, {"<0xAD>", 0, 6},    {"\n\n\n\n\n\n\n\n", 0, 4},
		{"a" W "b", -12, 1},
	};
	static const char *const units[] = {"a", "ab", "abc", " ", "!", W, "a ", "\n", "\xe4\xb8\xad"};

	for (int all = 0; all < 2; all++)
	{
		TokenizerFixture f;

		/* word by word, and all text as one */
		fixture_begin_pieces(&f, MODEL, more, all == 0 ? 16 : 17);
		CHECK_STATUS(fixture_finish(&f), SLM_OK);
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			CHECK(fixture_is_linear(&f, units[i]));
		fixture_free(&f);
	}
}

int
main(void)
{
	TEST(merges_by_score);
	TEST(unknown_characters);
	TEST(duplicates);
	TEST(pieces_over_words);
	TEST(user_defined);
	TEST(added_tokens_are_limited);
	TEST(written_text);
	TEST(vocabulary_rules_of_spm);
	TEST(default_ids);
	TEST(long_pieces);
	TEST(time_is_linear);
	return check_done();
}
