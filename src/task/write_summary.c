/*
 * write_summary.c - the summary of a text, in the words of a model that writes
 */
#include "task/write_summary.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "task/buffer.h"
#include "task/chunk.h"
#include "task/windows.h"

#define TOKENS_A_WORD 8   /* that a summary may take, more than any language needs */
#define SPARE_TOKENS 8    /* that a text may have more of in a prompt than alone */
#define LEAST_TOKENS 16   /* of a text, and of a summary: with fewer nothing can be said */
#define SHARE_OF_CHUNK 3  /* its summary is at most this part of a chunk */
#define PARTS_AT_ONCE 256 /* whose prompts are in memory */
#define HEAD "Text:\n"
#define BLANK_LINE "\n\n"

/* What a call's texts are summarized by. */
typedef struct Summarizer
{
	SlmRun *run;
	int max_words;
	SlmText instructions;
	int max_tokens;    /* of a summary */
	int room;          /* tokens of a text that fit beside it */
	bool keeps_failed; /* rows that fail have a status, and do not fail the call */
} Summarizer;

/* ---- The end of a summary ------------------------------------------------------ */

/* The end of the last whole sentence within max_words words; 0: there is none. */
static SlmStatus
last_sentence(SlmText text, const SlmHost *host, int max_words, bool ended, size_t *out,
			  SlmError *err)
{
	SlmSentenceReader reader;
	SlmSentence sentence;
	size_t end = 0;
	int n_word = 0;

	*out = 0;
	slm_sentences_init(&reader, text, host);
	for (;;)
	{
		int n, n_number;

		SLM_TRY(slm_sentence_next(&reader, &sentence, err));
		if (sentence.size == 0)
			return SLM_OK;
		if (!ended && end > 0)
			*out = end; /* another one follows, so that one was whole */
		SLM_TRY(slm_count_words((SlmText){text.data + end, sentence.start + sentence.size - end},
								host, &n, &n_number, err));
		n_word += n;
		if (n_word > max_words)
			return SLM_OK;
		end = sentence.start + sentence.size;
		if (ended)
			*out = end;
	}
}

SlmStatus
slm_summary_end(SlmText text, const SlmHost *host, int max_words, bool ended, size_t *size,
				bool *cut, SlmError *err)
{
	SlmSentence whole = {0, text.size};
	int n_word, n_number;

	*cut = false;
	*size = text.size;
	SLM_TRY(slm_count_words(text, host, &n_word, &n_number, err));
	if (n_word == 0 || (ended && n_word <= max_words))
		return SLM_OK;
	SLM_TRY(last_sentence(text, host, max_words, ended, size, err));
	if (*size > 0)
		return SLM_OK;
	SLM_TRY(slm_summary_cut(text, host, max_words, &whole, cut, err));
	*cut = true;
	*size = whole.size;
	return SLM_OK;
}

/* ---- One prompt ----------------------------------------------------------------- */

static SlmText
trimmed(SlmText text)
{
	size_t before;

	while (text.size > 0 && slm_char_is_white(slm_char_at(text, 0)))
	{
		size_t n = slm_char_size(text, 0);

		text.data += n;
		text.size -= n;
	}
	while (text.size > 0 && slm_char_is_white(slm_char_before(text, text.size, &before)))
		text.size = before;
	return text;
}

static SlmStatus
make_prompt(const Summarizer *s, SlmText text, int max_words, int max_tokens, SlmPrompt *out,
			SlmError *err)
{
	SlmArena *arena = s->run->arena;
	SlmBuffer system = {0}, user = {0};
	char line[96];

	snprintf(line, sizeof(line),
			 "Summarize the text in at most %d word%s. Answer with the summary alone.", max_words,
			 max_words == 1 ? "" : "s");
	SLM_TRY(slm_buffer_put(&system, arena, line, strlen(line), err));
	if (s->instructions.size > 0)
		SLM_TRY(slm_buffer_put(&system, arena, "\n", 1, err));
	SLM_TRY(slm_buffer_put(&system, arena, s->instructions.data, s->instructions.size, err));
	SLM_TRY(slm_buffer_put(&user, arena, HEAD, strlen(HEAD), err));
	SLM_TRY(slm_buffer_put(&user, arena, text.data, text.size, err));
	*out = (SlmPrompt){
		.system = {system.data, system.n},
		.user = {user.data, user.n},
		.max_tokens = max_tokens,
		.max_words = max_words,
	};
	return SLM_OK;
}

/* ---- Parts: texts that fit, all of a call's beside each other ---------------------- */

