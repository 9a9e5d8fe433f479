/*
 * test_token_words.c - words and their looks, tokens and their words
 */
#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "task/token_words.h"
#include "tokenizer_fixture.h"

#define SLM FIXTURE_DIR "tiny-slm.gguf"

static ModelFixture f;

/* "word/shape word/shape ..." */
static const char *
described(const char *text)
{
	static char out[4096];
	SlmTokenWords words = {0};
	size_t n = 0;

	slm_arena_reset(f.run.arena);
	CHECK_STATUS(slm_token_words_find(slm_text(text), test_host(), f.run.arena, &words, &f.err),
				 SLM_OK);
	out[0] = '\0';
	for (int i = 0; i < words.n; i++)
	{
		const SlmTokenWord *word = &words.word[i];

		n += (size_t) snprintf(out + n, sizeof(out) - n, "%s%.*s/%d", i > 0 ? " " : "",
							   (int) (word->end - word->start), text + word->start, word->shape);
	}
	return out;
}

static void
shapes(void)
{
	CHECK_STATUS(model_fixture_load(&f, SLM), SLM_OK);
	CHECK_STR(described(""), "");
	CHECK_STR(described(" \n\t "), "");
	CHECK_STR(described("the Red DOG I iPhone McTea"), "the/1 Red/2 DOG/3 I/4 iPhone/5 McTea/5");
	CHECK_STR(described("1 12 123 1234 12345 A4 3rd"), "1/6 12/6 123/7 1234/7 12345/8 A4/9 3rd/9");
	CHECK_STR(described("$5 b2b@mail-box.de"), "$/10 5/6 b2b/9 @/11 mail/1 -/11 box/1 ./12 de/1");
	CHECK_STR(described("(x)! a,b %"), "(/13 x/1 )/13 !/13 a/1 ,/12 b/1 %/14");
	/* EUR signs are no punctuation to BERT, so they make runs */
	CHECK_STR(described("\xe2\x82\xac \xe2\x82\xac"
						"45"),
			  "\xe2\x82\xac/10 \xe2\x82\xac"
			  "45/6");
	CHECK_STR(described("\xe2\x80\x9cyes\xe2\x80\x9d\xe2\x80\xa6\xe2\x80\x94"),
			  "\xe2\x80\x9c/13 yes/1 \xe2\x80\x9d/13 \xe2\x80\xa6/13 \xe2\x80\x94/14");
	/* combining marks do not count: E and a combining acute accent */
	CHECK_STR(described("E\xcc\x81 E\xcc\x81t\xc3\xa9"), "E\xcc\x81/4 E\xcc\x81t\xc3\xa9/2");
	CHECK_STR(described("\xe6\x97\xa5\xe6\x9c\xac \xd7\x90\xd7\x91"),
			  "\xe6\x97\xa5/15 \xe6\x9c\xac/15 \xd7\x90\xd7\x91/15");
	CHECK_STR(described("\xd0\x94\xd0\xb0 \xce\xa9"), "\xd0\x94\xd0\xb0/2 \xce\xa9/4");
	model_fixture_free(&f);
}

static void
not_text(void)
{
	SlmTokenWords words;

	CHECK_STATUS(model_fixture_load(&f, SLM), SLM_OK);
	CHECK_STATUS(slm_token_words_find(slm_text("a \xff"), test_host(), f.run.arena, &words, &f.err),
				 SLM_ERR_ENCODING);
	model_fixture_free(&f);
}

/* The looks that test/golden/make_slm_heads.py found, in the order of its texts. */
static void
check_looks(SlmText text, char *golden)
{
	SlmTokenWords words;
	SlmTokens tokens;
	uint8_t *look;

	CHECK_STATUS(slm_tokenize(slm_model_tokenizer(f.run.model), test_host(), text.data, text.size,
							  f.run.arena, &tokens, &f.err),
				 SLM_OK);
	CHECK_STATUS(SLM_NEW_ARRAY(f.run.arena, (size_t) tokens.n, &look, &f.err), SLM_OK);
	CHECK_STATUS(slm_token_words_find(text, test_host(), f.run.arena, &words, &f.err), SLM_OK);
	CHECK_STATUS(slm_token_words_map(&words, &tokens, look, test_host(), &f.err), SLM_OK);
	CHECK_INT(strtol(golden, &golden, 10), 0); /* [CLS] */
	for (int t = 0; t < tokens.n; t++)
		CHECK_INT(strtol(golden, &golden, 10), look[t]);
	CHECK_INT(strtol(golden, &golden, 10), 0); /* [SEP] */
	for (int j = 0; j < words.n; j++)
	{
		CHECK_INT(tokens.start[words.word[j].first_token], words.word[j].start);
		CHECK_INT(tokens.end[words.word[j].last_token], words.word[j].end);
	}
}

