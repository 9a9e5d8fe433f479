/*
 * generate.h - text that a decoder writes
 *
 * The prompt is a system's and a user's text in the model's chat format; both
 * are data, whatever they spell.  Writing ends with a control token, with the
 * format's stop text, or when max_tokens are written.  What is written is valid
 * UTF-8 without NUL: bytes that are not become U+FFFD.  The space that some
 * vocabularies put before a text (tokenizer.h) is not part of it.
 *
 * Under a constraint only tokens that its grammar allows are chosen from, and
 * writing ends when the value is complete.  Where the grammar leaves no choice,
 * what must follow is tokenized and read by the model, but not asked of it; its
 * last token is, because a longer one may begin there.
 */
#ifndef SLM_TASK_GENERATE_H
#define SLM_TASK_GENERATE_H

#include "engine/decode.h"
#include "engine/sample.h"
#include "task/constraint.h"
#include "task/task.h"
#include "tokenizer/chat.h"

typedef struct SlmPrompt
{
	SlmText system; /* may be empty */
	SlmText user;
	int max_tokens; /* 1 .. SLM_MAX_GENERATED_TOKENS */
	int max_words;  /* 0, or writing ends soon after more words than that */
	SlmSampling sampling;
	const SlmConstraint *constraint; /* or NULL; its cache is written to */
	SlmText input;                   /* that strings of a verbatim constraint are substrings of */
	bool tells_tokens;               /* by slm_writer_take(), of temperature 0 and a constraint */
} SlmPrompt;

/* Is the model one that writes, and not registered to give embeddings? */
extern bool slm_task_writes(const SlmModel *model, const SlmModelOptions *options);

/* SLM_ERR_ARGUMENT for max_tokens out of range, or a temperature that is negative or no number. */
extern SlmStatus slm_task_check_prompt(const SlmPrompt *prompt, SlmError *err) SLM_MUST_CHECK;

/* A token of an answer. */
typedef struct SlmWrittenToken
{
	uint32_t end; /* byte of the text behind it */
	float chance; /* its probability among those that were allowed; of a forced one 1 */
} SlmWrittenToken;

typedef struct SlmWritten
{
	SlmText text;
	int n_token;                  /* of it */
	int n_forced;                 /* of these, that the grammar left no choice about */
	bool ended;                   /* by the model, or by a complete value; not by a limit */
	const SlmWrittenToken *token; /* [n_token] where the prompt asked for them, else NULL */
	int n_read;                   /* tokens of prompt and answer that went through the model, */
	int n_kept; /* and that need not, because another prompt begins alike; of writers only */
} SlmWritten;

/* Is a failure a prompt's own, and no one else's?  Its input may lack what a constraint requires. */
static inline bool
slm_task_prompt_failed(SlmStatus status)
{
	return slm_task_row_failed(status) || status == SLM_ERR_NO_VALUE;
}

/*
 * Another process that may write instead.  What it has written, or how that failed, is
 * as slm_task_generate_many() says, with run's counters; is_done [n], false before, says
 * of which prompts: the others are to be written here.
 */
struct SlmOutlet
{
	void *arg;
	SlmStatus (*write)(void *arg, SlmRun *run, const SlmPrompt *prompt, int n, SlmWritten *out,
					   SlmStatus *row_status, bool *is_done, SlmError *err);
};

/*
 * Writes the answer to a prompt into run->arena.  SLM_ERR_LIMIT when the prompt
 * leaves no room in the context, or a constraint's value is not complete after
 * max_tokens or at the end of the context; without a constraint the answer just
 * ends there.  SLM_ERR_UNSUPPORTED for a model that does not decode.
 */
extern SlmStatus slm_task_generate(SlmRun *run, const SlmPrompt *prompt, SlmWritten *out,
								   SlmError *err) SLM_MUST_CHECK;

/*
 * The same for n prompts, in company (writer.h): as many rows beside each other as
 * run->batch_rows, SLM_MAX_WRITER_ROWS and the arena allow.  row_status is task.h's,
 * SLM_ERR_NO_VALUE for an input that lacks what a verbatim constraint requires among
 * them; without it the first of the prompts that fails, fails the call.
 */
extern SlmStatus slm_task_generate_many(SlmRun *run, const SlmPrompt *prompt, int n,
										SlmWritten *out, SlmStatus *row_status,
										SlmError *err) SLM_MUST_CHECK;

#endif
