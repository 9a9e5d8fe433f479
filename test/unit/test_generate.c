/*
 * test_generate.c - what decoders write: limits, forms, and the text that fields are bound to
 *
 * Over src/task (generate, constraint, field_prompt, write_fields) with the random
 * models of test/golden/make_decoders.py: whatever a model says, its answer keeps
 * to its form.
 */
#include "base/limits.h"
#include "base/utf8.h"
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "model_fixture.h"
#include "task/field_prompt.h"
#include "task/write_fields.h"
#include "tokenizer_fixture.h"

#include <math.h>

#define QWEN FIXTURE_DIR "decoder-qwen2.gguf"
#define LLAMA FIXTURE_DIR "decoder-llama.gguf"
#define SPM FIXTURE_DIR "decoder-spm.gguf"
#define WRITTEN FIXTURE_DIR "written.txt"

static JsonText json;

static void
load(ModelFixture *f, const char *path)
{
	CHECK_STATUS(model_fixture_load(f, path), SLM_OK);
}

static SlmPrompt
prompt_of(const char *user, int max_tokens, float temperature, uint64_t seed)
{
	return (SlmPrompt){.system = slm_text(""),
					   .user = slm_text(user),
					   .max_tokens = max_tokens,
					   .sampling = {temperature, seed}};
}

static void
free_text(void)
{
	SlmPrompt one = prompt_of("the ring on", 40, 0.0f, 0);
	SlmWritten a, b;
	ModelFixture f;
	int differ = 0;

	load(&f, QWEN);
	CHECK_STATUS(slm_task_generate(&f.run, &one, &a, &f.err), SLM_OK);
	CHECK_STATUS(slm_task_generate(&f.run, &one, &b, &f.err), SLM_OK);
	CHECK(a.n_token > 0 && a.n_token <= 40 && a.n_forced == 0);
	CHECK(a.text.size == b.text.size && memcmp(a.text.data, b.text.data, a.text.size) == 0);
	for (uint64_t seed = 0; seed < 20; seed++)
	{
		SlmPrompt p = prompt_of("the ring on", 40, 1.0f, seed);

		CHECK_STATUS(slm_task_generate(&f.run, &p, &b, &f.err), SLM_OK);
		CHECK(slm_utf8_valid_bytes((const uint8_t *) b.text.data, b.text.size) == b.text.size);
		CHECK(memchr(b.text.data, 0, b.text.size) == NULL);
		differ += a.text.size != b.text.size || memcmp(a.text.data, b.text.data, a.text.size) != 0;
	}
	CHECK(differ >= 19);
	model_fixture_free(&f);
}

/* What transformers writes with the same models, token for token. */
static void
text_of_transformers(void)
{
	FILE *file = fopen(WRITTEN, "r");
	char line[4096], loaded[32] = "";
	int n = 0;
	ModelFixture f;

	if (!CHECK(file != NULL))
		return;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char *text = strchr(line, '\t'), *answer = text != NULL ? strchr(text + 1, '\t') : NULL;
		char path[64];
		SlmPrompt p;
		SlmWritten out;
		size_t size;

		if (!CHECK(answer != NULL))
			break;
		*text++ = *answer++ = '\0';
		if (strcmp(loaded, line) != 0)
		{
			if (n > 0)
				model_fixture_free(&f);
			snprintf(loaded, sizeof(loaded), "%.20s", line);
			snprintf(path, sizeof(path), FIXTURE_DIR "decoder-%.20s.gguf", line);
			load(&f, path);
		}
		p = prompt_of("", 24, 0.0f, 0);
		p.user = (SlmText){text, fixture_unescape(text)};
		size = fixture_unescape(answer);
		CHECK_STATUS(slm_task_generate(&f.run, &p, &out, &f.err), SLM_OK);
		if (!CHECK(out.text.size == size && memcmp(out.text.data, answer, size) == 0))
			printf("# %s after %s: %.*s\n", loaded, text, (int) out.text.size, out.text.data);
		n++;
	}
	model_fixture_free(&f);
	fclose(file);
	CHECK(n >= 8);
}

