/*
 * grammar_schema.c - a JSON Schema compiled to the tree of a grammar
 *
 * Recursion follows the schema's nesting, $ref among it, which is capped.  A $ref
 * to a schema that is being written out already is followed
 * SLM_MAX_GRAMMAR_RECURSION times; deeper, nothing stands there: an optional
 * property is left out, an array is empty, an alternative is not one.  The
 * values of one place, of anyOf or of a list of types, are alternatives side by
 * side; all else is one value.
 */
#include "task/grammar_compile.h"

#include <stdio.h>

#define SCRATCH_BYTES ((size_t) 256 << 20)

static SlmStatus read_value(Compiler *c, uint32_t at, Place place, uint16_t *out);
static SlmStatus read_alternatives(Compiler *c, uint32_t at, Place place);
static SlmStatus read_any(Compiler *c, Place place);
static SlmStatus join_alternatives(Compiler *c, uint32_t first, Place place, uint16_t *out);
static unsigned kinds_of(const Compiler *c, uint32_t number);

static SlmStatus
too_many_values(Compiler *c)
{
	return slm_keywords_too_many(&c->reader, "values, with each $ref written out",
								 SLM_MAX_GRAMMAR_VALUES);
}

/* ---- Objects and arrays ----------------------------------------------------------------- */

/* Reads a property; no value can be SLM_GRAMMAR_NOWHERE, the property's then. */
static SlmStatus
read_property(Compiler *c, const PropertyNode *property, SlmGrammarProperty *out, Place place)
{
	SlmText name = c->node[property->at].key;
	size_t before = slm_keywords_push(&c->reader, "properties", name);

	*out = (SlmGrammarProperty){.required = property->required};
	SLM_TRY(slm_grammar_write_key(c, name, &out->key));
	SLM_TRY(read_value(c, property->at, place, &out->value));
	slm_keywords_pop(&c->reader, before);
	return SLM_OK;
}

/* Takes back the last alternative, which turned out to have no values. */
static void
drop_alternative(Compiler *c)
{
	SlmGrammarValue *value = &c->value[c->pending[--c->n_pending]];

	*value = (SlmGrammarValue){.kind = SLM_GRAMMAR_LITERALS, .parent = value->parent};
}

/* The strings that a map's keys may be. */
static SlmStatus
read_map_key(Compiler *c, const Keywords *k, Place inside, uint16_t *out)
{
	bool verbatim = c->verbatim;
	size_t before;

	if (k->at[PROPERTY_NAMES] == 0)
	{
		SLM_TRY(slm_grammar_add_value(c, SLM_GRAMMAR_SCALAR, inside, out));
		c->value[*out].is_string = c->value[*out].is_plain = true;
		c->value[*out].max = SLM_GRAMMAR_CHARS;
		c->value[*out].dfa = c->any_string;
		return SLM_OK;
	}
	before = slm_keywords_push(&c->reader, slm_keyword_name(PROPERTY_NAMES), slm_text(""));
	c->verbatim = false;
	SLM_TRY(read_value(c, k->at[PROPERTY_NAMES], inside, out));
	c->verbatim = verbatim;
	slm_keywords_pop(&c->reader, before);
	if (*out == SLM_GRAMMAR_NOWHERE || c->value[*out].kind == SLM_GRAMMAR_CHOICE ||
		kinds_of(c, *out) != BIT(TYPE_STRING))
		return slm_keyword_unsupported(&c->reader, slm_text("propertyNames"),
									   "is supported as a schema of strings only");
	return SLM_OK;
}

