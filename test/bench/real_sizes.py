#!/usr/bin/env python3
"""Decoders of real sizes through SQL: their image, its memory in 8 backends, and tokens/s beside llama.cpp.

    test/bench/run real_sizes FOLDER [--peer LLAMA_BENCH] [--shapes llama-3.2-1b,...]

FOLDER keeps the files, NAME.gguf for each shape of make_random_model.py; what is
not there is made (that needs the oracle venv and 8 GB of disk for the three).
Images are built by slm_create_model(), hashing the file included.  Memory is the proportional set size of backends
that have each generated, with the image's pages and without.  Speed is prompts
of --prompt tokens and --tokens tokens written behind a short prompt, one thread
each, server and peer (llama-bench on the same file) taking turns; a rate is the
median of the rounds, on the clock, a ratio that of the rounds' ratios.
"""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import big_model
import common
import memory

BACKENDS = 8
MOST_GROWTH_MB = 64  # of a backend beside the image: keys and values of its last call are given back
MB = 1 << 20


def file_of_shape(folder, shape):
    path = os.path.join(folder, shape + ".gguf")
    if not os.path.exists(path):
        python = os.path.join(os.environ.get("SLM_ORACLE_VENV") or os.path.join(common.ROOT, "build", "oracle"), "bin", "python")
        maker = os.path.join(common.ROOT, "test", "bench", "make_random_model.py")
        subprocess.run([python, maker, shape, path + ".part"], check=True)
        os.replace(path + ".part", path)
    return path


def words_of(connection, model, tokens, round_no):
    """A text of so many tokens, another one in each round."""
    text = f"{round_no}"
    for word in " ".join(common.made_up_texts(tokens, 11 + round_no)).split():
        longer = f"{text} {word}"
        if int(connection.value("SELECT slm_count_tokens($1, $2)", longer, model)) > tokens:
            return text
        text = longer
    raise SystemExit("the text is too short")


def generate(connection, model, prompt, n):
    """Seconds of a call that writes n tokens, or as many as the model does not end before."""
    start = time.perf_counter()
    connection.query("SELECT slm_generate($1, $2, max_tokens => $3::int)", prompt, model, str(n))
    return time.perf_counter() - start


def rates(connection, model, prompt_tokens, tokens, round_no):
    """tokens/s: (of a prompt, written)."""
    long = words_of(connection, model, prompt_tokens, round_no)
    short = words_of(connection, model, 8, round_no + 1000)
    other = words_of(connection, model, 8, round_no + 2000)
    connection.query("SELECT slm_stat_reset()")
    first = generate(connection, model, long, 1)
    read = int(connection.value("SELECT tokens_in FROM slm_stat_calls WHERE model = $1", model))
    one = generate(connection, model, short, 1)
    connection.query("SELECT slm_stat_reset()")
    many = generate(connection, model, other, 1 + tokens)
    written = int(connection.value("SELECT tokens_out FROM slm_stat_calls WHERE model = $1", model)) - 1
    return read / first, written / (many - one)


def peer_rates(program, path, prompt_tokens, tokens):
    out = subprocess.run([program, "-m", path, "-t", "1", "-p", str(prompt_tokens), "-n", str(tokens), "-r", "1", "-o", "json"],
                         check=True, capture_output=True, text=True).stdout
    by_kind = {bool(run["n_gen"]): run["avg_ts"] for run in json.loads(out)}
    return by_kind[False], by_kind[True]


def place(admin, path, shape):
    """Puts the file of a shape where the server looks for it; gives the path there.  No model has its name then."""
    placed = big_model.file_of(admin, f"{shape}.gguf")
    os.makedirs(os.path.dirname(placed), exist_ok=True)
    if os.path.exists(placed):
        os.unlink(placed)
    os.link(path, placed)
    os.chmod(placed, 0o644)
    if admin.query("SELECT 1 FROM pg_foreign_server WHERE srvname = $1", shape):
        admin.query("SELECT slm_drop_model($1)", shape)
    return placed


