/*
 * salience.c - how much each sentence of a text says of the whole
 */
#include "task/salience.h"

#include "base/limits.h"
#include "task/logarithm.h"

#define SLICE_ROWS 64        /* sentences scored at a time */
#define SENTENCE_BYTES 16384 /* of a sentence, tokenized at most: windows hold far less */

/* ---- Vectors ------------------------------------------------------------- */

/* Where a sentence's hidden states will be. */
typedef struct SlmSentenceRows
{
	float *out;
	int first, n; /* of the batch's tokens */
} SlmSentenceRows;

SlmStatus
slm_sentence_vectors_init(SlmSentenceVectors *v, SlmRun *run, SlmError *err)
{
	int special;

	*v = (SlmSentenceVectors){.run = run, .width = slm_model_info(run->model)->n_embd};
	SLM_TRY(slm_task_lead(run, run->options->document_prefix, &v->lead, err));
	special = v->lead.n + slm_tail_tokens(run);
	v->room = slm_context_length(run) - special;
	if (v->room > SLM_SENTENCE_WINDOW_TOKENS)
		v->room = SLM_SENTENCE_WINDOW_TOKENS;
	v->max_token = special + v->room > SLM_BATCH_TOKENS ? special + v->room : SLM_BATCH_TOKENS;
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) v->max_token, &v->token, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) v->max_token, &v->sequence, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) v->max_token, &v->rows, err));
	return SLM_NEW_ARRAY(run->arena, (size_t) v->max_token * (size_t) v->width, &v->hidden, err);
}

static void
close_window(SlmSentenceVectors *v)
{
	int n;

	if (v->window_start == v->n_token)
		return;
	if (slm_tail_tokens(v->run) > 0)
		v->token[v->n_token++] = slm_model_tokenizer(v->run->model)->special.eos;
	n = v->n_token - v->window_start;
	v->sequence[v->n_sequence++] = (SlmSequence){v->token + v->window_start, n, n};
	v->window_start = v->n_token;
}

SlmStatus
slm_sentence_vectors_finish(SlmSentenceVectors *v, SlmError *err)
{
	close_window(v);
	if (v->n_sequence == 0)
		return SLM_OK;
	SLM_TRY(slm_encode_hidden(v->run, v->sequence, v->n_sequence, v->hidden, err));
	for (int i = 0; i < v->n_rows; i++)
	{
		const SlmSentenceRows *rows = &v->rows[i];

		memset(rows->out, 0, (size_t) v->width * sizeof(float));
		for (int t = rows->first; t < rows->first + rows->n; t++)
			for (int j = 0; j < v->width; j++)
				rows->out[j] += v->hidden[(size_t) t * (size_t) v->width + (size_t) j];
		slm_normalize(v->run->kernels, rows->out, v->width);
	}
	v->n_token = v->n_sequence = v->n_rows = v->window_start = 0;
	return slm_poll(v->run->host, err);
}

/* Starts a window, in the next batch when it might not fit into this one. */
static SlmStatus
open_window(SlmSentenceVectors *v, SlmError *err)
{
	if (v->n_token + v->lead.n + v->room + slm_tail_tokens(v->run) > v->max_token)
		SLM_TRY(slm_sentence_vectors_finish(v, err));
	memcpy(v->token + v->n_token, v->lead.id, (size_t) v->lead.n * sizeof(*v->token));
	v->n_token += v->lead.n;
	v->n_window++;
	return SLM_OK;
}

SlmStatus
slm_sentence_vectors_add(SlmSentenceVectors *v, SlmText sentence, float *out, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(v->run->arena);
	SlmTokens tokens;
	int n;

	if (sentence.size > SENTENCE_BYTES)
		for (sentence.size = SENTENCE_BYTES;
			 ((uint8_t) sentence.data[sentence.size] & 0xc0) == 0x80; sentence.size--)
			;
	SLM_TRY(slm_tokenize(slm_model_tokenizer(v->run->model), v->run->host, sentence.data,
						 sentence.size, v->run->arena, &tokens, err));
	n = tokens.n < v->room ? tokens.n : v->room;
	if (n == 0)
	{
		memset(out, 0, (size_t) v->width * sizeof(float));
		slm_arena_rewind(v->run->arena, mark);
		return SLM_OK;
	}
	if (v->n_token - v->window_start + n > v->lead.n + v->room)
		close_window(v);
	if (v->n_token == v->window_start)
		SLM_TRY(open_window(v, err));
	v->rows[v->n_rows++] = (SlmSentenceRows){out, v->n_token, n};
	memcpy(v->token + v->n_token, tokens.id, (size_t) n * sizeof(*tokens.id));
	v->n_token += n;
	slm_arena_rewind(v->run->arena, mark);
	return SLM_OK;
}

