/*
 * token_words.c - the words of a text and their looks
 *
 * Classes of characters come from the tokenizer's table, which knows neither
 * currency signs nor lower case; the few ranges of those stand here.
 */
#include "task/token_words.h"

#include "base/limits.h"
#include "task/words.h"
#include "tokenizer/unicode.h"

#define POLL_WORDS 16384

typedef struct Range
{
	uint32_t first, last;
} Range;

/* Sc of Unicode 15. */
static const Range currency[] = {
	{0x24, 0x24},       {0xa2, 0xa5},     {0x58f, 0x58f},   {0x60b, 0x60b},     {0x7fe, 0x7ff},
	{0x9f2, 0x9f3},     {0x9fb, 0x9fb},   {0xaf1, 0xaf1},   {0xbf9, 0xbf9},     {0xe3f, 0xe3f},
	{0x17db, 0x17db},   {0x20a0, 0x20c0}, {0xa838, 0xa838}, {0xfdfc, 0xfdfc},   {0xfe69, 0xfe69},
	{0xff04, 0xff04},   {0xffe0, 0xffe1}, {0xffe5, 0xffe6}, {0x11fdd, 0x11fe0}, {0x1e2ff, 0x1e2ff},
	{0x1ecb0, 0x1ecb0},
};

/* Brackets and quotation marks beyond ASCII: Ps, Pe, Pi and Pf of Unicode 14; and the ellipsis. */
static const Range brackets[] = {
	{0xab, 0xab},     {0xbb, 0xbb},     {0xf3a, 0xf3d},   {0x169b, 0x169c}, {0x2018, 0x201f},
	{0x2026, 0x2026}, {0x2039, 0x203a}, {0x2045, 0x2046}, {0x207d, 0x207e}, {0x208d, 0x208e},
	{0x2308, 0x230b}, {0x2329, 0x232a}, {0x2768, 0x2775}, {0x27c5, 0x27c6}, {0x27e6, 0x27ef},
	{0x2983, 0x2998}, {0x29d8, 0x29db}, {0x29fc, 0x29fd}, {0x2e02, 0x2e05}, {0x2e09, 0x2e0a},
	{0x2e0c, 0x2e0d}, {0x2e1c, 0x2e1d}, {0x2e20, 0x2e29}, {0x2e42, 0x2e42}, {0x2e55, 0x2e5c},
	{0x3008, 0x3011}, {0x3014, 0x301b}, {0x301d, 0x301f}, {0xfd3e, 0xfd3f}, {0xfe17, 0xfe18},
	{0xfe35, 0xfe44}, {0xfe47, 0xfe48}, {0xfe59, 0xfe5e}, {0xff08, 0xff09}, {0xff3b, 0xff3b},
	{0xff3d, 0xff3d}, {0xff5b, 0xff5b}, {0xff5d, 0xff5d}, {0xff5f, 0xff60}, {0xff62, 0xff63},
};

/* Blocks of scripts with two cases: a letter there that has no lower case is one. */
static const Range cased[] = {
	{0x41, 0x24f},      {0x250, 0x2af},     {0x370, 0x52f},     {0x531, 0x588},
	{0x10a0, 0x10ff},   {0x13a0, 0x13ff},   {0x1c80, 0x1cbf},   {0x1d00, 0x1fff},
	{0x2c00, 0x2d2f},   {0xa640, 0xa69f},   {0xa720, 0xa7ff},   {0xab30, 0xabbf},
	{0xfb00, 0xfb17},   {0xff21, 0xff5a},   {0x10400, 0x1044f}, {0x10480, 0x104ff},
	{0x10c80, 0x10cff}, {0x118a0, 0x118df}, {0x16e40, 0x16e7f}, {0x1d400, 0x1d7ff},
	{0x1e900, 0x1e943},
};

static bool
in_ranges(const Range *range, size_t n, uint32_t cp)
{
	for (size_t i = 0; i < n && range[i].first <= cp; i++)
		if (cp <= range[i].last)
			return true;
	return false;
}

#define IN_RANGES(ranges, cp) in_ranges(ranges, sizeof(ranges) / sizeof((ranges)[0]), cp)

/* What a word has been found to hold; marks do not count. */
typedef struct Letters
{
	int n_upper, n_lower, n_caseless, n_digit;
	bool first_is_upper;
} Letters;

static void
count_letter(Letters *letters, uint32_t cp, uint32_t flags)
{
	if (flags & SLM_UNICODE_NUMBER)
		letters->n_digit++;
	else if (!(flags & SLM_UNICODE_LETTER))
		return;
	else if (flags & SLM_UNICODE_LOWER)
	{
		if (letters->n_upper + letters->n_lower + letters->n_caseless == 0)
			letters->first_is_upper = true;
		letters->n_upper++;
	}
	else if (IN_RANGES(cased, cp))
		letters->n_lower++;
	else
		letters->n_caseless++;
}

static SlmWordShape
shape_of_letters(const Letters *l)
{
	int n_letter = l->n_upper + l->n_lower + l->n_caseless;

	if (l->n_digit > 0 && n_letter > 0)
		return SLM_SHAPE_CODE;
	if (l->n_digit > 0)
		return l->n_digit <= 2   ? SLM_SHAPE_DIGITS
			   : l->n_digit <= 4 ? SLM_SHAPE_YEAR
								 : SLM_SHAPE_LONG_NUMBER;
	if (l->n_caseless == n_letter)
		return SLM_SHAPE_CASELESS;
	if (l->n_lower == n_letter)
		return SLM_SHAPE_LOWER;
	if (l->n_upper == n_letter)
		return n_letter == 1 ? SLM_SHAPE_INITIAL : SLM_SHAPE_UPPER;
	return l->first_is_upper && l->n_lower == n_letter - 1 ? SLM_SHAPE_TITLE : SLM_SHAPE_MIXED_CASE;
}

