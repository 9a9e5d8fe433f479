/*
 * arch.c - the table of architectures
 *
 * Tensor names, shapes and keys are llama.cpp's (gguf-py/gguf/constants.py and
 * tensor_mapping.py, and its graph builder for "bert").  The row "bert" serves
 * everything that was BERT once: BERT, DistilBERT (no token types), RoBERTa
 * and XLM-RoBERTa (one token type; the converter drops the first rows of the
 * position table), MiniLM, TinyBERT, BGE, E5.  The row "llama" serves Llama, TinyLlama,
 * SmolLM2 and Mistral; the converter has permuted its queries and keys so that the numbers
 * which rotate together are neighbours.  Gemma's norms come with their offset of 1 added.
 *
 * llama.cpp has no MPNet, ALBERT, MobileBERT and DeBERTa; their names here are those of "bert" and, for
 * MPNet's bias, T5's.
 */
#include "model/arch.h"

#include <stdio.h>

#define BODY SLM_HEAD_BODY
#define EMBD SLM_SIZE_EMBD
#define HIDDEN SLM_SIZE_SENTENCE_HIDDEN
#define REQUIRED SLM_REQUIRED
#define OPTIONAL SLM_OPTIONAL
#define NEVER SLM_NEVER
#define MATRIX SLM_SLOT_MATRIX
#define TABLE SLM_SLOT_TABLE
#define VECTOR SLM_SLOT_VECTOR

/* The heads that an encoder may have. */
#define HEAD_SLOTS                                                                                 \
	[SLM_SLOT_CLS] = {MATRIX, "cls", EMBD, EMBD, OPTIONAL, OPTIONAL, SLM_HEAD_CLASS}, OUTPUT_SLOTS
#define OUTPUT_SLOTS                                                                               \
	[SLM_SLOT_CLS_OUTPUT] = {MATRIX,   "cls.output", EMBD,          SLM_SIZE_CLASSES,              \
							 REQUIRED, OPTIONAL,     SLM_HEAD_CLASS},                              \
	[SLM_SLOT_LABEL_TEXT] = {MATRIX, "label_text", EMBD, EMBD, REQUIRED, NEVER, SLM_HEAD_LABEL},   \
	[SLM_SLOT_LABEL_NAME] = {MATRIX, "label_name", EMBD, EMBD, REQUIRED, NEVER, SLM_HEAD_LABEL},   \
	[SLM_SLOT_EXT_SHAPE] = {TABLE, "ext_shape",     EMBD, SLM_SIZE_SHAPES, REQUIRED,               \
							NEVER, SLM_HEAD_EXTRACT},                                              \
	[SLM_SLOT_EXT_LINE] = {TABLE, "ext_line",      EMBD, SLM_SIZE_LINE_PLACES, OPTIONAL,           \
						   NEVER, SLM_HEAD_EXTRACT},                                               \
	[SLM_SLOT_EXT_TOKEN_EMBD] = {MATRIX, "ext_token_embd", EMBD, EMBD, OPTIONAL,                   \
								 NEVER,  SLM_HEAD_EXTRACT},                                        \
	[SLM_SLOT_EXT_REL_BIAS] = {TABLE,    "ext_rel_b", SLM_SIZE_HEADS,  SLM_SIZE_EXTRACT_BUCKETS,   \
							   OPTIONAL, NEVER,       SLM_HEAD_EXTRACT},                           \
	[SLM_SLOT_EXT_TOKEN] = {MATRIX,   "ext_token",     EMBD, SLM_SIZE_SPANS, REQUIRED,             \
							REQUIRED, SLM_HEAD_EXTRACT},                                           \
	[SLM_SLOT_EXT_FIELD] = {MATRIX,   "ext_field",     EMBD, SLM_SIZE_SPANS, REQUIRED,             \
							REQUIRED, SLM_HEAD_EXTRACT},                                           \
	[SLM_SLOT_SUM_HIDDEN] = {MATRIX,   "sum_hidden", SLM_SIZE_SENTENCE, HIDDEN,                    \
							 REQUIRED, REQUIRED,     SLM_HEAD_SENTENCE},                           \
	[SLM_SLOT_SUM_OUTPUT] = {MATRIX,   "sum_output", HIDDEN,           SLM_SIZE_ONE,               \
							 REQUIRED, REQUIRED,     SLM_HEAD_SENTENCE}

/* A tensor that every model of an architecture has, without and with a bias. */
#define PLAIN(kind, name, n_in, n_out)                                                             \
	{                                                                                              \
		kind, name, n_in, n_out, REQUIRED, NEVER, BODY                                             \
	}
#define BIASED(kind, name, n_in, n_out)                                                            \
	{                                                                                              \
		kind, name, n_in, n_out, REQUIRED, REQUIRED, BODY                                          \
	}

/* What BERT made common: learned positions, norms behind the steps, biases everywhere. */
#define BERT_EMBEDDING_SLOTS                                                                       \
	[SLM_SLOT_TOKEN_EMBD] = PLAIN(TABLE, "token_embd", EMBD, SLM_SIZE_VOCAB),                      \
	[SLM_SLOT_POSITION_EMBD] = PLAIN(TABLE, "position_embd", EMBD, SLM_SIZE_CONTEXT),              \
	[SLM_SLOT_EMBD_NORM] = BIASED(VECTOR, "token_embd_norm", EMBD, SLM_SIZE_ONE)

