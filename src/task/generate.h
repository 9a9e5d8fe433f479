/*
 * generate.h - text that a decoder writes
 *
 * The prompt is a system's and a user's text in the model's chat format; both
 * are data, whatever they spell.  Writing ends with a control token, with the
 * format's stop text, or when max_tokens are written.  What is written is valid
 * UTF-8 without NUL: bytes that are not become U+FFFD.
 */
#ifndef SLM_TASK_GENERATE_H
#define SLM_TASK_GENERATE_H

#include "engine/decode.h"
#include "engine/sample.h"
#include "task/task.h"
#include "tokenizer/chat.h"

typedef struct SlmPrompt
{
	SlmText system; /* may be empty */
	SlmText user;
	int max_tokens; /* 1 .. SLM_MAX_GENERATED_TOKENS */
	SlmSampling sampling;
} SlmPrompt;

/* SLM_ERR_ARGUMENT for max_tokens out of range, or a temperature that is negative or no number. */
extern SlmStatus slm_task_check_prompt(const SlmPrompt *prompt, SlmError *err) SLM_MUST_CHECK;

/*
 * Writes the answer to a prompt into run->arena.  *n_token says how many tokens
 * were written.  SLM_ERR_LIMIT when the prompt leaves no room in the context;
 * an answer that would need more than is left ends there.  SLM_ERR_UNSUPPORTED
 * for a model that does not decode.
 */
extern SlmStatus slm_task_generate(SlmRun *run, const SlmPrompt *prompt, SlmText *out, int *n_token,
								   SlmError *err) SLM_MUST_CHECK;

#endif
