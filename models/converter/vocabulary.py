"""Tokenizers: what tokenizer.json says, as keys of the file."""

import base64
import re

from .source import ConvertError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


def special_ids(config, tokens, defaults):
    """Ids of the special tokens that the vocabulary has."""
    by_text = {text: i for i, text in enumerate(tokens)}
    ids = {}
    for role, default in defaults.items():
        entry = config.get(f"{role}_token", default)
        text = entry["content"] if isinstance(entry, dict) else entry
        if text is not None and text in by_text:
            ids[role] = by_text[text]
    return ids

ROBERTA_TOKENS = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "sep": "</s>", "pad": "<pad>", "cls": "<s>", "mask": "<mask>"}
BERT_TOKENS = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}


def wordpiece(source, spelling, meta):
    tokenizer = source.json("tokenizer.json", required=False)
    config = source.json("tokenizer_config.json", required=False) or {}
    vocab_txt = source.read("vocab.txt", required=False)
    if tokenizer:
        vocab = tokenizer["model"]["vocab"]
        tokens = [None] * len(vocab)
        for text, i in vocab.items():
            tokens[i] = text
        normalizer = tokenizer.get("normalizer") or {}
        lowercase = normalizer.get("lowercase", True)
        strip = normalizer.get("strip_accents")
        if normalizer.get("type") != "BertNormalizer":
            raise ConvertError("tokenizer.json: WordPiece with a normalizer other than BertNormalizer")
    elif vocab_txt:
        tokens = vocab_txt.decode().split("\n")
        tokens = [text.rstrip("\r") for text in (tokens[:-1] if tokens[-1] == "" else tokens)]
        lowercase = config.get("do_lower_case", True)
        strip = config.get("strip_accents")
    else:
        raise ConvertError("neither tokenizer.json nor vocab.txt is there")
    ids = special_ids(config, tokens, BERT_TOKENS)
    types = [NORMAL] * len(tokens)
    for role, i in ids.items():
        types[i] = UNKNOWN if role == "unk" else CONTROL

    def spelled(text, kind):
        if spelling == "hash" or kind != NORMAL:
            return text
        return text[2:] if text.startswith("##") else "\u2581" + text

    meta.string("tokenizer.ggml.model", "bert")
    meta.string("tokenizer.ggml.pre", "bert-bge")
    meta.strings("tokenizer.ggml.tokens", [spelled(t, k) for t, k in zip(tokens, types)])
    meta.i32s("tokenizer.ggml.token_type", types)
    meta.bool("tokenizer.ggml.normalizer.lowercase", lowercase)
    meta.bool("tokenizer.ggml.normalizer.strip_accents", lowercase if strip is None else strip)
    write_special(meta, ids)
    return len(tokens)


QUOTES = [("``", '"'), ("''", '"')]


def unigram_normalizer(tokenizer):
    """The character map of a unigram tokenizer, and what ALBERT's does before it (None: nothing)."""
    parts = tokenizer.get("normalizer") or {"type": "Sequence", "normalizers": []}
    parts = parts["normalizers"] if parts["type"] == "Sequence" else [parts]
    charsmap, before, quotes = None, [], []
    for part in parts:
        kind, pattern = part["type"], part.get("pattern")
        if kind == "Precompiled":
            charsmap = base64.b64decode(part["precompiled_charsmap"])
        elif kind == "Replace" and charsmap is None and "String" in pattern:
            quotes.append((pattern["String"], part["content"]))
        elif kind in ("NFKD", "StripAccents", "Lowercase") and charsmap is None:
            before.append(kind)
        # white space separates words and is no part of them, so that nothing is left to do for these
        elif not (kind == "Strip" or (kind == "Replace" and pattern == {"Regex": " {2,}"} and part["content"] == " ")):
            raise ConvertError(f'tokenizer.json: a normalizer "{kind}" is not supported there')
    if not quotes and not before:
        return charsmap, None
    accents = ["NFKD", "StripAccents"]
    if quotes != QUOTES or before not in ([], accents, ["Lowercase"], [*accents, "Lowercase"]):
        raise ConvertError("tokenizer.json: its normalizer is none that is known here")
    return charsmap, {"lowercase": "Lowercase" in before, "strip_accents": "NFKD" in before}


