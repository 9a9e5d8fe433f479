/*
 * summarize.c - the sentences that say most of a text, in its own words
 */
#include "task/summarize.h"

#include <limits.h>
#include <math.h>

#include "base/limits.h"
#include "task/embed.h"
#include "task/salience.h"

/*
 * The sentences of a text that are still in question, in its order: those left
 * of parts that are done, then those of the part being read.
 */
typedef struct Candidates
{
	SlmRun *run;
	SlmText text;
	int max_words;
	int width;
	SlmSentenceVectors vectors;
	SlmSalience *sentence; /* [max] */
	float *vector;         /* [max][width] */
	float *redundancy;     /* [max] of those not taken */
	bool *taken;           /* [max] */
	int max, n;
	int n_kept; /* left of earlier parts */
} Candidates;

static SlmText
sentence_text(const Candidates *c, int i)
{
	return (SlmText){c->text.data + c->sentence[i].at.start, c->sentence[i].at.size};
}

static const float *
sentence_vector(const Candidates *c, int i)
{
	return c->vector + (size_t) i * (size_t) c->width;
}

/* ---- Choosing ---------------------------------------------------------------- */

/* What the candidates from first on are measured by. */
typedef struct Scale
{
	int first;
	float mean_score;  /* scaled */
	float mean_cosine; /* of two sentences */
} Scale;

/* Scores the candidates from first on, and scales the scores to [0, 1]; all 1 when they are equal. */
static SlmStatus
score_candidates(Candidates *c, int first, Scale *scale, SlmError *err)
{
	float low = INFINITY, high = -INFINITY;

	*scale = (Scale){.first = first};
	SLM_TRY(slm_salience_score(c->run, sentence_vector(c, first), c->sentence + first, c->n - first,
							   &scale->mean_cosine, err));
	for (int i = first; i < c->n; i++)
	{
		low = fminf(low, c->sentence[i].score);
		high = fmaxf(high, c->sentence[i].score);
	}
	for (int i = first; i < c->n; i++)
	{
		float *score = &c->sentence[i].score;

		*score = high > low ? (*score - low) / (high - low) : 1.0f;
		scale->mean_score += *score;
		c->redundancy[i] = 0.0f;
		c->taken[i] = false;
	}
	if (c->n > first)
		scale->mean_score /= (float) (c->n - first); /* rounded or not, at most 1 */
	return SLM_OK;
}

/* Takes a sentence: it is what others may repeat from now on. */
static SlmStatus
take(Candidates *c, const Scale *scale, int taken, SlmError *err)
{
	int rows_a_poll = SLM_POLL_MACS / 4 / c->width + 1;
	SlmText text = sentence_text(c, taken);
	float mean = scale->mean_cosine;

	c->taken[taken] = true;
	for (int i = scale->first; i < c->n; i++)
	{
		float cosine =
			c->run->kernels->dot(sentence_vector(c, i), sentence_vector(c, taken), c->width);

		if (mean < 1.0f)
			c->redundancy[i] = fmaxf(c->redundancy[i], (cosine - mean) / (1.0f - mean));
		if (slm_text_compare(sentence_text(c, i), text) == 0)
			c->redundancy[i] = INFINITY;
		if (i % rows_a_poll == 0)
			SLM_TRY(slm_poll(c->run->host, err));
	}
	return SLM_OK;
}

/* The best of those that are not taken and have at most max_words words, or -1. */
static int
find_best(const Candidates *c, const Scale *scale, int max_words)
{
	float best_value = 0.0f;
	int best = -1;

	for (int i = scale->first; i < c->n; i++)
	{
		float score = c->sentence[i].score;
		float value = SLM_SUMMARY_LAMBDA * score - (1.0f - SLM_SUMMARY_LAMBDA) * c->redundancy[i];

		if (!c->taken[i] && c->sentence[i].n_word <= max_words && score >= scale->mean_score &&
			value > best_value)
		{
			best_value = value;
			best = i;
		}
	}
	return best;
}

/* Summarizes the candidates from first on: only those taken stay. */
static SlmStatus
reduce(Candidates *c, int first, SlmError *err)
{
	int left = c->max_words, n_taken = 0, n = first;
	int best;
	Scale scale;

	SLM_TRY(score_candidates(c, first, &scale, err));
	for (best = find_best(c, &scale, INT_MAX); best >= 0; best = find_best(c, &scale, left))
	{
		SLM_TRY(take(c, &scale, best, err));
		left -= c->sentence[best].n_word;
		if (++n_taken == SLM_MAX_SUMMARY_PIECES)
			break;
	}
	for (int i = first; i < c->n; i++)
	{
		if (!c->taken[i])
			continue;
		c->sentence[n] = c->sentence[i];
		memmove(c->vector + (size_t) n * (size_t) c->width, sentence_vector(c, i),
				(size_t) c->width * sizeof(float));
		n++;
	}
	c->n = n;
	return SLM_OK;
}

