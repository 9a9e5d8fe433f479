/*
 * text.h - borrowed bytes with a length
 */
#ifndef SLM_BASE_TEXT_H
#define SLM_BASE_TEXT_H

#include <stddef.h>
#include <string.h>

/* Not NUL-terminated; who lends the bytes is said where an SlmText is given. */
typedef struct SlmText
{
	const char *data; /* never NULL when size > 0 */
	size_t size;
} SlmText;

static inline SlmText
slm_text(const char *c_string)
{
	SlmText text = {c_string, strlen(c_string)};

	return text;
}

#endif
