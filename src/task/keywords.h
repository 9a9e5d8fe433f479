/*
 * keywords.h - the keywords of JSON Schema, for all who read one
 *
 * Private to src/task.  schema.c makes fields of a schema, grammar_schema.c an
 * automaton; both read it by these: one list of keywords, one way in and out of
 * schemas within schemas, one set of limits, and errors that name the keyword and
 * its place, "#/properties/a/items".
 *
 * What asks for nothing is passed over: title and description but for those who
 * want them, default, examples and other annotations, $defs and definitions, and
 * whatever begins with "x-".  A keyword that is not in the list is
 * SLM_ERR_UNSUPPORTED; which of them its reader supports, the reader says.
 */
#ifndef SLM_TASK_KEYWORDS_H
#define SLM_TASK_KEYWORDS_H

#include "base/arena.h"
#include "base/limits.h"
#include "task/json_node.h"

#define SLM_SCHEMA_PATH_BYTES 160

typedef enum Keyword
{
	TYPE,
	ENUM,
	CONST,
	PROPERTIES,
	REQUIRED,
	ADDITIONAL,
	ORDERING,
	MIN_PROPERTIES,
	MAX_PROPERTIES,
	PROPERTY_NAMES,
	ITEMS,
	PREFIX_ITEMS,
	ADDITIONAL_ITEMS,
	UNIQUE_ITEMS,
	MIN_ITEMS,
	MAX_ITEMS,
	MIN_LENGTH,
	MAX_LENGTH,
	PATTERN,
	FORMAT,
	MINIMUM,
	MAXIMUM,
	EXCLUSIVE_MINIMUM,
	EXCLUSIVE_MAXIMUM,
	MULTIPLE_OF,
	ANY_OF,
	ONE_OF,
	ALL_OF,
	REF,
	TITLE,
	DESCRIPTION,
	KEYWORD_COUNT
} Keyword;

#define KIND(kind) (1U << SLM_JSON_##kind)
#define ANY_KIND (~0U)
#define BIT(keyword) (1U << (keyword))

#define STRING_KEYWORDS (BIT(MIN_LENGTH) | BIT(MAX_LENGTH) | BIT(PATTERN) | BIT(FORMAT))
#define NUMBER_KEYWORDS                                                                            \
	(BIT(MINIMUM) | BIT(MAXIMUM) | BIT(EXCLUSIVE_MINIMUM) | BIT(EXCLUSIVE_MAXIMUM) |               \
	 BIT(MULTIPLE_OF))
#define OBJECT_KEYWORDS (BIT(PROPERTIES) | BIT(REQUIRED) | BIT(ADDITIONAL) | BIT(ORDERING))
/* Of objects whose properties have any names */
#define MAP_KEYWORDS (BIT(MIN_PROPERTIES) | BIT(MAX_PROPERTIES) | BIT(PROPERTY_NAMES))
#define ARRAY_KEYWORDS                                                                             \
	(BIT(ITEMS) | BIT(PREFIX_ITEMS) | BIT(ADDITIONAL_ITEMS) | BIT(UNIQUE_ITEMS) | BIT(MIN_ITEMS) | \
	 BIT(MAX_ITEMS))
#define COMBINING_KEYWORDS (BIT(REF) | BIT(ANY_OF) | BIT(ONE_OF) | BIT(ALL_OF))
#define TEXT_KEYWORDS (BIT(TITLE) | BIT(DESCRIPTION))

typedef enum JsonType
{
	TYPE_STRING,
	TYPE_NUMBER,
	TYPE_INTEGER,
	TYPE_BOOLEAN,
	TYPE_NULL,
	TYPE_OBJECT,
	TYPE_ARRAY,
	TYPE_COUNT
} JsonType;

/* The node of each keyword's value; 0, the root, where there is none. */
typedef struct Keywords
{
	uint32_t at[KEYWORD_COUNT];
	uint32_t there; /* BIT() of each that is */
} Keywords;

