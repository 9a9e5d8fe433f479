/*
 * gguf_read.c - reading the directory of a GGUF file
 *
 * The whole file is untrusted.  Three habits keep that bearable:
 *   - every byte comes through take(), which knows the file's size as well as
 *     the size of the head in memory, so "cut off" and "read more first" are
 *     told apart in one place;
 *   - a count is compared with what the remaining bytes can hold before it is
 *     multiplied, allocated or looped over;
 *   - nothing recurses: arrays of arrays are refused.
 *
 * A parse that runs out of head starts again from the front once there is more
 * of it; as the head doubles, all attempts together cost twice the last one.
 */
#include "gguf/gguf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/fp16.h"
#include "base/utf8.h"

#define HEADER_BYTES 24
#define DEFAULT_ALIGNMENT 32
#define MIN_ALIGNMENT 8
#define MIN_KEY_BYTES 14    /* length, one byte of name, type, one byte of value */
#define MIN_TENSOR_BYTES 33 /* length, one byte of name, n_dims, one ne, type, offset */
#define ITEM_WORK 16        /* bytes that a key, tensor, string or comparison counts as */

typedef enum Place
{
	PLACE_HEADER,
	PLACE_KEY,
	PLACE_TENSOR
} Place;

typedef struct Parser
{
	SlmBytes bytes; /* over the head */
	uint64_t file_bytes;
	bool need_more; /* with SLM_ERR_INTERNAL: not an error, the head is too short */
	uint64_t work;  /* bytes gone through since the last poll */
	const SlmHost *host;
	SlmArena *arena;
	SlmError *err;

	/* What is being read, for the messages. */
	Place place;
	uint64_t index; /* of the key or tensor */
	uint64_t total; /* keys or tensors */
	SlmText name;   /* of the key or tensor; empty while unknown */
} Parser;

/* Fails with "<what is being read> <message>". */
static SlmStatus SLM_PRINTF(3, 4) fail_here(Parser *parser, SlmStatus status, const char *fmt, ...)
{
	static const char *const nouns[] = {"header", "key", "tensor"};
	const char *noun = nouns[parser->place];
	char message[224];
	char name[100];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (parser->place == PLACE_HEADER)
		return slm_fail(parser->err, status, "model file header %s", message);
	if (parser->name.size == 0)
		return slm_fail(parser->err, status, "%s %" PRIu64 " of %" PRIu64 " %s", noun,
						parser->index + 1, parser->total, message);
	slm_error_quote(name, sizeof(name), parser->name.data, parser->name.size);
	return slm_fail(parser->err, status, "%s \"%s\" %s", noun, name, message);
}

/* Counts one item of a long loop, with the bytes of it that are looked at. */
static inline SlmStatus
count_item(Parser *parser, size_t bytes)
{
	parser->work += ITEM_WORK + bytes;
	if (SLM_LIKELY(parser->work < SLM_POLL_BYTES))
		return SLM_OK;
	parser->work = 0;
	return slm_poll(parser->host, parser->err);
}

static uint64_t
bytes_left_in_file(const Parser *parser)
{
	return parser->file_bytes - parser->bytes.at;
}

/* Steps over n bytes of the file and gives a pointer to them. */
static SlmStatus
take(Parser *parser, uint64_t n, const uint8_t **out)
{
	if (SLM_LIKELY(slm_bytes_take(&parser->bytes, n, out)))
		return SLM_OK;
	if (n > bytes_left_in_file(parser))
		return fail_here(parser, SLM_ERR_CORRUPT,
						 "runs past the end of the model file: %" PRIu64
						 " bytes are needed where %" PRIu64 " are left",
						 n, bytes_left_in_file(parser));
	if (parser->bytes.at + n > SLM_MAX_GGUF_HEADER_BYTES)
		return fail_here(parser, SLM_ERR_LIMIT,
						 "lies past the limit of %u bytes for keys and tensor list",
						 SLM_MAX_GGUF_HEADER_BYTES);
	parser->need_more = true;
	return SLM_ERR_INTERNAL;
}

