/*
 * call.c - what the SQL functions share
 *
 * The path of one row is kept short, because a row of a small model takes a
 * millisecond or two: a remembered model costs a comparison of its name, a
 * remembered label set or answer one look-up, and nothing is allocated but the
 * answer and, outside UTF-8 databases, the converted text.
 *
 * Errors and cancels are counted by a PG_TRY around the whole call (some 20 ns);
 * whoever raises need not know about statistics.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "base/limits.h"
#include "pg/call.h"
#include "pg/support.h"
#include "pg/worker.h"
#include "task/task.h"
#include "task/words.h"

/* What a call site remembers of its model, in fn_extra. */
typedef struct ModelMemo
{
	const SlmModelRef *ref;
	uint64 generation;
	Oid role; /* rights are a role's */
	int name_size;
	int name_room;
	char *name; /* as the call gave it, or the default setting's */
} ModelMemo;

static SlmMemo answers = {
	.name = "slm answers",
	.n_entry_max = 16,
	.n_bytes_max = 512 * 1024,
};

#define ANSWER_KEY_BYTES_MAX (64 * 1024)

static void
count_tokens(SlmCall *call)
{
	call->counts.tokens_in = call->run.n_token_in;
	call->counts.tokens_out = call->run.n_token_out;
	call->counts.tokens_kept = call->run.n_token_kept;
}

Datum
slm_call(FunctionCallInfo fcinfo, SlmVerb verb, bool pinned, int n_arg, SlmCallBody *body)
{
	SlmCall call = {.fcinfo = fcinfo, .verb = verb, .pinned = pinned};

	return slm_call_run(&call, n_arg, body);
}

Datum
slm_call_run(SlmCall *call, int n_arg, SlmCallBody *body)
{
	FunctionCallInfo fcinfo = call->fcinfo;
	Datum result;

	if (PG_NARGS() != n_arg)
		ereport(ERROR, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
						errmsg("%s has %d arguments, not %d: its declaration does not fit this "
							   "version of slm",
							   slm_verb_name[call->verb], n_arg, PG_NARGS())));

	call->counts.calls = 1;
	PG_TRY();
	{
		result = body(call, fcinfo);
	}
	PG_CATCH();
	{
		slm_worker_call_ended();
		if (call->ref != NULL)
		{
			if (geterrcode() == ERRCODE_QUERY_CANCELED)
				call->counts.cancels = 1;
			else
				call->counts.errors = 1;
			count_tokens(call);
			slm_stat_add(call->verb, call->ref, &call->counts);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();

	if (call->ref != NULL)
		slm_stat_add(call->verb, call->ref, &call->counts);
	return result;
}

/* ---- Arguments ---- */

void
slm_arg_on_error(SlmCall *call, int i_arg)
{
	FunctionCallInfo fcinfo = call->fcinfo;
	text *word;

	if (PG_ARGISNULL(i_arg))
		return;
	word = PG_GETARG_TEXT_PP(i_arg);
	if (VARSIZE_ANY_EXHDR(word) == 4 && memcmp(VARDATA_ANY(word), "null", 4) == 0)
		call->null_on_error = true;
	else if (VARSIZE_ANY_EXHDR(word) != 5 || memcmp(VARDATA_ANY(word), "error", 5) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for on_error: \"%s\"", text_to_cstring(word)),
						errhint("Values are \"error\" and \"null\".")));
}

float
slm_arg_fraction(SlmCall *call, int i_arg, const char *name, float fallback)
{
	FunctionCallInfo fcinfo = call->fcinfo;
	float value;

	if (PG_ARGISNULL(i_arg))
		return fallback;
	value = PG_GETARG_FLOAT4(i_arg);
	if (!(value >= 0.0f && value <= 1.0f))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be between 0 and 1", name)));
	return value;
}

int
slm_arg_int(SlmCall *call, int i_arg, int fallback)
{
	FunctionCallInfo fcinfo = call->fcinfo;

	return PG_ARGISNULL(i_arg) ? fallback : PG_GETARG_INT32(i_arg);
}

SlmText
slm_arg_text(SlmCall *call, int i_arg, const char *what, const char *fallback)
{
	text *given;

	if (call->fcinfo->args[i_arg].isnull)
		return slm_text(fallback);
	given = DatumGetTextPP(call->fcinfo->args[i_arg].value);
	return slm_require_utf8(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), what);
}

ArrayType *
slm_arg_text_array(SlmCall *call, int i_arg, const char *name)
{
	FunctionCallInfo fcinfo = call->fcinfo;
	ArrayType *array;

	if (PG_ARGISNULL(i_arg))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(i_arg);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be a one-dimensional array", name)));
	return array;
}

SlmText
slm_arg_instructions(SlmCall *call, int i_arg, const char *hint)
{
	FunctionCallInfo fcinfo = call->fcinfo;

	if (!PG_ARGISNULL(i_arg) && !slm_call_writes(call))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("model \"%s\" takes no instructions", NameStr(call->ref->name)),
						slm_model_info(call->ref->model)->can_decode
							? errdetail("It is registered to give embeddings.")
							: errdetail("Its architecture is an encoder."),
						hint != NULL ? errhint("%s", hint) : 0));
	return slm_arg_text(call, i_arg, "instructions", "");
}

