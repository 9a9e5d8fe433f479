/*
 * grapheme.c - extended grapheme clusters, UAX #29
 *
 * Rule numbers are those of the annex.  Reading forward needs three memories:
 * whether an odd number of regional indicators was read (GB12), whether a
 * pictograph and only extenders were (GB11), and how much of an Indic conjunct
 * was (GB9c).
 */
#include "tokenizer/grapheme.h"

#include <stdbool.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/unicode.h"

typedef struct Cluster
{
	SlmUnicodeBreak last;
	bool odd_regional;
	bool pictograph; /* a pictograph, then only extenders and joiners */
	bool consonant;  /* an Indic consonant, then only linkers and extenders */
	bool linker;     /* a linker among them */
} Cluster;

static bool
joins(const Cluster *cluster, uint32_t flags)
{
	SlmUnicodeBreak last = cluster->last;
	SlmUnicodeBreak next = SLM_UNICODE_BREAK(flags);

	if (last == SLM_BREAK_CR && next == SLM_BREAK_LF) /* GB3 */
		return true;
	if (last == SLM_BREAK_CR || last == SLM_BREAK_LF || last == SLM_BREAK_CONTROL ||
		next == SLM_BREAK_CR || next == SLM_BREAK_LF || next == SLM_BREAK_CONTROL) /* GB4, GB5 */
		return false;
	if (next == SLM_BREAK_EXTEND || next == SLM_BREAK_ZWJ || next == SLM_BREAK_SPACING_MARK ||
		last == SLM_BREAK_PREPEND) /* GB9, GB9a, GB9b */
		return true;
	switch (last)
	{
		case SLM_BREAK_L: /* GB6 */
			if (next == SLM_BREAK_L || next == SLM_BREAK_V || next == SLM_BREAK_LV ||
				next == SLM_BREAK_LVT)
				return true;
			break;
		case SLM_BREAK_LV: /* GB7 */
		case SLM_BREAK_V:
			if (next == SLM_BREAK_V || next == SLM_BREAK_T)
				return true;
			break;
		case SLM_BREAK_LVT: /* GB8 */
		case SLM_BREAK_T:
			if (next == SLM_BREAK_T)
				return true;
			break;
		case SLM_BREAK_ZWJ: /* GB11 */
			if (cluster->pictograph && next == SLM_BREAK_PICTOGRAPH)
				return true;
			break;
		case SLM_BREAK_REGIONAL: /* GB12 */
			if (cluster->odd_regional && next == SLM_BREAK_REGIONAL)
				return true;
			break;
		default:
			break;
	}
	return cluster->consonant && cluster->linker &&
		   SLM_UNICODE_CONJUNCT(flags) == SLM_CONJUNCT_CONSONANT; /* GB9c */
}

static void
remember(Cluster *cluster, uint32_t flags)
{
	SlmUnicodeBreak next = SLM_UNICODE_BREAK(flags);
	SlmUnicodeConjunct conjunct = SLM_UNICODE_CONJUNCT(flags);

	cluster->last = next;
	cluster->odd_regional = next == SLM_BREAK_REGIONAL && !cluster->odd_regional;
	cluster->pictograph =
		next == SLM_BREAK_PICTOGRAPH ||
		(cluster->pictograph && (next == SLM_BREAK_EXTEND || next == SLM_BREAK_ZWJ));
	if (conjunct == SLM_CONJUNCT_CONSONANT)
	{
		cluster->consonant = true;
		cluster->linker = false;
	}
	else if (conjunct == SLM_CONJUNCT_LINKER)
		cluster->linker = true;
	else if (conjunct == SLM_CONJUNCT_NONE)
		cluster->consonant = false;
}

SlmStatus
slm_grapheme_end(const uint8_t *text, uint32_t n, uint32_t at, const SlmHost *host, uint32_t *end,
				 SlmError *err)
{
	Cluster cluster = {.last = SLM_BREAK_OTHER};
	uint32_t next_poll = at + SLM_POLL_BYTES / 4;
	bool first = true;

	while (at < n)
	{
		uint32_t cp;
		int length = slm_utf8_decode(text + at, n - at, &cp);
		uint32_t flags = length > 0 ? slm_unicode(cp).flags : 0;

		if (!first && !joins(&cluster, flags))
			break;
		if (at >= next_poll)
		{
			SLM_TRY(slm_poll(host, err));
			next_poll = at + SLM_POLL_BYTES / 4;
		}
		remember(&cluster, flags);
		at += length > 0 ? (uint32_t) length : 1;
		first = false;
	}
	*end = at;
	return SLM_OK;
}
