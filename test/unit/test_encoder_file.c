/*
 * test_encoder_file.c - files of encoders beside BERT that src/model refuses, each by name
 *
 * encoder-*.gguf with one thing changed in each case: list A of RELIABILITY.md, as
 * far as these have keys and tensors that BERT lacks.
 */
#include "changed_file.h"

#define ALBERT FIXTURE_DIR "encoder-albert.gguf"
#define MPNET FIXTURE_DIR "encoder-mpnet.gguf"
#define NOMIC FIXTURE_DIR "encoder-nomic.gguf"
#define MODERN FIXTURE_DIR "encoder-modern.gguf"
#define MOBILE FIXTURE_DIR "encoder-mobile.gguf"
#define DEBERTA FIXTURE_DIR "encoder-deberta.gguf"
#define T5 FIXTURE_DIR "encoder-t5.gguf"
#define UMT5 FIXTURE_DIR "encoder-umt5.gguf"
#define MODERN_HEAD FIXTURE_DIR "parity-modern-cross.gguf"

static void
buckets_of_distances(void)
{
	const char *key = "mpnet.attention.relative_buckets_count";
	GgufBytes file;

	check_missing(MPNET, "attn_rel_b.weight");
	check_u32(MPNET, key, 0, SLM_ERR_CORRUPT, key);
	check_u32(MPNET, key, 2, SLM_ERR_CORRUPT, "is 2, not an even number from 4 on");
	check_u32(MPNET, key, 31, SLM_ERR_CORRUPT, "is 31, not an even number from 4 on");
	check_u32(MPNET, key, SLM_MAX_RELATIVE_BUCKETS + 2, SLM_ERR_CORRUPT,
			  "is 258, outside 1 to 256");
	check_u32(MPNET, key, SLM_MAX_RELATIVE_BUCKETS, SLM_ERR_CORRUPT,
			  "tensor \"attn_rel_b.weight\" is 4 x 32, but must be 4 x 256 here");
	file = open_file(MPNET);
	hide_key(&file, key);
	check_load(&file, SLM_ERR_CORRUPT, "lacks the key \"mpnet.attention.relative_buckets_count\"");
}

/* T5's numbers stand in its layers: the first one's are those of all, unless these have some. */
static void
buckets_in_layers(void)
{
	const char *key = "t5encoder.attention.relative_buckets_count";
	GgufBytes file;

	check_missing(T5, "enc.blk.0.attn_rel_b.weight");
	check_missing(UMT5, "enc.blk.0.attn_rel_b.weight");
	file = open_file(UMT5);
	hide_tensor(&file, "enc.blk.1.attn_rel_b.weight");
	check_load(&file, SLM_OK, "");
	check_u32(T5, key, SLM_MAX_RELATIVE_BUCKETS + 2, SLM_ERR_CORRUPT, "is 258, outside 1 to 256");
	check_u32(UMT5, key, 18, SLM_ERR_CORRUPT,
			  "tensor \"enc.blk.0.attn_rel_b.weight\" is 4 x 16, but must be 4 x 18 here");
	check_missing(T5, "enc.output_norm.weight");
	check_missing(T5, "enc.blk.1.attn_o.weight");
	check_u32(T5, "t5encoder.block_count", 1, SLM_ERR_CORRUPT,
			  "is beyond the 1 layers of the model");
	check_u32(T5, "t5encoder.attention.key_length", 13, SLM_ERR_CORRUPT,
			  "key \"t5encoder.attention.value_length\" is 12, but must be 13 here");
	check_missing(UMT5, "enc.blk.1.ffn_up.weight");
	check_missing(T5, "enc.blk.1.ffn_down.weight");
}

/* Gates are optional, in each layer. */
static void
gates_of_some_layers(void)
{
	for (int layer = 0; layer < 2; layer++)
	{
		GgufBytes file = open_file(UMT5);
		char name[32];
		MemoryModel m;
		SlmError err;
		float row[MEMORY_MODEL_MAX_EMBD];

		snprintf(name, sizeof(name), "enc.blk.%d.ffn_gate.weight", layer);
		hide_tensor(&file, name);
		CHECK_STATUS(memory_model_load(&m, file.data, file.size, &err), SLM_OK);
		m.options.pooling = SLM_POOLING_MEAN;
		CHECK_STATUS(memory_model_run(&m, "tea", row, MEMORY_MODEL_MAX_EMBD, &err), SLM_OK);
		memory_model_free(&m);
		gguf_bytes_free(&file);
	}
}

