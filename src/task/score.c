/*
 * score.c - labels for a text, by what a decoder thinks of them as answers
 */
#include "task/score.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "engine/prefix.h"
#include "task/buffer.h"
#include "task/choices.h"
#include "task/chunk.h"
#include "task/windows.h"

#define NONE "none of these"
#define GROUP_TOKENS 256    /* of prompts that are read together: more gain little */
#define GROUP_LOGITS 262144 /* that they ask for */
#define SPARE_TOKENS 8      /* that a text may have more of in a prompt than alone */

static const char *const first_line[] = {
	[SLM_SCORE_ONE] = "Classify the text. Answer with one of the labels.",
	[SLM_SCORE_EACH] = "Say whether the label fits the text. Answer with yes or no.",
	[SLM_SCORE_CONDITION] = "Say whether the condition holds for the text. Answer with yes or no.",
};
static const char with_none[] =
	"Classify the text. Answer with one of the labels, or with \"" NONE "\" where none fits.";

typedef struct Part
{
	uint32_t at, size;
} Part;

struct SlmScoring
{
	uint32_t n_byte; /* of all of this */
	SlmScoreTask task;
	int32_t n_label;
	int32_t n_question;
	int32_t n_score; /* of a text: of the answers of ONE, else of the questions */
	int32_t none;    /* the answer that is "none of these"; -1 */
	int32_t n_token; /* of the longest question without a text */
	Part system;
	Part head;         /* before the text */
	uint32_t tail_at;  /* Part[n_question]: behind it */
	uint32_t empty_at; /* float[n_score] of the empty text */
	uint32_t choices_at;
};

static SlmText
part_text(const SlmScoring *s, Part part)
{
	return (SlmText){(const char *) s + part.at, part.size};
}

static SlmText
tail_text(const SlmScoring *s, int question)
{
	return part_text(s, ((const Part *) ((const char *) s + s->tail_at))[question]);
}

static const SlmChoices *
choices_of(const SlmScoring *s)
{
	return (const SlmChoices *) ((const char *) s + s->choices_at);
}

size_t
slm_scoring_bytes(const SlmScoring *s)
{
	return s->n_byte;
}

bool
slm_task_scores(const SlmModel *model, const SlmModelOptions *options)
{
	SlmRun run = {.model = model, .options = options};

	return slm_model_info(model)->can_decode &&
		   slm_effective_pooling(&run) == SLM_POOLING_UNSPECIFIED;
}

/* ---- Prompts through the model ------------------------------------------------ */

typedef struct Prompt
{
	const int32_t *id; /* [n] */
	int n;
	int n_common; /* with the one before it */
	int row, question;
	float share; /* of its chunk in the text */
} Prompt;

/* Prompts are gathered, and then read together. */
typedef struct Scorer
{
	SlmRun *run;
	const SlmScoring *s;
	const SlmChoices *choices;
	const SlmChat *chat;
	float *score; /* [n][n_score] sums so far */

	SlmArenaMark mark; /* of what a group takes */
	Prompt *prompt;    /* [max_prompt] */
	int max_prompt, n_prompt;
	int n_token; /* that are to be read */
	int longest;
	bool of_empty; /* the text: what is read is what texts will follow */
} Scorer;

static SlmStatus
scorer_init(Scorer *r, SlmRun *run, const SlmScoring *s, float *score, int n, SlmError *err)
{
	*r = (Scorer){.run = run, .s = s, .choices = choices_of(s), .score = score};
	r->chat = slm_chat_find(run->options->prompt_format);
	if (r->chat == NULL)
		return slm_fail(err, SLM_ERR_INTERNAL, "no such chat format");
	r->max_prompt = GROUP_LOGITS / (r->choices->n_option + 1);
	if (r->max_prompt > GROUP_TOKENS)
		r->max_prompt = GROUP_TOKENS;
	if (r->max_prompt < 1)
		r->max_prompt = 1;
	memset(score, 0, (size_t) n * (size_t) s->n_score * sizeof(*score));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) r->max_prompt, &r->prompt, err));
	r->mark = slm_arena_mark(run->arena);
	return SLM_OK;
}

