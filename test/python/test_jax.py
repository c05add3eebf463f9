# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""hilbert_attention.jax against the float64 reference and JAX's own autodiff."""

import concurrent.futures
import ctypes
import functools
import subprocess
import sys

import numpy as np
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp
from jax.test_util import check_grads

import hilbert_attention.jax
import reference
from hilbert_attention import Branch, Order, _C
from hilbert_attention.jax import attention
from problems import SEED

TOLERANCE = {"float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}


@pytest.fixture
def rng(request):
    """Fresh random numbers, repeatable by HILBERT_TEST_SEED; a failure prints it."""
    print(f"HILBERT_TEST_SEED={SEED}")
    return np.random.default_rng([SEED, *request.node.name.encode()])


def normal(rng, *shape, dtype="float32"):
    return jnp.asarray(rng.standard_normal(shape), dtype)


def permutations(rng, tokens, batch):
    return np.stack([rng.permutation(tokens) for _ in range(batch)])


def kernels():
    """How many kernels this process has compiled, or loaded from the cache folder."""
    statistics = _C.statistics()
    return statistics["compilations"] + statistics["disk_hits"]


def assert_all_close(actual, wanted, tolerance=1e-5):
    for i, (a, w) in enumerate(zip(jax.tree.leaves(actual), jax.tree.leaves(wanted), strict=True)):
        reference.assert_close(a, np.asarray(w, np.float64), tolerance, f"result {i}")


# ===----------------------------------------------------------------------===
# Against the reference
# ===----------------------------------------------------------------------===


def random_order(rng, batch, tokens):
    """(what attention() takes, its table)"""
    kind = rng.choice(["raster", "extents", "length", "tiled", "table", "tables"])
    if kind == "raster":
        return None, None
    if kind == "table":
        table = rng.permutation(tokens)
        return table.astype(rng.choice([np.int32, np.int64])), table
    if kind == "tables":
        table = permutations(rng, tokens, batch)
        return jnp.asarray(table, jnp.int32), table
    height = next(h for h in range(int(tokens**0.5), 0, -1) if tokens % h == 0)
    grid = (height, tokens // height)
    order = {"extents": grid, "length": tokens, "tiled": Order(grid, "morton", tile=(2, 4))}[kind]
    spec = order.spec if kind == "tiled" else Order(order).spec
    return order, _C.order_table(spec)


def random_branch(rng, heads, tokens):
    segment = int(rng.choice([tokens, *rng.integers(1, tokens + 9, 3)]))
    dilation = int(rng.integers(1, 4))
    mode = str(rng.choice(["keys", "both", "residues"]))
    offset = "zero"
    if mode != "residues":
        rules = ["zero", "head", "longnet", rng.integers(0, dilation, heads).tolist()]
        offset = rules[rng.integers(len(rules))]
    return segment, dilation, mode, offset


@pytest.mark.parametrize("index", range(16))
def test_random(rng, index):
    """out, lse and gradients; inside jit and outside, in turn."""
    dtype, layout = ["float32", "bfloat16", "float16"][index % 3], ["bnhd", "bhnd"][index % 2]
    batch, tokens = int(rng.integers(1, 4)), int(rng.integers(1, 70))
    key_heads, depth = int(rng.integers(1, 4)), 8 * int(rng.integers(1, 8))
    heads = key_heads * int(rng.integers(1, 4))
    branches = [random_branch(rng, heads, tokens) for _ in range(rng.integers(1, 4))]
    causal = [None, "token", "position"][rng.integers(3)]
    orders, tables = {}, {}
    for name in "order", "kv_order", "out_order":
        if name == "order" or rng.integers(2) and (causal, name) != ("position", "kv_order"):
            orders[name], tables[name] = random_order(rng, batch, tokens)
    scale = float(rng.uniform(0.1, 0.5))
    options = {"causal": causal, "layout": layout}

    def shape(heads):
        return (batch, tokens, heads, depth) if layout == "bnhd" else (batch, heads, tokens, depth)

    q, k, v, dout = (normal(rng, *shape(h), dtype=dtype) for h in (heads, key_heads, key_heads, heads))
    dlse = normal(rng, batch, heads, tokens)

    def run(q, k, v, dout, dlse, scale, orders):
        f = functools.partial(
            attention, branches=[Branch(*b) for b in branches], scale=scale, return_lse=True, **orders, **options
        )
        results, pullback = jax.vjp(f, q, k, v)
        return *results, *pullback((dout, dlse))

    arrays = {name: order for name, order in orders.items() if isinstance(order, (np.ndarray, jax.Array))}
    static = {name: order for name, order in orders.items() if name not in arrays}
    if index % 4:
        traced = jax.jit(lambda *a: run(*a[:-1], {**static, **a[-1]}))
        results = traced(q, k, v, dout, dlse, scale, arrays)
    else:
        results = run(q, k, v, dout, dlse, scale, orders)
    assert [x.dtype for x in results] == [dtype, jnp.float32, dtype, dtype, dtype]

    first = tables.get("order")
    # None given explicitly is the default: the order of q.
    kv_table, out_table = (first if orders.get(name) is None else tables[name] for name in ("kv_order", "out_order"))
    wanted = reference.attention(
        q, k, v, q_order=first, kv_order=kv_table, out_order=out_table, branches=branches, scale=scale,
        dout=dout, dlse=dlse, **options,
    )  # fmt: skip
    assert_all_close(results, wanted, TOLERANCE[dtype])


def test_other_number_of_keys(rng):
    q, k, v = normal(rng, 2, 19, 2, 8), normal(rng, 2, 45, 1, 8), normal(rng, 2, 45, 1, 8)
    order, kv_order = rng.permutation(19), permutations(rng, 45, 2)
    out, lse = attention(q, k, v, order=order, kv_order=kv_order, return_lse=True)
    wanted = reference.attention(q, k, v, q_order=order, kv_order=kv_order, out_order=order)
    assert_all_close((out, lse), wanted[:2])


def test_keys_outside_of_a_set_do_not_matter(rng):
    """Positions 16.. are another segment: NaN there does not reach 0..15."""
    q, k, v = (normal(rng, 1, 37, 2, 8) for _ in range(3))
    order = rng.permutation(37)
    inside, outside = order[:16], order[16:]
    k, v = k.at[:, outside].set(jnp.nan), v.at[:, outside].set(jnp.inf)
    out, pullback = jax.vjp(lambda *x: attention(*x, order=order, segment=16)[:, inside], q, k, v)
    clean = [x.at[:, outside].set(0) for x in (k, v)]
    dout = normal(rng, *out.shape)
    full = jnp.zeros_like(q).at[:, inside].set(dout)
    wanted = reference.attention(q, *clean, **dict.fromkeys(["q_order", "kv_order", "out_order"], order),
                                 branches=[(16, 1, "keys", "zero")], dout=full)  # fmt: skip
    assert_all_close(out, wanted[0][:, inside])
    assert_all_close([x[:, inside] for x in pullback(dout)], [x[:, inside] for x in wanted[2:]])


def test_empty_sets(rng):
    """Mode both leaves out queries: out = 0, lse = -inf, gradient exactly 0."""
    q, k, v = (normal(rng, 1, 21, 1, 8) for _ in range(3))
    f = jax.jit(functools.partial(attention, segment=8, dilation=2, mode="both", return_lse=True))
    (out, lse), pullback = jax.vjp(f, q, k, v)
    idle = np.arange(21) % 8 % 2 == 1
    assert (out[:, idle] == 0).all() and (lse[..., idle] == -jnp.inf).all()
    for gradient in pullback((normal(rng, *out.shape), normal(rng, *lse.shape))):
        assert (gradient[:, idle] == 0).all() and (gradient[:, ~idle] != 0).all()


@pytest.mark.parametrize(("batch", "queries", "keys"), [(0, 5, 5), (2, 0, 0), (2, 5, 0), (2, 0, 5)])
def test_nothing(rng, batch, queries, keys):
    """Sizes may be 0; a query without keys gives 0 and -inf."""
    q, k, v = normal(rng, batch, queries, 2, 8), *(normal(rng, batch, keys, 2, 8) for _ in range(2))
    (out, lse), pullback = jax.vjp(functools.partial(attention, return_lse=True), q, k, v)
    gradients = pullback((normal(rng, *out.shape), normal(rng, *lse.shape)))
    assert_all_close((out, lse, *gradients), reference.attention(q, k, v))


def test_numpy_arrays(rng):
    """k, v and tables may be NumPy arrays; NumPy arrays alone stay with NumPy."""
    q, k, v = (rng.standard_normal((1, 9, 1, 8), np.float32) for _ in range(3))
    order = rng.permutation(9)
    out = attention(jnp.asarray(q), k, v, order=order)
    assert isinstance(out, jax.Array)
    same = attention(q, k, v, order=order)
    assert isinstance(same, np.ndarray) and (same == out).all()


# ===----------------------------------------------------------------------===
# Transformations
# ===----------------------------------------------------------------------===


def composite(q, k, v, tables, scale, segment):
    """(out, lse) in plain JAX: gather, masked softmax, scatter; tables are [B, N]."""
    rows = jnp.arange(q.shape[0])[:, None]
    group = q.shape[2] // k.shape[2]
    q, k, v = q[rows, tables], *(jnp.repeat(x[rows, tables], group, 2) for x in (k, v))
    blocks = jnp.arange(q.shape[1]) // segment
    s = jnp.where(blocks[:, None] == blocks, jnp.einsum("bnhd,bmhd->bhnm", q, k) * scale, -jnp.inf)
    lse = jax.nn.logsumexp(s, -1)
    out = jnp.einsum("bhnm,bmhd->bnhd", jnp.exp(s - lse[..., None]), v)
    inverse = jnp.argsort(tables, 1)
    return out[rows, inverse], jnp.moveaxis(jnp.moveaxis(lse, 1, 2)[rows, inverse], 2, 1)


def fused(q, k, v, tables, scale, segment):
    return attention(q, k, v, order=tables, scale=scale, segment=segment, return_lse=True)


@pytest.fixture
def problem(rng):
    """q, k, v, tables, scale"""
    shapes = (2, 45, 4, 16), (2, 45, 2, 16), (2, 45, 2, 16)
    return *(normal(rng, *s) for s in shapes), jnp.asarray(permutations(rng, 45, 2)), jnp.float32(0.3)


def loss(f):
    """A function of q, k, v, tables and scale that is not linear in out and lse."""
    return lambda *x: sum(jnp.sum(jnp.sin(y)) for y in f(*x, segment=16))


def scanned(f):
    """f three times, each on the result of the one before."""

    def run(q, k, v, tables, scale, segment):
        def layer(q, _):
            out, lse = f(q, k, v, tables, scale, segment)
            return out, lse

        return jax.lax.scan(layer, q, None, length=3)

    return run


plain = lambda f: f
jitted = functools.partial(jax.jit, static_argnames="segment")
checkpointed = functools.partial(jax.checkpoint, static_argnums=5)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [(plain, plain), (jax.jit, plain), (plain, jitted), (jax.jit, checkpointed), (jax.jit, scanned)],
    ids=["eager", "jit of grad", "grad of jit", "checkpoint", "scan"],
)
def test_gradients(problem, outer, inner):
    def value_and_grad(f):
        return jax.value_and_grad(loss(lambda *x, segment: f(*x, segment)), (0, 1, 2))

    wanted = jax.jit(value_and_grad(scanned(composite) if inner is scanned else composite))(*problem)
    assert_all_close(outer(value_and_grad(inner(fused)))(*problem), wanted, 2e-5)


def test_gradient_of_lse_alone(problem):
    grad = functools.partial(jax.grad, argnums=(0, 1, 2))
    actual = grad(lambda *x: jnp.sum(jnp.cos(fused(*x, 16)[1])))(*problem)
    assert_all_close(actual, grad(lambda *x: jnp.sum(jnp.cos(composite(*x, 16)[1])))(*problem))


def test_finite_differences(problem):
    *tensors, tables, scale = problem

    def f(*x):  # check_grads calls it with NumPy arrays, too.
        return fused(*map(jnp.asarray, x), tables, scale, 16)

    check_grads(f, tensors, order=1, modes=["rev"], eps=1e-2, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(
    "axes",
    [(0, 0, 0, 0, 0), (1, None, None, None, 0), (None, 2, 0, 0, None)],
    ids=str,
)
def test_vmap(rng, axes):
    """Any mix of mapped and shared operands, as a loop; gradients, too."""
    shapes = [(2, 21, 2, 8)] * 3
    q, k, v = (normal(rng, *((*s[:a], 3, *s[a:]) if a is not None else s)) for s, a in zip(shapes, axes))
    tables = permutations(rng, 21, 6).reshape(3, 2, 21) if axes[3] == 0 else permutations(rng, 21, 2)
    scale = jnp.array([0.2, 0.5, 1.0]) if axes[4] == 0 else jnp.float32(0.7)
    operands = q, k, v, jnp.asarray(tables), scale
    value = functools.partial(jax.value_and_grad, argnums=(0, 1, 2))
    actual = jax.jit(jax.vmap(value(loss(fused)), axes))(*operands)
    items = [[x if a is None else jnp.take(x, i, a) for x, a in zip(operands, axes)] for i in range(3)]
    wanted = [jax.jit(value(loss(composite)))(*item) for item in items]
    assert_all_close(actual, jax.tree.map(lambda *x: jnp.stack(x), *wanted), 2e-5)

    total = functools.partial(jax.grad, argnums=(0, 1, 2))
    actual = jax.jit(total(lambda *x: jnp.sum(jax.vmap(loss(fused), axes)(*x))))(*operands)
    wanted = jax.jit(total(lambda *x: jnp.sum(jax.vmap(loss(composite), axes)(*x))))(*operands)
    assert_all_close(actual, wanted, 2e-5)


def test_gradient_of_tables(problem):
    gradient = jax.grad(loss(fused), 3, allow_int=True)(*problem)
    assert gradient.dtype == jax.dtypes.float0 and gradient.shape == problem[3].shape


def test_eval_shape():
    """Shapes without a run; abstract tables and scales."""
    before = _C.statistics()
    q, k = jax.ShapeDtypeStruct((2, 4, 45, 24), jnp.bfloat16), jax.ShapeDtypeStruct((2, 2, 45, 24), jnp.bfloat16)
    table, scale = jax.ShapeDtypeStruct((2, 45), jnp.int32), jax.ShapeDtypeStruct((), jnp.float32)
    f = lambda q, k, v, t, s: attention(q, k, v, order=t, scale=s, layout="bhnd", return_lse=True)
    out, lse = jax.eval_shape(f, q, k, k, table, scale)
    assert (out.shape, out.dtype) == (q.shape, q.dtype) and (lse.shape, lse.dtype) == ((2, 4, 45), jnp.float32)
    assert _C.statistics() == before


def test_donated_arguments(rng):
    """The result may take the place of k, which every query reads, only afterwards."""
    q, k, v = (normal(rng, 2, 45, 2, 8) for _ in range(3))
    tables = jnp.asarray(permutations(rng, 45, 2))
    wanted = composite(q, k, v, tables, 0.5, 16)
    donating = jax.jit(functools.partial(fused, scale=0.5, segment=16), donate_argnums=1)
    assert_all_close(donating(q, k, v, tables), wanted)
    assert k.is_deleted()


def test_the_same_array_three_times(rng):
    x, tables = normal(rng, 1, 21, 2, 8), jnp.asarray(permutations(rng, 21, 1))
    f, g = (jax.jit(jax.grad(lambda x: loss(f)(x, x, x, tables, 0.5))) for f in (fused, composite))
    assert_all_close(f(x), g(x))


def test_unaligned_arrays(rng):
    """JAX gives kernels aligned memory, wherever arrays come from."""
    buffer = np.zeros(1 * 21 * 2 * 8 + 1, np.float32)
    x = buffer[1:].reshape(1, 21, 2, 8)
    x[:] = rng.standard_normal(x.shape)
    wanted = reference.attention(x, x, x)[0]
    for y in jnp.asarray(x), jnp.from_dlpack(x):
        assert_all_close(attention(y, y, y), wanted)
        assert_all_close(jax.jit(attention)(y, x, x), wanted)


def test_64_bit_mode(problem):
    """Tables of int64 may be traced; results do not depend on the mode."""
    q, k, v, tables, scale = problem
    wanted = composite(*problem, 16)
    with jax.enable_x64(True):
        tables = jnp.asarray(np.asarray(tables), jnp.int64)
        actual = jax.jit(functools.partial(fused, segment=16))(q, k, v, tables, scale.astype(jnp.float64))
        assert [x.dtype for x in actual] == [jnp.float32, jnp.float32]
        assert_all_close(actual, wanted)
        with pytest.raises(TypeError, match="q must be float16, bfloat16 or float32, but is float64"):
            jax.eval_shape(attention, *(x.astype(jnp.float64) for x in (q, k, v)))


def test_another_size_table_or_scale_does_not_compile(rng):
    """Neither a kernel nor, where shapes are equal, a program of XLA."""
    f = jax.jit(jax.value_and_grad(loss(fused), (0, 1, 2)))

    def run(batch, tokens, scale):
        q, k, v = (normal(rng, batch, tokens, 2, 40) for _ in range(3))
        jax.block_until_ready(f(q, k, v, jnp.asarray(permutations(rng, tokens, batch)), scale))

    run(2, 21, 0.5)
    before, programs = kernels(), f._cache_size()
    run(2, 21, 0.25)
    assert f._cache_size() == programs
    run(1, 45, 0.75)
    assert f._cache_size() == programs + 1
    assert kernels() == before
    # Another pattern does.
    jax.block_until_ready(attention(*(normal(rng, 1, 21, 2, 40) for _ in range(3)), segment=16, dilation=3))
    assert kernels() == before + 1


def test_threads(rng):
    """Calls from several threads, and two independent ones in a program."""

    @jax.jit
    def both(q, k, v, tables):
        return fused(q, k, v, tables, 0.5, 16), fused(q, k, v, tables[::-1], 1.0, 16)

    problems = [
        (*(normal(rng, 2, 61, 2, 8) for _ in range(3)), jnp.asarray(permutations(rng, 61, 2))) for _ in range(12)
    ]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda x: jax.block_until_ready(both(*x)), problems))
    for (q, k, v, tables), (first, second) in zip(problems, results):
        assert_all_close(first, composite(q, k, v, tables, 0.5, 16))
        assert_all_close(second, composite(q, k, v, tables[::-1], 1.0, 16))


