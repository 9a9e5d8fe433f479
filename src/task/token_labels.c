/*
 * token_labels.c - the labels of a token-classification head, as fields and spans
 */
#include "task/token_labels.h"

#include <stdio.h>

#include "task/candidates.h"

#define PREFIX_BYTES 2 /* of B- and its like */
#define HINT_BYTES 192 /* of the types that a hint names */

/* The names of types that data sets use most, and what people call them. */
static const struct
{
	const char *type, *name;
} long_forms[] = {
	{"PER", "person"},   {"ORG", "organization"},   {"ORG", "organisation"},
	{"LOC", "location"}, {"MISC", "miscellaneous"},
};

#define N_LONG_FORM (sizeof(long_forms) / sizeof(long_forms[0]))

static bool
is_outside(SlmText label)
{
	return label.size == 1 && label.data[0] == 'O';
}

static bool
has_prefix(SlmText label)
{
	return label.size > PREFIX_BYTES && memchr("BIESLU", label.data[0], 6) != NULL &&
		   (label.data[1] == '-' || label.data[1] == '_');
}

SlmStatus
slm_token_labels_read(const SlmModel *model, SlmArena *arena, SlmTokenLabel **out, SlmError *err)
{
	int n = slm_model_info(model)->n_token_class;
	bool prefixed = true;

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n, out, err));
	for (int i = 0; i < n; i++)
	{
		SlmText label = slm_model_class_label(model, i);

		prefixed &= is_outside(label) || has_prefix(label);
	}
	for (int i = 0; i < n; i++)
	{
		SlmText label = slm_model_class_label(model, i);
		SlmTokenLabel *read = &(*out)[i];

		*read = (SlmTokenLabel){is_outside(label) ? slm_text("") : label, false, false};
		if (!prefixed || is_outside(label))
			continue;
		read->type = (SlmText){label.data + PREFIX_BYTES, label.size - PREFIX_BYTES};
		read->begins = memchr("BSU", label.data[0], 3) != NULL;
		read->ends = memchr("ESLU", label.data[0], 4) != NULL;
	}
	return SLM_OK;
}

/* ---- Fields ---------------------------------------------------------------- */

/* Do two texts spell the same name? */
static bool
same_name(SlmText a, SlmText b)
{
	return a.size > 0 && b.size > 0 && slm_spelled_here(a, b) == a.size;
}

/* The type that a name is the long form of, else the name. */
static SlmText
short_form(SlmText name)
{
	for (size_t i = 0; i < N_LONG_FORM; i++)
		if (same_name(name, slm_text(long_forms[i].name)))
			return slm_text(long_forms[i].type);
	return name;
}

/* Marks the labels of the type with a name; says whether there are any. */
static bool
mark_labels(const SlmTokenLabel *label, int n, SlmText name, float *out)
{
	bool found = false;

	name = short_form(name);
	for (int i = 0; i < n; i++)
	{
		bool same = same_name(name, short_form(label[i].type));

		out[i] = same ? 1.0f : 0.0f;
		found |= same;
	}
	return found;
}

/* Is it the first label of its type? */
static bool
is_first(const SlmTokenLabel *label, int i)
{
	for (int j = 0; j < i; j++)
		if (same_name(label[j].type, label[i].type))
			return false;
	return label[i].type.size > 0;
}

static SlmStatus
fail_unknown(const SlmTokenLabel *label, int n, SlmText name, const SlmHost *host, SlmError *err)
{
	char list[HINT_BYTES + 8] = "", quoted[64];
	size_t size = 0;

	for (int i = 0; i < n; i++)
	{
		size_t more;

		SLM_TRY(slm_poll(host, err));
		if (!is_first(label, i))
			continue;
		slm_error_quote(quoted, sizeof(quoted), label[i].type.data, label[i].type.size);
		more = strlen(quoted) + (size > 0 ? 2 : 0);
		if (size + more > HINT_BYTES)
		{
			snprintf(list + size, sizeof(list) - size, ", ...");
			break;
		}
		snprintf(list + size, sizeof(list) - size, "%s%s", size > 0 ? ", " : "", quoted);
		size += more;
	}
	slm_fail(err, SLM_ERR_ARGUMENT, "field \"%s\" is not a type that the model knows",
			 slm_error_quote(quoted, sizeof(quoted), name.data, name.size));
	if (size > 0)
		slm_error_hint(err, "Its types are %s.", list);
	return SLM_ERR_ARGUMENT;
}

SlmStatus
slm_token_labels_match(const SlmTokenLabel *label, int n, const SlmSchema *schema,
					   const SlmHost *host, float *out, SlmError *err)
{
	for (int i = 0; i < schema->n_field; i++)
	{
		const SlmField *field = &schema->field[i];
		float *mine;

		if (field->leaf < 0)
			continue;
		SLM_TRY(slm_poll(host, err));
		mine = out + (size_t) field->leaf * (size_t) n;
		if (!mark_labels(label, n, slm_schema_text(schema, field->name), mine) &&
			!mark_labels(label, n, slm_schema_text(schema, field->title), mine) &&
			!mark_labels(label, n, slm_schema_text(schema, field->description), mine))
			return fail_unknown(label, n, slm_schema_text(schema, field->name), host, err);
	}
	return SLM_OK;
}

/* ---- Spans ----------------------------------------------------------------- */

void
slm_token_labels_spans(const SlmTokenLabel *label, const float *mine, const int32_t *best,
					   int n_word, int32_t *last)
{
	int first = -1; /* of the open span, -1: none is open */

	for (int i = 0; i < n_word; i++)
	{
		const SlmTokenLabel *own = &label[best[i]];

		last[i] = -1;
		if (!(mine[best[i]] > 0.0f))
		{
			first = -1;
			continue;
		}
		if (first < 0 || own->begins || i - first == SLM_SPAN_WORDS)
			first = i;
		last[first] = i;
		if (own->ends)
			first = -1;
	}
}
