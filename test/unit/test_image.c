/*
 * test_image.c - building images: what is refused and how, digests, steps, cancel
 *
 * Cases A01 to A20 and W01 to W11 are those of the project's lists of hostile
 * architectures and weights, as far as encoders go.
 */
#include "check.h"
#include "gguf_builder.h"
#include "host.h"
#include "model_fixture.h"

#include <math.h>

/* ---- A file to damage ---- */

static GgufBytes
small_bert(SlmDtype type)
{
	GgufBytes file = {0};
	GgufBuilder b;

	gguf_begin(&b);
	gguf_add_bert(&b, type, 32, 64);
	gguf_finish(&b, &file);
	return file;
}

static void
set_u32(GgufBytes *file, const char *key, uint32_t value)
{
	memcpy(gguf_behind(file, key) + 4, &value, 4);
}

static void
set_f32(GgufBytes *file, const char *key, float value)
{
	memcpy(gguf_behind(file, key) + 4, &value, 4);
}

/* Loads and, when expected is SLM_OK, runs; the message has a part. */
static void
check_load(GgufBytes *file, SlmStatus expected, const char *message)
{
	MemoryModel m;
	SlmError err = {0};
	float row[MEMORY_MODEL_MAX_EMBD];
	SlmStatus status = memory_model_load(&m, file->data, file->size, &err);

	if (status == SLM_OK)
		status = memory_model_run(&m, "a cat. ab", row, MEMORY_MODEL_MAX_EMBD, &err);
	if (status != expected)
		printf("# %s\n", err.message);
	CHECK_STATUS(status, expected);
	if (expected != SLM_OK)
		CHECK_CONTAINS(err.message, message);
	memory_model_free(&m);
	gguf_bytes_free(file);
}

static void
refuse_u32(const char *key, uint32_t value, SlmStatus status)
{
	GgufBytes file = small_bert(SLM_DTYPE_F32);

	set_u32(&file, key, value);
	check_load(&file, status, key);
}

static void
refuse_epsilon(float value)
{
	GgufBytes file = small_bert(SLM_DTYPE_F32);

	set_f32(&file, "bert.attention.layer_norm_epsilon", value);
	check_load(&file, SLM_ERR_CORRUPT, "bert.attention.layer_norm_epsilon");
}

/* ---- Architecture ---- */

static void
numbers_out_of_range(void)
{
	static const char *const counts[] = {"bert.block_count", "bert.context_length",
										 "bert.embedding_length", "bert.feed_forward_length",
										 "bert.attention.head_count"};
	static const uint32_t beyond[] = {SLM_MAX_LAYERS + 1, SLM_MAX_CONTEXT + 1, SLM_MAX_EMBD + 1,
									  SLM_MAX_FF + 1, SLM_MAX_HEADS + 1};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
	{
		refuse_u32(counts[i], 0, SLM_ERR_CORRUPT);
		refuse_u32(counts[i], beyond[i], SLM_ERR_CORRUPT);
		refuse_u32(counts[i], UINT32_MAX, SLM_ERR_CORRUPT);
	}
	refuse_u32("bert.attention.head_count", 3, SLM_ERR_CORRUPT);
	refuse_u32("bert.pooling_type", 5, SLM_ERR_CORRUPT);
	refuse_u32("bert.pooling_type", 4, SLM_ERR_CORRUPT); /* rank without a head */
	refuse_u32("tokenizer.ggml.token_type_count", 3, SLM_ERR_CORRUPT);
	refuse_epsilon(0.0f);
	refuse_epsilon(-1e-12f);
	refuse_epsilon(1.5f);
	refuse_epsilon(NAN);
	refuse_epsilon(INFINITY);
}

/* The largest numbers are not refused for themselves: the shapes do not fit. */
static void
numbers_at_the_limit(void)
{
	GgufBytes file = small_bert(SLM_DTYPE_F32);

	set_u32(&file, "bert.block_count", SLM_MAX_LAYERS);
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"blk.1.attn_q.weight\" is missing");
	file = small_bert(SLM_DTYPE_F32);
	set_u32(&file, "bert.context_length", SLM_MAX_CONTEXT);
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"position_embd.weight\" is 32 x 16, but must be");
	file = small_bert(SLM_DTYPE_F32);
	set_u32(&file, "bert.feed_forward_length", SLM_MAX_FF);
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"blk.0.ffn_up.weight\" is 32 x 64, but must be");
	file = small_bert(SLM_DTYPE_F32);
	set_u32(&file, "bert.attention.head_count", 32);
	check_load(&file, SLM_OK, "");
}

