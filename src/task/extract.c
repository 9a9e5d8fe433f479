/*
 * extract.c - the values of named fields, out of a text
 *
 * A text is cut into words and tokens once; windows of several texts share a
 * batch.  What a window's scores say is taken up at once, leaf by leaf (a leaf
 * is a field that is no object): the best span, a list of spans, or the scores
 * of candidates that were found in the text beforehand.  A span in two windows
 * has the better of its scores.
 *
 * Scores come from the extraction head, which knows any field by its embedding,
 * or else from a token-classification head, which knows its own types
 * (token_labels.h).  Either way a leaf has a row of numbers that meets those of
 * each token: its side of the extraction head, or which labels are its own.
 */
#include "task/extract.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "task/candidates.h"
#include "task/classify.h"
#include "task/embed.h"
#include "task/extract_impl.h"
#include "task/logarithm.h"
#include "task/token_labels.h"
#include "task/windows.h"

#define WINDOW_TOKENS 384 /* of a window, special tokens included */
#define STRIDE_TOKENS 256 /* from one window to the next, or two thirds of a smaller one */
#define MAX_WINDOWS 64    /* of a batch */
#define POLL_LABELS 16384 /* probabilities made between polls */
#define LOGIT_EDGE 1e-6f  /* scores are taken to be that far from 0 and 1 */

/* What one text says of one leaf. */
typedef struct Leaf
{
	SlmCandidates candidates;
	SlmSpan best;     /* of a field without candidates */
	SlmSpanList list; /* of a field with many values */
} Leaf;

typedef struct Row
{
	SlmText text;
	SlmTokens tokens;
	uint8_t *look; /* [tokens.n] */
	SlmTokenWords words;
	Leaf *leaf; /* [n_leaf] */
} Row;

/* A window on its way through the model. */
typedef struct Window
{
	Row *row;
	int first_token; /* of the row's */
	int first_word;  /* words that lie in it whole */
	int n_word;
	int seen_before; /* tokens before this one are in the window before, too */
	int seen_behind; /* tokens from this one on are in the window behind, too */
} Window;

typedef struct Work
{
	SlmRun *run;
	const SlmSchema *schema;
	const float *field_embedding;
	const SlmField **leaf; /* [n_leaf] the schema's leaves in order */
	SlmKinds kinds;        /* of all leaves */
	size_t width;          /* of a token's or a leaf's row of numbers */
	SlmExtractCalibration calibration;
	SlmTokenLabel *label; /* of a token-classification head; NULL: the extraction head scores */
	SlmLead lead;
	int tail;
	int room; /* tokens of a text in a window */

	/* the batch being filled */
	int32_t *token;
	uint8_t *look;
	SlmSequence *sequence; /* [MAX_WINDOWS] */
	const uint8_t **looks;
	Window *window;
	float *answer; /* [tokens][width] */
	int n_token, n_window;

	/* of a window's words */
	float *score;  /* [3][WINDOW_TOKENS] */
	int32_t *best; /* [WINDOW_TOKENS] labels */
	int32_t *last; /* [WINDOW_TOKENS] slm_token_labels_spans() */
} Work;

/* A file calibrates no labels of tokens: their probabilities are taken as they are. */
static const SlmExtractCalibration label_calibration = {.threshold = 0.5f, .scale = 1.0f};

/* Has the model nothing but a token-classification head to extract with? */
static bool
labels_tokens(const SlmModelInfo *info)
{
	return info->n_span == 0 && info->n_token_class > 0;
}

static size_t
row_width(const SlmModelInfo *info)
{
	return labels_tokens(info) ? (size_t) info->n_token_class : 3 * (size_t) info->n_span;
}

bool
slm_task_can_extract(const SlmModel *model)
{
	return row_width(slm_model_info(model)) > 0;
}

/* Is it one value of one, which may be asked of the label head? */
static bool
may_be_judged(const SlmSchema *schema, const SlmField *field)
{
	return (field->n_choice > 0 || field->type == SLM_FIELD_BOOLEAN) && !field->is_list &&
		   !slm_schema_in_list(schema, field);
}

