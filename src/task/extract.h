/*
 * extract.h - the values of named fields, out of a text
 *
 * Fields are encoded once (slm_task_embed_fields), a text once for all fields.
 * The answer has two forms: a JSON object that keeps to the schema, and rows that
 * say where in the text each value stands.  The model has an extraction head,
 * which takes any field, or a head that labels tokens, which has fields of its own.
 *
 * Nothing is invented.  What a field's value may be, by its type:
 *
 *   no format       the text's words first to last, verbatim, of the best score
 *                   (spans.h) of at least the model's threshold
 *   a format, or    the candidate of the best score among what the scanners of
 *   a number        that kind (scan.h) find and can spell as the type asks
 *   enum            a value that stands in the text (letter case, and space, _
 *                   and - apart); else the one of the model's label head, unless
 *                   that says "none of these"
 *   boolean         a word like yes or false; else whether the label head says
 *                   that the field's name and description is true of the text
 *   list            all such spans of at least the threshold that do not overlap,
 *                   the better first, in the order of the text; of an enum those
 *                   values that stand there, each once
 *   list of objects each field as a list; a new object begins where the text gives
 *                   a field its second value
 *
 * A required field that may not be null takes the best candidate of its format,
 * or the best place of an enum's values, whatever the score: the schema says
 * that there is one.
 */
#ifndef SLM_TASK_EXTRACT_H
#define SLM_TASK_EXTRACT_H

#include "task/schema.h"
#include "task/task.h"

/* A value and its source. */
typedef struct SlmExtracted
{
	SlmText path;  /* "name", "customer.name", "items[0].price" */
	SlmText value; /* as in the JSON, without quotes */
	bool has_source;
	size_t start; /* bytes of the text that the value was read from */
	size_t size;
	float confidence;
} SlmExtracted;

typedef struct SlmExtraction
{
	SlmText json;
	SlmExtracted *value; /* [n_value] in the order of the answer */
	int n_value;
} SlmExtraction;

/* Has the model what extraction needs? */
extern bool slm_task_can_extract(const SlmModel *model);

/* Floats of field_embedding, and of label_embedding, for a schema. */
extern size_t slm_task_field_floats(const SlmModel *model, const SlmSchema *schema);
extern size_t slm_task_field_label_floats(const SlmModel *model, const SlmSchema *schema);

/*
 * Encodes what slm_task_extract() asks of a text.  SLM_ERR_ARGUMENT for a field
 * that a model which labels tokens does not have; the message names it.
 */
extern SlmStatus slm_task_embed_fields(SlmRun *run, const SlmSchema *schema, float *field_embedding,
									   float *label_embedding, SlmError *err) SLM_MUST_CHECK;

/*
 * out[i] = what text[i] says, in run->arena.  Beside what task.h names, a text
 * without a field that must be there is a row that cannot be processed:
 * SLM_ERR_NO_VALUE, and the message names the field.  SLM_ERR_UNSUPPORTED for a
 * model without an extraction head or one that labels tokens.
 */
extern SlmStatus slm_task_extract(SlmRun *run, const SlmText *text, int n, const SlmSchema *schema,
								  const float *field_embedding, const float *label_embedding,
								  SlmExtraction *out, SlmStatus *row_status,
								  SlmError *err) SLM_MUST_CHECK;

#endif
