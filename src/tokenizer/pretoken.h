/*
 * pretoken.h - cutting text into the words that byte-pair merging works on
 */
#ifndef SLM_TOKENIZER_PRETOKEN_H
#define SLM_TOKENIZER_PRETOKEN_H

#include <stdint.h>

#include "base/host.h"
#include "base/status.h"

/*
 * GPT-2's pattern, which RoBERTa shares:
 *
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * Gives in *end where the word that starts at at (< n) ends; every byte of the
 * text is in exactly one word.  text is valid UTF-8.  Polls host.
 */
extern SlmStatus slm_pretoken_gpt2(const uint8_t *text, uint32_t n, uint32_t at,
								   const SlmHost *host, uint32_t *end,
								   SlmError *err) SLM_MUST_CHECK;

#endif
