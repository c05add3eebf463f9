# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is timed: shapes, patterns and orders, and the work that each of them needs."""

import dataclasses
import math

# Kinds of contestants; peers.py makes them. EVERYONE but for what has to be compiled first.
CORE = ("hilbert", "permute", "fa4")
HABIT = (*CORE, "eager")
EVERYONE = (*HABIT, "compiled", "flex")
# Dense attention is the same in any order: here peers may leave tokens where they are.
DENSE = ("plain", "fa4 plain")


@dataclasses.dataclass(frozen=True)
class Case:
    """One attention: q, k and v [B, N, H, D] or [B, H, N, D] by `layout`.

    extents: the grid, slowest axis first; N is its size.
    tile: of the Hilbert order, or None.
    segment: w, in positions, or None for dense.
    dilation: r; a query meets every r-th key of its segment, from the first.
    causal: None or "position".
    kinds: of the contestants.
    group: the table of the report.
    """

    group: str
    extents: tuple
    segment: int | None
    dilation: int = 1
    tile: tuple | None = None
    batch: int = 2
    heads: int = 16
    depth: int = 128
    dtype: str = "bfloat16"
    layout: str = "bnhd"
    causal: str | None = None
    kinds: tuple = CORE

    @property
    def tokens(self):
        return math.prod(self.extents)

    @property
    def width(self):
        """Positions of a segment."""
        return min(self.segment or self.tokens, self.tokens)

    @property
    def shape(self):
        if self.layout == "bnhd":
            return self.batch, self.tokens, self.heads, self.depth
        return self.batch, self.heads, self.tokens, self.depth

    @property
    def name(self):
        grid = "x".join(map(str, self.extents))
        grid += f" tiled {'x'.join(map(str, self.tile))}" if self.tile else ""
        width = self.segment or "dense"
        causal = f" causal {self.causal}" if self.causal else ""
        return (
            f"{grid} w={width} r={self.dilation}{causal} B={self.batch} H={self.heads} D={self.depth} "
            f"{self.dtype} {self.layout}"
        )

    def flops(self):
        """Of the two products forward, of five backward."""
        keys = -(-self.width // self.dilation)
        if self.causal:
            keys = (keys + 1) / 2
        forward = 4 * self.batch * self.heads * self.tokens * keys * self.depth
        return {"forward": forward, "backward": 2.5 * forward, "both": 3.5 * forward}

    def bytes(self):
        """The least that moves: each tensor once, and of k and v what is met; lse backward."""
        size = {"bfloat16": 2, "float16": 2, "float32": 4}[self.dtype]
        tensor = size * math.prod(self.shape)
        met = tensor / self.dilation
        forward = 2 * tensor + 2 * met
        # q, out and dout are read, dq, dk and dv written; then k and v.
        backward = 6 * tensor + 2 * met + 4 * self.batch * self.heads * self.tokens
        return {"forward": forward, "backward": backward, "both": forward + backward}

    def record(self):
        """What the results say of it."""
        fields = dataclasses.asdict(self)
        return {
            "name": self.name,
            **fields,
            "tokens": self.tokens,
            "width": self.width,
            "flops": self.flops(),
            "bytes": self.bytes(),
        }


IMAGE = (128, 128)
WIDTHS = (128, 256, 512, 1024, 4096, None)
GRIDS = (
    Case("grids", (96, 96), 256, tile=(16, 16)),
    Case("grids", (96, 96), 1024, tile=(32, 32)),
    Case("grids", (80, 45), 144, tile=(16, 9), batch=8),
    Case("grids", (30, 45, 80), 1440, tile=(10, 9, 16), batch=1),
)


def _main(widths, dilations=(1,), **fields):
    """The main table's shape; dense attention has contestants that do not reorder."""
    fields = {"group": "main", "extents": IMAGE, "kinds": HABIT, **fields}
    for dilation in dilations:
        for width in widths:
            case = Case(segment=width, dilation=dilation, **fields)
            if width is None and dilation == 1 and not case.causal:
                case = dataclasses.replace(case, kinds=(*case.kinds, *DENSE))
            yield case


def _tokens(sides, segment=1024, **fields):
    for side in sides:
        yield Case("tokens", (side, side), segment, **fields)


def _quick():
    yield from _main((256, 1024, 4096, None))
    yield from _main((4096,), (4,))
    yield from _main((256, 1024), group="depth", depth=64, kinds=CORE)
    yield from _tokens((64, 256))
    yield from GRIDS[:1]
    yield Case("layout", IMAGE, 1024, layout="bhnd")


def _default():
    # First what is looked at most: a budget cuts from the end.
    yield from _main((256, 1024, None), kinds=EVERYONE)
    yield from _main((128, 512))
    yield from _main((4096,), kinds=(*HABIT, "flex"))
    yield from _main((1024, 4096), (2, 4))
    yield from _main((256, 1024, None), group="depth", depth=64, kinds=CORE)
    yield from _tokens((32, 64, 256, 512))
    yield from GRIDS
    yield from _main((256, 1024), group="layout", layout="bhnd", kinds=CORE)
    yield from _main((1024, None), group="causal", causal="position", kinds=CORE)


def _full():
    yield from _main(WIDTHS, (1, 2, 4), kinds=EVERYONE)
    yield from _main(WIDTHS, (1, 2, 4), group="depth", depth=64)
    yield from _main(WIDTHS, (1, 4), group="layout", layout="bhnd")
    yield from _tokens((32, 64, 256, 512), kinds=HABIT)
    yield from _tokens((32, 64, 256), None, kinds=(*CORE, *DENSE))
    yield from GRIDS
    yield from (dataclasses.replace(case, layout="bhnd") for case in GRIDS)
    yield from _main(WIDTHS, group="causal", causal="position", kinds=CORE)
    yield from _main((256, 1024), group="float16", dtype="float16", kinds=CORE)


def _tiny():
    """For a CPU, in seconds: every kind of contestant, layout and order."""
    small = {"batch": 2, "heads": 2, "depth": 16, "dtype": "float32"}
    yield Case("main", (16, 16), 64, kinds=EVERYONE, **small)
    yield Case("main", (16, 16), 64, 4, kinds=HABIT, **small)
    yield Case("main", (16, 16), None, kinds=(*HABIT, *DENSE), **small)
    yield Case("layout", (16, 16), 64, 2, layout="bhnd", kinds=(*HABIT, "flex"), **small)
    yield Case("causal", (16, 16), 64, causal="position", kinds=(*CORE, "flex"), **small)
    yield Case("grids", (6, 9, 8), 72, tile=(2, 9, 4), kinds=CORE, **small)
    yield Case("tokens", (8, 8), 64, **small)


def selection(size):
    """The cases of "tiny", "quick", "default" or "full", each once, the most looked at first."""
    cases = {"tiny": _tiny, "quick": _quick, "default": _default, "full": _full}[size]()
    return list({case.name: case for case in cases}.values())
