#!/usr/bin/env python3
"""Compares logits with llama.cpp's on the same quantized files.

    test/golden/compare_llama.py LLAMA_CPP_BUILD build/test/tools/decode [MODEL...]

Needs torch, transformers and a build of llama.cpp (llama-quantize, llama-perplexity).  Random models of 4 layers of 512,
one dense and three with experts, are converted by models/convert, quantized by llama-quantize, and a text is read by
llama-perplexity, which writes the logarithms of all probabilities in 16 bits, and by our engine.  For each type of
weights: the mean and the median divergence of ours from llama.cpp's (Kullback and Leibler), and how often the likeliest token is the
same, of the positions where llama.cpp's is ahead of the second by more than 4 times the root mean square of the
differences of logits.
Both round activations to 8 bits, llama.cpp those of blocks of 256 with one scale for 256, ours with one for 32; so the last
columns have the divergence of each from what the file says: the same weights as floats, which no rounding disturbs,
as each of the two computes it with them.  Where experts are chosen, a rounding that changes a choice changes all.
"""

import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers as hf

import make_decoders

TYPES = ["F16", "Q8_0", "Q6_K", "Q4_K_M", "Q4_0", "IQ4_XS", "Q5_K_M", "IQ4_NL", "Q3_K_M", "Q2_K"]
N_EXPERT_TYPES = 6  # of them, for models with experts
SHARED = dict(hidden_size=512, intermediate_size=1024, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=4,
              initializer_range=0.06, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1)
MODELS = {
    "llama": (hf.LlamaConfig, {}),
    "mixtral": (hf.MixtralConfig, dict(intermediate_size=512, num_local_experts=4, num_experts_per_tok=2, sliding_window=None)),
    "qwen2moe": (hf.Qwen2MoeConfig, dict(num_experts=8, num_experts_per_tok=3, moe_intermediate_size=256, shared_expert_intermediate_size=512)),
    "qwen3moe": (hf.Qwen3MoeConfig, dict(num_experts=8, num_experts_per_tok=3, moe_intermediate_size=256, head_dim=64, norm_topk_prob=True)),
}
CONTEXT, CHUNKS = 512, 8
HERE = Path(__file__).resolve().parent


def build(name, folder):
    torch.manual_seed(7)
    kind, options = MODELS[name]
    config = kind(**{**SHARED, **options, "vocab_size": make_decoders.tokenizer().get_vocab_size(), "max_position_embeddings": CONTEXT})
    make_decoders.save(hf.AutoModelForCausalLM.from_config(config).eval(), folder, make_decoders.tokenizer())
    path = folder / "F16.gguf"
    subprocess.run([sys.executable, HERE.parent.parent / "models" / "convert", folder, path, "--type", "f16"], check=True)
    return path


def theirs(llama, model, text, folder):
    """ids [chunk][CONTEXT], first position, log probabilities [chunk][position][token]."""
    out = folder / "logits"
    subprocess.run([llama / "bin" / "llama-perplexity", "-m", model, "-f", text, "--kl-divergence-base", out, "-c", str(CONTEXT), "-b",
                    str(CONTEXT), "--chunks", str(CHUNKS), "-t", "1"], check=True, capture_output=True)
    data = out.read_bytes()
    assert data[:8] == b"_logits_"
    n_ctx, n_vocab, n_chunk = struct.unpack_from("<3i", data, 8)
    at = 20
    ids = np.frombuffer(data, "<i4", n_chunk * n_ctx, at).reshape(n_chunk, n_ctx)
    at += 4 * n_chunk * n_ctx
    first = n_ctx // 2
    rows = n_chunk * (n_ctx - 1 - first)
    width = 2 * ((n_vocab + 1) // 2) + 4
    table = np.frombuffer(data, "<u2", rows * width, at).reshape(rows, width)
    scale = table[:, :4].copy().view("<f4")
    return ids, first, (scale[:, :1] * table[:, 4:4 + n_vocab] + scale[:, 1:2]).reshape(n_chunk, -1, n_vocab).astype(np.float64)


def ours(program, model, ids, first, n_vocab):
    request = b"".join(struct.pack("<i", len(row)) + row.astype("<i4").tobytes() for row in ids)
    out = subprocess.run([program, model], input=request, check=True, capture_output=True).stdout
    logits = np.frombuffer(out, "<f4").reshape(len(ids), -1, n_vocab)[:, first:-1].astype(np.float64)
    return logits - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True)) - logits.max(-1, keepdims=True)


def divergence(p, q, of=np.mean):
    return of((np.exp(p) * (p - q)).sum(-1))


def compare(llama, program, name, folder):
    source = build(name, folder)
    text = folder / "text"
    words = np.random.default_rng(1).choice("the or in on at an other then there ring thing we an error is here".split(), 6000)
    text.write_text(" ".join(words))
    for kind in TYPES if name == "llama" else TYPES[:N_EXPERT_TYPES]:
        model, floats = folder / f"{kind}.gguf", folder / "floats.gguf"
        if kind != "F16":
            subprocess.run([llama / "bin" / "llama-quantize", source, model, kind, "1"], check=True, capture_output=True)
        subprocess.run([llama / "bin" / "llama-quantize", "--allow-requantize", model, floats, "F32", "1"], check=True, capture_output=True)
        ids, first, p = theirs(llama, model, text, folder)
        q = ours(program, model, ids, first, p.shape[-1])
        exact = ours(program, floats, ids, first, p.shape[-1])
        _, _, exact_p = theirs(llama, floats, text, folder)
        top = np.sort(p, -1)
        clear = top[..., -1] - top[..., -2] > 4 * np.sqrt(((p - q) ** 2).mean(-1))
        same = p.argmax(-1) == q.argmax(-1)
        print(f"{name:9} {kind:8} {same.size:9} {divergence(p, q):10.2e} {divergence(p, q, np.median):10.2e} {(same & clear).sum():7} of {clear.sum():5} "
              f"{divergence(exact_p, p):20.2e} {divergence(exact, q):14.2e} {divergence(exact_p, exact):10.2e}", flush=True)


def main():
    llama, program = Path(sys.argv[1]), Path(sys.argv[2])
    print(f"{'model':9} {'type':8} {'positions':>9} {'mean KLD':>10} {'median':>10} {'top equal':>16} {'llama.cpp to floats':>20} {'slm to floats':>14} {'floats':>10}")
    for name in sys.argv[3:] or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            compare(llama, program, name, Path(folder))


if __name__ == "__main__":
    main()
