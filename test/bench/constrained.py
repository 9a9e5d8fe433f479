#!/usr/bin/env python3
"""Is what models write under a schema valid?  10^5 values of the schemas in test/golden/schemas.jsonl.

Models that know nothing (random weights; byte-level BPE and SentencePiece, 270 to
3072 tokens) and the tests' trained decoder write values of every schema, the
likeliest tokens and drawn ones, by test/tools/write_values.c.  Every value is parsed
by Python's json and validated by the package jsonschema with its checkers of
formats; strings that are bound to a text are looked up there; jsonb's input takes
every value; and the same schemas go through slm_generate().

What was written and found stays in build/bench/constrained, a file a batch, so that
a run that was stopped goes on; another model, schema or engine begins anew.
"""

import decimal
import gzip
import hashlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

common.oracle_venv()
import gguf
import jsonschema
import numpy as np

SCHEMAS = os.path.join(common.ROOT, "test", "golden", "schemas.jsonl")
GOLDEN = os.path.join(common.ROOT, "test", "golden")
TOOL = os.path.join(common.ROOT, "build", "test", "tools", "write_values")
FOLDER = os.path.join(common.BUILD, "constrained")
MAX_TOKENS = 400
VALUES = 8  # of a schema in a batch
# Model, prompt format, temperature.
WRITERS = [(model, form, temperature)
           for model, form in (("ticket_json", "chatml"), ("random-bpe", "plain"), ("random-spm", "plain"), ("decoder-qwen2", "plain"), ("decoder-spm", "plain"))
           for temperature in (0, 0.7, 1.5)]
# Random models in the vocabulary of another file.
RANDOM = {"random-bpe": "ticket_json", "random-spm": "tokenizer-spm"}


