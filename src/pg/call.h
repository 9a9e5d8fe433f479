/*
 * call.h - what the SQL functions share: a call, its model, its inputs, its rows
 *
 * The life of a call:
 *
 *   slm_call()          starts the clock, counts errors and cancels, adds to the
 *                       statistics at the end; between, the function's body:
 *     slm_arg_*()       wrong calls that need no model are refused
 *     slm_arg_input()   the text in UTF-8; NULL or blank ends the call with NULL
 *     slm_call_model()  name or pin to a model, remembered in fn_extra
 *     slm_call_begin()  the engine's run, with the backend's scratch arena
 *     slm_call_end()    after each engine call: errors, interrupts, the clock
 */
#ifndef SLM_PG_CALL_H
#define SLM_PG_CALL_H

#include "lib/stringinfo.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "engine/slm.h"
#include "pg/memo.h"
#include "pg/model_ref.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"
#include "pg/stats.h"
#include "task/classify.h"
#include "task/embed.h"
#include "task/generate.h"

/* Whose the beginnings of prompts are that a call keeps or finds; without padding. */
typedef struct SlmPromptOwner
{
	char fingerprint[SLM_FINGERPRINT_CHARS];
	Oid role;
	int32 isa;
} SlmPromptOwner;

typedef struct SlmCall
{
	FunctionCallInfo fcinfo;
	SlmVerb verb;
	bool pinned;            /* the form whose model argument is an slm_model */
	bool null_on_error;     /* on_error => 'null' */
	const SlmModelRef *ref; /* NULL before slm_call_model() */
	SlmRun run;             /* valid after slm_call_begin() */
	SlmPromptOwner owner;   /* of the run's prompts */
	SlmError err;           /* of the engine call in progress */
	SlmCallCounts counts;
	instr_time engine_started;
} SlmCall;

typedef Datum SlmCallBody(SlmCall *call, FunctionCallInfo fcinfo);

/* Runs body as a call of verb; n_arg is what the SQL declaration has. */
extern Datum slm_call(FunctionCallInfo fcinfo, SlmVerb verb, bool pinned, int n_arg,
					  SlmCallBody *body);

/* The same for a call that the caller has set up: fcinfo, verb and pinned are in it. */
extern Datum slm_call_run(SlmCall *call, int n_arg, SlmCallBody *body);

