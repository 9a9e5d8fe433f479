#!/usr/bin/env python3
"""How fast is each function of slm_base on tickets and mails, and what does it hold in memory?

Rows of it_tickets, all different, and for summaries mails of AESLC (a ticket of that set is one sentence), through SQL
in one backend on one core: rows per second of one statement over all of them, and the latency of single-row statements
(prepared, so that parsing is not measured).  Then the image's size and what the backend holds beside it.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

LABELS = "ARRAY['access','administrative rights','hr support','hardware','internal project','miscellaneous','purchase','storage']"
SCHEMA = """'{"person": "Who wrote it?", "system": "the program or machine it is about", "date": "date", "request": "What is asked for?"}'"""
TICKETS = {
    "slm_embed": "slm_embed(t, '{model}')",
    "slm_similarity": "slm_similarity(t, 'I cannot log in', '{model}')",
    "slm_classify, 8 labels": f"slm_classify(t, {LABELS}, '{{model}}')",
    "slm_filter": "slm_filter(t, 'somebody wants to buy something', '{model}')",
    "slm_extract, 4 fields": f"slm_extract(t, {SCHEMA}, '{{model}}')",
    "slm_redact, scanners": "slm_redact(t)",
}
MAILS = {
    "slm_summarize, 20 words": "slm_summarize(t, 20, '{model}')",
    "slm_summarize, 60 words": "slm_summarize(t, 60, '{model}')",
}


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def smaps(pid):
    """kB by kind of the mappings of a process."""
    total = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            name, value = line.split()[:2]
            total[name.rstrip(":")] = int(value)
    return total


def measure(connection, report, model, what, texts, calls):
    """A table of rows/s and latencies of each call over the texts."""
    rows = []
    common.fill_texts(connection, texts)
    tokens = int(connection.value(f"SELECT sum(slm_count_tokens(t, '{model}')) FROM texts"))
    for name, call in calls.items():
        call = call.replace("{model}", model)
        connection.query(f"SELECT {call} FROM texts WHERE id < 3")
        started = time.monotonic()
        connection.query(f"SELECT count({call}) FROM texts")
        rate = len(texts) / (time.monotonic() - started)
        connection.prepare(name, f"SELECT {call} FROM (SELECT $1::text || ' ' AS t) AS one")
        latency = []
        for text in texts[:300]:
            started = time.monotonic()
            connection.execute(name, text)
            latency.append(1000 * (time.monotonic() - started))
        rows.append([name, f"{rate:.0f}", f"{percentile(latency, 0.5):.2f}", f"{percentile(latency, 0.99):.2f}"])
        print(f"{name} done", file=sys.stderr)
    report.line(f"{len(texts)} {what}, {tokens / len(texts):.0f} tokens each")
    report.table(["function", "rows/s", "one row, ms, p50", "p99"], rows)


def main():
    parser = common.arguments(__doc__.splitlines()[0], folder=True)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--model", default="slm_base")
    parser.add_argument("--core", type=int, default=-1)
    args = common.parse(parser)
    report = common.Report(args)
    tickets = list(dict.fromkeys(r["text"] for r in common.read_tsv(args.folder, "it_tickets")))[: args.rows]
    mails = [r["text"] for r in common.read_jsonl(args.folder, "aeslc")][: args.rows]
    with common.Connection(args.uri) as connection:
        common.pin(args.core, connection.pid)
        connection.query("SET jit = off; SET max_parallel_workers_per_gather = 0")
        measure(connection, report, args.model, "tickets", tickets, TICKETS)
        measure(connection, report, args.model, "mails", mails, MAILS)
        size = int(connection.value(f"SELECT bytes FROM slm_models WHERE name = '{args.model}'"))
        held = smaps(connection.pid)
        report.line(f"image: {size / 1e6:.1f} MB, one for all backends; "
                    f"this backend: resident {held['Rss'] / 1e3:.1f} MB, of it its own (anonymous) {held['Anonymous'] / 1e3:.1f} MB")
    report.finish()


if __name__ == "__main__":
    main()
