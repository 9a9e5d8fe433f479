/*
 * test_writer.c - texts beside each other have the bits that they have alone
 *
 * Over src/task/writer.c with the random models of test/golden/make_decoders.py: rows
 * join and leave by chance, with and without constraints, whatever they share.
 */
#include "task/writer.h"

#include <string.h>

#include "base/limits.h"
#include "chance.h"
#include "check.h"
#include "engine/prefix.h"
#include "host.h"
#include "json_text.h"
#include "model/model_impl.h"
#include "model_fixture.h"
#include "task/schema.h"
#include "task/write_fields.h"

#define N_PROMPTS 24
#define MAX_ANSWER 2048

#define OBJECT                                                                                     \
	"{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},\"kind\":{\"enum\":["       \
	"\"ring\",\"train\",null]},\"all\":{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},"      \
	"\"maxItems\":3}},\"required\":[\"n\",\"kind\",\"all\"]}"

static JsonText json;
static SlmPrefixes prefixes;

/* What a prompt has come to. */
typedef struct Answer
{
	SlmStatus status;
	char text[MAX_ANSWER];
	size_t size;
	int n_token, n_forced;
	bool ended;
} Answer;

/* A model with prompts of all sorts, and what each comes to alone. */
typedef struct Fixture
{
	ModelFixture model;
	SlmArena kept; /* of what prompts borrow */
	SlmConstraint *free, *bound;
	SlmPrompt prompt[N_PROMPTS];
	Answer alone[N_PROMPTS];
	SlmRowSize size; /* that fits all of them */
} Fixture;

static Fixture f;

static void
note(Answer *answer, SlmStatus status, const SlmWritten *written)
{
	*answer = (Answer){.status = status};
	if (status != SLM_OK || !CHECK(written->text.size <= MAX_ANSWER))
		return;
	memcpy(answer->text, written->text.data, written->text.size);
	answer->size = written->text.size;
	answer->n_token = written->n_token;
	answer->n_forced = written->n_forced;
	answer->ended = written->ended;
}

static void
check_same(int i, const Answer *answer)
{
	if (!CHECK(memcmp(answer, &f.alone[i], sizeof(*answer)) == 0))
		printf("# prompt %d: status %d \"%.*s\", alone %d \"%.*s\"\n", i, (int) answer->status,
			   (int) answer->size, answer->text, (int) f.alone[i].status, (int) f.alone[i].size,
			   f.alone[i].text);
}

static void
make_constraints(void)
{
	SlmMaskTree *tree;
	SlmSchema *schema;

	CHECK_STATUS(slm_constraint_tree(f.model.run.model, test_host(), f.model.run.arena, &f.kept,
									 &tree, &f.model.err),
				 SLM_OK);
	json_text_read(&json, OBJECT);
	CHECK_STATUS(slm_constraint_new(tree, json.node, json.n, false, test_host(), &f.kept, &f.free,
									&f.model.err),
				 SLM_OK);
	json_text_read(&json, "[\"first\", \"second\"]");
	CHECK_STATUS(slm_schema_read(json.node, json.n, &f.kept, &schema, &f.model.err), SLM_OK);
	CHECK_STATUS(slm_task_field_constraint(tree, schema, test_host(), f.model.run.arena, &f.kept,
										   &f.bound, &f.model.err),
				 SLM_OK);
}

static void
make_prompts(void)
{
	static const char *const text[] = {
		"the red ring is at the inn", "in", "an engine ate the train on the thing", "the ring on",
		"the red ring is at the other inn, on the hand of the one who went there in the train"};
	static const char *const system[] = {"Write what is in the text, and then some more of it.",
										 ""};

	for (int i = 0; i < N_PROMPTS; i++)
	{
		SlmPrompt *p = &f.prompt[i];

		*p = (SlmPrompt){.system = slm_text(system[i % 7 == 3]),
						 .user = slm_text(text[i % 5]),
						 .max_tokens = 5 + i * 7 % 40,
						 .sampling = {i % 3 == 1 ? 0.9f : 0.0f, (uint64_t) i}};
		if (i % 4 == 1)
			p->constraint = f.free;
		if (i % 4 == 2)
		{
			p->constraint = f.bound;
			p->input = p->user;
		}
		if (p->constraint != NULL && i != 9) /* which is too short for its schema */
			p->max_tokens = 120;
		if (i % 4 == 3)
			p->max_words = 4;
	}
	f.prompt[9].max_tokens = 2;
}

