/*
 * redact.h - a text without what identifies people and accounts
 *
 * Spans of the scanners' kinds (scan.h) and places that somebody else has found
 * are replaced by a mask.  Where several overlap, all they cover is hidden behind
 * one mask, which names the longest of them: nothing of a found span stays.
 */
#ifndef SLM_TASK_REDACT_H
#define SLM_TASK_REDACT_H

#include "task/scan.h"

/* The kinds that identify somebody or something of theirs, wherever they stand. */
#define SLM_KINDS_PRIVATE                                                                          \
	(SLM_KIND_SET(SLM_KIND_EMAIL) | SLM_KIND_SET(SLM_KIND_URL) | SLM_KIND_SET(SLM_KIND_IP) |       \
	 SLM_KIND_SET(SLM_KIND_UUID) | SLM_KIND_SET(SLM_KIND_CARD) | SLM_KIND_SET(SLM_KIND_IBAN) |     \
	 SLM_KIND_SET(SLM_KIND_SSN) | SLM_KIND_SET(SLM_KIND_PHONE))

/* A span that a model has found. */
typedef struct SlmPlace
{
	SlmText kind; /* its name */
	size_t start; /* byte offset in the text */
	size_t size;  /* bytes, at least 1 */
} SlmPlace;

/*
 * Checks a mask: text with {kind} where the kind's name is to stand, {{ and }}
 * for braces.  SLM_ERR_ARGUMENT for any other brace.
 */
extern SlmStatus slm_task_check_mask(SlmText mask, SlmError *err) SLM_MUST_CHECK;

/*
 * *out = text with masks, in the arena; text itself where nothing was found.
 * place [n_place], which this sorts, lies on borders of characters.  Among spans
 * of one length the scanners' kinds go first, in their order.  SLM_ERR_ENCODING
 * when text is not UTF-8; SLM_ERR_LIMIT when the answer has more than
 * SLM_MAX_INPUT_BYTES.
 */
extern SlmStatus slm_task_redact(SlmText text, SlmKinds kinds, SlmPlace *place, size_t n_place,
								 SlmText mask, const SlmHost *host, SlmArena *arena, SlmText *out,
								 SlmError *err) SLM_MUST_CHECK;

#endif
