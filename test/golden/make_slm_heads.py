#!/usr/bin/env python3
"""Makes the fixtures tiny-slm.gguf, tiny-slm-q8_0.gguf and tiny-slm.txt.

    test/golden/make_slm_heads.py        (needs torch, transformers, tokenizers, and `make tools`)

A small random BERT with make_tiny.py's vocabulary and a label, an extraction
and a sentence head (src/model/README.md); its numbers mean nothing.
tiny-slm-q8_0.gguf is the same in Q8_0, its token embeddings in Q5_0.
tiny-slm.txt holds what PyTorch computes from the formulas in double precision.
A case is some lines, fields between tabs where they are texts:

    labels LABEL ...   names, "name: description" for some
    text TEXT          an input, as make_tokenizer.py escapes texts, then
      ids ...          its token ids, special tokens included
      looks ...        the look of each token's word: its shape, and 16 where it begins a line, 32 where it ends one
      hidden ...       last hidden states, token by token
      spans ...        the tokens' side of the extraction head, token by token
      one ...          probabilities of the labels, one of which fits
      each ...         probabilities of the labels, each on its own
    field TEXT         a field, then
      side ...         its side of the extraction head
    sentence ...       inputs of the sentence head, then
      score X          its output
"""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import types
import unicodedata

import make_tiny
import torch
from make_tokenizer import escape
from safetensors.torch import save_file
from transformers import BertConfig, BertModel
from transformers.models.t5.modeling_t5 import T5Attention

sys.path.insert(0, os.path.join(make_tiny.ROOT, "models"))
from converter import convert
from converter.architectures import gguf_name
from converter.source import Source

N_EMBD, N_SPAN, N_HIDDEN, N_SHAPES, N_PLACES, N_FEATURES, N_BUCKETS = 32, 8, 16, 16, 4, 8, 8
CALIBRATION = {
    "label.scale": 7.0,
    "label.scale_growth": 0.75,
    "label.none": 2.5,
    "label.none_growth": 0.5,
    "label.multi_scale": 6.0,
    "label.multi_bias": -1.0,
    "extract.threshold": 0.4,
    "extract.scale": 1.25,
    "extract.bias": -0.125,
}
LABELS = [("refund", ""), ("delivery", "the parcel is late"), ("password", "")]
TEXTS = [
    "I need a refund!",
    "The parcel of Mr McTea arrived LATE on 3 May 2024.",
    "pay $45.00 to 12 b2b@mail-box, please",
    "Café: 日本語 12345, A (x)",
    "refund\tI\nMr McTea, pay\r\n\n12 May",
]
FIELDS = ["order", "price: what was paid"]


def word_shape(word):
    word = [c for c in word if not unicodedata.category(c).startswith("M")]
    kinds = [unicodedata.category(c) for c in word]
    letters = [kind for kind in kinds if kind.startswith("L")]
    digits = [kind for kind in kinds if kind == "Nd"]
    if digits and letters:
        return 9
    if digits:
        return 6 if len(word) <= 2 else 7 if len(word) <= 4 else 8
    if letters:
        upper = [kind in ("Lu", "Lt") for kind in letters]
        lower = [kind == "Ll" for kind in letters]
        if all(lower):
            return 1
        if upper[0] and all(lower[1:]) and len(word) > 1:
            return 2
        if all(upper):
            return 3 if len(word) > 1 else 4
        return 5 if any(upper) and any(lower) else 15
    if kinds[0] == "Sc":
        return 10
    if word[0] in "@#/\\:_-":
        return 11
    if word[0] in ".,":
        return 12
    return 13 if word[0] in "!?;'\"()[]{}…" else 14


