/*
 * gguf_meta.c - looking up keys and tensors of a parsed directory
 *
 * A getter trusts nothing about a value but that its bytes are there: type
 * first, then range.
 */
#include "gguf/gguf.h"

#include <inttypes.h>
#include <math.h>

#include "base/bytes.h"

const char *
slm_gguf_type_name(uint32_t type)
{
	static const char *const names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
										"bool", "string", "array", "u64", "i64", "f64"};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

const SlmGgufKey *
slm_gguf_find(const SlmGguf *gguf, const char *name)
{
	SlmText wanted = slm_text(name);
	uint64_t low = 0, high = gguf->n_key;

	while (low < high)
	{
		uint64_t middle = low + (high - low) / 2;
		int order = slm_text_compare(gguf->key[middle].name, wanted);

		if (order == 0)
			return &gguf->key[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const SlmGgufTensor *
slm_gguf_tensor(const SlmGguf *gguf, const char *name)
{
	SlmText wanted = slm_text(name);
	uint64_t low = 0, high = gguf->n_tensor;

	while (low < high)
	{
		uint64_t middle = low + (high - low) / 2;
		const SlmGgufTensor *tensor = &gguf->tensor[gguf->tensor_by_name[middle]];
		int order = slm_text_compare(tensor->name, wanted);

		if (order == 0)
			return tensor;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * Finds a key for a getter.  *out is NULL when it is absent and may be (found
 * is not NULL).
 */
static SlmStatus
find_key(const SlmGguf *gguf, const char *name, bool *found, const SlmGgufKey **out, SlmError *err)
{
	*out = slm_gguf_find(gguf, name);
	if (found != NULL)
		*found = *out != NULL;
	else if (*out == NULL)
		return slm_fail(err, SLM_ERR_CORRUPT, "model file lacks the key \"%s\"", name);
	return SLM_OK;
}

static SlmStatus
wrong_type(const char *name, const SlmGgufKey *key, const char *wanted, SlmError *err)
{
	if (key->type == SLM_GGUF_ARRAY)
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is an array of %s, not %s", name,
						slm_gguf_type_name(key->item_type), wanted);
	return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" has type %s, not %s", name,
					slm_gguf_type_name(key->type), wanted);
}

/*
 * Reads an integer of any width.  A u64 past INT64_MAX comes out negative with
 * *huge set.  False when the key holds something else.
 */
static bool
read_int(const SlmGgufKey *key, int64_t *out, bool *huge)
{
	uint64_t bits = 0;

	*huge = false;
	switch (key->type)
	{
		case SLM_GGUF_U8:
		case SLM_GGUF_U16:
		case SLM_GGUF_U32:
		case SLM_GGUF_U64:
		case SLM_GGUF_I64:
			memcpy(&bits, key->value, key->value_bytes);
			*out = (int64_t) bits;
			*huge = key->type == SLM_GGUF_U64 && *out < 0;
			return true;
		case SLM_GGUF_I8:
			*out = (int8_t) key->value[0];
			return true;
		case SLM_GGUF_I16:
		{
			int16_t value;

			memcpy(&value, key->value, sizeof(value));
			*out = value;
			return true;
		}
		case SLM_GGUF_I32:
		{
			int32_t value;

			memcpy(&value, key->value, sizeof(value));
			*out = value;
			return true;
		}
		default:
			return false;
	}
}

SlmStatus
slm_gguf_get_int(const SlmGguf *gguf, const char *name, int64_t min, int64_t max, bool *found,
				 int64_t *out, SlmError *err)
{
	const SlmGgufKey *key;
	int64_t value;
	bool huge;

	SLM_TRY(find_key(gguf, name, found, &key, err));
	if (key == NULL)
		return SLM_OK;
	if (!read_int(key, &value, &huge))
		return wrong_type(name, key, "an integer", err);
	if (huge)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"%s\" is %" PRIu64 ", outside %" PRId64 " to %" PRId64, name,
						(uint64_t) value, min, max);
	if (value < min || value > max)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"%s\" is %" PRId64 ", outside %" PRId64 " to %" PRId64, name, value,
						min, max);
	*out = value;
	return SLM_OK;
}

SlmStatus
slm_gguf_get_float(const SlmGguf *gguf, const char *name, bool *found, float *out, SlmError *err)
{
	const SlmGgufKey *key;
	float value;

	SLM_TRY(find_key(gguf, name, found, &key, err));
	if (key == NULL)
		return SLM_OK;
	if (key->type == SLM_GGUF_F32)
		memcpy(&value, key->value, sizeof(value));
	else if (key->type == SLM_GGUF_F64)
	{
		double wide;

		memcpy(&wide, key->value, sizeof(wide));
		value = (float) wide;
	}
	else
		return wrong_type(name, key, "a float", err);
	/* The parser has refused NaN and infinity; a double may still be too large. */
	if (!isfinite(value))
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is not a finite number", name);
	*out = value;
	return SLM_OK;
}

SlmStatus
slm_gguf_get_bool(const SlmGguf *gguf, const char *name, bool *found, bool *out, SlmError *err)
{
	const SlmGgufKey *key;

	SLM_TRY(find_key(gguf, name, found, &key, err));
	if (key == NULL)
		return SLM_OK;
	if (key->type != SLM_GGUF_BOOL)
		return wrong_type(name, key, "a boolean", err);
	*out = key->value[0] != 0;
	return SLM_OK;
}

SlmStatus
slm_gguf_get_string(const SlmGguf *gguf, const char *name, bool *found, SlmText *out, SlmError *err)
{
	const SlmGgufKey *key;

	SLM_TRY(find_key(gguf, name, found, &key, err));
	if (key == NULL)
		return SLM_OK;
	if (key->type != SLM_GGUF_STRING)
		return wrong_type(name, key, "a string", err);
	out->data = (const char *) key->value;
	out->size = (size_t) key->value_bytes;
	return SLM_OK;
}

SlmStatus
slm_gguf_get_array(const SlmGguf *gguf, const char *name, SlmGgufType item_type, bool *found,
				   const SlmGgufKey **out, SlmError *err)
{
	const SlmGgufKey *key;

	SLM_TRY(find_key(gguf, name, found, &key, err));
	if (key == NULL)
		return SLM_OK;
	if (key->type != SLM_GGUF_ARRAY)
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" has type %s, not array of %s", name,
						slm_gguf_type_name(key->type), slm_gguf_type_name(item_type));
	if (key->item_type != (uint32_t) item_type)
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is an array of %s, not of %s", name,
						slm_gguf_type_name(key->item_type), slm_gguf_type_name(item_type));
	*out = key;
	return SLM_OK;
}

bool
slm_gguf_next_string(const SlmGgufKey *array, uint64_t *at, SlmText *out)
{
	SlmBytes bytes = {array->value, (size_t) array->value_bytes, (size_t) *at};
	const uint8_t *text;
	uint64_t length;

	if (array->item_type != SLM_GGUF_STRING || *at > array->value_bytes ||
		!slm_bytes_u64(&bytes, &length) || !slm_bytes_take(&bytes, length, &text))
		return false;
	out->data = (const char *) text;
	out->size = (size_t) length;
	*at = bytes.at;
	return true;
}
