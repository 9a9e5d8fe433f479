/*
 * verbatim.c - strings of a grammar that stand in an input, character by character
 */
#include "task/verbatim_impl.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "task/grammar_impl.h"
#include "task/words.h"
#include "tokenizer/unicode.h"

#define NEVER UINT32_MAX

struct SlmVerbatim
{
	SlmText text;
	uint32_t *place; /* [n_place] byte offsets where a string may begin, by what follows */
	uint32_t n_place;
	uint32_t *chars;   /* [size + 1] characters that begin before each byte */
	uint32_t *char_at; /* [n_char + 1] byte offset of each character */
	uint32_t n_char;
	uint32_t *next_end; /* [size + 1] from there on, the first offset where one may end */
	uint32_t
		*next_stop; /* [size + 1] from there on, the first byte that JSON has no short escape for */
	const bool *possible; /* [n_value] of the grammar */
};

/* ---- Where strings may begin and end ------------------------------------------------- */

typedef enum CharRole
{
	ROLE_WHITE,
	ROLE_WORD, /* not cut from another one */
	ROLE_MARK, /* nor this one from what is before it */
	ROLE_OTHER
} CharRole;

static CharRole
role_of(uint32_t cp)
{
	uint32_t flags = slm_unicode(cp).flags;

	if (slm_char_is_white(cp) || cp < 0x20)
		return ROLE_WHITE;
	switch (SLM_UNICODE_BREAK(flags))
	{
		case SLM_BREAK_EXTEND:
		case SLM_BREAK_ZWJ:
		case SLM_BREAK_SPACING_MARK:
			return ROLE_MARK;
		default:
			break;
	}
	if ((flags & SLM_UNICODE_MARK) != 0)
		return ROLE_MARK;
	if ((flags & SLM_UNICODE_CJK) != 0 || (cp >= 0x3040 && cp <= 0x30ff))
		return ROLE_OTHER;
	return (flags & (SLM_UNICODE_LETTER | SLM_UNICODE_NUMBER)) != 0 ? ROLE_WORD : ROLE_OTHER;
}

static bool
may_cut(CharRole before, CharRole after)
{
	if (after == ROLE_MARK)
		return false;
	return after != ROLE_WORD || (before != ROLE_WORD && before != ROLE_MARK);
}

static bool
has_escape(uint8_t byte)
{
	return byte >= 0x20 || byte == '\b' || byte == '\f' || byte == '\n' || byte == '\r' ||
		   byte == '\t';
}

static SlmStatus
find_edges(SlmVerbatim *v, const SlmHost *host, SlmError *err)
{
	CharRole before = ROLE_WHITE;
	uint32_t end = NEVER, stop = NEVER;
	SlmCursor cursor;

	slm_cursor_init(&cursor, v->text, host);
	while (cursor.at < v->text.size)
	{
		uint32_t at = (uint32_t) cursor.at;
		CharRole role;
		uint32_t cp;

		SLM_TRY(slm_cursor_next(&cursor, &cp, err));
		role = role_of(cp);
		v->next_end[at] = before != ROLE_WHITE && may_cut(before, role) ? at : NEVER;
		for (size_t i = at + 1; i < cursor.at; i++)
			v->next_end[i] = NEVER;
		if (role != ROLE_WHITE && may_cut(before, role))
			v->place[v->n_place++] = at;
		for (size_t i = at; i < cursor.at; i++)
			v->chars[i] = v->n_char + (i > at);
		v->char_at[v->n_char++] = at;
		before = role;
	}
	v->chars[v->text.size] = v->n_char;
	v->char_at[v->n_char] = (uint32_t) v->text.size;
	v->next_end[v->text.size] = before != ROLE_WHITE ? (uint32_t) v->text.size : NEVER;
	for (size_t i = v->text.size + 1; i-- > 0;)
	{
		if (i < v->text.size && !has_escape((uint8_t) v->text.data[i]))
			stop = (uint32_t) i;
		if (v->next_end[i] != NEVER)
			end = v->next_end[i];
		v->next_end[i] = end;
		v->next_stop[i] = stop;
		if (i % SLM_POLL_BYTES == 0)
			SLM_TRY(slm_poll(host, err));
	}
	return SLM_OK;
}

/* ---- Sorting ---------------------------------------------------------------------------- */

static int
compare_places(const SlmVerbatim *v, uint32_t a, uint32_t b)
{
	SlmText x = {v->text.data + a, v->text.size - a};
	SlmText y = {v->text.data + b, v->text.size - b};

	if (x.size > SLM_MAX_VERBATIM_BYTES)
		x.size = SLM_MAX_VERBATIM_BYTES;
	if (y.size > SLM_MAX_VERBATIM_BYTES)
		y.size = SLM_MAX_VERBATIM_BYTES;
	return slm_text_compare(x, y);
}