/* A text to be summarized, whole or a chunk; then its summary. */
typedef struct Part
{
	int row;
	int max_words, max_tokens;
	SlmWrittenSummary summary; /* its text is what is to be summarized, at first */
	SlmStatus status;
} Part;

/* The summaries of parts in one piece of memory where the arena was at a mark, all that is kept. */
static SlmStatus
keep_summaries(SlmArena *arena, SlmArenaMark mark, Part *part, int n, SlmError *err)
{
	size_t size = 0;
	char *joined, *at;
	void *kept;

	for (int i = 0; i < n; i++)
		size += part[i].summary.text.size;
	SLM_TRY(SLM_NEW_ARRAY(arena, size, &joined, err));
	size = 0;
	for (int i = 0; i < n; i++)
	{
		memcpy(joined + size, part[i].summary.text.data, part[i].summary.text.size);
		size += part[i].summary.text.size;
	}
	SLM_TRY(slm_arena_keep(arena, mark, joined, size, arena, &kept, err));
	at = kept;
	for (int i = 0; i < n; i++)
	{
		part[i].summary.text.data = at;
		at += part[i].summary.text.size;
	}
	return SLM_OK;
}

/* A written text becomes the summary that it is cut to. */
static SlmStatus
end_summary(const Summarizer *s, const SlmWritten *written, Part *part, SlmError *err)
{
	SlmText *text = &part->summary.text;

	*text = trimmed(written->text);
	return slm_summary_end(*text, s->run->host, part->max_words, written->ended, &text->size,
						   &part->summary.cut, err);
}

/* At most PARTS_AT_ONCE of them. */
static SlmStatus
write_group(const Summarizer *s, Part *part, int n, SlmError *err)
{
	SlmArena *arena = s->run->arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	SlmStatus *status = NULL;
	SlmPrompt *prompt;
	SlmWritten *written;

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n, &prompt, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n, &written, err));
	if (s->keeps_failed)
		SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n, &status, err));
	for (int i = 0; i < n; i++)
		SLM_TRY(make_prompt(s, part[i].summary.text, part[i].max_words, part[i].max_tokens,
							&prompt[i], err));
	SLM_TRY(slm_task_generate_many(s->run, prompt, n, written, status, err));
	for (int i = 0; i < n; i++)
	{
		part[i].status = status != NULL ? status[i] : SLM_OK;
		SLM_TRY(end_summary(s, &written[i], &part[i], err));
	}
	return keep_summaries(arena, mark, part, n, err);
}

/* What became of texts that have passed all limits; prompts around them have none. */
static SlmStatus
write_parts(const Summarizer *s, Part *part, int n, SlmError *err)
{
	int max_input_tokens = s->run->max_input_tokens;
	SlmStatus status = SLM_OK;

	s->run->max_input_tokens = 0;
	for (int i = 0; i < n && status == SLM_OK; i += PARTS_AT_ONCE)
		status = write_group(s, part + i, n - i < PARTS_AT_ONCE ? n - i : PARTS_AT_ONCE, err);
	s->run->max_input_tokens = max_input_tokens;
	return status;
}

/* ---- Long texts ------------------------------------------------------------------- */

/* Chunks of about the same size, each of which fits. */
static SlmStatus
make_chunks(const Summarizer *s, SlmText text, int n_token, SlmChunk **chunk, int *n_chunk,
			SlmError *err)
{
	int n = (n_token + s->room - 1) / s->room;
	int size = (n_token + n - 1) / n;

	size += size / 8 + 1; /* they end with words */
	return slm_task_chunk(s->run, text, size < s->room ? size : s->room, 0, chunk, n_chunk, err);
}

/* A chunk, whose summary is shorter by the share. */
static SlmStatus
chunk_part(const Summarizer *s, SlmText text, int n_token, Part *out, SlmError *err)
{
	int max_words, n_number, max_tokens = n_token / SHARE_OF_CHUNK;

	SLM_TRY(slm_count_words(text, s->run->host, &max_words, &n_number, err));
	max_words /= SHARE_OF_CHUNK;
	if (max_words < 1)
		max_words = 1;
	if (max_words > s->max_words)
		max_words = s->max_words;
	if (max_tokens < 1)
		max_tokens = 1;
	if (max_tokens > s->max_tokens)
		max_tokens = s->max_tokens;
	*out = (Part){.max_words = max_words, .max_tokens = max_tokens, .summary.text = text};
	return SLM_OK;
}

