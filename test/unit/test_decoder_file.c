/*
 * test_decoder_file.c - files of decoders that src/model refuses, each by name
 *
 * decoder-llama.gguf (a scaled Llama with frequencies of its own) and decoder-qwen3.gguf
 * with one thing changed in each case: list A of RELIABILITY.md, as far as decoders
 * have keys and tensors that encoders lack.
 */
#include "changed_file.h"

#include <math.h>

#define LLAMA FIXTURE_DIR "decoder-llama.gguf"
#define QWEN3 FIXTURE_DIR "decoder-qwen3.gguf"
#define MIXTRAL FIXTURE_DIR "decoder-mixtral.gguf"
#define QWEN2MOE FIXTURE_DIR "decoder-qwen2moe.gguf"
#define FLAN FIXTURE_DIR "t5-flan.gguf"
#define BLOCKS FIXTURE_DIR "decoder-blocks.gguf"

static void
refuse_u32(const char *key, uint32_t value, SlmStatus status, const char *message)
{
	check_u32(LLAMA, key, value, status, message);
}

static void
refuse_f32(const char *key, float value, const char *message)
{
	check_f32(LLAMA, key, value, SLM_ERR_CORRUPT, message);
}

static void
heads(void)
{
	refuse_u32("llama.attention.head_count", 0, SLM_ERR_CORRUPT, "llama.attention.head_count");
	refuse_u32("llama.attention.head_count", 513, SLM_ERR_CORRUPT, "llama.attention.head_count");
	refuse_u32("llama.attention.head_count_kv", 0, SLM_ERR_CORRUPT,
			   "llama.attention.head_count_kv");
	refuse_u32("llama.attention.head_count_kv", 3, SLM_ERR_CORRUPT,
			   "4 heads are not a multiple of 3");
	refuse_u32("llama.attention.head_count_kv", 8, SLM_ERR_CORRUPT,
			   "4 heads are not a multiple of 8");
	refuse_u32("llama.attention.key_length", 0, SLM_ERR_CORRUPT, "llama.attention.key_length");
	refuse_u32("llama.attention.key_length", 1025, SLM_ERR_CORRUPT, "llama.attention.key_length");
	refuse_u32("llama.attention.key_length", 16, SLM_ERR_CORRUPT,
			   "key \"llama.attention.value_length\" is 8, but must be 16 here");
	refuse_u32("llama.attention.value_length", 4, SLM_ERR_CORRUPT,
			   "key \"llama.attention.value_length\" is 4, but must be 8 here");
	refuse_f32("llama.attention.layer_norm_rms_epsilon", 0.0f,
			   "key \"llama.attention.layer_norm_rms_epsilon\" is 0");
	refuse_f32("llama.attention.layer_norm_rms_epsilon", NAN, "layer_norm_rms_epsilon");
}

static void
rotations(void)
{
	refuse_u32("llama.rope.dimension_count", 7, SLM_ERR_CORRUPT,
			   "is 7, but pairs of numbers rotate");
	refuse_u32("llama.rope.dimension_count", 0, SLM_ERR_CORRUPT, "llama.rope.dimension_count");
	refuse_u32("llama.rope.dimension_count", 10, SLM_ERR_CORRUPT, "llama.rope.dimension_count");
	/* fewer pairs rotate than there are frequencies */
	refuse_u32("llama.rope.dimension_count", 6, SLM_ERR_CORRUPT,
			   "tensor \"rope_freqs.weight\" is 4 x 1, but must be 3 x 1 here");
	refuse_f32("llama.rope.freq_base", 0.0f, "key \"llama.rope.freq_base\" is 0");
	refuse_f32("llama.rope.freq_base", -1.0f, "llama.rope.freq_base");
	refuse_f32("llama.rope.freq_base", NAN, "llama.rope.freq_base");
	refuse_f32("llama.rope.freq_base", 1.1e12f, "llama.rope.freq_base");
}

