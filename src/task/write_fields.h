/*
 * write_fields.h - the values of named fields, written by a decoder
 *
 * Beside extract.h, which finds spans: here a model writes the JSON object, and
 * its grammar sees to it that it keeps to the schema and that every string
 * without a format or an enum is a substring of the text, whole words only.
 * Numbers, and strings of a format, are the model's words: well-formed, but
 * nothing proves that the text says them.
 */
#ifndef SLM_TASK_WRITE_FIELDS_H
#define SLM_TASK_WRITE_FIELDS_H

#include "task/extract.h"
#include "task/generate.h"
#include "task/schema.h"

/* The constraint for a schema's object, of slm_constraint_tree()'s tree; errors as slm_constraint_new(). */
extern SlmStatus slm_task_field_constraint(const SlmMaskTree *tree, const SlmSchema *schema,
										   const SlmHost *host, SlmArena *scratch, SlmArena *arena,
										   SlmConstraint **out, SlmError *err) SLM_MUST_CHECK;

/*
 * out[i].json = what text[i] says, in run->arena, without rows of values.
 * instructions may be empty.  row_status is task.h's; beside what stands there, a
 * text that lacks a field which must be there is SLM_ERR_NO_VALUE, and one that
 * does not fit into the context beside its answer, or whose answer has more than
 * SLM_MAX_FIELD_TOKENS tokens, is SLM_ERR_LIMIT.
 */
extern SlmStatus slm_task_write_fields(SlmRun *run, const SlmText *text, int n,
									   const SlmSchema *schema, const SlmConstraint *constraint,
									   SlmText instructions, SlmExtraction *out,
									   SlmStatus *row_status, SlmError *err) SLM_MUST_CHECK;

/*
 * The same of one text, with rows of values: where each stands in the text, and how
 * sure the model was of it (read_written.h).  Always written in this process.
 */
extern SlmStatus slm_task_write_spans(SlmRun *run, SlmText text, const SlmSchema *schema,
									  const SlmConstraint *constraint, SlmText instructions,
									  SlmExtraction *out, SlmStatus *row_status,
									  SlmError *err) SLM_MUST_CHECK;

#endif
