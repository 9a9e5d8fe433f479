#!/usr/bin/env python3
"""Are the embeddings through SQL those of sentence-transformers in fp32?

Samples texts of all data sets with a seed, adds texts that are hard for a
tokenizer and texts at and beyond the 512 tokens of a window, and compares the
cosine of slm_embed() with sentence-transformers for F32, F16 and Q8_0.

Like is compared with like: sentence-transformers' own configuration of this
model cuts at 256 tokens, so its limit is set to the model's 512, as ours.
Texts beyond 512 tokens are compared twice: cut on both sides (the models
named PREFIX..._cut), and as the default does them, windows averaged by their
tokens, with the same average made here of sentence-transformers' windows.

Then the Spearman correlation of slm_similarity() on the STS-B test set.
"""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

common.oracle_venv()

import numpy as np
from scipy.stats import spearmanr

# Cosine to fp32: minimum, mean.  STS-B: points from 82.0.
TARGETS = {"f32": (0.9999, 0.9999, 0.05), "f16": (0.9999, 0.9999, 0.05), "q8_0": (0.997, 0.9993, 0.2)}
STSB = 82.0
WINDOW = 512

# Not here: the names of special tokens, such as [SEP].  Row text is data: they are
# words for slm, while Hugging Face's tokenizer takes them for the tokens.
HARD = [
    "a",
    "?",
    "Ünïcödé çåfé naïve résumé Ångström",
    "Ｆｕｌｌ　ｗｉｄｔｈ ｌａｔｉｎ",
    "日本語のテキストと漢字",
    "한국어 문장입니다",
    "Привет, мир! Как дела?",
    "مرحبا بالعالم",
    "שלום עולם",
    "हिन्दी में एक वाक्य",
    "ไทยไม่มีช่องว่าง",
    "emoji 😀 👩‍👩‍👧 🇩🇪 in a text",
    "combining e\u0301 and a\u030a and \u1e9b\u0323",
    "zero\u200bwidth and soft\u00adhyphen and \ufeffbom",
    "no\u00a0break\u2003space\u2028line",
    "control \x01\x02 characters \x7f here",
    "ﬁne ligature ﬀ and ½ and ① and ㎏",
    "İstanbul ıssız straße ẞ ΑΣ ς",
    "x" * 99 + " " + "y" * 100 + " " + "z" * 101,
    "https://example.com/path?query=1&other=%20#part",
    "C:\\Users\\name\\file.txt \t tab",
    "1,234.56 + 7e-9 = $12 (50%)",
    "unaffable antidisestablishmentarianism floccinaucinihilipilification",
    "replacement \ufffd character",
    "𝕬𝖑𝖕𝖍𝖆 𝒷ℯ𝓉𝒶 math letters",
    "\u4e00\u9fff\u3400\U00020000 ideographs",
    "don't can't it's -- em\u2014dash \u2026 \u201cquotes\u201d",
]


def sample(folder, count, seed, tokenizer):
    """HARD, then texts drawn from all sets alike, count in all; and their lengths in tokens."""
    by_set = {}
    for name, text in common.read_all_texts(folder):
        by_set.setdefault(name, []).append(text)
    rng = random.Random(seed)
    names = sorted(by_set)
    texts = list(HARD)
    while len(texts) < count:
        text = rng.choice(by_set[rng.choice(names)])
        if rng.random() < 0.05:
            text = " ".join([text] + [rng.choice(by_set[rng.choice(names)]) for _ in range(rng.randint(2, 12))])
        if "\x00" not in text:
            texts.append(text)
    lengths = [len(e.ids) for e in tokenizer.encode_batch(texts)]
    return texts, lengths


def by_windows(model, text):
    """The average over windows of 512 tokens, weighted by their tokens, then unit length."""
    tokenizer = model.tokenizer
    ids = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    inside = WINDOW - 2
    parts = [ids[i : i + inside] for i in range(0, len(ids), inside)]
    import torch

    total = 0
    for part in parts:
        whole = torch.tensor([[tokenizer.cls_token_id] + part + [tokenizer.sep_token_id]])
        hidden = model[0].auto_model(input_ids=whole, attention_mask=torch.ones_like(whole)).last_hidden_state
        total = total + hidden[0].mean(0).numpy().astype(np.float64) * len(part)
    return total / np.linalg.norm(total)


