/*
 * added.c - tokens that stand in a text as they are spelled
 */
#include "tokenizer/added.h"

#include "base/limits.h"

#define POLL_TOKENS 4096
#define POLL_SEARCHES 256 /* each may be over as many bytes as the longest spelling has */

/* Writes a spelling, spaces as U+2581; returns its bytes. */
static size_t
escape(SlmText spelling, bool escapes, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < spelling.size; i++)
	{
		if (escapes && spelling.data[i] == ' ')
		{
			for (int j = 0; j < SLM_WORD_START_BYTES; j++)
				out[n++] = (uint8_t) SLM_WORD_START[j];
		}
		else
			out[n++] = (uint8_t) spelling.data[i];
	}
	return n;
}

SlmStatus
slm_added_build(SlmBuild *build, bool escapes, SlmError *err)
{
	const SlmVocab *vocab = &build->vocab;
	uint8_t spelling[SLM_MAX_ADDED_BYTES * SLM_WORD_START_BYTES];
	SlmTrieBuilder builder;
	SlmTrie trie;
	uint64_t bytes = 0;

	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (i % POLL_TOKENS == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (!slm_vocab_is_added(vocab, i))
			continue;
		if (vocab->token[i].size > SLM_MAX_ADDED_BYTES)
			return slm_fail(err, SLM_ERR_LIMIT,
							"tokenizer.ggml.tokens[%d] is user-defined and has %zu bytes, over the "
							"limit of %d",
							i, vocab->token[i].size, SLM_MAX_ADDED_BYTES);
		bytes += vocab->token[i].size * (escapes ? SLM_WORD_START_BYTES : 1);
	}
	if (bytes == 0)
		return SLM_OK;
	SLM_TRY(slm_trie_builder_init(&builder, bytes, build->arena, err));
	for (int32_t i = 0; i < vocab->n; i++)
	{
		if (i % POLL_TOKENS == 0)
			SLM_TRY(slm_poll(build->host, err));
		if (slm_vocab_is_added(vocab, i))
			SLM_TRY(slm_trie_builder_add(&builder, -1, spelling,
										 escape(vocab->token[i], escapes, spelling), i, err));
	}
	SLM_TRY(slm_trie_builder_finish(&builder, build->host, build->arena, &trie, err));
	build->part[SLM_SECTION_ADDED] =
		(SlmBlobPart){trie.unit, (uint64_t) trie.n * sizeof(*trie.unit)};
	return SLM_OK;
}

SlmAdded
slm_added_open(const void *blob, const SlmBlobHeader *header, bool escapes)
{
	return (SlmAdded){slm_blob_trie(blob, header, SLM_SECTION_ADDED), header->n_vocab, escapes};
}

/* One more byte of a text, as the spellings have it. */
static uint32_t
step(const SlmAdded *added, uint32_t node, uint8_t byte)
{
	if (!added->escapes || byte != ' ')
		return slm_trie_step(&added->trie, node, byte);
	for (int i = 0; i < SLM_WORD_START_BYTES; i++)
	{
		node = slm_trie_step(&added->trie, node, (uint8_t) SLM_WORD_START[i]);
		if (node == SLM_TRIE_NONE)
			break;
	}
	return node;
}

static int32_t
id_at(const SlmAdded *added, uint32_t node)
{
	int32_t id = slm_trie_value(&added->trie, node);

	return id < added->n_vocab ? id : -1;
}

int32_t
slm_added_find(const SlmAdded *added, const uint8_t *text, uint32_t n, uint32_t at, bool prefix,
			   uint32_t *end)
{
	const uint32_t most_bytes = SLM_MAX_ADDED_BYTES * SLM_WORD_START_BYTES;
	uint32_t most = n - at < most_bytes ? n : at + most_bytes;
	uint32_t node = SLM_TRIE_ROOT;
	int32_t found = -1;

	if (added->trie.n == 0)
		return -1;
	if (prefix)
	{
		node = step(added, node, ' ');
		if (node == SLM_TRIE_NONE)
			return -1;
		found = id_at(added, node);
		*end = at;
	}
	for (uint32_t i = at; i < most; i++)
	{
		int32_t id;

		node = step(added, node, text[i]);
		if (node == SLM_TRIE_NONE)
			break;
		id = id_at(added, node);
		if (id >= 0)
		{
			found = id;
			*end = i + 1;
		}
	}
	return found;
}

SlmStatus
slm_added_next(const SlmAdded *added, const SlmRun *run, uint32_t at, uint32_t *start,
			   uint32_t *end, int32_t *id)
{
	*start = *end = run->n;
	*id = -1;
	for (; added->trie.n > 0 && at < run->n; at++)
	{
		if (at % POLL_SEARCHES == 0)
			SLM_TRY(slm_poll(run->host, run->err));
		*id = slm_added_find(added, run->text, run->n, at, false, end);
		if (*id < 0)
			continue;
		*start = at;
		break;
	}
	return SLM_OK;
}
