/*
 * hparams.c - the numbers that give a model its shape
 *
 * Every number that sizes a buffer or bounds a loop is checked here against
 * its limit, before anything is computed from it.
 */
#include "model/hparams.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

/* Keys behind "<arch>." that are read below, or that say nothing we need. */
static const char *const known_keys[] = {
	"block_count",
	"context_length",
	"embedding_length",
	"feed_forward_length",
	"vocab_size",
	"pooling_type",
	"hidden_activation",
	"attention.causal",
	"attention.head_count",
	"attention.head_count_kv",
	"attention.key_length",
	"attention.value_length",
	"attention.scale",
	"attention.sliding_window",
	"attn_logit_softcapping",
	"final_logit_softcapping",
	"use_parallel_residual",
	"attention.layer_norm_epsilon",
	"attention.layer_norm_rms_epsilon",
	"classifier.activation",
	"classifier.kind",
	"classifier.pooling_type",
	"classifier.output_labels",
	"extract.block_count",
};

/* Of architectures whose positions are rotations, these as well. */
static const char *const rope_keys[] = {
	"rope.dimension_count",
	"rope.freq_base",
	"rope.scaling.type",
	"rope.scaling.factor",
	"rope.freq_base_swa",
	"rope.scaling.attn_factor",
	"rope.scaling.original_context_length",
};

/* Of architectures with experts. */
static const char *const expert_keys[] = {
	"expert_count",        "expert_used_count",    "expert_feed_forward_length",
	"expert_weights_norm", "expert_weights_scale", "expert_gating_func",
};

/* Of those with two stacks. */
static const char *const stack_keys[] = {"decoder_block_count", "decoder_start_token_id"};

/* A calibration constant of a head; its key is known, too. */
typedef struct Constant
{
	const char *suffix; /* of its key */
	SlmHeadKind head;
	SlmNeed need;
	size_t offset; /* in SlmHparams */
	float min, max;
	float absent; /* its value without the key */
} Constant;

#define SCALE 1.0f / SLM_MAX_CALIBRATION, SLM_MAX_CALIBRATION
#define SHIFT -SLM_MAX_CALIBRATION, SLM_MAX_CALIBRATION

static const Constant constants[] = {
	{"label.scale", SLM_HEAD_LABEL, SLM_REQUIRED, offsetof(SlmHparams, label.scale), SCALE, 0},
	{"label.scale_growth", SLM_HEAD_LABEL, SLM_OPTIONAL, offsetof(SlmHparams, label.scale_growth),
	 0.0f, SLM_MAX_CALIBRATION, 0.0f},
	{"label.none", SLM_HEAD_LABEL, SLM_REQUIRED, offsetof(SlmHparams, label.none), SHIFT, 0},
	{"label.none_growth", SLM_HEAD_LABEL, SLM_OPTIONAL, offsetof(SlmHparams, label.none_growth),
	 SHIFT, 0.0f},
	{"label.multi_scale", SLM_HEAD_LABEL, SLM_REQUIRED, offsetof(SlmHparams, label.multi_scale),
	 SCALE, 0},
	{"label.multi_bias", SLM_HEAD_LABEL, SLM_REQUIRED, offsetof(SlmHparams, label.multi_bias),
	 SHIFT, 0},
	{"extract.threshold", SLM_HEAD_EXTRACT, SLM_OPTIONAL, offsetof(SlmHparams, extract.threshold),
	 0.0f, 1.0f, 0.5f},
	{"extract.scale", SLM_HEAD_EXTRACT, SLM_OPTIONAL, offsetof(SlmHparams, extract.scale), SCALE,
	 1.0f},
	{"extract.bias", SLM_HEAD_EXTRACT, SLM_OPTIONAL, offsetof(SlmHparams, extract.bias), SHIFT,
	 0.0f},
};

#define N_CONSTANT (sizeof(constants) / sizeof(constants[0]))

#define GATING_SOFTMAX 1 /* llama.cpp's number of it */
#define MAX_KEY 96       /* bytes of a key we ask for, terminator included */

/* Of architectures that have what they are about. */
static const char *const relative_key = "attention.relative_buckets_count";
static const char *const reach_key = "attention.relative_distance_limit";
static const char *const token_key = "token_embedding_length";
static const char *const group_key = "block_group_count";
static const char *const inner_key = "bottleneck_length";
static const char *const shared_ff_key = "expert_shared_feed_forward_length";
static const char *const logit_scale_key = "logit_scale";
static const char *const period_key = "attention.sliding_window_pattern";