#define BERT_LAYER_SLOTS                                                                           \
	[SLM_SLOT_ATTN_Q] = BIASED(MATRIX, "attn_q", EMBD, EMBD),                                      \
	[SLM_SLOT_ATTN_K] = BIASED(MATRIX, "attn_k", EMBD, EMBD),                                      \
	[SLM_SLOT_ATTN_V] = BIASED(MATRIX, "attn_v", EMBD, EMBD),                                      \
	[SLM_SLOT_ATTN_OUTPUT] = BIASED(MATRIX, "attn_output", EMBD, EMBD),                            \
	[SLM_SLOT_ATTN_OUTPUT_NORM] = BIASED(VECTOR, "attn_output_norm", EMBD, SLM_SIZE_ONE),          \
	[SLM_SLOT_FFN_UP] = BIASED(MATRIX, "ffn_up", EMBD, SLM_SIZE_FF),                               \
	[SLM_SLOT_FFN_DOWN] = BIASED(MATRIX, "ffn_down", SLM_SIZE_FF, EMBD),                           \
	[SLM_SLOT_LAYER_OUTPUT_NORM] = BIASED(VECTOR, "layer_output_norm", EMBD, SLM_SIZE_ONE)

static const SlmSlotSpec bert_slots[SLM_SLOT_COUNT] = {
	BERT_EMBEDDING_SLOTS,
	[SLM_SLOT_TOKEN_TYPES] = {TABLE, "token_types", EMBD, SLM_SIZE_TOKEN_TYPES, OPTIONAL, NEVER,
							  BODY},
	BERT_LAYER_SLOTS,
	HEAD_SLOTS,
};

static const SlmSlotSpec mpnet_slots[SLM_SLOT_COUNT] = {
	BERT_EMBEDDING_SLOTS,
	[SLM_SLOT_ATTN_REL_BIAS] = PLAIN(TABLE, "attn_rel_b", SLM_SIZE_HEADS, SLM_SIZE_BUCKETS),
	BERT_LAYER_SLOTS,
	HEAD_SLOTS,
};

static const SlmSlotSpec albert_slots[SLM_SLOT_COUNT] = {
	[SLM_SLOT_TOKEN_EMBD] = PLAIN(TABLE, "token_embd", SLM_SIZE_TOKEN, SLM_SIZE_VOCAB),
	[SLM_SLOT_POSITION_EMBD] = PLAIN(TABLE, "position_embd", SLM_SIZE_TOKEN, SLM_SIZE_CONTEXT),
	[SLM_SLOT_TOKEN_TYPES] = PLAIN(TABLE, "token_types", SLM_SIZE_TOKEN, SLM_SIZE_TOKEN_TYPES),
	[SLM_SLOT_EMBD_NORM] = BIASED(VECTOR, "token_embd_norm", SLM_SIZE_TOKEN, SLM_SIZE_ONE),
	[SLM_SLOT_EMBD_PROJ] = BIASED(MATRIX, "token_embd_proj", SLM_SIZE_TOKEN, EMBD),
	BERT_LAYER_SLOTS,
	HEAD_SLOTS,
};

/* Queries, keys and values may stand in one tensor. */
#define FUSED(tensor, name, n_in, n_out)                                                           \
	{                                                                                              \
		MATRIX, name, n_in, n_out, REQUIRED, NEVER, BODY, tensor                                   \
	}

static const SlmSlotSpec nomic_bert_slots[SLM_SLOT_COUNT] = {
	[SLM_SLOT_TOKEN_EMBD] = PLAIN(TABLE, "token_embd", EMBD, SLM_SIZE_VOCAB),
	[SLM_SLOT_TOKEN_TYPES] = PLAIN(TABLE, "token_types", EMBD, SLM_SIZE_TOKEN_TYPES),
	[SLM_SLOT_EMBD_NORM] = BIASED(VECTOR, "token_embd_norm", EMBD, SLM_SIZE_ONE),
	[SLM_SLOT_ATTN_Q] = FUSED("attn_qkv", "attn_q", EMBD, EMBD),
	[SLM_SLOT_ATTN_K] = FUSED("attn_qkv", "attn_k", EMBD, EMBD),
	[SLM_SLOT_ATTN_V] = FUSED("attn_qkv", "attn_v", EMBD, EMBD),
	[SLM_SLOT_ATTN_OUTPUT] = PLAIN(MATRIX, "attn_output", EMBD, EMBD),
	[SLM_SLOT_ATTN_OUTPUT_NORM] = BIASED(VECTOR, "attn_output_norm", EMBD, SLM_SIZE_ONE),
	[SLM_SLOT_FFN_GATE] = PLAIN(MATRIX, "ffn_gate", EMBD, SLM_SIZE_FF),
	[SLM_SLOT_FFN_UP] = PLAIN(MATRIX, "ffn_up", EMBD, SLM_SIZE_FF),
	[SLM_SLOT_FFN_DOWN] = PLAIN(MATRIX, "ffn_down", SLM_SIZE_FF, EMBD),
	[SLM_SLOT_LAYER_OUTPUT_NORM] = BIASED(VECTOR, "layer_output_norm", EMBD, SLM_SIZE_ONE),
	HEAD_SLOTS,
};