static void
numbers_of_all_models(void)
{
	refuse_u32("llama.block_count", 0, SLM_ERR_CORRUPT, "llama.block_count");
	refuse_u32("llama.block_count", 513, SLM_ERR_CORRUPT, "llama.block_count");
	refuse_u32("llama.block_count", 3, SLM_ERR_CORRUPT,
			   "tensor \"blk.2.attn_norm.weight\" is missing");
	refuse_u32("llama.block_count", 1, SLM_ERR_CORRUPT, "is beyond the 1 layers of the model");
	refuse_u32("llama.context_length", 0, SLM_ERR_CORRUPT, "llama.context_length");
	refuse_u32("llama.context_length", 1U << 31, SLM_ERR_CORRUPT, "llama.context_length");
	refuse_u32("llama.embedding_length", 31, SLM_ERR_CORRUPT, "is 32 x ");
	refuse_u32("llama.feed_forward_length", 47, SLM_ERR_CORRUPT, "is 32 x 48, but must be 32 x 47");
}

/* Scales of blocks of 256 that are not finite, in the first and in the last block of each type's tensor. */
static void
scales_of_blocks(void)
{
	static const char *const tensors[] = {
		"token_embd.weight",     "blk.0.attn_q.weight",   "blk.0.attn_k.weight",
		"blk.0.attn_v.weight",   "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
		"blk.0.ffn_down.weight",
	};
	static const uint16_t halves[] = {0x7e00, 0x7c00, 0xfc00};

	for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
	{
		GgufBytes file = open_file(BLOCKS);
		const uint8_t *entry = gguf_behind(&file, tensors[i]);
		uint64_t ne[2];
		uint32_t type;
		const SlmDtypeInfo *info;

		memcpy(ne, entry + 4, sizeof(ne)); /* behind the number of dimensions */
		memcpy(&type, entry + 20, sizeof(type));
		info = slm_dtype_info(type);
		gguf_bytes_free(&file);
		for (int h = 0; h < info->n_half; h++)
			for (int last = 0; last < 2; last++)
			{
				size_t block = last ? (size_t) (ne[0] * ne[1] / info->block_items - 1) : 0;
				char message[80];

				file = open_file(BLOCKS);
				memcpy(gguf_data_of(&file, tensors[i]) + block * info->block_bytes +
						   info->half_at[h],
					   &halves[(i + (size_t) last) % 3], 2);
				snprintf(message, sizeof(message), "tensor \"%s\" has a value that is not finite",
						 tensors[i]);
				check_load(&file, SLM_ERR_CORRUPT, message);
			}
	}
}

/* Every tensor of a layer and of the whole, missing; output is optional, and the norms of heads are Qwen3's. */
static void
missing_tensors(void)
{
	static const char *const tensors[] = {
		"token_embd.weight",        "output_norm.weight",    "blk.1.attn_norm.weight",
		"blk.1.attn_q.weight",      "blk.1.attn_k.weight",   "blk.1.attn_v.weight",
		"blk.1.attn_output.weight", "blk.1.ffn_norm.weight", "blk.1.ffn_gate.weight",
		"blk.1.ffn_up.weight",      "blk.1.ffn_down.weight", "blk.1.attn_q_norm.weight",
		"blk.1.attn_k_norm.weight",
	};
	GgufBytes file;

	for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
		check_missing(QWEN3, tensors[i]);
	file = open_file(QWEN3);
	hide_tensor(&file, "output.weight");
	check_load(&file, SLM_OK, "");
}

static void
keys_that_are_not_there(void)
{
	static const struct
	{
		const char *key, *message; /* of the error; NULL: it has a default */
	} keys[] = {
		{"llama.attention.head_count", "lacks the key \"llama.attention.head_count\""},
		{"llama.attention.layer_norm_rms_epsilon",
		 "lacks the key \"llama.attention.layer_norm_rms_epsilon\""},
		{"llama.rope.freq_base", NULL},
		{"llama.rope.dimension_count", NULL},
		{"llama.attention.key_length", NULL},
		{"llama.attention.value_length", NULL},
		/* then every head has keys of its own, which the file lacks */
		{"llama.attention.head_count_kv",
		 "tensor \"blk.0.attn_k.weight\" is 32 x 16, but must be 32 x 32 here"},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		GgufBytes file = open_file(LLAMA);

		hide_key(&file, keys[i].key);
		check_load(&file, keys[i].message == NULL ? SLM_OK : SLM_ERR_CORRUPT, keys[i].message);
	}
}