/* ---- Reading ----------------------------------------------------------------- */

/* Ends a part, so that there is room for another. */
static SlmStatus
end_part(Candidates *c, SlmError *err)
{
	SLM_TRY(slm_sentence_vectors_finish(&c->vectors, err));
	SLM_TRY(reduce(c, c->n_kept, err));
	if (c->n > c->max / 2)
		SLM_TRY(reduce(c, 0, err));
	c->n_kept = c->n;
	return SLM_OK;
}

static SlmStatus
add_candidate(Candidates *c, SlmSentence at, SlmError *err)
{
	SlmSalience *sentence;

	if (c->n == c->max)
		SLM_TRY(end_part(c, err));
	sentence = &c->sentence[c->n];
	sentence->at = at;
	SLM_TRY(slm_count_words(sentence_text(c, c->n), c->run->host, &sentence->n_word,
							&sentence->n_number, err));
	SLM_TRY(slm_sentence_vectors_add(&c->vectors, sentence_text(c, c->n),
									 c->vector + (size_t) c->n * (size_t) c->width, err));
	c->n++;
	return SLM_OK;
}

static SlmStatus
read_candidates(Candidates *c, SlmError *err)
{
	bool truncate = c->run->options->overflow == SLM_OVERFLOW_TRUNCATE;
	SlmSentenceReader reader;
	SlmSentence sentence;

	slm_sentences_init(&reader, c->text, c->run->host);
	for (;;)
	{
		SLM_TRY(slm_sentence_next(&reader, &sentence, err));
		if (sentence.size == 0)
			break;
		SLM_TRY(add_candidate(c, sentence, err));
		if (truncate && c->vectors.n_window > 1)
		{
			c->n--; /* it began a second window */
			break;
		}
	}
	return slm_sentence_vectors_finish(&c->vectors, err);
}

static SlmStatus
candidates_init(Candidates *c, SlmRun *run, SlmText text, int n_sentence, int max_words,
				SlmError *err)
{
	size_t max = (size_t) (n_sentence < SLM_SUMMARY_SENTENCES ? n_sentence : SLM_SUMMARY_SENTENCES);

	*c = (Candidates){.run = run, .text = text, .max_words = max_words, .max = (int) max};
	c->width = slm_model_info(run->model)->n_embd;
	SLM_TRY(slm_sentence_vectors_init(&c->vectors, run, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, max, &c->sentence, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, max, &c->redundancy, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, max, &c->taken, err));
	return SLM_NEW_ARRAY(run->arena, max * (size_t) c->width, &c->vector, err);
}

/* ---- Cutting ----------------------------------------------------------------- */

/* Commas, dashes and the like: a cut behind them reads well, and better without them. */
static bool
ends_clause(uint32_t cp)
{
	return cp == ',' || cp == ';' || cp == ':' || cp == '-' || cp == 0x2013 || cp == 0x2014 ||
		   cp == 0x3001 || cp == 0xff0c || cp == 0xff1a || cp == 0xff1b;
}

SlmStatus
slm_summary_cut(SlmText text, const SlmHost *host, int max_words, SlmSentence *sentence, bool *cut,
				SlmError *err)
{
	SlmText inside = {text.data + sentence->start, sentence->size};
	SlmCursor cursor;
	SlmWord word;
	size_t clause_end = 0, end = 0, before;

	slm_cursor_init(&cursor, inside, host);
	for (int i = 1; i <= max_words; i++)
	{
		SLM_TRY(slm_word_next(&cursor, &word, err));
		end = word.end;
		if (i > max_words - max_words / 3 && ends_clause(slm_char_before(inside, end, &before)))
			clause_end = end;
	}
	SLM_TRY(slm_word_next(&cursor, &word, err));
	*cut = word.end > word.start;
	if (!*cut)
		return SLM_OK;
	if (clause_end > 0)
		end = clause_end;
	for (uint32_t cp = slm_char_before(inside, end, &before);
		 before > 0 && (ends_clause(cp) || slm_char_is_white(cp));
		 cp = slm_char_before(inside, end, &before))
		end = before;
	sentence->size = end;
	return SLM_OK;
}

/* ---- Summaries --------------------------------------------------------------- */

/* What a text is, before anything is computed. */
typedef struct Shape
{
	SlmSentence whole; /* without white space around */
	bool is_short;     /* its own summary; what follows is not filled in */
	SlmSentence first; /* of its sentences; the whole when it has none */
	int n_sentence;    /* SLM_SUMMARY_SENTENCES stands for more, too */
} Shape;

