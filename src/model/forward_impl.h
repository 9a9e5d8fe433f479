/*
 * forward_impl.h - a batch on its way through the layers
 *
 * forward.c leads it, embed.c makes the rows that the first layer reads, feed.c and experts.c
 * have the feed-forward blocks, cross.c attention to what another stack has read.
 */
#ifndef SLM_MODEL_FORWARD_IMPL_H
#define SLM_MODEL_FORWARD_IMPL_H

#include "model/forward.h"
#include "model/relative.h"
#include "model/rope.h"

#define ROW_CHUNK 64

/* Experts at work: what rows choose, and what comes of it. */
typedef struct SlmExperts
{
	float *in;       /* [n_row][stride] rows as the block reads them; NULL: there are no experts */
	float *sum;      /* [n_row][stride] what it gives */
	float *some;     /* [ROW_CHUNK][stride] rows of one expert */
	float *score;    /* [ROW_CHUNK][n_expert padded to 16] */
	int32_t *chosen; /* [n_row][n_expert_used] */
	float *share;    /* the same, of each of these */
	int32_t *first;  /* [n_expert + 1] in choice, where those of an expert begin */
	int32_t *choice; /* [n_row * n_expert_used] by expert, then by row: places in chosen */
} SlmExperts;

typedef struct Forward
{
	SlmCompute *c;
	const SlmBatch *batch;
	int n_row;
	int64_t n_embd;
	size_t stride;  /* of x */
	size_t q_width; /* of queries, and of what attention mixes, padded to 16 */
	size_t k_width; /* of keys, and of values, likewise */
	size_t qkv_stride;
	size_t ff_stride;
	float *x;     /* [n_row][stride] hidden states */
	float *qkv;   /* [n_row][qkv_stride]: q, k, v side by side */
	float *mixed; /* [n_row][q_width] what attention gives */
	float *part;  /* [ROW_CHUNK][stride] a product before its residual sum */
	float *ff;    /* [ROW_CHUNK][ff_stride] at most */
	float *gate;  /* the same, or NULL */
	float *
		inner; /* [ROW_CHUNK][stride] rows that a layer works on, where they are narrower; or NULL */
	SlmExperts experts;
	SlmInput input;
	SlmAttention attention;
	SlmRope rope;
	SlmRope window_rope; /* of layers with a window, where it has a base of its own */
	SlmDistances distances;
	SlmDistances head_distances; /* of the extraction head's layers, where it has its own */
	float *embedded; /* [n_row][stride] x of the first layer, where the head reads it; or NULL */
} Forward;

static inline const SlmWeight *
weight_of(const Forward *f, SlmSlot slot, int layer)
{
	return slm_weight(f->c->model, slot, layer);
}

/* Position of a row's token. */
static inline int
position_of(const Forward *f, int sequence, int row)
{
	return row - f->batch->start[sequence] +
		   (f->batch->cache != NULL ? f->batch->past[sequence] : 0);
}

/* One product of m rows: y = weight * x. */
extern SlmStatus slm_product(Forward *f, const SlmWeight *weight, const float *x, size_t x_stride,
							 int m, float *y, size_t y_stride, SlmError *err) SLM_MUST_CHECK;

/* x = x + row i of a table, which scratch has room for. */
extern void slm_add_table_row(const SlmWeight *table, int64_t i, float *scratch, float *x);

/* What a step reads: the rows x, or their norm, in part. */
extern SlmStatus slm_before_step(Forward *f, SlmSlot slot, int layer, float *x, int m,
								 const float **out, SlmError *err) SLM_MUST_CHECK;

/* x = x + part, with the norm of the sum, or of part, where there is one. */
extern SlmStatus slm_after_step(Forward *f, SlmSlot slot, int layer, float *x, int m,
								SlmError *err) SLM_MUST_CHECK;

/* x = what the tables say of each token. */
extern SlmStatus slm_embed_tokens(Forward *f, SlmError *err) SLM_MUST_CHECK;

/* Rows x[m] of a layer: what its feed-forward blocks give is added to them, but for experts'. */
extern SlmStatus slm_feed_forward(Forward *f, int layer, float *x, int m,
								  SlmError *err) SLM_MUST_CHECK;

/* ff = what stands between the two products of a feed-forward block, which reads x[m]; of a stride of its own. */
extern SlmStatus slm_feed(Forward *f, const SlmWeight *up, const SlmWeight *gate, const float *x,
						  int m, SlmError *err) SLM_MUST_CHECK;

/* ---- cross.c: attention to what another stack has read ------------------------------ */

/* All rows of a layer behind attention: what they find there is added to them. */
extern SlmStatus slm_cross_run(Forward *f, int layer, SlmError *err) SLM_MUST_CHECK;

/* ---- experts.c: blocks whose rows choose what they run --------------------------- */

extern SlmStatus slm_experts_init(Forward *f, SlmError *err) SLM_MUST_CHECK;

/* All rows of a layer behind attention: what the experts that each chooses give is added to it. */
extern SlmStatus slm_experts_run(Forward *f, int layer, SlmError *err) SLM_MUST_CHECK;

#endif
