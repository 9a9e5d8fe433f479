/*
 * test_arena.c - scratch memory: alignment, marks, caps, steady state
 */
#include "check.h"
#include "host.h"

#include "base/arena.h"

static void
aligned_and_apart(void)
{
	SlmArena arena;
	SlmError err = {0};
	unsigned char *ptr[200];

	test_host_reset();
	slm_arena_init(&arena, test_host(), (size_t) 1 << 26);
	for (size_t i = 0; i < 200; i++)
	{
		CHECK_STATUS(slm_arena_alloc(&arena, i * 37, (void **) &ptr[i], &err), SLM_OK);
		CHECK(ptr[i] != NULL);
		CHECK_INT((uintptr_t) ptr[i] % SLM_ARENA_ALIGN, 0);
		memset(ptr[i], (int) i, i * 37);
	}
	for (size_t i = 0; i < 200; i++)
	{
		for (size_t j = 0; j < i * 37; j++)
		{
			if (ptr[i][j] != i)
			{
				CHECK_INT(ptr[i][j], i);
				break;
			}
		}
	}
	slm_arena_trim(&arena, 0);
	CHECK_INT(test_host_state.live_allocs, 0);
	CHECK_INT(arena.held_bytes, 0);
}

/* The same calls after a reset take nothing from the host. */
static void
steady_state(void)
{
	SlmArena arena;
	SlmError err = {0};
	int64_t allocs = 0;
	size_t held = 0;

	test_host_reset();
	slm_arena_init(&arena, test_host(), (size_t) 1 << 28);
	for (int round = 0; round < 5; round++)
	{
		slm_arena_reset(&arena);
		for (size_t i = 1; i < 64; i++)
		{
			unsigned char *ptr;

			CHECK_STATUS(slm_arena_alloc(&arena, i * 40000, (void **) &ptr, &err), SLM_OK);
			memset(ptr, 1, i * 40000);
		}
		if (round == 0)
		{
			allocs = test_host_state.allocs;
			held = arena.held_bytes;
		}
		CHECK_INT(test_host_state.allocs, allocs);
		CHECK_INT(arena.held_bytes, held);
	}
	slm_arena_trim(&arena, 0);
}

static void
marks(void)
{
	SlmArena arena;
	SlmArenaMark start, middle;
	SlmError err = {0};
	void *first, *second, *again, *large;

	slm_arena_init(&arena, test_host(), (size_t) 1 << 26);
	start = slm_arena_mark(&arena);
	CHECK_STATUS(slm_arena_alloc(&arena, 100, &first, &err), SLM_OK);
	middle = slm_arena_mark(&arena);
	CHECK_STATUS(slm_arena_alloc(&arena, 100, &second, &err), SLM_OK);
	CHECK_STATUS(slm_arena_alloc(&arena, 1 << 20, &large, &err), SLM_OK); /* another block */
	slm_arena_rewind(&arena, middle);
	CHECK_STATUS(slm_arena_alloc(&arena, 100, &again, &err), SLM_OK);
	CHECK(again == second);
	CHECK_STATUS(slm_arena_alloc(&arena, 1 << 20, &again, &err), SLM_OK);
	CHECK(again == large);
	slm_arena_rewind(&arena, start);
	CHECK_STATUS(slm_arena_alloc(&arena, 1, &again, &err), SLM_OK);
	CHECK(again == first);
	slm_arena_reset(&arena);
	CHECK_STATUS(slm_arena_alloc(&arena, 1, &again, &err), SLM_OK);
	CHECK(again == first);
	slm_arena_trim(&arena, 0);
}

/* A block that did not fit is not lost: a later, smaller one may use it after a reset. */
static void
skipped_block(void)
{
	SlmArena arena;
	SlmError err = {0};
	void *small, *large;

	slm_arena_init(&arena, test_host(), (size_t) 1 << 26);
	CHECK_STATUS(slm_arena_alloc(&arena, 1000, &small, &err), SLM_OK);
	CHECK_STATUS(slm_arena_alloc(&arena, 4 << 20, &large, &err), SLM_OK);
	slm_arena_reset(&arena);
	CHECK_STATUS(slm_arena_alloc(&arena, 4 << 20, &large, &err), SLM_OK);
	CHECK_STATUS(slm_arena_alloc(&arena, 64, &small, &err), SLM_OK);
	memset(large, 1, 4 << 20);
	memset(small, 2, 64);
	CHECK(((char *) large)[(4 << 20) - 1] == 1);
	slm_arena_trim(&arena, 0);
	CHECK_INT(test_host_state.live_allocs, 0);
}

