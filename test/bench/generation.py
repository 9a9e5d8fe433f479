#!/usr/bin/env python3
"""Rows that are written beside each other: generated extraction at 1, 4, 8 and 16 rows a batch, in one run.

    test/bench/run generation [FOLDER] [--shapes smollm2-135m,qwen2.5-0.5b]

Models of real shapes with random weights (make_random_model.py; made in FOLDER, build/models where none is given,
which needs the oracle venv) write five fields of short texts: strings that stand in the text, one of three words, a
number.  The schema is what makes them answers; how long they are is chance, the same in every way.  A row a call, then
the array form with that many rows at a time (slm.batch_rows), then the plan node; the ways take turns.  Rates are
rows per second of the backend's CPU time.  Each way's answers are hashed: one hash.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common
import real_sizes

SCHEMA = """{"type": "object", "required": ["product", "problem", "since", "urgency", "amount"],
    "propertyOrdering": ["product", "problem", "since", "urgency", "amount"],
    "properties": {"product": {"type": "string", "minLength": 4, "description": "what it is about"},
                   "problem": {"type": "string", "minLength": 10, "description": "what is wrong"},
                   "since": {"type": "string", "minLength": 6}, "urgency": {"enum": ["low", "normal", "high"]},
                   "amount": {"type": "number"}}}"""
LEAST = {4: 1.5, 8: 1.7, 16: 1.8}  # times the rows/s of one row at a time


def statement(way, model, schema):
    call = f"slm_extract_batch(ts, {schema}, '{model}')"
    rows = f"SELECT b.ord AS id, b.extracted AS v FROM (SELECT array_agg(t ORDER BY id) AS ts FROM texts) AS a, LATERAL {call} AS b"
    if way in ("a row a call", "plan node"):
        rows = f"SELECT id, slm_extract(t, {schema}, '{model}') AS v FROM texts OFFSET 0"
    return f"SELECT count(v), encode(sha256(string_agg(textsend(v::text), ''::bytea ORDER BY id)), 'hex') FROM ({rows}) AS r"


def run(args, shape, way, texts):
    """(CPU seconds, count, hash) of a way, in a backend of its own: another one would remember answers."""
    batching = "off" if way == "a row a call" else "on"
    rows = way.split()[0] if way.split()[0].isdigit() else "16"
    schema = common.literal(SCHEMA) + "::jsonb"
    with common.Connection(args.uri) as connection:
        common.pin(args.core, connection.pid)
        connection.query(f"SET jit = off; SET max_parallel_workers_per_gather = 0; SET slm.max_scratch_memory = '{args.memory}'")
        connection.query(f"SET slm.enable_batching = {batching}; SET slm.batch_rows = {rows}")
        common.fill_texts(connection, texts)
        connection.query(f"SELECT slm_extract('warm up before the first row', {schema}, '{shape}')")
        began = common.on_cpu_s(connection.pid)
        count, digest = connection.query(statement(way, shape, schema))[0]
        return common.on_cpu_s(connection.pid) - began, int(count), digest


def measure(args, report, shape):
    sizes = [int(s) for s in args.sizes.split(",")]
    ways = ["a row a call"] + [f"{s} at a time" for s in sizes] + ["plan node"]
    path = real_sizes.file_of_shape(args.folder, shape)
    spent, hashes, counts = {way: [] for way in ways}, set(), set()
    texts = common.made_up_texts(args.rows, 3, 1, 1)
    with common.Connection(args.uri) as connection:
        placed = real_sizes.place(connection, path, shape)
        connection.query("SELECT slm_create_model($1, $2, '{\"prompt_format\": \"plain\"}')", shape, f"{shape}.gguf")
        for i in range(args.rounds):
            for way in ways[i % len(ways):] + ways[:i % len(ways)]:
                seconds, count, digest = run(args, shape, way, texts)
                spent[way].append(seconds)
                counts.add(count)
                hashes.add(digest)
                print(f"{shape}: round {i + 1} of {args.rounds}, {way}: {seconds:.1f} s", file=sys.stderr)
        tokens = connection.query("SELECT sum(tokens_in), sum(tokens_kept), sum(tokens_out), sum(rows) FROM slm_stat_calls WHERE model = $1", shape)[0]
        connection.query("SELECT slm_drop_model($1)", shape)
        os.unlink(placed)
        connection.query("SELECT slm_cache_gc()")
    alone = spent[f"{sizes[0]} at a time"]
    ratio = {way: common.median([a / b for a, b in zip(alone, spent[way])]) for way in ways}
    n_in, n_kept, n_out, n_rows = (int(t) for t in tokens)
    report.table([f"{shape}: {args.rows} rows", "rows/s", "times"],
                 [[way, f"{args.rows / common.median(spent[way]):.2f}", f"{ratio[way]:.2f}"] for way in ways])
    report.line(f"a row: {n_in / n_rows:.0f} tokens read, {n_kept / n_rows:.0f} kept, {n_out / n_rows:.0f} written")
    report.holds(f"{shape}: every row has an answer", counts == {args.rows})
    report.target(f"{shape}: distinct hashes", len(hashes), 1, at_most=True)
    for size in sizes:
        if size in LEAST:
            report.target(f"{shape}: rows/s at {size} rows a batch over 1", ratio[f"{size} at a time"], LEAST[size], form="{:.2f}")
    report.line()


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=os.path.join(common.ROOT, "build", "models"), help="where the models are kept")
    parser.add_argument("--shapes", default="smollm2-135m,qwen2.5-0.5b")
    parser.add_argument("--sizes", default="1,4,8,16", help="rows a batch")
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="1500MB", help="slm.max_scratch_memory")
    parser.add_argument("--core", type=int, default=-1)
    args = common.parse(parser)
    report = common.Report(args)
    for shape in args.shapes.split(","):
        measure(args, report, shape)
    report.finish()


if __name__ == "__main__":
    main()
