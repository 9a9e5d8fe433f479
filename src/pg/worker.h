/*
 * worker.h - background workers that write for sessions
 *
 * A token that a model generates costs one pass over its weights, for one text or for
 * sixteen.  So sessions that ask the same model at one time let a worker write for
 * them: worker_client.c decides and asks, worker_slots.c is what lies between,
 * worker_main.c writes.  docs/WORKERS.md has the whole.
 */
#ifndef SLM_PG_WORKER_H
#define SLM_PG_WORKER_H

#include "pg/call.h"
#include "pg/shmem.h"

/* Changes with SlmRequest, SlmReply and SLM_RESULTS_VERSION: both sides must be of one build. */
#define SLM_WORKER_VERSION (1000 * SLM_RESULTS_VERSION + 1)

/* ---- What travels (worker_request.c) ---- */

/* A prompt; its texts follow, each at a multiple of 8 bytes. */
typedef struct SlmRequest
{
	Size size; /* of all */
	uint8 sha256[SLM_SHA256_BYTES];
	SlmPromptOwner owner;
	NameData model;

	/* SlmModelOptions, as far as writing depends on them */
	int32 pooling;
	int32 context_length;
	int32 overflow;
	int32 cache_type;
	Size prompt_format_size;

	/* SlmPrompt */
	int32 max_input_tokens;
	int32 max_tokens;
	int32 max_words;
	SlmSampling sampling;
	bool of_fields;   /* the schema is one of fields to extract */
	Size schema_size; /* 0: none */
	Size system_size;
	Size user_size;
	Size input_size;
} SlmRequest;

/* What came of it; the text follows. */
typedef struct SlmReply
{
	Size size;
	bool declined; /* the worker cannot; the session can */
	SlmError err;  /* of status SLM_OK when there is a text */
	Size text_size;
	int32 n_token;
	int32 n_forced;
	bool ended;
	uint64 n_token_in;
	uint64 n_token_kept;
} SlmReply;

/* The request of a call, palloc'd; NULL when it is too large to travel. */
extern SlmRequest *slm_request_make(const SlmCall *call, const SlmPrompt *prompt);

/* A request as it was, but for its constraint; texts are the request's. */
typedef struct SlmRequestView
{
	SlmModelOptions options;
	SlmPrompt prompt;
	Jsonb *schema; /* or NULL */
} SlmRequestView;

/* False when the request is not whole. */
extern bool slm_request_view(const SlmRequest *request, SlmRequestView *out);

/* palloc'd; written may be NULL where err says why there is none. */
extern SlmReply *slm_reply_make(const SlmWritten *written, const SlmError *err);

static inline SlmText
slm_reply_text(const SlmReply *reply)
{
	return (SlmText){(const char *) (reply + 1), reply->text_size};
}

/* ---- What lies between (worker_slots.c) ---- */

/* The area of texts, attached; NULL when there cannot be one.  May raise. */
extern dsa_area *slm_texts(void);

/* Copies into it and out of it, palloc'd; 0 when there is no room. */
extern dsa_pointer slm_text_put(dsa_area *texts, const void *data, Size size);
extern void *slm_text_get(dsa_area *texts, dsa_pointer from);
extern void slm_text_free(dsa_area *texts, dsa_pointer *text);

/* Empties a slot that is the caller's; takes the lock. */
extern void slm_slot_free(dsa_area *texts, SlmWorkerSlot *slot);

/* Wakes a worker; the lock is held. */
extern void slm_worker_wake(const SlmWorkerProcess *worker);

#define SLM_WORKER_STAYS "stays" /* in bgw_extra: does not end when it has nothing to do */

/* Registers a worker of an index. */
extern bool slm_worker_register(int index);

/* ---- The session's side (worker_client.c) ---- */

/* Where a call's texts are written, by slm.execution; NULL: here. */
extern SlmOutlet *slm_worker_outlet(SlmCall *call);

/* The call has ended, whatever came of it. */
extern void slm_worker_call_ended(void);

/* From _PG_init. */
extern void slm_worker_init(void);

#endif
