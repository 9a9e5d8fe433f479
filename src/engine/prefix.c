/*
 * prefix.c - beginnings of prompts that a decoder has read, kept for those that begin alike
 */
#include "engine/prefix.h"

#include <string.h>

/* Tokens that two sequences begin with. */
static int
count_common(const int32_t *a, int n_a, const int32_t *b, int n_b)
{
	int i = 0;

	while (i < n_a && i < n_b && a[i] == b[i])
		i++;
	return i;
}

static bool
is_owner(SlmText owner, const char *bytes, size_t n)
{
	return owner.size == n && memcmp(owner.data, bytes, n) == 0;
}

/* Is a beginning there, its owner's, and of use to a sequence? */
static bool
is_of_use(const SlmPrefix *prefix, const SlmDecoder *d, int sequence)
{
	return prefix->used > 0 && prefix->of_long == slm_decoder_is_long(d, sequence) &&
		   is_owner(slm_decoder_run(d)->owner, prefix->owner, prefix->owner_size);
}

/* Is anything kept for a run? */
static bool
keeps(const SlmRun *run)
{
	/* what is read all at once has no beginning of use to others */
	return !slm_model_info(run->model)->reads_whole && run->prefixes != NULL &&
		   run->prefixes->max_bytes > 0 && run->owner.size > 0 &&
		   run->owner.size <= SLM_PREFIX_OWNER_BYTES;
}

static void
forget(SlmPrefixes *p, SlmPrefix *prefix)
{
	p->host->release(p->host->arg, prefix->id);
	p->n_byte -= prefix->n_byte;
	prefix->used = 0;
}

/* The one used longest ago; NULL when there is none. */
static SlmPrefix *
oldest(SlmPrefixes *p)
{
	SlmPrefix *found = NULL;

	for (int i = 0; i < SLM_PREFIXES; i++)
		if (p->prefix[i].used > 0 && (found == NULL || p->prefix[i].used < found->used))
			found = &p->prefix[i];
	return found;
}

void
slm_prefixes_limit(SlmPrefixes *p, size_t max_bytes)
{
	p->max_bytes = max_bytes;
	for (SlmPrefix *one = oldest(p); one != NULL && p->n_byte > max_bytes; one = oldest(p))
		forget(p, one);
	for (int i = 0; i < SLM_RECENT_PROMPTS && max_bytes == 0; i++)
		p->recent[i].n = 0;
}

SlmStatus
slm_prefix_restore(SlmDecoder *d, int sequence, const int32_t *id, int n, SlmError *err)
{
	SlmRun *run = slm_decoder_run(d);
	SlmPrefixes *p = run->prefixes;
	SlmPrefix *best = NULL;
	int n_held = slm_decoder_length(d, sequence), n_best = n_held + SLM_PREFIX_TOKENS - 1;

	for (int i = 0; i < SLM_PREFIXES && keeps(run); i++)
	{
		SlmPrefix *one = &p->prefix[i];
		int n_common;

		if (!is_of_use(one, d, sequence))
			continue;
		n_common = count_common(one->id, one->n, id, n - 1);
		if (n_common > n_best)
		{
			n_best = n_common;
			best = one;
		}
	}
	if (best == NULL)
		return SLM_OK;
	best->used = ++p->clock;
	run->n_token_kept += (uint64_t) (n_best - n_held);
	return slm_decoder_load(d, sequence, best->saved, best->n, n_best, err);
}

int
slm_prefix_common(SlmRun *run, const int32_t *id, int n)
{
	SlmPrefixes *p = run->prefixes;
	SlmRecentPrompt *one;
	int most = 0;

	if (!keeps(run))
		return 0;
	for (int i = 0; i < SLM_RECENT_PROMPTS; i++)
	{
		one = &p->recent[i];
		if (one->n > 0 && is_owner(run->owner, one->owner, one->owner_size))
		{
			int n_common = count_common(one->id, one->n, id, n - 1);

			if (n_common > most)
				most = n_common;
		}
	}
	one = &p->recent[p->next_recent];
	p->next_recent = (p->next_recent + 1) % SLM_RECENT_PROMPTS;
	memcpy(one->owner, run->owner.data, run->owner.size);
	one->owner_size = run->owner.size;
	one->n = n < SLM_RECENT_TOKENS ? n : SLM_RECENT_TOKENS;
	memcpy(one->id, id, (size_t) one->n * sizeof(*id));
	return most;
}

static SlmPrefix *
free_place(SlmPrefixes *p)
{
	for (int i = 0; i < SLM_PREFIXES; i++)
		if (p->prefix[i].used == 0)
			return &p->prefix[i];
	return NULL;
}

/* A place for so many bytes more, at most max_bytes; the oldest make way. */
static SlmPrefix *
make_room(SlmPrefixes *p, size_t n_byte)
{
	SlmPrefix *place;

	while ((place = free_place(p)) == NULL || p->n_byte > p->max_bytes - n_byte)
		forget(p, oldest(p));
	return place;
}

/* Does a kept beginning make this one needless?  Forgets those that this one makes needless. */
static bool
is_kept(const SlmDecoder *d, int sequence, const int32_t *id, int n)
{
	SlmPrefixes *p = slm_decoder_run(d)->prefixes;

	for (int i = 0; i < SLM_PREFIXES; i++)
	{
		SlmPrefix *one = &p->prefix[i];

		if (!is_of_use(one, d, sequence) ||
			count_common(one->id, one->n, id, n) < (one->n < n ? one->n : n))
			continue;
		if (one->n >= n)
			return true;
		forget(p, one);
	}
	return false;
}

SlmStatus
slm_prefix_keep(SlmDecoder *d, int sequence, const int32_t *id, int n, SlmError *err)
{
	SlmRun *run = slm_decoder_run(d);
	SlmPrefixes *p = run->prefixes;
	uint64_t n_saved = slm_decoder_saved_bytes(d, n);
	size_t n_id = ((size_t) n + 15) / 16 * 16; /* what follows is aligned as the whole is */
	SlmPrefix *prefix;
	SlmStatus status;
	size_t n_byte;

	if (!keeps(run) || n < SLM_PREFIX_TOKENS || n_saved > p->max_bytes)
		return SLM_OK;
	SLM_TRY(slm_poll(run->host, err));
	if (is_kept(d, sequence, id, n))
		return SLM_OK;
	n_byte = n_id * sizeof(*id) + (size_t) n_saved;
	if (n_byte > p->max_bytes)
		return SLM_OK;
	prefix = make_room(p, n_byte);
	prefix->id = p->host->alloc(p->host->arg, n_byte);
	if (prefix->id == NULL)
		return SLM_OK;
	prefix->saved = prefix->id + n_id;
	status = slm_decoder_save(d, sequence, n, prefix->saved, err);
	if (status != SLM_OK)
	{
		p->host->release(p->host->arg, prefix->id);
		return status;
	}
	memcpy(prefix->id, id, (size_t) n * sizeof(*id));
	prefix->n = n;
	prefix->of_long = slm_decoder_is_long(d, sequence);
	prefix->n_byte = n_byte;
	memcpy(prefix->owner, run->owner.data, run->owner.size);
	prefix->owner_size = run->owner.size;
	prefix->used = ++p->clock;
	p->n_byte += n_byte;
	return SLM_OK;
}
