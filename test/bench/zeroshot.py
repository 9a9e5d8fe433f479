#!/usr/bin/env python3
"""Does slm_classify() choose the labels that MiniLM chooses in Python?

Whole test files, labels by their plain names: slm_classify() through SQL
against the label of the greatest cosine in sentence-transformers fp32 on the
same rows.  Accuracy of both, and the share of rows with equal labels.  Rows
whose two best labels lie within rounding of each other in Python may fall
either way; the table counts how many of the unequal rows were that close.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

common.oracle_venv()

import numpy as np

SETS = "agnews,sst2,it_tickets,clinc150,bitext_support"
LEAST_EQUAL = 99.5
MOST_POINTS = 0.5
CLOSE = 0.002


def main():
    parser = common.arguments(__doc__.splitlines()[0], folder=True)
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--types", default="f32,q8_0")
    args = common.parse(parser)
    report = common.Report(args)
    model = common.Reference()
    rows, checks = [], []
    with common.Connection(args.uri) as connection:
        for name in args.sets.split(","):
            data = common.read_tsv(args.folder, name)
            texts, right = [r["text"] for r in data], [r["label"] for r in data]
            labels = sorted(set(right))
            embedded = model.embed(labels)
            cosine = model.embed(texts) @ embedded.T
            best = np.sort(cosine, axis=1)
            margin = best[:, -1] - best[:, -2]
            python = [labels[i] for i in cosine.argmax(axis=1)]
            python_right = 100 * np.mean([a == b for a, b in zip(python, right)])
            rows.append([f"{name} ({len(labels)})", "python fp32", len(texts), f"{python_right:.2f}", "", "", "", ""])
            common.fill_texts(connection, texts)
            for kind in args.types.split(","):
                start = time.perf_counter()
                out = connection.query(f"SELECT slm_classify(t, $1::text[], '{args.prefix}{kind}') FROM texts ORDER BY id",
                                       common.array_literal(labels))
                sql_s = time.perf_counter() - start
                ours = [r[0] for r in out]
                unequal = [i for i, (a, b) in enumerate(zip(ours, python)) if a != b]
                equal = 100 * (1 - len(unequal) / len(texts))
                ours_right = 100 * np.mean([a == b for a, b in zip(ours, right)])
                rows.append(["", f"slm {kind}", len(texts), f"{ours_right:.2f}", f"{equal:.2f}", len(unequal),
                             int((margin[unequal] < CLOSE).sum()), f"{len(texts) / sql_s:.0f}"])
                checks.append((f"{name}, {kind}", equal, abs(ours_right - python_right)))
                print(f"{name} {kind} done", file=sys.stderr)
    report.table(["set (labels)", "by", "rows", "accuracy", "equal %", "unequal", f"margin < {CLOSE}", "rows/s"], rows)
    for name, equal, points in checks:
        report.target(f"{name}: labels equal, %", equal, LEAST_EQUAL, form="{:.2f}")
        report.target(f"{name}: accuracy, points apart", points, MOST_POINTS, at_most=True, form="{:.2f}")
    report.finish()


if __name__ == "__main__":
    main()
