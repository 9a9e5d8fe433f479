/*
 * token_mask.c - which tokens of a vocabulary may follow in a grammar
 */
#include "task/token_mask.h"

#include "base/limits.h"
#include "task/grammar_impl.h"

#define POLL_NODES 256 /* a node of verbatim strings looks at many places */
#define SCRATCH_BYTES ((size_t) 1 << 30)

typedef struct MaskNode
{
	uint32_t skip;        /* node behind all below this one */
	uint32_t first_token; /* in tree->token; the next node's are behind its own */
	uint8_t byte;
	uint8_t depth; /* bytes of its tokens, from 1 */
} MaskNode;

/* Where tokens that began inside a string leave it. */
typedef struct MaskExit
{
	uint32_t node;  /* of the quote */
	uint32_t chars; /* that began before it */
} MaskExit;

struct SlmMaskTree
{
	uint32_t n_token, n_word;
	uint32_t n_node;
	const MaskNode *node;  /* [n_node + 1], the last only for its first_token */
	const uint32_t *token; /* ids by their bytes */
	const uint32_t *end;   /* [n_end] ids */
	uint32_t n_end;
	uint32_t longest;       /* bytes of a token */
	const uint64_t *inside; /* [n_word] tokens that may stand inside any string */
	const uint8_t *chars;   /* [64 * n_word] characters that such a token begins */
	const MaskExit *exit;   /* [n_exit] */
	uint32_t n_exit;
};

typedef struct Slot
{
	uint64_t hash;
	uint64_t used; /* when, 0: free */
	SlmGrammarState state;
	uint64_t *mask;
} Slot;

/* A state inside of one scalar, in short. */
typedef struct Brief
{
	uint32_t state, chars;
} Brief;

struct SlmMaskCache
{
	const SlmMaskTree *tree;
	const SlmGrammar *g;
	const SlmHost *host;
	Slot *slot; /* [n_slot] */
	uint32_t n_slot;
	uint64_t clock;
	uint64_t *mask;         /* in the making */
	SlmGrammarState *stack; /* [SLM_MAX_MASK_TOKEN_BYTES + 1] by depth */
	Brief *brief;           /* the same, inside of a scalar */
	uint32_t visited;       /* nodes since the last poll */
};

/* ---- The tree ------------------------------------------------------------------------ */

typedef struct Building
{
	const SlmText *text;
	const SlmHost *host;
	SlmArena *arena;
	SlmArena scratch;
	SlmError *err;
	SlmMaskTree *tree;
	uint32_t *token;
	uint32_t n_sorted; /* tokens in the tree */
	MaskNode *node;
	uint32_t visited;
} Building;

static SlmStatus
visited(const SlmHost *host, uint32_t *count, SlmError *err)
{
	if (++*count < POLL_NODES)
		return SLM_OK;
	*count = 0;
	return slm_poll(host, err);
}

/* Merge sort, because it can be left between two steps; equal texts by number. */
static SlmStatus
sort_tokens(Building *b)
{
	uint32_t n = b->n_sorted;
	uint32_t *from = b->token, *to;

	SLM_TRY(SLM_NEW_ARRAY(&b->scratch, n, &to, b->err));
	for (uint64_t width = 1; width < n; width *= 2)
	{
		uint32_t *swap = from;

		for (uint64_t start = 0; start < n; start += 2 * width)
		{
			uint64_t middle = start + width < n ? start + width : n;
			uint64_t end = start + 2 * width < n ? start + 2 * width : n;
			uint64_t left = start, right = middle;

			for (uint64_t i = start; i < end; i++)
			{
				bool takes_left =
					left < middle && (right == end || slm_text_compare(b->text[from[left]],
																	   b->text[from[right]]) <= 0);

				to[i] = takes_left ? from[left++] : from[right++];
				SLM_TRY(visited(b->host, &b->visited, b->err));
			}
		}
		from = to;
		to = swap;
	}
	b->token = from;
	return SLM_OK;
}

static uint32_t
common_bytes(SlmText a, SlmText b)
{
	uint32_t n = 0;

	while (n < a.size && n < b.size && a.data[n] == b.data[n])
		n++;
	return n;
}

/* Bytes that sorted token i begins with as the one before it does. */
static uint32_t
common_with_last(const Building *b, uint32_t i)
{
	return i == 0 ? 0 : common_bytes(b->text[b->token[i - 1]], b->text[b->token[i]]);
}

