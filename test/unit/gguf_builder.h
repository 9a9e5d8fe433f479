/*
 * gguf_builder.h - writes GGUF files in memory, well formed or broken
 *
 * Add keys and tensors in any order, then finish:
 *
 *     GgufBuilder b;
 *     GgufBytes file = {0};
 *
 *     gguf_begin(&b);
 *     gguf_add_string(&b, "general.architecture", "bert");
 *     gguf_add_tensor(&b, "x.weight", SLM_DTYPE_F32, 2, ne, data);
 *     gguf_finish(&b, &file);
 *     ... file.data, file.size ...
 *     gguf_bytes_free(&file);
 *
 * For broken files every part stays reachable: the fields of the builder may be
 * changed before gguf_finish(), raw bytes may be appended to keys, directory
 * and data, and the finished bytes may be overwritten.
 */
#ifndef SLM_TEST_GGUF_BUILDER_H
#define SLM_TEST_GGUF_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "gguf/gguf.h"

/* Bytes that grow; {0} is empty.  Out of memory ends the program. */
typedef struct GgufBytes
{
	uint8_t *data;
	size_t size;
	size_t capacity;
} GgufBytes;

extern void gguf_put(GgufBytes *bytes, const void *data, size_t n);
extern void gguf_put_zeros(GgufBytes *bytes, size_t n);
extern void gguf_put_u8(GgufBytes *bytes, uint8_t value);
extern void gguf_put_u32(GgufBytes *bytes, uint32_t value);
extern void gguf_put_u64(GgufBytes *bytes, uint64_t value);

/* A length and that many bytes. */
extern void gguf_put_text(GgufBytes *bytes, const void *text, size_t n);
extern void gguf_put_string(GgufBytes *bytes, const char *text);
extern void gguf_bytes_free(GgufBytes *bytes);

typedef struct GgufBuilder
{
	GgufBytes keys;      /* as they will stand in the file */
	GgufBytes directory; /* entries of tensors */
	GgufBytes data;      /* of tensors, padded between them, not behind the last */
	uint32_t magic;
	uint32_t version;
	uint32_t alignment;
	uint64_t n_key;
	uint64_t n_tensor;
} GgufBuilder;

extern void gguf_begin(GgufBuilder *b);

/* Joins the parts in *file (appended to what is there) and frees them. */
extern void gguf_finish(GgufBuilder *b, GgufBytes *file);

/* The start of a key; its value has to follow with gguf_put...(&b->keys). */
extern void gguf_add_key(GgufBuilder *b, const char *name, uint32_t type);
extern void gguf_add_array(GgufBuilder *b, const char *name, uint32_t item_type, uint64_t count);

/* A key whose value is the first bytes of value that its type has (not string, not array). */
extern void gguf_add_scalar(GgufBuilder *b, const char *name, SlmGgufType type, uint64_t value);
extern void gguf_add_u32(GgufBuilder *b, const char *name, uint32_t value);
extern void gguf_add_f32(GgufBuilder *b, const char *name, float value);
extern void gguf_add_bool(GgufBuilder *b, const char *name, bool value);
extern void gguf_add_string(GgufBuilder *b, const char *name, const char *value);
extern void gguf_add_strings(GgufBuilder *b, const char *name, const char *const *value,
							 uint64_t n);
extern void gguf_add_i32s(GgufBuilder *b, const char *name, const int32_t *value, uint64_t n);

/* An entry of the tensor list and nothing else. */
extern void gguf_add_entry(GgufBuilder *b, const char *name, uint32_t n_dims, const uint64_t *ne,
						   uint32_t type, uint64_t offset);

/* An entry and its data, converted from float; NULL gives a small fixed pattern. */
extern void gguf_add_tensor(GgufBuilder *b, const char *name, SlmDtype type, uint32_t n_dims,
							const uint64_t *ne, const float *data);

/* Where the next tensor's data will begin, from the start of the data. */
extern uint64_t gguf_next_offset(GgufBuilder *b);

/* Where finished bytes may be changed: behind a key or the name of a tensor, and a tensor's data. */
extern uint8_t *gguf_behind(GgufBytes *file, const char *name);
extern uint8_t *gguf_data_of(GgufBytes *file, const char *name);

/*
 * A whole BERT with fixed weights and a vocabulary of its own, so that a file
 * that differs from it in one place runs or fails for that place alone.  It has
 * one layer, two heads, 16 positions.
 */
extern void gguf_add_bert(GgufBuilder *b, SlmDtype type, uint32_t n_embd, uint32_t n_ff);

/*
 * The keys and tensors of label, extraction and sentence head for that BERT,
 * the sentence head's with n_hidden numbers between its matrices.
 */
extern void gguf_add_heads(GgufBuilder *b, SlmDtype type, uint32_t n_embd, uint32_t n_ff,
						   uint32_t n_span, uint32_t n_hidden);

/* The tensors that an extraction head may have beside those. */
extern void gguf_add_extract_options(GgufBuilder *b, SlmDtype type, uint32_t n_embd,
									 uint32_t n_place, uint32_t n_bucket);

#endif
