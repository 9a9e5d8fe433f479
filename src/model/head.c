/*
 * head.c - what is computed of vectors: projections and small networks
 *
 * Rows are taken ROW_CHUNK at a time, so that scratch memory does not grow with
 * their number.
 */
#include <string.h>

#include "model/forward.h"

#define ROW_CHUNK 64

/* Two products with an activation, and perhaps a norm, between them; the first may be absent. */
typedef struct Network
{
	const SlmWeight *hidden;
	SlmActivation activation;
	const SlmWeight *norm;
	const SlmWeight *output;
} Network;

static SlmStatus
run_network(SlmCompute *c, const Network *network, const float *in, size_t in_stride, int n,
			float *out, SlmError *err)
{
	const SlmWeight *hidden = network->hidden, *output = network->output;
	bool has_hidden = hidden != NULL && hidden->weight != NULL;
	int64_t n_in = has_hidden && hidden->n_in > output->n_in ? hidden->n_in : output->n_in;
	size_t x_stride = slm_row_stride(output->n_in), y_stride = slm_row_stride(output->n_out);
	bool in_place = out != in && y_stride == (size_t) output->n_out;
	size_t rows = n < ROW_CHUNK ? (size_t) n : ROW_CHUNK;
	SlmArenaMark mark = slm_arena_mark(c->arena);
	float *x, *y;
	SlmInput input;

	SLM_TRY(slm_input_init(c, (int64_t) rows, n_in, &input, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, has_hidden ? rows * x_stride : 0, &x, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, in_place ? 0 : rows * y_stride, &y, err));
	for (int i = 0; i < n; i += ROW_CHUNK)
	{
		int m = n - i < ROW_CHUNK ? n - i : ROW_CHUNK;
		const float *rows_in = in + (size_t) i * in_stride;
		float *rows_out = out + (int64_t) i * output->n_out;

		if (has_hidden)
		{
			SLM_TRY(slm_input_set(c, &input, rows_in, in_stride, m, &hidden, 1, err));
			SLM_TRY(slm_linear(c, hidden, &input, m, x, x_stride, err));
			SLM_TRY(slm_activate(c, network->activation, x, x_stride, m, hidden->n_out, err));
			if (network->norm != NULL && network->norm->weight != NULL)
				SLM_TRY(slm_norm(c, network->norm, x, NULL, m, x_stride, x, err));
			SLM_TRY(slm_input_set(c, &input, x, x_stride, m, &output, 1, err));
		}
		else
			SLM_TRY(slm_input_set(c, &input, rows_in, in_stride, m, &output, 1, err));
		SLM_TRY(slm_linear(c, output, &input, m, in_place ? rows_out : y, y_stride, err));
		for (int j = 0; j < m && !in_place; j++)
		{
			memcpy(rows_out + (int64_t) j * output->n_out, y + (size_t) j * y_stride,
				   (size_t) output->n_out * sizeof(float));
			SLM_TRY(slm_spend(c, output->n_out * SLM_COST_MOVE, err));
		}
	}
	slm_arena_rewind(c->arena, mark);
	return SLM_OK;
}

SlmStatus
slm_project(SlmCompute *c, SlmSlot slot, const float *in, size_t in_stride, int n, float *out,
			SlmError *err)
{
	Network network = {.output = slm_weight(c->model, slot, 0)};

	return run_network(c, &network, in, in_stride, n, out, err);
}

/* The output matrix; where a model has none, its embeddings. */
static const SlmWeight *
output_matrix(const SlmModel *model)
{
	const SlmWeight *output = slm_weight(model, SLM_SLOT_OUTPUT, 0);

	return output->weight != NULL ? output : slm_weight(model, SLM_SLOT_TOKEN_EMBD, 0);
}