/* Nodes in preorder from the sorted tokens, which have n_byte bytes. */
static SlmStatus
add_nodes(Building *b, uint64_t n_byte)
{
	uint32_t open[SLM_MAX_MASK_TOKEN_BYTES]; /* node of each depth, from 1 */
	uint32_t n_open = 0, n_node = 0;

	for (uint32_t i = 0; i < b->n_sorted; i++)
	{
		n_byte -= common_with_last(b, i);
		SLM_TRY(visited(b->host, &b->visited, b->err));
	}
	SLM_TRY(SLM_NEW_ARRAY(b->arena, n_byte + 1, &b->node, b->err));
	for (uint32_t i = 0; i < b->n_sorted; i++)
	{
		SlmText text = b->text[b->token[i]];
		uint32_t common = common_with_last(b, i);

		while (n_open > common)
			b->node[open[--n_open]].skip = n_node;
		while (n_open < text.size)
		{
			b->node[n_node] = (MaskNode){
				.first_token = i,
				.byte = (uint8_t) text.data[n_open],
				.depth = (uint8_t) (n_open + 1),
			};
			open[n_open++] = n_node++;
		}
		SLM_TRY(visited(b->host, &b->visited, b->err));
	}
	while (n_open > 0)
		b->node[open[--n_open]].skip = n_node;
	b->node[n_node] = (MaskNode){.skip = n_node, .first_token = b->n_sorted};
	b->tree->node = b->node;
	b->tree->n_node = n_node;
	return SLM_OK;
}

/* How tokens stand inside of a string: the part of masks that all strings share. */
static SlmStatus
walk_string(Building *b)
{
	SlmMaskTree *tree = b->tree;
	Brief at[SLM_MAX_MASK_TOKEN_BYTES + 1];
	uint32_t room = SLM_MAX_GRAMMAR_STATES;
	const SlmDfa *dfa;
	uint64_t *inside;
	uint8_t *chars;
	MaskExit *exits;
	SlmNfa nfa;

	SLM_TRY(slm_nfa_init(&nfa, &b->scratch, b->err));
	slm_nfa_any_string(&nfa);
	SLM_TRY(slm_nfa_determinize(&nfa, 0, b->host, &b->scratch, &room, &dfa, b->err));
	SLM_TRY(SLM_NEW_ARRAY(b->arena, tree->n_word, &inside, b->err));
	SLM_TRY(SLM_NEW_ARRAY(b->arena, 64 * (size_t) tree->n_word, &chars, b->err));
	SLM_TRY(SLM_NEW_ARRAY(&b->scratch, tree->n_node, &exits, b->err));
	memset(inside, 0, tree->n_word * sizeof(*inside));
	memset(chars, 0, 64 * (size_t) tree->n_word);
	at[0] = (Brief){slm_dfa_step(dfa, 0, '"'), 0};
	for (uint32_t i = 0; i < tree->n_node;)
	{
		const MaskNode *node = &tree->node[i];
		Brief before = at[node->depth - 1], *after = &at[node->depth];
		bool is_char = (dfa->flags[before.state] & SLM_DFA_CHAR) != 0;

		SLM_TRY(visited(b->host, &b->visited, b->err));
		after->state = slm_dfa_step(dfa, before.state, node->byte);
		after->chars = before.chars + (is_char && node->byte != '"');
		if (after->state == SLM_DFA_NONE || (dfa->flags[after->state] & SLM_DFA_ACCEPT) != 0)
		{
			if (after->state != SLM_DFA_NONE)
				exits[tree->n_exit++] = (MaskExit){i, after->chars};
			i = node->skip;
			continue;
		}
		for (uint32_t t = node->first_token; t < tree->node[i + 1].first_token; t++)
		{
			uint32_t id = tree->token[t];

			inside[id >> 6] |= 1ULL << (id & 63);
			chars[id] = (uint8_t) after->chars;
		}
		i++;
	}
	tree->inside = inside;
	tree->chars = chars;
	SLM_TRY(SLM_NEW_ARRAY(b->arena, tree->n_exit, (MaskExit **) &tree->exit, b->err));
	memcpy((MaskExit *) tree->exit, exits, tree->n_exit * sizeof(*exits));
	return SLM_OK;
}