/* An object of any names: like an array, whose items are a key and a value. */
static SlmStatus
read_map(Compiler *c, const Keywords *k, Place place)
{
	uint32_t min = 0, max = SLM_GRAMMAR_ITEMS, value = k->at[ADDITIONAL];
	uint16_t number, key, item;
	Place inside;
	size_t before;

	SLM_TRY(slm_keyword_count(&c->reader, k, MIN_PROPERTIES, SLM_MAX_GRAMMAR_ITEMS, &min));
	SLM_TRY(slm_keyword_count(&c->reader, k, MAX_PROPERTIES, SLM_MAX_GRAMMAR_ITEMS, &max));
	if (min > max)
		return slm_keyword_wrong(&c->reader, MIN_PROPERTIES, "is greater than \"maxProperties\"");
	if (min > 1)
		return slm_keyword_unsupported(&c->reader, slm_text("minProperties"),
									   "is supported up to 1: names are not compared");
	if (place.level == SLM_MAX_GRAMMAR_LISTS)
		return slm_keywords_too_many(&c->reader, "arrays within arrays", SLM_MAX_GRAMMAR_LISTS);
	SLM_TRY(slm_grammar_add_alternative(c, SLM_GRAMMAR_ARRAY, place, &number));
	inside = (Place){number, 0, (uint8_t) (place.level + 1)};
	SLM_TRY(read_map_key(c, k, inside, &key));
	inside.index = 1;
	before = slm_keywords_push(&c->reader, slm_keyword_name(ADDITIONAL), slm_text(""));
	if (c->node[value].kind == SLM_JSON_TRUE)
	{
		uint32_t first = c->n_pending;

		SLM_TRY(read_any(c, inside));
		SLM_TRY(join_alternatives(c, first, inside, &item));
	}
	else
		SLM_TRY(read_value(c, value, inside, &item));
	slm_keywords_pop(&c->reader, before);
	if (item == SLM_GRAMMAR_NOWHERE && min > 0)
	{
		drop_alternative(c);
		return SLM_OK;
	}
	c->value[number].min = min;
	c->value[number].max = item == SLM_GRAMMAR_NOWHERE ? 0 : max;
	c->value[number].item = item;
	c->value[number].key = key;
	c->width[number] = c->width[key];
	if (item != SLM_GRAMMAR_NOWHERE && c->width[item] > c->width[key])
		c->width[number] = c->width[item];
	c->width[number]++;
	return SLM_OK;
}

static SlmStatus
read_object(Compiler *c, const Keywords *k, Place place)
{
	uint32_t first = c->n_property, n, n_kept = 0;
	PropertyNode *node;
	uint32_t last, width = 1;
	bool needed = false, is_endless = false;
	uint16_t number;

	SLM_TRY(slm_keyword_properties(&c->reader, k, &node, &n));
	if (n == 0 && k->at[ADDITIONAL] != 0 && c->node[k->at[ADDITIONAL]].kind != SLM_JSON_FALSE)
		return read_map(c, k, place);
	SLM_TRY(slm_keywords_refuse(&c->reader, k, MAP_KEYWORDS,
								"is supported beside \"additionalProperties\" only, without "
								"\"properties\""));
	SLM_TRY(slm_grammar_add_alternative(c, SLM_GRAMMAR_OBJECT, place, &number));
	if (first + n > SLM_MAX_GRAMMAR_VALUES)
		return too_many_values(c);
	c->n_property += n;
	for (uint32_t i = 0; i < n; i++)
	{
		SlmGrammarProperty *property = &c->property[first + n_kept];
		Place inside = {number, (uint16_t) n_kept, place.level};

		SLM_TRY(read_property(c, &node[i], property, inside));
		if (property->value == SLM_GRAMMAR_NOWHERE)
		{
			is_endless = is_endless || property->required;
			continue;
		}
		n_kept++;
		if (c->width[property->value] + 1U > width)
			width = c->width[property->value] + 1U;
	}
	if (is_endless)
	{
		drop_alternative(c);
		return SLM_OK;
	}
	n = n_kept;
	c->value[number].first = first;
	c->value[number].n = n;
	c->width[number] = (uint16_t) width;
	last = n - 1;
	for (uint32_t i = n; i-- > 0;)
	{
		SlmGrammarProperty *property = &c->property[first + i];

		if (property->required)
		{
			last = i;
			needed = true;
		}
		property->last = (uint16_t) last;
		property->needed = needed;
	}
	return SLM_OK;
}

