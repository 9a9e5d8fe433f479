/*
 * grammar_impl.h - inside of a grammar: the tree of values and the automata of scalars
 *
 * Built by grammar_schema.c, grammar_pattern.c, grammar_number.c and
 * grammar_nfa.c, run by grammar.c.
 */
#ifndef SLM_TASK_GRAMMAR_IMPL_H
#define SLM_TASK_GRAMMAR_IMPL_H

#include "base/arena.h"
#include "base/text.h"
#include "task/grammar.h"

/* ---- Automata of scalars -------------------------------------------------------- */

#define SLM_DFA_NONE UINT16_MAX
#define SLM_DFA_ACCEPT 1 /* a value may end here */
#define SLM_DFA_GOES_ON 2
#define SLM_DFA_CHAR 4 /* in a string, between two characters */
#define SLM_DFA_NO_LIMIT UINT32_MAX

/*
 * Deterministic, over bytes; state 0 is the start, and from every state a state
 * that accepts can be reached.  Strings have their quotes in it.  Characters are
 * counted by who runs it.
 */
typedef struct SlmDfa
{
	uint8_t class_of[256];
	uint32_t n_class, n_state;
	const uint16_t *next;     /* [n_state][n_class] */
	const uint8_t *flags;     /* [n_state] */
	const uint16_t *distance; /* [n_state] fewest characters still to begin before the end */
	const int16_t *only;      /* [n_state] the one byte that can follow, or -1 */
	uint16_t longest;         /* of all distances */
} SlmDfa;

static inline uint16_t
slm_dfa_step(const SlmDfa *dfa, uint32_t state, uint8_t byte)
{
	return dfa->next[state * dfa->n_class + dfa->class_of[byte]];
}

/* Nondeterministic, in the making; what does not fit sets full and is left out. */
typedef struct SlmNfaEdge
{
	uint32_t next; /* edge of the same state, UINT32_MAX: last */
	uint32_t to;
	uint8_t lo, hi;
	bool is_empty; /* takes no byte */
} SlmNfaEdge;

typedef struct SlmNfa
{
	SlmArena *scratch;
	uint32_t *first; /* [n_state] edge of each state */
	bool *is_char;   /* [n_state] a character begins or the string ends here */
	SlmNfaEdge *edge;
	uint32_t n_state, n_edge;
	bool full;
} SlmNfa;

/* State 0 is the start, 1 the end. */
extern SlmStatus slm_nfa_init(SlmNfa *nfa, SlmArena *scratch, SlmError *err) SLM_MUST_CHECK;
extern void slm_nfa_clear(SlmNfa *nfa);
extern uint32_t slm_nfa_state(SlmNfa *nfa);
extern void slm_nfa_edge(SlmNfa *nfa, uint32_t from, uint8_t lo, uint8_t hi, uint32_t to);
extern void slm_nfa_empty(SlmNfa *nfa, uint32_t from, uint32_t to);

/* One character of a string, lo to hi, as JSON writes it; never U+0000. */
extern void slm_nfa_chars(SlmNfa *nfa, uint32_t from, uint32_t lo, uint32_t hi, uint32_t to);

/*
 * Makes it deterministic, for strings of at least min_chars characters, in the
 * arena.  *out is NULL when nothing is accepted.  *room, states left of
 * SLM_MAX_GRAMMAR_STATES, goes down.
 */
extern SlmStatus slm_nfa_determinize(const SlmNfa *nfa, uint32_t min_chars, const SlmHost *host,
									 SlmArena *arena, uint32_t *room, const SlmDfa **out,
									 SlmError *err) SLM_MUST_CHECK;

/* Any string, its quotes and all JSON escapes, from state 0 to 1. */
extern void slm_nfa_any_string(SlmNfa *nfa);

/*
 * A string in which a pattern of the documented subset is found; anchored: at its
 * beginning, as with ^.
 */
extern SlmStatus slm_nfa_pattern(SlmNfa *nfa, SlmText pattern, bool anchored,
								 SlmError *err) SLM_MUST_CHECK;

/*
 * Takes a look-ahead, (?=...) or (?!...), off the beginning of a pattern that begins
 * with ^ or is anchored, which the rest then is; ahead->size is 0 when there is none.
 */
extern SlmStatus slm_pattern_look_ahead(SlmText *pattern, bool *anchored, SlmText *ahead,
										bool *negative, SlmError *err) SLM_MUST_CHECK;

/*
 * A string that begins with what a look-ahead looks for.  negative: as seen by any
 * dialect, because these are the strings that must not be.
 */
extern SlmStatus slm_nfa_look_ahead(SlmNfa *nfa, SlmText ahead, bool negative,
									SlmError *err) SLM_MUST_CHECK;