static const char *const tensors[] = {
	"token_embd.weight",
	"position_embd.weight",
	"token_embd_norm.weight",
	"token_embd_norm.bias",
	"blk.0.attn_q.weight",
	"blk.0.attn_q.bias",
	"blk.0.attn_k.weight",
	"blk.0.attn_k.bias",
	"blk.0.attn_v.weight",
	"blk.0.attn_v.bias",
	"blk.0.attn_output.weight",
	"blk.0.attn_output.bias",
	"blk.0.attn_output_norm.weight",
	"blk.0.attn_output_norm.bias",
	"blk.0.ffn_up.weight",
	"blk.0.ffn_up.bias",
	"blk.0.ffn_down.weight",
	"blk.0.ffn_down.bias",
	"blk.0.layer_output_norm.weight",
	"blk.0.layer_output_norm.bias",
};

static void
every_missing_tensor(void)
{
	for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
	{
		GgufBytes file = small_bert(SLM_DTYPE_F32);
		char message[128];

		*(gguf_behind(&file, tensors[i]) - 1) = 'X';
		snprintf(message, sizeof(message), "tensor \"%s\" is missing", tensors[i]);
		check_load(&file, SLM_ERR_CORRUPT, message);
	}
}

/* Each dimension one more, one less; the two swapped. */
static void
every_wrong_shape(void)
{
	for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
		for (int change = -1; change <= 1; change++)
			for (int dim = 0; dim < 2; dim++)
			{
				GgufBytes file = small_bert(SLM_DTYPE_F32);
				uint8_t *at = gguf_behind(&file, tensors[i]);
				uint32_t n_dims;
				uint64_t ne[2];

				memcpy(&n_dims, at, 4);
				memcpy(ne, at + 4, n_dims * 8);
				if (dim >= (int) n_dims || (change == 0 && (n_dims < 2 || ne[0] == ne[1])))
				{
					gguf_bytes_free(&file);
					continue;
				}
				if (change == 0)
				{
					uint64_t first = ne[0];

					ne[0] = ne[1];
					ne[1] = first;
				}
				else
					ne[dim] += (uint64_t) change;
				memcpy(at + 4, ne, n_dims * 8);
				check_load(&file, SLM_ERR_CORRUPT, "tensor ");
			}
}

static void
unknown_things(void)
{
	GgufBytes file;
	GgufBuilder b;
	float x[32] = {0};
	const uint64_t ne[1] = {32};

	/* an unknown tensor is accepted, and said */
	test_host_reset();
	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
	gguf_add_tensor(&b, "surprise.weight", SLM_DTYPE_F32, 1, ne, x);
	file = (GgufBytes){0};
	gguf_finish(&b, &file);
	check_load(&file, SLM_OK, "");
	CHECK_INT(test_host_state.logs, 1);
	CHECK_CONTAINS(test_host_state.last_log, "\"surprise.weight\"");

	/* one of a layer that is not there is not */
	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
	gguf_add_tensor(&b, "blk.1.attn_q.bias", SLM_DTYPE_F32, 1, ne, x);
	file = (GgufBytes){0};
	gguf_finish(&b, &file);
	check_load(&file, SLM_ERR_CORRUPT, "\"blk.1.attn_q.bias\" is beyond the 1 layers of the model");

	/* an unknown key of the architecture may change results */
	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
	gguf_add_f32(&b, "bert.rope.freq_base", 1e4f);
	file = (GgufBytes){0};
	gguf_finish(&b, &file);
	check_load(&file, SLM_ERR_UNSUPPORTED, "key \"bert.rope.freq_base\" is not supported");

	file = small_bert(SLM_DTYPE_F32);
	memcpy(gguf_behind(&file, "general.architecture") + 4 + 8, "bort", 4);
	check_load(&file, SLM_ERR_UNSUPPORTED, "\"bort\" is not supported");
	file = small_bert(SLM_DTYPE_F32);
	*(gguf_behind(&file, "bert.attention.causal") + 4) = 1;
	check_load(&file, SLM_ERR_UNSUPPORTED, "bert.attention.causal");
}

