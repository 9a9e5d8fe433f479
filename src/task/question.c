/*
 * question.c - what a model reads of a field, in words
 */
#include "base/ascii.h"
#include "base/limits.h"
#include "task/schema.h"

/* Does a word of a key begin at byte i, by its capital? */
static bool
capital_begins(SlmText key, size_t i)
{
	uint8_t before;

	if (i == 0 || !slm_is_upper((uint8_t) key.data[i]))
		return false;
	before = (uint8_t) key.data[i - 1];
	if (!slm_is_upper(before))
		return slm_is_alnum(before);
	return i + 1 < key.size && slm_is_letter((uint8_t) key.data[i + 1]) &&
		   !slm_is_upper((uint8_t) key.data[i + 1]);
}

/* Appends the words of a field's name; out has room for twice its bytes. */
static size_t
put_name(const SlmSchema *schema, const SlmField *field, char *out)
{
	SlmText title = slm_schema_text(schema, field->title);
	SlmText key = slm_schema_text(schema, field->name);
	size_t n = 0;

	if (title.size > 0)
	{
		memcpy(out, title.data, title.size);
		return title.size;
	}
	for (size_t i = 0; i < key.size; i++)
	{
		if (capital_begins(key, i))
			out[n++] = ' ';
		out[n++] = key.data[i] == '_' || key.data[i] == '-' ? ' ' : key.data[i];
	}
	return n;
}

SlmStatus
slm_schema_question(const SlmSchema *schema, int i, SlmArena *arena, SlmText *out, SlmError *err)
{
	SlmText description = slm_schema_text(schema, schema->field[i].description);
	int path[SLM_MAX_SCHEMA_DEPTH + 1];
	int n_path = 0;
	size_t room = description.size + 2;
	size_t n = 0;
	char *text;

	for (int at = i; at > 0 && n_path <= SLM_MAX_SCHEMA_DEPTH; at = schema->field[at].parent)
	{
		room += 2 * (size_t) schema->field[at].name.size + schema->field[at].title.size + 1;
		path[n_path++] = at;
	}
	SLM_TRY(slm_arena_alloc(arena, room, (void **) &text, err));
	while (n_path > 0)
	{
		if (n > 0)
			text[n++] = ' ';
		n += put_name(schema, &schema->field[path[--n_path]], text + n);
	}
	if (description.size > 0)
	{
		memcpy(text + n, ": ", 2);
		memcpy(text + n + 2, description.data, description.size);
		n += 2 + description.size;
	}
	*out = (SlmText){text, n};
	return SLM_OK;
}
