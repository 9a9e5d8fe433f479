/*
 * hash.h - SHA-256 by the host, in steps that can be cancelled, and its hexadecimal form
 */
#ifndef SLM_BASE_HASH_H
#define SLM_BASE_HASH_H

#include "base/host.h"

#define SLM_HASH_HEX_CHARS (2 * SLM_SHA256_BYTES)

/* Adds n bytes to a state of host->sha256_start(); polls at least every SLM_POLL_BYTES. */
extern SlmStatus slm_hash_update(const SlmHost *host, void *state, const uint8_t *data, size_t n,
								 SlmError *err) SLM_MUST_CHECK;

/* The hash of n bytes; polls as well. */
extern SlmStatus slm_hash(const SlmHost *host, const uint8_t *data, size_t n,
						  uint8_t out[SLM_SHA256_BYTES], SlmError *err) SLM_MUST_CHECK;

/* Writes 64 lower-case digits and a NUL. */
extern void slm_hash_to_hex(const uint8_t hash[SLM_SHA256_BYTES], char *out);

#endif
