/*
 * source.h - what a model of two stacks reads before it writes
 *
 * A sequence of such a model begins with its source: tokens up to the first end
 * token, which one stack reads, all at once.  What follows the other one writes
 * behind a start token of its own.  Sequences keep their sources' tokens, and the keys
 * and values that the writing stack makes of them.
 *
 * A place in a sequence is a number of tokens, those of the source among them.
 */
#ifndef SLM_ENGINE_SOURCE_H
#define SLM_ENGINE_SOURCE_H

#include "engine/slm.h"
#include "model/forward.h"

typedef struct SlmSources SlmSources;

/* n_sequence empty sources of at most n_token tokens, in run->arena. */
extern SlmStatus slm_sources_new(SlmRun *run, int n_sequence, int n_token, SlmSources **out,
								 SlmError *err) SLM_MUST_CHECK;

/* Sees to it that the arena has what reading a source of any length needs, as slm_decoder_try() does. */
extern SlmStatus slm_sources_try(SlmSources *sources, SlmError *err) SLM_MUST_CHECK;

/* Would tokens behind the first `past` change what a sequence reads? */
extern bool slm_sources_open(const SlmSources *sources, int sequence, int past);

/*
 * Takes those of n tokens behind the first `past` that the source goes on with, and
 * says how many.  With the end token among them it is complete.
 */
extern int slm_sources_take(SlmSources *sources, int sequence, int past, const int32_t *token,
							int n);

/* Is a source complete?  Then: its tokens. */
extern bool slm_sources_complete(const SlmSources *sources, int sequence);
extern int slm_sources_length(const SlmSources *sources, int sequence);

/* Reads the sources that are complete and have not been read. */
extern SlmStatus slm_sources_read(SlmSources *sources, SlmError *err) SLM_MUST_CHECK;

/* What a source that has been read has come to; the shape of all of them. */
extern void *slm_sources_block(const SlmSources *sources, int sequence);
extern SlmKvShape slm_sources_shape(const SlmSources *sources);

/* Source `to` becomes the first n tokens of `from`. */
extern SlmStatus slm_sources_share(SlmSources *sources, int from, int to, int n,
								   SlmError *err) SLM_MUST_CHECK;

#endif