static void
begin(const char *name)
{
	char path[80];
	SlmRun *run = &f.model.run;

	memset(&f, 0, sizeof(f));
	snprintf(path, sizeof(path), FIXTURE_DIR "decoder-%s.gguf", name);
	CHECK_STATUS(model_fixture_load(&f.model, path), SLM_OK);
	slm_arena_init(&f.kept, test_host(), 64 << 20);
	make_constraints();
	make_prompts();
	for (int i = 0; i < N_PROMPTS; i++)
	{
		SlmWritten written;
		SlmRowSize size;

		note(&f.alone[i], slm_task_generate(run, &f.prompt[i], &written, &f.model.err), &written);
		CHECK_STATUS(slm_writer_measure(run, &f.prompt[i], &size, &f.model.err), SLM_OK);
		if (size.n_token > f.size.n_token)
			f.size.n_token = size.n_token;
		if (size.n_input > f.size.n_input)
			f.size.n_input = size.n_input;
		slm_arena_reset(run->arena);
	}
	CHECK_STATUS(f.alone[9].status, SLM_ERR_LIMIT);
	prefixes.host = test_host();
	slm_prefixes_limit(&prefixes, 0);
}

static void
end(void)
{
	slm_prefixes_limit(&prefixes, 0);
	slm_arena_trim(&f.kept, 0);
	model_fixture_free(&f.model);
	CHECK_INT(test_host_state.live_allocs, 0);
}

static SlmWriter *
new_writer(int n_row)
{
	SlmWriter *writer = NULL;

	CHECK_STATUS(slm_writer_new(&f.model.run, n_row, f.size, &writer, &f.model.err), SLM_OK);
	return writer;
}

/* ---- The same bits ------------------------------------------------------------------- */

/* What may change nothing. */
typedef struct Company
{
	int n_row;
	bool joins_late; /* rows join one by one, by chance */
	bool drops;      /* rows are dropped, by chance, and join again */
	bool shares;     /* rows have an owner */
	bool keeps;      /* beginnings are kept from before */
} Company;

/* Rows that are in a writer, and those that are not yet. */
typedef struct Rows
{
	SlmWriter *writer;
	int prompt[SLM_MAX_WRITER_ROWS]; /* of each place, -1: none */
	bool waits[N_PROMPTS];
	int n_left; /* that have not come to anything */
	uint64_t seed;
} Rows;

static void
join(Rows *rows, const Company *company)
{
	uint32_t first = chance(&rows->seed, N_PROMPTS);

	for (uint32_t i = 0; i < N_PROMPTS && slm_writer_free(rows->writer) > 0; i++)
	{
		int p = (int) ((first + i) % N_PROMPTS), row;
		SlmStatus status;

		if (!rows->waits[p] || (company->joins_late && chance(&rows->seed, 3) > 0))
			continue;
		status = slm_writer_add(rows->writer, &f.prompt[p], &row, &f.model.err);
		rows->waits[p] = false;
		if (!CHECK_STATUS(status, SLM_OK))
			continue;
		CHECK_INT(rows->prompt[row], -1);
		rows->prompt[row] = p;
	}
}

static void
leave(Rows *rows, const Company *company)
{
	SlmArena *arena = f.model.run.arena;
	SlmArenaMark mark = slm_arena_mark(arena);
	SlmWritten written;
	Answer answer;
	int row;

	while ((row = slm_writer_finished(rows->writer)) >= 0)
	{
		note(&answer, slm_writer_take(rows->writer, row, arena, &written, &f.model.err), &written);
		check_same(rows->prompt[row], &answer);
		slm_arena_rewind(arena, mark);
		rows->prompt[row] = -1;
		rows->n_left--;
	}
	row = (int) chance(&rows->seed, 40);
	if (company->drops && row < company->n_row && rows->prompt[row] >= 0)
	{
		slm_writer_drop(rows->writer, row);
		rows->waits[rows->prompt[row]] = true;
		rows->prompt[row] = -1;
	}
}

