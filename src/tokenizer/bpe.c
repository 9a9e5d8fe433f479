/*
 * bpe.c - byte-level byte-pair encoding, as GPT-2 and RoBERTa have it
 *
 * The text is cut into words (pretoken.c); the bytes of a word start as one
 * token each, and neighbours are merged by rank (merge.c).
 *
 * Most words are one token.  At build time every token that its own bytes
 * merge to is put into a trie; a word found there whole needs no merging, and
 * the answer is the same by construction.
 *
 * A GGUF spells bytes as printable characters (GPT-2's map): 33 to 126, 161 to
 * 172 and 174 to 255 are themselves, the other bytes follow in order from
 * U+0100.
 */
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/added.h"
#include "tokenizer/algorithms.h"
#include "tokenizer/merge.h"
#include "tokenizer/nfc.h"
#include "tokenizer/pretoken.h"

#define MERGES_KEY "tokenizer.ggml.merges"
#define POLL_ITEMS 4096 /* vocabulary items between two polls */

/* Values of tokenizer.ggml.pre, and what they mean. */
static const struct Way
{
	const char *name;
	SlmPretoken words;
	bool ends;           /* a sequence has a first and a last token */
	bool begins;         /* it has a first one, unless the file says otherwise */
	bool ignores_merges; /* a word that is a token is that token, whatever its merges say */
	bool composes;       /* text is brought to NFC first */
} ways[] = {
	{"gpt-2", SLM_PRETOKEN_GPT2, false, false, false, false},
	{"phi-2", SLM_PRETOKEN_GPT2, false, false, false, false},
	{"mpt", SLM_PRETOKEN_GPT2, false, false, false, true},
	{"olmo", SLM_PRETOKEN_GPT2, false, false, false, true},
	{"roberta-bpe", SLM_PRETOKEN_GPT2, true, true, false, false},
	{"modern-bert", SLM_PRETOKEN_GPT2, true, true, false, true},
	{"llama-bpe", SLM_PRETOKEN_LLAMA3, false, true, true, false},
	{"llama3", SLM_PRETOKEN_LLAMA3, false, true, true, false},
	{"llama-v3", SLM_PRETOKEN_LLAMA3, false, true, true, false},
	{"qwen2", SLM_PRETOKEN_QWEN2, false, false, false, true},
	{"deepseek-r1-qwen", SLM_PRETOKEN_QWEN2, false, false, false, true},
	{"starcoder", SLM_PRETOKEN_STARCODER, false, false, false, false},
	{"refact", SLM_PRETOKEN_STARCODER, false, false, false, false},
	{"smollm", SLM_PRETOKEN_STARCODER, false, false, false, false},
	{"command-r", SLM_PRETOKEN_STARCODER, false, false, false, true},
	{"falcon", SLM_PRETOKEN_FALCON, false, false, false, false},
	{"deepseek-llm", SLM_PRETOKEN_DEEPSEEK_LLM, false, false, false, false},
	{"deepseek-coder", SLM_PRETOKEN_DEEPSEEK_CODER, false, false, false, false},
	{"tekken", SLM_PRETOKEN_TEKKEN, false, true, true, false},
	{"gpt-4o", SLM_PRETOKEN_GPT4O, false, false, false, false},
};

#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

/* GPT-2's character of a byte. */
static uint32_t
char_of_byte(uint32_t byte)
{
	uint32_t shifted = 0x100;

	if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174)
		return byte;
	/* the number of shifted bytes below this one */
	if (byte <= 32)
		return shifted + byte;
	if (byte <= 160)
		return shifted + 33 + (byte - 127);
	return shifted + 33 + 34;
}

/* The byte of a character, -1 for one that stands for none. */
static int
byte_of_char(uint32_t cp)
{
	uint32_t shifted = cp - 0x100;
	uint32_t byte;

	if (cp < 0x100)
		byte = cp;
	else if (shifted < 33)
		byte = shifted;
	else if (shifted < 33 + 34)
		byte = 127 + (shifted - 33);
	else
		byte = 173;
	return char_of_byte(byte) == cp ? (int) byte : -1;
}

/* None when a character is outside the map; a user's own token is spelled as text is. */
uint32_t
slm_bpe_bytes(SlmText spelling, SlmTokenType type, uint8_t *out)
{
	const uint8_t *text = (const uint8_t *) spelling.data;
	uint32_t n = 0;

	if (type == SLM_TOKEN_USER_DEFINED)
	{
		memcpy(out, spelling.data, spelling.size);
		return (uint32_t) spelling.size;
	}
	for (size_t at = 0; at < spelling.size;)
	{
		uint32_t cp;
		int length = slm_utf8_decode(text + at, spelling.size - at, &cp);
		int byte = length > 0 ? byte_of_char(cp) : -1;

		if (byte < 0)
			return 0;
		out[n++] = (uint8_t) byte;
		at += (size_t) length;
	}
	return n;
}

