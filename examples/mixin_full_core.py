# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""HilbertAttentionMixin, full mode: your projections, our attention.

Compares with the same layer that gathers, attends and scatters.
"""

import sys

import torch
from torch import nn

from hilbert_attention import HilbertAttentionMixin


class Attention(HilbertAttentionMixin, nn.Module):
    """Self-attention with biases and its own names, as in many vision models."""

    def __init__(self, dim, heads, use_custom_backward=True):
        super().__init__()
        self.to_q, self.to_kv, self.to_out = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim), nn.Linear(dim, dim)
        self.setup_hilbert_attention(
            dim, heads, segment_size=64, use_hilbert_core=True, use_custom_backward=use_custom_backward, order=(20, 30)
        )

    def forward(self, x):
        k, v = self.to_kv(x).chunk(2, dim=-1)
        return self.to_out(self.compute_hilbert_attention(self.to_q(x), k, v))


torch.manual_seed(0)
layer = Attention(64, 4)
composite = Attention(64, 4, use_custom_backward=False)
composite.load_state_dict(layer.state_dict())
print("parameters:", ", ".join(layer.state_dict()))

x = torch.randn(2, 20 * 30, 64)
results = []
for module in (layer, composite):
    out = module(x)
    out.square().sum().backward()
    results.append((out.detach(), module.to_kv.weight.grad))
errors = [((a - b).abs().max() / b.abs().max()).item() for a, b in zip(*results)]
print("relative difference of out {:.1e}, of a weight's gradient {:.1e}".format(*errors))

sys.exit(not max(errors) < 1e-4)
