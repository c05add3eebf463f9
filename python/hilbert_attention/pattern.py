# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which keys a query meets."""

import dataclasses
import operator
import typing
from collections.abc import Sequence

from hilbert_attention._checks import checked_int
from hilbert_attention.order import MAX_TOKENS

MODES = ("keys", "both", "residues")
OFFSETS = ("zero", "head", "longnet")
MAX_SIZE = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Branch:
    """One branch of a pattern; str() is its text in the dialect.

    Positions are cut into segments of `segment` (the last may be short), and
    position p has the residue res(p) = (p mod segment) mod dilation. A query at
    position p of head h meets the positions p' of its own segment where

      keys      res(p') = o_h, for all queries;
      both      res(p') = o_h, only queries with res(p) = o_h take part (LongNet);
      residues  res(p') = res(p), for all queries.

    segment: at least 1, or None for one segment over all positions.
    dilation: from 1 to 2^31 - 1.
    offset: the o_h of H query heads: "zero"; "head", h mod dilation; "longnet",
        h div ceil(H / dilation); or one value from 0 to dilation - 1 for each
        query head. Mode residues takes none.

    Raises ValueError or TypeError where that is broken.
    """

    segment: int | None
    dilation: int = 1
    mode: typing.Literal["keys", "both", "residues"] = "keys"
    offset: typing.Literal["zero", "head", "longnet"] | Sequence[int] = "zero"

    def __post_init__(self):
        # index(): part of a kernel, so a constant for torch.compile.
        if self.segment is not None:
            object.__setattr__(self, "segment", operator.index(checked_int("segment", self.segment, 1, MAX_SIZE)))
        object.__setattr__(self, "dilation", operator.index(checked_int("dilation", self.dilation, 1, MAX_TOKENS)))
        if self.mode not in MODES:
            raise ValueError(f"mode must be keys, both or residues, but is {self.mode!r}")
        if not isinstance(self.offset, str) or self.offset not in OFFSETS:
            object.__setattr__(self, "offset", self._checked_offsets())
        if self.mode == "residues" and self.offset != "zero":
            raise ValueError(f"offset must be zero where mode is residues, but is {self.offset!r}")

    def _checked_offsets(self):
        if not isinstance(self.offset, (tuple, list)):
            raise ValueError(f"offset must be zero, head, longnet or a list of integers, but is {self.offset!r}")
        if not self.offset:
            raise ValueError("offset must list one value for each query head, but is []")
        most = self.dilation - 1
        return tuple([checked_int(f"offset[{i}]", offset, 0, most) for i, offset in enumerate(self.offset)])

    def __str__(self):
        text = f"(segment = {'dense' if self.segment is None else self.segment}"
        if self.dilation != 1:
            text += f", dilation = {self.dilation}"
        if self.mode != "keys":
            text += f", mode = {self.mode}"
        if self.offset != "zero":
            text += f", offset = {self.offset if self.offset in OFFSETS else list(self.offset)}"
        return text + ")"


_DENSE = Branch(None)


def pattern_text(branches, segment, dilation, mode, offset):
    """The dialect's text of attention()'s arguments; "" is dense."""
    plain = type(segment) is type(dilation) is int and dilation == 1 and type(mode) is type(offset) is str
    if branches is None and plain and mode == "keys" and offset == "zero":
        # What is called most, without an object.
        return f"(segment = {checked_int('segment', segment, 1, MAX_SIZE)})"
    branch = Branch(segment, dilation, mode, offset)
    if branches is None:
        return "" if branch == _DENSE else str(branch)
    if branch != _DENSE:
        raise ValueError(f"branches exclude segment, dilation, mode and offset, but these are {branch}")
    if not isinstance(branches, (tuple, list)):
        raise TypeError(f"branches must be a list of Branch, but is {branches!r}")
    if not branches:
        raise ValueError("branches must have at least one Branch, but is empty")
    for i, branch in enumerate(branches):
        if not isinstance(branch, Branch):
            raise TypeError(f"branches[{i}] must be a Branch, but is {branch!r}")
    return " + ".join([str(branch) for branch in branches])
