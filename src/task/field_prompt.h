/*
 * field_prompt.h - the fields of a schema, as a decoder reads and writes them
 */
#ifndef SLM_TASK_FIELD_PROMPT_H
#define SLM_TASK_FIELD_PROMPT_H

#include "base/arena.h"
#include "task/schema.h"

/* What a decoder is told to do with a text and its fields, where the caller does not say. */
#define SLM_EXTRACT_INSTRUCTIONS "Extract the fields from the text. Answer with JSON."

/*
 * A line for each field, then the text:
 *
 *   Fields:
 *   - order.number: string or null; the number on the invoice
 *   - urgency: low | high
 *
 *   Text:
 *   ...
 *
 * The fields come first, so that rows of one schema have their beginning in common.
 */
extern SlmStatus slm_field_prompt(const SlmSchema *schema, SlmText text, SlmArena *arena,
								  SlmText *out, SlmError *err) SLM_MUST_CHECK;

/*
 * The schema as JSON Schema for slm_grammar_compile(), in the arena; borrows the
 * schema's texts.  A shorthand becomes what it is short for.
 */
extern SlmStatus slm_field_nodes(const SlmSchema *schema, SlmArena *arena, SlmJsonNode **out,
								 uint32_t *n, SlmError *err) SLM_MUST_CHECK;

#endif