/* Merge sort, which polls; places that are alike stay in the order of the text. */
static SlmStatus
sort_places(SlmVerbatim *v, uint32_t *other, const SlmHost *host, SlmError *err)
{
	uint64_t n = v->n_place;
	uint32_t *from = v->place, *to = other;
	uint32_t steps = 0;

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
				bool takes_left = left < middle &&
								  (right == end || compare_places(v, from[left], from[right]) <= 0);

				to[i] = takes_left ? from[left++] : from[right++];
				if (++steps % SLM_POLL_VERBATIM == 0)
					SLM_TRY(slm_poll(host, err));
			}
		}
		from = to;
		to = swap;
	}
	v->place = from;
	return SLM_OK;
}

/* ---- Places ----------------------------------------------------------------------------- */

SlmPlaces
slm_verbatim_all(const SlmVerbatim *input)
{
	return (SlmPlaces){0, input->n_place, 0};
}

/* The byte behind what a place has so far; -1 at the end of the text. */
static int
byte_behind(const SlmVerbatim *input, uint32_t place, uint32_t size)
{
	size_t at = (size_t) input->place[place] + size;

	return at < input->text.size ? (uint8_t) input->text.data[at] : -1;
}

/* The first place of lo .. hi-1 whose next byte is at least this. */
static uint32_t
first_place(const SlmVerbatim *input, uint32_t lo, uint32_t hi, uint32_t size, int byte)
{
	while (lo < hi)
	{
		uint32_t middle = lo + (hi - lo) / 2;

		if (byte_behind(input, middle, size) < byte)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

bool
slm_verbatim_narrow(const SlmVerbatim *input, SlmPlaces *places, uint8_t byte)
{
	if (places->size == SLM_MAX_VERBATIM_BYTES)
		return false;
	places->lo = first_place(input, places->lo, places->hi, places->size, byte);
	places->hi = first_place(input, places->lo, places->hi, places->size, byte + 1);
	places->size++;
	return places->lo < places->hi;
}

int
slm_verbatim_only(const SlmVerbatim *input, SlmPlaces places)
{
	int first, last;

	if (places.lo == places.hi)
		return -1;
	first = byte_behind(input, places.lo, places.size);
	last = byte_behind(input, places.hi - 1, places.size);
	return first == last ? first : -1;
}

/* The first end behind the bytes so far with at least min characters, NEVER if none in time. */
static uint32_t
find_end(const SlmVerbatim *v, uint32_t place, uint32_t size, uint32_t min, uint32_t max)
{
	uint32_t start = v->place[place];
	uint32_t at = start + (size > 0 ? size : 1);
	uint32_t first_char = v->chars[start];
	uint32_t end;

	if (min > v->n_char - first_char)
		return NEVER;
	if (v->char_at[first_char + min] > at)
		at = v->char_at[first_char + min];
	end = v->next_end[at];
	if (end == NEVER || end - start > SLM_MAX_VERBATIM_BYTES || v->next_stop[start] < end ||
		v->chars[end] - first_char > max)
		return NEVER;
	return end;
}

bool
slm_verbatim_ends(const SlmVerbatim *input, SlmPlaces places, uint32_t min, uint32_t max)
{
	if (places.size == 0)
		return min == 0;
	for (uint32_t i = places.lo; i < places.hi; i++)
		if (find_end(input, i, places.size, min, max) == input->place[i] + places.size)
			return true;
	return false;
}

bool
slm_verbatim_may_end(const SlmVerbatim *input, SlmPlaces places, uint32_t min, uint32_t max)
{
	if (places.size == 0 && min == 0)
		return true;
	for (uint32_t i = places.lo; i < places.hi; i++)
		if (find_end(input, i, places.size, min, max) != NEVER)
			return true;
	return false;
}

/* ---- The whole ---------------------------------------------------------------------------- */

bool
slm_verbatim_possible(const SlmVerbatim *input, uint32_t value)
{
	return input == NULL || input->possible[value];
}

/* Of a choice, whose values are known already, or of a value that is known. */
static bool
is_known_possible(const SlmGrammar *g, const bool *possible, uint32_t value)
{
	const SlmGrammarValue *of = &g->value[value];

	if (of->kind != SLM_GRAMMAR_CHOICE)
		return possible[value];
	for (uint32_t i = 0; i < of->n; i++)
		if (possible[g->alternative[of->first + i]])
			return true;
	return false;
}

static bool
find_possible(const SlmVerbatim *v, const SlmGrammar *g, const bool *possible, uint32_t value)
{
	const SlmGrammarValue *of = &g->value[value];

	switch (of->kind)
	{
		case SLM_GRAMMAR_OBJECT:
			for (uint32_t i = 0; i < of->n; i++)
				if (g->property[of->first + i].required &&
					!is_known_possible(g, possible, g->property[of->first + i].value))
					return false;
			return true;
		case SLM_GRAMMAR_ARRAY:
			for (uint32_t i = 0; i < of->min && i <= of->n; i++)
				if (!is_known_possible(g, possible, slm_grammar_item(g, of, i)))
					return false;
			return true;
		case SLM_GRAMMAR_VERBATIM:
			return slm_verbatim_may_end(v, slm_verbatim_all(v), of->min, of->max);
		default:
			return true;
	}
}

size_t
slm_verbatim_bytes(size_t text_size)
{
	const size_t n_array = 8; /* with the struct itself and `possible` */

	return sizeof(SlmVerbatim) + 6 * (text_size + 1) * sizeof(uint32_t) +
		   SLM_MAX_GRAMMAR_VALUES * sizeof(bool) + n_array * SLM_ARENA_ALIGN;
}

SlmStatus
slm_verbatim_new(const SlmGrammar *g, SlmText text, const SlmHost *host, SlmArena *arena,
				 SlmVerbatim **out, SlmError *err)
{
	SlmVerbatim *v;
	uint32_t *other;
	bool *possible;

	if (text.size > SLM_MAX_INPUT_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT, "text exceeds the limit of %u bytes",
						SLM_MAX_INPUT_BYTES);
	SLM_TRY(slm_arena_alloc(arena, sizeof(*v), (void **) &v, err));
	*v = (SlmVerbatim){.text = text};
	SLM_TRY(SLM_NEW_ARRAY(arena, text.size, &v->place, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, text.size, &other, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, text.size + 1, &v->chars, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, text.size + 1, &v->char_at, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, text.size + 1, &v->next_end, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, text.size + 1, &v->next_stop, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, g->n_value, &possible, err));
	SLM_TRY(find_edges(v, host, err));
	SLM_TRY(sort_places(v, other, host, err));
	/* values have a number below those inside of them; choices are told from theirs */
	for (uint32_t i = g->n_value; i-- > 0;)
	{
		possible[i] = find_possible(v, g, possible, i);
		SLM_TRY(slm_poll(host, err));
	}
	for (uint32_t i = 0; i < g->n_value; i++)
		possible[i] = is_known_possible(g, possible, i);
	v->possible = possible;
	if (!possible[g->root])
		return slm_fail(err, SLM_ERR_NO_VALUE, "text has no string that the schema requires");
	*out = v;
	return SLM_OK;
}

size_t
slm_verbatim_find(const SlmVerbatim *input, SlmText value, size_t *start, size_t room)
{
	SlmPlaces places = slm_verbatim_all(input);
	size_t n = 0;

	if (value.size == 0)
		return 0;
	for (size_t i = 0; i < value.size; i++)
		if (!slm_verbatim_narrow(input, &places, (uint8_t) value.data[i]))
			return 0;
	for (uint32_t i = places.lo; i < places.hi; i++)
	{
		size_t at = input->place[i];
		size_t to;

		if (input->next_end[at + value.size] != at + value.size)
			continue;
		/* the smallest ones, in order */
		for (to = n < room ? n : room; to > 0 && start[to - 1] > at; to--)
			if (to < room)
				start[to] = start[to - 1];
		if (to < room)
			start[to] = at;
		n++;
	}
	return n;
}

bool
slm_verbatim_is_whole(const SlmVerbatim *input, size_t start, size_t end)
{
	SlmText text = input->text;
	uint32_t before = 0, first = 0;
	size_t at = start;

	if (start >= end || end > text.size || input->next_end[end] != end)
		return false;
	if (slm_utf8_decode((const uint8_t *) text.data + start, text.size - start, &first) == 0)
		return false;
	if (start == 0)
		return role_of(first) != ROLE_WHITE && may_cut(ROLE_WHITE, role_of(first));
	do
		at--;
	while (at > 0 && ((uint8_t) text.data[at] & 0xc0) == 0x80);
	if (slm_utf8_decode((const uint8_t *) text.data + at, text.size - at, &before) == 0)
		return false;
	return role_of(first) != ROLE_WHITE && may_cut(role_of(before), role_of(first));
}