/* Nodes of an array's items: those of the first ones, and that of all behind them. */
typedef struct ItemNodes
{
	uint32_t prefix; /* array of the first ones' schemas; 0: none */
	uint32_t rest;   /* 0: there is no other item */
	Keyword prefix_keyword, rest_keyword;
} ItemNodes;

static SlmStatus
find_items(Compiler *c, const Keywords *k, ItemNodes *out)
{
	const SlmJsonNode *node = c->node;
	uint32_t rest;

	*out = (ItemNodes){k->at[PREFIX_ITEMS], 0, PREFIX_ITEMS, ITEMS};
	if (k->at[ITEMS] != 0 && node[k->at[ITEMS]].kind == SLM_JSON_ARRAY)
	{
		/* how drafts before 2020-12 say the same */
		if (out->prefix != 0)
			return slm_keyword_wrong(&c->reader, ITEMS, "is an array beside \"prefixItems\"");
		*out = (ItemNodes){k->at[ITEMS], 0, ITEMS, ADDITIONAL_ITEMS};
	}
	rest = k->at[out->rest_keyword];
	if (rest != 0 && node[rest].kind == SLM_JSON_OBJECT)
		out->rest = rest;
	if (out->prefix == 0 && out->rest == 0)
		return slm_fail(c->err, SLM_ERR_UNSUPPORTED,
						"an array without a schema of its items, at %s, is not supported",
						c->reader.path);
	return SLM_OK;
}

/* The values of the first items, as far as there are any; *n is how many, as it was or less. */
static SlmStatus
read_prefix(Compiler *c, const ItemNodes *items, Place inside, uint32_t *n, uint32_t *first,
			uint32_t *width)
{
	uint16_t *item;
	uint32_t n_read = 0, at = items->prefix + 1;

	SLM_TRY(SLM_NEW_ARRAY(&c->scratch, *n, &item, c->err));
	for (; n_read < *n; at = c->node[at].next, n_read++)
	{
		char number[16];
		size_t before;

		snprintf(number, sizeof(number), "%u", n_read);
		before = slm_keywords_push(&c->reader, slm_keyword_name(items->prefix_keyword),
								   slm_text(number));
		SLM_TRY(read_value(c, at, inside, &item[n_read]));
		slm_keywords_pop(&c->reader, before);
		if (item[n_read] == SLM_GRAMMAR_NOWHERE)
			break;
		if (c->width[item[n_read]] + 1U > *width)
			*width = c->width[item[n_read]] + 1U;
	}
	*n = n_read;
	*first = c->n_alternative;
	if (c->n_alternative + n_read > SLM_MAX_GRAMMAR_VALUES)
		return too_many_values(c);
	if (n_read > 0)
		memcpy(c->alternative + c->n_alternative, item, n_read * sizeof(*item));
	c->n_alternative += n_read;
	return SLM_OK;
}

/* minItems, and what maxItems and the declared items leave of a most. */
static SlmStatus
read_item_counts(Compiler *c, const Keywords *k, const ItemNodes *items, uint32_t n_prefix,
				 uint32_t *min, uint32_t *max)
{
	*min = 0;
	*max = UINT32_MAX;
	SLM_TRY(slm_keyword_count(&c->reader, k, MIN_ITEMS, SLM_MAX_GRAMMAR_ITEMS, min));
	SLM_TRY(slm_keyword_count(&c->reader, k, MAX_ITEMS, SLM_MAX_GRAMMAR_ITEMS, max));
	if (*min > *max)
		return slm_keyword_wrong(&c->reader, MIN_ITEMS, "is greater than \"maxItems\"");
	if (items->rest == 0 && *min > n_prefix)
		return slm_keyword_unsupported(&c->reader, slm_text("minItems"),
									   "is supported up to the items that have a schema only");
	if (*max == UINT32_MAX)
	{
		*max = n_prefix > SLM_GRAMMAR_ITEMS ? n_prefix : SLM_GRAMMAR_ITEMS;
		if (*max < *min)
			*max = *min;
	}
	if (items->rest == 0 && *max > n_prefix)
		*max = n_prefix;
	if (k->at[UNIQUE_ITEMS] != 0 && c->node[k->at[UNIQUE_ITEMS]].kind == SLM_JSON_TRUE && *max > 1)
		return slm_keyword_unsupported(&c->reader, slm_text("uniqueItems"),
									   "is supported as false only: items are not compared");
	return SLM_OK;
}

