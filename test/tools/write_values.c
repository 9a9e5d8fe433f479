/*
 * write_values.c - lets a model write values of schemas, as slm_generate() and slm_extract() do
 *
 *     write_values MODEL.gguf FORMAT TEMPERATURE SEED COUNT MAX_TOKENS < SCHEMAS
 *
 * A line of SCHEMAS is a JSON Schema, perhaps with a tab and a text behind it that
 * its strings are then bound to.  Prints COUNT lines for each: the number of the
 * line, the tokens of a value, how many of them were forced, and the value, with
 * tabs between.  Where there is none, an ! and the error stand instead of it; a
 * schema that is refused has one line.  Each value has a prompt of its own, so that
 * those of temperature 0 differ too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "json_text.h"
#include "model_fixture.h"
#include "task/generate.h"

#define LINE_BYTES (1 << 20)
#define CONSTRAINT_BYTES ((size_t) 1 << 30)

typedef struct Wish
{
	float temperature;
	uint64_t seed;
	int count;
	int max_tokens;
} Wish;

static void
fail(int number, const SlmError *err)
{
	printf("%d\t0\t0\t!%s\n", number, err->message);
}

static void
write_all(ModelFixture *f, int number, const SlmConstraint *constraint, const char *text,
		  const Wish *wish)
{
	for (int i = 0; i < wish->count; i++)
	{
		static char user[LINE_BYTES + 64];
		SlmArenaMark mark = slm_arena_mark(f->run.arena);
		uint64_t seed = wish->seed + (uint64_t) i;
		SlmPrompt prompt = {
			.system = slm_text("Answer with JSON."),
			.max_tokens = wish->max_tokens,
			.sampling = {wish->temperature, seed},
			.constraint = constraint,
			.input = slm_text(text),
		};
		SlmWritten written;
		SlmStatus status;

		snprintf(user, sizeof(user), "Case %llu of %d. %s", (unsigned long long) seed, number,
				 text);
		prompt.user = slm_text(user);
		memset(&f->err, 0, sizeof(f->err));
		status = slm_task_generate(&f->run, &prompt, &written, &f->err);
		if (status != SLM_OK)
			fail(number, &f->err);
		else
		{
			printf("%d\t%d\t%d\t", number, written.n_token, written.n_forced);
			fwrite(written.text.data, 1, written.text.size, stdout);
			printf("\n");
		}
		slm_arena_rewind(f->run.arena, mark);
	}
}

static void
write_values(ModelFixture *f, const SlmMaskTree *tree, SlmArena *arena, int number, char *line,
			 const Wish *wish)
{
	static JsonText json;
	char *text = strchr(line, '\t');
	SlmConstraint *constraint;

	if (text != NULL)
		*text++ = '\0';
	json_text_read(&json, line);
	memset(&f->err, 0, sizeof(f->err));
	if (slm_constraint_new(tree, json.node, json.n, text != NULL, f->run.host, arena, &constraint,
						   &f->err) != SLM_OK)
		fail(number, &f->err);
	else
		write_all(f, number, constraint, text != NULL ? text : "", wish);
}

int
main(int argc, char **argv)
{
	static char line[LINE_BYTES];
	SlmMaskTree *tree;
	ModelFixture f;
	SlmArena arena;
	Wish wish;

	if (argc != 7)
	{
		fprintf(stderr,
				"usage: write_values MODEL.gguf FORMAT TEMPERATURE SEED COUNT MAX_TOKENS\n");
		return 2;
	}
	wish = (Wish){strtof(argv[3], NULL), strtoull(argv[4], NULL, 10), atoi(argv[5]), atoi(argv[6])};
	slm_arena_init(&arena, test_host(), CONSTRAINT_BYTES);
	if (model_fixture_load(&f, argv[1]) != SLM_OK ||
		slm_constraint_tree(f.run.model, f.run.host, f.run.arena, &arena, &tree, &f.err) != SLM_OK)
	{
		fprintf(stderr, "write_values: %s: %s\n", argv[1], f.err.message);
		return 1;
	}
	f.memory.options.prompt_format = slm_text(argv[2]);
	for (int number = 0; fgets(line, sizeof(line), stdin) != NULL; number++)
	{
		SlmArenaMark mark = slm_arena_mark(&arena);

		line[strcspn(line, "\n")] = '\0';
		write_values(&f, tree, &arena, number, line, &wish);
		slm_arena_rewind(&arena, mark);
	}
	slm_arena_trim(&arena, 0);
	model_fixture_free(&f);
	return 0;
}
