/*
 * spm.c - SentencePiece's byte-pair encoding, as Llama 2, Mistral, Phi-3 and Gemma have it
 *
 * Spaces become U+2581, and one more stands before the text unless the vocabulary
 * says otherwise.  User-defined tokens are cut out; what lies between starts as
 * one token a character, and neighbours whose spellings together are a piece are
 * merged by that piece's score, the greatest first (merge.c).  A character
 * without a token becomes tokens of its bytes, or the unknown token.
 *
 * A GGUF has scores and no merges, so the merges are made here: every way to cut a
 * piece into two pieces is one.  Pieces hold U+2581 at their start only, but for
 * runs of it, so that words can be merged one by one; where a vocabulary has a
 * piece that goes on into another word, all text is one word.
 *
 * As in bpe.c, a trie of the words that their own merges make one token spares
 * the merging of most words.  It holds every character that is a token.
 */
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/added.h"
#include "tokenizer/algorithms.h"
#include "tokenizer/merge.h"

#define POLL_PIECES 4096
#define POLL_BYTES (SLM_POLL_BYTES / 4)

static const char *const known_pre[] = {"default", NULL};

/* A special token that old files leave out: where SentencePiece puts it, if it is one there. */
static int32_t
default_id(const SlmVocab *vocab, int32_t id)
{
	return id < vocab->n && vocab->type[id] == SLM_TOKEN_CONTROL ? id : -1;
}

static SlmStatus
read_specials(SlmBuild *build, SlmError *err)
{
	const SlmGguf *gguf = build->gguf;
	SlmVocab *vocab = &build->vocab;
	SlmBlobHeader *header = &build->header;

	header->bos = default_id(vocab, 1);
	header->eos = default_id(vocab, 2);
	header->unk = slm_vocab_of_type(vocab, SLM_TOKEN_UNKNOWN);
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.bos_token_id", &header->bos, err));
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.eos_token_id", &header->eos, err));
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.seperator_token_id", &header->sep, err));
	header->add_bos = header->bos >= 0;
	return slm_vocab_specials(gguf, vocab, header, err);
}

/* What text may be normalized by is in no file that this was made for; other files are refused. */
static SlmStatus
read_normalizer(SlmBuild *build, SlmError *err)
{
	static const char charsmap_key[] = "tokenizer.ggml.precompiled_charsmap";
	static const char spaces_key[] = "tokenizer.ggml.remove_extra_whitespaces";
	const SlmGgufKey *charsmap = slm_gguf_find(build->gguf, charsmap_key);
	bool removes = false, prefix = true;

	SLM_TRY(slm_gguf_get_bool(build->gguf, spaces_key, &(bool){false}, &removes, err));
	if (removes)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "%s is not supported with byte-pair encoding",
						spaces_key);
	if (charsmap != NULL && (charsmap->type != SLM_GGUF_ARRAY || charsmap->count > 0))
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "%s is not supported with byte-pair encoding",
						charsmap_key);
	SLM_TRY(slm_gguf_get_bool(build->gguf, "tokenizer.ggml.add_space_prefix", &(bool){false},
							  &prefix, err));
	build->header.flags = prefix ? 0 : SLM_BLOB_NO_PREFIX;
	return SLM_OK;
}

/* Whatever a text has becomes a token. */
static SlmStatus
read_byte_tokens(SlmBuild *build, SlmError *err)
{
	int32_t *byte_token;
	int n;

	SLM_TRY(slm_vocab_byte_tokens(&build->vocab, build->arena, &byte_token, &n, err));
	for (uint32_t byte = 0; byte < 256 && build->header.unk < 0; byte++)
	{
		if (slm_utf8_has_byte(byte) && byte_token[byte] < 0)
			return slm_fail(err, SLM_ERR_CORRUPT,
							"tokenizer.ggml.tokens has no token for byte 0x%02x and no unknown "
							"token",
							byte);
	}
	build->header.flags |= n > 0 ? SLM_BLOB_BYTE_FALLBACK : 0;
	build->part[SLM_SECTION_BYTE_TOKENS] = (SlmBlobPart){byte_token, 256 * sizeof(*byte_token)};
	return SLM_OK;
}

