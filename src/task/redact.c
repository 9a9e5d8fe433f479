/*
 * redact.c - a text without what identifies people and accounts
 *
 * What the scanners and the model have found is walked in the order of the
 * text, once to know the size of the answer and once to write it.
 */
#include "task/redact.h"

#include <stdlib.h>

#include "base/limits.h"

#define KIND_MARK "{kind}"

/* Two lists in ascending order of start, walked as one. */
typedef struct Walk
{
	const SlmFound *found;
	size_t n_found;
	const SlmPlace *place;
	size_t n_place;
} Walk;

/* ---- Masks ---- */

/* The piece of a mask at *at, which it steps over: literal bytes, or the kind's name. */
typedef struct MaskPiece
{
	SlmText literal;
	bool is_kind;
} MaskPiece;

/* False: a brace that stands for nothing. */
static bool
next_piece(SlmText mask, size_t *at, MaskPiece *piece)
{
	const char *start = mask.data + *at;
	size_t left = mask.size - *at;
	size_t n = 0;

	piece->is_kind = left >= strlen(KIND_MARK) && memcmp(start, KIND_MARK, strlen(KIND_MARK)) == 0;
	if (piece->is_kind)
	{
		*at += strlen(KIND_MARK);
		return true;
	}
	if (*start == '{' || *start == '}')
	{
		if (left < 2 || start[1] != *start)
			return false;
		piece->literal = (SlmText){start, 1};
		*at += 2;
		return true;
	}
	while (n < left && start[n] != '{' && start[n] != '}')
		n++;
	piece->literal = (SlmText){start, n};
	*at += n;
	return true;
}

SlmStatus
slm_task_check_mask(SlmText mask, SlmError *err)
{
	MaskPiece piece;

	for (size_t at = 0; at < mask.size;)
	{
		if (!next_piece(mask, &at, &piece))
		{
			slm_fail(err, SLM_ERR_ARGUMENT, "mask has an unknown placeholder at byte %zu", at);
			slm_error_hint(err, "The placeholder is {kind}; a brace is written as {{ or }}.");
			return SLM_ERR_ARGUMENT;
		}
	}
	return SLM_OK;
}

/* Bytes of the mask for a kind, written to out unless that is NULL. */
static size_t
write_mask(SlmText mask, SlmText kind, char *out)
{
	size_t size = 0;
	MaskPiece piece;

	for (size_t at = 0; at < mask.size && next_piece(mask, &at, &piece);)
	{
		SlmText text = piece.is_kind ? kind : piece.literal;

		if (out != NULL)
			memcpy(out + size, text.data, text.size);
		size += text.size;
	}
	return size;
}

/* ---- Spans ---- */

static int
compare_places(const void *a, const void *b)
{
	const SlmPlace *place_a = a;
	const SlmPlace *place_b = b;

	if (place_a->start != place_b->start)
		return place_a->start < place_b->start ? -1 : 1;
	if (place_a->size != place_b->size)
		return place_a->size > place_b->size ? -1 : 1;
	return slm_text_compare(place_a->kind, place_b->kind);
}

/* Takes the next span in the order of the text, a scanner's first; false at the end. */
static bool
next_span(Walk *walk, SlmPlace *span)
{
	if (walk->n_found > 0 && (walk->n_place == 0 || walk->found->start <= walk->place->start))
	{
		*span = (SlmPlace){slm_text(slm_kind_name(walk->found->kind)), walk->found->start,
						   walk->found->size};
		walk->found++;
		walk->n_found--;
		return true;
	}
	if (walk->n_place == 0)
		return false;
	*span = *walk->place;
	walk->place++;
	walk->n_place--;
	return true;
}

/*
 * The next stretch of overlapping spans: all they cover, with the kind of the
 * longest.  *next holds the span behind it, and *has_next whether there is one.
 */
static SlmPlace
next_stretch(Walk *walk, SlmPlace *next, bool *has_next)
{
	SlmPlace stretch = *next;
	size_t longest = next->size;

	while ((*has_next = next_span(walk, next)) && next->start < stretch.start + stretch.size)
	{
		size_t end = next->start + next->size;

		if (next->size > longest)
		{
			longest = next->size;
			stretch.kind = next->kind;
		}
		if (end > stretch.start + stretch.size)
			stretch.size = end - stretch.start;
	}
	return stretch;
}

/* Bytes of the answer, written to out unless that is NULL. */
static SlmStatus
write_answer(SlmText text, Walk walk, SlmText mask, const SlmHost *host, char *out, size_t *size,
			 SlmError *err)
{
	size_t kept = 0; /* bytes of text before this are done */
	size_t next_poll = 0;
	SlmPlace next;
	bool has_next = next_span(&walk, &next);

	*size = 0;
	while (has_next)
	{
		SlmPlace stretch = next_stretch(&walk, &next, &has_next);

		if (stretch.start >= next_poll)
		{
			SLM_TRY(slm_poll(host, err));
			next_poll = stretch.start + SLM_POLL_SCAN_BYTES;
		}
		if (out != NULL)
			memcpy(out + *size, text.data + kept, stretch.start - kept);
		*size += stretch.start - kept;
		*size += write_mask(mask, stretch.kind, out != NULL ? out + *size : NULL);
		kept = stretch.start + stretch.size;
	}
	if (out != NULL)
		memcpy(out + *size, text.data + kept, text.size - kept);
	*size += text.size - kept;
	return SLM_OK;
}

SlmStatus
slm_task_redact(SlmText text, SlmKinds kinds, SlmPlace *place, size_t n_place, SlmText mask,
				const SlmHost *host, SlmArena *arena, SlmText *out, SlmError *err)
{
	Walk walk = {.place = place, .n_place = n_place};
	SlmFound *found;
	char *answer;
	size_t size;

	SLM_TRY(slm_task_check_mask(mask, err));
	SLM_TRY(slm_scan(text, kinds, host, arena, &found, &walk.n_found, err));
	walk.found = found;
	*out = text;
	if (walk.n_found == 0 && n_place == 0)
		return SLM_OK;
	if (n_place > 0)
		qsort(place, n_place, sizeof(*place), compare_places);
	SLM_TRY(write_answer(text, walk, mask, host, NULL, &size, err));
	if (size > SLM_MAX_INPUT_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT, "redacted text has %zu bytes, more than %u", size,
						SLM_MAX_INPUT_BYTES);
	SLM_TRY(SLM_NEW_ARRAY(arena, size, &answer, err));
	SLM_TRY(write_answer(text, walk, mask, host, answer, &size, err));
	*out = (SlmText){answer, size};
	return SLM_OK;
}
