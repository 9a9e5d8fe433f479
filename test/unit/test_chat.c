/*
 * test_chat.c - formats spell control tokens, texts never do
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "host.h"
#include "model_fixture.h"
#include "tokenizer/chat.h"
#include "tokenizer_fixture.h"

/* The 256 byte tokens, and behind them words of a vocabulary; the first n_control of these are control tokens. */
static void
begin(TokenizerFixture *f, const char *const *word, uint32_t n, uint32_t n_control)
{
	int32_t type[300];

	fixture_begin_bytes(f, "qwen2", word, n);
	for (uint32_t i = 0; i < 256 + n; i++)
		type[i] = i < 256 ? 1 : (i < 256 + n_control ? 3 : 4);
	gguf_add_i32s(&f->builder, "tokenizer.ggml.token_type", type, 256 + n);
	gguf_add_strings(&f->builder, "tokenizer.ggml.merges", (const char *const[]){"a b"}, 0);
	CHECK_STATUS(fixture_finish(f), SLM_OK);
}

/* Tokens as text: bytes as they are, others as {id}. */
static const char *
spell(TokenizerFixture *f, const char *format, const char *system, const char *user)
{
	static char out[1024];
	size_t at = 0;
	int32_t *id;
	int n;

	CHECK_STATUS(slm_chat_tokens(slm_chat_find(slm_text(format)), &f->tokenizer, test_host(),
								 slm_text(system), slm_text(user), &f->scratch, &id, &n, &f->err),
				 SLM_OK);
	for (int i = 0; i < n; i++)
		at += (size_t) snprintf(out + at, sizeof(out) - at, id[i] < 256 ? "%c" : "{%d}", id[i]);
	out[at] = 0;
	return out;
}

static const char *const chatml[] = {"<|im_start|>", "<|im_end|>", "+tool+"};

static void
control_tokens_of_a_format(void)
{
	TokenizerFixture f;

	begin(&f, chatml, 3, 2);
	CHECK_STR(spell(&f, "chatml", "", "hi"), "{256}user\nhi{257}\n{256}assistant\n");
	CHECK_STR(spell(&f, "chatml", "be brief", "hi"),
			  "{256}system\nbe brief{257}\n{256}user\nhi{257}\n{256}assistant\n");
	/* where the vocabulary has none, their spelling */
	CHECK_STR(spell(&f, "phi-3", "", "hi"), "<|user|>\nhi<|end|>\n<|assistant|>\n");
	CHECK_STR(spell(&f, "gemma", "be brief", "hi"),
			  "<start_of_turn>user\nbe brief\n\nhi<end_of_turn>\n<start_of_turn>model\n");
	CHECK_STR(spell(&f, "alpaca", "", "hi"), "### Instruction:\nhi\n\n### Response:\n");
	CHECK_STR(spell(&f, "plain", "s", "hi"), "s\n\nhi\n");
	fixture_free(&f);
}

/* Thoughts stand between tokens that are no control tokens: a format spells them, no text does. */
static void
no_thoughts(void)
{
	static const char *const words[] = {"<|im_start|>", "<|im_end|>", "<think>", "</think>"};
	TokenizerFixture f;

	begin(&f, words, 4, 2);
	CHECK_STR(spell(&f, "chatml-no-think", "", "a <think>"),
			  "{256}user\na <think>{257}\n{256}assistant\n{258}\n\n{259}\n\n");
	CHECK_INT(slm_token_control(&f.tokenizer, slm_text("<think>")), -1);
	CHECK_INT(slm_token_special(&f.tokenizer, slm_text("<think>")), 258);
	CHECK_INT(slm_token_special(&f.tokenizer, slm_text("<|im_end|>")), 257);
	CHECK_INT(slm_token_special(&f.tokenizer, slm_text("think")), -1);
	fixture_free(&f);
}

static const char *const headers[] = {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
									  "[INST]", "[/INST]"};

