#!/usr/bin/env python3
"""Makes t5-*.gguf and t5.txt: small random models of two stacks, T5, Flan-T5 and UMT5.

    test/golden/make_t5.py      (needs torch, transformers, tokenizers)

One model for each way in which they differ: a gate or none, one matrix for tokens and logits or two, stacks of different
depth, numbers for distances in each layer.  Weights are seeded, rounded to half precision and stored so; transformers
computes with the same rounded numbers in double precision.  t5.txt holds, a line each:

    model NAME      the file t5-NAME.gguf
    source ids ...  what is read, the end token last
    target ids ...  what is written after it
    rows ids ...    tokens, ascending
    at I TOP MARGIN NORM LOGIT...   after the source and I tokens of the target: the likeliest token, how far it is before
                                    the second, the root mean square of all logits, and the logits of the rows
    text TEXT       a prompt, its source, and
    answer TEXT     what is written after it, greedily
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
ROWS = [0, 1, 2, 5, 16, 17, 30, 48]
# tokens of source, with its end, and of target; the last are beyond the largest distance that has numbers of its own
LENGTHS = [(1, 1), (2, 30), (33, 2), (60, 60), (190, 170), (20, 200), (120, 250)]
TEXTS = ["the order arrived late", "Please refund my card: login failed again, server down!", "tea"]
ANSWER_TOKENS = 20
CONTROLS = [0, 1, 51]  # <pad>, </s>, <extra_id_0>

SHARED = dict(d_model=32, d_kv=12, d_ff=64, num_layers=2, num_heads=4, n_positions=400, decoder_start_token_id=0)
MODELS = {
    "first": (hf.T5ForConditionalGeneration, hf.T5Config(**SHARED)),
    "flan": (hf.T5ForConditionalGeneration, hf.T5Config(**SHARED, num_decoder_layers=3, feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
    "um": (hf.UMT5ForConditionalGeneration, hf.UMT5Config(**SHARED, feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
}


def build(name, seed):
    kind, config = MODELS[name]
    tokenizer = make_parity.t5_unigram()
    config.vocab_size = tokenizer.get_vocab_size()
    model = make_parity.make_model(kind, config, seed)
    if name != "first":
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight).half().float())
    # so that logits of the two have a size
    model.shared.weight.data = torch.randn_like(model.shared.weight).half().float() * (4.0 if name == "first" else 1.0)
    return model, tokenizer


def save(model, tokenizer, folder):
    state = {key: value.half() if value.dim() > 1 else value for key, value in model.state_dict().items()}
    if model.lm_head.weight is model.shared.weight:
        del state["lm_head.weight"]  # the same, which hubs' files do not have again
    model.save_pretrained(folder, state_dict=state)
    make_parity.save_tokenizer(tokenizer, folder)


def write_case(model, source, target, out):
    with torch.no_grad():
        given = torch.tensor([[model.config.decoder_start_token_id, *target]])
        logits = model(input_ids=torch.tensor([source]), decoder_input_ids=given).logits[0]
    top = logits.topk(2, dim=-1)
    print("source", *source, file=out)
    print("target", *target, file=out)
    print("rows", *ROWS, file=out)
    for i in range(len(target) + 1):
        first, second = top.values[i].tolist()
        numbers = [first - second, logits[i].square().mean().sqrt().item(), *logits[i, ROWS].tolist()]
        print("at", i, top.indices[i, 0].item(), *(f"{x:.6g}" for x in numbers), file=out)


def write_text(model, tokenizer, text, out):
    source, answer = tokenizer.encode(text).ids, []
    for i in range(ANSWER_TOKENS):
        with torch.no_grad():
            given = torch.tensor([[model.config.decoder_start_token_id, *answer]])
            first, second = model(input_ids=torch.tensor([source]), decoder_input_ids=given).logits[0, -1].topk(2)
        assert first[0] - first[1] > 1e-3, (text, i)
        assert second[0] != tokenizer.token_to_id("<unk>"), (text, i)
        if second[0] in CONTROLS:
            break
        answer.append(second[0].item())
    print("text", text, file=out)
    print("source", *source, file=out)
    print("answer", "".join(tokenizer.id_to_token(i) for i in answer).replace("▁", " ").removeprefix(" "), sep="\t", file=out)


def make(name, seed, out):
    model, tokenizer = build(name, seed)
    with tempfile.TemporaryDirectory() as folder:
        save(model, tokenizer, folder)
        convert = os.path.join(ROOT, "models", "convert")
        subprocess.run([sys.executable, convert, folder, os.path.join(HERE, f"t5-{name}.gguf"), "--name", name], check=True)
    model = model.double()
    print("model", name, file=out)
    for n_source, n_target in LENGTHS:
        # no end token but the source's own, and none in the target
        ids = torch.randint(2, model.config.vocab_size, (n_source + n_target,)).tolist()
        write_case(model, [*ids[: n_source - 1], 1], ids[n_source:], out)
    for text in TEXTS:
        write_text(model, tokenizer, text, out)


def main():
    with open(os.path.join(HERE, "t5.txt"), "w", encoding="utf-8") as out:
        for seed, name in enumerate(MODELS):
            make(name, seed + 1, out)


if __name__ == "__main__":
    main()
