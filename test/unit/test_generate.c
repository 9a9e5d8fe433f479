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
#include "task/read_written.h"
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

static SlmVerbatim *
read_input(ModelFixture *f, const SlmConstraint *constraint, const char *text, SlmArena *arena)
{
	SlmVerbatim *input = NULL;

	CHECK_STATUS(
		slm_verbatim_new(constraint->grammar, slm_text(text), test_host(), arena, &input, &f->err),
		SLM_OK);
	return input;
}

static void
check_value(const SlmExtraction *got, int i, const char *path, const char *value, const char *text,
			const char *source, int start, float confidence)
{
	const SlmExtracted *v = &got->value[i];

	if (!CHECK(i < got->n_value))
		return;
	CHECK(slm_text_compare(v->path, slm_text(path)) == 0);
	if (!CHECK(slm_text_compare(v->value, slm_text(value)) == 0))
		printf("# %.*s\n", (int) v->value.size, v->value.data);
	CHECK(fabsf(v->confidence - confidence) < 1e-6f);
	CHECK(v->has_source == (source != NULL));
	if (source == NULL)
		return;
	CHECK_INT(v->start, start);
	CHECK(slm_text_compare((SlmText){text + v->start, v->size}, slm_text(source)) == 0);
}

/* Where values come from, of an answer that stands here; its tokens are its bytes. */
static void
sources_of_values(void)
{
	static const char schema_text[] = "{\"properties\":{\"who\":{\"type\":\"string\"},\"kind\":{"
									  "\"enum\":[\"in_progress\",\"done\"]},"
									  "\"day\":{\"type\":\"string\",\"format\":\"date\"},\"sum\":{"
									  "\"type\":\"number\"},\"ok\":{\"type\":"
									  "\"boolean\"},\"no\":{\"type\":[\"string\",\"null\"]},"
									  "\"tags\":{\"type\":\"array\",\"items\":{"
									  "\"type\":\"string\"}},\"in\":{\"type\":\"array\",\"items\":{"
									  "\"type\":\"object\",\"properties\":{"
									  "\"a\":{\"type\":\"string\"}}}}}}";
	static const char text[] = "Anna \"Q\" paid 45.50 on 6 May 2024, x and x: In Progress. Anna";
	static const char answer[] = "{\"who\": \"Anna \\\"Q\\\"\", \"kind\": \"in_progress\", "
								 "\"day\": \"2024-05-06\", \"sum\": 45.5, "
								 "\"ok\": true, \"no\": null, \"tags\": [\"x\", \"x\", \"x\"], "
								 "\"in\": [{}, {\"a\": \"Anna\"}, {\"a\": "
								 "\"\"}]}";
	static SlmWrittenToken token[sizeof(answer)];
	SlmWritten written = {.text = slm_text(answer), .n_token = sizeof(answer) - 1, .token = token};
	SlmConstraint *constraint;
	SlmExtraction got;
	SlmSchema *schema;
	SlmMaskTree *tree;
	SlmArena kept;
	ModelFixture f;

	load(&f, QWEN);
	slm_arena_init(&kept, test_host(), 64 << 20);
	json_text_read(&json, schema_text);
	CHECK_STATUS(slm_schema_read(json.node, json.n, &kept, &schema, &f.err), SLM_OK);
	CHECK_STATUS(slm_constraint_tree(f.run.model, test_host(), f.run.arena, &kept, &tree, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_task_field_constraint(tree, schema, test_host(), f.run.arena, &kept,
										   &constraint, &f.err),
				 SLM_OK);
	for (uint32_t i = 0; i < sizeof(answer); i++)
		token[i] = (SlmWrittenToken){i + 1, 1.0f};
	token[strstr(answer, "Anna") - answer - 1].chance = 0.5f;  /* the quote before it */
	token[strstr(answer, "Anna") - answer + 5].chance = 0.5f;  /* inside */
	token[strstr(answer, "\"who\"") - answer].chance = 0.125f; /* of no value */
	token[strstr(answer, "45.5") - answer + 3].chance = 0.75f;
	CHECK_STATUS(slm_read_written(schema, &written, slm_text(text),
								  read_input(&f, constraint, text, &kept), test_host(), &kept, &got,
								  &f.err),
				 SLM_OK);
	CHECK_INT(got.n_value, 10);
	check_value(&got, 0, "who", "Anna \"Q\"", text, "Anna \"Q\"", 0, 0.25f);
	check_value(&got, 1, "kind", "in_progress", text, "In Progress", 44, 1.0f);
	check_value(&got, 2, "day", "2024-05-06", text, "6 May 2024", 23, 1.0f);
	check_value(&got, 3, "sum", "45.5", text, "45.50", 14, 0.75f);
	check_value(&got, 4, "ok", "true", text, NULL, 0, 1.0f);
	check_value(&got, 5, "tags", "x", text, "x", 35, 1.0f);
	check_value(&got, 6, "tags", "x", text, "x", 41, 1.0f);
	check_value(&got, 7, "tags", "x", text, "x", 35, 1.0f);
	check_value(&got, 8, "in[1].a", "Anna", text, "Anna", 0, 1.0f);
	check_value(&got, 9, "in[2].a", "", text, NULL, 0, 1.0f);
	/* what no grammar has let through */
	written.text.size -= 3;
	CHECK_STATUS(slm_read_written(schema, &written, slm_text(text),
								  read_input(&f, constraint, text, &kept), test_host(), &kept, &got,
								  &f.err),
				 SLM_ERR_INTERNAL);
	slm_arena_trim(&kept, 0);
	model_fixture_free(&f);
}

/* Rows of values of what a model writes; the same object as without them. */
static void
spans_of_what_is_written(void)
{
	static const char text[] = "an engine ate the train on the thing";
	static const char *const models[] = {QWEN, SPM};

	for (int m = 0; m < 2; m++)
	{
		SlmText input = slm_text(text);
		SlmExtraction plain, spans;
		SlmConstraint *constraint;
		SlmStatus status;
		SlmSchema *schema;
		SlmMaskTree *tree;
		SlmArena kept;
		ModelFixture f;

		load(&f, models[m]);
		slm_arena_init(&kept, test_host(), 64 << 20);
		json_text_read(
			&json,
			"{\"properties\": {\"one\": {\"type\": \"string\"}, \"two\": {\"enum\": [\"up\", "
			"\"train\"]}}, \"required\": [\"one\", \"two\"]}");
		CHECK_STATUS(slm_schema_read(json.node, json.n, &kept, &schema, &f.err), SLM_OK);
		CHECK_STATUS(
			slm_constraint_tree(f.run.model, test_host(), f.run.arena, &kept, &tree, &f.err),
			SLM_OK);
		CHECK_STATUS(slm_task_field_constraint(tree, schema, test_host(), f.run.arena, &kept,
											   &constraint, &f.err),
					 SLM_OK);
		CHECK_STATUS(slm_task_write_fields(&f.run, &input, 1, schema, constraint, slm_text(""),
										   &plain, NULL, &f.err),
					 SLM_OK);
		CHECK_STATUS(slm_task_write_spans(&f.run, input, schema, constraint, slm_text(""), &spans,
										  &status, &f.err),
					 SLM_OK);
		CHECK_STATUS(status, SLM_OK);
		CHECK(slm_text_compare(plain.json, spans.json) == 0);
		if (!CHECK(spans.n_value == 2 && spans.value[0].has_source))
			continue;
		CHECK(slm_text_compare(spans.value[0].value,
							   (SlmText){text + spans.value[0].start, spans.value[0].size}) == 0);
		for (int i = 0; i < 2; i++)
			CHECK(spans.value[i].confidence > 0.0f && spans.value[i].confidence < 1.0f);
		CHECK(spans.value[1].has_source == (spans.value[1].value.size == 5));
		/* a text that lacks what is required is a row that fails */
		CHECK_STATUS(slm_task_write_spans(&f.run, slm_text(""), schema, constraint, slm_text(""),
										  &spans, &status, &f.err),
					 SLM_OK);
		CHECK_STATUS(status, SLM_ERR_NO_VALUE);
		slm_arena_trim(&kept, 0);
		model_fixture_free(&f);
	}
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
	TEST(sources_of_values);
	TEST(spans_of_what_is_written);
	TEST(what_a_decoder_reads);
	return check_done();
}
