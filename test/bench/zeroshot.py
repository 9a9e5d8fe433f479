#!/usr/bin/env python3
"""Does slm_classify() choose the labels that MiniLM chooses in Python?

Whole test files, labels by their plain names: slm_classify() through SQL
against the label of the greatest cosine in sentence-transformers on the same
rows.  Accuracy of both, and the share of rows with equal labels.  Rows whose
two best labels lie close together in fp32 may fall either way; the table
counts how many of the unequal rows were that close.

F32 and F16 are held to fp32.  Q8_0 cannot be held to equal labels there: with
8-bit weights alone, everything else in fp32, Python itself changes 1 % of
them.  It may be no further from fp32 than Python with the format's rounding
simulated, and its accuracy over all rows is held to fp32's.  (Its labels are
not compared with the simulation's: both are fp32 with different noise.)
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

common.oracle_venv()

import numpy as np

SETS = "agnews,sst2,it_tickets,clinc150,bitext_support"
LEAST_EQUAL = 99.5
MOST_POINTS = 0.5
MOST_FURTHER = 0.5
CLOSE = 0.002


class Oracle:
    """The labels that Python chooses."""

    def __init__(self, simulate_q8):
        self.reference = common.Reference(simulate_q8=simulate_q8)

    def choose(self, texts, labels):
        """Chosen labels, and how far each is ahead of the next."""
        cosine = self.reference.embed(texts) @ self.reference.embed(labels).T
        best = np.sort(cosine, axis=1)
        return [labels[i] for i in cosine.argmax(axis=1)], best[:, -1] - best[:, -2]


def main():
    parser = common.arguments(__doc__.splitlines()[0], folder=True)
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--types", default="f32,q8_0")
    args = common.parse(parser)
    report = common.Report(args)
    types = args.types.split(",")
    fp32 = Oracle(False)
    q8 = Oracle(True) if "q8_0" in types else None
    rows, checks = [], []
    total, hits = 0, {}

    def percent(ours, theirs):
        return 100 * np.mean([a == b for a, b in zip(ours, theirs)])

    with common.Connection(args.uri) as connection:
        for name in args.sets.split(","):
            data = common.read_tsv(args.folder, name)
            texts, right = [r["text"] for r in data], [r["label"] for r in data]
            labels = sorted(set(right))
            total += len(texts)
            python, margin = fp32.choose(texts, labels)
            simulated = q8.choose(texts, labels)[0] if q8 else None
            answers = {"python fp32": python}
            if q8:
                answers["python, q8_0 simulated"] = simulated
            common.fill_texts(connection, texts)
            for kind in types:
                out = connection.query(f"SELECT slm_classify(t, $1::text[], '{args.prefix}{kind}') FROM texts ORDER BY id",
                                       common.array_literal(labels))
                answers[f"slm {kind}"] = [r[0] for r in out]
                print(f"{name} {kind} done", file=sys.stderr)
            for who, answer in answers.items():
                unequal = [i for i, (a, b) in enumerate(zip(answer, python)) if a != b]
                hits[who] = hits.get(who, 0) + sum(a == b for a, b in zip(answer, right))
                rows.append([f"{name} ({len(labels)})", who, len(texts), f"{percent(answer, right):.2f}",
                             f"{percent(answer, python):.2f}", len(unequal), int((margin[unequal] < CLOSE).sum())])
            for kind in types:
                answer = answers[f"slm {kind}"]
                least = percent(simulated, python) - MOST_FURTHER if kind == "q8_0" else LEAST_EQUAL
                checks.append((f"{name}, {kind}: labels equal, %", percent(answer, python), least, False))
                if kind != "q8_0":
                    checks.append((f"{name}, {kind}: accuracy, points apart",
                                   abs(percent(answer, right) - percent(python, right)), MOST_POINTS, True))
    report.table(["set (labels)", "by", "rows", "accuracy", "equal %", "unequal", f"margin < {CLOSE}"], rows)
    if "q8_0" in types:
        apart = 100 * abs(hits["slm q8_0"] - hits["python fp32"]) / total
        checks.append((f"q8_0: accuracy over all {total} rows, points apart", apart, MOST_POINTS, True))
    for what, value, bound, at_most in checks:
        report.target(what, value, bound, at_most=at_most, form="{:.2f}")
    report.finish()


if __name__ == "__main__":
    main()
