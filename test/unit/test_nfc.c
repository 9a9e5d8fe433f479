/*
 * test_nfc.c - canonical composition, and the way back to the source
 */
#include "tokenizer/nfc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "check.h"
#include "host.h"
#include "tokenizer_fixture.h"

static SlmArena arena;
static SlmError err;

static SlmNfc
compose(const char *text)
{
	SlmNfc nfc = {0};

	slm_arena_reset(&arena);
	CHECK_STATUS(
		slm_nfc((const uint8_t *) text, (uint32_t) strlen(text), test_host(), &arena, &nfc, &err),
		SLM_OK);
	return nfc;
}

static void
check(const char *text, const char *expected, uint32_t edits)
{
	SlmNfc nfc = compose(text);

	if (!CHECK(nfc.n == strlen(expected) && memcmp(nfc.text, expected, nfc.n) == 0))
		printf("# %s gives %.*s\n", text, (int) nfc.n, nfc.text);
	CHECK_INT(nfc.n_edit, edits);
	CHECK(edits > 0 || nfc.text == (const uint8_t *) text);
}

static void
composes(void)
{
	check("", "", 0);
	check("plain text", "plain text", 0);
	check("\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9", 0);
	check("e\xcc\x81", "\xc3\xa9", 1);
	check("xe\xcc\x81ye\xcc\x81", "x\xc3\xa9y\xc3\xa9", 2);
	/* marks are put in order first, and one of the same class stands in the way */
	check("e\xcc\x81\xcc\xa3", "\xe1\xba\xb9\xcc\x81", 1);
	check("e\xcc\xb1\xcc\xa3", "e\xcc\xb1\xcc\xa3", 0);
	check("a\xcc\x81\xcc\x81", "\xc3\xa1\xcc\x81", 1);
	/* a mark alone, at the start and behind what it does not join */
	check("\xcc\x81", "\xcc\x81", 0);
	check("\xcc\x81\xcc\xa3", "\xcc\xa3\xcc\x81", 1);
	check("1\xcc\x81", "1\xcc\x81", 0);
	/* Hangul, by arithmetic */
	check("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xea\xb0\x81", 1);
	check("\xea\xb0\x80\xe1\x86\xa8", "\xea\xb0\x81", 1);
	check("\xea\xb0\x81\xe1\x86\xa8", "\xea\xb0\x81\xe1\x86\xa8", 0);
	/* what is never composed, and what stands for another character */
	check("\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc", 1);
	check("\xe2\x84\xa6", "\xce\xa9", 1);
	check("\xe0\xaf\x86\xe0\xae\xbe", "\xe0\xaf\x8a", 1);
}

/* Places of a composed text, as the source has them. */
static void
the_way_back(void)
{
	/* x, e and accent, y, a letter that grows, z */
	SlmNfc nfc = compose("xe\xcc\x81y\xe0\xa5\x98z");
	static const uint32_t starts[] = {0, 1, 1, 4, 5, 5, 5, 5, 5, 5, 8};
	static const uint32_t ends[] = {0, 1, 4, 4, 5, 8, 8, 8, 8, 8, 8, 9};
	uint32_t edit = 0;

	CHECK_INT(nfc.n, 11);
	for (uint32_t at = 0; at < 11; at++)
		CHECK_INT(slm_nfc_start(&nfc, at, &edit), starts[at]);
	edit = 0;
	for (uint32_t at = 0; at < 12; at++)
		CHECK_INT(slm_nfc_end(&nfc, at, &edit), ends[at]);
	nfc = compose("xyz");
	edit = 0;
	CHECK_INT(slm_nfc_start(&nfc, 2, &edit), 2);
	CHECK_INT(slm_nfc_end(&nfc, 3, &edit), 3);
}

static void
add_number(uint64_t *hash, uint32_t number)
{
	*hash = (*hash ^ number) * 0x100000001b3ULL;
}

static void
add_text(uint64_t *hash, const uint8_t *text, uint32_t n)
{
	SlmNfc nfc;
	uint32_t cp;

	slm_arena_reset(&arena);
	CHECK_STATUS(slm_nfc(text, n, test_host(), &arena, &nfc, &err), SLM_OK);
	for (uint32_t at = 0; at < nfc.n;)
	{
		int length = slm_utf8_decode(nfc.text + at, nfc.n - at, &cp);

		if (!CHECK(length > 0))
			break;
		add_number(hash, cp);
		at += (uint32_t) length;
	}
	add_number(hash, UINT32_MAX);
}

