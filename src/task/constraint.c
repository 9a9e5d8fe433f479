/*
 * constraint.c - what a written answer must be, for the tokens of one model
 */
#include "task/constraint.h"

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

#define MASK_BYTES (2U << 20) /* of masks that are kept */
#define POLL_TOKENS 1024

/* The bytes of every token; a control token has none, and may end an answer. */
typedef struct Tokens
{
	SlmText *token; /* [n_vocab] */
	int32_t *end;   /* [n_end] */
	uint32_t n_end;
} Tokens;

static SlmStatus
read_tokens(const SlmTokenizer *tokenizer, const SlmHost *host, SlmArena *scratch, Tokens *out,
			SlmError *err)
{
	size_t n_vocab = (size_t) tokenizer->n_vocab;
	uint8_t *bytes, *at;
	size_t room = SLM_MAX_TOKEN_BYTES; /* of the last one, before its length is known */

	/* no token has more bytes than its spelling */
	for (int32_t i = 0; i < tokenizer->n_vocab; i++)
	{
		if (i % POLL_TOKENS == 0)
			SLM_TRY(slm_poll(host, err));
		room += slm_token_text(tokenizer, i).size;
	}
	SLM_TRY(SLM_NEW_ARRAY(scratch, n_vocab, &out->token, err));
	SLM_TRY(SLM_NEW_ARRAY(scratch, n_vocab, &out->end, err));
	SLM_TRY(SLM_NEW_ARRAY(scratch, room, &bytes, err));
	out->n_end = 0;
	at = bytes;
	for (int32_t i = 0; i < tokenizer->n_vocab; i++)
	{
		uint32_t n;

		if (i % POLL_TOKENS == 0)
			SLM_TRY(slm_poll(host, err));
		if (room - (size_t) (at - bytes) < SLM_MAX_TOKEN_BYTES)
			return slm_fail(err, SLM_ERR_CORRUPT, "tokenizer section changed while it was read");
		n = slm_token_bytes(tokenizer, i, at);
		if (n == 0 && slm_token_is_control(tokenizer, i))
			out->end[out->n_end++] = i;
		out->token[i] = (SlmText){(const char *) at, n};
		at += n;
	}
	return SLM_OK;
}

SlmStatus
slm_constraint_tree(const SlmModel *model, const SlmHost *host, SlmArena *scratch, SlmArena *arena,
					SlmMaskTree **out, SlmError *err)
{
	const SlmTokenizer *tokenizer = slm_model_tokenizer(model);
	SlmArenaMark mark = slm_arena_mark(scratch);
	Tokens tokens;

	SLM_TRY(read_tokens(tokenizer, host, scratch, &tokens, err));
	SLM_TRY(slm_mask_tree_new(tokens.token, (uint32_t) tokenizer->n_vocab, tokens.end, tokens.n_end,
							  host, arena, out, err));
	slm_arena_rewind(scratch, mark);
	return SLM_OK;
}

SlmStatus
slm_constraint_new(const SlmMaskTree *tree, const SlmJsonNode *node, uint32_t n_node, bool verbatim,
				   const SlmHost *host, SlmArena *arena, SlmConstraint **out, SlmError *err)
{
	SlmConstraint *constraint;

	SLM_TRY(SLM_NEW_ARRAY(arena, 1, &constraint, err));
	constraint->verbatim = verbatim;
	SLM_TRY(slm_grammar_compile(node, n_node, verbatim, host, arena, &constraint->grammar, err));
	SLM_TRY(slm_mask_cache_new(tree, constraint->grammar, MASK_BYTES, host, arena,
							   &constraint->cache, err));
	*out = constraint;
	return SLM_OK;
}

/* How many of the tokens, in order, spell the text. */
static int
count_spelled(const SlmTokenizer *tokenizer, const SlmTokens *tokens, bool first, SlmText text,
			  uint8_t *buffer)
{
	size_t at = 0;

	for (int i = 0; i < tokens->n; i++)
	{
		size_t n = slm_token_bytes(tokenizer, tokens->id[i], buffer);
		/* the space that a vocabulary puts before a text is not part of it */
		size_t skip = i == 0 && first && tokenizer->space_prefix && n > 0 && buffer[0] == ' ';

		if (n - skip > text.size - at || memcmp(buffer + skip, text.data + at, n - skip) != 0)
			return i;
		at += n - skip;
	}
	return tokens->n;
}

SlmStatus
slm_constraint_forced(const SlmConstraint *constraint, const SlmGrammarState *state, bool first,
					  const SlmTokenizer *tokenizer, const SlmHost *host, SlmArena *scratch,
					  int32_t *id, int *n, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(scratch);
	uint8_t bytes[SLM_FORCED_TOKENS];
	size_t n_byte = sizeof(bytes);
	SlmTokens tokens;
	uint8_t *buffer;

	*n = 0;
	slm_grammar_forced(constraint->grammar, state, bytes, &n_byte);
	/* the look-ahead may end inside of a character, which a token may, but a text not */
	n_byte = slm_utf8_valid_bytes(bytes, n_byte);
	if (n_byte == 0)
		return SLM_OK;
	SLM_TRY((first ? slm_tokenize : slm_tokenize_more)(tokenizer, host, (const char *) bytes,
													   n_byte, scratch, &tokens, err));
	SLM_TRY(SLM_NEW_ARRAY(scratch, SLM_MAX_TOKEN_BYTES, &buffer, err));
	/* no token of a text is without bytes, but one that is changed may have more than its own */
	if (tokens.n > SLM_FORCED_TOKENS)
		tokens.n = SLM_FORCED_TOKENS;
	*n = count_spelled(tokenizer, &tokens, first, (SlmText){(const char *) bytes, n_byte}, buffer);
	if (*n == tokens.n && *n > 0)
		--*n;
	memcpy(id, tokens.id, (size_t) *n * sizeof(*id));
	slm_arena_rewind(scratch, mark);
	return SLM_OK;
}
