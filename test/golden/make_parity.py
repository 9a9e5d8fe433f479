#!/usr/bin/env python3
"""Makes parity-*.gguf and parity.txt: small random models of every encoder shape.

    test/golden/make_parity.py        (needs torch, transformers, tokenizers)

One model for each way in which the architectures that share the row "bert"
differ: names of tensors, token types, where positions start, pooling, heads and
their activations, widths that are no multiple of 16; and of the other encoders
an embedding and a cross-encoder, from text to answer.  The weights are seeded,
rounded to half precision and stored so; transformers computes with the same
rounded numbers in double precision.  parity.txt holds, a line each:

    model NAME      the file parity-NAME.gguf
    text TEXT       an input, or
    query TEXT      one behind PROMPT, or
    pair A\\tB       a query and a document
    ids ...         its token ids, special tokens included
    out ...         the pooled embedding, not scaled, or the head's logits, token by token
                    where it labels tokens
"""

import json
import os
import subprocess
import sys
import tempfile
import unicodedata

import torch
import transformers as hf
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from compare_tokenizer import albert_fold
from make_decoders import PATTERN as QWEN
from make_tokenizer import make_charsmap

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORDS = "the order arrived late please refund my card login failed again server down tea red dog".split()
# what a character map does to them
COMPATIBLE = {chr(c): chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)} | {"\u3000": " ", "\t": " ", "\n": " ", "\ufb01": "fi"}
TEXTS = ["the order arrived late", "Please refund my card: login failed again, server down!", "tea"]
PROMPT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
PAIRS = [("where is my order", "the order arrived late"), ("tea", "red dog"), ("refund", "please refund the card again and again")]


def wordpiece(lowercase=True):
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *"!:,.", *("##" + c for c in letters), *WORDS]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocab)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def mpnet_wordpiece():
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocab = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", *letters, *"!:,.", *("##" + c for c in letters), *WORDS, "<mask>"]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocab)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return roberta_ends(tokenizer)


def roberta_ends(tokenizer):
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return tokenizer


def byte_bpe():
    letters = pre_tokenizers.ByteLevel.alphabet()
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(letters), "th", "the", "Ġthe", "or", "Ġre", "er", "<mask>"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("o", "r"), ("Ġ", "r"), ("e", "r")]
    tokens.insert(-1, "Ġr")
    merges.append(("Ġr", "e"))
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return roberta_ends(tokenizer)


def unigram():
    letters = "abcdefghijklmnopqrstuvwxyzP!:,.▁"
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab += [(c, -8.0 - i / 16) for i, c in enumerate(letters)]
    vocab += [("▁" + w, -4.0 - i / 8) for i, w in enumerate(WORDS)]
    vocab += [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return roberta_ends(tokenizer)


LANGUAGES = [
    ("wo ist meine Bestellung?", "die Bestellung kam zu spät an"),
    ("¿dónde está mi pedido？", "el\u3000pedido llegó tarde, otra vez"),
    ("我的订单在哪里", "订单来晚了，请退款"),
    ("注文はどこですか", "ｶﾀｶﾅの注文　が遅い"),
    ("أين طلبي؟", "تأخر الطلب"),
    ("где мой заказ", "заказ пришёл поздно"),
    ("मेरा ऑर्डर कहाँ है", "ऑर्डर देर से आया"),
    ("cafe\u0301 \ufb01ne \u200b１２℃", "Café fine 12\u00a0°C \u2028 한국어"),
]


def language_unigram():
    """XLM-RoBERTa's way: a character map, then words by white space; one character has no token."""
    texts = [text for pair in LANGUAGES for text in pair]
    letters = sorted(set("".join(texts)) - set(COMPATIBLE))
    pairs = {c: unicodedata.normalize("NFKC", c) for c in [*letters, "\u3000", *(chr(c) for c in range(0xFF01, 0xFFBF))]}
    pairs.update({base + mark: unicodedata.normalize("NFC", base + mark) for base in "aeiouAEIOU" for mark in "\u0300\u0301\u0308"})
    pairs = {key: value for key, value in pairs.items() if key != value}
    charsmap = make_charsmap({**COMPATIBLE, **pairs, "\u200b": " ", "\u2028": " "})
    normalizer = normalizers.Precompiled(charsmap)
    words = sorted({word for text in texts for word in normalizer.normalize_str(text).split()})
    letters = sorted(set("".join(words)) - {"退"})
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -6.0)]
    vocab += [(c, -8.0 - i / 64) for i, c in enumerate(letters)]
    vocab += [("▁" + word, -5.0 - i / 64) for i, word in enumerate(words[::2]) if "退" not in word]
    vocab += [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=3))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    return roberta_ends(tokenizer)


