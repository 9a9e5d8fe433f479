/*
 * decode.c - causal models, step by step
 */
#include "engine/decode.h"

#include <string.h>

#include "base/limits.h"
#include "engine/source.h"
#include "model/forward.h"

struct SlmDecoder
{
	SlmRun *run;
	SlmKvShape shape;
	int room;
	int short_context;
	bool *is_long;       /* [n_sequence] */
	int32_t *length;     /* [n_sequence] */
	void **block;        /* [n_sequence] keys and values */
	SlmSources *sources; /* of a model of two stacks; or NULL */
};

int
slm_short_context(const SlmRun *run)
{
	int context = slm_context_length(run);
	int original = (int) run->model->hparams.n_rope_context;

	return original > 0 && original < context ? original : context;
}

SlmStatus
slm_decoder_new(SlmRun *run, int n_sequence, int n_token, SlmDecoder **out, SlmError *err)
{
	const SlmModelInfo *info = slm_model_info(run->model);
	SlmDecoder *d;
	uint64_t n;

	if (!info->can_decode)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"model of architecture \"%.*s\" cannot write text",
						(int) info->architecture.size, info->architecture.data);
	if (n_token > slm_context_length(run))
		return slm_fail(err, SLM_ERR_LIMIT, "%d tokens exceed the context of %d tokens", n_token,
						slm_context_length(run));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, 1, &d, err));
	d->run = run;
	d->sources = NULL;
	/* behind a source stands a start token, which is not among a sequence's */
	d->shape = slm_kv_shape(run->model, run->options->cache_type,
							run->model->reader != NULL ? n_token + 1 : n_token);
	if (run->model->reader != NULL)
		SLM_TRY(slm_sources_new(run, n_sequence, n_token, &d->sources, err));
	d->room = n_token;
	d->short_context = slm_short_context(run);
	n = slm_kv_bytes(&d->shape);
	if (n > SIZE_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, "keys and values of %d tokens exceed the address space",
						n_token);
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence, &d->is_long, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence, &d->length, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_sequence, &d->block, err));
	for (int i = 0; i < n_sequence; i++)
	{
		slm_decoder_begin(d, i, 0, n_token);
		SLM_TRY(slm_arena_alloc(run->arena, (size_t) n, &d->block[i], err));
	}
	*out = d;
	return SLM_OK;
}

SlmStatus
slm_decoder_try(SlmDecoder *d, int n, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(d->run->arena);
	SlmBatch batch = {
		.n_sequence = 1,
		.max_length = n < d->room ? n : d->room,
		.shape_of_cache = d->shape,
		.cache = d->block,
	};
	int32_t start[2] = {0, n}, past = 0;
	SlmCompute compute;

	batch.start = start;
	batch.past = &past;
	if (d->sources != NULL)
	{
		batch.shape_of_source = slm_sources_shape(d->sources);
		SLM_TRY(slm_sources_try(d->sources, err));
	}
	slm_compute_init(&compute, d->run->model, d->run->kernels, d->run->host, d->run->arena);
	SLM_TRY(slm_forward_try(&compute, &batch, err));
	slm_arena_rewind(d->run->arena, mark);
	return SLM_OK;
}

int
slm_decoder_length(const SlmDecoder *d, int sequence)
{
	return d->length[sequence];
}

int
slm_decoder_room(const SlmDecoder *d)
{
	return d->room;
}

void
slm_decoder_truncate(SlmDecoder *d, int sequence, int n)
{
	if (n < d->length[sequence])
		d->length[sequence] = n;
}

/* Of a sequence's first n tokens, those that the stack that writes has keys and values of. */
static int
own_tokens(const SlmDecoder *d, int sequence, int n)
{
	if (d->sources == NULL)
		return n;
	return slm_sources_open(d->sources, sequence, n)
			   ? 0
			   : n - slm_sources_length(d->sources, sequence) + 1;
}

SlmStatus
slm_decoder_share(SlmDecoder *d, int from, int to, int n, SlmError *err)
{
	SlmCompute compute;

	if (n < 0 || n > d->length[from])
		return slm_fail(err, SLM_ERR_INTERNAL, "%d of %d tokens to share", n, d->length[from]);
	if (d->sources != NULL)
		SLM_TRY(slm_sources_share(d->sources, from, to, n, err));
	slm_compute_init(&compute, d->run->model, d->run->kernels, d->run->host, d->run->arena);
	SLM_TRY(slm_kv_copy(&compute, &d->shape, d->block[to], &d->shape, d->block[from],
						own_tokens(d, from, n), err));
	d->length[to] = n;
	return SLM_OK;
}

SlmRun *
slm_decoder_run(const SlmDecoder *d)
{
	return d->run;
}

