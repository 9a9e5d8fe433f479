#!/usr/bin/env python3
"""Makes test/golden/tokenizer-*: small vocabularies and Hugging Face's answers.

    make_tokenizer.py FOLDER [bert|gpt2|unigram|spm|albert|every|words|nfc ...]

For bert, gpt2, unigram, spm and albert writes tokenizer-NAME.gguf, a vocabulary of our own
made from the texts below, and tokenizer-NAME.txt: a line "sweep HASH" and then
"ids<TAB>text" lines, the text with backslash escapes for backslash, control
bytes and line breaks.  HASH covers every scalar value between two letters.
tokenizer-every.txt holds hashes for a vocabulary of every character, which
test_tokenizer_golden.c makes by the same rule.  tokenizer-words.txt holds hashes
of where each way to cut words cuts, and tokenizer-nfc.txt of composed texts.

Needs the packages tokenizers and gguf; the answers come from tokenizers with
no token matched as special.
"""

import json
import os
import random
import struct
import sys
import unicodedata

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from compare_tokenizer import (
    WORD_START,
    albert_fold,
    bert_reference,
    byte_chars,
    scalars,
    spm_reference,
    unigram_reference,
    ways_to_cut,
    write_bert,
    write_spm,
    write_unigram,
)

import gguf

SENTENCES = """
The database keeps the ticket, the invoice and the shipping label in one row.
A trigger tags every message as it arrives; nobody waits for it.
Shipping to Oslo takes three days, billing takes one, and login never fails.
She didn't expect the parcel before Friday, but they've sent it already.
Summaries of long reports are short; embeddings of short reports are vectors.
How many tokens fit into a context of five hundred and twelve?
Running, walking and tokenizing words is unbelievably uninteresting work.
The café in Zürich serves crème brûlée and piñata cake for 12.50 €.
Москва и Санкт-Петербург — большие города.
数据库中的文本分类很有用。
東京は日本の首都です。
모델은 데이터베이스 안에서 실행됩니다.
مرحبا بالعالم
नमस्ते दुनिया
สวัสดีชาวโลก
Ελληνικά γράμματα και τόνοι.
naïve façade, Ångström, Łódź, İstanbul, straße, ﬁne, ①②③, ½ cup, x² + y²
e-mail: someone@example.org, url: https://example.org/a?b=c&d=%20e#f
if (x <= 10 && y != 0) { return a[i] + "b\\n"; } // 0x1F
I'll, you're, we've, he'd, she's, don't, I'M, 'twas
2024-06-01T12:34:56Z 1,234,567.89 -17% $5 #42 100%
[CLS] [SEP] [MASK] [PAD] [UNK] <s> </s> <mask> <|endoftext|> ##ing \u2581word \u0120word
👍🏽 👩‍💻 🇩🇪🇫🇷 ❤️ e\u0301\u0323 a\u0323\u0301 \u1e69 \u1e9b\u0323
\ufeffbom \u200bzero\u200dwidth \u00a0nbsp\u3000wide\ttab\u2028line\u0085next
\x00nul \x07bell \x7fdel \ufffd\ufffd \U000e0041tag \U0010ffff
""".strip().split("\n")


def texts():
    """Several hundred texts: the sentences, their words, and mixtures of everything."""
    rng = random.Random(7)
    words = sorted({w for s in SENTENCES for w in s.split()})
    pool = sorted({c for s in SENTENCES for c in s} | set(map(chr, range(32, 127))))
    out = ["", " ", "a", "\n\n", "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101, "'" * 40, " " * 40]
    out += SENTENCES + words
    for _ in range(150):
        out.append("".join(rng.choice(("", " ", "  ", "\n")) + rng.choice(words) for _ in range(rng.randint(2, 9))))
    for _ in range(150):
        out.append("".join(rng.choice(pool) for _ in range(rng.randint(1, 40))))
    return out


def escape(text):
    return "".join(
        "\\\\" if b == 0x5C else chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in text.encode()
    )


def sweep(encode_batch):
    """FNV-1a, 64 bits, over the ids of every scalar value between two letters, -1 after each."""
    value = 0xCBF29CE484222325
    all_scalars = list(scalars())
    for at in range(0, len(all_scalars), 50000):
        for ids in encode_batch(["a" + chr(c) + "b" for c in all_scalars[at : at + 50000]]):
            for byte in struct.pack(f"<{len(ids) + 1}i", *ids, -1):
                value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def batch(tokenizer):
    return lambda part: [e.ids for e in tokenizer.encode_batch(part, add_special_tokens=False)]


def write_answers(path, tokenizer):
    with open(path, "w", encoding="ascii") as out:
        out.write(f"sweep {sweep(batch(tokenizer))}\n")
        for text in texts():
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            out.write(" ".join(map(str, ids)) + "\t" + escape(text) + "\n")


def make_bert(folder):
    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer(lowercase=True)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trained.train_from_iterator(
        SENTENCES[:-4], trainers.WordPieceTrainer(vocab_size=700, special_tokens=special, show_progress=False)
    )
    ordinary = sorted(w for w in trained.get_vocab() if w not in special)
    words = {w: i for i, w in enumerate(special + ordinary)}
    write_bert(os.path.join(folder, "tokenizer-bert.gguf"), words)
    write_answers(os.path.join(folder, "tokenizer-bert.txt"), bert_reference(words, True))


def make_gpt2(folder):
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    trainer = trainers.BpeTrainer(
        vocab_size=700, initial_alphabet=sorted(byte_chars().values()), show_progress=False
    )
    trained.train_from_iterator(SENTENCES, trainer)
    model = json.loads(trained.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get) + ["<|endoftext|>"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    writer = gguf.GGUFWriter(os.path.join(folder, "tokenizer-gpt2.gguf"), "gpt2")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 1) + [3])
    writer.add_token_merges([" ".join(m) for m in merges])
    writer.add_eos_token_id(len(tokens) - 1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    reference = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens[:-1])}, merges))
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    write_answers(os.path.join(folder, "tokenizer-gpt2.txt"), reference)


