# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether a contestant computes what it should: segments of it in float32, from the definition."""

import torch

# Relative to the norm of the exact result.
TOLERANCES = {"bfloat16": 2e-2, "float16": 5e-3, "float32": 1e-4}
NAMES = ("out", "dq", "dk", "dv")
ROUGH = 1 << 23  # Scores that segments are drawn for.
MOST = 1 << 27  # Scores that are in memory at a time.


class Wrong(Exception):
    """A contestant's result differs from the definition."""


def _samples(case, generator):
    """Batch items, heads and segments [S]: the first, the last, and others at random."""
    sizes = case.batch, case.heads, -(-case.tokens // case.width)
    total = sizes[0] * sizes[1] * sizes[2]
    count = min(total, max(2, ROUGH // case.width**2))
    chosen = torch.randperm(total, generator=generator)[:count]
    chosen[0], chosen[-1] = 0, total - 1
    head_and_segment = sizes[1] * sizes[2]
    return chosen // head_and_segment, chosen % head_and_segment // sizes[2], chosen % sizes[2]


def attention(q, k, v, dout, step, causal):
    """(out, dq, dk, dv) of segments [S, w, D] in float32; a query meets every step-th key."""
    q, k, v, dout = (t.float() for t in (q, k, v, dout))
    count, width, depth = q.shape
    scale = depth**-0.5
    out, dq, dk, dv = (torch.zeros_like(q) for _ in range(4))
    met = torch.arange(0, width, step, device=q.device)
    keys, values = k[:, met], v[:, met]
    rows = max(1, MOST // (count * len(met)))
    for begin in range(0, width, rows):
        part = slice(begin, begin + rows)
        scores = scale * q[:, part] @ keys.transpose(1, 2)
        if causal:
            own = torch.arange(width, device=q.device)[part]
            scores.masked_fill_(met > own[:, None], float("-inf"))
        p = scores.softmax(-1)
        out[:, part] = p @ values
        delta = (dout[:, part] * out[:, part]).sum(-1, keepdim=True)
        ds = p * (dout[:, part] @ values.transpose(1, 2) - delta)
        dq[:, part] = scale * ds @ keys
        dk[:, met] += scale * ds.transpose(1, 2) @ q[:, part]
        dv[:, met] += p.transpose(1, 2) @ dout[:, part]
    return out, dq, dk, dv


class Reference:
    """Some segments of a problem, exactly, and their comparison with whole results."""

    def __init__(self, problem, q, k, v, dout, generator):
        case = self.case = problem.case
        if case.tokens % case.width:
            raise ValueError("the last segment is short: checks take whole segments")
        item, head, segment = (t.to(problem.device) for t in _samples(case, generator))
        tokens = problem.forward.view(-1, case.width)[segment]
        self.index = item[:, None], tokens, head[:, None]
        with torch.no_grad():
            inputs = [self.take(t) for t in (q, k, v, dout)]
            self.wanted = dict(zip(NAMES, attention(*inputs, case.dilation, case.causal)))

    def take(self, x):
        """The segments [S, w, D] of x."""
        x = x if self.case.layout == "bnhd" else x.transpose(1, 2)
        return x[self.index]

    def compare(self, **results):
        """The largest relative error of results by name; Wrong if it is too large."""
        errors = {name: self._error(self.wanted[name], result) for name, result in results.items()}
        worst = max(errors, key=lambda name: errors[name])
        if errors[worst] > TOLERANCES[self.case.dtype]:
            raise Wrong(f"{worst} differs from the definition by {errors[worst]:.1e} of its norm")
        return errors[worst]

    def _error(self, wanted, result):
        if tuple(result.shape) != self.case.shape:
            raise Wrong(f"a result has shape {tuple(result.shape)} instead of {self.case.shape}")
        return relative_error(wanted, self.take(result.detach()), result.detach())


def relative_error(wanted, actual, whole):
    """||actual - wanted|| / ||wanted||; infinite if anything of `whole` is not finite."""
    if not torch.isfinite(whole).all():
        return float("inf")
    return ((actual.float() - wanted).norm() / wanted.norm()).item()
