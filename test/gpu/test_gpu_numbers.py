# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers of attention() on a GPU, forward and backward, against float64.

Errors may be twice those of float32 arithmetic on operands that are rounded as
tensor cores take them; fresh memory is NaN; two runs give the same bits.
"""

import dataclasses

import pytest
import torch

import calls
import hilbert_attention as ha
from calls import Call, Kernel, reference

CALLS_PER_KERNEL = 8


def checked(call, **more):
    try:
        return calls.check(call, **more)
    except Exception as error:
        error.add_note(f"HILBERT_TEST_SEED={calls.SEED}: {call}")
        raise


@pytest.mark.parametrize("index", range(calls.COUNT // 2))
def test_random(index, rng):
    """Any kernel, several sizes each."""
    kernel = calls.random_kernel(rng)
    for _ in range(CALLS_PER_KERNEL):
        checked(calls.random_call(kernel, rng))


@pytest.mark.parametrize("depth", [8, 16, 24, 48, 64, 72, 96, 128, 136, 192, 256])
def test_depths(depth, rng):
    dtype = rng.choice(calls.DTYPES)
    kernel = Kernel(dtype, depth, ha.Branch(100, 3), order="static", has_dlse=True)
    for _ in range(2):
        checked(calls.random_call(kernel, rng))


@pytest.mark.parametrize("dtype", calls.DTYPES)
@pytest.mark.parametrize("causal", [None, "token", "position"])
def test_lengths(dtype, causal, rng):
    """Around the sizes of tiles and segments, one kernel for all."""
    before = None
    for tokens in (1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 191, 255, 256, 257, 383, 385, 1000):
        kernel = Kernel(dtype, 64, ha.Branch(128), causal, order="table")
        call = Call(kernel, 1, tokens, tokens, seed=tokens)
        call.orders = (calls.random_order("table", (tokens,), 1, rng).int(), None, None)
        checked(call)
        before = calls.compiled() if before is None else before
    assert calls.compiled() == before


@pytest.mark.parametrize("group", [1, 2, 4, 8])
@pytest.mark.parametrize("layout", ["bnhd", "bhnd"])
def test_grouped_heads(layout, group, rng):
    branch = ha.Branch(96, 2, "both", "head")
    call = Call(Kernel(torch.float16, 64, branch, heads=8, order="static"), 2, 390, 390, 8 // group, layout)
    call.orders = (ha.Order((15, 26)), None, None)
    checked(call)


@pytest.mark.parametrize("tokens", [64, 333, 1024])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_packed(dtype, tokens):
    """q, k and v are slices of one tensor, read where they are."""
    kernel = Kernel(dtype, 128, ha.Branch(256), order="bare", heads=4)
    for key_heads in (4, 2):
        checked(Call(kernel, 2, tokens, tokens, key_heads, packed=True, orders=(tokens, None, None)))


BOXES = {
    "square": (ha.Order((64, 64)), 1024),
    "wide": (ha.Order((32, 128)), 256),
    "morton": (ha.Order((64, 64), "morton"), 512),
    "volume": (ha.Order((16, 16, 16)), 512),
    "tiles": (ha.Order((80, 48), tile=(16, 16)), 256),
    "clipped tiles": (ha.Order((70, 50), tile=(16, 16)), 256),
    "dense": (ha.Order((32, 32)), None),
}


@pytest.mark.parametrize("name", BOXES)
def test_boxes(name, rng):
    """Orders whose tiles are boxes, against float64 and against the table of the same order."""
    order, segment = BOXES[name]
    dtype, causal = rng.choice([torch.bfloat16, torch.float16]), rng.choice([None, "token"])
    kernel = Kernel(dtype, rng.choice([64, 128]), ha.Branch(segment), causal, order="boxes")
    call = Call(kernel, 2, len(order), len(order), 1, orders=(order, None, None))
    checked(call)
    other = dataclasses.replace(call, orders=(order.permutation(calls.DEVICE), None, None))
    x = call.tensors()
    for name, a, b in zip(calls.NAMES, call.run(*x), other.run(*x)):
        assert calls.distance(a, b) < calls.TOLERANCES[kernel.dtype], name


def test_batch_of_tables(rng):
    """One order for each batch item; each side has its own."""
    kernel = Kernel(torch.bfloat16, 64, ha.Branch(150, 2), "token", "tables", "tables", "tables", has_dlse=True)
    call = Call(kernel, 5, 421, 421, 2, seed=1)
    call.orders = tuple(calls.random_order("tables", (421,), 5, rng) for _ in range(3))
    checked(call)


def test_out_order():
    """The query at position p writes token out_order[p]; a copy of rows says the same."""
    q, k, v = calls.small(torch.float16)
    order, raster = ha.Order((8, 16)), ha.Order((8, 16), "raster")
    by_token = calls.attend(q, k, v, order=order)
    by_position = calls.attend(q, k, v, order=order, out_order=raster)
    assert torch.equal(by_position, by_token[:, order.permutation(q.device)])
    assert not torch.equal(by_position, by_token)


def test_long_segments(rng):
    """Sums over thousands of keys."""
    for causal in (None, "position"):
        kernel = Kernel(torch.bfloat16, 128, ha.Branch(None), causal, "table", has_dlse=True)
        call = Call(kernel, 1, 5000, 5000, 1)
        call.orders = (torch.randperm(5000, device=calls.DEVICE), None, None)
        checked(call)


@pytest.mark.parametrize("factor", [1e-3, 30.0])
def test_magnitudes(factor):
    """Nearly equal scores, and one key that takes all."""
    kernel = Kernel(torch.bfloat16, 64, ha.Branch(200), order="bare")
    call = Call(kernel, 1, 400, 400, orders=(400, None, None))
    q, *others = call.tensors()
    checked(call, tensors=(q * factor, *others))


@pytest.mark.parametrize("mode", ["both", "keys"])
def test_empty_sets(mode):
    """out = 0, lse = -inf and no gradient from or to a query without keys, even a NaN."""
    offsets = [4, 3] if mode == "keys" else [2, 1]
    # The last segment has 3 positions: none with a residue of 3 or 4.
    kernel = Kernel(torch.float16, 64, ha.Branch(60, 5, mode, offsets), order="static", has_dlse=True)
    call = Call(kernel, 2, 123, 123, orders=(ha.Order((3, 41)), None, None))
    checked(call)
    q, k, v, dout, dlse = call.tensors()
    rows = torch.stack([~call.masks(i)[0].any(2) for i in range(2)])  # [B, H, N]
    assert rows.any() and not rows.all()
    q[rows.transpose(1, 2)] = torch.nan
    dout[rows.transpose(1, 2)] = torch.nan
    dlse[rows] = torch.nan
    out, lse, dq, dk, dv = call.run(q, k, v, dout, dlse)
    assert (out[rows.transpose(1, 2)] == 0).all() and torch.isneginf(lse[rows]).all()
    assert (dq[rows.transpose(1, 2)] == 0).all()
    assert all(t.isfinite().all() for t in (out, dq, dk, dv))


# ===----------------------------------------------------------------------===
# What a query does not meet
# ===----------------------------------------------------------------------===

HIDDEN = [
    Kernel(torch.bfloat16, 64, ha.Branch(100), order="table"),
    Kernel(torch.float16, 128, ha.Branch(100, 3, "both", "head"), order="static"),
    Kernel(torch.float16, 64, ha.Branch(130, 2, "residues"), order="bare"),
    Kernel(torch.bfloat16, 128, ha.Branch(None), "position", order="table"),
    Kernel(torch.bfloat16, 64, ha.Branch(None), "token", order="table"),
    Kernel(torch.float16, 256, ha.Branch(200), "token", order="static"),
    Kernel(torch.float32, 64, ha.Branch(64, 2), "position", order="static", has_dlse=True),
    Kernel(torch.bfloat16, 64, ha.Branch(256), "token", order="boxes"),
]


def identity(kernel):
    return f"{kernel.branch}-{kernel.causal}-{kernel.order}-{kernel.depth}".replace(" ", "")


@pytest.mark.parametrize("kernel", HIDDEN, ids=identity)
def test_foreign_keys(kernel, rng):
    """One key and one query that are not finite change nothing where neither is met, bit by bit."""
    for _ in range(3):
        call = calls.random_call(kernel, rng, most=500)
        call.batch, call.layout, call.scale, call.packed = 1, "bnhd", None, False
        if call.keys < 2:
            continue
        x = call.tensors()
        before = call.run(*x)
        mask, place = call.masks(0)
        query, key = rng.randrange(call.queries), rng.randrange(call.keys)
        columns = rng.sample(range(kernel.depth), rng.randint(1, 8))
        bad = torch.tensor([rng.choice([torch.nan, torch.inf, -torch.inf]) for _ in columns], device=calls.DEVICE)
        for tensor, token in ((x[0], query), (x[1], key), (x[2], key), (x[3], int(place[query]))):
            part = tensor[0, token]  # [H, D]
            part[:, columns] = bad.to(part.dtype)
        after = call.run(*x)
        group = kernel.heads // call.key_heads
        reached = mask[:, :, key].clone()  # Queries [H, N].
        reached[:, query] = True
        spoilt = (mask & reached[:, :, None]).any(1).unflatten(0, (-1, group)).any(1)  # Keys [H of k, N].
        spoilt[:, key] = True
        for head in range(kernel.heads):
            clean = torch.nonzero(~reached[head])[:, 0]
            rows = place[clean]
            assert torch.equal(after[0][0, rows, head], before[0][0, rows, head]), call
            assert torch.equal(after[1][0, head, rows], before[1][0, head, rows]), call
            assert torch.equal(after[2][0, clean, head], before[2][0, clean, head]), call
            seen = place[torch.nonzero(mask[head, :, key])[:, 0]]
            assert not after[0][0, seen, head].isfinite().all(1).any(), call
        for head in range(call.key_heads):
            kept = torch.nonzero(~spoilt[head])[:, 0]
            for i in (3, 4):
                assert torch.equal(after[i][0, kept, head], before[i][0, kept, head]), call


# ===----------------------------------------------------------------------===
# Several branches
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("has_dlse", [False, True])
def test_several_branches(has_dlse):
    """One softmax over the multiset of keys: a key that two branches reach counts twice."""
    branches = [ha.Branch(64, 2, "keys", "head"), ha.Branch(24), ha.Branch(40, 3, "both", [2, 1])]
    call = Call(Kernel(torch.float16, 64), 1, 200, 200, orders=(200, None, None))
    q, k, v, dout, dlse = call.tensors()
    leaves = [t.requires_grad_() for t in (q, k, v)]
    with calls.poisoned(), pytest.warns(ha.PerformanceWarning, match="3 branches run one after the other"):
        out, lse = ha.attention(q, k, v, order=200, branches=branches, return_lse=True)
        outputs, cotangents = ((out, lse), (dout, dlse)) if has_dlse else ((out,), (dout,))
        actual = [out, lse, *torch.autograd.grad(outputs, leaves, cotangents)]
    tables = call.tables(0)[:2]
    counts = sum(reference.visible(str(b), "none", 2, *tables).double() for b in branches)
    doubles = [t.detach().double().requires_grad_() for t in leaves]
    Q, K, V = (t[0].transpose(0, 1) for t in doubles)
    scores = Q @ K.mT * 64**-0.5 + counts.log()
    wanted = (scores.softmax(2) @ V).transpose(0, 1)[None], scores.logsumexp(2)[None]
    cotangents = [t.double() for t in cotangents]
    gradients = torch.autograd.grad(wanted[: len(cotangents)], doubles, cotangents)
    for name, a, w in zip(calls.NAMES, actual, (*wanted, *gradients)):
        assert calls.distance(a.detach(), w.detach()) < 2e-3, name
