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

#define TOKENS_A_WORD 8  /* that a summary may take, more than any language needs */
#define SPARE_TOKENS 8   /* that a text may have more of in a prompt than alone */
#define LEAST_TOKENS 16  /* of a text, and of a summary: with fewer nothing can be said */
#define SHARE_OF_CHUNK 3 /* its summary is at most this part of a chunk */
#define HEAD "Text:\n"
#define BLANK_LINE "\n\n"

/* What a call's texts are summarized by. */
typedef struct Summarizer
{
	SlmRun *run;
	int max_words;
	SlmText instructions;
	int max_tokens; /* of a summary */
	int room;       /* tokens of a text that fit beside it */
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

/* ---- One summary ----------------------------------------------------------------- */

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

/* Moves a text to where the arena was at a mark, and that is all that is kept. */
static SlmStatus
keep_text(SlmArena *arena, SlmArenaMark mark, SlmText *text, SlmError *err)
{
	char *kept;

	slm_arena_rewind(arena, mark);
	/* what was rewound is still there, and may lie where the copy goes */
	SLM_TRY(SLM_NEW_ARRAY(arena, text->size, &kept, err));
	memmove(kept, text->data, text->size);
	text->data = kept;
	return SLM_OK;
}

/* Of a text that fits. */
static SlmStatus
write_one(const Summarizer *s, SlmText text, int max_words, int max_tokens, SlmWrittenSummary *out,
		  SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(s->run->arena);
	SlmWritten written;
	SlmPrompt prompt;

	SLM_TRY(make_prompt(s, text, max_words, max_tokens, &prompt, err));
	SLM_TRY(slm_task_generate(s->run, &prompt, &written, err));
	out->text = trimmed(written.text);
	SLM_TRY(slm_summary_end(out->text, s->run->host, max_words, written.ended, &out->text.size,
							&out->cut, err));
	return keep_text(s->run->arena, mark, &out->text, err);
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

/* The summary of a chunk, which is shorter by the share. */
static SlmStatus
summarize_chunk(const Summarizer *s, SlmText text, int n_token, SlmWrittenSummary *out,
				SlmError *err)
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
	return write_one(s, text, max_words, max_tokens, out, err);
}

/* The summaries of a text's chunks, with a blank line between each two. */
static SlmStatus
map_chunks(const Summarizer *s, SlmText text, int n_token, SlmText *out, SlmError *err)
{
	SlmArena *arena = s->run->arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	SlmBuffer joined = {0};
	SlmChunk *chunk;
	SlmText *part;
	int n;

	SLM_TRY(make_chunks(s, text, n_token, &chunk, &n, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n, &part, err));
	for (int i = 0; i < n; i++)
	{
		SlmText one = {text.data + chunk[i].start, chunk[i].size};
		SlmWrittenSummary summary;

		SLM_TRY(summarize_chunk(s, one, chunk[i].n_token, &summary, err));
		part[i] = summary.text;
	}
	for (int i = 0; i < n; i++)
	{
		if (joined.n > 0 && part[i].size > 0)
			SLM_TRY(slm_buffer_put(&joined, arena, BLANK_LINE, strlen(BLANK_LINE), err));
		SLM_TRY(slm_buffer_put(&joined, arena, part[i].data, part[i].size, err));
	}
	*out = (SlmText){joined.data, joined.n};
	return keep_text(arena, mark, out, err);
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

/* Makes a text fit: by its first chunk, or by the summaries of all. */
static SlmStatus
shorten(const Summarizer *s, SlmText *text, int n_token, SlmError *err)
{
	bool truncate = s->run->options->overflow == SLM_OVERFLOW_TRUNCATE;
	SlmChunk *chunk;
	int before, n;

	while (n_token > s->room)
	{
		before = n_token;
		if (truncate)
		{
			SLM_TRY(slm_task_chunk(s->run, *text, s->room, 0, &chunk, &n, err));
			text->size = chunk[0].start + chunk[0].size;
		}
		else
			SLM_TRY(map_chunks(s, *text, n_token, text, err));
		SLM_TRY(count_tokens(s, *text, &n_token, err));
		if (n_token >= before)
			return slm_fail(err, SLM_ERR_LIMIT, "text of %d tokens does not get shorter", before);
	}
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

/* Of a text that has passed all limits; prompts around it and what becomes of it have none. */
static SlmStatus
summarize_long(Summarizer *s, SlmText text, int n_token, SlmWrittenSummary *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(s->run->arena);

	SLM_TRY(shorten(s, &text, n_token, err));
	*out = (SlmWrittenSummary){.text = text};
	if (text.size > 0)
		SLM_TRY(write_one(s, text, s->max_words, s->max_tokens, out, err));
	return keep_text(s->run->arena, mark, &out->text, err);
}

static SlmStatus
summarize_one(Summarizer *s, SlmText text, SlmWrittenSummary *out, SlmError *err)
{
	int max_input_tokens = s->run->max_input_tokens;
	int n_word, n_number, n_token, n_held;
	SlmStatus status;

	*out = (SlmWrittenSummary){.text = trimmed(text)};
	SLM_TRY(slm_count_words(out->text, s->run->host, &n_word, &n_number, err));
	if (n_word <= s->max_words && s->instructions.size == 0)
		return SLM_OK;
	SLM_TRY(count_tokens(s, out->text, &n_token, err));
	n_held = n_token;
	SLM_TRY(slm_task_overflow(s->run, s->room, &n_held, err));
	s->run->max_input_tokens = 0;
	status = summarize_long(s, out->text, n_token, out, err);
	s->run->max_input_tokens = max_input_tokens;
	return status;
}

SlmStatus
slm_task_write_summaries(SlmRun *run, const SlmText *text, int n, int max_words,
						 SlmText instructions, SlmWrittenSummary *out, SlmStatus *row_status,
						 SlmError *err)
{
	Summarizer s = {.run = run, .max_words = max_words, .instructions = instructions};

	SLM_TRY(slm_task_check_max_words(max_words, err));
	SLM_TRY(summarizer_init(&s, err));
	for (int i = 0; i < n; i++)
	{
		SlmArenaMark mark = slm_arena_mark(run->arena);
		SlmStatus status = summarize_one(&s, text[i], &out[i], err);

		if (row_status != NULL)
			row_status[i] = status;
		if (row_status == NULL || !slm_task_row_failed(status))
			SLM_TRY(status);
		else
		{
			out[i] = (SlmWrittenSummary){.text = slm_text("")};
			slm_arena_rewind(run->arena, mark);
		}
	}
	return SLM_OK;
}
