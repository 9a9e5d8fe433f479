/*
 * sentences.c - a text as sentences
 *
 * Everything is decided in the gaps: at white space, by what stands before it
 * (the Tail) and what comes behind.  Looking back and ahead is bounded by
 * constants, so that the walk stays linear whatever the text is.
 */
#include "task/sentences.h"

#include "base/ascii.h"
#include "tokenizer/unicode.h"

/* Wrapped prose: a paragraph with a line of at least so many columns. */
#define WRAP_MIN_COLUMNS 40
#define WRAP_LOOK_BYTES 4096 /* how far ahead the lines of a paragraph are measured */

#define FIELD_LOOK_BYTES 32 /* "Date of birth: " */
#define FIELD_WORDS 3
#define WORD_LOOK_BYTES 16 /* of an abbreviation or of a word that starts a sentence */
#define LIST_DIGITS 3
#define UNKNOWN_ABBREVIATION_LETTERS 3

/* ---- Characters ---------------------------------------------------------- */

/* How strongly a character ends a sentence; the order matters. */
typedef enum Stop
{
	STOP_NONE,
	STOP_DOT,
	STOP_ELLIPSIS,
	STOP_STRONG,
	STOP_WIDE /* no white space needed behind it */
} Stop;

static Stop
stop_of(uint32_t cp)
{
	switch (cp)
	{
		case '.':
			return STOP_DOT;
		case 0x2026:
			return STOP_ELLIPSIS;
		case '!':
		case '?':
		case 0x0589: /* Armenian */
		case 0x061f: /* Arabic */
		case 0x06d4:
		case 0x0964: /* Devanagari */
		case 0x0965:
		case 0x1362: /* Ethiopic */
		case 0x203c: /* !! !? and so on as one character */
		case 0x203d:
		case 0x2047:
		case 0x2048:
		case 0x2049:
			return STOP_STRONG;
		case 0x3002: /* Chinese and Japanese */
		case 0xff01:
		case 0xff1f:
		case 0xff61:
			return STOP_WIDE;
		default:
			return STOP_NONE;
	}
}

/* Quotes, which open in one language what they close in another. */
static bool
is_quote(uint32_t cp)
{
	return cp == '"' || cp == '\'' || cp == '*' || cp == '_' || cp == 0xab || cp == 0xbb ||
		   (cp >= 0x2018 && cp <= 0x201f) || cp == 0x2039 || cp == 0x203a;
}

static bool
is_closer(uint32_t cp)
{
	return is_quote(cp) || cp == ')' || cp == ']' || cp == '}' || cp == 0xff09 || cp == 0xff3d ||
		   (cp >= 0x3009 && cp <= 0x3011 && (cp & 1) == 1) || cp == 0xff63;
}

static bool
is_opener(uint32_t cp)
{
	return is_quote(cp) || cp == '(' || cp == '[' || cp == '{' || cp == 0xbf || cp == 0xa1 ||
		   cp == 0xff08 || cp == 0xff3b || (cp >= 0x3008 && cp <= 0x3010 && (cp & 1) == 0);
}

