/*
 * tagger.h - columns that a model fills: what the tagger's files share
 *
 *   tagger.c          SQL: create, drop, pause, resume, retry, drain, backfill
 *   tagger_store.c    slm's own tables: definitions, queue, progress
 *   tagger_table.c    the user's table: primary key, columns, casts
 *   tagger_trigger.c  what a statement on the table does
 *   tagger_rows.c     rows: read, computed, written
 *   tagger_batch.c    a batch: its entries claimed and settled; backfills
 *   tagger_start.c    who starts the worker of a database, and when it may end
 *   tagger_worker.c   the background worker that goes through the queues
 *
 * A row's way: a statement's trigger notes the row's key in slm_tagger_queue, in
 * the statement's own transaction.  Whoever drains takes entries with FOR UPDATE
 * SKIP LOCKED, reads the rows' texts, has them computed, and in the same
 * transaction writes the answers and deletes the entries; so a crash leaves
 * either both or none.  An answer is written only while the row, locked, still
 * has the text that it was computed of; else the entry stays and is done anew.
 *
 * Locks are taken in one order: the table's, then entries, then rows.  Rows are
 * locked with SKIP LOCKED, so that who drains never waits for a user's
 * transaction while holding others' rows.
 *
 * Rights: a tagger is its table's owner's.  Its model runs as the owner, and so do
 * reading and writing of the table, as a security-restricted operation: the
 * table's triggers and the casts of its types are code of others.
 */
#ifndef SLM_PG_TAGGER_H
#define SLM_PG_TAGGER_H

#include "access/attnum.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/array.h"
#include "utils/relcache.h"
#include "utils/timeout.h"

#include "pg/guc.h"

#define SLM_TAGGER_ROWS 256                /* most rows of one batch */
#define SLM_TAGGER_BYTES (4 * 1024 * 1024) /* most text of one, but for its last row */
#define SLM_TAGGER_MAX_ATTEMPTS 100        /* what a tagger may be given */
#define SLM_TAGGER_RETRY_S 300             /* longest wait before something is tried again */

/* ---- Definitions: tagger_store.c ---- */

/* Attributes of slm_tagger. */
enum
{
	TAGGER_NAME = 1,
	TAGGER_RELATION,
	TAGGER_SOURCE,
	TAGGER_TARGET,
	TAGGER_TASK,
	TAGGER_MODE,
	TAGGER_MODEL,
	TAGGER_PINNED,
	TAGGER_LABELS,
	TAGGER_DESCRIPTIONS,
	TAGGER_SCHEMA,
	TAGGER_INSTRUCTIONS,
	TAGGER_MIN_CONFIDENCE,
	TAGGER_MAX_WORDS,
	TAGGER_PURPOSE,
	TAGGER_DIMENSIONS,
	TAGGER_ON_ERROR,
	TAGGER_MAX_ATTEMPTS,
	TAGGER_PAUSED,
	N_TAGGER = TAGGER_PAUSED
};

#define TAGGER_FIRST_ARGUMENT TAGGER_LABELS
#define TAGGER_LAST_ARGUMENT TAGGER_DIMENSIONS

#define SLM_TASK_ARGS 7 /* at most, the input included */

/* What a tagger can do: a function, and which attributes are its arguments. */
typedef struct SlmTaggerTask
{
	const char *name;
	const char *function;    /* its array form has "_batch" behind it */
	const char *answer;      /* column of the array form */
	Oid result;              /* type of the answer */
	SlmDefaultModel model;   /* where none is named */
	int n_arg;               /* behind the input */
	int8 arg[SLM_TASK_ARGS]; /* attributes of slm_tagger */
} SlmTaggerTask;

/* A row of slm_tagger. */
typedef struct SlmTagger
{
	char *name;
	Oid relid;
	char *source;
	char *target;
	const SlmTaggerTask *task;
	bool immediate;
	bool pinned;
	bool paused;
	int max_attempts;
	Datum value[N_TAGGER + 1]; /* by attribute, from 1 */
	bool null[N_TAGGER + 1];
} SlmTagger;

