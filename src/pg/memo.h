/*
 * memo.h - what a backend remembers between calls
 *
 * A small store from byte strings to byte strings, least recently used out
 * first.  Keys are compared byte for byte, so a hit is never a guess.
 */
#ifndef SLM_PG_MEMO_H
#define SLM_PG_MEMO_H

#define SLM_MEMO_ENTRIES_MAX 64

typedef struct SlmMemoEntry
{
	uint64 hash; /* of the key */
	uint64 used; /* the store's clock at the last use; 0: free entry */
	char *key;   /* key, then value, in one allocation */
	Size key_size;
	char *value; /* MAXALIGNed */
	Size value_size;
} SlmMemoEntry;

typedef struct SlmMemo
{
	const char *name;   /* of the memory context */
	int n_entry_max;    /* <= SLM_MEMO_ENTRIES_MAX */
	Size n_bytes_max;   /* of all keys and values, see slm_memo_add */
	bool keeps_largest; /* a single value may exceed n_bytes_max, alone */

	/* zero at the start */
	MemoryContext context;
	uint64 clock;
	Size n_bytes;
	SlmMemoEntry entry[SLM_MEMO_ENTRIES_MAX];
} SlmMemo;

/* The entry of a key, now the most recently used one; NULL when unknown. */
extern SlmMemoEntry *slm_memo_find(SlmMemo *memo, const char *key, Size key_size);

/*
 * Remembers a copy of value under a key that is not there yet, and gives its
 * entry, which stays until the next slm_memo_add().  NULL when it is larger than
 * the whole store and the store does not keep such values.
 */
extern SlmMemoEntry *slm_memo_add(SlmMemo *memo, const char *key, Size key_size, const void *value,
								  Size value_size);

#endif
