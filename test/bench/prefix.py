#!/usr/bin/env python3
"""Beginnings of prompts are read once: slm_classify with 20 labels and an instruction of 200 tokens.

The same rows, labels and instruction four ways, which take turns in rounds: a
prompt a row, with nothing kept (slm.max_prefix_memory = 0) and with what prompts
begin with kept; and both of these over arrays.  A backend for each way; the
labels' own scores for an empty text are paid before the first round.  The
figures are CPU time of the backends, and the medians of the rounds' ratios.  The
hash is SHA-256 over each row's best label and the bits of its confidence.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

LABELS = """billing|shipping|login|broken device|refund|cancellation|opening hours|invoice|complaint|praise|delivery note|address change|
warranty|spare part|new order|price|password|newsletter|data protection|other request""".replace("|\n", "|").split("|")
SENTENCE = "Look at what the customer asks for in the end and not at what was said before, and choose the label of that. "
TOKENS = 200
WAYS = ("a prompt a row, nothing kept", "a prompt a row, kept", "arrays, nothing kept", "arrays, kept")
LEAST = 4.0


def instruction(connection, model):
    """As many whole words as have TOKENS tokens."""
    words, text = (SENTENCE * 40).split(), ""
    for word in words:
        longer = f"{text} {word}".strip()
        if int(connection.value("SELECT slm_count_tokens($1, $2)", longer, model)) > TOKENS:
            return text
        text = longer
    raise SystemExit("the sentence is too short")


def query(way, model, labels, text):
    """One row (id, label, confidence) for each text."""
    arguments = f"{labels}, '{model}', instructions => {text}"
    if way.startswith("arrays"):
        return f"""SELECT b.ord - 1 AS id, b.label, b.confidence
            FROM slm_classify_batch((SELECT array_agg(t ORDER BY id) FROM texts), {arguments}) AS b"""
    return f"""SELECT id, s.label, s.confidence
        FROM texts, LATERAL (SELECT * FROM slm_classify_scores(t, {arguments}) LIMIT 1) AS s"""


def digest(connection, sql):
    return connection.value(
        "SELECT count(*) || ' ' || encode(sha256(string_agg(textsend(label) || float4send(confidence), ''::bytea ORDER BY id)), 'hex')"
        f" FROM ({sql}) AS r"
    )


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="ticket_json")
    args = common.parse(parser)
    report = common.Report(args)
    texts = common.made_up_texts(args.rows, 5, 1, 2)
    labels = common.literal(common.array_literal(LABELS))
    assert len(LABELS) == 20
    connections = [common.Connection(args.uri) for _ in WAYS]
    text = common.literal(instruction(connections[0], args.model))
    spent, digests, tokens = [[] for _ in WAYS], set(), []
    for way, connection in zip(WAYS, connections):
        common.fill_texts(connection, texts)
        if way.endswith("nothing kept"):
            connection.query("SET slm.max_prefix_memory = 0")
        connection.query(f"SELECT slm_classify('warm', {labels}, '{args.model}', instructions => {text})")
    for i in range(args.rounds):
        for way, connection, times in zip(WAYS, connections, spent):
            if i == 0:
                connection.query("SELECT slm_stat_reset()")
            began = common.on_cpu_s(connection.pid)
            digests.add(digest(connection, query(way, args.model, labels, text)))
            times.append(common.on_cpu_s(connection.pid) - began)
            if i == 0:
                tokens.append([int(x) for x in connection.query(
                    "SELECT sum(tokens_in), sum(tokens_kept), sum(memo_hits) FROM slm_stat_calls")[0]])
    rows, ratios = [], []
    for way, times, (n_in, n_kept, n_memo) in zip(WAYS, spent, tokens):
        ratio = common.median([a / b for a, b in zip(spent[0], times)])
        ratios.append(ratio)
        rows.append([way, f"{args.rows / common.median(times):.1f}", f"{n_in / args.rows:.1f}", f"{n_kept / args.rows:.1f}", f"{ratio:.2f}"])
    report.table([f"{args.model}: {args.rows} rows, 20 labels", "rows/s", "tokens read a row", "kept", "ratio"], rows)
    report.holds(f"all {args.rows} texts labelled in every way", {d.split()[0] for d in digests} == {str(args.rows)})
    report.holds("no answer came from an earlier call", all(n_memo == 0 for _, _, n_memo in tokens))
    report.target("distinct hashes", len(digests), 1, at_most=True)
    report.target("a prompt a row, kept over nothing kept", ratios[1], LEAST, form="{:.2f}")
    report.target("arrays, kept over a prompt a row with nothing kept", ratios[3], LEAST, form="{:.2f}")
    for connection in connections:
        connection.close()
    report.finish()


if __name__ == "__main__":
    main()
