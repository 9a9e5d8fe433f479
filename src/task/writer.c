/*
 * writer.c - texts that a decoder writes beside each other
 */
#include "task/writer_impl.h"

#include <string.h>

#include "base/limits.h"
#include "engine/prefix.h"
#include "task/verbatim.h"
#include "task/writer_draft.h"

#define SPARE_BYTES (1U << 19) /* for tokens of forced bytes, and texts whose words are counted */

typedef enum Phase
{
	PHASE_FREE = 0, /* what it last read is still there, for others of its owner */
	PHASE_JOINED,   /* has not begun to read */
	PHASE_BUSY,
	PHASE_DONE
} Phase;

typedef struct Place
{
	Phase phase;
	uint64_t order; /* of joining */
	SlmRow row;
	char owner[SLM_PREFIX_OWNER_BYTES];
	size_t owner_size; /* 0: nothing is shared */
	int n_recent;      /* tokens that the prompt has in common with one of the last ones */
	int n_kept;        /* of those, that have been kept for it */
	int n_shared;      /* tokens that others have read for it */
	bool may_keep;
	int32_t *id;            /* [size.n_token + 1] */
	SlmRowChoice choice;    /* what may follow, of a row that is to choose */
	SlmChoiceMemory memory; /* for it */
	float *chance;          /* [size.n_token + 1] */
	SlmArena arena;         /* of the input */
	SlmStatus status;       /* of a row that is done, */
	SlmError err;           /* and its error */
} Place;

struct SlmWriter
{
	SlmRowMaker maker;
	SlmDecoder *decoder; /* a sequence a place */
	SlmDrafter *drafter; /* or NULL */
	SlmRowSize size;
	int n_place;
	Place *place; /* [n_place] */
	uint64_t n_joined;

	float *logits;      /* [n_place][n_vocab] */
	SlmStep *step;      /* [n_place] of the step in hand, n_step of them, */
	SlmTokenList *list; /* and what they ask for */
	int n_step;
	SlmGuess guess[SLM_DRAFT_ROWS]; /* of each step, where there is a drafter */
	int *by_order;                  /* [n_place] places that are busy, as they joined */
};

/* ---- Memory -------------------------------------------------------------------------- */

/* Bytes of the input's index, as an arena. */
static size_t
input_bytes(size_t n_input)
{
	return n_input > 0 ? slm_verbatim_bytes(n_input) + SLM_ARENA_OVERHEAD : 0;
}

static SlmStatus
make_place(SlmWriter *w, Place *place, SlmError *err)
{
	SlmArena *arena = w->maker.run->arena;
	size_t n_byte = input_bytes(w->size.n_input);
	void *memory;

	memset(place, 0, sizeof(*place));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) w->size.n_token + 1, &place->id, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) w->size.n_token + 1, &place->chance, err));
	SLM_TRY(slm_choice_memory(arena, w->maker.n_vocab, &place->memory, err));
	if (n_byte == 0)
		return SLM_OK;
	SLM_TRY(slm_arena_alloc(arena, n_byte, &memory, err));
	slm_arena_within(&place->arena, memory, n_byte);
	return SLM_OK;
}

/* Sees to it that steps will have the memory that they take and give back. */
static SlmStatus
try_scratch(SlmWriter *w, SlmError *err)
{
	SlmArena *arena = w->maker.run->arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	size_t n_hidden = (size_t) w->n_place * slm_model_info(w->maker.run->model)->n_embd;
	void *unused;

	SLM_TRY(slm_arena_alloc(arena, SPARE_BYTES + n_hidden * sizeof(float), &unused, err));
	SLM_TRY(slm_decoder_try(w->decoder, SLM_WRITER_TOKENS, err));
	slm_arena_rewind(arena, mark);
	return SLM_OK;
}