static void
limits(void)
{
	static char text[600];
	SlmPrompt p = prompt_of("x", 0, 0.0f, 0);
	SlmWritten out;
	ModelFixture f;

	load(&f, QWEN);
	CHECK_STATUS(slm_task_check_prompt(&p, &f.err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "max_tokens must be from 1 to 100000");
	p = prompt_of("x", SLM_MAX_GENERATED_TOKENS + 1, 0.0f, 0);
	CHECK_STATUS(slm_task_check_prompt(&p, &f.err), SLM_ERR_ARGUMENT);
	p = prompt_of("x", SLM_MAX_GENERATED_TOKENS, -1.0f, 0);
	CHECK_STATUS(slm_task_check_prompt(&p, &f.err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "temperature must not be negative");
	p.sampling.temperature = NAN;
	CHECK_STATUS(slm_task_check_prompt(&p, &f.err), SLM_ERR_ARGUMENT);
	/* 511 letters and a line end are 512 tokens, one too many to say something */
	memset(text, 'q', 511);
	p = prompt_of(text, 5, 0.0f, 0);
	CHECK_STATUS(slm_task_generate(&f.run, &p, &out, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "prompt of 512 tokens leaves no room in the context of 512");
	text[510] = 0;
	p = prompt_of(text, 5, 0.0f, 0);
	CHECK_STATUS(slm_task_generate(&f.run, &p, &out, &f.err), SLM_OK);
	CHECK(out.n_token <= 2); /* the context ends the answer */
	f.run.max_input_tokens = 3;
	p = prompt_of("abcd", 5, 0.0f, 0);
	CHECK_STATUS(slm_task_generate(&f.run, &p, &out, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "exceeds the limit of 3");
	model_fixture_free(&f);
}

/* Is it a value of the grammar? */
static bool
keeps_to(const SlmConstraint *constraint, SlmText text)
{
	SlmGrammarState state;

	slm_grammar_start(constraint->grammar, NULL, &state);
	for (size_t i = 0; i < text.size; i++)
		if (!slm_grammar_step(constraint->grammar, &state, (uint8_t) text.data[i]))
			return false;
	return slm_grammar_done(constraint->grammar, &state);
}

static void
answers_keep_to_schemas(void)
{
	static const char *const schemas[] = {
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"enum\":[\"x\","
		"\"yy\",null]}},\"required\":[\"a\",\"b\"]}",
		"{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},\"minItems\":2,\"maxItems\":4}",
		"{\"type\":\"string\",\"maxLength\":12}",
		"{\"type\":\"object\",\"properties\":{\"day\":{\"type\":\"string\",\"format\":\"date\"},"
		"\"in\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\"}},\"required\":["
		"\"n\"]}},\"required\":[\"day\",\"in\"]}",
		"{\"enum\":[\"only this long answer\"]}",
		"{\"type\":\"string\",\"pattern\":\"^[A-Z]{2}-[0-9]{3}$\"}",
		/* a tokenizer makes one character of the two */
		"{\"properties\":{\"e\\u0301 e\\u0301\":{\"enum\":[\"e\\u0301\",\"a  b\"]}},\"required\":["
		"\"e\\u0301 e\\u0301\"]}",
	};
	static const char *const models[] = {QWEN, LLAMA, SPM};
	int n = 0, n_forced = 0;

	for (int m = 0; m < 3; m++)
	{
		ModelFixture f;

		SlmArena shared;
		SlmMaskTree *tree;

		load(&f, models[m]);
		slm_arena_init(&shared, test_host(), 64 << 20);
		CHECK_STATUS(
			slm_constraint_tree(f.run.model, test_host(), f.run.arena, &shared, &tree, &f.err),
			SLM_OK);
		for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
		{
			SlmArena kept;
			SlmConstraint *constraint;

			slm_arena_init(&kept, test_host(), 64 << 20);
			json_text_read(&json, schemas[i]);
			CHECK_STATUS(slm_constraint_new(tree, json.node, json.n, false, test_host(), &kept,
											&constraint, &f.err),
						 SLM_OK);
			for (uint64_t seed = 0; seed < 12; seed++)
			{
				SlmPrompt p = prompt_of("say", 200, seed == 0 ? 0.0f : 1.5f, seed);
				SlmArenaMark mark = slm_arena_mark(f.run.arena);
				SlmWritten out;

				p.constraint = constraint;
				CHECK_STATUS(slm_task_generate(&f.run, &p, &out, &f.err), SLM_OK);
				if (!CHECK(keeps_to(constraint, out.text)))
					printf("# %.*s\n", (int) out.text.size, out.text.data);
				n++;
				n_forced += out.n_forced;
				slm_arena_rewind(f.run.arena, mark);
			}
			slm_arena_trim(&kept, 0);
		}
		slm_arena_trim(&shared, 0);
		model_fixture_free(&f);
	}
	printf("# %d answers, %d tokens were forced\n", n, n_forced);
	CHECK(n_forced > n);
}

static void
an_answer_that_does_not_fit(void)
{
	SlmPrompt p = prompt_of("say", 3, 0.0f, 0);
	SlmConstraint *constraint;
	SlmMaskTree *tree;
	SlmWritten out;
	SlmArena kept;
	ModelFixture f;

	load(&f, QWEN);
	slm_arena_init(&kept, test_host(), 64 << 20);
	json_text_read(&json, "{\"enum\":[\"only this long answer\"]}");
	CHECK_STATUS(slm_constraint_tree(f.run.model, test_host(), f.run.arena, &kept, &tree, &f.err),
				 SLM_OK);
	CHECK_STATUS(
		slm_constraint_new(tree, json.node, json.n, false, test_host(), &kept, &constraint, &f.err),
		SLM_OK);
	p.constraint = constraint;
	CHECK_STATUS(slm_task_generate(&f.run, &p, &out, &f.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.err.message, "answer is not complete after 3 tokens");
	slm_arena_trim(&kept, 0);
	model_fixture_free(&f);
}

/* Each string between quotes behind a colon stands in the text, or is null. */
static bool
is_bound(SlmText answer, const char *text)
{
	const char *end = answer.data + answer.size, *at = answer.data;
	char value[256];

	while ((at = memchr(at, ':', (size_t) (end - at))) != NULL)
	{
		const char *stop;

		at += 2;
		if (*at != '"')
			continue;
		stop = memchr(at + 1, '"', (size_t) (end - at - 1));
		snprintf(value, sizeof(value), "%.*s", (int) (stop - at - 1), at + 1);
		if (strstr(text, value) == NULL)
			return false;
		at = stop;
	}
	return true;
}

static void
fields_are_bound_to_the_text(void)
{
	static const char *const text[] = {"the red ring is at the inn", "in", "",
									   "an engine ate the train on the thing"};
	SlmText input[4];
	SlmStatus status[4];
	SlmExtraction out[4];
	SlmConstraint *constraint;
	SlmMaskTree *tree;
	SlmSchema *schema;
	SlmArena kept;
	ModelFixture f;

	load(&f, QWEN);
	slm_arena_init(&kept, test_host(), 64 << 20);
	json_text_read(&json, "[\"first\", \"second\"]");
	CHECK_STATUS(slm_schema_read(json.node, json.n, &kept, &schema, &f.err), SLM_OK);
	CHECK_STATUS(slm_constraint_tree(f.run.model, test_host(), f.run.arena, &kept, &tree, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_task_field_constraint(tree, schema, test_host(), f.run.arena, &kept,
										   &constraint, &f.err),
				 SLM_OK);
	for (int i = 0; i < 4; i++)
		input[i] = slm_text(text[i]);
	CHECK_STATUS(slm_task_write_fields(&f.run, input, 4, schema, constraint, slm_text(""), out,
									   status, &f.err),
				 SLM_OK);
	for (int i = 0; i < 4; i++)
	{
		CHECK_STATUS(status[i], SLM_OK);
		CHECK(memcmp(out[i].json.data, "{\"first\": ", 10) == 0);
		CHECK(is_bound(out[i].json, text[i]));
		CHECK_INT(out[i].n_value, 0);
	}
	/* alone, a row has the same answer */
	{
		SlmExtraction alone;

		CHECK_STATUS(slm_task_write_fields(&f.run, input + 3, 1, schema, constraint, slm_text(""),
										   &alone, NULL, &f.err),
					 SLM_OK);
		CHECK(alone.json.size == out[3].json.size &&
			  memcmp(alone.json.data, out[3].json.data, alone.json.size) == 0);
	}
	slm_arena_trim(&kept, 0);
	model_fixture_free(&f);
}

static void
what_a_decoder_reads(void)
{
	SlmArena arena;
	SlmSchema *schema;
	SlmText out;
	SlmError err;

	slm_arena_init(&arena, test_host(), 16 << 20);
	json_text_read(&json, "{\"type\":\"object\",\"properties\":{\"order\":{\"type\":\"object\","
						  "\"properties\":{\"number\":"
						  "{\"type\":\"string\",\"description\":\"on the "
						  "invoice\"}},\"required\":[\"number\"]},\"urgency\":{\"enum\":"
						  "[\"low\",\"high\"]},\"when\":{\"type\":[\"string\",\"null\"],\"format\":"
						  "\"date\"},\"tags\":{\"type\":"
						  "\"array\",\"items\":{\"type\":\"string\"}}},\"required\":[\"order\","
						  "\"urgency\",\"when\",\"tags\"]}");
	CHECK_STATUS(slm_schema_read(json.node, json.n, &arena, &schema, &err), SLM_OK);
	CHECK_STATUS(slm_field_prompt(schema, slm_text("some text"), &arena, &out, &err), SLM_OK);
	CHECK(out.size < 1000 && memcmp(out.data,
									"Fields:\n- order.number: string; on the invoice\n"
									"- urgency: low | high\n- when: date or null\n"
									"- tags: list of string\n\nText:\nsome text",
									out.size) == 0);
	slm_arena_trim(&arena, 0);
}

static void
which_models_write(void)
{
	ModelFixture f;

	CHECK_STATUS(model_fixture_load(&f, QWEN), SLM_OK);
	CHECK(slm_task_writes(f.run.model, f.run.options));
	f.memory.options.pooling = SLM_POOLING_LAST;
	CHECK(!slm_task_writes(f.run.model, f.run.options));
	model_fixture_free(&f);
	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-bert.gguf"), SLM_OK);
	CHECK(!slm_task_writes(f.run.model, f.run.options));
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(which_models_write);
	TEST(free_text);
	TEST(text_of_transformers);
	TEST(limits);
	TEST(answers_keep_to_schemas);
	TEST(an_answer_that_does_not_fit);
	TEST(fields_are_bound_to_the_text);
	TEST(what_a_decoder_reads);
	return check_done();
}
