/*
 * vocab.c - the vocabulary of a GGUF file, checked
 */
#include "tokenizer/vocab.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

#define TOKENS_KEY "tokenizer.ggml.tokens"
#define TYPES_KEY "tokenizer.ggml.token_type"
#define SCORES_KEY "tokenizer.ggml.scores"
#define PRE_KEY "tokenizer.ggml.pre"
#define POLL_TOKENS 4096 /* tokens checked between two polls */

static SlmStatus
read_tokens(const SlmGguf *gguf, const SlmHost *host, SlmArena *arena, SlmVocab *vocab,
			SlmError *err)
{
	const SlmGgufKey *key;
	uint64_t at = 0;

	SLM_TRY(slm_gguf_get_array(gguf, TOKENS_KEY, SLM_GGUF_STRING, NULL, &key, err));
	if (key->count == 0)
		return slm_fail(err, SLM_ERR_CORRUPT, TOKENS_KEY " is empty");
	if (key->count > SLM_MAX_VOCAB)
		return slm_fail(err, SLM_ERR_LIMIT, TOKENS_KEY " has %llu tokens, over the limit of %u",
						(unsigned long long) key->count, SLM_MAX_VOCAB);
	vocab->n = (int32_t) key->count;
	vocab->all_bytes = 0;
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) vocab->n, &vocab->token, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		SlmText *token = &vocab->token[i];

		if (i % POLL_TOKENS == 0)
			SLM_TRY(slm_poll(host, err));
		if (!slm_gguf_next_string(key, &at, token))
			return slm_fail(err, SLM_ERR_CORRUPT, TOKENS_KEY "[%d] is missing", i);
		if (token->size == 0)
			return slm_fail(err, SLM_ERR_CORRUPT, TOKENS_KEY "[%d] is empty", i);
		if (token->size > SLM_MAX_TOKEN_BYTES)
			return slm_fail(err, SLM_ERR_LIMIT,
							TOKENS_KEY "[%d] has %zu bytes, over the limit of %d", i, token->size,
							SLM_MAX_TOKEN_BYTES);
		if (slm_utf8_valid_bytes((const uint8_t *) token->data, token->size) != token->size)
			return slm_fail(err, SLM_ERR_CORRUPT, TOKENS_KEY "[%d] is not valid UTF-8", i);
		vocab->all_bytes += token->size;
	}
	return SLM_OK;
}

static SlmStatus
check_count(const SlmGgufKey *key, const char *name, const SlmVocab *vocab, SlmError *err)
{
	if (key->count == (uint64_t) vocab->n)
		return SLM_OK;
	return slm_fail(err, SLM_ERR_CORRUPT, "%s has %llu items for %d tokens", name,
					(unsigned long long) key->count, vocab->n);
}

static bool
is_spelled(SlmText token, const char *spelling)
{
	return token.size == strlen(spelling) && memcmp(token.data, spelling, token.size) == 0;
}

static bool
starts_and_ends(SlmText token, const char *start, const char *end)
{
	size_t n_start = strlen(start), n_end = strlen(end);

	return token.size >= n_start + n_end && memcmp(token.data, start, n_start) == 0 &&
		   memcmp(token.data + token.size - n_end, end, n_end) == 0;
}

/* Is it spelled like what ends a turn or a text, fills it up, or is left for later use? */
static bool
looks_like_control(SlmText token)
{
	static const char *const names[] = {
		"<s>",     "</s>",  "<unk>",  "<pad>",           "<mask>",       "<bos>", "<eos>",
		"<cls>",   "<sep>", "[CLS]",  "[SEP]",           "[PAD]",        "[UNK]", "[MASK]",
		"[BOS]",   "[EOS]", "[INST]", "[/INST]",         "<eot>",        "<eop>", "<2mass>",
		"[@BOS@]", "<EOT>", "<EOS>",  "<start_of_turn>", "<end_of_turn>"};

	/* bars in brackets, the full-width ones of DeepSeek among them */
	if (starts_and_ends(token, "<|", "|>") ||
		starts_and_ends(token, "<\xef\xbd\x9c", "\xef\xbd\x9c>") ||
		starts_and_ends(token, "<unused", ">") || starts_and_ends(token, "<extra_id_", ">") ||
		starts_and_ends(token, "[PAD", "]"))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_spelled(token, names[i]))
			return true;
	return false;
}

