/*
 * test_model.c - opening images, and images that change after they were opened
 */
#include "check.h"
#include "host.h"
#include "model/image_format.h"
#include "model_fixture.h"
#include "task/embed.h"

#define TINY FIXTURE_DIR "tiny-bert-q8_0.gguf"

static SlmStatus
reopen(ModelFixture *f, const void *image, size_t n)
{
	SlmModel *model = NULL;
	SlmStatus status = slm_model_open(image, n, test_host(), &model, &f->err);

	CHECK((status == SLM_OK) == (model != NULL));
	slm_model_close(model);
	return status;
}

static void
only_whole_images_open(void)
{
	ModelFixture f;
	uint8_t *image;
	size_t n;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	image = f.memory.image;
	n = f.memory.image_bytes;
	CHECK_STATUS(reopen(&f, image, n), SLM_OK);
	CHECK_STATUS(reopen(&f, image, n - 1), SLM_ERR_CORRUPT);
	CHECK_STATUS(reopen(&f, image, 0), SLM_ERR_CORRUPT);
	CHECK_STATUS(reopen(&f, image, SLM_IMAGE_HEADER_BYTES), SLM_ERR_CORRUPT);
	CHECK_STATUS(reopen(&f, image + 8, n - 8), SLM_ERR_INTERNAL);
	image[0] ^= 1;
	CHECK_STATUS(reopen(&f, image, n), SLM_ERR_CORRUPT);
	CHECK_CONTAINS(f.err.message, "no header");
	image[0] ^= 1;
	image[8]++; /* the version */
	CHECK_STATUS(reopen(&f, image, n), SLM_ERR_CORRUPT);
	CHECK_CONTAINS(f.err.message, "another version");
	image[8]--;
	CHECK_STATUS(reopen(&f, image, n), SLM_OK);
	model_fixture_free(&f);
}

/* Every byte of header, directory and strings is covered by the checksum. */
static void
every_flip_of_what_is_trusted(void)
{
	ModelFixture f;
	SlmImageHeader header;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	memcpy(&header, f.memory.image, sizeof(header));
	for (size_t at = 0; at < header.strings.offset + header.strings.bytes; at++)
	{
		bool padding =
			(at >= sizeof(header) && at < header.directory.offset) ||
			(at >= header.directory.offset + header.directory.bytes && at < header.strings.offset);

		f.memory.image[at] ^= 0x10;
		CHECK_STATUS(reopen(&f, f.memory.image, f.memory.image_bytes),
					 padding ? SLM_OK : SLM_ERR_CORRUPT);
		f.memory.image[at] ^= 0x10;
	}
	model_fixture_free(&f);
}

static void
memory_fails(void)
{
	ModelFixture f;
	SlmStatus status = SLM_ERR_NO_MEMORY;
	int64_t live;

	CHECK_STATUS(model_fixture_load(&f, TINY), SLM_OK);
	live = test_host_state.live_allocs;
	for (int n = 1; status == SLM_ERR_NO_MEMORY && n < 10; n++)
	{
		test_host_reset();
		test_host_state.fail_alloc_at = n;
		status = reopen(&f, f.memory.image, f.memory.image_bytes);
		CHECK_INT(test_host_state.live_allocs, live);
	}
	test_host_reset();
	CHECK_STATUS(status, SLM_OK);
	model_fixture_free(&f);
}

/* A run over a damaged image ends, with numbers or with an error. */
static void
run_damaged(ModelFixture *f, const char *text)
{
	SlmText t = slm_text(text);
	float out[64];
	int n;
	SlmStatus status;

	slm_arena_reset(f->run.arena);
	status = slm_task_count_tokens(&f->run, t, &n, &f->err);
	CHECK(status == SLM_OK || status == SLM_ERR_CORRUPT || status == SLM_ERR_LIMIT);
	status = slm_task_embed(&f->run, &t, 1, SLM_PURPOSE_DOCUMENT, out, NULL, &f->err);
	CHECK(status == SLM_OK || status == SLM_ERR_CORRUPT || status == SLM_ERR_LIMIT);
}

/* The mapping of a truncated file: pages of zeros, from any point on, or anything at all. */
static void
images_that_change_under_a_model(const char *path)
{
	const char *text = "the order arrived late. Unopened \xe6\x97\xa5 caf\xc3\xa9 12345!";
	ModelFixture f;
	uint8_t *whole;
	size_t n;
	uint32_t state = 1;

	CHECK_STATUS(model_fixture_load(&f, path), SLM_OK);
	n = f.memory.image_bytes;
	whole = malloc(n);
	memcpy(whole, f.memory.image, n);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		f.run.kernels = slm_kernels(isa);
		for (size_t from = 0; from < n; from += n / 40 + 1)
		{
			memset(f.memory.image + from, 0, n - from);
			run_damaged(&f, text);
			memcpy(f.memory.image, whole, n);
		}
		for (int round = 0; round < 60; round++)
		{
			/* all bytes, or a few thousand of them */
			for (size_t i = 0; i < n; i++)
			{
				state = state * 1664525 + 1013904223;
				if (round % 3 == 0 || state >> 28 == 0)
					f.memory.image[i] = (uint8_t) (state >> 20);
			}
			run_damaged(&f, text);
			memcpy(f.memory.image, whole, n);
		}
		memset(f.memory.image, 0xff, n);
		run_damaged(&f, text);
		memcpy(f.memory.image, whole, n);
	}
	free(whole);
	model_fixture_free(&f);
}

static void
damaged_wordpiece(void)
{
	images_that_change_under_a_model(TINY);
	images_that_change_under_a_model(FIXTURE_DIR "parity-bge.gguf");
}

static void
damaged_byte_pairs(void)
{
	images_that_change_under_a_model(FIXTURE_DIR "parity-roberta.gguf");
}

static void
damaged_unigram(void)
{
	images_that_change_under_a_model(FIXTURE_DIR "parity-xlmr.gguf");
}

int
main(void)
{
	TEST(only_whole_images_open);
	TEST(every_flip_of_what_is_trusted);
	TEST(memory_fails);
	TEST(damaged_wordpiece);
	TEST(damaged_byte_pairs);
	TEST(damaged_unigram);
	return check_done();
}
