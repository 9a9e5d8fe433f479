#!/usr/bin/env python3
"""Compares slm's tokenizers with Hugging Face's, id for id.

    compare_tokenizer.py TOKENIZE VOCABULARIES [DATA [bert,gpt2,words,tiktoken,unigram,spm]]

TOKENIZE is the program build/release/test/tools/tokenize, VOCABULARIES a folder
with gguf/ggml-vocab-*.gguf (and .inp, .out), tiktoken/*.tiktoken, spm/*.model and vectors/*.jsonl, DATA
a folder whose *.tsv and *.jsonl files give real texts.  Run by hand with the
packages tokenizers and gguf; nothing here runs in `make test`.

Special tokens are never matched in text on either side: the Hugging Face
tokenizers are built here without added tokens.
"""

import base64
import glob
import importlib
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

WORD_START = "\u2581"
RANDOM_TEXTS = 100000
SEED = 20240601


def scalars():
    return (c for c in range(0x110000) if not 0xD800 <= c < 0xE000)


def read_gguf(path):
    """Tokens, types and the value of other keys of a vocabulary."""
    fields = gguf.GGUFReader(path).fields
    keys = {}
    for name, field in fields.items():
        if not field.types:
            continue
        if field.types[0] == gguf.GGUFValueType.ARRAY:
            if field.types[1] == gguf.GGUFValueType.STRING:
                keys[name] = [bytes(field.parts[i]).decode() for i in field.data]
            else:
                keys[name] = [field.parts[i].tolist()[0] for i in field.data]
        else:
            keys[name] = field.contents()
    return keys


class Ours:
    """The program under test, fed in one go."""

    def __init__(self, program):
        self.program = program

    def encode(self, vocabulary, texts):
        data = b"".join(struct.pack("<I", len(b)) + b for b in texts)
        out = subprocess.run(
            [self.program, vocabulary], input=data, stdout=subprocess.PIPE, check=True
        ).stdout
        answers, at = [], 0
        for text in texts:
            (n,) = struct.unpack_from("<i", out, at)
            assert n >= 0, text
            ids = struct.unpack_from(f"<{n}i", out, at + 4)
            starts = struct.unpack_from(f"<{n}I", out, at + 4 + 4 * n)
            ends = struct.unpack_from(f"<{n}I", out, at + 4 + 8 * n)
            at += 4 + 12 * n
            assert all(a <= b <= len(text) for a, b in zip(starts, ends)), text
            assert list(starts) == sorted(starts) and list(ends) == sorted(ends), text
            answers.append(ids)
        assert at == len(out)
        return answers


def compare(name, ours, vocabulary, reference, texts):
    """Prints one line; returns the number of texts that differ."""
    got = ours.encode(vocabulary, [t.encode() for t in texts])
    want = []
    for at in range(0, len(texts), 20000):
        batch = reference.encode_batch(texts[at : at + 20000], add_special_tokens=False)
        want += [tuple(e.ids) for e in batch]
    bad = [i for i in range(len(texts)) if got[i] != want[i]]
    tokens = sum(map(len, want))
    print(f"{name}: {len(texts)} texts, {tokens} tokens, {len(bad)} differ", flush=True)
    for i in bad[:5]:
        print(f"  {texts[i][:80]!r}\n    ours {got[i][:20]}\n    theirs {want[i][:20]}")
    return len(bad)


def code_point_texts():
    alone = [chr(c) for c in scalars()]
    between = ["a" + chr(c) + "b" for c in scalars()]
    return alone, between


def data_texts(folder):
    """Every line of every .tsv and every string of every .jsonl, at most 200,000."""
    texts = []
    for path in sorted(glob.glob(os.path.join(folder, "*", "*"))):
        if path.endswith(".tsv"):
            texts += open(path, encoding="utf8", errors="replace").read().split("\n")
        elif path.endswith(".jsonl"):
            for line in open(path, encoding="utf8"):
                value = json.loads(line)
                texts += [v for v in value.values() if isinstance(v, str)]
    random.Random(SEED).shuffle(texts)
    return [t for t in texts if t][:200000]


