/*
 * wordpiece.c - BERT's tokenizer: normalize, split into words, longest match
 *
 * Equal to Hugging Face's BertNormalizer, BertPreTokenizer and WordPiece:
 * control characters go, white space and ideographs separate, accents are
 * stripped after canonical decomposition, letters are lowered, punctuation
 * marks are words of their own; then each word of at most MAX_WORD_CHARS is cut
 * greedily into the longest pieces of the vocabulary, and is one unknown token
 * when that fails or when it is longer.
 *
 * The index is one trie: pieces that start a word lie at the root, pieces that
 * continue one below the byte CONTINUES, which no UTF-8 text contains.  Two
 * spellings of a vocabulary exist: Google's ("##ing" continues) and that of
 * llama.cpp's converter (U+2581 starts a word, no prefix continues).
 *
 * Most words are ASCII and need no buffer of positions: byte i of the word is
 * byte i of the text.  Anything else takes the careful path, a character at a
 * time, through Word.
 */
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/algorithms.h"
#include "tokenizer/unicode.h"

#define MAX_WORD_CHARS 100 /* WordPiece's max_input_chars_per_word in every BERT */
#define CONTINUES 0xff
#define POLL_PIECES 4096

static const char *const known_pre[] = {
	"default", "bert-bge", "bert-bge-large", "jina-v2-en", "jina-v2-de", NULL,
};

static bool
starts_with(SlmText token, const char *prefix)
{
	size_t n = strlen(prefix);

	return token.size > n && memcmp(token.data, prefix, n) == 0;
}

/*
 * Which spelling: the marks are counted over ordinary tokens, because each of
 * them may also be an ordinary token of the other spelling.
 */
static SlmStatus
find_spelling(const SlmVocab *vocab, bool *google, SlmError *err)
{
	int32_t n_google = 0, n_llama = 0;

	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (!slm_vocab_is_ordinary(vocab, i))
			continue;
		n_google += starts_with(vocab->token[i], "##");
		n_llama += starts_with(vocab->token[i], SLM_WORD_START);
	}
	if (n_google == 0 && n_llama == 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tokenizer.ggml.tokens marks neither word starts (U+2581) nor "
						"continuations (##)");
	*google = n_google > n_llama;
	return SLM_OK;
}

/* A vocabulary is cased when an ordinary token has an ASCII upper-case letter. */
static bool
is_cased(const SlmVocab *vocab)
{
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (!slm_vocab_is_ordinary(vocab, i) || slm_vocab_looks_special(vocab->token[i]))
			continue;
		for (size_t j = 0; j < vocab->token[i].size; j++)
		{
			if (vocab->token[i].data[j] >= 'A' && vocab->token[i].data[j] <= 'Z')
				return true;
		}
	}
	return false;
}

static SlmStatus
read_normalizer(SlmBuild *build, SlmError *err)
{
	bool lowercase = !is_cased(&build->vocab);
	bool strip_accents;
	bool found;

	SLM_TRY(slm_gguf_get_bool(build->gguf, "tokenizer.ggml.normalizer.lowercase", &found,
							  &lowercase, err));
	strip_accents = lowercase;
	SLM_TRY(slm_gguf_get_bool(build->gguf, "tokenizer.ggml.normalizer.strip_accents", &found,
							  &strip_accents, err));
	build->header.flags =
		(lowercase ? SLM_BLOB_LOWERCASE : 0) | (strip_accents ? SLM_BLOB_STRIP_ACCENTS : 0);
	return SLM_OK;
}