SlmStatus
slm_writer_new(SlmRun *run, int n_row, SlmRowSize size, SlmWriter **out, SlmError *err)
{
	SlmWriter *w;
	size_t n_logits;

	if (n_row < 1 || n_row > SLM_MAX_WRITER_ROWS)
		return slm_fail(err, SLM_ERR_LIMIT, "%d rows beside each other exceed the limit of %d",
						n_row, SLM_MAX_WRITER_ROWS);
	SLM_TRY(SLM_NEW_ARRAY(run->arena, 1, &w, err));
	memset(w, 0, sizeof(*w));
	w->size = size;
	w->n_place = n_row;
	SLM_TRY(slm_row_maker_init(&w->maker, run, err));
	SLM_TRY(slm_decoder_new(run, n_row, size.n_token, &w->decoder, err));
	if (run->draft != NULL && n_row <= SLM_DRAFT_ROWS)
		SLM_TRY(slm_drafter_new(run, n_row, size.n_token, &w->drafter, err));
	n_logits = (size_t) n_row * (w->drafter != NULL ? SLM_DRAFT_TOKENS + 1 : 1);
	SLM_TRY(SLM_NEW_ARRAY(run->arena, n_logits * (size_t) w->maker.n_vocab, &w->logits, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_row, &w->step, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_row, &w->list, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_row, &w->by_order, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_row, &w->place, err));
	for (int i = 0; i < n_row; i++)
		SLM_TRY(make_place(w, &w->place[i], err));
	SLM_TRY(try_scratch(w, err));
	*out = w;
	return SLM_OK;
}

/* ---- Places -------------------------------------------------------------------------- */

static int
count_phase(const SlmWriter *w, Phase first, Phase last)
{
	int n = 0;

	for (int i = 0; i < w->n_place; i++)
		n += w->place[i].phase >= first && w->place[i].phase <= last;
	return n;
}

int
slm_writer_free(const SlmWriter *w)
{
	return count_phase(w, PHASE_FREE, PHASE_FREE);
}

int
slm_writer_busy(const SlmWriter *w)
{
	return count_phase(w, PHASE_JOINED, PHASE_BUSY);
}

int
slm_writer_written(const SlmWriter *w, int row)
{
	return slm_row_written(&w->place[row].row);
}

int
slm_writer_finished(const SlmWriter *w)
{
	int i = 0;

	while (i < w->n_place && w->place[i].phase != PHASE_DONE)
		i++;
	return i < w->n_place ? i : -1;
}

void
slm_writer_drop(SlmWriter *w, int row)
{
	w->place[row].phase = PHASE_FREE;
}

/*
 * Tokens of id[0 .. n-2] that a place begins with and has read, or will have when its
 * prompt is read; none of another owner's, nor of a long sequence for a short one.
 */
static int
count_common(const SlmWriter *w, int from, SlmText owner, bool is_long, const int32_t *id, int n,
			 bool will)
{
	const Place *place = &w->place[from];
	int most = will ? place->row.n_prompt : slm_decoder_length(w->decoder, from), i = 0;

	if (owner.size == 0 || owner.size != place->owner_size ||
		memcmp(owner.data, place->owner, owner.size) != 0 ||
		slm_decoder_is_long(w->decoder, from) != is_long)
		return 0;
	while (i < most && i < n - 1 && place->id[i] == id[i])
		i++;
	return i;
}

/* ---- Joining ------------------------------------------------------------------------- */

SlmStatus
slm_writer_measure(SlmRun *run, const SlmPrompt *prompt, SlmRowSize *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	SlmRowTokens tokens;
	SlmStatus status = slm_row_tokens(run, prompt, &tokens, err);

	slm_arena_rewind(run->arena, mark);
	SLM_TRY(status);
	*out = slm_row_size(prompt, &tokens);
	return SLM_OK;
}

SlmRowSize
slm_row_size(const SlmPrompt *prompt, const SlmRowTokens *tokens)
{
	bool verbatim = prompt->constraint != NULL && prompt->constraint->verbatim;

	/* an input may be empty, but its index is not */
	return (SlmRowSize){tokens->room, verbatim ? prompt->input.size + 1 : 0};
}

/* The free place that has read most of what a row begins with, *n_common tokens; -1: none is free. */
static int
choose_place(const SlmWriter *w, SlmText owner, bool is_long, const SlmRowTokens *tokens,
			 int *n_common)
{
	int best = -1;

	*n_common = -1;
	for (int i = 0; i < w->n_place; i++)
	{
		int n;

		if (w->place[i].phase != PHASE_FREE)
			continue;
		n = count_common(w, i, owner, is_long, tokens->id, tokens->n, false);
		if (n > *n_common)
		{
			best = i;
			*n_common = n;
		}
	}
	return best;
}