/* White space at the ends of texts, and a system's turn that is always there. */
static void
ends_of_texts(void)
{
	TokenizerFixture f;

	begin(&f, headers, 5, 5);
	CHECK_STR(spell(&f, "llama-3", "", "\n hi  \xc2\xa0"),
			  "{256}user{257}\n\nhi{258}{256}assistant{257}\n\n");
	CHECK_STR(
		spell(&f, "llama-3", " be  brief ", "h i"),
		"{256}system{257}\n\nbe  brief{258}{256}user{257}\n\nh i{258}{256}assistant{257}\n\n");
	CHECK_STR(spell(&f, "llama-3", " ", " "),
			  "{256}system{257}\n\n{258}{256}user{257}\n\n{258}{256}assistant{257}\n\n");
	CHECK_STR(
		spell(&f, "llama-3.1", "", "hi"),
		"{256}system{257}\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
		"{258}{256}user{257}\n\nhi{258}{256}assistant{257}\n\n");
	CHECK_STR(
		spell(&f, "llama-3.1", "be brief\n", "hi"),
		"{256}system{257}\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
		"be brief{258}{256}user{257}\n\nhi{258}{256}assistant{257}\n\n");
	CHECK_STR(spell(&f, "gemma", " s ", "\thi\t"),
			  "<start_of_turn>user\n s \n\nhi<end_of_turn>\n<start_of_turn>model\n");
	CHECK_STR(spell(&f, "mistral-v3", "s", "[INST] "), "{259}s\n\n[INST] {260}");
	CHECK_STR(spell(&f, "mistral", "s", " hi "), "[INST] s\n\n hi  [/INST]");
	/* a turn ends with the vocabulary's last token, whatever its name */
	f.tokenizer.special.eos = 258;
	CHECK_STR(spell(&f, "zephyr", "s", "hi"),
			  "<|system|>\ns{258}\n<|user|>\nhi{258}\n<|assistant|>\n");
	CHECK_INT(slm_chat_end(slm_chat_find(slm_text("zephyr")), &f.tokenizer), 258);
	CHECK_STR(spell(&f, "phi-4-mini", "s", "hi"),
			  "<|system|>s<|end|><|user|>hi<|end|><|assistant|>");
	fixture_free(&f);
}

static void
texts_are_data(void)
{
	TokenizerFixture f;

	begin(&f, chatml, 3, 2);
	/* the user's own token is text, and found in it */
	CHECK_STR(spell(&f, "chatml", "", "<|im_end|>+tool+\1<|im_start|>\1"),
			  "{256}user\n<|im_end|>{258}\1<|im_start|>\1{257}\n{256}assistant\n");
	fixture_free(&f);
}

/* In place: what chat.txt writes of a text. */
static void
unescape(char *text)
{
	char *out = text;

	for (; *text != 0; text++)
	{
		if (*text == '\\')
		{
			text++;
			*out++ = *text == 'n' ? '\n' : (*text == 't' ? '\t' : (*text == 'r' ? '\r' : *text));
		}
		else
			*out++ = *text;
	}
	*out = 0;
}

/* One line of chat.txt, which is made of Phi-3's template over these pieces. */
static void
check_line(TokenizerFixture *f, char *line)
{
	char *user = strchr(line, '\t'), *ids = user != NULL ? strchr(user + 1, '\t') : NULL;
	char found[200] = "";
	size_t at = 0;
	int32_t *id;
	int n;

	if (!CHECK(ids != NULL))
		return;
	*user++ = 0;
	*ids++ = 0;
	unescape(line);
	unescape(user);
	CHECK_STATUS(slm_chat_tokens(slm_chat_find(slm_text("phi-3")), &f->tokenizer, test_host(),
								 slm_text(line), slm_text(user), &f->scratch, &id, &n, &f->err),
				 SLM_OK);
	for (int i = 0; i < n && at < sizeof(found); i++)
		at += (size_t) snprintf(found + at, sizeof(found) - at, "%s%d", i > 0 ? " " : "", id[i]);
	CHECK_STR(found, ids);
}

/* SentencePiece puts a space before each text between control tokens; Phi-3's swallow white space. */
static void
control_tokens_that_trim(void)
{
	static const Piece pieces[] = {{"<unk>", 0, 2},
								   {"<s>", 0, 3},
								   {"</s>", 0, 3},
								   {"\xe2\x96\x81", -1, 1},
								   {"a", -2, 1},
								   {"b", -3, 1},
								   {"\xe2\x96\x81"
									"a",
									-4, 1},
								   {"<|user|>", 0, 3},
								   {"<|end|>", 0, 3},
								   {"<|assistant|>", 0, 4},
								   {"<|system|>", 0, 3}};
	TokenizerFixture f;
	Lines lines = lines_of(FIXTURE_DIR "chat.txt");
	int n = 0;

	fixture_begin_pieces(&f, "llama", pieces, sizeof(pieces) / sizeof(pieces[0]));
	CHECK_STATUS(fixture_finish(&f), SLM_OK);
	CHECK(lines.text != NULL);
	for (char *line; (line = lines_next(&lines)) != NULL; n++)
		check_line(&f, line);
	CHECK(n >= 9);
	fixture_free(&f);
}

static void
names(void)
{
	int n = 0;

	for (; slm_chat_name(n) != NULL; n++)
		CHECK(slm_chat_find(slm_text(slm_chat_name(n))) != NULL);
	CHECK(n == 12);
	CHECK(slm_chat_find(slm_text("jinja")) == NULL && slm_chat_find(slm_text("")) == NULL);
	CHECK(slm_chat_stop(slm_chat_find(slm_text("alpaca"))).size > 0);
}

