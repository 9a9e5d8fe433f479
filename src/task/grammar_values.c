/*
 * grammar_values.c - literals, strings and numbers of a grammar
 */
#include "task/decimal.h"
#include "task/grammar_compile.h"

#include <stdlib.h>

/* ---- Values ----------------------------------------------------------------------- */

SlmStatus
slm_grammar_add_value(Compiler *c, SlmGrammarKind kind, Place place, uint16_t *out)
{
	if (c->n_value == SLM_MAX_GRAMMAR_VALUES)
		return slm_keywords_too_many(&c->reader, "values, with each $ref written out",
									 SLM_MAX_GRAMMAR_VALUES);
	c->value[c->n_value] = (SlmGrammarValue){
		.kind = kind,
		.parent = place.parent,
		.index = place.index,
		.level = place.level,
		.key = SLM_GRAMMAR_NOWHERE,
	};
	c->width[c->n_value] = 1;
	*out = (uint16_t) c->n_value++;
	return SLM_OK;
}

SlmStatus
slm_grammar_add_alternative(Compiler *c, SlmGrammarKind kind, Place place, uint16_t *out)
{
	SLM_TRY(slm_grammar_add_value(c, kind, place, out));
	c->pending[c->n_pending++] = *out;
	return SLM_OK;
}

/* ---- Literals --------------------------------------------------------------------- */

typedef struct Writer
{
	char *out; /* NULL: only measure */
	size_t n;
} Writer;

static void
write_bytes(Writer *w, const char *data, size_t n)
{
	if (w->out != NULL && n > 0)
		memcpy(w->out + w->n, data, n);
	w->n += n;
}

static void
write_string(Writer *w, SlmText text)
{
	static const char hex[] = "0123456789abcdef";
	static const char short_ones[] = "\bb\ff\nn\rr\tt\"\"\\\\";

	write_bytes(w, "\"", 1);
	for (size_t i = 0; i < text.size; i++)
	{
		uint8_t byte = (uint8_t) text.data[i];
		char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
		size_t n = byte < 0x20 ? 6 : 0;

		for (int s = 0; short_ones[s] != '\0'; s += 2)
			if ((uint8_t) short_ones[s] == byte)
			{
				escape[1] = short_ones[s + 1];
				n = 2;
			}
		write_bytes(w, n > 0 ? escape : text.data + i, n > 0 ? n : 1);
	}
	write_bytes(w, "\"", 1);
}

SlmStatus
slm_grammar_write_key(Compiler *c, SlmText name, SlmText *out)
{
	Writer measure = {0}, w = {0};

	write_string(&measure, name);
	SLM_TRY(SLM_NEW_ARRAY(c->arena, measure.n + 2, &w.out, c->err));
	write_string(&w, name);
	write_bytes(&w, ": ", 2);
	*out = (SlmText){w.out, w.n};
	return SLM_OK;
}

/* A node as the grammar writes JSON; the depth is capped by the caller's schema. */
static SlmStatus
write_node(Compiler *c, uint32_t at, int depth, Writer *w)
{
	const SlmJsonNode *node = &c->node[at];
	bool is_object = node->kind == SLM_JSON_OBJECT;

	if (depth > SLM_MAX_SCHEMA_DEPTH)
		return slm_keywords_too_many(&c->reader, "nested values", SLM_MAX_SCHEMA_DEPTH);
	switch (node->kind)
	{
		case SLM_JSON_NULL:
			write_bytes(w, "null", 4);
			break;
		case SLM_JSON_FALSE:
			write_bytes(w, "false", 5);
			break;
		case SLM_JSON_TRUE:
			write_bytes(w, "true", 4);
			break;
		case SLM_JSON_NUMBER:
			write_bytes(w, node->text.data, node->text.size);
			break;
		case SLM_JSON_STRING:
			write_string(w, node->text);
			break;
		default:
			write_bytes(w, is_object ? "{" : "[", 1);
			for (uint32_t i = at + 1; i < node->next; i = c->node[i].next)
			{
				if (i > at + 1)
					write_bytes(w, ", ", 2);
				if (is_object)
				{
					write_string(w, c->node[i].key);
					write_bytes(w, ": ", 2);
				}
				SLM_TRY(write_node(c, i, depth + 1, w));
			}
			write_bytes(w, is_object ? "}" : "]", 1);
			break;
	}
	return SLM_OK;
}

static SlmStatus
add_literal_text(Compiler *c, SlmGrammarValue *value, SlmText text)
{
	if (value->n == SLM_MAX_SCHEMA_CHOICES)
		return slm_keywords_too_many(&c->reader, "values of one enum", SLM_MAX_SCHEMA_CHOICES);
	if (c->n_literal == SLM_MAX_LABELS)
		return slm_keywords_too_many(&c->reader, "values of enums", SLM_MAX_LABELS);
	c->literal[c->n_literal++] = text;
	value->n++;
	return SLM_OK;
}

