/*
 * memo.c - what a backend remembers between calls
 *
 * Two stores use this: label and field sets with their embeddings, so that a
 * trigger or a prepared statement pays for them once, and the last few answers, so
 * that the same call in WHERE and in SELECT computes once and a constant query
 * is embedded once per statement.  A store is a handful of entries, so a scan
 * over their hashes beats a hash table.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "pg/memo.h"
#include "pg/pg_compat.h"

static uint64
hash_of(const char *key, Size key_size)
{
	return hash_bytes_extended((const unsigned char *) key, (int) key_size, 0);
}

SlmMemoEntry *
slm_memo_find(SlmMemo *memo, const char *key, Size key_size)
{
	uint64 hash = hash_of(key, key_size);

	for (int i = 0; i < memo->n_entry_max; i++)
	{
		SlmMemoEntry *entry = &memo->entry[i];

		if (entry->used != 0 && entry->hash == hash && entry->key_size == key_size &&
			memcmp(entry->key, key, key_size) == 0)
		{
			entry->used = ++memo->clock;
			return entry;
		}
	}
	return NULL;
}

static void
forget(SlmMemo *memo, SlmMemoEntry *entry)
{
	memo->n_bytes -= entry->key_size + entry->value_size;
	entry->used = 0;
	pfree(entry->key);
}

/* The entry used longest ago; NULL when the store is empty. */
static SlmMemoEntry *
oldest_entry(SlmMemo *memo)
{
	SlmMemoEntry *oldest = NULL;

	for (int i = 0; i < memo->n_entry_max; i++)
	{
		SlmMemoEntry *entry = &memo->entry[i];

		if (entry->used != 0 && (oldest == NULL || entry->used < oldest->used))
			oldest = entry;
	}
	return oldest;
}

static SlmMemoEntry *
free_entry(SlmMemo *memo)
{
	for (int i = 0; i < memo->n_entry_max; i++)
	{
		if (memo->entry[i].used == 0)
			return &memo->entry[i];
	}
	return NULL;
}

SlmMemoEntry *
slm_memo_add(SlmMemo *memo, const char *key, Size key_size, const void *value, Size value_size)
{
	Size n_bytes = key_size + value_size;
	SlmMemoEntry *entry;
	SlmMemoEntry *oldest;

	if (n_bytes > memo->n_bytes_max && !memo->keeps_largest)
		return NULL;
	if (memo->context == NULL)
	{
		memo->context = AllocSetContextCreate(TopMemoryContext, "slm memory", ALLOCSET_SMALL_SIZES);
		MemoryContextSetIdentifier(memo->context, memo->name);
	}

	while ((oldest = oldest_entry(memo)) != NULL &&
		   (memo->n_bytes + n_bytes > memo->n_bytes_max || free_entry(memo) == NULL))
		forget(memo, oldest);

	entry = free_entry(memo);
	entry->key = MemoryContextAllocHuge(memo->context, MAXALIGN(key_size) + value_size);
	entry->key_size = key_size;
	entry->value = entry->key + MAXALIGN(key_size);
	entry->value_size = value_size;
	entry->hash = hash_of(key, key_size);
	memcpy(entry->key, key, key_size);
	memcpy(entry->value, value, value_size);
	memo->n_bytes += n_bytes;
	entry->used = ++memo->clock;
	return entry;
}
