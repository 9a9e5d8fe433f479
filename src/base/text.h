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

/* Order by bytes; a prefix comes first. */
static inline int
slm_text_compare(SlmText a, SlmText b)
{
	int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

	if (order != 0)
		return order;
	return a.size < b.size ? -1 : a.size > b.size;
}

#endif