/* A key that may change results is refused where it is not understood. */
static void
keys_that_are_not_known(void)
{
	GgufBytes file = open_file(LLAMA);

	memcpy(gguf_behind(&file, "llama.rope.freq_base") - strlen("freq_base"), "freq_xxxx", 9);
	check_load(&file, SLM_ERR_UNSUPPORTED, "key \"llama.rope.freq_xxxx\" is not supported");
}

/* A model's file with four bytes of a key's value changed, or with a tensor of another name. */
static void
refuse_in(const char *path, const char *key, const void *value, const char *message)
{
	GgufBytes file = open_file(path);

	memcpy(gguf_behind(&file, key) + 4, value, 4);
	check_load(&file, SLM_ERR_CORRUPT, message);
}

/* Windows, caps, scales and the factors of long contexts: keys that not every decoder has. */
static void
keys_of_some(void)
{
	static const char gemma2[] = FIXTURE_DIR "decoder-gemma2.gguf";
	static const char phi3[] = FIXTURE_DIR "decoder-phi3.gguf";
	static const char scaled[] = FIXTURE_DIR "decoder-scaled.gguf";
	const float zero = 0.0f, half = 0.5f, nan = NAN, huge = 1e7f;
	const uint32_t none = 0, beyond = 1U << 31;
	static const char *const factors[] = {"rope_factors_long.weight", "rope_factors_short.weight"};

	refuse_in(gemma2, "gemma2.attention.sliding_window", &beyond,
			  "gemma2.attention.sliding_window");
	refuse_in(gemma2, "gemma2.attn_logit_softcapping", &half,
			  "key \"gemma2.attn_logit_softcapping\" is 0.5");
	refuse_in(gemma2, "gemma2.attn_logit_softcapping", &nan, "gemma2.attn_logit_softcapping");
	refuse_in(gemma2, "gemma2.final_logit_softcapping", &zero,
			  "key \"gemma2.final_logit_softcapping\" is 0");
	refuse_in(gemma2, "gemma2.final_logit_softcapping", &huge, "gemma2.final_logit_softcapping");
	refuse_in(scaled, "gemma2.attention.scale", &zero, "key \"gemma2.attention.scale\" is 0");
	refuse_in(FIXTURE_DIR "decoder-gemma3.gguf", "gemma3.rope.freq_base_swa", &half,
			  "key \"gemma3.rope.freq_base_swa\" is 0.5");
	refuse_in(phi3, "phi3.rope.scaling.attn_factor", &zero,
			  "key \"phi3.rope.scaling.attn_factor\" is 0");
	refuse_in(phi3, "phi3.rope.scaling.original_context_length", &none,
			  "phi3.rope.scaling.original_context_length");
	refuse_in(phi3, "phi3.rope.scaling.original_context_length", &beyond,
			  "phi3.rope.scaling.original_context_length");
	for (int i = 0; i < 2; i++)
	{
		GgufBytes file = open_file(phi3);
		char message[80];

		*(gguf_behind(&file, factors[i]) - 1) = 'X';
		snprintf(message, sizeof(message), "tensor \"%s\" is missing", factors[i]);
		check_load(&file, SLM_ERR_CORRUPT, message);
		file = open_file(phi3);
		memcpy(gguf_data_of(&file, factors[i]), &nan, 4);
		snprintf(message, sizeof(message), "tensor \"%s\" has a value that is not finite",
				 factors[i]);
		check_load(&file, SLM_ERR_CORRUPT, message);
	}
}