static SlmStatus
read_types(const SlmGguf *gguf, SlmArena *arena, SlmVocab *vocab, SlmError *err)
{
	const SlmGgufKey *key;
	bool found;

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) vocab->n, &vocab->type, err));
	SLM_TRY(slm_gguf_get_array(gguf, TYPES_KEY, SLM_GGUF_I32, &found, &key, err));
	if (!found)
	{
		memset(vocab->type, SLM_TOKEN_NORMAL, (size_t) vocab->n);
		return SLM_OK;
	}
	SLM_TRY(check_count(key, TYPES_KEY, vocab, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		int32_t type;

		memcpy(&type, key->value + (size_t) i * sizeof(type), sizeof(type));
		if (type < SLM_TOKEN_NORMAL || type > SLM_TOKEN_BYTE)
			return slm_fail(err, SLM_ERR_CORRUPT, TYPES_KEY "[%d] is %d, not %d to %d", i, type,
							SLM_TOKEN_NORMAL, SLM_TOKEN_BYTE);
		if (type == SLM_TOKEN_USER_DEFINED && looks_like_control(vocab->token[i]))
			type = SLM_TOKEN_CONTROL;
		vocab->type[i] = (uint8_t) type;
	}
	return SLM_OK;
}

static SlmStatus
read_scores(const SlmGguf *gguf, SlmArena *arena, SlmVocab *vocab, SlmError *err)
{
	const SlmGgufKey *key;
	bool found;

	vocab->score = NULL;
	SLM_TRY(slm_gguf_get_array(gguf, SCORES_KEY, SLM_GGUF_F32, &found, &key, err));
	if (!found)
		return SLM_OK;
	SLM_TRY(check_count(key, SCORES_KEY, vocab, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) vocab->n, &vocab->score, err));
	memcpy(vocab->score, key->value, (size_t) vocab->n * sizeof(float));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (!isfinite(vocab->score[i]))
			return slm_fail(err, SLM_ERR_CORRUPT, SCORES_KEY "[%d] is not finite", i);
	}
	return SLM_OK;
}

SlmStatus
slm_vocab_read(const SlmGguf *gguf, const SlmHost *host, SlmArena *arena, SlmVocab *out,
			   SlmError *err)
{
	SLM_TRY(read_tokens(gguf, host, arena, out, err));
	SLM_TRY(read_types(gguf, arena, out, err));
	SLM_TRY(slm_poll(host, err));
	return read_scores(gguf, arena, out, err);
}

int32_t
slm_vocab_find(const SlmVocab *vocab, const char *spelling)
{
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (is_spelled(vocab->token[i], spelling))
			return i;
	}
	return -1;
}

int32_t
slm_vocab_of_type(const SlmVocab *vocab, SlmTokenType type)
{
	const uint8_t *found = memchr(vocab->type, (int) type, (size_t) vocab->n);

	return found != NULL ? (int32_t) (found - vocab->type) : -1;
}

SlmStatus
slm_vocab_least_score(const SlmVocab *vocab, float *out, SlmError *err)
{
	float least = 0.0f, greatest = 0.0f;
	int32_t n = 0;

	if (vocab->score == NULL)
		return slm_fail(err, SLM_ERR_CORRUPT, SCORES_KEY " is missing");
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (vocab->type[i] != SLM_TOKEN_NORMAL)
			continue;
		if (n == 0 || vocab->score[i] < least)
			least = vocab->score[i];
		if (n == 0 || vocab->score[i] > greatest)
			greatest = vocab->score[i];
		n++;
	}
	if (n > 1 && least == greatest)
		return slm_fail(err, SLM_ERR_CORRUPT,
						SCORES_KEY " are all %g: the file was converted without them",
						(double) least);
	*out = least;
	return SLM_OK;
}