static void
key_name(const SlmArch *arch, const char *suffix, char out[MAX_KEY])
{
	snprintf(out, MAX_KEY, "%s.%s", arch->name, suffix);
}

static bool
text_is(SlmText text, const char *c_string)
{
	return text.size == strlen(c_string) && memcmp(text.data, c_string, text.size) == 0;
}

static bool
is_known(const SlmArch *arch, SlmText suffix)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++)
		known |= text_is(suffix, known_keys[i]);
	for (size_t i = 0; i < sizeof(rope_keys) / sizeof(rope_keys[0]); i++)
		known |= slm_arch_rotates(arch) && text_is(suffix, rope_keys[i]);
	for (size_t i = 0; i < sizeof(expert_keys) / sizeof(expert_keys[0]); i++)
		known |= arch->experts != SLM_NEVER && text_is(suffix, expert_keys[i]);
	known |= arch->shared_expert && text_is(suffix, shared_ff_key);
	for (size_t i = 0; i < sizeof(stack_keys) / sizeof(stack_keys[0]); i++)
		known |= arch->reader != NULL && text_is(suffix, stack_keys[i]);
	known |= arch->scaled_logits && text_is(suffix, logit_scale_key);
	known |= arch->relative != SLM_RELATIVE_NONE && text_is(suffix, relative_key);
	known |= arch->relative == SLM_RELATIVE_DISENTANGLED && text_is(suffix, reach_key);
	known |= arch->factored != SLM_FACTORED_NONE && text_is(suffix, token_key);
	known |= arch->narrows && text_is(suffix, inner_key);
	known |= arch->shared_blocks && text_is(suffix, group_key);
	known |= arch->window_period > 0 && text_is(suffix, period_key);
	for (size_t i = 0; i < N_CONSTANT; i++)
		known |= text_is(suffix, constants[i].suffix);
	return known;
}

static SlmStatus
check_known(const SlmGguf *gguf, const SlmArch *arch, SlmError *err)
{
	size_t prefix = strlen(arch->name);

	for (uint64_t i = 0; i < gguf->n_key; i++)
	{
		SlmText key = gguf->key[i].name;
		char quoted[128];

		if (key.size <= prefix || memcmp(key.data, arch->name, prefix) != 0 ||
			key.data[prefix] != '.')
			continue;
		if (!is_known(arch, (SlmText){key.data + prefix + 1, key.size - prefix - 1}))
			return slm_fail(err, SLM_ERR_UNSUPPORTED, "key \"%s\" is not supported",
							slm_error_quote(quoted, sizeof(quoted), key.data, key.size));
	}
	return SLM_OK;
}

/* A required integer key in [1, max]. */
static SlmStatus
read_count(const SlmGguf *gguf, const SlmArch *arch, const char *suffix, int64_t max, uint32_t *out,
		   SlmError *err)
{
	char key[MAX_KEY];
	int64_t value = 0;

	key_name(arch, suffix, key);
	SLM_TRY(slm_gguf_get_int(gguf, key, 1, max, NULL, &value, err));
	*out = (uint32_t) value;
	return SLM_OK;
}

/* An optional integer key that must have one value. */
static SlmStatus
expect_count(const SlmGguf *gguf, const SlmArch *arch, const char *suffix, uint32_t expected,
			 SlmError *err)
{
	char key[MAX_KEY];
	int64_t value = expected;
	bool found;

	key_name(arch, suffix, key);
	SLM_TRY(slm_gguf_get_int(gguf, key, 0, INT64_MAX, &found, &value, err));
	if (value != (int64_t) expected)
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is %lld, but must be %u here", key,
						(long long) value, expected);
	return SLM_OK;
}

/* An optional integer key in [1, max]. */
static SlmStatus
read_optional(const SlmGguf *gguf, const SlmArch *arch, const char *suffix, int64_t max,
			  uint32_t absent, uint32_t *out, SlmError *err)
{
	char key[MAX_KEY];
	int64_t value = absent;
	bool found;

	key_name(arch, suffix, key);
	SLM_TRY(slm_gguf_get_int(gguf, key, 1, max, &found, &value, err));
	*out = (uint32_t) value;
	return SLM_OK;
}

/* An optional float key in [min, max]. */
static SlmStatus
read_number(const SlmGguf *gguf, const SlmArch *arch, const char *suffix, float min, float max,
			float absent, float *out, SlmError *err)
{
	char key[MAX_KEY];
	bool found;

	*out = absent;
	key_name(arch, suffix, key);
	SLM_TRY(slm_gguf_get_float(gguf, key, &found, out, err));
	if (found && !(*out >= min && *out <= max))
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is %g, outside %g to %g", key,
						(double) *out, (double) min, (double) max);
	return SLM_OK;
}