def unigram(source, meta):
    tokenizer = source.json("tokenizer.json")
    config = source.json("tokenizer_config.json", required=False) or {}
    model = tokenizer["model"]
    tokens = [text for text, _ in model["vocab"]]
    scores = [score for _, score in model["vocab"]]
    types = [NORMAL] * len(tokens)
    for entry in tokenizer.get("added_tokens", []):
        while len(tokens) <= entry["id"]:
            tokens.append(f"[PAD{len(tokens)}]")
            scores.append(-10000.0)
            types.append(UNUSED)
        tokens[entry["id"]] = entry["content"]
        types[entry["id"]] = CONTROL if entry["special"] else USER_DEFINED
    types[model["unk_id"]] = UNKNOWN
    charsmap, fold = unigram_normalizer(tokenizer)
    names = ROBERTA_TOKENS
    if "<s>" not in tokens and "[CLS]" in tokens:
        names = {**BERT_TOKENS, **({"unk": "<unk>", "pad": "<pad>"} if "<unk>" in tokens else {})}
    meta.string("tokenizer.ggml.model", "t5")
    meta.string("tokenizer.ggml.pre", "default" if fold is None else "albert")
    for name, value in (fold or {}).items():
        meta.bool(f"tokenizer.ggml.normalizer.{name}", value)
    meta.strings("tokenizer.ggml.tokens", tokens)
    meta.f32s("tokenizer.ggml.scores", scores)
    meta.i32s("tokenizer.ggml.token_type", types)
    meta.bool("tokenizer.ggml.add_space_prefix", True)
    meta.bool("tokenizer.ggml.remove_extra_whitespaces", True)
    # T5, the format's name for unigram vocabularies, opens no sequence; XLM-RoBERTa does.
    ids = special_ids(config, tokens, names)
    meta.bool("tokenizer.ggml.add_bos_token", "cls" in ids or "bos" in ids)
    meta.bool("tokenizer.ggml.add_eos_token", True)
    if charsmap:
        meta.bytes("tokenizer.ggml.precompiled_charsmap", charsmap)
    write_special(meta, ids)
    return len(tokens)