static void
write_all(const Company *company, uint64_t seed)
{
	SlmRun *run = &f.model.run;
	Rows rows = {.n_left = N_PROMPTS, .seed = seed};
	size_t held = 0;

	slm_prefixes_limit(&prefixes, company->keeps ? 1 << 20 : 0);
	run->prefixes = company->keeps ? &prefixes : NULL;
	run->owner = slm_text(company->shares ? "anna" : "");
	rows.writer = new_writer(company->n_row);
	for (int i = 0; i < SLM_MAX_WRITER_ROWS; i++)
		rows.prompt[i] = -1;
	for (int i = 0; i < N_PROMPTS; i++)
		rows.waits[i] = true;
	for (int i = 0; rows.n_left > 0 && CHECK(i < 10000); i++)
	{
		uint64_t before = run->n_token_in;

		join(&rows, company);
		CHECK_STATUS(slm_writer_step(rows.writer, &f.model.err), SLM_OK);
		CHECK(run->n_token_in - before <= SLM_WRITER_TOKENS);
		leave(&rows, company);
		CHECK(held == 0 || run->arena->held_bytes == held); /* nothing grows */
		held = run->arena->held_bytes;
	}
	CHECK_INT(slm_writer_free(rows.writer), company->n_row);
	run->owner = slm_text("");
	run->prefixes = NULL;
	slm_arena_reset(run->arena);
}

static void
any_company(void)
{
	static const char *const models[] = {"qwen2", "llama", "spm", "phi3", "gemma3"};
	static const int n_row[] = {1, 4, 8, 16};

	for (size_t m = 0; m < sizeof(models) / sizeof(models[0]); m++)
	{
		begin(models[m]);
		for (int i = 0; i < 4; i++)
			for (int how = 0; how < 16; how++)
			{
				Company company = {n_row[i], (how & 1) != 0, (how & 2) != 0, (how & 4) != 0,
								   (how & 8) != 0};

				write_all(&company, (uint64_t) (how * 4 + i));
			}
		end();
	}
}

static void
every_isa(void)
{
	Company company = {8, true, true, true, true};

	begin("qwen2");
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		f.model.run.kernels = slm_kernels(isa);
		write_all(&company, 99);
	}
	end();
}

/* A model that reads long contexts otherwise takes each row for what it is. */
static void
long_and_short_rows(void)
{
	Company company = {8, true, false, true, true};
	int n_long = 0;

	memset(&f, 0, sizeof(f));
	begin("phi3");
	f.model.memory.model->hparams.n_rope_context = 64;
	for (int i = 0; i < N_PROMPTS; i++)
	{
		SlmWritten written;
		SlmRowSize size;

		note(&f.alone[i], slm_task_generate(&f.model.run, &f.prompt[i], &written, &f.model.err),
			 &written);
		CHECK_STATUS(slm_writer_measure(&f.model.run, &f.prompt[i], &size, &f.model.err), SLM_OK);
		n_long += size.n_token > slm_short_context(&f.model.run);
		slm_arena_reset(f.model.run.arena);
	}
	CHECK(n_long > 0 && n_long < N_PROMPTS);
	for (uint64_t seed = 0; seed < 4; seed++)
		write_all(&company, seed);
	end();
}

/* ---- Guesses ---------------------------------------------------------------------------- */

/* Steps that all prompts take, one at a time. */
static int
count_steps(void)
{
	SlmRun *run = &f.model.run;
	SlmWriter *writer = new_writer(1);
	int n = 0, row;

	for (int i = 0; i < N_PROMPTS; i++)
	{
		SlmWritten written;
		Answer answer;

		CHECK_STATUS(slm_writer_add(writer, &f.prompt[i], &row, &f.model.err), SLM_OK);
		for (; slm_writer_busy(writer) > 0; n++)
			CHECK_STATUS(slm_writer_step(writer, &f.model.err), SLM_OK);
		note(&answer, slm_writer_take(writer, row, run->arena, &written, &f.model.err), &written);
		check_same(i, &answer);
	}
	slm_arena_reset(run->arena);
	return n;
}

