/*
 * decode.c - a decoder as a filter, for comparisons with other programs
 *
 *     decode [--cache TYPE] MODEL.gguf < ids > logits
 *     decode [--cache TYPE] --bench PROMPT TOKENS ROWS MODEL.gguf
 *
 * A sequence is i32 n and n token ids (i32); for each the answer is the floats of
 * all logits after each of its tokens, [n][n_vocab].  With --bench each of ROWS
 * sequences reads a prompt of so many tokens, and so many more are fed one by one,
 * whatever they are, to all of them in one step; the speeds of both by CPU time are
 * printed.  TYPE is what keys and values are kept as: F32, F16 or Q8_0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/decode.h"
#include "model_fixture.h"

#define MAX_TOKENS 65536
#define MAX_ROWS 64

static void
die(const char *what, const SlmError *err)
{
	fprintf(stderr, "decode: %s: %s\n", what, err->message);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

/* Logits after each of n tokens, written as they are. */
static void
answer(ModelFixture *f, const int32_t *id, int32_t n)
{
	int n_vocab = slm_model_info(f->run.model)->n_vocab;
	SlmArenaMark mark = slm_arena_mark(f->run.arena);
	SlmStep step = {0, id, n, n};
	SlmDecoder *d;
	float *logits;

	if (slm_decoder_new(&f->run, 1, n, &d, &f->err) != SLM_OK ||
		SLM_NEW_ARRAY(f->run.arena, (size_t) n * (size_t) n_vocab, &logits, &f->err) != SLM_OK ||
		slm_decode(d, &step, 1, NULL, n_vocab, logits, &f->err) != SLM_OK)
		die("sequence", &f->err);
	fwrite(logits, sizeof(float), (size_t) n * (size_t) n_vocab, stdout);
	slm_arena_rewind(f->run.arena, mark);
}

static void
bench(ModelFixture *f, int n_prompt, int n_more, int n_row)
{
	int n_vocab = slm_model_info(f->run.model)->n_vocab, n_token = n_prompt + n_more;
	float *logits = malloc((size_t) n_row * (size_t) n_vocab * sizeof(float));
	int32_t *id = calloc((size_t) n_row * (size_t) n_token, sizeof(*id));
	SlmStep step[MAX_ROWS];
	SlmDecoder *d;
	double start, read;

	if (logits == NULL || id == NULL)
		exit(2);
	for (int i = 0; i < n_row * n_token; i++)
		id[i] = (int32_t) ((int64_t) i * 7919 % n_vocab);
	if (slm_decoder_new(&f->run, n_row, n_token, &d, &f->err) != SLM_OK)
		die("decoder", &f->err);
	start = now();
	for (int r = 0; r < n_row; r++)
	{
		step[r] = (SlmStep){r, id + r * n_token, n_prompt, 1};
		if (slm_decode(d, &step[r], 1, NULL, n_vocab, logits, &f->err) != SLM_OK)
			die("prompt", &f->err);
	}
	read = now();
	for (int i = 0; i < n_more; i++)
	{
		for (int r = 0; r < n_row; r++)
			step[r] = (SlmStep){r, id + r * n_token + n_prompt + i, 1, 1};
		if (slm_decode(d, step, n_row, NULL, n_vocab, logits, &f->err) != SLM_OK)
			die("token", &f->err);
	}
	printf("%d prompts of %d tokens: %.1f tokens/s, then %d tokens each: %.1f tokens/s\n", n_row,
		   n_prompt, n_row * n_prompt / (read - start), n_more, n_row * n_more / (now() - read));
	free(logits);
	free(id);
}

/* F32 where the name is none of a cache's types. */
static SlmDtype
cache_type(const char *name)
{
	return strcmp(name, "F16") == 0    ? SLM_DTYPE_F16
		   : strcmp(name, "Q8_0") == 0 ? SLM_DTYPE_Q8_0
									   : SLM_DTYPE_F32;
}

int
main(int argc, char **argv)
{
	SlmDtype type = SLM_DTYPE_F32;
	ModelFixture f;
	bool measure;
	int32_t n;

	if (argc > 3 && strcmp(argv[1], "--cache") == 0)
	{
		type = cache_type(argv[2]);
		argv += 2;
		argc -= 2;
	}
	measure = argc == 6 && strcmp(argv[1], "--bench") == 0;
	if (argc != 2 && !measure)
	{
		fprintf(stderr, "decode [--cache TYPE] [--bench PROMPT TOKENS ROWS] MODEL.gguf\n");
		return 2;
	}
	if (model_fixture_load(&f, argv[argc - 1]) != SLM_OK)
		die(argv[argc - 1], &f.err);
	f.memory.options.cache_type = type;
	if (measure)
		bench(&f, atoi(argv[2]), atoi(argv[3]),
			  atoi(argv[4]) < MAX_ROWS ? atoi(argv[4]) : MAX_ROWS);
	while (!measure && fread(&n, sizeof(n), 1, stdin) == 1)
	{
		int32_t id[MAX_TOKENS];

		if (n < 1 || n > MAX_TOKENS || fread(id, sizeof(*id), (size_t) n, stdin) != (size_t) n)
			return 2;
		answer(&f, id, n);
	}
	model_fixture_free(&f);
	return 0;
}