static SlmStatus
read_array(Compiler *c, const Keywords *k, Place place)
{
	uint32_t n_prefix = 0, n_kept, first = 0, min, max, width = 1;
	uint16_t number, item = SLM_GRAMMAR_NOWHERE;
	ItemNodes items;
	Place inside;

	SLM_TRY(find_items(c, k, &items));
	for (uint32_t at = items.prefix + 1; items.prefix != 0 && at < c->node[items.prefix].next;
		 at = c->node[at].next)
		n_prefix++;
	if (n_prefix > SLM_MAX_SCHEMA_FIELDS)
		return slm_keywords_too_many(&c->reader, "items with a schema of their own",
									 SLM_MAX_SCHEMA_FIELDS);
	SLM_TRY(read_item_counts(c, k, &items, n_prefix, &min, &max));
	if (place.level == SLM_MAX_GRAMMAR_LISTS)
		return slm_keywords_too_many(&c->reader, "arrays within arrays", SLM_MAX_GRAMMAR_LISTS);
	SLM_TRY(slm_grammar_add_alternative(c, SLM_GRAMMAR_ARRAY, place, &number));
	inside = (Place){number, 0, (uint8_t) (place.level + 1)};
	n_kept = n_prefix < max ? n_prefix : max;
	SLM_TRY(read_prefix(c, &items, inside, &n_kept, &first, &width));
	if (items.rest != 0 && n_kept == n_prefix && max > n_prefix)
	{
		size_t before =
			slm_keywords_push(&c->reader, slm_keyword_name(items.rest_keyword), slm_text(""));

		SLM_TRY(read_value(c, items.rest, inside, &item));
		slm_keywords_pop(&c->reader, before);
		if (item != SLM_GRAMMAR_NOWHERE && c->width[item] + 1U > width)
			width = c->width[item] + 1U;
	}
	if (item == SLM_GRAMMAR_NOWHERE && max > n_kept)
		max = n_kept;
	if (min > max)
	{
		drop_alternative(c);
		return SLM_OK;
	}
	c->value[number].min = min;
	c->value[number].max = max;
	c->value[number].item = item;
	c->value[number].first = first;
	c->value[number].n = n_kept;
	c->width[number] = (uint16_t) width;
	return SLM_OK;
}

/* ---- Schemas ------------------------------------------------------------------------------ */

/* A schema of any value: of these, one that has no others within it. */
static SlmStatus
read_any(Compiler *c, Place place)
{
	static const Keywords none;

	SLM_TRY(slm_grammar_read_string(c, &none, place));
	SLM_TRY(slm_grammar_read_number(c, &none, false, place));
	SLM_TRY(slm_grammar_add_words(c, place, "false", "true"));
	return slm_grammar_add_words(c, place, "null", NULL);
}

static SlmStatus
read_typed(Compiler *c, const Keywords *k, Place place)
{
	unsigned types;

	SLM_TRY(slm_keyword_types(&c->reader, k, &types));
	if (types == 0)
		return read_any(c, place);
	if ((k->there & (BIT(ENUM) | BIT(CONST))) != 0)
		return slm_grammar_read_literals(c, k, types, place);
	/* keywords of other types hold for no value of these */
	if ((types & BIT(TYPE_STRING)) != 0)
		SLM_TRY(slm_grammar_read_string(c, k, place));
	if ((types & (BIT(TYPE_NUMBER) | BIT(TYPE_INTEGER))) != 0)
		SLM_TRY(slm_grammar_read_number(c, k, (types & BIT(TYPE_INTEGER)) != 0, place));
	if ((types & BIT(TYPE_BOOLEAN)) != 0)
		SLM_TRY(slm_grammar_add_words(c, place, "false", "true"));
	if ((types & BIT(TYPE_NULL)) != 0)
		SLM_TRY(slm_grammar_add_words(c, place, "null", NULL));
	if ((types & BIT(TYPE_ARRAY)) != 0)
		SLM_TRY(read_array(c, k, place));
	if ((types & BIT(TYPE_OBJECT)) != 0)
		SLM_TRY(read_object(c, k, place));
	return SLM_OK;
}

