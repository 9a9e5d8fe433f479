/*
 * write_fields.c - the values of named fields, written by a decoder
 */
#include "task/write_fields.h"

#include <string.h>

#include "base/limits.h"
#include "task/field_prompt.h"

SlmStatus
slm_task_field_constraint(const SlmModel *model, const SlmSchema *schema, const SlmHost *host,
						  SlmArena *scratch, SlmArena *arena, SlmConstraint **out, SlmError *err)
{
	SlmJsonNode *node;
	uint32_t n;

	SLM_TRY(slm_field_nodes(schema, scratch, &node, &n, err));
	return slm_constraint_new(model, node, n, true, host, scratch, arena, out, err);
}

/* One row; all it takes from the arena stays there. */
static SlmStatus
write_row(SlmRun *run, SlmText text, const SlmSchema *schema, const SlmConstraint *constraint,
		  SlmText instructions, SlmWritten *out, SlmError *err)
{
	SlmPrompt prompt = {
		.system = instructions.size > 0 ? instructions : slm_text(SLM_EXTRACT_INSTRUCTIONS),
		.max_tokens = SLM_MAX_FIELD_TOKENS,
		.constraint = constraint,
		.input = text,
	};

	SLM_TRY(slm_field_prompt(schema, text, run->arena, &prompt.user, err));
	return slm_task_generate(run, &prompt, out, err);
}

SlmStatus
slm_task_write_fields(SlmRun *run, const SlmText *text, int n, const SlmSchema *schema,
					  const SlmConstraint *constraint, SlmText instructions, SlmExtraction *out,
					  SlmStatus *row_status, SlmError *err)
{
	for (int i = 0; i < n; i++)
	{
		SlmArenaMark mark = slm_arena_mark(run->arena);
		SlmWritten written;
		SlmStatus status = write_row(run, text[i], schema, constraint, instructions, &written, err);
		char *kept;

		out[i] = (SlmExtraction){.json = slm_text("")};
		slm_arena_rewind(run->arena, mark);
		if (row_status != NULL && (slm_task_row_failed(status) || status == SLM_ERR_NO_VALUE))
		{
			row_status[i] = status;
			continue;
		}
		SLM_TRY(status);
		/* what was rewound is still there, and may lie where the copy goes */
		SLM_TRY(SLM_NEW_ARRAY(run->arena, written.text.size, &kept, err));
		memmove(kept, written.text.data, written.text.size);
		out[i].json = (SlmText){kept, written.text.size};
		if (row_status != NULL)
			row_status[i] = SLM_OK;
	}
	return SLM_OK;
}
