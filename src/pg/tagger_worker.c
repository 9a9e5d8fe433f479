/*
 * tagger_worker.c - the background worker that empties the queues of a database
 *
 * One worker for a database; tagger_start.c says when there is one.  It goes
 * round the taggers that have something due, a batch of each in a
 * transaction of its own, and ends when there has been nothing for a while.
 *
 * Who wants the database.  DROP DATABASE and its kin hold a lock on the database
 * and give its sessions five seconds to go.  The worker asks for that lock between
 * batches and once a second, and ends when it cannot have it.  Batches are made
 * to take about half a second.
 *
 * Signals: SIGTERM ends it at the next check for interrupts, as a session, and its
 * transaction is rolled back; SIGINT cancels the batch, which is tried again.
 *
 * What goes wrong with a tagger, other than with a row, is noted beside it, and it
 * rests: 2 s, 4 s, ... 5 minutes.  So does one whose table has triggers that take
 * too long: they are cancelled after 30 s, and those that will not be cancelled
 * take the worker with them (tagger_start.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "pg/activity.h"
#include "pg/catalog.h"
#include "pg/pg_compat.h"
#include "pg/tagger.h"
#include "pg/tagger_start.h"

extern PGDLLEXPORT void slm_tagger_main(Datum arg);

#define LOOK_MS 1000   /* between two looks at the queues and the database's lock */
#define GUARD_MS 30000 /* longest time for code of a table's owner in a batch */
#define FIRST_LIMIT 8  /* rows of a tagger's first batch */
#define PATIENCE 10    /* failures in a row after which nobody waits for a tagger */

static TimeoutId guard; /* ends this process */

/* Code that catches the cancel of the statement timeout ends with the process. */
static void
guard_handler(void)
{
	kill(MyProcPid, SIGTERM);
}

static void
start_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
}

/* Does somebody hold the database as DROP DATABASE does?  In a transaction, which ends the lock. */
static bool
database_is_wanted(void)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
	return LockAcquire(&tag, RowExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL;
}

/* ---- What is due ---- */

/* A tagger as the worker remembers it. */
typedef struct Known
{
	char name[NAMEDATALEN]; /* hash key */
	int limit;              /* rows of the next batch */
	TimestampTz not_before;
} Known;

typedef struct Due
{
	List *names;      /* of taggers with entries that are due, palloc'd */
	bool pending;     /* there are entries that will be due */
	TimestampTz next; /* when the first of them is */
} Due;

/* Looks at the queues, in a transaction of its own; false: the worker has to end. */
static bool
look(Due *due)
{
	const Oid type = TIMESTAMPTZOID;
	MemoryContext caller = CurrentMemoryContext;
	TimestampTz now = GetCurrentTimestamp();
	const Datum value = TimestampTzGetDatum(now);
	uint64 n;

	*due = (Due){0};
	start_transaction();
	if (database_is_wanted() || !slm_tagger_exists())
	{
		CommitTransactionCommand();
		return false;
	}
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	n = slm_tagger_sql(
		"SELECT t.name, greatest(q.due, p.retry_at) AS due FROM @.slm_tagger t "
		"LEFT JOIN @.slm_tagger_progress p ON p.tagger = t.name CROSS JOIN LATERAL ("
		"SELECT e.due FROM @.slm_tagger_queue e WHERE e.tagger = t.name AND e.due < 'infinity' "
		"ORDER BY e.due LIMIT 1) q "
		"WHERE NOT t.paused AND (p.failures IS NULL OR p.failures < " CppAsString2(
			PATIENCE) " "
					  "OR p.retry_at <= $1) ORDER BY due, t.name",
		1, &type, &value, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple tuple = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool null;
		TimestampTz at = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 2, &null));

		if (at <= now)
		{
			MemoryContext spi = MemoryContextSwitchTo(caller);

			due->names =
				lappend(due->names, TextDatumGetCString(SPI_getbinval(tuple, desc, 1, &null)));
			MemoryContextSwitchTo(spi);
		}
		else if (!due->pending)
		{
			due->pending = true;
			due->next = at;
		}
	}
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	return true;
}

/* Writes down what is wrong with a tagger, and how long it rests. */
static void
note_failure(const char *name, int sqlstate, const char *message)
{
	const Oid type[] = {TEXTOID, TEXTOID, TEXTOID};
	Datum value[] = {CStringGetTextDatum(name), CStringGetTextDatum(unpack_sql_state(sqlstate)),
					 CStringGetTextDatum(message)};
	const Oid retry_type[] = {TEXTOID, TIMESTAMPTZOID};
	bool null;
	int failures;

	start_transaction();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (slm_tagger_sql(
			"INSERT INTO @.slm_tagger_progress AS p (tagger, tagged, failures, sqlstate, "
			"error) SELECT t.name, 0, 1, $2, $3 FROM @.slm_tagger t WHERE t.name = $1 "
			"ON CONFLICT (tagger) DO UPDATE SET failures = p.failures + 1, "
			"sqlstate = $2, error = $3 RETURNING p.failures",
			lengthof(type), type, value, NULL) == 1)
	{
		failures =
			DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
		value[1] = TimestampTzGetDatum(slm_tagger_next_try(failures));
		slm_tagger_sql("UPDATE @.slm_tagger_progress SET retry_at = $2 WHERE tagger = $1",
					   lengthof(retry_type), retry_type, value, NULL);
	}
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
}

