/*
 * generate.c - text that a decoder writes
 */
#include "task/generate.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "engine/prefix.h"
#include "task/buffer.h"
#include "task/verbatim.h"
#include "task/words.h"

#define FORCED_BYTES 256 /* looked ahead at a time */
#define WORDS_EVERY 16   /* tokens until words are counted again */

/* An answer being written. */
typedef struct Answer
{
	SlmRun *run;
	const SlmPrompt *prompt;
	const SlmTokenizer *tokenizer;
	SlmText stop;
	SlmDecoder *decoder;
	float *logits; /* [n_vocab] */
	int n_vocab;

	SlmBuffer text;
	uint8_t *token; /* [SLM_MAX_TOKEN_BYTES] */
	int n_token, n_forced;

	int32_t *next; /* [room of the decoder] tokens chosen that the model has not read yet */
	int n_next;

	SlmGrammarState *state; /* NULL without a constraint */
	bool done;              /* the value is complete */
	bool ended;             /* not by a limit */
} Answer;

bool
slm_task_writes(const SlmModel *model, const SlmModelOptions *options)
{
	SlmRun run = {.model = model, .options = options};

	return slm_model_info(model)->can_decode &&
		   slm_effective_pooling(&run) == SLM_POOLING_UNSPECIFIED;
}

SlmStatus
slm_task_check_prompt(const SlmPrompt *prompt, SlmError *err)
{
	if (prompt->max_tokens < 1 || prompt->max_tokens > SLM_MAX_GENERATED_TOKENS)
		return slm_fail(err, SLM_ERR_ARGUMENT, "max_tokens must be from 1 to %d",
						SLM_MAX_GENERATED_TOKENS);
	if (!(prompt->sampling.temperature >= 0.0f && prompt->sampling.temperature < INFINITY))
		return slm_fail(err, SLM_ERR_ARGUMENT, "temperature must not be negative");
	return SLM_OK;
}

/* Is it complete, and would another byte make it longer only for want of an end? */
static bool
is_complete(const Answer *a)
{
	char last = a->text.n > 0 ? a->text.data[a->text.n - 1] : 0;

	/* a number alone may always go on: its end is the model's to choose */
	return slm_grammar_done(a->prompt->constraint->grammar, a->state) &&
		   !(last >= '0' && last <= '9');
}

/* Takes a token into the answer, to be read by the model with the next step. */
static SlmStatus
put_token(Answer *a, int32_t token, SlmError *err)
{
	uint32_t n = slm_token_bytes(a->tokenizer, token, a->token);

	/* the space that a vocabulary puts before a text is not part of it */
	if (a->n_token == 0 && a->tokenizer->space_prefix && n > 0 && a->token[0] == ' ')
		memmove(a->token, a->token + 1, --n);
	SLM_TRY(slm_buffer_put(&a->text, a->run->arena, a->token, n, err));
	a->n_token++;
	a->run->n_token_out++;
	a->next[a->n_next++] = token;
	if (a->state == NULL)
		return SLM_OK;
	for (uint32_t i = 0; i < n; i++)
		if (!slm_grammar_step(a->prompt->constraint->grammar, a->state, a->token[i]))
			return slm_fail(err, SLM_ERR_INTERNAL, "token %d is not in the grammar", token);
	a->done = is_complete(a);
	return SLM_OK;
}

/* May another token be written and read? */
static bool
has_room(const Answer *a)
{
	return a->n_token < a->prompt->max_tokens &&
		   slm_decoder_length(a->decoder, 0) + a->n_next <= slm_decoder_room(a->decoder);
}

/* Takes what must follow, but for its last token. */
static SlmStatus
put_forced(Answer *a, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(a->run->arena);
	uint8_t bytes[FORCED_BYTES];
	int32_t kept[FORCED_BYTES];
	size_t n = sizeof(bytes);
	SlmTokens tokens;
	int n_kept;

	slm_grammar_forced(a->prompt->constraint->grammar, a->state, bytes, &n);
	if (n == 0)
		return SLM_OK;
	/* the look-ahead may end inside of a character, which a token may, but a text not */
	n = slm_utf8_valid_bytes(bytes, n);
	SLM_TRY((a->n_token == 0 ? slm_tokenize : slm_tokenize_more)(
		a->tokenizer, a->run->host, (const char *) bytes, n, a->run->arena, &tokens, err));
	n_kept = tokens.n > 1 ? tokens.n - 1 : 0;
	memcpy(kept, tokens.id, (size_t) n_kept * sizeof(*kept));
	slm_arena_rewind(a->run->arena, mark);
	for (int i = 0; i < n_kept && has_room(a); i++, a->n_forced++)
		SLM_TRY(put_token(a, kept[i], err));
	return SLM_OK;
}

/* Takes the format's stop text off the end; true when it was there. */
static bool
stopped(Answer *a)
{
	if (a->stop.size == 0 || a->text.n < a->stop.size ||
		memcmp(a->text.data + a->text.n - a->stop.size, a->stop.data, a->stop.size) != 0)
		return false;
	a->text.n -= a->stop.size;
	return true;
}