/* The two C functions of a verb: name takes a model's name, name_pinned a pin. */
#define SLM_FUNCTION(name, verb, n_arg, body)                                                      \
	PG_FUNCTION_INFO_V1(name);                                                                     \
	PG_FUNCTION_INFO_V1(name##_pinned);                                                            \
	Datum name(PG_FUNCTION_ARGS)                                                                   \
	{                                                                                              \
		return slm_call(fcinfo, verb, false, n_arg, body);                                         \
	}                                                                                              \
	Datum name##_pinned(PG_FUNCTION_ARGS)                                                          \
	{                                                                                              \
		return slm_call(fcinfo, verb, true, n_arg, body);                                          \
	}                                                                                              \
	extern int slm_no_such_variable

/* Arguments. i_arg counts from 0. */

/* Sets call->null_on_error; 22023 for anything but 'error', 'null' and NULL. */
extern void slm_arg_on_error(SlmCall *call, int i_arg);

/* A real in [0, 1], or fallback when NULL; 22023 otherwise, with the argument's name. */
extern float slm_arg_fraction(SlmCall *call, int i_arg, const char *name, float fallback);

/* An int, or fallback when NULL. */
extern int slm_arg_int(SlmCall *call, int i_arg, int fallback);

/* A text in UTF-8 that is no input, or fallback when NULL; 22P05, naming what. */
extern SlmText slm_arg_text(SlmCall *call, int i_arg, const char *what, const char *fallback);

/* A one-dimensional text array, NULL when NULL; 22023 with the argument's name otherwise. */
extern ArrayType *slm_arg_text_array(SlmCall *call, int i_arg, const char *name);

/*
 * Instructions in UTF-8, empty when NULL; 0A000 when not NULL for a model that does
 * not write.  hint, which may be NULL, says what to do instead.  Needs call->ref.
 */
extern SlmText slm_arg_instructions(SlmCall *call, int i_arg, const char *hint);

/*
 * Converts a text of the database's encoding to UTF-8, in palloc'd memory or in
 * place.  False when it has no UTF-8 form; bytes of an SQL_ASCII database are
 * left to the engine to check.
 */
extern bool slm_to_utf8(const char *data, int size, SlmText *out);

/* The same for text that is no input but a label or a part of a schema: 22P05, naming what. */
extern SlmText slm_require_utf8(const char *data, int size, const char *what);

/* Raises 22P05 for an input without a UTF-8 form; its bytes stay out of the message. */
extern void slm_raise_not_convertible(void);

/* A piece of UTF-8 in the database's encoding, as a text datum. */
extern text *slm_from_utf8(SlmText piece);

/* Empty, or nothing but white space (Unicode's property). */
extern bool slm_is_blank(SlmText utf8);

/*
 * Characters in utf8[start..end), which begins with one, as the database counts
 * them: in one with encoding SQL_ASCII each byte is one.
 */
extern int slm_count_characters(SlmText utf8, size_t start, size_t end);

/*
 * A text argument as UTF-8 in *out.  False: the answer is NULL, because the
 * argument is NULL or blank, or cannot be converted and on_error is 'null'.
 */
extern bool slm_arg_input(SlmCall *call, int i_arg, SlmText *out);

/* Model and run */

/* Resolves the model argument into call->ref; raises when it cannot be used. */
extern void slm_call_model(SlmCall *call, int i_arg, SlmDefaultModel which);

/* The same for a name that is not an argument; NULL: the default setting's. */
extern void slm_call_named_model(SlmCall *call, const text *name, SlmDefaultModel which);

/*
 * Does the call's model write?  Labels are scored then, fields and summaries
 * written.  Needs call->ref.
 */
extern bool slm_call_writes(const SlmCall *call);

/* Starts a part that calls the engine: resets the scratch arena, fills call->run. */
extern void slm_call_begin(SlmCall *call);

/* The same for a part that has its model write, where it is one that does, with what its draft guesses. */
extern void slm_call_begin_writing(SlmCall *call);

/*
 * Ends it: raises what the engine or an interrupt said.  With row_status a
 * row's own failure is in there; returns n minus the number of failed rows.
 */
extern int slm_call_end(SlmCall *call, SlmStatus status, const SlmStatus *row_status, int n);

/* Answers */

/* What an answer is remembered by. */
typedef struct SlmKey
{
	StringInfoData bytes;
	bool too_long; /* to be remembered */
} SlmKey;

/*
 * Starts the key of something that a backend remembers, of a kind in its store:
 * what, beside the arguments, it may depend on or may be seen by.
 */
extern void slm_key_start(const SlmCall *call, char kind, StringInfo key);

/* What an answer is of: functions that share answers share a kind. */
typedef enum SlmAnswerKind
{
	SLM_ANSWER_DOCUMENT = 'd',
	SLM_ANSWER_QUERY = 'q',
	SLM_ANSWER_RANK = 'r',
	SLM_ANSWER_LABEL = 'c',
	SLM_ANSWER_MULTI = 'm',
	SLM_ANSWER_FILTER = 'f',
	SLM_ANSWER_SUMMARY = 's',
	SLM_ANSWER_GENERATED = 'g',
	SLM_ANSWER_EXTRACTION = 'x',
	SLM_ANSWER_REDACTION = 'h'
} SlmAnswerKind;

/* Starts a key of the answer store; an answer depends on the caps, too. */
extern void slm_answer_key(SlmCall *call, SlmKey *key, SlmAnswerKind kind);
extern void slm_key_bytes(SlmKey *key, const void *data, Size size);

/* A remembered answer, counted, valid until the next is added; NULL when unknown. */
extern const void *slm_answer_find_bytes(SlmCall *call, const SlmKey *key, Size *size);
extern void slm_answer_add_bytes(const SlmKey *key, const void *answer, Size size);

/* The same for an answer that is a text in the database's encoding; palloc'd. */
extern text *slm_answer_find_text(SlmCall *call, const SlmKey *key);
extern void slm_answer_add_text(const SlmKey *key, const text *answer);

extern int slm_call_n_embd(const SlmCall *call);

#endif