static const SlmSlotSpec modern_bert_slots[SLM_SLOT_COUNT] = {
	[SLM_SLOT_TOKEN_EMBD] = PLAIN(TABLE, "token_embd", EMBD, SLM_SIZE_VOCAB),
	[SLM_SLOT_EMBD_NORM] = PLAIN(VECTOR, "token_embd_norm", EMBD, SLM_SIZE_ONE),
	[SLM_SLOT_OUTPUT_NORM] = PLAIN(VECTOR, "output_norm", EMBD, SLM_SIZE_ONE),
	[SLM_SLOT_ATTN_NORM] = {VECTOR, "attn_norm", EMBD, SLM_SIZE_ONE, SLM_REQUIRED_LATER, NEVER,
							BODY},
	[SLM_SLOT_ATTN_Q] = FUSED("attn_qkv", "attn_q", EMBD, EMBD),
	[SLM_SLOT_ATTN_K] = FUSED("attn_qkv", "attn_k", EMBD, EMBD),
	[SLM_SLOT_ATTN_V] = FUSED("attn_qkv", "attn_v", EMBD, EMBD),
	[SLM_SLOT_ATTN_OUTPUT] = PLAIN(MATRIX, "attn_output", EMBD, EMBD),
	[SLM_SLOT_FFN_NORM] = PLAIN(VECTOR, "ffn_norm", EMBD, SLM_SIZE_ONE),
	[SLM_SLOT_FFN_GATE] = FUSED("ffn_up", "ffn_gate", EMBD, SLM_SIZE_FF),
	[SLM_SLOT_FFN_UP] = FUSED("ffn_up", "ffn_up", EMBD, SLM_SIZE_FF),
	[SLM_SLOT_FFN_DOWN] = PLAIN(MATRIX, "ffn_down", SLM_SIZE_FF, EMBD),
	[SLM_SLOT_CLS] = {MATRIX, "cls", EMBD, EMBD, REQUIRED, OPTIONAL, SLM_HEAD_CLASS},
	[SLM_SLOT_CLS_NORM] = {VECTOR, "cls.norm", EMBD, SLM_SIZE_ONE, REQUIRED, NEVER, SLM_HEAD_CLASS},
	OUTPUT_SLOTS,
};

