/*
 * gguf_builder.c - writes GGUF files in memory, well formed or broken
 */
#include "gguf_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "model/model.h"

void
gguf_put(GgufBytes *bytes, const void *data, size_t n)
{
	if (n == 0)
		return;
	if (n > bytes->capacity - bytes->size)
	{
		bytes->capacity = (bytes->size + n) * 2 + 256;
		bytes->data = realloc(bytes->data, bytes->capacity);
		if (bytes->data == NULL)
		{
			fprintf(stderr, "out of memory\n");
			exit(1);
		}
	}
	if (data != NULL)
		memcpy(bytes->data + bytes->size, data, n);
	else
		memset(bytes->data + bytes->size, 0, n);
	bytes->size += n;
}

void
gguf_put_zeros(GgufBytes *bytes, size_t n)
{
	gguf_put(bytes, NULL, n);
}

void
gguf_put_u8(GgufBytes *bytes, uint8_t value)
{
	gguf_put(bytes, &value, sizeof(value));
}

void
gguf_put_u32(GgufBytes *bytes, uint32_t value)
{
	gguf_put(bytes, &value, sizeof(value));
}

void
gguf_put_u64(GgufBytes *bytes, uint64_t value)
{
	gguf_put(bytes, &value, sizeof(value));
}

void
gguf_put_text(GgufBytes *bytes, const void *text, size_t n)
{
	gguf_put_u64(bytes, n);
	gguf_put(bytes, text, n);
}

void
gguf_put_string(GgufBytes *bytes, const char *text)
{
	gguf_put_text(bytes, text, strlen(text));
}

void
gguf_bytes_free(GgufBytes *bytes)
{
	free(bytes->data);
	*bytes = (GgufBytes){0};
}

static void
no_such(const char *name)
{
	fprintf(stderr, "\"%s\" is not in the file\n", name);
	exit(1);
}

uint8_t *
gguf_behind(GgufBytes *file, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 8; i + n <= file->size; i++)
	{
		uint64_t length;

		memcpy(&length, file->data + i - 8, 8);
		if (length == n && memcmp(file->data + i, name, n) == 0)
			return file->data + i + n;
	}
	no_such(name);
	return NULL;
}

uint8_t *
gguf_data_of(GgufBytes *file, const char *name)
{
	SlmArena arena;
	SlmGguf gguf;
	SlmError err;
	bool need_more;
	uint8_t *data;

	slm_arena_init(&arena, test_host(), 16 << 20);
	if (slm_gguf_parse(file->data, file->size, file->size, test_host(), &arena, &gguf, &need_more,
					   &err) != SLM_OK)
		no_such(name);
	data = file->data + slm_gguf_tensor(&gguf, name)->offset;
	slm_arena_trim(&arena, 0);
	return data;
}

static void
pad(GgufBytes *bytes, uint32_t alignment)
{
	if (alignment > 0)
		gguf_put_zeros(bytes, (alignment - bytes->size % alignment) % alignment);
}

void
gguf_begin(GgufBuilder *b)
{
	*b = (GgufBuilder){.version = 3, .alignment = 32};
	memcpy(&b->magic, "GGUF", 4);
}

void
gguf_finish(GgufBuilder *b, GgufBytes *file)
{
	GgufBytes head = {0};

	gguf_put_u32(&head, b->magic);
	gguf_put_u32(&head, b->version);
	gguf_put_u64(&head, b->n_tensor);
	gguf_put_u64(&head, b->n_key);
	gguf_put(&head, b->keys.data, b->keys.size);
	gguf_put(&head, b->directory.data, b->directory.size);
	pad(&head, b->alignment);
	gguf_put(file, head.data, head.size);
	gguf_put(file, b->data.data, b->data.size);
	gguf_bytes_free(&head);
	gguf_bytes_free(&b->keys);
	gguf_bytes_free(&b->directory);
	gguf_bytes_free(&b->data);
}

void
gguf_add_key(GgufBuilder *b, const char *name, uint32_t type)
{
	b->n_key++;
	gguf_put_string(&b->keys, name);
	gguf_put_u32(&b->keys, type);
}

void
gguf_add_array(GgufBuilder *b, const char *name, uint32_t item_type, uint64_t count)
{
	gguf_add_key(b, name, SLM_GGUF_ARRAY);
	gguf_put_u32(&b->keys, item_type);
	gguf_put_u64(&b->keys, count);
}

void
gguf_add_scalar(GgufBuilder *b, const char *name, SlmGgufType type, uint64_t value)
{
	static const uint8_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

	gguf_add_key(b, name, type);
	gguf_put(&b->keys, &value, bytes[type]);
}

void
gguf_add_u32(GgufBuilder *b, const char *name, uint32_t value)
{
	gguf_add_scalar(b, name, SLM_GGUF_U32, value);
}

