#!/usr/bin/env python3
"""How good is a classifier that SQL has trained on a few rows, and how soon is it there?

For each set, number of rows a label and seed: that many rows of each label,
drawn from train.tsv, go through slm_train_classifier(); rows of test.tsv
through slm_classify_batch() with the new model.  Beside it, on the same
embeddings and rows, logistic regression by L-BFGS with C = 1 and C = 10, the
better of the two.  Mean and deviation of the accuracy over the seeds; the
accuracy that leaving one out reported; the calibration error of the
confidences (15 bins); seconds of the training statement.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

common.oracle_venv()

import numpy as np
from scipy.optimize import minimize

TARGETS = {("agnews", 8): 77.0, ("agnews", 64): 83.5, ("clinc150", 8): 90.5}  # logistic regression in MODEL_PLAN.md
MOST_SECONDS = 60


def logistic_regression(x, y, n_label, c):
    """Weights [d + 1][n_label] of the softmax regression with penalty |w|^2 / 2c."""
    x = np.hstack([x, np.ones((len(x), 1))])
    target = np.eye(n_label)[y]

    def loss(flat):
        w = flat.reshape(x.shape[1], n_label)
        z = x @ w
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1, keepdims=True)
        value = c * (np.log(total).sum() - (z * target).sum()) + 0.5 * (w[:-1] ** 2).sum()
        gradient = c * (x.T @ (p / total - target))
        gradient[:-1] += w[:-1]
        return value, gradient.ravel()

    start = np.zeros(x.shape[1] * n_label)
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x.reshape(x.shape[1], n_label)


def calibration_error(confidence, right, bins=15):
    confidence, right = np.array(confidence), np.array(right, dtype=float)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(abs(right[which == b].sum() - confidence[which == b].sum()) for b in range(bins)) / len(right)


def embed(connection, model, texts):
    """Unit vectors through SQL."""
    out = []
    for start in range(0, len(texts), 256):
        rows = connection.query(f"SELECT embedding FROM slm_embed_batch($1::text[], '{model}') ORDER BY ord",
                                common.array_literal(texts[start:start + 256]), binary=True)
        out += [common.real_array(row[0]) for row in rows]
    return np.array(out)


def main():
    parser = common.arguments(__doc__.splitlines()[0], folder=True)
    parser.add_argument("--sets", default="agnews,clinc150")
    parser.add_argument("--shots", default="8,64")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2000, help="of test.tsv, drawn with a fixed seed")
    parser.add_argument("--type", default="q8_0")
    args = common.parse(parser)
    report = common.Report(args)
    model = args.prefix + args.type
    table, checks = [], []
    with common.Connection(args.uri) as connection:
        connection.query("CREATE TEMP TABLE train (body text, label text)")
        for name in args.sets.split(","):
            train, test = common.read_tsv(args.folder, name, "train"), common.read_tsv(args.folder, name)
            test = random.Random(0).sample(test, min(args.rows, len(test)))
            labels = sorted({r["label"] for r in train})
            of_label = {label: [r for r in train if r["label"] == label] for label in labels}
            test_texts, right = [r["text"] for r in test], [r["label"] for r in test]
            test_x = embed(connection, model, test_texts)
            for shots in map(int, args.shots.split(",")):
                ours, peers, loo, seconds, ece = [], [], [], [], []
                for seed in range(args.seeds):
                    dice = random.Random(seed)
                    rows = [r for label in labels for r in dice.sample(of_label[label], min(shots, len(of_label[label])))]
                    connection.query("TRUNCATE train")
                    connection.query("INSERT INTO train SELECT * FROM unnest($1::text[], $2::text[])",
                                     common.array_literal([r["text"] for r in rows]),
                                     common.array_literal([r["label"] for r in rows]))
                    began = time.perf_counter()
                    loo.append(100 * float(connection.value(
                        f"SELECT accuracy FROM slm_train_classifier('fewshot', 'SELECT * FROM train', '{model}', replace => true)")))
                    seconds.append(time.perf_counter() - began)
                    answers = connection.query("SELECT label, confidence FROM slm_classify_batch($1::text[], model => 'fewshot') ORDER BY ord",
                                               common.array_literal(test_texts))
                    hits = [a[0] == b for a, b in zip(answers, right)]
                    ours.append(100 * np.mean(hits))
                    ece.append(100 * calibration_error([float(a[1]) for a in answers], hits))
                    x = embed(connection, model, [r["text"] for r in rows])
                    y = np.array([labels.index(r["label"]) for r in rows])
                    best = 0
                    for c in (1.0, 10.0):
                        w = logistic_regression(x, y, len(labels), c)
                        chosen = (test_x @ w[:-1] + w[-1]).argmax(axis=1)
                        best = max(best, 100 * np.mean([labels[i] == b for i, b in zip(chosen, right)]))
                    peers.append(best)
                    print(f"{name} {shots} seed {seed}: {ours[-1]:.1f}, regression {best:.1f}", file=sys.stderr)
                table.append([f"{name} ({len(labels)})", shots, len(rows), f"{np.mean(ours):.1f} ± {np.std(ours):.1f}",
                              f"{np.mean(peers):.1f} ± {np.std(peers):.1f}", f"{np.mean(loo):.1f}", f"{np.mean(ece):.1f}",
                              f"{np.mean(seconds):.1f}"])
                checks.append((f"{name}, {shots} a label: accuracy over logistic regression, points",
                               np.mean(ours) - np.mean(peers), 0, False))
                if (name, shots) in TARGETS:
                    checks.append((f"{name}, {shots} a label: accuracy", np.mean(ours), TARGETS[name, shots], False))
                checks.append((f"{name}, {shots} a label: seconds to train", max(seconds), MOST_SECONDS, True))
        connection.query("SELECT slm_drop_model('fewshot')")
    report.table(["set (labels)", "a label", "rows", "accuracy", "regression", "left out", "ECE", "s to train"], table)
    for what, value, bound, at_most in checks:
        report.target(what, value, bound, at_most=at_most, form="{:.2f}")
    report.finish()


if __name__ == "__main__":
    main()
