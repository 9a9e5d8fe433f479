/*
 * test_experts.c - feed-forward blocks whose rows choose what they run
 *
 * Over src/model/experts.c, and image_build.c's matrices one behind the other.  A model
 * of one layer, whose attention gives nothing, is built in memory: token t is
 * written so that the router's row t scores it best, and what an expert
 * gives must be, bit by bit, what a block without experts gives that has the
 * expert's matrices alone.  Parity with transformers is in test_decode.c.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "check.h"
#include "gguf_builder.h"
#include "host.h"
#include "model_fixture.h"

#define N_EMBD 256
#define N_FF 256
#define N_EXPERT 3
#define N_TOKEN 6
#define N_VOCAB 12

typedef struct Made
{
	SlmDtype type; /* of the experts' matrices */
	uint32_t n_expert, n_used;
	uint32_t n_embd;
	int only;      /* a block without experts, of this one's matrices; -1: with experts */
	bool no_votes; /* the router scores all alike */
	float scale;   /* of shares; 0: not said */
	bool sums;     /* shares add up to 1 */
	float down;    /* factor of ffn_down, of F32 */
} Made;

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Random blocks of a type, whose scales are small and finite; the same for the same seed. */
static void
random_blocks(SlmDtype type, uint64_t n, uint32_t seed, float factor, GgufBytes *out)
{
	const SlmDtypeInfo *info = slm_dtype_info(type);
	uint64_t n_block = n / info->block_items;

	for (uint64_t i = 0; i < n_block; i++)
	{
		size_t at = out->size;

		for (uint32_t j = 0; j < info->block_bytes; j++)
			gguf_put_u8(out, (uint8_t) next_random(&seed));
		if (type == SLM_DTYPE_F32)
		{
			float x = ((float) (next_random(&seed) % 65536) / 65536.0f - 0.5f) * 0.1f * factor;

			memcpy(out->data + at, &x, sizeof(x));
		}
		else if (type == SLM_DTYPE_BF16)
			out->data[at + 1] = 0x3c;
		for (int h = 0; h < info->n_half; h++)
		{
			uint16_t half = (uint16_t) (0x1400 + next_random(&seed) % 512);

			memcpy(out->data + at + (size_t) info->half_at[h], &half, sizeof(half));
		}
	}
}

/* A matrix, or those of all experts. */
static void
add_experts(GgufBuilder *b, const Made *made, const char *name, uint32_t salt, uint64_t n_in,
			uint64_t n_out, float factor)
{
	bool alone = made->only >= 0;
	const uint64_t ne[] = {n_in, n_out, made->n_expert};
	char full[64];

	snprintf(full, sizeof(full), "blk.0.%s%s.weight", name, alone ? "" : "_exps");
	gguf_add_entry(b, full, alone ? 2 : 3, ne, made->type, gguf_next_offset(b));
	for (int i = 0; i < (int) made->n_expert; i++)
		if (!alone || i == made->only)
			random_blocks(made->type, n_in * n_out, salt + 10 * (uint32_t) i, factor, &b->data);
}

static void
add_filled(GgufBuilder *b, const char *name, uint32_t n_dims, uint64_t n_in, uint64_t n_out,
		   float value)
{
	const uint64_t ne[] = {n_in, n_out};
	size_t n = (size_t) (n_in * n_out);
	float *data = calloc(n, sizeof(*data));

	for (size_t i = 0; i < n; i++)
		data[i] = value;
	gguf_add_tensor(b, name, SLM_DTYPE_F32, n_dims, ne, data);
	free(data);
}

