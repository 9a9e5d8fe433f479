#!/usr/bin/env python3
"""What 32 backends cost in memory, and what a backend's first call costs in time.

Memory: the proportional set size (PSS) of 32 backends that have made single-row
calls, without the weight image, over 32 plain backends that have run the same
statements without slm; the image itself must be there once.  Scratch is what
the contexts named "slm ..." hold after a transaction with a large batch.

Time: the attach (first slm_count_tokens() of a fresh backend over its second),
the first slm_embed() over later ones of the same length, and the building of
the image of a 100 MB file that is in the page cache.  Medians.  The first two
are a few milliseconds, in which a machine shared with others may well run
somebody else; so what counts is the backend's time on a CPU, and the time on
the clock stands beside it.  Memory and CPU time are read from /proc, so this
has to run on the server's machine, as its user or as root.
"""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import big_model
import common

BACKENDS = 32
MOST_GROWTH_MB, MOST_SCRATCH_MB = 8, 4
MOST_ATTACH_MS, MOST_FIRST_MS, MOST_BUILD_S = 2, 20, 1
MB = 1 << 20


def pss(pid, image_names):
    """Bytes of a process's proportional set size: (without images, of images)."""
    rest = images = 0
    in_image = False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            if re.match(r"^[0-9a-f]+-[0-9a-f]+ ", line):
                in_image = any(name in line for name in image_names)
            elif line.startswith("Pss:"):
                kb = int(line.split()[1])
                if in_image:
                    images += kb * 1024
                else:
                    rest += kb * 1024
    return rest, images


def mean_pss(connections, image_names):
    pairs = [pss(c.pid, image_names) for c in connections]
    return [sum(p[i] for p in pairs) / len(pairs) for i in (0, 1)]


def open_all(uri, n=BACKENDS):
    connections = [common.Connection(uri) for _ in range(n)]
    for connection in connections:
        # What a backend that does anything has: catalog caches, a plan, a sort.
        connection.query("SELECT count(*), upper('a') FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid GROUP BY 2")
    return connections


def memory(uri, model, kind, rows):
    plain = open_all(uri)
    base, _ = mean_pss(plain, [".image"])
    for connection in plain:
        connection.close()
    labels = common.literal(common.array_literal(["billing", "shipping", "login", "praise"]))
    used = open_all(uri)
    for i, connection in enumerate(used):
        for text in common.made_up_texts(3, i):
            connection.query(f"SELECT slm_embed({common.literal(text)}, '{model}') IS NULL")
            connection.query(f"SELECT slm_classify({common.literal(text)}, {labels}, '{model}')")
    names = [os.path.basename(path) for path in big_model.images(used[0])]
    grown, image = mean_pss(used, names)
    scratch = []
    for connection in used[:2]:
        connection.query(f"SELECT count(*) FROM slm_embed_batch($1::text[], '{model}')",
                         common.array_literal(common.made_up_texts(64, 9, 10, 20)))
        scratch.append(int(connection.value(
            "SELECT coalesce(sum(total_bytes), 0)::bigint FROM pg_backend_memory_contexts WHERE name LIKE 'slm%'")))
    for connection in used:
        connection.close()
    rows.append([f"{kind}: plain backend, PSS", f"{base / MB:.2f} MB"])
    rows.append([f"{kind}: growth of a backend, image aside", f"{(grown - base) / MB:.2f} MB"])
    rows.append([f"{kind}: image, all {BACKENDS} backends together", f"{image * BACKENDS / MB:.2f} MB"])
    rows.append([f"{kind}: slm contexts after a batch of 64 long rows", f"{max(scratch) / MB:.2f} MB"])
    return (grown - base) / MB, max(scratch) / MB, image * BACKENDS


def milliseconds(connection, sql):
    """Of a statement: on the clock, and of the backend on a CPU."""
    before = common.on_cpu_s(connection.pid)
    start = time.perf_counter()
    connection.query(sql)
    elapsed = time.perf_counter() - start
    return 1000 * elapsed, 1000 * (common.on_cpu_s(connection.pid) - before)