/* Experts: their numbers, and their matrices one behind the other. */
static void
experts(void)
{
	static const char *const tensors[] = {
		"blk.1.ffn_gate_inp.weight",       "blk.1.ffn_gate_exps.weight",
		"blk.1.ffn_up_exps.weight",        "blk.1.ffn_down_exps.weight",
		"blk.1.ffn_gate_shexp.weight",     "blk.1.ffn_up_shexp.weight",
		"blk.1.ffn_gate_inp_shexp.weight", "blk.1.ffn_down_shexp.weight",
	};
	const char *key = "llama.expert_count";
	GgufBytes file;

	for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
		check_missing(QWEN2MOE, tensors[i]);
	check_u32(MIXTRAL, key, 513, SLM_ERR_CORRUPT,
			  "key \"llama.expert_count\" is 513, outside 0 to 512");
	check_u32(MIXTRAL, key, 5, SLM_ERR_CORRUPT,
			  "tensor \"blk.0.ffn_gate_inp.weight\" is 32 x 4, but must be 32 x 5 here");
	check_u32(MIXTRAL, key, 0, SLM_ERR_CORRUPT, "tensor \"blk.0.ffn_gate.weight\" is missing");
	check_u32(MIXTRAL, "llama.expert_used_count", 0, SLM_ERR_CORRUPT, "is 0, outside 1 to 4");
	check_u32(MIXTRAL, "llama.expert_used_count", 5, SLM_ERR_CORRUPT, "is 5, outside 1 to 4");
	check_u32(MIXTRAL, "llama.feed_forward_length", 47, SLM_ERR_CORRUPT,
			  "tensor \"blk.0.ffn_gate_exps.weight\" is 32 x 48 x 4, but must be 32 x 47 x 4 here");
	file = open_file(MIXTRAL);
	hide_key(&file, key);
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"blk.0.ffn_gate.weight\" is missing");
	check_u32(QWEN2MOE, "qwen2moe.expert_count", 0, SLM_ERR_CORRUPT, "is 0, outside 1 to 512");
	file = open_file(QWEN2MOE);
	hide_key(&file, "qwen2moe.expert_count");
	check_load(&file, SLM_ERR_CORRUPT, "lacks the key \"qwen2moe.expert_count\"");
	check_u32(QWEN2MOE, "qwen2moe.expert_feed_forward_length", SLM_MAX_FF + 1, SLM_ERR_CORRUPT,
			  "is 65537, outside 1 to 65536");
	check_u32(QWEN2MOE, "qwen2moe.expert_feed_forward_length", 21, SLM_ERR_CORRUPT,
			  "tensor \"blk.0.ffn_gate_exps.weight\" is 32 x 20 x 6, but must be 32 x 21 x 6 here");
	check_u32(QWEN2MOE, "qwen2moe.expert_shared_feed_forward_length", 39, SLM_ERR_CORRUPT,
			  "tensor \"blk.0.ffn_gate_shexp.weight\" is 32 x 40, but must be 32 x 39 here");
	/* the dimensions in another order */
	file = open_file(MIXTRAL);
	gguf_behind(&file, "blk.1.ffn_up_exps.weight")[12] = 4;
	gguf_behind(&file, "blk.1.ffn_up_exps.weight")[20] = 48;
	check_load(&file, SLM_ERR_CORRUPT,
			   "tensor \"blk.1.ffn_up_exps.weight\" is 32 x 4 x 48, but must be 32 x 48 x 4 here");
}

/* Two stacks, each of its own depth, and what one of them begins to write with. */
static void
two_stacks(void)
{
	static const char *const tensors[] = {
		"token_embd.weight",
		"enc.output_norm.weight",
		"dec.output_norm.weight",
		"enc.blk.1.attn_norm.weight",
		"enc.blk.1.attn_o.weight",
		"enc.blk.1.ffn_down.weight",
		"dec.blk.2.attn_q.weight",
		"dec.blk.2.cross_attn_norm.weight",
		"dec.blk.2.cross_attn_q.weight",
		"dec.blk.2.cross_attn_k.weight",
		"dec.blk.2.cross_attn_v.weight",
		"dec.blk.2.cross_attn_o.weight",
		"dec.blk.0.attn_rel_b.weight",
		"enc.blk.0.attn_rel_b.weight",
	};
	const char *start = "t5.decoder_start_token_id";
	GgufBytes file;

	for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
		check_missing(FLAN, tensors[i]);
	check_u32(FLAN, "t5.block_count", 1, SLM_ERR_CORRUPT,
			  "tensor \"enc.blk.1.attn_k.weight\" is beyond the 1 layers of the model");
	check_u32(FLAN, "t5.block_count", 3, SLM_ERR_CORRUPT,
			  "tensor \"enc.blk.2.attn_norm.weight\" is missing");
	check_u32(FLAN, "t5.decoder_block_count", 2, SLM_ERR_CORRUPT,
			  "tensor \"dec.blk.2.attn_k.weight\" is beyond the 2 layers of the model");
	check_u32(FLAN, "t5.decoder_block_count", 4, SLM_ERR_CORRUPT,
			  "tensor \"dec.blk.3.attn_norm.weight\" is missing");
	check_u32(FLAN, "t5.decoder_block_count", 0, SLM_ERR_CORRUPT, "is 0, outside 1 to 512");
	check_u32(FLAN, "t5.decoder_block_count", 513, SLM_ERR_CORRUPT, "is 513, outside 1 to 512");
	/* without it, both have as many */
	file = open_file(FLAN);
	hide_key(&file, "t5.decoder_block_count");
	check_load(&file, SLM_ERR_CORRUPT,
			   "tensor \"dec.blk.2.attn_k.weight\" is beyond the 2 layers of the model");
	check_u32(FLAN, start, 51, SLM_OK, "");
	check_u32(FLAN, start, 52, SLM_ERR_CORRUPT,
			  "key \"t5.decoder_start_token_id\" is 52 of 52 tokens");
	check_u32(FLAN, start, 1U << 31, SLM_ERR_CORRUPT, start);
	file = open_file(FLAN);
	hide_key(&file, start);
	check_load(&file, SLM_OK, "");
	check_u32(FLAN, "t5.attention.relative_buckets_count", 30, SLM_ERR_CORRUPT,
			  "tensor \"dec.blk.0.attn_rel_b.weight\" is 4 x 32, but must be 4 x 30 here");
	/* then the embeddings are the output matrix, too */
	file = open_file(FLAN);
	hide_tensor(&file, "output.weight");
	check_load(&file, SLM_OK, "");
}

