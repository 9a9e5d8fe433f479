/*
 * bpe.c - byte-level byte-pair encoding, as GPT-2 and RoBERTa have it
 *
 * The text is cut into words (pretoken.c); the bytes of a word start as one
 * token each, and the adjacent pair whose merge has the lowest rank, leftmost
 * first, becomes one token until no pair has a merge.  A queue of candidate
 * merges over a linked list of tokens makes that O(n log n) for any word.
 *
 * Most words are one token.  At build time every token that its own bytes
 * merge to is put into a trie; a word found there whole needs no merging, and
 * the answer is the same by construction.
 *
 * A GGUF spells bytes as printable characters (GPT-2's map): 33 to 126, 161 to
 * 172 and 174 to 255 are themselves, the other bytes follow in order from
 * U+0100.
 */
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/algorithms.h"
#include "tokenizer/pretoken.h"

#define MERGES_KEY "tokenizer.ggml.merges"
#define MAX_PROBES 64    /* longest search in the table of merges; build sees to it */
#define POLL_MERGES 8192 /* heap operations between two polls */
#define POLL_ITEMS 4096  /* vocabulary items between two polls */
#define CANDIDATES_PER_LINE (SLM_ARENA_ALIGN / sizeof(Candidate))
#define NO_RANK UINT32_MAX
#define NO_NEXT UINT32_MAX

/* Values of tokenizer.ggml.pre, and what they mean. */
static const char *const known_pre[] = {"gpt-2", "roberta-bpe", "llama-bpe", "qwen2", NULL};

static const struct
{
	SlmPretoken words;
	bool ends;           /* a sequence has a first and a last token */
	bool ignores_merges; /* a word that is a token is that token, whatever its merges say */
} pre_kinds[] = {
	{SLM_PRETOKEN_GPT2, false, false},
	{SLM_PRETOKEN_GPT2, true, false},
	{SLM_PRETOKEN_LLAMA3, false, true},
	{SLM_PRETOKEN_QWEN2, false, false},
};

/* One slot of the table of merges; empty when rank is NO_RANK. */
typedef struct Merge
{
	int32_t left;
	int32_t right;
	uint32_t rank;
	int32_t result;
} Merge;

/* The table: open addressing, a power of two of slots. */
typedef struct Merges
{
	const Merge *slot;
	uint64_t n;
} Merges;

static inline uint64_t
hash_pair(int32_t left, int32_t right)
{
	uint64_t key = (uint64_t) (uint32_t) left << 32 | (uint32_t) right;

	key *= 0x9e3779b97f4a7c15ULL;
	return key ^ key >> 29;
}

/* The merge of a pair; rank is NO_RANK when there is none. */
static Merge
find_merge(const Merges *merges, int32_t left, int32_t right)
{
	uint64_t at = hash_pair(left, right);

	for (int probe = 0; probe < MAX_PROBES; probe++, at++)
	{
		const Merge *slot = &merges->slot[at & (merges->n - 1)];
		Merge merge;

		merge.rank = slm_read_u32(&slot->rank);
		if (merge.rank == NO_RANK)
			break;
		merge.left = slm_read_i32(&slot->left);
		merge.right = slm_read_i32(&slot->right);
		merge.result = slm_read_i32(&slot->result);
		if (merge.left == left && merge.right == right)
			return merge;
	}
	return (Merge){-1, -1, NO_RANK, -1};
}

/* A token of the word that is being merged. */
typedef struct Symbol
{
	int32_t id;    /* -1: merged into the one before it */
	uint32_t end;  /* one past its last byte in the word */
	uint32_t prev; /* NO_NEXT at the ends */
	uint32_t next;
} Symbol;

/*
 * A merge that may be done: its rank in the high half, the symbol of its left
 * part in the low half, so that candidates compare as numbers.  It is stale
 * when the pair at that symbol no longer has that rank: a pair, once changed,
 * only grows and never comes back.
 */
typedef uint64_t Candidate;

/* Memory of merging, kept from word to word. */
typedef struct Merger
{
	Merges merges;
	const int32_t *byte_token; /* [256] */
	int32_t n_vocab;
	Symbol *symbol;  /* [capacity] */
	Candidate *heap; /* [2 * capacity], heap[1] starts a cache line */
	uint32_t n_heap;
	Candidate *run;     /* [2 * capacity], a ring: candidates that came in order */
	uint32_t run_first; /* counts that grow; the place is their low bits */
	uint32_t run_end;
	uint32_t capacity; /* a power of two */
	SlmArena *arena;
	const SlmHost *host;
} Merger;