static void
tokens_have_looks(void)
{
	Lines lines = lines_of(FIXTURE_DIR "tiny-slm.txt");
	SlmText text = {"", 0};
	int n = 0;

	CHECK_STATUS(model_fixture_load(&f, SLM), SLM_OK);
	for (char *line; (line = lines_next(&lines)) != NULL;)
		if (strncmp(line, "text\t", 5) == 0)
			text = (SlmText){line + 5, fixture_unescape(line + 5)};
		else if (strncmp(line, "looks ", 6) == 0)
		{
			check_looks(text, line + 6);
			n++;
		}
	CHECK_INT(n, 5);
	model_fixture_free(&f);
}

/* A word without tokens leaves the line that it began to the next one. */
static void
lines_of_dropped_words(void)
{
	SlmTokenWord word[3] = {{.start = 0, .end = 2, .shape = 1, .begins_line = true},
							{.start = 3, .end = 4, .shape = 1, .begins_line = true},
							{.start = 5, .end = 6, .shape = 1}};
	SlmTokenWords words = {word, 3};
	int32_t id[2] = {0};
	uint32_t starts[2] = {0, 5}, ends[2] = {2, 6};
	SlmTokens tokens = {2, id, starts, ends};
	uint8_t look[2];
	SlmError err;

	CHECK_STATUS(slm_token_words_map(&words, &tokens, look, test_host(), &err), SLM_OK);
	CHECK_INT(words.n, 2);
	CHECK_INT(look[0], 1 + SLM_WORD_SHAPES * (SLM_LINE_BEGIN + SLM_LINE_END));
	CHECK_INT(look[1], 1 + SLM_WORD_SHAPES * (SLM_LINE_BEGIN + SLM_LINE_END));
}

/* Tokens of other tokenizers may hold several words, or begin with the space before one. */
static void
words_in_larger_tokens(void)
{
	SlmTokenWord word[4] = {{.start = 0, .end = 2, .shape = 1},
							{.start = 2, .end = 3, .shape = 12},
							{.start = 4, .end = 8, .shape = 2},
							{.start = 9, .end = 10, .shape = 6}};
	SlmTokenWords words = {word, 4};
	int32_t id[3] = {0};
	uint32_t starts[3] = {0, 3, 6}, ends[3] = {3, 6, 8};
	SlmTokens tokens = {3, id, starts, ends};
	uint8_t look[3];
	SlmError err;

	CHECK_STATUS(slm_token_words_map(&words, &tokens, look, test_host(), &err), SLM_OK);
	CHECK_INT(words.n, 3); /* no token came of the last */
	CHECK_INT(word[1].first_token, 0);
	CHECK_INT(word[1].last_token, 0);
	CHECK_INT(word[2].first_token, 1);
	CHECK_INT(word[2].last_token, 2);
	CHECK_INT(look[0], 1);
	CHECK_INT(look[1], 2 + SLM_WORD_SHAPES * SLM_LINE_END);
	CHECK_INT(look[2], 2 + SLM_WORD_SHAPES * SLM_LINE_END);
	CHECK_INT(slm_token_words_at(&words, 0), 0);
	CHECK_INT(slm_token_words_at(&words, 1), 0);
	CHECK_INT(slm_token_words_at(&words, 2), 1);
	CHECK_INT(slm_token_words_at(&words, 3), 2);
	CHECK_INT(slm_token_words_at(&words, 8), 3);
}

int
main(void)
{
	TEST(shapes);
	TEST(not_text);
	TEST(tokens_have_looks);
	TEST(lines_of_dropped_words);
	TEST(words_in_larger_tokens);
	return check_done();
}