/* What a row's strings are looked up in, in its place; NULL where it has none. */
static SlmStatus
read_input(SlmWriter *w, Place *place, const SlmPrompt *prompt, SlmVerbatim **out, SlmError *err)
{
	const SlmConstraint *constraint = prompt->constraint;

	*out = NULL;
	if (constraint == NULL || !constraint->verbatim)
		return SLM_OK;
	slm_arena_reset(&place->arena);
	SLM_TRY(slm_verbatim_new(constraint->grammar, prompt->input, w->maker.run->host, &place->arena,
							 out, err));
	slm_mask_cache_forget(constraint->cache, *out);
	return SLM_OK;
}

static void
set_owner(Place *place, SlmText owner)
{
	place->owner_size = owner.size <= sizeof(place->owner) ? owner.size : 0;
	if (place->owner_size > 0)
		memcpy(place->owner, owner.data, place->owner_size);
}

/* Moves a row that has nothing more to ask for on. */
static void
finish(Place *place)
{
	SlmWritten unused;

	place->phase = PHASE_DONE;
	place->status = slm_row_result(&place->row, &unused, &place->err);
}

/* A row fails, and no other one. */
static void
fail(Place *place, SlmStatus status, const SlmError *err)
{
	place->phase = PHASE_DONE;
	place->status = status;
	place->err = *err;
}

SlmStatus
slm_writer_join(SlmWriter *w, const SlmPrompt *prompt, const SlmRowTokens *tokens, int *row,
				SlmError *err)
{
	SlmRun *run = w->maker.run;
	SlmRowSize size = slm_row_size(prompt, tokens);
	bool is_long = tokens->room > slm_short_context(run);
	int n_common, at = choose_place(w, run->owner, is_long, tokens, &n_common);
	SlmVerbatim *input;
	Place *place;

	if (at < 0)
		return slm_fail(err, SLM_ERR_INTERNAL, "no place is free for another row");
	if (size.n_token > w->size.n_token || size.n_input > w->size.n_input)
		return slm_fail(err, SLM_ERR_LIMIT, "row of %d tokens is larger than its place of %d",
						size.n_token, w->size.n_token);
	place = &w->place[at];
	if (n_common < SLM_PREFIX_TOKENS)
		n_common = 0;
	slm_decoder_begin(w->decoder, at, n_common, tokens->room);
	if (w->drafter != NULL)
		slm_drafter_begin(w->drafter, at, n_common);
	set_owner(place, run->owner);
	SLM_TRY(read_input(w, place, prompt, &input, err));
	slm_row_begin(&place->row, prompt, tokens, place->id, input);
	if (prompt->tells_tokens)
		place->row.chance = place->chance;
	SLM_TRY(slm_row_go_on(&w->maker, &place->row, err));

	run->n_token_kept += (uint64_t) n_common;
	place->n_recent = slm_prefix_common(run, tokens->id, tokens->n);
	place->n_kept = 0;
	place->n_shared = n_common;
	place->may_keep = true;
	place->order = w->n_joined++;
	place->phase = PHASE_JOINED;
	place->status = SLM_OK;
	if (place->row.is_over)
		finish(place);
	*row = at;
	return SLM_OK;
}

SlmStatus
slm_writer_add(SlmWriter *w, const SlmPrompt *prompt, int *row, SlmError *err)
{
	SlmArena *arena = w->maker.run->arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	SlmRowTokens tokens;
	SlmStatus status = slm_row_tokens(w->maker.run, prompt, &tokens, err);

	if (status == SLM_OK)
		status = slm_writer_join(w, prompt, &tokens, row, err);
	slm_arena_rewind(arena, mark);
	return status;
}

/* ---- Beginnings ---------------------------------------------------------------------- */

