/*
 * tokenizer.c - text to token ids: the front of the algorithms
 */
#include "tokenizer/tokenizer.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/algorithms.h"

#define POLL_TOKENS 4096 /* compared between two polls */

typedef struct Algorithm
{
	const char *model; /* value of tokenizer.ggml.model */
	SlmTokenizerKind kind;
	SlmStatus (*build)(SlmBuild *build, SlmError *err);
	SlmStatus (*run)(SlmRun *run);
	SlmTokenBytes *bytes; /* NULL: a token stands for its spelling */
} Algorithm;

static const Algorithm algorithms[] = {
	{"bert", SLM_TOKENIZER_WORDPIECE, slm_wordpiece_build, slm_wordpiece_run, NULL},
	{"gpt2", SLM_TOKENIZER_BPE, slm_bpe_build, slm_bpe_run, slm_bpe_bytes},
	{"t5", SLM_TOKENIZER_UNIGRAM, slm_unigram_build, slm_unigram_run, slm_spm_bytes},
	{"llama", SLM_TOKENIZER_SPM, slm_spm_build, slm_spm_run, slm_spm_bytes},
};

#define N_ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

SlmStatus
slm_sink_init(SlmTokenSink *sink, size_t expected, SlmArena *arena, SlmError *err)
{
	sink->arena = arena;
	sink->tokens.n = 0;
	sink->capacity = (int32_t) expected;
	SLM_TRY(SLM_NEW_ARRAY(arena, expected, &sink->tokens.id, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, expected, &sink->tokens.start, err));
	return SLM_NEW_ARRAY(arena, expected, &sink->tokens.end, err);
}

SlmStatus
slm_copy_polled(const SlmHost *host, void *to, const void *from, size_t n, SlmError *err)
{
	for (size_t at = 0; at < n; at += SLM_POLL_BYTES)
	{
		SLM_TRY(slm_poll(host, err));
		memcpy((char *) to + at, (const char *) from + at,
			   n - at < SLM_POLL_BYTES ? n - at : SLM_POLL_BYTES);
	}
	return SLM_OK;
}

SlmStatus
slm_sink_grow(SlmTokenSink *sink, SlmError *err)
{
	SlmTokens old = sink->tokens;
	size_t n = (size_t) old.n;

	if (sink->capacity > INT32_MAX / 2)
		return slm_fail(err, SLM_ERR_LIMIT, "text has more than the limit of %d tokens", INT32_MAX);
	SLM_TRY(slm_sink_init(sink, (size_t) sink->capacity * 2, sink->arena, err));
	SLM_TRY(slm_copy_polled(sink->arena->host, sink->tokens.id, old.id, n * sizeof(*old.id), err));
	SLM_TRY(slm_copy_polled(sink->arena->host, sink->tokens.start, old.start,
							n * sizeof(*old.start), err));
	SLM_TRY(
		slm_copy_polled(sink->arena->host, sink->tokens.end, old.end, n * sizeof(*old.end), err));
	sink->tokens.n = old.n;
	return SLM_OK;
}

SlmStatus
slm_tokenizer_build(const SlmGguf *gguf, const SlmHost *host, SlmArena *arena, const void **blob,
					size_t *blob_bytes, SlmError *err)
{
	SlmBuild build = {.gguf = gguf, .host = host, .arena = arena};
	SlmText model;
	char quoted[64];

	SLM_TRY(slm_gguf_get_string(gguf, "tokenizer.ggml.model", NULL, &model, err));
	for (size_t i = 0; i < N_ALGORITHMS; i++)
	{
		SlmText name = slm_text(algorithms[i].model);

		if (model.size != name.size || memcmp(model.data, name.data, name.size) != 0)
			continue;
		SLM_TRY(slm_vocab_read(gguf, host, arena, &build.vocab, err));
		build.header = (SlmBlobHeader){
			.kind = algorithms[i].kind,
			.n_vocab = build.vocab.n,
			.bos = -1,
			.eos = -1,
			.sep = -1,
			.pad = -1,
			.unk = -1,
			.mask = -1,
		};
		SLM_TRY(algorithms[i].build(&build, err));
		SLM_TRY(slm_vocab_parts(&build.vocab, host, arena, build.part, err));
		return slm_blob_assemble(&build.header, build.part, host, arena, blob, blob_bytes, err);
	}
	return slm_fail(err, SLM_ERR_UNSUPPORTED, "tokenizer.ggml.model \"%s\" is not supported",
					slm_error_quote(quoted, sizeof(quoted), model.data, model.size));
}

static const Algorithm *
find_algorithm(uint32_t kind)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++)
	{
		if (algorithms[i].kind == kind)
			return &algorithms[i];
	}
	return NULL;
}