/* Id of the token spelled by the bytes of a merge's part, or why there is none. */
static SlmStatus
find_part(const SlmTrie *tokens, const char *part, size_t n, uint64_t i_merge, const char *which,
		  int32_t *id, SlmError *err)
{
	*id = slm_trie_find(tokens, part, n);
	if (*id < 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						MERGES_KEY "[%llu] has a %s that is not an ordinary token",
						(unsigned long long) i_merge, which);
	return SLM_OK;
}

/* Reads one merge "left right". */
static SlmStatus
read_merge(const SlmTrie *tokens, SlmText text, uint64_t i, char *scratch, SlmMerge *merge,
		   SlmError *err)
{
	const char *space = memchr(text.data, ' ', text.size);
	size_t n_left = space != NULL ? (size_t) (space - text.data) : 0;
	size_t n_right = space != NULL ? text.size - n_left - 1 : 0;

	if (n_left == 0 || n_right == 0 || memchr(space + 1, ' ', n_right) != NULL)
		return slm_fail(err, SLM_ERR_CORRUPT, MERGES_KEY "[%llu] is not two tokens and one space",
						(unsigned long long) i);
	if (text.size - 1 > SLM_MAX_TOKEN_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT, MERGES_KEY "[%llu] has %zu bytes, over the limit of %d",
						(unsigned long long) i, text.size - 1, SLM_MAX_TOKEN_BYTES);
	memcpy(scratch, text.data, n_left);
	memcpy(scratch + n_left, space + 1, n_right);
	SLM_TRY(find_part(tokens, text.data, n_left, i, "left part", &merge->left, err));
	SLM_TRY(find_part(tokens, space + 1, n_right, i, "right part", &merge->right, err));
	SLM_TRY(find_part(tokens, scratch, n_left + n_right, i, "result", &merge->result, err));
	merge->rank = (uint32_t) i;
	return SLM_OK;
}