/* A smaller model's guesses, right or wrong, change how many steps there are and nothing else. */
static void
guesses_change_nothing(void)
{
	static const char *const drafts[] = {"qwen2", "llama", "qwen3"};
	int n_alone, n_guessed[3];

	for (int d = 0; d < 3; d++)
	{
		ModelFixture draft;
		char path[80];

		begin("qwen2");
		n_alone = count_steps();
		snprintf(path, sizeof(path), FIXTURE_DIR "decoder-%s.gguf", drafts[d]);
		CHECK_STATUS(model_fixture_load(&draft, path), SLM_OK);
		f.model.run.draft = draft.run.model;
		n_guessed[d] = count_steps();
		for (int n_row = 1; n_row <= 5; n_row++)
			for (int how = 0; how < 16; how++)
			{
				Company company = {n_row, (how & 1) != 0, (how & 2) != 0, (how & 4) != 0,
								   (how & 8) != 0};

				write_all(&company, (uint64_t) (how * 8 + n_row));
			}
		f.model.run.draft = NULL;
		model_fixture_free(&draft);
		end();
	}
	printf("# %d steps, with guesses %d, %d and %d\n", n_alone, n_guessed[0], n_guessed[1],
		   n_guessed[2]);
	/* the model's own guesses are right, whatever a third of the prompts, which are drawn, take */
	CHECK(n_guessed[0] < n_alone * 2 / 3);
	CHECK(n_guessed[1] <= n_alone && n_guessed[2] <= n_alone);
}

/* Which vocabularies a draft may have. */
static void
vocabularies_differ(void)
{
	static const struct
	{
		const char *name;
		int32_t differ;
	} other[] = {{"qwen2", -1}, {"llama", -1}, {"spm", 0}};
	ModelFixture a, b;

	CHECK_STATUS(model_fixture_load(&a, FIXTURE_DIR "decoder-qwen2.gguf"), SLM_OK);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
	{
		char path[80];
		int32_t differ;

		snprintf(path, sizeof(path), FIXTURE_DIR "decoder-%s.gguf", other[i].name);
		CHECK_STATUS(model_fixture_load(&b, path), SLM_OK);
		CHECK_STATUS(slm_tokenizer_differ(slm_model_tokenizer(a.run.model),
										  slm_model_tokenizer(b.run.model), test_host(), &differ,
										  &a.err),
					 SLM_OK);
		CHECK_INT(differ, other[i].differ);
		model_fixture_free(&b);
	}
	model_fixture_free(&a);
}

/* ---- What is shared ------------------------------------------------------------------ */

/* Tokens read for n rows at once, every second one of another owner where there are two. */
static uint64_t
tokens_read(int n, const char *owner, const char *other)
{
	SlmRun *run = &f.model.run;
	SlmWriter *writer = new_writer(n);
	uint64_t before = run->n_token_in;
	int row;

	for (int i = 0; i < n; i++)
	{
		SlmPrompt p = f.prompt[0];

		p.max_tokens = 1;
		run->owner = slm_text(i % 2 == 0 ? owner : other);
		CHECK_STATUS(slm_writer_add(writer, &p, &row, &f.model.err), SLM_OK);
	}
	run->owner = slm_text("nobody");
	while (slm_writer_busy(writer) > 0)
		CHECK_STATUS(slm_writer_step(writer, &f.model.err), SLM_OK);
	run->owner = slm_text("");
	slm_arena_reset(run->arena);
	return run->n_token_in - before;
}

