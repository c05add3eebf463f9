# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several branches and head groups; test_semantics.py has their sets of keys."""

import dataclasses

import numpy as np
import pytest
import torch

import hilbert_attention as ha
from problems import INF, Arrays, Branch, Problem, assert_all_close, assert_close, expected, random_arrays, rounded, with_orders

# LongNet's: segments and dilations grow, each head starts elsewhere.
LONGNET = (Branch(16, 1, "both"), Branch(48, 2, "both", "head"), Branch(None, 4, "both", "head"))
# Runs of heads that begin and end within those of a key head.
UNEVEN = (
    (1, (Branch(16), Branch(None, 5, "residues"))),
    (4, (Branch(33, 2, "keys", "head"),)),
    (1, LONGNET),
    (3, (Branch(20, 3, "both", "longnet"), Branch(20, 3, "both", "longnet"))),
)


@pytest.mark.parametrize(
    "key_heads,causal,orders,layout",
    [(1, "none", "separate", "bnhd"), (3, "token", "separate", "bhnd"), (9, "position", "same", "bnhd")],
)
@pytest.mark.parametrize("groups", [((9, LONGNET),), UNEVEN], ids=["longnet", "uneven"])
def test_mixtures(attend, groups, key_heads, causal, orders, layout):
    p = Problem(queries=131, keys=131, heads=9, key_heads=key_heads, groups=groups, causal=causal, layout=layout)
    p = with_orders(p, orders)
    x = random_arrays(p, key_heads)
    assert_all_close(attend(p, x), expected(p, x))


def test_multiset(attend):
    """A key that three branches reach counts three times."""
    branch = Branch(20, 3, "keys", "head")
    p = Problem(queries=70, keys=70, groups=((2, (branch,)),))
    x = random_arrays(p, 30)
    once = attend(p, x)
    thrice = attend(dataclasses.replace(p, groups=((2, (branch,) * 3),)), x)
    assert_close(thrice[1] - once[1], np.full_like(once[1], np.log(3)), 1e-6)
    for a, b in zip(thrice[:1] + thrice[2:], once[:1] + once[2:]):
        assert_close(a, b)


def test_order_of_branches(attend):
    """The sum over branches does not depend on which comes first."""
    p = Problem(heads=4, key_heads=2, causal="token")
    x = random_arrays(p, 31)
    a, b = (attend(dataclasses.replace(p, groups=((4, branches),)), x) for branches in (LONGNET, LONGNET[::-1]))
    assert_all_close(a, b)


def test_mixing(attend):
    """One softmax is the branches' outputs, mixed by the softmax of their lse."""
    p = Problem(queries=100, keys=100)
    x = random_arrays(p, 32)
    outs, lses = zip(*(attend(dataclasses.replace(p, groups=((2, (b,)),)), x)[:2] for b in LONGNET))
    assert any((lse == -INF).any() for lse in lses)
    lse = np.logaddexp.reduce(lses)
    with np.errstate(invalid="ignore"):
        weights = np.where(lse == -INF, 0, np.exp(np.stack(lses) - lse))
    out = (weights.transpose(0, 1, 3, 2)[..., None] * np.stack(outs)).sum(0)
    actual = attend(dataclasses.replace(p, groups=((2, LONGNET),)), x)
    assert_close(actual[0], out)
    assert_close(actual[1], lse)


def test_foreign_branch(attend):
    """What one branch's keys hold does not reach queries that take no part in it."""
    p = Problem(batch=1, queries=64, keys=64, groups=((2, (Branch(8), Branch(64, 4, "both", [1, 3]))),))
    x = random_arrays(p, 33)
    clean = attend(p, x)
    # In head 1 this key has residue 3, and belongs to the last segment of eight.
    x.k[0, 59, 1], x.v[0, 59, 1] = np.nan, INF
    poisoned = attend(p, x)
    rows = [i for i in range(56) if i % 4 != 3]
    for a, b in zip((clean[0], clean[2]), (poisoned[0], poisoned[2])):
        assert a[0, rows, 1].tobytes() == b[0, rows, 1].tobytes()
        assert a[0, :, 0].tobytes() == b[0, :, 0].tobytes()
        assert np.isnan(b[0, [3, 7, 56], 1]).all()