/* Rows of n_in numbers: a pattern where it is wanted, and 1 on the diagonal. */
static void
add_diagonal(GgufBuilder *b, const char *name, uint64_t n_in, uint64_t n_out, float pattern,
			 float diagonal)
{
	const uint64_t ne[] = {n_in, n_out};
	float *data = calloc((size_t) (n_in * n_out), sizeof(*data));
	uint32_t seed = 5;

	for (uint64_t i = 0; i < n_in * n_out; i++)
		data[i] = pattern * ((float) (next_random(&seed) % 1000) / 1000.0f - 0.5f) +
				  (i % n_in == i / n_in ? diagonal : 0.0f);
	gguf_add_tensor(b, name, SLM_DTYPE_F32, 2, ne, data);
	free(data);
}

static void
add_model(GgufBuilder *b, const Made *made)
{
	static const char *const tokens[N_VOCAB] = {
		"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\xe2\x96\x81x",
		"b",     "c",     "d",     "e",     "f",      "g"};
	static const int32_t types[N_VOCAB] = {3, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1};
	uint64_t n_ff = N_FF * made->n_embd / N_EMBD;

	gguf_add_string(b, "general.architecture", "llama");
	gguf_add_u32(b, "llama.block_count", 1);
	gguf_add_u32(b, "llama.context_length", 2000);
	gguf_add_u32(b, "llama.embedding_length", made->n_embd);
	gguf_add_u32(b, "llama.feed_forward_length", (uint32_t) n_ff);
	gguf_add_u32(b, "llama.attention.head_count", 4);
	gguf_add_f32(b, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
	if (made->only < 0)
	{
		gguf_add_u32(b, "llama.expert_count", made->n_expert);
		gguf_add_u32(b, "llama.expert_used_count", made->n_used);
		gguf_add_bool(b, "llama.expert_weights_norm", made->sums);
		if (made->scale > 0.0f)
			gguf_add_f32(b, "llama.expert_weights_scale", made->scale);
	}
	gguf_add_string(b, "tokenizer.ggml.model", "bert");
	gguf_add_string(b, "tokenizer.ggml.pre", "bert-bge");
	gguf_add_strings(b, "tokenizer.ggml.tokens", tokens, N_VOCAB);
	gguf_add_i32s(b, "tokenizer.ggml.token_type", types, N_VOCAB);
	gguf_add_u32(b, "tokenizer.ggml.unknown_token_id", 1);
	gguf_add_u32(b, "tokenizer.ggml.bos_token_id", 2);
	gguf_add_u32(b, "tokenizer.ggml.eos_token_id", 3);
	add_diagonal(b, "token_embd.weight", made->n_embd, N_VOCAB, 1.0f, 3.0f);
	add_filled(b, "output_norm.weight", 1, made->n_embd, 1, 1.0f);
	add_filled(b, "blk.0.attn_norm.weight", 1, made->n_embd, 1, 1.0f);
	add_filled(b, "blk.0.ffn_norm.weight", 1, made->n_embd, 1, 1.0f);
	add_filled(b, "blk.0.attn_q.weight", 2, made->n_embd, made->n_embd, 0.0f);
	add_filled(b, "blk.0.attn_k.weight", 2, made->n_embd, made->n_embd, 0.0f);
	add_filled(b, "blk.0.attn_v.weight", 2, made->n_embd, made->n_embd, 0.0f);
	add_filled(b, "blk.0.attn_output.weight", 2, made->n_embd, made->n_embd, 0.0f);
	if (made->only < 0)
		add_diagonal(b, "blk.0.ffn_gate_inp.weight", made->n_embd, made->n_expert, 0.0f,
					 made->no_votes ? 0.0f : 1.0f);
	add_experts(b, made, "ffn_gate", 1, made->n_embd, n_ff, 1.0f);
	add_experts(b, made, "ffn_up", 2, made->n_embd, n_ff, 1.0f);
	add_experts(b, made, "ffn_down", 3, n_ff, made->n_embd, made->down);
}

static void
load(const Made *made, ModelFixture *f)
{
	GgufBytes file = {0};
	GgufBuilder b;

	memset(f, 0, sizeof(*f));
	gguf_begin(&b);
	add_model(&b, made);
	gguf_finish(&b, &file);
	if (!CHECK_STATUS(memory_model_load(&f->memory, file.data, file.size, &f->err), SLM_OK))
		printf("# %s\n", f->err.message);
	gguf_bytes_free(&file);
	f->run = (SlmRun){
		.model = f->memory.model,
		.options = &f->memory.options,
		.kernels = slm_kernels(SLM_ISA_AUTO),
		.host = test_host(),
		.arena = &f->memory.arena,
	};
}

/* Hidden states of tokens, one sequence. */
static void
hidden(ModelFixture *f, const int32_t *token, int n, float *out)
{
	SlmSequence sequence = {token, n, n};

	if (f->memory.model != NULL &&
		!CHECK_STATUS(slm_encode_hidden(&f->run, &sequence, 1, out, &f->err), SLM_OK))
		printf("# %s\n", f->err.message);
}

static Made
three_experts(SlmDtype type)
{
	return (Made){
		.type = type,
		.n_expert = N_EXPERT,
		.n_used = 1,
		.n_embd = N_EMBD,
		.only = -1,
		.sums = true,
		.down = 1.0f,
	};
}

static const int32_t tokens[N_TOKEN] = {0, 1, 2, 1, 0, 2};
static float of_experts[N_TOKEN * N_EMBD], of_one[N_TOKEN * N_EMBD];

/* Token t runs expert t: rows [t] of each block alone, of a type. */
static void
check_experts(const Made *made, const Made *alone)
{
	ModelFixture f;

	load(made, &f);
	hidden(&f, tokens, N_TOKEN, of_experts);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		f.run.kernels = slm_kernels(isa);
		hidden(&f, tokens, N_TOKEN, of_one);
		CHECK(memcmp(of_experts, of_one, sizeof(of_one)) == 0);
	}
	model_fixture_free(&f);
	for (int e = 0; e < N_EXPERT; e++)
	{
		Made one = *alone;

		one.only = e;
		load(&one, &f);
		hidden(&f, tokens, N_TOKEN, of_one);
		for (int i = 0; i < N_TOKEN; i++)
		{
			bool same =
				memcmp(of_experts + i * N_EMBD, of_one + i * N_EMBD, N_EMBD * sizeof(float)) == 0;

			if (!CHECK(same == (tokens[i] == e)))
				printf("# %s, expert %d, token %d\n", slm_dtype_info(made->type)->name, e, i);
		}
		model_fixture_free(&f);
	}
}