/* Strings that are both a's and b's, or, without, a's and not b's. */
extern SlmStatus slm_nfa_combine(SlmNfa *nfa, const SlmDfa *a, const SlmDfa *b, bool without,
								 const SlmHost *host, SlmError *err) SLM_MUST_CHECK;

/* A string of a format; false when it is not known.  *max_chars is lowered to the format's own. */
extern SlmStatus slm_nfa_format(SlmNfa *nfa, SlmText name, uint32_t *max_chars, bool *known,
								SlmError *err) SLM_MUST_CHECK;

/* Limits of a number as its schema has them; empty where there is none. */
typedef struct SlmNumberLimits
{
	SlmText minimum, maximum;
	bool excludes_minimum, excludes_maximum;
	bool is_integer;
	SlmText multiple_of;
} SlmNumberLimits;

/* Decimal numbers within limits, exactly; *any is false when there are none. */
extern SlmStatus slm_nfa_number(SlmNfa *nfa, const SlmNumberLimits *limits, bool *any,
								SlmError *err) SLM_MUST_CHECK;

/* ---- The tree -------------------------------------------------------------------- */

typedef enum SlmGrammarKind
{
	SLM_GRAMMAR_OBJECT,
	SLM_GRAMMAR_ARRAY,    /* or a map: an object of any names, whose items are a key and a value */
	SLM_GRAMMAR_CHOICE,   /* of values of other kinds; never a parent */
	SLM_GRAMMAR_LITERALS, /* one of some texts */
	SLM_GRAMMAR_SCALAR,   /* what an automaton takes */
	SLM_GRAMMAR_VERBATIM  /* a string that stands in the input */
} SlmGrammarKind;

#define SLM_GRAMMAR_NOWHERE UINT16_MAX

typedef struct SlmGrammarValue
{
	SlmGrammarKind kind;
	uint16_t parent; /* object or array, SLM_GRAMMAR_NOWHERE: the whole */
	uint16_t index;  /* of the property of the parent that it is */
	uint8_t level;   /* arrays around it */
	bool is_plain;   /* a scalar that is any string, the grammar's one automaton for these */
	bool is_string;  /* a scalar or verbatim */
	uint16_t item;  /* value of an array's items, behind those that have their own, or of a map's */
	uint16_t key;   /* string of a map's keys, its child 0 (the item is 1); an array: nowhere */
	uint32_t first; /* of properties, alternatives, literals, or an array's first items' values */
	uint32_t n;     /* of them */
	uint32_t min;   /* items, or characters of a plain or verbatim string */
	uint32_t max;   /* items, or characters of a string */
	const SlmDfa *dfa;
} SlmGrammarValue;

typedef struct SlmGrammarProperty
{
	SlmText key; /* quoted, with ": " behind it */
	uint16_t value;
	bool required;
	uint16_t last; /* property: the first from here that is required, else the last */
	bool needed;   /* one from here on is required */
} SlmGrammarProperty;

struct SlmGrammar
{
	const SlmGrammarValue *value; /* [n_value], 0 is not always the root */
	const SlmGrammarProperty *property;
	const SlmText *literal;      /* sorted within a value */
	const uint16_t *alternative; /* values, of choices and of arrays' first items */
	uint16_t n_value, root;
	const SlmDfa *any_string;
	uint32_t any_char; /* its state between two characters */
};

/* The value of an array's item behind so many. */
static inline uint16_t
slm_grammar_item(const SlmGrammar *g, const SlmGrammarValue *array, uint32_t items)
{
	return items < array->n ? g->alternative[array->first + items] : array->item;
}

static inline bool
slm_grammar_is_map(const SlmGrammarValue *array)
{
	return array->key != SLM_GRAMMAR_NOWHERE;
}

/* Where a thread stands in its value. */
enum
{
	SLM_PHASE_OPEN = 0, /* before the first byte of an object or array, in a scalar */
	SLM_PHASE_FIRST,    /* behind the opening bracket: only its closing */
	SLM_PHASE_KEY,      /* a: first property that may come, b: property, c: bytes of its key */
	SLM_PHASE_AFTER,    /* behind a value; a: property after it */
	SLM_PHASE_SPACE,    /* behind a comma; a: property after it */
	SLM_PHASE_COLON,    /* map: behind a key */
	SLM_PHASE_VALUE,    /* map: behind the colon */
	SLM_PHASE_ESCAPE,   /* verbatim: behind a backslash */
	SLM_PHASE_INSIDE,   /* verbatim: a, b: starts, c: bytes */
	SLM_PHASE_DONE
};

#endif