typedef struct KeywordReader
{
	const SlmJsonNode *node;
	SlmArena *scratch; /* for what it hands out and looks up */
	SlmError *err;
	uint32_t open[SLM_MAX_SCHEMA_DEPTH]; /* nodes of the schemas that are being read */
	int n_open;
	char path[SLM_SCHEMA_PATH_BYTES]; /* of the innermost */
	size_t n_path;
	char quoted[96];
} KeywordReader;

/* A property that is declared. */
typedef struct PropertyNode
{
	uint32_t at; /* node of its schema, whose key is its name */
	bool required;
} PropertyNode;

extern void slm_keywords_init(KeywordReader *r, const SlmJsonNode *node, SlmArena *scratch,
							  SlmError *err);

/*
 * Reads the keywords of the schema at a node, which becomes the innermost.
 * SLM_ERR_ARGUMENT for what is no object, SLM_ERR_LIMIT for more than
 * SLM_MAX_SCHEMA_DEPTH of them.  slm_keywords_leave() goes out of it.
 */
extern SlmStatus slm_keywords_enter(KeywordReader *r, uint32_t at, Keywords *out) SLM_MUST_CHECK;
extern void slm_keywords_leave(KeywordReader *r);

/* Goes into a schema under a keyword, of a name where it has one; back with what it returned. */
extern size_t slm_keywords_push(KeywordReader *r, const char *keyword, SlmText name);
extern void slm_keywords_pop(KeywordReader *r, size_t before);

/* ---- Errors, which name a keyword, or a limit, and the place ---- */

/* Text of the schema as it may stand in a message; valid until the next call. */
extern const char *slm_keywords_quote(KeywordReader *r, SlmText text);

extern const char *slm_keyword_name(Keyword keyword);
extern SlmStatus slm_keyword_unsupported(KeywordReader *r, SlmText keyword, const char *why);
extern SlmStatus slm_keyword_wrong(KeywordReader *r, Keyword keyword, const char *why);
extern SlmStatus slm_keyword_bad_format(KeywordReader *r, SlmText format);
extern SlmStatus slm_keywords_too_many(KeywordReader *r, const char *what, int limit);

/* Refuses keywords of a set; why follows a keyword and its place. */
extern SlmStatus slm_keywords_refuse(KeywordReader *r, const Keywords *k, uint32_t set,
									 const char *why) SLM_MUST_CHECK;

/* ---- Values of keywords ---- */

/* A whole number from 0 to limit; *out stays where the keyword is not there. */
extern SlmStatus slm_keyword_count(KeywordReader *r, const Keywords *k, Keyword keyword,
								   uint32_t limit, uint32_t *out) SLM_MUST_CHECK;

/*
 * The types that are named, or that the other keywords speak of, as BIT() of each:
 * all with enum or const, 0 where nothing speaks of one.  TYPE_INTEGER only without
 * TYPE_NUMBER.
 */
extern SlmStatus slm_keyword_types(KeywordReader *r, const Keywords *k,
								   unsigned *out) SLM_MUST_CHECK;

/* OpenAPI's formats of numbers; NULL for another name. */
typedef struct NumberFormat
{
	const char *name;
	bool is_integer;
	const char *minimum, *maximum; /* NULL: none */
} NumberFormat;

extern const NumberFormat *slm_keyword_number_format(SlmText name);

/*
 * Is a format's minimum (sign 1) or maximum (-1), which may be NULL, stricter than a
 * limit, which may be empty?
 */
extern bool slm_keyword_is_stricter(const char *of_format, SlmText limit, int sign);

/*
 * The declared properties, at most SLM_MAX_SCHEMA_FIELDS, in the order of
 * propertyOrdering, then that of the nodes; it and required name no others.
 */
extern SlmStatus slm_keyword_properties(KeywordReader *r, const Keywords *k, PropertyNode **out,
										uint32_t *n) SLM_MUST_CHECK;

/*
 * The schema that $ref leads to, within the whole.  *n_open says how many times it is
 * being read already.
 */
extern SlmStatus slm_keyword_ref(KeywordReader *r, const Keywords *k, uint32_t *out,
								 int *n_open) SLM_MUST_CHECK;

#endif