static SlmStatus
take_u32(Parser *parser, uint32_t *out)
{
	const uint8_t *at = NULL;

	SLM_TRY(take(parser, sizeof(*out), &at));
	memcpy(out, at, sizeof(*out));
	return SLM_OK;
}

static SlmStatus
take_u64(Parser *parser, uint64_t *out)
{
	const uint8_t *at = NULL;

	SLM_TRY(take(parser, sizeof(*out), &at));
	memcpy(out, at, sizeof(*out));
	return SLM_OK;
}

/* A string of at most max_bytes; what says in a message which one. */
static SlmStatus
take_string(Parser *parser, const char *what, uint64_t max_bytes, SlmText *out)
{
	const uint8_t *at = NULL;
	uint64_t length;

	SLM_TRY(take_u64(parser, &length));
	if (length > bytes_left_in_file(parser))
		return fail_here(parser, SLM_ERR_CORRUPT,
						 "has a %s of %" PRIu64 " bytes where %" PRIu64
						 " are left in the model file",
						 what, length, bytes_left_in_file(parser));
	if (length > max_bytes)
		return fail_here(parser, SLM_ERR_LIMIT,
						 "has a %s of %" PRIu64 " bytes, which exceeds the limit of %" PRIu64, what,
						 length, max_bytes);
	SLM_TRY(take(parser, length, &at));
	out->data = (const char *) at;
	out->size = (size_t) length;
	return SLM_OK;
}

/* The name of a key or a tensor, which then is the parser's place. */
static SlmStatus
take_name(Parser *parser, uint64_t max_bytes, SlmText *out)
{
	const uint8_t *text;
	size_t valid;

	SLM_TRY(take_string(parser, "name", max_bytes, out));
	if (out->size == 0)
		return fail_here(parser, SLM_ERR_CORRUPT, "has an empty name");
	parser->name = *out;
	text = (const uint8_t *) out->data;
	if (memchr(text, '\0', out->size) != NULL)
		return fail_here(parser, SLM_ERR_CORRUPT, "has a NUL byte in its name");
	valid = slm_utf8_valid_bytes(text, out->size);
	if (valid < out->size)
		return fail_here(parser, SLM_ERR_CORRUPT, "has a name that is not UTF-8 at byte %zu",
						 valid);
	return SLM_OK;
}

/*
 * Sorting.  A merge of runs over indexes: n log n whatever the file says (a
 * hash table would be at the mercy of its author), stable, no recursion, and a
 * list that is in order already costs one comparison per item and level.
 */

/* Whether item a of items comes strictly after item b. */
typedef bool (*After)(const void *items, uint32_t a, uint32_t b);

static bool
key_name_after(const void *items, uint32_t a, uint32_t b)
{
	const SlmGgufKey *key = items;

	return slm_text_compare(key[a].name, key[b].name) > 0;
}

static bool
tensor_name_after(const void *items, uint32_t a, uint32_t b)
{
	const SlmGgufTensor *tensor = items;

	return slm_text_compare(tensor[a].name, tensor[b].name) > 0;
}

/* Empty tensors come before the one that shares their offset. */
static bool
tensor_data_after(const void *items, uint32_t a, uint32_t b)
{
	const SlmGgufTensor *tensor = items;

	if (tensor[a].offset != tensor[b].offset)
		return tensor[a].offset > tensor[b].offset;
	return tensor[a].bytes > tensor[b].bytes;
}

/* What to sort, and what a comparison costs. */
typedef struct Sorting
{
	const void *items;
	uint64_t n;
	After after;
	size_t bytes; /* that a comparison looks at, at most */
} Sorting;

/* Merges the runs [from, middle) and [middle, to) of order. */
static SlmStatus
merge_runs(Parser *parser, const Sorting *what, uint32_t *order, uint32_t *spare, uint64_t from,
		   uint64_t middle, uint64_t to)
{
	uint64_t left = 0, n_left = middle - from, right = middle, at = from;

	SLM_TRY(count_item(parser, what->bytes));
	if (!what->after(what->items, order[middle - 1], order[middle]))
		return SLM_OK;
	memcpy(spare, order + from, n_left * sizeof(*order));
	while (left < n_left && right < to)
	{
		SLM_TRY(count_item(parser, what->bytes));
		if (what->after(what->items, spare[left], order[right]))
			order[at++] = order[right++];
		else
			order[at++] = spare[left++];
	}
	memcpy(order + at, spare + left, (n_left - left) * sizeof(*order));
	return SLM_OK;
}

