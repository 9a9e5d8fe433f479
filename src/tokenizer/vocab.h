/*
 * vocab.h - the vocabulary of a GGUF file, checked
 *
 * The rules, each with a message of its own: tokens are 1 to SLM_MAX_VOCAB
 * strings of valid UTF-8, none empty, none over SLM_MAX_TOKEN_BYTES; duplicate
 * strings are accepted (the lowest id is found, both have their text); scores
 * are finite floats, token types 1 to 6, both exactly as many as tokens; every
 * special id lies in the vocabulary.
 *
 * Row text is data: a token that is not ordinary (control, unknown, or named
 * by a special id) is never put into a look-up index.  Converters call every
 * added token user-defined, also those that end turns: one that looks like them
 * is a control token here.
 */
#ifndef SLM_TOKENIZER_VOCAB_H
#define SLM_TOKENIZER_VOCAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/text.h"
#include "gguf/gguf.h"
#include "tokenizer/blob.h"

/* Token types of GGUF. */
typedef enum SlmTokenType
{
	SLM_TOKEN_NORMAL = 1,
	SLM_TOKEN_UNKNOWN = 2,
	SLM_TOKEN_CONTROL = 3,
	SLM_TOKEN_USER_DEFINED = 4,
	SLM_TOKEN_UNUSED = 5,
	SLM_TOKEN_BYTE = 6
} SlmTokenType;

typedef struct SlmVocab
{
	int32_t n;
	SlmText *token;     /* [n] borrowed from the GGUF head */
	uint8_t *type;      /* [n] SlmTokenType */
	float *score;       /* [n], NULL when the file has none */
	uint64_t all_bytes; /* of all tokens */
} SlmVocab;

/* Reads tokens, types and scores. */
extern SlmStatus slm_vocab_read(const SlmGguf *gguf, const SlmHost *host, SlmArena *arena,
								SlmVocab *out, SlmError *err) SLM_MUST_CHECK;

/* Id of a spelling, the lowest; -1 if none. Linear: for a few look-ups per file. */
extern int32_t slm_vocab_find(const SlmVocab *vocab, const char *spelling);

/*
 * Id that a key names: *id keeps its value when the key is absent; otherwise the
 * key must be an integer inside the vocabulary.
 */
extern SlmStatus slm_vocab_special(const SlmGguf *gguf, const SlmVocab *vocab, const char *key,
								   int32_t *id, SlmError *err) SLM_MUST_CHECK;

/*
 * Fills header->bos .. pair_seps from the keys tokenizer.ggml.*_token_id and
 * add_*_token, with what the algorithm has decided (header's values at entry)
 * for the absent ones, and marks the named tokens in vocab as control.
 */
extern SlmStatus slm_vocab_specials(const SlmGguf *gguf, SlmVocab *vocab, SlmBlobHeader *header,
									SlmError *err) SLM_MUST_CHECK;

/* The lowest id of a type, -1 if none. */
extern int32_t slm_vocab_of_type(const SlmVocab *vocab, SlmTokenType type);

/*
 * The least score of the ordinary tokens, for algorithms that choose by score:
 * SLM_ERR_CORRUPT when the file has no scores, or one score for all of them.
 */
extern SlmStatus slm_vocab_least_score(const SlmVocab *vocab, float *out,
									   SlmError *err) SLM_MUST_CHECK;

/* The byte that <0x00> to <0xFF> spells, -1 for any other spelling. */
extern int slm_vocab_byte_of(SlmText spelling);

/*
 * The tokens of type byte, [256] by byte, -1 where there is none; each spells its
 * byte and no byte has two.  Returns their number in *n.
 */
extern SlmStatus slm_vocab_byte_tokens(const SlmVocab *vocab, SlmArena *arena, int32_t **out,
									   int *n, SlmError *err) SLM_MUST_CHECK;

/* Whether text may become this token. */
static inline bool
slm_vocab_is_ordinary(const SlmVocab *vocab, int32_t id)
{
	return vocab->type[id] == SLM_TOKEN_NORMAL || vocab->type[id] == SLM_TOKEN_UNUSED;
}

/*
 * Whether it is cut out of a text that has it, before an algorithm works on the
 * rest: a user-defined token, but for those in brackets, of which only HTML's tags are
 * taken for text.
 */
extern bool slm_vocab_is_added(const SlmVocab *vocab, int32_t id);

/* SLM_ERR_UNSUPPORTED when the vocabulary has such tokens, for an algorithm that cannot have them. */
extern SlmStatus slm_vocab_refuse_added(const SlmVocab *vocab, SlmError *err) SLM_MUST_CHECK;

/* Whether a spelling looks like a special token: <...> or [...]. */
extern bool slm_vocab_looks_special(SlmText token);

/*
 * SLM_ERR_UNSUPPORTED unless tokenizer.ggml.pre is absent or one of names
 * (NULL-terminated).  *which (may be NULL) is its index, -1 when absent.
 */
extern SlmStatus slm_vocab_check_pre(const SlmGguf *gguf, const char *const *names, int *which,
									 SlmError *err) SLM_MUST_CHECK;

/* Makes the sections every blob has: token ends, bytes and types. */
extern SlmStatus slm_vocab_parts(const SlmVocab *vocab, const SlmHost *host, SlmArena *arena,
								 SlmBlobPart part[SLM_SECTIONS], SlmError *err) SLM_MUST_CHECK;

#endif