/* Adds what a prompt's logits say to its row. */
static SlmStatus
add_scores(const Scorer *r, const Prompt *prompt, float *logits, float *answer, SlmError *err)
{
	float *score = r->score + (size_t) prompt->row * (size_t) r->s->n_score;

	SLM_TRY(slm_choices_scores(r->choices, r->run, logits, answer, err));
	if (r->s->task != SLM_SCORE_ONE)
		score[prompt->question] =
			fmaf(prompt->share, answer[0] - answer[1], score[prompt->question]);
	else
		for (int i = 0; i < r->s->n_score; i++)
			score[i] = fmaf(prompt->share, answer[i], score[i]);
	return SLM_OK;
}

/*
 * Keeps what the group's rows begin with, but for what was kept before, for other
 * groups; the sequence holds the last prompt.  Questions about one text have the
 * text in common, too, which no other row has: of them that is not asked.
 */
static SlmStatus
keep_beginning(Scorer *r, SlmDecoder *decoder, int n_kept, SlmError *err)
{
	const Prompt *last = &r->prompt[r->n_prompt - 1];
	bool many_rows = r->of_empty;
	int n_common = last->n;

	for (int i = 1; i < r->n_prompt; i++)
		if (r->of_empty || r->prompt[i].row != r->prompt[i - 1].row)
		{
			many_rows = true;
			if (r->prompt[i].n_common < n_common)
				n_common = r->prompt[i].n_common;
		}
	if (!many_rows)
		n_common = slm_prefix_common(r->run, last->id, last->n);
	if (n_common - n_kept < SLM_PREFIX_TOKENS)
		return SLM_OK;
	return slm_prefix_keep(decoder, 0, last->id, n_common, err);
}

/* All prompts of the group, one behind the other in one block of keys and values. */
static SlmStatus
read_prompts(Scorer *r, SlmError *err)
{
	size_t n_logits = (size_t) r->choices->n_option;
	SlmArena *arena = r->run->arena;
	SlmBranch *branch;
	SlmDecoder *decoder;
	float *logits, *answer;
	int n = 0, n_kept;

	SLM_TRY(slm_decoder_new(r->run, 1, r->longest + r->choices->depth, &decoder, err));
	SLM_TRY(slm_prefix_restore(decoder, 0, r->prompt[0].id, r->prompt[0].n, err));
	n_kept = r->prompt[0].n_common = slm_decoder_length(decoder, 0);
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) r->n_prompt * ((size_t) r->choices->n_choice + 1),
						  &branch, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) r->n_prompt * n_logits, &logits, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) r->choices->n_answer, &answer, err));
	for (int i = 0; i < r->n_prompt; i++)
	{
		const Prompt *p = &r->prompt[i];

		branch[n].past = p->n_common;
		branch[n].token = p->id + p->n_common;
		branch[n].n = p->n - p->n_common;
		n += slm_choices_branches(r->choices, p->n, branch + n);
	}
	SLM_TRY(slm_decode_branches(decoder, 0, branch, n, logits, err));
	SLM_TRY(keep_beginning(r, decoder, n_kept, err));
	for (int i = 0; i < r->n_prompt; i++)
		SLM_TRY(add_scores(r, &r->prompt[i], logits + (size_t) i * n_logits, answer, err));
	return SLM_OK;
}

/*
 * Reads the group.  A failure that a text is at fault for is its row's where no
 * other row is in the group.
 */
static SlmStatus
finish_group(Scorer *r, SlmStatus *row_status, SlmError *err)
{
	int row = r->n_prompt > 0 ? r->prompt[0].row : 0;
	SlmStatus status = r->n_prompt > 0 ? read_prompts(r, err) : SLM_OK;

	if (row_status != NULL && slm_task_row_failed(status) && r->prompt[r->n_prompt - 1].row == row)
	{
		row_status[row] = status;
		status = SLM_OK;
	}
	r->n_prompt = r->n_token = r->longest = 0;
	slm_arena_rewind(r->run->arena, r->mark);
	return status;
}

/* Tokens that two prompts begin with, fewer than n: the last one is read for what follows it. */
static int
count_common(const Prompt *before, const int32_t *id, int n)
{
	int i = 0;

	while (i < n - 1 && i < before->n && before->id[i] == id[i])
		i++;
	return i;
}