/* Gives in *out the indexes of the items in order. */
static SlmStatus
sort_indexes(Parser *parser, Sorting what, uint32_t **out)
{
	const uint64_t n = what.n;
	uint32_t *order, *spare;

	SLM_TRY(SLM_NEW_ARRAY(parser->arena, n, &order, parser->err));
	for (uint64_t i = 0; i < n; i++)
		order[i] = (uint32_t) i;
	*out = order;
	if (n < 2)
		return SLM_OK;
	SLM_TRY(SLM_NEW_ARRAY(parser->arena, n, &spare, parser->err));
	for (uint64_t run = 1; run < n; run *= 2)
	{
		for (uint64_t from = 0; from + run < n; from += 2 * run)
			SLM_TRY(merge_runs(parser, &what, order, spare, from, from + run,
							   n - from < 2 * run ? n : from + 2 * run));
	}
	return SLM_OK;
}

/*
 * Moves items of size bytes into the order that sort_indexes() found, in place,
 * cycle by cycle, which turns order into 0, 1, 2, ...
 */
static SlmStatus
move_into_order(Parser *parser, void *items, size_t size, uint64_t n, uint32_t *order)
{
	union
	{
		SlmGgufKey key;
		SlmGgufTensor tensor;
	} first;
	char *item = items;

	for (uint64_t i = 0; i < n; i++)
	{
		uint32_t at = (uint32_t) i;

		memcpy(&first, item + i * size, size);
		while (order[at] != i)
		{
			uint32_t next = order[at];

			SLM_TRY(count_item(parser, 0));
			memcpy(item + at * size, item + next * size, size);
			order[at] = at;
			at = next;
		}
		memcpy(item + at * size, &first, size);
		order[at] = at;
	}
	return SLM_OK;
}

/* Keys and values */

/* Bytes of a scalar by SlmGgufType; 0 where the length varies. */
static const uint8_t scalar_bytes[] = {
	[SLM_GGUF_U8] = 1,     [SLM_GGUF_I8] = 1,    [SLM_GGUF_U16] = 2, [SLM_GGUF_I16] = 2,
	[SLM_GGUF_U32] = 4,    [SLM_GGUF_I32] = 4,   [SLM_GGUF_F32] = 4, [SLM_GGUF_BOOL] = 1,
	[SLM_GGUF_STRING] = 0, [SLM_GGUF_ARRAY] = 0, [SLM_GGUF_U64] = 8, [SLM_GGUF_I64] = 8,
	[SLM_GGUF_F64] = 8,
};

/* Refuses bytes other than 0 and 1 among n booleans. */
static SlmStatus
check_bools(Parser *parser, const uint8_t *value, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
	{
		SLM_TRY(count_item(parser, 0));
		if (value[i] > 1)
			return fail_here(parser, SLM_ERR_CORRUPT,
							 "has a boolean that is %u at index %" PRIu64 ", not 0 or 1", value[i],
							 i);
	}
	return SLM_OK;
}