static void
each_type(void)
{
	int n = 0;

	for (int type = 0; type <= SLM_DTYPE_BF16; type++)
		if (slm_dtype_info((uint32_t) type) != NULL && slm_dtype_info((uint32_t) type)->supported)
		{
			Made made = three_experts((SlmDtype) type);

			check_experts(&made, &made);
			n++;
		}
	CHECK_INT(n, 13);
}

/* What shares are: with a factor, and without adding up to 1. */
static void
shares(void)
{
	Made made = three_experts(SLM_DTYPE_F32), alone = made;
	ModelFixture f;

	made.scale = 4.0f;
	alone.down = 4.0f;
	check_experts(&made, &alone);

	/* of two experts that are scored alike, the first is run, by a half where shares are left alone */
	made = three_experts(SLM_DTYPE_F32);
	made.n_expert = 2;
	made.no_votes = true;
	made.sums = false;
	load(&made, &f);
	hidden(&f, tokens, N_TOKEN, of_experts);
	model_fixture_free(&f);
	alone = made;
	alone.only = 0;
	alone.down = 0.5f;
	load(&alone, &f);
	hidden(&f, tokens, N_TOKEN, of_one);
	model_fixture_free(&f);
	CHECK(memcmp(of_experts, of_one, sizeof(of_one)) == 0);
}

