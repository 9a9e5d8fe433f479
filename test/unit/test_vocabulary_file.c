/*
 * test_vocabulary_file.c - vocabularies of decoders that are refused, each by name
 *
 * List V of RELIABILITY.md, case by case, for byte-level and SentencePiece BPE: a
 * vocabulary that is right with one key left out or another in its place.  What
 * only WordPiece and unigram models have (V25, V26) is in their own tests.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "tokenizer_fixture.h"

#define KEY "tokenizer.ggml."
#define W "\xe2\x96\x81"

/* Behind the bytes of byte-level BPE, and all of SentencePiece's. */
static const char *const words[] = {"<s>", "</s>", "ab", "abc", "++"};
static const int32_t word_types[] = {3, 3, 1, 1, 4};
static const char *const merges[] = {"a b", "ab c"};
static const Piece pieces[] = {
	{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"<0x0A>", 0, 6}, {W, -3, 1},
	{"a", -4, 1},    {"b", -5, 1},  {"ab", -2, 1},  {"++", 0, 4},
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))
#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

typedef enum Kind
{
	BYTES, /* gpt2 */
	PIECES /* llama */
} Kind;

static const char *const models[] = {"gpt2", "llama"};
static const uint64_t n_tokens[] = {256 + N_WORDS, N_PIECES};

static TokenizerFixture f;

static void
add_tokens(Kind kind)
{
	gguf_add_array(&f.builder, KEY "tokens", SLM_GGUF_STRING, n_tokens[kind]);
	if (kind == BYTES)
		fixture_put_bytes(&f);
	for (size_t i = 0; i < (kind == BYTES ? N_WORDS : N_PIECES); i++)
		gguf_put_string(&f.builder.keys, kind == BYTES ? words[i] : pieces[i].text);
}

static void
add_types(Kind kind, uint64_t n)
{
	gguf_add_array(&f.builder, KEY "token_type", SLM_GGUF_I32, n);
	for (uint64_t i = 0; i < n; i++)
	{
		uint64_t at = i < n_tokens[kind] ? i : 0;

		gguf_put_u32(&f.builder.keys, (uint32_t) (kind == PIECES ? pieces[at].type
												  : at < 256     ? 1
																 : word_types[at - 256]));
	}
}

static void
add_scores(Kind kind, uint64_t n)
{
	gguf_add_array(&f.builder, KEY "scores", SLM_GGUF_F32, n);
	for (uint64_t i = 0; i < n; i++)
	{
		float score = kind == PIECES && i < N_PIECES ? pieces[i].score : -(float) i;

		gguf_put(&f.builder.keys, &score, sizeof(score));
	}
}

/* A vocabulary that is right, without one of its keys (NULL: with all of them). */
static void
begin(Kind kind, const char *without)
{
	if (without == NULL)
		without = "";
	memset(&f, 0, sizeof(f));
	if (strcmp(without, "model") == 0)
	{
		fixture_begin(&f, "");
		f.builder.keys.size = 0;
		f.builder.n_key = 0;
	}
	else
		fixture_begin(&f, models[kind]);
	if (kind == BYTES && strcmp(without, "pre") != 0)
		gguf_add_string(&f.builder, KEY "pre", "qwen2");
	if (strcmp(without, "tokens") != 0)
		add_tokens(kind);
	if (strcmp(without, "token_type") != 0)
		add_types(kind, n_tokens[kind]);
	if (kind == PIECES && strcmp(without, "scores") != 0)
		add_scores(kind, n_tokens[kind]);
	if (kind == BYTES && strcmp(without, "merges") != 0)
		gguf_add_strings(&f.builder, KEY "merges", merges, 2);
}

static void
refuse(SlmStatus status, const char *message)
{
	CHECK_STATUS(fixture_finish(&f), status);
	CHECK_CONTAINS(f.err.message, message);
	fixture_free(&f);
}

static void
accept(const char *text, const char *ids)
{
	if (!CHECK_STATUS(fixture_finish(&f), SLM_OK))
		printf("# %s\n", f.err.message);
	CHECK_STR(fixture_ids(&f, text), ids);
	fixture_free(&f);
}