static SlmStatus
parse_array(Parser *parser, SlmGgufKey *key)
{
	uint64_t item_bytes;

	SLM_TRY(take_u32(parser, &key->item_type));
	SLM_TRY(take_u64(parser, &key->count));
	if (key->item_type == SLM_GGUF_ARRAY)
		return fail_here(parser, SLM_ERR_UNSUPPORTED,
						 "is an array of arrays, which is not supported");
	if (key->item_type > SLM_GGUF_F64)
		return fail_here(parser, SLM_ERR_CORRUPT, "is an array of unknown item type %" PRIu32,
						 key->item_type);
	item_bytes = key->item_type == SLM_GGUF_STRING ? 8 : scalar_bytes[key->item_type];
	if (key->count > bytes_left_in_file(parser) / item_bytes)
		return fail_here(parser, SLM_ERR_CORRUPT,
						 "is an array of %" PRIu64 " items where %" PRIu64
						 " bytes are left in the model file",
						 key->count, bytes_left_in_file(parser));
	if (key->count > SLM_MAX_GGUF_ARRAY_ITEMS)
		return fail_here(parser, SLM_ERR_LIMIT,
						 "is an array of %" PRIu64 " items, which exceeds the limit of %u",
						 key->count, SLM_MAX_GGUF_ARRAY_ITEMS);
	if (key->item_type != SLM_GGUF_STRING)
	{
		key->value_bytes = key->count * item_bytes;
		SLM_TRY(take(parser, key->value_bytes, &key->value));
		if (key->item_type == SLM_GGUF_BOOL)
			SLM_TRY(check_bools(parser, key->value, key->count));
		return SLM_OK;
	}
	key->value = parser->bytes.data + parser->bytes.at;
	for (uint64_t i = 0; i < key->count; i++)
	{
		SlmText item;

		SLM_TRY(count_item(parser, 0));
		SLM_TRY(take_string(parser, "string", SLM_MAX_GGUF_STRING_BYTES, &item));
	}
	key->value_bytes = (uint64_t) (parser->bytes.data + parser->bytes.at - key->value);
	return SLM_OK;
}

/* Infinities and NaN have all bits of the exponent set. */
static bool
is_finite_value(uint32_t type, const uint8_t *value)
{
	if (type == SLM_GGUF_F32)
	{
		uint32_t bits;

		memcpy(&bits, value, sizeof(bits));
		return (bits & 0x7f800000) != 0x7f800000;
	}
	if (type == SLM_GGUF_F64)
	{
		const uint64_t exponent = 0x7ff0000000000000ULL;
		uint64_t bits;

		memcpy(&bits, value, sizeof(bits));
		return (bits & exponent) != exponent;
	}
	return true;
}

static SlmStatus
parse_key(Parser *parser, SlmGgufKey *key)
{
	parser->name.size = 0;
	SLM_TRY(take_name(parser, SLM_MAX_GGUF_KEY_BYTES, &key->name));
	SLM_TRY(take_u32(parser, &key->type));
	if (key->type > SLM_GGUF_F64)
		return fail_here(parser, SLM_ERR_CORRUPT, "has unknown value type %" PRIu32, key->type);
	if (key->type == SLM_GGUF_ARRAY)
		return parse_array(parser, key);

	key->item_type = key->type;
	key->count = 1;
	if (key->type == SLM_GGUF_STRING)
	{
		SlmText text;

		SLM_TRY(take_string(parser, "string", SLM_MAX_GGUF_STRING_BYTES, &text));
		key->value = (const uint8_t *) text.data;
		key->value_bytes = text.size;
		return SLM_OK;
	}
	key->value_bytes = scalar_bytes[key->type];
	SLM_TRY(take(parser, key->value_bytes, &key->value));
	if (key->type == SLM_GGUF_BOOL)
		return check_bools(parser, key->value, 1);
	if (!is_finite_value(key->type, key->value))
		return fail_here(parser, SLM_ERR_CORRUPT, "is not a finite number");
	return SLM_OK;
}

/* Reads n keys and sorts them by name. */
static SlmStatus
parse_keys(Parser *parser, uint64_t n, SlmGguf *out)
{
	size_t longest = 0;
	uint32_t *order;

	parser->place = PLACE_KEY;
	parser->total = n;
	SLM_TRY(SLM_NEW_ARRAY(parser->arena, n, &out->key, parser->err));
	out->n_key = n;
	for (uint64_t i = 0; i < n; i++)
	{
		parser->index = i;
		SLM_TRY(parse_key(parser, &out->key[i]));
		SLM_TRY(count_item(parser, out->key[i].name.size));
		if (out->key[i].name.size > longest)
			longest = out->key[i].name.size;
	}
	SLM_TRY(sort_indexes(parser, (Sorting){out->key, n, key_name_after, longest}, &order));
	SLM_TRY(move_into_order(parser, out->key, sizeof(*out->key), n, order));
	for (uint64_t i = 1; i < n; i++)
	{
		SLM_TRY(count_item(parser, out->key[i].name.size));
		if (slm_text_compare(out->key[i - 1].name, out->key[i].name) == 0)
		{
			parser->name = out->key[i].name;
			return fail_here(parser, SLM_ERR_CORRUPT, "appears more than once");
		}
	}
	return SLM_OK;
}