def make_random(name, path):
    """A Llama of one layer whose weights mean nothing."""
    source = gguf.GGUFReader(os.path.join(GOLDEN, RANDOM[name] + ".gguf"))
    writer = gguf.GGUFWriter(path, "llama")
    width, n_ff, n_head, head = 32, 32, 2, 16
    writer.add_block_count(1)
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(n_ff)
    writer.add_head_count(n_head)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(head)
    for key, field in source.fields.items():
        if key.startswith("tokenizer."):
            writer.add_key_value(key, field.contents(), field.types[0], field.types[1] if len(field.types) > 1 else None)
    random = np.random.default_rng(7)
    n_vocab = len(source.fields["tokenizer.ggml.tokens"].contents())
    for tensor, *shape in (("token_embd", n_vocab, width), ("blk.0.attn_q", width, width), ("blk.0.attn_k", head, width), ("blk.0.attn_v", head, width),
                           ("blk.0.attn_output", width, width), ("blk.0.ffn_gate", n_ff, width), ("blk.0.ffn_up", n_ff, width), ("blk.0.ffn_down", width, n_ff)):
        writer.add_tensor(tensor + ".weight", random.normal(0, 0.4, shape).astype(np.float32))
    for tensor in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(tensor + ".weight", np.ones(width, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def model_path(name):
    if name not in RANDOM:
        return os.path.join(GOLDEN, name + ".gguf")
    path = os.path.join(FOLDER, name + ".gguf")
    if not os.path.exists(path):
        make_random(name, path + ".part")
        os.replace(path + ".part", path)
    return path


def digest_of(*paths):
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:16]


# ---- The validator --------------------------------------------------------------


def read_schemas():
    """(schema, its validator, text or None, its JSON) of each line; numbers are decimal, as those of values."""
    with open(SCHEMAS, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    made = []
    for line in lines:
        schema = json.loads(line[0], parse_float=decimal.Decimal)
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        kind.check_schema(schema)
        made.append((schema, kind(schema, format_checker=kind.FORMAT_CHECKER), line[1] if len(line) > 1 else None, line[0]))
    return made


def unbound(schema, value, text):
    """Strings of a value that ought to stand in the text and do not."""
    if isinstance(value, str):
        free = not any(word in schema for word in ("enum", "const", "format", "pattern"))
        return [value] if free and value not in text else []
    if isinstance(value, list):
        return [one for item in value for one in unbound(schema.get("items", {}), item, text)]
    if isinstance(value, dict):
        return [one for name, item in value.items() for one in unbound(schema["properties"][name], item, text)]
    return []


def plain(schema, value):
    """The alternative of anyOf that is not null: enough for the schemas that are bound to texts."""
    if isinstance(schema, dict):
        if "anyOf" in schema:
            return plain(next(one for one in schema["anyOf"] if one != {"type": "null"}), value)
        return {key: plain(one, value) for key, one in schema.items()}
    return schema


def pairs(members):
    """An object, whose keys are distinct."""
    made = dict(members)
    if len(made) != len(members):
        raise ValueError("a key twice")
    return made


def fault(schema, validator, text, written):
    """What is wrong with a value; None when it is valid."""
    try:
        value = json.loads(written, object_pairs_hook=pairs, parse_float=decimal.Decimal)
    except ValueError as error:
        return f"no JSON: {error}"
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    if error is not None:
        return f"{error.json_path}: {error.message[:200]}"
    lost = unbound(plain(schema, value), value, text) if text is not None else []
    return f"not in the text: {lost}" if lost else None


# ---- The run --------------------------------------------------------------------


def batch(schemas, connection, path, writer, seed):
    """Writes and validates VALUES values of every schema; what was found."""
    model, form, temperature = writer
    began = time.monotonic()
    with open(SCHEMAS, "rb") as file:
        out = subprocess.run([TOOL, model_path(model), form, str(temperature), str(seed), str(VALUES), str(MAX_TOKENS)],
                             stdin=file, stdout=subprocess.PIPE, check=True).stdout
    wrote = time.monotonic() - began
    found = {"values": 0, "valid": 0, "incomplete": 0, "tokens": 0, "forced": 0, "bytes": 0, "write_s": wrote, "faults": []}
    texts = []
    for line in out.decode().split("\n")[:-1]:
        number, n_token, n_forced, written = line.split("\t", 3)
        if written.startswith("!answer is not complete"):
            found["incomplete"] += 1
            continue
        found["values"] += 1
        wrong = written if written.startswith("!") else fault(*schemas[int(number)][:3], written)
        if wrong is None:
            found["valid"] += 1
            found["tokens"] += int(n_token)
            found["forced"] += int(n_forced)
            found["bytes"] += len(written.encode())
            texts.append(written)
        elif len(found["faults"]) < 20:
            found["faults"].append(f"line {int(number) + 1}: {wrong}: {written[:300]}")
    found["jsonb"] = int(connection.value("SELECT count(t::jsonb) FROM unnest($1::text[]) AS t", common.array_literal(texts)))
    with gzip.open(path + ".part", "wb") as file:
        file.write(json.dumps(found).encode() + b"\n" + out)
    os.replace(path + ".part", path)
    return found


def through_sql(schemas, connection, report):
    """The same schemas by slm_generate() and slm_extract(), a value each."""
    n = valid = incomplete = 0
    for number, (schema, validator, text, line) in enumerate(schemas):
        for seed in range(2):
            try:
                if text is None:
                    written = connection.value("SELECT slm_generate($1, 'ticket_json', max_tokens => $2, schema => $3, temperature => $4::int, seed => $4::int)",
                                               f"Case {number}.", str(MAX_TOKENS), line, str(seed))
                else:
                    written = connection.value("SELECT slm_extract($1, $2, 'ticket_json')", text, line)
            except common.SqlError as error:
                if "is not complete" not in str(error):
                    report.line(f"line {number + 1}: {error}")
                    n += 1
                else:
                    incomplete += 1
                continue
            n += 1
            wrong = fault(schema, validator, text, written)
            valid += wrong is None
            if wrong is not None:
                report.line(f"line {number + 1}: {wrong}: {written[:300]}")
    return n, valid, incomplete


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("--values", type=int, default=100000, help="at least so many (default: 100000)")
    args = common.parse(parser)
    report = common.Report(args)
    os.makedirs(FOLDER, exist_ok=True)
    schemas = read_schemas()
    connection = common.Connection(args.uri)
    connection.query("CREATE EXTENSION IF NOT EXISTS slm")
    total, rows, round_ = {}, {writer: [0] * 6 for writer in WRITERS}, 0
    while total.get("values", 0) < args.values:
        for writer in WRITERS:
            name = "-".join(str(part) for part in writer) + f"-{round_}-{digest_of(TOOL, SCHEMAS, model_path(writer[0]))}.gz"
            path = os.path.join(FOLDER, name)
            if os.path.exists(path):
                with gzip.open(path, "rb") as file:
                    found = json.loads(file.readline())
            else:
                found = batch(schemas, connection, path, writer, round_ * VALUES)
            for line in found.pop("faults"):
                report.line(f"{writer[0]} {writer[2]}: {line}")
            for key, value in found.items():
                total[key] = total.get(key, 0) + value
            row = (found["values"], found["valid"], found["incomplete"], found["tokens"], found["forced"], found["write_s"])
            rows[writer] = [a + b for a, b in zip(rows[writer], row)]
        round_ += 1
    report.table(["model, temperature", "values", "valid", "without an end", "tokens", "forced", "% forced", "values/s"],
                 [(f"{w[0]} {w[2]}", *r[:5], f"{100 * r[4] / max(1, r[3]):.1f}", f"{(r[0] + r[2]) / r[5]:.0f}") for w, r in rows.items()])
    report.line(f"{len(schemas)} schemas; {total['values']} values, {total['bytes']} bytes; of {total['tokens']} tokens {total['forced']} were forced;"
                f" {total['incomplete']} more had no end after {MAX_TOKENS} tokens")
    report.target("values", total["values"], args.values, form="{:d}")
    report.holds(f"valid by jsonschema {jsonschema.__version__ if hasattr(jsonschema, '__version__') else ''}: {total['valid']} of {total['values']}", total["valid"] == total["values"])
    report.holds(f"read by jsonb: {total['jsonb']} of {total['valid']}", total["jsonb"] == total["valid"])
    n, valid, incomplete = through_sql(schemas, connection, report)
    report.holds(f"through SQL, by ticket_json: {valid} of {n} valid ({incomplete} more had no end)", valid == n)
    report.finish()


if __name__ == "__main__":
    main()