/* The pieces by their bytes, and by their bytes backwards; does one go on into another word? */
static SlmStatus
index_pieces(SlmBuild *build, SlmTrie *pieces, SlmTrie *backwards, bool *words, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	SlmTrieBuilder forward, backward;
	uint8_t *reversed;

	SLM_TRY(slm_trie_builder_init(&forward, vocab->all_bytes, build->arena, err));
	SLM_TRY(slm_trie_builder_init(&backward, vocab->all_bytes, build->arena, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, SLM_MAX_TOKEN_BYTES, &reversed, err));
	*words = true;
	for (int32_t i = 0; i < vocab->n; i++)
	{
		const char *text = vocab->token[i].data;
		size_t n = vocab->token[i].size;
		bool inside = false; /* of a word, behind a character that is no word start */

		if (i % POLL_PIECES == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (!slm_vocab_is_ordinary(vocab, i))
			continue;
		for (size_t at = 0; at < n; at++)
			reversed[n - 1 - at] = (uint8_t) text[at];
		for (size_t at = 0; at < n && *words;)
		{
			bool start = n - at >= SLM_WORD_START_BYTES &&
						 memcmp(text + at, SLM_WORD_START, SLM_WORD_START_BYTES) == 0;

			*words = !(start && inside);
			inside |= !start;
			at += start ? SLM_WORD_START_BYTES : 1;
		}
		SLM_TRY(slm_trie_builder_add(&forward, -1, text, n, i, err));
		SLM_TRY(slm_trie_builder_add(&backward, -1, reversed, n, i, err));
	}
	SLM_TRY(slm_trie_builder_finish(&forward, build->host, build->arena, pieces, err));
	return slm_trie_builder_finish(&backward, build->host, build->arena, backwards, err);
}

/* Scores as ranks: the greater a score, the smaller its rank; equal ones stay equal. */
static uint32_t
rank_of_score(float score)
{
	uint32_t bits;

	score += 0.0f; /* one zero */
	memcpy(&bits, &score, sizeof(bits));
	/* numbers of a sign are ordered as their bits are; none is SLM_NO_RANK, which is a NaN's */
	return (bits & 0x80000000u) != 0 ? bits : 0x7fffffffu - bits;
}

/* Scratch of one piece: the pieces that start and end it, by where they do. */
typedef struct Cuts
{
	int32_t *left;  /* [SLM_MAX_TOKEN_BYTES + 1] */
	int32_t *right; /* [SLM_MAX_TOKEN_BYTES + 1] */
} Cuts;

static void
find_cuts(const SlmTrie *pieces, const SlmTrie *backwards, SlmText text, Cuts *cuts)
{
	uint32_t node = SLM_TRIE_ROOT;
	bool ended = false;

	for (size_t at = 1; at < text.size; at++)
	{
		cuts->left[at] = -1;
		if (ended)
			continue;
		node = slm_trie_step(pieces, node, (uint8_t) text.data[at - 1]);
		ended = node == SLM_TRIE_NONE;
		cuts->left[at] = ended ? -1 : slm_trie_value(pieces, node);
	}
	node = SLM_TRIE_ROOT;
	ended = false;
	for (size_t at = text.size - 1; at > 0; at--)
	{
		cuts->right[at] = -1;
		if (ended)
			continue;
		node = slm_trie_step(backwards, node, (uint8_t) text.data[at]);
		ended = node == SLM_TRIE_NONE;
		cuts->right[at] = ended ? -1 : slm_trie_value(backwards, node);
	}
}

/* Makes the merges of all pieces; only counts them where merge is NULL. */
static SlmStatus
make_merges(SlmBuild *build, const SlmTrie *pieces, const SlmTrie *backwards, Cuts *cuts,
			SlmMerge *merge, uint64_t *n, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	uint64_t work = 0;

	*n = 0;
	for (int32_t i = 0; i < vocab->n; i++)
	{
		SlmText text = vocab->token[i];

		work += text.size;
		if (work >= SLM_POLL_BYTES)
		{
			SLM_TRY(slm_poll(build->host, err));
			work = 0;
		}
		/* of equal spellings the lowest id is the piece */
		if (!slm_vocab_is_ordinary(vocab, i) || slm_trie_find(pieces, text.data, text.size) != i)
			continue;
		find_cuts(pieces, backwards, text, cuts);
		for (size_t at = 1; at < text.size; at++)
		{
			if (cuts->left[at] < 0 || cuts->right[at] < 0)
				continue;
			if (merge != NULL)
				merge[*n] =
					(SlmMerge){cuts->left[at], cuts->right[at], rank_of_score(vocab->score[i]), i};
			(*n)++;
		}
	}
	return SLM_OK;
}

static SlmStatus
build_merges(SlmBuild *build, const SlmTrie *pieces, const SlmTrie *backwards, SlmMerges *out,
			 SlmError *err)
{
	SlmMerge *merge;
	uint64_t n;
	Cuts cuts;

	SLM_TRY(SLM_NEW_ARRAY(build->arena, SLM_MAX_TOKEN_BYTES + 1, &cuts.left, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, SLM_MAX_TOKEN_BYTES + 1, &cuts.right, err));
	SLM_TRY(make_merges(build, pieces, backwards, &cuts, NULL, &n, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, (size_t) n, &merge, err));
	SLM_TRY(make_merges(build, pieces, backwards, &cuts, merge, &n, err));
	SLM_TRY(slm_merges_build(merge, n, build->host, build->arena, out, err));
	build->part[SLM_SECTION_MERGES] = (SlmBlobPart){out->slot, out->n * sizeof(*out->slot)};
	return SLM_OK;
}

/* The trie of words that are one token: the pieces that their own characters merge to. */
static SlmStatus
build_whole_words(SlmBuild *build, SlmMerger *merger, const SlmTrie *pieces, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	SlmTrieBuilder builder;
	SlmTrie trie;

	SLM_TRY(slm_trie_builder_init(&builder, vocab->all_bytes, build->arena, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		SlmText text = vocab->token[i];
		const uint8_t *byte = (const uint8_t *) text.data;
		uint32_t n = 0;

		if (i % POLL_PIECES == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (!slm_vocab_is_ordinary(vocab, i))
			continue;
		SLM_TRY(slm_merger_reserve(merger, (uint32_t) text.size, err));
		for (size_t at = 0; at < text.size;)
		{
			uint32_t cp;
			int length = slm_utf8_decode(byte + at, text.size - at, &cp);
			int32_t id = slm_trie_find(pieces, byte + at, (size_t) length);

			if (id < 0)
				break;
			merger->symbol[n++] = (SlmSymbol){.id = id, .end = (uint32_t) at + (uint32_t) length};
			at += (size_t) length;
		}
		if (n == 0 || merger->symbol[n - 1].end < text.size)
			continue;
		SLM_TRY(slm_merger_run(merger, n, err));
		if (merger->symbol[0].next == SLM_NO_SYMBOL && merger->symbol[0].id == i)
			SLM_TRY(slm_trie_builder_add(&builder, -1, text.data, text.size, i, err));
	}
	SLM_TRY(slm_trie_builder_finish(&builder, build->host, build->arena, &trie, err));
	build->part[SLM_SECTION_TRIE] =
		(SlmBlobPart){trie.unit, (uint64_t) trie.n * sizeof(*trie.unit)};
	return SLM_OK;
}

SlmStatus
slm_spm_build(SlmBuild *build, SlmError *err)
{
	SlmMerger merger = {.arena = build->arena, .host = build->host, .n_vocab = build->vocab.n};
	SlmTrie pieces, backwards;
	bool words;

	SLM_TRY(slm_vocab_check_pre(build->gguf, known_pre, NULL, err));
	SLM_TRY(read_normalizer(build, err));
	SLM_TRY(read_specials(build, err));
	SLM_TRY(slm_vocab_least_score(&build->vocab, &build->header.unk_score, err));
	SLM_TRY(read_byte_tokens(build, err));
	SLM_TRY(slm_added_build(build, true, err));
	SLM_TRY(index_pieces(build, &pieces, &backwards, &words, err));
	if (slm_trie_find(&pieces, SLM_WORD_START, SLM_WORD_START_BYTES) < 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tokenizer.ggml.tokens has no ordinary token for a space, U+2581");
	build->header.flags |= words ? SLM_BLOB_WORDS : 0;
	SLM_TRY(build_merges(build, &pieces, &backwards, &merger.merges, err));
	return build_whole_words(build, &merger, &pieces, err);
}

typedef struct Spm
{
	SlmRun *run;
	SlmTrie words;
	SlmAdded added;
	SlmMerger merger;
	const int32_t *byte_token; /* [256] */
	int32_t space;             /* the token of U+2581 */
	bool after_unknown;        /* the last token is the unknown one, and goes on */
} Spm;

/* A word: what lies between two places where no merge can be. */
typedef struct Word
{
	bool prefix; /* a U+2581 that is not in the text stands before it */
	uint32_t at, end;
	int32_t whole; /* the token that it is, -1: it has to be merged */
} Word;

/* The bytes of the character at at, as the vocabulary spells it, and its length in the text. */
static const uint8_t *
char_at(const Spm *spm, uint32_t at, uint32_t *n, uint32_t *length)
{
	const uint8_t *text = spm->run->text + at;
	uint32_t cp;
	int decoded;

	if (*text < 0x80)
	{
		*length = 1;
		*n = *text == ' ' ? SLM_WORD_START_BYTES : 1;
		return *text == ' ' ? (const uint8_t *) SLM_WORD_START : text;
	}
	decoded = slm_utf8_decode(text, spm->run->n - at, &cp);
	*length = *n = decoded > 0 ? (uint32_t) decoded : 1;
	return text;
}

static bool
is_word_start(const uint8_t *byte, uint32_t n)
{
	return n == SLM_WORD_START_BYTES && memcmp(byte, SLM_WORD_START, SLM_WORD_START_BYTES) == 0;
}

/* Finds the word that starts at word->at; *added is the user-defined token behind it, -1 if none. */
static SlmStatus
find_word(Spm *spm, Word *word, int32_t *added, uint32_t *added_end)
{
	const SlmRun *run = spm->run;
	bool cuts = (run->header->flags & SLM_BLOB_WORDS) != 0;
	uint32_t node = SLM_TRIE_ROOT, work = 0;
	uint32_t n, length;
	bool inside = false, alive = true;
	const uint8_t *byte;

	*added = -1;
	for (n = 0; word->prefix && alive && n < SLM_WORD_START_BYTES; n++)
	{
		node = slm_trie_step(&spm->words, node, (uint8_t) SLM_WORD_START[n]);
		alive = node != SLM_TRIE_NONE;
	}
	for (word->end = word->at; word->end < run->n; word->end += length)
	{
		bool start;

		*added = slm_added_find(&spm->added, run->text, run->n, word->end, false, added_end);
		if (*added >= 0)
			break;
		byte = char_at(spm, word->end, &n, &length);
		start = is_word_start(byte, n);
		if (cuts && start && inside)
			break;
		inside |= !start;
		for (uint32_t i = 0; alive && i < n; i++)
		{
			node = slm_trie_step(&spm->words, node, byte[i]);
			alive = node != SLM_TRIE_NONE;
		}
		/* a search may go over as many bytes as the longest spelling has */
		work += spm->added.trie.n > 0 ? SLM_MAX_ADDED_BYTES : length;
		if (work >= POLL_BYTES)
		{
			SLM_TRY(slm_poll(run->host, run->err));
			work = 0;
		}
	}
	word->whole = alive && node != SLM_TRIE_ROOT ? slm_trie_value(&spm->words, node) : -1;
	if (word->whole >= run->header->n_vocab)
		word->whole = -1;
	return SLM_OK;
}

/* Puts a token; neighbours that are unknown are one. */
static SlmStatus
put(Spm *spm, int32_t id, uint32_t start, uint32_t end)
{
	SlmRun *run = spm->run;
	bool unknown = id == run->header->unk;

	if (unknown && spm->after_unknown)
	{
		run->sink.tokens.end[run->sink.tokens.n - 1] = end;
		return SLM_OK;
	}
	spm->after_unknown = unknown;
	return slm_sink_put(&run->sink, id, start, end, run->err);
}

/* Does every byte of a character have a token? */
static bool
has_bytes(const Spm *spm, const uint8_t *byte, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
	{
		int32_t id = slm_read_i32(&spm->byte_token[byte[i]]);

		if (id < 0 || id >= spm->run->header->n_vocab)
			return false;
	}
	return true;
}

/* The symbols of a character, from symbol at on; returns how many. */
static uint32_t
put_symbols(Spm *spm, uint32_t at, uint32_t place, uint32_t *length)
{
	const SlmBlobHeader *header = spm->run->header;
	SlmSymbol *symbol = spm->merger.symbol + at;
	uint32_t n;
	const uint8_t *byte = char_at(spm, place, &n, length);
	int32_t id = slm_trie_find(&spm->words, byte, n);

	if (id >= 0 && id < header->n_vocab)
	{
		*symbol = (SlmSymbol){.id = id, .end = place + *length};
		return 1;
	}
	/* a space has its token, so these are the character's bytes in the text */
	if (n != *length || (header->flags & SLM_BLOB_BYTE_FALLBACK) == 0 || !has_bytes(spm, byte, n))
	{
		*symbol = (SlmSymbol){.id = header->unk >= 0 ? header->unk : 0, .end = place + *length};
		return 1;
	}
	for (uint32_t i = 0; i < n; i++)
	{
		id = slm_read_i32(&spm->byte_token[byte[i]]);
		symbol[i] = (SlmSymbol){.id = id < header->n_vocab ? id : 0, .end = place + i + 1};
	}
	return n;
}

/* Cuts a word into characters, merges them and puts what they become. */
static SlmStatus
put_merged(Spm *spm, const Word *word)
{
	SlmRun *run = spm->run;
	SlmMerger *merger = &spm->merger;
	uint32_t n = 0, length, start = word->at;

	/* at most a symbol a byte */
	SLM_TRY(slm_merger_reserve(merger, word->end - word->at + word->prefix, run->err));
	if (word->prefix)
		merger->symbol[n++] = (SlmSymbol){.id = spm->space, .end = word->at};
	for (uint32_t at = word->at; at < word->end; at += length)
	{
		if (n % POLL_BYTES == POLL_BYTES - 1)
			SLM_TRY(slm_poll(run->host, run->err));
		n += put_symbols(spm, n, at, &length);
	}
	SLM_TRY(slm_merger_run(merger, n, run->err));
	for (uint32_t i = 0; i != SLM_NO_SYMBOL; i = merger->symbol[i].next)
	{
		SLM_TRY(put(spm, merger->symbol[i].id, start, merger->symbol[i].end));
		start = merger->symbol[i].end;
	}
	return SLM_OK;
}

static SlmStatus
put_word(Spm *spm, const Word *word)
{
	if (word->at == word->end && !word->prefix)
		return SLM_OK;
	if (word->whole >= 0)
		return put(spm, word->whole, word->at, word->end);
	return put_merged(spm, word);
}

SlmStatus
slm_spm_run(SlmRun *run)
{
	const SlmBlobHeader *header = run->header;
	Spm spm = {
		.run = run,
		.words = slm_blob_trie(run->blob, header, SLM_SECTION_TRIE),
		.added = slm_added_open(run->blob, header, true),
		.merger = {.arena = run->arena, .host = run->host, .n_vocab = header->n_vocab},
	};
	Word word = {.prefix = !run->goes_on && (header->flags & SLM_BLOB_NO_PREFIX) == 0};
	uint32_t next_poll = POLL_BYTES;
	uint64_t n_byte_tokens;

	spm.merger.merges.slot = slm_blob_section(run->blob, header, SLM_SECTION_MERGES,
											  sizeof(SlmMerge), &spm.merger.merges.n);
	spm.byte_token = slm_blob_section(run->blob, header, SLM_SECTION_BYTE_TOKENS, sizeof(int32_t),
									  &n_byte_tokens);
	spm.space = slm_trie_find(&spm.words, SLM_WORD_START, SLM_WORD_START_BYTES);
	if (n_byte_tokens < 256 || spm.merger.merges.n == 0 ||
		(spm.merger.merges.n & (spm.merger.merges.n - 1)) != 0 || spm.space < 0 ||
		spm.space >= header->n_vocab)
		return slm_fail(run->err, SLM_ERR_CORRUPT, "tokenizer section has no index or merges");
	while (word.at < run->n)
	{
		int32_t added;
		uint32_t added_end = 0;

		/* one that takes the space before the text */
		added = word.prefix
					? slm_added_find(&spm.added, run->text, run->n, word.at, true, &added_end)
					: -1;
		if (added < 0)
		{
			SLM_TRY(find_word(&spm, &word, &added, &added_end));
			SLM_TRY(put_word(&spm, &word));
			word.at = word.end;
		}
		if (added >= 0)
		{
			SLM_TRY(put(&spm, added, word.at, added_end));
			word.at = added_end;
		}
		word.prefix = false;
		if (word.at >= next_poll)
		{
			SLM_TRY(slm_poll(run->host, run->err));
			next_poll = word.at + POLL_BYTES;
		}
	}
	return SLM_OK;
}

uint32_t
slm_spm_bytes(SlmText spelling, SlmTokenType type, uint8_t *out)
{
	const uint8_t *text = (const uint8_t *) spelling.data;
	uint32_t n = 0;

	if (type == SLM_TOKEN_BYTE)
	{
		int byte = slm_vocab_byte_of(spelling);

		out[0] = (uint8_t) byte;
		return byte >= 0;
	}
	for (size_t at = 0; at < spelling.size;)
	{
		if (is_word_start(text + at,
						  spelling.size - at < SLM_WORD_START_BYTES ? 0 : SLM_WORD_START_BYTES))
		{
			out[n++] = ' ';
			at += SLM_WORD_START_BYTES;
		}
		else
			out[n++] = text[at++];
	}
	return n;
}
