/*
 * field_prompt.c - the fields of a schema, as a decoder reads and writes them
 */
#include "task/field_prompt.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"

#define NODES_A_FIELD 24 /* at most, beside the values of its enum */

/* The format of JSON Schema of strings that are spelled in one way; NULL: any. */
static const char *
format_of(const SlmField *field)
{
	static const char *const format[SLM_VALUE_TYPE_COUNT] = {
		[SLM_VALUE_DATE] = "date",   [SLM_VALUE_TIME] = "time", [SLM_VALUE_DATE_TIME] = "date-time",
		[SLM_VALUE_EMAIL] = "email", [SLM_VALUE_URI] = "uri",   [SLM_VALUE_IPV4] = "ipv4",
		[SLM_VALUE_IPV6] = "ipv6",   [SLM_VALUE_UUID] = "uuid",
	};

	return field->type == SLM_FIELD_STRING && field->normalized ? format[field->value] : NULL;
}

static const char *
type_of(const SlmField *field)
{
	static const char *const type[] = {
		[SLM_FIELD_STRING] = "string", [SLM_FIELD_INTEGER] = "integer",
		[SLM_FIELD_NUMBER] = "number", [SLM_FIELD_BOOLEAN] = "boolean",
		[SLM_FIELD_OBJECT] = "object",
	};

	return type[field->type];
}

/* ---- The prompt -------------------------------------------------------------- */

/* A text that is first measured (data is NULL), then written. */
typedef struct Writer
{
	char *data;
	size_t n;
} Writer;

static void
put(Writer *w, SlmText text)
{
	if (w->data != NULL && text.size > 0)
		memcpy(w->data + w->n, text.data, text.size);
	w->n += text.size;
}

static void
put_path(Writer *w, const SlmSchema *schema, int32_t i)
{
	int32_t path[SLM_MAX_SCHEMA_DEPTH + 1];
	int n = 0;

	for (; i > 0 && n <= SLM_MAX_SCHEMA_DEPTH; i = schema->field[i].parent)
		path[n++] = i;
	for (int k = n - 1; k >= 0; k--)
	{
		put(w, slm_schema_text(schema, schema->field[path[k]].name));
		put(w, slm_text(k > 0 ? (schema->field[path[k]].is_list ? "[]." : ".") : ""));
	}
}

static void
put_type(Writer *w, const SlmSchema *schema, const SlmField *field)
{
	put(w, slm_text(field->is_list ? "list of " : ""));
	for (int i = 0; i < field->n_choice; i++)
	{
		put(w, slm_text(i > 0 ? " | " : ""));
		put(w, slm_schema_choice(schema, field, i));
	}
	if (field->n_choice == 0)
		put(w, slm_text(format_of(field) != NULL ? format_of(field) : type_of(field)));
	put(w, slm_text(field->missing == SLM_MISSING_NULL ? " or null" : ""));
}

static void
put_prompt(Writer *w, const SlmSchema *schema, SlmText text)
{
	put(w, slm_text("Fields:\n"));
	for (int32_t i = 1; i < schema->n_field; i++)
	{
		const SlmField *field = &schema->field[i];

		if (field->type == SLM_FIELD_OBJECT)
			continue;
		put(w, slm_text("- "));
		put_path(w, schema, i);
		put(w, slm_text(": "));
		put_type(w, schema, field);
		if (field->description.size > 0)
		{
			put(w, slm_text("; "));
			put(w, slm_schema_text(schema, field->description));
		}
		put(w, slm_text("\n"));
	}
	put(w, slm_text("\nText:\n"));
	put(w, text);
}

SlmStatus
slm_field_prompt(const SlmSchema *schema, SlmText text, SlmArena *arena, SlmText *out,
				 SlmError *err)
{
	Writer w = {NULL, 0};

	put_prompt(&w, schema, text);
	SLM_TRY(SLM_NEW_ARRAY(arena, w.n, &w.data, err));
	w.n = 0;
	put_prompt(&w, schema, text);
	*out = (SlmText){w.data, w.n};
	return SLM_OK;
}

/* ---- JSON Schema -------------------------------------------------------------- */

/* Nodes being written; a container's `next` is set when it ends. */
typedef struct Nodes
{
	const SlmSchema *schema;
	SlmJsonNode *node;
	uint32_t n;
} Nodes;

static uint32_t
add(Nodes *nodes, SlmText key, SlmJsonKind kind, SlmText text)
{
	uint32_t i = nodes->n++;

	nodes->node[i] = (SlmJsonNode){kind, i + 1, key, text};
	return i;
}

static uint32_t
begin(Nodes *nodes, const char *key, SlmJsonKind kind)
{
	return add(nodes, slm_text(key), kind, slm_text(""));
}

static void
end(Nodes *nodes, uint32_t container)
{
	nodes->node[container].next = nodes->n;
}

static void
add_word(Nodes *nodes, const char *key, const char *word)
{
	add(nodes, slm_text(key), SLM_JSON_STRING, slm_text(word));
}

