# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where tests of torch tensors run: HILBERT_TEST_DEVICE, by default the CPU.

On another device conftest.py makes it torch's default, so that tensors are there
without a word in the tests, and allows products of float32 in TF32.
"""

import os

import torch

DEVICE = torch.device(os.environ.get("HILBERT_TEST_DEVICE", "cpu"))
ON_GPU = DEVICE.type == "cuda"

# Of errors, relative to the largest value. GPUs round probabilities and their
# gradients to the element type; TF32 has the ten bits of float16.
TOLERANCES = {torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
if ON_GPU:
    TOLERANCES[torch.float32] = TOLERANCES[torch.float16]


def tolerance(on_cpu, on_gpu=5e-3):
    """Of float32."""
    return on_gpu if ON_GPU else on_cpu


def representable(t):
    """Where float32 is TF32, the nearest number of that: it says nothing about rounded inputs."""
    return t.half().float() if ON_GPU and t.dtype == torch.float32 else t


def to_numpy(t):
    return t.detach().double().cpu().numpy()
