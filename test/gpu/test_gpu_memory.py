# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Memory on a GPU: results and one lse, through torch's allocator, and no more."""

import gc
import math
import os

import pytest
import torch

import calls
import hilbert_attention as ha
from calls import reference

MIB = 1 << 20
BATCH, TOKENS, HEADS, DEPTH = 2, 16384, 16, 64  # out has 64 MiB, lse 2: the allocator rounds neither.


@pytest.fixture(autouse=True)
def empty():
    """Nothing of other tests is cached."""
    torch.compiler.reset()
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()


# pytest-xdist runs others on the device meanwhile.
alone = pytest.mark.skipif(
    "PYTEST_XDIST_WORKER" in os.environ, reason="measures the device's free memory: needs a run without -n"
)


def large(requires_grad=False):
    shape = (BATCH, TOKENS, HEADS, DEPTH)
    tensors = [torch.randn(shape, device=calls.DEVICE, dtype=torch.bfloat16) for _ in range(3)]
    return [t.requires_grad_(requires_grad) for t in tensors]


def peak(function):
    """(bytes beyond what is allocated before, the result)"""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    result = function()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before, result


def orders():
    table = torch.randperm(TOKENS, device=calls.DEVICE, dtype=torch.int32)
    return {
        "none": None,
        "boxes": ha.Order((128, 128)),
        "static": ha.Order((64, 256), "snake"),
        "table": table,
        "tables": table.expand(BATCH, TOKENS).contiguous(),
    }


@pytest.mark.parametrize(
    "kind,causal", [("none", None), ("boxes", None), ("static", "token"), ("table", "position"), ("tables", None)]
)
def test_peak(kind, causal):
    order, leaves = orders()[kind], large(requires_grad=True)
    arguments = {"order": order, "segment": 1024, "causal": causal, "return_lse": True}
    out, lse = ha.attention(*leaves, **arguments)
    dout, dlse = torch.randn_like(out), torch.randn_like(lse)
    torch.autograd.grad((out, lse), leaves, (dout, dlse))
    results, stats = out.nbytes, lse.nbytes
    assert (results, stats) == (64 * MIB, 2 * MIB)
    del out, lse

    used, (out, lse) = peak(lambda: ha.attention(*leaves, **arguments))
    assert used <= results + stats + 1024, f"the forward takes {used - results - stats} bytes beyond out and lse"
    # Kept for the backward: out and lse, no copies of anything.
    for cotangents in ((dout, dlse), (dout, None)):
        outputs = (out, lse) if cotangents[1] is not None else (out,)
        used, gradients = peak(
            lambda: torch.autograd.grad(outputs, leaves, cotangents[: len(outputs)], retain_graph=True)
        )
        beyond = used - 3 * results - stats
        assert beyond <= 1024, f"the backward takes {beyond} bytes beyond dq, dk, dv and a float32 [B, H, N]"
        del gradients


def test_packed_views_are_not_copied():
    qkv = torch.randn(BATCH, TOKENS, 3, HEADS, DEPTH, device=calls.DEVICE, dtype=torch.bfloat16)
    used = [peak(lambda: ha.attention(*qkv.unbind(2), order=(128, 128), segment=256))[0] for _ in range(2)]
    assert used[1] <= 66 * MIB + 1024


def taken_from_driver(function):
    """Bytes that the device has less of after it, whoever has them."""
    torch.cuda.synchronize()
    free, _ = torch.cuda.mem_get_info()
    function()
    torch.cuda.synchronize()
    return free - torch.cuda.mem_get_info()[0]


@alone
def test_driver_memory():
    """After the first call all comes from torch's allocator, and nothing grows."""
    leaves, arguments = large(requires_grad=True), {"order": (128, 128), "segment": 1024}

    def step():
        out, lse = ha.attention(*leaves, return_lse=True, **arguments)
        return torch.autograd.grad((out, lse), leaves, (out.detach(), lse.detach()))

    def run_steps():
        for _ in range(100):
            step()

    for _ in range(3):
        step()
    reserved, allocated = torch.cuda.memory_reserved(), torch.cuda.memory_allocated()
    assert taken_from_driver(run_steps) <= 0
    assert torch.cuda.memory_reserved() == reserved
    assert torch.cuda.memory_allocated() == allocated


