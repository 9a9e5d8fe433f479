#!/usr/bin/env python3
"""How long after a cancel, or after statement_timeout, does a statement end?

For plain SQL (an endless join) and for a model that is being loaded, a text
that is being tokenized, and rows that are being embedded: many tries, the
cancel at a random moment of the work, and the time from the request to the
error.  The figure is the 99th percentile over plain SQL's, without the time in
which the backend or this program was ready and other processes had the CPUs:
where the machine is busy that is what a 99th percentile would show, for plain
SQL too.  Then the next call on the same connection must be right.

In a development build (FLAVOR=dev) the largest time between two polls is
printed as well: slm.dev_poll_gap_us, reset before each phase.
"""

import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import big_model
import common

MOST_MS = 25
QUERY_CANCELED = "57014"
PLAIN = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b WHERE a + b < 0"


class Phase:
    """One kind of work, and about how long it takes uncancelled."""

    def __init__(self, name, sql, seconds, prepare=None, check=None):
        self.name, self.sql, self.seconds, self.prepare, self.check = name, sql, seconds, prepare, check


class Clock:
    """Time from a moment that a thread marks to now, on the clock and without waiting for a CPU."""

    def __init__(self, connection):
        self.pid = connection.pid
        self.start = None

    def now(self):
        return time.perf_counter(), common.waited_s(self.pid) + common.waited_s()

    def mark(self):
        self.start = self.now()

    def milliseconds(self):
        elapsed, waited = (b - a for a, b in zip(self.start, self.now()))
        return 1000 * elapsed, 1000 * max(0, elapsed - waited)


def by_cancel(connection, phase, after):
    """Times from PQcancel() to the error, or None where the statement was done before."""
    clock = Clock(connection)

    def send():
        clock.mark()
        connection.cancel()

    timer = threading.Timer(after, send)
    connection.send(phase.sql)
    timer.start()
    try:
        connection.wait()
    except common.SqlError as error:
        late = clock.milliseconds()
        timer.join()
        if error.state != QUERY_CANCELED:
            raise
        return late
    timer.cancel()
    timer.join()
    # A request that was sent too late must not hit the next statement.
    if clock.start:
        try:
            connection.query("SELECT pg_sleep(0.05)")
        except common.SqlError:
            pass
    return None


