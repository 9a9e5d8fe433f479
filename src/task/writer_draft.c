/*
 * writer_draft.c - a smaller model guesses what a row will be
 *
 * A guess is the row itself, moved on: it has the row's constraint and limits, and takes
 * what they force, so that what is guessed is what would be written.
 */
#include "task/writer_draft.h"

#include <string.h>

#include "base/limits.h"

#define FIRST_TOKENS 4 /* guessed at first */
#define MOST_MISSES 4  /* guesses in a row of which nothing is right, before a pause */
#define PAUSE 16       /* choices without a guess */

/* How well a row is guessed. */
typedef struct Luck
{
	int most; /* tokens to guess next */
	int n_missed;
	int pause;
} Luck;

struct SlmDrafter
{
	SlmRun run; /* of the smaller model */
	SlmRowMaker maker;
	SlmDecoder *decoder; /* a sequence a row */
	int n_vocab;         /* of the smaller model */
	Luck *luck;          /* [n_row] */
	float *logits;       /* [n_row][n_vocab] */
	SlmStep *step;       /* [n_row] */
	SlmTokenList *list;  /* [n_row] */
};

static SlmStatus
make_drafter(SlmRun *run, int n_row, int n_token, SlmDrafter **out, SlmError *err)
{
	SlmDrafter *d;
	int context;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, 1, &d, err));
	d->run = *run;
	d->run.model = run->draft;
	d->run.draft = NULL;
	d->n_vocab = slm_model_info(run->draft)->n_vocab;
	context = slm_context_length(&d->run);
	SLM_TRY(slm_row_maker_init(&d->maker, &d->run, err));
	if (d->maker.n_vocab > slm_model_info(run->model)->n_vocab)
		d->maker.n_vocab = slm_model_info(run->model)->n_vocab;
	SLM_TRY(
		slm_decoder_new(&d->run, n_row, n_token < context ? n_token : context, &d->decoder, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_row, &d->luck, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_row * (size_t) d->n_vocab, &d->logits, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_row, &d->step, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_row, &d->list, err));
	*out = d;
	return slm_decoder_try(d->decoder, SLM_WRITER_TOKENS, err);
}

SlmStatus
slm_drafter_new(SlmRun *run, int n_row, int n_token, SlmDrafter **out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	SlmStatus status = make_drafter(run, n_row, n_token, out, err);

	if (status != SLM_ERR_LIMIT && status != SLM_ERR_NO_MEMORY)
		return status;
	slm_arena_release(run->arena, mark);
	*out = NULL;
	return SLM_OK;
}

void
slm_drafter_begin(SlmDrafter *d, int row, int n)
{
	int n_held = slm_decoder_length(d->decoder, row);

	slm_decoder_begin(d->decoder, row, n < n_held ? n : n_held, slm_decoder_room(d->decoder));
	d->luck[row] = (Luck){.most = FIRST_TOKENS};
}

SlmStatus
slm_drafter_share(SlmDrafter *d, int from, int to, int n, SlmError *err)
{
	int n_held = slm_decoder_length(d->decoder, from);

	if (n > n_held)
		n = n_held;
	if (n <= slm_decoder_length(d->decoder, to))
		return SLM_OK;
	return slm_decoder_share(d->decoder, from, to, n, err);
}

/* ---- A guess -------------------------------------------------------------------------- */

/* Tokens that the smaller model has to read before it can go on; 0: it cannot. */
static int
count_unread(const SlmDrafter *d, const SlmGuess *g)
{
	int n_read = slm_decoder_length(d->decoder, g->row), n = g->ahead.n_id - n_read;

	if (g->ahead.n_id > slm_decoder_room(d->decoder))
		return 0;
	for (int i = 0; i < n; i++)
		if (g->ahead.id[n_read + i] >= d->n_vocab)
			return 0;
	return n;
}

/* Sets up a guess; most is 0 where none is made now. */
static void
begin_guess(SlmDrafter *d, SlmGuess *g)
{
	Luck *luck = &d->luck[g->row];

	g->n = g->most = 0;
	g->ahead = *g->from;
	g->ahead.chance = NULL;
	if (g->from->sampling.temperature > 0.0f)
		return;
	if (luck->pause > 0)
		luck->pause--;
	else
		g->most = luck->most;
}

