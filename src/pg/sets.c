/*
 * sets.c - what arguments were turned into, once per backend
 */
#include "postgres.h"

#include "pg/sets.h"

static SlmMemo sets = {
	.name = "slm label and field sets",
	.n_entry_max = 32,
	.n_bytes_max = 4 * 1024 * 1024,
	.keeps_largest = true, /* else a large set would be embedded for each row */
};

const void *
slm_set_find(const StringInfoData *key)
{
	SlmMemoEntry *entry = slm_memo_find(&sets, key->data, key->len);

	return entry != NULL ? entry->value : NULL;
}

const void *
slm_set_add(const StringInfoData *key, const void *set, Size size)
{
	return slm_memo_add(&sets, key->data, key->len, set, size)->value;
}
