/*
 * ascii.h - classes of ASCII characters
 *
 * For bytes and for code points alike: what is no ASCII is in none of them.  The
 * C library's answer depends on the locale.
 */
#ifndef SLM_BASE_ASCII_H
#define SLM_BASE_ASCII_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
slm_is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool
slm_is_upper(uint32_t c)
{
	return c >= 'A' && c <= 'Z';
}

static inline uint32_t
slm_lower(uint32_t c)
{
	return slm_is_upper(c) ? c + ('a' - 'A') : c;
}

static inline bool
slm_is_letter(uint32_t c)
{
	return slm_lower(c) >= 'a' && slm_lower(c) <= 'z';
}

static inline bool
slm_is_alnum(uint32_t c)
{
	return slm_is_letter(c) || slm_is_digit(c);
}

/* Value of a hexadecimal digit, or -1. */
static inline int
slm_hex_value(uint32_t c)
{
	if (slm_is_digit(c))
		return (int) c - '0';
	return slm_lower(c) >= 'a' && slm_lower(c) <= 'f' ? (int) slm_lower(c) - 'a' + 10 : -1;
}

#endif