# ===----------------------------------------------------------------------===
# Errors
# ===----------------------------------------------------------------------===

Q = jnp.zeros((2, 6, 4, 8))
K = jnp.zeros((2, 6, 2, 8))


@pytest.mark.parametrize(
    ("error", "message", "arguments", "options"),
    [
        (TypeError, "k must be a JAX or NumPy array beside a q of JAX, but is list", (Q, [1.0], K), {}),
        (TypeError, "k must be float16, bfloat16 or float32, but is float64", (Q, np.zeros(K.shape), K), {}),
        (TypeError, "q must be float16, bfloat16 or float32, but is int32", (Q.astype(jnp.int32), K, K), {}),
        (TypeError, "k must have the dtype of q, float32, but is float16", (Q, K.astype(jnp.float16), K), {}),
        (ValueError, "q must have 4 dimensions, but has shape (6, 4, 8)", (Q[0], K, K), {}),
        (ValueError, "k must have the batch and head dimensions of q, (2, 6, 4, 8), but has shape (1, 6, 2, 8)", (Q, K[:1], K), {}),
        (ValueError, "v must have the shape of k, (2, 6, 2, 8), but has shape (2, 5, 2, 8)", (Q, K, K[:, 1:]), {}),
        (ValueError, "the number of heads of k must divide that of q, 4, but is 6", (Q, *[jnp.zeros((2, 6, 6, 8))] * 2), {}),
        (ValueError, "the number of heads of k must divide that of q, 4, but is 0", (Q, K[:, :, :0], K[:, :, :0]), {}),
        (ValueError, "the head dimension must be a multiple of 8 up to 256, but is 4", (Q[..., :4], K[..., :4], K[..., :4]), {}),
        (ValueError, "order must have 6 tokens, but has 12", (Q, K, K), {"order": (3, 4)}),
        (ValueError, "kv_order must have 5 tokens, but has 6", (Q, K[:, 1:], K[:, 1:]), {"order": 6}),
        (ValueError, "out_order must have shape (6,) or (2, 6), but has shape (5,)", (Q, K, K), {"out_order": np.arange(5)}),
        (TypeError, "kv_order must be int32 or int64, but is float32", (Q, K, K), {"kv_order": np.arange(6, dtype=np.float32)}),
        (TypeError, "order must be an Order", (Q, K, K), {"order": "hilbert"}),
        (ValueError, "causal must be", (Q, K, K), {"causal": "left"}),
        (ValueError, "layout must be", (Q, K, K), {"layout": "nbhd"}),
        (ValueError, "scale must be finite in float32, but is nan", (Q, K, K), {"scale": float("nan")}),
        (TypeError, "scale must be a number", (Q, K, K), {"scale": "1"}),
        (TypeError, "scale must be a float, but is int32[]", (Q, K, K), {"scale": jnp.int32(1)}),
        (TypeError, "scale must be a float, but is float32[4]", (Q, K, K), {"scale": jnp.ones(4)}),
        (ValueError, "segment must be at least 1, but is 0", (Q, K, K), {"segment": 0}),
    ],
)  # fmt: skip
def test_bad_arguments(error, message, arguments, options):
    """All while tracing: no kernel runs."""
    before = _C.statistics()
    with pytest.raises(error) as info:
        attention(*arguments, **options)
    assert message in str(info.value)
    assert _C.statistics() == before


