# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""HilbertAttentionMixin, ordering-only mode: your attention sees tokens along the curve.

A sliding window over 16x16 tokens: in row-major order it is a strip of the image,
along the Hilbert curve it is nearly a square.
"""

import sys

import torch
from torch import nn

from hilbert_attention import HilbertAttentionMixin

SIDE, WINDOW = 16, 16


class WindowAttention(HilbertAttentionMixin, nn.Module):
    def __init__(self):
        super().__init__()
        self.setup_hilbert_attention(16, 2, order=(SIDE, SIDE))

    def _compute_attention(self, q, k, v):
        """[B, N, C]: attention to the nearest positions, whatever they hold."""
        positions = torch.arange(q.shape[1])
        near = (positions[:, None] - positions).abs() <= WINDOW // 2
        return nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=near)


layer = WindowAttention()
token = torch.randn(1, SIDE * SIDE, 16)
spread = {}
for name, use in (("row-major", False), ("hilbert", True)):
    # q = 0 weighs all keys of the window alike: the result is their mean place.
    place = torch.cartesian_prod(torch.arange(SIDE), torch.arange(SIDE))[None].float()
    zero = torch.zeros_like(place)
    mean = layer.compute_hilbert_attention(zero, zero, place, use_hilbert_ordering=use)
    square = layer.compute_hilbert_attention(zero, zero, place.square(), use_hilbert_ordering=use)
    spread[name] = (square - mean.square()).sum(-1).clamp(min=0).sqrt().mean().item()
    print(f"{name:10} a window of {WINDOW + 1} positions spreads over {spread[name]:.2f} tokens")

ordered = layer.apply_hilbert_ordering(token)
same = torch.equal(layer.apply_hilbert_ordering(ordered, inverse=True), token)
print("restoring what was reordered gives the same tokens:", same)

sys.exit(not (same and spread["hilbert"] < spread["row-major"]))
