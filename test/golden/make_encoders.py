#!/usr/bin/env python3
"""Makes encoder-*.gguf and encoders.txt: small random models of every encoder architecture beside "bert".

    test/golden/make_encoders.py      (needs torch, transformers, tokenizers)

Where make_parity.py asks for answers to texts, this asks for hidden states of sequences that are longer than what an
architecture treats as near.  Weights are seeded, rounded to half precision and stored so; transformers computes with
the same rounded numbers in double precision.  encoders.txt holds, a line each:

    model NAME          the file encoder-NAME.gguf
    sequence FIRST N    of N tokens, FIRST of them in the first segment
    ids ...             its tokens
    at I X...           of the I-th token's last hidden state, the numbers 0, STEP, 2 STEP, ...
"""

import os
import subprocess
import sys
import tempfile

import torch
import transformers as hf

import make_parity

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STEP = 7
# (tokens, tokens of the first segment)
SEQUENCES = [(1, 1), (2, 2), (17, 9), (70, 70), (300, 180)]

SHARED = dict(hidden_size=40, num_hidden_layers=2, num_attention_heads=4, intermediate_size=72, max_position_embeddings=320)

T5 = dict(d_model=40, d_kv=12, d_ff=72, num_layers=2, num_heads=4, n_positions=320)

# name: configuration, tokenizer, and a class where it is not the usual one
MODELS = {
    "mpnet": (hf.MPNetConfig(**dict(SHARED, max_position_embeddings=322)), make_parity.mpnet_wordpiece),
    # 5 layers of 2 blocks: 0 0 0 1 1
    "albert": (hf.AlbertConfig(**dict(SHARED, num_hidden_layers=5, num_hidden_groups=2, embedding_size=24, hidden_act="gelu_new")),
               make_parity.albert_unigram),
    "nomic": (hf.NomicBertConfig(**SHARED), make_parity.wordpiece),
    # layers that see all, 8 tokens on either side, the same, all
    "modern": (hf.ModernBertConfig(**dict(SHARED, num_hidden_layers=4, local_attention=16, **make_parity.NO_TOKENS)),
               make_parity.modern_bpe),
    "mobile": (hf.MobileBertConfig(**SHARED, embedding_size=20, intra_bottleneck_size=24), make_parity.wordpiece),
    # distances up to 8 alone, the others in 7 runs, the last of them of all from 63 on
    "deberta": (hf.DebertaV2Config(**SHARED, **dict(make_parity.DEBERTA_DISTANCES, max_relative_positions=64)), make_parity.deberta_unigram),
    "t5": (hf.T5Config(**T5), make_parity.t5_unigram, hf.T5EncoderModel),
    # a gate, numbers for distances in every layer
    "umt5": (hf.UMT5Config(**dict(T5, feed_forward_proj="gated-gelu", relative_attention_num_buckets=16)), make_parity.t5_unigram, hf.UMT5EncoderModel),
}


def build(name, seed):
    config, make_tokenizer, *kind = MODELS[name]
    tokenizer = make_tokenizer()
    config.vocab_size = tokenizer.get_vocab_size()
    config.architectures = None
    return make_parity.make_model(kind[0] if kind else hf.AutoModel.from_config, config, seed), tokenizer


def save(model, tokenizer, folder):
    half = {key: value.half() if value.dim() > 1 else value for key, value in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=half)
    make_parity.save_tokenizer(tokenizer, folder)


def make(name, seed, out):
    model, tokenizer = build(name, seed)
    config = model.config
    with tempfile.TemporaryDirectory() as folder:
        save(model, tokenizer, folder)
        convert = os.path.join(ROOT, "models", "convert")
        target = os.path.join(HERE, f"encoder-{name}.gguf")
        subprocess.run([sys.executable, convert, folder, target, "--name", name], check=True)
    model = model.double()
    print("model", name, file=out)
    for n, first in SEQUENCES:
        # the padding token is none of them: it would count no position
        ids = torch.randint(2, config.vocab_size, (1, n))
        inputs = {"input_ids": ids}
        if getattr(config, "type_vocab_size", 0) > 1:
            inputs["token_type_ids"] = (torch.arange(n) >= first).long()[None]
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state[0]
        print("sequence", first, n, file=out)
        print("ids", *ids[0].tolist(), file=out)
        for i in range(n):
            print("at", i, *(f"{x:.6g}" for x in hidden[i, ::STEP].tolist()), file=out)


def main():
    with open(os.path.join(HERE, "encoders.txt"), "w", encoding="utf-8") as out:
        for seed, name in enumerate(MODELS):
            make(name, seed + 1, out)


if __name__ == "__main__":
    main()
