#!/usr/bin/env python3
"""Rows a second through SQL and in the C engine, beside ONNX Runtime int8, in one run.

The same model and texts, one core, tokenization included on both sides, the
ways taking turns (A B A B): texts of exactly 32 and of exactly 128 tokens, one
row a call and batches of 64.  The figure of a way is the median of its rounds;
a ratio is the median of the rounds' ratios.  The limit of the core (vpdpbusd)
is measured in every round as well, and a way's share of it counts the weights'
multiply-adds of a token alone, so attention, norms and SQL are on the loss
side.  With a folder of data sets a row of texts as they are is added, which
ONNX Runtime gets sorted by length.

SQL: the backend is pinned to the core.  One row a call is slm_embed() over a
table; a batch is slm_embed_batch().  Seconds are those of the backend, or of
ONNX Runtime's process, on the CPU: on a machine of its own that is the clock's
time, and on a shared one it leaves out what the others took ("clock" is the
rate with it).  SQL's share of the time is what slm_stat_calls does not count as
inference.
"""

import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

common.oracle_venv()

import ort_peer
from tokenizers import Tokenizer

# MiniLM-L6: multiply-adds of its matrices for one token.
MACS_PER_TOKEN = 6 * (4 * 384 * 384 + 2 * 384 * 1536)
LEAST_RATIO, WANTED_RATIO = 1.0, 1.3
# The wanted ratio binds where it asks for no more of the limit than this.
ROOM = 0.60
LEAST_SHARE = 0.45


def texts_of_length(tokenizer, tokens, count, seed):
    """Made-up texts of exactly that many tokens, special tokens included."""
    stream, found = common.sentences(seed), []
    while len(found) < count:
        words = []
        while len(tokenizer.encode(" ".join(words)).ids) < tokens:
            words += next(stream).split()
        while words and len(tokenizer.encode(" ".join(words)).ids) > tokens:
            words.pop()
        text = " ".join(words)
        if len(tokenizer.encode(text).ids) == tokens and text not in found:
            found.append(text)
    return found