/* The keys that this floor reads itself. */

static SlmStatus
check_alignment(Parser *parser, SlmGguf *out)
{
	const SlmGgufKey *key = slm_gguf_find(out, "general.alignment");

	out->alignment = DEFAULT_ALIGNMENT;
	if (key == NULL)
		return SLM_OK;
	parser->name = key->name;
	if (key->type != SLM_GGUF_U32)
		return fail_here(parser, SLM_ERR_CORRUPT, "has type %s, not u32",
						 slm_gguf_type_name(key->type));
	memcpy(&out->alignment, key->value, sizeof(out->alignment));
	if (out->alignment < MIN_ALIGNMENT || (out->alignment & (out->alignment - 1)) != 0)
		return fail_here(parser, SLM_ERR_CORRUPT, "is %" PRIu32 ", not a power of two from %d up",
						 out->alignment, MIN_ALIGNMENT);
	if (out->alignment > SLM_MAX_GGUF_ALIGNMENT)
		return fail_here(parser, SLM_ERR_LIMIT, "is %" PRIu32 ", which exceeds the limit of %u",
						 out->alignment, SLM_MAX_GGUF_ALIGNMENT);
	return SLM_OK;
}

static SlmStatus
check_split(const SlmGguf *gguf, SlmError *err)
{
	int64_t count = 1, index = 0;
	bool found;

	SLM_TRY(slm_gguf_get_int(gguf, "split.count", 0, UINT16_MAX, &found, &count, err));
	SLM_TRY(slm_gguf_get_int(gguf, "split.no", 0, UINT16_MAX, &found, &index, err));
	if (count == 0)
		count = 1;
	if (index >= count)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"split.no\" is %" PRId64 " in a model file of %" PRId64 " parts",
						index, count);
	if (count == 1)
		return SLM_OK;
	slm_fail(err, SLM_ERR_UNSUPPORTED,
			 "model file is part %" PRId64 " of %" PRId64
			 " (key \"split.count\"), and split models are not supported",
			 index + 1, count);
	slm_error_hint(err,
				   "Merge the parts into one file, for example with llama-gguf-split --merge.");
	return SLM_ERR_UNSUPPORTED;
}

/* Tensors */

/* Computes tensor->bytes from type and ne, at most the size of the file. */
static SlmStatus
size_tensor(Parser *parser, SlmGgufTensor *tensor, const SlmDtypeInfo *info)
{
	uint64_t items = 1;
	bool fits = true;

	for (uint32_t i = 0; i < SLM_MAX_GGUF_DIMS; i++)
	{
		/* The highest bit is refused on its own: 0 times it would hide it. */
		if (tensor->ne[i] > INT64_MAX)
			return fail_here(parser, SLM_ERR_CORRUPT,
							 "has a negative size, %" PRId64 ", in dimension %" PRIu32,
							 (int64_t) tensor->ne[i], i);
		fits = fits && slm_mul_u64(items, tensor->ne[i], &items) && items <= INT64_MAX;
	}
	if (tensor->ne[0] % info->block_items != 0)
		return fail_here(parser, SLM_ERR_CORRUPT,
						 "has rows of %" PRIu64 " items, not a multiple of %s's block of %" PRIu32,
						 tensor->ne[0], info->name, info->block_items);
	if (!fits || !slm_mul_u64(items / info->block_items, info->block_bytes, &tensor->bytes) ||
		tensor->bytes > parser->file_bytes)
		return fail_here(parser, SLM_ERR_CORRUPT,
						 "of %" PRIu64 " x %" PRIu64 " x %" PRIu64 " x %" PRIu64
						 " %s items is larger than the model file",
						 tensor->ne[0], tensor->ne[1], tensor->ne[2], tensor->ne[3], info->name);
	return SLM_OK;
}