def token_looks(encoding, text):
    looks = []
    for i in range(len(encoding.ids)):
        word = encoding.token_to_word(i)
        if word is None:
            looks.append(0)
        else:
            start, end = encoding.word_to_chars(word)
            before, behind = re.search(r"\s*$", text[:start])[0], re.match(r"\s*", text[end:])[0]
            begins = before == text[:start] or "\n" in before or "\r" in before
            ends = behind == text[end:] or "\n" in behind or "\r" in behind
            looks.append(word_shape(text[start:end]) + N_SHAPES * (begins + 2 * ends))
    return looks


class Slm:
    """One body layer, one layer of the extraction head, all weights random."""

    def __init__(self, n_vocab):
        torch.manual_seed(make_tiny.SEED + 3)
        config = BertConfig(
            vocab_size=n_vocab,
            hidden_size=N_EMBD,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
            type_vocab_size=2,
            attn_implementation="eager",
        )
        self.bert = BertModel(config, add_pooling_layer=False).eval()
        for name, weight in self.bert.named_parameters():
            weight.data = torch.randn(weight.shape) * make_tiny.SPREADS.get(name, 0.25 if weight.dim() == 2 else 0.1)
            if name.endswith("LayerNorm.weight"):
                weight.data += 1.0
        self.layer = self.bert.encoder.layer[1]
        del self.bert.encoder.layer[1]
        config.num_hidden_layers = 1
        eye = torch.eye(N_EMBD)
        self.head = {
            "label_text.weight": eye + 0.2 * torch.randn(N_EMBD, N_EMBD),
            "label_name.weight": eye + 0.2 * torch.randn(N_EMBD, N_EMBD),
            "ext_shape.weight": 0.5 * torch.randn(N_SHAPES, N_EMBD),
            "ext_token.weight": 0.5 * torch.randn(3 * N_SPAN, N_EMBD),
            "ext_token.bias": 0.2 * torch.randn(3 * N_SPAN),
            "ext_field.weight": 1.5 * torch.randn(3 * N_SPAN, N_EMBD),
            "ext_field.bias": 0.2 * torch.randn(3 * N_SPAN),
            "sum_hidden.weight": 0.5 * torch.randn(N_HIDDEN, N_EMBD + N_FEATURES),
            "sum_hidden.bias": 0.2 * torch.randn(N_HIDDEN),
            "sum_output.weight": 0.5 * torch.randn(1, N_HIDDEN),
            "sum_output.bias": 0.2 * torch.randn(1),
            "ext_line.weight": 0.5 * torch.randn(N_PLACES, N_EMBD),
            "ext_token_embd.weight": 0.1 * torch.randn(N_EMBD, N_EMBD),
            "ext_rel_b.weight": 0.5 * torch.randn(N_BUCKETS, 2),
        }

    def write(self, tokenizer, path):
        heads = dict(self.head)
        for name, weight in self.layer.named_parameters():
            heads[gguf_name(f"encoder.layer.1.{name}", {})] = weight.data
        with tempfile.TemporaryDirectory() as folder:
            self.bert.save_pretrained(folder)
            tokenizer.save(os.path.join(folder, "tokenizer.json"))
            os.mkdir(os.path.join(folder, "1_Pooling"))
            with open(os.path.join(folder, "1_Pooling", "config.json"), "w") as file:
                file.write('{"pooling_mode_mean_tokens": true}')
            with open(os.path.join(folder, "slm_heads.json"), "w") as file:
                json.dump({**CALIBRATION, "extract.block_count": 1}, file)
            save_file({name: weight.contiguous() for name, weight in heads.items()}, os.path.join(folder, "slm_heads.safetensors"))
            convert(
                Source(folder),
                types.SimpleNamespace(
                    output=path, type="keep", name="tiny-slm", license="postgresql", sha256=None, wordpiece="phantom"
                ),
            )

    def double(self):
        self.bert.double()
        self.layer.double()
        self.head = {name: weight.double() for name, weight in self.head.items()}

    def linear(self, name, x):
        return torch.nn.functional.linear(x, self.head[name + ".weight"], self.head.get(name + ".bias"))

    def bias(self, n):
        """[1][heads][n][n], added to scores: T5's buckets, whose own function gives them."""
        behind = torch.arange(n)[None, :] - torch.arange(n)[:, None]
        buckets = T5Attention._relative_position_bucket(behind, bidirectional=True, num_buckets=N_BUCKETS, max_distance=128)
        return self.head["ext_rel_b.weight"][buckets].permute(2, 0, 1)[None]

    def hidden(self, ids):
        return self.bert(torch.tensor([ids])).last_hidden_state[0]

    def spans(self, ids, looks):
        looks = torch.tensor(looks)
        embedded = self.bert.embeddings(torch.tensor([ids]))[0]
        x = self.hidden(ids) + self.linear("ext_token_embd", embedded)
        x = x + self.head["ext_shape.weight"][looks % N_SHAPES] + self.head["ext_line.weight"][looks // N_SHAPES]
        z = self.layer(x[None], attention_mask=self.bias(len(ids)))
        z = (z[0] if isinstance(z, tuple) else z).squeeze(0)
        return self.linear("ext_token", z)

    def sentence(self, x):
        return self.linear("sum_output", torch.tanh(self.linear("sum_hidden", x)))


def line(out, name, numbers):
    print(name, *(f"{x:.9g}" for x in numbers.flatten().tolist()), file=out)


def calibrated(key, n_label):
    """A constant that grows with the logarithm of the number of labels."""
    return torch.tensor(CALIBRATION[key] + CALIBRATION[key + "_growth"] * math.log(n_label), dtype=torch.double)


def write_golden(slm, tokenizer, out):
    def embed(text):
        return slm.hidden(tokenizer.encode(text).ids).mean(0)

    texts = [name + (": " + description if description else "") for name, description in LABELS]
    labels = slm.linear("label_name", torch.stack([embed(text) for text in texts]))
    print("labels", *texts, sep="\t", file=out)
    for text in TEXTS:
        encoding = tokenizer.encode(text)
        looks = token_looks(encoding, text)
        hidden = slm.hidden(encoding.ids)
        cosine = torch.cosine_similarity(slm.linear("label_text", hidden.mean(0))[None], labels)
        mass = torch.exp(calibrated("label.scale", len(LABELS)) * cosine)
        none = torch.exp(calibrated("label.none", len(LABELS)))
        print("text", escape(text), sep="\t", file=out)
        print("ids", *encoding.ids, file=out)
        print("looks", *looks, file=out)
        line(out, "hidden", hidden)
        line(out, "spans", slm.spans(encoding.ids, looks))
        line(out, "one", mass / (none + mass.sum()))
        line(out, "each", torch.sigmoid(CALIBRATION["label.multi_scale"] * cosine + CALIBRATION["label.multi_bias"]))
    for text in FIELDS:
        print("field", text, sep="\t", file=out)
        line(out, "side", slm.linear("ext_field", torch.nn.functional.normalize(embed(text), dim=0)))
    for _ in range(3):
        x = torch.randn(N_EMBD + N_FEATURES)
        line(out, "sentence", x)
        line(out, "score", slm.sentence(x.double()))


def main():
    vocab = make_tiny.vocabulary()
    tokenizer = make_tiny.make_tokenizer(vocab)
    slm = Slm(len(vocab))
    f32 = os.path.join(make_tiny.HERE, "tiny-slm.gguf")
    slm.write(tokenizer, f32)
    quantize = os.path.join(make_tiny.ROOT, "build", "models", "quantize")
    q8_0 = os.path.join(make_tiny.HERE, "tiny-slm-q8_0.gguf")
    subprocess.run([quantize, "--token-embedding-type", "q5_0", f32, q8_0, "q8_0"], check=True)
    slm.double()
    with torch.no_grad(), open(os.path.join(make_tiny.HERE, "tiny-slm.txt"), "w", encoding="utf-8") as out:
        write_golden(slm, tokenizer, out)


if __name__ == "__main__":
    main()