/* The cap counts what is taken from the host; at it is right, a byte less is not. */
static void
cap(void)
{
	SlmArena arena;
	SlmError err = {0};
	size_t need;
	void *ptr;

	slm_arena_init(&arena, test_host(), SIZE_MAX);
	CHECK_STATUS(slm_arena_alloc(&arena, 1 << 20, &ptr, &err), SLM_OK);
	need = arena.held_bytes;
	slm_arena_trim(&arena, 0);

	slm_arena_init(&arena, test_host(), need);
	CHECK_STATUS(slm_arena_alloc(&arena, 1 << 20, &ptr, &err), SLM_OK);
	CHECK_STATUS(slm_arena_alloc(&arena, 1, &ptr, &err), SLM_ERR_LIMIT);
	slm_arena_trim(&arena, 0);

	slm_arena_init(&arena, test_host(), need - 1);
	CHECK_STATUS(slm_arena_alloc(&arena, 1 << 20, &ptr, &err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(err.message, "call needs more scratch memory than the limit of 1024 kB");
	CHECK_CONTAINS(err.hint, "slm.max_scratch_memory");
	CHECK_INT(arena.held_bytes, 0);
	/* what is left still serves a smaller one */
	CHECK_STATUS(slm_arena_alloc(&arena, 1 << 19, &ptr, &err), SLM_OK);
	CHECK(arena.held_bytes <= need - 1);
	slm_arena_trim(&arena, 0);
}

static void
absurd_sizes(void)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 63, SIZE_MAX - 64, SIZE_MAX / 2};
	SlmArena arena;
	SlmError err = {0};
	uint64_t *items;
	void *ptr;

	test_host_reset();
	slm_arena_init(&arena, test_host(), (size_t) 1 << 26);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		CHECK_STATUS(slm_arena_alloc(&arena, sizes[i], &ptr, &err), SLM_ERR_LIMIT);
	CHECK_STATUS(SLM_NEW_ARRAY(&arena, SIZE_MAX / 8 + 2, &items, &err), SLM_ERR_LIMIT);
	CHECK_STATUS(slm_arena_alloc_array(&arena, (size_t) 1 << 32, (size_t) 1 << 32, &ptr, &err),
				 SLM_ERR_LIMIT);
	CHECK_INT(test_host_state.allocs, 0);
	CHECK_STATUS(SLM_NEW_ARRAY(&arena, 1000, &items, &err), SLM_OK);
	items[999] = 1;
	slm_arena_trim(&arena, 0);
}

static void
no_memory(void)
{
	SlmArena arena;
	SlmError err = {0};
	void *ptr;

	test_host_reset();
	slm_arena_init(&arena, test_host(), (size_t) 1 << 26);
	test_host_state.fail_alloc_at = 1;
	CHECK_STATUS(slm_arena_alloc(&arena, 10, &ptr, &err), SLM_ERR_NO_MEMORY);
	CHECK_CONTAINS(err.message, "out of memory: could not allocate ");
	CHECK_INT(arena.held_bytes, 0);
	test_host_reset();
	CHECK_STATUS(slm_arena_alloc(&arena, 10, &ptr, &err), SLM_OK);
	slm_arena_trim(&arena, 0);
	CHECK_INT(test_host_state.live_allocs, 0);
}

