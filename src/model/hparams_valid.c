/*
 * hparams_valid.c - numbers of a model that come from an image, and sizes made of them
 *
 * An image was written by this library, but it is a file: what sizes a buffer or
 * bounds a loop is held to its limit here again.
 */
#include "model/hparams.h"

/* Is a number that only a head has there exactly with it, and at most max? */
static bool
head_number_valid(const SlmHparams *h, SlmHeadKind head, uint32_t n, uint32_t max)
{
	bool has_head = (h->heads & SLM_HEAD_BIT(head)) != 0;

	return has_head == (n > 0) && n <= max;
}

static bool
cap_valid(float cap)
{
	return cap == 0.0f || (cap >= 1.0f && cap <= SLM_MAX_CALIBRATION);
}

static bool
within(uint32_t n, uint32_t min, uint32_t max)
{
	return n >= min && n <= max;
}

static bool
shape_valid(const SlmHparams *h)
{
	return within(h->n_layer, 1, SLM_MAX_LAYERS) && h->n_reader_layer <= SLM_MAX_LAYERS &&
		   h->start_token < h->n_vocab && h->logit_scale >= 1.0f / SLM_MAX_CALIBRATION &&
		   h->logit_scale <= SLM_MAX_CALIBRATION && within(h->n_group, 1, h->n_layer) &&
		   within(h->n_embd, 1, SLM_MAX_EMBD) && within(h->n_token_embd, 1, h->n_embd) &&
		   within(h->n_inner, 1, h->n_embd) && within(h->n_ff, 1, SLM_MAX_FF) &&
		   within(h->n_context, 1, SLM_MAX_CONTEXT) && within(h->n_vocab, 1, SLM_MAX_VOCAB) &&
		   h->n_token_type <= SLM_MAX_TOKEN_TYPES && h->activation < SLM_ACTIVATION_COUNT &&
		   h->norm_epsilon > 0.0f && h->norm_epsilon <= 1.0f && h->parallel <= 1 &&
		   cap_valid(h->logit_cap);
}

static bool
experts_valid(const SlmHparams *h)
{
	uint32_t forms = SLM_HEAD_BIT(SLM_HEAD_DENSE) | SLM_HEAD_BIT(SLM_HEAD_EXPERTS);
	SlmHeadKind form = h->n_expert > 0 ? SLM_HEAD_EXPERTS : SLM_HEAD_DENSE;

	return (h->heads & forms) == SLM_HEAD_BIT(form) && h->n_expert <= SLM_MAX_EXPERTS &&
		   h->n_expert_used <= h->n_expert && (h->n_expert > 0) == (h->n_expert_used > 0) &&
		   h->n_ff_expert <= SLM_MAX_FF && (h->n_expert > 0) == (h->n_ff_expert > 0) &&
		   h->n_ff_shared <= SLM_MAX_FF && (h->n_expert > 0 || h->n_ff_shared == 0) &&
		   h->expert_norm <= 1 && h->expert_scale >= 1.0f / SLM_MAX_CALIBRATION &&
		   h->expert_scale <= SLM_MAX_CALIBRATION;
}

static bool
rope_valid(const SlmHparams *h)
{
	return h->n_rope == 0 ||
		   (h->rope_base >= 1.0f && h->rope_base <= SLM_MAX_ROPE_BASE &&
			(h->rope_base_window == 0.0f ||
			 (h->rope_base_window >= 1.0f && h->rope_base_window <= SLM_MAX_ROPE_BASE)) &&
			h->rope_scale >= 1.0f / SLM_MAX_CALIBRATION && h->rope_scale <= SLM_MAX_CALIBRATION &&
			h->rope_attention >= 1.0f / SLM_MAX_CALIBRATION &&
			h->rope_attention <= SLM_MAX_CALIBRATION);
}

static bool
attention_valid(const SlmHparams *h)
{
	return within(h->n_head, 1, SLM_MAX_HEADS) && within(h->n_head_kv, 1, h->n_head) &&
		   h->n_head % h->n_head_kv == 0 && within(h->n_head_dim, 1, SLM_MAX_HEAD_DIM) &&
		   h->n_rope <= h->n_head_dim && h->n_rope % 2 == 0 && rope_valid(h) &&
		   h->n_rope_context <= SLM_MAX_CONTEXT && h->n_window <= h->n_context &&
		   h->window_period <= SLM_MAX_LAYERS && h->attention_scale >= 1.0f / SLM_MAX_CALIBRATION &&
		   h->attention_scale <= SLM_MAX_CALIBRATION && cap_valid(h->attention_cap) &&
		   h->n_bucket <= SLM_MAX_RELATIVE_ROWS && h->n_bucket % 2 == 0 &&
		   h->relative_reach <= SLM_MAX_RELATIVE_REACH;
}