static SlmStatus
read_ref(Compiler *c, const Keywords *k, Place place)
{
	uint32_t target = 0;
	int n_open = 0;

	SLM_TRY(slm_keyword_ref(&c->reader, k, &target, &n_open));
	/* nothing can stand here: what holds it does without */
	if (n_open > SLM_MAX_GRAMMAR_RECURSION)
		return SLM_OK;
	return read_alternatives(c, target, place);
}

/* First bytes of the JSON of a value, as bits of types. */
static unsigned
kinds_of(const Compiler *c, uint32_t number)
{
	const SlmGrammarValue *v = &c->value[number];
	unsigned kinds = 0;

	if (v->kind == SLM_GRAMMAR_OBJECT)
		return BIT(TYPE_OBJECT);
	if (v->kind == SLM_GRAMMAR_ARRAY)
		return slm_grammar_is_map(v) ? BIT(TYPE_OBJECT) : BIT(TYPE_ARRAY);
	if (v->kind != SLM_GRAMMAR_LITERALS)
		return v->is_string ? BIT(TYPE_STRING) : BIT(TYPE_NUMBER);
	for (uint32_t i = 0; i < v->n; i++)
	{
		char first = c->literal[v->first + i].data[0];

		kinds |= first == '{'                   ? BIT(TYPE_OBJECT)
				 : first == '['                 ? BIT(TYPE_ARRAY)
				 : first == '"'                 ? BIT(TYPE_STRING)
				 : first == 'n'                 ? BIT(TYPE_NULL)
				 : first == 't' || first == 'f' ? BIT(TYPE_BOOLEAN)
												: BIT(TYPE_NUMBER);
	}
	return kinds;
}

/* Both are sorted. */
static bool
share_literal(const Compiler *c, const SlmGrammarValue *a, const SlmGrammarValue *b)
{
	for (uint32_t i = 0, j = 0; i < a->n && j < b->n;)
	{
		int order = slm_text_compare(c->literal[a->first + i], c->literal[b->first + j]);

		if (order == 0)
			return true;
		if (order < 0)
			i++;
		else
			j++;
	}
	return false;
}

/* Can no value be one of both?  Told for what is told apart by type, literal or tag. */
static bool
exclude_each_other(const Compiler *c, uint32_t first, uint32_t second)
{
	const SlmGrammarValue *a = &c->value[first], *b = &c->value[second];

	if ((kinds_of(c, first) & kinds_of(c, second)) == 0)
		return true;
	/* 1 and 1.0 are one number in two spellings */
	if (a->kind == SLM_GRAMMAR_LITERALS && b->kind == SLM_GRAMMAR_LITERALS)
		return kinds_of(c, first) == BIT(TYPE_STRING) && kinds_of(c, second) == BIT(TYPE_STRING) &&
			   !share_literal(c, a, b);
	if (a->kind != SLM_GRAMMAR_OBJECT || b->kind != SLM_GRAMMAR_OBJECT)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		for (uint32_t j = 0; j < b->n; j++)
		{
			const SlmGrammarProperty *p = &c->property[a->first + i],
									 *q = &c->property[b->first + j];
			const SlmGrammarValue *x = &c->value[p->value], *y = &c->value[q->value];

			if (p->required && q->required && slm_text_compare(p->key, q->key) == 0 &&
				x->kind == SLM_GRAMMAR_LITERALS && y->kind == SLM_GRAMMAR_LITERALS &&
				kinds_of(c, p->value) == BIT(TYPE_STRING) &&
				kinds_of(c, q->value) == BIT(TYPE_STRING) && !share_literal(c, x, y))
				return true;
		}
	return false;
}