/* The matrix behind pooling. */
static void
dense(void)
{
	GgufBytes file = open_file(FIXTURE_DIR "parity-t5.gguf");

	gguf_behind(&file, "dense_2.weight")[4] = 16;
	gguf_behind(&file, "dense_2.weight")[12] = 64;
	check_load(&file, SLM_ERR_CORRUPT,
			   "tensor \"dense_2.weight\" is 16 x 64, but must be 32 x 32 here");
}

/* Five layers run two blocks. */
static void
blocks_that_layers_share(void)
{
	const char *key = "albert.block_group_count";
	GgufBytes file;

	check_u32(ALBERT, key, 0, SLM_ERR_CORRUPT, key);
	check_u32(ALBERT, key, 6, SLM_ERR_CORRUPT, "is 6, outside 1 to 5");
	check_u32(ALBERT, key, 1, SLM_ERR_CORRUPT, "is beyond the 1 layers of the model");
	check_u32(ALBERT, key, 3, SLM_ERR_CORRUPT, "tensor \"blk.2.attn_q.weight\" is missing");
	check_missing(ALBERT, "blk.1.ffn_down.bias");
	/* then every layer has a block of its own, which the file lacks */
	file = open_file(ALBERT);
	hide_key(&file, key);
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"blk.2.attn_q.weight\" is missing");
}

static void
width_of_tokens(void)
{
	const char *key = "albert.token_embedding_length";

	check_u32(ALBERT, key, 0, SLM_ERR_CORRUPT, key);
	check_u32(ALBERT, key, 41, SLM_ERR_CORRUPT, "is 41, outside 1 to 40");
	check_u32(ALBERT, key, 23, SLM_ERR_CORRUPT, "is 24 x ");
	check_missing(ALBERT, "token_embd_proj.weight");
	check_missing(ALBERT, "token_embd_proj.bias");
	check_missing(ALBERT, "token_types.weight");
}

/* Queries, keys and values in one matrix; a gate. */
static void
one_matrix_for_attention(void)
{
	GgufBytes file = open_file(NOMIC);

	hide_tensor(&file, "blk.1.attn_qkv.weight");
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"blk.1.attn_q.weight\" is missing");
	check_missing(NOMIC, "blk.1.ffn_gate.weight");
	check_missing(NOMIC, "blk.0.layer_output_norm.bias");
	check_u32(NOMIC, "nomic-bert.attention.head_count", 3, SLM_ERR_CORRUPT,
			  "embedding length 40 is not a multiple of 3 heads");
	check_f32(NOMIC, "nomic-bert.rope.freq_base", 0.5f, SLM_ERR_CORRUPT,
			  "key \"nomic-bert.rope.freq_base\" is 0.5");
}

/* Norms before the steps, but for the first layer's attention. */
static void
norms_and_windows(void)
{
	const char *period = "modern-bert.attention.sliding_window_pattern";
	GgufBytes file = open_file(MODERN);

	check_missing(MODERN, "blk.1.attn_norm.weight");
	check_missing(MODERN, "blk.0.ffn_norm.weight");
	check_missing(MODERN, "output_norm.weight");
	check_u32(MODERN, period, 0, SLM_ERR_CORRUPT, period);
	check_u32(MODERN, period, SLM_MAX_LAYERS + 1, SLM_ERR_CORRUPT, period);
	check_f32(MODERN, "modern-bert.rope.freq_base_swa", 0.5f, SLM_ERR_CORRUPT,
			  "key \"modern-bert.rope.freq_base_swa\" is 0.5");
	hide_tensor(&file, "blk.2.ffn_up.weight");
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"blk.2.ffn_gate.weight\" is missing");
	check_u32(MODERN, "modern-bert.attention.sliding_window", 0, SLM_OK, "");
	check_u32(MODERN, "modern-bert.attention.sliding_window", 0x80000000U, SLM_ERR_CORRUPT,
			  "modern-bert.attention.sliding_window");
}

