# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention from its definition, in float64, one query at a time.

Nothing here uses the project: tests of the Python front ends compare with it.
"""

import numpy as np


def table_of(order, b, tokens):
    """The order of batch item b: None (raster), [N] or [B, N]."""
    if order is None:
        return np.arange(tokens)
    order = np.asarray(order)
    return order[b] if order.ndim == 2 else order


def offset_of(offset, head, heads, dilation):
    if offset == "zero":
        return 0
    if offset == "head":
        return head % dilation
    if offset == "longnet":
        return head // -(-heads // dilation)
    return offset[head]


def keys_of(p, queries, keys, head, heads, branch):
    """The positions that the query at position p meets in one branch."""
    segment, dilation, mode, offset = branch
    segment = segment or max(queries, keys)
    other = np.arange(keys)
    other = other[other // segment == p // segment]
    residue, own = other % segment % dilation, p % segment % dilation
    if mode == "residues":
        return other[residue == own]
    wanted = offset_of(offset, head, heads, dilation)
    if mode == "both" and own != wanted:
        return other[:0]
    return other[residue == wanted]


def attention(
    q,
    k,
    v,
    *,
    q_order=None,
    kv_order=None,
    out_order=None,
    branches=((None, 1, "keys", "zero"),),
    causal=None,
    scale=None,
    layout="bnhd",
    dout=None,
    dlse=None,
):
    """(out, lse, dq, dk, dv) in float64; dout and dlse are zero by default.

    Tensors are in `layout`, lse and dlse [B, H, N]. Orders are tables, [N] or
    [B, N], or None. A branch is (segment or None, dilation, mode, offset). Keys
    outside of a query's multiset are never read.
    """
    swap = (lambda a: a.transpose(0, 2, 1, 3)) if layout == "bhnd" else (lambda a: a)
    q, k, v = (swap(np.asarray(a, np.float64)) for a in (q, k, v))
    batch, queries, heads, depth = q.shape
    keys, group = k.shape[1], heads // k.shape[2]
    scale = depth**-0.5 if scale is None else scale
    out, lse = np.zeros_like(q), np.full((batch, heads, queries), -np.inf)
    dout = np.zeros_like(q) if dout is None else swap(np.asarray(dout, np.float64))
    dlse = np.zeros_like(lse) if dlse is None else np.asarray(dlse, np.float64)
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for b in range(batch):
        q_table, out_table = table_of(q_order, b, queries), table_of(out_order, b, queries)
        kv_table = table_of(kv_order, b, keys)
        for h in range(heads):
            for p in range(queries):
                token, row = q_table[p], out_table[p]
                met = np.concatenate([keys_of(p, queries, keys, h, heads, branch) for branch in branches])
                if causal == "position":
                    met = met[met <= p]
                met = kv_table[met]
                if causal == "token":
                    met = met[met <= token]
                if not len(met):
                    continue
                kk, vv = k[b, met, h // group], v[b, met, h // group]
                s = kk @ q[b, token, h] * scale
                m = s.max()
                weights = np.exp(s - m)
                total = weights.sum()
                weights /= total
                out[b, row, h] = weights @ vv
                lse[b, h, row] = m + np.log(total)
                g = dout[b, row, h]
                ds = weights * (vv @ g - g @ out[b, row, h] + dlse[b, h, row])
                dq[b, token, h] = scale * ds @ kk
                np.add.at(dk[b, :, h // group], met, scale * ds[:, None] * q[b, token, h])
                np.add.at(dv[b, :, h // group], met, weights[:, None] * g)
    return swap(out), lse, swap(dq), swap(dk), swap(dv)


def assert_close(actual, wanted, tolerance=1e-5, name=""):
    """No NaN; infinities are equal; the rest is close relative to the largest value."""
    actual = np.asarray(actual, np.float64)
    assert actual.shape == wanted.shape, f"{name}: {actual.shape} against {wanted.shape}"
    assert not np.isnan(actual).any(), f"{name}: NaN at {np.argwhere(np.isnan(actual))[:5].tolist()}"
    finite = np.isfinite(wanted)
    assert (actual[~finite] == wanted[~finite]).all(), name
    if finite.any():
        error = np.abs(actual[finite] - wanted[finite]).max()
        assert error <= tolerance * (1 + np.abs(wanted[finite]).max()), f"{name}: error {error}"