void
slm_decoder_begin(SlmDecoder *d, int sequence, int n, int n_token)
{
	d->length[sequence] = n;
	d->is_long[sequence] = n_token > d->short_context;
}

bool
slm_decoder_is_long(const SlmDecoder *d, int sequence)
{
	return d->is_long[sequence];
}

uint64_t
slm_decoder_saved_bytes(const SlmDecoder *d, int n)
{
	SlmKvShape shape = slm_kv_shape(d->run->model, d->shape.type, n);

	return slm_kv_bytes(&shape);
}

SlmStatus
slm_decoder_save(SlmDecoder *d, int sequence, int n, void *to, SlmError *err)
{
	SlmKvShape shape = slm_kv_shape(d->run->model, d->shape.type, n);
	SlmCompute compute;

	if (n < 0 || n > d->length[sequence])
		return slm_fail(err, SLM_ERR_INTERNAL, "%d of %d tokens to save", n, d->length[sequence]);
	slm_compute_init(&compute, d->run->model, d->run->kernels, d->run->host, d->run->arena);
	return slm_kv_copy(&compute, &shape, to, &d->shape, d->block[sequence], n, err);
}

SlmStatus
slm_decoder_load(SlmDecoder *d, int sequence, const void *from, int n_saved, int n, SlmError *err)
{
	SlmKvShape shape = slm_kv_shape(d->run->model, d->shape.type, n_saved);
	SlmCompute compute;

	if (n < 0 || n > n_saved || n > d->room)
		return slm_fail(err, SLM_ERR_INTERNAL, "%d of %d tokens to load", n, n_saved);
	d->length[sequence] = 0;
	slm_compute_init(&compute, d->run->model, d->run->kernels, d->run->host, d->run->arena);
	SLM_TRY(slm_kv_copy(&compute, &d->shape, d->block[sequence], &shape, from, n, err));
	d->length[sequence] = n;
	return SLM_OK;
}

/* Tokens to be read behind the first `past` of what a block holds by then. */
typedef struct Piece
{
	int sequence;
	void *block;
	bool is_long;
	int past;
	const int32_t *token; /* [n] */
	int n;
	int n_logits;
	const int32_t *row;
	int n_row;
} Piece;

/* A row of a batch after which logits are wanted. */
typedef struct Wanted
{
	int hidden; /* the row; -1: it has its logits */
	const int32_t *row;
	int n_row;
	size_t out; /* where its logits go */
} Wanted;

/* Pieces on their way through the model. */
typedef struct Reading
{
	SlmDecoder *d;
	const Piece *piece; /* [n_piece] */
	int n_piece;
	int at_piece, at_token; /* what comes next */
	float *logits;
	size_t n_out; /* logits that those before it have */

	SlmBatch batch;
	Wanted *wanted; /* [SLM_BATCH_TOKENS], n_wanted of them in the batch */
	int n_wanted;
} Reading;

/* The rows of a piece's tokens [from, from + take), which are the batch's from row on. */
static void
want(Reading *r, const Piece *piece, int from, int take, int row)
{
	for (int i = 0; i < take; i++)
		if (from + i >= piece->n - piece->n_logits)
		{
			r->wanted[r->n_wanted++] = (Wanted){row + i, piece->row, piece->n_row, r->n_out};
			r->n_out += (size_t) piece->n_row;
		}
}

/* Makes the next batch, of sequences that are all long or all short. */
static SlmStatus
gather(Reading *r, SlmError *err)
{
	SlmArena *arena = r->d->run->arena;
	int left = r->n_piece - r->at_piece;
	size_t most = (size_t) (left < SLM_BATCH_TOKENS ? left : SLM_BATCH_TOKENS);
	int32_t *token, *start, *past;
	void **cache, **source;
	int32_t *n_source;
	int n_token = 0, n = 0;

	r->batch = (SlmBatch){
		.shape_of_cache = r->d->shape,
		.long_context = r->piece[r->at_piece].is_long,
	};
	r->n_wanted = 0;
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_BATCH_TOKENS, &token, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, SLM_BATCH_TOKENS, &r->wanted, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, most + 1, &start, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, most, &past, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, most, &cache, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, most, &source, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, most, &n_source, err));
	while (r->at_piece < r->n_piece && n_token < SLM_BATCH_TOKENS &&
		   r->piece[r->at_piece].is_long == r->batch.long_context)
	{
		const Piece *piece = &r->piece[r->at_piece];
		int rest = piece->n - r->at_token, room = SLM_BATCH_TOKENS - n_token;
		int take = rest < room ? rest : room;

		memcpy(token + n_token, piece->token + r->at_token, (size_t) take * sizeof(*token));
		want(r, piece, r->at_token, take, n_token);
		start[n] = n_token;
		past[n] = piece->past + r->at_token;
		cache[n] = piece->block;
		if (r->d->sources != NULL)
		{
			source[n] = slm_sources_block(r->d->sources, piece->sequence);
			n_source[n] = slm_sources_length(r->d->sources, piece->sequence);
		}
		n_token += take;
		n++;
		if (take > r->batch.max_length)
			r->batch.max_length = take;
		r->at_token = take == rest ? 0 : r->at_token + take;
		r->at_piece += take == rest;
	}
	start[n] = n_token;
	r->batch.token = token;
	r->batch.start = start;
	r->batch.past = past;
	r->batch.cache = cache;
	if (r->d->sources != NULL)
	{
		r->batch.source = source;
		r->batch.n_source = n_source;
		r->batch.shape_of_source = slm_sources_shape(r->d->sources);
	}
	r->batch.n_sequence = n;
	return SLM_OK;
}