static int
count_labels(const SlmSchema *schema, const SlmField *field)
{
	if (!may_be_judged(schema, field))
		return 0;
	return field->n_choice > 0 ? field->n_choice : 1;
}

/* ---- Fields ------------------------------------------------------------------ */

size_t
slm_task_field_floats(const SlmModel *model, const SlmSchema *schema)
{
	return (size_t) schema->n_leaf * row_width(slm_model_info(model));
}

size_t
slm_task_field_label_floats(const SlmModel *model, const SlmSchema *schema)
{
	size_t n = 0;

	if (!slm_model_info(model)->has_label_head)
		return 0;
	for (int i = 0; i < schema->n_field; i++)
		if (schema->field[i].leaf >= 0)
			n += (size_t) count_labels(schema, &schema->field[i]);
	return n * (size_t) slm_model_info(model)->n_embd;
}

/* The leaves' rows of numbers. */
static SlmStatus
embed_questions(SlmRun *run, const SlmSchema *schema, const SlmText *question,
				float *field_embedding, SlmError *err)
{
	const SlmModelInfo *info = slm_model_info(run->model);
	int n_leaf = schema->n_leaf;
	SlmTokenLabel *label;
	float *embedding;

	if (labels_tokens(info))
	{
		SLM_TRY(slm_token_labels_read(run->model, run->arena, &label, err));
		return slm_token_labels_match(label, info->n_token_class, schema, run->host,
									  field_embedding, err);
	}
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n_leaf * (size_t) info->n_embd, &embedding, err));
	SLM_TRY(slm_task_embed(run, question, n_leaf, SLM_PURPOSE_DOCUMENT, embedding, NULL, err));
	for (int i = 0; i < n_leaf; i++)
		slm_normalize(run->kernels, embedding + (size_t) i * (size_t) info->n_embd, info->n_embd);
	return slm_project_fields(run, embedding, n_leaf, field_embedding, err);
}

SlmStatus
slm_task_embed_fields(SlmRun *run, const SlmSchema *schema, float *field_embedding,
					  float *label_embedding, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	const SlmModelInfo *info = slm_model_info(run->model);
	size_t n_label = slm_task_field_label_floats(run->model, schema) / (size_t) info->n_embd;
	SlmText *question;
	SlmLabel *label;
	int n = 0;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) schema->n_leaf, &question, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, n_label, &label, err));
	memset(label, 0, n_label * sizeof(*label));
	for (int i = 0; i < schema->n_field; i++)
	{
		const SlmField *field = &schema->field[i];

		if (field->leaf < 0)
			continue;
		SLM_TRY(slm_schema_question(schema, i, run->arena, &question[field->leaf], err));
		for (int j = 0; n_label > 0 && j < count_labels(schema, field); j++)
			label[n++].name =
				field->n_choice > 0 ? slm_schema_choice(schema, field, j) : question[field->leaf];
	}
	SLM_TRY(embed_questions(run, schema, question, field_embedding, err));
	if (n > 0)
		SLM_TRY(slm_task_embed_labels(run, label, n, label_embedding, err));
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}

/* ---- Windows ------------------------------------------------------------------- */

