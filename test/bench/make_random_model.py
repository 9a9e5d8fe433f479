#!/usr/bin/env python3
"""Writes a model file of a real model's shape with random weights in Q4_K and Q6_K, as Q4_K_M files have them.

    test/bench/make_random_model.py SHAPE OUT.gguf      (needs numpy and gguf)

SHAPE is one of SHAPES below.  The numbers mean nothing; sizes, types and speed are those of the real file.  The
vocabulary is byte-level with made-up tokens and no merge beyond a few.
"""

import sys
from pathlib import Path

import gguf
import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent / "golden"))

# architecture, layers, width, feed-forward, heads, heads with keys, width of a head, vocabulary, context, tied output
SHAPES = {
    "vocabulary-128k": ("llama", 1, 64, 64, 2, 1, 32, 128256, 4096, True),
    "smollm2-135m": ("llama", 30, 576, 1536, 9, 3, 64, 49152, 8192, True),
    "qwen2.5-0.5b": ("qwen2", 24, 896, 4864, 14, 2, 64, 151936, 32768, True),
    "llama-3.2-1b": ("llama", 16, 2048, 8192, 32, 8, 64, 128256, 131072, True),
    "phi-3.5-mini": ("phi3", 32, 3072, 8192, 32, 32, 96, 32064, 131072, False),
    "llama-3.1-8b": ("llama", 32, 4096, 14336, 32, 8, 128, 128256, 131072, False),
}
# Where d and dmin stand, and what makes weights of about the usual size (test/golden/make_decoders.py).
BLOCKS = {"Q4_K": ([0, 2], [1 / 150, 1 / 20]), "Q6_K": ([208], [1 / 1400]), "Q8_0": ([0], [1 / 74])}


def random_rows(kind, rows, width, random):
    items, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    out = random.integers(0, 256, (rows, width // items, size), dtype=np.uint8)
    for at, scale in zip(*BLOCKS[kind]):
        d = (1.3 * width**-0.5 * scale * random.uniform(0.7, 1.3, out.shape[:2])).astype(np.float16)
        out[:, :, at:at + 2] = d[..., None].view(np.uint8)
    return out.reshape(rows, -1)


def matrices(shape):
    """(name, type, rows, width) of every matrix, as llama-quantize chooses types for Q4_K_M."""
    arch, n_layer, width, n_ff, n_head, n_kv, head, n_vocab, _, tied = shape
    small = "Q8_0" if width % 256 else "Q4_K"
    large = "Q8_0" if width % 256 else "Q6_K"
    yield "token_embd.weight", large if tied else small, n_vocab, width
    if not tied:
        yield "output.weight", large, n_vocab, width
    for i in range(n_layer):
        more = i < n_layer // 8 or i >= 7 * n_layer // 8 or (i - n_layer // 8) % 3 == 2
        important = large if more else small
        down = ("Q6_K" if more else "Q4_K") if n_ff % 256 == 0 else "Q8_0"
        if arch == "phi3":
            yield f"blk.{i}.attn_qkv.weight", important, (n_head + 2 * n_kv) * head, width
            yield f"blk.{i}.ffn_up.weight", small, 2 * n_ff, width
        else:
            yield f"blk.{i}.attn_q.weight", small, n_head * head, width
            yield f"blk.{i}.attn_k.weight", small, n_kv * head, width
            yield f"blk.{i}.attn_v.weight", important, n_kv * head, width
            yield f"blk.{i}.ffn_gate.weight", small, n_ff, width
            yield f"blk.{i}.ffn_up.weight", small, n_ff, width
        yield f"blk.{i}.attn_output.weight", small, width, n_head * head
        yield f"blk.{i}.ffn_down.weight", down, width, n_ff


def vectors(shape):
    arch, n_layer, width, _, n_head, n_kv, head, *_ = shape
    yield "output_norm.weight", width, 1.0
    for i in range(n_layer):
        yield f"blk.{i}.attn_norm.weight", width, 1.0
        yield f"blk.{i}.ffn_norm.weight", width, 1.0
        if arch == "qwen2":
            yield f"blk.{i}.attn_q.bias", n_head * head, 0.0
            yield f"blk.{i}.attn_k.bias", n_kv * head, 0.0
            yield f"blk.{i}.attn_v.bias", n_kv * head, 0.0


def write_vocabulary(writer, n_vocab):
    from make_decoders import tokenizer  # byte-level, with a few merges

    known = sorted(tokenizer().get_vocab().items(), key=lambda item: item[1])
    tokens = [text for text, _ in known] + [f"Ġtoken{i}" for i in range(len(known), n_vocab)]
    types = [3, 3] + [1] * (n_vocab - 2)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(["t h", "th e", "Ġ the"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)


def main():
    shape = SHAPES[sys.argv[1]]
    arch, n_layer, width, n_ff, n_head, n_kv, head, n_vocab, n_context, _ = shape
    writer = gguf.GGUFWriter(sys.argv[2], arch)
    # llama.cpp takes a name with "phi-3" for those models' own vocabulary
    writer.add_name(f"random {sys.argv[1].replace('-', ' ')}")
    writer.add_block_count(n_layer)
    writer.add_context_length(n_context)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(n_ff)
    writer.add_head_count(n_head)
    writer.add_head_count_kv(n_kv)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(500000.0)
    write_vocabulary(writer, n_vocab)
    plan = [(name, kind, (rows, width)) for name, kind, rows, width in matrices(shape)]
    for name, kind, (rows, width) in plan:
        items, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
        writer.add_tensor_info(name, (rows, width // items * size), np.dtype(np.uint8), rows * width // items * size,
                               raw_dtype=gguf.GGMLQuantizationType[kind])
    small = list(vectors(shape))
    for name, n, _ in small:
        writer.add_tensor_info(name, (n,), np.dtype(np.float32), 4 * n)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = np.random.default_rng(1)
    for _, kind, (rows, width) in plan:
        writer.write_tensor_data(random_rows(kind, rows, width, random))
    for _, n, value in small:
        writer.write_tensor_data(np.full(n, value, np.float32))
    writer.close()


if __name__ == "__main__":
    main()
