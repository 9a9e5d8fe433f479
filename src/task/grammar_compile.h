/*
 * grammar_compile.h - a schema on its way to a grammar
 *
 * grammar_keywords.c reads the keywords of one schema, grammar_values.c makes
 * scalars of them, grammar_schema.c what is made of other schemas.
 */
#ifndef SLM_TASK_GRAMMAR_COMPILE_H
#define SLM_TASK_GRAMMAR_COMPILE_H

#include "base/limits.h"
#include "task/grammar_impl.h"

#define SLM_GRAMMAR_PATH_BYTES 160

typedef enum Keyword
{
	TYPE,
	ENUM,
	CONST,
	PROPERTIES,
	REQUIRED,
	ADDITIONAL,
	ORDERING,
	ITEMS,
	MIN_ITEMS,
	MAX_ITEMS,
	MIN_LENGTH,
	MAX_LENGTH,
	PATTERN,
	FORMAT,
	MINIMUM,
	MAXIMUM,
	EXCLUSIVE_MINIMUM,
	EXCLUSIVE_MAXIMUM,
	ANY_OF,
	ONE_OF,
	ALL_OF,
	REF,
	KEYWORD_COUNT
} Keyword;

#define KIND(kind) (1U << SLM_JSON_##kind)
#define ANY_KIND (~0U)
#define BIT(keyword) (1U << (keyword))

#define STRING_KEYWORDS (BIT(MIN_LENGTH) | BIT(MAX_LENGTH) | BIT(PATTERN) | BIT(FORMAT))
#define NUMBER_KEYWORDS                                                                            \
	(BIT(MINIMUM) | BIT(MAXIMUM) | BIT(EXCLUSIVE_MINIMUM) | BIT(EXCLUSIVE_MAXIMUM))
#define OBJECT_KEYWORDS (BIT(PROPERTIES) | BIT(REQUIRED) | BIT(ADDITIONAL) | BIT(ORDERING))
#define ARRAY_KEYWORDS (BIT(ITEMS) | BIT(MIN_ITEMS) | BIT(MAX_ITEMS))

typedef enum JsonType
{
	TYPE_STRING,
	TYPE_NUMBER,
	TYPE_INTEGER,
	TYPE_BOOLEAN,
	TYPE_NULL,
	TYPE_OBJECT,
	TYPE_ARRAY,
	TYPE_COUNT
} JsonType;

/* The node of each keyword's value; 0, the root, where there is none. */
typedef struct Keywords
{
	uint32_t at[KEYWORD_COUNT];
	uint32_t there; /* BIT() of each that is */
} Keywords;

typedef struct Compiler
{
	const SlmJsonNode *node;
	const SlmHost *host;
	SlmArena *arena;
	SlmArena scratch;
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
	uint32_t open_ref[SLM_MAX_GRAMMAR_DEPTH]; /* nodes that are being written out */
	int n_open_ref;
	const SlmDfa *any_string;
	char path[SLM_GRAMMAR_PATH_BYTES]; /* of the schema being read */
	size_t n_path;
	char quoted[96];
} Compiler;

/* Where a value will stand. */
typedef struct Place
{
	uint16_t parent, index;
	uint8_t level;
} Place;

/* Text of the schema as it may stand in a message; valid until the next call. */
extern const char *slm_grammar_quote(Compiler *c, SlmText text);

/* Goes into a schema under a keyword, of a name where it has one; back with what it returned. */
extern size_t slm_grammar_push_path(Compiler *c, const char *keyword, SlmText name);
extern void slm_grammar_pop_path(Compiler *c, size_t before);

/* Errors that name a keyword, or a limit, and the place. */
extern SlmStatus slm_grammar_unsupported(Compiler *c, SlmText keyword, const char *why);
extern SlmStatus slm_grammar_wrong(Compiler *c, Keyword keyword, const char *why);
extern SlmStatus slm_grammar_too_many(Compiler *c, const char *what, int limit);

extern const char *slm_grammar_keyword(Keyword keyword);

extern SlmStatus slm_grammar_read_keywords(Compiler *c, uint32_t object,
										   Keywords *out) SLM_MUST_CHECK;

/* Refuses keywords of a set that stand beside one that they cannot stand beside. */
extern SlmStatus slm_grammar_refuse_beside(Compiler *c, const Keywords *k, uint32_t set,
										   const char *why) SLM_MUST_CHECK;

/* A whole number from 0 to limit; *out stays where the keyword is not there. */
extern SlmStatus slm_grammar_read_count(Compiler *c, const Keywords *k, Keyword keyword,
										uint32_t limit, uint32_t *out) SLM_MUST_CHECK;

/* The types that are named, or that the other keywords speak of, as BIT() of each. */
extern SlmStatus slm_grammar_read_types(Compiler *c, const Keywords *k,
										unsigned *out) SLM_MUST_CHECK;

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