/* What a guess may choose from, of what the smaller model knows. */
static SlmStatus
make_choice(SlmDrafter *d, SlmGuess *g, const SlmChoiceMemory *memory, SlmTokenList *list,
			SlmError *err)
{
	SLM_TRY(slm_row_choice(&g->ahead, true, memory, &g->choice, err));
	while (g->choice.n > 0 && g->choice.token[g->choice.n - 1] >= d->n_vocab)
		g->choice.n--;
	*list = (SlmTokenList){NULL, d->n_vocab};
	if (g->choice.token != NULL)
		*list = (SlmTokenList){g->choice.token, g->choice.n};
	return SLM_OK;
}

/*
 * The next step of guess g, which is step *n; nothing where it has come to its end, or
 * where so much is unread that reading some of it is all that is done.
 */
static SlmStatus
add_step(SlmDrafter *d, SlmGuess *g, const SlmChoiceMemory *memory, int *n, int *left,
		 SlmError *err)
{
	int n_unread = g->most > g->n ? count_unread(d, g) : 0;
	SlmTokenList *list = &d->list[*n];

	if (n_unread < 1 || *left < 1)
	{
		g->most = g->n;
		return SLM_OK;
	}
	*list = (SlmTokenList){NULL, 0};
	if (n_unread <= *left)
		SLM_TRY(make_choice(d, g, memory, list, err));
	if (n_unread > *left || list->n == 0)
		g->most = g->n;
	d->step[*n] = (SlmStep){
		.sequence = g->row,
		.token = g->ahead.id + slm_decoder_length(d->decoder, g->row),
		.n = n_unread <= *left ? n_unread : *left,
		.n_logits = g->most > g->n,
	};
	*left -= d->step[(*n)++].n;
	return SLM_OK;
}

/* Moves a guess on by its logits. */
static SlmStatus
choose(SlmDrafter *d, SlmGuess *g, float *logits, SlmError *err)
{
	int n_before = g->ahead.n_id, n;
	SlmStatus status = slm_row_choose(&d->maker, &g->ahead, logits, &g->choice, err);

	if (status == SLM_ERR_UNSUPPORTED)
	{
		g->most = g->n;
		return SLM_OK;
	}
	SLM_TRY(status);
	n = g->ahead.n_id - g->n_from;
	g->n = n < SLM_DRAFT_TOKENS ? n : SLM_DRAFT_TOKENS;
	if (g->ahead.is_over || g->ahead.n_id == n_before || g->n < n)
		g->most = g->n;
	return SLM_OK;
}

SlmStatus
slm_drafter_guess(SlmDrafter *d, SlmGuess *guess, int n, const SlmChoiceMemory *memory,
				  SlmError *err)
{
	SlmGuess *of_step[SLM_DRAFT_ROWS];
	int n_step = 1;

	for (int i = 0; i < n; i++)
		begin_guess(d, &guess[i]);
	while (n_step > 0)
	{
		float *logits = d->logits;
		int left = SLM_WRITER_TOKENS;

		n_step = 0;
		for (int i = 0; i < n; i++)
		{
			int before = n_step;

			SLM_TRY(add_step(d, &guess[i], &memory[i], &n_step, &left, err));
			if (n_step > before)
				of_step[before] = &guess[i];
		}
		if (n_step == 0)
			break;
		SLM_TRY(slm_decode_lists(d->decoder, d->step, n_step, d->list, d->logits, err));
		for (int i = 0; i < n_step; i++)
		{
			if (d->step[i].n_logits == 0)
				continue;
			SLM_TRY(choose(d, of_step[i], logits, err));
			logits += d->list[i].n;
		}
	}
	for (int i = 0; i < n; i++)
		memcpy(guess[i].id, guess[i].from->id + guess[i].n_from,
			   (size_t) guess[i].n * sizeof(*guess[i].id));
	return SLM_OK;
}

void
slm_drafter_learn(SlmDrafter *d, const SlmGuess *guess, int n_right)
{
	Luck *luck = &d->luck[guess->row];

	slm_decoder_truncate(d->decoder, guess->row, guess->n_from + n_right);
	if (guess->n == 0)
		return;
	luck->most = n_right == guess->n ? luck->most + 2 : n_right + 1;
	if (luck->most > SLM_DRAFT_TOKENS)
		luck->most = SLM_DRAFT_TOKENS;
	luck->n_missed = n_right > 0 ? 0 : luck->n_missed + 1;
	if (luck->n_missed < MOST_MISSES)
		return;
	luck->n_missed = 0;
	luck->pause = PAUSE;
}
