/*
 * worker_request.c - prompts and answers as they travel between processes
 *
 * A request is one piece of memory, read by a process of the same build
 * (SLM_WORKER_VERSION).  The reader copies it first and checks that it is whole: it
 * came through memory that others write to.
 */
#include "postgres.h"

#include "base/limits.h"
#include "pg/form.h"
#include "pg/registry.h"
#include "pg/worker.h"

#define ROOM(size) TYPEALIGN64(8, size)

/* Takes the next part of a request, of so many bytes. */
static char *
next_part(char **at, Size size)
{
	char *part = *at;

	*at += ROOM(size);
	return part;
}

static void
put_text(char **at, SlmText text, Size *size)
{
	*size = text.size;
	if (text.size > 0)
		memcpy(next_part(at, text.size), text.data, text.size);
}

SlmRequest *
slm_request_make(const SlmCall *call, const SlmPrompt *prompt)
{
	const SlmModelOptions *options = call->run.options;
	SlmText format = options->prompt_format, schema = {NULL, 0};
	bool of_fields = false;
	SlmRequest *request;
	Size size;
	char *at;

	if (prompt->constraint != NULL && !slm_form_source(prompt->constraint, &schema, &of_fields))
		return NULL;
	if (prompt->system.size > SLM_MAX_REQUEST_BYTES || prompt->user.size > SLM_MAX_REQUEST_BYTES ||
		prompt->input.size > SLM_MAX_REQUEST_BYTES || schema.size > SLM_MAX_REQUEST_BYTES)
		return NULL;
	size = ROOM(sizeof(*request)) + ROOM(schema.size) + ROOM(format.size) +
		   ROOM(prompt->system.size) + ROOM(prompt->user.size) + ROOM(prompt->input.size);
	if (size > SLM_MAX_REQUEST_BYTES)
		return NULL;

	request = palloc0(size);
	request->size = size;
	memcpy(request->sha256, slm_model_mapping(call->ref)->sha256, SLM_SHA256_BYTES);
	request->owner = call->owner;
	request->model = call->ref->name;
	request->pooling = (int32) options->pooling;
	request->context_length = options->context_length;
	request->overflow = (int32) options->overflow;
	request->cache_type = (int32) options->cache_type;
	request->max_input_tokens = call->run.max_input_tokens;
	request->max_tokens = prompt->max_tokens;
	request->max_words = prompt->max_words;
	request->sampling = prompt->sampling;
	request->of_fields = of_fields;
	at = (char *) request + ROOM(sizeof(*request));
	put_text(&at, schema, &request->schema_size);
	put_text(&at, format, &request->prompt_format_size);
	put_text(&at, prompt->system, &request->system_size);
	put_text(&at, prompt->user, &request->user_size);
	put_text(&at, prompt->input, &request->input_size);
	Assert(at == (char *) request + size);
	return request;
}

bool
slm_request_view(const SlmRequest *request, SlmRequestView *out)
{
	const Size part[] = {request->schema_size, request->prompt_format_size, request->system_size,
						 request->user_size, request->input_size};
	Size size = ROOM(sizeof(*request));
	char *at = (char *) request + size;

	for (int i = 0; i < lengthof(part); i++)
	{
		if (part[i] > SLM_MAX_REQUEST_BYTES)
			return false;
		size += ROOM(part[i]);
	}
	if (size != request->size)
		return false;

	memset(out, 0, sizeof(*out));
	slm_model_options_init(&out->options);
	out->options.pooling = (SlmPooling) request->pooling;
	out->options.context_length = request->context_length;
	out->options.overflow = request->overflow;
	out->options.cache_type = (SlmDtype) request->cache_type;
	out->prompt.max_tokens = request->max_tokens;
	out->prompt.max_words = request->max_words;
	out->prompt.sampling = request->sampling;
	out->schema = (Jsonb *) next_part(&at, request->schema_size);
	if (request->schema_size == 0)
		out->schema = NULL;
	out->options.prompt_format.size = request->prompt_format_size;
	out->options.prompt_format.data = next_part(&at, request->prompt_format_size);
	out->prompt.system = (SlmText){next_part(&at, request->system_size), request->system_size};
	out->prompt.user = (SlmText){next_part(&at, request->user_size), request->user_size};
	out->prompt.input = (SlmText){next_part(&at, request->input_size), request->input_size};
	return true;
}

SlmReply *
slm_reply_make(const SlmWritten *written, const SlmError *err)
{
	Size text_size = written != NULL ? written->text.size : 0;
	SlmReply *reply = palloc0(sizeof(*reply) + text_size);

	reply->size = sizeof(*reply) + text_size;
	if (written == NULL)
	{
		reply->err = *err;
		return reply;
	}
	reply->text_size = text_size;
	reply->n_token = written->n_token;
	reply->n_forced = written->n_forced;
	reply->ended = written->ended;
	reply->n_token_in = (uint64) written->n_read;
	reply->n_token_kept = (uint64) written->n_kept;
	if (text_size > 0)
		memcpy(reply + 1, written->text.data, text_size);
	return reply;
}
