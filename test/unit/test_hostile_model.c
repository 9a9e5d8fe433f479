/*
 * test_hostile_model.c - hostile files through the whole engine: the corpus,
 * every prefix and every single-byte flip of a model that runs
 *
 * A file is refused with a message, or it loads and gives finite numbers.
 * Built with sanitizers (make asan) this is the proof that nothing else
 * happens.  SLM_FLIP_FILE names a model to flip instead of the built-in one:
 * slower, for a run by hand.
 */
#include "check.h"
#include "host.h"
#include "malformed.h"
#include "memory_model.h"

#include <math.h>

/* Loads a file and runs a text; what a run gives must be finite. */
static SlmStatus
load_and_run(const uint8_t *data, size_t size, bool *loaded, SlmError *err)
{
	float row[MEMORY_MODEL_MAX_EMBD];
	MemoryModel m;
	SlmStatus status = memory_model_load(&m, data, size, err);

	*loaded = status == SLM_OK;
	if (status == SLM_OK)
	{
		int n = slm_model_info(m.model)->n_class > 0 ? slm_model_info(m.model)->n_class
													 : slm_model_info(m.model)->n_embd;

		status = memory_model_run(&m, "a cat. ab", row, MEMORY_MODEL_MAX_EMBD, err);
		for (int i = 0; status == SLM_OK && i < n; i++)
			CHECK(isfinite(row[i]));
	}
	memory_model_free(&m);
	return status;
}

/* The same from a copy of exactly that size. */
static SlmStatus
load_copy(const GgufBytes *file, size_t size, bool *loaded, SlmError *err)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	SlmStatus status;

	if (size > 0)
		memcpy(copy, file->data, size);
	status = load_and_run(copy, size, loaded, err);
	free(copy);
	return status;
}

static void
check_case(const MalformedCase *which, int variant)
{
	int failed = check_state.failed_checks;
	GgufBytes file = {0};
	SlmError err = {0};
	bool loaded;
	char name[32];

	if (which->sparse_bytes > 0)
		return; /* test_gguf_malformed says its size without having it */
	which->make(&file, variant);
	if (which->stage == MALFORMED_ACCEPT)
		CHECK_STATUS(load_copy(&file, file.size, &loaded, &err), SLM_OK);
	else
	{
		CHECK_STATUS(load_copy(&file, file.size, &loaded, &err), which->status);
		CHECK_CONTAINS(err.message, which->message);
		CHECK(!loaded);
	}
	gguf_bytes_free(&file);
	malformed_name(which, variant, name, sizeof(name));
	if (check_state.failed_checks > failed)
		printf("# in case %s: %s\n", name, err.message);
}

static void
corpus(void)
{
	test_host_reset();
	for (int i = 0; i < malformed_n_case; i++)
	{
		for (int v = malformed_cases[i].from; v <= malformed_cases[i].to; v++)
			check_case(&malformed_cases[i], v);
	}
	CHECK_INT(test_host_state.live_allocs, 0);
	CHECK_INT(test_host_state.live_hashes, 0);
}

/* The model that is damaged. */
static GgufBytes
victim(void)
{
	const char *path = getenv("SLM_FLIP_FILE");
	GgufBytes bytes = {0};
	GgufBuilder b;
	FILE *file;
	int c;

	if (path == NULL)
	{
		gguf_begin(&b);
		gguf_add_bert(&b, SLM_DTYPE_F32, 8, 16);
		gguf_add_heads(&b, SLM_DTYPE_F32, 8, 16, 4, 3);
		gguf_finish(&b, &bytes);
		return bytes;
	}
	file = fopen(path, "rb");
	if (!CHECK(file != NULL))
		return bytes;
	while ((c = getc(file)) != EOF)
		gguf_put_u8(&bytes, (uint8_t) c);
	fclose(file);
	return bytes;
}