static SlmStatus
build_tree(Building *b, const int32_t *end, uint32_t n_end)
{
	SlmMaskTree *tree = b->tree;
	uint32_t *kept;
	uint64_t n_byte = 0;

	SLM_TRY(SLM_NEW_ARRAY(&b->scratch, tree->n_token, &b->token, b->err));
	for (uint32_t i = 0; i < tree->n_token; i++)
	{
		if (b->text[i].size == 0 || b->text[i].size > SLM_MAX_MASK_TOKEN_BYTES)
			continue;
		b->token[b->n_sorted++] = i;
		n_byte += b->text[i].size;
		if (b->text[i].size > tree->longest)
			tree->longest = (uint32_t) b->text[i].size;
	}
	if (n_byte >= UINT32_MAX)
		return slm_fail(b->err, SLM_ERR_LIMIT, "vocabulary exceeds the limit of %u bytes of tokens",
						UINT32_MAX);
	SLM_TRY(sort_tokens(b));
	SLM_TRY(SLM_NEW_ARRAY(b->arena, b->n_sorted, &kept, b->err));
	memcpy(kept, b->token, b->n_sorted * sizeof(*kept));
	tree->token = kept;
	SLM_TRY(add_nodes(b, n_byte));
	SLM_TRY(SLM_NEW_ARRAY(b->arena, n_end, &kept, b->err));
	for (uint32_t i = 0; i < n_end; i++)
	{
		if (end[i] < 0 || (uint32_t) end[i] >= tree->n_token)
			return slm_fail(b->err, SLM_ERR_ARGUMENT, "token %d is not in the vocabulary", end[i]);
		kept[i] = (uint32_t) end[i];
	}
	tree->end = kept;
	tree->n_end = n_end;
	return walk_string(b);
}

SlmStatus
slm_mask_tree_new(const SlmText *token, uint32_t n_token, const int32_t *end, uint32_t n_end,
				  const SlmHost *host, SlmArena *arena, SlmMaskTree **out, SlmError *err)
{
	Building b = {.text = token, .host = host, .arena = arena, .err = err};
	SlmStatus status;

	SLM_TRY(slm_arena_alloc(arena, sizeof(*b.tree), (void **) &b.tree, err));
	*b.tree = (SlmMaskTree){.n_token = n_token, .n_word = (n_token + 63) / 64};
	slm_arena_init(&b.scratch, host, SCRATCH_BYTES);
	status = build_tree(&b, end, n_end);
	slm_arena_trim(&b.scratch, 0);
	*out = b.tree;
	return status;
}

uint32_t
slm_mask_words(const SlmMaskTree *tree)
{
	return tree->n_word;
}

/* ---- States that have the same mask ------------------------------------------------------ */

/* A count that is as far from both limits as this one, as seen by a token. */
static uint32_t
nearest_count(uint32_t count, uint32_t min, uint32_t max, uint32_t reach)
{
	if (max - count <= reach)
		return count;
	if (count >= min)
		return min;
	return min - count > reach ? 0 : count;
}

static void
make_equal(const SlmMaskCache *cache, SlmGrammarThread *t)
{
	const SlmGrammar *g = cache->g;
	uint32_t reach = cache->tree->longest;
	const SlmGrammarValue *v = &g->value[t->value];

	if (t->phase == SLM_PHASE_DONE)
		return;
	if (v->kind == SLM_GRAMMAR_SCALAR && v->is_string)
		t->b = nearest_count(t->b, v->is_plain ? v->min : 0, v->max, reach + v->dfa->longest);
	for (uint16_t at = t->value; at != SLM_GRAMMAR_NOWHERE; at = g->value[at].parent)
		if (g->value[at].kind == SLM_GRAMMAR_ARRAY && g->value[at].n == 0)
			t->items[g->value[at].level] = (uint16_t) nearest_count(
				t->items[g->value[at].level], g->value[at].min, g->value[at].max, reach);
}

/* ---- Walks --------------------------------------------------------------------------------- */

static void
allow_node(SlmMaskCache *cache, uint32_t node)
{
	const SlmMaskTree *tree = cache->tree;

	for (uint32_t t = tree->node[node].first_token; t < tree->node[node + 1].first_token; t++)
		cache->mask[tree->token[t] >> 6] |= 1ULL << (tree->token[t] & 63);
}