/* The answer with U+FFFD for each byte that is part of no character, and for NUL. */
static SlmStatus
valid_text(const Answer *a, SlmText *out, SlmError *err)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const uint8_t *data = (const uint8_t *) a->text.data;
	size_t n = 0;
	char *text;

	SLM_TRY(SLM_NEW_ARRAY(a->run->arena, 3 * a->text.n, &text, err));
	for (size_t i = 0; i < a->text.n;)
	{
		uint32_t cp = 0;
		int length = slm_utf8_decode(data + i, a->text.n - i, &cp);

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

/* Has the answer more words than it may? */
static SlmStatus
has_more_words(const Answer *a, bool *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(a->run->arena);
	int n_word, n_number;
	SlmText text;

	*out = false;
	if (a->prompt->max_words == 0 || a->n_token % WORDS_EVERY != 0)
		return SLM_OK;
	SLM_TRY(valid_text(a, &text, err));
	SLM_TRY(slm_count_words(text, a->run->host, &n_word, &n_number, err));
	*out = n_word > a->prompt->max_words;
	slm_arena_rewind(a->run->arena, mark);
	return SLM_OK;
}

/* What the model chooses next; *end says that it ended the answer. */
static SlmStatus
choose(Answer *a, bool *end, SlmError *err)
{
	SlmStep step = {0, a->next, a->n_next, 1};
	const uint64_t *allowed = NULL;
	int32_t token;

	SLM_TRY(slm_decode(a->decoder, &step, 1, NULL, a->n_vocab, a->logits, err));
	a->n_next = 0;
	if (a->state != NULL)
		SLM_TRY(slm_token_mask(a->prompt->constraint->cache, a->state, &allowed, err));
	token = slm_sample(a->run->kernels, &a->prompt->sampling, (uint64_t) a->n_token, a->logits,
					   a->n_vocab, allowed);
	if (token < 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"vocabulary of the model cannot spell what the schema asks for");
	*end = slm_token_is_control(a->tokenizer, token);
	if (!*end)
		return put_token(a, token, err);
	a->done = true;
	return SLM_OK;
}

static SlmStatus
write_answer(Answer *a, SlmError *err)
{
	bool end = false, enough = false;

	while (!end && !a->done && !enough && has_room(a))
	{
		if (a->state != NULL)
			SLM_TRY(put_forced(a, err));
		if (a->done || !has_room(a))
			break;
		SLM_TRY(choose(a, &end, err));
		end |= stopped(a);
		SLM_TRY(has_more_words(a, &enough, err));
	}
	a->ended = end || a->done;
	if (a->state != NULL && !a->done)
		return slm_fail(err, SLM_ERR_LIMIT, "answer is not complete after %d tokens", a->n_token);
	return SLM_OK;
}

/*
 * The model reads the prompt but for its last token, which goes with the first of
 * the answer, and for what it has read of another prompt.
 */
static SlmStatus
read_prompt(Answer *a, const int32_t *id, int n_id, SlmError *err)
{
	int n_common = slm_prefix_common(a->run, id, n_id), n_kept;
	SlmStep step = {0};

	SLM_TRY(slm_prefix_restore(a->decoder, 0, id, n_id, err));
	n_kept = slm_decoder_length(a->decoder, 0);
	step.token = id + n_kept;
	step.n = n_id - 1 - n_kept;
	if (step.n > 0)
		SLM_TRY(slm_decode(a->decoder, &step, 1, NULL, 0, NULL, err));
	if (n_common - n_kept >= SLM_PREFIX_TOKENS)
		SLM_TRY(slm_prefix_keep(a->decoder, 0, id, n_common, err));
	a->next[a->n_next++] = id[n_id - 1];
	return SLM_OK;
}

static SlmStatus
start_state(Answer *a, SlmError *err)
{
	const SlmConstraint *constraint = a->prompt->constraint;
	SlmVerbatim *input = NULL;

	if (constraint == NULL)
		return SLM_OK;
	if (constraint->verbatim)
	{
		SLM_TRY(slm_verbatim_new(constraint->grammar, a->prompt->input, a->run->host, a->run->arena,
								 &input, err));
		slm_mask_cache_clear(constraint->cache);
	}
	SLM_TRY(SLM_NEW_ARRAY(a->run->arena, 1, &a->state, err));
	slm_grammar_start(constraint->grammar, input, a->state);
	return SLM_OK;
}

SlmStatus
slm_task_generate(SlmRun *run, const SlmPrompt *prompt, SlmWritten *out, SlmError *err)
{
	const SlmChat *chat = slm_chat_find(run->options->prompt_format);
	Answer a = {
		.run = run,
		.prompt = prompt,
		.tokenizer = slm_model_tokenizer(run->model),
		.n_vocab = slm_model_info(run->model)->n_vocab,
	};
	int context = slm_context_length(run);
	int32_t *id;
	int n_id, room;

	if (chat == NULL)
		return slm_fail(err, SLM_ERR_INTERNAL, "no such chat format");
	a.stop = slm_chat_stop(chat);
	SLM_TRY(slm_chat_tokens(chat, a.tokenizer, run->host, prompt->system, prompt->user, run->arena,
							&id, &n_id, err));
	if (run->max_input_tokens > 0 && n_id > run->max_input_tokens)
		return slm_fail(err, SLM_ERR_LIMIT, "prompt of %d tokens exceeds the limit of %d", n_id,
						run->max_input_tokens);
	if (n_id < 1)
		return slm_fail(err, SLM_ERR_INTERNAL, "prompt without a token");
	if (n_id >= context)
		return slm_fail(err, SLM_ERR_LIMIT,
						"prompt of %d tokens leaves no room in the context of %d tokens", n_id,
						context);
	room = prompt->max_tokens < context - n_id ? n_id + prompt->max_tokens : context;
	SLM_TRY(slm_decoder_new(run, 1, room, &a.decoder, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, SLM_MAX_TOKEN_BYTES, &a.token, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) a.n_vocab, &a.logits, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) room + 1, &a.next, err));
	SLM_TRY(start_state(&a, err));
	SLM_TRY(read_prompt(&a, id, n_id, err));
	SLM_TRY(write_answer(&a, err));
	out->n_token = a.n_token;
	out->n_forced = a.n_forced;
	out->ended = a.ended;
	return valid_text(&a, &out->text, err);
}