/* A task by its name; NULL when there is none.  The names of all of them. */
extern const SlmTaggerTask *slm_tagger_task(const char *name);
extern char *slm_tagger_task_names(void);

/* Type of an attribute when it is an argument; the model's is a pin's or a text's. */
extern Oid slm_tagger_arg_type(int attribute, bool pinned);

/* An argument's name in SQL. */
extern const char *slm_tagger_arg_name(int attribute);

/* False when the extension is not (or no longer) in this database. */
extern bool slm_tagger_exists(void);

/* Reads a definition, palloc'd; NULL when there is none of that name.  Checks no rights. */
extern SlmTagger *slm_tagger_find(const char *name);

/* All of them, a list of SlmTagger. */
extern List *slm_tagger_list(void);

/* The definition with value[] and null[] filled, from these. */
extern void slm_tagger_fill(SlmTagger *tagger);

/*
 * Runs a statement of slm's own on its tables, as their owner; "@." in it stands
 * for the schema.  The caller is connected to SPI.  Returns the number of rows.
 */
extern uint64 slm_tagger_sql(const char *command, int n, const Oid *type, const Datum *value,
							 const char *null);

/*
 * Has the planner go by the indexes: queues, and tables while they are backfilled,
 * change faster than statistics follow.  Pass the result to AtEOXact_GUC.
 */
extern int slm_tagger_go_by_indexes(void);

/* Takes everything of a tagger out of slm's tables. */
extern void slm_tagger_forget(const char *name);

/* Notes keys in the queue, below SQL and its rights. */
typedef struct SlmQueueWriter SlmQueueWriter;
extern SlmQueueWriter *slm_queue_open(const char *tagger);
extern void slm_queue_add(SlmQueueWriter *writer, Datum key);
extern uint64 slm_queue_close(SlmQueueWriter *writer);

/* ---- The user's table: tagger_table.c ---- */

typedef struct SlmTagKey
{
	AttrNumber attnum;
	Oid type;
	int16 length;
	bool by_value;
	Oid equal; /* operators of the index */
	Oid less;
	Oid greater;
	FmgrInfo output;
} SlmTagKey;

typedef struct SlmTagTable
{
	Relation rel;
	Oid owner;
	AttrNumber source; /* 0: no such column */
	AttrNumber target;
	int n_key; /* 0: no primary key */
	SlmTagKey key[INDEX_MAX_KEYS];
} SlmTagTable;

/* Looks at an open table as a tagger does.  Lives in the current memory context. */
extern SlmTagTable *slm_tag_table(const SlmTagger *tagger, Relation rel);

/* Raises what a table lacks to be tagged. */
extern void slm_tag_table_check(const SlmTagger *tagger, const SlmTagTable *table);

/* A tagger's triggers on its table: a list of Trigger, in the relcache's memory. */
extern List *slm_tag_triggers(Relation rel, const char *tagger);

/* Has keys written in a form that does not depend on settings; pass the result to AtEOXact_GUC. */
extern int slm_tag_portable_output(void);

/* A row's key as the queue has it, text[]. */
extern Datum slm_tag_key_out(SlmTagTable *table, TupleTableSlot *slot);
extern Datum slm_tag_key_out_values(SlmTagTable *table, const Datum *value);

/* And back; raises when it is not a key of this table. */
extern void slm_tag_key_in(const SlmTagTable *table, Datum key, Datum *value);

/* "schema.table" or "ONLY schema.table". */
extern char *slm_tag_table_name(const SlmTagTable *table);

/* A column's name, quoted; an operator's, "OPERATOR(schema.=)". */
extern const char *slm_tag_column(const SlmTagTable *table, AttrNumber attnum);
extern char *slm_tag_operator(Oid oid);

