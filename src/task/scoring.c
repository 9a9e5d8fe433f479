/*
 * scoring.c - what a decoder is asked about texts, and the answers it may give
 */
#include <string.h>

#include "task/buffer.h"
#include "task/score_impl.h"
#include "tokenizer/chat.h"

#define NONE "none of these"

static const char *const first_line[] = {
	[SLM_SCORE_ONE] = "Classify the text. Answer with one of the labels.",
	[SLM_SCORE_EACH] = "Say whether the label fits the text. Answer with yes or no.",
	[SLM_SCORE_CONDITION] = "Say whether the condition holds for the text. Answer with yes or no.",
};
static const char with_none[] =
	"Classify the text. Answer with one of the labels, or with \"" NONE "\" where none fits.";

size_t
slm_scoring_bytes(const SlmScoring *s)
{
	return s->n_byte;
}

/* ---- A prompt ------------------------------------------------------------------ */

static SlmStatus
put_part(SlmBuffer *buffer, SlmArena *arena, const SlmScoring *s, SlmPart part, SlmError *err)
{
	return slm_buffer_put(buffer, arena, (const char *) s + part.at, part.size, err);
}

SlmStatus
slm_scoring_prompt(SlmRun *run, const SlmScoring *s, int question, SlmText text, const int32_t **id,
				   int *n, SlmError *err)
{
	const SlmPart *tail = (const SlmPart *) ((const char *) s + s->tail_at);
	const SlmChat *chat = slm_chat_find(run->options->prompt_format);
	SlmText system = {(const char *) s + s->system.at, s->system.size};
	int n_context = slm_scoring_context(run, s);
	SlmBuffer user = {0};
	int32_t *token;

	if (chat == NULL)
		return slm_fail(err, SLM_ERR_INTERNAL, "no such chat format");
	SLM_TRY(slm_poll(run->host, err));
	SLM_TRY(put_part(&user, run->arena, s, s->head, err));
	SLM_TRY(slm_buffer_put(&user, run->arena, text.data, text.size, err));
	SLM_TRY(put_part(&user, run->arena, s, tail[question], err));
	SLM_TRY(slm_chat_tokens(chat, slm_model_tokenizer(run->model), run->host, system,
							(SlmText){user.data, user.n}, run->arena, &token, n, err));
	if (*n < 1)
		return slm_fail(err, SLM_ERR_INTERNAL, "prompt without a token");
	if (*n > n_context - slm_scoring_choices(s)->depth)
		return slm_fail(err, SLM_ERR_LIMIT,
						"question of %d tokens leaves no room in the context of %d tokens", *n,
						n_context);
	*id = token;
	return SLM_OK;
}

/* ---- The question ------------------------------------------------------------- */

/* All texts of a question, one behind the other; where they lie in the end is added later. */
typedef struct Writer
{
	SlmArena *arena;
	SlmBuffer text;
} Writer;

static SlmStatus
put(Writer *w, SlmText text, SlmError *err)
{
	if (text.size > UINT32_MAX - w->text.n)
		return slm_fail(err, SLM_ERR_LIMIT, "labels exceed %u bytes", UINT32_MAX);
	return slm_buffer_put(&w->text, w->arena, text.data, text.size, err);
}

static SlmStatus
put_label(Writer *w, const char *before, const SlmLabel *label, SlmError *err)
{
	SLM_TRY(put(w, slm_text(before), err));
	SLM_TRY(put(w, label->name, err));
	SLM_TRY(put(w, slm_text(label->description.size > 0 ? ": " : ""), err));
	return put(w, label->description, err);
}

/* What has been put since a place. */
static SlmPart
since(const Writer *w, size_t start)
{
	return (SlmPart){(uint32_t) start, (uint32_t) (w->text.n - start)};
}

static SlmStatus
write_texts(Writer *w, SlmScoring *s, const SlmLabel *label, SlmText instructions, SlmPart *tail,
			SlmError *err)
{
	bool adds_none = s->task == SLM_SCORE_ONE && s->none == s->n_label;
	size_t start;

	SLM_TRY(put(w, slm_text(adds_none ? with_none : first_line[s->task]), err));
	if (instructions.size > 0)
		SLM_TRY(put(w, slm_text("\n"), err));
	SLM_TRY(put(w, instructions, err));
	s->system = since(w, 0);
	start = w->text.n;
	switch (s->task)
	{
		case SLM_SCORE_ONE:
			SLM_TRY(put(w, slm_text("Labels:"), err));
			for (int i = 0; i < s->n_label; i++)
				SLM_TRY(put_label(w, "\n- ", &label[i], err));
			SLM_TRY(put(w, slm_text("\n\n"), err));
			break;
		case SLM_SCORE_EACH:
			break;
		case SLM_SCORE_CONDITION:
			SLM_TRY(put_label(w, "Condition: ", &label[0], err));
			SLM_TRY(put(w, slm_text("\n\n"), err));
			break;
	}
	SLM_TRY(put(w, slm_text("Text:\n"), err));
	s->head = since(w, start);
	for (int i = 0; i < s->n_question; i++)
	{
		start = w->text.n;
		if (s->task == SLM_SCORE_EACH)
			SLM_TRY(put_label(w, "\n\nLabel: ", &label[i], err));
		tail[i] = since(w, start);
	}
	return SLM_OK;
}

