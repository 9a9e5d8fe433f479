/*
 * constraint.h - what a written answer must be, for the tokens of one model
 *
 * A grammar (grammar.h) with the masks of a model's tokens (token_mask.h).  Made
 * once for a schema, used for any number of answers.
 */
#ifndef SLM_TASK_CONSTRAINT_H
#define SLM_TASK_CONSTRAINT_H

#include "engine/slm.h"
#include "task/token_mask.h"

#define SLM_FORCED_TOKENS 256 /* that are looked ahead at a time, and bytes */

typedef struct SlmConstraint
{
	SlmGrammar *grammar;
	SlmMaskCache *cache;
	bool verbatim; /* strings are substrings of an input */
} SlmConstraint;

/*
 * Compiles a JSON Schema for a model, into the arena; the nodes need not live on.
 * Takes memory from scratch, which it gives back.  Errors as slm_grammar_compile().
 * Polls host.
 */
extern SlmStatus slm_constraint_new(const SlmModel *model, const SlmJsonNode *node, uint32_t n_node,
									bool verbatim, const SlmHost *host, SlmArena *scratch,
									SlmArena *arena, SlmConstraint **out,
									SlmError *err) SLM_MUST_CHECK;

/*
 * Tokens of what must follow in a state, into id[SLM_FORCED_TOKENS], as the
 * tokenizer cuts it: all but the last one, because a longer one may begin there.
 * Only as far as they spell it byte for byte, which a tokenizer that changes texts
 * (accents into one character, spaces) may not.  first: the answer begins with them.
 * Memory is taken from scratch and given back.
 */
extern SlmStatus slm_constraint_forced(const SlmConstraint *constraint,
									   const SlmGrammarState *state, bool first,
									   const SlmTokenizer *tokenizer, const SlmHost *host,
									   SlmArena *scratch, int32_t *id, int *n,
									   SlmError *err) SLM_MUST_CHECK;

#endif
