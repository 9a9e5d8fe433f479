/*
 * chat.c - built-in chat formats
 *
 * The formats are those of the models' authors: ChatML (Qwen, SmolLM2), Llama
 * 3, Gemma, Phi-3, Zephyr (StableLM), Mistral's instructions, Alpaca.  In the
 * table a control token stands between two bytes 1.
 *
 * Phi-3's template has line ends behind control tokens, and its tokenizer takes
 * away what white space stands behind them ("rstrip"), the user's, too.
 */
#include "tokenizer/chat.h"

#include <string.h>

#include "base/checked.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "tokenizer/unicode.h"

#define MARK '\1'

struct SlmChat
{
	const char *name;
	const char *system_start; /* with system_end, left out without a system's text */
	const char *system_end;
	const char *user_start;
	const char *user_end;
	const char *answer_start;
	const char *stop;
	bool trims; /* control tokens take away the white space behind them */
};

static const SlmChat formats[] = {
	{"chatml", "\1<|im_start|>\1system\n", "\1<|im_end|>\1\n", "\1<|im_start|>\1user\n",
	 "\1<|im_end|>\1\n", "\1<|im_start|>\1assistant\n", "", false},
	{"llama-3", "\1<|start_header_id|>\1system\1<|end_header_id|>\1\n\n", "\1<|eot_id|>\1",
	 "\1<|start_header_id|>\1user\1<|end_header_id|>\1\n\n", "\1<|eot_id|>\1",
	 "\1<|start_header_id|>\1assistant\1<|end_header_id|>\1\n\n", "", false},
	/* Gemma has no system's turn: its text opens the user's */
	{"gemma", "\1<start_of_turn>\1user\n", "\n\n", "\1<start_of_turn>\1user\n",
	 "\1<end_of_turn>\1\n", "\1<start_of_turn>\1model\n", "", false},
	{"phi-3", "\1<|system|>\1\n", "\1<|end|>\1\n", "\1<|user|>\1\n", "\1<|end|>\1\n",
	 "\1<|assistant|>\1\n", "", true},
	{"zephyr", "<|system|>\n", "\1</s>\1\n", "<|user|>\n", "\1</s>\1\n", "<|assistant|>\n", "",
	 false},
	{"mistral", "[INST] ", "\n\n", "[INST] ", " [/INST]", "", "", false},
	{"alpaca", "", "\n\n", "### Instruction:\n", "\n\n", "### Response:\n", "\n### ", false},
	{"plain", "", "\n\n", "", "\n", "", "", false},
};

#define N_FORMATS ((int) (sizeof(formats) / sizeof(formats[0])))

const SlmChat *
slm_chat_find(SlmText name)
{
	for (int i = 0; i < N_FORMATS; i++)
		if (strlen(formats[i].name) == name.size &&
			memcmp(formats[i].name, name.data, name.size) == 0)
			return &formats[i];
	return NULL;
}

const char *
slm_chat_name(int i)
{
	return i >= 0 && i < N_FORMATS ? formats[i].name : NULL;
}

SlmText
slm_chat_stop(const SlmChat *chat)
{
	return slm_text(chat->stop);
}

int32_t
slm_chat_end(const SlmChat *chat, const SlmTokenizer *tokenizer)
{
	const char *start = strchr(chat->user_end, MARK);
	const char *end = start != NULL ? strchr(start + 1, MARK) : NULL;
	int32_t id = -1;

	if (end != NULL)
		id = slm_token_control(tokenizer, (SlmText){start + 1, (size_t) (end - start - 1)});
	return id >= 0 ? id : tokenizer->special.eos;
}

/* Tokens so far, and the text since the last control token. */
typedef struct Writer
{
	const SlmTokenizer *tokenizer;
	const SlmHost *host;
	SlmArena *arena;
	bool trims;
	bool trimming; /* behind a control token that takes white space away, and what it took */
	char *text;    /* [capacity of all parts together] */
	size_t n_text;
	int32_t *id; /* the same: no text has more tokens than bytes */
	int n;
} Writer;