/* The schemas of anyOf, oneOf or allOf. */
static SlmStatus
read_each(Compiler *c, Keyword keyword, uint32_t array, Place place)
{
	const SlmJsonNode *node = c->node;
	uint32_t first = c->n_pending;
	int n = 0;

	for (uint32_t at = array + 1; at < node[array].next; at = node[at].next, n++)
	{
		uint32_t before = c->n_pending;
		char number[16];
		size_t path;

		snprintf(number, sizeof(number), "%d", n);
		path = slm_keywords_push(&c->reader, slm_keyword_name(keyword), slm_text(number));
		SLM_TRY(read_alternatives(c, at, place));
		slm_keywords_pop(&c->reader, path);
		for (uint32_t i = first; i < before && keyword == ONE_OF; i++)
			for (uint32_t j = before; j < c->n_pending; j++)
			{
				SLM_TRY(slm_poll(c->host, c->err));
				if (!exclude_each_other(c, c->pending[i], c->pending[j]))
					return slm_keyword_unsupported(
						&c->reader, slm_text(slm_keyword_name(keyword)),
						"is supported for schemas that exclude each other by type or "
						"by the enum or const of a required property");
			}
	}
	if (n == 0)
		return slm_keyword_wrong(&c->reader, keyword, "has no schemas");
	if (keyword == ALL_OF && n > 1)
		return slm_keyword_unsupported(&c->reader, slm_text(slm_keyword_name(keyword)),
									   "is supported for one schema only");
	return SLM_OK;
}

/* Adds what may stand at a place to the pending alternatives. */
static SlmStatus
read_alternatives(Compiler *c, uint32_t at, Place place)
{
	static const Keyword combining[] = {REF, ANY_OF, ONE_OF, ALL_OF};
	Keywords k;

	SLM_TRY(slm_poll(c->host, c->err));
	SLM_TRY(slm_keywords_enter(&c->reader, at, &k));
	for (size_t i = 0; i < sizeof(combining) / sizeof(combining[0]); i++)
	{
		Keyword keyword = combining[i];

		if (k.at[keyword] == 0)
			continue;
		SLM_TRY(slm_keywords_refuse(&c->reader, &k, ~(BIT(keyword) | TEXT_KEYWORDS),
									"is not supported beside $ref, anyOf, oneOf or allOf"));
		SLM_TRY(keyword == REF ? read_ref(c, &k, place)
							   : read_each(c, keyword, k.at[keyword], place));
		slm_keywords_leave(&c->reader);
		return SLM_OK;
	}
	SLM_TRY(read_typed(c, &k, place));
	slm_keywords_leave(&c->reader);
	return SLM_OK;
}

/* The alternatives behind the first pending ones as one value; SLM_GRAMMAR_NOWHERE when there are none. */
static SlmStatus
join_alternatives(Compiler *c, uint32_t first, Place place, uint16_t *out)
{
	uint32_t n = c->n_pending - first, width = 0;

	c->n_pending = first;
	*out = n == 0 ? SLM_GRAMMAR_NOWHERE : c->pending[first];
	for (uint32_t i = 0; i < n; i++)
		width += c->width[c->pending[first + i]];
	/* one more: what is behind all of them */
	if (width + 1 > SLM_MAX_GRAMMAR_THREADS)
		return slm_keywords_too_many(&c->reader,
									 "alternatives beside each other, those within them among them",
									 SLM_MAX_GRAMMAR_THREADS - 1);
	if (n <= 1)
		return SLM_OK;
	SLM_TRY(slm_grammar_add_value(c, SLM_GRAMMAR_CHOICE, place, out));
	if (c->n_alternative + n > SLM_MAX_GRAMMAR_VALUES)
		return too_many_values(c);
	c->value[*out].first = c->n_alternative;
	c->value[*out].n = n;
	c->width[*out] = (uint16_t) width;
	memcpy(c->alternative + c->n_alternative, c->pending + first, n * sizeof(*c->pending));
	c->n_alternative += n;
	return SLM_OK;
}

/* What may stand at a place, as one value; SLM_GRAMMAR_NOWHERE when nothing can. */
static SlmStatus
read_value(Compiler *c, uint32_t at, Place place, uint16_t *out)
{
	uint32_t first = c->n_pending;

	SLM_TRY(read_alternatives(c, at, place));
	return join_alternatives(c, first, place, out);
}

