/*
 * status.c - filling an SlmError
 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

SlmStatus
slm_fail(SlmError *err, SlmStatus status, const char *fmt, ...)
{
	if (err != NULL)
	{
		va_list args;

		err->status = status;
		err->detail[0] = '\0';
		err->hint[0] = '\0';
		va_start(args, fmt);
		vsnprintf(err->message, sizeof(err->message), fmt, args);
		va_end(args);
	}
	return status;
}

void
slm_error_detail(SlmError *err, const char *fmt, ...)
{
	if (err != NULL)
	{
		va_list args;

		va_start(args, fmt);
		vsnprintf(err->detail, sizeof(err->detail), fmt, args);
		va_end(args);
	}
}

void
slm_error_hint(SlmError *err, const char *fmt, ...)
{
	if (err != NULL)
	{
		va_list args;

		va_start(args, fmt);
		vsnprintf(err->hint, sizeof(err->hint), fmt, args);
		va_end(args);
	}
}

const char *
slm_error_quote(char *out, size_t size, const void *text, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = text;
	size_t used = 0;

	if (size < 8)
	{
		if (size > 0)
			out[0] = '\0';
		return out;
	}
	for (size_t i = 0; i < n; i++)
	{
		/* 4 for an escape, 3 for the ellipsis, 1 for the terminator */
		if (used + 8 > size)
		{
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\')
			out[used++] = (char) p[i];
		else
		{
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = hex[p[i] >> 4];
			out[used++] = hex[p[i] & 15];
		}
	}
	out[used] = '\0';
	return out;
}
