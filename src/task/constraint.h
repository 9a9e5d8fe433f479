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

#endif