/* One batch of a tagger, in a transaction; an error is noted.  Returns the number of rows. */
static int
run_tagger(Known *known)
{
	MemoryContext caller = CurrentMemoryContext;
	SlmTagBatch batch = {.name = known->name,
						 .limit = known->limit,
						 .due = GetCurrentTimestamp(),
						 .guard_ms = GUARD_MS,
						 .guard = guard};
	ErrorData *volatile error = NULL;
	volatile SlmTagOutcome outcome = SLM_TAG_BUSY;

	PG_TRY();
	{
		start_transaction();
		if (database_is_wanted())
			proc_exit(0);
		slm_worker_running = known->name; /* from here on: see tagger_start.c */
		outcome = slm_tag_queue_batch(&batch);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		disable_timeout(guard, false);
		disable_timeout(STATEMENT_TIMEOUT, false);
		QueryCancelPending = false;
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	slm_worker_running = NULL;
	MemoryContextSwitchTo(caller);
	LockReleaseSession(USER_LOCKMETHOD); /* what a trigger may have left */
	if (error != NULL)
	{
		/* The message may be a trigger's of the table, and hold text of a row. */
		ereport(LOG, (errmsg("slm tagger \"%s\" rests after an error with SQLSTATE %s", known->name,
							 unpack_sql_state(error->sqlerrcode)),
					  errhint("The view slm_taggers has its message.")));
		note_failure(known->name, error->sqlerrcode, error->message);
		FreeErrorData(error);
		known->limit = FIRST_LIMIT;
		return 0;
	}
	if (outcome == SLM_TAG_GONE || outcome == SLM_TAG_DETACHED)
		note_failure(known->name, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
					 outcome == SLM_TAG_GONE ? "the table is gone" : "the triggers are missing");
	else if (outcome != SLM_TAG_DID || batch.n_row == 0)
		/* Its table is locked, or others have its entries. */
		known->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_MS);
	else
		known->limit = slm_tagger_next_limit(known->limit, batch.due);
	return batch.n_row;
}

/* ---- The loop ---- */

/* What the configuration says of other things than tagging must not disturb it. */
static void
settle_settings(void)
{
	static const char *const setting[][2] = {
		{"application_name", "slm tagger"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"lock_timeout", "2s"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"jit", "off"},
	};

	for (int i = 0; i < lengthof(setting); i++)
		SetConfigOption(setting[i][0], setting[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

/* Waits for a signal, or so long. */
static void
nap(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
reload_configuration(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

/* A batch of each tagger that has something due; returns the number of rows. */
static int
go_round(HTAB *known_taggers, const Due *due)
{
	int n_row = 0;
	ListCell *cell;

	foreach (cell, due->names)
	{
		char name[NAMEDATALEN] = {0};
		char activity[NAMEDATALEN + 64];
		Known *known;
		bool found;

		strlcpy(name, lfirst(cell), sizeof(name));
		known = hash_search(known_taggers, name, HASH_ENTER, &found);
		if (!found)
		{
			known->limit = FIRST_LIMIT;
			known->not_before = 0;
		}
		if (known->not_before > GetCurrentTimestamp())
			continue;
		snprintf(activity, sizeof(activity), "slm tagger: \"%s\", up to %d rows", name,
				 known->limit);
		pgstat_report_activity(STATE_RUNNING, activity);
		n_row += run_tagger(known);
		CHECK_FOR_INTERRUPTS();
	}
	return n_row;
}

/* How long to wait for something to do. */
static long
nap_ms(const Due *due)
{
	return due->pending
			   ? Min(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due->next) + 1, LOOK_MS)
			   : LOOK_MS;
}

void
slm_tagger_main(Datum arg)
{
	bool brief;
	TimestampTz idle_since = GetCurrentTimestamp();
	HASHCTL control = {.keysize = NAMEDATALEN, .entrysize = sizeof(Known)};
	HTAB *known_taggers;
	MemoryContext round;
	NameData blamed;
	Due due;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	settle_settings();
	brief = strcmp(MyBgworkerEntry->bgw_extra, SLM_WORKER_BRIEF) == 0;
	if (!slm_worker_enter())
		return;
	guard = RegisterTimeout(USER_TIMEOUT, guard_handler);
	while (slm_worker_take_blame(&blamed))
		note_failure(NameStr(blamed), ERRCODE_ADMIN_SHUTDOWN,
					 "the worker was ended while it ran this tagger");
	known_taggers = hash_create("slm taggers", 16, &control, HASH_ELEM | HASH_STRINGS);
	round = AllocSetContextCreate(TopMemoryContext, "slm tagger round", ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		MemoryContextReset(round);
		MemoryContextSwitchTo(round);
		reload_configuration();
		pgstat_report_stat(false); /* autovacuum goes by it */
		brief &= !slm_worker_take_wake();
		if (!slm_tagger_worker_on || !look(&due))
			return;
		if (go_round(known_taggers, &due) > 0)
		{
			idle_since = GetCurrentTimestamp();
			brief = false;
			continue;
		}
		if (!due.pending && due.names == NIL &&
			(brief || TimestampDifferenceExceeds(idle_since, GetCurrentTimestamp(),
												 slm_tagger_idle_timeout * 1000)) &&
			slm_worker_may_leave())
			return;
		slm_activity_end(SLM_ACTIVITY_TAGGER);
		pgstat_report_activity(STATE_IDLE, "slm tagger: waiting for rows");
		nap(nap_ms(&due));
	}
}
