#!/usr/bin/env python3
"""Makes slm_base.jsonl: what PyTorch computes in fp32 with the weights of the embedded model.

    build/oracle/bin/python test/golden/make_slm_base.py WEIGHTS.pt

WEIGHTS.pt is what models/slm_base/run finish has written and models/slm_base/run gguf has made the shipped file of.
The texts are those of docs/demo, and pairs that stand here.  One JSON object a line, its task first: embed, similar,
classify, extract, summarize.  test/t/accuracy_slm_base.pl asks the shipped file the same through SQL.
"""

import json
import re
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "models" / "slm_base" / "training"))

from network import load_base  # noqa: E402
from tasks import Runner, summary  # noqa: E402

DEMO = TOP / "docs" / "demo"
SUMMARY_WORDS = 40
FIELDS = ["order number", "product", "customer", "amount", "date"]

# The first ten say the same in other words, the others do not, though they share some.
SAME = 10
PAIRS = [
    ("The shop refused to exchange the shoes.", "They would not let me swap the shoes at the store."),
    ("Our train was cancelled because of snow.", "Snowfall meant that the train did not run."),
    ("She plays the violin in an orchestra.", "She is a violinist in an orchestra."),
    ("The server ran out of memory at noon.", "At midday the machine had no memory left."),
    ("How do I change my password?", "Where can I set a new password?"),
    ("The meeting is moved to Thursday.", "We will meet on Thursday instead."),
    ("Two children are building a sandcastle.", "A castle of sand is being built by two kids."),
    ("The invoice has not been paid yet.", "Payment of the bill is still outstanding."),
    ("He bought a used car from his neighbour.", "His neighbour sold him a second-hand car."),
    ("Prices rose by five percent last year.", "Last year saw an increase in prices of 5 %."),
    ("The shop refused to exchange the shoes.", "The exchange rate of the krone fell again."),
    ("Our train was cancelled because of snow.", "We train every day, also in summer."),
    ("She plays the violin in an orchestra.", "The orchestra's bus had a flat tyre."),
    ("The server ran out of memory at noon.", "I have fond memories of that restaurant."),
    ("How do I change my password?", "Can I change trains in Basel?"),
    ("The meeting is moved to Thursday.", "The sofa was moved to the second floor."),
    ("Two children are building a sandcastle.", "The building was sold to two banks."),
    ("The invoice has not been paid yet.", "The parcel has not been opened yet."),
    ("He bought a used car from his neighbour.", "The neighbour's dog barks at night."),
    ("Prices rose by five percent last year.", "The rose in our garden is five years old."),
]


def rows(name):
    return [line.split("\t") for line in (DEMO / name).read_text(encoding="utf-8").splitlines()]


def main():
    network = load_base()
    network.load_state_dict(torch.load(sys.argv[1], weights_only=True))
    run = Runner(network)
    with open(HERE / "slm_base.jsonl", "w", encoding="utf-8") as out:

        def say(task, **what):
            print(json.dumps({"task": task, **what}, ensure_ascii=False), file=out)

        texts = [row[2] for row in rows("tickets.tsv")]
        for text, vector in list(zip(texts, run.embed(texts)))[::5]:
            say("embed", text=text, vector=[float(f"{x:.5g}") for x in vector])

        a, b = run.embed([p[0] for p in PAIRS]), run.embed([p[1] for p in PAIRS])
        for i, (pair, cosine) in enumerate(zip(PAIRS, (a * b).sum(1))):
            say("similar", a=pair[0], b=pair[1], same=i < SAME, cosine=round(float(cosine), 5))

        labels = sorted({row[0] for row in rows("tickets.tsv")})
        for text, best, confidence in zip(texts, *run.choose(texts, labels)):
            say("classify", text=text, labels=labels, label=labels[best], confidence=round(float(confidence), 5))

        texts = [row[0] for row in rows("fields.tsv")]
        for text, found in zip(texts, run.extract_one(texts, [(name, "") for name in FIELDS])):
            say("extract", text=text, fields=FIELDS, values={name: found.get(name) for name in FIELDS})

        documents = [re.split(r"(?<=[.?!]) (?=[A-Z])", row[0]) for row in rows("mails.tsv")]
        for document, (vectors, score) in zip(documents, run.sentence_scores(documents)):
            say("summarize", text=" ".join(document), words=SUMMARY_WORDS,
                summary=summary(document, vectors, score, SUMMARY_WORDS))


if __name__ == "__main__":
    main()