/* The answers that there are, and which of them is none of the labels. */
static SlmStatus
answers_of(SlmScoring *s, const SlmLabel *label, SlmArena *arena, SlmText **answer, int *n,
		   SlmError *err)
{
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) s->n_label + 2, answer, err));
	s->none = -1;
	if (s->task != SLM_SCORE_ONE)
	{
		(*answer)[0] = slm_text("yes");
		(*answer)[1] = slm_text("no");
		*n = 2;
		return SLM_OK;
	}
	for (int i = 0; i < s->n_label; i++)
	{
		(*answer)[i] = label[i].name;
		if (slm_text_compare(label[i].name, slm_text(NONE)) == 0)
			s->none = i;
	}
	*n = s->n_label;
	if (s->none < 0)
	{
		s->none = s->n_label;
		(*answer)[(*n)++] = slm_text(NONE);
	}
	return SLM_OK;
}

/* The next part of n items of a size in one piece of memory that is aligned to 8. */
static uint32_t
place(uint64_t *n_byte, size_t n, size_t size)
{
	uint64_t at = (*n_byte + 7) / 8 * 8;

	*n_byte = at + (uint64_t) n * size;
	return (uint32_t) at;
}

/* Lays out what there is but for the scores of the empty text. */
static SlmStatus
lay_out(SlmScoring *s, const Writer *w, SlmPart *tail, const SlmChoices *choices, SlmArena *arena,
		SlmScoring **out, SlmError *err)
{
	uint64_t n_byte = sizeof(*s);
	uint32_t text_at;
	char *all;

	s->empty_at = place(&n_byte, (size_t) s->n_score, sizeof(float));
	s->tail_at = place(&n_byte, (size_t) s->n_question, sizeof(SlmPart));
	s->choices_at = place(&n_byte, choices->n_byte, 1);
	text_at = place(&n_byte, w->text.n, 1);
	if (n_byte > UINT32_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, "labels exceed %u bytes", UINT32_MAX);
	s->n_byte = (uint32_t) n_byte;
	s->system.at += text_at;
	s->head.at += text_at;
	for (int i = 0; i < s->n_question; i++)
		tail[i].at += text_at;
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n_byte, &all, err));
	memset(all, 0, (size_t) n_byte);
	memcpy(all, s, sizeof(*s));
	memcpy(all + s->tail_at, tail, (size_t) s->n_question * sizeof(*tail));
	memcpy(all + s->choices_at, choices, choices->n_byte);
	memcpy(all + text_at, w->text.data, w->text.n);
	*out = (SlmScoring *) all;
	return SLM_OK;
}

/*
 * Takes the scores of the empty text.  A question that takes more than half of a
 * short context is asked in a long one.
 */
static SlmStatus
score_empty(SlmRun *run, SlmScoring *s, SlmError *err)
{
	int short_context = slm_short_context(run);
	float *empty = (float *) ((char *) s + s->empty_at);
	SlmText nothing = slm_text("");

	s->is_long = short_context < slm_context_length(run);
	for (int i = 0; i < s->n_question; i++)
	{
		SlmArenaMark mark = slm_arena_mark(run->arena);
		const int32_t *id;
		int n;

		SLM_TRY(slm_scoring_prompt(run, s, i, nothing, &id, &n, err));
		if (n > s->n_token)
			s->n_token = n;
		slm_arena_rewind(run->arena, mark);
	}
	s->is_long &= s->n_token > short_context / 2;
	SLM_TRY(slm_score_texts(run, s, &nothing, 1, true, empty, NULL, err));
	for (int i = 0; i < s->n_score; i++)
		if (s->task != SLM_SCORE_ONE && !(empty[i] > 0.0f))
			empty[i] = 0.0f;
	return SLM_OK;
}

SlmStatus
slm_scoring_new(SlmRun *run, SlmScoreTask task, const SlmLabel *label, int n, SlmText instructions,
				SlmScoring **out, SlmError *err)
{
	SlmScoring s = {.task = task, .n_label = n, .n_question = task == SLM_SCORE_EACH ? n : 1};
	const SlmChat *chat = slm_chat_find(run->options->prompt_format);
	Writer w = {.arena = run->arena};
	SlmChoices *choices;
	SlmText *answer;
	SlmPart *tail;
	int n_answer;

	if (chat == NULL)
		return slm_fail(err, SLM_ERR_INTERNAL, "no such chat format");
	SLM_TRY(answers_of(&s, label, run->arena, &answer, &n_answer, err));
	s.n_score = task == SLM_SCORE_ONE ? n_answer : s.n_question;
	SLM_TRY(slm_choices_new(run, answer, n_answer,
							slm_chat_end(chat, slm_model_tokenizer(run->model)), &choices, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) s.n_question, &tail, err));
	SLM_TRY(write_texts(&w, &s, label, instructions, tail, err));
	SLM_TRY(lay_out(&s, &w, tail, choices, run->arena, out, err));
	return score_empty(run, *out, err);
}
