/*
 * pg_error.c - the one map from the engine's status to SQLSTATE
 */
#include "postgres.h"

#include "pg/model_ref.h"
#include "pg/pg_compat.h"
#include "pg/pg_host.h"

static int
sqlstate_of(SlmStatus status)
{
	switch (status)
	{
		case SLM_OK:
			break;
		case SLM_ERR_NO_FILE:
			return ERRCODE_UNDEFINED_FILE;
		case SLM_ERR_IO:
			return ERRCODE_IO_ERROR;
		case SLM_ERR_DISK_FULL:
			return ERRCODE_DISK_FULL;
		case SLM_ERR_CORRUPT:
			return ERRCODE_DATA_CORRUPTED;
		case SLM_ERR_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case SLM_ERR_NO_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case SLM_ERR_LIMIT:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case SLM_ERR_ARGUMENT:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case SLM_ERR_ENCODING:
			return ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
		case SLM_ERR_NO_VALUE:
			return ERRCODE_DATA_EXCEPTION;
		case SLM_ERR_CANCELLED:
			return ERRCODE_QUERY_CANCELED;
		case SLM_ERR_INTERNAL:
			return ERRCODE_INTERNAL_ERROR;
	}
	return ERRCODE_INTERNAL_ERROR;
}

void
slm_raise(const SlmError *err)
{
	/* A truncated image explains any nonsense that came after it. */
	slm_model_check_mapping();
	slm_check_interrupts();
	ereport(ERROR, (errcode(sqlstate_of(err->status)), errmsg_internal("%s", err->message),
					err->detail[0] != '\0' ? errdetail_internal("%s", err->detail) : 0,
					err->hint[0] != '\0' ? errhint("%s", err->hint) : 0));
}