static SlmStatus
count_tokens(const Summarizer *s, SlmText text, int *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(s->run->arena);
	SlmTokens tokens;

	SLM_TRY(slm_task_tokenize(s->run, slm_text(""), text, &tokens, err));
	*out = tokens.n;
	slm_arena_rewind(s->run->arena, mark);
	return SLM_OK;
}

/* A text on its way to a summary, which takes rounds where it is long. */
typedef struct Row
{
	SlmText text; /* that is left to be summarized */
	int n_token;  /* of it */
	bool is_done; /* has its summary, or has failed */
	SlmChunk *chunk;
	int n_part; /* chunks, 0: the whole */
} Row;

/* Makes a text fit by its first chunk. */
static SlmStatus
truncate(const Summarizer *s, Row *row, SlmError *err)
{
	while (row->n_token > s->room)
	{
		int before = row->n_token, n;
		SlmChunk *chunk;

		SLM_TRY(slm_task_chunk(s->run, row->text, s->room, 0, &chunk, &n, err));
		row->text.size = chunk[0].start + chunk[0].size;
		SLM_TRY(count_tokens(s, row->text, &row->n_token, err));
		if (row->n_token >= before)
			return slm_fail(err, SLM_ERR_LIMIT, "text of %d tokens does not get shorter", before);
	}
	return SLM_OK;
}

/* What is to be summarized of a row in this round: all of it where it fits, else its chunks. */
static SlmStatus
plan_row(const Summarizer *s, Row *row, SlmError *err)
{
	row->n_part = 0;
	if (s->run->options->overflow == SLM_OVERFLOW_TRUNCATE)
		return truncate(s, row, err);
	if (row->n_token <= s->room)
		return SLM_OK;
	return make_chunks(s, row->text, row->n_token, &row->chunk, &row->n_part, err);
}

/* Adds the parts of row number i of a call. */
static SlmStatus
add_parts(const Summarizer *s, const Row *row, int i, Part *part, int *n_part, SlmError *err)
{
	if (row->n_part == 0)
		part[(*n_part)++] = (Part){.row = i,
								   .max_words = s->max_words,
								   .max_tokens = s->max_tokens,
								   .summary.text = row->text};
	for (int j = 0; j < row->n_part; j++)
	{
		SlmText text = {row->text.data + row->chunk[j].start, row->chunk[j].size};

		SLM_TRY(chunk_part(s, text, row->chunk[j].n_token, &part[*n_part], err));
		part[(*n_part)++].row = i;
	}
	return SLM_OK;
}

/* A row goes on with the summaries of its chunks, with a blank line between each two. */
static SlmStatus
join_parts(const Summarizer *s, Row *row, const Part *part, SlmError *err)
{
	SlmArena *arena = s->run->arena;
	SlmBuffer joined = {0};
	int before = row->n_token;

	for (int i = 0; i < row->n_part; i++)
	{
		SlmText text = part[i].summary.text;

		if (joined.n > 0 && text.size > 0)
			SLM_TRY(slm_buffer_put(&joined, arena, BLANK_LINE, strlen(BLANK_LINE), err));
		SLM_TRY(slm_buffer_put(&joined, arena, text.data, text.size, err));
	}
	row->text = (SlmText){joined.data, joined.n};
	SLM_TRY(count_tokens(s, row->text, &row->n_token, err));
	if (row->n_token >= before)
		return slm_fail(err, SLM_ERR_LIMIT, "text of %d tokens does not get shorter", before);
	return SLM_OK;
}

/* What the parts of a row have come to; *out is its summary when it is done. */
static SlmStatus
take_parts(const Summarizer *s, Row *row, const Part *part, SlmWrittenSummary *out, SlmError *err)
{
	int n = row->n_part > 0 ? row->n_part : 1;

	for (int i = 0; i < n; i++)
		if (part[i].status != SLM_OK)
			return part[i].status;
	if (row->n_part > 0)
	{
		SLM_TRY(join_parts(s, row, part, err));
		if (row->text.size > 0)
			return SLM_OK;
		*out = (SlmWrittenSummary){.text = slm_text("")};
	}
	else
		*out = part[0].summary;
	row->is_done = true;
	return SLM_OK;
}

/* ---- Texts ------------------------------------------------------------------------ */

