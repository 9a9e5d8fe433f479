#!/usr/bin/env python3
"""What the option draft gains where every guess is right, and costs where none is.

    test/bench/run draft [FOLDER] [--shape qwen2.5-0.5b] [--layers 2]

No trained pair is at hand, so the two ends are made from a model of random weights (make_random_model.py; made in
FOLDER, build/models where none is given, which needs the oracle venv).  The draft is its first layers.  With the
rest of its layers adding nothing, at the same cost, the model writes what the draft guesses; as it is, it seldom
does.  A pair of real models is between the two.  Rates are tokens per second of the backend's CPU time, a row a
call and four rows beside each other; answers with and without the draft are hashed.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import big_model
import common
import real_sizes
from gguf_file import GgufFile


def layer_of(name):
    return int(name.split(".")[1]) if name.startswith("blk.") else -1


def write_model(path, target, n_layer, silent_from):
    """The model's first n_layer layers, None: all; those from silent_from on add nothing: what their attention and
    feed-forward end with is zero, which in every type is zeros."""
    with open(path, "rb") as file:
        model = GgufFile(file)
        n_layer = n_layer or model.n_layer

        def bytes_of(tensor):
            silent = layer_of(tensor.name) >= silent_from and tensor.name.split(".")[2] in ("attn_output", "ffn_down")
            return bytes(tensor.size) if silent else model.bytes_of(tensor)

        model.write(target, n_layer, [t for t in model.tensors if layer_of(t.name) < n_layer], bytes_of)
    os.chmod(target, 0o644)


def run(args, model, rows, texts):
    """(CPU seconds, tokens, hash) in a backend of its own: another one would remember answers."""
    with common.Connection(args.uri) as connection:
        connection.query(f"SET jit = off; SET slm.execution = backend; SET slm.max_scratch_memory = '2GB'; SET slm.batch_rows = {rows}")
        connection.query(f"SELECT slm_generate('warm', '{model}', 2); SELECT slm_stat_reset()")
        began = common.on_cpu_s(connection.pid)
        (digest,) = connection.query(
            "SELECT encode(sha256(string_agg(textsend(generated), ''::bytea ORDER BY ord)), 'hex')"
            f" FROM slm_generate_batch($1::text[], '{model}', {args.tokens})", common.array_literal(texts))[0]
        spent = common.on_cpu_s(connection.pid) - began
        tokens = connection.value("SELECT sum(tokens_out) FROM slm_stat_calls")
        return spent, int(tokens), digest


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=os.path.join(common.ROOT, "build", "models"), help="where the model is kept")
    parser.add_argument("--shape", default="qwen2.5-0.5b")
    parser.add_argument("--layers", type=int, default=2, help="of the draft")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    args = common.parse(parser)
    report = common.Report(args)
    path = real_sizes.file_of_shape(args.folder, args.shape)
    texts = common.made_up_texts(args.rows, 5, 1, 1)
    placed = []
    with common.Connection(args.uri) as connection:
        for name, n_layer, silent_from in (("draft", args.layers, sys.maxsize), ("right", None, args.layers), ("wrong", None, sys.maxsize)):
            placed.append(big_model.file_of(connection, f"{name}.gguf"))
            write_model(path, placed[-1], n_layer, silent_from)
        connection.query("SELECT slm_create_model('draft', 'draft.gguf', '{\"prompt_format\": \"plain\"}')")
        for name in ("right", "wrong"):
            connection.query("SELECT slm_create_model($1, $2, '{\"prompt_format\": \"plain\"}')", name, f"{name}.gguf")
            connection.query("SELECT slm_create_model($1, $2, '{\"prompt_format\": \"plain\", \"draft\": \"draft\"}')", f"{name}_guessed", f"{name}.gguf")
        table = []
        for rows in (1, 4):
            alone = [run(args, "draft", rows, texts) for _ in range(args.rounds)]
            table.append([f"the draft itself, {rows} at a time", f"{common.median([n / s for s, n, _ in alone]):.1f}", ""])
            for name in ("right", "wrong"):
                ratios, rates, hashes = [], [[], []], set()
                for _ in range(args.rounds):
                    pair = [run(args, model, rows, texts) for model in (name, f"{name}_guessed")]
                    ratios.append(pair[0][0] / pair[1][0])
                    for k, (spent, tokens, digest) in enumerate(pair):
                        rates[k].append(tokens / spent)
                        hashes.add(digest)
                table.append([f"guesses all {name}, {rows} at a time: without", f"{common.median(rates[0]):.1f}", "1.00"])
                table.append([f"guesses all {name}, {rows} at a time: with draft", f"{common.median(rates[1]):.1f}", f"{common.median(ratios):.2f}"])
                report.holds(f"guesses all {name}, {rows} at a time: one answer", len(hashes) == 1)
        for name in ("right_guessed", "wrong_guessed", "right", "wrong", "draft"):
            connection.query("SELECT slm_drop_model($1)", name)
    for file in placed:
        os.unlink(file)
    report.table([f"{args.shape}, a draft of {args.layers} layers", "tokens/s", "times"], table)
    report.finish()


if __name__ == "__main__":
    main()