def by_timeout(connection, phase, after):
    """Times from the end of statement_timeout to the error."""
    ms = max(1, round(1000 * after))
    connection.query(f"SET statement_timeout = {ms}")
    clock = Clock(connection)
    timer = threading.Timer(ms / 1000, clock.mark)
    connection.send(phase.sql)
    began = time.perf_counter()
    timer.start()
    try:
        connection.wait()
    except common.SqlError as error:
        late = 1000 * (time.perf_counter() - began) - ms
        net = clock.milliseconds()[1] if clock.start else late
        if error.state != QUERY_CANCELED:
            raise
        return late, min(late, net)
    finally:
        timer.cancel()
        timer.join()
        connection.query("SET statement_timeout = 0")
    return None


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--type", default="q8_0")
    parser.add_argument("--big-type", default="q8_0", help="type of the large model that is loaded")
    parser.add_argument("--megabytes", type=int, default=40, help="size of the text that is tokenized")
    args = common.parse(parser)
    report = common.Report(args)
    rng = random.Random(3)
    model = args.prefix + args.type
    admin = common.Connection(args.uri)
    big = big_model.register(admin, args.big_type)
    admin.query(f"SELECT slm_load('{model}')")

    sentence = " ".join(common.made_up_texts(50, 5))
    copies = args.megabytes * 1000000 // len(sentence) + 1
    admin.query("DROP TABLE IF EXISTS slm_bench_rows; CREATE TABLE slm_bench_rows (t text)")
    admin.query("INSERT INTO slm_bench_rows SELECT unnest($1::text[]) || n FROM generate_series(1, 100) n",
                common.array_literal(common.made_up_texts(100, 6)))

    def took(sql):
        with common.Connection(args.uri) as connection:
            began = time.perf_counter()
            connection.query(sql)
            return time.perf_counter() - began

    def unload():
        """Until nobody holds the image, and it is gone."""
        for _ in range(100):
            admin.query("SELECT slm_cache_gc()")
            if not big_model.is_built(admin, big):
                return
            time.sleep(0.01)
        raise SystemExit("slm_cache_gc() does not drop the image of an unused model")

    # Made in place: a stored text would first be decompressed, which PostgreSQL does without a look at cancels.
    tokenize = f"SELECT slm_count_tokens(repeat({common.literal(sentence)}, {copies}), '{model}')"
    load = f"SELECT slm_load('{big}')"
    unload()
    load_s, tokenize_s = took(load), took(tokenize)
    report.line(f"uncancelled: load {load_s:.3f} s, tokenize {args.megabytes} MB {tokenize_s:.3f} s")
    plain = Phase("plain SQL", PLAIN, 0.3)
    phases = [
        plain,
        Phase("load", load, load_s, prepare=unload),
        Phase("tokenize", tokenize, tokenize_s),
        Phase("inference", f"SELECT count(slm_embed(t, '{model}')) FROM slm_bench_rows", 0.3),
        Phase("inference, batch", f"SELECT count(*) FROM slm_embed_batch((SELECT array_agg(t) FROM slm_bench_rows), '{model}')", 0.3),
    ]

    expected = admin.value(f"SELECT md5(slm_embed('still right?', '{model}')::text)")
    rows, figures, right = [], {}, True
    for how, work in (("cancel", by_cancel), ("timeout", by_timeout)):
        for phase in phases:
            late, done = [], 0
            connection = common.Connection(args.uri)
            dev = connection.query("SELECT 1 FROM pg_settings WHERE name = 'slm.dev_poll_gap_us'")
            largest = 0
            while len(late) < args.tries and done < 2 * args.tries:
                if phase.prepare:
                    # A backend that has attached the image keeps it from being dropped.
                    connection.close()
                    phase.prepare()
                    connection = common.Connection(args.uri)
                    connection.query("SELECT 1")
                if dev:
                    connection.query(f"SELECT slm_count_tokens('a', '{model}'); SET slm.dev_poll_gap_us = 0")
                one = work(connection, phase, rng.uniform(0.02, 0.9) * phase.seconds)
                if one is None:
                    done += 1
                else:
                    late.append(one)
                if dev:
                    largest = max(largest, int(connection.value("SHOW slm.dev_poll_gap_us")))
                right &= connection.value(f"SELECT md5(slm_embed('still right?', '{model}')::text)") == expected
            connection.close()
            if len(late) < args.tries:
                raise SystemExit(f"{phase.name}: ended before the {how} {done} times of {done + len(late)}")
            gap = f"{largest / 1000:.2f}" if dev and phase is not plain else ""
            on_clock, net = zip(*late)
            figures[how, phase.name] = common.quantile(net, 0.99)
            rows.append([f"{how}, {phase.name}", len(late)]
                        + [f"{common.quantile(net, q):.2f}" for q in (0.5, 0.9, 0.99)]
                        + [f"{max(net):.2f}", f"{common.quantile(on_clock, 0.99):.2f}", gap])
            print(rows[-1], file=sys.stderr)
    admin.query("DROP TABLE slm_bench_rows")
    big_model.drop(admin, big)
    admin.close()
    report.table(["milliseconds until the error", "tries", "median", "p90", "p99", "max", "p99, clock", "largest poll gap"], rows)
    for (how, name), p99 in figures.items():
        if name != plain.name:
            report.target(f"{how}, {name}: p99 over plain SQL's, ms", p99 - figures[how, plain.name], MOST_MS,
                          at_most=True, form="{:.2f}")
    report.holds("the call after each try is right", right)
    report.finish()


if __name__ == "__main__":
    main()
