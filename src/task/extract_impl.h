/*
 * extract_impl.h - between the halves of extraction: values found, answer written
 *
 * Private to src/task.  extract.c finds the values of each leaf, the fields that
 * are not objects; answer.c puts them into objects and says what is missing.
 */
#ifndef SLM_TASK_EXTRACT_IMPL_H
#define SLM_TASK_EXTRACT_IMPL_H

#include "task/extract.h"

/* A value of a leaf. */
typedef struct SlmLeafValue
{
	SlmText text; /* as it goes into the answer */
	bool has_source;
	uint32_t start; /* bytes of the source */
	uint32_t end;
	float confidence;
} SlmLeafValue;

/* The values of a leaf in the order of the text; of a field that is no list, at most one. */
typedef struct SlmLeafValues
{
	SlmLeafValue *value;
	int n;
} SlmLeafValues;

/*
 * Writes the answer from the leaves' values, leaf [schema->n_leaf].
 * SLM_ERR_NO_VALUE when it cannot be made.
 */
extern SlmStatus slm_extract_answer(const SlmSchema *schema, const SlmLeafValues *leaf,
									const SlmHost *host, SlmArena *arena, SlmExtraction *out,
									SlmError *err) SLM_MUST_CHECK;

#endif