SlmStatus
slm_task_check_size(SlmRun *run, SlmText text, SlmError *err)
{
	SlmLead lead;
	int n_token, room;

	if (run->options->overflow != SLM_OVERFLOW_ERROR && run->max_input_tokens == 0)
		return SLM_OK;
	SLM_TRY(slm_task_count_tokens(run, text, &n_token, err));
	SLM_TRY(slm_task_lead(run, run->options->document_prefix, &lead, err));
	room = slm_context_length(run) - lead.n - slm_tail_tokens(run);
	return slm_task_overflow(run, room, &n_token, err);
}

/* The first of two steps: everything that can be the text's own fault. */
static SlmStatus
read_shape(SlmRun *run, SlmText text, int max_words, Shape *out, SlmError *err)
{
	SlmSentenceReader reader;
	SlmSentence sentence;
	SlmCursor cursor;
	SlmWord word;
	int n_word = 0;

	*out = (Shape){.is_short = true};
	slm_cursor_init(&cursor, text, run->host);
	for (;;)
	{
		SLM_TRY(slm_word_next(&cursor, &word, err));
		if (word.start == word.end)
			break;
		if (n_word == 0)
			out->whole.start = word.start;
		out->whole.size = word.end - out->whole.start;
		n_word += n_word <= max_words;
	}
	if (n_word <= max_words)
		return SLM_OK;
	out->is_short = false;
	out->first = out->whole;
	SLM_TRY(slm_task_check_size(run, text, err));
	slm_sentences_init(&reader, text, run->host);
	for (; out->n_sentence < SLM_SUMMARY_SENTENCES; out->n_sentence++)
	{
		SLM_TRY(slm_sentence_next(&reader, &sentence, err));
		if (sentence.size == 0)
			break;
		if (out->n_sentence == 0)
			out->first = sentence;
	}
	return SLM_OK;
}

/* The second: what of it the summary is.  What it takes from the arena stays there. */
static SlmStatus
choose_pieces(SlmRun *run, SlmText text, const Shape *shape, int max_words, SlmSummary *out,
			  SlmError *err)
{
	Candidates c;

	SLM_TRY(candidates_init(&c, run, text, shape->n_sentence, max_words, err));
	SLM_TRY(read_candidates(&c, err));
	if (c.n_kept > 0)
		SLM_TRY(reduce(&c, c.n_kept, err));
	SLM_TRY(reduce(&c, 0, err));
	for (int i = 0; i < c.n; i++)
		out->piece[i] = c.sentence[i].at;
	out->n_piece = c.n;
	return SLM_OK;
}

static SlmStatus
summarize_one(SlmRun *run, SlmText text, const Shape *shape, int max_words, SlmSummary *out,
			  SlmError *err)
{
	int max_piece = max_words < SLM_MAX_SUMMARY_PIECES ? max_words : SLM_MAX_SUMMARY_PIECES;
	SlmArenaMark mark;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) max_piece, &out->piece, err));
	mark = slm_arena_mark(run->arena);
	out->piece[0] = shape->is_short ? shape->whole : shape->first;
	out->n_piece = 1;
	if (shape->n_sentence > 1)
		SLM_TRY(choose_pieces(run, text, shape, max_words, out, err));
	slm_arena_rewind(run->arena, mark);
	if (out->n_piece > 1)
		return SLM_OK;
	return slm_summary_cut(text, run->host, max_words, &out->piece[0], &out->cut, err);
}

SlmStatus
slm_task_check_max_words(int max_words, SlmError *err)
{
	if (max_words < 1 || max_words > SLM_MAX_SUMMARY_WORDS)
		return slm_fail(err, SLM_ERR_ARGUMENT, "max_words must be between 1 and %d",
						SLM_MAX_SUMMARY_WORDS);
	return SLM_OK;
}

SlmStatus
slm_task_summarize(SlmRun *run, const SlmText *text, int n, int max_words, SlmSummary *out,
				   SlmStatus *row_status, SlmError *err)
{
	SLM_TRY(slm_task_check_max_words(max_words, err));
	if (slm_task_is_cross_encoder(run->model) && !slm_model_info(run->model)->has_sentence_head)
		return slm_fail(err, SLM_ERR_UNSUPPORTED,
						"model scores pairs of texts and has no embeddings");
	for (int i = 0; i < n; i++)
	{
		SlmArenaMark mark = slm_arena_mark(run->arena);
		Shape shape;
		SlmStatus status = read_shape(run, text[i], max_words, &shape, err);

		slm_arena_rewind(run->arena, mark);
		out[i] = (SlmSummary){.n_piece = 0};
		if (row_status != NULL)
			row_status[i] = status;
		if (status == SLM_OK)
			SLM_TRY(summarize_one(run, text[i], &shape, max_words, &out[i], err));
		else if (row_status == NULL || !slm_task_row_failed(status))
			return status;
	}
	return SLM_OK;
}