/* The tokens of a question about a text, in the arena. */
static SlmStatus
question_tokens(const Scorer *r, int question, SlmText text, Prompt *out, SlmError *err)
{
	SlmArena *arena = r->run->arena;
	SlmText head = part_text(r->s, r->s->head), tail = tail_text(r->s, question);
	int n_context = slm_context_length(r->run);
	SlmBuffer user = {0};
	int32_t *id;

	SLM_TRY(slm_buffer_put(&user, arena, head.data, head.size, err));
	SLM_TRY(slm_buffer_put(&user, arena, text.data, text.size, err));
	SLM_TRY(slm_buffer_put(&user, arena, tail.data, tail.size, err));
	SLM_TRY(slm_chat_tokens(r->chat, slm_model_tokenizer(r->run->model), r->run->host,
							part_text(r->s, r->s->system), (SlmText){user.data, user.n}, arena, &id,
							&out->n, err));
	if (out->n < 1)
		return slm_fail(err, SLM_ERR_INTERNAL, "prompt without a token");
	if (out->n > n_context - r->choices->depth)
		return slm_fail(err, SLM_ERR_LIMIT,
						"question of %d tokens leaves no room in the context of %d tokens", out->n,
						n_context);
	out->id = id;
	return SLM_OK;
}

/* Adds the questions about a text, or a chunk of one, to the group. */
static SlmStatus
add_questions(Scorer *r, int row, SlmText text, float share, int *longest, SlmStatus *row_status,
			  SlmError *err)
{
	for (int q = 0; q < r->s->n_question; q++)
	{
		Prompt prompt = {.row = row, .question = q, .share = share};

		if (r->n_prompt == r->max_prompt || r->n_token >= GROUP_TOKENS)
			SLM_TRY(finish_group(r, row_status, err));
		SLM_TRY(question_tokens(r, q, text, &prompt, err));
		if (r->n_prompt > 0)
			prompt.n_common = count_common(&r->prompt[r->n_prompt - 1], prompt.id, prompt.n);
		r->prompt[r->n_prompt++] = prompt;
		r->n_token += prompt.n - prompt.n_common;
		if (prompt.n > r->longest)
			r->longest = prompt.n;
		if (prompt.n > *longest)
			*longest = prompt.n;
	}
	return SLM_OK;
}

/* Adds a text beyond the room of a question in chunks, of which there are none in the group. */
static SlmStatus
add_chunks(Scorer *r, int row, SlmText text, int room, SlmStatus *row_status, SlmError *err)
{
	bool truncate = r->run->options->overflow == SLM_OVERFLOW_TRUNCATE;
	SlmArenaMark mark = r->mark;
	int longest = 0, n_chunk;
	float n_token = 0.0f;
	SlmChunk *chunk;

	SLM_TRY(slm_task_chunk(r->run, text, room, 0, &chunk, &n_chunk, err));
	if (truncate)
		n_chunk = 1;
	for (int i = 0; i < n_chunk; i++)
		n_token += (float) chunk[i].n_token;
	r->mark = slm_arena_mark(r->run->arena); /* the chunks outlive a group */
	for (int i = 0; i < n_chunk; i++)
	{
		SlmText part = {text.data + chunk[i].start, chunk[i].size};

		SLM_TRY(add_questions(r, row, part, (float) chunk[i].n_token / n_token, &longest,
							  row_status, err));
	}
	SLM_TRY(finish_group(r, row_status, err));
	r->mark = mark;
	slm_arena_rewind(r->run->arena, mark);
	return SLM_OK;
}

/* Adds a row's text. */
static SlmStatus
add_text(Scorer *r, int row, SlmText text, SlmStatus *row_status, SlmError *err)
{
	int room = slm_context_length(r->run) - r->s->n_token - r->choices->depth - SPARE_TOKENS;
	SlmArenaMark mark = slm_arena_mark(r->run->arena);
	int longest = 0;
	SlmTokens tokens;

	SLM_TRY(slm_task_tokenize(r->run, slm_text(""), text, &tokens, err));
	slm_arena_rewind(r->run->arena, mark);
	if (tokens.n <= room)
		return add_questions(r, row, text, 1.0f, &longest, row_status, err);
	if (room < 1)
		return slm_fail(err, SLM_ERR_LIMIT,
						"question of %d tokens leaves no room in the context of %d tokens",
						r->s->n_token, slm_context_length(r->run));
	SLM_TRY(slm_task_overflow(r->run, room, &tokens.n, err));
	SLM_TRY(finish_group(r, row_status, err));
	return add_chunks(r, row, text, room, row_status, err);
}

/* ---- Probabilities ------------------------------------------------------------ */

