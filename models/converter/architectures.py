"""Architectures as rows: what model types of Hugging Face's become, and how their tensors are called."""

import re

from . import keys
from .source import ConvertError

# ---- Decoders --------------------------------------------------------------------------

# Names of tensors, those of a layer without its prefix.
DECODER_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
GEMMA2_NAMES = {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
PHI2_NAMES = {"model.final_layernorm": "output_norm", "self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down"}
GPT2_NAMES = {
    "wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm", "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output", "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}
EXPERT_NAMES = {
    "block_sparse_moe.gate": "ffn_gate_inp", "mlp.gate": "ffn_gate_inp",
    "block_sparse_moe.experts.w1": "ffn_gate_exps", "mlp.experts.gate_proj": "ffn_gate_exps",
    "block_sparse_moe.experts.w3": "ffn_up_exps", "mlp.experts.up_proj": "ffn_up_exps",
    "block_sparse_moe.experts.w2": "ffn_down_exps", "mlp.experts.down_proj": "ffn_down_exps",
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp", "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp", "mlp.shared_expert.down_proj": "ffn_down_shexp",
}
GELU_TANH = ("gelu_pytorch_tanh", "gelu_new", "gelu_fast")


class Decoder:
    """How a model that continues texts becomes one of our architectures."""

    def __init__(self, arch, names=None, activations=("silu",), permuted=False, offset=0.0, rms=True, windows=False, window_period=0,
                 transposed=(), experts=False):
        self.arch = arch
        self.names = {**DECODER_NAMES, **(names or {})}
        self.activations = activations
        self.permuted = permuted  # queries and keys
        self.offset = offset  # what norms lack
        self.rms = rms  # norms without a mean
        self.windows = windows  # sliding_window is in force
        self.window_period = window_period  # but for one layer of so many; 0: in all
        self.transposed = transposed  # matrices that stand the other way round
        self.experts = experts  # feed-forward blocks have some


DECODERS = {
    "llama": Decoder("llama", permuted=True),
    "mistral": Decoder("llama", permuted=True, windows=True),
    "mixtral": Decoder("llama", EXPERT_NAMES, permuted=True, windows=True, experts=True),
    "qwen2": Decoder("qwen2"),
    "qwen2_moe": Decoder("qwen2moe", EXPERT_NAMES, experts=True),
    "qwen3": Decoder("qwen3"),
    "qwen3_moe": Decoder("qwen3moe", EXPERT_NAMES, experts=True),
    "phi3": Decoder("phi3", {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"}, windows=True),
    "phi": Decoder("phi2", PHI2_NAMES, GELU_TANH, rms=False),
    "gemma": Decoder("gemma", activations=("gelu", *GELU_TANH), offset=1.0),
    "gemma2": Decoder("gemma2", GEMMA2_NAMES, GELU_TANH, offset=1.0, windows=True, window_period=2),
    "gemma3_text": Decoder("gemma3", GEMMA2_NAMES, GELU_TANH, offset=1.0, windows=True, window_period=6),
    "stablelm": Decoder("stablelm", rms=False),
    "gpt2": Decoder("gpt2", GPT2_NAMES, GELU_TANH, rms=False, transposed=("attn_qkv", "attn_output", "ffn_up", "ffn_down")),
    "starcoder2": Decoder("starcoder2", {"mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}, GELU_TANH, rms=False, windows=True),
}


def decoder_name(kind, name):
    """Our name of a decoder's tensor; None for one that is left out on purpose.  All experts have one."""
    stem, _, suffix = re.sub(r"\.experts\.\d+\.", ".experts.", name.removeprefix("transformer.")).rpartition(".")
    layer = re.match(r"(?:model\.layers|layers|h)\.(\d+)\.(.+)$", stem)
    # a model of embeddings is stored without the one that writes around it
    ours = kind.names.get(layer[2]) if layer else kind.names.get(stem, kind.names.get(f"model.{stem}"))
    if ours:
        return f"blk.{layer[1]}.{ours}.{suffix}" if layer else f"{ours}.{suffix}"
    if name.endswith(("rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias")):
        return None
    raise ConvertError(f'unexpected tensor "{name}"')


# ---- T5: a stack that reads, and one that writes -------------------------------------------

T5_TYPES = ("t5", "mt5", "umt5")
T5_STACKS = {"encoder": "enc", "decoder": "dec"}
T5_NAMES = {
    "SelfAttention.q": "attn_q",
    "SelfAttention.k": "attn_k",
    "SelfAttention.v": "attn_v",
    "SelfAttention.o": "attn_o",
    "SelfAttention.relative_attention_bias": "attn_rel_b",
    "EncDecAttention.q": "cross_attn_q",
    "EncDecAttention.k": "cross_attn_k",
    "EncDecAttention.v": "cross_attn_v",
    "EncDecAttention.o": "cross_attn_o",
    "DenseReluDense.wi": "ffn_up",
    "DenseReluDense.wi_0": "ffn_gate",
    "DenseReluDense.wi_1": "ffn_up",
    "DenseReluDense.wo": "ffn_down",
}
# The norm before each of a block's steps; a stack that only reads has no second step.
T5_NORMS = {"encoder": ("attn_norm", "ffn_norm"), "decoder": ("attn_norm", "cross_attn_norm", "ffn_norm")}


def t5_name(name):
    """Our name of a tensor of T5's; None for one that nobody reads, or that is another one again."""
    stem, _, suffix = name.rpartition(".")
    if stem in ("shared", "lm_head"):
        return {"shared": "token_embd.weight", "lm_head": "output.weight"}[stem]
    if stem.endswith((".embed_tokens", ".EncDecAttention.relative_attention_bias")):
        return None
    parts = re.match(r"(encoder|decoder)\.(?:final_layer_norm$|block\.(\d+)\.layer\.(\d)\.(.+)$)", stem)
    if parts and parts[2] is None:
        return f"{T5_STACKS[parts[1]]}.output_norm.{suffix}"
    if parts:
        ours = T5_NORMS[parts[1]][int(parts[3])] if parts[4] == "layer_norm" else T5_NAMES.get(parts[4])
        if ours:
            return f"{T5_STACKS[parts[1]]}.blk.{parts[2]}.{ours}.{suffix}"
    raise ConvertError(f'unexpected tensor "{name}"')


# ---- Encoders --------------------------------------------------------------------------

LAYER_NAMES = {
    # BERT, RoBERTa, XLM-RoBERTa
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
    # DistilBERT
    "attention.q_lin": "attn_q",
    "attention.k_lin": "attn_k",
    "attention.v_lin": "attn_v",
    "attention.out_lin": "attn_output",
    "sa_layer_norm": "attn_output_norm",
    "ffn.lin1": "ffn_up",
    "ffn.lin2": "ffn_down",
    "output_layer_norm": "layer_output_norm",
    # MPNet
    "attention.attn.q": "attn_q",
    "attention.attn.k": "attn_k",
    "attention.attn.v": "attn_v",
    "attention.attn.o": "attn_output",
    "attention.LayerNorm": "attn_output_norm",
    # ALBERT
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.dense": "attn_output",
    "ffn": "ffn_up",
    "ffn_output": "ffn_down",
    "full_layer_layer_norm": "layer_output_norm",
    # Nomic BERT
    "attn.Wqkv": "attn_qkv",
    "attn.out_proj": "attn_output",
    "norm1": "attn_output_norm",
    "mlp.fc11": "ffn_up",
    "mlp.fc12": "ffn_gate",
    "mlp.fc2": "ffn_down",
    "norm2": "layer_output_norm",
    # ModernBERT
    "attn_norm": "attn_norm",
    "attn.Wo": "attn_output",
    "mlp_norm": "ffn_norm",
    "mlp.Wi": "ffn_up",
    "mlp.Wo": "ffn_down",
    # DeBERTa
    "attention.self.query_proj": "attn_q",
    "attention.self.key_proj": "attn_k",
    "attention.self.value_proj": "attn_v",
    # MobileBERT
    "bottleneck.input.dense": "narrow",
    "bottleneck.input.LayerNorm": "narrow_norm",
    "bottleneck.attention.dense": "narrow_qk",
    "bottleneck.attention.LayerNorm": "narrow_qk_norm",
    "output.bottleneck.dense": "widen",
    "output.bottleneck.LayerNorm": "widen_norm",
    **{
        f"ffn.{i}.{theirs}": f"{ours}_{i + 1}"
        for i in range(3)
        for theirs, ours in (("intermediate.dense", "ffn_up"), ("output.dense", "ffn_down"), ("output.LayerNorm", "ffn_norm"))
    },
}

# Where the layers are.
LAYERS = re.compile(
    r"(?:(?:encoder\.)?layers?|transformer\.layer|encoder\.albert_layer_groups)\.(\d+)\.(?:albert_layers\.0\.)?(.+)$"
)

TABLE_NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.LayerNorm": "token_embd_norm",
    "emb_ln": "token_embd_norm",
    "embeddings.tok_embeddings": "token_embd",
    "embeddings.norm": "token_embd_norm",
    "final_norm": "output_norm",
    "encoder.embedding_hidden_mapping_in": "token_embd_proj",
    "embeddings.embedding_transformation": "token_embd_proj",
    "encoder.relative_attention_bias": "attn_rel_b",
    "encoder.rel_embeddings": "rel_embd",
    "encoder.LayerNorm": "rel_embd_norm",
}


# The head's two steps, hidden and output.
POOLER_HEAD = {"pooler.dense": "cls", "classifier": "cls.output"}
MODERN_HEAD = {"head.dense": "cls", "head.norm": "cls.norm", "classifier": "cls.output"}
DISTIL_HEAD = {"pre_classifier": "cls", "classifier": "cls.output"}
ALBERT_HEAD = {"pooler": "cls", "classifier": "cls.output"}
ROBERTA_HEAD = {"classifier.dense": "cls", "classifier.out_proj": "cls.output"}
# One that labels tokens is one step in most of them.
TOKEN_HEAD = {"classifier": "cls.output"}


class Encoder:
    """How an encoder becomes one of our architectures."""

    def __init__(self, arch, head, activation="gelu", head_activation="tanh", token_head=TOKEN_HEAD, padding=None, keys=None):
        self.arch = arch
        self.head = head  # names of a head for sequences
        self.activation = activation  # of the feed-forward block, without being told
        self.head_activation = head_activation  # what stands between the head's steps
        self.token_head = token_head  # names of a head that labels tokens
        self.padding = padding  # where the padding token stands that positions are counted from; None: they start at the first row
        self.keys = keys  # writes keys of this architecture


ENCODERS = {
    "bert": Encoder("bert", POOLER_HEAD),
    "distilbert": Encoder("bert", DISTIL_HEAD, head_activation="relu"),
    "roberta": Encoder("bert", ROBERTA_HEAD, padding="config"),
    "xlm-roberta": Encoder("bert", ROBERTA_HEAD, padding="config"),
    "mpnet": Encoder("mpnet", ROBERTA_HEAD, padding=1, keys=keys.mpnet),
    "albert": Encoder("albert", ALBERT_HEAD, "gelu_new", keys=keys.albert),
    "nomic_bert": Encoder("nomic-bert", POOLER_HEAD, "silu", keys=keys.nomic),
    "modernbert": Encoder("modern-bert", MODERN_HEAD, head_activation="gelu", token_head=MODERN_HEAD, keys=keys.modern),
    "mobilebert": Encoder("mobilebert", POOLER_HEAD, "relu", keys=keys.mobile),
    "deberta-v2": Encoder("deberta-v2", POOLER_HEAD, head_activation="gelu", keys=keys.deberta),
}
# Names of activations that a gate is a part of.
GATED = {"swiglu": "silu", "geglu": "gelu"}


# Where a configuration calls a number otherwise than most do.
ALIASES = {
    "num_hidden_layers": ("n_layers", "n_layer"),
    "hidden_size": ("dim", "n_embd"),
    "intermediate_size": ("hidden_dim", "n_inner"),
    "num_attention_heads": ("n_heads", "n_head"),
    "max_position_embeddings": ("n_positions",),
    "hidden_act": ("activation", "activation_function", "hidden_activation"),
    "layer_norm_eps": ("layer_norm_epsilon", "norm_eps"),
}


# Tensors of heads follow those of the encoder.
HEAD_TENSORS = ("cls", "label_", "ext_", "sum_")

# Heads and poolers of other training tasks.
IGNORED = re.compile(
    r"^(cls\.|lm_head\.|lm_predictions\.|mask_predictions\.|vocab_|predictions\.|sop_classifier\.|head\.|decoder\.|pooler\.|qa_outputs\.|classifier\.|pre_classifier\.)|(^|\.)position_ids$"
)


def gguf_name(name, head_names):
    """Our name of a tensor; None for one that is left out on purpose."""
    name = re.sub(r"^(bert|roberta|distilbert|mpnet|albert|nomic_bert|mobilebert|deberta|model)\.", "", name)
    name = re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", name))
    stem, _, suffix = name.rpartition(".")
    if stem in head_names:
        return f"{head_names[stem]}.{suffix}"
    if stem in TABLE_NAMES:
        return f"{TABLE_NAMES[stem]}.{suffix}"
    layer = LAYERS.match(stem)
    if layer and layer[2] in LAYER_NAMES:
        return f"blk.{layer[1]}.{LAYER_NAMES[layer[2]]}.{suffix}"
    if IGNORED.search(name):
        return None
    raise ConvertError(f'unexpected tensor "{name}"')
