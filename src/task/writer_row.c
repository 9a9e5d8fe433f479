/*
 * writer_row.c - one text in the making, whoever computes its logits
 */
#include "task/writer_row.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "task/buffer.h"
#include "task/words.h"

#define FORCED_BYTES 256 /* looked ahead at a time */
#define WORDS_EVERY 16   /* tokens until words are counted again */
#define FEW_OF 32        /* of so many tokens of a vocabulary, one is few */

SlmStatus
slm_row_maker_init(SlmRowMaker *maker, SlmRun *run, SlmError *err)
{
	const SlmChat *chat = slm_chat_find(run->options->prompt_format);

	if (chat == NULL)
		return slm_fail(err, SLM_ERR_INTERNAL, "no such chat format");
	*maker = (SlmRowMaker){
		.run = run,
		.tokenizer = slm_model_tokenizer(run->model),
		.n_vocab = slm_model_info(run->model)->n_vocab,
		.stop = slm_chat_stop(chat),
	};
	if (maker->stop.size > SLM_STOP_BYTES)
		return slm_fail(err, SLM_ERR_INTERNAL, "stop text of %zu bytes", maker->stop.size);
	return SLM_NEW_ARRAY(run->arena, SLM_MAX_TOKEN_BYTES, &maker->bytes, err);
}

SlmStatus
slm_row_tokens(SlmRun *run, const SlmPrompt *prompt, SlmRowTokens *out, SlmError *err)
{
	const SlmChat *chat = slm_chat_find(run->options->prompt_format);
	int context = slm_context_length(run);

	if (chat == NULL)
		return slm_fail(err, SLM_ERR_INTERNAL, "no such chat format");
	SLM_TRY(slm_chat_tokens(chat, slm_model_tokenizer(run->model), run->host, prompt->system,
							prompt->user, run->arena, &out->id, &out->n, err));
	if (run->max_input_tokens > 0 && out->n > run->max_input_tokens)
		return slm_fail(err, SLM_ERR_LIMIT, "prompt of %d tokens exceeds the limit of %d", out->n,
						run->max_input_tokens);
	if (out->n < 1)
		return slm_fail(err, SLM_ERR_INTERNAL, "prompt without a token");
	if (out->n >= context)
		return slm_fail(err, SLM_ERR_LIMIT,
						"prompt of %d tokens leaves no room in the context of %d tokens", out->n,
						context);
	out->room = prompt->max_tokens < context - out->n ? out->n + prompt->max_tokens : context;
	return SLM_OK;
}

void
slm_row_begin(SlmRow *row, const SlmPrompt *prompt, const SlmRowTokens *tokens, int32_t *id,
			  const SlmVerbatim *input)
{
	*row = (SlmRow){
		.sampling = prompt->sampling,
		.max_tokens = prompt->max_tokens,
		.max_words = prompt->max_words,
		.constraint = prompt->constraint,
		.id = id,
		.n_prompt = tokens->n,
		.n_id = tokens->n,
		.room = tokens->room,
	};
	memcpy(id, tokens->id, (size_t) tokens->n * sizeof(*id));
	if (row->constraint != NULL)
		slm_grammar_start(row->constraint->grammar, input, &row->state);
}

/* ---- Tokens ------------------------------------------------------------------------- */

/* The bytes that token i of an answer adds to it. */
static uint32_t
token_bytes(const SlmRowMaker *maker, int32_t token, int i)
{
	uint32_t n = slm_token_bytes(maker->tokenizer, token, maker->bytes);

	/* the space that a vocabulary puts before a text is not part of it */
	if (i == 0 && maker->tokenizer->space_prefix && n > 0 && maker->bytes[0] == ' ')
		memmove(maker->bytes, maker->bytes + 1, --n);
	return n;
}

/* Is the value complete, and would another byte make it longer only for want of an end? */
static bool
is_complete(const SlmRow *row)
{
	char last = row->n_tail > 0 ? row->tail[row->n_tail - 1] : 0;

	/* a number alone may always go on: its end is the model's to choose */
	return slm_grammar_done(row->constraint->grammar, &row->state) && !(last >= '0' && last <= '9');
}

/* The tail with some more bytes. */
static void
add_to_tail(SlmRow *row, const uint8_t *bytes, size_t n)
{
	size_t n_kept = row->n_tail;

	if (n > SLM_STOP_BYTES)
	{
		bytes += n - SLM_STOP_BYTES;
		n = SLM_STOP_BYTES;
	}
	if (n_kept > SLM_STOP_BYTES - n)
		n_kept = SLM_STOP_BYTES - n;
	memmove(row->tail, row->tail + row->n_tail - n_kept, n_kept);
	memcpy(row->tail + n_kept, bytes, n);
	row->n_tail = n_kept + n;
}

