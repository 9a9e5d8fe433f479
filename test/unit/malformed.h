/*
 * malformed.h - the corpus of hostile and odd model files
 *
 * Lists H (header), K (keys and values) and T (tensor table), one id for each
 * shape of damage and a number behind it for the variants.  Every file is a
 * small BERT that runs (gguf_add_bert) with one thing changed, made in memory
 * from the same source for the unit test, the fuzzer's seeds and, by
 * test/tools/malformed.c, as files for the tests through SQL.
 *
 * A case without a place here is one that bytes cannot express: H16 (a
 * directory or a device in place of a file) and H18 (a link out of the model
 * folder) belong to the tests of src/pg.
 */
#ifndef SLM_TEST_MALFORMED_H
#define SLM_TEST_MALFORMED_H

#include <stdint.h>

#include "gguf_builder.h"

/* Who has the last word. */
typedef enum MalformedStage
{
	MALFORMED_PARSE, /* slm_gguf_parse() refuses it */
	MALFORMED_MODEL, /* parses; slm_image_build() refuses it */
	MALFORMED_ACCEPT /* the model loads and runs */
} MalformedStage;

typedef struct MalformedCase
{
	const char *id;
	int from, to; /* variants; 0, 0: one, without a number */
	MalformedStage stage;
	SlmStatus status;
	const char *message; /* part of the message; NULL when accepted */

	/* Appends the file; variant as above. */
	void (*make)(GgufBytes *file, int variant);

	uint64_t sparse_bytes; /* the file goes on to this size as a hole; 0: it does not */
} MalformedCase;

extern const MalformedCase malformed_cases[];
extern const int malformed_n_case;

/* "K20-3" or "H01". */
extern void malformed_name(const MalformedCase *which, int variant, char *out, size_t size);

#endif
