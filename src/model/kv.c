/*
 * kv.c - keys and values of a sequence's tokens
 */
#include "model/kv.h"

#include <string.h>

#define ALIGNMENT 64 /* of parts; what kernels read past a row of values is less */

size_t
slm_kv_element_bytes(SlmDtype type)
{
	return type == SLM_DTYPE_F32 ? sizeof(float)
								 : (type == SLM_DTYPE_F16 ? sizeof(uint16_t) : sizeof(int8_t));
}

static size_t
n_key(const SlmKvShape *shape)
{
	return (size_t) shape->n_head * (size_t) shape->head_dim;
}

static size_t
aligned(size_t n_byte)
{
	return (n_byte + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

size_t
slm_kv_key_tile(const SlmKvShape *shape)
{
	return n_key(shape) * SLM_KEY_TILE;
}

/* Bytes of a layer's parts. */
static size_t
key_bytes(const SlmKvShape *shape)
{
	return aligned(n_key(shape) * shape->room * slm_kv_element_bytes(shape->type));
}

static size_t
scale_bytes(const SlmKvShape *shape)
{
	return aligned(shape->scales * shape->room * sizeof(uint16_t));
}

static size_t
value_bytes(const SlmKvShape *shape)
{
	return aligned(shape->values * shape->room * slm_kv_element_bytes(shape->type));
}

static size_t
layer_bytes(const SlmKvShape *shape)
{
	return key_bytes(shape) + value_bytes(shape) + 2 * scale_bytes(shape);
}

SlmKvShape
slm_kv_shape(const SlmModel *model, SlmDtype type, int n_token)
{
	const SlmHparams *h = &model->hparams;
	int blocks = ((int) h->n_head_dim + SLM_Q8_BLOCK - 1) / SLM_Q8_BLOCK;

	return (SlmKvShape){
		.type = type,
		.n_layer = (int) h->n_layer,
		.n_head = (int) h->n_head_kv,
		.head_dim = (int) h->n_head_dim,
		.room = ((size_t) n_token + SLM_KEY_TILE - 1) / SLM_KEY_TILE * SLM_KEY_TILE,
		.values = slm_row_stride(slm_hparams_size(h, SLM_SIZE_KEYS)),
		.scales = type == SLM_DTYPE_Q8_0 ? (size_t) h->n_head_kv * (size_t) blocks : 0,
	};
}

uint64_t
slm_kv_bytes(const SlmKvShape *shape)
{
	return (uint64_t) shape->n_layer * layer_bytes(shape) + ALIGNMENT;
}

SlmKvLayer
slm_kv_layer(const SlmKvShape *shape, void *block, int layer)
{
	uint8_t *at = (uint8_t *) block + (size_t) layer * layer_bytes(shape);
	bool coded = shape->scales > 0;
	SlmKvLayer l = {.keys = at};

	l.key_scales = coded ? (uint16_t *) (void *) (at + key_bytes(shape)) : NULL;
	l.values = at + key_bytes(shape) + scale_bytes(shape);
	l.value_scales = coded ? (uint16_t *) (void *) (l.values + value_bytes(shape)) : NULL;
	return l;
}

/* Where a token has the first of its n_row rows, which are SLM_KEY_TILE apart. */
static size_t
in_tiles(size_t n_row, size_t position)
{
	return position / SLM_KEY_TILE * n_row * SLM_KEY_TILE + position % SLM_KEY_TILE;
}

/* A block of 32 dimensions of a head, or what is left of it, among a token's. */
typedef struct CodeBlock
{
	size_t at;
	size_t n;
} CodeBlock;

static CodeBlock
code_block(const SlmKvShape *shape, size_t block)
{
	size_t per_head = shape->scales / (size_t) shape->n_head, head_dim = (size_t) shape->head_dim;
	size_t d = block % per_head * SLM_Q8_BLOCK;

	return (CodeBlock){
		.at = block / per_head * head_dim + d,
		.n = head_dim - d < SLM_Q8_BLOCK ? head_dim - d : SLM_Q8_BLOCK,
	};
}

/* Blocks that are encoded at once, which is where the kernel is fast. */
#define CODE_BLOCKS 4

/* n blocks of a token's keys or values: 32 codes each, and their scales. */
static void
encode(const SlmKernels *kernels, const SlmKvShape *shape, const float *x, size_t block, size_t n,
	   int8_t *code, uint16_t *scale)
{
	float whole[CODE_BLOCKS * SLM_Q8_BLOCK] = {0.0f}, d[CODE_BLOCKS];
	int32_t sum[CODE_BLOCKS];
	int64_t k = (int64_t) n * SLM_Q8_BLOCK;

	for (size_t i = 0; i < n; i++)
	{
		CodeBlock b = code_block(shape, block + i);

		memcpy(whole + i * SLM_Q8_BLOCK, x + b.at, b.n * sizeof(float));
	}
	kernels->quantize_q8(whole, k, slm_q8_padded(k), code, d, sum);
	kernels->to_half(d, (int64_t) n, scale);
}

static void
put_codes(const SlmKernels *kernels, const SlmKvShape *shape, const SlmKvLayer *layer,
		  size_t position, const float *key, const float *value)
{
	int8_t *keys = (int8_t *) layer->keys + in_tiles(n_key(shape), position);
	uint16_t *key_scales = layer->key_scales + in_tiles(shape->scales, position);
	int8_t *values = (int8_t *) layer->values + position * shape->values;
	uint16_t *value_scales = layer->value_scales + position * shape->scales;
	int8_t code[CODE_BLOCKS * SLM_Q8_BLOCK];
	uint16_t scale[CODE_BLOCKS];

	for (size_t block = 0; block < shape->scales; block += CODE_BLOCKS)
	{
		size_t n = shape->scales - block < CODE_BLOCKS ? shape->scales - block : CODE_BLOCKS;

		encode(kernels, shape, key, block, n, code, scale);
		for (size_t i = 0; i < n; i++)
		{
			CodeBlock b = code_block(shape, block + i);

			for (size_t j = 0; j < b.n; j++)
				keys[(b.at + j) * SLM_KEY_TILE] = code[i * SLM_Q8_BLOCK + j];
			key_scales[(block + i) * SLM_KEY_TILE] = scale[i];
		}
		encode(kernels, shape, value, block, n, code, value_scales + block);
		for (size_t i = 0; i < n; i++)
		{
			CodeBlock b = code_block(shape, block + i);

			memcpy(values + b.at, code + i * SLM_Q8_BLOCK, b.n);
		}
	}
}

static void
put_halves(const SlmKernels *kernels, const SlmKvShape *shape, const SlmKvLayer *layer,
		   size_t position, const float *key, const float *value)
{
	enum
	{
		PIECE = 64
	};
	uint16_t *keys = (uint16_t *) (void *) layer->keys + in_tiles(n_key(shape), position);
	uint16_t *values = (uint16_t *) (void *) layer->values + position * shape->values;
	size_t n = n_key(shape);

	for (size_t at = 0; at < n; at += PIECE)
	{
		size_t piece = n - at < PIECE ? n - at : PIECE;
		uint16_t half[PIECE];

		kernels->to_half(key + at, (int64_t) piece, half);
		for (size_t i = 0; i < piece; i++)
			keys[(at + i) * SLM_KEY_TILE] = half[i];
	}
	kernels->to_half(value, (int64_t) n, values);
}

void
slm_kv_put(const SlmKernels *kernels, const SlmKvShape *shape, const SlmKvLayer *layer,
		   int position, const float *key, const float *value)
{
	size_t at = (size_t) position, n = n_key(shape);
	float *keys = (float *) (void *) layer->keys + in_tiles(n, at);

	if (shape->type == SLM_DTYPE_Q8_0)
		put_codes(kernels, shape, layer, at, key, value);
	else if (shape->type == SLM_DTYPE_F16)
		put_halves(kernels, shape, layer, at, key, value);
	else
	{
		for (size_t i = 0; i < n; i++)
			keys[i * SLM_KEY_TILE] = key[i];
		memcpy((float *) (void *) layer->values + at * shape->values, value, n * sizeof(float));
	}
}

/* The first n_byte bytes of each of n_row rows. */
static SlmStatus
copy_rows(SlmCompute *c, void *to, size_t to_stride, const void *from, size_t from_stride,
		  size_t n_row, size_t n_byte, SlmError *err)
{
	for (size_t i = 0; i < n_row; i++)
	{
		memcpy((uint8_t *) to + i * to_stride, (const uint8_t *) from + i * from_stride, n_byte);
		SLM_TRY(slm_spend(c, (int64_t) (n_byte / sizeof(float) + 1) * SLM_COST_MOVE, err));
	}
	return SLM_OK;
}

/* The first n tokens of tiles of n_row rows: whole tiles as they are, of the last its rows. */
static SlmStatus
copy_tiles(SlmCompute *c, void *to, const void *from, size_t n_row, size_t element, size_t n,
		   SlmError *err)
{
	size_t row = SLM_KEY_TILE * element, tile = n_row * row, whole = n / SLM_KEY_TILE;

	SLM_TRY(copy_rows(c, to, tile, from, tile, whole, tile, err));
	return copy_rows(c, (uint8_t *) to + whole * tile, row, (const uint8_t *) from + whole * tile,
					 row, n_row, n % SLM_KEY_TILE * element, err);
}

SlmStatus
slm_kv_copy(SlmCompute *c, const SlmKvShape *to_shape, void *to, const SlmKvShape *from_shape,
			const void *from, int n, SlmError *err)
{
	size_t bytes = slm_kv_element_bytes(to_shape->type), n_token = (size_t) n;
	size_t value_row = to_shape->values * bytes, scale_row = to_shape->scales * sizeof(uint16_t);

	for (int layer = 0; layer < to_shape->n_layer; layer++)
	{
		SlmKvLayer a = slm_kv_layer(to_shape, to, layer);
		SlmKvLayer b = slm_kv_layer(from_shape, (void *) from, layer);

		SLM_TRY(copy_tiles(c, a.keys, b.keys, n_key(to_shape), bytes, n_token, err));
		SLM_TRY(copy_rows(c, a.values, value_row, b.values, value_row, n_token, value_row, err));
		if (scale_row == 0)
			continue;
		SLM_TRY(copy_tiles(c, a.key_scales, b.key_scales, to_shape->scales, sizeof(uint16_t),
						   n_token, err));
		SLM_TRY(copy_rows(c, a.value_scales, scale_row, b.value_scales, scale_row, n_token,
						  scale_row, err));
	}
	return SLM_OK;
}
