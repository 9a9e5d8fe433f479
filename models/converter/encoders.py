"""Encoders, with or without heads."""

from .architectures import ALIASES, ENCODERS, GATED, HEAD_TENSORS, TABLE_NAMES, TOKEN_HEAD, gguf_name
from .keys import POOLING, expect, pooling_of
from .source import ConvertError, load_tensors, read_safetensors
from .tensors import ITEM_BYTES, SAFETENSORS_TYPES, cut_to_vocabulary, stored
from .vocabulary import byte_bpe, unigram, wordpiece
from .writing import block_number, start_metadata, write_file_type, write_gguf

HEADS = "slm_heads"


def head_of(config):
    """What the classification head gives classes to: "sequence", "token", or None without one."""
    for architecture in config.get("architectures") or []:
        if architecture.endswith("ForSequenceClassification"):
            return "sequence"
        if architecture.endswith("ForTokenClassification"):
            return "token"
    return None


def encoder_settings(config):
    """The configuration, its numbers under their most common names."""
    settings = dict(config)
    for name, others in ALIASES.items():
        for other in others:
            if other in config:
                settings.setdefault(name, config[other])
    return settings


def convert_encoder(source, config, options):
    kind = ENCODERS[config["model_type"]]
    name = kind.arch
    config = encoder_settings(config)
    activation = GATED.get(config.get("hidden_act"), config.get("hidden_act", kind.activation))
    if activation not in ("gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "silu", "relu"):
        raise ConvertError(f'config.json: activation "{activation}" is not supported')
    expect(config, position_embedding_type="absolute")
    head = head_of(config)
    sequence_head = TOKEN_HEAD if config.get("classifier_activation") is False else kind.head
    head_names = {"sequence": sequence_head, "token": kind.token_head, None: {}}[head]
    labels = [v for _, v in sorted((config.get("id2label") or {}).items(), key=lambda item: int(item[0]))]

    skipped = 0 if kind.padding is None else 1 + (config.get("pad_token_id", 1) if kind.padding == "config" else kind.padding)
    blocks = config["num_hidden_layers"]
    positions = config["max_position_embeddings"] - skipped
    meta = start_metadata(source, options, name)
    meta.u32(f"{name}.block_count", blocks)
    meta.u32(f"{name}.context_length", min(positions, config.get("max_trained_positions") or positions))
    meta.u32(f"{name}.embedding_length", config["hidden_size"])
    meta.u32(f"{name}.feed_forward_length", config["intermediate_size"])
    meta.u32(f"{name}.attention.head_count", config["num_attention_heads"])
    meta.f32(f"{name}.attention.layer_norm_epsilon", config.get("layer_norm_eps", 1e-12))
    if kind.keys:
        kind.keys(meta, config)
    if activation != kind.activation:
        meta.string(f"{name}.hidden_activation", activation)

    tensors = []
    heads = source.json(f"{HEADS}.json", required=False)
    named = [(gguf_name(n, head_names), t) for n, t in sorted(load_tensors(source, options.sha256).items())]
    if heads is not None:
        named += sorted(read_safetensors(source, [f"{HEADS}.safetensors"]).items())
    for ours, (dtype, shape, data) in named:
        # DeBERTa's authors left one there that nobody reads
        if ours is None or (ours == "position_embd.weight" and name == "deberta-v2"):
            continue
        if ours == "position_embd.weight" and skipped:
            data = data[skipped * shape[1] * ITEM_BYTES[SAFETENSORS_TYPES[dtype]] :]
            shape = [shape[0] - skipped, shape[1]]
        tensors.append(stored(ours, shape, dtype, data, options))
    order = {name: i for i, name in reversed(list(enumerate(TABLE_NAMES.values())))}
    tensors.sort(key=lambda t: (order.get(t[0].split(".")[0], len(TABLE_NAMES)), t[0].startswith(HEAD_TENSORS), block_number(t[0]), t[0]))
    have = {t[0] for t in tensors}
    for block in range(config.get("num_hidden_groups", 1) if name == "albert" else blocks):
        if f"blk.{block}.attn_output.weight" not in have:
            raise ConvertError(f"layer {block} of {blocks} is missing")

    write_file_type(meta, tensors)
    meta.bool(f"{name}.attention.causal", False)
    pooling = pooling_of(source, head, len(labels))
    if pooling:
        meta.u32(f"{name}.pooling_type", POOLING[pooling])
    if head:
        meta.strings(f"{name}.classifier.output_labels", labels)
        if head == "token":
            meta.string(f"{name}.classifier.kind", head)
        elif name == "modern-bert":
            meta.u32(f"{name}.classifier.pooling_type", POOLING[config.get("classifier_pooling", "cls")])
        said = next((config[key] for key in ("classifier_activation", "pooler_hidden_act") if isinstance(config.get(key), str)), kind.head_activation)
        if "cls" in head_names.values() and (said, kind.head_activation) != ("tanh", "tanh"):
            meta.string(f"{name}.classifier.activation", said)
    for key, value in (heads or {}).items():
        (meta.u32 if isinstance(value, int) else meta.f32)(f"{name}.{key}", value)
    meta.u32("tokenizer.ggml.token_type_count", config.get("type_vocab_size", 1))
    tokenizer = source.json("tokenizer.json", required=False)
    model = (tokenizer or {}).get("model", {}).get("type", "WordPiece")
    writers = {
        "WordPiece": lambda: wordpiece(source, options.wordpiece, meta),
        "Unigram": lambda: unigram(source, meta),
        "BPE": lambda: byte_bpe(source, meta, modern=name == "modern-bert"),
    }
    if model not in writers:
        raise ConvertError(f"tokenizer.json: model {model} is not supported")
    cut_to_vocabulary(tensors, writers[model]())
    write_gguf(options.output, meta, tensors)
