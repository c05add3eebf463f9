# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attention(), for arrays of any framework: what they share is checked here."""

import sys

from hilbert_attention._checks import check_names
from hilbert_attention.pattern import pattern_text


def attention(
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
    return_lse=False,
    deterministic=False,
):
    """softmax(scale q k^T) v over the keys that the pattern gives each query.

    q, k, v: [B, N, H, D] or, with layout "bhnd", [B, H, N, D]; all torch tensors,
        NumPy arrays or JAX arrays, of one dtype: float16, bfloat16 (not in NumPy)
        or float32. H of k and v may divide that of q. D is a multiple of 8 up to
        256. Products and sums are in float32.
    order: the order of the queries: an Order; extents, for a Hilbert order; an
        int32 or int64 array [N], or [B, N] for one order a batch item, of the
        tokens by position; or None for row-major.
    kv_order: that of k and v. By default `order`.
    out_order: that of the result: the query at position p writes token
        out_order[p]. By default `order`. Row-major beside an `order` is
        Order(extents, curve="raster").
    branches: a list of Branch. A query's keys are the multiset union of its
        branches' sets: one softmax, in which a key that m branches reach counts m
        times.
    segment, dilation, mode, offset: one Branch. Without segment (and branches),
        a segment covers all positions.
    causal: None; "token", keys whose token is at most the query's; "position",
        keys whose position is, which needs equal orders of q and k.
    scale: a finite number; by default 1 / sqrt(D).
    return_lse: also return the natural logarithm of the sum of exponentials,
        float32 [B, H, N], by token. It is differentiable, too.
    deterministic: results are equal bit by bit in every run. On the CPU they
        always are.

    Returns out, of q's shape and dtype, or (out, lse). A query without keys gives
    out = 0, lse = -inf and gradient 0; keys that it does not meet never influence
    it, even if they are NaN.

    Tensors are read where they are if D is contiguous, other strides are multiples
    of 16 bytes and data is 16-byte aligned, as in slices of a packed qkv; others
    are copied, with a CopyWarning.

    Raises ValueError or TypeError where an argument breaks these constraints, is on
    another device than q, or on one that has no kernels. There are no second
    derivatives and no torch.vmap (RuntimeError).
    """
    # A framework that was not imported has no arrays here.
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and isinstance(q, torch.Tensor):
        from hilbert_attention._torch import attention as run
    elif jax is not None and isinstance(q, jax.Array):
        from hilbert_attention.jax import run
    else:
        from hilbert_attention._numpy import attention as run
    causal = "none" if causal is None else causal
    check_names(causal, layout)
    pattern = pattern_text(branches, segment, dilation, mode, offset)
    out, lse = run(q, k, v, (order, kv_order, out_order), pattern, causal, layout, scale)
    return (out, lse) if return_lse else out
