# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random calls of hilbert_attention.attention() on a GPU, and what they should give.

A Kernel is what code is specialised for; a Call adds sizes, strides and orders.
"""

import contextlib
import dataclasses
import importlib.util
import math
import os
import pathlib
import random

import torch

import hilbert_attention as ha

# By its path: test/python has another module of this name.
_spec = importlib.util.spec_from_file_location("gpu_reference", pathlib.Path(__file__).with_name("reference.py"))
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

# New configurations in every run; HILBERT_TEST_SEED repeats one. The processes of pytest-xdist share it.
SEED = int(os.environ.setdefault("HILBERT_TEST_SEED", str(random.randrange(10**6))))
COUNT = int(os.environ.get("HILBERT_TEST_COUNT", 60))
DEVICE = "cuda"
NAMES = ("out", "lse", "dq", "dk", "dv")
DTYPES = (torch.bfloat16, torch.float16, torch.float32)
# Relative errors (L2) where there is no model of rounding to compare with.
TOLERANCES = {torch.bfloat16: 1e-2, torch.float16: 2e-3, torch.float32: 2e-3}


@contextlib.contextmanager
def poisoned():
    """Fresh memory is NaN, so that what a kernel does not write shows."""
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(3, device=DEVICE).isnan().all()
        yield
    finally:
        torch.use_deterministic_algorithms(False)


# ===----------------------------------------------------------------------===
# Calls
# ===----------------------------------------------------------------------===


@dataclasses.dataclass(frozen=True)
class Kernel:
    """Orders are raster, static, bare, tiled, table or tables; "" is that of the queries."""

    dtype: torch.dtype = torch.bfloat16
    depth: int = 64
    branch: ha.Branch = ha.Branch(None)
    causal: str | None = None
    order: str = "raster"
    kv_order: str = ""
    out_order: str = ""
    axes: int = 2
    heads: int = 2
    has_dlse: bool = False


@dataclasses.dataclass
class Call:
    kernel: Kernel
    batch: int = 1
    queries: int = 64
    keys: int = 64
    key_heads: int = 2
    layout: str = "bnhd"
    packed: bool = False
    scale: float | None = None
    orders: tuple = (None, None, None)
    seed: int = 0

    def shape(self, tokens, heads):
        middle = (tokens, heads) if self.layout == "bnhd" else (heads, tokens)
        return (self.batch, *middle, self.kernel.depth)

    def tensors(self):
        """q, k, v, dout, dlse, with as many digits as products take of them."""
        k = self.kernel
        generator = torch.Generator(DEVICE).manual_seed(self.seed)

        def randn(*shape):
            x = torch.randn(shape, generator=generator, device=DEVICE)
            return x.half().float() if k.dtype == torch.float32 else x.to(k.dtype)

        if self.packed:
            data = randn(self.batch, self.queries, k.heads + 2 * self.key_heads, k.depth)
            parts = data.split((k.heads, self.key_heads, self.key_heads), 2)
        else:
            q, kv = self.shape(self.queries, k.heads), self.shape(self.keys, self.key_heads)
            parts = randn(*q), randn(*kv), randn(*kv)
        dlse = torch.randn((self.batch, k.heads, self.queries), generator=generator, device=DEVICE)
        return (*parts, randn(*self.shape(self.queries, k.heads)), dlse)

    def arguments(self):
        branch = {f.name: getattr(self.kernel.branch, f.name) for f in dataclasses.fields(ha.Branch)}
        orders = dict(zip(("order", "kv_order", "out_order"), self.orders))
        return {**branch, **orders, "causal": self.kernel.causal, "layout": self.layout, "scale": self.scale}

    def run(self, q, k, v, dout, dlse):
        """(out, lse, dq, dk, dv)"""
        q, k, v = (t.detach().requires_grad_() for t in (q, k, v))
        out, lse = ha.attention(q, k, v, return_lse=True, **self.arguments())
        assert out.dtype == q.dtype and lse.dtype == torch.float32 and out.device == lse.device == q.device
        if not self.kernel.has_dlse:
            return (out.detach(), lse.detach(), *torch.autograd.grad(out, (q, k, v), dout))
        return (out.detach(), lse.detach(), *torch.autograd.grad((out, lse), (q, k, v), (dout, dlse)))

    def tables(self, item):
        """Of q, k and out: int64, the token at each position."""
        order, kv_order, out_order = self.orders
        chosen = (order, order if kv_order is None else kv_order, order if out_order is None else out_order)
        return [table_of(o, item, n) for o, n in zip(chosen, (self.queries, self.keys, self.queries))]

    def masks(self, item):
        """Which queries meet which keys, [H, N of q, N of k] by token; the token of out of each query."""
        q_table, k_table, out_table = self.tables(item)
        k = self.kernel
        mask = reference.visible(str(k.branch), k.causal or "none", k.heads, q_table, k_table)
        place = torch.empty_like(q_table)
        place[q_table] = out_table
        return mask, place

    def by_head(self, tensor, item):
        return tensor[item].transpose(0, 1) if self.layout == "bnhd" else tensor[item]


def table_of(order, item, tokens):
    if order is None:
        return torch.arange(tokens, device=DEVICE)
    if not isinstance(order, torch.Tensor):
        order = (order if isinstance(order, ha.Order) else ha.Order(order)).permutation(DEVICE)
    return (order[item] if order.dim() == 2 else order).long()


# ===----------------------------------------------------------------------===
# Random ones
# ===----------------------------------------------------------------------===

ORDERS = ("raster", "static", "static", "bare", "tiled", "table", "tables")


def random_kernel(rng):
    # Segments that are powers of two, with an order of boxes, are a path of their own.
    boxes = rng.random() < 0.25
    dilation = 1 if boxes else rng.choice([1, 1, 2, 3, 4, rng.randint(1, 9)])
    segment = rng.choice([None, rng.randint(1, 40), rng.randint(40, 600), 64, 128])
    segment = rng.choice([256, 512, 1024]) if boxes else segment
    mode, heads = rng.choice(["keys", "both", "residues"]), rng.choice([1, 2, 4, 6])
    offsets = ["zero", "head", "longnet", [rng.randrange(dilation) for _ in range(heads)]]
    branch = ha.Branch(segment, dilation, mode, "zero" if mode == "residues" else rng.choice(offsets))
    causal = rng.choice([None, None, "token"] + ([] if boxes else ["position"]))
    alone = boxes or causal == "position" or rng.random() < 0.6
    return Kernel(
        dtype=rng.choice([torch.bfloat16, torch.bfloat16, torch.float16, torch.float16, torch.float32]),
        depth=rng.choice([64, 128, 8 * rng.randint(1, 32)]),
        branch=branch,
        causal=causal,
        order="boxes" if boxes else rng.choice(ORDERS),
        kv_order="" if alone else rng.choice(ORDERS),
        out_order="" if boxes else rng.choice(["", "", rng.choice(ORDERS)]),
        axes=rng.choice([1, 2, 2, 3]),
        heads=heads,
        has_dlse=rng.random() < 0.3,
    )


def random_grid(axes, most, rng):
    """Extents with a product up to `most`, large, small and in between."""
    tokens = rng.choice([rng.randint(1, 20), rng.randint(1, most), rng.choice([64, 128, 256])])
    if axes == 1:
        return (min(tokens, most),)
    first = rng.randint(1, max(1, round(tokens ** (1 / axes))))
    return (first, *random_grid(axes - 1, max(1, most // first), rng))


def box_order(segment, rng):
    """All runs of tokens of a tile are boxes."""
    return rng.choice(
        [
            ha.Order((64, 32)),
            ha.Order((16, 64), "morton"),
            ha.Order((8, 16, 8)),
            ha.Order((16, 8, 16), "morton"),
            *([ha.Order((48, 40), tile=(16, 16)), ha.Order((8, 24, 16), tile=(4, 8, 8))] if segment == 256 else []),
        ]
    )


def random_order(kind, grid, batch, rng):
    tokens = math.prod(grid)
    if kind == "raster":
        return rng.choice([None, ha.Order(tokens, "raster")])
    if kind == "static":
        return ha.Order(grid, rng.choice(["hilbert", "morton", "snake"]))
    if kind == "bare":
        return tokens
    if kind == "tiled":
        return ha.Order(grid, rng.choice(["hilbert", "morton", "snake"]), [rng.randint(1, s + 1) for s in grid])
    dtype = rng.choice([torch.int32, torch.int64])
    count = batch if kind == "tables" else 1
    table = torch.stack([torch.tensor(rng.sample(range(tokens), tokens), dtype=dtype) for _ in range(count)])
    return (table if kind == "tables" else table[0]).to(DEVICE)


def random_call(kernel, rng, most=700):
    call = Call(kernel, batch=rng.randint(1, 3), layout=rng.choice(["bnhd", "bhnd"]), seed=rng.randrange(10**9))
    call.key_heads = kernel.heads // rng.choice([g for g in (1, 1, 2, 3) if kernel.heads % g == 0])
    call.scale = rng.choice([None, None, 0.3, -0.2, 0.0])
    if kernel.order == "boxes":
        order = box_order(kernel.branch.segment, rng)
        call.orders, call.queries, call.keys = (order, None, None), len(order), len(order)
    else:
        grid = key_grid = random_grid(kernel.axes, most, rng)
        # The keys may be others where segments are dense and their order is their own.
        if kernel.kv_order and kernel.branch.segment is None:
            key_grid = random_grid(kernel.axes, most, rng)
        call.queries, call.keys = math.prod(grid), math.prod(key_grid)
        kinds = ((kernel.order, grid), (kernel.kv_order, key_grid), (kernel.out_order, grid))
        orders = [random_order(kind, g, call.batch, rng) if kind else None for kind, g in kinds]
        for i, g in enumerate((grid, key_grid, grid)):
            # None beside an order is that order, not raster.
            if orders[i] is None and kinds[i][0] == "raster":
                orders[i] = ha.Order(g, "raster")
        call.orders = tuple(orders)
    call.packed = call.layout == "bnhd" and call.queries == call.keys and rng.random() < 0.3
    return call


# ===----------------------------------------------------------------------===
# Comparison
# ===----------------------------------------------------------------------===


def check(call, tensors=None):
    """Calls twice, compares with float64; errors as multiples of what rounding explains."""
    x = call.tensors() if tensors is None else tensors
    with poisoned():
        actual, again = call.run(*x), call.run(*x)
    for name, a, b in zip(NAMES, actual, again, strict=True):
        assert torch.equal(a.nan_to_num(7), b.nan_to_num(7)), f"{name} differs between two runs"
    errors = reference.Errors(NAMES)
    scale = call.kernel.depth**-0.5 if call.scale is None else call.scale
    for item in range(call.batch):
        mask, place = call.masks(item)
        parts = [call.by_head(t, item) for t in x[:4]]
        parts[3] = parts[3][:, place]
        dlse = x[4][item][:, place] if call.kernel.has_dlse else None
        wanted, rounded = (
            reference.attention(*parts[:3], mask, scale, parts[3], dlse, rounded=kind) for kind in (False, True)
        )
        got = [call.by_head(actual[0], item)[:, place], actual[1][item][:, place]]
        got += [call.by_head(t, item) for t in actual[2:]]
        for name, g, w, r in zip(NAMES, got, wanted, rounded, strict=True):
            assert g.shape == w.shape, f"{name} has shape {tuple(g.shape)}, not {tuple(w.shape)}"
            errors.add(name, g, w, r)
    return errors.ratios()


def composite(call, q, k, v):
    """(out, lse) of torch ops, in the dtype of q; differentiable."""
    scale = call.kernel.depth**-0.5 if call.scale is None else call.scale
    group = call.kernel.heads // call.key_heads
    outs, stats = [], []
    for item in range(call.batch):
        mask, place = call.masks(item)
        Q, K, V = (call.by_head(t, item) for t in (q, k, v))
        K, V = K.repeat_interleave(group, 0), V.repeat_interleave(group, 0)
        scores = (scale * Q @ K.mT).masked_fill(~mask, -math.inf)
        empty = ~mask.any(2, keepdim=True)
        scores = scores.masked_fill(empty, 0)
        out = (scores.softmax(2) @ V).masked_fill(empty, 0)
        lse = scores.logsumexp(2).masked_fill(empty[..., 0], -math.inf)
        outs.append(torch.zeros_like(out).index_copy(1, place, out))
        stats.append(torch.zeros_like(lse).index_copy(1, place, lse))
    out = torch.stack(outs)
    return out.transpose(1, 2) if call.layout == "bnhd" else out, torch.stack(stats)


def distance(actual, wanted):
    """The relative error (L2); absolute below 1 in the mean."""
    wanted = wanted.double()
    return ((actual.double() - wanted).norm() / max(wanted.norm(), wanted.numel() ** 0.5 * 1e-2)).item()


def attend(q, k, v, **arguments):
    """A small call that has nothing special."""
    return ha.attention(q, k, v, **{"order": (8, 16), "segment": 32, "dilation": 2, **arguments})


def small(dtype=torch.bfloat16, tokens=128, requires_grad=False, batch=2, depth=32):
    return [
        torch.randn(batch, tokens, 2, depth, device=DEVICE, dtype=dtype, requires_grad=requires_grad) for _ in range(3)
    ]


def compiled():
    """How many kernels this process compiled or found in the cache folder."""
    statistics = ha._C.statistics()
    return statistics["compilations"] + statistics["disk_hits"]


_fresh = random.Random(SEED + 1)
_seen = set()


def fresh_arguments():
    """Arguments of attention() that no call of this process had: kernels are new."""
    while True:
        segment, dilation = _fresh.randint(33, 5000), _fresh.randint(2, 9)
        if (segment, dilation) not in _seen:
            _seen.add((segment, dilation))
            return {"segment": segment, "dilation": dilation, "mode": _fresh.choice(["keys", "residues"])}
