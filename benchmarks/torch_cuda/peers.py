# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Us and peers: each is a function of q, k and v, tokens row by row, that gives out likewise.

hilbert    this package: one call
eager      q[:, order], torch's attention of segments, out[:, inverse]
compiled   the same under torch.compile
permute    the same with gathers whose gradient is the inverse gather, not a scatter-add
flex       FlexAttention, compiled, on data that `permute` gathers; segments are a block mask
fa4        FlashAttention-4 on segments of data that `permute` gathers
plain      torch's attention where tokens are; for dense attention only
fa4 plain  FlashAttention-4, likewise
"""

import functools
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

BACKENDS = {
    "cuda": {"cuDNN": SDPBackend.CUDNN_ATTENTION, "FLASH": SDPBackend.FLASH_ATTENTION},
    "cpu": {"MATH": SDPBackend.MATH, "FLASH": SDPBackend.FLASH_ATTENTION},
}
# A compiler of graphs that needs no other compiler, for checks on a CPU.
COMPILERS = {"cuda": "inductor", "cpu": "aot_eager"}
BLOCK = 128  # Rows and columns of FlexAttention's mask.


class Unsuitable(Exception):
    """A contestant cannot compute this case; says why."""


class Problem:
    """A case on a device, and the tables that peers gather with."""

    def __init__(self, case, device):
        from hilbert_attention import Order

        self.case, self.device = case, device
        self.order = Order(case.extents, tile=case.tile)
        self.dim = 1 if case.layout == "bnhd" else 2
        self.forward = self.order.permutation(device)
        self.inverse = self.order.inverse(device)
        whole = case.tokens // case.width * case.width
        # The tokens of keys that are met, segment by segment.
        self.met = self.forward[:whole].view(-1, case.width)[:, :: case.dilation].flatten()
        # Keys of a segment.
        self.keys = -(-case.width // case.dilation)

    def need_segments(self):
        """Peers take segments as a batch, so all must be of one length."""
        if self.case.tokens % self.case.width:
            raise Unsuitable(f"{self.case.tokens} tokens are no multiple of w={self.case.width}")
        if self.case.causal and self.case.dilation > 1:
            raise Unsuitable("a causal mask of dilated keys is none of theirs")

    def fold(self, x, length):
        """Gathered x as [batch, heads, length, D]: a view, in which segments are batch or heads."""
        batch, heads, depth = self.case.batch, self.case.heads, self.case.depth
        if self.case.layout == "bnhd":
            return x.reshape(-1, length, heads, depth).transpose(1, 2)
        return x.reshape(batch * heads, -1, length, depth)

    def fold_rows(self, x, length):
        """Gathered x as [batch, length, heads, D]."""
        heads = self.case.heads if self.case.layout == "bnhd" else 1
        return x.reshape(-1, length, heads, self.case.depth)

    def unfold(self, out):
        """What fold() made, in the case's shape, still by position."""
        if self.case.layout == "bnhd":
            out = out.transpose(1, 2)
        return out.reshape(self.case.shape)


# ===----------------------------------------------------------------------===
# Gathers
# ===----------------------------------------------------------------------===


def by_select(x, index, dim):
    return x.index_select(dim, index)


def by_index(x, index, dim):
    return x[:, index] if dim == 1 else x[:, :, index]


def by_rows(x, index, dim):
    """Whole rows of H * D elements, which torch may copy 16 bytes at a time."""
    batch, tokens = x.shape[0], x.shape[1]
    if dim != 1 or not x.is_contiguous():
        return by_select(x, index, dim)
    rows = _rows(index, batch, tokens)
    return x.view(batch * tokens, -1).index_select(0, rows).view(batch, -1, *x.shape[2:])


@functools.lru_cache(maxsize=16)
def _rows(index, batch, tokens):
    """`index` of every batch item, in one table."""
    return (torch.arange(batch, device=index.device)[:, None] * tokens + index).flatten()


class Gather(torch.autograd.Function):
    """x along `dim` by `index`, none of which occurs twice; the gradient is a permutation, too."""

    @staticmethod
    def forward(ctx, x, dim, index, inverse, way):
        ctx.arguments = x.shape, dim, index, inverse, way
        return way(x, index, dim)

    @staticmethod
    def backward(ctx, gradient):
        shape, dim, index, inverse, way = ctx.arguments
        if inverse is not None:
            result = way(gradient, inverse, dim)
        else:
            result = gradient.new_zeros(shape).index_copy_(dim, index, gradient)
        return result, None, None, None, None


def fastest_gather(problem, x):
    """Of three ways to write one gather: peers get the one that this device runs fastest."""
    ways = (by_select, by_index, by_rows)
    if problem.device == "cpu":
        return ways[0]

    def seconds(way):
        way(x, problem.forward, problem.dim)
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(5):
            way(x, problem.forward, problem.dim)
        torch.cuda.synchronize()
        return time.perf_counter() - begin

    return min(ways, key=seconds)


def _gathered(problem, x):
    """(function of q, k, v that gathers them, function that scatters out), differentiable."""
    with torch.no_grad():
        way = fastest_gather(problem, x)
    dim, forward, inverse = problem.dim, problem.forward, problem.inverse
    key_inverse = inverse if problem.case.dilation == 1 else None

    def gather(q, k, v):
        keys = [Gather.apply(t, dim, problem.met, key_inverse, way) for t in (k, v)]
        return Gather.apply(q, dim, forward, inverse, way), *keys

    def scatter(out):
        return Gather.apply(out, dim, inverse, forward, way)

    return gather, scatter


# ===----------------------------------------------------------------------===
# Contestants: functions of (problem, an example of q)
# ===----------------------------------------------------------------------===


