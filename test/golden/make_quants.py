#!/usr/bin/env python3
"""Makes quants.txt: what the gguf package says about tensor types.

    test/golden/make_quants.py      (needs gguf and numpy; made with gguf 0.19.0 and numpy 2.4.6)

Lines of words:

    type NUMBER NAME ITEMS BYTES    a block of a type
    input HEX                       floats, little endian
    quantized NAME HEX              these floats as blocks of a type
    blocks NAME HEX                 blocks of random codes and scales
    values NAME HEX                 what those blocks mean, as floats
"""

import os
import warnings

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = ["F16", "BF16", "Q8_0", "Q5_0", "Q4_0"]
# read, never written; where the halves of a block stand
READ_TYPES = {"IQ4_NL": [0], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_XS": [0]}


def inputs(random):
    """One block of 32 for each thing that can go wrong."""
    zero = np.zeros(32)
    one = zero.copy()
    one[17] = -3.25
    ties = np.arange(-16, 16) / 2.0
    equal = np.full(32, 0.1)
    both = np.tile([1.0, -1.0], 16)  # two of largest magnitude: the first one counts
    tiny = random.standard_normal(32) * 1e-6
    small = random.standard_normal(32) * 1e-9  # the scale is 0 in half precision
    large = random.standard_normal(32) * 1e4
    half = np.array([65504, -65504, 6e-8, -6e-8, 2.98e-8, 2.99e-8, 1e-7, 6.1e-5, 2049, 2051, 1 / 3] + [0.5] * 21)
    mixed = random.standard_normal(32 * 6)
    return np.concatenate([zero, one, ties, equal, both, tiny, small, large, half, mixed]).astype(np.float32)


def blocks(name, random, halves=(0,), n=12):
    """Random codes; scales of every size, both signs, zero and subnormal."""
    if name in ("F16", "BF16"):
        bits = random.integers(0, 65536, 32 * n, dtype=np.uint16)
        exponent = 0x7C00 if name == "F16" else 0x7F80
        bits[(bits & exponent) == exponent] = 1  # infinities and NaN are tested apart
        return bits.view(np.uint8).reshape(n, 64)
    size = gguf.GGML_QUANT_SIZES[Type[name]][1]
    out = random.integers(0, 256, (n, size), dtype=np.uint8)
    scale = np.array([0.01, -0.01, 1, -1, 0, 6e-8, -6e-8, 1e-5, 3.14, 100, 1e-3, -511.9])[:n].astype(np.float16)
    for i, at in enumerate(halves):
        out[:, at:at + 2] = np.roll(scale, i).view(np.uint8).reshape(n, 2)
    return out


def main():
    random = np.random.default_rng(20240607)
    warnings.simplefilter("ignore")
    x = inputs(random)
    with open(os.path.join(HERE, "quants.txt"), "w") as out:
        for kind in Type:
            items, size = gguf.GGML_QUANT_SIZES[kind]
            print("type", int(kind), kind.name, items, size, file=out)
        print("input", x.tobytes().hex(), file=out)
        for name in TYPES:
            print("quantized", name, gguf.quantize(x, Type[name]).tobytes().hex(), file=out)
            b = blocks(name, random)
            values = gguf.dequantize(b.view(np.float16) if name == "F16" else b, Type[name])
            print("blocks", name, b.tobytes().hex(), file=out)
            print("values", name, values.astype(np.float32).tobytes().hex(), file=out)
        for name, halves in READ_TYPES.items():
            b = blocks(name, random, halves)
            print("blocks", name, b.tobytes().hex(), file=out)
            print("values", name, gguf.dequantize(b, Type[name]).astype(np.float32).tobytes().hex(), file=out)


if __name__ == "__main__":
    main()