static SlmStatus
flush(Writer *w, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(w->arena);
	SlmTokens tokens;

	if (w->n_text == 0)
		return SLM_OK;
	SLM_TRY(slm_tokenize(w->tokenizer, w->host, w->text, w->n_text, w->arena, &tokens, err));
	memcpy(w->id + w->n, tokens.id, (size_t) tokens.n * sizeof(*tokens.id));
	w->n += tokens.n;
	w->n_text = 0;
	slm_arena_rewind(w->arena, mark);
	return SLM_OK;
}

/* Bytes of white space that a text begins with. */
static size_t
white_bytes(SlmText text)
{
	size_t at = 0;

	while (at < text.size)
	{
		uint32_t cp;
		int n = slm_utf8_decode((const uint8_t *) text.data + at, text.size - at, &cp);

		if (n == 0 || (slm_unicode(cp).flags & SLM_UNICODE_WHITE) == 0)
			break;
		at += (size_t) n;
	}
	return at;
}

static void
put_text(Writer *w, SlmText text)
{
	size_t n_white = w->trimming ? white_bytes(text) : 0;

	text.data += n_white;
	text.size -= n_white;
	w->trimming = w->trimming && text.size == 0;
	memcpy(w->text + w->n_text, text.data, text.size);
	w->n_text += text.size;
}

/* A piece of a format: text and control tokens by turns. */
static SlmStatus
put_piece(Writer *w, const char *piece, SlmError *err)
{
	bool control = false;

	while (*piece != 0)
	{
		const char *end = strchr(piece, MARK);
		SlmText part = {piece, end != NULL ? (size_t) (end - piece) : strlen(piece)};
		int32_t id = control ? slm_token_control(w->tokenizer, part) : -1;

		if (id >= 0)
		{
			SLM_TRY(flush(w, err));
			w->id[w->n++] = id;
			w->trimming = w->trims;
		}
		else
			put_text(w, part);
		piece += part.size + (end != NULL);
		control = !control && end != NULL;
	}
	return SLM_OK;
}

SlmStatus
slm_chat_tokens(const SlmChat *chat, const SlmTokenizer *tokenizer, const SlmHost *host,
				SlmText system, SlmText user, SlmArena *arena, int32_t **id, int *n, SlmError *err)
{
	Writer w = {.tokenizer = tokenizer, .host = host, .arena = arena, .trims = chat->trims};
	bool same_turn = strcmp(chat->system_start, chat->user_start) == 0;
	size_t room = strlen(chat->system_start) + strlen(chat->system_end) + strlen(chat->user_start) +
				  strlen(chat->user_end) + strlen(chat->answer_start) + 2;

	if (system.size > SLM_MAX_INPUT_BYTES || user.size > SLM_MAX_INPUT_BYTES - system.size)
		return slm_fail(err, SLM_ERR_LIMIT, "text has %zu bytes, over the limit of %u",
						system.size + user.size, SLM_MAX_INPUT_BYTES);
	room += system.size + user.size;
	SLM_TRY(SLM_NEW_ARRAY(arena, room, &w.id, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, room, &w.text, err));
	if (tokenizer->special.add_bos)
		w.id[w.n++] = tokenizer->special.bos;
	if (system.size > 0)
	{
		SLM_TRY(put_piece(&w, chat->system_start, err));
		put_text(&w, system);
		SLM_TRY(put_piece(&w, chat->system_end, err));
	}
	if (system.size == 0 || !same_turn)
		SLM_TRY(put_piece(&w, chat->user_start, err));
	put_text(&w, user);
	SLM_TRY(put_piece(&w, chat->user_end, err));
	SLM_TRY(put_piece(&w, chat->answer_start, err));
	SLM_TRY(flush(&w, err));
	if (tokenizer->special.ends_prompts)
		w.id[w.n++] = tokenizer->special.eos;
	*id = w.id;
	*n = w.n;
	return SLM_OK;
}
