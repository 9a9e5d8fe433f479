/*
 * test_sentences.c - where sentences end, in texts as people write them
 */
#include "check.h"
#include "host.h"
#include "task/sentences.h"

#include "base/limits.h"

/* The sentences of a text, each in brackets. */
static const char *
cut(const char *text)
{
	static char out[8192];
	SlmSentenceReader reader;
	SlmSentence sentence;
	SlmError err;
	size_t end = 0, n = 0;

	slm_sentences_init(&reader, slm_text(text), test_host());
	for (;;)
	{
		CHECK_STATUS(slm_sentence_next(&reader, &sentence, &err), SLM_OK);
		if (sentence.size == 0)
			break;
		CHECK(sentence.start >= end);
		end = sentence.start + sentence.size;
		CHECK(end <= strlen(text));
		n += (size_t) snprintf(out + n, sizeof(out) - n, "[%.*s]", (int) sentence.size,
							   text + sentence.start);
	}
	out[n] = 0;
	return out;
}

static void
prose(void)
{
	CHECK_STR(cut(""), "");
	CHECK_STR(cut(" \n\t\r\n "), "");
	CHECK_STR(cut("one"), "[one]");
	CHECK_STR(cut("  The parcel came late. It was wet!  Who pays?  "),
			  "[The parcel came late.][It was wet!][Who pays?]");
	CHECK_STR(cut("Really?! Yes. No..."), "[Really?!][Yes.][No...]");
	CHECK_STR(cut("Well... maybe not. So\xe2\x80\xa6 Perhaps\xe2\x80\xa6 we wait."),
			  "[Well... maybe not.][So\xe2\x80\xa6][Perhaps\xe2\x80\xa6 we wait.]");
	CHECK_STR(cut("it is broken. please help me! thanks"),
			  "[it is broken.][please help me!][thanks]");
	CHECK_STR(cut("We paid 5. The rest is due in 2019. In May we move."),
			  "[We paid 5.][The rest is due in 2019.][In May we move.]");
}

static void
abbreviations(void)
{
	CHECK_STR(cut("Mr. Smith met Dr. Jones. They talked."),
			  "[Mr. Smith met Dr. Jones.][They talked.]");
	CHECK_STR(cut("Use tools, e.g. Python, i.e. a language. See Fig. 3 and No. 5 vs. No. 6."),
			  "[Use tools, e.g. Python, i.e. a language.][See Fig. 3 and No. 5 vs. No. 6.]");
	CHECK_STR(cut("Did it work? No. I called again."), "[Did it work?][No.][I called again.]");
	CHECK_STR(cut("She lives in the U.S. The U.S. Army called. J. R. Tolkien wrote it."),
			  "[She lives in the U.S.][The U.S. Army called.][J. R. Tolkien wrote it.]");
	CHECK_STR(cut("Acme Inc. sells pens. We wrote to Acme Inc. They did not answer."),
			  "[Acme Inc. sells pens.][We wrote to Acme Inc.][They did not answer.]");
	CHECK_STR(cut("Come at 5 p.m. Monday. Or at 6 p.m. We close at 7 p.m. sharp."),
			  "[Come at 5 p.m. Monday.][Or at 6 p.m.][We close at 7 p.m. sharp.]");
	CHECK_STR(cut("Am 5. Mai z.B. Nr. 7 der Str. 3. Das ist bzw. war so."),
			  "[Am 5.][Mai z.B. Nr. 7 der Str. 3.][Das ist bzw. war so.]");
	CHECK_STR(cut("It cost approx. five, incl. tax. On Jan. 5 it rose."),
			  "[It cost approx. five, incl. tax.][On Jan. 5 it rose.]");
	/* a letter outside ASCII before: not the abbreviation */
	CHECK_STR(cut("Un caf\xc3\xa9st. Smith."), "[Un caf\xc3\xa9st.][Smith.]");
}

static void
dots_inside_words(void)
{
	CHECK_STR(cut("Pi is 3.14. Version 2.0.1 of www.example.com/a.b?c=1 is out! Mail a.b@c.org. "
				  "Open setup.exe."),
			  "[Pi is 3.14.][Version 2.0.1 of www.example.com/a.b?c=1 is out!][Mail a.b@c.org.]"
			  "[Open setup.exe.]");
	CHECK_STR(cut("Costs rose by .5 percent. 10.000,50 EUR were paid on 3.4.2020. Done"),
			  "[Costs rose by .5 percent.][10.000,50 EUR were paid on 3.4.2020.][Done]");
}

