/*
 * grapheme.h - extended grapheme clusters, UAX #29
 */
#ifndef SLM_TOKENIZER_GRAPHEME_H
#define SLM_TOKENIZER_GRAPHEME_H

#include <stdint.h>

#include "base/host.h"
#include "base/status.h"

/* Gives in *end where the cluster that starts at at (< n) ends. Polls host. */
extern SlmStatus slm_grapheme_end(const uint8_t *text, uint32_t n, uint32_t at, const SlmHost *host,
								  uint32_t *end, SlmError *err) SLM_MUST_CHECK;

#endif
