/*
 * grammar_nfa.c - automata of scalars: built with choices, then made deterministic
 *
 * The subset construction, with the characters so far beside the set while there
 * are fewer than minLength; maxLength is counted by who runs the automaton, with
 * the distance of each state to its end.  Nothing here depends on the text that
 * is read later, only on the schema, and its size is capped.
 */
#include "base/limits.h"
#include "base/utf8.h"
#include "task/grammar_impl.h"

#include <stdlib.h>

#define NO_EDGE UINT32_MAX
#define QUOTE '"'

/* ---- Building ------------------------------------------------------------------ */

SlmStatus
slm_nfa_init(SlmNfa *nfa, SlmArena *scratch, SlmError *err)
{
	*nfa = (SlmNfa){.scratch = scratch};
	SLM_TRY(SLM_NEW_ARRAY(scratch, SLM_MAX_GRAMMAR_EDGES, &nfa->edge, err));
	SLM_TRY(SLM_NEW_ARRAY(scratch, SLM_MAX_GRAMMAR_EDGES, &nfa->first, err));
	SLM_TRY(SLM_NEW_ARRAY(scratch, SLM_MAX_GRAMMAR_EDGES, &nfa->is_char, err));
	slm_nfa_clear(nfa);
	return SLM_OK;
}

void
slm_nfa_clear(SlmNfa *nfa)
{
	nfa->n_state = nfa->n_edge = 0;
	nfa->full = false;
	slm_nfa_state(nfa);
	slm_nfa_state(nfa);
}

uint32_t
slm_nfa_state(SlmNfa *nfa)
{
	if (nfa->n_state == SLM_MAX_GRAMMAR_EDGES)
	{
		nfa->full = true;
		return 0;
	}
	nfa->first[nfa->n_state] = NO_EDGE;
	nfa->is_char[nfa->n_state] = false;
	return nfa->n_state++;
}

static void
add_edge(SlmNfa *nfa, uint32_t from, SlmNfaEdge edge)
{
	if (nfa->n_edge == SLM_MAX_GRAMMAR_EDGES)
	{
		nfa->full = true;
		return;
	}
	edge.next = nfa->first[from];
	nfa->first[from] = nfa->n_edge;
	nfa->edge[nfa->n_edge++] = edge;
}

void
slm_nfa_edge(SlmNfa *nfa, uint32_t from, uint8_t lo, uint8_t hi, uint32_t to)
{
	add_edge(nfa, from, (SlmNfaEdge){.to = to, .lo = lo, .hi = hi});
}

void
slm_nfa_empty(SlmNfa *nfa, uint32_t from, uint32_t to)
{
	add_edge(nfa, from, (SlmNfaEdge){.to = to, .is_empty = true});
}

static void
add_text(SlmNfa *nfa, uint32_t from, const char *text, uint32_t to)
{
	for (size_t i = 0; text[i] != '\0'; i++)
	{
		uint32_t behind = text[i + 1] == '\0' ? to : slm_nfa_state(nfa);

		slm_nfa_edge(nfa, from, (uint8_t) text[i], (uint8_t) text[i], behind);
		from = behind;
	}
}

/* Code points of as many bytes each, whose bytes are then ranges of their own. */
static void
add_utf8(SlmNfa *nfa, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
	uint32_t open[32][2] = {{lo, hi}};
	int n_open = 1;

	while (n_open > 0)
	{
		uint8_t low[4], high[4];
		uint32_t at = from;
		int n, i;

		n_open--;
		lo = open[n_open][0];
		hi = open[n_open][1];
		n = slm_utf8_encode(lo, low);
		for (i = 1; i < n; i++)
		{
			uint32_t mask = (1U << 6 * i) - 1;
			uint32_t cut;

			if ((lo & ~mask) == (hi & ~mask))
				continue;
			if ((lo & mask) != 0)
				cut = (lo | mask) + 1;
			else if ((hi & mask) != mask)
				cut = hi & ~mask;
			else
				continue;
			open[n_open][0] = lo;
			open[n_open++][1] = cut - 1;
			open[n_open][0] = cut;
			open[n_open++][1] = hi;
			break;
		}
		if (i < n)
			continue;
		slm_utf8_encode(hi, high);
		for (i = 0; i < n; i++)
		{
			uint32_t behind = i == n - 1 ? to : slm_nfa_state(nfa);

			slm_nfa_edge(nfa, at, low[i], high[i], behind);
			at = behind;
		}
	}
}

