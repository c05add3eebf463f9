# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What attention means, in NumPy and float64, and programs that compute it.

Nothing here uses the project's reference: sets of keys come from the definition
of patterns, position by position, results and gradients from the textbook.
"""

import dataclasses
import itertools
import os
import random

import numpy as np

# New configurations in every run; HILBERT_TEST_SEED repeats one. The processes of pytest-xdist share it.
SEED = int(os.environ.setdefault("HILBERT_TEST_SEED", str(random.randrange(10**6))))

NAN, INF = float("nan"), float("inf")


# ===----------------------------------------------------------------------===
# Problems
# ===----------------------------------------------------------------------===


@dataclasses.dataclass
class Branch:
    """Segments of positions; a segment of None is dense."""

    segment: int = None
    dilation: int = 1
    mode: str = "keys"
    offset: object = "zero"

    def offset_of(self, head, heads):
        if self.offset == "zero":
            return 0
        if self.offset == "head":
            return head % self.dilation
        if self.offset == "longnet":
            return head // -(-heads // self.dilation)
        return self.offset[head]

    def meets(self, p, head):
        """[queries, keys]: which positions of a problem meet which, of one head."""
        i, j = np.arange(p.queries)[:, None], np.arange(p.keys)[None, :]
        segment = self.segment or max(p.queries, p.keys)
        residue, other_residue = i % segment % self.dilation, j % segment % self.dilation
        same_segment = i // segment == j // segment
        if self.mode == "residues":
            return same_segment & (residue == other_residue)
        offset = self.offset_of(head, p.heads)
        meets = same_segment & (other_residue == offset)
        return meets & (residue == offset) if self.mode == "both" else meets

    def __str__(self):
        offset = "" if self.mode == "residues" else f", offset = {self.offset}"
        return f"(segment = {self.segment or 'dense'}, dilation = {self.dilation}, mode = {self.mode}{offset})"


@dataclasses.dataclass
class Problem:
    """An attention; arrays are [B, N, H, D], tables [N] or [B, N]."""

    batch: int = 2
    queries: int = 45
    keys: int = 45
    heads: int = 2
    key_heads: int = 2
    depth: int = 8
    dtype: str = "f32"
    # One branch of all heads: no pattern is written if it is dense.
    segment: int = None
    dilation: int = 1
    mode: str = "keys"
    offset: object = "zero"
    # Instead of that: (heads, branches) of each group of query heads.
    groups: tuple = ()
    causal: str = "none"
    layout: str = "bnhd"
    scale: float = None
    # Permutations, or None for raster; text instead of a table where static.
    q_order: np.ndarray = None
    kv_order: np.ndarray = None
    out_order: np.ndarray = None
    static_order: str = None  # Of all three, which then hold its table.

    def branches_of(self, head):
        if not self.groups:
            return [Branch(self.segment, self.dilation, self.mode, self.offset)]
        return [branches for heads, branches in self.groups for _ in range(heads)][head]

    def meets(self, head):
        """[B, queries, keys]: how often positions meet, of one head."""
        counts = sum(branch.meets(self, head).astype(int) for branch in self.branches_of(head))
        counts = np.broadcast_to(counts, (self.batch, *counts.shape)).copy()
        if self.causal == "position":
            counts *= np.arange(self.keys)[None, :] <= np.arange(self.queries)[:, None]
        if self.causal == "token":
            for b in range(self.batch):
                q, k = self.table(self.q_order, b, self.queries), self.table(self.kv_order, b, self.keys)
                counts[b] *= k[None, :] <= q[:, None]
        return counts

    def pattern(self):
        """The body of pattern<…>, "" for a dense attention without one."""
        text = [(heads, " + ".join(map(str, branches))) for heads, branches in self.groups]
        if len(text) > 1:
            return ", ".join(f"heads {heads}: {branches}" for heads, branches in text)
        if text:
            return text[0][1]
        if self.segment or self.dilation > 1 or self.mode != "keys":
            return str(self.branches_of(0)[0])
        return ""

    def tables(self):
        """The runtime orders as (name, table): one if it is that of all three."""
        orders = {"q": self.q_order, "kv": self.kv_order, "out": self.out_order}
        if self.static_order:
            return []
        if self.q_order is not None and self.q_order is self.kv_order is self.out_order:
            return [("each", self.q_order)]
        return [(name, order) for name, order in orders.items() if order is not None]

    @staticmethod
    def table(order, b, tokens):
        if order is None:
            return np.arange(tokens)
        return order[b] if order.ndim == 2 else order

    def token_counts(self):
        """[B, H, queries, keys] by token of q and of k (orders undone)."""
        counts = np.zeros((self.batch, self.heads, self.queries, self.keys), int)
        for h in range(self.heads):
            meets = self.meets(h)
            for b in range(self.batch):
                q, k = self.table(self.q_order, b, self.queries), self.table(self.kv_order, b, self.keys)
                counts[b, h][np.ix_(q, k)] = meets[b]
        return counts

    def token_sets(self):
        return self.token_counts() > 0

    def out_token(self, b):
        """The token of out that belongs to each token of q."""
        result = np.empty(self.queries, int)
        result[self.table(self.q_order, b, self.queries)] = self.table(self.out_order, b, self.queries)
        return result


def expected(p, x):
    """(out, lse, dq, dk, dv) in float64; keys outside a set are never used."""
    q, k, v, dout, dlse = (a.astype(np.float64) for a in (x.q, x.k, x.v, x.dout, x.dlse))
    scale = p.depth**-0.5 if p.scale is None else p.scale
    group = p.heads // p.key_heads if p.key_heads else 1
    counts = p.token_counts()
    out, lse = np.zeros_like(q), np.full((p.batch, p.heads, p.queries), -INF)
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for b, h in itertools.product(range(p.batch), range(p.heads)):
        target = p.out_token(b)
        for i in range(p.queries):
            keys = np.flatnonzero(counts[b, h, i])
            if not len(keys):
                continue
            kk, vv = k[b, keys, h // group], v[b, keys, h // group]
            s = kk @ q[b, i, h] * scale
            m = s.max()
            e = counts[b, h, i, keys] * np.exp(s - m)
            weights = e / e.sum()
            row = target[i]
            out[b, row, h] = weights @ vv
            lse[b, h, row] = m + np.log(e.sum())
            g = dout[b, row, h]
            delta = g @ out[b, row, h] - dlse[b, h, row]
            ds = weights * (vv @ g - delta)
            dq[b, i, h] = scale * ds @ kk
            dk[b, keys, h // group] += scale * ds[:, None] * q[b, i, h]
            dv[b, keys, h // group] += weights[:, None] * g
    return out, lse, dq, dk, dv


@dataclasses.dataclass
class Arrays:
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    dout: np.ndarray
    dlse: np.ndarray

    def copy(self):
        return Arrays(*(getattr(self, f.name).copy() for f in dataclasses.fields(self)))


def random_arrays(p, seed=0):
    rng = np.random.default_rng(seed)
    q, kv = (p.batch, p.queries, p.heads, p.depth), (p.batch, p.keys, p.key_heads, p.depth)
    stats = (p.batch, p.heads, p.queries)
    return Arrays(*(rng.standard_normal(s, np.float32) for s in (q, kv, kv, q, stats)))


# ===----------------------------------------------------------------------===
# Programs
# ===----------------------------------------------------------------------===


def tensor(shape, element):
    return f"tensor<{'x'.join(map(str, [*shape, element]))}>"


def program(p):
    """@f(q, k, v, dout, dlse, tables…) -> (out, lse, dq, dk, dv)."""
    swap = (lambda b, n, h: (b, h, n)) if p.layout == "bhnd" else (lambda b, n, h: (b, n, h))
    q = tensor((*swap(p.batch, p.queries, p.heads), p.depth), p.dtype)
    k = tensor((*swap(p.batch, p.keys, p.key_heads), p.depth), p.dtype)
    stats = tensor((p.batch, p.heads, p.queries), "f32")
    arguments = [f"%q: {q}", f"%k: {k}", f"%v: {k}", f"%dout: {q}", f"%dlse: {stats}"]
    parts = []
    for name, order in p.tables():
        arguments.append(f"%{name}_order: {tensor(order.shape, 'i32')}")
        value = f"%{name}_order : {tensor(order.shape, 'i32')}"
        parts.append(value if name == "each" else f"{name} = {value}")
    rest = f" order({p.static_order or ', '.join(parts)})" if p.static_order or parts else ""
    if p.pattern():
        rest += f" pattern<{p.pattern()}>"
    if p.causal != "none":
        rest += f" causal<{p.causal}>"
    if p.scale is not None:
        rest += " scale(%scale)"
    if p.layout != "bnhd":
        rest += f" layout<{p.layout}>"
    return f"""
