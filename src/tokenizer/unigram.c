/*
 * unigram.c - SentencePiece's unigram model, as XLM-RoBERTa and T5 have it
 *
 * User-defined tokens are cut out first.  The rest is equal to Hugging Face's
 * Precompiled normalizer, WhitespaceSplit, Metaspace and Unigram; of ALBERT, also to what it does before (fold.h).  Grapheme clusters and characters are replaced by the model's
 * character map, white space separates words, U+2581 starts each, and the best
 * of all ways to cut a word (the largest sum of scores) is found by one pass of
 * dynamic programming over its bytes.  A character without a token of its own
 * costs the least score less ten, and neighbours of that kind become one
 * unknown token, or byte tokens where the vocabulary has them.
 *
 * Scores are added in double, in reading order, as the reference does, so that
 * ties fall the same way.
 */
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/added.h"
#include "tokenizer/algorithms.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/fold.h"
#include "tokenizer/grapheme.h"
#include "tokenizer/unicode.h"

#define UNKNOWN_PENALTY 10.0f
#define MAX_MAPPED_CLUSTER 5 /* bytes; longer clusters are mapped character by character */
#define POLL_BYTES 4096      /* of a word, between two polls of its search */
#define POLL_PIECES 4096
#define UNREACHED UINT32_MAX
#define FOLD_BYTES 1024 /* folded before they are tokenized, more where a cluster is longer */

static const char *const known_pre[] = {"default", "t5", "albert", NULL};
#define PRE_ALBERT 2 /* among them */

static SlmStatus
read_specials(SlmBuild *build, SlmError *err)
{
	const SlmGguf *gguf = build->gguf;
	SlmVocab *vocab = &build->vocab;
	SlmBlobHeader *header = &build->header;

	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.cls_token_id", &header->bos, err));
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.bos_token_id", &header->bos, err));
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.eos_token_id", &header->eos, err));
	header->sep = header->eos;
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.seperator_token_id", &header->sep, err));
	header->unk = slm_vocab_of_type(vocab, SLM_TOKEN_UNKNOWN);
	header->add_eos = 1;
	SLM_TRY(slm_vocab_specials(gguf, vocab, header, err));
	if (header->unk < 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tokenizer.ggml.unknown_token_id is missing and no token is of type %d",
						SLM_TOKEN_UNKNOWN);
	return SLM_OK;
}

