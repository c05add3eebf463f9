# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled attention, and programs around it, against NumPy in float64."""

import dataclasses
import itertools

import numpy as np
import pytest

from problems import (
    INF,
    NAMES,
    NAN,
    Arrays,
    Branch,
    Problem,
    assert_all_close,
    assert_close,
    expected,
    hilbert_4x4,
    permutation,
    random_arrays,
    rounded,
    tensor,
    with_orders,
)

# Ragged everywhere: 45 = 2 * 17 + 11 tokens, classes of 6, 6 and 5 positions,
# listed offsets beyond the residues of some segments.
PATTERNS = [
    (mode, causal, orders)
    for mode in ("keys", "both", "residues", "mixed")
    for causal in ("none", "token", "position")
    for orders in ("raster", "same", "separate")
    # Causality by position needs equal orders; elsewhere different ones say more.
    if (orders == "separate") == (causal != "position") or (causal, orders) == ("token", "raster")
]


# Several branches, others for each head: queries in all, some or none of them,
# keys met twice, segments that end in the middle of others'.
MIXED = (
    (1, (Branch(17, 3, "both", [2, 1]), Branch(11, 2, "both"), Branch(40, 3, "both", [2, 1]))),
    (1, (Branch(9, 2, "residues"), Branch(23, 4), Branch(17, 3, "both", [2, 1]))),
)


def pattern_problem(mode, causal, orders):
    p = Problem(segment=17, dilation=3, mode=mode, causal=causal)
    if mode == "mixed":
        p.groups = MIXED
    elif mode != "residues":
        p.offset = [2, 1]
    return with_orders(p, orders)


