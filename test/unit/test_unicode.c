/*
 * test_unicode.c - character properties and grapheme clusters
 *
 * The golden figures are counts over all code points, taken from Hugging Face's
 * tokenizers 0.23.3 by test/tools/make_unicode_tables.py's questions.
 */
#include "tokenizer/unicode.h"

#include "base/utf8.h"
#include "check.h"
#include "host.h"
#include "tokenizer/grapheme.h"

static void
flags_of_known_characters(void)
{
	CHECK_INT(slm_unicode('a').flags,
			  SLM_UNICODE_LETTER | SLM_UNICODE_SMALL | SLM_UNICODE_DEEPSEEK);
	CHECK_INT(slm_unicode('A').flags,
			  SLM_UNICODE_LETTER | SLM_UNICODE_LOWER | SLM_UNICODE_UPPER | SLM_UNICODE_DEEPSEEK);
	CHECK_INT(slm_unicode('7').flags, SLM_UNICODE_NUMBER | SLM_UNICODE_NUMERIC);
	CHECK_INT(slm_unicode(' ').flags, SLM_UNICODE_SPACE | SLM_UNICODE_WHITE);
	CHECK_INT(slm_unicode('$').flags, SLM_UNICODE_PUNCT);
	CHECK_INT(slm_unicode('!').flags, SLM_UNICODE_PUNCT | SLM_UNICODE_SIGN);
	CHECK_INT(slm_unicode(0xe9).flags & SLM_UNICODE_COMPOSES, 0);
	CHECK(slm_unicode(0x301).flags & SLM_UNICODE_COMPOSES);
	CHECK(slm_unicode(0x301).flags & SLM_UNICODE_COMBINING);
	CHECK(slm_unicode(0x4e2d).flags & SLM_UNICODE_CJK);
	CHECK(slm_unicode(0x301).flags & SLM_UNICODE_MARK);
	CHECK_INT(slm_unicode(0x301).combining, 230);
	CHECK(slm_unicode(0xac00).flags & SLM_UNICODE_HANGUL);
	CHECK(slm_unicode(0xfffd).flags & SLM_UNICODE_DROP);
	CHECK_INT(slm_unicode(0x110000).flags, 0);
	CHECK_INT(slm_unicode(UINT32_MAX).flags, 0);
}

static void
decomposes_and_lowers(void)
{
	uint32_t part[SLM_UNICODE_MAX_PARTS];
	uint32_t lower[2];

	CHECK_INT(slm_unicode_decompose(0xe9, slm_unicode(0xe9).flags, part), 2);
	CHECK_INT(part[0], 'e');
	CHECK_INT(part[1], 0x301);
	CHECK_INT(slm_unicode_decompose(0x1f82, slm_unicode(0x1f82).flags, part), 4);
	CHECK_INT(slm_unicode_decompose(0xac01, slm_unicode(0xac01).flags, part), 3);
	CHECK_INT(part[2], 0x11a8);
	CHECK_INT(slm_unicode_decompose(0xac00, slm_unicode(0xac00).flags, part), 2);
	CHECK_INT(slm_unicode_decompose('x', slm_unicode('x').flags, part), 1);
	CHECK_INT(slm_unicode_lower(0x130, slm_unicode(0x130).flags, lower), 2);
	CHECK_INT(lower[0], 'i');
	CHECK_INT(lower[1], 0x307);
	CHECK_INT(slm_unicode_lower(0x3a3, slm_unicode(0x3a3).flags, lower), 1);
	CHECK_INT(lower[0], 0x3c3);
	CHECK_INT(slm_unicode_lower('x', slm_unicode('x').flags, lower), 1);
	CHECK_INT(slm_unicode_compose('e', 0x301), 0xe9);
	CHECK_INT(slm_unicode_compose(0x1100, 0x1161), 0xac00);
	CHECK_INT(slm_unicode_compose(0xac00, 0x11a8), 0xac01);
	CHECK_INT(slm_unicode_compose(0xac01, 0x11a8), 0);
	CHECK_INT(slm_unicode_compose(0xac00, 0x11a7), 0);
	CHECK_INT(slm_unicode_compose(0x1100, 0x1176), 0);
	CHECK_INT(slm_unicode_compose(0x301, 'e'), 0);
	/* flags that do not belong to the code point find nothing */
	CHECK_INT(slm_unicode_lower('x', SLM_UNICODE_LOWER, lower), 1);
	CHECK_INT(slm_unicode_decompose('x', SLM_UNICODE_NFD, part), 1);
}

static int
compat(uint32_t cp, uint32_t out[SLM_UNICODE_MAX_COMPAT])
{
	return slm_unicode_decompose_compat(cp, slm_unicode(cp).flags, out);
}

static void
decomposes_for_compatibility(void)
{
	uint32_t part[SLM_UNICODE_MAX_COMPAT], first = 0;
	int longest = 0, differ = 0;

	CHECK_INT(compat(0xfb01, part), 2);
	CHECK(part[0] == 'f' && part[1] == 'i');
	CHECK_INT(compat(0x1e9b, part), 2);
	CHECK(part[0] == 's' && part[1] == 0x307);
	/* where it does not differ it is the canonical one */
	CHECK_INT(compat(0xe9, part), 2);
	CHECK(part[0] == 'e' && part[1] == 0x301);
	CHECK_INT(compat(0xac01, part), 3);
	CHECK_INT(compat('x', part), 1);
	CHECK_INT(slm_unicode_decompose_compat('x', SLM_UNICODE_NFKD, part), 1);
	for (uint32_t cp = 0; cp < 0x110000; cp++)
	{
		int n = compat(cp, part);

		if (slm_unicode(cp).flags & SLM_UNICODE_NFKD)
		{
			first = differ++ == 0 ? cp : first;
			CHECK(n > 1 || part[0] != cp);
		}
		longest = n > longest ? n : longest;
	}
	CHECK_INT(longest, SLM_UNICODE_MAX_COMPAT);
	CHECK_INT(differ, 3678);
	CHECK_INT(first, 0xa0);
}