static void
add_escaped(SlmNfa *nfa, uint32_t from, uint32_t c, uint32_t to)
{
	static const char short_ones[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; short_ones[i] != '\0'; i += 2)
		if ((uint32_t) short_ones[i] == c)
		{
			add_text(nfa, from, (char[]){'\\', short_ones[i + 1], '\0'}, to);
			return;
		}
	add_text(nfa, from, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], '\0'}, to);
}

void
slm_nfa_chars(SlmNfa *nfa, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to)
{
	/* what is written alike, and not at all, by ranges */
	static const struct
	{
		uint32_t lo, hi;
		bool escaped;
	} ranges[] = {
		{0x01, 0x1F, true},         {0x20, 0x21, false},    {0x22, 0x22, true},
		{0x23, 0x5B, false},        {0x5C, 0x5C, true},     {0x5D, 0x7F, false},
		{0x80, 0x7FF, false},       {0x800, 0xD7FF, false}, {0xE000, 0xFFFF, false},
		{0x10000, 0x10FFFF, false},
	};

	nfa->is_char[from] = true;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
	{
		uint32_t first = lo > ranges[i].lo ? lo : ranges[i].lo;
		uint32_t last = hi < ranges[i].hi ? hi : ranges[i].hi;

		if (first > last)
			continue;
		if (!ranges[i].escaped)
			add_utf8(nfa, from, first, last, to);
		for (uint32_t c = first; ranges[i].escaped && c <= last; c++)
			add_escaped(nfa, from, c, to);
	}
}

static void
add_hex(SlmNfa *nfa, uint32_t from, uint32_t to)
{
	slm_nfa_edge(nfa, from, '0', '9', to);
	slm_nfa_edge(nfa, from, 'A', 'F', to);
	slm_nfa_edge(nfa, from, 'a', 'f', to);
}

/* count hexadecimal digits */
static void
add_hexes(SlmNfa *nfa, uint32_t from, int count, uint32_t to)
{
	for (; count > 0; count--)
	{
		uint32_t behind = count == 1 ? to : slm_nfa_state(nfa);

		add_hex(nfa, from, behind);
		from = behind;
	}
}

/* The four digits behind \u, of two of them where the first half of a pair. */
static void
add_unicode_escape(SlmNfa *nfa, uint32_t from, uint32_t to)
{
	uint32_t zero = from;
	uint32_t d = slm_nfa_state(nfa);
	uint32_t half = slm_nfa_state(nfa);
	uint32_t pair = slm_nfa_state(nfa);
	uint32_t second = slm_nfa_state(nfa);
	uint32_t low = slm_nfa_state(nfa);
	uint32_t three = slm_nfa_state(nfa);

	/* 0000 is none: zeros so far, then another digit */
	for (int left = 3; left >= 0; left--)
	{
		uint32_t more_zeros = left > 0 ? slm_nfa_state(nfa) : to;
		uint32_t other = left > 0 ? slm_nfa_state(nfa) : to;

		if (left == 3)
		{
			slm_nfa_edge(nfa, zero, '1', '9', other);
			slm_nfa_edge(nfa, zero, 'A', 'C', other);
			slm_nfa_edge(nfa, zero, 'E', 'F', other);
			slm_nfa_edge(nfa, zero, 'a', 'c', other);
			slm_nfa_edge(nfa, zero, 'e', 'f', other);
			slm_nfa_edge(nfa, zero, 'D', 'D', d);
			slm_nfa_edge(nfa, zero, 'd', 'd', d);
		}
		else
		{
			slm_nfa_edge(nfa, zero, '1', '9', other);
			slm_nfa_edge(nfa, zero, 'A', 'F', other);
			slm_nfa_edge(nfa, zero, 'a', 'f', other);
		}
		if (left > 0)
		{
			slm_nfa_edge(nfa, zero, '0', '0', more_zeros);
			add_hexes(nfa, other, left, to);
		}
		zero = more_zeros;
	}
	slm_nfa_edge(nfa, d, '0', '7', three);
	add_hexes(nfa, three, 2, to);
	slm_nfa_edge(nfa, d, '8', '9', half);
	slm_nfa_edge(nfa, d, 'A', 'B', half);
	slm_nfa_edge(nfa, d, 'a', 'b', half);
	add_hexes(nfa, half, 2, pair);
	add_text(nfa, pair, "\\u", second);
	slm_nfa_edge(nfa, second, 'D', 'D', low);
	slm_nfa_edge(nfa, second, 'd', 'd', low);
	half = slm_nfa_state(nfa);
	slm_nfa_edge(nfa, low, 'C', 'F', half);
	slm_nfa_edge(nfa, low, 'c', 'f', half);
	add_hexes(nfa, half, 2, to);
}