/* A head has all of its parts. */
static void
norm_of_a_head(void)
{
	const char *key = "modern-bert.classifier.pooling_type";

	check_missing(MODERN_HEAD, "cls.weight");
	check_missing(MODERN_HEAD, "cls.norm.weight");
	check_missing(MODERN_HEAD, "cls.output.weight");
	check_u32(MODERN_HEAD, key, SLM_POOLING_NONE, SLM_ERR_CORRUPT, key);
	check_u32(MODERN_HEAD, key, SLM_POOLING_LAST, SLM_ERR_CORRUPT, key);
}

/* Layers that work on narrower rows, and tokens that are read with their neighbours. */
static void
bottlenecks(void)
{
	const char *key = "mobilebert.bottleneck_length";
	GgufBytes file = open_file(MOBILE);

	hide_key(&file, key);
	check_load(&file, SLM_ERR_CORRUPT, "lacks the key \"mobilebert.bottleneck_length\"");
	check_u32(MOBILE, key, 0, SLM_ERR_CORRUPT, key);
	check_u32(MOBILE, key, 41, SLM_ERR_CORRUPT, "is 41, outside 1 to 40");
	check_u32(MOBILE, key, 20, SLM_ERR_CORRUPT, "is 24 x 24, but must be 20 x 20 here");
	check_u32(MOBILE, key, 22, SLM_ERR_CORRUPT, "length 22 is not a multiple of 4 heads");
	check_u32(MOBILE, "mobilebert.token_embedding_length", 41, SLM_ERR_CORRUPT,
			  "is 41, outside 1 to 40");
	check_missing(MOBILE, "token_embd_proj.weight");
	check_missing(MOBILE, "blk.0.narrow.weight");
	check_missing(MOBILE, "blk.1.narrow_qk_norm.bias");
	check_missing(MOBILE, "blk.1.ffn_up_3.weight");
	check_missing(MOBILE, "blk.0.ffn_down_2.bias");
	check_missing(MOBILE, "blk.0.ffn_norm_1.weight");
	check_missing(MOBILE, "blk.1.widen_norm.weight");
	check_missing(MOBILE, "blk.0.layer_output_norm.bias");
}

/* Embeddings of distances, which a layer makes queries and keys of. */
static void
embeddings_of_distances(void)
{
	const char *buckets = "deberta-v2.attention.relative_buckets_count";
	const char *limit = "deberta-v2.attention.relative_distance_limit";
	GgufBytes file = open_file(DEBERTA);

	hide_key(&file, buckets);
	check_load(&file, SLM_ERR_CORRUPT, "lacks the key");
	file = open_file(DEBERTA);
	hide_key(&file, limit);
	check_load(&file, SLM_ERR_CORRUPT, "lacks the key");
	check_missing(DEBERTA, "rel_embd.weight");
	check_missing(DEBERTA, "rel_embd_norm.bias");
	check_u32(DEBERTA, buckets, 2, SLM_ERR_CORRUPT, "is 2, not an even number from 4 on");
	check_u32(DEBERTA, buckets, 33, SLM_ERR_CORRUPT, "is 33, not an even number from 4 on");
	check_u32(DEBERTA, buckets, 30, SLM_ERR_CORRUPT,
			  "tensor \"rel_embd.weight\" is 40 x 32, but must be 40 x 30 here");
	check_u32(DEBERTA, buckets, SLM_MAX_RELATIVE_ROWS, SLM_ERR_CORRUPT, "must be over 129");
	check_u32(DEBERTA, buckets, SLM_MAX_RELATIVE_ROWS + 2, SLM_ERR_CORRUPT, "outside 1 to 512");
	check_u32(DEBERTA, limit, 9, SLM_ERR_CORRUPT, "is 9, but must be over 9");
	check_u32(DEBERTA, limit, 10, SLM_OK, "");
	check_u32(DEBERTA, limit, SLM_MAX_RELATIVE_REACH, SLM_OK, "");
	check_u32(DEBERTA, limit, SLM_MAX_RELATIVE_REACH + 1, SLM_ERR_CORRUPT, limit);
}

int
main(void)
{
	TEST(buckets_of_distances);
	TEST(buckets_in_layers);
	TEST(gates_of_some_layers);
	TEST(dense);
	TEST(blocks_that_layers_share);
	TEST(width_of_tokens);
	TEST(one_matrix_for_attention);
	TEST(norms_and_windows);
	TEST(norm_of_a_head);
	TEST(bottlenecks);
	TEST(embeddings_of_distances);
	return check_done();
}
