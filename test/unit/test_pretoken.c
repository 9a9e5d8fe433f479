/*
 * test_pretoken.c - cutting text into words, way by way
 *
 * What all of them do with every character, and with hundreds of texts, is
 * compared with Hugging Face's tokenizers in test_tokenizer_golden.c.
 */
#include "tokenizer/pretoken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

/* Words of a text, "|" between them. */
static const char *
split(SlmPretoken which, const char *text)
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
		if (!CHECK(end > at && end <= n))
			break;
		to += (size_t) snprintf(out + to, sizeof(out) - to, "%s%.*s", at > 0 ? "|" : "",
								(int) (end - at), text + at);
	}
	return out;
}

typedef struct Case
{
	const char *text, *words;
} Case;

static void
check(SlmPretoken which, const Case *one, size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK_STR(split(which, one[i].text), one[i].words);
}

#define CHECK_ALL(which, cases) check(which, cases, sizeof(cases) / sizeof((cases)[0]))

static void
gpt2(void)
{
	static const Case cases[] = {
		{"Hello world 123abc", "Hello| world| 123|abc"},
		{"I'm you'LL we'll 'sx", "I|'m| you|'|LL| we|'ll| '|sx"},
		{"'tis can't!'re", "'t|is| can|'t|!'|re"},
		{"a  b   ", "a| | b|   "},
		{"a\n\n b\t c", "a|\n\n| b|\t| c"},
		{"a\nb", "a|\n|b"},
		{"\xc3\xa9t\xc3\xa9 \xd9\xa3\xe2\x85\xa0 \xe2\x82\xac!x",
		 "\xc3\xa9t\xc3\xa9| \xd9\xa3\xe2\x85\xa0| \xe2\x82\xac!|x"},
		{"x\xc2\xa0\xe3\x80\x80y", "x|\xc2\xa0|\xe3\x80\x80|y"},
		{" ", " "},
		{"'", "'"},
	};

	CHECK_ALL(SLM_PRETOKEN_GPT2, cases);
}

