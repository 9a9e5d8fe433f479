/*
 * score.c - labels for a text, by what a decoder thinks of them as answers
 *
 * All prompts of a call stand one behind the other in one block of keys and values:
 * each goes on from what it has in common with the one before it.  They are read in
 * groups, so that a batch has enough to do.  No text may change what the others come
 * to, so whether the decoder is a long one is the question's to say.
 */
#include <math.h>
#include <string.h>

#include "engine/prefix.h"
#include "task/chunk.h"
#include "task/score_impl.h"
#include "task/windows.h"

#define GROUP_TOKENS 256    /* of prompts that are read together: more gain little */
#define GROUP_LOGITS 262144 /* that they ask for */
#define SPARE_TOKENS 8      /* that a text may have more of in a prompt than alone */

/* ---- Prompts through the model ------------------------------------------------ */

typedef struct Prompt
{
	const int32_t *id; /* [n] */
	int n;
	int n_common; /* with the one before it */
	int row, question;
	float share; /* of its chunk in the text */
} Prompt;

typedef struct Scorer
{
	SlmRun *run;
	const SlmScoring *s;
	const SlmChoices *choices;
	bool of_empty;
	int n_text;
	SlmStatus *row_status; /* or NULL */
	float *score;          /* [n][n_score] sums so far */

	SlmDecoder *decoder; /* NULL before the first prompt */
	int room;            /* of it */
	int32_t *path;       /* [room] tokens of prompts that it holds, n_path of them */
	int n_path;
	int n_kept;      /* of the first prompt's, from an earlier call */
	int last_row;    /* of those in the decoder; -1: none */
	bool has_chosen; /* what is kept for later calls */

	SlmArenaMark mark; /* of what a group takes */
	Prompt *prompt;    /* [max_prompt] */
	int max_prompt, n_prompt;
	int n_token; /* that are to be read */
} Scorer;

/* For texts of at most so many tokens. */
static SlmStatus
scorer_init(Scorer *r, int longest_text, SlmError *err)
{
	SlmArena *arena = r->run->arena;
	int64_t room = (int64_t) r->s->n_token + longest_text + longest_text / 8 + SPARE_TOKENS +
				   r->choices->depth;

	if (r->s->is_long && room <= slm_short_context(r->run))
		room = slm_short_context(r->run) + 1;
	r->room = slm_scoring_context(r->run, r->s);
	if (room < r->room)
		r->room = (int) room;
	SLM_TRY(slm_decoder_new(r->run, 1, r->room, &r->decoder, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) r->room, &r->path, err));
	r->max_prompt = GROUP_LOGITS / (r->choices->n_option + 1);
	if (r->max_prompt > GROUP_TOKENS)
		r->max_prompt = GROUP_TOKENS;
	if (r->max_prompt < 1)
		r->max_prompt = 1;
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) r->max_prompt, &r->prompt, err));
	r->mark = slm_arena_mark(arena);
	return SLM_OK;
}

/*
 * Keeps what rows begin with, but for what was kept before, for later calls; the
 * decoder holds the last prompt.  Questions about one text have the text in common,
 * too, which no other row has: of them that is not asked.
 */
