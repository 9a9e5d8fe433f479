"""Keys of the file that follow from a configuration, beyond those that every model has."""

import math

from .source import ConvertError

POOLING = {"mean": 1, "cls": 2, "last": 3, "rank": 4}


def first_of(config, *names, default=None):
    """The value of the first of these keys that is there."""
    return next((config[n] for n in names if config.get(n) is not None), default)


def expect(config, **values):
    """What a configuration may say one thing of only."""
    for key, value in values.items():
        if config.get(key, value) not in (value, None):
            raise ConvertError(f'config.json: {key} is "{config[key]}", only "{value}" is supported')


def pooling_of(source, head, n_labels):
    """How tokens become one vector; None where nothing says so."""
    if head == "sequence":
        return "rank" if n_labels == 1 else "cls"
    modules = source.json("modules.json", required=False) or []
    folder = next((m["path"] for m in modules if m["type"].endswith("Pooling")), "1_Pooling")
    config = source.json(f"{folder}/config.json", required=False)
    if config is None:
        return None
    modes = {"mean_tokens": "mean", "cls_token": "cls", "lasttoken": "last"}
    on = [modes.get(k[len("pooling_mode_") :], k) for k, v in config.items() if k.startswith("pooling_mode_") and v is True]
    if len(on) != 1 or on[0] not in POOLING:
        raise ConvertError(f"{folder}/config.json: pooling {', '.join(on) or 'none'} is not supported")
    return on[0]


# ---- Encoders: what one architecture has -------------------------------------------------

def mpnet(meta, config):
    # whatever the configuration says, MPNet's authors and transformers compute with 32
    expect(config, relative_attention_num_buckets=32)
    meta.u32("mpnet.attention.relative_buckets_count", 32)


def albert(meta, config):
    expect(config, inner_group_num=1)
    meta.u32("albert.block_group_count", config.get("num_hidden_groups", 1))
    meta.u32("albert.token_embedding_length", config["embedding_size"])


def nomic(meta, config):
    expect(config, prenorm=False, use_rms_norm=False, parallel_block=False, causal=False, moe_every_n_layers=0)
    expect(config, qkv_proj_bias=False, mlp_fc1_bias=False, mlp_fc2_bias=False)
    expect(config, rotary_emb_fraction=1.0, rotary_emb_interleaved=False, rotary_emb_scale_base=None)
    rope = config.get("rope_parameters") or {}
    # a dynamic base changes beyond the context only
    if rope.get("rope_type", "default") not in ("default", "dynamic"):
        raise ConvertError(f'config.json: rope scaling "{rope["rope_type"]}" is not supported')
    meta.f32("nomic-bert.rope.freq_base", rope.get("rope_theta", config.get("rotary_emb_base", 1000.0)))


def modern(meta, config):
    expect(config, attention_bias=False, mlp_bias=False, norm_bias=False)
    layers, period = config["num_hidden_layers"], config.get("global_attn_every_n_layers", 3)
    kinds = config.get("layer_types")
    if kinds:
        # the first layer sees everything, and so does one in so many
        period = next((i for i, kind in enumerate(kinds) if i > 0 and kind == "full_attention"), layers)
        if kinds != ["sliding_attention" if i % period else "full_attention" for i in range(layers)]:
            raise ConvertError("config.json: these layer_types are not supported")
    rope = config.get("rope_parameters") or {}
    for kind, key, old, default in (
        ("full_attention", "freq_base", "global_rope_theta", 160000.0),
        ("sliding_attention", "freq_base_swa", "local_rope_theta", 10000.0),
    ):
        turns = rope.get(kind) or {}
        if turns.get("rope_type", "default") != "default":
            raise ConvertError(f'config.json: rope scaling "{turns["rope_type"]}" is not supported')
        meta.f32(f"modern-bert.rope.{key}", turns.get("rope_theta") or config.get(old) or default)
    meta.u32("modern-bert.attention.sliding_window", config.get("local_attention", 128))
    meta.u32("modern-bert.attention.sliding_window_pattern", period)


def mobile(meta, config):
    expect(config, num_feedforward_networks=4, trigram_input=True, normalization_type="no_norm")
    expect(config, use_bottleneck=True, use_bottleneck_attention=False, key_query_shared_bottleneck=True)
    meta.u32("mobilebert.bottleneck_length", config.get("intra_bottleneck_size", 128))
    meta.u32("mobilebert.token_embedding_length", config.get("embedding_size", 128))


def deberta(meta, config):
    # what transformers takes where nothing is said
    said = {"relative_attention": False, "share_att_key": False, "position_biased_input": True, "norm_rel_ebd": "none"}
    said = {**said, "pos_att_type": "", "conv_kernel_size": 0, "embedding_size": config["hidden_size"], **config}
    asked = said["pos_att_type"]
    said["pos_att_type"] = sorted(part.strip() for part in (asked.split("|") if isinstance(asked, str) else asked))
    expect(said, relative_attention=True, share_att_key=True, position_biased_input=False, norm_rel_ebd="layer_norm")
    expect(said, pos_att_type=["c2p", "p2c"], conv_kernel_size=0, embedding_size=config["hidden_size"])
    if said.get("position_buckets", -1) < 2:
        raise ConvertError("config.json: relative positions without buckets are not supported")
    farthest = said.get("max_relative_positions", -1)
    meta.u32("deberta-v2.attention.relative_buckets_count", 2 * said["position_buckets"])
    meta.u32("deberta-v2.attention.relative_distance_limit", farthest if farthest >= 1 else config["max_position_embeddings"])