/* ---- The whole -------------------------------------------------------------------------------- */

/* The state of any string between two characters: the one behind its quote. */
static SlmStatus
make_any_string(Compiler *c)
{
	slm_nfa_any_string(&c->nfa);
	return slm_grammar_finish_automaton(c, 0, &c->any_string);
}

static SlmStatus
keep_array(Compiler *c, const void *from, size_t n, size_t size, const void **out)
{
	void *kept;

	SLM_TRY(slm_arena_alloc_array(c->arena, n, size, &kept, c->err));
	if (n > 0)
		memcpy(kept, from, n * size);
	*out = kept;
	return SLM_OK;
}

static SlmStatus
compile(Compiler *c, SlmGrammar **out)
{
	Place whole = {SLM_GRAMMAR_NOWHERE, 0, 0};
	SlmGrammar *g;
	uint16_t root;

	SLM_TRY(SLM_NEW_ARRAY(&c->scratch, SLM_MAX_GRAMMAR_VALUES, &c->value, c->err));
	SLM_TRY(SLM_NEW_ARRAY(&c->scratch, SLM_MAX_GRAMMAR_VALUES, &c->width, c->err));
	SLM_TRY(SLM_NEW_ARRAY(&c->scratch, SLM_MAX_GRAMMAR_VALUES, &c->property, c->err));
	SLM_TRY(SLM_NEW_ARRAY(&c->scratch, SLM_MAX_LABELS, &c->literal, c->err));
	SLM_TRY(SLM_NEW_ARRAY(&c->scratch, SLM_MAX_GRAMMAR_VALUES, &c->alternative, c->err));
	SLM_TRY(SLM_NEW_ARRAY(&c->scratch, SLM_MAX_GRAMMAR_VALUES, &c->pending, c->err));
	SLM_TRY(slm_nfa_init(&c->nfa, &c->scratch, c->err));
	SLM_TRY(make_any_string(c));
	SLM_TRY(read_value(c, 0, whole, &root));
	if (root == SLM_GRAMMAR_NOWHERE)
		return slm_fail(c->err, SLM_ERR_ARGUMENT,
						"schema has no values: each would hold another one without end");
	SLM_TRY(slm_arena_alloc(c->arena, sizeof(*g), (void **) &g, c->err));
	*g = (SlmGrammar){.n_value = (uint16_t) c->n_value, .root = root, .any_string = c->any_string};
	g->any_char = slm_dfa_step(c->any_string, 0, '"');
	SLM_TRY(keep_array(c, c->value, c->n_value, sizeof(*c->value), (const void **) &g->value));
	SLM_TRY(keep_array(c, c->property, c->n_property, sizeof(*c->property),
					   (const void **) &g->property));
	SLM_TRY(
		keep_array(c, c->literal, c->n_literal, sizeof(*c->literal), (const void **) &g->literal));
	SLM_TRY(keep_array(c, c->alternative, c->n_alternative, sizeof(*c->alternative),
					   (const void **) &g->alternative));
	*out = g;
	return SLM_OK;
}

SlmStatus
slm_grammar_compile(const SlmJsonNode *node, uint32_t n_node, bool verbatim, const SlmHost *host,
					SlmArena *arena, SlmGrammar **out, SlmError *err)
{
	Compiler c = {
		.node = node,
		.host = host,
		.arena = arena,
		.err = err,
		.verbatim = verbatim,
		.room = SLM_MAX_GRAMMAR_STATES,
	};
	SlmStatus status;

	if (n_node == 0)
		return slm_fail(err, SLM_ERR_ARGUMENT, "schema is empty");
	slm_arena_init(&c.scratch, host, SCRATCH_BYTES);
	slm_arena_init(&c.parts, host, SCRATCH_BYTES);
	slm_keywords_init(&c.reader, node, &c.scratch, err);
	status = compile(&c, out);
	slm_arena_trim(&c.scratch, 0);
	slm_arena_trim(&c.parts, 0);
	return status;
}