def test_head_groups_are_slices(attend):
    """Heads of a group are an attention of their own; key heads get the sum."""
    branches = [branches for _, branches in UNEVEN]
    # Offsets depend on the number of the head among all, so none here.
    branches = [tuple(dataclasses.replace(b, offset="zero") for b in group) for group in branches]
    sizes = [size for size, _ in UNEVEN]
    p = Problem(queries=90, keys=90, heads=9, key_heads=3, groups=tuple(zip(sizes, branches)), causal="token")
    x = random_arrays(p, 34)
    out, lse, dq, dk, dv = attend(p, x)
    sums = np.zeros_like(dk), np.zeros_like(dv)
    begin = 0
    for size, group in zip(sizes, branches):
        for h in range(begin, begin + size):
            one, kv = slice(h, h + 1), slice(h // 3, h // 3 + 1)
            single = Problem(queries=90, keys=90, heads=1, key_heads=1, groups=((1, group),), causal="token")
            y = Arrays(x.q[:, :, one], x.k[:, :, kv], x.v[:, :, kv], x.dout[:, :, one], x.dlse[:, one])
            results = attend(single, y)
            assert np.array_equal(out[:, :, one], results[0])
            assert np.array_equal(lse[:, one], results[1])
            assert np.array_equal(dq[:, :, one], results[2])
            sums[0][:, :, kv] += results[3]
            sums[1][:, :, kv] += results[4]
        begin += size
    assert_close(dk, sums[0])
    assert_close(dv, sums[1])


@pytest.mark.parametrize("groups", [((3, LONGNET),), ((1, LONGNET), (2, (Branch(24), Branch(31, 2))))])
@pytest.mark.parametrize("dtype,bits", [("f16", 11), ("bf16", 8)])
def test_rounded_once(attend, dtype, bits, groups):
    """Each result is the f32 one, rounded: half a unit in its last place."""
    p = Problem(queries=97, keys=97, heads=3, key_heads=1, groups=groups)
    x = random_arrays(p, 35)
    for name in ("q", "k", "v", "dout"):
        setattr(x, name, rounded(getattr(x, name), dtype))
    narrow = attend(dataclasses.replace(p, dtype=dtype), x)
    wide = attend(p, x)
    assert np.array_equal(narrow[1], wide[1])
    assert (np.abs(narrow[0] - wide[0]) <= 2.0**-bits * np.abs(wide[0])).all()
    # The gradient reads out, which was rounded; so was its reference.
    assert_all_close(narrow, expected(p, x), 2.0 ** (2 - bits))


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_determinism(attend, dtype):
    """The same bits whatever the number of threads."""
    groups = ((2, LONGNET[:2]), (4, (Branch(33),)))
    p = Problem(queries=150, keys=150, heads=6, key_heads=2, dtype=dtype, groups=groups, causal="token")
    p = with_orders(p, "separate")
    x = random_arrays(p, 36)
    first = attend(p, x)
    for threads in (1, 5):
        for a, b in zip(first, attend(p, x, f"--num-threads={threads}")):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("layout", ["bnhd", "bhnd"])
def test_branches_mixed_by_torch(layout, monkeypatch):
    """What a GPU does with several branches, with the CPU's kernels: the same numbers."""
    from hilbert_attention import _torch

    monkeypatch.setattr(_torch, "_launch_settings", lambda q: ())
    run_grad = _torch._run_grad
    monkeypatch.setattr(_torch, "_run_grad", lambda *arguments, on_device: run_grad(*arguments))
    shape = (2, 45, 4, 16) if layout == "bnhd" else (2, 4, 45, 16)
    q, k, v, dout = (torch.randn(shape) for _ in range(4))
    dlse = torch.randn(2, 4, 45)
    # Some queries are in no branch, some in several.
    both = "(segment = 16, dilation = 4, mode = both, offset = head)"
    pattern = f"{both} + (segment = 7, dilation = 3, mode = both) + {both}"
    arguments = (None, None, None, (), (), (), pattern, "token", layout, 0.25)
    expected = _torch._run(q, k, v, *arguments)
    assert torch.isinf(expected[1]).any()
    with pytest.warns(ha.PerformanceWarning, match="3 branches run one after the other"):
        actual = _torch._run_cuda(q, k, v, *arguments)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)
    actual = _torch._run_grad_cuda(q, k, v, *arguments, *actual, dout, dlse)
    expected = run_grad(q, k, v, *arguments, *expected, dout, dlse)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)
