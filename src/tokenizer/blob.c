/*
 * blob.c - how a tokenizer lies in an image
 */
#include "tokenizer/blob.h"

#include <string.h>

#include "base/checked.h"
#include "base/limits.h"

#define SECTION_ALIGN 8
#define COPY_STEP_BYTES (1U << 20) /* copied between two polls */

SlmStatus
slm_blob_assemble(SlmBlobHeader *header, const SlmBlobPart part[SLM_SECTIONS], const SlmHost *host,
				  SlmArena *arena, const void **blob, size_t *blob_bytes, SlmError *err)
{
	uint64_t bytes = sizeof(*header);
	bool fits = true;
	void *memory;
	uint8_t *to;

	memcpy(header->magic, SLM_BLOB_MAGIC, sizeof(header->magic));
	for (int i = 0; i < SLM_SECTIONS; i++)
	{
		fits = fits && slm_align_u64(bytes, SECTION_ALIGN, &bytes);
		header->section[i].offset = bytes;
		header->section[i].bytes = part[i].bytes;
		fits = fits && slm_add_u64(bytes, part[i].bytes, &bytes);
	}
	fits = fits && slm_align_u64(bytes, SECTION_ALIGN, &bytes);
	if (!fits || bytes > SIZE_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, "tokenizer does not fit the address space");
	header->bytes = bytes;
	SLM_TRY(slm_arena_alloc(arena, (size_t) bytes, &memory, err));
	to = memory;
	memset(to, 0, sizeof(*header));
	memcpy(to, header, sizeof(*header));
	bytes = sizeof(*header);
	for (int i = 0; i < SLM_SECTIONS; i++)
	{
		memset(to + bytes, 0, header->section[i].offset - bytes);
		bytes = header->section[i].offset;
		for (uint64_t at = 0; at < part[i].bytes; at += COPY_STEP_BYTES)
		{
			uint64_t left = part[i].bytes - at;

			SLM_TRY(slm_poll(host, err));
			memcpy(to + bytes + at, (const uint8_t *) part[i].data + at,
				   left < COPY_STEP_BYTES ? left : COPY_STEP_BYTES);
		}
		bytes += part[i].bytes;
	}
	memset(to + bytes, 0, header->bytes - bytes);
	*blob = to;
	*blob_bytes = (size_t) header->bytes;
	return SLM_OK;
}

static bool
is_id(int32_t id, int32_t n_vocab)
{
	return id >= -1 && id < n_vocab;
}

SlmStatus
slm_blob_open(const void *blob, size_t blob_bytes, SlmBlobHeader *header, SlmError *err)
{
	if (blob_bytes < sizeof(*header) || (uintptr_t) blob % SECTION_ALIGN != 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tokenizer section has %zu bytes, fewer than its header, or is not aligned",
						blob_bytes);
	memcpy(header, blob, sizeof(*header));
	/* the copy is what is checked and used from here on */
	__asm__ volatile("" : : "r"(header) : "memory");
	if (memcmp(header->magic, SLM_BLOB_MAGIC, sizeof(header->magic)) != 0)
		return slm_fail(err, SLM_ERR_CORRUPT, "tokenizer section does not start with its magic");
	if (header->bytes > blob_bytes)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tokenizer section needs %llu bytes but the image has %zu",
						(unsigned long long) header->bytes, blob_bytes);
	if (header->n_vocab < 1 || header->n_vocab > (int32_t) SLM_MAX_VOCAB)
		return slm_fail(err, SLM_ERR_CORRUPT, "tokenizer section has %d tokens, not 1 to %u",
						header->n_vocab, SLM_MAX_VOCAB);
	if (!is_id(header->bos, header->n_vocab) || !is_id(header->eos, header->n_vocab) ||
		!is_id(header->sep, header->n_vocab) || !is_id(header->pad, header->n_vocab) ||
		!is_id(header->unk, header->n_vocab) || !is_id(header->mask, header->n_vocab))
		return slm_fail(err, SLM_ERR_CORRUPT, "tokenizer section has a special token out of range");
	for (int i = 0; i < SLM_SECTIONS; i++)
	{
		const SlmBlobRange *range = &header->section[i];

		if (range->offset > blob_bytes || range->bytes > blob_bytes - range->offset ||
			range->offset % SECTION_ALIGN != 0)
			return slm_fail(err, SLM_ERR_CORRUPT,
							"part %d of the tokenizer section lies outside it", i);
	}
	return SLM_OK;
}

SlmTrie
slm_blob_trie(const void *blob, const SlmBlobHeader *header, SlmBlobSection section)
{
	SlmTrie trie;
	uint64_t n;

	trie.unit = slm_blob_section(blob, header, section, sizeof(SlmTrieUnit), &n);
	trie.n = n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
	return trie;
}
