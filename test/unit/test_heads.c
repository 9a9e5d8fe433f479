/*
 * test_heads.c - label, extraction and sentence heads through the engine
 *
 * Over src/model, src/engine and, for labels, src/task: parity with PyTorch, by the fixtures of
 * test/golden/make_slm_heads.py; and, with the weights of gguf_add_heads(), what
 * does not depend on the numbers.
 */
#include "check.h"
#include "gguf_builder.h"
#include "host.h"
#include "model_fixture.h"
#include "task/classify.h"
#include "task/embed.h"
#include "tokenizer_fixture.h"

#define N_EMBD 32
#define N_SPAN 4
#define N_BUCKET 8
#define N_ROW 130 /* more than two chunks of rows */
#define MAX_T 16

typedef struct Heads
{
	GgufBytes file;
	MemoryModel memory;
	SlmRun run;
	SlmError err;
} Heads;

typedef enum Parts
{
	BODY,
	HEADS,
	HEADS_AND_OPTIONS
} Parts;

static void
heads_load(Heads *h, SlmDtype type, Parts parts)
{
	GgufBuilder b;

	*h = (Heads){0};
	gguf_begin(&b);
	gguf_add_bert(&b, type, N_EMBD, 64);
	if (parts >= HEADS)
		gguf_add_heads(&b, type, N_EMBD, 64, N_SPAN, 3);
	if (parts >= HEADS_AND_OPTIONS)
		gguf_add_extract_options(&b, type, N_EMBD, SLM_LINE_PLACES, N_BUCKET);
	gguf_finish(&b, &h->file);
	CHECK_STATUS(memory_model_load(&h->memory, h->file.data, h->file.size, &h->err), SLM_OK);
	slm_arena_reset(&h->memory.arena);
	h->run = (SlmRun){
		.model = h->memory.model,
		.options = &h->memory.options,
		.kernels = slm_kernels(SLM_ISA_AUTO),
		.host = test_host(),
		.arena = &h->memory.arena,
	};
}

static void
heads_free(Heads *h)
{
	memory_model_free(&h->memory);
	gguf_bytes_free(&h->file);
}

/* Sequences of every length up to the context, with looks of words, and rows of numbers. */
static int32_t token[MAX_T][MAX_T];
static uint8_t look[MAX_T][MAX_T];
static const uint8_t *looks[MAX_T];
static SlmSequence sequence[MAX_T];
static float rows[N_ROW][N_EMBD + SLM_SENTENCE_FEATURES];
static float narrow[N_ROW][N_EMBD];

static void
make_inputs(void)
{
	uint32_t seed = 7;

	for (int i = 0; i < MAX_T; i++)
	{
		for (int j = 0; j < MAX_T; j++)
		{
			seed = seed * 1664525 + 1013904223;
			token[i][j] = (int32_t) (seed >> 16) % 12;
			look[i][j] = (uint8_t) (seed >> 24) % SLM_WORD_LOOKS;
		}
		looks[i] = look[i];
		sequence[i] = (SlmSequence){token[i], i + 1, i + 1};
	}
	for (int i = 0; i < N_ROW; i++)
	{
		for (int j = 0; j < N_EMBD + SLM_SENTENCE_FEATURES; j++)
		{
			seed = seed * 1664525 + 1013904223;
			rows[i][j] = ((float) (seed >> 16) - 32768.0f) / 32768.0f;
		}
		memcpy(narrow[i], rows[i], sizeof(narrow[i]));
	}
}

/* Everything the heads say, rows and sequences taken n at a time. */
typedef struct Answers
{
	float hidden[MAX_T * MAX_T][N_EMBD];
	float spans[MAX_T * MAX_T][3 * N_SPAN];
	float fields[N_ROW][3 * N_SPAN];
	float labels[2][N_ROW][N_EMBD];
	float sentences[N_ROW];
} Answers;

