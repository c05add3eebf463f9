#!/usr/bin/env python3
# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Forward on the CPU: ours against gather, scaled_dot_product_attention for each
segment, and scatter in torch. Same inputs, same cores, alternated; medians."""

import argparse
import math
import statistics
import time

import torch
import torch.nn.functional as F

import hilbert_attention as ha

# extents, batch, heads, head dimension, segment, dilation
CASES = [
    ((64, 64), 1, 8, 64, 256, 1),
    ((64, 64), 1, 8, 64, 1024, 1),
    ((128, 128), 1, 8, 64, 1024, 1),
    ((128, 128), 1, 8, 64, 1024, 4),
    ((96, 80), 2, 12, 32, 256, 1),
    ((32, 32), 1, 8, 128, 1024, 1),
]


def composite(q, k, v, permutation, segment, dilation):
    """What models do today; N must be a multiple of the segment."""

    def gather(x, step=1):
        """[B * segments, H, keys, D]: four dimensions take torch's fused kernel."""
        b, n, h, d = x.shape
        x = x[:, permutation].view(b * n // segment, segment, h, d)
        return x[:, ::step].transpose(1, 2)

    out = F.scaled_dot_product_attention(
        gather(q), gather(k, dilation), gather(v, dilation)
    )
    result = torch.empty_like(q)
    result[:, permutation] = out.transpose(1, 2).reshape(q.shape)
    return result


def seconds(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def overhead(repeat):
    """Microseconds of a call on 16 tokens, from which a kernel's own time (about
    1) is not subtracted: the median of batches."""
    q, k, v = torch.randn(3, 1, 16, 1, 8).unbind()
    order = ha.Order((4, 4))
    times = []
    with torch.no_grad():
        for _ in range(repeat):
            times.append(
                seconds(
                    lambda: [
                        ha.attention(q, k, v, order=order, segment=16)
                        for _ in range(100)
                    ]
                )
                * 1e4
            )
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9)
    repeat = parser.parse_args().repeat
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32")
    header = "| extents | B | H | D | w, r | ours ms | torch ms | torch/ours | GFLOP/s | max difference |"
    print(header)
    print("|---" * (header.count("|") - 1) + "|")
    for extents, b, h, d, w, r in CASES:
        n = math.prod(extents)
        q, k, v = (torch.randn(b, n, h, d) for _ in range(3))
        permutation = ha.create_hilbert_mapping(extents)
        order = ha.Order(extents)

        def ours():
            return ha.attention(q, k, v, order=order, segment=w, dilation=r)

        def theirs():
            return composite(q, k, v, permutation, w, r)

        with torch.no_grad():
            difference = (ours() - theirs()).abs().max().item()
            times = [(seconds(ours), seconds(theirs)) for _ in range(repeat)]
        mine, other = (statistics.median(t) * 1e3 for t in zip(*times))
        flops = 4 * b * h * n * (w // r) * d
        print(
            f"| {'x'.join(map(str, extents))} | {b} | {h} | {d} | {w}, {r} | "
            f"{mine:.1f} | {other:.1f} | {other / mine:.2f} | "
            f"{flops / mine * 1e-6:.0f} | {difference:.1e} |"
        )
        if not difference < 1e-4:
            raise SystemExit("the results differ")
    print(f"a call on 16 tokens: {overhead(repeat):.1f} us")


if __name__ == "__main__":
    main()
