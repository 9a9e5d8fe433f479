#!/usr/bin/env python3
"""Makes a model file of about 100 MB out of the interim model: the same layers, repeated.

    test/bench/big_model.py SOURCE.gguf OUTPUT.gguf [MEGABYTES]

Its answers mean nothing; it has the size, the shapes and the types of a real
one, and building its image costs what a real one's costs.  register() puts it
beside the models of a server on this machine.
"""

import hashlib
import os
import re
import shutil
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY, UINT32 = 8, 9, 4
BLOCK_COUNT = b"bert.block_count"
_digests = {}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        value = struct.unpack_from("<" + form, self.data, self.at)[0]
        self.at += struct.calcsize("<" + form)
        return value

    def string(self):
        n = self.number("Q")
        self.at += n
        return self.data[self.at - n : self.at]

    def skip_value(self, kind):
        if kind == STRING:
            self.string()
        elif kind == ARRAY:
            item, count = self.number("I"), self.number("Q")
            if item == STRING:
                for _ in range(count):
                    self.string()
            else:
                self.at += SCALAR_BYTES[item] * count
        else:
            self.at += SCALAR_BYTES[kind]


def make(source, output, megabytes=100):
    """Writes output with as many layers as it needs to have that size."""
    with open(source, "rb") as file:
        data = file.read()
    reader = Reader(data)
    magic, version, n_tensor, n_key = (reader.number(f) for f in "IIQQ")
    assert magic == 0x46554747 and version == 3, source
    start, alignment, layers, count_at = reader.at, 32, 0, None
    for _ in range(n_key):
        key, kind = reader.string(), reader.number("I")
        if key == BLOCK_COUNT:
            assert kind == UINT32
            count_at = reader.at - start
            layers = struct.unpack_from("<I", data, reader.at)[0]
        elif key == b"general.alignment":
            alignment = struct.unpack_from("<I", data, reader.at)[0]
        reader.skip_value(kind)
    keys = bytearray(data[start : reader.at])
    tensors = []
    for _ in range(n_tensor):
        name = reader.string().decode()
        dims = [reader.number("Q") for _ in range(reader.number("I"))]
        tensors.append([name, dims, reader.number("I"), reader.number("Q")])
    base = -(-reader.at // alignment) * alignment
    ends = sorted([t[3] for t in tensors] + [len(data) - base])
    for tensor in tensors:
        tensor.append(ends[ends.index(tensor[3]) + 1] - tensor[3])
    of_layer = {}
    for tensor in tensors:
        match = re.match(r"blk\.(\d+)\.", tensor[0])
        if match:
            of_layer.setdefault(int(match[1]), []).append(tensor)
    layer_bytes = sum(t[4] for t in of_layer[0])
    wanted = layers
    size = len(data)
    while size < megabytes * 1000000:
        for name, dims, kind, offset, n in of_layer[wanted % layers]:
            tensors.append([re.sub(r"^blk\.\d+\.", f"blk.{wanted}.", name), dims, kind, offset, n])
        wanted += 1
        size += layer_bytes
    struct.pack_into("<I", keys, count_at, wanted)

    directory, body, at = bytearray(), [], 0
    for name, dims, kind, offset, n in tensors:
        directory += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(dims))
        directory += struct.pack(f"<{len(dims)}Q", *dims) + struct.pack("<IQ", kind, at)
        padded = -(-n // alignment) * alignment
        body.append(data[base + offset : base + offset + n].ljust(padded, b"\0"))
        at += padded
    head = struct.pack("<IIQQ", magic, version, len(tensors), n_key) + keys + directory
    with open(output, "wb") as file:
        file.write(head.ljust(-(-len(head) // alignment) * alignment, b"\0"))
        file.writelines(body)
    return wanted


def register(connection, kind):
    """Registers the large model of a type and gives its name."""
    source = os.path.join(common.ROOT, "build", "models", f"minilm-{kind}.gguf")
    name = f"slm_bench_big_{kind}"
    os.makedirs(common.BUILD, exist_ok=True)
    made = os.path.join(common.BUILD, f"{name}.gguf")
    if not os.path.exists(made) or os.path.getmtime(made) < os.path.getmtime(source):
        make(source, made + ".part")
        os.replace(made + ".part", made)
    placed = file_of(connection, os.path.basename(made))
    shutil.copyfile(made, placed)
    os.chmod(placed, 0o644)
    if connection.query("SELECT 1 FROM pg_foreign_server WHERE srvname = $1", name):
        connection.query("SELECT slm_drop_model($1)", name)
    connection.query("SELECT slm_create_model($1, $2)", name, os.path.basename(made))
    return name


def file_of(connection, file):
    """The path of a model file of the server by its plain name."""
    return os.path.join(connection.value("SHOW data_directory"), "slm_models", file)


def images(connection):
    """The weight images of the server: path to bytes."""
    folder = os.path.join(connection.value("SHOW data_directory"), connection.value("SHOW slm.cache_dir"))
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return {os.path.join(folder, n): os.path.getsize(os.path.join(folder, n)) for n in names if n.endswith(".image")}


def image_bytes(connection, file):
    """The size of the image of a model file, 0 where there is none; images are named by their file's sha256."""
    path = file_of(connection, file)
    if path not in _digests:
        with open(path, "rb") as data:
            _digests[path] = hashlib.sha256(data.read()).hexdigest()
    for image, size in images(connection).items():
        if _digests[path].startswith(os.path.basename(image).split(".")[0]):
            return size
    return 0


def is_built(connection, name):
    """Whether the server has the image of a large model."""
    return image_bytes(connection, name + ".gguf") > 0


def drop(connection, name):
    connection.query("SELECT slm_drop_model($1)", name)
    os.unlink(file_of(connection, name + ".gguf"))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.split("\n\n")[1])
    print(make(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])), "layers")
