/*
 * chat.h - how a model wants to be talked to: built-in formats, chosen by name
 *
 * Templates that a model file carries are programs, and never run (law 6).  A
 * format is literal text with places for a system's and a user's text.  What
 * it spells as a control token becomes one where the vocabulary has it; the
 * two texts never do, whatever they spell.
 *
 * Which format a file's template stands for is known by its hash, of templates
 * whose output was seen to be the format's (test/golden/make_chat_templates.py).
 */
#ifndef SLM_TOKENIZER_CHAT_H
#define SLM_TOKENIZER_CHAT_H

#include "base/arena.h"
#include "base/host.h"
#include "base/status.h"
#include "base/text.h"
#include "tokenizer/tokenizer.h"

typedef struct SlmChat SlmChat;

/* The format of a name, "chatml", "plain", ...; NULL: there is none. */
extern const SlmChat *slm_chat_find(SlmText name);

/* Name of format i, NULL past the last. */
extern const char *slm_chat_name(int i);

extern SlmText slm_chat_own_name(const SlmChat *chat);

/* The format that writes what the template of that SHA-256 writes; NULL: not known. */
extern const SlmChat *slm_chat_of_template(const uint8_t sha256[SLM_SHA256_BYTES]);

/*
 * Tokens of a conversation of one turn, up to where the answer starts: id [*n]
 * in the arena.  system may be empty.  The vocabulary's first token is put
 * before where the model expects it.  White space at the ends of the texts is
 * left out where the authors' template does so.  Errors as slm_tokenize().
 */
extern SlmStatus slm_chat_tokens(const SlmChat *chat, const SlmTokenizer *tokenizer,
								 const SlmHost *host, SlmText system, SlmText user, SlmArena *arena,
								 int32_t **id, int *n, SlmError *err) SLM_MUST_CHECK;

/*
 * The control token that ends an answer: the format's, where the vocabulary has
 * it, else the vocabulary's own; -1 where it has none.
 */
extern int32_t slm_chat_end(const SlmChat *chat, const SlmTokenizer *tokenizer);

/* Text that ends an answer where no control token does; may be empty. */
extern SlmText slm_chat_stop(const SlmChat *chat);

#endif