/* Logits of all wanted rows of one list of tokens, which is that of the first one. */
static SlmStatus
answer_list(Reading *r, SlmCompute *compute, Wanted *first, const float *hidden, SlmError *err)
{
	SlmArena *arena = r->d->run->arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	int64_t n_embd = compute->model->hparams.n_embd;
	size_t stride = slm_row_stride(n_embd), n_row = (size_t) first->n_row;
	Wanted *end = r->wanted + r->n_wanted;
	const int32_t *row = first->row;
	bool in_place = true;
	size_t *place;
	float *in, *out;
	int n = 0;

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) (end - first), &place, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) (end - first) * stride, &in, err));
	for (Wanted *w = first; w < end; w++)
	{
		if (w->hidden < 0 || w->row != row || (size_t) w->n_row != n_row)
			continue;
		memcpy(in + (size_t) n * stride, hidden + (size_t) w->hidden * stride,
			   (size_t) n_embd * sizeof(float));
		in_place &= n == 0 || w->out == place[n - 1] + n_row;
		place[n++] = w->out;
		w->hidden = -1;
	}
	out = r->logits + place[0];
	if (!in_place)
		SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n * n_row, &out, err));
	SLM_TRY(slm_logits(compute, in, stride, n, row, (int) n_row, out, err));
	SLM_TRY(slm_check_finite(out, (size_t) n * n_row, err));
	for (int i = 0; i < n && !in_place; i++)
		memcpy(r->logits + place[i], out + (size_t) i * n_row, n_row * sizeof(float));
	slm_arena_rewind(arena, mark);
	return SLM_OK;
}

/* One batch; what it takes from the arena stays there. */
static SlmStatus
read_batch(Reading *r, SlmError *err)
{
	SlmRun *run = r->d->run;
	SlmCompute compute;
	float *hidden;

	slm_compute_init(&compute, run->model, run->kernels, run->host, run->arena);
	SLM_TRY(gather(r, err));
	SLM_TRY(slm_forward(&compute, &r->batch, &hidden, err));
	for (int i = 0; i < r->n_wanted; i++)
		if (r->wanted[i].hidden >= 0)
			SLM_TRY(answer_list(r, &compute, &r->wanted[i], hidden, err));
	run->n_token_in += (uint64_t) r->batch.start[r->batch.n_sequence];
	return SLM_OK;
}

/* Pieces for the stack that writes. */
static SlmStatus
write_pieces(SlmDecoder *d, const Piece *piece, int n_piece, float *logits, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(d->run->arena);
	Reading r = {.d = d, .piece = piece, .n_piece = n_piece, .logits = logits};

	while (r.at_piece < n_piece)
	{
		SLM_TRY(read_batch(&r, err));
		slm_arena_rewind(d->run->arena, mark);
	}
	return SLM_OK;
}

/*
 * Gives the stack that reads what a piece has for it; what is left is for the other
 * one, and behind a start token where the source is complete now.
 */
static SlmStatus
take_source(SlmDecoder *d, Piece *piece, SlmError *err)
{
	bool open = slm_sources_open(d->sources, piece->sequence, piece->past);
	int n_taken =
		slm_sources_take(d->sources, piece->sequence, piece->past, piece->token, piece->n);
	int32_t *token;

	piece->past = own_tokens(d, piece->sequence, piece->past);
	piece->token += n_taken;
	piece->n -= n_taken;
	if (open && slm_sources_complete(d->sources, piece->sequence))
	{
		SLM_TRY(SLM_NEW_ARRAY(d->run->arena, (size_t) piece->n + 1, &token, err));
		token[0] = (int32_t) d->run->model->hparams.start_token;
		memcpy(token + 1, piece->token, (size_t) piece->n * sizeof(*token));
		piece->token = token;
		piece->n++;
	}
	if (piece->n_logits > piece->n)
		return slm_fail(err, SLM_ERR_INTERNAL, "logits after what a model only reads");
	return SLM_OK;
}

