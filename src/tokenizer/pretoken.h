/*
 * pretoken.h - cutting text into the words that byte-pair merging works on
 *
 * The published patterns are regular expressions, most of them several, each of
 * which cuts the pieces that the one before has left.  Here each is a scanner by
 * hand, and a text is cut by all of them in one pass.
 */
#ifndef SLM_TOKENIZER_PRETOKEN_H
#define SLM_TOKENIZER_PRETOKEN_H

#include <stdint.h>

#include "base/host.h"
#include "base/status.h"

/* Whose pattern; numbers are part of blobs. */
typedef enum SlmPretoken
{
	/*
	 * GPT-2, RoBERTa, Phi-2, GPT-NeoX:
	 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
	 */
	SLM_PRETOKEN_GPT2 = 0,

	/*
	 * Llama 3 (of at most three digits) and Qwen2 (of one):
	 *   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
	 *   ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
	 */
	SLM_PRETOKEN_LLAMA3,
	SLM_PRETOKEN_QWEN2,

	/* StarCoder, SmolLM: each digit alone, then GPT-2's. */
	SLM_PRETOKEN_STARCODER,

	/*
	 * Falcon: runs of punctuation, then GPT-2's, then runs of digits, then three ASCII digits.
	 * The runs of digits are cut in bytes, of which some, as GPT-2 spells them, are numbers.
	 */
	SLM_PRETOKEN_FALCON,

	/*
	 * DeepSeek LLM, one behind the other, with letters and signs that it spells out:
	 *   [\r\n]   \s?[letters]+   \s?[signs]+   \s+$   [CJK and others]+   each digit
	 */
	SLM_PRETOKEN_DEEPSEEK_LLM,

	/* DeepSeek Coder: [\r\n]   \s?\p{L}+   \s?\p{P}+   [CJK and others]+   each digit */
	SLM_PRETOKEN_DEEPSEEK_CODER,

	/*
	 * Mistral NeMo's Tekken (of one digit), where U is [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and
	 * S is [\p{Ll}\p{Lm}\p{Lo}\p{M}]; and GPT-4o (of at most three), whose words may end with
	 * the contractions above:
	 *   [^\r\n\p{L}\p{N}]?U*S+|[^\r\n\p{L}\p{N}]?U+S*|\p{N}|
	 *   ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
	 */
	SLM_PRETOKEN_TEKKEN,
	SLM_PRETOKEN_GPT4O,
	SLM_PRETOKEN_COUNT
} SlmPretoken;

#define SLM_PRETOKEN_STEPS 6 /* most patterns one behind the other */

/* A text that is being cut. */
typedef struct SlmWords
{
	SlmPretoken which;
	const uint8_t *text;
	uint32_t n;
	const SlmHost *host;
	uint32_t looks;                   /* at characters, since the last poll */
	uint32_t end[SLM_PRETOKEN_STEPS]; /* of the piece of each step that holds the next word */
} SlmWords;

/* Starts with text[0..n), valid UTF-8. */
extern SlmStatus slm_words_start(SlmWords *words, SlmPretoken which, const uint8_t *text,
								 uint32_t n, const SlmHost *host, SlmError *err) SLM_MUST_CHECK;

/*
 * Gives in *end where the word ends that starts at at (< n), which is 0 or where the last one
 * ended: every byte of the text is in exactly one word.  Polls host.
 */
extern SlmStatus slm_words_next(SlmWords *words, uint32_t at, uint32_t *end,
								SlmError *err) SLM_MUST_CHECK;

#endif