/* Tensors that hold several slots have all their rows, or are not there. */
static void
fused_tensors(void)
{
	static const char phi3[] = FIXTURE_DIR "decoder-phi3.gguf",
					  gpt2[] = FIXTURE_DIR "decoder-gpt2.gguf";
	const uint32_t one = 1, two = 2, fewer = 47;
	GgufBytes file;

	refuse_in(phi3, "phi3.attention.head_count_kv", &one,
			  "tensor \"blk.0.attn_qkv.weight\" is 32 x 64, but must be 32 x 48 here");
	refuse_in(phi3, "phi3.feed_forward_length", &fewer,
			  "tensor \"blk.0.ffn_gate.weight\" is missing");
	refuse_in(gpt2, "gpt2.attention.head_count_kv", &two,
			  "tensor \"blk.0.attn_qkv.weight\" is 32 x 96, but must be 32 x 64 here");
	file = open_file(phi3);
	*(gguf_behind(&file, "blk.1.attn_qkv.weight") - 1) = 'X';
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"blk.1.attn_q.weight\" is missing");
	file = open_file(gpt2);
	*(gguf_behind(&file, "blk.1.attn_qkv.bias") - 1) = 'X';
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"blk.1.attn_q.bias\" is missing");
}

/* Frequencies that are no numbers, or none at all. */
static void
frequencies(void)
{
	static const float values[] = {NAN, INFINITY, 0.0f};

	for (int i = 0; i < 3; i++)
	{
		GgufBytes file = open_file(LLAMA);
		MemoryModel m;
		SlmError err;
		float row[MEMORY_MODEL_MAX_EMBD];

		memcpy(gguf_data_of(&file, "rope_freqs.weight"), &values[i], 4);
		if (i < 2)
		{
			check_load(&file, SLM_ERR_CORRUPT,
					   "tensor \"rope_freqs.weight\" has a value that is not finite");
			continue;
		}
		/* a zero is found where it is divided by */
		CHECK_STATUS(memory_model_load(&m, file.data, file.size, &err), SLM_OK);
		m.options.pooling = SLM_POOLING_LAST;
		CHECK_STATUS(memory_model_run(&m, "a cat", row, MEMORY_MODEL_MAX_EMBD, &err),
					 SLM_ERR_CORRUPT);
		CHECK_CONTAINS(err.message, "model gives an angle of");
		memory_model_free(&m);
		gguf_bytes_free(&file);
	}
}

int
main(void)
{
	TEST(heads);
	TEST(rotations);
	TEST(numbers_of_all_models);
	TEST(missing_tensors);
	TEST(scales_of_blocks);
	TEST(keys_that_are_not_there);
	TEST(keys_that_are_not_known);
	TEST(keys_of_some);
	TEST(experts);
	TEST(two_stacks);
	TEST(fused_tensors);
	TEST(frequencies);
	return check_done();
}
