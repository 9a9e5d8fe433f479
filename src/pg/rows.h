/*
 * rows.h - one call over one row or over many
 *
 * A function of a text (or of two) that has an answer per row says in a
 * SlmRowOps how it is computed: arguments are checked, the model and what the
 * arguments ask for are prepared, texts become answers, an answer becomes a
 * datum.  What comes from that is the same whoever asks:
 *
 *   the scalar function    for one row
 *   the array form         for groups of an array's elements
 *   the plan node          for rows of a query (batch_scan.h)
 *
 * An answer is bytes, because the backend remembers the last few (call.h).  Equal
 * texts of one group are computed once.
 */
#ifndef SLM_PG_ROWS_H
#define SLM_PG_ROWS_H

#include "pg/call.h"

#define SLM_BATCH_ROWS 256            /* rows given to the engine at once */
#define SLM_BATCH_BYTES (1024 * 1024) /* or as many as have this size */
#define SLM_ROW_INPUTS 2              /* texts of a row, at most: its first arguments */
#define SLM_ROW_COLUMNS 3             /* of an array form at most, ord included */

typedef struct SlmAnswer
{
	const void *data;
	Size size;
} SlmAnswer;

typedef struct SlmRowOps SlmRowOps;

/* One call's arguments and results; a function puts its own behind it. */
typedef struct SlmBatch
{
	const SlmRowOps *ops; /* set by who asks */
	bool nothing;         /* set by check(): every answer is NULL, whatever the text */
} SlmBatch;

struct SlmRowOps
{
	/* Takes the arguments behind the texts, refuses wrong ones; palloc'd.  Knows no model yet. */
	SlmBatch *(*check)(SlmCall *call, FunctionCallInfo fcinfo);
	/* Resolves the model and what depends on it. */
	void (*prepare)(SlmCall *call, FunctionCallInfo fcinfo, SlmBatch *batch);
	/* Starts the key that an answer is remembered by: all but its text. */
	void (*key)(SlmCall *call, SlmBatch *batch, SlmKey *key);
	/* Computes n texts at once into memory of its own; row_status may be NULL. */
	void (*compute)(SlmCall *call, SlmBatch *batch, const SlmText *text, int n,
					SlmStatus *row_status);
	/* Answer i of them, valid until the next compute(). */
	SlmAnswer (*answer)(SlmCall *call, SlmBatch *batch, int i);
	/* The answers of a row's texts as the columns of the array form from 1 on, which are NULL
	 * so far; column 1 is what the scalar function gives. */
	void (*emit)(SlmCall *call, SlmBatch *batch, const SlmAnswer *answer, Datum *value, bool *null);
};

/* A scalar function in its two forms. */
typedef struct SlmRowFunction
{
	PGFunction by_name;
	PGFunction by_pin;
	SlmVerb verb;
	int n_arg;
	int n_input; /* leading arguments that are texts to compute */
	const SlmRowOps *ops;
	bool (*gains)(const List *args); /* from company, by a call's expressions; NULL: always */
} SlmRowFunction;

extern Datum slm_row_scalar(FunctionCallInfo fcinfo, const SlmRowFunction *function, bool pinned);
extern Datum slm_row_array(FunctionCallInfo fcinfo, const SlmRowFunction *function, bool pinned,
						   const char *inputs);

/* The two C functions of a scalar function, and what describes it: name##_rows. */
#define SLM_ROW_FUNCTION(name, verb, n_arg, n_input, ops, gains)                                   \
	PG_FUNCTION_INFO_V1(name);                                                                     \
	PG_FUNCTION_INFO_V1(name##_pinned);                                                            \
	const SlmRowFunction name##_rows = {name, name##_pinned, verb, n_arg, n_input, &(ops), gains}; \
	Datum name(PG_FUNCTION_ARGS)                                                                   \
	{                                                                                              \
		return slm_row_scalar(fcinfo, &name##_rows, false);                                        \
	}                                                                                              \
	Datum name##_pinned(PG_FUNCTION_ARGS)                                                          \
	{                                                                                              \
		return slm_row_scalar(fcinfo, &name##_rows, true);                                         \
	}                                                                                              \
	extern int slm_no_such_variable

/* Those of its array form, whose first argument is called inputs. */
#define SLM_ARRAY_FUNCTION(name, of, inputs)                                                       \
	PG_FUNCTION_INFO_V1(name);                                                                     \
	PG_FUNCTION_INFO_V1(name##_pinned);                                                            \
	Datum name(PG_FUNCTION_ARGS)                                                                   \
	{                                                                                              \
		return slm_row_array(fcinfo, &of##_rows, false, inputs);                                   \
	}                                                                                              \
	Datum name##_pinned(PG_FUNCTION_ARGS)                                                          \
	{                                                                                              \
		return slm_row_array(fcinfo, &of##_rows, true, inputs);                                    \
	}                                                                                              \
	extern int slm_no_such_variable

/* The functions that a plan can compute for many rows at once. */
extern const SlmRowFunction slm_embed_rows;
extern const SlmRowFunction slm_similarity_rows;
extern const SlmRowFunction slm_rank_rows;
extern const SlmRowFunction slm_classify_rows;
extern const SlmRowFunction slm_classify_multi_rows;
extern const SlmRowFunction slm_filter_rows;
extern const SlmRowFunction slm_generate_rows;
extern const SlmRowFunction slm_extract_rows;
extern const SlmRowFunction slm_summarize_rows;
extern const SlmRowFunction slm_redact_rows;

/*
 * The function over rows behind a call; NULL when it is none, also when it runs
 * with settings or rights of its own.
 */
extern const SlmRowFunction *slm_row_function(Oid funcid, bool *pinned);

/*
 * The answer for one text, for functions that make something else of it; needs
 * a prepared batch.  Valid until the next answer is remembered or computed.
 * False when the row failed and on_error is 'null'.
 */
extern bool slm_row_answer(SlmCall *call, SlmBatch *batch, SlmText text, SlmAnswer *answer);

/*
 * Embedding of one text, remembered; out [n_embd].  Needs call->ref.  False when
 * the row failed and on_error is 'null'.
 */
extern bool slm_call_embed(SlmCall *call, SlmText text, SlmPurpose purpose, float *out);

/* What became of a row. */
typedef enum SlmRowState
{
	SLM_ROW_VALUE = 0,
	SLM_ROW_NULL,
	SLM_ROW_FAILED /* its text is at fault: the scalar function would raise an error */
} SlmRowState;

/*
 * Answers n <= SLM_BATCH_ROWS rows of one call: input [n][n_input] are their
 * texts, the other arguments in fcinfo are the same for all.  Fills value [n],
 * palloc'd where by reference, state [n], and *counts with what the call took,
 * which slm_stat_calls has already.
 */
extern void slm_rows_call(const SlmRowFunction *function, bool pinned, FunctionCallInfo fcinfo,
						  const NullableDatum *input, int n, Datum *value, SlmRowState *state,
						  SlmCallCounts *counts);

#endif