/* Nodes first .. end-1, which stand below stack[depth of first - 1]. */
static SlmStatus
walk(SlmMaskCache *cache, uint32_t first, uint32_t end, SlmError *err)
{
	const MaskNode *node = cache->tree->node;

	for (uint32_t i = first; i < end;)
	{
		SlmGrammarState *state = &cache->stack[node[i].depth];

		SLM_TRY(visited(cache->host, &cache->visited, err));
		if (slm_grammar_next(cache->g, state - 1, node[i].byte, state))
			allow_node(cache, i++);
		else
			i = node[i].skip;
	}
	return SLM_OK;
}

/* All nodes below one thread inside a scalar: its automaton alone, as long as it goes on. */
static SlmStatus
walk_scalar(SlmMaskCache *cache, const SlmGrammarState *start, SlmError *err)
{
	/* in variables, as the compiler must think that a mask's words are anything */
	const SlmGrammarValue *v = &cache->g->value[start->thread[0].value];
	const SlmDfa *dfa = v->dfa;
	const uint16_t *next_state = dfa->next;
	const uint16_t *distance = dfa->distance;
	const uint8_t *flags = dfa->flags, *class_of = dfa->class_of;
	const MaskNode *node = cache->tree->node;
	const uint32_t *token = cache->tree->token;
	uint64_t *mask = cache->mask;
	Brief *brief = cache->brief;
	uint32_t n_node = cache->tree->n_node, n_class = dfa->n_class;
	uint32_t max = v->is_string ? v->max : UINT32_MAX;
	uint32_t poll_at = 0;

	brief[0] = (Brief){start->thread[0].a, start->thread[0].b};
	for (uint32_t i = 0; i < n_node;)
	{
		Brief before = brief[node[i].depth - 1];
		uint32_t next = next_state[before.state * n_class + class_of[node[i].byte]];

		if (i >= poll_at)
		{
			SLM_TRY(slm_poll(cache->host, err));
			poll_at = i + POLL_NODES;
		}
		if (next == SLM_DFA_NONE)
		{
			i = node[i].skip;
			continue;
		}
		if (SLM_UNLIKELY((flags[next] & SLM_DFA_ACCEPT) != 0))
		{
			/* what is behind the value too */
			SlmGrammarState *from = &cache->stack[node[i].depth - 1];

			slm_grammar_copy(from, start);
			from->thread[0].a = before.state;
			from->thread[0].b = before.chars;
			SLM_TRY(walk(cache, i, node[i].skip, err));
			i = node[i].skip;
			continue;
		}
		before.chars += (flags[before.state] & SLM_DFA_CHAR) != 0;
		if (before.chars + distance[next] > max)
		{
			i = node[i].skip;
			continue;
		}
		brief[node[i].depth] = (Brief){next, before.chars};
		for (uint32_t t = node[i].first_token; t < node[i + 1].first_token; t++)
			mask[token[t] >> 6] |= 1ULL << (token[t] & 63);
		i++;
	}
	return SLM_OK;
}

/* Between two characters of any string. */
static SlmStatus
mask_inside(SlmMaskCache *cache, const SlmGrammarState *state, SlmError *err)
{
	const SlmMaskTree *tree = cache->tree;
	const SlmGrammarThread *t = &state->thread[0];
	const SlmGrammarValue *v = &cache->g->value[t->value];
	uint32_t room = v->max - t->b;
	SlmGrammarState behind, at_end;

	memcpy(cache->mask, tree->inside, tree->n_word * sizeof(*cache->mask));
	if (room < tree->longest)
		for (uint32_t word = 0; word < tree->n_word; word++)
		{
			const uint8_t *chars = &tree->chars[word * 64];
			uint64_t fits = 0;

			for (uint32_t bit = 0; bit < 64; bit++)
				fits |= (uint64_t) (chars[bit] <= room) << bit;
			cache->mask[word] &= fits;
		}
	slm_grammar_copy(&at_end, state);
	at_end.thread[0].b = v->min;
	slm_grammar_next(cache->g, &at_end, '"', &behind);
	for (uint32_t i = 0; i < tree->n_exit; i++)
	{
		uint32_t node = tree->exit[i].node;

		if (tree->exit[i].chars > room || t->b + tree->exit[i].chars < v->min)
			continue;
		slm_grammar_copy(&cache->stack[tree->node[node].depth], &behind);
		allow_node(cache, node);
		SLM_TRY(walk(cache, node + 1, tree->node[node].skip, err));
	}
	return SLM_OK;
}