def make_charsmap(pairs):
    """SentencePiece's format: a double array with values, first fit, and the replacements."""
    text = b""
    root = {}
    for key, replacement in sorted(pairs.items()):
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node["value"] = len(text)
        text += replacement.encode() + b"\0"
    unit = {0: 0}
    waiting = [(0, root)]
    while waiting:
        at, node = waiting.pop(0)
        labels = [b for b in node if b != "value"]
        want = labels + ([0] if "value" in node else [])
        base = next(b for b in range(1, 1 << 20) if all((b ^ w) not in unit for w in want))
        unit[at] |= (at ^ base) << 10
        if "value" in node:
            unit[at] |= 0x100
            unit[base] = 0x80000000 | node["value"]
        for byte in labels:
            unit[base ^ byte] = byte
        waiting += [(base ^ byte, node[byte]) for byte in labels]
    size = (max(unit) | 255) + 1
    trie = struct.pack(f"<{size}I", *(unit.get(i, 0) for i in range(size)))
    return struct.pack("<I", len(trie)) + trie + text


def make_unigram(folder, name="unigram", fold=(), **options):
    singles = [*range(0xA0, 0x100), *range(0x1E00, 0x1EA0), *range(0x2070, 0x20A0), *range(0x2460, 0x2474), *range(0xFB00, 0xFB07), *range(0xFF01, 0xFF60)]
    pairs = {chr(c): unicodedata.normalize("NFKC", chr(c)) for c in singles}
    for base in "aeinouyAEO":
        for mark in "\u0300\u0301\u0308\u0323":
            pairs[base + mark] = unicodedata.normalize("NFC", base + mark)
    pairs = {k: v for k, v in pairs.items() if k != v}
    pairs.update({"\t": " ", "\n": " ", "\u3000": " ", "\u2028": " ", "\ufeff": "", "\x7f": "", "\u200b": " "})
    charsmap = make_charsmap(pairs)
    counts = {}
    normalize = normalizers.Sequence([*fold, normalizers.Precompiled(charsmap)]).normalize_str
    for sentence in SENTENCES[:-4]:
        for word in normalize(sentence).split():
            word = WORD_START + word
            for i in range(len(word)):
                for j in range(i + 1, min(len(word), i + 9) + 1):
                    counts[word[i:j]] = counts.get(word[i:j], 0) + 1
    chars = sorted(c for c in counts if len(c) == 1)
    longer = sorted((w for w in counts if len(w) > 1 and counts[w] > 1), key=lambda w: (-counts[w] * len(w), w))[:500]
    rng = random.Random(3)
    pieces = [("<s>", 0.0, 3), ("<pad>", 0.0, 3), ("</s>", 0.0, 3), ("<unk>", 0.0, 2)]
    pieces += [(w, -round(rng.uniform(3, 14), 3), 1) for w in longer + chars]
    pieces += [("<mask>", 0.0, 3)]
    # a score is a float in the file, so the reference gets that float
    pieces = [(w, struct.unpack("<f", struct.pack("<f", s))[0], t) for w, s, t in pieces]
    write_unigram(
        os.path.join(folder, f"tokenizer-{name}.gguf"), pieces, charsmap, **options,
        bos=0, padding=1, eos=2, unknown=3, mask=len(pieces) - 1,
    )
    write_answers(os.path.join(folder, f"tokenizer-{name}.txt"), unigram_reference(pieces, charsmap, 3, fold=fold))


def make_albert(folder):
    """The same words without case and accents."""
    make_unigram(folder, "albert", albert_fold(), pre="albert")