static SlmStatus
summarizer_init(Summarizer *s, SlmError *err)
{
	const SlmChat *chat = slm_chat_find(s->run->options->prompt_format);
	int context = slm_context_length(s->run), n;
	SlmArenaMark mark = slm_arena_mark(s->run->arena);
	SlmPrompt prompt;
	int32_t *id;

	if (chat == NULL)
		return slm_fail(err, SLM_ERR_INTERNAL, "no such chat format");
	SLM_TRY(make_prompt(s, slm_text(""), s->max_words, 1, &prompt, err));
	SLM_TRY(slm_chat_tokens(chat, slm_model_tokenizer(s->run->model), s->run->host, prompt.system,
							prompt.user, s->run->arena, &id, &n, err));
	slm_arena_rewind(s->run->arena, mark);
	s->max_tokens = LEAST_TOKENS + TOKENS_A_WORD * s->max_words;
	if (s->max_tokens > context / 4)
		s->max_tokens = context / 4;
	s->room = context - n - s->max_tokens - SPARE_TOKENS;
	if (s->room < LEAST_TOKENS || s->max_tokens < LEAST_TOKENS)
		return slm_fail(err, SLM_ERR_LIMIT,
						"context of %d tokens leaves no room for a text and its summary", context);
	return SLM_OK;
}

/* What a text is to begin with; a short one is its own summary. */
static SlmStatus
begin_row(const Summarizer *s, SlmText text, Row *row, SlmWrittenSummary *out, SlmError *err)
{
	int n_word, n_number, n_held;

	*row = (Row){.text = trimmed(text)};
	*out = (SlmWrittenSummary){.text = row->text};
	SLM_TRY(slm_count_words(row->text, s->run->host, &n_word, &n_number, err));
	row->is_done = (n_word <= s->max_words && s->instructions.size == 0) || row->text.size == 0;
	if (row->is_done)
		return SLM_OK;
	SLM_TRY(count_tokens(s, row->text, &row->n_token, err));
	n_held = row->n_token;
	return slm_task_overflow(s->run, s->room, &n_held, err);
}

/* A row's own failure ends it; any other is the call's. */
static SlmStatus
end_failed(const Summarizer *s, Row *row, SlmStatus status, SlmStatus *row_status,
		   SlmWrittenSummary *out)
{
	if (status == SLM_OK || !s->keeps_failed || !slm_task_row_failed(status))
		return status;
	*row_status = status;
	*out = (SlmWrittenSummary){.text = slm_text("")};
	row->is_done = true;
	return SLM_OK;
}

/* Summarizes what is left of all rows, once; *any is false when nothing is. */
static SlmStatus
run_round(const Summarizer *s, Row *row, int n, SlmWrittenSummary *out, SlmStatus *row_status,
		  bool *any, SlmError *err)
{
	size_t n_part = 0;
	Part *part;
	int at = 0;

	for (int i = 0; i < n; i++)
	{
		if (row[i].is_done)
			continue;
		SLM_TRY(end_failed(s, &row[i], plan_row(s, &row[i], err), &row_status[i], &out[i]));
		if (!row[i].is_done)
			n_part += row[i].n_part > 0 ? (size_t) row[i].n_part : 1;
	}
	*any = n_part > 0;
	SLM_TRY(SLM_NEW_ARRAY(s->run->arena, n_part, &part, err));
	for (int i = 0; i < n; i++)
		if (!row[i].is_done)
			SLM_TRY(add_parts(s, &row[i], i, part, &at, err));
	SLM_TRY(write_parts(s, part, at, err));
	for (int first = 0, end; first < at; first = end)
	{
		int i = part[first].row;

		for (end = first; end < at && part[end].row == i;)
			end++;
		SLM_TRY(end_failed(s, &row[i], take_parts(s, &row[i], part + first, &out[i], err),
						   &row_status[i], &out[i]));
	}
	return SLM_OK;
}

SlmStatus
slm_task_write_summaries(SlmRun *run, const SlmText *text, int n, int max_words,
						 SlmText instructions, SlmWrittenSummary *out, SlmStatus *row_status,
						 SlmError *err)
{
	Summarizer s = {.run = run,
					.max_words = max_words,
					.instructions = instructions,
					.keeps_failed = row_status != NULL};
	bool any = true;
	Row *row;

	SLM_TRY(slm_task_check_max_words(max_words, err));
	SLM_TRY(summarizer_init(&s, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &row, err));
	if (row_status == NULL)
		SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &row_status, err));
	for (int i = 0; i < n; i++)
	{
		row_status[i] = SLM_OK;
		SLM_TRY(end_failed(&s, &row[i], begin_row(&s, text[i], &row[i], &out[i], err),
						   &row_status[i], &out[i]));
	}
	while (any)
		SLM_TRY(run_round(&s, row, n, out, row_status, &any, err));
	return SLM_OK;
}
