/*
 * constraint.h - what a written answer must be, for the tokens of one model
 *
 * A grammar (grammar.h) with the masks of a model's tokens (token_mask.h).  The tree
 * of tokens is made once for a model, a constraint once for a schema; it is used
 * for any number of answers.
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
 * The tree of a model's tokens, in the arena: some tens of milliseconds and five
 * megabytes for 128,000 tokens, so that one is made for a model and shared by its
 * constraints.  Takes memory from scratch, which it gives back.  Polls host.
 */
extern SlmStatus slm_constraint_tree(const SlmModel *model, const SlmHost *host, SlmArena *scratch,
									 SlmArena *arena, SlmMaskTree **out,
									 SlmError *err) SLM_MUST_CHECK;

/*
 * Compiles a JSON Schema for the tokens of a tree, which lives as long, into the
 * arena; the nodes need not live on.  Errors as slm_grammar_compile().  Polls host.
 */
extern SlmStatus slm_constraint_new(const SlmMaskTree *tree, const SlmJsonNode *node,
									uint32_t n_node, bool verbatim, const SlmHost *host,
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
