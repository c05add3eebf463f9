# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention along a Hilbert curve on the tokens of a 64x64 image, in torch.

Compares the result, its gradients and the time of hilbert_attention.attention
with what one writes without it: gather along the curve, attend, scatter back.
"""

import statistics
import sys
import time

import torch
import torch.nn.functional as F

import hilbert_attention

HEIGHT, WIDTH, HEADS, DEPTH, SEGMENT, DILATION = 64, 64, 8, 64, 256, 2


def fused(q, k, v):
    return hilbert_attention.attention(q, k, v, order=(HEIGHT, WIDTH), segment=SEGMENT, dilation=DILATION)


def composite(q, k, v):
    """Gather, scaled_dot_product_attention of the segments, scatter."""
    curve = hilbert_attention.create_hilbert_mapping((HEIGHT, WIDTH))
    # [B, N, H, D] to [B * segments, H, segment, D]
    q, k, v = (t[:, curve].unflatten(1, (-1, SEGMENT)).flatten(0, 1).transpose(1, 2) for t in (q, k, v))
    out = F.scaled_dot_product_attention(q, k[:, :, ::DILATION], v[:, :, ::DILATION])
    out = out.transpose(1, 2).reshape(1, HEIGHT * WIDTH, HEADS, DEPTH)
    return torch.empty_like(out).index_copy(1, curve, out)


def milliseconds(function, repeat=7):
    def once():
        start = time.perf_counter()
        function()
        return 1000 * (time.perf_counter() - start)

    once()  # Compiles.
    return statistics.median(once() for _ in range(repeat))


def main():
    q, k, v = (torch.randn(1, HEIGHT * WIDTH, HEADS, DEPTH, requires_grad=True) for _ in range(3))
    weights = torch.randn(1, HEIGHT * WIDTH, HEADS, DEPTH)
    rows, results = [], []
    for function in (composite, fused):
        with torch.no_grad():
            forward = milliseconds(lambda: function(q, k, v))
        out = function(q, k, v)
        backward = milliseconds(lambda: torch.autograd.grad(out, (q, k, v), weights, retain_graph=True))
        results.append([out.detach(), *torch.autograd.grad(out, (q, k, v), weights)])
        rows.append((forward, backward))

    print(f"{HEIGHT}x{WIDTH} tokens, {HEADS} heads of {DEPTH}, segments of {SEGMENT}, dilation {DILATION}, float32")
    print(f"{'':30}{'forward':>12}{'backward':>12}")
    for name, (forward, backward) in zip(("gather, SDPA, scatter", "hilbert_attention.attention"), rows):
        print(f"{name:30}{forward:9.2f} ms{backward:9.2f} ms")
    wrong = False
    for name, a, b in zip(("out", "dq", "dk", "dv"), *results):
        error = (a - b).abs().max().item()
        wrong |= not error < 1e-4
        print(f"{name:4} differs by at most {error:.2e}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