@pytest.mark.parametrize("entry", [-1, 6, 2**32 + 3])
def test_bad_table(entry):
    """Found when the program runs, even where int32 would hide it."""
    table = np.arange(6)
    table[3] = entry
    with pytest.raises((jax.errors.JaxRuntimeError, ValueError), match="INVALID_ARGUMENT.*order"):
        jax.block_until_ready(attention(Q, K, K, order=table))


def test_bad_traced_scale():
    with pytest.raises((jax.errors.JaxRuntimeError, ValueError), match="INVALID_ARGUMENT.*scale.*nan"):
        jax.block_until_ready(jax.jit(lambda s: attention(Q, K, K, scale=s))(float("nan")))


@pytest.mark.parametrize("wrap", [jax.jit, jax.checkpoint, lambda f: f], ids=["jit", "checkpoint", "eager"])
def test_what_has_no_derivative(problem, wrap):
    q, *rest = problem
    f = wrap(loss(fused))
    with pytest.raises(NotImplementedError, match="scale has no gradient"):
        jax.grad(f, 4)(*problem)
    with pytest.raises(NotImplementedError, match="attention has no second derivatives"):
        jax.grad(lambda q: jnp.sum(jax.grad(f)(q, *rest)))(q)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda q: f(q, *rest), (q,), (q,))


def test_without_handlers():
    """As built without XLA's headers; the rest of the package works."""
    program = """
import hilbert_attention
hilbert_attention._C.ffi_handlers = dict
try:
    import hilbert_attention.jax
except ImportError as error:
    assert "built without XLA's headers" in str(error)
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_handlers_of_another_version(monkeypatch):
    """A handler that does not tell its version is of version 0.0."""
    handler = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda frame: None)
    capsule = jax.ffi.pycapsule(ctypes.cast(handler, ctypes.c_void_p))
    monkeypatch.setattr(_C, "ffi_handlers", lambda: {"cpu": {"old": capsule}})
    with pytest.raises(ImportError, match=r"handler's API version \(0.0\) is incompatible"):
        hilbert_attention.jax._register.__wrapped__()


def test_import_starts_no_backend():
    """JAX can still be set up after the import."""
    program = """
import hilbert_attention.jax, jax
jax.config.update("jax_num_cpu_devices", 2)
assert jax.local_device_count() == 2
"""
    subprocess.run([sys.executable, "-c", program], check=True)