/* ---- Features and scores --------------------------------------------------- */

static float
log2_of(int x)
{
	return slm_natural_log((float) x) / SLM_LN2;
}

/* What all sentences of a text are compared with. */
typedef struct Whole
{
	float *sum;  /* [width] of the vectors */
	float *mean; /* [width] of unit length */
	int n;
} Whole;

static void
fill_features(const SlmKernels *kernels, const Whole *whole, const float *vector, int width,
			  const SlmSalience *sentence, int i, float *f)
{
	int n = whole->n;
	float others = kernels->dot(vector, whole->sum, width) - kernels->dot(vector, vector, width);

	f[0] = kernels->dot(vector, whole->mean, width);
	f[1] = n > 1 ? others / (float) (n - 1) : 0.0f;
	f[2] = n > 1 ? (float) i / (float) (n - 1) : 0.0f;
	f[3] = i == 0 ? 1.0f : 0.0f;
	f[4] = 1.0f / (float) (1 + i);
	f[5] = log2_of(1 + sentence->n_word) / 6.0f;
	f[6] = (float) sentence->n_number / (float) sentence->n_word;
	f[7] = log2_of(1 + n) / 6.0f;
}

static SlmStatus
sum_up(SlmRun *run, const float *vector, int n, int width, Whole *out, SlmError *err)
{
	int rows_a_poll = SLM_POLL_MACS / 4 / width + 1;

	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) width, &out->sum, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, (size_t) width, &out->mean, err));
	out->n = n;
	memset(out->sum, 0, (size_t) width * sizeof(float));
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < width; j++)
			out->sum[j] += vector[(size_t) i * (size_t) width + (size_t) j];
		if (i % rows_a_poll == 0)
			SLM_TRY(slm_poll(run->host, err));
	}
	memcpy(out->mean, out->sum, (size_t) width * sizeof(float));
	slm_normalize(run->kernels, out->mean, width);
	return SLM_OK;
}

/* Scores of rows of [vector, features]. */
static SlmStatus
score_rows(SlmRun *run, const float *row, int n, int width, float *score, SlmError *err)
{
	if (slm_model_info(run->model)->has_sentence_head)
		return slm_score_sentences(run, row, n, score, err);
	for (int i = 0; i < n; i++)
	{
		const float *f = row + (size_t) i * (size_t) (width + SLM_SENTENCE_FEATURES) + width;

		score[i] = f[0] + SLM_SALIENCE_LEAD * f[4] + SLM_SALIENCE_LENGTH * f[5];
	}
	return SLM_OK;
}

SlmStatus
slm_salience_score(SlmRun *run, const float *vector, SlmSalience *sentence, int n,
				   float *mean_cosine, SlmError *err)
{
	SlmArenaMark mark = slm_arena_mark(run->arena);
	int width = slm_model_info(run->model)->n_embd;
	size_t row_width = (size_t) width + SLM_SENTENCE_FEATURES;
	float score[SLICE_ROWS];
	Whole whole;
	float *row;

	*mean_cosine = 0.0f;
	SLM_TRY(sum_up(run, vector, n, width, &whole, err));
	SLM_TRY(SLM_NEW_ARRAY(run->arena, SLICE_ROWS * row_width, &row, err));
	for (int i = 0; i < n; i += SLICE_ROWS)
	{
		int m = n - i < SLICE_ROWS ? n - i : SLICE_ROWS;

		for (int j = 0; j < m; j++)
		{
			const float *from = vector + (size_t) (i + j) * (size_t) width;
			float *to = row + (size_t) j * row_width;

			memcpy(to, from, (size_t) width * sizeof(float));
			fill_features(run->kernels, &whole, from, width, &sentence[i + j], i + j, to + width);
			*mean_cosine += to[width + 1] / (float) n;
		}
		SLM_TRY(score_rows(run, row, m, width, score, err));
		for (int j = 0; j < m; j++)
			sentence[i + j].score = score[j];
		SLM_TRY(slm_poll(run->host, err));
	}
	slm_arena_rewind(run->arena, mark);
	return SLM_OK;
}