static SlmStatus
add_literal(Compiler *c, SlmGrammarValue *value, uint32_t at)
{
	Writer measure = {0}, w = {0};

	SLM_TRY(write_node(c, at, 0, &measure));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, measure.n, &w.out, c->err));
	SLM_TRY(write_node(c, at, 0, &w));
	return add_literal_text(c, value, (SlmText){w.out, w.n});
}

static int
compare_texts(const void *a, const void *b)
{
	return slm_text_compare(*(const SlmText *) a, *(const SlmText *) b);
}

/* Sorts the last literals, those of a value, and leaves out what is there twice. */
static void
finish_literals(Compiler *c, SlmGrammarValue *value)
{
	SlmText *literal = c->literal + value->first;
	uint32_t n = 0;

	qsort(literal, value->n, sizeof(*literal), compare_texts);
	for (uint32_t i = 0; i < value->n; i++)
		if (i == 0 || slm_text_compare(literal[i], literal[n - 1]) != 0)
			literal[n++] = literal[i];
	c->n_literal -= value->n - n;
	value->n = n;
}

static bool
is_whole(SlmText number)
{
	size_t point = 0;

	while (point < number.size && number.data[point] != '.')
		point++;
	for (size_t i = point + 1; i < number.size; i++)
		if (number.data[i] != '0')
			return false;
	return true;
}

/* May a value of the schema's types be this one? */
static bool
has_type(const SlmJsonNode *node, unsigned types)
{
	switch (node->kind)
	{
		case SLM_JSON_NULL:
			return (types & BIT(TYPE_NULL)) != 0;
		case SLM_JSON_FALSE:
		case SLM_JSON_TRUE:
			return (types & BIT(TYPE_BOOLEAN)) != 0;
		case SLM_JSON_NUMBER:
			return (types & BIT(TYPE_NUMBER)) != 0 ||
				   ((types & BIT(TYPE_INTEGER)) != 0 && is_whole(node->text));
		case SLM_JSON_STRING:
			return (types & BIT(TYPE_STRING)) != 0;
		case SLM_JSON_ARRAY:
			return (types & BIT(TYPE_ARRAY)) != 0;
		default:
			return (types & BIT(TYPE_OBJECT)) != 0;
	}
}

/* The values of enum, or the one of const, that have one of the types. */
SlmStatus
slm_grammar_read_literals(Compiler *c, const Keywords *k, unsigned types, Place place)
{
	const SlmJsonNode *node = c->node;
	uint32_t array = k->at[ENUM];
	Keyword keyword = array != 0 ? ENUM : CONST;
	SlmGrammarValue *value;
	uint16_t number;

	if (array != 0 && k->at[CONST] != 0)
		return slm_keyword_unsupported(&c->reader, slm_text("const"),
									   "is not supported beside \"enum\"");
	SLM_TRY(slm_keywords_refuse(
		&c->reader, k, STRING_KEYWORDS | NUMBER_KEYWORDS | OBJECT_KEYWORDS | ARRAY_KEYWORDS,
		"is not supported beside \"enum\" or \"const\""));
	SLM_TRY(slm_grammar_add_alternative(c, SLM_GRAMMAR_LITERALS, place, &number));
	value = &c->value[number];
	value->first = c->n_literal;
	if (array == 0 && has_type(&node[k->at[CONST]], types))
		SLM_TRY(add_literal(c, value, k->at[CONST]));
	for (uint32_t at = array + 1; array != 0 && at < node[array].next; at = node[at].next)
		if (has_type(&node[at], types))
			SLM_TRY(add_literal(c, value, at));
	if (value->n == 0)
		return slm_keyword_wrong(&c->reader, keyword, "has no values of the type");
	finish_literals(c, value);
	return SLM_OK;
}

SlmStatus
slm_grammar_add_words(Compiler *c, Place place, const char *first, const char *second)
{
	SlmGrammarValue *value;
	uint16_t number;

	SLM_TRY(slm_grammar_add_alternative(c, SLM_GRAMMAR_LITERALS, place, &number));
	value = &c->value[number];
	value->first = c->n_literal;
	SLM_TRY(add_literal_text(c, value, slm_text(first)));
	if (second != NULL)
		SLM_TRY(add_literal_text(c, value, slm_text(second)));
	return SLM_OK;
}

/* ---- Strings and numbers ---- */

