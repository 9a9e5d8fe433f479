/*
 * fuzz_scan.c - any text through the scanners, any span through normalization
 *
 * Input: a text.  Spans keep the promises of scan.h; what normalizes is a fixed
 * point: its canonical spelling normalizes to itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "host.h"
#include "task/scan.h"

#define MAX_SCRATCH_BYTES ((size_t) 256 << 20)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_normal(SlmText value)
{
	for (int type = 0; type < SLM_VALUE_TYPE_COUNT; type++)
	{
		SlmNormal once, twice;

		if (!slm_normalize_value((SlmValueType) type, value, false, &once))
			continue;
		if (once.size == 0 || once.size > SLM_NORMAL_BYTES)
			abort();
		/* a number of hundreds of digits is past what is read */
		if (!slm_normalize_value((SlmValueType) type, (SlmText){once.data, once.size}, false,
								 &twice))
		{
			if (type > SLM_VALUE_NUMBER || once.size <= 40)
				abort();
		}
		else if (twice.size != once.size || memcmp(twice.data, once.data, once.size) != 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static SlmArena arena;
	SlmText text = {(const char *) data, size};
	size_t end[SLM_KIND_COUNT] = {0};
	SlmFound *found;
	size_t n;
	SlmError err;
	SlmStatus status;
	bool is_valid = slm_utf8_valid_bytes(data, size) == size;

	if (arena.host == NULL)
		slm_arena_init(&arena, test_host(), MAX_SCRATCH_BYTES);
	slm_arena_reset(&arena);
	if (size > 0)
		check_normal(text);
	status =
		slm_scan(text, SLM_KIND_SET(SLM_KIND_COUNT) - 1, test_host(), &arena, &found, &n, &err);
	if (status != (is_valid ? SLM_OK : SLM_ERR_ENCODING))
		abort();
	for (size_t i = 0; status == SLM_OK && i < n; i++)
	{
		const SlmFound *f = &found[i];

		if (f->kind >= SLM_KIND_COUNT || f->size == 0 || f->start < end[f->kind] ||
			f->start + f->size > size ||
			(i > 0 &&
			 (f->start < f[-1].start || (f->start == f[-1].start && f->kind <= f[-1].kind))) ||
			slm_utf8_valid_bytes(data + f->start, f->size) != f->size)
			abort();
		end[f->kind] = f->start + f->size;
		check_normal((SlmText){text.data + f->start, f->size});
	}
	return 0;
}
