/*
 * writer_row.h - one text in the making, whoever computes its logits
 *
 * Private to src/task.  A row is a prompt's tokens with those of the answer behind
 * them.  It is asked to go on, which takes what its constraint leaves no choice
 * about; then it needs the logits of what follows all its tokens, and chooses one.
 */
#ifndef SLM_TASK_WRITER_ROW_H
#define SLM_TASK_WRITER_ROW_H

#include "task/generate.h"

#define SLM_STOP_BYTES 32 /* of a chat format's stop text, at most */

/* What all rows of a writer share; borrowed. */
typedef struct SlmRowMaker
{
	SlmRun *run;
	const SlmTokenizer *tokenizer;
	int n_vocab;
	SlmText stop;
	uint8_t *bytes; /* [SLM_MAX_TOKEN_BYTES] of the token in hand */
} SlmRowMaker;

extern SlmStatus slm_row_maker_init(SlmRowMaker *maker, SlmRun *run, SlmError *err) SLM_MUST_CHECK;

/* A prompt's tokens, in run->arena. */
typedef struct SlmRowTokens
{
	int32_t *id;
	int n;
	int room; /* tokens of prompt and answer together, at most */
} SlmRowTokens;

/* SLM_ERR_LIMIT for a prompt that is too long, as slm_task_generate() says. */
extern SlmStatus slm_row_tokens(SlmRun *run, const SlmPrompt *prompt, SlmRowTokens *out,
								SlmError *err) SLM_MUST_CHECK;

typedef struct SlmRow
{
	SlmSampling sampling;
	int max_tokens, max_words;
	const SlmConstraint *constraint; /* or NULL */
	SlmGrammarState state;           /* of the constraint */

	int32_t *id;   /* [room + 1] of the prompt, and of the answer behind it */
	float *chance; /* [room + 1] of each of these; NULL: not told */
	int n_prompt, n_id;
	int room;
	int n_forced;
	char tail[SLM_STOP_BYTES]; /* what the answer ends with */
	size_t n_tail;
	size_t n_cut;  /* bytes of the stop text, which are not part of the answer */
	bool has_all;  /* its value is complete, or the model has ended it */
	bool is_over;  /* nothing is asked any more */
	bool has_more; /* words than it may have */
} SlmRow;

/*
 * Makes a row of a prompt whose tokens are given; id [tokens->room + 1] and input,
 * which is NULL where the constraint has none, are the row's as long as it lives.
 */
extern void slm_row_begin(SlmRow *row, const SlmPrompt *prompt, const SlmRowTokens *tokens,
						  int32_t *id, const SlmVerbatim *input);

/* Takes what must follow; then it is over, or the next token is to be chosen. */
extern SlmStatus slm_row_go_on(const SlmRowMaker *maker, SlmRow *row, SlmError *err) SLM_MUST_CHECK;

/* Tokens that a row may choose from. */
typedef struct SlmRowChoice
{
	uint64_t *allowed; /* mask of the row's state, NULL without a constraint */
	int32_t *token;    /* [n] its tokens, ascending, NULL: all that are in the mask */
	int n;
} SlmRowChoice;

/* Memory for what a row may choose from, of a vocabulary's size. */
typedef struct SlmChoiceMemory
{
	uint64_t *allowed; /* [n_word] */
	size_t n_word;
	int32_t *few; /* [n_few] */
	int n_few;
} SlmChoiceMemory;

extern SlmStatus slm_choice_memory(SlmArena *arena, int n_vocab, SlmChoiceMemory *out,
								   SlmError *err) SLM_MUST_CHECK;

/*
 * What a row may choose from, which is known before its logits are.  Of few tokens
 * theirs alone need be asked for, where that is wanted; not where one is drawn or its chance
 * is noted, as the sum of what tokens share is that of a whole vocabulary.
 */
extern SlmStatus slm_row_choice(const SlmRow *row, bool few, const SlmChoiceMemory *memory,
								SlmRowChoice *out, SlmError *err) SLM_MUST_CHECK;

/*
 * Chooses what follows all tokens so far, by logits [n] of the choice's tokens, or of
 * the vocabulary, which are overwritten; and goes on.
 */
extern SlmStatus slm_row_choose(const SlmRowMaker *maker, SlmRow *row, float *logits,
								const SlmRowChoice *choice, SlmError *err) SLM_MUST_CHECK;

/* Tokens of the answer so far. */
static inline int
slm_row_written(const SlmRow *row)
{
	return row->n_id - row->n_prompt;
}

/* What a row that is over has come to, but for its text; SLM_ERR_LIMIT for half of a value. */
extern SlmStatus slm_row_result(const SlmRow *row, SlmWritten *out, SlmError *err) SLM_MUST_CHECK;

/* The text of an answer's tokens without n_cut bytes at its end, valid UTF-8, in the arena. */
extern SlmStatus slm_row_text(const SlmRowMaker *maker, const int32_t *id, int n, size_t n_cut,
							  SlmArena *arena, SlmText *out, SlmError *err) SLM_MUST_CHECK;

/* The tokens of an answer to which no byte was added and none taken away, in the arena. */
extern SlmStatus slm_row_told(const SlmRowMaker *maker, const SlmRow *row, SlmArena *arena,
							  const SlmWrittenToken **out, SlmError *err) SLM_MUST_CHECK;

#endif