/* The same for both: a source is read before any piece that follows it. */
static SlmStatus
read_pieces(SlmDecoder *d, const Piece *piece, int n_piece, float *logits, SlmError *err)
{
	Piece *own;
	int n = 0;

	if (d->sources == NULL)
		return write_pieces(d, piece, n_piece, logits, err);
	SLM_TRY(SLM_NEW_ARRAY(d->run->arena, (size_t) n_piece, &own, err));
	for (int i = 0; i <= n_piece; i++)
	{
		bool full = i == n_piece;

		/* another source of the sequence takes the place of the one that its pieces look at */
		for (int j = 0; j < n && !full; j++)
			full = own[j].sequence == piece[i].sequence &&
				   slm_sources_open(d->sources, piece[i].sequence, piece[i].past);
		if (full)
		{
			SLM_TRY(slm_sources_read(d->sources, err));
			SLM_TRY(write_pieces(d, own, n, logits, err));
			for (int j = 0; j < n; j++)
				logits += (size_t) own[j].n_logits * (size_t) own[j].n_row;
			n = 0;
		}
		if (i == n_piece)
			break;
		own[n] = piece[i];
		SLM_TRY(take_source(d, &own[n], err));
		n += own[n].n > 0;
	}
	return SLM_OK;
}

static SlmStatus
check_room(const SlmDecoder *d, int past, int n, SlmError *err)
{
	if (n < 1 || n > d->room - past)
		return slm_fail(err, SLM_ERR_LIMIT, "%d more tokens do not fit behind %d of %d", n, past,
						d->room);
	return SLM_OK;
}

SlmStatus
slm_decode(SlmDecoder *d, const SlmStep *step, int n_step, const int32_t *row, int n_row,
		   float *logits, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(d->run->arena);
	SlmTokenList *list;

	SLM_TRY(SLM_NEW_ARRAY(d->run->arena, (size_t) n_step, &list, err));
	for (int i = 0; i < n_step; i++)
		list[i] = (SlmTokenList){row, n_row};
	SLM_TRY(slm_decode_lists(d, step, n_step, list, logits, err));
	slm_arena_rewind(d->run->arena, mark);
	return SLM_OK;
}

SlmStatus
slm_decode_lists(SlmDecoder *d, const SlmStep *step, int n_step, const SlmTokenList *list,
				 float *logits, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(d->run->arena);
	Piece *piece;

	SLM_TRY(SLM_NEW_ARRAY(d->run->arena, (size_t) n_step, &piece, err));
	for (int i = 0; i < n_step; i++)
	{
		const SlmStep *s = &step[i];
		int past = d->length[s->sequence];

		SLM_TRY(check_room(d, past, s->n, err));
		piece[i] = (Piece){
			s->sequence,
			d->block[s->sequence],
			d->is_long[s->sequence],
			past,
			s->token,
			s->n,
			s->n_logits,
			list[i].id,
			list[i].n,
		};
	}
	SLM_TRY(read_pieces(d, piece, n_step, logits, err));
	for (int i = 0; i < n_step; i++)
		d->length[step[i].sequence] += step[i].n;
	slm_arena_rewind(d->run->arena, mark);
	return SLM_OK;
}

SlmStatus
slm_decode_branches(SlmDecoder *d, int sequence, const SlmBranch *branch, int n_branch,
					float *logits, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(d->run->arena);
	int held = d->length[sequence], least = held;
	Piece *piece;

	SLM_TRY(SLM_NEW_ARRAY(d->run->arena, (size_t) n_branch, &piece, err));
	for (int i = 0; i < n_branch; i++)
	{
		const SlmBranch *b = &branch[i];

		if (b->past < 0 || b->past > held)
			return slm_fail(err, SLM_ERR_INTERNAL, "branch %d stands behind %d tokens of %d", i,
							b->past, held);
		SLM_TRY(check_room(d, b->past, b->n, err));
		piece[i] = (Piece){
			sequence,
			d->block[sequence],
			d->is_long[sequence],
			b->past,
			b->token,
			b->n,
			b->n_logits,
			b->row,
			b->n_row,
		};
		held = b->past + b->n;
		if (b->past < least)
			least = b->past;
	}
	d->length[sequence] = least; /* what lies behind is about to be overwritten */
	SLM_TRY(read_pieces(d, piece, n_branch, logits, err));
	d->length[sequence] = held;
	slm_arena_rewind(d->run->arena, mark);
	return SLM_OK;
}