static SlmStatus
build_trie(SlmBuild *build, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	SlmTrieBuilder builder;
	SlmTrie trie;

	SLM_TRY(slm_trie_builder_init(&builder, vocab->all_bytes, build->arena, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (i % POLL_PIECES == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (slm_vocab_is_ordinary(vocab, i))
			SLM_TRY(slm_trie_builder_add(&builder, -1, vocab->token[i].data, vocab->token[i].size,
										 i, err));
	}
	SLM_TRY(slm_trie_builder_finish(&builder, build->host, build->arena, &trie, err));
	build->part[SLM_SECTION_TRIE] =
		(SlmBlobPart){trie.unit, (uint64_t) trie.n * sizeof(*trie.unit)};
	return SLM_OK;
}

/* Flags of what is done before the character map. */
static SlmStatus
read_folding(const SlmGguf *gguf, uint32_t *flags, SlmError *err)
{
	bool lowercase = true, strip_accents = true, found;
	int pre;

	SLM_TRY(slm_vocab_check_pre(gguf, known_pre, &pre, err));
	if (pre != PRE_ALBERT)
		return SLM_OK;
	SLM_TRY(
		slm_gguf_get_bool(gguf, "tokenizer.ggml.normalizer.lowercase", &found, &lowercase, err));
	SLM_TRY(slm_gguf_get_bool(gguf, "tokenizer.ggml.normalizer.strip_accents", &found,
							  &strip_accents, err));
	*flags |= SLM_BLOB_FOLD | (lowercase ? SLM_BLOB_LOWERCASE : 0) |
			  (strip_accents ? SLM_BLOB_STRIP_ACCENTS : 0);
	return SLM_OK;
}

SlmStatus
slm_unigram_build(SlmBuild *build, SlmError *err)
{
	SlmCharsmap map;
	int32_t *byte_token;
	int n_byte_token;
	bool prefix = true;

	SLM_TRY(slm_gguf_get_bool(build->gguf, "tokenizer.ggml.add_space_prefix", &(bool){false},
							  &prefix, err));
	build->header.flags = prefix ? 0 : SLM_BLOB_NO_PREFIX;
	SLM_TRY(read_folding(build->gguf, &build->header.flags, err));
	SLM_TRY(read_specials(build, err));
	SLM_TRY(slm_vocab_least_score(&build->vocab, &build->header.unk_score, err));
	SLM_TRY(slm_vocab_byte_tokens(&build->vocab, build->arena, &byte_token, &n_byte_token, err));
	build->header.flags |= n_byte_token > 0 ? SLM_BLOB_BYTE_FALLBACK : 0;
	build->part[SLM_SECTION_BYTE_TOKENS] = (SlmBlobPart){byte_token, 256 * sizeof(*byte_token)};
	SLM_TRY(slm_charsmap_read(build->gguf, build->host, build->arena, &map, err));
	build->part[SLM_SECTION_CHARSMAP] = (SlmBlobPart){map.unit, map.n_unit * sizeof(*map.unit)};
	build->part[SLM_SECTION_CHARSMAP_TEXT] = (SlmBlobPart){map.text, map.n_text};
	build->part[SLM_SECTION_SCORES] =
		(SlmBlobPart){build->vocab.score, (uint64_t) build->vocab.n * sizeof(float)};
	SLM_TRY(slm_added_build(build, false, err));
	return build_trie(build, err);
}

/* The piece of text being collected, up to the next word start; then the search over it. */
typedef struct Lattice
{
	uint32_t n;        /* bytes */
	uint32_t capacity; /* of all arrays, one more than n needs */
	uint8_t *byte;
	uint32_t *start; /* source bytes of each byte */
	uint32_t *end;
	double *score;  /* best sum of the cuts that end before each byte */
	uint32_t *from; /* where the last token of that cut starts; UNREACHED if none */
	int32_t *id;    /* and which it is */
} Lattice;

typedef struct Unigram
{
	SlmRun *run;
	SlmTrie trie;
	SlmCharsmap map;
	const float *score; /* [n_vocab] */
	const int32_t *byte_token;
	double unk_score;
	Lattice lattice;
	const SlmFold *fold; /* the text being read was folded; else it is the source */
} Unigram;

/* Where in the source a byte of the text being read starts, and where the one before it ends. */
static uint32_t
source_start(const Unigram *unigram, uint32_t at)
{
	return unigram->fold != NULL ? unigram->fold->start[at] : at;
}

static uint32_t
source_end(const Unigram *unigram, uint32_t at)
{
	return unigram->fold != NULL ? unigram->fold->end[at - 1] : at;
}

static SlmStatus
reserve(Unigram *unigram, uint32_t n)
{
	SlmError *err = unigram->run->err;
	SlmArena *arena = unigram->run->arena;
	Lattice *lattice = &unigram->lattice;
	Lattice old = *lattice;

	if (n < old.capacity)
		return SLM_OK;
	lattice->capacity = old.capacity > 0 ? old.capacity * 2 : 256;
	SLM_TRY(SLM_NEW_ARRAY(arena, lattice->capacity, &lattice->byte, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, lattice->capacity, &lattice->start, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, lattice->capacity, &lattice->end, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, lattice->capacity, &lattice->score, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, lattice->capacity, &lattice->from, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, lattice->capacity, &lattice->id, err));
	if (old.n > 0)
	{
		memcpy(lattice->byte, old.byte, old.n);
		memcpy(lattice->start, old.start, old.n * sizeof(*old.start));
		memcpy(lattice->end, old.end, old.n * sizeof(*old.end));
	}
	return SLM_OK;
}

static SlmStatus
append(Unigram *unigram, uint32_t cp, uint32_t start, uint32_t end)
{
	Lattice *lattice = &unigram->lattice;
	uint8_t bytes[4];
	int length = slm_utf8_encode(cp, bytes);

	SLM_TRY(reserve(unigram, lattice->n + 4));
	for (int i = 0; i < length; i++)
	{
		lattice->byte[lattice->n] = bytes[i];
		lattice->start[lattice->n] = start;
		lattice->end[lattice->n] = end;
		lattice->n++;
	}
	return SLM_OK;
}

/* Offers a token that covers [from, to). */
static inline void
offer(Lattice *lattice, uint32_t from, uint32_t to, int32_t id, double score)
{
	if (lattice->from[to] == UNREACHED || score > lattice->score[to])
	{
		lattice->score[to] = score;
		lattice->from[to] = from;
		lattice->id[to] = id;
	}
}

/* Finds the best cut of the lattice's bytes. */
static SlmStatus
search(Unigram *unigram)
{
	Lattice *lattice = &unigram->lattice;
	const SlmTrie *trie = &unigram->trie;
	int32_t n_vocab = unigram->run->header->n_vocab;
	uint32_t n = lattice->n;
	uint32_t work = 0;

	for (uint32_t i = 0; i <= n; i++)
		lattice->from[i] = UNREACHED;
	lattice->score[0] = 0.0;
	for (uint32_t from = 0; from < n;)
	{
		uint32_t node = SLM_TRIE_ROOT;
		uint32_t cp;
		int length = slm_utf8_decode(lattice->byte + from, n - from, &cp);
		uint32_t next = from + (length > 0 ? (uint32_t) length : 1);
		double before = lattice->score[from];
		bool single = false;

		for (uint32_t to = from; to < n; to++)
		{
			int32_t id;

			node = slm_trie_step(trie, node, lattice->byte[to]);
			if (node == SLM_TRIE_NONE)
				break;
			if (++work % POLL_BYTES == 0)
				SLM_TRY(slm_poll(unigram->run->host, unigram->run->err));
			id = slm_trie_value(trie, node);
			if (id < 0 || id >= n_vocab)
				continue;
			offer(lattice, from, to + 1, id, (double) unigram->score[id] + before);
			single = single || to + 1 == next;
		}
		if (!single)
			offer(lattice, from, next, unigram->run->header->unk, unigram->unk_score + before);
		from = next;
	}
	return SLM_OK;
}

/* Writes the tokens of an unknown stretch of the lattice. */
static SlmStatus
put_unknown(Unigram *unigram, uint32_t from, uint32_t to)
{
	const Lattice *lattice = &unigram->lattice;
	SlmRun *run = unigram->run;
	uint32_t start = lattice->start[from];
	uint32_t end = lattice->end[to - 1];
	bool all = (run->header->flags & SLM_BLOB_BYTE_FALLBACK) != 0;

	for (uint32_t i = from; i < to && all; i++)
	{
		int32_t id = slm_read_i32(&unigram->byte_token[lattice->byte[i]]);

		all = id >= 0 && id < run->header->n_vocab;
	}
	if (!all)
		return slm_sink_put(&run->sink, run->header->unk, start, end, run->err);
	for (uint32_t i = from; i < to; i++)
	{
		int32_t id = slm_read_i32(&unigram->byte_token[lattice->byte[i]]);

		if (id < 0 || id >= run->header->n_vocab)
			id = run->header->unk;
		SLM_TRY(slm_sink_put(&run->sink, id, start, end, run->err));
	}
	return SLM_OK;
}

/* Ends the piece: searches, writes its tokens, empties it. */
static SlmStatus
end_piece(Unigram *unigram)
{
	Lattice *lattice = &unigram->lattice;
	SlmRun *run = unigram->run;
	uint32_t n = lattice->n;
	uint32_t at, behind;

	if (n == 0)
		return SLM_OK;
	SLM_TRY(search(unigram));
	/* turn the links around: to[] of a start is where its token ends */
	for (at = n, behind = UNREACHED; at > 0 && at != UNREACHED;)
	{
		uint32_t from = lattice->from[at];

		lattice->from[at] = behind;
		behind = at;
		at = from;
	}
	for (at = 0; behind != UNREACHED;)
	{
		uint32_t to = behind;

		behind = lattice->from[to];
		if (lattice->id[to] != run->header->unk)
			SLM_TRY(slm_sink_put(&run->sink, lattice->id[to], lattice->start[at],
								 lattice->end[to - 1], run->err));
		else
		{
			while (behind != UNREACHED && lattice->id[behind] == run->header->unk)
			{
				to = behind;
				behind = lattice->from[to];
			}
			SLM_TRY(put_unknown(unigram, at, to));
		}
		at = to;
	}
	lattice->n = 0;
	return SLM_OK;
}

/* Takes one normalized character. */
static SlmStatus
take_char(Unigram *unigram, uint32_t cp, uint32_t start, uint32_t end)
{
	bool prefix = (unigram->run->header->flags & SLM_BLOB_NO_PREFIX) == 0 &&
				  !(unigram->run->goes_on && start == 0);

	if (slm_unicode(cp).flags & SLM_UNICODE_WHITE)
		return end_piece(unigram);
	if (cp == SLM_WORD_START_CHAR)
		SLM_TRY(end_piece(unigram));
	else if (unigram->lattice.n == 0 && prefix)
		SLM_TRY(append(unigram, SLM_WORD_START_CHAR, start, start));
	return append(unigram, cp, start, end);
}

/* Takes normalized text that stands for source bytes [start, end). */
static SlmStatus
take_text(Unigram *unigram, const uint8_t *text, size_t n, uint32_t start, uint32_t end)
{
	for (size_t at = 0; at < n;)
	{
		uint32_t cp;
		int length = slm_utf8_decode(text + at, n - at, &cp);

		if (length == 0)
			return slm_fail(unigram->run->err, SLM_ERR_CORRUPT,
							"tokenizer section has a replacement that is not valid UTF-8");
		SLM_TRY(take_char(unigram, cp, start, end));
		at += (size_t) length;
	}
	return SLM_OK;
}

/* Normalizes one grapheme cluster, text[at..end). */
static SlmStatus
take_cluster(Unigram *unigram, const uint8_t *text, uint32_t at, uint32_t end)
{
	SlmText mapped;

	if (end - at <= MAX_MAPPED_CLUSTER &&
		slm_charsmap_find(&unigram->map, text + at, end - at, &mapped))
		return take_text(unigram, (const uint8_t *) mapped.data, mapped.size,
						 source_start(unigram, at), source_end(unigram, end));
	while (at < end)
	{
		uint32_t cp;
		int decoded = slm_utf8_decode(text + at, end - at, &cp);
		uint32_t length = decoded > 0 ? (uint32_t) decoded : 1;
		uint32_t from = source_start(unigram, at), to = source_end(unigram, at + length);

		if (slm_charsmap_find(&unigram->map, text + at, length, &mapped))
			SLM_TRY(take_text(unigram, (const uint8_t *) mapped.data, mapped.size, from, to));
		else if (decoded > 0)
			SLM_TRY(take_char(unigram, cp, from, to));
		at += length;
	}
	return SLM_OK;
}

/*
 * Takes text[at..n), which begins at a grapheme cluster: all of it, or all but the
 * last cluster, which may go on.  *done is where it stopped.
 */
static SlmStatus
take_clusters(Unigram *unigram, const uint8_t *text, uint32_t at, uint32_t n, bool all,
			  uint32_t *done)
{
	SlmRun *run = unigram->run;
	uint32_t next_poll = at + SLM_POLL_BYTES / 4;
	uint32_t end;

	*done = n;
	for (; at < n; at = end)
	{
		if (at >= next_poll)
		{
			SLM_TRY(slm_poll(run->host, run->err));
			next_poll = at + SLM_POLL_BYTES / 4;
		}
		/* between two ASCII characters there is always a boundary, but for CR LF */
		if (text[at] < 0x80 && text[at] != '\r' && (at + 1 == n || text[at + 1] < 0x80))
			end = at + 1;
		else
			SLM_TRY(slm_grapheme_end(text, n, at, run->host, &end, run->err));
		if (end == n && !all)
		{
			*done = at;
			break;
		}
		SLM_TRY(take_cluster(unigram, text, at, end));
	}
	return SLM_OK;
}

/* Takes text [at..n), folded, in pieces. */
static SlmStatus
take_folded(Unigram *unigram, uint32_t at, uint32_t n)
{
	SlmRun *run = unigram->run;
	SlmFold fold = {
		.arena = run->arena,
		.lowercase = (run->header->flags & SLM_BLOB_LOWERCASE) != 0,
		.strip_accents = (run->header->flags & SLM_BLOB_STRIP_ACCENTS) != 0,
	};
	const uint8_t *text = run->text;
	uint32_t next_poll = at + SLM_POLL_BYTES / 4, room = FOLD_BYTES, done;

	unigram->fold = &fold;
	for (uint32_t end; at < n; at = end)
	{
		uint32_t cp;
		int decoded = slm_utf8_decode(text + at, n - at, &cp);

		if (decoded == 0)
			return slm_fail(run->err, SLM_ERR_INTERNAL, "text changed while it was tokenized");
		end = at + (uint32_t) decoded;
		if (at >= next_poll)
		{
			SLM_TRY(slm_poll(run->host, run->err));
			next_poll = at + SLM_POLL_BYTES / 4;
		}
		if ((cp == '`' || cp == '\'') && end < n && text[end] == cp)
		{
			cp = '"';
			end++;
		}
		SLM_TRY(slm_fold_take(&fold, cp, at, end, run->err));
		if (fold.n >= room)
		{
			SLM_TRY(take_clusters(unigram, fold.byte, 0, fold.n, false, &done));
			slm_fold_forget(&fold, done);
			/* a long cluster is not looked at again before it is twice as long */
			room = 2 * fold.n > FOLD_BYTES ? 2 * fold.n : FOLD_BYTES;
		}
	}
	SLM_TRY(take_clusters(unigram, fold.byte, 0, fold.n, true, &done));
	unigram->fold = NULL;
	return SLM_OK;
}

SlmStatus
slm_unigram_run(SlmRun *run)
{
	const SlmBlobHeader *header = run->header;
	Unigram unigram = {
		.run = run,
		.trie = slm_blob_trie(run->blob, header, SLM_SECTION_TRIE),
		.unk_score = (double) header->unk_score - (double) UNKNOWN_PENALTY,
	};
	SlmAdded added = slm_added_open(run->blob, header, false);
	uint64_t n_scores, n_byte_tokens;
	uint32_t start, end, done;
	int32_t id;

	unigram.score =
		slm_blob_section(run->blob, header, SLM_SECTION_SCORES, sizeof(float), &n_scores);
	unigram.byte_token = slm_blob_section(run->blob, header, SLM_SECTION_BYTE_TOKENS,
										  sizeof(int32_t), &n_byte_tokens);
	unigram.map.unit = slm_blob_section(run->blob, header, SLM_SECTION_CHARSMAP, sizeof(uint32_t),
										&unigram.map.n_unit);
	unigram.map.text =
		slm_blob_section(run->blob, header, SLM_SECTION_CHARSMAP_TEXT, 1, &unigram.map.n_text);
	if (unigram.trie.n == 0 || n_scores < (uint64_t) header->n_vocab || n_byte_tokens < 256 ||
		header->unk < 0)
		return slm_fail(run->err, SLM_ERR_CORRUPT, "tokenizer section has no index or scores");
	for (uint32_t at = 0; at < run->n; at = end)
	{
		SLM_TRY(slm_added_next(&added, run, at, &start, &end, &id));
		if (header->flags & SLM_BLOB_FOLD)
			SLM_TRY(take_folded(&unigram, at, start));
		else
			SLM_TRY(take_clusters(&unigram, run->text, at, start, true, &done));
		SLM_TRY(end_piece(&unigram));
		if (id >= 0)
			SLM_TRY(slm_sink_put(&run->sink, id, start, end, run->err));
	}
	return SLM_OK;
}