/* The same for both kinds. */
#define FOR_KINDS(kind) for (Kind kind = BYTES; kind <= PIECES; kind++)

static void
right_ones(void)
{
	begin(BYTES, NULL);
	accept("ab abc<s>++", "258 32 259 60 115 62 260");
	begin(PIECES, NULL);
	accept("ab ab<s>++\n", "4 7 4 7 0 8 3");
}

/* V01, V10, V11, V12, V13 */
static void
tokens(void)
{
	static const char nul[] = {'x', '\0', 'y'};
	char *big = malloc(SLM_MAX_TOKEN_BYTES + 1);

	memset(big, 'x', SLM_MAX_TOKEN_BYTES + 1);
	FOR_KINDS(kind)
	{
		const struct
		{
			const char *token;
			size_t n;
			SlmStatus status;
			const char *message;
		} cases[] = {
			{"", 0, SLM_ERR_CORRUPT, "is empty"},
			{nul, 3, SLM_OK, ""},
			{"\xff", 1, SLM_ERR_CORRUPT, "is not valid UTF-8"},
			{"\xc3", 1, SLM_ERR_CORRUPT, "is not valid UTF-8"},
			{"\xed\xa0\x80", 3, SLM_ERR_CORRUPT, "is not valid UTF-8"},
			{big, SLM_MAX_TOKEN_BYTES, SLM_OK, ""},
			{big, SLM_MAX_TOKEN_BYTES + 1, SLM_ERR_LIMIT,
			 "has 65536 bytes, over the limit of 65535"},
		};

		begin(kind, "tokens");
		refuse(SLM_ERR_CORRUPT, "lacks the key \"tokenizer.ggml.tokens\"");
		begin(kind, "tokens");
		gguf_add_array(&f.builder, KEY "tokens", SLM_GGUF_STRING, 0);
		refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.tokens is empty");
		begin(kind, "tokens");
		gguf_add_i32s(&f.builder, KEY "tokens", (const int32_t[]){1, 2}, 2);
		refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.tokens");
		begin(kind, "tokens");
		gguf_add_string(&f.builder, KEY "tokens", "a");
		refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.tokens");
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		{
			char message[80];
			uint64_t n = n_tokens[kind] + 1;

			memset(&f, 0, sizeof(f));
			fixture_begin(&f, models[kind]);
			if (kind == BYTES)
				gguf_add_string(&f.builder, KEY "pre", "qwen2");
			gguf_add_array(&f.builder, KEY "tokens", SLM_GGUF_STRING, n);
			if (kind == BYTES)
				fixture_put_bytes(&f);
			for (size_t j = 0; j < (kind == BYTES ? N_WORDS : N_PIECES); j++)
				gguf_put_string(&f.builder.keys, kind == BYTES ? words[j] : pieces[j].text);
			gguf_put_text(&f.builder.keys, cases[i].token, cases[i].n);
			if (kind == PIECES)
			{
				add_types(kind, n);
				add_scores(kind, n);
			}
			else
				gguf_add_strings(&f.builder, KEY "merges", merges, 2);
			snprintf(message, sizeof(message), "tokenizer.ggml.tokens[%d] %s", (int) n - 1,
					 cases[i].message);
			if (cases[i].status != SLM_OK)
				refuse(cases[i].status, message);
			else
				accept("ab", kind == BYTES ? "258" : "4 7");
		}
	}
	free(big);
}

