# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""HilbertAttentionCore: attention and its projections in one module.

Trains it for some steps, then feeds it an image of another size.
"""

import sys

import torch

from hilbert_attention import HilbertAttentionCore

torch.manual_seed(0)
core = HilbertAttentionCore(hidden_dim=64, num_heads=4, segment_size=64, dilation_rate=2)
print(core)

# Any number of tokens; they are laid out on the most nearly square grid.
x, target = torch.randn(4, 200, 64), torch.randn(4, 200, 64)
optimizer = torch.optim.Adam(core.parameters(), lr=3e-3)
losses = []
for step in range(30):
    loss = torch.nn.functional.mse_loss(core(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")

# An image of 24x40 tokens.
image = torch.randn(1, 24 * 40, 64)
along_curve, row_by_row = core(image, order=(24, 40)), core(image, use_hilbert=False)
difference = (along_curve - row_by_row).abs().max().item()
print(f"along the curve and row by row differ by {difference:.3f}")

sys.exit(not (losses[-1] < losses[0] and difference > 0.01))
