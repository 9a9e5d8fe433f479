/*
 * stats.h - counters behind the view slm_stat_calls
 */
#ifndef SLM_PG_STATS_H
#define SLM_PG_STATS_H

#include "pg/model_ref.h"

/* The SQL functions that are counted, in the view by their SQL name. */
typedef enum SlmVerb
{
	SLM_VERB_EMBED = 0,
	SLM_VERB_SIMILARITY,
	SLM_VERB_RANK,
	SLM_VERB_CLASSIFY,
	SLM_VERB_CLASSIFY_SCORES,
	SLM_VERB_CLASSIFY_MULTI,
	SLM_VERB_FILTER,
	SLM_VERB_EXTRACT,
	SLM_VERB_EXTRACT_SPANS,
	SLM_VERB_REDACT,
	SLM_VERB_COUNT_TOKENS,
	SLM_VERB_CHUNK,
	SLM_VERB_SUMMARIZE,
	SLM_VERB_SUMMARIZE_AGG,
	SLM_VERB_GENERATE,
	SLM_VERB_TRAIN_CLASSIFIER,
	SLM_VERB_COUNT
} SlmVerb;

extern const char *const slm_verb_name[SLM_VERB_COUNT]; /* "slm_embed", ... */

typedef struct SlmCallCounts
{
	uint64 calls;
	uint64 rows;
	uint64 nulls; /* rows answered NULL by on_error or min_confidence */
	uint64 errors;
	uint64 cancels;
	uint64 tokens_in;
	uint64 tokens_out; /* written by a decoder */
	uint64 inference_us;
	uint64 memo_hits;   /* answers taken from what the backend remembers */
	uint64 tokens_kept; /* of beginnings of prompts, taken from there, too */
} SlmCallCounts;

/*
 * Adds counts to the row (role, database, verb, model).  Cheap, never fails,
 * never allocates: when shared memory could not be had or the table is full
 * they go to the "other" row or nowhere.
 */
extern void slm_stat_add(SlmVerb verb, const SlmModelRef *ref, const SlmCallCounts *counts);

/* From _PG_init: hooks when preloaded, nothing otherwise. */
extern void slm_stat_init(void);

#endif