static SlmStatus
start_work(Work *w, SlmError *err)
{
	SlmArena *arena = w->run->arena;
	const SlmModelInfo *info = slm_model_info(w->run->model);
	int context = slm_context_length(w->run);
	size_t max_token = SLM_BATCH_TOKENS + WINDOW_TOKENS;

	w->width = row_width(info);
	if (w->width == 0)
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "model has no extraction head");
	w->calibration = labels_tokens(info) ? label_calibration : info->extract;
	if (labels_tokens(info))
		SLM_TRY(slm_token_labels_read(w->run->model, arena, &w->label, err));
	SLM_TRY(slm_task_lead(w->run, w->run->options->document_prefix, &w->lead, err));
	w->tail = slm_tail_tokens(w->run);
	w->room = (context < WINDOW_TOKENS ? context : WINDOW_TOKENS) - w->lead.n - w->tail;
	if (w->room < 1)
		return slm_fail(err, SLM_ERR_LIMIT, "prefix leaves no room in a window of %d tokens",
						WINDOW_TOKENS);

	SLM_TRY(SLM_NEW_ARRAY(arena, (size_t) w->schema->n_leaf, &w->leaf, err));
	for (int i = 0; i < w->schema->n_field; i++)
	{
		const SlmField *field = &w->schema->field[i];

		if (field->leaf < 0)
			continue;
		w->leaf[field->leaf] = field;
		w->kinds |= field->type == SLM_FIELD_BOOLEAN ? 0 : field->kinds;
	}
	SLM_TRY(SLM_NEW_ARRAY(arena, max_token, &w->token, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, max_token, &w->look, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, MAX_WINDOWS, &w->sequence, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, MAX_WINDOWS, &w->looks, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, MAX_WINDOWS, &w->window, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, max_token * w->width, &w->answer, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, WINDOW_TOKENS, &w->best, err));
	SLM_TRY(SLM_NEW_ARRAY(arena, WINDOW_TOKENS, &w->last, err));
	return SLM_NEW_ARRAY(arena, 3 * WINDOW_TOKENS, &w->score, err);
}

/* Everything that can be the text's own fault. */
static SlmStatus
read_row(const Work *w, SlmText text, Row *row, SlmError *err)
{
	SlmRun *run = w->run;
	int whole = slm_context_length(run) - w->lead.n - w->tail;

	row->text = text;
	SLM_TRY(slm_task_tokenize(run, slm_text(""), text, &row->tokens, err));
	return slm_task_overflow(run, whole, &row->tokens.n, err);
}

/* Words and candidates of a row that has been read. */
static SlmStatus
prepare_row(const Work *w, Row *row, SlmError *err)
{
	SlmRun *run = w->run;
	SlmFound *found = NULL;
	size_t n_found = 0;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) w->schema->n_leaf, &row->leaf, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) row->tokens.n, &row->look, err));
	SLM_TRY(slm_token_words_find(row->text, run->host, run->arena, &row->words, err));
	SLM_TRY(slm_token_words_map(&row->words, &row->tokens, row->look, run->host, err));
	if (w->kinds != 0)
		SLM_TRY(slm_scan(row->text, w->kinds, run->host, run->arena, &found, &n_found, err));
	for (int i = 0; i < w->schema->n_leaf; i++)
	{
		row->leaf[i] = (Leaf){.best = {-1, -1, -1.0f}};
		if (slm_has_candidates(w->leaf[i]))
			SLM_TRY(slm_candidates_find(w->schema, w->leaf[i], row->text, &row->words, found,
										n_found, run->host, run->arena, &row->leaf[i].candidates,
										err));
	}
	return SLM_OK;
}

typedef struct Fit
{
	const Row *row;
	const SlmField *field;
} Fit;

static SlmText
span_text(const Row *row, int first, int last)
{
	uint32_t start = row->words.word[first].start;

	return (SlmText){row->text.data + start, row->words.word[last].end - start};
}

static bool
span_fits(const void *arg, int first, int last)
{
	const Fit *fit = arg;

	return slm_fits_length(fit->field, span_text(fit->row, first, last));
}

/* slm_sigmoid() of each. */
static void
sigmoid_all(const SlmKernels *kernels, float *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = x[i] * 0.5f;
	kernels->tanh(x, n);
	for (int i = 0; i < n; i++)
		x[i] = x[i] * 0.5f + 0.5f;
}