def peak(core):
    program = os.path.join(common.ROOT, "build", "test", "bench", "bench_kernels")
    out = subprocess.run(["taskset", "-c", str(core), program, "limits"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"vpdpbusd zmm (\d+) GOP/s", out)
    return float(found[1]) * 1e9 if found else None


class Engine:
    """The C engine's own program, which prints 'rows_per_s N' for a file of texts."""

    def __init__(self, kind):
        self.program = os.path.join(common.ROOT, "build", "test", "bench", "bench_engine")
        self.model = os.path.join(common.ROOT, "build", "models", f"minilm-{kind}.gguf")

    def run(self, texts, batch, core):
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write("".join(t + "\n" for t in texts))
            file.flush()
            out = subprocess.run(["taskset", "-c", str(core), self.program, "texts", self.model, file.name, str(batch)],
                                 capture_output=True, text=True, check=True).stdout
        return len(texts) / float(re.search(r"rows_per_s (\S+)", out)[1])


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="data sets: adds texts as they are")
    parser.add_argument("--type", default="q8_0")
    parser.add_argument("--core", type=int, default=os.cpu_count() - 1)
    parser.add_argument("--rounds", type=int, default=9)
    args = common.parse(parser)
    report = common.Report(args)
    model = args.prefix + args.type

    paths = ort_peer.export()
    common.pin(args.core)
    tokenizer = Tokenizer.from_file(os.path.join(common.oracle_model_folder(), "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    peers = {name: ort_peer.Peer(path, tokenizer) for name, path in paths.items() if name != "fp32"}
    engine = Engine(args.type)

    settings = [(tokens, batch, texts_of_length(tokenizer, tokens, 8192 // tokens, tokens), False)
                for tokens in (32, 128) for batch in (1, 64)]
    if args.folder:
        natural = [r["text"] for name in ("bitext_support", "it_tickets", "agnews") for r in common.read_tsv(args.folder, name)[:64]]
        mean = sum(len(tokenizer.encode(t).ids) for t in natural) / len(natural)
        settings += [(round(mean, 1), batch, natural, True) for batch in (1, 64)]

    connection = common.Connection(args.uri)
    common.pin(args.core, int(connection.pid))
    for i, (_, _, texts, _) in enumerate(settings):
        common.fill_texts(connection, texts, f"texts{i}")

    def sql(i, batch):
        n = len(settings[i][2])
        inferred, start, cpu = inference_ms(), time.perf_counter(), common.on_cpu_s(connection.pid)
        if batch == 1:
            connection.query(f"SET slm.enable_batching = off; SELECT count(slm_embed(t, '{model}')) FROM texts{i}")
        else:
            for at in range(0, n, batch):
                connection.query(f"SELECT count(v) FROM slm_embed_batch((SELECT array_agg(t) FROM texts{i} "
                                 f"WHERE id >= {at} AND id < {at + batch}), '{model}') AS b(ord, v)")
        elapsed, cpu = time.perf_counter() - start, common.on_cpu_s(connection.pid) - cpu
        rates.setdefault((i, "clock"), []).append(n / elapsed)
        rates.setdefault((i, "sql's %"), []).append(100 * (1 - (inference_ms() - inferred) / 1000 / elapsed))
        return cpu

    def inference_ms():
        return float(connection.value("SELECT coalesce(sum(inference_ms), 0) FROM slm_stat_calls"))

    def peer(name, texts, batch, mixed):
        start = time.process_time()
        peers[name].embed_all(texts, batch, by_length=mixed and batch > 1)
        return time.process_time() - start

    rates, limits = {}, []
    for turn in range(args.rounds + 1):
        limits.append(peak(args.core))
        if turn == 1:  # the first round is for warming up
            rates.clear()
        for i, (_, batch, texts, mixed) in enumerate(settings):
            ways = {"sql": lambda: sql(i, batch), "engine": lambda: engine.run(texts, batch, args.core)}
            ways.update((name, lambda name=name: peer(name, texts, batch, mixed)) for name in peers)
            for name, way in ways.items():
                rates.setdefault((i, name), []).append(len(texts) / way())
    connection.close()

    limit = common.median(limits) if all(limits) else None
    report.line(f"limit of core {args.core}, vpdpbusd: " + (f"{limit / 1e9:.0f} GOP/s" if limit else "not on this CPU"))
    rows, checks = [], []
    for i, (tokens, batch, texts, mixed) in enumerate(settings):
        best = max(peers, key=lambda name: common.median(rates[i, name]))
        ours = rates[i, "sql"]
        ratio = common.median([a / b for a, b in zip(ours, rates[i, best])])
        share = lambda rate: rate * tokens * 2 * MACS_PER_TOKEN / limit if limit else float("nan")
        theirs = common.median(rates[i, best])
        what = f"{'natural, ' if mixed else ''}{tokens} tokens, batch {batch}"
        rows.append([what] + [f"{x:.1f}" for x in (common.median(ours), max(ours), common.median(rates[i, "clock"]),
                                                   max(rates[i, "engine"]), common.median(rates[i, "sql's %"]),
                                                   theirs, max(rates[i, best]))]
                    + [f"{ratio:.2f}", f"{100 * share(common.median(ours)):.1f}", f"{100 * share(theirs):.1f}"])
        if not mixed:
            wanted = WANTED_RATIO if share(WANTED_RATIO * theirs) <= ROOM else LEAST_RATIO
            checks.append((what, ratio, wanted, share(common.median(ours))))
    report.table([f"rows/s, {args.type}, {args.rounds} rounds", "sql", "best", "clock", "engine best", "sql's %", "ort int8", "best", "ratio",
                  "% of limit", "ort %"], rows)
    for what, ratio, wanted, share in checks:
        report.target(f"{what}: ratio to ONNX Runtime int8", ratio, wanted, form="{:.2f}")
        if limit:
            report.target(f"{what}: share of the limit", share, LEAST_SHARE, form="{:.3f}")
    report.finish()


if __name__ == "__main__":
    main()