int
slm_vocab_byte_of(SlmText spelling)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *text = spelling.data;
	const char *high, *low;

	if (spelling.size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
		return -1;
	high = memchr(digits, text[3], 16);
	low = memchr(digits, text[4], 16);
	return high != NULL && low != NULL ? (int) (high - digits) * 16 + (int) (low - digits) : -1;
}

SlmStatus
slm_vocab_byte_tokens(const SlmVocab *vocab, SlmArena *arena, int32_t **out, int *n, SlmError *err)
{
	int32_t *byte_token;

	SLM_TRY(SLM_NEW_ARRAY(arena, 256, &byte_token, err));
	for (int byte = 0; byte < 256; byte++)
		byte_token[byte] = -1;
	*n = 0;
	for (int32_t i = 0; i < vocab->n; i++)
	{
		int byte;

		if (vocab->type[i] != SLM_TOKEN_BYTE)
			continue;
		byte = slm_vocab_byte_of(vocab->token[i]);
		if (byte < 0)
			return slm_fail(err, SLM_ERR_CORRUPT,
							TOKENS_KEY "[%d] is a byte token but not <0x00> to <0xFF>", i);
		if (byte_token[byte] >= 0)
			return slm_fail(err, SLM_ERR_CORRUPT,
							TOKENS_KEY "[%d] is the byte token of tokens[%d] again", i,
							byte_token[byte]);
		byte_token[byte] = i;
		(*n)++;
	}
	*out = byte_token;
	return SLM_OK;
}

SlmStatus
slm_vocab_special(const SlmGguf *gguf, const SlmVocab *vocab, const char *key, int32_t *id,
				  SlmError *err)
{
	int64_t value = *id;

	SLM_TRY(slm_gguf_get_int(gguf, key, 0, vocab->n - 1, &(bool){false}, &value, err));
	*id = (int32_t) value;
	return SLM_OK;
}

/* A key that says whether a special token is added; true needs the token. */
static SlmStatus
read_add(const SlmGguf *gguf, const char *key, int32_t id, uint8_t *add, SlmError *err)
{
	bool value = *add != 0;
	bool found;

	SLM_TRY(slm_gguf_get_bool(gguf, key, &found, &value, err));
	if (found && value && id < 0)
		return slm_fail(err, SLM_ERR_CORRUPT, "%s is true but the vocabulary has no such token",
						key);
	*add = value && id >= 0;
	return SLM_OK;
}

SlmStatus
slm_vocab_specials(const SlmGguf *gguf, SlmVocab *vocab, SlmBlobHeader *header, SlmError *err)
{
	const int32_t *const named[] = {&header->bos, &header->eos, &header->sep,
									&header->pad, &header->unk, &header->mask};

	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.padding_token_id", &header->pad, err));
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.unknown_token_id", &header->unk, err));
	SLM_TRY(slm_vocab_special(gguf, vocab, "tokenizer.ggml.mask_token_id", &header->mask, err));
	SLM_TRY(read_add(gguf, "tokenizer.ggml.add_bos_token", header->bos, &header->add_bos, err));
	SLM_TRY(read_add(gguf, "tokenizer.ggml.add_eos_token", header->eos, &header->add_eos, err));

	/* RoBERTa's family spells its separator </s> and writes it twice between the parts of a pair */
	header->pair_seps = 1;
	if (header->sep >= 0 && is_spelled(vocab->token[header->sep], "</s>"))
		header->pair_seps = 2;
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
	{
		if (*named[i] >= 0)
			vocab->type[*named[i]] = SLM_TOKEN_CONTROL;
	}
	return SLM_OK;
}