def hilbert(problem, x):
    from hilbert_attention import attention

    case = problem.case
    arguments = {"order": problem.order, "segment": case.segment, "dilation": case.dilation}
    return lambda q, k, v: attention(q, k, v, causal=case.causal, layout=case.layout, **arguments)


def _attend(problem, backend, q, k, v):
    """torch's attention of gathered segments."""
    width, causal = problem.case.width, problem.case.causal is not None
    with sdpa_kernel(backend):
        out = F.scaled_dot_product_attention(
            problem.fold(q, width), problem.fold(k, problem.keys), problem.fold(v, problem.keys), is_causal=causal
        )
    return problem.unfold(out)


def eager(backend):
    def make(problem, x):
        problem.need_segments()
        rows = (slice(None),) * problem.dim
        forward, met, inverse = ((*rows, table) for table in (problem.forward, problem.met, problem.inverse))
        return lambda q, k, v: _attend(problem, backend, q[forward], k[met], v[met])[inverse]

    return make


def compiled(backend):
    def make(problem, x):
        return torch.compile(eager(backend)(problem, x), dynamic=False, backend=COMPILERS[problem.device])

    return make


def permute(backend):
    def make(problem, x):
        problem.need_segments()
        gather, scatter = _gathered(problem, x)
        return lambda q, k, v: scatter(_attend(problem, backend, *gather(q, k, v)))

    return make


def plain(backend):
    def make(problem, x):
        _need_dense(problem.case)
        swap = problem.dim == 1

        def run(q, k, v):
            q, k, v = (t.transpose(1, 2) if swap else t for t in (q, k, v))
            with sdpa_kernel(backend):
                out = F.scaled_dot_product_attention(q, k, v)
            return out.transpose(1, 2) if swap else out

        return run

    return make


def _need_dense(case):
    if case.width != case.tokens or case.dilation > 1 or case.causal:
        raise Unsuitable("only dense attention is the same in any order")


def _flash_attention_4():
    from flash_attn.cute import flash_attn_func

    def run(q, k, v, causal=False):
        out = flash_attn_func(q, k, v, causal=causal)
        return out[0] if isinstance(out, tuple) else out

    return run


def fa4(problem, x):
    problem.need_segments()
    attend = _flash_attention_4()
    gather, scatter = _gathered(problem, x)
    lengths = problem.case.width, problem.keys, problem.keys

    def run(q, k, v):
        folded = map(problem.fold_rows, gather(q, k, v), lengths)
        return scatter(attend(*folded, causal=problem.case.causal is not None).reshape(q.shape))

    return run


def fa4_plain(problem, x):
    _need_dense(problem.case)
    if problem.dim != 1:
        raise Unsuitable("it takes [B, N, H, D]")
    return _flash_attention_4()


def block_mask(problem):
    """FlexAttention's mask of segments, made from blocks: no N x N matrix."""
    from torch.nn.attention.flex_attention import BlockMask

    case = problem.case
    rows, columns = case.tokens, len(problem.met)
    first, second = case.width, problem.keys

    def bounds(size):
        begin = torch.arange(0, size, BLOCK, device=problem.device)
        return begin, (begin + BLOCK - 1).clamp(max=size - 1)

    (q0, q1), (k0, k1) = bounds(rows), bounds(columns)
    some = (q0[:, None] // first <= k1 // second) & (k0 // second <= q1[:, None] // first)
    full = some & (q0 // first == q1 // first)[:, None] & (k0 // second == k1 // second)
    full &= (q0 + BLOCK <= rows)[:, None] & (k0 + BLOCK <= columns)
    if case.causal:
        some &= k0 <= q1[:, None]
        full &= k1 <= q0[:, None]

    def blocks(mask):
        mask = mask.to(torch.int32)[None, None]
        return mask.sum(-1, dtype=torch.int32), mask.argsort(dim=-1, descending=True, stable=True).to(torch.int32)

    def met(b, h, q, k):
        same = q // first == k // second
        return same & (k <= q) if case.causal else same

    partly = blocks(some & ~full)
    return BlockMask.from_kv_blocks(*partly, *blocks(full), BLOCK, met, seq_lengths=(rows, columns))


def flex(problem, x):
    from torch.nn.attention.flex_attention import flex_attention

    problem.need_segments()
    gather, scatter = _gathered(problem, x)
    mask = block_mask(problem)
    # On a CPU it is not compiled, which takes a C++ compiler.
    attend = torch.compile(flex_attention, dynamic=False) if problem.device == "cuda" else flex_attention

    def run(q, k, v):
        q, k, v = (t.transpose(1, 2) if problem.dim == 1 else t for t in gather(q, k, v))
        out = attend(q, k, v, block_mask=mask)
        return scatter(out.transpose(1, 2) if problem.dim == 1 else out)

    return run


LABELS = {
    "eager": (eager, "eager gather"),
    "compiled": (compiled, "compiled gather"),
    "permute": (permute, "permute"),
    "plain": (plain, "no reorder"),
}
SINGLE = {
    "hilbert": (hilbert, "hilbert"),
    "fa4": (fa4, "FlashAttention-4, permute"),
    "fa4 plain": (fa4_plain, "FlashAttention-4, no reorder"),
    "flex": (flex, "FlexAttention, permute"),
}


def contestants(case, device):
    """name -> function of (problem, an example of q) that makes the contestant."""
    result = {}
    for kind in case.kinds:
        if kind in SINGLE:
            make, name = SINGLE[kind]
            result[name] = make
        else:
            make, label = LABELS[kind]
            result |= {f"{name}, {label}": make(backend) for name, backend in BACKENDS[device].items()}
    return result
