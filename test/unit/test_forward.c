/*
 * test_forward.c - every shape of encoder against transformers, every type
 *
 * parity-*.gguf and parity.txt come from test/golden/make_parity.py, which says
 * what each model is there for.
 */
#include "check.h"
#include "gguf_builder.h"
#include "host.h"
#include "model_fixture.h"
#include "task/classify.h"
#include "task/embed.h"

#include <math.h>

#define MAX_IDS 128
#define MAX_OUT (5 * MAX_IDS) /* five labels a token, or an embedding */

/* ---- The golden file ---- */

typedef struct Case
{
	char model[64];
	char first[256]; /* the text, or the query of a pair */
	char second[256];
	bool pair;
	bool query; /* behind PROMPT */
	int32_t id[MAX_IDS];
	int n_id;
	float out[MAX_OUT];
	int n_out;
} Case;

#define MAX_CASES 128
#define PROMPT                                                                                     \
	"Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"

static Case cases[MAX_CASES];
static int n_case;

static void
copy(char out[256], const char *text)
{
	snprintf(out, 256, "%s", text);
}

static void
read_line(char *line)
{
	static char model[64];
	Case *c = &cases[n_case > 0 ? n_case - 1 : 0];
	char *at, *tab;

	if (strncmp(line, "model ", 6) == 0)
		snprintf(model, sizeof(model), "%s", line + 6);
	else if (strncmp(line, "text ", 5) == 0 || strncmp(line, "pair ", 5) == 0 ||
			 strncmp(line, "query ", 6) == 0)
	{
		if (!CHECK(n_case < MAX_CASES))
			return;
		c = &cases[n_case++];
		memcpy(c->model, model, sizeof(model));
		c->pair = line[0] == 'p';
		tab = strchr(line, '\t');
		if (tab != NULL)
		{
			copy(c->second, tab + 1);
			*tab = 0;
		}
		c->query = line[0] == 'q';
		copy(c->first, line + (c->query ? 6 : 5));
	}
	else if (strncmp(line, "ids ", 4) == 0)
		for (at = line + 3; *at == ' ';)
			c->id[c->n_id++] = (int32_t) strtol(at + 1, &at, 10);
	else if (strncmp(line, "out ", 4) == 0)
		for (at = line + 3; *at == ' ';)
			c->out[c->n_out++] = strtof(at + 1, &at);
}

static void
read_cases(void)
{
	Lines lines;

	if (n_case > 0)
		return;
	lines = lines_of(FIXTURE_DIR "parity.txt");
	CHECK(lines.text != NULL);
	for (char *line; (line = lines_next(&lines)) != NULL;)
		read_line(line);
	CHECK(n_case > 20);
}

/* ---- One case ---- */

static void
check_numbers(const Case *c, const float *out, double max_error)
{
	double error = error_of(out, c->out, c->n_out);

	if (!CHECK(error <= max_error))
		printf("# %s, \"%s\": error %g\n", c->model, c->first, error);
}

/* The text has the golden ids, but for the special tokens around them. */
static void
check_tokens(ModelFixture *f, const Case *c)
{
	SlmTokens tokens;

	CHECK_STATUS(slm_tokenize(slm_model_tokenizer(f->run.model), test_host(), c->first,
							  strlen(c->first), f->run.arena, &tokens, &f->err),
				 SLM_OK);
	if (CHECK_INT(tokens.n, c->n_id - 2))
		CHECK(memcmp(tokens.id, c->id + 1, (size_t) tokens.n * sizeof(*tokens.id)) == 0);
}