/* Probabilities of the window's words for a leaf, by the extraction head; token is [..][width]. */
static SlmWordScores
score_by_field(const Work *w, const Window *window, const float *token, const float *field)
{
	const SlmKernels *kernels = w->run->kernels;
	const SlmTokenWord *word = window->row->words.word + window->first_word;
	int n_span = (int) (w->width / 3);
	float root = sqrtf((float) n_span);
	float *start = w->score, *end = start + WINDOW_TOKENS, *inside = end + WINDOW_TOKENS;

	for (int i = 0; i < window->n_word; i++)
	{
		int first_token = word[i].first_token - window->first_token;
		int last_token = word[i].last_token - window->first_token;
		const float *first = token + (size_t) first_token * w->width;
		const float *last = token + (size_t) last_token * w->width;

		start[i] = kernels->dot(first, field, n_span) / root;
		end[i] = kernels->dot(last + n_span, field + n_span, n_span) / root;
		inside[i] = kernels->dot(first + 2 * n_span, field + 2 * n_span, n_span) / root;
	}
	sigmoid_all(kernels, start, window->n_word);
	sigmoid_all(kernels, end, window->n_word);
	sigmoid_all(kernels, inside, window->n_word);
	return (SlmWordScores){start, end, inside, window->first_word, window->n_word, NULL};
}

/* Makes probabilities of the labels' logits at the words' first tokens, and takes the best. */
static SlmStatus
read_labels(const Work *w, const Window *window, float *token, SlmError *err)
{
	const SlmTokenWord *word = window->row->words.word + window->first_word;
	int n_label = (int) w->width;
	int n_made = 0;

	for (int i = 0; i < window->n_word; i++)
	{
		float *p = token + (size_t) (word[i].first_token - window->first_token) * w->width;

		/* words inside one token share it */
		if (i == 0 || word[i].first_token != word[i - 1].first_token)
			w->run->kernels->softmax(p, n_label);
		w->best[i] = slm_task_best_label(p, n_label);
		n_made += n_label;
		if (n_made >= POLL_LABELS)
		{
			SLM_TRY(slm_poll(w->run->host, err));
			n_made = 0;
		}
	}
	return SLM_OK;
}

/*
 * Is a span cut off at an edge of the window, and whole in the window on that
 * side?  One that is all that two windows share belongs to the second.
 */
static bool
is_cut(const Window *window, int first, int last)
{
	const SlmTokenWord *word = window->row->words.word + window->first_word;

	if (first == 0 && last + 1 < window->n_word && word[last + 1].last_token < window->seen_before)
		return true;
	return last + 1 == window->n_word && word[first].first_token >= window->seen_behind;
}

/* Those of a head that labels tokens, which also says where spans are. */
static SlmWordScores
score_by_labels(const Work *w, const Window *window, const float *token, const float *mine)
{
	const SlmTokenWord *word = window->row->words.word + window->first_word;
	float *one = w->score, *inside = one + WINDOW_TOKENS;

	slm_token_labels_spans(w->label, mine, w->best, window->n_word, w->last);
	for (int i = 0; i < window->n_word; i++)
	{
		const float *p = token + (size_t) (word[i].first_token - window->first_token) * w->width;

		one[i] = 1.0f;
		inside[i] = w->run->kernels->dot(p, mine, (int64_t) w->width);
		if (w->last[i] >= 0 && is_cut(window, i, w->last[i]))
			w->last[i] = -1;
	}
	return (SlmWordScores){one, one, inside, window->first_word, window->n_word, w->last};
}

static bool
has_many(const Work *w, const SlmField *field)
{
	return field->is_list || slm_schema_in_list(w->schema, field);
}

/* Takes up what the model says of a window; token is its answer behind the lead. */
static SlmStatus
take_up(const Work *w, const Window *window, float *token, SlmError *err)
{
	float threshold = w->calibration.threshold;

	if (w->label != NULL)
		SLM_TRY(read_labels(w, window, token, err));
	for (int i = 0; i < w->schema->n_leaf; i++)
	{
		const SlmField *field = w->leaf[i];
		Leaf *leaf = &window->row->leaf[i];
		Fit fit = {window->row, field};
		SlmSpanFits *fits =
			field->min_length > 0 || field->max_length < UINT32_MAX ? span_fits : NULL;
		const float *side = w->field_embedding + (size_t) i * w->width;
		SlmWordScores scores;

		SLM_TRY(slm_poll(w->run->host, err));
		if (slm_has_candidates(field) && leaf->candidates.n == 0)
			continue;
		scores = w->label != NULL ? score_by_labels(w, window, token, side)
								  : score_by_field(w, window, token, side);
		if (slm_has_candidates(field))
			slm_candidates_score(&leaf->candidates, &scores);
		else if (has_many(w, field))
			SLM_TRY(
				slm_spans_collect(&scores, threshold, fits, &fit, w->run->arena, &leaf->list, err));
		else
			slm_spans_best(&scores, fits, &fit, &leaf->best);
	}
	return SLM_OK;
}