def make_spm(folder):
    """Merges counted as SentencePiece counts them: the most frequent pair of neighbours in all words, again and again."""
    words = [[WORD_START, *word] for s in SENTENCES[:-4] for word in s.split(" ")]
    merged = []
    for _ in range(400):
        counts = {}
        for word in words:
            for pair in zip(word, word[1:]):
                counts["".join(pair)] = counts.get("".join(pair), 0) + 1
        best = min(counts, key=lambda w: (-counts[w], w))
        merged.append(best)
        for word in words:
            i = 0
            while i + 1 < len(word):
                if word[i] + word[i + 1] == best:
                    word[i : i + 2] = [best]
                i += 1
    chars = sorted({c for s in SENTENCES[:-4] for c in s} - {" "})
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    pieces += [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    pieces += [(w, -float(i), 1) for i, w in enumerate([*merged, WORD_START * 2, WORD_START * 4, WORD_START, *chars])]
    pieces += [("\n\n", 0.0, 4), ("e-mail", 0.0, 4), ("<|im_end|>", 0.0, 3)]
    write_spm(os.path.join(folder, "tokenizer-spm.gguf"), pieces, bos=1, eos=2, unknown=0)
    write_answers(os.path.join(folder, "tokenizer-spm.txt"), spm_reference(pieces, 0))


def make_every(folder):
    """Word n (from 1) of the n-th scalar value, its continuation behind it: 2 n - 1 and 2 n."""
    words = {"[UNK]": 0}
    for c in scalars():
        words[chr(c)] = len(words)
        words["##" + chr(c)] = len(words)
    with open(os.path.join(folder, "tokenizer-every.txt"), "w", encoding="ascii") as out:
        for lowercase in (0, 1):
            for strip in (0, 1):
                reference = bert_reference(words, bool(lowercase), bool(strip))
                out.write(f"lowercase {lowercase} strip_accents {strip} sweep {sweep(batch(reference))}\n")


class Hash:
    """FNV-1a over 32-bit numbers, 2**32 - 1 behind each list of them."""

    def __init__(self):
        self.value = 0xCBF29CE484222325

    def put(self, numbers):
        for number in (*numbers, 0xFFFFFFFF):
            self.value = (self.value ^ number) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF

    def __str__(self):
        return f"{self.value:016x}"


def swept():
    """Scalar values of slow sweeps: all that have a use, some of the others."""
    return (chr(c) for c in scalars() if c < 0x33500 or 0xE0000 <= c < 0xE0200 or c % 61 == 0)


def make_words(folder):
    """Lengths of words in bytes: scalar values among letters, digits and signs, and the texts of tokenizer-gpt2.txt."""
    with open(os.path.join(folder, "tokenizer-words.txt"), "w", encoding="ascii") as out:
        for name, way in ways_to_cut().items():
            sweep_hash, texts_hash = Hash(), Hash()
            for c in swept():
                for text in (f"a{c}B {c}1{c} ", f"!{c}!{c}{c}'s\n  {c}"):
                    sweep_hash.put(len(word) for word, _ in way.pre_tokenize_str(text))
            for text in texts():
                texts_hash.put(len(word) for word, _ in way.pre_tokenize_str(text))
            out.write(f"{name} sweep {sweep_hash} texts {texts_hash}\n")


def nfc_samples():
    """Sequences of characters that compose, by a generator that test_nfc.c has as well."""
    state = 1
    for _ in range(200000):
        text = ""
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        for _ in range((state >> 16) % 10 + 1):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            first, count = NFC_RANGES[(state >> 28) % len(NFC_RANGES)]
            text += chr(first + (state >> 8) % count)
        yield text


NFC_RANGES = [(0x61, 26), (0xC0, 0x240), (0x300, 0x70), (0x300, 0x70), (0x1100, 0x100), (0x900, 0x500), (0x1E00, 0x200), (0x1D150, 0x80)]


def make_nfc(folder):
    nfc = normalizers.NFC().normalize_str
    sweep_hash, samples_hash = Hash(), Hash()
    for c in swept():
        for text in (f"a{c}b", f"{c}\u0301\u0323", f"e\u0323{c}\u0301", f"\u1100{c}\u11a8"):
            sweep_hash.put(map(ord, nfc(text)))
    for text in nfc_samples():
        samples_hash.put(map(ord, nfc(text)))
    with open(os.path.join(folder, "tokenizer-nfc.txt"), "w", encoding="ascii") as out:
        out.write(f"sweep {sweep_hash} samples {samples_hash}\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    makers = dict(bert=make_bert, gpt2=make_gpt2, unigram=make_unigram, spm=make_spm, albert=make_albert, every=make_every, words=make_words, nfc=make_nfc)
    for name in sys.argv[2:] or makers:
        makers[name](sys.argv[1])