/* The golden ids give the golden numbers; the text alone does, too. */
static void
check_case(ModelFixture *f, const Case *c)
{
	const SlmModelInfo *info = slm_model_info(f->run.model);
	const SlmTokenizer *tokenizer = slm_model_tokenizer(f->run.model);
	SlmText text = slm_text(c->pair ? c->second : c->first);
	SlmSequence sequence = {c->id, c->n_id, c->n_id};
	float out[MAX_OUT], score;

	CHECK_INT(info->n_class > 0         ? info->n_class
			  : info->n_token_class > 0 ? info->n_token_class * c->n_id
										: info->n_embd,
			  c->n_out);
	if (c->pair)
		for (int i = 0; i < c->n_id && sequence.segment_two == c->n_id; i++)
			if (c->id[i] == tokenizer->special.eos)
				sequence.segment_two = i + 1;
	if (info->n_class > 0)
		CHECK_STATUS(slm_encode_scores(&f->run, &sequence, 1, out, &f->err), SLM_OK);
	else if (info->n_token_class > 0)
		CHECK_STATUS(slm_encode_tokens(&f->run, &sequence, 1, out, &f->err), SLM_OK);
	else
		CHECK_STATUS(slm_encode_pooled(&f->run, &sequence, 1, out, &f->err), SLM_OK);
	check_numbers(c, out, 1e-10);

	if (c->pair)
	{
		CHECK_STATUS(
			slm_task_rank(&f->run, &text, 1, slm_text(c->first), NULL, &score, NULL, &f->err),
			SLM_OK);
		CHECK(fabs(score - 1 / (1 + exp(-(double) c->out[0]))) < 1e-6);
	}
	else if (info->n_class > 0)
	{
		double sum = 0;

		CHECK_STATUS(slm_task_classify(&f->run, &text, 1, NULL, info->n_class, SLM_CLASSIFY_ONE,
									   out, NULL, &f->err),
					 SLM_OK);
		for (int i = 0; i < c->n_out; i++)
			sum += exp((double) c->out[i]);
		for (int i = 0; i < c->n_out; i++)
			CHECK(fabs(out[i] - exp((double) c->out[i]) / sum) < 1e-6);
	}
	else if (info->n_token_class > 0)
		check_tokens(f, c);
	else
	{
		CHECK_STATUS(slm_task_embed(&f->run, &text, 1,
									c->query ? SLM_PURPOSE_QUERY : SLM_PURPOSE_DOCUMENT, out, NULL,
									&f->err),
					 SLM_OK);
		check_numbers(c, out, 1e-10);
	}
}

static void
parity_of_every_shape(void)
{
	ModelFixture f = {0};
	const char *loaded = "";

	read_cases();
	for (int i = 0; i < n_case; i++)
	{
		if (strcmp(loaded, cases[i].model) != 0)
		{
			char path[128];

			model_fixture_free(&f);
			loaded = cases[i].model;
			snprintf(path, sizeof(path), FIXTURE_DIR "parity-%.63s.gguf", loaded);
			if (!CHECK_STATUS(model_fixture_load(&f, path), SLM_OK))
			{
				printf("# %s: %s\n", path, f.err.message);
				return;
			}
			f.memory.options.normalize = false;
		}
		f.memory.options.query_prefix = slm_text(cases[i].query ? PROMPT : "");
		check_case(&f, &cases[i]);
	}
	model_fixture_free(&f);
}

/* ---- Types ---- */

typedef struct Typed
{
	GgufBytes file;
	MemoryModel memory;
	SlmRun run;
	SlmError err;
} Typed;