/* Heads and their width: all alike, or, where the architecture has it, sharing keys and values. */
static SlmStatus
read_attention(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	char key[MAX_KEY];

	SLM_TRY(read_count(gguf, arch, "attention.head_count", SLM_MAX_HEADS, &h->n_head, err));
	h->n_head_kv = h->n_head;
	if (arch->grouped)
	{
		SLM_TRY(read_optional(gguf, arch, "attention.head_count_kv", SLM_MAX_HEADS, h->n_head,
							  &h->n_head_kv, err));
		key_name(arch, "attention.head_count_kv", key);
		if (h->n_head % h->n_head_kv != 0)
			return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\": %u heads are not a multiple of %u",
							key, h->n_head, h->n_head_kv);
		SLM_TRY(read_optional(gguf, arch, "attention.key_length", SLM_MAX_HEAD_DIM, 0,
							  &h->n_head_dim, err));
	}
	key_name(arch, "attention.head_count", key);
	if (h->n_head_dim == 0 && h->n_inner % h->n_head != 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"%s\": embedding length %u is not a multiple of %u heads", key,
						h->n_inner, h->n_head);
	if (h->n_head_dim == 0)
		h->n_head_dim = h->n_inner / h->n_head;
	if (h->n_head_dim > SLM_MAX_HEAD_DIM)
		return slm_fail(err, SLM_ERR_LIMIT, "key \"%s\": %u numbers a head exceed the limit of %d",
						key, h->n_head_dim, SLM_MAX_HEAD_DIM);
	SLM_TRY(expect_count(gguf, arch, "attention.head_count_kv", h->n_head_kv, err));
	SLM_TRY(expect_count(gguf, arch, "attention.key_length", h->n_head_dim, err));
	return expect_count(gguf, arch, "attention.value_length", h->n_head_dim, err);
}

/* The context beyond which other factors of frequencies hold, where the file has such (Ding et al. 2024). */
static SlmStatus
read_long_context(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	static const SlmSlot slots[] = {SLM_SLOT_ROPE_LONG, SLM_SLOT_ROPE_SHORT};
	char name[2][MAX_KEY];
	bool has[2];

	for (int i = 0; i < 2; i++)
	{
		has[i] = arch->slot[slots[i]].kind != SLM_SLOT_ABSENT;
		if (!has[i])
			return SLM_OK;
		slm_slot_name(arch, slots[i], 0, "weight", name[i], MAX_KEY);
		has[i] = slm_gguf_tensor(gguf, name[i]) != NULL;
	}
	if (has[0] != has[1])
		return slm_fail(err, SLM_ERR_CORRUPT, "tensor \"%s\" is missing", name[has[0] ? 1 : 0]);
	if (!has[0])
		return SLM_OK;
	return read_count(gguf, arch, "rope.scaling.original_context_length", SLM_MAX_CONTEXT,
					  &h->n_rope_context, err);
}

/* How queries and keys turn with their position. */
static SlmStatus
read_rope(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	char key[MAX_KEY], quoted[64];
	SlmText type = {NULL, 0};
	bool found;

	if (!slm_arch_rotates(arch))
		return SLM_OK;
	SLM_TRY(read_optional(gguf, arch, "rope.dimension_count", h->n_head_dim, h->n_head_dim,
						  &h->n_rope, err));
	key_name(arch, "rope.dimension_count", key);
	if (h->n_rope % 2 != 0)
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is %u, but pairs of numbers rotate", key,
						h->n_rope);
	SLM_TRY(read_number(gguf, arch, "rope.freq_base", 1.0f, SLM_MAX_ROPE_BASE, 10000.0f,
						&h->rope_base, err));
	SLM_TRY(read_number(gguf, arch, "rope.freq_base_swa", 1.0f, SLM_MAX_ROPE_BASE,
						arch->window_rope_base, &h->rope_base_window, err));
	SLM_TRY(read_number(gguf, arch, "rope.scaling.factor", 1.0f / SLM_MAX_CALIBRATION,
						SLM_MAX_CALIBRATION, 1.0f, &h->rope_scale, err));
	key_name(arch, "rope.scaling.type", key);
	SLM_TRY(slm_gguf_get_string(gguf, key, &found, &type, err));
	if (!found || text_is(type, "none") || text_is(type, "longrope"))
		h->rope_scale = 1.0f;
	else if (!text_is(type, "linear"))
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "key \"%s\": scaling \"%s\" is not supported",
						key, slm_error_quote(quoted, sizeof(quoted), type.data, type.size));
	SLM_TRY(read_number(gguf, arch, "rope.scaling.attn_factor", 1.0f / SLM_MAX_CALIBRATION,
						SLM_MAX_CALIBRATION, 1.0f, &h->rope_attention, err));
	return read_long_context(gguf, arch, h, err);
}

