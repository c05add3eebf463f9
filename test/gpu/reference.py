# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention by its definition, in float64, and as rounding to 16 bits alone makes it."""

import re

import torch


def parse(pattern):
    """(segment, dilation, mode, offset) of "(segment = 8, dilation = 2, ...)"."""
    fields = dict(re.findall(r"(\w+) = (\[[^]]*\]|\w+)", pattern))
    segment = fields.get("segment", "dense")
    offset = fields.get("offset", "zero")
    if offset.startswith("["):
        offset = [int(o) for o in offset[1:-1].split(",")]
    return (
        1 << 40 if segment == "dense" else int(segment),
        int(fields.get("dilation", 1)),
        fields.get("mode", "keys"),
        offset,
    )


def offset_of(rule, head, heads, dilation):
    if isinstance(rule, list):
        return rule[head]
    return {"zero": 0, "head": head % dilation, "longnet": head // -(-heads // dilation)}[rule]


def visible(pattern, causal, heads, q_table, k_table):
    """bool [H, Nq, Nk] by token, for one batch item; tables are int64 by position."""
    segment, dilation, mode, rule = parse(pattern)
    nq, nk, device = len(q_table), len(k_table), q_table.device
    p, o = torch.arange(nq, device=device)[:, None], torch.arange(nk, device=device)[None]
    together = p // segment == o // segment
    rp, ro = p % segment % dilation, o % segment % dilation
    out = torch.empty(heads, nq, nk, dtype=torch.bool, device=device)
    for head in range(heads):
        offset = offset_of(rule, head, heads, dilation)
        meets = {"keys": ro == offset, "both": (ro == offset) & (rp == offset), "residues": ro == rp}[mode]
        by_position = together & meets
        if causal == "position":
            by_position = by_position & (o <= p)
        if causal == "token":
            by_position = by_position & (k_table[None] <= q_table[:, None])
        rows = torch.empty_like(out[head])
        rows[q_table[:, None], k_table[None]] = by_position
        out[head] = rows
    return out


def tf32(x):
    """float32 rounded to 10 bits of fraction, ties away from zero."""
    bits = x.view(torch.int32)
    return torch.where(torch.isfinite(x), ((bits + 0x1000) & ~0x1FFF).view(torch.float32), x)


def attention(q, k, v, mask, scale, dout, dlse, rounded):
    """(out, lse, dq, dk, dv) of one batch item, [H, N, D]; mask [H, Nq, Nk].

    rounded: float32 with every operand of a product rounded to q's type, or to
    tf32, as tensor cores take it, and results to q's type. Otherwise float64.
    """
    kind = torch.float32 if rounded else torch.float64
    group = q.shape[0] // k.shape[0]

    def cut(x):
        if not rounded:
            return x
        return tf32(x) if q.dtype == torch.float32 else x.to(q.dtype).to(kind)

    def store(x):
        return x.to(q.dtype).to(kind) if rounded else x

    inputs = (q, k.repeat_interleave(group, 0), v.repeat_interleave(group, 0), dout)
    Q, K, V, dO = (cut(x.to(kind)) for x in inputs)
    scores = (Q @ K.mT * scale).masked_fill(~mask, -torch.inf)
    top = scores.amax(2, keepdim=True)
    top = torch.where(top == -torch.inf, torch.zeros_like(top), top)
    weights = torch.exp(scores - top)
    total = weights.sum(2, keepdim=True)
    empty = total == 0
    out = (cut(weights) @ V / total).masked_fill(empty, 0)
    lse = (top + torch.log(total)).squeeze(2)
    P = (weights / total).masked_fill(empty, 0)
    delta = (store(out) * dout.to(kind)).sum(2, keepdim=True)
    if dlse is not None:
        delta = delta - dlse.to(kind)[:, :, None]
    dS = P * (dO @ V.mT - delta)
    dS = dS.masked_fill(~mask, 0)
    dq = cut(dS) @ K * scale
    dk = (cut(dS).mT @ Q * scale).unflatten(0, (-1, group)).sum(1)
    dv = (cut(P).mT @ dO).unflatten(0, (-1, group)).sum(1)
    return store(out), lse, store(dq), store(dk), store(dv)


class Errors:
    """How wrong results are, over batch items, beside what rounding alone explains."""

    def __init__(self, names, case=""):
        """`case` is what messages end with."""
        self.squares = {name: [0.0, 0.0, 0.0] for name in names}
        self.numbers = dict.fromkeys(names, 0)
        self.case = f", {case}" if case else ""

    def add(self, name, got, wanted, rounded):
        """A part of a result, by the definition, and rounded. Infinities and NaN must be the same."""
        self.numbers[name] += got.numel()
        finite = torch.isfinite(wanted)
        assert torch.equal(torch.isfinite(got), finite), f"{name} is not finite where it should be{self.case}"
        same = torch.equal(got[~finite].double(), wanted[~finite].double())
        assert same, f"{name} has another infinity{self.case}"
        got, wanted, rounded = (torch.where(finite, t.double(), 0.0) for t in (got, wanted, rounded))
        for i, part in enumerate((got - wanted, rounded - wanted, wanted)):
            self.squares[name][i] += part.square().sum().item()

    def ratios(self):
        """By name: errors as multiples of what rounding explains, at most 2."""
        ratios = {}
        for name, (error, rounding, size) in self.squares.items():
            # Where rounding has no share, f32's remains: exp2 and log2 are approximate,
            # and gradients are differences of numbers near 1.
            floor = 2e-6 * (size + self.numbers[name]) ** 0.5
            ratios[name] = error**0.5 / (rounding**0.5 + floor)
            assert ratios[name] < 2, f"{name} is {ratios[name]:.2f} times as wrong as rounding explains{self.case}"
        return ratios
