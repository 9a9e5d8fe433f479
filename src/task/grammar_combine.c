/*
 * grammar_combine.c - strings that two automata take, or the first and not the second
 *
 * States of the result are pairs, found from the start on.  Both automata read the
 * same bytes for a character, in the same ways, as all of patterns and formats do.
 */
#include "base/limits.h"
#include "task/grammar_impl.h"

#include <string.h>

typedef struct Pairs
{
	SlmNfa *nfa;
	const SlmDfa *a, *b;
	uint32_t n_b;    /* states of b, and the one in which it takes nothing any more */
	uint32_t *state; /* [a][n_b] in the result; 0: not found, or the start */
	uint32_t *pair;  /* [n] found, in order */
	uint32_t n;
} Pairs;

/* Where a pair is found in the result. */
static uint32_t
find_state(Pairs *p, uint32_t a, uint32_t b)
{
	uint32_t pair = a * p->n_b + b;

	if (pair != 0 && p->state[pair] == 0)
	{
		p->state[pair] = slm_nfa_state(p->nfa);
		if (!p->nfa->full)
			p->pair[p->n++] = pair;
	}
	return p->state[pair];
}

static uint32_t
step_b(const Pairs *p, uint32_t state, uint8_t byte)
{
	uint32_t next = state == p->b->n_state ? SLM_DFA_NONE : slm_dfa_step(p->b, state, byte);

	return next == SLM_DFA_NONE ? p->b->n_state : next;
}

/* Bytes lo to hi lead from a state to a pair. */
static void
add_step(Pairs *p, uint32_t from, uint8_t lo, uint8_t hi, uint32_t a, uint32_t b, bool without)
{
	bool is_b = b != p->b->n_state;
	bool takes = (p->a->flags[a] & SLM_DFA_ACCEPT) != 0;
	bool b_takes = is_b && (p->b->flags[b] & SLM_DFA_ACCEPT) != 0;

	if (!without && !is_b)
		return;
	if (takes && b_takes != without)
		slm_nfa_edge(p->nfa, from, lo, hi, 1);
	if ((p->a->flags[a] & SLM_DFA_GOES_ON) != 0)
		slm_nfa_edge(p->nfa, from, lo, hi, find_state(p, a, b));
}

static void
expand(Pairs *p, uint32_t pair, bool without)
{
	uint32_t a = pair / p->n_b, b = pair % p->n_b;
	uint32_t from = p->state[pair];

	p->nfa->is_char[from] = (p->a->flags[a] & SLM_DFA_CHAR) != 0;
	for (int lo = 0, hi; lo < 256; lo = hi + 1)
	{
		uint32_t next_a = slm_dfa_step(p->a, a, (uint8_t) lo);
		uint32_t next_b = step_b(p, b, (uint8_t) lo);

		for (hi = lo; hi < 255 && slm_dfa_step(p->a, a, (uint8_t) (hi + 1)) == next_a &&
					  step_b(p, b, (uint8_t) (hi + 1)) == next_b;)
			hi++;
		if (next_a != SLM_DFA_NONE)
			add_step(p, from, (uint8_t) lo, (uint8_t) hi, next_a, next_b, without);
	}
}

SlmStatus
slm_nfa_combine(SlmNfa *nfa, const SlmDfa *a, const SlmDfa *b, bool without, const SlmHost *host,
				SlmError *err)
{
	Pairs p = {.nfa = nfa, .a = a, .b = b, .n_b = b->n_state + 1, .n = 1};
	SlmArenaMark mark = slm_arena_mark(nfa->scratch);
	uint64_t n_pair = (uint64_t) a->n_state * p.n_b;

	if (n_pair > SLM_MAX_PATTERN_PAIRS)
		return slm_fail(
			err, SLM_ERR_LIMIT,
			"pattern exceeds the limit of %d pairs of states beside its format or look-ahead",
			SLM_MAX_PATTERN_PAIRS);
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, (size_t) n_pair, &p.state, err));
	SLM_TRY(SLM_NEW_ARRAY(nfa->scratch, (size_t) n_pair, &p.pair, err));
	memset(p.state, 0, (size_t) n_pair * sizeof(*p.state));
	p.pair[0] = 0;
	for (uint32_t i = 0; i < p.n && !nfa->full; i++)
	{
		SLM_TRY(slm_poll(host, err));
		expand(&p, p.pair[i], without);
	}
	slm_arena_rewind(nfa->scratch, mark);
	return SLM_OK;
}
