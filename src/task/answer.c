/*
 * answer.c - values of fields as a JSON object that keeps to its schema
 *
 * The answer is written front to back; where a field turns out to be missing,
 * what was written of it is taken back and the schema says what stands there
 * instead: null, nothing, or no object at all.  Recursion follows the schema's
 * nesting, which SLM_MAX_SCHEMA_DEPTH caps.
 *
 * Objects of a list are made of the values of their leaves in the order of the
 * text: a leaf's second value begins the next object.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "task/buffer.h"
#include "task/extract_impl.h"

#define FIRST_VALUES 16

typedef struct Answer
{
	const SlmSchema *schema;
	const SlmLeafValues *leaf;
	const SlmHost *host;
	SlmArena *arena;
	SlmError *err;
	SlmBuffer json;
	SlmBuffer path; /* of the field being written */
	SlmExtracted *value;
	int n_value, room_value;
	int32_t **group; /* [n_leaf] of each value: its object, for leaves in a list of objects */
	int32_t *at;     /* [n_leaf] the value whose turn it is */
	int32_t object;  /* the object being written */
	int missing;     /* the field for want of which an object could not be made */
} Answer;

/* What is taken back together. */
typedef struct Mark
{
	size_t n_json, n_path;
	int n_value;
} Mark;

static SlmStatus
put(const Answer *a, SlmBuffer *buffer, const char *data, size_t n)
{
	return slm_buffer_put(buffer, a->arena, data, n, a->err);
}

static SlmStatus
put_json(Answer *a, const char *text)
{
	return put(a, &a->json, text, strlen(text));
}

static SlmStatus
put_string(Answer *a, SlmText text)
{
	size_t done = 0;

	SLM_TRY(put_json(a, "\""));
	for (size_t i = 0; i < text.size; i++)
	{
		uint8_t c = (uint8_t) text.data[i];
		char escape[8];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		snprintf(escape, sizeof(escape), c < 0x20 ? "\\u%04x" : "\\%c", c);
		SLM_TRY(put(a, &a->json, text.data + done, i - done));
		SLM_TRY(put_json(a, escape));
		done = i + 1;
	}
	SLM_TRY(put(a, &a->json, text.data + done, text.size - done));
	return put_json(a, "\"");
}

static Mark
mark(const Answer *a)
{
	return (Mark){a->json.n, a->path.n, a->n_value};
}

static void
take_back(Answer *a, Mark to)
{
	a->json.n = to.n_json;
	a->path.n = to.n_path;
	a->n_value = to.n_value;
}

/* Writes a value, and its row. */
static SlmStatus
write_value(Answer *a, const SlmField *field, const SlmLeafValue *value)
{
	SlmExtracted *row;
	char *path;

	SLM_TRY(slm_poll(a->host, a->err));
	if (a->n_value == a->room_value)
	{
		int room = a->room_value > 0 ? a->room_value * 2 : FIRST_VALUES;
		SlmExtracted *larger;

		SLM_TRY(SLM_NEW_ARRAY(a->arena, (size_t) room, &larger, a->err));
		if (a->n_value > 0)
			memcpy(larger, a->value, (size_t) a->n_value * sizeof(*larger));
		a->value = larger;
		a->room_value = room;
	}
	SLM_TRY(slm_arena_alloc(a->arena, a->path.n, (void **) &path, a->err));
	memcpy(path, a->path.data, a->path.n);
	row = &a->value[a->n_value++];
	*row = (SlmExtracted){
		.path = {path, a->path.n},
		.value = value->text,
		.has_source = value->has_source,
		.start = value->start,
		.size = value->end - value->start,
		.confidence = value->confidence,
	};
	if (field->type == SLM_FIELD_STRING)
		return put_string(a, value->text);
	return put(a, &a->json, value->text.data, value->text.size);
}

/* One value: the leaf's, or that of the object being written. */
static SlmStatus
write_single(Answer *a, const SlmField *field, bool *written)
{
	const SlmLeafValues *values = &a->leaf[field->leaf];
	int at = a->at[field->leaf];

	*written =
		at < values->n && (a->group[field->leaf] == NULL || a->group[field->leaf][at] == a->object);
	if (!*written)
		return SLM_OK;
	return write_value(a, field, &values->value[at]);
}

static SlmStatus
write_list(Answer *a, const SlmField *field, bool *written)
{
	const SlmLeafValues *values = &a->leaf[field->leaf];

	*written = values->n > 0 && (uint32_t) values->n >= field->min_items;
	if (!*written)
		return SLM_OK;
	SLM_TRY(put_json(a, "["));
	for (int i = 0; i < values->n; i++)
	{
		if (i > 0)
			SLM_TRY(put_json(a, ", "));
		SLM_TRY(write_value(a, field, &values->value[i]));
	}
	return put_json(a, "]");
}

static SlmStatus write_field(Answer *a, int i, bool *written);

static SlmStatus
put_key(Answer *a, SlmText key, bool first)
{
	if (!first)
		SLM_TRY(put_json(a, ", "));
	SLM_TRY(put_string(a, key));
	return put_json(a, ": ");
}

/*
 * Writes an object.  *made: it keeps to the schema; else a->missing is why not.
 * *says: the text said something of it.
 */
