/*
 * tokenize.c - the tokenizer as a filter, for comparisons with other programs
 *
 *     tokenize VOCABULARY.gguf < texts > tokens
 *     tokenize --bench VOCABULARY.gguf < texts
 *
 * A text is u32 bytes and the bytes; for each the answer is i32 n, then n ids
 * (i32), n starts and n ends (u32); n = -1 when the text was refused.  With
 * --bench the texts are tokenized again and again for 2 seconds of CPU time and
 * the speed is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gguf/gguf.h"
#include "host.h"
#include "tokenizer/tokenizer.h"

#define BENCH_SECONDS 2.0

typedef struct Bytes
{
	uint8_t *data;
	size_t size;
} Bytes;

static Bytes
read_all(FILE *file)
{
	Bytes bytes = {NULL, 0};
	size_t capacity = 1 << 20;
	size_t got;

	bytes.data = malloc(capacity);
	while (bytes.data != NULL &&
		   (got = fread(bytes.data + bytes.size, 1, capacity - bytes.size, file)) > 0)
	{
		bytes.size += got;
		if (bytes.size == capacity)
		{
			capacity *= 2;
			bytes.data = realloc(bytes.data, capacity);
		}
	}
	if (bytes.data == NULL)
		exit(2);
	return bytes;
}

static void
die(const char *what, const SlmError *err)
{
	fprintf(stderr, "tokenize: %s: %s\n", what, err->message);
	exit(1);
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec + (double) time.tv_nsec * 1e-9;
}

/* Tokenizes every text; writes the answers when write is set. Returns the tokens. */
static int64_t
run(const SlmTokenizer *tokenizer, const Bytes *in, SlmArena *arena, int write, int64_t *n_text)
{
	int64_t total = 0;
	size_t at = 0;

	*n_text = 0;
	while (in->size - at >= 4)
	{
		SlmError err;
		SlmTokens tokens;
		uint32_t n;

		memcpy(&n, in->data + at, 4);
		at += 4;
		if (n > in->size - at)
			break;
		if (slm_tokenize(tokenizer, test_host(), (const char *) in->data + at, n, arena, &tokens,
						 &err) != SLM_OK)
			tokens.n = -1;
		at += n;
		if (write)
		{
			fwrite(&tokens.n, 4, 1, stdout);
			if (tokens.n > 0)
			{
				fwrite(tokens.id, 4, (size_t) tokens.n, stdout);
				fwrite(tokens.start, 4, (size_t) tokens.n, stdout);
				fwrite(tokens.end, 4, (size_t) tokens.n, stdout);
			}
		}
		total += tokens.n > 0 ? tokens.n : 0;
		(*n_text)++;
		slm_arena_reset(arena);
	}
	return total;
}

int
main(int argc, char **argv)
{
	int bench = argc == 3 && strcmp(argv[1], "--bench") == 0;
	FILE *file = argc == 2 + bench ? fopen(argv[argc - 1], "rb") : NULL;
	Bytes gguf_bytes, in;
	SlmArena load, arena;
	SlmGguf gguf;
	SlmTokenizer tokenizer;
	SlmError err;
	const void *blob;
	size_t blob_bytes;
	bool need_more;
	double start;
	int64_t n_text;

	if (file == NULL)
	{
		fprintf(stderr, "usage: tokenize [--bench] VOCABULARY.gguf < texts > tokens\n");
		return 2;
	}
	gguf_bytes = read_all(file);
	fclose(file);
	slm_arena_init(&load, test_host(), (size_t) 4 << 30);
	slm_arena_init(&arena, test_host(), (size_t) 4 << 30);
	if (slm_gguf_parse(gguf_bytes.data, gguf_bytes.size, gguf_bytes.size, test_host(), &load, &gguf,
					   &need_more, &err) != SLM_OK)
		die(argv[argc - 1], &err);
	start = now();
	if (slm_tokenizer_build(&gguf, test_host(), &load, &blob, &blob_bytes, &err) != SLM_OK ||
		slm_tokenizer_open(blob, blob_bytes, &tokenizer, &err) != SLM_OK)
		die(argv[argc - 1], &err);
	if (bench)
		printf("build %.1f ms, blob %zu bytes\n", (now() - start) * 1e3, blob_bytes);
	in = read_all(stdin);
	if (!bench)
		run(&tokenizer, &in, &arena, 1, &n_text);
	else
	{
		int64_t texts = 0, tokens = 0;
		double seconds;

		run(&tokenizer, &in, &arena, 0, &n_text);
		start = now();
		do
		{
			tokens += run(&tokenizer, &in, &arena, 0, &n_text);
			texts += n_text;
			seconds = now() - start;
		} while (seconds < BENCH_SECONDS);
		printf("%.3f M tokens/s, %.3f us/text, %.1f tokens/text\n",
			   (double) tokens / seconds * 1e-6, seconds / (double) texts * 1e6,
			   (double) tokens / (double) texts);
	}
	slm_arena_trim(&arena, 0);
	slm_arena_trim(&load, 0);
	free(in.data);
	free(gguf_bytes.data);
	return 0;
}
