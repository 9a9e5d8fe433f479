"""Decoders: keys and tensors of a model that continues texts."""

import array

from .architectures import DECODERS, decoder_name
from .keys import POOLING, first_of, pooling_of, write_attention, write_experts, write_rope
from .source import ConvertError, load_tensors
from .tensors import F32, cut_to_vocabulary, gathered, neighbours, plus, stored, transposed
from .vocabulary import byte_bpe, sentencepiece_bpe
from .writing import block_number, start_metadata, write_file_type, write_gguf


def convert_decoder(source, config, options):
    kind = DECODERS[config["model_type"]]
    name = kind.arch
    n_head, width = first_of(config, "num_attention_heads", "n_head"), first_of(config, "hidden_size", "n_embd")
    n_kv = config.get("num_key_value_heads") or n_head
    head = config.get("head_dim") or width // n_head
    activation = first_of(config, "hidden_activation", "hidden_act", "activation_function")
    if activation not in kind.activations:
        raise ConvertError(f'config.json: activation "{activation}" is not supported')
    meta = start_metadata(source, options, name)
    meta.u32(f"{name}.block_count", first_of(config, "num_hidden_layers", "n_layer"))
    meta.u32(f"{name}.context_length", first_of(config, "max_position_embeddings", "n_positions"))
    meta.u32(f"{name}.embedding_length", width)
    meta.u32(f"{name}.feed_forward_length", first_of(config, "intermediate_size", "n_inner", default=4 * width))
    meta.u32(f"{name}.attention.head_count", n_head)
    meta.u32(f"{name}.attention.head_count_kv", n_kv)
    meta.u32(f"{name}.attention.key_length", head)
    meta.u32(f"{name}.attention.value_length", head)
    epsilon = first_of(config, "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon")
    meta.f32(f"{name}.attention.layer_norm_{'rms_' if kind.rms else ''}epsilon", epsilon)
    write_attention(meta, kind, config, head)
    if kind.experts:
        write_experts(meta, kind, config)
    factors = write_rope(meta, name, config, head) if name != "gpt2" else {}
    tensors = []
    for theirs, (dtype, shape, data) in sorted(gathered(load_tensors(source, options.sha256)).items()):
        ours = decoder_name(kind, theirs)
        if ours is None or (ours == "output.weight" and first_of(config, "tie_word_embeddings", default=name == "gpt2")):
            continue
        part = ours.split(".")[-2]
        if kind.permuted and part in ("attn_q", "attn_k"):
            data = neighbours(data, shape, n_head if part == "attn_q" else n_kv)
        if kind.offset and part.endswith("_norm"):
            dtype, data = "F32", plus(data, dtype, kind.offset)
        if part == "ffn_gate_inp_shexp":
            shape = shape[1:]
        if part in kind.transposed and len(shape) == 2:
            data, shape = transposed(data, dtype, shape)
        tensors.append(stored(ours, shape, dtype, data, options))
    for ours, numbers in factors.items():
        tensors.append((f"{ours}.weight", [len(numbers)], F32, lambda numbers=numbers: array.array("f", numbers).tobytes()))
    order = {"token_embd": 0, "rope_freqs": 1, "rope_factors_long": 1, "rope_factors_short": 1, "blk": 2}
    tensors.sort(key=lambda t: (order.get(t[0].split(".")[0], 3), block_number(t[0]), t[0]))
    write_file_type(meta, tensors)
    pooling = pooling_of(source, None, 0)
    if pooling:
        meta.u32(f"{name}.pooling_type", POOLING[pooling])
    model = source.json("tokenizer.json")["model"]
    if model["type"] != "BPE":
        raise ConvertError(f"tokenizer.json: model {model['type']} is not supported for decoders")
    cut_to_vocabulary(tensors, sentencepiece_bpe(source, meta) if model.get("byte_fallback") else byte_bpe(source, meta, decoder=True))
    write_gguf(options.output, meta, tensors)
