/*
 * fold.c - text without case and accents, character by character
 */
#include "tokenizer/fold.h"

#include <string.h>

#include "base/utf8.h"
#include "tokenizer/sink.h"
#include "tokenizer/unicode.h"

static SlmStatus
put(SlmFold *fold, uint32_t cp, uint32_t start, uint32_t end, SlmError *err)
{
	uint8_t bytes[4];
	int length = slm_utf8_encode(cp, bytes);

	if (fold->capacity - fold->n < sizeof(bytes))
	{
		const SlmHost *host = fold->arena->host;
		SlmFold old = *fold;

		if (old.capacity > UINT32_MAX / 2)
			return slm_fail(err, SLM_ERR_LIMIT, "text is too long when its accents are stripped");
		fold->capacity = old.capacity > 0 ? old.capacity * 2 : 1024;
		SLM_TRY(SLM_NEW_ARRAY(fold->arena, fold->capacity, &fold->byte, err));
		SLM_TRY(SLM_NEW_ARRAY(fold->arena, fold->capacity, &fold->start, err));
		SLM_TRY(SLM_NEW_ARRAY(fold->arena, fold->capacity, &fold->end, err));
		SLM_TRY(slm_copy_polled(host, fold->byte, old.byte, old.n, err));
		SLM_TRY(slm_copy_polled(host, fold->start, old.start, old.n * sizeof(*old.start), err));
		SLM_TRY(slm_copy_polled(host, fold->end, old.end, old.n * sizeof(*old.end), err));
	}
	for (int i = 0; i < length; i++)
	{
		fold->byte[fold->n] = bytes[i];
		fold->start[fold->n] = start;
		fold->end[fold->n] = end;
		fold->n++;
	}
	return SLM_OK;
}

SlmStatus
slm_fold_take(SlmFold *fold, uint32_t cp, uint32_t start, uint32_t end, SlmError *err)
{
	uint32_t part[SLM_UNICODE_MAX_COMPAT] = {cp}, lower[2];
	int n_part = 1;

	if (fold->strip_accents && cp >= 0x80)
		n_part = slm_unicode_decompose_compat(cp, slm_unicode(cp).flags, part);
	for (int i = 0; i < n_part; i++)
	{
		uint32_t flags = slm_unicode(part[i]).flags;
		int n_lower = 1;

		if (fold->strip_accents && (flags & SLM_UNICODE_ACCENT) != 0)
		{
			/* it belongs to the character before it */
			if (fold->n > 0)
				fold->end[fold->n - 1] = end;
			continue;
		}
		lower[0] = part[i];
		if (fold->lowercase)
			n_lower = slm_unicode_lower(part[i], flags, lower);
		for (int j = 0; j < n_lower; j++)
			SLM_TRY(put(fold, lower[j], start, end, err));
	}
	return SLM_OK;
}

void
slm_fold_forget(SlmFold *fold, uint32_t n)
{
	uint32_t left = fold->n - n;

	memmove(fold->byte, fold->byte + n, left);
	memmove(fold->start, fold->start + n, left * sizeof(*fold->start));
	memmove(fold->end, fold->end + n, left * sizeof(*fold->end));
	fold->n = left;
}