/* All of MobileBERT's models have four feed-forward blocks in a layer. */
#define INNER SLM_SIZE_INNER
#define MORE_FFN(at, i)                                                                            \
	[at] = BIASED(MATRIX, "ffn_up_" #i, INNER, SLM_SIZE_FF),                                       \
	[(at) + 1] = BIASED(MATRIX, "ffn_down_" #i, SLM_SIZE_FF, INNER),                               \
	[(at) + 2] = BIASED(VECTOR, "ffn_norm_" #i, INNER, SLM_SIZE_ONE)

static const SlmSlotSpec mobilebert_slots[SLM_SLOT_COUNT] = {
	[SLM_SLOT_TOKEN_EMBD] = PLAIN(TABLE, "token_embd", SLM_SIZE_TOKEN, SLM_SIZE_VOCAB),
	[SLM_SLOT_POSITION_EMBD] = PLAIN(TABLE, "position_embd", EMBD, SLM_SIZE_CONTEXT),
	[SLM_SLOT_TOKEN_TYPES] = PLAIN(TABLE, "token_types", EMBD, SLM_SIZE_TOKEN_TYPES),
	[SLM_SLOT_EMBD_NORM] = BIASED(VECTOR, "token_embd_norm", EMBD, SLM_SIZE_ONE),
	[SLM_SLOT_EMBD_PROJ] = BIASED(MATRIX, "token_embd_proj", SLM_SIZE_TRIGRAM, EMBD),
	[SLM_SLOT_NARROW] = BIASED(MATRIX, "narrow", EMBD, INNER),
	[SLM_SLOT_NARROW_NORM] = BIASED(VECTOR, "narrow_norm", INNER, SLM_SIZE_ONE),
	[SLM_SLOT_NARROW_QK] = BIASED(MATRIX, "narrow_qk", EMBD, INNER),
	[SLM_SLOT_NARROW_QK_NORM] = BIASED(VECTOR, "narrow_qk_norm", INNER, SLM_SIZE_ONE),
	[SLM_SLOT_ATTN_Q] = BIASED(MATRIX, "attn_q", INNER, INNER),
	[SLM_SLOT_ATTN_K] = BIASED(MATRIX, "attn_k", INNER, INNER),
	[SLM_SLOT_ATTN_V] = BIASED(MATRIX, "attn_v", EMBD, INNER),
	[SLM_SLOT_ATTN_OUTPUT] = BIASED(MATRIX, "attn_output", INNER, INNER),
	[SLM_SLOT_ATTN_OUTPUT_NORM] = BIASED(VECTOR, "attn_output_norm", INNER, SLM_SIZE_ONE),
	MORE_FFN(SLM_SLOT_MORE_FFN, 1),
	MORE_FFN(SLM_SLOT_MORE_FFN + 3, 2),
	MORE_FFN(SLM_SLOT_MORE_FFN + 6, 3),
	[SLM_SLOT_FFN_UP] = BIASED(MATRIX, "ffn_up", INNER, SLM_SIZE_FF),
	[SLM_SLOT_FFN_DOWN] = BIASED(MATRIX, "ffn_down", SLM_SIZE_FF, INNER),
	[SLM_SLOT_LAYER_OUTPUT_NORM] = BIASED(VECTOR, "layer_output_norm", INNER, SLM_SIZE_ONE),
	[SLM_SLOT_WIDEN] = BIASED(MATRIX, "widen", INNER, EMBD),
	[SLM_SLOT_WIDEN_NORM] = BIASED(VECTOR, "widen_norm", EMBD, SLM_SIZE_ONE),
	HEAD_SLOTS,
};

static const SlmSlotSpec deberta_v2_slots[SLM_SLOT_COUNT] = {
	[SLM_SLOT_TOKEN_EMBD] = PLAIN(TABLE, "token_embd", EMBD, SLM_SIZE_VOCAB),
	[SLM_SLOT_TOKEN_TYPES] = {TABLE, "token_types", EMBD, SLM_SIZE_TOKEN_TYPES, OPTIONAL, NEVER,
							  BODY},
	[SLM_SLOT_EMBD_NORM] = BIASED(VECTOR, "token_embd_norm", EMBD, SLM_SIZE_ONE),
	[SLM_SLOT_REL_EMBD] = PLAIN(TABLE, "rel_embd", EMBD, SLM_SIZE_BUCKETS),
	[SLM_SLOT_REL_EMBD_NORM] = BIASED(VECTOR, "rel_embd_norm", EMBD, SLM_SIZE_ONE),
	BERT_LAYER_SLOTS,
	HEAD_SLOTS,
};

/*
 * Decoders, piece by piece.  Without output.weight, the embeddings are the output matrix, too;
 * so they are packed, and looked up there.  Queries, keys and values may stand in one tensor.
 */
#define EMBEDDINGS(norm_bias, output_bias)                                                         \
	[SLM_SLOT_TOKEN_EMBD] = {MATRIX, "token_embd", EMBD, SLM_SIZE_VOCAB, REQUIRED, NEVER, BODY},   \
	[SLM_SLOT_OUTPUT_NORM] =                                                                       \
		{VECTOR, "output_norm", EMBD, SLM_SIZE_ONE, REQUIRED, norm_bias, BODY},                    \
	[SLM_SLOT_OUTPUT] = {MATRIX, "output", EMBD, SLM_SIZE_VOCAB, OPTIONAL, output_bias, BODY}

#define ROPE_FACTORS(slot, name)                                                                   \
	[slot] = {VECTOR, name, SLM_SIZE_ROPE_PAIRS, SLM_SIZE_ONE, OPTIONAL, NEVER, BODY}

#define ATTENTION(norm_bias, qkv_bias, out_bias)                                                   \
	[SLM_SLOT_ATTN_NORM] = {VECTOR, "attn_norm", EMBD, SLM_SIZE_ONE, REQUIRED, norm_bias, BODY},   \
	[SLM_SLOT_ATTN_Q] = {MATRIX,   "attn_q", EMBD, SLM_SIZE_QUERIES,                               \
						 REQUIRED, qkv_bias, BODY, "attn_qkv"},                                    \
	[SLM_SLOT_ATTN_K] = {MATRIX,   "attn_k", EMBD, SLM_SIZE_KEYS,                                  \
						 REQUIRED, qkv_bias, BODY, "attn_qkv"},                                    \
	[SLM_SLOT_ATTN_V] = {MATRIX,   "attn_v", EMBD, SLM_SIZE_KEYS,                                  \
						 REQUIRED, qkv_bias, BODY, "attn_qkv"},                                    \
	[SLM_SLOT_ATTN_OUTPUT] = {MATRIX,   "attn_output", SLM_SIZE_QUERIES, EMBD, REQUIRED,           \
							  out_bias, BODY}

#define HEAD_NORMS                                                                                 \
	[SLM_SLOT_ATTN_Q_NORM] = {VECTOR,   "attn_q_norm", SLM_SIZE_HEAD, SLM_SIZE_ONE,                \
							  REQUIRED, NEVER,         BODY},                                      \
	[SLM_SLOT_ATTN_K_NORM] = {VECTOR,   "attn_k_norm", SLM_SIZE_HEAD, SLM_SIZE_ONE,                \
							  REQUIRED, NEVER,         BODY}

#define FFN_NORM(need, norm_bias)                                                                  \
	[SLM_SLOT_FFN_NORM] = {VECTOR, "ffn_norm", EMBD, SLM_SIZE_ONE, need, norm_bias, BODY}

#define FEED_FORWARD(bias)                                                                         \
	[SLM_SLOT_FFN_UP] = {MATRIX, "ffn_up", EMBD, SLM_SIZE_FF, REQUIRED, bias, BODY},               \
	[SLM_SLOT_FFN_DOWN] = {MATRIX, "ffn_down", SLM_SIZE_FF, EMBD, REQUIRED, bias, BODY}

/* With a gate, which may stand in one tensor with what it gates, before it. */
#define GATED_FEED_FORWARD                                                                         \
	[SLM_SLOT_FFN_GATE] = {MATRIX,   "ffn_gate", EMBD,           SLM_SIZE_FF,                      \
						   REQUIRED, NEVER,      SLM_HEAD_DENSE, "ffn_up"},                        \
	[SLM_SLOT_FFN_UP] = {MATRIX,   "ffn_up", EMBD,           SLM_SIZE_FF,                          \
						 REQUIRED, NEVER,    SLM_HEAD_DENSE, "ffn_up"},                            \
	[SLM_SLOT_FFN_DOWN] = {MATRIX, "ffn_down", SLM_SIZE_FF, EMBD, REQUIRED, NEVER, SLM_HEAD_DENSE}

/* The same of experts, and of one that all rows run. */
#define EXPERT(kind, name, n_in, n_out)                                                            \
	{                                                                                              \
		kind, name, n_in, n_out, REQUIRED, NEVER, SLM_HEAD_EXPERTS                                 \
	}
#define EXPERTS                                                                                    \
	[SLM_SLOT_FFN_ROUTER] = EXPERT(MATRIX, "ffn_gate_inp", EMBD, SLM_SIZE_EXPERTS),                \
	[SLM_SLOT_FFN_GATE_EXPERTS] =                                                                  \
		EXPERT(SLM_SLOT_EXPERTS, "ffn_gate_exps", EMBD, SLM_SIZE_EXPERT_FF),                       \
	[SLM_SLOT_FFN_UP_EXPERTS] = EXPERT(SLM_SLOT_EXPERTS, "ffn_up_exps", EMBD, SLM_SIZE_EXPERT_FF), \
	[SLM_SLOT_FFN_DOWN_EXPERTS] =                                                                  \
		EXPERT(SLM_SLOT_EXPERTS, "ffn_down_exps", SLM_SIZE_EXPERT_FF, EMBD)
#define SHARED_EXPERT                                                                              \
	[SLM_SLOT_FFN_SHARE_SHARED] = EXPERT(VECTOR, "ffn_gate_inp_shexp", EMBD, SLM_SIZE_ONE),        \
	[SLM_SLOT_FFN_GATE_SHARED] = EXPERT(MATRIX, "ffn_gate_shexp", EMBD, SLM_SIZE_SHARED_FF),       \
	[SLM_SLOT_FFN_UP_SHARED] = EXPERT(MATRIX, "ffn_up_shexp", EMBD, SLM_SIZE_SHARED_FF),           \
	[SLM_SLOT_FFN_DOWN_SHARED] = EXPERT(MATRIX, "ffn_down_shexp", SLM_SIZE_SHARED_FF, EMBD)

/* What Llama made common: norms without mean, rotations, heads that share keys, a gate. */
#define LLAMA_SLOTS(qkv_bias, out_bias)                                                            \
	EMBEDDINGS(NEVER, NEVER), ROPE_FACTORS(SLM_SLOT_ROPE_FREQS, "rope_freqs"),                     \
		ATTENTION(NEVER, qkv_bias, out_bias), FFN_NORM(REQUIRED, NEVER), GATED_FEED_FORWARD

#define NORMS_AROUND                                                                               \
	[SLM_SLOT_ATTN_OUTPUT_NORM] = {VECTOR,   "post_attention_norm",                                \
								   EMBD,     SLM_SIZE_ONE,                                         \
								   REQUIRED, NEVER,                                                \
								   BODY},                                                          \
	[SLM_SLOT_LAYER_OUTPUT_NORM] = {VECTOR,   "post_ffw_norm", EMBD, SLM_SIZE_ONE,                 \
									REQUIRED, NEVER,           BODY}

static const SlmSlotSpec llama_slots[SLM_SLOT_COUNT] = {LLAMA_SLOTS(OPTIONAL, OPTIONAL), EXPERTS};
static const SlmSlotSpec qwen2_slots[SLM_SLOT_COUNT] = {LLAMA_SLOTS(REQUIRED, NEVER)};
static const SlmSlotSpec qwen3_slots[SLM_SLOT_COUNT] = {LLAMA_SLOTS(NEVER, NEVER), HEAD_NORMS};
static const SlmSlotSpec qwen2moe_slots[SLM_SLOT_COUNT] = {LLAMA_SLOTS(REQUIRED, NEVER), EXPERTS,
														   SHARED_EXPERT};
static const SlmSlotSpec qwen3moe_slots[SLM_SLOT_COUNT] = {LLAMA_SLOTS(NEVER, NEVER), HEAD_NORMS,
														   EXPERTS};
static const SlmSlotSpec gemma_slots[SLM_SLOT_COUNT] = {LLAMA_SLOTS(NEVER, NEVER)};
static const SlmSlotSpec gemma2_slots[SLM_SLOT_COUNT] = {LLAMA_SLOTS(NEVER, NEVER), NORMS_AROUND};
static const SlmSlotSpec gemma3_slots[SLM_SLOT_COUNT] = {LLAMA_SLOTS(NEVER, NEVER), NORMS_AROUND,
														 HEAD_NORMS};
static const SlmSlotSpec phi3_slots[SLM_SLOT_COUNT] = {
	LLAMA_SLOTS(NEVER, NEVER),
	ROPE_FACTORS(SLM_SLOT_ROPE_LONG, "rope_factors_long"),
	ROPE_FACTORS(SLM_SLOT_ROPE_SHORT, "rope_factors_short"),
};
static const SlmSlotSpec phi2_slots[SLM_SLOT_COUNT] = {EMBEDDINGS(REQUIRED, OPTIONAL),
													   ATTENTION(REQUIRED, REQUIRED, REQUIRED),
													   FEED_FORWARD(REQUIRED)};
static const SlmSlotSpec stablelm_slots[SLM_SLOT_COUNT] = {
	EMBEDDINGS(REQUIRED, NEVER), ATTENTION(REQUIRED, OPTIONAL, NEVER), FFN_NORM(OPTIONAL, OPTIONAL),
	GATED_FEED_FORWARD};
static const SlmSlotSpec gpt2_slots[SLM_SLOT_COUNT] = {
	EMBEDDINGS(REQUIRED, NEVER),
	[SLM_SLOT_POSITION_EMBD] = {TABLE, "position_embd", EMBD, SLM_SIZE_CONTEXT, REQUIRED, NEVER,
								BODY},
	ATTENTION(REQUIRED, REQUIRED, REQUIRED),
	FFN_NORM(REQUIRED, REQUIRED),
	FEED_FORWARD(REQUIRED),
};
static const SlmSlotSpec starcoder2_slots[SLM_SLOT_COUNT] = {
	EMBEDDINGS(REQUIRED, NEVER), ATTENTION(REQUIRED, OPTIONAL, OPTIONAL),
	FFN_NORM(REQUIRED, REQUIRED), FEED_FORWARD(OPTIONAL)};

/*
 * T5's two stacks.  Each layer may have numbers for distances of its own (UMT5); in most models all
 * layers have the first one's.
 */
#define T5_STACK(output_norm)                                                                      \
	[SLM_SLOT_TOKEN_EMBD] = PLAIN(MATRIX, "token_embd", EMBD, SLM_SIZE_VOCAB),                     \
	[SLM_SLOT_OUTPUT_NORM] = PLAIN(VECTOR, output_norm, EMBD, SLM_SIZE_ONE),                       \
	[SLM_SLOT_ATTN_NORM] = PLAIN(VECTOR, "attn_norm", EMBD, SLM_SIZE_ONE),                         \
	[SLM_SLOT_ATTN_Q] = PLAIN(MATRIX, "attn_q", EMBD, SLM_SIZE_QUERIES),                           \
	[SLM_SLOT_ATTN_K] = PLAIN(MATRIX, "attn_k", EMBD, SLM_SIZE_KEYS),                              \
	[SLM_SLOT_ATTN_V] = PLAIN(MATRIX, "attn_v", EMBD, SLM_SIZE_KEYS),                              \
	[SLM_SLOT_ATTN_OUTPUT] = PLAIN(MATRIX, "attn_o", SLM_SIZE_QUERIES, EMBD),                      \
	[SLM_SLOT_LAYER_REL_BIAS] =                                                                    \
		{TABLE, "attn_rel_b", SLM_SIZE_HEADS, SLM_SIZE_BUCKETS, SLM_REQUIRED_FIRST, NEVER, BODY},  \
	[SLM_SLOT_FFN_NORM] = PLAIN(VECTOR, "ffn_norm", EMBD, SLM_SIZE_ONE),                           \
	[SLM_SLOT_FFN_GATE] = {MATRIX, "ffn_gate", EMBD, SLM_SIZE_FF, OPTIONAL, NEVER, BODY},          \
	FEED_FORWARD(NEVER)

static const SlmSlotSpec t5_encoder_slots[SLM_SLOT_COUNT] = {
	T5_STACK("enc.output_norm"),
	[SLM_SLOT_DENSE] = {MATRIX, "dense_2", EMBD, EMBD, OPTIONAL, OPTIONAL, BODY},
};
static const SlmSlotSpec t5_decoder_slots[SLM_SLOT_COUNT] = {
	T5_STACK("dec.output_norm"),
	[SLM_SLOT_OUTPUT] = {MATRIX, "output", EMBD, SLM_SIZE_VOCAB, OPTIONAL, NEVER, BODY},
	[SLM_SLOT_CROSS_NORM] = PLAIN(VECTOR, "cross_attn_norm", EMBD, SLM_SIZE_ONE),
	[SLM_SLOT_CROSS_Q] = PLAIN(MATRIX, "cross_attn_q", EMBD, SLM_SIZE_QUERIES),
	[SLM_SLOT_CROSS_K] = PLAIN(MATRIX, "cross_attn_k", EMBD, SLM_SIZE_KEYS),
	[SLM_SLOT_CROSS_V] = PLAIN(MATRIX, "cross_attn_v", EMBD, SLM_SIZE_KEYS),
	[SLM_SLOT_CROSS_OUTPUT] = PLAIN(MATRIX, "cross_attn_o", SLM_SIZE_QUERIES, EMBD),
};

/* What all rows of decoders say. */
#define DECODER(its_name, its_norm, its_place, its_position, its_activation, its_slots)            \
	.name = its_name, .norm = its_norm, .norm_place = its_place, .position = its_position,         \
	.mask = SLM_MASK_CAUSAL, .grouped = true, .activation = its_activation, .slot = its_slots

/* What both of T5's stacks say. */
#define T5(its_mask, its_slots)                                                                    \
	.norm = SLM_NORM_RMS, .norm_place = SLM_NORM_PRE, .position = SLM_POSITION_NONE,               \
	.relative = SLM_RELATIVE_BIAS, .relative_reach = 128, .mask = its_mask, .grouped = true,       \
	.attention_scale = 1.0f, .activation = SLM_ACTIVATION_RELU,                                    \
	.gated_activation = SLM_ACTIVATION_GELU_TANH, .slot = its_slots

static const SlmArch t5_reader = {
	.name = "t5",
	.blocks = "enc.blk",
	T5(SLM_MASK_FULL, t5_encoder_slots),
};

static const SlmArch table[] = {
	{
		.name = "bert",
		.norm = SLM_NORM_LAYER,
		.norm_place = SLM_NORM_POST,
		.position = SLM_POSITION_LEARNED,
		.mask = SLM_MASK_FULL,
		.activation = SLM_ACTIVATION_GELU_ERF,
		.head_activation = SLM_ACTIVATION_TANH,
		.class_kind = SLM_CLASS_SEQUENCE,
		.slot = bert_slots,
	},
	{
		.name = "mpnet",
		.norm = SLM_NORM_LAYER,
		.norm_place = SLM_NORM_POST,
		.position = SLM_POSITION_LEARNED,
		.relative = SLM_RELATIVE_BIAS,
		.relative_reach = 128,
		.mask = SLM_MASK_FULL,
		.activation = SLM_ACTIVATION_GELU_ERF,
		.head_activation = SLM_ACTIVATION_TANH,
		.class_kind = SLM_CLASS_SEQUENCE,
		.slot = mpnet_slots,
	},
	{
		.name = "albert",
		.norm = SLM_NORM_LAYER,
		.norm_place = SLM_NORM_POST,
		.position = SLM_POSITION_LEARNED,
		.mask = SLM_MASK_FULL,
		.factored = SLM_FACTORED_TABLES,
		.shared_blocks = true,
		.activation = SLM_ACTIVATION_GELU_TANH,
		.head_activation = SLM_ACTIVATION_TANH,
		.class_kind = SLM_CLASS_SEQUENCE,
		.slot = albert_slots,
	},
	{
		.name = "nomic-bert",
		.norm = SLM_NORM_LAYER,
		.norm_place = SLM_NORM_POST,
		.position = SLM_POSITION_ROPE_HALVES,
		.mask = SLM_MASK_FULL,
		.activation = SLM_ACTIVATION_SILU,
		.head_activation = SLM_ACTIVATION_TANH,
		.class_kind = SLM_CLASS_SEQUENCE,
		.slot = nomic_bert_slots,
	},
	{
		.name = "modern-bert",
		.norm = SLM_NORM_LAYER,
		.norm_place = SLM_NORM_PRE,
		.position = SLM_POSITION_ROPE_HALVES,
		.mask = SLM_MASK_FULL,
		.window_period = 3,
		.window_last = true,
		.window_rope_base = 10000.0f,
		.activation = SLM_ACTIVATION_GELU_ERF,
		.head_activation = SLM_ACTIVATION_GELU_ERF,
		.class_kind = SLM_CLASS_SEQUENCE,
		.class_mean = true,
		.slot = modern_bert_slots,
	},
	{
		.name = "mobilebert",
		.norm = SLM_NORM_AFFINE,
		.norm_place = SLM_NORM_POST,
		.position = SLM_POSITION_LEARNED,
		.mask = SLM_MASK_FULL,
		.factored = SLM_FACTORED_TRIGRAM,
		.narrows = true,
		.activation = SLM_ACTIVATION_RELU,
		.head_activation = SLM_ACTIVATION_TANH,
		.class_kind = SLM_CLASS_SEQUENCE,
		.slot = mobilebert_slots,
	},
	{
		.name = "deberta-v2",
		.norm = SLM_NORM_LAYER,
		.norm_place = SLM_NORM_POST,
		.position = SLM_POSITION_NONE,
		.relative = SLM_RELATIVE_DISENTANGLED,
		.mask = SLM_MASK_FULL,
		.activation = SLM_ACTIVATION_GELU_ERF,
		.head_activation = SLM_ACTIVATION_GELU_ERF,
		.class_kind = SLM_CLASS_SEQUENCE,
		.slot = deberta_v2_slots,
	},
	{
		.name = "t5encoder",
		.blocks = "enc.blk",
		T5(SLM_MASK_FULL, t5_encoder_slots),
	},
	{
		.name = "t5",
		.reader = &t5_reader,
		.blocks = "dec.blk",
		.scaled_logits = true,
		T5(SLM_MASK_CAUSAL, t5_decoder_slots),
	},
	{
		DECODER("llama", SLM_NORM_RMS, SLM_NORM_PRE, SLM_POSITION_ROPE_NEIGHBOURS,
				SLM_ACTIVATION_SILU, llama_slots),
		.experts = SLM_OPTIONAL,
		.expert_norm = true,
	},
	{DECODER("qwen2", SLM_NORM_RMS, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES, SLM_ACTIVATION_SILU,
			 qwen2_slots)},
	{DECODER("qwen3", SLM_NORM_RMS, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES, SLM_ACTIVATION_SILU,
			 qwen3_slots)},
	{
		DECODER("qwen2moe", SLM_NORM_RMS, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES,
				SLM_ACTIVATION_SILU, qwen2moe_slots),
		.experts = SLM_REQUIRED,
		.shared_expert = true,
	},
	{
		DECODER("qwen3moe", SLM_NORM_RMS, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES,
				SLM_ACTIVATION_SILU, qwen3moe_slots),
		.experts = SLM_REQUIRED,
		.expert_norm = true,
	},
	{DECODER("phi3", SLM_NORM_RMS, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES, SLM_ACTIVATION_SILU,
			 phi3_slots)},
	{DECODER("stablelm", SLM_NORM_LAYER, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES,
			 SLM_ACTIVATION_SILU, stablelm_slots)},
	{DECODER("gpt2", SLM_NORM_LAYER, SLM_NORM_PRE, SLM_POSITION_LEARNED, SLM_ACTIVATION_GELU_TANH,
			 gpt2_slots)},
	{DECODER("starcoder2", SLM_NORM_LAYER, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES,
			 SLM_ACTIVATION_GELU_TANH, starcoder2_slots)},
	{
		DECODER("phi2", SLM_NORM_LAYER, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES,
				SLM_ACTIVATION_GELU_TANH, phi2_slots),
		.parallel = true,
	},
	{
		DECODER("gemma", SLM_NORM_RMS, SLM_NORM_PRE, SLM_POSITION_ROPE_HALVES,
				SLM_ACTIVATION_GELU_TANH, gemma_slots),
		.scaled_embedding = true,
	},
	{
		DECODER("gemma2", SLM_NORM_RMS, SLM_NORM_AROUND, SLM_POSITION_ROPE_HALVES,
				SLM_ACTIVATION_GELU_TANH, gemma2_slots),
		.scaled_embedding = true,
		.window_period = 2,
		.wide_scale_layers = 46,
	},
	{
		DECODER("gemma3", SLM_NORM_RMS, SLM_NORM_AROUND, SLM_POSITION_ROPE_HALVES,
				SLM_ACTIVATION_GELU_TANH, gemma3_slots),
		.scaled_embedding = true,
		.window_period = 6,
		.window_rope_base = 10000.0f,
		.wide_scale_layers = 62,
	},
};

#define N_ARCH (sizeof(table) / sizeof(table[0]))

const SlmArch *
slm_arch_find(SlmText name)
{
	for (size_t i = 0; i < N_ARCH; i++)
		if (strlen(table[i].name) == name.size && memcmp(table[i].name, name.data, name.size) == 0)
			return &table[i];
	return NULL;
}

bool
slm_activation_find(SlmText name, SlmActivation *out)
{
	static const struct
	{
		const char *name;
		SlmActivation activation;
	} known[] = {
		{"gelu", SLM_ACTIVATION_GELU_ERF},
		{"gelu_tanh", SLM_ACTIVATION_GELU_TANH},
		{"gelu_new", SLM_ACTIVATION_GELU_TANH},
		{"gelu_fast", SLM_ACTIVATION_GELU_TANH},
		{"gelu_pytorch_tanh", SLM_ACTIVATION_GELU_TANH},
		{"silu", SLM_ACTIVATION_SILU},
		{"swish", SLM_ACTIVATION_SILU},
		{"tanh", SLM_ACTIVATION_TANH},
		{"relu", SLM_ACTIVATION_RELU},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == name.size && memcmp(known[i].name, name.data, name.size) == 0)
		{
			*out = known[i].activation;
			return true;
		}
	return false;
}

void
slm_slot_name(const SlmArch *arch, SlmSlot slot, int block, const char *part, char *out,
			  size_t size)
{
	if (slot < SLM_GLOBAL_SLOTS)
		snprintf(out, size, "%s.%s", arch->slot[slot].name, part);
	else
		snprintf(out, size, "%s.%d.%s.%s", slm_arch_blocks(arch), block, arch->slot[slot].name,
				 part);
}
