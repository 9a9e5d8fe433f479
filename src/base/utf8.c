/*
 * utf8.c - decoding and checking UTF-8 (RFC 3629)
 */
#include "base/utf8.h"

#include <string.h>

int
slm_utf8_decode(const uint8_t *text, size_t n, uint32_t *cp)
{
	uint8_t first = text[0];
	uint32_t value, least;
	int length;

	if (first < 0x80)
	{
		*cp = first;
		return 1;
	}
	if (first >= 0xc2 && first < 0xe0)
	{
		length = 2;
		value = first & 0x1f;
		least = 0x80;
	}
	else if ((first & 0xf0) == 0xe0)
	{
		length = 3;
		value = first & 0x0f;
		least = 0x800;
	}
	else if (first >= 0xf0 && first < 0xf5)
	{
		length = 4;
		value = first & 0x07;
		least = 0x10000;
	}
	else
		return 0;
	if ((size_t) length > n)
		return 0;
	for (int i = 1; i < length; i++)
	{
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*cp = value;
	return length;
}

int
slm_utf8_encode(uint32_t cp, uint8_t out[4])
{
	if (cp < 0x80)
	{
		out[0] = (uint8_t) cp;
		return 1;
	}
	if (cp < 0x800)
	{
		out[0] = (uint8_t) (0xc0 | cp >> 6);
		out[1] = (uint8_t) (0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000)
	{
		out[0] = (uint8_t) (0xe0 | cp >> 12);
		out[1] = (uint8_t) (0x80 | (cp >> 6 & 0x3f));
		out[2] = (uint8_t) (0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (uint8_t) (0xf0 | cp >> 18);
	out[1] = (uint8_t) (0x80 | (cp >> 12 & 0x3f));
	out[2] = (uint8_t) (0x80 | (cp >> 6 & 0x3f));
	out[3] = (uint8_t) (0x80 | (cp & 0x3f));
	return 4;
}

size_t
slm_utf8_valid_bytes(const uint8_t *text, size_t n)
{
	size_t at = 0;

	while (at < n)
	{
		uint64_t word;
		uint32_t cp;
		int length;

		if (n - at >= sizeof(word))
		{
			memcpy(&word, text + at, sizeof(word));
			if ((word & 0x8080808080808080ULL) == 0)
			{
				at += sizeof(word);
				continue;
			}
		}
		length = slm_utf8_decode(text + at, n - at, &cp);
		if (length == 0)
			break;
		at += (size_t) length;
	}
	return at;
}