static SlmStatus
write_object(Answer *a, int i, bool *made, bool *says)
{
	const SlmSchema *schema = a->schema;
	bool first = true;

	*made = true;
	*says = false;
	SLM_TRY(put_json(a, "{"));
	for (int child = i + 1; child < schema->field[i].next; child = schema->field[child].next)
	{
		const SlmField *field = &schema->field[child];
		SlmText key = slm_schema_text(schema, field->name);
		Mark before = mark(a);
		bool written;

		SLM_TRY(put_key(a, key, first));
		if (a->path.n > 0)
			SLM_TRY(put(a, &a->path, ".", 1));
		SLM_TRY(put(a, &a->path, key.data, key.size));
		SLM_TRY(write_field(a, child, &written));
		a->path.n = before.n_path;
		if (written)
			*says = true;
		else if (!field->shows_empty && field->missing != SLM_MISSING_NULL)
		{
			take_back(a, before);
			if (field->missing == SLM_MISSING_LEFT_OUT)
				continue;
			if (field->type != SLM_FIELD_OBJECT || field->is_list)
				a->missing = child;
			*made = false;
			return SLM_OK;
		}
		else
		{
			take_back(a, before);
			SLM_TRY(put_key(a, key, first));
			SLM_TRY(put_json(a, field->shows_empty ? "[]" : "null"));
		}
		first = false;
	}
	return put_json(a, "}");
}

/* Says of each value of the leaves in a list of objects which object it belongs to. */
static SlmStatus
group_values(Answer *a, int list, int32_t *n_object)
{
	const SlmSchema *schema = a->schema;
	bool in_object[SLM_MAX_SCHEMA_FIELDS];

	*n_object = 0;
	for (int i = list + 1; i < schema->field[list].next; i++)
	{
		int leaf = schema->field[i].leaf;

		if (leaf >= 0)
			SLM_TRY(SLM_NEW_ARRAY(a->arena, (size_t) a->leaf[leaf].n, &a->group[leaf], a->err));
	}
	for (;;)
	{
		int next = -1;

		SLM_TRY(slm_poll(a->host, a->err));
		for (int i = list + 1; i < schema->field[list].next; i++)
		{
			int leaf = schema->field[i].leaf;

			if (leaf >= 0 && a->at[leaf] < a->leaf[leaf].n &&
				(next < 0 ||
				 a->leaf[leaf].value[a->at[leaf]].start < a->leaf[next].value[a->at[next]].start))
				next = leaf;
		}
		if (next < 0)
			break;
		if (*n_object == 0 || in_object[next])
		{
			memset(in_object, 0, sizeof(in_object));
			++*n_object;
		}
		in_object[next] = true;
		a->group[next][a->at[next]++] = *n_object - 1;
	}
	for (int i = list + 1; i < schema->field[list].next; i++)
		if (schema->field[i].leaf >= 0)
			a->at[schema->field[i].leaf] = 0;
	return SLM_OK;
}

/* Moves the leaves in a list to the values of an object. */
static void
go_to_object(Answer *a, int list, int32_t object)
{
	a->object = object;
	for (int i = list + 1; i < a->schema->field[list].next; i++)
	{
		int leaf = a->schema->field[i].leaf;

		while (leaf >= 0 && a->at[leaf] < a->leaf[leaf].n && a->group[leaf][a->at[leaf]] < object)
			a->at[leaf]++;
	}
}

/* A list of objects; those that cannot be made are left out. */
static SlmStatus
write_objects(Answer *a, int i, bool *written)
{
	const SlmField *field = &a->schema->field[i];
	uint32_t n = 0;
	int32_t n_object;

	SLM_TRY(group_values(a, i, &n_object));
	SLM_TRY(put_json(a, "["));
	for (int32_t object = 0; object < n_object && n < field->max_items; object++)
	{
		Mark before = mark(a);
		char index[16];
		bool made, says;

		go_to_object(a, i, object);
		if (n > 0)
			SLM_TRY(put_json(a, ", "));
		snprintf(index, sizeof(index), "[%u]", n);
		SLM_TRY(put(a, &a->path, index, strlen(index)));
		SLM_TRY(write_object(a, i, &made, &says));
		a->path.n = before.n_path;
		if (made)
			n++;
		else
			take_back(a, before);
	}
	*written = n > 0 && n >= field->min_items;
	return put_json(a, "]");
}

static SlmStatus
write_field(Answer *a, int i, bool *written)
{
	const SlmField *field = &a->schema->field[i];
	bool made, says;

	if (field->type != SLM_FIELD_OBJECT)
		return field->is_list ? write_list(a, field, written) : write_single(a, field, written);
	if (field->is_list)
		return write_objects(a, i, written);
	SLM_TRY(write_object(a, i, &made, &says));
	/* of which nothing is known, it stands only where it must */
	*written = made && (says || field->missing == SLM_MISSING_FAILS);
	return SLM_OK;
}

SlmStatus
slm_extract_answer(const SlmSchema *schema, const SlmLeafValues *leaf, const SlmHost *host,
				   SlmArena *arena, SlmExtraction *out, SlmError *err)
{
	Answer a = {.schema = schema, .leaf = leaf, .host = host, .arena = arena, .err = err};
	char quoted[128];
	bool made, says;

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) schema->n_leaf, &a.group, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) schema->n_leaf, &a.at, err));
	memset(a.group, 0, (size_t) schema->n_leaf * sizeof(*a.group));
	memset(a.at, 0, (size_t) schema->n_leaf * sizeof(*a.at));
	SLM_TRY(write_object(&a, 0, &made, &says));
	if (!made)
	{
		SlmText name = slm_schema_text(schema, schema->field[a.missing].name);

		return slm_fail(err, SLM_ERR_NO_VALUE, "text has no value for required field \"%s\"",
						slm_error_quote(quoted, sizeof(quoted), name.data, name.size));
	}
	out->json = (SlmText){a.json.data, a.json.n};
	out->value = a.value;
	out->n_value = a.n_value;
	return SLM_OK;
}
