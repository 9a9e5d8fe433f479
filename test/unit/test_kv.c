/*
 * test_kv.c - keys and values kept as halves or codes: close to floats, less memory, one answer
 *
 * Over src/model/kv.c and what reads it: attention, decode, prefix.  What holds of
 * floats is in test_decode.c.
 */
#include <math.h>

#include "base/fp16.h"
#include "check.h"
#include "decoder_fixture.h"
#include "engine/prefix.h"
#include "host.h"
#include "model/kv.h"

static const SlmDtype types[] = {SLM_DTYPE_F32, SLM_DTYPE_F16, SLM_DTYPE_Q8_0};

#define N_TYPES ((int) (sizeof(types) / sizeof(types[0])))

static float logits[DECODER_LENGTH * DECODER_VOCAB], other[DECODER_LENGTH * DECODER_VOCAB];

static bool
load(ModelFixture *f, const DecoderGolden *g, SlmDtype type)
{
	if (!CHECK(g != NULL) || !CHECK_STATUS(model_fixture_load(f, g->path), SLM_OK))
		return false;
	f->memory.options.cache_type = type;
	return true;
}

/* Element i of what a type keeps, a code with its scale. */
static float
kept(SlmDtype type, const void *p, size_t i, uint16_t scale)
{
	if (type == SLM_DTYPE_F16)
		return slm_fp16_to_float(((const uint16_t *) p)[i]);
	if (type == SLM_DTYPE_Q8_0)
		return (float) ((const int8_t *) p)[i] * slm_fp16_to_float(scale);
	return ((const float *) p)[i];
}

/* Is what a block keeps of a token near x, by its type's own measure? */
static void
check_kept(const SlmKvShape *s, const SlmKvLayer *l, int position, const float *x, bool of_keys)
{
	size_t at = (size_t) position, per_head = s->scales / (size_t) s->n_head;

	for (int i = 0; i < s->n_head * s->head_dim; i++)
	{
		int head = i / s->head_dim, d = i % s->head_dim, first = i - d % SLM_Q8_BLOCK;
		int end = first + SLM_Q8_BLOCK, next = (head + 1) * s->head_dim;
		size_t block = (size_t) head * per_head + (size_t) (d / SLM_Q8_BLOCK);
		uint16_t scale = 0;
		float y, most = 0.0f;

		for (int j = first; j < end && j < next; j++)
			most = fmaxf(most, fabsf(x[j]));
		if (s->scales > 0)
			scale = of_keys ? l->key_scales[block * s->room + at]
							: l->value_scales[at * s->scales + block];
		y = of_keys ? kept(s->type, l->keys, (size_t) i * s->room + at, scale)
					: kept(s->type, l->values, at * s->values + (size_t) i, scale);
		if (s->type == SLM_DTYPE_F32)
			CHECK(y == x[i]);
		else if (s->type == SLM_DTYPE_F16)
			CHECK(fabsf(y - x[i]) <= fabsf(x[i]) * 0x1p-11f);
		else
			CHECK(fabsf(y - x[i]) <= most / 127.0f * (0.5f + 127.0f * 0x1p-11f));
	}
}

enum
{
	TOKENS = 21
};