static SlmStatus
ask(Heads *h, int at_once, Answers *out)
{
	SlmRun *run = &h->run;
	int at = 0;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < MAX_T; i += at_once)
	{
		int n = MAX_T - i < at_once ? MAX_T - i : at_once;

		SLM_TRY(slm_encode_hidden(run, sequence + i, n, out->hidden[at], &h->err));
		SLM_TRY(slm_encode_spans(run, sequence + i, looks + i, n, out->spans[at], &h->err));
		for (int j = 0; j < n; j++)
			at += sequence[i + j].n;
	}
	for (int i = 0; i < N_ROW; i += at_once)
	{
		int n = N_ROW - i < at_once ? N_ROW - i : at_once;

		SLM_TRY(slm_project_fields(run, narrow[i], n, out->fields[i], &h->err));
		SLM_TRY(slm_project_labels(run, SLM_LABEL_TEXT, narrow[i], n, out->labels[0][i], &h->err));
		SLM_TRY(slm_project_labels(run, SLM_LABEL_NAME, narrow[i], n, out->labels[1][i], &h->err));
		SLM_TRY(slm_score_sentences(run, rows[i], n, out->sentences + i, &h->err));
	}
	return SLM_OK;
}

static void
one_answer_of(SlmDtype type)
{
	static Answers alone, other;
	Heads h;

	make_inputs();
	heads_load(&h, type, HEADS_AND_OPTIONS);
	h.run.kernels = slm_kernels(SLM_ISA_SCALAR);
	CHECK_STATUS(ask(&h, 1, &alone), SLM_OK);
	CHECK(memcmp(alone.labels[0], alone.labels[1], sizeof(alone.labels[0])) != 0);
	CHECK(alone.sentences[0] != 0.0f && alone.spans[0][0] != 0.0f && alone.fields[0][0] != 0.0f);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		h.run.kernels = slm_kernels(isa);
		for (int at_once = 1; at_once <= N_ROW; at_once = at_once * 5 + 2)
		{
			CHECK_STATUS(ask(&h, at_once, &other), SLM_OK);
			CHECK(memcmp(&alone, &other, sizeof(alone)) == 0);
		}
	}
	heads_free(&h);
}

static void
one_answer(void)
{
	one_answer_of(SLM_DTYPE_F32);
	one_answer_of(SLM_DTYPE_F16);
	one_answer_of(SLM_DTYPE_Q8_0);
	one_answer_of(SLM_DTYPE_Q5_0);
}

/* The mean of the hidden states is the pooled embedding, with heads and without. */
static void
hidden_states_are_what_is_pooled(void)
{
	float hidden[MAX_T][N_EMBD], pooled[N_EMBD], mean[N_EMBD];
	float plain[N_EMBD];
	Heads h, bare;

	make_inputs();
	heads_load(&h, SLM_DTYPE_F32, HEADS_AND_OPTIONS);
	heads_load(&bare, SLM_DTYPE_F32, BODY);
	CHECK_STATUS(slm_encode_hidden(&h.run, &sequence[MAX_T - 1], 1, hidden[0], &h.err), SLM_OK);
	CHECK_STATUS(slm_encode_pooled(&h.run, &sequence[MAX_T - 1], 1, pooled, &h.err), SLM_OK);
	CHECK_STATUS(slm_encode_pooled(&bare.run, &sequence[MAX_T - 1], 1, plain, &h.err), SLM_OK);
	for (int j = 0; j < N_EMBD; j++)
	{
		mean[j] = 0;
		for (int i = 0; i < MAX_T; i++)
			mean[j] += hidden[i][j];
		mean[j] /= MAX_T;
	}
	CHECK(memcmp(pooled, mean, sizeof(mean)) == 0);
	CHECK(memcmp(pooled, plain, sizeof(plain)) == 0);
	heads_free(&h);
	heads_free(&bare);
}

/* The look of one word changes its sequence, and no other. */
static void
looks_matter(void)
{
	static const uint8_t changes[] = {1, SLM_WORD_SHAPES, 3 * SLM_WORD_SHAPES};
	static Answers before, after;
	Heads h;

	make_inputs();
	heads_load(&h, SLM_DTYPE_F32, HEADS_AND_OPTIONS);
	CHECK_STATUS(ask(&h, MAX_T, &before), SLM_OK);
	for (size_t c = 0; c < sizeof(changes); c++)
	{
		look[5][3] ^= changes[c];
		CHECK_STATUS(ask(&h, MAX_T, &after), SLM_OK);
		look[5][3] ^= changes[c];
		CHECK(memcmp(before.hidden, after.hidden, sizeof(before.hidden)) == 0);
		for (int i = 0, first = 0; i < MAX_T; first += sequence[i++].n)
			CHECK((memcmp(before.spans[first], after.spans[first],
						  sizeof(before.spans[0]) * (size_t) sequence[i].n) == 0) == (i != 5));
	}
	look[5][3] = SLM_WORD_LOOKS;
	CHECK_STATUS(slm_encode_spans(&h.run, sequence, looks, MAX_T, after.spans[0], &h.err),
				 SLM_ERR_INTERNAL);
	heads_free(&h);
}