/* Keys that may be there, with the only value they may have. */
static void
redundant_keys(void)
{
	static const struct
	{
		const char *key;
		uint32_t right;
	} keys[] = {{"bert.attention.head_count_kv", 2},
				{"bert.attention.key_length", 16},
				{"bert.attention.value_length", 16},
				{"bert.vocab_size", 12}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		for (uint32_t off = 0; off < 2; off++)
		{
			GgufBytes file = {0};
			GgufBuilder b;

			gguf_begin(&b);
			gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
			gguf_add_u32(&b, keys[i].key, keys[i].right + off);
			gguf_finish(&b, &file);
			check_load(&file, off ? SLM_ERR_CORRUPT : SLM_OK, keys[i].key);
		}
}

/* ---- Heads ---- */

static GgufBytes
heads_of_sizes(SlmDtype type, uint32_t n_span, uint32_t n_hidden)
{
	GgufBytes file = {0};
	GgufBuilder b;

	gguf_begin(&b);
	gguf_add_bert(&b, type, 32, 64);
	gguf_add_heads(&b, type, 32, 64, n_span, n_hidden);
	gguf_finish(&b, &file);
	return file;
}

static GgufBytes
with_heads(SlmDtype type)
{
	return heads_of_sizes(type, 4, 3);
}

static const char *const head_tensors[] = {
	"label_text.weight", "label_name.weight", "ext_shape.weight",  "ext_token.weight",
	"ext_token.bias",    "ext_field.weight",  "ext_field.bias",    "blk.1.attn_q.weight",
	"blk.1.ffn_up.bias", "sum_hidden.weight", "sum_hidden.bias",   "sum_output.weight",
	"sum_output.bias",   "blk.1.attn_k.bias", "blk.1.attn_v.bias", "blk.1.ffn_down.weight",
};

#define N_HEAD_TENSOR (sizeof(head_tensors) / sizeof(head_tensors[0]))

static void
heads_of_every_type(void)
{
	static const SlmDtype types[] = {SLM_DTYPE_F32,  SLM_DTYPE_F16,  SLM_DTYPE_BF16,
									 SLM_DTYPE_Q8_0, SLM_DTYPE_Q5_0, SLM_DTYPE_Q4_0};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		GgufBytes file = with_heads(types[i]);

		check_load(&file, SLM_OK, "");
	}
}

/* A head is there as a whole or not at all. */
static void
incomplete_heads(void)
{
	static const char *const keys[] = {"bert.label.scale", "bert.label.none",
									   "bert.label.multi_scale", "bert.label.multi_bias",
									   "bert.extract.block_count"};
	char message[128];

	for (size_t i = 0; i < N_HEAD_TENSOR; i++)
	{
		GgufBytes file = with_heads(SLM_DTYPE_F32);

		*(gguf_behind(&file, head_tensors[i]) - 1) = 'X';
		snprintf(message, sizeof(message), "tensor \"%s\" is missing", head_tensors[i]);
		check_load(&file, SLM_ERR_CORRUPT, message);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		GgufBytes file = with_heads(SLM_DTYPE_F32);

		memcpy(gguf_behind(&file, keys[i]) - strlen(keys[i]), "xxxx", 4);
		snprintf(message, sizeof(message), "lacks the key \"%s\"", keys[i]);
		check_load(&file, SLM_ERR_CORRUPT, message);
	}
}

/* One key alone asks for its head. */
static void
keys_without_heads(void)
{
	static const struct
	{
		const char *key, *message;
		bool count;
	} keys[] = {{"bert.label.scale", "lacks the key \"bert.label.none\"", false},
				{"bert.extract.threshold", "tensor \"ext_token.weight\" is missing", false},
				{"bert.extract.block_count", "tensor \"ext_token.weight\" is missing", true}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		GgufBytes file = {0};
		GgufBuilder b;

		gguf_begin(&b);
		gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
		if (keys[i].count)
			gguf_add_u32(&b, keys[i].key, 1);
		else
			gguf_add_f32(&b, keys[i].key, 0.5f);
		gguf_finish(&b, &file);
		check_load(&file, SLM_ERR_CORRUPT, keys[i].message);
	}
}