static void
beginnings_are_read_once(void)
{
	uint64_t alone;

	begin("qwen2");
	alone = tokens_read(1, "", "");
	CHECK(alone > 40);
	CHECK_INT(tokens_read(8, "", ""), 8 * alone);
	/* all but the first read one token, what all follows from */
	CHECK_INT(tokens_read(8, "anna", "anna"), alone + 7);
	CHECK_INT(tokens_read(8, "anna", "otto"), 2 * alone + 6);
	CHECK_INT(f.model.run.n_token_kept, 7 * (alone - 1) + 6 * (alone - 1));
	end();
}

/* A place that was left has what its next row begins with, where it has the same owner. */
static void
places_remember(void)
{
	SlmRun *run = &f.model.run;
	SlmWriter *writer;
	int row;

	begin("qwen2");
	writer = new_writer(2);
	for (int i = 0; i < 3; i++)
	{
		uint64_t before = run->n_token_kept;

		run->owner = slm_text(i < 2 ? "anna" : "otto");
		CHECK_STATUS(slm_writer_add(writer, &f.prompt[0], &row, &f.model.err), SLM_OK);
		CHECK_STATUS(slm_writer_step(writer, &f.model.err), SLM_OK);
		slm_writer_drop(writer, row);
		CHECK((run->n_token_kept > before) == (i == 1));
	}
	end();
}

/* ---- Limits and failures --------------------------------------------------------------- */

static void
limits(void)
{
	SlmRun *run = &f.model.run;
	SlmRowSize small;
	SlmWriter *writer;
	int row;

	begin("qwen2");
	CHECK_STATUS(slm_writer_new(run, 0, f.size, &writer, &f.model.err), SLM_ERR_LIMIT);
	CHECK_STATUS(slm_writer_new(run, SLM_MAX_WRITER_ROWS + 1, f.size, &writer, &f.model.err),
				 SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.model.err.message, "65 rows beside each other exceed the limit of 64");
	CHECK_STATUS(slm_writer_new(run, SLM_MAX_WRITER_ROWS, f.size, &writer, &f.model.err), SLM_OK);
	slm_arena_reset(run->arena);
	CHECK_STATUS(slm_writer_measure(run, &f.prompt[2], &small, &f.model.err), SLM_OK);
	CHECK_INT(small.n_input, f.prompt[2].input.size + 1);
	CHECK_STATUS(slm_writer_new(run, 1, small, &writer, &f.model.err), SLM_OK);
	CHECK_STATUS(slm_writer_add(writer, &f.prompt[2], &row, &f.model.err), SLM_OK);
	CHECK_INT(slm_writer_free(writer), 0);
	CHECK_INT(slm_writer_busy(writer), 1);
	CHECK_INT(slm_writer_finished(writer), -1);
	CHECK_STATUS(slm_writer_add(writer, &f.prompt[2], &row, &f.model.err), SLM_ERR_INTERNAL);
	slm_writer_drop(writer, row);
	small.n_token--;
	CHECK_STATUS(slm_writer_new(run, 1, small, &writer, &f.model.err), SLM_OK);
	CHECK_STATUS(slm_writer_add(writer, &f.prompt[2], &row, &f.model.err), SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.model.err.message, "is larger than its place of");
	small.n_token++;
	small.n_input--;
	CHECK_STATUS(slm_writer_new(run, 1, small, &writer, &f.model.err), SLM_OK);
	CHECK_STATUS(slm_writer_add(writer, &f.prompt[2], &row, &f.model.err), SLM_ERR_LIMIT);
	small.n_token = slm_context_length(run) + 1;
	CHECK_STATUS(slm_writer_new(run, 1, small, &writer, &f.model.err), SLM_ERR_LIMIT);
	slm_arena_reset(run->arena);
	end();
}

/* The steps poll, and what has been cancelled leaves nothing behind. */
static void
cancels(void)
{
	SlmRun *run = &f.model.run;

	begin("qwen2");
	for (int64_t at = 1; at < 60; at++)
	{
		SlmWriter *writer = new_writer(4);
		SlmStatus status = SLM_OK;
		int row;

		for (int i = 0; i < 4; i++)
			CHECK_STATUS(slm_writer_add(writer, &f.prompt[i], &row, &f.model.err), SLM_OK);
		test_host_reset();
		test_host_state.interrupt_at = at;
		while (status == SLM_OK && slm_writer_busy(writer) > 0)
			status = slm_writer_step(writer, &f.model.err);
		CHECK_STATUS(status, test_host_state.polls < at ? SLM_OK : SLM_ERR_CANCELLED);
		test_host_reset();
		slm_arena_reset(run->arena);
	}
	write_all(&(Company){4, false, false, false, false}, 1);
	end();
}

