/*
 * chunk.c - a long text as windows of tokens
 *
 * The text is tokenized once and cut at tokens.  A piece of text on its own
 * may have more tokens than it had inside (the rest of a word that was cut is
 * spelled differently), so each chunk is tokenized again and shortened until
 * it keeps its promise.
 */
#include "task/chunk.h"

#include "task/windows.h"

typedef struct Cutter
{
	SlmRun *run;
	SlmText text;
	SlmTokens tokens;
	int max_tokens;
} Cutter;

/* Is the byte offset between two code points? */
static bool
is_boundary(const Cutter *c, size_t at)
{
	return at == 0 || at >= c->text.size || ((uint8_t) c->text.data[at] & 0xc0) != 0x80;
}

/* May a chunk end before token i, and another start there? */
static bool
can_cut(const Cutter *c, int i)
{
	return i == c->tokens.n ||
		   (is_boundary(c, c->tokens.end[i - 1]) && is_boundary(c, c->tokens.start[i]));
}

/* Is there a gap, white space that belongs to no token, before token i? */
static bool
word_starts(const Cutter *c, int i)
{
	uint8_t first;

	if (i == 0 || i == c->tokens.n || c->tokens.start[i] > c->tokens.end[i - 1])
		return true;
	/* tokenizers that keep the space give it to the word behind it */
	first = (uint8_t) c->text.data[c->tokens.start[i]];
	return first == ' ' || (first >= '\t' && first <= '\r');
}

/* The best end <= limit of a chunk from token first: a word's, in its last half, else any. */
static int
choose_end(const Cutter *c, int first, int limit)
{
	int any;

	if (limit >= c->tokens.n)
		return c->tokens.n;
	for (int end = limit; end > first + (limit - first) / 2; end--)
		if (word_starts(c, end) && can_cut(c, end))
			return end;
	for (any = limit; any > first + 1 && !can_cut(c, any); any--)
		;
	/* a character of more tokens than the limit stays whole */
	while (any < c->tokens.n && !can_cut(c, any))
		any++;
	return any;
}

/* The chunk of tokens [first, *end), with *end moved back until it fits. */
static SlmStatus
fit_chunk(Cutter *c, int first, int *end, SlmChunk *out, SlmError *err)
{
	int limit = first + c->max_tokens;

	for (;;)
	{
		SlmArenaMark mark = slm_arena_mark(c->run->arena);
		SlmTokens inside;
		int shorter;

		*end = choose_end(c, first, limit);
		out->start = c->tokens.start[first];
		out->size = c->tokens.end[*end - 1] - out->start;
		SLM_TRY(slm_tokenize(slm_model_tokenizer(c->run->model), c->run->host,
							 c->text.data + out->start, out->size, c->run->arena, &inside, err));
		slm_arena_rewind(c->run->arena, mark);
		out->n_token = inside.n;
		if (inside.n <= c->max_tokens)
			return SLM_OK;
		shorter = *end - (inside.n - c->max_tokens);
		if (shorter <= first)
			shorter = first + 1;
		if (choose_end(c, first, shorter) >= *end)
			return SLM_OK; /* one character of many tokens: it cannot be shorter */
		limit = shorter;
	}
}

/* Tokens that a window has room for, beside special tokens and the prefix. */
static SlmStatus
window_room(SlmRun *run, int *out, SlmError *err)
{
	SlmLead lead;

	SLM_TRY(slm_task_lead(run, run->options->document_prefix, &lead, err));
	*out = slm_context_length(run) - lead.n - slm_tail_tokens(run);
	return SLM_OK;
}

SlmStatus
slm_task_chunk(SlmRun *run, SlmText text, int max_tokens, int overlap, SlmChunk **chunk,
			   int *n_chunk, SlmError *err)
{
	Cutter c = {.run = run, .text = text, .max_tokens = max_tokens};
	int first = 0, end;

	*n_chunk = 0;
	if (max_tokens < 0)
		return slm_fail(err, SLM_ERR_ARGUMENT, "max_tokens must not be negative");
	if (max_tokens == 0)
		SLM_TRY(window_room(run, &c.max_tokens, err));
	if (overlap < 0 || overlap >= c.max_tokens)
		return slm_fail(err, SLM_ERR_ARGUMENT, "overlap must be 0 to %d, below max_tokens",
						c.max_tokens - 1);
	SLM_TRY(slm_task_tokenize(run, slm_text(""), text, &c.tokens, err));
	/* every chunk starts at another token */
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) c.tokens.n, chunk, err));
	while (first < c.tokens.n)
	{
		int next;

		SLM_TRY(slm_poll(run->host, err));
		SLM_TRY(fit_chunk(&c, first, &end, &(*chunk)[(*n_chunk)++], err));
		if (end == c.tokens.n)
			break;
		next = end - overlap > first ? end - overlap : first + 1;
		while (next < end && !(can_cut(&c, next) && word_starts(&c, next)))
			next++;
		first = next;
	}
	return SLM_OK;
}
