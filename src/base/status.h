/*
 * status.h - how every function below src/pg reports failure
 *
 * A function that can fail returns SlmStatus and takes an SlmError as its last
 * argument.  Nothing below src/pg aborts, exits or jumps out on input; the one
 * map from SlmStatus to SQLSTATE is src/pg/pg_error.c.
 *
 * Messages follow PostgreSQL's style: lower case, no period, names the key,
 * tensor, index or limit.  Text from a model file goes through
 * slm_error_quote() first, because it may be neither ASCII nor UTF-8; row text
 * never enters a message.
 */
#ifndef SLM_BASE_STATUS_H
#define SLM_BASE_STATUS_H

#include <stddef.h>

typedef enum SlmStatus
{
	SLM_OK = 0,
	SLM_ERR_NO_FILE,     /* file absent or forbidden: 58P01 */
	SLM_ERR_IO,          /* read, write or mapping failed: 58030 */
	SLM_ERR_DISK_FULL,   /* no room for an image: 53100 */
	SLM_ERR_CORRUPT,     /* model file or image breaks its format: XX001 */
	SLM_ERR_UNSUPPORTED, /* well formed, but not something we run: 0A000 */
	SLM_ERR_NO_MEMORY,   /* the host refused memory: 53200 */
	SLM_ERR_LIMIT,       /* a named limit was exceeded: 54000 */
	SLM_ERR_ARGUMENT,    /* a bad argument of the caller: 22023 */
	SLM_ERR_ENCODING,    /* text is not valid UTF-8: 22021 */
	SLM_ERR_NO_VALUE,    /* text lacks what the caller's schema requires: 22000 */
	SLM_ERR_CANCELLED,   /* the host's interrupted() said stop: 57014 */
	SLM_ERR_INTERNAL     /* a bug of ours: XX000 */
} SlmStatus;

typedef struct SlmError
{
	SlmStatus status;
	char message[384]; /* primary message, always NUL-terminated */
	char detail[256];  /* optional full sentence, "" if none */
	char hint[256];    /* optional full sentence, "" if none */
} SlmError;

#if defined(__GNUC__)
#define SLM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SLM_MUST_CHECK __attribute__((warn_unused_result))
#define SLM_LIKELY(x) __builtin_expect(!!(x), 1)
#define SLM_UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define SLM_PRINTF(f, a)
#define SLM_MUST_CHECK
#define SLM_LIKELY(x) (x)
#define SLM_UNLIKELY(x) (x)
#endif

/* Fills *err (which may be NULL) and returns status; clears detail and hint. */
extern SlmStatus slm_fail(SlmError *err, SlmStatus status, const char *fmt, ...) SLM_PRINTF(3, 4);

/* Adds a detail or hint to an error that slm_fail() has filled. */
extern void slm_error_detail(SlmError *err, const char *fmt, ...) SLM_PRINTF(2, 3);
extern void slm_error_hint(SlmError *err, const char *fmt, ...) SLM_PRINTF(2, 3);

/*
 * Copies n bytes of untrusted text into out as printable ASCII, other bytes as
 * \xNN, cut with "..." to fit size.  Returns out, always terminated.
 */
extern const char *slm_error_quote(char *out, size_t size, const void *text, size_t n);

/* Returns from the caller when the expression is not SLM_OK. */
#define SLM_TRY(expr)                                                                              \
	do                                                                                             \
	{                                                                                              \
		SlmStatus try_status_ = (expr);                                                            \
                                                                                                   \
		if (SLM_UNLIKELY(try_status_ != SLM_OK))                                                   \
			return try_status_;                                                                    \
	} while (0)

#endif