# ---- Decoders --------------------------------------------------------------------------

def llama3_factors(rope, width, base):
    """What Llama 3.1 divides the frequency of each pair by."""
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    context, factor = rope["original_max_position_embeddings"], rope["factor"]
    out = []
    for i in range(0, width, 2):
        length = 2 * math.pi * base ** (i / width)
        smooth = (context / length - low) / (high - low)
        if length < context / high:
            out.append(1.0)
        elif length > context / low:
            out.append(factor)
        else:
            out.append(1 / ((1 - smooth) / factor + smooth))
    return out


def rope_of(config):
    """The rotations of layers that see everything, in one dictionary whatever the version of transformers."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    rope = dict(rope.get("full_attention", rope))
    rope.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    rope["rope_type"] = {"su": "longrope"}.get(rope.get("rope_type"), rope.get("rope_type")) or rope.get("type", "default")
    for key in ("partial_rotary_factor", "original_max_position_embeddings"):
        if rope.get(key) is None:
            rope[key] = config.get(key)
    return rope


def write_rope(meta, name, config, head):
    """Keys of the rotations; returns tensors of factors of their frequencies, name -> numbers."""
    rope = rope_of(config)
    width = int(head * (rope["partial_rotary_factor"] or 1.0))
    kind, original = rope["rope_type"], rope["original_max_position_embeddings"]
    meta.u32(f"{name}.rope.dimension_count", width)
    meta.f32(f"{name}.rope.freq_base", rope["rope_theta"])
    if kind == "llama3":
        return {"rope_freqs": llama3_factors(rope, width, rope["rope_theta"])}
    if kind == "longrope":
        ratio = config["max_position_embeddings"] / original
        factor = rope.get("attention_factor") or (math.sqrt(1 + math.log(ratio) / math.log(original)) if ratio > 1 else 1.0)
        meta.u32(f"{name}.rope.scaling.original_context_length", original)
        meta.f32(f"{name}.rope.scaling.attn_factor", factor)
        return {"rope_factors_long": rope["long_factor"], "rope_factors_short": rope["short_factor"]}
    if kind == "linear":
        meta.string(f"{name}.rope.scaling.type", "linear")
        meta.f32(f"{name}.rope.scaling.factor", rope["factor"])
    elif kind != "default":
        raise ConvertError(f'config.json: rope scaling "{kind}" is not supported')
    return {}


def write_experts(meta, kind, config):
    """How many experts there are, and how rows weigh them."""
    expect(config, decoder_sparse_step=1, mlp_only_layers=[])
    meta.u32(f"{kind.arch}.expert_count", first_of(config, "num_local_experts", "num_experts"))
    meta.u32(f"{kind.arch}.expert_used_count", config["num_experts_per_tok"])
    for ours, theirs in (("", "moe_intermediate_size"), ("shared_", "shared_expert_intermediate_size")):
        if config.get(theirs):
            meta.u32(f"{kind.arch}.expert_{ours}feed_forward_length", config[theirs])
    if config.get("norm_topk_prob") is not None:
        meta.bool(f"{kind.arch}.expert_weights_norm", config["norm_topk_prob"])


def write_attention(meta, kind, config, head):
    """What scores and logits depend on beside the heads."""
    name, layers = kind.arch, first_of(config, "num_hidden_layers", "n_layer")
    context = first_of(config, "max_position_embeddings", "n_positions")
    window = config.get("sliding_window") if kind.windows else None
    if config.get("use_sliding_window") or config.get("qk_layernorm") and name in ("phi2", "stablelm"):
        raise ConvertError("config.json: windows of some layers, or norms of queries and keys, are not supported here")
    if window and window < context:
        period = kind.window_period
        kinds = ["full_attention" if period and i % period == period - 1 else "sliding_attention" for i in range(layers)]
        if config.get("layer_types") and period and config["layer_types"] != kinds:
            raise ConvertError("config.json: these layer_types are not supported")
        local = (config.get("rope_parameters") or {}).get("sliding_attention", {}).get("rope_theta", config.get("rope_local_base_freq", 10000.0))
        if name == "gemma3":
            meta.f32(f"{name}.rope.freq_base_swa", local)
        meta.u32(f"{name}.attention.sliding_window", window)
    scalar = config.get("query_pre_attn_scalar")
    if scalar and scalar != head:
        meta.f32(f"{name}.attention.scale", scalar**-0.5)
    for key in ("attn_logit_softcapping", "final_logit_softcapping"):
        if config.get(key):
            meta.f32(f"{name}.{key}", config[key])
    if config.get("use_parallel_residual") is not None:
        meta.bool(f"{name}.use_parallel_residual", config["use_parallel_residual"])