/* Puts the place behind an error of an automaton. */
static SlmStatus
located(Compiler *c, SlmStatus status)
{
	if (status != SLM_OK && status != SLM_ERR_CANCELLED && status != SLM_ERR_NO_MEMORY &&
		c->err != NULL && c->err->detail[0] == '\0')
		slm_error_detail(c->err, "The schema stands at %s.", c->reader.path);
	return status;
}

SlmStatus
slm_grammar_finish_automaton(Compiler *c, uint32_t min_chars, const SlmDfa **out)
{
	return slm_nfa_determinize(&c->nfa, min_chars, c->host, c->arena, &c->room, out, c->err);
}

/* Makes c->nfa deterministic for a while. */
static SlmStatus
make_part(Compiler *c, const SlmDfa **out)
{
	uint32_t room = SLM_MAX_GRAMMAR_STATES;

	SLM_TRY(slm_nfa_determinize(&c->nfa, 0, c->host, &c->parts, &room, out, c->err));
	slm_nfa_clear(&c->nfa);
	return SLM_OK;
}

/* Keeps of the strings so far, none when NULL, those that c->nfa takes as well, or does not. */
static SlmStatus
keep_strings(Compiler *c, bool without, const SlmDfa **so_far)
{
	const SlmDfa *part;

	SLM_TRY(make_part(c, &part));
	if (*so_far == NULL || (part == NULL && without))
		return SLM_OK;
	if (part != NULL)
		SLM_TRY(slm_nfa_combine(&c->nfa, *so_far, part, without, c->host, c->err));
	return make_part(c, so_far);
}

/* What is left of a pattern without the look-aheads at its beginning. */
static SlmStatus
strip_look_aheads(Compiler *c, SlmText *pattern, bool *anchored, int *n)
{
	SlmText ahead;
	bool negative;

	*anchored = false;
	for (*n = 0;; ++*n)
	{
		SLM_TRY(slm_pattern_look_ahead(pattern, anchored, &ahead, &negative, c->err));
		if (ahead.size == 0)
			return SLM_OK;
	}
}

/*
 * Puts the strings of a pattern into c->nfa: of those that are there already, of a
 * format, if there are some, else of all.
 */
static SlmStatus
read_pattern(Compiler *c, SlmText pattern, bool has_format)
{
	SlmText rest = pattern, ahead;
	const SlmDfa *strings;
	bool anchored, negative;
	int n_ahead;

	SLM_TRY(strip_look_aheads(c, &rest, &anchored, &n_ahead));
	if (n_ahead == 0 && !has_format)
		return slm_nfa_pattern(&c->nfa, pattern, false, c->err);
	if (has_format)
		SLM_TRY(make_part(c, &strings));
	SLM_TRY(slm_nfa_pattern(&c->nfa, rest, anchored, c->err));
	SLM_TRY(has_format ? keep_strings(c, false, &strings) : make_part(c, &strings));
	anchored = false;
	for (int i = 0; i < n_ahead; i++)
	{
		SLM_TRY(slm_pattern_look_ahead(&pattern, &anchored, &ahead, &negative, c->err));
		SLM_TRY(slm_nfa_look_ahead(&c->nfa, ahead, negative, c->err));
		SLM_TRY(keep_strings(c, negative, &strings));
	}
	/* the same strings, for minLength to be counted in */
	return strings == NULL ? SLM_OK
						   : slm_nfa_combine(&c->nfa, strings, strings, false, c->host, c->err);
}

/* Puts the strings of format and pattern into c->nfa; *max is lowered to the format's own. */
static SlmStatus
read_form(Compiler *c, const Keywords *k, uint32_t *max)
{
	SlmText format = c->node[k->at[FORMAT]].text;
	bool known = true;

	slm_nfa_clear(&c->nfa);
	if (k->at[FORMAT] != 0)
		SLM_TRY(slm_nfa_format(&c->nfa, format, max, &known, c->err));
	if (!known)
		return slm_keyword_bad_format(&c->reader, format);
	if (k->at[PATTERN] != 0)
		SLM_TRY(located(c, read_pattern(c, c->node[k->at[PATTERN]].text, k->at[FORMAT] != 0)));
	return SLM_OK;
}

