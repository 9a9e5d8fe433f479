#!/usr/bin/env python3
"""One answer: one hash of the output bits, however the rows are computed.

For each model: every instruction set this CPU has (slm.force_isa), one row a
call, batches of 7 and of 64 in a shuffled order, the plan node, another row
order, a fresh backend, and parallel workers.  The hash is SHA-256 over the bits of all
embeddings in the order of the texts, and over the confidences of
slm_classify_scores().
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

ISAS = ("scalar", "avx2", "avx512")
LABELS = ["billing", "shipping", "login problem", "broken device", "praise"]


def texts_of(count, seed):
    """Short and long texts, beyond a window too, and some that are not English."""
    texts = common.made_up_texts(count - 5, seed, 1, 2)
    texts += common.made_up_texts(1, seed + 1, 60, 60)
    texts += ["x", "Grüße aus Köln: die Lieferung fehlt noch", "日本語のテキスト", "? ! ."]
    random.Random(seed).shuffle(texts)
    return texts


def one_by_one(model, order="id"):
    return f"SELECT id, slm_embed(t, '{model}') AS v FROM (SELECT id, t FROM texts ORDER BY {order} OFFSET 0) s"


def in_batches(model, size, order):
    return f"""SELECT g.ids[b.ord] AS id, b.v
        FROM (SELECT array_agg(t ORDER BY at) AS ts, array_agg(id ORDER BY at) AS ids
              FROM (SELECT id, t, row_number() OVER (ORDER BY {order}) - 1 AS at FROM texts) s GROUP BY at / {size}) g,
             LATERAL slm_embed_batch(g.ts, '{model}') AS b(ord, v)"""


def digest(connection, rows, node=False):
    connection.query(f"SET slm.enable_batching = {'on' if node else 'off'}")
    return connection.value(
        f"SELECT count(*) || ' ' || encode(sha256(string_agg(array_send(v), ''::bytea ORDER BY id)), 'hex') FROM ({rows}) r"
    )


def scores(connection, model):
    return connection.value(
        f"""SELECT encode(sha256(string_agg(textsend(s.label) || float4send(s.confidence), ''::bytea ORDER BY id, s.label)), 'hex')
        FROM texts, LATERAL slm_classify_scores(t, $1::text[], '{model}') AS s(label, confidence) WHERE id < 40""",
        common.array_literal(LABELS),
    )


def in_workers(uri, model, count):
    """The digest where only parallel workers compute."""
    with common.Connection(uri) as connection:
        connection.query("""SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
            SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off""")
        sql = (
            "SELECT count(*) || ' ' || encode(sha256(string_agg(array_send(v), ''::bytea ORDER BY id)), 'hex') FROM "
            f"(SELECT id, slm_embed(t, '{model}') AS v FROM slm_bench_texts OFFSET 0) r"
        )
        plan = "\n".join(r[0] for r in connection.query("EXPLAIN (VERBOSE) " + sql))
        after_gather = plan[plan.find("Gather") :]
        if "Gather" not in plan or after_gather.count("slm_embed") == 0:
            raise SystemExit("no parallel plan:\n" + plan)
        below = after_gather[after_gather.find("->") :]
        if "slm_embed" not in below:
            raise SystemExit("slm_embed is not computed below Gather:\n" + plan)
        run = "\n".join(r[0] for r in connection.query(
            f"EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT id, slm_embed(t, '{model}') FROM slm_bench_texts"))
        launched = int(run.split("Workers Launched: ")[1].split()[0]) if "Workers Launched: " in run else 0
        if launched == 0:
            raise SystemExit("no worker was launched:\n" + run)
        return connection.value(sql), launched


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=128)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--types", default="f32,q8_0")
    args = common.parse(parser)
    report = common.Report(args)
    texts = texts_of(args.texts, args.seed)
    shuffled = f"md5(id || ' {args.seed}')"
    rows, digests, score_digests = [], {}, {}

    def note(kind, isa, how, work):
        start = time.perf_counter()
        answer = work()
        rows.append([kind, isa, how, answer.split()[-1][:16], f"{time.perf_counter() - start:.1f}"])
        return answer

    with common.Connection(args.uri) as connection:
        common.fill_texts(connection, texts)
        connection.query("DROP TABLE IF EXISTS slm_bench_texts; CREATE TABLE slm_bench_texts AS SELECT * FROM texts;"
                         "ALTER TABLE slm_bench_texts SET (parallel_workers = 2); ANALYZE slm_bench_texts")
        for kind in args.types.split(","):
            model = args.prefix + kind
            found, found_scores = set(), set()
            for isa in ISAS:
                try:
                    connection.query(f"SET slm.force_isa = '{isa}'")
                except common.SqlError as error:
                    report.line(f"{isa} left out: {error}")
                    continue
                for how, sql in (
                    ("one row a call", one_by_one(model)),
                    ("batches of 7, shuffled", in_batches(model, 7, shuffled)),
                    ("batches of 64, shuffled", in_batches(model, 64, shuffled)),
                ):
                    found.add(note(kind, isa, how, lambda sql=sql: digest(connection, sql)))
                found.add(note(kind, isa, "plan node", lambda: digest(connection, one_by_one(model), node=True)))
                found_scores.add(note(kind, isa, "classify scores", lambda: scores(connection, model)))
            connection.query("RESET slm.force_isa")
            found.add(note(kind, "auto", "one row a call, reversed", lambda: digest(connection, one_by_one(model, "id DESC"))))
            found.add(note(kind, "auto", "batches of 64, in order", lambda: digest(connection, in_batches(model, 64, "id"))))
            with common.Connection(args.uri) as fresh:
                common.fill_texts(fresh, texts)
                found.add(note(kind, "auto", "a fresh backend", lambda: digest(fresh, one_by_one(model))))
            answer = note(kind, "auto", "parallel workers", lambda: in_workers(args.uri, model, len(texts))[0])
            found.add(answer)
            digests[kind], score_digests[kind] = found, found_scores
        connection.query("DROP TABLE slm_bench_texts")
    report.table(["model", "isa", "how", "hash", "s"], rows)
    for kind in digests:
        counts = {d.split()[0] for d in digests[kind]}
        report.holds(f"{kind}: all {args.texts} texts embedded in every way", counts == {str(args.texts)})
        report.target(f"{kind}: distinct embeddings' hashes", len(digests[kind]), 1, at_most=True)
        report.target(f"{kind}: distinct scores' hashes", len(score_digests[kind]), 1, at_most=True)
    report.holds("F32 and Q8_0 are really two models", len(set().union(*digests.values())) >= len(digests))
    report.finish()


if __name__ == "__main__":
    main()
