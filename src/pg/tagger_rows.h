/*
 * tagger_rows.h - rows of a tagger on their way from text to tag
 */
#ifndef SLM_PG_TAGGER_ROWS_H
#define SLM_PG_TAGGER_ROWS_H

#include "executor/spi.h"
#include "storage/itemptr.h"

#include "pg/tagger.h"

typedef enum SlmTagState
{
	SLM_ROW_OPEN,
	SLM_ROW_DONE,   /* without an answer: the row is gone */
	SLM_ROW_TAGGED, /* the answer is written, or was there already */
	SLM_ROW_AGAIN,  /* the row has another text by now, or has to wait for the next batch */
	SLM_ROW_BUSY,   /* somebody has the row locked */
	SLM_ROW_FAILED,
	SLM_ROW_DOUBLE /* an earlier row of the batch has its key */
} SlmTagState;

typedef struct SlmTagRow
{
	ItemPointerData entry; /* in the queue */
	int attempts;
	Datum queued_key; /* text[] */
	Datum *key;       /* [n_key] */
	text *source;     /* what the answer is computed of; NULL: null */
	Datum answer;     /* as the task gives it */
	bool answer_null;
	Datum value; /* as the column takes it */
	bool null;
	SlmTagState state;
	SlmTagState next; /* its state if the phase succeeds */
	int sqlstate;     /* of one that failed */
	char *error;
} SlmTagRow;

typedef struct SlmTagRows
{
	SlmTagger *tagger;
	SlmTagTable *table;
	MemoryContext context; /* of the rows' values */
	SlmTagCast cast;
	SPIPlanPtr read;
	SPIPlanPtr compute;
	SPIPlanPtr lock;
	SPIPlanPtr update;
	SlmTagRow *row;
	int n;
	Size n_bytes;               /* of texts that were read */
	const SlmTagBatch *request; /* for its guard */
} SlmTagRows;

/* All of these are connected to SPI and run as the table's owner. */

/* Makes the plans; and triggers that could wait for the commit are to run at once. */
extern void slm_tag_rows_prepare(SlmTagRows *rows);

/* From queued keys to keys and texts. */
extern void slm_tag_rows_read(SlmTagRows *rows);

/* From texts to values, and to rows of the table.  Raises what is not a row's error but the tagger's. */
extern void slm_tag_rows_compute(SlmTagRows *rows);
extern void slm_tag_rows_write(SlmTagRows *rows);

/* Runs a plan. */
extern SPIPlanPtr slm_tag_prepare(const char *sql, int n, const Oid *type);
extern void slm_tag_execute(SPIPlanPtr plan, const Datum *value, const char *null);

#endif
