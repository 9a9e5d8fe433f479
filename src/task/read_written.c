/*
 * read_written.c - values in what a decoder has written, and where they come from
 *
 * Recursion follows the schema's nesting, which SLM_MAX_SCHEMA_DEPTH caps.
 */
#include "task/read_written.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "task/buffer.h"
#include "task/candidates.h"
#include "task/decimal.h"

#define FIRST_VALUES 16
#define KNOWN_PLACES 256 /* of one value that are looked at */
#define POLL_FOUND 64
#define POLL_BYTES 4096

typedef struct Reader
{
	const SlmSchema *schema;
	const SlmWritten *written;
	size_t at; /* in the answer */
	SlmText text;
	const SlmVerbatim *input;
	SlmFound *found;
	size_t n_found;
	size_t *behind; /* [n_leaf] the end of the field's last source */
	SlmBuffer path; /* of the field being read */
	SlmExtracted *value;
	int n_value, room_value;
	const SlmHost *host;
	SlmArena *arena;
	SlmError *err;
} Reader;

/* ---- JSON as the grammar writes it ------------------------------------------------------ */

static SlmStatus
fail(Reader *r)
{
	return slm_fail(r->err, SLM_ERR_INTERNAL, "answer is not what its schema asks for at byte %zu",
					r->at);
}

/* Goes behind a text that stands here; false when it does not. */
static bool
take(Reader *r, const char *what)
{
	size_t n = strlen(what);

	if (n > r->written->text.size - r->at || memcmp(r->written->text.data + r->at, what, n) != 0)
		return false;
	r->at += n;
	return true;
}

static bool
take_hex(Reader *r, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++, r->at++)
	{
		int digit = r->at < r->written->text.size
						? slm_hex_value((uint8_t) r->written->text.data[r->at])
						: -1;

		if (digit < 0)
			return false;
		*out = *out * 16 + (uint32_t) digit;
	}
	return true;
}