/* ---- Many at once ---------------------------------------------------------------------- */

/* All prompts in one call, with so much memory. */
static void
generate_all(size_t max_bytes, int batch_rows)
{
	SlmRun *run = &f.model.run;
	SlmWritten written[N_PROMPTS];
	SlmStatus status[N_PROMPTS];
	SlmArena arena, *whole = run->arena;

	slm_arena_init(&arena, test_host(), max_bytes);
	run->arena = &arena;
	run->batch_rows = batch_rows;
	CHECK_STATUS(slm_task_generate_many(run, f.prompt, N_PROMPTS, written, status, &f.model.err),
				 SLM_OK);
	for (int i = 0; i < N_PROMPTS; i++)
	{
		Answer answer;

		note(&answer, status[i], &written[i]);
		check_same(i, &answer);
	}
	/* without a place for it, the failure of a row is the call's */
	CHECK_STATUS(slm_task_generate_many(run, f.prompt, N_PROMPTS, written, NULL, &f.model.err),
				 SLM_ERR_LIMIT);
	CHECK_CONTAINS(f.model.err.message, "answer is not complete after 2 tokens");
	CHECK_STATUS(slm_task_generate_many(run, f.prompt, 9, written, NULL, &f.model.err), SLM_OK);
	slm_arena_trim(&arena, 0);
	run->arena = whole;
}

static void
memory_decides_how_many(void)
{
	begin("qwen2");
	for (int batch_rows = 0; batch_rows < 20; batch_rows += 3)
		generate_all(256 << 20, batch_rows);
	for (size_t kilobytes = 3 << 10; kilobytes < 32 << 10; kilobytes += kilobytes / 5)
		generate_all(kilobytes << 10, 0);
	end();
}

static bool
same_text(const SlmWritten *a, const SlmWritten *b)
{
	return a->text.size == b->text.size && memcmp(a->text.data, b->text.data, a->text.size) == 0;
}

/* Thousands of rows of all lengths come back in their order, each with its own text. */
static void
many_rows(void)
{
	enum
	{
		N = 4000,
		MOST = 12
	};
	static SlmPrompt prompt[N];
	static SlmWritten written[N], alone[MOST + 1];
	SlmRun *run = &f.model.run;
	SlmArena arena;

	begin("qwen2");
	slm_arena_init(&arena, test_host(), 256 << 20);
	run->arena = &arena;
	for (int i = 0; i < N; i++)
	{
		prompt[i] = f.prompt[0];
		prompt[i].system = slm_text("");
		prompt[i].max_tokens = 1 + i * 7 % MOST;
	}
	for (int i = 0; i < MOST; i++)
		CHECK_STATUS(slm_task_generate(run, &prompt[i], &alone[prompt[i].max_tokens], &f.model.err),
					 SLM_OK);
	CHECK(!same_text(&alone[1], &alone[MOST]));
	CHECK_STATUS(slm_task_generate_many(run, prompt, N, written, NULL, &f.model.err), SLM_OK);
	for (int i = 0; i < N; i++)
		if (!CHECK(same_text(&written[i], &alone[prompt[i].max_tokens])))
			break;
	slm_arena_trim(&arena, 0);
	end();
}

int
main(void)
{
	TEST(any_company);
	TEST(every_isa);
	TEST(long_and_short_rows);
	TEST(guesses_change_nothing);
	TEST(vocabularies_differ);
	TEST(beginnings_are_read_once);
	TEST(places_remember);
	TEST(limits);
	TEST(cancels);
	TEST(memory_decides_how_many);
	TEST(many_rows);
	return check_done();
}
