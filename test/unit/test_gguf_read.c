/*
 * test_gguf_read.c - parsing and reading the directory: what a good file gives,
 * limits, failing hosts and sources, and damage at every byte
 */
#include "check.h"
#include "gguf_builder.h"
#include "host.h"

#define ARENA_MAX ((size_t) 1 << 30)

/* A source over memory that watches how it is read. */
typedef struct MemorySource
{
	SlmSource source;
	const GgufBytes *file;
	uint64_t next;   /* offset that the next read has to have */
	int reads;       /* so far */
	int fail_at;     /* this read fails; 0: none */
	bool in_order;   /* each read began where the one before ended */
	bool small_step; /* no read was larger than SLM_IO_STEP_BYTES */
} MemorySource;

static SlmStatus
memory_read(void *arg, uint64_t offset, void *buf, size_t n, SlmError *err)
{
	MemorySource *memory = arg;

	memory->reads++;
	if (memory->reads == memory->fail_at)
		return slm_fail(err, SLM_ERR_IO, "the disk is on fire");
	memory->in_order = memory->in_order && offset == memory->next;
	memory->small_step = memory->small_step && n <= SLM_IO_STEP_BYTES;
	memory->next = offset + n;
	if (offset + n > memory->file->size)
		return slm_fail(err, SLM_ERR_CORRUPT, "model file has become shorter");
	memcpy(buf, memory->file->data + offset, n);
	return SLM_OK;
}

static MemorySource
memory_source(const GgufBytes *file)
{
	return (MemorySource){
		.source = {.size = file->size, .read = memory_read},
		.file = file,
		.in_order = true,
		.small_step = true,
	};
}

static SlmStatus
read_from(MemorySource *memory, SlmArena *arena, SlmGguf *gguf, const uint8_t **head,
		  size_t *head_bytes, SlmError *err)
{
	memory->source.arg = memory;
	return slm_gguf_read(&memory->source, test_host(), arena, gguf, head, head_bytes, err);
}

static GgufBytes
bert_file(void)
{
	GgufBuilder b;
	GgufBytes file = {0};

	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_Q8_0, 32, 32);
	gguf_finish(&b, &file);
	return file;
}

/* A directory of some 11 MB, most of it one array of strings. */
static GgufBytes
wide_file(void)
{
	GgufBuilder b;
	GgufBytes file = {0};

	gguf_begin(&b);
	gguf_add_array(&b, "a.words", SLM_GGUF_STRING, 300000);
	for (int i = 0; i < 300000; i++)
		gguf_put_string(&b.keys, "a word of some length, as it were");
	gguf_add_bert(&b, SLM_DTYPE_F32, 8, 16);
	gguf_finish(&b, &file);
	return file;
}

static bool
text_is(SlmText text, const char *expected)
{
	return slm_text_compare(text, slm_text(expected)) == 0;
}

/* What gguf.h promises of a directory that parsed. */
static bool
holds_promises(const SlmGguf *gguf, uint64_t file_bytes)
{
	uint64_t end = gguf->data_offset;

	for (uint64_t i = 1; i < gguf->n_key; i++)
	{
		if (slm_text_compare(gguf->key[i - 1].name, gguf->key[i].name) >= 0)
			return false;
	}
	for (uint64_t i = 0; i < gguf->n_tensor; i++)
	{
		const SlmGgufTensor *tensor = &gguf->tensor[i];
		const SlmDtypeInfo *info = slm_dtype_info(tensor->type);

		if (info == NULL || !info->supported || tensor->ne[0] % info->block_items != 0)
			return false;
		if (tensor->offset % gguf->alignment != 0 || tensor->offset < end)
			return false;
		if (tensor->bytes > 0 && tensor->offset + tensor->bytes > file_bytes)
			return false;
		if (tensor->bytes != tensor->ne[0] / info->block_items * info->block_bytes * tensor->ne[1] *
								 tensor->ne[2] * tensor->ne[3])
			return false;
		if (i > 0 && slm_text_compare(gguf->tensor[gguf->tensor_by_name[i - 1]].name,
									  gguf->tensor[gguf->tensor_by_name[i]].name) >= 0)
			return false;
		end = tensor->offset + tensor->bytes;
	}
	return true;
}