/* Layers that see what is near only: so many tokens back, or half as many on either side. */
static SlmStatus
read_window(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	char key[MAX_KEY];
	int64_t window = 0;
	bool found;

	key_name(arch, "attention.sliding_window", key);
	SLM_TRY(slm_gguf_get_int(gguf, key, 0, INT32_MAX, &found, &window, err));
	switch (arch->mask)
	{
		case SLM_MASK_FULL:
			window = window > 0 ? window / 2 + 1 : 0;
			break;
		case SLM_MASK_CAUSAL:
			break;
	}
	/* a longer one hides nothing */
	h->n_window = window < (int64_t) h->n_context ? (uint32_t) window : 0;
	if (arch->window_period > 0)
		SLM_TRY(read_optional(gguf, arch, period_key, SLM_MAX_LAYERS, arch->window_period,
							  &h->window_period, err));
	return SLM_OK;
}

/* What scores, logits and the order of a layer's steps depend on, where the file says so. */
static SlmStatus
read_steps(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	uint32_t width = h->n_layer == arch->wide_scale_layers ? h->n_embd / h->n_head : h->n_head_dim;
	uint32_t products = arch->relative == SLM_RELATIVE_DISENTANGLED ? 3 : 1; /* in a score */
	float scale = arch->attention_scale > 0.0f ? arch->attention_scale
											   : 1.0f / sqrtf((float) (products * width));
	char key[MAX_KEY];
	bool found, parallel = arch->parallel;

	SLM_TRY(read_number(gguf, arch, "attention.scale", 1.0f / SLM_MAX_CALIBRATION,
						SLM_MAX_CALIBRATION, scale, &h->attention_scale, err));
	SLM_TRY(read_window(gguf, arch, h, err));
	SLM_TRY(read_number(gguf, arch, "attn_logit_softcapping", 1.0f, SLM_MAX_CALIBRATION, 0.0f,
						&h->attention_cap, err));
	SLM_TRY(read_number(gguf, arch, "final_logit_softcapping", 1.0f, SLM_MAX_CALIBRATION, 0.0f,
						&h->logit_cap, err));
	slm_slot_name(arch, SLM_SLOT_OUTPUT, 0, "weight", key, sizeof(key));
	h->logit_scale = 1.0f;
	if (arch->scaled_logits)
		SLM_TRY(read_number(
			gguf, arch, logit_scale_key, 1.0f / SLM_MAX_CALIBRATION, SLM_MAX_CALIBRATION,
			slm_gguf_tensor(gguf, key) == NULL ? 1.0f / sqrtf((float) h->n_embd) : 1.0f,
			&h->logit_scale, err));
	key_name(arch, "use_parallel_residual", key);
	SLM_TRY(slm_gguf_get_bool(gguf, key, &found, &parallel, err));
	h->parallel = parallel;
	return SLM_OK;
}

/* An even number from 4 on. */
static SlmStatus
read_buckets(const SlmGguf *gguf, const SlmArch *arch, int64_t max, SlmHparams *h, SlmError *err)
{
	SLM_TRY(read_count(gguf, arch, relative_key, max, &h->n_bucket, err));
	if (h->n_bucket < 4 || h->n_bucket % 2 != 0)
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s.%s\" is %u, not an even number from 4 on",
						arch->name, relative_key, h->n_bucket);
	return SLM_OK;
}

/* How attention asks for distances. */
static SlmStatus
read_relative(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	switch (arch->relative)
	{
		case SLM_RELATIVE_NONE:
			break;
		case SLM_RELATIVE_BIAS:
			return read_buckets(gguf, arch, SLM_MAX_RELATIVE_BUCKETS, h, err);
		case SLM_RELATIVE_DISENTANGLED:
			SLM_TRY(read_buckets(gguf, arch, SLM_MAX_RELATIVE_ROWS, h, err));
			SLM_TRY(
				read_count(gguf, arch, reach_key, SLM_MAX_RELATIVE_REACH, &h->relative_reach, err));
			if (h->relative_reach < h->n_bucket / 4 + 2)
				return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s.%s\" is %u, but must be over %u",
								arch->name, reach_key, h->relative_reach, h->n_bucket / 4 + 1);
			if (h->n_window > 0)
				return slm_fail(err, SLM_ERR_UNSUPPORTED,
								"key \"%s.attention.sliding_window\" is not supported", arch->name);
			break;
	}
	return SLM_OK;
}

