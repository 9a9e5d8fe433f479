#!/usr/bin/env python3
"""Makes decoder-*.gguf and decoders.txt: small random models of every decoder architecture.

    test/golden/make_decoders.py      (needs torch, transformers, tokenizers)

One model for each way in which decoders differ: rotated neighbours or halves, shared keys, heads with a width of their
own, biases, norms of queries and keys, tied output, scaled embeddings, frequencies of Llama 3.1 beyond the original
context.  Weights are seeded, rounded to half precision and stored so; transformers computes with the same rounded
numbers in double precision.  decoders.txt holds, a line each:

    model NAME       the file decoder-NAME.gguf
    ids ...          a sequence
    rows ...         tokens, ascending
    at I TOP MARGIN NORM LOGIT...    after its first I + 1 tokens: the likeliest token, how far it is before the second,
                                     the root mean square of all logits, and the logits of the rows
"""

import os
import subprocess
import sys
import tempfile

import torch
import transformers as hf
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LENGTH = 420
ROWS = [0, 1, 17, 100, 101, 200, 255, 268]
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

SHARED = dict(vocab_size=272, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.25, bos_token_id=0, eos_token_id=1)
LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
MODELS = {
    "llama": (hf.LlamaConfig, dict(tie_word_embeddings=True, rope_parameters=LLAMA3)),
    "nemo": (hf.MistralConfig, dict(head_dim=24, num_key_value_heads=1, tie_word_embeddings=False, sliding_window=None)),
    "biased": (hf.LlamaConfig, dict(attention_bias=True, num_key_value_heads=4, intermediate_size=100, tie_word_embeddings=False)),
    "qwen2": (hf.Qwen2Config, dict(tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1000000.0))),
    "qwen3": (hf.Qwen3Config, dict(head_dim=16, tie_word_embeddings=False)),
    "gemma": (hf.GemmaConfig, dict(head_dim=16, num_key_value_heads=1, hidden_activation="gelu_pytorch_tanh")),
}


def tokenizer():
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<|begin|>", "<|end|>", *letters, "th", "the", "Ġthe", "or", "er", "re", "in", "on", "at", "an", "en", "ing"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("o", "r"), ("e", "r"), ("r", "e"), ("i", "n"), ("o", "n"), ("a", "t"),
              ("a", "n"), ("e", "n"), ("in", "g")]
    out = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    out.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    out.decoder = decoders.ByteLevel()
    out.add_special_tokens(["<|begin|>", "<|end|>"])
    return out


def make(name, kind, options, out):
    torch.manual_seed(len(name) * 1000 + sum(map(ord, name)))
    config = kind(**{**SHARED, **options})
    config.vocab_size = tokenizer().get_vocab_size()
    model = hf.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("bias") or "norm" in key:
                parameter.add_(0.3 * torch.randn_like(parameter))
            if parameter.dim() > 1:
                parameter.copy_(parameter.half().float())
    path = os.path.join(HERE, f"decoder-{name}.gguf")
    with tempfile.TemporaryDirectory() as folder:
        for parameter in model.parameters():
            parameter.data = parameter.data.half() if parameter.dim() > 1 else parameter.data
        model.save_pretrained(folder)
        hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer(), bos_token="<|begin|>", eos_token="<|end|>").save_pretrained(folder)
        subprocess.run([sys.executable, os.path.join(ROOT, "models", "convert"), folder, path], check=True)
    model = model.double()
    ids = torch.randint(0, config.vocab_size, (1, LENGTH))
    with torch.no_grad():
        logits = model(ids).logits[0]
    top = logits.topk(2, dim=-1)
    print("model", name, file=out)
    print("ids", *ids[0].tolist(), file=out)
    print("rows", *ROWS, file=out)
    for i in range(LENGTH):
        first, second = top.values[i].tolist()
        numbers = [first - second, logits[i].square().mean().sqrt().item(), *logits[i, ROWS].tolist()]
        print("at", i, top.indices[i, 0].item(), *(f"{x:.6g}" for x in numbers), file=out)


def main():
    with open(os.path.join(HERE, "decoders.txt"), "w", encoding="utf-8") as out:
        for name, (kind, options) in MODELS.items():
            make(name, kind, options, out)


if __name__ == "__main__":
    main()
