/*
 * fuzz_gguf.c - any bytes as the directory of a model file
 *
 * Parses them whole and cut in two: the verdict must be one.  What parses must
 * keep gguf.h's promises, and every getter must survive every key.
 */
#include <stdlib.h>
#include <string.h>

#include "gguf/gguf.h"
#include "host.h"

#define ARENA_MAX ((size_t) 64 << 20)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches what a caller may touch. */
static void
use(const SlmGguf *gguf, const uint8_t *data, size_t size)
{
	volatile uint8_t sink = 0;

	for (uint64_t i = 0; i < gguf->n_tensor; i++)
	{
		const SlmGgufTensor *tensor = &gguf->tensor[i];

		if (tensor->bytes == 0)
			continue;
		if (tensor->offset > size || tensor->bytes > size - tensor->offset)
			abort();
		sink ^= data[tensor->offset] ^ data[tensor->offset + tensor->bytes - 1];
	}
	for (uint64_t i = 0; i < gguf->n_key; i++)
	{
		const SlmGgufKey *key = &gguf->key[i];
		char *name = strndup(key->name.data, key->name.size);
		uint64_t at = 0, n = 0;
		bool found, flag;
		const SlmGgufKey *array;
		int64_t number;
		float real;
		SlmError err;
		SlmText text;
		int held = 0;

		if (slm_gguf_find(gguf, name) != key)
			abort();
		held += slm_gguf_get_int(gguf, name, 0, 1000, &found, &number, &err) == SLM_OK;
		held += slm_gguf_get_float(gguf, name, &found, &real, &err) == SLM_OK;
		held += slm_gguf_get_bool(gguf, name, &found, &flag, &err) == SLM_OK;
		if (slm_gguf_get_string(gguf, name, &found, &text, &err) == SLM_OK)
		{
			held++;
			for (size_t k = 0; k < text.size; k++)
				sink ^= (uint8_t) text.data[k];
		}
		if (slm_gguf_get_array(gguf, name, SLM_GGUF_STRING, &found, &array, &err) == SLM_OK)
		{
			held++;
			while (slm_gguf_next_string(array, &at, &text))
			{
				n++;
				if (text.size > 0)
					sink ^= (uint8_t) text.data[text.size - 1];
			}
			if (n != array->count || at != array->value_bytes)
				abort();
		}
		if (held > 1)
			abort();
		for (uint64_t k = 0; k < key->value_bytes; k++)
			sink ^= key->value[k];
		free(name);
	}
	(void) sink;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size > 0 ? size * data[size / 2] / 256 : 0;
	uint8_t *head = malloc(cut > 0 ? cut : 1);
	bool need_more;
	SlmArena arena;
	SlmError err, cut_err;
	SlmGguf gguf;
	SlmStatus status, cut_status;

	slm_arena_init(&arena, test_host(), ARENA_MAX);
	status = slm_gguf_parse(data, size, size, test_host(), &arena, &gguf, &need_more, &err);
	if (need_more)
		abort();
	if (status == SLM_OK)
		use(&gguf, data, size);
	if (arena.held_bytes > 8 * size + (1 << 20))
		abort();
	slm_arena_trim(&arena, 0);

	if (cut > 0)
		memcpy(head, data, cut);
	cut_status = slm_gguf_parse(head, cut, size, test_host(), &arena, &gguf, &need_more, &cut_err);
	if (!need_more &&
		(cut_status != status || (status != SLM_OK && strcmp(err.message, cut_err.message) != 0)))
		abort();
	if (need_more && cut_status != SLM_OK)
		abort();
	slm_arena_trim(&arena, 0);
	free(head);
	if (test_host_state.live_allocs != 0)
		abort();
	return 0;
}
