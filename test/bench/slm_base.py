#!/usr/bin/env python3
"""How good is slm_base, measured through SQL?

The table of models/slm_base/MODEL_CARD.md for two models behind the server: slm_base_f32, the trained weights as they
are, and slm_base, the file that ships.  The measures and their protocol are those of models/slm_base/training/table.py,
which `models/slm_base/run evaluate` prints for the network in PyTorch; --python FILE puts that output beside.  More
than half a point between any two columns is a miss.
"""

import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

common.oracle_venv()
sys.path.insert(0, os.path.join(common.ROOT, "models", "slm_base", "training"))

import numpy as np
import table

MOST_APART = 0.5
ROWS_A_CALL = 500


class Sql:
    """A model behind a connection, as table.measure() asks for it."""

    def __init__(self, connection, model):
        self.connection = connection
        self.model = model

    def _batch(self, function, texts, *arguments):
        """Rows of a _batch function without their ord; the model is its last argument here."""
        places = "".join(f", ${i + 3}" for i in range(len(arguments)))
        sql = f"SELECT * FROM {function}($1::text[]{places}, model => $2) ORDER BY ord"
        for start in range(0, len(texts), ROWS_A_CALL):
            part = common.array_literal(texts[start : start + ROWS_A_CALL])
            for row in self.connection.query(sql, part, self.model, *arguments):
                yield row[1:]

    def embed(self, texts):
        rows = []
        for start in range(0, len(texts), ROWS_A_CALL):
            part = common.array_literal(texts[start : start + ROWS_A_CALL])
            out = self.connection.query("SELECT embedding FROM slm_embed_batch($1::text[], $2) ORDER BY ord", part, self.model,
                                        binary=True)
            rows += [common.real_array(r[0]) for r in out]
        return np.array(rows)

    def choose(self, texts, labels):
        out = list(self._batch("slm_classify_batch", texts, common.array_literal(labels)))
        return [labels.index(r[0]) for r in out], np.array([float(r[1]) for r in out])

    def extract(self, texts, fields):
        """Every field as a list of texts; offsets come from slm_extract_spans."""
        schema = {"type": "object", "properties": {
            name: {"type": "array", "items": {"type": "string"}, **({"description": text} if text else {})} for name, text in fields}}
        common.fill_texts(self.connection, texts)
        out = [[] for _ in texts]
        for i, path, start, length in self.connection.query(
                "SELECT id, field, start, length FROM texts, slm_extract_spans(t, $1::jsonb, $2)", json.dumps(schema), self.model):
            name = re.sub(r"\[\d+\]$", "", path)
            out[int(i)].append((int(start) - 1, int(start) - 1 + int(length), name))
        return out

    def extract_one(self, texts, fields):
        common.fill_texts(self.connection, texts)
        rows = self.connection.query("SELECT slm_extract(t, $1::jsonb, $2) FROM texts ORDER BY id", json.dumps(dict(fields)), self.model)
        return [json.loads(r[0]) for r in rows]

    def summarize(self, documents, max_words):
        """Sentences of a document stand on lines of their own."""
        out = self._batch("slm_summarize_batch", ["\n".join(d) for d in documents], str(max_words))
        return [r[0] for r in out]


def python_column(path):
    """(set, measure) -> value of what `evaluate` printed."""
    values = {}
    for line in Path(path).read_text().splitlines():
        parts = re.split(r"\s{2,}", line.strip())
        if len(parts) == 3:
            values[parts[0], parts[1]] = float(parts[2])
    return values


def main():
    parser = common.arguments(__doc__.splitlines()[0], folder=True)
    parser.add_argument("--rows", type=int, default=0, help="so many of each set")
    parser.add_argument("--only", default="")
    parser.add_argument("--models", default="slm_base_f32,slm_base")
    parser.add_argument("--python", help="output of `models/slm_base/run evaluate` on the same weights")
    args = common.parse(parser)
    report = common.Report(args)
    columns = {"PyTorch": python_column(args.python)} if args.python else {}
    with common.Connection(args.uri) as connection:
        for model in args.models.split(","):
            values = columns[model] = {}

            def say(name, what, value, model=model, values=values):
                values[name, what] = value
                print(f"{model}: {name}, {what}: {value:.2f}", file=sys.stderr)

            table.measure(Sql(connection, model), Path(args.folder), args.rows, args.only.split(",") if args.only else [], say)
    keys = list(dict.fromkeys(k for values in columns.values() for k in values))
    report.table(["set", "measure", *columns],
                 [[*key, *(f"{v[key]:.2f}" if key in v else "-" for v in columns.values())] for key in keys])
    for key in keys:
        values = [v[key] for v in columns.values() if key in v]
        if len(values) > 1 and max(values) - min(values) > MOST_APART:
            report.target(f"{key[0]}, {key[1]}: points apart", max(values) - min(values), MOST_APART, at_most=True, form="{:.2f}")
    report.finish()


if __name__ == "__main__":
    main()