static void
check_constant(const char *key, float value, bool good)
{
	GgufBytes file = with_heads(SLM_DTYPE_F32);

	set_f32(&file, key, value);
	check_load(&file, good ? SLM_OK : SLM_ERR_CORRUPT, key);
}

static void
numbers_of_heads(void)
{
	static const char *const scales[] = {"bert.label.scale", "bert.label.multi_scale",
										 "bert.extract.scale"};
	static const char *const shifts[] = {"bert.label.none", "bert.label.multi_bias",
										 "bert.extract.bias"};
	GgufBytes file;

	for (size_t i = 0; i < 3; i++)
	{
		check_constant(scales[i], SLM_MAX_CALIBRATION, true);
		check_constant(scales[i], 1.0f / SLM_MAX_CALIBRATION, true);
		check_constant(scales[i], nextafterf(SLM_MAX_CALIBRATION, INFINITY), false);
		check_constant(scales[i], 0.0f, false);
		check_constant(scales[i], -1.0f, false);
		check_constant(scales[i], NAN, false);
		check_constant(shifts[i], SLM_MAX_CALIBRATION, true);
		check_constant(shifts[i], -SLM_MAX_CALIBRATION, true);
		check_constant(shifts[i], nextafterf(-SLM_MAX_CALIBRATION, -INFINITY), false);
		check_constant(shifts[i], INFINITY, false);
	}
	check_constant("bert.extract.threshold", 0.0f, true);
	check_constant("bert.extract.threshold", 1.0f, true);
	check_constant("bert.extract.threshold", 1.001f, false);
	check_constant("bert.extract.threshold", -0.001f, false);
	check_constant("bert.label.none_growth", -SLM_MAX_CALIBRATION, true);
	check_constant("bert.label.none_growth", NAN, false);
	for (uint32_t n = 0; n <= SLM_MAX_HEAD_LAYERS + 1; n++)
	{
		file = with_heads(SLM_DTYPE_F32);
		set_u32(&file, "bert.extract.block_count", n);
		check_load(&file, n == 1 ? SLM_OK : SLM_ERR_CORRUPT,
				   n < 1 || n > SLM_MAX_HEAD_LAYERS ? "key \"bert.extract.block_count\" is "
													: "tensor \"blk.2.attn_q.weight\" is missing");
	}
	file = heads_of_sizes(SLM_DTYPE_F32, SLM_MAX_SPAN_WIDTH, SLM_MAX_SENTENCE_HIDDEN);
	check_load(&file, SLM_OK, "");
	file = heads_of_sizes(SLM_DTYPE_F32, SLM_MAX_SPAN_WIDTH + 1, 1);
	check_load(&file, SLM_ERR_CORRUPT,
			   "tensor \"ext_token.weight\" has 12291 rows, not 1 to 12288");
	file = heads_of_sizes(SLM_DTYPE_F32, 1, SLM_MAX_SENTENCE_HIDDEN + 1);
	check_load(&file, SLM_ERR_CORRUPT, "tensor \"sum_hidden.weight\" has 4097 rows, not 1 to 4096");
}

static void
shapes_of_heads(void)
{
	for (size_t i = 0; i < N_HEAD_TENSOR; i++)
		for (int change = -1; change <= 1; change += 2)
		{
			GgufBytes file = with_heads(SLM_DTYPE_F32);
			uint64_t ne;

			memcpy(&ne, gguf_behind(&file, head_tensors[i]) + 4, 8);
			ne += (uint64_t) change;
			memcpy(gguf_behind(&file, head_tensors[i]) + 4, &ne, 8);
			check_load(&file, SLM_ERR_CORRUPT, "tensor ");
		}
}

/* Tensors that an extraction head may have, but of their own shapes alone. */
static void
check_extract_options(uint32_t n_place, uint32_t n_bucket, const char *message)
{
	GgufBytes file = {0};
	GgufBuilder b;

	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
	gguf_add_heads(&b, SLM_DTYPE_F32, 32, 64, 4, 3);
	gguf_add_extract_options(&b, SLM_DTYPE_F32, 32, n_place, n_bucket);
	gguf_finish(&b, &file);
	check_load(&file, message[0] == 0 ? SLM_OK : SLM_ERR_CORRUPT, message);
}