/* A file need not tell places on lines apart. */
static void
places_may_be_missing(void)
{
	static Answers with, without;
	Heads h;

	make_inputs();
	heads_load(&h, SLM_DTYPE_F32, HEADS);
	CHECK_STATUS(ask(&h, MAX_T, &without), SLM_OK);
	for (int i = 0; i < MAX_T; i++)
		for (int j = 0; j < MAX_T; j++)
			look[i][j] %= SLM_WORD_SHAPES;
	CHECK_STATUS(ask(&h, MAX_T, &with), SLM_OK);
	CHECK(memcmp(&with, &without, sizeof(with)) == 0);
	heads_free(&h);
}

static void
what_the_model_says(void)
{
	const SlmModelInfo *info;
	Heads h;

	heads_load(&h, SLM_DTYPE_F32, HEADS_AND_OPTIONS);
	info = slm_model_info(h.run.model);
	CHECK(info->has_label_head && info->has_sentence_head);
	CHECK_INT(info->n_span, N_SPAN);
	CHECK_INT(info->n_layer, 1);
	CHECK_INT(info->n_class, 0);
	CHECK(info->label.scale == 20.0f && info->label.none == 5.0f);
	CHECK(info->label.scale_growth == 0.0f && info->label.none_growth == -1.0f);
	CHECK(info->label.multi_scale == 10.0f && info->label.multi_bias == -4.0f);
	CHECK(info->extract.threshold == 0.4f && info->extract.scale == 0.9f &&
		  info->extract.bias == 0.1f);
	heads_free(&h);
}

static void
models_without_heads(void)
{
	const SlmModelInfo *info;
	float out[MAX_T * N_EMBD];
	Heads h;

	make_inputs();
	heads_load(&h, SLM_DTYPE_F32, BODY);
	info = slm_model_info(h.run.model);
	CHECK(!info->has_label_head && !info->has_sentence_head && info->n_span == 0);
	CHECK_STATUS(slm_encode_spans(&h.run, sequence, looks, 1, out, &h.err), SLM_ERR_UNSUPPORTED);
	CHECK_CONTAINS(h.err.message, "model has no extraction head");
	CHECK_STATUS(slm_project_fields(&h.run, narrow[0], 1, out, &h.err), SLM_ERR_UNSUPPORTED);
	CHECK_STATUS(slm_project_labels(&h.run, SLM_LABEL_TEXT, narrow[0], 1, out, &h.err),
				 SLM_ERR_UNSUPPORTED);
	CHECK_CONTAINS(h.err.message, "model has no label head");
	CHECK_STATUS(slm_score_sentences(&h.run, rows[0], 1, out, &h.err), SLM_ERR_UNSUPPORTED);
	CHECK_CONTAINS(h.err.message, "model has no sentence head");
	CHECK_STATUS(slm_encode_hidden(&h.run, sequence, 1, out, &h.err), SLM_OK);
	heads_free(&h);
}

/* A number that overflows in a head is an error, not an answer. */
static void
numbers_that_are_not_finite(void)
{
	float in[N_EMBD + SLM_SENTENCE_FEATURES], out[N_EMBD];
	Heads h;

	heads_load(&h, SLM_DTYPE_F32, HEADS_AND_OPTIONS);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		in[i] = i % 2 == 0 ? 3e38f : -3e38f;
	CHECK_STATUS(slm_project_labels(&h.run, SLM_LABEL_TEXT, in, 1, out, &h.err), SLM_ERR_CORRUPT);
	CHECK_CONTAINS(h.err.message, "not finite");
	CHECK_STATUS(slm_project_fields(&h.run, in, 1, out, &h.err), SLM_ERR_CORRUPT);
	heads_free(&h);
}