/* Every scalar value that has a use among characters that compose, and sequences of those: as Hugging Face composes. */
static void
equals_hugging_face(void)
{
	static const char *const before[] = {"a", "", "e\xcc\xa3", "\xe1\x84\x80"};
	static const char *const behind[] = {"b", "\xcc\x81\xcc\xa3", "\xcc\x81", "\xe1\x86\xa8"};
	static const uint32_t range[][2] = {{0x61, 26},      {0xc0, 0x240},   {0x300, 0x70},
										{0x300, 0x70},   {0x1100, 0x100}, {0x900, 0x500},
										{0x1e00, 0x200}, {0x1d150, 0x80}};
	uint64_t sweep = 0xcbf29ce484222325ULL, samples = sweep;
	unsigned long long expected[2] = {0, 0};
	FILE *answers = fopen("test/golden/tokenizer-nfc.txt", "r");
	uint32_t random = 1;
	uint8_t text[64];

	if (!CHECK(answers != NULL))
		return;
	CHECK_INT(fscanf(answers, "sweep %llx samples %llx", &expected[0], &expected[1]), 2);
	fclose(answers);
	for (uint32_t cp = 0; cp < 0x110000; cp++)
	{
		for (int i = 0; i < 4 && fixture_is_swept(cp); i++)
		{
			size_t n = strlen(before[i]);

			memcpy(text, before[i], n);
			n += (size_t) slm_utf8_encode(cp, text + n);
			memcpy(text + n, behind[i], strlen(behind[i]));
			add_text(&sweep, text, (uint32_t) (n + strlen(behind[i])));
		}
	}
	CHECK(sweep == expected[0]);
	for (int i = 0; i < 200000; i++)
	{
		uint32_t n = 0;

		random = random * 1664525u + 1013904223u;
		for (uint32_t left = (random >> 16) % 10 + 1; left > 0; left--)
		{
			const uint32_t *from;

			random = random * 1664525u + 1013904223u;
			from = range[(random >> 28) % 8];
			n += (uint32_t) slm_utf8_encode(from[0] + (random >> 8) % from[1], text + n);
		}
		add_text(&samples, text, n);
	}
	CHECK(samples == expected[1]);
}

/* A megabyte of marks behind one letter, of one class and of all of them, in the worst order. */
static void
time_is_linear(void)
{
	static const char *const units[] = {"\xcc\x81",  "\xcc\x81\xcc\xa3",         "\xcd\x85\xcc\xb4",
										"e\xcc\x81", "\xea\xb0\x80\xe1\x86\xa8", "\xe0\xa5\x98"};
	const uint32_t most = 1 << 20;
	uint8_t *text = malloc(most);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		uint32_t length = (uint32_t) strlen(units[i]), n = 1;
		double start, seconds;
		SlmNfc nfc;

		text[0] = 'e';
		for (; n + length <= most; n += length)
			memcpy(text + n, units[i], length);
		slm_arena_reset(&arena);
		start = check_cpu_seconds();
		CHECK_STATUS(slm_nfc(text, n, test_host(), &arena, &nfc, &err), SLM_OK);
		seconds = check_cpu_seconds() - start;
		printf("# %.3f s for 1 MB\n", seconds);
		CHECK(seconds < 0.5 * check_patience());
	}
	free(text);
}

/* Every allocation fails in turn, every poll says stop in turn. */
static void
failures(void)
{
	const uint32_t n = 200000;
	uint8_t *text = malloc(n);
	SlmStatus status;
	SlmNfc nfc;

	for (uint32_t i = 0; i + 1 < n; i += 2)
		memcpy(text + i, i % 3 == 0 ? "\xcc\x81" : i % 5 == 0 ? "ab" : "\xcc\xa3", 2);
	for (int what = 0; what < 2; what++)
	{
		int64_t at = 1;

		do
		{
			SlmArena own;

			slm_arena_init(&own, test_host(), (size_t) 1 << 28);
			test_host_reset();
			*(what ? &test_host_state.interrupt_at : &test_host_state.fail_alloc_at) = at++;
			status = slm_nfc(text, n, test_host(), &own, &nfc, &err);
			test_host_reset();
			if (status != SLM_OK)
				CHECK_STATUS(status, what ? SLM_ERR_CANCELLED : SLM_ERR_NO_MEMORY);
			slm_arena_trim(&own, 0);
		} while (status != SLM_OK && at < 1000);
		CHECK_STATUS(status, SLM_OK);
		CHECK(at > 3);
	}
	free(text);
}

int
main(void)
{
	slm_arena_init(&arena, test_host(), (size_t) 1 << 30);
	TEST(composes);
	TEST(the_way_back);
	TEST(equals_hugging_face);
	TEST(time_is_linear);
	TEST(failures);
	slm_arena_trim(&arena, 0);
	return check_done();
}
