/*
 * support.c - what the planner asks about a call: its cost and its rows
 *
 * A call is dear, about a thousand times a comparison and more, and the planner
 * must know it: cheap conditions then run first, a call in the SELECT list
 * runs above a sort with LIMIT, and parallel workers are worth their start.
 * But not dearer than it is: from jit_above_cost on the plan gets compiled.
 *
 * The estimate is work: multiply-adds of the model per token times the tokens
 * that the width of the input suggests.  The model's size is known once this
 * backend has mapped it; before that a small encoder is assumed.  Planning
 * reads no file and maps nothing.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "pg/pg_compat.h"
#include "pg/support.h"

/*
 * One unit of cost is about 10 microseconds, in which one core with AVX-512
 * VNNI does this many multiply-adds of a whole encoder layer.
 */
#define MACS_PER_COST_UNIT 1.5e6
#define MACS_PER_TOKEN_UNKNOWN 1.0e7 /* six layers of 384: all-MiniLM-L6-v2 */
#define TOKENIZE_COST_PER_TOKEN 0.05
#define BYTES_PER_TOKEN 4.0 /* English prose in a WordPiece vocabulary */
#define WIDTH_UNKNOWN 128
#define ROWS_UNKNOWN 10.0
#define CHUNK_TOKENS_UNKNOWN 256.0
#define LEARNED_MODELS 16

typedef enum RowsOf
{
	ONE_ROW = 0,
	ROWS_OF_ARRAY, /* one per element of argument rows_arg */
	ROWS_OF_CHUNKS /* argument 0's tokens over argument rows_arg */
} RowsOf;

/* What the planner may want to know of each SQL function; both forms share a name. */
typedef struct FunctionShape
{
	const char *name;
	int n_input; /* texts to embed: the first arguments */
	int model_arg;
	SlmDefaultModel which;
	bool tokenizes_only;
	RowsOf rows;
	int rows_arg;
} FunctionShape;

static const FunctionShape shapes[] = {
	{"slm_embed", 1, 1, SLM_DEFAULT_EMBED, false, ONE_ROW, 0},
	{"slm_embed_batch", 1, 1, SLM_DEFAULT_EMBED, false, ROWS_OF_ARRAY, 0},
	{"slm_similarity", 2, 2, SLM_DEFAULT_EMBED, false, ONE_ROW, 0},
	{"slm_rank", 2, 2, SLM_DEFAULT_EMBED, false, ONE_ROW, 0},
	{"slm_rank_batch", 2, 2, SLM_DEFAULT_EMBED, false, ROWS_OF_ARRAY, 0},
	{"slm_classify", 1, 2, SLM_DEFAULT_CLASSIFY, false, ONE_ROW, 0},
	{"slm_classify_scores", 1, 2, SLM_DEFAULT_CLASSIFY, false, ROWS_OF_ARRAY, 1},
	{"slm_classify_multi", 1, 2, SLM_DEFAULT_CLASSIFY, false, ONE_ROW, 0},
	{"slm_filter", 1, 2, SLM_DEFAULT_CLASSIFY, false, ONE_ROW, 0},
	{"slm_classify_batch", 1, 2, SLM_DEFAULT_CLASSIFY, false, ROWS_OF_ARRAY, 0},
	{"slm_summarize", 1, 2, SLM_DEFAULT_SUMMARIZE, false, ONE_ROW, 0},
	{"slm_summarize_batch", 1, 2, SLM_DEFAULT_SUMMARIZE, false, ROWS_OF_ARRAY, 0},
	{"slm_generate", 1, 1, SLM_DEFAULT_GENERATE, false, ONE_ROW, 0},
	{"slm_generate_batch", 1, 1, SLM_DEFAULT_GENERATE, false, ROWS_OF_ARRAY, 0},
	{"slm_extract", 1, 2, SLM_DEFAULT_EXTRACT, false, ONE_ROW, 0},
	{"slm_extract_spans", 1, 2, SLM_DEFAULT_EXTRACT, false, ONE_ROW, 0},
	{"slm_extract_batch", 1, 2, SLM_DEFAULT_EXTRACT, false, ROWS_OF_ARRAY, 0},
	{"slm_redact", 1, 3, SLM_DEFAULT_EXTRACT, false, ONE_ROW, 0},
	{"slm_count_tokens", 1, 1, SLM_DEFAULT_EMBED, true, ONE_ROW, 0},
	{"slm_chunk", 1, 3, SLM_DEFAULT_EMBED, true, ROWS_OF_CHUNKS, 1},
};

static struct
{
	NameData name;
	double macs_per_token;
} learned[LEARNED_MODELS];
static int n_learned; /* counts up; the table is a ring */

void
slm_cost_learn(const SlmModelRef *ref)
{
	const SlmModelInfo *info = slm_model_info(ref->model);
	double n_embd = info->n_embd;
	double macs = info->n_layer * (4 * n_embd * n_embd + 2 * n_embd * info->n_ff);
	int i;

	for (i = 0; i < Min(n_learned, LEARNED_MODELS); i++)
	{
		if (strcmp(NameStr(learned[i].name), NameStr(ref->name)) == 0)
			break;
	}
	if (i == Min(n_learned, LEARNED_MODELS))
		i = n_learned++ % LEARNED_MODELS;
	learned[i].name = ref->name;
	learned[i].macs_per_token = macs;
}