static SlmStatus
read_epsilon(const SlmGguf *gguf, const SlmArch *arch, float *out, SlmError *err)
{
	char key[MAX_KEY];
	float value = 0.0f;

	switch (arch->norm)
	{
		case SLM_NORM_LAYER:
			key_name(arch, "attention.layer_norm_epsilon", key);
			break;
		case SLM_NORM_RMS:
			key_name(arch, "attention.layer_norm_rms_epsilon", key);
			break;
		case SLM_NORM_AFFINE:
			*out = 1.0f; /* of no use to it */
			return SLM_OK;
	}
	SLM_TRY(slm_gguf_get_float(gguf, key, NULL, &value, err));
	if (!(value > 0.0f && value <= 1.0f))
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is %g, but must be above 0, at most 1",
						key, (double) value);
	*out = value;
	return SLM_OK;
}

static SlmStatus
read_pooling(const SlmGguf *gguf, const SlmArch *arch, int32_t *out, SlmError *err)
{
	char key[MAX_KEY];
	int64_t value = SLM_POOLING_UNSPECIFIED;
	bool found;

	key_name(arch, "pooling_type", key);
	SLM_TRY(slm_gguf_get_int(gguf, key, SLM_POOLING_NONE, SLM_POOLING_RANK, &found, &value, err));
	*out = (int32_t) value;
	return SLM_OK;
}

static SlmStatus
check_mask(const SlmGguf *gguf, const SlmArch *arch, SlmError *err)
{
	char key[MAX_KEY];
	bool found, causal = false;

	key_name(arch, "attention.causal", key);
	SLM_TRY(slm_gguf_get_bool(gguf, key, &found, &causal, err));
	switch (arch->mask)
	{
		case SLM_MASK_FULL:
			if (causal)
				return slm_fail(err, SLM_ERR_UNSUPPORTED,
								"key \"%s\" is true, which is not supported for \"%s\"", key,
								arch->name);
			break;
		case SLM_MASK_CAUSAL:
			if (found && !causal)
				return slm_fail(err, SLM_ERR_UNSUPPORTED,
								"key \"%s\" is false, which is not supported for \"%s\"", key,
								arch->name);
			break;
	}
	return SLM_OK;
}

/* An optional key that names an activation. */
static SlmStatus
read_activation(const SlmGguf *gguf, const SlmArch *arch, const char *suffix, SlmActivation absent,
				uint16_t *out, SlmError *err)
{
	char key[MAX_KEY], quoted[64];
	SlmActivation activation = absent;
	SlmText value = {NULL, 0};
	bool found;

	key_name(arch, suffix, key);
	SLM_TRY(slm_gguf_get_string(gguf, key, &found, &value, err));
	if (found && !slm_activation_find(value, &activation))
		return slm_fail(err, SLM_ERR_UNSUPPORTED, "key \"%s\": activation \"%s\" is not supported",
						key, slm_error_quote(quoted, sizeof(quoted), value.data, value.size));
	*out = (uint16_t) activation;
	return SLM_OK;
}

/* Of two stacks, block_count is of the one that reads, and of the other where nothing else is said. */
static SlmStatus
read_stacks(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	char key[MAX_KEY];
	int64_t token = 0;
	bool found;

	if (arch->reader == NULL)
		return SLM_OK;
	h->n_reader_layer = h->n_layer;
	SLM_TRY(read_optional(gguf, arch, stack_keys[0], SLM_MAX_LAYERS, h->n_layer, &h->n_layer, err));
	h->n_group = h->n_layer;
	key_name(arch, stack_keys[1], key);
	SLM_TRY(slm_gguf_get_int(gguf, key, 0, SLM_MAX_VOCAB - 1, &found, &token, err));
	h->start_token = (uint32_t) token;
	return SLM_OK;
}

/* Of a feed-forward block, where nothing is said. */
static SlmActivation
usual_activation(const SlmGguf *gguf, const SlmArch *arch)
{
	char name[MAX_KEY];

	if (arch->slot[SLM_SLOT_FFN_GATE].weight != SLM_OPTIONAL)
		return arch->activation;
	slm_slot_name(arch, SLM_SLOT_FFN_GATE, 0, "weight", name, sizeof(name));
	return slm_gguf_tensor(gguf, name) != NULL ? arch->gated_activation : arch->activation;
}