/* Some rows of a matrix: whole groups of them are computed, each once. */
static SlmStatus
some_rows(SlmCompute *c, const SlmWeight *matrix, const SlmInput *input, int m, const int32_t *row,
		  int n_row, float *y, float *out, SlmError *err)
{
	SlmWeight group = *matrix;
	int64_t at = -1;

	group.n_group = 1;
	for (int i = 0; i < n_row; i++)
	{
		if (row[i] / SLM_GROUP_ROWS != at)
		{
			at = row[i] / SLM_GROUP_ROWS;
			group.weight = (const uint8_t *) matrix->weight +
						   (uint64_t) at * slm_group_bytes(matrix->layout, matrix->n_in);
			if (matrix->bias != NULL)
				group.bias = matrix->bias + at * SLM_GROUP_ROWS;
			SLM_TRY(slm_linear(c, &group, input, m, y, SLM_GROUP_ROWS, err));
		}
		for (int j = 0; j < m; j++)
			out[(size_t) j * (size_t) n_row + (size_t) i] =
				y[j * SLM_GROUP_ROWS + row[i] % SLM_GROUP_ROWS];
	}
	return SLM_OK;
}

/* n rows of the vocabulary's logits, or of those of n_row tokens. */
static SlmStatus
raw_logits(SlmCompute *c, const float *in, size_t in_stride, int n, const int32_t *row, int n_row,
		   float *out, SlmError *err)
{
	Network network = {.output = output_matrix(c->model)};
	const SlmWeight *matrix = network.output;
	SlmArenaMark mark = slm_arena_mark(c->arena);
	SlmInput input;
	float *y;

	if (row == NULL)
		return run_network(c, &network, in, in_stride, n, out, err);
	SLM_TRY(slm_input_init(c, n < ROW_CHUNK ? n : ROW_CHUNK, matrix->n_in, &input, err));
	SLM_TRY(SLM_NEW_ARRAY(c->arena, ROW_CHUNK * SLM_GROUP_ROWS, &y, err));
	for (int i = 0; i < n; i += ROW_CHUNK)
	{
		int m = n - i < ROW_CHUNK ? n - i : ROW_CHUNK;

		SLM_TRY(
			slm_input_set(c, &input, in + (size_t) i * in_stride, in_stride, m, &matrix, 1, err));
		SLM_TRY(
			some_rows(c, matrix, &input, m, row, n_row, y, out + (size_t) i * (size_t) n_row, err));
	}
	slm_arena_rewind(c->arena, mark);
	return SLM_OK;
}

SlmStatus
slm_logits(SlmCompute *c, const float *in, size_t in_stride, int n, const int32_t *row, int n_row,
		   float *out, SlmError *err)
{
	float cap = c->model->hparams.logit_cap, scale = c->model->hparams.logit_scale;

	SLM_TRY(raw_logits(c, in, in_stride, n, row, n_row, out, err));
	for (size_t i = 0; i < (size_t) n * (size_t) n_row && scale != 1.0f; i++)
		out[i] = scale * out[i];
	for (int i = 0; i < n && cap > 0.0f; i++, out += n_row)
	{
		for (int j = 0; j < n_row; j++)
			out[j] = out[j] / cap;
		c->kernels->tanh(out, n_row);
		for (int j = 0; j < n_row; j++)
			out[j] = cap * out[j];
		SLM_TRY(slm_spend(c, n_row * SLM_COST_EXP, err));
	}
	return SLM_OK;
}

SlmStatus
slm_class_head(SlmCompute *c, const float *in, size_t in_stride, int n, float *out, SlmError *err)
{
	Network network = {
		.hidden = slm_weight(c->model, SLM_SLOT_CLS, 0),
		.activation = (SlmActivation) c->model->hparams.head_activation,
		.norm = slm_weight(c->model, SLM_SLOT_CLS_NORM, 0),
		.output = slm_weight(c->model, SLM_SLOT_CLS_OUTPUT, 0),
	};

	return run_network(c, &network, in, in_stride, n, out, err);
}

SlmStatus
slm_sentence_head(SlmCompute *c, const float *in, int n, float *out, SlmError *err)
{
	Network network = {
		.hidden = slm_weight(c->model, SLM_SLOT_SUM_HIDDEN, 0),
		.activation = SLM_ACTIVATION_TANH,
		.output = slm_weight(c->model, SLM_SLOT_SUM_OUTPUT, 0),
	};

	return run_network(c, &network, in, (size_t) network.hidden->n_in, n, out, err);
}
