"""T5: both stacks, or the one that reads, with what sentence-transformers puts behind it."""

from .architectures import t5_name
from .keys import POOLING, expect, pooling_of
from .source import ConvertError, load_tensors, read_safetensors
from .tensors import cut_to_vocabulary, stored
from .vocabulary import unigram
from .writing import start_metadata, write_file_type, write_gguf

# What stands in feed-forward blocks: llama.cpp knows these two, and tells them by the gate.
USUAL = {"relu": False, "gelu_new": True}


def activation_of(config):
    """The activation of the feed-forward blocks, and whether they have a gate."""
    said = config.get("feed_forward_proj", "relu")
    gated, activation = said.startswith("gated-"), said.removeprefix("gated-")
    return {"gelu": "gelu_new"}.get(activation, activation) if gated else activation, gated


def dense_of(source):
    """The matrix that sentence-transformers puts behind pooling, as tensors; none where there is none."""
    modules = source.json("modules.json", required=False) or []
    folder = next((m["path"] for m in modules if m["type"].endswith("Dense")), None)
    if folder is None:
        return {}
    expect(source.json(f"{folder}/config.json"), activation_function="torch.nn.modules.linear.Identity")
    names = {"linear.weight": "dense_2.weight", "linear.bias": "dense_2.bias"}
    return {names[name]: tensor for name, tensor in read_safetensors(source, [f"{folder}/model.safetensors"]).items()}


def order_of(name):
    """Tables first, then the blocks of each stack."""
    parts = name.split(".")
    stack = ("token_embd", "enc", "dec").index(parts[0]) if parts[0] in ("token_embd", "enc", "dec") else 3
    return (stack, int(parts[2]) if parts[1] == "blk" else 1 << 20, name)


def convert_t5(source, config, options):
    reads_only = any(a.endswith("EncoderModel") for a in config.get("architectures") or [])
    name = "t5encoder" if reads_only else "t5"
    activation, gated = activation_of(config)
    expect(config, relative_attention_max_distance=128)
    meta = start_metadata(source, options, name)
    meta.u32(f"{name}.block_count", config["num_layers"])
    meta.u32(f"{name}.context_length", config.get("n_positions", 512))
    meta.u32(f"{name}.embedding_length", config["d_model"])
    meta.u32(f"{name}.feed_forward_length", config["d_ff"])
    meta.u32(f"{name}.attention.head_count", config["num_heads"])
    meta.u32(f"{name}.attention.key_length", config["d_kv"])
    meta.u32(f"{name}.attention.value_length", config["d_kv"])
    meta.u32(f"{name}.attention.relative_buckets_count", config.get("relative_attention_num_buckets", 32))
    meta.f32(f"{name}.attention.layer_norm_rms_epsilon", config.get("layer_norm_epsilon", 1e-6))
    if USUAL.get(activation) != gated:
        meta.string(f"{name}.hidden_activation", activation)
    tensors = {}
    for theirs, tensor in sorted(load_tensors(source, options.sha256).items()):
        ours = t5_name(theirs)
        if ours and not (reads_only and ours == "output.weight"):
            tensors[ours] = tensor
    if reads_only:
        tensors.update(dense_of(source))
    else:
        # the first T5 has one matrix for tokens and logits, and scales for it what it reads
        tied = config.get("scale_decoder_outputs", config.get("tie_word_embeddings", True))
        meta.u32(f"{name}.decoder_block_count", config.get("num_decoder_layers") or config["num_layers"])
        meta.u32(f"{name}.decoder_start_token_id", config.get("decoder_start_token_id") or config.get("pad_token_id") or 0)
        if tied:
            tensors.pop("output.weight", None)
        elif "output.weight" not in tensors:
            meta.f32(f"{name}.logit_scale", 1.0)
    if "token_embd.weight" not in tensors:
        raise ConvertError('tensor "shared.weight" is missing')
    out = [stored(ours, shape, dtype, data, options) for ours, (dtype, shape, data) in sorted(tensors.items(), key=lambda t: order_of(t[0]))]
    write_file_type(meta, out)
    pooling = pooling_of(source, None, 0)
    if pooling:
        meta.u32(f"{name}.pooling_type", POOLING[pooling])
    cut_to_vocabulary(out, unigram(source, meta))
    write_gguf(options.output, meta, out)