/* A count as a number; digits lie in the arena. */
static SlmStatus
add_count(Nodes *nodes, const char *key, uint32_t count, SlmArena *arena, SlmError *err)
{
	char *digits;

	SLM_TRY(SLM_NEW_ARRAY(arena, 12, &digits, err));
	snprintf(digits, 12, "%u", count);
	add(nodes, slm_text(key), SLM_JSON_NUMBER, slm_text(digits));
	return SLM_OK;
}

/* What one value of a field is, null among it where the field may be. */
static SlmStatus
add_scalar(Nodes *nodes, const SlmField *field, bool nullable, SlmArena *arena, SlmError *err)
{
	const SlmSchema *schema = nodes->schema;
	SlmText least = slm_schema_text(schema, field->minimum);
	SlmText most = slm_schema_text(schema, field->maximum);
	uint32_t list;

	if (field->n_choice > 0)
	{
		list = begin(nodes, "enum", SLM_JSON_ARRAY);
		for (int i = 0; i < field->n_choice; i++)
			add(nodes, slm_text(""), SLM_JSON_STRING, slm_schema_choice(schema, field, i));
		if (nullable)
			begin(nodes, "", SLM_JSON_NULL);
		end(nodes, list);
		return SLM_OK;
	}
	list = begin(nodes, "type", SLM_JSON_ARRAY);
	add_word(nodes, "", type_of(field));
	if (nullable)
		add_word(nodes, "", "null");
	end(nodes, list);
	if (format_of(field) != NULL)
		add_word(nodes, "format", format_of(field));
	if (least.size > 0)
		add(nodes, slm_text("minimum"), SLM_JSON_NUMBER, least);
	if (most.size > 0)
		add(nodes, slm_text("maximum"), SLM_JSON_NUMBER, most);
	if (field->type != SLM_FIELD_STRING)
		return SLM_OK;
	/* a value that is there is not empty */
	SLM_TRY(
		add_count(nodes, "minLength", field->min_length > 0 ? field->min_length : 1, arena, err));
	if (field->max_length < SLM_MAX_GRAMMAR_CHARS)
		SLM_TRY(add_count(nodes, "maxLength", field->max_length, arena, err));
	return SLM_OK;
}

/*
 * The keywords of field i, into the object that has been begun.  Recursion follows
 * the schema's nesting, which SLM_MAX_SCHEMA_DEPTH caps.
 */
static SlmStatus
add_field(Nodes *nodes, int32_t i, SlmArena *arena, SlmError *err)
{
	const SlmSchema *schema = nodes->schema;
	const SlmField *field = &schema->field[i];
	bool nullable = i > 0 && field->missing == SLM_MISSING_NULL;
	uint32_t items = 0, list, one;

	if (field->is_list)
	{
		list = begin(nodes, "type", SLM_JSON_ARRAY);
		add_word(nodes, "", "array");
		if (nullable)
			add_word(nodes, "", "null");
		end(nodes, list);
		if (field->min_items > 0)
			SLM_TRY(add_count(nodes, "minItems", field->min_items, arena, err));
		if (field->max_items < SLM_MAX_GRAMMAR_ITEMS)
			SLM_TRY(add_count(nodes, "maxItems", field->max_items, arena, err));
		items = begin(nodes, "items", SLM_JSON_OBJECT);
		nullable = false;
	}
	if (field->type != SLM_FIELD_OBJECT)
		SLM_TRY(add_scalar(nodes, field, nullable, arena, err));
	else
	{
		list = begin(nodes, "type", SLM_JSON_ARRAY);
		add_word(nodes, "", "object");
		if (nullable)
			add_word(nodes, "", "null");
		end(nodes, list);
		list = begin(nodes, "properties", SLM_JSON_OBJECT);
		for (int32_t child = i + 1; child < field->next; child = schema->field[child].next)
		{
			one = add(nodes, slm_schema_text(schema, schema->field[child].name), SLM_JSON_OBJECT,
					  slm_text(""));
			SLM_TRY(add_field(nodes, child, arena, err));
			end(nodes, one);
		}
		end(nodes, list);
		list = begin(nodes, "required", SLM_JSON_ARRAY);
		for (int32_t child = i + 1; child < field->next; child = schema->field[child].next)
			if (schema->field[child].missing != SLM_MISSING_LEFT_OUT)
				add(nodes, slm_text(""), SLM_JSON_STRING,
					slm_schema_text(schema, schema->field[child].name));
		end(nodes, list);
	}
	if (field->is_list)
		end(nodes, items);
	return SLM_OK;
}

SlmStatus
slm_field_nodes(const SlmSchema *schema, SlmArena *arena, SlmJsonNode **out, uint32_t *n,
				SlmError *err)
{
	Nodes nodes = {.schema = schema};
	size_t room = (size_t) schema->n_field * NODES_A_FIELD + (size_t) schema->n_choice;

	SLM_TRY(SLM_NEW_ARRAY(arena, room, &nodes.node, err));
	begin(&nodes, "", SLM_JSON_OBJECT);
	SLM_TRY(add_field(&nodes, 0, arena, err));
	end(&nodes, 0);
	*out = nodes.node;
	*n = nodes.n;
	return SLM_OK;
}
