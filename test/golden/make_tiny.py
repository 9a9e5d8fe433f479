#!/usr/bin/env python3
"""Makes the fixtures tiny-bert.gguf, tiny-bert-q8_0.gguf and tiny-bert.txt.

    test/golden/make_tiny.py        (needs torch, transformers, tokenizers, and `make tools`)

A BERT with seeded random weights and a WordPiece vocabulary written for this
project: 2 layers, 32 wide, 2 heads, 96 feed-forward, 64 positions.  It knows
nothing, but its numbers are exactly reproducible, so that every test except
the accuracy ones runs without a download.  tiny-bert.txt holds what
transformers computes for some texts; each case is three lines:

    text       the input
    ids        token ids, special tokens included
    embedding  mean over the tokens' last hidden states, scaled to unit length
"""

import json
import os
import subprocess
import sys
import tempfile

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SEED = 20240607
SPREADS = {
    "embeddings.word_embeddings.weight": 2.0,
    "embeddings.position_embeddings.weight": 0.2,
    "embeddings.token_type_embeddings.weight": 0.1,
}

WORDS = """
the a an and or not no yes i my you your we our it its is are was be been to of in on at for from with by as
this that there here when why how what where who which can could will would should do does did have has had
order orders ticket tickets invoice card charge charged bill billing pay paid payment price refund money bank
ship shipped shipping parcel package box door late delivery deliver track arrive arrived return returned
login log sign password account email name user code reset lock locked open close
app page button screen phone crash crashed error bug fail failed slow break broken fix file server disk
full memory time out connection refused warning request feature add dark mode export report please thanks help
need want get got send sent see say tell new old last first two three day week month year today yesterday
good bad great never always again still now after before more less very so but if then
cat dog house tree water red blue green small big tea
""".split()

PIECES = """
ing ed er ers es ly s ion able ment ness less ful al ive ous ity est y un re ate ize ies ent ant th st nd rd
up down in out on off line time word day mail box id ly tion ting ter ble
""".split()


def vocabulary():
    letters = "abcdefghijklmnopqrstuvwxyz"
    marks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += list(letters) + list("0123456789") + list(marks) + list("日本語é€")
    tokens += ["##" + c for c in letters + "0123456789"]
    tokens += WORDS + ["##" + p for p in PIECES]
    return list(dict.fromkeys(tokens))


TEXTS = [
    "a",
    "The order arrived late.",
    "I was charged two times for my order, please refund the money!",
    "login failed: password reset email never arrived",
    "ERROR: disk full, server out of memory at 12:45:03",
    "Please add a dark mode and an export button",
    "the parcel was returned unopened; refundable?",
    "Café crème à la carte",
    "unknowable words xyzzy plugh",
    "日本語 and 漢字 in one text",
    "tabs\tand  spaces\u00a0everywhere",
    "",
    "the the the the the the the the the the the the the the the the the the the the the the the the the the "
    "the the the the the the the the the the the the the the the the the the the the the the the the the the "
    "the the the the the the the the the the",
]


def make_model(vocab_size):
    torch.manual_seed(SEED)
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=96,
        max_position_embeddings=64,
        type_vocab_size=2,
        attn_implementation="eager",
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    # The usual 0.02 everywhere would make all texts alike; these keep them apart.
    for name, weight in model.named_parameters():
        spread = SPREADS.get(name, 0.25 if weight.dim() == 2 else 0.1)
        weight.data = torch.randn(weight.shape) * spread
        if name.endswith("LayerNorm.weight"):
            weight.data += 1.0
    return model


def make_tokenizer(vocab):
    tokenizer = Tokenizer(WordPiece({t: i for i, t in enumerate(vocab)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocab.index("[CLS]")), ("[SEP]", vocab.index("[SEP]"))]
    )
    return tokenizer


def main():
    vocab = vocabulary()
    tokenizer = make_tokenizer(vocab)
    model = make_model(len(vocab))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save(os.path.join(folder, "tokenizer.json"))
        os.mkdir(os.path.join(folder, "1_Pooling"))
        with open(os.path.join(folder, "1_Pooling", "config.json"), "w") as file:
            json.dump({"pooling_mode_mean_tokens": True}, file)
        f32 = os.path.join(HERE, "tiny-bert.gguf")
        convert = os.path.join(ROOT, "models", "convert")
        subprocess.run(
            [sys.executable, convert, folder, f32, "--name", "tiny-bert", "--license", "postgresql"], check=True
        )
    quantize = os.path.join(ROOT, "build", "models", "quantize")
    subprocess.run([quantize, f32, os.path.join(HERE, "tiny-bert-q8_0.gguf"), "q8_0"], check=True)
    with open(os.path.join(HERE, "tiny-bert.txt"), "w", encoding="utf-8") as out:
        for text in TEXTS:
            ids = tokenizer.encode(text).ids
            with torch.no_grad():
                hidden = model(torch.tensor([ids])).last_hidden_state[0].double()
            vector = torch.nn.functional.normalize(hidden.mean(0), dim=0)
            print("text", text.replace("\t", "\\t"), file=out)
            print("ids", *ids, file=out)
            print("embedding", *(f"{x:.9g}" for x in vector.tolist()), file=out)


if __name__ == "__main__":
    main()
