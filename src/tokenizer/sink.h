/*
 * sink.h - where the algorithms put their tokens
 *
 * Grows by doubling in the arena; keeps the promise of SlmTokens that offsets
 * never decrease, also where normalization reordered characters.
 */
#ifndef SLM_TOKENIZER_SINK_H
#define SLM_TOKENIZER_SINK_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "tokenizer/tokenizer.h"

typedef struct SlmTokenSink
{
	SlmTokens tokens;
	int32_t capacity;
	SlmArena *arena;
} SlmTokenSink;

/* expected: a guess of the number of tokens. */
extern SlmStatus slm_sink_init(SlmTokenSink *sink, size_t expected, SlmArena *arena,
							   SlmError *err) SLM_MUST_CHECK;

/*
 * memcpy() with polls: memory that is touched for the first time costs a page
 * fault each 4 kB, 10 ms for 20 MB.
 */
extern SlmStatus slm_copy_polled(const SlmHost *host, void *to, const void *from, size_t n,
								 SlmError *err) SLM_MUST_CHECK;

/* Makes room for at least one more token. */
extern SlmStatus slm_sink_grow(SlmTokenSink *sink, SlmError *err) SLM_MUST_CHECK;

static inline SlmStatus
slm_sink_put(SlmTokenSink *sink, int32_t id, uint32_t start, uint32_t end, SlmError *err)
{
	SlmTokens *tokens = &sink->tokens;
	int32_t n = tokens->n;

	if (SLM_UNLIKELY(n == sink->capacity))
		SLM_TRY(slm_sink_grow(sink, err));
	if (n > 0)
	{
		if (SLM_UNLIKELY(start < tokens->start[n - 1]))
			start = tokens->start[n - 1];
		if (SLM_UNLIKELY(end < tokens->end[n - 1]))
			end = tokens->end[n - 1];
	}
	tokens->id[n] = id;
	tokens->start[n] = start;
	tokens->end[n] = end;
	tokens->n = n + 1;
	return SLM_OK;
}

#endif
