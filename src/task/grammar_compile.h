/*
 * grammar_compile.h - a schema on its way to a grammar
 *
 * keywords.c reads the keywords of one schema, grammar_values.c makes scalars of
 * them, grammar_schema.c what is made of other schemas.
 */
#ifndef SLM_TASK_GRAMMAR_COMPILE_H
#define SLM_TASK_GRAMMAR_COMPILE_H

#include "base/limits.h"
#include "task/grammar_impl.h"
#include "task/keywords.h"

typedef struct Compiler
{
	const SlmJsonNode *node;
	const SlmHost *host;
	SlmArena *arena;
	SlmArena scratch;
	SlmArena parts; /* automata that one string's is combined of */
	SlmError *err;
	bool verbatim;
	SlmNfa nfa;
	uint32_t room;          /* states left for automata */
	SlmGrammarValue *value; /* [SLM_MAX_GRAMMAR_VALUES] */
	uint16_t *width;        /* threads that may be inside of each */
	uint32_t n_value;
	SlmGrammarProperty *property; /* [SLM_MAX_GRAMMAR_VALUES] */
	uint32_t n_property;
	SlmText *literal; /* [SLM_MAX_LABELS] */
	uint32_t n_literal;
	uint16_t *alternative; /* [SLM_MAX_GRAMMAR_VALUES], those of choices */
	uint32_t n_alternative;
	uint16_t *pending; /* [SLM_MAX_GRAMMAR_VALUES], those of places not yet done */
	uint32_t n_pending;
	KeywordReader reader;
	const SlmDfa *any_string;
} Compiler;

/* Where a value will stand. */
typedef struct Place
{
	uint16_t parent, index;
	uint8_t level;
} Place;

/* A value that is no alternative, and one that is added to the pending ones. */
extern SlmStatus slm_grammar_add_value(Compiler *c, SlmGrammarKind kind, Place place,
									   uint16_t *out) SLM_MUST_CHECK;
extern SlmStatus slm_grammar_add_alternative(Compiler *c, SlmGrammarKind kind, Place place,
											 uint16_t *out) SLM_MUST_CHECK;

/* A name as a key is written, with what stands behind it, in the arena. */
extern SlmStatus slm_grammar_write_key(Compiler *c, SlmText name, SlmText *out) SLM_MUST_CHECK;

/* Alternatives: the values of enum or const that have one of the types; one or two words. */
extern SlmStatus slm_grammar_read_literals(Compiler *c, const Keywords *k, unsigned types,
										   Place place) SLM_MUST_CHECK;
extern SlmStatus slm_grammar_add_words(Compiler *c, Place place, const char *first,
									   const char *second) SLM_MUST_CHECK;

/* Makes the automaton in c->nfa deterministic; NULL when it takes nothing. */
extern SlmStatus slm_grammar_finish_automaton(Compiler *c, uint32_t min_chars,
											  const SlmDfa **out) SLM_MUST_CHECK;

extern SlmStatus slm_grammar_read_string(Compiler *c, const Keywords *k,
										 Place place) SLM_MUST_CHECK;
extern SlmStatus slm_grammar_read_number(Compiler *c, const Keywords *k, bool is_integer,
										 Place place) SLM_MUST_CHECK;

#endif