/* Trimming keeps what fits under the given size, and the arena goes on working. */
static void
trim(void)
{
	SlmArena arena;
	SlmError err = {0};
	void *ptr;

	slm_arena_init(&arena, test_host(), (size_t) 1 << 28);
	for (int i = 0; i < 6; i++)
		CHECK_STATUS(slm_arena_alloc(&arena, (size_t) 1 << (17 + i), &ptr, &err), SLM_OK);
	CHECK(arena.held_bytes > (size_t) 4 << 20);
	slm_arena_trim(&arena, (size_t) 4 << 20);
	CHECK(arena.held_bytes > 0 && arena.held_bytes <= (size_t) 4 << 20);
	for (int i = 0; i < 6; i++)
	{
		CHECK_STATUS(slm_arena_alloc(&arena, (size_t) 1 << (17 + i), &ptr, &err), SLM_OK);
		memset(ptr, 1, (size_t) 1 << (17 + i));
	}
	slm_arena_trim(&arena, 0);
	CHECK_INT(arena.held_bytes, 0);
	CHECK_INT(test_host_state.live_allocs, 0);
	slm_arena_trim(&arena, 0);
}

/* One large block is not followed by one twice its size. */
static void
growth(void)
{
	SlmArena arena;
	SlmError err = {0};
	size_t held;
	void *ptr;

	slm_arena_init(&arena, test_host(), (size_t) 1 << 28);
	CHECK_STATUS(slm_arena_alloc(&arena, (size_t) 64 << 20, &ptr, &err), SLM_OK);
	held = arena.held_bytes;
	CHECK_STATUS(slm_arena_alloc(&arena, 100, &ptr, &err), SLM_OK);
	CHECK(arena.held_bytes - held <= (size_t) 9 << 20);
	slm_arena_trim(&arena, 0);
}

/* Memory of another's: nothing is taken from a host, and its end is the end. */
static void
within(void)
{
	static _Alignas(SLM_ARENA_ALIGN) char memory[4096];
	SlmArena arena;
	SlmError err = {0};
	char *first, *again, *more;

	test_host_reset();
	slm_arena_within(&arena, memory, sizeof(memory));
	CHECK_STATUS(
		slm_arena_alloc(&arena, sizeof(memory) - SLM_ARENA_OVERHEAD, (void **) &first, &err),
		SLM_OK);
	CHECK(first >= memory &&
		  first + sizeof(memory) - SLM_ARENA_OVERHEAD <= memory + sizeof(memory));
	CHECK_STATUS(slm_arena_alloc(&arena, SLM_ARENA_OVERHEAD, (void **) &more, &err), SLM_ERR_LIMIT);
	slm_arena_reset(&arena);
	CHECK_STATUS(slm_arena_alloc(&arena, 64, (void **) &again, &err), SLM_OK);
	CHECK(again == first);
	CHECK_INT(test_host_state.allocs, 0);
}

/* What stands behind a mark goes back to the host, what stands before it stays. */
static void
release(void)
{
	SlmArena arena;
	SlmArenaMark mark, start;
	SlmError err = {0};
	char *kept, *gone;
	size_t held;

	test_host_reset();
	slm_arena_init(&arena, test_host(), (size_t) 1 << 26);
	start = slm_arena_mark(&arena);
	CHECK_STATUS(slm_arena_alloc(&arena, 1000, (void **) &kept, &err), SLM_OK);
	memset(kept, 7, 1000);
	held = arena.held_bytes;
	mark = slm_arena_mark(&arena);
	for (int i = 0; i < 3; i++)
		CHECK_STATUS(slm_arena_alloc(&arena, (size_t) 4 << 20, (void **) &gone, &err), SLM_OK);
	CHECK(arena.held_bytes > held);
	slm_arena_release(&arena, mark);
	CHECK_INT(arena.held_bytes, held);
	CHECK_INT(test_host_state.live_allocs, 1);
	CHECK_INT(kept[999], 7);
	slm_arena_release(&arena, start);
	CHECK_INT(arena.held_bytes, 0);
	CHECK_INT(test_host_state.live_allocs, 0);
}

int
main(void)
{
	TEST(aligned_and_apart);
	TEST(steady_state);
	TEST(marks);
	TEST(skipped_block);
	TEST(cap);
	TEST(absurd_sizes);
	TEST(no_memory);
	TEST(trim);
	TEST(growth);
	TEST(within);
	TEST(release);
	return check_done();
}