static void
llama3_and_qwen2(void)
{
	static const Case both[] = {
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

	CHECK_ALL(SLM_PRETOKEN_LLAMA3, both);
	CHECK_ALL(SLM_PRETOKEN_QWEN2, both);
	CHECK_STR(split(SLM_PRETOKEN_LLAMA3, "Hello world 123"), "Hello| world| |123");
	CHECK_STR(split(SLM_PRETOKEN_QWEN2, "Hello world 123"), "Hello| world| |1|2|3");
	CHECK_STR(split(SLM_PRETOKEN_LLAMA3, "12345a"), "123|45|a");
}

static void
starcoder(void)
{
	static const Case cases[] = {
		{"a12 b", "a|1|2| b"},
		/* white space before a digit is not before a word */
		{"a  1", "a|  |1"},
		{"a  b", "a| | b"},
		{"x\xc2\xb2=\xe2\x85\xa7.", "x|\xc2\xb2|=|\xe2\x85\xa7|."},
		{"it's 5", "it|'s| |5"},
	};

	CHECK_ALL(SLM_PRETOKEN_STARCODER, cases);
}

static void
falcon(void)
{
	static const Case cases[] = {
		{"Hello, world!! ...ok", "Hello|,| world|!!| |...|ok"},
		{"it's", "it|'|s"},
		{"12 and 123 and 1234", "12| and| |123| and| |123|4"},
		{" 999", " |999"},
		{"a  1", "a| | |1"},
		/* bytes that GPT-2 spells as numbers: the second of this letter is 1/4 */
		{"\xd0\xbc"
		 "a",
		 "\xd0|\xbc|a"},
		{"x\xc2\xb2y", "x|\xc2|\xb2|y"},
		{"\xc2\xbd"
		 "6789",
		 "\xc2|\xbd|678|9"},
		{"1\xc2\xbd"
		 "2",
		 "1|\xc2|\xbd"
		 "2"},
	};

	CHECK_ALL(SLM_PRETOKEN_FALCON, cases);
}

static void
deepseek(void)
{
	static const Case coder[] = {
		{"a b  c", "a| b| | c"},
		{"a\n\nb", "a|\n|\n|b"},
		{"x = f(y);\r\n", "x| =| f|(|y|);|\r|\n"},
		{" !x ?", " !|x| ?"},
		{"a12 3", "a|1|2| |3"},
		{"$5", "$|5"},
		{"\xc3\xa9t\xc3\xa9 \xe6\x95\xb0\xe6\x8d\xae",
		 "\xc3\xa9t\xc3\xa9| |\xe6\x95\xb0\xe6\x8d\xae"},
	};
	static const Case llm[] = {
		{"a b  c", "a| b| | c"},
		{"a\n\nb", "a|\n|\n|b"},
		{" !x ?", " !|x| ?"},
		{"a12 3", "a|1|2| |3"},
		/* its signs have the ASCII letters among them, so other letters stand alone */
		{"\xc3\xa9t\xc3\xa9", "\xc3\xa9|t|\xc3\xa9"},
		{"5  ", "5|  "},
		{"5 \t\xe6\x95\xb0  ", "5| \t|\xe6\x95\xb0|  "},
	};

	CHECK_ALL(SLM_PRETOKEN_DEEPSEEK_CODER, coder);
	CHECK_ALL(SLM_PRETOKEN_DEEPSEEK_LLM, llm);
}

#define ACUTE "\xcc\x81"    /* a combining mark */
#define HAN "\xe4\xb8\xad"  /* a letter without case */
#define TITLE "\xc7\x85"    /* a letter of title case */
#define BARRED "\xc6\xbb"   /* a letter of Latin without case */
#define MODIFIER "\xca\xb0" /* a modifier letter */

static void
words_by_case(void)
{
	static const Case both[] = {
		{"HelloWorld XMLParser iPhone", "Hello|World| XMLParser| i|Phone"},
		{"HTTPSConnection ABC", "HTTPSConnection| ABC"},
		{"a/b//\n/c !/\r\n", "a|/b|//\n/|c| !/\r\n"},
		{"(Ab)", "(Ab|)"},
		{"a  B\n\n c", "a| | B|\n\n| c"},
		/* letters without case end big ones, and small ones go on with them */
		{"AB" HAN "CD" HAN, "AB" HAN "CD" HAN},
		{"AB" HAN "CD", "AB" HAN "|CD"},
		{"AB" HAN "c" HAN "D", "AB" HAN "c" HAN "|D"},
		{"ab" HAN "A", "ab" HAN "|A"},
		{"A" TITLE "b" MODIFIER, "A" TITLE "b" MODIFIER},
		{"A" BARRED "B", "A" BARRED "|B"},
		{"e" ACUTE "E" ACUTE "F", "e" ACUTE "|E" ACUTE "|F"},
		/* a mark may stand before a word, or be one */
		{ACUTE "ab", ACUTE "ab"},
		{ACUTE "AB", ACUTE "|AB"},
		{"!" ACUTE "x", "!" ACUTE "x"},
		{"!!" ACUTE "x", "!!" ACUTE "|x"},
		{ACUTE, ACUTE},
		{" ", " "},
	};

	CHECK_ALL(SLM_PRETOKEN_TEKKEN, both);
	CHECK_ALL(SLM_PRETOKEN_GPT4O, both);
	CHECK_STR(split(SLM_PRETOKEN_TEKKEN, "a 1234's it'S"), "a| |1|2|3|4|'s| it|'S");
	CHECK_STR(split(SLM_PRETOKEN_GPT4O, "a 1234's it'S we'reX"), "a| |123|4|'s| it'S| we're|X");
	CHECK_STR(split(SLM_PRETOKEN_GPT4O, "IT'LL a'"), "IT'LL| a|'");
}

/* A megabyte of one unit: every pattern takes linear time, and polls. */
static void
time_is_linear(void)
{
	static const char *const units[] = {"a", "A",   " ",  "!",   "1",        "\n",      "A!", " a",
										HAN, ACUTE, "a ", "  1", "\xd0\xbc", "A" ACUTE, "'s"};
	const uint32_t most = 1 << 20;
	uint8_t *text = malloc(most);
	double slowest = 0.0;
	int long_words = 0;

	for (int which = 0; which < SLM_PRETOKEN_COUNT; which++)
	{
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		{
			uint32_t length = (uint32_t) strlen(units[i]), n = most / length * length, end;
			double start = check_cpu_seconds();
			SlmWords words;

			for (uint32_t at = 0; at < n; at += length)
				memcpy(text + at, units[i], length);
			CHECK_STATUS(slm_words_start(&words, (SlmPretoken) which, text, n, test_host(), NULL),
						 SLM_OK);
			for (uint32_t at = 0; at < n; at = end)
				CHECK_STATUS(slm_words_next(&words, at, &end, NULL), SLM_OK);
			if (check_cpu_seconds() - start > slowest)
				slowest = check_cpu_seconds() - start;
			/* a word of a megabyte polls */
			CHECK_STATUS(slm_words_start(&words, (SlmPretoken) which, text, n, test_host(), NULL),
						 SLM_OK);
			CHECK_STATUS(slm_words_next(&words, 0, &end, NULL), SLM_OK);
			if (end < n / 2)
				continue;
			long_words++;
			CHECK_STATUS(slm_words_start(&words, (SlmPretoken) which, text, n, test_host(), NULL),
						 SLM_OK);
			test_host_state.interrupt_at = 1;
			CHECK_STATUS(slm_words_next(&words, 0, &end, NULL), SLM_ERR_CANCELLED);
			test_host_reset();
		}
	}
	printf("# %.3f s at most for 1 MB\n", slowest);
	CHECK(slowest < 0.5 * check_patience());
	CHECK(long_words > 40);
	CHECK_STATUS(slm_words_start(&(SlmWords){0}, SLM_PRETOKEN_COUNT, text, 1, test_host(), NULL),
				 SLM_ERR_CORRUPT);
	free(text);
}

int
main(void)
{
	TEST(gpt2);
	TEST(llama3_and_qwen2);
	TEST(starcoder);
	TEST(falcon);
	TEST(deepseek);
	TEST(words_by_case);
	TEST(time_is_linear);
	return check_done();
}
