#!/usr/bin/env python3
"""What do batches gain: a row a call, array forms, and the plan node, over the same rows in one run?

Rows of it_tickets, in slices; over each slice the three ways take turns, so that a machine shared with others still
gives ratios.  Rates are rows per second of the backend's CPU time, the statement included.  Each way's answers
are hashed, bits of all rows in order: one hash.  Then the node alone with other values of slm.batch_rows.
"""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

LABELS = "ARRAY['access','administrative rights','hr support','hardware','internal project','miscellaneous','purchase','storage']"
FUNCTIONS = {
    "slm_embed": ("slm_embed(t, '{model}')", "slm_embed_batch(ts, '{model}')", "array_send({})"),
    "slm_classify, 8 labels": (f"slm_classify(t, {LABELS}, '{{model}}')", f"slm_classify_batch(ts, {LABELS}, '{{model}}')", "textsend({})"),
}
WAYS = ("row by row", "array", "plan node")


def tickets(folder, count, words):
    """That many different rows: those of the set, and then those again with a number in front; the first words of each."""
    texts = list(dict.fromkeys(r["text"] for split in ("test", "train") for r in common.read_tsv(folder, "it_tickets", split)))
    texts = [texts[i] if i < len(texts) else f"{i}. {texts[i % len(texts)]}" for i in range(count)]
    return texts if words == 0 else [" ".join([str(i)] + text.split()[:words]) for i, text in enumerate(texts)]


def statement(way, call, array, send, first, last):
    """SQL that gives the number of answers and their hash."""
    hashed = "count({0}), encode(sha256(string_agg({1}, ''::bytea ORDER BY id)), 'hex')".format("v", send.format("v"))
    rows = f"SELECT id, {call} AS v FROM texts WHERE id >= {first} AND id < {last} OFFSET 0"
    if way == "array":
        rows = f"""SELECT a.ids[b.ord] AS id, b.v FROM (SELECT array_agg(t ORDER BY id) AS ts, array_agg(id ORDER BY id) AS ids
            FROM texts WHERE id >= {first} AND id < {last}) AS a, LATERAL {array} AS b(ord, v)"""
        if "classify" in array:
            rows = rows.replace("b(ord, v)", "b(ord, v, confidence)")
    return f"SELECT {hashed} FROM ({rows}) AS r"


def run(connection, sql, batching, rows):
    """(rows per second of CPU time, count and hash, seconds on the clock)."""
    connection.query(f"SET slm.enable_batching = {'on' if batching else 'off'}")
    started, cpu = time.monotonic(), common.on_cpu_s(connection.pid)
    answer = connection.query(sql)[0]
    return rows / (common.on_cpu_s(connection.pid) - cpu), answer, time.monotonic() - started


def require_node(connection, sql, wanted):
    connection.query(f"SET slm.enable_batching = {'on' if wanted else 'off'}")
    plan = "\n".join(r[0] for r in connection.query("EXPLAIN " + sql))
    if ("SlmBatch" in plan) != wanted:
        raise SystemExit(f"the plan has {'no' if wanted else 'a'} node:\n{plan}")


def measure(connection, report, args, words):
    """Both tables for whole tickets (words = 0) or the first words of them."""
    size = args.rows // args.slices
    table, size_table = [], []
    sizes = [int(s) for s in args.sizes.split(",")]
    common.fill_texts(connection, tickets(args.folder, size * args.slices, words))
    tokens = int(connection.value(f"SELECT sum(slm_count_tokens(t, '{args.model}')) FROM texts"))
    what = f"the first {words} words of tickets, numbered" if words else "tickets"
    report.line(f"{size * args.slices} rows, {what}, {tokens / size / args.slices:.0f} tokens each, in {args.slices} slices; {args.model}")
    for name, (call, array, send) in FUNCTIONS.items():
        call, array = call.replace("{model}", args.model), array.replace("{model}", args.model)

        def slice_of(way, i):
            return statement(way, call, array, send, i * size, (i + 1) * size)

        rates, hashes = {way: [] for way in WAYS}, {way: [] for way in WAYS}
        counts, clock = 0, dict.fromkeys(WAYS, 0.0)
        require_node(connection, slice_of("plan node", 0), True)
        require_node(connection, slice_of("row by row", 0), False)
        connection.query(f"SELECT {call} FROM texts WHERE id < 3")
        for i in range(args.slices):
            for turn in range(len(WAYS)):
                way = WAYS[(i + turn) % len(WAYS)]
                rate, (count, digest), seconds = run(connection, slice_of(way, i), way == "plan node", size)
                rates[way].append(rate)
                hashes[way].append(digest)
                clock[way] += seconds
                counts += int(count)
            print(f"{name}: slice {i + 1} of {args.slices}", file=sys.stderr)
        ratio = {way: statistics.median(a / b for a, b in zip(rates[way], rates["row by row"])) for way in WAYS}
        for way in WAYS:
            digest = connection.value("SELECT encode(sha256($1::text::bytea), 'hex')", "".join(hashes[way]))[:16]
            table.append([f"{name}, {way}", f"{statistics.median(rates[way]):.0f}", f"{ratio[way]:.2f}", f"{clock[way]:.1f}", digest])
        report.holds(f"{name}: every row has an answer", counts == len(WAYS) * size * args.slices)
        report.holds(f"{name}: one hash", all(h == hashes["row by row"] for h in hashes.values()))
        report.target(f"{name}: the node's rate in that of the array form",
                      statistics.median(a / b for a, b in zip(rates["plan node"], rates["array"])), 0.95)
        report.target(f"{name}: the node's rate in that of a row a call", ratio["plan node"], 1.4 if words else 1.0)
        of_size = {s: [] for s in sizes}
        for i in range(min(2, args.slices)):
            for s in sizes[i % len(sizes) :] + sizes[: i % len(sizes)]:
                connection.query(f"SET slm.batch_rows = {s}")
                of_size[s].append(run(connection, slice_of("plan node", i), True, size)[0])
        connection.query("RESET slm.batch_rows")
        size_table.append([name] + [f"{statistics.median(of_size[s]):.0f}" for s in sizes])
    report.line()
    report.table(["", "rows/s", "times", "s", "hash"], table)
    report.table(["rows/s by slm.batch_rows"] + args.sizes.split(","), size_table)


def main():
    parser = common.arguments(__doc__.splitlines()[0], folder=True)
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--model", default="slm_base")
    parser.add_argument("--words", default="0,6", help="of each ticket; 0: all of them")
    parser.add_argument("--sizes", default="1,2,4,8,16,32,64,128,256", help="values of slm.batch_rows")
    parser.add_argument("--core", type=int, default=-1)
    args = common.parse(parser)
    report = common.Report(args)
    with common.Connection(args.uri) as connection:
        common.pin(args.core, connection.pid)
        connection.query("SET jit = off; SET max_parallel_workers_per_gather = 0")
        for words in args.words.split(","):
            measure(connection, report, args, int(words))
    report.finish()


if __name__ == "__main__":
    main()
