/*
 * merge.c - merging neighbours, the core of byte-pair encoding
 */
#include "tokenizer/merge.h"

#include <stdbool.h>

#include "base/limits.h"
#include "tokenizer/trie.h"

#define MERGES_KEY "tokenizer.ggml.merges"
#define MAX_PROBES 64    /* longest search in the table; building sees to it */
#define POLL_MERGES 8192 /* heap operations between two polls */
#define SHORT_RUN 16
#define MAX_SLOTS ((uint64_t) SLM_MAX_VOCAB * 16)
#define CANDIDATES_PER_LINE (SLM_ARENA_ALIGN / sizeof(SlmCandidate))

static inline uint64_t
hash_pair(int32_t left, int32_t right)
{
	uint64_t key = (uint64_t) (uint32_t) left << 32 | (uint32_t) right;

	key *= 0x9e3779b97f4a7c15ULL;
	return key ^ key >> 29;
}

/* The merge of a pair; rank is SLM_NO_RANK when there is none. */
static SlmMerge
find_merge(const SlmMerges *merges, int32_t left, int32_t right)
{
	uint64_t at = hash_pair(left, right);

	for (int probe = 0; probe < MAX_PROBES; probe++, at++)
	{
		const SlmMerge *slot = &merges->slot[at & (merges->n - 1)];
		SlmMerge merge;

		merge.rank = slm_read_u32(&slot->rank);
		if (merge.rank == SLM_NO_RANK)
			break;
		merge.left = slm_read_i32(&slot->left);
		merge.right = slm_read_i32(&slot->right);
		merge.result = slm_read_i32(&slot->result);
		if (merge.left == left && merge.right == right)
			return merge;
	}
	return (SlmMerge){-1, -1, SLM_NO_RANK, -1};
}

/*
 * Puts merges [0..n) into a table of slots.  *fits is false when a search would
 * be longer than MAX_PROBES; a pair that is there already is an error.
 */
static SlmStatus
fill_table(const SlmMerge *merge, uint64_t n, SlmMerge *slot, uint64_t slots, const SlmHost *host,
		   bool *fits, SlmError *err)
{
	for (uint64_t i = 0; i < slots; i++)
	{
		if (i % SLM_POLL_BYTES == 0)
			SLM_TRY(slm_poll(host, err));
		slot[i].rank = SLM_NO_RANK;
	}
	*fits = true;
	for (uint64_t i = 0; i < n && *fits; i++)
	{
		uint64_t at = hash_pair(merge[i].left, merge[i].right);
		int probe = 0;

		if (i % POLL_MERGES == 0)
			SLM_TRY(slm_poll(host, err));
		for (; probe < MAX_PROBES; probe++, at++)
		{
			SlmMerge *here = &slot[at & (slots - 1)];

			if (here->rank == SLM_NO_RANK)
			{
				*here = merge[i];
				break;
			}
			if (here->left == merge[i].left && here->right == merge[i].right)
				return slm_fail(err, SLM_ERR_CORRUPT, MERGES_KEY "[%u] repeats " MERGES_KEY "[%u]",
								merge[i].rank, here->rank);
		}
		*fits = probe < MAX_PROBES;
	}
	return SLM_OK;
}

SlmStatus
slm_merges_build(const SlmMerge *merge, uint64_t n, const SlmHost *host, SlmArena *arena,
				 SlmMerges *out, SlmError *err)
{
	uint64_t slots = 16;
	SlmMerge *slot;
	bool fits;

	while (slots < 2 * n)
		slots *= 2;
	do
	{
		if (slots > MAX_SLOTS)
			return slm_fail(err, SLM_ERR_LIMIT,
							"merges of the vocabulary do not fit a table of %llu slots",
							(unsigned long long) MAX_SLOTS);
		SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) slots, &slot, err));
		SLM_TRY(fill_table(merge, n, slot, slots, host, &fits, err));
		*out = (SlmMerges){slot, slots};
		slots *= 2;
	} while (!fits);
	return SLM_OK;
}

/* The heap has as many children a node as fit a cache line. */
static void
heap_push(SlmMerger *merger, SlmCandidate candidate)
{
	SlmCandidate *heap = merger->heap;
	uint32_t at = merger->n_heap++;

	while (at > 0 && candidate < heap[(at - 1) / CANDIDATES_PER_LINE])
	{
		heap[at] = heap[(at - 1) / CANDIDATES_PER_LINE];
		at = (at - 1) / CANDIDATES_PER_LINE;
	}
	heap[at] = candidate;
}

