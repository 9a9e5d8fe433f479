/*
 * algorithms.h - the tokenizing algorithms, one file each
 *
 * build turns a checked vocabulary into a blob (header has kind and n_vocab);
 * run works on valid UTF-8 of at most SLM_MAX_INPUT_BYTES, n >= 1, and trusts
 * nothing of the blob beyond what slm_blob_open() has checked.
 */
#ifndef SLM_TOKENIZER_ALGORITHMS_H
#define SLM_TOKENIZER_ALGORITHMS_H

#include "tokenizer/blob.h"
#include "tokenizer/sink.h"
#include "tokenizer/vocab.h"

/* U+2581: how SentencePiece's vocabularies spell a space, and so where words start. */
#define SLM_WORD_START "\xe2\x96\x81"
#define SLM_WORD_START_BYTES 3
#define SLM_WORD_START_CHAR 0x2581

/* What a build function works on; parts lie in the arena until the blob is assembled. */
typedef struct SlmBuild
{
	const SlmGguf *gguf;
	const SlmHost *host;
	SlmArena *arena;
	SlmVocab vocab;
	SlmBlobHeader header;
	SlmBlobPart part[SLM_SECTIONS];
} SlmBuild;

/* What a run function works on. */
typedef struct SlmRun
{
	const void *blob;
	const SlmBlobHeader *header; /* a checked copy */
	const SlmHost *host;
	const uint8_t *text;
	uint32_t n;
	bool goes_on; /* behind other tokens: nothing is put before the first word */
	SlmArena *arena;
	SlmTokenSink sink;
	SlmError *err;
} SlmRun;

extern SlmStatus slm_wordpiece_build(SlmBuild *build, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_wordpiece_run(SlmRun *run) SLM_MUST_CHECK;

extern SlmStatus slm_bpe_build(SlmBuild *build, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_bpe_run(SlmRun *run) SLM_MUST_CHECK;

extern SlmStatus slm_unigram_build(SlmBuild *build, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_unigram_run(SlmRun *run) SLM_MUST_CHECK;

extern SlmStatus slm_spm_build(SlmBuild *build, SlmError *err) SLM_MUST_CHECK;
extern SlmStatus slm_spm_run(SlmRun *run) SLM_MUST_CHECK;

/* The bytes that a token's spelling stands for; out [SLM_MAX_TOKEN_BYTES].  Returns their number. */
typedef uint32_t SlmTokenBytes(SlmText spelling, SlmTokenType type, uint8_t *out);

extern SlmTokenBytes slm_bpe_bytes;
extern SlmTokenBytes slm_spm_bytes; /* of unigram models as well */

#endif
