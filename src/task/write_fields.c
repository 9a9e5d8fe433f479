/*
 * write_fields.c - the values of named fields, written by a decoder
 */
#include "task/write_fields.h"

#include "base/limits.h"
#include "task/field_prompt.h"

SlmStatus
slm_task_field_constraint(const SlmMaskTree *tree, const SlmSchema *schema, const SlmHost *host,
						  SlmArena *scratch, SlmArena *arena, SlmConstraint **out, SlmError *err)
{
	SlmJsonNode *node;
	uint32_t n;

	SLM_TRY(slm_field_nodes(schema, scratch, &node, &n, err));
	return slm_constraint_new(tree, node, n, true, host, arena, out, err);
}

SlmStatus
slm_task_write_fields(SlmRun *run, const SlmText *text, int n, const SlmSchema *schema,
					  const SlmConstraint *constraint, SlmText instructions, SlmExtraction *out,
					  SlmStatus *row_status, SlmError *err)
{
	SlmPrompt *prompt;
	SlmWritten *written;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &prompt, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &written, err));
	for (int i = 0; i < n; i++)
	{
		prompt[i] = (SlmPrompt){
			.system = instructions.size > 0 ? instructions : slm_text(SLM_EXTRACT_INSTRUCTIONS),
			.max_tokens = SLM_MAX_FIELD_TOKENS,
			.constraint = constraint,
			.input = text[i],
		};
		SLM_TRY(slm_field_prompt(schema, text[i], run->arena, &prompt[i].user, err));
	}
	SLM_TRY(slm_task_generate_many(run, prompt, n, written, row_status, err));
	for (int i = 0; i < n; i++)
		out[i] = (SlmExtraction){.json = written[i].text};
	return SLM_OK;
}
