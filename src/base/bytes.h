/*
 * bytes.h - a reader that cannot run past its end
 *
 * Little-endian reads from a byte range.  A read that does not fit returns
 * false and leaves the reader where it was; nothing is read through a pointer
 * that might be unaligned.
 */
#ifndef SLM_BASE_BYTES_H
#define SLM_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "slm runs on little-endian machines only"
#endif

typedef struct SlmBytes
{
	const uint8_t *data;
	size_t size;
	size_t at; /* next byte; at <= size always */
} SlmBytes;

static inline size_t
slm_bytes_left(const SlmBytes *bytes)
{
	return bytes->size - bytes->at;
}

/* Copies n bytes to out. */
static inline bool
slm_bytes_read(SlmBytes *bytes, void *out, size_t n)
{
	if (n > slm_bytes_left(bytes))
		return false;
	memcpy(out, bytes->data + bytes->at, n);
	bytes->at += n;
	return true;
}

/* Gives a pointer to n bytes inside the range and steps over them. */
static inline bool
slm_bytes_take(SlmBytes *bytes, uint64_t n, const uint8_t **out)
{
	if (n > slm_bytes_left(bytes))
		return false;
	*out = bytes->data + bytes->at;
	bytes->at += (size_t) n;
	return true;
}

#define SLM_BYTES_GETTER(name, type)                                                               \
	static inline bool name(SlmBytes *bytes, type *out)                                            \
	{                                                                                              \
		return slm_bytes_read(bytes, out, sizeof(*out));                                           \
	}
SLM_BYTES_GETTER(slm_bytes_u8, uint8_t)
SLM_BYTES_GETTER(slm_bytes_u32, uint32_t)
SLM_BYTES_GETTER(slm_bytes_u64, uint64_t)
#undef SLM_BYTES_GETTER

#endif
