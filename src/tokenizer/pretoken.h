/*
 * pretoken.h - cutting text into the words that byte-pair merging works on
 */
#ifndef SLM_TOKENIZER_PRETOKEN_H
#define SLM_TOKENIZER_PRETOKEN_H

#include <stdint.h>

#include "base/host.h"
#include "base/status.h"

/* Whose pattern; numbers are part of blobs. */
typedef enum SlmPretoken
{
	/*
	 * GPT-2, RoBERTa:
	 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
	 */
	SLM_PRETOKEN_GPT2 = 0,

	/*
	 * Llama 3 (of at most three digits) and Qwen2 (of one):
	 *   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
	 *   ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
	 */
	SLM_PRETOKEN_LLAMA3,
	SLM_PRETOKEN_QWEN2,
	SLM_PRETOKEN_COUNT
} SlmPretoken;

/*
 * Gives in *end where the word that starts at at (< n) ends; every byte of the
 * text is in exactly one word.  text is valid UTF-8.  Polls host.
 */
extern SlmStatus slm_pretoken(SlmPretoken which, const uint8_t *text, uint32_t n, uint32_t at,
							  const SlmHost *host, uint32_t *end, SlmError *err) SLM_MUST_CHECK;

#endif
