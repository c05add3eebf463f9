# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How a call runs, and how long it should take."""

import dataclasses
import json

import torch

from hilbert_attention import _C, _torch
from hilbert_attention._checks import CAUSALITIES, LAYOUTS, check_names, checked_scale
from hilbert_attention.pattern import Branch, pattern_text

# Multiply-adds of 16-bit elements count twice: dense operations of a multiprocessor in a cycle.
_OPERATIONS = {"sm_80": 2048, "sm_86": 1024, "sm_87": 1024, "sm_89": 1024, "sm_90": 4096}
# What these kernels reach of a device's peaks, as measured on an H100.
_REACHED_BANDWIDTH = 0.6
_REACHED_OPERATIONS = {False: 0.36, True: 0.24}


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What explain() returns; str() is for people.

    device: its name. target: what kernels were compiled for, such as "sm_90"; None
        on the CPU.
    queries, keys: how rows are found: "run", they are in row-major order; "box",
        tiles are boxes of the grid; "table", row by row. None on the CPU.
    kernels: of each its name, schedule, tile sizes, grid, registers, ...
    pairs: pairs of a query and a key, of all heads and batch items. With causality
        half of those of the segments.
    flops: operations of the products: 4 D for each pair, 10 D in the gradient.
    bytes: what must be read and written at least, each tensor once.
    floor_ms: the longer of bytes over the device's bandwidth and flops over its rate,
        both from its data sheet's numbers; None where they are not known.
    expected_ms: likewise, from what these kernels reached of those on an H100.
    """

    device: str
    target: str | None
    queries: str | None
    keys: str | None
    kernels: list[dict]
    pairs: float
    flops: float
    bytes: int
    floor_ms: float | None
    expected_ms: float | None

    def __str__(self):
        lines = [f"device     {self.device}" + (f", code for {self.target}" if self.target else "")]
        if self.queries:
            lines.append(f"rows       queries by {self.queries}, keys by {self.keys}")
        for kernel in self.kernels:
            lines.append(f"kernel     {kernel['role']}: {kernel['schedule']}")
            lines.append(
                f"           {kernel['blocks']} blocks of {kernel['threads']} threads, {kernel['registers']} registers, "
                f"{kernel['shared_bytes']} bytes of shared memory, {kernel['local_bytes']} spilled"
            )
        lines.append(f"work       {self.pairs:.4g} pairs, {self.flops / 1e9:.4g} GFLOP, {self.bytes / 1e6:.4g} MB")
        if self.floor_ms is not None:
            lines.append(f"time       at least {self.floor_ms:.4g} ms, expected {self.expected_ms:.4g} ms")
        return "\n".join(lines)


def explain(
    q,
    k,
    v,
    *,
    order=None,
    kv_order=None,
    out_order=None,
    branches=None,
    segment=None,
    dilation=1,
    mode="keys",
    offset="zero",
    causal=None,
    scale=None,
    layout="bnhd",
    gradient=False,
):
    """How attention() with these arguments, or its gradient, runs: an Explanation.

    q, k, v: torch tensors, of which only devices, dtypes, shapes and strides matter.
    gradient: of the gradient instead of the forward.

    Compiles kernels that there are not yet, and runs none. On a GPU one branch at a
    time is explained (NotImplementedError for several). Raises as attention() does.
    """
    causal = "none" if causal is None else causal
    check_names(causal, layout)
    device = q.device
    for name, tensor in ("q", q), ("k", k), ("v", v):
        _torch._check(name, tensor, device)
    pattern = pattern_text(branches, segment, dilation, mode, offset)
    scale = checked_scale(scale, q.shape[3])
    orders = [
        _torch._order(name, order if given is None else given, device)
        for name, given in (("order", order), ("kv_order", kv_order), ("out_order", out_order))
    ]
    arguments = (*[table for _, table in orders], *[spec for spec, _ in orders], pattern, causal, layout, scale)
    with torch.no_grad():
        results = _torch._results(q, k, v, *arguments)
        text = _C.explain(
            *[_torch._exported(tensor.detach()) for tensor in (q, k, v, *results)],
            *_torch._tail(*arguments),
            gradient,
            torch.get_float32_matmul_precision() != "highest",
        )
    told = json.loads(text)
    pairs = _pairs(q, k, branches or [Branch(segment, dilation, mode, offset)], causal, layout)
    flops = pairs * q.shape[3] * (10 if gradient else 4)
    stats = results[1].nbytes
    # q, k, v, out and lse; then also dout, dq, dk and dv.
    moved = (4 * q.nbytes + 4 * k.nbytes if gradient else 2 * q.nbytes + 2 * k.nbytes) + stats
    floor, expected = _times(device, told, flops, moved, gradient)
    return Explanation(
        told["device"],
        told.get("target"),
        told.get("queries"),
        told.get("keys"),
        told.get("kernels", []),
        pairs,
        flops,
        moved,
        floor,
        expected,
    )


def _pairs(q, k, branches, causal, layout):
    """Pairs of a query and a key of all branches, heads and batch items."""
    tokens, heads = (1, 2) if layout == "bnhd" else (2, 1)
    batch, queries, keys, heads = q.shape[0], q.shape[tokens], k.shape[tokens], q.shape[heads]
    total = 0
    for branch in branches:
        for ours, theirs, count in _segments(branch, queries, keys):
            ours, theirs = _classes(ours, branch.dilation), _classes(theirs, branch.dilation)
            for head in range(heads):
                o = _offset(branch, head, heads)
                met = {
                    "keys": sum(ours) * theirs[o],
                    "both": ours[o] * theirs[o],
                    "residues": sum(a * b for a, b in zip(ours, theirs)),
                }
                total += count * met[branch.mode]
    return batch * total / (1 if causal == "none" else 2)


def _segments(branch, queries, keys):
    """(queries, keys, how many there are) of the kinds of segments."""
    if queries != keys or branch.segment is None:
        return [(queries, keys, 1)]  # One covers both.
    count, rest = divmod(queries, branch.segment)
    return [(branch.segment, branch.segment, count), (rest, rest, 1)]


def _classes(length, dilation):
    """How many positions of a segment have each residue."""
    return [(length - residue + dilation - 1) // dilation for residue in range(dilation)]


def _offset(branch, head, heads):
    if branch.offset == "zero":
        return 0
    if branch.offset == "head":
        return head % branch.dilation
    if branch.offset == "longnet":
        return head // -(-heads // branch.dilation)
    return branch.offset[head]


def _times(device, told, flops, moved, gradient):
    """(floor, expected) in milliseconds, or None for both."""
    operations = _OPERATIONS.get(told.get("target"))
    if device.type != "cuda" or operations is None:
        return None, None
    properties = torch.cuda.get_device_properties(device)
    clock, memory_clock = (getattr(properties, name, None) for name in ("clock_rate", "memory_clock_rate"))
    width = getattr(properties, "memory_bus_width", None)
    if not (clock and memory_clock and width):
        return None, None
    rate = operations * told["multiprocessors"] * clock * 1e3
    bandwidth = 2 * memory_clock * 1e3 * width / 8  # Two transfers in a cycle.
    floor = max(flops / rate, moved / bandwidth)
    expected = max(flops / rate / _REACHED_OPERATIONS[gradient], moved / bandwidth / _REACHED_BANDWIDTH)
    return 1e3 * floor, 1e3 * expected
