"""gguf_file.py - GGUF files taken apart and put together again, for models that only measure"""

import os
import re
import struct
from dataclasses import dataclass

SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY, UINT32 = 8, 9, 4
MAGIC, VERSION = 0x46554747, 3


@dataclass
class Tensor:
    name: str
    dims: tuple
    kind: int
    at: int  # of its bytes in the file
    size: int  # of them, padding included


class GgufFile:
    """An open file: its keys as they are, its count of layers, and where its tensors lie."""

    def __init__(self, file):
        self.file = file
        magic, version, n_tensor, self.n_key = self._read("IIQQ")
        assert magic == MAGIC and version == VERSION, file.name
        start, self.alignment = file.tell(), 32
        for _ in range(self.n_key):
            key, (kind,) = self._text(), self._read("I")
            if kind == UINT32:
                (value,) = self._read("I")
                if re.fullmatch(r"[\w-]+\.block_count", key):
                    self.n_layer, self._n_layer_at = value, file.tell() - 4 - start
                elif key == "general.alignment":
                    self.alignment = value
            else:
                self._skip(kind)
        n = file.tell() - start
        file.seek(start)
        self.keys = file.read(n)
        read = [(self._text(), self._read(f"{self._read('I')[0]}Q"), *self._read("IQ")) for _ in range(n_tensor)]
        base = self.padded(file.tell())
        ends = sorted({offset for *_, offset in read} | {os.fstat(file.fileno()).st_size - base})
        following = dict(zip(ends, ends[1:]))
        self.tensors = [Tensor(name, dims, kind, base + offset, following[offset] - offset) for name, dims, kind, offset in read]

    def _read(self, form):
        return struct.unpack("<" + form, self.file.read(struct.calcsize("<" + form)))

    def _text(self):
        return self.file.read(self._read("Q")[0]).decode()

    def _skip(self, kind):
        if kind == STRING:
            self._text()
        elif kind == ARRAY:
            item, n = self._read("IQ")
            if item == STRING:
                for _ in range(n):
                    self._text()
            else:
                self.file.seek(n * SCALAR_BYTES[item], os.SEEK_CUR)
        else:
            self.file.seek(SCALAR_BYTES[kind], os.SEEK_CUR)

    def padded(self, n):
        return -(-n // self.alignment) * self.alignment

    def bytes_of(self, tensor):
        self.file.seek(tensor.at)
        return self.file.read(tensor.size)

    def write(self, path, n_layer, tensors, bytes_of=None):
        """A file of these keys with another count of layers, and of these tensors; bytes_of says what is in one."""
        keys = bytearray(self.keys)
        struct.pack_into("<I", keys, self._n_layer_at, n_layer)
        head = struct.pack("<IIQQ", MAGIC, VERSION, len(tensors), self.n_key) + keys
        at = 0
        for t in tensors:
            head += struct.pack("<Q", len(t.name)) + t.name.encode() + struct.pack(f"<I{len(t.dims)}QIQ", len(t.dims), *t.dims, t.kind, at)
            at += self.padded(t.size)
        with open(path, "wb") as out:
            out.write(head.ljust(self.padded(len(head)), b"\0"))
            for t in tensors:
                out.write((bytes_of or self.bytes_of)(t).ljust(self.padded(t.size), b"\0"))