static void
small_file(void)
{
	GgufBytes file = bert_file();
	MemorySource memory = memory_source(&file);
	const SlmGgufTensor *tensor;
	const SlmGgufKey *key;
	const uint8_t *head;
	size_t head_bytes;
	SlmArena arena;
	SlmError err = {0};
	SlmGguf gguf;

	slm_arena_init(&arena, test_host(), ARENA_MAX);
	CHECK_STATUS(read_from(&memory, &arena, &gguf, &head, &head_bytes, &err), SLM_OK);
	CHECK_INT(head_bytes, file.size);
	CHECK(memcmp(head, file.data, file.size) == 0);
	CHECK_INT(memory.reads, 1);
	CHECK_INT(gguf.version, 3);
	CHECK_INT(gguf.alignment, 32);
	CHECK_INT(gguf.data_offset % 32, 0);
	CHECK_INT(gguf.n_key, 22);
	CHECK_INT(gguf.n_tensor, 21);
	CHECK(holds_promises(&gguf, file.size));

	key = slm_gguf_find(&gguf, "bert.block_count");
	CHECK(key != NULL && key->type == SLM_GGUF_U32 && key->value_bytes == 4 && key->count == 1);
	CHECK(key != NULL && key->value >= head && key->value < head + head_bytes);
	CHECK(slm_gguf_find(&gguf, "bert.block_coun") == NULL);
	CHECK(slm_gguf_find(&gguf, "bert.block_count2") == NULL);
	CHECK(slm_gguf_find(&gguf, "") == NULL);
	CHECK(slm_gguf_find(&gguf, "zzz") == NULL);

	tensor = slm_gguf_tensor(&gguf, "blk.0.attn_q.weight");
	CHECK(tensor != NULL && text_is(tensor->name, "blk.0.attn_q.weight"));
	CHECK(tensor != NULL && tensor->n_dims == 2 && tensor->ne[0] == 32 && tensor->ne[1] == 32 &&
		  tensor->ne[2] == 1 && tensor->ne[3] == 1);
	CHECK(tensor != NULL && tensor->type == SLM_DTYPE_Q8_0 && tensor->bytes == 32 * 34);
	CHECK(slm_gguf_tensor(&gguf, "blk.0.attn_q") == NULL);
	CHECK(text_is(gguf.tensor[0].name, "token_embd.weight"));
	CHECK_INT(gguf.tensor[0].offset, gguf.data_offset);
	for (uint64_t i = 0; i < gguf.n_tensor; i++)
	{
		char name[SLM_MAX_GGUF_NAME_BYTES + 1];

		snprintf(name, sizeof(name), "%.*s", (int) gguf.tensor[i].name.size,
				 gguf.tensor[i].name.data);
		CHECK(slm_gguf_tensor(&gguf, name) == &gguf.tensor[i]);
	}
	slm_arena_trim(&arena, 0);
	gguf_bytes_free(&file);
}

/* Entries out of order: the list follows the data. */
static void
shuffled_directory(void)
{
	const uint64_t ne[] = {8};
	GgufBuilder b;
	GgufBytes file = {0};
	SlmArena arena;
	SlmError err = {0};
	SlmGguf gguf;
	bool need_more;

	gguf_begin(&b);
	gguf_add_entry(&b, "c", 1, ne, SLM_DTYPE_F32, 64);
	gguf_add_entry(&b, "a", 1, ne, SLM_DTYPE_F32, 32);
	gguf_add_entry(&b, "b", 1, ne, SLM_DTYPE_F32, 0);
	gguf_put_zeros(&b.data, 96);
	gguf_finish(&b, &file);
	slm_arena_init(&arena, test_host(), ARENA_MAX);
	CHECK_STATUS(slm_gguf_parse(file.data, file.size, file.size, test_host(), &arena, &gguf,
								&need_more, &err),
				 SLM_OK);
	CHECK(text_is(gguf.tensor[0].name, "b"));
	CHECK(text_is(gguf.tensor[1].name, "a"));
	CHECK(text_is(gguf.tensor[2].name, "c"));
	CHECK(holds_promises(&gguf, file.size));
	slm_arena_trim(&arena, 0);
	gguf_bytes_free(&file);
}

/* Version 2 has the same layout. */
static void
version_two(void)
{
	GgufBytes file = bert_file();
	SlmArena arena;
	SlmError err = {0};
	SlmGguf gguf;
	bool need_more;

	file.data[4] = 2;
	slm_arena_init(&arena, test_host(), ARENA_MAX);
	CHECK_STATUS(slm_gguf_parse(file.data, file.size, file.size, test_host(), &arena, &gguf,
								&need_more, &err),
				 SLM_OK);
	CHECK_INT(gguf.version, 2);
	slm_arena_trim(&arena, 0);
	gguf_bytes_free(&file);
}

