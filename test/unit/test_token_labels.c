/*
 * test_token_labels.c - labels of tokens, as fields and spans
 */
#include "check.h"
#include "gguf_builder.h"
#include "host.h"
#include "json_text.h"
#include "memory_model.h"
#include "task/spans.h"
#include "task/token_labels.h"

#define MAX_LABELS 12

static MemoryModel memory;
static SlmTokenLabel *label;
static int n_label;
static SlmError err;

/* A model that gives these labels, and what is read of them. */
static void
use_labels(const char *const *text, int n)
{
	static const float x[MAX_LABELS * 32];
	const uint64_t ne[2] = {32, (uint64_t) n};
	GgufBytes file = {0};
	GgufBuilder b;

	gguf_begin(&b);
	gguf_add_bert(&b, SLM_DTYPE_F32, 32, 64);
	gguf_add_tensor(&b, "cls.output.weight", SLM_DTYPE_F32, 2, ne, x);
	gguf_add_strings(&b, "bert.classifier.output_labels", text, (uint64_t) n);
	gguf_add_string(&b, "bert.classifier.kind", "token");
	gguf_finish(&b, &file);
	CHECK_STATUS(memory_model_load(&memory, file.data, file.size, &err), SLM_OK);
	gguf_bytes_free(&file);
	n_label = n;
	CHECK_STATUS(slm_token_labels_read(memory.model, &memory.arena, &label, &err), SLM_OK);
}

static void
check_label(int i, const char *type, bool begins, bool ends)
{
	CHECK_INT(slm_text_compare(label[i].type, slm_text(type)), 0);
	CHECK(label[i].begins == begins && label[i].ends == ends);
}

static void
schemes(void)
{
	static const char *const bioes[] = {"O", "B-PER", "I-PER", "E-PER", "S-PER", "L_a", "U_a"};
	static const char *const plain[] = {"O", "PER", "E-mail", "B-PER"};

	use_labels(bioes, 7);
	check_label(0, "", false, false);
	check_label(1, "PER", true, false);
	check_label(2, "PER", false, false);
	check_label(3, "PER", false, true);
	check_label(4, "PER", true, true);
	check_label(5, "a", false, true);
	check_label(6, "a", true, true);
	memory_model_free(&memory);
	use_labels(plain, 4);
	check_label(0, "", false, false);
	check_label(1, "PER", false, false);
	check_label(2, "E-mail", false, false);
	check_label(3, "B-PER", false, false);
	memory_model_free(&memory);
}

/* Which labels the only field of a schema has: one letter a label. */
static const char *
match(const char *text)
{
	static char out[MAX_LABELS + 1];
	static JsonText json;
	float mine[MAX_LABELS];
	SlmSchema *schema;
	SlmStatus status;

	json_text_read(&json, text);
	CHECK_STATUS(slm_schema_read(json.node, json.n, &memory.arena, &schema, &err), SLM_OK);
	status = slm_token_labels_match(label, n_label, schema, test_host(), mine, &err);
	if (status != SLM_OK)
	{
		CHECK_STATUS(status, SLM_ERR_ARGUMENT);
		return err.message;
	}
	for (int i = 0; i < n_label; i++)
		out[i] = mine[i] > 0 ? '1' : '0';
	out[n_label] = 0;
	return out;
}