/* The run speaks for the owner of a place as long as its beginnings are looked at. */
static SlmText
become_owner(SlmWriter *w, const Place *place)
{
	SlmText caller = w->maker.run->owner;

	w->maker.run->owner = (SlmText){place->owner, place->owner_size};
	return caller;
}

/* Tokens that a row would have if it took them over from a place, which is *from; -1: its own. */
static int
find_beginning(const SlmWriter *w, int at, int *from)
{
	const Place *place = &w->place[at];
	SlmText owner = {place->owner, place->owner_size};
	bool is_long = slm_decoder_is_long(w->decoder, at);
	int n_held = slm_decoder_length(w->decoder, at), n_best = n_held + SLM_PREFIX_TOKENS - 1;

	*from = -1;
	for (int i = 0; i < w->n_place; i++)
	{
		int n = i != at ? count_common(w, i, owner, is_long, place->id, place->row.n_id, false) : 0;

		if (n > n_best)
		{
			*from = i;
			n_best = n;
		}
	}
	return *from >= 0 ? n_best : n_held;
}

/* Is a row that joined before reading something that is worth waiting for? */
static bool
should_wait(const SlmWriter *w, int at, int n_found)
{
	const Place *place = &w->place[at];
	SlmText owner = {place->owner, place->owner_size};
	bool is_long = slm_decoder_is_long(w->decoder, at);

	for (int i = 0; i < w->n_place; i++)
		if (w->place[i].phase == PHASE_BUSY && w->place[i].order < place->order &&
			slm_decoder_length(w->decoder, i) < w->place[i].row.n_prompt &&
			count_common(w, i, owner, is_long, place->id, place->row.n_id, true) >=
				n_found + SLM_PREFIX_TOKENS)
			return true;
	return false;
}

/* A row begins to read, behind the longest beginning that there is; or it waits for one. */
static SlmStatus
begin_reading(SlmWriter *w, int at, SlmError *err)
{
	Place *place = &w->place[at];
	SlmRun *run = w->maker.run;
	int n_held = slm_decoder_length(w->decoder, at), from;
	int n = find_beginning(w, at, &from);
	SlmText caller;
	SlmStatus status;

	if (should_wait(w, at, n))
		return SLM_OK;
	if (from >= 0)
	{
		SLM_TRY(slm_decoder_share(w->decoder, from, at, n, err));
		if (w->drafter != NULL)
			SLM_TRY(slm_drafter_share(w->drafter, from, at, n, err));
		run->n_token_kept += (uint64_t) (n - n_held);
	}
	caller = become_owner(w, place);
	status = slm_prefix_restore(w->decoder, at, place->id, place->row.n_prompt, err);
	run->owner = caller;
	SLM_TRY(status);
	if (slm_decoder_length(w->decoder, at) > n)
		place->n_kept = slm_decoder_length(w->decoder, at);
	place->n_shared = slm_decoder_length(w->decoder, at);
	place->phase = PHASE_BUSY;
	return SLM_OK;
}

/* Keeps what a prompt that has been read has in common with one before it. */
static SlmStatus
keep_beginning(SlmWriter *w, int at, SlmError *err)
{
	Place *place = &w->place[at];
	SlmStatus status = SLM_OK;

	if (!place->may_keep || slm_decoder_length(w->decoder, at) < place->n_recent)
		return SLM_OK;
	place->may_keep = false;
	if (place->n_recent - place->n_kept >= SLM_PREFIX_TOKENS)
	{
		SlmText caller = become_owner(w, place);

		status = slm_prefix_keep(w->decoder, at, place->id, place->n_recent, err);
		w->maker.run->owner = caller;
	}
	return status;
}

/* ---- A step -------------------------------------------------------------------------- */

/* Places that are busy, as they joined. */
static int
sort_busy(SlmWriter *w)
{
	int n = 0;

	for (int i = 0; i < w->n_place; i++)
	{
		int j = n;

		if (w->place[i].phase != PHASE_JOINED && w->place[i].phase != PHASE_BUSY)
			continue;
		for (; j > 0 && w->place[w->by_order[j - 1]].order > w->place[i].order; j--)
			w->by_order[j] = w->by_order[j - 1];
		w->by_order[j] = i;
		n++;
	}
	return n;
}

