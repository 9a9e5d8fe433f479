/*
 * buffer.h - bytes that grow in an arena
 */
#ifndef SLM_TASK_BUFFER_H
#define SLM_TASK_BUFFER_H

#include <string.h>

#include "base/arena.h"

#define SLM_BUFFER_BYTES 512 /* of the first piece of memory */

/* {0} is empty. */
typedef struct SlmBuffer
{
	char *data;
	size_t n, room;
} SlmBuffer;

/* Appends n bytes.  Memory doubles; what was outgrown stays in the arena. */
static inline SlmStatus SLM_MUST_CHECK
slm_buffer_put(SlmBuffer *buffer, SlmArena *arena, const void *data, size_t n, SlmError *err)
{
	if (n > buffer->room - buffer->n)
	{
		size_t room = buffer->room > 0 ? buffer->room * 2 : SLM_BUFFER_BYTES;
		char *larger;

		while (room - buffer->n < n)
			room *= 2;
		SLM_TRY(SLM_NEW_ARRAY(arena, room, &larger, err));
		if (buffer->n > 0)
			memcpy(larger, buffer->data, buffer->n);
		buffer->data = larger;
		buffer->room = room;
	}
	if (n > 0)
		memcpy(buffer->data + buffer->n, data, n);
	buffer->n += n;
	return SLM_OK;
}

#endif