bool
slm_to_utf8(const char *data, int size, SlmText *out)
{
	int encoding = GetDatabaseEncoding();
	Oid conversion;
	unsigned char *utf8;
	Size room;

	out->data = data;
	out->size = size;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || size == 0)
		return true;

	conversion = FindDefaultConversionProc(encoding, PG_UTF8);
	if (!OidIsValid(conversion))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("no conversion from encoding \"%s\" to \"UTF8\" exists",
							   pg_encoding_to_char(encoding))));
	room = Min((Size) size * MAX_CONVERSION_GROWTH + 1, (Size) INT_MAX);
	utf8 = palloc_extended(room, MCXT_ALLOC_HUGE);
	if (pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8, (unsigned char *) data, size,
									  utf8, (int) room, true) != size)
		return false;
	out->data = (const char *) utf8;
	out->size = strlen((const char *) utf8);
	return true;
}

SlmText
slm_require_utf8(const char *data, int size, const char *what)
{
	SlmText utf8;

	if (!slm_to_utf8(data, size, &utf8))
		ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
						errmsg("a %s has a character that encoding \"%s\" does not convert to "
							   "UTF-8",
							   what, GetDatabaseEncodingName())));
	return utf8;
}

text *
slm_from_utf8(SlmText piece)
{
	char *server;

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return cstring_to_text_with_len(piece.data, piece.size);
	server = (char *) pg_do_encoding_conversion((unsigned char *) pnstrdup(piece.data, piece.size),
												piece.size, PG_UTF8, GetDatabaseEncoding());
	return cstring_to_text(server);
}

bool
slm_is_blank(SlmText utf8)
{
	for (size_t at = 0; at < utf8.size; at += slm_char_size(utf8, at))
	{
		if (at % SLM_POLL_BYTES == 0)
			CHECK_FOR_INTERRUPTS();
		if (!slm_char_is_white(slm_char_at(utf8, at)))
			return false;
	}
	return true;
}

int
slm_count_characters(SlmText utf8, size_t start, size_t end)
{
	int n = 0;

	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return (int) (end - start);
	for (size_t at = start; at < end; at++)
	{
		if (at % SLM_POLL_BYTES == 0)
			CHECK_FOR_INTERRUPTS();
		n += ((uint8) utf8.data[at] & 0xc0) != 0x80;
	}
	return n;
}

void
slm_raise_not_convertible(void)
{
	ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
					errmsg("input has a character that encoding \"%s\" does not convert to UTF-8",
						   GetDatabaseEncodingName())));
}

bool
slm_arg_input(SlmCall *call, int i_arg, SlmText *out)
{
	FunctionCallInfo fcinfo = call->fcinfo;
	text *input;

	if (PG_ARGISNULL(i_arg))
		return false;
	input = PG_GETARG_TEXT_PP(i_arg);
	if (!slm_to_utf8(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), out))
	{
		if (!call->null_on_error)
			slm_raise_not_convertible();
		return false;
	}
	return !slm_is_blank(*out);
}

/* ---- Model and run ---- */

/*
 * Resolves a model by its name or pin, remembered at the call site; given says
 * that the call named it, else the name is the default setting's or NULL.
 */
static void
resolve_model(SlmCall *call, const char *name, int name_size, bool given, SlmDefaultModel which)
{
	FmgrInfo *flinfo = call->fcinfo->flinfo;
	ModelMemo *memo = flinfo != NULL ? flinfo->fn_extra : NULL;

	if (memo != NULL && memo->role == GetUserId() && memo->name_size == name_size &&
		memcmp(memo->name, name, name_size) == 0 &&
		slm_model_ref_valid(memo->ref, memo->generation))
	{
		call->ref = memo->ref;
		call->counts.rows = 1;
		return;
	}

	if (call->pinned)
		call->ref = slm_model_by_pin(pnstrdup(name, name_size));
	else
		call->ref = slm_model_by_name(given ? pnstrdup(name, name_size) : NULL, which);
	call->counts.rows = 1;
	slm_cost_learn(call->ref);
	if (flinfo == NULL)
		return;

	if (memo == NULL)
		memo = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(ModelMemo));
	else
		flinfo->fn_extra = NULL; /* not to be believed until it is whole again */
	if (memo->name_room < name_size + 1)
	{
		memo->name_room = Max(name_size + 1, NAMEDATALEN + SLM_FINGERPRINT_CHARS + 2);
		memo->name = MemoryContextAlloc(flinfo->fn_mcxt, memo->name_room);
	}
	if (name_size > 0)
		memcpy(memo->name, name, name_size);
	memo->name_size = name_size;
	memo->role = GetUserId();
	memo->ref = call->ref;
	memo->generation = call->ref->generation;
	flinfo->fn_extra = memo;
}

void
slm_call_named_model(SlmCall *call, const text *name, SlmDefaultModel which)
{
	const char *setting = slm_default_model[which];

	if (name != NULL)
		resolve_model(call, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), true, which);
	else
		resolve_model(call, setting, setting != NULL ? strlen(setting) : 0, false, which);
}