static void
fields(void)
{
	static const char *const text[] = {"O",     "B-PER",        "I-PER",        "B-Organization",
									   "I-LOC", "B-Birth_Date", "I-Birth_Date", "B-MISC"};

	use_labels(text, 8);
	CHECK_STR(match("[\"PER\"]"), "01100000");
	CHECK_STR(match("[\"person\"]"), "01100000");
	CHECK_STR(match("[\"Person\"]"), "01100000");
	CHECK_STR(match("[\"org\"]"), "00010000");
	CHECK_STR(match("[\"organisation\"]"), "00010000");
	CHECK_STR(match("[\"Location\"]"), "00001000");
	CHECK_STR(match("[\"miscellaneous\"]"), "00000001");
	CHECK_STR(match("[\"birth date\"]"), "00000110");
	CHECK_STR(match("[\"BIRTH-DATE\"]"), "00000110");
	CHECK_STR(match("{\"born\": \"birth_date\"}"), "00000110");
	CHECK_STR(match("{\"properties\": {\"who\": {\"title\": \"person\"}}}"), "01100000");
	CHECK_STR(match("{\"properties\": {\"o\": {\"type\": \"object\", \"properties\": {\"per\": "
					"{\"type\": \"string\"}}}}}"),
			  "01100000");
	CHECK_STR(match("[\"birthdate\"]"), "field \"birthdate\" is not a type that the model knows");
	CHECK_STR(err.hint, "Its types are PER, Organization, LOC, Birth_Date, MISC.");
	CHECK_STR(match("[\"O\"]"), "field \"O\" is not a type that the model knows");
	memory_model_free(&memory);
}

/* A hint names as many types as it has room for. */
static void
long_hint(void)
{
	static char text[6][64];
	static const char *labels[6];

	for (int i = 0; i < 6; i++)
	{
		memset(text[i], 'a' + i, 50);
		labels[i] = text[i];
	}
	use_labels(labels, 6);
	CHECK_CONTAINS(match("[\"x\"]"), "field \"x\" is not");
	CHECK_CONTAINS(err.hint, "aaa, bbb");
	CHECK_CONTAINS(err.hint, "ccc, ....");
	CHECK(strchr(err.hint, 'd') == NULL);
	memory_model_free(&memory);
}

/* Labels of words, and where the spans of PER begin and end: "0-2 4-4". */
static const char *
spans(const int32_t *best, int n)
{
	static char out[512];
	float mine[MAX_LABELS];
	int32_t last[100];
	size_t size = 0;

	for (int i = 0; i < n_label; i++)
		mine[i] = slm_text_compare(label[i].type, slm_text("PER")) == 0;
	slm_token_labels_spans(label, mine, best, n, last);
	out[0] = 0;
	for (int i = 0; i < n; i++)
		if (last[i] >= 0)
			size += (size_t) snprintf(out + size, sizeof(out) - size, "%s%d-%d",
									  size > 0 ? " " : "", i, (int) last[i]);
	return out;
}

static void
spans_of_labels(void)
{
	static const char *const bioes[] = {"O", "B-PER", "I-PER", "E-PER", "S-PER", "B-ORG", "I-ORG"};
	static const char *const plain[] = {"O", "PER", "ORG"};
	int32_t many[80];

	use_labels(bioes, 7);
	CHECK_STR(spans((int32_t[]){0, 0}, 2), "");
	CHECK_STR(spans((int32_t[]){1, 2, 2, 0, 1}, 5), "0-2 4-4");
	CHECK_STR(spans((int32_t[]){1, 1, 2}, 3), "0-0 1-2");       /* one begins behind another */
	CHECK_STR(spans((int32_t[]){0, 2, 2}, 3), "1-2");           /* none needs a beginning */
	CHECK_STR(spans((int32_t[]){1, 5, 6, 2, 2}, 5), "0-0 3-4"); /* another type is between */
	CHECK_STR(spans((int32_t[]){1, 2, 3, 2, 4, 4, 2}, 7), "0-2 3-3 4-4 5-5 6-6"); /* ends */
	for (int i = 0; i < 80; i++)
		many[i] = 2;
	CHECK_INT(SLM_SPAN_WORDS, 32);
	CHECK_STR(spans(many, 80), "0-31 32-63 64-79");
	memory_model_free(&memory);
	use_labels(plain, 3);
	CHECK_STR(spans((int32_t[]){1, 1, 2, 1, 0, 1}, 6), "0-1 3-3 5-5");
	memory_model_free(&memory);
	CHECK_INT(test_host_state.live_allocs, 0);
}

int
main(void)
{
	TEST(schemes);
	TEST(fields);
	TEST(long_hint);
	TEST(spans_of_labels);
	return check_done();
}