/* The heap has as many children a node as fit a cache line. */
static void
heap_push(Merger *merger, Candidate candidate)
{
	Candidate *heap = merger->heap;
	uint32_t at = merger->n_heap++;

	while (at > 0 && candidate < heap[(at - 1) / CANDIDATES_PER_LINE])
	{
		heap[at] = heap[(at - 1) / CANDIDATES_PER_LINE];
		at = (at - 1) / CANDIDATES_PER_LINE;
	}
	heap[at] = candidate;
}

static Candidate
heap_pop(Merger *merger)
{
	Candidate *heap = merger->heap;
	Candidate top = heap[0];
	uint32_t n = --merger->n_heap;
	Candidate last = heap[n];
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

static inline Candidate *
run_slot(const Merger *merger, uint32_t count)
{
	return &merger->run[count & (2 * merger->capacity - 1)];
}

/*
 * Candidates often come in order (of equal rank, left to right); those wait in
 * the run and cost no heap.  That makes a word of one repeated letter, the
 * worst for a heap's caches, linear.
 */
static void
put_candidate(Merger *merger, Candidate candidate)
{
	if (merger->run_first == merger->run_end || candidate > *run_slot(merger, merger->run_end - 1))
		*run_slot(merger, merger->run_end++) = candidate;
	else
		heap_push(merger, candidate);
}

/* Takes the first of all candidates; false when there is none. */
static bool
take_candidate(Merger *merger, Candidate *out)
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

/* Puts the merge of a symbol and the one behind it into the heap, if there is one. */
static void
consider(Merger *merger, uint32_t at)
{
	const Symbol *symbol = merger->symbol;
	Merge merge;

	if (symbol[at].next == NO_NEXT)
		return;
	merge = find_merge(&merger->merges, symbol[at].id, symbol[symbol[at].next].id);
	if (merge.rank == NO_RANK || merge.result < 0 || merge.result >= merger->n_vocab)
		return;
	put_candidate(merger, (Candidate) merge.rank << 32 | at);
}

static SlmStatus
reserve(Merger *merger, uint32_t n, SlmError *err)
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

/* Merges a word of n >= 1 bytes; the tokens are then the list that starts at symbol 0. */
static SlmStatus
merge_word(Merger *merger, const uint8_t *word, uint32_t n, SlmError *err)
{
	Symbol *symbol;
	Candidate best;

	SLM_TRY(reserve(merger, n, err));
	symbol = merger->symbol;
	merger->n_heap = 0;
	merger->run_first = merger->run_end = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		int32_t id = slm_read_i32(&merger->byte_token[word[i]]);

		symbol[i].id = id >= 0 && id < merger->n_vocab ? id : 0;
		symbol[i].end = i + 1;
		symbol[i].prev = i > 0 ? i - 1 : NO_NEXT;
		symbol[i].next = i + 1 < n ? i + 1 : NO_NEXT;
	}
	for (uint32_t i = 0; i < n; i++)
	{
		if (i % POLL_MERGES == POLL_MERGES - 1)
			SLM_TRY(slm_poll(merger->host, err));
		consider(merger, i);
	}
	for (uint32_t step = 1; take_candidate(merger, &best); step++)
	{
		uint32_t at = (uint32_t) best;
		Symbol *left = &symbol[at];
		Symbol *right;
		Merge merge;

		if (step % POLL_MERGES == 0)
			SLM_TRY(slm_poll(merger->host, err));
		if (left->id < 0 || left->next == NO_NEXT)
			continue;
		right = &symbol[left->next];
		merge = find_merge(&merger->merges, left->id, right->id);
		if (merge.rank != best >> 32 || merge.result < 0 || merge.result >= merger->n_vocab)
			continue;
		left->id = merge.result;
		left->end = right->end;
		left->next = right->next;
		right->id = -1;
		if (left->next != NO_NEXT)
			symbol[left->next].prev = at;
		if (left->prev != NO_NEXT)
			consider(merger, left->prev);
		consider(merger, at);
	}
	return SLM_OK;
}

/* GPT-2's character of a byte. */
static uint32_t
char_of_byte(uint32_t byte)
{
	uint32_t shifted = 0x100;

	if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174)
		return byte;
	/* the number of shifted bytes below this one */
	if (byte <= 32)
		return shifted + byte;
	if (byte <= 160)
		return shifted + 33 + (byte - 127);
	return shifted + 33 + 34;
}

