/*
 * tokenizer.h - text to token ids, equal to Hugging Face's tokenizers
 *
 * Two lives.  When an image is built, slm_tokenizer_build() checks the GGUF
 * vocabulary and lays out one position-independent blob: normalizer settings,
 * special ids, token strings, look-up index.  The blob becomes a section of
 * the image.  At run time slm_tokenizer_open() makes a small view of it, and
 * slm_tokenize() works on the view.
 *
 * The blob lies in a mapping that may turn to zeros under us (law 4: SIGBUS
 * guard), so every count, offset and link taken from it is bounds-checked
 * where it is used and every loop over it is bounded; the result may then be
 * nonsense, but nothing crashes or hangs.
 *
 * Row text is data: no text ever gives a control token.
 */
#ifndef SLM_TOKENIZER_TOKENIZER_H
#define SLM_TOKENIZER_TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/host.h"
#include "base/status.h"
#include "gguf/gguf.h"

/* Special tokens that wrap a sequence; -1 where the vocabulary has none. */
typedef struct SlmSpecialTokens
{
	int32_t bos; /* first: [CLS], <s> */
	int32_t eos; /* last: [SEP], </s> */
	int32_t sep; /* between the two parts of a pair */
	int32_t pad;
	int32_t unk;
	int32_t mask;
	bool add_bos;      /* the model expects bos at the start */
	bool add_eos;      /* and eos at the end */
	bool ends_prompts; /* of prompts, too: whoever opens the model says so */
	uint8_t pair_seps; /* separators between the parts of a pair: 1 BERT, 2 RoBERTa */
} SlmSpecialTokens;

/* A view of a blob; borrowed from it, copied by value. */
typedef struct SlmTokenizer
{
	const uint8_t *blob;
	size_t blob_bytes;
	uint32_t kind; /* which algorithm; private to src/tokenizer */
	int32_t n_vocab;
	bool space_prefix; /* a space is put before a text: see slm_token_bytes() */
	SlmSpecialTokens special;
} SlmTokenizer;

/* Tokens of one text, in an arena. */
typedef struct SlmTokens
{
	int32_t n;
	int32_t *id;     /* [n] in 0 .. n_vocab - 1 */
	uint32_t *start; /* [n] first source byte of the token */
	uint32_t *end;   /* [n] one past its last source byte; never decreasing */
} SlmTokens;

/*
 * Builds the blob from the keys tokenizer.ggml.* into arena memory.  Unknown
 * tokenizer.ggml.model or .pre is SLM_ERR_UNSUPPORTED by name, never guessed;
 * a vocabulary that breaks its rules is SLM_ERR_CORRUPT and names the key and
 * index.  Polls host.
 */
extern SlmStatus slm_tokenizer_build(const SlmGguf *gguf, const SlmHost *host, SlmArena *arena,
									 const void **blob, size_t *blob_bytes,
									 SlmError *err) SLM_MUST_CHECK;

/* O(1): checks the blob's own header and size, SLM_ERR_CORRUPT if it is not ours. */
extern SlmStatus slm_tokenizer_open(const void *blob, size_t blob_bytes, SlmTokenizer *out,
									SlmError *err) SLM_MUST_CHECK;

/*
 * Tokenizes text[0..n) without adding special tokens.  SLM_ERR_ENCODING for
 * invalid UTF-8 (the message names the byte offset), SLM_ERR_LIMIT past
 * SLM_MAX_INPUT_BYTES.  Linear time, constant stack; polls host at least every
 * SLM_POLL_BYTES.
 */
extern SlmStatus slm_tokenize(const SlmTokenizer *tokenizer, const SlmHost *host, const char *text,
							  size_t n, SlmArena *arena, SlmTokens *out,
							  SlmError *err) SLM_MUST_CHECK;

/*
 * The same for text that goes on where other tokens end: a vocabulary that puts
 * a space before a text puts none here.
 */
extern SlmStatus slm_tokenize_more(const SlmTokenizer *tokenizer, const SlmHost *host,
								   const char *text, size_t n, SlmArena *arena, SlmTokens *out,
								   SlmError *err) SLM_MUST_CHECK;

/* Bytes of a token as stored in the vocabulary; empty when id is out of range. */
extern SlmText slm_token_text(const SlmTokenizer *tokenizer, int32_t id);

/*
 * The first token that two vocabularies do not have alike, in spelling and in kind, of
 * those that both have; -1: there is none.  Vocabularies of two algorithms have none alike.
 * Polls host.
 */
extern SlmStatus slm_tokenizer_differ(const SlmTokenizer *a, const SlmTokenizer *b,
									  const SlmHost *host, int32_t *out,
									  SlmError *err) SLM_MUST_CHECK;

/* Is it a token that no text becomes, and that stands for no text? */
extern bool slm_token_is_control(const SlmTokenizer *tokenizer, int32_t id);

/*
 * The bytes that a token adds to a written text, at most SLM_MAX_TOKEN_BYTES:
 * none for a control token.  They need not be whole characters.  Returns their
 * number.  For vocabularies of byte-level BPE and SentencePiece.
 *
 * A model whose vocabulary puts a space before a text (space_prefix) writes that
 * space as well: a text that starts with one, does so without it.
 */
extern uint32_t slm_token_bytes(const SlmTokenizer *tokenizer, int32_t id, uint8_t *out);

/* Id of the control token of a spelling, -1 where there is none.  Linear. */
extern int32_t slm_token_control(const SlmTokenizer *tokenizer, SlmText spelling);

/* The same of a control token, or else of one that was added to the vocabulary ("<think>"). */
extern int32_t slm_token_special(const SlmTokenizer *tokenizer, SlmText spelling);

#endif
