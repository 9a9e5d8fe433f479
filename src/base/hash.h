/*
 * hash.h - SHA-256 by the host, in steps that can be cancelled
 */
#ifndef SLM_BASE_HASH_H
#define SLM_BASE_HASH_H

#include "base/host.h"

/* Adds n bytes to a state of host->sha256_start(); polls at least every SLM_POLL_BYTES. */
extern SlmStatus slm_hash_update(const SlmHost *host, void *state, const uint8_t *data, size_t n,
								 SlmError *err) SLM_MUST_CHECK;

/* The hash of n bytes; polls as well. */
extern SlmStatus slm_hash(const SlmHost *host, const uint8_t *data, size_t n,
						  uint8_t out[SLM_SHA256_BYTES], SlmError *err) SLM_MUST_CHECK;

#endif