/* Heads of 16, 24, 64: more and less than a block of codes. */
static void
numbers_come_back(void)
{
	static const char *const names[] = {"llama", "nemo", "gemma", "blocks", "phi2"};

	CHECK(decoders_read());
	for (size_t m = 0; m < sizeof(names) / sizeof(names[0]); m++)
		for (int t = 0; t < N_TYPES; t++)
		{
			ModelFixture f;
			SlmKvShape shape, wide;
			SlmCompute c;
			float *x;
			void *block, *copy;
			size_t n;

			if (!load(&f, decoder_find(names[m]), types[t]))
				return;
			shape = slm_kv_shape(f.run.model, types[t], TOKENS);
			wide = slm_kv_shape(f.run.model, types[t], 3 * TOKENS);
			n = (size_t) (shape.n_head * shape.head_dim);
			x = malloc(2 * TOKENS * n * sizeof(*x));
			block = malloc((size_t) slm_kv_bytes(&shape));
			copy = malloc((size_t) slm_kv_bytes(&wide));
			for (size_t i = 0; i < 2 * TOKENS * n; i++)
				x[i] = sinf((float) (i * i)) * (float) (1 + i % 7);
			slm_compute_init(&c, f.run.model, f.run.kernels, f.run.host, f.run.arena);
			for (int layer = 0; layer < shape.n_layer; layer++)
			{
				SlmKvLayer l = slm_kv_layer(&shape, block, layer);

				for (size_t i = 0; i < TOKENS; i++)
					slm_kv_put(f.run.kernels, &shape, &l, (int) i, x + 2 * i * n,
							   x + (2 * i + 1) * n);
			}
			CHECK_STATUS(slm_kv_copy(&c, &wide, copy, &shape, block, TOKENS, &f.err), SLM_OK);
			for (int layer = 0; layer < shape.n_layer; layer++)
				for (int i = 0; i < TOKENS; i++)
				{
					SlmKvLayer a = slm_kv_layer(&shape, block, layer);
					SlmKvLayer b = slm_kv_layer(&wide, copy, layer);

					check_kept(&shape, &a, i, x + 2 * (size_t) i * n, true);
					check_kept(&shape, &a, i, x + (2 * (size_t) i + 1) * n, false);
					check_kept(&wide, &b, i, x + 2 * (size_t) i * n, true);
					check_kept(&wide, &b, i, x + (2 * (size_t) i + 1) * n, false);
				}
			free(x);
			free(block);
			free(copy);
			model_fixture_free(&f);
		}
}

/* Logits of every architecture against those with floats. */
static void
close_to_floats(void)
{
	static const double most[] = {0.0, 1e-5, 1e-3};
	/*
	 * where weights are codes, activations are, too: a small change turns some to the
	 * next one, and where experts are chosen, some choices to others
	 */
	static const double most_of_codes = 1e-3, most_of_choices = 1e-2;

	CHECK(decoders_read());
	for (int m = 0; m < n_decoder; m++)
		for (int t = 1; t < N_TYPES; t++)
		{
			ModelFixture f;
			double error, bound;
			int n;

			if (!load(&f, &decoder[m], SLM_DTYPE_F32))
				return;
			n = slm_model_info(f.run.model)->n_vocab * DECODER_LENGTH;
			CHECK_STATUS(decoder_logits(&f, &decoder[m], DECODER_LENGTH, logits), SLM_OK);
			f.memory.options.cache_type = types[t];
			CHECK_STATUS(decoder_logits(&f, &decoder[m], DECODER_LENGTH, other), SLM_OK);
			error = error_of(other, logits, n);
			bound = f.run.model->hparams.n_expert > 0 ? most_of_choices
					: decoder[m].nmse > 1e-5          ? most_of_codes
													  : most[t];
			printf("# %s %s: NMSE %.1e\n", decoder[m].name, slm_dtype_info(types[t])->name, error);
			CHECK(error > 0.0 && error <= bound);
			model_fixture_free(&f);
		}
}

static void
steps_and_isas_do_not_matter(void)
{
	static const int steps[] = {1, 7, 64};

	CHECK(decoders_read());
	for (int m = 0; m < n_decoder; m++)
		for (int t = 1; t < N_TYPES; t++)
		{
			ModelFixture f;
			size_t n;

			if (!load(&f, &decoder[m], types[t]))
				return;
			n = (size_t) slm_model_info(f.run.model)->n_vocab * DECODER_LENGTH * sizeof(float);
			CHECK_STATUS(decoder_logits(&f, &decoder[m], DECODER_LENGTH, logits), SLM_OK);
			for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			{
				CHECK_STATUS(decoder_logits(&f, &decoder[m], steps[i], other), SLM_OK);
				CHECK(memcmp(logits, other, n) == 0);
			}
			for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
			{
				f.run.kernels = slm_kernels(isa);
				CHECK_STATUS(decoder_logits(&f, &decoder[m], 33, other), SLM_OK);
				if (!CHECK(memcmp(logits, other, n) == 0))
					printf("# %s %s\n", decoder[m].name, f.run.kernels->name);
			}
			model_fixture_free(&f);
		}
}