bool
slm_vocab_looks_special(SlmText token)
{
	char first = token.size >= 2 ? token.data[0] : '\0';
	char last = token.size >= 2 ? token.data[token.size - 1] : '\0';

	return (first == '<' && last == '>') || (first == '[' && last == ']');
}

/* An HTML tag without attributes; <s> is none, because it is more often a special token. */
static bool
is_markup(SlmText token)
{
	static const char *const names[] = {
		"a",     "b",     "blockquote", "br",    "caption", "code",  "dd",     "div", "dl",
		"dt",    "em",    "h1",         "h2",    "h3",      "h4",    "h5",     "h6",  "hr",
		"i",     "li",    "ol",         "p",     "pre",     "span",  "strong", "sub", "sup",
		"table", "tbody", "td",         "tfoot", "th",      "thead", "tr",     "u",   "ul"};
	SlmText name;

	if (!starts_and_ends(token, "<", ">"))
		return false;
	name = (SlmText){token.data + 1, token.size - 2};
	if (name.size > 0 && name.data[0] == '/')
		name = (SlmText){name.data + 1, name.size - 1};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_spelled(name, names[i]))
			return true;
	return false;
}

bool
slm_vocab_is_added(const SlmVocab *vocab, int32_t id)
{
	SlmText token = vocab->token[id];

	return vocab->type[id] == SLM_TOKEN_USER_DEFINED &&
		   (!slm_vocab_looks_special(token) || is_markup(token));
}

SlmStatus
slm_vocab_refuse_added(const SlmVocab *vocab, SlmError *err)
{
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (slm_vocab_is_added(vocab, i))
			return slm_fail(err, SLM_ERR_UNSUPPORTED,
							TYPES_KEY "[%d] is %d: user-defined tokens are not supported", i,
							SLM_TOKEN_USER_DEFINED);
	}
	return SLM_OK;
}

SlmStatus
slm_vocab_check_pre(const SlmGguf *gguf, const char *const *names, int *which, SlmError *err)
{
	SlmText pre;
	char quoted[64];
	bool found;

	SLM_TRY(slm_gguf_get_string(gguf, PRE_KEY, &found, &pre, err));
	if (which != NULL)
		*which = -1;
	if (!found)
		return SLM_OK;
	for (int i = 0; names[i] != NULL; i++)
	{
		if (!is_spelled(pre, names[i]))
			continue;
		if (which != NULL)
			*which = i;
		return SLM_OK;
	}
	return slm_fail(err, SLM_ERR_UNSUPPORTED, PRE_KEY " \"%s\" is not supported",
					slm_error_quote(quoted, sizeof(quoted), pre.data, pre.size));
}

SlmStatus
slm_vocab_parts(const SlmVocab *vocab, const SlmHost *host, SlmArena *arena,
				SlmBlobPart part[SLM_SECTIONS], SlmError *err)
{
	uint32_t *ends;
	uint8_t *bytes;
	uint64_t at = 0;

	if (vocab->all_bytes > UINT32_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, TOKENS_KEY " has more than the limit of %u bytes",
						UINT32_MAX);
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) vocab->n, &ends, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) vocab->all_bytes, &bytes, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (i % POLL_TOKENS == 0)
			SLM_TRY(slm_poll(host, err));
		memcpy(bytes + at, vocab->token[i].data, vocab->token[i].size);
		at += vocab->token[i].size;
		ends[i] = (uint32_t) at;
	}
	part[SLM_SECTION_TOKEN_ENDS] = (SlmBlobPart){ends, (uint64_t) vocab->n * sizeof(*ends)};
	part[SLM_SECTION_TOKEN_BYTES] = (SlmBlobPart){bytes, vocab->all_bytes};
	part[SLM_SECTION_TOKEN_TYPES] = (SlmBlobPart){vocab->type, (uint64_t) vocab->n};
	return SLM_OK;
}
