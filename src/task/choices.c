/*
 * choices.c - given answers as a tree of tokens, and what a decoder thinks of each
 */
#include "task/choices.h"

#include <stdlib.h>
#include <string.h>

#include "task/logarithm.h"

/* ---- The tree ---------------------------------------------------------------- */

/* An answer as its tokens, and behind them the one that ends it. */
typedef struct Answer
{
	const int32_t *token; /* [n] */
	int32_t n;
	int32_t index;
} Answer;

/* Answers [first, end) in their order, which have depth tokens in common. */
typedef struct Group
{
	int first, end;
	int32_t depth;
	int32_t parent, via;
} Group;

typedef struct Builder
{
	Answer *answer; /* [n] sorted */
	Group *group;   /* [n] to be looked at, the next one last */
	int n_group;
	SlmChoice *choice; /* [n] */
	SlmAnswerEnd *end; /* [n] */
	int32_t *token;    /* [all tokens of answers] */
	int32_t *option;   /* [2 n] */
	int32_t n_choice, n_token, n_option;
	int32_t depth;
} Builder;

static int
compare_answers(const void *a, const void *b)
{
	const Answer *x = a, *y = b;

	for (int32_t i = 0; i < x->n && i < y->n; i++)
		if (x->token[i] != y->token[i])
			return x->token[i] < y->token[i] ? -1 : 1;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* Makes the choice between the answers of a group, from tokens in common, and a group of each option. */
static SlmStatus
add_choice(Builder *b, const Group *g, int32_t from, SlmError *err)
{
	SlmChoice *choice = &b->choice[b->n_choice];
	const Answer *answer = b->answer;
	int32_t depth = g->depth;

	if (answer[g->first].n == depth)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"vocabulary of the model has no token that ends an answer");
	*choice = (SlmChoice){
		.parent = g->parent,
		.via = g->via,
		.past = from,
		.token_at = b->n_token,
		.n_token = depth - from,
		.option_at = b->n_option,
	};
	memcpy(b->token + b->n_token, answer[g->first].token + from,
		   (size_t) choice->n_token * sizeof(*b->token));
	b->n_token += choice->n_token;
	if (depth > b->depth)
		b->depth = depth;
	for (int i = g->first; i < g->end; i++)
		if (i == g->first || answer[i].token[depth] != answer[i - 1].token[depth])
			b->option[choice->option_at + choice->n_option++] = answer[i].token[depth];
	b->n_option += choice->n_option;
	/* depth first: the first option's group is to be the next one */
	for (int end = g->end, via = choice->n_option - 1; end > g->first; via--)
	{
		int first = end - 1;

		while (first > g->first && answer[first - 1].token[depth] == answer[end - 1].token[depth])
			first--;
		b->group[b->n_group++] = (Group){first, end, depth + 1, b->n_choice, via};
		end = first;
	}
	b->n_choice++;
	return SLM_OK;
}

static SlmStatus
add_choices(Builder *b, const SlmHost *host, SlmError *err)
{
	while (b->n_group > 0)
	{
		Group g = b->group[--b->n_group];
		const Answer *first = &b->answer[g.first], *last = &b->answer[g.end - 1];
		const SlmChoice *parent = g.parent >= 0 ? &b->choice[g.parent] : NULL;

		SLM_TRY(slm_poll(host, err));
		/* they are sorted: what the first and the last have in common, all have */
		while (first->n > g.depth && last->n > g.depth &&
			   first->token[g.depth] == last->token[g.depth])
			g.depth++;
		if (first->n == g.depth && last->n == g.depth)
			for (int i = g.first; i < g.end; i++)
				b->end[b->answer[i].index] = (SlmAnswerEnd){g.parent, g.via};
		else
			SLM_TRY(add_choice(b, &g, parent != NULL ? parent->past + parent->n_token : 0, err));
	}
	return SLM_OK;
}

static SlmStatus
read_answers(SlmRun *run, const SlmText *text, int n, int32_t end, Builder *b, size_t *n_token,
			 SlmError *err)
{
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &b->answer, err));
	*n_token = 0;
	for (int i = 0; i < n; i++)
	{
		SlmTokens tokens;
		int32_t *token;

		SLM_TRY(slm_poll(run->host, err));
		SLM_TRY(slm_tokenize(slm_model_tokenizer(run->model), run->host, text[i].data, text[i].size,
							 run->arena, &tokens, err));
		SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) tokens.n + 1, &token, err));
		memcpy(token, tokens.id, (size_t) tokens.n * sizeof(*token));
		token[tokens.n] = end;
		b->answer[i] = (Answer){token, tokens.n + (end >= 0), i};
		*n_token += (size_t) b->answer[i].n;
	}
	qsort(b->answer, (size_t) n, sizeof(*b->answer), compare_answers);
	return SLM_OK;
}

/* ---- One piece of memory ----------------------------------------------------- */

/* The place of n items behind what there is; past 4 GB it is wrong, and n_byte says so. */
static uint32_t
place(uint64_t *n_byte, int32_t n, size_t size)
{
	uint64_t at = *n_byte;

	*n_byte += (uint64_t) n * size;
	return (uint32_t) at;
}

