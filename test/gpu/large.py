# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors of more than 2^31 elements: offsets of 64 bits.

  large.py DIR    a folder of suite.py, of segments, bf16 and an order by table
"""

import json
import pathlib
import random
import sys

import torch

import reference
from cases import Problem, launch, make_orders
from programs import Kernel

BATCH, TOKENS, HEADS = 2, 66000, 128


def main(folder):
    kernel = json.loads((folder / "kernel.json").read_text())
    kernel.pop("heads")
    kernel = Kernel(**kernel)
    problem = Problem(kernel, BATCH, TOKENS, TOKENS, HEADS, HEADS, "bnhd", False, random)
    problem.scale = kernel.depth**-0.5
    elements = problem.q.numel()
    assert elements > 1 << 31, elements
    orders = make_orders(kernel, problem, random)
    launch(folder, kernel, problem, orders)
    segment = reference.parse(kernel.pattern)[0]
    worst = 0
    for _ in range(20):
        item, head = random.randrange(BATCH), random.randrange(HEADS)
        first = random.randrange(-(-TOKENS // segment)) * segment
        if random.random() < 0.5:
            item, head, first = BATCH - 1, HEADS - 1, TOKENS // segment * segment
        tokens = orders[0][item % len(orders[0])][first : first + segment].long()
        parts = [getattr(problem, n)[item, tokens, head][None] for n in ("q", "k", "v", "dout")]
        mask = torch.ones(1, len(tokens), len(tokens), dtype=torch.bool, device="cuda")
        wanted = reference.attention(*parts[:3], mask, problem.scale, parts[3], None, rounded=False)
        got = [getattr(problem, n)[item, tokens, head][None] for n in ("out", "dq", "dk", "dv")]
        for g, w in zip(got, (wanted[0], *wanted[2:])):
            error = ((g.double() - w).norm() / w.norm()).item()
            worst = max(worst, error)
            assert error < 1e-2, error
    print(f"{elements} elements: largest relative error {worst:.1e}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