/* A cancel at every poll; the next call is right, and the arena does not grow. */
static void
cancel_at_every_poll(void)
{
	static Answers right, out;
	SlmStatus status = SLM_ERR_CANCELLED;
	size_t held;
	int64_t n;
	Heads h;

	make_inputs();
	heads_load(&h, SLM_DTYPE_Q8_0, HEADS_AND_OPTIONS);
	h.run.kernels = slm_kernels(SLM_ISA_SCALAR);
	CHECK_STATUS(ask(&h, MAX_T, &right), SLM_OK);
	held = h.memory.arena.held_bytes;
	for (n = 1; status == SLM_ERR_CANCELLED && n < 100000; n++)
	{
		test_host_reset();
		test_host_state.interrupt_at = n;
		status = ask(&h, MAX_T, &out);
		test_host_reset();
		CHECK_STATUS(ask(&h, MAX_T, &out), SLM_OK);
		CHECK(memcmp(&out, &right, sizeof(out)) == 0);
	}
	CHECK_STATUS(status, SLM_OK);
	CHECK(n > 10);
	CHECK_INT(h.memory.arena.held_bytes, held);
	heads_free(&h);
}

/* ---- Parity ---- */

#define MAX_IDS 64
#define MAX_NUMBERS (MAX_IDS * N_EMBD)
#define MAX_LABELS 8

/* Numbers of a golden line behind its first word; as many as there are. */
static int
read_numbers(const char *line, float *out)
{
	char *at = strchr(line, ' ');
	int n = 0;

	while (at != NULL && *at == ' ' && n < MAX_NUMBERS)
		out[n++] = strtof(at + 1, &at);
	return n;
}

/* The case that is being read, and how far from it a model may be. */
typedef struct Parity
{
	ModelFixture f;
	double max_error;
	int32_t id[MAX_IDS];
	uint8_t look[MAX_IDS];
	SlmSequence sequence;
	SlmText text;
	float label[MAX_LABELS][N_EMBD];
	int n_label;
	float field[N_EMBD];
	float sentence[N_EMBD + SLM_SENTENCE_FEATURES];
} Parity;

static void
check_parity(const Parity *p, const char *line, const float *out, int n)
{
	float golden[MAX_NUMBERS];
	double error;

	if (!CHECK_INT(read_numbers(line, golden), n))
		return;
	error = error_of(out, golden, n);
	if (!CHECK(error <= p->max_error))
		printf("# %.20s: error %g\n", line, error);
}

/* "labels", then labels between tabs: names, or names and descriptions. */
static void
read_labels(Parity *p, const char *line)
{
	SlmLabel label[MAX_LABELS];
	const char *end, *colon;

	p->n_label = 0;
	for (line = strchr(line, '\t'); line != NULL && p->n_label < MAX_LABELS; line = end)
	{
		SlmLabel *l = &label[p->n_label++];

		line++;
		end = strchr(line, '\t');
		colon = strstr(line, ": ");
		*l = (SlmLabel){{line, end != NULL ? (size_t) (end - line) : strlen(line)}, {"", 0}};
		if (colon == NULL || colon >= line + l->name.size)
			continue;
		l->description = (SlmText){colon + 2, (size_t) (line + l->name.size - colon - 2)};
		l->name.size = (size_t) (colon - line);
	}
	CHECK_STATUS(slm_task_embed_labels(&p->f.run, label, p->n_label, p->label[0], &p->f.err),
				 SLM_OK);
}