static SlmCandidate
heap_pop(SlmMerger *merger)
{
	SlmCandidate *heap = merger->heap;
	SlmCandidate top = heap[0];
	uint32_t n = --merger->n_heap;
	SlmCandidate last = heap[n];
	uint32_t at = 0;

	for (uint64_t child = 1; child < n; child = (uint64_t) at * CANDIDATES_PER_LINE + 1)
	{
		uint64_t behind = child + CANDIDATES_PER_LINE < n ? child + CANDIDATES_PER_LINE : n;
		uint64_t least = child;

		for (uint64_t i = child + 1; i < behind; i++)
		{
			if (heap[i] < heap[least])
				least = i;
		}
		if (heap[least] >= last)
			break;
		heap[at] = heap[least];
		at = (uint32_t) least;
	}
	heap[at] = last;
	return top;
}

static inline SlmCandidate *
run_slot(const SlmMerger *merger, uint32_t count)
{
	return &merger->run[count & (2 * merger->capacity - 1)];
}

/*
 * Candidates often come in order (of equal rank, left to right); those wait in
 * the run and cost no heap.  That makes a word of one repeated letter, the
 * worst for a heap's caches, linear.  A short run that ends too high gives way.
 */
static void
put_candidate(SlmMerger *merger, SlmCandidate candidate)
{
	if (merger->run_first != merger->run_end && candidate < *run_slot(merger, merger->run_end - 1))
	{
		if (merger->run_end - merger->run_first > SHORT_RUN)
		{
			heap_push(merger, candidate);
			return;
		}
		while (merger->run_first != merger->run_end)
			heap_push(merger, *run_slot(merger, merger->run_first++));
	}
	*run_slot(merger, merger->run_end++) = candidate;
}

/* Takes the first of all candidates; false when there is none. */
static bool
take_candidate(SlmMerger *merger, SlmCandidate *out)
{
	bool has_run = merger->run_first != merger->run_end;

	if (has_run && (merger->n_heap == 0 || *run_slot(merger, merger->run_first) < merger->heap[0]))
		*out = *run_slot(merger, merger->run_first++);
	else if (merger->n_heap > 0)
		*out = heap_pop(merger);
	else
		return false;
	return true;
}

/* Makes a candidate of a symbol and the one behind it, if they have a merge. */
static void
consider(SlmMerger *merger, uint32_t at)
{
	const SlmSymbol *symbol = merger->symbol;
	SlmMerge merge;

	if (symbol[at].next == SLM_NO_SYMBOL)
		return;
	merge = find_merge(&merger->merges, symbol[at].id, symbol[symbol[at].next].id);
	if (merge.rank == SLM_NO_RANK || merge.result < 0 || merge.result >= merger->n_vocab)
		return;
	put_candidate(merger, (SlmCandidate) merge.rank << 32 | at);
}

SlmStatus
slm_merger_reserve(SlmMerger *merger, uint32_t n, SlmError *err)
{
	uint32_t capacity = merger->capacity > 0 ? merger->capacity : 64;

	if (n <= merger->capacity)
		return SLM_OK;
	while (capacity < n)
		capacity *= 2;
	SLM_TRY(SLM_NEW_ARRAY(merger->arena, capacity, &merger->symbol, err));
	/* a merge takes one candidate out and puts at most two in */
	SLM_TRY(SLM_NEW_ARRAY(merger->arena, (size_t) capacity * 2 + CANDIDATES_PER_LINE, &merger->heap,
						  err));
	SLM_TRY(SLM_NEW_ARRAY(merger->arena, (size_t) capacity * 2, &merger->run, err));
	merger->heap += CANDIDATES_PER_LINE - 1;
	merger->capacity = capacity;
	return SLM_OK;
}

SlmStatus
slm_merger_run(SlmMerger *merger, uint32_t n, SlmError *err)
{
	SlmSymbol *symbol = merger->symbol;
	SlmCandidate best;

	merger->n_heap = 0;
	merger->run_first = merger->run_end = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		if (i % POLL_MERGES == POLL_MERGES - 1)
			SLM_TRY(slm_poll(merger->host, err));
		symbol[i].prev = i > 0 ? i - 1 : SLM_NO_SYMBOL;
		symbol[i].next = i + 1 < n ? i + 1 : SLM_NO_SYMBOL;
		consider(merger, i);
	}
	for (uint32_t step = 1; take_candidate(merger, &best); step++)
	{
		uint32_t at = (uint32_t) best;
		SlmSymbol *left = &symbol[at];
		SlmSymbol *right;
		SlmMerge merge;

		if (step % POLL_MERGES == 0)
			SLM_TRY(slm_poll(merger->host, err));
		if (left->id < 0 || left->next == SLM_NO_SYMBOL)
			continue;
		right = &symbol[left->next];
		merge = find_merge(&merger->merges, left->id, right->id);
		if (merge.rank != best >> 32 || merge.result < 0 || merge.result >= merger->n_vocab)
			continue;
		left->id = merge.result;
		left->end = right->end;
		left->next = right->next;
		right->id = -1;
		if (left->next != SLM_NO_SYMBOL)
			symbol[left->next].prev = at;
		if (left->prev != SLM_NO_SYMBOL)
			consider(merger, left->prev);
		consider(merger, at);
	}
	return SLM_OK;
}