static SlmStatus
lay_out(const Builder *b, int n, SlmArena *arena, SlmChoices **out, SlmError *err)
{
	uint64_t n_byte = sizeof(SlmChoices);
	SlmChoices c = {
		.n_answer = n,
		.n_choice = b->n_choice,
		.n_option = b->n_option,
		.depth = b->depth,
	};
	char *all;

	c.choice_at = place(&n_byte, b->n_choice, sizeof(SlmChoice));
	c.end_at = place(&n_byte, n, sizeof(SlmAnswerEnd));
	c.token_at = place(&n_byte, b->n_token, sizeof(int32_t));
	c.option_at = place(&n_byte, b->n_option, sizeof(int32_t));
	if (n_byte > UINT32_MAX)
		return slm_fail(err, SLM_ERR_LIMIT, "answers take %llu bytes", (unsigned long long) n_byte);
	c.n_byte = (uint32_t) n_byte;
	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) n_byte, &all, err));
	memcpy(all, &c, sizeof(c));
	memcpy(all + c.choice_at, b->choice, (size_t) b->n_choice * sizeof(SlmChoice));
	memcpy(all + c.end_at, b->end, (size_t) n * sizeof(SlmAnswerEnd));
	memcpy(all + c.token_at, b->token, (size_t) b->n_token * sizeof(int32_t));
	memcpy(all + c.option_at, b->option, (size_t) b->n_option * sizeof(int32_t));
	*out = (SlmChoices *) all;
	return SLM_OK;
}

SlmStatus
slm_choices_new(SlmRun *run, const SlmText *answer, int n, int32_t end, SlmChoices **out,
				SlmError *err)
{
	Builder b = {.n_group = 1};
	size_t n_token;

	SLM_TRY(read_answers(run, answer, n, end, &b, &n_token, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &b.group, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &b.choice, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &b.end, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, n_token, &b.token, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, 2 * (size_t) n, &b.option, err));
	b.group[0] = (Group){0, n, 0, -1, 0};
	SLM_TRY(add_choices(&b, run->host, err));
	return lay_out(&b, n, run->arena, out, err);
}

/* ---- Scores ------------------------------------------------------------------- */

static const SlmChoice *
choices_of(const SlmChoices *c)
{
	return (const SlmChoice *) ((const char *) c + c->choice_at);
}

int
slm_choices_branches(const SlmChoices *c, int n_prompt, SlmBranch *branch)
{
	const int32_t *token = (const int32_t *) ((const char *) c + c->token_at);
	const int32_t *option = (const int32_t *) ((const char *) c + c->option_at);
	const SlmChoice *choice = choices_of(c);
	int n = 1;

	branch[0].n_logits = 0;
	for (int i = 0; i < c->n_choice; i++)
	{
		/* a choice with the first token is the prompt's own last word */
		SlmBranch *b = choice[i].n_token > 0 ? &branch[n++] : &branch[0];

		if (choice[i].n_token > 0)
		{
			b->past = n_prompt + choice[i].past;
			b->token = token + choice[i].token_at;
			b->n = choice[i].n_token;
		}
		b->n_logits = 1;
		b->row = option + choice[i].option_at;
		b->n_row = choice[i].n_option;
	}
	return n;
}

/* x = log softmax of x, in a way that gives the same everywhere; scratch [n]. */
static void
log_softmax(const SlmKernels *kernels, float *x, int n, float *scratch)
{
	int top = 0;
	float offset;

	for (int i = 1; i < n; i++)
		if (x[i] > x[top])
			top = i;
	memcpy(scratch, x, (size_t) n * sizeof(*x));
	kernels->softmax(scratch, n);
	/* the greatest share is 1 over the sum of exponentials, and not small */
	offset = slm_natural_log(scratch[top]) - x[top];
	for (int i = 0; i < n; i++)
		x[i] = x[i] + offset;
}

SlmStatus
slm_choices_scores(const SlmChoices *c, SlmRun *run, float *logits, float *score, SlmError *err)
{
	const SlmAnswerEnd *end = (const SlmAnswerEnd *) ((const char *) c + c->end_at);
	const SlmChoice *choice = choices_of(c);
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int32_t *length;
	float *sum, *scratch;

	/* of the way to each choice: the sum of the logarithms, and how many they are */
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) c->n_choice, &sum, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) c->n_choice, &length, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) c->n_option, &scratch, err));
	for (int i = 0; i < c->n_choice; i++)
	{
		int parent = choice[i].parent;

		log_softmax(run->kernels, logits + choice[i].option_at, choice[i].n_option, scratch);
		sum[i] = parent < 0 ? 0.0f : sum[parent] + logits[choice[parent].option_at + choice[i].via];
		length[i] = parent < 0 ? 0 : length[parent] + 1;
	}
	for (int i = 0; i < c->n_answer; i++)
	{
		int at = end[i].choice;

		score[i] = at < 0 ? 0.0f
						  : (sum[at] + logits[choice[at].option_at + end[i].option]) /
								(float) (length[at] + 1);
	}
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}