/* "t.a OPERATOR(s.=) $1 AND ...", parameters from first on. */
extern char *slm_tag_key_condition(const SlmTagTable *table, int first);

/* Makes values of one type fit for a column, as an assignment would. */
typedef struct SlmTagCast
{
	ExprState *state; /* NULL: nothing to do */
	ExprContext *context;
	int16 length;
	bool by_value;
} SlmTagCast;

/*
 * Raises 42804 when the column cannot hold them.  As the table's owner: a domain's
 * constraints may be evaluated in part.
 */
extern void slm_tag_cast_init(SlmTagCast *cast, Oid from, Relation rel, AttrNumber column);
extern Datum slm_tag_cast(SlmTagCast *cast, Datum value, bool *null);

/* What runs as the table's owner. */
typedef struct SlmTagRole
{
	Oid userid;
	int sec_context;
	int nest_level;
} SlmTagRole;

extern void slm_tag_become_owner(const SlmTagTable *table, SlmTagRole *role);
extern void slm_tag_become_caller(const SlmTagRole *role);

/* ---- Triggers: tagger_trigger.c ---- */

/* The statement that writes an answer, which the tagger's own trigger passes over. */
typedef struct SlmOwnUpdate
{
	const char *tagger; /* NULL: there is none */
	int depth;          /* of triggers, in which it runs */
} SlmOwnUpdate;

extern SlmOwnUpdate slm_tagger_own_update;
extern int slm_trigger_depth(void);

/* Has a worker there when this transaction commits; says so, once, when there can be none. */
extern void slm_tagger_call_worker(void);

/* ---- Rows: tagger_rows.c, more in tagger_rows.h ---- */

/* Computes an empty batch, as the table's owner: raises what is wrong with a tagger. */
extern void slm_tagger_probe(const SlmTagger *tagger, const SlmTagTable *table);

/* ---- Batches: tagger_batch.c ---- */

typedef enum SlmTagOutcome
{
	SLM_TAG_DID,  /* n_row may be 0: nothing is due */
	SLM_TAG_GONE, /* no such tagger, or not with its table */
	SLM_TAG_PAUSED,
	SLM_TAG_DETACHED, /* its triggers are gone */
	SLM_TAG_BUSY      /* the table is locked */
} SlmTagOutcome;

typedef struct SlmTagBatch
{
	/* in */
	const char *name;
	int limit;       /* rows */
	TimestampTz due; /* entries due by then */
	bool wait;       /* for the table's lock */
	int guard_ms;    /* longest time that code of the table's owner may take; 0: any */
	TimeoutId guard; /* after twice that, for code that will not be cancelled */
	/* out */
	int n_row; /* entries or rows that were looked at */
	int n_tagged;
	int n_failed;
} SlmTagBatch;

/* One batch from the queue, in the current transaction, which must see a fresh snapshot. */
extern SlmTagOutcome slm_tag_queue_batch(SlmTagBatch *batch);

/*
 * One of a backfill: rows behind slm_tagger_backfill.key in the order of the
 * primary key.  Sets done behind the last one.
 */
extern SlmTagOutcome slm_tag_backfill_batch(SlmTagBatch *batch, bool all_rows, bool *done);

/* When something that has failed so often is tried again. */
extern TimestampTz slm_tagger_next_try(int n_failure);

/* Rows of the batch after one of limit that began then: as many as take about half a second. */
extern int slm_tagger_next_limit(int limit, TimestampTz started);

/* ---- The worker: tagger_start.c ---- */

/* From _PG_init. */
extern void slm_tagger_init(void);

/*
 * Sees to it that this database has a worker, unless slm.tagger_worker is off;
 * false when none can be started.
 */
extern bool slm_tagger_start_worker(void);

/* The same, and rows wait for it that are committed.  Never raises. */
extern void slm_tagger_wake_worker(void);

#endif
