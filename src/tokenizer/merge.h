/*
 * merge.h - merging neighbours, the core of byte-pair encoding
 *
 * A word is a list of tokens.  The adjacent pair whose merge has the lowest
 * rank, leftmost first, becomes one token until no pair has a merge.  A queue of
 * candidate merges over a linked list makes that O(n log n) for any word, and
 * linear for those that repeat.
 *
 * What the table holds comes from an image and is checked where it is used.
 */
#ifndef SLM_TOKENIZER_MERGE_H
#define SLM_TOKENIZER_MERGE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/host.h"
#include "base/status.h"

#define SLM_NO_RANK UINT32_MAX /* in an empty slot of the table */
#define SLM_NO_SYMBOL UINT32_MAX

/* Two tokens that become one; of several merges the one of the lowest rank is first. */
typedef struct SlmMerge
{
	int32_t left;
	int32_t right;
	uint32_t rank; /* below SLM_NO_RANK */
	int32_t result;
} SlmMerge;

/* The table: open addressing, a power of two of slots. */
typedef struct SlmMerges
{
	const SlmMerge *slot;
	uint64_t n;
} SlmMerges;

/*
 * Lays merges [0..n) out as a table in arena memory.  A pair that is there twice
 * is SLM_ERR_CORRUPT and named by its places in tokenizer.ggml.merges, so the
 * rank of a merge that comes from there is its index.  Polls host.
 */
extern SlmStatus slm_merges_build(const SlmMerge *merge, uint64_t n, const SlmHost *host,
								  SlmArena *arena, SlmMerges *out, SlmError *err) SLM_MUST_CHECK;

/* A token of the word that is being merged. */
typedef struct SlmSymbol
{
	int32_t id;    /* -1: merged into the one before it */
	uint32_t end;  /* one past its last byte, as the caller counts */
	uint32_t prev; /* SLM_NO_SYMBOL at the ends */
	uint32_t next;
} SlmSymbol;

/*
 * A merge that may be done: its rank in the high half, the symbol of its left
 * part in the low half, so that candidates compare as numbers.  It is stale
 * when the pair at that symbol no longer has that rank; a pair that came to have
 * the same rank is a candidate of its own, equal to this one.
 */
typedef uint64_t SlmCandidate;

/* Memory of merging, kept from word to word; {.merges, .n_vocab, .arena, .host} starts one. */
typedef struct SlmMerger
{
	SlmMerges merges;
	int32_t n_vocab;
	SlmArena *arena;
	const SlmHost *host;

	SlmSymbol *symbol;  /* [capacity] */
	uint32_t capacity;  /* a power of two */
	SlmCandidate *heap; /* [2 * capacity], heap[1] starts a cache line */
	uint32_t n_heap;
	SlmCandidate *run;  /* [2 * capacity], a ring: candidates that came in order */
	uint32_t run_first; /* counts that grow; the place is their low bits */
	uint32_t run_end;
} SlmMerger;

/* Makes room for a word of n <= 2^31 symbols, whose id and end the caller then fills. */
extern SlmStatus slm_merger_reserve(SlmMerger *merger, uint32_t n, SlmError *err) SLM_MUST_CHECK;

/* Merges symbols [0..n), n >= 1; the tokens are then the list that starts at symbol 0. */
extern SlmStatus slm_merger_run(SlmMerger *merger, uint32_t n, SlmError *err) SLM_MUST_CHECK;

#endif
