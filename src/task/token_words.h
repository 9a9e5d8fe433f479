/*
 * token_words.h - the words of a text and their looks
 *
 * Private to src/task.  Words are those of BERT's pre-tokenizer: white space
 * separates, punctuation marks and ideographs are words of their own, anything
 * else makes runs.  Spans of the extraction head start and end on the edges of
 * words, and the head reads of each token how its word looks, which tokens do
 * not show: the shape of its letters (an uncased tokenizer drops case) and
 * whether it begins or ends a line (most tokenizers drop line ends).
 */
#ifndef SLM_TASK_TOKEN_WORDS_H
#define SLM_TASK_TOKEN_WORDS_H

#include "task/task.h"

/* The numbers are those that models are trained with. */
typedef enum SlmWordShape
{
	SLM_SHAPE_SPECIAL = 0,     /* no word: special tokens */
	SLM_SHAPE_LOWER = 1,       /* all letters lower case */
	SLM_SHAPE_TITLE = 2,       /* the first letter upper case, the others lower, two or more */
	SLM_SHAPE_UPPER = 3,       /* all upper case, two or more */
	SLM_SHAPE_INITIAL = 4,     /* one upper case letter */
	SLM_SHAPE_MIXED_CASE = 5,  /* letters of both cases otherwise */
	SLM_SHAPE_DIGITS = 6,      /* digits and no letters, one or two of them */
	SLM_SHAPE_YEAR = 7,        /* the same, three or four */
	SLM_SHAPE_LONG_NUMBER = 8, /* the same, five or more */
	SLM_SHAPE_CODE = 9,        /* digits and letters */
	SLM_SHAPE_CURRENCY = 10,   /* a currency sign */
	SLM_SHAPE_JOINER = 11,     /* @ # / \ : _ - */
	SLM_SHAPE_POINT = 12,      /* . or , */
	SLM_SHAPE_SENTENCE = 13,   /* ! ? ; ' " ellipsis, brackets, quotation marks */
	SLM_SHAPE_SYMBOL = 14,     /* another sign */
	SLM_SHAPE_CASELESS = 15    /* anything else: letters of a script without cases */
} SlmWordShape;

/* A look is a shape and SLM_WORD_SHAPES times these together; a text begins and ends a line. */
typedef enum SlmLinePlace
{
	SLM_LINE_BEGIN = 1,
	SLM_LINE_END = 2
} SlmLinePlace;

typedef struct SlmTokenWord
{
	uint32_t start;      /* first byte in the text */
	uint32_t end;        /* one past its last byte */
	int32_t first_token; /* of the text's tokens, slm_token_words_map() */
	int32_t last_token;
	uint8_t shape;    /* an SlmWordShape */
	bool begins_line; /* a line feed or carriage return, or nothing, stands before it */
} SlmTokenWord;

typedef struct SlmTokenWords
{
	SlmTokenWord *word; /* [n], in the order of the text, in an arena */
	int n;
} SlmTokenWords;

/* The words of a valid UTF-8 text, without tokens.  Polls host. */
extern SlmStatus slm_token_words_find(SlmText text, const SlmHost *host, SlmArena *arena,
									  SlmTokenWords *out, SlmError *err) SLM_MUST_CHECK;

/*
 * Says of each word which tokens cover it, and of each token (look [tokens->n])
 * how its word looks.  A token belongs to the word in which it starts; a word
 * inside a larger token has that one.  Words of which the tokenizer kept nothing
 * leave the list.
 */
extern SlmStatus slm_token_words_map(SlmTokenWords *words, const SlmTokens *tokens, uint8_t *look,
									 const SlmHost *host, SlmError *err) SLM_MUST_CHECK;

/* The word that holds a byte of the text, or the first behind it; n where there is none. */
extern int slm_token_words_at(const SlmTokenWords *words, uint32_t byte);

#endif
