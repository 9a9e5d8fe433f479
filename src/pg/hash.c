/*
 * hash.c - SHA-256 of what is in memory, and read from its hexadecimal form
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/limits.h"
#include "pg/hash.h"
#include "pg/pg_host.h"

void
slm_hash_bytes(const void *data, size_t n, uint8 out[SLM_SHA256_BYTES])
{
	const SlmHost *host = &slm_pg_host;
	void *state = host->sha256_start(host->arg);
	bool done = state != NULL;

	for (size_t at = 0; done && at < n; at += SLM_POLL_BYTES)
	{
		CHECK_FOR_INTERRUPTS(); /* the state is remembered for the end of the transaction */
		done = host->sha256_update(host->arg, state, (const char *) data + at,
								   Min(n - at, (size_t) SLM_POLL_BYTES));
	}
	if (state != NULL && !host->sha256_finish(host->arg, state, out))
		done = false;
	if (!done)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not compute SHA-256")));
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool
slm_hash_from_hex(const char *text, uint8 hash[SLM_SHA256_BYTES])
{
	if (strlen(text) != SLM_HASH_HEX_CHARS)
		return false;
	for (int i = 0; i < SLM_SHA256_BYTES; i++)
	{
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		hash[i] = (uint8) (high << 4 | low);
	}
	return true;
}