static void
check_line(Parity *p, char *line)
{
	const SlmModelInfo *info = slm_model_info(p->f.run.model);
	int n_span = 3 * info->n_span;
	const uint8_t *looks_of = p->look;
	float number[MAX_NUMBERS];
	SlmText text;

	if (strncmp(line, "labels\t", 7) == 0)
		read_labels(p, line);
	else if (strncmp(line, "text\t", 5) == 0)
		p->text = (SlmText){line + 5, fixture_unescape(line + 5)};
	else if (strncmp(line, "one ", 4) == 0 || strncmp(line, "each ", 5) == 0)
	{
		CHECK_STATUS(slm_task_classify(&p->f.run, &p->text, 1, p->label[0], p->n_label,
									   line[0] == 'o' ? SLM_CLASSIFY_ONE : SLM_CLASSIFY_MULTI,
									   number, NULL, &p->f.err),
					 SLM_OK);
		check_parity(p, line, number, p->n_label);
	}
	else if (strncmp(line, "ids ", 4) == 0)
	{
		p->sequence.n = p->sequence.segment_two = read_numbers(line, number);
		p->sequence.token = p->id;
		for (int i = 0; i < p->sequence.n; i++)
			p->id[i] = (int32_t) number[i];
	}
	else if (strncmp(line, "looks ", 6) == 0)
	{
		CHECK_INT(read_numbers(line, number), p->sequence.n);
		for (int i = 0; i < p->sequence.n; i++)
			p->look[i] = (uint8_t) number[i];
	}
	else if (strncmp(line, "hidden ", 7) == 0)
	{
		CHECK_STATUS(slm_encode_hidden(&p->f.run, &p->sequence, 1, number, &p->f.err), SLM_OK);
		check_parity(p, line, number, p->sequence.n * info->n_embd);
	}
	else if (strncmp(line, "spans ", 6) == 0)
	{
		CHECK_STATUS(slm_encode_spans(&p->f.run, &p->sequence, &looks_of, 1, number, &p->f.err),
					 SLM_OK);
		check_parity(p, line, number, p->sequence.n * n_span);
	}
	else if (strncmp(line, "field\t", 6) == 0)
	{
		text = slm_text(line + 6);
		CHECK_STATUS(
			slm_task_embed(&p->f.run, &text, 1, SLM_PURPOSE_DOCUMENT, p->field, NULL, &p->f.err),
			SLM_OK);
	}
	else if (strncmp(line, "side ", 5) == 0)
	{
		CHECK_STATUS(slm_project_fields(&p->f.run, p->field, 1, number, &p->f.err), SLM_OK);
		check_parity(p, line, number, n_span);
	}
	else if (strncmp(line, "sentence ", 9) == 0)
		CHECK_INT(read_numbers(line, p->sentence), info->n_embd + SLM_SENTENCE_FEATURES);
	else if (strncmp(line, "score ", 6) == 0)
	{
		CHECK_STATUS(slm_score_sentences(&p->f.run, p->sentence, 1, number, &p->f.err), SLM_OK);
		check_parity(p, line, number, 1);
	}
}

static void
parity_of(const char *path, double max_error)
{
	Lines lines = lines_of(FIXTURE_DIR "tiny-slm.txt");
	Parity p = {.max_error = max_error};
	int n_line = 0;

	if (!CHECK(lines.text != NULL) || !CHECK_STATUS(model_fixture_load(&p.f, path), SLM_OK))
		return;
	for (char *line; (line = lines_next(&lines)) != NULL; n_line++)
		check_line(&p, line);
	CHECK(n_line > 30);
	model_fixture_free(&p.f);
}

static void
parity_with_pytorch(void)
{
	parity_of(FIXTURE_DIR "tiny-slm.gguf", 1e-11);
	parity_of(FIXTURE_DIR "tiny-slm-q8_0.gguf", 3e-2);
}

/* A case of tiny-heads.txt: "tokens", a text, and the logits of its tokens, between tabs. */
static void
check_tokens(ModelFixture *f, char *line)
{
	const SlmTokenizer *tokenizer = slm_model_tokenizer(f->run.model);
	int n_class = slm_model_info(f->run.model)->n_token_class;
	float golden[MAX_NUMBERS], logits[MAX_NUMBERS];
	int32_t id[64];
	char *text = strchr(line, '\t') + 1, *at = strchr(text, '\t');
	SlmSequence words = {.token = id};
	SlmTokens tokens;
	int n = 0;

	*at++ = 0;
	for (char *end; n < MAX_NUMBERS && *at != 0; at = *end == '\t' ? end + 1 : end)
		golden[n++] = strtof(at, &end);
	CHECK_STATUS(
		slm_tokenize(tokenizer, test_host(), text, strlen(text), f->run.arena, &tokens, &f->err),
		SLM_OK);
	id[words.n++] = tokenizer->special.bos;
	memcpy(id + 1, tokens.id, (size_t) tokens.n * sizeof(*id));
	id[1 + tokens.n] = tokenizer->special.eos;
	words.n = words.segment_two = tokens.n + 2;
	if (!CHECK_INT(words.n * n_class, n))
		return;
	CHECK_STATUS(slm_encode_tokens(&f->run, &words, 1, logits, &f->err), SLM_OK);
	CHECK(error_of(logits, golden, n) <= 1e-11);
}