@alone
def test_driver_memory_of_new_sizes():
    """A new order costs its table; a new size without one nothing; torch's memory holds none of it."""
    q = torch.randn(1, 40000, 1, 32, device=calls.DEVICE, dtype=torch.float16)

    def run(tokens, order):
        with torch.no_grad():
            ha.attention(q[:, :tokens], q[:, :tokens], q[:, :tokens], order=order, segment=100)

    def run_sizes():
        for tokens in range(20000, 20100):
            run(tokens, None)

    def run_orders():
        for rows in range(100, 150):
            run(rows * 200, (rows, 200))

    for tokens in (40000, 20000, 200):
        run(tokens, None)
        run(tokens, (tokens // 20, 20))
    allocated = torch.cuda.memory_allocated()
    assert taken_from_driver(run_sizes) <= 0
    # An allocation of the driver takes up to 2 MiB; tables have 0.1.
    assert taken_from_driver(run_orders) <= 50 * 2 * MIB
    assert torch.cuda.memory_allocated() == allocated


def test_results_are_freed():
    before = torch.cuda.memory_allocated()
    leaves = large(requires_grad=True)
    out, lse = ha.attention(*leaves, order=(128, 128), segment=256, return_lse=True)
    (out.float().sum() + lse.sum()).backward()
    del out, lse, leaves
    gc.collect()
    assert torch.cuda.memory_allocated() == before


# ===----------------------------------------------------------------------===
# Too little
# ===----------------------------------------------------------------------===


def fraction_for(more):
    """Allows torch so many bytes beyond what it has."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + more) / total))


def test_out_of_memory():
    """torch's own error, forward and backward; then all works."""
    leaves, arguments = large(requires_grad=True), {"order": (128, 128), "segment": 256, "return_lse": True}
    wanted = [t.detach() for t in ha.attention(*leaves, **arguments)]
    try:
        fraction_for(4 * MIB)
        with pytest.raises(torch.cuda.OutOfMemoryError):
            ha.attention(*leaves, **arguments)
        fraction_for(100 * MIB)
        out, lse = ha.attention(*leaves, **arguments)
        dout = out.detach()
        fraction_for(100 * MIB)
        with pytest.raises(torch.cuda.OutOfMemoryError):
            torch.autograd.grad(out, leaves, dout, retain_graph=True)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert torch.equal(out, wanted[0]) and torch.equal(lse, wanted[1])
    first = torch.autograd.grad(out, leaves, dout, retain_graph=True)
    assert all(map(torch.equal, torch.autograd.grad(out, leaves, dout), first))


# ===----------------------------------------------------------------------===
# Large tensors
# ===----------------------------------------------------------------------===


def check_rows(order, segment, inputs, dout, results, choices):
    """Segments of heads against float64; tensors are [B, N, H, D]."""
    for item, head, first in choices:
        tokens = order[item][first : first + segment].long()
        parts = [t[item, tokens, head][None] for t in (*inputs, dout)]
        mask = torch.ones(1, len(tokens), len(tokens), dtype=torch.bool, device=calls.DEVICE)
        scale = parts[0].shape[2] ** -0.5
        wanted = reference.attention(*parts[:3], mask, scale, parts[3], None, rounded=False)
        for name, t, w in zip(("out", "dq", "dk", "dv"), results, (wanted[0], *wanted[2:])):
            error = calls.distance(t[item, tokens, head][None], w)
            assert error < 1e-2, f"{name} of item {item}, head {head}, from {first} is wrong by {error}"


# More heads than fit 2^31 elements in a row of the batch; one long sequence.
LARGE = {"items": (2, 66000, 128, 128), "tokens": (1, 1 << 21, 9, 128)}


@pytest.mark.parametrize("layout", ["bnhd", "bhnd"])
@pytest.mark.parametrize("name", LARGE)
def test_more_than_2_31_elements(name, layout, rng):
    batch, tokens, heads, depth = LARGE[name]
    assert batch * tokens * heads * depth > 1 << 31
    needed = 9 * 2 * batch * tokens * heads * depth
    free, _ = torch.cuda.mem_get_info()
    if free < needed:
        pytest.skip(f"needs {needed / 1e9:.0f} GB of free memory, but there are {free / 1e9:.0f}")
    shape = (batch, tokens, heads, depth) if layout == "bnhd" else (batch, heads, tokens, depth)
    q, k, v, dout = (torch.randn(shape, device=calls.DEVICE, dtype=torch.bfloat16) for _ in range(4))
    order = torch.stack([torch.randperm(tokens, device=calls.DEVICE, dtype=torch.int32) for _ in range(batch)])
    leaves, segment = [t.requires_grad_() for t in (q, k, v)], 200
    with calls.poisoned():
        out = ha.attention(*leaves, order=order, segment=segment, layout=layout)
        results = [out.detach(), *torch.autograd.grad(out, leaves, dout)]
    tensors = [t.detach() if layout == "bnhd" else t.detach().transpose(1, 2) for t in (*leaves, dout, *results)]
    segments = math.ceil(tokens / segment)
    choices = [(batch - 1, heads - 1, (segments - 1) * segment), (0, 0, 0)]
    choices += [(rng.randrange(batch), rng.randrange(heads), rng.randrange(segments) * segment) for _ in range(10)]
    check_rows(order, segment, tensors[:3], tensors[3], tensors[4:], choices)
    assert all(t.isfinite().all() for t in results[0][:, -1:])