/* Four experts that are scored alike: the first two run, as if there were no others. */
static void
ties(void)
{
	Made made = three_experts(SLM_DTYPE_F16);
	ModelFixture f;

	made.no_votes = true;
	made.n_used = 2;
	made.n_expert = 4;
	load(&made, &f);
	hidden(&f, tokens, N_TOKEN, of_experts);
	model_fixture_free(&f);
	made.n_expert = 2;
	load(&made, &f);
	hidden(&f, tokens, N_TOKEN, of_one);
	model_fixture_free(&f);
	CHECK(memcmp(of_experts, of_one, sizeof(of_one)) == 0);
}

/* Rows in a long sequence, which fill several chunks of each expert, and alone. */
static void
company_does_not_matter(void)
{
	enum
	{
		LONG = 1500
	};
	Made made = three_experts(SLM_DTYPE_Q4_K);
	static int32_t many[LONG];
	static float out[LONG * N_EMBD];
	float row[N_EMBD];
	uint32_t seed = 9;
	ModelFixture f;

	made.n_used = 2;
	load(&made, &f);
	for (int i = 0; i < LONG; i++)
		many[i] = (int32_t) (next_random(&seed) % N_VOCAB);
	hidden(&f, many, LONG, out);
	/* attention gives nothing, so that a row is its token's alone */
	for (int i = 0; i < LONG; i += 7)
	{
		hidden(&f, many + i, 1, row);
		CHECK(memcmp(row, out + i * N_EMBD, sizeof(row)) == 0);
	}
	model_fixture_free(&f);
}

static void
check_file(const Made *made, void (*change)(GgufBuilder *), SlmStatus status, const char *message)
{
	GgufBytes file = {0};
	GgufBuilder b;
	MemoryModel m;
	SlmError err = {0};

	gguf_begin(&b);
	add_model(&b, made);
	if (change != NULL)
		change(&b);
	gguf_finish(&b, &file);
	CHECK_STATUS(memory_model_load(&m, file.data, file.size, &err), status);
	CHECK_CONTAINS(err.message, message);
	memory_model_free(&m);
	gguf_bytes_free(&file);
}

static void
another_gate(GgufBuilder *b)
{
	gguf_add_u32(b, "llama.expert_gating_func", 2);
}

static void
groups(GgufBuilder *b)
{
	gguf_add_u32(b, "llama.expert_group_count", 2);
}

static void
a_shared_one(GgufBuilder *b)
{
	gguf_add_u32(b, "llama.expert_shared_feed_forward_length", 64);
}

static void
scale_of_nothing(GgufBuilder *b)
{
	gguf_add_f32(b, "llama.expert_weights_scale", 0.0f);
}

static void
limits(void)
{
	Made made = three_experts(SLM_DTYPE_Q8_0);
	ModelFixture f;

	check_file(&made, another_gate, SLM_ERR_CORRUPT,
			   "key \"llama.expert_gating_func\" is 2, but must be 1 here");
	check_file(&made, groups, SLM_ERR_UNSUPPORTED,
			   "key \"llama.expert_group_count\" is not supported");
	check_file(&made, a_shared_one, SLM_ERR_UNSUPPORTED,
			   "key \"llama.expert_shared_feed_forward_length\" is not supported");
	check_file(&made, scale_of_nothing, SLM_ERR_CORRUPT, "key \"llama.expert_weights_scale\" is 0");
	made.n_embd = 32;
	made.n_expert = SLM_MAX_EXPERTS + 1;
	check_file(&made, NULL, SLM_ERR_CORRUPT, "key \"llama.expert_count\" is 513, outside 0 to 512");
	made.n_expert = SLM_MAX_EXPERTS;
	made.n_used = SLM_MAX_EXPERTS + 1;
	check_file(&made, NULL, SLM_ERR_CORRUPT,
			   "key \"llama.expert_used_count\" is 513, outside 1 to 512");
	made.n_used = SLM_MAX_EXPERTS;
	load(&made, &f);
	hidden(&f, tokens, N_TOKEN, of_experts);
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(each_type);
	TEST(shares);
	TEST(ties);
	TEST(company_does_not_matter);
	TEST(limits);
	return check_done();
}
