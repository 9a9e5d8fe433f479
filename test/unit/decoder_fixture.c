/*
 * decoder_fixture.c - the models decoder-*.gguf and what transformers computes with them
 */
#include "decoder_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

DecoderGolden decoder[MAX_DECODERS];
int n_decoder;

static bool
read_numbers(const char *at, int32_t *out, int n)
{
	for (int i = 0; i < n; i++)
	{
		char *end;

		out[i] = (int32_t) strtol(at, &end, 10);
		if (end == at)
			return false;
		at = end;
	}
	return true;
}

static bool
read_position(DecoderGolden *g, char *at)
{
	int i = g->n++;

	if (i >= DECODER_LENGTH)
		return false;
	g->at[i].at = (int) strtol(at, &at, 10);
	g->at[i].top = (int) strtol(at, &at, 10);
	g->at[i].margin = strtod(at, &at);
	g->at[i].size = strtod(at, &at);
	for (int j = 0; j < DECODER_ROWS; j++)
		g->at[i].logit[j] = strtod(at, &at);
	return g->at[i].at >= 0 && g->at[i].at < DECODER_LENGTH;
}

static bool
read_line(char *line)
{
	DecoderGolden *g = n_decoder > 0 ? &decoder[n_decoder - 1] : NULL;

	if (strncmp(line, "model ", 6) == 0)
	{
		char name[sizeof(g->name)];

		if (n_decoder == MAX_DECODERS)
			return false;
		g = &decoder[n_decoder++];
		if (sscanf(line, "model %31s %lf", name, &g->nmse) != 2)
			return false;
		snprintf(g->path, sizeof(g->path), FIXTURE_DIR "decoder-%s.gguf", name);
		memcpy(g->name, name, sizeof(name));
		return true;
	}
	if (g != NULL && strncmp(line, "ids ", 4) == 0)
		return read_numbers(line + 4, g->id, DECODER_LENGTH);
	if (g != NULL && strncmp(line, "rows ", 5) == 0)
		return read_numbers(line + 5, g->row, DECODER_ROWS);
	if (g != NULL && strncmp(line, "at ", 3) == 0)
		return read_position(g, line + 3);
	return true;
}

bool
decoders_read(void)
{
	Lines lines;
	bool good = true;

	if (n_decoder > 0)
		return true;
	lines = lines_of(FIXTURE_DIR "decoders.txt");
	for (char *line; (line = lines_next(&lines)) != NULL;)
		good = good && read_line(line);
	return good && n_decoder > 0;
}

const DecoderGolden *
decoder_find(const char *name)
{
	for (int i = 0; i < n_decoder; i++)
		if (strcmp(decoder[i].name, name) == 0)
			return &decoder[i];
	return NULL;
}

SlmStatus
decoder_logits(ModelFixture *f, const DecoderGolden *g, int step, float *logits)
{
	size_t n_vocab = (size_t) slm_model_info(f->run.model)->n_vocab;
	SlmArenaMark mark = slm_arena_mark(f->run.arena);
	SlmDecoder *d;

	SLM_TRY(slm_decoder_new(&f->run, 1, DECODER_LENGTH, &d, &f->err));
	for (int i = 0; i < DECODER_LENGTH; i += step)
	{
		int n = DECODER_LENGTH - i < step ? DECODER_LENGTH - i : step;
		SlmStep s = {0, g->id + i, n, n};

		SLM_TRY(slm_decode(d, &s, 1, NULL, (int) n_vocab, logits + (size_t) i * n_vocab, &f->err));
	}
	slm_arena_rewind(f->run.arena, mark);
	return SLM_OK;
}
