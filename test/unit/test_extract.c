/*
 * test_extract.c - fields out of texts, with a model of random weights
 *
 * The model knows nothing, so what it says is compared with the definition,
 * computed here in double precision from what the engine gives.
 */
#include <math.h>

#include "base/limits.h"
#include "check.h"
#include "host.h"
#include "json_text.h"
#include "model_fixture.h"
#include "task/embed.h"
#include "task/extract.h"
#include "task/spans.h"
#include "task/token_words.h"
#include "task/windows.h"

#define SLM FIXTURE_DIR "tiny-slm.gguf"
#define TOKENS FIXTURE_DIR "tiny-tokens.gguf"
#define N_EMBD 32
#define N_SPAN 8
#define MAX_LEAVES 8
#define MAX_LABELS 8
#define MAX_TOKENS 80

static ModelFixture f;
static JsonText json;
static _Alignas(16) char schema_bytes[8192];
static const SlmSchema *schema = (const SlmSchema *) schema_bytes;
static float field[MAX_LEAVES * 3 * N_SPAN], label[MAX_LABELS * N_EMBD];

/* Reads and encodes a schema; both outlive the arena. */
static void
use_schema(const char *text)
{
	SlmSchema *read;

	json_text_read(&json, text);
	slm_arena_reset(f.run.arena);
	CHECK_STATUS(slm_schema_read(json.node, json.n, f.run.arena, &read, &f.err), SLM_OK);
	memcpy(schema_bytes, read, read->size);
	CHECK(slm_task_field_floats(f.run.model, schema) <= sizeof(field) / sizeof(float));
	CHECK(slm_task_field_label_floats(f.run.model, schema) <= sizeof(label) / sizeof(float));
	CHECK_STATUS(slm_task_embed_fields(&f.run, schema, field, label, &f.err), SLM_OK);
}

static SlmStatus
extract(const char *const *text, int n, SlmExtraction *out, SlmStatus *row_status)
{
	SlmText texts[300];

	for (int i = 0; i < n; i++)
		texts[i] = slm_text(text[i]);
	slm_arena_reset(f.run.arena);
	return slm_task_extract(&f.run, texts, n, schema, field, label, out, row_status, &f.err);
}

static const char *
extract_one(const char *text)
{
	static char out[4096];
	SlmExtraction extraction;

	CHECK_STATUS(extract(&text, 1, &extraction, NULL), SLM_OK);
	snprintf(out, sizeof(out), "%.*s", (int) extraction.json.size, extraction.json.data);
	return out;
}