/* What stands behind a backslash, as UTF-8. */
static SlmStatus
read_escape(Reader *r, uint8_t out[4], size_t *n)
{
	static const char named[] = "b\bf\fn\nr\rt\t\"\"\\\\//";
	uint32_t c, low;

	for (int i = 0; r->at < r->written->text.size && named[i] != '\0'; i += 2)
		if (named[i] == r->written->text.data[r->at])
		{
			out[0] = (uint8_t) named[i + 1];
			*n = 1;
			r->at++;
			return SLM_OK;
		}
	if (!take(r, "u") || !take_hex(r, &c))
		return fail(r);
	if (c >= 0xD800 && c < 0xE000)
	{
		if (c >= 0xDC00 || !take(r, "\\u") || !take_hex(r, &low) || low < 0xDC00 || low >= 0xE000)
			return fail(r);
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	*n = (size_t) slm_utf8_encode(c, out);
	return SLM_OK;
}

/* A string, its escapes made characters, in the arena. */
static SlmStatus
read_string(Reader *r, SlmText *out)
{
	SlmText json = r->written->text;
	size_t n = 0;
	char *text;

	if (!take(r, "\""))
		return fail(r);
	SLM_TRY(SLM_NEW_ARRAY(r->arena, json.size - r->at, &text, r->err));
	while (r->at < json.size && json.data[r->at] != '"')
	{
		uint8_t bytes[4];
		size_t size = 1;

		if (r->at % POLL_BYTES == 0)
			SLM_TRY(slm_poll(r->host, r->err));
		bytes[0] = (uint8_t) json.data[r->at++];
		/* an escape has more bytes than what it stands for */
		if (bytes[0] == '\\')
			SLM_TRY(read_escape(r, bytes, &size));
		memcpy(text + n, bytes, size);
		n += size;
	}
	*out = (SlmText){text, n};
	return take(r, "\"") ? SLM_OK : fail(r);
}

/* A number, true or false. */
static SlmStatus
read_word(Reader *r, SlmText *out)
{
	SlmText json = r->written->text;
	size_t start = r->at;

	while (r->at < json.size && memchr(",]}", json.data[r->at], 3) == NULL)
		r->at++;
	*out = (SlmText){json.data + start, r->at - start};
	return out->size > 0 ? SLM_OK : fail(r);
}

/* ---- Sources ---------------------------------------------------------------------------- */

/* A place of a value: true when it is the one that is looked for. */
static bool
consider(SlmExtracted *value, size_t start, size_t end, size_t behind)
{
	if (value->has_source && start < behind)
		return false;
	value->has_source = true;
	value->start = start;
	value->size = end - start;
	return start >= behind;
}

static void
find_verbatim(const Reader *r, size_t behind, SlmExtracted *value)
{
	size_t start[KNOWN_PLACES];
	size_t n = slm_verbatim_find(r->input, value->value, start, KNOWN_PLACES);

	for (size_t i = 0; i < n && i < KNOWN_PLACES; i++)
		if (consider(value, start[i], start[i] + value->value.size, behind))
			break;
}

static SlmStatus
find_choice(const Reader *r, size_t behind, SlmExtracted *value)
{
	for (size_t at = 0; at < r->text.size; at++)
	{
		SlmText rest = {r->text.data + at, r->text.size - at};
		size_t size = slm_spelled_here(rest, value->value);

		if (at % POLL_BYTES == 0)
			SLM_TRY(slm_poll(r->host, r->err));
		if (size > 0 && slm_verbatim_is_whole(r->input, at, at + size) &&
			consider(value, at, at + size, behind))
			break;
	}
	return SLM_OK;
}

static bool
says_the_same(const SlmField *field, SlmText a, SlmText b)
{
	if (field->type != SLM_FIELD_STRING)
		return slm_decimal_compare(a, b) == 0;
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (slm_lower((uint8_t) a.data[i]) != slm_lower((uint8_t) b.data[i]))
			return false;
	return true;
}

static SlmStatus
find_by_kind(const Reader *r, const SlmField *field, size_t behind, SlmExtracted *value)
{
	for (size_t i = 0; i < r->n_found; i++)
	{
		const SlmFound *found = &r->found[i];
		SlmText source = {r->text.data + found->start, found->size};
		SlmNormal normal;

		if (i % POLL_FOUND == 0)
			SLM_TRY(slm_poll(r->host, r->err));
		if ((field->kinds & SLM_KIND_SET(found->kind)) != 0 &&
			slm_normalize_value(field->value, source, r->schema->needs_offset, &normal) &&
			says_the_same(field, (SlmText){normal.data, normal.size}, value->value) &&
			consider(value, found->start, found->start + found->size, behind))
			break;
	}
	return SLM_OK;
}

static SlmStatus
find_source(Reader *r, const SlmField *field, SlmExtracted *value)
{
	size_t *behind = &r->behind[field->leaf];

	if (field->n_choice > 0)
		SLM_TRY(find_choice(r, *behind, value));
	else if (!field->normalized)
		find_verbatim(r, *behind, value);
	else if (field->type != SLM_FIELD_BOOLEAN)
		SLM_TRY(find_by_kind(r, field, *behind, value));
	if (value->has_source)
		*behind = value->start + value->size;
	return SLM_OK;
}

/* The product over tokens that bytes first .. end-1 of the answer are of. */
static float
confidence_of(const SlmWritten *written, size_t first, size_t end)
{
	float product = 1.0f;
	size_t start = 0;

	for (int i = 0; i < written->n_token && start < end; i++)
	{
		if (written->token[i].end > first)
			product *= written->token[i].chance;
		start = written->token[i].end;
	}
	return product;
}

/* ---- Values ----------------------------------------------------------------------------- */

static SlmStatus
add_value(Reader *r, SlmExtracted **out)
{
	char *path;

	if (r->n_value == r->room_value)
	{
		int room = r->room_value > 0 ? r->room_value * 2 : FIRST_VALUES;
		SlmExtracted *larger;

		SLM_TRY(SLM_NEW_ARRAY(r->arena, (size_t) room, &larger, r->err));
		if (r->n_value > 0)
			memcpy(larger, r->value, (size_t) r->n_value * sizeof(*larger));
		r->value = larger;
		r->room_value = room;
	}
	SLM_TRY(SLM_NEW_ARRAY(r->arena, r->path.n, &path, r->err));
	memcpy(path, r->path.data, r->path.n);
	*out = &r->value[r->n_value++];
	**out = (SlmExtracted){.path = {path, r->path.n}};
	return SLM_OK;
}

/* A value of a leaf, which is not null. */
static SlmStatus
read_leaf(Reader *r, const SlmField *field)
{
	size_t start = r->at;
	SlmExtracted *value;

	SLM_TRY(slm_poll(r->host, r->err));
	SLM_TRY(add_value(r, &value));
	SLM_TRY((field->type == SLM_FIELD_STRING ? read_string : read_word)(r, &value->value));
	value->confidence = confidence_of(r->written, start, r->at);
	return find_source(r, field, value);
}

static SlmStatus read_object(Reader *r, int i);

static SlmStatus
read_one(Reader *r, int i)
{
	const SlmField *field = &r->schema->field[i];

	return field->type == SLM_FIELD_OBJECT ? read_object(r, i) : read_leaf(r, field);
}

/* Objects of a list are numbered, other values of one are not. */
static SlmStatus
read_list(Reader *r, int i)
{
	size_t before = r->path.n;
	uint32_t n = 0;

	if (!take(r, "["))
		return fail(r);
	while (!take(r, "]"))
	{
		if (n > 0 && !take(r, ", "))
			return fail(r);
		if (r->schema->field[i].type == SLM_FIELD_OBJECT)
		{
			char index[16];

			snprintf(index, sizeof(index), "[%u]", n);
			SLM_TRY(slm_buffer_put(&r->path, r->arena, index, strlen(index), r->err));
		}
		SLM_TRY(read_one(r, i));
		r->path.n = before;
		n++;
	}
	return SLM_OK;
}

/* The field of a name in object i. */
static SlmStatus
find_field(Reader *r, int i, SlmText name, int *out)
{
	const SlmSchema *schema = r->schema;

	for (*out = i + 1; *out < schema->field[i].next; *out = schema->field[*out].next)
		if (slm_text_compare(slm_schema_text(schema, schema->field[*out].name), name) == 0)
			return SLM_OK;
	return fail(r);
}

static SlmStatus
read_object(Reader *r, int i)
{
	bool first = true;

	if (!take(r, "{"))
		return fail(r);
	for (; !take(r, "}"); first = false)
	{
		size_t before = r->path.n;
		SlmText name;
		int child;

		if (!first && !take(r, ", "))
			return fail(r);
		SLM_TRY(read_string(r, &name));
		if (!take(r, ": "))
			return fail(r);
		SLM_TRY(find_field(r, i, name, &child));
		if (r->path.n > 0)
			SLM_TRY(slm_buffer_put(&r->path, r->arena, ".", 1, r->err));
		SLM_TRY(slm_buffer_put(&r->path, r->arena, name.data, name.size, r->err));
		if (!take(r, "null"))
			SLM_TRY(r->schema->field[child].is_list ? read_list(r, child) : read_one(r, child));
		r->path.n = before;
	}
	return SLM_OK;
}

SlmStatus
slm_read_written(const SlmSchema *schema, const SlmWritten *written, SlmText text,
				 const SlmVerbatim *input, const SlmHost *host, SlmArena *arena, SlmExtraction *out,
				 SlmError *err)
{
	Reader r = {.schema = schema,
				.written = written,
				.text = text,
				.input = input,
				.host = host,
				.arena = arena,
				.err = err};
	SlmKinds kinds = 0;

	for (int i = 1; i < schema->n_field; i++)
		if (schema->field[i].normalized)
			kinds |= schema->field[i].kinds;
	if (kinds != 0)
		SLM_TRY(slm_scan(text, kinds, host, arena, &r.found, &r.n_found, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) schema->n_leaf, &r.behind, err));
	memset(r.behind, 0, (size_t) schema->n_leaf * sizeof(*r.behind));
	SLM_TRY(read_object(&r, 0));
	*out = (SlmExtraction){.json = written->text, .value = r.value, .n_value = r.n_value};
	return SLM_OK;
}