static void
labels_of_tokens(void)
{
	Lines lines = lines_of(FIXTURE_DIR "tiny-heads.txt");
	ModelFixture f;
	float out[64];
	int n_case = 0;

	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-tokens.gguf"), SLM_OK);
	CHECK_INT(slm_model_info(f.run.model)->n_class, 0);
	CHECK_INT(slm_model_info(f.run.model)->n_token_class, 7);
	CHECK(!slm_task_has_labels(f.run.model));
	for (char *line; (line = lines_next(&lines)) != NULL;)
	{
		if (strncmp(line, "tokens\t", 7) != 0)
			continue;
		check_tokens(&f, line);
		n_case++;
	}
	CHECK_INT(n_case, 5);

	/* it says nothing of whole texts, and classifiers of texts nothing of tokens */
	make_inputs();
	CHECK_STATUS(slm_encode_scores(&f.run, sequence, 1, out, &f.err), SLM_ERR_UNSUPPORTED);
	CHECK_STATUS(slm_encode_pooled(&f.run, sequence, 1, out, &f.err), SLM_ERR_UNSUPPORTED);
	CHECK_CONTAINS(f.err.message, "labels tokens");
	CHECK_STATUS(slm_model_options_check(f.run.options, f.run.model, &f.err), SLM_OK);
	model_fixture_free(&f);
	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-classifier.gguf"), SLM_OK);
	CHECK_INT(slm_model_info(f.run.model)->n_token_class, 0);
	CHECK_STATUS(slm_encode_tokens(&f.run, sequence, 1, out, &f.err), SLM_ERR_UNSUPPORTED);
	model_fixture_free(&f);
}

static SlmDtype
type_of(const SlmGguf *gguf, const char *name)
{
	const SlmGgufTensor *tensor = slm_gguf_tensor(gguf, name);

	return CHECK(tensor != NULL) ? tensor->type : SLM_DTYPE_F32;
}

/* What models/quantize makes of each tensor. */
static void
types_of_the_quantized_fixture(void)
{
	size_t size;
	uint8_t *file = read_whole_file(FIXTURE_DIR "tiny-slm-q8_0.gguf", &size);
	SlmArena arena;
	SlmGguf gguf;
	SlmError err;
	bool need_more;

	slm_arena_init(&arena, test_host(), 16 << 20);
	CHECK_STATUS(slm_gguf_parse(file, size, size, test_host(), &arena, &gguf, &need_more, &err),
				 SLM_OK);
	CHECK_INT(type_of(&gguf, "token_embd.weight"), SLM_DTYPE_Q5_0);
	CHECK_INT(type_of(&gguf, "blk.0.ffn_up.weight"), SLM_DTYPE_Q8_0);
	CHECK_INT(type_of(&gguf, "blk.1.attn_q.weight"), SLM_DTYPE_Q8_0);
	CHECK_INT(type_of(&gguf, "label_text.weight"), SLM_DTYPE_Q8_0);
	CHECK_INT(type_of(&gguf, "ext_field.weight"), SLM_DTYPE_Q8_0);
	CHECK_INT(type_of(&gguf, "ext_token.bias"), SLM_DTYPE_F32);
	CHECK_INT(type_of(&gguf, "ext_shape.weight"), SLM_DTYPE_F32);
	CHECK_INT(type_of(&gguf, "ext_line.weight"), SLM_DTYPE_F32);
	CHECK_INT(type_of(&gguf, "ext_rel_b.weight"), SLM_DTYPE_F32);
	CHECK_INT(type_of(&gguf, "ext_token_embd.weight"), SLM_DTYPE_Q8_0);
	CHECK_INT(type_of(&gguf, "position_embd.weight"), SLM_DTYPE_F32);
	CHECK_INT(type_of(&gguf, "sum_hidden.weight"), SLM_DTYPE_F32);
	CHECK_INT(type_of(&gguf, "sum_output.weight"), SLM_DTYPE_F32);
	slm_arena_trim(&arena, 0);
	free(file);
}

int
main(void)
{
	TEST(parity_with_pytorch);
	TEST(labels_of_tokens);
	TEST(types_of_the_quantized_fixture);
	TEST(one_answer);
	TEST(hidden_states_are_what_is_pooled);
	TEST(looks_matter);
	TEST(places_may_be_missing);
	TEST(what_the_model_says);
	TEST(models_without_heads);
	TEST(numbers_that_are_not_finite);
	TEST(cancel_at_every_poll);
	return check_done();
}