/* V03, V05, V08 */
static void
scores(void)
{
	static const struct
	{
		SlmGgufType type;
		size_t bytes;
	} types[] = {{SLM_GGUF_U8, 1}, {SLM_GGUF_I8, 1}, {SLM_GGUF_F64, 8}, {SLM_GGUF_I32, 4}};
	static const float wrong[] = {NAN, INFINITY, -INFINITY};

	FOR_KINDS(kind)
	{
		for (int more = -1; more <= 1; more += 2)
		{
			char message[80];

			begin(kind, "scores");
			add_scores(kind, n_tokens[kind] + (uint64_t) more);
			snprintf(message, sizeof(message), "tokenizer.ggml.scores has %d items for %d tokens",
					 (int) n_tokens[kind] + more, (int) n_tokens[kind]);
			refuse(SLM_ERR_CORRUPT, message);
		}
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		{
			begin(kind, "scores");
			gguf_add_array(&f.builder, KEY "scores", types[i].type, n_tokens[kind]);
			gguf_put_zeros(&f.builder.keys, types[i].bytes * n_tokens[kind]);
			refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.scores");
		}
		for (int i = 0; i < 3; i++)
		{
			begin(kind, "scores");
			add_scores(kind, n_tokens[kind]);
			memcpy(f.builder.keys.data + f.builder.keys.size - 4 * n_tokens[kind] + 4 * 5,
				   &wrong[i], 4);
			refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.scores[5] is not finite");
		}
	}
}

/* V04, V06, V07 */
static void
types(void)
{
	static const int32_t wrong[] = {0, 7, -1};
	static const struct
	{
		SlmGgufType type;
		size_t bytes;
	} others[] = {{SLM_GGUF_U8, 1}, {SLM_GGUF_I64, 8}, {SLM_GGUF_F32, 4}};

	FOR_KINDS(kind)
	{
		for (int more = -1; more <= 1; more += 2)
		{
			char message[80];

			begin(kind, "token_type");
			add_types(kind, n_tokens[kind] + (uint64_t) more);
			snprintf(message, sizeof(message),
					 "tokenizer.ggml.token_type has %d items for %d tokens",
					 (int) n_tokens[kind] + more, (int) n_tokens[kind]);
			refuse(SLM_ERR_CORRUPT, message);
		}
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		{
			begin(kind, "token_type");
			gguf_add_array(&f.builder, KEY "token_type", others[i].type, n_tokens[kind]);
			gguf_put_zeros(&f.builder.keys, others[i].bytes * n_tokens[kind]);
			refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.token_type");
		}
		for (int i = 0; i < 3; i++)
		{
			char message[80];

			begin(kind, "token_type");
			add_types(kind, n_tokens[kind]);
			memcpy(f.builder.keys.data + f.builder.keys.size - 4 * n_tokens[kind] + 4 * 6,
				   &wrong[i], 4);
			snprintf(message, sizeof(message), "tokenizer.ggml.token_type[6] is %d, not 1 to 6",
					 wrong[i]);
			refuse(SLM_ERR_CORRUPT, message);
		}
	}
}

/* V09: both have their text, the lower id is found. */
static void
duplicates(void)
{
	begin(BYTES, "tokens");
	gguf_add_array(&f.builder, KEY "tokens", SLM_GGUF_STRING, n_tokens[BYTES]);
	fixture_put_bytes(&f);
	for (size_t i = 0; i < N_WORDS; i++)
		gguf_put_string(&f.builder.keys, i == 3 ? "a" : i == 4 ? "ab" : words[i]);
	gguf_add_u32(&f.builder, KEY "bos_token_id", 256);
	/* its merges make abc, which is none any more */
	refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.merges[1] has a result that is not an ordinary token");
	begin(BYTES, "merges");
	gguf_add_strings(&f.builder, KEY "merges", merges, 1);
	accept("ab", "258");
	begin(PIECES, "tokens");
	gguf_add_array(&f.builder, KEY "tokens", SLM_GGUF_STRING, N_PIECES);
	for (size_t i = 0; i < N_PIECES; i++)
		gguf_put_string(&f.builder.keys, i == 6 ? "a" : pieces[i].text);
	accept("aa", "4 5 5");
}