/* A model whose matrices are of a type, or of F32 with the numbers of that type. */
static void
typed_load(Typed *t, SlmDtype type, bool as_float, size_t *image_bytes)
{
	SlmGguf gguf;
	SlmArena arena;
	GgufBuilder b;
	bool need_more;
	size_t size;
	uint8_t *file = read_whole_file(FIXTURE_DIR "tiny-bert.gguf", &size);

	*t = (Typed){0};
	slm_arena_init(&arena, test_host(), 64 << 20);
	CHECK_STATUS(slm_gguf_parse(file, size, size, test_host(), &arena, &gguf, &need_more, &t->err),
				 SLM_OK);
	gguf_begin(&b);
	for (uint64_t i = 0; i < gguf.n_key; i++)
	{
		const SlmGgufKey *key = &gguf.key[i];

		gguf_put_text(&b.keys, key->name.data, key->name.size);
		gguf_put_u32(&b.keys, key->type);
		if (key->type == SLM_GGUF_ARRAY)
		{
			gguf_put_u32(&b.keys, key->item_type);
			gguf_put_u64(&b.keys, key->count);
		}
		if (key->type == SLM_GGUF_STRING)
			gguf_put_u64(&b.keys, key->value_bytes);
		gguf_put(&b.keys, key->value, key->value_bytes);
		b.n_key++;
	}
	for (uint64_t i = 0; i < gguf.n_tensor; i++)
	{
		const SlmGgufTensor *tensor = &gguf.tensor[i];
		int64_t n = (int64_t) (tensor->ne[0] * tensor->ne[1]);
		float *x = malloc((size_t) n * 4);
		void *codes = malloc((size_t) n * 4);
		bool matrix = tensor->n_dims == 2;
		char name[64];

		memcpy(x, file + tensor->offset, (size_t) n * 4);
		if (matrix)
		{
			slm_quantize(type, x, codes, n);
			slm_dequantize(type, codes, x, n);
		}
		snprintf(name, sizeof(name), "%.*s", (int) tensor->name.size, tensor->name.data);
		gguf_add_tensor(&b, name, matrix && !as_float ? type : SLM_DTYPE_F32, tensor->n_dims,
						tensor->ne, x);
		free(x);
		free(codes);
	}
	gguf_finish(&b, &t->file);
	if (!CHECK_STATUS(memory_model_load(&t->memory, t->file.data, t->file.size, &t->err), SLM_OK))
		printf("# %s\n", t->err.message);
	*image_bytes = t->memory.image_bytes;
	slm_arena_reset(&t->memory.arena);
	t->run = (SlmRun){
		.model = t->memory.model,
		.options = &t->memory.options,
		.kernels = slm_kernels(SLM_ISA_AUTO),
		.host = test_host(),
		.arena = &t->memory.arena,
	};
	slm_arena_trim(&arena, 0);
	free(file);
}

static void
typed_free(Typed *t)
{
	memory_model_free(&t->memory);
	gguf_bytes_free(&t->file);
}

/*
 * A model of any type computes what a float model with the same numbers does:
 * the same bits for float types, and for quantized ones up to the rounding of
 * the activations; every ISA gives the same bits.
 */
static void
every_type(void)
{
	static const SlmDtype types[] = {SLM_DTYPE_F32,  SLM_DTYPE_F16,  SLM_DTYPE_BF16,
									 SLM_DTYPE_Q8_0, SLM_DTYPE_Q5_0, SLM_DTYPE_Q4_0};
	SlmText text = slm_text("the order was charged two times, please refund the money!");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		float own[32], same[32], other[32];
		size_t bytes, float_bytes;
		Typed t, reference;

		typed_load(&t, types[i], false, &bytes);
		typed_load(&reference, types[i], true, &float_bytes);
		CHECK(types[i] == SLM_DTYPE_F32 || bytes < float_bytes);
		CHECK_STATUS(slm_task_embed(&t.run, &text, 1, SLM_PURPOSE_DOCUMENT, own, NULL, &t.err),
					 SLM_OK);
		CHECK_STATUS(
			slm_task_embed(&reference.run, &text, 1, SLM_PURPOSE_DOCUMENT, same, NULL, &t.err),
			SLM_OK);
		if (slm_layout_is_quantized(slm_layout_of(types[i])))
		{
			CHECK(memcmp(own, same, sizeof(own)) != 0);
			CHECK(error_of(own, same, 32) < 1e-3);
		}
		else
			CHECK(memcmp(own, same, sizeof(own)) == 0);
		for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
		{
			t.run.kernels = slm_kernels(isa);
			CHECK_STATUS(
				slm_task_embed(&t.run, &text, 1, SLM_PURPOSE_DOCUMENT, other, NULL, &t.err),
				SLM_OK);
			CHECK(memcmp(own, other, sizeof(own)) == 0);
		}
		typed_free(&t);
		typed_free(&reference);
	}
}

int
main(void)
{
	TEST(parity_of_every_shape);
	TEST(every_type);
	return check_done();
}