def albert_unigram():
    letters = "abcdefghijklmnopqrstuvwxyz!:,.▁"
    vocab = [("<pad>", 0.0), ("<unk>", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[MASK]", 0.0)]
    vocab += [(c, -8.0 - i / 16) for i, c in enumerate(letters)]
    vocab += [("▁" + w, -4.0 - i / 8) for i, w in enumerate(WORDS)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=1))
    tokenizer.normalizer = normalizers.Sequence(albert_fold())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.add_special_tokens(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def deberta_unigram():
    letters = "abcdefghijklmnopqrstuvwxyzP!:,.▁"
    vocab = [("[PAD]", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[UNK]", 0.0)]
    vocab += [(c, -8.0 - i / 16) for i, c in enumerate(letters)]
    vocab += [("▁" + w, -4.0 - i / 8) for i, w in enumerate(WORDS)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Strip(), normalizers.Precompiled(make_charsmap(COMPATIBLE)), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace()])
    tokenizer.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    return tokenizer


def qwen_bpe():
    """Qwen3-Embedding's way: its eos_token ends a turn, and another token is put behind each text."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, "th", "the", "Ġthe", "or", "er", "Ġr", "Ġre"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("o", "r"), ("e", "r"), ("Ġ", "r"), ("Ġr", "e")]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    ends = processors.TemplateProcessing(single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>"))])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), ends])
    return tokenizer


def t5_unigram():
    letters = "abcdefghijklmnopqrstuvwxyzP!:,.▁"
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab += [(c, -8.0 - i / 16) for i, c in enumerate(letters)]
    vocab += [("▁" + w, -4.0 - i / 8) for i, w in enumerate(WORDS)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=2))
    tokenizer.normalizer = normalizers.Precompiled(make_charsmap(COMPATIBLE))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>", "<extra_id_0>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def modern_bpe():
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["|||EMAIL|||", *letters, "th", "the", "Ġthe", "or", "er", "Ġr", "Ġre"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("o", "r"), ("e", "r"), ("Ġ", "r"), ("Ġr", "e")]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(["|||EMAIL|||", *(AddedToken(" " * n, normalized=True) for n in (4, 3, 2)), "[unused0]"])
    tokenizer.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])
    first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", first), ("[SEP]", last)]
    )
    return tokenizer


BERT = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=48)
LABELS = {"id2label": {0: "negative", 1: "neutral", 2: "positive"}, "num_labels": 3}
TOKEN_LABELS = {"id2label": {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC", 4: "I-LOC"}, "num_labels": 5}
ROBERTA = dict(BERT, num_hidden_layers=1, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1)
ALBERT = dict(BERT, embedding_size=20, hidden_act="gelu_new")
NO_TOKENS = dict(pad_token_id=None, bos_token_id=None, eos_token_id=None, cls_token_id=None, sep_token_id=None)
MODERN = dict(BERT, num_hidden_layers=4, max_position_embeddings=64, local_attention=8, **NO_TOKENS)
NOMIC = dict(BERT, num_hidden_layers=1)
MOBILE = dict(BERT, num_hidden_layers=1, embedding_size=12, intra_bottleneck_size=16)
DEBERTA_DISTANCES = dict(
    relative_attention=True, position_buckets=16, pos_att_type="p2c|c2p", norm_rel_ebd="layer_norm", share_att_key=True, position_biased_input=False,
)
DEBERTA = dict(BERT, num_hidden_layers=1, type_vocab_size=0, **DEBERTA_DISTANCES)
MPNET = dict(BERT, num_hidden_layers=1, max_position_embeddings=50)
QWEN3 = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16, intermediate_size=48,
    max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=None, eos_token_id=None,
)
T5 = dict(d_model=32, d_kv=12, d_ff=64, num_layers=1, num_heads=2, n_positions=48, feed_forward_proj="gated-gelu")
DISTIL = dict(dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=48)

# name: class, configuration, tokenizer, pooling of sentence-transformers
CASES = {
    "bge": (hf.BertModel, hf.BertConfig(**dict(BERT, num_hidden_layers=1)), wordpiece, "cls"),
    "last": (hf.BertModel, hf.BertConfig(**dict(BERT, num_hidden_layers=1)), wordpiece, "lasttoken"),
    "tinybert": (
        hf.BertModel,
        hf.BertConfig(**dict(BERT, hidden_size=52, num_attention_heads=4, intermediate_size=84, num_hidden_layers=1)),
        wordpiece,
        "mean",
    ),
    "cased": (
        hf.BertForSequenceClassification,
        hf.BertConfig(**dict(BERT, num_hidden_layers=1), **LABELS),
        lambda: wordpiece(False),
        None,
    ),
    "cross": (hf.BertForSequenceClassification, hf.BertConfig(**dict(BERT, num_hidden_layers=1), num_labels=1), wordpiece, None),
    "distilbert": (hf.DistilBertModel, hf.DistilBertConfig(**DISTIL), wordpiece, "mean"),
    "distilbert-head": (
        hf.DistilBertForSequenceClassification,
        hf.DistilBertConfig(**dict(DISTIL, n_layers=1), **LABELS),
        wordpiece,
        None,
    ),
    "roberta": (hf.RobertaModel, hf.RobertaConfig(**ROBERTA), byte_bpe, "mean"),
    "roberta-head": (hf.RobertaForSequenceClassification, hf.RobertaConfig(**ROBERTA, **LABELS), byte_bpe, None),
    "xlmr": (hf.XLMRobertaModel, hf.XLMRobertaConfig(**ROBERTA), unigram, "cls"),
    "xlmr-cross": (hf.XLMRobertaForSequenceClassification, hf.XLMRobertaConfig(**ROBERTA, num_labels=1), unigram, None),
    "distilbert-tokens": (
        hf.DistilBertForTokenClassification,
        hf.DistilBertConfig(**dict(DISTIL, n_layers=1), **TOKEN_LABELS),
        wordpiece,
        None,
    ),
    "roberta-tokens": (hf.RobertaForTokenClassification, hf.RobertaConfig(**ROBERTA, **TOKEN_LABELS), byte_bpe, None),
    "xlmr-tokens": (hf.XLMRobertaForTokenClassification, hf.XLMRobertaConfig(**ROBERTA, **TOKEN_LABELS), unigram, None),
    "mpnet": (hf.MPNetModel, hf.MPNetConfig(**MPNET), mpnet_wordpiece, "mean"),
    "mpnet-cross": (hf.MPNetForSequenceClassification, hf.MPNetConfig(**MPNET, num_labels=1), mpnet_wordpiece, None),
    "albert": (hf.AlbertModel, hf.AlbertConfig(**ALBERT), albert_unigram, "mean"),
    "albert-cross": (hf.AlbertForSequenceClassification, hf.AlbertConfig(**ALBERT, num_labels=1), albert_unigram, None),
    "albert-tokens": (hf.AlbertForTokenClassification, hf.AlbertConfig(**ALBERT, **TOKEN_LABELS), albert_unigram, None),
    "nomic": (hf.NomicBertModel, hf.NomicBertConfig(**NOMIC), wordpiece, "mean"),
    "nomic-cross": (hf.NomicBertForSequenceClassification, hf.NomicBertConfig(**NOMIC, num_labels=1), wordpiece, None),
    "modern": (hf.ModernBertModel, hf.ModernBertConfig(**MODERN), modern_bpe, "mean"),
    "modern-cross": (
        hf.ModernBertForSequenceClassification,
        hf.ModernBertConfig(**dict(MODERN, num_hidden_layers=2), classifier_pooling="mean", num_labels=1),
        modern_bpe,
        None,
    ),
    "modern-head": (
        hf.ModernBertForSequenceClassification,
        hf.ModernBertConfig(**dict(MODERN, num_hidden_layers=1, hidden_activation="silu"), classifier_activation="relu", **LABELS),
        modern_bpe,
        None,
    ),
    "modern-tokens": (
        hf.ModernBertForTokenClassification,
        hf.ModernBertConfig(**dict(MODERN, num_hidden_layers=1), **TOKEN_LABELS),
        modern_bpe,
        None,
    ),
    "mobile": (hf.MobileBertModel, hf.MobileBertConfig(**MOBILE), wordpiece, "mean"),
    "mobile-cross": (
        hf.MobileBertForSequenceClassification,
        hf.MobileBertConfig(**MOBILE, classifier_activation=True, num_labels=1),
        wordpiece,
        None,
    ),
    "mobile-head": (hf.MobileBertForSequenceClassification, hf.MobileBertConfig(**MOBILE, **LABELS), wordpiece, None),
    "deberta": (hf.DebertaV2Model, hf.DebertaV2Config(**dict(DEBERTA, position_buckets=4, num_hidden_layers=2)), deberta_unigram, "mean"),
    "deberta-cross": (hf.DebertaV2ForSequenceClassification, hf.DebertaV2Config(**DEBERTA, num_labels=1), deberta_unigram, None),
    "deberta-head": (
        hf.DebertaV2ForSequenceClassification,
        hf.DebertaV2Config(**dict(DEBERTA, type_vocab_size=2), pooler_hidden_act="tanh", **LABELS),
        deberta_unigram,
        None,
    ),
    "deberta-tokens": (hf.DebertaV2ForTokenClassification, hf.DebertaV2Config(**DEBERTA, **TOKEN_LABELS), deberta_unigram, None),
    "xlmr-languages": (hf.XLMRobertaForSequenceClassification, hf.XLMRobertaConfig(**ROBERTA, num_labels=1), language_unigram, None),
    "qwen3": (hf.Qwen3Model, hf.Qwen3Config(**QWEN3), qwen_bpe, "lasttoken"),
    "t5": (hf.T5EncoderModel, hf.T5Config(**T5), t5_unigram, "mean"),
}


def make_model(kind, config, seed):
    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    model = kind(config).eval()
    # MobileBERT's norms do not bring rows to a size
    scale = 0.15 if config.model_type == "mobilebert" else 0.3
    for name, weight in model.named_parameters():
        table = "embeddings" in name and "transformation" not in name
        weight.data = torch.randn(weight.shape) * (1.0 if table else scale if weight.dim() == 2 else 0.1)
        if "norm" in name.lower() and name.endswith("weight"):
            weight.data += 1.0
        # what the file holds is what is computed with
        weight.data = weight.data.half().float()
    return model


def save_tokenizer(tokenizer, folder):
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    if tokenizer.token_to_id("<s>") is not None and tokenizer.token_to_id("[UNK]") is not None:
        special = dict(cls_token="<s>", sep_token="</s>", unk_token="[UNK]", pad_token="<pad>", mask_token="<mask>")
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
            json.dump(special, file)
    if tokenizer.token_to_id("<|im_end|>") is not None:
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
            json.dump(dict(eos_token="<|im_end|>", pad_token="<|endoftext|>", add_bos_token=False), file)


def pooled(hidden, pooling):
    return {"mean": hidden.mean(0), "cls": hidden[0], "lasttoken": hidden[-1]}[pooling]


def make_dense(model):
    """What sentence-t5 has behind pooling."""
    return torch.nn.functional.normalize(torch.randn(model.config.d_model, model.config.d_model)).half().float() if model.config.model_type == "t5" else None


def save_dense(dense, folder):
    os.mkdir(os.path.join(folder, "2_Dense"))
    with open(os.path.join(folder, "2_Dense", "config.json"), "w") as file:
        json.dump({"in_features": len(dense), "out_features": len(dense), "bias": False, "activation_function": "torch.nn.modules.linear.Identity"}, file)
    save_file({"linear.weight": dense}, os.path.join(folder, "2_Dense", "model.safetensors"))
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in (("Pooling", "1_Pooling"), ("Dense", "2_Dense"))]
    with open(os.path.join(folder, "modules.json"), "w") as file:
        json.dump(modules, file)


def save_case(model, tokenizer, pooling, folder, dense=None):
    model.save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    if pooling:
        os.mkdir(os.path.join(folder, "1_Pooling"))
        mode = {"mean": "mean_tokens", "cls": "cls_token", "lasttoken": "lasttoken"}[pooling]
        with open(os.path.join(folder, "1_Pooling", "config.json"), "w") as file:
            json.dump({f"pooling_mode_{mode}": True}, file)
    if dense is not None:
        save_dense(dense, folder)


def make_case(name, kind, config, make_tokenizer, pooling, seed, out):
    tokenizer = make_tokenizer()
    config.vocab_size = tokenizer.get_vocab_size()
    model = make_model(kind, config, seed)
    with tempfile.TemporaryDirectory() as folder:
        dense = make_dense(model)
        save_case(model, tokenizer, pooling, folder, dense)
        target = os.path.join(HERE, f"parity-{name}.gguf")
        convert = os.path.join(ROOT, "models", "convert")
        subprocess.run([sys.executable, convert, folder, target, "--type", "f16", "--name", name], check=True)
    model = model.double()
    pairs = config.num_labels == 1 and pooling is None
    print("model", name, file=out)
    several = LANGUAGES if make_tokenizer is language_unigram else PAIRS
    asked = [("query", "where is my order?"), ("query", "tea")] if config.model_type == "qwen3" else []
    for what, item in [("pair", p) for p in several] if pairs else [*(("text", t) for t in TEXTS), *asked]:
        encoded = tokenizer.encode(*item) if pairs else tokenizer.encode(PROMPT + item if what == "query" else item)
        inputs = {"input_ids": torch.tensor([encoded.ids])}
        if config.model_type in ("bert", "albert", "nomic_bert", "mobilebert"):
            inputs["token_type_ids"] = torch.tensor([encoded.type_ids])
        with torch.no_grad():
            result = model(**inputs)
        numbers = pooled(result.last_hidden_state[0], pooling) if pooling else result.logits[0]
        if dense is not None:
            numbers = dense.double() @ numbers
        print(what, "\t".join(item) if pairs else item, file=out)
        print("ids", *encoded.ids, file=out)
        print("out", *(f"{x:.9g}" for x in numbers.flatten().tolist()), file=out)


def main():
    with open(os.path.join(HERE, "parity.txt"), "w", encoding="utf-8") as out:
        for seed, (name, case) in enumerate(CASES.items()):
            make_case(name, *case, seed + 1, out)


if __name__ == "__main__":
    main()