void
slm_call_model(SlmCall *call, int i_arg, SlmDefaultModel which)
{
	FunctionCallInfo fcinfo = call->fcinfo;

	if (call->pinned && PG_ARGISNULL(i_arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("pinned model must not be null")));
	slm_call_named_model(call, PG_ARGISNULL(i_arg) ? NULL : PG_GETARG_TEXT_PP(i_arg), which);
}

bool
slm_call_writes(const SlmCall *call)
{
	return call->ref->head == NULL && slm_task_writes(call->ref->model, &call->ref->options);
}

StaticAssertDecl(sizeof(SlmPromptOwner) <= SLM_PREFIX_OWNER_BYTES, "owners are bounded");

/* Who beginnings of prompts belong to: as in slm_key_start(), but without an allocation. */
static SlmText
prompt_owner(SlmCall *call)
{
	SlmPromptOwner *owner = &call->owner;

	memcpy(owner->fingerprint, call->ref->fingerprint, SLM_FINGERPRINT_CHARS);
	owner->role = GetUserId();
	owner->isa = slm_force_isa;
	return (SlmText){(const char *) owner, sizeof(*owner)};
}

void
slm_call_begin(SlmCall *call)
{
	INSTR_TIME_SET_CURRENT(call->engine_started);
	call->run.arena = slm_scratch();
	call->run.model = call->ref->model;
	call->run.options = &call->ref->options;
	call->run.kernels = slm_current_kernels();
	call->run.host = &slm_pg_host;
	call->run.max_input_tokens = slm_max_input_tokens;
	call->run.batch_rows = slm_batch_rows;
	call->run.prefixes = slm_kept_prefixes();
	call->run.owner = prompt_owner(call);
	call->run.outlet = slm_worker_outlet(call);
}

void
slm_call_begin_writing(SlmCall *call)
{
	const SlmModel *draft = slm_call_writes(call) ? slm_model_draft(call->ref) : NULL;

	slm_call_begin(call);
	call->run.draft = draft;
}

int
slm_call_end(SlmCall *call, SlmStatus status, const SlmStatus *row_status, int n)
{
	instr_time now;
	int n_failed = 0;

	slm_worker_call_ended();
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, call->engine_started);
	call->counts.inference_us += INSTR_TIME_GET_MICROSEC(now);
	slm_engine_check(status, &call->err);
	count_tokens(call);

	for (int i = 0; row_status != NULL && i < n; i++)
		n_failed += row_status[i] != SLM_OK;
	call->counts.nulls += n_failed;
	return n - n_failed;
}

/* ---- Keys and answers ---- */

void
slm_key_start(const SlmCall *call, char kind, StringInfo key)
{
	Oid role = GetUserId();

	initStringInfo(key);
	appendStringInfoChar(key, kind);
	appendBinaryStringInfo(key, call->ref->fingerprint, SLM_FINGERPRINT_CHARS);
	appendBinaryStringInfo(key, (const char *) &role, sizeof(role));
	appendBinaryStringInfo(key, (const char *) &slm_force_isa, sizeof(slm_force_isa));
}

void
slm_answer_key(SlmCall *call, SlmKey *key, SlmAnswerKind kind)
{
	slm_key_start(call, kind, &key->bytes);
	key->too_long = false;
	appendBinaryStringInfo(&key->bytes, (const char *) &slm_max_input_tokens,
						   sizeof(slm_max_input_tokens));
}

void
slm_key_bytes(SlmKey *key, const void *data, Size size)
{
	uint64 size_before = size;

	if (key->too_long || key->bytes.len + sizeof(size_before) + size > ANSWER_KEY_BYTES_MAX)
	{
		key->too_long = true;
		return;
	}
	appendBinaryStringInfo(&key->bytes, (const char *) &size_before, sizeof(size_before));
	appendBinaryStringInfo(&key->bytes, data, (int) size);
}

const void *
slm_answer_find_bytes(SlmCall *call, const SlmKey *key, Size *size)
{
	SlmMemoEntry *entry;

	if (key->too_long)
		return NULL;
	entry = slm_memo_find(&answers, key->bytes.data, key->bytes.len);
	if (entry == NULL)
		return NULL;
	*size = entry->value_size;
	call->counts.memo_hits++;
	return entry->value;
}

void
slm_answer_add_bytes(const SlmKey *key, const void *answer, Size size)
{
	if (!key->too_long)
		slm_memo_add(&answers, key->bytes.data, key->bytes.len, answer, size);
}

text *
slm_answer_find_text(SlmCall *call, const SlmKey *key)
{
	Size size;
	const void *answer = slm_answer_find_bytes(call, key, &size);

	return answer != NULL ? cstring_to_text_with_len(answer, (int) size) : NULL;
}

void
slm_answer_add_text(const SlmKey *key, const text *answer)
{
	slm_answer_add_bytes(key, VARDATA_ANY(answer), VARSIZE_ANY_EXHDR(answer));
}

int
slm_call_n_embd(const SlmCall *call)
{
	return slm_model_info(call->ref->model)->n_embd;
}