def embed(connection, model, rows):
    out = connection.query(f"SELECT slm_embed(t, '{model}') FROM texts WHERE id = ANY($1::int[]) ORDER BY id",
                           "{" + ",".join(map(str, rows)) + "}", binary=True)
    vectors = np.array([common.real_array(v) for (v,) in out], dtype=np.float64).reshape(len(rows), -1)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main():
    parser = common.arguments(__doc__.splitlines()[0], folder=True)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--types", default="f32,f16,q8_0")
    args = common.parse(parser)
    report = common.Report(args)
    types = args.types.split(",")

    model = common.Reference(WINDOW)
    texts, lengths = sample(args.folder, args.texts, args.seed, plain_tokenizer())
    inside = [i for i, n in enumerate(lengths) if n <= WINDOW]
    beyond = [i for i, n in enumerate(lengths) if n > WINDOW]
    reference = model.embed(texts)
    windows = np.array([by_windows(model.model, texts[i]) for i in beyond]).reshape(len(beyond), -1)

    with common.Connection(args.uri) as connection:
        common.fill_texts(connection, texts)
        counted = [int(r[0]) for r in connection.query(f"SELECT slm_count_tokens(t, '{args.prefix}{types[0]}') FROM texts ORDER BY id")]
        different = sum(a + 2 != b for a, b in zip(counted, lengths))
        rows, found = [], {}
        groups = [(f"<= {WINDOW} tokens", inside, "", reference[inside]),
                  (f"> {WINDOW}, cut", beyond, "_cut", reference[beyond]),
                  (f"> {WINDOW}, windows", beyond, "", windows)]
        for name in types:
            for what, chosen, suffix, expected in groups:
                if not chosen:
                    continue
                cosine = (embed(connection, args.prefix + name + suffix, chosen) * expected).sum(axis=1)
                found[name, what] = cosine
                rows.append([f"{name}, {what}", len(chosen), f"{cosine.min():.6f}", f"{cosine.mean():.6f}",
                             texts[chosen[int(cosine.argmin())]][:40].encode("unicode_escape").decode()])
        report.table(["cosine to sentence-transformers fp32", "texts", "min", "mean", "worst text"], rows)

        pairs = common.read_tsv(args.folder, "stsb")
        scores = [float(p["score"]) for p in pairs]
        firsts, seconds = (model.embed([p[k] for p in pairs]) for k in ("s1", "s2"))
        python = 100 * spearmanr((firsts * seconds).sum(axis=1), scores).statistic
        common.fill_texts(connection, [p["s1"] for p in pairs], "firsts")
        common.fill_texts(connection, [p["s2"] for p in pairs], "seconds")
        rows, spearman = [["sentence-transformers fp32", f"{python:.3f}", ""]], {}
        for name in types:
            out = connection.query(f"SELECT slm_similarity(a.t, b.t, '{args.prefix}{name}') "
                                   "FROM firsts a JOIN seconds b USING (id) ORDER BY id")
            spearman[name] = 100 * spearmanr([float(r[0]) for r in out], scores).statistic
            rows.append([f"slm_similarity, {name}", f"{spearman[name]:.3f}", f"{spearman[name] - python:+.3f}"])
        report.table([f"STS-B test ({len(pairs)} pairs), Spearman", "points", "difference"], rows)

    report.target("texts whose number of tokens differs from Hugging Face tokenizers", different, 0, at_most=True)
    for name in types:
        least, mean, points = TARGETS[name]
        for what, _, _, _ in groups:
            if (name, what) in found:
                report.target(f"{name}, {what}: minimum cosine", found[name, what].min(), least, form="{:.6f}")
                report.target(f"{name}, {what}: mean cosine", found[name, what].mean(), mean, form="{:.6f}")
        report.target(f"{name}: STS-B, points away from {STSB}", abs(round(spearman[name], 2) - STSB), points, at_most=True, form="{:.2f}")
    report.finish()


def plain_tokenizer():
    """The model's tokenizer without its own cutting and padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(common.oracle_model_folder(), "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


if __name__ == "__main__":
    main()