static void
options_of_extraction(void)
{
	check_extract_options(SLM_LINE_PLACES, 4, "");
	check_extract_options(SLM_LINE_PLACES, SLM_MAX_RELATIVE_BUCKETS, "");
	check_extract_options(SLM_LINE_PLACES - 1, 4, "tensor \"ext_line.weight\"");
	check_extract_options(SLM_LINE_PLACES + 1, 4, "tensor \"ext_line.weight\"");
	check_extract_options(SLM_LINE_PLACES, 2,
						  "tensor \"ext_rel_b.weight\" has 2 rows, not an even number from 4 on");
	check_extract_options(SLM_LINE_PLACES, 7, "tensor \"ext_rel_b.weight\" has 7 rows");
	check_extract_options(SLM_LINE_PLACES, SLM_MAX_RELATIVE_BUCKETS + 2,
						  "tensor \"ext_rel_b.weight\" has 258 rows, not 1 to 256");
}

static void
add_head(GgufBuilder *b, bool dense, bool output, const char *const *labels, uint64_t n_label)
{
	static const float x[32 * 32] = {0.5f};
	const uint64_t square[2] = {32, 32}, classes[2] = {32, 3}, vector[1] = {3};

	gguf_begin(b);
	gguf_add_bert(b, SLM_DTYPE_F32, 32, 64);
	if (dense)
		gguf_add_tensor(b, "cls.weight", SLM_DTYPE_F32, 2, square, x);
	if (output)
	{
		gguf_add_tensor(b, "cls.output.weight", SLM_DTYPE_F32, 2, classes, x);
		gguf_add_tensor(b, "cls.output.bias", SLM_DTYPE_F32, 1, vector, x);
	}
	if (labels != NULL)
		gguf_add_strings(b, "bert.classifier.output_labels", labels, n_label);
}

static void
check_head(bool dense, bool output, const char *const *labels, uint64_t n_label,
		   const char *activation, SlmStatus status, const char *message)
{
	GgufBytes file = {0};
	GgufBuilder b;

	add_head(&b, dense, output, labels, n_label);
	if (activation != NULL)
		gguf_add_string(&b, "bert.classifier.activation", activation);
	gguf_finish(&b, &file);
	check_load(&file, status, message);
}

static void
heads(void)
{
	const char *labels[4] = {"one", "two", "three", "four"};
	const char *empty[3] = {"one", "", "three"}, *latin[3] = {"one", "two", "\xe9"};
	static char at_limit[SLM_MAX_CLASS_LABEL_BYTES + 1], beyond[SLM_MAX_CLASS_LABEL_BYTES + 2];
	const char *longest[3] = {"one", at_limit, "three"}, *longer[3] = {"one", beyond, "three"};

	memset(at_limit, 'x', SLM_MAX_CLASS_LABEL_BYTES);
	memset(beyond, 'x', SLM_MAX_CLASS_LABEL_BYTES + 1);
	check_head(true, true, labels, 3, NULL, SLM_OK, "");
	check_head(false, true, labels, 3, NULL, SLM_OK, "");
	check_head(true, true, labels, 3, "relu", SLM_OK, "");
	check_head(true, true, labels, 3, "gelu", SLM_OK, "");
	check_head(true, true, labels, 3, "mish", SLM_ERR_UNSUPPORTED, "\"mish\"");
	check_head(true, false, NULL, 0, NULL, SLM_ERR_CORRUPT, "\"cls.output.weight\" is missing");
	check_head(true, true, NULL, 0, NULL, SLM_ERR_CORRUPT, "output_labels\" is missing");
	check_head(true, true, labels, 2, NULL, SLM_ERR_CORRUPT, "2 labels");
	check_head(true, true, labels, 4, NULL, SLM_ERR_CORRUPT, "4 labels");
	check_head(true, true, empty, 3, NULL, SLM_ERR_CORRUPT, "label 1 is empty");
	check_head(true, true, latin, 3, NULL, SLM_ERR_CORRUPT, "not valid UTF-8");
	check_head(true, true, longest, 3, NULL, SLM_OK, "");
	check_head(true, true, longer, 3, NULL, SLM_ERR_LIMIT, "limit of 1024 bytes");
}