void
slm_nfa_any_string(SlmNfa *nfa)
{
	static const char escapes[] = "\"\\/bfnrt";
	uint32_t inside = slm_nfa_state(nfa);
	uint32_t escape = slm_nfa_state(nfa);
	uint32_t unicode = slm_nfa_state(nfa);

	slm_nfa_edge(nfa, 0, QUOTE, QUOTE, inside);
	slm_nfa_edge(nfa, inside, QUOTE, QUOTE, 1);
	nfa->is_char[inside] = true;
	slm_nfa_chars(nfa, inside, 0x20, 0x21, inside);
	slm_nfa_chars(nfa, inside, 0x23, 0x5B, inside);
	slm_nfa_chars(nfa, inside, 0x5D, 0x10FFFF, inside);
	slm_nfa_edge(nfa, inside, '\\', '\\', escape);
	for (int i = 0; escapes[i] != '\0'; i++)
		slm_nfa_edge(nfa, escape, (uint8_t) escapes[i], (uint8_t) escapes[i], inside);
	slm_nfa_edge(nfa, escape, 'u', 'u', unicode);
	add_unicode_escape(nfa, unicode, inside);
}

/* ---- The subset construction ----------------------------------------------------- */

/* A deterministic state in the making. */
typedef struct Subset
{
	uint32_t *member; /* [n] states, ascending */
	uint32_t n;
	uint32_t chars; /* so far, at most min_chars */
	uint16_t *next; /* [n_class] */
	uint8_t flags;
	uint16_t distance;
} Subset;

typedef struct Making
{
	const SlmNfa *nfa;
	const SlmHost *host;
	SlmError *err;
	uint32_t min_chars;
	uint8_t class_of[256];
	uint8_t byte_of[256]; /* one of each class */
	uint32_t n_class;
	Subset *state; /* [room] */
	uint32_t n_state, room;
	uint32_t *slot; /* hash table of states + 1 */
	uint32_t slot_mask;
	uint32_t *mark; /* [nfa->n_state] round in which a state was seen */
	uint32_t round;
	uint32_t *stack, *found; /* [nfa->n_state] */
	uint32_t n_stack, n_found;
	uint64_t work; /* since the last poll */
} Making;

#define POLL_WORK 20000

static SlmStatus
worked(Making *m, uint64_t work)
{
	m->work += work;
	if (m->work < POLL_WORK)
		return SLM_OK;
	m->work = 0;
	return slm_poll(m->host, m->err);
}

static void
find_classes(Making *m)
{
	bool begins[257] = {[0] = true, [QUOTE] = true, [QUOTE + 1] = true};

	for (uint32_t i = 0; i < m->nfa->n_edge; i++)
		if (!m->nfa->edge[i].is_empty)
			begins[m->nfa->edge[i].lo] = begins[m->nfa->edge[i].hi + 1] = true;
	for (int byte = 0; byte < 256; byte++)
	{
		if (begins[byte])
			m->byte_of[m->n_class++] = (uint8_t) byte;
		m->class_of[byte] = (uint8_t) (m->n_class - 1);
	}
}

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

	return x < y ? -1 : x > y;
}

static void
reach(Making *m, uint32_t state)
{
	if (m->mark[state] == m->round)
		return;
	m->mark[state] = m->round;
	m->stack[m->n_stack++] = state;
}

/* Of what is on the stack, and follows without a byte: states that matter, in found. */
static SlmStatus
close_set(Making *m)
{
	m->n_found = 0;
	while (m->n_stack > 0)
	{
		uint32_t state = m->stack[--m->n_stack];
		bool matters = state == 1 || m->nfa->is_char[state];

		for (uint32_t e = m->nfa->first[state]; e != NO_EDGE; e = m->nfa->edge[e].next)
		{
			if (m->nfa->edge[e].is_empty)
				reach(m, m->nfa->edge[e].to);
			else
				matters = true;
			SLM_TRY(worked(m, 1));
		}
		if (matters)
			m->found[m->n_found++] = state;
	}
	if (m->n_found > SLM_MAX_GRAMMAR_PLACES)
		return slm_fail(m->err, SLM_ERR_LIMIT,
						"a pattern exceeds the limit of %d places in it at one time",
						SLM_MAX_GRAMMAR_PLACES);
	qsort(m->found, m->n_found, sizeof(uint32_t), compare_u32);
	return worked(m, 8 * m->n_found);
}