static void
large_directory(void)
{
	GgufBytes file = wide_file();
	MemorySource memory = memory_source(&file);
	const SlmGgufKey *words;
	const uint8_t *head;
	size_t head_bytes;
	SlmArena arena;
	SlmError err = {0};
	SlmText word;
	uint64_t at = 0, n = 0;
	SlmGguf gguf;

	slm_arena_init(&arena, test_host(), ARENA_MAX);
	CHECK_STATUS(read_from(&memory, &arena, &gguf, &head, &head_bytes, &err), SLM_OK);
	CHECK(memory.in_order);
	CHECK(memory.small_step);
	CHECK(memory.reads >= 3);
	CHECK_INT(memory.next, head_bytes);
	CHECK(head_bytes >= gguf.data_offset);
	CHECK(memcmp(head, file.data, head_bytes) == 0);
	CHECK(arena.held_bytes < 4 * file.size + 2 * SLM_IO_STEP_BYTES);
	words = slm_gguf_find(&gguf, "a.words");
	CHECK(words != NULL && words->value > head && words->value < head + head_bytes);
	while (words != NULL && slm_gguf_next_string(words, &at, &word))
		n += text_is(word, "a word of some length, as it were");
	CHECK_INT(n, 300000);
	slm_arena_trim(&arena, 0);
	gguf_bytes_free(&file);
}

static void
failing_source(void)
{
	GgufBytes file = wide_file();

	for (int fail_at = 1; fail_at <= 3; fail_at++)
	{
		MemorySource memory = memory_source(&file);
		const uint8_t *head;
		size_t head_bytes;
		SlmArena arena;
		SlmError err = {0};
		SlmGguf gguf;

		memory.fail_at = fail_at;
		slm_arena_init(&arena, test_host(), ARENA_MAX);
		CHECK_STATUS(read_from(&memory, &arena, &gguf, &head, &head_bytes, &err), SLM_ERR_IO);
		CHECK_STR(err.message, "the disk is on fire");
		slm_arena_trim(&arena, 0);
	}
	gguf_bytes_free(&file);
}

static void
sizes_of_files(void)
{
	static const struct
	{
		uint64_t size;
		SlmStatus status;
	} cases[] = {
		{0, SLM_ERR_CORRUPT}, {SLM_MAX_FILE_BYTES + 1, SLM_ERR_LIMIT}, {UINT64_MAX, SLM_ERR_LIMIT}};
	GgufBytes nothing = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		MemorySource memory = memory_source(&nothing);
		const uint8_t *head;
		size_t head_bytes;
		SlmArena arena;
		SlmError err = {0};
		SlmGguf gguf;

		memory.source.size = cases[i].size;
		slm_arena_init(&arena, test_host(), ARENA_MAX);
		CHECK_STATUS(read_from(&memory, &arena, &gguf, &head, &head_bytes, &err), cases[i].status);
		CHECK_INT(memory.reads, 0);
		slm_arena_trim(&arena, 0);
	}
}

/* Parses a head of which the file is said to have file_bytes. */
static SlmStatus
parse_head(const GgufBytes *file, size_t head_bytes, uint64_t file_bytes, bool *need_more,
		   SlmError *err)
{
	SlmArena arena;
	SlmGguf gguf;
	SlmStatus status;

	slm_arena_init(&arena, test_host(), ARENA_MAX);
	status = slm_gguf_parse(file->data, head_bytes, file_bytes, test_host(), &arena, &gguf,
							need_more, err);
	if (status == SLM_OK && !*need_more)
		CHECK(holds_promises(&gguf, file_bytes));
	slm_arena_trim(&arena, 0);
	return status;
}

/* Counts of keys, tensors and array items, at the limit and one beyond. */
static void
limits_of_counts(void)
{
	for (int beyond = 0; beyond <= 1; beyond++)
	{
		SlmStatus expected = beyond ? SLM_ERR_LIMIT : SLM_OK;
		bool need_more;
		SlmError err = {0};

		for (int what = 0; what < 3; what++)
		{
			GgufBuilder b;
			GgufBytes file = {0};

			gguf_begin(&b);
			b.alignment = 0;
			if (what == 2)
				gguf_add_array(&b, "x", SLM_GGUF_U8,
							   (uint64_t) SLM_MAX_GGUF_ARRAY_ITEMS + (uint64_t) beyond);
			else if (what == 1)
				b.n_key = (uint64_t) SLM_MAX_GGUF_KEYS + (uint64_t) beyond;
			else
				b.n_tensor = (uint64_t) SLM_MAX_GGUF_TENSORS + (uint64_t) beyond;
			gguf_finish(&b, &file);
			CHECK_STATUS(parse_head(&file, file.size, 1ULL << 32, &need_more, &err), expected);
			CHECK_INT(need_more, !beyond);
			if (beyond)
				CHECK_CONTAINS(err.message, "exceeds the limit of ");
			gguf_bytes_free(&file);
		}
	}
}