/* tensor->offset counts from the start of the data until place_tensors(). */
static SlmStatus
parse_tensor(Parser *parser, SlmGgufTensor *tensor)
{
	const SlmDtypeInfo *info;
	uint32_t type;

	parser->name.size = 0;
	SLM_TRY(take_name(parser, SLM_MAX_GGUF_NAME_BYTES, &tensor->name));
	SLM_TRY(take_u32(parser, &tensor->n_dims));
	if (tensor->n_dims < 1 || tensor->n_dims > SLM_MAX_GGUF_DIMS)
		return fail_here(parser, SLM_ERR_CORRUPT, "has %" PRIu32 " dimensions, not 1 to %d",
						 tensor->n_dims, SLM_MAX_GGUF_DIMS);
	for (uint32_t i = 0; i < SLM_MAX_GGUF_DIMS; i++)
	{
		tensor->ne[i] = 1;
		if (i < tensor->n_dims)
			SLM_TRY(take_u64(parser, &tensor->ne[i]));
	}
	SLM_TRY(take_u32(parser, &type));
	SLM_TRY(take_u64(parser, &tensor->offset));
	info = slm_dtype_info(type);
	if (info == NULL)
		return fail_here(parser, SLM_ERR_UNSUPPORTED, "has unknown type %" PRIu32, type);
	if (info->block_bytes == 0)
		return fail_here(parser, SLM_ERR_UNSUPPORTED,
						 "has type %s, which was removed from the format", info->name);
	if (!info->supported)
		return fail_here(parser, SLM_ERR_UNSUPPORTED, "has type %s, which is not supported",
						 info->name);
	tensor->type = (SlmDtype) type;
	return size_tensor(parser, tensor, info);
}

static SlmStatus
parse_tensors(Parser *parser, uint64_t n, SlmGguf *out)
{
	parser->place = PLACE_TENSOR;
	parser->total = n;
	SLM_TRY(SLM_NEW_ARRAY(parser->arena, n, &out->tensor, parser->err));
	out->n_tensor = n;
	for (uint64_t i = 0; i < n; i++)
	{
		parser->index = i;
		SLM_TRY(count_item(parser, 0));
		SLM_TRY(parse_tensor(parser, &out->tensor[i]));
	}
	return SLM_OK;
}

/*
 * Walks the tensors in the order of their data: each begins where the padding
 * of the one before ends, and the file ends with the last.  So overlaps, gaps
 * and bytes that belong to nobody are all found by one comparison each.
 */
static SlmStatus
place_tensors(Parser *parser, SlmGguf *out)
{
	uint64_t next = out->data_offset; /* where the next tensor has to begin */
	uint32_t *order;

	SLM_TRY(
		sort_indexes(parser, (Sorting){out->tensor, out->n_tensor, tensor_data_after, 0}, &order));
	SLM_TRY(move_into_order(parser, out->tensor, sizeof(*out->tensor), out->n_tensor, order));
	for (uint64_t i = 0; i < out->n_tensor; i++)
	{
		SlmGgufTensor *tensor = &out->tensor[i];
		uint64_t end;

		SLM_TRY(count_item(parser, 0));
		parser->name = tensor->name;
		if (tensor->offset % out->alignment != 0)
			return fail_here(parser, SLM_ERR_CORRUPT,
							 "is at offset %" PRIu64 ", not a multiple of the alignment %" PRIu32,
							 tensor->offset, out->alignment);
		if (!slm_add_u64(out->data_offset, tensor->offset, &tensor->offset) ||
			!slm_add_u64(tensor->offset, tensor->bytes, &end) ||
			(end > parser->file_bytes && tensor->bytes > 0))
			return fail_here(parser, SLM_ERR_CORRUPT,
							 "of %" PRIu64 " bytes lies past the end of the model file of %" PRIu64
							 " bytes",
							 tensor->bytes, parser->file_bytes);
		if (tensor->offset < next)
			return fail_here(parser, SLM_ERR_CORRUPT,
							 "at byte %" PRIu64
							 " overlaps the tensor before it, which ends at %" PRIu64,
							 tensor->offset, next);
		if (tensor->offset > next)
			return fail_here(parser, SLM_ERR_CORRUPT,
							 "at byte %" PRIu64 " leaves a gap after byte %" PRIu64, tensor->offset,
							 next);
		if (!slm_align_u64(end, out->alignment, &next))
			return fail_here(parser, SLM_ERR_CORRUPT, "ends past the largest offset");
	}
	if (parser->file_bytes > next)
		return slm_fail(parser->err, SLM_ERR_CORRUPT,
						"model file has %" PRIu64
						" bytes after the end of its tensor data at byte %" PRIu64,
						parser->file_bytes - next, next);
	return SLM_OK;
}

