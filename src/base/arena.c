/*
 * arena.c - scratch memory of one call
 */
#include "base/arena.h"

#include <string.h>

/*
 * Blocks grow by doubling, so a long call makes few of them, but not past the
 * second size: what comes after one large table is usually small.
 */
#define MIN_BLOCK_BYTES ((size_t) 256 * 1024)
#define MAX_GROWN_BYTES ((size_t) 8 << 20)

struct SlmArenaBlock
{
	SlmArenaBlock *next;
	size_t size; /* usable bytes behind data */
	size_t used;
	char *data; /* aligned to SLM_ARENA_ALIGN, inside this allocation */
};

/* Bytes of a block beside what it serves. */
#define OVERHEAD (sizeof(SlmArenaBlock) + SLM_ARENA_ALIGN)

_Static_assert(OVERHEAD <= SLM_ARENA_OVERHEAD, "what a block takes is known to callers");

void
slm_arena_init(SlmArena *arena, const SlmHost *host, size_t max_bytes)
{
	arena->host = host;
	arena->first = NULL;
	arena->current = NULL;
	arena->held_bytes = 0;
	arena->max_bytes = max_bytes;
}

/* Lays a block into memory of size bytes beside the block's overhead. */
static SlmArenaBlock *
make_block(void *memory, size_t size)
{
	SlmArenaBlock *block = memory;

	block->next = NULL;
	block->size = size;
	block->used = 0;
	block->data = (char *) (((uintptr_t) (block + 1) + SLM_ARENA_ALIGN - 1) &
							~(uintptr_t) (SLM_ARENA_ALIGN - 1));
	return block;
}

void
slm_arena_within(SlmArena *arena, void *memory, size_t bytes)
{
	slm_arena_init(arena, NULL, 0);
	arena->first = make_block(memory, bytes - OVERHEAD);
	arena->held_bytes = arena->max_bytes = bytes;
}

/* Appends a block that can serve bytes, and makes it the current one. */
static SlmStatus
add_block(SlmArena *arena, SlmArenaBlock *last, size_t bytes, SlmError *err)
{
	size_t size = MIN_BLOCK_BYTES;
	size_t left = arena->max_bytes - arena->held_bytes;
	SlmArenaBlock *block;
	void *memory;

	if (last != NULL)
		size = last->size < MAX_GROWN_BYTES / 2 ? last->size * 2 : MAX_GROWN_BYTES;
	if (size < bytes)
		size = bytes;
	if (bytes > SIZE_MAX - OVERHEAD || bytes + OVERHEAD > left)
	{
		slm_fail(err, SLM_ERR_LIMIT, "call needs more scratch memory than the limit of %zu kB",
				 arena->max_bytes / 1024);
		slm_error_hint(err, "Raise slm.max_scratch_memory or pass less text per call.");
		return SLM_ERR_LIMIT;
	}
	if (size > left - OVERHEAD)
		size = left - OVERHEAD;
	memory = arena->host->alloc(arena->host->arg, size + OVERHEAD);
	if (memory == NULL)
		return slm_fail(err, SLM_ERR_NO_MEMORY, "out of memory: could not allocate %zu bytes",
						size + OVERHEAD);
	block = make_block(memory, size);
	arena->held_bytes += size + OVERHEAD;
	if (last != NULL)
		last->next = block;
	else
		arena->first = block;
	arena->current = block;
	return SLM_OK;
}

SlmStatus
slm_arena_alloc(SlmArena *arena, size_t bytes, void **out, SlmError *err)
{
	SlmArenaBlock *last = NULL;
	SlmArenaBlock *block = arena->current != NULL ? arena->current : arena->first;

	if (bytes > SIZE_MAX - SLM_ARENA_ALIGN)
		bytes = SIZE_MAX; /* add_block() refuses it */
	else
		bytes = (bytes + SLM_ARENA_ALIGN - 1) & ~(size_t) (SLM_ARENA_ALIGN - 1);

	/* Blocks behind the current one are empty: reset and rewind see to it. */
	for (; block != NULL; last = block, block = block->next)
	{
		if (bytes <= block->size - block->used)
			break;
	}
	if (block == NULL)
	{
		SLM_TRY(add_block(arena, last, bytes, err));
		block = arena->current;
	}
	arena->current = block;
	*out = block->data + block->used;
	block->used += bytes;
	return SLM_OK;
}

SlmStatus
slm_arena_alloc_array(SlmArena *arena, size_t n, size_t size, void **out, SlmError *err)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		bytes = SIZE_MAX;
	return slm_arena_alloc(arena, bytes, out, err);
}

SlmArenaMark
slm_arena_mark(const SlmArena *arena)
{
	SlmArenaMark mark = {arena->current, arena->current != NULL ? arena->current->used : 0};

	return mark;
}

void
slm_arena_rewind(SlmArena *arena, SlmArenaMark mark)
{
	SlmArenaBlock *block = mark.block != NULL ? mark.block->next : arena->first;

	for (; block != NULL; block = block->next)
		block->used = 0;
	arena->current = mark.block;
	if (mark.block != NULL)
		mark.block->used = mark.used;
}

SlmStatus
slm_arena_keep(SlmArena *from, SlmArenaMark mark, const void *data, size_t bytes, SlmArena *to,
			   void **out, SlmError *err)
{
	slm_arena_rewind(from, mark);
	/* what was rewound is still there, and may lie where the copy goes */
	SLM_TRY(slm_arena_alloc(to, bytes, out, err));
	memmove(*out, data, bytes);
	return SLM_OK;
}

void
slm_arena_release(SlmArena *arena, SlmArenaMark mark)
{
	SlmArenaBlock **link = mark.block != NULL ? &mark.block->next : &arena->first;

	slm_arena_rewind(arena, mark);
	while (*link != NULL)
	{
		SlmArenaBlock *block = *link;

		*link = block->next;
		arena->held_bytes -= block->size + OVERHEAD;
		arena->host->release(arena->host->arg, block);
	}
}

void
slm_arena_reset(SlmArena *arena)
{
	SlmArenaMark start = {NULL, 0};

	slm_arena_rewind(arena, start);
}

void
slm_arena_trim(SlmArena *arena, size_t keep_bytes)
{
	SlmArenaBlock **link = &arena->first;
	size_t kept = 0;

	slm_arena_reset(arena);
	while (*link != NULL)
	{
		SlmArenaBlock *block = *link;
		size_t bytes = block->size + OVERHEAD;

		if (kept + bytes <= keep_bytes)
		{
			kept += bytes;
			link = &block->next;
			continue;
		}
		*link = block->next;
		arena->host->release(arena->host->arg, block);
	}
	arena->held_bytes = kept;
}