/* Four arrays of 128 MB that end at the limit of the directory, and one item later. */
static void
limit_of_directory(void)
{
	const size_t limit = SLM_MAX_GGUF_HEADER_BYTES;
	uint8_t *head = calloc(1, limit + 4096);
	bool need_more;
	SlmError err = {0};

	if (!CHECK(head != NULL))
		return;
	for (uint64_t beyond = 0; beyond <= 1; beyond++)
	{
		size_t at = 0;

		for (int i = 0; i < 4; i++)
		{
			uint64_t items = SLM_MAX_GGUF_ARRAY_ITEMS;
			char name[2] = {(char) ('a' + i), '\0'};
			GgufBuilder b;
			GgufBytes part = {0};

			gguf_begin(&b);
			b.alignment = 0;
			if (i == 3)
				items = (limit - at - 25) / 8 + beyond;
			if (i == 2)
				/* bytes left over, so that the last array can end at the limit */
				items -= 1;
			gguf_add_array(&b, name, SLM_GGUF_U64, items);
			b.n_key = 4;
			gguf_finish(&b, &part);
			if (i == 0)
			{
				memcpy(head, part.data, part.size);
				at = part.size;
			}
			else
			{
				memcpy(head + at, part.data + 24, part.size - 24);
				at += part.size - 24;
			}
			at += items * 8;
			gguf_bytes_free(&part);
		}
		{
			GgufBytes file = {head, at, at};

			CHECK(beyond ? at > limit : at <= limit && at + 8 > limit);
			CHECK_STATUS(parse_head(&file, limit - 8, at, &need_more, &err),
						 beyond ? SLM_ERR_LIMIT : SLM_OK);
			CHECK_INT(need_more, !beyond);
			if (!beyond)
				CHECK_STATUS(parse_head(&file, at, at, &need_more, &err), SLM_OK);
			else
				CHECK_CONTAINS(err.message, "key \"d\" lies past the limit of 536870912 bytes");
		}
	}
	free(head);
}

/* Every allocation refused in turn, until none is. */
static void
failing_allocations(void)
{
	GgufBytes file = wide_file();
	int n = 0;

	for (SlmStatus status = SLM_ERR_NO_MEMORY; status != SLM_OK && n < 100; n++)
	{
		MemorySource memory = memory_source(&file);
		const uint8_t *head;
		size_t head_bytes;
		SlmArena arena;
		SlmError err = {0};
		SlmGguf gguf;

		test_host_reset();
		test_host_state.fail_alloc_at = n + 1;
		slm_arena_init(&arena, test_host(), ARENA_MAX);
		status = read_from(&memory, &arena, &gguf, &head, &head_bytes, &err);
		CHECK(status == SLM_OK || status == SLM_ERR_NO_MEMORY);
		slm_arena_trim(&arena, 0);
		CHECK_INT(test_host_state.live_allocs, 0);
	}
	test_host_reset();
	CHECK(n > 3 && n < 100);
	gguf_bytes_free(&file);
}

/* An arena that is too small in steps of 256 kB. */
static void
small_arenas(void)
{
	GgufBytes file = wide_file();
	SlmStatus status = SLM_ERR_LIMIT;
	size_t max_bytes = 0;

	while (status != SLM_OK && max_bytes < ARENA_MAX)
	{
		MemorySource memory = memory_source(&file);
		const uint8_t *head;
		size_t head_bytes;
		SlmArena arena;
		SlmError err = {0};
		SlmGguf gguf;

		slm_arena_init(&arena, test_host(), max_bytes);
		status = read_from(&memory, &arena, &gguf, &head, &head_bytes, &err);
		CHECK(status == SLM_OK || status == SLM_ERR_LIMIT);
		CHECK(arena.held_bytes <= max_bytes);
		slm_arena_trim(&arena, 0);
		max_bytes += 256 * 1024;
	}
	CHECK_INT(test_host_state.live_allocs, 0);
	gguf_bytes_free(&file);
}