static SlmStatus
keep_beginning(Scorer *r, SlmError *err)
{
	const Prompt *last = &r->prompt[r->n_prompt - 1];
	bool many_rows = r->of_empty;
	int n_common = last->n, row = r->last_row;

	for (int i = 0; i < r->n_prompt; row = r->prompt[i++].row)
		if (row >= 0 && (r->of_empty || row != r->prompt[i].row))
		{
			many_rows = true;
			if (r->prompt[i].n_common < n_common)
				n_common = r->prompt[i].n_common;
		}
	r->last_row = row;
	if (r->has_chosen || (!many_rows && r->n_text > 1))
		return SLM_OK;
	r->has_chosen = true;
	if (!many_rows)
		n_common = slm_prefix_common(r->run, last->id, last->n);
	if (n_common - r->n_kept < SLM_PREFIX_TOKENS)
		return SLM_OK;
	return slm_prefix_keep(r->decoder, 0, last->id, n_common, err);
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

static SlmStatus
read_prompts(Scorer *r, SlmError *err)
{
	size_t n_logits = (size_t) r->choices->n_option;
	size_t n_branch = (size_t) r->n_prompt * ((size_t) r->choices->n_choice + 1);
	const Prompt *last = &r->prompt[r->n_prompt - 1];
	SlmArena *arena = r->run->arena;
	SlmBranch *branch;
	float *logits, *answer;
	int n = 0;

	SLM_TRY(SLM_NEW_ARRAY(arena, n_branch, &branch, err));
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
	SLM_TRY(slm_decode_branches(r->decoder, 0, branch, n, logits, err));
	memcpy(r->path, last->id, (size_t) last->n * sizeof(*r->path));
	r->n_path = last->n;
	SLM_TRY(keep_beginning(r, err));
	for (int i = 0; i < r->n_prompt; i++)
	{
		SLM_TRY(slm_poll(r->run->host, err));
		SLM_TRY(add_scores(r, &r->prompt[i], logits + (size_t) i * n_logits, answer, err));
	}
	return SLM_OK;
}

/*
 * Reads the prompts that are waiting.  A failure that a text is at fault for is its
 * row's where no other row is among them.
 */
static SlmStatus
finish_group(Scorer *r, SlmError *err)
{
	int row = r->n_prompt > 0 ? r->prompt[0].row : 0;
	SlmStatus status = r->n_prompt > 0 ? read_prompts(r, err) : SLM_OK;

	if (r->row_status != NULL && slm_task_row_failed(status) &&
		r->prompt[r->n_prompt - 1].row == row)
	{
		r->row_status[row] = status;
		status = SLM_OK;
	}
	if (slm_decoder_length(r->decoder, 0) < r->n_path)
		r->n_path = slm_decoder_length(r->decoder, 0);
	r->n_prompt = r->n_token = 0;
	slm_arena_rewind(r->run->arena, r->mark);
	return status;
}

/* The first prompt of a call may have been begun by another call. */
static SlmStatus
begin_path(Scorer *r, const Prompt *first, SlmError *err)
{
	SLM_TRY(slm_prefix_restore(r->decoder, 0, first->id, first->n, err));
	r->n_kept = r->n_path = slm_decoder_length(r->decoder, 0);
	memcpy(r->path, first->id, (size_t) r->n_path * sizeof(*r->path));
	return SLM_OK;
}

/* Tokens that a prompt has in common with the one before it, fewer than all: the last is read for what follows. */
static int
count_common(const Scorer *r, const Prompt *prompt)
{
	const Prompt *before = &r->prompt[r->n_prompt - 1];
	const int32_t *id = r->n_prompt > 0 ? before->id : r->path;
	int n = r->n_prompt > 0 ? before->n : r->n_path, i = 0;

	while (i < prompt->n - 1 && i < n && id[i] == prompt->id[i])
		i++;
	return i;
}

/* Adds the questions about a text, or a chunk of one, to those that are waiting. */
static SlmStatus
add_questions(Scorer *r, int row, SlmText text, float share, SlmError *err)
{
	for (int q = 0; q < r->s->n_question; q++)
	{
		Prompt prompt = {.row = row, .question = q, .share = share};

		if (r->n_prompt == r->max_prompt || r->n_token >= GROUP_TOKENS)
			SLM_TRY(finish_group(r, err));
		SLM_TRY(slm_scoring_prompt(r->run, r->s, q, text, &prompt.id, &prompt.n, err));
		if (prompt.n > r->room - r->choices->depth)
			return slm_fail(err, SLM_ERR_LIMIT, "text has more tokens in a question than alone");
		if (r->n_path == 0 && r->n_prompt == 0)
			SLM_TRY(begin_path(r, &prompt, err));
		prompt.n_common = count_common(r, &prompt);
		r->prompt[r->n_prompt++] = prompt;
		r->n_token += prompt.n - prompt.n_common;
	}
	return SLM_OK;
}

/* ---- Texts ---------------------------------------------------------------------- */

/* Tokens of a text that fit beside a question. */
static int
text_room(const SlmRun *run, const SlmScoring *s)
{
	return slm_scoring_context(run, s) - s->n_token - slm_scoring_choices(s)->depth - SPARE_TOKENS;
}

/* Adds a text beyond the room of a question in chunks. */
static SlmStatus
add_chunks(Scorer *r, int row, SlmText text, SlmError *err)
{
	bool truncate = r->run->options->overflow == SLM_OVERFLOW_TRUNCATE;
	SlmArenaMark mark = r->mark;
	float n_token = 0.0f;
	SlmChunk *chunk;
	int n_chunk;

	SLM_TRY(finish_group(r, err));
	SLM_TRY(slm_task_chunk(r->run, text, text_room(r->run, r->s), 0, &chunk, &n_chunk, err));
	if (truncate)
		n_chunk = 1;
	for (int i = 0; i < n_chunk; i++)
		n_token += (float) chunk[i].n_token;
	r->mark = slm_arena_mark(r->run->arena); /* the chunks outlive a group */
	for (int i = 0; i < n_chunk; i++)
	{
		SlmText part = {text.data + chunk[i].start, chunk[i].size};

		SLM_TRY(add_questions(r, row, part, (float) chunk[i].n_token / n_token, err));
	}
	SLM_TRY(finish_group(r, err));
	r->mark = mark;
	slm_arena_rewind(r->run->arena, mark);
	return SLM_OK;
}

/* Everything that is known of a text before it is read: its tokens, and its own faults. */
static SlmStatus
count_tokens(SlmRun *run, const SlmScoring *s, SlmText text, int *n_token, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int room = text_room(run, s);
	SlmTokens tokens;

	*n_token = 0;
	SLM_TRY(slm_task_tokenize(run, slm_text(""), text, &tokens, err));
	slm_arena_rewind(run->arena, mark);
	*n_token = tokens.n;
	if (tokens.n <= room)
		return SLM_OK;
	if (room < 1)
		return slm_fail(err, SLM_ERR_LIMIT,
						"question of %d tokens leaves no room in the context of %d tokens",
						s->n_token, slm_scoring_context(run, s));
	return slm_task_overflow(run, room, &tokens.n, err);
}

SlmStatus
slm_score_texts(SlmRun *run, const SlmScoring *s, const SlmText *text, int n, bool of_empty,
				float *score, SlmStatus *row_status, SlmError *err)
{
	Scorer r = {
		.run = run,
		.s = s,
		.choices = slm_scoring_choices(s),
		.of_empty = of_empty,
		.n_text = n,
		.last_row = -1,
		.row_status = row_status,
		.score = score,
	};
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int *n_token, room = text_room(run, s), longest = 0;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &n_token, err));
	for (int i = 0; i < n; i++)
	{
		SlmStatus status;

		SLM_TRY(slm_poll(run->host, err));
		memset(score + (size_t) i * (size_t) s->n_score, 0, (size_t) s->n_score * sizeof(*score));
		status = count_tokens(run, s, text[i], &n_token[i], err);
		if (row_status != NULL)
			row_status[i] = status;
		if (row_status == NULL || !slm_task_row_failed(status))
			SLM_TRY(status);
		else
			n_token[i] = 0;
		if (n_token[i] > longest)
			longest = n_token[i] < room ? n_token[i] : room;
	}
	SLM_TRY(scorer_init(&r, longest, err));
	for (int i = 0; i < n; i++)
	{
		SlmStatus status;

		if (row_status != NULL && row_status[i] != SLM_OK)
			continue;
		status = n_token[i] <= room ? add_questions(&r, i, text[i], 1.0f, err)
									: add_chunks(&r, i, text[i], err);
		if (row_status != NULL && slm_task_row_failed(status))
			row_status[i] = status;
		else
			SLM_TRY(status);
	}
	SLM_TRY(finish_group(&r, err));
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
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
	const float *empty = slm_scoring_empty(s);
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

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n * (size_t) s->n_score, &score, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) s->n_score, &scratch, err));
	SLM_TRY(slm_score_texts(run, s, text, n, false, score, row_status, err));
	for (int i = 0; i < n; i++)
	{
		float *out = probability + (size_t) i * (size_t) s->n_label;

		SLM_TRY(slm_poll(run->host, err));
		if (row_status == NULL || row_status[i] == SLM_OK)
			to_probabilities(s, run->kernels, score + (size_t) i * (size_t) s->n_score, scratch,
							 out);
		else
			memset(out, 0, (size_t) s->n_label * sizeof(*out));
	}
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}