static SlmStatus
sort_tensor_names(Parser *parser, SlmGguf *out)
{
	SLM_TRY(sort_indexes(
		parser, (Sorting){out->tensor, out->n_tensor, tensor_name_after, SLM_MAX_GGUF_NAME_BYTES},
		&out->tensor_by_name));
	for (uint64_t i = 1; i < out->n_tensor; i++)
	{
		const SlmGgufTensor *tensor = &out->tensor[out->tensor_by_name[i]];

		SLM_TRY(count_item(parser, 0));
		if (slm_text_compare(out->tensor[out->tensor_by_name[i - 1]].name, tensor->name) == 0)
		{
			parser->name = tensor->name;
			return fail_here(parser, SLM_ERR_CORRUPT, "appears more than once");
		}
	}
	return SLM_OK;
}

/* The fixed part */

/* Compares a count of the header with the bytes behind it, then with its cap. */
static SlmStatus
check_count(Parser *parser, const char *what, uint64_t n, uint64_t min_bytes, uint64_t max)
{
	if (n > (parser->file_bytes - HEADER_BYTES) / min_bytes)
		return fail_here(parser, SLM_ERR_CORRUPT,
						 "declares %" PRIu64 " %s, more than a file of %" PRIu64 " bytes can hold",
						 n, what, parser->file_bytes);
	if (n > max)
		return fail_here(parser, SLM_ERR_LIMIT,
						 "declares %" PRIu64 " %s, which exceeds the limit of %" PRIu64, n, what,
						 max);
	return SLM_OK;
}

static SlmStatus
check_magic(Parser *parser, const uint8_t *magic)
{
	/* ggml, ggmf, ggjt, ggla: written as integers, so the file has them reversed */
	static const char legacy[][5] = {"lmgg", "fmgg", "tjgg", "algg"};
	char text[32];

	if (memcmp(magic, "GGUF", 4) == 0)
		return SLM_OK;
	slm_error_quote(text, sizeof(text), magic, 4);
	for (size_t i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++)
	{
		if (memcmp(magic, legacy[i], 4) == 0)
			return fail_here(parser, SLM_ERR_UNSUPPORTED,
							 "is of a format older than GGUF (it starts with \"%s\")", text);
	}
	return slm_fail(parser->err, SLM_ERR_CORRUPT, "model file is not GGUF: it starts with \"%s\"",
					text);
}

static SlmStatus
check_version(Parser *parser, uint32_t version)
{
	uint32_t swapped = __builtin_bswap32(version);

	if (version == 2 || version == 3)
		return SLM_OK;
	if (swapped >= 1 && swapped <= 3)
		return fail_here(parser, SLM_ERR_UNSUPPORTED,
						 "says version %" PRIu32 " in big-endian order, which is not supported",
						 swapped);
	return fail_here(parser, SLM_ERR_UNSUPPORTED,
					 "says GGUF version %" PRIu32 ", supported are 2 and 3", version);
}