func.func @f({", ".join(arguments)}) -> ({q}, {stats}, {q}, {k}, {k}) {{
  %scale = arith.constant {p.scale or 0:e} : f32
  %0 = tensor.empty() : {q}
  %1 = tensor.empty() : {stats}
  %2 = tensor.empty() : {k}
  %out, %lse = hilbert.attention ins(%q, %k, %v : {q}, {k}, {k})
      outs(%0, %1 : {q}, {stats}){rest}
  %dq, %dk, %dv = hilbert.attention_grad
      ins(%q, %k, %v, %out, %lse, %dout : {q}, {k}, {k}, {q}, {stats}, {q})
      dlse(%dlse : {stats}) outs(%0, %2, %2 : {q}, {k}, {k}){rest}
  return %out, %lse, %dq, %dk, %dv : {q}, {stats}, {q}, {k}, {k}
}}
"""


def save(path, array, dtype=None):
    """Writes an .npy file, also of bf16, which NumPy does not have."""
    if dtype == "bf16":
        bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
        array = (bits >> 16).astype(np.uint16).view("V2")
    elif dtype == "f16":
        array = array.astype(np.float16)
    np.save(path, np.ascontiguousarray(array))


def load(path):
    array = np.load(path)
    if array.dtype.kind == "V":
        array = (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return array


def rounded(array, dtype):
    """The float32 values that survive being saved as dtype."""
    if dtype == "bf16":
        return (array.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return array.astype(np.float16).astype(np.float32) if dtype == "f16" else array


NAMES = ("out", "lse", "dq", "dk", "dv")


def assert_close(actual, wanted, tolerance=1e-5, name=""):
    """Infinities are equal; the rest is close relative to the largest value."""
    assert actual.shape == wanted.shape, name
    assert not np.isnan(actual).any(), f"{name}: NaN at {np.argwhere(np.isnan(actual))[:5].tolist()}"
    finite = np.isfinite(wanted)
    assert (actual[~finite] == wanted[~finite]).all(), name
    if finite.any():
        error = np.abs(actual[finite] - wanted[finite]).max()
        assert error <= tolerance * (1 + np.abs(wanted[finite]).max()), f"{name}: error {error}"


def assert_all_close(actual, wanted, tolerance=1e-5):
    for name, a, w in zip(NAMES, actual, wanted, strict=True):
        assert_close(a, w, tolerance, name)


def permutation(n, seed, batch=None):
    rng = np.random.default_rng(seed)
    if batch is None:
        return rng.permutation(n)
    return np.stack([rng.permutation(n) for _ in range(batch)])


def hilbert_4x4():
    """The classic curve: four boxes of four, from (0, 0) along the rows."""
    text = "0 1 5 4 8 12 13 9 10 14 15 11 7 6 2 3"
    return np.array(text.split(), int)


def with_orders(p, orders):
    """The problem with one of the kinds of orders that tests go through."""
    if orders == "same":
        table = permutation(p.queries, 1)
        return dataclasses.replace(p, q_order=table, kv_order=table, out_order=table)
    if orders == "separate":
        return dataclasses.replace(
            p,
            q_order=permutation(p.queries, 2),
            kv_order=permutation(p.keys, 3, p.batch),
            out_order=permutation(p.queries, 4),
        )
    return p