static void
check_kind(const char *kind, bool output, uint32_t pooling, SlmStatus status, const char *message)
{
	static const char *const labels[3] = {"O", "B-PER", "I-PER"};
	GgufBytes file = {0};
	GgufBuilder b;

	add_head(&b, false, output, output ? labels : NULL, 3);
	gguf_add_string(&b, "bert.classifier.kind", kind);
	gguf_finish(&b, &file);
	memcpy(gguf_behind(&file, "bert.pooling_type") + 4, &pooling, 4);
	check_load(&file, status, message);
}

/* A head that labels tokens with n labels. */
static void
check_token_classes(uint64_t n, SlmStatus status, const char *message)
{
	static const char *label[SLM_MAX_TOKEN_CLASSES + 1];
	static const float x[(SLM_MAX_TOKEN_CLASSES + 1) * 32];
	const uint64_t ne[2] = {32, n};
	GgufBytes file = {0};
	GgufBuilder b;

	for (uint64_t i = 0; i < n; i++)
		label[i] = "O";
	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
	gguf_add_tensor(&b, "cls.output.weight", SLM_DTYPE_F32, 2, ne, x);
	gguf_add_strings(&b, "bert.classifier.output_labels", label, n);
	gguf_add_string(&b, "bert.classifier.kind", "token");
	gguf_finish(&b, &file);
	check_load(&file, status, message);
}

static void
kinds_of_heads(void)
{
	check_kind("token", true, SLM_POOLING_MEAN, SLM_OK, "");
	check_kind("sequence", true, SLM_POOLING_MEAN, SLM_OK, "");
	check_kind("word", true, SLM_POOLING_MEAN, SLM_ERR_UNSUPPORTED, "kind \"word\"");
	check_kind("token", false, SLM_POOLING_MEAN, SLM_ERR_CORRUPT,
			   "kind\" is token, but tensor \"cls.output.weight\"");
	check_kind("token", true, SLM_POOLING_RANK, SLM_ERR_CORRUPT, "4 (rank), but key");
	check_token_classes(SLM_MAX_TOKEN_CLASSES, SLM_OK, "");
	check_token_classes(SLM_MAX_TOKEN_CLASSES + 1, SLM_ERR_CORRUPT, "not 1 to 4096");
}

/* ---- Weights ---- */

static void
damage(SlmDtype type, const char *tensor, size_t offset, uint32_t bits, size_t n, SlmStatus status)
{
	GgufBytes file = small_bert(type);

	memcpy(gguf_data_of(&file, tensor) + offset, &bits, n);
	check_load(&file, status, tensor);
}

static void
numbers_that_are_not_finite(void)
{
	static const SlmDtype blocks[] = {SLM_DTYPE_Q8_0, SLM_DTYPE_Q5_0, SLM_DTYPE_Q4_0};
	const char *matrix = "blk.0.ffn_up.weight", *norm = "blk.0.attn_output_norm.weight";
	uint32_t nan, inf;
	float f;

	f = NAN;
	memcpy(&nan, &f, 4);
	f = INFINITY;
	memcpy(&inf, &f, 4);
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
	{
		size_t last = 63 * slm_dtype_info(blocks[i])->block_bytes;

		damage(blocks[i], matrix, 0, 0x7e00, 2, SLM_ERR_CORRUPT);
		damage(blocks[i], matrix, last, 0x7c00, 2, SLM_ERR_CORRUPT);
		damage(blocks[i], matrix, last, 0xfc00, 2, SLM_ERR_CORRUPT);
		damage(blocks[i], matrix, last, 0x0001, 2, SLM_OK); /* subnormal */
		damage(blocks[i], "token_embd.weight", 0, 0x7e00, 2, SLM_ERR_CORRUPT);
		damage(blocks[i], norm, 4, nan, 4, SLM_ERR_CORRUPT);
	}
	damage(SLM_DTYPE_F32, matrix, 64 * 32 * 4 - 4, nan, 4, SLM_ERR_CORRUPT);
	damage(SLM_DTYPE_F32, matrix, 0, inf, 4, SLM_ERR_CORRUPT);
	damage(SLM_DTYPE_F32, matrix, 0, 1, 4, SLM_OK);
	damage(SLM_DTYPE_F16, matrix, 64 * 32 * 2 - 2, 0x7c00, 2, SLM_ERR_CORRUPT);
	damage(SLM_DTYPE_BF16, matrix, 0, 0x7f80, 2, SLM_ERR_CORRUPT);
	damage(SLM_DTYPE_BF16, matrix, 0, 0x7f7f, 2, SLM_OK);
	damage(SLM_DTYPE_F32, "blk.0.ffn_up.bias", 0, inf, 4, SLM_ERR_CORRUPT);
	damage(SLM_DTYPE_F32, "position_embd.weight", 0, nan, 4, SLM_ERR_CORRUPT);
	damage(SLM_DTYPE_Q8_0, matrix, 2, 0x80808080, 4, SLM_OK); /* codes of -128 */
}

