/*
 * hash.c - SHA-256 by the host, in steps that can be cancelled, and its hexadecimal form
 */
#include "base/hash.h"

#include "base/limits.h"

SlmStatus
slm_hash_update(const SlmHost *host, void *state, const uint8_t *data, size_t n, SlmError *err)
{
	for (size_t at = 0; at < n; at += SLM_POLL_BYTES)
	{
		size_t part = n - at < SLM_POLL_BYTES ? n - at : SLM_POLL_BYTES;

		SLM_TRY(slm_poll(host, err));
		if (!host->sha256_update(host->arg, state, data + at, part))
			return slm_fail(err, SLM_ERR_INTERNAL, "could not compute SHA-256");
	}
	return SLM_OK;
}

SlmStatus
slm_hash(const SlmHost *host, const uint8_t *data, size_t n, uint8_t out[SLM_SHA256_BYTES],
		 SlmError *err)
{
	void *state = host->sha256_start(host->arg);
	SlmStatus status;

	if (state == NULL)
		return slm_fail(err, SLM_ERR_NO_MEMORY, "out of memory: could not start SHA-256");
	status = slm_hash_update(host, state, data, n, err);
	if (!host->sha256_finish(host->arg, state, status == SLM_OK ? out : NULL) && status == SLM_OK)
		status = slm_fail(err, SLM_ERR_INTERNAL, "could not compute SHA-256");
	return status;
}

void
slm_hash_to_hex(const uint8_t hash[SLM_SHA256_BYTES], char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < SLM_SHA256_BYTES; i++)
	{
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[SLM_HASH_HEX_CHARS] = '\0';
}
