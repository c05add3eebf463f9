# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attention() of NumPy arrays."""

import numpy as np

from hilbert_attention import _C
from hilbert_attention._checks import CAUSALITIES, LAYOUTS, checked_scale, warn_of_copy
from hilbert_attention.order import MAX_TOKENS, as_order


def attention(q, k, v, orders, pattern, causal, layout, scale):
    """(out, lse) as new arrays; arguments as those of hilbert::attention in _torch.py."""
    q, k, v = (_checked(name, array) for name, array in (("q", q), ("k", k), ("v", v)))
    names = ("order", "kv_order", "out_order")
    first = orders[0]
    q_order, kv_order, out_order = (
        _order(name, first if order is None else order) for name, order in zip(names, orders)
    )
    batch, queries, heads = q.shape[:3] if layout == "bnhd" else (q.shape[0], q.shape[2], q.shape[1])
    out, lse = np.empty(q.shape, q.dtype), np.empty((batch, heads, queries), np.float32)
    scale = checked_scale(scale, q.shape[3])
    _C.attention(
        q, k, v, out, lse, q_order, kv_order, out_order, pattern or None, CAUSALITIES[causal], LAYOUTS[layout], scale
    )
    return out, lse


def _checked(name, array):
    if not isinstance(array, np.ndarray):
        kinds = "q, k and v must all be torch tensors, NumPy arrays or JAX arrays"
        raise TypeError(f"{kinds}, but {name} is {type(array).__module__}.{type(array).__qualname__}")
    if array.dtype not in (np.float16, np.float32):
        hint = "; convert it with .astype(numpy.float32)" if array.dtype == np.float64 else ""
        raise TypeError(f"{name} must be float16 or float32, but is {array.dtype}{hint}")
    if array.ndim != 4:
        raise ValueError(f"{name} must have 4 dimensions, but has shape {array.shape}")
    address = array.__array_interface__["data"][0]
    copy = warn_of_copy(name, address, array.shape, array.strides, array.itemsize)
    return np.array(array, order="C") if copy else array


def _order(name, order):
    """What _C takes: None, a spec or a table."""
    if order is None:
        return None
    if not isinstance(order, np.ndarray):
        return as_order(name, order).spec
    if order.dtype not in (np.int32, np.int64):
        raise TypeError(f"{name} must be int32 or int64, but is {order.dtype}")
    # What int32 cannot hold stays out of range.
    return np.ascontiguousarray(order.clip(-1, MAX_TOKENS), np.int32)
