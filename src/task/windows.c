/*
 * windows.c - many texts, each one or more windows, through the model in batches
 */
#include "task/windows.h"

#include <math.h>
#include <string.h>

#define MAX_WINDOWS 256
#define MAX_ANSWER_FLOATS (1 << 20)

SlmStatus
slm_windows_init(SlmWindows *w, SlmError *err)
{
	SlmArena *arena = w->run->arena;

	w->n_token = w->n_window = 0;
	w->max_token = SLM_BATCH_TOKENS + slm_context_length(w->run);
	w->max_window = MAX_ANSWER_FLOATS / w->width;
	if (w->max_window > MAX_WINDOWS)
		w->max_window = MAX_WINDOWS;
	else if (w->max_window < 1)
		w->max_window = 1;
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) w->max_token, &w->token, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) w->max_window, &w->sequence, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) w->max_window, &w->window, err));
	return SLM_NEW_ARRAY(arena, (size_t) w->max_window * (size_t) w->width, &w->answer, err);
}

int
slm_tail_tokens(const SlmRun *run)
{
	const SlmSpecialTokens *special = &slm_model_tokenizer(run->model)->special;

	return special->add_eos && special->eos >= 0 ? 1 : 0;
}

static void
combine(const SlmWindows *w, const SlmWindow *window, const float *answer)
{
	float *out = w->out + (size_t) window->row * (size_t) w->width;

	if (window->first && (w->combine == SLM_COMBINE_MAX || window->share == 1.0f))
	{
		memcpy(out, answer, (size_t) w->width * sizeof(float));
		return;
	}
	for (int j = 0; j < w->width; j++)
	{
		float before = window->first ? 0.0f : out[j];

		out[j] = w->combine == SLM_COMBINE_MAX ? fmaxf(before, answer[j])
											   : fmaf(window->share, answer[j], before);
	}
}

SlmStatus
slm_windows_finish(SlmWindows *w, SlmError *err)
{
	if (w->n_window == 0)
		return SLM_OK;
	if (w->scores)
		SLM_TRY(slm_encode_scores(w->run, w->sequence, w->n_window, w->answer, err));
	else
		SLM_TRY(slm_encode_pooled(w->run, w->sequence, w->n_window, w->answer, err));
	for (int i = 0; i < w->n_window; i++)
		combine(w, &w->window[i], w->answer + (size_t) i * (size_t) w->width);
	w->n_token = w->n_window = 0;
	return SLM_OK;
}

/* Appends lead, n tokens and the tail as one sequence. */
static SlmStatus
add_window(SlmWindows *w, const SlmWindow *window, const int32_t *token, int n, SlmLead lead,
		   SlmError *err)
{
	int tail = slm_tail_tokens(w->run);
	int length = lead.n + n + tail;
	int32_t *at;

	if (w->n_window == w->max_window || w->n_token + length > SLM_BATCH_TOKENS)
		SLM_TRY(slm_windows_finish(w, err));
	at = w->token + w->n_token;
	memcpy(at, lead.id, (size_t) lead.n * sizeof(*at));
	if (n > 0)
		memcpy(at + lead.n, token, (size_t) n * sizeof(*at));
	if (tail)
		at[lead.n + n] = slm_model_tokenizer(w->run->model)->special.eos;
	w->window[w->n_window] = *window;
	w->sequence[w->n_window++] = (SlmSequence){at, length, w->pair ? lead.n : length};
	w->n_token += length;
	return SLM_OK;
}

SlmStatus
slm_task_tokenize(SlmRun *run, SlmText prefix, SlmText text, SlmTokens *out, SlmError *err)
{
	const SlmTokenizer *tokenizer = slm_model_tokenizer(run->model);

	if (prefix.size > 0)
	{
		size_t size;
		char *both;

		if (__builtin_add_overflow(prefix.size, text.size, &size))
			size = SIZE_MAX;
		SLM_TRY(slm_arena_alloc(run->arena, size, (void **) &both, err));
		memcpy(both, prefix.data, prefix.size);
		if (text.size > 0)
			memcpy(both + prefix.size, text.data, text.size);
		text.data = both;
		text.size = size;
	}
	SLM_TRY(slm_tokenize(tokenizer, run->host, text.data, text.size, run->arena, out, err));
	if (run->max_input_tokens > 0 && out->n > run->max_input_tokens)
	{
		slm_fail(err, SLM_ERR_LIMIT, "text of %d tokens exceeds the limit of %d tokens", out->n,
				 run->max_input_tokens);
		slm_error_hint(err, "The limit is the setting slm.max_input_tokens.");
		return SLM_ERR_LIMIT;
	}
	return SLM_OK;
}