def over(first, later):
    """What the first statement took more than the median of the later ones, on both clocks."""
    return [first[i] - common.median([one[i] for one in later]) for i in (0, 1)]


def first_calls(uri, model, kind, rows, tries=15):
    """Medians in ms of CPU time of: attaching, and the first embedding over later ones."""
    attach, embed = [], []
    texts = common.made_up_texts(tries * 8, 21, 2, 2)
    for i in range(tries):
        with common.Connection(uri) as connection:
            connection.query("SELECT upper('a'), slm_version()")
            times = [milliseconds(connection, f"SELECT slm_count_tokens('{c}', '{model}')") for c in "abcd"]
            attach.append(over(times[0], times[1:]))
        with common.Connection(uri) as connection:
            connection.query("SELECT 1")
            mine = texts[8 * i : 8 * i + 8]
            times = [milliseconds(connection, f"SELECT slm_embed('{t}', '{model}') IS NULL") for t in mine]
            embed.append(over(times[0], times[1:]))
    figures = []
    for what, pairs in (("attach", attach), ("first embedding of a backend over later ones", embed)):
        wall, cpu = (common.median([pair[i] for pair in pairs]) for i in (0, 1))
        rows.append([f"{kind}: {what}, CPU (clock)", f"{cpu:.2f} ({wall:.2f}) ms"])
        figures.append(cpu)
    return figures


def build(uri, kind, rows, tries=5):
    """Seconds from nothing to the image of a 100 MB file: in the page cache, and read from the disk."""
    with common.Connection(uri) as admin:
        name = big_model.register(admin, kind)
        path = big_model.file_of(admin, name + ".gguf")
        seconds = {False: [], True: []}
        for drop in (False, True):
            for _ in range(tries):
                for _ in range(200):
                    admin.query("SELECT slm_cache_gc()")
                    if not big_model.is_built(admin, name):
                        break
                    time.sleep(0.01)
                with open(path, "rb") as file:
                    if drop:
                        os.fsync(file.fileno())
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                    else:
                        while file.read(1 << 24):
                            pass
                with common.Connection(uri) as connection:
                    connection.query("SELECT 1")
                    seconds[drop].append(milliseconds(connection, f"SELECT slm_load('{name}')")[0] / 1000)
        megabytes = os.path.getsize(path) / 1e6
        big_model.drop(admin, name)
        admin.query("SELECT slm_cache_gc()")
    rows.append([f"{kind}: image of a file of {megabytes:.0f} MB", f"{common.median(seconds[False]):.3f} s"])
    rows.append([f"{kind}: the same, file not in the page cache", f"{common.median(seconds[True]):.3f} s"])
    return common.median(seconds[False])


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("--types", default="f32,q8_0")
    args = common.parse(parser)
    report = common.Report(args)
    rows, checks = [], []
    for kind in args.types.split(","):
        model = args.prefix + kind
        with common.Connection(args.uri) as connection:
            connection.query(f"SELECT slm_load('{model}')")
            image_bytes = big_model.image_bytes(connection, f"minilm-{kind}.gguf")
        growth, scratch, images = memory(args.uri, model, kind, rows)
        attach, first = first_calls(args.uri, model, kind, rows)
        seconds = build(args.uri, kind, rows)
        checks += [
            (f"{kind}: growth of a backend, MB", growth, MOST_GROWTH_MB),
            (f"{kind}: images of {BACKENDS} backends together, MB", images / MB, image_bytes / MB * 1.01),
            (f"{kind}: scratch after the transaction, MB", scratch, MOST_SCRATCH_MB),
            (f"{kind}: attach, ms", attach, MOST_ATTACH_MS),
            (f"{kind}: first call over the computation, ms", first, MOST_FIRST_MS),
            (f"{kind}: cold image of 100 MB, s", seconds, MOST_BUILD_S),
        ]
    report.table(["memory and first calls", ""], rows)
    for name, value, bound in checks:
        report.target(name, value, bound, at_most=True, form="{:.3f}")
    report.finish()


if __name__ == "__main__":
    main()
