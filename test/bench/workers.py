#!/usr/bin/env python3
"""Sixteen sessions of single-row slm_generate: a worker writes for them, or each writes itself.

The same prompts in rounds of slm.execution = backend, worker and auto, which take
turns; a session has one call at a time.  Texts a second by the clock on the wall, and
by the CPU time of all sessions and workers, which says what the machine's other work
leaves out; latencies of all calls of a way together.  With --cores N sessions and
workers are kept on N cores.  The hash is SHA-256 over all answers in the prompts' order.
"""

import hashlib
import os
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

WAYS = ("backend", "worker", "auto")
LEAST = 3.0


def worker_pids(connection):
    return [int(r[0]) for r in connection.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'slm worker'")]


def spent(pids):
    total = 0.0
    for pid in pids:
        try:
            total += common.on_cpu_s(pid)
        except FileNotFoundError:
            pass
    return total


def one_session(connection, model, jobs, max_tokens, answers, latencies):
    """Texts jobs, one call each."""
    for i, text in jobs:
        began = time.perf_counter()
        answers[i] = connection.value(f"SELECT slm_generate($1, '{model}', {max_tokens})", text)
        latencies.append(time.perf_counter() - began)


def one_round(connections, control, model, texts, max_tokens):
    answers, latencies, threads = [None] * len(texts), [], []
    n = len(connections)
    pids = [c.pid for c in connections] + worker_pids(control)
    before, began = spent(pids), time.perf_counter()
    for k, connection in enumerate(connections):
        jobs = [(i, texts[i]) for i in range(k, len(texts), n)]
        thread = threading.Thread(target=one_session, args=(connection, model, jobs, max_tokens, answers, latencies))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - began
    cpu = spent(pids) - before
    digest = hashlib.sha256("\0".join(a if a is not None else "\1" for a in answers).encode()).hexdigest()
    return wall, cpu, latencies, digest


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def measure(args, report, model, control):
    n_text = args.sessions * args.calls
    walls, cpus, latencies, digests = ({way: [] for way in WAYS} for _ in range(4))
    texts = [common.made_up_texts(n_text, 11 + r, args.sentences, args.sentences) for r in range(args.rounds)]
    cores = set(range(args.cores))
    for r in range(args.rounds):
        round_digests = set()
        for way in WAYS:
            # new sessions and another worker, so that nothing is remembered from the way before
            for pid in worker_pids(control):
                control.query(f"SELECT pg_terminate_backend({pid}, 5000)")
            connections = [common.Connection(args.uri) for _ in range(args.sessions)]
            for connection in connections:
                connection.query(f"SET slm.execution = {way}")
                if args.cores:
                    os.sched_setaffinity(connection.pid, cores)
            # the model is mapped, and a worker there
            for connection in connections:
                connection.query(f"SET slm.execution = worker; SELECT slm_generate('warm', '{model}', 1); SET slm.execution = {way}")
            if args.cores:
                for pid in worker_pids(control):
                    os.sched_setaffinity(pid, cores)
            wall, cpu, times, digest = one_round(connections, control, model, texts[r], args.tokens)
            walls[way].append(wall)
            cpus[way].append(cpu)
            latencies[way] += times
            round_digests.add(digest)
            for connection in connections:
                connection.close()
        digests[WAYS[0]].append(len(round_digests))
    rows = []
    ratio = {}
    for way in WAYS:
        ratio[way] = statistics.median(a / b for a, b in zip(cpus["backend"], cpus[way]))
        rows.append([
            way,
            f"{n_text / statistics.median(walls[way]):.2f}",
            f"{n_text / statistics.median(cpus[way]):.2f}",
            f"{1000 * quantile(latencies[way], 0.5):.0f}",
            f"{1000 * quantile(latencies[way], 0.99):.0f}",
            f"{statistics.median(a / b for a, b in zip(walls['backend'], walls[way])):.2f}",
            f"{ratio[way]:.2f}",
        ])
    report.table([f"{model}: {args.sessions} sessions, {args.tokens} tokens", "texts/s", "texts/CPU s", "p50 ms", "p99 ms", "ratio", "by CPU"], rows)
    report.target(f"{model}: distinct hashes of a round", max(digests[WAYS[0]]), 1, at_most=True)
    return ratio


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=16)
    parser.add_argument("--calls", type=int, default=4, help="of each session in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--sentences", type=int, default=2, help="of a prompt")
    parser.add_argument("--cores", type=int, default=0, help="for sessions and workers; 0: all")
    parser.add_argument("--file", action="append", default=[], help="a model file by absolute path, beside ticket_json")
    parser.add_argument("--no-small", action="store_true", help="without ticket_json")
    args = common.parse(parser)
    report = common.Report(args)
    control = common.Connection(args.uri)
    models = [] if args.no_small else ["ticket_json"]
    for path in args.file:
        name = "m_" + "".join(c if c.isalnum() else "_" for c in os.path.basename(path)[:-5]).lower()
        control.query(f"SELECT slm_create_model({common.literal(name)}, {common.literal(os.path.abspath(path))}, '{{\"prompt_format\": \"chatml\"}}')")
        models.append(name)
    for model in models:
        ratio = measure(args, report, model, control)
        if model != "ticket_json":
            report.target(f"{model}: texts a CPU second, worker over backend", ratio["worker"], LEAST, form="{:.2f}")
    control.close()
    report.finish()


if __name__ == "__main__":
    main()
