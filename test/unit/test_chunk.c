/*
 * test_chunk.c - cutting texts: limits, overlap, words, offsets
 */
#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "task/chunk.h"

#define TINY FIXTURE_DIR "tiny-bert.gguf"

static ModelFixture f;

static int
cut(const char *text, int max_tokens, int overlap, SlmChunk **chunk)
{
	int n = -1;

	slm_arena_reset(f.run.arena);
	CHECK_STATUS(slm_task_chunk(&f.run, slm_text(text), max_tokens, overlap, chunk, &n, &f.err),
				 SLM_OK);
	return n;
}

static void
check_chunk(const char *text, const SlmChunk *chunk, const char *expected)
{
	CHECK_INT(chunk->size, strlen(expected));
	CHECK(strlen(text) >= chunk->start + chunk->size);
	CHECK(strncmp(text + chunk->start, expected, strlen(expected)) == 0);
}

static void
words_stay_whole(void)
{
	const char *text = "  the order\tarrived late,\n please refund the money ";
	SlmChunk *chunk;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_INT(cut("", 4, 0, &chunk), 0);
	CHECK_INT(cut(" \n\t ", 4, 0, &chunk), 0);
	CHECK_INT(cut(text, 100, 0, &chunk), 1);
	check_chunk(text, &chunk[0], "the order\tarrived late,\n please refund the money");
	CHECK_INT(cut(text, 4, 0, &chunk), 3);
	check_chunk(text, &chunk[0], "the order\tarrived");
	check_chunk(text, &chunk[1], "late,\n please refund");
	check_chunk(text, &chunk[2], "the money");
	CHECK_INT(chunk[0].n_token, 3);
	CHECK_INT(chunk[1].n_token, 4);
	CHECK_INT(chunk[2].n_token, 2);
	CHECK_INT(cut("red dog tea", 2, 1, &chunk), 2);
	check_chunk("red dog tea", &chunk[0], "red dog");
	check_chunk("red dog tea", &chunk[1], "dog tea");
	model_fixture_free(&f);
}

static void
arguments(void)
{
	SlmText text = slm_text("red dog");
	SlmChunk *chunk;
	int n;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	CHECK_STATUS(slm_task_chunk(&f.run, text, -1, 0, &chunk, &n, &f.err), SLM_ERR_ARGUMENT);
	CHECK_STATUS(slm_task_chunk(&f.run, text, 5, -1, &chunk, &n, &f.err), SLM_ERR_ARGUMENT);
	CHECK_STATUS(slm_task_chunk(&f.run, text, 5, 5, &chunk, &n, &f.err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "overlap");
	CHECK_STATUS(slm_task_chunk(&f.run, text, 5, 4, &chunk, &n, &f.err), SLM_OK);
	CHECK_STATUS(slm_task_chunk(&f.run, slm_text("a\xff"), 5, 4, &chunk, &n, &f.err),
				 SLM_ERR_ENCODING);
	model_fixture_free(&f);
}

/* Any text, any numbers: nothing but white space is lost, promises are kept. */
static void
promises(void)
{
	static const char *const parts[] = {"order",        " ",     "arrived", "unopenedly", "  ",
										"\xe6\x97\xa5", "xyzzy", ", ",      "\xc3\xa9",   "!",
										"12345",        "\n",    "refund"};
	char text[2000];
	unsigned state = 7;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	for (int round = 0; round < 300; round++)
	{
		int max_tokens = 1 + round % 17, overlap = round % 5 < max_tokens ? round % 5 : 0;
		size_t covered = 0;
		SlmChunk *chunk;
		int n;

		text[0] = 0;
		for (int i = 0; i < 60; i++)
		{
			state = state * 1664525 + 1013904223;
			strcat(text, parts[(state >> 16) % 13]);
		}
		n = cut(text, max_tokens, overlap, &chunk);
		for (int i = 0; i < n; i++)
		{
			SlmText part = {text + chunk[i].start, chunk[i].size};
			int count;

			CHECK_STATUS(slm_task_count_tokens(&f.run, part, &count, &f.err), SLM_OK);
			CHECK_INT(chunk[i].n_token, count);
			/* the middle of a word may need several tokens on its own */
			if (!CHECK(count <= max_tokens || max_tokens < 4))
				printf("# %d > %d: %.*s\n", count, max_tokens, (int) part.size, part.data);
			CHECK(chunk[i].size > 0);
			CHECK(i == 0 || chunk[i].start > chunk[i - 1].start);
			CHECK(i == 0 || overlap > 0 ||
				  chunk[i].start >= chunk[i - 1].start + chunk[i - 1].size);
			for (; covered < chunk[i].start; covered++)
				CHECK(strchr(" \n", text[covered]) != NULL);
			if (chunk[i].start + chunk[i].size > covered)
				covered = chunk[i].start + chunk[i].size;
		}
		for (; covered < strlen(text); covered++)
			CHECK(strchr(" \n", text[covered]) != NULL);
	}
	model_fixture_free(&f);
}

/* max_tokens = 0: each chunk fits one window, prefix included. */
static void
chunks_of_a_window(void)
{
	char text[4000] = "";
	SlmChunk *chunk;
	int n;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	for (int i = 0; i < 150; i++)
		strcat(text, "tea ");
	n = cut(text, 0, 0, &chunk);
	CHECK_INT(n, 3);
	CHECK_INT(chunk[0].n_token, 62);
	CHECK_INT(chunk[2].n_token, 150 - 2 * 62);
	f.memory.options.document_prefix = slm_text("the order: ");
	n = cut(text, 0, 0, &chunk);
	CHECK_INT(chunk[0].n_token, 59);
	f.memory.options.document_prefix = slm_text("");

	/* byte-level pieces of one character stay together */
	model_fixture_free(&f);
	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "parity-roberta.gguf"), SLM_OK);
	n = cut("\xe6\x97\xa5\xe6\x9c\xac", 1, 0, &chunk);
	CHECK_INT(n, 2);
	CHECK_INT(chunk[0].size, 3);
	CHECK_INT(chunk[0].n_token, 3);
	CHECK_INT(chunk[1].start, 3);
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(words_stay_whole);
	TEST(arguments);
	TEST(promises);
	TEST(chunks_of_a_window);
	return check_done();
}
