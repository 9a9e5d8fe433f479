"""Numbers and matrices: types, and what a tensor becomes on its way into the file."""

import array
import re
import struct
import sys

from .source import ConvertError

F32, F16, BF16 = 0, 1, 30
ITEM_BYTES = {F32: 4, F16: 2, BF16: 2}
SAFETENSORS_TYPES = {"F32": F32, "F16": F16, "BF16": BF16}

# Small, or looked up row by row.
ALWAYS_F32 = {
    "position_embd.weight", "token_types.weight", "attn_rel_b.weight", "rel_embd.weight", "ext_shape.weight", "ext_line.weight", "ext_rel_b.weight", "sum_hidden.weight", "sum_output.weight"
}


# The same in every layer.
LAYERS_F32 = {"ffn_gate_inp", "attn_rel_b"}


def always_f32(name):
    return name in ALWAYS_F32 or name.split(".")[-2] in LAYERS_F32


def to_f32(kind, data):
    if kind == F32:
        return bytes(data)
    if kind == BF16:
        out = bytearray(2 * len(data))
        out[2::4] = data[0::2]
        out[3::4] = data[1::2]
        return bytes(out)
    out = array.array("f")
    for at in range(0, len(data), 1 << 20):
        part = data[at : at + (1 << 20)]
        out.extend(struct.unpack(f"<{len(part) // 2}e", part))
    if sys.byteorder == "big":
        out.byteswap()
    return out.tobytes()


def to_f16(kind, data):
    if kind == F16:
        return bytes(data)
    data = to_f32(kind, data)
    out = bytearray()
    for at in range(0, len(data), 1 << 20):
        part = data[at : at + (1 << 20)]
        n = len(part) // 4
        out += struct.pack(f"<{n}e", *struct.unpack(f"<{n}f", part))
    return bytes(out)


def stored(ours, shape, dtype, data, options):
    """(name, shape, type in the file, what gives its bytes) of a tensor."""
    if dtype not in SAFETENSORS_TYPES:
        raise ConvertError(f'tensor "{ours}": type {dtype} is not supported')
    have = SAFETENSORS_TYPES[dtype]
    want = {"keep": have, "f32": F32, "f16": F16}[options.type]
    if len(shape) == 1 or always_f32(ours):
        want = F32
    if want == have:
        return ours, shape, want, lambda: bytes(data)
    return ours, shape, want, lambda: (to_f32 if want == F32 else to_f16)(have, data)


def gathered(tensors):
    """The same tensors, with those of experts in one, by their numbers."""
    out, experts = {}, {}
    for name, tensor in tensors.items():
        number = re.search(r"\.experts\.(\d+)\.", name)
        if number:
            stem = name.replace(number[0], ".experts.")
            experts.setdefault(stem, {})[int(number[1])] = tensor
        else:
            out[name] = tensor
    for stem, parts in experts.items():
        dtype, shape, _ = parts[0]
        if sorted(parts) != list(range(len(parts))) or any((d, s) != (dtype, shape) for d, s, _ in parts.values()):
            raise ConvertError(f'tensor "{stem}": experts are missing, or not alike')
        out[stem] = (dtype, [len(parts), *shape], b"".join(parts[i][2] for i in range(len(parts))))
    return out


def neighbours(data, shape, n_head):
    """Rows of queries or keys, so that number i of a head and number i + half of it stand side by side."""
    n_row = shape[0]
    row_bytes = len(data) // n_row
    width = n_row // n_head
    order = (head * width + i % 2 * (width // 2) + i // 2 for head in range(n_head) for i in range(width))
    return b"".join(data[r * row_bytes : (r + 1) * row_bytes] for r in order)


def plus(data, dtype, offset):
    numbers = array.array("f")
    numbers.frombytes(to_f32(SAFETENSORS_TYPES[dtype], data))
    return array.array("f", (x + offset for x in numbers)).tobytes()


def transposed(data, dtype, shape):
    """Rows of a matrix whose columns stand in data."""
    size = ITEM_BYTES[SAFETENSORS_TYPES[dtype]]
    items = array.array({4: "I", 2: "H"}[size])
    items.frombytes(data)
    rows = (items[i :: shape[1]] for i in range(shape[1]))
    return b"".join(r.tobytes() for r in rows), [shape[1], shape[0]]


def cut_to_vocabulary(tensors, n_vocab):
    """Rows beyond the vocabulary are padding: no token leads to them."""
    for at, (name, shape, kind, data) in enumerate(tensors):
        if name not in ("token_embd.weight", "output.weight"):
            continue
        rows, width = shape
        if n_vocab > rows:
            raise ConvertError(f"the tokenizer has {n_vocab} tokens, tensor {name} {rows} rows")
        tensors[at] = (name, [n_vocab, width], kind,
                       lambda data=data, size=n_vocab * width * ITEM_BYTES[kind]: data()[:size])
