/*
 * chat.c - built-in chat formats
 *
 * The formats are those of the models' authors: ChatML (Qwen, SmolLM2), Llama
 * 3, Gemma, Phi-3, Zephyr (StableLM), Mistral's instructions, Alpaca.  In the
 * table a control token stands between two bytes 1, and nothing there for the
 * vocabulary's last one, which is the end of a turn in several.
 *
 * Phi-3's template has line ends behind control tokens, and its tokenizer takes
 * away what white space stands behind them ("rstrip"), the user's, too.
 *
 * Llama 3.1's template names the day on which it is run, and where nothing says
 * which one, this day: it stays, so that an answer depends on its arguments only.
 */
#include "tokenizer/chat.h"

#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
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
	bool trims;         /* control tokens take away the white space behind them */
	bool strips_system; /* white space at the ends of that text is left out */
	bool strips_user;
	bool always_system; /* its turn is there without a text, too */
};

#define NO_OPTIONS false, false, false, false
#define TRIMS true, false, false, false
#define STRIPS_USER false, false, true, false
#define STRIPS false, true, true, false
#define STRIPS_AND_SYSTEM false, true, true, true

static const SlmChat formats[] = {
	{"chatml", "\1<|im_start|>\1system\n", "\1<|im_end|>\1\n", "\1<|im_start|>\1user\n",
	 "\1<|im_end|>\1\n", "\1<|im_start|>\1assistant\n", "", NO_OPTIONS},
	/* Qwen3's thoughts, had already: there are none */
	{"chatml-no-think", "\1<|im_start|>\1system\n", "\1<|im_end|>\1\n", "\1<|im_start|>\1user\n",
	 "\1<|im_end|>\1\n", "\1<|im_start|>\1assistant\n\1<think>\1\n\n\1</think>\1\n\n", "",
	 NO_OPTIONS},
	{"llama-3", "\1<|start_header_id|>\1system\1<|end_header_id|>\1\n\n", "\1<|eot_id|>\1",
	 "\1<|start_header_id|>\1user\1<|end_header_id|>\1\n\n", "\1<|eot_id|>\1",
	 "\1<|start_header_id|>\1assistant\1<|end_header_id|>\1\n\n", "", STRIPS},
	{"llama-3.1",
	 "\1<|start_header_id|>\1system\1<|end_header_id|>\1\n\n"
	 "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n",
	 "\1<|eot_id|>\1", "\1<|start_header_id|>\1user\1<|end_header_id|>\1\n\n", "\1<|eot_id|>\1",
	 "\1<|start_header_id|>\1assistant\1<|end_header_id|>\1\n\n", "", STRIPS_AND_SYSTEM},
	/* Gemma has no system's turn: its text opens the user's */
	{"gemma", "\1<start_of_turn>\1user\n", "\n\n", "\1<start_of_turn>\1user\n",
	 "\1<end_of_turn>\1\n", "\1<start_of_turn>\1model\n", "", STRIPS_USER},
	{"phi-3", "\1<|system|>\1\n", "\1<|end|>\1\n", "\1<|user|>\1\n", "\1<|end|>\1\n",
	 "\1<|assistant|>\1\n", "", TRIMS},
	{"phi-4-mini", "\1<|system|>\1", "\1<|end|>\1", "\1<|user|>\1", "\1<|end|>\1",
	 "\1<|assistant|>\1", "", TRIMS},
	{"zephyr", "<|system|>\n", "\1\1\n", "<|user|>\n", "\1\1\n", "<|assistant|>\n", "", NO_OPTIONS},
	{"mistral", "[INST] ", "\n\n", "[INST] ", " [/INST]", "", "", NO_OPTIONS},
	{"mistral-v3", "\1[INST]\1", "\n\n", "\1[INST]\1", "\1[/INST]\1", "", "", NO_OPTIONS},
	{"alpaca", "", "\n\n", "### Instruction:\n", "\n\n", "### Response:\n", "\n### ", NO_OPTIONS},
	{"plain", "", "\n\n", "", "\n", "", "", NO_OPTIONS},
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
slm_chat_own_name(const SlmChat *chat)
{
	return slm_text(chat->name);
}

/* Templates that write what a format writes; generated, with their comments. */
static const struct
{
	const char *sha256;
	const char *format;
} templates[] = {
#include "tokenizer/chat_templates.inc"
};

const SlmChat *
slm_chat_of_template(const uint8_t sha256[SLM_SHA256_BYTES])
{
	char hex[SLM_HASH_HEX_CHARS + 1];

	slm_hash_to_hex(sha256, hex);
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
		if (strcmp(templates[i].sha256, hex) == 0)
			return slm_chat_find(slm_text(templates[i].format));
	return NULL;
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

/* A text without the white space at its ends. */
static SlmText
stripped(SlmText text)
{
	size_t n_white = white_bytes(text), end = n_white;

	for (size_t at = n_white; at < text.size;)
	{
		uint32_t cp;
		int n = slm_utf8_decode((const uint8_t *) text.data + at, text.size - at, &cp);

		at += n > 0 ? (size_t) n : 1;
		if (n == 0 || (slm_unicode(cp).flags & SLM_UNICODE_WHITE) == 0)
			end = at;
	}
	return (SlmText){text.data + n_white, end - n_white};
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

/* Of what stands in a format, -1 where the vocabulary has none. */
static int32_t
control_token(const SlmTokenizer *tokenizer, SlmText spelling)
{
	return spelling.size > 0 ? slm_token_special(tokenizer, spelling) : tokenizer->special.eos;
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
		int32_t id = control ? control_token(w->tokenizer, part) : -1;

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
	bool same_turn = strcmp(chat->system_start, chat->user_start) == 0, has_system;
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
	has_system = system.size > 0 || chat->always_system;
	if (chat->strips_system)
		system = stripped(system);
	if (chat->strips_user)
		user = stripped(user);
	if (has_system)
	{
		SLM_TRY(put_piece(&w, chat->system_start, err));
		put_text(&w, system);
		SLM_TRY(put_piece(&w, chat->system_end, err));
	}
	if (!has_system || !same_turn)
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
