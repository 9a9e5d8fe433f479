#!/usr/bin/env python3
"""Makes chat.txt: what Hugging Face's tokenizers make of Phi-3's template over a small vocabulary of its kind.

    test/golden/make_chat.py      (needs tokenizers)

Phi-3's control tokens take away the white space behind them; test/unit/test_chat.c has the same vocabulary.  A line is
system, user and token ids, with tabs between; line ends, tabs and backslashes of a text are written as in C.
"""

import os

from tokenizers import AddedToken, Tokenizer, models, normalizers

VOCABULARY = ["<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "<|user|>", "<|end|>", "<|assistant|>", "<|system|>"]
CONTROL = VOCABULARY[7:]
TEMPLATE = "<|system|>\n{}<|end|>\n<|user|>\n{}<|end|>\n<|assistant|>\n"
TEXTS = [("b", "a"), (" b", "\n\n  a b "), ("a\n", " \u00a0\u3000a"), ("b", " \t"), ("b", "a\n"), ("\r\na  b", "\u2028\u0085b\u00a0a"),
         ("b", "\u200ba"), ("b", "c a"), ("a a", "\\n a")]


def tokenizer():
    t = Tokenizer(models.BPE(vocab={v: i for i, v in enumerate(VOCABULARY)}, merges=[("▁", "a")], unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.add_special_tokens([AddedToken(c, rstrip=True, normalized=False) for c in CONTROL])
    return t


def written(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def main():
    t = tokenizer()
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat.txt"), "w", encoding="utf-8") as out:
        for system, user in TEXTS:
            ids = [1] + t.encode(TEMPLATE.format(system, user)).ids
            print(written(system), written(user), " ".join(map(str, ids)), sep="\t", file=out)


if __name__ == "__main__":
    main()