/* Shape of a word of one character that is neither letter, number nor mark. */
static SlmWordShape
shape_of_sign(uint32_t cp)
{
	if (IN_RANGES(currency, cp))
		return SLM_SHAPE_CURRENCY;
	if (cp >= 0x80)
		return IN_RANGES(brackets, cp) ? SLM_SHAPE_SENTENCE : SLM_SHAPE_SYMBOL;
	if (strchr("@#/\\:_-", (int) cp) != NULL)
		return SLM_SHAPE_JOINER;
	if (cp == '.' || cp == ',')
		return SLM_SHAPE_POINT;
	return strchr("!?;'\"()[]{}", (int) cp) != NULL ? SLM_SHAPE_SENTENCE : SLM_SHAPE_SYMBOL;
}

/* The word being read. */
typedef struct Open
{
	Letters letters;
	uint32_t sign;   /* its one character, if that is a sign; else 0 */
	int n_character; /* 0: no word is open */
} Open;

static void
end_word(SlmTokenWords *words, Open *open)
{
	if (open->n_character > 0)
		words->word[words->n - 1].shape = (uint8_t) (open->sign != 0 && open->n_character == 1
														 ? shape_of_sign(open->sign)
														 : shape_of_letters(&open->letters));
	*open = (Open){0};
}

/* The character from start to end; line: whether one has begun since the word before. */
static void
add_character(SlmTokenWords *words, Open *open, uint32_t cp, uint32_t flags, size_t start,
			  size_t end, bool *line)
{
	if (open->n_character++ == 0)
	{
		words->word[words->n++] = (SlmTokenWord){.start = (uint32_t) start, .begins_line = *line};
		*line = false;
	}
	words->word[words->n - 1].end = (uint32_t) end;
	if ((flags & (SLM_UNICODE_LETTER | SLM_UNICODE_NUMBER | SLM_UNICODE_MARK)) == 0)
		open->sign = cp;
	count_letter(&open->letters, cp, flags);
}

SlmStatus
slm_token_words_find(SlmText text, const SlmHost *host, SlmArena *arena, SlmTokenWords *out,
					 SlmError *err)
{
	SlmCursor cursor;
	Open open = {0};
	bool line = true;

	if (text.size > SLM_MAX_INPUT_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT, "text of %zu bytes exceeds the limit of %u bytes",
						text.size, SLM_MAX_INPUT_BYTES);
	out->n = 0;
	SLM_TRY(SLM_NEW_ARRAY(arena, text.size, &out->word, err));
	slm_cursor_init(&cursor, text, host);
	while (cursor.at < text.size)
	{
		uint32_t cp, flags;
		size_t start = cursor.at;

		SLM_TRY(slm_cursor_next(&cursor, &cp, err));
		flags = slm_unicode(cp).flags;
		if (flags & (SLM_UNICODE_SPACE | SLM_UNICODE_WHITE))
		{
			end_word(out, &open);
			line |= cp == '\n' || cp == '\r';
		}
		else if (flags & (SLM_UNICODE_PUNCT | SLM_UNICODE_CJK))
		{
			end_word(out, &open);
			add_character(out, &open, cp, flags, start, cursor.at, &line);
			end_word(out, &open);
		}
		else if (!(flags & SLM_UNICODE_DROP))
			add_character(out, &open, cp, flags, start, cursor.at, &line);
	}
	end_word(out, &open);
	return SLM_OK;
}

/* Gives each word its tokens, and drops the words that have none. */
static SlmStatus
find_tokens(SlmTokenWords *words, const SlmTokens *tokens, const SlmHost *host, SlmError *err)
{
	int n_kept = 0;
	int token = 0;
	bool line_begun = false; /* by words that were dropped */

	for (int i = 0; i < words->n; i++)
	{
		SlmTokenWord word = words->word[i];

		if (i % POLL_WORDS == 0)
			SLM_TRY(slm_poll(host, err));
		word.begins_line |= line_begun;
		line_begun = word.begins_line;
		while (token < tokens->n && tokens->end[token] <= word.start)
			token++;
		if (token == tokens->n || tokens->start[token] >= word.end)
			continue;
		line_begun = false;
		word.first_token = word.last_token = token;
		while (word.last_token + 1 < tokens->n && tokens->start[word.last_token + 1] < word.end)
			word.last_token++;
		words->word[n_kept++] = word;
	}
	words->n = n_kept;
	return SLM_OK;
}

SlmStatus
slm_token_words_map(SlmTokenWords *words, const SlmTokens *tokens, uint8_t *look,
					const SlmHost *host, SlmError *err)
{
	int done = 0; /* tokens that have their look */

	SLM_TRY(find_tokens(words, tokens, host, err));
	memset(look, SLM_SHAPE_SYMBOL, (size_t) tokens->n);
	for (int i = 0; i < words->n; i++)
	{
		const SlmTokenWord *word = &words->word[i];
		bool ends_line = i + 1 == words->n || word[1].begins_line;
		int place = (word->begins_line ? SLM_LINE_BEGIN : 0) | (ends_line ? SLM_LINE_END : 0);

		for (int t = word->first_token > done ? word->first_token : done; t <= word->last_token;
			 t++)
			look[t] = (uint8_t) (word->shape + SLM_WORD_SHAPES * place);
		done = word->last_token + 1;
	}
	return SLM_OK;
}

int
slm_token_words_at(const SlmTokenWords *words, uint32_t byte)
{
	int low = 0, high = words->n;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (words->word[middle].end <= byte)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