/* A cancel at every poll, and polls often enough. */
static void
cancel(void)
{
	GgufBytes file = wide_file();
	int64_t n_poll = 0;

	test_host_reset();
	for (int64_t at = 0; at == 0 || at <= n_poll; at += at < 16 ? 1 : 7)
	{
		MemorySource memory = memory_source(&file);
		const uint8_t *head;
		size_t head_bytes;
		SlmArena arena;
		SlmError err = {0};
		SlmGguf gguf;

		test_host_reset();
		test_host_state.interrupt_at = at;
		slm_arena_init(&arena, test_host(), ARENA_MAX);
		CHECK_STATUS(read_from(&memory, &arena, &gguf, &head, &head_bytes, &err),
					 at == 0 ? SLM_OK : SLM_ERR_CANCELLED);
		slm_arena_trim(&arena, 0);
		if (at == 0)
			n_poll = test_host_state.polls;
	}
	test_host_reset();
	/* 300,000 strings and 16 MB of reading and copying */
	CHECK(n_poll > 300000 / 4096 + 4);
	CHECK_INT(test_host_state.live_allocs, 0);
	gguf_bytes_free(&file);
}

/* Names as long as they may be count by their bytes, when read and when sorted. */
static void
polls_in_long_names(void)
{
	static char name[SLM_MAX_GGUF_KEY_BYTES + 1];
	GgufBuilder b;
	GgufBytes file = {0};
	bool need_more;
	SlmError err = {0};

	memset(name, 'n', SLM_MAX_GGUF_KEY_BYTES);
	gguf_begin(&b);
	b.alignment = 0;
	for (int i = 0; i < 100; i++)
	{
		snprintf(name + SLM_MAX_GGUF_KEY_BYTES - 8, 9, "%08d", 99 - i);
		gguf_add_scalar(&b, name, SLM_GGUF_U8, 0);
	}
	gguf_finish(&b, &file);
	test_host_reset();
	CHECK_STATUS(parse_head(&file, file.size, file.size, &need_more, &err), SLM_OK);
	/* 100 names read, some 300 compared to sort them, 99 to find duplicates */
	CHECK(test_host_state.polls >= 450);
	gguf_bytes_free(&file);
}

static void
every_prefix(void)
{
	GgufBytes file = bert_file();
	uint64_t directory_end = 0;
	bool need_more;
	SlmError err = {0};

	for (size_t n = 0; n < file.size; n++)
	{
		uint8_t *cut = malloc(n > 0 ? n : 1);
		GgufBytes head = {cut, n, n};

		memcpy(cut, file.data, n);
		CHECK_STATUS(parse_head(&head, n, n, &need_more, &err), SLM_ERR_CORRUPT);
		CHECK(err.message[0] != '\0');
		CHECK_STATUS(parse_head(&head, n, file.size, &need_more, &err), SLM_OK);
		if (need_more)
			CHECK_INT(directory_end, 0); /* never again once it was enough */
		else if (directory_end == 0)
			directory_end = n;
		free(cut);
	}
	CHECK(directory_end > 0);
	gguf_bytes_free(&file);
}

/* Every bit of every byte, and every byte as 0 and 255. */
static void
every_flip(void)
{
	GgufBytes file = bert_file();
	long refused = 0, accepted = 0;

	for (size_t at = 0; at < file.size; at++)
	{
		uint8_t right = file.data[at];

		for (int change = 0; change < 10; change++)
		{
			bool need_more;
			SlmError err = {0};

			file.data[at] = change < 8 ? (uint8_t) (right ^ 1 << change) : change == 8 ? 0 : 255;
			if (parse_head(&file, file.size, file.size, &need_more, &err) == SLM_OK)
				accepted++;
			else
				refused++;
			CHECK(!need_more);
		}
		file.data[at] = right;
	}
	printf("# %zu bytes: %ld refused, %ld parsed\n", file.size, refused, accepted);
	CHECK(refused > 1000);
	gguf_bytes_free(&file);
}

int
main(void)
{
	TEST(small_file);
	TEST(shuffled_directory);
	TEST(version_two);
	TEST(large_directory);
	TEST(failing_source);
	TEST(sizes_of_files);
	TEST(limits_of_counts);
	TEST(limit_of_directory);
	TEST(failing_allocations);
	TEST(small_arenas);
	TEST(cancel);
	TEST(polls_in_long_names);
	TEST(every_prefix);
	TEST(every_flip);
	return check_done();
}