static void
counts_over_all_code_points(void)
{
	uint32_t drop = 0, space = 0, punct = 0, mark = 0, lower = 0, nfd = 0, letter = 0, number = 0,
			 white = 0, upper = 0, small = 0, combining = 0, sign = 0, numeric = 0, deepseek = 0,
			 composes = 0, disagree = 0;

	for (uint32_t cp = 0; cp < 0x110000; cp++)
	{
		uint32_t flags = slm_unicode(cp).flags;

		drop += (flags & SLM_UNICODE_DROP) != 0;
		space += (flags & SLM_UNICODE_SPACE) != 0;
		punct += (flags & SLM_UNICODE_PUNCT) != 0;
		mark += (flags & SLM_UNICODE_MARK) != 0;
		lower += (flags & SLM_UNICODE_LOWER) != 0;
		nfd += (flags & SLM_UNICODE_NFD) != 0;
		letter += (flags & SLM_UNICODE_LETTER) != 0;
		number += (flags & SLM_UNICODE_NUMBER) != 0;
		white += (flags & SLM_UNICODE_WHITE) != 0;
		upper += (flags & SLM_UNICODE_UPPER) != 0;
		small += (flags & SLM_UNICODE_SMALL) != 0;
		combining += (flags & SLM_UNICODE_COMBINING) != 0;
		sign += (flags & SLM_UNICODE_SIGN) != 0;
		numeric += (flags & SLM_UNICODE_NUMERIC) != 0;
		deepseek += (flags & SLM_UNICODE_DEEPSEEK) != 0;
		composes += (flags & SLM_UNICODE_COMPOSES) != 0;
		if (cp < 128)
		{
			uint8_t role = flags & SLM_UNICODE_SPACE   ? SLM_ASCII_SPACE
						   : flags & SLM_UNICODE_DROP  ? SLM_ASCII_DROP
						   : flags & SLM_UNICODE_PUNCT ? SLM_ASCII_PUNCT
													   : SLM_ASCII_WORD;

			disagree += slm_unicode_ascii_role[cp] != role;
		}
	}
	CHECK_INT(drop, 137681);
	CHECK_INT(space, 22);
	CHECK_INT(punct, 726);
	CHECK_INT(mark, 1567);
	CHECK_INT(lower, 1488);
	CHECK_INT(nfd, 2060);
	CHECK_INT(letter, 141028);
	CHECK_INT(number, 1911);
	CHECK_INT(white, 25);
	CHECK_INT(upper, 1889);
	CHECK_INT(small, 2258);
	CHECK_INT(combining, 2501);
	CHECK_INT(sign, 855);
	CHECK_INT(numeric, 1924);
	CHECK_INT(deepseek, 2729);
	CHECK_INT(composes, 1230);
	CHECK_INT(disagree, 0);
}

/* Lengths of the clusters of a text, as digits. */
static const char *
clusters(const char *text)
{
	static char out[64];
	uint32_t n = (uint32_t) strlen(text), end;
	size_t to = 0;

	for (uint32_t at = 0; at < n && to + 4 < sizeof(out); at = end)
	{
		CHECK_STATUS(slm_grapheme_end((const uint8_t *) text, n, at, test_host(), &end, NULL),
					 SLM_OK);
		to += (size_t) snprintf(out + to, sizeof(out) - to, "%s%u", at > 0 ? " " : "", end - at);
	}
	return out;
}

static void
clusters_follow_the_annex(void)
{
	CHECK_STR(clusters("ab"), "1 1");
	CHECK_STR(clusters("\r\n\n\r"), "2 1 1"); /* GB3 to GB5 */
	CHECK_STR(clusters("\n\xcc\x81"), "1 2"); /* GB4 */
	CHECK_STR(clusters("e\xcc\x81\xcc\x82"
					   "x"),
			  "5 1");                                                   /* GB9 */
	CHECK_STR(clusters("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"), "9");   /* GB6 to GB8 */
	CHECK_STR(clusters("\xea\xb0\x80\xe1\x86\xa8\xea\xb0\x81"), "6 3"); /* LV T, LVT */
	CHECK_STR(clusters("\xe0\xa4\x95\xe0\xa4\xbe"), "6");               /* GB9a */
	CHECK_STR(clusters("\xd8\x80"
					   "a"),
			  "3");                                                   /* GB9b */
	CHECK_STR(clusters("\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7"), "9"); /* GB9c */
	CHECK_STR(clusters("\xe0\xa4\x95\xe0\xa4\xb7"), "3 3");
	CHECK_STR(clusters("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb"), "11"); /* GB11 */
	CHECK_STR(clusters("a\xe2\x80\x8d\xf0\x9f\x92\xbb"), "4 4");
	/* GB12: flags pair up */
	CHECK_STR(clusters("\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xab"), "8 4");
	CHECK_STR(clusters("\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xab\xf0\x9f\x87\xb7"), "8 8");
}

int
main(void)
{
	TEST(flags_of_known_characters);
	TEST(decomposes_and_lowers);
	TEST(decomposes_for_compatibility);
	TEST(counts_over_all_code_points);
	TEST(clusters_follow_the_annex);
	return check_done();
}