/* Layers, the blocks that they run, and the widths of a row. */
static SlmStatus
read_shape(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	SLM_TRY(read_count(gguf, arch, "block_count", SLM_MAX_LAYERS, &h->n_layer, err));
	SLM_TRY(read_count(gguf, arch, "context_length", SLM_MAX_CONTEXT, &h->n_context, err));
	SLM_TRY(read_count(gguf, arch, "embedding_length", SLM_MAX_EMBD, &h->n_embd, err));
	SLM_TRY(read_count(gguf, arch, "feed_forward_length", SLM_MAX_FF, &h->n_ff, err));
	h->n_group = h->n_layer;
	h->n_token_embd = h->n_embd;
	if (arch->shared_blocks)
		SLM_TRY(read_optional(gguf, arch, group_key, h->n_layer, h->n_layer, &h->n_group, err));
	h->n_inner = h->n_embd;
	if (arch->factored != SLM_FACTORED_NONE)
		SLM_TRY(read_optional(gguf, arch, token_key, h->n_embd, h->n_embd, &h->n_token_embd, err));
	if (arch->narrows)
		SLM_TRY(read_count(gguf, arch, inner_key, h->n_embd, &h->n_inner, err));
	SLM_TRY(read_stacks(gguf, arch, h, err));
	return read_activation(gguf, arch, "hidden_activation", usual_activation(gguf, arch),
						   &h->activation, err);
}

/* Experts of the feed-forward blocks, and how a row weighs those that it chooses. */
static SlmStatus
read_experts(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	bool required = arch->experts == SLM_REQUIRED, found, norm = arch->expert_norm;
	char key[MAX_KEY];
	int64_t n = 0;

	h->expert_scale = 1.0f;
	if (arch->experts == SLM_NEVER)
		return SLM_OK;
	key_name(arch, "expert_count", key);
	SLM_TRY(slm_gguf_get_int(gguf, key, required ? 1 : 0, SLM_MAX_EXPERTS, required ? NULL : &found,
							 &n, err));
	h->n_expert = (uint32_t) n;
	if (n == 0)
		return SLM_OK;
	SLM_TRY(read_count(gguf, arch, "expert_used_count", n, &h->n_expert_used, err));
	SLM_TRY(read_optional(gguf, arch, "expert_feed_forward_length", SLM_MAX_FF, h->n_ff,
						  &h->n_ff_expert, err));
	if (arch->shared_expert)
		SLM_TRY(
			read_optional(gguf, arch, shared_ff_key, SLM_MAX_FF, h->n_ff, &h->n_ff_shared, err));
	SLM_TRY(read_number(gguf, arch, "expert_weights_scale", 1.0f / SLM_MAX_CALIBRATION,
						SLM_MAX_CALIBRATION, 1.0f, &h->expert_scale, err));
	key_name(arch, "expert_weights_norm", key);
	SLM_TRY(slm_gguf_get_bool(gguf, key, &found, &norm, err));
	h->expert_norm = norm;
	return expect_count(gguf, arch, "expert_gating_func", GATING_SOFTMAX, err);
}

/* What a classification head gives classes to, and, of a text, what it reads. */
static SlmStatus
read_classes(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	static const char *const kinds[SLM_CLASS_KIND_COUNT] = {"sequence", "token"};
	int64_t pooling = arch->class_mean ? SLM_POOLING_MEAN : SLM_POOLING_CLS;
	char key[MAX_KEY], quoted[64];
	SlmText value = {NULL, 0};
	bool found;

	key_name(arch, "classifier.pooling_type", key);
	SLM_TRY(slm_gguf_get_int(gguf, key, SLM_POOLING_MEAN, SLM_POOLING_CLS, &found, &pooling, err));
	h->class_pooling = (uint16_t) pooling;
	key_name(arch, "classifier.kind", key);
	SLM_TRY(slm_gguf_get_string(gguf, key, &found, &value, err));
	h->class_kind = (uint16_t) arch->class_kind;
	if (!found)
		return SLM_OK;
	for (h->class_kind = 0; h->class_kind < SLM_CLASS_KIND_COUNT; h->class_kind++)
		if (text_is(value, kinds[h->class_kind]))
			return SLM_OK;
	return slm_fail(err, SLM_ERR_UNSUPPORTED, "key \"%s\": kind \"%s\" is not supported", key,
					slm_error_quote(quoted, sizeof(quoted), value.data, value.size));
}

/* ---- Heads --------------------------------------------------------------- */

