/*
 * tokenizer_fixture.c - a tokenizer over a vocabulary that a test writes
 */
#include "tokenizer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "host.h"

#define MAX_ARENA_BYTES ((size_t) 2 << 30)

static void
init(TokenizerFixture *f)
{
	memset(f, 0, sizeof(*f));
	slm_arena_init(&f->load, test_host(), MAX_ARENA_BYTES);
	slm_arena_init(&f->scratch, test_host(), MAX_ARENA_BYTES);
}

void
fixture_begin(TokenizerFixture *f, const char *model)
{
	init(f);
	gguf_begin(&f->builder);
	gguf_add_string(&f->builder, "tokenizer.ggml.model", model);
}

void
fixture_put_bytes(TokenizerFixture *f)
{
	uint32_t next = 0x100;

	for (uint32_t byte = 0; byte < 256; byte++)
	{
		bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
		uint8_t spelling[4];

		gguf_put_text(&f->builder.keys, spelling,
					  (uint64_t) slm_utf8_encode(printable ? byte : next++, spelling));
	}
}

void
fixture_begin_bytes(TokenizerFixture *f, const char *pre, const char *const *word, uint64_t n)
{
	fixture_begin(f, "gpt2");
	if (pre != NULL)
		gguf_add_string(&f->builder, "tokenizer.ggml.pre", pre);
	gguf_add_array(&f->builder, "tokenizer.ggml.tokens", SLM_GGUF_STRING, 256 + n);
	fixture_put_bytes(f);
	for (uint64_t i = 0; i < n; i++)
		gguf_put_string(&f->builder.keys, word[i]);
}

void
fixture_begin_pieces(TokenizerFixture *f, const char *model, const Piece *piece, uint64_t n)
{
	fixture_begin(f, model);
	gguf_add_array(&f->builder, "tokenizer.ggml.tokens", SLM_GGUF_STRING, n);
	for (uint64_t i = 0; i < n; i++)
		gguf_put_string(&f->builder.keys, piece[i].text);
	gguf_add_array(&f->builder, "tokenizer.ggml.scores", SLM_GGUF_F32, n);
	for (uint64_t i = 0; i < n; i++)
		gguf_put(&f->builder.keys, &piece[i].score, sizeof(float));
	gguf_add_array(&f->builder, "tokenizer.ggml.token_type", SLM_GGUF_I32, n);
	for (uint64_t i = 0; i < n; i++)
		gguf_put(&f->builder.keys, &piece[i].type, sizeof(int32_t));
}

void
fixture_tokens(TokenizerFixture *f, const char *words)
{
	uint64_t n = 1;

	for (const char *at = words; *at != '\0'; at++)
		n += *at == ' ';
	gguf_add_array(&f->builder, "tokenizer.ggml.tokens", SLM_GGUF_STRING, n);
	for (const char *at = words;; at++)
	{
		size_t length = strcspn(at, " ");

		gguf_put_text(&f->builder.keys, at, length);
		at += length;
		if (*at == '\0')
			break;
	}
}

static SlmStatus
open_file(TokenizerFixture *f)
{
	bool need_more;

	SLM_TRY(slm_gguf_parse(f->file.data, f->file.size, f->file.size, test_host(), &f->load,
						   &f->gguf, &need_more, &f->err));
	SLM_TRY(
		slm_tokenizer_build(&f->gguf, test_host(), &f->load, &f->blob, &f->blob_bytes, &f->err));
	return slm_tokenizer_open(f->blob, f->blob_bytes, &f->tokenizer, &f->err);
}

SlmStatus
fixture_finish(TokenizerFixture *f)
{
	gguf_finish(&f->builder, &f->file);
	return open_file(f);
}

SlmStatus
fixture_load(TokenizerFixture *f, const char *path)
{
	FILE *file = fopen(path, "rb");
	char part[65536];
	size_t n;

	init(f);
	if (file == NULL)
		return slm_fail(&f->err, SLM_ERR_NO_FILE, "cannot open %s", path);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		gguf_put(&f->file, part, n);
	fclose(file);
	return open_file(f);
}

SlmStatus
fixture_tokenize(TokenizerFixture *f, const void *text, size_t n)
{
	slm_arena_reset(&f->scratch);
	return slm_tokenize(&f->tokenizer, test_host(), text, n, &f->scratch, &f->tokens, &f->err);
}

static const char *
print_tokens(TokenizerFixture *f, const char *text, bool spans)
{
	size_t at = 0;

	if (fixture_tokenize(f, text, strlen(text)) != SLM_OK)
		return f->err.message;
	f->text[0] = '\0';
	for (int32_t i = 0; i < f->tokens.n && at + 40 < sizeof(f->text); i++)
	{
		at += (size_t) sprintf(f->text + at, "%s%d", i > 0 ? " " : "", f->tokens.id[i]);
		if (spans)
			at += (size_t) sprintf(f->text + at, ":%u-%u", f->tokens.start[i], f->tokens.end[i]);
	}
	return f->text;
}

const char *
fixture_ids(TokenizerFixture *f, const char *text)
{
	return print_tokens(f, text, false);
}

const char *
fixture_spans(TokenizerFixture *f, const char *text)
{
	return print_tokens(f, text, true);
}

/* The best of several runs; a failed one takes for ever. */
static double
seconds_for(TokenizerFixture *f, const char *text, size_t n)
{
	double best = 1e9;

	for (int i = 0; i < 5; i++)
	{
		double start = check_cpu_seconds();
		double seconds;

		if (fixture_tokenize(f, text, n) != SLM_OK)
			return 1e9;
		seconds = check_cpu_seconds() - start;
		best = seconds < best ? seconds : best;
	}
	return best;
}

bool
fixture_is_linear(TokenizerFixture *f, const char *unit)
{
	size_t length = strlen(unit);
	size_t n = ((size_t) 1 << 18) / length * length;
	char *text = malloc(4 * n);
	double one, two, four;

	for (size_t at = 0; at < 4 * n; at += length)
		memcpy(text + at, unit, length);
	one = seconds_for(f, text, n);
	two = seconds_for(f, text, 2 * n);
	four = seconds_for(f, text, 4 * n);
	free(text);
	printf("# %.4f s for 1 MB, ratio of doubling %.2f\n", four, four / two);
	return four < 1.0 * check_patience() && four <= one * 8.0;
}

size_t
fixture_unescape(char *text)
{
	size_t to = 0;

	for (size_t at = 0; text[at] != '\0' && text[at] != '\n';)
	{
		unsigned byte;

		if (text[at] != '\\')
			text[to++] = text[at++];
		else if (text[at + 1] == '\\')
		{
			text[to++] = '\\';
			at += 2;
		}
		else
		{
			if (sscanf(text + at, "\\x%2x", &byte) != 1)
				break;
			text[to++] = (char) byte;
			at += 4;
		}
	}
	return to;
}

void
fixture_free(TokenizerFixture *f)
{
	slm_arena_trim(&f->load, 0);
	slm_arena_trim(&f->scratch, 0);
	gguf_bytes_free(&f->file);
}