/* Takes a token into the answer. */
static SlmStatus
put_token(const SlmRowMaker *maker, SlmRow *row, int32_t token, SlmError *err)
{
	uint32_t n = token_bytes(maker, token, slm_row_written(row));

	add_to_tail(row, maker->bytes, n);
	if (row->chance != NULL)
		row->chance[row->n_id] = 1.0f;
	row->id[row->n_id++] = token;
	maker->run->n_token_out++;
	if (row->constraint == NULL)
		return SLM_OK;
	for (uint32_t i = 0; i < n; i++)
		if (!slm_grammar_step(row->constraint->grammar, &row->state, maker->bytes[i]))
			return slm_fail(err, SLM_ERR_INTERNAL, "token %d is not in the grammar", token);
	row->has_all = is_complete(row);
	return SLM_OK;
}

/* May another token be written, all before it having been read? */
static bool
has_room(const SlmRow *row)
{
	return slm_row_written(row) < row->max_tokens && row->n_id <= row->room;
}

/* Takes what must follow, but for its last token. */
static SlmStatus
put_forced(const SlmRowMaker *maker, SlmRow *row, SlmError *err)
{
	int32_t kept[SLM_FORCED_TOKENS];
	int n_kept;

	SLM_TRY(slm_constraint_forced(row->constraint, &row->state, slm_row_written(row) == 0,
								  maker->tokenizer, maker->run->host, maker->run->arena, kept,
								  &n_kept, err));
	for (int i = 0; i < n_kept && has_room(row); i++, row->n_forced++)
		SLM_TRY(put_token(maker, row, kept[i], err));
	return SLM_OK;
}

/* ---- Text --------------------------------------------------------------------------- */

/* A text with U+FFFD for each byte that is part of no character, and for NUL. */
static SlmStatus
valid_text(const SlmBuffer *raw, SlmArena *arena, SlmText *out, SlmError *err)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const uint8_t *data = (const uint8_t *) raw->data;
	size_t n = 0;
	char *text;

	SLM_TRY(SLM_NEW_ARRAY(arena, 3 * raw->n, &text, err));
	for (size_t i = 0; i < raw->n;)
	{
		uint32_t cp = 0;
		int length = slm_utf8_decode(data + i, raw->n - i, &cp);

		if (length > 0 && cp != 0)
			memcpy(text + n, data + i, (size_t) length);
		else
			memcpy(text + n, replacement, sizeof(replacement) - 1);
		n += length > 0 && cp != 0 ? (size_t) length : sizeof(replacement) - 1;
		i += length > 0 ? (size_t) length : 1;
	}
	*out = (SlmText){text, n};
	return SLM_OK;
}

SlmStatus
slm_row_text(const SlmRowMaker *maker, const int32_t *id, int n, size_t n_cut, SlmArena *arena,
			 SlmText *out, SlmError *err)
{
	SlmArena *scratch = maker->run->arena;
	SlmArenaMark mark = slm_arena_mark(scratch);
	SlmBuffer raw = {0};
	void *kept;

	for (int i = 0; i < n; i++)
		SLM_TRY(slm_buffer_put(&raw, scratch, maker->bytes, token_bytes(maker, id[i], i), err));
	raw.n -= n_cut < raw.n ? n_cut : raw.n;
	SLM_TRY(valid_text(&raw, scratch, out, err));
	SLM_TRY(slm_arena_keep(scratch, mark, out->data, out->size, arena, &kept, err));
	out->data = kept;
	return SLM_OK;
}

SlmStatus
slm_row_told(const SlmRowMaker *maker, const SlmRow *row, SlmArena *arena,
			 const SlmWrittenToken **out, SlmError *err)
{
	int n = slm_row_written(row);
	SlmWrittenToken *token;
	uint32_t end = 0;

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n, &token, err));
	for (int i = 0; i < n; i++)
	{
		end += token_bytes(maker, row->id[row->n_prompt + i], i);
		token[i] = (SlmWrittenToken){end, row->chance[row->n_prompt + i]};
	}
	*out = token;
	return SLM_OK;
}

/* ---- A step -------------------------------------------------------------------------- */

/* Does the answer end with the format's stop text?  Then that is cut off. */
static bool
stopped(const SlmRowMaker *maker, SlmRow *row)
{
	size_t n = maker->stop.size;

	if (n == 0 || row->n_tail < n || memcmp(row->tail + row->n_tail - n, maker->stop.data, n) != 0)
		return false;
	row->n_cut = n;
	return true;
}