def measure(args, report, shape):
    path = file_of_shape(args.folder, shape)
    with common.Connection(args.uri) as admin:
        placed = place(admin, path, shape)
        start = time.perf_counter()
        admin.query("SELECT slm_create_model($1, $2, '{\"prompt_format\": \"plain\"}')", shape, f"{shape}.gguf")
        built = time.perf_counter() - start
    plain = memory.open_all(args.uri, BACKENDS)
    base, _ = memory.mean_pss(plain, [".image"])
    for connection in plain:
        connection.close()
    used = memory.open_all(args.uri, BACKENDS)
    for i, connection in enumerate(used):
        connection.query("SELECT slm_generate($1, $2, max_tokens => 2)", f"row {i}", shape)
    image = big_model.image_bytes(used[0], f"{shape}.gguf")
    names = [os.path.basename(p) for p in big_model.images(used[0])]
    grown, of_image = memory.mean_pss(used, names)
    for connection in used:
        connection.close()

    pairs, peers = [], []
    with common.Connection(args.uri) as connection:
        connection.query("SET slm.max_scratch_memory = '8GB'; SET slm.max_prefix_memory = 0")
        generate(connection, shape, "warm", 1)
        for i in range(args.rounds):
            pairs.append(rates(connection, shape, args.prompt, args.tokens, i))
            if args.peer:
                peers.append(peer_rates(args.peer, path, args.prompt, args.tokens))
        connection.query("SELECT slm_drop_model($1)", shape)
    os.unlink(placed)
    with common.Connection(args.uri) as admin:
        admin.query("SELECT slm_cache_gc()")

    row = [shape, f"{os.path.getsize(path) / 1e6:.0f}", f"{image / 1e6:.0f}", f"{built:.1f}", f"{of_image / 1e6:.0f}",
           f"{of_image * BACKENDS / 1e6:.0f}", f"{(grown - base) / 1e6:.1f}"]
    for side in (0, 1):
        row.append(f"{common.median([p[side] for p in pairs]):.2f}")
        row.append(f"{common.median([p[side] for p in peers]):.2f}" if peers else "-")
        row.append(f"{common.median([p[side] / q[side] for p, q in zip(pairs, peers)]):.2f}" if peers else "-")
    return row, of_image * BACKENDS / image, (grown - base) / MB, [float(row[-4]), float(row[-1])] if peers else []


def main():
    parser = common.arguments(__doc__.splitlines()[0], folder=True)
    parser.add_argument("--shapes", default="llama-3.2-1b,phi-3.5-mini,llama-3.1-8b")
    parser.add_argument("--peer", help="llama.cpp's llama-bench")
    parser.add_argument("--prompt", type=int, default=128, help="tokens of the long prompt")
    parser.add_argument("--tokens", type=int, default=16, help="tokens to write")
    parser.add_argument("--rounds", type=int, default=3)
    args = common.parse(parser)
    report = common.Report(args)
    measured = [(shape, *measure(args, report, shape)) for shape in args.shapes.split(",")]
    report.table(["shape", "file MB", "image MB", "built s", f"PSS image, each of {BACKENDS}", "together", "growth MB",
                  "prompt t/s", "peer", "ratio", "written t/s", "peer", "ratio"], [row for _, row, *_ in measured])
    for shape, _, copies, growth, ratios in measured:
        report.target(f"{shape}: copies of the image in {BACKENDS} backends", copies, 1.01, at_most=True, form="{:.3f}")
        report.target(f"{shape}: growth of a backend, image aside, MB", growth, MOST_GROWTH_MB, at_most=True, form="{:.1f}")
        for name, ratio in zip(("prompt", "written"), ratios):
            report.target(f"{shape}: {name}, tokens/s over llama.cpp's", ratio, 1.0, form="{:.2f}")
    report.finish()


if __name__ == "__main__":
    main()
