/*
 * token_mask.h - which tokens of a vocabulary may follow in a grammar
 *
 * The tokens' bytes form a tree, made once for a vocabulary: nodes in preorder,
 * each with the node behind all below it, so that a walk is a loop, and all of it
 * is indexes, no pointers.  The mask of a state is what a walk of the tree with the
 * automaton reaches, and is kept by state.
 *
 * Most tokens may stand inside a string.  Which ones, how many characters each
 * begins there, and where tokens leave the string are found when the tree is made,
 * so that a state inside a string costs a copy and a walk of the few tokens that
 * leave it.  Before a state is looked up, counts of characters and items that are
 * further from their limits than a token is long are made equal, so that all places
 * inside a string share a mask.
 */
#ifndef SLM_TASK_TOKEN_MASK_H
#define SLM_TASK_TOKEN_MASK_H

#include "base/arena.h"
#include "base/host.h"
#include "base/text.h"
#include "task/grammar.h"

typedef struct SlmMaskTree SlmMaskTree;
typedef struct SlmMaskCache SlmMaskCache;

/*
 * The tree of token[0 .. n_token-1], whose bytes need not live on.  A token without
 * bytes (a control token) or of more than SLM_MAX_MASK_TOKEN_BYTES is never
 * allowed, but the n_end tokens of `end`, when the value is done.  Polls host.
 */
extern SlmStatus slm_mask_tree_new(const SlmText *token, uint32_t n_token, const int32_t *end,
								   uint32_t n_end, const SlmHost *host, SlmArena *arena,
								   SlmMaskTree **out, SlmError *err) SLM_MUST_CHECK;

/* Words of a mask: bit t % 64 of word t / 64 is token t's. */
extern uint32_t slm_mask_words(const SlmMaskTree *tree);

/* Masks of one grammar, at most max_bytes of them and at least two, all taken from the arena. */
extern SlmStatus slm_mask_cache_new(const SlmMaskTree *tree, const SlmGrammar *g, size_t max_bytes,
									const SlmHost *host, SlmArena *arena, SlmMaskCache **out,
									SlmError *err) SLM_MUST_CHECK;

/* Forgets the masks of an input: needed where another one comes to stand at its address. */
extern void slm_mask_cache_forget(SlmMaskCache *cache, const SlmVerbatim *input);

/* The mask of a state, valid until the next call.  Polls host. */
extern SlmStatus slm_token_mask(SlmMaskCache *cache, const SlmGrammarState *state,
								const uint64_t **mask, SlmError *err) SLM_MUST_CHECK;

static inline bool
slm_mask_has(const uint64_t *mask, uint32_t token)
{
	return (mask[token >> 6] >> (token & 63) & 1) != 0;
}

#endif