static bool
heads_valid(const SlmHparams *h)
{
	return h->pooling >= SLM_POOLING_UNSPECIFIED && h->pooling <= SLM_POOLING_RANK &&
		   h->head_activation < SLM_ACTIVATION_COUNT && h->class_kind < SLM_CLASS_KIND_COUNT &&
		   within(h->class_pooling, SLM_POOLING_MEAN, SLM_POOLING_CLS) &&
		   h->heads < SLM_HEAD_BIT(SLM_HEAD_COUNT) &&
		   (h->heads & SLM_HEAD_BIT(SLM_HEAD_BODY)) != 0 &&
		   head_number_valid(h, SLM_HEAD_CLASS, h->n_class, slm_max_classes(h->class_kind)) &&
		   head_number_valid(h, SLM_HEAD_EXTRACT, h->n_extract_layer, SLM_MAX_HEAD_LAYERS) &&
		   head_number_valid(h, SLM_HEAD_EXTRACT, h->n_span, SLM_MAX_SPAN_WIDTH) &&
		   h->n_extract_bucket <= SLM_MAX_RELATIVE_BUCKETS && h->n_extract_bucket % 2 == 0 &&
		   head_number_valid(h, SLM_HEAD_SENTENCE, h->n_sentence_hidden, SLM_MAX_SENTENCE_HIDDEN) &&
		   slm_hparams_constants_valid(h);
}

bool
slm_hparams_valid(const SlmHparams *h)
{
	return shape_valid(h) && experts_valid(h) && attention_valid(h) && heads_valid(h);
}

SlmHparams
slm_hparams_reader(const SlmHparams *hparams)
{
	SlmHparams h = *hparams;

	h.n_layer = h.n_group = h.n_reader_layer;
	h.n_reader_layer = 0;
	h.n_extract_layer = 0;
	return h;
}

uint64_t
slm_hparams_size(const SlmHparams *h, SlmSize size)
{
	switch (size)
	{
		case SLM_SIZE_EMBD:
			return h->n_embd;
		case SLM_SIZE_TOKEN:
			return h->n_token_embd;
		case SLM_SIZE_TRIGRAM:
			return 3 * (uint64_t) h->n_token_embd;
		case SLM_SIZE_INNER:
			return h->n_inner;
		case SLM_SIZE_QUERIES:
			return (uint64_t) h->n_head * h->n_head_dim;
		case SLM_SIZE_KEYS:
			return (uint64_t) h->n_head_kv * h->n_head_dim;
		case SLM_SIZE_HEAD:
			return h->n_head_dim;
		case SLM_SIZE_HEADS:
			return h->n_head;
		case SLM_SIZE_BUCKETS:
			return h->n_bucket;
		case SLM_SIZE_ROPE_PAIRS:
			return h->n_rope / 2;
		case SLM_SIZE_FF:
			return h->n_ff;
		case SLM_SIZE_EXPERTS:
			return h->n_expert;
		case SLM_SIZE_EXPERT_FF:
			return h->n_ff_expert;
		case SLM_SIZE_SHARED_FF:
			return h->n_ff_shared;
		case SLM_SIZE_VOCAB:
			return h->n_vocab;
		case SLM_SIZE_CONTEXT:
			return h->n_context;
		case SLM_SIZE_TOKEN_TYPES:
			return h->n_token_type;
		case SLM_SIZE_CLASSES:
			return h->n_class;
		case SLM_SIZE_SHAPES:
			return SLM_WORD_SHAPES;
		case SLM_SIZE_LINE_PLACES:
			return SLM_LINE_PLACES;
		case SLM_SIZE_EXTRACT_BUCKETS:
			return h->n_extract_bucket;
		case SLM_SIZE_SPANS:
			return 3 * (uint64_t) h->n_span;
		case SLM_SIZE_SENTENCE:
			return (uint64_t) h->n_embd + SLM_SENTENCE_FEATURES;
		case SLM_SIZE_SENTENCE_HIDDEN:
			return h->n_sentence_hidden;
		case SLM_SIZE_ONE:
		case SLM_SIZE_COUNT:
			break;
	}
	return 1;
}
