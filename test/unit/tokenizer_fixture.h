/*
 * tokenizer_fixture.h - a tokenizer over a vocabulary that a test writes
 *
 *     TokenizerFixture f;
 *
 *     fixture_begin(&f, "bert");
 *     fixture_tokens(&f, "[UNK] a ##b");
 *     ... more keys with gguf_add_...(&f.builder, ...)
 *     CHECK_STATUS(fixture_finish(&f), SLM_OK);
 *     CHECK_STR(fixture_ids(&f, "ab"), "1 2");
 *     fixture_free(&f);
 */
#ifndef SLM_TEST_TOKENIZER_FIXTURE_H
#define SLM_TEST_TOKENIZER_FIXTURE_H

#include "check.h"
#include "gguf_builder.h"
#include "tokenizer/tokenizer.h"

typedef struct TokenizerFixture
{
	GgufBuilder builder;
	GgufBytes file;
	SlmArena load;    /* GGUF directory and blob */
	SlmArena scratch; /* tokens of the last call */
	SlmGguf gguf;
	const void *blob;
	size_t blob_bytes;
	SlmTokenizer tokenizer;
	SlmTokens tokens; /* of the last call */
	SlmError err;     /* of the last failure */
	char text[4096];  /* what fixture_ids() returns */
} TokenizerFixture;

extern void fixture_begin(TokenizerFixture *f, const char *model);

/*
 * Begins byte-pair encoding of a way to cut words (NULL: no key says which): the
 * 256 tokens of bytes, whose ids are the bytes, and n words behind them.
 */
extern void fixture_begin_bytes(TokenizerFixture *f, const char *pre, const char *const *word,
								uint64_t n);

/* The 256 tokens of bytes alone, as the next of a list of tokens. */
extern void fixture_put_bytes(TokenizerFixture *f);

/* A token of a SentencePiece vocabulary. */
typedef struct Piece
{
	const char *text;
	float score;
	int32_t type;
} Piece;

/* Begins a vocabulary of pieces: tokens, scores and types. */
extern void fixture_begin_pieces(TokenizerFixture *f, const char *model, const Piece *piece,
								 uint64_t n);

/* Adds tokenizer.ggml.tokens: words separated by one space. */
extern void fixture_tokens(TokenizerFixture *f, const char *words);

/* Finishes the file, parses it, builds and opens the tokenizer. */
extern SlmStatus fixture_finish(TokenizerFixture *f);

/* The same from a file on disk. */
extern SlmStatus fixture_load(TokenizerFixture *f, const char *path);

extern SlmStatus fixture_tokenize(TokenizerFixture *f, const void *text, size_t n);

/* Tokenizes and gives "id id ...", or the error message. */
extern const char *fixture_ids(TokenizerFixture *f, const char *text);

/* The same with offsets: "id:start-end ...". */
extern const char *fixture_spans(TokenizerFixture *f, const char *text);

/*
 * Does a megabyte of a unit, repeated, take less than a second of CPU and linear
 * time?  Four times as much text may take eight times as long, not sixteen.  The
 * best of several runs counts; prints what it found.
 */
extern bool fixture_is_linear(TokenizerFixture *f, const char *unit);

extern void fixture_free(TokenizerFixture *f);

/* One of the scalar values of slow sweeps: every one of the planes in use, some of the others. */
static inline bool
fixture_is_swept(uint32_t cp)
{
	return (cp < 0xd800 || cp >= 0xe000) &&
		   (cp < 0x33500 || (cp >= 0xe0000 && cp < 0xe0200) || cp % 61 == 0);
}

/* Undoes the escapes of test/golden/make_tokenizer.py, in place, up to a line's end; returns the bytes. */
extern size_t fixture_unescape(char *text);

/*
 * One case of a vocabulary that is refused, with a message that contains this, or accepted.
 * Ends the fixture.  Here, and not in the .c file, because checks count where they stand.
 */
static inline void
fixture_expect(TokenizerFixture *f, SlmStatus status, const char *message)
{
	CHECK_STATUS(fixture_finish(f), status);
	if (status != SLM_OK)
		CHECK_CONTAINS(f->err.message, message);
	fixture_free(f);
}

#endif