/* Work per token of the model that a call's argument names. */
static double
macs_per_token(const FunctionShape *shape, Node *argument)
{
	const char *name = NULL;
	size_t size = 0;

	if (argument == NULL || !IsA(argument, Const))
		return MACS_PER_TOKEN_UNKNOWN;
	if (!((Const *) argument)->constisnull)
	{
		struct varlena *value = PG_DETOAST_DATUM_PACKED(((Const *) argument)->constvalue);
		const char *pin_mark;

		name = VARDATA_ANY(value);
		size = VARSIZE_ANY_EXHDR(value);
		pin_mark = ((Const *) argument)->consttype != TEXTOID ? memrchr(name, '@', size) : NULL;
		if (pin_mark != NULL)
			size = pin_mark - name;
	}
	else if (slm_default_model[shape->which] != NULL)
	{
		name = slm_default_model[shape->which];
		size = strlen(name);
	}

	for (int i = 0; i < Min(n_learned, LEARNED_MODELS); i++)
	{
		if (strlen(NameStr(learned[i].name)) == size &&
			memcmp(NameStr(learned[i].name), name, size) == 0)
			return learned[i].macs_per_token;
	}
	return MACS_PER_TOKEN_UNKNOWN;
}

/* Bytes that a text argument has on average. */
static double
average_width(PlannerInfo *root, Node *node)
{
	node = strip_implicit_coercions(node);
	if (IsA(node, Const))
	{
		Const *constant = (Const *) node;

		return constant->constisnull ? 0 : toast_raw_datum_size(constant->constvalue) - VARHDRSZ;
	}
	if (IsA(node, Var) && root != NULL && ((Var *) node)->varlevelsup == 0 &&
		!IS_SPECIAL_VARNO(((Var *) node)->varno))
	{
		Var *var = (Var *) node;
		RangeTblEntry *rte = planner_rt_fetch(var->varno, root);
		int32 width = 0;

		if (rte->rtekind == RTE_RELATION && var->varattno > 0)
			width = get_attavgwidth(rte->relid, var->varattno);
		if (width > 0)
			return width;
	}
	return WIDTH_UNKNOWN;
}

static double
token_estimate(PlannerInfo *root, Node *node)
{
	return average_width(root, node) / BYTES_PER_TOKEN + 2;
}

static const FunctionShape *
shape_of(Oid funcid)
{
	char *name = get_func_name(funcid);

	for (size_t i = 0; name != NULL && i < lengthof(shapes); i++)
	{
		if (strcmp(shapes[i].name, name) == 0)
			return &shapes[i];
	}
	return NULL;
}

static Node *
argument(List *arguments, int i)
{
	return i < list_length(arguments) ? list_nth(arguments, i) : NULL;
}

static Node *
support_cost(SupportRequestCost *request)
{
	const FunctionShape *shape = shape_of(request->funcid);
	List *arguments;
	double per_token;

	if (shape == NULL || request->node == NULL || !IsA(request->node, FuncExpr))
		return NULL;
	arguments = ((FuncExpr *) request->node)->args;
	if (list_length(arguments) <= shape->model_arg)
		return NULL;
	per_token =
		shape->tokenizes_only
			? TOKENIZE_COST_PER_TOKEN
			: macs_per_token(shape, argument(arguments, shape->model_arg)) / MACS_PER_COST_UNIT;

	/* An input that stays the same is computed once. */
	request->startup = 0;
	request->per_tuple = 10 * cpu_operator_cost;
	for (int i = 0; i < shape->n_input; i++)
	{
		Node *input = argument(arguments, i);
		double cost = per_token * token_estimate(request->root, input);

		if (is_pseudo_constant_clause(input))
			request->startup += cost;
		else
			request->per_tuple += cost;
	}
	return (Node *) request;
}

static Node *
support_rows(SupportRequestRows *request)
{
	const FunctionShape *shape = shape_of(request->funcid);
	List *arguments;
	Node *node;

	if (shape == NULL || shape->rows == ONE_ROW || request->node == NULL ||
		!IsA(request->node, FuncExpr))
		return NULL;
	arguments = ((FuncExpr *) request->node)->args;
	node = argument(arguments, shape->rows_arg);
	if (node == NULL)
		return NULL;

	if (shape->rows == ROWS_OF_ARRAY)
	{
		bool is_null = IsA(node, Const) && ((Const *) node)->constisnull;

		request->rows = is_null ? ROWS_UNKNOWN : SLM_ESTIMATE_ARRAY_LENGTH(request->root, node);
	}
	else
	{
		double max_tokens = CHUNK_TOKENS_UNKNOWN;

		if (IsA(node, Const) && !((Const *) node)->constisnull)
			max_tokens = Max(DatumGetInt32(((Const *) node)->constvalue), 1);
		request->rows = ceil(token_estimate(request->root, argument(arguments, 0)) / max_tokens);
	}
	return (Node *) request;
}

PG_FUNCTION_INFO_V1(slm_support);

Datum
slm_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);
	Node *answer = NULL;

	if (IsA(request, SupportRequestCost))
		answer = support_cost((SupportRequestCost *) request);
	else if (IsA(request, SupportRequestRows))
		answer = support_rows((SupportRequestRows *) request);
	PG_RETURN_POINTER(answer);
}