/* Runs the windows that wait. */
static SlmStatus
flush_windows(Work *w, SlmError *err)
{
	size_t at = 0;

	if (w->n_window == 0)
		return SLM_OK;
	SLM_TRY(w->label != NULL
				? slm_encode_tokens(w->run, w->sequence, w->n_window, w->answer, err)
				: slm_encode_spans(w->run, w->sequence, w->looks, w->n_window, w->answer, err));
	for (int i = 0; i < w->n_window; i++)
	{
		SLM_TRY(take_up(w, &w->window[i], w->answer + (at + (size_t) w->lead.n) * w->width, err));
		at += (size_t) w->sequence[i].n;
	}
	w->n_token = w->n_window = 0;
	return SLM_OK;
}

/* Adds n tokens of a row from first_token on; the words in them are known. */
static SlmStatus
add_window(Work *w, const Window *window, int n, SlmError *err)
{
	int length = w->lead.n + n + w->tail;
	const Row *row = window->row;
	int32_t *token;
	uint8_t *look;

	if (w->n_window == MAX_WINDOWS || w->n_token + length > SLM_BATCH_TOKENS)
		SLM_TRY(flush_windows(w, err));
	token = w->token + w->n_token;
	look = w->look + w->n_token;
	memset(look, SLM_SHAPE_SPECIAL, (size_t) length);
	memcpy(token, w->lead.id, (size_t) w->lead.n * sizeof(*token));
	memcpy(token + w->lead.n, row->tokens.id + window->first_token, (size_t) n * sizeof(*token));
	memcpy(look + w->lead.n, row->look + window->first_token, (size_t) n);
	if (w->tail)
		token[length - 1] = slm_model_tokenizer(w->run->model)->special.eos;
	w->window[w->n_window] = *window;
	w->looks[w->n_window] = look;
	w->sequence[w->n_window++] = (SlmSequence){token, length, length};
	w->n_token += length;
	return SLM_OK;
}

static SlmStatus
add_row(Work *w, Row *row, SlmError *err)
{
	const SlmTokenWord *word = row->words.word;
	int step = w->room > STRIDE_TOKENS ? STRIDE_TOKENS : w->room * 2 / 3 + 1;
	Window window = {.row = row};

	for (int first = 0; first < row->tokens.n; first += step)
	{
		int n = row->tokens.n - first < w->room ? row->tokens.n - first : w->room;
		int end;

		while (window.first_word < row->words.n && word[window.first_word].first_token < first)
			window.first_word++;
		/* more words than tokens there are only where a token holds several */
		end = window.first_word;
		while (end < row->words.n && end < window.first_word + WINDOW_TOKENS &&
			   word[end].last_token < first + n)
			end++;
		window.seen_before = first > 0 ? first - step + w->room : 0;
		window.seen_behind = first + n < row->tokens.n ? first + step : row->tokens.n;
		window.first_token = first;
		window.n_word = end - window.first_word;
		SLM_TRY(add_window(w, &window, n, err));
		if (first + n == row->tokens.n)
			break;
	}
	return SLM_OK;
}

/* ---- Decisions ----------------------------------------------------------------- */

/* The score as a calibrated probability. */
static float
confidence_of(const Work *w, float score)
{
	float p = fminf(fmaxf(score, LOGIT_EDGE), 1.0f - LOGIT_EDGE);
	float logit = slm_natural_log(p) - slm_natural_log(1.0f - p);

	return slm_sigmoid(w->run->kernels, fmaf(w->calibration.scale, logit, w->calibration.bias));
}

