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
#include "tokenizer/pretoken.h"
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

/* FNV-1a over 32-bit numbers. */
static void
add_number(uint64_t *hash, uint32_t number)
{
	*hash = (*hash ^ number) * 0x100000001b3ULL;
}

/* The lengths of a text's words. */
static void
add_words(uint64_t *hash, SlmPretoken which, const uint8_t *text, size_t n)
{
	SlmWords words;
	uint32_t end;

	CHECK_STATUS(slm_words_start(&words, which, text, (uint32_t) n, test_host(), NULL), SLM_OK);
	for (uint32_t at = 0; at < n; at = end)
	{
		if (slm_words_next(&words, at, &end, NULL) != SLM_OK)
			break;
		add_number(hash, end - at);
	}
	add_number(hash, UINT32_MAX);
}

static uint64_t
sweep_words(SlmPretoken which)
{
	/* where the character stands is marked by 1 */
	static const char *const around[] = {"a\1B \1"
										 "1\1 ",
										 "!\1!\1\1's\n  \1"};
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (uint32_t cp = 0; cp < 0x110000; cp++)
	{
		uint8_t bytes[4];
		size_t length;

		if (!fixture_is_swept(cp))
			continue;
		length = (size_t) slm_utf8_encode(cp, bytes);
		for (int i = 0; i < 2; i++)
		{
			uint8_t text[64];
			size_t n = 0;

			for (const char *at = around[i]; *at != '\0'; at++)
			{
				memcpy(text + n, *at == 1 ? (const char *) bytes : at, *at == 1 ? length : 1);
				n += *at == 1 ? length : 1;
			}
			add_words(&hash, which, text, n);
		}
	}
	return hash;
}

/* The texts of tokenizer-gpt2.txt, which is what all are made of. */
static uint64_t
words_of_texts(SlmPretoken which)
{
	FILE *file = fopen(FOLDER "tokenizer-gpt2.txt", "r");
	char *line = malloc(MAX_LINE);
	uint64_t hash = 0xcbf29ce484222325ULL;

	while (file != NULL && fgets(line, MAX_LINE, file) != NULL)
	{
		char *text = strchr(line, '\t');

		if (text != NULL)
			add_words(&hash, which, (uint8_t *) text + 1, fixture_unescape(text + 1));
	}
	if (file != NULL)
		fclose(file);
	free(line);
	return hash;
}

static void
words_equal_hugging_face(void)
{
	static const struct
	{
		const char *name;
		SlmPretoken which;
	} ways[] = {
		{"gpt-2", SLM_PRETOKEN_GPT2},
		{"llama-bpe", SLM_PRETOKEN_LLAMA3},
		{"qwen2", SLM_PRETOKEN_QWEN2},
		{"starcoder", SLM_PRETOKEN_STARCODER},
		{"falcon", SLM_PRETOKEN_FALCON},
		{"deepseek-llm", SLM_PRETOKEN_DEEPSEEK_LLM},
		{"deepseek-coder", SLM_PRETOKEN_DEEPSEEK_CODER},
		{"tekken", SLM_PRETOKEN_TEKKEN},
		{"gpt-4o", SLM_PRETOKEN_GPT4O},
	};
	FILE *answers = fopen(FOLDER "tokenizer-words.txt", "r");
	unsigned long long sweep, texts;
	char name[32];
	size_t n = 0;

	if (!CHECK(answers != NULL))
		return;
	while (fscanf(answers, "%31s sweep %llx texts %llx\n", name, &sweep, &texts) == 3)
	{
		if (!CHECK(n < sizeof(ways) / sizeof(ways[0])))
			break;
		CHECK_STR(name, ways[n].name);
		if (!CHECK(sweep_words(ways[n].which) == sweep) ||
			!CHECK(words_of_texts(ways[n].which) == texts))
			printf("# words of %s\n", name);
		n++;
	}
	CHECK_INT(n, SLM_PRETOKEN_COUNT);
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
	TEST(words_equal_hugging_face);
	return check_done();
}
