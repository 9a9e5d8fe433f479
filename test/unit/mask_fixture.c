/*
 * mask_fixture.c - a vocabulary for tests of masks
 */
#include "mask_fixture.h"

#include "chance.h"

static SlmText token[MASK_TOKENS];
static char bytes[MASK_TOKENS * 32];
static uint64_t seed = 1;

const SlmText *
mask_vocabulary(void)
{
	static const char *const pieces[] = {
		"\"",    "\", \"", "\"}",      "\\",   "\\u",   "\\\"",         "{\"",  "\": ",
		": ",    ", ",     "[",        "]",    "]}",    "}, {",         "a",    "name",
		"x1",    " ",      "  ",       "true", "false", "null",         "0",    "12",
		"2024-", "-",      "\xC3\xA9", "\xC3", "\xA9",  "\xF0\x9F\x98", "\x80", "the ",
		"D83D",  "00",     ".5",       "e",
	};
	size_t n = 0;

	if (token[0].size > 0)
		return token;
	for (uint32_t i = 0; i < MASK_TOKENS; i++)
	{
		size_t start = n;

		if (i < 256)
			bytes[n++] = (char) i;
		else
			for (uint32_t left = 1 + chance(&seed, 3); left > 0; left--)
			{
				const char *piece = pieces[chance(&seed, sizeof(pieces) / sizeof(pieces[0]))];

				memcpy(bytes + n, piece, strlen(piece));
				n += strlen(piece);
			}
		token[i] = (SlmText){bytes + start, n - start};
	}
	/* what the bytes 7 and 8 are lies elsewhere */
	token[1000] = token[MASK_END_TOKEN];
	token[1001] = token[8];
	token[MASK_END_TOKEN].size = token[8].size = 0;
	return token;
}