# ===----------------------------------------------------------------------===
# Sets of keys
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("mode,causal,orders", PATTERNS)
def test_foreign_keys(attend, mode, causal, orders):
    """Keys outside a query's set do not exist for it, even NaN or infinite."""
    p = pattern_problem(mode, causal, orders)
    x = random_arrays(p)
    sets = p.token_sets()
    wanted = expected(p, x)

    # For each head some clean queries; every key that they do not meet is
    # poisoned. The others may be anything.
    rng = np.random.default_rng(5)
    clean = np.zeros(sets.shape[:3], bool)
    for b, h in itertools.product(range(p.batch), range(p.heads)):
        count = (1, 4, 12)[(b + 2 * h) % 3]
        clean[b, h, rng.choice(p.queries, count, replace=False)] = True
    met = (sets & clean[..., None]).any(axis=2)
    poison = ~met
    assert poison.any()
    x = x.copy()
    bad = np.array([NAN, INF, -INF], np.float32)
    for b, h, j in np.argwhere(poison):
        x.k[b, j, h, :] = bad[j % 3]
        x.v[b, j, h, :] = bad[(j // 3) % 3]
    # Which queries that leaves clean, and which keys meet only those.
    clean = ~(sets & poison[:, :, None, :]).any(axis=-1)
    clean_keys = ~(sets & ~clean[..., None]).any(axis=2)

    actual = attend(p, x)
    out_rows = np.zeros_like(clean)
    for b in range(p.batch):
        out_rows[b][:, p.out_token(b)] = clean[b]
    by_query, by_key = clean.transpose(0, 2, 1), clean_keys.transpose(0, 2, 1)
    by_row = out_rows.transpose(0, 2, 1)
    assert by_row.any()
    for name, a, w, rows in zip(NAMES, actual, wanted, (by_row, out_rows, by_query, by_key, by_key)):
        assert_close(a[rows], w[rows], name=name)
    # Keys that nobody meets: the gradient is zero, not small.
    lonely = ~sets.any(axis=2).transpose(0, 2, 1)
    for gradient in actual[3:]:
        assert (gradient[lonely] == 0).all()


@pytest.mark.parametrize("mode,causal,orders", PATTERNS)
def test_empty_sets(attend, mode, causal, orders):
    """Queries without keys: out = 0, lse = -inf, no gradient from or to them."""
    p = pattern_problem(mode, causal, orders)
    # A last segment of two tokens, which has no key of residue 2.
    p.queries = p.keys = 36
    p = with_orders(p, orders)
    x = random_arrays(p, 1)
    wanted = expected(p, x)
    empty = ~p.token_sets().any(axis=-1)
    if mode in ("keys", "both") or (causal == "token" and orders == "separate"):
        assert empty.any()
    for b, h, i in np.argwhere(empty):
        row = p.out_token(b)[i]
        x.q[b, i, h] = (NAN, INF)[i % 2]
        x.dout[b, row, h] = (INF, NAN, NAN)[i % 3]
        x.dlse[b, h, row] = NAN
    out, lse, dq, dk, dv = actual = attend(p, x)
    assert_all_close(actual, wanted)
    assert (dq[empty.transpose(0, 2, 1)] == 0).all()
    assert (lse == -INF).sum() == empty.sum()
    assert (out[(lse == -INF).transpose(0, 2, 1)] == 0).all()


@pytest.mark.parametrize(
    "offset,dilation", [("head", 3), ("longnet", 3), ("longnet", 5), ([4, 0, 1, 3, 2, 2], 5)]
)
def test_offsets(attend, offset, dilation):
    p = Problem(batch=1, queries=40, keys=40, heads=6, key_heads=2, segment=16, dilation=dilation, offset=offset)
    for mode in ("keys", "both"):
        p.mode = mode
        x = random_arrays(p, 2)
        assert_all_close(attend(p, x), expected(p, x))


@pytest.mark.parametrize("segment,dilation", [(1, 1), (1, 7), (200, 1), (64, 200), (97, 2)])
def test_segment_borders(attend, segment, dilation):
    """Segments of one token, longer than the sequence, dilation beyond both."""
    p = Problem(batch=1, queries=97, keys=97, segment=segment, dilation=dilation, mode="residues")
    x = random_arrays(p, 3)
    assert_all_close(attend(p, x), expected(p, x))


def test_more_keys_than_queries(attend):
    """The segment covers both sides; causality is by token."""
    p = Problem(queries=13, keys=150, segment=150, dilation=4, mode="residues", causal="token")
    x = random_arrays(p, 4)
    assert_all_close(attend(p, x), expected(p, x))
    p = dataclasses.replace(p, queries=150, keys=13, mode="both", causal="none")
    x = random_arrays(p, 4)
    assert_all_close(attend(p, x), expected(p, x))


def test_no_keys(attend):
    p = Problem(queries=5, keys=0)
    x = random_arrays(p)
    x.q[:], x.dout[:] = NAN, NAN
    out, lse, dq, dk, dv = attend(p, x)
    assert (out == 0).all() and (lse == -INF).all() and (dq == 0).all()
    assert dk.shape == dv.shape == (2, 0, 2, 8)


# ===----------------------------------------------------------------------===
# Attention
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("dtype,tolerance", [("f32", 1e-5), ("f16", 2e-3), ("bf16", 1e-2)])
def test_dense(attend, dtype, tolerance):
    """Plain softmax(q kᵀ) v; lse is the logarithm of the sum of exponentials."""
    p = Problem(queries=130, keys=130, depth=24, dtype=dtype)
    x = random_arrays(p, 5)
    for name in ("q", "k", "v", "dout"):
        setattr(x, name, rounded(getattr(x, name), dtype))
    actual = attend(p, x)
    q, k, v = (a.astype(np.float64).transpose(0, 2, 1, 3) for a in (x.q, x.k, x.v))
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(24)
    lse = np.log(np.exp(scores).sum(-1))
    out = np.exp(scores - lse[..., None]) @ v
    assert_close(actual[0], out.transpose(0, 2, 1, 3), tolerance)
    # lse is f32 whatever the inputs are.
    assert_close(actual[1], lse, 1e-5)
    assert_all_close(actual, expected(p, x), tolerance)


def test_negative_infinite_scores(attend):
    """A key whose score is -inf has no weight."""
    p = Problem(batch=1, queries=70, keys=70)
    x = random_arrays(p, 6)
    x.q = np.abs(x.q)
    x.k[:, ::3] = -INF
    # A tile of nothing else, and the first one.
    x.k[:, :10] = -INF
    out, lse = attend(p, x)[:2]
    with np.errstate(invalid="ignore"):
        wanted = expected(p, x)
    assert_close(out, wanted[0])
    assert_close(lse, wanted[1])


def test_large_logits(attend):
    p = Problem(queries=100, keys=100, scale=100.0)
    x = random_arrays(p, 7)
    actual = attend(p, x)
    wanted = expected(p, x)
    assert np.abs(wanted[1]).max() > 1000
    # The logits themselves have errors of their size times 2^-24.
    assert_all_close(actual, wanted, 2e-3)
    p.scale = 1e30
    assert all(np.isfinite(a).all() for a in attend(p, x)[:2])


def test_scale_zero(attend):
    """Every key has the same weight; q and k get no gradient."""
    p = Problem(queries=50, keys=50, segment=20, scale=0.0)
    x = random_arrays(p, 8)
    actual = attend(p, x)
    assert_all_close(actual, expected(p, x))
    assert (actual[2] == 0).all() and (actual[3] == 0).all()


@pytest.mark.parametrize("orders", ["same", "separate"])
@pytest.mark.parametrize("mode,causal", [("keys", "none"), ("both", "token"), ("residues", "token")])
def test_orders(attend, orders, mode, causal):
    """One order for all, and orders of q, kv and out that have nothing in common."""
    p = with_orders(Problem(queries=77, keys=77, segment=30, dilation=2, mode=mode, causal=causal), orders)
    x = random_arrays(p, 9)
    assert_all_close(attend(p, x), expected(p, x))


def test_single_orders(attend):
    """Each order alone: the others are raster."""
    x = random_arrays(Problem(batch=1, queries=40, keys=40), 10)
    for name in ("q_order", "kv_order", "out_order"):
        p = Problem(batch=1, queries=40, keys=40, segment=12, causal="token", **{name: permutation(40, 11)})
        assert_all_close(attend(p, x), expected(p, x))


def test_static_order(attend):
    """A static curve is its table."""
    table = hilbert_4x4()
    p = Problem(
        queries=16,
        keys=16,
        segment=4,
        q_order=table,
        kv_order=table,
        out_order=table,
        static_order="#hilbert.order<hilbert, [4, 4]>",
    )
    x = random_arrays(p, 12)
    wanted = expected(p, x)
    actual = attend(p, x)
    assert_all_close(actual, wanted)
    p.static_order = None
    for a, b in zip(actual, attend(p, x)):
        assert np.array_equal(a, b)


def test_grouped_heads(attend):
    """Grouped heads are repeated ones; gradients of a key head add up."""
    p = Problem(heads=6, key_heads=2, queries=50, keys=50, segment=24, dilation=2, offset="head", causal="token")
    x = random_arrays(p, 13)
    actual = attend(p, x)
    repeated = x.copy()
    repeated.k, repeated.v = (np.repeat(a, 3, axis=2) for a in (x.k, x.v))
    single = attend(dataclasses.replace(p, key_heads=6), repeated)
    for a, b in zip(actual[:3], single[:3]):
        assert np.array_equal(a, b)
    for a, b in zip(actual[3:], single[3:]):
        assert_close(a, b.reshape(2, 50, 2, 3, 8).sum(axis=3))


def test_layouts(attend):
    """bhnd is bnhd transposed, bit by bit."""
    p = Problem(heads=4, segment=17, dilation=2, mode="both", offset="head", causal="token")
    p = with_orders(p, "separate")
    x = random_arrays(p, 14)
    for a, b in zip(attend(p, x), attend(dataclasses.replace(p, layout="bhnd"), x)):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("causal", ["none", "position"])
def test_residues_are_a_permutation(attend, causal):
    """Dilated residues are segments of the sequence sorted by residue."""
    n, w, r = 96, 24, 4
    order = permutation(n, 15)
    p = Problem(queries=n, keys=n, segment=w, dilation=r, mode="residues", causal=causal)
    p.q_order = p.kv_order = p.out_order = order
    # Sorted by (segment, residue), in a stable way.
    positions = np.arange(n).reshape(n // w, w // r, r).transpose(0, 2, 1).ravel()
    sorted_order = order[positions]
    folded = Problem(queries=n, keys=n, segment=w // r, causal=causal)
    folded.q_order = folded.kv_order = folded.out_order = sorted_order
    x = random_arrays(p, 16)
    for name, a, b in zip(NAMES, attend(p, x), attend(folded, x)):
        assert_close(a, b, 1e-6, name)


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_determinism(attend, dtype):
    """The same bits in every run, whatever the number of threads."""
    p = Problem(heads=6, key_heads=2, queries=150, keys=150, dtype=dtype, segment=70, causal="token")
    p = with_orders(p, "separate")
    x = random_arrays(p, 17)
    first = attend(p, x)
    for threads in (1, 2, 5):
        for a, b in zip(first, attend(p, x, f"--num-threads={threads}")):
            assert a.tobytes() == b.tobytes()


# ===----------------------------------------------------------------------===
# Programs around attention
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("rank", [1, 2])
def test_reorder(execute, rank):
    """result[p] = source[π(p)]; restore undoes it, to the bit."""
    x = np.random.default_rng(18).standard_normal((3, 45, 2, 8), np.float32)
    x.ravel()[:6] = [NAN, INF, -INF, -0.0, 1e-45, 3e38]
    table = permutation(45, 19, 3 if rank == 2 else None).astype(np.int32)
    t, o = tensor(x.shape, "f32"), tensor(table.shape, "i32")

    def text(op):
        return f"""
func.func @f(%x: {t}, %p: {o}) -> {t} {{
  %0 = hilbert.{op} %x dim 1 order(%p : {o}) : {t}
  return %0 : {t}
}}
"""

    (y,) = execute(text("reorder"), [x, table])
    tables = table if rank == 2 else np.stack([table] * 3)
    wanted = np.stack([x[b][tables[b]] for b in range(3)])
    assert y.tobytes() == wanted.tobytes()
    (z,) = execute(text("restore"), [y, table])
    assert z.tobytes() == x.tobytes()


@pytest.mark.parametrize("order", ["hilbert, [5, 9]", "morton, [3, 3, 5]", "snake, [9, 5], tile = [4, 2]"])
def test_static_round_trip(execute, order):
    """restore(reorder(x)) = x in one program."""
    t = "tensor<2x45x6xf32>"
    text = f"""
#o = #hilbert.order<{order}>
func.func @f(%x: {t}) -> ({t}, {t}) {{
  %0 = hilbert.reorder %x dim 1 order(#o) : {t}
  %1 = hilbert.restore %0 dim 1 order(#o) : {t}
  return %0, %1 : {t}, {t}
}}
"""
    x = np.random.default_rng(20).standard_normal((2, 45, 6), np.float32)
    y, z = execute(text, [x])
    assert z.tobytes() == x.tobytes()
    # A permutation of the tokens, the same in both batch items.
    table = [int(np.flatnonzero((x[0] == row).all(axis=1))[0]) for row in y[0]]
    assert sorted(table) == list(range(45)) and table != list(range(45))
    assert np.array_equal(y, x[:, table])


@pytest.mark.parametrize("shape", ["heads", "axis"])
def test_packed(execute, shape):
    """q, k and v as slices of one tensor; the gradient has its shape."""
    p = Problem(batch=2, queries=45, keys=45, segment=17, causal="token")
    x = random_arrays(p, 21)
    heads = shape == "heads"
    packed = (2, 45, 6, 8) if heads else (2, 45, 3, 2, 8)
    t, s, l = tensor(packed, "f32"), tensor((2, 45, 2, 8), "f32"), tensor((2, 2, 45), "f32")
    slices = "\n".join(
        f"  %{name} = tensor.extract_slice %x"
        + (f"[0, 0, {2 * i}, 0] [2, 45, 2, 8] [1, 1, 1, 1]" if heads else f"[0, 0, {i}, 0, 0] [2, 45, 1, 2, 8] [1, 1, 1, 1, 1]")
        + f" : {t} to {s}"
        for i, name in enumerate("qkv")
    )
    text = f"""
func.func @f(%x: {t}, %dout: {s}, %dlse: {l}) -> ({s}, {l}, {s}, {s}, {s}) {{
{slices}
  %0 = tensor.empty() : {s}
  %1 = tensor.empty() : {l}
  %out, %lse = hilbert.attention ins(%q, %k, %v : {s}, {s}, {s}) outs(%0, %1 : {s}, {l})
      pattern<(segment = 17)> causal<token>
  %dq, %dk, %dv = hilbert.attention_grad
      ins(%q, %k, %v, %out, %lse, %dout : {s}, {s}, {s}, {s}, {l}, {s})
      dlse(%dlse : {l}) outs(%0, %0, %0 : {s}, {s}, {s}) pattern<(segment = 17)> causal<token>
  return %out, %lse, %dq, %dk, %dv : {s}, {l}, {s}, {s}, {s}
}}
"""
    stacked = np.stack([x.q, x.k, x.v], axis=2)
    inputs = [stacked.reshape(packed), x.dout, x.dlse]
    assert_all_close(execute(text, inputs), expected(p, x))

    # The gradient that the compiler writes, of a function that adds to out: the
    # gradient of what is added is that of the result.
    text = f"""
func.func @f(%x: {t}, %a: {s}, %b: {l}) -> ({s}, {l}) {{
{slices}
  %0 = tensor.empty() : {s}
  %1 = tensor.empty() : {l}
  %out, %lse = hilbert.attention ins(%q, %k, %v : {s}, {s}, {s}) outs(%0, %1 : {s}, {l})
      pattern<(segment = 17)> causal<token>
  %2 = arith.addf %out, %a : {s}
  %3 = arith.addf %lse, %b : {l}
  return %2, %3 : {s}, {l}
}}
"""
    out, lse, dx, x.dout, x.dlse = execute(text, [inputs[0], 0 * x.dout, 0 * x.dlse], "--grad")
    assert np.abs(x.dout).min() > 0 and np.abs(x.dlse).min() > 0
    wanted = expected(p, x)
    assert_close(out, wanted[0])
    assert_close(lse, wanted[1])
    assert_close(dx.reshape(2, 45, 3, 2, 8), np.stack(wanted[2:], axis=2))


ELEMENTWISE = """
!t = tensor<2x45x2x8xf32>
!l = tensor<2x2x45xf32>
func.func @f(%q: !t, %k: !t, %v: !t, %g: !t, %a: !t, %b: !l) -> (!t, !l) {
  %q1 = arith.mulf %q, %g : !t
  %k1 = arith.subf %k, %g : !t
  %v1 = arith.divf %v, %g : !t
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %out, %lse = hilbert.attention ins(%q1, %k1, %v1 : !t, !t, !t)
      outs(%0, %1 : !t, !l) pattern<(segment = 17, dilation = 2)>
  %2 = arith.mulf %out, %g : !t
  %3 = arith.negf %2 : !t
  %4 = arith.addf %3, %a : !t
  %5 = arith.addf %lse, %b : !l
  return %4, %5 : !t, !l
}
"""


def elementwise_arrays(p):
    x = random_arrays(p, 22)
    g = np.random.default_rng(23).uniform(0.5, 2, x.q.shape).astype(np.float32)
    return x, g, [x.q, x.k, x.v, g, np.zeros_like(g), np.zeros_like(x.dlse)]


def test_elementwise(execute):
    """Products, quotients and sums around attention, and gradients through them."""
    p = Problem(segment=17, dilation=2)
    x, g, inputs = elementwise_arrays(p)
    result, lse, dq, dk, dv, dg, da, db = execute(ELEMENTWISE, inputs, "--grad")
    inner = Arrays(x.q * g, x.k - g, x.v / g, -da * g, db)
    out, wanted_lse, dq1, dk1, dv1 = expected(p, inner)
    assert_close(result, -out * g)
    assert_close(lse, wanted_lse)
    assert_close(dq, dq1 * g)
    assert_close(dk, dk1)
    assert_close(dv, dv1 / g)
    assert_close(dg, dq1 * x.q - dk1 - dv1 * x.v / g**2 - da * out)


def test_calls_leave_arguments_alone(execute):
    """A call does not write what it is given: the next gives the same."""
    p = Problem(segment=17, dilation=2)
    x, g, inputs = elementwise_arrays(p)
    once = execute(ELEMENTWISE, inputs)
    thrice = execute(ELEMENTWISE, inputs, "--repeat=3")
    for a, b in zip(once, thrice, strict=True):
        assert a.tobytes() == b.tobytes()
    out, lse = expected(p, Arrays(x.q * g, x.k - g, x.v / g, x.dout, x.dlse))[:2]
    assert_close(once[0], -out * g)
    assert_close(once[1], lse)