static void
quotes_and_brackets(void)
{
	CHECK_STR(cut("He said \"Stop.\" Then he left. (It was late.) \"Why?\" she asked."),
			  "[He said \"Stop.\"][Then he left.][(It was late.)][\"Why?\" she asked.]");
	CHECK_STR(cut("\xe2\x80\x9cNo.\xe2\x80\x9d He left. Ok (approx. 5 kg.) and more [end.] "
				  "\xe2\x80\x9eJa.\xe2\x80\x9c Gut."),
			  "[\xe2\x80\x9cNo.\xe2\x80\x9d][He left.][Ok (approx. 5 kg.) and more [end.]]"
			  "[\xe2\x80\x9eJa.\xe2\x80\x9c][Gut.]");
	CHECK_STR(cut("\xc2\xbfQu\xc3\xa9 pas\xc3\xb3? \xc2\xa1Nada! \xc2\xbfY t\xc3\xba?"),
			  "[\xc2\xbfQu\xc3\xa9 pas\xc3\xb3?][\xc2\xa1Nada!][\xc2\xbfY t\xc3\xba?]");
}

static void
other_scripts(void)
{
	/* Chinese: two sentences, the first with a closing quote; no white space */
	CHECK_STR(cut("\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82\xe3\x80\x8d\xe4\xb8\x96\xe7\x95\x8c"
				  "\xef\xbc\x81\xe5\x86\x8d\xe8\xa6\x8b"),
			  "[\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82\xe3\x80\x8d][\xe4\xb8\x96\xe7\x95\x8c"
			  "\xef\xbc\x81][\xe5\x86\x8d\xe8\xa6\x8b]");
	/* Hindi and Arabic */
	CHECK_STR(cut("\xe0\xa4\xb9\xe0\xa4\xbe\xe0\xa5\xa4 \xe0\xa4\xa8"),
			  "[\xe0\xa4\xb9\xe0\xa4\xbe\xe0\xa5\xa4][\xe0\xa4\xa8]");
	CHECK_STR(cut("\xd9\x85\xd8\xa7\xd8\x9f \xd9\x84\xd8\xa7"),
			  "[\xd9\x85\xd8\xa7\xd8\x9f][\xd9\x84\xd8\xa7]");
	/* Russian: a small letter goes on behind an abbreviation, a capital does not */
	CHECK_STR(cut("\xd0\x94\xd0\xb0. \xd0\x9d\xd0\xb5\xd1\x82 \xd1\x82. \xd0\xb5."),
			  "[\xd0\x94\xd0\xb0.][\xd0\x9d\xd0\xb5\xd1\x82 \xd1\x82. \xd0\xb5.]");
}

static void
lines(void)
{
	CHECK_STR(cut("Hi Bob,\n\nthe invoice is wrong. Please look\nat it.\n\n"
				  "Best regards,\nAnna Smith\nSales, Example Ltd.\n"),
			  "[Hi Bob,][the invoice is wrong.][Please look][at it.]"
			  "[Best regards,][Anna Smith][Sales, Example Ltd.]");
	CHECK_STR(cut("Dear Sir or Madam,\r\n"
				  "the parcel that I ordered three weeks ago from\r\n"
				  "Example Ltd has not come yet. I called twice. The\r\n"
				  "answer was that it is lost.\r\n"
				  "Yours sincerely\r\n"
				  "Max\r\n"),
			  "[Dear Sir or Madam,]"
			  "[the parcel that I ordered three weeks ago from\r\nExample Ltd has not come yet.]"
			  "[I called twice.][The\r\nanswer was that it is lost.][Yours sincerely][Max]");
	/* a headline over a line that is not wrapped */
	CHECK_STR(cut("Profits beat all expectations\nThe company said on Monday that its profits rose "
				  "by a third, which nobody had expected."),
			  "[Profits beat all expectations][The company said on Monday that its profits rose "
			  "by a third, which nobody had expected.]");
	CHECK_STR(cut("## Steps\n- Open it\n* Close it\n \xe2\x80\xa2 Send it back\n1. Wait\n2) Call\n"
				  "(3) Write\na) first"),
			  "[Steps][Open it][Close it][Send it back][1. Wait][2) Call][(3) Write][a) first]");
	CHECK_STR(cut("1. Open the box. 2. Read."), "[1. Open the box.][2. Read.]");
	CHECK_STR(cut("From: anna@example.com\nDelivery date: 5 May\nThe customer with the long name "
				  "says that\nNote: nothing came"),
			  "[From: anna@example.com][Delivery date: 5 May]"
			  "[The customer with the long name says that][Note: nothing came]");
	CHECK_STR(cut("> What happened?\n> > Nothing\n>quoted\n-----\n-- \nAnna\n=====\n***"),
			  "[What happened?][Nothing][quoted][Anna]");
	CHECK_STR(cut("-5 degrees\n*bold* text\n#12 is open\n-\n+49 30 1234"),
			  "[-5 degrees][*bold* text][#12 is open][+49 30 1234]");
	CHECK_STR(cut("one\x0ctwo\xe2\x80\xa9three\xe2\x80\xa8"
				  "four"),
			  "[one][two][three][four]");
	CHECK_STR(cut("!!! ???\n...\n"), "");
	CHECK_STR(cut("Is it!!! ???"), "[Is it!!!][???]");
}