SlmStatus
slm_grammar_read_string(Compiler *c, const Keywords *k, Place place)
{
	uint32_t min = 0, max = SLM_DFA_NO_LIMIT;
	SlmGrammarValue *value;
	uint16_t number;

	SLM_TRY(slm_keyword_count(&c->reader, k, MIN_LENGTH, SLM_MAX_GRAMMAR_CHARS, &min));
	SLM_TRY(slm_keyword_count(&c->reader, k, MAX_LENGTH, SLM_MAX_GRAMMAR_CHARS, &max));
	if (min > max)
		return slm_keyword_wrong(&c->reader, MIN_LENGTH, "is greater than \"maxLength\"");
	SLM_TRY(slm_grammar_add_alternative(c, SLM_GRAMMAR_SCALAR, place, &number));
	value = &c->value[number];
	value->is_string = true;
	value->min = min;
	value->max = max;
	if (k->at[PATTERN] == 0 && k->at[FORMAT] == 0)
	{
		if (max == SLM_DFA_NO_LIMIT)
			value->max = min > SLM_GRAMMAR_CHARS ? min : SLM_GRAMMAR_CHARS;
		value->kind = c->verbatim ? SLM_GRAMMAR_VERBATIM : SLM_GRAMMAR_SCALAR;
		value->is_plain = true;
		value->dfa = c->any_string;
		return SLM_OK;
	}
	SLM_TRY(read_form(c, k, &value->max));
	SLM_TRY(located(c, slm_grammar_finish_automaton(c, min, &value->dfa)));
	slm_arena_reset(&c->parts);
	if (value->max == SLM_DFA_NO_LIMIT)
		value->max = min > SLM_GRAMMAR_CHARS ? min : SLM_GRAMMAR_CHARS;
	if (value->dfa == NULL || value->dfa->distance[0] > value->max)
		return slm_keyword_wrong(&c->reader, k->at[PATTERN] != 0 ? PATTERN : FORMAT,
								 "has no string within \"minLength\" and \"maxLength\"");
	return SLM_OK;
}

/* The limit of two, one of which is exclusive, that counts. */
static SlmText
stricter(Compiler *c, const Keywords *k, Keyword plain, Keyword exclusive, int sign, bool *excluded)
{
	SlmText a = c->node[k->at[plain]].text, b = c->node[k->at[exclusive]].text;

	*excluded =
		k->at[exclusive] != 0 && (k->at[plain] == 0 || sign * slm_decimal_compare(b, a) >= 0);
	return *excluded ? b : k->at[plain] != 0 ? a : slm_text("");
}

/* Limits of a format; a string's holds for no number. */
static SlmStatus
read_number_format(Compiler *c, SlmText name, SlmNumberLimits *limits)
{
	const NumberFormat *format = slm_keyword_number_format(name);
	bool known = format != NULL;

	if (!known)
	{
		slm_nfa_clear(&c->nfa);
		SLM_TRY(slm_nfa_format(&c->nfa, name, &(uint32_t){0}, &known, c->err));
		return known ? SLM_OK : slm_keyword_bad_format(&c->reader, name);
	}
	limits->is_integer = limits->is_integer || format->is_integer;
	if (slm_keyword_is_stricter(format->minimum, limits->minimum, 1))
	{
		limits->minimum = slm_text(format->minimum);
		limits->excludes_minimum = false;
	}
	if (slm_keyword_is_stricter(format->maximum, limits->maximum, -1))
	{
		limits->maximum = slm_text(format->maximum);
		limits->excludes_maximum = false;
	}
	return SLM_OK;
}

SlmStatus
slm_grammar_read_number(Compiler *c, const Keywords *k, bool is_integer, Place place)
{
	SlmNumberLimits limits = {.is_integer = is_integer, .multiple_of = slm_text("")};
	SlmGrammarValue *value;
	uint16_t number;
	bool any;

	limits.minimum = stricter(c, k, MINIMUM, EXCLUSIVE_MINIMUM, 1, &limits.excludes_minimum);
	limits.maximum = stricter(c, k, MAXIMUM, EXCLUSIVE_MAXIMUM, -1, &limits.excludes_maximum);
	if (k->at[FORMAT] != 0)
		SLM_TRY(read_number_format(c, c->node[k->at[FORMAT]].text, &limits));
	if (k->at[MULTIPLE_OF] != 0)
		limits.multiple_of = c->node[k->at[MULTIPLE_OF]].text;
	SLM_TRY(slm_grammar_add_alternative(c, SLM_GRAMMAR_SCALAR, place, &number));
	value = &c->value[number];
	value->max = SLM_DFA_NO_LIMIT;
	slm_nfa_clear(&c->nfa);
	SLM_TRY(located(c, slm_nfa_number(&c->nfa, &limits, &any, c->err)));
	if (any)
		SLM_TRY(located(c, slm_grammar_finish_automaton(c, 0, &value->dfa)));
	if (value->dfa == NULL)
		return slm_fail(c->err, SLM_ERR_ARGUMENT, "no %s lies between the limits at %s",
						limits.is_integer ? "integer" : "number", c->reader.path);
	return SLM_OK;
}
