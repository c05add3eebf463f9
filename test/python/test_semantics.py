# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What attention means, checked with NumPy in float64.

Nothing here uses the project's reference: sets of keys come from the definition
of patterns, position by position, results and gradients from the textbook.
"""

import dataclasses
import itertools

import numpy as np
import pytest

NAN, INF = float("nan"), float("inf")


# ===----------------------------------------------------------------------===
# Problems
# ===----------------------------------------------------------------------===


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
    segment: int = None  # None is dense.
    dilation: int = 1
    mode: str = "keys"
    offset: object = "zero"
    causal: str = "none"
    layout: str = "bnhd"
    scale: float = None
    # Permutations, or None for raster; text instead of a table where static.
    q_order: np.ndarray = None
    kv_order: np.ndarray = None
    out_order: np.ndarray = None
    static_order: str = None  # Of all three, which then hold its table.

    def offset_of(self, head):
        if self.offset == "zero":
            return 0
        if self.offset == "head":
            return head % self.dilation
        if self.offset == "longnet":
            return head // -(-self.heads // self.dilation)
        return self.offset[head]

    def meets(self, head):
        """[B, queries, keys]: which positions meet which, of one head."""
        p = np.arange(self.queries)[:, None]
        other = np.arange(self.keys)[None, :]
        segment = self.segment or max(self.queries, self.keys)
        residue, other_residue = p % segment % self.dilation, other % segment % self.dilation
        allowed = p // segment == other // segment
        if self.mode == "residues":
            allowed &= residue == other_residue
        else:
            allowed &= other_residue == self.offset_of(head)
        if self.mode == "both":
            allowed &= residue == self.offset_of(head)
        if self.causal == "position":
            allowed &= other <= p
        allowed = np.broadcast_to(allowed, (self.batch, *allowed.shape)).copy()
        if self.causal == "token":
            for b in range(self.batch):
                q, k = self.table(self.q_order, b, self.queries), self.table(self.kv_order, b, self.keys)
                allowed[b] &= k[None, :] <= q[:, None]
        return allowed

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

    def token_sets(self):
        """[B, H, queries, keys] by token of q and of k (orders undone)."""
        sets = np.zeros((self.batch, self.heads, self.queries, self.keys), bool)
        for h in range(self.heads):
            meets = self.meets(h)
            for b in range(self.batch):
                q, k = self.table(self.q_order, b, self.queries), self.table(self.kv_order, b, self.keys)
                sets[b, h][np.ix_(q, k)] = meets[b]
        return sets

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
    sets = p.token_sets()
    out, lse = np.zeros_like(q), np.full((p.batch, p.heads, p.queries), -INF)
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for b, h in itertools.product(range(p.batch), range(p.heads)):
        target = p.out_token(b)
        for i in range(p.queries):
            keys = np.flatnonzero(sets[b, h, i])
            if not len(keys):
                continue
            kk, vv = k[b, keys, h // group], v[b, keys, h // group]
            s = kk @ q[b, i, h] * scale
            m = s.max()
            e = np.exp(s - m)
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
    if p.segment or p.dilation > 1 or p.mode != "keys":
        offset = "" if p.mode == "residues" else f", offset = {p.offset}"
        rest += f" pattern<(segment = {p.segment or 'dense'}, dilation = {p.dilation}, mode = {p.mode}{offset})>"
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


@pytest.fixture
def execute(run, tmp_path):
    """execute(text, inputs, *options) -> results out0, … (and grad0, …)."""

    def call(text, inputs, *options, dtypes=()):
        arguments = []
        for i, (array, dtype) in enumerate(itertools.zip_longest(inputs, dtypes)):
            path = tmp_path / f"in{i}.npy"
            save(path, array, dtype)
            arguments.append(f"--input={path}")
        folder = tmp_path / "results"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        result = run(text, *arguments, f"--save={folder}", *options)
        assert result.returncode == 0, f"{text}\n{result.stdout}{result.stderr}"
        return [
            load(folder / f"{kind}{i}.npy")
            for kind in ("out", "grad")
            for i in range(len(list(folder.glob(f"{kind}*.npy"))))
        ]

    return call


@pytest.fixture
def attend(execute):
    """attend(problem, arrays) -> (out, lse, dq, dk, dv), [B, N, H, D]."""

    def call(p, x, *options):
        swap = (lambda a: a.transpose(0, 2, 1, 3)) if p.layout == "bhnd" else (lambda a: a)
        inputs = [swap(x.q), swap(x.k), swap(x.v), swap(x.dout), x.dlse]
        inputs += [order.astype(np.int32) for _, order in p.tables()]
        results = execute(program(p), inputs, *options, dtypes=[p.dtype] * 4)
        return [r if i == 1 else swap(r) for i, r in enumerate(results)]

    return call


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


# Ragged everywhere: 45 = 2 * 17 + 11 tokens, classes of 6, 6 and 5 positions,
# listed offsets beyond the residues of some segments.
PATTERNS = [
    (mode, causal, orders)
    for mode in ("keys", "both", "residues")
    for causal in ("none", "token", "position")
    for orders in ("raster", "same", "separate")
    # Causality by position needs equal orders; elsewhere different ones say more.
    if (orders == "separate") == (causal != "position") or (causal, orders) == ("token", "raster")
]


def pattern_problem(mode, causal, orders):
    p = Problem(segment=17, dilation=3, mode=mode, causal=causal)
    if mode != "residues":
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
    if mode != "residues" or (causal == "token" and orders == "separate"):
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
