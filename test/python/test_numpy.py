# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""hilbert_attention.attention() of NumPy arrays."""

import warnings

import numpy as np
import pytest

import hilbert_attention as ha
import reference
from hilbert_attention import _C
from reference import assert_close


def arrays(tokens=45, heads=3, key_heads=3, depth=24, dtype=np.float32, layout="bnhd", keys=None):
    rng = np.random.default_rng()
    result = []
    for n, h in ((tokens, heads), (keys or tokens, key_heads), (keys or tokens, key_heads)):
        shape = (2, n, h, depth) if layout == "bnhd" else (2, h, n, depth)
        result.append(rng.standard_normal(shape, np.float32).astype(dtype))
    return result


def check(q, k, v, tolerance=2e-5, table=None, branch=(None, 1, "keys", "zero"), **arguments):
    out, lse = ha.attention(q, k, v, return_lse=True, **arguments)
    assert type(out) is type(lse) is np.ndarray and out.dtype == q.dtype and lse.dtype == np.float32
    reference_arguments = {n: arguments[n] for n in ("causal", "layout", "scale") if n in arguments}
    orders = {"q_order": table, "kv_order": table, "out_order": table}
    wanted = reference.attention(q, k, v, branches=[branch], **orders, **reference_arguments)
    assert_close(out, wanted[0], tolerance, "out")
    assert_close(lse, wanted[1], tolerance, "lse")
    assert np.array_equal(ha.attention(q, k, v, **arguments), out)


@pytest.mark.parametrize("dtype,tolerance", [(np.float32, 2e-5), (np.float16, 4e-3)])
@pytest.mark.parametrize("layout", ["bnhd", "bhnd"])
def test_attention(dtype, tolerance, layout):
    q, k, v = arrays(heads=6, dtype=dtype, layout=layout)
    table = _C.order_table(ha.Order((5, 9)).spec)
    arguments = {"segment": 16, "dilation": 2, "mode": "both", "offset": "head", "causal": "token", "layout": layout}
    check(q, k, v, tolerance, table, (16, 2, "both", "head"), order=(5, 9), **arguments)
    check(q, k, v, tolerance, layout=layout, scale=0.4)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_runtime_orders(dtype):
    rng = np.random.default_rng()
    q, k, v = arrays()
    one, each = rng.permutation(45), np.stack([rng.permutation(45), rng.permutation(45)])
    for table in (one, each, np.repeat(one, 2)[::2]):
        table = table.astype(dtype, copy=False)
        check(q, k, v, 2e-5, table, (16, 1, "keys", "zero"), order=table, segment=16)


def test_packed_and_read_only():
    """Slices of a packed qkv are read where they are."""
    qkv = np.random.default_rng().standard_normal((2, 45, 3, 4, 16), np.float32)
    qkv.flags.writeable = False
    q, k, v = (qkv[:, :, i] for i in range(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(q, k, v, order=ha.Order(45, "raster"))
        check(q, np.broadcast_to(k[:1], k.shape), v)
        # Backwards through memory.
        check(q[:, ::-1], k[::-1], v[:, :, ::-1])


def ragged(a):
    return np.pad(a, ((0, 0), (0, 0), (0, 0), (0, 1)))[..., :-1]


def misaligned(a):
    return np.frombuffer(b"...." + a.tobytes(), a.dtype, offset=4).reshape(a.shape)


@pytest.mark.parametrize(
    "spoil,reason",
    [
        (np.asfortranarray, r"head dimension has a stride of \d+ bytes, not 4"),
        (ragged, "stride 2 is 100 bytes, not a multiple of 16"),
        (misaligned, "not 16-byte aligned"),
    ],
    ids=["strided", "ragged", "misaligned"],
)
def test_copies_are_announced(spoil, reason):
    q, k, v = arrays()
    wanted = ha.attention(q, k, v)
    with pytest.warns(ha.CopyWarning, match=f"^k is copied: .*{reason}"):
        actual = ha.attention(q, spoil(k), v)
    assert np.array_equal(actual, wanted)


def test_more_keys_than_queries():
    q, k, v = arrays(tokens=20, keys=35)
    check(q, k, v)


def test_jax_arrays():
    """They go to the JAX front end, and come back as JAX arrays."""
    import jax

    q, k, v = arrays()
    out = ha.attention(*map(jax.numpy.asarray, (q, k, v)), order=(5, 9), segment=16)
    assert isinstance(out, jax.Array)
    assert_close(out, ha.attention(q, k, v, order=(5, 9), segment=16).astype(np.float64))
    with pytest.raises(TypeError, match="all be .*, but k is jaxlib"):
        ha.attention(q, jax.numpy.asarray(k), v)
