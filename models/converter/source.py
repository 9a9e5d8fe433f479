"""Where the files of a model come from: a Hugging Face folder, or a zip file that holds one."""

import hashlib
import json
import mmap
import os
import re
import struct
import zipfile


class ConvertError(Exception):
    """Something about the input that the user has to know."""


class Source:
    """Files of one model, in a folder or below one inside a zip file."""

    def __init__(self, path):
        self.path = path
        self.zip = None
        self.prefix = ""
        if os.path.isdir(path):
            return
        if not zipfile.is_zipfile(path):
            raise ConvertError(f"{path}: neither a folder nor a zip file")
        self.zip = zipfile.ZipFile(path)
        found = [n for n in self.zip.namelist() if re.search(r"(^|/)model\.safetensors$", n)]
        if len(found) != 1:
            raise ConvertError(f"{path}: holds {len(found)} files named model.safetensors, not one")
        self.prefix = found[0][: -len("model.safetensors")]

    def read(self, name, required=True):
        """The bytes of a file, or None where it may be absent."""
        try:
            if self.zip:
                return self.zip.read(self.prefix + name)
            with open(os.path.join(self.path, name), "rb") as file:
                if name.endswith(".safetensors"):
                    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                return file.read()
        except (KeyError, FileNotFoundError):
            if required:
                raise ConvertError(f"{self.path}: has no {self.prefix}{name}") from None
            return None

    def json(self, name, required=True):
        data = self.read(name, required)
        return None if data is None else json.loads(data)


def load_tensors(source, want_sha256):
    """Name -> (dtype, shape, bytes) of every tensor of the encoder's safetensors files."""
    index = source.json("model.safetensors.index.json", required=False)
    return read_safetensors(source, sorted(set(index["weight_map"].values())) if index else ["model.safetensors"], want_sha256)


def read_safetensors(source, names, want_sha256=None):
    tensors = {}
    for name in names:
        data = source.read(name)
        if want_sha256:
            got = hashlib.sha256(data).hexdigest()
            if got != want_sha256:
                raise ConvertError(f"{name}: sha256 is {got}, not {want_sha256}")
        view = memoryview(data)
        header_bytes = struct.unpack_from("<Q", data)[0]
        header = json.loads(bytes(view[8 : 8 + header_bytes]))
        body = view[8 + header_bytes :]
        for key, entry in header.items():
            if key == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            tensors[key] = (entry["dtype"], entry["shape"], body[begin:end])
    return tensors
