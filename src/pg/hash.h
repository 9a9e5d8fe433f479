/*
 * hash.h - SHA-256 of what is in memory, and its hexadecimal form
 */
#ifndef SLM_PG_HASH_H
#define SLM_PG_HASH_H

#include "engine/slm.h"

#define SLM_HASH_HEX_CHARS (2 * SLM_SHA256_BYTES)

/* Raises 53200 when there is no memory. */
extern void slm_hash_bytes(const void *data, size_t n, uint8 out[SLM_SHA256_BYTES]);

/* Writes 64 digits and a NUL. */
extern void slm_hash_to_hex(const uint8 hash[SLM_SHA256_BYTES], char *out);

/* Exactly 64 lower-case digits, or false. */
extern bool slm_hash_from_hex(const char *text, uint8 hash[SLM_SHA256_BYTES]);

#endif