/* The deterministic state of what is found. */
static SlmStatus
intern(Making *m, uint32_t chars, uint16_t *out)
{
	uint32_t hash = 2166136261U ^ chars;
	Subset *state;
	uint32_t at;

	for (uint32_t i = 0; i < m->n_found; i++)
		hash = (hash ^ m->found[i]) * 16777619U;
	for (at = hash ^ hash >> 15;; at++)
	{
		uint32_t held = m->slot[at & m->slot_mask];

		if (held == 0)
			break;
		state = &m->state[held - 1];
		if (state->n == m->n_found && state->chars == chars &&
			memcmp(state->member, m->found, m->n_found * sizeof(uint32_t)) == 0)
		{
			*out = (uint16_t) (held - 1);
			return SLM_OK;
		}
	}
	if (m->n_state == m->room)
		return slm_fail(m->err, SLM_ERR_LIMIT,
						"schema exceeds the limit of %d states of its strings and numbers",
						SLM_MAX_GRAMMAR_STATES);
	state = &m->state[m->n_state];
	*state = (Subset){.n = m->n_found, .chars = chars, .distance = UINT16_MAX};
	SLM_TRY(SLM_NEW_ARRAY(m->nfa->scratch, m->n_found, &state->member, m->err));
	SLM_TRY(SLM_NEW_ARRAY(m->nfa->scratch, m->n_class, &state->next, m->err));
	memcpy(state->member, m->found, m->n_found * sizeof(uint32_t));
	for (uint32_t i = 0; i < m->n_found; i++)
	{
		if (m->found[i] == 1)
		{
			state->flags |= SLM_DFA_ACCEPT;
			state->distance = 0;
		}
		if (m->nfa->is_char[m->found[i]])
			state->flags |= SLM_DFA_CHAR;
	}
	*out = (uint16_t) m->n_state;
	m->slot[at & m->slot_mask] = ++m->n_state;
	return SLM_OK;
}

/* Does the byte begin a character, as none does that closes the string? */
static bool
begins_char(uint8_t flags, uint8_t byte)
{
	return (flags & SLM_DFA_CHAR) != 0 && byte != QUOTE;
}

static SlmStatus
expand(Making *m, uint32_t at)
{
	for (uint32_t c = 0; c < m->n_class; c++)
	{
		const Subset *state = &m->state[at];
		uint8_t byte = m->byte_of[c];
		uint32_t chars = state->chars;
		uint16_t *next = &state->next[c];

		*next = SLM_DFA_NONE;
		if (begins_char(state->flags, byte) && chars < m->min_chars)
			chars++;
		if ((state->flags & SLM_DFA_CHAR) != 0 && byte == QUOTE && chars < m->min_chars)
			continue;
		m->round++;
		for (uint32_t i = 0; i < state->n; i++)
		{
			for (uint32_t e = m->nfa->first[state->member[i]]; e != NO_EDGE;
				 e = m->nfa->edge[e].next)
			{
				const SlmNfaEdge *edge = &m->nfa->edge[e];

				if (!edge->is_empty && edge->lo <= byte && byte <= edge->hi)
					reach(m, edge->to);
				SLM_TRY(worked(m, 1));
			}
		}
		if (m->n_stack == 0)
			continue;
		SLM_TRY(close_set(m));
		SLM_TRY(intern(m, chars, next));
	}
	return SLM_OK;
}

/* Fewest characters to the end, from the last states, which were found last, to the first. */
static SlmStatus
find_distances(Making *m)
{
	bool changed = true;

	while (changed)
	{
		changed = false;
		for (uint32_t i = m->n_state; i-- > 0;)
		{
			Subset *state = &m->state[i];

			for (uint32_t c = 0; c < m->n_class; c++)
			{
				uint32_t next = state->next[c], distance;

				if (next == SLM_DFA_NONE || m->state[next].distance == UINT16_MAX)
					continue;
				distance =
					m->state[next].distance + (uint32_t) begins_char(state->flags, m->byte_of[c]);
				if (distance < state->distance)
				{
					state->distance = (uint16_t) distance;
					changed = true;
				}
			}
			SLM_TRY(worked(m, m->n_class));
		}
	}
	return SLM_OK;
}

