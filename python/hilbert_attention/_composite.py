# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention from torch ops: what use_custom_backward=False differentiates."""

import torch
import torch.nn.functional as F


def attention(q, k, v, *, order, segment, dilation=1):
    """attention() in mode "keys" with offset 0: gather, masked softmax, gather.

    q, k, v: [B, N, H, D], as many tokens each; H of k and v may divide that of q.
    order: an Order or None. Keeps the scores of whole segments for the backward, in
    float32: B * H * N * segment / dilation of them.
    """
    dtype, (batch, tokens, heads, depth) = q.dtype, q.shape
    if order is not None:
        table = order.permutation(q.device)
        q, k, v = q[:, table], k[:, table], v[:, table]
    segment = min(segment, tokens)
    segments = -(-tokens // segment)

    def split(t):
        """[B, segments, H of q, segment, D], padded."""
        t = F.pad(t.float(), (0, 0, 0, 0, 0, segments * segment - tokens))
        t = t.reshape(t.shape[0], segments, segment, *t.shape[2:]).transpose(2, 3)
        return t.repeat_interleave(heads // t.shape[2], 2)

    q, k, v = split(q), split(k)[..., ::dilation, :], split(v)[..., ::dilation, :]
    positions = torch.arange(segments * segment, device=q.device).view(segments, 1, 1, segment)
    absent = positions[..., ::dilation] >= tokens
    scores = (q @ k.transpose(-1, -2) * depth**-0.5).masked_fill(absent, float("-inf"))
    out = (scores.softmax(-1) @ v).transpose(2, 3).reshape(batch, -1, heads, depth)[:, :tokens].to(dtype)
    return out if order is None else out[:, order.inverse(out.device)]