SlmStatus
slm_task_overflow(const SlmRun *run, int room, int *n_token, SlmError *err)
{
	if (*n_token <= room || run->options->overflow == SLM_OVERFLOW_CHUNK)
		return SLM_OK;
	if (run->options->overflow == SLM_OVERFLOW_ERROR)
		return slm_fail(err, SLM_ERR_LIMIT,
						"text of %d tokens exceeds the model's window of %d tokens", *n_token,
						room);
	*n_token = room;
	return SLM_OK;
}

SlmStatus
slm_task_lead(SlmRun *run, SlmText prefix, SlmLead *out, SlmError *err)
{
	const SlmSpecialTokens *special = &slm_model_tokenizer(run->model)->special;
	int context = slm_context_length(run);
	SlmTokens tokens = {0};
	int32_t *id;

	if (prefix.size > 0)
		SLM_TRY(slm_task_tokenize(run, slm_text(""), prefix, &tokens, err));
	if (tokens.n > context / 2)
		return slm_fail(err, SLM_ERR_ARGUMENT,
						"prefix of %d tokens takes more than half of a window of %d tokens",
						tokens.n, context);
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) tokens.n + 1, &id, err));
	out->id = id;
	out->n = 0;
	if (special->add_bos && special->bos >= 0)
		id[out->n++] = special->bos;
	if (tokens.n > 0)
		memcpy(id + out->n, tokens.id, (size_t) tokens.n * sizeof(*id));
	out->n += tokens.n;
	return SLM_OK;
}

/* The first of two steps: everything that can be the text's own fault. */
static SlmStatus
read_text(SlmWindows *w, SlmText prefix, SlmText text, int room, SlmTokens *tokens, SlmError *err)
{
	SLM_TRY(slm_task_tokenize(w->run, prefix, text, tokens, err));
	return slm_task_overflow(w->run, room, &tokens->n, err);
}

/* The second: tokens as windows. */
static SlmStatus
cut(SlmWindows *w, int row, const SlmTokens *tokens, SlmLead first, SlmLead rest, int context,
	SlmError *err)
{
	SlmWindow window = {row, true, 1.0f};
	SlmLead lead = first;
	int done = 0;

	if (first.n + tokens->n == 0)
		return SLM_OK; /* no special tokens, and nothing to say */
	do
	{
		int left = tokens->n - done;
		int part = left < context - lead.n ? left : context - lead.n;

		if (part < tokens->n)
			window.share = (float) part / (float) tokens->n;
		SLM_TRY(add_window(w, &window, tokens->id + done, part, lead, err));
		done += part;
		window.first = false;
		lead = rest;
	} while (done < tokens->n);
	return SLM_OK;
}

SlmStatus
slm_windows_add(SlmWindows *w, int row, SlmText prefix, SlmText text, SlmLead first, SlmLead rest,
				SlmStatus *row_status, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(w->run->arena);
	int context = slm_context_length(w->run) - slm_tail_tokens(w->run);
	SlmTokens tokens;
	SlmStatus status = read_text(w, prefix, text, context - first.n, &tokens, err);

	memset(w->out + (size_t) row * (size_t) w->width, 0, (size_t) w->width * sizeof(float));
	if (row_status != NULL)
		row_status[row] = status;
	if (status == SLM_OK)
		status = cut(w, row, &tokens, first, rest, context, err);
	else if (row_status != NULL && slm_task_row_failed(status))
		status = SLM_OK;
	slm_arena_rewind(w->run->arena, mark);
	return status;
}
