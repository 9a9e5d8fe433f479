/*
 * nfc.c - canonical composition (NFC) of a text
 *
 * A character that is a starter, and that composition neither changes nor joins
 * to the one before, is a place to cut at.  What lies between two such places and
 * holds any other character is decomposed, put into canonical order and composed.
 */
#include "tokenizer/nfc.h"

#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/sink.h"
#include "tokenizer/unicode.h"

#define POLL_CHARS (SLM_POLL_BYTES / 8)
#define SHORT_RUN 16 /* combining characters that are sorted one by one */
#define N_CLASSES 256

typedef struct Char
{
	uint32_t cp;
	uint32_t combining;
} Char;

typedef struct Composer
{
	const uint8_t *source;
	uint32_t n_source;
	const SlmHost *host;
	SlmArena *arena;
	SlmError *err;
	uint32_t work; /* characters since the last poll */

	Char *part; /* [2 * capacity] of the stretch at hand, and as much to sort in */
	uint32_t n_part, capacity;

	uint8_t *text; /* [text_capacity] composed so far; NULL: it is the source so far */
	uint32_t n, text_capacity;
	uint32_t copied; /* bytes of the source that are in it */
	SlmNfcEdit *edit;
	uint32_t n_edit, edit_capacity;
} Composer;

static SlmStatus
worked(Composer *c)
{
	if (++c->work < POLL_CHARS)
		return SLM_OK;
	c->work = 0;
	return slm_poll(c->host, c->err);
}

/* The character at at, which takes length bytes. */
static Char
char_at(const Composer *c, uint32_t at, uint32_t *flags, uint32_t *length)
{
	SlmUnicode unicode;
	uint32_t cp;
	int decoded = slm_utf8_decode(c->source + at, c->n_source - at, &cp);

	*length = decoded > 0 ? (uint32_t) decoded : 1;
	if (decoded == 0)
		cp = c->source[at];
	unicode = slm_unicode(cp);
	*flags = unicode.flags;
	return (Char){cp, unicode.combining};
}

/*
 * Finds the next stretch that may change, from at on, which is a place to cut at;
 * *start is the end of the text when there is none.
 */
static SlmStatus
find_stretch(Composer *c, uint32_t at, uint32_t *start, uint32_t *end)
{
	bool inside = false;
	uint32_t flags, length;

	*start = at;
	for (; at < c->n_source; at += length)
	{
		bool cuts = true;

		length = 1;
		if (c->source[at] >= 0x80)
		{
			Char one = char_at(c, at, &flags, &length);

			cuts = one.combining == 0 && (flags & SLM_UNICODE_COMPOSES) == 0;
		}
		SLM_TRY(worked(c));
		if (cuts && inside)
			break;
		if (cuts)
			*start = at;
		inside |= !cuts;
	}
	*end = at;
	if (!inside)
		*start = at;
	return SLM_OK;
}

static SlmStatus
copy(Composer *c, void *to, const void *from, size_t n)
{
	if (n > SLM_POLL_BYTES)
		return slm_copy_polled(c->host, to, from, n, c->err);
	if (n > 0)
		memcpy(to, from, n);
	return SLM_OK;
}

/* A larger array with what the old one holds; *capacity items of size bytes, at least need. */
static SlmStatus
grow(Composer *c, void **array, uint32_t n, uint32_t *capacity, uint32_t need, size_t size)
{
	uint64_t larger = *capacity > 0 ? *capacity : 64;
	void *to;

	if (need <= *capacity)
		return SLM_OK;
	while (larger < need)
		larger *= 2;
	SLM_TRY(slm_arena_alloc_array(c->arena, (size_t) larger, size, &to, c->err));
	SLM_TRY(copy(c, to, *array, n * size));
	*array = to;
	*capacity = (uint32_t) larger;
	return SLM_OK;
}

/* Sorts a run of combining characters by their classes, equal ones as they stand. */
static SlmStatus
sort_run(Composer *c, uint32_t from, uint32_t to)
{
	uint32_t count[N_CLASSES + 1] = {0};
	Char *part = c->part, *sorted = c->part + c->capacity / 2;

	if (to - from <= SHORT_RUN)
	{
		for (uint32_t i = from + 1; i < to; i++)
		{
			Char one = part[i];
			uint32_t at = i;

			for (; at > from && part[at - 1].combining > one.combining; at--)
				part[at] = part[at - 1];
			part[at] = one;
		}
		return SLM_OK;
	}
	for (uint32_t i = from; i < to; i++)
	{
		SLM_TRY(worked(c));
		count[part[i].combining + 1]++;
	}
	for (int i = 0; i < N_CLASSES; i++)
		count[i + 1] += count[i];
	for (uint32_t i = from; i < to; i++)
	{
		SLM_TRY(worked(c));
		sorted[count[part[i].combining]++] = part[i];
	}
	return copy(c, part + from, sorted, (to - from) * sizeof(*part));
}