void
gguf_add_f32(GgufBuilder *b, const char *name, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	gguf_add_scalar(b, name, SLM_GGUF_F32, bits);
}

void
gguf_add_bool(GgufBuilder *b, const char *name, bool value)
{
	gguf_add_scalar(b, name, SLM_GGUF_BOOL, value);
}

void
gguf_add_string(GgufBuilder *b, const char *name, const char *value)
{
	gguf_add_key(b, name, SLM_GGUF_STRING);
	gguf_put_string(&b->keys, value);
}

void
gguf_add_strings(GgufBuilder *b, const char *name, const char *const *value, uint64_t n)
{
	gguf_add_array(b, name, SLM_GGUF_STRING, n);
	for (uint64_t i = 0; i < n; i++)
		gguf_put_string(&b->keys, value[i]);
}

void
gguf_add_i32s(GgufBuilder *b, const char *name, const int32_t *value, uint64_t n)
{
	gguf_add_array(b, name, SLM_GGUF_I32, n);
	gguf_put(&b->keys, value, n * sizeof(*value));
}

void
gguf_add_entry(GgufBuilder *b, const char *name, uint32_t n_dims, const uint64_t *ne, uint32_t type,
			   uint64_t offset)
{
	b->n_tensor++;
	gguf_put_string(&b->directory, name);
	gguf_put_u32(&b->directory, n_dims);
	for (uint32_t i = 0; i < n_dims; i++)
		gguf_put_u64(&b->directory, ne[i]);
	gguf_put_u32(&b->directory, type);
	gguf_put_u64(&b->directory, offset);
}

uint64_t
gguf_next_offset(GgufBuilder *b)
{
	pad(&b->data, b->alignment);
	return b->data.size;
}

void
gguf_add_tensor(GgufBuilder *b, const char *name, SlmDtype type, uint32_t n_dims,
				const uint64_t *ne, const float *data)
{
	const SlmDtypeInfo *info = slm_dtype_info(type);
	uint64_t n = 1, bytes, offset = gguf_next_offset(b);
	uint32_t seed = (uint32_t) b->n_tensor * 7919 + 1;
	float *pattern = NULL;

	gguf_add_entry(b, name, n_dims, ne, type, offset);
	for (uint32_t i = 0; i < n_dims; i++)
		n *= ne[i];
	bytes = n / info->block_items * info->block_bytes;
	if (data == NULL)
	{
		GgufBytes made = {0};

		gguf_put_zeros(&made, n * sizeof(float));
		pattern = (float *) made.data;
		for (uint64_t i = 0; i < n; i++)
		{
			seed = seed * 1664525 + 1013904223;
			pattern[i] = ((float) (seed >> 16) - 32768.0f) / 65536.0f;
		}
		data = pattern;
	}
	gguf_put_zeros(&b->data, bytes);
	slm_quantize(type, data, b->data.data + offset, (int64_t) n);
	free(pattern);
}

static void
add_matrix(GgufBuilder *b, const char *name, SlmDtype type, uint64_t columns, uint64_t rows)
{
	const uint64_t ne[] = {columns, rows};

	gguf_add_tensor(b, name, type, 2, ne, NULL);
}

static void
add_vector(GgufBuilder *b, const char *name, uint64_t n)
{
	gguf_add_tensor(b, name, SLM_DTYPE_F32, 1, &n, NULL);
}

/* The tensors of a layer, in the order of the papers. */
static void
add_layer(GgufBuilder *b, int layer, SlmDtype type, uint32_t n_embd, uint32_t n_ff)
{
	static const struct
	{
		const char *name;
		bool matrix, wide_in, wide_out;
	} parts[] = {
		{"attn_q", true, false, false},
		{"attn_k", true, false, false},
		{"attn_v", true, false, false},
		{"attn_output", true, false, false},
		{"attn_output_norm", false, false, false},
		{"ffn_up", true, false, true},
		{"ffn_down", true, true, false},
		{"layer_output_norm", false, false, false},
	};
	char name[64];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		uint64_t n_in = parts[i].wide_in ? n_ff : n_embd;
		uint64_t n_out = parts[i].wide_out ? n_ff : n_embd;

		snprintf(name, sizeof(name), "blk.%d.%s.weight", layer, parts[i].name);
		if (parts[i].matrix)
			add_matrix(b, name, type, n_in, n_out);
		else
			add_vector(b, name, n_out);
		snprintf(name, sizeof(name), "blk.%d.%s.bias", layer, parts[i].name);
		add_vector(b, name, n_out);
	}
}