/* x = softmax over all but one of n numbers, which may be -1. */
static void
softmax_without(const SlmKernels *kernels, float *x, int n, int left_out)
{
	if (left_out < 0)
		kernels->softmax(x, n);
	else
	{
		/* it takes the last place meanwhile, so that the others stand side by side */
		float kept = x[left_out];

		memmove(x + left_out, x + left_out + 1, (size_t) (n - 1 - left_out) * sizeof(*x));
		kernels->softmax(x, n - 1);
		memmove(x + left_out + 1, x + left_out, (size_t) (n - 1 - left_out) * sizeof(*x));
		x[left_out] = kept;
	}
}

/* probability [n_label] of a text's scores; scratch [n_score]. */
static void
to_probabilities(const SlmScoring *s, const SlmKernels *kernels, const float *score, float *scratch,
				 float *probability)
{
	const float *empty = (const float *) ((const char *) s + s->empty_at);
	int none = s->none < s->n_label ? s->none : -1;
	float some;

	if (s->task != SLM_SCORE_ONE)
	{
		for (int i = 0; i < s->n_label; i++)
			probability[i] = slm_sigmoid(kernels, score[i] - empty[i]);
		return;
	}
	memcpy(scratch, score, (size_t) s->n_score * sizeof(*scratch));
	kernels->softmax(scratch, s->n_score);
	some = 1.0f - scratch[s->none];
	for (int i = 0; i < s->n_label; i++)
		probability[i] = score[i] - empty[i];
	softmax_without(kernels, probability, s->n_label, none);
	for (int i = 0; i < s->n_label; i++)
		probability[i] = i == none ? scratch[i] : some * probability[i];
}

SlmStatus
slm_task_score(SlmRun *run, const SlmScoring *s, const SlmText *text, int n, float *probability,
			   SlmStatus *row_status, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	float *score, *scratch;
	Scorer r;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n * (size_t) s->n_score, &score, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) s->n_score, &scratch, err));
	SLM_TRY(scorer_init(&r, run, s, score, n, err));
	for (int i = 0; i < n; i++)
	{
		SlmStatus status;

		if (row_status != NULL)
			row_status[i] = SLM_OK;
		status = add_text(&r, i, text[i], row_status, err);
		if (row_status != NULL && slm_task_row_failed(status))
			row_status[i] = status;
		else
			SLM_TRY(status);
	}
	SLM_TRY(finish_group(&r, row_status, err));
	for (int i = 0; i < n; i++)
	{
		float *out = probability + (size_t) i * (size_t) s->n_label;

		if (row_status == NULL || row_status[i] == SLM_OK)
			to_probabilities(s, run->kernels, score + (size_t) i * (size_t) s->n_score, scratch,
							 out);
		else
			memset(out, 0, (size_t) s->n_label * sizeof(*out));
	}
	slm_arena_rewind(run->arena, mark);
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
static Part
since(const Writer *w, size_t start)
{
	return (Part){(uint32_t) start, (uint32_t) (w->text.n - start)};
}

static SlmStatus
write_texts(Writer *w, SlmScoring *s, const SlmLabel *label, SlmText instructions, Part *tail,
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
lay_out(SlmScoring *s, const Writer *w, Part *tail, const SlmChoices *choices, SlmArena *arena,
		SlmScoring **out, SlmError *err)
{
	uint64_t n_byte = sizeof(*s);
	uint32_t text_at;
	char *all;

	s->empty_at = place(&n_byte, (size_t) s->n_score, sizeof(float));
	s->tail_at = place(&n_byte, (size_t) s->n_question, sizeof(Part));
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

/* Takes the scores of the empty text. */
static SlmStatus
score_empty(SlmRun *run, SlmScoring *s, SlmError *err)
{
	float *empty = (float *) ((char *) s + s->empty_at);
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int longest = 0;
	float *score;
	Scorer r;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) s->n_score, &score, err));
	SLM_TRY(scorer_init(&r, run, s, score, 1, err));
	r.of_empty = true;
	SLM_TRY(add_questions(&r, 0, slm_text(""), 1.0f, &longest, NULL, err));
	SLM_TRY(finish_group(&r, NULL, err));
	s->n_token = longest;
	for (int i = 0; i < s->n_score; i++)
		empty[i] = s->task == SLM_SCORE_ONE || score[i] > 0.0f ? score[i] : 0.0f;
	slm_arena_rewind(run->arena, mark);
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
	Part *tail;
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