/* What 16 sequences hold, counted and under a cap. */
static void
memory_is_less(void)
{
	enum
	{
		N = 16
	};
	uint64_t bytes[N_TYPES];
	size_t held[N_TYPES];

	CHECK(decoders_read());
	for (int t = N_TYPES - 1; t >= 0; t--)
	{
		ModelFixture f;
		SlmKvShape shape;
		SlmDecoder *d;

		if (!load(&f, decoder_find("phi2"), types[t]))
			return;
		shape = slm_kv_shape(f.run.model, types[t], 512);
		bytes[t] = slm_kv_bytes(&shape);
		slm_arena_trim(f.run.arena, 0);
		CHECK_STATUS(slm_decoder_new(&f.run, N, 512, &d, &f.err), SLM_OK);
		held[t] = f.run.arena->held_bytes;
		printf("# %s: %.1f bytes a token, %zu held\n", slm_dtype_info(types[t])->name,
			   (double) bytes[t] / 512, held[t]);
		slm_arena_trim(f.run.arena, 0);
		f.run.arena->max_bytes = held[N_TYPES - 1]; /* what the smallest takes */
		CHECK_STATUS(slm_decoder_new(&f.run, N, 512, &d, &f.err),
					 types[t] == SLM_DTYPE_Q8_0 ? SLM_OK : SLM_ERR_LIMIT);
		model_fixture_free(&f);
	}
	CHECK(bytes[1] * 2 <= bytes[0] + 64 && bytes[2] * 3 <= bytes[0]);
	CHECK(held[1] * 10 <= held[0] * 6 && held[2] * 10 <= held[0] * 4);
}

/* What one type has kept is none of another's. */
static void
kept_beginnings(void)
{
	static SlmPrefixes prefixes;
	size_t bytes[N_TYPES];

	CHECK(decoders_read());
	prefixes.host = test_host();
	for (int t = 0; t < N_TYPES; t++)
	{
		ModelFixture f;
		SlmDecoder *d;
		SlmStep step;
		int n_vocab;

		if (!load(&f, decoder_find("gemma2"), types[t]))
			return;
		n_vocab = slm_model_info(f.run.model)->n_vocab;
		slm_prefixes_limit(&prefixes, 1U << 20);
		f.run.prefixes = &prefixes;
		f.run.owner = slm_text("anna");
		for (int i = 0; i < 2; i++)
		{
			CHECK_STATUS(slm_decoder_new(&f.run, 1, 100 + 50 * i, &d, &f.err), SLM_OK);
			CHECK_STATUS(slm_prefix_restore(d, 0, decoder[0].id, 100, &f.err), SLM_OK);
			CHECK_INT(slm_decoder_length(d, 0), i == 0 ? 0 : 77);
			step = (SlmStep){0, decoder[0].id + 77 * i, 100 - 77 * i, 1};
			CHECK_STATUS(slm_decode(d, &step, 1, NULL, n_vocab, i == 0 ? logits : other, &f.err),
						 SLM_OK);
			if (i == 0)
				CHECK_STATUS(slm_prefix_keep(d, 0, decoder[0].id, 77, &f.err), SLM_OK);
		}
		CHECK(memcmp(logits, other, (size_t) n_vocab * sizeof(float)) == 0);
		bytes[t] = prefixes.n_byte;
		slm_prefixes_limit(&prefixes, 0);
		model_fixture_free(&f);
	}
	CHECK(bytes[0] > bytes[1] && bytes[1] > bytes[2]);
}

static void
models_that_keep_nothing(void)
{
	ModelFixture f;

	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-bert.gguf"), SLM_OK);
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_OK);
	f.memory.options.cache_type = SLM_DTYPE_Q8_0;
	CHECK_STATUS(slm_model_options_check(&f.memory.options, f.run.model, &f.err), SLM_ERR_ARGUMENT);
	CHECK_CONTAINS(f.err.message, "option \"cache_type\" is for models that write text");
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(numbers_come_back);
	TEST(close_to_floats);
	TEST(steps_and_isas_do_not_matter);
	TEST(memory_is_less);
	TEST(kept_beginnings);
	TEST(models_that_keep_nothing);
	return check_done();
}