/* Puts source[start..end) into c->part, decomposed and in canonical order. */
static SlmStatus
decompose(Composer *c, uint32_t start, uint32_t end)
{
	uint32_t run = 0; /* where the last run of combining characters starts */

	c->n_part = 0;
	for (uint32_t at = start, length; at < end; at += length)
	{
		uint32_t parts[SLM_UNICODE_MAX_PARTS];
		uint32_t flags;
		Char one = char_at(c, at, &flags, &length);
		int n = slm_unicode_decompose(one.cp, flags, parts);

		SLM_TRY(worked(c));
		if (c->n_part + SLM_UNICODE_MAX_PARTS > c->capacity / 2)
			SLM_TRY(grow(c, (void **) &c->part, c->n_part, &c->capacity,
						 2 * (c->n_part + SLM_UNICODE_MAX_PARTS), sizeof(*c->part)));
		for (int i = 0; i < n; i++)
		{
			Char part = {parts[i], slm_unicode(parts[i]).combining};

			if (part.combining == 0)
			{
				SLM_TRY(sort_run(c, run, c->n_part));
				run = c->n_part + 1;
			}
			c->part[c->n_part++] = part;
		}
	}
	return sort_run(c, run, c->n_part);
}

/* Composes c->part in place. */
static SlmStatus
compose(Composer *c)
{
	Char *part = c->part;
	Char *starter = NULL;
	uint32_t last = 0; /* class of the character behind which this one would be put */
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_part; i++)
	{
		Char one = part[i];
		uint32_t both = 0;

		SLM_TRY(worked(c));
		/* what has the same class stands in its way, and between two starters anything does */
		if (starter != NULL && (&part[n] == starter + 1 || (last != 0 && last < one.combining)))
			both = slm_unicode_compose(starter->cp, one.cp);
		if (both != 0)
		{
			starter->cp = both;
			continue;
		}
		part[n] = one;
		if (one.combining == 0)
			starter = &part[n];
		last = one.combining;
		n++;
	}
	c->n_part = n;
	return SLM_OK;
}

static SlmStatus
put_bytes(Composer *c, const uint8_t *bytes, uint32_t n)
{
	SLM_TRY(grow(c, (void **) &c->text, c->n, &c->text_capacity, c->n + n, 1));
	SLM_TRY(copy(c, c->text + c->n, bytes, n));
	c->n += n;
	return SLM_OK;
}

/*
 * Steps over what c->part has in common with the source's stretch: *start is where
 * they differ, and *first the character there; *start is end when they do not.
 */
static SlmStatus
skip_common(Composer *c, uint32_t *start, uint32_t end, uint32_t *first)
{
	for (*first = 0; *first < c->n_part; (*first)++)
	{
		uint8_t bytes[4];
		uint32_t n = (uint32_t) slm_utf8_encode(c->part[*first].cp, bytes);

		SLM_TRY(worked(c));
		if (n > end - *start || memcmp(c->source + *start, bytes, n) != 0)
			break;
		*start += n;
	}
	return SLM_OK;
}

/* Puts characters [first..] of c->part in place of the source's [start..end). */
static SlmStatus
put_edit(Composer *c, uint32_t start, uint32_t end, uint32_t first)
{
	SlmNfcEdit edit = {.source_start = start, .source_end = end};

	SLM_TRY(put_bytes(c, c->source + c->copied, start - c->copied));
	edit.start = c->n;
	for (uint32_t i = first; i < c->n_part; i++)
	{
		uint8_t bytes[4];
		uint32_t n = (uint32_t) slm_utf8_encode(c->part[i].cp, bytes);

		SLM_TRY(put_bytes(c, bytes, n));
		SLM_TRY(worked(c));
	}
	edit.end = c->n;
	c->copied = end;
	SLM_TRY(
		grow(c, (void **) &c->edit, c->n_edit, &c->edit_capacity, c->n_edit + 1, sizeof(*c->edit)));
	c->edit[c->n_edit++] = edit;
	return SLM_OK;
}

SlmStatus
slm_nfc(const uint8_t *text, uint32_t n, const SlmHost *host, SlmArena *arena, SlmNfc *out,
		SlmError *err)
{
	Composer c = {.source = text, .n_source = n, .host = host, .arena = arena, .err = err};
	uint32_t start, end = 0, first;

	while (end < n)
	{
		SLM_TRY(find_stretch(&c, end, &start, &end));
		if (start == end)
			break; /* nothing is left that might change */
		SLM_TRY(decompose(&c, start, end));
		SLM_TRY(compose(&c));
		SLM_TRY(skip_common(&c, &start, end, &first));
		if (start < end)
			SLM_TRY(put_edit(&c, start, end, first));
	}
	*out = (SlmNfc){.text = text, .n = n, .edit = c.edit, .n_edit = c.n_edit};
	if (c.n_edit == 0)
		return SLM_OK;
	SLM_TRY(put_bytes(&c, text + c.copied, n - c.copied));
	out->text = c.text;
	out->n = c.n;
	return SLM_OK;
}

/* The byte of the source that an unchanged byte is, which stands before edit [edit]. */
static uint32_t
unchanged(const SlmNfc *nfc, uint32_t at, uint32_t edit)
{
	if (edit == 0)
		return at;
	return at - nfc->edit[edit - 1].end + nfc->edit[edit - 1].source_end;
}

uint32_t
slm_nfc_start(const SlmNfc *nfc, uint32_t at, uint32_t *edit)
{
	while (*edit < nfc->n_edit && nfc->edit[*edit].end <= at)
		(*edit)++;
	if (*edit < nfc->n_edit && nfc->edit[*edit].start <= at)
		return nfc->edit[*edit].source_start;
	return unchanged(nfc, at, *edit);
}

uint32_t
slm_nfc_end(const SlmNfc *nfc, uint32_t at, uint32_t *edit)
{
	while (*edit < nfc->n_edit && nfc->edit[*edit].end < at)
		(*edit)++;
	if (*edit < nfc->n_edit && nfc->edit[*edit].start < at)
		return nfc->edit[*edit].source_end;
	return unchanged(nfc, at, *edit);
}