/* Has the answer more words than it may? */
static SlmStatus
count_words(const SlmRowMaker *maker, SlmRow *row, SlmError *err)
{
	SlmArena *arena = maker->run->arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	int n_word, n_number;
	SlmText text;

	if (row->max_words == 0 || slm_row_written(row) % WORDS_EVERY != 0)
		return SLM_OK;
	SLM_TRY(slm_row_text(maker, row->id + row->n_prompt, slm_row_written(row), row->n_cut, arena,
						 &text, err));
	SLM_TRY(slm_count_words(text, maker->run->host, &n_word, &n_number, err));
	row->has_more = n_word > row->max_words;
	slm_arena_rewind(arena, mark);
	return SLM_OK;
}

SlmStatus
slm_row_go_on(const SlmRowMaker *maker, SlmRow *row, SlmError *err)
{
	row->is_over = row->has_all || row->has_more || !has_room(row);
	if (row->is_over || row->constraint == NULL)
		return SLM_OK;
	SLM_TRY(put_forced(maker, row, err));
	row->is_over = row->has_all || !has_room(row);
	return SLM_OK;
}

SlmStatus
slm_choice_memory(SlmArena *arena, int n_vocab, SlmChoiceMemory *out, SlmError *err)
{
	out->n_word = ((size_t) n_vocab + 63) / 64;
	out->n_few = n_vocab / FEW_OF;
	SLM_TRY(SLM_NEW_ARRAY(arena, out->n_word, &out->allowed, err));
	return SLM_NEW_ARRAY(arena, (size_t) out->n_few, &out->few, err);
}

/* Tokens of a mask into memory->few; more than fit, where there are more. */
static int
list_tokens(const SlmChoiceMemory *memory)
{
	int n = 0;

	for (size_t i = 0; i < memory->n_word; i++)
		for (uint64_t bits = memory->allowed[i]; bits != 0; bits &= bits - 1)
		{
			if (n == memory->n_few)
				return n + 1;
			memory->few[n++] = (int32_t) (i * 64) + __builtin_ctzll(bits);
		}
	return n;
}

SlmStatus
slm_row_choice(const SlmRow *row, bool few, const SlmChoiceMemory *memory, SlmRowChoice *out,
			   SlmError *err)
{
	const uint64_t *allowed;
	int n;

	*out = (SlmRowChoice){0};
	if (row->constraint == NULL)
		return SLM_OK;
	SLM_TRY(slm_token_mask(row->constraint->cache, &row->state, &allowed, err));
	memcpy(memory->allowed, allowed, memory->n_word * sizeof(*allowed));
	out->allowed = memory->allowed;
	if (!few || row->sampling.temperature > 0.0f || row->chance != NULL)
		return SLM_OK;
	n = list_tokens(memory);
	if (n == 0 || n > memory->n_few)
		return SLM_OK;
	out->token = memory->few;
	out->n = n;
	return SLM_OK;
}

/* The token that a row chooses, -1: there is none. */
static int32_t
choose_token(const SlmRowMaker *maker, const SlmRow *row, float *logits, const SlmRowChoice *choice)
{
	uint64_t index = (uint64_t) slm_row_written(row);
	int32_t i;

	if (choice->token == NULL)
		return slm_sample(maker->run->kernels, &row->sampling, index, logits, maker->n_vocab,
						  choice->allowed);
	i = slm_sample(maker->run->kernels, &row->sampling, index, logits, choice->n, NULL);
	return i >= 0 ? choice->token[i] : -1;
}

SlmStatus
slm_row_choose(const SlmRowMaker *maker, SlmRow *row, float *logits, const SlmRowChoice *choice,
			   SlmError *err)
{
	int32_t token = choose_token(maker, row, logits, choice);

	if (token < 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"vocabulary of the model cannot spell what the schema asks for");
	if (slm_token_is_control(maker->tokenizer, token))
		row->has_all = true;
	else
	{
		SLM_TRY(put_token(maker, row, token, err));
		if (row->chance != NULL)
			row->chance[row->n_id - 1] = slm_sample_chance(maker->run->kernels, logits,
														   maker->n_vocab, choice->allowed, token);
	}
	if (stopped(maker, row))
	{
		row->is_over = true;
		return SLM_OK;
	}
	SLM_TRY(count_words(maker, row, err));
	return slm_row_go_on(maker, row, err);
}

SlmStatus
slm_row_result(const SlmRow *row, SlmWritten *out, SlmError *err)
{
	*out = (SlmWritten){
		.n_token = slm_row_written(row),
		.n_forced = row->n_forced,
		.ended = row->has_all || row->n_cut > 0,
	};
	if (row->constraint != NULL && !row->has_all)
		return slm_fail(err, SLM_ERR_LIMIT, "answer is not complete after %d tokens", out->n_token);
	return SLM_OK;
}