/* The heads of which the file has a tensor or a key; all of each is then required. */
static uint32_t
find_heads(const SlmGguf *gguf, const SlmArch *arch)
{
	static const char *const parts[] = {"weight", "bias"};
	uint32_t heads = SLM_HEAD_BIT(SLM_HEAD_BODY);
	char name[MAX_KEY];

	for (int slot = 0; slot < SLM_GLOBAL_SLOTS; slot++)
		for (int part = 0; part < 2; part++)
		{
			slm_slot_name(arch, (SlmSlot) slot, 0, parts[part], name, sizeof(name));
			if (slm_gguf_tensor(gguf, name) != NULL)
				heads |= SLM_HEAD_BIT(arch->slot[slot].head);
		}
	for (size_t i = 0; i < N_CONSTANT; i++)
	{
		key_name(arch, constants[i].suffix, name);
		if (slm_gguf_find(gguf, name) != NULL)
			heads |= SLM_HEAD_BIT(constants[i].head);
	}
	key_name(arch, "extract.block_count", name);
	if (slm_gguf_find(gguf, name) != NULL)
		heads |= SLM_HEAD_BIT(SLM_HEAD_EXTRACT);
	return heads;
}

static SlmStatus
read_constants(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	char key[MAX_KEY];

	for (size_t i = 0; i < N_CONSTANT; i++)
	{
		const Constant *c = &constants[i];
		float value = c->absent;
		bool found;

		if ((h->heads & SLM_HEAD_BIT(c->head)) == 0)
			continue;
		key_name(arch, c->suffix, key);
		SLM_TRY(
			slm_gguf_get_float(gguf, key, c->need == SLM_REQUIRED ? NULL : &found, &value, err));
		if (!(value >= c->min && value <= c->max))
			return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s\" is %g, outside %g to %g", key,
							(double) value, (double) c->min, (double) c->max);
		memcpy((char *) h + c->offset, &value, sizeof(value));
	}
	return SLM_OK;
}

bool
slm_hparams_constants_valid(const SlmHparams *h)
{
	bool valid = true;

	for (size_t i = 0; i < N_CONSTANT; i++)
	{
		const Constant *c = &constants[i];
		float value;

		memcpy(&value, (const char *) h + c->offset, sizeof(value));
		if ((h->heads & SLM_HEAD_BIT(c->head)) != 0)
			valid &= value >= c->min && value <= c->max;
	}
	return valid;
}

/*
 * Rows of a table or matrix whose number stands in the tensor alone; 0 when it
 * is absent, and may be.
 */
static SlmStatus
rows_of(const SlmGguf *gguf, const SlmArch *arch, uint32_t heads, SlmSlot slot, uint64_t max,
		uint32_t *out, SlmError *err)
{
	const SlmGgufTensor *tensor;
	char name[64];

	slm_slot_name(arch, slot, 0, "weight", name, sizeof(name));
	tensor = slm_gguf_tensor(gguf, name);
	*out = 0;
	if (tensor == NULL && slm_slot_need(&arch->slot[slot], heads, 0, false) == SLM_REQUIRED)
		return slm_fail(err, SLM_ERR_CORRUPT, "tensor \"%s\" is missing", name);
	if (tensor == NULL)
		return SLM_OK;
	if (tensor->ne[1] < 1 || tensor->ne[1] > max)
		return slm_fail(err, SLM_ERR_CORRUPT, "tensor \"%s\" has %llu rows, not 1 to %llu", name,
						(unsigned long long) tensor->ne[1], (unsigned long long) max);
	*out = (uint32_t) tensor->ne[1];
	return SLM_OK;
}

/* How many layers the extraction head has, and in how many buckets distances fall there. */
static SlmStatus
read_extract_layers(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	uint32_t n_layer = 0, n_bucket;

	if ((h->heads & SLM_HEAD_BIT(SLM_HEAD_EXTRACT)) != 0)
		SLM_TRY(read_count(gguf, arch, "extract.block_count", SLM_MAX_HEAD_LAYERS, &n_layer, err));
	SLM_TRY(rows_of(gguf, arch, h->heads, SLM_SLOT_EXT_REL_BIAS, SLM_MAX_RELATIVE_BUCKETS,
					&n_bucket, err));
	if (n_bucket % 2 != 0 || n_bucket == 2)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tensor \"%s.weight\" has %u rows, not an even number from 4 on",
						arch->slot[SLM_SLOT_EXT_REL_BIAS].name, n_bucket);
	h->n_extract_layer = (uint16_t) n_layer;
	h->n_extract_bucket = (uint16_t) n_bucket;
	return SLM_OK;
}