/* V14, V15 */
static void
special_ids(void)
{
	static const char *const keys[] = {"bos", "eos", "unknown", "seperator", "padding", "mask"};

	FOR_KINDS(kind)
	{
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		{
			const uint64_t wrong[] = {n_tokens[kind], UINT32_MAX, (uint64_t) -1};
			char key[64];

			snprintf(key, sizeof(key), KEY "%s_token_id", keys[i]);
			for (int j = 0; j < 3; j++)
			{
				begin(kind, NULL);
				gguf_add_scalar(&f.builder, key, j == 2 ? SLM_GGUF_I32 : SLM_GGUF_U32, wrong[j]);
				refuse(SLM_ERR_CORRUPT, key);
			}
			begin(kind, NULL);
			gguf_add_string(&f.builder, key, "<s>");
			refuse(SLM_ERR_CORRUPT, key);
		}
	}
	begin(BYTES, NULL);
	gguf_add_bool(&f.builder, KEY "add_bos_token", true);
	refuse(SLM_ERR_CORRUPT,
		   "tokenizer.ggml.add_bos_token is true but the vocabulary has no such token");
	begin(BYTES, NULL);
	gguf_add_bool(&f.builder, KEY "add_eos_token", true);
	refuse(SLM_ERR_CORRUPT,
		   "tokenizer.ggml.add_eos_token is true but the vocabulary has no such token");
	begin(BYTES, NULL);
	gguf_add_u32(&f.builder, KEY "add_bos_token", 1);
	refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.add_bos_token");
}

