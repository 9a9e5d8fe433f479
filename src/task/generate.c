/*
 * generate.c - text that a decoder writes
 */
#include "task/generate.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

#define FIRST_BYTES 256

/* An answer being written. */
typedef struct Answer
{
	SlmRun *run;
	uint8_t *data;
	size_t n, room;
	uint8_t *token; /* [SLM_MAX_TOKEN_BYTES] */
} Answer;

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

static SlmStatus
reserve(Answer *a, size_t n, SlmError *err)
{
	size_t room = a->room;
	uint8_t *larger;

	if (n <= a->room - a->n)
		return SLM_OK;
	while (room - a->n < n)
		room *= 2;
	SLM_TRY(SLM_NEW_ARRAY(a->run->arena, room, &larger, err));
	memcpy(larger, a->data, a->n);
	a->data = larger;
	a->room = room;
	return SLM_OK;
}

static SlmStatus
put_token(Answer *a, int32_t token, SlmError *err)
{
	uint32_t n = slm_token_bytes(slm_model_tokenizer(a->run->model), token, a->token);

	SLM_TRY(reserve(a, n, err));
	memcpy(a->data + a->n, a->token, n);
	a->n += n;
	return SLM_OK;
}

/* Takes the format's stop text off the end; true when it was there. */
static bool
stopped(Answer *a, SlmText stop)
{
	if (stop.size == 0 || a->n < stop.size ||
		memcmp(a->data + a->n - stop.size, stop.data, stop.size) != 0)
		return false;
	a->n -= stop.size;
	return true;
}

/* The answer with U+FFFD for each byte that is part of no character, and for NUL. */
static SlmStatus
valid_text(const Answer *a, SlmText *out, SlmError *err)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t n = 0;
	char *text;

	SLM_TRY(SLM_NEW_ARRAY(a->run->arena, 3 * a->n, &text, err));
	for (size_t i = 0; i < a->n;)
	{
		uint32_t cp = 0;
		int length = slm_utf8_decode(a->data + i, a->n - i, &cp);

		if (length > 0 && cp != 0)
			memcpy(text + n, a->data + i, (size_t) length);
		else
			memcpy(text + n, replacement, sizeof(replacement) - 1);
		n += length > 0 && cp != 0 ? (size_t) length : sizeof(replacement) - 1;
		i += length > 0 ? (size_t) length : 1;
	}
	*out = (SlmText){text, n};
	return SLM_OK;
}

static SlmStatus
write_answer(Answer *a, const SlmPrompt *prompt, const SlmChat *chat, SlmDecoder *decoder,
			 const int32_t *id, int n_id, int *n_token, SlmError *err)
{
	SlmRun *run = a->run;
	int n_vocab = slm_model_info(run->model)->n_vocab;
	SlmStep step = {0, id, n_id, 1};
	int32_t token;
	float *logits;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_vocab, &logits, err));
	for (*n_token = 0; *n_token < prompt->max_tokens;)
	{
		SLM_TRY(slm_decode(decoder, &step, 1, NULL, n_vocab, logits, err));
		token =
			slm_sample(run->kernels, &prompt->sampling, (uint64_t) *n_token, logits, n_vocab, NULL);
		if (slm_token_is_control(slm_model_tokenizer(run->model), token))
			break;
		(*n_token)++;
		SLM_TRY(put_token(a, token, err));
		if (stopped(a, slm_chat_stop(chat)) ||
			slm_decoder_length(decoder, 0) == slm_decoder_room(decoder))
			break;
		step.token = &token;
		step.n = 1;
	}
	return SLM_OK;
}

SlmStatus
slm_task_generate(SlmRun *run, const SlmPrompt *prompt, SlmText *out, int *n_token, SlmError *err)
{
	const SlmChat *chat = slm_chat_find(run->options->prompt_format);
	Answer answer = {.run = run, .room = FIRST_BYTES};
	int context = slm_context_length(run);
	SlmDecoder *decoder;
	int32_t *id;
	int n_id;

	if (chat == NULL)
		return slm_fail(err, SLM_ERR_INTERNAL, "no such chat format");
	SLM_TRY(slm_chat_tokens(chat, slm_model_tokenizer(run->model), run->host, prompt->system,
							prompt->user, run->arena, &id, &n_id, err));
	if (run->max_input_tokens > 0 && n_id > run->max_input_tokens)
		return slm_fail(err, SLM_ERR_LIMIT, "prompt of %d tokens exceeds the limit of %d", n_id,
						run->max_input_tokens);
	if (n_id >= context)
		return slm_fail(err, SLM_ERR_LIMIT,
						"prompt of %d tokens leaves no room in the context of %d tokens", n_id,
						context);
	SLM_TRY(slm_decoder_new(
		run, 1, prompt->max_tokens < context - n_id ? n_id + prompt->max_tokens : context, &decoder,
		err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, FIRST_BYTES, &answer.data, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, SLM_MAX_TOKEN_BYTES, &answer.token, err));
	SLM_TRY(write_answer(&answer, prompt, chat, decoder, id, n_id, n_token, err));
	return valid_text(&answer, out, err);
}
