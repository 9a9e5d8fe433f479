#!/usr/bin/env python3
"""Makes scores.txt: what transformers makes of labels by src/task/score.h's definition, label by label, in double precision.

    test/golden/make_scores.py      (needs torch, transformers, tokenizers)

The models are those of make_decoders.py, made again from their seeds; that they are those of the files is checked against
decoders.txt.  No tree and nothing shared here: each label is a sequence of its own, and at each of its tokens those that
other labels with the same beginning go on with are looked up.  A case is lines of

    case MODEL FORMAT TASK      MODEL as in decoder-MODEL.gguf, TASK one, each or condition
    instructions TEXT
    label NAME<tab>DESCRIPTION  one or more
    text TEXT
    probability ...             of the labels for this text
"""

import os

import torch

import make_decoders

HERE = os.path.dirname(os.path.abspath(__file__))
NONE = "none of these"
END = 1

CASES = [
    ("qwen2", "plain", "one", "", [("billing", ""), ("shipping", ""), ("login problem", "")],
     ["the parcel is not here", "I was charged twice on the same day", "x"]),
    ("llama", "chatml", "one", "Think of the ring.", [("the", "an article"), ("the ring", ""), ("the red one", "the other"), ("on", ""), ("then", "")],
     ["the ring on the hand", "an engine in there"]),
    ("nemo", "llama-3", "one", "", [("anger", ""), (NONE, "neither"), ("interest", ""), ("another thing", "")], ["on and on", "thinner than in the inn"]),
    ("qwen3", "gemma", "each", "Be strict.", [("order", "on orders"), ("oar", ""), ("a thing that rings", "")], ["the ring on order", "in"]),
    ("biased", "alpaca", "condition", "", [("there is a train in it", "")], ["the train is late", "no"]),
    ("phi3", "phi-3", "one", "", [("the ring", ""), ("a train", "on time")], ["the ring on the hand", "no"]),
    ("gemma3", "plain", "each", "", [("the ring", ""), ("a train", "on time")], ["the ring on the hand"]),
    ("gpt2", "chatml", "one", "", [("the ring", ""), ("a train", "on time")], ["the ring on the hand"]),
    ("gemma", "zephyr", "one", "", [("aa", ""), ("ab", ""), ("abc", ""), ("abd", ""), ("b", "")], ["abcabd", "b b b"]),
]

FIRST = {
    "one": 'Classify the text. Answer with one of the labels, or with "none of these" where none fits.',
    "own none": "Classify the text. Answer with one of the labels.",
    "each": "Say whether the label fits the text. Answer with yes or no.",
    "condition": "Say whether the condition holds for the text. Answer with yes or no.",
}


def conversation(form, system, user):
    """Of the formats' control tokens these vocabularies have <|end|> alone; all else is text."""
    if form == "plain":
        return f"{system}\n\n{user}\n"
    if form == "chatml":
        return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
    if form == "llama-3":
        head = "<|start_header_id|>{}<|end_header_id|>\n\n"
        return f"{head.format('system')}{system.strip()}<|eot_id|>{head.format('user')}{user.strip()}<|eot_id|>{head.format('assistant')}"
    if form == "gemma":
        return f"<start_of_turn>user\n{system}\n\n{user.strip()}<end_of_turn>\n<start_of_turn>model\n"
    if form == "phi-3":
        # a control token of Phi-3's takes away the white space behind it
        return f"<|system|>\n{system}<|end|><|user|>\n{user}<|end|><|assistant|>\n"
    if form == "alpaca":
        return f"{system}\n\n### Instruction:\n{user}\n\n### Response:\n"
    if form == "zephyr":
        # turns end with the vocabulary's last token
        return f"<|system|>\n{system}<|end|>\n<|user|>\n{user}<|end|>\n<|assistant|>\n"
    raise ValueError(form)


def shown(label):
    name, description = label
    return f"{name}: {description}" if description else name


def users(task, labels, text):
    """What the model is asked about a text: one question, or one for each label."""
    if task == "one":
        return ["Labels:" + "".join(f"\n- {shown(label)}" for label in labels) + f"\n\nText:\n{text}"]
    if task == "each":
        return [f"Text:\n{text}\n\nLabel: {shown(label)}" for label in labels]
    return [f"Condition: {shown(labels[0])}\n\nText:\n{text}"]


class Reader:
    def __init__(self, name):
        self.model = make_decoders.build(name, *make_decoders.MODELS[name])[0].double().eval()
        self.tokenizer = make_decoders.tokenizer()
        check_model(name, self.model)

    def tokens(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def scores(self, prompt, answers):
        """Mean of the logarithms of an answer's choices, for each."""
        ids = [self.tokens(a) + [END] for a in answers]
        found = []
        for own in ids:
            with torch.no_grad():
                logits = self.model(torch.tensor([prompt + own])).logits[0]
            logs = []
            for i, token in enumerate(own):
                options = sorted({other[i] for other in ids if len(other) > i and other[:i] == own[:i]})
                if len(options) > 1:
                    shares = torch.log_softmax(logits[len(prompt) + i - 1, options], dim=0)
                    logs.append(shares[options.index(token)].item())
            found.append(sum(logs) / len(logs))
        return torch.tensor(found, dtype=torch.double)


def check_model(name, model):
    """Is it the one of the file?"""
    ids, last, wanted = None, 0, None
    with open(os.path.join(HERE, "decoders.txt"), encoding="utf-8") as lines:
        here = False
        for line in lines:
            word, *rest = line.split()
            if word == "model":
                here = rest[0] == name
            elif here and word == "ids":
                ids = [int(x) for x in rest]
            elif here and word == "at":
                last, wanted = int(rest[0]), [float(x) for x in rest[4:]]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, last, make_decoders.ROWS]
    assert torch.allclose(logits, torch.tensor(wanted, dtype=torch.double), rtol=1e-4, atol=1e-4), name


def probabilities(reader, form, task, instructions, labels, text):
    """The labels' probabilities."""
    names = [name for name, _ in labels]
    own_none = task == "one" and NONE in names
    system = FIRST["own none" if own_none else task] + (f"\n{instructions}" if instructions else "")
    answers = ["yes", "no"] if task != "one" else names if own_none else [*names, NONE]
    prompts = {t: [reader.tokens(conversation(form, system, user)) for user in users(task, labels, t)] for t in (text, "")}
    scores = {t: [reader.scores(prompt, answers) for prompt in prompts[t]] for t in (text, "")}
    if task != "one":
        odds = {t: [(s[0] - s[1]).item() for s in scores[t]] for t in scores}
        return [1 / (1 + torch.tensor(max(e, 0.0) - o).exp().item()) for o, e in zip(odds[text], odds[""])]
    here, empty = scores[text][0], scores[""][0]
    none = answers.index(NONE)
    share = torch.softmax(here, dim=0)[none].item()
    others = [i for i in range(len(names)) if i != none]
    ratio = torch.softmax((here - empty)[others], dim=0)
    found = [share] * len(names)
    for i, at in enumerate(others):
        found[at] = (1 - share) * ratio[i].item()
    return found


def main():
    with open(os.path.join(HERE, "scores.txt"), "w", encoding="utf-8") as out:
        for name, form, task, instructions, labels, texts in CASES:
            reader = Reader(name)
            print("case", name, form, task, file=out)
            print("instructions", instructions, file=out)
            for label in labels:
                print("label ", "\t".join(label), sep="", file=out)
            for text in texts:
                print("text", text, file=out)
                print("probability", *(f"{p:.9g}" for p in probabilities(reader, form, task, instructions, labels, text)), file=out)


if __name__ == "__main__":
    main()