/* The byte of a character, -1 for one that stands for none. */
static int
byte_of_char(uint32_t cp)
{
	uint32_t shifted = cp - 0x100;
	uint32_t byte;

	if (cp < 0x100)
		byte = cp;
	else if (shifted < 33)
		byte = shifted;
	else if (shifted < 33 + 34)
		byte = 127 + (shifted - 33);
	else
		byte = 173;
	return char_of_byte(byte) == cp ? (int) byte : -1;
}

/* The bytes of a token's spelling; none when a character is outside the map. */
uint32_t
slm_bpe_bytes(SlmText spelling, uint8_t *out)
{
	const uint8_t *text = (const uint8_t *) spelling.data;
	uint32_t n = 0;

	for (size_t at = 0; at < spelling.size;)
	{
		uint32_t cp;
		int length = slm_utf8_decode(text + at, spelling.size - at, &cp);
		int byte = length > 0 ? byte_of_char(cp) : -1;

		if (byte < 0)
			return 0;
		out[n++] = (uint8_t) byte;
		at += (size_t) length;
	}
	return n;
}

/* Id of the token spelled by the bytes of a merge's part, or why there is none. */
static SlmStatus
find_part(const SlmTrie *tokens, const char *part, size_t n, uint64_t i_merge, const char *which,
		  int32_t *id, SlmError *err)
{
	*id = slm_trie_find(tokens, part, n);
	if (*id < 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						MERGES_KEY "[%llu] has a %s that is not an ordinary token",
						(unsigned long long) i_merge, which);
	return SLM_OK;
}

/* Reads one merge "left right". */
static SlmStatus
read_merge(const SlmTrie *tokens, SlmText text, uint64_t i, char *scratch, Merge *merge,
		   SlmError *err)
{
	const char *space = memchr(text.data, ' ', text.size);
	size_t n_left = space != NULL ? (size_t) (space - text.data) : 0;
	size_t n_right = space != NULL ? text.size - n_left - 1 : 0;

	if (n_left == 0 || n_right == 0 || memchr(space + 1, ' ', n_right) != NULL)
		return slm_fail(err, SLM_ERR_CORRUPT, MERGES_KEY "[%llu] is not two tokens and one space",
						(unsigned long long) i);
	if (text.size - 1 > SLM_MAX_TOKEN_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT, MERGES_KEY "[%llu] has %zu bytes, over the limit of %d",
						(unsigned long long) i, text.size - 1, SLM_MAX_TOKEN_BYTES);
	memcpy(scratch, text.data, n_left);
	memcpy(scratch + n_left, space + 1, n_right);
	SLM_TRY(find_part(tokens, text.data, n_left, i, "left part", &merge->left, err));
	SLM_TRY(find_part(tokens, space + 1, n_right, i, "right part", &merge->right, err));
	SLM_TRY(find_part(tokens, scratch, n_left + n_right, i, "result", &merge->result, err));
	merge->rank = (uint32_t) i;
	return SLM_OK;
}

/*
 * Puts merges [0..n) into a table of slots.  *fits is false when a search would
 * be longer than MAX_PROBES; a pair that is there already is an error.
 */
static SlmStatus
fill_table(const Merge *merge, uint64_t n, Merge *slot, uint64_t slots, bool *fits, SlmError *err)
{
	for (uint64_t i = 0; i < slots; i++)
		slot[i].rank = NO_RANK;
	*fits = true;
	for (uint64_t i = 0; i < n && *fits; i++)
	{
		uint64_t at = hash_pair(merge[i].left, merge[i].right);
		int probe = 0;

		for (; probe < MAX_PROBES; probe++, at++)
		{
			Merge *here = &slot[at & (slots - 1)];

			if (here->rank == NO_RANK)
			{
				*here = merge[i];
				break;
			}
			if (here->left == merge[i].left && here->right == merge[i].right)
				return slm_fail(err, SLM_ERR_CORRUPT,
								MERGES_KEY "[%llu] repeats " MERGES_KEY "[%u]",
								(unsigned long long) i, here->rank);
		}
		*fits = probe < MAX_PROBES;
	}
	return SLM_OK;
}