static SlmStatus
parse_header(Parser *parser, SlmGguf *out, uint64_t *n_tensor, uint64_t *n_key)
{
	const uint8_t *magic;

	parser->place = PLACE_HEADER;
	if (parser->file_bytes == 0)
		return slm_fail(parser->err, SLM_ERR_CORRUPT, "model file is empty");
	if (parser->file_bytes > SLM_MAX_FILE_BYTES)
		return slm_fail(parser->err, SLM_ERR_LIMIT,
						"model file of %" PRIu64 " bytes exceeds the limit of %" PRIu64,
						parser->file_bytes, (uint64_t) SLM_MAX_FILE_BYTES);
	SLM_TRY(take(parser, 4, &magic));
	SLM_TRY(check_magic(parser, magic));
	SLM_TRY(take_u32(parser, &out->version));
	SLM_TRY(check_version(parser, out->version));
	SLM_TRY(take_u64(parser, n_tensor));
	SLM_TRY(take_u64(parser, n_key));
	SLM_TRY(check_count(parser, "tensors", *n_tensor, MIN_TENSOR_BYTES, SLM_MAX_GGUF_TENSORS));
	return check_count(parser, "keys", *n_key, MIN_KEY_BYTES, SLM_MAX_GGUF_KEYS);
}

static SlmStatus
parse_file(Parser *parser, SlmGguf *out)
{
	uint64_t n_tensor = 0, n_key = 0;

	SLM_TRY(parse_header(parser, out, &n_tensor, &n_key));
	SLM_TRY(parse_keys(parser, n_key, out));
	SLM_TRY(check_alignment(parser, out));
	SLM_TRY(check_split(out, parser->err));
	SLM_TRY(parse_tensors(parser, n_tensor, out));
	if (!slm_align_u64(parser->bytes.at, out->alignment, &out->data_offset))
		return slm_fail(parser->err, SLM_ERR_INTERNAL, "position in the model file wraps");
	SLM_TRY(place_tensors(parser, out));
	return sort_tensor_names(parser, out);
}

SlmStatus
slm_gguf_parse(const uint8_t *head, size_t head_bytes, uint64_t file_bytes, const SlmHost *host,
			   SlmArena *arena, SlmGguf *out, bool *need_more, SlmError *err)
{
	SlmArenaMark start = slm_arena_mark(arena);
	Parser parser = {
		.bytes = {head, head_bytes, 0},
		.file_bytes = file_bytes,
		.host = host,
		.arena = arena,
		.err = err,
	};
	SlmGguf gguf = {0};
	SlmStatus status = parse_file(&parser, &gguf);

	*need_more = parser.need_more;
	if (status != SLM_OK)
		slm_arena_rewind(arena, start);
	if (parser.need_more)
		return SLM_OK;
	if (status == SLM_OK)
		*out = gguf;
	return status;
}

/* Copies the old head into the new one without a long silence. */
static SlmStatus
copy_head(const SlmHost *host, uint8_t *to, const uint8_t *from, size_t n, SlmError *err)
{
	for (size_t at = 0; at < n; at += SLM_POLL_BYTES)
	{
		SLM_TRY(slm_poll(host, err));
		memcpy(to + at, from + at, n - at < SLM_POLL_BYTES ? n - at : SLM_POLL_BYTES);
	}
	return SLM_OK;
}

SlmStatus
slm_gguf_read(const SlmSource *source, const SlmHost *host, SlmArena *arena, SlmGguf *out,
			  const uint8_t **head, size_t *head_bytes, SlmError *err)
{
	uint8_t *buffer = NULL;
	size_t size = 0;       /* of buffer */
	size_t have = 0;       /* bytes read into it */
	bool need_more = true; /* than have */

	if (source->size == 0 || source->size > SLM_MAX_FILE_BYTES)
		return slm_gguf_parse(NULL, 0, source->size, host, arena, out, &need_more, err);
	while (need_more)
	{
		uint8_t *old = buffer;

		size = size == 0 ? SLM_IO_STEP_BYTES : size * 2;
		if (size > source->size)
			size = (size_t) source->size;
		SLM_TRY(slm_arena_alloc(arena, size, (void **) &buffer, err));
		SLM_TRY(copy_head(host, buffer, old, have, err));
		while (have < size)
		{
			size_t step = size - have < SLM_IO_STEP_BYTES ? size - have : SLM_IO_STEP_BYTES;

			SLM_TRY(slm_poll(host, err));
			SLM_TRY(source->read(source->arg, have, buffer + have, step, err));
			have += step;
		}
		SLM_TRY(slm_gguf_parse(buffer, have, source->size, host, arena, out, &need_more, err));
	}
	*head = buffer;
	*head_bytes = have;
	return SLM_OK;
}