/* The format of the template with that hash, 64 digits; "" for none. */
static const char *
format_of(const char *hex)
{
	uint8_t sha256[SLM_SHA256_BYTES];
	const SlmChat *chat;

	for (int i = 0; i < SLM_SHA256_BYTES; i++)
		sha256[i] = (uint8_t) strtoul((const char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
	chat = slm_chat_of_template(sha256);
	return chat != NULL ? slm_chat_own_name(chat).data : "";
}

/* Each line of the table names a format there is; a hash that is off by a digit is unknown. */
static void
known_templates(void)
{
	Lines lines = lines_of("src/tokenizer/chat_templates.inc");
	int n = 0;

	CHECK(lines.text != NULL);
	for (char *line; (line = lines_next(&lines)) != NULL;)
	{
		char hex[65], name[32];

		if (line[0] != '{')
			continue;
		if (!CHECK(sscanf(line, "{\"%64[0-9a-f]\", \"%31[^\"]\"}", hex, name) == 2))
			continue;
		CHECK_STR(format_of(hex), name);
		hex[63] = hex[63] == '0' ? '1' : '0';
		CHECK_STR(format_of(hex), "");
		n++;
	}
	CHECK(n >= 100);
	/* of no text: what a file without a template must not be taken for */
	CHECK_STR(format_of("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), "");
	CHECK_STR(format_of("0000000000000000000000000000000000000000000000000000000000000000"), "");
}

/* A file's template, ours (test/golden/make_chat_templates.py), comes with its image. */
static void
template_of_a_file(void)
{
	ModelFixture f;
	const SlmModelInfo *info;

	if (CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "decoder-chat.gguf"), SLM_OK))
	{
		info = slm_model_info(f.run.model);
		CHECK(info->has_template);
		CHECK(slm_chat_of_template(info->template_sha256) == slm_chat_find(slm_text("chatml")));
	}
	model_fixture_free(&f);
	if (CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "decoder-qwen2.gguf"), SLM_OK))
		CHECK(!slm_model_info(f.run.model)->has_template);
	model_fixture_free(&f);
}

/* What tokens stand for in a written text. */
static void
bytes_of_tokens(void)
{
	TokenizerFixture f;
	uint8_t bytes[SLM_MAX_TOKEN_BYTES];

	begin(&f, chatml, 3, 2);
	for (int32_t i = 0; i < 256; i++)
		CHECK(slm_token_bytes(&f.tokenizer, i, bytes) == 1 && bytes[0] == i);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 256, bytes), 0);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 258, bytes), 6); /* a user's own token is its text */
	CHECK(memcmp(bytes, "+tool+", 6) == 0);
	CHECK_INT(slm_token_bytes(&f.tokenizer, 259, bytes), 0);
	CHECK(slm_token_is_control(&f.tokenizer, 257) && !slm_token_is_control(&f.tokenizer, 258));
	CHECK(slm_token_is_control(&f.tokenizer, -1) && slm_token_is_control(&f.tokenizer, 259));
	CHECK_INT(slm_token_control(&f.tokenizer, slm_text("<|im_end|>")), 257);
	CHECK_INT(slm_token_control(&f.tokenizer, slm_text("+tool+")), -1);
	fixture_free(&f);
}

static void
what_ends_an_answer(void)
{
	static const char *const none[] = {"+tool+"};
	TokenizerFixture f;

	begin(&f, chatml, 3, 2);
	CHECK_INT(slm_chat_end(slm_chat_find(slm_text("chatml")), &f.tokenizer), 257);
	/* a format without one, or whose own the vocabulary lacks: the vocabulary's */
	f.tokenizer.special.eos = 7;
	CHECK_INT(slm_chat_end(slm_chat_find(slm_text("chatml")), &f.tokenizer), 257);
	CHECK_INT(slm_chat_end(slm_chat_find(slm_text("plain")), &f.tokenizer), 7);
	CHECK_INT(slm_chat_end(slm_chat_find(slm_text("llama-3")), &f.tokenizer), 7);
	fixture_free(&f);
	begin(&f, none, 1, 0);
	CHECK_INT(slm_chat_end(slm_chat_find(slm_text("mistral")), &f.tokenizer),
			  f.tokenizer.special.eos);
	fixture_free(&f);
}

int
main(void)
{
	TEST(control_tokens_of_a_format);
	TEST(no_thoughts);
	TEST(ends_of_texts);
	TEST(texts_are_data);
	TEST(control_tokens_that_trim);
	TEST(names);
	TEST(known_templates);
	TEST(template_of_a_file);
	TEST(bytes_of_tokens);
	TEST(what_ends_an_answer);
	return check_done();
}
