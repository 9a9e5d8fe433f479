/*
 * test_tokenizer_golden.c - answers of Hugging Face's tokenizers, id for id
 *
 * test/golden/tokenizer-*.txt were written by test/golden/make_tokenizer.py.
 * A larger comparison, on vocabularies that are not ours to commit, is
 * test/golden/compare_tokenizer.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "check.h"
#include "host.h"
#include "tokenizer_fixture.h"

#define FOLDER "test/golden/"
#define MAX_LINE 65536
#define MAX_SHOWN 5

/* Every scalar value between two letters: FNV-1a over the ids, -1 after each text. */
static uint64_t
sweep(TokenizerFixture *f)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (uint32_t cp = 0; cp < 0x110000; cp++)
	{
		uint8_t text[6] = {'a'};
		int length;

		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		length = slm_utf8_encode(cp, text + 1);
		text[length + 1] = 'b';
		if (fixture_tokenize(f, text, (size_t) length + 2) != SLM_OK)
			return 0;
		for (int32_t i = 0; i <= f->tokens.n; i++)
		{
			uint32_t id = i < f->tokens.n ? (uint32_t) f->tokens.id[i] : UINT32_MAX;

			for (int byte = 0; byte < 4; byte++)
				hash = (hash ^ (id >> (8 * byte) & 0xff)) * 0x100000001b3ULL;
		}
	}
	return hash;
}

/* Offsets are in order, inside the text, and every token's bytes are characters' bytes. */
static bool
offsets_hold(const SlmTokens *tokens, size_t n)
{
	for (int32_t i = 0; i < tokens->n; i++)
	{
		if (tokens->start[i] > tokens->end[i] || tokens->end[i] > n)
			return false;
		if (i > 0 &&
			(tokens->start[i] < tokens->start[i - 1] || tokens->end[i] < tokens->end[i - 1]))
			return false;
	}
	return true;
}

static void
check_answers(const char *name)
{
	char path[256], expected[64];
	char *line = malloc(MAX_LINE);
	TokenizerFixture f;
	FILE *answers;
	int texts = 0, wrong = 0;

	snprintf(path, sizeof(path), FOLDER "tokenizer-%s.gguf", name);
	if (!CHECK_STATUS(fixture_load(&f, path), SLM_OK))
		printf("# %s\n", f.err.message);
	snprintf(path, sizeof(path), FOLDER "tokenizer-%s.txt", name);
	answers = fopen(path, "r");
	if (!CHECK(answers != NULL) || !CHECK(f.tokenizer.blob != NULL))
		exit(1);
	CHECK_INT(fscanf(answers, "sweep %63s\n", expected), 1);
	while (fgets(line, MAX_LINE, answers) != NULL)
	{
		char *text = strchr(line, '\t');
		char *id = line;
		size_t n;
		bool same;

		if (text == NULL)
			continue;
		*text++ = '\0';
		n = fixture_unescape(text);
		same = fixture_tokenize(&f, text, n) == SLM_OK && offsets_hold(&f.tokens, n);
		for (int32_t i = 0; i < f.tokens.n && same; i++)
			same = *id != '\0' && strtol(id, &id, 10) == f.tokens.id[i];
		same = same && *id == '\0';
		texts++;
		if (!same && wrong++ < MAX_SHOWN)
			printf("# %s line %d differs\n", path, texts + 1);
	}
	fclose(answers);
	printf("# %s: %d texts\n", path, texts);
	CHECK_INT(wrong, 0);
	CHECK(texts > 300);
	snprintf(line, MAX_LINE, "%016llx", (unsigned long long) sweep(&f));
	CHECK_STR(line, expected);
	free(line);
	fixture_free(&f);
}

static void
bert_equals_hugging_face(void)
{
	check_answers("bert");
}

static void
gpt2_equals_hugging_face(void)
{
	check_answers("gpt2");
}

static void
unigram_equals_hugging_face(void)
{
	check_answers("unigram");
}

static void
spm_equals_hugging_face(void)
{
	check_answers("spm");
}

static void
albert_equals_hugging_face(void)
{
	check_answers("albert");
}

/* A vocabulary of every character shows all of what normalization does to each. */
static void
normalization_of_every_character(void)
{
	FILE *answers = fopen(FOLDER "tokenizer-every.txt", "r");
	int lowercase, strip, lines = 0;
	unsigned long long expected;

	if (!CHECK(answers != NULL))
		return;
	while (fscanf(answers, "lowercase %d strip_accents %d sweep %llx\n", &lowercase, &strip,
				  &expected) == 3)
	{
		TokenizerFixture f;

		fixture_begin(&f, "bert");
		gguf_add_bool(&f.builder, "tokenizer.ggml.normalizer.lowercase", lowercase != 0);
		gguf_add_bool(&f.builder, "tokenizer.ggml.normalizer.strip_accents", strip != 0);
		gguf_add_array(&f.builder, "tokenizer.ggml.tokens", SLM_GGUF_STRING,
					   1 + 2 * (0x110000 - 0x800));
		gguf_put_string(&f.builder.keys, "[UNK]");
		for (uint32_t cp = 0; cp < 0x110000; cp++)
		{
			uint8_t word[6] = {'#', '#'};
			uint64_t length;

			if (cp >= 0xd800 && cp < 0xe000)
				continue;
			length = (uint64_t) slm_utf8_encode(cp, word + 2);
			gguf_put_text(&f.builder.keys, word + 2, length);
			gguf_put_text(&f.builder.keys, word, length + 2);
		}
		CHECK_STATUS(fixture_finish(&f), SLM_OK);
		CHECK(sweep(&f) == expected);
		lines++;
		fixture_free(&f);
	}
	CHECK_INT(lines, 4);
	fclose(answers);
}

int
main(void)
{
	TEST(bert_equals_hugging_face);
	TEST(gpt2_equals_hugging_face);
	TEST(unigram_equals_hugging_face);
	TEST(spm_equals_hugging_face);
	TEST(albert_equals_hugging_face);
	TEST(normalization_of_every_character);
	return check_done();
}