/* All zero is a model, too; finite weights that overflow are an error of the run. */
static void
extreme_weights(void)
{
	GgufBytes file = small_bert(SLM_DTYPE_F32);
	float huge = 3e38f;

	memset(gguf_data_of(&file, "blk.0.ffn_down.weight"), 0, 64 * 32 * 4);
	check_load(&file, SLM_OK, "");
	file = small_bert(SLM_DTYPE_F32);
	for (int i = 0; i < 32; i++)
		memcpy(gguf_data_of(&file, "blk.0.layer_output_norm.weight") + 4 * i, &huge, 4);
	check_load(&file, SLM_ERR_CORRUPT, "model gave a value that is not finite");
}

/* ---- The build itself ---- */

typedef struct Recorder
{
	const uint8_t *file;
	size_t file_bytes;
	uint64_t next_read; /* every byte once, in order */
	uint64_t next_write;
	uint64_t image_bytes;
	bool header_written;
	bool fail_reserve;
	int fail_write_at;
	int writes;
} Recorder;

static SlmStatus
record_read(void *arg, uint64_t offset, void *buf, size_t n, SlmError *err)
{
	Recorder *r = arg;

	(void) err;
	CHECK_INT(offset, r->next_read);
	CHECK(n > 0 && n <= SLM_IO_STEP_BYTES && offset + n <= r->file_bytes);
	memcpy(buf, r->file + offset, n);
	r->next_read += n;
	return SLM_OK;
}

static SlmStatus
record_reserve(void *arg, uint64_t image_bytes, SlmError *err)
{
	Recorder *r = arg;

	if (r->fail_reserve)
		return slm_fail(err, SLM_ERR_DISK_FULL, "no room");
	CHECK_INT(r->image_bytes, 0);
	r->image_bytes = image_bytes;
	return SLM_OK;
}

static SlmStatus
record_write(void *arg, uint64_t offset, const void *data, size_t n, SlmError *err)
{
	Recorder *r = arg;

	(void) data;
	if (++r->writes == r->fail_write_at)
		return slm_fail(err, SLM_ERR_IO, "could not write");
	CHECK(!r->header_written);
	CHECK(n > 0 && n <= SLM_IO_STEP_BYTES);
	if (offset == 0)
	{
		CHECK_INT(r->next_write, r->image_bytes);
		r->header_written = true;
		return SLM_OK;
	}
	CHECK(r->next_write == 0 || offset == r->next_write);
	r->next_write = offset + n;
	return SLM_OK;
}

static SlmStatus
record(Recorder *r, const GgufBytes *file, const uint8_t *sha256, SlmImageInfo *info, SlmError *err)
{
	SlmSource source = {.arg = r, .size = file->size, .read = record_read};
	SlmImageSink sink = {.arg = r, .reserve = record_reserve, .write = record_write};
	SlmArena arena;
	SlmStatus status;

	r->file = file->data;
	r->file_bytes = file->size;
	slm_arena_init(&arena, test_host(), 64 << 20);
	status = slm_image_build(&source, sha256, test_host(), &arena, &sink, info, err);
	slm_arena_trim(&arena, 0);
	return status;
}