static void
words_of_text(void)
{
	SlmText text = slm_text("  one tw0\t\xe6\x9d\xb1\xe4\xba\xac\xe3\x80\x81"
							"3a\xc2\xa0"
							"b ");
	static const char *const expected[] = {"one", "tw0", "\xe6\x9d\xb1", "\xe4\xba\xac\xe3\x80\x81",
										   "3a",  "b"};
	SlmCursor cursor;
	SlmWord word;
	SlmError err;

	slm_cursor_init(&cursor, text, test_host());
	for (int i = 0; i < 6; i++)
	{
		CHECK_STATUS(slm_word_next(&cursor, &word, &err), SLM_OK);
		CHECK_INT(word.end - word.start, strlen(expected[i]));
		CHECK(memcmp(text.data + word.start, expected[i], strlen(expected[i])) == 0);
		CHECK_INT(word.has_digit, i == 1 || i == 4);
	}
	for (int i = 0; i < 2; i++)
	{
		CHECK_STATUS(slm_word_next(&cursor, &word, &err), SLM_OK);
		CHECK(word.start == word.end);
	}
	slm_cursor_init(&cursor, slm_text("a \xff"), test_host());
	CHECK_STATUS(slm_word_next(&cursor, &word, &err), SLM_OK);
	CHECK_STATUS(slm_word_next(&cursor, &word, &err), SLM_ERR_ENCODING);
	CHECK_CONTAINS(err.message, "byte 2");
}

static void
broken_bytes(void)
{
	static const char *const texts[] = {"a. \xff", "\x80", "a\xe2\x80", "\xc0\xaf",
										"One. \xed\xa0\x80"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		SlmSentenceReader reader;
		SlmSentence sentence = {0, 1};
		SlmStatus status = SLM_OK;
		SlmError err;

		slm_sentences_init(&reader, slm_text(texts[i]), test_host());
		while (status == SLM_OK && sentence.size > 0)
			status = slm_sentence_next(&reader, &sentence, &err);
		CHECK_STATUS(status, SLM_ERR_ENCODING);
		CHECK_CONTAINS(err.message, "not valid UTF-8 at byte");
	}
}

#define HOSTILE_BYTES (1 << 20)

/* Reads all of a text of a repeated unit; its seconds of CPU. */
static double
read_all(const char *unit, size_t size, int64_t *n_sentence)
{
	char *data = malloc(size);
	SlmSentenceReader reader;
	SlmSentence sentence;
	SlmError err;
	double started = check_cpu_seconds();
	size_t end = 0;

	for (size_t i = 0; i < size; i++)
		data[i] = unit[i % strlen(unit)];
	data[size - 1] = 'a';
	slm_sentences_init(&reader, (SlmText){data, size}, test_host());
	for (*n_sentence = 0;; ++*n_sentence)
	{
		if (!CHECK_STATUS(slm_sentence_next(&reader, &sentence, &err), SLM_OK) ||
			sentence.size == 0)
			break;
		if (sentence.start < end || sentence.start + sentence.size > size ||
			slm_char_is_white((uint8_t) data[sentence.start]) ||
			slm_char_is_white((uint8_t) data[sentence.start + sentence.size - 1]))
		{
			CHECK(!"a sentence is trimmed and behind the one before");
			break;
		}
		end = sentence.start + sentence.size;
	}
	free(data);
	return check_cpu_seconds() - started;
}

/* Units whose repetition might make something look far ahead or back again and again. */
static void
hostile_texts(void)
{
	static const char *const units[] = {
		"a",
		" ",
		"\n",
		"a ",
		"a\n",
		"a. ",
		".",
		". ",
		"((",
		">",
		"> ",
		"- ",
		"-",
		"a\fb\n",
		"a\n\nb\n",
		"Mr. ",
		"U.S. A",
		"...a",
		"\"",
		"a.\"\"",
		"a: b: ",
		"# ",
		"word word word word word word word word word word\n",
		"\t\t\t\n",
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		int64_t n;
		double seconds;

		test_host_reset();
		seconds = read_all(units[i], HOSTILE_BYTES, &n);
		if (!CHECK(seconds < 1.0 * check_patience()))
			printf("# unit %zu: %.2f s\n", i, seconds);
		CHECK(test_host_state.polls >= HOSTILE_BYTES / SLM_POLL_BYTES);
	}
}

static void
cancelled(void)
{
	SlmSentenceReader reader;
	SlmSentence sentence;
	static char text[3 * SLM_POLL_BYTES];
	SlmError err;

	memset(text, 'a', sizeof(text));
	test_host_reset();
	test_host_state.interrupt_at = 2;
	slm_sentences_init(&reader, (SlmText){text, sizeof(text)}, test_host());
	CHECK_STATUS(slm_sentence_next(&reader, &sentence, &err), SLM_ERR_CANCELLED);
	test_host_reset();
}

int
main(void)
{
	TEST(prose);
	TEST(abbreviations);
	TEST(dots_inside_words);
	TEST(quotes_and_brackets);
	TEST(other_scripts);
	TEST(lines);
	TEST(words_of_text);
	TEST(broken_bytes);
	TEST(hostile_texts);
	TEST(cancelled);
	return check_done();
}
