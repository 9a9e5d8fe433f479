#!/usr/bin/env python3
"""Makes the fixtures tiny-classifier.gguf, tiny-ranker.gguf, tiny-tokens.gguf and tiny-heads.txt.

    test/golden/make_heads.py        (needs torch, transformers, tokenizers)

The same small random BERT as make_tiny.py's with a classification head: one
that knows three labels, one with a single score, which ranks pairs of a query
and a document, and one that labels tokens.  tiny-heads.txt holds what transformers
computes; each case is one line of fields between tabs:

    classes  text            probabilities of negative, neutral, positive
    score    query, document sigmoid of the score
    tokens   text            logits of the labels, token by token
"""

import os
import subprocess
import sys
import tempfile

import make_tiny
import torch
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertForSequenceClassification, BertForTokenClassification

TEXTS = [
    "the order arrived late",
    "please refund my order, thanks!",
    "login failed again and again",
    "a red door",
    "great, the parcel is here",
]
QUERIES = ["where is my order", "refund"]
TOKEN_LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-Due_Date", "I-Due_Date"]


def make_model(n_vocab, labels, seed, kind=BertForSequenceClassification):
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=n_vocab,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=96,
        max_position_embeddings=64,
        type_vocab_size=2,
        attn_implementation="eager",
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    model = kind(config).eval()
    for name, weight in model.named_parameters():
        spread = make_tiny.SPREADS.get(name.removeprefix("bert."), 0.25 if weight.dim() == 2 else 0.1)
        weight.data = torch.randn(weight.shape) * spread
        if name.endswith("LayerNorm.weight"):
            weight.data += 1.0
    return model


def balance(model, tokenizer):
    """Makes a model's labels win by far, and each of them somewhere."""
    model.classifier.weight.data *= 4
    rows = [logits(model, tokenizer.encode(text)) for text in TEXTS]
    model.classifier.bias.data -= torch.cat(rows).mean(0).float()


def write(model, tokenizer, name):
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save(os.path.join(folder, "tokenizer.json"))
        subprocess.run(
            [sys.executable, os.path.join(make_tiny.ROOT, "models", "convert"), folder,
             os.path.join(make_tiny.HERE, name + ".gguf"), "--name", name, "--license", "postgresql"],
            check=True,
        )


def logits(model, encoding):
    with torch.no_grad():
        return model(
            torch.tensor([encoding.ids]), token_type_ids=torch.tensor([encoding.type_ids])
        ).logits[0]


def main():
    vocab = make_tiny.vocabulary()
    tokenizer = make_tiny.make_tokenizer(vocab)
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab.index("[CLS]")), ("[SEP]", vocab.index("[SEP]"))],
    )
    classifier = make_model(len(vocab), ["negative", "neutral", "positive"], make_tiny.SEED + 1)
    ranker = make_model(len(vocab), ["score"], make_tiny.SEED + 2)
    tokens = make_model(len(vocab), TOKEN_LABELS, make_tiny.SEED + 4, BertForTokenClassification)
    balance(tokens, tokenizer)
    write(classifier, tokenizer, "tiny-classifier")
    write(ranker, tokenizer, "tiny-ranker")
    write(tokens, tokenizer, "tiny-tokens")
    tokens.double()
    with open(os.path.join(make_tiny.HERE, "tiny-heads.txt"), "w", encoding="utf-8") as out:
        for text in TEXTS:
            row = torch.softmax(logits(classifier, tokenizer.encode(text)).double(), 0)
            print("classes", text, *(f"{x:.9g}" for x in row.tolist()), sep="\t", file=out)
        for query in QUERIES:
            for text in TEXTS:
                score = torch.sigmoid(logits(ranker, tokenizer.encode(query, text)).double())
                print("score", query, text, f"{score.item():.9g}", sep="\t", file=out)
        for text in TEXTS:
            row = logits(tokens, tokenizer.encode(text)).flatten()
            print("tokens", text, *(f"{x:.9g}" for x in row.tolist()), sep="\t", file=out)


if __name__ == "__main__":
    main()