/* V16, V17, V18, V19, V20, V27, V29 */
static void
merge_lists(void)
{
	static const struct
	{
		const char *merge, *message;
	} cases[] = {
		{"", "is not two tokens and one space"},
		{"ab", "is not two tokens and one space"},
		{"a b c", "is not two tokens and one space"},
		{"a  b", "is not two tokens and one space"},
		/* what would only make its input again */
		{"ab ", "is not two tokens and one space"},
		{" ab", "is not two tokens and one space"},
		{"zz a", "has a left part that is not an ordinary token"},
		{"a zz", "has a right part that is not an ordinary token"},
		{"b c", "has a result that is not an ordinary token"},
		{"<s> a", "has a left part that is not an ordinary token"},
		{"+ +", "has a result that is not an ordinary token"},
		{"a b", "repeats tokenizer.ggml.merges[0]"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *all[] = {merges[0], merges[1], cases[i].merge};
		char message[128];

		begin(BYTES, "merges");
		gguf_add_strings(&f.builder, KEY "merges", all, 3);
		snprintf(message, sizeof(message), "tokenizer.ggml.merges[2] %s", cases[i].message);
		refuse(SLM_ERR_CORRUPT, message);
	}
	begin(BYTES, "merges");
	refuse(SLM_ERR_CORRUPT, "lacks the key \"tokenizer.ggml.merges\"");
	begin(BYTES, "merges");
	gguf_add_i32s(&f.builder, KEY "merges", (const int32_t[]){1}, 1);
	refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.merges");
	begin(BYTES, "merges");
	gguf_add_array(&f.builder, KEY "merges", SLM_GGUF_STRING, SLM_MAX_VOCAB + 1);
	for (uint32_t i = 0; i <= SLM_MAX_VOCAB; i++)
		gguf_put_text(&f.builder.keys, "a b", 3);
	refuse(SLM_ERR_LIMIT, "tokenizer.ggml.merges has 4194305 merges, over the limit of 4194304");
	/* scores that are all the same come from a conversion that had none */
	begin(PIECES, "scores");
	gguf_add_array(&f.builder, KEY "scores", SLM_GGUF_F32, N_PIECES);
	for (size_t i = 0; i < N_PIECES; i++)
		gguf_put(&f.builder.keys, &(const float){-1000.0f}, sizeof(float));
	refuse(SLM_ERR_CORRUPT,
		   "tokenizer.ggml.scores are all -1000: the file was converted without them");
	begin(PIECES, "scores");
	refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.scores is missing");
}

/* V21 */
static void
models_and_ways(void)
{
	static const char *const unknown[] = {"", "default", "kimi-k2", "qwen2 ", "QWEN2", "gpt-4"};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
	{
		char message[80];

		begin(BYTES, "pre");
		gguf_add_string(&f.builder, KEY "pre", unknown[i]);
		snprintf(message, sizeof(message), "tokenizer.ggml.pre \"%s\" is not supported",
				 unknown[i]);
		refuse(SLM_ERR_UNSUPPORTED, message);
	}
	begin(BYTES, "pre");
	refuse(SLM_ERR_UNSUPPORTED, "tokenizer.ggml.pre is missing, and byte-pair encoding depends");
	begin(BYTES, "pre");
	gguf_add_u32(&f.builder, KEY "pre", 1);
	refuse(SLM_ERR_CORRUPT, "tokenizer.ggml.pre");
	begin(PIECES, NULL);
	gguf_add_string(&f.builder, KEY "pre", "llama-bpe");
	refuse(SLM_ERR_UNSUPPORTED, "tokenizer.ggml.pre \"llama-bpe\" is not supported");
	FOR_KINDS(kind)
	{
		begin(kind, "model");
		gguf_add_string(&f.builder, KEY "model", "rwkv");
		refuse(SLM_ERR_UNSUPPORTED, "tokenizer.ggml.model \"rwkv\" is not supported");
		begin(kind, "model");
		refuse(SLM_ERR_CORRUPT, "lacks the key \"tokenizer.ggml.model\"");
	}
	/* a byte-level vocabulary that says it is SentencePiece's has no scores */
	begin(BYTES, "model");
	gguf_add_string(&f.builder, KEY "model", "llama");
	refuse(SLM_ERR_UNSUPPORTED, "tokenizer.ggml.pre \"qwen2\" is not supported");
}

/* V22, V23, V24 */
static void
byte_tokens(void)
{
	static const char *const wrong[] = {"<0x-1>", "<0xZZ>", "<0x1FF>", "<0x+1>", "<0x1>", "0x0A"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		Piece some[N_PIECES];

		memcpy(some, pieces, sizeof(pieces));
		some[3].text = wrong[i];
		fixture_begin_pieces(&f, "llama", some, N_PIECES);
		refuse(SLM_ERR_CORRUPT,
			   "tokenizer.ggml.tokens[3] is a byte token but not <0x00> to <0xFF>");
	}
	for (int what = 0; what < 3; what++)
	{
		Piece some[N_PIECES];

		memcpy(some, pieces, sizeof(pieces));
		if (what == 0)
			some[8] = some[3];
		else if (what == 1)
			some[0].type = 3;
		else
			some[3] = (Piece){"c", -9, 1}; /* a line end has no token: it is unknown */
		fixture_begin_pieces(&f, "llama", some, N_PIECES);
		if (what == 0)
			refuse(SLM_ERR_CORRUPT, "tokens[8] is the byte token of tokens[3] again");
		else if (what == 1)
			refuse(SLM_ERR_CORRUPT, "has no token for byte 0x00 and no unknown token");
		else
			accept("a\n", "4 5 0");
	}
	/* a byte-level vocabulary without a letter or a line end */
	for (int what = 0; what < 2; what++)
	{
		begin(BYTES, NULL);
		gguf_add_u32(&f.builder, KEY "eos_token_id", what == 0 ? 'a' : '\n');
		refuse(SLM_ERR_CORRUPT, what == 0 ? "has no ordinary token for byte 0x61"
										  : "has no ordinary token for byte 0x0a");
	}
}

/* V30, V31: a template is no program here, and nothing of it is read. */
static void
templates(void)
{
	char *big = malloc(100001);

	memset(big, 'x', 100000);
	big[100000] = '\0';
	FOR_KINDS(kind)
	{
		const char *const text[] = {big,
									"{% for i in range(1000000000) %}{% endfor %}",
									"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
									"{{ ''.__class__.__mro__[1].__subclasses__() }}",
									"{% import 'os' as os %}",
									""};

		for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		{
			begin(kind, NULL);
			gguf_add_string(&f.builder, "tokenizer.chat_template", text[i]);
			accept("ab", kind == BYTES ? "258" : "4 7");
		}
		begin(kind, NULL);
		gguf_add_u32(&f.builder, "tokenizer.chat_template", 7);
		accept("ab", kind == BYTES ? "258" : "4 7");
	}
	free(big);
}

int
main(void)
{
	TEST(right_ones);
	TEST(tokens);
	TEST(scores);
	TEST(types);
	TEST(duplicates);
	TEST(special_ids);
	TEST(merge_lists);
	TEST(models_and_ways);
	TEST(byte_tokens);
	TEST(templates);
	return check_done();
}