/* Probabilities of one window's words for leaf i: out[3][words]. */
static int
score_words(const char *text, int i, double out[3][MAX_TOKENS])
{
	static float spans[MAX_TOKENS * 3 * N_SPAN];
	const SlmSpecialTokens *special = &slm_model_tokenizer(f.run.model)->special;
	int32_t id[MAX_TOKENS];
	uint8_t look[MAX_TOKENS] = {0};
	const uint8_t *looks = look;
	SlmTokens tokens;
	SlmTokenWords words;
	SlmSequence sequence = {id, 0, 0};

	CHECK_STATUS(slm_tokenize(slm_model_tokenizer(f.run.model), test_host(), text, strlen(text),
							  f.run.arena, &tokens, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_token_words_find(slm_text(text), test_host(), f.run.arena, &words, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_token_words_map(&words, &tokens, look + 1, test_host(), &f.err), SLM_OK);
	id[0] = special->bos;
	memcpy(id + 1, tokens.id, (size_t) tokens.n * sizeof(*id));
	id[tokens.n + 1] = special->eos;
	look[tokens.n + 1] = 0;
	sequence.n = sequence.segment_two = tokens.n + 2;
	CHECK_STATUS(slm_encode_spans(&f.run, &sequence, &looks, 1, spans, &f.err), SLM_OK);
	for (int w = 0; w < words.n; w++)
		for (int k = 0; k < 3; k++)
		{
			int t = 1 + (k == 1 ? words.word[w].last_token : words.word[w].first_token);
			double logit = 0;

			for (int j = 0; j < N_SPAN; j++)
				logit += (double) spans[(t * 3 + k) * N_SPAN + j] *
						 (double) field[(i * 3 + k) * N_SPAN + j];
			out[k][w] = 1 / (1 + exp(-logit / sqrt(N_SPAN)));
		}
	return words.n;
}

static double
span_score(double p[3][MAX_TOKENS], int first, int last)
{
	double mean = 0;

	for (int i = first; i <= last; i++)
		mean += p[2][i] / (last - first + 1);
	return fmin(fmin(p[0][first], p[1][last]), mean);
}

/* The best span of each of many questions is the one of the definition. */
static void
best_spans(void)
{
	const char *text = "the order of 3 May arrived late; please refund $45.00 to Anna";
	const double threshold = 0.4, scale = 1.25, bias = -0.125;
	int n_found = 0;

	CHECK_STATUS(model_fixture_load(&f, SLM), SLM_OK);
	CHECK(slm_task_can_extract(f.run.model));
	use_schema(
		"{\"a\": \"Who?\", \"order\": \"\", \"price\": \"what was paid\", \"date\": \"When?\","
		" \"tea\": \"\", \"late parcel\": \"\", \"dog\": \"how many?\", \"card\": \"\"}");
	for (int i = 0; i < 8; i++)
	{
		double p[3][MAX_TOKENS], best = -1;
		const SlmField *asked = &schema->field[i + 1];
		SlmExtraction extraction;
		bool found = false;
		int n = score_words(text, i, p);

		for (int first = 0; first < n; first++)
			for (int last = first; last < n; last++)
				best = fmax(best, span_score(p, first, last));
		CHECK_STATUS(extract(&text, 1, &extraction, NULL), SLM_OK);
		for (int j = 0; j < extraction.n_value; j++)
		{
			const SlmExtracted *value = &extraction.value[j];

			if (slm_text_compare(value->path, slm_schema_text(schema, asked->name)) != 0)
				continue;
			found = true;
			n_found++;
			CHECK(value->has_source);
			CHECK(value->value.data == text + value->start && value->value.size == value->size);
			CHECK(fabs(value->confidence -
					   1 / (1 + exp(-(scale * log(best / (1 - best)) + bias)))) < 1e-4);
		}
		CHECK(found == (best >= threshold));
	}
	CHECK(n_found > 2);
	model_fixture_free(&f);
}

/* Typed fields take what the scanners find, spelled as the type asks. */
static void
typed_fields(void)
{
	CHECK_STATUS(model_fixture_load(&f, SLM), SLM_OK);
	use_schema(
		"{\"properties\": {\"day\": {\"format\": \"date\"}, \"sum\": {\"type\": \"number\", "
		"\"minimum\": 10, \"maximum\": 1000},"
		" \"mail\": {\"format\": \"email\", \"maxLength\": 8}, \"n\": {\"type\": \"integer\", "
		"\"maximum\": 3}},"
		" \"required\": [\"day\", \"sum\", \"mail\", \"n\"], \"propertyOrdering\": [\"n\"]}");
	CHECK_STR(extract_one("3 teas for $45.50 on 4 March 2025, long@example.org or a@B.org"),
			  "{\"n\": 3, \"day\": \"2025-03-04\", \"sum\": 45.50, \"mail\": \"a@b.org\"}");
	model_fixture_free(&f);
}

static void
choices_and_booleans(void)
{
	SlmExtraction extraction;
	const char *text = "Status: In Progress";

	CHECK_STATUS(model_fixture_load(&f, SLM), SLM_OK);
	/* what must be there stands in the text, however unlikely the model finds it */
	use_schema("{\"properties\": {\"s\": {\"enum\": [\"progress bar\", \"in_progress\"]}}, "
			   "\"required\": [\"s\"]}");
	CHECK_STR(extract_one("Status: In  Progress"), "{\"s\": \"in_progress\"}");
	CHECK_STR(extract_one("in-progress"), "{\"s\": \"in_progress\"}");
	/* parts of words are none */
	use_schema("{\"properties\": {\"s\": {\"type\": \"array\", \"items\": {\"enum\": "
			   "[\"open\"]}}}, \"required\": [\"s\"]}");
	CHECK_STR(extract_one("opened, reopen"), "{\"s\": []}");
	/* a judgement has no source; that of a boolean is one of two */
	use_schema("{\"late\": \"boolean\"}");
	CHECK_STATUS(extract(&text, 1, &extraction, NULL), SLM_OK);
	CHECK_INT(extraction.n_value, 1);
	CHECK(!extraction.value[0].has_source);
	CHECK(extraction.value[0].confidence >= 0.5f);
	CHECK(extraction.json.size == strlen("{\"late\": true}") ||
		  extraction.json.size == strlen("{\"late\": false}"));
	model_fixture_free(&f);
}

static void
one_answer_of(const char *model, const char *fields)
{
	static const char *const some[] = {
		"the order of 3 May arrived late; please refund $45.00 to Anna",
		"tea",
		"Caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac 12345",
		"login failed again and again and again, 12:30, call +1 212 555 0100 or mail b@c.de now "
		"please "
		"the order of 3 May arrived late; please refund $45.00 to Anna or to Bob or to whom you "
		"want",
		"yes",
	};
	static const char *text[200];
	static SlmExtraction together[200], alone;
	static char expected[200][2048];

	CHECK_STATUS(model_fixture_load(&f, model), SLM_OK);
	use_schema(fields);
	for (int i = 0; i < 200; i++)
		text[i] = some[i * i % 5];
	CHECK_STATUS(extract(text, 200, together, NULL), SLM_OK);
	for (int i = 0; i < 200; i++)
		snprintf(expected[i], sizeof(expected[i]), "%.*s", (int) together[i].json.size,
				 together[i].json.data);
	for (SlmIsa isa = next_isa(SLM_ISA_AUTO); isa < SLM_ISA_COUNT; isa = next_isa(isa))
	{
		f.run.kernels = slm_kernels(isa);
		CHECK_STATUS(slm_task_embed_fields(&f.run, schema, field, label, &f.err), SLM_OK);
		for (int i = 0; i < 5; i++)
		{
			CHECK_STATUS(extract(&text[i], 1, &alone, NULL), SLM_OK);
			CHECK_INT(alone.json.size, strlen(expected[i]));
			CHECK(memcmp(alone.json.data, expected[i], alone.json.size) == 0);
		}
	}
	model_fixture_free(&f);
}

/* The bits of a row do not depend on its neighbours or the CPU. */
static void
one_answer(void)
{
	one_answer_of(FIXTURE_DIR "tiny-slm-q8_0.gguf",
				  "{\"a\": \"string[]\", \"b\": \"What?\", \"c\": \"number[]\", \"d\": "
				  "\"boolean\"}");
	one_answer_of(TOKENS, "{\"per\": \"string[]\", \"org\": \"number[]\", \"due date\": \"\"}");
}

/* Windows of 62 tokens every 42: a value in any place is found whole. */
static void
long_texts(void)
{
	static char text[8000];

	CHECK_STATUS(model_fixture_load(&f, SLM), SLM_OK);
	use_schema("{\"properties\": {\"m\": {\"format\": \"email\"}}, \"required\": [\"m\"]}");
	for (int before = 0; before < 300; before++)
	{
		size_t n = 0;
		const char *all = text;
		SlmExtraction extraction;

		for (int i = 0; i < before; i++)
			n += (size_t) snprintf(text + n, sizeof(text) - n, "order ");
		snprintf(text + n, sizeof(text) - n, "a@b.org and more of the same and more of the same");
		CHECK_STATUS(extract(&all, 1, &extraction, NULL), SLM_OK);
		CHECK_INT(extraction.n_value, 1);
		CHECK_INT(extraction.value[0].start, n);
		CHECK_INT(extraction.value[0].size, 7);
		/* scored in some window, so not the least there is */
		CHECK(extraction.value[0].confidence > 1e-6f);
	}
	f.memory.options.overflow = SLM_OVERFLOW_TRUNCATE;
	CHECK_STR(extract_one("a@b.org"), "{\"m\": \"a@b.org\"}");
	model_fixture_free(&f);
}

static void
rows_that_fail(void)
{
	const char *text[4] = {"no mail", "\xff", "a@b.org", ""};
	SlmExtraction extraction[4];
	SlmStatus status[4];

	CHECK_STATUS(model_fixture_load(&f, SLM), SLM_OK);
	use_schema("{\"properties\": {\"m\": {\"format\": \"email\"}}, \"required\": [\"m\"]}");
	CHECK_STATUS(extract(text, 4, extraction, status), SLM_OK);
	CHECK_STATUS(status[0], SLM_ERR_NO_VALUE);
	CHECK_STATUS(status[1], SLM_ERR_ENCODING);
	CHECK_STATUS(status[2], SLM_OK);
	CHECK_STATUS(status[3], SLM_ERR_NO_VALUE);
	CHECK_INT(extraction[0].json.size, 0);
	CHECK_STATUS(extract(text, 1, extraction, NULL), SLM_ERR_NO_VALUE);
	CHECK_STATUS(extract(text + 1, 1, extraction, NULL), SLM_ERR_ENCODING);
	f.run.max_input_tokens = 3;
	CHECK_STATUS(extract(text + 2, 1, extraction, status), SLM_OK);
	CHECK_STATUS(status[0], SLM_ERR_LIMIT);
	model_fixture_free(&f);

	CHECK_STATUS(model_fixture_load(&f, FIXTURE_DIR "tiny-bert.gguf"), SLM_OK);
	CHECK(!slm_task_can_extract(f.run.model));
	CHECK_STATUS(extract(text + 2, 1, extraction, NULL), SLM_ERR_UNSUPPORTED);
	model_fixture_free(&f);
}

static void
cancel_at_every_poll(const char *model, const char *fields)
{
	const char *text = "the order of 3 May arrived late; please refund $45.00 to Anna, yes";
	SlmExtraction extraction;
	char expected[512];
	int64_t polls;

	CHECK_STATUS(model_fixture_load(&f, model), SLM_OK);
	use_schema(fields);
	test_host_reset();
	snprintf(expected, sizeof(expected), "%s", extract_one(text));
	polls = test_host_state.polls;
	for (int64_t at = 1; at <= polls; at++)
	{
		test_host_reset();
		test_host_state.interrupt_at = at;
		CHECK_STATUS(extract(&text, 1, &extraction, NULL), SLM_ERR_CANCELLED);
	}
	test_host_reset();
	CHECK_STR(extract_one(text), expected);
	model_fixture_free(&f);
	CHECK_INT(test_host_state.live_allocs, 0);
}

/* Stopped at any poll, a call leaves nothing behind, and the next one is right. */
static void
cancelled_at_every_poll(void)
{
	cancel_at_every_poll(SLM, "{\"a\": \"string[]\", \"b\": \"What?\", \"c\": \"number[]\", \"d\": "
							  "\"boolean\", \"e\": \"date\"}");
	cancel_at_every_poll(TOKENS, "{\"per\": \"string[]\", \"org\": \"date\", \"due date\": \"\"}");
}

/* Score and bytes of the first span of a type in one window, from logits; -1: there is none. */
static double
first_labelled(const char *text, int begin, int inside, int *first, int *last)
{
	static float logit[MAX_TOKENS * 7];
	const SlmSpecialTokens *special = &slm_model_tokenizer(f.run.model)->special;
	int32_t id[MAX_TOKENS];
	uint8_t look[MAX_TOKENS];
	SlmTokens tokens;
	SlmTokenWords words;
	SlmSequence sequence = {id, 0, 0};
	double sum = 0;
	int n = 0;

	CHECK_STATUS(slm_tokenize(slm_model_tokenizer(f.run.model), test_host(), text, strlen(text),
							  f.run.arena, &tokens, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_token_words_find(slm_text(text), test_host(), f.run.arena, &words, &f.err),
				 SLM_OK);
	CHECK_STATUS(slm_token_words_map(&words, &tokens, look, test_host(), &f.err), SLM_OK);
	id[0] = special->bos;
	memcpy(id + 1, tokens.id, (size_t) tokens.n * sizeof(*id));
	id[tokens.n + 1] = special->eos;
	sequence.n = sequence.segment_two = tokens.n + 2;
	CHECK_STATUS(slm_encode_tokens(&f.run, &sequence, 1, logit, &f.err), SLM_OK);
	*first = *last = -1;
	for (int w = 0; w < words.n; w++)
	{
		const float *x = logit + (1 + words.word[w].first_token) * 7;
		double total = 0;
		int best = 0;

		for (int i = 0; i < 7; i++)
		{
			total += exp(x[i]);
			best = x[i] > x[best] ? i : best;
		}
		if (*first >= 0 && best != inside)
			break;
		if (best != inside && best != begin)
			continue;
		if (*first < 0)
			*first = (int) words.word[w].start;
		*last = (int) words.word[w].end;
		sum += (exp(x[begin]) + exp(x[inside])) / total;
		n++;
	}
	return n > 0 ? sum / n : -1;
}

/* A model that labels tokens knows its own types, and the span and score are the definition's. */
static void
labelled_spans(void)
{
	static const char *const text[] = {
		"the order of 3 May arrived late; please refund $45.00 to Anna",
		"Anna Smith of the big red box company",
		"where is my parcel? I want my money back today",
		"login failed, server down; tea",
		"great, the dog is here",
	};
	static const int begin[] = {1, 3, 5}; /* of the labels O, B-PER, I-PER, ... */
	int n_found = 0;

	CHECK_STATUS(model_fixture_load(&f, TOKENS), SLM_OK);
	CHECK(slm_task_can_extract(f.run.model));
	use_schema("{\"properties\": {\"person\": {\"type\": \"array\", \"items\": {\"type\": "
			   "\"string\"}}, \"who\": {\"title\": \"Org\", \"type\": \"array\", \"items\": "
			   "{\"type\": \"string\"}}, \"due date\": {\"type\": \"array\", \"items\": "
			   "{\"type\": \"string\"}}}}");
	CHECK_INT(slm_task_field_floats(f.run.model, schema), 3 * 7);
	CHECK_INT(slm_task_field_label_floats(f.run.model, schema), 0);
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 3; k++)
		{
			SlmExtraction extraction;
			SlmText path = slm_schema_text(schema, schema->field[k + 1].name);
			int first, last;
			double score;
			bool found = false;

			CHECK_STATUS(extract(&text[i], 1, &extraction, NULL), SLM_OK);
			score = first_labelled(text[i], begin[k], begin[k] + 1, &first, &last);
			for (int j = 0; j < extraction.n_value; j++)
			{
				const SlmExtracted *value = &extraction.value[j];

				CHECK(value->confidence >= 0.5f);
				if (value->start != (size_t) first || value->path.size < path.size ||
					memcmp(value->path.data, path.data, path.size) != 0)
					continue;
				found = true;
				n_found++;
				CHECK_INT(value->start + value->size, last);
				CHECK(fabs(value->confidence - score) < 1e-5);
			}
			CHECK(found == (score >= 0.5));
		}
	CHECK(n_found > 3);
	model_fixture_free(&f);
}

/* Typed fields are chosen by the labels of their words; a field must be a type. */
static void
labelled_fields(void)
{
	SlmSchema *read;

	CHECK_STATUS(model_fixture_load(&f, TOKENS), SLM_OK);
	use_schema("{\"properties\": {\"PERSON\": {\"format\": \"email\"}}, \"required\": "
			   "[\"PERSON\"]}");
	CHECK_STR(extract_one("write to a@b.org"), "{\"PERSON\": \"a@b.org\"}");
	json_text_read(&json, "[\"PER\", \"amount\"]");
	CHECK_STATUS(slm_schema_read(json.node, json.n, f.run.arena, &read, &f.err), SLM_OK);
	CHECK_STATUS(slm_task_embed_fields(&f.run, read, field, label, &f.err), SLM_ERR_ARGUMENT);
	CHECK_STR(f.err.message, "field \"amount\" is not a type that the model knows");
	CHECK_STR(f.err.hint, "Its types are PER, ORG, Due_Date.");
	model_fixture_free(&f);
}

#define WINDOW 62 /* tokens of a text in a window of the fixture */
#define STEP 42
#define N_WORD 100 /* words of one token each: two windows */

/* Spans in words first to last of a text that no edge of that window cuts, as numbers of words. */
static int
spans_of_window(char *text, const int *at, int first, int last, SlmSpan *out)
{
	char *end = text + at[last + 1] - 1, kept = *end;
	const char *part = text + at[first];
	SlmExtraction extraction;
	int n = 0;

	*end = 0;
	CHECK_STATUS(extract(&part, 1, &extraction, NULL), SLM_OK);
	*end = kept;
	for (int i = 0; i < extraction.n_value; i++)
	{
		size_t start = extraction.value[i].start + (size_t) at[first];
		SlmSpan span = {first, first, extraction.value[i].confidence};

		while ((size_t) at[span.first] < start)
			span.first++;
		span.last = span.first;
		while ((size_t) at[span.last + 1] < start + extraction.value[i].size)
			span.last++;
		if (last - first < N_WORD - 1 &&
			((first > 0 && span.first == first && span.last + 1 < WINDOW) ||
			 (first == 0 && span.last == last && span.first >= STEP)))
			continue;
		out[n++] = span;
	}
	return n;
}

/* Each span comes from a window that shows its surroundings, and is found there whole. */
static void
labelled_windows(void)
{
	static const char *const words[] = {"order", "tea",   "the",  "refund", "dog", "late",
										"card",  "login", "blue", "please", "big", "parcel"};
	static char text[N_WORD * 8];
	uint32_t seed = 1;
	int n_found = 0;

	CHECK_STATUS(model_fixture_load(&f, TOKENS), SLM_OK);
	use_schema("{\"due date\": \"string[]\"}");
	for (int round = 0; round < 100; round++)
	{
		SlmSpan all[N_WORD], part[2 * N_WORD];
		int at[N_WORD + 1], n = 0, n_all, n_part, n_kept = 0;

		for (int i = 0; i < N_WORD; i++)
		{
			seed = seed * 1664525 + 1013904223;
			at[i] = n;
			n += snprintf(text + n, sizeof(text) - (size_t) n, "%s ", words[(seed >> 16) % 12]);
		}
		at[N_WORD] = n;
		n_all = spans_of_window(text, at, 0, N_WORD - 1, all);
		n_part = spans_of_window(text, at, 0, WINDOW - 1, part);
		n_part += spans_of_window(text, at, STEP, N_WORD - 1, part + n_part);
		for (int i = 0; i < n_part; i++)
		{
			bool found = false, rivalled = false;

			for (int j = 0; j < n_all; j++)
				found |= all[j].first == part[i].first && all[j].last == part[i].last;
			for (int j = 0; j < n_part; j++)
				rivalled |=
					j != i && part[j].first <= part[i].last && part[i].first <= part[j].last;
			CHECK(found || rivalled);
			n_kept += found;
		}
		CHECK(n_kept >= n_all);
		n_found += n_all;
	}
	CHECK(n_found > 300);
	model_fixture_free(&f);
}

int
main(void)
{
	TEST(best_spans);
	TEST(typed_fields);
	TEST(choices_and_booleans);
	TEST(one_answer);
	TEST(long_texts);
	TEST(rows_that_fail);
	TEST(cancelled_at_every_poll);
	TEST(labelled_spans);
	TEST(labelled_fields);
	TEST(labelled_windows);
	return check_done();
}