/* Has it read its prompt, so that a token is what it waits for? */
static bool
is_writing(const SlmWriter *w, int at)
{
	return w->place[at].phase == PHASE_BUSY &&
		   slm_decoder_length(w->decoder, at) >= w->place[at].row.n_prompt;
}

/* Adds at most `most` tokens of a row to the step. */
static int
add_step(SlmWriter *w, int at, int most)
{
	const SlmRow *row = &w->place[at].row;
	int n_read = slm_decoder_length(w->decoder, at), n = row->n_id - n_read;

	w->step[w->n_step++] = (SlmStep){
		.sequence = at,
		.token = row->id + n_read,
		.n = n < most ? n : most,
		.n_logits = n <= most,
	};
	return n < most ? n : most;
}

/* Rows that write come first, each with a token at least; the rest is for those that read. */
static SlmStatus
gather(SlmWriter *w, SlmError *err)
{
	int n_busy = sort_busy(w), left = SLM_WRITER_TOKENS, n_writing = 0;

	w->n_step = 0;
	for (int i = 0; i < n_busy; i++)
		n_writing += is_writing(w, w->by_order[i]);
	for (int i = 0; i < n_busy; i++)
		if (is_writing(w, w->by_order[i]))
			left -= add_step(w, w->by_order[i], left - --n_writing);
	for (int i = 0; i < n_busy && left > 0; i++)
	{
		int at = w->by_order[i];

		if (is_writing(w, at))
			continue;
		if (w->place[at].phase == PHASE_JOINED)
			SLM_TRY(begin_reading(w, at, err));
		if (w->place[at].phase == PHASE_BUSY)
			left -= add_step(w, at, left);
	}
	return SLM_OK;
}

/* A row chooses by its logits; what is wrong with its constraint is its own affair. */
static SlmStatus
choose(SlmWriter *w, int at, float *logits, SlmError *err)
{
	Place *place = &w->place[at];
	SlmStatus status = slm_row_choose(&w->maker, &place->row, logits, &place->choice, err);

	if (status == SLM_ERR_UNSUPPORTED)
		fail(place, status, err);
	else if (status == SLM_OK && place->row.is_over)
		finish(place);
	return status == SLM_ERR_UNSUPPORTED ? SLM_OK : status;
}

/*
 * Has what the rows of a step are guessed to go on with read as well; not while others
 * read their prompts, as then a pass is busy.
 */
static SlmStatus
add_guesses(SlmWriter *w, SlmError *err)
{
	SlmChoiceMemory memory[SLM_DRAFT_ROWS];
	int left = SLM_WRITER_TOKENS;

	for (int i = 0; i < w->n_step; i++)
	{
		int at = w->step[i].sequence;

		w->guess[i] =
			(SlmGuess){.row = at, .from = &w->place[at].row, .n_from = w->place[at].row.n_id};
		memory[i] = w->place[at].memory;
		left -= w->step[i].n;
	}
	for (int i = 0; i < w->n_step; i++)
		if (!is_writing(w, w->step[i].sequence) || w->step[i].n_logits == 0)
			return SLM_OK;
	SLM_TRY(slm_drafter_guess(w->drafter, w->guess, w->n_step, memory, err));
	for (int i = 0; i < w->n_step; i++)
	{
		SlmGuess *guess = &w->guess[i];
		int room = guess->from->room - guess->n_from;

		if (guess->n > room)
			guess->n = room;
		if (guess->n > left)
			guess->n = left;
		left -= guess->n;
		w->step[i].n += guess->n;
		w->step[i].n_logits += guess->n;
	}
	return SLM_OK;
}

/* What the rows of a step may choose from. */
static SlmStatus
make_choices(SlmWriter *w, SlmError *err)
{
	for (int i = 0; i < w->n_step; i++)
	{
		Place *place = &w->place[w->step[i].sequence];
		bool few = w->step[i].n_logits == 1;

		w->list[i] = (SlmTokenList){NULL, w->step[i].n_logits > 0 ? w->maker.n_vocab : 0};
		if (w->step[i].n_logits == 0)
			continue;
		SLM_TRY(slm_row_choice(&place->row, few, &place->memory, &place->choice, err));
		if (place->choice.token != NULL)
			w->list[i] = (SlmTokenList){place->choice.token, place->choice.n};
	}
	return SLM_OK;
}