static bool
is_line_break(uint32_t cp)
{
	return (cp >= '\n' && cp <= '\r') || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

/* A line break that counts as a blank line. */
static bool
ends_paragraph(uint32_t cp)
{
	return cp == '\f' || cp == 0x2029;
}

static bool
is_letter(uint32_t cp)
{
	return (slm_unicode(cp).flags & SLM_UNICODE_LETTER) != 0;
}

/* A small letter of Latin, Greek, Cyrillic or Armenian. */
static bool
is_lower(uint32_t cp)
{
	bool cased = cp < 0x590 || (cp >= 0x1e00 && cp < 0x2000);

	return cased &&
		   (slm_unicode(cp).flags & (SLM_UNICODE_LETTER | SLM_UNICODE_LOWER)) == SLM_UNICODE_LETTER;
}

static bool
is_ascii_punctuation(uint32_t cp)
{
	return cp < 0x80 && slm_unicode_ascii_role[cp] == SLM_ASCII_PUNCT;
}

/* ---- Words around a full stop -------------------------------------------- */

/* Abbreviations in lists of words, each between two spaces.  A word follows: Mr. Smith */
static const char before_words[] =
	" mr mrs ms mx dr prof rev hon st mt ft gen col maj capt cpt lt sgt cmdr adm gov sen rep pres"
	" supt det insp messrs mme mlle sr sra srta hr fr frl vs v cf e.g i.e eg ie viz approx ca circa"
	" incl excl resp dept est tel attn cont temp bzw vgl inkl exkl ggf evtl z.b d.h u.a p.s nb ";

/* They are abbreviations only before a number: No. 5 */
static const char before_numbers[] =
	" no nos nr num p pp pg pag fig figs eq eqs sec sect ch chap vol art arts ref cl para ver ext"
	" apt rm jan feb mar apr jun jul aug sep sept oct nov dec abs kap ";

/* Their full stop may end the sentence as well: in the U.S. The ... */
static const char anywhere[] =
	" inc ltd co corp llc plc bros jr esq etc al usw ave blvd rd str min max avg std mon tue tues"
	" wed thu thur thurs fri sat sun ed eds ";

/* Words that begin a sentence more often than they stand capitalized inside of one. */
static const char sentence_starters[] =
	" the this that these those it its he she we they i you my your our his her their in on at by"
	" for from with to but and so also if when while after before since as because although"
	" however there here then now please thanks a an all both each most many some no yes not what"
	" who how why where which is are was were do does did can could would will let once until"
	" der die das es er sie wir ich ein eine in im am bei wenn aber und le la les il elle nous un"
	" une el los las ";

/* A word in small letters, of ASCII letters and dots. */
typedef struct SmallWord
{
	char text[WORD_LOOK_BYTES];
	size_t n;     /* 0: none, too long, or not of ASCII letters */
	bool capital; /* began with a capital */
} SmallWord;

/* The word text[start..end) as far as it fits. */
static SmallWord
small_word(SlmText text, size_t start, size_t end)
{
	SmallWord word = {.n = 0};

	if (end - start > WORD_LOOK_BYTES || end == start)
		return word;
	word.capital = slm_is_upper((uint8_t) text.data[start]);
	for (size_t i = start; i < end; i++)
		word.text[word.n++] = (char) slm_lower((uint8_t) text.data[i]);
	return word;
}

static bool
is_listed(const char *list, const SmallWord *word)
{
	for (const char *at = list; word->n > 0 && (at = strchr(at, ' ')) != NULL;)
		if (strncmp(++at, word->text, word->n) == 0 && at[word->n] == ' ')
			return true;
	return false;
}

/* The word that ends at a byte offset, not looking before least. */
static SmallWord
word_before(SlmText text, size_t least, size_t end)
{
	size_t start = end;

	while (start > least && end - start <= WORD_LOOK_BYTES &&
		   (slm_is_letter((uint8_t) text.data[start - 1]) || text.data[start - 1] == '.'))
		start--;
	if (start > least && (uint8_t) text.data[start - 1] >= 0x80)
	{
		size_t before;

		if (is_letter(slm_char_before(text, start, &before)))
			return (SmallWord){.n = 0};
	}
	return small_word(text, start, end);
}

static SmallWord
word_at(SlmText text, size_t start)
{
	size_t end = start;

	while (end < text.size && end - start <= WORD_LOOK_BYTES &&
		   slm_is_letter((uint8_t) text.data[end]))
		end++;
	return small_word(text, start, end);
}

/* U.S, p.m, Ph.D: letters by ones and twos between dots. */
static bool
is_dotted(const SmallWord *word)
{
	int letters = 0, dots = 0;

	for (size_t i = 0; i < word->n; i++)
	{
		bool dot = word->text[i] == '.';

		letters = dot ? 0 : letters + 1;
		dots += dot;
		if (letters > 2)
			return false;
	}
	return dots > 0;
}

/* 1. 12. a. at the start of a sentence: its number. */
static bool
is_list_number(SlmText text, size_t start, size_t stop)
{
	if (stop - start == 1 && slm_is_letter((uint8_t) text.data[start]))
		return true;
	for (size_t i = start; i < stop; i++)
		if (!slm_is_digit((uint8_t) text.data[i]))
			return false;
	return stop > start && stop - start <= LIST_DIGITS;
}

/*
 * Does the full stop at a byte offset end a sentence that began at start?  What
 * follows begins at next and is no small letter.
 */
static bool
full_stop_ends(SlmText text, size_t start, size_t stop, size_t next)
{
	SmallWord before = word_before(text, start, stop);
	SmallWord after = word_at(text, next);

	if (is_list_number(text, start, stop))
		return false;
	if (before.n == 0)
		return true;
	if (is_listed(before_words, &before))
		return false;
	if (is_listed(before_numbers, &before))
		return !slm_is_digit(slm_char_at(text, next));
	if (is_listed(anywhere, &before) || (before.n == 1 && before.capital) || is_dotted(&before))
		return is_listed(sentence_starters, &after);
	return true;
}

/* The same where a small letter follows: it does behind a word that is no abbreviation. */
static bool
full_stop_ends_before_lower(SlmText text, size_t start, size_t stop)
{
	SmallWord before = word_before(text, start, stop);

	return before.n > UNKNOWN_ABBREVIATION_LETTERS && !is_dotted(&before) &&
		   !is_listed(before_words, &before) && !is_listed(before_numbers, &before) &&
		   !is_listed(anywhere, &before);
}

/* ---- Lines ----------------------------------------------------------------- */

/* Bytes of the bullet or quoting mark at a byte offset of a line's start, or 0. */
static size_t
marker_size(SlmText text, size_t at)
{
	uint32_t cp = slm_char_at(text, at);
	size_t size = slm_char_size(text, at);

	switch (cp)
	{
		case '>':
			return size;
		case '#': /* a heading's level */
			while (size < 6 && slm_char_at(text, at + size) == '#')
				size++;
			break;
		case '-':
		case '*':
		case '+':
		case '|':
		case 0xb7: /* dots, dashes, squares, circles */
		case 0x2013:
		case 0x2014:
		case 0x2022:
		case 0x2023:
		case 0x2043:
		case 0x2219:
		case 0x25aa:
		case 0x25a0:
		case 0x25cb:
		case 0x25cf:
		case 0x25e6:
			break;
		default:
			return 0;
	}
	return at + size == text.size || slm_char_is_white(slm_char_at(text, at + size)) ? size : 0;
}

/* 1. 12) (3) a) at a byte offset, with white space behind. */
static bool
is_numbered(SlmText text, size_t at)
{
	size_t start = at += slm_char_at(text, at) == '(';
	uint32_t cp;

	while (at - start < LIST_DIGITS && slm_is_digit(slm_char_at(text, at)))
		at++;
	if (at == start && is_letter(slm_char_at(text, at)) && slm_char_at(text, at + 1) == ')')
		at++;
	cp = slm_char_at(text, at);
	return at > start && (cp == '.' || cp == ')') && slm_char_is_white(slm_char_at(text, at + 1));
}

/* "Order date: ...": a few words with a colon behind. */
static bool
is_field(SlmText text, size_t at)
{
	size_t end = at + FIELD_LOOK_BYTES;
	int n_space = 0;

	for (; at < end; at += slm_char_size(text, at))
	{
		uint32_t cp = slm_char_at(text, at);

		if (cp == ':')
			return slm_char_is_white(slm_char_at(text, at + 1));
		if (cp == ' ')
			n_space++;
		else if (!is_letter(cp) && !slm_is_digit(cp) && cp != '-' && cp != '_')
			return false;
		if (n_space == FIELD_WORDS)
			return false;
	}
	return false;
}

/* Characters of text[start..end), as far as it is looked at. */
static int
count_columns(SlmText text, size_t start, size_t end)
{
	int n = 0;

	if (end - start > WRAP_LOOK_BYTES)
		end = start + WRAP_LOOK_BYTES;
	for (size_t i = start; i < end; i++)
		n += ((uint8_t) text.data[i] & 0xc0) != 0x80;
	return n;
}

/* Columns of the longest line from here to a blank line. */
static int
measure_paragraph(SlmText text, size_t at)
{
	size_t end = text.size - at > WRAP_LOOK_BYTES ? at + WRAP_LOOK_BYTES : text.size;
	int column = 0, used = 0, width = 0;

	while (at < end)
	{
		uint32_t cp = slm_char_at(text, at);
		size_t size = slm_char_size(text, at);

		if (cp == '\r' && slm_char_at(text, at + 1) == '\n')
			size++;
		at += size;
		column++;
		if (!slm_char_is_white(cp))
			used = column;
		else if (is_line_break(cp))
		{
			if (used == 0 || ends_paragraph(cp))
				break;
			width = used > width ? used : width;
			column = used = 0;
		}
	}
	return used > width ? used : width;
}

/* Does the sentence go on behind the line that ends at line_end?  The cursor is at the next. */
static bool
line_goes_on(SlmSentenceReader *r, size_t line_end)
{
	SlmText text = r->cursor.text;
	size_t next = r->cursor.at, word_end = next;
	uint32_t cp = slm_char_at(text, next);
	int columns;

	if (r->width == 0)
		r->width = measure_paragraph(text, r->line_start);
	if (r->width < WRAP_MIN_COLUMNS || marker_size(text, next) > 0 || is_numbered(text, next) ||
		is_field(text, next) || (is_ascii_punctuation(cp) && slm_char_at(text, next + 1) == cp))
		return false;
	columns = count_columns(text, r->line_start, line_end);
	if (is_lower(cp) && columns >= r->width / 2) /* shorter is a greeting: "Dear Ann," */
		return true;
	/* the next word had no room in the line */
	while (word_end < text.size && word_end - next < WRAP_LOOK_BYTES &&
		   !slm_char_is_white(slm_char_at(text, word_end)))
		word_end += slm_char_size(text, word_end);
	return columns + 1 + count_columns(text, next, word_end) > r->width;
}

/* ---- Sentences ---------------------------------------------------------------- */

void
slm_sentences_init(SlmSentenceReader *reader, SlmText text, const SlmHost *host)
{
	*reader = (SlmSentenceReader){.at_line_start = true};
	slm_cursor_init(&reader->cursor, text, host);
}

/* Steps over white space; *n_break lines end in it, 2 standing for more. */
static SlmStatus
cross_gap(SlmSentenceReader *r, int *n_break, SlmError *err)
{
	SlmCursor *c = &r->cursor;

	*n_break = 0;
	while (slm_char_is_white(slm_char_at(c->text, c->at)))
	{
		uint32_t cp;

		SLM_TRY(slm_cursor_next(c, &cp, err));
		if (!is_line_break(cp) || (cp == '\r' && slm_char_at(c->text, c->at) == '\n'))
			continue;
		*n_break = *n_break > 0 || ends_paragraph(cp) ? 2 : 1;
	}
	if (*n_break > 0)
		r->at_line_start = true;
	if (*n_break > 1)
		r->width = 0;
	return SLM_OK;
}

/* Steps over the rest of the line if it is nothing but ASCII punctuation: a rule, a separator. */
static SlmStatus
skip_separator(SlmCursor *c, SlmError *err)
{
	SlmCursor look = *c;

	while (look.at < look.text.size)
	{
		uint32_t cp = slm_char_at(look.text, look.at);

		if (is_line_break(cp))
			break;
		if (!is_ascii_punctuation(cp) && !slm_char_is_white(cp))
			return SLM_OK;
		SLM_TRY(slm_cursor_next(&look, &cp, err));
	}
	*c = look;
	return SLM_OK;
}

/* Moves the cursor to where the next sentence begins, or to the end. */
static SlmStatus
find_start(SlmSentenceReader *r, SlmError *err)
{
	SlmCursor *c = &r->cursor;
	uint32_t cp;
	int n_break;

	SLM_TRY(cross_gap(r, &n_break, err));
	while (r->at_line_start && c->at < c->text.size)
	{
		size_t marker;

		r->at_line_start = false;
		SLM_TRY(skip_separator(c, err));
		SLM_TRY(cross_gap(r, &n_break, err));
		while (!r->at_line_start && (marker = marker_size(c->text, c->at)) > 0)
		{
			for (marker += c->at; c->at < marker;)
				SLM_TRY(slm_cursor_next(c, &cp, err));
			SLM_TRY(cross_gap(r, &n_break, err));
		}
		r->line_start = c->at;
	}
	return SLM_OK;
}

/* What the characters seen last may end. */
typedef struct Tail
{
	Stop stop;   /* STOP_NONE: something else stands behind it */
	size_t at;   /* of the first in a row of them */
	bool closed; /* quotes or brackets closed behind it */
} Tail;

static void
note_character(Tail *tail, uint32_t cp, size_t at)
{
	Stop stop = stop_of(cp);

	if (stop == STOP_NONE)
	{
		if (is_closer(cp))
			tail->closed = tail->stop != STOP_NONE;
		else
			tail->stop = STOP_NONE;
	}
	else if (tail->stop == STOP_NONE || tail->closed)
		*tail = (Tail){stop, at, false};
	else if (stop == STOP_DOT && tail->stop == STOP_DOT)
		tail->stop = STOP_ELLIPSIS;
	else if (stop > tail->stop)
		tail->stop = stop;
}

/* Does the tail of a sentence that began at start end it, white space and then next behind it? */
static bool
tail_ends(SlmText text, size_t start, const Tail *tail, size_t next)
{
	bool lower;

	for (int i = 0; i < 3 && is_opener(slm_char_at(text, next)); i++)
		next += slm_char_size(text, next);
	lower = is_lower(slm_char_at(text, next));
	switch (tail->stop)
	{
		case STOP_NONE:
			return false;
		case STOP_DOT:
			if (!lower)
				return full_stop_ends(text, start, tail->at, next);
			return !tail->closed && full_stop_ends_before_lower(text, start, tail->at);
		case STOP_ELLIPSIS:
			return !lower;
		case STOP_STRONG:
			return !lower || !tail->closed; /* "Really?" she asked */
		case STOP_WIDE:
			return true;
	}
	return true;
}

/* Does the sentence end before the gap that was just crossed? */
static bool
gap_ends(SlmSentenceReader *r, const SlmSentence *sentence, const Tail *tail, int n_break)
{
	SlmCursor *c = &r->cursor;

	if (n_break > 1 || c->at == c->text.size)
		return true;
	if (n_break == 1)
	{
		if (!line_goes_on(r, sentence->start + sentence->size))
			return true;
		r->at_line_start = false;
		r->line_start = c->at;
	}
	return tail_ends(c->text, sentence->start, tail, c->at);
}

SlmStatus
slm_sentence_next(SlmSentenceReader *r, SlmSentence *out, SlmError *err)
{
	SlmCursor *c = &r->cursor;
	Tail tail = {STOP_NONE, 0, false};

	SLM_TRY(find_start(r, err));
	*out = (SlmSentence){c->at, 0};
	while (c->at < c->text.size)
	{
		size_t at = c->at;
		uint32_t cp = slm_char_at(c->text, at);
		int n_break;

		if (slm_char_is_white(cp))
		{
			SLM_TRY(cross_gap(r, &n_break, err));
			if (gap_ends(r, out, &tail, n_break))
				break;
			tail.stop = STOP_NONE;
			continue;
		}
		if (tail.stop == STOP_WIDE && stop_of(cp) == STOP_NONE && !is_closer(cp))
			break;
		SLM_TRY(slm_cursor_next(c, &cp, err));
		note_character(&tail, cp, at);
		out->size = c->at - out->start;
	}
	return SLM_OK;
}
