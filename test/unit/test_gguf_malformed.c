/*
 * test_gguf_malformed.c - every case of the corpus through the parser
 */
#include "check.h"
#include "host.h"
#include "malformed.h"

#define ARENA_MAX ((size_t) 1 << 30)

/* Parses with at most head_bytes of the file in memory. */
static SlmStatus
parse(const GgufBytes *file, uint64_t file_bytes, size_t head_bytes, bool *need_more,
	  size_t *held_bytes, SlmError *err)
{
	SlmArena arena;
	SlmGguf gguf;
	SlmStatus status;

	slm_arena_init(&arena, test_host(), ARENA_MAX);
	status = slm_gguf_parse(file->data, head_bytes, file_bytes, test_host(), &arena, &gguf,
							need_more, err);
	*held_bytes = arena.held_bytes;
	slm_arena_trim(&arena, 0);
	return status;
}

static void
check_verdict(const MalformedCase *which, SlmStatus status, const SlmError *err)
{
	if (which->stage != MALFORMED_PARSE)
	{
		CHECK_STATUS(status, SLM_OK);
		if (status != SLM_OK)
			printf("# %s\n", err->message);
		return;
	}
	CHECK_STATUS(status, which->status);
	if (status != SLM_OK)
		CHECK_CONTAINS(err->message, which->message);
}

/* One verdict, however much of the file is in memory. */
static void
check_case(const MalformedCase *which, int variant)
{
	GgufBytes file = {0};
	SlmError err = {0};
	bool need_more;
	size_t held_bytes;
	uint64_t file_bytes;
	double start;
	int failed = check_state.failed_checks;
	char name[32];

	which->make(&file, variant);
	file_bytes = which->sparse_bytes > 0 ? which->sparse_bytes : file.size;
	start = check_cpu_seconds();
	check_verdict(which, parse(&file, file_bytes, file.size, &need_more, &held_bytes, &err), &err);
	CHECK(check_cpu_seconds() - start < 3.0 * check_patience());
	CHECK(!need_more);
	CHECK(held_bytes <= 4 * file.size + (1 << 20));
	for (size_t head = 0; head < file.size; head = head * 2 + 7)
	{
		SlmStatus status = parse(&file, file_bytes, head, &need_more, &held_bytes, &err);

		if (status != SLM_OK || !need_more)
			check_verdict(which, status, &err);
	}
	malformed_name(which, variant, name, sizeof(name));
	if (check_state.failed_checks > failed)
		printf("# in case %s\n", name);
	gguf_bytes_free(&file);
}

static void
check_list(char list)
{
	for (int i = 0; i < malformed_n_case; i++)
	{
		const MalformedCase *which = &malformed_cases[i];

		for (int variant = which->from; which->id[0] == list && variant <= which->to; variant++)
			check_case(which, variant);
	}
	CHECK_INT(test_host_state.live_allocs, 0);
}

static void
headers(void)
{
	check_list('H');
}

static void
keys(void)
{
	check_list('K');
}

static void
tensors(void)
{
	check_list('T');
}

/* Every id of the lists is there, except the two that bytes cannot express. */
static void
corpus_is_complete(void)
{
	static const struct
	{
		char list;
		int n;
	} lists[] = {{'H', 20}, {'K', 24}, {'T', 29}};
	char id[8];

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		for (int number = 1; number <= lists[i].n; number++)
		{
			bool found = false;

			snprintf(id, sizeof(id), "%c%02d", lists[i].list, number);
			for (int c = 0; c < malformed_n_case; c++)
				found = found || strcmp(malformed_cases[c].id, id) == 0;
			if (strcmp(id, "H16") != 0 && strcmp(id, "H18") != 0 && !CHECK(found))
				printf("# no case %s\n", id);
		}
	}
}

/* No two cases share a file name. */
static void
names_are_unique(void)
{
	char(*name)[32] = calloc(1024, sizeof(*name));
	int n = 0;

	for (int i = 0; i < malformed_n_case; i++)
	{
		for (int v = malformed_cases[i].from; v <= malformed_cases[i].to && n < 1024; v++)
		{
			malformed_name(&malformed_cases[i], v, name[n], sizeof(name[n]));
			for (int other = 0; other < n; other++)
			{
				if (!CHECK(strcmp(name[other], name[n]) != 0))
					printf("# %s\n", name[n]);
			}
			n++;
		}
	}
	printf("# %d cases\n", n);
	free(name);
}

int
main(void)
{
	TEST(corpus_is_complete);
	TEST(names_are_unique);
	TEST(headers);
	TEST(keys);
	TEST(tensors);
	return check_done();
}