/* A file of several read steps: every byte is read once and in order. */
static void
reads_once_writes_once(void)
{
	GgufBytes file = {0};
	GgufBuilder b;
	const uint64_t ne[2] = {1 << 14, 150};
	float *x = calloc(ne[0] * ne[1], sizeof(*x));
	Recorder r = {0};
	SlmImageInfo info;
	SlmError err;

	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
	gguf_add_tensor(&b, "padding.weight", SLM_DTYPE_F32, 2, ne, x);
	gguf_finish(&b, &file);
	CHECK(file.size > 2 * SLM_IO_STEP_BYTES);
	CHECK_STATUS(record(&r, &file, NULL, &info, &err), SLM_OK);
	CHECK_INT(r.next_read, file.size);
	CHECK(r.header_written);
	CHECK_INT(info.source_bytes, file.size);
	CHECK_INT(info.image_bytes, r.image_bytes);
	gguf_bytes_free(&file);
	free(x);
}

static void
digests(void)
{
	GgufBytes file = small_bert(SLM_DTYPE_F32);
	Recorder r = {0}, again = {0}, other = {0};
	const SlmHost *host = test_host();
	SlmImageInfo info, ignored;
	uint8_t expected[SLM_SHA256_BYTES];
	void *hash = host->sha256_start(host->arg);
	SlmError err;

	CHECK(host->sha256_update(host->arg, hash, file.data, file.size));
	CHECK(host->sha256_finish(host->arg, hash, expected));
	CHECK_STATUS(record(&r, &file, NULL, &info, &err), SLM_OK);
	CHECK(memcmp(expected, info.source_sha256, sizeof(expected)) == 0);
	CHECK_STATUS(record(&again, &file, expected, &ignored, &err), SLM_OK);
	expected[31] ^= 1;
	CHECK_STATUS(record(&other, &file, expected, &ignored, &err), SLM_ERR_CORRUPT);
	CHECK_CONTAINS(err.message, "SHA-256");
	CHECK(!other.header_written);
	CHECK_INT(test_host_state.live_hashes, 0);
	gguf_bytes_free(&file);
}

static void
failing_sinks(void)
{
	GgufBytes file = small_bert(SLM_DTYPE_Q8_0);
	SlmImageInfo info;
	SlmStatus status = SLM_ERR_IO;
	SlmError err;
	Recorder full = {.fail_reserve = true};

	CHECK_STATUS(record(&full, &file, NULL, &info, &err), SLM_ERR_DISK_FULL);
	CHECK_INT(full.writes, 0);
	for (int n = 1; status == SLM_ERR_IO && n < 100; n++)
	{
		Recorder r = {.fail_write_at = n};

		status = record(&r, &file, NULL, &info, &err);
		CHECK(status == SLM_OK || !r.header_written);
		CHECK_INT(test_host_state.live_hashes, 0);
	}
	CHECK_STATUS(status, SLM_OK);
	gguf_bytes_free(&file);
}

static void
cancel_at_every_poll(void)
{
	GgufBytes file = small_bert(SLM_DTYPE_Q8_0);
	SlmStatus status = SLM_ERR_CANCELLED;
	SlmImageInfo info;
	SlmError err;
	int64_t n;

	for (n = 1; status == SLM_ERR_CANCELLED && n < 10000; n++)
	{
		Recorder r = {0};

		test_host_reset();
		test_host_state.interrupt_at = n;
		status = record(&r, &file, NULL, &info, &err);
		CHECK(status == SLM_OK || !r.header_written);
		CHECK_INT(test_host_state.live_hashes, 0);
	}
	test_host_reset();
	CHECK_STATUS(status, SLM_OK);
	CHECK(n > 3);
	gguf_bytes_free(&file);
}

int
main(void)
{
	TEST(numbers_out_of_range);
	TEST(numbers_at_the_limit);
	TEST(every_missing_tensor);
	TEST(every_wrong_shape);
	TEST(unknown_things);
	TEST(redundant_keys);
	TEST(heads_of_every_type);
	TEST(incomplete_heads);
	TEST(keys_without_heads);
	TEST(numbers_of_heads);
	TEST(shapes_of_heads);
	TEST(options_of_extraction);
	TEST(heads);
	TEST(kinds_of_heads);
	TEST(numbers_that_are_not_finite);
	TEST(extreme_weights);
	TEST(reads_once_writes_once);
	TEST(digests);
	TEST(failing_sinks);
	TEST(cancel_at_every_poll);
	return check_done();
}