static int16_t
only_byte(const SlmDfa *dfa, uint32_t state)
{
	int16_t only = -1;

	for (int byte = 0; byte < 256; byte++)
		if (slm_dfa_step(dfa, state, (uint8_t) byte) != SLM_DFA_NONE)
		{
			if (only >= 0)
				return -1;
			only = (int16_t) byte;
		}
	return only;
}

/* Keeps the states from which the end can be reached. */
static SlmStatus
lay_out(Making *m, SlmArena *arena, const SlmDfa **out)
{
	uint16_t *number;
	uint16_t *next, *distance;
	uint8_t *flags;
	int16_t *only;
	SlmDfa *dfa;

	SLM_TRY(SLM_NEW_ARRAY(m->nfa->scratch, m->n_state, &number, m->err));
	SLM_TRY(slm_arena_alloc(arena, sizeof(*dfa), (void **) &dfa, m->err));
	*dfa = (SlmDfa){.n_class = m->n_class};
	memcpy(dfa->class_of, m->class_of, sizeof(dfa->class_of));
	for (uint32_t i = 0; i < m->n_state; i++)
		number[i] = m->state[i].distance == UINT16_MAX ? SLM_DFA_NONE : (uint16_t) dfa->n_state++;
	SLM_TRY(slm_arena_alloc_array(arena, (size_t) dfa->n_state * m->n_class, sizeof(*next),
								  (void **) &next, m->err));
	SLM_TRY(SLM_NEW_ARRAY(arena, dfa->n_state, &flags, m->err));
	SLM_TRY(SLM_NEW_ARRAY(arena, dfa->n_state, &distance, m->err));
	SLM_TRY(SLM_NEW_ARRAY(arena, dfa->n_state, &only, m->err));
	dfa->next = next;
	dfa->flags = flags;
	dfa->distance = distance;
	dfa->only = only;
	for (uint32_t i = 0; i < m->n_state; i++)
	{
		const Subset *state = &m->state[i];
		uint32_t to = number[i];

		if (to == SLM_DFA_NONE)
			continue;
		flags[to] = state->flags;
		distance[to] = state->distance;
		if (state->distance > dfa->longest)
			dfa->longest = state->distance;
		for (uint32_t c = 0; c < m->n_class; c++)
		{
			uint16_t behind =
				state->next[c] == SLM_DFA_NONE ? SLM_DFA_NONE : number[state->next[c]];

			next[to * m->n_class + c] = behind;
			if (behind != SLM_DFA_NONE)
				flags[to] |= SLM_DFA_GOES_ON;
		}
		only[to] = only_byte(dfa, to);
		SLM_TRY(worked(m, 256));
	}
	*out = dfa;
	return SLM_OK;
}

SlmStatus
slm_nfa_determinize(const SlmNfa *nfa, uint32_t min_chars, const SlmHost *host, SlmArena *arena,
					uint32_t *room, const SlmDfa **out, SlmError *err)
{
	Making m = {.nfa = nfa, .host = host, .err = err, .min_chars = min_chars, .room = *room};
	SlmArenaMark mark = slm_arena_mark(nfa->scratch);
	uint16_t start;

	*out = NULL;
	if (nfa->full)
		return slm_fail(err, SLM_ERR_LIMIT,
						"schema exceeds the limit of %d edges of the automaton of one value",
						SLM_MAX_GRAMMAR_EDGES);
	find_classes(&m);
	m.slot_mask = 2 * SLM_MAX_GRAMMAR_STATES - 1;
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, m.room, &m.state, err));
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, m.slot_mask + 1, &m.slot, err));
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, nfa->n_state, &m.mark, err));
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, nfa->n_state, &m.stack, err));
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, nfa->n_state, &m.found, err));
	memset(m.slot, 0, (m.slot_mask + 1) * sizeof(*m.slot));
	memset(m.mark, 0, nfa->n_state * sizeof(*m.mark));
	m.round = 1;
	reach(&m, 0);
	SLM_TRY(close_set(&m));
	SLM_TRY(intern(&m, 0, &start));
	for (uint32_t i = 0; i < m.n_state; i++)
		SLM_TRY(expand(&m, i));
	SLM_TRY(find_distances(&m));
	if (m.state[0].distance != UINT16_MAX)
		SLM_TRY(lay_out(&m, arena, out));
	*room -= *out == NULL ? 0 : (*out)->n_state;
	slm_arena_rewind(nfa->scratch, mark);
	return SLM_OK;
}