static SlmLeafValue
value_of_candidate(const Work *w, const SlmCandidate *candidate)
{
	return (SlmLeafValue){
		.text = candidate->text,
		.has_source = true,
		.start = candidate->start,
		.end = candidate->end,
		.confidence = confidence_of(w, candidate->score),
	};
}

static SlmLeafValue
value_of_span(const Work *w, const Row *row, SlmSpan span)
{
	SlmText text = span_text(row, span.first, span.last);
	uint32_t start = row->words.word[span.first].start;

	return (SlmLeafValue){
		.text = text,
		.has_source = true,
		.start = start,
		.end = start + (uint32_t) text.size,
		.confidence = confidence_of(w, span.score),
	};
}

/* All values of a leaf that may have many. */
static SlmStatus
decide_many(const Work *w, const Row *row, const SlmField *field, Leaf *leaf, SlmLeafValues *out,
			SlmError *err)
{
	SlmRun *run = w->run;
	float threshold = w->calibration.threshold;
	/* the objects around it decide how many there are */
	size_t max = field->is_list ? field->max_items : SIZE_MAX;
	SlmLeafValue *value;
	SlmSpan *chosen;
	int n;

	for (int i = 0; i < leaf->candidates.n; i++)
	{
		const SlmCandidate *candidate = &leaf->candidates.item[i];

		if (candidate->score >= threshold)
			SLM_TRY(slm_spans_add(&leaf->list,
								  (SlmSpan){candidate->first, candidate->last, candidate->score},
								  run->arena, err));
	}
	SLM_TRY(slm_spans_choose(&leaf->list, row->words.n, field->n_choice > 0 ? SIZE_MAX : max,
							 run->host, run->arena, &chosen, &n, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &value, err));
	for (int i = 0; i < n; i++)
	{
		SlmLeafValue next =
			slm_has_candidates(field)
				? value_of_candidate(w, slm_candidates_of_span(&leaf->candidates, chosen[i]))
				: value_of_span(w, row, chosen[i]);
		int same = 0;

		SLM_TRY(slm_poll(run->host, err));
		while (field->n_choice > 0 && field->is_list && same < out->n &&
			   value[same].text.data != next.text.data)
			same++;
		if (field->n_choice > 0 && field->is_list && (same < out->n || (size_t) out->n == max))
			continue;
		value[out->n++] = next;
	}
	out->value = value;
	return SLM_OK;
}

/* The best value of a leaf that has one, if it counts. */
static SlmStatus
decide_one(const Work *w, const Row *row, const SlmField *field, const Leaf *leaf,
		   SlmLeafValues *out, SlmError *err)
{
	SlmRun *run = w->run;
	float threshold = w->calibration.threshold;
	const SlmCandidate *candidate = slm_candidates_best(&leaf->candidates);

	SLM_TRY(SLM_NEW_ARRAY(run->arena, 1, &out->value, err));
	if (slm_has_candidates(field) && candidate != NULL && candidate->score >= threshold)
		out->value[out->n++] = value_of_candidate(w, candidate);
	else if (!slm_has_candidates(field) && leaf->best.score >= threshold)
		out->value[out->n++] = value_of_span(w, row, leaf->best);
	return SLM_OK;
}

/* Asks the label head about one leaf; text is the text as labels are compared with it. */
static SlmStatus
judge(const Work *w, const SlmField *field, const float *text, const float *label,
	  SlmLeafValues *out, SlmError *err)
{
	SlmRun *run = w->run;
	bool is_choice = field->n_choice > 0;
	int n = is_choice ? field->n_choice : 1, best;
	SlmLeafValue value = {0};
	float none = 1.0f, *p;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &p, err));
	SLM_TRY(slm_task_label_probabilities(
		run, text, label, n, is_choice ? SLM_CLASSIFY_ONE : SLM_CLASSIFY_MULTI, p, err));
	best = slm_task_best_label(p, n);
	value.confidence = p[best];
	if (is_choice)
	{
		for (int i = 0; i < n; i++)
			none -= p[i];
		value.text = slm_schema_choice(w->schema, field, best);
		if (p[best] <= none || !slm_fits_length(field, value.text))
			return SLM_OK;
	}
	else
	{
		value.text = slm_text(p[0] >= 0.5f ? "true" : "false");
		value.confidence = p[0] >= 0.5f ? p[0] : 1.0f - p[0];
	}
	out->value[out->n++] = value;
	return SLM_OK;
}

