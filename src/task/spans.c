/*
 * spans.c - from scores of words to spans
 */
#include "task/spans.h"

#include <string.h>

#define BLOCK_SPANS 256
#define POLL_SPANS 2048

struct SlmSpanBlock
{
	SlmSpanBlock *next;
	int n;
	SlmSpan span[BLOCK_SPANS];
};

static float
least(float a, float b)
{
	return a < b ? a : b;
}

float
slm_span_score(const SlmWordScores *scores, int first, int last)
{
	float sum = 0.0f;

	first -= scores->first_word;
	last -= scores->first_word;
	for (int i = first; i <= last; i++)
		sum += scores->inside[i];
	return least(least(scores->start[first], scores->end[last]), sum / (float) (last - first + 1));
}

/* What is done with the spans of search(). */
typedef struct Search
{
	SlmSpanFits *fits;
	const void *arg;
	float floor; /* scores below are of no interest */
	SlmSpan *best;
	SlmSpanList *list;
	SlmArena *arena;
} Search;

/* Meets every span that may matter, in the order of the text. */
static SlmStatus
search(const SlmWordScores *scores, Search *s, SlmError *err)
{
	for (int i = 0; i < scores->n; i++)
	{
		float sum = 0.0f;

		if (!(scores->start[i] >= s->floor))
			continue;
		for (int j = i; j < scores->n && j < i + SLM_SPAN_WORDS; j++)
		{
			SlmSpan span = {scores->first_word + i, scores->first_word + j, 0.0f};

			sum += scores->inside[j];
			if (scores->last != NULL && scores->last[i] != j)
				continue;
			span.score = least(least(scores->start[i], scores->end[j]), sum / (float) (j - i + 1));
			if (!(span.score >= s->floor))
				continue;
			if (s->best != NULL && !(span.score > s->best->score))
				continue;
			if (s->fits != NULL && !s->fits(s->arg, span.first, span.last))
				continue;
			if (s->list != NULL)
				SLM_TRY(slm_spans_add(s->list, span, s->arena, err));
			else
			{
				*s->best = span;
				s->floor = span.score;
			}
		}
	}
	return SLM_OK;
}

void
slm_spans_best(const SlmWordScores *scores, SlmSpanFits *fits, const void *arg, SlmSpan *best)
{
	Search s = {.fits = fits, .arg = arg, .floor = best->score, .best = best};

	(void) search(scores, &s, NULL);
}

SlmStatus
slm_spans_collect(const SlmWordScores *scores, float threshold, SlmSpanFits *fits, const void *arg,
				  SlmArena *arena, SlmSpanList *list, SlmError *err)
{
	Search s = {.fits = fits, .arg = arg, .floor = threshold, .list = list, .arena = arena};

	return search(scores, &s, err);
}

SlmStatus
slm_spans_add(SlmSpanList *list, SlmSpan span, SlmArena *arena, SlmError *err)
{
	if (list->block == NULL || list->block->n == BLOCK_SPANS)
	{
		SlmSpanBlock *block;

		SLM_TRY(slm_arena_alloc(arena, sizeof(*block), (void **) &block, err));
		block->next = list->block;
		block->n = 0;
		list->block = block;
	}
	list->block->span[list->block->n++] = span;
	list->n++;
	return SLM_OK;
}

/* Does a come before b when spans are taken? */
static bool
goes_first(const SlmSpan *a, const SlmSpan *b)
{
	if (a->score != b->score)
		return a->score > b->score;
	if (a->first != b->first)
		return a->first < b->first;
	return a->last < b->last;
}

/* Lets the span at a heap's node down to where it belongs. */
static void
sift_down(SlmSpan *heap, size_t n, size_t at)
{
	SlmSpan span = heap[at];

	for (;;)
	{
		size_t child = 2 * at + 1;

		if (child + 1 < n && goes_first(&heap[child + 1], &heap[child]))
			child++;
		if (child >= n || !goes_first(&heap[child], &span))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = span;
}

/* Takes a span unless one of its words is taken; owner of a word: number of its span, from 1. */
static bool
take(int32_t *owner, const SlmSpan *span, int number)
{
	for (int i = span->first; i <= span->last; i++)
		if (owner[i] != 0)
			return false;
	for (int i = span->first; i <= span->last; i++)
		owner[i] = number;
	return true;
}

SlmStatus
slm_spans_choose(const SlmSpanList *list, int n_word, size_t max, const SlmHost *host,
				 SlmArena *arena, SlmSpan **out, int *n_out, SlmError *err)
{
	/* no two of those chosen share a word */
	size_t most = list->n < (size_t) n_word ? list->n : (size_t) n_word;
	size_t n = 0;
	SlmSpan *heap, *chosen;
	int32_t *owner;
	int n_chosen = 0;

	SLM_TRY(SLM_NEW_ARRAY(arena, list->n, &heap, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n_word, &owner, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, most, &chosen, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, most, out, err));
	memset(owner, 0, (size_t) n_word * sizeof(*owner));
	for (const SlmSpanBlock *block = list->block; block != NULL; block = block->next)
	{
		memcpy(heap + n, block->span, (size_t) block->n * sizeof(*heap));
		n += (size_t) block->n;
	}
	for (size_t i = n / 2; i-- > 0;)
	{
		if (i % POLL_SPANS == 0)
			SLM_TRY(slm_poll(host, err));
		sift_down(heap, n, i);
	}
	while (n > 0 && (size_t) n_chosen < max)
	{
		if (n % POLL_SPANS == 0)
			SLM_TRY(slm_poll(host, err));
		if (take(owner, &heap[0], n_chosen + 1))
			chosen[n_chosen++] = heap[0];
		heap[0] = heap[--n];
		sift_down(heap, n, 0);
	}
	*n_out = 0;
	for (int i = 0; i < n_word; i++)
		if (owner[i] != 0 && chosen[owner[i] - 1].first == i)
			(*out)[(*n_out)++] = chosen[owner[i] - 1];
	return SLM_OK;
}