static SlmStatus
read_heads(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *h, SlmError *err)
{
	SLM_TRY(read_activation(gguf, arch, "classifier.activation", arch->head_activation,
							&h->head_activation, err));
	SLM_TRY(read_classes(gguf, arch, h, err));
	SLM_TRY(rows_of(gguf, arch, h->heads, SLM_SLOT_CLS_OUTPUT, slm_max_classes(h->class_kind),
					&h->n_class, err));
	SLM_TRY(
		rows_of(gguf, arch, h->heads, SLM_SLOT_EXT_TOKEN, 3 * SLM_MAX_SPAN_WIDTH, &h->n_span, err));
	if (h->n_span % 3 != 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"tensor \"%s.weight\" has %u rows, not a multiple of 3",
						arch->slot[SLM_SLOT_EXT_TOKEN].name, h->n_span);
	h->n_span /= 3;
	SLM_TRY(read_extract_layers(gguf, arch, h, err));
	SLM_TRY(rows_of(gguf, arch, h->heads, SLM_SLOT_SUM_HIDDEN, SLM_MAX_SENTENCE_HIDDEN,
					&h->n_sentence_hidden, err));
	return read_constants(gguf, arch, h, err);
}

static SlmStatus
check_token_types(const SlmGguf *gguf, const SlmHparams *hparams, SlmError *err)
{
	const char *key = "tokenizer.ggml.token_type_count";
	int64_t value = hparams->n_token_type;
	bool found;

	SLM_TRY(slm_gguf_get_int(gguf, key, 0, INT64_MAX, &found, &value, err));
	if (hparams->n_token_type != 0 && value != hparams->n_token_type)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"%s\" is %lld, but tensor \"token_types.weight\" has %u rows", key,
						(long long) value, hparams->n_token_type);
	return SLM_OK;
}

SlmStatus
slm_hparams_read(const SlmGguf *gguf, const SlmArch *arch, SlmHparams *out, SlmError *err)
{
	SlmHparams h = {0};

	SLM_TRY(read_shape(gguf, arch, &h, err));
	SLM_TRY(read_experts(gguf, arch, &h, err));
	SLM_TRY(read_attention(gguf, arch, &h, err));
	SLM_TRY(read_rope(gguf, arch, &h, err));
	SLM_TRY(read_steps(gguf, arch, &h, err));
	SLM_TRY(read_relative(gguf, arch, &h, err));
	SLM_TRY(check_mask(gguf, arch, err));
	SLM_TRY(read_epsilon(gguf, arch, &h.norm_epsilon, err));
	SLM_TRY(read_pooling(gguf, arch, &h.pooling, err));
	h.heads = find_heads(gguf, arch);
	h.heads |= SLM_HEAD_BIT(h.n_expert > 0 ? SLM_HEAD_EXPERTS : SLM_HEAD_DENSE);
	SLM_TRY(rows_of(gguf, arch, h.heads, SLM_SLOT_TOKEN_EMBD, SLM_MAX_VOCAB, &h.n_vocab, err));
	SLM_TRY(expect_count(gguf, arch, "vocab_size", h.n_vocab, err));
	if (h.start_token >= h.n_vocab)
		return slm_fail(err, SLM_ERR_CORRUPT, "key \"%s.%s\" is %u of %u tokens", arch->name,
						stack_keys[1], h.start_token, h.n_vocab);
	SLM_TRY(rows_of(gguf, arch, h.heads, SLM_SLOT_TOKEN_TYPES, SLM_MAX_TOKEN_TYPES, &h.n_token_type,
					err));
	SLM_TRY(check_token_types(gguf, &h, err));
	SLM_TRY(read_heads(gguf, arch, &h, err));
	if (h.class_kind == SLM_CLASS_TOKEN && h.n_class == 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"%s.classifier.kind\" is token, but tensor \"cls.output.weight\" is "
						"missing",
						arch->name);
	if (h.pooling == SLM_POOLING_RANK && h.class_kind == SLM_CLASS_TOKEN)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"%s.pooling_type\" is %d (rank), but key \"%s.classifier.kind\" is "
						"token",
						arch->name, SLM_POOLING_RANK, arch->name);
	if (h.pooling == SLM_POOLING_RANK && h.n_class == 0)
		return slm_fail(err, SLM_ERR_CORRUPT,
						"key \"%s.pooling_type\" is %d (rank), but tensor \"cls.output.weight\" is "
						"missing",
						arch->name, SLM_POOLING_RANK);
	*out = h;
	return check_known(gguf, arch, err);
}
