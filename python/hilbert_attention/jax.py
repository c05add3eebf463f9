# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attention() of JAX arrays, on the CPU or a GPU: an XLA custom call with a custom_vjp.

Patterns and static orders are its attributes, fixed when a program is traced.
Tables of runtime orders and, on the CPU, the scale are operands, and may be traced.
k, v and tables may be NumPy arrays beside a q of JAX. A GPU takes float16 and
bfloat16, and float32 where jax.default_matmul_precision is "tensorfloat32".

out and lse have gradients with respect to q, k and v: reverse mode, once. A gradient
of the scale and second derivatives are a NotImplementedError. Under vmap, calls run
one after the other.

Types and shapes are checked while tracing. What shows only when the program runs,
such as the entries of a table, is a jax.errors.JaxRuntimeError.
"""

import functools
import math
import typing

import jax
import jax.numpy as jnp
import numpy as np

from hilbert_attention import _C
from hilbert_attention._checks import CAUSALITIES, LAYOUTS, checked_scale
from hilbert_attention.functional import attention
from hilbert_attention.order import MAX_TOKENS, as_order

__all__ = ["attention"]

_DTYPES = (np.float16, jnp.bfloat16, np.float32)

if not _C.ffi_handlers():
    raise ImportError("hilbert_attention was built without XLA's headers, so without support for JAX")


def run(q, k, v, orders, pattern, causal, layout, scale):
    """(out, lse); orders as attention() takes them, the rest as hilbert::attention in _torch.py."""
    _register()
    batch, tokens, keys, depth = _sizes(q, k, v, layout)
    order, kv_order, out_order = orders
    tables = []
    call = _Call(
        _order("order", order, batch, tokens, tables),
        _order("kv_order", order if kv_order is None else kv_order, batch, keys, tables),
        _order("out_order", order if out_order is None else out_order, batch, tokens, tables),
        pattern,
        CAUSALITIES[causal],
        LAYOUTS[layout],
        # The operand is enough for the CPU, and another number then traces nothing.
        math.nan if isinstance(scale, jax.Array) or jax.default_backend() == "cpu" else checked_scale(scale, depth),
        jax.config.jax_default_matmul_precision == "tensorfloat32",
    )
    return _jitted(call, q, k, v, _scale(scale, depth), [_table(table) for table in tables])


# ===----------------------------------------------------------------------===
# Arguments
# ===----------------------------------------------------------------------===


def _is_array(x):
    return isinstance(x, (jax.Array, np.ndarray))  # Tracers are jax.Arrays.


def _sizes(q, k, v, layout):
    """(B, N, N of k, D) of arguments that fit each other."""
    for name, x in ("q", q), ("k", k), ("v", v):
        if not _is_array(x):
            raise TypeError(f"{name} must be a JAX or NumPy array beside a q of JAX, but is {type(x).__qualname__}")
        if x.dtype not in _DTYPES:
            raise TypeError(f"{name} must be float16, bfloat16 or float32, but is {x.dtype}")
        if x.dtype != q.dtype:
            raise TypeError(f"{name} must have the dtype of q, {q.dtype}, but is {x.dtype}")
        if x.ndim != 4:
            raise ValueError(f"{name} must have 4 dimensions, but has shape {x.shape}")
    n, h = layout.index("n"), layout.index("h")
    if (k.shape[0], k.shape[3]) != (q.shape[0], q.shape[3]):
        raise ValueError(f"k must have the batch and head dimensions of q, {q.shape}, but has shape {k.shape}")
    if v.shape != k.shape:
        raise ValueError(f"v must have the shape of k, {k.shape}, but has shape {v.shape}")
    if not k.shape[h] or q.shape[h] % k.shape[h]:
        raise ValueError(f"the number of heads of k must divide that of q, {q.shape[h]}, but is {k.shape[h]}")
    if q.shape[3] % 8 or not 8 <= q.shape[3] <= 256:
        raise ValueError(f"the head dimension must be a multiple of 8 up to 256, but is {q.shape[3]}")
    return q.shape[0], q.shape[n], k.shape[n], q.shape[3]


def _order(name, order, batch, tokens, tables):
    """`order` as in _Call; a runtime order joins `tables` unless it is there."""
    if order is None:
        return ()
    if not _is_array(order):
        order = as_order(name, order)
        if len(order) != tokens:
            raise ValueError(f"{name} must have {tokens} tokens, but has {len(order)}")
        return order.spec
    if order.dtype not in (np.int32, np.int64):
        raise TypeError(f"{name} must be int32 or int64, but is {order.dtype}")
    if order.shape not in ((tokens,), (batch, tokens)):
        raise ValueError(f"{name} must have shape {(tokens,)} or {(batch, tokens)}, but has shape {order.shape}")
    if not any(order is table for table in tables):
        tables.append(order)
    return (next(i for i, table in enumerate(tables) if order is table),)


def _table(order):
    # What int32 cannot hold stays out of range.
    return order.clip(-1, MAX_TOKENS).astype(np.int32)


def _scale(scale, depth):
    if not isinstance(scale, jax.Array):
        return np.float32(checked_scale(scale, depth))
    if scale.shape != () or not jnp.issubdtype(scale.dtype, jnp.floating):
        raise TypeError(f"scale must be a float, but is {scale.dtype}{list(scale.shape)}")
    return _constant(scale.astype(jnp.float32))


# ===----------------------------------------------------------------------===
# Calls
# ===----------------------------------------------------------------------===


@functools.cache
def _register():
    """Makes the handlers known to XLA, once."""
    # Before there is a client, handlers only join a queue, and one that XLA does
    # not take later stops the client from starting. Importing this module must not
    # start one; by now it exists, or is about to.
    jax.local_devices(backend="cpu")
    jax.local_devices()
    for platform, handlers in _C.ffi_handlers().items():
        for name, handler in handlers.items():
            try:
                jax.ffi.register_ffi_target(name, handler, platform=platform)
            except jax.errors.JaxRuntimeError as error:
                version = jax.lib.__version__
                raise ImportError(f"hilbert_attention needs another jaxlib than {version}: {error}") from error


class _Call(typing.NamedTuple):
    """What is fixed when a program is traced.

    An order is () for raster, (i,) for the i-th table, or the spec of an Order.
    """

    q_order: tuple
    kv_order: tuple
    out_order: tuple
    pattern: str
    causal: int
    layout: int
    scale: float
    allow_tf32: bool

    def __call__(self, target, results, *operands):
        """Runs a handler; `results` are arrays or shapes like those returned."""
        # XLA's memory is row-major, so a mapped axis is a loop over whole calls:
        # right for every mix of mapped and shared operands, scale and tables too.
        call = jax.ffi.ffi_call(
            target, [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in results], vmap_method="sequential"
        )
        orders = {name: np.array(getattr(self, name), np.int64) for name in ("q_order", "kv_order", "out_order")}
        numbers = {"causal": np.int32(self.causal), "layout": np.int32(self.layout), "scale": np.float32(self.scale)}
        return call(*operands, **orders, pattern=self.pattern, **numbers, allow_tf32=self.allow_tf32)


@jax.custom_jvp
def _constant(scale):
    return scale


@_constant.defjvp
def _constant_jvp(primals, tangents):
    raise NotImplementedError("scale has no gradient: multiply q by it, and give scale=1")


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attention(call, q, k, v, scale, tables):
    """(out, lse)"""
    batch, *middle, _ = q.shape
    tokens, heads = middle if call.layout == LAYOUTS["bnhd"] else reversed(middle)
    lse = jax.ShapeDtypeStruct((batch, heads, tokens), jnp.float32)
    return tuple(call("hilbert_attention", (q, lse), q, k, v, scale, *tables))


def _attention_forward(call, q, k, v, scale, tables):
    out, lse = _attention(call, q, k, v, scale, tables)
    return (out, lse), (q, k, v, scale, out, lse, tables)


@functools.partial(jax.jit, static_argnums=0, inline=True)
def _attention_backward(call, saved, cotangents):
    *saved, tables = saved
    return *_gradient(call, *saved, *cotangents, tables), None, None


_attention.defvjp(_attention_forward, _attention_backward)
# Outside of jit, too, calls are then dispatched quickly.
_jitted = jax.jit(_attention, static_argnums=0, inline=True)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _gradient(call, q, k, v, scale, out, lse, dout, dlse, tables):
    """(dq, dk, dv)"""
    return tuple(call("hilbert_attention_grad", (q, k, v), q, k, v, scale, out, lse, dout, dlse, *tables))


@_gradient.defjvp
def _gradient_jvp(call, primals, tangents):
    raise NotImplementedError("attention has no second derivatives")
