# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Token orders along space-filling curves."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Sequence

from hilbert_attention import _C
from hilbert_attention._checks import checked_int, is_int

if typing.TYPE_CHECKING:
    import torch

Curve = typing.Literal["hilbert", "morton", "snake", "raster"]
CURVES: dict[Curve, int] = {"raster": 0, "snake": 1, "morton": 2, "hilbert": 3}
MAX_TOKENS = 2**31 - 1  # Tables are int32.


def _sizes(name, values):
    return tuple([checked_int(f"{name}[{i}]", value, 1, MAX_TOKENS) for i, value in enumerate(values)])


@dataclasses.dataclass(frozen=True, init=False, repr=False)
class Order:
    """The tokens of a grid along a curve: position p holds token permutation()[p].

    extents: the grid, slowest axis first, of 1 to 3 sizes; its tokens are
        numbered row by row. An int n is a bare length: n tokens on the most
        nearly square grid h x w with h <= w <= 2h, or, if there is none, on a
        grid ceil(sqrt(n)) wide that lacks its last cells.
    curve: "hilbert" (any extents), "morton", "snake" or "raster" (the identity).
    tile: a size for each axis. Full tiles come first, along the curve of the
        grid of full tiles; then clipped ones, row by row. Every tile is walked
        by the same curve.

    Immutable, hashable, equal if written alike: Order(64) and Order((8, 8)) are
    the same permutation, but not equal.

    Raises ValueError or TypeError if a size is not from 1 to 2^31 - 1, nor the
    product of the extents; a tile's constraints against the grid of a bare length
    are checked on first use.
    """

    # What the library takes: curve, rank (0 for a bare length), 3 extents, 3 tile
    # sizes, number of tokens; unused ones are 0.
    spec: tuple[int, ...]

    def __init__(
        self, extents: int | Sequence[int], curve: Curve = "hilbert", tile: Sequence[int] | None = None
    ) -> None:
        if not isinstance(curve, str) or curve not in CURVES:
            raise ValueError(f"curve must be hilbert, morton, snake or raster, but is {curve!r}")
        if isinstance(extents, (tuple, list)):
            sizes = _sizes("extents", extents)
            rank = axes = len(sizes)
            if not 1 <= rank <= 3:
                raise ValueError(f"extents must have 1 to 3 sizes, but has {rank}")
            length = math.prod(sizes)
            if length > MAX_TOKENS:
                raise ValueError(f"the product of extents must be at most {MAX_TOKENS}, but is {length}")
        else:
            sizes, rank, axes, length = (), 0, 2, checked_int("extents", extents, 1, MAX_TOKENS)
        tiles = ()
        if tile is not None:
            if not isinstance(tile, (tuple, list)):
                raise TypeError(f"tile must be a tuple of integers, but is {tile!r}")
            tiles = _sizes("tile", tile)
            if len(tiles) != axes:
                raise ValueError(f"tile must have a size for each of {axes} axes, but has {len(tiles)}")
        spec = (CURVES[curve], rank, *sizes, *(0,) * (3 - len(sizes)), *tiles, *(0,) * (3 - len(tiles)), length)
        object.__setattr__(self, "spec", spec)

    @property
    def extents(self) -> tuple[int, ...]:
        """The grid, slowest axis first; that of a bare length as it was chosen."""
        spec = _C.order_resolve(self.spec)
        return tuple(spec[2 : 2 + spec[1]])

    @property
    def curve(self) -> Curve:
        """The name of the curve."""
        return list(CURVES)[self.spec[0]]

    @property
    def tile(self) -> tuple[int, ...] | None:
        """The sizes of a tile, or None."""
        return tuple([size for size in self.spec[5:8] if size]) or None

    def permutation(self, device: torch.device | str | None = None) -> torch.Tensor:
        """A fresh LongTensor [N]: result[p] is the token at position p."""
        return _table(self, False, device)

    def inverse(self, device: torch.device | str | None = None) -> torch.Tensor:
        """A fresh LongTensor [N]: result[t] is the position of token t."""
        return _table(self, True, device)

    def __len__(self) -> int:
        return self.spec[8]

    def __repr__(self):
        extents = tuple(self.spec[2 : 2 + self.spec[1]]) or self.spec[8]
        tile = f", tile={self.tile}" if self.tile else ""
        return f"Order({extents}, curve={self.curve!r}{tile})"


def as_order(name, order):
    """The Order of an argument that is one, or extents (then a Hilbert order)."""
    if isinstance(order, Order):
        return order
    if isinstance(order, (tuple, list)) or is_int(order):
        return Order(order)
    raise TypeError(
        f"{name} must be an Order, extents (an integer or a tuple of integers), an array of "
        f"integers of the same kind as q, or None, but is {type(order).__qualname__}"
    )


def _table(order, inverse, device):
    from hilbert_attention import _torch

    return _torch.permutation(order.spec, inverse, device)


def create_hilbert_mapping(
    extents: int | Sequence[int], curve: Curve = "hilbert", tile: Sequence[int] | None = None
) -> torch.Tensor:
    """The permutation of Order(extents, curve, tile), a LongTensor [N] on the CPU."""
    return Order(extents, curve, tile).permutation("cpu")