/* Asks the label head about the leaves that may be judged and have no value yet. */
static SlmStatus
judge_leaves(const Work *w, const Row *row, const float *label, SlmLeafValues *values,
			 SlmError *err)
{
	SlmRun *run = w->run;
	int width = slm_model_info(run->model)->n_embd;
	float *text = NULL;

	for (int i = 0; i < w->schema->n_leaf; i++)
	{
		const SlmField *field = w->leaf[i];

		if (may_be_judged(w->schema, field) && values[i].n == 0)
		{
			if (text == NULL)
			{
				SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) width, &text, err));
				SLM_TRY(slm_task_embed_for_labels(run, &row->text, 1, text, NULL, err));
			}
			SLM_TRY(judge(w, field, text, label, &values[i], err));
		}
		label += (size_t) count_labels(w->schema, field) * (size_t) width;
	}
	return SLM_OK;
}

static SlmStatus
finish_row(const Work *w, const Row *row, const float *label_embedding, SlmExtraction *out,
		   SlmError *err)
{
	SlmRun *run = w->run;
	SlmLeafValues *values;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) w->schema->n_leaf, &values, err));
	for (int i = 0; i < w->schema->n_leaf; i++)
	{
		const SlmField *field = w->leaf[i];

		values[i] = (SlmLeafValues){NULL, 0};
		SLM_TRY(has_many(w, field) ? decide_many(w, row, field, &row->leaf[i], &values[i], err)
								   : decide_one(w, row, field, &row->leaf[i], &values[i], err));
	}
	if (slm_task_field_label_floats(run->model, w->schema) > 0)
		SLM_TRY(judge_leaves(w, row, label_embedding, values, err));
	for (int i = 0; i < w->schema->n_leaf; i++)
	{
		const SlmField *field = w->leaf[i];
		const SlmCandidate *candidate = slm_candidates_best(&row->leaf[i].candidates);

		if (values[i].n == 0 && field->missing == SLM_MISSING_FAILS && candidate != NULL &&
			field->type != SLM_FIELD_BOOLEAN && !has_many(w, field))
			values[i].value[values[i].n++] = value_of_candidate(w, candidate);
	}
	return slm_extract_answer(w->schema, values, run->host, run->arena, out, err);
}

SlmStatus
slm_task_extract(SlmRun *run, const SlmText *text, int n, const SlmSchema *schema,
				 const float *field_embedding, const float *label_embedding, SlmExtraction *out,
				 SlmStatus *row_status, SlmError *err)
{
	Work w = {.run = run, .schema = schema, .field_embedding = field_embedding};
	Row *row;
	SlmStatus *status;

	SLM_TRY(start_work(&w, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &row, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) n, &status, err));
	memset(out, 0, (size_t) n * sizeof(*out));
	for (int i = 0; i < n; i++)
	{
		bool is_own;

		status[i] = read_row(&w, text[i], &row[i], err);
		is_own = slm_task_row_failed(status[i]);
		if (row_status == NULL || !is_own)
			SLM_TRY(status[i]);
		if (status[i] != SLM_OK)
			continue;
		SLM_TRY(prepare_row(&w, &row[i], err));
		SLM_TRY(add_row(&w, &row[i], err));
	}
	SLM_TRY(flush_windows(&w, err));
	for (int i = 0; i < n; i++)
	{
		if (status[i] == SLM_OK)
		{
			status[i] = finish_row(&w, &row[i], label_embedding, &out[i], err);
			if (row_status == NULL || status[i] != SLM_ERR_NO_VALUE)
				SLM_TRY(status[i]);
		}
		if (row_status != NULL)
			row_status[i] = status[i];
	}
	return SLM_OK;
}
