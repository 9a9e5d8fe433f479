/*
 * candidates.c - values that are found by their form, before any score
 */
#include "task/candidates.h"

#include <math.h>

#include "base/ascii.h"
#include "task/decimal.h"

#define POLL_CANDIDATES 256
#define POLL_COMPARISONS 16384 /* of bytes */
#define BOOLEAN_WORD_BYTES 5   /* of the longest word that is one */

/* Where candidates are looked for. */
typedef struct Search
{
	const SlmSchema *schema;
	const SlmField *field;
	SlmText text;
	const SlmTokenWords *words;
	const SlmHost *host;
	SlmArena *arena;
	SlmCandidates *out;
} Search;

bool
slm_has_candidates(const SlmField *field)
{
	return field->kinds != 0 || field->n_choice > 0 || field->type == SLM_FIELD_BOOLEAN;
}

bool
slm_fits_length(const SlmField *field, SlmText text)
{
	uint32_t n = 0;

	/* a character has 1 to 4 bytes: most texts need no counting, and none much of it */
	if (text.size < field->min_length || text.size / 4 > field->max_length)
		return false;
	if (text.size / 4 >= field->min_length && text.size <= field->max_length)
		return true;
	for (size_t i = 0; i < text.size; i++)
		n += ((uint8_t) text.data[i] & 0xc0) != 0x80;
	return n >= field->min_length && n <= field->max_length;
}

static bool
fits_range(const SlmSchema *schema, const SlmField *field, SlmText number)
{
	SlmText minimum = slm_schema_text(schema, field->minimum);
	SlmText maximum = slm_schema_text(schema, field->maximum);

	return (minimum.size == 0 || slm_decimal_compare(number, minimum) >= 0) &&
		   (maximum.size == 0 || slm_decimal_compare(number, maximum) <= 0);
}

/* What a span of the text says as the field's value, copied to the arena; false: nothing. */
static SlmStatus
read_value(const Search *s, SlmText source, SlmText *out, bool *fits, SlmError *err)
{
	const SlmField *field = s->field;
	SlmNormal normal;
	char *copy;

	*out = source;
	if (field->normalized)
	{
		*fits = slm_normalize_value(field->value, source, s->schema->needs_offset, &normal);
		if (!*fits)
			return SLM_OK;
		*out = (SlmText){normal.data, normal.size};
	}
	*fits = field->type == SLM_FIELD_STRING    ? slm_fits_length(field, *out)
			: field->type == SLM_FIELD_BOOLEAN ? true
											   : fits_range(s->schema, field, *out);
	if (!*fits || !field->normalized)
		return SLM_OK;
	SLM_TRY(slm_arena_alloc(s->arena, normal.size, (void **) &copy, err));
	memcpy(copy, normal.data, normal.size);
	out->data = copy;
	return SLM_OK;
}

/* Adds a candidate at bytes start to end of the text. */
static void
add_candidate(const Search *s, SlmText text, size_t start, size_t end)
{
	int first = slm_token_words_at(s->words, (uint32_t) start);
	int last = slm_token_words_at(s->words, (uint32_t) end - 1);

	if (last == s->words->n || s->words->word[first].start > start ||
		s->words->word[last].start >= end)
		return; /* no token came of it */
	s->out->item[s->out->n++] = (SlmCandidate){
		.text = text,
		.start = (uint32_t) start,
		.end = (uint32_t) end,
		.first = first,
		.last = last,
		.score = -1.0f,
	};
}

static SlmStatus
find_by_kind(const Search *s, const SlmFound *found, size_t n, SlmError *err)
{
	SlmKinds kinds = s->field->kinds;
	size_t n_mine = 0;

	for (size_t i = 0; i < n; i++)
		n_mine += (kinds & SLM_KIND_SET(found[i].kind)) != 0;
	SLM_TRY(SLM_NEW_ARRAY(s->arena, n_mine, &s->out->item, err));
	for (size_t i = 0; i < n; i++)
	{
		SlmText source = {s->text.data + found[i].start, found[i].size};
		SlmText value;
		bool fits;

		if (i % POLL_CANDIDATES == 0)
			SLM_TRY(slm_poll(s->host, err));
		if ((kinds & SLM_KIND_SET(found[i].kind)) == 0)
			continue;
		SLM_TRY(read_value(s, source, &value, &fits, err));
		if (fits)
			add_candidate(s, value, found[i].start, found[i].start + found[i].size);
	}
	return SLM_OK;
}

static bool
is_separator(char c)
{
	return c == ' ' || c == '_' || c == '-' || c == '\t' || c == '\n' || c == '\r';
}

