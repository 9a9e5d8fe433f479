/*
 * write_fields.c - the values of named fields, written by a decoder
 */
#include "task/write_fields.h"

#include "base/limits.h"
#include "task/field_prompt.h"
#include "task/read_written.h"
#include "task/writer.h"

SlmStatus
slm_task_field_constraint(const SlmMaskTree *tree, const SlmSchema *schema, const SlmHost *host,
						  SlmArena *scratch, SlmArena *arena, SlmConstraint **out, SlmError *err)
{
	SlmJsonNode *node;
	uint32_t n;

	SLM_TRY(slm_field_nodes(schema, scratch, &node, &n, err));
	return slm_constraint_new(tree, node, n, true, host, arena, out, err);
}

static SlmStatus
make_prompt(SlmRun *run, SlmText text, const SlmSchema *schema, const SlmConstraint *constraint,
			SlmText instructions, SlmPrompt *out, SlmError *err)
{
	*out = (SlmPrompt){
		.system = instructions.size > 0 ? instructions : slm_text(SLM_EXTRACT_INSTRUCTIONS),
		.max_tokens = SLM_MAX_FIELD_TOKENS,
		.constraint = constraint,
		.input = text,
	};
	return slm_field_prompt(schema, text, run->arena, &out->user, err);
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
		SLM_TRY(make_prompt(run, text[i], schema, constraint, instructions, &prompt[i], err));
	SLM_TRY(slm_task_generate_many(run, prompt, n, written, row_status, err));
	for (int i = 0; i < n; i++)
		out[i] = (SlmExtraction){.json = written[i].text};
	return SLM_OK;
}

/* One row; all it takes from the arena stays there. */
static SlmStatus
write_spans(SlmRun *run, const SlmPrompt *prompt, const SlmSchema *schema, SlmExtraction *out,
			SlmError *err)
{
	SlmVerbatim *input;
	SlmWritten written;
	SlmWriter *writer;
	SlmRowSize size;
	int row;

	SLM_TRY(slm_writer_measure(run, prompt, &size, err));
	SLM_TRY(slm_writer_new(run, 1, size, &writer, err));
	SLM_TRY(slm_writer_add(writer, prompt, &row, err));
	while (slm_writer_busy(writer) > 0)
		SLM_TRY(slm_writer_step(writer, err));
	SLM_TRY(slm_writer_take(writer, row, run->arena, &written, err));
	SLM_TRY(slm_verbatim_new(prompt->constraint->grammar, prompt->input, run->host, run->arena,
							 &input, err));
	return slm_read_written(schema, &written, prompt->input, input, run->host, run->arena, out,
							err);
}

SlmStatus
slm_task_write_spans(SlmRun *run, SlmText text, const SlmSchema *schema,
					 const SlmConstraint *constraint, SlmText instructions, SlmExtraction *out,
					 SlmStatus *row_status, SlmError *err)
{
	SlmStatus status;
	SlmPrompt prompt;

	*out = (SlmExtraction){.json = slm_text("")};
	SLM_TRY(make_prompt(run, text, schema, constraint, instructions, &prompt, err));
	prompt.tells_tokens = true;
	status = write_spans(run, &prompt, schema, out, err);
	if (row_status == NULL)
		return status;
	*row_status = status;
	return slm_task_prompt_failed(status) ? SLM_OK : status;
}
