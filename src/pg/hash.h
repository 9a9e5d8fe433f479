/*
 * hash.h - SHA-256 of what is in memory, and read from its hexadecimal form
 */
#ifndef SLM_PG_HASH_H
#define SLM_PG_HASH_H

#include "base/hash.h"
#include "engine/slm.h"

/* Raises 53200 when there is no memory. */
extern void slm_hash_bytes(const void *data, size_t n, uint8 out[SLM_SHA256_BYTES]);

/* Exactly 64 lower-case digits, or false. */
extern bool slm_hash_from_hex(const char *text, uint8 hash[SLM_SHA256_BYTES]);

#endif
