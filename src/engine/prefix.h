/*
 * prefix.h - beginnings of prompts that a decoder has read, kept for those that begin alike
 *
 * What a prompt's first tokens come to depends on them alone, so it may be copied
 * instead of computed: an instruction, labels or a schema are read once for all
 * rows of a statement.  The bits are the same with and without.
 *
 * Nobody says where a prompt's own part begins.  The last prompts are remembered
 * as tokens; what a prompt has in common with one of them is worth keeping.  A
 * longer beginning takes the place of those that it goes on from, for it serves
 * their prompts as well; beyond max_bytes the one used longest ago goes.
 *
 * Each belongs to an owner, some bytes that name a model and whoever may see what
 * the prompts say (SlmRun.owner): nothing that one owner leaves is found by another.
 */
#ifndef SLM_ENGINE_PREFIX_H
#define SLM_ENGINE_PREFIX_H

#include "engine/decode.h"

#define SLM_PREFIXES 16
#define SLM_PREFIX_TOKENS 16      /* fewer are not worth it */
#define SLM_RECENT_PROMPTS 8      /* as many calls may take turns on a row */
#define SLM_RECENT_TOKENS 2048    /* of a prompt that are remembered */
#define SLM_PREFIX_OWNER_BYTES 64 /* at most; a longer owner keeps nothing */

typedef struct SlmPrefix
{
	uint64_t used; /* the clock at the last use; 0: free */
	char owner[SLM_PREFIX_OWNER_BYTES];
	size_t owner_size;
	int32_t *id; /* [n] with what they come to behind them, in one allocation */
	int n;
	bool of_long; /* of a sequence that is long */
	void *saved;
	size_t n_byte;
} SlmPrefix;

/* A prompt's tokens, without what they come to. */
typedef struct SlmRecentPrompt
{
	char owner[SLM_PREFIX_OWNER_BYTES];
	size_t owner_size;
	int32_t id[SLM_RECENT_TOKENS];
	int n; /* 0: none */
} SlmRecentPrompt;

/* All that a process keeps; zeros but for the host at the start. */
struct SlmPrefixes
{
	const SlmHost *host;
	size_t max_bytes; /* see slm_prefixes_limit() */
	size_t n_byte;
	uint64_t clock;
	SlmPrefix prefix[SLM_PREFIXES];
	SlmRecentPrompt recent[SLM_RECENT_PROMPTS]; /* a ring */
	int next_recent;
};

/* From now on at most so much memory is held; 0: none is. */
extern void slm_prefixes_limit(SlmPrefixes *prefixes, size_t max_bytes);

/*
 * A sequence that is empty or holds the beginning of a prompt becomes its longest kept
 * beginning, where that is longer, of fewer than n tokens: the last one is left to be
 * read for what follows it.
 */
extern SlmStatus slm_prefix_restore(SlmDecoder *decoder, int sequence, const int32_t *id, int n,
									SlmError *err) SLM_MUST_CHECK;

/*
 * Tokens that a prompt has in common with one of the last ones, fewer than n; it
 * is one of them from now on.
 */
extern int slm_prefix_common(SlmRun *run, const int32_t *id, int n);

/*
 * Keeps a sequence's first n tokens, which are id, where that is worth it and there
 * is memory.  Polls: what a broken image gave is not kept.
 */
extern SlmStatus slm_prefix_keep(SlmDecoder *decoder, int sequence, const int32_t *id, int n,
								 SlmError *err) SLM_MUST_CHECK;

#endif