static SlmStatus
build_merges(SlmBuild *build, const SlmTrie *tokens, SlmMerges *out, SlmError *err)
{
	const SlmGgufKey *key;
	SlmMerge *merge;
	char *scratch;
	uint64_t at = 0;

	SLM_TRY(slm_gguf_get_array(build->gguf, MERGES_KEY, SLM_GGUF_STRING, NULL, &key, err));
	if (key->count > SLM_MAX_VOCAB)
		return slm_fail(err, SLM_ERR_LIMIT, MERGES_KEY " has %llu merges, over the limit of %u",
						(unsigned long long) key->count, SLM_MAX_VOCAB);
	SLM_TRY(SLM_NEW_ARRAY(build->arena, (size_t) key->count, &merge, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, SLM_MAX_TOKEN_BYTES, &scratch, err));
	for (uint64_t i = 0; i < key->count; i++)
	{
		SlmText text;

		if (i % POLL_ITEMS == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (!slm_gguf_next_string(key, &at, &text))
			return slm_fail(err, SLM_ERR_CORRUPT, MERGES_KEY "[%llu] is missing",
							(unsigned long long) i);
		SLM_TRY(read_merge(tokens, text, i, scratch, &merge[i], err));
	}
	SLM_TRY(slm_merges_build(merge, key->count, build->host, build->arena, out, err));
	build->part[SLM_SECTION_MERGES] = (SlmBlobPart){out->slot, out->n * sizeof(*out->slot)};
	return SLM_OK;
}

/* An index of the spellings of all ordinary tokens. */
static SlmStatus
index_spellings(SlmBuild *build, SlmTrie *out, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	SlmTrieBuilder builder;

	SLM_TRY(slm_trie_builder_init(&builder, vocab->all_bytes, build->arena, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (i % POLL_ITEMS == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (slm_vocab_is_ordinary(vocab, i))
			SLM_TRY(slm_trie_builder_add(&builder, -1, vocab->token[i].data, vocab->token[i].size,
										 i, err));
	}
	return slm_trie_builder_finish(&builder, build->host, build->arena, out, err);
}

/*
 * Bytes that a vocabulary may lack, because the texts that it was made of had none:
 * control characters, and those of few or no characters.
 */
static bool
is_rare_byte(uint32_t byte)
{
	return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f ||
		   byte == 0xc0 || byte == 0xc1 || byte >= 0xf1;
}

/* The token of each byte; as in the reference, a byte without one is left out of a text. */
static SlmStatus
build_byte_tokens(SlmBuild *build, const SlmTrie *tokens, int32_t *byte_token, SlmError *err)
{
	for (uint32_t byte = 0; byte < 256; byte++)
	{
		uint8_t spelling[4];
		uint32_t cp = char_of_byte(byte);

		byte_token[byte] = slm_trie_find(tokens, spelling, (size_t) slm_utf8_encode(cp, spelling));
		if (byte_token[byte] < 0 && !is_rare_byte(byte))
			return slm_fail(err, SLM_ERR_CORRUPT,
							"tokenizer.ggml.tokens has no ordinary token for byte 0x%02x", byte);
	}
	build->part[SLM_SECTION_BYTE_TOKENS] = (SlmBlobPart){byte_token, 256 * sizeof(*byte_token)};
	return SLM_OK;
}

/* Merges a word of n bytes in merger->symbol; *n_symbol is 0 when none of them has a token. */
static SlmStatus
merge_bytes(SlmMerger *merger, const int32_t *byte_token, const uint8_t *word, uint32_t n,
			uint32_t *n_symbol, SlmError *err)
{
	*n_symbol = 0;
	SLM_TRY(slm_merger_reserve(merger, n, err));
	for (uint32_t i = 0; i < n; i++)
	{
		int32_t id = slm_read_i32(&byte_token[word[i]]);

		if (i % SLM_POLL_BYTES == SLM_POLL_BYTES - 1)
			SLM_TRY(slm_poll(merger->host, err));
		if (id >= 0 && id < merger->n_vocab)
			merger->symbol[(*n_symbol)++] = (SlmSymbol){.id = id, .end = i + 1};
	}
	return *n_symbol > 0 ? slm_merger_run(merger, *n_symbol, err) : SLM_OK;
}

/* The trie of words that are one token: all of them, or those that their own bytes merge to. */
static SlmStatus
build_whole_words(SlmBuild *build, SlmMerger *merger, const int32_t *byte_token, bool all,
				  SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	SlmTrieBuilder builder;
	SlmTrie trie;
	uint8_t *bytes;

	SLM_TRY(slm_trie_builder_init(&builder, vocab->all_bytes, build->arena, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, SLM_MAX_TOKEN_BYTES, &bytes, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		uint32_t n = slm_vocab_is_ordinary(vocab, i)
						 ? slm_bpe_bytes(vocab->token[i], SLM_TOKEN_NORMAL, bytes)
						 : 0;
		uint32_t n_symbol;

		if (n == 0)
			continue;
		if (i % POLL_ITEMS == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (!all)
			SLM_TRY(merge_bytes(merger, byte_token, bytes, n, &n_symbol, err));
		if (all ||
			(n_symbol > 0 && merger->symbol[0].next == SLM_NO_SYMBOL && merger->symbol[0].id == i))
			SLM_TRY(slm_trie_builder_add(&builder, -1, bytes, n, i, err));
	}
	SLM_TRY(slm_trie_builder_finish(&builder, build->host, build->arena, &trie, err));
	build->part[SLM_SECTION_TRIE] =
		(SlmBlobPart){trie.unit, (uint64_t) trie.n * sizeof(*trie.unit)};
	return SLM_OK;
}

static SlmStatus
read_specials(SlmBuild *build, const struct Way *way, SlmError *err)
{
	const SlmGguf *gguf = build->gguf;
	SlmBlobHeader *header = &build->header;

	SLM_TRY(
		slm_vocab_special(gguf, &build->vocab, "tokenizer.ggml.cls_token_id", &header->bos, err));
	SLM_TRY(
		slm_vocab_special(gguf, &build->vocab, "tokenizer.ggml.bos_token_id", &header->bos, err));
	SLM_TRY(
		slm_vocab_special(gguf, &build->vocab, "tokenizer.ggml.eos_token_id", &header->eos, err));
	header->sep = header->eos;
	SLM_TRY(slm_vocab_special(gguf, &build->vocab, "tokenizer.ggml.seperator_token_id",
							  &header->sep, err));
	if (way->ends && header->eos < 0)
		header->eos = header->sep;
	header->add_bos = way->begins;
	header->add_eos = way->ends;
	return slm_vocab_specials(gguf, &build->vocab, header, err);
}

SlmStatus
slm_bpe_build(SlmBuild *build, SlmError *err)
{
	SlmMerger merger = {.arena = build->arena, .host = build->host, .n_vocab = build->vocab.n};
	const char *names[N_WAYS + 1] = {NULL};
	const struct Way *way;
	SlmTrie tokens;
	int32_t *byte_token;
	int pre;

	for (size_t i = 0; i < N_WAYS; i++)
		names[i] = ways[i].name;
	SLM_TRY(slm_vocab_check_pre(build->gguf, names, &pre, err));
	if (pre < 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"tokenizer.ggml.pre is missing, and byte-pair encoding depends on it");
	way = &ways[pre];
	build->header.pretoken = (uint8_t) way->words;
	build->header.flags |= way->composes ? SLM_BLOB_NFC : 0;
	SLM_TRY(read_specials(build, way, err));
	SLM_TRY(slm_added_build(build, false, err));
	SLM_TRY(index_spellings(build, &tokens, err));
	SLM_TRY(SLM_NEW_ARRAY(build->arena, 256, &byte_token, err));
	SLM_TRY(build_byte_tokens(build, &tokens, byte_token, err));
	SLM_TRY(build_merges(build, &tokens, &merger.merges, err));
	return build_whole_words(build, &merger, byte_token, way->ignores_merges, err);
}

typedef struct Bpe
{
	SlmRun *run;
	SlmTrie words;
	SlmAdded added;
	SlmMerger merger;
	const int32_t *byte_token; /* [256] */
} Bpe;

/* The composed text that is being cut, and where its tokens lie in the source. */
typedef struct Part
{
	SlmNfc nfc;
	uint32_t at;                   /* in the source */
	uint32_t start_edit, end_edit; /* cursors of the way back */
} Part;

static SlmStatus
put(Bpe *bpe, Part *part, int32_t id, uint32_t start, uint32_t end)
{
	if (part->nfc.n_edit > 0)
	{
		start = slm_nfc_start(&part->nfc, start, &part->start_edit);
		end = slm_nfc_end(&part->nfc, end, &part->end_edit);
	}
	return slm_sink_put(&bpe->run->sink, id, part->at + start, part->at + end, bpe->run->err);
}

static SlmStatus
put_word(Bpe *bpe, Part *part, uint32_t at, uint32_t end)
{
	const uint8_t *word = part->nfc.text + at;
	SlmMerger *merger = &bpe->merger;
	int32_t id = slm_trie_find(&bpe->words, word, end - at);
	uint32_t n_symbol;

	if (id >= 0 && id < bpe->run->header->n_vocab)
		return put(bpe, part, id, at, end);
	SLM_TRY(merge_bytes(merger, bpe->byte_token, word, end - at, &n_symbol, bpe->run->err));
	if (n_symbol == 0)
		return SLM_OK;
	for (uint32_t i = 0, start = 0; i != SLM_NO_SYMBOL; i = merger->symbol[i].next)
	{
		SLM_TRY(put(bpe, part, merger->symbol[i].id, at + start, at + merger->symbol[i].end));
		start = merger->symbol[i].end;
	}
	return SLM_OK;
}

/* Composes text, cuts it into words and puts their tokens. */
static SlmStatus
put_part(Bpe *bpe, uint32_t at, uint32_t n)
{
	SlmRun *run = bpe->run;
	Part part = {.nfc = {.text = run->text + at, .n = n}, .at = at};
	uint32_t next_poll = SLM_POLL_BYTES;
	SlmWords words;
	uint32_t end;

	if ((run->header->flags & SLM_BLOB_NFC) != 0)
		SLM_TRY(slm_nfc(run->text + at, n, run->host, run->arena, &part.nfc, run->err));
	SLM_TRY(slm_words_start(&words, (SlmPretoken) run->header->pretoken, part.nfc.text, part.nfc.n,
							run->host, run->err));
	for (at = 0; at < part.nfc.n; at = end)
	{
		SLM_TRY(slm_words_next(&words, at, &end, run->err));
		SLM_TRY(put_word(bpe, &part, at, end));
		if (end >= next_poll)
		{
			SLM_TRY(slm_poll(run->host, run->err));
			next_poll = end + SLM_POLL_BYTES;
		}
	}
	return SLM_OK;
}

SlmStatus
slm_bpe_run(SlmRun *run)
{
	const SlmBlobHeader *header = run->header;
	Bpe bpe = {
		.run = run,
		.words = slm_blob_trie(run->blob, header, SLM_SECTION_TRIE),
		.added = slm_added_open(run->blob, header, false),
		.merger = {.arena = run->arena, .host = run->host, .n_vocab = header->n_vocab},
	};
	uint64_t n_byte_tokens;
	uint32_t start, end;
	int32_t id;

	bpe.merger.merges.slot = slm_blob_section(run->blob, header, SLM_SECTION_MERGES,
											  sizeof(SlmMerge), &bpe.merger.merges.n);
	bpe.byte_token = slm_blob_section(run->blob, header, SLM_SECTION_BYTE_TOKENS, sizeof(int32_t),
									  &n_byte_tokens);
	if (n_byte_tokens < 256 || bpe.merger.merges.n == 0 ||
		(bpe.merger.merges.n & (bpe.merger.merges.n - 1)) != 0)
		return slm_fail(run->err, SLM_ERR_CORRUPT, "tokenizer section has no merges");
	for (uint32_t at = 0; at < run->n; at = end)
	{
		SLM_TRY(slm_added_next(&bpe.added, run, at, &start, &end, &id));
		if (start > at)
			SLM_TRY(put_part(&bpe, at, start - at));
		if (id >= 0)
			SLM_TRY(slm_sink_put(&run->sink, id, start, end, run->err));
	}
	return SLM_OK;
}
