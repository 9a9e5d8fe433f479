/*
 * grammar.h - a JSON Schema as an automaton over bytes
 *
 * What is written under a grammar parses as JSON and is valid against its schema,
 * byte by byte: a state says which bytes may follow, and something always may
 * until the value is done.  It also ends: strings, arrays and numbers have limits
 * of their own (limits.h) where the schema sets none.
 *
 * ---- The language ----
 *
 * JSON with one space after ':' and ',' and no other white space, as most models
 * write it on one line.  Of an object the declared properties are written and no
 * others, in the order of propertyOrdering, then that of the nodes.  Numbers have
 * no exponent, at most SLM_GRAMMAR_FRACTION digits behind the point and no -0.
 * Any string may have any escape of JSON, surrogates in pairs, but no U+0000,
 * which jsonb refuses; strings of a pattern or format escape only what they must.
 *
 * Keywords: type (also a list), enum, const, properties, required,
 * additionalProperties (beside properties none but these are written; without, any
 * names, of propertyNames if it is there, at most 1 of minProperties, maxProperties),
 * propertyOrdering, items, prefixItems (or an array of items, and additionalItems),
 * minItems, maxItems, uniqueItems (false), minLength, maxLength, pattern, format,
 * minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, anyOf, oneOf (of
 * schemas that exclude each other by type or by the literals of a required property),
 * allOf (of one), $ref into the schema itself (recursion is written
 * SLM_MAX_GRAMMAR_RECURSION deep); annotations (keywords.h) ask for nothing.  Any other
 * is SLM_ERR_UNSUPPORTED and named with its place.  A schema of any value gives a
 * string, a number, true, false or null.
 *
 * format: date (years 0100 to 9999), time and date-time with an offset, duration, email,
 * hostname, uri, uuid, ipv4, ipv6; int8 .. uint64, int and uint as limits of a number.
 *
 * pattern: literals, ., classes, \d \w \s \D \W \S, \t \n \r \f \v \xHH \uHHHH,
 * groups, |, * + ? {n} {n,} {n,m} (lazy ones too), ^ at the start and $ at the end
 * of an alternative of the whole pattern, (?= ) and (?! ) behind the first ^ of a
 * pattern of one alternative.  No other look-around, no back-references, \b or \p.
 * ., negated classes and what surrounds a pattern without anchors leave control
 * characters but tab and line feed out.  \d \w \s and their opposites leave out what
 * dialects do not agree about: digits and letters beyond ASCII are neither \d or \w
 * nor \D or \W.
 *
 * ---- Why it is bounded and never stuck ----
 *
 * $ref is written out, so that the schema is a tree of values whose size is capped.
 * A way to read the bytes so far is a thread: a value of the tree, the place in it
 * and the number of items of each array around it, which is all of the stack
 * (SLM_MAX_GRAMMAR_LISTS).  JSON is unambiguous, so two threads at one value are
 * the same thread, and how many there can be is counted when the schema is
 * compiled: each alternative of an anyOf may add its own, what follows them is
 * shared.  More than SLM_MAX_GRAMMAR_THREADS is refused there.
 *
 * No thread is stuck, by induction from the leaves of the tree: states of a scalar's
 * automaton from which its end cannot be reached are cut off, and where maxLength
 * counts, a byte is taken only while the fewest characters from there to the end
 * still fit; the bytes of a literal are there; an object can write its next
 * required property or close, and what it can write has an end; an array below
 * minItems can write another item, because minItems <= maxItems.  A verbatim
 * string goes on only while one of its places has an end in time.  Where a value
 * has no end (minLength > maxLength, an empty enum, no number between limits, a
 * pattern without a string of the length, a property that is required and not
 * declared, endless recursion) the schema is refused when it is compiled, and one
 * whose verbatim strings an input lacks when the input is read.
 */
#ifndef SLM_TASK_GRAMMAR_H
#define SLM_TASK_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/status.h"
#include "task/json_node.h"

typedef struct SlmGrammar SlmGrammar;
typedef struct SlmVerbatim SlmVerbatim; /* task/verbatim.h */

typedef struct SlmGrammarThread
{
	uint16_t value;
	uint16_t phase;
	uint32_t a, b, c; /* by kind of the value and phase */
	uint16_t items[SLM_MAX_GRAMMAR_LISTS];
} SlmGrammarThread;

/* Copy with slm_grammar_copy(), which leaves out threads that are not there. */
typedef struct SlmGrammarState
{
	const SlmVerbatim *input;
	uint32_t n;
	SlmGrammarThread thread[SLM_MAX_GRAMMAR_THREADS];
} SlmGrammarState;

/*
 * Compiles node[0 .. n_node-1], the schema, into arena memory; texts of the nodes
 * need not live on.  verbatim: strings without format, pattern, enum or const are
 * substrings of the input that a state starts with.  SLM_ERR_UNSUPPORTED for what
 * we do not keep, SLM_ERR_ARGUMENT for what is no schema or has no values,
 * SLM_ERR_LIMIT past a limit.  Polls host.
 */
extern SlmStatus slm_grammar_compile(const SlmJsonNode *node, uint32_t n_node, bool verbatim,
									 const SlmHost *host, SlmArena *arena, SlmGrammar **out,
									 SlmError *err) SLM_MUST_CHECK;

/*
 * The state before the first byte.  input, which lives as long as the state, is
 * NULL for a grammar that was compiled without verbatim strings.
 */
extern void slm_grammar_start(const SlmGrammar *g, const SlmVerbatim *input, SlmGrammarState *out);

extern void slm_grammar_copy(SlmGrammarState *to, const SlmGrammarState *from);

/* Takes a byte; false, and the state as it was, when it may not follow. */
extern bool slm_grammar_step(const SlmGrammar *g, SlmGrammarState *state, uint8_t byte);

/* The same from one state to another. */
extern bool slm_grammar_next(const SlmGrammar *g, const SlmGrammarState *from, uint8_t byte,
							 SlmGrammarState *to);

/* Is the value complete?  A number may still go on. */
extern bool slm_grammar_done(const SlmGrammar *g, const SlmGrammarState *state);

/*
 * Bytes that must follow, at most *n of them, into bytes; *n says how many.  The
 * state stays.  None when the value is done or there is a choice.
 */
extern void slm_grammar_forced(const SlmGrammar *g, const SlmGrammarState *state, uint8_t *bytes,
							   size_t *n);

#endif