def random_texts():
    """Strings of every kind of character, weighted to what the rules treat apart."""
    rng = random.Random(SEED)
    pools = [
        [chr(c) for c in range(0x20, 0x7F)],
        list("aeiounrst ABEILMORS "),
        [chr(c) for c in range(0x20)] + ["\x7f", "\x85", "\xa0", "\u200b", "\u2028", "\u3000"],
        [chr(c) for c in range(0xA0, 0x250)],
        [chr(c) for c in range(0x300, 0x370)],
        [chr(c) for c in range(0x370, 0x600)],
        [chr(c) for c in range(0x900, 0xE00)],
        [chr(c) for c in range(0x1100, 0x1200)] + [chr(c) for c in range(0xAC00, 0xAC80)],
        [chr(c) for c in range(0x1E00, 0x2100)],
        [chr(c) for c in range(0x4E00, 0x4F00)] + [chr(c) for c in range(0xF900, 0xFB00)],
        [chr(c) for c in range(0xFF00, 0xFFF0)],
        [chr(c) for c in range(0x1B00, 0x1C00)] + ["\u302e", "\u302f", "\u1abf", "\ua953"],
        [chr(c) for c in range(0x1D150, 0x1D200)] + [chr(c) for c in range(0x1F600, 0x1F650)],
        ["##", "[CLS]", "[MASK]", "</s>", "<|endoftext|>", "\u2581", "\u0120", "\ufffd", "'s", "'LL", "  "],
    ]
    texts = []
    for _ in range(RANDOM_TEXTS):
        own = rng.sample(pools, rng.randint(1, 4))
        length = rng.choice((1, 3, 10, 30, 120))
        texts.append("".join(rng.choice(rng.choice(own)) for _ in range(length)))
    for _ in range(2000):
        texts.append("".join(chr(rng.choice((rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)))) for _ in range(40)))
    for c in ("a", "A", "\u00e9", "e\u0301", "\u4e2d", "\u0e01", " ", "!", "\U0001f600"):
        texts += [c * n for n in (99, 100, 101, 150, 1000)]
    return texts


def bert_reference(words, lowercase, strip_accents=None):
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def google_words(keys):
    """llama.cpp's spelling back to Google's, ids by word."""
    words = {}
    for i, token in enumerate(keys["tokenizer.ggml.tokens"]):
        kind = keys["tokenizer.ggml.token_type"][i]
        if kind == gguf.TokenType.CONTROL or (token[0] == "[" and token[-1] == "]" and len(token) > 1):
            words.setdefault(token, i)
        elif token.startswith(WORD_START):
            words.setdefault(token[1:], i)
        else:
            words.setdefault("##" + token, i)
    return words


