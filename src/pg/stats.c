/*
 * stats.c - counters behind the view slm_stat_calls
 *
 * A bounded table in shared memory, one row per (role, database, function,
 * model); what comes after it is full goes to the row "other".  Rows are only
 * added, until a reset empties the table, both under the exclusive lock;
 * counting takes the lock shared and adds atomically.  A backend remembers the
 * row it counted in last, so that a statement over many rows looks once.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "pg/pg_compat.h"
#include "pg/shmem.h"
#include "pg/stats.h"

PG_FUNCTION_INFO_V1(slm_stat_list);
PG_FUNCTION_INFO_V1(slm_stat_reset);

StaticAssertDecl(sizeof(SlmCallCounts) == SLM_STAT_COUNTERS * sizeof(uint64),
				 "a shared row has one counter for each of SlmCallCounts");

#define OTHER_ROW SLM_STAT_ROWS

const char *const slm_verb_name[SLM_VERB_COUNT] = {
	[SLM_VERB_EMBED] = "slm_embed",
	[SLM_VERB_SIMILARITY] = "slm_similarity",
	[SLM_VERB_RANK] = "slm_rank",
	[SLM_VERB_CLASSIFY] = "slm_classify",
	[SLM_VERB_CLASSIFY_SCORES] = "slm_classify_scores",
	[SLM_VERB_CLASSIFY_MULTI] = "slm_classify_multi",
	[SLM_VERB_FILTER] = "slm_filter",
	[SLM_VERB_EXTRACT] = "slm_extract",
	[SLM_VERB_EXTRACT_SPANS] = "slm_extract_spans",
	[SLM_VERB_REDACT] = "slm_redact",
	[SLM_VERB_COUNT_TOKENS] = "slm_count_tokens",
	[SLM_VERB_CHUNK] = "slm_chunk",
	[SLM_VERB_SUMMARIZE] = "slm_summarize",
	[SLM_VERB_SUMMARIZE_AGG] = "slm_summarize_agg",
	[SLM_VERB_GENERATE] = "slm_generate",
	[SLM_VERB_TRAIN_CLASSIFIER] = "slm_train_classifier",
};

static int last_row; /* where this backend counted last; the key decides whether it still fits */

void
slm_stat_init(void)
{
	slm_shared_init();
}

static bool
same_key(const SlmStatKey *a, const SlmStatKey *b)
{
	return a->roleid == b->roleid && a->databaseid == b->databaseid && a->serverid == b->serverid &&
		   a->verb == b->verb;
}

/* Index of the row of a key, or -1.  The lock is held. */
static int
find_row(const SlmShared *state, const SlmStatKey *key)
{
	if (last_row < state->n_row && same_key(&state->row[last_row].key, key))
		return last_row;
	for (int i = 0; i < state->n_row; i++)
		if (same_key(&state->row[i].key, key))
			return last_row = i;
	return -1;
}

void
slm_stat_add(SlmVerb verb, const SlmModelRef *ref, const SlmCallCounts *counts)
{
	SlmShared *state = slm_shared();
	SlmStatKey key = {GetUserId(), MyDatabaseId, ref->serverid, (int32) verb};
	uint64 count[SLM_STAT_COUNTERS];
	int i_row;

	if (state == NULL)
		return;
	LWLockAcquire(&state->lock, LW_SHARED);
	i_row = find_row(state, &key);
	if (i_row < 0 && state->n_row < SLM_STAT_ROWS)
	{
		LWLockRelease(&state->lock);
		LWLockAcquire(&state->lock, LW_EXCLUSIVE);
		i_row = find_row(state, &key);
		if (i_row < 0 && state->n_row < SLM_STAT_ROWS)
		{
			i_row = state->n_row++;
			state->row[i_row].key = key;
			state->row[i_row].model = ref->name;
		}
	}
	if (i_row < 0)
		i_row = OTHER_ROW;

	memcpy(count, counts, sizeof(count));
	for (int i = 0; i < SLM_STAT_COUNTERS; i++)
		if (count[i] > 0)
			pg_atomic_fetch_add_u64(&state->row[i_row].count[i], (int64) count[i]);
	LWLockRelease(&state->lock);
}

/*
 * slm_stat_list(): the rows of the current role, or all for who has the
 * privileges of pg_read_all_stats.  Role and database are oids: the view turns
 * them into names, and rows of what was dropped keep theirs.
 */
Datum
slm_stat_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SlmShared *state = slm_shared();
	bool all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	SlmStatRow *copy;
	int n_row;

	InitMaterializedSRF(fcinfo, 0);
	if (state == NULL)
		PG_RETURN_NULL();

	/* A copy, because rights are looked up in the catalog, and not under a lock. */
	copy = palloc(sizeof(state->row));
	LWLockAcquire(&state->lock, LW_SHARED);
	memcpy(copy, state->row, sizeof(state->row));
	n_row = state->n_row;
	LWLockRelease(&state->lock);

	for (int i = 0; i <= OTHER_ROW; i++)
	{
		bool other = i == OTHER_ROW;
		Datum values[4 + SLM_STAT_COUNTERS];
		bool nulls[lengthof(values)] = {false};
		uint64 count[SLM_STAT_COUNTERS];

		for (int j = 0; j < SLM_STAT_COUNTERS; j++)
			count[j] = pg_atomic_read_u64(&copy[i].count[j]);
		if (other ? count[0] == 0 : i >= n_row)
			continue;
		if (!all && (other || !has_privs_of_role(GetUserId(), copy[i].key.roleid)))
			continue;
		values[0] = ObjectIdGetDatum(copy[i].key.roleid);
		values[1] = ObjectIdGetDatum(copy[i].key.databaseid);
		values[2] = other ? (Datum) 0 : CStringGetTextDatum(slm_verb_name[copy[i].key.verb]);
		values[3] = NameGetDatum(&copy[i].model);
		nulls[0] = nulls[1] = nulls[2] = nulls[3] = other;
		for (int j = 0; j < SLM_STAT_COUNTERS; j++)
			values[4 + j] = Int64GetDatum((int64) count[j]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/* slm_stat_reset(): empties the table, for all databases. */
Datum
slm_stat_reset(PG_FUNCTION_ARGS)
{
	SlmShared *state = slm_shared();

	if (state != NULL)
	{
		LWLockAcquire(&state->lock, LW_EXCLUSIVE);
		state->n_row = 0;
		for (int i = 0; i <= OTHER_ROW; i++)
			for (int j = 0; j < SLM_STAT_COUNTERS; j++)
				pg_atomic_write_u64(&state->row[i].count[j], 0);
		LWLockRelease(&state->lock);
	}
	PG_RETURN_VOID();
}
