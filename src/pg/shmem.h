/*
 * shmem.h - the small piece of shared memory that slm asks for
 */
#ifndef SLM_PG_SHMEM_H
#define SLM_PG_SHMEM_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "utils/dsa.h"

#include "pg/stats.h"

#define SLM_SHARED_IMAGES 64 /* images whose users are counted */
#define SLM_AGREEMENTS 64    /* statements whose processes agree on a content */
#define SLM_STAT_ROWS 128    /* rows of slm_stat_calls, "other" aside */
#define SLM_STAT_COUNTERS 10 /* of SlmCallCounts */
#define SLM_TAGGER_SLOTS 32  /* databases that have a tagger's worker at a time */
#define SLM_TAGGER_BLAMES 8  /* taggers that a worker ended in, and no next one has seen */
#define SLM_WORKERS 8        /* workers that write for sessions, at most (slm.workers) */
#define SLM_WORKER_SLOTS 64  /* requests that sessions have with them at a time */
#define SLM_ACTIVITIES 64    /* processes whose work slm_activity shows, requests aside */

/* Who called what. */
typedef struct SlmStatKey
{
	Oid roleid;
	Oid databaseid;
	Oid serverid;
	int32 verb;
} SlmStatKey;

typedef struct SlmStatRow
{
	SlmStatKey key;
	NameData model; /* its name when the row was made */
	pg_atomic_uint64 count[SLM_STAT_COUNTERS];
} SlmStatRow;

/* An image and the number of processes that have it mapped; 0: free slot. */
typedef struct SlmSharedImage
{
	uint8 sha256[SLM_SHA256_BYTES];
	int n_user;
} SlmSharedImage;

/* The content a statement runs on, for its leader and its workers. */
typedef struct SlmAgreement
{
	TimestampTz statement; /* 0: free */
	int leader_pid;
	Oid serverid;
	uint32 file; /* hash of the option: it can change within the statement */
	uint8 sha256[SLM_SHA256_BYTES];
} SlmAgreement;

/* A database whose queues a worker empties. */
typedef struct SlmTaggerSlot
{
	Oid databaseid; /* InvalidOid: free */
	int pid;        /* 0: it is being started */
	bool wake;      /* rows were committed since the worker looked */
	TimestampTz started;
} SlmTaggerSlot;

/* What a worker was running when it had to end. */
typedef struct SlmTaggerBlame
{
	Oid databaseid; /* InvalidOid: free */
	NameData tagger;
} SlmTaggerBlame;

/* How far a request is. */
typedef enum SlmSlotState
{
	SLM_SLOT_FREE = 0,
	SLM_SLOT_QUEUED,   /* the session has put it there */
	SLM_SLOT_TAKEN,    /* a worker has it */
	SLM_SLOT_ANSWERED, /* a worker is done with it */
	SLM_SLOT_LOST      /* a worker cannot do it: it ended, or has not got the model */
} SlmSlotState;

/*
 * A request, from a session to a worker.  The session owns it, but while it is
 * TAKEN: then the session can only say that it has gone, and the worker frees it.
 */
typedef struct SlmWorkerSlot
{
	SlmSlotState state;
	bool abandoned;
	int worker; /* index of whom it is for; -1: of one that has ended */
	int client_pid;
	Oid roleid; /* whose request it is */
	Oid session_roleid;
	Oid databaseid;
	char fingerprint[SLM_FINGERPRINT_CHARS];
	NameData model;
	TimestampTz since;
	int32 n_written;     /* tokens so far */
	dsa_pointer request; /* SlmRequest */
	dsa_pointer answer;  /* SlmReply; ANSWERED only */
	ConditionVariable done;
} SlmWorkerSlot;

/* A worker that writes for sessions. */
typedef struct SlmWorkerProcess
{
	int pid;                                 /* 0: there is none, or it is being started */
	int procno;                              /* of its latch */
	uint32 version;                          /* SLM_WORKER_VERSION of its library */
	bool leave;                              /* it is asked to end */
	TimestampTz started;                     /* it was registered then; 0: it was not */
	char fingerprint[SLM_FINGERPRINT_CHARS]; /* of the model it writes with */
} SlmWorkerProcess;

/* What a process is at, where it is not to be seen from its request. */
typedef enum SlmActivityKind
{
	SLM_ACTIVITY_WRITES = 0, /* a session writes itself */
	SLM_ACTIVITY_WORKER,
	SLM_ACTIVITY_TAGGER,
	SLM_ACTIVITY_BACKFILL
} SlmActivityKind;

typedef struct SlmActivity
{
	int pid; /* 0: free */
	SlmActivityKind kind;
	Oid roleid;
	NameData name; /* of a model or tagger */
	char fingerprint[SLM_FINGERPRINT_CHARS];
	int64 rows;
	int64 tokens;
	TimestampTz since;
} SlmActivity;

typedef struct SlmShared
{
	uint32 abi;  /* SLM_SHARED_ABI of who created it */
	LWLock lock; /* guards what follows, except that counters are atomic */
	int n_row;
	SlmStatRow row[SLM_STAT_ROWS + 1]; /* the last one is "other" */
	SlmSharedImage image[SLM_SHARED_IMAGES];
	int next_agreement; /* a ring: the oldest is overwritten */
	SlmAgreement agreement[SLM_AGREEMENTS];
	SlmTaggerSlot tagger[SLM_TAGGER_SLOTS];
	int next_blame; /* a ring */
	SlmTaggerBlame blame[SLM_TAGGER_BLAMES];

	LWLock worker_lock; /* guards what follows; never held while the other one is taken */
	SlmWorkerProcess worker[SLM_WORKERS];
	SlmWorkerSlot slot[SLM_WORKER_SLOTS];
	SlmActivity activity[SLM_ACTIVITIES];

	LWLock texts_lock; /* guards the making of the area */
	dsa_handle texts;  /* of requests and answers; 0: not made yet */
	int texts_tranche;
	pg_atomic_uint64 text_bytes; /* of it in use */
} SlmShared;

/*
 * The shared struct, attached at the first call; NULL when there is no room for
 * it, or a server started with another version of slm owns it.  Never raises.
 */
extern SlmShared *slm_shared(void);

/* From _PG_init: asks for room when the library is preloaded. */
extern void slm_shared_init(void);

/* Counts this process as a user of an image; a slot for slm_shared_leave(), or -1. */
extern int slm_shared_enter(const uint8 sha256[SLM_SHA256_BYTES]);
extern void slm_shared_leave(int slot);

/*
 * Settles what content a statement runs on, among its leader and its workers:
 * the first process to ask settles it.  Takes the content that the caller would
 * use, gives the one to use; true when they differ.
 */
extern bool slm_shared_agree(TimestampTz statement, Oid serverid, const char *file,
							 uint8 sha256[SLM_SHA256_BYTES]);

/* Number of processes that have an image mapped. */
extern int slm_shared_users(const uint8 sha256[SLM_SHA256_BYTES]);

#endif
