# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compare_npy.py A B: whether two folders hold the same f32 arrays, by name, up to rounding (L2 norms)."""

import array
import math
import pathlib
import re
import sys


def load(path):
    """(shape as text, elements) of an .npy file of version 1."""
    data = path.read_bytes()
    end = 10 + int.from_bytes(data[8:10], "little")
    header = data[10:end].decode()
    assert data[:7] == b"\x93NUMPY\x01" and "'<f4'" in header and "'fortran_order': False" in header, header
    return re.search(r"\(.*\)", header)[0], array.array("f", data[end:])


def main():
    first, second = map(pathlib.Path, sys.argv[1:])
    names = sorted(path.name for path in first.iterdir())
    assert names and names == sorted(path.name for path in second.iterdir()), names
    for name in names:
        (shape, a), (other, b) = load(first / name), load(second / name)
        assert shape == other and len(a) == len(b) > 0, name
        # Infinities must be at the same places.
        pairs = [(x, y) for x, y in zip(a, b) if x != y]
        norm = math.sqrt(sum(x * x for x in a if math.isfinite(x)))
        error = math.sqrt(sum((x - y) ** 2 for x, y in pairs)) / norm
        print(f"{name} {shape}: {error:.1e}, {len(pairs)} of {len(a)} differ")
        if not error < 1e-5:
            sys.exit(1)


if __name__ == "__main__":
    main()