static SlmStatus
build_merges(SlmBuild *build, const SlmTrie *tokens, Merges *out, SlmError *err)
{
	const SlmGgufKey *key;
	Merge *merge, *slot;
	char *scratch;
	uint64_t slots = 16;
	uint64_t at = 0;
	bool fits;

	SLM_TRY(slm_gguf_get_array(build->gguf, MERGES_KEY, SLM_GGUF_STRING, NULL, &key, err));
	if (key->count > SLM_MAX_VOCAB)
		return slm_fail(err, SLM_ERR_LIMIT, MERGES_KEY " has %llu merges, over the limit of %u",
						(unsigned long long) key->count, SLM_MAX_VOCAB);
	SLM_TRY(SLM_NEW_ARRAY(build->arena, (size_t) key->count, &merge, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, SLM_MAX_TOKEN_BYTES, &scratch, err));
	for (uint64_t i = 0; i < key->count; i++)
	{
		SlmText text;

		if (i % POLL_ITEMS == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (!slm_gguf_next_string(key, &at, &text))
			return slm_fail(err, SLM_ERR_CORRUPT, MERGES_KEY "[%llu] is missing",
							(unsigned long long) i);
		SLM_TRY(read_merge(tokens, text, i, scratch, &merge[i], err));
	}
	while (slots < 2 * key->count)
		slots *= 2;
	do
	{
		if (slots > (uint64_t) SLM_MAX_VOCAB * 16)
			return slm_fail(err, SLM_ERR_LIMIT, MERGES_KEY " does not fit a table of %llu slots",
							(unsigned long long) slots / 2);
		SLM_TRY(slm_poll(build->host, err));
		SLM_TRY(SLM_NEW_ARRAY(build->arena, (size_t) slots, &slot, err));
		SLM_TRY(fill_table(merge, key->count, slot, slots, &fits, err));
		slots *= 2;
	} while (!fits);
	out->slot = slot;
	out->n = slots / 2;
	build->part[SLM_SECTION_MERGES] = (SlmBlobPart){slot, out->n * sizeof(*slot)};
	return SLM_OK;
}

/* An index of the spellings of all ordinary tokens. */
static SlmStatus
index_spellings(SlmBuild *build, SlmTrie *out, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	SlmTrieBuilder builder;

	SLM_TRY(slm_trie_builder_init(&builder, vocab->all_bytes, build->arena, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (i % POLL_ITEMS == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (slm_vocab_is_ordinary(vocab, i))
			SLM_TRY(slm_trie_builder_add(&builder, -1, vocab->token[i].data, vocab->token[i].size,
										 i, err));
	}
	return slm_trie_builder_finish(&builder, build->host, build->arena, out, err);
}

/* The token of each byte. */
static SlmStatus
build_byte_tokens(SlmBuild *build, const SlmTrie *tokens, int32_t *byte_token, SlmError *err)
{
	for (uint32_t byte = 0; byte < 256; byte++)
	{
		uint8_t spelling[4];
		uint32_t cp = char_of_byte(byte);

		byte_token[byte] = slm_trie_find(tokens, spelling, (size_t) slm_utf8_encode(cp, spelling));
		if (byte_token[byte] < 0)
			return slm_fail(err, SLM_ERR_CORRUPT,
							"tokenizer.ggml.tokens has no ordinary token for byte 0x%02x", byte);
	}
	build->part[SLM_SECTION_BYTE_TOKENS] = (SlmBlobPart){byte_token, 256 * sizeof(*byte_token)};
	return SLM_OK;
}

/* The trie of words that are one token: all of them, or those that their own bytes merge to. */
static SlmStatus
build_whole_words(SlmBuild *build, Merger *merger, bool all, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	SlmTrieBuilder builder;
	SlmTrie trie;
	uint8_t *bytes;

	SLM_TRY(slm_trie_builder_init(&builder, vocab->all_bytes, build->arena, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, SLM_MAX_TOKEN_BYTES, &bytes, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		uint32_t n = slm_vocab_is_ordinary(vocab, i) ? slm_bpe_bytes(vocab->token[i], bytes) : 0;

		if (n == 0)
			continue;
		if (i % POLL_MERGES == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (!all)
			SLM_TRY(merge_word(merger, bytes, n, err));
		if (all || (merger->symbol[0].next == NO_NEXT && merger->symbol[0].id == i))
			SLM_TRY(slm_trie_builder_add(&builder, -1, bytes, n, i, err));
	}
	SLM_TRY(slm_trie_builder_finish(&builder, build->host, build->arena, &trie, err));
	build->part[SLM_SECTION_TRIE] =
		(SlmBlobPart){trie.unit, (uint64_t) trie.n * sizeof(*trie.unit)};
	return SLM_OK;
}

static SlmStatus
read_specials(SlmBuild *build, bool ends, SlmError *err)
{
	const SlmGguf *gguf = build->gguf;
	SlmBlobHeader *header = &build->header;

	SLM_TRY(
		slm_vocab_special(gguf, &build->vocab, "tokenizer.ggml.cls_token_id", &header->bos, err));
	SLM_TRY(
		slm_vocab_special(gguf, &build->vocab, "tokenizer.ggml.bos_token_id", &header->bos, err));
	SLM_TRY(
		slm_vocab_special(gguf, &build->vocab, "tokenizer.ggml.eos_token_id", &header->eos, err));
	header->sep = header->eos;
	SLM_TRY(slm_vocab_special(gguf, &build->vocab, "tokenizer.ggml.seperator_token_id",
							  &header->sep, err));
	header->add_bos = ends;
	header->add_eos = ends;
	return slm_vocab_specials(gguf, &build->vocab, header, err);
}

SlmStatus
slm_bpe_build(SlmBuild *build, SlmError *err)
{
	Merger merger = {.arena = build->arena, .host = build->host, .n_vocab = build->vocab.n};
	SlmTrie tokens;
	int32_t *byte_token;
	int pre;

	SLM_TRY(slm_vocab_check_pre(build->gguf, known_pre, &pre, err));
	/* a decoder's are for its own output: row text is data */
	if (pre >= 0 && pre_kinds[pre].ends)
		SLM_TRY(slm_vocab_refuse_user_defined(&build->vocab, err));
	if (pre < 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"tokenizer.ggml.pre is missing, and byte-pair encoding depends on it");
	build->header.pretoken = (uint8_t) pre_kinds[pre].words;
	SLM_TRY(read_specials(build, pre_kinds[pre].ends, err));
	SLM_TRY(index_spellings(build, &tokens, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, 256, &byte_token, err));
	SLM_TRY(build_byte_tokens(build, &tokens, byte_token, err));
	SLM_TRY(build_merges(build, &tokens, &merger.merges, err));
	merger.byte_token = byte_token;
	return build_whole_words(build, &merger, pre_kinds[pre].ignores_merges, err);
}

SlmStatus
slm_bpe_run(SlmRun *run)
{
	const SlmBlobHeader *header = run->header;
	SlmTrie words = slm_blob_trie(run->blob, header);
	Merger merger = {.arena = run->arena, .host = run->host, .n_vocab = header->n_vocab};
	uint64_t n_byte_tokens;
	uint32_t next_poll = SLM_POLL_BYTES;
	uint32_t end;

	merger.merges.slot =
		slm_blob_section(run->blob, header, SLM_SECTION_MERGES, sizeof(Merge), &merger.merges.n);
	merger.byte_token = slm_blob_section(run->blob, header, SLM_SECTION_BYTE_TOKENS,
										 sizeof(int32_t), &n_byte_tokens);
	if (n_byte_tokens < 256 || merger.merges.n == 0 ||
		(merger.merges.n & (merger.merges.n - 1)) != 0)
		return slm_fail(run->err, SLM_ERR_CORRUPT, "tokenizer section has no merges");
	for (uint32_t at = 0; at < run->n; at = end)
	{
		int32_t id;

		SLM_TRY(slm_pretoken((SlmPretoken) header->pretoken, run->text, run->n, at, run->host, &end,
							 run->err));
		if (at >= next_poll)
		{
			SLM_TRY(slm_poll(run->host, run->err));
			next_poll = at + SLM_POLL_BYTES;
		}
		id = slm_trie_find(&words, run->text + at, end - at);
		if (id >= 0 && id < header->n_vocab)
		{
			SLM_TRY(slm_sink_put(&run->sink, id, at, end, run->err));
			continue;
		}
		SLM_TRY(merge_word(&merger, run->text + at, end - at, run->err));
		for (uint32_t i = 0, start = 0; i != NO_NEXT; i = merger.symbol[i].next)
		{
			SLM_TRY(slm_sink_put(&run->sink, merger.symbol[i].id, at + start,
								 at + merger.symbol[i].end, run->err));
			start = merger.symbol[i].end;
		}
	}
	return SLM_OK;
}