static SlmStatus
make_mask(SlmMaskCache *cache, const SlmGrammarState *state, SlmError *err)
{
	const SlmMaskTree *tree = cache->tree;
	const SlmGrammarValue *v = &cache->g->value[state->thread[0].value];
	bool is_scalar =
		state->n == 1 && state->thread[0].phase != SLM_PHASE_DONE && v->kind == SLM_GRAMMAR_SCALAR;

	if (is_scalar && v->is_plain && state->thread[0].a == cache->g->any_char)
		SLM_TRY(mask_inside(cache, state, err));
	else
	{
		memset(cache->mask, 0, tree->n_word * sizeof(*cache->mask));
		if (is_scalar)
			SLM_TRY(walk_scalar(cache, state, err));
		else
		{
			slm_grammar_copy(&cache->stack[0], state);
			SLM_TRY(walk(cache, 0, tree->n_node, err));
		}
	}
	if (slm_grammar_done(cache->g, state))
		for (uint32_t i = 0; i < tree->n_end; i++)
			cache->mask[tree->end[i] >> 6] |= 1ULL << (tree->end[i] & 63);
	return SLM_OK;
}

/* ---- The cache -------------------------------------------------------------------------------- */

SlmStatus
slm_mask_cache_new(const SlmMaskTree *tree, const SlmGrammar *g, size_t max_bytes,
				   const SlmHost *host, SlmArena *arena, SlmMaskCache **out, SlmError *err)
{
	size_t slot_bytes = sizeof(Slot) + tree->n_word * sizeof(uint64_t);
	size_t n_slot = max_bytes / slot_bytes;
	SlmMaskCache *cache;

	n_slot = n_slot < 2 ? 2 : n_slot > SLM_MAX_MASKS ? SLM_MAX_MASKS : n_slot;
	SLM_TRY(slm_arena_alloc(arena, sizeof(*cache), (void **) &cache, err));
	*cache = (SlmMaskCache){.tree = tree, .g = g, .host = host, .n_slot = (uint32_t) n_slot};
	SLM_TRY(SLM_NEW_ARRAY(arena, n_slot, &cache->slot, err));
	for (size_t i = 0; i < n_slot; i++)
	{
		cache->slot[i].used = 0;
		SLM_TRY(SLM_NEW_ARRAY(arena, tree->n_word, &cache->slot[i].mask, err));
	}
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_MAX_MASK_TOKEN_BYTES + 1, &cache->stack, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_MAX_MASK_TOKEN_BYTES + 1, &cache->brief, err));
	*out = cache;
	return SLM_OK;
}

void
slm_mask_cache_forget(SlmMaskCache *cache, const SlmVerbatim *input)
{
	for (uint32_t i = 0; i < cache->n_slot; i++)
		if (cache->slot[i].used != 0 && cache->slot[i].state.input == input)
			cache->slot[i].used = 0;
}

static uint64_t
hash_state(const SlmGrammarState *state)
{
	const uint8_t *bytes = (const uint8_t *) state->thread;
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < state->n * sizeof(state->thread[0]); i += sizeof(uint64_t))
	{
		uint64_t word;

		memcpy(&word, bytes + i, sizeof(word));
		hash = (hash ^ word) * 1099511628211ULL;
		hash ^= hash >> 29;
	}
	return hash;
}

SlmStatus
slm_token_mask(SlmMaskCache *cache, const SlmGrammarState *state, const uint64_t **mask,
			   SlmError *err)
{
	SlmGrammarState equal;
	Slot *oldest = &cache->slot[0];
	uint64_t hash;

	slm_grammar_copy(&equal, state);
	for (uint32_t i = 0; i < equal.n; i++)
		make_equal(cache, &equal.thread[i]);
	hash = hash_state(&equal);
	for (uint32_t i = 0; i < cache->n_slot; i++)
	{
		Slot *slot = &cache->slot[i];

		if (slot->used != 0 && slot->hash == hash && slot->state.input == equal.input &&
			slot->state.n == equal.n &&
			memcmp(slot->state.thread, equal.thread, equal.n * sizeof(equal.thread[0])) == 0)
		{
			slot->used = ++cache->clock;
			*mask = slot->mask;
			return SLM_OK;
		}
		if (slot->used < oldest->used)
			oldest = slot;
	}
	oldest->used = 0; /* until it is whole */
	cache->mask = oldest->mask;
	SLM_TRY(make_mask(cache, &equal, err));
	oldest->hash = hash;
	slm_grammar_copy(&oldest->state, &equal);
	oldest->used = ++cache->clock;
	*mask = oldest->mask;
	return SLM_OK;
}
