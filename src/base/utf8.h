/*
 * utf8.h - decoding and checking UTF-8 (RFC 3629)
 */
#ifndef SLM_BASE_UTF8_H
#define SLM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the code point at text[0..n), n >= 1, into *cp and returns its bytes
 * (1 to 4), or 0 when the bytes are not valid UTF-8: overlong, surrogate, past
 * U+10FFFF or cut off.
 */
extern int slm_utf8_decode(const uint8_t *text, size_t n, uint32_t *cp);

/* Writes cp (a scalar value) to out, returns its bytes, 1 to 4. */
extern int slm_utf8_encode(uint32_t cp, uint8_t out[4]);

/* Whether a byte stands in any valid UTF-8. */
static inline bool
slm_utf8_has_byte(uint32_t byte)
{
	return byte <= 0xf4 && byte != 0xc0 && byte != 0xc1;
}

/* Offset of the first byte that breaks UTF-8, or n when all of it is valid. */
extern size_t slm_utf8_valid_bytes(const uint8_t *text, size_t n);

#endif
