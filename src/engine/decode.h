/*
 * decode.h - causal models, step by step
 *
 * A decoder holds the keys and values of some sequences over one model.  A
 * step appends tokens to sequences and gives the logits of what may follow.
 * The bits of a sequence's logits depend on its tokens alone: not on the other
 * sequences of a step, on how its tokens were cut into steps, or on whether
 * its beginning was shared (law 2).  One thing beside them counts: a model with
 * frequencies for long contexts turns to them where a sequence may become a long
 * one (slm_decoder_begin()).
 *
 * Of a model of two stacks, one reads what a sequence begins with up to the first end
 * token, and logits are of what the other one writes: those after the end token are of
 * the first token of the answer, and there are none before.
 */
#ifndef SLM_ENGINE_DECODE_H
#define SLM_ENGINE_DECODE_H

#include "engine/slm.h"

typedef struct SlmDecoder SlmDecoder;

/*
 * n_sequence empty sequences of at most n_token tokens each, in run->arena: they
 * live until it is rewound.  run is borrowed.  SLM_ERR_UNSUPPORTED for a model
 * that does not decode, SLM_ERR_LIMIT past its context.
 */
extern SlmStatus slm_decoder_new(SlmRun *run, int n_sequence, int n_token, SlmDecoder **out,
								 SlmError *err) SLM_MUST_CHECK;

/*
 * Sees to it that the arena has what a step of n tokens needs: SLM_ERR_LIMIT or
 * SLM_ERR_NO_MEMORY where it has not.  Nothing is computed.
 */
extern SlmStatus slm_decoder_try(SlmDecoder *decoder, int n, SlmError *err) SLM_MUST_CHECK;

/* One sequence's part of a step. */
typedef struct SlmStep
{
	int sequence;         /* each at most once in a call */
	const int32_t *token; /* [n], appended to what it holds */
	int n;                /* at least 1 */
	int n_logits;         /* 0 .. n: of what follows each of the last so many tokens */
} SlmStep;

/*
 * Runs the steps as ragged batches of at most SLM_BATCH_TOKENS tokens.  logits
 * [n_logits][n_row] of each step, one behind the other: of the tokens row[0 ..
 * n_row), ascending, or with row NULL of the whole vocabulary, n_row of it.
 * After an error the sequences hold what they held before.
 */
extern SlmStatus slm_decode(SlmDecoder *decoder, const SlmStep *step, int n_step,
							const int32_t *row, int n_row, float *logits,
							SlmError *err) SLM_MUST_CHECK;

/* Tokens whose logits are asked for. */
typedef struct SlmTokenList
{
	const int32_t *id; /* [n], ascending; NULL: the whole vocabulary */
	int n;
} SlmTokenList;

/* The same with a list of each step's own, list [n_step], where it asks for logits. */
extern SlmStatus slm_decode_lists(SlmDecoder *decoder, const SlmStep *step, int n_step,
								  const SlmTokenList *list, float *logits,
								  SlmError *err) SLM_MUST_CHECK;

/* Tokens that a sequence goes on with behind the first `past` of those it holds by then. */
typedef struct SlmBranch
{
	int past;
	const int32_t *token; /* [n] */
	int n;                /* at least 1 */
	int n_logits;         /* 0 .. n, as in SlmStep */
	const int32_t *row;   /* [n_row], as in slm_decode() */
	int n_row;
} SlmBranch;

/*
 * What a tree of continuations gives, without computing twice what they begin
 * with: the same as slm_decoder_truncate() and slm_decode() for one branch after
 * the other, but in whole batches.  Depth first, a tree needs no room beyond its
 * longest path.  logits [n_logits][n_row] of each branch, one behind the other.
 * The sequence holds the last path then; after an error, what all branches
 * leave of what it held.
 */
extern SlmStatus slm_decode_branches(SlmDecoder *decoder, int sequence, const SlmBranch *branch,
									 int n_branch, float *logits, SlmError *err) SLM_MUST_CHECK;

/* Tokens that a sequence holds, and room for so many. */
extern int slm_decoder_length(const SlmDecoder *decoder, int sequence);
extern int slm_decoder_room(const SlmDecoder *decoder);

/* Forgets all but the first n tokens of a sequence. */
extern void slm_decoder_truncate(SlmDecoder *decoder, int sequence, int n);

/* Sequence `to` becomes the first n tokens of `from`, as if they had been computed again. */
extern SlmStatus slm_decoder_share(SlmDecoder *decoder, int from, int to, int n,
								   SlmError *err) SLM_MUST_CHECK;

extern SlmRun *slm_decoder_run(const SlmDecoder *decoder);

/*
 * A sequence that goes on with the first n of the tokens that it holds is to have at
 * most n_token of them, no more than there is room for.  One that is not begun has all
 * of the room.
 */
extern void slm_decoder_begin(SlmDecoder *decoder, int sequence, int n, int n_token);

/* Does the model take a sequence for a long one? */
extern bool slm_decoder_is_long(const SlmDecoder *decoder, int sequence);

/* The most tokens with which it does not; of most models all of the context. */
extern int slm_short_context(const SlmRun *run);

/*
 * What a sequence's first n tokens have come to, in memory of the caller's, aligned as
 * floats are: so many bytes.  A sequence of any decoder of the same model and
 * cache_type that is long or is not, as this one, becomes the first n of n_saved
 * tokens again, as if it had computed them.
 */
extern uint64_t slm_decoder_saved_bytes(const SlmDecoder *decoder, int n);
extern SlmStatus slm_decoder_save(SlmDecoder *decoder, int sequence, int n, void *to,
								  SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_decoder_load(SlmDecoder *decoder, int sequence, const void *from, int n_saved,
								  int n, SlmError *err) SLM_MUST_CHECK;

#endif