size_t
slm_spelled_here(SlmText text, SlmText value)
{
	size_t at = 0, i = 0;

	while (i < value.size)
	{
		if (at == text.size)
			return 0;
		if (is_separator(value.data[i]) && i > 0)
		{
			if (!is_separator(text.data[at]))
				return 0;
			while (at < text.size && is_separator(text.data[at]))
				at++;
			while (i < value.size && is_separator(value.data[i]))
				i++;
		}
		else if (slm_lower((uint8_t) text.data[at++]) != slm_lower((uint8_t) value.data[i++]))
			return 0;
	}
	return at;
}

/* Does a word of the text end at a byte? */
static bool
ends_word(const SlmTokenWords *words, size_t byte)
{
	int i = byte > 0 ? slm_token_words_at(words, (uint32_t) byte - 1) : words->n;

	return i < words->n && words->word[i].end == byte;
}

static SlmStatus
find_choices(const Search *s, SlmError *err)
{
	const SlmTokenWords *words = s->words;
	const SlmField *field = s->field;

	/* first they are counted, then kept */
	for (int pass = 0; pass < 2; pass++)
	{
		int n = 0;
		size_t n_compared = 0;

		for (int i = 0; i < words->n; i++)
		{
			size_t start = words->word[i].start;
			SlmText rest = {s->text.data + start, s->text.size - start};

			for (int j = 0; j < field->n_choice; j++)
			{
				SlmText value = slm_schema_choice(s->schema, field, j);
				size_t size = slm_spelled_here(rest, value);

				n_compared += 1 + value.size;
				if (n_compared >= POLL_COMPARISONS)
				{
					SLM_TRY(slm_poll(s->host, err));
					n_compared = 0;
				}
				if (size == 0 || !ends_word(words, start + size) || !slm_fits_length(field, value))
					continue;
				n++;
				if (pass == 1)
					add_candidate(s, value, start, start + size);
			}
		}
		if (pass == 0)
			SLM_TRY(SLM_NEW_ARRAY(s->arena, (size_t) n, &s->out->item, err));
	}
	return SLM_OK;
}

static SlmStatus
find_booleans(const Search *s, SlmError *err)
{
	const SlmTokenWords *words = s->words;

	SLM_TRY(SLM_NEW_ARRAY(s->arena, (size_t) words->n, &s->out->item, err));
	for (int i = 0; i < words->n; i++)
	{
		uint32_t start = words->word[i].start, end = words->word[i].end;
		SlmText value;
		bool fits;

		if (i % POLL_CANDIDATES == 0)
			SLM_TRY(slm_poll(s->host, err));
		if (end - start > BOOLEAN_WORD_BYTES)
			continue;
		SLM_TRY(read_value(s, (SlmText){s->text.data + start, end - start}, &value, &fits, err));
		if (fits)
			add_candidate(s, value, start, end);
	}
	return SLM_OK;
}

SlmStatus
slm_candidates_find(const SlmSchema *schema, const SlmField *field, SlmText text,
					const SlmTokenWords *words, const SlmFound *found, size_t n_found,
					const SlmHost *host, SlmArena *arena, SlmCandidates *out, SlmError *err)
{
	Search s = {schema, field, text, words, host, arena, out};

	*out = (SlmCandidates){NULL, 0, 0};
	if (field->n_choice > 0)
		return find_choices(&s, err);
	if (field->type == SLM_FIELD_BOOLEAN)
		return find_booleans(&s, err);
	return find_by_kind(&s, found, n_found, err);
}

void
slm_candidates_score(SlmCandidates *candidates, const SlmWordScores *scores)
{
	int end = scores->first_word + scores->n;

	while (candidates->next < candidates->n &&
		   candidates->item[candidates->next].first < scores->first_word)
		candidates->next++;
	for (int i = candidates->next; i < candidates->n && candidates->item[i].first < end; i++)
	{
		SlmCandidate *candidate = &candidates->item[i];

		if (candidate->last < end)
			candidate->score =
				fmaxf(candidate->score, slm_span_score(scores, candidate->first, candidate->last));
	}
}

const SlmCandidate *
slm_candidates_best(const SlmCandidates *candidates)
{
	const SlmCandidate *best = NULL;

	for (int i = 0; i < candidates->n; i++)
		if (best == NULL || candidates->item[i].score > best->score)
			best = &candidates->item[i];
	return best;
}

const SlmCandidate *
slm_candidates_of_span(const SlmCandidates *candidates, SlmSpan span)
{
	const SlmCandidate *best = NULL;
	int low = 0, high = candidates->n;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (candidates->item[middle].first < span.first)
			low = middle + 1;
		else
			high = middle;
	}
	for (int i = low; i < candidates->n && candidates->item[i].first == span.first; i++)
	{
		const SlmCandidate *candidate = &candidates->item[i];

		if (candidate->last == span.last && (best == NULL || candidate->score > best->score))
			best = candidate;
	}
	return best;
}