void
gguf_add_bert(GgufBuilder *b, SlmDtype type, uint32_t n_embd, uint32_t n_ff)
{
	/* llama.cpp's spelling: U+2581 begins a word, pieces inside it have no mark. */
	static const char *const tokens[] = {
		"[PAD]",
		"[UNK]",
		"[CLS]",
		"[SEP]",
		"[MASK]",
		"\xe2\x96\x81"
		"a",
		"\xe2\x96\x81"
		"b",
		"a",
		"b",
		"\xe2\x96\x81"
		"cat",
		"s",
		"\xe2\x96\x81"
		".",
	};
	static const int32_t types[] = {3, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1};
	const uint64_t n_vocab = sizeof(tokens) / sizeof(tokens[0]);

	gguf_add_string(b, "general.architecture", "bert");
	gguf_add_string(b, "general.name", "micro");
	gguf_add_u32(b, "bert.block_count", 1);
	gguf_add_u32(b, "bert.context_length", 16);
	gguf_add_u32(b, "bert.embedding_length", n_embd);
	gguf_add_u32(b, "bert.feed_forward_length", n_ff);
	gguf_add_u32(b, "bert.attention.head_count", 2);
	gguf_add_f32(b, "bert.attention.layer_norm_epsilon", 1e-12f);
	gguf_add_bool(b, "bert.attention.causal", false);
	gguf_add_u32(b, "bert.pooling_type", 1);
	gguf_add_u32(b, "tokenizer.ggml.token_type_count", 2);
	gguf_add_string(b, "tokenizer.ggml.model", "bert");
	gguf_add_string(b, "tokenizer.ggml.pre", "bert-bge");
	gguf_add_strings(b, "tokenizer.ggml.tokens", tokens, n_vocab);
	gguf_add_i32s(b, "tokenizer.ggml.token_type", types, n_vocab);
	gguf_add_u32(b, "tokenizer.ggml.bos_token_id", 2);
	gguf_add_u32(b, "tokenizer.ggml.eos_token_id", 3);
	gguf_add_u32(b, "tokenizer.ggml.unknown_token_id", 1);
	gguf_add_u32(b, "tokenizer.ggml.seperator_token_id", 3);
	gguf_add_u32(b, "tokenizer.ggml.padding_token_id", 0);
	gguf_add_u32(b, "tokenizer.ggml.cls_token_id", 2);
	gguf_add_u32(b, "tokenizer.ggml.mask_token_id", 4);

	add_matrix(b, "token_embd.weight", type, n_embd, n_vocab);
	add_matrix(b, "token_types.weight", SLM_DTYPE_F32, n_embd, 2);
	add_matrix(b, "position_embd.weight", SLM_DTYPE_F32, n_embd, 16);
	add_vector(b, "token_embd_norm.weight", n_embd);
	add_vector(b, "token_embd_norm.bias", n_embd);
	add_layer(b, 0, type, n_embd, n_ff);
}

void
gguf_add_extract_options(GgufBuilder *b, SlmDtype type, uint32_t n_embd, uint32_t n_place,
						 uint32_t n_bucket)
{
	add_matrix(b, "ext_line.weight", SLM_DTYPE_F32, n_embd, n_place);
	add_matrix(b, "ext_token_embd.weight", type, n_embd, n_embd);
	add_matrix(b, "ext_rel_b.weight", SLM_DTYPE_F32, 2, n_bucket);
}

void
gguf_add_heads(GgufBuilder *b, SlmDtype type, uint32_t n_embd, uint32_t n_ff, uint32_t n_span,
			   uint32_t n_hidden)
{
	gguf_add_f32(b, "bert.label.scale", 20.0f);
	gguf_add_f32(b, "bert.label.none", 5.0f);
	gguf_add_f32(b, "bert.label.none_growth", -1.0f);
	gguf_add_f32(b, "bert.label.multi_scale", 10.0f);
	gguf_add_f32(b, "bert.label.multi_bias", -4.0f);
	gguf_add_u32(b, "bert.extract.block_count", 1);
	gguf_add_f32(b, "bert.extract.threshold", 0.4f);
	gguf_add_f32(b, "bert.extract.scale", 0.9f);
	gguf_add_f32(b, "bert.extract.bias", 0.1f);

	add_matrix(b, "label_text.weight", type, n_embd, n_embd);
	add_matrix(b, "label_name.weight", type, n_embd, n_embd);
	add_matrix(b, "ext_shape.weight", SLM_DTYPE_F32, n_embd, SLM_WORD_SHAPES);
	add_matrix(b, "ext_token.weight", type, n_embd, 3 * n_span);
	add_vector(b, "ext_token.bias", 3 * n_span);
	add_matrix(b, "ext_field.weight", type, n_embd, 3 * n_span);
	add_vector(b, "ext_field.bias", 3 * n_span);
	add_layer(b, 1, type, n_embd, n_ff);
	add_matrix(b, "sum_hidden.weight", SLM_DTYPE_F32, n_embd + SLM_SENTENCE_FEATURES, n_hidden);
	add_vector(b, "sum_hidden.bias", n_hidden);
	add_matrix(b, "sum_output.weight", SLM_DTYPE_F32, n_hidden, 1);
	add_vector(b, "sum_output.bias", 1);
}
