/*
 * row_functions.c - the functions that a plan can compute for many rows at once
 */
#include "postgres.h"

#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "pg/rows.h"

static const struct
{
	const char *symbol; /* of the form that takes a name; the other has _pinned behind it */
	const SlmRowFunction *function;
} row_functions[] = {
	{"slm_embed", &slm_embed_rows},
	{"slm_similarity", &slm_similarity_rows},
	{"slm_rank", &slm_rank_rows},
	{"slm_classify", &slm_classify_rows},
	{"slm_classify_multi", &slm_classify_multi_rows},
	{"slm_redact", &slm_redact_rows},
	{"slm_filter", &slm_filter_rows},
	{"slm_extract", &slm_extract_rows},
	{"slm_generate", &slm_generate_rows},
	{"slm_summarize", &slm_summarize_rows},
};

/* The entry of a C symbol; NULL: none. */
static const SlmRowFunction *
function_of_symbol(const char *symbol, bool *pinned)
{
	for (size_t i = 0; i < lengthof(row_functions); i++)
	{
		size_t size = strlen(row_functions[i].symbol);

		if (strncmp(symbol, row_functions[i].symbol, size) != 0)
			continue;
		*pinned = strcmp(symbol + size, "_pinned") == 0;
		if (*pinned || symbol[size] == '\0')
			return row_functions[i].function;
	}
	return NULL;
}

/*
 * The catalog's symbol says which function may be meant; the address that a call
 * would go to says whether it is.  With SECURITY DEFINER or SET it is another.
 */
const SlmRowFunction *
slm_row_function(Oid funcid, bool *pinned)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	const SlmRowFunction *function = NULL;
	FmgrInfo flinfo;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId)
	{
		bool is_null;
		Datum symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);

		if (!is_null)
			function = function_of_symbol(TextDatumGetCString(symbol), pinned);
	}
	ReleaseSysCache(tuple);
	if (function == NULL)
		return NULL;
	fmgr_info(funcid, &flinfo);
	return flinfo.fn_addr == (*pinned ? function->by_pin : function->by_name) ? function : NULL;
}