# How a byte-level vocabulary cuts text into words: what tokenizer.json has for it, and whether it composes texts (NFC)
# before; None: either way.
GPT4_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BIG, SMALL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
BY_CASE = (rf"[^\r\n\p{{L}}\p{{N}}]?{BIG}*{SMALL}+%s|[^\r\n\p{{L}}\p{{N}}]?{BIG}+{SMALL}*%s|%s"
           r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
BYTES, GPT2 = ("ByteLevel", False), ("ByteLevel", True)
PRE_TOKENIZERS = [
    ("qwen2", None, (("Split", GPT4_PATTERN % r"\p{N}"), BYTES)),
    ("llama-bpe", False, (("Split", GPT4_PATTERN % r"\p{N}{1,3}"), BYTES)),
    ("tekken", False, (("Split", BY_CASE % ("", "", r"\p{N}")), BYTES)),
    ("gpt-4o", False, (("Split", BY_CASE % (SUFFIX, SUFFIX, r"\p{N}{1,3}")), BYTES)),
    ("gpt-2", False, (GPT2,)),
    ("mpt", True, (GPT2,)),
    ("smollm", False, (("Digits", True), GPT2)),
    ("command-r", True, (("Digits", True), GPT2)),
    ("falcon", False, (("Punctuation", "Contiguous"), GPT2, ("Digits", False), ("Split", "[0-9][0-9][0-9]"))),
]


def pre_tokenizer(tokenizer):
    """The format's name of the tokenizer's way to cut text into words."""
    parts = tokenizer.get("pre_tokenizer") or {}
    normalizer = tokenizer.get("normalizer") or {"type": "Sequence", "normalizers": []}
    composes = normalizer["type"] == "NFC"
    what = {"Split": lambda p: p["pattern"].get("Regex"), "ByteLevel": lambda p: p.get("use_regex", True),
            "Digits": lambda p: p["individual_digits"], "Punctuation": lambda p: p["behavior"]}
    steps = tuple((p.get("type"), what.get(p.get("type"), lambda p: None)(p)) for p in parts.get("pretokenizers", [parts]))
    for name, nfc, known in PRE_TOKENIZERS:
        if steps == known and nfc in (None, composes) and (composes or normalizer.get("normalizers") == []):
            return name
    raise ConvertError("tokenizer.json: its normalizer or pre_tokenizer is none that is known here")


def spelled_tokens(tokenizer):
    """Spelling and type of every token of a BPE vocabulary, added ones among them; gaps are unused."""
    vocab = dict(tokenizer["model"]["vocab"])
    special = {}
    for entry in tokenizer.get("added_tokens", []):
        vocab[entry["content"]] = entry["id"]
        special[entry["id"]] = CONTROL if entry["special"] else USER_DEFINED
    tokens = [f"[PAD{i}]" for i in range(max(vocab.values()) + 1)]
    types = [UNUSED] * len(tokens)
    for text, i in vocab.items():
        tokens[i] = text
        types[i] = special.get(i, NORMAL)
    return tokens, types


def opens_with(tokenizer, config):
    """Whether the tokenizer puts its first special token before a text."""
    if "add_bos_token" in config:
        return bool(config["add_bos_token"])
    parts = tokenizer.get("post_processor") or {}
    for part in parts.get("processors", [parts]):
        if part.get("type") == "TemplateProcessing":
            return "SpecialToken" in part["single"][0]
    return False


def closes_with(tokenizer):
    """Id of the special token that the tokenizer puts behind a text; None where there is none."""
    parts = tokenizer.get("post_processor") or {}
    for part in parts.get("processors", [parts]):
        if part.get("type") == "TemplateProcessing" and "SpecialToken" in part["single"][-1]:
            return part["special_tokens"][part["single"][-1]["SpecialToken"]["id"]]["ids"][0]
    return None


def write_decoder_special(source, meta, tokenizer, config, tokens):
    ids = special_ids(config, tokens, {"bos": None, "eos": None, "pad": None, "unk": None})
    last = closes_with(tokenizer)
    if last is not None:
        # as llama.cpp does: Qwen3-Embedding's is not its eos_token
        ids["eos"] = last
        meta.bool("tokenizer.ggml.add_eos_token", True)
    for key, role in (("bos", "bos"), ("eos", "eos"), ("padding", "pad"), ("unknown", "unk")):
        if role in ids:
            meta.u32(f"tokenizer.ggml.{key}_token_id", ids[role])
    meta.bool("tokenizer.ggml.add_bos_token", opens_with(tokenizer, config) and "bos" in ids)
    template = config.get("chat_template") or (source.read("chat_template.jinja", required=False) or b"").decode()
    if isinstance(template, str) and template:
        meta.string("tokenizer.chat_template", template)


def byte_bpe(source, meta, decoder=False, modern=False):
    tokenizer = source.json("tokenizer.json")
    config = source.json("tokenizer_config.json", required=False) or {}
    tokens, types = spelled_tokens(tokenizer)
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    if modern and pre_tokenizer(tokenizer) != "mpt":  # the same: GPT-2's words of composed text
        raise ConvertError("tokenizer.json: its pre_tokenizer is not ModernBERT's")
    meta.string("tokenizer.ggml.model", "gpt2")
    meta.string("tokenizer.ggml.pre", pre_tokenizer(tokenizer) if decoder else "modern-bert" if modern else "roberta-bpe")
    meta.strings("tokenizer.ggml.tokens", tokens)
    meta.i32s("tokenizer.ggml.token_type", types)
    meta.strings("tokenizer.ggml.merges", merges)
    meta.bool("tokenizer.ggml.add_space_prefix", bool(config.get("add_prefix_space", False)))
    if decoder:
        write_decoder_special(source, meta, tokenizer, config, tokens)
        return len(tokens)
    write_special(meta, special_ids(config, tokens, BERT_TOKENS if modern else ROBERTA_TOKENS))
    return len(tokens)


def puts_space_before(tokenizer):
    """Whether a SentencePiece tokenizer puts a space before a text; all it may do else is write spaces as U+2581."""
    parts = tokenizer.get("normalizer") or {}
    parts = [p for p in parts.get("normalizers", [parts]) if p]
    cuts = tokenizer.get("pre_tokenizer") or {}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    if cuts.get("type") == "Metaspace" and not parts and not cuts.get("split", True):
        return cuts.get("prepend_scheme", "always") != "never"
    # Gemma cuts at spaces, when there are none any more
    if parts[-1:] == [replace] and (not cuts or cuts.get("pattern") == {"String": " "}):
        if parts[:-1] == [{"type": "Prepend", "prepend": "\u2581"}]:
            return True
        if not parts[:-1]:
            return False
    raise ConvertError("tokenizer.json: its normalizer or pre_tokenizer is none that is known here")


def piece_scores(tokens, types, merges):
    """Scores in the order in which merges make pieces.

    A score stands for all ways to merge a piece, so the merges must hold them
    all.  Pieces whose merges are mixed had one score in the model they come from.
    """
    rank = {tuple(m.split(" ")) if isinstance(m, str) else tuple(m): i for i, m in enumerate(merges)}
    pieces = {text for text, kind in zip(tokens, types) if kind == NORMAL}
    ranks = {}
    for text in pieces:
        for i in range(1, len(text)):
            if text[:i] in pieces and text[i:] in pieces:
                if (text[:i], text[i:]) not in rank:
                    raise ConvertError(f'tokenizer.json: no merge of "{text[:i]}" and "{text[i:]}", so scores cannot replace merges')
                ranks.setdefault(text, []).append(rank[text[:i], text[i:]])
    scores, score, last = {}, 0.0, -1
    for text, own in sorted(ranks.items(), key=lambda item: min(item[1])):
        score -= min(own) > last
        last = max(last, *own)
        scores[text] = score
    # a character is not merged: below the others, as SentencePiece has them
    return [scores.get(text, score - 1.0 if kind == NORMAL else 0.0) for text, kind in zip(tokens, types)]


def sentencepiece_bpe(source, meta):
    tokenizer = source.json("tokenizer.json")
    config = source.json("tokenizer_config.json", required=False) or {}
    model = tokenizer["model"]
    tokens, types = spelled_tokens(tokenizer)
    for i, text in enumerate(tokens):
        if re.fullmatch(r"<0x[0-9A-F]{2}>", text):
            types[i] = BYTE
    if model.get("unk_token"):
        types[model["vocab"][model["unk_token"]]] = UNKNOWN
    meta.string("tokenizer.ggml.model", "llama")
    meta.string("tokenizer.ggml.pre", "default")
    meta.strings("tokenizer.ggml.tokens", tokens)
    meta.f32s("tokenizer.ggml.scores", piece_scores(tokens, types, model["merges"]))
    meta.i32s("tokenizer.ggml.token_type", types)
    meta.bool("tokenizer.ggml.add_space_prefix", puts_space_before(tokenizer))
    write_decoder_special(source, meta, tokenizer, config, tokens)
    return len(tokens)


def write_special(meta, ids):
    # A classifier token opens a sequence, a separator closes it.
    first = ids.get("cls", ids.get("bos"))
    last = ids.get("sep", ids.get("eos"))
    for key, i in (
        ("bos", first),
        ("eos", last),
        ("unknown", ids.get("unk")),
        ("seperator", ids.get("sep")),  # the format's spelling
        ("padding", ids.get("pad")),
        ("cls", first),
        ("mask", ids.get("mask")),
    ):
        if i is not None:
            meta.u32(f"tokenizer.ggml.{key}_token_id", i)