SlmStatus
slm_tokenizer_open(const void *blob, size_t blob_bytes, SlmTokenizer *out, SlmError *err)
{
	SlmBlobHeader header;

	SLM_TRY(slm_blob_open(blob, blob_bytes, &header, err));
	if (find_algorithm(header.kind) == NULL)
		return slm_fail(err, SLM_ERR_CORRUPT, "tokenizer section is of unknown kind %u",
						header.kind);
	*out = (SlmTokenizer){
		.blob = blob,
		.blob_bytes = blob_bytes,
		.kind = header.kind,
		.n_vocab = header.n_vocab,
		.space_prefix =
			(header.kind == SLM_TOKENIZER_SPM || header.kind == SLM_TOKENIZER_UNIGRAM) &&
			(header.flags & SLM_BLOB_NO_PREFIX) == 0,
		.special =
			{
				.bos = header.bos,
				.eos = header.eos,
				.sep = header.sep,
				.pad = header.pad,
				.unk = header.unk,
				.mask = header.mask,
				.add_bos = header.add_bos != 0 && header.bos >= 0,
				.add_eos = header.add_eos != 0 && header.eos >= 0,
				.pair_seps = header.pair_seps == 2 ? 2 : 1,
			},
	};
	return SLM_OK;
}

/* Checks UTF-8 in steps, polling in between. */
static SlmStatus
check_utf8(const SlmHost *host, const uint8_t *text, size_t n, SlmError *err)
{
	size_t at = 0;

	while (at < n)
	{
		size_t step = n - at < SLM_POLL_BYTES ? n - at : SLM_POLL_BYTES;
		size_t valid = slm_utf8_valid_bytes(text + at, step);

		/* a step may cut the last character, at most 3 of its bytes */
		if (valid < step && (at + step == n || valid + 3 < step))
			return slm_fail(err, SLM_ERR_ENCODING, "text is not valid UTF-8 at byte %zu",
							at + valid);
		at += valid;
		if (at < n)
			SLM_TRY(slm_poll(host, err));
	}
	return SLM_OK;
}

static SlmStatus
tokenize(const SlmTokenizer *tokenizer, const SlmHost *host, const char *text, size_t n,
		 bool goes_on, SlmArena *arena, SlmTokens *out, SlmError *err)
{
	SlmBlobHeader header;
	const Algorithm *algorithm = find_algorithm(tokenizer->kind);
	SlmRun run = {
		.blob = tokenizer->blob,
		.header = &header,
		.host = host,
		.text = (const uint8_t *) text,
		.n = (uint32_t) n,
		.goes_on = goes_on,
		.arena = arena,
		.err = err,
	};

	if (n > SLM_MAX_INPUT_BYTES)
		return slm_fail(err, SLM_ERR_LIMIT, "text has %zu bytes, over the limit of %u", n,
						SLM_MAX_INPUT_BYTES);
	SLM_TRY(slm_poll(host, err));
	SLM_TRY(check_utf8(host, run.text, n, err));
	SLM_TRY(slm_blob_open(tokenizer->blob, tokenizer->blob_bytes, &header, err));
	if (algorithm == NULL || header.kind != tokenizer->kind || header.n_vocab != tokenizer->n_vocab)
		return slm_fail(err, SLM_ERR_CORRUPT, "tokenizer section changed after it was opened");
	/* a token per 3 bytes is more than most texts have, one per byte the most of a short one */
	SLM_TRY(slm_sink_init(&run.sink, n < 1024 ? n + 1 : n / 3, arena, err));
	if (n > 0)
		SLM_TRY(algorithm->run(&run));
	*out = run.sink.tokens;
	return SLM_OK;
}

SlmStatus
slm_tokenize(const SlmTokenizer *tokenizer, const SlmHost *host, const char *text, size_t n,
			 SlmArena *arena, SlmTokens *out, SlmError *err)
{
	return tokenize(tokenizer, host, text, n, false, arena, out, err);
}

SlmStatus
slm_tokenize_more(const SlmTokenizer *tokenizer, const SlmHost *host, const char *text, size_t n,
				  SlmArena *arena, SlmTokens *out, SlmError *err)
{
	return tokenize(tokenizer, host, text, n, true, arena, out, err);
}

/* What the sections say of the tokens; false when the blob is not whole. */
typedef struct TokenView
{
	SlmBlobHeader header;
	const uint32_t *ends;
	const char *bytes;
	const uint8_t *type;
	uint64_t n_bytes;
	int32_t n; /* tokens that all of them have */
} TokenView;