/* Tokens of a guess that a row has come to have. */
static int
count_right(const SlmGuess *guess)
{
	const SlmRow *row = guess->from;
	int i = 0;

	while (i < guess->n && guess->n_from + i < row->n_id &&
		   row->id[guess->n_from + i] == guess->id[i])
		i++;
	return i;
}

/* A row has chosen by the first of its logits: it goes on by the others while the guess is right. */
static SlmStatus
go_on(SlmWriter *w, const SlmGuess *guess, float *logits, SlmError *err)
{
	Place *place = &w->place[guess->row];
	int n_right = count_right(guess);

	for (int n = place->row.n_id - guess->n_from; place->phase == PHASE_BUSY && n == n_right;
		 n = place->row.n_id - guess->n_from)
	{
		SLM_TRY(slm_row_choice(&place->row, false, &place->memory, &place->choice, err));
		SLM_TRY(choose(w, guess->row, logits + (size_t) n * (size_t) w->maker.n_vocab, err));
		n_right = count_right(guess);
		if (place->row.n_id - guess->n_from == n)
			break; /* the end of it */
	}
	slm_decoder_truncate(w->decoder, guess->row, guess->n_from + n_right);
	slm_drafter_learn(w->drafter, guess, n_right);
	return SLM_OK;
}

static SlmStatus
run_step(SlmWriter *w, SlmError *err)
{
	float *logits = w->logits;

	SLM_TRY(gather(w, err));
	if (w->n_step == 0)
		return SLM_OK;
	if (w->drafter != NULL)
		SLM_TRY(add_guesses(w, err));
	SLM_TRY(make_choices(w, err));
	SLM_TRY(slm_decode_lists(w->decoder, w->step, w->n_step, w->list, w->logits, err));
	for (int i = 0; i < w->n_step; i++)
	{
		const SlmStep *step = &w->step[i];

		SLM_TRY(keep_beginning(w, step->sequence, err));
		if (step->n_logits == 0)
			continue;
		SLM_TRY(choose(w, step->sequence, logits, err));
		if (w->drafter != NULL)
			SLM_TRY(go_on(w, &w->guess[i], logits, err));
		logits += (size_t) step->n_logits * (size_t) w->list[i].n;
	}
	return SLM_OK;
}

SlmStatus
slm_writer_step(SlmWriter *w, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(w->maker.run->arena);
	SlmStatus status = run_step(w, err);

	slm_arena_rewind(w->maker.run->arena, mark);
	return status;
}

/* ---- Leaving ------------------------------------------------------------------------- */

/* Frees the place of a row that is done: its status, and what it has come to. */
static SlmStatus
leave(Place *place, SlmWritten *out, SlmError *err)
{
	place->phase = PHASE_FREE;
	if (place->status == SLM_OK)
		return slm_row_result(&place->row, out, err);
	*err = place->err;
	return place->status;
}

SlmStatus
slm_writer_take_tokens(SlmWriter *w, int row, int32_t *id, SlmTaken *out, SlmError *err)
{
	const SlmRow *of = &w->place[row].row;

	SLM_TRY(leave(&w->place[row], &out->written, err));
	out->n_cut = of->n_cut;
	memcpy(id, of->id + of->n_prompt, (size_t) out->written.n_token * sizeof(*id));
	return SLM_OK;
}

SlmStatus
slm_writer_take(SlmWriter *w, int row, SlmArena *arena, SlmWritten *out, SlmError *err)
{
	Place *place = &w->place[row];

	SLM_TRY(leave(place, out, err));
	if (place->row.chance != NULL)
		SLM_TRY(slm_row_told(&w->maker, &place->row, arena, &out->token, err));
	out->n_read = slm_decoder_length(w->decoder, row) - place->n_shared;
	out->n_kept = place->n_shared;
	return slm_row_text(&w->maker, place->id + place->row.n_prompt, out->n_token, place->row.n_cut,
						arena, &out->text, err);
}
