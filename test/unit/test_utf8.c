/*
 * test_utf8.c - UTF-8 over every code point, and everything that is not UTF-8
 */
#include "check.h"

#include "base/utf8.h"

static bool
is_scalar(uint32_t cp)
{
	return cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
}

/* The encoding as RFC 3629 has it, also for what must not be encoded. */
static int
encode_any(uint32_t cp, int length, uint8_t *out)
{
	static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (int i = length - 1; i > 0; i--, cp >>= 6)
		out[i] = (uint8_t) (0x80 | (cp & 0x3f));
	out[0] = (uint8_t) (first[length] | cp);
	return length;
}

static void
every_code_point(void)
{
	for (uint32_t cp = 0; cp < 0x110000; cp++)
	{
		uint8_t text[4], expected[4];
		uint32_t back = ~cp;
		int length = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

		encode_any(cp, length, expected);
		if (!is_scalar(cp))
		{
			if (slm_utf8_decode(expected, 3, &back) != 0)
				CHECK_INT(cp, -1);
			continue;
		}
		if (slm_utf8_encode(cp, text) != length || memcmp(text, expected, (size_t) length) != 0 ||
			slm_utf8_decode(text, (size_t) length, &back) != length || back != cp)
			CHECK_INT(cp, -1);
		/* cut off at every place */
		for (int n = 1; n < length; n++)
		{
			if (slm_utf8_decode(text, (size_t) n, &back) != 0 ||
				slm_utf8_valid_bytes(text, (size_t) n) != 0)
				CHECK_INT(cp, -1);
		}
	}
}

/* All four-byte strings by classes of bytes agree with the definition. */
static void
every_sequence(void)
{
	for (uint32_t head = 0; head < 0x10000; head++)
	{
		static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};

		for (size_t i = 0; i < sizeof(tails); i++)
		{
			for (size_t j = 0; j < sizeof(tails); j++)
			{
				uint8_t text[4] = {(uint8_t) (head >> 8), (uint8_t) head, tails[i], tails[j]};
				uint32_t cp = 0;
				int length = slm_utf8_decode(text, 4, &cp);
				uint8_t again[4];

				/* valid exactly when it is what its code point encodes to */
				if (length > 0)
				{
					if (!is_scalar(cp) || slm_utf8_encode(cp, again) != length ||
						memcmp(text, again, (size_t) length) != 0)
						CHECK_INT(head, -1);
					continue;
				}
				for (int n = 1; n <= 4; n++)
				{
					uint32_t value = n == 1 ? text[0] : text[0] & (0x7f >> n);

					for (int k = 1; k < n; k++)
						value = value << 6 | (text[k] & 0x3f);
					if (is_scalar(value) && slm_utf8_encode(value, again) == n &&
						memcmp(text, again, (size_t) n) == 0)
						CHECK_INT(head, -1);
				}
			}
		}
	}
}

static void
malformed(void)
{
	static const char *const bad[] = {
		"\x80", /* a continuation alone */
		"\xbf",
		"\xc0\xaf", /* overlong */
		"\xc1\xbf",
		"\xe0\x80\xaf",
		"\xe0\x9f\xbf",
		"\xf0\x80\x80\xaf",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", /* surrogates */
		"\xed\xbf\xbf",
		"\xf4\x90\x80\x80", /* past U+10FFFF */
		"\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xe2\x82",     /* cut off */
		"\xe2\x28\xa1", /* no continuation */
		"\xf0\x90\x28\xbc",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		uint32_t cp = 7;
		uint8_t text[64];

		CHECK_INT(slm_utf8_decode((const uint8_t *) bad[i], strlen(bad[i]), &cp), 0);
		/* found at the right place behind any number of good bytes */
		for (size_t at = 0; at < 40; at++)
		{
			memset(text, 'a', sizeof(text));
			memcpy(text + at, bad[i], strlen(bad[i]));
			CHECK_INT(slm_utf8_valid_bytes(text, at + strlen(bad[i])), at);
		}
	}
}

static void
valid_texts(void)
{
	static const char text[] = "plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80 and \0 inside";
	const size_t n = sizeof(text) - 1;

	CHECK_INT(slm_utf8_valid_bytes((const uint8_t *) text, n), n);
	CHECK_INT(slm_utf8_valid_bytes((const uint8_t *) text, 0), 0);
	for (size_t from = 0; from <= 7; from++)
		CHECK_INT(slm_utf8_valid_bytes((const uint8_t *) text + from, n - from), n - from);
}

int
main(void)
{
	TEST(every_code_point);
	TEST(every_sequence);
	TEST(malformed);
	TEST(valid_texts);
	return check_done();
}