static bool
view_tokens(const SlmTokenizer *tokenizer, TokenView *v)
{
	uint64_t n_end, n_type;

	if (slm_blob_open(tokenizer->blob, tokenizer->blob_bytes, &v->header, NULL) != SLM_OK)
		return false;
	v->ends = slm_blob_section(tokenizer->blob, &v->header, SLM_SECTION_TOKEN_ENDS,
							   sizeof(*v->ends), &n_end);
	v->bytes =
		slm_blob_section(tokenizer->blob, &v->header, SLM_SECTION_TOKEN_BYTES, 1, &v->n_bytes);
	v->type = slm_blob_section(tokenizer->blob, &v->header, SLM_SECTION_TOKEN_TYPES, 1, &n_type);
	v->n = v->header.n_vocab;
	v->n = (uint64_t) v->n < n_end ? v->n : (int32_t) n_end;
	v->n = (uint64_t) v->n < n_type ? v->n : (int32_t) n_type;
	return true;
}

static SlmText
text_of(const TokenView *v, int32_t id)
{
	uint32_t start, end;

	if (id < 0 || id >= v->n)
		return (SlmText){"", 0};
	start = id > 0 ? slm_read_u32(&v->ends[id - 1]) : 0;
	end = slm_read_u32(&v->ends[id]);
	if (start > end || end > v->n_bytes)
		return (SlmText){"", 0};
	return (SlmText){v->bytes + start, end - start};
}

static bool
is_control(const TokenView *v, int32_t id)
{
	return id < 0 || id >= v->n || v->type[id] == SLM_TOKEN_CONTROL ||
		   v->type[id] == SLM_TOKEN_UNKNOWN || v->type[id] == SLM_TOKEN_UNUSED;
}

SlmText
slm_token_text(const SlmTokenizer *tokenizer, int32_t id)
{
	TokenView v;

	return view_tokens(tokenizer, &v) ? text_of(&v, id) : (SlmText){"", 0};
}

SlmStatus
slm_tokenizer_differ(const SlmTokenizer *a, const SlmTokenizer *b, const SlmHost *host,
					 int32_t *out, SlmError *err)
{
	TokenView va, vb;
	int32_t n;

	*out = 0;
	if (a->kind != b->kind || !view_tokens(a, &va) || !view_tokens(b, &vb))
		return SLM_OK;
	n = va.n < vb.n ? va.n : vb.n;
	for (int32_t i = 0; i < n; i++)
	{
		SlmText x = text_of(&va, i), y = text_of(&vb, i);

		if (i % POLL_TOKENS == 0)
			SLM_TRY(slm_poll(host, err));
		*out = i;
		if (va.type[i] != vb.type[i] || x.size != y.size || memcmp(x.data, y.data, x.size) != 0)
			return SLM_OK;
	}
	*out = -1;
	return SLM_OK;
}

bool
slm_token_is_control(const SlmTokenizer *tokenizer, int32_t id)
{
	TokenView v;

	return !view_tokens(tokenizer, &v) || is_control(&v, id);
}

uint32_t
slm_token_bytes(const SlmTokenizer *tokenizer, int32_t id, uint8_t *out)
{
	const Algorithm *algorithm = find_algorithm(tokenizer->kind);
	TokenView v;
	SlmText text;

	if (algorithm == NULL || !view_tokens(tokenizer, &v) || is_control(&v, id))
		return 0;
	text = text_of(&v, id);
	if (text.size > SLM_MAX_TOKEN_BYTES)
		return 0;
	if (algorithm->bytes != NULL)
		return algorithm->bytes(text, (SlmTokenType) v.type[id], out);
	memcpy(out, text.data, text.size);
	return (uint32_t) text.size;
}

/* The first token of a type and a spelling, -1 where there is none. */
static int32_t
find_token(const SlmTokenizer *tokenizer, uint8_t type, SlmText spelling)
{
	TokenView v;

	if (!view_tokens(tokenizer, &v))
		return -1;
	for (int32_t id = 0; id < v.n; id++)
	{
		SlmText text;

		if (v.type[id] != type)
			continue;
		text = text_of(&v, id);
		if (text.size == spelling.size && memcmp(text.data, spelling.data, text.size) == 0)
			return id;
	}
	return -1;
}

int32_t
slm_token_control(const SlmTokenizer *tokenizer, SlmText spelling)
{
	return find_token(tokenizer, SLM_TOKEN_CONTROL, spelling);
}

int32_t
slm_token_special(const SlmTokenizer *tokenizer, SlmText spelling)
{
	int32_t id = slm_token_control(tokenizer, spelling);

	return id >= 0 ? id : find_token(tokenizer, SLM_TOKEN_USER_DEFINED, spelling);
}
