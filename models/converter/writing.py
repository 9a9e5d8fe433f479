"""Writing GGUF version 3."""

import os
import re
import struct

from .tensors import BF16, F16, F32, ITEM_BYTES, always_f32

ALIGNMENT = 32
FILE_TYPES = {F32: 0, F16: 1, BF16: 32}


class Metadata:
    """Key-value pairs of a GGUF file, in writing order."""

    def __init__(self):
        self.parts = []

    @staticmethod
    def text(value):
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    def _add(self, key, kind, value):
        self.parts.append(self.text(key) + struct.pack("<I", kind) + value)

    def _array(self, key, kind, count, items):
        self._add(key, 9, struct.pack("<IQ", kind, count) + items)

    def u32(self, key, value):
        self._add(key, 4, struct.pack("<I", value))

    def f32(self, key, value):
        self._add(key, 6, struct.pack("<f", value))

    def bool(self, key, value):
        self._add(key, 7, struct.pack("<?", bool(value)))

    def string(self, key, value):
        self._add(key, 8, self.text(value))

    def bytes(self, key, value):
        self._array(key, 0, len(value), value)

    def i32s(self, key, values):
        self._array(key, 5, len(values), struct.pack(f"<{len(values)}i", *values))

    def f32s(self, key, values):
        self._array(key, 6, len(values), struct.pack(f"<{len(values)}f", *values))

    def strings(self, key, values):
        self._array(key, 8, len(values), b"".join(map(self.text, values)))


def start_metadata(source, options, architecture):
    meta = Metadata()
    meta.string("general.architecture", architecture)
    meta.string("general.type", "model")
    meta.string("general.name", options.name or os.path.basename(os.path.normpath(source.path)))
    if options.license:
        meta.string("general.license", options.license)
    return meta


def write_file_type(meta, tensors):
    kinds = {kind for name, shape, kind, _ in tensors if len(shape) > 1 and not always_f32(name)}
    meta.u32("general.file_type", FILE_TYPES[kinds.pop()] if len(kinds) == 1 else 0)


def block_number(name):
    block = re.match(r"blk\.(\d+)\.", name)
    return int(block[1]) if block else -1


def write_gguf(path, meta, tensors):
    """tensors: list of (name, shape with the row length last, dtype, function that gives the bytes)."""
    offset, directory = 0, b""
    for name, shape, kind, _ in tensors:
        dims = list(reversed(shape))
        directory += Metadata.text(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
        directory += struct.pack("<IQ", kind, offset)
        offset += -(-count(shape) * ITEM_BYTES[kind] // ALIGNMENT) * ALIGNMENT
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(meta.parts)) + b"".join(meta.parts) + directory
    part = f"{path}.part"
    try:
        with open(part, "wb") as file:
            file.write(head + bytes(-len(head) % ALIGNMENT))
            for _, _, _, data in tensors:
                data = data()
                file.write(data + bytes(-len(data) % ALIGNMENT))
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def count(shape):
    n = 1
    for size in shape:
        n *= size
    return n
