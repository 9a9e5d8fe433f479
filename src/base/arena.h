/*
 * arena.h - scratch memory of one call
 *
 * A chain of blocks taken from the host and kept between calls, so that in
 * steady state a call allocates nothing.  The whole chain is capped: past
 * max_bytes an allocation fails with SLM_ERR_LIMIT, before memory is touched.
 * slm_arena_reset() makes everything in it garbage at once, which is also all
 * the clean-up an error or a cancel needs.
 */
#ifndef SLM_BASE_ARENA_H
#define SLM_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/host.h"
#include "base/status.h"

#define SLM_ARENA_ALIGN 64 /* one cache line and one zmm register */

typedef struct SlmArenaBlock SlmArenaBlock;

typedef struct SlmArena
{
	const SlmHost *host;    /* borrowed */
	SlmArenaBlock *first;   /* chain of blocks, owned */
	SlmArenaBlock *current; /* block that serves allocations; NULL at start */
	size_t held_bytes;      /* taken from the host */
	size_t max_bytes;       /* cap of held_bytes */
} SlmArena;

/* A point to go back to; valid until the arena is reset below it. */
typedef struct SlmArenaMark
{
	SlmArenaBlock *block;
	size_t used;
} SlmArenaMark;

extern void slm_arena_init(SlmArena *arena, const SlmHost *host, size_t max_bytes);

/*
 * An arena inside of bytes of memory that are another's, of which up to
 * SLM_ARENA_OVERHEAD go into keeping it; it takes nothing from a host, and must not
 * be trimmed.
 */
#define SLM_ARENA_OVERHEAD 256

extern void slm_arena_within(SlmArena *arena, void *memory, size_t bytes);

/*
 * Gives bytes of uninitialized memory aligned to SLM_ARENA_ALIGN in *out,
 * valid until the next reset or release to an earlier mark.  bytes = 0 gives a
 * valid pointer.
 */
extern SlmStatus slm_arena_alloc(SlmArena *arena, size_t bytes, void **out,
								 SlmError *err) SLM_MUST_CHECK;

/* The same for n items of size bytes each; a product that wraps is a limit error. */
extern SlmStatus slm_arena_alloc_array(SlmArena *arena, size_t n, size_t size, void **out,
									   SlmError *err) SLM_MUST_CHECK;

extern SlmArenaMark slm_arena_mark(const SlmArena *arena);
extern void slm_arena_rewind(SlmArena *arena, SlmArenaMark mark);

/*
 * Rewinds arena from to a mark, and copies bytes that were taken of it since into arena
 * to, which may be the same: all else of what was taken is gone.
 */
extern SlmStatus slm_arena_keep(SlmArena *from, SlmArenaMark mark, const void *data, size_t bytes,
								SlmArena *to, void **out, SlmError *err) SLM_MUST_CHECK;

/* Rewinds, and gives the blocks behind the mark's back to the host. */
extern void slm_arena_release(SlmArena *arena, SlmArenaMark mark);

/* Forgets all allocations, keeps the blocks. */
extern void slm_arena_reset(SlmArena *arena);

/* Resets, and gives blocks back to the host until at most keep_bytes are held. */
extern void slm_arena_trim(SlmArena *arena, size_t keep_bytes);

/* SLM_NEW_ARRAY(arena, n, &ptr, err): typed slm_arena_alloc_array. */
#define SLM_NEW_ARRAY(arena, n, ptr, err)                                                          \
	slm_arena_alloc_array(arena, n, sizeof(**(ptr)), (void **) (ptr), err)

#endif