static SlmStatus
read_specials(SlmBuild *build, SlmError *err)
{
	const SlmGguf *gguf = build->gguf;
	SlmVocab *vocab = &build->vocab;
	SlmBlobHeader *header = &build->header;

	/* BERT calls its first token CLS and its last one SEP; newer files call them bos and eos too */
	header->bos = slm_vocab_find(vocab, "[CLS]");
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.bos_token_id", &header->bos, err));
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.cls_token_id", &header->bos, err));
	header->sep = slm_vocab_find(vocab, "[SEP]");
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.eos_token_id", &header->sep, err));
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.seperator_token_id", &header->sep, err));
	header->eos = header->sep;
	header->pad = slm_vocab_find(vocab, "[PAD]");
	header->unk = slm_vocab_find(vocab, "[UNK]");
	header->mask = slm_vocab_find(vocab, "[MASK]");
	header->add_bos = 1;
	header->add_eos = 1;
	SLM_TRY(slm_vocab_specials(gguf, vocab, header, err));
	if (header->unk < 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tokenizer.ggml.unknown_token_id is missing and no token is [UNK]");
	return SLM_OK;
}

SlmStatus
slm_wordpiece_build(SlmBuild *build, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	SlmTrieBuilder builder;
	SlmTrie trie;
	bool google = true;

	SLM_TRY(slm_vocab_check_pre(build->gguf, known_pre, NULL, err));
	SLM_TRY(slm_vocab_refuse_added(vocab, err));
	SLM_TRY(read_specials(build, err));
	SLM_TRY(read_normalizer(build, err));
	SLM_TRY(find_spelling(vocab, &google, err));
	SLM_TRY(
		slm_trie_builder_init(&builder, vocab->all_bytes + (uint64_t) vocab->n, build->arena, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		const char *mark = google ? "##" : SLM_WORD_START;
		SlmText token = vocab->token[i];
		bool marked = starts_with(token, mark);
		bool continues = marked == google;

		if (i % POLL_PIECES == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (!slm_vocab_is_ordinary(vocab, i))
			continue;
		if (marked)
			token = (SlmText){token.data + strlen(mark), token.size - strlen(mark)};
		SLM_TRY(slm_trie_builder_add(&builder, continues ? CONTINUES : -1, token.data, token.size,
									 i, err));
	}
	SLM_TRY(slm_trie_builder_finish(&builder, build->host, build->arena, &trie, err));
	build->part[SLM_SECTION_TRIE] =
		(SlmBlobPart){trie.unit, (uint64_t) trie.n * sizeof(*trie.unit)};
	return SLM_OK;
}

/* The word being read on the careful path. */
typedef struct Word
{
	int n;          /* characters, at most MAX_WORD_CHARS */
	int run;        /* where the current run of combining characters starts */
	bool is_long;   /* there were more */
	uint32_t start; /* first source byte */
	uint32_t end;   /* one past the last */
	uint32_t cp[MAX_WORD_CHARS];
	uint32_t cp_start[MAX_WORD_CHARS];
	uint32_t cp_end[MAX_WORD_CHARS];
	uint8_t combining[MAX_WORD_CHARS];
} Word;

typedef struct Pieces
{
	SlmRun *run;
	SlmTrie trie;
	uint32_t continues; /* the node below CONTINUES, or SLM_TRIE_NONE */
	bool lowercase;
	bool strip_accents;
} Pieces;

/*
 * Cuts a normalized word into pieces.  Source bytes of byte i of the word are
 * [start[i], end[i]), or [at + i, at + i + 1) when start is NULL.
 */
static SlmStatus
cut_word(const Pieces *pieces, const uint8_t *word, uint32_t n, uint32_t at, const uint32_t *start,
		 const uint32_t *end)
{
	SlmTokenSink *sink = &pieces->run->sink;
	int32_t n_before = sink->tokens.n;
	int32_t n_vocab = pieces->run->header->n_vocab;
	uint32_t root = SLM_TRIE_ROOT;
	uint32_t from = 0;

	while (from < n)
	{
		int32_t best = -1;
		uint32_t best_end = from;
		uint32_t node = root;

		for (uint32_t i = from; i < n; i++)
		{
			int32_t value;

			node = slm_trie_step(&pieces->trie, node, word[i]);
			if (node == SLM_TRIE_NONE)
				break;
			value = slm_trie_value(&pieces->trie, node);
			if (value >= 0 && value < n_vocab)
			{
				best = value;
				best_end = i + 1;
			}
		}
		if (best < 0 || (best_end < n && pieces->continues == SLM_TRIE_NONE))
		{
			sink->tokens.n = n_before;
			return slm_sink_put(sink, pieces->run->header->unk, start != NULL ? start[0] : at,
								start != NULL ? end[n - 1] : at + n, pieces->run->err);
		}
		SLM_TRY(slm_sink_put(sink, best, start != NULL ? start[from] : at + from,
							 start != NULL ? end[best_end - 1] : at + best_end, pieces->run->err));
		root = pieces->continues;
		from = best_end;
	}
	return SLM_OK;
}

/* Ends the word: cuts it and makes room for the next. */
static SlmStatus
end_word(const Pieces *pieces, Word *word)
{
	uint8_t bytes[MAX_WORD_CHARS * 4];
	uint32_t start[MAX_WORD_CHARS * 4];
	uint32_t end[MAX_WORD_CHARS * 4];
	uint32_t n = 0, furthest = 0;

	if (word->n == 0)
		return SLM_OK;
	if (word->is_long)
	{
		word->n = 0;
		word->is_long = false;
		return slm_sink_put(&pieces->run->sink, pieces->run->header->unk, word->start, word->end,
							pieces->run->err);
	}
	for (int i = 0; i < word->n; i++)
	{
		int length = slm_utf8_encode(word->cp[i], bytes + n);

		/* where characters changed places, a piece reaches as far as any before its end */
		if (furthest < word->cp_end[i])
			furthest = word->cp_end[i];
		for (int j = 0; j < length; j++)
		{
			start[n] = word->cp_start[i];
			end[n] = furthest;
			n++;
		}
	}
	word->n = 0;
	return cut_word(pieces, bytes, n, 0, start, end);
}

/*
 * Adds a character to the word.  Combining characters are kept in canonical
 * order: a stable insertion by class into the run since the last starter.
 */
static void
add_char(Word *word, uint32_t cp, uint32_t combining, uint32_t start, uint32_t end)
{
	int at = word->n;

	if (word->n == 0)
	{
		word->start = start;
		word->run = 0;
	}
	word->end = end;
	if (word->n == MAX_WORD_CHARS)
	{
		word->is_long = true;
		return;
	}
	if (combining == 0)
		word->run = at + 1;
	else
	{
		for (; at > word->run && word->combining[at - 1] > combining; at--)
		{
			word->cp[at] = word->cp[at - 1];
			word->cp_start[at] = word->cp_start[at - 1];
			word->cp_end[at] = word->cp_end[at - 1];
			word->combining[at] = word->combining[at - 1];
		}
	}
	word->cp[at] = cp;
	word->cp_start[at] = start;
	word->cp_end[at] = end;
	word->combining[at] = (uint8_t) combining;
	word->n++;
}

/* Leaves a mark out: it belongs to the character before it, and a starter ends the run. */
static void
drop_mark(Word *word, uint32_t combining, uint32_t end)
{
	if (word->n == 0)
		return;
	word->end = end;
	if (!word->is_long)
		word->cp_end[word->n - 1] = end;
	if (combining == 0)
		word->run = word->n;
}

/* Normalizes one character of the text and adds what comes of it. */
static SlmStatus
take_char(const Pieces *pieces, Word *word, uint32_t cp, SlmUnicode unicode, uint32_t start,
		  uint32_t end)
{
	uint32_t part[SLM_UNICODE_MAX_PARTS];
	int n_part = 1;

	part[0] = cp;
	if (unicode.flags & SLM_UNICODE_CJK)
		SLM_TRY(end_word(pieces, word));
	if (pieces->strip_accents)
		n_part = slm_unicode_decompose(cp, unicode.flags, part);
	for (int i = 0; i < n_part; i++)
	{
		SlmUnicode of_part = part[i] == cp ? unicode : slm_unicode(part[i]);
		uint32_t combining = pieces->strip_accents ? of_part.combining : 0;
		uint32_t lower[2] = {part[i], 0};
		int n_lower = 1;

		if (pieces->strip_accents && (of_part.flags & SLM_UNICODE_MARK))
		{
			drop_mark(word, combining, end);
			continue;
		}
		if (pieces->lowercase)
			n_lower = slm_unicode_lower(part[i], of_part.flags, lower);
		for (int j = 0; j < n_lower; j++)
		{
			bool alone = (slm_unicode(lower[j]).flags & SLM_UNICODE_PUNCT) != 0;

			if (alone)
				SLM_TRY(end_word(pieces, word));
			add_char(word, lower[j], combining, start, end);
			if (alone)
				SLM_TRY(end_word(pieces, word));
		}
	}
	if (unicode.flags & SLM_UNICODE_CJK)
		SLM_TRY(end_word(pieces, word));
	return SLM_OK;
}

/*
 * Reads on, a character at a time, until a space or the end of the text; *at
 * moves behind what was read.
 */
static SlmStatus
read_carefully(const Pieces *pieces, Word *word, uint32_t *at)
{
	const SlmRun *run = pieces->run;
	uint32_t next_poll = *at + SLM_POLL_BYTES / 4;

	while (*at < run->n)
	{
		uint32_t cp;
		uint32_t start = *at;
		uint32_t end = start + (uint32_t) slm_utf8_decode(run->text + start, run->n - start, &cp);
		SlmUnicode unicode = slm_unicode(cp);

		if (end == start)
			return slm_fail(run->err, SLM_ERR_INTERNAL, "text changed while it was tokenized");
		*at = end;
		if (start >= next_poll)
		{
			SLM_TRY(slm_poll(run->host, run->err));
			next_poll = start + SLM_POLL_BYTES / 4;
		}
		if (unicode.flags & SLM_UNICODE_SPACE)
			break;
		if (!(unicode.flags & SLM_UNICODE_DROP))
			SLM_TRY(take_char(pieces, word, cp, unicode, start, end));
	}
	return end_word(pieces, word);
}

SlmStatus
slm_wordpiece_run(SlmRun *run)
{
	Pieces pieces = {
		.run = run,
		.trie = slm_blob_trie(run->blob, run->header, SLM_SECTION_TRIE),
		.lowercase = (run->header->flags & SLM_BLOB_LOWERCASE) != 0,
		.strip_accents = (run->header->flags & SLM_BLOB_STRIP_ACCENTS) != 0,
	};
	const uint8_t *text = run->text;
	uint32_t n = run->n;
	uint32_t at = 0;
	uint32_t next_poll = SLM_POLL_BYTES;
	Word word;

	if (pieces.trie.n == 0 || run->header->unk < 0)
		return slm_fail(run->err, SLM_ERR_CORRUPT, "tokenizer section has no index");
	pieces.continues = slm_trie_step(&pieces.trie, SLM_TRIE_ROOT, CONTINUES);
	word.n = 0;
	word.is_long = false;
	while (at < n)
	{
		uint8_t bytes[MAX_WORD_CHARS];
		uint32_t length = 0;

		if (at >= next_poll)
		{
			SLM_TRY(slm_poll(run->host, run->err));
			next_poll = at + SLM_POLL_BYTES;
		}
		if (text[at] < 0x80)
		{
			uint8_t role = slm_unicode_ascii_role[text[at]];

			if (role == SLM_ASCII_SPACE || role == SLM_ASCII_DROP)
			{
				at++;
				continue;
			}
			if (role == SLM_ASCII_PUNCT)
			{
				SLM_TRY(cut_word(&pieces, text + at, 1, at, NULL, NULL));
				at++;
				continue;
			}
		}
		while (length < MAX_WORD_CHARS && at + length < n && text[at + length] < 0x80 &&
			   slm_unicode_ascii_role[text[at + length]] == SLM_ASCII_WORD)
		{
			uint8_t c = text[at + length];

			if (pieces.lowercase && c >= 'A' && c <= 'Z')
				c = (uint8_t) (c + ('a' - 'A'));
			bytes[length++] = c;
		}
		if (length > 0 &&
			(at + length == n || (text[at + length] < 0x80 &&
								  (slm_unicode_ascii_role[text[at + length]] == SLM_ASCII_SPACE ||
								   slm_unicode_ascii_role[text[at + length]] == SLM_ASCII_PUNCT))))
		{
			SLM_TRY(cut_word(&pieces, bytes, length, at, NULL, NULL));
			at += length;
		}
		else
			SLM_TRY(read_carefully(&pieces, &word, &at));
	}
	return SLM_OK;
}