def write_bert(path, words, **options):
    """A vocabulary in Google's spelling, in order of the ids."""
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_tokenizer_model("bert")
    writer.add_token_list(sorted(words, key=words.get))
    for name, value in options.items():
        writer.add_bool("tokenizer.ggml.normalizer." + name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def check_inp_out(ours, vocabulary):
    texts = open(vocabulary + ".inp", "rb").read().split(b"\n__ggml_vocab_test__\n")
    want = [tuple(map(int, line.split())) for line in open(vocabulary + ".out").read().split("\n")]
    got = ours.encode(vocabulary, texts)
    bad = sum(got[i] != want[i] for i in range(len(texts)))
    print(f"{os.path.basename(vocabulary)}.inp: {len(texts)} texts, {bad} differ")
    return bad


def check_vectors(ours, vocabulary, path, wrap, ids_of=list, pieces=None):
    """Vectors of transformers.js: ids with the special tokens of a sequence around.

    With pieces (the texts of our ids), the decoded text is compared instead of
    the ids, for a model whose ids differ.
    """
    cases = [json.loads(line) for line in open(path, encoding="utf8")]
    bad = 0
    for case in cases:
        parts = [case["text"]] + ([case["text_pair"]] if case.get("text_pair") else [])
        got = ours.encode(vocabulary, [part.encode() for part in parts])
        if pieces is not None:
            count = len(got[0])
            text = bytes(BYTE_OF_CHAR[c] for i in got[0] for c in pieces[i]).decode()
            same = count == len(case["ids"]) - 2 and text == case["text"]
        else:
            ids = wrap[0] + [i for part in got for i in [*part, *wrap[1]]]
            same = ids_of(ids) == case["ids"]
        if not same:
            bad += 1
            print(f"  {case['case']}: {case['text'][:60]!r}\n    ours {got}\n    theirs {case['ids']}")
    print(f"{os.path.basename(path)}: {len(cases)} texts, {bad} differ")
    return bad


def compare_bert(ours, folder, texts):
    vocabulary = os.path.join(folder, "gguf", "ggml-vocab-bert-bge.gguf")
    words = google_words(read_gguf(vocabulary))
    bad = check_inp_out(ours, vocabulary)
    vectors = os.path.join(folder, "vectors")
    for name in ("bert__Xenova--bert-base-uncased", "distilbert__Xenova--distilbert-base-uncased-finetuned-sst-2-english"):
        bad += check_vectors(ours, vocabulary, os.path.join(vectors, name + ".jsonl"), ([101], [102]))
    # all-mpnet-base-v2 is the same list of words behind four other special tokens
    shift = {100: 104, 101: 0, 102: 2}
    bad += check_vectors(
        ours, vocabulary, os.path.join(vectors, "mpnet__Xenova--all-mpnet-base-v2.jsonl"), ([101], [102]),
        ids_of=lambda ids: [shift.get(i, i + 4) for i in ids],
    )
    with tempfile.TemporaryDirectory() as scratch:
        for lowercase in (True, False):
            for strip in (True, False):
                path = os.path.join(scratch, f"bert-{lowercase}-{strip}.gguf")
                write_bert(path, words, lowercase=lowercase, strip_accents=strip)
                reference = bert_reference(words, lowercase, strip)
                for name, part in texts.items():
                    bad += compare(f"bert lowercase={lowercase} strip_accents={strip} {name}", ours, path, reference, part)
        # a vocabulary of every character shows all of what normalization does
        every = {"[UNK]": 0}
        for c in scalars():
            every[chr(c)] = len(every)
            every["##" + chr(c)] = len(every)
        for lowercase, strip in ((True, True), (True, False), (False, True), (False, False)):
            path = os.path.join(scratch, "every.gguf")
            write_bert(path, every, lowercase=lowercase, strip_accents=strip)
            reference = bert_reference(every, lowercase, strip)
            for name in ("code points alone", "code points between letters", "random"):
                bad += compare(
                    f"every character, lowercase={lowercase} strip_accents={strip} {name}",
                    ours, path, reference, texts[name],
                )
    reference = bert_reference(words, True)
    for name, part in texts.items():
        bad += compare(f"bert as converted by llama.cpp, {name}", ours, vocabulary, reference, part)
    return bad


def byte_chars():
    """GPT-2's printable character of each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(other)}}


BYTE_OF_CHAR = {c: b for b, c in byte_chars().items()}


def compare_gpt2(ours, folder, texts):
    vocabulary = os.path.join(folder, "gguf", "ggml-vocab-gpt-2.gguf")
    vectors = os.path.join(folder, "vectors")
    keys = read_gguf(vocabulary)
    tokens = keys["tokenizer.ggml.tokens"]
    merges = [tuple(m.split(" ")) for m in keys["tokenizer.ggml.merges"]]
    reference = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    bad = check_inp_out(ours, vocabulary)
    bad += check_vectors(ours, vocabulary, os.path.join(vectors, "gpt2__Xenova--gpt2.jsonl"), ([], []))
    # RoBERTa has GPT-2's merges with other ids; equal texts must give equal pieces
    bad += check_vectors(
        ours, vocabulary, os.path.join(vectors, "roberta__Xenova--all-distilroberta-v1.jsonl"), ([], []), pieces=tokens
    )
    for name, part in texts.items():
        bad += compare(f"gpt-2 {name}", ours, vocabulary, reference, part)
    # ModernBERT composes characters and cuts its added tokens out of texts first
    reference.normalizer = normalizers.NFC()
    added = [" " * n for n in range(2, 25)] + ["|||IP_ADDRESS|||"]
    reference.add_tokens([AddedToken(text, normalized=True) for text in added])
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "modern-bert.gguf")
        writer = gguf.GGUFWriter(path, "modern-bert")
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("modern-bert")
        writer.add_token_list(tokens + added)
        writer.add_token_types([1] * len(tokens) + [4] * len(added))
        writer.add_token_merges([" ".join(m) for m in merges])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        spaces = [f"a{' ' * n}b{' ' * m}" for n in range(60) for m in (0, 1, 3, 30)] + ["x|||IP_ADDRESS||||||IP_ADDRESS||| y"]
        for name, part in {**texts, "spaces": spaces}.items():
            bad += compare(f"modern-bert {name}", ours, path, reference, part)
    return bad


GPT4_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BIG, SMALL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
BY_CASE = (rf"[^\r\n\p{{L}}\p{{N}}]?{BIG}*{SMALL}+%s|[^\r\n\p{{L}}\p{{N}}]?{BIG}+{SMALL}*%s|%s| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
CJK = "[一-龥ࠀ-一가-퟿]+"


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def deepseek_letters():
    return "[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in make_unicode_tables().DEEPSEEK_RANGES) + "]+"


def make_unicode_tables():
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools")
    sys.path.insert(0, path)
    return importlib.import_module("make_unicode_tables")


def ways_to_cut():
    """What tokenizer.json has for each way, by the name in tokenizer.ggml.pre, but for the spelling of bytes at its end."""
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    digits = pre_tokenizers.Digits(individual_digits=True)
    ways = {
        "gpt-2": [gpt2],
        "llama-bpe": [split(GPT4_PATTERN % r"\p{N}{1,3}"), bytes_only],
        "qwen2": [split(GPT4_PATTERN % r"\p{N}"), bytes_only],
        "starcoder": [digits, gpt2],
        "falcon": [pre_tokenizers.Punctuation("contiguous"), gpt2, pre_tokenizers.Digits(individual_digits=False), split("[0-9][0-9][0-9]")],
        "deepseek-llm": [split("[\r\n]"), split(r"\s?" + deepseek_letters()), split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"),
                         split(CJK), digits, bytes_only],
        "deepseek-coder": [split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(CJK), digits, bytes_only],
        "tekken": [split(BY_CASE % ("", "", r"\p{N}")), bytes_only],
        "gpt-4o": [split(BY_CASE % (SUFFIX, SUFFIX, r"\p{N}{1,3}")), bytes_only],
    }
    return {name: pre_tokenizers.Sequence(way) for name, way in ways.items()}


COMPOSED = ("qwen2",)  # those whose text is brought to NFC first
IGNORE_MERGES = ("llama-bpe", "tekken")


def bpe_reference(pre, tokens, merges, added=()):
    """tokens that are None are not in the vocabulary; those of added are, and are cut out of a text first."""
    reference = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens) if t is not None}, merges, ignore_merges=pre in IGNORE_MERGES))
    if pre in COMPOSED:
        reference.normalizer = normalizers.NFC()
    reference.pre_tokenizer = ways_to_cut()[pre]
    reference.add_tokens([AddedToken(t, normalized=False, special=False) for t in added])
    return reference


def write_bpe(path, pre, tokens, merges, added=()):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([*tokens, *added])
    writer.add_token_types([1] * len(tokens) + [4] * len(added))
    writer.add_token_merges([" ".join(m) for m in merges])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


VECTORS = {
    "falcon": ("falcon__tiiuae--falcon-7b.jsonl", []),
    "deepseek-coder": ("llama__Xenova--deepseek-coder-1.3b-instruct.jsonl", [32013]),
}


def compare_words(ours, folder, texts):
    """Vocabularies with a way of their own to cut words."""
    bad = 0
    for pre in ("starcoder", "falcon", "deepseek-coder"):
        vocabulary = os.path.join(folder, "gguf", f"ggml-vocab-{pre}.gguf")
        keys = read_gguf(vocabulary)
        typed = list(zip(keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"]))
        # what looks like a control token is not found in a text here
        added = [t for t, kind in typed if kind == 4 and t[0] not in "<["]
        tokens = [t if kind == 1 or t in added else None for t, kind in typed]
        merges = [tuple(m.split(" ")) for m in keys["tokenizer.ggml.merges"]]
        bad += check_inp_out(ours, vocabulary)
        if pre in VECTORS:
            name, first = VECTORS[pre]
            bad += check_vectors(ours, vocabulary, os.path.join(folder, "vectors", name), (first, []))
        reference = bpe_reference(pre, tokens, merges, added)
        for name, part in texts.items():
            bad += compare(f"{pre} {name}", ours, vocabulary, reference, part)
    return bad


def read_tiktoken(path):
    """Tokens by rank, and the merges that give them, in GPT-2's characters."""
    chars = byte_chars()
    ranks = {}
    for line in open(path):
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = [bytes([b]) for b in token]
        while len(parts) > 2:
            pairs = [ranks.get(a + b, rank) for a, b in zip(parts, parts[1:])]
            i = pairs.index(min(pairs))
            if pairs[i] >= rank:
                break
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        if len(parts) == 2:
            merges.append(tuple("".join(chars[b] for b in part) for part in parts))
    return ["".join(chars[b] for b in token) for token in sorted(ranks, key=ranks.get)], merges


def compare_tiktoken(ours, folder, texts):
    """Ranks as merges; Llama 3's also with ways to cut words whose vocabularies are not at hand."""
    bad = 0
    ranks = {name: read_tiktoken(os.path.join(folder, "tiktoken", name + ".tiktoken")) for name in ("llama-bpe", "qwen2")}
    for pre in ("llama-bpe", "qwen2", "tekken", "gpt-4o", "deepseek-llm", "starcoder"):
        tokens, merges = ranks.get(pre, ranks["llama-bpe"])
        with tempfile.TemporaryDirectory() as scratch:
            vocabulary = os.path.join(scratch, pre + ".gguf")
            write_bpe(vocabulary, pre, tokens, merges)
            if pre in ranks:
                for end in ("inp", "out"):
                    shutil.copyfile(os.path.join(folder, "tiktoken", f"{pre}.{end}"), f"{vocabulary}.{end}")
                bad += check_inp_out(ours, vocabulary)
            reference = bpe_reference(pre, tokens, merges)
            for name, part in texts.items():
                bad += compare(f"{pre} {name}", ours, vocabulary, reference, part)
            if pre != "qwen2":
                continue
            added = ["  ", "    ", "né", "e", "!!", "!!!", "the", " the", "\n\n", "\u0301", "中", "'s"]
            write_bpe(vocabulary, pre, tokens, merges, added)
            reference = bpe_reference(pre, [*tokens, *added], merges, added)
            for name, part in texts.items():
                bad += compare(f"{pre} with user-defined tokens, {name}", ours, vocabulary, reference, part)
    return bad


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def protobuf(data):
    """Fields of a message: (number, value) with bytes for everything but varints."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                size, at = varint(data, at)
            value = data[at : at + size]
            at += size
        yield key >> 3, value


def read_sentencepiece(path):
    """Pieces (text, score, type) and character map of a SentencePiece model."""
    pieces, charsmap = [], None
    for number, value in protobuf(open(path, "rb").read()):
        if number == 1:
            piece = dict(protobuf(value))
            (score,) = struct.unpack("<f", piece.get(2, bytes(4)))
            pieces.append((piece[1].decode(), score, piece.get(3, 1)))
        elif number == 3:
            charsmap = dict(protobuf(value))[2]
    return pieces, charsmap


def write_unigram(path, pieces, charsmap, pre=None, fold={}, **special):
    writer = gguf.GGUFWriter(path, "t5")
    writer.add_tokenizer_model("t5")
    if pre:
        writer.add_tokenizer_pre(pre)
    for name, value in fold.items():
        writer.add_bool("tokenizer.ggml.normalizer." + name, value)
    writer.add_token_list([p[0] for p in pieces])
    writer.add_token_scores([p[1] for p in pieces])
    writer.add_token_types([p[2] for p in pieces])
    if charsmap:
        writer.add_precompiled_charsmap(charsmap)
    for name, value in special.items():
        writer.add_uint32(f"tokenizer.ggml.{name}_token_id", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def albert_fold(lowercase=True, strip_accents=True):
    """What ALBERT does before its character map."""
    steps = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    steps += [normalizers.NFKD(), normalizers.StripAccents()] if strip_accents else []
    return steps + ([normalizers.Lowercase()] if lowercase else [])


def unigram_reference(pieces, charsmap, unk_id, byte_fallback=False, fold=()):
    # special tokens get spellings that no text has
    words = [(p[0] if p[2] in (1, 4, 5, 6) else f"\0\0special {i}\0\0", p[1]) for i, p in enumerate(pieces)]
    tokenizer = Tokenizer(models.Unigram(words, unk_id=unk_id, byte_fallback=byte_fallback))
    steps = [*fold, *([normalizers.Precompiled(charsmap)] if charsmap else [])]
    if steps:
        tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement=WORD_START, prepend_scheme="always"),
        ]
    )
    return tokenizer


def cluster_texts():
    """Short clusters of every kind: a base of 1 to 3 bytes and marks."""
    marks = [chr(c) for c in range(0x300, 0x370)] + ["\u200d", "\u0903", "\u094d", "\u0f71", "\U0001d165", "\u20dd", "\ufe0f"]
    texts = []
    for c in range(1, 0x10000):
        if not 0xD800 <= c < 0xE000:
            texts.append(chr(c) + marks[c % len(marks)] + "x")
            texts.append("e" + chr(c) + marks[c * 7 % len(marks)])
    for c in list(range(0xA0, 0x600)) + list(range(0x1E00, 0x2100)):
        texts += [chr(c) + m for m in marks]
    return texts


def compare_unigram(ours, folder, texts):
    pieces, charsmap = read_sentencepiece(os.path.join(folder, "spm", "albert-base-v2.spiece.model"))
    bad = 0
    texts = {**texts, "clusters": cluster_texts(), "quotes": [q * n + "a" + q for q in "'`\"" for n in range(1, 9)]}
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "albert.gguf")
        write_unigram(path, pieces, charsmap, pre="albert", bos=2, eos=3, unknown=1, padding=0, mask=4)
        bad += check_vectors(
            ours, path, os.path.join(folder, "vectors", "albert__Xenova--albert-base-v2.jsonl"), ([2], [3])
        )
        # without a map of its own, a vocabulary of every character shows all of what is done before
        every = [("<unk>", 0.0, 2)] + [(chr(c), -1.0 - c / 2**21, 1) for c in scalars()]
        for words, chars, of in ((pieces, charsmap, "ALBERT"), (every, None, "every character")):
            for lowercase in (True, False):
                for strip in (True, False):
                    fold = dict(lowercase=lowercase, strip_accents=strip)
                    unknown = [p[2] for p in words].index(2)
                    write_unigram(path, words, chars, pre="albert", fold=fold, unknown=unknown)
                    reference = unigram_reference(words, chars, unknown, fold=albert_fold(**fold))
                    for name, part in texts.items():
                        bad += compare(f"{of} {fold} {name}", ours, path, reference, part)
        path = os.path.join(scratch, "unigram.gguf")
        write_unigram(path, pieces, charsmap, bos=2, eos=3, unknown=1, padding=0, mask=4)
        reference = unigram_reference(pieces, charsmap, 1)
        for name, part in texts.items():
            bad += compare(f"unigram {name}", ours, path, reference, part)
        # the same words with byte tokens behind them
        with_bytes = pieces + [(f"<0x{b:02X}>", 0.0, 6) for b in range(256)]
        path = os.path.join(scratch, "bytes.gguf")
        write_unigram(path, with_bytes, charsmap, eos=3, unknown=1)
        reference = unigram_reference(with_bytes, charsmap, 1, byte_fallback=True)
        for name, part in texts.items():
            if name != "data":
                bad += compare(f"unigram with byte fallback {name}", ours, path, reference, part)
    return bad


def spm_reference(pieces, unk_id, prefix=True):
    """SentencePiece's BPE of pieces (text, score, type) as Hugging Face's newest converter writes it.

    User-defined pieces are cut out behind the space before the text; they are never merged.
    """
    merged = {text: (score, i) for i, (text, score, kind) in reversed(list(enumerate(pieces))) if kind in (1, 5)}
    ranked = []
    for text, (score, i) in merged.items():
        for at in range(1, len(text)):
            if text[:at] in merged and text[at:] in merged:
                ranked.append((-score, i, text[:at], text[at:]))
    vocab = {text: i for text, (_, i) in merged.items()}
    vocab.update({text: i for i, (text, _, kind) in enumerate(pieces) if kind in (4, 6) or i == unk_id})
    # special tokens get spellings that no text has
    vocab.update({f"\0\0special {i}\0\0": i for i, p in enumerate(pieces) if p[2] == 3})
    user_defined = [p[0] for p in pieces if p[2] == 4]
    tokenizer = Tokenizer(models.BPE(
        vocab, [(left, right) for _, _, left, right in sorted(ranked)], unk_token=pieces[unk_id][0],
        fuse_unk=True, byte_fallback=True, ignore_merges=bool(user_defined),
    ))
    first = [normalizers.Prepend(WORD_START)] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*first, normalizers.Replace(" ", WORD_START)])
    if user_defined:
        pattern = "|".join(re.escape(p) for p in sorted(user_defined, key=len, reverse=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    return tokenizer


def write_spm(path, pieces, prefix=True, **special):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([p[0] for p in pieces])
    writer.add_token_scores([p[1] for p in pieces])
    writer.add_token_types([p[2] for p in pieces])
    writer.add_add_space_prefix(prefix)
    for name, value in special.items():
        writer.add_uint32(f"tokenizer.ggml.{name}_token_id", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def repeating_texts():
    """Texts of few letters: where merges of one score lie over each other, the leftmost is first."""
    rng = random.Random(SEED)
    texts = []
    for _ in range(60000):
        letters = rng.choice(("ab", "a ", "- ", "=-", " \n", "anb", "0 ", "__a", "ha", "*/ ", ". ", "lo ", "oO"))
        texts.append("".join(rng.choice(letters) for _ in range(rng.randint(3, 60))))
    return texts + [unit * n for n in range(1, 300) for unit in (" ", "-", "=", "a", "ha", "na", "\n", "\n ")]


def compare_spm(ours, folder, texts):
    texts = {**texts, "repeating": repeating_texts()}
    bad = 0
    for name in ("llama-spm", "phi-3"):
        vocabulary = os.path.join(folder, "gguf", f"ggml-vocab-{name}.gguf")
        keys = read_gguf(vocabulary)
        pieces = list(zip(*(keys["tokenizer.ggml." + key] for key in ("tokens", "scores", "token_type"))))
        # </s> of Phi-3 is user-defined, and no text gives it here
        pieces = [(text, score, 3 if kind == 4 or (kind == 2 and i > 0) else kind) for i, (text, score, kind) in enumerate(pieces)]
        bad += check_inp_out(ours, vocabulary)
        reference = spm_reference(pieces, 0)
        for part, some in texts.items():
            bad += compare(f"{name} {part}", ours, vocabulary, reference, some)
        if name == "llama-spm":
            vectors = os.path.join(folder, "vectors", "llama__Xenova--llama-tokenizer.jsonl")
            bad += check_vectors(ours, vocabulary, vectors, ([1], []))
            llama = pieces
    # as Gemma has it: no space before a text, and user-defined lines, spaces and tags
    added = ["\n" * n for n in range(1, 32)] + [" " * n for n in range(2, 32)] + ["<h1>", "</h1>", "<strong>", "ab", "a b", "é"]
    with tempfile.TemporaryDirectory() as scratch:
        for prefix in (False, True):
            vocabulary = os.path.join(scratch, "added.gguf")
            write_spm(vocabulary, llama + [(text, -1000.0, 4) for text in added], prefix, bos=1, eos=2, unknown=0)
            reference = spm_reference(llama + [(text.replace(" ", WORD_START), 0.0, 4) for text in added], 0, prefix)
            for part, some in texts.items():
                if part != "data":
                    bad += compare(f"user-defined, prefix {prefix}, {part}", ours, vocabulary, reference, some)
    return bad


def main():
    if len(sys.argv) not in (3, 4, 5):
        sys.exit(__doc__)
    ours, folder = Ours(sys.argv[1]), sys.argv[2]
    alone, between = code_point_texts()
    texts = {"code points alone": alone, "code points between letters": between, "random": random_texts()}
    if len(sys.argv) > 3:
        texts["data"] = data_texts(sys.argv[3])
    parts = {"bert": compare_bert, "gpt2": compare_gpt2, "words": compare_words, "tiktoken": compare_tiktoken, "unigram": compare_unigram, "spm": compare_spm}
    chosen = sys.argv[4].split(",") if len(sys.argv) > 4 else list(parts)
    bad = sum(parts[name](ours, folder, texts) for name in chosen)
    print(f"{bad} differences in all")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
