/*
 * model_fixture.c - a model file of test/golden, opened, with a run over it
 */
#include "model_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "host.h"

void *
read_whole_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long n;

	if (file == NULL)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (n = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
	{
		data = malloc((size_t) n + 1);
		*size = data != NULL ? fread(data, 1, (size_t) n, file) : 0;
	}
	fclose(file);
	return data;
}

Lines
lines_of(const char *path)
{
	size_t size;
	char *text = read_whole_file(path, &size);

	if (text != NULL)
		text[size] = 0;
	return (Lines){text, text};
}

char *
lines_next(Lines *lines)
{
	char *line = lines->next;

	if (line == NULL || *line == 0)
	{
		free(lines->text);
		*lines = (Lines){NULL, NULL};
		return NULL;
	}
	lines->next = strchr(line, '\n');
	*lines->next++ = 0;
	return line;
}

SlmStatus
model_fixture_load(ModelFixture *f, const char *path)
{
	size_t size = 0;
	void *data = read_whole_file(path, &size);
	SlmStatus status;

	*f = (ModelFixture){0};
	if (data == NULL)
		return slm_fail(&f->err, SLM_ERR_NO_FILE, "cannot read \"%s\"", path);
	status = memory_model_load(&f->memory, data, size, &f->err);
	free(data);
	f->run.model = f->memory.model;
	f->run.options = &f->memory.options;
	f->run.kernels = slm_kernels(SLM_ISA_AUTO);
	f->run.host = test_host();
	f->run.arena = &f->memory.arena;
	slm_arena_reset(&f->memory.arena);
	return status;
}

void
model_fixture_free(ModelFixture *f)
{
	memory_model_free(&f->memory);
}

SlmIsa
next_isa(SlmIsa isa)
{
	do
		isa = (SlmIsa) (isa + 1);
	while (isa < SLM_ISA_COUNT && !slm_isa_available(isa));
	return isa;
}

double
error_of(const float *a, const float *b, int n)
{
	double error = 0, size = 0;

	for (int i = 0; i < n; i++)
	{
		error += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
		size += (double) b[i] * b[i];
	}
	return error / size;
}

double
cosine_of(const float *a, const float *b, int n)
{
	double ab = 0, aa = 0, bb = 0;

	for (int i = 0; i < n; i++)
	{
		ab += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}
