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
import sys
from dataclasses import replace

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common
from gguf_file import GgufFile

_digests = {}


def make(source, output, megabytes=100):
    """Writes output with as many layers as it needs to have that size."""
    with open(source, "rb") as file:
        model = GgufFile(file)
        of_layer = {}
        for tensor in model.tensors:
            match = re.match(r"blk\.(\d+)\.", tensor.name)
            if match:
                of_layer.setdefault(int(match[1]), []).append(tensor)
        tensors, wanted, size = list(model.tensors), model.n_layer, os.path.getsize(source)
        while size < megabytes * 1000000:
            for tensor in of_layer[wanted % model.n_layer]:
                tensors.append(replace(tensor, name=re.sub(r"^blk\.\d+\.", f"blk.{wanted}.", tensor.name)))
            wanted += 1
            size += sum(t.size for t in of_layer[0])
        model.write(output, wanted, tensors)
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