static void
every_prefix(void)
{
	GgufBytes file = victim();
	double slowest = 0;

	for (size_t n = 0; n < file.size; n++)
	{
		SlmError err = {0};
		double start = check_cpu_seconds();
		bool loaded;

		CHECK_STATUS(load_copy(&file, n, &loaded, &err), SLM_ERR_CORRUPT);
		CHECK(err.message[0] != '\0');
		if (check_cpu_seconds() - start > slowest)
			slowest = check_cpu_seconds() - start;
	}
	CHECK(slowest < 1.0);
	CHECK_INT(test_host_state.live_allocs, 0);
	CHECK_INT(test_host_state.live_hashes, 0);
	gguf_bytes_free(&file);
}

static void
every_flip(void)
{
	GgufBytes file = victim();
	int refused = 0, failed = 0, ran = 0;
	double slowest = 0;

	for (size_t at = 0; at < file.size; at++)
	{
		/* one bit, all bits */
		const uint8_t masks[] = {(uint8_t) (1 << at % 8), 0xff};

		for (size_t i = 0; i < sizeof(masks); i++)
		{
			SlmError err = {0};
			double start = check_cpu_seconds();
			bool loaded;

			file.data[at] ^= masks[i];
			switch (load_copy(&file, file.size, &loaded, &err))
			{
				case SLM_OK:
					ran++;
					break;
				case SLM_ERR_CORRUPT:
				case SLM_ERR_UNSUPPORTED:
				case SLM_ERR_LIMIT:
				case SLM_ERR_ARGUMENT:
					CHECK(err.message[0] != '\0');
					if (loaded)
						failed++;
					else
						refused++;
					break;
				default:
					printf("# byte %zu ^ %02x: %s\n", at, masks[i], err.message);
					CHECK_INT(err.status, -1);
			}
			file.data[at] ^= masks[i];
			if (check_cpu_seconds() - start > slowest)
				slowest = check_cpu_seconds() - start;
		}
	}
	printf("# %zu bytes: %d refused, %d loaded and failed, %d ran; slowest %.3f s\n", file.size,
		   refused, failed, ran, slowest);
	CHECK(slowest < 1.0);
	CHECK(refused > 100);
	CHECK_INT(test_host_state.live_allocs, 0);
	CHECK_INT(test_host_state.live_hashes, 0);
	gguf_bytes_free(&file);
}

/* An image with any byte flipped: refused, or it runs, or the run is refused. */
static void
every_flip_of_the_image(void)
{
	GgufBytes file = victim();
	SlmError err = {0};
	MemoryModel good;
	int refused = 0, ran = 0;

	CHECK_STATUS(memory_model_load(&good, file.data, file.size, &err), SLM_OK);
	for (size_t at = 0; at < good.image_bytes; at++)
	{
		float row[MEMORY_MODEL_MAX_EMBD];
		MemoryModel m = {.image = NULL};
		SlmStatus status;

		slm_arena_init(&m.arena, test_host(), (size_t) 64 << 20);
		slm_model_options_init(&m.options);
		good.image[at] ^= (uint8_t) (1 << at % 8);
		status = slm_model_open(good.image, good.image_bytes, test_host(), &m.model, &err);
		if (status == SLM_OK)
			status = memory_model_run(&m, "a cat. ab", row, MEMORY_MODEL_MAX_EMBD, &err);
		if (status == SLM_OK)
			ran++;
		else
			refused++;
		memory_model_free(&m);
		good.image[at] ^= (uint8_t) (1 << at % 8);
	}
	printf("# %zu bytes: %d refused, %d ran\n", good.image_bytes, refused, ran);
	memory_model_free(&good);
	CHECK_INT(test_host_state.live_allocs, 0);
	gguf_bytes_free(&file);
}

int
main(void)
{
	TEST(corpus);
	TEST(every_prefix);
	TEST(every_flip);
	TEST(every_flip_of_the_image);
	return check_done();
}
